# SPDX-License-Identifier: Apache-2.0
# What bad input gets at encrypted-gather: one table for each kind of fault, and the order in which they are looked at.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Signature qw(form_decode form_encode);
use EncGather::Test;

my ($CARD, $PIN) = @SECOND_ACCOUNT;
my $GATHER = '/encrypted-gather';
my $TOKEN_OF_CARD = seal($CARD);
my @CALL = (CallSid => 'CA' . '4' x 32);
my @FORM = ('Content-Type' => 'application/x-www-form-urlencoded');
remember($CARD, $PIN);

# A form as bytes that no encoder would write; the signature does not matter for what is looked at before it.
sub post_bytes ($target, $bytes, %options) {
    return post($options{vhost} || 'call', $target, [], token => undef, body => $bytes, %options);
}

# --- Handlers that nobody enabled -------------------------------------------------------------------------

for my $path ('/no-backend', '/lookup-only', '/no-lookup', '/backend-only') {
    my %not_found = text_error(404, '-');
    answers("POST $path", post('call', $path, \@CALL), %not_found);
    answers("POST $path, unsigned", post('call', $path, \@CALL, token => undef), %not_found);
    answers("POST $path, no form", post_bytes($path, '%zz', type => 'text/plain'), %not_found);
    answers("GET $path", get('call', $path), %not_found);
    answers("GET $path with Digits", get('call', "$path?Digits=70417"), %not_found);
    answers("PUT $path", request(PUT => 'call', $path), %not_found);
}

# Who may write a .htaccess gets no handler, and no directive.
sub htaccess ($name, $line, $do) {
    my $directory = in_tree("htdocs/writable/$name");
    mkdir $directory, 0755;
    for my $file ([ '.htaccess', $line ], [ 'x.html', 'a page' ]) {
        open my $out, '>', "$directory/$file->[0]" or die "$directory: $!";
        print {$out} "$file->[1]\n";
        close $out or die "$directory: $!";
    }
    return $do->("/writable/$name/x.html");
}

for my $handler ('encrypted-gather', 'decrypt-gather') {
    htaccess($handler, "SetHandler $handler", sub ($path) {
        answers(".htaccess with SetHandler $handler", post('call', $path, \@CALL), text_error(404, '-'));
        answers('with JSON', decrypt('call', $path, { encryptedCardDigits => seal($CARD) }), text_error(404, '-'));
    });
}
my $keys = in_tree('conf/keys');
for my $line ("EncGatherKeyFile $keys/demo.key", "EncGatherAuthTokenFile $keys/auth-tokens", 'EncGatherSignature off',
    'EncGatherPublicURL https://example.com', 'EncGatherBackend /decrypt-gather', 'EncGatherMaxBody 10',
    'EncGatherLookup "SELECT account FROM accounts WHERE card = %s" encryptedCardDigits')
{
    my ($directive) = $line =~ /^(\w+)/;
    htaccess($directive, $line, sub ($path) {
        answers("$directive in a .htaccess", get('call', $path), httpd_error(500));
    });
    expect_log(qr/\[core:alert\].*$directive not allowed here/);
}

# --- Methods ------------------------------------------------------------------------------------------------

sub wrong_method ($name, $response, $allow, %more) {
    return answers($name, $response, text_error(405, 'method', allow => $allow, signature => 'unchecked', %more));
}

for my $method (qw(PUT DELETE OPTIONS PATCH PROPFIND FOO post Get)) {
    wrong_method($method, request($method => 'call', $GATHER, headers => [@FORM], body => 'Digits=60417'), 'GET, HEAD, POST');
    wrong_method("$method with Digits in the query", request($method => 'call', "$GATHER?Digits=70417"), qr/POST/);
}
remember('60417', '70417', '%37%30%34%31%37');
for my $query ('Digits=70417', 'step=getPin&Digits=70417', 'a=1&Digits=', 'Digits', 'Digits=70417&Digits=70417',
    'D%69gits=70417', 'Digits=%37%30%34%31%37')
{
    wrong_method("GET ?$query", get('call', "$GATHER?$query"), 'POST');
    wrong_method("HEAD ?$query", get('call', "$GATHER?$query", method => 'HEAD'), 'POST', body => '');
}
wrong_method("GET ?$_", get('call', "$GATHER?$_"), 'POST')
    for 'step=getPin', 'step=processData', "step=processData&encryptedCardDigits=$TOKEN_OF_CARD", 'step=nonsense', 'step=';
