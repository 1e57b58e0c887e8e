# SPDX-License-Identifier: Apache-2.0
# Opens jwe tokens by Crypt::JWT (Debian: libcrypt-jwt-perl): requests as the module sends them, a JSON object a line, to what
# callers keyed in.
#
#     perl tokens.pl bank-2026=/etc/ivr/bank-2026.key k1=/etc/ivr/k1.key <requests
#
# A key is kid=FILE: a private key (PKCS#8; P-256 or RSA), or the 64 hexadecimal digits of a key in EncGatherKeyFile.
# open_call() is what a backend needs. The library looks at tag and form; kid, alg, fld, sid and iat are ours to look at.
use strict;
use warnings;

use Crypt::JWT qw(decode_jwt);
use Crypt::PK::RSA;
use JSON::PP ();
use MIME::Base64 qw(decode_base64url);

my @FIELDS = qw(encryptedCardDigits encryptedPinDigits);
my ($TTL, $AHEAD) = (900, 60);    # seconds
my $JSON = JSON::PP->new->utf8->canonical;
my %KEYS = map { /^([^=]+)=(.*)/s ? ($1 => read_key($2)) : die "not kid=FILE: $_\n" } @ARGV;
$| = 1;

sub read_key {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    my $text = do { local $/; <$file> };
    return { alg => 'dir', key => pack 'H*', $1 } if $text =~ /^\s*([0-9a-f]{64})\s*\z/i;
    return { alg => eval { Crypt::PK::RSA->new(\$text) } ? 'RSA-OAEP-256' : 'ECDH-ES', key => \$text };
}

sub demand { $_[0] or die "bad token\n" }

sub open_field {
    my ($token, $name) = @_;
    demand(defined $token && !ref $token && $token =~ /^([\w-]+)(?:\.[\w-]*){4}\z/a);
    my $header = $JSON->decode(decode_base64url($1));
    my $of     = $KEYS{ $header->{kid} // '' };
    demand($of && ($header->{alg} // '') eq $of->{alg} && ($header->{enc} // '') eq 'A256GCM');
    demand(!exists $header->{zip} && !exists $header->{crit});
    my @only  = (accepted_alg => $of->{alg}, accepted_enc => 'A256GCM');
    my $value = decode_jwt(token => $token, key => $of->{key}, decode_payload => 0, @only);
    my ($fld, $sid, $iat) = map { defined && !ref ? $_ : '' } @{$header}{qw(fld sid iat)};
    demand(defined $value && $fld eq $name && length $sid && $iat =~ /^\d{1,15}\z/a);
    demand(time - $iat <= $TTL && $iat - time <= $AHEAD);
    return ($value, $sid);
}

# All tokens have to be of one call: that of CallSid, where EncGatherForward sends it.
sub open_call {
    my ($request) = @_;
    my ($call, %opened) = ($request->{CallSid});
    for my $name (@FIELDS) {
        ($opened{$name}, my $sid) = open_field($request->{$name}, $name);
        $call //= $sid;
        demand($sid eq $call);
    }
    return \%opened;
}

while (my $line = <STDIN>) {
    print $JSON->encode(eval { open_call($JSON->decode($line)) } || { error => 'bad token' }), "\n";
}
