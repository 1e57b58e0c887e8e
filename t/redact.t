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
make_path("$TREE/cgi", "$TREE/htdocs");
chmod 0755, $TREE, "$TREE/cgi", "$TREE/htdocs";

spew("$TREE/htdocs/page.html", "a page\n", 0644);
spew("$TREE/cgi/env", <<"END_OF_SCRIPT", 0755);
#!$^X
print "Content-Type: text/plain\\r\\n\\r\\n", map { "\$_=" . (\$ENV{\$_} // '') . "\\n" } qw(QUERY_STRING REQUEST_URI HTTP_REFERER);
END_OF_SCRIPT
write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");

my $cgi    = $MPM eq 'prefork' ? 'cgi' : 'cgid';
my @socket = map { IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') } 1 .. 3;
my ($PORT, $OFF_PORT, $FORWARD_PORT) = map { $_->sockport } @socket;
@socket = ();

my $server = private_server('redact', port => $PORT,
    modules => [ $cgi, qw(status rewrite setenvif headers proxy proxy_http include) ], conf => <<"END_OF_CONF");
@{[ $cgi eq 'cgid' ? "ScriptSock $TREE/cgisock" : '' ]}
LogLevel trace8
ExtendedStatus On
LogFormat "%r|%q|%U|%{Referer}i|%>s" redact
CustomLog logs/access redact
ScriptAlias /cgi/ "$TREE/cgi/"
<Location "/status">
    SetHandler server-status
</Location>
<Location "/proxied">
    ProxyPass "http://127.0.0.1:$PORT/cgi/env" nocanon
</Location>
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
<Location "/gather">
    SetHandler encrypted-gather
    EncGatherBackend /nowhere
</Location>
RewriteEngine On
RewriteCond %{QUERY_STRING} nothing
RewriteRule ^/nothing /nowhere
RewriteRule ^/renamed\$ /cgi/env [PT]
RewriteRule ^/to-gather\$ /gather [PT]
<Location "/signed">
    Require twilio-signature
</Location>
<Location "/denied">
    Require all denied
</Location>
Listen 127.0.0.1:$FORWARD_PORT
<VirtualHost 127.0.0.1:$FORWARD_PORT>
    ProxyRequests On
</VirtualHost>
Listen 127.0.0.1:$OFF_PORT
<VirtualHost 127.0.0.1:$OFF_PORT>
    EncGatherRedact off
    CustomLog logs/access_off redact
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

# httpd wakes its own children by OPTIONS.
sub last_access () { my @lines = grep { !/\AOPTIONS \*/ } log_lines('access'); return $lines[-1] }

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
    [ 'a broken escape beside it',    '/gather?a=%%zz&Digits=%s',              '/gather?a=%zz&Digits=*REDACTED*' ],
) {
    my ($name, $pattern, $masked) = @$case;
    my $digits = fresh();
    push @secret, $digits;
    my $target = sprintf $pattern, ($digits) x (() = $pattern =~ /%s/g);
    my $got = request(GET => $HOST, $target, headers => [ Referer => "http://x/?Digits=$digits" ]);
    is $got->code, $name =~ /question mark/ ? 403 : 405, "$name: refused";    # there it is no parameter of its own
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

# Of requests that are not for us: at debug and trace, other modules may say what they like.
my @elsewhere;
sub other_digits () { push @elsewhere, fresh(); return $elsewhere[-1] }

# --- Other applications get what was sent --------------------------------------------------------------------------------

for my $target ('/cgi/env', '/renamed', '/proxied') {
    my $got = request(GET => $HOST, "$target?a=1&Digits=55443322110&b=2", headers => [ Referer => 'http://x/?Digits=55443322110' ]);
    like $got->content, qr/^QUERY_STRING=a=1&Digits=55443322110&b=2$/m, "$target: the query";
    like $got->content, qr/^REQUEST_URI=\S*\?a=1&Digits=55443322110&b=2$/m, "$target: the request line";
    like $got->content, qr/^HTTP_REFERER=http:\/\/x\/\?Digits=\*REDACTED\*$/m, "$target: the Referer is masked for everybody";
    # a proxied request and the one it made end in any order
    my ($mine) = grep { m{^GET \Q$target\E\?a=1&} } reverse log_lines('access');
    my ($line, $query, undef, $referer) = split /\|/, $mine // '';
    is $line, "GET $target?a=1&Digits=*REDACTED*&b=2 HTTP/1.1", "$target: but its line in the access log is masked";
    is $query, '?a=1&Digits=*REDACTED*&b=2', "$target: %q too";
    is $referer, 'http://x/?Digits=*REDACTED*', "$target: and the Referer";
}
# --- What core and others write into the error log about them ---------------------------------------------------------------

# httpd puts the Referer behind each line of the error log, whoever wrote it.
for my $target ('/signed', '/denied', '/cgi/not-there', '/not-there') {
    my ($digits) = other_digits();
    like request(GET => $HOST, $target, headers => [ Referer => "http://x/?Digits=$digits" ])->code, qr/^40[34]\z/, "$target: refused";
}

for my $case (
    [ 'an escaped slash',                404 => GET  => '/signed/a%2fb' ],
    [ 'a path that is no file name',     403 => GET  => '/' . 'a' x 5000 ],
    [ 'the same behind a ScriptAlias',   403 => GET  => '/cgi/' . 'a' x 5000 ],
    [ 'an unknown method for a file',    501 => BREW => '/page.html' ],
) {
    my ($name, $status, $method, $path) = @$case;
    my $got = raw($HOST, "$method $path?Digits=" . other_digits() . " HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\n\r\n");
    is $got->code, $status, "$name: refused by httpd";
}

# --- A forward proxy ----------------------------------------------------------------------------------------------------------

for my $method (qw(GET POST)) {
    my $digits = other_digits();
    my $got    = raw("127.0.0.1:$FORWARD_PORT", "$method http://$HOST/cgi/env?a=1&Digits=$digits HTTP/1.1\r\nHost: $HOST\r\n"
        . "Content-Length: 0\r\nConnection: close\r\n\r\n");
    like $got->content, qr/^QUERY_STRING=a=1&Digits=$digits$/m, "a forward proxy hands on what was sent ($method)";
}

is request(GET => $HOST, '/cgi/env?NoDigits=1&Digit=2&digits=3')->code, 200, 'names that are none of ours';
like last_access(), qr/\?NoDigits=1&Digit=2&digits=3 /, 'are left alone';

request(GET => "127.0.0.1:$OFF_PORT", '/cgi/env?Digits=66778899');
like join("\n", log_lines('access_off')), qr/\?Digits=66778899 /, 'EncGatherRedact off: as httpd always does';

ok $server->stop, 'the server stops';
my %logs = %{ $server->logs };
for my $digits (@secret) {
    my @where = grep { index($logs{$_}, $digits) >= 0 } keys %logs;
    is_deeply \@where, [], "$digits is in no log" or diag grep { /$digits/ } map { split /^/, $logs{$_} } @where;
}
my @loud = grep { !/:(?:debug|trace\d)\]/ } map { split /\n/ } values %logs;
for my $digits (@elsewhere) {
    is_deeply [ grep { index($_, $digits) >= 0 } @loud ], [], "$digits, sent elsewhere, are in no log above debug";
}
log_is_clean($server, qr/core:error/, qr/authz_core:error/, qr/EG0302:/, qr/AH01264:|AH02811:/, qr/EG0301:/, qr/AH01136:/);

finish();
