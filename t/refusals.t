# SPDX-License-Identifier: Apache-2.0
# Whoever refuses a request for a location of ours, this module or httpd: no error page gets a byte of its body, no log
# does, and no byte of it is ever taken for the next request. Every refusal with every kind of error page, at every kind
# of location, in every framing; each case is one test, which lists what was wrong.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Find ();
use File::Path qw(make_path);
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Daemon qw(free_ports);
use EncGather::Files qw(slurp slurp_if_there spew);
use EncGather::Http2;
use EncGather::Httpd qw(module_file);
use EncGather::Signature qw(signature form_decode);
use EncGather::Test;

my $MPM   = $ENV{ENCGATHER_MPM} || 'event';
plan skip_all => 'CI has it under event, whose workers read and refuse as these do' if $ENV{CI} && $MPM eq 'worker';
my $CGI   = $MPM eq 'prefork' ? 'cgi' : 'cgid';
my $HTTP2 = $MPM ne 'prefork' && defined module_file('http2');
my $TREE  = in_tree('private/refusals');
my $SEEN  = "$TREE/seen";    # what error pages and the application were given; it is no log
my $FORM  = 'application/x-www-form-urlencoded';

make_path("$TREE/htdocs/pages", "$TREE/cgi", $SEEN);
chmod 0755, $TREE, "$TREE/htdocs", "$TREE/htdocs/pages", "$TREE/cgi";
chmod 0777, $SEEN;
write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");
spew("$TREE/htdocs/page.html",         "what is guarded\n",      0644);
spew("$TREE/htdocs/second.html",       "the second page\n",      0644);
spew("$TREE/htdocs/pages/static.html", "an error page: static\n", 0644);
spew("$TREE/users", '', 0644);

# Writes down the case, the length that it was told, and the bytes that it read.
spew("$TREE/cgi/page", <<"END_OF_SCRIPT", 0755);
#!$^X
binmode STDIN;
my \$body = do { local \$/; <STDIN> };
open my \$file, '>>', "$SEEN/cgi";
syswrite \$file, join(' ', \$ENV{HTTP_X_CASE} || '-', defined \$ENV{CONTENT_LENGTH} ? \$ENV{CONTENT_LENGTH} : '-',
    unpack 'H*', defined \$body ? \$body : '') . "\\n";
print "Content-Type: text/plain\\r\\n\\r\\nan error page: cgi\\n";
END_OF_SCRIPT

# --- What refuses, where, and what is shown then --------------------------------------------------------------------

my $OURS = 'Require twilio-signature';
my $NOT_HERE = 'Require ip 192.0.2.1';
my $TOKENS   = qq(EncGatherAuthTokenFile "$TREE/tokens");

# Both are demanded, in this order; a handler's location demands only what is not ours.
sub beside_ours ($guarded, @lines) {
    return $guarded ? ('<RequireAll>', @lines, $OURS, '</RequireAll>') : @lines;
}

