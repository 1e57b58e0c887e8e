# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# What would lead a URL of ours elsewhere without refusing it: rules, handlers and files of its directory. Our handlers and
# the status page stay what they are.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use Test::More;

use lib 't/lib';
use EncGather::Files qw(spew);
use EncGather::Test;

my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
my $KEYS = in_tree('conf/keys');
my $TREE = in_tree('private/diversions-files');
my $DOCS = "$TREE/docs";
my $APP  = 'this is the application';
make_path($DOCS);

# --- The diversions -----------------------------------------------------------------------------------------------------------
#
# Each has /NAME/gather, /NAME/decrypt and /NAME/status, and a directory NAME. DIR stands for it, URL for /NAME, PLACE for
# "gather", "decrypt" or "status" in conf, inside and files.
#   conf      text of the virtual host     inside    lines in the handler's <Location>
#   htaccess  text of DIR/.htaccess        files     path below DIR => text, or undef for a directory
#   suffix    of the URLs of the handlers  at        what is asked for behind that
#   set       how a handler is set: SetHandler, location, expression, if, match

my $WORDPRESS = <<'END_OF_RULES';
RewriteEngine on
RewriteRule ^app\.txt$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /app.txt [L]
END_OF_RULES

my %CASE = (
    'nothing'            => {},
    'front'              => { htaccess => $WORDPRESS },
    'front-directory'    => { conf => dir($WORDPRESS) },
    'front-match'        => { htaccess => $WORDPRESS, set => 'match' },
    'front-if'           => { htaccess => $WORDPRESS, set => 'if' },
    'front-expression'   => { htaccess => $WORDPRESS, set => 'expression' },
    'front-below'        => { htaccess => $WORDPRESS, at => '/deep/down' },
    'front-files'        => { htaccess => "RewriteEngine on\nRewriteRule ^ /app.txt [L]", files => { PLACE => 'a file' } },
    'front-directories'  => { htaccess => "RewriteEngine on\nRewriteRule ^ /app.txt [L]", files => { PLACE => undef }, at => '/' },
    'front-in-there'     => { files => { 'PLACE/.htaccess' => $WORDPRESS }, at => '/x' },
    'front-query'        => { htaccess => "RewriteEngine on\nRewriteRule ^(.*) /app.txt?page=\$1 [QSA,L]" },
    'front-end'          => { htaccess => "RewriteEngine on\nRewriteRule ^ /app.txt [END]" },
    'front-base'         => { htaccess => "RewriteEngine on\nRewriteBase /\nRewriteRule ^ app.txt [L]" },
    'front-passes'       => { htaccess => "RewriteEngine on\nRewriteRule ^ /app.txt [PT]" },
    'query-only'         => { htaccess => "RewriteEngine on\nRewriteRule ^(gather|decrypt|status)\$ URL/\$1?step=nothing" },
    'proxied'            => { htaccess => "RewriteEngine on\nRewriteRule ^ http://127.0.0.1:9/app [P]" },
    'proxied-nowhere'    => { htaccess => "RewriteEngine on\nRewriteRule ^ http://127.0.0.1:99999999/app [P]" },
    'proxied-directory'  => { conf => dir("RewriteEngine on\nRewriteRule ^ http://127.0.0.1:9/app [P]") },
    'location-rewrite'   => { inside => "RewriteEngine on\nRewriteRule ^ /app.txt [L]" },
    'handler-flag'       => { htaccess => "RewriteEngine on\nRewriteRule ^ - [H=default-handler,T=text/html]", files => { PLACE => $APP } },
    'handler-flag-type'  => { conf => dir("RewriteEngine on\nRewriteRule ^ - [H=send-as-is]"), files => { PLACE => $APP } },
    'fallback'           => { htaccess => 'FallbackResource /app.txt' },
    'fallback-directory' => { conf => dir('FallbackResource /app.txt') },
    'fallback-if'        => { htaccess => 'FallbackResource /app.txt', set => 'if' },
    'slash'              => { files => { PLACE => undef } },
    'slash-carefully'    => { conf => "SetEnvIf Request_URI ^URL redirect-carefully\n", files => { PLACE => undef } },
    'index'              => { files => { 'PLACE/index.html' => $APP }, at => '/' },
    'index-named'        => { htaccess => 'DirectoryIndex /app.txt', files => { PLACE => undef }, at => '/' },
    'index-redirect'     => { htaccess => "DirectoryIndex index.html\nDirectoryIndexRedirect on", files => { 'PLACE/index.html' => $APP }, at => '/' },
    'index-check'        => { htaccess => 'DirectoryCheckHandler on', files => { 'PLACE/index.html' => $APP }, at => '/' },
    'index-check-off'    => { htaccess => 'DirectoryCheckHandler off', files => { 'PLACE/index.html' => $APP }, at => '/' },
    'index-listing'      => { htaccess => 'Options +Indexes', files => { PLACE => undef }, at => '/' },
    'index-none'         => { files => { PLACE => undef }, at => '/' },
    'views'              => { htaccess => 'Options +MultiViews', files => { 'PLACE.html' => $APP } },
    'views-two'          => { htaccess => 'Options +MultiViews', files => { 'PLACE.html' => $APP, 'PLACE.txt' => $APP } },
    'views-below'        => { htaccess => 'Options +MultiViews', files => { 'PLACE.html' => $APP }, at => '/x' },
    'views-directory'    => { conf => dir('Options +MultiViews'), files => { 'PLACE.txt' => $APP } },
    'speling'            => { htaccess => 'CheckSpelling on', files => { 'PLACEs' => $APP } },
    'speling-case'       => { htaccess => "CheckSpelling on\nCheckCaseOnly on", files => { 'pLACE' => $APP } },
    'speling-two'        => { conf => dir('CheckSpelling on'), files => { 'PLACEs' => $APP, 'xPLACE' => $APP } },
    'set-directory'      => { conf => dir('SetHandler default-handler'), files => { PLACE => $APP } },
    'set-htaccess'       => { htaccess => 'SetHandler default-handler', files => { PLACE => $APP } },
    'set-files'          => { htaccess => "<FilesMatch .>\nSetHandler default-handler\n</FilesMatch>", files => { PLACE => $APP } },
    'set-if'             => { htaccess => "<If true>\nSetHandler default-handler\n</If>", files => { PLACE => $APP } },
    'set-if-directory'   => { conf => dir("<If true>\nSetHandler default-handler\n</If>"), files => { PLACE => $APP } },
    'set-if-expression'  => { htaccess => "<If true>\nSetHandler default-handler\n</If>", files => { PLACE => $APP }, set => 'expression' },
    'set-if-match'       => { htaccess => "<If true>\nSetHandler default-handler\n</If>", files => { PLACE => $APP }, set => 'match' },
    'set-if-none'        => { htaccess => "<If true>\nSetHandler none\n</If>", files => { PLACE => $APP } },
    'set-if-proxy'       => { htaccess => qq(<If true>\nSetHandler "proxy:http://127.0.0.1:9"\n</If>) },
    'force-type'         => { htaccess => 'ForceType text/html', files => { PLACE => $APP } },
    'add-handler'        => { htaccess => 'AddHandler default-handler .app', suffix => '.app', files => { 'PLACE.app' => $APP } },
    'add-type-map'       => { htaccess => "AddHandler type-map .var\n<If true>\nSetHandler type-map\n</If>", suffix => '.var', files => { 'PLACE.var' => 'URI: /app.txt' } },
    'add-encoding'       => { htaccess => "AddEncoding x-gzip .gz\nAddLanguage da .gz\nAddType text/html .gz", suffix => '.gz', files => { 'PLACE.gz' => $APP } },
    'add-filter'         => { htaccess => "AddOutputFilter INCLUDES .inc\nAddType text/html .inc", suffix => '.inc' },
    'action'             => { htaccess => "Action encrypted-gather /app.txt virtual\nAction decrypt-gather /app.txt virtual\nAction encgather-status /app.txt virtual", conf => dir('Script POST /app.txt') },
    'dav'                => { conf => dir('Dav on'), files => { PLACE => undef } },
    'alias'              => { conf => qq(AliasMatch ^URL "DIR/app"), files => { app => undef, 'app/index.html' => $APP } },
    'server-passed'      => { conf => qq(RewriteEngine on\nRewriteRule ^URL/way-(.*) URL/\$1 [PT]\n), htaccess => $WORDPRESS, way => '/way-' },
    'server-passed-if'   => { conf => qq(RewriteEngine on\nRewriteRule ^URL/way-(.*) URL/\$1 [PT]\n),
        htaccess => "<If true>\nSetHandler default-handler\n</If>", files => { PLACE => $APP }, way => '/way-' },
    'server-passed-file' => { conf => qq(RewriteEngine on\nRewriteRule ^URL/way-(.*) URL/\$1 [PT]\n), files => { PLACE => undef }, way => '/way-', set => 'expression' },
    'server-file'        => { conf => qq(RewriteEngine on\nRewriteRule ^URL/ "$DOCS/app.txt"\n) },
    'server-environment' => { conf => qq(RewriteEngine on\nRewriteRule ^URL/ - [E=none:x]\n), htaccess => $WORDPRESS },
);

