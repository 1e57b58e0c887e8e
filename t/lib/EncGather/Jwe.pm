# SPDX-License-Identifier: Apache-2.0
# jwe tokens by another implementation, pairs of keys, and the program that opens tokens.
package EncGather::Jwe;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Crypt::AuthEnc::GCM qw(gcm_encrypt_authenticate);
use Crypt::PK::ECC;
use Crypt::PK::RSA;
use Crypt::PK::X25519;
use Digest::SHA qw(sha256);
use Exporter 'import';
use IPC::Open3 qw(open3);
use JSON::PP ();
use MIME::Base64 qw(decode_base64url encode_base64url);

our @EXPORT_OK = qw(make_pair seal_jwe header_text header_members content_key_of opened_by_tool tool_run);

my $TOOL = $ENV{ENCGATHER_TOOL} || ($ENV{ENCGATHER_OUT} || 'build/out') . '/encgather';
my %ALG  = (dir => 'dir', p256 => 'ECDH-ES', x25519 => 'ECDH-ES', rsa => 'RSA-OAEP-256');

# Exit status and standard output, standard error included, of the program with that input.
sub tool_run ($arguments, $input = '') {
    my $pid = open3(my $in, my $out, undef, $TOOL, @$arguments);
    print {$in} $input;
    close $in;
    my $text = do { local $/; <$out> };
    waitpid $pid, 0;
    return ($? >> 8, defined $text ? $text : '');
}

# Writes FILE and FILE.pub; RSA of so many bits, where the program's own would take too long. kind => p256, x25519, rsa.
sub make_pair ($kind, $file, $bits = 2048) {
    unlink $file, "$file.pub";
    if ($kind eq 'rsa') {
        my $umask = umask 077;
        system("openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:$bits -out '$file' 2>/dev/null"
            . " || openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:$bits -out '$file' 2>/dev/null") == 0 or croak "openssl: $?";
        umask $umask;
        system("openssl pkey -in '$file' -pubout -out '$file.pub'") == 0 or croak "openssl: $?";
        chmod 0600, $file;
        chmod 0644, "$file.pub";
    }
    else {
        my ($status, $text) = tool_run([ 'keygen', '--recipient', $kind, $file ]);
        croak "keygen: $text" if $status;
    }
    return $file;
}

# What the program says of a token with these options of "decrypt": the value, or undef.
sub opened_by_tool ($token, @options) {
    my ($status, $text) = tool_run([ 'decrypt', @options ], "$token\n");
    chomp $text;
    return $status ? undef : $text;
}

sub header_text ($token) { return decode_base64url((split /\./, $token)[0]) }

# --- Sealing ------------------------------------------------------------------------------------------------

sub _concat_kdf ($z) { return sha256(pack('N', 1) . $z . pack('N/a* N N N', 'A256GCM', 0, 0, 256)) }

sub _once ($kind) {
    return $kind eq 'p256' ? Crypt::PK::ECC->new->generate_key('secp256r1') : Crypt::PK::X25519->new->generate_key;
}

sub _epk ($kind, $once) {
    my $jwk = $once->export_key_jwk('public', 1);
    return sprintf '{%s}', join ',', map { qq("$_":"$jwk->{$_}") } $kind eq 'p256' ? qw(kty crv x y) : qw(kty crv x);
}

# Members of a header in their order, as [ name, JSON text ]; epk for ECDH-ES is added by seal_jwe.
sub header_members ($kind, %with) {
    return ([ alg => qq("$ALG{$kind}") ], [ enc => '"A256GCM"' ], defined $with{kid} ? [ kid => qq("$with{kid}") ] : (),
        $ALG{$kind} eq 'ECDH-ES' ? [ epk => undef ] : (),
        [ iat => defined $with{iat} ? $with{iat} : time ], [ sid => qq("$with{sid}") ], [ fld => qq("$with{fld}") ]);
}

# A token whose tag is right, whatever is in its header. Options: key (hexadecimal for dir, else a private key's file),
# kid, sid, fld, iat; mangle, which gets the members and returns others.
sub seal_jwe ($kind, $plain, %with) {
    my @members = header_members($kind, %with);
    my ($content, $epk, $wrapped) = (undef, '{}', '');
    if ($kind eq 'dir') {
        $content = pack 'H*', $with{key};
    }
    elsif ($kind eq 'rsa') {
        $content = join '', map { chr int rand 256 } 1 .. 32;
        $wrapped = Crypt::PK::RSA->new($with{key})->encrypt($content, 'oaep', 'SHA256');
    }
    else {
        my $once = _once($kind);
        my $mine = $kind eq 'p256' ? Crypt::PK::ECC->new($with{key}) : Crypt::PK::X25519->new($with{key});
        ($content, $epk) = (_concat_kdf($once->shared_secret($mine)), _epk($kind, $once));
    }
    $_->[0] eq 'epk' and $_->[1] = $epk for @members;
    @members = $with{mangle}->(@members) if $with{mangle};
    my $header = encode_base64url('{' . join(',', map { qq("$_->[0]":$_->[1]) } @members) . '}');
    my $nonce  = join '', map { chr int rand 256 } 1 .. 12;
    my ($text, $tag) = gcm_encrypt_authenticate('AES', $content, $nonce, $header, $plain);
    return join '.', $header, map { encode_base64url($_) } $wrapped, $nonce, $text, $tag;
}

# The content key of a token that is sealed to this private key's file, and the secret of the agreement, if there was one.
sub content_key_of ($kind, $token, $file) {
    my ($header, $wrapped) = split /\./, $token;
    return Crypt::PK::RSA->new($file)->decrypt(decode_base64url($wrapped), 'oaep', 'SHA256') if $kind eq 'rsa';
    my $epk  = JSON::PP->new->decode(decode_base64url($header))->{epk};
    my $mine = $kind eq 'p256' ? Crypt::PK::ECC->new($file) : Crypt::PK::X25519->new($file);
    my $once = $kind eq 'p256' ? Crypt::PK::ECC->new : Crypt::PK::X25519->new;
    $once->import_key($epk);
    my $shared = $mine->shared_secret($once);
    return (_concat_kdf($shared), $shared);
}

1;