# name      first part of the path         says     in the test's name
# conf      what refuses; is told whether the location has our Require
# by_httpd  the refusal is httpd's, at handlers too: then its error page is shown
# signed    right, wrong, or not at all    query    of the target
# status    everywhere, or of a handler    small    EncGatherMaxBody is less than the body
# only      at these places                granted  there is no refusal
my @KINDS = (
    { name => 'unsigned', says => 'no signature', status => 403, conf => sub ($guarded) { return $TOKENS, $guarded ? $OURS : () } },
    { name => 'wrong', says => 'a wrong signature', status => 403, signed => 'wrong',
        conf => sub ($guarded) { return $TOKENS, $guarded ? $OURS : () } },
    { name => 'escape', says => 'a broken escape in the query', status => 403, gather => 400, query => '?a=%zz', signed => 'right',
        conf => sub ($guarded) { return $TOKENS, $guarded ? $OURS : () } },
    { name => 'large', says => 'larger than EncGatherMaxBody', status => 403, gather => 413, small => 1, signed => 'right',
        conf => sub ($guarded) { return $TOKENS, $guarded ? $OURS : () } },
    { name => 'no-tokens', says => 'no tokens', status => 500, conf => sub ($guarded) { return $guarded ? $OURS : () } },
    { name => 'ip', says => 'Require ip', status => 403, by_httpd => 1, signed => 'right',
        conf => sub ($guarded) { return $TOKENS, beside_ours($guarded, $NOT_HERE) } },
    { name => 'ip-large', says => 'Require ip, and larger than EncGatherMaxBody', status => 403, by_httpd => 1, small => 1, signed => 'right',
        conf => sub ($guarded) { return $TOKENS, beside_ours($guarded, $NOT_HERE) } },
    { name => 'ip-after', says => 'Require ip, asked after ours has granted', status => 403, by_httpd => 1, signed => 'right',
        conf => sub ($guarded) { return $TOKENS, '<RequireAll>', $OURS, $NOT_HERE, '</RequireAll>' } },
    { name => 'user', says => 'Require valid-user', status => 401, by_httpd => 1, signed => 'right',
        conf => sub ($guarded) {
            return $TOKENS, 'AuthType Basic', 'AuthName x', qq(AuthUserFile "$TREE/users"),
                beside_ours($guarded, 'Require valid-user');
        } },
    { name => 'limit', says => 'LimitExcept GET', status => 403, by_httpd => 1,
        conf => sub ($guarded) { return $TOKENS, '<LimitExcept GET>', 'Require all denied', '</LimitExcept>', $guarded ? $OURS : () } },
    { name => 'compat', says => 'Deny from all', status => 403, by_httpd => 1, signed => 'right',
        conf => sub ($guarded) { return $TOKENS, 'Order deny,allow', 'Deny from all', $guarded ? $OURS : () } },
    { name => 'rewrite', says => 'RewriteRule [F] of the server', status => 403, by_httpd => 1, signed => 'right',
        conf => sub ($guarded) { return $TOKENS, $guarded ? $OURS : () } },
    { name => 'rewrite-dir', says => 'RewriteRule [F] of the location', status => 403, by_httpd => 1, signed => 'right',
        conf => sub ($guarded) { return $TOKENS, 'RewriteEngine on', 'RewriteRule "^" "-" [F]', $guarded ? $OURS : () } },
    # In a sub-request it lets pass whatever comes.
    { name => 'methods', says => 'AllowMethods GET', status => 405, by_httpd => 1, signed => 'right', only => qr/^(?!index|to-)/,
        conf => sub ($guarded) { return $TOKENS, 'AllowMethods GET', $guarded ? $OURS : () } },
    # Nor does this one look at a sub-request, or at what is proxied.
    { name => 'limit-body', says => 'LimitRequestBody', status => '4(?:03|13)', gather => 413, signed => 'right',
        only => qr/^(?:gather|decrypt|static|rewritten)\z/,
        conf => sub ($guarded) { return $TOKENS, 'LimitRequestBody 20', $guarded ? $OURS : () } },
    { name => 'missing', says => 'there is nobody behind it', status => '(?:404|503)', by_httpd => 1, signed => 'right',
        only => qr/^(?:app|static|rewritten)\z/,
        conf => sub ($guarded) { return $TOKENS, $OURS } },
    # Not refused, or not here; but the same holds for what is left on the connection.
    { name => 'granted', says => 'nobody', status => 200, granted => 1, signed => 'right', only => qr/^(?:gather|app|static|rewritten|index.)\z/,
        conf => sub ($guarded) { return $TOKENS, $guarded ? $OURS : () } },
    { name => 'elsewhere', says => '404 of another location', signed => 'right', only => qr/^to-/,
        conf => sub ($guarded) { return $TOKENS, $guarded ? $OURS : () } },
);

