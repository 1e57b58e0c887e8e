# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# Applications behind shields and reveals, however httpd asks them: FastCGI, a balancer, HTTP/2, mod_wsgi, mod_php; filters
# and mod_security in front; large bodies; refusals that lead elsewhere; graceful restarts under load.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Daemon qw(free_ports program);
use EncGather::Files qw(slurp_if_there spew);
use EncGather::Http2;
use EncGather::Httpd qw(module_file modules_dir runtime_user runtime_group);
use EncGather::Signature qw(form_encode signature);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

use constant { CALLERS => 8, WAIT => 60 };

my $TREE = in_tree('private/applications');
my $MPM  = $ENV{ENCGATHER_MPM} || 'event';
my $CGI  = $MPM eq 'prefork' ? 'cgi' : 'cgid';
my $H2   = $MPM ne 'prefork' && defined module_file('http2') && defined module_file('proxy_http2');
# Some modules of others cannot be had under a sanitizer: with mod_security and mod_wsgi httpd looks at names of -D in a pool that it has
# cleared (ap_read_config), where asan ends it; mod_wsgi leaves threads behind; PHP looks for its own names first, and tsan refuses that.
my $SANITIZER = $ENV{ENCGATHER_SANITIZER} // '';
my $SEC  = $SANITIZER ne 'asan' && defined module_file('security2');
my $WSGI = $SANITIZER !~ /san\z/ && defined module_file('wsgi');
my $FPM  = program('php-fpm', 'php-fpm[0-9]*');
my $CALL = 'CA' . '4' x 32;
my $CARD = '6011493672180553';
my $SEEN = "$TREE/seen";    # by applications; it is no log
make_path(map { "$TREE/$_" } qw(htdocs/index cgi seen tmp));
chmod 0755, map { "$TREE/$_" } '', qw(htdocs htdocs/index cgi);
chmod 0777, $SEEN, "$TREE/tmp";

spew("$TREE/cgi/app", <<"END_OF_SCRIPT", 0755);
#!$^X
binmode STDIN; binmode STDOUT;
my \$body = do { local \$/; <STDIN> };
open my \$seen, '>>', "$SEEN/app"; binmode \$seen;
syswrite \$seen, "\$ENV{REQUEST_METHOD} \$ENV{SCRIPT_NAME} \$body\\n";
print "Content-Type: text/plain\\r\\n\\r\\n\$ENV{QUERY_STRING} \$ENV{CONTENT_LENGTH} \$body";
END_OF_SCRIPT
spew("$TREE/htdocs/index/run", slurp_if_there("$TREE/cgi/app"), 0755);
spew("$TREE/cgi/leads",   "#!$^X\n() = <STDIN>; print qq(Location: /pay/cgi\\r\\n\\r\\n);\n", 0755);
spew("$TREE/cgi/refused", "#!$^X\nprint qq(Status: 200 OK\\r\\nLocation: /elsewhere\\r\\n\\r\\n);\n", 0755);
spew("$TREE/htdocs/app.php", '<?php header("Content-Type: text/plain"); echo $_SERVER["QUERY_STRING"], " ", $_SERVER["CONTENT_LENGTH"], " ", file_get_contents("php://input"), " ", ($_GET["Digits"] ?? "-"), " ", ($_POST["Digits"] ?? $_POST["card"] ?? "-");', 0644);
spew("$TREE/htdocs/app.py", <<'END_OF_SCRIPT', 0644);
def application(environ, start_response):
    body = environ['wsgi.input'].read().decode('latin-1')
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [' '.join([environ['QUERY_STRING'], environ['CONTENT_LENGTH'], body]).encode('latin-1')]
END_OF_SCRIPT
write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");
remember($CARD);

