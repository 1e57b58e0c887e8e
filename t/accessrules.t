# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# Access rules hold for our handlers as for any other: each configuration is asked with SetHandler server-status, and
# what that answers in the same place our handlers and the status page must answer too.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA qw(sha1_base64);
use File::Path qw(make_path);
use MIME::Base64 qw(encode_base64);
use Test::More;

use lib 't/lib';
use EncGather::Files qw(spew);
use EncGather::Test;

my $KEYS = in_tree('conf/keys');
my $TREE = in_tree('private/accessrules-files');
make_path($TREE);

my %PERSON = (ana => 'right', ben => 'as well');
spew("$TREE/people", join('', map { "$_:{SHA}" . sha1_base64($PERSON{$_}) . "=\n" } sort keys %PERSON), 0644);
my $BASIC = qq(AuthType Basic\nAuthName people\nAuthUserFile "$TREE/people");

my %HANDLER = (
    'server-status'    => '',
    'encrypted-gather' => 'EncGatherBackend /nowhere',
    'decrypt-gather'   => "EncGatherExpose on\nEncGatherLookup \"SELECT 1 FROM nothing WHERE a = %s\" a",
    'encgather-status' => '',
);
my @OURS = grep { $_ ne 'server-status' } sort keys %HANDLER;

# --- The configurations ---------------------------------------------------------------------------------------------------
#
# Each has a URL /NAME/here of its own, and a directory NAME with no file "here" in it. DIR and URL stand for both.
#   conf      text of the virtual host                  inside    lines in the handler's <Location>
#   htaccess  text of DIR/.htaccess                     files     path below DIR => text, or undef for a directory
#   at        what is asked for, /here by default       post, get what server-status says, to be sure that the rule bites

