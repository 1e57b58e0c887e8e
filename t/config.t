# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# What "httpd -t" says of good and bad configurations: directives, their places, key files and token files.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use POSIX qw(mkfifo);
use Test::More;

use lib 't/lib';
use EncGather::Jwe qw(make_pair);
use EncGather::Test;

my $server = private_server('config', modules => [qw(proxy proxy_http)]);
my $FILES  = in_tree('private/config/files');
mkdir $FILES, 0755 or die "$FILES: $!";
my $LOOKUP = 'EncGatherLookup "SELECT account FROM accounts WHERE card = %s" encryptedCardDigits';

sub configtest ($conf) {
    $server->configure(conf => $conf);
    return $server->configtest;
}

sub good ($name, $conf) {
    my ($rc, $output) = configtest($conf);
    my $ok = is($output, "Syntax OK\n", "good and silent: $name");
    return is($rc, 0, "good: $name") && $ok;
}

# Every pattern must be in one and the same line, besides httpd's own.
sub bad ($name, $conf, @patterns) {
    my ($rc, $output) = configtest($conf);
    my @lines = grep { my $line = $_; !grep { $line !~ $_ } @patterns } split /\n/, $output;
    my $ok = ok($rc != 0 && @lines == 1, "bad: $name") or diag("exit code $rc, patterns (@patterns), output:\n$output");
    return $output;
}

sub at ($path, @lines) { return join "\n", "<Location $path>", @lines, '</Location>', '' }

# --- Directives and their values ------------------------------------------------------------------------------

my $key    = write_secret("$FILES/good.key", "$KEY{demo}\n");
my $tokens = write_secret("$FILES/good-tokens", "$TOKEN{demo}\n");
my ($pair, $other_pair) = map { make_pair(p256 => "$FILES/$_") } qw(pair other-pair);

good('nothing at all', '');
good('everything in the main server', <<"CONF" . at('/a', 'SetHandler encrypted-gather', 'EncGatherBackend /b') . at('/b', $LOOKUP));
EncGatherKeyFile "$key"
EncGatherAuthTokenFile "$tokens"
EncGatherSignature on
EncGatherProvider SignalWire
EncGatherPublicURL https://ivr.example.com
EncGatherMaxBody 65536
EncGatherTokenFormat jwe
EncGatherTokenTTL 600
EncGatherRecipient e1 "$pair.pub"
EncGatherPrivateKeyFile e2 "$other_pair"
CONF
good('everything in a virtual host', "<VirtualHost *>\nEncGatherKeyFile $key\nEncGatherAuthTokenFile $tokens\nEncGatherSignature On\n"
    . "EncGatherPublicURL https://ivr.example.com:8443\nEncGatherMaxBody 1\nEncGatherTokenFormat jwe hex\nEncGatherTokenTTL 1\n"
    . "EncGatherRecipient e1 $pair.pub\nEncGatherPrivateKeyFile e2 $other_pair\n" . at('/a', 'EncGatherBackend /b') . "</VirtualHost>\n");
good('everything in a location', at('/a', "EncGatherKeyFile $key", "EncGatherAuthTokenFile $tokens", 'EncGatherSignature on',
    'EncGatherPublicURL http://localhost:1080', 'EncGatherMaxBody 16777216', 'EncGatherBackend https://backend.example.com/x?y=z', $LOOKUP,
    'EncGatherTokenFormat jwe', 'EncGatherTokenTTL 31536000', "EncGatherRecipient e1 $pair.pub", "EncGatherPrivateKeyFile e2 $other_pair"));