my ($PORT, $BACKEND_PORT, $NOBODY, $H2_PORT, $FPM_PORT, $HELD_PORT) = free_ports(6);
my $backend = EncGather::Backend->new(port => $BACKEND_PORT, record => "$SEEN/backend");
my ($php_user, $php_group) = (runtime_user(), runtime_group());
spew("$SEEN/fpm.conf", "[global]\ndaemonize = no\nerror_log = $SEEN/fpm.log\n[www]\nlisten = 127.0.0.1:$FPM_PORT\npm = static\npm.max_children = 2\n" . ($> == 0 ? "user = $php_user\ngroup = $php_group\n" : ''), 0644);
my $fpm = !$FPM ? undef : EncGather::Daemon->new(dir => "$TREE/fpm", command => [ $FPM, '-n', '-F', '-y', "$SEEN/fpm.conf" ], ready => sub { return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$FPM_PORT") });

my $SHIELD = "EncGatherShield Digits\n";
my $REVEAL = "EncGatherExpose on\nEncGatherReveal card\n";
sub at ($path, @lines) { return join "\n", "<Location $path>", @lines, "</Location>\n" }
sub to ($path, $url)   { return "ProxyPass $path $url\n" }

my $TO = "http://127.0.0.1:$BACKEND_PORT";
my $server = private_server('applications',
    port        => $PORT,
    environment => { TMPDIR => "$TREE/tmp" },
    hurry       => 1,
    modules     => [ $CGI, qw(dir mime rewrite ext_filter proxy proxy_http proxy_fcgi proxy_balancer lbmethod_byrequests slotmem_shm), $H2 ? qw(http2 proxy_http2) : (), $SEC ? qw(unique_id security2) : (), $WSGI ? 'wsgi' : () ],
    conf        => join '', <<"END_OF_CONF",
LogLevel trace8@{[ $H2 ? ' http2:info' : '' ]}@{[ $SEC ? ' security2:info' : '' ]}
TypesConfig /dev/null
@{[ $H2 ? 'Protocols h2c http/1.1' : '' ]}
@{[ $CGI eq 'cgid' ? "ScriptSock $TREE/cgisock" : '' ]}
DocumentRoot "$TREE/htdocs"
<Directory "$TREE">
    Require all granted
</Directory>
<IfModule prefork.c>
    StartServers 6
</IfModule>
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
CustomLog "$TREE/logs/verdicts" "%U %>s %{ENCGATHER_RESULT}e"
Listen 127.0.0.1:$H2_PORT
<VirtualHost 127.0.0.1:$H2_PORT>
    ScriptAlias /app "$TREE/cgi/app"
</VirtualHost>
<Proxy balancer://two>
    BalancerMember $TO
    BalancerMember http://127.0.0.1:$NOBODY
</Proxy>
<Proxy balancer://php>
    BalancerMember fcgi://127.0.0.1:$NOBODY
    BalancerMember fcgi://127.0.0.1:$FPM_PORT
</Proxy>
ExtFilterDefine turned mode=input cmd="/usr/bin/tr A-Za-z N-ZA-Mn-za-m"
<Directory "$TREE/htdocs/index">
    Options +ExecCGI
    DirectoryIndex run
    <Files "run">
        SetHandler cgi-script
        SetInputFilter turned
        EncGatherSignature off
        EncGatherShield Digits
    </Files>
</Directory>
ScriptAlias /pay/cgi "$TREE/cgi/app"
ScriptAlias /elsewhere "$TREE/cgi/app"
ScriptAlias /leads "$TREE/cgi/leads"
ScriptAlias /refused "$TREE/cgi/refused"
ScriptAlias /ivr/cgi "$TREE/cgi/app"
END_OF_CONF
    at('/pay', $REVEAL), at('/ivr', $SHIELD, 'EncGatherResign on'),
    to('/pay/plain', "$TO/record"), to('/pay/held', "http://127.0.0.1:$HELD_PORT/"), to('/pay/balancer', 'balancer://two/record'), to('/pay/turned', "$TO/record"), at('/pay/turned', 'SetInputFilter turned'),
    to('/pay/fpm', "balancer://php$TREE/htdocs"), to('/ivr/fpm', "fcgi://127.0.0.1:$FPM_PORT$TREE/htdocs"), to('/ivr/plain', "$TO/record"), to('/ivr/line', "http://127.0.0.1:$H2_PORT/app"),
    at('/pay/forbidden', 'RewriteEngine on', 'RewriteRule . - [F]', 'ErrorDocument 403 /refused'),
    at('/pay/late', 'ErrorDocument 503 /refused', "ProxyPass http://127.0.0.1:$NOBODY/"),
    at('/pay/inward', 'FallbackResource /shut'), at('/shut', 'EncGatherReveal card', "ProxyPass $TO/record"),
    at('/both', $SHIELD, 'EncGatherSignature off', 'RewriteEngine on', 'RewriteRule . /pay/cgi [PT]'),
    $H2   ? to('/pay/h2', "h2c://127.0.0.1:$H2_PORT/app") . to('/ivr/h2', "h2c://127.0.0.1:$H2_PORT/app") : '',
    $WSGI ? "WSGIRestrictEmbedded On\nWSGISocketPrefix $TREE/wsgi\nWSGIDaemonProcess app home=$TREE\nWSGIProcessGroup app\nWSGIScriptAlias /ivr/wsgi $TREE/htdocs/app.py\nWSGIScriptAlias /pay/wsgi $TREE/htdocs/app.py\n" : '',
    $SEC  ? "SecRequestBodyAccess On\nSecTmpDir $SEEN\nSecDataDir $SEEN\n" . at('/pay/guarded', 'SecRuleEngine On', 'SecRule ARGS "no good" "id:1,phase:2,deny,status:403"', "ProxyPass $TO/record") : '',
);
ok !$fpm || $fpm->start, 'PHP-FPM is there' or diag $fpm->last_words;
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = "127.0.0.1:$PORT";

# --- Help -------------------------------------------------------------------------------------------------------------

my %TYPE = (json => 'application/json', form => 'application/x-www-form-urlencoded');
my $T_CARD = seal($CARD);

sub hand ($kind, $target, $body, %options) {
    $backend->forget;
    unlink "$SEEN/app";
    return request(POST => $HOST, $target, body => $body, headers => [ 'Content-Type' => $TYPE{$kind} ], %options);
}

# What the backend got, or the CGI program.
sub arrived () {
    my ($request) = $backend->requests;
    return $request ? $request->{body} : 'nothing';
}
sub app () { return slurp_if_there("$SEEN/app") || 'nothing' }

# The text with every token put back, in braces.
sub with_values ($text) { return $text =~ s/\b((?:[0-9a-f]{2}){28,})\b/my $plain = open_token($1); defined $plain ? "{$plain}" : $1/ger }

# --- Reveals, however the application is asked ------------------------------------------------------------------------

my $FORM = "card=$T_CARD&x=1";
my $OPEN = "card=$CARD&x=1";
my $LARGE = 'x' x 30_000;
is hand(form => '/pay/balancer', "$FORM&y=$LARGE")->code . ' ' . arrived(), "200 $OPEN&y=$LARGE", "two applications of a balancer, one of them gone, time $_" for 1, 2;
for my $how ([ 'a filter in front' => '/pay/turned', $FORM =~ tr/A-Za-z/N-ZA-Mn-za-m/r ], $SEC ? ([ 'mod_security in front' => '/pay/guarded' ], [ 'mod_security, chunks' => '/pay/guarded', undef, chunks => [$FORM] ]) : ()) {
    my ($name, $path, $body, %options) = @$how;
    for (1, 2) {
        is hand(form => $path, $body // (%options ? undef : $FORM), %options)->code . ' ' . arrived(), "200 $OPEN", "$name, time $_";
    }
}
if ($SEC) {
    is hand(form => '/pay/guarded', "$FORM&y=no+good")->code . ' ' . arrived(), '403 nothing', 'mod_security has its say';
}
SKIP: {
    skip 'no HTTP/2 here', 1 unless $H2;
    for my $fill ('', "&y=$LARGE") {
        is hand(form => '/pay/h2', "$FORM$fill")->content, join(' ', '', length "$OPEN$fill", "$OPEN$fill"), 'reveal, over HTTP/2 to the application: ' . length $fill;
    }
}
SKIP: {
    skip 'no php-fpm here', 1 unless $fpm;
    is hand(form => '/pay/fpm/app.php', $FORM)->content, join(' ', '', length $OPEN, $OPEN, '-', $CARD), 'reveal, PHP-FPM by a balancer, one of two gone' for 1, 2;
    my $json = qq({"card":"%s","y":"$LARGE"});
    is hand(json => '/pay/fpm/app.php', sprintf $json, $T_CARD)->content, join(' ', '', length($json) - 2 + length $CARD, sprintf($json, $CARD), '-', '-'), 'and a large one';
}
SKIP: {
    skip 'no mod_wsgi here', 1 unless $WSGI;
    is hand(form => '/pay/wsgi', $FORM)->content, join(' ', '', length $OPEN, $OPEN), 'reveal, mod_wsgi';
}
{
    my $listen = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$HELD_PORT", Listen => 1, ReuseAddr => 1) or die "port $HELD_PORT: $@";
    my $socket = IO::Socket::INET->new(PeerAddr => $HOST) or die "$HOST: $@";
    my $json   = qq({"card":"$T_CARD","y":"$LARGE"});
    print {$socket} "POST /pay/held HTTP/1.1\r\nHost: $HOST\r\nContent-Type: $TYPE{json}\r\nConnection: close\r\nContent-Length: ", length $json, "\r\n\r\n$json";
    my ($application, $seen) = ($listen->accept, '');
    1 while $seen !~ /"\}\z/ && sysread $application, $seen, 65_536, length $seen;
    like $seen, qr/\{"card":"$CARD","y":"$LARGE"\}\z/, 'a large body';
    is_deeply [ glob "$TREE/tmp/*" ], [], 'is in no file of mod_proxy';
    print {$application} "HTTP/1.0 204 No Content\r\n\r\n";
    close $application;
    like scalar(<$socket>), qr/ 204 /, 'and answered';
}

# --- What is not opened --------------------------------------------------------------------------------------------------

is hand(form => '/pay/forbidden', $FORM)->code . ' ' . app(), "200 GET /elsewhere \n", 'refused by a rule: what its error page leads on to has no body';
is hand(form => '/pay/late',      $FORM)->code . ' ' . app(), "200 GET /elsewhere \n", 'opened, and nobody there: neither has it then';
for my $how ([ 'with a length' ], [ 'in chunks', chunks => [$FORM] ]) {
    my ($name, %options) = @$how;
    is hand(form => '/leads', %options ? undef : $FORM, %options)->code . ' ' . app(), "200 GET /pay/cgi \n", "a program leads to a reveal, a body $name: it has none";
}
is hand(form => '/pay/inward', $FORM)->code . ' ' . arrived(), '403 nothing', 'what leads from an open location to a closed one';
is hand(form => '/both', "Digits=1&card=$T_CARD")->code . ' ' . app(), '500 nothing', 'what a shield has gone over is not opened behind it';

# --- Shields, however the application is asked ------------------------------------------------------------------------

for my $how ($fpm ? [ 'PHP-FPM' => '/ivr/fpm/app.php', 1 ] : (), $WSGI ? [ mod_wsgi => '/ivr/wsgi' ] : (), $H2 ? [ 'HTTP/2 to the application' => '/ivr/h2' ] : ()) {
    my ($name, $path, $is_php) = @$how;
    my @pairs = (CallSid => $CALL, Digits => $CARD, x => 'y' x 20_000);
    for my $form (form_encode(@pairs)) {
        my $want = $form =~ s/$CARD/{$CARD}/r;
        my $got  = post($HOST, "$path?Digits=$CARD", \@pairs)->content;
        like with_values($got), qr/^Digits=\{$CARD\} \d+ \Q$want\E/, "shield, $name: tokens in query and body";
        is +(split / /, $got)[1], length((split / /, $got)[2]), "shield, $name: with its length";
        like with_values($got), qr/ \{$CARD\} \{$CARD\}$/, "shield, $name: and in what PHP makes of them" if $is_php;
    }
}
{
    my $got = hand(form => '/index/', 'Digits=5555&x=1' =~ tr/A-Za-z/N-ZA-Mn-za-m/r)->content;
    is with_values($got), ' 75 Digits={5555}&x=1', 'shield, an index, and a filter in front';
}
{
    my $fill = sub ($target, $length) { return $target . 'x' x ($length - length "GET $target HTTP/1.1") };
    my $most = 8190 - (length($T_CARD) - length $CARD);
    unlink "$SEEN/app";
    my ($fits, $not) = map { get($HOST, $fill->("/ivr/line?Digits=$CARD&x=", $_ + length('/ivr/line') - length '/app')) } $most, $most + 10;
    is $fits->code, 200, 'a query whose tokens just fit into the request line of the application';
    is $not->code,  414, 'some bytes more: refused, by the application';
    is scalar(() = app() =~ /GET/g), 1, 'which has seen one of both';
}
SKIP: {
    skip 'no HTTP/2 here', 1 unless $H2;
    my @pairs  = (CallSid => $CALL, Digits => $CARD, x => $LARGE);
    my $fields = sub ($target, $body) {
        return [ ':method' => 'POST', ':scheme' => 'http', ':authority' => $HOST, ':path' => $target, 'content-type' => $TYPE{form}, 'x-twilio-signature' => signature($TOKEN{demo}, "http://$HOST$target", \@pairs) ];
    };
    $pairs[5] = 'x' x 9000;    # one frame
    my $form = form_encode(@pairs);
    $backend->forget;
    my $answer = EncGather::Http2::exchange($HOST, $fields->('/ivr/plain?a=b', $form), $form);
    is $answer->code . ' ' . with_values(arrived()), '200 ' . $form =~ s/$CARD/{$CARD}/r, 'HTTP/2 from the client: shielded';
}

# --- Graceful restarts under load -----------------------------------------------------------------------------------------

# One caller: requests to both locations in turn, until it is told to end. Which ids had an answer, and which not.
sub call_on ($number, $end) {
    my (%answered, @unread);
    for (my $i = 0; !IO::Select->new($end)->can_read(0); $i++) {
        my $id     = "caller${number}x$i.";
        my $bytes  = $i % 2 ? post($HOST, '/ivr/plain', [ CallSid => $CALL, Id => $id, Digits => $CARD ], unsent => 1)
            : request(POST => $HOST, '/pay/plain', body => "Id=$id&card=$T_CARD", headers => [ 'Content-Type' => $TYPE{form} ], unsent => 1);
        my $answer = eval { send_pieces($HOST, $bytes) } // '';
        if ($answer =~ m{\AHTTP/1\.1 (\d+) .*recorded\z}s) { $answered{$id} = $1 }
        else                                               { push @unread, $answer ? "$id: $answer" : $id }
    }
    return { answered => \%answered, unread => \@unread };
}

sub start_caller ($number) {
    pipe my $from, my $to   or die "pipe: $!";
    pipe my $end,  my $stop or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        close $stop;
        syswrite $to, JSON::PP->new->encode(call_on($number, $end));
        POSIX::_exit(0);
    }
    return { from => $from, stop => $stop, pid => $pid };
}

{
    $backend->forget;
    my @callers = map { start_caller($_) } 1 .. CALLERS;
    for my $time (1, 2) {
        select undef, undef, undef, 0.7;
        ok $server->graceful, "under load: graceful, time $time" or diag $server->error;
    }
    select undef, undef, undef, 0.5;
    close $_->{stop} for @callers;
    my (%answered, @unread, %arrived);
    for my $caller (@callers) {
        my $seen = JSON::PP->new->decode(do { local $/; readline $caller->{from} });
        %answered = (%answered, %{ $seen->{answered} });
        push @unread, @{ $seen->{unread} };
        waitpid $caller->{pid}, 0;
    }
    for my $request ($backend->requests) {
        my ($id) = $request->{body} =~ /Id=(caller\d+x\d+\.)/ or next;
        push @{ $arrived{$id} }, $request->{body};
    }
    cmp_ok scalar(keys %answered), '>', CALLERS, 'under load: there were calls';
    is_deeply [ grep { @{ $arrived{$_} || [] } != 1 } sort keys %answered ], [], 'each that has its answer reached the application once';
    is_deeply [ grep { !exists $answered{$_} } sort keys %arrived ], [], 'and none besides';
    is_deeply [ grep { /:/ } @unread ], [], 'no answer is another, or a half';
    # the event MPM resets a connection now and then that it has just accepted
    cmp_ok scalar(@unread), '<=', $MPM eq 'event' ? 2 : 0, 'nearly every one is read';
    my @wrong = grep { !/^(?:Id=\w+\.&card=$CARD|CallSid=$CALL&Id=\w+\.&Digits=[0-9a-f]{88})\z/ } map { @$_ } values %arrived;
    is_deeply \@wrong, [], 'all as they should be';
    diag scalar(keys %answered) . ' calls, ' . scalar(@unread) . ' not read' if $ENV{TEST_VERBOSE};
}

# --- mod_php, under prefork ------------------------------------------------------------------------------------------------

SKIP: {
    my ($library) = glob modules_dir() . '/libphp*.so';
    skip 'no mod_php, or no prefork MPM here', 1 unless $SANITIZER !~ /san\z/ && $library && -e modules_dir() . '/mod_mpm_prefork.so';
    my $php = private_server('applications-php', mpm => 'prefork', modules => [ qw(mime) ], conf => <<"END_OF_CONF" . at('/app.php', $SHIELD) . at('/pay.php', $REVEAL));
LoadModule php_module $library
DocumentRoot "$TREE/htdocs"
TypesConfig /dev/null
Alias /pay.php "$TREE/htdocs/app.php"
AddHandler application/x-httpd-php .php
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
<Directory "$TREE">
    Require all granted
</Directory>
END_OF_CONF
    $php->start or BAIL_OUT('the server with mod_php does not start: ' . $php->error);
    my $host = '127.0.0.1:' . $php->port;
    my $got  = post($host, "/app.php?Digits=$CARD", [ CallSid => $CALL, Digits => $CARD ])->content;
    like with_values($got), qr/^Digits=\{$CARD\} \d+ CallSid=$CALL&Digits=\{$CARD\} \{$CARD\} \{$CARD\}$/, 'shield, mod_php';
    is request(POST => $host, '/pay.php', body => $FORM, headers => [ 'Content-Type' => $TYPE{form} ])->content, join(' ', '', length $OPEN, $OPEN, '-', $CARD), 'reveal, mod_php';
    ok $php->stop, 'the server with mod_php stops';
    log_is_clean($php, qr/EG0124/);
}

$backend->stop;
ok $server->stop, 'the server stops';
for my $log (map { "$TREE/logs/$_" } qw(error_log access_log verdicts)) {
    my @bad = grep { /$CARD/ } split /^/, slurp_if_there($log) || '';
    is scalar(@bad), 0, "$log: no digit" or diag @bad;
}
log_is_clean($server, qr/EG0108.*EncGatherShield has made tokens/, qr/EG0110/, qr/AH0(?:0957|1114|0959)/, $fpm ? qr/AH01079/ : (), $SEC ? (qr/ModSecurity/, qr/EG0123/) : ());
done_testing;
