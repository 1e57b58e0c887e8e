# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# Twilio's SharedKeys beside auth tokens, each kind for its own requests alone; and handshakes of WebSockets.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use JSON::PP ();
use Test::More;

use lib 't/lib';
use EncGather::Files qw(slurp);
use EncGather::Signature qw(signature signature_sha256 form_encode body_sha256);
use EncGather::Test;

my $TREE     = in_tree('private/sharedkeys');
my $SETTINGS = 'X-Twilio-Webhooks-Signature-Settings';
my $VECTORS  = JSON::PP->new->decode(slurp('t/vectors/twilio.json'));
my $KEY      = 'webhooks_sharedkey_00000000000000000000000001';
my $SECRET   = 'toySharedKeySecret0123456789';
my $AUTH     = '0123456789abcdef0123456789abcdef';

my $server = private_server('sharedkeys', modules => [qw(rewrite headers)], conf => <<"END_OF_CONF");
ServerName https://ivr.example.com
UseCanonicalName off
EncGatherAuthTokenFile "$TREE/both"
Header always set X-Verdict "%{ENCGATHER_SIGNATURE}e"
<LocationMatch "^/(?!gather)">
    Require twilio-signature
    RewriteEngine on
    RewriteRule ^ - [R=204,L]
</LocationMatch>
<Location "/tokens">
    EncGatherAuthTokenFile "$TREE/tokens"
</Location>
<Location "/keys">
    EncGatherAuthTokenFile "$TREE/keys"
</Location>
<Location "/prefixed">
    EncGatherPublicURL http://ivr.example.com:8080/tel
</Location>
<Location "/gather">
    SetHandler encrypted-gather
    EncGatherKeyFile "$TREE/key"
    EncGatherBackend /nowhere
</Location>
END_OF_CONF
mkdir $TREE, 0755;
write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/both",   "$AUTH\n$KEY $SECRET\nwebhooks_sharedkey_1 before\nwebhooks_sharedkey_1 $SECRET\nwebhooks_sharedkey_2 another\n");
write_secret("$TREE/tokens", "$AUTH\n$SECRET\n");
write_secret("$TREE/keys",   "$KEY $SECRET\nwebhooks_sharedkey_3 $AUTH\n");
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;

