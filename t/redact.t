# SPDX-License-Identifier: Apache-2.0
# Digits in a query string or a Referer: masked wherever httpd writes a request down, untouched for other applications.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use IO::Socket::INET;
use Test::More;

use lib 't/lib';
use EncGather::Files qw(spew);
use EncGather::Test;

my $MPM  = $ENV{ENCGATHER_MPM} || 'event';
my $TREE = in_tree('private/redact');
make_path("$TREE/cgi");
chmod 0755, $TREE, "$TREE/cgi";

spew("$TREE/cgi/env", <<"END_OF_SCRIPT", 0755);
#!$^X
print "Content-Type: text/plain\\r\\n\\r\\n", map { "\$_=" . (\$ENV{\$_} // '') . "\\n" } qw(QUERY_STRING REQUEST_URI HTTP_REFERER);
END_OF_SCRIPT
write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");

my $cgi    = $MPM eq 'prefork' ? 'cgi' : 'cgid';
my @socket = map { IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') } 1 .. 4;
my ($PORT, $OFF_PORT, $MORE_PORT, $FORWARD_PORT) = map { $_->sockport } @socket;
@socket = ();

my $server = private_server('redact', port => $PORT,
    modules => [ $cgi, qw(status rewrite setenvif headers proxy proxy_http include) ], conf => <<"END_OF_CONF");
@{[ $cgi eq 'cgid' ? "ScriptSock $TREE/cgisock" : '' ]}
LogLevel trace8
ExtendedStatus On
LogFormat "%r|%q|%U|%{Referer}i|%>s|%f|%{Location}o|%{QUERY_STRING}e|%{REQUEST_URI}e|%{REDIRECT_QUERY_STRING}e|%{made}e|%{X-Made}i|%{X-Original-URL}i|%{X-Made}o" redact
CustomLog logs/access redact
ScriptAlias /cgi/ "$TREE/cgi/"
ErrorDocument 404 /cgi/env
RequestHeader set X-Made "expr=%{QUERY_STRING}"
Header always set X-Made "expr=?%{QUERY_STRING}"
<Location "/status">
    SetHandler server-status
</Location>
<Location "/proxied">
    ProxyPass "http://127.0.0.1:$PORT/cgi/env" nocanon
</Location>
EncGatherRedact on otp "form[card]"
EncGatherRedact on Kontonummer
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
<Location "/gather">
    SetHandler encrypted-gather
    EncGatherBackend /nowhere
</Location>
RewriteEngine On
RewriteCond %{QUERY_STRING} nothing
RewriteRule ^/nothing /nowhere
RewriteRule ^/renamed\$ /cgi/env [PT,E=made:%{QUERY_STRING}]
RewriteRule ^/to-gather\$ /gather [PT]
RewriteRule ^/moved\$ http://elsewhere.test/x [R]
Redirect /moved-too http://elsewhere.test/x
Listen 127.0.0.1:$OFF_PORT
<VirtualHost 127.0.0.1:$OFF_PORT>
    EncGatherRedact off
    CustomLog logs/access_off redact
    ScriptAlias /cgi/ "$TREE/cgi/"
</VirtualHost>
Listen 127.0.0.1:$FORWARD_PORT
<VirtualHost 127.0.0.1:$FORWARD_PORT>
    ProxyRequests On
</VirtualHost>
Listen 127.0.0.1:$MORE_PORT
<VirtualHost 127.0.0.1:$MORE_PORT>
    EncGatherRedact on inner
    CustomLog logs/access_more redact
    ScriptAlias /cgi/ "$TREE/cgi/"
</VirtualHost>
END_OF_CONF
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = "127.0.0.1:$PORT";

sub log_lines ($name) {
    my %logs = %{ $server->logs };
    my ($file) = grep { /(?:^|\/)\Q$name\E\z/ } keys %logs;
    return split /\n/, $logs{ $file // '' } // '';
}

# (httpd wakes its own children with a request, which may come in between; so may the line of a proxied request whose answer
# came long ago.) what: a pattern of the line, where others may be late
sub last_access ($what = qr/^/) { my @lines = grep { !/^OPTIONS \*/ && /$what/ } log_lines('access'); return $lines[-1] }

my $serial = 0;
sub fresh () { return sprintf '98765%07d', ++$serial * 1234567 % 10_000_000 }

# --- Our locations: in no log at all -----------------------------------------------------------------------------

my @secret;
for my $case (
    [ 'Digits',                       '/gather?Digits=%s',                     '/gather?Digits=*REDACTED*' ],
    [ 'SpeechResult',                 '/gather?SpeechResult=%s&a=b',           '/gather?SpeechResult=*REDACTED*&a=b' ],
    [ 'both, and more than once',     '/gather?Digits=%s&x=1&Digits=%s&SpeechResult=%s', '/gather?Digits=*REDACTED*&x=1&Digits=*REDACTED*&SpeechResult=*REDACTED*' ],
    [ 'a name in escapes',            '/gather?%%44igits=%s&Di%%67its=%s',     '/gather?%44igits=*REDACTED*&Di%67its=*REDACTED*' ],
    [ 'behind a second question mark', '/gather?a=?Digits=%s',                 '/gather?a=?Digits=*REDACTED*' ],
    [ 'a step',                       '/gather?step=getPin&Digits=%s',         '/gather?step=getPin&Digits=*REDACTED*' ],
    [ 'other letters',                '/gather?digits=%s&SPEECHRESULT=%s',     '/gather?digits=*REDACTED*&SPEECHRESULT=*REDACTED*' ],
    [ 'a list',                       '/gather?Digits[]=%s&digits[0][a]=%s',   '/gather?Digits[]=*REDACTED*&digits[0][a]=*REDACTED*' ],
    [ 'a list in escapes',            '/gather?Digits%%5B%%5D=%s&%%64igits%%5b0%%5D=%s', '/gather?Digits%5B%5D=*REDACTED*&%64igits%5b0%5D=*REDACTED*' ],
    [ 'what is understood halfway',   '/gather?UnstableSpeechResult=%s&StableSpeechResult=%s', '/gather?UnstableSpeechResult=*REDACTED*&StableSpeechResult=*REDACTED*' ],
    [ 'of <Pay>',                     '/gather?PaymentCardNumber=%s&SecurityCode=%s', '/gather?PaymentCardNumber=*REDACTED*&SecurityCode=*REDACTED*' ],
    [ 'of other providers',           '/gather?Speech=%s&UnstableSpeech=%s',   '/gather?Speech=*REDACTED*&UnstableSpeech=*REDACTED*' ],
    [ 'names of our own',             '/gather?otp=%s&OTP[1]=%s&form[card]=%s&kontonummer=%s', '/gather?otp=*REDACTED*&OTP[1]=*REDACTED*&form[card]=*REDACTED*&kontonummer=*REDACTED*' ],
    [ 'a broken escape beside it',    '/gather?a=%%zz&Digits=%s',              '/gather?a=%zz&Digits=*REDACTED*' ],
) {
    my ($name, $pattern, $masked) = @$case;
    my $digits = fresh();
    push @secret, $digits;
    my $target = sprintf $pattern, ($digits) x (() = $pattern =~ /%s/g);
    my $got = request(GET => $HOST, $target, headers => [ Referer => "http://x/?Digits=$digits" ]);
    # only where one of the two names that are answers is a parameter of its own, as it is written, it is the method
    is $got->code, $masked =~ /[?&](?:Digits|SpeechResult|%44igits)=/ && $name !~ /question mark/ ? 405 : 403, "$name: refused";
    my ($line, $query, $path, $referer) = split /\|/, last_access();
    is $line, "GET $masked HTTP/1.1", "$name: %r";
    is $query, $masked =~ s/\A[^?]*//r, "$name: %q";
    is $path, '/gather', "$name: %U";
    is $referer, 'http://x/?Digits=*REDACTED*', "$name: Referer";
}
for my $request (
    [ 'a bad header',      "GET /gather?Digits=%s HTTP/1.1\r\nHost: $HOST\r\nbad header\r\n\r\n" ],
    [ 'no Host',           "GET /gather?Digits=%s HTTP/1.1\r\nConnection: close\r\n\r\n" ],
    [ 'a bad version',     "GET /gather?Digits=%s HTTP/9.9\r\nHost: $HOST\r\n\r\n" ],
    [ 'a huge header',     "GET /gather?Digits=%s HTTP/1.1\r\nHost: $HOST\r\nX: " . 'y' x 9000 . "\r\n\r\n" ],
    [ 'a bad length',      "POST /gather?Digits=%s HTTP/1.1\r\nHost: $HOST\r\nContent-Length: -1\r\n\r\n" ],
    [ 'above the root',    "GET /../gather?Digits=%s HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\n\r\n" ],
    [ 'HTTP/0.9',          "GET /gather?Digits=%s\r\n" ],
    [ 'an unknown method', "BREW /gather?Digits=%s HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\n\r\n" ],
    [ 'an absolute target', "GET http://$HOST/gather?Digits=%s HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\n\r\n" ],
) {
    my ($name, $bytes) = @$request;
    my $digits = fresh();
    push @secret, $digits;
    send_pieces($HOST, sprintf $bytes, $digits);
    like join("\n", log_lines('access')), qr/REDACTED/, "$name: logged";
}
is request(GET => $HOST, '/to-gather?Digits=' . (push(@secret, fresh()), $secret[-1])[1])->code, 405, 'by way of mod_rewrite';
{
    my $line = last_access();
    like $line, qr/REDACTED/, 'by way of mod_rewrite: masked';
}

# --- server-status: the table of what is and was going on -----------------------------------------------------------

{
    my $status = request(GET => $HOST, '/status')->content;
    like $status, qr/\*REDACTED\*/, 'server-status shows the masked line';
    my @seen = grep { index($status, $_) >= 0 } @secret;
    is_deeply \@seen, [], 'and no digits';
}

# --- Other applications get what was sent --------------------------------------------------------------------------------

for my $target ('/cgi/env', '/renamed', '/proxied') {
    my $got = request(GET => $HOST, "$target?a=1&Digits=55443322110&b=2", headers => [ Referer => 'http://x/?Digits=55443322110' ]);
    like $got->content, qr/^QUERY_STRING=a=1&Digits=55443322110&b=2$/m, "$target: the query";
    like $got->content, qr/^REQUEST_URI=\S*\?a=1&Digits=55443322110&b=2$/m, "$target: the request line";
    like $got->content, qr/^HTTP_REFERER=http:\/\/x\/\?Digits=\*REDACTED\*$/m, "$target: but a Referer stays masked";
    # a proxied request and the one it made end in any order
    my ($mine) = grep { m{^GET \Q$target\E\?a=1&} } reverse log_lines('access');
    my ($line, $query, undef, $referer) = split /\|/, $mine // '';
    is $line, "GET $target?a=1&Digits=*REDACTED*&b=2 HTTP/1.1", "$target: but its line in the access log is masked";
    is $query, '?a=1&Digits=*REDACTED*&b=2', "$target: %q too";
    is $referer, 'http://x/?Digits=*REDACTED*', "$target: and the Referer";
    like $mine, qr{\Qproxy:http://127.0.0.1:$PORT/cgi/env?a=1&Digits=*REDACTED*&b=2|\E}, "$target: %f, where it was handed on to" if $target eq '/proxied';
}
for my $target ('/moved', '/moved-too') {
    is request(GET => $HOST, "$target?a=1&Digits=55443322110")->header('Location'), 'http://elsewhere.test/x?a=1&Digits=55443322110', "$target: the query goes on";
    my @fields = split /\|/, last_access(qr/^GET \Q$target\E\?/) // '';
    is $fields[6], 'http://elsewhere.test/x?a=1&Digits=*REDACTED*', "$target: but the Location in the access log is masked";
    unlike $fields[5], qr/55443322110/, "$target: and %f";
}
{
    request(GET => $HOST, '/missing?Digits=55443322110', headers => [ 'X-Original-URL' => '/missing?Digits=55443322110' ]);
    like +(grep { m{^GET /missing} } log_lines('access'))[-1], qr/\|(?:[^|]*REDACTED\*\|[^R]*){3}/, 'what was made of a query is masked in the access log: variables of an ErrorDocument, headers of others';
    request(GET => $HOST, '/plain', headers => [ 'X-Original-URL' => '/x?Digits=55443322110' ]);
    like +(grep { m{^GET /plain } } log_lines('access'))[-1], qr{\|/x\?Digits=\*REDACTED\*\|}, 'so is a header of a request that has no query, where the log shows it';
    my $got = request(GET => $HOST, '/renamed?Digits=55443322110&b=c');
    is $got->header('X-Made'), '?Digits=55443322110&b=c', 'but goes to the client';
    my ($line) = grep { m{^GET /renamed\?Digits} } log_lines('access');
    is scalar(() = $line =~ /Digits=\*REDACTED\*&b=c/g), 7, 'variables, by a rule too, headers in and out: masked in the access log' or diag $line;
}
is request(GET => $HOST, '/cgi/env?NoDigits=1&Digit=2&Digits]=3&inner=4&xotp=5&card=6')->code, 200, 'names that are none of ours';
like last_access(qr{^GET /cgi/env}), qr/\?NoDigits=1&Digit=2&Digits\]=3&inner=4&xotp=5&card=6 /, 'are left alone';
{
    my $got = request(GET => $HOST, '/cgi/env?otp=55443322110&digits[]=55443322110', headers => [ Referer => 'http://x/?otp=55443322110&a=b' ]);
    like $got->content, qr/^QUERY_STRING=otp=55443322110&digits\[\]=55443322110$/m, 'an application gets a query with such names as it was sent';
    like $got->content, qr/^HTTP_REFERER=http:\/\/x\/\?otp=\*REDACTED\*&a=b$/m, 'and a Referer with them masked';
}
for my $method (qw(GET POST)) {
    my $got = raw("127.0.0.1:$FORWARD_PORT", "$method http://$HOST/cgi/env?a=1&Digits=55443322110 HTTP/1.1\r\nHost: $HOST\r\n"
        . "Content-Length: 0\r\nConnection: close\r\n\r\n");
    like $got->content, qr/^QUERY_STRING=a=1&Digits=55443322110$/m, "a forward proxy hands on what was sent ($method)";
}
request(GET => "127.0.0.1:$MORE_PORT", '/cgi/env?otp=1&Kontonummer[]=2&Inner=3&form[card]=4&Digits=5&pin=6');
like join("\n", log_lines('access_more')), qr/\?otp=\*REDACTED\*&Kontonummer\[\]=\*REDACTED\*&Inner=\*REDACTED\*&form\[card\]=\*REDACTED\*&Digits=\*REDACTED\*&pin=6 /,
    'names add up, from the server to a virtual host';

my $as_sent = request(GET => "127.0.0.1:$OFF_PORT", '/cgi/env?Digits=66778899', headers => [ Referer => 'http://x/?Digits=66778899' ]);
like join("\n", log_lines('access_off')), qr/\?Digits=66778899 /, 'EncGatherRedact off: as httpd always does';
like $as_sent->content, qr/^HTTP_REFERER=http:\/\/x\/\?Digits=66778899$/m, 'EncGatherRedact off: a Referer too';

ok $server->stop, 'the server stops';
my %logs = %{ $server->logs };
for my $digits (@secret) {
    my @where = grep { index($logs{$_}, $digits) >= 0 } keys %logs;
    is_deeply \@where, [], "$digits is in no log" or diag grep { /$digits/ } map { split /^/, $logs{$_} } @where;
}
is_deeply [ grep { /55443322110/ } log_lines('access') ], [], "nothing that was sent to others is in the access log";
log_is_clean($server, qr/core:error/, qr/EG0129:/, qr/EG0301:/, qr/AH01136:/);

# --- What cannot be meant ---------------------------------------------------------------------------------------------------

my $judge = private_server('redact-bad', conf => '');
for my $case (
    [ '',          qr/EncGatherRedact: is on or off/ ],
    [ 'Digits',    qr/EncGatherRedact: is on or off/ ],
    [ 'observe x', qr/EncGatherRedact: is on or off/ ],
    map { [ "on $_", qr/EncGatherRedact: has a name that no parameter of a query can have/ ] } '"" a', '"a b"', 'a=b', 'x a&b',
) {
    my ($arguments, $pattern) = @$case;
    $judge->configure(conf => "EncGatherRedact $arguments\n");
    my ($rc, $output) = $judge->configtest;
    ok $rc != 0 && $output =~ $pattern, "refused: EncGatherRedact $arguments" or diag $output;
}
for my $good ('on', 'OFF', 'off otp', "on a\nEncGatherRedact off b c") {
    $judge->configure(conf => "EncGatherRedact $good\n");
    is +($judge->configtest)[1], "Syntax OK\n", 'good: EncGatherRedact ' . $good =~ tr/\n/ /r;
}

finish();
