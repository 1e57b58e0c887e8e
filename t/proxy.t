# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# Backends that are not in this httpd, through all that mod_proxy speaks: HTTP with connections kept, HTTPS with and
# without a good certificate, client certificates, absolute URLs, a balancer that loses a member, FastCGI, Unix sockets.
# The backends are real ones: a second httpd, and the programs in conf/backends.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Copy qw(copy);
use File::Path qw(make_path);
use IO::Socket::INET;
use IO::Socket::SSL::Utils qw(CERT_create PEM_cert2string PEM_key2string);
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();
use Test::More;

use lib 't/lib';
use EncGather::Caller;
use EncGather::Daemon qw(program free_ports);
use EncGather::Files qw(slurp_if_there spew);
use EncGather::Httpd qw(module_file runtime_user runtime_group);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

my @WANTED = qw(proxy proxy_http proxy_fcgi proxy_balancer lbmethod_byrequests slotmem_shm ssl mime);
my @MISSING = grep { !defined module_file($_) } @WANTED, qw(socache_shmcb log_forensic);
plan skip_all => "this httpd has no mod_$MISSING[0]" if @MISSING && !$ENV{CI};

use constant {
    CALL_WAIT => 15,    # seconds, Twilio's own
    LOG_WAIT  => 20,
    PROCESSES => 8,     # of httpd, at most
};

my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
my $TREE = in_tree('private/proxy');
my $SEEN = "$TREE/seen";    # what backends saw; it is no log
make_path("$TREE/htdocs", $SEEN);
chmod 0755, $TREE, "$TREE/htdocs";
write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");

sub give_away (@paths) {
    return $> != 0 || chown scalar getpwnam(runtime_user()), scalar getgrnam(runtime_group()), @paths;
}

# --- Certificates -------------------------------------------------------------------------------------------

my $DAY = 86_400;
my @CA  = CERT_create(CA => 1, subject => { CN => 'the test CA' }, not_after => time + $DAY);

sub certificate ($name, %options) {
    my ($cert, $key) = CERT_create(subject => { CN => 'localhost' }, subjectAltNames => [ [ DNS => 'localhost' ] ],
        issuer => \@CA, not_before => time - $DAY, not_after => time + $DAY, %options);
    return write_secret("$TREE/$name.pem", PEM_cert2string($cert) . PEM_key2string($key));
}

spew("$TREE/ca.pem", PEM_cert2string($CA[0]));
certificate('good');
certificate('other-name', subject => { CN => 'elsewhere.test' }, subjectAltNames => [ [ DNS => 'elsewhere.test' ] ]);
certificate('expired',    not_before => time - 2 * $DAY, not_after => time - $DAY);
certificate('self-signed', issuer => undef);
certificate('other-ca',   issuer => [ CERT_create(CA => 1, subject => { CN => 'another CA' }) ]);
certificate('client',     subject => { CN => 'the ivr' }, subjectAltNames => undef, purpose => 'client');

# --- The backend: decrypt-gather in a second httpd -------------------------------------------------------------

my ($HTTP_PORT, $DEAD_PORT, @TLS_PORTS) = free_ports(9);
my %TLS;
@TLS{qw(good other-name expired self-signed other-ca client old-tls)} = @TLS_PORTS;

# A process that keeps a connection serves nobody else under prefork.
my $LOOKUP = <<"END_OF_CONF";
<IfModule prefork.c>
    StartServers @{[ 2 * PROCESSES ]}
    MaxSpareServers @{[ 2 * PROCESSES ]}
</IfModule>
EncGatherKeyFile "$TREE/key"
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
<Location /decrypt-gather>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits
</Location>
END_OF_CONF

sub tls_host ($name) {
    my $certificate = $name =~ /^(?:client|old-tls)\z/ ? 'good' : $name;
    my $special = $name eq 'client'  ? "SSLVerifyClient require\nSSLCACertificateFile \"$TREE/ca.pem\"\n"
                : $name eq 'old-tls' ? "SSLProtocol TLSv1\nSSLCipherSuite ALL:\@SECLEVEL=0\n"
                :                      '';
    return <<"END_OF_CONF";
Listen 127.0.0.1:$TLS{$name}
<VirtualHost 127.0.0.1:$TLS{$name}>
    ServerName @{[ $name eq 'other-name' ? 'elsewhere.test' : 'localhost' ]}
    SSLEngine on
    SSLCertificateFile "$TREE/$certificate.pem"
    $special
</VirtualHost>
END_OF_CONF
}

