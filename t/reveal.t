# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# EncGatherReveal: on the way to a trusted application tokens become values again, in a JSON object or a form; all else of
# the request is as it came, and what is no good token reaches nobody.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use IO::Socket::INET;
use IO::Socket::SSL::Utils qw(CERT_create PEM_cert2string PEM_key2string);
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Daemon qw(free_ports);
use EncGather::Files qw(slurp_if_there spew);
use EncGather::Httpd qw(module_file);
use EncGather::Jwe qw(make_pair seal_jwe);
use EncGather::Memory qw(count_in_memory);
use EncGather::Sanitizer qw(pointless);
use EncGather::Signature qw(form_encode form_decode);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

my $TREE = in_tree('private/reveal');
my $MPM  = $ENV{ENCGATHER_MPM} || 'event';
my $TLS  = defined module_file('ssl');
my $H2   = $MPM ne 'prefork' && defined module_file('http2');
my $CALL = 'CA' . '6' x 32;
my $CARD = '5105105937104218';
my $PIN  = '73506142';
my $SEEN = "$TREE/seen";    # by applications; it is no log
make_path("$TREE/htdocs/ht", "$TREE/cgi", $SEEN);
chmod 0755, $TREE, "$TREE/cgi", "$TREE/htdocs", "$TREE/htdocs/ht";
chmod 0777, $SEEN;

