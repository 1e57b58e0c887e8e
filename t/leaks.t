# SPDX-License-Identifier: Apache-2.0
# Where digits must never be: in what an ErrorDocument gets, and, once a request is answered, in the memory of a child.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use IO::Socket::INET;
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Sanitizer qw(pointless);
use EncGather::Signature qw(form_encode);
use EncGather::Test;

my $GATHER = '/encrypted-gather';

# --- Error documents ------------------------------------------------------------------------------------------
# Each ErrorDocument of this host leads to a backend that writes down whatever reaches it.

SKIP: {
    skip 'this httpd has no mod_proxy_http', 1 unless eval { hostport('errordoc'); 1 };
    my $backend = EncGather::Backend->new(port => Apache::TestConfig->thaw->{vars}{app_port},
        record => in_tree('backend-requests'));

    is raw('errordoc', "GET /there-is-nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")->content, 'recorded',
        'the ErrorDocument of other places works';
    $backend->forget;

    my @form = (Digits => '80417', CallSid => 'CA1');
    my @more = (Digits => '80417', a => 'x' x 600);
    my $bytes = form_encode(@form);
    my $head  = "POST $GATHER HTTP/1.1\r\nHost: " . hostport('errordoc')
              . "\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    my %answer = (
        'unsigned: 403'           => post('errordoc', $GATHER, \@form, token => undef),
        'no backend: 404'         => post('errordoc', '/no-backend', \@form),
        'PUT: 405'                => request(PUT => 'errordoc', $GATHER, body => $bytes),
        'no media type: 415'      => post('errordoc', $GATHER, \@form, type => undef),
        'too large: 413'          => post('errordoc', $GATHER, \@more),
        'too large, chunked: 413' => post('errordoc', $GATHER, \@more, body => undef, chunks => [ form_encode(@more) ]),
        'malformed: 400'          => post('errordoc', $GATHER, \@form, body => "$bytes&a=%zz"),
        'unknown step: 400'       => post('errordoc', "$GATHER?step=nonsense", \@form),
        'no token: 500'           => post('errordoc', '/no-token', \@form),
        'backend gone: 200'       => post('errordoc', '/no-such-backend?step=processData&encryptedCardDigits=' . seal('0417'), \@form),
        'bad chunk: 400'          => raw('errordoc', "${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n$bytes"),
        'huge chunk: 413'         => raw('errordoc', "${head}Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n$bytes" . 'x' x 600),
        'decrypt, bad JSON: 400'  => decrypt('errordoc', '/decrypt-gather', '{"encryptedCardDigits":"80417"'),
        'decrypt, GET: 405'       => request(GET => 'errordoc', '/decrypt-gather', body => $bytes),
        'decrypt, bad token: 400' => decrypt('errordoc', '/decrypt-gather', { map { $_ => 'Digits=80417' } qw(encryptedCardDigits encryptedPinDigits) }),
    );
    for my $name (sort keys %answer) {
        my ($status) = $name =~ /(\d+)\z/;
        is $answer{$name}->code, $status, $name;
        unlike $answer{$name}->content, qr/recorded|</, "$name: no ErrorDocument" if $status != 200;
    }
    is_deeply [ map { "$_->{method} $_->{target}: $_->{body}" } $backend->requests ], [], 'no ErrorDocument has seen anything';
    expect_log(qr/EG0[134]\d\d:/);
    allow_log(qr/EG05\d\d:/);
    $backend->stop;
}

# --- Memory -------------------------------------------------------------------------------------------------------
# A server of its own over plain HTTP, and a thousand webhooks whose digits stand in a context that nothing else has.
# TLS and HTTP/2 keep buffers of their own, which this module cannot reach.

use constant {
    CALLS       => 1000,
    CONNECTIONS => 10,
};
my $CONTEXT = 'Digits=7391&Marker=';
my @HEX     = (0 .. 9, 'a' .. 'f');

sub memory_server () {
    return private_server('memory', conf => sprintf <<'CONF', map { in_tree("conf/$_") } qw(keys/demo.key keys/auth-tokens accounts.db));
LogLevel trace8
MaxKeepAliveRequests 0
EncGatherKeyFile "%s"
EncGatherAuthTokenFile "%s"
DBDriver sqlite3
DBDParams "%s"
<Location /encrypted-gather>
    SetHandler encrypted-gather
    EncGatherBackend /decrypt-gather
</Location>
<Location /decrypt-gather>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %%s AND pin = %%s" encryptedCardDigits encryptedPinDigits
</Location>
CONF
}