my $backend = private_server('proxy-backend',
    port    => $HTTP_PORT,
    modules => [ qw(ssl socache_shmcb log_forensic) ],
    conf    => $LOOKUP . <<"END_OF_CONF" . join '', map { tls_host($_) } sort keys %TLS);
SSLSessionCache "shmcb:$TREE/seen/sessions(65536)"
KeepAlive on
MaxKeepAliveRequests 0
LogFormat "%{local}p %{remote}p %>s %U %{SSL_CLIENT_S_DN_CN}x" connections
CustomLog "$SEEN/connections" connections "expr=%{HTTP_USER_AGENT} !~ /^EncGather-Server/"
ForensicLog "$SEEN/forensic"
END_OF_CONF

# What came in at a port: { port, from, status, path, client }.
sub arrived ($port) {
    return grep { $_->{port} == $port } map { _connection($_) } split /\n/, slurp_if_there("$SEEN/connections");
}

sub _connection ($line) {
    my ($at, $from, $status, $path, $client) = split / /, $line, 5;
    return { port => $at, from => $from, status => $status, path => $path, client => $client };
}

# --- The server that Twilio calls ---------------------------------------------------------------------------

my ($BARE_PORT, $KNOWN_PORT, $MEMBER_A, $MEMBER_B, $TICKET_PORT) = free_ports(5);
my ($PHP, $NODE, $PYTHON) = map { "$TREE/$_/socket" } qw(php node python);

sub gather_at ($path, $to) {
    return "<Location $path>\n    SetHandler encrypted-gather\n    EncGatherBackend $to\n</Location>\n";
}

my $TLS_GATHERS = join '', map { gather_at("/tls/$_", "/tls-backend/$_") . gather_at("/tls-url/$_", "https://localhost:$TLS{$_}/decrypt-gather")
    . "ProxyPass /tls-backend/$_ https://localhost:$TLS{$_}/decrypt-gather retry=0\n" } sort keys %TLS;

my $TRUST = <<"END_OF_CONF";
SSLProxyEngine on
SSLProxyVerify require
SSLProxyCACertificateFile "$TREE/ca.pem"
END_OF_CONF

my $server = private_server('proxy',
    modules     => \@WANTED,
    environment => { RES_OPTIONS => 'timeout:1 attempts:1' },
    conf        => <<"END_OF_CONF");
DocumentRoot "$TREE/htdocs"
TypesConfig /dev/null
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
EncGatherForward CallSid
ProxyTimeout 10
<IfModule prefork.c>
    StartServers @{[ PROCESSES ]}
    MinSpareServers 1
    ServerLimit @{[ PROCESSES ]}
    MaxRequestWorkers @{[ PROCESSES ]}
</IfModule>

ProxyPass /kept http://127.0.0.1:$HTTP_PORT retry=0
@{[ gather_at('/http', '/kept/decrypt-gather') ]}
@{[ gather_at('/url', "http://127.0.0.1:$HTTP_PORT/decrypt-gather") ]}
@{[ gather_at('/url-kept', "http://localhost:$HTTP_PORT/decrypt-gather") ]}
<Proxy "http://localhost:$HTTP_PORT/">
    ProxySet keepalive=on retry=0
</Proxy>

$TRUST
$TLS_GATHERS
@{[ gather_at('/tls-ticket', '/ticket-backend/'), gather_at('/tls-slowly', '/ticket-backend/slowly') ]}
<LocationMatch "^/tls-(ticket|slowly)">
    EncGatherTimeout 4
</LocationMatch>
ProxyPass /ticket-backend https://localhost:$TICKET_PORT retry=0

<Proxy balancer://members>
    BalancerMember http://127.0.0.1:$MEMBER_A retry=1
    BalancerMember http://127.0.0.1:$MEMBER_B retry=1
