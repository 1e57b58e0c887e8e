# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# CI: no sanitizer
# jwe tokens between encgather and libraries of other makers, both ways: what one seals the other opens. A library that is
# not on this machine is named and left out. ENCGATHER_JWE_TOKENS says how many tokens for each algorithm and library.
use strict;
use warnings;
use feature 'signatures';
no warnings qw(experimental::signatures);

use Cwd qw(abs_path);
use File::Temp ();
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp);
use EncGather::Fixtures qw(%KEY write_secret);
use EncGather::Twilio qw(install scripts_in what_is_missing);

my $TOP   = abs_path("$FindBin::Bin/..");
my $OUT   = $ENV{ENCGATHER_OUT} ? abs_path($ENV{ENCGATHER_OUT}) : "$TOP/build/out";
my $TOOL  = $ENV{ENCGATHER_TOOL} || "$OUT/encgather";
my $COUNT = $ENV{ENCGATHER_JWE_TOKENS} // 25;
plan skip_all => "no $TOOL: make all builds it" if !-x $TOOL;

my $DIR   = File::Temp->newdir;
my %KID   = (dir => 'k1', p256 => 'e1', x25519 => 'x1', rsa => 'r1');
my %ALG   = (dir => 'dir', p256 => 'ECDH-ES', x25519 => 'ECDH-ES', rsa => 'RSA-OAEP-256');
my @BOUND = ('--sid', 'CA7edb360f06acaef2cc80dba16cf563f1', '--fld', 'pin');
my $serial = 0;

# --- The libraries, and what each can do -----------------------------------------------------------------

# '' when it is there.
sub install_jose {
    scripts_in('jwe');
    $ENV{JOSE} = "$OUT/jose";
    return what_is_missing() || install($ENV{JOSE});
}

sub is_there (@command) { return system('sh', '-c', '"$@" >/dev/null 2>&1', 'sh', @command) == 0 }

my @JUDGES = (
    { name => 'npm jose',   command => [ 'node', "$TOP/t/jwe/judge.mjs" ], kinds => [qw(dir p256 x25519 rsa)], missing => \&install_jose },
    { name => 'jwcrypto',   command => [ '/usr/bin/python3', "$TOP/t/jwe/judge.py" ], kinds => [qw(dir p256 x25519 rsa)], missing => sub { is_there(qw(/usr/bin/python3 -c), 'import jwcrypto') ? '' : 'there is no python3-jwcrypto' } },
    # 0.034 writes epk as a string, where RFC 7518 wants an object: what it seals for P-256 only it opens;
    # and a ciphertext that is the one byte "0" it takes for none
    { name => 'Crypt::JWT', cannot_seal => 'p256', least => 2, command => [ $^X, "$TOP/t/jwe/judge.pl" ], kinds => [qw(dir p256 rsa)], missing => sub { is_there($^X, '-MCrypt::JWT', '-e1') ? '' : 'there is no Crypt::JWT' } },
);

# --- Both ways -------------------------------------------------------------------------------------------

sub put ($bytes) {
    my $path = "$DIR/file" . ++$serial;
    open my $file, '>:raw', $path or die "$path: $!";
    print {$file} $bytes;
    close $file or die "$path: $!";
    return $path;
}

# The output of a command; what it says on standard error is told when it fails.
sub output_of ($name, $input, @command) {
    my ($in, $out, $err) = (put($input), map { "$DIR/file" . ++$serial } 1 .. 2);
    system 'sh', '-c', 'in=$1 out=$2 err=$3; shift 3; "$@" <"$in" >"$out" 2>"$err"', 'sh', $in, $out, $err, @command;
    is $?, 0, $name or diag slurp($err);
    return slurp($out);
}

my %PRIVATE = (dir => write_secret("$DIR/hex", "$KEY{demo}\n"));
my %PUBLIC  = %PRIVATE;
my %SEAL    = (dir => [ '--format', 'jwe', '--key-file', write_secret("$DIR/ring", "k1 $KEY{demo}\n") ]);
my %OPEN    = (dir => [ '--key-file', "$DIR/ring" ]);
for my $kind (qw(p256 x25519 rsa)) {
    $PRIVATE{$kind} = "$DIR/$kind";
    $PUBLIC{$kind}  = "$DIR/$kind.pub";
    output_of("a pair: $kind", '', $TOOL, 'keygen', '--recipient', $kind, $PRIVATE{$kind});
    $SEAL{$kind} = [ '--recipient', $PUBLIC{$kind}, '--kid', $KID{$kind} ];
    $OPEN{$kind} = [ '--private-key', $PRIVATE{$kind} ];
}

for my $judge (@JUDGES) {
    my $missing = $judge->{missing}->();
    for my $kind (@{ $judge->{kinds} }) {
        SKIP: {
            skip $missing, 4 if $missing;
            my $least  = $judge->{least} // 1;                   # digits
            my $name   = "$judge->{name}, $kind";
            my $header = sprintf '{"alg":"%s","enc":"A256GCM","kid":"%s","iat":%d,"sid":"%s","fld":"%s"}', $ALG{$kind}, $KID{$kind}, time, @BOUND[ 1, 3 ];
            my $values = join '', map { join('', map { int rand 10 } 1 .. $least + rand(33 - $least)) . "\n" } 1 .. $COUNT;
            my $ours   = output_of("$name: sealed here", $values, $TOOL, 'encrypt', @{ $SEAL{$kind} }, @BOUND);
            is output_of("$name: opened there", $ours, @{ $judge->{command} }, 'open', $kind, $PRIVATE{$kind}, $header), $values, "$name: the same values";
            last SKIP if ($judge->{cannot_seal} // '') eq $kind;
            my $theirs = output_of("$name: sealed there", $values, @{ $judge->{command} }, 'seal', $kind, $PUBLIC{$kind}, $header);
            is output_of("$name: opened here", $theirs, $TOOL, 'decrypt', @{ $OPEN{$kind} }, @BOUND, '--ttl', 900), $values, "$name: the same values";
        }
    }
}

done_testing;
