# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# jwe tokens on the command line: made there and opened by another maker's code, made by that and opened there; pairs of
# keys, what a token says of itself, and rewrap between keys and formats.
use strict;
use warnings;
use feature 'signatures';
no warnings qw(experimental::signatures);

use Cwd qw(abs_path);
use Digest::SHA qw(sha256);
use File::Temp ();
use FindBin;
use JSON::PP ();
use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp);
use EncGather::Fixtures qw(%KEY write_secret);

my $TOP  = abs_path("$FindBin::Bin/..");
my $TOOL = $ENV{ENCGATHER_TOOL} || "$TOP/build/out/encgather";
plan skip_all => "no $TOOL: make all builds it" if !-x $TOOL;
plan skip_all => 'no CryptX: on Debian, build/deps.sh test installs it'
    if !eval { require Crypt::AuthEnc::GCM; require Crypt::PK::ECC; require Crypt::PK::X25519; require Crypt::PK::RSA; 1 } && !$ENV{CI};

my $DIR    = File::Temp->newdir;
my $SAMPLE = $ENV{ENCGATHER_JWE_TOKENS} // 40;     # each way, each algorithm
my $NOW    = 1_780_000_000;
my $CALL   = 'CA7edb360f06acaef2cc80dba16cf563f1';
my ($GOOD, $DATA, $USAGE, $SYSTEM) = (0, 1, 2, 3);
my $serial = 0;

sub fresh { return "$DIR/file" . ++$serial }

sub put ($path, $bytes, $mode = 0600) {
    open my $file, '>:raw', $path or die "$path: $!";
    print {$file} $bytes;
    close $file or die "$path: $!";
    chmod $mode, $path or die "$path: $!";
    return $path;
}

# Exit code, standard output, standard error.
sub run ($arguments, $input = '') {
    my ($in, $out, $err) = (put(fresh(), $input), fresh(), fresh());
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDIN,  '<', $in  or die;
        open STDOUT, '>', $out or die;
        open STDERR, '>', $err or die;
        exec {$TOOL} $TOOL, @$arguments or die;
    }
    waitpid $pid, 0;
    return ($? & 127 ? -($? & 127) : $? >> 8, slurp($out), slurp($err));
}

sub is_run ($name, $arguments, $input, $rc, $out, $err = qr/\A\z/) {
    my ($is_rc, $is_out, $is_err) = run($arguments, $input);
    is $is_rc, $rc, "$name: exit status" or diag $is_err;
    ref $out ? like $is_out, $out, "$name: output" : is $is_out, $out, "$name: output";
    like $is_err, $err, "$name: messages";
    return $is_out;
}

# --- Pairs of keys ----------------------------------------------------------------------------------------

my %PAIR;
for my $kind (qw(p256 x25519 rsa)) {
    my $file = $PAIR{$kind} = fresh();
    is_run("keygen $kind", [ 'keygen', '--recipient', $kind, $file ], '', $GOOD, '');
    is sprintf('%04o', (stat $file)[2] & 07777), '0600', "$kind: the private key is its owner's";
    is sprintf('%04o', (stat "$file.pub")[2] & 07777), '0644', "$kind: the public one is everybody's";
    like slurp($file), qr/\A-----BEGIN PRIVATE KEY-----\n/, "$kind: PKCS#8";
    like slurp("$file.pub"), qr/\A-----BEGIN PUBLIC KEY-----\n/, "$kind: SPKI";
    my ($before, $public) = (slurp($file), slurp("$file.pub"));
    is_run("keygen $kind again", [ 'keygen', "--recipient=$kind", $file ], '', $SYSTEM, '', qr/is there already/);
    unlink $file;
    is_run("keygen $kind beside its public half", [ 'keygen', "--recipient=$kind", $file ], '', $SYSTEM, '', qr/\.pub: is there already/);
    ok !-e $file, "$kind: and then no private one is made";
    is slurp("$file.pub"), $public, "$kind: nothing is overwritten";
    put($file, $before);
}
like `openssl pkey -in $PAIR{rsa} -noout -text`, qr/3072 bit/, 'RSA has 3072 bits';
is_run('a pair without a file', [qw(keygen --recipient p256)], '', $USAGE, '', qr/needs a FILE/);
is_run('a pair on standard output', [qw(keygen --recipient p256 -)], '', $USAGE, '', qr/needs a FILE/);
is_run('a pair of another kind', [ qw(keygen --recipient p384), fresh() ], '', $USAGE, '', qr/p256, x25519 or rsa/);

# --- The other maker --------------------------------------------------------------------------------------

