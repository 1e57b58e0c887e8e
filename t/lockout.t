# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# A value that was not found too often is locked: first question and last step, at many calls at once, over restarts,
# over memory and over Redis; what counts, what does not, and who is let on while the state is away.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use IO::Socket::INET;
use POSIX ();
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);

use lib 't/lib';
use EncGather::Backend;
use EncGather::Jwe qw(tool_run);
use EncGather::Redis;
use EncGather::Test;

my ($CARD, $PIN) = @SECOND_ACCOUNT;
my $WRONG  = '0933';
my $KEYS   = in_tree('conf/keys');
my $TREE   = in_tree('private/lockout');
my $REDIS  = in_tree('private/lockout-redis');
my $BACKEND = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;

sub place ($path, @lines) { return join "\n", "<Location /$path>", @lines, '</Location>', '' }

sub gathers ($path, @lines) { return place($path, 'SetHandler encrypted-gather', 'EncGatherBackend /decrypt', @lines) }

sub proxied ($path, $answer, @lines) {
    return place($path, 'SetHandler encrypted-gather', "EncGatherBackend http://127.0.0.1:$BACKEND/$answer", @lines);
}

sub conf ($state) {
    return join '', <<"END_OF_CONF",
LogLevel encgather:trace8
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
Header always set X-Result "%{ENCGATHER_RESULT}e"
EncGatherStateCache $state
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$KEYS/auth-tokens"
EncGatherLockout 3 600
EncGatherSay locked "LOCKED SENTENCE"
EncGatherThen locked dial=+15550100
EncGatherSay unavailable "UNAVAILABLE SENTENCE"
<Location /encgather-status>
    SetHandler encgather-status
</Location>
<Location /decrypt>
    SetHandler decrypt-gather
    EncGatherTokenFormat hex jwe
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits
</Location>
END_OF_CONF
        gathers('gather'),
        gathers('free',    'EncGatherLockout off'),
        gathers('scoped',  'EncGatherLockout 3 600 scope=other'),
        gathers('observe', 'EncGatherSignature observe'),
        gathers('closed',  'EncGatherLockout 3 600 fail=closed'),
        gathers('by-to',   'EncGatherLockout 3 600 by=To'),
        gathers('short',   'EncGatherLockout 1 1 scope=short'),
        gathers('account', 'EncGatherLockout 2 600 by=field:encryptedCardDigits fail=closed'),
        gathers('pin',     'EncGatherLockout 2 600 by=field:encryptedPinDigits'),
        gathers('bound',   'EncGatherTokenFormat jwe', 'EncGatherLockout 2 600 by=field:encryptedCardDigits scope=jwe'),
        map({ gathers($_, "EncGatherProvider $_", "EncGatherAuthTokenFile $TREE/$_", 'EncGatherSignature off', "EncGatherLockout 1 600 scope=$_") } qw(plivo signalwire telnyx)),
        proxied('remote', '404json', 'EncGatherLockout 3 600 scope=remote'),
        proxied('one',    '404json', 'EncGatherField encryptedCardDigits digits=4', 'EncGatherLockout 2 600 scope=one'),
        proxied('attack', '404later', 'EncGatherLockout 5 600 scope=attack'),
        proxied('html',   '404html', 'EncGatherLockout 1 600 scope=html'),
        map({ proxied("taken-$_", $_, 'EncGatherLockout 1 600 scope=taken', 'EncGatherTimeout 1') } qw(500 401 notjson close slow)),
        gathers('nobody',  'EncGatherBackend /nowhere', 'EncGatherLockout 1 600 scope=taken');
}

my $server = private_server('lockout', modules => [qw(proxy proxy_http headers)], conf => conf('shm'));
mkdir $TREE, 0755;
my $backend = EncGather::Backend->new(port => $BACKEND, record => in_tree('private/lockout-backend'));
write_secret("$TREE/$_->[0]", "$_->[1]\n") for [ plivo => 'p' x 40 ], [ signalwire => 'PSK_' . 'k' x 24 ], [ telnyx => '6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=' ];
write_secret("$TREE/key", "k1 $KEY{demo}\n");
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;

my ($calls, $callers) = (0, 0);
sub new_call ()   { return sprintf 'CA%032x', ++$calls }
sub new_caller () { return sprintf '+1555%07d', 4_000_000 + ++$callers * 7 }

