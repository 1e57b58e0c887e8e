# SPDX-License-Identifier: Apache-2.0
# CI: no sanitizer
# Which processes get keys and tokens: every child that serves, of whatever listener bucket, and no helper of another
# module, whenever it is started; nobody at all once the module is out of the configuration. And calls that wait for
# their backend while children are told to end.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use IO::Select;
use IO::Socket::INET;
use Test::More;

use lib 't/lib';
use EncGather::Daemon qw(free_ports);
use EncGather::Faults;
use EncGather::Files qw(slurp_if_there spew);
use EncGather::Httpd qw(httpd module_file);
use EncGather::Logs qw(alarms unexpected);
use EncGather::Memory qw(count_in_memory find_in_memory locked_kb);
use EncGather::Sanitizer qw(pointless);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

use constant {
    WAIT    => 60,      # seconds for what comes by itself on a loaded machine
    CALLS   => 2000,
    WAITING => 50,      # calls at a time
};

my $MPM = $ENV{ENCGATHER_MPM} || 'event';
my ($CARD, $PIN) = @SECOND_ACCOUNT;
my @CALL  = (CallSid => 'CA' . '3' x 32);
my $FILES = in_tree('private/children-files');
make_path("$FILES/cgi");
chmod 0755, in_tree('private'), $FILES, "$FILES/cgi";
write_secret("$FILES/key",    "first $KEY{demo}\n");
write_secret("$FILES/tokens", "$TOKEN{demo}\n");

my $KEY_BYTES = pack 'H*', $KEY{demo};
my $CONF      = <<"END_OF_CONF";
EncGatherKeyFile "$FILES/key"
EncGatherAuthTokenFile "$FILES/tokens"
<Location /gather>
    SetHandler encrypted-gather
    EncGatherBackend /nowhere
</Location>
END_OF_CONF

# As many children as asked for; few workers each.
sub children ($n, $threads = 2) {
    return "StartServers $n\nMinSpareServers 1\nMaxSpareServers $n\nServerLimit $n\nMaxRequestWorkers $n\n" if $MPM eq 'prefork';
    my $all = $n * $threads;
    my $limit = $n + 4;    # children that end have a place, too
    return "StartServers $n\nServerLimit $limit\nThreadsPerChild $threads\nMinSpareThreads 1\nMaxSpareThreads $all\nMaxRequestWorkers $all\n";
}

sub started ($name, $conf, %options) {
    my $server = private_server($name, %options);
    $server->configure(conf => $conf);
    $server->start or BAIL_OUT("$name does not start: " . $server->error =~ tr/\n/ /r);
    return $server;
}

sub host_of ($server) { return '127.0.0.1:' . $server->port }

# How often each answer came, by its first line.
sub calls ($server, $n) {
    my $bytes = post(host_of($server), '/gather?step=getPin', [ @CALL, Digits => $CARD ], unsent => 1);
    my %seen;
    for (1 .. $n) {
        my $answer = eval { send_pieces(host_of($server), $bytes) } // "none: $@";
        $seen{ $answer =~ m{\AHTTP/1\.1 (\d+) .*\r\n}s ? $1 : length $answer ? $answer : 'none' }++;
    }
    return \%seen;
}

# --- Listener buckets ---------------------------------------------------------------------------------------------------

# The inodes of the sockets that listen at the server's port.
sub listeners ($server) {
    my $port = sprintf '%04X', $server->port;
    return map { /^\s*\d+: [0-9A-F]+:$port [0-9A-F]+:0000 0A (?:\S+ ){5}\s*(?:\S+\s+)*?(\d+) 1 / ? $1 : () }
        map { s/\s+/ /gr } split /\n/, slurp_if_there('/proc/net/tcp');
}

