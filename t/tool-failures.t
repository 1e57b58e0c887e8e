# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# The command line program when the system fails it: each call of a kind fails once, the n-th for n = 1, 2, ... until the
# program ends without reaching it. Then it has either said so and ended with 3, or all is as if nothing had failed; no
# output is torn, no key file stays half written, no invalid signature becomes valid, and no message has a secret.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use Errno qw(EAGAIN EINTR EIO ENOLCK ENOMEM ENOSPC ENOSYS EMFILE);
use File::Temp ();
use FindBin;
use POSIX qw(SIGHUP SIGINT SIGTERM);
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Fixtures qw(%KEY %TOKEN write_secret);
use EncGather::Signature qw(signature form_encode body_sha256);

my $OUT     = abs_path($ENV{ENCGATHER_OUT} || "$FindBin::Bin/../build/out");
my $TOOL    = $ENV{ENCGATHER_TOOL} || "$OUT/encgather";
my $FAILING = "$OUT/tool/failing.so";
plan skip_all => "no $TOOL or $FAILING: make all unit builds them" if (!-x $TOOL || !-e $FAILING) && !$ENV{CI};
plan skip_all => 'no CryptX: on Debian, build/deps.sh test installs it'
    if !eval { require Crypt::AuthEnc::GCM; Crypt::AuthEnc::GCM->import(qw(gcm_encrypt_authenticate)); 1 } && !$ENV{CI};
plan skip_all => 'a sanitizer has to be loaded first, and nothing before it' if $ENV{ENCGATHER_SANITIZER};

use constant { GOOD => 0, DATA => 1, SYSTEM => 3, MOST => 400 };

my $DIR    = File::Temp->newdir;
my $serial = 0;
sub fresh () { return "$DIR/file" . ++$serial }

sub slurp ($path) {
    open my $file, '<:raw', $path or return undef;
    local $/;
    return scalar <$file> // '';
}

sub plain_file ($bytes) {
    my $path = fresh();
    open my $file, '>:raw', $path or die "$path: $!";
    print {$file} $bytes;
    close $file or die "$path: $!";
    return $path;
}

# --- What the program is asked ---------------------------------------------------------------------------

sub seal ($plain, $key) {
    my $nonce = join '', map { chr int rand 256 } 1 .. 12;
    my ($text, $tag) = gcm_encrypt_authenticate('AES', pack('H*', $key), $nonce, '', $plain);
    return unpack 'H*', $nonce . $text . $tag;
}

my $RING   = write_secret(fresh(), "new $KEY{demo}\nold $KEY{other}\n", 0600);
my $TOKENS = write_secret(fresh(), "$TOKEN{demo}\n", 0600);
my @VALUES = qw(0417 0932 88001);
my @SEALED = map { seal($_, $KEY{other}) } @VALUES;
my $TORN   = seal($VALUES[0], $KEY{demo}) . "\n" . substr seal($VALUES[1], $KEY{demo}), 0, 20;
my @FORM   = (Digits => '0417', CallSid => 'CA1');
my $JSON   = '{"Digits": "0932"}';
my $URL    = 'https://ivr.example.com/x';
my $HASHED = "$URL?bodySHA256=" . body_sha256($JSON);
my @SECRET = ($KEY{demo}, $KEY{other}, $TOKEN{demo}, @VALUES, @SEALED);

# A key pair that everybody has: the seed is 32 bytes of 7.
my $SEED   = write_secret(fresh(), "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", 0600);
my $PUBLIC = write_secret(fresh(), "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=\n", 0600);

sub signed_by_telnyx () {
    my $body = plain_file(form_encode(@FORM));
    return split /\n/, `'$TOOL' sign --provider telnyx --at 1795900000 --token-file '$SEED' --body '$body' '$URL'`;
}

