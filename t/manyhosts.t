# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# A thousand virtual hosts, each with two locations and with a key file and a token file of its own: what each takes in parent and
# child together, and how long a page about all of them is. t/bench/hosts measures the same, and the time of a start.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;
use Time::HiRes qw(sleep);

use lib 't/lib';
use EncGather::Files qw(slurp_if_there);
use EncGather::Test;

use constant {
    HOSTS      => 1000,
    FEW        => 8,          # hosts of which each file has its line in the log
    KB_LIMIT   => 14,         # for each, with some 7 that httpd and the modules of a test server take (t/bench/hosts has few of them: 5)
    PAGE_LIMIT => 120_000,    # bytes of a scrape; 58 of each host are those of its key
    ZIP_LIMIT  => 12_000,     # and as Prometheus asks for it, with gzip
    GROWTH     => 512,        # KB that pages may add for all of them to what processes share
    RESTARTS   => 2048,       # KB that graceful restarts may add, in the heaps of whoever answered a page too
};

my $FILES = in_tree('private/manyhosts-files');
mkdir in_tree('private'), 0755;
mkdir $FILES, 0755;
write_secret("$FILES/key$_", sprintf("%064x\n", 0x1234567 * $_ + 1)) for 1 .. HOSTS;
write_secret("$FILES/token$_", sprintf("%032x\n", 0x7654321 * $_)) for 1 .. HOSTS;

sub host ($n) {
    return <<"END_OF_HOST";
<VirtualHost *>
    ServerName host$n.example.test:8443
    <Location /gather>
        SetHandler encrypted-gather
        EncGatherKeyFile "$FILES/key$n"
        EncGatherAuthTokenFile "$FILES/token$n"
        EncGatherPublicURL https://host$n.example.test
        EncGatherBackend /decrypt
    </Location>
    <Location /decrypt>
        SetHandler decrypt-gather
        EncGatherKeyFile "$FILES/key$n"
        EncGatherLookup "SELECT account FROM accounts WHERE card = %s" encryptedCardDigits
    </Location>
</VirtualHost>
END_OF_HOST
}

