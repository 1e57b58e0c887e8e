# SPDX-License-Identifier: Apache-2.0
# What "make fleet" tries by itself, each thing in a row or two of its table: many at once, clocks, restarts, a fail-over.
package EncGather::FleetRaces;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::MD5 qw(md5_hex);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use List::Util qw(sum0);
use Test::More;
use Time::HiRes qw(sleep time);

use EncGather::Clients;
use EncGather::Connection;
use EncGather::Daemon qw(program);
use EncGather::Files qw(slurp spew);
use EncGather::Fixtures qw(%TOKEN);
use EncGather::Fleet;
use EncGather::FleetCrowd;
use EncGather::FleetLoad;
use EncGather::Redis;
use EncGather::Signature qw(signature form_encode);
use EncGather::Wait qw(wait_until);

use constant {
    PROCESSES => 8,
    THREADS   => 64,     # that wait for a Redis that stands still
    PAGES     => 400,    # that are asked for meanwhile
    AS_FAST   => 1.5,
    SOME      => 100,    # pairs of tokens
    PATIENCE  => 60,
    AHEAD     => 500,    # seconds by which a clock is wrong, less than a token lives
    FAR_AHEAD => 2000,   # and more
};

my $serial = 0;
sub _call () { return 'CA' . md5_hex("$$ race " . ++$serial) }

