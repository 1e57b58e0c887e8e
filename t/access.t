# SPDX-License-Identifier: Apache-2.0
# "Require twilio-signature" in front of applications that know nothing of it, and the doctor's advice.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use IO::Socket::INET;
use Test::More;

use lib 't/lib';
use EncGather::Files qw(spew);
use EncGather::Signature qw(signature form_encode body_sha256);
use EncGather::Test;

my $TREE = in_tree('private/access');
my $MPM  = $ENV{ENCGATHER_MPM} || 'event';
make_path("$TREE/htdocs/dir", "$TREE/cgi");
chmod 0755, $TREE, "$TREE/htdocs", "$TREE/htdocs/dir", "$TREE/cgi";

# An application that answers with the body it got, and says how it was told about it.
spew("$TREE/cgi/echo", <<"END_OF_SCRIPT", 0755);
#!$^X
binmode STDIN; binmode STDOUT;
my \$body = do { local \$/; <STDIN> };
\$body = '' unless defined \$body;
print "Content-Type: application/octet-stream\\r\\n",
      "X-Verdict: ", \$ENV{ENCGATHER_SIGNATURE} || \$ENV{REDIRECT_ENCGATHER_SIGNATURE} || '-', "\\r\\n\\r\\n", \$body;
END_OF_SCRIPT
spew("$TREE/cgi/leads", <<"END_OF_SCRIPT", 0755);
#!$^X
binmode STDIN;
my \$body = do { local \$/; <STDIN> };
print "Location: /backend/echo\\r\\n\\r\\n";
END_OF_SCRIPT
spew("$TREE/cgi/denied", <<"END_OF_SCRIPT", 0755);
#!$^X
binmode STDIN; binmode STDOUT;
my \$body = do { local \$/; <STDIN> };
print "Content-Type: text/plain\\r\\nStatus: 403\\r\\n\\r\\nerror page got '", defined \$body ? \$body : '',
      "' and was told ", defined \$ENV{CONTENT_LENGTH} ? \$ENV{CONTENT_LENGTH} : 'nothing', "\\n";
END_OF_SCRIPT
spew("$TREE/htdocs/page.html",      "a static page\n", 0644);
spew("$TREE/htdocs/too-large.html", "a page for what is too large\n", 0644);
spew("$TREE/htdocs/dir/index.html", "an index\n", 0644);
write_secret("$TREE/two-accounts", "AC" . '1' x 32 . " token-of-one\nAC" . '2' x 32 . " token-of-two\nspare-token\n");
write_secret("$TREE/one-token",    "$TOKEN{demo}\n");

my $PORT = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
my $cgi  = $MPM eq 'prefork' ? 'cgi' : 'cgid';
my $server = private_server('access',
    port    => $PORT,
    modules => [ $cgi, qw(dir rewrite proxy proxy_http setenvif headers mime include filter), $MPM eq 'prefork' ? () : 'http2' ],
    conf    => <<"END_OF_CONF");
DocumentRoot "$TREE/htdocs"
TypesConfig /dev/null
DirectoryIndex index.html
@{[ $MPM eq 'prefork' ? '' : 'Protocols h2c http/1.1' ]}
@{[ $cgi eq 'cgid' ? "ScriptSock $TREE/cgisock" : '' ]}
ScriptAlias /cgi/ "$TREE/cgi/"
<Directory "$TREE">
    Require all granted
</Directory>
<Directory "$TREE/htdocs">
    AllowOverride None
    Require all granted
</Directory>
EncGatherAuthTokenFile "$TREE/one-token"
CustomLog "$TREE/logs/verdicts" "%>s %{ENCGATHER_CALL}e %{ENCGATHER_RESULT}e %{ENCGATHER_SIGNATURE}e"

<Location "/cgi/echo">
    Require twilio-signature
    ErrorDocument 403 /error/denied
</Location>
<Location "/cgi/leads">
    Require twilio-signature
</Location>
ScriptAlias /error/ "$TREE/cgi/"
ScriptAlias /backend/ "$TREE/cgi/"
<Location "/app">
    ProxyPass "http://127.0.0.1:$PORT/backend/echo"
    Require twilio-signature
</Location>
<LocationMatch "^/(page\\.html|dir/|renamed)">
    Require twilio-signature
