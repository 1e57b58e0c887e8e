# SPDX-License-Identifier: Apache-2.0
# Runs last: whatever digits the other tests sent, no log of any server may hold them.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Find ();
use Test::More;

use lib 't/lib';
use EncGather::Logs qw(leaks);

use constant SHOWN => 5;    # leaking lines of one file: a leak seldom comes alone

sub content ($path) {
    open my $file, '<:raw', $path or return '';
    local $/;
    my $text = <$file>;
    return defined $text ? $text : '';
}

sub log_files (@directories) {
    my @files;
    File::Find::find({ no_chdir => 1, wanted => sub { push @files, $_ if -f && !/\.pid\z/ } }, @directories);
    return sort @files;
}

my %seen;
my @digits = grep { !$seen{$_}++ } split /\n/, content('t/digits-sent');
for my $file (log_files('t/logs', grep { -d } glob 't/private/*/logs')) {
    my @leaks = leaks(content($file), @digits);
    ok(!@leaks, "no digits in $file") or diag(map { "$_\n" } splice @leaks, 0, SHOWN);
}
note(scalar @digits, ' different strings were sent');
done_testing;
