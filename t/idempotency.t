# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# Idempotency-Key: the same for a step that Twilio delivers twice, also where the key file was changed in between; it
# comes from the auth token that signed, and where nobody did, from the last key of the file.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use IO::Socket::INET;
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Test;

my $BACKEND_PORT = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
my ($CARD, $PIN) = @SECOND_ACCOUNT;
my $CALL         = 'CA' . '6' x 32;
my $TREE         = in_tree('private/idempotency');

sub conf () {
    return join '', <<"END_OF_CONF", map { "<Location /$_>\n    EncGatherSignature $_\n</Location>\n" } qw(on observe off);
EncGatherKeyFile "$TREE/keys"
EncGatherAuthTokenFile "$TREE/tokens"
<Location />
    SetHandler encrypted-gather
    EncGatherBackend http://127.0.0.1:$BACKEND_PORT/ok
</Location>
END_OF_CONF
}

my $server = private_server('idempotency', modules => [qw(proxy proxy_http)]);
my $HOST;

# Keys and tokens, each a list of names in their order.
sub has ($keys, $tokens) {
    unlink "$TREE/keys", "$TREE/tokens";
    write_secret("$TREE/keys",   join '', map { "$_ $KEY{$_}\n" } @$keys);
    write_secret("$TREE/tokens", join '', map { "$TOKEN{$_}\n" } @$tokens);
    return $server->graceful if $HOST;
    $server->configure(conf => conf());
    $server->start or BAIL_OUT('the private server does not start: ' . $server->error);
    return $HOST = '127.0.0.1:' . $server->port;
}

my $backend = EncGather::Backend->new(port => $BACKEND_PORT, record => "$TREE/backend-requests");
my $TARGET  = '?step=processData&encryptedCardDigits=' . seal($CARD, $KEY{ring1});

# The key that goes along with the last step at that location; token: who signs, as for post().
sub key_of ($location, $token = $TOKEN{demo}, $pin = $PIN) {
    $backend->forget;
    my $heard = post($HOST, "/$location$TARGET", [ CallSid => $CALL, Digits => $pin ], token => $token);
    like $heard->content, qr/AC12345678/, "$location: the caller hears the answer";
    my @requests = $backend->requests;
    my ($key)    = @{ $requests[0]{headers}{'idempotency-key'} || [''] };
    is scalar @requests, 1, "$location: one call of the backend";
    like $key, qr/\A[0-9a-f]{64}\z/, "$location: 64 hexadecimal digits";
    return $key;
}

ok has([qw(ring1 ring2)], ['demo']), 'two keys, one token';
my %signed   = map { $_ => key_of($_) } qw(on observe);
my %unsigned = map { $_ => key_of($_, undef) } qw(observe off);
my $forged   = key_of('observe', $TOKEN{other});
is key_of('on'), $signed{on}, 'F13 delivered twice: the same';
isnt key_of('on', $TOKEN{demo}, '0933'), $signed{on}, 'other digits: another';
isnt $unsigned{observe}, $signed{observe}, 'unsigned: another than by the token';
is $forged, $unsigned{observe}, 'a forged signature is none';

ok has([qw(demo ring1)], ['demo']), 'a new key in front, the last one taken out';
is key_of('on'), $signed{on}, 'signed: the same, whatever the key file is';
is key_of('observe'), $signed{observe}, 'so it is where a valid signature is observed';
isnt key_of('off', undef), $unsigned{off}, 'unsigned: by another last key it is another';

ok has([qw(demo ring1 ring2)], [qw(other demo)]), 'the old last key again; another token in front';
is key_of('off', undef), $unsigned{off}, 'unsigned: the last key counts, not the first';
is key_of('observe', undef), $unsigned{observe}, 'also where it is observed';
is key_of('on'), $signed{on}, 'signed: the token that fitted counts, not the first';
isnt key_of('on', $TOKEN{other}), $signed{on}, 'by another token it is another';

ok $server->stop, 'the server stops';
$backend->stop;
log_is_clean($server, qr/EG0303: /, qr/EG0110: /);
finish();
