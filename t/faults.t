# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# All the ways in which a backend fails, one row each: what the caller hears, what the log says, that nothing of the
# backend's answer but its JSON goes on, and that the very next call on the same worker is well.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use HTTP::Response;
use IO::Compress::Gzip qw(gzip);
use IO::Select;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Daemon qw(free_ports);
use EncGather::Httpd qw(module_file);
use EncGather::Logs qw(alarms unexpected missing);
use EncGather::Test;

my ($MISSING) = grep { !defined module_file($_) } qw(proxy proxy_http);
plan skip_all => "this httpd has no mod_$MISSING" if $MISSING && !$ENV{CI};

use constant {
    CALL_WAIT => 15,        # seconds, Twilio's own
    PATIENCE  => 20,        # for a backend that takes its time
    LIMIT     => 65_536,    # bytes of an answer
};

my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
my $GOOD  = qq({"account":"$NUMBER","balance":"$BALANCE"});
my $OTHER = '{"account":"AC-of-somebody-else","balance":"1"}';

# --- The backend --------------------------------------------------------------------------------------------

sub http ($status, $body, @headers) {
    return join "\r\n", "HTTP/1.1 $status", 'Content-Length: ' . length $body, @headers, 'Connection: close', '', $body;
}

sub ok_with ($body, @headers) { return http('200 OK', $body, 'Content-Type: application/json', @headers) }

sub head (@headers) {
    push @headers, 'Connection: close' unless grep { /^Connection:/ } @headers;
    return join "\r\n", 'HTTP/1.1 200 OK', 'Content-Type: application/json', @headers, '', '';
}

# Keeps the connection: what is wrong with this answer must not get into the next one.
sub kept ($body, $more = '') { return head('Content-Length: ' . length $body, 'Connection: keep-alive') . $body . $more }

sub chunked (@chunks) { return join '', map { sprintf "%x\r\n%s\r\n", length, $_ } @chunks, '' }

sub send_all ($connection, $bytes) { return EncGather::Backend::_send($connection, $bytes) }

sub silence ($connection, $life) {
    IO::Select->new($connection, $life)->can_read(PATIENCE);
    return;
}

# A byte a second, until the other side has had enough.
sub dribble ($connection, $life, $bytes) {
    my $gone = IO::Select->new($connection, $life);
    for my $byte (split //, $bytes) {
        send_all($connection, $byte) or return;
        return if $gone->can_read(1);
    }
    return;
}

sub reset_connection ($connection) {
    setsockopt $connection, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    close $connection;
    return;
}

sub endlessly ($connection, $head, $piece) {
    send_all($connection, $head) or return;
    1 while send_all($connection, $piece);
    return;
}

sub gzipped ($text) {
    gzip(\$text => \my $bytes) or die 'gzip';
    return $bytes;
}

my $EVIL  = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " . length($OTHER) . "\r\n\r\n$OTHER";
my @HEADS = ('Set-Cookie: evil=1', 'Location: http://evil.test/', 'X-Evil: 1', 'Cache-Control: public', 'Refresh: 0',
    'Content-Location: /evil', 'Content-Disposition: attachment; filename=evil', 'Content-Language: evil', 'WWW-Authenticate: Basic',
    'Trailer: X-Evil', 'Link: </evil>', 'Strict-Transport-Security: max-age=1', 'Content-Encoding: identity', 'ETag: "evil"');

my $STATUS_5XX = qr/(?:it answered|mod_proxy (?:itself )?gave up) with status 50[0-4]\b/;
my $NO_JSON    = qr/its answer is not a JSON object/;
my $A_HOLE     = qr/its answer has (?:no|a) member .*, which the default sentence of found needs/;
my $TOO_LARGE  = qr/the answer is larger than 64 KiB/;
my $BROKE_OFF  = qr/(?:the answer broke off|(?:it answered|mod_proxy itself gave up) with status 502)/;
my $EITHER     = qr/(?:$BROKE_OFF|$NO_JSON)/;

