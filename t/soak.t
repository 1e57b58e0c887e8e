# SPDX-License-Identifier: Apache-2.0
# CI: no sanitizer
# Under load, in short: a few seconds of what "make soak" does for as long as you like, and a few hundred calls of "make
# count-test", whose counters must be exact.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Httpd qw(module_file);
use EncGather::Test;

plan skip_all => 'CI has it under event, whose children are as these' if $ENV{CI} && ($ENV{ENCGATHER_MPM} // '') eq 'worker';

my @MISSING = grep { !defined module_file($_) } qw(status reqtimeout);
plan skip_all => "this httpd has no mod_$MISSING[0]" if @MISSING && !$ENV{CI};

my $SLOW = $ENV{ENCGATHER_SANITIZER} // '';
plan skip_all => 'under valgrind a restart takes longer than one here may' if $SLOW eq 'valgrind';

mkdir in_tree('private'), 0755;

# What it found stays in its output; here counts how it ends.
sub ends_well ($name, $program, @options) {
    my $pid = open my $output, '-|';
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec $^X, in_tree("soak/$program"), '--mpm' => $ENV{ENCGATHER_MPM}, '--module' => in_tree('../build/out/mod_encgather.so'), @options
            or die "$program: $!";
    }
    my @lines = <$output>;
    close $output;
    my @tests = grep { /^ok \d+ - / } @lines;
    my $ok    = is $?, 0, $name;
    $ok = cmp_ok(scalar @tests, '>=', 15, "$name: with all its tests") && $ok;
    $ok ? note(grep { /^# / } @lines) : diag(@lines);
    return;
}

ends_well('restarts, new keys, killed children, floods', 'soak', '--seconds' => 5, '--clients' => 16, '--batch' => $SLOW ? 50 : 300,
    '--dir' => in_tree('private'));
ends_well('counters', 'count', '--calls' => $SLOW ? 200 : 800, '--clients' => 16);

finish();