</Proxy>
ProxyPass /members balancer://members
@{[ gather_at('/balanced', '/members/decrypt-gather') ]}

<Directory "$TREE/htdocs">
    Require all granted
</Directory>
<FilesMatch "\\.php\$">
    SetHandler "proxy:unix:$PHP|fcgi://localhost"
    Require expr "%{IS_SUBREQ} == 'true'"
</FilesMatch>
@{[ gather_at('/php', '/backend.php') ]}
@{[ gather_at('/php-seen', '/seen.php?tenant=a') ]}
ProxyPass "/node-backend" "unix:$NODE|http://node-backend/"
@{[ gather_at('/node', '/node-backend') ]}
ProxyPass "/python-backend" "unix:$PYTHON|http://python-backend/"
@{[ gather_at('/python', '/python-backend') ]}

Listen 127.0.0.1:$BARE_PORT
<VirtualHost 127.0.0.1:$BARE_PORT>
    SSLProxyEngine off
    $TLS_GATHERS
</VirtualHost>
Listen 127.0.0.1:$KNOWN_PORT
<VirtualHost 127.0.0.1:$KNOWN_PORT>
    SSLProxyMachineCertificateFile "$TREE/client.pem"
    $TLS_GATHERS
</VirtualHost>
END_OF_CONF

$_->start or BAIL_OUT('a private server does not start: ' . $_->error) for $backend, $server;
my $HOST = '127.0.0.1:' . $server->port;

# --- Calls --------------------------------------------------------------------------------------------------

sub within ($seconds, $do) {
    local $SIG{ALRM} = sub { die "no answer within $seconds seconds\n" };
    alarm $seconds;
    my $answer  = eval { $do->() };
    my $problem = $@;
    alarm 0;
    diag $problem unless $answer;
    return $answer;
}

# The last step of a call, and what the caller hears; anything but TwiML is "silence".
sub hears ($path, $host = $HOST, $card = $CARD, $pin = $PIN, %options) {
    my $target   = "$path?step=processData&encryptedCardDigits=" . seal($card);
    my $response = within(CALL_WAIT, sub () { post($host, $target, [ CallSid => 'CA' . '6' x 32, Digits => $pin ], %options) });
    return 'silence' unless $response && $response->code == 200 && $response->header('Content-Type') =~ m{^text/xml};
    return meaning(join ' ', said($response));
}

sub meaning ($said) {
    return $said =~ /\b(?:\Q$NUMBER\E|\Q$ACCOUNT[2]\E)\b/ ? 'found'
         : $said =~ /cannot look up your account/         ? 'unavailable'
         : $said =~ /could not find an account/           ? 'not found'
         :                                                  "silence ($said)";
}

# What a call adds to the error log.
sub logs ($do) {
    my $before = length $server->error_log;
    $do->();
    return substr $server->error_log, $before;
}

sub is_unavailable ($name, $path, $host, $reason) {
    my $log = logs(sub () { is hears($path, $host), 'unavailable', "$name: the caller hears that it is unavailable" });
    like $log, qr/\[encgather:error\].*EG0501: call CA6{32}: /, "$name: EG0501";
    like $log, $reason, "$name: and the reason";
    return;
}

# --- HTTP, with connections that are kept --------------------------------------------------------------------

sub connections ($path, $host = $HOST, $port = $HTTP_PORT) {
    my $before = () = arrived($port);
    my @heard  = map { hears($path, $host) } 1 .. 20;
    is_deeply [ grep { $_ ne 'found' } @heard ], [], "$path: 20 calls are well";
    wait_until(LOG_WAIT, sub { (() = arrived($port)) >= $before + 20 });
    my @arrived = arrived($port);
    my %from    = map { $_->{from} => 1 } splice @arrived, $before;
    return scalar keys %from;
}

# Every process of httpd keeps its own; under prefork the calls go to several.
for my $case ([ '/http', 'a ProxyPass' ], [ '/url', 'a URL that a ProxyPass has too' ], [ '/url-kept', 'a URL with a <Proxy>' ]) {
    my ($path, $name) = @$case;
    my $kept = connections($path);
    cmp_ok $kept, '<=', PROCESSES, "$path: $name: 20 calls over $kept connection(s)";
}