sub _row ($what, $steps, $found, $refused, @more) { return [ $what, $steps, $found, $refused, @more[ 0, 1 ], $more[2] // '' ] }

# --- Tokens ---------------------------------------------------------------------------------------------------------

sub _pairs ($fleet, $n, %with) {
    return map { JSON::PP->new->encode($fleet->pair($serial, _call(), %with)) } 1 .. $n;
}

# 1: taken, 0: used or bad, else what came.
sub _offer ($line, $pair) {
    my $answer = $line->exchange(join "\r\n", 'POST /decrypt HTTP/1.1', 'Host: ' . EncGather::Fleet::NAME, 'Content-Type: application/json',
        'Content-Length: ' . length $pair, '', $pair) or return '?';
    return 1 if $answer->{status} == 200;
    return $answer->{status} == 400 && $answer->{body} =~ /bad token/ ? 0 : "[$answer->{status}]";
}

# Of each pair what came.
sub _offer_all ($host, @pairs) {
    my $line = EncGather::Connection->new(port => $host->port, requests => 50);
    my @came = map { _offer($line, $_) } @pairs;
    $line->close;
    return @came;
}

# Code in processes of their own, what each returns as a list.
sub _at_once ($fleet, $processes, $code, $meanwhile = undef) {
    my $dir  = "$fleet->{dir}/at-once";
    mkdir $dir;
    my @pids = map { my $n = $_; EncGather::Clients::start(sub { $fleet->let_go; spew("$dir/$n", JSON::PP->new->encode([ $code->($n) ])) }) } 0 .. $processes - 1;
    $meanwhile->() if $meanwhile;
    is scalar(grep { !EncGather::Clients::finish($_) } @pids), 0, "$processes processes came to their end";
    return map { JSON::PP->new->decode(slurp("$dir/$_")) } 0 .. $processes - 1;
}

# All pairs by each process, from both ends; how many were taken once, and what came otherwise.
sub _race ($fleet, $hosts, $processes, $pairs, $meanwhile) {
    my @books = _at_once($fleet, $processes, sub ($n) {
        my $host = $hosts->[ $n % @$hosts ];
        return int($n / 2) % 2 ? reverse _offer_all($host, reverse @$pairs) : _offer_all($host, @$pairs);
    }, $meanwhile);
    my @odd = grep { !/^[01]\z/ } map { @$_ } @books;
    is_deeply [ splice @odd, 0, 5 ], [], 'each offer was answered';
    my @taken = map { my $i = $_; sum0(map { $_->[$i] eq '1' } @books) } 0 .. $#$pairs;
    return (scalar(grep { $_ == 1 } @taken), scalar(grep { $_ > 1 } @taken));
}

# Tokens by 8 processes at all hosts at once, which restart gracefully meanwhile: two generations answer.
sub race ($fleet, $option) {
    my @pairs = _pairs($fleet, $option->{tokens} / 2);
    my $began = time;
    my ($once, $more) = _race($fleet, [ $fleet->hosts ], PROCESSES, \@pairs, sub { sleep 0.5; $_->graceful or die $_->error for $fleet->hosts });
    is $once, scalar @pairs, "$option->{tokens} tokens by " . PROCESSES . ' processes at all hosts, over a graceful restart: each was taken exactly once';
    return _row("$option->{tokens} tokens, 8 processes", PROCESSES * @pairs, $once, PROCESSES * @pairs - $once, '', '', sprintf '%.0f requests a second, %d tokens taken twice', PROCESSES * @pairs / (time - $began), 2 * $more);
}

# --- Counts ---------------------------------------------------------------------------------------------------------

# What is noted for longer than a step is known: counts alone.
sub _counts ($fleet) {
    my $redis = $fleet->redis->line;
    my %count;
    for my $key (@{ $redis->('KEYS', 'eg:l:*') }) {
        next if $key =~ /:n\z/ || $redis->(TTL => $key) <= 60;
        $count{$key} = $redis->(GET => $key);
    }
    return \%count;
}

sub _fail ($line, $path, $from) {
    return EncGather::FleetCrowd::word_of(EncGather::FleetCrowd::send_step($line, "/$path?step=processData", [ CallSid => _call(), From => $from, Digits => '0000' ]));
}

# A value is locked at 100, so 3,000 failures are those of 30 values, of each of which every process has its share.
sub count ($fleet, $option) {
    my $values = $option->{failures} / EncGather::Fleet::FAILURES;
    my @from   = map { sprintf '+1555%09d', 1000 * $_ + 7 } 1 .. $values;
    my $before = _counts($fleet);
    my $failed = $fleet->sum(qr/^lockouts_total\{.*event="failed"/);
    my @words  = map { @$_ } _at_once($fleet, PROCESSES, sub ($n) {
        my $line = EncGather::Connection->new(port => $fleet->port, requests => 50);
        $serial += 1_000_000 * $n;
        return map { _fail($line, 'count', $from[ $_ % @from ]) } grep { $_ % PROCESSES == $n } map { $_ } 0 .. $option->{failures} - 1;
    });
    is scalar(grep { $_ eq 'nobody' } @words), $option->{failures}, "$option->{failures} failures of $values callers by " . PROCESSES . ' processes';
    my $after = _counts($fleet);
    my @new   = map { $after->{$_} } grep { !exists $before->{$_} } keys %$after;
    is_deeply \@new, [ (EncGather::Fleet::FAILURES) x $values ], 'are counted in the Redis, all and no more';
    is $fleet->sum(qr/^lockouts_total\{.*event="failed"/) - $failed, $option->{failures}, '... and by the hosts';
    my $line  = EncGather::Connection->new(port => $fleet->port, requests => 50);
    my @later = map { _fail($line, 'count', $_) } @from;
    is_deeply \@later, [ ('locked') x $values ], '... and each of them is locked then';
    return _row("$option->{failures} failures, 8 processes", $option->{failures} + $values, 0, 0, '', '', sum0(@new) . ' counted, ' . @later . ' callers locked');
}

# --- An attack ------------------------------------------------------------------------------------------------------

sub _request ($target, @pairs) {
    my $body = form_encode(@pairs);
    return join("\r\n", "POST $target HTTP/1.1", 'Host: ' . EncGather::Fleet::NAME, 'Connection: close', 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: ' . length $body,
        'X-Twilio-Signature: ' . signature($TOKEN{demo}, EncGather::Fleet::URL . $target, [@pairs])) . "\r\n\r\n$body";
}

# All connections first, then all requests, then all answers.
sub _burst ($host, $n, $when, @pairs) {
    my @lines = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $host->port) || die "connect: $!\n" } 1 .. $n;
    my @requests = map { _request('/attack?step=processData', CallSid => _call(), @pairs) } 1 .. $n;
    sleep $when - time if $when > time;
    syswrite $lines[$_], $requests[$_] for 0 .. $#lines;
    return map { EncGather::FleetCrowd::word_of($_ =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 0, $_) } _answers(@lines);
}

# In whatever order they come: a child of prefork waits for the client who has its answer to go.
sub _answers (@lines) {
    my $open   = IO::Select->new(@lines);
    my %answer = map { $_ => '' } @lines;
    while ($open->count) {
        my @ready = $open->can_read(PATIENCE) or last;
        for my $line (@ready) {
            next if sysread $line, $answer{$line}, 65_536, length $answer{$line};
            $open->remove($line);
            close $line;
        }
    }
    return map { $answer{$_} } @lines;
}

sub attack ($fleet, $option) {
    my @hosts  = $fleet->hosts;
    my $asked  = $fleet->sum(qr/^backend_answers_total/);
    my $when   = time + 1.5;
    my $each   = int $option->{calls} / PROCESSES;
    my @words  = map { @$_ } _at_once($fleet, PROCESSES, sub ($n) {
        $serial += 1_000_000 * $n;
        return _burst($hosts[ $n % @hosts ], $each, $when, From => '+15550009999', Digits => '0000');
    });
    my %came;
    $came{$_}++ for @words;
    my $few = EncGather::Fleet::FEW;
    is_deeply \%came, { nobody => $few, locked => PROCESSES * $each - $few }, PROCESSES * $each . " calls of one caller at once: $few are let on, the others locked";
    is $fleet->sum(qr/^backend_answers_total/) - $asked, $few, '... and no more reach the backend';
    return _row(@words . ' calls at once', scalar @words, 0, 0, '', '', ($came{nobody} // 0) . ' reached the backend, ' . ($came{locked} // 0) . ' locked');
}

# --- A Redis that stands still, and pages ---------------------------------------------------------------------------

# The middle one of so many times, in milliseconds.
sub _page_time ($host) {
    my $line    = EncGather::Connection->new(port => $host->port, requests => PAGES + 1);
    my $request = "GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    my @times   = sort { $a <=> $b } map { my $began = time; ($line->exchange($request) || die "no page\n")->{status} == 200 or die "no page\n"; time - $began } 1 .. PAGES;
    $line->close;
    return (1000 * $times[ @times / 2 ], 1000 * $times[ @times * 0.99 ]);
}

# As many first questions as threads, over and over, as often whether they take long or not.
sub _ask_on ($host, $n, $stop) {
    my $began = time;
    until (-e $stop || time - $began > PATIENCE) {
        my @lines = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $host->port) || die "connect: $!\n" } 1 .. $n;
        syswrite $_, _request('/closed', CallSid => _call(), From => '+15550008888') for @lines;
        local $/;
        readline $_ for @lines;
        sleep 0.1;
    }
    return;
}

sub _pages_meanwhile ($fleet, $host, $setup = sub {}) {
    my $stop = "$fleet->{dir}/stop-pages";
    my @time;
    unlink $stop;
    _at_once($fleet, PROCESSES, sub ($n) { _ask_on($host, THREADS / PROCESSES, $stop); return 1 }, sub {
        sleep 0.5;
        $setup->();
        sleep 0.5;
        @time = _page_time($host);
        spew($stop, '');
    });
    return @time;
}

sub pages ($fleet, $option) {
    my ($host) = $fleet->hosts;
    my @before = _pages_meanwhile($fleet, $host);
    my @paused = _pages_meanwhile($fleet, $host, sub { $fleet->redis->freeze });
    $fleet->redis->thaw;
    my $ratio = $paused[0] / $before[0];
    ok $ratio <= AS_FAST || EncGather::FleetLoad::is_loaded(), sprintf 'while %d threads ask a Redis that stands still a page takes %.2f ms, before %.2f: %.2f of it', THREADS, $paused[0], $before[0], $ratio;
    sleep 1.5;    # until it is asked again
    return _row('pages, 64 threads, paused', PAGES, '', '', '', '', sprintf '%.2f ms against %.2f: ratio %.2f; of a hundred the slowest %.1f against %.1f ms', $paused[0], $before[0], $ratio, $paused[1], $before[1]);
}

# --- A fail-over ----------------------------------------------------------------------------------------------------

sub failover ($fleet, $option) {
    my ($host) = $fleet->hosts;
    my $first  = $fleet->redis;
    my $next   = EncGather::Redis->new("$fleet->{dir}/redis-next");
    $next->start;
    $next->ask(REPLICAOF => '127.0.0.1', $first->port);
    wait_until(PATIENCE, sub { $next->ask(qw(INFO replication)) =~ /master_link_status:up/ }) or die "the replica does not follow\n";
    my @kept = _pairs($fleet, SOME);
    is sum0(_offer_all($host, @kept)), SOME, 'tokens that a replica has heard of';
    $first->line->(qw(WAIT 1 5000));
    $next->ask(qw(REPLICAOF NO ONE));    # from here on it hears nothing
    my @lost = _pairs($fleet, SOME);
    is sum0(_offer_all($host, @lost)), SOME, 'and of the last second, of which it has not';
    $first->power_cut;
    $fleet->lead_to($next);
    $fleet->{redis} = $next;
    my $began = time;
    wait_until(PATIENCE, sub { (_offer_all($host, _pairs($fleet, 1)))[0] eq '1' }) or die "nothing is taken behind the fail-over\n";
    my $back  = time - $began;
    my @again = map { my $at = $_; map { sum0(grep { $_ eq '1' } _offer_all($at, @$_)) } \@kept, \@lost } $fleet->hosts;
    is $again[0] + $again[2], 0, 'behind the fail-over none of those is taken again';
    is $again[3], 0, 'of the last second each is taken once more at most, whichever host is asked';
    return _row('a fail-over', 2 * SOME, $again[0] + $again[1], 2 * SOME - $again[0] - $again[1], '', sprintf('%.2f', $back), "$again[1] of " . SOME . " pairs of the last second taken again, $again[0] of those before");
}

# --- One host in its memory -----------------------------------------------------------------------------------------

sub memory ($fleet, $option) {
    my $host = $fleet->new_host('host-memory', store => 'shm', mpm => $fleet->{mpms}[0]);
    $fleet->start_host($host);
    my @pairs = _pairs($fleet, 2 * SOME);
    my ($once) = _race($fleet, [$host], 4, \@pairs, sub { for (1, 2) { sleep 0.2; $host->graceful or die $host->error } });
    is $once, scalar @pairs, 'in the memory of a host, over two graceful restarts: each token is taken exactly once';
    $host->restart or die $host->error;
    my $hard = sum0(_offer_all($host, @pairs));
    is $hard, 0, 'none again after a restart that is not';
    $host->configure(conf => $fleet->conf($host->mpm, 'shm(65536)'));
    $host->graceful or die $host->error;
    sleep 2;    # a token has to be younger than the store
    my $room = $fleet->samples($host)->{'state_marks_room{provider="shm"}'};
    my @many = map { _pairs($fleet, 1) } 1 .. $room;    # twice as many tokens as fit
    my $taken = sum0(grep { $_ eq '1' } map { _offer_all($host, $_) } @many);
    my $full  = sum0(_offer_all($host, @many));
    is $full, 0, "a store for $room tokens to which " . 2 * @many . ' were offered: none is taken again';
    my $numbers = $fleet->samples($host);
    cmp_ok $numbers->{'state_marks_pushed_out_total{provider="shm"}'}, '>', 0, '... though it had to make room';
    is $numbers->{'state_failures_total{provider="shm"}'}, 0, '... and it always answered';
    ok $host->stop, 'that host stops';
    return _row('memory of a host', 4 * @pairs + 2 * @many, $once + $taken, '', '', '', "$hard again after a restart, $full when full");
}

# --- A clock --------------------------------------------------------------------------------------------------------

sub clock ($fleet, $option) {
    my $library = (grep { -e } '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1', glob '/usr/lib*/*/faketime/libfaketimeMT.so.1 /usr/lib*/faketime/libfaketimeMT.so.1')[0]
        or return _row('a clock that is set', 0, '', '', '', '', 'not tried: no faketime');
    my $clock = "$fleet->{dir}/clock";
    my $set   = sub ($offset) { spew("$clock.new", sprintf("%+d\n", $offset), 0644); rename "$clock.new", $clock };
    my ($right) = $fleet->hosts;
    $set->(0);
    my @hosts = map { my $store = $_; $fleet->new_host("host-clock-$store", mpm => $fleet->{mpms}[0], $store eq 'shm' ? (store => 'shm') : (),
        environment => { LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => $clock, FAKETIME_NO_CACHE => 1, FAKETIME_DONT_FAKE_MONOTONIC => 1, DONT_FAKE_MONOTONIC => 1 }) } qw(redis shm);
    $fleet->start_host($_) for @hosts;
    sleep 1.1;    # a token has to be younger than a store in memory
    my $redis  = $fleet->redis->line;
    my %before = map { $_ => 1 } @{ $redis->('KEYS', 'eg:t:*') };
    my (@all, $again);
    for my $offset (0, AHEAD, 0, -30, FAR_AHEAD, 0) {
        $set->($offset);
        my @pairs = _pairs($fleet, 20);
        for my $i (0, 1) {
            my $taken = sum0(grep { $_ eq '1' } _offer_all($hosts[$i], @pairs));
            push @{ $all[$i] }, @pairs if $taken;
            $again += grep { $_ eq '1' } _offer_all($hosts[$i], @{ $all[$i] });
            $again += grep { $_ eq '1' } _offer_all($right, @{ $all[0] });
        }
    }
    ok @{ $all[0] } >= 40 && @{ $all[1] } >= 40, 'tokens were taken before and behind the first change of the clock';
    is $again, 0, 'a clock that is set back and forth lets none in again';
    my @short = grep { !$before{$_} && $redis->(TTL => $_) < 960 - AHEAD } @{ $redis->('KEYS', 'eg:t:*') };
    is scalar @short, 0, 'no mark ends earlier because a clock is wrong';
    ok $_->stop, 'that host stops' for @hosts;
    unlike $_->error_log, qr/\[(?:emerg|alert|crit)\]|signal/, 'and has nothing to complain of' for @hosts;
    return _row('a clock that is set', sum0(map { scalar @{ $all[$_] } } 0, 1), '', '', '', '', "$again taken again");
}

1;
