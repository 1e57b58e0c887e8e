# SPDX-License-Identifier: Apache-2.0
# Tables of the manual that follow from measurements: what is between two marks of a page is written here, all else by people.
package EncGather::Bench::Pages;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use List::Util qw(max);

our @EXPORT_OK = qw(written merged tables);

my %KEPT = map { $_ => 1 } qw(name says base cpu cpu_low cpu_high cpu_ratio front rps rps_ratio p50 p99 peak share other);

# --- Results ------------------------------------------------------------------------------------------------

# What is kept in the tree: of $results, with each group of a run of t/bench/bench in the place of an older one.
sub merged ($results, $run) {
    my %groups = %{ $results->{groups} || {} };
    my %how    = map { $_ => $run->{$_} } qw(date machine rounds seconds);
    for my $name (grep { ref $run->{groups}{$_} eq 'ARRAY' } keys %{ $run->{groups} }) {
        $groups{$name} = { %how, subjects => [ map { _kept($_) } @{ $run->{groups}{$name} } ] };
    }
    return { groups => \%groups };
}

# Four digits are more than anybody can measure.
sub _kept ($subject) {
    return { map { $_ => defined $subject->{$_} && $subject->{$_} =~ /^[\d.]+\z/ ? 0 + sprintf '%.4g', $subject->{$_} : $subject->{$_} } grep { $KEPT{$_} } keys %$subject };
}

# --- Pages --------------------------------------------------------------------------------------------------

# The page with each table between its marks. Dies where a mark has no table, or a table no mark.
sub written ($page, $tables) {
    my %left = %$tables;
    my $put  = sub ($begin, $name, $end) {
        my $table = delete $left{$name} // die "there is no table $name\n";
        return "$begin\n\n$table\n$end";    # Markdown wants an empty line in front of a table
    };
    $page =~ s{(<!-- by t/bench/capacity: (\w+) -->)\n.*?(<!-- end of \g2 -->)}{$put->($1, $2, $3)}gse;
    die 'no marks for ' . join(', ', sort keys %left) . "\n" if %left;
    return $page;
}

# { name => Markdown }, of results as they are kept and of the last line of the record.
sub tables ($results, $line) {
    my %group = map { $_ => _group($results->{groups}{$_}) } qw(peers call tokens shield roads state mpm connections);
    return {
        webhook      => _times($group{call}, 'null', _rows_of_calls()) . _times_of_mpms($group{mpm}) . _noted($group{call}, $group{mpm}),
        peers        => _peers($group{peers}),
        roads        => _times($group{roads}, 'null', _rows_of_roads()) . _noted($group{roads}),
        tokens       => _tokens($group{tokens}),
        shield       => _shield($group{shield}),
        state        => _times($group{state}, 'often', _rows_of_state()) . _noted($group{state}),
        calls        => _calls($group{call}),
        instructions => _instructions($line),
    };
}

# { name => subject }, and how it was measured under ''.
sub _group ($group) {
    return { '' => {} } unless $group;
    return { '' => $group, map { $_->{name} => $_ } @{ $group->{subjects} } };
}

sub _table ($head, @rows) {
    return join '', map { '| ' . join(' | ', @$_) . " |\n" } $head, [ ('---') x @$head ], @rows;
}

sub _number ($value, $digits = 0) { return defined $value ? sprintf "%.${digits}f", $value : '-' }

# 12,345
sub _thousands ($value) { return defined $value ? scalar reverse join ',', unpack '(A3)*', reverse sprintf '%.0f', $value : '-' }

# 32 (30-35), and 0.93 of whatever.
sub _spread ($subject) {
    return '-' unless $subject;
    return _number($subject->{cpu}) . ' (' . _number($subject->{cpu_low}) . '-' . _number($subject->{cpu_high}) . ')';
}

sub _part ($subject, $of) {
    return '-' unless $subject && $of && $of->{cpu};
    return _number(($subject->{base} || '') eq ($of->{name} || '') && defined $subject->{cpu_ratio} ? $subject->{cpu_ratio} : $subject->{cpu} / $of->{cpu}, 2);
}

