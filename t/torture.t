# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# Every call of the core that can fail fails once, in each scenario that makes it: see t/torture/core.c. And no call is
# forgotten: each that the core and the module make to the outside is one that fails here or in t/torture-server.t, or
# stands in t/torture/cannot-fail or cannot-fail-server with the reason, or in t/torture/fails-elsewhere with the test.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Temp ();
use Test::More;

# There the sanitizer's own calls would be the module's, and its allocator stands in for what fails here.
my $SANITIZER = $ENV{ENCGATHER_SANITIZER} // '';
plan skip_all => "under $SANITIZER: make torture has a run of its own under sanitizers" if $SANITIZER =~ /^(?:asan|tsan)\z/;

plan skip_all => 'make check leaves it to make test: it takes a minute' if $ENV{ENCGATHER_LIGHT};

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

sub content ($path) {
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return <$file>;
}

sub reasons (@paths) {
    return map { /^(\S+)\s+\S/ ? qr/\A(?:$1)\z/ : die "no reason in: $_\n" }
        grep { length && !/^#/ } map { split /\n/, content($_) } @paths;
}

# The names in the rows of the table; those of the core come first.
sub rows ($text) {
    return map { $_ => 1 } $text =~ /^(?:SAYS|MAKES)\([^,]*, (\w+)/mg, $text =~ /^(?:SETS|TAKES|OWN)\((\w+)/mg;
}

# What _FORTIFY_SOURCE puts in the place of a function is that function; so is what glibc 2.38 and later call those that
# read numbers as C23 does.
sub plain ($name) { return $name =~ /^__(?:isoc23_(\w+)|(\w+)_chk)\z/ ? $1 // $2 : $name }

my $TABLE = content('t/torture/calls.def');

# What the core asks of the system only for the module, with a store that requests share.
sub fails_in_the_server_alone () {
    my %core = rows($TABLE =~ s/^#ifdef.*//msr);
    my %all  = rows($TABLE);
    return map { qr/\A\Q$_\E\z/ } grep { !$core{$_} } sort keys %all;
}

sub no_call_is_forgotten ($whose, $called, $fails, @cannot) {
    for my $name (sort keys %$called) {
        my $excused = grep { $name =~ $_ } @cannot;
        ok $fails->{$name} || $excused, "$whose $name fails in a test, or cannot fail for a reason";
        ok !($fails->{$name} && $excused), "$whose $name: not both";
    }
    is_deeply [ grep { !$called->{$_} } sort keys %$fails ], [], "nothing fails that $whose does not call";
    return;
}

my @objects = glob "$OUT/obj/mod_encgather/core/*.o";
my %defined = map { $_ => 1 } map { /\s(\S+)\z/ } lines_of(qw(nm --defined-only), @objects);
my %called  = map { plain($_) => 1 } grep { !$defined{$_} } map { /^\s+U (\S+)/ } lines_of(qw(nm --undefined-only), @objects);
my %by_all  = map { plain($_) => 1 } map { /^\s+[Uw] ([^\s@]+)/ } lines_of(qw(nm --dynamic --undefined-only), "$OUT/mod_encgather.so");

cmp_ok scalar @objects, '>=', 15, 'the objects of the core';
cmp_ok scalar keys %called, '>=', 60, 'and what they call';
cmp_ok scalar keys %by_all, '>=', 150, 'and what the module calls';
is_deeply { rows($TABLE =~ s/^#ifdef.*//msr) }, { map { $_ => 1 } lines_of($CORE, '--calls') }, 'the table is that of the program';
SKIP: {
    skip "a build that counts what runs makes calls of its own", 1 if grep { /^__gcov_/ } keys %called;
    no_call_is_forgotten("the core's", \%called, { rows($TABLE =~ s/^#ifdef.*//msr) }, reasons('t/torture/cannot-fail', 't/torture/fails-elsewhere'), fails_in_the_server_alone());
    no_call_is_forgotten("the module's", \%by_all, { rows($TABLE) }, reasons(glob 't/torture/{cannot-fail*,fails-elsewhere}'));
}

# --- Each fails ----------------------------------------------------------------------------------------------

# TAP of the program, as few tests of ours.
sub all_is_well ($name, $program) {
    my $directory = File::Temp->newdir;    # goes even where the program does not come to its end
    open my $from, '-|', $program, "$directory" or die "$program: $!\n";
    my @tests = grep { /^(?:not )?ok / } <$from>;
    close $from;
    is $?, 0, "$name ends well";
    cmp_ok scalar @tests, '>=', 300, "$name: calls failed in scenarios";
    my @bad = grep { /^not ok/ } @tests;
    ok !@bad, "$name: each failure was told, left nothing, and did no harm to the next use" or diag splice @bad, 0, 20;
    return;
}

all_is_well('the core under torture', $CORE);
all_is_well('the same under sanitizers, leaks included', $ENV{ENCGATHER_TORTURE_SANITIZED}) if $ENV{ENCGATHER_TORTURE_SANITIZED};

done_testing;
