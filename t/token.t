# SPDX-License-Identifier: Apache-2.0
# Tokens: what we seal opens elsewhere, what is sealed elsewhere opens here, and nothing else does.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Test;

my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
my $FOUND = qq({"account":"$NUMBER","balance":"$BALANCE"});
remember($CARD, $PIN);

sub ask_backend ($vhost, $card, $pin) {
    return decrypt($vhost, '/decrypt-gather', { encryptedCardDigits => $card, encryptedPinDigits => $pin });
}

sub finds ($name, $response, $body = $FOUND) {
    return answers($name, $response, status => 200, type => 'application/json', cache => 'no-store', body => $body,
        result => 'found', signature => 'unchecked');
}

# Everything that a client sees of an answer but the date.
sub seen ($response) {
    return $response->as_string =~ s{^(?:Date|Expires): .*\n}{}gmr;
}

# --- Sealed here, opened elsewhere --------------------------------------------------------------------

sub sealed ($vhost, $digits) {
    return token_in(post($vhost, '/encrypted-gather?step=getPin', [ Digits => $digits ]), 'encryptedCardDigits');
}

for my $digits ('0000', '9999', $CARD, $PIN) {
    is open_token(sealed('call', $digits)), $digits, "our token of $digits opens with another AES-GCM";
}

{
    my %seen;
    my @tokens = map { sealed('call', $CARD) } 1 .. 50;
    $seen{ substr $_, 0, 24 }++ for @tokens;
    is scalar keys %seen, 50, 'every token has a nonce of its own';
    is_deeply [ grep { open_token($_) ne $CARD } @tokens ], [], 'and they all hold the same digits';
}

# --- Sealed elsewhere, opened here --------------------------------------------------------------------

my ($card, $pin) = (seal($CARD), seal($PIN));
finds('tokens of another AES-GCM', ask_backend('call', $card, $pin));
finds('in capitals', ask_backend('call', uc $card, uc $pin));
finds('in both cases at once', ask_backend('call', (uc substr $card, 0, 32) . substr($card, 32), $pin));
finds('the vectors of the manual', ask_backend('vectors',
    '000102030405060708090a0b7630e52fe72e23669cfbdf872cdc83a470b014bf',
    '0c0d0e0f1011121314151617accd5be913918a24d4a6e56d28d319ead2f727be'),
    '{"account":"AC12345678","balance":"12.55"}');
is seal('1234', $KEY{vectors}, pack 'C*', 0 .. 11),
    '000102030405060708090a0b7630e52fe72e23669cfbdf872cdc83a470b014bf', 'which the judge makes the same way';

# --- A ring of keys -----------------------------------------------------------------------------------

{
    my $token = sealed('ring', $CARD);
    is open_token($token, $KEY{ring1}), $CARD, 'the first key of a ring encrypts';
    is open_token($token, $KEY{ring2}), undef, 'and no other';
    finds('all keys of a ring decrypt', ask_backend('ring', seal($CARD, $KEY{ring1}), seal($PIN, $KEY{ring2})));
    finds('in any order', ask_backend('ring', seal($CARD, $KEY{ring2}), seal($PIN, $KEY{ring1})));
}

# --- What is no token gets one answer -----------------------------------------------------------------

my $refused = ask_backend('call', seal($CARD, $KEY{removed}), $pin);
answers('a token of a key that is not there', $refused, json_error(400, 'bad-token', body => qr/\A\{"error":"bad token"\}\z/));
expect_log(qr/\[encgather:warn\].*EG04\d\d:/);

# One test for a whole list: the names of those that were answered otherwise.
sub all_refused ($name, %tokens) {
    my $wanted = seen($refused);
    my @other  = grep { seen(ask_backend('call', $tokens{$_}, $pin)) ne $wanted } sort keys %tokens;
    return is_deeply(\@other, [], "$name: " . keys(%tokens) . ' times the same answer');
}

sub flipped ($token, $bit) {
    my $bytes = pack 'H*', $token;
    vec($bytes, $bit, 1) ^= 1;
    return unpack 'H*', $bytes;
}

all_refused('each bit flipped', map { ("bit $_" => flipped($card, $_)) } 0 .. 255);
all_refused('cut at the end',   map { ("to $_" => substr $card, 0, $_) } 0 .. 63);
all_refused('cut at the front', map { ("by $_" => substr $card, $_) } 1 .. 63);
all_refused('other keys',       map { ($_ => seal($CARD, $KEY{$_})) } qw(other ring1 ring2 vectors));
all_refused('not of the form',
    'a byte more'      => $card . '00',
    'half a byte more' => $card . '0',
    'twice'            => $card x 2,
    'a blank before'   => " $card",
    'a blank after'    => "$card ",
    'a line end'       => "$card\n",
    'a blank inside'   => substr($card, 0, 24) . ' ' . substr($card, 24),
    '0x before'        => "0x$card",
    'a letter g'       => 'g' . substr($card, 1),
    'base64'           => 'AAECAwQFBgcICQoLdjDlL+cuI2ac+9+HLNyDpHCwFL8=',
    'the digits'       => $CARD,
    'zeros'            => '0' x 64,
    'UTF-8'            => "\xc3\xa9" x 32,
    'a colon'          => "demo:$card",
    'sixty thousand'   => 'ab' x 30_000,
);
{
    my @other = grep { seen(ask_backend('call', $card, $_)) ne seen($refused) }
        flipped($pin, 100), substr($pin, 2), '', seal($PIN, $KEY{other});
    is_deeply \@other, [], 'the second field is no different';
    is seen(ask_backend('call', flipped($card, 7), flipped($pin, 9))), seen($refused), 'nor are both at once';
    is seen(ask_backend('ring', seal($CARD, $KEY{removed}), seal($PIN, $KEY{ring1}))), seen($refused),
        'nor is a key that is no longer in the ring';
}

# --- Authentic, but nobody's ----------------------------------------------------------------------------

sub is_nobody ($name, $card_plain, $pin_plain) {
    return answers($name, ask_backend('call', seal($card_plain), seal($pin_plain)),
        json_error(404, 'not-found', body => '{"error":"not found"}'));
}

is_nobody('card and PIN swapped',         $PIN,                 $CARD);
is_nobody('another PIN',                  $CARD,                '0933');
is_nobody('no digits',                    '',                   '');
is_nobody('a hundred digits',             $CARD x 25,           $PIN);
is_nobody('SQL in the card',              "0417' OR '1' = '1",  $PIN);
is_nobody('SQL in the PIN',               $CARD,                "' OR ''='");
is_nobody('a percent sign',               '%',                  '%s');
is_nobody('bytes that are not UTF-8',     "\xff\xfe",           $PIN);
is_nobody('the same token for both',      $CARD,                $CARD);
answers('NUL in a decrypted field', ask_backend('call', seal("$CARD\0"), $pin), json_error(400, 'bad-token', body => '{"error":"bad token"}'));
answers('NUL alone', ask_backend('call', $card, seal("\0")), json_error(400, 'bad-token', body => '{"error":"bad token"}'));

# Nothing above has left a trace in the workers.
finds('the good tokens still', ask_backend('call', $card, $pin)) for 1 .. 3;

finish();
