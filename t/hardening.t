# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# What the compiler and the linker put in an attacker's way, seen in the products themselves: a flag can get lost in a
# Makefile without anybody noticing, and no other test would fail.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Find ();
use FindBin;
use Test::More;

my $OUT    = $ENV{ENCGATHER_OUT} || "$FindBin::Bin/../build/out";
my $MODULE = "$OUT/mod_encgather.so";
my $TOOL   = "$OUT/encgather";

sub readelf ($option, $path) {
    local $ENV{LC_ALL} = 'C';
    open my $from, '-|', 'readelf', '-W', $option, $path or die "readelf: $!";
    local $/;
    my $text = <$from>;
    close $from or die "readelf $option $path: exit code $?";
    return $text;
}

# Two lists of names in the dynamic symbol table: defined here, and wanted from elsewhere.
sub symbols ($path) {
    my (@defined, @wanted);
    for (split /\n/, readelf('--dyn-syms', $path)) {
        my (undef, undef, undef, undef, $bind, undef, $section, $name) = split ' ';
        next unless defined $name && $bind =~ /^(?:GLOBAL|WEAK)$/;
        $name =~ s/@.*//s;
        push @{ $section eq 'UND' ? \@wanted : \@defined }, $name;
    }
    return (\@defined, \@wanted);
}

sub has_cet ($path) {
    return readelf('--notes', $path) =~ /x86 feature:.*\bIBT\b.*\bSHSTK\b/;
}

sub instrumented () {
    my (undef, $wanted) = symbols($MODULE);
    return 1 if grep { /^__(?:asan|tsan|ubsan|msan)_/ } @$wanted;
    return readelf('--symbols', $MODULE) =~ / __gcov_\w+$/m;
}

plan skip_all => 'this build is instrumented and never shipped' if instrumented();

# --- Both products --------------------------------------------------------------------------------------------------

for my $path ($MODULE, $TOOL) {
    my ($name)   = $path =~ m{([^/]+)\z};
    my $segments = readelf('--program-headers', $path);
    my $dynamic  = readelf('--dynamic', $path);
    my (undef, $wanted) = symbols($path);
    like $segments, qr/^\s+GNU_RELRO\s/m, "$name: relocated data becomes read-only";
    like $dynamic, qr/\(FLAGS\)\s.*\bBIND_NOW\b|\(FLAGS_1\)\s.*\bNOW\b/, 'and all of it at start, the table of functions too';
    like $segments, qr/^\s+GNU_STACK\s.*\sRW\s/m, "$name: the stack cannot be executed";
    unlike $segments, qr/^\s+LOAD\s.*\sRWE\s/m, 'nor can any data';
    unlike $dynamic, qr/\((?:RPATH|RUNPATH)\)/, "$name: libraries come from where the system has them";
    unlike $dynamic, qr/\(TEXTREL\)|\bTEXTREL\b/, "$name: no relocation in the code";
    ok +(grep { $_ eq '__stack_chk_fail' } @$wanted), "$name: return addresses on the stack are guarded";
    my @fortified = grep { /^__\w+_chk\z/ } @$wanted;
    ok scalar @fortified, "$name: copies know the size of their target";
    note "fortified: @fortified";
}

like readelf('--file-header', $TOOL), qr/Type:\s+DYN /,                "the tool has no fixed address";
like readelf('--dynamic',     $TOOL), qr/\(FLAGS_1\)\s.*\bPIE\b/, 'for it is a position independent executable';

my ($defined) = symbols($MODULE);
is_deeply $defined, ['encgather_module'], 'the module exports its record and nothing else';

# --- Control-flow protection of x86 ------------------------------------------------------------------------------------
# The linker keeps the property of a product only where the C library's own crti.o has it too; Debian 12's has not.

sub objects () {
    my @found;
    File::Find::find({ no_chdir => 1, wanted => sub { push @found, $_ if /\.o\z/ } }, "$OUT/obj/mod_encgather");
    return sort @found;
}

sub crti_has_cet () {
    my $path = `\${CC:-cc} -print-file-name=crti.o`;
    chomp $path;
    return has_cet($path);
}

SKIP: {
    skip 'indirect branches are tracked on x86 only', 4
        unless readelf('--file-header', $MODULE) =~ /Machine:.*(?:X86-64|80386)/;
    my @objects = objects();
    cmp_ok scalar @objects, '>=', 20, 'there are objects to look at';
    is_deeply [ grep { !has_cet($_) } @objects ], [], 'each is compiled for branch tracking and shadow stacks';
    is !!has_cet($_), !!crti_has_cet(), "$_ is marked so, if the C library is" for $MODULE, $TOOL;
}

done_testing;
