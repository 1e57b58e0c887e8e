# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# CI: no sanitizer
# The program that calls a webhook as Twilio does: how it says what came of a call (exit code, --expect), one cause for a
# 403, Twilio's numbers, and what it does not do unasked: call other hosts.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use File::Temp ();
use FindBin;
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp spew);
use EncGather::Daemon qw(free_ports);
use EncGather::Fixtures qw(%KEY %TOKEN @ACCOUNT write_secret);
use EncGather::Httpd qw(module_file);
use EncGather::Logs qw(alarms unexpected);
use EncGather::Sanitizer qw(pointless);
use EncGather::Scripted;
use EncGather::Server;
use EncGather::Signature qw(signature);

plan skip_all => pointless('build') if pointless('build');
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);    # destructors still stop the servers

my $TOP     = abs_path("$FindBin::Bin/..");
my $PROGRAM = "$TOP/mod_encgather/tool/encgather-call";
my $DIR     = File::Temp->newdir('encgather-call-XXXXXX', TMPDIR => 1);
my $TOKENS  = spew("$DIR/tokens", "$TOKEN{demo}\n");
my ($CARD, $PIN) = @ACCOUNT[ 0, 1 ];
chmod 0711, $DIR;

# (exit code, standard output, standard error)
sub run_with ($perl, @arguments) {
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', "$DIR/out";
        open STDERR, '>', "$DIR/err";
        exec $^X, @$perl, $PROGRAM, @arguments or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return ($? & 127 ? -($? & 127) : $? >> 8, slurp("$DIR/out"), slurp("$DIR/err"));
}

sub run (@arguments) { return run_with([], @arguments) }

sub ends ($name, $arguments, $rc, $out, $err = qr/\A\z/) {
    my ($is_rc, $is_out, $is_err) = run(@$arguments);
    my $good = is $is_rc, $rc, "$name: exit code";
    $good &= like $is_out, $out, "$name: output";
    $good &= like $is_err, $err, "$name: messages";
    diag $is_out, $is_err if !$good;
    return $is_out;
}

sub twiml_of (@verbs) { return join '', '<?xml version="1.0" encoding="UTF-8"?><Response>', @verbs, '</Response>' }

# A call at a server that gives these answers.
sub ends_at ($name, $answers, $options, $rc, $out, $err = qr/\A\z/) {
    my $server = EncGather::Scripted->new(@$answers);
    ends($name, [ (grep { /^--(?:token|no-sign)/ } @$options) ? () : '--no-sign', @$options, $server->url('/voice') ], $rc, $out, $err);
    return $server->requests;
}

# --- What is said before any call -----------------------------------------------------------------------------

my ($version) = slurp("$TOP/mod_encgather/version.h") =~ /EG_VERSION "([^"]+)"/;
ends('--version', ['--version'], 0, qr/\Aencgather-call \Q$version\E\n\z/);
my $help = ends('--help', ['--help'], 0, qr/\Ausage: encgather-call /);
my $manual = slurp($PROGRAM) =~ s/.*^__END__$//msr;
is_deeply [ grep { $manual !~ /^=item .*B<\Q$_\E>/m } $help =~ /(--[a-z-]+)/g ], [], 'the manual has each option';
ends("wrong usage: @$_", $_, 2, qr/\A\z/, qr/\Aencgather-call: [^\n]+\n\(encgather-call --help tells more\)\n\z/)
    for ['--no-sign'], ['http://127.0.0.1/'], [ '--no-sign', '--means', 'fine=x', 'http://127.0.0.1/' ], [ '--no-sign', '--nonsense', 'http://127.0.0.1/' ],
    [ '--no-sign', '--ca', "$DIR/none", 'https://127.0.0.1:1/' ], (map { [ '--no-sign', '--connect-to', $_, 'http://127.0.0.1/' ] } '', 'a:b', 'a:0', 'a:99999', 'ivr.test:443:127.0.0.1:443', '[::1', '::1'),
    map { [ '--no-sign', $_ ] } 'ftp://127.0.0.1/', 'http://127.0.0.1:99999/', 'http://[::1/', 'http://a b/';

