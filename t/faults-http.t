# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# The faults A and B of t/FAULTS.md: HTTP as no client of Twilio's would speak it, and forms as none would send.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use IO::Socket::INET;
use Test::More;

use lib 't/lib';
use EncGather::Daemon qw(free_ports);
use EncGather::Faults;
use EncGather::Httpd qw(module_file);
use EncGather::Signature qw(form_encode form_decode signature);
use EncGather::Test;

my ($CARD, $PIN) = @SECOND_ACCOUNT;
my $LATE   = '60417';
my @CALL   = (CallSid => 'CA' . '4' x 32);
my $FORM   = 'application/x-www-form-urlencoded';
my $GATHER = '/gather';
my $STEP   = "$GATHER?step=getPin";
remember($CARD, $PIN, $LATE, '70417');

my ($IMPATIENT) = free_ports(1);
my $one = EncGather::Faults->new('faults-http', modules => [qw(reqtimeout rewrite ext_filter)], conf => <<"END_OF_CONF");
RequestReadTimeout header=0 body=2
HostnameLookups off
<Location /gather/small>
    EncGatherMaxBody 500
</Location>
<Location /decrypt/small>
    EncGatherMaxBody 500
</Location>
<Location /gather/filtered>
    SetInputFilter copy
</Location>
ExtFilterDefine copy mode=input cmd=/bin/cat
<Location /guarded>
    Require twilio-signature
</Location>
RewriteEngine on
RewriteRule ^/old\$ /gather [PT]
Listen 127.0.0.1:$IMPATIENT
<VirtualHost 127.0.0.1:$IMPATIENT>
    Timeout 2
    RequestReadTimeout header=2 body=0
</VirtualHost>
END_OF_CONF
my $HOST = $one->host;

sub webhook ($target, $pairs = \@CALL, %options) { return $one->webhook($target, $pairs, %options) }

# A head that is written by hand, signed or not: what httpd or the module finds wrong comes before any signature.
my $serial = 0;
sub head ($line, @headers) {
    return join("\r\n", $line, "Host: $HOST", "X-Test-Id: f${$}n" . ++$serial, @headers) . "\r\n\r\n";
}
sub form_head (@headers) { return head("POST $STEP HTTP/1.1", "Content-Type: $FORM", @headers) }

sub by_httpd ($status) { return { httpd_error($status, type => qr{^text/html\b}) } }
sub text ($status, $result, %more) { return { text_error($status, $result, %more) } }
sub asks (%more) { return { twiml_answer(qr/^asked/, %more) } }

my $BODY_LINE   = qr/\[encgather:info\].*EG0201: call \S+: the body could not be read to its end: (?:broken|it is larger|it did not come in time)/;
my $REFUSED     = qr/\[encgather:warn\].*EG0301: call \S+: refused, the X-Twilio-Signature does not fit/;
my $MISSING     = qr/\[encgather:warn\].*EG0301: call \S+: refused, the X-Twilio-Signature is missing/;

# --- A: what httpd finds wrong by itself ----------------------------------------------------------------------

$one->fault("A1 $$_[0]", $$_[1], answer => by_httpd(400)) for
    [ 'no Host'          => "POST $GATHER HTTP/1.1\r\nContent-Length: 0\r\n\r\n" ],
    [ 'two Hosts'        => head("POST $GATHER HTTP/1.1", 'Host: other', 'Content-Length: 0') ],
    [ 'no name in Host'  => "POST $GATHER HTTP/1.1\r\nHost: a b\r\nContent-Length: 0\r\n\r\n" ];
