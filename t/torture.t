# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# Every call of the core that can fail fails once, in each scenario that makes it: see t/torture/core.c. And no call is
# forgotten: each that the core's objects make to the outside is one that fails here, or stands in t/torture/cannot-fail
# with the reason.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

my $OUT  = $ENV{ENCGATHER_OUT} || 'build/out';
my $CORE = "$OUT/torture/core";
plan skip_all => "$CORE is not built: make unit" if !-x $CORE && !$ENV{CI};

sub lines_of (@command) {
    open my $from, '-|', @command or die "$command[0]: $!\n";
    my @lines = <$from>;
    close $from or die "@command: status $?\n";
    chomp @lines;
    return @lines;
}

# --- No call is forgotten ------------------------------------------------------------------------------------

sub cannot_fail () {
    open my $file, '<', 't/torture/cannot-fail' or die "t/torture/cannot-fail: $!\n";
    return map { /^(\S+)\s+\S/ ? qr/\A(?:$1)\z/ : die "t/torture/cannot-fail: no reason in: $_" } grep { !/^#/ } <$file>;
}

# What _FORTIFY_SOURCE puts in the place of a function is that function.
sub plain ($name) { return $name =~ /^__(\w+)_chk\z/ ? $1 : $name }

my @objects = glob "$OUT/obj/mod_encgather/core/*.o";
my %defined = map { $_ => 1 } map { /\s(\S+)\z/ } lines_of(qw(nm --defined-only), @objects);
my %called  = map { plain($_) => 1 } grep { !$defined{$_} } map { /^\s+U (\S+)/ } lines_of(qw(nm --undefined-only), @objects);
my %fails   = map { $_ => 1 } lines_of($CORE, '--calls');
my @cannot  = cannot_fail();

cmp_ok scalar @objects, '>=', 15, 'the objects of the core';
cmp_ok scalar keys %called, '>=', 60, 'and what they call';
for my $name (sort keys %called) {
    my $excused = grep { $name =~ $_ } @cannot;
    ok $fails{$name} || $excused, "$name fails in t/torture/core.c, or cannot fail for a reason";
    ok !($fails{$name} && $excused), "$name: not both";
}
is_deeply [ grep { !$called{$_} } sort keys %fails ], [], 'nothing fails that the core does not call';

# --- Each fails ----------------------------------------------------------------------------------------------

my @tests = grep { /^(?:not )?ok / } map { chomp; $_ } do {
    open my $from, '-|', $CORE or die "$CORE: $!\n";
    my @lines = <$from>;
    close $from;
    is $?, 0, 'the core under torture ends well';
    @lines;
};
my @bad = grep { /^not ok/ } @tests;
cmp_ok scalar @tests, '>=', 300, 'calls failed in scenarios';
ok !@bad, "and each failure was told, left nothing, and did no harm to the next use"
    or diag map { "$_\n" } splice @bad, 0, 20;

done_testing;