# name => [ what the caller hears, the reason in the log, the answer: bytes, or code that writes it ]
my @FAULTS = (
    # it does not answer
    silent          => [ 'unavailable', qr/$STATUS_5XX|took longer than EncGatherTimeout/, \&silence ],
    'slow-body'     => [ 'unavailable', qr/took longer than EncGatherTimeout/,
        sub ($connection, $life) { dribble($connection, $life, ' ') if send_all($connection, head()); dribble($connection, $life, $GOOD) } ],
    'slow-head'     => [ 'unavailable', qr/EncGatherTimeout|status 50[24]/, sub (@to) { dribble(@to, head() . $GOOD) } ],
    close           => [ 'unavailable', $STATUS_5XX, '' ],
    'close-in-status' => [ 'unavailable', $EITHER, 'HTTP/1.1 2' ],
    'close-in-head' => [ 'unavailable', $EITHER, "HTTP/1.1 200 OK\r\nContent-Ty" ],
    'close-in-body' => [ 'unavailable', $EITHER, head('Content-Length: 400') . $GOOD ],
    'close-in-chunks' => [ 'unavailable', $EITHER, head('Transfer-Encoding: chunked') . "1\r\n{\r\n" ],
    'close-in-chunk' => [ 'unavailable', $EITHER, head('Transfer-Encoding: chunked') . "400\r\n$GOOD" ],
    'no-last-chunk' => [ 'unavailable', $EITHER, head('Transfer-Encoding: chunked') . sprintf "%x\r\n%s\r\n", length $GOOD, $GOOD ],
    reset           => [ 'unavailable', $STATUS_5XX, sub ($connection, $life) { reset_connection($connection) } ],
    'reset-in-body' => [ 'unavailable', $EITHER,
        sub ($connection, $life) { send_all($connection, head('Content-Length: 400') . $GOOD); select undef, undef, undef, 0.2; reset_connection($connection) } ],

    # it answers something else than "here it is"
    'status-' . 301 => [ 'unavailable', qr/status 301/, http('301 Moved Permanently', '', 'Location: /good') ],
    'status-' . 302 => [ 'unavailable', qr/status 302/, http('302 Found', $GOOD, 'Location: good') ],
    'status-' . 307 => [ 'unavailable', qr/status 307/, http('307 Temporary Redirect', '', 'Location: file:///etc/passwd') ],
    'status-' . 303 => [ 'unavailable', qr/status 303/, http('303 See Other', '', 'Location: http://169.254.169.254/latest/meta-data/') ],
    'status-' . 308 => [ 'unavailable', qr/status 308/, http('308 Permanent Redirect', '', 'Location: /status-308') ],
    'status-' . 401 => [ 'unavailable', qr/status 401/, http('401 Unauthorized', $GOOD, 'WWW-Authenticate: Basic realm="evil"') ],
    'status-' . 403 => [ 'unavailable', qr/status 403/, http('403 Forbidden', $GOOD) ],
    'status-' . 407 => [ 'unavailable', qr/status 407/, http('407 Proxy Authentication Required', '', 'Proxy-Authenticate: Basic') ],
    'status-' . 500 => [ 'unavailable', qr/status 500/, http('500 Internal Server Error', $GOOD, 'Content-Type: application/json') ],
    'status-' . 503 => [ 'unavailable', qr/status 503/, http('503 Service Unavailable', '', 'Retry-After: 3600') ],
    'status-' . 201 => [ 'unavailable', qr/status 201/, http('201 Created', $GOOD) ],
    'status-' . 204 => [ 'unavailable', qr/status 204/, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n" ],
    'status-' . 206 => [ 'unavailable', qr/status 206/, http('206 Partial Content', $GOOD, 'Content-Range: bytes 0-9/10') ],
    'status-' . 304 => [ 'unavailable', qr/status 304/, "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n" ],
    'status-' . 999 => [ 'unavailable', qr/status \d+/, http('999 Evil', $GOOD) ],
    '404-json'      => [ 'notfound', undef, http('404 Not Found', '{"error":"not found"}', 'Content-Type: application/json') ],
    '404-html'      => [ 'notfound', qr/EG0502: .*is the path of EncGatherBackend right/, http('404 Not Found', '<html></html>', 'Content-Type: text/html') ],

    # it answers too much
    endless           => [ 'unavailable', $TOO_LARGE, sub ($connection, $life) { endlessly($connection, head() . '{', ' ' x LIMIT) } ],
    'endless-chunked' => [ 'unavailable', $TOO_LARGE,
        sub ($connection, $life) { endlessly($connection, head('Transfer-Encoding: chunked'), sprintf "%x\r\n%s\r\n", LIMIT, ' ' x LIMIT) } ],
    '64-KiB'          => [ 'found', undef, kept(' ' x (LIMIT - length $GOOD) . $GOOD) ],
    '64-KiB-and-1'    => [ 'unavailable', $TOO_LARGE, kept(' ' x (LIMIT + 1 - length $GOOD) . $GOOD) ],
    '64-KiB-chunked'  => [ 'found', undef, head('Transfer-Encoding: chunked', 'Connection: keep-alive') . chunked(unpack '(a1000)*', ' ' x (LIMIT - length $GOOD) . $GOOD) ],
    'more-than-said'  => [ 'found', undef, kept($GOOD, $OTHER) ],
    'a-second-answer' => [ 'found', undef, kept($GOOD, $EVIL) ],
    'second-after-404' => [ 'notfound', undef, "HTTP/1.1 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}$EVIL" ],
    'second-after-no-body' => [ 'unavailable', qr/status 204/, "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n$EVIL" ],

    # it answers what is no account
    gzip          => [ 'unavailable', $NO_JSON, ok_with(gzipped($GOOD), 'Content-Encoding: gzip') ],
    'gzip-hidden' => [ 'unavailable', $NO_JSON, ok_with(gzipped($GOOD)) ],
    'gzip-bomb'   => [ 'unavailable', $NO_JSON, ok_with(gzipped('{' . ' ' x 10_000_000 . '}'), 'Content-Encoding: gzip') ],
    empty         => [ 'unavailable', $NO_JSON, ok_with('') ],
    'not-json'    => [ 'unavailable', $NO_JSON, ok_with('account=1&balance=2') ],
    html          => [ 'unavailable', $NO_JSON, http('200 OK', '<html>AC12345678</html>', 'Content-Type: text/html') ],
    'xml-no-twiml' => [ 'unavailable', qr/says XML but is not TwiML/, http('200 OK', '<html><Say>1', 'Content-Type: text/xml') ],
    'a-bom'       => [ 'found', undef, ok_with("\xef\xbb\xbf$GOOD") ],
    'two-objects' => [ 'unavailable', $NO_JSON, ok_with($GOOD . $GOOD) ],
    'not-utf8'    => [ 'unavailable', $NO_JSON, ok_with($GOOD =~ s/AC/\xff/r) ],
    'a-nul'       => [ 'unavailable', $NO_JSON, ok_with($GOOD =~ s/AC/\\u0000/r) ],
    surrogate     => [ 'unavailable', $NO_JSON, ok_with($GOOD =~ s/AC/\\ud800/r) ],
    array         => [ 'unavailable', $NO_JSON, ok_with("[$GOOD]") ],
    string        => [ 'unavailable', $NO_JSON, ok_with('"found"') ],
    null          => [ 'unavailable', $NO_JSON, ok_with('null') ],
    deep          => [ 'unavailable', $NO_JSON, ok_with('[' x 10_000 . ']' x 10_000) ],
    'deep-inside' => [ 'unavailable', $NO_JSON, ok_with($GOOD =~ s/\}\z/',"a":' . '{"a":' x 10_000 . '1' . '}' x 10_001/er) ],
    'two-boms'    => [ 'unavailable', $NO_JSON, ok_with("\xef\xbb\xbf" x 2 . $GOOD) ],
    'huge-integer'   => [ 'unavailable', $A_HOLE, ok_with('{"account":9223372036854775808,"balance":"1"}') ],
    'huge-elsewhere' => [ 'found', undef, ok_with($GOOD =~ s/\}\z/,"id":-123456789012345678901234567890}/r) ],
    'huge-number' => [ 'unavailable', qr/$NO_JSON|$A_HOLE/, ok_with('{"account":1e999,"balance":"1"}') ],
    'no-member'   => [ 'unavailable', $A_HOLE, ok_with('{"balance":"1"}') ],
    'null-member' => [ 'unavailable', $A_HOLE, ok_with('{"account":null,"balance":"1"}') ],
    'list-member' => [ 'unavailable', $A_HOLE, ok_with('{"account":["AC1"],"balance":"1"}') ],
    'markup'      => [ 'found', undef, ok_with($GOOD =~ s/"account":"/"account":"<\/Say><Dial>1<\/Dial>&\\u0001/r) ],
    'deep-member' => [ 'unavailable', $A_HOLE, ok_with('{"account":{"is":"AC1"},"balance":"1"}') ],

    # its HTTP is wrong, or meant to be
    'no-http'        => [ 'unavailable', $EITHER, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n" ],
    'http-0.9'       => [ 'unavailable', qr/\S/, $GOOD ],
    'status-word'    => [ 'unavailable', qr/\S/, "HTTP/1.1 two hundred\r\nContent-Type: application/json\r\n\r\n$GOOD" ],
    'length-minus'   => [ 'unavailable', qr/\S/, head('Content-Length: -5') . $GOOD ],
    'length-word'    => [ 'unavailable', qr/\S/, head('Content-Length: many') . $GOOD ],
    'length-twice'   => [ 'unavailable', qr/\S/, head('Content-Length: 5', 'Content-Length: ' . length $GOOD) . $GOOD ],
    'chunk-word'     => [ 'unavailable', $EITHER, head('Transfer-Encoding: chunked') . "zz\r\n$GOOD\r\n0\r\n\r\n" ],
    'chunk-huge'     => [ 'unavailable', $EITHER, head('Transfer-Encoding: chunked') . "fffffffffffffffff\r\n$GOOD" ],
    trailers         => [ 'found', undef, head('Transfer-Encoding: chunked', 'Trailer: X-Evil') . chunked($GOOD) =~ s/\r\n\z/X-Evil: 1\r\n\r\n/r ],
    headers          => [ 'found', undef, ok_with($GOOD, @HEADS) ],
    'headers-404'    => [ 'notfound', undef, http('404 Not Found', '{}', @HEADS) ],
    'headers-500'    => [ 'unavailable', qr/status 500/, http('500 Evil', '{}', @HEADS) ],
    'split-cr'       => [ 'found or unavailable', undef, ok_with($GOOD, "X-A: b\r\rSet-Cookie: evil=1") ],
    'split-lf'       => [ 'found or unavailable', undef, ok_with($GOOD, "X-A: b\n\nHTTP/1.1 200 OK\nSet-Cookie: evil=1") ],
    'split-type'     => [ 'found or unavailable', undef, http('200 OK', $GOOD, "Content-Type: application/json\rSet-Cookie: evil=1") ],
    'split-status'   => [ 'found or unavailable', undef, http("200 OK\rSet-Cookie: evil=1", $GOOD) ],
    'nul-in-header'  => [ 'found or unavailable', undef, ok_with($GOOD, "X-A: \0evil") ],
    'no-colon'       => [ 'found or unavailable', undef, ok_with($GOOD, 'evil') ],
    'header-100-KB'  => [ 'found or unavailable', undef, ok_with($GOOD, 'X-A: ' . 'evil' x 25_000) ],
    'status-100-KB'  => [ 'found or unavailable', undef, 'HTTP/1.1 200 ' . 'evil' x 25_000 . "\r\n\r\n$GOOD" ],
    'headers-10000'  => [ 'found or unavailable', undef, ok_with($GOOD, map { "X-A$_: evil" } 1 .. 10_000) ],
    'continue'       => [ 'found', undef, "HTTP/1.1 100 Continue\r\n\r\n" . ok_with($GOOD) ],
    'continue-storm' => [ 'unavailable', $STATUS_5XX, "HTTP/1.1 100 Continue\r\nX-Evil: 1\r\n\r\n" x 10_000 . ok_with($GOOD) ],
    'early-hints'    => [ 'found', undef, "HTTP/1.1 103 Early Hints\r\nLink: </evil>\r\nSet-Cookie: evil=1\r\n\r\n" . ok_with($GOOD) ],
    'switching'      => [ 'unavailable', qr/\S/, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: evil\r\nConnection: Upgrade\r\n\r\n$GOOD" ],
);
my %FAULT = @FAULTS;

# Their numbers in t/FAULTS.md: the names of the checks begin with these.
my @GROUPS = (
    'F1 nobody is there'       => [qw(refused)],
    'F8 nobody has that name'  => [qw(no-such-name)],
    'F2 it does not answer'    => [qw(silent slow-body slow-head)],
    'F3 it breaks off'         => [qw(close close-in-status close-in-head close-in-body close-in-chunks close-in-chunk no-last-chunk reset reset-in-body)],
    'F4 another status'        => [ map({ "status-$_" } 401, 403, 407, 500, 503, 201, 204, 206, 304, 999), qw(continue continue-storm early-hints switching) ],
    'F5 too much'              => [qw(endless endless-chunked 64-KiB 64-KiB-and-1 64-KiB-chunked more-than-said a-second-answer second-after-404 second-after-no-body
        gzip gzip-hidden gzip-bomb header-100-KB status-100-KB headers-10000)],
    'F6 no account'            => [qw(empty not-json html xml-no-twiml a-bom two-boms two-objects not-utf8 a-nul surrogate array string null deep deep-inside huge-number huge-integer huge-elsewhere
        no-member null-member list-member deep-member markup)],
    'F7 it sends us elsewhere' => [ map { "status-$_" } 301, 302, 303, 307, 308 ],
    'F11 404'                  => [qw(404-json 404-html)],
    'F14 bad HTTP'             => [qw(no-http http-0.9 status-word length-minus length-word length-twice chunk-word chunk-huge trailers headers headers-404 headers-500
        split-cr split-lf split-type split-status nul-in-header no-colon)],
);
my %GROUP;
while (my ($group, $names) = splice @GROUPS, 0, 2) { $GROUP{$_} = $group for @$names }
my @NAMES = map { $FAULTS[ 2 * $_ ] } 0 .. @FAULTS / 2 - 1;

{
    package FaultyBackend;
    our @ISA = ('EncGather::Backend');

    # As long as answers keep the connection, the next request may come by it.
    sub _answer ($self, $connection, $life) {
        alarm 60;
        while (my $request = EncGather::Backend::_read_request($connection)) {
            $self->_record($request);
            my ($name)  = $request->{path} =~ m{^/(.*)};
            my $answer  = $name eq 'good' ? main::kept($GOOD) : $FAULT{$name}[2];
            return $answer->($connection, $life) if ref $answer;
            main::send_all($connection, $answer) or return;
            return unless $answer =~ /^Connection: keep-alive\r$/m;
        }
        return;
    }
}

# --- The server, with one worker ------------------------------------------------------------------------------

my ($PORT, $DEAD_PORT) = free_ports(2);
my $SERVER = 'faults';
my $server = private_server($SERVER, modules => [ qw(proxy proxy_http) ], environment => { RES_OPTIONS => 'timeout:1 attempts:1' });
my $TREE   = in_tree("private/$SERVER");
write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");

my $backend = FaultyBackend->new(port => $PORT, record => "$TREE/requests");

sub gather_at ($path, $to) {
    return "<Location $path>\n    SetHandler encrypted-gather\n    EncGatherBackend $to\n</Location>\n";
}

my $ONE_WORKER = ($ENV{ENCGATHER_MPM} || 'event') eq 'prefork'
    ? "StartServers 1\nMinSpareServers 1\nMaxSpareServers 1\nServerLimit 1\nMaxRequestWorkers 1\n"
    : "StartServers 1\nServerLimit 1\nThreadsPerChild 1\nMinSpareThreads 1\nMaxSpareThreads 1\nMaxRequestWorkers 1\n";

$server->configure(conf => join '', $ONE_WORKER, <<"END_OF_CONF", map { gather_at("/path/$_", "/to/$_") . gather_at("/url/$_", "http://localhost:$PORT/$_") } 'good', @NAMES);
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
EncGatherTimeout 2
ProxyTimeout 2
ProxyPass /to http://127.0.0.1:$PORT retry=0
ProxyPass /dead http://127.0.0.1:$DEAD_PORT retry=0
ProxyPass /unknown http://backend.invalid retry=0
@{[ gather_at('/path/refused', '/dead/good'), gather_at('/url/refused', "http://127.0.0.1:$DEAD_PORT/good") ]}
@{[ gather_at('/path/no-such-name', '/unknown/good'), gather_at('/url/no-such-name', 'http://other-backend.invalid/good') ]}
END_OF_CONF
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;

# --- One call ---------------------------------------------------------------------------------------------------

my $CARD_TOKEN = seal($CARD);
my $CALL_SID   = 'CA' . '8' x 32;

# The bytes of the answer as they came.
sub last_step ($path) {
    my $target = "$path?step=processData&encryptedCardDigits=$CARD_TOKEN";
    my $bytes  = post($HOST, $target, [ CallSid => $CALL_SID, Digits => $PIN ], unsent => 1);
    local $SIG{ALRM} = sub { die 'no answer within ' . CALL_WAIT . " seconds\n" };
    alarm CALL_WAIT;
    my $answer  = eval { send_pieces($HOST, $bytes) };
    my $problem = $@;
    alarm 0;
    return defined $answer ? $answer : $problem;
}

# found, notfound, unavailable; or what it is instead of TwiML.
sub heard ($bytes) {
    return $bytes unless $bytes =~ m{\AHTTP/1\.1 200 OK\r\n};
    my $said = join ' ', said(HTTP::Response->parse($bytes));
    return $said =~ /\Q$NUMBER\E/                    ? 'found'
         : $said =~ /cannot look up your account/    ? 'unavailable'
         : $said =~ /could not find an account/      ? 'notfound'
         :                                             "'$said'";
}

# Expires is httpd's own: mod_proxy asks for it when a backend breaks off.
my %OURS = map { $_ => 1 } qw(date server cache-control content-length connection content-type expires);

# One answer, our own headers, each once, and nothing of the backend's.
sub is_ours ($name, $bytes) {
    my ($head)  = $bytes =~ /\A(.*?)\r\n\r\n/s;
    my @lines   = split /\r\n/, defined $head ? $head : '';
    my %times;
    $times{ /^([^:]+):/ ? lc $1 : $_ }++ for @lines[ 1 .. $#lines ];
    my @answers = $bytes =~ m{HTTP/1\.\d \d+}g;
    is_deeply [ scalar @answers, grep { !$OURS{$_} || $times{$_} > 1 } sort keys %times ], [1], "$name: one answer with our own headers";
    unlike $bytes, qr/evil/i, "$name: and nothing of the backend's";
    return;
}

sub new_lines ($before) { return substr $server->error_log, $before }

sub row ($path, $wanted, $reason) {
    my $before = length $server->error_log;
    my $bytes  = last_step($path);
    my $heard  = heard($bytes);
    my $name   = $GROUP{ $path =~ s{.*/}{}r } . ", $path";
    $wanted    = $heard if $wanted eq 'found or unavailable' && $heard =~ /^(?:found|unavailable)\z/;
    is $heard, $wanted, "$name: the caller hears '$wanted'";
    is_ours($name, $bytes);

    my @lines = grep { /EG0\d\d\d:/ } split /\n/, new_lines($before);
    if ($wanted eq 'unavailable') {
        is scalar @lines, 1, "$name: one line in the log";
        like $lines[0] || '', qr/\[encgather:error\].*EG0501: call $CALL_SID: the backend \S+ is unavailable: .*\b$CARD_TOKEN\b/,
            "$name: with the call and what was sent";
        like $lines[0] || '', $reason, "$name: and the reason" if $reason;
    }
    elsif ($reason) {
        like $lines[0] || '', $reason, "$name: a warning";
    }
    else {
        is_deeply \@lines, [], "$name: nothing in the log";
    }
    return;
}

my @CHILDREN = $server->children;

# Only root may look; connections that are kept are part of it.
sub open_files () {
    my @files = map { glob "/proc/$_/fd/*" } @CHILDREN;
    return scalar @files;
}

sub is_well ($name, $way) {
    is heard(last_step("/$way/good")), 'found', "$name: the next call is well";
    return;
}

is heard(last_step('/path/good')), 'found', 'a good call';
is heard(last_step('/url/good')),  'found', 'and another';
my $OPEN_FILES = open_files();

my %SLOW = map { $_ => 1 } qw(silent slow-body slow-head);
for my $name (@NAMES, 'refused', 'no-such-name') {
    my ($wanted, $reason) = @{ $FAULT{$name} || [ 'unavailable', qr/status 50[0-4]/ ] };
    for my $way ('path', $SLOW{$name} ? () : 'url') {
        $backend->forget;
        my $shown = "$GROUP{$name}, /$way/$name";
        row("/$way/$name", $wanted, $reason);
        is scalar(grep { $_->{path} ne "/$name" } $backend->requests), 0, "$shown: no other place is asked";
        cmp_ok scalar(() = $backend->requests), '<=', 1, "$shown: and nothing twice";
        is_well($shown, $way);
    }
}
# The same on a connection that was not opened for a call: others use this ProxyPass as well.
isnt request(GET => $HOST, '/to/close')->code, 200, 'the connection that was kept is closed';
is request(GET => $HOST, '/to/good')->code, 200, 'somebody else opens one';
row('/path/slow-head', @{ $FAULT{'slow-head'} }[ 0, 1 ]);
is_well('F2 it does not answer, slow-head on a connection that somebody else opened', 'path');
isnt heard(last_step('/path/markup')), 'unavailable', 'F6 no account, markup: it is said';
is_deeply [ grep { ref && $_->[0] ne 'Say' } @{ twiml(HTTP::Response->parse(last_step('/path/markup'))) } ], [], 'F6 no account, markup: as text';

# --- A caller who hangs up while the backend thinks ---------------------------------------------------------------

{
    my $before = length $server->error_log;
    for my $way ('path', 'url') {
        my $socket = IO::Socket::INET->new(PeerAddr => $HOST) or die "connect: $@";
        syswrite $socket, post($HOST, "/$way/silent?step=processData&encryptedCardDigits=$CARD_TOKEN", [ CallSid => $CALL_SID, Digits => $PIN ], unsent => 1);
        select undef, undef, undef, 0.3;
        $socket->close;
        is_well('F12 the caller hangs up while the backend thinks', $way);
    }
    my @lines = grep { /EG0\d\d\d:/ } split /\n/, new_lines($before);
    is scalar(grep { /EG0501: call $CALL_SID: the backend \S+ is unavailable: / } @lines), 2, 'F12 the caller hangs up while the backend thinks: a line each';
    is scalar @lines, 2, 'F12 the caller hangs up while the backend thinks: and no other';
}

is_deeply [ grep { !$GROUP{$_} } @NAMES ], [], 'each of them has a number in t/FAULTS.md';
is_deeply [ $server->children ], \@CHILDREN, 'the same worker all the time';
cmp_ok open_files(), '<=', $OPEN_FILES + 4, 'with no more files open than in the beginning, a few connections aside';

$backend->stop;
$server->stop;
my @MUST = (qr/\[encgather:error\].*EG0501:/, qr/\[encgather:warn\].*EG0502:/, qr/\[proxy(?:_http)?:(?:error|warn)\]/);
is_deeply [ unexpected([ alarms($server->error_log) ], \@MUST) ], [], 'nothing else in the log';
is_deeply [ missing([ alarms($server->error_log) ], \@MUST) ], [], 'and all of that';
finish();
