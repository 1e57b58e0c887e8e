# SPDX-License-Identifier: Apache-2.0
# perl judge.pl seal|open KIND KEY HEADER: lines of values to tokens, or of tokens to values, by Crypt::JWT.
use strict;
use warnings;

use Crypt::JWT qw(decode_jwt encode_jwt);
use JSON::PP ();

my ($what, $kind, $path, $header) = @ARGV;
open my $file, '<', $path or die "$path: $!\n";
my $text = do { local $/; <$file> };
my $key = $kind eq 'dir' ? pack('H*', $text =~ s/\s//gr) : \$text;
my %header = %{ JSON::PP->new->decode($header) };
my ($alg, $enc) = delete @header{qw(alg enc)};
while (my $line = <STDIN>) {
    chomp $line;
    print $what eq 'seal'
        ? encode_jwt(payload => $line, alg => $alg, enc => $enc, key => $key, extra_headers => \%header)
        : decode_jwt(token => $line, key => $key, decode_payload => 0, accepted_alg => $alg, accepted_enc => $enc), "\n";
}
