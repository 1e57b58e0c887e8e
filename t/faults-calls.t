# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# The faults C, D and E of t/FAULTS.md: signatures that do not fit, tokens that are none, and what decrypt-gather is sent.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use Test::More;

use lib 't/lib';
use EncGather::Daemon qw(free_ports);
use EncGather::Faults;
use EncGather::Signature qw(form_encode signature);
use EncGather::Test;

my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
my $FOUND  = qq({"account":"$NUMBER","balance":"$BALANCE"});
my @CALL   = (CallSid => 'CA' . '4' x 32);
my $GATHER = '/gather';
my $LOOKUP = 'EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits';
remember($CARD, $PIN);

my $KEYS = in_tree('conf/keys');
my $DOCS = in_tree('private/faults-calls-docs');
my $OWN  = in_tree('private/faults-calls.db');
make_path("$DOCS/writable");
chmod 0755, $DOCS, "$DOCS/writable";
for my $file ([ 'page.shtml' => '[<!--#include virtual="/decrypt" -->]' ], [ 'writable/.htaccess' => 'SetHandler decrypt-gather' ], [ 'writable/x' => 'a file' ]) {
    open my $out, '>', "$DOCS/$file->[0]" or die "$DOCS/$file->[0]: $!";
    print {$out} "$file->[1]\n";
    close $out or die "$DOCS/$file->[0]: $!";
    chmod 0644, "$DOCS/$file->[0]";
}
system('cp', in_tree('conf/fragile.db'), $OWN) == 0 or die "$OWN is not made";
chmod 0644, $OWN;

my ($OWN_PORT, $NO_PORT) = free_ports(2);
my $one = EncGather::Faults->new('faults-calls', modules => [qw(rewrite include)], conf => <<"END_OF_CONF");
DocumentRoot "$DOCS"
<Directory "$DOCS">
    Options +Includes
    AllowOverride FileInfo
    Require all granted
    <Files "page.shtml">
        SetOutputFilter INCLUDES
    </Files>
</Directory>
RewriteEngine on
RewriteRule ^/old\$ /gather [PT]
<Location /ring>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherKeyFile "$KEYS/ring.key"
    $LOOKUP
</Location>
<Location /closed>
    SetHandler decrypt-gather
    EncGatherExpose on
    $LOOKUP
    Require all denied
</Location>
Listen 127.0.0.1:$OWN_PORT
<VirtualHost 127.0.0.1:$OWN_PORT>
    DBDParams "$OWN"
</VirtualHost>
Listen 127.0.0.1:$NO_PORT
<VirtualHost 127.0.0.1:$NO_PORT>
    DBDParams "$DOCS/there-is-no-such-directory/accounts.db"
</VirtualHost>
END_OF_CONF
my $HOST = $one->host;

sub webhook ($target, $pairs = \@CALL, %options) { return $one->webhook($target, $pairs, %options) }

sub text ($status, $result, %more) { return { text_error($status, $result, %more) } }
sub json ($status, $result, %more) { return { json_error($status, $result, %more) } }
sub asks (%more) { return { twiml_answer(qr/^asked/, %more) } }
sub found () { return { status => 200, type => 'application/json', cache => 'no-store', body => $FOUND, result => 'found', signature => 'unchecked' } }

my $DOES_NOT_FIT = qr/\[encgather:warn\].*EG0301: call \S+: refused, the X-Twilio-Signature does not fit/;
my $IS_MISSING   = qr/\[encgather:warn\].*EG0301: call \S+: refused, the X-Twilio-Signature is missing/;
my $NO_TOKEN     = qr/\[encgather:warn\].*EG0402: call \S+: the token of the field '\w+' is (?:not authentic|no token)/;
my $NO_DATABASE  = qr/\[encgather:error\].*EG0601: call \S+: /;

# --- C: signatures --------------------------------------------------------------------------------------------

my $ORIGIN = "http://$HOST";
my $GOOD   = signature($TOKEN{demo}, "$ORIGIN$GATHER", \@CALL);

sub refused ($name, $bytes, $verdict = 'invalid', $line = $verdict eq 'missing' ? $IS_MISSING : $DOES_NOT_FIT) {
    return $one->fault($name, $bytes, answer => text(403, 'forbidden', signature => $verdict), log => [$line]);
}

sub served ($name, $bytes) { return $one->fault($name, $bytes, answer => asks(signature => 'valid')) }

