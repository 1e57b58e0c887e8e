# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# EncGatherSingleUse: a token is taken once, by one host or by several, over restarts and when the store is full; a step that
# is delivered twice is answered twice, alike.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use JSON::PP ();
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Daemon qw(free_ports);
use EncGather::Jwe qw(seal_jwe);
use EncGather::Redis;
use EncGather::Test;
use EncGather::Wait qw(wait_until);

my ($CARD, $PIN, $ACCOUNT) = @SECOND_ACCOUNT;
my @FIELDS = qw(encryptedCardDigits encryptedPinDigits);
my $MANY   = 60;    # members of one request

# --- Servers ----------------------------------------------------------------------------------------------------------

my ($PORT, $OTHER_PORT, $BACKEND_PORT) = free_ports(3);
my $TREE = in_tree('private/singleuse');
my $server = private_server('singleuse', port => $PORT, modules => [qw(proxy proxy_http)]);
my $other  = private_server('singleuse-other', port => $OTHER_PORT, mpm => ($ENV{ENCGATHER_MPM} || '') eq 'prefork' ? 'event' : 'prefork', modules => [qw(proxy proxy_http)]);
my $backend = EncGather::Backend->new(port => $BACKEND_PORT, record => "$TREE/seen");
my $RING    = write_secret("$TREE/ring", "k1 $KEY{demo}\n");

sub conf ($cache, @more) {
    return <<"END_OF_CONF";
EncGatherStateCache $cache
DBDriver sqlite3
DBDParams "${\in_tree('conf/accounts.db')}"
EncGatherAuthTokenFile "${\in_tree('conf/keys/auth-tokens')}"
EncGatherKeyFile "$RING"
EncGatherTokenFormat jwe
EncGatherSingleUse on
CustomLog logs/verdicts "%{X-Test-Id}i %>s %{ENCGATHER_RESULT}e"
@more
<Location /gather>
    SetHandler encrypted-gather
    EncGatherBackend /decrypt
    EncGatherSay found "%{account}"
</Location>
<Location /decrypt>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" @FIELDS
    <If "%{QUERY_STRING} == 'hex'">
        EncGatherTokenFormat jwe hex
    </If>
</Location>
<Location /again>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherSingleUse off
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" @FIELDS
</Location>
<Location /pay>
    ProxyPass http://127.0.0.1:$BACKEND_PORT/ok
    EncGatherExpose on
    EncGatherReveal card=card same=card @{[ map { "m$_=card" } 1 .. $MANY ]}
</Location>
END_OF_CONF
}

sub serve ($which, @conf) {
    $which->configure(conf => conf(@conf));
    return $which->running ? $which->graceful : $which->start || BAIL_OUT('a private server does not start: ' . $which->error);
}

# --- Requests -------------------------------------------------------------------------------------------------------

my $serial = 0;
sub fresh_call () { return sprintf 'CA%030x%02x', $$, ++$serial }

sub token ($field, $plain, $call, %with) { return seal_jwe('dir', $plain, key => $KEY{demo}, kid => 'k1', sid => $call, fld => $field, %with) }

sub pair (%with) {
    my $call = fresh_call();
    return { $FIELDS[0] => token($FIELDS[0], $CARD, $call, %with), $FIELDS[1] => token($FIELDS[1], $PIN, $call, %with) };
}

sub key ($key) { return (headers => [ 'Idempotency-Key' => $key ]) }

sub host ($which = $server) { return '127.0.0.1:' . $which->port }

sub offer ($tokens, %options) { return decrypt(host(delete $options{at} || $server), delete $options{target} || '/decrypt', $tokens, %options) }

sub taken ($response, $name) {
    return is $response->code . ' ' . $response->content, qq(200 {"account":"$ACCOUNT","balance":"$SECOND_ACCOUNT[3]"}), $name;
}

sub refused ($response, $name) { return is $response->code . ' ' . $response->content, '400 {"error":"bad token"}', $name }

sub verdict ($response) {
    my $line;
    wait_until(10, sub { ($line) = ($server->logs->{verdicts} || '') =~ /^\Q$response->{test_id}\E (.*)$/m });
    return $line;
}

# --- One host, in its memory ------------------------------------------------------------------------------------------

serve($server, 'shm');

my $first = pair();
taken(offer($first), 'a pair of tokens');
my $again = offer($first);
refused($again, 'E11 the same again');
is verdict($again), '400 bad-token', '... in the access log';
like $server->error_log, qr/\[encgather:warn\].*EG0402: call \S+: the token of the field '$FIELDS[0] $FIELDS[1]' was used before.*\(rule: used\)/, '... and in the error log';
taken(offer($first, target => '/again'), 'where tokens may be used again it is good, and not used up');