sub dir ($lines)  { return qq(<Directory "DIR">\n$lines\n</Directory>\n) }

# --- Their files and their configuration ----------------------------------------------------------------------------------------

my %LINES = (
    gather  => [ 'encrypted-gather', 'EncGatherBackend URL/decryptSUFFIX' ],
    decrypt => [ 'decrypt-gather', 'EncGatherExpose on', 'EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" '
        . 'encryptedCardDigits encryptedPinDigits' ],
    status => ['encgather-status'],
);

my %SET = (
    location   => sub ($at, $handler, @lines) { return (qq(<Location "$at">), "SetHandler $handler", @lines, '</Location>') },
    expression => sub ($at, $handler, @lines) { return (qq(<Location "$at">), qq(SetHandler "%{tolower:\U$handler\E}"), @lines, '</Location>') },
    if         => sub ($at, $handler, @lines) { return (qq(<Location "$at">), @lines, '<If true>', "SetHandler $handler", '</If>', '</Location>') },
    match      => sub ($at, $handler, @lines) { return (qq(<LocationMatch "^$at">), "SetHandler $handler", @lines, '</LocationMatch>') },
);

sub filled ($name, $text, $where = 'PLACE') {
    my $suffix = $CASE{$name}{suffix} || '';
    $text =~ s/PLACE/$where/g;
    $text =~ s/pLACE/\U$where/g;
    return $text =~ s/\bDIR\b/$DOCS\/$name/gr =~ s/\bURL\b/\/$name/gr =~ s/SUFFIX/$suffix/gr;
}