refused('C1 no signature', webhook($GATHER, \@CALL, token => undef), 'missing');
refused('C1 an empty one', webhook($GATHER, \@CALL, signature => ''), 'missing');
refused("C1 $$_[0]", webhook($GATHER, \@CALL, signature => $$_[1])) for
    [ 'one of zeros'          => 'A' x 27 . '=' ],
    [ 'one letter changed'    => $GOOD =~ s/\A(.)/$1 eq 'A' ? 'B' : 'A'/er ],
    [ 'a byte less'           => substr $GOOD, 1 ],
    [ 'without its padding'   => substr $GOOD, 0, 27 ],
    [ 'a byte more'           => "A$GOOD" ],
    [ 'a blank inside'        => substr($GOOD, 0, 14) . ' ' . substr($GOOD, 14) ],
    [ 'other spare bits'      => $GOOD =~ s/(.)=\z/chr(1 + ord $1) . '='/er ],
    [ 'the URL-safe alphabet' => 'A_-' . 'A' x 24 . '=' ],
    [ 'in small letters'      => lc $GOOD ],
    [ 'of another token'      => signature($TOKEN{other}, "$ORIGIN$GATHER", \@CALL) ],
    [ 'of the empty token'    => signature('', "$ORIGIN$GATHER", \@CALL) ],
    [ '4,000 letters'         => 'A' x 4000 ];
$one->fault('C1 one with a line end, folded', webhook($GATHER, \@CALL, signature => substr($GOOD, 0, 14) . "\r\n " . substr($GOOD, 14)),
    answer => text(403, 'forbidden', signature => 'invalid'), log => [$DOES_NOT_FIT]);

refused("C2 of $$_[0]", webhook(@$_[ 1, 2 ], signed_url => $$_[3])) for
    [ 'another path',      $GATHER,            \@CALL, "$ORIGIN/decrypt" ],
    [ 'another query',     "$GATHER?a=1",      \@CALL, "$ORIGIN$GATHER" ],
    [ 'a reordered query', "$GATHER?a=1&b=2",  \@CALL, "$ORIGIN$GATHER?b=2&a=1" ],
    [ 'another host',      $GATHER,            \@CALL, "http://example.com$GATHER" ];
refused('C2 of no parameters',     webhook($GATHER, \@CALL, signature => signature($TOKEN{demo}, "$ORIGIN$GATHER", [])));
refused('C2 of a parameter less',  webhook($GATHER, [ @CALL, a => 1 ], signature => $GOOD));
refused('C2 of another value',     webhook($GATHER, [ CallSid => 'CA5' ], signature => $GOOD));
refused('C2 of a GET with the parameters in its URL',
    webhook($GATHER, \@CALL, signature => signature($TOKEN{demo}, "$ORIGIN$GATHER?" . form_encode(@CALL))));

