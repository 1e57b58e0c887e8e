# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# The faults of the host, and of what the server stands on (D10, D11, F8 and G of t/FAULTS.md): children that are killed,
# full disks, no memory, no descriptors, no processes, no random bytes. Calls of the system fail through t/host/shim.c
# while the server runs, and stop failing.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Daemon qw(free_ports);
use EncGather::Faults;
use EncGather::Files qw(slurp_if_there);
use EncGather::Httpd qw(httpd module_file);
use EncGather::Logs qw(alarms unexpected leaks);
use EncGather::Sanitizer qw(pointless);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

plan skip_all => pointless('shim') if pointless('shim');

use constant {
    WAIT    => 60,     # seconds for what comes by itself on a loaded machine
    STOCK   => 130,    # more tokens than there are nonces in stock
    CLIENTS => 4,
};

my ($CARD, $PIN, $NUMBER) = @SECOND_ACCOUNT;
my $MPM   = $ENV{ENCGATHER_MPM} || 'event';
my @CALL  = (CallSid => 'CA' . '2' x 32);
my $STEP  = '/gather?step=getPin';
my ($CARD_TOKEN, $PIN_TOKEN) = map { seal($_) } $CARD, $PIN;
remember($CARD, $PIN);

my ($TROUBLE, $SHIM) = EncGather::Faults::troubled_host('faults-host');

# Servers whose processes crash on purpose have their logs where the search for crashes does not look; their digits are
# looked for here.
my $CRASHING = in_tree('private/crashing');
make_path($CRASHING);
chmod 0711, $CRASHING or die "$CRASHING: $!";

sub trouble ($name) {
    open my $file, '>', "$TROUBLE/$name" or die "$TROUBLE/$name: $!";
    close $file;
    return;
}

sub is_trouble ($name) { return -e "$TROUBLE/$name" }

sub no_trouble (@names) {
    unlink "$TROUBLE/$_" for @names;
    return;
}

sub text ($status, $result, %more) { return { text_error($status, $result, %more) } }
sub asks (%more) { return { twiml_answer('asked', %more) } }

my $NO_CRYPTO     = qr/\[encgather:error\].*EG0401: call \S+: answered 500, the answer could not be encrypted/;
my $MISCONFIGURED = qr/\[encgather:error\].*EG0108: call \S+: answered 500, /;
my $UNAVAILABLE   = qr/\[encgather:error\].*EG0501: call \S+: the backend \S+ is unavailable: /;

# --- One worker, through the shim ------------------------------------------------------------------------------

my ($APP_PORT) = free_ports(1);
my $one = EncGather::Faults->new('faults-host', dir => "$CRASHING/faults-host", modules => [qw(proxy proxy_http)], environment => $SHIM, conf => <<"END_OF_CONF");
EncGatherTimeout 5
ProxyTimeout 5
@{[ map { "<Location /dns/$_>\n    SetHandler encrypted-gather\n    EncGatherBackend http://backend.$_.invalid/ok\n</Location>\n" } qw(servfail silent) ]}
<Location /app>
    SetHandler encrypted-gather
    EncGatherBackend http://127.0.0.1:$APP_PORT/ok
</Location>
END_OF_CONF
my $app = EncGather::Backend->new(port => $APP_PORT, record => in_tree('private/faults-host-app'));

sub webhook ($target = $STEP, %options) { return $one->webhook($target, [ @CALL, Digits => $CARD ], %options) }

sub last_step ($path) { return $one->webhook("$path?step=processData&encryptedCardDigits=$CARD_TOKEN", [ @CALL, Digits => $PIN ]) }

# --- F8: names --------------------------------------------------------------------------------------------------

$one->fault("F8 the name of the backend: $_", last_step("/dns/$_"), answer => { twiml_answer('unavailable') },
    log => [$UNAVAILABLE], others => [qr/\[proxy:(?:error|warn)\]/]) for qw(servfail silent);

# --- D10: the cipher --------------------------------------------------------------------------------------------

# Sends until the stock of random bytes is used up and the answer is another one.
sub until_refused () {
    for (1 .. 2 * STOCK) {
        my ($response) = $one->exchange(webhook());
        return $response if $response->code != 200;
    }
    return;
}

