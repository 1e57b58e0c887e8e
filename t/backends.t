# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# CI: no sanitizer
# The programs in conf/backends that open jwe tokens by libraries of other makers: each opens what is sealed for it, and
# refuses what a library alone would let through.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use File::Copy qw(copy);
use File::Temp ();
use FindBin;
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp spew);
use EncGather::Fixtures qw(%KEY write_secret);
use EncGather::Twilio qw(install scripts_in what_is_missing);

my $TOP  = abs_path("$FindBin::Bin/..");
my $OUT  = $ENV{ENCGATHER_OUT} ? abs_path($ENV{ENCGATHER_OUT}) : "$TOP/build/out";
my $TOOL = $ENV{ENCGATHER_TOOL} || "$OUT/encgather";
plan skip_all => "no $TOOL: make all builds it" if !-x $TOOL;
plan skip_all => 'no CryptX: on Debian, build/deps.sh test installs it' if !eval { require Crypt::AuthEnc::GCM } && !$ENV{CI};

my $SCRIPTS = "$TOP/conf/backends";
my $DIR     = File::Temp->newdir;
my $CALL    = 'CA7edb360f06acaef2cc80dba16cf563f1';
my %VALUE   = (encryptedCardDigits => '0417', encryptedPinDigits => '95');
my $JSON    = JSON::PP->new->canonical;
my $REFUSED = { error => 'bad token' };

sub output_of ($input, @command) {
    spew("$DIR/in", $input);
    system 'sh', '-c', 'cd "$1" && shift && "$@" <in >out 2>err', 'sh', $DIR, @command;
    my ($status, $said) = ($?, slurp("$DIR/err"));
    diag $said if $status || $said ne '';
    return $status == 0 && $said eq '' ? slurp("$DIR/out") : '';
}

# --- Tokens ------------------------------------------------------------------------------------------------------

write_secret("$DIR/k1",   "$KEY{demo}\n");
write_secret("$DIR/ring", "k1 $KEY{demo}\n");
output_of('', $TOOL, 'keygen', '--recipient', $_, "$DIR/$_") for qw(p256 x25519 rsa);
my %SEAL = (k1 => [ '--format', 'jwe', '--key-file', "$DIR/ring" ], map { $_ => [ '--recipient', "$DIR/$_.pub", '--kid', $_ ] } qw(p256 x25519 rsa));

sub sealed ($field, @how) {
    return output_of("$VALUE{$field}\n", $TOOL, 'encrypt', @how, '--fld', $field, '--sid', $CALL) =~ s/\n\z//r;
}

# Under k1, whatever its header says; undef takes a member out.
sub crafted ($field, %header) {
    my %all   = (alg => 'dir', enc => 'A256GCM', kid => 'k1', iat => time, sid => $CALL, fld => $field, %header);
    my $text  = encode_base64url($JSON->encode({ map { defined $all{$_} ? ($_ => $all{$_}) : () } keys %all }));
    my $nonce = join '', map { chr int rand 256 } 1 .. 12;
    my ($cipher, $tag) = Crypt::AuthEnc::GCM::gcm_encrypt_authenticate('AES', pack('H*', $KEY{demo}), $nonce, $text, $VALUE{$field});
    return join '.', $text, '', map { encode_base64url($_) } $nonce, $cipher, $tag;
}

my ($CARD, $PIN) = qw(encryptedCardDigits encryptedPinDigits);
my $card = crafted($CARD);

sub with_pin ($token, %more) { return { $CARD => $card, $PIN => $token, %more } }

# What one sees by its name => a request that has to be refused.
my @BAD = (
    'swapped fields'         => { $CARD => crafted($PIN), $PIN => crafted($CARD) },
    'one token for both'     => { $CARD => $card, $PIN => $card },
    'two calls'              => with_pin(crafted($PIN, sid => "$CALL-2")),
    'another call'           => with_pin(crafted($PIN), CallSid => "$CALL-2"),
    'yesterday'              => with_pin(crafted($PIN, iat => time - 86_400)),
    'tomorrow'               => with_pin(crafted($PIN, iat => time + 86_400)),
    'no time'                => with_pin(crafted($PIN, iat => undef)),
    'a time that is a text'  => with_pin(crafted($PIN, iat => 'now')),
    'no call'                => with_pin(crafted($PIN, sid => undef)),
    'no field'               => with_pin(crafted($PIN, fld => undef)),
    'no kid'                 => with_pin(crafted($PIN, kid => undef)),
    'an unknown kid'         => with_pin(crafted($PIN, kid => 'k2')),
    "another key's kid"      => with_pin(crafted($PIN, kid => 'p256')),
    "a pair under k1's kid"  => with_pin(sealed($PIN, '--recipient', "$DIR/p256.pub", '--kid', 'k1')),
    'zip'                    => with_pin(crafted($PIN, zip => 'DEF')),
    'crit'                   => with_pin(crafted($PIN, crit => ['iat'])),
    'another tag'            => with_pin(crafted($PIN) =~ s/(.)(.{9})\z/($1 eq 'A' ? 'B' : 'A') . $2/er),
    'hex'                    => with_pin('ab' x 32),
    'no token'               => with_pin(undef),
    'a number'               => with_pin(1),
);

