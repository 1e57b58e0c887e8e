# SPDX-License-Identifier: Apache-2.0
# The webhooks that a benchmark replays, signed as Twilio signs them, in files that t/bench/load reads.
package EncGather::Bench::Webhooks;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Crypt::AuthEnc::GCM qw(gcm_encrypt_authenticate gcm_decrypt_verify);
use Exporter 'import';

use EncGather::Bench::Providers qw(signed_by);
use EncGather::Signature;

our @EXPORT_OK = qw(ORIGIN TOKEN KEY parameters request write_requests seal unseal);

# The same each time, so that counts can be compared. No server outside of a benchmark knows them.
use constant {
    ORIGIN => 'https://voice.example.test',
    TOKEN  => '0123456789abcdef' x 2,
    KEY    => join('', map { sprintf '%02x', $_ } 0 .. 31),
    EACH   => 64,    # requests in a file
};

# What Twilio sends at a <Gather>: 15 parameters, some empty, not sorted; further ones as long as its own are.
my @PARAMETERS = (
    CallSid => undef, Digits => undef, msg => 'Gather End', AccountSid => 'AC' . '0f' x 16, CallStatus => 'in-progress',
    Called => '+15558675310', To => '+15558675310', Caller => undef, From => undef, CallerCity => 'SAN FRANCISCO',
    ApiVersion => '2010-04-01', Direction => 'inbound', CallerCountry => 'US', CallerState => 'CA', FinishedOnKey => '',
);
my @FURTHER = (
    CalledCity => 'OAKLAND', CalledCountry => 'US', CalledState => 'CA', CalledZip => '94601', CallerZip => '94105',
    FromCity => 'SAN FRANCISCO', FromCountry => 'US', FromState => 'CA', FromZip => '94105', ToCity => 'OAKLAND',
    ToCountry => 'US', ToState => 'CA', ToZip => '94601', StirVerstat => 'TN-Validation-Passed-A',
);

# The flat list name, value of the $n-th webhook. options: parameters (15), digits (random), call (the $n-th), provider (Twilio)
sub parameters ($n, %option) {
    my $caller = sprintf '+1415555%04d', ($n * 7919) % 10000;
    my %here = (
        CallSid => sprintf('CA%032x', 0x1234567 * ((defined $option{call} ? $option{call} : $n) + 1)),
        Caller  => $caller,
        From    => $caller,
        Digits  => defined $option{digits} ? $option{digits} : sprintf('%04d', ($n * 6007 + 1234) % 10000),
    );
    my @all   = (@PARAMETERS, @FURTHER);
    my $count = $option{parameters} || 15;
    push @all, sprintf('Parameter%d', @all / 2), 'a value' while @all < 2 * $count;
    splice @all, 2 * $count;
    my @pairs = map { $_ % 2 && exists $here{ $all[ $_ - 1 ] } ? $here{ $all[ $_ - 1 ] } : $all[$_] } 0 .. $#all;
    $pairs[0] = 'CallUUID' if ($option{provider} || '') eq 'plivo';
    return @pairs;
}

# An HTTP/1.1 request as bytes. options: path, query; method; n, parameters, digits, extra (a parameter's length);
# wrong (the signature is); provider (who signs, Twilio); json (a body that is not a form, not signed);
# close (the connection is, afterwards)
sub request (%option) {
    my $target = $option{path} . (defined $option{query} ? "?$option{query}" : '');
    my @close  = $option{close} ? 'Connection: close' : ();
    return _bytes(GET => $target, '', @close) if ($option{method} || '') eq 'GET';
    return _bytes(POST => $target, $option{json}, 'Content-Type: application/json', @close) if defined $option{json};
    my @pairs = parameters($option{n} || 0, %option);
    push @pairs, Extra => 'x' x $option{extra} if $option{extra};
    my @signed = _signed(ORIGIN . $target, \@pairs, form_encode(@pairs), %option);
    return _bytes(POST => $target, form_encode(@pairs), 'Content-Type: application/x-www-form-urlencoded; charset=utf-8',
        @signed, @close, 'I-Twilio-Idempotency-Token: 5f3c1e8a-9d0b-4c7e-8a21-6b7d4e0f9c55');
}

# The lines of its signature; a wrong one is as long, and spelled, as a right one.
sub _signed ($url, $pairs, $body, %option) {
    my @headers = $option{provider} ? signed_by($option{provider}, $url, $pairs, $body) : ('X-Twilio-Signature' => signature(TOKEN, $url, $pairs));
    $headers[1] = reverse $headers[1] if $option{wrong};
    return map { "$headers[ 2 * $_ ]: $headers[ 2 * $_ + 1 ]" } 0 .. $#headers / 2;
}

sub _bytes ($method, $target, $body, @headers) {
    my ($host) = ORIGIN =~ m{//(.*)};
    push @headers, 'Content-Length: ' . length $body if $method eq 'POST';
    return join "\r\n", "$method $target HTTP/1.1", "Host: $host", 'User-Agent: TwilioProxy/1.1', 'Accept: */*', @headers, '', $body;
}

sub write_requests ($path, %option) {
    open my $file, '>:raw', $path or die "$path: $!\n";
    for my $n (0 .. EACH - 1) {
        my $bytes = request(n => $n, %option);
        print {$file} length $bytes, "\n", $bytes;
    }
    close $file or die "$path: $!\n";
    return $path;
}

# A token as any other program would make it, and back: undef when it is not authentic.
sub seal ($plain, $key = KEY) {
    open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
    read($random, my $nonce, 12) == 12 or die "/dev/urandom: $!\n";
    return unpack 'H*', join '', $nonce, gcm_encrypt_authenticate('AES', pack('H*', $key), $nonce, '', $plain);
}

sub unseal ($token, $key = KEY) {
    my $bytes = pack 'H*', $token;
    return if length $bytes < 28;
    my ($nonce, $sealed, $tag) = unpack 'a12 a' . (length($bytes) - 28) . ' a16', $bytes;
    return gcm_decrypt_verify('AES', pack('H*', $key), $nonce, '', $sealed, $tag);
}

1;