spew("$TREE/cgi/app", <<"END_OF_SCRIPT", 0755);
#!$^X
binmode STDIN; binmode STDOUT;
my \$body = do { local \$/; <STDIN> };
open my \$seen, '>', "$SEEN/app"; binmode \$seen;
print {\$seen} join(' ', map { defined \$_ ? \$_ : '-' } \@ENV{qw(CONTENT_LENGTH HTTP_TRANSFER_ENCODING SSL_CLIENT_S_DN_CN)}), "\\n", \$body;
close \$seen;
print "Content-Type: text/plain\\r\\nX-Of-App: yes\\r\\n\\r\\nby CGI\\n";
END_OF_SCRIPT
spew("$TREE/htdocs/page.shtml", qq(<!--#include virtual="/closed" -->.<!--#include virtual="/pay" -->), 0644);
spew("$TREE/cgi/go", "#!$^X\nbinmode STDIN; my \$body = do { local \$/; <STDIN> }; print qq(Location: /cgi-of-all\\r\\n\\r\\n);\n", 0755);
spew("$TREE/htdocs/ht/.htaccess", "RewriteEngine on\nRewriteRule ^ /cgi-of-all [L]\n", 0644);
write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/ring",   "k1 $KEY{demo}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");
make_pair(p256 => "$TREE/bank");
remember($CARD, $PIN, '4071');

# --- Certificates -----------------------------------------------------------------------------------------------------

my $DAY = 86_400;
my @CA  = CERT_create(CA => 1, subject => { CN => 'the test CA' }, not_after => time + $DAY);

sub certificate ($name, %options) {
    my ($cert, $key) = CERT_create(subject => { CN => 'localhost' }, subjectAltNames => [ [ DNS => 'localhost' ] ],
        issuer => \@CA, not_before => time - $DAY, not_after => time + $DAY, %options);
    return write_secret("$TREE/$name.pem", PEM_cert2string($cert) . PEM_key2string($key));
}

spew("$TREE/ca.pem", PEM_cert2string($CA[0]));
certificate('good');
certificate('stranger', issuer => [ CERT_create(CA => 1, subject => { CN => 'another CA' }) ]);
certificate('client', subject => { CN => 'the ivr' }, subjectAltNames => undef, purpose => 'client');

# --- Servers ----------------------------------------------------------------------------------------------------------

my ($PORT, $TLS_PORT, $STRANGER_PORT, $BACKEND_PORT) = free_ports(4);
my $backend = EncGather::Backend->new(port => $BACKEND_PORT, record => "$SEEN/backend");
my $cgi     = $MPM eq 'prefork' ? 'cgi' : 'cgid';

sub to_backend ($path, @lines) { return join "\n", "<Location $path>", "ProxyPass http://127.0.0.1:$BACKEND_PORT/ok", @lines, '</Location>', '' }
sub exposed ($path, @lines)    { return to_backend($path, 'EncGatherExpose on', @lines) }

sub tls_host ($port, $certificate, @lines) {
    return join "\n", "Listen 127.0.0.1:$port", "<VirtualHost 127.0.0.1:$port>", 'ServerName localhost', 'SSLEngine on',
        "SSLCertificateFile \"$TREE/$certificate.pem\"", "ScriptAlias /app \"$TREE/cgi/app\"", @lines, '</VirtualHost>', '';
}

my $server = private_server('reveal',
    port    => $PORT,
    modules => [ $cgi, qw(dir mime request proxy proxy_http rewrite include headers setenvif ext_filter), $TLS ? qw(ssl socache_shmcb) : (), $H2 ? 'http2' : () ],
    conf    => join '', <<"END_OF_CONF",
LogLevel trace8@{[ $H2 ? ' http2:info' : '' ]}
DocumentRoot "$TREE/htdocs"
TypesConfig /dev/null
DirectoryIndex nothing
@{[ $H2 ? 'Protocols h2c http/1.1' : '' ]}
@{[ $cgi eq 'cgid' ? "ScriptSock $TREE/cgisock" : '' ]}
<Directory "$TREE">
    Require all granted
    AllowOverride All
</Directory>
<IfModule prefork.c>
    StartServers 6
    MinSpareServers 4
</IfModule>
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
CustomLog "$TREE/logs/verdicts" "%{X-Test-Id}i %>s %{ENCGATHER_CALL}e %{ENCGATHER_STEP}e %{ENCGATHER_RESULT}e %{ENCGATHER_SIGNATURE}e"
ErrorDocument 403 /error-page
ErrorDocument 400 /error-page
ScriptAlias /error-page "$TREE/cgi/app"
<Location /encgather-status>
    SetHandler encgather-status
</Location>
<Location /page.shtml>
    Options +Includes
    SetOutputFilter INCLUDES
</Location>
ScriptAlias /cgi "$TREE/cgi/app"
<Location /cgi>
    EncGatherExpose on
    EncGatherReveal card
</Location>
ExtFilterDefine copy mode=input cmd="/bin/cat"
ScriptAlias /conditional "$TREE/cgi/app"
<Location /conditional>
    EncGatherExpose on
    <If "%{QUERY_STRING} == 'open'">
        EncGatherReveal card
    </If>
</Location>
<Location /handled>
    EncGatherExpose on
    EncGatherReveal card
    <If true>
        SetHandler encgather-status
    </If>
</Location>
ScriptAlias /go "$TREE/cgi/go"
<Location /go>
    EncGatherExpose on
    EncGatherReveal card
</Location>
<Location /ht>
    EncGatherExpose on
    EncGatherReveal card
</Location>
<Location /front>
    EncGatherExpose on
    EncGatherReveal card
    FallbackResource /cgi-of-all
</Location>
ScriptAlias /cgi-of-all "$TREE/cgi/app"
<Location /ivr>
    SetHandler encrypted-gather
    EncGatherBackend /closed
    EncGatherForward CallSid
</Location>
<Location /ivr/bound>
    EncGatherTokenFormat jwe
    EncGatherBackend /bound/closed
</Location>
<Location /ivr/bad>
    EncGatherBackend /closed/other
</Location>
END_OF_CONF
    exposed('/pay', 'EncGatherReveal card pin=code', 'EncGatherReveal "/payment/source/number=card" /list/1=card "/a~1b/c~0d=card" "two words=card" "/two words/x=card" K=card',
        'EncGatherMaxBody 20000'),
    exposed('/pay/off', 'EncGatherReveal off'),
    exposed('/pay/filtered', 'SetInputFilter copy'),
    exposed('/pay/filtered/signed', 'Require twilio-signature'),
    exposed('/pay/more', 'EncGatherReveal other=card', 'KeptBodySize 32768'),
    exposed('/bound', 'EncGatherReveal card pin=code', "EncGatherKeyFile \"$TREE/ring\"", 'EncGatherTokenFormat jwe', 'EncGatherTokenTTL 300'),
    exposed('/sealed', 'EncGatherReveal card pin', "EncGatherPrivateKeyFile bank1 \"$TREE/bank\"", "EncGatherKeyFile \"$TREE/ring\"", 'EncGatherTokenFormat jwe hex'),
    exposed('/required', 'EncGatherReveal card', 'Require twilio-signature'),
    exposed('/both', 'EncGatherReveal card', '<If true>', 'EncGatherSignature off', 'EncGatherShield Digits', '</If>'),
    to_backend('/closed', 'EncGatherReveal encryptedCardDigits encryptedPinDigits'),
    to_backend('/closed/other', 'EncGatherReveal off', 'EncGatherReveal encryptedCardDigits CallSid=encryptedCardDigits'),
    to_backend('/bound/closed', 'EncGatherExpose off', 'EncGatherReveal encryptedCardDigits encryptedPinDigits'),
    !$TLS ? () : (<<"END_OF_CONF", tls_host($TLS_PORT, 'good', 'SSLVerifyClient require', "SSLCACertificateFile \"$TREE/ca.pem\"", 'SSLOptions +StdEnvVars'), tls_host($STRANGER_PORT, 'stranger')));
SSLProxyEngine on
SSLProxyVerify require
SSLProxyCACertificateFile "$TREE/ca.pem"
SSLProxyMachineCertificateFile "$TREE/client.pem"
SSLSessionCache "shmcb:$SEEN/sessions(65536)"
<Location /tls>
    ProxyPass https://localhost:$TLS_PORT/app
    EncGatherExpose on
    EncGatherReveal card
</Location>
<Location /tls/stranger>
    ProxyPass https://localhost:$STRANGER_PORT/app
</Location>
END_OF_CONF

$server->start or do { diag $server->error, ($server->configtest)[1]; BAIL_OUT("the private server does not start") };
my $HOST = "127.0.0.1:$PORT";

# --- Help -------------------------------------------------------------------------------------------------------------

my %TYPE = (json => 'application/json', form => 'application/x-www-form-urlencoded');

sub hand ($kind, $target, $body, %options) {
    $backend->forget;
    my @type = defined $kind ? ('Content-Type' => $TYPE{$kind} || $kind) : ();
    my $method = delete $options{method} || 'POST';
    return request($method, $HOST, $target, %options, body => $body, headers => [ @type, @{ $options{headers} || [] } ]);
}

sub arrived () {
    my ($request) = $backend->requests;
    return $request || { body => 'nothing arrived', headers => {} };
}

# The body that the application got.
sub given ($kind, $target, $body, %options) {
    my $response = hand($kind, $target, $body, %options);
    return $response->code . ': ' . $response->content if $response->code != 200;
    return arrived()->{body};
}

sub app () {
    my ($facts, $body) = split /\n/, slurp_if_there("$SEEN/app") || '', 2;
    return ($facts, $body);
}

sub logged ($response) {
    my $line;
    wait_until(10, sub { ($line) = (slurp_if_there("$TREE/logs/verdicts") || '') =~ /^\Q$response->{test_id}\E (.*)$/m });
    return $line || 'no line';
}

sub refused ($name, $response, $status, $error, $result, $call = '-') {
    is $response->code . ' ' . $response->header('Content-Type') . ' ' . $response->content, qq($status application/json {"error":"$error"}), "$name: $status $error";
    is scalar(() = $backend->requests), 0, "$name: nothing reaches the application";
    is logged($response), "$status $call - $result unchecked", "$name: its line in the access log";
    return;
}

sub jwe ($plain, %with) { return seal_jwe('dir', $plain, key => $KEY{demo}, kid => 'k1', sid => $CALL, fld => 'card', %with) }

my ($T_CARD, $T_PIN) = (seal($CARD), seal($PIN));

# --- JSON -------------------------------------------------------------------------------------------------------------

{
    my $odd = sub ($card, $pin, $number) {
        return qq(\t{ "big":123456789012345678901234567890.10e+5 ,"x":"\\u00e4\\/\xc3\xa4" , "dup":1,"dup": {"card" :2, "card":[ ] },\r\n"card"  :  $card,)
            . qq("pin":$pin,"payment":{"number":"1","source":{"x":null,"number":$number,"number2":"$T_CARD"}}, "PAN":"$T_CARD"} \n);
    };
    my $body = $odd->(qq("$T_CARD"), qq("$T_PIN"), qq("\\u003$1@{[ substr $T_CARD, 1 ]}")) if $T_CARD =~ /^([0-9])/;
    $body ||= $odd->(qq("$T_CARD"), qq("$T_PIN"), qq("\\u006@{[ ord(substr $T_CARD, 0, 1) - 96 ]}@{[ substr $T_CARD, 1 ]}"));
    my $got = hand(json => '/pay?card=x%zz', $body, headers => [ 'X-Home' => 'a b', Digest => 'sha-256=a', 'Content-Digest' => 'sha-256=:a:', 'Content-MD5' => 'YQ==', 'X-Twilio-Signature' => 'x', Cookie => 'c=d' ]);
    is $got->code . ' ' . $got->content, '200 {"account":"AC12345678","balance":"12.55"}', 'JSON: the answer passes unchanged';
    my $seen = arrived();
    is $seen->{body}, $odd->(qq("$CARD"), qq("$PIN"), qq("$CARD")), 'the named members are values, all else is as it came, byte for byte';
    is $seen->{headers}{'content-length'}[0], length $seen->{body}, 'with its length';
    is $seen->{target}, '/ok?card=x%zz', 'the query as it came';
    is_deeply [ map { $seen->{headers}{$_} } qw(digest content-digest content-md5 x-twilio-signature) ], [ (undef) x 4 ], 'digests and signatures of what was there before are gone';
    is join(' ', map { $seen->{headers}{$_}[0] } qw(x-home cookie content-type)), 'a b c=d application/json', 'all other headers';
    is logged($got), '200 - - revealed unchecked', 'its line in the access log';

    is given(json => '/pay', qq({"list":["$T_PIN","$T_CARD",3],"a/b":{"c~d":"$T_CARD"},"two words":"$T_CARD"})), qq({"list":["$T_PIN","$CARD",3],"a/b":{"c~d":"$CARD"},"two words":"$CARD"}), 'pointers into lists, and with escapes';
    my $utf8 = qq(Z\xc3\xbc"\\\n\x01\x7f/);
    is given(json => '/pay', qq({"card":"@{[ seal($utf8) ]}"})), qq({"card":"Z\xc3\xbc\\"\\\\\\u000a\\u0001\x7f/"}), 'what JSON has to escape';
    is given(json => '/pay', qq({"card":"@{[ seal('') ]}"})), '{"card":""}', 'a token of nothing';
    for my $same ('{}', '{"card":null,"pin":"","payment":{}}', '{"payment":7,"list":[1],"x":"' . $T_CARD . '"}', qq({"payment":{"card":"$T_CARD"}}), '{"/list/1":5}') {
        my $response = hand(json => '/pay', $same, headers => [ Digest => 'sha-256=a' ]);
        is arrived()->{body}, $same, "as it came: $same";
        is logged($response), '200 - - passed unchecked', 'and is told so';
        is arrived()->{headers}{digest}[0], 'sha-256=a', 'with its digest';
    }
    is given(json => '/pay/off', qq({"card":"$T_CARD"})), qq({"card":"$T_CARD"}), 'off in an inner location';
    is given(json => '/pay/more', qq({"card":"$T_CARD","other":"$T_CARD"})), qq({"card":"$T_CARD","other":"$CARD"}), 'a list of an inner location replaces the outer one';
    is given('application/json; charset=utf-8', '/pay', qq({"card":"$T_CARD"}), method => 'PUT'), qq({"card":"$CARD"}), 'PUT, a type with a parameter';
    is given(json => '/pay', qq({"card":"$T_CARD"}), method => 'DELETE'), qq({"card":"$CARD"}), 'DELETE with a body';
}

# --- A form -------------------------------------------------------------------------------------------------------------

{
    my $text = "a b&c=d%\xc3\xbc+\xff;-._~*";
    my $tail = '&x=%2f+%2F;y&&x=2&K=' . seal($text) . '&empty&pin=&D%69g=%30&';
    my $body = "c%61rd=$T_CARD$tail";
    my $got  = hand(form => '/pay', $body);
    is arrived()->{body}, "c%61rd=$CARD" . ($tail =~ s/K=[^&]*/K=a%20b%26c%3Dd%25%C3%BC%2B%FF%3B-._~%2A/r), 'a form: values percent-encoded, all else byte for byte';
    is arrived()->{headers}{'content-length'}[0], length arrived()->{body}, 'with its length';
    is logged($got), '200 - - revealed unchecked', 'its line in the access log';
    is given(form => '/pay', "%2Flist%2F1=$T_CARD&card=&pin"), "%2Flist%2F1=$T_CARD&card=&pin", 'a pointer names nothing in a form; empty ones go on';
    is given(form => "/pay?card=$T_CARD&card=$T_CARD", 'a=1'), 'a=1', 'a query is not looked at';
    is arrived()->{target}, "/ok?card=$T_CARD&card=$T_CARD", 'and goes on as it came';
    $got = hand(form => '/cgi', "CallSid=$CALL&card=$T_CARD");
    is $got->content, "by CGI\n", 'a CGI program answers';
    is_deeply [ app() ], [ length("CallSid=$CALL&card=$CARD") . ' - -', "CallSid=$CALL&card=$CARD" ], 'and had the value';
    is logged($got), "200 $CALL - revealed unchecked", 'with the call';
    hand(form => '/front/page', "card=$T_CARD");
    is +(app())[1], "card=$CARD", 'FallbackResource outside of the location';
    is logged(hand(json => '/ht/page', qq({"card":"$T_CARD"}))) . ' ' . (app())[1], qq(200 - - revealed unchecked {"card":"$CARD"}), 'a front controller in .htaccess';
    is hand(form => '/go', "card=$T_CARD")->content . (app())[1], "by CGI\n", 'where an application leads on by a Location, what comes then has no body';
    hand(form => '/conditional?open', "card=$T_CARD");
    is +(app())[1], "card=$CARD", 'an <If> that is so';
    hand(form => '/conditional', "card=$T_CARD");
    is +(app())[1], "card=$T_CARD", 'and one that is not';
}

# --- Framing ------------------------------------------------------------------------------------------------------------

{
    my $fill = 'x' x 9000;
    my ($body, $want) = map { qq({"fill":"$fill","card":"$_"}) } $T_CARD, $CARD;
    is given(json => '/pay', $body, chunks => [ unpack '(a700)*', $body ]), $want, 'chunks';
    is join(' ', map { $_ ? "@$_" : '-' } @{ arrived()->{headers} }{qw(content-length transfer-encoding)}), length($want) . ' -', 'arrive with a length';
    hand(form => '/cgi', undef, chunks => [ "card=$T_CARD" ]);
    is +(app())[0], 5 + length($CARD) . ' - -', 'a CGI program gets a length, too';
    is given(json => '/pay', '{}', chunks => ['{}']), '{}', 'chunks, nothing to open';
    is arrived()->{headers}{'content-length'}[0], 2, 'arrive with a length, too';
    is given(json => '/pay', undef, chunks => []), '', 'chunks of nothing';
    is given(json => '/pay', qq({"card":"$T_CARD"}), segments => 1), qq({"card":"$CARD"}), 'segments of one byte';
    my $most = qq({"card":"$T_CARD","fill":"");
    $most =~ s/"\z/'x' x (20_000 - length($most) - 1) . '"}'/e;
    is length($most), 20_000, 'a body at the limit';
    is length(given(json => '/pay', $most)), 20_000 - length($T_CARD) + length($CARD), 'shrinks by its token';
    refused('one byte more', hand(json => '/pay', "$most "), 413, 'too large', 'too-large');
    my $control = "\x01" x 2000;
    is given(json => '/pay', qq({"card":"@{[ seal($control) ]}"})), '{"card":"' . '\\u0001' x 2000 . '"}', 'it may also grow';
    my $got = request(GET => $HOST, '/pay');
    is $got->code . ' ' . logged($got), '200 200 - - passed unchecked', 'no body goes on as it is';

    my $form = "card=$T_CARD";
    my $head = "POST /cgi HTTP/1.1\r\nHost: $HOST\r\nContent-Type: $TYPE{form}\r\nContent-Length: " . length($form) . "\r\n";
    my $bytes = send_pieces($HOST, "$head\r\n$form$head\r\n${form}POST /cgi HTTP/1.1\r\nHost: $HOST\r\nContent-Type: $TYPE{form}\r\nConnection: close\r\nContent-Length: 9\r\n\r\ncard=9999");
    is join(' ', $bytes =~ /^HTTP\/1\.1 (\d+)/mg), '200 200 400', 'three requests on one connection, the last one refused';
    my $socket = IO::Socket::INET->new(PeerAddr => $HOST);
    print {$socket} "${head}Expect: 100-continue\r\nConnection: close\r\n\r\n";
    is scalar(<$socket>), "HTTP/1.1 100 Continue\r\n", 'Expect: 100-continue';
    print {$socket} $form;
    like do { local $/; <$socket> }, qr/200 OK.*by CGI/s, 'and the body';
    is +(app())[1], "card=$CARD", 'is opened';
}

SKIP: {
    skip 'no mod_http2 under this MPM', 1 unless $H2;
    my $got = `curl -s --http2-prior-knowledge -H 'Content-Type: application/json' -d '{"card":"$T_CARD"}' 'http://$HOST/cgi'`;
    is "$got " . (app())[1], qq(by CGI\n {"card":"$CARD"}), 'HTTP/2';
}

# What an input filter has changed is not changed once more, and nothing of it is lost.
for my $how ([ 'with a length' ], [ 'in chunks', chunks => 1 ]) {
    my ($name, $in_chunks) = @$how;
    my $json = qq({"amount":1,"card":"$T_CARD"});
    is given(json => '/pay/filtered', $json, $in_chunks ? (chunks => [ unpack '(a50)*', $json ]) : ()), qq({"amount":1,"card":"$CARD"}), "through an input filter, $name";
}
$backend->forget;
post($HOST, '/pay/filtered/signed', [ card => $T_CARD, a => 'b' ]);
is arrived()->{body}, "card=$CARD&a=b", 'through an input filter, where the signature was looked at before';

# --- Tokens that are bound ------------------------------------------------------------------------------------------------

{
    my %both = (card => jwe($CARD), pin => jwe($PIN, fld => 'code'));
    is given(json => '/bound', qq({"CallSid":"$CALL","card":"$both{card}","pin":"$both{pin}"})), qq({"CallSid":"$CALL","card":"$CARD","pin":"$PIN"}), 'jwe: two fields of a call';
    is logged(hand(json => '/bound', qq({"CallSid":"$CALL","card":"$both{card}"}))), "200 $CALL - revealed unchecked", 'which the access log names';
    is given(form => '/bound', "CallSid=$CALL&card=$both{card}&pin=$both{pin}"), "CallSid=$CALL&card=$CARD&pin=$PIN", 'in a form';
    is given(json => '/bound', qq({"card":"$both{card}","pin":"$both{pin}"})), qq({"card":"$CARD","pin":"$PIN"}), 'without the call';
    is given(json => '/bound', qq({"CallUUID":"$CALL","card":"$both{card}"})), qq({"CallUUID":"$CALL","card":"$CARD"}), 'by CallUUID';
    my $bank = seal_jwe('p256', $CARD, key => "$TREE/bank", kid => 'bank1', sid => $CALL, fld => 'card');
    is given(json => '/sealed', qq({"card":"$bank","pin":"$T_PIN"})), qq({"card":"$CARD","pin":"$PIN"}), 'sealed to a recipient, beside hex';
    is given(json => '/sealed', qq({"card":"$T_CARD","pin":"@{[ jwe($PIN, fld => 'pin') ]}"})), qq({"card":"$CARD","pin":"$PIN"}), 'hex beside jwe under a key of the ring';

    my @bad = (
        [ 'of another field',  qq({"card":"$both{pin}"}) ],
        [ 'two that are swapped', qq({"card":"$both{pin}","pin":"$both{card}"}) ],
        [ 'too old',           '{"card":"' . jwe($CARD, iat => time - 302) . '"}' ],
        [ 'from the future',   '{"card":"' . jwe($CARD, iat => time + 120) . '"}' ],
        [ 'of two calls',      '{"card":"' . jwe($CARD) . '","pin":"' . jwe($PIN, fld => 'code', sid => 'CA2') . '"}' ],
        [ 'of another call',   '{"CallSid":"CA2","card":"' . jwe($CARD) . '"}', 'CA2' ],
        [ 'of a foreign key',  '{"card":"' . jwe($CARD, key => $KEY{other}) . '"}' ],
        [ 'of another format', qq({"card":"$T_CARD"}) ],
        [ 'changed',           qq({"card":"@{[ substr($both{card}, 0, -4) . 'AAAA' ]}"}) ],
        [ 'one good, one bad', qq({"card":"$both{card}","pin":"1234"}) ],
    );
    refused("I14 a token $_->[0]", hand(json => '/bound', $_->[1]), 400, 'bad token', 'bad-token', $_->[2] || '-') for @bad;
    refused("CallSid as $_", hand(json => '/bound', qq({"CallSid":$_,"card":"$both{card}"})), 400, 'malformed request', 'malformed') for '5', 'null', '["a"]', qq("a","CallSid":"$CALL");
    refused('CallSid twice in a form', hand(form => '/bound', "CallSid=a&CallSid=a&card=$both{card}"), 400, 'malformed request', 'malformed', 'a');
    is given(json => '/pay', qq({"CallSid":5,"card":"$T_CARD"})), qq({"CallSid":5,"card":"$CARD"}), 'where nothing is bound nobody asks for the call';
}

# --- Refusals ---------------------------------------------------------------------------------------------------------------

{
    my $tampered = $T_CARD =~ s/(.)\z/$1 eq '0' ? '1' : '0'/er;
    for my $bad ([ 'digits' => $CARD ], [ 'tampered' => $tampered ], [ 'foreign' => seal($CARD, $KEY{other}) ], [ 'two of them' => "$T_CARD $T_CARD" ], [ 'a NUL in it' => seal("12\x0034") ], [ 'half a character' => '\\ud800' ]) {
        my ($name, $token) = @$bad;
        refused("JSON, $name", hand(json => '/pay', qq({"card":"$token"})), 400, 'bad token', 'bad-token');
        refused("a form, $name", hand(form => '/pay', form_encode(card => $token)), 400, 'bad token', 'bad-token');
    }
    refused('JSON, no UTF-8', hand(json => '/pay', qq({"card":"@{[ seal("a\xff") ]}"})), 400, 'bad token', 'bad-token');
    for my $malformed ('{"card":5}', '{"card":true}', qq({"card":["$T_CARD"]}), qq({"card":{"a":"$T_CARD"}}), qq({"card":"$T_CARD","card":"$T_CARD"}), qq({"card":null,"c\\u0061rd":"$T_CARD"}),
        qq({"payment":{},"payment":{"source":{"number":"$T_CARD"}}}), qq({"payment":{"source":{"number":false}}}), qq(["$T_CARD"]), qq("$T_CARD"), '5', '', qq({"card":"$T_CARD"), qq({"card":"$T_CARD"}}), qq({'card':"$T_CARD"}), qq({"card":"$T_CARD",}), "{\"x\":\"\xff\"}", ' ') {
        next if $malformed eq '';
        refused("JSON: $malformed", hand(json => '/pay', $malformed), 400, 'malformed request', 'malformed');
    }
    refused("a form: $_", hand(form => '/pay', $_), 400, 'malformed request', 'malformed') for "card=$T_CARD&card=$T_CARD", "card=&c%61rd=$T_CARD", 'a=%zz', 'a=%00', 'a%=1';
    refused('257 parameters', hand(form => '/pay', join '&', ('a=1') x 257), 413, 'too large', 'too-large');
    refused("type: $_->[0]", hand($_->[1], '/pay', qq({"card":"$T_CARD"}), headers => $_->[2] || []), 415, 'unsupported media type', 'media-type')
        for [ text => 'text/plain' ], [ none => undef ], [ other => 'application/vnd.api+json' ], [ compressed => 'application/json', [ 'Content-Encoding' => 'gzip' ] ];
    is slurp_if_there("$SEEN/app") =~ /error/ ? 1 : 0, 0, 'no ErrorDocument is asked';
}

# --- Who may come -----------------------------------------------------------------------------------------------------------

{
    refused("from outside, $_->[0]", $_->[1]->(), 403, 'forbidden', 'forbidden') for
        [ JSON         => sub { hand(json => '/closed', qq({"encryptedCardDigits":"$T_CARD"})) } ],
        [ 'bad JSON'   => sub { hand(json => '/closed', '{') } ],
        [ 'other type' => sub { hand('text/plain', '/closed', 'x') } ],
        [ 'no body'    => sub { $backend->forget; request(GET => $HOST, '/closed') } ],
        [ 'too large'  => sub { hand(json => '/closed', ' ' x 70_000) } ];
    my $page = request(GET => $HOST, '/page.shtml');
    like $page->content, qr/\A\[an error[^.]*\.\{"account"/, 'a part of a page: closed to it, or as it came';

    my $said = sub ($target, @more) { return join ' ', said(post($HOST, $target, [ CallSid => $CALL, Digits => $PIN =~ s/.*(....)\z/$1/r, @more ])) };
    remember(substr $PIN, -4);
    $backend->forget;
    my $pin = substr $PIN, -4;
    is $said->("/ivr?step=processData&encryptedCardDigits=$T_CARD") =~ /12.?55/ ? 'found' : 'not', 'found', 'the own backend call comes in';
    is arrived()->{body}, qq({"encryptedCardDigits":"$CARD","encryptedPinDigits":"$pin","CallSid":"$CALL"}), 'the plaintext reaches the backend';
    is arrived()->{headers}{'content-length'}[0], length arrived()->{body}, 'with its length';
    is length arrived()->{headers}{'idempotency-key'}[0], 64, 'and its key';
    $backend->forget;
    my $bound = seal_jwe('dir', $CARD, key => $KEY{demo}, sid => $CALL, fld => 'encryptedCardDigits');
    $said->("/ivr/bound?step=processData&encryptedCardDigits=$bound");
    is arrived()->{body}, 'nothing arrived', 'a token without the kid of the ring is none';
    my $strange = $said->("/ivr/bad?step=processData&encryptedCardDigits=$T_CARD");
    unlike $strange, qr/12.?55/, 'a call with what is no token';
    is arrived()->{body}, 'nothing arrived', 'does not reach the backend';

    is given(json => '/required', qq({"card":"$T_CARD"})) =~ /^403/ ? 403 : 200, 403, 'beside "Require twilio-signature": unsigned';
    $backend->forget;
    my $signed = post($HOST, '/required', [ CallSid => $CALL, card => $T_CARD ]);
    is arrived()->{body}, "CallSid=$CALL&card=$CARD", 'and signed';
    is logged($signed), "200 $CALL - revealed valid", 'its line in the access log';
    is hand(form => "/$_", 'a=1')->code, 500, "/$_: what only the request puts together" for qw(handled both);
}

# --- Over TLS -----------------------------------------------------------------------------------------------------------------

SKIP: {
    skip 'this httpd has no mod_ssl', 1 unless $TLS;
    my $got = hand(json => '/tls', qq({"card":"$T_CARD"}));
    is $got->content, "by CGI\n", 'an application that asks for a certificate';
    is_deeply [ app() ], [ 11 + length($CARD) . ' - the ivr', qq({"card":"$CARD"}) ], 'knows the proxy by it, and has the value';
    unlink "$SEEN/app";
    is hand(json => '/tls/stranger', qq({"card":"$T_CARD"}))->code, 500, 'I15 an application with a certificate of somebody else';
    ok !-e "$SEEN/app", 'gets nothing';
}

# --- What is counted, and what is left ------------------------------------------------------------------------------------------

{
    my $text = request(GET => $HOST, '/encgather-status?format=prometheus')->content;
    my %count = $text =~ /^encgather_reveals_total\{[^}]*result="([a-z-]+)"\} (\d+)/mg;
    is_deeply [ sort keys %count ], [ sort qw(method media-type too-large timeout malformed misconfigured forbidden bad-token revealed passed) ], 'results in the metrics';
    my %logged;
    my $verdicts = slurp_if_there("$TREE/logs/verdicts") || '';
    $logged{$1}++ while $verdicts =~ /^\S+ \d+ \S+ \S+ (revealed|bad-token|media-type) /mg;
    is_deeply { map { $_ => $count{$_} } qw(media-type) }, { 'media-type' => $logged{'media-type'} }, 'counted as logged';
    cmp_ok $count{revealed}, '>=', $logged{revealed}, 'and so are calls of our own';
}

SKIP: {
    skip 'only root can read the memory of children that are not dumpable', 1 unless $> == 0;
    skip pointless('memory'), 1 if pointless('memory');
    my $rare = '6011981704325596';
    remember($rare);
    for (1 .. 20) { is given(json => '/pay', qq({"card":"@{[ seal($rare) ]}"})), qq({"card":"$rare"}), 'once more' if $_ == 1 || !given(form => '/pay', 'card=' . seal($rare)) || !hand(form => '/cgi', 'card=' . seal($rare)) }
    is_deeply [ grep { count_in_memory($_, $rare) } $server->children ], [], 'what was opened is in no child once it was sent';
}

ok $server->stop, 'the server stops';
for my $log (map { "$TREE/logs/$_" } qw(error_log access_log verdicts)) {
    my $text = slurp_if_there($log) || '';
    is scalar(() = $text =~ /$CARD|$PIN/g), 0, "$log: none of what was opened" or diag grep { /$CARD|$PIN/ } split /^/, $text;
}
log_is_clean($server, qr/EG0402: call (?:-|CA2|$CALL): the token of the field '(?:card|code|encryptedCardDigits)' /, qr/EG0108.*handler of this module/, qr/EG0108.*EncGatherShield/,
    qr/EG0110/, qr/EG0146.*\/sealed/, qr/EG0501.*\/bound\/closed/, qr/EG0501.*\/closed\/other/, qr/EG0302/, qr/AH01630/, qr/unable to include "\/closed"/, $TLS ? qr/AH0(?:1084|0898|1097)/ : ());
done_testing;
