# SPDX-License-Identifier: Apache-2.0
# CI: no sanitizer
# The test library itself: signatures against published vectors, and a caller who does what Twilio
# does. Needs no httpd, but tries the private server where there is one.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Temp;
use FindBin;
use IO::Socket::INET;
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Caller;
use EncGather::Scripted;
use EncGather::Server;
use EncGather::Signature qw(signature form_encode form_decode body_sha256);
use EncGather::Vitals qw(identity);
use EncGather::Wait qw(wait_until);

# --- Signatures -----------------------------------------------------------------------------------
# Published with Twilio's documentation and helper libraries (V, D), and for this flow, accepted by twilio-node and
# twilio-python (O).

my $TOKEN    = '12345';
my $FLOW_KEY = '0123456789abcdef0123456789abcdef';
my $REST     = 'mycompany.com/myapp.php?foo=1&bar=2';
my $U        = "https://$REST";
my @P        = (CallSid => 'CA1234567890ABCDE', Caller => '+14158675309', Digits => '1234', From => '+14158675309',
                To => '+18005551212');
my @D3       = map { s/5309\z/5310/r } @P;
my $PAYLOAD  = '{"property": "value", "boolean": true}';
my $HASH     = '0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620';
my $IVR      = 'https://ivr.example.com/encrypted-gather';
my @BASE     = (AccountSid => 'AC' . '0' x 32, ApiVersion => '2010-04-01', CallSid => 'CA' . '1' x 32,
                Called => '+15558675310', Caller => '+15551234567', Direction => 'inbound', From => '+15551234567',
                To => '+15558675310');
my @GATHER   = (@BASE, CallStatus => 'in-progress', FinishedOnKey => '', msg => 'Gather End');
my $CARRIED  = '000102030405060708090a0b7630e52fe72e23669cfbdf872cdc83a470b014bf';

