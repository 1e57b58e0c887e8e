# SPDX-License-Identifier: Apache-2.0
# What "make fleet" does while callers call: each trouble in its turn, and what the book of all answers says of it.
package EncGather::FleetLoad;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA qw(sha256_hex);
use List::Util qw(max min);
use Test::More;
use Time::HiRes qw(sleep time);

use EncGather::Connection;
use EncGather::Files qw(slurp_if_there spew);
use EncGather::FleetCrowd;
use EncGather::Logs qw(alarms unexpected leaks);
use EncGather::Redis;

use constant {
    LIMIT    => 1.3,    # seconds for an answer while the Redis stands still
    BACK     => 2,      # seconds until the first good answer behind a trouble
    WAIT     => 0.24,   # seconds that a host waits for the Redis
    REST     => 1.1,    # and for which it does not ask it again
    SHOWN    => 10,
    UNLOADED => 3,      # of a load average per processor, above which times are told and not judged
};

# --- Troubles -----------------------------------------------------------------------------------------------------------

# does: brings it about, calls the code that it is given, which lasts as long as the trouble is to, and puts it right. away: nobody can ask
# the Redis meanwhile. timed: how long an answer takes then is judged. kills: counters go with it, so it comes when all others have been
# counted.
my @TROUBLES = (
    { name => 'nothing' },
    { name => 'a host restarts gracefully', does => sub ($f, $last) { ok(($f->hosts)[1]->graceful, 'a graceful restart'); $last->() } },
    { name => 'new keys', does => \&_new_keys },
    { name => 'Redis restarts', away => 1, does => sub ($f, $last) { $f->redis->stop; $last->(); $f->redis->start } },
    { name => 'Redis loses its power', away => 1, does => sub ($f, $last) { $f->redis->power_cut; $last->(); $f->redis->start } },
    { name => 'Redis stands still', away => 1, timed => 1, does => sub ($f, $last) { $f->redis->freeze; $last->(); $f->redis->thaw } },
    { name => 'Redis is a replica', away => 1, timed => 1, does => sub ($f, $last) { _asked($f, $last, [ qw(REPLICAOF 127.0.0.1 1) ], [ qw(REPLICAOF NO ONE) ]) } },
    { name => 'Redis misses its replicas', away => 1, timed => 1, does => sub ($f, $last) { _set($f, $last, 'min-replicas-to-write', 1, 0) } },
    { name => 'Redis is full', away => 1, timed => 1, does => sub ($f, $last) { _set($f, $last, 'maxmemory', 1, '64mb') } },
    { name => 'Redis wants a password', away => 1, timed => 1, does => \&_want_a_password },
    { name => 'a host is killed', kills => 1, does => \&_kill_a_host },
);

sub _kill_a_host ($fleet, $last) {
    my ($host) = $fleet->hosts;
    $fleet->kill_host($host);
    $fleet->{killed}++;
    $last->();
    $fleet->start_host($host);
    return;
}

# As the manual says: second, then first.
sub _new_keys ($fleet, $last) {
    my $ring = $fleet->ring;
    my $id   = 'k' . (2 + $fleet->{rotations}++);
    splice @$ring, 1, 0, [ $id => sha256_hex("encgather fleet key: $id") ];
    for (1, 2) {
        $fleet->write_ring;
        $_->graceful or die $_->error for $fleet->hosts;
        $last->(0.5);
        @$ring[ 0, 1 ] = @$ring[ 1, 0 ] if $_ == 1;
    }
    return;
}

sub _asked ($fleet, $last, $first, $then) {
    my $line = $fleet->redis->line;
    is $line->(@$first), 'OK', "@$first";
    $last->();
    is $line->(@$then), 'OK', "@$then";
    return;
}

sub _set ($fleet, $last, $name, $value, $before) {
    return _asked($fleet, $last, [ CONFIG => SET => $name => $value ], [ CONFIG => SET => $name => $before ]);
}

# Who is let in stays in, so connections are cut, too.
sub _want_a_password ($fleet, $last) {
    my $line = $fleet->redis->line;
    $line->(qw(CONFIG SET requirepass), sha256_hex('encgather fleet password'));
    $line->(qw(CLIENT KILL TYPE normal SKIPME yes));
    $last->();
    is $line->(qw(CONFIG SET requirepass), ''), 'OK', 'no password any more';
    return;
}

# --- The run ------------------------------------------------------------------------------------------------------------

