# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# Dashboard and alert rules of conf/monitoring beside what a real server prints: every name and every label value in them is one that
# it has, every number that it has is on the dashboard, every query finds something; and each incident brings the alerts that it
# should, and no other.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use JSON::PP ();
use Test::More;

use lib 't/lib';
use EncGather::Files qw(slurp spew);
use EncGather::Test;

my $CONF   = in_tree('../conf');
my $TREE   = in_tree('private/monitoring');
my $RULES  = slurp("$CONF/monitoring/encgather-alerts.yml");
my $MANUAL = slurp("$CONF/manual/monitoring.md");
my $BOARD  = JSON::PP->new->decode(slurp("$CONF/monitoring/encgather-dashboard.json"));

# --- What a server prints -------------------------------------------------------------------------------------------

my $server = private_server('monitoring', conf => <<"END_OF_CONF");
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
EncGatherKeyFile "@{[ in_tree('conf/keys/demo.key') ]}"
EncGatherSignature off
<Location /gather>
    SetHandler encrypted-gather
    EncGatherBackend /decrypt
</Location>
<Location /reveal>
    EncGatherReveal card
    EncGatherTokenFormat jwe
    EncGatherSingleUse on
</Location>
<Location /encgather-status>
    SetHandler encgather-status
</Location>
END_OF_CONF
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;
post($HOST, $_, [ Digits => '1234' ], token => undef) for '/gather', '/gather?step=getPin';
my $TEXT = request(GET => $HOST, '/encgather-status?format=openmetrics')->content;
$server->stop;
log_is_clean($server, qr/EG0110:/);

# Each sample as [name, labels in braces], and what there is: a name, or a value of a label of it.
my @SAMPLES = map { /^(encgather_\w+)(?:\{(.*)\})? \S+$/ ? [ $1, $2 // '' ] : () } split /\n/, $TEXT;
my %THERE;
for my $sample (@SAMPLES) {
    my ($name, $labels) = @$sample;
    $THERE{$name} = 1;
    $THERE{"$name $1"} = $THERE{"$name $1=$2"} = 1 while $labels =~ /(\w+)="([^"]*)"/g;
}
cmp_ok scalar keys %THERE, '>', 50, 'a server prints numbers';

# --- Names and label values -----------------------------------------------------------------------------------------

# What a rule writes down has the labels of what it is made of.
my %RECORDED = $RULES =~ /- record: (encgather:\S+)\s+expr: >-\s+\(?(encgather_\w+)/g;

# All that a query asks for and the server does not have. The values of Prometheus's own labels, and of variables, are others'.
sub unknown_in ($query) {
    my @unknown;
    $query =~ s/(encgather:[\w:]+)/$RECORDED{$1} || 'encgather_' . $1 =~ tr{:}{_}r/ge;
    while ($query =~ /\b(encgather_\w+)(?:\{([^}]*)\})?/g) {
        my ($name, $matchers) = ($1, $2 // '');
        push @unknown, $name unless $THERE{$name};
        while ($matchers =~ /(\w+)=~?"([^"]*)"/g) {
            my ($label, $values) = ($1, $2);
            next if $label =~ /^(?:job|instance)$/;
            push @unknown, "$name $label" unless $THERE{"$name $label"};
            push @unknown, map { "$name $label=$_" } grep { !/^\$/ && !$THERE{"$name $label=$_"} } split /\|/, $values;
        }
    }
    return @unknown;
}