SKIP: {
    my $server = started('children-buckets', "ListenCoresBucketsRatio 1\n" . children(4) . $CONF);
    my $buckets = listeners($server);
    if ($buckets < 2) {
        $server->stop;
        skip 'this machine has one processor, or no SO_REUSEPORT: no listener buckets', 1;
    }
    ok wait_until(WAIT, sub { (my @all = $server->children) == 4 }), "four children for $buckets buckets";
    is_deeply calls($server, CALLS), { 200 => CALLS }, 'children of every bucket serve every call';
    ok $server->stop, 'the server with buckets stops';
    log_is_clean($server);
}

# --- Helpers ------------------------------------------------------------------------------------------------------------

sub links ($pid) { return map { readlink($_) // () } glob "/proc/$pid/fd/*" }

# What a process has of the secrets, and descriptors that lead to them.
sub has ($pid) {
    return {
        key    => count_in_memory($pid, $KEY_BYTES)  // 'unknown',
        text   => count_in_memory($pid, $KEY{demo})  // 'unknown',
        token  => count_in_memory($pid, $TOKEN{demo}) // 'unknown',
        opened => scalar grep { /mod_encgather/ } links($pid),
    };
}

my %ALL  = (key => 1, text => 0, token => 1, opened => 0);
my %NONE = (key => 0, text => 0, token => 0, opened => 0);

# Helpers of other modules have closed the sockets that the server listens at.
sub sorted_children ($server) {
    my @inodes = listeners($server);
    my (@serving, @helpers);
    for my $pid ($server->children) {
        my %open = map { $_ => 1 } links($pid);
        push @{ (grep { $open{"socket:[$_]"} } @inodes) ? \@serving : \@helpers }, $pid;
    }
    return (\@serving, \@helpers);
}

# A child may be there, and have yet to be told that it is one.
sub settles ($name, $server, $helpers) {
    my ($serving, $others) = ([], []);
    wait_until(WAIT, sub {
        ($serving, $others) = sorted_children($server);
        return @$serving >= 2 && @$others == $helpers;
    });
    cmp_ok scalar @$serving, '>=', 2, "$name: children serve";
    is scalar @$others, $helpers, "$name: helpers" or return;
    wait_until(WAIT, sub { !grep { !has($_)->{key} } @$serving });
    is_deeply has($_), \%ALL,  "$name: a child has both, once"          for @$serving;
    is_deeply has($_), \%NONE, "$name: a helper has neither, nor a way" for @$others;
    return ($serving, $others);
}

# Each helper, killed, is started anew by a parent that has the keys.
sub helpers_come_again ($name, $server, $helpers) {
    for my $old (@$helpers) {
        my %before = map { $_ => 1 } $server->children;
        kill KILL => $old;
        ok wait_until(WAIT, sub { grep { !$before{$_} } $server->children }), "$name: one is started anew";
    }
    return;
}

my @HELPERS = map { defined module_file($_) ? [$_] : () } qw(wsgi cgid);
my %HELPER  = (
    wsgi => "WSGISocketPrefix \"$FILES/wsgi\"\nWSGIDaemonProcess helper threads=1 home=\"$FILES\"\nWSGIRestrictEmbedded On\n",
    cgid => "ScriptSock \"$FILES/cgisock\"\nScriptAlias /cgi/ \"$FILES/cgi/\"\n",
);

SKIP: {
    skip 'only root can read the memory of children that are not dumpable', 1 unless $> == 0;
    skip pointless('memory'), 1 if pointless('memory');
    my @names  = map { $_->[0] } @HELPERS;
    my $others = join '', map { $HELPER{$_} } @names;
    my $server = started('children-helpers', children(2) . $others . $CONF, modules => \@names);
    my @noise  = (qr/AH01239: cgid daemon process died/);
    my ($serving, $helpers) = settles("beside @names", $server, scalar @names);
    for my $pid (@$serving) {
        my ($place) = @{ find_in_memory($pid, $KEY_BYTES) } or next;
        my $facts = locked_kb($pid, $place->{address});
        like $facts->{VmFlags}, qr/\bdd\b.*|\blo\b/, 'its copy is left out of core dumps';
        like $facts->{VmFlags}, qr/\blo\b/, 'and locked';
        unlike $facts->{VmFlags}, qr/\bwr\b/, 'and cannot be written to';
    }
    helpers_come_again("beside @names", $server, $helpers || []);
    settles("beside @names that were started anew", $server, scalar @names);
    is_deeply calls($server, 20), { 200 => 20 }, "beside @names: calls are served";
    ok $server->graceful, "beside @names: graceful" or diag $server->error;
    settles("beside @names, after a graceful restart", $server, scalar @names);

    # --- The module is taken out -----------------------------------------------------------------------------------
    my %before = map { $_ => 1 } $server->children;
    $server->configure(module => undef, conf => children(2) . $others);
    ok $server->graceful, 'the module is taken out of the configuration' or diag $server->error;
    wait_until(WAIT, sub { !grep { $before{$_} } $server->children });
    (undef, $helpers) = sorted_children($server);
    helpers_come_again('without the module', $server, $helpers);
    is_deeply has($_), \%NONE, 'without the module: no process that is started has a key or a token' for $server->children;
    is_deeply [ grep { /mod_encgather/ } links($server->pid) ], [], 'without the module: the parent has no file of them';

    # --- And back --------------------------------------------------------------------------------------------------
    $server->configure(module => "$ENV{ENCGATHER_OUT}/mod_encgather.so", conf => children(2) . $others . $CONF) if $ENV{ENCGATHER_OUT};
    ok $server->graceful, 'the module comes back' or diag $server->error;
    settles('with the module again', $server, scalar @names);
    is_deeply calls($server, 20), { 200 => 20 }, 'with the module again: calls are served';
    ok $server->stop, 'the server with helpers stops';
    log_is_clean($server, @noise);
}

# --- G15: the system does not help ----------------------------------------------------------------------------------------

my ($TROUBLE, $SHIM) = EncGather::Faults::troubled_host('children');

sub trouble ($name) { return spew("$TROUBLE/$name", '') }

sub no_trouble ($name) { return unlink "$TROUBLE/$name" }

# The status that a call has in the end: children of before may still be there.
sub becomes ($name, $server, $wanted) {
    my $got;
    wait_until(WAIT, sub { $got = join ' ', keys %{ calls($server, 1) }; $got eq $wanted });
    return is $got, $wanted, $name;
}

sub by_signal ($name, $server) {
    my $generation = $server->generation;
    $server->signal('USR1');
    return ok $server->wait_for_generation($generation + 1), "$name: the server goes on" || diag $server->error;
}

sub another_child ($server) {
    my %before = map { $_ => 1 } $server->children;
    kill KILL => keys %before;
    wait_until(WAIT, sub { my @now = $server->children; @now && !grep { $before{$_} } @now }) or die 'no other child';
    return;
}

SKIP: {
    skip 'G15: ' . pointless('shim'), 1 if pointless('shim');
    my $server = started('children-trouble', children(1) . $CONF, environment => $SHIM);
    becomes('G15 before any fault: a call is served', $server, 200);
    for my $case ([ 'no file in memory', 'no-memfd', 500 ], [ 'a kernel without MFD_NOEXEC_SEAL', 'no-noexec-seal', 200 ]) {
        my ($name, $what, $status) = @$case;
        trouble($what);
        by_signal("G15 $name", $server);
        becomes("G15 $name: $status", $server, $status);
        no_trouble($what);
        by_signal("G15 $name, then all is well", $server);
        becomes("G15 $name, then all is well: a call is served", $server, 200);
    }
    is scalar(() = $server->error_log =~ /\[encgather:alert\].*EG0115: EncGather\w+File '\S+' cannot be made ready/g), 2, 'G15 no file in memory: a line for each file';
    for my $what ('no-sendmsg', 'no-socketpair') {
        my $said = () = $server->error_log =~ /EG0116: /g;
        trouble($what);
        another_child($server);
        becomes("G15 $what: 500", $server, 500);
        is scalar(() = $server->error_log =~ /\[encgather:alert\].*EG0116: keys and tokens did not arrive/g), $said + 1, "G15 $what: a line";
        no_trouble($what);
        another_child($server);
        becomes("G15 $what, then all is well: the next child serves", $server, 200);
    }
    trouble('no-dontfork');
    by_signal('G15 memory that children would inherit', $server);
    becomes('G15 memory that children would inherit: what was read before goes on', $server, 200);
    no_trouble('no-dontfork');
    ok $server->stop, 'G15 the server stops';
    is_deeply [ unexpected([ alarms($server->error_log) ], [ qr/EG0115: /, qr/EG0116: /, qr/EG0108: /, qr/exit signal Killed/, qr/EG0102: .*no memory; what it held before stays/ ]) ], [],
        'G15 no other line in the log';
}

# --- One process, and one that goes into the background ----------------------------------------------------------------------

{
    my $wrapper = in_tree('private/one-process-httpd');
    spew($wrapper, "#!/bin/sh\ncase \$1 in -l) exec @{[ httpd() ]} -l ;; esac\nexec @{[ httpd() ]} -X \"\$@\"\n", 0755);
    my $server = started('children-none', children(1) . $CONF, httpd => $wrapper);
    is_deeply [ $server->children ], [], 'httpd -X has no children';
    is_deeply calls($server, 5), { 200 => 5 }, 'httpd -X serves by itself';
    ok $server->stop, 'httpd -X stops';
    log_is_clean($server);
}

{
    my $server = private_server('children-background');
    $server->configure(conf => children(1) . $CONF);
    my $pid_file = "$server->{dir}/run/httpd.pid";
    is system(httpd(), '-d', $server->{dir}, '-f', $server->config_file), 0, 'a server that goes into the background';
    wait_until(WAIT, sub { slurp_if_there($pid_file) =~ /^\d+$/m });
    my ($pid) = slurp_if_there($pid_file) =~ /^(\d+)$/m or BAIL_OUT('no server in the background: ' . $server->error_log =~ tr/\n/ /r);
    becomes('in the background: calls are served', $server, 200);
    kill USR1 => $pid;
    ok wait_until(WAIT, sub { $server->generation >= 2 }), 'in the background: graceful';
    becomes('in the background: calls are served after it', $server, 200);
    kill TERM => $pid;
    ok wait_until(WAIT, sub { !kill 0 => -$pid }), 'in the background: it stops';
    log_is_clean($server);
}

# --- Many hosts, and a limit for locked memory ---------------------------------------------------------------------------------

# Children are not root, and may not go beyond the limit; a page for each file would be more than it.
use constant { HOSTS => 60, LIMIT => 256 };    # kilobytes

sub host_with_files ($i, $port) {
    write_secret("$FILES/key$i",    sprintf("%064x\n", 7919 * $i + 2**40));
    write_secret("$FILES/tokens$i", "$TOKEN{demo}\n");
    return <<"END_OF_CONF";
<VirtualHost 127.0.0.1:$port>
    ServerName h$i.example
    EncGatherKeyFile "$FILES/key$i"
    EncGatherAuthTokenFile "$FILES/tokens$i"
    <Location /gather>
        SetHandler encrypted-gather
        EncGatherBackend /nowhere
    </Location>
</VirtualHost>
END_OF_CONF
}

SKIP: {
    skip pointless('memory'), 1 if pointless('memory');
    my $wrapper = in_tree('private/limited-httpd');
    spew($wrapper, "#!/bin/sh\nulimit -l @{[ LIMIT ]}\nexec @{[ httpd() ]} \"\$@\"\n", 0755);
    my ($port) = free_ports(1);
    my $server = started('children-limited', children(2) . join('', map { host_with_files($_, $port) } 1 .. HOSTS), httpd => $wrapper, port => $port);
    my $name   = HOSTS . ' hosts with files of their own';
    for my $i (1, HOSTS) {
        my $bytes    = post(host_of($server), '/gather?step=getPin', [ @CALL, Digits => $CARD ], unsent => 1, host => "h$i.example",
            signed_url => "http://h$i.example/gather?step=getPin");
        my ($sealed) = send_pieces(host_of($server), $bytes) =~ /encryptedCardDigits=([0-9a-f]+)/;
        is scalar open_token($sealed, sprintf '%064x', 7919 * $i + 2**40), $CARD, "$name: number $i seals with its key";
    }
    unlike $server->error_log, qr/EG0107/, "$name: within the limit";
    my @locked = map { slurp_if_there("/proc/$_/status") =~ /^VmLck:\s+(\d+)/m ? $1 : () } $server->children;
    ok @locked && !grep({ $_ == 0 || $_ > LIMIT } @locked), "$name: all of them locked" or diag "@locked";
    note "$name: $locked[0] KB";
    ok $server->stop, "$name: the server stops";
    log_is_clean($server);
}

# --- Calls that wait for their backend ------------------------------------------------------------------------------------

# Sends the last step of a call.
sub waiting_call ($server) {
    my $socket = IO::Socket::INET->new(PeerAddr => host_of($server)) or die "connect: $@";
    syswrite $socket, post(host_of($server), '/slow?step=processData&encryptedCardDigits=' . seal($CARD), [ @CALL, Digits => $PIN ], unsent => 1);
    return $socket;
}

sub all_of ($socket, $end) {
    my $bytes = '';
    until ($bytes =~ $end) {
        IO::Select->new($socket)->can_read(WAIT) && sysread $socket, $bytes, 65536, length $bytes or last;
    }
    return $bytes;
}

# Each call has come to the backend, which says nothing yet.
sub until_all_wait ($backend) {
    my @asked;
    while (@asked < WAITING && IO::Select->new($backend)->can_read(WAIT)) {
        my $socket = $backend->accept or last;
        all_of($socket, qr/\r\n\r\n\{.*\}\z/s);
        push @asked, $socket;
    }
    return @asked;
}

my $ANSWER = '{"account":"AC12345678","balance":"12.55"}';
for my $case ([ 'SIGUSR1', 'USR1', qr/resuming normal operations.*resuming normal operations/s ], [ 'SIGWINCH', 'WINCH', qr/AH00\d+: caught SIGWINCH/ ]) {
    my ($name, $signal, $sign) = @$case;
    my $backend = IO::Socket::INET->new(Listen => 128, LocalAddr => '127.0.0.1') or die "listen: $@";
    my $server  = started("children-$signal", children($MPM eq 'prefork' ? (WAITING + 2) : (3, 25)) . $CONF . <<"END_OF_CONF", modules => [qw(proxy proxy_http)]);
EncGatherTimeout 60
<Location /slow>
    SetHandler encrypted-gather
    EncGatherBackend http://127.0.0.1:@{[ $backend->sockport ]}/
</Location>
END_OF_CONF
    my @calls = map { waiting_call($server) } 1 .. WAITING;
    my @asked = until_all_wait($backend);
    is scalar @asked, WAITING, "$name: calls wait for their backend";
    $server->signal($signal);
    ok wait_until(WAIT, sub { $server->error_log =~ $sign }), "$name: the server obeys";
    select undef, undef, undef, 0.3;    # for the children to hear of it
    syswrite $_, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: @{[ length $ANSWER ]}\r\nConnection: close\r\n\r\n$ANSWER" for @asked;
    my @answers = map { all_of($_, qr/<\/Response>/) } @calls;
    is scalar(grep { /AC12345678.*12\.55/ } @answers), WAITING, "$name: and all of them are answered";
    close $_ for @asked;
    ok wait_until(WAIT, sub { !$server->running }), "$name: the server is gone" if $signal eq 'WINCH';
    ok $server->stop, "$name: the server stops";
    log_is_clean($server, qr/EG0134: EncGatherTimeout 60 in the server /);
}

finish();
