# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# The faults G11 to G13 of t/FAULTS.md: a configuration that is doubled, empty, large, or says something at three levels.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Daemon qw(free_ports);
use EncGather::Faults;
use EncGather::Httpd qw(module_file);
use EncGather::Sanitizer qw(pointless);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

use constant HOSTS => 300;

my ($CARD, $PIN) = @SECOND_ACCOUNT;
my $STEP = '/gather?step=getPin';
my @CALL = (CallSid => 'CA' . '9' x 32);
my $KEYS = in_tree('conf/keys');
remember($CARD, $PIN);

sub server_with ($name, $conf, %options) {
    my $server = private_server($name, conf => $conf, %options);
    $server->start or BAIL_OUT("$name does not start: " . $server->error =~ tr/\n/ /r);
    return $server;
}

sub our_lines ($server) { return grep { /\bEG0\d\d\d: / } split /\n/, $server->error_log }

# --- G11: doubled, empty, without a key ---------------------------------------------------------------------------

{
    my $name   = 'G11 the module is loaded twice';
    my $module = Apache::TestConfig->thaw->{vars}{top_dir} . '/build/out/mod_encgather.so';
    my $twice  = server_with('config-twice', "LoadModule encgather_module \"$module\"\n" . EncGather::Faults::conf());
    my $host   = '127.0.0.1:' . $twice->port;
    answers("$name: the answer", post($host, $STEP, [ @CALL, Digits => $CARD ]), twiml_answer('asked'));
    ok $twice->graceful, "$name: graceful" or diag $twice->error;
    answers("$name: the next call", post($host, $STEP, [ @CALL, Digits => $CARD ]), twiml_answer('asked'));
    ok $twice->stop, "$name: the server stops";
    like $twice->logs->{startup_log} . $twice->error_log, qr/AH01574: module encgather_module is already loaded/, "$name: httpd says so";
    log_is_clean($twice, qr/AH01574: /);
}
{
    my $name  = 'G11 no directive';
    my $empty = server_with('config-empty', "<Location /gather>\n    SetHandler encrypted-gather\n</Location>\n");
    my $host  = '127.0.0.1:' . $empty->port;
    is post($host, '/gather', \@CALL)->code, 404, "$name: a handler that nobody enabled" for 1 .. 2;
    is request(GET => $host, '/index.html')->code, 404, "$name: a file that is not there";
    is scalar(grep { !/EG0130: .*there is no EncGatherBackend, no EncGatherKeyFile, no EncGatherAuthTokenFile for it|EG0212: / } our_lines($empty)), 0,
        "$name: no line in the log but the one of the start, and why it is 404";
    ok $empty->stop, "$name: the server stops";
    log_is_clean($empty, qr/EG0130: /);
}
{
    my $name = 'G11 a webhook without a key';
    my $bare = server_with('config-keyless', EncGather::Faults::conf() =~ s/^EncGatherKeyFile .*\n//mr);
    my $host = '127.0.0.1:' . $bare->port;
    for (1 .. 2) {
        answers("$name: the answer", post($host, $STEP, [ @CALL, Digits => $CARD ]), text_error(500, 'misconfigured'));
        answers("$name: of the backend's side", decrypt($host, '/decrypt', { encryptedCardDigits => seal($CARD), encryptedPinDigits => seal($PIN) }),
            json_error(500, 'misconfigured'));
    }
    is scalar(my @lines = grep { /EG0108: .*EncGatherKeyFile/ } our_lines($bare)), 4, "$name: a line each";
    is +($bare->configtest)[0], 0, "$name: no error of the configuration, there may be one for other locations";
    ok $bare->stop, "$name: the server stops";
    log_is_clean($bare, qr/EG0108: /, qr/EG0130: .*there is no EncGatherKeyFile for it/);
}

# --- G12: many hosts, each with a key of its own ------------------------------------------------------------------

{
    my $name  = 'G12 300 virtual hosts with 300 key files';
    my $files = in_tree('private/config-hosts-keys');
    mkdir $files, 0755;
    my @key  = map { sha256_hex("encgather test key of host $_") } 1 .. HOSTS;
    my $conf = EncGather::Faults::conf();
    for my $n (1 .. HOSTS) {
        write_secret("$files/$n", "k$n $key[$n - 1]\n");
        $conf .= "<VirtualHost *>\n    ServerName h$n.test\n    EncGatherKeyFile \"$files/$n\"\n</VirtualHost>\n";
    }
    my ($trouble, $shim) = EncGather::Faults::troubled_host('config-hosts');
    my $hosts = server_with('config-hosts', $conf, environment => $shim);
    my $port  = $hosts->port;
    my $other = sub () {
        my @other;
        for my $n (1 .. HOSTS) {
            my $target = "http://h$n.test$STEP";
            my $answer = post("127.0.0.1:$port", $STEP, [ @CALL, Digits => $CARD ], host => "h$n.test", signed_url => $target);
            push @other, $n if (open_token(token_in($answer, 'encryptedCardDigits'), $key[ $n - 1 ]) // '') ne $CARD;
        }
        return \@other;
    };
    is_deeply $other->(), [], "$name: each seals with its own";
  SKIP: {
        skip "$name: " . pointless('shim'), 1 if pointless('shim');
        open my $counter, '>', "$trouble/count-realpath" or die "$trouble: $!";
        close $counter;
        is +($hosts->configtest)[0], 0, "$name: configtest";
        my $calls = -s "$trouble/count-realpath";
        unlink "$trouble/count-realpath";
        ok $calls >= HOSTS && $calls < 4 * HOSTS, "$name: paths are resolved for each, not for each pair: $calls times";
    }
    write_secret("$files/150", 'too short');
    ok !$hosts->graceful, "$name: one bad file of them: graceful is refused";
    like $hosts->error, qr/EG0101: EncGatherKeyFile '\Q$files\E\/150'/, "$name: one bad file of them: which one is said";
    is scalar(() = $hosts->error =~ /EG0101: /g), 1, "$name: one bad file of them: and no other";
    is_deeply $other->(), [], "$name: the server goes on";
    write_secret("$files/150", "k150 $key[149]\n");
    ok $hosts->graceful, "$name: graceful" or diag $hosts->error;
    is_deeply $other->(), [], "$name: the same after that";
    ok $hosts->stop, "$name: the server stops";
    log_is_clean($hosts);
}

# --- G13: what is said at three levels ----------------------------------------------------------------------------
# merge.t has those that tell by a key, a token, an address or a size. Here A is said in the server, B replaces it in one
# virtual host, and A comes back in a location of that host; another host says nothing.

sub gather_with ($response, $attribute) { return gather($response)->{$attribute} }

sub voice_of ($response) {
    my ($gather) = @{ twiml($response) };
    my ($say)    = grep { ref && $_->[0] eq 'Say' } @$gather[ 2 .. $#$gather ];
    return join ' ', map { $say->[1]{$_} // '' } qw(voice language);
}

sub after_sentence ($response) { return join ' ', map { join ' ', $_->[0], grep { !ref } @$_[ 2 .. $#$_ ] } grep { $_->[0] ne 'Say' } @{ twiml($response) } }

my ($SLOW_PORT) = free_ports(1);
my $record      = in_tree('private/config-merge-record');
my $backend     = EncGather::Backend->new(port => $SLOW_PORT, record => $record);

# directive => [ values A and B, the query of the request, its pairs, what A and B show, what tells them apart ]
my $LAST = 'step=processData&encryptedCardDigits=' . seal($CARD);
my %LEVELS = (
    EncGatherField    => [ 'one digits=5', 'one digits=6', '', [], '5', '6', sub ($r) { gather_with($r, 'numDigits') } ],
    EncGatherAttempts => [ '2', '4', 'step=getPin&attempt=2', [ Digits => '' ], 'invalid', 'asked-again', sub ($r) { variables($r)->{result} } ],
    EncGatherSay      => [ 'invalid "This is A."', 'invalid "This is B."', 'step=getPin&attempt=999', [ Digits => '' ], 'This is A.', 'This is B.',
        sub ($r) { join ' ', said($r) } ],
    EncGatherThen     => [ 'invalid dial=+15550001', 'invalid hangup', 'step=getPin&attempt=999', [ Digits => '' ], 'Dial +15550001', 'Hangup', \&after_sentence ],
    EncGatherVoice    => [ 'Polly.Amy en-GB', 'Polly.Lucia', '', [], 'Polly.Amy en-GB', 'Polly.Lucia ', \&voice_of ],
    EncGatherTimeout  => [ '1', '600', $LAST, [ Digits => $PIN ], 'EncGatherTimeout', 'ProxyTimeout', undef ],
    EncGatherForward  => [ 'From', 'To', $LAST, [ Digits => $PIN, From => '+1555', To => '+1666' ], 'From +1555', 'To +1666', undef ],
);

my $merge;

# The two that tell by something else than their answer.
my $mark;
$LEVELS{EncGatherTimeout}[6] = sub ($response) {
    my $new = substr $merge->error_log, $mark;
    return $new =~ /EG0501: .*longer than EncGatherTimeout/ ? 'EncGatherTimeout' : $new =~ /EG0501: .*status 50\d/ ? 'ProxyTimeout' : $new;
};
$LEVELS{EncGatherForward}[6] = sub ($response) {
    my ($request) = $backend->requests;
    my $fields = JSON::PP->new->decode($request->{body});
    return join ' ', map { ($_, $fields->{$_}) } grep { !/^encrypted/ } sort keys %$fields;
};

# A server for each: a field or a voice would show in the answers of the others.
for my $directive (sort keys %LEVELS) {
  SKIP: {
        skip "G13 $directive: this httpd has no mod_proxy_http", 1 unless defined module_file('proxy_http');
        my ($first, $second, $query, $pairs, $shows_first, $shows_second, $what) = @{ $LEVELS{$directive} };
        $merge = server_with("config-merge-$directive", EncGather::Faults::conf() . <<"END_OF_CONF", modules => [qw(proxy proxy_http)]);
ProxyTimeout 3
$directive $first
<Location /merge>
    SetHandler encrypted-gather
    EncGatherBackend http://127.0.0.1:$SLOW_PORT/@{[ $directive eq 'EncGatherTimeout' ? 'slow' : 'ok' ]}
</Location>
<VirtualHost *>
    ServerName inherits.test
    <Location /merge/over>
        $directive $second
    </Location>
</VirtualHost>
<VirtualHost *>
    ServerName replaces.test
    $directive $second
    <Location /merge/over>
        $directive $first
    </Location>
</VirtualHost>
END_OF_CONF
        my $show = sub ($host, $path) {
            my $target = "$path?$query";
            $mark = length $merge->error_log;
            $backend->forget;
            return $what->(post('127.0.0.1:' . $merge->port, $target, [ @CALL, @$pairs ], host => $host, signed_url => "http://$host$target"));
        };
        is $show->('inherits.test', '/merge'),      $shows_first,  "G13 $directive: from the server";
        is $show->('inherits.test', '/merge/over'), $shows_second, "G13 $directive: replaced in a location";
        is $show->('replaces.test', '/merge'),      $shows_second, "G13 $directive: replaced in a virtual host";
        is $show->('replaces.test', '/merge/over'), $shows_first,  "G13 $directive: and back in its location";
        is $show->('inherits.test', '/merge'),      $shows_first,  "G13 $directive: the next call";
        ok $merge->stop, "G13 $directive: the server stops";
        log_is_clean($merge, $directive eq 'EncGatherTimeout' ? (qr/EG0501: /, qr/EG0134: EncGatherTimeout 600 /, qr/\[proxy(?:_http)?:(?:error|warn)\]/)
            : $directive eq 'EncGatherField' ? (qr/EG0135: .*asks for the field 'encryptedCardDigits'/) : ());
    }
}
$backend->stop;

# Of the server and of virtual hosts only. What comes by GET are no digits here, but logs show it or do not.
{
    my $redact = server_with('config-redact', EncGather::Faults::conf() . <<'END_OF_CONF');
EncGatherRedact off
<VirtualHost *>
    ServerName inherits.test
</VirtualHost>
<VirtualHost *>
    ServerName replaces.test
    EncGatherRedact on
</VirtualHost>
END_OF_CONF
    my $n = 0;
    my $logged = sub ($host) {
        my $word = 'word' . ++$n;
        request(GET => '127.0.0.1:' . $redact->port, "/elsewhere?n=$n&Digits=$word", host => $host);
        my $line;
        wait_until(10, sub {
            ($line) = grep { /[?&]n=$n&/ } split /\n/, $redact->logs->{access_log} // '';
            return defined $line;
        });
        return $line =~ /$word/ ? 'off' : $line =~ /\*REDACTED\*/ ? 'on' : $line;
    };
    is $logged->('inherits.test'), 'off', 'G13 EncGatherRedact: from the server';
    is $logged->('replaces.test'), 'on',  'G13 EncGatherRedact: replaced in a virtual host';
    is $logged->('inherits.test'), 'off', 'G13 EncGatherRedact: the next request';
    ok $redact->stop, 'G13 EncGatherRedact: the server stops';
    log_is_clean($redact);
}

finish();