# The word of the access log, and whether the caller heard the sentence of a locked one.
sub result ($response) {
    my $word  = $response->header('X-Result') // '-';
    my @said  = said($response);
    my $sound = $response->code != 200 ? $response->code : $word ne 'locked' ? '' : "@said" eq 'LOCKED SENTENCE' && $response->content =~ m{<Dial>\+15550100</Dial>} ? '' : ' without its sentence';
    return $word . ($sound ? " $sound" : '');
}

sub first ($at, @pairs) { return result(post($HOST, "/$at", [ CallSid => new_call(), @pairs ])) }

sub last_step ($at, $pin, @pairs) {
    my %options = ref $pairs[-1] ? %{ pop @pairs } : ();
    my $card    = $options{card} // seal($CARD);
    my $call    = $options{call} // new_call();
    delete @options{qw(card call)};
    return result(post($HOST, "/$at?step=processData&encryptedCardDigits=$card", [ CallSid => $call, Digits => $pin, @pairs ], %options));
}

sub metrics () {
    my $text = get($HOST, '/encgather-status?format=prometheus')->content;
    return { map { /^encgather_lockouts_total\{host="[^"]*",event="([^"]+)"\} (\d+)/ ? ($1 => $2) : () } split /\n/, $text };
}

# Of the store itself: name => value, and "provider".
sub store () {
    my $text = get($HOST, '/encgather-status?format=prometheus')->content;
    return { map { /^encgather_state_(\w+)\{provider="(\w+)"\} (\S+)$/ ? ($1 => $3, provider => $2) : () } split /\n/, $text };
}

sub page ($format) { return get($HOST, "/encgather-status?format=$format")->content }

# --- Not found, and locked -----------------------------------------------------------------------------------

my $from = new_caller();
my $other = new_caller();
is first('gather', From => $from), 'asked', 'nothing is known: asked';
is last_step('gather', $WRONG, From => $from), 'not-found', "failure $_ of 3" for 1 .. 3;
is first('gather', From => $from), 'locked', 'F15 the first question: locked, with its sentence and what follows it';
is result(get($HOST, "/gather?CallSid=" . new_call() . '&From=' . ($from =~ s/\+/%2B/r))), 'locked', 'of a GET, too';
is last_step('gather', $WRONG, From => $from), 'locked', 'the last step';
is last_step('gather', $PIN, From => $from), 'locked', 'though it would find its account';
is last_step('gather', '12', From => $from), 'locked', 'though its answer is none';
is result(post($HOST, '/gather?step=getPin', [ CallSid => new_call(), Digits => '12', From => $from ])), 'locked', 'the first question once more';
is result(post($HOST, '/gather?step=getPin', [ CallSid => new_call(), Digits => $CARD, From => $from ])), 'asked', 'a step in between is not looked at';
is first('gather', From => $other), 'asked', 'another value: asked';
is first('by-to', To => $from), 'asked', 'another by=: a count of its own';
is first('scoped', From => $from), 'asked', 'another scope=: too';
is first('free', From => $from), 'asked', 'off: not looked at';
is first('closed', From => $from), 'locked', 'another location of the same by= and scope=: the same count';
is result(post($HOST, '/gather', [ CallSid => new_call(), From => $from ], token => $TOKEN{other})), 'forbidden 403', 'the signature comes first';
is result(post($HOST, '/gather?step=nowhere', [ CallSid => new_call(), From => $from ])), 'malformed 400', 'so does the step';
is last_step('gather', $PIN, From => $from, { card => 'x' }), 'malformed 400', 'and a token';
is last_step('gather', $PIN, From => new_caller(), { call => '' }), 'malformed 400', 'and the call id that it needs';
is result(post($HOST, '/gather', [ From => new_caller() ])), 'asked', 'which the first question does not';

is last_step('gather', $WRONG, From => $other), 'not-found', "failure $_ of another" for 1 .. 2;
is last_step('gather', $PIN, From => $other), 'found', 'then it finds its account';
is last_step('gather', $WRONG, From => $other), 'not-found', "failure $_ behind that" for 1 .. 2;
is last_step('gather', $PIN, From => $other), 'found', 'the count was reset';

$from = new_caller();
my ($card, $call) = (seal($CARD), new_call());
is last_step('gather', $WRONG, From => $from, { card => $card, call => $call }), 'not-found', "one step, delivery $_" for 1 .. 4;
is last_step('gather', $WRONG, From => $from), 'not-found', 'counts once';
is last_step('gather', $WRONG, From => $from), 'not-found', 'so this is the third';
is last_step('gather', $WRONG, From => $from, { card => $card, call => $call }), 'not-found', 'delivered late: answered as before';
is last_step('gather', $WRONG, From => $from), 'locked', 'and there is no fourth';

is last_step('short', $WRONG, From => $from), 'not-found', 'a count of a second';
is first('short', From => $from), 'locked', 'is there';
my $until = time + 5;
sleep 0.1 while first('short', From => $from) eq 'locked' && time < $until;
is first('short', From => $from), 'asked', 'and gone behind it';

# --- What counts ---------------------------------------------------------------------------------------------

$from = new_caller();
is last_step('html', $WRONG, From => $from), 'not-found', 'a 404 without JSON is not found';
is first('html', From => $from), 'locked', 'and counts';
for my $at (map({ "taken-$_" } qw(500 401 notjson close slow)), 'nobody') {
    is last_step($at, $WRONG, From => $from), 'unavailable', "$at: unavailable";
}
is first('nobody', From => $from), 'asked', 'none of them counted';

is last_step('observe', $WRONG, From => $from, { token => $TOKEN{other} }), 'not-found', "observe: a forged one, $_" for 1 .. 4;
is last_step('observe', $WRONG, From => $from), 'not-found', "a signed one, $_" for 1 .. 3;
is last_step('observe', $WRONG, From => $from), 'locked', 'counts alone';
is last_step('observe', $WRONG, From => $from, { token => $TOKEN{other} }), 'not-found', 'and forged ones are not looked at';

for my $case ([ 'no', [] ], [ 'an empty', [ From => '' ] ], [ 'two', [ From => $from, From => $from ] ]) {
    my ($name, $pairs) = @$case;
    is first('gather', @$pairs), 'asked', "$name From, fail=open: asked";
    is last_step('gather', $WRONG, @$pairs), 'not-found', 'and not counted' for 1 .. 4;
    is first('closed', @$pairs), 'unavailable', 'fail=closed: unavailable';
    is last_step('closed', $PIN, @$pairs), 'unavailable', 'at the last step, too';
}

for my $case ([ plivo => 'CallUUID', 'Speak' ], [ signalwire => 'CallSid', 'Say' ], [ telnyx => 'CallSid', 'Say' ]) {
    my ($provider, $id, $verb) = @$case;
    my $step = post($HOST, "/$provider?step=processData&encryptedCardDigits=" . seal($CARD), [ $id => new_call(), From => '15554000003', Digits => $WRONG ], token => undef);
    is result($step), 'not-found', "$provider: a failure";
    like post($HOST, "/$provider", [ $id => new_call(), From => '15554000003' ], token => undef)->content, qr{<$verb>LOCKED SENTENCE</$verb>}, 'is locked in its own words';
}

is result(post($HOST, '/one?step=processData', [ CallSid => new_call(), Digits => $WRONG, From => $from ])), 'not-found', "one field, failure $_" for 1 .. 2;
is result(post($HOST, '/one?step=processData', [ CallSid => new_call(), Digits => '1', From => $from ])), 'locked', 'one field: locked';

# --- By a field ----------------------------------------------------------------------------------------------

is last_step('account', $WRONG, From => new_caller()), 'not-found', "the account fails from phone $_" for 1 .. 2;
is last_step('account', $PIN, From => new_caller()), 'locked', 'from no phone more';
is last_step('account', '1', From => new_caller()), 'locked', 'nor with an answer that is none';
is first('account'), 'asked', 'the first question is not looked at';
is last_step('account', $WRONG, { card => seal('0418') }), 'not-found', 'another account is';
is last_step('account', $WRONG, { card => seal($CARD, $KEY{other}) }), 'unavailable', 'a token of another key, fail=closed: unavailable';
is last_step('pin', $WRONG, { card => seal("041$_") }), 'not-found', "by what is keyed in last, $_" for 1 .. 2;
is last_step('pin', $WRONG, { card => seal('0413') }), 'locked', 'locked';
is last_step('pin', '1', { card => seal('0413') }), 'asked-again', 'an answer that is none has no count';
{
    my $jwe = sub { my $call = new_call(); my $asked = post($HOST, '/bound?step=getPin', [ CallSid => $call, Digits => $CARD ]); return { call => $call, card => token_in($asked, 'encryptedCardDigits') } };
    is last_step('bound', $WRONG, $jwe->()), 'not-found', "a jwe token, $_" for 1 .. 2;
    is last_step('bound', $WRONG, $jwe->()), 'locked', 'locked';
}

# --- Many at once --------------------------------------------------------------------------------------------

sub at_once ($n, $does) {
    my @pids = map { my $pid = fork // die "fork: $!"; $pid || do { eval { $does->($_) }; POSIX::_exit(0) } } 1 .. $n;
    waitpid $_, 0 for @pids;
    return;
}

sub attack ($name) {
    my $caller = new_caller();
    $backend->forget;
    $calls += 100;
    at_once(24, sub ($n) { $calls += $n; last_step('attack', $WRONG, From => $caller) });
    $calls += 100;
    my $reached = () = $backend->requests;
    is $reached, 5, "F15 $name: of 24 calls at once as many reach the backend as may fail";
    is first('attack', From => $caller), 'locked', 'then all are locked';
    return $caller;
}

my $locked = attack('shm');
ok $server->graceful, 'a graceful restart';
is first('attack', From => $locked), 'locked', 'locked all the same';
my $counted = metrics();
cmp_ok $counted->{locked}, '>=', 20, 'calls that were locked are counted';
cmp_ok $counted->{failed}, '>=', 20, 'failures, too';
cmp_ok $counted->{uncounted}, '>=', 15, 'and calls that could not be counted';
is $counted->{away}, 0, 'the state was never away';
my $store = store();
is_deeply [ sort keys %$store ], [ sort qw(provider asked_total failures_total duration_seconds_total longest_seconds away last_failure_time_seconds marks marks_room marks_pushed_out_total
    counts counts_room) ], 'the store has numbers of its own';
cmp_ok $store->{asked_total}, '>', $counted->{locked} + $counted->{failed}, '... how often it was asked';
cmp_ok $store->{counts}, '>', 1, '... how many values it holds';
cmp_ok $store->{duration_seconds_total}, '>=', $store->{longest_seconds}, '... how long that took';
is "@$store{qw(provider failures_total away last_failure_time_seconds marks marks_pushed_out_total)}", 'shm 0 0 0.000000 0 0', '... and nothing went wrong';
like page('text'), qr/^State that requests share: shm, memory of this host: asked \d+ times, .* Used tokens: 0 of \d+ .* Counts: [1-9]\d* of \d+$/m, 'the status page has a line about it';
like page('text'), qr/Callers who failed too often are locked/, '... and about callers who are locked';
is decode_json(page('json'))->{state}{provider}, 'shm', '... JSON, too';

# Full: one caller has a count, the other has no room.
$server->configure(conf => conf('shm(65536)'));
ok $server->graceful, 'memory that is small';
my $known = new_caller();
last_step('gather', $WRONG, From => $_) for $known, map { new_caller() } 1 .. 80;
for (1 .. 5) { last_step('gather', $WRONG, From => new_caller()); first('gather', From => $known) }
is scalar(() = $server->error_log =~ /EG0701: .*no room/g), 1, 'full: one line';
cmp_ok scalar(() = $server->error_log =~ /EG0702: /g), '<=', 1, '... and no more lines that it answers again';
ok $server->stop, 'the server stops';

# --- Redis ---------------------------------------------------------------------------------------------------

my $redis = EncGather::Redis->new($REDIS);
$redis->start;
write_secret("$TREE/state.key", "$KEY{ring1}\n");
write_secret("$TREE/ring", "a $KEY{ring1}\nb $KEY{ring2}\n");
write_secret("$TREE/other.key", "$KEY{other}\n");
my $STATE = $redis->by_socket;
$server->configure(conf => conf("$STATE key-file=$TREE/state.key"));
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
$HOST = '127.0.0.1:' . $server->port;

$from = new_caller();
is last_step('remote', $WRONG, From => $from), 'not-found', "Redis: failure $_ of 3" for 1 .. 3;
is last_step('remote', $WRONG, From => $from), 'locked', 'Redis: locked';
is last_step('account', $WRONG, { card => seal($CARD) }), 'not-found', 'Redis: by a field';
$locked = attack('Redis');

my %lives = $redis->lives;
my $held  = $redis->contents;
cmp_ok scalar keys %lives, '>=', 3, 'Redis has counts';
is_deeply [ grep { !/\Aeg:l:[0-9a-f]{32}(?::n)?\z/ } keys %lives ], [], 'and nothing but counts';
is_deeply [ grep { $lives{$_} <= 0 } keys %lives ], [], 'each of which ends';
unlike $held, qr/555400\d{4}/, 'no number';
is_deeply [ grep { !/\A(?:eg:l:[0-9a-f]{32} \d{1,2}|eg:l:[0-9a-f]{32}:n (?:[0-9a-f]{32} \d+;)*)\z/ } split /\n/, $held ], [], 'no digits: keyed hashes, counts and times alone';

# --- encgather unlock ----------------------------------------------------------------------------------------

my @UNLOCK = ('unlock', '--state' => $STATE, '--key-file' => "$TREE/state.key", '--by' => 'From');
is_deeply [ tool_run([ @UNLOCK, '--scope', 'remote' ], "$other\n$from\n$from\n") ], [ 0, "not counted\nunlocked\nnot counted\n" ], 'a line for each: what there was';
is first('remote', From => $from), 'asked', 'unlocked';
is_deeply [ tool_run([ @UNLOCK[ 0 .. 4 ], '--by', 'field:encryptedCardDigits' ], "$CARD\n\n0000\n") ],
    [ 1, "unlocked\nencgather unlock: line 2: is empty, and nothing is counted by that\nnot counted\n" ], 'a field; an empty line is bad, and the others are done';
is_deeply [ tool_run([ @UNLOCK[ 0 .. 2 ], '--key-file', "$TREE/other.key", '--by', 'From', '--scope', 'attack' ], "$locked\n") ], [ 0, "not counted\n" ], 'another key knows nobody';
is first('attack', From => $locked), 'locked', 'who is locked still';
# Notes of a host that died while it asked its backend.
$redis->ask(SET => "$_:n", join('', map { sprintf '%032x 9999999999;', $_ } 1 .. 5), EX => 600) for grep { !/:n/ && ($redis->ask(GET => $_) // '') eq '5' } keys %lives;
is_deeply [ tool_run([ @UNLOCK, '--scope', 'attack' ], "$locked\n") ], [ 0, "unlocked\n" ], 'with the notes that were left';
is first('attack', From => $locked), 'asked', 'unlocked';
my $password = write_secret("$TREE/password", "any\n");
is_deeply [ tool_run([ @UNLOCK, '--user', 'default', '--password-file', $password, '--db', 3 ], "$from\n") ], [ 0, "not counted\n" ], 'with a user, a password, another database';
is_deeply [ tool_run([ @UNLOCK, '--user', 'nobody', '--password-file', $password ], "$from\n") ],
    [ 3, "encgather unlock: the Redis of --state answers WRONGPASS: user= or what is in password-file= is not right; stopped there\n" ], 'a user that there is not';

# --- Away ----------------------------------------------------------------------------------------------------

$redis->stop;
is first('gather', From => $from), 'asked', 'F16 no Redis, fail=open: asked';
is last_step('gather', $WRONG, From => $from), 'not-found', 'and let on' for 1 .. 4;
like page('text'), qr/The Redis that hosts share \(EncGatherStateCache\) does not answer\b.*calls went on/s, 'the status page says so';
is first('closed', From => $from), 'unavailable', 'F16 no Redis, fail=closed: unavailable';
is last_step('closed', $PIN, From => $from), 'unavailable', 'at the last step, too';
cmp_ok metrics()->{away}, '>=', 4, 'and it is counted';
$store = store();
is "@$store{qw(provider away)}", 'redis 1', 'the store says that it is away';
cmp_ok $store->{failures_total}, '>=', 4, '... how often it had no answer';
cmp_ok abs($store->{last_failure_time_seconds} - time), '<', 30, '... and when last';
ok !exists $store->{marks}, '... and has no room to tell of';
my $status = decode_json(page('json'));
ok $status->{state}{is_away}, '... in JSON, too';
is +(grep { $_->{tag} eq 'EG0712' } @{ $status->{failures_kept}{failed} || [] })[0]{cause}, 'state', 'and a failure has it for its cause' or diag explain $status->{failures_kept};

my $log = $server->error_log;
unlike $log, qr/555400\d{4}/, 'no number in the error log';
is scalar(() = $log =~ /EG0701: .*the Redis/g), 1, 'and one line about the Redis that is away';
ok $server->stop, 'the server stops';
$backend->stop;
log_is_clean($server, qr/EG0110: /, qr/EG0301: /, qr/EG0303: /, qr/EG0407: .*a failure of it counted/, (map { qr/EG050$_: / } 1, 2),
    qr/AH01102: /, qr/AH00898: /, qr/EG0711: .*cannot count it by From, the webhook has no such parameter, an empty one, or two: .*fail=closed/,
    qr/EG0711: .*by field:encryptedCardDigits, the token of that field does not open/, qr/EG070\d: /);
finish();