trouble('getrandom-enosys');
{
    my $response = until_refused();
    ok $response, 'D10 no random bytes: the stock ends' or BAIL_OUT('the shim has no effect');
    answers('D10 no random bytes: the answer', $response, text_error(500, 'misconfigured', signature => 'valid'));
    unlike $response->content, qr/[0-9a-f]{16}/, 'D10 no random bytes: and no token';
}
$one->fault('D10 no random bytes, then some', sub () {
    my ($response) = $one->exchange(webhook());
    no_trouble('getrandom-enosys');
    return $response;
}, answer => text(500, 'misconfigured'), log => [$NO_CRYPTO]);
$one->fault('D10 random bytes come three at a time', sub () {
    trouble('getrandom-short');
    my $refused = until_refused();
    no_trouble('getrandom-short');
    is $refused, undef, 'D10 random bytes come three at a time: every call is served';
    return;
});
$one->fault('D10 the call for random bytes is interrupted', sub () {
    trouble('getrandom-eintr');
    my $refused = until_refused();
    ok !is_trouble('getrandom-eintr'), 'D10 the call for random bytes is interrupted: so it was';
    is $refused, undef, 'D10 the call for random bytes is interrupted: every call is served';
    return;
});

sub in_trouble ($name, $bytes) {
    return sub () {
        trouble($name);
        my ($response) = $one->exchange($bytes);
        no_trouble($name);
        return $response;
    };
}

$one->fault('D10 OpenSSL does not encrypt', in_trouble('no-encryption', webhook()), answer => text(500, 'misconfigured'), log => [$NO_CRYPTO]);
$one->fault('D10 OpenSSL does not hash: no signature is taken for good',
    in_trouble('no-digest', webhook()), answer => text(500, 'misconfigured'), log => [qr/\[encgather:error\].*EG0\d+: call \S+: /]);
$one->fault('D10 OpenSSL does not hash: nor one for bad', in_trouble('no-digest', webhook($STEP, signature => 'A' x 27 . '=')),
    answer => text(500, 'misconfigured'), log => [qr/\[encgather:error\].*EG0\d+: call \S+: /]);

# --- The worker is another one from here on ----------------------------------------------------------------------

sub worker_pid () {
    wait_until(WAIT, sub { scalar(my @all = $one->server->children) == 1 }) or die 'not one child';
    return ($one->server->children)[0];
}

# Kills the worker's process and waits for that of the next one.
sub new_worker (%options) {
    my $old = worker_pid();
    kill KILL => $old;
    $options{meanwhile}->() if $options{meanwhile};
    wait_until(WAIT, sub { my @now = $one->server->children; @now && !grep { $_ == $old } @now }) or die 'no new child';
    $one->forget_worker;
    return;
}

my $KILLED = qr/exit signal Killed/;

trouble('no-cipher');
new_worker();
$one->until_logged('EG0111: ');    # a child is there before it has looked
$one->fault('D10 OpenSSL has no cipher when a child starts', sub () {
    my ($response) = $one->exchange(webhook());
    no_trouble('no-cipher');
    new_worker();
    return $response;
}, answer => text(500, 'misconfigured'), log => [$MISCONFIGURED], others => [$KILLED]);
like $one->server->error_log, qr/\[encgather:crit\].*EG0111: OpenSSL does not offer AES-256-GCM/, 'D10 OpenSSL has no cipher when a child starts: which says so';

# --- G8, G9: no locked memory, no MADV_WIPEONFORK -----------------------------------------------------------------

trouble('no-wipeonfork');
$one->fault('G9 a kernel without MADV_WIPEONFORK', sub () { new_worker(); return }, others => [$KILLED]);
$one->fault('G9 a kernel without MADV_WIPEONFORK keeps no random bytes', in_trouble('getrandom-enosys', webhook()),
    answer => text(500, 'misconfigured'), log => [$NO_CRYPTO]);
no_trouble('no-wipeonfork');
trouble('no-mlock');
$one->fault('G8 no page can be locked', sub () { new_worker(); return }, others => [$KILLED],
    log => [qr/\[encgather:info\].*EG0107: keys are not locked in memory/]);
no_trouble('no-mlock');

# --- G6, G7: descriptors, memory, processes ------------------------------------------------------------------------

$one->fault('G6 no descriptor is left for the connection to the backend', in_trouble('no-descriptors', last_step('/app')),
    answer => { twiml_answer('unavailable') }, log => [$UNAVAILABLE], others => [qr/\[proxy(?:_http)?:(?:error|warn)\]/, qr/Too many open files/]);
$one->fault('G6 descriptors are there again', last_step('/app'), answer => { twiml_answer('found') });