my $LOOKUP = 'EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits';
# The last two are what leads to the file in front of which it is refused; they have an error page of their own, but
# nothing else of ours.
my %PLACE = (
    gather  => { says => 'encrypted-gather', conf => [ 'SetHandler encrypted-gather', 'EncGatherBackend /inside' ] },
    decrypt => { says => 'decrypt-gather', conf => [ 'SetHandler decrypt-gather', $LOOKUP ] },
    app     => { says => 'a proxied application', conf => [], guarded => 1 },
    static  => { says => 'a file', conf => [], guarded => 1 },
    'index/'  => { says => 'an index', leads => sub ($to) { return "DirectoryIndex $to" }, guarded => 1 },
    rewritten => { says => 'a rewritten URL', leads => sub ($to) { return 'RewriteEngine on', "RewriteRule ^ $to" }, guarded => 1 },
    map { ("to-$_" => { says => "whose error page is $_", aside => 1, conf => ["ErrorDocument 404 /elsewhere/none/$_"] }) }
        qw(gather decrypt app static),
);

my %PAGE = (none => undef, static => '/pages/static.html', cgi => '/cgi/page', proxied => '/proxied-page', guarded => '/guarded-page');
my @PAGE_FOR = (400, 401, 403, 404, 405, 408, 411, 413, 415, 500, 502, 503);
my @FRAMINGS = ('a length', 'a length, the body late', 'a length, expected', 'a length, by GET', 'chunks',
    $HTTP2 ? ('HTTP/2', 'HTTP/2 without a length') : ());

# Without tokens nobody asks for any at decrypt-gather but our Require.
sub is_guarded ($kind, $place) {
    return $PLACE{$place}{guarded} || $kind->{name} eq 'no-tokens' && $place eq 'decrypt';
}

sub location ($kind, $page, $place) {
    my ($document, $leads, $path) = ($PAGE{$page}, $PLACE{$place}{leads}, "/$kind->{name}/$page");
    return join "\n", qq(<LocationMatch "^$path/$place\$">),
        ($leads ? $leads->("$path/static") : (@{ $PLACE{$place}{conf} }, $kind->{conf}->(is_guarded($kind, $place)),
            $kind->{small} ? 'EncGatherMaxBody 40' : ())),
        (defined $document ? map { "ErrorDocument $_ $document" } @PAGE_FOR : ()), '</LocationMatch>', '';
}

# What is refused before anything leads on is no matter of ours.
sub makes_sense ($kind, $page, $place, $framing) {
    return 0 if $kind->{only} ? $place !~ $kind->{only} : $PLACE{$place}{aside};
    return $page eq 'none' && $framing !~ /GET/ if $kind->{granted} || $PLACE{$place}{aside};
    return 0 if $PLACE{$place}{leads} && ($kind->{name} eq 'rewrite' || $page !~ /cgi|proxied/);
    return 0 if $framing =~ /GET/ && $kind->{says} =~ /GET/;    # that is allowed
    return 0 if $page =~ /static|guarded/ && $framing !~ /^(?:a length|chunks|HTTP\/2)\z/;
    return $framing !~ /expected|GET/ || $page =~ /none|cgi/ && !$PLACE{$place}{leads};
}

my ($BACKEND_PORT, $DEAD_PORT) = free_ports(2);
my $backend = EncGather::Backend->new(port => $BACKEND_PORT, record => "$SEEN/backend");

sub every_location () {
    return join '', map { my $kind = $_;
        map { my $page = $_; map { location($kind, $page, $_) } sort keys %PLACE } sort keys %PAGE } @KINDS;
}

my $server = private_server('refusals',
    modules => [ $CGI, qw(mime dir rewrite proxy proxy_http auth_basic authn_file authz_user access_compat allowmethods),
        $HTTP2 ? 'http2' : () ],
    conf    => <<"END_OF_CONF");
