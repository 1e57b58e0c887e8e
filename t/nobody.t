# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# EncGatherBackend where this server itself has nobody for the path: the caller hears that the service is unavailable, not
# that there is no such account; a 404 that a backend said is one.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use Test::More;

use lib 't/lib';
use EncGather::Files qw(spew);
use EncGather::Test;

my ($CARD, $PIN) = @SECOND_ACCOUNT;
my $CALL = 'CA' . '6' x 32;
my $TREE = in_tree('private/nobody');
my $KEYS = in_tree('conf/keys');
my $MPM  = $ENV{ENCGATHER_MPM} || 'event';
my $cgi  = $MPM eq 'prefork' ? 'cgi' : 'cgid';

make_path("$TREE/cgi", map { "$TREE/htdocs/$_" } qw(directory turned-to-cgi turned-to-ours));
chmod 0755, $TREE, "$TREE/cgi", "$TREE/htdocs", "$TREE/htdocs/directory";
spew("$TREE/htdocs/page.html", "a page\n");
spew("$TREE/htdocs/page.json", '{"account":"1","balance":"2"}');

sub script ($name, $status, $json) {
    spew("$TREE/cgi/$name", "#!/bin/sh\ncat >/dev/null\nprintf 'Status: $status\\r\\nContent-Type: application/json\\r\\n\\r\\n$json'\n", 0755);
    chmod 0755, "$TREE/cgi/$name";
    return;
}
script('knows',   '200 OK',        '{"account":"1","balance":"2"}');
script('nobody',  '404 Not Found', '{"error":"not found"}');
spew("$TREE/cgi/reads", <<'END_OF_SCRIPT', 0755);
#!/bin/sh
case "$CONTENT_LENGTH $(cat)" in
    *'}{'*) printf 'Status: 500\r\nContent-Type: application/json\r\n\r\n{"came":"twice"}' ;;
    [1-9]*encryptedPinDigits*) printf 'Content-Type: application/json\r\n\r\n{"account":"1","balance":"2"}' ;;
    *) printf 'Status: 500\r\nContent-Type: application/json\r\n\r\n{}' ;;
esac
END_OF_SCRIPT

sub program ($name, @lines) { return spew("$TREE/cgi/$name", join("\n", '#!/bin/sh', @lines, ''), 0755) }
program("to-$_", 'cat >/dev/null', "printf 'Location: /$_\\r\\n\\r\\n'") for qw(denied nothing);
program('to-knows', 'cat >/dev/null', q(printf 'Location: /cgi/knows\r\n\r\n'));
program('to-nobody', 'cat >/dev/null', q(printf 'Location: /cgi/nobody\r\n\r\n'));

# backend => what the caller hears, and what the log says
my %CASE = (
    '/nothing/here'   => [ unavailable => qr/nobody in this server answers for the path of EncGatherBackend \(status 404\)/ ],
    '/directory'      => [ unavailable => qr/nobody in this server answers for the path of EncGatherBackend/ ],
    '/page.html'      => [ unavailable => qr/its answer is not a JSON object/ ],
    '/page.json'      => ['found'],
    '/to/1'           => [ unavailable => qr/leads to encrypted-gather, itself or another/ ],
    '/again'          => [ unavailable => qr/leads to encrypted-gather, itself or another/ ],
    '/status'         => [ unavailable => qr/leads to encgather-status/ ],
    '/disabled'       => [ unavailable => qr/leads to decrypt-gather, but there is no EncGatherLookup/ ],
    '/cgi/none'       => [ unavailable => qr/leads to a script that is not there/ ],
    '/gone'           => [ unavailable => qr/status 404/ ],
    '/proxied'        => [ unavailable => qr/nobody in this server answers/ ],
    '/cgi/nobody'     => ['not-found'],
    '/cgi/knows'      => ['found'],
    '/cgi/knows/more' => ['found'],
    '/turned-to-cgi/x'  => ['found'],
    '/turned-to-ours/x' => ['found'],
    # redirects within the call: what answers in the end is the backend
    '/acted/reads'    => ['found'],
    '/acted/nobody'   => ['not-found'],
    '/cgi/to-knows'   => ['found'],
    '/cgi/to-nobody'  => ['not-found'],
    '/cgi/to-denied'  => [ unavailable => qr/status 403/ ],
    '/cgi/to-nothing' => [ unavailable => qr/nobody in this server answers for the path of EncGatherBackend \(status 404\)/ ],
);
my @PATHS = sort keys %CASE;

