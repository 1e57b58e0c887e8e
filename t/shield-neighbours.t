# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# What others have made of a query, or read of a body, before a shield: rules, redirects, pages with parts, servers in
# front, login forms.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA qw(sha1_base64);
use File::Path qw(make_path);
use JSON::PP ();
use Test::More;

use lib 't/lib';
use EncGather::Daemon qw(free_ports);
use EncGather::Files qw(slurp_if_there spew);
use EncGather::Signature qw(form_encode signature);
use EncGather::Test;

my $TREE = in_tree('private/shield-neighbours');
my $MPM  = $ENV{ENCGATHER_MPM} || 'event';
my $CARD = '0417093217048827';
make_path("$TREE/htdocs", "$TREE/cgi");
chmod 0755, map { "$TREE/$_" } '', qw(htdocs cgi);

spew("$TREE/cgi/app", <<"END_OF_SCRIPT", 0755);
#!$^X
use JSON::PP ();
my \$body = do { local \$/; <STDIN> };
print "Content-Type: application/json\\r\\n\\r\\n", JSON::PP->new->latin1->encode({ %ENV, body => defined \$body ? \$body : '' });
END_OF_SCRIPT
spew("$TREE/cgi/leads", qq(#!$^X\nprint "Location: /app/led\\r\\n\\r\\n";\n), 0755);
spew("$TREE/htdocs/page.shtml", qq(<!--#include virtual="/app/part" -->), 0644);
spew("$TREE/people", 'someone:{SHA}' . sha1_base64('pass') . "=\n", 0644);
write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");

my $cgi    = $MPM eq 'prefork' ? 'cgi' : 'cgid';
my ($NOBODY) = free_ports(1);
my $server = private_server('shield-neighbours',
    modules => [ $cgi, qw(rewrite proxy proxy_http setenvif headers mime include filter request session session_cookie authn_core authn_file auth_form authz_user) ],
    conf    => <<"END_OF_CONF");
LogLevel trace8
DocumentRoot "$TREE/htdocs"
TypesConfig /dev/null
@{[ $cgi eq 'cgid' ? "ScriptSock $TREE/cgisock" : '' ]}
<Directory "$TREE">
    Require all granted
</Directory>
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
CustomLog "$TREE/logs/lines" "%r %q %f %{COPY}e %{WHOLE}e %{REDIRECT_REQUEST_URI}e %{X-Original-URI}i %{X-Saved}i"
ScriptAlias /app "$TREE/cgi/app"
ScriptAlias /leads "$TREE/cgi/leads"
RewriteEngine on
RewriteRule "^/variable" "/app/it" [PT,E=COPY:%{QUERY_STRING}]
RewriteRule "^/wrapped" "/app/it?was=%{QUERY_STRING}" [PT]
<Location /app>
    EncGatherShield Digits
    EncGatherResign on
    SetEnvIfExpr "%{QUERY_STRING} =~ /(.*)/" WHOLE=\$1
    RequestHeader set X-Saved "expr=%{REQUEST_URI}?%{QUERY_STRING}"
</Location>
<Location /page.shtml>
    Options +Includes
    SetOutputFilter INCLUDES
</Location>
ProxyPass "/mapped" "http://127.0.0.1:$NOBODY/" mapping=encoded nocanon
<Location /mapped>
    EncGatherShield Digits
</Location>
ScriptAlias /login "$TREE/cgi/app"
<Location /login>
    AuthType form
    AuthName "people"
    AuthFormProvider file
    AuthUserFile "$TREE/people"
    Session On
    SessionCookieName session path=/
    Require valid-user
    EncGatherSignature off
    EncGatherShield Digits
    KeptBodySize 8192
</Location>
END_OF_CONF
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;
remember($CARD);

# What the application was given: its environment, and "body".
sub app ($response) {
    return eval { JSON::PP->new->latin1->decode($response->content) } || { body => 'no answer of the application: ' . $response->as_string };
}

# The text with every token put back, in braces.
sub with_values ($text) {
    return $text =~ s/(?:\b|(?<=%3D))((?:[0-9a-f]{2}){28,})\b/my $plain = open_token($1); defined $plain ? "{$plain}" : $1/ger;
}

sub has_no_digits ($seen, $name) {
    my @bad = grep { $seen->{$_} =~ /$CARD/ } sort keys %$seen;
    return is "@bad", '', "$name: no digit in any variable";
}

# --- Copies of the query ------------------------------------------------------------------------------------------------

my %copied = (
    'a rule puts it into a variable'        => [ '/variable?a=1&Digits=%s&b=2', COPY         => 'a=1&Digits={%s}&b=2' ],
    'a rule puts it into another parameter' => [ '/wrapped?Digits=%s&b=2',      QUERY_STRING => 'was=Digits={%s}&b=2' ],
    'a variable of the location'            => [ '/app?x=y&Digits=%s',          WHOLE        => 'x=y&Digits={%s}' ],
    'a program that redirects'              => [ '/leads?Digits=%s',            REDIRECT_REQUEST_URI => '/leads?Digits={%s}' ],
);
for my $name (sort keys %copied) {
    my ($target, $variable, $want) = @{ $copied{$name} };
    my $seen = app(get($HOST, sprintf $target, $CARD));
    is with_values($seen->{$variable} // 'nothing'), sprintf($want, $CARD), "$name: $variable";
    has_no_digits($seen, $name);
}
{
    my $target = "/app/front?a=b&D%69gits=%30417093217048827";
    my @headers = ('X-Original-URI' => $target, 'X-Wrapped' => "/x?to=%2Fapp%3FDigits%3D$CARD%26c%3Dd", 'X-Longer' => "Digits=${CARD}5 AllDigits=$CARD", Cookie => 'Digits=5');
    my $seen   = app(get($HOST, $target, headers => \@headers));
    is with_values($seen->{HTTP_X_ORIGINAL_URI}), "/app/front?a=b&D%69gits={$CARD}", 'a server in front has put the URL into a header';
    is $seen->{HTTP_X_ORIGINAL_URI}, $seen->{REQUEST_URI}, 'it is the URL that the application gets, so that it can check the signature';
    is $seen->{HTTP_X_TWILIO_SIGNATURE}, signature($TOKEN{demo}, "http://$HOST$seen->{HTTP_X_ORIGINAL_URI}", []), 'which fits';
    is with_values($seen->{HTTP_X_WRAPPED}), "/x?to=%2Fapp%3FDigits%3D{$CARD}%26c%3Dd", 'escaped once more';
    is $seen->{HTTP_X_LONGER}, "Digits=${CARD}5 AllDigits=$CARD", 'another value and another name stay';
    is $seen->{HTTP_COOKIE}, 'Digits=5', 'and so do cookies';
}
{
    my $page = get($HOST, "/page.shtml?Digits=$CARD");
    like $page->content, qr/^\{.*\}\s*\z/s, 'a page without a shield has a part with one';
    unlike $page->content, qr/$CARD/, 'no variable of the page tells the part digits';
}

is get($HOST, "/mapped/x?Digits=$CARD")->code, 503, 'mod_proxy maps before anybody else; the log is looked at below';

# --- Bodies that others have read -----------------------------------------------------------------------------------------

{
    my @pairs = (httpd_username => 'someone', httpd_password => 'pass', Digits => $CARD);
    for my $how ([ 'with a length' ], [ 'in chunks', chunks => [ form_encode(@pairs) ] ]) {
        my ($name, %options) = @$how;
        my $got = post($HOST, '/login', \@pairs, %options);
        is $got->code . ' ' . $got->content, "500 misconfigured\n", "a login form has read a body $name: the application is not asked";
    }
    like $server->error_log, qr/EG0108: [^\n]*another module has read the body before the shield/, 'and the log says why';
}

ok $server->stop, 'the server stops';
for my $log (qw(error_log access_log lines)) {
    my @bad = grep { /(?<!AllDigits=)$CARD(?!5)/ } split /^/, slurp_if_there("$TREE/logs/$log") || '';
    is scalar(@bad), 0, "$log: none of what was shielded" or diag @bad;
}
log_is_clean($server, qr/AH0\d+/, qr/EG0108/, qr/EG0110/);
done_testing;