# Whoever asks for memory in vain may end: half an answer is what must not be.
my $ENDED = qr/exit signal (?:Abort|Segmentation fault)|exited with|AH\d+: .*(?:Cannot allocate memory|Out of memory|out of memory)/;
for my $case ([ 'a step of a call' => [ @CALL, Digits => $CARD ] ], [ 'a form of 60,000 bytes' => [ @CALL, Digits => $CARD, a => 'x' x 60_000 ] ]) {
    my ($name, $pairs) = @$case;
    my $before = worker_pid();
    $one->fault("G7 no more memory, $name", sub () {
        trouble('no-memory');
        my $got = send_pieces($one->host, post($one->host, $STEP, $pairs, unsent => 1));
        no_trouble('no-memory');
        ok !length $got || $got =~ m{\AHTTP/1\.1 (?:200 .*</Response>|500 .*\n)\z}s, "G7 no more memory, $name: a whole answer or none" or diag $got;
        wait_until(WAIT, sub { !kill 0 => $before }) if !length $got;
        note "G7 no more memory, $name: ", length $got ? $got =~ /\A(.*)/ : 'none';
        $one->forget_worker if worker_pid() != $before;
        return;
    }, others => [$ENDED], log => 'any');
}

$one->fault('G7 no process can be forked', sub () {
    trouble('no-fork');
    new_worker(meanwhile => sub () {
        ok wait_until(WAIT, sub { $one->server->error_log =~ /AH\d+: fork: Unable to fork new process/ }), 'G7 no process can be forked: httpd tries';
        ok kill(0 => $one->server->pid), 'G7 no process can be forked: the parent lives';
        no_trouble('no-fork');
    });
    return;
}, others => [ $KILLED, qr/fork: Unable to fork new process/ ]);

$app->stop;
$one->finish_faults;

# --- Servers with many workers -----------------------------------------------------------------------------------

# Each child has few workers, so that there are many children.
sub many ($children) {
    return $MPM eq 'prefork'
        ? "StartServers $children\nMinSpareServers $children\nMaxSpareServers $children\nServerLimit $children\nMaxRequestWorkers $children\n"
        : "StartServers $children\nServerLimit $children\nThreadsPerChild 2\nMinSpareThreads " . 2 * $children . "\nMaxSpareThreads "
            . 2 * $children . "\nMaxRequestWorkers " . 2 * $children . "\n";
}

sub own_server ($name, $conf, %options) {
    my $server = private_server($name, %options);
    $server->configure(conf => EncGather::Faults::conf() . $conf);
    $server->start or BAIL_OUT("$name does not start: " . $server->error =~ tr/\n/ /r);
    return $server;
}

sub host_of ($server) { return '127.0.0.1:' . $server->port }

sub is_well ($server, $name) {
    my $response = post(host_of($server), $STEP, [ @CALL, Digits => $CARD ]);
    return is scalar open_token(token_in($response, 'encryptedCardDigits')), $CARD, "$name: the next call";
}

sub log_has_only ($server, $name, @patterns) {
    my @alarms = alarms($server->error_log);
    return is_deeply [ unexpected(\@alarms, \@patterns) ], [], "$name: nothing else in the log";
}

# A call whose backend is silent: its connection.
sub waiting_call ($server, $path) {
    my $socket = IO::Socket::INET->new(PeerAddr => host_of($server)) or die "connect: $@";
    syswrite $socket, post(host_of($server), "$path?step=processData&encryptedCardDigits=$CARD_TOKEN", [ @CALL, Digits => $PIN ], unsent => 1);
    return $socket;
}

sub rest_of ($socket) {
    my $bytes = '';
    1 while IO::Select->new($socket)->can_read(WAIT) && sysread $socket, $bytes, 65536, length $bytes;
    return $bytes;
}

my ($BACKEND_PORT) = free_ports(1);
my $backend = EncGather::Backend->new(port => $BACKEND_PORT, record => in_tree('private/faults-host-backend'));
my $SLOW = <<"END_OF_CONF";
EncGatherTimeout 4
ProxyTimeout 4
<Location /slow>
    SetHandler encrypted-gather
    EncGatherBackend http://127.0.0.1:$BACKEND_PORT/slow
</Location>
END_OF_CONF
my $server = own_server('faults-children', many(4) . $SLOW . "LoadModule crash_module \"@{[ EncGather::Faults::host_library('mod_crash') ]}\"\n"
    . "<Location /crash>\n    SetHandler crash\n</Location>\n", dir => "$CRASHING/faults-children", modules => [qw(proxy proxy_http)]);