# --- Programs ----------------------------------------------------------------------------------------------------

sub is_there (@command) { return system('sh', '-c', '"$@" >/dev/null 2>&1', 'sh', @command) == 0 }

# A module of Node.js finds a package only below itself.
sub node () {
    scripts_in('jwe');
    my $why = what_is_missing() || install("$OUT/jose");
    return $why if $why;
    copy("$SCRIPTS/tokens.mjs", "$DIR/tokens.mjs") && symlink("$OUT/jose/node_modules", "$DIR/node_modules") or die "tokens.mjs: $!";
    return '';
}

sub compiled () {
    return 'there is no libcjose' if !is_there('sh', '-c', 'echo "#include <cjose/cjose.h>" | cc -E -');
    output_of('', qw(cc -Wall -Wextra -Werror -Wno-ignored-qualifiers -o), "$DIR/tokens", "$SCRIPTS/tokens.c", qw(-lcjose -ljansson -lcrypto));
    return '';
}

# missing: why it cannot run here, '' if it can.
my @PROGRAMS = (
    { name => 'npm jose', kinds => [qw(k1 p256 x25519 rsa)], command => [ 'node', "$DIR/tokens.mjs" ], missing => \&node, elsewhere => 1 },
    { name => 'jwcrypto', kinds => [qw(k1 p256 x25519 rsa)], command => [ '/usr/bin/python3', "$SCRIPTS/tokens.py" ],
      missing => sub { is_there(qw(/usr/bin/python3 -c), 'import jwcrypto') ? '' : 'there is no python3-jwcrypto' } },
    { name => 'Crypt::JWT', kinds => [qw(k1 p256 rsa)], command => [ $^X, "$SCRIPTS/tokens.pl" ],
      missing => sub { is_there($^X, '-MCrypt::JWT', '-e1') ? '' : 'there is no Crypt::JWT' } },
    { name => 'PHP', kinds => [qw(k1 p256 x25519 rsa)], command => [ 'php', "$SCRIPTS/tokens.php" ],
      missing => sub { is_there(qw(php -r), 'exit(extension_loaded("openssl") && stream_resolve_include_path("phpseclib3/autoload.php") ? 0 : 1);')
          ? '' : 'there is no php, or no phpseclib3' } },
    { name => 'libcjose', kinds => [qw(k1 p256)], command => ["$DIR/tokens"], missing => \&compiled },
    { name => 'latchset jose', kinds => [qw(k1 p256)], command => [ 'sh', "$SCRIPTS/tokens.sh" ],
      missing => sub { is_there(qw(jose fmt -j {} -O)) && is_there(qw(xxd -v)) ? '' : 'there is no jose, or no xxd' } },
);

# All requests to one process; a line for each.
sub answers ($program, @requests) {
    my $lines = join '', map { $JSON->encode($_) . "\n" } @requests;
    return map { eval { $JSON->decode($_) } // $_ } split /^/, output_of($lines, @{ $program->{command} }, map { "$_=$DIR/$_" } @{ $program->{kinds} });
}

for my $program (@PROGRAMS) {
    SKIP: {
        my $why = $program->{missing}->();
        ok !$why, "$program->{name}: $why" or last SKIP if $ENV{CI} && !$program->{elsewhere};
        skip $why, 1 if $why;
        my @good = ((map { my $kind = $_; +{ map { $_ => sealed($_, @{ $SEAL{$kind} }) } keys %VALUE } } @{ $program->{kinds} }),
            with_pin(crafted($PIN), CallSid => $CALL), with_pin(crafted($PIN, cty => 'x', iat => time + 30)));
        my @answers = answers($program, @good, map { $BAD[ 2 * $_ + 1 ] } 0 .. $#BAD / 2);
        is_deeply shift @answers, \%VALUE, "$program->{name}: opens $_" for @{ $program->{kinds} }, 'with CallSid', 'of a clock that is ahead';
        is_deeply shift @answers, $REFUSED, "$program->{name}: refuses $BAD[2 * $_]" for 0 .. $#BAD / 2;
    }
}

done_testing;