wrong_method('an unsigned GET with Digits', get('call', "$GATHER?Digits=70417", token => undef), 'POST');

# --- Media types ----------------------------------------------------------------------------------------------

sub wrong_type ($name, $type, %options) {
    return answers($name, post('call', "$GATHER?step=getPin", [ @CALL, Digits => $CARD ], type => $type, %options),
        text_error(415, 'media-type', signature => 'unchecked'));
}

wrong_type('no Content-Type',     undef);
wrong_type($_,                    $_)
    for 'application/json', 'text/plain', 'text/xml', 'multipart/form-data; boundary=x', 'application/octet-stream',
        'application/x-www-form-urlencodedX', 'application/x-www-form-urlencoded/x', 'x-www-form-urlencoded', '', ';';
wrong_type("compressed: $_", 'application/x-www-form-urlencoded', headers => [ 'Content-Encoding' => $_ ])
    for qw(gzip deflate br), 'gzip, identity';

for my $type ('application/x-www-form-urlencoded', 'APPLICATION/X-WWW-Form-URLencoded',
    'application/x-www-form-urlencoded; charset=UTF-8', 'application/x-www-form-urlencoded;charset="utf-8"',
    'application/x-www-form-urlencoded ; charset=UTF-8')
{
    answers("Content-Type: $type", post('call', $GATHER, \@CALL, type => $type), twiml_answer('asked', signature => 'valid'));
}
answers('no body at all', post('call', $GATHER, [], body => undef, type => undef), twiml_answer('asked'));
answers('a body of no bytes', post('call', $GATHER, [], body => '', type => undef), twiml_answer('asked'));
answers('no body, of a type', post('call', $GATHER, [], body => undef), twiml_answer('asked'));
answers('no chunk but the last', post('call', $GATHER, [], body => undef, chunks => []), twiml_answer('asked'));

# --- Sizes ------------------------------------------------------------------------------------------------------

sub too_large ($name, $response, %more) {
    return answers($name, $response, text_error(413, 'too-large', signature => 'unchecked', %more));
}

# A form of just so many bytes, with Digits in front.
sub form_of ($length) {
    my @pairs = (Digits => $CARD, a => '');
    $pairs[3] = 'x' x ($length - length form_encode(@pairs));
    return \@pairs;
}

answers('65,536 bytes', post('call', $GATHER, form_of(65_536)), twiml_answer('asked'));
too_large('65,537 bytes', post('call', $GATHER, form_of(65_537)));
answers('500 bytes where 500 are the limit', post('small', $GATHER, form_of(500)), twiml_answer('asked'));
too_large('501 bytes', post('small', $GATHER, form_of(501)), connection => 'close');
too_large('a megabyte', post('small', $GATHER, form_of(1_000_000)));
too_large('announced, never sent', post('small', $GATHER, form_of(20), length => 2_000_000_000), connection => 'close');
answers('500 bytes in chunks', post('small', $GATHER, form_of(500), body => undef,
    chunks => [ unpack '(a7)*', form_encode(@{ form_of(500) }) ]), twiml_answer('asked'));
too_large('501 bytes in chunks', post('small', $GATHER, form_of(501), body => undef,
    chunks => [ unpack '(a7)*', form_encode(@{ form_of(501) }) ]));
too_large('a megabyte in one chunk', post('small', $GATHER, form_of(20), body => undef,
    chunks => [ form_encode(@{ form_of(1_000_000) }) ]));

sub many ($n) { return map { ("p$_" => '') } 1 .. $n }