sub case_conf ($name) {
    my $case = $CASE{$name};
    my @text = filled($name, $case->{conf} || '');
    for my $where (sort keys %LINES) {
        my ($handler, @lines) = @{ $LINES{$where} };
        push @text, map { filled($name, $_, $where) } $SET{ $case->{set} || 'location' }->("URL/PLACESUFFIX", $handler, @lines, $case->{inside} || ());
    }
    return join "\n", @text, '';
}

sub make_files ($name) {
    my $case  = $CASE{$name};
    my %files = %{ $case->{files} || {} };
    make_path("$DOCS/$name");
    spew("$DOCS/$name/.htaccess", filled($name, "$case->{htaccess}\n"), 0644) if defined $case->{htaccess};
    for my $where (sort keys %LINES) {
        for my $file (sort keys %files) {
            my $path = "$DOCS/$name/" . filled($name, $file, $where);
            make_path(defined $files{$file} ? $path =~ s{/[^/]+\z}{}r : $path);
            spew($path, "$files{$file}\n", 0644) if defined $files{$file};
        }
    }
    return;
}

make_files($_) for sort keys %CASE;
spew("$DOCS/app.txt", "$APP\n", 0644);

my @MODULES = qw(dir mime negotiation speling autoindex headers setenvif rewrite proxy proxy_http actions dav dav_fs asis include);
my $server  = private_server('diversions', modules => \@MODULES, conf => join "\n", <<"END_OF_CONF", map { case_conf($_) } sort keys %CASE);
DocumentRoot "$DOCS"
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
DavLockDB "$TREE/locks"
TypesConfig /dev/null
AddType text/html .html
AddType text/plain .txt
EncGatherKeyFile "$KEYS/demo.key"
EncGatherAuthTokenFile "$KEYS/auth-tokens"
EncGatherSay found "%{account} %{balance}"
LogLevel info encgather:debug
Header always set X-Handler "expr=%{HANDLER}"
<Directory "$DOCS">
    Options FollowSymLinks
    AllowOverride All
</Directory>
RewriteEngine on
RewriteRule ^/away/[a-z]+\$ /app.txt [PT]
<Location /away/gather>
    SetHandler encrypted-gather
    EncGatherBackend /nothing/decrypt
</Location>
<Location /away/status>
    SetHandler encgather-status
</Location>
<Location /in-directory>
    EncGatherBackend /nothing/decrypt
