# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# EncGatherStateCache: what may be written, what a start says of a Redis, and a Redis that stops, dies, is full, a replica or
# wants a password: how long a request waits, what it gets and what the log says.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

use lib 't/lib';
use EncGather::Daemon qw(free_ports);
use EncGather::Jwe qw(seal_jwe);
use EncGather::Redis;
use EncGather::Test;
use EncGather::Wait qw(wait_until);

my ($CARD, $PIN, $ACCOUNT) = @SECOND_ACCOUNT;
my @FIELDS = qw(encryptedCardDigits encryptedPinDigits);
sub slow () { return defined $ENV{ENCGATHER_SANITIZER} }

my ($PORT, $NOBODY, $MASTER) = free_ports(3);

my $TREE   = in_tree('private/state');
my $server = private_server('state', port => $PORT, modules => ['headers']);
my $RING   = write_secret("$TREE/ring", "k1 $KEY{demo}\n");

sub conf ($cache, $single_use = 'on', @more) {
    return join "\n", "EncGatherStateCache $cache", @more, <<"END_OF_CONF";
DBDriver sqlite3
DBDParams "${\in_tree('conf/accounts.db')}"
EncGatherKeyFile "$RING"
EncGatherTokenFormat jwe
CustomLog logs/verdicts "%{X-Test-Id}i %>s %{ENCGATHER_RESULT}e"
<IfModule !prefork.c>
    StartServers 2
    ServerLimit 4
    ThreadsPerChild 16
    MaxRequestWorkers 64
    MinSpareThreads 1
</IfModule>
<Location /decrypt>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherSingleUse $single_use
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" @FIELDS
</Location>
END_OF_CONF
}

# --- What may be written ----------------------------------------------------------------------------------------------

sub test_of (@conf) {
    $server->configure(conf => conf(@conf));
    my ($status, $text) = $server->configtest;
    return ($status, join "\n", grep { !/AH00558|Syntax OK/ } split /\n/, $text);
}

sub is_good ($cache, $wanted, $name = $cache) {
    my ($status, $text) = test_of($cache);
    is $status, 0, "$name is good" or diag $text;
    return like $text, $wanted, "$name: what is said";
}

sub is_bad ($cache, $wanted, $name = $cache) {
    my ($status, $text) = test_of($cache);
    isnt $status, 0, "$name is an error";
    return like $text, qr/EncGatherStateCache.*$wanted/s, "$name: and says so";
}

my $NOTHING = qr/\A\z/;
is_good('shm(65536)', qr/\A.*EG0157: EncGatherStateCache shm\(65536\): room for \d{3} used tokens at a time;[^\n]*\z/);
write_secret("$TREE/password", "it's a secret\n");
write_secret("$TREE/key",      "$KEY{other}\n");
is_good("redis:127.0.0.1:1 user=ivr password-file=$TREE/password key-file=$TREE/key db=0", $NOTHING, 'a Redis that is not there');

my ($status, $text) = test_of('shm', 'off');
like $text, $NOTHING, 'where nothing needs the store, nothing is said of it';
is_bad('shm(1k)', qr/takes shm/);
is_bad("redis:host key-file=$TREE/none",  qr/cannot be opened/,   'a key file that is not there');
is_bad("redis:host key-file=$TREE/ring2", qr/is a ring of keys/,  'a ring of keys') if write_secret("$TREE/ring2", "a $KEY{demo}\nb $KEY{other}\n");
is_bad("redis:host password-file=$TREE/open", qr/has mode 0644/,  'a password that others can read') if write_secret("$TREE/open", "secret\n", 0644);
is_bad("redis:host password-file=$TREE/two", qr/more than one line/, 'two passwords') if write_secret("$TREE/two", "secret\nother\n");
unlike +(test_of("redis:host password-file=$TREE/two"))[1], qr/secret/, '... of which none is shown';

($status, $text) = test_of('shm', 'on', 'EncGatherTokenFormat hex');
$server->configure(conf => conf('shm') =~ s/EncGatherTokenFormat jwe/EncGatherTokenFormat jwe hex/r);
($status, $text) = $server->configtest;
isnt $status, 0, 'single use where hex is read is an error';
like $text, qr/EG0159: <Location \/decrypt> \(line \d+ of \S+\): EncGatherSingleUse is on, and hex tokens are read/, '... and says where';
$server->configure(conf => "<VirtualHost *>\nEncGatherStateCache shm\n</VirtualHost>\n");
like +($server->configtest)[1], qr/EncGatherStateCache cannot occur within <VirtualHost> section/, 'one store for all virtual hosts';

