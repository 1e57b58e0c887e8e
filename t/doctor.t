# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# encgather doctor: what it says of a good configuration, of one with all mistakes at once, of a database or a backend
# that is away, and of a signature that does not fit; and that it never shows a secret.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Test::More;

use lib 't/lib';
use EncGather::Files qw(slurp_if_there spew);
use EncGather::Jwe qw(make_pair);
use EncGather::Redis;
use EncGather::Signature qw(signature form_encode);
use EncGather::Test;

my $KEYS     = in_tree('conf/keys');
my $DATABASE = in_tree('conf/accounts.db');
my $TOOL     = $ENV{ENCGATHER_TOOL} || "$ENV{ENCGATHER_OUT}/encgather";
my $FILES    = in_tree('private/doctor-files');
my $server   = private_server('doctor', modules => [qw(proxy proxy_http slotmem_shm proxy_balancer lbmethod_byrequests macro)]);
mkdir $FILES, 0755 or die "$FILES: $!";
my ($GOOD, $BROKEN, $USAGE, $SYSTEM, $ODD) = 0 .. 4;
my @PASSWORDS = ('Hokuspokus-4711', 'Abrakadabra');

my $SECRET = qq(EncGatherKeyFile "$KEYS/demo.key"\nEncGatherAuthTokenFile "$KEYS/auth-tokens"\n);
my $DBD    = qq(DBDriver sqlite3\nDBDParams "$DATABASE"\n);
my $QUERY  = 'SELECT account, balance FROM accounts WHERE card = %s AND pin = %s';

sub at ($path, @lines) { return join '', "<Location $path>\n", (map { "$_\n" } @lines), "</Location>\n" }
sub host ($name, @lines) { return join '', "<VirtualHost *>\nServerName $name\n", @lines, "</VirtualHost>\n" }
sub asks ($path, $backend, @more) { return at($path, 'SetHandler encrypted-gather', "EncGatherBackend $backend", @more) }

sub lookup ($path, $query = $QUERY, $names = 'encryptedCardDigits encryptedPinDigits') {
    return at($path, 'SetHandler decrypt-gather', qq(EncGatherLookup "$query" $names));
}

# What no output may hold.
my @SECRETS = (values %KEY, values %TOKEN, @PASSWORDS);

sub run_tool (@arguments) {
    my $input = ref $arguments[0] ? ${ shift @arguments } : '';
    spew("$FILES/input", $input);
    my $pid = open my $from, '-|';
    die "fork: $!" unless defined $pid;
    if ($pid == 0) {
        open STDIN,  '<', "$FILES/input";
        open STDERR, '>&', \*STDOUT;
        { no warnings 'exec'; exec { $TOOL } $TOOL, 'doctor', @arguments }
        POSIX::_exit(98);
    }
    my $text = do { local $/; <$from> };
    close $from;
    my $rc = $? >> 8;
    is_deeply [ grep { index($text, $_) >= 0 } @SECRETS ], [], 'no secret is shown';
    return ($rc, $text);
}

sub configured () { return ('-d', $server->{dir}, '-f', $server->config_file, '--httpd', $server->{httpd}, '--no-clock') }

# The findings of the configuration, and the exit status.
sub examine ($conf, @more) {
    my @input = ref $more[0] ? shift @more : ();
    $server->configure(conf => $conf) if defined $conf;
    my ($rc, $text) = run_tool(@input, configured(), '--json', @more);
    my $report = eval { JSON::PP->new->utf8->decode($text) } || {};
    ok $report->{findings}, 'it is JSON' or diag $text;
    return ($rc, $report);
}

# Each of [state, whom it is about, text] is found; no more that is not ok.
sub finds ($name, $conf, $rc, @wanted) {
    my ($is, $report) = examine($conf);
    my @bad = grep { $_->{state} ne 'ok' } @{ $report->{findings} };
    my $ok  = is $is, $rc, "$name: exit status";
    for my $want (@wanted) {
        my ($state, $about, $text) = @$want;
        my @there = grep { $_->{state} eq $state && $_->{about} =~ $about && "$_->{text}" =~ $text } @{ $report->{findings} };
        $ok = is(scalar @there, 1, "$name: $state $text") && $ok;
        my %there = map { $_ => 1 } @there;
        @bad = grep { !$there{$_} } @bad;
    }
    $ok = is_deeply([ map { "$_->{about}: $_->{text}" } grep { $_->{about} ne 'the server' } @bad ], [], "$name: and no more") && $ok;
    $ok || diag explain $report;
    return $report;
}

