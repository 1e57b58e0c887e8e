# SPDX-License-Identifier: Apache-2.0
# X-Twilio-Signature on live requests: published vectors, ports and origins, odd bodies, and whatever must be refused.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Signature qw(body_sha256 form_encode signature);
use EncGather::Test;

my $GATHER = '/encrypted-gather';
my @CALL   = (AccountSid => 'AC' . '0' x 32, CallSid => 'CA' . '6' x 32, From => '+15551234567');

sub accepted ($name, $response, %more) {
    return answers($name, $response, twiml_answer(qr/^asked/, signature => 'valid', %more));
}

sub refused ($name, $response, $verdict = 'invalid') {
    return answers($name, $response, text_error(403, 'forbidden', signature => $verdict));
}

expect_log(qr/\[encgather:warn\].*EG03\d\d:/);

# --- Published vectors ----------------------------------------------------------------------------------
# The numbers V, Doc are those of Twilio's documentation and helper libraries, O are for this flow. Virtual hosts, by
# what they take the URL from: signed (http and Host), signed_https (https and Host), signed_public (EncGatherPublicURL).

my $U = '/myapp.php?foo=1&bar=2';
my @P = (CallSid => 'CA1234567890ABCDE', Caller => '+14158675309', Digits => '1234', From => '+14158675309',
         To => '+18005551212');
my @REASON = (@P, ReasonConferenceEnded => 'test', Reason => 'Participant');
my $ESPANA = "/webhook/Espa\xc3\xb1a?a\xc3\xb1o=2023";
my @MESSAGE = (Message => 'Hello & goodbye! @#$%^*()', From => '+1 (415) 867-5309',
               Special => "unicode: \xc3\xb1\xc3\xa1\xc3\xa9\xc3\xad\xc3\xb3\xc3\xba");
my @B = (AccountSid => 'AC' . '0' x 32, ApiVersion => '2010-04-01', CallSid => 'CA' . '1' x 32, Called => '+15558675310',
         Caller => '+15551234567', Direction => 'inbound', From => '+15551234567', To => '+15558675310');
my @G = (@B, CallStatus => 'in-progress', FinishedOnKey => '', msg => 'Gather End');
my $CARD_TOKEN = '000102030405060708090a0b7630e52fe72e23669cfbdf872cdc83a470b014bf';
my $IVR = 'ivr.example.com';

