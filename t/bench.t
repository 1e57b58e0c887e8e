# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# What the benchmarks build on: signed requests, counts read from callgrind's files, medians, the kind of growth, plots.
# Nothing is timed here.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Temp;
use List::Util qw(shuffle);
use Test::More;

use lib 't/lib', 't/bench/lib';
use EncGather::Signature qw(signature form_decode);

plan skip_all => 'no CryptX: on Debian, build/deps.sh bench installs it' unless eval { require Crypt::AuthEnc::GCM };
require_ok("EncGather::Bench::$_") for qw(Behind Webhooks Callgrind Measure Report);
EncGather::Bench::Webhooks->import(qw(parameters request write_requests seal unseal));
my $DIRECTORY = File::Temp->newdir;

sub content ($path) {
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    return <$file>;
}

sub spew ($name, $text) {
    open my $file, '>', "$DIRECTORY/$name" or die "$name: $!";
    print {$file} $text;
    close $file or die "$name: $!";
    return "$DIRECTORY/$name";
}

# --- Webhooks -----------------------------------------------------------------------------------------------

my $ORIGIN = EncGather::Bench::Webhooks::ORIGIN();
my $TOKEN  = EncGather::Bench::Webhooks::TOKEN();

for my $count (1, 15, 40, 250) {
    my @pairs = parameters(3, parameters => $count);
    my %named = @pairs;
    is scalar @pairs, 2 * $count, "$count parameters";
    is scalar keys %named, $count, 'of different names';
}
isnt { parameters(1) }->{Digits}, { parameters(2) }->{Digits}, 'digits differ from webhook to webhook';
is { parameters(1, digits => '4321') }->{Digits}, '4321', 'unless they are given';

my ($head, $body) = split /\r\n\r\n/, request(path => '/x', query => 'step=getPin', n => 5), 2;
like $head, qr{^POST /x\?step=getPin HTTP/1\.1\r\n}, 'a request';
is +(($head =~ /^Content-Length: (\d+)/m)[0]), length $body, 'its length';
my $signed = signature($TOKEN, "$ORIGIN/x?step=getPin", [ form_decode($body) ]);
like $head, qr/^X-Twilio-Signature: \Q$signed\E\r?$/m, 'its signature';
unlike request(path => '/x', query => 'step=getPin', n => 5, wrong => 1), qr/\Q$signed\E/, 'a wrong one';

my @requests = content(write_requests("$DIRECTORY/requests", path => '/x')) =~ /\G(\d+)\n/g ? 1 : 0;
my ($bytes, $count) = (content("$DIRECTORY/requests"), 0);
$count++ while $bytes =~ s/\A(\d+)\n// && length(substr $bytes, 0, $1, '') == $1;
is_deeply [ $count, length $bytes ], [ 64, 0 ], 'a file of requests: each as long as it says';

is unseal(seal('1234')), '1234', 'a token opens';
is unseal(seal('1234') =~ s/(.)\z/$1 eq '0' ? '1' : '0'/er), undef, 'one that was changed does not';
is unseal('000102030405060708090a0b7630e52fe72e23669cfbdf872cdc83a470b014bf'), '1234', 'nor does it take our own to make one';

# --- Callgrind ----------------------------------------------------------------------------------------------

my $COUNTS = <<'END_OF_COUNTS';
# callgrind format
version: 1
positions: line
events: Ir

ob=(1) /usr/sbin/httpd
fl=(1) a.c
fn=(1) handler
10 100
+2 50
cfn=(2) helper
calls=3 20
+1 300
cob=(2) /usr/lib/libcrypto.so.3
cfn=(3) 0x0000000000001234
calls=2 0
* 40
fn=(2)
20 300

ob=(2)
fn=(3)
0 40

totals: 490
END_OF_COUNTS

my $counts = EncGather::Bench::Callgrind::read_counts(spew('counts', $COUNTS));
is $counts->{total}, 490, 'the total';
is_deeply $counts->{self}, { handler => 150, helper => 300, '(libcrypto.so.3, no names)' => 40 }, 'what functions do themselves';
is $counts->{with}{handler}, 490, 'with what they call';
is $counts->{calls}{helper}{handler}, 3, 'who calls whom how often';
ok !eval { EncGather::Bench::Callgrind::read_counts(spew('empty', "version: 1\n")) }, 'a file without a total is refused';

# --- Figures ------------------------------------------------------------------------------------------------

is EncGather::Bench::Measure::median(3, 1, 2), 2, 'a median';
is EncGather::Bench::Measure::median(4, 1, 2, 3), 2.5, 'of an even number';
is EncGather::Bench::Measure::median(), undef, 'of nothing';

sub rounds (@cpu) { return { rounds => [ map { { cpu => $_ } } @cpu ] } }

is EncGather::Bench::Measure::ratio(cpu => rounds(10, 40, 9), rounds(10, 20, 10)), 1, 'ratios are within a round';
is_deeply [ EncGather::Bench::Measure::processes($$) ]->[0], $$, 'a process and what is below it';
my $child = fork // die "fork: $!";
exec 'sleep', 60 if $child == 0;
ok +(grep { $_ == $child } EncGather::Bench::Measure::processes($$)), 'a child of it';
cmp_ok EncGather::Bench::Measure::memory_of($$)->{private}, '>', 0, 'memory';
kill TERM => $child;
waitpid $child, 0;
my $before = EncGather::Bench::Measure::cpu_of($$);
for (1 .. 3_000_000) { }
cmp_ok EncGather::Bench::Measure::cpu_of($$), '>=', $before, 'processor time';

my %grows = (
    'x'       => [ map { [ $_, 100 + 7 * $_ ] } 1, 10, 100, 200 ],
    'x x'     => [ map { [ $_, 100 + 7 * $_ * $_ ] } 1, 10, 100, 200 ],
    'x log x' => [ map { [ $_, 100 + 7 * $_ * log($_) / log 2 ] } 1, 10, 100, 1000 ],
);
for my $kind (sort keys %grows) {
    my $growth = EncGather::Bench::Report::growth(shuffle @{ $grows{$kind} });
    is $growth->{kind}, $kind, "what grows as $kind is found to";
    is sprintf('%.2f %.2f', @{$growth}{qw(start slope)}), '100.00 7.00', 'with its numbers';
}
# --- Plots --------------------------------------------------------------------------------------------------

my %plot = (
    bars   => EncGather::Bench::Report::bars('a < b', [ 'one & two', 1, 0.9, 1.1 ], [ 'three', 2.5 ]),
    curves => EncGather::Bench::Report::curves('a', 'x', 'y', sub ($x) { 2 * $x }, [ 1, 2 ], [ 10, 20 ]),
);
SKIP: {
    skip 'no XML::LibXML', 2 unless eval { require XML::LibXML };
    ok eval { XML::LibXML->load_xml(string => $plot{$_}) }, "$_ are XML: $@" for sort keys %plot;
}

done_testing;
