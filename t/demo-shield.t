# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# CI: no sanitizer
# What "make demo-shield" starts when everything is built: an application that exists already, before and behind a shield.
# It says itself whether all went as it must; here it is that it does, what it shows, and that nothing is left behind.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use File::Temp ();
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp_if_there);
use EncGather::Sanitizer qw(pointless);
use EncGather::Twilio qw(what_is_missing give_up);

my $TOP = abs_path("$FindBin::Bin/..");
my $OUT = abs_path($ENV{ENCGATHER_OUT} || "$TOP/build/out");

plan skip_all => pointless('demo') if pointless('demo');
give_up(what_is_missing()) if what_is_missing();

my $WORK = File::Temp->newdir('encgather-demo-test-XXXXXX', TMPDIR => 1);
chmod 0711, $WORK;
local @ENV{qw(TMPDIR NO_COLOR)} = ("$WORK", 1);

sub run_demo (@arguments) {
    my $status = system "'$TOP/build/demo-shield' @arguments >'$WORK/said' 2>'$WORK/complained' </dev/null";
    return ($status >> 8 || $status & 127, map { slurp_if_there("$WORK/$_") } qw(said complained));
}

my ($status, $said, $complained) = run_demo("--module '$OUT/mod_encgather.so'");
is $status, 0, 'it ends well' or diag $said, $complained;
is $complained, '', 'and complains of nothing';

my ($before, $behind) = $said =~ /^Plain ProxyPass$(.*)^Behind the shield$(.*)^The search$/ms;
ok defined $behind, 'two calls, and a search' or diag $said;
for my $digits ('4111111111111111', '4321') {
    like $before // '', qr/app_log.*Digits:\s+'$digits'/s, "$digits is in the application's log before";
    unlike $behind // '', qr/app_log.*\b$digits\b/s, 'and not behind';
}
like $behind // '', qr/app_log.*Digits:\s+'2'.*Digits:\s+'[0-9a-f]{8}\.\.[0-9a-f]{4}'/s, 'there it has the key of the menu, and a token';
like $said, qr/^The application never noticed, and nothing leaked\.\n\z/m, 'all went as it must';
is_deeply [ glob "$WORK/encgather-demo-*" ], [], 'nothing is left behind';

($status, $said, $complained) = run_demo('--module /no/such/file');
is $status, 1, 'without the module it fails';
like $complained, qr/build it first/, 'and says what to do';
is_deeply [ glob "$WORK/encgather-demo-*" ], [], 'nothing is left behind then, either';

done_testing();