answers('256 parameters', post('call', $GATHER, [ many(256) ]), twiml_answer('asked'));
too_large('257 parameters', post('call', $GATHER, [ many(257) ]));
answers('56 and 200 parameters', post('call', "$GATHER?" . join('&', map { "q$_" } 1 .. 56), [ many(200) ]), twiml_answer('asked'));
too_large('57 and 200 parameters', post('call', "$GATHER?" . join('&', map { "q$_" } 1 .. 57), [ many(200) ]));
too_large('257 parameters of a GET', get('call', "$GATHER?" . join '&', map { "q$_" } 1 .. 257));
too_large('10,000 parameters', post('call', $GATHER, [ map { ('' => '') } 1 .. 10_000 ]));
answers('60,000 times &', post_bytes($GATHER, '&' x 60_000), status => qr/^(?:403|413)\z/);
too_large('a thousand times one name', post('call', $GATHER, [ map { (a => '') } 1 .. 1000 ]));

# --- Forms ------------------------------------------------------------------------------------------------------

sub malformed ($name, $response, %more) {
    return answers($name, $response, text_error(400, 'malformed', signature => 'unchecked', %more));
}

for my $body ('a=%zz', 'a=%', 'a=%4', 'a=%4g', '%=1', 'a%2=1', 'a=1&b=%%41', 'a=%u0041', 'a=% 41', "a=%4\xe9",
    'a=%00', 'a%00=1', 'Dig%00its=1', 'a=1%00', "a=\0", "\0=1", 'a=1&%00')
{
    my $shown = $body =~ s/[^!-~]/./gr;
    malformed("body: $shown", post_bytes($GATHER, $body));
    next if $body =~ /[^!-~]/;
    malformed("query: $shown", post_bytes("$GATHER?$body", ''));
    malformed("query of a GET: $shown", get('call', "$GATHER?$body"));
}
# Faults of names are looked for in the parameters of a signed request: whether before or after its signature, is open.
sub bad_names ($name, $target, $body) {
    my $response = post('call', $target, [ form_decode($body) ], body => $body);
    return malformed($name, $response, signature => qr/^(?:valid|unchecked)\z/);
}

bad_names("twice in the body: $_", $GATHER, $_)
    for "Digits=$CARD&Digits=$CARD", "Digits=&Digits=$CARD", 'SpeechResult=a&SpeechResult=b', "D%69gits=$CARD&Digits=$CARD",
        'step=getPin&step=getPin', 'attempt=1&attempt=2', "encryptedCardDigits=$TOKEN_OF_CARD&encryptedCardDigits=$TOKEN_OF_CARD";
bad_names("twice in the query: $_", "$GATHER?$_", 'a=1')
    for 'step=getPin&step=getPin', 'step=getPin&st%65p=getPin', 'attempt=2&attempt=2',
        "encryptedCardDigits=$TOKEN_OF_CARD&encryptedCardDigits=$TOKEN_OF_CARD", 'encryptedPinDigits&encryptedPinDigits';
bad_names("in both: $_", "$GATHER?$_=x", "$_=x") for 'a', 'CallSid', 'step', 'encryptedCardDigits', '';
bad_names("in the query of a POST: $_", "$GATHER?$_", 'a=1')
    for 'Digits=70417', 'SpeechResult=70417', 'D%69gits=70417', 'Digits=', 'Digits', 'step=getPin&Digits=70417';
remember('70417');
malformed('a GET with a body', request(GET => 'call', $GATHER, headers => [@FORM], body => 'a=1'));
malformed('a GET with Digits in the body', request(GET => 'call', $GATHER, headers => [@FORM], body => 'Digits=60417'));
malformed('a GET with a body in chunks', request(GET => 'call', $GATHER, headers => [@FORM], chunks => ['Digits=60417']));
answers('other names may come twice', post('call', "$GATHER?a=1&a=2", [ @CALL, b => 1, b => 2 ]), twiml_answer('asked'));

# --- Steps, attempts, tokens ---------------------------------------------------------------------------------------