spew("$DIR/Hidden.pm", <<'HIDDEN');
package Hidden;
sub import { my ($class, $file) = @_; unshift @INC, sub { die "Can't locate $file in \@INC\n" if $_[1] eq $file; return } }
1;
HIDDEN
for my $case ([ 'XML/LibXML.pm' => 'http', 'XML::LibXML', 'libxml-libxml-perl' ], [ 'LWP/UserAgent.pm' => 'http', 'LWP::UserAgent', 'libwww-perl' ],
    [ 'LWP/Protocol/https.pm' => 'https', 'LWP::Protocol::https', 'liblwp-protocol-https-perl' ]) {
    my ($file, $scheme, $name, $package) = @$case;
    my ($rc, $out, $err) = run_with([ "-I$DIR", "-MHidden=$file" ], '--no-sign', "$scheme://127.0.0.1:1/");
    is $rc, 9, "without $name: exit code";
    is $err, "encgather-call: the Perl library $name is not installed; on Debian: apt-get install $package; on RHEL: dnf install 'perl($name)'\n",
        "without $name: a sentence";
    is +(run_with([ "-I$DIR", "-MHidden=$file" ], '--help'))[0], 0, "without $name: there is help";
}

# --- What came of a call: the module's own ---------------------------------------------------------------------

my @SIGNED = ('--token-file', $TOKENS);
my $OTHER  = spew("$DIR/other", "$TOKEN{other}\n");

# Two hosts of one address, each with a certificate of its own name.
my $TLS_PORT = defined module_file('ssl') ? (free_ports(1))[0] : undef;

sub tls_hosts () {
    my $hosts = "Listen 127.0.0.1:$TLS_PORT\n";
    for my $name ('first.invalid', 'ivr.invalid') {
        system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$name -addext subjectAltName=DNS:$name -addext basicConstraints=CA:FALSE -days 3 -batch -keyout $DIR/$name.key -out $DIR/$name.pem 2>$DIR/openssl.txt") == 0
            or die slurp("$DIR/openssl.txt");
        $hosts .= "<VirtualHost 127.0.0.1:$TLS_PORT>\n    ServerName $name\n    SSLEngine on\n    SSLCertificateFile $DIR/$name.pem\n    SSLCertificateKeyFile $DIR/$name.key\n</VirtualHost>\n";
    }
    return $hosts;
}

sub private_site ($backend) {
    my $key   = write_secret("$DIR/key", "$KEY{demo}\n");
    my $token = write_secret("$DIR/token", "$TOKEN{demo}\n");
    return EncGather::Server->new(dir => "$DIR/httpd", modules => [ qw(authn_core authz_host alias proxy proxy_http), defined $TLS_PORT ? 'ssl' : () ],
        module => "$TOP/build/out/mod_encgather.so", conf => <<"CONF");
EncGatherKeyFile "$key"
EncGatherAuthTokenFile "$token"
LogFormat "%{%Y-%m-%dT%H:%M:%S}t.%{msec_frac}t%{%z}t %h %>s %D call=%{ENCGATHER_CALL}e step=%{ENCGATHER_STEP}e result=%{ENCGATHER_RESULT}e signature=%{ENCGATHER_SIGNATURE}e" encgather
LogFormat "{\\"time\\":\\"%{%Y-%m-%dT%H:%M:%S}t.%{msec_frac}t%{%z}t\\",\\"status\\":%>s,\\"microseconds\\":%D,\\"call\\":\\"%{ENCGATHER_CALL}e\\",\\"step\\":\\"%{ENCGATHER_STEP}e\\",\\"result\\":\\"%{ENCGATHER_RESULT}e\\",\\"signature\\":\\"%{ENCGATHER_SIGNATURE}e\\"}" encgather_json
CustomLog logs/ivr_log encgather
CustomLog logs/ivr.json encgather_json
<Location /voice>
    SetHandler encrypted-gather
    EncGatherBackend @{[ $backend->url ]}
    Require all granted
</Location>
@{[ defined $TLS_PORT ? tls_hosts() : '' ]}
CONF
}