# --- Requests -----------------------------------------------------------------------------------------------------------

my $serial = 0;
sub token ($field, $plain, $call) { return seal_jwe('dir', $plain, key => $KEY{demo}, kid => 'k1', sid => $call, fld => $field) }

# The answer to a fresh pair of tokens, and how many seconds it took.
sub offer () {
    my $call   = sprintf 'CA%030x%02x', $$, ++$serial;
    my $tokens = { $FIELDS[0] => token($FIELDS[0], $CARD, $call), $FIELDS[1] => token($FIELDS[1], $PIN, $call) };
    my $began  = time;
    my $answer = decrypt("127.0.0.1:$PORT", '/decrypt', $tokens);
    return ($answer->code . ' ' . $answer->content, time - $began);
}

my $TAKEN = qq(200 {"account":"$ACCOUNT","balance":"$SECOND_ACCOUNT[3]"});
my $AWAY  = '500 {"error":"unavailable"}';

sub starts ($cache, @wanted) {
    $server->stop;
    unlink "$TREE/logs/error_log", "$TREE/logs/startup_log";
    $server->configure(conf => conf($cache));
    my $began = time;
    $server->start or BAIL_OUT('the private server does not start: ' . $server->error);
    my $took = time - $began;
    my @said = $server->error_log =~ /EG0156: (.*)/g;
    is scalar @said, scalar @wanted, "a start with $cache: lines" or diag @said;
    like $said[$_], $wanted[$_], '... what it says' for 0 .. $#wanted;
    return $took;
}

sub lines_of ($tag) { return () = $server->error_log =~ /\[encgather:(?:error|notice)\].*$tag/g }

# A fault: the answer while it lasts, its time, and the one line of the log.
sub gives_up ($name, $line, $seconds = 1.3) {
    my ($answer, $took) = offer();
    is $answer, $AWAY, "$name: unavailable";
    cmp_ok $took, '<', $seconds, "$name: in time" unless slow;
    ($answer, my $again) = offer();
    is $answer, $AWAY, "$name: and the next one";
    cmp_ok $again, '<', 0.2, "$name: which does not wait" unless slow;
    like $server->error_log, qr/\[encgather:error\].*EG0701: EncGatherStateCache cannot be asked: the Redis $line/, "$name: what the log says" if $line;
    return $took;
}

sub comes_back ($name, $within = 2) {
    my ($began, $answer) = (time);
    wait_until(20, sub { ($answer) = offer(); $answer eq $TAKEN });
    is $answer, $TAKEN, "$name: and is there again";
    my $took = time - $began;
    cmp_ok $took, '<', $within, "$name: soon" unless slow;
    return $took;
}

# --- What a start says ------------------------------------------------------------------------------------------------

my $forgetful = EncGather::Redis->new("$TREE/forgetful", appendonly => 'no', 'maxmemory-policy' => 'allkeys-lru');
$forgetful->start;
starts($forgetful->by_socket, qr/maxmemory-policy noeviction/, qr/appendonly yes/);
is +(offer())[0], $TAKEN, 'it is used all the same';
$forgetful->stop;

cmp_ok starts("redis:127.0.0.1:$NOBODY", qr/the Redis is not there: nobody takes the connection; the server starts/), '<', 10, 'a start without a Redis';
starts('redis:nowhere.invalid', qr/has a name that this host does not know/);
gives_up('a name that nobody knows', 'has a name that this host does not know');

# With no more rights than it needs, it cannot be asked for its settings.
my $redis = EncGather::Redis->new("$TREE/redis");
$redis->start;
is $redis->ask(qw(ACL SETUSER ivr on), ">it's a secret", qw(~eg:* -@all +set +eval +incr +expire +get +del +decr +select)), 'OK', 'a user';
is $redis->ask(qw(ACL SETUSER default -@all +ping +config +acl +keys +ttl +get ~*)), 'OK', '... and nobody else';
my $LOGIN = "user=ivr password-file=$TREE/password";
starts($redis->by_port . " $LOGIN db=3", qr/it does not let us ask/);
is +(offer())[0], $TAKEN, 'a user with few rights, a password, a database';
starts($redis->by_socket, qr/answers NOPERM/);
gives_up('a user who may not', 'answers NOPERM: the user may not do what is asked');
write_secret("$TREE/wrong", "guessed\n");
starts($redis->by_port . " user=ivr password-file=$TREE/wrong", qr/answers WRONGPASS/);
gives_up('a wrong password', 'answers WRONGPASS');
unlike $server->error_log, qr/guessed|secret/, '... which is nowhere in the log';