is hears('/http', $HOST, '0000'), 'not found', '/http: nobody is found';

# --- Headers ------------------------------------------------------------------------------------------------

my @CALLERS = map { $_ => 'callers-own' } qw(Cookie Authorization Proxy-Authorization Accept-Encoding Accept-Language Referer
    User-Agent X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto Forwarded Via I-Twilio-Idempotency-Token If-None-Match Range
    X-Home-Region Origin TE Upgrade X-Api-Key Content-Language Cache-Control Expect-CT Idempotency-Key Accept);
# A call in which every header, Host too, has the same mark in its value.
sub disguised_call ($path, $card = $CARD, $pin = $PIN) {
    my $target = "$path?step=processData&encryptedCardDigits=" . seal($card);
    my @pairs  = (CallSid => 'CA' . '6' x 32, Digits => $pin);
    my $response = within(CALL_WAIT, sub () {
        post($HOST, $target, \@pairs, host => 'callers-own.test', signed_url => "http://callers-own.test$target", headers => \@CALLERS);
    });
    return $response ? meaning(join ' ', said($response)) : 'silence';
}

my %OURS = map { $_ => 1 } qw(content-type content-length accept idempotency-key);
my %MOD_PROXYS = map { $_ => 1 } qw(host connection x-forwarded-for x-forwarded-host x-forwarded-server);

for my $path ('/http', '/url', '/tls/good') {
    my $before = length slurp_if_there("$SEEN/forensic");
    is disguised_call($path), 'found', "$path: a call with many headers";
    my ($line) = grep { /^\+/ } split /\n/, substr slurp_if_there("$SEEN/forensic"), $before;
    my (undef, $request, @headers) = split /\|/, $line || '';
    is $request, 'POST /decrypt-gather HTTP/1.1', "$path: the request";
    my @names = sort map { /^([^:]*):/ ? lc $1 : $_ } @headers;
    is_deeply [ grep { !$OURS{$_} && !$MOD_PROXYS{$_} } @names ], [], "$path: no header of the caller's goes on";
    is_deeply [ grep { /callers-own/ } @headers ], [], "$path: nor anything of their values";
    is_deeply [ sort keys %OURS ], [ grep { $OURS{$_} } @names ], "$path: those of the manual are there, once each";
}

# --- HTTPS --------------------------------------------------------------------------------------------------

for my $way ('/tls', '/tls-url') {
    is hears("$way/good"), 'found', "$way: a good certificate";
    for my $case (
        [ 'other-name',  qr/AH02411: SSL Proxy: Peer certificate does not match for hostname localhost/ ],
        [ 'expired',     qr/\[ssl:(?:error|info|warn)\].*expired/ ],
        [ 'self-signed', qr/self-signed certificate/ ],
        [ 'other-ca',    qr/unable to get local issuer certificate/ ],
        [ 'old-tls',     qr/AH02003: SSL Proxy connect failed/ ],
    ) {
        my ($name, $reason) = @$case;
        is_unavailable("F9 a bad certificate or TLS 1.0, $way/$name", "$way/$name", $HOST, $reason);
        is_deeply [ arrived($TLS{$name}) ], [], "F9 $way/$name: and the backend was told nothing";
        is hears("$way/good"), 'found', "F9 $way/$name: the next call";
    }
    is hears("$way/good"), 'found', "$way: a good certificate after all those";

    my $before = () = arrived($TLS{client});
    is hears("$way/client", "127.0.0.1:$KNOWN_PORT"), 'found', "$way: a client certificate, where the backend demands one";
    ok wait_until(LOG_WAIT, sub { (() = arrived($TLS{client})) > $before }), "$way: it arrives";
    is((arrived($TLS{client}))[-1]{client}, 'the ivr', "$way: and the backend knows the caller by name");
    is_unavailable("$way: no client certificate", "$way/client", $HOST, qr/EG0501/);
    is scalar(() = arrived($TLS{client})), $before + 1, "$way: no client certificate: no request";
    is hears("$way/good", "127.0.0.1:$KNOWN_PORT"), 'found', "$way: a client certificate where nobody asks for it";
    is_unavailable("$way: without SSLProxyEngine", "$way/good", "127.0.0.1:$BARE_PORT", qr/\[core:error\].*SSLProxyEngine/);
}
my $tls_connections = connections('/tls/good', $HOST, $TLS{good});
cmp_ok $tls_connections, '<=', PROCESSES, "/tls/good: 20 calls over $tls_connections connection(s)";

