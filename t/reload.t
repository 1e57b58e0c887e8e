# SPDX-License-Identifier: Apache-2.0
# CI: no sanitizer
# New keys and tokens at a restart; and a bad file then, which must neither get in nor take the server down.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use POSIX qw(mkfifo);
use Test::More;

use lib 't/lib';
use EncGather::Test;
use EncGather::Wait qw(wait_until);

my ($CARD) = @SECOND_ACCOUNT;
my $server = private_server('reload');
my $FILES  = in_tree('private/reload/files');
mkdir $FILES, 0755 or die "$FILES: $!";

sub set_key   (@names) { return write_secret("$FILES/key",    join '', map { "$_ $KEY{$_}\n" } @names) }
sub set_token (@names) { return write_secret("$FILES/tokens", join '', map { "$TOKEN{$_}\n" } @names) }

set_key('demo');
set_token('demo');
my $CONF = <<"CONF";
EncGatherKeyFile "$FILES/key"
EncGatherAuthTokenFile "$FILES/tokens"
<Location /gather>
    SetHandler encrypted-gather
    EncGatherBackend /nowhere
</Location>
CONF
$server->configure(conf => $CONF);
ok $server->start, 'a server of its own' or BAIL_OUT $server->error;
my $hostport = '127.0.0.1:' . $server->port;

# Which key seals, with this token of Twilio's; the status where none does.
sub sealed_by ($token, $path = '/gather') {
    my $response = post($hostport, "$path?step=getPin", [ Digits => $CARD ], token => $TOKEN{$token});
    my $sealed   = token_in($response, 'encryptedCardDigits') or return $response->code;
    my ($key)    = grep { (open_token($sealed, $KEY{$_}) || '') eq $CARD } sort keys %KEY;
    return $key;
}

# A child of the old configuration may take one more connection while it ends; the new one is in force soon after.
sub becomes ($wanted, $name, @asked) {
    my $got;
    wait_until(30, sub { ($got = sealed_by(@asked)) eq $wanted });
    return is $got, $wanted, $name;
}

is sealed_by('demo'), 'demo', 'the first key';

# --- Good files -------------------------------------------------------------------------------------------

set_key('other', 'demo');
set_token('demo', 'rotated');
is sealed_by('demo'), 'demo', 'a new file has no effect by itself';
ok $server->graceful, 'graceful' or diag $server->error;
becomes('other', 'then the new key seals', 'demo');
becomes('other', 'and the new token is taken', 'rotated');

set_key('ring1');
set_token('rotated');
ok $server->restart, 'restart' or diag $server->error;
becomes('ring1', 'again a new key', 'rotated');
becomes(403, 'and the old token is gone', 'demo');

# --- Bad files: an orderly reload is refused, a bare signal goes on with what it had --------------------------

sub goes_on ($name) {
    is sealed_by('rotated'), 'ring1', "$name: the old key and the old token go on";
    return;
}