DocumentRoot "$TREE/htdocs"
TypesConfig /dev/null
LogLevel trace8@{[ $HTTP2 ? ' http2:info' : '' ]}
KeepAlive on
MaxKeepAliveRequests 0
@{[ $HTTP2 ? 'Protocols h2c http/1.1' : '' ]}
@{[ $CGI eq 'cgid' ? "ScriptSock $TREE/cgisock" : '' ]}
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
EncGatherKeyFile "$TREE/key"
ScriptAlias /cgi/ "$TREE/cgi/"
AliasMatch "^/missing/[a-z]+/static\$" "$TREE/htdocs/no-such.html"
ProxyPassMatch "^/missing/[a-z]+/app()\$" "http://127.0.0.1:$DEAD_PORT/ok\$1"
AliasMatch "^/[a-z-]+/[a-z]+/static\$" "$TREE/htdocs/page.html"
AliasMatch "^/[a-z-]+/[a-z]+/index/\$" "$TREE/htdocs/pages/"
ProxyPassMatch "^/[a-z-]+/[a-z]+/app()\$" "http://127.0.0.1:$BACKEND_PORT/ok\$1"
ScriptAlias /guarded-page "$TREE/cgi/page"
<Location "/guarded-page">
    $TOKENS
    $OURS
</Location>
ProxyPass "/proxied-page" "http://127.0.0.1:$BACKEND_PORT/error-page"
RewriteEngine on
RewriteRule "^/rewrite/" "-" [F]
<Location "/inside">
    SetHandler decrypt-gather
    $LOOKUP
</Location>
@{[ every_location() ]}
END_OF_CONF
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;

# --- A case ---------------------------------------------------------------------------------------------------------

my $serial = 0;

sub new_case ($kind, $page, $place, $framing) {
    my $id     = 'case' . ++$serial;
    my $digits = sprintf '73%05d%09d', $$ % 100_000, $serial * 7_919;
    my $target = "/$kind->{name}/$page/$place" . ($kind->{query} || '');
    my $case   = { id => $id, digits => $digits, kind => $kind, page => $page, place => $place, framing => $framing, target => $target,
        method => $framing =~ /GET/ ? 'GET' : 'POST',
        body => body_of($framing, $id, $digits) };
    $case->{name} = "$kind->{says}: $PLACE{$place}{says}, error page: $page, $framing";
    $case->{signature} = signature_of($case);
    remember($digits);
    return $case;
}

# Whoever begins to read in it finds a request: behind a form, or from its first byte on.
sub body_of ($framing, $id, $digits) {
    my $request = "GET /smuggled/$id HTTP/1.1\r\nHost: x\r\n";
    return "a=b&Digits=$digits&Note=\r\n$request\r\n" if $framing =~ /late/;
    return "${request}X-Form: a=b&Digits=$digits\r\n\r\n";
}

sub signature_of ($case) {
    my $how = $case->{kind}{signed} or return;
    my $token = $how eq 'right' ? $TOKEN{demo} : $TOKEN{other};
    return signature($token, "http://$HOST$case->{target}", $case->{method} eq 'GET' ? [] : [ form_decode($case->{body}) ]);
}

sub headers_of ($case) {
    return ("X-Case: $case->{id}", "Content-Type: $FORM", defined $case->{signature} ? "X-Twilio-Signature: $case->{signature}" : ());
}

# Fills in what came: [ status, body ] for each answer on the connection, which the second request lets end.
sub run_case ($case) {
    return run_http2($case) if $case->{framing} =~ /^HTTP/;
    my $chunked = $case->{framing} eq 'chunks';
    my $length  = length $case->{body};
    my $head    = join "\r\n", "$case->{method} $case->{target} HTTP/1.1", "Host: $HOST", headers_of($case),
        ($case->{framing} =~ /expected/ ? 'Expect: 100-continue' : ()), $chunked ? 'Transfer-Encoding: chunked' : "Content-Length: $length", '', '';
    my $body    = $chunked ? sprintf("%x\r\n%s\r\n0\r\n\r\n", $length, $case->{body}) : $case->{body};
    my $second  = "GET /second.html HTTP/1.1\r\nHost: $HOST\r\nX-Case: second\r\nConnection: close\r\n\r\n";
    my @pieces  = $case->{framing} =~ /late/ ? ($head, $body . $second) : ($head . $body . $second);
    $case->{answers} = [ answers_in(send_pieces($HOST, @pieces)) ];
    return;
}