# TLS 1.3 sends session tickets before the first answer: here both arrive in one piece, and then nothing more for a while.
{
    my $script = spew("$TREE/ticket.pl", <<'END_OF_SCRIPT');
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::SSL;
use Socket qw(IPPROTO_TCP);
use constant TCP_CORK => 3;
my ($port, $certificate) = @ARGV;
$SIG{CHLD} = 'IGNORE';
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 5, ReuseAddr => 1) or die "port: $!";
while (my $client = $listen->accept) {
    next if fork;
    alarm 20;
    setsockopt $client, IPPROTO_TCP, TCP_CORK, 1;
    my $tls = IO::Socket::SSL->start_SSL($client, SSL_server => 1, SSL_cert_file => $certificate, SSL_key_file => $certificate)
        or exit 0;
    my $request = '';
    sysread($tls, $request, 4096, length $request) or exit 0 until $request =~ /\r\n\r\n\{.*\}/s;
    my $body   = '{"account":"AC00998877","balance":"1049.90"}';
    my $answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    my $slowly = $request =~ m{\APOST /slowly };
    for my $piece ($slowly ? split //, $answer : $answer) {
        syswrite $tls, $piece or exit 0;
        sleep 1 if $slowly;
    }
    setsockopt $client, IPPROTO_TCP, TCP_CORK, 0;
    sysread $tls, $request, 1;
    exit 0;
}
END_OF_SCRIPT
    my $daemon = EncGather::Daemon->new(dir => "$TREE/ticket", command => [ $^X, $script, $TICKET_PORT, "$TREE/ticket/good.pem" ],
        ready => sub () { return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$TICKET_PORT") ? 1 : 0 });
    give_away(write_secret("$TREE/ticket/good.pem", slurp_if_there("$TREE/good.pem")));
    ok $daemon->start, 'a TLS backend that says everything at once' or diag $daemon->last_words;
    is hears('/tls-ticket'), 'found', 'an answer that comes together with a session ticket';
    is_unavailable('a byte a second over TLS', '/tls-slowly', $HOST, qr/EncGatherTimeout|status 50[24]/);
    ok $daemon->stop, 'it stops';
}

# --- A balancer ---------------------------------------------------------------------------------------------

my %member = map { $_->[0] => private_server("proxy-member-$_->[0]", port => $_->[1], conf => $LOOKUP . <<"END_OF_CONF") }
LogFormat "%>s %U" hits
CustomLog "$SEEN/hits-$_->[0]" hits "expr=%{HTTP_USER_AGENT} !~ /^EncGather-Server/"
END_OF_CONF
    [ a => $MEMBER_A ], [ b => $MEMBER_B ];
$_->start or BAIL_OUT('a member does not start: ' . $_->error) for values %member;

sub hits ($name) {
    my $n = () = slurp_if_there("$SEEN/hits-$name") =~ /^200 /mg;
    return $n;
}

use constant { CALLERS => 4, CALLS => 200 };

# Whole calls by several callers at once; each tells what it heard, a line for each call.
sub place_calls ($told) {
    for (1 .. CALLS / CALLERS) {
        my $caller = EncGather::Caller->new(url => "http://$HOST/balanced", token => $TOKEN{demo}, keys => [ $CARD, $PIN ]);
        my $call   = eval { $caller->place } || { said => [ "died: $@" ], ended => 'error' };
        my $last   = @{ $call->{said} } ? $call->{said}[-1] : '';
        my $heard  = $call->{ended} eq 'end' ? meaning($last) : "$call->{ended}: " . ($call->{error} || '') . " $last";
        syswrite $told, "$heard\n";
    }
    return;
}

sub start_callers () {
    pipe my $from, my $to or die "pipe: $!";
    my @pids;
    for (1 .. CALLERS) {
        my $pid = fork;
        die "fork: $!" unless defined $pid;
        if ($pid == 0) {
            srand;
            eval { place_calls($to) };
            POSIX::_exit(0);
        }
        push @pids, $pid;
    }
    return ($from, @pids);
}

{
    my ($from, @pids) = start_callers();
    my @heard;
    while (my $line = readline $from) {
        chomp $line;
        push @heard, $line;
        if (@heard == 50) {
            my $pid = $member{a}->pid;
            kill KILL => -$pid, $pid;
        }
        if (@heard == 120) {
            ok !$member{a}->running, 'a member is killed in the middle of calls';
            ok $member{a}->start, 'and comes back in the middle of others' or diag $member{a}->error;
        }
        last if @heard == CALLS;
    }
    waitpid $_, 0 for @pids;
    my %count;
    $count{$_}++ for @heard;
    is scalar @heard, CALLS, CALLS . ' calls, and none is lost';
    is_deeply [ grep { !/^(?:found|unavailable)\z/ } @heard ], [], 'everybody hears "found" or "unavailable"';
    note join ', ', map { "$count{$_} $_" } sort keys %count;
    cmp_ok $count{found}, '>=', CALLS - 2 * CALLERS, 'nobody but those who were being served hears of it';
    cmp_ok hits('b'), '>', 0, 'the other member serves';
    my $before = hits('a');
    ok wait_until(LOG_WAIT, sub { hears('/balanced') eq 'found' && hits('a') > $before }), 'the member that is back serves again';
}

{
    # Who is down when the call comes is passed over without the caller's knowledge, body and all.
    ok $member{a}->stop, 'a member stops';
    is_deeply [ map { hears('/balanced') } 1 .. 6 ], [ ('found') x 6 ], 'all calls go to the other one';
    ok $member{b}->stop, 'it stops too';
    is_unavailable('no member left', '/balanced', $HOST, qr/\[proxy_balancer:error\]|\[proxy:error\]/);
    $member{$_}->start for qw(a b);
    ok wait_until(LOG_WAIT, sub { hears('/balanced') eq 'found' }), 'and calls are well again when they are back';
}

# --- Programs that open the fields themselves -----------------------------------------------------------------

# Not everybody has all of them installed; where it counts they have to be there.
sub with_program ($name, $missing, $tests) {
    if ($missing) {
        return fail("$name: $missing is not installed") if $ENV{CI};
        SKIP: { skip "$name: $missing is not installed", 1 }
        return;
    }
    $tests->();
    return;
}

sub answers_on ($socket) {
    return sub () { return IO::Socket::UNIX->new(Peer => $socket) ? 1 : 0 };
}

# A file with the key that the program's own user can read, and nobody else.
sub daemon ($name, @command) {
    my $dir    = "$TREE/$name";
    my $daemon = EncGather::Daemon->new(dir => $dir, command => \@command, ready => answers_on("$dir/socket"),
        environment => { ENCGATHER_KEY_FILE => "$dir/key" });
    give_away(write_secret("$dir/key", "$KEY{demo}\n"));
    ok $daemon->start, "$name: it runs" or diag $daemon->last_words;
    return $daemon;
}

my ($DEMO_CARD, $DEMO_PIN) = @ACCOUNT;

# What each of them must be able to do.
sub serves ($name, $daemon) {
    my $path = "/$name";
    is hears($path, $HOST, $DEMO_CARD, $DEMO_PIN), 'found', "$name: who is found";
    is hears($path, $HOST, $DEMO_CARD, '0000'), 'not found', "$name: who is not";
    is disguised_call($path, $DEMO_CARD, $DEMO_PIN), 'found', "$name: with many headers";
    my $log = logs(sub () {
        my $target = "$path?step=processData&encryptedCardDigits=" . seal($DEMO_CARD, $KEY{other});
        my $response = post($HOST, $target, [ CallSid => 'CA' . '6' x 32, Digits => $DEMO_PIN ]);
        is meaning(join ' ', said($response)), 'unavailable', "$name: a token of another key";
    });
    like $log, qr/EG0501: .*status 400/, "$name: it says 400";
    is_deeply [ map { hears($path, $HOST, $DEMO_CARD, $DEMO_PIN) } 1 .. 20 ], [ ('found') x 20 ], "$name: 20 calls";
    $daemon->power_cut;
    is_unavailable("$name: it is killed", $path, $HOST, qr/\[proxy:error\]/);
    unlink "$TREE/$name/socket";
    ok $daemon->start, "$name: it comes back" or diag $daemon->last_words;
    ok wait_until(LOG_WAIT, sub { hears($path, $HOST, $DEMO_CARD, $DEMO_PIN) eq 'found' }), "$name: and serves again";
    return;
}

my $SCRIPTS = in_tree('../conf/backends');

my $php_fpm = program('php-fpm', 'php-fpm[0-9]*');
with_program('php', $php_fpm ? undef : 'php-fpm', sub () {
    make_path("$TREE/php");
    copy("$SCRIPTS/backend.php", "$TREE/htdocs/backend.php") or die "backend.php: $!";
    spew("$TREE/htdocs/seen.php", "<?php file_put_contents('$TREE/php/seen', json_encode(\$_SERVER)); require 'backend.php';\n");
    spew("$TREE/php/fpm.conf", <<"END_OF_CONF");
[global]
daemonize = no
error_log = $TREE/php/logs/fpm
[ivr]
listen = $PHP
pm = static
pm.max_children = 2
env[ENCGATHER_KEY_FILE] = $TREE/php/key
END_OF_CONF
    my $daemon = daemon('php', $php_fpm, '-n', '-F', '-y', "$TREE/php/fpm.conf");
    is request(GET => $HOST, '/backend.php')->code, 403, 'php: the script is closed to the network';
    serves('php', $daemon);
    is disguised_call('/php-seen', $DEMO_CARD, $DEMO_PIN), 'found', 'php: a script that tells what it was told';
    my $seen = eval { JSON::PP->new->decode(slurp_if_there("$TREE/php/seen")) };
    my %seen = %{ $seen || {} };
    is $seen{REQUEST_METHOD}, 'POST', 'php: REQUEST_METHOD';
    is $seen{QUERY_STRING}, 'tenant=a', 'php: QUERY_STRING is that of EncGatherBackend';
    is $seen{REQUEST_URI}, '/seen.php?tenant=a', 'php: REQUEST_URI is too';
    is_deeply [ sort grep { /^HTTP_/ } keys %seen ], [ qw(HTTP_ACCEPT HTTP_IDEMPOTENCY_KEY) ], 'php: no header of the caller\'s goes on';
    is_deeply [ grep { $_ ne 'SERVER_NAME' && $_ ne 'SERVER_SIGNATURE' && $seen{$_} =~ /callers-own/ } sort keys %seen ], [],
        'php: nor anything of their values, the name of the server aside';
    ok $daemon->stop, 'php: it stops';
});

my $node = program('node');
with_program('node', $node ? undef : 'nodejs', sub () {
    my $daemon = daemon('node', $node, "$SCRIPTS/backend.js", $NODE);
    serves('node', $daemon);
    ok $daemon->stop, 'node: it stops';
});

my $python = '/usr/bin/python3';
my $can    = -x $python && system("$python -c 'import cryptography' 2>/dev/null") == 0;
with_program('python', $can ? undef : 'python3-cryptography', sub () {
    my $daemon = daemon('python', $python, "$SCRIPTS/backend.py", $PYTHON);
    serves('python', $daemon);
    ok $daemon->stop, 'python: it stops';
});

$_->stop for $server, $backend, values %member;
log_is_clean($server, qr/\[core:error\].*AH01961:.*SSLProxyEngine/, qr/\[authz_core:error\].*AH01630:.*backend\.php/,
    qr/\[encgather:error\].*EG0501:/, qr/\[ssl:(?:error|warn)\]/, qr/\[proxy(?:_http|_fcgi|_balancer)?:(?:error|warn)\]/);
log_is_clean($_) for values %member;
log_is_clean($backend, qr/EG0122: mod_log_forensic/);
finish();