$one->fault("A2 $$_[0]", form_head(@$_[ 1 .. $#$_ ]) . 'a=1', answer => by_httpd(400)) for
    [ 'a negative length'   => 'Content-Length: -1' ],
    [ 'two lengths'         => 'Content-Length: 3', 'Content-Length: 4' ],
    [ 'a length in letters' => 'Content-Length: three' ];
$one->fault("A3 $$_[0]", form_head(@$_[ 1 .. $#$_ ], 'Content-Length: 0'), answer => by_httpd(400)) for
    [ 'NUL in a header'       => "X: a\0b" ],
    [ 'a header of 9000 bytes' => 'X: ' . 'x' x 9000 ],
    [ '101 headers'           => ('X: y') x 101 ];
$one->fault('A4 a request line of 9000 bytes', head("POST $GATHER?" . 'x' x 9000 . ' HTTP/1.1'), answer => by_httpd(414));
$one->fault("A5 $_ in the path", head("POST $GATHER$_ HTTP/1.1", 'Content-Length: 0'), answer => by_httpd(404)) for '%00', '/a%2fb';
$one->fault("A5 $_ in the path", head("POST $GATHER$_ HTTP/1.1", 'Content-Length: 0'), answer => by_httpd(400), others => [qr/AH10244: invalid URI path/]) for '%zz';
$one->fault('A6 an expectation that nobody meets', form_head('Expect: foo', 'Content-Length: 0'), answer => by_httpd(417), closes => 1);

# --- A: bodies that cannot be read, or only too late ----------------------------------------------------------

sub chunked (@pieces) { return [ form_head('Transfer-Encoding: chunked'), @pieces ] }

$one->fault("A7 $$_[0]", chunked($$_[1]), answer => text(400, 'malformed', connection => 'close'), log => [$BODY_LINE]) for
    [ 'a chunk size that is no number' => "zz\r\nDigits=$LATE\r\n0\r\n\r\n" ],
    [ 'a negative chunk size'          => "-1\r\nDigits=$LATE" ],
    [ 'a chunk without its end'        => "5\r\nDigits=$LATE\r\n0\r\n\r\n" ];

# The client has said all it has to say, but can still listen.
sub half_closed ($bytes) {
    return sub () {
        my $socket = IO::Socket::INET->new(PeerAddr => $HOST) or die "connect: $@";
        syswrite $socket, $bytes;
        shutdown $socket, 1;
        return $one->answer_from($socket, $bytes);
    };
}
$one->fault('A7 the end of the stream within a chunk', half_closed(join '', @{ chunked("64\r\nDigits=$LATE") }),
    answer => text(400, 'malformed'), log => [$BODY_LINE]);
$one->fault('A7 the end of the stream within the body', half_closed(form_head('Content-Length: 50') . "Digits=$LATE"),
    answer => text(400, 'malformed'), log => [$BODY_LINE]);

sub small ($n) { return [ Digits => $LATE, a => 'x' x ($n - length "Digits=$LATE&a=") ] }

$one->fault('A8 a byte more than the limit, by its length', webhook("$GATHER/small", small(501)),
    answer => text(413, 'too-large', connection => 'close'));
$one->fault('A8 two gigabytes that are only announced', webhook("$GATHER/small", small(20), length => 2_000_000_000),
    answer => text(413, 'too-large', connection => 'close'));
$one->fault('A8 the limit itself', webhook("$GATHER/small", small(500)), answer => asks());
$one->fault("A9 $$_[0]", webhook("$GATHER/small", [], body => undef, chunks => $$_[1]),
    answer => text(413, 'too-large', connection => 'close'), log => [$BODY_LINE]) for
    [ 'a byte more than the limit, in chunks'   => [ unpack '(a7)*', form_encode(@{ small(501) }) ] ],
    [ 'a megabyte in a chunk'                   => [ form_encode(@{ small(1_000_000) }) ] ];
$one->fault('A9 a chunk of two gigabytes', chunked("7fffffff\r\nDigits=$LATE" . 'x' x 70_000),
    answer => text(413, 'too-large', connection => 'close'), log => [$BODY_LINE]);
$one->fault('A9 a chunk size beyond all numbers', chunked("ffffffffffffffffff\r\nDigits=$LATE"),
    answer => text(qr/^4(?:00|13)\z/, qr/^(?:too-large|malformed)\z/, connection => 'close'), log => [$BODY_LINE]);

$one->fault('A10 a length and chunks: the chunks hold, nothing follows', [ form_head('Content-Length: 3', 'Transfer-Encoding: chunked'), "5\r\na=1&b\r\n0\r\n\r\n" ],
    answer => text(403, 'forbidden', connection => 'close'), log => [$MISSING]);
$one->fault('A10 a transfer coding that nobody knows', form_head('Transfer-Encoding: rot13') . "Digits=$LATE", answer => by_httpd(qr/^(?:400|501)\z/));

# A body that never comes to its end: silence, and a byte now and then.
sub stalled ($host, $bytes, $drip) {
    return sub () {
        my $socket = IO::Socket::INET->new(PeerAddr => $host) or die "connect: $@";
        syswrite $socket, $bytes;
        my $answered = IO::Select->new($socket);
        for (1 .. 60) {
            last if $answered->can_read($drip ? 0.4 : 60);
            syswrite $socket, 'x';
        }
        return $one->answer_from($socket, $bytes);
    };
}
my $STALLS = form_head('Content-Length: 300') . "Digits=$LATE&a=";
$one->fault('A11 the body stalls', stalled($HOST, $STALLS, 0), answer => text(408, 'timeout', connection => 'close'), log => [$BODY_LINE]);
$one->fault('A11 the body drips', stalled($HOST, form_head('Content-Length: 300') . "Digits=$LATE&a=", 1),
    answer => text(408, 'timeout', connection => 'close'), log => [$BODY_LINE]);
$one->fault('A11 the body stalls, only Timeout is set', stalled("127.0.0.1:$IMPATIENT", form_head('Content-Length: 300') . "Digits=$LATE&a=", 0),
    answer => text(408, 'timeout', connection => 'close'), log => [$BODY_LINE]);

$one->fault('A11 the body stalls where a signature is required', stalled($HOST, head('POST /guarded HTTP/1.1', "Content-Type: $FORM", 'Content-Length: 300') . "Digits=$LATE&a=", 0),
    answer => { httpd_error(403, result => 'timeout', connection => 'close') }, log => [ $BODY_LINE, qr/EG0302: call -: denied by "Require twilio-signature": timeout/ ],
    others => [qr/AH01630:/]);

# A program as a filter has nothing to give as long as it reads: that is no end. (The worker waits for the program's end
# behind the answer; the event MPM then has none left, and may close what is kept open.)
$one->fault("A21 in $_ chunks, behind a filter that is a program", webhook('/gather/filtered?step=getPin', [ @CALL, Digits => $CARD ],
    chunks => [ unpack '(a' . int(length(form_encode(@CALL, Digits => $CARD)) / $_ + 1) . ')*', form_encode(@CALL, Digits => $CARD) ]), answer => asks(), closes => 1) for 3, 40;

$one->fault('A11 the head drips', stalled("127.0.0.1:$IMPATIENT", "POST $GATHER HTTP/1.1\r\nHost: $HOST\r\nX: ", 1), answer => by_httpd(408));

for my $times (1, 20) {
    $one->fault("A12 the client goes away within the body, $times times", sub () {
        for (1 .. $times) {
            my $socket = IO::Socket::INET->new(PeerAddr => $HOST) or die "connect: $@";
            syswrite $socket, form_head('Content-Length: 50') . "Digits=$LATE";
            close $socket;
        }
        return;
    }, log => [ ($BODY_LINE) x $times ]);
}

# --- A: requests of an odd form -------------------------------------------------------------------------------

$one->fault('A13 a target of another host', webhook("http://evil.example$GATHER", \@CALL, signed_url => "http://$HOST$GATHER", host => $HOST),
    answer => text(403, 'forbidden'), log => [$REFUSED]);
$one->fault('A14 HTTP/1.0', head("POST $GATHER HTTP/1.0", 'Content-Length: 0'), answer => text(403, 'forbidden', connection => 'close'), log => [$MISSING]);
$one->fault('A14 HTTP/0.9', sub () {
    is send_pieces($HOST, "GET $GATHER?Digits=70417\r\n"), "method not allowed\n", 'A14 HTTP/0.9: the body of a 405 and nothing else';
    return;
});
$one->fault("A15 a body in $_", webhook($STEP, [ @CALL, Digits => $CARD ], headers => [ 'Content-Encoding' => $_ ]),
    answer => text(415, 'media-type')) for qw(gzip deflate br);
$one->fault('A16 TRACE, which is off', head("TRACE $GATHER HTTP/1.1"), answer => by_httpd(405));
$one->fault('A17 bytes beyond ASCII for a signature', webhook($GATHER, \@CALL, signature => "\xe9" x 27 . '='),
    answer => text(403, 'forbidden', signature => 'invalid'), log => [$REFUSED]);
{
    my $good = signature($TOKEN{demo}, "http://$HOST$GATHER", \@CALL);
    $one->fault("A18 two signatures, $$_[0]", webhook($GATHER, \@CALL, token => undef, headers => [ map { ('X-Twilio-Signature' => $_) } @$_[ 1, 2 ] ]),
        answer => text(403, 'forbidden', signature => 'invalid'), log => [$REFUSED]) for
        [ 'both good' => $good, $good ], [ 'the first good' => $good, 'A' x 27 . '=' ], [ 'the last good' => 'A' x 27 . '=', $good ];
}
$one->fault('A19 more path than the location has', webhook("$GATHER/x/y?step=getPin", [ @CALL, Digits => $CARD ]), answer => asks());
$one->fault('A19 a method in small letters', webhook($GATHER, \@CALL) =~ s/\APOST/post/r, answer => text(405, 'method', allow => 'GET, HEAD, POST'));

# --- B: methods, media types ----------------------------------------------------------------------------------

$one->fault("B1 $_", webhook($GATHER, \@CALL) =~ s/\APOST/$_/r, answer => text(405, 'method', allow => 'GET, HEAD, POST'))
    for qw(PUT DELETE OPTIONS PATCH PROPFIND FOO);
$one->fault("B1 $$_[0] with Digits in the query", webhook("$GATHER?Digits=70417", [], method => $$_[0]),
    answer => text(405, 'method', allow => 'POST', $$_[0] eq 'HEAD' ? (body => '') : ())) for ['GET'], ['HEAD'];
$one->fault('B1 GET of a later step', webhook($STEP, [], method => 'GET'), answer => text(405, 'method', allow => 'POST'));
$one->fault('B1 GET with a body', head("GET $GATHER HTTP/1.1", "Content-Type: $FORM", 'Content-Length: 12') . "Digits=$LATE",
    answer => text(400, 'malformed'));
$one->fault("B2 $$_[0]", webhook($GATHER, [], @$_[ 1 .. $#$_ ]), answer => asks(result => 'asked')) for
    [ 'no body, no type', body => undef, type => undef ], [ 'a length of 0', body => '', type => undef ],
    [ 'no chunk but the last', body => undef, chunks => [] ];
$one->fault('B3 no Content-Type', webhook($STEP, [ @CALL, Digits => $CARD ], type => undef), answer => text(415, 'media-type'));
$one->fault("B3 $_", webhook($STEP, [ @CALL, Digits => $CARD ], type => $_), answer => text(415, 'media-type'))
    for 'multipart/form-data; boundary=x', 'application/json', 'text/plain', "${FORM}X", "$FORM/x", ';';

# --- B: names and escapes -------------------------------------------------------------------------------------

my $TOKEN_OF_CARD = seal($CARD);
sub sends ($target, $body) { return webhook($target, [ form_decode($body) ], body => $body) }

$one->fault("B4 twice: $$_[0]", sends("$GATHER$$_[1]", $$_[2]), answer => text(400, 'malformed')) for
    [ 'Digits'               => '?step=getPin', "Digits=$CARD&Digits=$CARD" ],
    [ 'Digits, once empty'   => '?step=getPin', "Digits=&Digits=$CARD" ],
    [ 'Digits, once escaped' => '?step=getPin', "D%69gits=$CARD&Digits=$CARD" ],
    [ 'a spoken answer'      => '?step=getPin', 'SpeechResult=a&SpeechResult=b' ],
    [ 'the step'             => '?step=getPin&step=getPin', 'a=1' ],
    [ 'the attempt'          => '?step=getPin&attempt=2&attempt=2', 'a=1' ],
    [ 'a token'              => "?step=processData&encryptedCardDigits=$TOKEN_OF_CARD&encryptedCardDigits=$TOKEN_OF_CARD", "Digits=$PIN" ],
    [ 'a name in query and body' => '?step=getPin&a=1', "a=1&Digits=$CARD" ],
    [ 'Digits in the query of a POST' => '?step=getPin&Digits=70417', 'a=1' ];
$one->fault('B4 CallSid twice is no fault of a form', sends($STEP, "CallSid=CA1&CallSid=CA2&Digits=$CARD"), answer => asks());
$one->fault("B5 NUL: " . s/[^!-~]/./gr, sends($STEP, $_), answer => text(400, 'malformed'))
    for 'Dig%00its=1', 'a%00=1', 'a=%00', 'a=1%00', "a=\0", "\0=1";
$one->fault("B6 a broken escape: $_", sends($STEP, $_), answer => text(400, 'malformed')) for 'a=%zz', 'a=%', 'a=%4', '%=1', 'a=%u0041', 'a=% 41';
$one->fault("B6 a broken escape in the query: $_", sends("$GATHER?$_", ''), answer => text(400, 'malformed')) for 'a=%zz', 'a=%4';
$one->fault('B7 an equals sign in a name: no Digits there', sends($STEP, 'Dig%3Dits=1'), answer => asks(result => 'asked-again', signature => 'valid'));
$one->fault('B8 a value that is no UTF-8', webhook($GATHER, [ @CALL, CallerName => "\xe9\xff\x80" ]), answer => asks(signature => 'valid'));

sub many ($n) { return map { ("p$_" => '') } 1 .. $n }
$one->fault('B9 256 parameters', webhook($GATHER, [ many(256) ]), answer => asks());
$one->fault("B9 $_ parameters", webhook($GATHER, [ many($_) ]), answer => text(413, 'too-large')) for 257, 3000;
$one->fault('B9 257 parameters of a GET', webhook("$GATHER?" . join('&', map { "q$_" } 1 .. 257), [], method => 'GET'), answer => text(413, 'too-large'));
$one->fault('B9 60,000 empty parts', sends($GATHER, '&' x 60_000), answer => { twiml_answer('asked', signature => 'valid') });
$one->fault("B10 $$_[0]", webhook($GATHER, [ @CALL, @$_[ 1, 2 ] ]), answer => asks(signature => 'valid')) for
    [ 'a name of 9,000 bytes' => 'n' x 9000, 1 ], [ 'a value of 16,000 bytes' => v => 'x' x 16_000 ];

# --- B: what the caller keyed in, and where the call stands ---------------------------------------------------

$one->fault('B11 the caller keyed in nothing', webhook($STEP, [ @CALL, Digits => '' ]), answer => asks(result => 'asked-again'));
$one->fault('B11 nor are there Digits', webhook($STEP, \@CALL), answer => asks(result => 'asked-again'));
$one->fault('B11 a second time', webhook("$STEP&attempt=2", [ @CALL, Digits => '' ]), answer => asks(result => 'asked-again'));
$one->fault('B11 a third time: the call ends', webhook("$STEP&attempt=3", [ @CALL, Digits => '' ]), answer => { twiml_answer('invalid') });
$one->fault("B12 not four digits: $$_[0]", webhook($STEP, [ @CALL, Digits => $$_[1] ]), answer => asks(result => 'asked-again')) for
    [ 'three' => '041' ], [ 'five' => '04170' ], [ 'a star' => '041*' ], [ 'a hash' => '0417#' ], [ 'letters' => 'O4I7' ],
    [ 'blanks' => ' 041' ], [ 'a plus sign' => '+041' ], [ 'Arabic ones' => "\xd9\xa0\xd9\xa4\xd9\xa1\xd9\xa7" ], [ 'thousands' => '0417' x 1000 ];
$one->fault("B13 $$_[0]", webhook("$GATHER?$$_[1]", [ @CALL, Digits => $CARD ]), answer => text(400, 'malformed', signature => 'valid')) for
    [ 'a step that is not there' => 'step=nonsense' ], [ 'an empty step' => 'step=' ],
    [ 'the last step without its token' => 'step=processData' ], [ 'an attempt that is no number' => 'step=getPin&attempt=1e2' ],
    [ 'an attempt 0' => 'step=getPin&attempt=0' ];
$one->fault("B14 $$_[0]", webhook($STEP, [ @$_[ 1 .. $#$_ ], Digits => $CARD ]), answer => asks(result => 'asked', call => '-')) for
    [ 'no CallSid' => () ], [ 'a CallSid with a line end' => CallSid => "CA1\nCA2" ], [ 'a CallSid of 65 letters' => CallSid => 'x' x 65 ];
for my $case ([ 'in another order' => [ b => 1, a => 2 ], 'a=2&b=1' ], [ 'a blank as %20' => [ a => 'b c' ], 'a=b%20c' ],
    [ 'a blank as +' => [ a => 'b c' ], 'a=b+c' ], [ 'empty values' => [ a => '', b => '' ], 'a=&b' ])
{
    my ($name, $pairs, $body) = @$case;
    $one->fault("B15 parameters $name", webhook($GATHER, $pairs, body => $body), answer => asks(signature => 'valid'));
}

$one->finish_faults;

# --- A: HTTP/2 ------------------------------------------------------------------------------------------------

SKIP: {
    my $MPM = $ENV{ENCGATHER_MPM} || 'event';
    skip 'A20 HTTP/2: this httpd has no mod_http2', 1 unless defined module_file('http2');
    skip 'A20 HTTP/2: not with prefork', 1 if $MPM eq 'prefork';
    require EncGather::Http2;
    my $two = EncGather::Faults->new('faults-http2', modules => ['http2'], conf => "LogLevel http2:debug\nProtocols h2c http/1.1\nH2MinWorkers 1\nH2MaxWorkers 1\n"
        . "<Location /gather/small>\n    EncGatherMaxBody 500\n</Location>\n");
    my @form = (':method' => 'POST', ':scheme' => 'http', ':authority' => $two->host, 'content-type' => $FORM);
    my $id   = 0;

    # One stream of a connection of its own; what it got as a response, undef where it was reset.
    my $stream = sub ($target, $body, %how) {
        my @sign = defined $how{signature} ? ('x-twilio-signature' => $how{signature}) : ();
        my $test = "h${$}n" . ++$id;
        return sub () {
            my $response = EncGather::Http2::exchange($two->host, [ @form, ':path' => $target, 'x-test-id' => $test, @sign, @{ $how{headers} || [] } ],
                $body, $how{end}, sub () { $two->until_logged("X-Test-Id: $test") });
            $response->{test_id} = $test if $response;
            return $response;
        };
    };
    my $sign  = sub ($target, @pairs) { return signature($TOKEN{demo}, 'http://' . $two->host . $target, \@pairs) };
    my @pairs = (@CALL, Digits => $CARD);
    my $body  = form_encode(@pairs);

    $two->fault('A20 HTTP/2: a good call', $stream->($STEP, $body, signature => $sign->($STEP, @pairs)), answer => { status => 200, result => 'asked', signature => 'valid' });
    $two->fault('A20 HTTP/2: no signature', $stream->($STEP, $body), answer => { status => 403, result => 'forbidden' }, log => [$MISSING]);
    $two->fault('A20 HTTP/2: a wrong one', $stream->($STEP, $body, signature => 'A' x 27 . '='), answer => { status => 403, result => 'forbidden' }, log => [$REFUSED]);
    $two->fault('A20 HTTP/2: a broken escape', $stream->($STEP, 'a=%zz'), answer => { status => 400, result => 'malformed' });
    $two->fault('A20 HTTP/2: too large', $stream->("$GATHER/small", 'a=' . 'x' x 600), answer => { status => 413, result => 'too-large' }, log => [$BODY_LINE]);
    $two->fault('A20 HTTP/2: an unknown step', $stream->("$GATHER?step=x", '', signature => $sign->("$GATHER?step=x")), answer => { status => 400, result => 'malformed' });

    # The signature is that of what came: a reset that passed for the end would have the digits taken as they are. Without
    # a length mod_http2 tells it or does not; then what was cut has to fit its signature.
    my @cut = (signature => $sign->($STEP, Digits => $LATE));
    my @announced = (headers => [ 'content-length' => 50 ]);
    $two->fault('A20 HTTP/2: the stream is reset within the body', $stream->($STEP, "Digits=$LATE", end => 'reset', @cut, @announced), log => [$BODY_LINE]);
    $two->fault('A20 HTTP/2: the connection ends within the body', $stream->($STEP, "Digits=$LATE", end => 'close', @cut, @announced), log => [$BODY_LINE]);
    $two->fault('A20 HTTP/2: the stream is reset, no length was announced', $stream->($STEP, "Digits=$LATE", end => 'reset', signature => $sign->($STEP, @pairs)),
        log => [qr/$REFUSED|$BODY_LINE/]);
    $two->finish_faults;
}

finish();