sub refused_query ($query, $name = $query) {
    return answers("?$name", post('call', "$GATHER?$query", [ @CALL, Digits => $CARD ]),
        text_error(400, 'malformed', signature => 'valid'));
}

refused_query("step=$_") for 'nonsense', '', 'getlast4cc', 'getPin2', 'getPi', 'encryptedCardDigits', '%C3%A9', "getPin'", '..', 'x' x 5000;
refused_query("step=getPin&attempt=$_")
    for '', '0', '1000', '-1', '%2B1', '+1', '1.0', '1e2', '0x1', 'abc', '9' x 30, '%201', '1%20', '1,2', '%D9%A1';
answers("attempt=$_", post('call', "$GATHER?step=getPin&attempt=$_", [ @CALL, Digits => $CARD ]), twiml_answer('asked'))
    for 1, 2, 10, 999;
refused_query('step=processData', 'step=processData without the token of the card');
for my $case (
    [ 'empty'                => '' ],
    [ 'four digits'          => '2222' ],
    [ 'one byte too short'   => 'ab' x 27 ],
    [ 'half a byte'          => substr($TOKEN_OF_CARD, 1) ],
    [ 'a letter g'           => 'g' . substr($TOKEN_OF_CARD, 1) ],
    [ 'a blank behind'       => "$TOKEN_OF_CARD+" ],
    [ 'markup'               => '%22%3E%3CDial%3E' ],
    [ 'very long, not hex'   => 'xy' x 3000 ],
) {
    my ($name, $token) = @$case;
    refused_query("step=processData&encryptedCardDigits=$token", "a token that is $name");
}

# --- The order ------------------------------------------------------------------------------------------------------

my $UNSIGNED_BAD_STEP = "$GATHER?step=nonsense";
wrong_method('method before media type',     request(PUT => 'small', $GATHER, headers => [ 'Content-Type' => 'text/plain' ], body => 'x' x 600), qr/POST/);
wrong_method('method before form',           get('call', "$GATHER?Digits=70417&a=%zz"), 'POST');
answers('media type before size',            post_bytes($GATHER, 'x' x 600, vhost => 'small', type => 'text/plain'), text_error(415, 'media-type'));
answers('media type before form',            post_bytes($GATHER, 'a=%zz', type => 'text/plain'), text_error(415, 'media-type'));
too_large('size before form',                post_bytes($GATHER, '%zz' x 300, vhost => 'small'));
too_large('number before form',              post_bytes($GATHER, join '&', map { 'a=%zz' } 1 .. 300));
malformed('form before configuration',       post_bytes($GATHER, 'a=%zz', vhost => 'notoken'));
malformed('form before signature',           post_bytes($GATHER, 'a=%zz'));
for my $vhost ('nokey', 'notoken') {
    my %misconfigured = text_error(500, 'misconfigured', signature => 'unchecked');
    answers("$vhost, signed",                     post($vhost, $GATHER, \@CALL), %misconfigured);
    answers("$vhost: configuration before signature", post($vhost, $GATHER, \@CALL, token => undef), %misconfigured);
    answers("$vhost: and before the step",        post($vhost, $UNSIGNED_BAD_STEP, \@CALL), %misconfigured);
    answers("$vhost: a GET",                      get($vhost, $GATHER), %misconfigured);
    wrong_method("$vhost: method before configuration", get($vhost, "$GATHER?Digits=70417"), 'POST');
}
expect_log(qr/\[encgather:error\].*EG01\d\d:/);
answers('signature before step', post('call', $UNSIGNED_BAD_STEP, \@CALL, token => undef), text_error(403, 'forbidden', signature => 'missing'));
answers('signature before token', post('call', "$GATHER?step=processData&encryptedCardDigits=x", \@CALL, token => undef),
    text_error(403, 'forbidden', signature => 'missing'));
expect_log(qr/\[encgather:warn\].*EG03\d\d:/);

# --- What httpd finds wrong before us, or while we read --------------------------------------------------------------