# One search for a cause in a second: each waits for its turn.
sub advised ($name, $bytes, $advice) {
    select undef, undef, undef, 1.1;
    return refused($name, $bytes, 'invalid', qr/EG0301: call \S+: refused, the X-Twilio-Signature does not fit; $advice/);
}
advised('C3 TLS ends in front of this server', webhook($GATHER, \@CALL, host => 'ivr.example.com', signed_url => "https://ivr.example.com$GATHER"),
    qr{.*other scheme.*set EncGatherPublicURL https://ivr\.example\.com$});
advised('C5 a proxy that nobody trusts says https',
    webhook($GATHER, \@CALL, signed_url => "https://ivr.example.com$GATHER", headers => [ 'X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => 'ivr.example.com' ]),
    qr{.*a proxy says.*set EncGatherPublicURL https://ivr\.example\.com$});
refused('C5 nor any other of its headers', webhook($GATHER, \@CALL, signed_url => "https://example.com$GATHER",
    headers => [ Forwarded => 'proto=https;host=example.com', 'X-Original-URL' => "https://example.com$GATHER", 'X-Forwarded-Port' => 443 ]));

served("C4 Host $$_[0], signed $$_[1]", webhook($GATHER, \@CALL, host => $$_[0], signed_url => "$$_[1]$GATHER")) for
    [ 'h.test:8080', 'http://h.test:8080' ], [ 'h.test:8080', 'http://h.test' ], [ 'h.test:8080', 'http://h.test:80' ],
    [ 'h.test', 'http://h.test:80' ], [ 'H.Test', 'http://H.Test' ], [ '[::1]:8080', 'http://[::1]' ];
refused("C4 Host $$_[0], signed $$_[1]", webhook($GATHER, \@CALL, host => $$_[0], signed_url => "$$_[1]$GATHER")) for
    [ 'h.test:8080', 'http://h.test:443' ], [ 'H.Test', 'http://h.test' ], [ 'h.test', 'http://user:pass@h.test' ];
refused('C4 a slash more', webhook($GATHER, \@CALL, signed_url => "$ORIGIN$GATHER/"));
served('C4 escapes as they were sent', webhook("$GATHER/%c3%BC?q=%7e", \@CALL));
refused('C4 escapes in other letters', webhook("$GATHER/%c3%BC?q=%7e", \@CALL, signed_url => "$ORIGIN$GATHER/%C3%BC?q=%7E"));
served('C6 the path is rewritten: signed as it was', webhook('/old', \@CALL));
refused('C6 the path is rewritten: signed as it became', webhook('/old', \@CALL, signed_url => "$ORIGIN$GATHER"));
served('C7 the token before its rotation', webhook($GATHER, \@CALL, token => $TOKEN{rotated}));
served('C7 the token of the account', webhook($GATHER, [ @CALL, AccountSid => $ACCOUNT_SID ], token => $TOKEN{account}));
refused('C7 the token of the account, for another', webhook($GATHER, [ @CALL, AccountSid => 'AC' . '1' x 32 ], token => $TOKEN{account}));
{
    my $again = webhook("$GATHER?step=getPin", [ @CALL, Digits => $CARD ]);
    served('C8 a signed request', $again);
    served('C8 the same once more: it asks the same', $again);
}

# --- D: tokens ------------------------------------------------------------------------------------------------

my ($card, $pin) = (seal($CARD), seal($PIN));

sub asked ($card_token, $pin_token = $pin, $path = '/decrypt') {
    return decrypt($HOST, $path, { encryptedCardDigits => $card_token, encryptedPinDigits => $pin_token }, unsent => 1) =~ s/^Connection: close\r\n//mr;
}

sub bad_token ($name, $bytes) {
    return $one->fault($name, $bytes, answer => json(400, 'bad-token', body => '{"error":"bad token"}'), log => [$NO_TOKEN]);
}

my %NO_FORM = ('four digits' => '2222', 'half a byte less' => substr($card, 1), 'a letter g' => 'g' . substr($card, 1), '0x before' => "0x$card",
    'a blank inside' => substr($card, 0, 24) . ' ' . substr($card, 24), 'base64' => 'AAECAwQFBgcICQoLdjDlL+cuI2ac+9+HLNyDpHCwFL8=');
bad_token("D1 $_, at decrypt-gather", asked($NO_FORM{$_})) for sort keys %NO_FORM;
$one->fault("D1 $$_[0], at the webhook", webhook("$GATHER?step=processData&encryptedCardDigits=$$_[1]", [ @CALL, Digits => $PIN ]),
    answer => text(400, 'malformed', signature => 'valid')) for
    (map { my $token = $NO_FORM{$_}; [ $_ => $token =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger ] } sort keys %NO_FORM), [ 'nothing' => '' ],
    [ 'markup' => '%22%3E%3CDial%3E' ];
bad_token("D2 cut to $_ bytes", asked(substr $card, 0, 2 * $_)) for 0, 1, 12, 16, 20, 24, 27, 31;
$one->fault('D2 cut to 27 bytes, at the webhook', webhook("$GATHER?step=processData&encryptedCardDigits=" . substr($card, 0, 54), [ @CALL, Digits => $PIN ]),
    answer => text(400, 'malformed', signature => 'valid'));
{
    my $seen = sub ($response) { return join ' ', $response->code, $response->content };
    my @other;
    $one->fault('D3 each bit of a token flipped', sub () {
        for my $bit (0 .. 255) {
            my $bytes = pack 'H*', $card;
            vec($bytes, $bit, 1) ^= 1;
            my ($response) = $one->exchange(asked(unpack 'H*', $bytes));
            push @other, $bit if $seen->($response) ne '400 {"error":"bad token"}';
        }
        return;
    }, log => [ ($NO_TOKEN) x 256 ]);
    is_deeply \@other, [], 'D3 each bit of a token flipped: 256 times the same answer';
}
$one->fault('D4 card and PIN swapped: nobody', asked($pin, $card), answer => json(404, 'not-found'));
$one->fault('D4 the token of another call: as good as any', asked(seal($CARD)), answer => found());
bad_token('D5 a key that is not there', asked(seal($CARD, $KEY{removed})));
bad_token('D5 a key that was taken out of a ring', asked(seal($CARD, $KEY{removed}), seal($PIN, $KEY{ring1}), '/ring'));
$one->fault('D5 the second key of a ring', asked(seal($CARD, $KEY{ring2}), seal($PIN, $KEY{ring1}), '/ring'), answer => found());
$one->fault('D5 a key that is not there: what the caller hears',
    webhook("$GATHER?step=processData&encryptedCardDigits=" . seal($CARD, $KEY{removed}), [ @CALL, Digits => $PIN ]),
    answer => { twiml_answer('unavailable', signature => 'valid') }, log => [ $NO_TOKEN, qr/\[encgather:error\].*EG0501: call \S+: .* status 400; it was sent \{/ ]);
bad_token('D6 a token of 60,000 digits', asked('ab' x 30_000));
$one->fault('D6 a token of 70,000 digits', asked('ab' x 35_000), answer => json(413, 'too-large', connection => 'close'));
$one->fault('D6 a token of 9,000 digits in a URL', webhook("$GATHER?step=processData&encryptedCardDigits=" . 'ab' x 4500, [ @CALL, Digits => $PIN ]),
    answer => { httpd_error(414, type => qr{^text/html\b}) });
$one->fault('D6 a token of 8,000 digits in a URL', webhook("$GATHER?step=processData&encryptedCardDigits=" . 'ab' x 4000, [ @CALL, Digits => $PIN ]),
    answer => { twiml_answer('unavailable') }, log => [ $NO_TOKEN, qr/EG0501: call \S+: .* status 400; it was sent \{/ ]);
$one->fault("D7 the same token once more, $_", asked($card), answer => found()) for 'first', 'then';
$one->fault("D9 sealed by who has the key: $$_[0]", asked(seal($$_[1])), answer => json(404, 'not-found', body => '{"error":"not found"}')) for
    [ 'nothing' => '' ], [ 'three digits' => '041' ], [ 'a hundred digits' => $CARD x 25 ], [ 'SQL' => "0417' OR '1' = '1" ],
    [ 'percent signs' => '%s%' ], [ 'bytes that are no UTF-8' => "\xff\xfe" ];
$one->fault("D9 sealed by who has the key: $$_[0]", asked(seal($$_[1])), answer => json(400, 'bad-token', body => '{"error":"bad token"}'),
    log => [qr/\[encgather:warn\].*EG0402: call \S+: the token of the field '\w+' is authentic and has a NUL in it/]) for [ 'NUL behind' => "$CARD\0" ], [ 'NUL' => "\0" ];

# --- E: decrypt-gather ----------------------------------------------------------------------------------------

my $JSON = qq({"encryptedCardDigits":"$card","encryptedPinDigits":"$pin"});

sub sent ($body, %options) {
    return decrypt($HOST, $options{path} || '/decrypt', $body, %options, unsent => 1) =~ s/^Connection: close\r\n//mr;
}

sub malformed ($name, $body, %options) {
    my $log = delete $options{log} || [];
    return $one->fault($name, sent($body, %options), answer => json(400, 'malformed'), log => $log);
}
sub no_field ($why) { return [qr/\[encgather:info\].*EG0405: call -: EncGatherLookup asks for the field 'encryptedCardDigits', which $why/] }

malformed("E1 JSON: $$_[0]", $$_[1], log => no_field('did not come')) for [ 'nothing' => '' ], [ 'an empty object' => '{}' ];
malformed("E1 JSON: $$_[0]", $$_[1]) for
    [ 'blanks' => " \n" ], [ 'an array' => "[$JSON]" ], [ 'null' => 'null' ],
    [ 'a string' => '"x"' ], [ 'half of it' => substr $JSON, 0, 40 ], [ 'a trailing comma' => $JSON =~ s/\}\z/,}/r ],
    [ 'a comment' => "/* x */ $JSON" ], [ 'something behind' => "$JSON x" ], [ 'two objects' => "$JSON$JSON" ],
    [ 'a byte order mark' => "\xef\xbb\xbf$JSON" ], [ 'UTF-16' => join '', map { "$_\0" } split //, $JSON ],
    [ 'no UTF-8' => $JSON =~ s/\}\z/,"a":"\xff"}/r ], [ 'single quotes' => $JSON =~ tr/"/'/r ];
malformed("E2 JSON: $$_[0]", $$_[1]) for
    [ '10,000 levels' => '[' x 10_000 . ']' x 10_000 ], [ '10,000 levels in a member' => $JSON =~ s/\}\z/',"a":' . '{"a":' x 10_000 . '1' . '}' x 10_001/er ],
    [ 'a number beyond all' => $JSON =~ s/\}\z/,"a":1e999}/r ], [ 'a member twice' => $JSON =~ s/\}\z/,"encryptedCardDigits":"$card"}/r ],
    [ 'NUL in a token' => $JSON =~ s/$card/$card\\u0000/r ], [ 'NUL in a name' => $JSON =~ s/"encryptedCardDigits"/"encryptedCardDigits\\u0000"/r ],
    [ 'half a surrogate pair' => $JSON =~ s/\}\z/,"a":"\\ud800"}/r ], [ 'NUL as a byte' => "$JSON\0" ];
