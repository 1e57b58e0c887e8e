# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# What "httpd -t" says of formats, recipients and private keys: one line for a mistake, with what to do; warnings; and
# nothing at all for what is good.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use MIME::Base64 qw(encode_base64url);
use JSON::PP ();
use Test::More;

use lib 't/lib';
use EncGather::Files qw(slurp spew);
use EncGather::Jwe qw(make_pair);
use EncGather::Test;

my $server = private_server('sealed-config');
my $FILES  = in_tree('private/sealed-config/files');
mkdir $FILES, 0755 or die "$FILES: $!";

sub configtest ($conf) {
    $server->configure(conf => $conf);
    return $server->configtest;
}

# Nothing, or warnings alone: a pattern for each of them.
sub good ($name, $conf, @warnings) {
    my ($rc, $output) = configtest($conf);
    my @lines = split /\n/, $output;
    my @said  = grep { $_ ne 'Syntax OK' } @lines;
    my $ok = $rc == 0 && @said == @warnings && !grep { my $line = $_; !grep { $line =~ $_ } @warnings } @said;
    return ok($ok, 'good: ' . $name) || diag("exit code $rc:\n$output");
}

# One line has all patterns; besides it and httpd's own there is none.
sub bad ($name, $conf, @patterns) {
    my ($rc, $output) = configtest($conf);
    my @said = grep { !/\AAH\d+: (?:Configuration check failed|Syntax error on line)|\AAction '-t' failed|\AThe Apache error log|\Q[core:\E/ } split /\n/, $output;
    my $ok = $rc != 0 && @said == 1 && !grep { $said[0] !~ $_ } @patterns;
    return ok($ok, 'bad: ' . $name) || diag("exit code $rc, patterns (@patterns):\n$output");
}

my $serial = 0;
sub fresh () { return "$FILES/file" . ++$serial }
sub file ($content, $mode = 0644) { my $path = fresh(); spew($path, $content, $mode); chmod $mode, $path; return $path }

sub openssl ($command) {
    my $path = fresh();
    my $text = `openssl $command 2>$path.err`;
    die "openssl $command: " . slurp("$path.err") if $?;
    return $text;
}

my $TOKENS = write_secret("$FILES/tokens", "$TOKEN{demo}\n");
my $KEY    = write_secret("$FILES/key",    "k1 $KEY{demo}\n");
my $RING   = write_secret("$FILES/ring",   "k1 $KEY{demo}\nk0 $KEY{other}\n");
my %PAIR   = map { $_ => make_pair($_, "$FILES/$_") } qw(p256 x25519 rsa);
my $SECOND = make_pair(p256 => "$FILES/second");

sub gather_of ($path, @lines) {
    return join "\n", "<Location $path>", 'SetHandler encrypted-gather', 'EncGatherBackend /decrypt', @lines, '</Location>', '';
}

sub gathers (@lines) { return "EncGatherAuthTokenFile $TOKENS\n" . gather_of('/gather', @lines) }

sub decrypt_with (@lines) {
    return join "\n", '<Location /decrypt>', 'SetHandler decrypt-gather', 'EncGatherLookup "SELECT a FROM t WHERE b = %s" encryptedCardDigits', @lines, '</Location>', '';
}

# --- Good, and silent -------------------------------------------------------------------------------------------

my $P256_JWK = JSON::PP->new->canonical->decode(Crypt::PK::ECC->new("$PAIR{p256}.pub")->export_key_jwk('public'));
my $RSA_JWK  = JSON::PP->new->canonical->decode(Crypt::PK::RSA->new("$PAIR{rsa}.pub")->export_key_jwk('public'));
my $OKP_JWK  = JSON::PP->new->canonical->decode(Crypt::PK::X25519->new("$PAIR{x25519}.pub")->export_key_jwk('public'));
sub jwk ($jwk, %more) {
    my %all = (%$jwk, %more);
    delete $all{$_} for grep { !defined $more{$_} } keys %more;
    return file(JSON::PP->new->canonical->encode(\%all));
}
sub certificate ($key, $days = 3) {
    return file(openssl("req -x509 -key $key -subj /CN=bank -days $days -batch"));
}

good("a recipient: $_", gathers("EncGatherRecipient e1 $PAIR{$_}.pub")) for sort keys %PAIR;
good("a private key: $_", decrypt_with("EncGatherPrivateKeyFile e1 $PAIR{$_}")) for sort keys %PAIR;
good("a JWK: $_->[0]", gathers("EncGatherRecipient e1 $_->[1]")) for [ 'P-256', jwk($P256_JWK) ], [ 'RSA', jwk($RSA_JWK) ], [ 'X25519', jwk($OKP_JWK) ],
    [ 'with everything that is ours', jwk($P256_JWK, kid => 'e1', use => 'enc', alg => 'ECDH-ES') ], [ 'with a member of others', jwk($P256_JWK, x5t => 'x') ];
my $CERTIFICATE = certificate($PAIR{p256});
good('a certificate', gathers("EncGatherRecipient e1 $CERTIFICATE"));
good('a certificate of RSA', gathers('EncGatherRecipient e1 ' . certificate($PAIR{rsa})));
good('a chain: the first one', gathers('EncGatherRecipient e1 ' . file(slurp($CERTIFICATE) . slurp(certificate($PAIR{rsa})))));
good('words around the PEM', gathers('EncGatherRecipient e1 ' . file("the bank's\n" . slurp("$PAIR{p256}.pub") . "\nto the end of 2027\n")));
good('mode 0664 of a group', gathers('EncGatherRecipient e1 ' . file(slurp("$PAIR{p256}.pub"), 0644)));
good('two halves of one pair, at two places', gathers("EncGatherRecipient e1 $PAIR{p256}.pub") . decrypt_with("EncGatherPrivateKeyFile e1 $PAIR{p256}"));
good('two halves of one pair of a server', "EncGatherRecipient e1 $PAIR{p256}.pub\nEncGatherPrivateKeyFile e1 $PAIR{p256}\n" . decrypt_with());
good('two halves of one pair, one written with compressed points', 'EncGatherRecipient e1 ' . file(openssl("pkey -pubin -in $PAIR{p256}.pub -pubout -ec_conv_form compressed"))
    . "\nEncGatherPrivateKeyFile e1 $PAIR{p256}\n" . decrypt_with());
good("two halves of one pair of a server: $_", "EncGatherRecipient e1 $PAIR{$_}.pub\nEncGatherPrivateKeyFile e1 $PAIR{$_}\n" . decrypt_with()) for qw(x25519 rsa);

# Each host a recipient of its own, in each a pair of the server: what a reading takes must not add up.
good('1,100 virtual hosts', "EncGatherAuthTokenFile $TOKENS\nEncGatherRecipient e1 $PAIR{p256}.pub\nEncGatherPrivateKeyFile e1 $PAIR{p256}\n"
    . join '', map { "<VirtualHost *>\nServerName h$_.test\n" . decrypt_with() . gather_of('/gather', "EncGatherRecipient r$_ $PAIR{p256}.pub", 'EncGatherPrivateKeyFile off') . "</VirtualHost>\n" } 1 .. 1100);
good('several', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", "EncGatherRecipient e2 $PAIR{rsa}.pub", 'EncGatherField a digits=4 recipient=e2', 'EncGatherField b digits=4'));
good('a field under the key file', gathers("EncGatherKeyFile $KEY", "EncGatherRecipient e1 $PAIR{p256}.pub", 'EncGatherField a digits=4 recipient=off', 'EncGatherField b digits=4'));
good('off, and then others', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", 'EncGatherRecipient off', "EncGatherRecipient e1 $PAIR{rsa}.pub"));
good('off: hex again', "EncGatherRecipient e1 $PAIR{p256}.pub\nEncGatherPrivateKeyFile e1 $PAIR{p256}\n"
    . gathers("EncGatherKeyFile $KEY", 'EncGatherRecipient off', 'EncGatherPrivateKeyFile off', 'EncGatherTokenFormat hex'));
good("EncGatherTokenFormat $_", gathers("EncGatherKeyFile $KEY", "EncGatherTokenFormat $_")) for 'hex', 'jwe', 'jwe hex', 'hex jwe';
good("EncGatherTokenTTL $_", gathers("EncGatherKeyFile $KEY", 'EncGatherTokenFormat jwe', "EncGatherTokenTTL $_")) for 60, 31_536_000;
good("a kid: $_", gathers("EncGatherRecipient $_ $PAIR{p256}.pub")) for 'a', '-_Z09', 'k' x 64;
good('private keys with a Require', decrypt_with("EncGatherPrivateKeyFile e1 $PAIR{p256}", 'EncGatherExpose on', 'Require ip 127.0.0.1'));
good('a key file exposed', decrypt_with("EncGatherKeyFile $KEY", 'EncGatherExpose on'));
good('one key of the ring at one place, one recipient at the other', gathers("EncGatherKeyFile $KEY", 'EncGatherTokenFormat jwe') . gather_of('/other', "EncGatherRecipient k1 $PAIR{p256}.pub"));
good('a key file without an id under hex', gathers('EncGatherKeyFile ' . write_secret(fresh(), "$KEY{demo}\n")));

# --- Words ------------------------------------------------------------------------------------------------------

for my $case ([ '', qr/hex or jwe/ ], [ 'jws', qr/knows the formats hex and jwe/ ], [ 'JWE', qr/knows the formats/ ], [ 'jwe jwe', qr/names jwe twice/ ], [ 'jwe hex jwe', qr/names jwe twice/ ],
    [ 'jwe,hex', qr/knows the formats/ ], [ '""', qr/hex or jwe/ ]) {
    bad("EncGatherTokenFormat $case->[0]", gathers("EncGatherKeyFile $KEY", "EncGatherTokenFormat $case->[0]"), qr/EncGatherTokenFormat/, $case->[1]);
}
bad("EncGatherTokenTTL $_", gathers("EncGatherTokenTTL $_"), qr/EncGatherTokenTTL/) for '0', '-1', '31536001', '15m', '1e3', '', '" 900"', '900 900';
for my $name (qw(EncGatherRecipient EncGatherPrivateKeyFile)) {
    my $file = $name eq 'EncGatherRecipient' ? "$PAIR{p256}.pub" : $PAIR{p256};
    bad("$name $_", gathers("$name $_"), qr/$name/) for '', 'e1', 'on', "e1 $file $file", "e:1 $file", "\"\" $file", 'k' x 65 . " $file", "off $file", 'e1 ""';
    bad("$name: a kid twice", gathers("$name e1 $file", "$name e1 $file"), qr/$name/, qr/has the kid 'e1' twice/);
}
bad("recipient=$_", gathers("EncGatherRecipient e1 $PAIR{p256}.pub", "EncGatherField a digits=4 recipient=$_"), qr/EncGatherField/) for '', 'e:1', 'k' x 65;
bad('EncGatherField: recipient= twice', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", 'EncGatherField a digits=4 recipient=e1 recipient=e1'), qr/EncGatherField/);

# --- Files of recipients -----------------------------------------------------------------------------------------

sub bad_recipient ($name, $path, @patterns) {
    my ($first) = split /\n/, $path;
    return bad("recipient: $name", gathers("EncGatherRecipient e1 $path"), qr/EncGatherRecipient '\Q$first\E' /, @patterns);
}

my $P384 = file(openssl('genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384'));
my $ED   = file(openssl('genpkey -algorithm ed25519'));
my $SMALL = file(openssl('genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024'));
my ($public, $private) = (slurp("$PAIR{p256}.pub"), slurp($PAIR{p256}));

bad_recipient('missing', "$FILES/none.pub", qr/cannot be opened/);
bad_recipient('missing, under two ids, told once', "$FILES/none.pub\nEncGatherRecipient e2 $FILES/none.pub", qr/cannot be opened/);
bad_recipient('a directory', $FILES);
bad_recipient('empty', file(''));
bad_recipient('no key', file("nothing\n"), qr/no public key/);
bad_recipient('16385 bytes', file($public . 'x' x (16_385 - length $public)), qr/16384/);
bad_recipient('others may write it', file($public, 0646), qr/mode 0646/, qr/chmod/);
bad_recipient('its group may write it', file($public, 0664), qr/mode 0664/, qr/chmod/);
bad_recipient('a private key', file($private, 0600), qr/private key/, qr/openssl pkey .*-pubout/);
bad_recipient('a private key beside a certificate', file(slurp($CERTIFICATE) . $private, 0600), qr/private key/);
bad_recipient('a private key beside the public one', file($public . $private, 0600), qr/private key/);
bad_recipient('two keys', file($public . slurp("$PAIR{rsa}.pub")), qr/several keys/);
bad_recipient('a key and a certificate', file($public . slurp($CERTIFICATE)), qr/several keys/);
bad_recipient('P-384', file(openssl("pkey -in $P384 -pubout")), qr/another curve than P-256/, qr/keygen --recipient/);
bad_recipient('Ed25519', file(openssl("pkey -in $ED -pubout")), qr/another kind/, qr/keygen --recipient/);
bad_recipient('RSA of 1024 bits', file(openssl("pkey -in $SMALL -pubout")), qr/1024 bits/, qr/2048 to 8192/);
bad_recipient('RSA of 1024 bits in a certificate', certificate($SMALL), qr/1024 bits/);
bad_recipient('broken base64', file($public =~ s/MFk/M!k/r));
bad_recipient('cut', file(substr($public, 0, 80)));
bad_recipient('a point that is not on the curve', jwk($P256_JWK, y => encode_base64url('7' x 32)));
bad_recipient('JWK: use sig', jwk($P256_JWK, use => 'sig'), qr/use/);
bad_recipient('JWK: another alg', jwk($P256_JWK, alg => 'ECDH-ES+A256KW'), qr/alg/);
bad_recipient('JWK: alg of RSA with SHA-1', jwk($RSA_JWK, alg => 'RSA-OAEP'), qr/alg/);
bad_recipient('JWK: another kid', jwk($P256_JWK, kid => 'e2'), qr/kid/);
bad_recipient('JWK: kid a number', jwk($P256_JWK, kid => 7), qr/kid/);
bad_recipient('JWK: a private one', jwk($P256_JWK, d => 'AA'), qr/private/);
bad_recipient('JWK: a symmetric one', jwk({ kty => 'oct', k => 'AA' }));
bad_recipient('JWK: another curve', jwk($P256_JWK, crv => 'P-384'));
bad_recipient('JWK: no y', jwk($P256_JWK, y => undef));
bad_recipient('JWK: a member twice', file(slurp(jwk($P256_JWK)) =~ s/\{/{"kty":"EC",/r));
bad_recipient('a set of JWKs', file('{"keys":[' . slurp(jwk($P256_JWK)) . ']}'));
bad_recipient('two JWKs', file(slurp(jwk($P256_JWK)) x 2));

bad_recipient('a private key, cut off, behind the public one', file($public . substr($private, 0, 100), 0600), qr/private key/);

# Somebody who may read one half of a pair has said nothing about the other.
SKIP: {
    skip 'only root can be somebody else', 1 unless $> == 0 && -x '/usr/bin/setpriv';
    $server->configure(conf => "EncGatherRecipient e1 $PAIR{p256}.pub\nEncGatherPrivateKeyFile e1 $PAIR{p256}\n" . decrypt_with());
    my $said = join ' ', '/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups', $server->{httpd}, '-t -d', $server->{dir}, '-f', $server->config_file, '2>&1';
    $said = `$said`;
    like $said, qr/EG0103: EncGatherPrivateKeyFile .*was not checked/, 'one half that somebody may not read: he is told';
    unlike $said, qr/EG0141/, 'and it is not said that the halves do not fit';
}

SKIP: {
    skip 'only root can give files away', 1 unless $> == 0;
    my $given = file($public);
    chown 65_534, -1, $given or die "chown: $!";
    bad_recipient('of another owner', $given, qr/own/);
}
{
    my $open = "$FILES/open";
    mkdir $open, 0755;
    spew("$open/key.pub", $public, 0644);
    chmod 0777, $open;
    bad_recipient('in a directory that all may write to', "$open/key.pub");
}
my $htdocs = in_tree('private/sealed-config/htdocs');
spew("$htdocs/key.pub", $public, 0644);
good('a recipient below DocumentRoot', "DocumentRoot $htdocs\n" . gathers("EncGatherRecipient e1 $htdocs/key.pub"));

# --- Files of private keys ---------------------------------------------------------------------------------------

sub bad_private ($name, $path, @patterns) {
    return bad("private key: $name", decrypt_with("EncGatherPrivateKeyFile e1 $path"), qr/EncGatherPrivateKeyFile '\Q$path\E' /, @patterns);
}
sub secret ($content) { return write_secret(fresh(), $content) }

bad_private('missing', "$FILES/none", qr/cannot be opened/);
bad_private('empty', secret(''));
bad_private('a public key', secret($public), qr/no private key/);
bad_private('a certificate', secret(slurp($CERTIFICATE)), qr/no private key/);
bad_private('a JWK', secret(slurp(jwk($P256_JWK, d => 'A' x 43))));
bad_private('encrypted', secret(openssl("pkcs8 -topk8 -in $PAIR{p256} -passout pass:secret")), qr/encrypted/, qr/openssl/);
bad_private('of the older form of EC', secret(openssl("pkey -in $PAIR{p256} -traditional")), qr/openssl|PKCS/);
bad_private('of the older form of RSA', secret(openssl("pkey -in $PAIR{rsa} -traditional")), qr/openssl|PKCS/);
bad_private('P-384', secret(slurp($P384)), qr/another curve/);
bad_private('RSA of 1024 bits', secret(slurp($SMALL)), qr/1024|2048/);
bad_private('Ed25519', secret(slurp($ED)));
bad_private('two keys', secret($private . slurp($PAIR{rsa})));
bad_private('mode 0640', file($private, 0640), qr/mode 0640/, qr/chmod/);
bad_private('16385 bytes', secret($private . "\n" x (16_385 - length $private)), qr/16384/);
bad_private('cut', secret(substr($private, 0, 120)));
bad_private('a number that is not that of its public half', secret(do {
    my ($mine, $other) = map { MIME::Base64::decode_base64(slurp($_) =~ s/-----.*//gr) } $PAIR{p256}, $SECOND;
    substr($mine, -65) = substr $other, -65;
    "-----BEGIN PRIVATE KEY-----\n" . MIME::Base64::encode_base64($mine) . "-----END PRIVATE KEY-----\n";
}));
bad('private key: below DocumentRoot', "DocumentRoot $htdocs\n" . decrypt_with('EncGatherPrivateKeyFile e1 ' . write_secret("$htdocs/key", $private)), qr/EncGatherPrivateKeyFile '\Q$htdocs\E\/key' /, qr/DocumentRoot/);

# --- What does not go together -----------------------------------------------------------------------------------

my $AT = qr/<Location \/gather> \(line \d+ of \S+\)/;
bad('hex to a recipient', gathers("EncGatherKeyFile $KEY", "EncGatherRecipient e1 $PAIR{p256}.pub", "EncGatherTokenFormat $_"), $AT, qr/EncGatherTokenFormat makes hex/, qr/EncGatherRecipient/) for 'hex', 'hex jwe';
bad('hex around a recipient', "EncGatherTokenFormat hex\n" . gathers("EncGatherRecipient e1 $PAIR{p256}.pub"), $AT, qr/makes hex/);
bad('an unknown recipient=', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", 'EncGatherField a digits=4 recipient=e2'), $AT, qr/recipient=/, qr/e2/);
bad('recipient= and no EncGatherRecipient', gathers("EncGatherKeyFile $KEY", 'EncGatherField a digits=4 recipient=e2'), $AT, qr/recipient=/, qr/e2/);
bad('a kid of the key file and a recipient', gathers("EncGatherKeyFile $KEY", "EncGatherRecipient k1 $PAIR{p256}.pub"), $AT, qr/'k1'/, qr/EncGatherKeyFile/, qr/EncGatherRecipient/);
bad('a later kid of the ring', gathers("EncGatherKeyFile $RING", "EncGatherRecipient k0 $PAIR{p256}.pub"), $AT, qr/'k0'/);
bad('a kid of the key file and a private key', decrypt_with("EncGatherKeyFile $KEY", "EncGatherPrivateKeyFile k1 $PAIR{p256}"), qr/<Location \/decrypt> \(line/, qr/'k1'/, qr/EncGatherPrivateKeyFile/);
bad('half of a pair that is not there', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", "EncGatherPrivateKeyFile e1 /nowhere/e1.key"), qr/\A(?!.*two halves)/s, qr/cannot be opened: No such file/);
bad('a kid of two pairs', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", "EncGatherPrivateKeyFile e1 $SECOND"), $AT, qr/'e1'/, qr/not two halves of one pair/);
bad('inherited from the server', "EncGatherKeyFile $KEY\n" . gathers("EncGatherRecipient k1 $PAIR{p256}.pub"), $AT, qr/'k1'/);

# --- How many fields fit -----------------------------------------------------------------------------------------

sub fields ($n, @more) { return map { join ' ', "EncGatherField f$_ digits=4 say=x timeout=5", @more } 1 .. $n }
my $LONG = qr/EG0142: .*can become (\d+) characters long/;
my @URL  = ('EncGatherPublicURL https://ivr.example.com');

good("16 fields in dir", gathers("EncGatherKeyFile $KEY", 'EncGatherTokenFormat jwe', @URL, fields(16)));
good("16 fields to $_", gathers("EncGatherRecipient e1 $PAIR{$_}.pub", @URL, fields(16)), $LONG) for qw(x25519 p256);
good('14 fields to RSA', gathers("EncGatherRecipient e1 $PAIR{rsa}.pub", @URL, fields(14)), $LONG);
bad('15 fields to RSA', gathers("EncGatherRecipient e1 $PAIR{rsa}.pub", @URL, fields(15)), $AT, qr/15 fields 14 fit/);
bad('16 fields to RSA, no public URL', gathers("EncGatherRecipient e1 $PAIR{rsa}.pub", fields(16)), $AT, qr/16 fields 1[34] fit/);
bad('a small LimitRequestLine', "LimitRequestLine 1500\n" . gathers("EncGatherRecipient e1 $PAIR{p256}.pub", @URL, fields(8)), $AT, qr/LimitRequestLine/, qr/8 fields 4 fit/);
good('as many as fit', "LimitRequestLine 1500\n" . gathers("EncGatherRecipient e1 $PAIR{p256}.pub", @URL, fields(4)));
good('fields that are short again: under the key file', gathers("EncGatherKeyFile $KEY", "EncGatherRecipient e1 $PAIR{rsa}.pub", @URL, fields(16, 'recipient=off')));
good('16 fields in hex', gathers("EncGatherKeyFile $KEY", @URL, fields(16)));
good('6 fields in P-256: not long', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", @URL, fields(6)));

# --- Warnings ----------------------------------------------------------------------------------------------------

good('the TTL is too short', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", 'EncGatherTokenTTL 59'), qr/EG0143: .*60 seconds .*EncGatherTokenTTL .* 59/);
good('it is long enough', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", 'EncGatherTokenTTL 60'));
good('the default is too short', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", 'EncGatherAttempts 10', 'EncGatherField a digits=4 timeout=91'), qr/EG0143: .*910 seconds .* 900/);
good('not under hex', gathers("EncGatherKeyFile $KEY", 'EncGatherTokenTTL 5'));
my $BARE = write_secret(fresh(), "$KEY{demo}\n");
good('a key without an id', gathers("EncGatherKeyFile $BARE", 'EncGatherTokenFormat jwe'), qr/EG0144: .*'\Q$BARE\E'.*no id/);
good('a key without an id that seals nothing', gathers("EncGatherKeyFile $BARE", "EncGatherRecipient e1 $PAIR{p256}.pub", 'EncGatherTokenFormat jwe'));
good('the private half of its own', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", "EncGatherPrivateKeyFile e1 $PAIR{p256}"), qr/EG0145: .*private half .*e1/);
good('the private half of its own, by another kid', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", "EncGatherPrivateKeyFile e2 $PAIR{p256}"), qr/EG0145: .*private half/);
good('another private key', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", "EncGatherPrivateKeyFile e2 $SECOND"));
good('exposed, and no Require', decrypt_with("EncGatherPrivateKeyFile e1 $PAIR{p256}", 'EncGatherExpose on'), qr/EG0146: <Location \/decrypt> .*Require/);
good('exposed to all', decrypt_with("EncGatherPrivateKeyFile e1 $PAIR{p256}", 'EncGatherExpose on', 'Require all granted'), qr/EG0146: /);
my $times = 0;
my $der     = MIME::Base64::decode_base64(slurp($CERTIFICATE) =~ s/-----.*//gr) =~ s/\x17\x0d\K(\d{12}Z)/$times++ ? '010203040506Z' : '000102030405Z'/ger;
my $expired = file("-----BEGIN CERTIFICATE-----\n" . MIME::Base64::encode_base64($der) . "-----END CERTIFICATE-----\n");
good('an expired certificate', gathers("EncGatherRecipient e1 $expired"), qr/EG0118: EncGatherRecipient e1 '\Q$expired\E' .*time is over/);
good('a field under a key file that is not there', gathers("EncGatherRecipient e1 $PAIR{p256}.pub", 'EncGatherField a digits=4 recipient=off'),
    qr/EG0130: .*can only fail: there is no EncGatherKeyFile/);
bad('the public half', decrypt_with("EncGatherPrivateKeyFile e1 $PAIR{p256}.pub"), qr/EG0101: EncGatherPrivateKeyFile '\Q$PAIR{p256}\E\.pub' looks like the public half .* here belongs the file without \.pub\./);
my $OFF = "EncGatherField a digits=4 recipient=off\n";
good('such a field of the server', $OFF . gathers("EncGatherRecipient e1 $PAIR{p256}.pub"), qr/EG0130: .*can only fail: there is no EncGatherKeyFile/);
good('such a field around it', '<Location />' . "\n$OFF</Location>\n" . gathers("EncGatherRecipient e1 $PAIR{p256}.pub"), qr/EG0130: .*can only fail: there is no EncGatherKeyFile/);
good('such a field that another list has replaced', $OFF . gathers("EncGatherRecipient e1 $PAIR{p256}.pub", 'EncGatherField a digits=4'));
good('a blind index, and no key file', decrypt_with("EncGatherPrivateKeyFile e1 $PAIR{p256}") =~ s/encryptedCardDigits/hmac:encryptedCardDigits/r,
    qr/EG0130: .*can only fail: there is no EncGatherKeyFile/);

finish();