</Location>
<Location /in-htaccess>
    EncGatherBackend /nothing/decrypt
</Location>
<Directory "$DOCS/in-directory">
    SetHandler encrypted-gather
</Directory>
END_OF_CONF
make_path("$DOCS/in-directory", "$DOCS/in-htaccess");
spew("$DOCS/in-htaccess/.htaccess", "SetHandler encrypted-gather\n", 0644);
spew("$DOCS/in-directory/index.html", "$APP\n", 0644);
$server->start or diag($server->error), BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;
remember($CARD, $PIN);

# --- Asking ------------------------------------------------------------------------------------------------------------------------

sub facts ($response, $pattern) {
    return { code => $response->code, handler => $response->header('X-Handler') || '', encoding => $response->header('Content-Encoding') || '',
        answer => $response->content =~ $pattern ? 'its own' : substr $response->content, 0, 200 };
}

sub own ($handler, $code = 200) { return { code => $code, handler => $handler, encoding => '', answer => 'its own' } }

sub path_of ($name, $where) {
    my $case = $CASE{$name};
    return "/$name" . ($case->{way} || '/') . $where . ($case->{suffix} || '') . ($case->{at} || '');
}

sub action_of ($response) { return $response->content =~ /action="http:\/\/[^\/]+([^"?]*)/ ? $1 : '' }

for my $name (sort keys %CASE) {
    my ($gather, $decrypt, $status) = map { path_of($name, $_) } qw(gather decrypt status);
    my ($card, $pin) = (seal($CARD), seal($PIN));

    my $first = post($HOST, $gather, [ CallSid => 'CA1' ]);
    is_deeply facts($first, qr/<Gather /), own('encrypted-gather'), "$name: a call begins, POST";
    is action_of($first), $gather, "$name: the action is the path of the request line";
    is_deeply facts(get($HOST, "$gather?CallSid=CA1"), qr/<Gather /), own('encrypted-gather'), "$name: a call begins, GET";
    is_deeply facts(get($HOST, $gather, method => 'HEAD'), qr/\A\z/), own('encrypted-gather'), "$name: HEAD";
    is_deeply facts(post($HOST, "$gather?step=processData&encryptedCardDigits=$card", [ Digits => $PIN ]), qr/$NUMBER \Q$BALANCE\E/),
        own('encrypted-gather'), "$name: its last step, and the backend's answer";
    is_deeply facts(decrypt($HOST, $decrypt, { encryptedCardDigits => $card, encryptedPinDigits => $pin }), qr/"$NUMBER"/),
        own('decrypt-gather'), "$name: the backend, from outside";
    is_deeply facts(request(PUT => $HOST, $decrypt, body => 'x'), qr/"method not allowed"/), own('decrypt-gather', 405), "$name: PUT to it";
    is_deeply facts(get($HOST, $decrypt), qr/"method not allowed"/), own('decrypt-gather', 405), "$name: GET of it";
    is_deeply facts(get($HOST, $status), qr/mod_encgather: status/), own('encgather-status'), "$name: the status page";
    is_deeply facts(get($HOST, "$status?format=prometheus"), qr/^# TYPE encgather_/m), own('encgather-status'), "$name: the status page in the format of the query";
    is_deeply facts(post($HOST, $status, []), qr/not allowed/), own('encgather-status', 405), "$name: POST to it";
}

# --- What is the administrator's will ---------------------------------------------------------------------------------------------------

like get($HOST, "/away/$_")->content, qr/\Q$APP\E/, "a rule of the server leads /away/$_ to another location" for qw(gather status);
is_deeply facts(post($HOST, "/in-$_/x", [ CallSid => 'CA1' ]), qr/<Gather /), own('encrypted-gather'),
    "a handler that is set in a $_ works, where a <Location> enables it" for qw(directory htaccess);

my @told = $server->error_log =~ /\[encgather:debug\].*EG0211: (\S+) answers: /g;
is_deeply [ sort keys %{ { map { $_ => 1 } @told } } ], [ sort map { $_->[0] } values %LINES ], 'the log tells of each handler that a rule would have led away';

# --- The applications are there ---------------------------------------------------------------------------------------------------------

like get($HOST, '/front/nobody')->content, qr/\Q$APP\E/, 'the front controller of a directory still has everybody else';
like get($HOST, '/fallback/nobody')->content, qr/\Q$APP\E/, 'so has FallbackResource';

ok $server->stop, 'the server stops';
log_is_clean($server);

finish();
