# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# decrypt-gather answers the module's own backend call alone, and others where EncGatherExpose is on.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Files qw(spew);
use EncGather::Test;

my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
my ($KEYS, $VARS_LOG) = (in_tree('conf/keys'), in_tree('logs/vars_log'));
remember($CARD, $PIN);

sub at ($path, @lines) { return join "\n", qq(<Location "$path">), @lines, '</Location>', '' }

my @DECRYPT = ('SetHandler decrypt-gather', 'EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" '
        . 'encryptedCardDigits encryptedPinDigits');

my $server = private_server('expose', modules => [qw(rewrite proxy proxy_http include headers)]);
my $HTDOCS = in_tree('private/expose/htdocs');

sub conf ($port) {
    return join "\n", <<"END_OF_CONF",
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
EncGatherKeyFile "$KEYS/demo.key"
EncGatherAuthTokenFile "$KEYS/auth-tokens"
EncGatherSay found "%{account} %{balance}"
EncGatherSay unavailable "UNAVAILABLE"
EncGatherMaxBody 1000
CustomLog "$VARS_LOG" "%{X-Test-Id}i call=%{ENCGATHER_CALL}e step=%{ENCGATHER_STEP}e result=%{ENCGATHER_RESULT}e signature=%{ENCGATHER_SIGNATURE}e \\"%r\\" %>s %b"
<Directory "$HTDOCS">
    Options +Includes
    AllowOverride All
</Directory>
<Files page.shtml>
    SetOutputFilter INCLUDES
</Files>
RewriteEngine on
RewriteRule ^/passed\$ /closed [PT]
ProxyPass /proxied http://127.0.0.1:$port/closed
ErrorDocument 410 /closed
Redirect gone /gone
END_OF_CONF
        at('/closed',            @DECRYPT),
        at('/closed/off',        'EncGatherExpose off'),
        at('/open',              @DECRYPT, 'EncGatherExpose on'),
        at('/open/off',          'EncGatherExpose off'),
        at('/open/if',           '<If "%{REQUEST_METHOD} == \'POST\'">', 'EncGatherExpose off', '</If>'),
        at('/open/denied',       'Require all denied'),
        at('/none',              'SetHandler decrypt-gather'),
        at('/redirecting',       'RewriteEngine on', 'RewriteRule ^ /closed [L]'),
        map { at("/gather/$_->[0]", 'SetHandler encrypted-gather', "EncGatherBackend $_->[1]") }
            [ closed => '/closed' ], [ open => '/open' ], [ passed => '/passed' ],
            [ proxied => '/proxied' ], [ url => "http://127.0.0.1:$port/closed" ];
}

# The configuration names the port.
sub start () {
    for my $port (map { 20_000 + ($$ + 37 * $_) % 30_000 } 1 .. 10) {
        @$server{qw(port fixed)} = ($port, 1);
        $server->configure(conf => conf($port));
        return 1 if $server->start;
    }
    return 0;
}

start() or diag($server->error), BAIL_OUT('the private server does not start: ' . $server->error);
spew("$HTDOCS/page.shtml", '[<!--#include virtual="/closed" -->]', 0644);
my $HOST = '127.0.0.1:' . $server->port;

# --- Closed ----------------------------------------------------------------------------------------------------------------------

my @FIELDS    = (encryptedCardDigits => seal($CARD), encryptedPinDigits => seal($PIN));
my $FIELDS    = sprintf '{"%s":"%s","%s":"%s"}', @FIELDS;
my %FORBIDDEN = json_error(403, 'forbidden', body => '{"error":"forbidden"}', call => '-', step => '-');
my @JSON      = (headers => [ 'Content-Type' => 'application/json' ]);

sub is_refused ($name, $response, %more) { return answers("refused: $name", $response, %FORBIDDEN, %more) }

is_refused('what is right otherwise', decrypt($HOST, '/closed', $FIELDS));
is_refused('below it',             decrypt($HOST, '/closed/x', $FIELDS));
is_refused('off, in its own words', decrypt($HOST, '/closed/off', $FIELDS));
is_refused('a form',               decrypt($HOST, '/closed', 'CallSid=CA1', type => 'application/x-www-form-urlencoded'));
is_refused('a type that is none',  decrypt($HOST, '/closed', 'x', type => 'text/plain'));
is_refused('broken JSON',          decrypt($HOST, '/closed', '{'));
is_refused('no body',              decrypt($HOST, '/closed', undef, type => undef));
is_refused('a body in chunks',     decrypt($HOST, '/closed', undef, chunks => [ unpack '(a50)*', $FIELDS ]));
is_refused('signed by Twilio',     post($HOST, '/closed', [ CallSid => 'CA1' ]));
is_refused("$_",                   request($_ => $HOST, '/closed', body => $FIELDS, @JSON), $_ eq 'HEAD' ? (body => '') : ())
    for qw(GET HEAD PUT DELETE OPTIONS PATCH FOO);