my %BAD = (
    'a short key'   => sub () { write_secret("$FILES/key", substr $KEY{other}, 2) },
    'mode 0644'     => sub () { write_secret("$FILES/key", $KEY{other}, 0644) },
    'a long key'    => sub () { write_secret("$FILES/key", $KEY{other} . 'ab') },
    'an empty file' => sub () { write_secret("$FILES/key", '') },
    'no digits'     => sub () { write_secret("$FILES/key", 'x' x 64) },
    'a BOM'         => sub () { write_secret("$FILES/key", "\xef\xbb\xbf$KEY{other}\n") },
    'raw bytes'     => sub () { write_secret("$FILES/key", pack 'H*', $KEY{other}) },
    'too large'     => sub () { write_secret("$FILES/key", "# " . 'x' x 5000 . "\n$KEY{other}\n") },
    'an id twice'   => sub () { write_secret("$FILES/key", "a $KEY{other}\na $KEY{demo}\n") },
    'nine keys'     => sub () { write_secret("$FILES/key", join '', map { "k$_ " . sprintf("%064x", 7919 * $_ + 2**40) . "\n" } 1 .. 9) },
    'a pipe'        => sub () { unlink "$FILES/key"; mkfifo("$FILES/key", 0600) or die "mkfifo: $!" },
    'a directory'   => sub () { unlink "$FILES/key"; mkdir "$FILES/key", 0700 or die "mkdir: $!" },
    ($> == 0 ? ('another owner' => sub () { write_secret("$FILES/key", $KEY{other}); chown 65534, -1, "$FILES/key" }) : ()),
    'no key file'   => sub () { unlink "$FILES/key" },
    'no token file' => sub () { set_key('ring1'); unlink "$FILES/tokens" },
    'no tokens'     => sub () { set_key('ring1'); write_secret("$FILES/tokens", "# none\n") },
);
for my $name (sort keys %BAD) {
    $BAD{$name}->();
    ok !$server->graceful, "$name: graceful is refused";
    like $server->error, qr/EncGather(?:Key|AuthToken)File.*\Q$FILES\E/, "$name: with the name of the file";
    goes_on("$name, refused");
    for my $signal ('USR1', 'HUP') {
        my $generation = $server->generation;
        my $alerts     = () = $server->error_log =~ /\[encgather:alert\]/g;
        $server->signal($signal);
        ok $server->wait_for_generation($generation + 1), "$name: SIG$signal does not take the server down" or diag $server->error;
        goes_on("$name, SIG$signal");
        my $more = () = $server->error_log =~ /\[encgather:alert\]/g;
        cmp_ok $more, '>', $alerts, "$name: SIG$signal: an alert in the log";
    }
    rmdir "$FILES/key";
    set_token('rotated');
}

# --- A path that was never read before ----------------------------------------------------------------------------

set_key('ring1');
$server->configure(conf => $CONF . <<"CONF");
<Location /gather/never>
    EncGatherKeyFile "$FILES/never"
</Location>
<Location /gather/nor>
    EncGatherAuthTokenFile "$FILES/nor"
</Location>
CONF
my $generation = $server->generation;
$server->signal('USR1');
ok $server->wait_for_generation($generation + 1), 'files that never were: the server goes on' or diag $server->error;
goes_on('elsewhere');
becomes(500, 'no key there: 500', 'rotated', '/gather/never');
becomes(500, 'no tokens there: 500', 'rotated', '/gather/nor');

write_secret("$FILES/never", $KEY{ring2});
write_secret("$FILES/nor", $TOKEN{other});
ok $server->graceful, 'with the files it is well' or diag $server->error;
becomes('ring2', 'the new key', 'rotated', '/gather/never');
becomes('ring1', 'the new token', 'other', '/gather/nor');

# --- The module taken out, and back again: what it knew is over ------------------------------------------------------

my $module = $server->{module};
$server->configure(conf => '', module => undef);
ok $server->graceful, 'the module is taken out' or diag $server->error;
write_secret("$FILES/tokens", "$TOKEN{rotated}\n", 0644);
$server->configure(conf => $CONF, module => $module);
$generation = $server->generation;
$server->signal('USR1');
ok $server->wait_for_generation($generation + 1), 'it is back, and may not read its tokens: the server goes on' or diag $server->error;
becomes(500, 'but not with tokens of before it was taken out', 'rotated');
set_token('rotated');
ok $server->graceful, 'with a good file it is well' or diag $server->error;
becomes('ring1', 'the token is taken', 'rotated');

ok $server->stop, 'the server stops';
log_is_clean($server, qr/\[encgather:alert\].*EG01\d\d:/, qr/\[encgather:error\].*EG01\d\d:/, qr/EG03\d\d:/);
my $log = $server->error_log;
is_deeply [ grep { index($log, $_) >= 0 } map { $KEY{$_} } sort keys %KEY ], [], 'no key is in the log';
is_deeply [ grep { index($log, $_) >= 0 } map { $TOKEN{$_} } qw(demo rotated other) ], [], 'and no token';

finish();