sub verdict ($response) { return $response->code . ' ' . ($response->header('X-Verdict') // '-') }

# --- Vectors ------------------------------------------------------------------------------------------------

sub of_vector ($vector) {
    my ($host, $target) = $vector->{url} =~ m{\Ahttps://([^/]+)(.*)\z}s;
    my @body = $vector->{method} eq 'GET' ? () : (body => $vector->{body});
    return request($vector->{method}, $HOST, $target, host => $host, headers => [ %{ $vector->{headers} } ], @body);
}

is scalar @$VECTORS, 24, 'so many vectors';
for my $vector (@$VECTORS) {
    is verdict(of_vector($vector)), $vector->{expect} eq 'valid' ? '204 valid' : '403 invalid', "$vector->{id}: $vector->{why}";
}

# --- What the settings header says --------------------------------------------------------------------------

my @PAIRS = (CallSid => 'CA' . '5' x 32, AccountSid => 'AC' . '1' x 32, Note => "K\xc3\xb6ln + 1");
my %MAC   = (sha1 => \&signature, sha256 => \&signature_sha256);

sub shared ($mac, $secret, $path, @settings) {
    my $signature = $MAC{$mac}->($secret, "https://ivr.example.com$path", \@PAIRS);
    return verdict(post($HOST, $path, \@PAIRS, host => 'ivr.example.com', signature => $signature,
        headers => [ map { ($SETTINGS => $_) } @settings ]));
}

my $GOOD = "key=$KEY,algorithm=HMAC_SHA256";
for my $case (
    [ 'as Twilio sends it'                    => sha256 => $SECRET, 1, $GOOD ],
    [ 'the other way round, with blanks'      => sha256 => $SECRET, 1, " algorithm =\tHmac_Sha256 , key = $KEY " ],
    [ 'with more in it'                       => sha256 => $SECRET, 1, "v=2,$GOOD,,more" ],
    [ 'no key named: any'                     => sha256 => 'another', 1, 'algorithm=HMAC_SHA256' ],
    [ 'an empty name: any'                    => sha256 => 'another', 1, 'key=,algorithm=HMAC_SHA256' ],
    [ 'an empty header: any, by SHA-1'        => sha1   => 'another', 1, '' ],
    [ 'one name on two lines: the first'      => sha1   => 'before', 1, 'key=webhooks_sharedkey_1' ],
    [ 'one name on two lines: the second'     => sha1   => $SECRET, 1, 'key=webhooks_sharedkey_1' ],
    [ 'by another key than it names'          => sha256 => 'another', 0, $GOOD ],
    [ 'a name without its front'              => sha256 => $SECRET, 0, 'key=00000000000000000000000001,algorithm=HMAC_SHA256' ],
    [ 'a name in capitals'                    => sha256 => $SECRET, 0, "key=\U$KEY\E,algorithm=HMAC_SHA256" ],
    [ 'a longer name'                         => sha256 => $SECRET, 0, "key=${KEY}2,algorithm=HMAC_SHA256" ],
    [ 'by SHA-1 while it says SHA-256'        => sha1   => $SECRET, 0, $GOOD ],
    [ 'by SHA-256 while it says nothing'      => sha256 => $SECRET, 0, "key=$KEY" ],
    [ 'an algorithm that nobody knows'        => sha256 => $SECRET, 0, "key=$KEY,algorithm=HMAC_SHA512" ],
    [ 'by an auth token'                      => sha1   => $AUTH,   0, "key=$KEY" ],
    [ 'by an auth token, no key named'        => sha1   => $AUTH,   0, '' ],
    [ 'key= twice'                            => sha256 => $SECRET, 0, "$GOOD,key=$KEY" ],
    [ 'algorithm= twice'                      => sha256 => $SECRET, 0, "$GOOD,algorithm=HMAC_SHA256" ],
    [ 'two headers'                           => sha256 => $SECRET, 0, $GOOD, $GOOD ],
    [ 'two headers that name two keys'        => sha256 => $SECRET, 0, $GOOD, 'key=webhooks_sharedkey_2' ],
    # httpd hands on as one header what stands on several lines (RFC 9110, 5.3): without a word twice it is one
    [ 'the key on a line of its own'          => sha256 => $SECRET, 1, "key=$KEY", 'algorithm=HMAC_SHA256' ],
    [ 'no such header'                        => sha1   => $SECRET, 0 ],
    [ 'no such header, by SHA-256'            => sha256 => $SECRET, 0 ],
    [ 'no such header, by SHA-256, the token' => sha256 => $AUTH,   0 ],
    [ 'no such header, by an auth token'      => sha1   => $AUTH,   1 ],
) {
    my ($name, $mac, $secret, $fits, @settings) = @$case;
    is shared($mac, $secret, '/x?a=b', @settings), $fits ? '204 valid' : '403 invalid', "settings: $name";
}
{
    my $got = post($HOST, '/x', \@PAIRS, host => 'ivr.example.com', token => undef, headers => [ $SETTINGS => $GOOD ]);
    is verdict($got), '403 missing', 'settings: and no signature';
}

# --- A file without a line of the kind that is asked for ----------------------------------------------------

sub complaint_at ($path, $mac, $secret, @settings) {
    my $before = length $server->error_log;
    is shared($mac, $secret, $path, @settings), '403 invalid', "$path: refused";
    my ($line) = grep { /EG0302:/ } split /\n/, substr $server->error_log, $before;
    unlike $line // '', qr/\Q$SECRET\E|\Q$AUTH\E|\Q$KEY\E/, "$path: no secret and no name in the log";
    return $line // '';
}

like complaint_at('/tokens/x', sha256 => $SECRET, $GOOD), qr/does not fit; it is of a SharedKey, and the token file has none$/, 'which kind came';
like complaint_at('/tokens/x', sha1 => $SECRET, ''), qr/it is of a SharedKey, and the token file has none$/, 'with an empty header too';
like complaint_at('/keys/x', sha1 => $AUTH), qr/it is of an auth token, and the token file has SharedKeys alone$/, 'and the other way round';
like complaint_at('/keys/x', sha1 => $SECRET, 'key=webhooks_sharedkey_2'), qr/of a SharedKey that the token file does not have$/, 'another name';
like complaint_at('/keys/x', sha1 => $SECRET, 'algorithm=HMAC_MD5'), qr/an algorithm that is not known here$/, 'another algorithm';
like complaint_at('/keys/x', sha1 => $SECRET, "key=$KEY", "key=$KEY"), qr/\Q$SETTINGS\E came twice/, 'two headers';
is shared(sha256 => $SECRET, '/keys/x', $GOOD), '204 valid', 'SharedKeys alone are a token file too';
is shared(sha1 => $SECRET, '/tokens/x'), '204 valid', 'and the same word may be a token';

# --- At a handler, and the doctor ---------------------------------------------------------------------------

sub at_gather ($url, %options) {
    return post($HOST, '/gather', \@PAIRS, host => 'ivr.example.com', headers => [ $SETTINGS => $GOOD ],
        signature => signature_sha256($SECRET, $url, \@PAIRS), %options);
}

is at_gather('https://ivr.example.com/gather')->code,  200, 'encrypted-gather takes a SharedKey';
is at_gather('https://ivr.example.com/gather2')->code, 403, 'for this URL';
{
    select undef, undef, undef, 1.1;    # one search a second
    my $before = length $server->error_log;
    is at_gather('http://ivr.example.com/gather')->code, 403, 'another scheme';
    like substr($server->error_log, $before), qr{other scheme.*EncGatherPublicURL http://ivr\.example\.com\b}, 'the doctor knows SharedKeys';
}

# --- Handshakes of WebSockets -------------------------------------------------------------------------------

sub handshake ($target, $signed, %options) {
    my @upgrade = $options{upgrade} ? (Upgrade => $options{upgrade}, Connection => 'Upgrade') : ();
    return verdict(request($options{method} // 'GET', $HOST, $target, host => $options{host} // 'ivr.example.com',
        headers => [ @upgrade, 'X-Twilio-Signature' => signature($AUTH, $signed) ], $options{body} ? (body => '') : ()));
}

for my $case (
    [ '/ws',        'wss://ivr.example.com/ws',            1 ],
    [ '/ws',        'wss://ivr.example.com/ws/',           1 ],
    [ '/ws',        'wss://ivr.example.com:443/ws/',       1 ],
    [ '/ws',        'https://ivr.example.com/ws',          1 ],
    [ '/ws',        'https://ivr.example.com/ws/',         1 ],
    [ '/ws?a=b/c',  'wss://ivr.example.com/ws/?a=b/c',     1 ],
    [ '/ws?a=b/c',  'wss://ivr.example.com/ws?a=b/c',      1 ],
    [ '/ws?a=b',    'wss://ivr.example.com/ws?a=b/',       0 ],
    [ '/ws',        'wss://ivr.example.com/ws//',          0 ],
    [ '/ws/',       'wss://ivr.example.com/ws',            0 ],
    [ '/ws',        'ws://ivr.example.com/ws',             0 ],
    [ '/ws',        'wss://ivr.example.com:80/ws',         0 ],
    [ '/ws',        'wss://other.example.com/ws',          0 ],
    [ '/prefixed/x', 'ws://ivr.example.com/tel/prefixed/x/',       1 ],
    [ '/prefixed/x', 'ws://ivr.example.com:8080/tel/prefixed/x',   1 ],
    [ '/prefixed/x', 'http://ivr.example.com:80/tel/prefixed/x/',  1 ],
    [ '/prefixed/x', 'ws://ivr.example.com:443/tel/prefixed/x',    0 ],
    [ '/prefixed/x', 'wss://ivr.example.com/tel/prefixed/x',       0 ],
    [ '/prefixed/x', 'ws://ivr.example.com/prefixed/x',            0 ],
) {
    my ($target, $signed, $fits) = @$case;
    is handshake($target, $signed, upgrade => 'websocket'), $fits ? '204 valid' : '403 invalid', "handshake $target, signed $signed";
}
my $WSS = 'wss://ivr.example.com/ws';
is handshake('/ws', $WSS, upgrade => 'WebSocket'),      '204 valid',   'Upgrade has no case';
is handshake('/ws', $WSS, upgrade => 'h2c, websocket'), '204 valid',   'and may name others';
is handshake('/ws', $WSS, upgrade => 'websockets'),     '403 invalid', 'but one of them is it';
is handshake('/ws', $WSS),                              '403 invalid', 'a GET without Upgrade is none';
is handshake('/ws', 'https://ivr.example.com/ws/'),     '403 invalid', 'and has no slash more';
is handshake('/ws', $WSS, upgrade => 'websocket', method => 'POST', body => 1), '403 invalid', 'nor is a POST';
is handshake('/ws', $WSS, upgrade => 'websocket', method => 'HEAD'), '403 invalid', 'nor a HEAD';
{
    my $got = request(GET => $HOST, '/ws', host => 'ivr.example.com', headers => [ Upgrade => 'websocket', Connection => 'Upgrade',
        $SETTINGS => $GOOD, 'X-Twilio-Signature' => signature_sha256($SECRET, "$WSS/") ]);
    is verdict($got), '204 valid', 'a handshake by a SharedKey';
}

$server->stop;
log_is_clean($server, qr/EG0301:/, qr/EG0302:/, qr/authz_core:error/);
finish();