is_refused('off again below what is open', decrypt($HOST, '/open/off', $FIELDS));
is_refused('off by an <If>',       decrypt($HOST, '/open/if', $FIELDS));
is_refused('rewritten to it',      decrypt($HOST, '/passed', $FIELDS));
is_refused('redirected to it',     decrypt($HOST, '/redirecting', $FIELDS));
is_refused('as a page of errors',  get($HOST, '/gone'));
is decrypt($HOST, '/proxied', $FIELDS)->content, '{"error":"forbidden"}', 'refused: through a ProxyPass of this server';
is get($HOST, '/page.shtml')->content =~ /\A\[(.*)\]/s && $1 !~ /error":|AC\d/ ? 'nothing of it' : 'something', 'nothing of it',
    'SSI pages do not show it';

like $server->error_log, qr/\[encgather:info\].*EG0210: a request from outside is refused/, 'the log says so';
unlike $server->error_log, qr/\Q$FIELDS[1]\E/, 'and nothing of what was sent';

# Wherever a body is not read, its bytes must not become the next request.
my $NEXT = "GET /open HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

sub then_next ($length, $body) {
    my $bytes = send_pieces($HOST, "POST /closed HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n$length\r\n\r\n$body$NEXT");
    return join ' ', $bytes =~ /HTTP\/1\.1 (\d+)/g;
}

is then_next('Content-Length: ' . length $FIELDS, $FIELDS), '403 405', 'a body within the limit is read, and the connection kept';
is then_next('Content-Length: 900', ' ' x 900),             '403 405', 'also a long one';
is then_next('Transfer-Encoding: chunked', "5\r\n12345\r\n0\r\n\r\n"), '403 405', 'and one in chunks';
is then_next('Content-Length: 1001', ' ' x 1001),           '403', 'one that announces more is not, and the connection closes';
is then_next('Content-Length: 5000', $NEXT x 40),           '403', 'whatever is in it';
is then_next('Transfer-Encoding: chunked', "fff\r\n" . ' ' x 0xfff . "\r\n0\r\n\r\n"), '403', 'one in chunks is read up to the limit';

# --- Open -------------------------------------------------------------------------------------------------------------------------

my %FOUND = (status => 200, type => 'application/json', body => qq({"account":"$NUMBER","balance":"$BALANCE"}), result => 'found', signature => 'unchecked');

answers('open: anybody', decrypt($HOST, '/open', $FIELDS), %FOUND);
answers('open: another method', request(GET => $HOST, '/open'), json_error(405, 'method', allow => 'POST'));
answers('open: by an <If> that does not hold', request(GET => $HOST, '/open/if'), json_error(405, 'method', allow => 'POST'));
is decrypt($HOST, '/open/denied', $FIELDS)->code, 403, 'open: Require says who may come';
answers('no lookup: that comes first', decrypt($HOST, '/none', $FIELDS), text_error(404, '-'));

# --- The module's own call ----------------------------------------------------------------------------------------------------------

sub last_step ($name) {
    return join ' ', said(post($HOST, "/gather/$name?step=processData&encryptedCardDigits=$FIELDS[1]", [ CallSid => 'CA1', Digits => $PIN ]));
}

is last_step($_), "$NUMBER $BALANCE", "the module's own call: $_" for qw(closed open passed);
is last_step($_), 'UNAVAILABLE', "a call that comes back from outside: $_" for qw(proxied url);

ok $server->stop, 'the server stops';
log_is_clean($server, qr/EG0130: SetHandler decrypt-gather in <Location "\/none">/, qr/AH01630: client denied/, qr/EG0501: .*status 403/, qr/unable to include "\/closed"|error_fmt|include_virtual/);

# --- What may be written ---------------------------------------------------------------------------------------------------------------

for my $case ([ 'EncGatherExpose on' => 'not allowed here' ], [ at('/x', 'EncGatherExpose maybe') => 'must be On or Off' ]) {
    my ($text, $complaint) = @$case;
    $server->configure(conf => $text);
    my ($rc, $output) = $server->configtest;
    ok $rc != 0 && $output =~ /EncGatherExpose \Q$complaint\E/, "refused: EncGatherExpose $complaint" or diag $output;
}

finish();