# Rows of the table.
sub run ($fleet, $option) {
    my $which  = join '|', map { quotemeta } split /,/, $option->{troubles} // '';
    my @chosen = grep { $_->{name} =~ /$which/ } @TROUBLES;
    my @parts  = grep { @$_ } [ grep { !$_->{kills} } @chosen ], [ grep { $_->{kills} } @chosen ];
    my (%book, @windows);
    for my $part (@parts) {
        my ($book, @more) = _part($fleet, $option, 'callers-' . @windows, @$part);
        push @windows, @more;
        push @{ $book{$_} }, @{ $book->{$_} } for qw(steps used);
    }
    _judge_all(\%book, \@windows);
    my @rows = map { _row(\%book, $_) } @windows;
    return (@rows, _offer_again($fleet, \%book));
}

# Callers as long as these troubles take: their book, and a window of time for each trouble.
sub _part ($fleet, $option, $name, @troubles) {
    my $stop    = "$fleet->{dir}/stop";
    my $before  = _counted($fleet);
    my $crowd   = EncGather::FleetCrowd->start(fleet => $fleet, name => $name, while => sub { !-e $stop }, map { $_ => $option->{$_} } qw(clients programs program));
    my @windows = map { _trouble($fleet, $_, $option->{seconds}) } @troubles;
    spew($stop, '');
    my $book = $crowd->finish;
    unlink $stop;
    is $book->{died}, 0, "$name: every one came to his end";
    _compare_counters($book, $before, _counted($fleet)) unless grep { $_->{kills} } @troubles;
    return ($book, @windows);
}

# from, to: around all of it; since, over: everybody sees it; until: nobody does any more.
sub _trouble ($fleet, $trouble, $seconds) {
    my $before = _lines($fleet);
    my %window = (%$trouble, from => time);
    my $last   = sub ($part = 1) { $window{since} = time; sleep $part * $seconds; $window{over} = time };
    $trouble->{does} ? $trouble->{does}->($fleet, $last) : $last->();
    $window{to} = time;
    sleep($trouble->{away} ? 1.5 + $seconds / 2 : 0.3);
    $window{until} = time;
    $window{lines} = _lines($fleet) - $before;
    return \%window;
}

# How often the hosts have said that they cannot ask.
sub _lines ($fleet) {
    my $n = 0;
    $n += () = $_->error_log =~ /EG0701: /g for $fleet->hosts;
    return $n;
}

# --- Counters -----------------------------------------------------------------------------------------------------------

# What all hosts have counted of calls, and of what the backends found, in words.
sub _counted ($fleet) {
    my %sum;
    for my $samples (map { $fleet->samples($_) } $fleet->hosts) {
        while (my ($sample, $value) = each %$samples) {
            my ($name) = $sample =~ /^(calls|webhooks|signatures|backend_answers|decryptions)_total\{/ or next;
            my %label = $sample =~ /(\w+)="([^"]*)"/g;
            $sum{ join ' ', $name, grep { defined } @label{qw(step result verdict answer)} } += $value;
        }
    }
    return \%sum;
}

my %RESULT = (nobody => 'not-found');

# [ step, word ] of each answer that a step had.
sub _answers_of ($step) {
    my ($at, $word) = @$step[ 3, 4 ];
    return [ $at =~ /^(?:first|middle)\z/ ? $at : 'last', $word ] unless $at eq 'call';
    return $step->[7] < 3 ? [ first => $word ] : ([ first => 'asked' ], [ middle => 'asked' ], [ last => $word ]);
}

