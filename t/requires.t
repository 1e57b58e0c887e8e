# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# What the module cannot do without is asked for when it is compiled, in a sentence.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Temp ();
use Test::More;

my ($apxs) = grep { defined } map { my $name = $_; map { -x "$_/$name" ? "$_/$name" : () } split(/:/, $ENV{PATH}), '/usr/sbin' } qw(apxs apxs2);
plan skip_all => 'there is no apxs' unless $apxs;

chomp(my %query = map { $_ => scalar `$apxs -q $_` } qw(CC INCLUDEDIR APR_INCLUDEDIR APU_INCLUDEDIR));
my $dir   = File::Temp->newdir('encgather-requires-XXXXXX', TMPDIR => 1);
my @flags = ('-std=c11', '-D_GNU_SOURCE', '-pthread', '-fsyntax-only', '-Imod_encgather', map { ('-isystem', $query{$_}) } qw(INCLUDEDIR APR_INCLUDEDIR APU_INCLUDEDIR));

# What the compiler says of a file with these lines; nothing when all is well.
sub said (@lines) {
    open my $file, '>', "$dir/x.c" or die "$dir/x.c: $!";
    print {$file} map { "$_\n" } @lines;
    close $file or die "$dir/x.c: $!";
    open my $pipe, '-|', "$query{CC} @flags $dir/x.c 2>&1" or die "$query{CC}: $!";
    local $/;
    return <$pipe> // '';
}

my $HTTPD  = '#include <httpd.h>';
my $ATOMIC = '#include <stdatomic.h>';
sub instead ($name, $value) { return ("#undef $name", "#define $name $value") }

is said('#include "watch/counters.h"'), '', 'here it has what it needs';
like said($HTTPD, instead(AP_SERVER_PATCHLEVEL_NUMBER => 48), '#include "base/module.h"'), qr/error: .*mod_encgather needs httpd 2\.4\.49 or later/, 'httpd 2.4.48';
like said($HTTPD, instead(AP_SERVER_MINORVERSION_NUMBER => 2), '#include "base/module.h"'), qr/error: .*needs httpd 2\.4\.49 or later/, 'httpd 2.2';
is said($HTTPD, instead(AP_SERVER_PATCHLEVEL_NUMBER => 49), '#include "base/module.h"'), '', 'httpd 2.4.49 will do';
is said($HTTPD, instead(AP_SERVER_MINORVERSION_NUMBER => 6), instead(AP_SERVER_PATCHLEVEL_NUMBER => 0), '#include "base/module.h"'), '', 'so will 2.6';
like said('#include <stdbool.h>', '#include <string.h>', '#include <apr.h>', '#undef __linux__', '#include "core/bytes.h"'),
    qr/error: .*mod_encgather needs Linux/, 'another system';
like said($ATOMIC, instead(ATOMIC_LLONG_LOCK_FREE => 1), '#include "watch/counters.h"'), qr/error: .*counters need 64-bit atomics without locks/, 'atomics with locks';

done_testing;