my $call  = fresh_call();
my $mixed = { $FIELDS[0] => token($FIELDS[0], $CARD, $call), $FIELDS[1] => token($FIELDS[1], $PIN, $call) };
refused(offer({ %$mixed, $FIELDS[1] => token($FIELDS[1], $PIN, fresh_call()) }), 'a pair of two calls');
refused(offer({ %$mixed, $FIELDS[0] => token($FIELDS[0], $CARD, $call, iat => time - 901) }), 'a pair of which one is too old');
is offer({ %$mixed, $FIELDS[1] => token($FIELDS[1], '0000', $call) })->code, 404, 'a pair of no account';
refused(offer($mixed), 'which has used up the one that was good');
$mixed->{ $FIELDS[0] } = token($FIELDS[0], $CARD, $call);
taken(offer($mixed), 'its companion is as good as new, for it was marked by nobody');

my $twice = pair();
taken(offer($twice, key('k' x 255)), 'a pair with an Idempotency-Key');
taken(offer($twice, key('k' x 255)), 'the same again with the same key');
refused(offer($twice, key('K' x 255)), 'with another key');
refused(offer($twice), 'without one');
for my $bad ([ 'k' x 256, '256 characters' ], [ 'a b', 'a blank' ], [ "a\xe4", 'a byte that is no visible character' ], [ '', 'nothing' ]) {
    my $tokens = pair();
    offer($tokens, key($bad->[0]));
    refused(offer($tokens, key($bad->[0])), "a key of $bad->[1] is none");
}
my $last = pair();
is offer({ %$twice, $FIELDS[1] => token($FIELDS[1], $PIN, fresh_call()) }, key('k' x 255))->code, 400, 'a companion of another call does not come in by that';

my $hex = offer(pair(), target => '/decrypt?hex');
is $hex->code . ' ' . verdict($hex), '500 500 misconfigured', 'where a request reads hex too';

# Both deliveries of the last step, through the gather: what is keyed in is sealed anew, and the key is the same.
my $voice = post(host(), '/gather', [ CallSid => ($call = fresh_call()) ]);
$voice = post(host(), action($voice)->{target}, [ CallSid => $call, Digits => $CARD ]);
my $step = action($voice)->{target};
is join(' ', said(post(host(), $step, [ CallSid => $call, Digits => $PIN ]))), $ACCOUNT, 'a call';
is join(' ', said(post(host(), $step, [ CallSid => $call, Digits => $PIN ]))), $ACCOUNT, 'whose last step is delivered twice';
isnt join(' ', said(post(host(), $step, [ CallSid => $call, Digits => '0001' ]))), $ACCOUNT, 'with other digits it is not the same step';

# A reveal.
sub reveal ($members, %options) {
    $backend->forget;
    my $form = delete $options{form};
    return decrypt(host(), '/pay', $form ? join('&', map { "$_=$members->{$_}" } sort keys %$members) : $members, $form ? (type => 'application/x-www-form-urlencoded') : (), %options);
}

my $card = token('card', $CARD, fresh_call());
is reveal({ card => $card, same => $card })->code, 200, 'a reveal of a token that stands there twice';
refused($again = reveal({ card => $card }), 'a reveal of the same');
is verdict($again), '400 bad-token', '... in the access log';
refused(reveal({ card => $card }, form => 1), '... in a form');
$card = token('card', $CARD, fresh_call());
is reveal({ card => $card }, form => 1)->code, 200, 'a reveal in a form';
refused(reveal({ card => $card }, form => 1), '... once');
refused(reveal({ card => token('card', "\xff", fresh_call()) }), 'what JSON has no place for');

# Restarts.
my ($graceful, $hard) = (pair(), pair());
taken(offer($graceful), 'before a graceful restart');
serve($server, 'shm');
refused(offer($graceful), 'after it');
taken(offer($hard), 'before a restart that is not');
my $generation = $server->generation;
$server->signal('HUP');
$server->wait_for_generation($generation + 1);
wait_until(20, sub { eval { offer($graceful)->code == 400 } });
refused(offer($hard), 'after it');