my $hostport = hostport('call');
my $HEAD     = "POST $GATHER HTTP/1.1\r\nHost: $hostport\r\nConnection: close\r\nContent-Type: $FORM[1]\r\n";

sub raw_status ($name, $status, @pieces) {
    my $response = raw('call', @pieces);
    like $response->code, $status, $name;
    return $response;
}

raw_status('no Host',                      qr/^400$/, "POST $GATHER HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
raw_status('two Hosts',                    qr/^400$/, "${HEAD}Host: a\r\nContent-Length: 0\r\n\r\n");
raw_status('a negative length',            qr/^400$/, "${HEAD}Content-Length: -1\r\n\r\n");
raw_status('two lengths',                  qr/^400$/, "${HEAD}Content-Length: 3\r\nContent-Length: 4\r\n\r\na=1&");
raw_status('NUL in a header',              qr/^400$/, "${HEAD}X: a\0b\r\nContent-Length: 0\r\n\r\n");
raw_status('a header of 9000 bytes',       qr/^400$/, "${HEAD}X: " . 'x' x 9000 . "\r\nContent-Length: 0\r\n\r\n");
raw_status('101 headers',                  qr/^400$/, $HEAD . "X: y\r\n" x 101 . "Content-Length: 0\r\n\r\n");
raw_status('a request line of 9000 bytes', qr/^414$/, "POST $GATHER?" . 'x' x 9000 . " HTTP/1.1\r\nHost: x\r\n\r\n");
raw_status('NUL in the path',              qr/^40[04]$/, "POST $GATHER%00 HTTP/1.1\r\nHost: $hostport\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
raw_status('an unknown expectation',       qr/^417$/, "${HEAD}Expect: foo\r\nContent-Length: 0\r\n\r\n");

# These are found while the module reads: its own kind of answer, and no page of httpd's.
for my $case (
    [ 'a chunk size that is no number' => "zz\r\nDigits=60417\r\n0\r\n\r\n",     qr/^400$/ ],
    [ 'a chunk without its end'        => "5\r\nDigits=60417\r\n0\r\n\r\n",      qr/^400$/ ],
    [ 'an enormous chunk size'         => "ffffffffffffffffff\r\nDigits=60417",  qr/^4(?:00|13)$/ ],
    [ 'a chunk of two gigabytes'       => "7fffffff\r\nDigits=60417" . 'x' x 70_000, qr/^413$/ ],
    [ 'a negative chunk size'          => "-1\r\nDigits=60417",                  qr/^400$/ ],
) {
    my ($name, $body, $status) = @$case;
    my $response = raw('call', "${HEAD}Transfer-Encoding: chunked\r\n\r\n", $body);
    like $response->code, $status, $name;
    like $response->header('Content-Type'), qr{^text/plain\b}, "$name: as plain text";
    unlike $response->content, qr/<|60417/, "$name: without markup and without digits";
}
raw_status('length and chunks: chunks hold', qr/^403$/, "${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na=1&b\r\n0\r\n\r\n");
raw_status('an unknown transfer coding', qr/^(?:400|501)$/, "${HEAD}Transfer-Encoding: rot13\r\n\r\nDigits=60417");
like raw('call', "POST $GATHER HTTP/1.0\r\nHost: $hostport\r\nContent-Length: 0\r\n\r\n")->code, qr/^403$/, 'HTTP/1.0 is fine';
like raw('call', "POST $GATHER HTTP/1.0\r\nContent-Length: 0\r\n\r\n")->code, qr/^(?:400|403)$/, 'also without Host';

# A client that goes away in the middle leaves a worker that goes on.
for (1 .. 20) {
    my $socket = IO::Socket::INET->new(PeerAddr => $hostport) or die "connect: $@";
    print {$socket} "${HEAD}Content-Length: 50\r\n\r\nDigits=60417";
    close $socket;
}
answers("a good call after all that, $_", post('call', $GATHER, \@CALL), twiml_answer('asked')) for 1 .. 20;

finish();