# --- Connections that are dead, and nobody says so ------------------------------------------------------------------------

# Between the server and the Redis; a question needs a moment, so that many come at once. After USR1 it says nothing to whom it knows.
my $BETWEEN = <<'END_OF_PERL';
use IO::Socket::INET;
my ($port, $to) = @ARGV;
my @known;
$SIG{CHLD} = 'IGNORE';
$SIG{USR1} = sub { kill STOP => @known };
$SIG{TERM} = sub { kill KILL => @known; exit };
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1) or die "listen: $!";
while (1) {
    my $near = $listener->accept or next;
    if (my $pid = fork) { push @known, $pid; next }
    my $far = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $to) or die "connect: $@";
    while (sysread $near, my $question, 65536) {
        select undef, undef, undef, 0.1;
        syswrite $far, $question;
        sysread $far, my $answer, 65536;
        syswrite $near, $answer;
    }
    exit;
}
END_OF_PERL
my ($BETWEEN_PORT) = free_ports(1);
my $between = EncGather::Daemon->new(dir => "$TREE/between", command => [ $^X, '-e', $BETWEEN, $BETWEEN_PORT, $redis->port ],
    ready => sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $BETWEEN_PORT) });
$between->start or BAIL_OUT($between->last_words);
sub at_once ($n) {
    my @pids = map { my $pid = fork // die "fork: $!"; if (!$pid) { offer(); require POSIX; POSIX::_exit(0) } $pid } 1 .. $n;
    waitpid $_, 0 for @pids;
    return;
}
starts("redis:127.0.0.1:$BETWEEN_PORT $LOGIN", qr/it does not let us ask/);
at_once(24);
kill USR1 => $between->pid;
is +(offer())[0], $AWAY, 'a connection that somebody between the two has forgotten';
note sprintf 'there again after %.1f s', comes_back('the others are not tried one after the other', 4);
$between->stop;

# --- Faults -------------------------------------------------------------------------------------------------------------

$redis->stop;
$redis = EncGather::Redis->new("$TREE/faults");
$redis->start;
starts($redis->by_port);
is +(offer())[0], $TAKEN, 'a Redis';

$redis->freeze;
my $took = gives_up('E10 SIGSTOP', 'does not answer in time');
note sprintf 'SIGSTOP: the first answer after %.3f s', $took;
my @pids = map { my $pid = fork; die "fork: $!" unless defined $pid; if (!$pid) { my ($answer, $took) = offer(); require POSIX; POSIX::_exit($answer eq $AWAY && ($took < 1.3 || slow()) ? 0 : 1) } $pid } 1 .. 16;
is_deeply [ map { waitpid $_, 0; $? } @pids ], [ (0) x 16 ], 'SIGSTOP: 16 at once are all answered in time';
$redis->thaw;
comes_back('SIGCONT');
is lines_of('EG0701'), 1, 'one line of error for all of it';
is lines_of('EG0702'), 1, '... and one that it is over';

# Whoever goes back to the Redis at once has no rest behind him.
$redis->stop;
gives_up('E10 stopped', '');
$redis->start;
comes_back('started again');
$redis->power_cut;
$redis->start;
comes_back('killed and there again before anybody asks', 0.5);

$redis->ask('REPLICAOF', '127.0.0.1', $MASTER);
gives_up('E10 a replica', '');
$redis->ask(qw(REPLICAOF NO ONE));
comes_back('a replica');
is lines_of('EG0701'), 1, 'within a minute not one line more';

log_is_clean($server, qr/EG0701/);

# What Redis says by its first word, where a minute has not gone by.
for my $fault ([ 'READONLY', 'REPLICAOF', '127.0.0.1', $MASTER ], [ 'OOM', qw(CONFIG SET maxmemory 1) ], [ 'NOAUTH', qw(CONFIG SET requirepass x) ]) {
    my ($word, @do) = @$fault;
    $redis->stop;
    $redis->start;
    $redis->ask(@do);
    starts($redis->by_port, qr/answers $word/);
    gives_up("E10 $word", "answers $word");
}
finish();