# Full, and made anew by another size.
serve($server, 'shm(65536)');
wait_until(20, sub { offer($last)->code != 500 });    # a child of before may be told still that its store is closed
refused(offer($last), 'a token from before the store was made');
sleep 2;    # until tokens are younger than the store
my $born = time - 1;
my @used = map { my $n = $_; my $call = fresh_call(); +{ map { ("m$_" => token('card', $CARD, $call, iat => $born + ($n > 6))) } 1 .. $MANY } } 1 .. 14;
is_deeply [ map { reveal($_)->code } @used ], [ (200) x 14 ], 'more tokens than fit are taken';
is_deeply [ map { reveal($_)->code } @used ], [ (400) x 14 ], 'none of them twice';
refused(offer(pair(iat => $born)), 'one that is as old as what had to make room is not taken');
taken(offer(pair(iat => time + 5)), 'a younger one is');

# --- Two hosts and a Redis ----------------------------------------------------------------------------------------------

my $redis = EncGather::Redis->new("$TREE/redis");
$redis->start;
serve($server, $redis->by_socket);
serve($other,  $redis->by_port);

my $shared = pair();
taken(offer($shared, key('abc')), 'at one host');
refused(offer($shared, at => $other), 'E11 at the other');
taken(offer($shared, at => $other, key('abc')), 'at the other, with the same Idempotency-Key');
my $half = pair();
refused(offer({ %$half, $FIELDS[1] => $shared->{ $FIELDS[1] } }), 'a new one beside a used one of another call');

# A machine with much else to do may let the Redis wait, and a request that is told 500 says nothing.
sub until_both_answer () {
    for my $which ($server, $other) {
        wait_until(20, sub { offer(pair(), at => $which)->code == 200 });
    }
    return;
}

# Eight callers offer the same tokens to both.
my @race = map { JSON::PP->new->encode(pair()) } 1 .. 60;
my @readers = map {
    my $process = $_;
    my $pid = open my $reader, '-|';
    die "fork: $!" unless defined $pid;
    if ($pid == 0) {
        my @codes = map { offer($_, at => $process % 2 ? $server : $other)->code } $process % 4 < 2 ? @race : reverse @race;
        print join ' ', $process % 4 < 2 ? @codes : reverse @codes;
        close STDOUT;
        require POSIX;
        POSIX::_exit(0);
    }
    $reader;
} 1 .. 8;
my @books = map { [ split / /, readline $_ ] } @readers;
my @all   = map { my $n = $_; join ' ', sort map { $_->[$n] } @books } 0 .. $#race;
my @wrong = grep { !/^200(?: 400| 500)*\z/ && !/^(?:400 )*500/ } @all;    # who is told 500 does not know whether he has it
is_deeply \@wrong, [], 'of 8 callers at two hosts one has each of 60 pairs';
cmp_ok scalar(grep { /500/ } @all), '<', $#race / 2, 'and mostly it is known who';

until_both_answer();
my %lives = $redis->lives;
is_deeply [ grep { !/\Aeg:t:[0-9a-f]{32}\z/ } keys %lives ], [], 'keys are hashes';
is_deeply [ grep { $lives{$_} < 1 || $lives{$_} > 962 } keys %lives ], [], 'every key expires with its token';
my $old = pair(iat => time - 800);
taken(offer($old), 'one that is nearly over');
my %later = $redis->lives;
is_deeply [ grep { !exists $lives{$_} && $later{$_} < 900 } keys %later ], [], 'is remembered for as long as a new one: clocks of hosts may differ';
is_deeply [ grep { !/\Aeg:t:[0-9a-f]{32} (?:[0-9a-f]{32}|1)\z/ } split /\n/, $redis->contents ], [], 'hashes alone, no digits in it';

$redis->power_cut;
$redis->start;
until_both_answer();
refused(offer($shared, at => $other), 'after a power cut of a Redis that keeps what it is told');
taken(offer(pair()), 'and new ones are taken, by connections that were lost');

$redis->stop;
my $away = reveal({ card => token('card', $CARD, fresh_call()) });
is $away->code . ' ' . $away->content, '500 {"error":"unavailable"}', 'a reveal without the store';
is verdict($away), '500 unavailable', '... in the access log';
is_deeply [ $backend->requests ], [], '... reaches nobody';

log_is_clean($server, qr{EG0701: EncGatherStateCache cannot be asked}, qr{EG0402: .*rule: (?:used|call|age)}, qr{EG0402: .*UTF-8}, qr{EG0108: .*EncGatherSingleUse}, qr{EG0501: .*status 400});
allow_log(qr{EG0701: EncGatherStateCache cannot be asked: the Redis does not answer in time});    # a machine with much else to do
log_is_clean($other, qr{EG0402: .*rule: used});
finish();