sub until_asked ($times) {
    wait_until(WAIT, sub { (() = $backend->requests) >= $times }) or die 'the backend is not asked';
    return;
}

# Of the calls that wait, those of the child that ends have no answer, and the others have theirs.
for my $case ([ 'G1 a child is killed within a request', sub ($busiest) { kill KILL => $busiest } ],
    [ 'G2 another module crashes', sub ($busiest) { send_pieces(host_of($server), "GET /crash HTTP/1.0\r\n\r\n") } ])
{
    my ($name, $end_it) = @$case;
    my %before = map { $_ => 1 } $server->children;
    $backend->forget;
    my @sockets = map { waiting_call($server, '/slow') } 1 .. 3;
    until_asked(3);
    my ($busiest) = sort { open_sockets($b) <=> open_sockets($a) } $server->children;
    $end_it->($busiest);
    my @answers = map { rest_of($_) } @sockets;
    is_deeply [ grep { length && !m{\AHTTP/1\.1 200 .*cannot look up.*</Response>\z}s } @answers ], [], "$name: each call has its whole answer or none";
    cmp_ok scalar(grep { !length } @answers), '>=', 1, "$name: those of that child have none" if $name =~ /G1/ && $> == 0;
    cmp_ok scalar(grep { length } @answers), '>=', 1, "$name: those of another child have theirs";
    ok wait_until(WAIT, sub { my @now = $server->children; @now >= keys %before && grep { !$before{$_} } @now }), "$name: the parent starts another";
    is_well($server, $name) for 1 .. 8;
}
like $server->error_log, qr/exit signal Segmentation fault/, 'G2 another module crashes: httpd says so';
{
    my @ours = grep { /EG0\d\d\d:/ } split /\n/, $server->error_log;
    is_deeply [ grep { !/EG010[56]: |EG0501: / } @ours ], [], 'G1 G2 no line of the module but for calls that found nobody';
}
is_deeply [ glob "$CRASHING/faults-children/core* $CRASHING/faults-children/*/core*" ], [], 'G2 another module crashes: no core file';
log_has_only($server, 'G1 and G2', qr/EG0501: /, qr/exit signal Segmentation fault/, qr/\[proxy/);

# Only root can see them.
sub open_sockets ($pid) { return scalar grep { (readlink($_) || '') =~ /^socket:/ } glob "/proc/$pid/fd/*" }

# --- G3, G4: restarts ------------------------------------------------------------------------------------------------

# Clients that call while something is done; how often their calls ended with which status, or how else.
sub under_load ($server, $do) {
    my @clients;
    for (1 .. CLIENTS) {
        pipe my $from, my $to or die "pipe: $!";
        pipe my $end, my $stop or die "pipe: $!";
        my $pid = fork // die "fork: $!";
        if ($pid == 0) {
            close $stop;
            my $bytes = post(host_of($server), $STEP, [ @CALL, Digits => $CARD ], unsent => 1);
            my %seen;
            until (IO::Select->new($end)->can_read(0)) {
                my $answer = eval { send_pieces(host_of($server), $bytes) } // "no answer: $@";
                $seen{ end_of_call($answer) }++;
            }
            syswrite $to, JSON::PP->new->encode(\%seen);
            require POSIX;
            POSIX::_exit(0);
        }
        close $to;
        push @clients, { from => $from, stop => $stop, pid => $pid };
    }
    $do->();
    close $_->{stop} for @clients;
    my %all;
    for my $client (@clients) {
        my $seen = JSON::PP->new->decode(do { local $/; readline $client->{from} });
        $all{$_} += $seen->{$_} for keys %$seen;
        waitpid $client->{pid}, 0;
    }
    return \%all;
}

# The status of a whole answer; of any other what there is, in brackets.
sub end_of_call ($answer) {
    return $answer =~ m{\AHTTP/1\.1 (\d+) .*</Response>\z}s ? $1 : "[$answer]";
}

# How many calls of its webhook the server has answered, by its own account.
sub logged ($server) {
    return scalar grep { /POST \Q$STEP\E / } map { split /\n/, slurp_if_there($_) } in_tree('logs/vars_log');
}

{
    my $before = logged($server);
    my $seen   = under_load($server, sub () { ok $server->graceful, "G3 graceful, time $_" or diag $server->error for 1 .. 10 });
    my $unread = delete $seen->{'[]'} || 0;
    ok(($seen->{200} || 0) > 0, 'G3 ten times graceful: there were calls');
    is_deeply [ sort keys %$seen ], [200], 'G3 ten times graceful: each call has its whole answer' or diag explain $seen;
    wait_until(WAIT, sub { logged($server) == $before + $seen->{200} });
    is logged($server) - $before, $seen->{200}, 'G3 ten times graceful: no call that was read is lost';
    # MPM event itself, without this module too, resets one connection in some ten thousand that it has just accepted
    cmp_ok $unread, '<=', $server->mpm eq 'event' ? 3 : 0, 'G3 ten times graceful: nearly every call is read';
    is_well($server, 'G3 ten times graceful');
    # here processes of MPM event itself crash now and then: its main thread closes connections that its workers close
    $seen = under_load($server, sub () { ok $server->restart, "G3 restart, time $_" or diag $server->error for 1 .. 10 });
    is_deeply [ grep { !/^(?:200|\[\]|\[no answer: .*\])\z/s } keys %$seen ], [], 'G3 ten times restart: each call is served or not, none half';
    is_well($server, 'G3 ten times restart');
}
{
    $backend->forget;
    my $socket = waiting_call($server, '/slow');
    until_asked(1);
    $server->signal('WINCH');
    like rest_of($socket), qr{\AHTTP/1\.1 200 .*cannot look up.*</Response>\z}s, 'G3 graceful-stop: the call that waits has its whole answer';
    ok wait_until(WAIT, sub { !$server->running }), 'G3 graceful-stop: and the server is gone';
}
$backend->stop;

{
    my $files = in_tree('private/faults-rotation-files');
    mkdir $files, 0755;
    write_secret("$files/key", "old $KEY{demo}\n");
    my $rotating = own_server('faults-rotation', "EncGatherKeyFile \"$files/key\"\n");
    my $host     = host_of($rotating);
    my $sealed   = token_in(post($host, $STEP, [ @CALL, Digits => $CARD ]), 'encryptedCardDigits');
    write_secret("$files/key", "new $KEY{other}\nold $KEY{demo}\n");
    ok $rotating->graceful, 'G4 the key is rotated within a call' or diag $rotating->error;
    answers('G4 the key is rotated within a call: its last step', post($host, "/gather?step=processData&encryptedCardDigits=$sealed", [ @CALL, Digits => $PIN ]),
        twiml_answer('found'));
    my $next = wait_until(WAIT, sub () {
        defined open_token(token_in(post($host, $STEP, [ @CALL, Digits => $CARD ]), 'encryptedCardDigits'), $KEY{other});
    });
    ok $next, 'G4 the key is rotated within a call: the next one has the new key';
    write_secret("$files/key", "new $KEY{other}\n");
    ok $rotating->graceful, 'G4 the old key is taken out' or diag $rotating->error;
    ok wait_until(WAIT, sub () {
        variables(post($host, "/gather?step=processData&encryptedCardDigits=$sealed", [ @CALL, Digits => $PIN ]))->{result} eq 'unavailable';
    }), 'G4 the old key is taken out too early: the caller hears unavailable';
    ok $rotating->stop, 'G4 the server stops';
    log_has_only($rotating, 'G4', qr/EG0402: /, qr/EG0501: /);
    like $rotating->error_log, qr/EG0402: /, 'G4 the old key is taken out too early: a line says so';
}

# --- D11: nonces -------------------------------------------------------------------------------------------------------

{
    my $name  = 'D11 tokens of eight children over five restarts';
    my $eight = own_server('faults-nonces', many(8), environment => $SHIM);
    my (%nonces, %workers);
    my $tokens = 0;
    for my $round (1 .. 6) {
        for (1 .. 400) {
            my $response = post(host_of($eight), $STEP, [ @CALL, Digits => $CARD ]);
            $nonces{ substr token_in($response, 'encryptedCardDigits') // '', 0, 24 }++;
            $workers{ variables($response)->{worker} =~ s/:.*//r }++;
            $tokens++;
        }
        last if $round == 6;
        $round % 2 ? trouble('no-wipeonfork') : no_trouble('no-wipeonfork');
        ok $round == 3 ? $eight->restart : $eight->graceful, "$name: restart $round" or diag $eight->error;
    }
    no_trouble('no-wipeonfork');
    is scalar(keys %nonces), $tokens, "$name: $tokens nonces, no two alike";
    cmp_ok scalar(keys %workers), '>=', 8, "$name: by " . keys(%workers) . ' processes';
    ok $eight->stop, "$name: the server stops";
    log_has_only($eight, $name);
}

# --- G5: logs that cannot be written -------------------------------------------------------------------------------------

SKIP: {
    skip 'G5 there is no /dev/full', 1 unless -c '/dev/full';
    my $name = 'G5 logs on a full disk';
    my $full = own_server('faults-full', "ErrorLog /dev/full\nCustomLog /dev/full combined\n");
    is_well($full, $name) for 1 .. 3;
    is post(host_of($full), $STEP, [ @CALL, Digits => $CARD ], token => undef)->code, 403, "$name: a refusal that cannot be logged";
    is post(host_of($full), '/gather?step=processData&encryptedCardDigits=' . seal($CARD, $KEY{removed}), [ @CALL, Digits => $PIN ])->code, 200,
        "$name: a failure that cannot be logged";
    is_well($full, $name);
    ok $full->stop, "$name: the server stops";
}

# --- G10: a file system that cannot be written ----------------------------------------------------------------------

# An httpd for which everything is read-only but where it has to write itself; undef where nobody may mount.
sub readonly_httpd ($tree) {
    return if $> != 0 || system('unshare -m --propagation private true 2>/dev/null') != 0;
    my ($wrapper, $logs) = (in_tree('private/readonly-httpd'), in_tree('logs'));
    make_path("$tree/run", "$tree/logs");
    open my $out, '>', $wrapper or die "$wrapper: $!";
    print {$out} <<"END_OF_SCRIPT";
#!/bin/sh
[ "\$1" = -l ] && exec @{[ httpd() ]} -l
exec unshare -m --propagation private sh -c '
    for d in "$tree/run" "$tree/logs" "$logs"; do mount --bind "\$d" "\$d" || exit 9; done
    while read -r _ at _; do
        case "\$at" in "$tree/run"|"$tree/logs"|"$logs"|/proc*|/sys*|/dev*) continue;; esac
        mount -o remount,bind,ro "\$at" 2>/dev/null
    done < /proc/mounts
    exec "\$@"' sh @{[ httpd() ]} "\$@"
END_OF_SCRIPT
    close $out or die "$wrapper: $!";
    chmod 0755, $wrapper or die "$wrapper: $!";
    return $wrapper;
}

SKIP: {
    my $name  = 'G10 a read-only file system';
    my $tree  = in_tree('private/faults-readonly');
    my $httpd = readonly_httpd($tree);
    skip "$name: root may write wherever it cannot mount", 1 if !$httpd && $> == 0;
    my $readonly = own_server('faults-readonly', '', $httpd ? (httpd => $httpd) : ());
    my $written  = sub () { open my $file, '>', '/proc/' . $readonly->pid . "/root$tree/conf/x" };
    chmod 0555, $tree, "$tree/conf", "$tree/htdocs" unless $httpd;    # an ordinary user's own directories
    ok !$written->(), "$name: so it is";
    is_well($readonly, $name) for 1 .. 3;
    my $response = post(host_of($readonly), "/gather?step=processData&encryptedCardDigits=$CARD_TOKEN", [ @CALL, Digits => $PIN ]);
    answers("$name: a whole call", $response, twiml_answer('found'));
    $readonly->signal('USR1');
    ok $readonly->wait_for_generation(2), "$name: graceful" or diag $readonly->error;
    is_well($readonly, $name);
    chmod 0755, $tree, "$tree/conf", "$tree/htdocs" unless $httpd;
    ok $readonly->stop, "$name: the server stops";
    log_has_only($readonly, $name);
}

# --- G8: by its limit ---------------------------------------------------------------------------------------------------------

{
    my $name    = 'G8 RLIMIT_MEMLOCK is 0';
    my $wrapper = in_tree('private/unlocked-httpd');
    open my $out, '>', $wrapper or die "$wrapper: $!";
    print {$out} "#!/bin/sh\nulimit -l 0\nexec @{[ httpd() ]} \"\$@\"\n";
    close $out or die "$wrapper: $!";
    chmod 0755, $wrapper;
    my $unlocked = own_server('faults-memlock', '', httpd => $wrapper);
    is_well($unlocked, $name);
    like $unlocked->error_log, qr/\[encgather:info\].*EG0107: keys are not locked in memory/, "$name: a line says so";
    ok $unlocked->stop, "$name: the server stops";
    log_has_only($unlocked, $name);
}

for my $log (glob "$CRASHING/*/logs/*") {
    is_deeply [ leaks(slurp_if_there($log), $CARD, $PIN) ], [], "no digits in $log";
}

finish();
