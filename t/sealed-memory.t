# SPDX-License-Identifier: Apache-2.0
# What a host that seals to public keys alone has left of its calls, and where a private key is: no digits, no content key,
# no secret of a key pair that was made for one token; and no private key in a process that does not serve. Under each MPM,
# beside a whole call.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Crypt::PK::ECC;
use Crypt::PK::RSA;
use Crypt::PK::X25519;
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::More;

use lib 't/lib';
use EncGather::Daemon qw(free_ports);
use EncGather::Faults ();
use EncGather::Files qw(slurp slurp_if_there spew);
use EncGather::Jwe qw(make_pair content_key_of);
use EncGather::Memory qw(count_in_memory);
use EncGather::Sanitizer qw(pointless);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

plan skip_all => 'CI has it under event, whose children are as these' if $ENV{CI} && ($ENV{ENCGATHER_MPM} // '') eq 'worker';

my $MPM    = $ENV{ENCGATHER_MPM} || 'event';
my $CALLS  = $MPM eq 'event' ? 1000 : 300;
my $TREE   = in_tree('private/sealed-memory');
mkdir in_tree('private'), 0755;
mkdir $TREE, 0755 or die "$TREE: $!";
my ($GATHER_PORT, $DECRYPT_PORT) = free_ports(2);
my ($GATHER, $DECRYPT) = map { "127.0.0.1:$_" } $GATHER_PORT, $DECRYPT_PORT;
my @KINDS = qw(p256 x25519 rsa);
my $DIGITS = '730591826407';    # in front of what is keyed in
remember($DIGITS);

make_pair($_, "$TREE/$_") for @KINDS;
my $TOKENS = write_secret("$TREE/tokens", "$TOKEN{demo}\n");
spew("$TREE/scalars", '', 0666);
chmod 0666, "$TREE/scalars";

# --- Two hosts ----------------------------------------------------------------------------------------------------

my $cgi = $MPM eq 'prefork' ? 'cgi' : 'cgid';

my $gather = private_server('sealed-memory-gather', port => $GATHER_PORT, modules => [qw(proxy proxy_http)],
    environment => pointless('shim') ? {} : { LD_PRELOAD => EncGather::Faults::host_library('scalars'), ENCGATHER_SCALARS => "$TREE/scalars" },
    conf => join "\n", "EncGatherAuthTokenFile $TOKENS", 'EncGatherField value digits=16', 'EncGatherField more digits=4', 'EncGatherForward CallSid',
    map { <<"CONF" } @KINDS);
<Location /$_/gather>
    SetHandler encrypted-gather
    EncGatherBackend http://$DECRYPT/$_/decrypt
    EncGatherRecipient $_ $TREE/$_.pub
    EncGatherSay notfound "nobody"
</Location>
CONF

my $decrypt = private_server('sealed-memory-decrypt', port => $DECRYPT_PORT, modules => [$cgi],
    conf => join "\n", $cgi eq 'cgid' ? "ScriptSock $TREE/cgisock" : (), 'DBDriver sqlite3', 'DBDParams "' . in_tree('conf/accounts.db') . '"',
    "CustomLog \"|/bin/cat\" common",
    map { <<"CONF" } @KINDS);
<Location /$_/decrypt>
    SetHandler decrypt-gather
    EncGatherExpose on
    Require ip 127.0.0.1
    EncGatherLookup "SELECT account FROM accounts WHERE card = %s AND pin = %s" value more
    EncGatherPrivateKeyFile $_ $TREE/$_
</Location>
CONF

for my $server ($decrypt, $gather) {
    $server->start or diag($server->error), BAIL_OUT('a private server does not start');
}

# --- Calls --------------------------------------------------------------------------------------------------------

my $serial = 0;
sub fresh_call () { return sprintf 'CA%032x', ++$serial }

sub whole_call ($kind, $digits) {
    my $call = fresh_call();
    my $ask  = sub ($target, @digits) { return post($GATHER, $target, [ CallSid => $call, @digits ]) };
    my $next = sub ($response) { return action($response)->{target} || BAIL_OUT('no action in: ' . $response->as_string) };
    my $card = $ask->($next->($ask->("/$kind/gather")), Digits => $digits);
    return (join(' ', said($ask->($next->($card), Digits => '0932'))), token_in($card, 'value'));
}

my %token;
for my $kind (@KINDS) {
    my ($said, $token) = whole_call($kind, "${DIGITS}0001");
    is $said, 'nobody', "$kind, $MPM: a whole call, from one host to the other";
    push @{ $token{$kind} }, $token;
}

my %failed;
for my $n (1 .. $CALLS) {
    my $kind     = $KINDS[ $n % 3 ];
    my $response = post($GATHER, "/$kind/gather?step=more", [ CallSid => fresh_call(), Digits => sprintf '%s%04d', $DIGITS, $n ]);
    my $token    = token_in($response, 'value');
    $token ? push @{ $token{$kind} }, $token : $failed{ $response->code }++;
}
is_deeply \%failed, {}, "$CALLS answers are sealed";

# --- What is left of them -----------------------------------------------------------------------------------------

# Everything that a process may write to, without what is all zeros, in pieces that lie side by side.
sub writable_memory ($pid, $look) {
    open my $maps, '<', "/proc/$pid/maps" or return 0;
    open my $memory, '<:raw', "/proc/$pid/mem" or return 0;
    while (my $line = <$maps>) {
        my ($from, $to) = $line =~ /^([0-9a-f]+)-([0-9a-f]+) rw/ or next;
        no warnings 'portable';
        my $piece = '';
        for (my $at = hex $from; $at < hex $to; $at += 65_536) {
            sysseek $memory, $at, 0 or last;
            my $want = hex($to) - $at;
            sysread $memory, my $bytes, $want < 65_536 ? $want : 65_536 or last;
            if ($bytes !~ /[^\0]/) {
                $look->($piece) if length $piece;
                $piece = '';
                next;
            }
            $piece .= $bytes;
        }
        $look->($piece) if length $piece;
    }
    return 1;
}

# Names of needles that are in one of the processes; each is looked for from both ends, by its first 16 bytes.
sub found_in ($pids, %needles) {
    my %name_of;
    for my $name (keys %needles) {
        $name_of{ substr $_, 0, 16 } = $name for $needles{$name}, scalar reverse $needles{$name};
    }
    my $any = join '|', map { quotemeta } sort keys %name_of;
    my %found;
    for my $pid (@$pids) {
        writable_memory($pid, sub ($bytes) { $found{ $name_of{$1} }++ while $bytes =~ /($any)/g });
    }
    return \%found;
}

# The content key of a token, and the secret that both sides share; of the last and the first ones.
sub secrets_of_tokens () {
    my %needles;
    for my $kind (@KINDS) {
        my @all = @{ $token{$kind} };
        my @some = @all > 80 ? @all[ 0 .. 19, -60 .. -1 ] : @all;
        for my $n (0 .. $#some) {
            my ($content, $shared) = content_key_of($kind, $some[$n], "$TREE/$kind");
            $needles{"content key of $kind $n"} = $content;
            $needles{"shared secret of $kind $n"} = $shared if defined $shared;
        }
    }
    return %needles;
}

sub scalars () {
    my @all = unpack '(a32)*', slurp("$TREE/scalars");
    return map { ("scalar $_" => $all[$_]) } @all > 200 ? (0 .. 39, $#all - 160 .. $#all) : 0 .. $#all;
}

# What is secret of a private key: the number of a pair, a prime of RSA; and a line of its file.
sub secrets_of_pairs () {
    my %needles;
    $needles{'number of p256'}   = Crypt::PK::ECC->new("$TREE/p256")->export_key_raw('private');
    $needles{'number of x25519'} = Crypt::PK::X25519->new("$TREE/x25519")->export_key_raw('private');
    $needles{'prime of rsa'}     = decode_base64url(JSON::PP->new->decode(Crypt::PK::RSA->new("$TREE/rsa")->export_key_jwk('private'))->{p});
    return %needles;
}

sub texts_of_pairs () { return map { ("text of $_" => substr((split /\n/, slurp("$TREE/$_"))[1], 40)) } qw(p256 x25519 rsa) }

SKIP: {
    skip 'only root can read the memory of children that are not dumpable', 1 unless $> == 0;
    skip pointless('memory'), 1 if pointless('memory');

    my @children = $gather->children;
    is_deeply [ grep { !count_in_memory($_, '/p256/gather') } @children ], [], 'the search finds what is there';
    my %scalars = scalars();
    cmp_ok scalar keys %scalars, '>=', 150, 'the numbers of pairs that were made for a token are known';
    is_deeply [ grep { count_in_memory($_, $DIGITS) } @children ], [], 'the digits of the calls are in no child';
    is_deeply found_in(\@children, secrets_of_tokens()), {}, 'no content key, and no secret that leads to one';
    is_deeply found_in(\@children, %scalars), {}, 'no number of a pair that was made for a token';
    is_deeply found_in([ $gather->pid, @children ], secrets_of_pairs(), texts_of_pairs()), {}, 'nor has it what opens tokens';

    # The other host, whose children have to have it.
    my %pairs   = (secrets_of_pairs());
    my @serving = grep { %{ found_in([$_], %pairs) } } $decrypt->children;
    ok @serving, 'children that serve have the private keys';
    is_deeply [ sort keys %{ found_in(\@serving, %pairs) } ], [ sort keys %pairs ], 'all of them';
    is_deeply [ grep { count_in_memory($_, $DIGITS) } @serving ], [], 'what was opened is in no child';
    is_deeply found_in(\@serving, secrets_of_tokens()), {}, 'and no key of a token';
    is_deeply found_in([ $decrypt->pid ], %pairs), {}, 'the parent has the text of the file alone, and no key that is made of it';
    # Children that the MPM starts meanwhile serve too: what was handed to them is mapped there.
    my $helpers = sub () {
        my %serves = map { $_ => 1 } @serving;
        return grep { !$serves{$_} && slurp_if_there("/proc/$_/maps") !~ /memfd:mod_encgather/ } $decrypt->children;
    };
    cmp_ok scalar(my @helpers = $helpers->()), '>=', $cgi eq 'cgid' ? 2 : 1, 'there are helpers';
    is_deeply found_in(\@helpers, %pairs, texts_of_pairs()), {}, 'helpers (a piped log, the daemon of mod_cgid) have neither';
    kill KILL => $_ for @helpers;
    wait_until(30, sub () { my %old = map { $_ => 1 } @helpers; (grep { !$old{$_} } $helpers->()) >= @helpers });
    select undef, undef, undef, 0.3;
    is_deeply found_in([ $helpers->() ], %pairs, texts_of_pairs()), {}, 'nor have those that are started anew';
}

allow_log(qr/AH01239: cgid daemon process died/, qr/AH00106|AH00107|piped log program/);
for my $server ($gather, $decrypt) {
    ok $server->stop, 'the server stops';
    log_is_clean($server);
}

# --- httpd -X: who reads also serves ------------------------------------------------------------------------------

SKIP: {
    skip 'once is enough', 1 if $MPM ne 'event';
    ok $gather->start, 'the host that seals' or diag $gather->error;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', "$TREE/x.log";
        open STDERR, '>&', \*STDOUT;
        exec { $decrypt->{httpd} } $decrypt->{httpd}, '-X', '-d', $decrypt->{dir}, '-f', $decrypt->config_file;
    }
    ok wait_until(30, sub () { IO::Socket::INET->new(PeerAddr => $DECRYPT) }), 'httpd -X listens';
    is +(whole_call($_, "${DIGITS}0002"))[0], 'nobody', "httpd -X opens tokens: $_" for @KINDS;
    kill TERM => $pid;
    waitpid $pid, 0;
    ok $gather->stop, 'the server stops';
    log_is_clean($gather);
}

finish();