sub to ($n) { return "<Location /to/$n>\n    SetHandler encrypted-gather\n    EncGatherBackend $PATHS[$n]\n</Location>\n" }

my @MODULES = ($cgi, qw(rewrite dbd actions));
my $CONF    = qq{DocumentRoot "$TREE/htdocs"\n} . <<"END_OF_CONF" . join '', map { to($_) } 0 .. $#PATHS;
@{[ $cgi eq 'cgid' ? "ScriptSock $TREE/cgisock" : '' ]}
ScriptAlias /cgi/ "$TREE/cgi/"
<Directory "$TREE">
    Require all granted
</Directory>
EncGatherKeyFile "$KEYS/demo.key"
EncGatherAuthTokenFile "$KEYS/auth-tokens"
RewriteEngine on
RewriteRule ^/again\$ /to/1 [PT]
RewriteRule ^/gone\$ - [R=404]
<Location /acted/reads>
    SetHandler acted-reads
    Action acted-reads /cgi/reads virtual
</Location>
<Location /acted/nobody>
    SetHandler acted-nobody
    Action acted-nobody /cgi/nobody virtual
</Location>
<Location /denied>
    Require all denied
</Location>
<Location /status>
    SetHandler encgather-status
</Location>
<Location /disabled>
    SetHandler decrypt-gather
</Location>
<Directory "$TREE/htdocs/turned-to-cgi">
    RewriteEngine on
    RewriteRule ^ /cgi/reads [L]
</Directory>
<Directory "$TREE/htdocs/turned-to-ours">
    RewriteEngine on
    RewriteRule ^ /look-up [L]
</Directory>
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
<Location /look-up>
    SetHandler decrypt-gather
    EncGatherLookup "SELECT '1' AS account, '2' AS balance WHERE %s <> %s" encryptedCardDigits encryptedPinDigits
</Location>
<Location /proxied>
    SetHandler proxy-server
</Location>
END_OF_CONF
my $server = private_server('nobody', modules => \@MODULES, conf => $CONF);
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;
my $LAST = '?step=processData&encryptedCardDigits=' . seal($CARD);
my %SAYS = (found => qr/balance is 2/, 'not-found' => qr/could not find an account/, unavailable => qr/cannot look up your account right now/);

my $logged = length $server->error_log;
for my $n (0 .. $#PATHS) {
    my ($result, $reason) = @{ $CASE{ $PATHS[$n] } };
    my $heard = post($HOST, "/to/$n$LAST", [ CallSid => $CALL, Digits => $PIN ]);
    like $heard->content, $SAYS{$result}, "$PATHS[$n]: the caller hears $result";
    like $heard->content, qr{\A<\?xml [^?]*\?><Response>.*</Response>\z}, "$PATHS[$n]: and gets nothing else";
    unlike $heard->content, qr/nothing/, "$PATHS[$n]: the backend got its body";
    my @lines = grep { /EG0\d+: / } split /\n/, substr $server->error_log, $logged;
    $logged = length $server->error_log;
    is scalar @lines, $reason ? 1 : 0, "$PATHS[$n]: " . ($reason ? 'a line in the log' : 'nothing in the log');
    like $lines[0] // '', qr/EG0501: call $CALL: the backend \S+ is unavailable: .*$reason/, 'which says why' if $reason;
}

# mod_request has a filter of its own for bodies that are kept.
my @kept = grep { $CASE{ $PATHS[$_] }[0] eq 'found' && $PATHS[$_] !~ /page/ } 0 .. $#PATHS;
ok $server->stop, 'the server stops';
my $keeper = private_server('nobody-kept', modules => [ @MODULES, 'request' ], conf => $CONF);
$keeper->start or BAIL_OUT('the private server does not start: ' . $keeper->error);
$HOST = '127.0.0.1:' . $keeper->port;
for my $n (@kept) {
    my $heard = post($HOST, "/to/$n$LAST", [ CallSid => $CALL, Digits => $PIN ])->content;
    like $heard, $SAYS{found}, "$PATHS[$n]: beside mod_request, found: the body came once";
}
ok $keeper->stop, 'the server stops';
log_is_clean($keeper, qr/EG0130: SetHandler decrypt-gather in <Location \/disabled>/);
log_is_clean($server, qr/EG0130: SetHandler decrypt-gather in <Location \/disabled>/, qr/\[encgather:error\].*EG0501: /, qr/authz_core:error/);
finish();