$one->fault('E2 ten megabytes', sent($JSON . ' ' x 10_000_000), answer => json(413, 'too-large', connection => 'close'));
malformed("E3 a token that is $$_[0]", $JSON =~ s/"$card"/$$_[1]/r, log => no_field('is no string')) for
    [ 'null' => 'null' ], [ 'a number' => '417' ], [ 'true' => 'true' ], [ 'an array' => qq(["$card"]) ], [ 'an object' => qq({"a":"$card"}) ];
malformed('E3 a token that is missing', qq({"encryptedPinDigits":"$pin"}), log => no_field('did not come'));
malformed('E3 a token that is twice in a form', form_encode(encryptedCardDigits => $card, encryptedCardDigits => $card, encryptedPinDigits => $pin),
    type => 'application/x-www-form-urlencoded', log => no_field('is there twice'));
$one->fault('E3 a body of another type', sent($JSON, type => 'text/plain'), answer => json(415, 'media-type'));
$one->fault('E4 closed to the network', sent($JSON, path => '/closed'), answer => { httpd_error(403) }, others => [qr/AH01630: client denied/]);
$one->fault('E4 not enabled, by an .htaccess', sent($JSON, path => '/writable/x'), answer => text(404, '-'),
    log => [qr/\[encgather:notice\].*EG0212: answered 404: SetHandler decrypt-gather without EncGatherLookup/]);
{
    # httpd's own page for a part that is missing, without a word of ours
    my $page = $one->fault('E4 as a part of a page (SSI)', sub () { request(GET => $HOST, '/page.shtml') }, others => [qr/\[include:error\]/]);
    like $page->content, qr/\A\[(?!.*(?:account|error")).*\]/s, 'E4 as a part of a page (SSI): nothing of the handler';
}
{
    my $own = "127.0.0.1:$OWN_PORT";
    my $sql = sub ($text) { system('sqlite3', '-batch', -cmd => '.timeout 10000', $OWN, $text) == 0 or die "sqlite3: $text" };
    my $ask = sub () { return decrypt($own, '/decrypt', $JSON) };
    my %unavailable = (answer => json(500, 'unavailable', body => '{"error":"unavailable"}'), log => [$NO_DATABASE], others => [qr/\[dbd:error\]/]);
    $one->fault('E5 the database is there', $ask, answer => found());
    $sql->('ALTER TABLE accounts RENAME TO gone');
    $one->fault('E5 its table is gone', $ask, %unavailable);
    $one->fault('E5 its table is gone: what the caller hears', sub () {
        post($own, "$GATHER?step=processData&encryptedCardDigits=$card", [ @CALL, Digits => $PIN ]);
    }, %unavailable, answer => { twiml_answer('unavailable') }, log => [ $NO_DATABASE, qr/EG0501: call \S+: .* status 500/ ]);
    $sql->('ALTER TABLE gone RENAME TO accounts');
    $one->fault('E5 its table is back', $ask, answer => found());
    $one->fault('E5 a database that cannot be opened', sub () { decrypt("127.0.0.1:$NO_PORT", '/decrypt', $JSON) }, %unavailable,
        others => [qr/\[dbd:(?:error|crit)\]/]);
}
$one->fault("E6 $$_[0]", asked(map { seal($_) } @$_[ 1, 2 ]), answer => json(404, 'not-found', body => '{"error":"not found"}')) for
    [ 'nobody has that card' => '0000', $PIN ], [ 'nobody has that PIN' => $CARD, '0933' ];

$one->finish_faults;
finish();