</LocationMatch>
RewriteEngine on
RewriteRule "^/renamed\$" "/page.html" [PT]
<Location "/any">
    <RequireAny>
        Require twilio-signature
        Require env LET_IN
    </RequireAny>
</Location>
<Location "/all">
    <RequireAll>
        Require twilio-signature
        Require env LET_IN
    </RequireAll>
</Location>
SetEnvIf X-Let-In yes LET_IN
ScriptAlias /any/ "$TREE/cgi/"
<Location "/all/merged">
    AuthMerging And
    Require env LET_IN
</Location>
ScriptAlias /all/merged/ "$TREE/cgi/"
ScriptAlias /all/ "$TREE/cgi/"
<Location "/observed">
    EncGatherSignature observe
    Require twilio-signature
</Location>
ScriptAlias /observed/ "$TREE/cgi/"
<Location "/small">
    EncGatherMaxBody 1000
    Require twilio-signature
</Location>
ScriptAlias /small/ "$TREE/cgi/"
<Location "/accounts">
    EncGatherAuthTokenFile "$TREE/two-accounts"
    Require twilio-signature
</Location>
ScriptAlias /accounts/ "$TREE/cgi/"
<Location "/public">
    EncGatherPublicURL https://ivr.example.com
    Require twilio-signature
</Location>
ScriptAlias /public/ "$TREE/cgi/"
Alias /free/ "$TREE/htdocs/"
ErrorDocument 413 /free/too-large.html
<Location "/free/">
    LimitRequestBody 1000
</Location>
<Location "/limited">
    EncGatherSignature observe
    Require twilio-signature
    LimitRequestBody 1000
</Location>
ScriptAlias /limited/ "$TREE/cgi/"
<Location "/prefixed">
    EncGatherPublicURL https://ivr.example.com:8443/tel/
    Require twilio-signature
</Location>
ScriptAlias /prefixed/ "$TREE/cgi/"
END_OF_CONF

$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = "127.0.0.1:" . $server->port;

sub send_to ($target, $pairs, %options) { return post($HOST, $target, $pairs, %options) }

# The variables in the access log, for requests that ended at an error page too.
sub logged ($n) {
    open my $log, '<', "$TREE/logs/verdicts" or die "verdicts: $!";
    my @lines = <$log>;
    chomp @lines;
    return $lines[$n];
}

# --- What an application leads on to has no body, as without the module ---------------------------------

for my $how ([], [ chunks => ['Digits=', '12'] ]) {
    my $got = send_to('/cgi/leads', [ Digits => '12' ], body => 'Digits=12', @$how);
    is join(' ', $got->code, $got->content), '200 ', 'a CGI program that answers with a Location' . (@$how ? ', in chunks' : '');
}

# --- The body arrives as it was sent ---------------------------------------------------------------------

my @FORM = (CallSid => 'CA' . '7' x 32, Note => "K\xc3\xb6ln + 100 % & more", Empty => '');

for my $app ('/cgi/echo', '/app') {
    for my $size (1, 17, 1000, 4096, 8192, 20_000, 60_000) {
        my @pairs = $size > 2 ? (a => 'x' x ($size - 2)) : (a => '');
        my $body  = $size > 2 ? form_encode(@pairs) : 'a';
        my $got = send_to($app, \@pairs, body => $body);
        is $got->code, 200, "$app: $size bytes are let in";
        ok $got->content eq $body, "$app: $size bytes arrive as they were sent";
        next if $size > 20_000;
        my $pieces = $size < 100 ? 3 : int($size / 5);
        $got = send_to($app, \@pairs, body => $body, segments => $pieces);
        ok $got->code == 200 && $got->content eq $body, "$app: $size bytes in segments of $pieces";
        my @chunks = unpack "(a$pieces)*", $body;
        $got = send_to($app, \@pairs, body => $body, chunks => \@chunks);
        ok $got->code == 200 && $got->content eq $body, "$app: $size bytes in " . @chunks . ' chunks';
    }
    my $body = '{"property": "value", "boolean": true}';
    my $path = "$app?bodySHA256=" . body_sha256($body);
    my $got  = send_to($path, [], body => $body, type => 'application/json');
    ok $got->code == 200 && $got->content eq $body, "$app: JSON with the right bodySHA256";
    $got = send_to($path, [], body => "$body ", type => 'application/json');
    is $got->code, 403, "$app: JSON with another body";
    $got = send_to($app, [], body => $body, type => 'application/json');
    is $got->code, 403, "$app: JSON without bodySHA256 is not covered by the signature";
    $got = send_to($app, [], body => form_encode(@FORM), headers => [ 'Content-Encoding' => 'gzip' ]);
    is $got->code, 403, "$app: neither is a form under a Content-Encoding";
}