my @PANELS  = map { $_, @{ $_->{panels} || [] } } @{ $BOARD->{panels} };
my @TARGETS = map { my $panel = $_; map { [ $panel->{title}, $_->{expr} ] } @{ $panel->{targets} || [] } } @PANELS;
my @OTHERS  = map { $_->{definition} // $_->{expr} // () } @{ $BOARD->{templating}{list} }, @{ $BOARD->{annotations}{list} };
my $QUERIES = join "\n", @OTHERS, map { $_->[1] } @TARGETS;
cmp_ok scalar @TARGETS, '>', 20, 'the dashboard has queries';
is_deeply [ unknown_in($QUERIES) ], [], 'and names nothing that a server does not have';
is_deeply [ unknown_in($RULES =~ s/^\s*#.*//mgr) ], [], 'neither do the rules';
is_deeply [ unknown_in('encgather:lost:5m encgather:failures:10m{cause="lost"}') ], [ 'encgather_encgather_lost_5m', 'encgather_failures_total cause=lost' ],
    'nor of what they have written down';
is_deeply [ unknown_in('encgather_lost_total{host="x"} encgather_calls_total{step="first"} encgather_lookups_total{outcome=~"found|lost"}') ],
    [ 'encgather_lost_total', 'encgather_lost_total host', 'encgather_lost_total host=x', 'encgather_calls_total step', 'encgather_calls_total step=first',
        'encgather_lookups_total outcome=lost' ], 'which this test would see';
is_deeply [ grep { $QUERIES !~ /\b$_\b/ } grep { !/ / } sort keys %THERE ], [], 'all that a server has is on the dashboard';
my @families = $TEXT =~ /^# TYPE encgather_(\w+)/mg;
is_deeply [ grep { $MANUAL !~ /`\Q$_\E(?:_total)?`/ } @families ], [], 'and in the manual';

# --- The dashboard --------------------------------------------------------------------------------------------------

{
    my @shown = grep { $_->{type} ne 'row' } @PANELS;
    my @sources = map { $_->{datasource}, map { $_->{datasource} } @{ $_->{targets} } } @shown;
    is_deeply [ grep { ($_->{uid} // '') ne '${datasource}' } @sources ], [], 'its data source is a variable, everywhere';
    is_deeply [ map { $_->{title} } grep { !$_->{description} } @shown ], [], 'each panel says what it shows';
    is_deeply [ map { $_->{title} } grep { $_->{type} ne 'table' && !$_->{fieldConfig}{defaults}{unit} } @shown ], [], 'and has a unit';
    my (%ids, %cells);
    $ids{ $_->{id} }++ for @PANELS;
    for my $at (map { $_->{gridPos} } @PANELS) {
        for my $x ($at->{x} .. $at->{x} + $at->{w} - 1) { $cells{"$x,$_"}++ for $at->{y} .. $at->{y} + $at->{h} - 1 }
    }
    is_deeply [ grep { $ids{$_} > 1 } keys %ids ], [], 'each panel has its own number';
    is_deeply [ grep { $cells{$_} > 1 || /^(\d+),/ && $1 >= 24 } keys %cells ], [], 'and its own place';
    is_deeply [ @$BOARD{qw(id schemaVersion)} ], [ undef, 36 ], 'it can be imported by Grafana 9';
    is_deeply [ map { $_->{title} } grep { my $footer = $_->{options}{footer}; $footer && !$footer->{reducer} } @shown ], [], 'a footer is whole';
    is_deeply [ map { $_->{name} } grep { my $chosen = $_->{current}; grep { !defined $chosen->{$_} } qw(text value) } @{ $BOARD->{templating}{list} } ], [],
        'so is what a variable begins with ("make dashboard-check" looks at all of it)';
}

# --- Alerts and the manual ------------------------------------------------------------------------------------------

my @ALERTS = $RULES =~ /^\s*- alert: (\w+)$/mg;
is_deeply [ $MANUAL =~ /^\| `(Encgather\w+)` \|/mg ], \@ALERTS, 'the manual has the alerts of the rules, in their order';
is scalar(() = $RULES =~ /severity: (?:critical|warning)$/mg), scalar @ALERTS, 'each has a severity';

# --- Incidents ------------------------------------------------------------------------------------------------------

my ($PROMTOOL) = grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH};
if (!$PROMTOOL) {
    $ENV{CI} ? fail('there is a promtool') : diag('no promtool here: rules and queries are not tried');
    finish();
    exit;
}

# Two servers of one job; a minute between samples. Each of them gets six calls a minute: what grows by how much.
my @HEALTHY = (
    [ 'calls_total'                                  => 6 ],
    [ 'webhooks_total .*(?:first|middle).*"asked"'   => 6 ],
    [ 'webhooks_total .*last.*"found"'               => 5 ],
    [ 'webhooks_total .*last.*"not-found"'           => 1 ],
    [ 'signatures_total .*"valid"'                   => 18 ],
    [ '(?:backend_answers|decryptions|lookups)_total .*"found"' => 5 ],
    [ '(?:backend_answers|decryptions|lookups)_total .*"not-found"' => 1 ],
    [ 'failures_total .*"no-account"'                => 1 ],
    [ 'key_\w+_total'                                => 12 ],
    [ 'state_asked_total'                            => 6 ],
    [ 'state_duration_seconds_total'                 => 0.006 ],
    [ 'state_(?:counts|marks)_room'                  => "100x24" ],
    [ 'handler_duration_seconds_(?:bucket|count)'    => 18 ],
    [ 'handler_duration_seconds_bucket .*le="0\.0[01]' => 0 ],
    [ 'backend_duration_seconds_(?:bucket|count)'    => 6 ],
    [ 'backend_duration_seconds_bucket .*le="0\.00'  => 0 ],
    [ '\w+_duration_seconds_sum'                     => 0.5 ],
);
my ($MINUTES, $THEN) = (24, '22m');    # of samples, and when it is looked at

# Later ones win; a rate, or values as promtool writes them. Rules do not see what they do not ask for.
my @ASKED_FOR = grep { $RULES =~ /\b$_->[0]\b/ } @SAMPLES;

sub series_of ($instance, $samples, @growth) {
    my @series;
    for my $sample (@$samples) {
        my ($name, $labels) = @$sample;
        my $values = $name =~ /_info$/ ? "1x$MINUTES" : $name =~ /_start_time/ ? "-3600x$MINUTES" : "0x$MINUTES";
        for my $each (@growth) {
            my ($pattern, $by) = @$each;
            next if "$name $labels" !~ /^encgather_$pattern/;
            $values = $by =~ /x|^$/ ? $by : "0+${by}x$MINUTES";
        }
        my $all = join ',', $labels || (), qq(job="encgather"), qq(instance="$instance");
        push @series, { series => "$name\{$all}", values => $values } if length $values;
    }
    return @series, { series => qq(up{job="encgather",instance="$instance"}), values => "1x$MINUTES" };
}

my %provoked;

sub firing (@alerts) {
    @provoked{@alerts} = ();
    return { expr => 'max by (alertname) (ALERTS{alertstate="firing"})', eval_time => $THEN,
        exp_samples => [ map { { labels => qq({alertname="$_"}), value => 1 } } sort @alerts ] };
}

# What is other than on a healthy day at the first server, and at the other one.
sub incident ($name, $alerts, $here, $there = []) {
    my $samples = @$alerts || @$here ? \@ASKED_FOR : \@SAMPLES;
    return { name => $name, interval => '1m', input_series => [ series_of('a:443', $samples, @HEALTHY, @$here), series_of('b:443', $samples, @HEALTHY, @$there) ],
        promql_expr_test => [ firing(@$alerts) ] };
}

my ($FEW, $ONCE) = ('0+0.1x24', '0x18 1x6');
my @ENDS = map { ["webhooks_total .*last.*\"$_\"" => 0] } qw(found not-found);
my @UNAVAILABLE = (@ENDS, [ 'webhooks_total .*last.*"unavailable"' => 6 ]);
my @NO_ANSWER   = map { ["backend_answers_total .*\"$_\"" => 0] } qw(found not-found);
my @NO_LOOKUP   = map { ["(?:lookups|decryptions)_total .*\"$_\"" => 0] } qw(found not-found);
my @NO_CALLS    = ([ 'calls_total' => 0 ], [ '(?:webhooks|signatures|lookups|decryptions|backend_answers|failures|key_\w+)_total' => 0 ]);
my @SLOW        = ([ 'backend_duration_seconds_bucket .*le="[0-4]' => 0 ], [ 'handler_duration_seconds_bucket .*"encrypted.*le="[0-5]' => 12 ]);

sub failing ($cause, $by) { return [ "failures_total .*\"$cause\"" => $by ] }

# At the 19th minute all of its numbers appear, most of them as 0.
sub newly (@numbers) {
    return [ [ '(?!build|counters|key|state|calls)\w+' => '_x18 0x6' ], [ 'calls_total' => '0x18 1x6' ], [ 'key_\w+_total' => 0 ],
        [ 'state_(?:asked|duration\w+)_total' => 0 ], map { [ $_->[0] => "_x18 $_->[1]x6" ] } @numbers ];
}

# The ten that somebody has to tell apart, and others.
my @INCIDENTS = (
    incident('a healthy day', [], []),
    incident('the backend is dead', [qw(EncgatherCallersNotServed EncgatherBackendDead)],
        [ @UNAVAILABLE, @NO_ANSWER, @NO_LOOKUP, [ 'backend_answers_total .*"refused"' => 6 ], failing('backend-away', 6) ]),
    incident('the backend is slow', [qw(EncgatherBackendSlow EncgatherSlow)], [@SLOW]),
    incident('the backend is slower than EncGatherTimeout', [qw(EncgatherCallersNotServed EncgatherBackendTimeouts EncgatherBackendSlow EncgatherSlow)],
        [ @UNAVAILABLE, @NO_ANSWER, @SLOW, [ 'backend_answers_total .*"timeout"' => 6 ], failing('backend-slow', 6) ]),
    incident('a wrong auth token', ['EncgatherSignaturesFail'],
        [ @NO_CALLS, [ 'signatures_total .*"invalid"' => 6 ], [ 'webhooks_total .*first.*"forbidden"' => 6 ], failing('signature', 6) ]),
    incident('a wrong public URL', ['EncgatherWrongURL'],
        [ @NO_CALLS, [ 'signatures_total .*"invalid"' => 6 ], [ 'webhooks_total .*first.*"forbidden"' => 6 ], failing('public-url', 6) ]),
    incident('the database is locked', [qw(EncgatherCallersNotServed EncgatherDatabaseUnavailable)],
        [ @UNAVAILABLE, @NO_ANSWER, @NO_LOOKUP, [ '(?:lookups|decryptions)_total .*"unavailable"' => 6 ], [ 'backend_answers_total .*"refused"' => 6 ], failing('database', 6) ]),
    incident('a key that not every server has', [qw(EncgatherKeyMissing EncgatherKeyNotEverywhere)],
        [ [ 'decryptions_total .*"bad-token"' => $FEW ], [ 'webhooks_total .*last.*"unavailable"' => $FEW ], failing('(?:key|tag)', $FEW) ], [ [ 'key_\w+_total' => '' ] ]),
    incident('a flood of forged requests', ['EncgatherForgedRequests'],
        [ [ 'signatures_total .*"(?:invalid|missing)"' => 300 ], [ 'webhooks_total .*first.*"forbidden"' => 600 ], failing('(?:signature|unsigned)', 300) ]),
    incident('the Redis is away', [qw(EncgatherCallersNotServed EncgatherStateAway)],
        [ @UNAVAILABLE, @NO_ANSWER, [ 'decryptions_total .*"unavailable"' => 6 ], failing('state', 6) ]),
    incident('the Redis is away, and lockouts go on without it', ['EncgatherStateAway'], [ [ 'lockouts_total .*"away"' => 6 ] ]),
    incident('the Redis is slow', ['EncgatherStateSlow'], [ [ 'state_duration_seconds_total' => 3 ] ]),
    incident('too little memory for used tokens', ['EncgatherStateTooSmall'], [ [ 'state_marks_pushed_out_total' => $ONCE ] ]),
    incident('too little memory for counts', ['EncgatherStateTooSmall'], [ [ 'state_counts ' => "90x$MINUTES" ] ]),
    incident('a number that is locked', ['EncgatherLockedOut'], [ [ 'lockouts_total .*"locked"' => 2 ] ]),
    incident('somebody who guesses, from many numbers', ['EncgatherGuessing'], ([ [ 'lockouts_total .*"failed"' => 5 ] ]) x 2),
    incident('the clock is wrong: what comes is too old', ['EncgatherClockWrong'], [ [ 'decryptions_total .*"bad-token"' => $FEW ], failing('clock', $FEW) ]),
    incident('the clock is wrong: a day ahead', ['EncgatherClockWrong'], [ [ 'counters_start_time_seconds' => "86400x$MINUTES" ] ]),
    incident('one caller who errs', [],
        [ [ 'webhooks_total .*middle.*"invalid"' => $ONCE ], [ 'webhooks_total .*middle.*"asked-again"' => '0x10 2x14' ], failing('attempts', $ONCE) ]),
    incident('many callers who err', ['EncgatherCallersErr'], ([ [ 'webhooks_total .*middle.*"invalid"' => 3 ], failing('attempts', 3) ]) x 2),
    incident('somebody who tries numbers', ['EncgatherNobodyFound'], ([ [ 'webhooks_total .*last.*"not-found"' => 20 ], failing('no-account', 20) ]) x 2),
    incident('one answer of the backend that cannot be read', ['EncgatherBackendFails'],
        [ [ 'webhooks_total .*last.*"unavailable"' => $ONCE ], [ 'backend_answers_total .*"broken"' => $ONCE ], failing('backend-answer', $ONCE) ]),
    incident('no key, from the first request on', ['EncgatherMisconfigured'],
        [ @NO_CALLS, [ '(?:webhooks|failures)_total' => '' ], [ 'webhooks_total .*first.*"misconfigured"' => '_x18 1x6' ], failing('misconfigured', '_x18 1x6') ]),
    incident('no key at a reveal', ['EncgatherMisconfigured'], [ [ 'reveals_total .*"misconfigured"' => $ONCE ], failing('misconfigured', $ONCE) ]),
    incident('no random bytes', ['EncgatherCryptoFails'], [ failing('crypto', $ONCE) ]),
    incident('the number is set to another path', ['EncgatherBadRequests'], [ [ 'webhooks_total .*unknown.*"malformed"' => 1 ], failing('request', 1) ]),
    incident('too large for EncGatherMaxBody', ['EncgatherTooLarge'], [ [ 'shields_total .*"too-large"' => 1 ], failing('stranger', 1) ]),
    incident('tokens that a reveal refuses', ['EncgatherBadTokens'], [ [ 'reveals_total .*"bad-token"' => $ONCE ], failing('token', $ONCE) ]),
    incident('a key that is worn out, by both servers together', ['EncgatherKeyWornOut'], ([ [ 'key_encryptions_total' => "1200000000+12x$MINUTES" ] ]) x 2),
    incident('a server without shared memory', ['EncgatherNotCounting'],
        [ [ '(?!build|counters)\w+' => '' ], [ 'counters_start_time_seconds' => "0x$MINUTES" ] ], [ [ 'key_\w+_total' => 0 ] ]),
    # A host of which nothing was counted before, but that no call began: its first failure is a number's first value.
    incident('the first call of a host, and nobody answers', [qw(EncgatherCallersNotServed EncgatherBackendDead)],
        newly([ 'webhooks_total .*last.*"unavailable"' => 1 ], failing('backend-away', 1))),
    incident('the first call of a host, and the database is away', ['EncgatherDatabaseUnavailable'], newly(failing('database', 1))),
    incident('the first call of a host, and the Redis is away, which its lockout goes on without', ['EncgatherStateAway'], newly([ 'lockouts_total .*"away"' => 1 ])),
    incident('the first call of a host, and its key is not there', ['EncgatherKeyMissing'], newly(failing('key', 1))),
    incident('the first calls of a host, signed by nobody who is known', ['EncgatherSignaturesFail'], newly(failing('signature', 3))),
    incident('the first calls of a host, some forged and one that is not', [], newly([ 'signatures_total .*"valid"' => 1 ], failing('signature', 3))),
    incident('the first calls of a host, and they are too large', ['EncgatherTooLarge'], newly([ 'webhooks_total .*first.*"too-large"' => 4 ])),
    incident('the first calls of a host at a shield, and they are too large', ['EncgatherTooLarge'], newly([ 'shields_total .*"too-large"' => 4 ])),
    incident('the first calls of a host, of a number that is locked', ['EncgatherLockedOut'], newly([ 'lockouts_total .*"locked"' => 21 ])),
    incident('a Prometheus that comes later than all failures', [], [ map { [ $_->[0] => "_x18 $_->[1]" ] } [ '\w+' => '12x6' ], [ 'counters_start_time' => '-3600x6' ],
        [ 'state_(?:counts|marks)_room' => '100x6' ] ]),
    { name => 'a server that is down', interval => '1m', input_series => [ { series => 'up{job="encgather",instance="a:443"}', values => "0x$MINUTES" } ],
        promql_expr_test => [ firing('EncgatherDown') ],
        alert_rule_test => [ { eval_time => $THEN, alertname => 'EncgatherDown', exp_alerts => [ {
            exp_labels      => { severity => 'critical', job => 'encgather', instance => 'a:443' },
            exp_annotations => { summary => 'a:443 gives no numbers', description => $RULES =~ /description: '(The server is down, .*)'/ },
        } ] } ] },
);

# What is looked at for an hour takes more of them: five minutes between samples, and a host of which nothing was counted in the first hour.
sub first_hour ($name, $alerts, %numbers) {
    my %all = ('encgather_counters_start_time_seconds{' => '-3600x24', 'encgather_calls_total{host="a",' => '0x14 20x9',
        map { ("encgather_webhooks_total{host=\"a\",$_," => "_x14 $numbers{$_}x9") } keys %numbers);
    my $there = qq(job="encgather",instance="a:443"});
    return { name => $name, interval => '5m', input_series => [ map { { series => "$_$there", values => $all{$_} } } sort keys %all ],
        promql_expr_test => [ { %{ firing(@$alerts) }, eval_time => '100m' } ] };
}

push @INCIDENTS, first_hour('the first calls of a host, and many err', ['EncgatherCallersErr'], 'step="middle",result="invalid"' => 8),
    first_hour('the first calls of a host, and some err', [], 'step="middle",result="invalid"' => 5),
    first_hour('the first calls of a host, and nobody is found', ['EncgatherNobodyFound'], 'step="last",result="not-found"' => 12, 'step="last",result="found"' => 1);

# Variables as somebody sets them who wants to see everything; a query that finds no series at all finds none for good.
sub panel_test ($title, $query) {
    my $all = $query =~ s/"\$(?:job|instance|host)"/".*"/gr =~ s/\$__rate_interval/5m/gr;
    return { expr => "clamp_max(count($all), 1)", eval_time => $THEN, exp_samples => [ { labels => '{}', value => 1 } ] };
}

push @{ $INCIDENTS[0]{promql_expr_test} }, map { panel_test(@$_) } grep { $_->[1] !~ /^ALERTS/ } @TARGETS;

# A week of samples is much: a file of its own, that looks at them once an hour. Calls in half an hour before and after.
my $UNTIL = 7 * 48 + 4;
my %BY_HOST = ('idle as a week ago' => [ 0, 0 ], 'quiet since' => [ 10, 0 ], 'busy' => [ 10, 1 ]);
my $WEEK = { interval => '30m', input_series => [ map {
        my ($then, $now) = @{ $BY_HOST{$_} };
        { series => qq(encgather_calls_total{host="$_",job="encgather",instance="a:443"}), values => "0+${then}x$UNTIL " . $then * $UNTIL . "+${now}x20" }
    } sort keys %BY_HOST ],
    promql_expr_test => [ { expr => 'max by (alertname, host) (ALERTS{alertstate="firing"})', eval_time => '173h',
        exp_samples => [ { labels => '{alertname="EncgatherNoCalls",host="quiet since"}', value => 1 } ] } ] };
$provoked{EncgatherNoCalls} = undef;

is_deeply [ grep { !exists $provoked{$_} } @ALERTS ], [], 'each alert has an incident';

sub said_by ($name, $interval, @tests) {
    my $file = "$TREE/$name.json";
    spew($file, JSON::PP->new->canonical->encode({ rule_files => ["$CONF/monitoring/encgather-alerts.yml"], evaluation_interval => $interval,
        group_eval_order => [ $RULES =~ /^  - name: (\S+)/mg ], tests => \@tests }));
    return scalar `'$PROMTOOL' test rules '$file' 2>&1`;
}

my $check = `'$PROMTOOL' check rules '$CONF/monitoring/encgather-alerts.yml' 2>&1`;
is $?, 0, 'promtool check rules: they are in order' or diag $check;
for my $case ([ incidents => '2m', @INCIDENTS ], [ week => '1h', $WEEK ]) {
    my $said = said_by(@$case);
    is $?, 0, "promtool test rules, $case->[0]: " . (@$case - 2) . ' days and what they bring' or diag $said;
}
finish();