# --- Usage -----------------------------------------------------------------------------------------------------------

$server->configure(conf => '');
is((run_tool(@$_))[0], $USAGE,  "wrong usage: @$_") for [ '--nonsense' ], [ 'operand' ], [ '--url', 'https://h/' ], [ '--location', '/x' ];
is((run_tool('--httpd', '/nowhere/httpd'))[0], $SYSTEM, 'no httpd');

# --- All is well ------------------------------------------------------------------------------------------------------

my $WELL = $SECRET . $DBD . asks('/gather', '/lookup', 'EncGatherPublicURL https://ivr.test') . lookup('/lookup')
    . at('/app', 'Require twilio-signature') . at('/pay', 'EncGatherReveal card');
$server->configure(conf => $WELL);
ok $server->start, 'a server starts' or diag $server->error;
{
    my ($rc, $text) = run_tool(configured());
    is $rc, $GOOD, 'all is well' or diag $text;
    like $text, $_, "it says: $_" for qr/^all is well: \d+ ok$/m, qr/^<Location \/gather> \(line \d+ of \Q@{[ $server->config_file ]}\E\)$/m,
        qr/^  ok      asks for encryptedCardDigits encryptedPinDigits; sends them to \/lookup, waits 8 seconds$/m,
        qr/^  ok      signatures: on, by the tokens of \Q$KEYS\E\/auth-tokens, for https:\/\/ivr\.test$/m,
        qr/^  ok      the database answers and knows the query$/m, qr/^  ok      is an application that gets tokens opened$/m, qr/^  ok      a server runs, process @{[ $server->pid ]}$/m,
        qr/^  ok      1 key; written today$/m, qr/^  ok      3 auth tokens, 1 with an account; 0 SharedKeys; /m;
    ($rc, my $brief) = run_tool(configured(), '-q');
    is "$rc $brief", "$GOOD " . $text =~ s/.*^(?=all is well)//msr, '-q: it says that in one line';
    my $report = finds('the same for programs', undef, $GOOD);
    is $report->{result}, 'ok', 'result';
    is $report->{configuration}, $server->config_file, 'configuration';
    my @lines = map { $_->{line} // () } @{ $report->{findings} };
    cmp_ok scalar @lines, '>=', 4, 'sections have lines';

    my $pid_file = "$server->{dir}/run/httpd.pid";
    utime time - 3600, time - 3600, $pid_file or die "$pid_file: $!";
    finds('a file that changed behind it', undef, $ODD, [ odd => qr/server/, qr/httpd\.conf was changed \d+ seconds after the server that runs has read it/ ],
        map { [ odd => qr/$_$/, qr/was changed \d+ seconds after/ ] } qw(demo\.key auth-tokens));
    ($rc, $brief) = run_tool(configured(), '--quiet');
    is $rc, $ODD, '--quiet: the exit status is the same';
    like $brief, qr/\Athe server\n  odd     [^\n]*\n          do: [^\n]*\n(?:\S[^\n]*\n  odd [^\n]*\n          do: [^\n]*\n){2}0 broken, 3 odd, \d+ ok\n\z/, '... and what is ok is counted alone';
    my ($is, $few) = examine(undef, '--quiet');
    is_deeply [ $is, $few->{ok} > 5, map { $_->{state} } @{ $few->{findings} } ], [ $ODD, 1, ('odd') x 3 ], '... for programs, too';
    ok $server->graceful, 'a reload' or diag $server->error;
    finds('and was read', undef, $GOOD);
}
{
    my $outer = spew("$FILES/outer.conf", 'Include "' . $server->config_file . "\"\n");
    my ($rc, $text) = run_tool('-d', $server->{dir}, '-f', $outer, '--httpd', $server->{httpd}, '--no-clock', '--offline');
    like $text, qr/ takes \Q$outer\E$/m, 'the configuration is the one that was named, whatever it includes first';
}
{
    my ($name) = $server->{httpd} =~ m{([^/]+)\z};
    my @other = ('-d', $server->{dir}, '-f', $server->config_file, '--no-clock', '--offline');
    mkdir "$FILES/bin", 0755;
    my $own = spew("$FILES/bin/my-httpd", qq(#!/bin/sh\nexec "$server->{httpd}" "\$@"\n), 0755);
    mkdir "$FILES/before/$_", 0755 for '', 'my-httpd';
    local $ENV{PATH} = ":before:$FILES/before:$FILES/bin:$ENV{PATH}";
    for my $case ([ 'my-httpd' => $own ], [ $name => qr/\S*\/\Q$name\E/ ]) {
        my ($rc, $text) = run_tool(@other, '--httpd', $case->[0]);
        is $rc, $GOOD, "--httpd $case->[0]: a name without a slash" or diag $text;
        like $text, qr/^  ok      $case->[1] takes /m, '... is looked for in PATH, and where daemons are; a directory of that name is none';
    }
    local $ENV{PATH} = '/nowhere';
    for my $nobody ('my-httpd', '', '.') {
        my ($rc, $text) = run_tool(@other, '--httpd', $nobody);
        is "$rc $text", "$SYSTEM encgather doctor: no '$nobody' was found in PATH, /usr/sbin, /usr/local/apache2/bin and /usr/local/sbin; name it with its path\n", "... or is not there: '$nobody'";
    }
}
ok $server->stop, 'it stops';
log_is_clean($server);
finds('no server runs', $WELL, $GOOD, [ ok => qr/server/, qr/no server runs with the PidFile/ ]);

# --- Sealed tokens, and another provider --------------------------------------------------------------------------------

my $PAIR   = make_pair(p256 => "$FILES/pair");
my ($print) = `openssl pkey -pubin -in $PAIR.pub -outform DER | sha256sum` =~ /^([0-9a-f]{8})/;
my $token  = write_secret("$FILES/one-token", "$TOKEN{demo}\n");
my $sealed = "EncGatherAuthTokenFile $token\n" . asks('/gather', 'http://127.0.0.1:1/', "EncGatherRecipient e1 $PAIR.pub");
my $opens  = $DBD . lookup('/lookup') =~ s/(?=<\/)/EncGatherPrivateKeyFile e1 $PAIR\nEncGatherKeyFile "$KEYS\/demo.key"\nEncGatherTokenFormat jwe hex\n/r;
$server->configure(conf => $sealed . $opens . "EncGatherAuthTokenFile $token\n" . "EncGatherKeyFile \"$KEYS/demo.key\"\n"
    . asks('/plivo', '/lookup', 'EncGatherProvider plivo'));
{
    my ($rc, $text) = run_tool(configured(), '--offline');
    is $rc, $GOOD, 'sealed: all is well' or diag $text;
    like $text, $_, "sealed: $_" for qr/^\Q$PAIR\E\.pub\n  ok      the public key of e1: P-256, fingerprint $print; written today$/m,
        qr/^\Q$PAIR\E\n  ok      the private key of e1: P-256, fingerprint $print; written today$/m,
        qr/^  ok      tokens: makes jwe, reads jwe; sealed to e1$/m,
        qr/^  ok      tokens: reads jwe hex; opened by e1, and by the keys of \Q$KEYS\E\/demo\.key; of jwe at most 900 seconds old$/m,
        qr/^  ok      tokens: makes hex, reads hex; sealed under \Q$KEYS\E\/demo\.key$/m,
        qr/^  ok      signatures of plivo: on, by the tokens of \Q$token\E, for the address of the request$/m;
    ($rc, $text) = run_tool(\'CallUUID=1', configured(), '--offline', '--url', 'https://ivr.test/plivo', '--signature', 'x=');
    is $rc, $ODD, 'the signature of another provider is not looked at' or diag $text;
    like $text, qr/odd     this location has EncGatherProvider plivo, and only Twilio's signatures are looked at here\n +do: encgather verify --provider plivo --token-file \Q$token\E/, 'it says what does';
}

# --- All mistakes at once -----------------------------------------------------------------------------------------------

my $bad_key = spew("$FILES/short.key", "0123\n", 0600);
my $weak    = write_secret("$FILES/weak.key",   "00" x 32 . "\n");
my $tokens  = write_secret("$FILES/tokens",     "your_auth_token\n");
finds('mistakes', $SECRET . $DBD
        . at('/nothing', 'SetHandler encrypted-gather')
        . at('/almost',  'SetHandler encrypted_gather')
        . asks('/range', '/lookup', 'EncGatherTimeout 1000', 'EncGatherAttempts eleven')
        . asks('/word', 'lookup', 'EncGatherSignature maybe')
        . asks('/slow', '/lookup', 'EncGatherTimeout 20', 'EncGatherSignature off')
        . asks('/keyless', '/lookup', qq(EncGatherKeyFile "$bad_key"))
        . asks('/weak', '/lookup', qq(EncGatherKeyFile "$weak"))
        . asks('/file', '/lookup', 'EncGatherKeyFile /nowhere/ivr.key')
        . at('/counters', 'SetHandler encgather-status', 'EncGatherKeyFile /nowhere/ivr.key')    # which needs none
        . asks('/token', '/lookup', qq(EncGatherAuthTokenFile "$tokens"))
        . asks('/away', 'http://127.0.0.1:1/')
        . asks('/field', '/lookup', 'EncGatherField card digits=0')
        . at('/open', 'SetHandler decrypt-gather')
        . lookup('/quoted', q(SELECT account FROM accounts WHERE card = '%s'), 'encryptedCardDigits')
        . lookup('/counted', 'SELECT account FROM accounts WHERE card = %s', 'card pin')
        . lookup('/column', 'SELECT account, nothing FROM accounts WHERE card = %s', 'encryptedCardDigits')
        . lookup('/lookup'),
    $BROKEN,
    [ broken => qr/nothing/, qr/can only fail: there is no EncGatherBackend/ ],
    [ broken => qr/almost/,  qr/SetHandler encrypted_gather .* is no handler of this module/ ],
    [ broken => qr/range/,   qr/EncGatherTimeout: is a number from 1 to 600/ ],
    [ odd    => qr/range/,   qr/EncGatherTimeout 1000 .* longer than Twilio waits/ ],
    [ broken => qr/range/,   qr/EncGatherAttempts: is a number from 1 to 10/ ],
    [ broken => qr/word/,    qr/EncGatherBackend: is a path of this server/ ],
    [ broken => qr/word/,    qr/EncGatherSignature: is on, observe or off/ ],
    [ odd    => qr/slow/,    qr/EncGatherTimeout 20 .* longer than Twilio waits/ ],
    [ odd    => qr/slow/,    qr/EncGatherSignature is off/ ],
    [ broken => qr/^\Q$bad_key\E$/, qr/EncGatherKeyFile '\Q$bad_key\E'/ ],
    [ broken => qr/keyless/, qr/is without \Q$bad_key\E, which was not read/ ],
    [ odd    => qr/^\Q$weak\E$/, qr/does not look random/ ],
    [ broken => qr{^/nowhere/ivr.key$}, qr/cannot be opened: No such file/ ],
    [ broken => qr/<Location \/file/, qr/is without \/nowhere\/ivr.key/ ],
    [ broken => qr/tokens$/, qr/a placeholder where an auth token should be/ ],
    [ broken => qr/away/,    qr/the backend http:\/\/127\.0\.0\.1:1 takes no connection from this machine: Connection refused/ ],
    [ broken => qr/field/,   qr/EncGatherField: / ],
    [ broken => qr/field/,   qr/this call sends: card/ ],
    [ broken => qr/open/,    qr/can only fail: there is no EncGatherLookup/ ],
    [ broken => qr/quoted/,  qr/has a %s in quotes/ ],
    [ broken => qr/counted/, qr/asks for the field 'pin', and no EncGatherField has that name/ ],
    [ broken => qr/counted/, qr/EncGatherLookup: has 1 times %s in the query, but 2 arguments/ ],
    [ broken => qr/column/,  qr/the database does not know the query: .*nothing/ ]);

finds('a mistake of somebody else', $SECRET . at('/nothing', 'SetHandler encrypted-gather') . "NoSuchDirective on\n" . asks('/word', 'lookup'), $BROKEN,
    [ broken => qr/server/, qr/Syntax error on line \d+ of .*NoSuchDirective/ ], [ broken => qr/server/, qr/can only fail: there is no EncGatherBackend/ ],
    [ broken => qr/server/, qr/a start or a reload is refused/ ]);
{
    my $module = delete local $server->{module};
    finds('another server', '', $BROKEN, [ broken => qr/server/, qr/mod_encgather is not loaded by this configuration/ ]);
    for my $line ("EncGatherTimeout 5\n", "LogLevel warn encgather:info\n") {
        my ($found) = grep { $_->{text} =~ /yntax error/ } @{ (examine($line))[1]{findings} };
        like $found->{do}, qr/\Aa2enmod encgather/, "without the module: $line" or diag explain $found;
    }
}
finds('nothing of ours', '', $ODD, [ odd => qr/server/, qr/no section has anything of mod_encgather/ ]);

# --- Virtual hosts ----------------------------------------------------------------------------------------------------------

finds('a balancer', $SECRET . "<Proxy balancer://two>\nBalancerMember http://127.0.0.1:1\n</Proxy>\n"
    . host('https://a.test:8443', "ProxyPass /x balancer://two\n", asks('/g', '/x')), $BROKEN,
    [ broken => qr/^a\.test: <Location \/g>/, qr/the backend http:\/\/127\.0\.0\.1:1 takes no connection/ ]);
finds('a section of a macro', "<Macro ivr \$name>\n" . host('$name.test', $DBD, asks('/g', '/d'), lookup('/d')) . "</Macro>\nUse ivr a\n", $BROKEN,
    [ broken => qr/^a\.test: <Location \/g>/, qr/there is no EncGatherKeyFile, no EncGatherAuthTokenFile/ ],
    [ broken => qr/^a\.test: <Location \/d>/, qr/there is no EncGatherKeyFile/ ]);
finds('hosts', $DBD . host('a.test', $SECRET, asks('/g', '/d'), lookup('/d')) . host('b.test', asks('/g', '/d')), $BROKEN,
    [ ok => qr/^a\.test: <Location \/d>/, qr/the database answers/ ],
    [ broken => qr/^b\.test: <Location \/g>/, qr/there is no EncGatherKeyFile, no EncGatherAuthTokenFile/ ],
    [ odd => qr/^b\.test: <Location \/g>/, qr/\/d is neither a decrypt-gather nor a ProxyPass/ ]);

# --- A Redis that hosts share ---------------------------------------------------------------------------------------------------

sub shares ($cache) {
    return "EncGatherStateCache $cache\n$SECRET${DBD}EncGatherTokenFormat jwe\nEncGatherSingleUse on\n" . lookup('/lookup');
}

my $STORE = qr/^EncGatherStateCache redis:/;
{
    my $redis = EncGather::Redis->new(in_tree('private/doctor-redis'), maxmemory => '0');
    $redis->start;
    my $cache = shares($redis->by_port);
    my ($rc, $report) = examine($cache);
    is $rc, $GOOD, 'a Redis that is good: exit status';
    is join('; ', map { $_->{text} } grep { $_->{about} =~ $STORE } @{ $report->{findings} }), 'answers what requests ask; nothing was changed in it; it evicts nothing; '
        . 'it keeps what it is told over a restart of its own; it holds 0 MiB, and has no limit of its own', '... and what is said of it';
    is_deeply $redis->ask(KEYS => '*'), [], '... in which nothing was changed';
    is((examine($cache, '--offline'))[1]{ok}, (grep { 1 } @{ $report->{findings} }) - 4, '... and which --offline does not ask');

    $redis->ask(qw(CONFIG SET maxmemory-policy allkeys-lru));
    finds('one that evicts', $cache, $BROKEN, [ broken => $STORE, qr/throws away what it was to keep \(allkeys-lru\)/ ]);
    $redis->ask(qw(CONFIG SET maxmemory-policy noeviction));
    $redis->ask(qw(CONFIG SET appendonly no));
    finds('one that forgets', $cache, $ODD, [ odd => $STORE, qr/keeps nothing over a restart/ ]);
    $redis->ask('CONFIG', 'SET', 'save', '3600 1');
    my ($used) = $redis->ask(qw(INFO memory)) =~ /^used_memory:(\d+)/m;
    $redis->ask(qw(CONFIG SET maxmemory), int 1.15 * $used);
    finds('one with snapshots, nearly full', $cache, $ODD, [ odd => $STORE, qr/keeps snapshots alone/ ], [ odd => $STORE, qr/nearly full: \d+ of \d+ MiB/ ]);
    $redis->ask(qw(CONFIG SET maxmemory 1));
    finds('one that is full', $cache, $BROKEN, [ broken => $STORE, qr/answers OOM: it is full/ ]);
    $redis->ask(qw(CONFIG SET maxmemory 0));
    $redis->ask(qw(REPLICAOF 127.0.0.1 1));
    finds('a replica', $cache, $BROKEN, [ broken => $STORE, qr/answers READONLY: it is a replica/ ]);
    $redis->ask(qw(REPLICAOF NO ONE));

    my $line = $redis->line;
    $line->(qw(ACL SETUSER ivr on), ">$PASSWORDS[1]", qw(~eg:* -@all +set +eval +get));
    my $login = 'user=ivr password-file=' . write_secret("$FILES/redis-password", "$PASSWORDS[1]\n");
    ($rc, $report) = examine(shares($redis->by_port . " $login"));
    is $rc, $GOOD, 'a user who may do no more than is needed: exit status';
    is scalar(grep { $_->{about} =~ $STORE && $_->{text} =~ /not known: the user may not ask/ } @{ $report->{findings} }), 2, '... and what is not known';
    $line->(qw(ACL SETUSER ivr +info));
    ($rc, $report) = examine(undef);
    is_deeply [ map { $_->{text} =~ /(evicts nothing|keeps anything.* not known)/ ? $1 =~ s/ .*//r : () } grep { $_->{about} =~ $STORE } @{ $report->{findings} } ],
        [qw(evicts keeps)], '... of which INFO tells a part';
    $line->(CONFIG => SET => requirepass => $PASSWORDS[0]);
    finds('one that wants a password', $cache, $BROKEN, [ broken => $STORE, qr/answers NOAUTH: it wants a password, which password-file= gives it/ ]);
    $line->(CONFIG => SET => requirepass => '');
    SKIP: {
        my ($library) = glob '/usr/lib*/*/faketime/libfaketime.so.1';
        skip 'no faketime', 4 unless $library;
        local @ENV{qw(LD_PRELOAD FAKETIME)} = ($library, '-120s');
        $line->(qw(CONFIG SET appendonly yes));
        finds('another clock', $cache, $ODD, [ odd => $STORE, qr/its clock and that of this host are 1(?:19|20|21) seconds apart/ ]);
    }
    if ($> == 0) {
        my $socket = $redis->socket;
        chmod 0, $socket or die "$socket: $!";
        finds('a socket for root alone', shares($redis->by_socket), $BROKEN,
            [ broken => qr/^EncGatherStateCache redis:/, qr/the server's children run as \S+, whom its socket does not let connect/ ]);
    }
    $redis->stop;
    finds('one that is not there', $cache, $BROKEN, [ broken => $STORE, qr/the Redis is not there: nobody takes the connection/ ]);
}
like +(run_tool(configured()))[1], qr/^EncGatherStateCache redis:127/m, 'it is named for people';
finds('memory', shares('shm(131072)'), $GOOD);

# --- Databases ----------------------------------------------------------------------------------------------------------------

my $gone = "$FILES/gone.db";
finds('a database that is not there', "$SECRET${DBD}DBDParams $gone\n" . lookup('/d'), $BROKEN, [ broken => qr/<Location \/d>/, qr/\Q$gone\E cannot be read by \S+: No such file/ ]);
ok !-e $gone, 'and is not there now either';
SKIP: {
    skip 'the children run as this user', 1 if $> != 0;
    my $private = spew("$FILES/private.db", slurp_if_there($DATABASE), 0600);
    finds('a database for root alone', "$SECRET${DBD}DBDParams $private\n" . lookup('/d'), $BROKEN, [ broken => qr/<Location \/d>/, qr/\Q$private\E cannot be read by \S+: Permission denied/ ]);
}
finds('a table that is not there', $SECRET . $DBD . lookup('/d', 'SELECT a FROM nowhere WHERE b = %s', 'encryptedCardDigits'), $BROKEN, [ broken => qr/<Location \/d>/, qr/no such table: nowhere/ ]);
finds('a column that a sentence wants', $SECRET . $DBD . asks('/g', '/d', 'EncGatherSay found "%{account} has %{spell:money}, yes, %{money}"')
        . asks('/h', '/d', 'EncGatherSay found "%{money}"') . lookup('/d'), $BROKEN,
    [ broken => qr/<Location \/d>/, qr/a sentence says %\{money\}, and the query gives no column 'money'/ ]);
finds('no database', $SECRET . lookup('/d'), $BROKEN, [ broken => qr/<Location \/d>/, qr/there is no DBDriver or no DBDParams/ ]);
is((examine($SECRET . $DBD . lookup('/d', 'SELECT a FROM nowhere WHERE b = %s', 'encryptedCardDigits'), '--offline'))[0], $GOOD, '--offline asks no database');

sub has_driver ($name) { return glob "/usr/lib/*/apr-util-1/apr_dbd_$name.so /usr/lib64/apr-util-1/apr_dbd_$name.so" }
for my $case ([ pgsql => "host=127.0.0.1 port=1 user=ivr password=$PASSWORDS[0] dbname=ivr" ], [ pgsql => "host=127.0.0.1 $PASSWORDS[0]" ],
    (map { [ pgsql => "postgresql://ivr:$_\@127.0.0.1:1/ivr" ] } $PASSWORDS[0], "4\@$PASSWORDS[0]", "4/$PASSWORDS[0]", "4%zz$PASSWORDS[0]", "4:$PASSWORDS[0]", "$PASSWORDS[1]/4"),
    [ pgsql => "postgresql://ivr\@127.0.0.1:1/ivr?password=4%zz$PASSWORDS[0]" ],
    [ mysql => "host=127.0.0.1,port=1,user=ivr,pass=$PASSWORDS[1],dbname=ivr" ]) {
    my ($driver, $params) = @$case;
    SKIP: {
        skip "no driver $driver", 1 if !grep { -e } has_driver($driver);
        finds("$driver is away", qq(${SECRET}DBDriver $driver\nDBDParams "$params"\n) . lookup('/d'), $BROKEN,
            [ broken => qr/<Location \/d>/, qr/the database does not answer: ./ ]);
    }
}

# Two of them take connections, for the kernel does that, and say nothing: each is waited for once.
SKIP: {
    skip 'no driver pgsql', 1 if !grep { -e } has_driver('pgsql');
    my @silent = map { IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8) || die "no port: $!" } 1, 2;
    my @hosts  = map { [ "$_.test" => $silent[ $_ % 2 ]->sockport ] } 0 .. 3;
    finds('databases that say nothing', "${SECRET}EncGatherTimeout 1\nDBDriver pgsql\n"
            . join('', map { host($_->[0], "DBDParams \"host=127.0.0.1 port=$_->[1] user=ivr password=$PASSWORDS[0]\"\n", lookup('/d')) } @hosts), $BROKEN,
        map { [ broken => qr/^\Q$_->[0]\E: <Location/, qr/the database does not answer within 1 second$/ ] } @hosts);
    for my $socket (@silent) {
        my $came = 0;
        while (IO::Select->new($socket)->can_read(0)) { $came++; close $socket->accept }
        is $came, 1, 'it was asked once';
    }
}

# --- Backends ---------------------------------------------------------------------------------------------------------------------

my $backend = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8) or die "no port: $!";
my $port    = $backend->sockport;
for my $case ([ 'a URL' => asks('/g', "http://127.0.0.1:$port/x") ], [ 'ProxyPass' => "ProxyPass /x http://127.0.0.1:$port/\n" . asks('/g', '/x/y') ],
    [ 'ProxyPass in a section' => at('/x', "ProxyPass http://127.0.0.1:$port/") . asks('/g', '/x/y') ]) {
    finds("a backend by $case->[0]", $SECRET . $case->[1], $GOOD, [ ok => qr/<Location \/g>/, qr/the backend http:\/\/127\.0\.0\.1:$port takes connections; nothing was sent/ ]);
    my $came = ok(IO::Select->new($backend)->can_read(5), 'it was connected to');
    my $connection = $came && $backend->accept;
    is $came && sysread($connection, my $bytes, 1), 0, 'and nothing was sent';
}

# --- Addresses that hold a password, which are shown without it ---------------------------------------------------------------------

{
    my $conf = $SECRET . $DBD . "ProxyPass /x http://ivr:$PASSWORDS[0]\@127.0.0.1:$port/?key=$PASSWORDS[1]\n" . asks('/g', "/x?key=$PASSWORDS[0]")
        . asks('/h', "http://127.0.0.1:$port/?key=$PASSWORDS[1]") . asks('/i', "/d?key=$PASSWORDS[0]")
        . lookup('/d', 'SELECT account FROM accounts WHERE card = %s', 'number') . asks('/j', '/d', 'EncGatherField number');
    finds('keys in queries', $conf, $BROKEN, [ ok => qr/<Location \/h>/, qr{sends them to http://127\.0\.0\.1:$port/, waits} ],
        [ broken => qr/<Location \/i>/, qr/EncGatherBackend \/d in .* can only fail/ ], [ broken => qr/<Location \/d>/, qr/no column 'balance'/ ]);
    my $dump = qx("$server->{httpd}" -t -D DUMP_ENCGATHER -d "$server->{dir}" -f "@{[ $server->config_file ]}" 2>&1);
    like $dump, qr{"to":"http://127\.0\.0\.1:$port/"}, 'the dump has it';
    is_deeply [ grep { index($dump, $_) >= 0 } @SECRETS ], [], 'and no secret, either';
}

finds('a balancer of which one is there', "$SECRET<Proxy balancer://two>\nBalancerMember http://127.0.0.1:1\nBalancerMember http://127.0.0.1:$port\n</Proxy>\n"
        . "ProxyPass /x balancer://two\n" . asks('/g', '/x'), $ODD, [ odd => qr/<Location \/g>/, qr/the backend http:\/\/127\.0\.0\.1:1 takes no connection/ ],
    [ ok => qr/<Location \/g>/, qr/the backend http:\/\/127\.0\.0\.1:$port takes connections/ ]);

# --- A signature that does not fit ----------------------------------------------------------------------------------------------------

my @FORM = (CallSid => 'CA1', AccountSid => 'AC' . '1' x 32, Digits => '77889911');
sub explains ($name, $rc, $pattern, $conf, @more) {
    my ($is, $report) = examine($SECRET . $DBD . $conf, @more);
    my ($found) = grep { $_->{about} =~ /^the request/ } @{ $report->{findings} };
    is $is, $rc, "$name: exit status";
    like $found->{text}, $pattern, $name or diag explain $report;
    return unlike(JSON::PP->new->encode($report), qr/77889911/, "$name: and no digits");
}
my $G    = asks('/g', '/d') . lookup('/d');
my $PUB  = asks('/g', '/d', 'EncGatherPublicURL https://ivr.test') . lookup('/d');
my $body = form_encode(@FORM);
my $sign = signature($TOKEN{demo}, 'https://ivr.test/g?step=getPin', [@FORM]);
explains('it fits', $GOOD, qr/the signature fits/, $G, \$body, '--url', 'https://ivr.test/g?step=getPin', '--signature', $sign);
explains('it fits, by the path of a log, with a line end', $GOOD, qr/the signature fits/, $PUB, \"$body\n", '--url', '/g?step=getPin', '--signature', $sign);
explains('another public URL', $BROKEN, qr/does not fit: it would fit for the address of the request itself: EncGatherPublicURL names another one than https:\/\/ivr\.test/,
    asks('/g', '/d', 'EncGatherPublicURL https://other.test') . lookup('/d'), \$body, '--url', 'https://ivr.test/g?step=getPin', '--signature', $sign);
explains('the other scheme', $BROKEN, qr/it would fit for the other scheme.*set EncGatherPublicURL https:\/\/ivr\.test/,
    $G, \$body, '--url', 'http://ivr.test/g?step=getPin', '--signature', $sign);
explains('another token', $BROKEN, qr/does not fit: 2 of 3 tokens were tried/, $G, \$body, '--url', 'https://ivr.test/g?step=getPin',
    '--signature', signature($TOKEN{other}, 'https://ivr.test/g?step=getPin', [@FORM]));
explains('masked', $BROKEN, qr/is masked in this log/, $G, \'Digits=*REDACTED*', '--url', 'https://ivr.test/g', '--signature', $sign);
explains('nowhere', $BROKEN, qr/no location of this configuration/, $G, \$body, '--url', 'https://ivr.test/elsewhere', '--signature', $sign);

finish();
