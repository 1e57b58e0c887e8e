# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# What conf/manual/hardening.md takes away from httpd, and the units among the examples: systemd knows each setting, and a server
# that is confined by them, as far as that can be had without systemd, serves calls, before and after a reload.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use File::Temp ();
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp slurp_if_there spew);
use EncGather::Httpd qw(module_file runtime_user runtime_group);
use EncGather::Logs qw(alarms leaks);
use EncGather::Sanitizer qw(pointless);
use EncGather::Server;

my $TOP   = abs_path("$FindBin::Bin/..");
my $OUT   = abs_path($ENV{ENCGATHER_OUT} || "$TOP/build/out");
my $TOKEN = 'a' x 32;
my $WORK  = File::Temp->newdir('encgather-confined-XXXXXX', TMPDIR => 1);
chmod 0711, $WORK;

plan skip_all => pointless('build') if pointless('build');

sub installed ($program) { return scalar grep { -x "$_/$program" } split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin' }

my ($DROP_IN) = slurp("$TOP/conf/manual/hardening.md") =~ /^```ini\n(.*?)^```$/ms;
my %SET = map { /^(\w+)=(.*)$/ ? ($1 => $2) : () } split /\n/, $DROP_IN // '';

# --- What systemd says -----------------------------------------------------------------------------------------------------

sub verified ($name, $text) {
    spew("$WORK/$name", $text =~ s{^ExecStart=\S+}{ExecStart=/bin/true}mr);
    return is `systemd-analyze verify '$WORK/$name' 2>&1`, '', "$name: systemd has nothing to say";
}

SKIP: {
    skip 'no systemd-analyze', 1 if !installed('systemd-analyze');
    verified('apache2.service', $DROP_IN . "Type=forking\nExecStart=/usr/sbin/apachectl start\n");
    verified(m{([^/]+)\z} ? $1 : '', slurp($_)) for glob "$TOP/conf/backends/*.service";
}

# --- A call in confinement ---------------------------------------------------------------------------------------------------

# A program that is httpd, in a place where nothing can be written but logs and run.
sub confined ($name, @identity) {
    my ($httpd) = grep { -x } map { ("$_/apache2", "$_/httpd") } split(/:/, $ENV{PATH}), '/usr/sbin';
    my $cannot_write = join '; ', 'mount --make-rprivate /', (map { "mount --bind $WORK/$name/$_ $WORK/$name/$_" } qw(logs run)),
        'mount --bind / /', 'mount -o remount,bind,ro /', 'exec "$@"';
    my $limits = "prlimit --memlock=@{[ 1024**2 * ($SET{LimitMEMLOCK} =~ /^(\d+)M$/)[0] ]} --core=$SET{LimitCORE}";
    return spew("$WORK/$name.sh", <<"END_OF_SCRIPT", 0755);
#!/bin/sh
exec unshare --mount sh -c '$cannot_write' sh setpriv --no-new-privs @identity $limits $httpd "\$@"
END_OF_SCRIPT
}

sub secret ($path, $content, $group) {
    spew($path, "$content\n");
    chown 0, $group, $path or die "$path: $!";
    return chmod $group ? 0440 : 0600, $path;
}

sub serves ($name, @identity) {
    my $dir    = "$WORK/$name";
    my $group  = getgrnam runtime_group();
    my $server = EncGather::Server->new(dir => $dir, module => "$OUT/mod_encgather.so", modules => [qw(authn_core authz_host dbd)],
        conf => <<"END_OF_CONF");
Mutex file:run default
DBDriver sqlite3
DBDParams "$WORK/accounts.db"
EncGatherKeyFile "$dir.key"
EncGatherAuthTokenFile "$dir.token"
<Location /encrypted-gather>
    SetHandler encrypted-gather
    EncGatherBackend /decrypt-gather
</Location>
<Location /decrypt-gather>
    SetHandler decrypt-gather
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits
</Location>
END_OF_CONF
    my $owner = grep({ /^--reuid/ } @identity) ? scalar getpwnam runtime_user() : 0;
    secret("$dir.key", '0f1e' x 16, $owner ? $group : 0);
    secret("$dir.token", $TOKEN, $owner ? $group : 0);
    chown $owner, $group, map { "$dir/$_" } qw(logs run) or die "$dir: $!";
    $server->{httpd} = confined($name, @identity);
    ok $server->start, "$name: it starts" or return diag $server->error;
    for my $when ('before', 'after') {
        my $call = EncGather::Caller->new(url => 'http://127.0.0.1:' . $server->port . '/encrypted-gather', token => $TOKEN, keys => [qw(1234 4321)])->place;
        like $call->{said}[-1] // '', qr/AC12345678/, "$name: a call $when a reload" or diag $call->{error};
        $when eq 'before' and ok $server->graceful, "$name: reload";
    }
    my $status = join '', map { slurp_if_there("/proc/$_/status") } $server->children;
    like $status, qr/^NoNewPrivs:\s+1$/m, "$name: in confinement";
    unlike $server->error_log, qr/EG0107/, "$name: keys are locked in memory";
    ok $server->stop, "$name: it stops";
    is_deeply [ alarms($server->error_log) ], [], "$name: nothing at warn or worse";
    is_deeply [ map { leaks($_, qw(1234 4321)) } values %{ $server->logs } ], [], "$name: no digits in any log";
    return;
}

SKIP: {
    my @why = ($> ? 'not root' : (), (map { "no $_" } grep { !installed($_) } qw(sqlite3 unshare setpriv prlimit)), defined module_file('dbd') ? () : 'no mod_dbd',
        eval { require EncGather::Caller; 1 } ? () : 'no LWP::UserAgent, or no XML::LibXML');
    push @why, 'no mounts of our own' if !@why && system("unshare --mount sh -c 'mount --make-rprivate / && mount --bind / /' 2>/dev/null") != 0;
    skip $why[0], 1 if @why;
    system('sqlite3', '-batch', "$WORK/accounts.db", ".read $TOP/conf/demo/accounts.sql") == 0 or die "sqlite3: $?\n";
    chmod 0644, "$WORK/accounts.db";
    my $capabilities = join ',', '-all', map { '+' . lc s/^CAP_//r } split ' ', $SET{CapabilityBoundingSet};
    serves('service', "--bounding-set=$capabilities");
    serves('container', '--reuid=' . runtime_user(), '--regid=' . runtime_group(), '--clear-groups', '--bounding-set=-all', '--inh-caps=-all');
}

done_testing();