sub run_http2 ($case) {
    my @fields = (':method' => 'POST', ':scheme' => 'http', ':authority' => $HOST, ':path' => $case->{target},
        map { /^([^:]+): (.*)/s ? (lc $1, $2) : () } headers_of($case));
    push @fields, 'content-length' => length $case->{body} if $case->{framing} !~ /without/;
    my $response = EncGather::Http2::exchange($HOST, \@fields, $case->{body});
    $case->{answers} = [ $response ? [ $response->code, $response->content ] : () ];
    return;
}

# What cannot be an answer is the last of them, with status 0. One that ends with its connection ends before anything that
# looks like another one.
sub answers_in ($bytes) {
    my @answers;
    while ($bytes =~ s{\AHTTP/1\.1 (\d+)[^\r]*\r\n((?:[^\r\n]+\r\n)*)\r\n}{}s) {
        my ($status, $headers) = ($1, $2);
        next if $status == 100;
        my $length = $headers =~ /^Content-Length: (\d+)/mi ? $1 : undef;
        push @answers, [ $status, defined $length ? substr($bytes, 0, $length, '') : body_without_length(\$bytes, $headers) ];
    }
    push @answers, [ 0, $bytes ] if length $bytes;
    return @answers;
}

sub body_without_length ($bytes, $headers) {
    my $content = '';
    return $$bytes =~ s{\A(.*?)(?=HTTP/1\.1 \d|\z)}{}s ? $1 : '' if $headers !~ /^Transfer-Encoding: chunked/mi;
    while ($$bytes =~ s/\A([0-9a-fA-F]+)\r\n//) {
        my $size = hex $1;
        $content .= substr $$bytes, 0, $size, '';
        $$bytes =~ s/\A\r\n//;
        last unless $size;
    }
    return $content;
}

# --- Its verdict ----------------------------------------------------------------------------------------------------

my (%given, %logs);

# case => [ who was given something, its length, its body ], ...
sub read_records () {
    for (split /\n/, slurp_if_there("$SEEN/cgi")) {
        my ($id, $length, $hex) = split / /, $_, 3;
        push @{ $given{$id} }, { to => 'cgi', length => $length, body => pack 'H*', $hex };
    }
    for my $request ($backend->requests) {
        my $headers = $request->{headers};
        my ($length) = (@{ $headers->{'content-length'} || [] }, @{ $headers->{'transfer-encoding'} || [] }, '-');
        push @{ $given{ $headers->{'x-case'}[0] } },
            { to => $request->{path} eq '/ok' ? 'application' : 'proxied', length => $length, body => $request->{body} };
    }
    return;
}

sub read_logs () {
    File::Find::find({ no_chdir => 1, wanted => sub { $logs{ s{.*/}{}r } = slurp($_) if -f } }, "$TREE/logs");
    return;
}

# What a refusal's answer is by the contract. A proxied error page has its own status; decrypt-gather may turn strangers
# away before it looks at anything.
sub wanted_status ($case) {
    my ($kind, $place) = @$case{qw(kind place)};
    return qr/^\d+\z/ if $PLACE{$place}{aside};
    return qr/^403\z/ if page_is_due($case) && $case->{page} eq 'proxied';
    return qr/^(?:403|$kind->{status})\z/ if is_guarded($kind, $place) && $case->{method} eq 'GET';    # no signature covers its body
    return qr/^$kind->{status}\z/ if $kind->{by_httpd} || is_guarded($kind, $place);
    return qr/^(?:40[035]|413|500)\z/ if $case->{method} eq 'GET';
    return $place eq 'gather' ? qr/^@{[ $kind->{gather} || $kind->{status} ]}\z/ : qr/^4(?:00|03|13)\z/;
}

