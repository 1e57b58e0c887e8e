# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# SECURITY.md promises nothing without a test, and t/README.md names no check that there is not, nor forgets one.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

sub content ($path) {
    open my $file, '<', $path or die "$path: $!";
    local $/;
    return <$file>;
}

# Those that "make help" shows.
sub targets (@files) {
    return map { content($_) =~ /^([a-z][a-z-]*):.*## /mg } @files;
}

my $SECURITY = content('SECURITY.md');
my ($table)  = $SECURITY =~ /^\| promise \|.*?\n\|[-|]+\n((?:\|.*\n)+)/m;
my @rows     = split /\n/, $table // '';
cmp_ok scalar @rows, '>=', 10, 'SECURITY.md has a table of promises';
for my $row (@rows) {
    my ($promise, $tests) = $row =~ /^\| (.+) \| (.+) \|$/ or fail("a row of two cells: $row"), next;
    my @files = $tests =~ /`([^`]+)`/g;
    ok @files, "tested: $promise";
    is_deeply [ grep { !m{^t/[\w/-]+\.[tc]\z} || !-s } @files ], [], 'by files that are there';
}

# Whoever installs or publishes it must see that the address is none, for as long as it is none.
my ($contact) = content('build/debian/control') =~ /^Maintainer: .*<(.+)>$/m;
like $SECURITY, qr/\*\*\Q$contact\E\*\*/, 'who gets reports is who maintains the packages';
like $SECURITY, qr/placeholder/, 'and said to be a placeholder' if $contact =~ /\.invalid\z/;
my ($minor) = content('mod_encgather/version.h') =~ /EG_VERSION "(\d+\.\d+)\./;
like $SECURITY, qr/^\| \Q$minor\E\.x \| yes \|$/m, "this version, $minor, gets fixes";

# --- Longer checks ---------------------------------------------------------------------------------------------------------

my $README = content('t/README.md');
my @longer = targets(glob 'build/*.mk');
my %target = map { $_ => 1 } @longer, targets('Makefile');
my %told   = map { $_ => 1 } $README =~ /^\| `make ([a-z-]+)/mg;
cmp_ok scalar @longer, '>=', 10, 'there are longer checks';
is_deeply [ grep { !$told{$_} } @longer ], [], 't/README.md tells of each target of build/*.mk';
is_deeply [ grep { !$target{$_} } sort keys %told ], [], 'and of none that there is not';
is_deeply [ grep { !-e } $README =~ /`(t\/[\w.\/-]+)`/g ], [], 'with the files it names';

done_testing;