# What a webhook can meet, in turn: all of these have the digits in their body.
my $CARD_TOKEN = seal('0417');
my @KINDS = (
    [ 200 => "$GATHER?step=getPin", {} ],
    [ 200 => "$GATHER?step=processData&encryptedCardDigits=$CARD_TOKEN", {} ],
    [ 200 => $GATHER, {} ],
    [ 200 => "$GATHER?step=getPin", { chunked => 1 } ],
    [ 403 => "$GATHER?step=getPin", { signature => 'wrong' } ],
    [ 400 => "$GATHER?step=nonsense", {} ],
    [ 400 => "$GATHER?step=getPin", { tail => '&a=%zz' } ],
    [ 415 => "$GATHER?step=getPin", { type => 'text/plain' } ],
    [ 400 => "$GATHER?step=getPin", { tail => '&Digits=7391' } ],
    [ 413 => "$GATHER?step=getPin", { tail => '&p' x 300 } ],
);

sub webhook ($hostport, $kind) {
    my (undef, $target, $how) = @$kind;
    my $marker = join '', map { $HEX[ rand @HEX ] } 1 .. 32;
    my @pairs  = (CallSid => 'CA1', Digits => '7391', Marker => $marker);
    my $body   = "CallSid=CA1&$CONTEXT$marker&To=%2B1" . ($how->{tail} || '');
    my @body   = $how->{chunked} ? (body => undef, chunks => [ unpack '(a40)*', $body ]) : (body => $body);
    my @wrong  = $how->{signature} ? (signature => $how->{signature}) : ();
    my @type   = $how->{type} ? (type => $how->{type}) : ();
    my $bytes  = post($hostport, $target, [ @pairs, To => '+1' ], @body, @wrong, @type, unsent => 1);
    return $bytes =~ s/^Connection: close\r\n//mr;
}

# The status of one answer, and whether the connection stays open.
sub read_answer ($socket) {
    my $head = '';
    until ($head =~ /\r\n\r\n\z/) {
        my $line = <$socket>;
        return (0, 0) unless defined $line;
        $head .= $line;
    }
    my ($status) = $head =~ /\AHTTP\/1\.1 (\d+)/;
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    read $socket, my $body, $length || 0;
    return ($status, $head !~ /^Connection: close/mi);
}

# Over connections that are kept open, so that the memory of one request is there for the next.
sub send_webhooks ($server) {
    my $hostport = '127.0.0.1:' . $server->port;
    my (@sockets, %unexpected);
    for my $n (0 .. CALLS - 1) {
        my ($kind, $slot) = ($KINDS[ $n % @KINDS ], int($n / @KINDS) % CONNECTIONS);
        my $socket = $sockets[$slot] ||= IO::Socket::INET->new(PeerAddr => $hostport) || die "connect: $@";
        print {$socket} webhook($hostport, $kind);
        $socket->flush;
        my ($status, $open) = read_answer($socket);
        $sockets[$slot] = undef unless $open;
        $unexpected{"$kind->[0], but $status"}++ if $status != $kind->[0];
    }
    return \%unexpected;
}

# How often the bytes are in the memory of a process that it may write to; undef when it may not be read.
sub count_in_memory ($pid, $needle, $which = qr/^r/) {
    open my $maps, '<', "/proc/$pid/maps" or return;
    open my $memory, '<:raw', "/proc/$pid/mem" or return;
    my $count = 0;
    while (my $line = <$maps>) {
        my ($from, $to, $mode) = $line =~ /^([0-9a-f]+)-([0-9a-f]+) (\S+)/ or next;
        next if $mode !~ $which || $line =~ /\[(?:vvar|vsyscall|vdso)/;
        no warnings 'portable';
        sysseek $memory, hex $from, 0 or next;
        sysread $memory, my $bytes, hex($to) - hex $from;
        $count++ while defined $bytes && $bytes =~ /\Q$needle\E/g;
    }
    return $count;
}

SKIP: {
    skip 'only root can read the memory of children that are not dumpable', 1 unless $> == 0;
    skip pointless('memory'), 1 if pointless('memory');
    my $server = memory_server();
    ok $server->start, 'a server of its own' or diag $server->error;
    is_deeply send_webhooks($server), {}, CALLS . ' webhooks, all answered as they should be';
    my @children = $server->children;
    ok @children, 'it has children';
    my %seen  = map { $_ => count_in_memory($_, 'encrypted-gather') } @children;
    my %holds = map { $_ => count_in_memory($_, $CONTEXT) } @children;
    is_deeply [ grep { !$seen{$_} } @children ], [], 'the search finds what is there';
    is_deeply \%holds, { map { $_ => 0 } @children }, 'and the digits of no webhook';
    ok $server->stop, 'the server stops';
    log_is_clean($server, qr/EG03\d\d:/);
}

finish();