# input, what a file that is written to has in it before, and how a good end looks: a pattern for the output, and for
# that file; "same" is what it is without a failure.
my @SCENARIOS = (
    { name => 'keygen to a file', arguments => [ 'keygen', 'FILE' ], output => qr/\A\z/, file => qr/\A[0-9a-f]{64}\n\z/, torn => undef },
    { name => 'keygen',  arguments => ['keygen'], output => qr/\A[0-9a-f]{64}\n\z/ },
    { name => 'check keys',   arguments => [ 'check', $RING ], output => 'same', bad => qr/\A\Q$RING\E: .+\n\z/ },
    { name => 'check tokens', arguments => [ 'check', '--tokens', $TOKENS ], output => 'same', bad => qr/\A\Q$TOKENS\E: .+\n\z/ },
    { name => 'encrypt', arguments => [ 'encrypt', '--key-file', $RING ], input => join('', map { "$_\n" } @VALUES),
        output => qr/\A(?:[0-9a-f]{64,66}\n){3}\z/ },
    { name => 'decrypt', arguments => [ 'decrypt', '--key-file', $RING ], input => join('', map { "$_\n" } @SEALED), output => 'same' },
    { name => 'index',   arguments => [ 'index',   '--key-file', $RING ], input => "0417\t0932\n88001\n", output => 'same' },
    { name => 'rewrap',  arguments => [ 'rewrap', '--key-file', $RING, '--input', plain_file(join '', map { "$_\n" } @SEALED), '--output', 'FILE' ],
        output => qr/\A\z/, file => qr/\A(?:[0-9a-f]{64,66}\n){3}\z/, torn => qr/\A(?:[0-9a-f]{64,66}\n){0,3}\z/ },
    { name => 'rewrap that goes on', before => $TORN,
        arguments => [ 'rewrap', '--key-file', $RING, '--input', plain_file(join '', map { "$_\n" } @SEALED), '--output', 'FILE' ],
        output => qr/\A\z/, file => qr/\A(?:[0-9a-f]{64,66}\n){3}\z/, torn => qr/\A(?:[0-9a-f]{64,66}\n){1,3}(?:[0-9a-f]{20})?\z/ },
    { name => 'sign', arguments => [ 'sign', '--token-file', $TOKENS, $URL ], input => form_encode(@FORM), output => 'same' },
    { name => 'verify', arguments => [ 'verify', '--token-file', $TOKENS, '--signature', signature($TOKEN{demo}, $URL, \@FORM), $URL ],
        input => form_encode(@FORM), output => 'same' },
    { name => 'verify a body', arguments => [ 'verify', '--token-file', $TOKENS, '--signature', signature($TOKEN{demo}, $HASHED, []),
            '--body', plain_file($JSON), $HASHED ], output => 'same' },
    { name => 'sign as Plivo', arguments => [ 'sign', '--provider', 'plivo', '--token-file', $TOKENS, $URL ], input => form_encode(@FORM),
        output => qr/\AX-Plivo-Signature-V3: \S{44}\nX-Plivo-Signature-V3-Nonce: [0-9a-f]{20}\n\z/ },
    { name => 'sign as Telnyx', arguments => [ 'sign', '--provider', 'telnyx', '--at', 1795900000, '--token-file', $SEED, $URL ],
        input => form_encode(@FORM), output => 'same' },
    # what fails inside of its Ed25519 OpenSSL itself tells as a signature that does not fit
    { name => 'verify as Telnyx', input => form_encode(@FORM), output => 'same', bad => qr/\Ainvalid: the signature does not fit\n\z/, arguments => [ 'verify', '--provider', 'telnyx', '--at', 1795900000,
            '--token-file', $PUBLIC, (map { ('--header' => $_) } signed_by_telnyx()), $URL ] },
    { name => 'trace', arguments => [ 'trace', 'CA1', plain_file("2026-11-29T05:03:57.123+0000 h 200 9 call=CA1 step=a result=found signature=valid\n") ],
        output => 'same' },
);

# Each kind of call, how it fails, and how many scenarios at least make it.
my @CALLS = (
    [ 'open',  EMFILE, 10 ], [ 'read',  EIO,    10 ], [ 'read',  EINTR, 10 ], [ 'read',      EAGAIN, 10 ],
    [ 'write', ENOSPC, 10 ], [ 'write', EINTR,  10 ], [ 'write', EAGAIN, 10 ], [ 'close',    EIO,    10 ],
    [ 'stat',  EIO,     9 ], [ 'flock', ENOLCK, 1 ],
    [ 'fstat', EIO,     9 ], [ 'fsync', EIO,     3 ], [ 'fchmod', EIO, 1 ], [ 'ftruncate', EIO, 1 ], [ 'getrandom', ENOSYS, 4 ],
    [ 'mmap', ENOMEM, 10 ], [ 'EVP_CIPHER_fetch', 0, 8 ], [ 'EVP_EncryptFinal_ex', 0, 3 ], [ 'EVP_DecryptInit_ex2', 0, 3 ],
    [ 'EVP_DigestFinal_ex', 0, 2 ], [ 'SHA1_Update', 0, 3 ], [ 'SHA256_Update', 0, 4 ],
);

# --- Running it --------------------------------------------------------------------------------------------