good('in a directory', "<Directory /srv>\nEncGatherKeyFile $key\nEncGatherBackend /b\n$LOOKUP\n</Directory>\n");
good('in LocationMatch', "<LocationMatch ^/x>\nEncGatherKeyFile $key\nEncGatherBackend /b\n$LOOKUP\n</LocationMatch>\n");
good('paths below ServerRoot', "EncGatherKeyFile files/good.key\nEncGatherAuthTokenFile files/good-tokens\n");
good('one file for many places', join '', map { at("/$_", "EncGatherKeyFile $key", "EncGatherAuthTokenFile $tokens") } 1 .. 50);
good("EncGatherPublicURL $_", "EncGatherPublicURL $_\n")
    for qw(https://a https://A.example.com https://192.0.2.1:8443 https://[2001:db8::1] https://[::1]:8443 http://localhost:1 https://a:65535
        https://a/ https://a/path https://a:8443/path/ https://[::1]/a/b.c/..d/~e/%41%2f https://a/@b:c;d=e);
good("EncGatherBackend $_", at('/a', "EncGatherBackend $_"))
    for qw(/ /decrypt-gather /a/b?c=d&e=%20 http://localhost http://127.0.0.1:8080/ https://[::1]:8443/x);
good('a query without an end', at('/b', q(EncGatherLookup "SELECT 'a%%b', x FROM t WHERE a = %s AND b = %s AND c = %s" )
    . 'encryptedCardDigits encryptedPinDigits encryptedCardDigits'));

my %BAD_VALUES = (
    EncGatherKeyFile       => [ '', '""', "$key $key" ],
    EncGatherAuthTokenFile => [ '', '""', "$tokens $tokens" ],
    EncGatherSignature     => [ '', '""', 'yes', 'true', '1', 'on off', 'offf' ],
    EncGatherPublicURL     => [ '', '""', 'ivr.example.com', 'https://', 'https://:443', 'ftp://a', 'https:/a', 'https://a//', 'https://a/b//c', 'https://a//b',
        'https://a/.', 'https://a/..', 'https://a/b/../c', 'https://a/./b', 'https://a/b/..', 'https://a/%2e%2E/b', 'https://a/.%2e', 'https://a/%2E/b',
        'https://a/b?c', 'https://a/?', 'https://a/b#c', 'https://user@a/b', 'https://user:pass@a/b', '"https://a/b c"', 'https://a/%', 'https://a/%4',
        'https://a/%zz', 'https://a/b<c', 'https://a/b\\c', "https://a/\xc3\xbc", 'https://a:x/b', 'https:///b', 'https://:1/b',
        'https://a?b', 'https://a#b', 'https://user:pass@a', 'https://a:0', 'https://a:65536', 'https://a:x', 'https://a:', '"https://a b"',
        'https://a https://b', 'httpss://a', 'https://a:443:443', '"https://a<b"' ],
    EncGatherProvider      => [ '', '""', 'vonage', 'twilio plivo', 'Twilio,', 'off', '" plivo"' ],
    EncGatherTokenFormat   => [ '', '""', 'jws', 'JWE', 'jwe jwe', 'hex hex', 'jwe,hex', 'on' ],
    EncGatherTokenTTL      => [ '', '""', '0', '-1', '31536001', '15m', '1.5', '0x10', '60 60', '" 60"' ],
    EncGatherRecipient     => [ '', '""', 'e1', "e:1 $pair.pub", "off $pair.pub", 'e1 ""', "e1 $pair.pub $pair.pub", 'k' x 65 . " $pair.pub", "e1 $pair" ],
    EncGatherPrivateKeyFile => [ '', '""', 'e1', "e:1 $pair", "off $pair", 'e1 ""', "e1 $pair $pair", 'k' x 65 . " $pair", "e1 $pair.pub" ],
    EncGatherMaxBody       => [ '', '""', '0', '-1', '16777217', '99999999999999999999', '64k', '1.5', '0x10', 'all', '1 2', '" 1"' ],
);
for my $directive (sort keys %BAD_VALUES) {
    bad("$directive $_", "$directive $_\n", qr/$directive/) for @{ $BAD_VALUES{$directive} };
}
bad("EncGatherBackend $_", at('/a', "EncGatherBackend $_"), qr/EncGatherBackend/)
    for '', '""', 'decrypt-gather', './b', 'ftp://a/b', 'file:///etc/passwd', 'https://', 'https:///b', 'http:/b', '"/a b"', '/a /b',
        'balancer://x/', 'unix:/run/s|http://a/', 'http://user:pass@a/', '/a#b';
bad("EncGatherLookup $_", at('/a', "EncGatherLookup $_"), qr/EncGatherLookup/)
    for '', '""', '"SELECT a FROM t WHERE b = %s"', '"SELECT a FROM t WHERE b = %s" encryptedCardDigits encryptedPinDigits',
        '"SELECT a FROM t WHERE b = %s AND c = %s" encryptedCardDigits', '"SELECT a FROM t" encryptedCardDigits',
        '"SELECT a FROM t WHERE b = %d" encryptedCardDigits', '"SELECT a FROM t WHERE b = %s" "card digits"',
        '"SELECT a FROM t WHERE b = %s" ""', '"SELECT a FROM t WHERE b = \'%%s\'" encryptedCardDigits';

# --- A provider and what it does not take ----------------------------------------------------------------------------

my %SECRET = (telnyx => '6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=', plivo => 'p' x 40, signalwire => 'PSK_' . 'k' x 24, twilio => $TOKEN{demo});
my %secret = map { $_ => write_secret("$FILES/secret-$_", "$SECRET{$_}\n") } keys %SECRET;

sub calls_of ($provider, @more) {
    return at('/a', 'SetHandler encrypted-gather', "EncGatherKeyFile $key", "EncGatherAuthTokenFile $secret{$provider}", "EncGatherProvider $provider", 'EncGatherBackend /b', @more);
}

good("EncGatherProvider $_", calls_of($_)) for sort keys %SECRET;
good("EncGatherProvider plivo, voice $_", calls_of('plivo', "EncGatherVoice $_ en-US", "EncGatherField a voice=$_ say=x")) for qw(MAN WOMAN Polly.Joanna);
for my $voice (qw(alice man Polly. Polly Polly.a.b polly.Joanna woman Google.en-US-A)) {
    bad("EncGatherProvider plivo, voice $voice", calls_of('plivo', "EncGatherVoice $voice"), qr/EG0147/, qr/EncGatherVoice has voice '\Q$voice\E', and Plivo takes MAN, WOMAN or Polly/);
    bad("EncGatherProvider plivo, voice=$voice of a field", calls_of('plivo', "EncGatherField a voice=$voice say=x"), qr/EG0147/, qr/EncGatherField a has voice '\Q$voice\E'/);
}
good("other providers take any: $_", calls_of($_, 'EncGatherVoice alice')) for qw(twilio signalwire telnyx);
bad("EncGatherProvider plivo, timeout=$_", calls_of('plivo', "EncGatherField a timeout=$_ say=x"), qr/EG0147/, qr/Plivo takes 5 to 60 seconds/) for 4, 61;
bad('EncGatherProvider telnyx, timeout=121', calls_of('telnyx', 'EncGatherField a timeout=121 say=x'), qr/EG0147/, qr/Telnyx takes 1 to 120 seconds/);
good('at the limits', calls_of('plivo', 'EncGatherField a timeout=5 say=x', 'EncGatherField b timeout=60 say=x') . at('/c', 'EncGatherProvider telnyx', "EncGatherAuthTokenFile $secret{telnyx}", 'EncGatherField a timeout=120 say=x'));
bad('Telnyx without a key file', calls_of('telnyx') =~ s/EncGatherKeyFile .*\n//r, qr/EG0147/, qr/without an EncGatherKeyFile/);
bad('Telnyx without a key file, beside a recipient', calls_of('telnyx', "EncGatherRecipient e1 $pair.pub") =~ s/EncGatherKeyFile .*\n//r, qr/EG0147/, qr/without an EncGatherKeyFile/);
for my $name (qw(jambonz freeclimb standardwebhooks)) {
    bad("a handler for $name", at('/a', 'SetHandler encrypted-gather', "EncGatherKeyFile $key", 'EncGatherBackend /b', "EncGatherProvider $name"), qr/EG0147/, qr/is for "Require webhook-signature" alone/);
}
good('one that only guards', at('/a', 'EncGatherProvider jambonz', "EncGatherAuthTokenFile $secret{plivo}", 'Require webhook-signature'));
bad('Require twilio-signature for another', at('/a', 'EncGatherProvider plivo', "EncGatherAuthTokenFile $secret{plivo}", 'Require twilio-signature'), qr/EG0147/, qr/"Require twilio-signature" means Twilio's/);
bad("EncGatherForward $_", calls_of('plivo', "EncGatherForward From $_"), qr/EncGatherForward/, qr/never hands Digits/) for qw(Digits SpeechResult Speech);
bad('Require webhook-signature with an argument', at('/a', 'Require webhook-signature x'), qr/"Require webhook-signature" takes no arguments/);

# Each: what is wrong with the secret, provider, line of the file, what is said; in a section that does nothing else, too.
my %SMALL = (order_1 => 'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', order_4 => 'A' x 43 . '=', order_8 => 'xxdqcD1N2E+6PAt2DRBnDyogU/osOczGTsf9d5KsA3o=');
for my $case (
    [ 'an account at Plivo', plivo => "MA1 $SECRET{plivo}", qr/has an account in front/ ],
    (map { [ "a SharedKey at $_", $_ => "webhooks_sharedkey_1 $SECRET{plivo}", qr/is a SharedKey, which only Twilio has/ ] } qw(signalwire telnyx plivo jambonz freeclimb standardwebhooks)),
    [ 'a key without its =', telnyx => $SECRET{telnyx} =~ s/=//r, qr/44 characters of base64/ ],
    [ 'a key of 31 bytes', telnyx => 'A' x 40 . 'AA==', qr/44 characters of base64/ ],
    [ 'a key in hexadecimal', telnyx => 'ea' x 32, qr/44 characters of base64/ ],
    [ 'a key with bits that no byte uses', telnyx => $SECRET{telnyx} =~ s/w=/x=/r, qr/44 characters of base64/ ],
    (map { [ "a key of small order: $_", telnyx => $SMALL{$_}, qr/small order/ ] } sort keys %SMALL),
    [ 'no base64', standardwebhooks => 'whsec_a_b', qr/no secret of Standard Webhooks/ ],
    [ 'the second line', telnyx => "$SECRET{telnyx}\n# a comment\n$TOKEN{demo}", qr/line 2 of those that are no comment/ ],
) {
    my ($name, $provider, $content, $says) = @$case;
    my $file   = write_secret("$FILES/wrong-secret", "$content\n");
    my $output = bad("EncGatherProvider $provider: $name", at('/a', "EncGatherProvider $provider", "EncGatherAuthTokenFile $file"), qr/EG0147/, qr/EncGatherProvider $provider: of EncGatherAuthTokenFile '\Q$file\E'/, $says);
    is_deeply [ grep { length > 20 && index($output, $_) >= 0 } split ' ', $content ], [], '... and shows nothing of it';
}

# --- Shields ----------------------------------------------------------------------------------------------------------

bad("EncGatherShield $_", at('/a', "EncGatherShield $_"), qr/EncGatherShield/)
    for '', '""', 'observe', 'Digits=', 'Digits=0', 'Digits=4097', 'Digits=19-13', 'Digits=4-', 'Digits:', 'Digits=4x', 'a&b', '"a b"', ':card', '=4',
        'bodySHA256', 'sig', 'Digits Digits', 'Digits=1-4 Digits=4-5', 'off Digits=', join(' ', map { "n$_" } 1 .. 65);
bad('EncGatherShield: observe in one line of two', at('/a', 'EncGatherShield observe a', 'EncGatherShield b'), qr/EncGatherShield: .*observe/);
bad("EncGatherResign $_", at('/a', "EncGatherResign $_"), qr/EncGatherResign/) for '', 'maybe';
my @FILES_OF_SHIELD = ("EncGatherKeyFile $key", "EncGatherAuthTokenFile $tokens");
good("EncGatherShield $_", at('/a', "EncGatherShield $_", @FILES_OF_SHIELD))
    for 'Digits', 'observe Digits=4', 'Digits=13-19:card Digits=3-4:code SpeechResult', 'off', 'a[b][]', 'Digits=1-4096:x', 'CallUUID', 'AccountSid';
good('EncGatherShield and EncGatherResign', at('/a', @FILES_OF_SHIELD, 'EncGatherShield a', 'EncGatherShield b', 'EncGatherShield off', 'EncGatherShield observe c', 'EncGatherResign on'));
bad("a shield that cannot be: $_->[0]", at('/a', 'EncGatherShield Digits', @{ $_->[1] }), qr/EG0150: <Location \/a> \(line \d+ of \S+\): /, $_->[2])
    for [ 'a handler of ours', [ 'SetHandler Encrypted-Gather', 'EncGatherBackend /b', "EncGatherKeyFile $key", "EncGatherAuthTokenFile $tokens" ], qr/SetHandler/ ],
        [ 'the call', ['EncGatherShield CallSid'], qr/CallSid/ ],
        [ "the call of another provider", [ 'EncGatherShield CallUUID', 'EncGatherProvider plivo' ], qr/CallUUID/ ],
        [ 'a provider without one', ['EncGatherProvider jambonz'], qr/jambonz/ ],
        [ 'a provider that signs alone', [ 'EncGatherProvider telnyx', 'EncGatherResign on' ], qr/EncGatherResign: Telnyx/ ],
        [ 'hex, and a recipient', [ 'EncGatherTokenFormat hex', "EncGatherRecipient e1 $pair.pub" ], qr/EncGatherTokenFormat makes hex/ ];
bad("EncGatherResign for $_->[0]", at('/a', 'EncGatherResign on', "EncGatherProvider $_->[0]"), qr/EG0150: .*EncGatherResign/, $_->[1])
    for [ jambonz => qr/jambonz/ ], [ telnyx => qr/Telnyx/ ];
{
    my $public = write_secret("$FILES/telnyx-key", '6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=' . "\n");
    good('a shield for Telnyx, which is not signed anew', at('/a', 'EncGatherShield Digits', 'EncGatherProvider telnyx', $FILES_OF_SHIELD[0], "EncGatherAuthTokenFile $public"));
    my ($rc, $output) = configtest(at('/a', 'EncGatherShield Digits') . at('/b', 'EncGatherShield observe Digits', 'EncGatherSignature observe') . at('/c', 'EncGatherShield off')
        . at('/d', 'EncGatherShield Digits', "EncGatherRecipient e1 $pair.pub"));
    is_deeply [ $output =~ /EG0152: EncGatherShield in (<Location .*?>) .*there is (no .*?) for it/g ],
        [ '<Location /a>', 'no EncGatherKeyFile, no EncGatherAuthTokenFile', '<Location /d>', 'no EncGatherAuthTokenFile' ], 'a shield that lacks something: a warning for each';
}
{
    my ($rc, $output) = configtest(at('/a', @FILES_OF_SHIELD, 'EncGatherShield Digits 12-19', 'EncGatherShield Pin, Code:4') . at('/a/b', 'EncGatherResign on') . at('/c', @FILES_OF_SHIELD, 'EncGatherShield Digits=12-19:card p1,2'));
    is_deeply [ $output =~ /EG0165: (<Location .*?>) .*shields a parameter '(.*?)', which .*(comma|length)/g ],
        [ '<Location /a>', '12-19', 'length', '<Location /a>', 'Pin,', 'comma', '<Location /a>', 'Code', 'length' ], 'names that are hardly meant as such: a warning for each';
    is $rc, 0, 'and no more';
}
good('a shield taken off where a handler is', at('/a', 'EncGatherShield Digits', @FILES_OF_SHIELD) . at('/a/b', 'EncGatherShield off', 'SetHandler encgather-status'));
{
    my ($rc, $output) = configtest("EncGatherRedact off\n" . at('/a', 'EncGatherShield Digits'));
    is $rc, 0, 'EncGatherRedact off beside a shield: a warning';
    like $output, qr/EG0151: EncGatherRedact is off in 127\.0\.0\.1, .*masked/, 'that says what is masked all the same';
}

bad("EncGatherReveal $_", at('/a', "EncGatherKeyFile $key", "EncGatherReveal $_"), qr/EncGatherReveal/)
    for '', '""', '=card', 'card=', '/', '/a/', '/a~2b', '/a~', '/~=x', 'card card', 'card /card', '/a~1b=x "/a~1b=y"', "a\xff", "card=\xff", 'off card=', join(' ', map { "n$_" } 1 .. 63);
good("EncGatherReveal $_", at('/a', "EncGatherKeyFile $key", "EncGatherReveal $_"))
    for 'card', 'card=number pin', '/payment/source/number=card /list/0', '/a/=x', '/=x', '"two words=card"', 'off', 'a[b][]', 'card=a=b', join(' ', map { "n$_" } 1 .. 62);
good('EncGatherReveal off, and on again', at('/a', "EncGatherKeyFile $key", 'EncGatherReveal a', 'EncGatherReveal b', 'EncGatherReveal off', 'EncGatherReveal a'));
good('EncGatherReveal with a private key alone', at('/a', "EncGatherPrivateKeyFile e2 $other_pair", 'EncGatherReveal a'));
bad("a reveal that cannot be: $_->[0]", at('/a', 'EncGatherReveal card', @{ $_->[1] }), qr/EG0155: <Location \/a> \(line \d+ of \S+\): /, $_->[2])
    for [ 'a handler of ours', [ 'SetHandler Decrypt-Gather', "EncGatherKeyFile $key", $LOOKUP ], qr/SetHandler/ ],
        [ 'a shield', [ "EncGatherKeyFile $key", "EncGatherAuthTokenFile $tokens", 'EncGatherShield Digits' ], qr/EncGatherShield and EncGatherReveal/ ],
        [ 'no key', ['EncGatherPrivateKeyFile off'], qr/EncGatherKeyFile or EncGatherPrivateKeyFile/ ];
bad('a reveal inside of a shield', at('/a', "EncGatherKeyFile $key", "EncGatherAuthTokenFile $tokens", 'EncGatherShield Digits') . at('/a/b', 'EncGatherReveal card'), qr/EG0155: <Location \/a\/b> /);
good('a reveal where the shield is off', at('/a', "EncGatherKeyFile $key", "EncGatherAuthTokenFile $tokens", 'EncGatherShield Digits') . at('/a/b', 'EncGatherShield off', 'EncGatherReveal card'));
good('a key that may come from another section', at('/a', 'EncGatherReveal card') . "<LocationMatch ^/>\nEncGatherKeyFile $key\n</LocationMatch>\n");

# --- Where they may stand -----------------------------------------------------------------------------------------

for my $line ('EncGatherBackend /b', $LOOKUP, 'EncGatherShield Digits', 'EncGatherResign on', 'EncGatherReveal card') {
    my ($directive) = $line =~ /^(\w+)/;
    bad("$directive in the main server", "$line\n", qr/$directive not allowed/);
    bad("$directive in a virtual host", "<VirtualHost *>\n$line\n</VirtualHost>\n", qr/$directive not allowed/);
}
{
    my $without = private_server('config-without-dbd', modules => []);
    my %keep = map { $_ => 1 } qw(authn_core authz_host alias);
    $without->{modules} = [ grep { $keep{$_} } @{ $without->{modules} } ];
    $without->configure(conf => at('/b', $LOOKUP));
    my ($rc, $output) = $without->configtest;
    ok $rc != 0, 'EncGatherLookup without mod_dbd';
    like $output, qr/EncGatherLookup.*mod_dbd/, 'it says what is missing';
}

# --- A backend that cannot be one -----------------------------------------------------------------------------------

for my $case ([ [], 'mod_proxy and mod_proxy_http: LoadModule proxy_module, proxy_http_module' ], [ ['proxy'], 'mod_proxy_http: LoadModule proxy_http_module' ]) {
    my ($modules, $missing) = @$case;
    my $without = private_server('config-without-' . (@$modules ? 'http' : 'proxy'), modules => $modules);
    my $conf    = at('/a', 'SetHandler encrypted-gather', "EncGatherKeyFile $key", "EncGatherAuthTokenFile $tokens", 'EncGatherBackend /d');
    $without->configure(conf => $conf . at('/b', 'EncGatherBackend https://backend.example.com/') . at('/c', 'EncGatherBackend http://[::1]/'));
    my ($rc, $output) = $without->configtest;
    ok $rc != 0, "EncGatherBackend with a URL, without $missing";
    my @lines = grep { /EG0117: EncGatherBackend \(line \d+ of \S+\): a URL needs \Q$missing\E$/ } split /\n/, $output;
    is scalar @lines, 2, 'a line for each says what is missing' or diag $output;
    $without->configure(conf => $conf . at('/b', 'EncGatherBackend /a/b'));
    is +($without->configtest)[1], "Syntax OK\n", 'a path needs nothing';
}
bad("EncGatherBackend that is its own location: $_", at('/gather', "EncGatherBackend $_"), qr/EncGatherBackend: .*call itself/) for '/gather', '/gather?a=b';
good("EncGatherBackend near its own location: $_", at('/gather', "EncGatherBackend $_")) for '/gather/b', '/gathe', '/Gather', '/gather2';

# --- Key files ------------------------------------------------------------------------------------------------------

my $HEX   = $KEY{demo};
my $OTHER = $KEY{other};
my @RING  = map { "key$_ " . unpack('H*', pack 'A32', "ring key number $_ is not random") . "\n" } 1 .. 9;
my $count = 0;

# The path of a new file; its content must not be seen in any message.
sub key_file ($content, $mode = 0600) {
    return write_secret("$FILES/file" . ++$count, $content, $mode);
}

my %GOOD_KEYS = (
    'a line'                        => "$HEX\n",
    'no line end'                   => $HEX,
    'capitals'                      => uc "$HEX\n",
    'CR LF'                         => "$HEX\r\n",
    'two lines, as xxd prints them' => substr($HEX, 0, 60) . "\n" . substr($HEX, 60) . "\n",
    'blanks everywhere'             => " \t" . join(' ', unpack '(a2)*', $HEX) . "\n\n",
    'a ring of one'                 => "k1 $HEX\n",
    'a ring of two'                 => "k1 $HEX\nk2 $OTHER\n",
    'a ring with comments'          => "# old and new\n\n  k1 $HEX\n\t# between\nk2\t$OTHER\r\n",
    'a ring of eight'               => join('', @RING[ 0 .. 7 ]),
    'an id of every kind'           => "a-Z_09 $HEX\n",
    'an id of 32 characters'        => 'a' x 32 . " $HEX\n",
    '4096 bytes'                    => "$HEX\n" . ' ' x (4096 - 65),
);
good("key file: $_", 'EncGatherKeyFile ' . key_file($GOOD_KEYS{$_}) . "\n") for sort keys %GOOD_KEYS;
good('key file: mode 0400', 'EncGatherKeyFile ' . key_file("$HEX\n", 0400) . "\n");

# One line that names directive and file; nothing of the content in it.
sub bad_file ($directive, $name, $path, $content = '', @patterns) {
    my $output = bad("$directive: $name", "$directive $path\n", qr/\Q$directive\E/, qr/\Q$path\E/, @patterns);
    my @shown  = grep { length >= 6 && index($output, $_) >= 0 } split ' ', $content;
    return is_deeply \@shown, [], "$directive: $name: shows nothing of the content";
}

my %BAD_KEYS = (
    'empty'                    => '',
    'blanks only'              => "\n \n",
    'a comment only'           => "# nothing here\n",
    '63 digits'                => substr($HEX, 1) . "\n",
    '65 digits'                => "${HEX}a\n",
    '62 digits'                => substr($HEX, 2) . "\n",
    '128 digits'               => "$HEX$OTHER\n",
    'two bare keys'            => "$HEX\n$OTHER\n",
    'a letter g'               => 'g' . substr($HEX, 1) . "\n",
    '0x'                       => "0x$HEX\n",
    'base64'                   => "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
    '32 raw bytes'             => pack('H*', $HEX),
    'a byte order mark'        => "\xef\xbb\xbf$HEX\n",
    'NUL'                      => "$HEX\0\n",
    'NUL within'               => substr($HEX, 0, 32) . "\0" . substr($HEX, 32),
    'UTF-16'                   => join('', map { "$_\0" } split //, "$HEX\n"),
    '4097 bytes'               => "$HEX\n" . ' ' x (4097 - 65),
    'ring: no key'             => "k1\n",
    'ring: a short key'        => "k1 " . substr($HEX, 2) . "\n",
    'ring: a long key'         => "k1 ${HEX}ab\n",
    'ring: three words'        => "k1 $HEX now\n",
    'ring: a bad id'           => "k:1 $HEX\n",
    'ring: an id of 33'        => 'a' x 33 . " $HEX\n",
    'ring: an id twice'        => "k1 $HEX\nk1 $OTHER\n",
    'ring: a key twice'        => "k1 $HEX\nk2 $HEX\n",
    'ring: a key twice, in capitals' => "k1 $HEX\nk2 " . uc($HEX) . "\n",
    'ring: nine keys'          => join('', @RING),
    'ring: a bad second line'  => "k1 $HEX\nk2 xyz$OTHER\n",
    'a PEM file'               => "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n",
);
bad_file(EncGatherKeyFile => $_, key_file($BAD_KEYS{$_}), $BAD_KEYS{$_}) for sort keys %BAD_KEYS;

# Keys that nobody should use: allowed, but not without a word at the start.
my @WEAK = map { key_file("$_\n") } 'ab' x 32, '0' x 64, $KEY{vectors}, "k1 $HEX\nk2 $KEY{vectors}";
is +(configtest("EncGatherKeyFile $_\n"))[0], 0, 'a key that is not random is no error' for @WEAK;

# --- Files of both kinds: who may read them, where they lie --------------------------------------------------------------

for my $kind ([ EncGatherKeyFile => "$HEX\n" ], [ EncGatherAuthTokenFile => "$TOKEN{demo}\n" ]) {
    my ($directive, $content) = @$kind;
    my $file = sub ($mode = 0600) { return key_file($content, $mode) };

    bad_file($directive, sprintf('mode %04o', $_), $file->($_), $content) for 0640, 0604, 0660, 0606, 0666, 0610, 0601, 0644;
    bad_file($directive, 'missing', "$FILES/there-is-no-such-file");
    bad_file($directive, 'a missing directory', "$FILES/none/file");
    bad_file($directive, 'a directory', $FILES);
    bad_file($directive, 'a device', '/dev/null');
    mkfifo("$FILES/fifo$count", 0600) or die "mkfifo: $!";
    bad_file($directive, 'a pipe that nobody writes to', "$FILES/fifo$count");

    my $good = $file->();
    symlink $good, "$FILES/link$count";
    good("$directive: a link", "$directive $FILES/link$count\n");
    symlink $file->(0644), "$FILES/bad-link$count";
    bad_file($directive, 'a link to a file with mode 0644', "$FILES/bad-link$count", $content);
    symlink "$FILES/nowhere", "$FILES/dead-link$count";
    bad_file($directive, 'a link to nothing', "$FILES/dead-link$count");
    symlink "loop$count", "$FILES/loop$count";
    bad_file($directive, 'a link to itself', "$FILES/loop$count");

    my ($one, $two) = ($file->(0644), $file->(0604));
    my (undef, $output) = configtest("$directive $one\n" . at('/a', "$directive $two"));
    my @lines = grep { /\Q$directive\E/ && /\Q$one\E|\Q$two\E/ } split /\n/, $output;
    is scalar @lines, 2, "$directive: two bad files, a line for each" or diag $output;

    SKIP: {
        skip 'only root can give files away', 1 unless $> == 0;
        my $given = $file->();
        chown 65_534, -1, $given or die "chown: $!";
        bad_file($directive, 'of another owner', $given, $content);
    }
}

# The rules for the directories above are those of key files.
sub in_directory ($mode, $name) {
    my $directory = "$FILES/" . $name;
    mkdir $directory, 0755;
    my $path = write_secret("$directory/file", "$HEX\n");
    chmod $mode, $directory or die "chmod: $!";
    return $path;
}

bad_file(EncGatherKeyFile => 'in a directory that all may write to', in_directory(0777, 'open'), $HEX);
bad_file(EncGatherKeyFile => 'others may write to, but not read', in_directory(0733, 'write-only'), $HEX);
good('key file in a directory with the sticky bit', 'EncGatherKeyFile ' . in_directory(01777, 'sticky') . "\n");
good('key file in a directory of its group', 'EncGatherKeyFile ' . in_directory(0770, 'group') . "\n");
mkdir "$FILES/open/closed", 0700;
bad_file(EncGatherKeyFile => 'further up', write_secret("$FILES/open/closed/file", "$HEX\n"), $HEX);
symlink "$FILES/open/file", "$FILES/link-into-open";
bad_file(EncGatherKeyFile => 'where a link leads to', "$FILES/link-into-open", $HEX);
symlink $key, "$FILES/open/link";
bad_file(EncGatherKeyFile => 'where the link is', "$FILES/open/link", $HEX);

my $htdocs = in_tree('private/config/htdocs');
bad_file(EncGatherKeyFile => 'below DocumentRoot', write_secret("$htdocs/file", "$HEX\n"), $HEX);
symlink "$htdocs/file", "$FILES/link-into-htdocs";
bad_file(EncGatherKeyFile => 'below it by a link', "$FILES/link-into-htdocs", $HEX);
bad('below the DocumentRoot of a virtual host',
    "EncGatherKeyFile $key\n<VirtualHost *>\nDocumentRoot $FILES\n</VirtualHost>\n", qr/EncGatherKeyFile/, qr/\Q$key\E/);

# --- Token files ----------------------------------------------------------------------------------------------------------

my %GOOD_TOKENS = (
    'one'                       => "$TOKEN{demo}\n",
    'no line end'               => $TOKEN{demo},
    'several'                   => "$TOKEN{demo}\n$TOKEN{other}\n",
    'with an account'           => "$ACCOUNT_SID $TOKEN{demo}\n",
    'comments, blanks, CR LF'   => "# tokens\r\n\r\n  $TOKEN{demo}  \r\n\t$ACCOUNT_SID\t $TOKEN{other}\r\n",
    'several of one account'    => "$ACCOUNT_SID $TOKEN{demo}\n$ACCOUNT_SID $TOKEN{other}\n",
    'one character'             => "x\n",
    '128 characters'            => 'x' x 128 . "\n",
    'every printable character' => join('', map { chr } 0x22 .. 0x7e) . "\n",
    '65,536 bytes'              => "$TOKEN{demo}\n" . '#' x (65_536 - 33),
);
good("token file: $_", 'EncGatherAuthTokenFile ' . key_file($GOOD_TOKENS{$_}) . "\n") for sort keys %GOOD_TOKENS;

my %BAD_TOKENS = (
    'empty'                     => '',
    'comments only'             => "# none yet\n\n",
    '129 characters'            => 'x' x 129 . "\n",
    'three words'               => "$ACCOUNT_SID $TOKEN{demo} $TOKEN{other}\n",
    'no AccountSid before it'   => "AC/1 $TOKEN{demo}\n",
    'a control character'       => "$TOKEN{demo}\x07\n",
    'a letter beyond ASCII'     => "$TOKEN{demo}\xc3\xa9\n",
    'NUL'                       => "$TOKEN{demo}\0\n",
    'a byte order mark'         => "\xef\xbb\xbf$TOKEN{demo}\n",
    '65,537 bytes'              => "$TOKEN{demo}\n" . '#' x (65_537 - 33),
);
bad_file(EncGatherAuthTokenFile => $_, key_file($BAD_TOKENS{$_}), $BAD_TOKENS{$_}) for sort keys %BAD_TOKENS;

# --- What is allowed, but said at the start ---------------------------------------------------------------------------------

$server->configure(conf => join '', "EncGatherSignature off\n", calls_of('signalwire', 'EncGatherTimeout 5'), at('/k', "EncGatherAuthTokenFile $secret{telnyx}", 'Require webhook-signature'), map { at($_, "EncGatherKeyFile $_") } @WEAK);
ok $server->start, 'the server starts with all of these' or diag $server->error;
$server->stop;
log_is_clean($server, qr/\[encgather:warn\].*EG01\d\d:.*EncGatherSignature/, qr/EG0148: <Location \/a> .*EncGatherTimeout 5 is longer than SignalWire waits/,
    qr/EG0149: <Location \/k> .*public key of Telnyx, and is used as a secret of Twilio/,
    map { qr/\[encgather:warn\].*EG01\d\d:.*EncGatherKeyFile.*\Q$_\E/ } @WEAK);
is_deeply [ grep { index($server->error_log, $_) >= 0 } $HEX, $KEY{vectors}, 'ab' x 16, '0' x 32 ], [],
    'and no key is in its log';

finish();