my @VECTORS = (
    [ V1  => signed_https  => 'mycompany.com',      $U, \@P, 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' ],
    [ V1  => signed_public => undef,                $U, \@P, 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' ],
    [ V2  => signed_https  => 'mycompany.com',      $U, \@P, 'kvajT1Ptam85bY51eRf/AJRuM3w=' ],
    [ V2  => signed_public => undef,                $U, \@P, 'kvajT1Ptam85bY51eRf/AJRuM3w=' ],
    [ V3  => signed        => 'mycompany.com',      $U, \@P, '0ZXoZLH/DfblKGATFgpif+LLRf4=' ],
    [ V4  => signed        => 'mycompany.com:1234', $U, \@P, 'Zmvh+3yNM1Phv2jhDCwEM3q5ebU=' ],
    [ V5  => signed_https  => 'mycompany.com:1234', $U, \@P, 'CYn1h0gLBdNxDGkKJg6hYohgeD8=' ],
    [ V14 => signed_public => undef, $U, [ map { ('MessagingBinding.Address' => $_) } qw(+1415xxxxxxx +1325xxxxxxx) ],
        '83O6e2vORAoJHUNzJjDWN1jz+BA=' ],
    [ V15 => signed_public => undef, "$U&Body=It%27s+amazing", \@P, 'TfZzewPq8wqrGlMfyAud8+/IvJ0=' ],
    [ V16 => signed_public => undef,                $U, \@REASON, 'vOEb5UThFn24KEfnOFLQY2AE5FY=' ],
    [ V17 => signed        => 'mycompany.com',      $U, \@REASON, 'n2xBNyzSW7rfYStDtOFiFMv7qNo=' ],
    [ V18 => signed_public => undef, $U, [ property => 'value', boolean => 'true' ], 'NBdBDr/T/lgjI+tlgpXjKZQZs/k=' ],
    [ V20 => signed_public => undef, '/myapp.php', \@P, '1xaxFBvyzXYvWplzNOSs28HWO94=' ],
    [ V22 => signed_public => undef, '/myapp.php?foo=hello%20world&bar=test%2Bvalue', \@P, 'er2tvAP1Wx+iuTTE2BPgvEaN1cs=' ],
    [ V23 => signed_public => undef,                $U, \@MESSAGE, 'dCPiR4WtQ6QFN6pJh81CtlCcWLQ=' ],
    [ V24 => signed_public => undef,                $U, [ Digits => '', CallSid => 'CA1234567890ABCDE', EmptyParam => '' ],
        '9HHp/OqQMEwdrVebHDdA/+tqjX8=' ],
    [ V27 => signed_https  => 'mycompany.com', $ESPANA, \@P, 'G/Hx6mqqnjUNlPAoi2Sp9bGst0g=' ],
    [ V28 => signed_public => undef, $U, [ callSid => 'lowercase', CallSid => 'uppercase', CALLSID => 'allcaps' ],
        'jDK7WKT8wiNrwggd4ceTv4e1MJ4=' ],
    [ V30 => signed_https  => 'MyCompany.com',      $U, \@P, 'g9IN/x4Cft2g517EjYvEvM/W7LU=' ],
    [ Doc3 => signed_https  => 'example.com',        $U, [ map { s/5309\z/5310/r } @P ], 'L/OH5YylLD5NRKLltdqwSvS0BnU=' ],
    [ O1  => signed_https  => $IVR, $GATHER, [ @B, CallStatus => 'ringing' ], 'q6gb0hke45TZxholqzJpV4mo0K4=' ],
    [ O2  => signed_https  => $IVR, "$GATHER?step=getPin", [ @G, Digits => '1234' ], 'f8JRUHPg9t/YIHDW82LlCxTUSjc=' ],
    [ O3  => signed_https  => $IVR, "$GATHER?step=processData&encryptedCardDigits=$CARD_TOKEN", [ @G, Digits => '4321' ],
        'aRFFMqymVBwSwXU0VxjCI5BpQMg=', 'found' ],
    [ O4  => signed_https  => $IVR, "$GATHER?step=getPin",
        [ @G, CalledCity => '', CallerState => "K\xc3\xb6ln", FromState => "K\xc3\xb6ln", Digits => '123456',
          ForwardedFrom => '+49494949494912248033558' ], 'Fpdc+bf3xDEaUgdPC4tUiLIkM1U=', 'asked-again' ],
    [ O6  => signed_https  => $IVR, "$GATHER?name=William+O'hara", [ @G, Digits => '1234' ], '6bUAcciYeot6CFSfTxWPQRv9BEQ=' ],
    [ O7  => signed_https  => "$IVR:8443", $GATHER, [ @G, Digits => '1234' ], 'NTfzTkeVFhsMJ70zLCJy7XE4YuE=' ],
);

for my $vector (@VECTORS) {
    my ($name, $vhost, $host, $target, $pairs, $signature, $result) = @$vector;
    my @options = (defined $host ? (host => $host) : ());
    accepted("$name at $vhost", post($vhost, $target, $pairs, signature => $signature, @options),
        result => $result || 'asked');
    my $wrong = $signature =~ s/\A(.)/$1 eq 'A' ? 'B' : 'A'/er;
    refused("$name at $vhost, another first letter", post($vhost, $target, $pairs, signature => $wrong, @options));
}
accepted('V19, a GET', get('signed_public', $U, signature => 'zYQTYrRWXE7LtzbG4PfP7/bkkGo='));
answers('V13 fits, but has Digits twice',
    post('signed_public', $U, [ Sid => 'CA123', SidAccount => 'AC123', map { (Digits => $_) } qw(5678 1234 1234) ],
        signature => 'IK+Dwps556ElfBT0I3Rgjkr1wJU='), text_error(400, 'malformed'));
refused('V16 sorted as name and value in one',
    post('signed_public', $U, \@REASON, signature => '95+Bu0JVPi0r/SsESZCVf0dWAjw='));
refused("$$_[0], with a user in the URL: Twilio does not sign that", post('signed_https', $U, \@P, host => 'mycompany.com', signature => $$_[1]))
    for [ V6 => 'CukzLTc1tT5dXEDIHm/tKBanW10=' ], [ V7 => '2YRLlVAflCqxaNicjMpJcSTgzSs=' ],
        [ V8 => 'ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=' ], [ V9 => 'aZfj4hyX1MLZhSS6QIL18Vn2/RA=' ];

# --- Missing, doubled, damaged ----------------------------------------------------------------------------

my $GOOD = signature($TOKEN{demo}, url_of('call', $GATHER), \@CALL);

sub with_signature (@values) {
    return post('call', $GATHER, \@CALL, token => undef, headers => [ map { ('X-Twilio-Signature' => $_) } @values ]);
}

accepted('the right one', with_signature($GOOD));
refused('none', with_signature(), 'missing');
refused('an empty one', with_signature(''), qr/^(?:missing|invalid)\z/);
refused('the right one twice', with_signature($GOOD, $GOOD));
refused('the right one before another', with_signature($GOOD, 'A' x 27 . '='));
refused('the right one behind another', with_signature('A' x 27 . '=', $GOOD));
refused('the right one and an empty one', with_signature($GOOD, ''));
refused('two in one header', with_signature("$GOOD, $GOOD"));
refused("$$_[0]", with_signature($$_[1])) for
    [ 'a letter less',            substr $GOOD, 1 ],
    [ 'without its padding',      substr $GOOD, 0, 27 ],
    [ 'more padding',             "$GOOD=" ],
    [ 'a letter more',            "A$GOOD" ],
    [ 'in lower case',            lc $GOOD ],
    [ 'the URL-safe alphabet',    'A_-' . 'A' x 24 . '=' ],
    [ 'quoted',                   qq("$GOOD") ],
    [ 'a blank inside',           substr($GOOD, 0, 14) . ' ' . substr($GOOD, 14) ],
    [ 'other spare bits',         $GOOD =~ s/(.)=\z/chr(1 + ord $1) . '='/er ],
    [ 'as hexadecimal digits',    unpack 'H*', pack 'H*', 'ab' x 20 ],
    [ 'bytes beyond ASCII',       "\xe9" x 27 . '=' ],
    [ 'very long',                'A' x 4000 ],
    [ 'the word true',            'true' ];

# --- What the signature is of -----------------------------------------------------------------------------

my $ORIGIN = url_of('call', '');

refused('of another path',      post('call', $GATHER, \@CALL, signed_url => "$ORIGIN/decrypt-gather"));
refused('of another query',     post('call', "$GATHER?a=1", \@CALL, signed_url => "$ORIGIN$GATHER"));
refused('of a reordered query', post('call', "$GATHER?a=1&b=2", \@CALL, signed_url => "$ORIGIN$GATHER?b=2&a=1"));
refused('of a decoded query',   post('call', "$GATHER?a=%41", \@CALL, signed_url => "$ORIGIN$GATHER?a=A"));
refused('of a slash more',      post('call', $GATHER, \@CALL, signed_url => "$ORIGIN$GATHER/"));
refused('of https',             post('call', $GATHER, \@CALL, signed_url => $ORIGIN =~ s/http:/https:/r . $GATHER));
refused('of another host',      post('call', $GATHER, \@CALL, signed_url => "http://example.com$GATHER"));
refused('of no parameters',     post('call', $GATHER, \@CALL, signature => signature($TOKEN{demo}, "$ORIGIN$GATHER", [])));
refused('of a parameter less',  post('call', $GATHER, [ @CALL, a => 1 ], signature => $GOOD));
refused('of another value',     post('call', $GATHER, [ @CALL[ 0 .. 4 ], '+15551234568' ], signature => $GOOD));
refused('of the URL of a GET',  post('call', $GATHER, [ Digits => '0417' ], signature => signature($TOKEN{demo}, "$ORIGIN$GATHER?Digits=0417")));
refused('a POST as a GET',      get('call', "$GATHER?CallSid=CA1", signature => signature($TOKEN{demo}, "$ORIGIN$GATHER", [ CallSid => 'CA1' ])));
refused('an unsigned GET',      get('call', $GATHER, token => undef), 'missing');
accepted('a GET',               get('call', "$GATHER?From=%2B1&CallSid=CA1&a=b+c"));
accepted('a lone ?',            post('call', "$GATHER?", \@CALL));
accepted('several ?',           post('call', "$GATHER?a=b?c&d=?", \@CALL));
accepted('path info',           post('call', "$GATHER/x//y;z=1", \@CALL));
accepted('percent-escapes',     post('call', "$GATHER/%c3%BC%41?q=%7e~%2f", \@CALL));
accepted("an apostrophe",       post('call', "$GATHER?name=William+O'hara", \@CALL));

# --- Ports and origins ----------------------------------------------------------------------------------------

my ($port) = hostport('signed') =~ /:(\d+)\z/;
my %SIGNED_WITH = (token => $TOKEN{vectors});

sub origin_case ($vhost, $host, $origin) {
    return post($vhost, $GATHER, \@CALL, %SIGNED_WITH, host => $host, signed_url => "$origin$GATHER");
}

for my $case (
    [ signed        => 'h.test:8080', 'http://h.test:8080'          => 1 ],
    [ signed        => 'h.test:8080', 'http://h.test'               => 1 ],
    [ signed        => 'h.test:8080', 'http://h.test:80'            => 1 ],
    [ signed        => 'h.test:8080', 'http://h.test:443'           => 0 ],
    [ signed        => 'h.test:8080', "http://h.test:$port"         => 0 ],
    [ signed        => 'h.test',      'http://h.test'               => 1 ],
    [ signed        => 'h.test',      'http://h.test:80'            => 1 ],
    [ signed        => 'H.Test',      'http://H.Test'               => 1 ],
    [ signed        => 'H.Test',      'http://h.test'               => 0 ],
    [ signed        => '[::1]:8080',  'http://[::1]:8080'           => 1 ],
    [ signed        => '[::1]:8080',  'http://[::1]'                => 1 ],
    [ signed_https  => 'h.test',      'https://h.test'              => 1 ],
    [ signed_https  => 'h.test',      'https://h.test:443'          => 1 ],
    [ signed_https  => 'h.test:8443', 'https://h.test:8443'         => 1 ],
    [ signed_https  => 'h.test:8443', 'https://h.test'              => 1 ],
    [ signed_https  => 'h.test:8443', 'https://h.test:443'          => 1 ],
    [ signed_https  => 'h.test:8443', 'https://h.test:80'           => 0 ],
    [ signed_https  => 'h.test',      'http://h.test'               => 0 ],
    [ signed_public => 'h.test:8080', 'https://mycompany.com'       => 1 ],
    [ signed_public => 'h.test:8080', 'https://mycompany.com:443'   => 1 ],
    [ signed_public => 'h.test:8080', 'https://mycompany.com:8080'  => 0 ],
    [ signed_public => 'h.test:8080', 'https://h.test:8080'         => 0 ],
    [ signed_public => 'h.test:8080', 'http://h.test:8080'          => 0 ],
    [ signed_public => 'h.test:8080', 'http://mycompany.com'        => 0 ],
) {
    my ($vhost, $host, $origin, $fits) = @$case;
    my $response = origin_case($vhost, $host, $origin);
    my $name     = "$vhost, Host: $host, signed $origin";
    $fits ? accepted($name, $response) : refused($name, $response);
}

sub at ($path, $origin) {
    return post('signed_public', $path, \@CALL, %SIGNED_WITH, signed_url => "$origin$path");
}

for my $case (
    [ '/with-port/x', 'https://mycompany.com:8443', 1 ],
    [ '/with-port/x', 'https://mycompany.com',      1 ],
    [ '/with-port/x', 'https://mycompany.com:443',  1 ],
    [ '/with-port/x', 'https://mycompany.com:8444', 0 ],
    [ '/plain/x',     'http://mycompany.com:1080',  1 ],
    [ '/plain/x',     'http://mycompany.com',       1 ],
    [ '/plain/x',     'http://mycompany.com:80',    1 ],
    [ '/plain/x',     'https://mycompany.com:1080', 0 ],
) {
    my ($path, $origin, $fits) = @$case;
    my $response = at($path, $origin);
    my $name     = "EncGatherPublicURL with a port, $path, signed $origin";
    $fits ? accepted($name, $response) : refused($name, $response);
}
is action(at('/with-port/x', 'https://mycompany.com'))->{origin}, 'https://mycompany.com:8443', 'the action has that origin';
is action(at('/x', 'https://mycompany.com'))->{origin}, 'https://mycompany.com', 'and where there is no port, none';
is action(origin_case('signed_https', 'h.test:8443', 'https://h.test'))->{origin}, 'https://h.test:8443',
    'and else that of the request';

# A proxy took /tel/%C3%BC&x off the path.
my $PREFIX = 'https://mycompany.com/tel/%C3%BC&x';
for my $case (
    [ '/prefixed/x',     $PREFIX,                               1 ],
    [ '/prefixed/x?a=b', $PREFIX,                               1 ],
    [ '/prefixed/x',     $PREFIX =~ s/\.com/.com:443/r,         1 ],
    [ '/prefixed//x?',   $PREFIX,                               1 ],
    [ '/prefixed/x',     "$PREFIX/",                            0 ],
    [ '/prefixed/x',     'https://mycompany.com',               0 ],
    [ '/prefixed/x',     'https://mycompany.com/tel',           0 ],
    [ '/prefixed/x',     $PREFIX =~ s/C3/c3/r,                  0 ],
    [ '/prefixed/x',     $PREFIX =~ s/\.com/.com:8443/r,        0 ],
    [ '/x',              $PREFIX,                               0 ],
) {
    my ($path, $origin, $fits) = @$case;
    my $response = at($path, $origin);
    my $name     = "EncGatherPublicURL with a path, $path, signed $origin";
    $fits ? accepted($name, $response) : refused($name, $response);
}
is action(at('/prefixed/x?a=b', $PREFIX))->{path}, '/tel/%C3%BC&x/prefixed/x', 'the action begins with that path';
is action(at('/prefixed/x', $PREFIX))->{origin}, 'https://mycompany.com', 'behind the origin';

refused('no X-Forwarded header is trusted',
    post('call', $GATHER, \@CALL, signed_url => "https://example.com$GATHER",
        headers => [ 'X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => 'example.com', 'X-Forwarded-Port' => 443, 'X-Forwarded-Prefix' => '/tel',
            'Forwarded' => 'proto=https;host=example.com', 'X-Original-URL' => "https://example.com$GATHER" ]));

# --- Tokens ----------------------------------------------------------------------------------------------------

sub by ($token, @pairs) {
    return post('call', $GATHER, [ CallSid => 'CA1', @pairs ], token => $token);
}

accepted('the second token of the file',       by($TOKEN{rotated}, AccountSid => 'AC' . '1' x 32));
accepted('the token of an account, for it',    by($TOKEN{account}, AccountSid => $ACCOUNT_SID));
accepted('and where no account is named',      by($TOKEN{account}));
refused('but not for another account',         by($TOKEN{account}, AccountSid => 'AC' . '1' x 32));
accepted('a token without account fits any',   by($TOKEN{demo}, AccountSid => $ACCOUNT_SID));
refused('a token of another file',             by($TOKEN{other}));
refused('the empty token',                     by(''));
refused('a token in capitals',                 by(uc $TOKEN{demo}));
refused('account and token in one',            by("$ACCOUNT_SID $TOKEN{account}"));

# --- The parameters ----------------------------------------------------------------------------------------------

for my $case (
    [ 'none'                                  => ],
    [ 'an empty value'                        => a => '' ],
    [ 'an empty name'                         => '' => 'x' ],
    [ 'one name, several values'              => a => '2', a => '10', a => '1' ],
    [ 'one name, the same value twice'        => a => '1', a => '1' ],
    [ 'capitals and small letters'            => b => 1, B => 2, a => 3, A => 4 ],
    [ 'a name that begins another'            => Reason => 'x', ReasonConferenceEnded => 'y', 'Reason.' => 'z' ],
    [ 'names and values that swap'            => ab => 'c', a => 'bc' ],
    [ 'signs of the form itself'              => 'a&b=c' => '&=+%', '%41' => ' ' ],
    [ 'blanks at the ends'                    => a => ' x ', b => "\t", c => "\r\n" ],
    [ 'UTF-8'                                 => CallerName => "\xc3\xa9\xe2\x82\xac", "\xc3\xbc" => 1 ],
    [ 'bytes that are no UTF-8'               => CallerName => "\xe9\xff\x80" ],
    [ 'a name with an equals sign'            => 'Dig=its' => '1' ],
    [ 'a name that begins with Digits'        => Digitsx => '1', digits => '2' ],
    [ 'a hundred'                             => map { ("p$_" => $_) } 1 .. 100 ],
    [ 'a value of 20,000 bytes'               => a => 'x' x 20_000 ],
) {
    my ($name, @pairs) = @$case;
    accepted("parameters: $name", post('call', $GATHER, \@pairs));
}
refused('a value moved from one name to the next', post('call', $GATHER, [ a => 'bc' ],
    signature => signature($TOKEN{demo}, "$ORIGIN$GATHER", [ a => 'b', b => 'c' ])));

for my $case (
    [ 'in another order'     => [ b => 1, a => 2 ], 'a=2&b=1' ],
    [ 'blank as %20'         => [ a => 'b c' ],     'a=b%20c' ],
    [ 'escapes in small'     => [ a => "\xc3\xb6" ], 'a=%c3%b6' ],
    [ 'everything escaped'   => [ ab => 'c' ],      '%61%62=%63' ],
    [ 'nothing escaped'      => [ a => "\xc3\xb6/?:@!" ], "a=\xc3\xb6/?:@!" ],
    [ 'a name without ='     => [ a => '', b => 1 ], 'a&b=1' ],
    [ 'a second ='           => [ a => 'b=c' ],     'a=b=c' ],
    [ 'empty parts'          => [ a => 1 ],         '&&a=1&' ],
) {
    my ($name, $pairs, $body) = @$case;
    accepted("body: $name", post('call', $GATHER, $pairs, body => $body));
}

# --- Bodies that come in pieces --------------------------------------------------------------------------------

my @LONG = (@CALL, map { ("parameter$_" => 'value ' x 20) } 1 .. 60);
accepted('in segments of 30 bytes',    post('call', $GATHER, \@CALL, segments => 30));
accepted('byte by byte',               post('call', $GATHER, [ a => 1 ], segments => 1));
accepted('a long body',                post('call', $GATHER, \@LONG));
accepted('a long body in segments',    post('call', $GATHER, \@LONG, segments => 1000));
accepted('in chunks of one byte',      post('call', $GATHER, \@CALL, body => undef, chunks => [ split //, form_encode(@CALL) ]));
accepted('in chunks, as two segments', post('call', $GATHER, \@CALL, body => undef, chunks => [ unpack '(a50)*', form_encode(@CALL) ],
    segments => 300));
accepted('in one chunk',               post('call', $GATHER, \@LONG, body => undef, chunks => [ form_encode(@LONG) ]));
accepted('with Expect: 100-continue',  post('call', $GATHER, \@CALL, headers => [ Expect => '100-continue' ]));
refused('in chunks, one letter changed', post('call', $GATHER, \@CALL, body => undef,
    chunks => [ form_encode(@CALL) =~ s/1234567/1234568/r ]));

# --- bodySHA256 ----------------------------------------------------------------------------------------------------
# Names the hash of the body, whose parameters are then not signed one by one.

my $BODY = form_encode(@CALL);

sub hashed ($hash, $pairs, %options) {
    my $target = "$GATHER?bodySHA256=$hash";
    return post('call', $target, \@CALL, signature => signature($TOKEN{demo}, "$ORIGIN$target", $pairs), %options);
}

accepted('bodySHA256 that fits', hashed(body_sha256($BODY), []));
accepted('in segments', hashed(body_sha256($BODY), [], segments => 20));
refused('bodySHA256 that does not', hashed(body_sha256('another'), []));
refused('of a body that was changed', hashed(body_sha256($BODY), [], body => $BODY =~ s/1234567/1234568/r));
refused('one digit less', hashed(substr(body_sha256($BODY), 1), []));
refused('empty', hashed('', []));
refused('and the parameters signed as well', hashed(body_sha256($BODY), \@CALL));
answers('bodySHA256 twice', post('call', "$GATHER?bodySHA256=x&bodySHA256=" . body_sha256($BODY), \@CALL),
    status => qr/^(?:400|403)\z/);

# --- Off ---------------------------------------------------------------------------------------------------------------

for my $path ($GATHER, '/with-tokens') {
    my %off = twiml_answer(asked => signature => 'unchecked');
    answers("$path off: no signature", post('unsigned', $path, \@CALL, token => undef), %off);
    answers("$path off: a wrong one", post('unsigned', $path, \@CALL, signature => 'x'), %off);
    answers("$path off: a right one", post('unsigned', $path, \@CALL), %off);
}

finish();
