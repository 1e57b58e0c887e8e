# SPDX-License-Identifier: Apache-2.0
# A connection to the database is held while a row is read, and no longer; and no more workers wait for the database than
# leave others for pages that do not need it.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Copy qw(copy);
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 ();
use POSIX ();
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More;

use lib 't/lib';
use EncGather::Httpd qw(runtime_user runtime_group);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

use constant {
    PATIENCE => 30,    # seconds, until somebody who waits has waited in vain
    WORKERS  => ($ENV{ENCGATHER_MPM} || '') eq 'prefork' ? 8 : 4,
};

my $KEYS     = in_tree('conf/keys');
my $DATABASE = in_tree('conf/lookup.db');
copy(in_tree('conf/accounts.db'), $DATABASE) or die "$DATABASE: $!";
$> == 0 and chown scalar getpwnam(runtime_user()), scalar getgrnam(runtime_group()), $DATABASE;
my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;

# One process with one connection for all of its threads; an answer that no buffer of the system holds.
my $server = private_server('lookup', modules => [qw(dbd auth_basic authn_core authn_dbd authz_user)], conf => <<"END_OF_CONF");
<IfModule prefork.c>
    StartServers 8
    MinSpareServers 1
    MaxSpareServers 8
    MaxRequestWorkers 8
</IfModule>
<IfModule !prefork.c>
    StartServers 1
    ServerLimit 1
    ThreadsPerChild 4
    MinSpareThreads 1
    MaxSpareThreads 4
    MaxRequestWorkers 4
</IfModule>
Timeout 300
SendBufferSize 65536
DBDriver sqlite3
DBDParams "$DATABASE"
DBDMin 1
DBDKeep 1
DBDMax 1
EncGatherKeyFile "$KEYS/demo.key"
<Location /large>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT hex(zeroblob(8000000)) AS large FROM accounts WHERE card = %s" encryptedCardDigits
</Location>
<Location /small>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account FROM accounts WHERE card = %s" encryptedCardDigits
</Location>
<Location /hurried>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherTimeout 1
    EncGatherLookup "SELECT account FROM accounts WHERE card = %s" encryptedCardDigits
</Location>
<Location /patient>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherTimeout 5
    EncGatherLookup "SELECT account FROM accounts WHERE card = %s" encryptedCardDigits
</Location>
<Location /with-password>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account FROM accounts WHERE card = %s" encryptedCardDigits
    AuthType Basic
    AuthName lookup
    AuthBasicProvider dbd
    AuthDBDUserPWQuery "SELECT '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' FROM accounts WHERE account = %s"
    Require valid-user
</Location>
END_OF_CONF
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;

sub within ($seconds, $do) {
    local $SIG{ALRM} = sub { die "no answer\n" };
    alarm $seconds;
    my $answer = eval { $do->() };
    alarm 0;
    return $answer;
}

sub ask ($path, @headers) {
    return within(PATIENCE, sub () { return decrypt($HOST, $path, { encryptedCardDigits => seal($CARD) }, headers => [@headers]) });
}

is ask('/small')->content, qq({"account":"$NUMBER"}), 'a lookup';
ok ask("/large")->content eq qq({"large":") . "0" x 16_000_000 . qq("}), "a large one";

SKIP: {
    skip 'prefork has one process for one request', 2 if ($ENV{ENCGATHER_MPM} || '') eq 'prefork';
    my $slow = IO::Socket::INET->new(Proto => 'tcp', Type => IO::Socket::INET::SOCK_STREAM()) or die "socket: $!";
    setsockopt $slow, SOL_SOCKET, SO_RCVBUF, 8192;
    $slow->connect(Socket::pack_sockaddr_in($server->port, Socket::inet_aton('127.0.0.1'))) or die "connect: $!";
    my $body = '{"encryptedCardDigits":"' . seal($CARD) . '"}';
    print {$slow} "POST /large HTTP/1.1\r\nHost: $HOST\r\nContent-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    $slow->flush;
    sysread $slow, my $first, 15;
    is $first, 'HTTP/1.1 200 OK', 'a client has the beginning of its answer, and takes no more';
    my $other = ask('/small');
    is $other && $other->content, qq({"account":"$NUMBER"}), 'others have the connection meanwhile';
    close $slow;
}

# mod_authn_dbd holds it until the end of the request: it is shared, or one request would wait for itself.
{
    my $got = ask('/with-password', Authorization => 'Basic ' . MIME::Base64::encode_base64("$NUMBER:password", ''));
    is $got && $got->content, qq({"account":"$NUMBER"}), 'a request that holds the connection already';
    my $next = ask('/small');
    is $next && $next->content, qq({"account":"$NUMBER"}), 'and gives it back';
}

# All workers at once ask a database that somebody has locked: half of them wait for it, the others have their answer at
# once, and a page that needs no database does not wait.
sub begin_to_ask ($path) {
    my $pid = open my $from, '-|';
    die "fork: $!" unless defined $pid;
    return $from if $pid;
    srand;
    my $got = ask($path);
    syswrite STDOUT, $got ? $got->content : 'silence';
    POSIX::_exit(0);
}

{
    my $lock = open(my $to, '|-', 'sqlite3', '-batch', $DATABASE) || die "sqlite3: $!";
    syswrite $to, "BEGIN EXCLUSIVE;\n";
    my $unavailable = '{"error":"unavailable"}';
    ok wait_until(PATIENCE, sub () { ask('/hurried')->content eq $unavailable }), 'the database is locked';
    my @callers = map { begin_to_ask('/patient') } 1 .. WORKERS;
    is get($HOST, '/nothing')->code, 404, 'E9 a page that needs no database is served';
    my $waiting = IO::Select->new(@callers);
    my $done    = $waiting->can_read(0) || 0;
    cmp_ok $done, '<', WORKERS, 'while others wait for it';
    is_deeply [ map { local $/; my $text = <$_>; close $_; $text } @callers ], [ ($unavailable) x WORKERS ], 'in the end nobody is well';
    kill KILL => $lock;
    close $to;
    ok wait_until(PATIENCE, sub () { ask('/hurried')->content eq qq({"account":"$NUMBER"}) }), 'until the lock is gone';
}

ok $server->stop, 'the server stops';
allow_log(qr/server (?:reached|is within) .*MaxRequestWorkers/);
log_is_clean($server, qr/EG0601: call -: the database is locked by somebody else, .*\(sqlite3\)/,
    qr/EG0603: call -: [24] requests are waiting for the database already \(sqlite3\)/);
finish();