sub _compare_counters ($book, $before, $after) {
    my %want;
    for my $answer (map { _answers_of($_) } @{ $book->{steps} }) {
        my ($at, $word) = @$answer;
        my $result = $RESULT{$word} // $word;
        $want{$_}++ for "webhooks $at $result", 'signatures valid', "$at $word" eq 'first asked' ? 'calls' : ();
        $want{$_}++ for $at eq 'last' && $result =~ /found\z/ ? ("backend_answers $result", "decryptions $result") : ();
    }
    my %got = map { $_ => $after->{$_} - ($before->{$_} // 0) } grep { $want{$_} || /^(?:webhooks|signatures|calls)/ } keys %$after;
    delete @got{ grep { !$got{$_} } keys %got };
    is_deeply \%got, \%want, 'what the hosts counted together is what the callers heard: ' . ($want{'signatures valid'} // 0) . ' answers';
    return;
}

# --- The book -----------------------------------------------------------------------------------------------------------

my %GOOD = (call => 'found', first => 'asked', middle => 'asked', last => 'found', twice => 'found', again => 'unavailable');

sub _good_word ($step) { return $step->[2] eq 'nobody' && $step->[3] eq 'last' ? 'nobody' : $GOOD{ $step->[3] } }

sub _needs_state ($step) { return $step->[2] eq 'closed' && $step->[3] ne 'middle' || $step->[2] =~ /^(?:once|twice)\z/ && $step->[3] =~ /^(?:call|last|twice)\z/ }

# Seconds; of a call, for its slowest answer.
sub _took ($step) { return $step->[6] // $step->[1] - $step->[0] }

sub _meets ($step, $window) { return $step->[1] >= $window->{from} && $step->[0] <= $window->{until} }

# What of a step can be said without knowing when it was.
sub _is_wrong ($step, @windows) {
    my $word = $step->[4];
    return 0 if $word eq _good_word($step);
    return 0 if $word eq 'failed' && grep { $_->{kills} && _meets($step, $_) } @windows;    # encgather-call sends nothing again
    return 1 unless $word eq 'unavailable' && _needs_state($step);
    return !grep { $_->{away} && _meets($step, $_) } @windows;
}

# On a busy machine a Redis that is well may answer too late: whoever waited has waited in vain for a quarter of a second, and for a second
# after it others are told so at once.
sub _without_slow ($steps, @wrong) {
    my @late = grep { _took($_) >= WAIT } @$steps;
    my (@rest, @slow);
    for my $step (@wrong) {
        my $excused = $step->[4] eq 'unavailable' && _needs_state($step) && grep { $step->[1] >= $_->[0] && $step->[0] <= $_->[1] + REST } @late;
        push @{ $excused ? \@slow : \@rest }, $step;
    }
    return (\@rest, \@slow);
}

sub _told ($step, $zero) { return sprintf '%s %s: %s, after %.2f s, sent %d times, at %.2f', @$step[ 2, 3, 4 ], _took($step), $step->[5], $step->[0] - $zero }

sub _judge_all ($book, $windows) {
    my @steps = @{ $book->{steps} };
    my $zero  = $windows->[0]{from};
    my ($wrong, $slow) = _without_slow(\@steps, grep { _is_wrong($_, @$windows) } @steps);
    my @wrong = map { _told($_, $zero) } @$wrong;
    cmp_ok scalar @$slow, '<=', @steps / 1000, @$slow . ' steps found a store that was too slow, on a machine that is too busy' if @$slow;
    is_deeply [ splice @wrong, 0, SHOWN ], [], 'of ' . @steps . ' steps none was answered wrongly, and none was lost';
    my @again = grep { $_->[3] eq 'again' } @steps;
    is_deeply [ grep { $_->[4] ne 'unavailable' } @again ], [], 'of ' . @again . ' tokens that were used none was taken again, at once';
    my @calls = grep { $_->[3] eq 'call' } @steps;
    note 'calls by encgather-call: ' . @calls . ', found ' . (grep { $_->[4] eq 'found' } @calls) . ', unavailable ' . (grep { $_->[4] eq 'unavailable' } @calls)
        . ', cut off by a killed host ' . grep { $_->[4] eq 'failed' } @calls;
    my @twice = grep { $_->[3] eq 'twice' && $_->[4] ne 'unavailable' } @steps;
    is_deeply [ grep { $_->[4] ne 'found' } @twice ], [], 'of ' . @twice . ' steps that were delivered twice all were answered twice, alike';
    my @resent = grep { $_->[5] > 1 } @steps;
    is_deeply [ map { _told($_, $zero) } grep { my $step = $_; !grep { $_->{kills} && _meets($step, $_) } @$windows } @resent ], [],
        'steps were sent again (' . @resent . ') for no other reason than that a host was killed';
    _judge_window($book, $_) for grep { $_->{away} } @$windows;
    return;
}

# While it lasts with fail=closed and with single use nobody gets in, with fail=open nobody is kept out; behind it all is well.
sub _judge_window ($book, $w) {
    my @inside = grep { $_->[0] >= $w->{since} && $_->[1] <= $w->{over} } @{ $book->{steps} };
    my @in     = grep { _needs_state($_) && $_->[3] ne 'first' && $_->[4] ne 'unavailable' } @inside;
    my @open   = grep { $_->[2] eq 'open' && $_->[3] =~ /^(?:call|last)\z/ } @inside;
    is_deeply [ map { _told($_, $w->{from}) } splice @in, 0, SHOWN ], [], "$w->{name}: nobody gets in where the state is needed";
    is scalar(grep { $_->[4] ne 'found' } @open), 0, "$w->{name}: fail=open keeps none of " . @open . ' callers out';
    my $late = _good_after($book, $w);
    ok defined $late && ($late <= BACK || is_loaded()), sprintf '%s: the first good answer comes %.2f s behind it', $w->{name}, $late // -1;
    return unless $w->{timed};
    my $slowest = _slowest($book, $w);
    ok $slowest <= LIMIT || is_loaded(), sprintf '%s: the slowest answer took %.2f s', $w->{name}, $slowest;
    return;
}

# Whether the machine has more to do than times could be judged by.
sub is_loaded () {
    my ($load) = slurp_if_there('/proc/loadavg') =~ /^(\S+)/;
    my $processors = () = slurp_if_there('/proc/cpuinfo') =~ /^processor\s/mg;
    return ($load // 0) > UNLOADED * ($processors || 1);
}

sub _good_after ($book, $w) {
    my ($first) = sort { $a <=> $b } map { $_->[1] } grep { _needs_state($_) && $_->[4] eq _good_word($_) && $_->[1] >= $w->{to} } @{ $book->{steps} };
    return defined $first ? $first - $w->{to} : undef;
}

sub _slowest ($book, $w) {
    return max(0, map { _took($_) } grep { $_->[1] >= $w->{from} && $_->[0] <= $w->{to} } @{ $book->{steps} });
}

sub _row ($book, $w) {
    my @steps = grep { $_->[1] >= $w->{from} && $_->[0] <= $w->{to} } @{ $book->{steps} };
    my $late  = $w->{away} ? _good_after($book, $w) : undef;
    my $again = grep { $_->[5] > 1 } @steps;
    return [ $w->{name}, scalar @steps, (map { my $word = $_; scalar grep { $_->[4] eq $word } @steps } qw(found unavailable)), sprintf('%.2f', _slowest($book, $w)),
        defined $late ? sprintf('%.2f', $late) : '', join ', ', ($w->{lines} ? "$w->{lines} error lines" : ()), $again ? "$again sent again" : () ];
}

# All that was used while it went on, once more at the end.
sub _offer_again ($fleet, $book) {
    my $line = EncGather::Connection->new(port => $fleet->port, requests => 100);
    my %word;
    for my $used (@{ $book->{used} }) {
        $word{ EncGather::FleetCrowd::word_of(EncGather::FleetCrowd::send_step($line, $used->[1], [ CallSid => $used->[0], From => '+15550000000', Digits => '9999' ])) }++;
    }
    is_deeply \%word, { unavailable => scalar @{ $book->{used} } }, 'of all ' . @{ $book->{used} } . ' tokens that were used none is taken when all is over';
    return [ 'all tokens offered again', scalar @{ $book->{used} }, $word{found} // 0, $word{unavailable} // 0, '', '', '' ];
}

# --- Logs ---------------------------------------------------------------------------------------------------------------

# What is provoked: a Redis that is away, tokens that were used, backends that say so.
my @PROVOKED = (qr/EG070[1-3]: /, qr/EG0402: .*rule: (?:used|age|call)/, qr/EG0501: /, qr/EG0156: /, qr/EG0108: /, qr/AH00546: no record of generation/);

# One line a minute about a Redis that is away, of each host and each of its lives.
sub check_logs ($fleet) {
    my $n = 0;
    for my $host ($fleet->hosts) {
        my $log = $host->error_log;
        my @unexpected = unexpected([ alarms($log) ], \@PROVOKED);
        is_deeply [ splice @unexpected, 0, SHOWN ], [], "host $n: nothing at warn or worse in the error log but what was provoked";
        my (@close, $last);
        while ($log =~ /^\[\w+ \w+ +\d+ (\d+):(\d+):(\d+)\.\d+ \d+\] (?:.*(EG0701): |.*(configured -- resuming))/mg) {
            my $at = $1 * 3600 + $2 * 60 + $3;
            $last = undef, next if $5;
            push @close, $at if defined $last && $at - $last < 59 && $at >= $last;
            $last = $at;
        }
        is_deeply \@close, [], "host $n: one line a minute at most about the Redis that is away" unless $fleet->{killed} && !$n;
        $n++;
    }
    return;
}

1;
