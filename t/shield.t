# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# EncGatherShield and EncGatherResign: an application that exists already gets tokens where digits were, a request that
# is otherwise as it came, and a signature that its own validator takes.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();
use Test::More;

use lib 't/lib';
use EncGather::Daemon qw(free_ports);
use EncGather::Files qw(slurp_if_there spew);
use EncGather::Jwe qw(make_pair opened_by_tool header_text);
use EncGather::Signature qw(signature signature_sha256 form_encode form_decode body_sha256);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

my $TREE = in_tree('private/shield');
my $MPM  = $ENV{ENCGATHER_MPM} || 'event';
my $CALL = 'CA' . '5' x 32;
my $CARD = '0417093217048895';
my $SEEN = "$TREE/seen";    # of applications; it is no log
make_path("$TREE/htdocs/front", "$TREE/htdocs/index", "$TREE/cgi", $SEEN);
chmod 0755, $TREE, "$TREE/cgi", map { "$TREE/htdocs/$_" } '', qw(front index);
chmod 0777, $SEEN;

# --- The application, which knows nothing of us: it answers with what it was given ------------------------------------

spew("$TREE/cgi/app", <<"END_OF_SCRIPT", 0755);
#!$^X
use JSON::PP ();
binmode STDIN; binmode STDOUT;
my \$body = do { local \$/; <STDIN> };
my %seen = (body => defined \$body ? \$body : '', map { \$_ => \$ENV{\$_} } keys %ENV);
open my \$count, '>>', '$SEEN/requests'; print {\$count} "."; close \$count;
print "Content-Type: application/json\\r\\nX-Of-App: yes\\r\\nSet-Cookie: a=b\\r\\n\\r\\n", JSON::PP->new->latin1->encode(\\%seen);
END_OF_SCRIPT
spew("$TREE/cgi/refusing", qq(#!$^X\nbinmode STDIN; my \$body = do { local \$/; <STDIN> }; print "Status: 403\\r\\n\\r\\nnot from Twilio";\n), 0755);
make_path("$TREE/htdocs/index/listed");
for my $path ('index/run', 'index/listed/run') {
    spew("$TREE/htdocs/$path", slurp_if_there("$TREE/cgi/app"), 0755);
}
spew("$TREE/htdocs/page.shtml", qq(<!--#include virtual="/part/app" -->), 0644);

write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/tokens", "$TOKEN{other}\n$TOKEN{demo}\n$ACCOUNT_SID $TOKEN{account}\nwebhooks_sharedkey_A1 shared-secret\n");
make_pair(p256 => "$TREE/bank");

my ($PORT, $FCGI) = free_ports(2);
my $cgi = $MPM eq 'prefork' ? 'cgi' : 'cgid';
my $H2  = $MPM ne 'prefork';
my $server = private_server('shield',
    port    => $PORT,
    modules => [ $cgi, qw(dir rewrite proxy proxy_http proxy_fcgi setenvif headers mime include filter autoindex), $H2 ? 'http2' : () ],
    conf    => <<"END_OF_CONF");
LogLevel trace8@{[ $H2 ? ' http2:info' : '' ]}
DocumentRoot "$TREE/htdocs"
TypesConfig /dev/null
DirectoryIndex app.html
@{[ $H2 ? 'Protocols h2c http/1.1' : '' ]}
@{[ $cgi eq 'cgid' ? "ScriptSock $TREE/cgisock" : '' ]}
<Directory "$TREE">
    Require all granted
    AllowOverride All
</Directory>
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
CustomLog "$TREE/logs/verdicts" "%>s %{ENCGATHER_CALL}e %{ENCGATHER_STEP}e %{ENCGATHER_RESULT}e %{ENCGATHER_SIGNATURE}e"
CustomLog "$TREE/logs/lines" "%r %q %U %{Referer}i %f"
<IfModule prefork.c>
    StartServers 4
    MinSpareServers 4
</IfModule>

ScriptAlias /backend "$TREE/cgi/app"
<Location /ivr>
    ProxyPass "http://127.0.0.1:$PORT/backend"
    EncGatherShield Digits=4-19:card SpeechResult Pin[]
    EncGatherResign on
    EncGatherMaxBody 20000
</Location>
<Location /ivr/menu>
    EncGatherShield off
</Location>
<Location /ivr/more>
    EncGatherShield Other
    EncGatherShield Another
</Location>
ProxyPass "/unix" "unix:$SEEN/unix|http://app.test/app"
ProxyPass "/fcgi" "fcgi://127.0.0.1:$FCGI/app"
<Location ~ "^/(unix|fcgi)">
    EncGatherShield Digits
    EncGatherResign on
</Location>
<Location /raw>
    ProxyPass "http://127.0.0.1:$PORT/backend" nocanon
    EncGatherShield Digits
    EncGatherResign on
</Location>
ScriptAlias /cgi "$TREE/cgi/app"
<Location /cgi>
    EncGatherShield Digits SpeechResult
</Location>
ScriptAlias /observed "$TREE/cgi/app"
<Location /observed>
    EncGatherShield observe Digits=4-19 Quiet
    EncGatherShield observe SpeechResult
    EncGatherResign on
</Location>
ScriptAlias /lenient "$TREE/cgi/app"
<Location /lenient>
    EncGatherSignature observe
    EncGatherShield Digits
    EncGatherResign on
</Location>
ScriptAlias /unchecked "$TREE/cgi/app"
<Location /unchecked>
    EncGatherSignature off
    EncGatherShield Digits
    EncGatherResign on
</Location>
ScriptAlias /bound "$TREE/cgi/app"
<Location /bound>
    EncGatherShield Digits:card
    EncGatherTokenFormat jwe
    EncGatherResign on
</Location>
ScriptAlias /sealed "$TREE/cgi/app"
<Location /sealed>
    EncGatherShield Digits:card
    EncGatherRecipient bank1 "$TREE/bank.pub"
</Location>
ScriptAlias /prefixed "$TREE/cgi/app"
<Location /prefixed>
    EncGatherPublicURL https://ivr.example.com:8443/tel/
    EncGatherShield Digits
    EncGatherResign on
</Location>
ScriptAlias /required "$TREE/cgi/app"
<Location /required>
    Require twilio-signature
    EncGatherShield Digits
    EncGatherResign on
</Location>
ScriptAlias /conditional "$TREE/cgi/app"
<Location /conditional>
    <If "%{QUERY_STRING} =~ /step=card/">
        EncGatherShield Digits
    </If>
</Location>
ScriptAlias /part "$TREE/cgi/app"
<Location /front>
    EncGatherShield Digits
    EncGatherResign on
</Location>
Alias /listed "$TREE/htdocs"
<Location /page.shtml>
    Options +Includes
    SetOutputFilter INCLUDES
    EncGatherShield Digits
</Location>
<Location /front2>
    EncGatherShield Digits
    FallbackResource /cgi-of-all
</Location>
ScriptAlias /cgi-of-all "$TREE/cgi/app"
RewriteEngine on
RewriteRule "^/noted" "-" [E=NOTED:q=%{QUERY_STRING}]
ScriptAlias /noted "$TREE/cgi/app"
<Location /noted>
    EncGatherShield Digits
</Location>
RewriteRule "^/routed/(\\w+)\$" "/cgi?route=\$1" [QSA,PT]
ErrorDocument 403 /error-page
ScriptAlias /error-page "$TREE/cgi/app"
RewriteRule "^/handed/(\\w+)\$" "http://127.0.0.1:$PORT/backend?route=\$1" [QSA,P]
<Location /handed>
    EncGatherShield Digits
</Location>
ScriptAlias /refusing "$TREE/cgi/refusing"
<Location /refusing>
    EncGatherShield Digits=4-19
</Location>
<Location /refusing/anew>
    EncGatherResign on
</Location>
ScriptAlias /closed "$TREE/cgi/app"
<Location /closed>
    Require ip 192.0.2.1
    EncGatherShield Digits
</Location>
<Directory "$TREE/htdocs/index">
    Options +ExecCGI +Indexes
    DirectoryIndex none.html run
    <Files "run">
        SetHandler cgi-script
        EncGatherShield Digits
        EncGatherResign on
    </Files>
</Directory>
<Location /index/listed>
    DirectoryIndex none.html
</Location>
<Location /handled>
    EncGatherShield Digits
    <If "true">
        SetHandler encgather-status
    </If>
</Location>
END_OF_CONF
spew("$TREE/htdocs/front/.htaccess", "RewriteEngine on\nRewriteRule ^ /part [L]\n", 0644);

$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = "127.0.0.1:$PORT";

# --- Applications that are no CGI programs: HTTP over a Unix socket, FastCGI ----------------------------------------------

my @BESIDE;

# Serves one connection after the other until it is ended.
sub serve ($listener, $answer) {
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    $SIG{$_} = 'DEFAULT' for qw(TERM INT HUP);
    $SIG{PIPE} = 'IGNORE';
    while (my $client = $listener->accept) { $answer->($client); close $client }
    POSIX::_exit(0);
}

sub as_json (%seen) { return JSON::PP->new->latin1->encode(\%seen) }

sub answer_http ($client) {
    my ($head, $body) = ('', '');
    1 while $head !~ /\r\n\r\n\z/ && read $client, $head, 1, length $head;
    read $client, $body, $1 if $head =~ /^Content-Length: (\d+)/mi;
    my $json = as_json(head => $head, body => $body);
    print {$client} "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ", length $json, "\r\n\r\n$json";
    return;
}

sub end_beside () {
    kill TERM => @BESIDE if @BESIDE;
    waitpid $_, 0 for splice @BESIDE;
    return;
}

# As much of the protocol as it takes to answer one request; parameters stay as they came.
sub answer_fastcgi ($client) {
    my ($parameters, $body) = ('', '');
    while (8 == read $client, my $head, 8) {
        my (undef, $type, undef, $length, $padding) = unpack 'CCnnC', $head;
        read $client, my $content, $length + $padding;
        substr($content, $length) = '';
        $parameters .= $content if $type == 4;
        $body .= $content if $type == 5;
        last if $type == 5 && !$length;
    }
    my $json = "Content-Type: application/json\r\n\r\n" . as_json(head => $parameters, body => $body);
    print {$client} pack('CCnnCx', 1, 6, 1, length $json, 0), $json, pack('CCnnCx', 1, 6, 1, 0, 0), pack('CCnnCxNx4', 1, 3, 1, 8, 0, 0);
    return;
}

my $unix = IO::Socket::UNIX->new(Local => "$SEEN/unix", Listen => 8) or die "$SEEN/unix: $!";
chmod 0777, "$SEEN/unix";
my $fcgi = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$FCGI", Listen => 8, ReuseAddr => 1) or die "port $FCGI: $!";
push @BESIDE, (serve($unix, \&answer_http), serve($fcgi, \&answer_fastcgi));
END { local $?; end_beside() }
close $_ for $unix, $fcgi;

# --- Help -------------------------------------------------------------------------------------------------------------

sub send_to ($target, $pairs, %options) { return post($HOST, $target, $pairs, %options) }

# What the application was given: its environment, and "body".
sub app ($response) {
    my $seen = eval { JSON::PP->new->latin1->decode($response->content) };
    return $seen || { body => 'no answer of the application: ' . $response->as_string, REQUEST_URI => '', QUERY_STRING => '' };
}

# The values of a name in a form.
sub values_of ($form, $name) {
    my (@pairs, @values) = form_decode($form);
    while (my ($key, $value) = splice @pairs, 0, 2) { push @values, $value if $key eq $name }
    return @values;
}

# The text with every token of the demo's key put back, in braces.
sub with_values ($text) {
    return $text =~ s/\b((?:[0-9a-f]{2}){28,})\b/my $plain = open_token($1); defined $plain ? "{$plain}" : $1/ger;
}

# The last line of a request that was for us; it is written after the answer is there.
sub logged ($want) {
    my $last;
    wait_until(5, sub { my @lines = grep { !/^\d+ - - - -\z/ } split /\n/, slurp_if_there("$TREE/logs/verdicts") || ''; $last = $lines[-1]; defined $last && $last eq $want });
    return $last;
}

sub requests_of_app { return length(slurp_if_there("$SEEN/requests") || '') }

# Whether the signature that the application got fits what it got, for the URL that was called.
sub is_signed_anew ($seen, $url, $name, $token = $TOKEN{demo}, $sign = \&signature) {
    return is $seen->{HTTP_X_TWILIO_SIGNATURE}, $sign->($token, $url, [ form_decode($seen->{body}) ]), $name;
}

my @FORM = (AccountSid => 'AC' . '7' x 32, CallSid => $CALL, Note => "K\xc3\xb6ln + 100 % & more", Empty => '');
remember($CARD, '09321704', '0417');

# --- A form through ProxyPass ---------------------------------------------------------------------------------------------

{
    my $body = "CallSid=$CALL&Digits=$CARD&x=%2f+%2F;y&Digits=12&&Digits&Digits=&SpeechResult=wei%c3%9f+nicht&D%69gits=%30417&digits=0417&Pin%5B%5D=7&";
    my @pairs = form_decode($body);
    my $got  = send_to('/ivr', \@pairs, body => $body);
    my $seen = app($got);
    is $got->code, 200, 'a form';
    is with_values($seen->{body}), "CallSid=$CALL&Digits={$CARD}&x=%2f+%2F;y&Digits=12&&Digits&Digits=&SpeechResult={wei\xc3\x9f nicht}"
        . '&D%69gits={0417}&digits=0417&Pin%5B%5D={7}&', 'the chosen values are tokens, all else is as it came, byte for byte';
    is $seen->{CONTENT_LENGTH}, length $seen->{body}, 'with its length';
    is_signed_anew($seen, "http://$HOST/ivr", 'it is signed anew');
    is $got->header('Set-Cookie'), 'a=b', 'the answer passes unchanged';
    is logged("200 $CALL - shielded valid"), "200 $CALL - shielded valid", 'its line in the access log';

    $got  = send_to('/ivr', [ @FORM, Digits => '1' ]);
    $seen = app($got);
    is $seen->{body}, form_encode(@FORM, Digits => '1'), 'a key of a menu goes on as it came';
    is $seen->{HTTP_X_TWILIO_SIGNATURE}, signature($TOKEN{demo}, "http://$HOST/ivr", [ @FORM, Digits => '1' ]), 'with the signature that it came with';
    is logged("200 $CALL - passed valid"), "200 $CALL - passed valid", 'and is told so';

    for my $length (3, 4, 19, 20) {
        my $digits = substr 'qvjxkzwqvbjkqzxvwjkqxzv', 0, $length;
        my $form = app(send_to('/ivr', [ CallSid => $CALL, Digits => $digits ]))->{body};
        my $want = $length >= 4 && $length <= 19 ? "{$digits}" : $digits;
        is with_values($form), "CallSid=$CALL&Digits=$want", "$length bytes under =4-19";
    }
    is app(send_to('/ivr/menu', [ Digits => '1234567' ], headers => []))->{body}, 'Digits=1234567', 'off in an inner location';
    is with_values(app(send_to('/ivr/more', [ Digits => 5, Other => 6, Another => 7 ]))->{body}), 'Digits=5&Other={6}&Another={7}', 'a list of an inner location replaces the outer one';
}

# --- Framing ----------------------------------------------------------------------------------------------------------------

{
    my @pairs = (@FORM, Digits => $CARD, Fill => 'x' x 9000);
    my $body  = form_encode(@pairs);
    my $want  = $body =~ s/$CARD/{$CARD}/r;
    for my $how ([ plain => () ], [ 'chunks' => chunks => [ unpack '(a700)*', $body ] ], [ 'segments of one byte' => segments => 1, 'small' ]) {
        my ($name, %options) = (@$how[0], @$how[1 .. ($#$how > 2 ? 2 : $#$how)]);
        my @sent = $name =~ /one byte/ ? (CallSid => $CALL, Digits => $CARD) : @pairs;
        my $target = $name =~ /one byte/ ? '/cgi' : '/ivr';
        my $seen = app(send_to($target, \@sent, %options));
        is with_values($seen->{body}), $name =~ /one byte/ ? "CallSid=$CALL&Digits={$CARD}" : $want, "$name: the body";
        is $seen->{CONTENT_LENGTH}, length $seen->{body}, "$name: arrives with a length";
    }
    my $seen = app(send_to('/cgi', \@pairs, chunks => [ unpack '(a700)*', $body ]));
    is $seen->{CONTENT_LENGTH} . ' ' . (exists $seen->{HTTP_TRANSFER_ENCODING} ? 'chunked' : 'plain'), length($seen->{body}) . ' plain', 'chunks, a CGI program: a length and no chunks';
    $seen = app(send_to('/cgi', [ @FORM, Note => 1 ], chunks => [ form_encode(@FORM, Note => 1) ]));
    is $seen->{CONTENT_LENGTH}, length $seen->{body}, 'nothing to replace: chunks arrive with a length, too';

    my $most = 'a=' . 'x' x (20_000 - 2 - length "&Digits=$CARD") . "&Digits=$CARD";
    is length(app(send_to('/ivr', [ form_decode($most) ], body => $most))->{body}), 20_000 - 16 + 88, 'a body at the limit grows by its token';
    my $got = send_to('/ivr', [ form_decode("$most&") ], body => "$most&");
    is $got->code . ' ' . $got->content, "413 too large\n", 'one byte more';
}

{
    my $form = form_encode(my @pairs = (CallSid => $CALL, Digits => $CARD));
    my $sign = signature($TOKEN{demo}, "http://$HOST/cgi", \@pairs);
    my $head = "POST /cgi HTTP/1.1\r\nHost: $HOST\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: $sign\r\nContent-Length: " . length($form) . "\r\n";
    my $bytes = join '', send_pieces($HOST, "$head\r\n$form$head\r\n${form}GET /cgi HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\nX-Twilio-Signature: "
        . signature($TOKEN{demo}, "http://$HOST/cgi", []) . "\r\n\r\n");
    is scalar(() = $bytes =~ /HTTP\/1\.1 200 OK\r/g), 3, 'three requests on one connection';
    is scalar(() = $bytes =~ /"REQUEST_METHOD":"POST"/g), 2, 'two of them with their bodies';
    my $socket = IO::Socket::INET->new(PeerAddr => $HOST);
    print {$socket} "${head}Expect: 100-continue\r\nConnection: close\r\n\r\n";
    is scalar(<$socket>), "HTTP/1.1 100 Continue\r\n", 'Expect: 100-continue';
    print {$socket} $form;
    my $answer = do { local $/; <$socket> };
    like $answer, qr/200 OK.*Digits=[0-9a-f]{88}/s, 'and the body';
}

SKIP: {
    skip 'mod_http2 does not support the prefork MPM', 1 unless $H2;
    my @pairs = (CallSid => $CALL, Digits => $CARD);
    my $sign  = signature($TOKEN{demo}, "http://$HOST/cgi?a=b", \@pairs);
    my $got   = `curl -s --http2-prior-knowledge -H 'X-Twilio-Signature: $sign' -d '@{[ form_encode(@pairs) ]}' 'http://$HOST/cgi?a=b'`;
    like $got, qr/"CallSid=$CALL&Digits=[0-9a-f]{88}"/, 'HTTP/2';
}

# --- A query ------------------------------------------------------------------------------------------------------------------

for my $target ('/ivr', '/raw/x', '/cgi') {
    my $odd  = $target eq '/raw/x' ? 'x' : 'x?y';    # mod_proxy takes a second question mark for unsafe there
    my $got  = get($HOST, "$target?a=%7E&Digits=$CARD&b=$odd&D%69gits=0417");
    my $seen = app($got);
    is with_values($seen->{QUERY_STRING}), "a=%7E&Digits={$CARD}&b=$odd&D%69gits={0417}", "GET $target: tokens in the query";
    like $seen->{REQUEST_URI}, qr/\?\Q$seen->{QUERY_STRING}\E\z/, "$target: and in REQUEST_URI";
    is_signed_anew($seen, "http://$HOST$target?$seen->{QUERY_STRING}", "$target: signed anew") if $target ne '/cgi';
    unlike $got->content, qr/$CARD/, "$target: no digit anywhere";
    my @both = (CallSid => $CALL, Digits => $CARD);
    $seen = app(send_to("$target?Digits=09321704&c=1", \@both));
    is with_values("$seen->{QUERY_STRING} $seen->{body}"), "Digits={09321704}&c=1 CallSid=$CALL&Digits={$CARD}", "POST $target: query and body";
}
is with_values(app(get($HOST, "/routed/now?Digits=$CARD"))->{QUERY_STRING}), "route=now&Digits={$CARD}", 'a query that a RewriteRule has added to';
{
    my $seen = app(get($HOST, "/front/page?Digits=$CARD"));
    is with_values($seen->{QUERY_STRING}), "Digits={$CARD}", 'a front controller in .htaccess, outside of the location';
    unlike join(' ', values %$seen), qr/$CARD/, 'no variable of it has digits';
    is with_values(app(send_to('/front/page', [ Digits => $CARD ]))->{body}), "Digits={$CARD}", 'nor has its body';
    $seen = app(send_to('/front2/page', [ Digits => $CARD ]));
    is with_values($seen->{body}), "Digits={$CARD}", 'FallbackResource outside of the location';
    my $part = get($HOST, "/page.shtml?Digits=$CARD");
    is $part->code, 200, 'a page with a part';
    unlike $part->content, qr/$CARD/, 'which sees tokens';
    like $part->content, qr/\?Digits=[0-9a-f]{88}/, 'in the URL of the page';
}
is get($HOST, '/cgi', method => 'HEAD')->code, 200, 'HEAD';
is with_values(app(get($HOST, "/noted?a=b&Digits=$CARD"))->{NOTED}), "q=a=b&Digits={$CARD}", 'a variable that a rule has made of the query';
{
    my $seen = app(get($HOST, "/handed/now?Digits=$CARD"));
    is with_values($seen->{QUERY_STRING}), "route=now&Digits={$CARD}", 'handed on by a RewriteRule [P]';
    $seen = app(send_to("/index/?Digits=0417", [ Digits => $CARD ]));
    is with_values("$seen->{QUERY_STRING} $seen->{body}"), "Digits={0417} Digits={$CARD}", 'an index that has the shield, where its directory has none';
    is_signed_anew($seen, "http://$HOST/index/?$seen->{QUERY_STRING}", 'is signed anew');
    unlike join(' ', map { $seen->{$_} } grep { $_ ne 'body' } keys %$seen), qr/Digits=0417/, 'no variable of it has digits';
    my $before = requests_of_app();
    is send_to('/index/', [ Digits => $CARD ], token => undef)->code, 403, 'and is closed without a signature';
    is requests_of_app(), $before, 'nothing reached it';
    like request(GET => $HOST, '/index/listed/')->content, qr/Index of/, 'a list of its directory is none of its requests';
}
{
    my $seen = app(get($HOST, "/closed?Digits=$CARD"));
    is "$seen->{SCRIPT_NAME} $seen->{REDIRECT_STATUS}", '/error-page 403', 'closed by others: their error page';
    unlike join(' ', values %$seen), qr/$CARD/, 'it has no digit of the query';
    is app(send_to('/closed', [ Digits => $CARD ]))->{body}, '', 'nor a body';
}

for my $target ('/unix', '/fcgi') {
    my @pairs = (CallSid => $CALL, Digits => $CARD, Fill => 'x' x 5000);
    for my $how ([ plain => () ], [ chunks => chunks => [ unpack '(a900)*', form_encode(@pairs) ] ]) {
        my ($name, @options) = @$how;
        my $seen = app(send_to("$target?Digits=0417", \@pairs, @options));
        is with_values($seen->{body}), form_encode(@pairs) =~ s/$CARD/{$CARD}/r, "$target, $name: a body with tokens";
        like with_values($seen->{head} // ''), qr/Digits=\{0417\}/, "$target, $name: a query with them";
        unlike $seen->{head} // '', qr/Digits=0417/, "$target, $name: and without digits";
        my ($query)  = ($seen->{head} // '') =~ /(Digits=[0-9a-f]{64})/;
        my $anew = signature($TOKEN{demo}, "http://$HOST$target?$query", [ form_decode($seen->{body}) ]);
        like $seen->{head} // '', qr/\Q$anew\E/, "$target, $name: signed anew";
        my $length = length $seen->{body};
        like $seen->{head} // '', qr/CONTENT.LENGTH(?:: )?$length\b/i, "$target, $name: with its length";
    }
}

# --- Headers ----------------------------------------------------------------------------------------------------------------------

{
    my @digests = (Digest => 'sha-256=a', 'Content-Digest' => 'sha-256=:a:', 'Content-MD5' => 'YQ==');
    my $seen = app(send_to('/cgi', [ @FORM, Digits => $CARD ], headers => [ @digests, 'X-Twilio-Webhooks-Signature-Settings' => '' ], signature => signature_sha256('x', 'y', [])));
    is $seen->{body} =~ /no answer/, 1, 'two kinds of signature: refused';
    $seen = app(send_to('/cgi', [ @FORM, Digits => $CARD ], headers => [ @digests, Cookie => 'c=d', 'X-Home' => 'a b' ]));
    is_deeply [ grep { /DIGEST|MD5|SIGNATURE/ && /^HTTP_/ } sort keys %$seen ], [], 'without EncGatherResign: no digests, no signatures';
    is "$seen->{HTTP_COOKIE} $seen->{HTTP_X_HOME}", 'c=d a b', 'all other headers';
    $seen = app(send_to('/cgi', [@FORM], headers => [@digests]));
    is "$seen->{HTTP_DIGEST} $seen->{HTTP_CONTENT_MD5}", 'sha-256=a YQ==', 'where nothing is replaced they go on';
    is $seen->{HTTP_X_TWILIO_SIGNATURE}, signature($TOKEN{demo}, "http://$HOST/cgi", \@FORM), 'and so does the signature';
}

# --- Signed anew: by whom, and for which spelling of the URL ----------------------------------------------------------------------

{
    my @pairs = (CallSid => $CALL, Digits => $CARD);
    for my $url ("http://127.0.0.1/ivr", "http://127.0.0.1:80/ivr", "http://$HOST/ivr") {
        is_signed_anew(app(send_to('/ivr', \@pairs, signed_url => $url)), $url, "the URL that was signed: $url");
    }
    my $public = 'https://ivr.example.com:8443/tel/prefixed';
    is_signed_anew(app(send_to('/prefixed', \@pairs, signed_url => $public)), $public, 'EncGatherPublicURL with a prefix');
    $public =~ s/:8443/:443/;
    is_signed_anew(app(send_to('/prefixed', \@pairs, signed_url => $public)), $public, 'with the standard port');
    my @of_account = (AccountSid => $ACCOUNT_SID, @pairs);
    is_signed_anew(app(send_to('/ivr', \@of_account, token => $TOKEN{account})), "http://$HOST/ivr", 'a token of an account', $TOKEN{account});
    is_signed_anew(app(send_to('/ivr', \@pairs, token => $TOKEN{other})), "http://$HOST/ivr", 'the other token', $TOKEN{other});
    my $settings = 'key=webhooks_sharedkey_A1, algorithm=HMAC_SHA256';
    my $seen = app(send_to('/ivr', \@pairs, signature => signature_sha256('shared-secret', "http://$HOST/ivr", \@pairs),
        headers => [ 'X-Twilio-Webhooks-Signature-Settings' => $settings ]));
    is_signed_anew($seen, "http://$HOST/ivr", 'a SharedKey', 'shared-secret', \&signature_sha256);
    is $seen->{HTTP_X_TWILIO_WEBHOOKS_SIGNATURE_SETTINGS}, $settings, 'with its settings';
    is_signed_anew(app(send_to('/required', \@pairs)), "http://$HOST/required", 'beside "Require twilio-signature"');
    my @twice = (CallSid => $CALL, b => 2, Digits => '0417', Digits => '0417', b => 1);
    is_signed_anew(app(send_to('/raw/x', \@twice)), "http://$HOST/raw/x", 'names twice');
}

# --- What was not valid is never made so ------------------------------------------------------------------------------------------

{
    my @pairs = (CallSid => $CALL, Digits => $CARD);
    my $before = requests_of_app();
    for my $bad ([ 'wrong' => token => 'wrong' ], [ 'missing' => token => undef ], [ 'of another URL' => signed_url => "http://$HOST/other" ]) {
        my ($name, %options) = @$bad;
        my $got = send_to('/ivr', \@pairs, %options);
        is $got->code . ' ' . $got->content, "403 forbidden\n", "a signature that is $name: our own words";
        like $got->header('Content-Type'), qr{^text/plain\b}, "$name: as text";
        my $verdict = $name eq 'missing' ? 'missing' : 'invalid';
        is logged("403 $CALL - forbidden $verdict"), "403 $CALL - forbidden $verdict", "$name: its line in the access log";
    }
    is requests_of_app(), $before, 'nothing of it reached the application, or an error page';
    for my $place ([ lenient => 'invalid' ], [ unchecked => 'unchecked' ]) {
        my ($path, $word) = @$place;
        my $seen = app(send_to("/$path", \@pairs, token => 'wrong'));
        is with_values($seen->{body}), "CallSid=$CALL&Digits={$CARD}", "/$path: values are replaced all the same";
        is $seen->{HTTP_X_TWILIO_SIGNATURE}, undef, "/$path: but it has no signature";
        is logged("200 $CALL - shielded $word"), "200 $CALL - shielded $word", "/$path: its line in the access log";
    }
    is_signed_anew(app(send_to('/lenient', \@pairs)), "http://$HOST/lenient", 'observed and valid: signed anew');
    is app(send_to('/unchecked', \@pairs))->{HTTP_X_TWILIO_SIGNATURE}, undef, 'unchecked: never';
}

# What an application with a validator of its own says tells who set the shield up what is missing.
{
    my @hints = sub () { return $server->error_log =~ /\[encgather:notice\][^\n]*EG0164: call $CALL: 403 was answered to a webhook that was genuine, and went on (.*)/g };
    is send_to('/refusing', [ CallSid => $CALL, Digits => $CARD ])->content, 'not from Twilio', 'an application that refuses what has no signature';
    is send_to('/refusing/anew', [ CallSid => $CALL, Digits => $CARD ])->code, 403, 'and one that refuses what was signed anew';
    is send_to('/refusing', [ CallSid => $CALL, Digits => 1 ])->code, 403, 'and what went on as it came';
    my @said;
    wait_until(5, sub { (@said = $hints[0]->()) >= 2 });
    is_deeply [ map { /^without a signature: set EncGatherResign on/ ? 'resign' : /^signed anew: .* another URL/ ? 'url' : $_ } @said ], [qw(resign url)], 'a line for each that was changed';
}

# --- observe -----------------------------------------------------------------------------------------------------------------------

{
    my @pairs = (CallSid => $CALL, Digits => $CARD, SpeechResult => 'a', Quiet => '');
    my $seen  = app(send_to('/observed', \@pairs));
    is $seen->{body}, form_encode(@pairs), 'observe: the body as it came';
    is $seen->{HTTP_X_TWILIO_SIGNATURE}, signature($TOKEN{demo}, "http://$HOST/observed", \@pairs), 'and the signature';
    is logged("200 $CALL - passed valid"), "200 $CALL - passed valid", 'and the result';
    like $server->error_log, qr/encgather:notice.*EG0213: call $CALL: [^\n]*Digits SpeechResult\b/, 'one line names the parameters';
    is send_to('/observed', \@pairs, token => 'wrong')->code, 403, 'the signature is looked at all the same';
}

# --- Tokens that are bound ------------------------------------------------------------------------------------------------------------

{
    my ($token) = values_of(app(send_to('/bound', [ CallSid => $CALL, Digits => $CARD ]))->{body}, 'Digits');
    is opened_by_tool($token, '--key-file', "$TREE/key", '--fld', 'card', '--sid', $CALL), $CARD, 'jwe, with the name behind the colon and the call';
    ($token) = values_of(app(send_to('/sealed', [ CallSid => $CALL, Digits => $CARD ]))->{body}, 'Digits');
    is opened_by_tool($token, '--private-key', "$TREE/bank", '--fld', 'card', '--sid', $CALL), $CARD, 'sealed to a recipient';
    my $before = requests_of_app();
    is send_to('/bound', [ Digits => $CARD ])->code, 400, 'no call id, and a token to be made';
    is send_to('/bound', [ CallSid => $CALL, CallSid => $CALL, Digits => $CARD ])->code, 400, 'two of them';
    is requests_of_app(), $before, 'neither reaches the application';
    is send_to('/bound', [ Digits => '' ])->code, 200, 'no call id, and nothing to replace';
}

# --- Where it holds ----------------------------------------------------------------------------------------------------------------------

is with_values(app(send_to('/conditional?step=card', [ Digits => $CARD ]))->{body}), "Digits={$CARD}", 'an <If> that is so';
is app(send_to('/conditional?step=menu', [ Digits => '12345' ], token => undef))->{body}, 'Digits=12345', 'and one that is not';
is get($HOST, '/handled')->code, 500, 'together with a handler of ours';

# --- Refusals ------------------------------------------------------------------------------------------------------------------------------

{
    my $before = requests_of_app();
    my $form   = 'application/x-www-form-urlencoded';
    my @refused = (
        [ 'PUT',                   405, 'method',     sub { request(PUT => $HOST, '/ivr', body => 'a=1', headers => [ 'Content-Type' => $form ]) } ],
        [ 'JSON',                  415, 'media-type', sub { send_to('/ivr', [], body => '{}', type => 'application/json') } ],
        [ 'bodySHA256',            415, 'media-type', sub { send_to('/ivr?bodySHA256=' . body_sha256('a=1'), [], body => 'a=1') } ],
        [ 'compressed',            415, 'media-type', sub { send_to('/ivr', [], body => 'a=1', headers => [ 'Content-Encoding' => 'gzip' ]) } ],
        [ 'GET with a body',       400, 'malformed',  sub { request(GET => $HOST, '/ivr', body => 'a=1', headers => [ 'Content-Type' => $form ]) } ],
        [ 'too large',             413, 'too-large',  sub { send_to('/ivr', [], body => 'a=' . 'x' x 20_000) } ],
        [ '257 parameters',        413, 'too-large',  sub { send_to('/ivr', [], body => join '&', ('a=1') x 257) } ],
        [ 'a broken escape',       400, 'malformed',  sub { send_to('/ivr', [], body => 'a=%zz') } ],
        [ 'one in the query',      400, 'malformed',  sub { send_to('/ivr?a=%zz', []) } ],
        [ 'a NUL',                 400, 'malformed',  sub { send_to('/ivr', [], body => 'a=%00') } ],
    );
    for my $case (@refused) {
        my ($name, $status, $word, $send) = @$case;
        my $got = $send->();
        is $got->code, $status, "$name: $status";
        like $got->header('Content-Type') . ' ' . $got->content, qr{\Atext/plain; charset=utf-8 [a-z ]+\n\z}, "$name: as text";
        like logged("$status - - $word unchecked"), qr/^$status - - $word unchecked\z/, "$name: its line in the access log";
    }
    is_deeply [ sort split /, /, request(PUT => $HOST, '/ivr')->header('Allow') ], [qw(GET HEAD POST)], 'Allow';
    is send_to('/cgi', [ Digits => '9' x 4097 ])->code, 413, 'a value that no token holds';
    is requests_of_app(), $before, 'nothing of all that reached the application';
}

end_beside();    # who holds what the server's watcher waits for the end of
ok $server->stop, 'the server stops';
for my $log (map { "$TREE/logs/$_" } qw(error_log access_log lines verdicts)) {
    my $text = slurp_if_there($log) || '';
    is scalar(() = $text =~ /$CARD|09321704|wei%c3|Digits=0417/g), 0, "$log: none of what was shielded"
        or diag grep { /$CARD|09321704|wei%c3|Digits=0417/ } split /^/, $text;
}
log_is_clean($server, qr/AH01630/, qr/EG0126/, qr/EG0129/, qr/EG0301/, qr/EG0108/, qr/EG0303/, qr/EG0110/);
done_testing;
