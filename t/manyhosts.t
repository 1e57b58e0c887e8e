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
    KB_LIMIT   => 14,         # for each, with what httpd itself takes, and where paths of files are long
    PAGE_LIMIT => 100_000,    # bytes of a scrape
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

sub conf ($hosts) {
    return <<"END_OF_CONF" . join '', map { host($_) } 1 .. $hosts;
$mpm
LogLevel warn mpm_@{[ $ENV{ENCGATHER_MPM} || 'event' ]}:notice
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
DBDMin 0
DBDKeep 0
<Location /encgather-status>
    SetHandler encgather-status
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
END_OF_CONF
}

my $server = private_server('manyhosts', modules => ['status'], conf => conf(1));
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

my $one = memory();
$server->stop;
$server->configure(conf => conf(HOSTS));
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my ($all, $shared) = (memory(), memory('Pss_Shmem'));

SKIP: {
    skip 'memory of children is not told to this user', 3 if !$one || !$all || !$shared;
    my $each = ($all - $one) / (HOSTS - 1);
    cmp_ok $each, '<', KB_LIMIT, sprintf 'a host takes %.1f KB in parent and child', $each;
    page("/encgather-status?format=$_") for qw(html text json openmetrics);
    page("/server-status$_") for '', '?auto';
    cmp_ok memory('Pss_Shmem') - $shared, '<', GROWTH, 'pages about idle hosts touch no memory for their counters';
    $server->graceful or diag $server->error for 1 .. 2;
    cmp_ok memory() - $all, '<', RESTARTS, 'graceful restarts leave nothing behind';
}

my %bytes = map { $_ => length page("/encgather-status?format=$_") } qw(prometheus openmetrics html);
cmp_ok $bytes{$_}, '<', PAGE_LIMIT, "a scrape of idle hosts has $bytes{$_} bytes: $_" for qw(prometheus openmetrics);
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
ok $server->stop, 'the server stops';
log_is_clean($server);
finish();
