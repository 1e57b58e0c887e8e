#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# decrypt-gather of the same server as the backend gets and gives objects, not text: the caller hears the same.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Test;

my ($CARD, $PIN, $WRONG) = qw(1234 4321 9999);
my $KEYS = in_tree('conf/keys');
remember($CARD, $PIN, $WRONG);

sub pair ($name, @more) {
    return join "\n", "<Location /gather/$name>", 'SetHandler encrypted-gather', "EncGatherBackend /decrypt/$name", '</Location>',
        "<Location /decrypt/$name>", 'SetHandler decrypt-gather', 'EncGatherExpose on', @more,
        'EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits',
        '</Location>', '';
}

my $server = private_server('inprocess', conf => join "\n",
    'DBDriver sqlite3', 'DBDParams "' . in_tree('conf/accounts.db') . '"',
    "EncGatherKeyFile $KEYS/demo.key", "EncGatherAuthTokenFile $KEYS/auth-tokens",
    pair('plain'),
    pair('small', 'EncGatherMaxBody 10'),
    pair('otherkey', "EncGatherKeyFile $KEYS/other.key"));
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;

sub last_step ($name, $pin = $PIN) {
    return post($HOST, "/gather/$name?step=processData&encryptedCardDigits=" . seal($CARD), [ CallSid => "CA$name", Digits => $pin ]);
}

sub words ($response) { return join ' ', said($response) }

like words(last_step('plain')), qr/AC12345678.*12\.55/, 'objects are handed over';
like words(last_step('small')), qr/AC12345678.*12\.55/, 'where there is no body, none is too large';
like words(last_step('plain', $WRONG)), qr/could not find/, 'a caller who is not known';
like words(last_step('plain')), qr/AC12345678/, 'the next one, who is';
like words(last_step('otherkey')), qr/cannot look up/, 'a token that its key does not open';

ok $server->stop, 'the server stops';
log_is_clean($server, qr/EG0402: call CAotherkey: /, qr/EG0501: call CAotherkey: .* status 400/);

finish();