my $mpm = ($ENV{ENCGATHER_MPM} // '') eq 'prefork' ? "ServerLimit 1\nMaxRequestWorkers 1\nMinSpareServers 1\nMaxSpareServers 1"
    : "ServerLimit 1\nThreadsPerChild 4\nMaxRequestWorkers 4\nMinSpareThreads 1\nMaxSpareThreads 4";

sub conf ($hosts, $level = 'notice') {
    return <<"END_OF_CONF" . join '', map { host($_) } 1 .. $hosts;
$mpm
LogLevel warn encgather:$level mpm_@{[ $ENV{ENCGATHER_MPM} || 'event' ]}:notice
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
DBDMin 0
DBDKeep 0
<Location /encgather-status>
    SetHandler encgather-status
    AddOutputFilterByType DEFLATE text/plain application/openmetrics-text
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
END_OF_CONF
}

my $server = private_server('manyhosts', modules => [qw(status filter deflate)], conf => conf(FEW));
$server->start or BAIL_OUT('the private server does not start: ' . ($server->error =~ tr/\n/|/r));

# KB of parent and child, what they have in common counted once; of a few looks the least. 0: nobody may look. Of Pss_Shmem: of
# what is shared on purpose.
sub memory ($what = 'Pss') {
    my $least = 0;
    for (1 .. 3) {
        sleep 0.1;
        my $sum = 0;
        for my $pid ($server->pid, $server->children) {
            my ($share) = slurp_if_there("/proc/$pid/smaps_rollup") =~ /^$what:\s+(\d+)/m or return 0;
            $sum += $share;
        }
        $least = $sum if !$least || $sum < $least;
    }
    return $least;
}

sub page ($path) { return request(GET => '127.0.0.1:' . $server->port, $path)->content }

# What the log says of files, without their names.
sub said_of_files () {
    my %said;
    $said{ s{'[^']*/private/[^']*'}{...}r =~ s/(?<=fingerprint )\w+/.../r }++ for $server->error_log =~ /\[encgather:(?:notice|info)\].*? (EG01(?:05|06|66): .*)/g;
    return \%said;
}

is_deeply said_of_files(), { 'EG0105: EncGatherKeyFile ...: 1 key, encrypting with the one it has (fingerprint ...)' => FEW, 'EG0106: EncGatherAuthTokenFile ...: 1 token' => FEW },
    'of few files the log has a line each';
my $few = memory();
$server->stop;
$server->configure(conf => conf(HOSTS));
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $MORE = 'LogLevel encgather:info has a line for each, and so has: encgather doctor';
my %SUM  = ("EG0166: EncGatherKeyFile: 1000 files with 1000 keys; $MORE" => 1, "EG0166: EncGatherAuthTokenFile: 1000 files with 1000 tokens; $MORE" => 1);
is_deeply said_of_files(), { 'EG0105: EncGatherKeyFile ...: 1 key, encrypting with the one it has (fingerprint ...)' => FEW, 'EG0106: EncGatherAuthTokenFile ...: 1 token' => FEW, %SUM },
    'of many one line of a kind';
my ($all, $shared) = (memory(), memory('Pss_Shmem'));

SKIP: {
    skip 'memory of children is not told to this user', 3 if !$few || !$all || !$shared;
    my $each = ($all - $few) / (HOSTS - FEW);
    cmp_ok $each, '<', KB_LIMIT, sprintf 'a host takes %.1f KB in parent and child', $each;
    page("/encgather-status?format=$_") for qw(html text json openmetrics);
    page("/server-status$_") for '', '?auto';
    cmp_ok memory('Pss_Shmem') - $shared, '<', GROWTH, 'pages about idle hosts touch no memory for their counters';
    $server->graceful or diag $server->error for 1 .. 2;
    cmp_ok memory() - $all, '<', RESTARTS, 'graceful restarts leave nothing behind';
}

my %bytes = map { $_ => length page("/encgather-status?format=$_") } qw(prometheus openmetrics html);
cmp_ok $bytes{$_}, '<', PAGE_LIMIT, "a scrape of idle hosts has $bytes{$_} bytes: $_" for qw(prometheus openmetrics);
for my $format (qw(prometheus openmetrics)) {
    my $zipped = request(GET => '127.0.0.1:' . $server->port, "/encgather-status?format=$format", headers => [ 'Accept-Encoding' => 'gzip' ]);
    is $zipped->header('Content-Encoding'), 'gzip', "mod_deflate compresses it: $format";
    cmp_ok length $zipped->content, '<', ZIP_LIMIT, '... to ' . length $zipped->content;
}
cmp_ok $bytes{html}, '<', 2 * PAGE_LIMIT, "the page has $bytes{html}";
my $auto = page('/server-status?auto');
cmp_ok length $auto, '<', PAGE_LIMIT, 'server-status?auto has ' . length $auto;
my ($n) = $auto =~ /^EGHost\[(\d+)\]Name: host700\.example\.test:8443$/m;
is join('', $auto =~ /^(EGHost\[$n\].*\n)/mg), "EGHost[$n]Name: host700.example.test:8443\nEGHost[$n]Calls: 0\n", 'an idle host is two lines there';
like page('/server-status'), qr{<p>100\d hosts of which nothing was counted yet\.</p>}, 'and no row of the table';

my ($token) = slurp_if_there("$FILES/token700") =~ /(\w+)/;
my $answer  = post('127.0.0.1:' . $server->port, '/gather', [ CallSid => 'CA' . '7' x 32 ], host => 'host700.example.test', token => $token,
    signed_url => 'https://host700.example.test/gather');
is $answer->code, 200, 'a call at one of them';
my $text = page('/encgather-status?format=openmetrics');
like $text, qr/^encgather_calls_total\{host="host700\.example\.test:8443"\} 1$/m, 'is counted there';
like $text, qr/^encgather_failures_total\{host="host700\.example\.test:8443",cause="database"\} 0$/m, 'with all of its numbers';
my ($others) = scalar(() = $text =~ /^encgather_failures_total\{host="(?!host700)/mg);
is $others, 0, 'and the others are idle as before';

# A rotation to rings of eight: with the keys of before these are more than there are counters for.
unlike $server->error_log, qr/EG0154: /, 'all keys have a counter';
is scalar(() = $text =~ /^encgather_key_encryptions_total/mg), HOSTS, 'each its own';
for my $n (1 .. 400) {
    unlink "$FILES/key$n";
    write_secret("$FILES/key$n", join '', map { sprintf "k$_ %064x\n", 0x7654321 * (8 * $n + $_) } 0 .. 7);
}
$server->configure(conf => conf(HOSTS, 'info'));
ok $server->graceful, 'all of them in rings' or diag $server->error;
like $server->error_log, qr/\[encgather:warn\].*EG0154: what 104 keys of key files encrypt is not counted: /, 'the log says how many are not counted any more';
my $in_detail = said_of_files();
is $in_detail->{"EG0166: EncGatherKeyFile: 1000 files with 3800 keys; $MORE"}, 1, 'all keys of the rings are in the sum';
is $in_detail->{"EG0105: EncGatherKeyFile ...: 8 keys, encrypting with 'k0' (fingerprint ...)"}, 400, 'and in detail for whoever wants that';
ok $server->stop, 'the server stops';
log_is_clean($server, qr/EG0154: /);
finish();