# --- What is refused, and what an error page sees of it ----------------------------------------------------

{
    my $got = send_to('/cgi/echo', \@FORM, token => 'wrong');
    is $got->code, 403, 'a wrong signature';
    is $got->content, "error page got '' and was told nothing\n", 'its error page gets no body';
    is logged(-1), '403 ' . $FORM[1] . ' forbidden invalid', 'its line in the access log';
    $got = send_to('/cgi/echo', \@FORM, token => undef);
    is $got->content, "error page got '' and was told nothing\n", 'no signature: neither';
    is logged(-1), '403 ' . $FORM[1] . ' forbidden missing', 'its line in the access log';
    $got = request(POST => $HOST, '/cgi/echo', body => 'x' x 70_000, headers => [ 'Content-Type' => 'text/plain' ]);
    is $got->code, 403, 'a body that is too large';
    is logged(-1), '403 - too-large unchecked', 'its line in the access log';
    is $got->content, "error page got '' and was told nothing\n", 'its error page gets no body';
    for my $bad ([ 'a broken escape' => 'a=%zz' ], [ 'a NUL' => 'a=%00' ], [ '257 parameters' => join '&', ('a=1') x 257 ]) {
        my ($name, $body) = @$bad;
        is send_to('/cgi/echo', [], body => $body)->code, 403, $name;
        is logged(-1), '403 - ' . ($name =~ /257/ ? 'too-large' : 'malformed') . ' unchecked', "$name: in the access log";
    }
    $got = send_to('/app', \@FORM, token => 'wrong');
    is $got->code, 403, 'in front of a proxied application';
    my $signature = signature($TOKEN{demo}, "http://$HOST/cgi/echo", \@FORM);
    $got = send_to('/cgi/echo', \@FORM, headers => [ 'X-Twilio-Signature' => $signature ]);
    is $got->code, 403, 'two signatures, both right';
    $got = request(GET => $HOST, '/page.html', headers => [ 'X-Twilio-Signature' => '' ]);
    is $got->code, 403, 'an empty signature';
    is request(POST => $HOST, '/cgi/echo', chunks => ['abc'], headers => [ 'Content-Type' => 'x/y' ])->code, 403, 'chunked';
    my $broken = raw($HOST, "POST /cgi/echo HTTP/1.1\r\nHost: $HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        . "Transfer-Encoding: chunked\r\nX-Twilio-Signature: $signature\r\nConnection: close\r\n\r\n4\r\na=b&\r\nzz\r\n");
    is $broken->code, 403, 'a body that breaks off: one answer';
    unlike $broken->content, qr/HTTP\/1/, 'and not a second one';
}

# --- What httpd finds wrong with a body, where the module has read it before httpd --------------------------

{
    my $large = 'a=' . 'x' x 2000;
    for my $framing ([ body => $large ], [ chunks => [ unpack '(a500)*', $large ] ]) {
        my $got = request(POST => $HOST, '/free/page.html', @$framing);
        is $got->code, 413, "$framing->[0]: a page of nobody's, and more than LimitRequestBody: httpd's own answer";
        is $got->content, "a page for what is too large\n", 'with its own error page';
        $got = post($HOST, '/limited/echo', [], @$framing);
        is $got->code, 413, "$framing->[0]: an application that is only observed answers as it would without us";
    }
    my $broken = raw($HOST, "POST /free/page.html HTTP/1.1\r\nHost: $HOST\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na=b&\r\nzz\r\n");
    is $broken->code, 400, 'a page, and a body that breaks off: no page';
    unlike $broken->content, qr/HTTP\/1|static page/, 'one answer';
    my $much  = join '', map { "1000\r\n" . 'x' x 4096 . "\r\n" } 1 .. 32;
    my $twice = raw($HOST, "POST /dir/index.html HTTP/1.1\r\nHost: $HOST\r\nTransfer-Encoding: chunked\r\n"
        . 'X-Twilio-Signature: none' . "\r\n\r\n${much}0\r\n\r\nGET /free/page.html HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\n\r\n");
    is $twice->code, 403, 'refused, and more than EncGatherMaxBody';
    unlike $twice->content, qr/HTTP\/1/, 'the connection closes';
    $twice = raw($HOST, "POST /free/too-large.html/../page.html HTTP/1.1\r\nHost: $HOST\r\nContent-Length: 10\r\n\r\n0123456789"
        . "GET /free/page.html HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\n\r\n");
    is scalar(() = $twice->content =~ /a static page/g), 2, 'a page, and a good body: the connection stays';
}

# --- Static files, DirectoryIndex, mod_rewrite: the target as it was first received --------------------------

for my $target ('/page.html', '/page.html?', '/page.html?a=b&a=b', '/dir/', '/renamed', '/page.html?name=William+O\'hara',
    '/page.html?q="x"', "/page.html?a\xc3\xb1o=2023", '/page.html?a=1?b=2', '/page%2Ehtml', '/x/../page.html', '//page.html',
    '/p%61ge.html?x=%c3%B1', '/./page.html') {
    my $got = get($HOST, $target);
    is $got->code, 200, "GET $target";
    is get($HOST, $target, signed_url => "http://$HOST$target/")->code, 403, 'but not with another signature';
}
is get($HOST, '/page.html', method => 'HEAD')->code, 200, 'HEAD';
{
    my $signature = signature($TOKEN{demo}, "http://$HOST/page.html", []);
    my $got = raw($HOST, "GET /page.html HTTP/1.0\r\nHost: $HOST\r\nX-Twilio-Signature: $signature\r\n\r\n");
    is $got->code, 200, 'HTTP/1.0';
}
SKIP: {
    skip 'mod_http2 does not support the prefork MPM', 3 if $MPM eq 'prefork';
    my $signature = signature($TOKEN{demo}, "http://$HOST/page.html", []);
    my $h2 = `curl -s --http2-prior-knowledge -o /dev/null -w '%{http_version} %{http_code}' -H 'X-Twilio-Signature: $signature' http://$HOST/page.html`;
    is $h2, '2 200', 'HTTP/2';
    $signature = signature($TOKEN{demo}, "http://$HOST/cgi/echo", \@FORM);
    my $form = form_encode(@FORM);
    $h2 = `curl -s --http2-prior-knowledge -H 'X-Twilio-Signature: $signature' -d '$form' http://$HOST/cgi/echo`;
    is $h2, $form, 'HTTP/2: the body arrives as it was sent';
    $h2 = `printf %s '$form' | curl -s --http2-prior-knowledge -H 'X-Twilio-Signature: $signature' -X POST -T - -H 'Content-Type: application/x-www-form-urlencoded' http://$HOST/cgi/echo`;
    is $h2, $form, 'HTTP/2 without a length';
}

# --- The rows where another module for this purpose fails ------------------------------------------------------

{
    my @dup = (Sid => 'CA123', Digits => '5678', Digits => '1234', Digits => '1234');
    is send_to('/cgi/echo', \@dup)->code, 200, 'names that come more than once';
    my $port = $server->port;
    for my $host ("LocalHost:$port", 'ivr.example.com:8443', '[::1]:8080', 'IVR.Example.com', '[::1]') {
        is send_to('/cgi/echo', \@FORM, host => $host, signed_url => "http://$host/cgi/echo")->code, 200, "Host: $host";
    }
    for my $url ('http://ivr.example.com/cgi/echo', 'http://ivr.example.com:80/cgi/echo', 'http://ivr.example.com:8443/cgi/echo') {
        is send_to('/cgi/echo', \@FORM, host => 'ivr.example.com:8443', signed_url => $url)->code, 200, "signed as $url";
    }
    for my $url (map { "https://ivr.example.com$_/public/echo" } '', ':443') {
        is send_to('/public/echo', \@FORM, signed_url => $url)->code, 200, "EncGatherPublicURL, signed as $url";
    }
    is send_to('/public/echo', \@FORM, signed_url => 'https://ivr.example.com:8443/public/echo')->code, 403, 'but no port of the request';
    for my $url (map { "https://ivr.example.com$_/tel/prefixed/echo?a=b" } '', ':443', ':8443') {
        is send_to('/prefixed/echo?a=b', \@FORM, signed_url => $url)->code, 200, "EncGatherPublicURL with a path, signed as $url";
    }
    is send_to('/prefixed/echo', \@FORM, signed_url => "https://ivr.example.com:8443$_/prefixed/echo")->code, 403, "but not with '$_'"
        for '', '/tel/', '/Tel', '/tel/tel';
    my $got = send_to('/cgi/echo', \@FORM, signed_url => 'https://ivr.example.com/cgi/echo',
        headers => [ 'X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => 'ivr.example.com' ]);
    is $got->code, 403, 'X-Forwarded-* is not believed';
}

# --- Tokens ---------------------------------------------------------------------------------------------------

for my $case (
    [ 'first account, its token',            '1', 'token-of-one', 200 ],
    [ 'second account, its token',           '2', 'token-of-two', 200 ],
    [ 'first account, the other token',      '1', 'token-of-two', 403 ],
    [ 'an account without token of its own', '3', 'token-of-one', 403 ],
    [ 'any account, the token for all',      '3', 'spare-token',  200 ],
    [ 'no account at all',                   '',  'token-of-two', 200 ],
) {
    my ($name, $digit, $token, $status) = @$case;
    my @account = $digit ? (AccountSid => 'AC' . $digit x 32) : ();
    is send_to('/accounts/echo', [ @FORM, @account ], token => $token)->code, $status, $name;
}
is send_to('/accounts/echo', [ AccountSid => 'AC' . '1' x 32, AccountSid => 'AC' . '2' x 32 ], token => 'token-of-one')->code, 403,
    'two accounts in one request';

# --- Together with others ----------------------------------------------------------------------------------------

{
    my @let_in = (headers => [ 'X-Let-In' => 'yes' ]);
    my $body   = form_encode(@FORM);
    is send_to('/any/echo', \@FORM)->content, $body, 'RequireAny: signed';
    is send_to('/any/echo', \@FORM, token => 'wrong', @let_in)->content, $body, 'RequireAny: let in by another, body and all';
    is send_to('/any/echo', \@FORM, token => 'wrong')->code, 403, 'RequireAny: neither';
    is send_to('/any/denied', \@FORM, token => 'wrong', @let_in)->code, 403, 'RequireAny: let in by another, and the application says 403';
    is logged(-1), "403 $FORM[1] - invalid", 'which is not our denial';
    my $large = form_encode(a => 'y' x 100_000);
    is send_to('/any/echo', [], body => $large, @let_in)->content, $large, 'RequireAny: a body that is too large for us';
    my $chunked = send_to('/any/echo', [], body => $large, chunks => [ unpack '(a9000)*', $large ], @let_in);
    ok $chunked->content eq $large, 'RequireAny: in chunks too';
    is send_to('/all/echo', \@FORM, @let_in)->content, $body, 'RequireAll: both';
    is send_to('/all/echo', \@FORM)->code, 403, 'RequireAll: only signed';
    is send_to('/all/echo', \@FORM, token => 'wrong', @let_in)->code, 403, 'RequireAll: only let in';
    is send_to('/all/merged/echo', \@FORM, @let_in)->content, $body, 'AuthMerging And: both';
    is send_to('/all/merged/echo', \@FORM, token => 'wrong', @let_in)->code, 403, 'AuthMerging And: not signed';
}

{
    my $got = send_to('/observed/echo', \@FORM, token => 'wrong');
    is $got->code, 200, 'observe: goes on';
    is $got->header('X-Verdict'), 'invalid', 'observe: the application is told';
    is send_to('/observed/echo', \@FORM)->header('X-Verdict'), 'valid', 'observe: a valid one';
    is send_to('/small/echo', [ a => 'z' x 998 ])->code, 200, 'EncGatherMaxBody: as large as allowed';
    is send_to('/small/echo', [ a => 'z' x 999 ])->code, 403, 'EncGatherMaxBody: one byte more';
}

# --- The doctor -----------------------------------------------------------------------------------------------------

# One search a second: each cause waits for its turn.
sub advice ($name, $pattern, $target, $pairs, %options) {
    pause(1.1);
    my $before = length $server->error_log;
    is send_to($target, $pairs, %options)->code, 403, "$name: refused";
    my ($line) = grep { /EG030[12]:/ } split /\n/, substr $server->error_log, $before;
    like $line || '', $pattern, "$name: and why";
    unlike $line || '', qr/token-of|\Q$TOKEN{demo}\E|8642097531/, "$name: nothing secret in it";
    return;
}

sub pause ($seconds) { select undef, undef, undef, $seconds; return }

my @SECRET = (@FORM, Digits => '8642097531');
advice('TLS in front', qr{other scheme.*EncGatherPublicURL https://ivr\.example\.com\b},
    '/cgi/echo?q=1', \@SECRET, host => 'ivr.example.com', signed_url => 'https://ivr.example.com/cgi/echo?q=1');
advice('a proxy that says so', qr{a proxy says.*EncGatherPublicURL https://ivr\.example\.com\b},
    '/cgi/echo', \@SECRET, signed_url => 'https://ivr.example.com/cgi/echo',
    headers => [ 'X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => 'ivr.example.com' ]);
advice('a port', qr{port of this listener},
    '/cgi/echo', \@SECRET, host => 'ivr.example.com', signed_url => 'http://ivr.example.com:' . $server->port . '/cgi/echo');
advice('a slash', qr{slash at the end of the path}, '/cgi/echo?a=1', \@SECRET, signed_url => "http://$HOST/cgi/echo/?a=1");
advice('another public URL', qr{EncGatherPublicURL names another one than http://\Q$HOST\E},
    '/public/echo', \@SECRET, signed_url => "http://$HOST/public/echo");
advice('a path that a proxy takes off', qr{a proxy says.*EncGatherPublicURL https://ivr\.example\.com/tel\b},
    '/cgi/echo', \@SECRET, signed_url => 'https://ivr.example.com/tel/cgi/echo',
    headers => [ 'X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => 'ivr.example.com', 'X-Forwarded-Prefix' => '/tel' ]);
advice('a path too much', qr{without the path of the public URL: set EncGatherPublicURL https://ivr\.example\.com:8443$},
    '/prefixed/echo', \@SECRET, signed_url => 'https://ivr.example.com/prefixed/echo');
advice('another account', qr{another token},
    '/accounts/echo', [ @SECRET, AccountSid => 'AC' . '1' x 32 ], token => 'token-of-two');
advice('nothing known', qr{does not fit; 1 auth token tried for a request without AccountSid, none fits, whatever URL: }, '/cgi/echo', \@SECRET, token => 'nobody-knows');
advice('a host that is no host', qr{does not fit; 1 auth token tried for a request without AccountSid, none fits, whatever URL: }, '/cgi/echo', \@SECRET, token => 'nobody-knows',
    headers => [ 'X-Forwarded-Host' => "a\"b <%s%n>" ]);
{
    pause(1.1);
    my $before = length $server->error_log;
    for my $n (1 .. 20) {
        send_to('/cgi/echo', \@SECRET, host => 'ivr.example.com', signed_url => 'https://ivr.example.com/cgi/echo');
    }
    my @advised = grep { /other scheme/ } split /\n/, substr $server->error_log, $before;
    cmp_ok scalar @advised, '<', 20, 'a flood is not searched for each of its requests';
    cmp_ok scalar @advised, '>=', 1, 'but once';
}

$server->stop;

# --- Without a token file ----------------------------------------------------------------------------------------------

my $bare = private_server('access-bare', modules => ['headers'], conf => <<"END_OF_CONF");
DocumentRoot "$TREE/htdocs"
<Location "/page.html">
    Require twilio-signature
</Location>
<Location "/dir/index.html">
    EncGatherSignature observe
    Require twilio-signature
</Location>
END_OF_CONF
$bare->start or BAIL_OUT('the private server does not start: ' . $bare->error);
my $bare_host = '127.0.0.1:' . $bare->port;
is request(GET => $bare_host, '/page.html')->code, 500, 'no token file: 500, not "everybody may"';
is request(GET => $bare_host, '/dir/index.html')->code, 200, 'no token file, observe: goes on';
like $bare->error_log, qr/EG0112: .*EncGatherAuthTokenFile/, 'and says what is missing';
$bare->configure(conf => qq{<Location "/">\nRequire twilio-signature please\n</Location>\n});
my ($rc, $said) = $bare->configtest;
isnt $rc, 0, 'an argument is refused';
like $said, qr/takes no arguments/, 'with the reason';
$bare->stop;

log_is_clean($server, qr/EG0302:/, qr/EG0303:/, qr/authz_core:error/, qr/AH01270:|AH01225:/);
log_is_clean($bare, qr/EG0112:/);
finish();