# Rows of [ subject, words ]; what was not measured is left out.
sub _times ($group, $base, @rows) {
    my $unit = $base eq 'null' ? 'a handler that does nothing' : ((map { $_->[1] } grep { $_->[0] eq $base } @rows)[0] || $base);
    return _table([ '', 'microseconds of processor time, median (all rounds)', "$unit = 1" ], _times_rows($group, $base, @rows));
}

sub _times_rows ($group, $base, @rows) {
    return map { [ $_->[1], _spread($group->{ $_->[0] }), _part($group->{ $_->[0] }, $group->{$base}) ] } grep { $group->{ $_->[0] } } @rows;
}

# When, how, and on what.
sub _noted (@groups) {
    my @how = grep { $_->{date} } map { $_->{''} } @groups;
    return "\nNot measured yet.\n" unless @how;
    my $first = $how[0];
    my $other = max(0, map { $_->{other} // 0 } map { @{ $_->{subjects} } } @how);
    return sprintf "\n%s, %s; %d rounds of %s s%s.\n", $first->{date}, $first->{machine}, $first->{rounds}, $first->{seconds},
        $other > 0.15 ? sprintf('; other work kept up to %.1f processors busy, so only ratios are worth much', $other) : '';
}

sub _rows_of_calls () {
    return (
        [ null           => 'a handler that reads the body and answers a fixed text, httpd without the module' ],
        [ first          => 'first prompt' ],
        [ ours           => 'a step: signature, one value sealed, the next question' ],
        [ 'last-local'   => 'last step, `decrypt-gather` on the same server, SQLite' ],
        [ 'last-pgsql'   => 'last step, `decrypt-gather` on the same server, PostgreSQL on the same host (its time included)' ],
        [ 'last-proxy'   => 'last step by `ProxyPass` to another httpd (the time of both)' ],
        [ 'last-url'     => 'last step by an absolute URL (the time of both)' ],
        [ 'ours-tls'     => 'a step with TLS, the connection kept' ],
        [ 'ours-new'     => 'a step with a connection of its own' ],
        [ 'ours-tls-new' => 'a step with a TLS connection of its own' ],
    );
}

# Each beside the null handler under the same MPM.
sub _times_of_mpms ($group) {
    return join '', map {
        my $ours = $group->{"ours-$_"};
        $ours ? '| ' . join(' | ', "a step under the $_ MPM (beside a handler that does nothing there)", _spread($ours), _number($ours->{cpu_ratio}, 2)) . " |\n" : ''
    } qw(worker prefork);
}

sub _rows_of_roads () {
    my %name = (jambonz => 'jambonz', freeclimb => 'FreeClimb', standardwebhooks => 'Standard Webhooks');
    return (
        [ null              => 'a handler that does nothing' ],
        [ ours              => 'a step of Twilio' ],
        [ 'step-signalwire' => 'a step of SignalWire' ],
        [ 'step-plivo'      => 'a step of Plivo' ],
        [ 'step-telnyx'     => 'a step of Telnyx: Ed25519, and URLs that are signed here' ],
        [ guarded           => 'the handler behind `Require twilio-signature`' ],
        (map { [ "guarded-$_" => "the handler behind `Require webhook-signature`, $name{$_}" ] } qw(jambonz freeclimb standardwebhooks)),
        [ first           => 'first prompt' ],
        [ 'lockout-first' => 'first prompt with `EncGatherLockout`' ],
        [ 'last-local'    => 'last step, SQLite' ],
        [ 'lockout-last'  => 'last step, SQLite, with `EncGatherLockout`' ],
        [ status          => 'the status page, scraped' ],
    );
}

sub _rows_of_state () {
    return ([ often => '`decrypt-gather` of two `jwe` tokens, SQLite' ], [ 'once-memory' => 'the same with `EncGatherSingleUse`, in memory' ],
        [ 'once-redis' => 'the same with `EncGatherSingleUse`, over a Redis on the same host (its own time not included)' ]);
}

sub _peers ($group) {
    my @rows = ([ null => 'httpd, a handler that does nothing' ], [ walkless => 'the same without the walk through the file system' ], [ ours => '**httpd, mod_encgather**' ],
        [ nginx => 'nginx and Lua' ], [ 'node-1' => 'Node.js alone, `http` and `crypto`, one process' ], [ 'node-2' => 'the same, two processes' ], [ php => 'httpd, mod_php' ],
        [ express => 'Express and npm `twilio`' ], [ twiliorun => 'Twilio Functions on npm `twilio-run`; it checks no signature' ]);
    my $mb = sub ($kilobytes) { return defined $kilobytes ? _number($kilobytes / 1024) : '-' };
    return _table([ 'who does one step', 'microseconds, median (all rounds)', 'null handler = 1', 'requests a second', '99 of 100 within, ms', 'memory at its peak, MB' ],
        map { my $s = $group->{ $_->[0] }; [ $_->[1], _spread($s), _part($s, $group->{null}), _thousands($s->{rps}), _number(($s->{p99} // 0) / 1000, 1), $mb->($s->{peak}) ] }
        grep { $group->{ $_->[0] } } @rows) . _noted($group);
}

sub _tokens ($group) {
    my @rows = ([ ours => '`hex`' ], [ 'jwe-dir' => '`jwe` under the key file' ], [ 'jwe-p256' => '`jwe`, P-256' ], [ 'jwe-x25519' => '`jwe`, X25519' ], [ 'jwe-rsa' => '`jwe`, RSA of 3072 bits' ],
        [ 'ours-tls-new' => '`hex`, a TLS connection of its own' ], [ 'node-1' => 'Node.js alone, `hex`' ], [ 'jose-dir' => 'Node.js and npm `jose`, `jwe` under a key' ],
        [ 'jose-p256' => 'Node.js and npm `jose`, P-256' ]);
    return _table([ 'what a step seals', 'microseconds of a step, median (all rounds)', 'a hex step = 1' ], _times_rows($group, 'ours', @rows)) . _noted($group);
}

sub _shield ($group) {
    my @rows = ([ proxied => 'plain `ProxyPass`' ], [ passed => 'a shield that finds nothing to replace' ], [ shielded => 'one value replaced, signed anew' ],
        [ 'node-shield' => 'a proxy in Node.js that does the same, by `http` and `crypto` alone' ],
        [ 'reveal-form' => '`EncGatherReveal`, a form, one token opened' ], [ 'reveal-json' => '`EncGatherReveal`, JSON, two tokens opened' ]);
    return _table([ 'on the way', 'microseconds, median (all rounds)', 'plain `ProxyPass` = 1' ], _times_rows($group, 'proxied', @rows)) . _noted($group);
}

# --- What follows -------------------------------------------------------------------------------------------

use constant { BUSY => 0.5, YEAR => 365.25 * 86_400, DAY => 86_400, KEY_MOST => 2**32, FIELDS => 2, PROCESSORS => 8 };

# A call with two fields is first prompt, step, last step.
sub _calls ($group) {
    my ($first, $step, $last, $tls) = map { ($group->{$_} || {})->{cpu} } qw(first ours last-local ours-tls-new);
    return "Not measured yet.\n" unless $first && $step && $last && $tls;
    my ($kept, $new) = ($first + $step + $last, $first + $last + 3 * $tls - 2 * $step);
    return sprintf("A call with two fields is %.0f microseconds with SQLite on the same server and connections that are kept: one processor at half of its time, which leaves room for\n"
            . "bursts, does **%s calls a second**. Where every webhook comes over a TLS connection of its own a call is %.0f microseconds: %s calls a second.\n\n",
        $kept, _thousands(_two(BUSY * 1e6 / $kept)), $new, _thousands(_two(BUSY * 1e6 / $new)))
        . _table([ 'calls that begin, a second', 'webhooks a second', 'processors, half used, a TLS connection each', 'hosts', '2^32 values sealed after' ], map { _for_rate($_, $new) } 10, 100, 10_000);
}

# Two digits that count.
sub _two ($value) { return 0 + sprintf '%.2g', $value }

sub _for_rate ($rate, $microseconds) {
    my $processors = $rate * $microseconds / 1e6 / BUSY;
    my $hosts      = $processors <= PROCESSORS ? '1; 2 so that one can fail' : sprintf '%d of %d processors, and one more', 1 + int $processors / PROCESSORS, PROCESSORS;
    return [ _thousands($rate), _thousands(3 * $rate), _number($processors, $processors < 10 ? 2 : 0), $hosts, _lasting(KEY_MOST / FIELDS / $rate) ];
}

sub _lasting ($seconds) {
    return $seconds > YEAR ? sprintf('%.1f years', $seconds / YEAR) : $seconds > 60 * DAY ? sprintf('%.0f months', 12 * $seconds / YEAR) : sprintf '%.1f days', $seconds / DAY;
}

# --- Counts -------------------------------------------------------------------------------------------------

# Cases of t/bench/instr, as the last line of the record has them.
sub _instructions ($line) {
    my @rows = ([ null => 'a handler that does nothing, httpd without the module' ], [ 'null-walkless' => 'the same without the walk through the file system' ],
        [ 'null-unused' => 'the handler in an httpd that has the module and uses it nowhere' ], [ 'null-sections' => 'the handler in an httpd without the module, beside seven `<Location>`s' ],
        [ 'null-loaded' => 'the handler beside as many that use the module' ], [ first => 'first prompt' ], [ getPin => 'a step' ], [ wrong => 'a step with a wrong signature' ],
        [ last => 'last step, `decrypt-gather` with SQLite on the same server' ], [ decrypt => '`decrypt-gather` alone, SQLite' ], [ 'jwe-dir' => 'a step, `jwe` under the key file' ],
        [ 'jwe-p256' => 'a step, `jwe` for a P-256 key' ], [ proxied => 'plain `ProxyPass`, httpd without the module' ], [ shield => 'a shield, one value replaced, signed anew' ],
        [ 'reveal-form' => '`EncGatherReveal`, a form, one token' ], [ 'reveal-json' => '`EncGatherReveal`, JSON, two tokens' ], [ often => '`decrypt-gather` of two `jwe` tokens' ],
        [ once => 'the same with `EncGatherSingleUse`, in memory' ], [ 'lockout-first' => 'first prompt with `EncGatherLockout`' ], [ 'lockout-last' => 'last step with `EncGatherLockout`' ],
        [ signalwire => 'a step of SignalWire' ], [ plivo => 'a step of Plivo' ], [ telnyx => 'a step of Telnyx' ], [ guarded => 'the handler behind `Require twilio-signature`' ],
        [ jambonz => 'the handler behind `Require webhook-signature`, jambonz' ], [ freeclimb => 'the same, FreeClimb' ], [ standardwebhooks => 'the same, Standard Webhooks' ],
        [ status => 'the status page, scraped' ]);
    return _table([ '', 'instructions', 'a handler that does nothing = 1' ],
        map { [ $_->[1], _thousands($line->{ $_->[0] }), _number($line->{ $_->[0] } / $line->{null}, 2) ] } grep { $line->{ $_->[0] } && $line->{null} } @rows)
        . _allocated($line) . ($line->{date} ? "\nCounted on $line->{date}" . ($line->{fingerprint} ? ', ' . $line->{fingerprint} =~ s/,/, /gr : '') . ".\n" : '');
}

sub _allocated ($line) {
    my @known = grep { defined $line->{"$_->[0]-malloc"} } [ getPin => 'a step' ], [ last => 'the last step' ];
    return @known ? "\nPieces of memory from the heap beside the request's own: " . join(', ', map { "$_->[1] " . (0 + $line->{"$_->[0]-malloc"}) } @known) . ".\n" : '';
}

1;