my %CASE = (
    nothing              => { get => 'granted' },
    'directory'          => { conf => dir('Require all denied'), get => 403 },
    'directory-match'    => { conf => qq(<DirectoryMatch "^DIR">\nRequire all denied\n</DirectoryMatch>), get => 403 },
    'directory-real'     => { conf => dir('Require all denied', 'DIR/here'), files => { here => undef }, get => 403 },
    'directory-ip'       => { conf => dir('Require ip 192.0.2.1'), get => 403 },
    'directory-not-ip'   => { conf => dir("<RequireAll>\nRequire all granted\nRequire not ip 127.0.0.1\n</RequireAll>"), get => 403 },
    'directory-any'      => { conf => dir("$BASIC\n<RequireAny>\nRequire user ben\nRequire method GET\n</RequireAny>"), get => 'granted', post => 401 },
    'directory-expr'     => { conf => dir(q(Require expr "%{REQUEST_METHOD} == 'GET'")), get => 'granted', post => 403 },
    'directory-method'   => { conf => dir('Require method POST'), get => 403, post => 'granted' },
    'directory-allow'    => { conf => dir('AllowMethods GET'), get => 'granted', post => 405 },
    'directory-if'       => { conf => dir(qq(<If "%{REQUEST_METHOD} == 'POST'">\nRequire all denied\n</If>)), get => 'granted', post => 403 },
    'directory-limit'    => { conf => dir("<LimitExcept POST>\nRequire all denied\n</LimitExcept>"), get => 403, post => 'granted' },
    'directory-basic'    => { conf => dir("$BASIC\nRequire valid-user"), get => 401 },
    'directory-basic-or' => { conf => dir("$BASIC\nRequire user ana\nRequire ip 192.0.2.1"), get => 401 },
    'directory-group'    => { conf => dir("$BASIC\nRequire group nobodies"), get => 401 },
    'directory-outer'    => { conf => dir('Require all denied', 'DIR') . dir('Require all granted', 'DIR/here'), files => { here => undef }, get => 'granted' },
    'files'              => { conf => files('Require all denied'), get => 403 },
    'files-real'         => { conf => files('Require all denied'), files => { here => 'text' }, get => 403 },
    'files-match'        => { conf => dir(qq(<FilesMatch "^he">\nRequire all denied\n</FilesMatch>)), get => 403 },
    'files-in-directory' => { conf => dir(qq(<Files here>\nRequire all denied\n</Files>)), get => 403 },
    'files-basic'        => { conf => files("$BASIC\nRequire user ana"), get => 401 },
    'htaccess'           => { htaccess => 'Require all denied', get => 403 },
    'htaccess-below'     => { files => { 'here/.htaccess' => 'Require all denied' }, get => 403 },
    'htaccess-files'     => { htaccess => "<Files here>\nRequire all denied\n</Files>", get => 403 },
    'htaccess-if'        => { htaccess => qq(<If "%{REQUEST_METHOD} == 'GET'">\nRequire all denied\n</If>), get => 403, post => 'granted' },
    'htaccess-basic'     => { htaccess => "$BASIC\nRequire user ben", get => 401 },
    'htaccess-limit'     => { htaccess => "<Limit POST>\nRequire all denied\n</Limit>", get => 'granted', post => 403 },
    'htaccess-deny'      => { htaccess => "Order allow,deny\nDeny from all", get => 403 },
    'htaccess-ssl'       => { htaccess => 'SSLRequireSSL', get => 403 },
    'htaccess-broken'    => { htaccess => 'NoSuchDirective on', get => 500 },
    'htaccess-closed'    => { htaccess => 'Require all granted', mode => 0, get => 403 },
    'htaccess-not-asked' => { htaccess => 'Require all denied', conf => dir('AllowOverride None'), get => 'granted' },
    'htaccess-list'      => { htaccess => 'Require all denied', conf => dir("AllowOverride None\nAllowOverrideList Require"), get => 403 },
    'htaccess-forbidden' => { htaccess => "RewriteEngine on\nRewriteRule ^here - [F]", get => 403 },
    'htaccess-gone'      => { htaccess => "RewriteEngine on\nRewriteRule ^here - [G]", get => 410 },
    'htaccess-moved'     => { htaccess => "RewriteEngine on\nRewriteRule ^here /elsewhere [R=307,L]", get => 307 },
    'htaccess-moved-far' => { htaccess => "RewriteEngine on\nRewriteRule ^here http://example.com/ [L]", get => 302 },
    'htaccess-post-only' => { htaccess => "RewriteEngine on\nRewriteCond %{REQUEST_METHOD} !=POST\nRewriteRule ^here - [F]", get => 403, post => 'granted' },
    'htaccess-redirect'  => { htaccess => "Redirect gone URL", get => 410 },
    'directory-rewrite'  => { conf => dir("RewriteEngine on\nRewriteRule ^here - [F]"), get => 403 },
    'rewrite-no-links'   => { conf => dir("Options None\nRewriteEngine on\nRewriteRule ^nobody - [F]"), get => 403 },
    'server-rewrite'     => { conf => "RewriteEngine on\nRewriteRule ^URL - [F]", get => 403 },
    'passed-through'     => { conf => "RewriteEngine on\nRewriteRule ^/passed-through/way\$ URL [PT]\n" . dir('Require all denied'), at => '/way', get => 403 },
    'rewritten-to-file'  => { conf => "RewriteEngine on\nRewriteRule ^URL\$ DIR/closed/file\n" . dir('Require all denied', 'DIR/closed'),
        files => { 'closed/file' => 'text' }, get => 403 },
    'location'           => { inside => 'Require all denied', get => 403 },
    'location-outer'     => { conf => location('Require all denied', '/location-outer'), get => 403 },
    'location-inner'     => { conf => location('Require all denied', 'URL/deep'), at => '/here/deep/down', get => 403 },
    'location-match'     => { conf => qq(<LocationMatch "/location-match/h">\nRequire all denied\n</LocationMatch>), get => 403 },
    'location-opens'     => { conf => dir('Require all denied'), inside => 'Require all granted', get => 'granted' },
    'location-closes'    => { conf => dir('Require all granted'), inside => 'Require all denied', get => 403 },
    'location-nested'    => { conf => location('Require all denied', '/location-nested'), inside => 'Require all granted', get => 'granted' },
    'location-if'        => { inside => qq(<If "%{REQUEST_METHOD} == 'POST'">\nRequire all denied\n</If>), get => 'granted', post => 403 },
    'location-if-else'   => { inside => qq(<If "-n %{req:Authorization}">\nRequire all denied\n</If>\n<Else>\nRequire all granted\n</Else>), get => 'granted' },
    'location-basic'     => { inside => "$BASIC\nRequire valid-user", get => 401 },
    'location-limit'     => { inside => "<LimitExcept POST>\nRequire all denied\n</LimitExcept>", get => 403, post => 'granted' },
    'location-ssl'       => { inside => 'SSLRequireSSL', get => 403 },
    'merging-off'        => { conf => dir('Require all denied'), inside => "AuthMerging Off\nRequire method POST", get => 403, post => 'granted' },
    'merging-and'        => { conf => dir("$BASIC\nRequire user ana"), inside => "AuthMerging And\nRequire method POST", get => 403, post => 401 },
    'merging-and-denied' => { conf => dir('Require all denied'), inside => "AuthMerging And\nRequire all granted", get => 403 },
    'merging-or'         => { conf => dir("$BASIC\nRequire user ana"), inside => "AuthMerging Or\nRequire method POST", get => 401, post => 'granted' },
    'merging-or-denied'  => { conf => dir('Require all denied'), inside => "AuthMerging Or\nRequire all granted", get => 'granted' },
    'merging-htaccess'   => { conf => dir("$BASIC\nRequire user ana\nRequire user ben"), htaccess => "AuthMerging And\nRequire method POST", get => 403, post => 401 },
    'deny-from'          => { conf => dir("Order allow,deny\nAllow from all\nDeny from 127.0.0.1"), get => 403 },
    'allow-from'         => { conf => dir("Order deny,allow\nDeny from all\nAllow from 127.0.0.0/8"), get => 'granted' },
    'allow-from-env'     => { conf => "SetEnvIf Request_Method ^POST let_in\n" . dir("Order deny,allow\nDeny from all\nAllow from env=let_in"), get => 403, post => 'granted' },
    'deny-and-require'   => { conf => dir("Deny from all\nRequire all granted"), get => 403 },
    'satisfy-any'        => { conf => dir("$BASIC\nRequire valid-user\nOrder allow,deny\nAllow from 127.0.0.1\nSatisfy Any"), get => 'granted' },
    'satisfy-any-denied' => { conf => dir("$BASIC\nRequire valid-user\nOrder allow,deny\nDeny from all\nSatisfy Any"), get => 401 },
    'satisfy-all'        => { conf => dir("$BASIC\nRequire valid-user\nOrder allow,deny\nAllow from 127.0.0.1\nSatisfy All"), get => 401 },
    'satisfy-htaccess'   => { conf => dir("$BASIC\nRequire valid-user"), htaccess => "Order allow,deny\nAllow from all\nSatisfy Any", get => 'granted' },
    'satisfy-location'   => { conf => dir("Order allow,deny\nDeny from all"), inside => "$BASIC\nRequire valid-user\nSatisfy Any", get => 'granted' },
    'ssl'                => { conf => dir('SSLRequireSSL'), get => 403 },
    'ssl-satisfy-any'    => { conf => dir("SSLRequireSSL\nSatisfy Any\n$BASIC\nRequire valid-user"), get => 401 },
    'ssl-strict'         => { conf => dir("SSLOptions +StrictRequire\nSSLRequireSSL\nSatisfy Any\n$BASIC\nRequire valid-user"), get => 403 },
    'require-ssl'        => { conf => dir('Require ssl'), get => 403 },
    'alias'              => { conf => qq(Alias URL "DIR/target"\n) . dir('Require all denied', 'DIR/target'), files => { target => undef }, get => 403 },
    'alias-below'        => { conf => qq(Alias URL "DIR/target"\n), files => { 'target/deep/.htaccess' => 'Require all denied' }, at => '/here/deep', get => 403 },
    'alias-nowhere'      => { conf => qq(Alias URL "/nowhere/at/all"\n) . dir('Require all denied', '/nowhere'), get => 'granted' },
    'alias-in-location'  => { inside => qq(Alias "DIR/target"), conf => dir('Require all denied', 'DIR/target'), files => { target => undef }, get => 403 },
    'symbolic-link'      => { conf => dir('Options -FollowSymLinks'), files => { target => 'text' }, link => 1, get => 403 },
    'link-to-htaccess'   => { files => { 'target/.htaccess' => 'Require all denied' }, link => 1, get => 403 },
    'closed-directory'   => { files => { 'closed/file' => 'text' }, at => '/here/closed/file', conf => qq(Alias URL "DIR"), close => 'closed', get => 403 },
    'behind-a-file'      => { files => { here => 'text' }, at => '/here/behind', conf => files('Require all denied'), get => 403 },
);

