# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# A fleet, in short: a few seconds of what "make fleet" does at length. Two hosts, a Redis, a balancer; a host is killed, the
# Redis stands still; nothing is taken twice, nobody is kept out who should not be.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Httpd qw(module_file);
use EncGather::Redis;
use EncGather::Test;

my @MISSING = grep { !defined module_file($_) } qw(proxy proxy_http proxy_balancer lbmethod_byrequests slotmem_shm);
plan skip_all => "this httpd has no mod_$MISSING[0]" if @MISSING && !$ENV{CI};
plan skip_all => 'no redis-server' if !EncGather::Redis->is_there && !$ENV{CI};

my @OPTIONS = ('--seconds' => 0.8, '--clients' => 6, '--tokens' => 400, '--failures' => 200, '--calls' => 160, '--troubles' => 'killed,still',
    '--only' => 'load,race,count,attack,clock');
my $pid = open my $output, '-|';
die "fork: $!" unless defined $pid;
if (!$pid) {
    open STDERR, '>&', \*STDOUT;
    exec $^X, in_tree('fleet/fleet'), '--module' => in_tree('../build/out/mod_encgather.so'), @OPTIONS or die "fleet: $!";
}
my @lines = <$output>;
close $output;
my $ok = is $?, 0, 'a fleet in trouble';
$ok = cmp_ok(scalar(grep { /^ok \d+ - / } @lines), '>=', 33, 'with all its tests') && $ok;
$ok ? note(grep { /^# / } @lines) : diag(@lines);

finish();