sub calls_at_the_module () {
    my $json    = 'application/json';
    my $backend = EncGather::Scripted->new([ 200, $json, '{"account":"AC1","balance":"12.55"}' ], [ 404, $json, '{}' ], [ 500, $json, '{}' ]);
    my $server  = private_site($backend);
    ok $server->start, 'a server of the module' or return diag $server->error;
    my ($voice, $sid) = ($server->url('/voice'), 'CA' . '7' x 32);
    ends('found',     [ @SIGNED, $voice, $CARD, $PIN ], 0, qr/^the call is over: found\n\z/m);
    ends('not found', [ @SIGNED, $voice, $CARD, '0933' ], 3, qr/^the call is over: not found\n\z/m);
    ends('unavailable', [ @SIGNED, '--call-sid', $sid, $voice, $CARD, $PIN ], 4, qr/^the call is over: unavailable\n\z/m,
        qr/\Aencgather-call: [^\n]*EG0501[^\n]*\n[^\n]*encgather trace $sid [^\n]*\n\z/);
    ends('invalid', [ @SIGNED, '-q', $voice, '0417', '041', '-', '-' ], 5, qr/\A\z/);
    ends('the expected one', [ @SIGNED, '-q', '--expect', 'invalid', $voice, '041', '-', '-' ], 0, qr/\A\z/);
    my ($rc, $out, $err) = run('--token-file', $OTHER, $voice);
    is $rc, 7, 'a wrong token: exit code';
    one_cause('a wrong token', $err, qr/--public-url/);
    ends('not signed, as expected', [ '--no-sign', '-q', '--expect', 'refused', $voice ], 0, qr/\A\z/);
  SKIP: {
        skip 'no mod_ssl', 6 if !defined $TLS_PORT;
        my @there = (@SIGNED, '--connect-to', "127.0.0.1:$TLS_PORT", '--ca', "$DIR/ivr.invalid.pem");
        ends('--connect-to and https', [ @there, '-q', 'https://ivr.invalid/voice', '041', '-', '-' ], 5, qr/\A\z/);
        ends('... and the certificate of another host', [ @there, '-q', 'https://first.invalid/voice' ], 1, qr/\A\z/, qr/Can't connect to first\.invalid:443 at 127\.0\.0\.1:$TLS_PORT /);
    }
    ok $server->stop, 'the server stops';
    my $facts = qr/ \(200, [\d.]+ m?s, signature valid\)/;
    for my $log (qw(ivr_log ivr.json)) {
        like scalar `$TOP/build/out/encgather trace $sid $DIR/httpd/logs/error_log $DIR/httpd/logs/$log`,
            qr/\A(?:\S+ \S+  getLast4CC: asked$facts\n\S+ \S+  getPin: asked$facts\n)(?:\S+ \S+  (?:processData: unavailable$facts|error EG0501: the backend \S+ is unavailable: [^\n]+)\n){2}3 webhooks in [\d.]+ s; the last one: unavailable\n\z/,
            "encgather trace: the same call in error_log and $log";
    }
    is_deeply [ unexpected([ alarms($server->error_log) ], [ qr/EG0501:/, qr/EG0301:/, qr/AH01873:/ ]) ], [], 'nothing else in its log';
    return;
}

SKIP: {
    my @why = map { "no mod_$_" } grep { !defined module_file($_) } qw(proxy proxy_http authn_core);
    skip $why[0], 1 if @why;
    calls_at_the_module();
}

# --- And of one that others word ---------------------------------------------------------------------------------

# Sentences of the module, as a member of the backend's answer fills them.
my ($table) = slurp("$TOP/mod_encgather/call/sentence.c") =~ /default_sentences\[EG_SAY_EVENTS\] = \{(.*?)\};/s;
my %event   = (FOUND => 'found', NOT_FOUND => 'notfound', UNAVAILABLE => 'unavailable', INVALID => 'invalid', LOCKED => 'locked');
my %RC      = (found => 0, notfound => 3, unavailable => 4, invalid => 5, locked => 6);
my %sentence;
while (($table // '') =~ /\[EG_SAY_(\w+)\] = \(?((?:\s*"[^"]*")+)/g) {
    my ($name, $strings) = ($1, $2);
    $sentence{ $event{$name} } = join('', $strings =~ /"([^"]*)"/g) =~ s/%\{\w+\}/A, B. 12.50/gr;
}
is_deeply [ sort keys %sentence ], [ sort keys %RC ], 'the sentences of the module';
for my $word (sort keys %sentence) {
    ends_at("the sentence of $word", [ twiml_of("<Say>$sentence{$word}</Say>") ], [ '-q', '--expect', $word ], 0, qr/\A\z/);
}
ends_at('locked', [ twiml_of("<Say>$sentence{locked}</Say>") ], [], 6, qr/over: locked\n/);

my $DANKE = twiml_of('<Say>Danke. Ihr Guthaben: 12  Euro.</Say><Hangup/>');
ends_at('a sentence that is not known', [$DANKE], [], 0, qr/^the call is over\n\z/m);
ends_at('--means', [$DANKE], [ '--means', 'found=Ihr Guthaben', '--expect', 'found' ], 0, qr/over: found\n/);
ends_at('--means another one', [$DANKE], [ '-q', '--means', 'notfound=Guthaben: 12 Euro' ], 3, qr/\A\z/);
ends_at('--expect a text', [$DANKE], [ '-q', '--expect', 'Guthaben: 12 Euro', '--expect', 'Danke' ], 0, qr/\A\z/);
ends_at('--expect another text', [$DANKE], [ '-q', '--expect', 'Danke', '--expect', '99' ], 8, qr/\A\z/, qr/\Aencgather-call: [^\n]*'99'[^\n]*\n\z/);
ends_at('--expect what cannot be told', [$DANKE], [ '-q', '--expect', 'found' ], 8, qr/\A\z/, qr/\Aencgather-call: [^\n]*found[^\n]*--means[^\n]*\n\z/);
ends_at('--expect in the word of the access log', [ twiml_of("<Say>$sentence{notfound}</Say>") ], [ '-q', '--expect', 'not-found' ], 0, qr/\A\z/);
ends_at('--expect another end', [ twiml_of("<Say>$sentence{notfound}</Say>") ], [ '-q', '--expect', 'found' ], 3, qr/\A\z/,
    qr/\Aencgather-call: [^\n]*found[^\n]*not found[^\n]*\n\z/);
ends_at('rejected', [ twiml_of('<Reject/>') ], [], 1, qr/rejects/, qr/rejected/);

# --- Another address ------------------------------------------------------------------------------------------------

{
    my $next   = twiml_of('<Redirect>https://other.invalid/x</Redirect>');
    my $server = EncGather::Scripted->new(twiml_of('<Redirect>/b</Redirect>'), $next);
    my ($at)   = $server->url =~ m{^http://([^/]+)};
    my $url    = 'http://ivr.invalid:8080/voice';
    my $out    = ends('--connect-to', [ @SIGNED, '-v', '--call-sid', 'CA1', '--connect-to', $at, $url ], 0, qr/^> goes on at https:\/\/other\.invalid\/x, which is not called/m);
    my @came = $server->requests;
    is_deeply [ map { [ $_->header('Host'), $_->uri->path ] } @came ], [ map { [ 'ivr.invalid:8080', $_ ] } '/voice', '/b' ], '... the host is that of the URL, at each step';
    my %form = URI->new('?' . $came[0]->content)->query_form;
    my $signature = signature($TOKEN{demo}, $url, [%form]);
    is $came[0]->header('X-Twilio-Signature'), $signature, '... and the URL that is signed';
    like $out, qr/^  X-Twilio-Signature: \Q$signature\E$/m, '... which -v shows';
    ends('--connect-to nobody', [ '--no-sign', '--connect-to', '127.0.0.1:1', $url ], 1, qr/\A\z/,
        qr/Can't connect to ivr\.invalid:8080 at 127\.0\.0\.1:1 \(Connection refused\).*11202/s);
}

SKIP: {
    my $server = EncGather::Scripted->at('::1', twiml_of('<Say>six</Say>')) or skip 'no IPv6', 3;
    ends('--connect-to an IPv6 address', [ '--no-sign', '--connect-to', '[::1]:' . $server->port, 'http://ivr.invalid/' ], 0, qr/six/);
}
{
    my $second = EncGather::Scripted->new(twiml_of('<Redirect>http://other.invalid/x</Redirect>'));
    my $first  = EncGather::Scripted->new(twiml_of('<Redirect>http://ivr.invalid:' . $second->port . '/b</Redirect>'));
    my $proxy  = EncGather::Scripted->new(twiml_of('<Say>elsewhere</Say>'));
    local @ENV{qw(PERL_LWP_ENV_PROXY http_proxy)} = (1, $proxy->url);
    ends('--connect-to, another port, and another host by a proxy', [ '--no-sign', '--follow', '--connect-to', '127.0.0.1:' . $first->port, 'http://IVR.invalid/a' ],
        0, qr/elsewhere/, qr/\Aencgather-call: goes on at http:\/\/other\.invalid\n\z/);
    is_deeply [ map { [ map { $_->header('Host') . ' ' . $_->uri } $_->requests ] } $first, $second, $proxy ],
        [ ['IVR.invalid /a'], [ 'ivr.invalid:' . $second->port . ' /b' ], ['other.invalid http://other.invalid/x'] ],
        '... each went where it belongs: the host of the URL by no proxy, its other port to that port, and no other host to the address';
}

# --- 403: one cause ------------------------------------------------------------------------------------------------

my $TEXT = [ 403, 'text/plain; charset=utf-8', 'Forbidden' ];

sub one_cause ($name, $err, $cause) {
    my @causes = grep { $err =~ $_ } qr/--no-sign/, qr/--public-url/, qr/EncGatherPublicURL/, qr/token in/, qr/decrypt-gather/, qr/AH01630/;
    is_deeply \@causes, [$cause], "$name: one cause, the right one" or diag $err;
    return;
}

sub refused ($name, $answers, $options, $cause, @more) {
    my $server = EncGather::Scripted->new(@$answers);
    my ($rc, $out, $err) = run(@$options, '-q', $server->url('/voice'), @more);
    is $rc, 7, "$name: exit code";
    one_cause($name, $err, $cause);
    like $err, qr/^Twilio would note error 11217\b/m, "$name: Twilio's number";
    return $err;
}

refused('not signed', [$TEXT], ['--no-sign'], qr/--no-sign/);
refused('at an inner name', [$TEXT], [@SIGNED], qr/--public-url/);
my $said = refused('by its public name', [$TEXT], [ @SIGNED, '--public-url', 'https://ivr.example.com' ], qr/token in/);
like $said, qr/^the error log of the server has the cause in a line EG0301$/m, 'and where it is told';
like $said, qr/^and on the server encgather doctor --url URL --signature SIGNATURE < BODY says what would have fitted \(-v shows all three\)$/m, '... and asked for';
ends_at('... or of another provider', [$TEXT], [ @SIGNED, '--provider', 'plivo', '-q' ], 7, qr/\A\z/, qr/^and encgather verify --provider plivo, with what -v shows, says what would have fitted$/m);
refused('in the middle of a call', [ twiml_of('<Redirect>/b</Redirect>'), $TEXT ], [@SIGNED], qr/EncGatherPublicURL/);
refused('decrypt-gather', [ [ 403, 'application/json', '{"error":"forbidden"}' ] ], [@SIGNED], qr/decrypt-gather/);
refused('a page of httpd', [ [ 403, 'text/html; charset=iso-8859-1', '<h1>Forbidden</h1>' ] ], [@SIGNED], qr/AH01630/);

# --- Twilio's numbers ------------------------------------------------------------------------------------------------

ends('nobody there', [ '--no-sign', 'http://127.0.0.1:1/' ], 1, qr/\A\z/, qr/\Aencgather-call: Can't connect to 127\.0\.0\.1:1 \(Connection refused\)\nTwilio would note error 11202: /);
ends_at('a status', [ [ 500, 'text/plain', '' ] ], ['-q'], 1, qr/\A\z/, qr/\Aencgather-call: HTTP status 500[^\n]*\n[^\n]*encgather trace CA[^\n]*\nTwilio would note error 11217: /);
ends_at('a warning', [ twiml_of('<say>x</say>') ], ['-q'], 1, qr/\A\z/, qr/^Twilio would note warning 12200: [^\n]*\n(?!.*hang up)/m);
ends_at('a redirection', [ [ 302, 'text/plain', '', 'Location: /x' ] ], ['-q'], 1, qr/\A\z/, qr/redirection to \/x.*Console/s);
my %told   = slurp($PROGRAM) =~ /^    (1[1-3]\d{3}) => '([^']*)'/mg;
my %listed = slurp("$TOP/conf/manual/troubleshooting.md") =~ /^\| ([\d, ]+) \| ([^|]*)/mg;
%listed = map { my $row = $_; map { $_ => $listed{$row} } split /, /, $row } keys %listed;
my %known  = map { $_ => 1 } map { /\b(1[1-3]\d{3})\b/g } grep { /_fail\(|return \(1|^    \[ 1\d{4} =>/ } split /\n/, slurp("$TOP/t/lib/EncGather/Caller.pm");
is_deeply [ sort keys %told ], [ sort keys %known ], 'the program has words for each number that it can find';
is_deeply [ grep { !$listed{$_} } sort keys %told ], [], 'and the manual says what to do about it';

# --- Other hosts, and what signs ---------------------------------------------------------------------------------------

my $other   = EncGather::Scripted->new(twiml_of('<Say>Here.</Say>'), twiml_of('<Say>Here.</Say>'));
my $AWAY    = $other->url('/x') =~ s/127\.0\.0\.1/localhost/r;
my $ask     = twiml_of(qq(<Gather action="$AWAY"><Say>Well?</Say></Gather>));
ends_at('a redirect to another host', [ twiml_of("<Say>$sentence{found}</Say><Redirect>$AWAY</Redirect>") ], [ @SIGNED, '--expect', 'found' ], 0,
    qr/^. goes on at \Qhttp:\/\/localhost\E\S*, which is not called \(--follow\)\nthe call is over: found\n\z/m);
is scalar $other->requests, 0, 'nothing was sent there';
{
    my $server = EncGather::Scripted->new($ask);
    ends('an action at another host', [ @SIGNED, '-q', $server->url('/'), '12' ], 1, qr/\A\z/,
        qr/\Aencgather-call: [^\n]*http:\/\/localhost:\d+[^\n]*--follow[^\n]*--public-url[^\n]*\n/);
}
is scalar $other->requests, 0, 'nothing was sent there either';
ends_at('--follow', [ twiml_of("<Redirect>$AWAY</Redirect>") ], [ @SIGNED, '--follow' ], 0, qr/says +"Here\."/,
    qr/\Aencgather-call: goes on at http:\/\/localhost:\d+, signed with the same token\n\z/);
ok defined +($other->requests)[0]->header('X-Twilio-Signature'), 'signed, and said so';

my $mixed = spew("$DIR/mixed", "webhooks_sharedkey_1 secret\nAC1 $TOKEN{other}\n$TOKEN{demo}\n");
my ($sent) = ends_at('a file with a SharedKey in front', [$DANKE], [ '-q', '--token-file', $mixed ], 0, qr/\A\z/);
like $sent->content, qr/(?:^|&)AccountSid=AC1&/, 'signs with the first auth token, for its account';

done_testing();