# Our handlers answer what they refuse by themselves. A page that is guarded itself may be shown or not.
sub page_is_due ($case) {
    return $case->{page} !~ /none|guarded/ && ($case->{kind}{by_httpd} || is_guarded($case->{kind}, $case->{place}));
}

sub faults ($case) {
    my ($first, @more) = @{ $case->{answers} };
    return ('no answer') unless $first;
    return ('no second answer') if $case->{kind}{granted} && !@more && $case->{framing} !~ /^HTTP/;
    return (faults_of_first($case, $first), faults_of_more(@more), faults_of_pages($case), faults_of_logs($case));
}

sub faults_of_first ($case, $first) {
    my ($status, $body) = @$first;
    my $shown = $body =~ /^an error page: $case->{page}$/m ? 1 : 0;
    my $due   = $case->{page} eq 'guarded' ? $shown : page_is_due($case) ? 1 : 0;
    return ($status =~ wanted_status($case) ? () : "answered $status",
        $shown == $due ? () : $due ? 'the error page was not shown' : 'the error page was shown');
}

sub faults_of_more (@more) {
    return () unless @more;
    my ($second, @others) = @more;
    my $own = $second->[0] eq 200 && $second->[1] eq "the second page\n";
    return (!$own ? "what came second has status $second->[0]" : (), @others ? @others . ' answers too many' : ());
}

sub faults_of_pages ($case) {
    my @records = grep { !$case->{kind}{granted} || $_->{to} ne 'application' } @{ $given{ $case->{id} } || [] };
    my @pages   = grep { $_->{to} eq $case->{page} } @records;
    my $due     = page_is_due($case) && $case->{page} =~ /^(?:cgi|proxied)\z/ ? 1 : 0;
    return ((map { 'the application was asked' } grep { $_->{to} eq 'application' } @records),
        (map { "the error page got " . length($_->{body}) . ' bytes' } grep { length $_->{body} } @records),
        (map { "the error page was told of a body: $_->{length}" } grep { $_->{length} !~ /^(?:-|0)\z/ } @records),
        @pages == $due ? () : "the error page ran " . @pages . ' times');
}

sub faults_of_logs ($case) {
    return map { my $log = $_;
        ((index($logs{$log}, $case->{digits}) >= 0 ? "digits in $log" : ()),
            $log eq 'access_log' && $logs{$log} =~ m{/smuggled/$case->{id} } ? 'a request was made of its body' : ()) } sort keys %logs;
}

# --- All of them ----------------------------------------------------------------------------------------------------

my @cases;
for my $kind (@KINDS) {
    for my $place (sort keys %PLACE) {
        for my $page (sort keys %PAGE) {
            push @cases, map { new_case($kind, $page, $place, $_) } grep { makes_sense($kind, $page, $place, $_) } @FRAMINGS;
        }
    }
}
run_case($_) for @cases;
ok $server->stop, 'the server stops';
read_records();
read_logs();
$backend->stop;

SKIP: {
    skip 'HTTP/2: ' . ($MPM eq 'prefork' ? 'not with prefork' : 'this httpd has no mod_http2'), 1 unless $HTTP2;
}
is join('; ', faults($_)), '', $_->{name} for @cases;
cmp_ok scalar(() = $logs{access_log} =~ m{ /second\.html }g), '>', 0, 'second requests were served on some connections';

log_is_clean($server, qr{EG0129: }, qr/EG0108: /, qr/EG0112: /, qr/EG0301: /, qr/EG0302: /, qr/AH01630: client denied/, qr/AH01797: client denied/,
    qr/AH01623: client method denied/, qr/AH00957: .*attempt to connect/, qr/AH01114: /);
finish();
