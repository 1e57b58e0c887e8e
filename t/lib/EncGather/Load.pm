# SPDX-License-Identifier: Apache-2.0
# What the programs of t/soak have in common: verdicts over logs of any size and over new connections.
package EncGather::Load;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use Test::More;

use EncGather::Crowd;
use EncGather::Logs qw(alarms unexpected leaks);
use EncGather::Site;

our @EXPORT_OK = qw(check_logs check_new_connections);

use constant {
    SHOWN => 10,           # lines of each kind
    PIECE => 4_000_000,    # bytes of a log that are looked at together
};

# The worker MPM gives a child's place away before that child has ended, and at a restart then sometimes finds its generation
# already written off: its own books, in which nothing of this server looks.
my %ALLOWED = (worker => [qr/AH00546: no record of generation/]);

# Of connections that ended before an answer began, those on which no request had been answered before: the server
# accepted them and read nothing. The event MPM, and no other, does so now and then at a restart, by itself.
sub check_new_connections ($mpm, $restarts, @reopened) {
    my @in_vain = grep { !$_->{uses} } @reopened;
    return cmp_ok scalar @in_vain, '<=', $mpm eq 'event' ? $restarts : 0, "$mpm: new connections are read";
}

# No line at warn or worse but those that fit a pattern, and nothing in any log that a caller keyed in.
sub check_logs ($name, $site, @patterns) {
    push @patterns, @{ $ALLOWED{ $site->mpm } || [] };
    my (@unexpected, @leaks);
    my @digits = (EncGather::Site::digits(), EncGather::Crowd::WRONG_DIGITS);
    for my $path (sort glob $site->dir . '/logs/*') {
        _each_piece($path, sub ($text) {
            push @leaks, leaks($text, @digits) if @leaks < SHOWN;
            push @unexpected, unexpected([ alarms($text) ], \@patterns) if $path =~ /error_log$/ && @unexpected < SHOWN;
        });
    }
    is_deeply [ splice @unexpected, 0, SHOWN ], [], "$name: the error log has nothing at warn or worse but what was provoked";
    is_deeply [ splice @leaks, 0, SHOWN ], [], "$name: no log holds what a caller keyed in";
    return;
}

# Whole lines, a few megabytes at a time.
sub _each_piece ($path, $look) {
    open my $file, '<:raw', $path or die "$path: $!\n";
    while (read $file, my $text, PIECE) {
        my $rest = <$file>;
        $look->(defined $rest ? $text . $rest : $text);
    }
    return;
}

1;