my @VECTORS = (
    [ V1  => $U, \@P, 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' ],
    [ V2  => 'https://mycompany.com:443/myapp.php?foo=1&bar=2', \@P, 'kvajT1Ptam85bY51eRf/AJRuM3w=' ],
    [ V3  => 'http://mycompany.com:80/myapp.php?foo=1&bar=2', \@P, '0ZXoZLH/DfblKGATFgpif+LLRf4=' ],
    [ V4  => 'http://mycompany.com:1234/myapp.php?foo=1&bar=2', \@P, 'Zmvh+3yNM1Phv2jhDCwEM3q5ebU=' ],
    [ V5  => 'https://mycompany.com:1234/myapp.php?foo=1&bar=2', \@P, 'CYn1h0gLBdNxDGkKJg6hYohgeD8=' ],
    [ V6  => "https://user:pass\@$REST", \@P, 'CukzLTc1tT5dXEDIHm/tKBanW10=' ],
    [ V7  => "https://user\@$REST", \@P, '2YRLlVAflCqxaNicjMpJcSTgzSs=' ],
    [ V8  => 'https://user:pass@mycompany.com:443/myapp.php?foo=1&bar=2', \@P, 'ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=' ],
    [ V9  => 'https://user@mycompany.com:443/myapp.php?foo=1&bar=2', \@P, 'aZfj4hyX1MLZhSS6QIL18Vn2/RA=' ],
    [ V10 => "$U&bodySHA256=$HASH", [], 'a9nBmqA0ju/hNViExpshrM61xv4=' ],
    [ V11 => 'https://mycompany.com:443/myapp.php?foo=1&bar=2&bodySHA256=' . body_sha256('{}'), [],
        'Ldidvp12m26NI7eqEvxnEpkd9Hc=' ],
    [ V12 => "https://mycompany.com/myapp.php?bodySHA256=$HASH", [], 'y77kIzt2vzLz71DgmJGsen2scGs=' ],
    [ V13 => $U, [ Sid => 'CA123', SidAccount => 'AC123', map { (Digits => $_) } 5678, 1234, 1234 ],
        'IK+Dwps556ElfBT0I3Rgjkr1wJU=' ],
    [ V14 => $U, [ map { ('MessagingBinding.Address' => $_) } '+1415xxxxxxx', '+1325xxxxxxx' ],
        '83O6e2vORAoJHUNzJjDWN1jz+BA=' ],
    [ V15 => "$U&Body=It%27s+amazing", \@P, 'TfZzewPq8wqrGlMfyAud8+/IvJ0=' ],
    [ V16 => $U, [ @P, ReasonConferenceEnded => 'test', Reason => 'Participant' ], 'vOEb5UThFn24KEfnOFLQY2AE5FY=' ],
    [ V17 => "http://$REST", [ @P, ReasonConferenceEnded => 'test', Reason => 'Participant' ],
        'n2xBNyzSW7rfYStDtOFiFMv7qNo=' ],
    [ V18 => $U, [ form_decode('property=value&boolean=true') ], 'NBdBDr/T/lgjI+tlgpXjKZQZs/k=' ],
    [ V19 => $U, [], 'zYQTYrRWXE7LtzbG4PfP7/bkkGo=' ],
    [ V20 => 'https://mycompany.com/myapp.php', \@P, '1xaxFBvyzXYvWplzNOSs28HWO94=' ],
    [ V22 => 'https://mycompany.com/myapp.php?foo=hello%20world&bar=test%2Bvalue', \@P,
        'er2tvAP1Wx+iuTTE2BPgvEaN1cs=' ],
    [ V23 => $U, [ Message => 'Hello & goodbye! @#$%^*()', From => '+1 (415) 867-5309',
        Special => "unicode: \xc3\xb1\xc3\xa1\xc3\xa9\xc3\xad\xc3\xb3\xc3\xba" ], 'dCPiR4WtQ6QFN6pJh81CtlCcWLQ=' ],
    [ V24 => $U, [ Digits => '', CallSid => 'CA1234567890ABCDE', EmptyParam => '' ], '9HHp/OqQMEwdrVebHDdA/+tqjX8=' ],
    [ V27 => "https://mycompany.com/webhook/Espa\xc3\xb1a?a\xc3\xb1o=2023", \@P, 'G/Hx6mqqnjUNlPAoi2Sp9bGst0g=' ],
    [ V28 => $U, [ callSid => 'lowercase', CallSid => 'uppercase', CALLSID => 'allcaps' ],
        'jDK7WKT8wiNrwggd4ceTv4e1MJ4=' ],
    [ V30 => 'https://MyCompany.com/myapp.php?foo=1&bar=2', \@P, 'g9IN/x4Cft2g517EjYvEvM/W7LU=' ],
    [ V33 => 'http://username:password@MyCompany.com/myapp.php?foo=1&bar=2', \@P, 'PJ08CxXr7KLPjEQCTc8LkUSMwSM=' ],
    [ V36 => 'https://example.com/test?bodySHA256=' . body_sha256('{"message": "a post body"}'), [],
        'zR5Oq4f6cijN5oz5bisiVuxYnTU=', 'qwerty' ],
    [ Doc3 => 'https://example.com/myapp.php?foo=1&bar=2', \@D3, 'L/OH5YylLD5NRKLltdqwSvS0BnU=' ],
    [ O1  => $IVR, [ @BASE, CallStatus => 'ringing' ], 'q6gb0hke45TZxholqzJpV4mo0K4=', $FLOW_KEY ],
    [ O2  => "$IVR?step=getPin", [ @GATHER, Digits => '1234' ], 'f8JRUHPg9t/YIHDW82LlCxTUSjc=', $FLOW_KEY ],
    [ O3  => "$IVR?step=processData&encryptedCardDigits=$CARRIED", [ @GATHER, Digits => '4321' ],
        'aRFFMqymVBwSwXU0VxjCI5BpQMg=', $FLOW_KEY ],
    [ O4  => "$IVR?step=getPin", [ @GATHER, CalledCity => '', CallerState => "K\xc3\xb6ln",
        FromState => "K\xc3\xb6ln", Digits => '123456', ForwardedFrom => '+49494949494912248033558' ],
        'Fpdc+bf3xDEaUgdPC4tUiLIkM1U=', $FLOW_KEY ],
    [ O6  => "$IVR?name=William+O'hara", [ @GATHER, Digits => '1234' ], '6bUAcciYeot6CFSfTxWPQRv9BEQ=', $FLOW_KEY ],
    [ O7  => 'https://ivr.example.com:8443/encrypted-gather', [ @GATHER, Digits => '1234' ],
        'NTfzTkeVFhsMJ70zLCJy7XE4YuE=', $FLOW_KEY ],
);

subtest 'signatures: published vectors' => sub {
    for my $vector (@VECTORS) {
        my ($name, $url, $pairs, $expected, $token) = @$vector;
        is signature($token || $TOKEN, $url, $pairs), $expected, $name;
    }
    my ($v16) = grep { $_->[0] eq 'V16' } @VECTORS;
    isnt signature($TOKEN, $U, $v16->[2]), '95+Bu0JVPi0r/SsESZCVf0dWAjw=', 'not sorted as name and value in one';
    is body_sha256($PAYLOAD), $HASH, 'bodySHA256';
};

subtest 'forms' => sub {
    is form_encode(msg => 'Gather End', From => '+1', CallerState => "K\xc3\xb6ln", x => '*-._~%&='),
        'msg=Gather+End&From=%2B1&CallerState=K%C3%B6ln&x=*-._%7E%25%26%3D', 'encoded as Twilio does';
    is_deeply [ form_decode('a=1&b&=2&a=+%c3%B6&&c=d=e') ],
        [ a => 1, b => '', '' => 2, a => " \xc3\xb6", c => 'd=e' ], 'decoded without loss';
    my @bytes = map { (chr, chr) } 0 .. 255;
    is_deeply [ form_decode(form_encode(@bytes)) ], \@bytes, 'every byte comes back';
    is form_encode(), '', 'nothing';
};

# --- A server that says what it was told to say ---------------------------------------------------

# Runs a call against answers served one after the other; returns the call and the requests that came.
sub call_on ($answers, %options) {
    my $server = EncGather::Scripted->new(@$answers);
    my $url    = $server->url(delete $options{path} || '/voice');
    my $call   = EncGather::Caller->new(url => $url, token => $FLOW_KEY, %options)->place;
    return ($call, $server->requests);
}

sub response (@verbs) {
    return join '', '<?xml version="1.0" encoding="UTF-8"?><Response>', @verbs, '</Response>';
}

sub gather ($attributes, @nested) {
    return "<Gather $attributes>@nested</Gather>";
}

sub form_of ($request) {
    my %form = form_decode($request->content);
    return \%form;
}

# --- A call ---------------------------------------------------------------------------------------

subtest 'the whole flow' => sub {
    my $action = 'action="https://ivr.example.com/gather?step=getPin"';
    my ($call, @requests) = call_on([
        response(gather("$action numDigits='4' actionOnEmptyResult='true'", '<Say>Card, please</Say>')),
        response(gather('action="?step=processData&amp;t=0a" numDigits="4"', '<Say>PIN?</Say>', '<Pause/>')),
        response('<Say voice="alice">Caf&#233; &amp; <break/>bar</Say><Hangup/><Say>never</Say>'),
    ], path => '/gather', keys => [ '1234', '4321' ], public_url => 'https://ivr.example.com');

    is $call->{ended}, 'hangup', 'ended by Hangup' or diag explain $call;
    is_deeply $call->{said}, [ 'Card, please', 'PIN?', "Caf\xe9 & bar" ], 'what was heard';
    is_deeply [ map { $_->{name} } @{ $call->{verbs} } ], [qw(Gather Say Gather Say Pause Say Hangup)], 'the verbs';
    is $call->{verbs}[5]{attributes}{voice}, 'alice', 'attributes';
    is_deeply [ map { $_->method . ' ' . $_->uri } @requests ],
        [ 'POST /gather', 'POST /gather?step=getPin', 'POST /gather?step=processData&t=0a' ], 'what was asked for';
    is $call->{exchanges}[2]{url}, 'https://ivr.example.com/gather?step=processData&t=0a',
        'the URL as Twilio knows it';
    is_deeply [ map { $_->{connection} } @requests ], [ 1, 1, 1 ], 'over one connection';
    is_deeply [ map { form_of($_)->{CallStatus} } @requests ], [qw(ringing in-progress in-progress)], 'CallStatus';
    is_deeply [ @{ form_of($requests[1]) }{qw(Digits FinishedOnKey msg)} ], [ '1234', '', 'Gather End' ], 'Gather';
    ok !exists form_of($requests[0])->{Digits}, 'the first request has no Digits';
    is form_of($requests[0])->{CallSid}, form_of($requests[2])->{CallSid}, 'one CallSid';
    for my $i (0 .. 2) {
        is $requests[$i]->header('X-Twilio-Signature'),
            signature($FLOW_KEY, $call->{exchanges}[$i]{url}, [ form_decode($requests[$i]->content) ]), "signed: $i";
    }
};

subtest 'the request' => sub {
    my ($call, $request) = call_on([ response() ], params => [ From => '+4922112345', ForwardedFrom => '+1 &',
        CallerZip => undef, Digits => 1, Digits => 2 ]);
    my @pairs = form_decode($request->content);
    my @names = map { $pairs[ 2 * $_ ] } 0 .. $#pairs / 2;
    is_deeply \@names, [ sort @names ], 'parameters in the order of their names';
    is $request->content, form_encode(@{ $call->{exchanges}[0]{form} }), 'the form that was noted';
    like $request->content, qr/&CallerState=K%C3%B6ln&Digits=1&Digits=2&/, 'bytes, and a name given twice';
    like $request->content, qr/Caller=%2B4922112345&.*&ForwardedFrom=%2B1\+%26&From=%2B4922112345&/, 'Caller is From';
    unlike $request->content, qr/CallerZip/, 'a parameter left out';
    is $request->content_type, 'application/x-www-form-urlencoded', 'type';
    is $request->header('User-Agent'), 'TwilioProxy/1.1', 'agent';
    is $request->header('TE'), undef, 'no TE';
    is $request->header('Range'), undef, 'no Range';
    is $call->{ended}, 'end', 'the TwiML ran out';
};

subtest 'not signed' => sub {
    my ($call, $request) = call_on([ response() ], token => undef);
    is $request->header('X-Twilio-Signature'), undef, 'no header';
};

subtest 'the URL that is signed' => sub {
    for my $case (
        [ 'https://u:p@ivr.example.com:8443' => 'https://ivr.example.com', 'HTTPS: no port, no user' ],
        [ 'https://[::1]:8443'               => 'https://[::1]',           'HTTPS: IPv6' ],
        [ 'http://u@ivr.example.com:8080'    => 'http://ivr.example.com:8080', 'HTTP: the port stays' ],
    ) {
        my ($public, $signed, $name) = @$case;
        my ($call, $request) = call_on([ response() ], public_url => $public, path => '/a?b=c:d@e');
        is $request->header('X-Twilio-Signature'),
            signature($FLOW_KEY, "$signed/a?b=c:d\@e", [ form_decode($request->content) ]), $name;
    }
};

subtest 'a path that a proxy takes off' => sub {
    for my $public ('https://ivr.example.com/tel', 'https://ivr.example.com/tel/') {
        my ($call, @requests) = call_on([
            response(gather('action="https://ivr.example.com/tel/next?a=1"')), response(gather('action="?a=2"')),
            response('<Redirect>https://ivr.example.com/telephone</Redirect>'), response() ],
            public_url => $public, path => '/a', keys => [ 1, 2 ]);
        is_deeply [ map { $_->uri->as_string } @requests ], [qw(/a /next?a=1 /next?a=2 /telephone)], "$public: what was asked for";
        is_deeply [ map { $_->{url} } @{ $call->{exchanges} } ], [ map { "https://ivr.example.com$_" }
            qw(/tel/a /tel/next?a=1 /tel/next?a=2 /telephone) ], 'and signed';
    }
};

subtest 'GET' => sub {
    my ($call, @requests) = call_on([
        response(gather('action="/next?a=1" method="get"')), response('<Redirect method="GET">/last</Redirect>'),
        response() ], keys => [12], params => [ CallSid => 'CA1' ]);
    is_deeply [ map { $_->method } @requests ], [qw(POST GET GET)], 'methods';
    like $requests[1]->uri, qr{^/next\?a=1&AccountSid=.*&Digits=12&}, 'appended to the query';
    like $requests[2]->uri, qr{^/last\?AccountSid=}, 'or begins one';
    is $requests[1]->content, '', 'no body';
    is $requests[1]->header('X-Twilio-Signature'),
        signature($FLOW_KEY, $call->{exchanges}[1]{url}), 'the URL alone is signed';
    like $call->{exchanges}[1]{url}, qr{^http://127\.0\.0\.1:\d+/next\?a=1&AccountSid}, 'as it was sent';
};

subtest 'cookies' => sub {
    my $first = [ 200, 'text/xml', response('<Redirect>/2</Redirect>'), 'Set-Cookie: a=b; Path=/' ];
    my ($call, @requests) = call_on([ $first, response() ]);
    like $requests[1]->header('Cookie'), qr/\ba=b\b/, 'kept within the call';
};

# --- Gather ---------------------------------------------------------------------------------------

# What is keyed into <Gather ...>, and the Digits and FinishedOnKey that come of it; none: no
# request is made.
my @GATHERS = (
    [ 'numDigits="4"', '1234', '1234', '', 'as many as wanted' ],
    [ 'numDigits="4"', '123456', '1234', '', 'too many: the rest is lost' ],
    [ 'numDigits="4"', '12', '12', '', 'too few: sent when the time is up' ],
    [ 'numDigits="4"', '12#9', '12', '#', 'ended by the key' ],
    [ 'numDigits="4"', '1234#', '1234', '', 'the key after the last digit comes too late' ],
    [ '', '123456789', '123456789', '', 'no limit' ],
    [ '', '12*#3', '12*', '#', 'the other key is a digit' ],
    [ 'finishOnKey="*"', '12#*', '12#', '*', 'another key' ],
    [ 'finishOnKey=""', '12#*', '12#*', '', 'no key' ],
    [ '', '#', undef, undef, 'the key alone is no input' ],
    [ '', undef, undef, undef, 'silence' ],
    [ 'actionOnEmptyResult="false"', '', undef, undef, 'silence in other words' ],
    [ 'actionOnEmptyResult="true"', undef, '', '', 'silence reported' ],
    [ 'actionOnEmptyResult="true"', '#', '', '#', 'the key alone reported' ],
    [ 'input="speech"', '1234', undef, undef, 'does not listen to keys' ],
    [ 'input="dtmf"', 'speech:yes', undef, undef, 'does not listen to speech' ],
    [ 'input="dtmf speech"', '12', '12', '', 'listens to both' ],
);

subtest 'Gather' => sub {
    for my $case (@GATHERS) {
        my ($attributes, $keyed, $digits, $finished, $name) = @$case;
        my $asks = response(gather("action='/next' $attributes"), '<Say>after</Say>');
        my ($call, @requests) = call_on([ $asks, response() ], keys => [$keyed]);
        is_deeply $call->{said}, defined $digits ? [] : ['after'], "$name: what follows the Gather";
        next unless defined $digits;
        is_deeply [ @{ form_of($requests[1]) }{qw(Digits FinishedOnKey)} ], [ $digits, $finished ], $name;
    }
};

subtest 'Gather: more of it' => sub {
    my @asks = (response(gather('')), response(gather('actionOnEmptyResult="true"')));
    my ($call, @requests) = call_on([ @asks, response() ],
        keys => ['1'], path => '/a?b=c', without_digits => 1);
    is_deeply [ map { $_->uri->as_string } @requests ], [ ('/a?b=c') x 3 ], 'without action: the same URL';
    ok !exists form_of($requests[2])->{Digits}, 'no Digits at all when that is asked for';

    ($call, @requests) = call_on([ response(gather('input="dtmf speech"')), response() ],
        keys => ['speech:Guten Tag']);
    is_deeply [ @{ form_of($requests[1]) }{qw(SpeechResult Digits)} ], [ 'Guten Tag', undef ], 'speech';

    my @asked;
    my $keys = sub ($gather) { push @asked, $gather; return @asked > 1 ? undef : '77' };
    ($call) = call_on([ (response(gather('numDigits="2" timeout="9"', '<Say>Well?</Say>'))) x 2 ], keys => $keys);
    is_deeply [ map { [ @{$_}{qw(num_digits timeout finish_on_key said)} ] } @asked ],
        [ ([ 2, 9, '#', ['Well?'] ]) x 2 ], 'a caller who decides by himself';
    ok !eval { EncGather::Caller->new(url => 'http://x', keys => ['12a4']) }, 'a key that no telephone has';
};

subtest 'URLs' => sub {
    for my $case (
        [ '/x', '/x' ], [ 'x', '/a/x' ], [ '?y=1', '/a/b?y=1' ], [ ' ../z#rc=3 ', '/z' ], [ '', '/a/b?q' ],
        [ "/o'hara+%2f?a=%C3%b6", "/o'hara+%2f?a=%C3%b6" ], [ '/K&#246;ln', '/K%C3%B6ln' ],
    ) {
        my ($url, $target) = @$case;
        my ($call, @requests) = call_on([ response("<Redirect>$url</Redirect>"), response() ],
            path => '/a/b?q');
        is $requests[1] && $requests[1]->uri, $target, "'$url'";
    }
};

# --- How calls end --------------------------------------------------------------------------------

my $LARGE     = response('<Say>' . 'x' x 65_000 . '</Say>');
my $TOO_LARGE = response('<Say>' . 'x' x 65_536 . '</Say>');
my $TWIML     = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n";

my @ENDS = (
    [ response('<Reject/><Say>x</Say>'), rejected => 'Reject' ],
    [ response('<Dial>+1555</Dial><Say>x</Say>'), end => 'Dial' ],
    [ [ 200, 'text/plain', 'Good bye' ], end => 'plain text is spoken', ['Good bye'] ],
    [ [ 200, 'text/plain', response('<Say>x</Say>') ], end => 'plain text that is TwiML', ['x'] ],
    [ [ 200, 'text/html', response('<Say>x</Say>') ], end => 'text/html is TwiML', ['x'] ],
    [ [ 200, 'audio/wav', 'RIFF' ], end => 'audio is played' ],
    [ $LARGE, end => 'almost 64 kB', [ 'x' x 65_000 ] ],
);

my @ERRORS = (
    [ [ 403, 'text/plain', 'forbidden' ], 11217, qr/^HTTP status 403/, 'status 403' ],
    [ [ 500, 'text/xml', response() ], 11217, qr/^HTTP status 500/, 'status 500' ],
    [ [ 302, 'text/plain', '', 'Location: /x' ], undef, qr/redirection to \/x/, 'redirection, which is none of Twilio\'s errors' ],
    [ [ 302, 'text/plain', '' ], 11216, qr/redirection to nowhere/, 'redirection without Location' ],
    [ [ 308, 'text/plain', '', 'Location: /x' ], 11216, qr/status 308/, 'redirection of a kind that Twilio does not follow' ],
    [ '<Response><Say>', 12100, qr/not well-formed/, 'bad XML' ],
    [ '', 12100, qr/not well-formed/, 'empty body' ],
    [ ' ' . response(), 12100, qr/not well-formed/, 'blank before the declaration' ],
    [ "<Response><Say>\xff</Say></Response>", 12100, qr/not well-formed/, 'not UTF-8' ],
    [ '<response/>', 12102, qr/<response>, not <Response>/, 'another root' ],
    [ response('<say>x</say>'), 12200, qr/<say>/, 'verbs know upper and lower case' ],
    [ response('<Foo/>'), 12200, qr/<Foo>/, 'an unknown verb' ],
    [ response(gather('', '<Hangup/>')), 12200, qr/<Hangup>/, 'what cannot stand in Gather' ],
    [ response(gather('numDigits="0"')), 13314, qr/numDigits='0'/, 'numDigits' ],
    [ response(gather('finishOnKey="12"')), 13311, qr/finishOnKey='12'/, 'finishOnKey' ],
    [ response('<Redirect method="PUT">/</Redirect>'), 12200, qr/PUT/, 'method' ],
    [ response('<Redirect>ftp://x/</Redirect>'), 11100, qr/ftp/, 'no HTTP URL' ],
    [ [ 200, 'application/json', '{}' ], 12300, qr/application\/json/, 'JSON' ],
    [ [ 200, undef, response() ], 12300, qr/Content-Type ''/, 'no type' ],
    [ $TOO_LARGE, 11750, qr/larger than 64 kB/, 'more than 64 kB' ],
    [ sub ($socket) { print {$socket} "${TWIML}Content-Length: 99\r\n\r\n<Resp"; 0 },
        11206, qr/ends after 5 of 99 bytes/, 'cut short' ],
    [ sub ($socket) { 0 }, 11206, qr/./, 'closed without an answer' ],
    [ sub ($socket) { print {$socket} "$TWIML\r\n"; sleep 5 }, 11205, qr/within 1 seconds/, 'too slow' ],
);

subtest 'ends' => sub {
    for my $case (@ENDS) {
        my ($answer, $ended, $name, $said) = @$case;
        my ($call) = call_on([$answer]);
        is $call->{ended}, $ended, $name or diag explain $call;
        is_deeply $call->{said}, $said || [], "$name: heard";
    }
};

subtest 'errors' => sub {
    for my $case (@ERRORS) {
        my ($answer, $code, $text, $name) = @$case;
        my ($call) = call_on([ $answer, response() ], timeout => 1);
        is_deeply [ @{$call}{qw(ended code)} ], [ 'error', $code ], $name or diag explain $call;
        like $call->{error}, $text, "$name: why";
    }
};

subtest 'loops' => sub {
    my ($call, @requests) = call_on([ (response('<Redirect/>')) x 9 ], max_requests => 4);
    is $call->{ended}, 'loop', 'ended';
    is scalar @requests, 4, 'after as many requests';
};

subtest 'nobody there' => sub {
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
    my $port     = $listener->sockport;
    close $listener;
    my $call = EncGather::Caller->new(url => "http://127.0.0.1:$port/")->place;
    is_deeply [ @{$call}{qw(ended code)} ], [ 'error', 11202 ], 'no connection' or diag explain $call;
    my $lost = EncGather::Caller->new(url => 'http://nobody.invalid/')->place;
    is_deeply [ @{$lost}{qw(ended code)} ], [ 'error', 11210 ], 'no such host' or diag explain $lost;
};

subtest 'another host' => sub {
    my $elsewhere = 'http://other.invalid/x';
    for my $verb ("<Redirect>$elsewhere</Redirect>", gather("action='$elsewhere'")) {
        my ($call, @requests) = call_on([ response($verb, '<Say>after</Say>') ], follow => 0, keys => [1]);
        is_deeply [ @{$call}{qw(ended elsewhere code)} ], [ 'elsewhere', $elsewhere, undef ], 'is not called' or diag explain $call;
        is_deeply $call->{said}, [], 'and nothing follows';
    }
    my $server = EncGather::Scripted->new(response('<Redirect>//LOCALHOST:1/</Redirect>'));
    my $call   = EncGather::Caller->new(url => $server->url('/') =~ s/127\.0\.0\.1/localhost/r, follow => 0)->place;
    is $call->{ended}, 'error', 'another port and another spelling is the same host';
    my ($known) = call_on([ response('<Redirect>https://ivr.example.com/b</Redirect>'), response('<Hangup/>') ],
        follow => 0, public_url => 'https://ivr.example.com');
    is $known->{ended}, 'hangup', 'so is the one by which Twilio knows the server';
};

subtest 'events' => sub {
    my @events;
    call_on([ response(gather('', '<Say>x</Say>')), response('<Hangup/>') ], keys => ['1'],
        on => sub ($event, $data) { push @events, $event });
    is_deeply \@events, [qw(request answer verb verb keys request answer verb end)], 'in order';
};

# --- A private httpd ------------------------------------------------------------------------------

sub private_server (@options) {
    my $directory = File::Temp->newdir;
    my $server    = eval { EncGather::Server->new(dir => "$directory", @options) };
    return ($server, $directory);
}

sub gone (@pids) { return wait_until(10, sub { !grep { identity($_) } @pids }) }

subtest 'a private httpd' => sub {
    my ($server, $directory) = private_server(modules => ['alias']);
    plan skip_all => "no httpd here: $@" unless $server;
    ok($server->start, 'starts') or return diag $server->error;
    my $call = EncGather::Caller->new(url => $server->url('/x'))->place;
    is $call->{error}, 'HTTP status 404 Not Found', 'answers';
    ok wait_until(10, sub { $server->logs->{access_log} =~ m{"POST /x HTTP/1.1" 404} }), 'and writes it down';
    my @pids = ($server->pid, $server->children);
    cmp_ok scalar @pids, '>=', 2, 'has children';
    is_deeply [ ($server->configtest)[0], $server->graceful ], [ 0, 1 ], 'configtest, graceful';
    is $server->generation, 2, 'read its configuration twice';
    $server->configure(conf => 'Nonsense on');
    is(($server->configtest)[0], 1, 'a bad configuration: configtest');
    ok !$server->graceful, 'graceful is refused';
    like $server->error, qr/Nonsense/, 'and says why';
    ok $server->stop && gone(@pids), 'stops, with all children';
    is_deeply [ glob "$directory/run/*" ], [], 'leaves nothing';
    ok !$server->start, 'does not start';
    like $server->error, qr/Nonsense/, 'and says why';
};

subtest 'a private httpd, whose owner is killed' => sub {
    my ($server, $directory) = private_server();
    plan skip_all => "no httpd here: $@" unless $server;
    pipe my $reader, my $writer or die "pipe: $!";
    my $owner = fork;
    die "fork: $!" unless defined $owner;
    if ($owner == 0) {
        $server->start;
        syswrite $writer, join ' ', $server->pid, $server->children;
        kill KILL => $$;
    }
    close $writer;
    my $pids = <$reader>;
    waitpid $owner, 0;
    like $pids, qr/^\d+ \d+/, 'had been started';
    ok gone(split ' ', $pids), 'is stopped all the same';
};

done_testing;