sub dir ($lines, $path = 'DIR')      { return qq(<Directory "$path">\n$lines\n</Directory>\n) }
sub location ($lines, $path)         { return qq(<Location "$path">\n$lines\n</Location>\n) }
sub files ($lines)                   { return dir(qq(<Files here>\n$lines\n</Files>)) }

# --- Their files and their virtual hosts --------------------------------------------------------------------------------------

sub make_file ($path, $text, $mode = 0644) {
    make_path(defined $text ? $path =~ s{/[^/]+\z}{}r : $path);
    return defined $text ? spew($path, $text, $mode) : 1;
}

sub make_files ($name, $case) {
    my $dir   = "$TREE/docs/$name";
    my %files = (%{ $case->{files} || {} }, defined $case->{htaccess} ? ('.htaccess' => $case->{htaccess}) : ());
    make_path($dir);
    for my $path (sort keys %files) {
        my $mode = $path eq '.htaccess' && defined $case->{mode} ? $case->{mode} : 0644;
        make_file("$dir/$path", defined $files{$path} ? filled($name, "$files{$path}\n") : undef, $mode);
    }
    symlink "$dir/target", "$dir/here" or die "$dir/here: $!" if $case->{link};
    chmod 0000, "$dir/$case->{close}" if $case->{close};
    return;
}