# Exit code (below 0: a signal), standard output, standard error, what is in its file, whether the call failed.
sub run ($scenario, $fail = undef) {
    my ($file, $in, $out, $err, $failed) = (fresh(), plain_file($scenario->{input} // ''), fresh(), fresh(), fresh());
    $file = plain_file($scenario->{before}) if defined $scenario->{before};
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDIN,  '<', $in;
        open STDOUT, '>', $out;
        open STDERR, '>', $err;
        @ENV{qw(LD_PRELOAD ENCGATHER_FAIL ENCGATHER_FAILED)} = ($FAILING, $fail, $failed) if $fail;
        exec {$TOOL} $TOOL, map { $_ eq 'FILE' ? $file : $_ } @{ $scenario->{arguments} } or exit 98;
    }
    waitpid $pid, 0;
    my %ended = (rc => $? & 127 ? -($? & 127) : $? >> 8, out => slurp($out), err => slurp($err), file => slurp($file), reached => -d $failed);
    rmdir $failed;
    unlink $file, $in, $out, $err;
    return \%ended;
}

# What is wrong with an end, or nothing.
sub wrong_with ($scenario, $ended, $usual) {
    my $output = $scenario->{output};
    return 'a wrong reason' if $ended->{err} =~ /another rewrap/;
    return 'a secret in a message' if grep { index($ended->{err}, $_) >= 0 } @SECRET;
    if ($ended->{rc} == SYSTEM) {
        return 'nothing said' if $ended->{err} !~ /\Aencgather[^\n]*: [^\n]+\n/;
        return 'a file left behind' if exists $scenario->{torn} && !defined $scenario->{torn} && defined $ended->{file};
        return 'a torn file' if defined $scenario->{torn} && defined $ended->{file} && $ended->{file} !~ $scenario->{torn};
        return;
    }
    return if $scenario->{bad} && $ended->{rc} == DATA && $ended->{out} =~ $scenario->{bad};
    return "exit status $ended->{rc}" if $ended->{rc} != GOOD;
    return 'another output' if ref $output ? $ended->{out} !~ $output : $ended->{out} ne $usual->{out};
    return 'another file' if $scenario->{file} && $ended->{file} !~ $scenario->{file};
    return;
}

my %reached;
for my $scenario (@SCENARIOS) {
    my $usual = run($scenario);
    is $usual->{rc}, GOOD, "$scenario->{name}: is good when nothing fails" or diag $usual->{err};
    for my $call (@CALLS) {
        my ($name, $error) = @$call;
        my (@wrong, $n);
        for ($n = 1; $n <= MOST; $n++) {
            my $ended = run($scenario, "$name $n $error");
            last if !$ended->{reached};
            my $wrong = wrong_with($scenario, $ended, $usual);
            push @wrong, "call $n: $wrong: $ended->{err}" if $wrong;
        }
        $reached{"$name $error"}++ if $n > 1;
        cmp_ok $n, '<=', MOST, "$scenario->{name}: has an end" if $n > MOST;
        is_deeply \@wrong, [], "$scenario->{name}: $name fails with $error, " . ($n - 1) . ' times'
            if $n > 1;
    }
}
cmp_ok $reached{"$_->[0] $_->[1]"} // 0, '>=', $_->[2], "$_->[0] failed in that many commands" for @CALLS;

# --- A signal ------------------------------------------------------------------------------------------------------------
# Wherever it comes, there is no file or a whole one; an empty one would be in the way of the next try.

for my $signal (SIGINT, SIGTERM, SIGHUP) {
    my ($keygen, %ends, @wrong) = $SCENARIOS[0];
    for my $call (qw(getrandom open fchmod write fsync close)) {
        for my $n (1 .. MOST) {
            my $ended = run($keygen, "$call $n -$signal");
            last if !$ended->{reached};
            my $file = !defined $ended->{file} ? 'none' : $ended->{file} =~ $keygen->{file} ? 'whole' : 'torn';
            $ends{$file}++;
            push @wrong, "in front of $call, number $n: $file, exit $ended->{rc}" if $file eq 'torn' || $ended->{rc} != -$signal;
        }
    }
    is_deeply \@wrong, [], "keygen: signal $signal ends it, and leaves no part of a file";
    ok $ends{none} && ($ends{whole} // 0) >= 4, "keygen: signal $signal came before the file was there, and later";
}

# --- A random number generator and a cipher that are not there -----------------------------------------------------------

{
    my $config = plain_file("openssl_conf = o\n[o]\nproviders = p\n[p]\nnull = n\n[n]\nactivate = 1\n");
    local $ENV{OPENSSL_CONF} = $config;
    my $ended = run({ arguments => [ 'encrypt', '--key-file', $RING ], input => "0417\n" });
    is $ended->{rc}, SYSTEM, 'an OpenSSL without AES ends it';
    like $ended->{err}, qr/\Aencgather[^\n]*OpenSSL does not offer/, 'and it says why';
    is $ended->{out}, '', 'without any output';
}

done_testing;