my $RING  = write_secret(fresh(), "k1 $KEY{demo}\nk0 $KEY{other}\n");
my %KID   = (dir => 'k1', p256 => 'e1', x25519 => 'x1', rsa => 'r1');
my %ALG   = (dir => 'dir', p256 => 'ECDH-ES', x25519 => 'ECDH-ES', rsa => 'RSA-OAEP-256');
my %MINE  = (p256 => Crypt::PK::ECC->new($PAIR{p256}), x25519 => Crypt::PK::X25519->new($PAIR{x25519}), rsa => Crypt::PK::RSA->new($PAIR{rsa}));
my $JSON  = JSON::PP->new->canonical;
my $OTHER = '{"alg":"%s","enc":"A256GCM","kid":"%s"%s,"iat":%d,"sid":"%s","fld":"%s"}';

sub concat_kdf ($z) { return sha256(pack('N', 1) . $z . pack('N/a* N N N', 'A256GCM', 0, 0, 256)) }

sub epk_of ($kind, $key) {
    my $jwk = $key->export_key_jwk('public', 1);
    return $JSON->encode({ map { $_ => $jwk->{$_} } $kind eq 'p256' ? qw(kty crv x y) : qw(kty crv x) });
}

sub seal ($kind, $plain, %with) {
    my ($content, $epk, $wrapped) = (pack('H*', $KEY{demo}), '', '');
    if ($kind eq 'rsa') {
        $content = join '', map { chr int rand 256 } 1 .. 32;
        $wrapped = $MINE{rsa}->encrypt($content, 'oaep', 'SHA256');
    }
    elsif ($kind ne 'dir') {
        my $once = $kind eq 'p256' ? Crypt::PK::ECC->new->generate_key('secp256r1') : Crypt::PK::X25519->new->generate_key;
        $content = concat_kdf($once->shared_secret($MINE{$kind}));
        $epk     = ',"epk":' . epk_of($kind, $once);
    }
    my $header = encode_base64url(sprintf $OTHER, $ALG{$kind}, $KID{$kind}, $epk, $with{iat} // $NOW, $with{sid} // $CALL, $with{fld} // 'pin');
    my $nonce  = join '', map { chr int rand 256 } 1 .. 12;
    my ($text, $tag) = Crypt::AuthEnc::GCM::gcm_encrypt_authenticate('AES', $content, $nonce, $header, $plain);
    return join '.', $header, map { encode_base64url($_) } $wrapped, $nonce, $text, $tag;
}

sub content_key ($kind, $header, $wrapped) {
    return pack 'H*', $KEY{demo} if $kind eq 'dir';
    return $MINE{rsa}->decrypt($wrapped, 'oaep', 'SHA256') if $kind eq 'rsa';
    my $once = $kind eq 'p256' ? Crypt::PK::ECC->new : Crypt::PK::X25519->new;
    $once->import_key($header->{epk});
    return concat_kdf($MINE{$kind}->shared_secret($once));
}

# The value and the header.
sub open_token ($kind, $token) {
    my @part   = split /\./, $token, -1;
    my $header = $JSON->decode(decode_base64url($part[0]));
    my ($wrapped, @sealed) = map { decode_base64url($_) } @part[ 1 .. 4 ];
    my $key = content_key($kind, $header, $wrapped);
    return (Crypt::AuthEnc::GCM::gcm_decrypt_verify('AES', $key, $sealed[0], $part[0], @sealed[ 1, 2 ]), $header);
}

# --- Both ways --------------------------------------------------------------------------------------------

my %SEAL = (dir => [ '--key-file', $RING, '--format', 'jwe' ], map { $_ => [ '--recipient', "$PAIR{$_}.pub", '--kid', $KID{$_} ] } keys %PAIR);
my %OPEN = (dir => [ '--key-file', $RING ], map { $_ => [ '--private-key', $PAIR{$_} ] } keys %PAIR);
my @BOUND = ('--sid', $CALL, '--fld', 'pin');

for my $kind (qw(dir p256 x25519 rsa)) {
    my $values = join '', map { join('', map { int rand 10 } 0 .. rand 32) . "\n" } 1 .. $SAMPLE;
    my $tokens = is_run("$kind: encrypt", [ 'encrypt', @{ $SEAL{$kind} }, @BOUND, '--at', $NOW ], $values, $GOOD, qr/\A(?:[\w.-]+\n){$SAMPLE}\z/);
    my @opened = map { [ open_token($kind, $_) ] } split /\n/, $tokens;
    is join('', map { ($_->[0] // '') . "\n" } @opened), $values, "$kind: another opens what is sealed here";
    my @wrong = grep { $_->{alg} ne $ALG{$kind} || $_->{kid} ne $KID{$kind} || $_->{sid} ne $CALL || $_->{fld} ne 'pin' || $_->{iat} != $NOW } map { $_->[1] } @opened;
    is @wrong, 0, "$kind: which says what it should";
    is_run("$kind: decrypt", [ 'decrypt', @{ $OPEN{$kind} }, @BOUND, '--ttl', 1, '--at', $NOW ], $tokens, $GOOD, $values);
    $tokens = join '', map { seal($kind, $_) . "\n" } split /\n/, $values;
    is_run("$kind: what another sealed", [ 'decrypt', @{ $OPEN{$kind} }, @BOUND, '--ttl', 1, '--at', $NOW ], $tokens, $GOOD, $values);
}

# --- What is demanded -------------------------------------------------------------------------------------

my $token = seal('p256', '271828');
my @p256  = ('decrypt', @{ $OPEN{p256} });
is_run('nothing is demanded', [@p256], "$token\n", $GOOD, "271828\n");
is_run('with a carriage return', [@p256], "$token\r\n", $GOOD, "271828\n");
is_run('900 seconds old', [ @p256, '--ttl', 900, '--at', $NOW + 900 ], "$token\n", $GOOD, "271828\n");
is_run('901', [ @p256, '--ttl', 900, '--at', $NOW + 901 ], "$token\n", $DATA, "\n", qr/line 1: too old/);
is_run('60 ahead', [ @p256, '--ttl', 900, '--at', $NOW - 60 ], "$token\n", $GOOD, "271828\n");
is_run('61', [ @p256, '--ttl', 900, '--at', $NOW - 61 ], "$token\n", $DATA, "\n", qr/line 1: too old, or sealed in the future/);
is_run('another call', [ @p256, '--sid', 'CA1' ], "$token\n", $DATA, "\n", qr/line 1: sealed in another call/);
is_run('another field', [ @p256, '--fld', 'card' ], "$token\n", $DATA, "\n", qr/line 1: sealed for another field/);
is_run('another key', [ 'decrypt', @{ $OPEN{x25519} } ], "$token\n", $DATA, "\n", qr/line 1: not a token of these keys/);
is_run('both keys', [ @p256, '--key-file', $RING ], join('', "$token\n", seal('dir', '31'), "\n"), $GOOD, "271828\n31\n");
is_run('a changed one', [@p256], ($token =~ s/.\z/-/r) . "\n", $DATA, "\n", qr/line 1: not a token of these keys/);

my %VECTORS = %{ $JSON->decode(slurp("$TOP/t/vectors/jwe.json")) };
my $vector_ring = write_secret(fresh(), "k1 " . unpack('H*', decode_base64url($VECTORS{keys}{dir}{k})) . "\n");
my @dir = grep { $_->{key} eq 'dir' } @{ $VECTORS{open} };
is_run('the vectors of dir', [ 'decrypt', '--key-file', $vector_ring ], join('', map { "$_->{token}\n" } @dir), $GOOD, join '', map { "$_->{plaintext}\n" } @dir);

# --- What it says of itself -------------------------------------------------------------------------------

is_run('inspect', [ 'inspect', '--at', $NOW + 12 ], "$dir[0]{token}\n" . ('0' x 64) . "\n", $GOOD,
    "$dir[0]{header}\nage " . ($NOW + 12 - 1_780_000_000) . "\ncharacters 218\n{}\nage unknown\ncharacters 64\n");
my ($blank) = grep { $_->{name} eq 'dir-white-space' } @dir;
like is_run('inspect white space', ['inspect'], "$blank->{token}\n", $GOOD, qr/\A[^\n]+\nage \d+\ncharacters 240\n\z/), qr/\A\{"alg":"dir",/, 'in one line';
is_run('inspect what is none', ['inspect'], "1234\n$dir[0]{token}x\n", $DATA, '', qr/line 1: not in the form.*\n.*line 2: not in the form/);

# --- rewrap -----------------------------------------------------------------------------------------------

sub header_of ($text) { return decode_base64url($text =~ /\A([^.]+)/ ? $1 : '') }

my $hex = is_run('hex', [ 'encrypt', '--key-file', $RING ], "11\n22\n", $GOOD, qr/\A(?:[0-9a-f]{60}\n){2}\z/);
my @to_p256 = ('rewrap', '--key-file', $RING, '--format', 'jwe', @{ $SEAL{p256} });
my $jwe     = is_run('hex to jwe', [ @to_p256, @BOUND ], $hex, $GOOD, qr/\A(?:[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+\n){2}\z/);
is_run('opens', [ @p256, @BOUND, '--ttl', 60 ], $jwe, $GOOD, "11\n22\n");
is_run('hex to jwe without a call', [@to_p256], $hex, $DATA, $hex, qr/line 1: says neither its call nor its field.*copied as it is/);
is_run('jwe stays what it is', [ @to_p256, @BOUND ], "# a comment\n\n$jwe", $GOOD, "# a comment\n\n$jwe");
my $dir_token = seal('dir', '33', iat => 5, sid => 'CA5', fld => 'f5') . "\n";
my $moved = is_run('dir to a recipient', [ 'rewrap', '--key-file', $RING, @{ $SEAL{x25519} } ], $dir_token, $GOOD, qr/\A[\w.-]+\n\z/);
like header_of($moved), qr/"kid":"x1".*"iat":5,"sid":"CA5","fld":"f5"\}\z/, 'keeps time, call and field';
is_run('from pair to pair', [ 'rewrap', '--private-key', $PAIR{x25519}, @{ $SEAL{rsa} } ], $moved, $GOOD, qr/\A[\w.-]+\n\z/);
my $back = is_run('back under the key file', [ 'rewrap', '--private-key', $PAIR{x25519}, '--key-file', $RING, '--format', 'jwe' ], $moved, $GOOD, qr/\A[\w-]+\.\.[\w.-]+\n\z/);
like header_of($back), qr/\A\{"alg":"dir","enc":"A256GCM","kid":"k1","iat":5,"sid":"CA5","fld":"f5"\}\z/, 'keeps them too';
my $lost = is_run('into hex', [ 'rewrap', '--private-key', $PAIR{p256}, '--key-file', $RING, '--format', 'hex' ], $jwe, $GOOD, qr/\A(?:[0-9a-f]{60}\n){2}\z/, qr/\A[^\n]*warning: a hex token[^\n]*lost\n\z/);
is_run('opens', [ 'decrypt', '--key-file', $RING ], $lost, $GOOD, "11\n22\n");
is_run('what none opens', [ 'rewrap', '--key-file', $RING, '--format', 'hex' ], $jwe, $DATA, $jwe, qr/line 1: not a token of these keys; copied/);
my $old = seal('dir', '44') =~ s/\A[^.]+/encode_base64url(sprintf $OTHER, 'dir', 'k0', '', 7, 'CA7', 'f7')/er;
is_run('a token that was changed', [ 'rewrap', '--key-file', $RING ], "$old\n", $DATA, "$old\n", qr/line 1: not a token/);

# What becomes too long is left, and those behind it are done.
{
    my $tokens = is_run('hex of any length', [ 'encrypt', '--key-file', $RING ], join("\n", 1, 2 x 7000, 3) . "\n", $GOOD, qr/\A(?:[0-9a-f]+\n){3}\z/);
    my ($long) = $tokens =~ /\n([^\n]*\n)/;
    my ($in, $out) = (put(fresh(), $tokens), fresh());
    my @command = (@to_p256, @BOUND, '--input', $in, '--output', $out);
    is_run("one of them is too long for jwe: $_", [@command], '', $DATA, '', qr/\A[^\n]*line 2: too long for a token of that format; copied as it is\n\z/) for 'done', 'done again';
    like slurp($out), qr/\A[\w.-]+\n\Q$long\E[\w.-]+\n\z/, 'the others are done';
    put($out, substr slurp($out), 0, 1000);
    is_run('and gone on with, where it was cut off', [@command], '', $DATA, '', qr/line 2: too long/);
    like slurp($out), qr/\A[\w.-]+\n\Q$long\E[\w.-]+\n\z/, 'is whole';
}

# An interrupted run goes on, wherever it was cut off.
for my $case ([ 'dir', [ 'rewrap', '--key-file', $RING, '--format', 'jwe', @BOUND ] ], [ 'p256', [ @to_p256, @BOUND ] ]) {
    my ($kind, $command) = @$case;
    my ($in, $out) = (put(fresh(), $hex), fresh());
    is_run("$kind: to a file", [ @$command, '--input', $in, '--output', $out ], '', $GOOD, '');
    my $whole = slurp($out);
    my ($first) = $whole =~ /\A([^\n]*\n)/;
    for my $n (0, 1, 5, length($first) - 1, length $first, length($first) + 30, length($whole) - 1, length $whole) {
        put($out, substr $whole, 0, $n);
        is_run("$kind: $n bytes were there", [ @$command, '--input', $in, '--output', $out ], '', $GOOD, '');
        my $kept = length($first) <= $n ? $first : '';
        is substr(slurp($out), 0, length $kept), $kept, "$kind: whole lines stay";
        is_run("$kind: it is whole", [ 'decrypt', @{ $OPEN{$kind} }, @BOUND ], slurp($out), $GOOD, "11\n22\n");
    }
    my $foreign = seal($kind, '11', fld => 'other') . "\n";
    put($out, $foreign);
    is_run("$kind: another field", [ @$command, '--input', $in, '--output', $out ], '', $DATA, '', qr/line 1 is not what becomes of line 1/);
    is slurp($out), $foreign, "$kind: is left as it is";
}

# --- Wrong usage ------------------------------------------------------------------------------------------

my @encrypt = ('encrypt', '--key-file', $RING);
is_run(@$_[ 0, 1 ], '', $USAGE, '', $_->[2]) for
    [ 'another format', [ @encrypt, '--format', 'jws' ], qr/--format is hex or jwe/ ],
    [ 'jwe without a field', [ @encrypt, '--format', 'jwe', '--sid', 'CA1' ], qr/needs --sid and --fld/ ],
    [ 'hex with a call', [ @encrypt, '--sid', 'CA1' ], qr/are for --format jwe/ ],
    [ 'a recipient without a kid', [ 'encrypt', '--recipient', "$PAIR{p256}.pub", @BOUND ], qr/belong together/ ],
    [ 'a kid without a recipient', [ @encrypt, '--format', 'jwe', '--kid', 'e1', @BOUND ], qr/belong together/ ],
    [ 'a kid that is none', [ 'encrypt', '--recipient', "$PAIR{p256}.pub", '--kid', 'e 1', @BOUND ], qr/a kid is/ ],
    [ 'hex for a recipient', [ 'encrypt', '--format', 'hex', @{ $SEAL{p256} }, @BOUND ], qr/only a jwe token/ ],
    [ 'two keys', [ @encrypt, @{ $SEAL{p256} }, @BOUND ], qr/not both/ ],
    [ 'no key', ['decrypt'], qr/--key-file is missing/ ],
    [ 'no key for rewrap', ['rewrap'], qr/--key-file or --private-key is missing/ ],
    [ 'nothing to seal with', [ 'rewrap', '--private-key', $PAIR{p256} ], qr/--key-file is missing/ ],
    [ 'a call that is not UTF-8', [ @encrypt, '--format', 'jwe', '--sid', "\xff", '--fld', 'pin' ], qr/--sid .*UTF-8/ ],
    [ 'a field that is not UTF-8', [ 'rewrap', '--key-file', $RING, '--format', 'jwe', '--sid', 'CA1', '--fld', "pi\xc3" ], qr/--fld .*UTF-8/ ],
    [ 'an empty call', [ @encrypt, '--format', 'jwe', '--sid', '', '--fld', 'pin' ], qr/--sid .*empty/ ],
    [ 'an empty field', [ @p256, '--fld', '' ], qr/--fld .*empty/ ],
    [ 'a ttl of 0', [ @p256, '--ttl', 0 ], qr/--ttl is a number/ ],
    [ 'a clock that is none', [ @p256, '--at', '1e9' ], qr/--at is a number/ ];

# --- Files ------------------------------------------------------------------------------------------------

my $loose = put(fresh(), slurp($PAIR{p256}), 0644);
is_run('a private key for everybody', [ 'decrypt', '--private-key', $loose ], '', $SYSTEM, '', qr/private key file '\Q$loose\E' has mode 0644/);
my $open = put(fresh(), slurp("$PAIR{p256}.pub"), 0666);
my @for_it = ('--kid', 'e1', @BOUND);
is_run('a recipient that others can write', [ 'encrypt', '--recipient', $open, @for_it ], '', $SYSTEM, '', qr/recipient file '\Q$open\E' has mode 0666.*go-w/);
is_run('a private key as recipient', [ 'encrypt', '--recipient', $PAIR{p256}, @for_it ], '', $SYSTEM, '', qr/holds a private key/);
is_run('a public key as private', [ 'decrypt', '--private-key', put(fresh(), slurp("$PAIR{p256}.pub")) ], '', $SYSTEM, '', qr/holds no private key/);
my $sealed = fresh();
system 'openssl', 'pkcs8', '-topk8', '-in', $PAIR{p256}, '-out', $sealed, '-passout', 'pass:secret';
chmod 0600, $sealed;
is_run('an encrypted private key', [ 'decrypt', '--private-key', $sealed ], '', $SYSTEM, '', qr/is encrypted/);

done_testing;