sub filled ($name, $text) {
    return $text =~ s/\bDIR\b/$TREE\/docs\/$name/gr =~ s/\bURL\b/\/$name\/here/gr;
}

sub case_conf ($name, $handler) {
    my $case   = $CASE{$name};
    my @inside = ("SetHandler $handler", $HANDLER{$handler}, $case->{inside} || ());
    return filled($name, join "\n", $case->{conf} || (), qq(<Location URL>), @inside, '</Location>', '');
}

sub host_conf ($handler) {
    return join "\n", '<VirtualHost *>', "ServerName $handler.test", "DocumentRoot $TREE/docs", map({ case_conf($_, $handler) } sort keys %CASE),
        '</VirtualHost>', '';
}

make_files($_, $CASE{$_}) for sort keys %CASE;
my @MODULES = qw(status headers access_compat auth_basic authn_file authz_user authz_groupfile allowmethods rewrite setenvif socache_shmcb ssl);
my $server = private_server('accessrules', modules => \@MODULES, conf => join "\n", <<"END_OF_CONF", map { host_conf($_) } sort keys %HANDLER);
EncGatherKeyFile "$KEYS/demo.key"
EncGatherAuthTokenFile "$KEYS/auth-tokens"
Header always set X-Handler "expr=%{HANDLER}"
<Directory "$TREE/docs">
    Options FollowSymLinks
    AllowOverride All
</Directory>
END_OF_CONF
$server->start or diag($server->error), BAIL_OUT("the private server does not start: " . $server->error);
my $HOST = '127.0.0.1:' . $server->port;

# --- Asking ---------------------------------------------------------------------------------------------------------------------

my %CREDENTIALS = (nobody => undef, ana => "ana:$PERSON{ana}", ben => "ben:$PERSON{ben}", liar => 'ana:wrong');

sub ask ($handler, $path, $method, $who) {
    my @headers = defined $CREDENTIALS{$who} ? (Authorization => 'Basic ' . encode_base64($CREDENTIALS{$who}, '')) : ();
    my %options = (host => "$handler.test", signed_url => "http://$handler.test$path", headers => \@headers);
    return verdict($method eq 'GET' ? get($HOST, $path, %options) : post($HOST, $path, [ CallSid => 'CA1' ], %options));
}

# The handler was asked, whatever it says of such a request; or the status.
sub verdict ($response) {
    my $handler = $response->header('X-Handler') || '(null)';
    return $handler eq '(null)' || $response->code =~ /^(?:3..|401|403|410|500)\z/ ? $response->code : 'granted';
}

sub verdicts ($name, $handler) {
    my $path = "/$name" . ($CASE{$name}{at} || '/here');
    return { map { my $method = $_; map { ("$method by $_" => ask($handler, $path, $method, $_)) } sort keys %CREDENTIALS } qw(GET POST) };
}

for my $name (sort keys %CASE) {
    my $case     = $CASE{$name};
    my $expected = verdicts($name, 'server-status');
    is $expected->{'GET by nobody'},  $case->{get}, "$name: what server-status says to a GET";
    is $expected->{'POST by nobody'}, defined $case->{post} ? $case->{post} : $case->{get}, "$name: and to a POST";
    is_deeply verdicts($name, $_), $expected, "$name: $_ says the same" for @OURS;
}

# --- Who was granted also gets the handler's own answer ---------------------------------------------------------------------------

sub granted ($handler, $method) {
    my %options = (host => "$handler.test", signed_url => "http://$handler.test/nothing/here");
    return $method eq 'GET' ? get($HOST, '/nothing/here', %options) : post($HOST, '/nothing/here', [], %options);
}

like granted('encrypted-gather', 'POST')->content, qr/<Gather /, 'the gather asks';
like granted('decrypt-gather', 'POST')->content, qr/\A\{"error":"malformed request"\}/, 'decrypt-gather finds no field';
like granted('encgather-status', 'GET')->content, qr/mod_encgather: status/, 'the status page is shown';

chmod 0700, "$TREE/docs/closed-directory/closed";
ok $server->stop, 'the server stops';
log_is_clean($server, qr/AH01630: client denied/, qr/AH01797: client denied/, qr/AH01873: /, qr/AH00529: /, qr/AH01623: /, qr/AH00037: /, qr/AH00670: /,
    qr/AH01617: user ana: authentication failure/, qr/AH01631: /, qr/AH01618: |AH01664: |AH01665: |AH02249: |AH02219: |AH02265: /, qr/NoSuchDirective/);

finish();
