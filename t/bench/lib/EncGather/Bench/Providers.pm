# SPDX-License-Identifier: Apache-2.0
# How each provider signs a webhook of a benchmark, and the secret that it does it with. Shares no code with the module.
package EncGather::Bench::Providers;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Crypt::PK::Ed25519;
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use Exporter 'import';
use MIME::Base64 qw(encode_base64);

use EncGather::Provider;

our @EXPORT_OK = qw(PROVIDERS GUARDS secret_of signed_by);

# Whom a gather can speak with besides Twilio, and who guards other applications alone.
use constant { PROVIDERS => [qw(signalwire plivo telnyx)], GUARDS => [qw(jambonz freeclimb standardwebhooks)] };

# The same each time. No server outside of a benchmark knows them.
my $SEED = pack 'C*', 1 .. 32;
my $MAC  = 'fedcba9876543210' x 2;
my $ID   = 'msg_2b7c5e9d1f0a4c6e8b3d';

# A line of the file of secrets.
sub secret_of ($provider) {
    return $provider eq 'telnyx' ? encode_base64(_pair()->export_key_raw('public'), '')
        : $provider eq 'standardwebhooks' ? 'whsec_' . encode_base64($MAC, '')
        : $provider eq 'signalwire'       ? "PSK_$MAC"
        :                                   $MAC;
}

my %SIGNS = (
    telnyx => sub ($time, $body) {
        return ('telnyx-signature-ed25519' => encode_base64(_pair()->sign_message("$time|$body"), ''), 'telnyx-timestamp' => $time);
    },
    jambonz   => sub ($time, $body) { return ('Jambonz-Signature' => _timed($time, $body)) },
    freeclimb => sub ($time, $body) { return ('FreeClimb-Signature' => _timed($time, $body)) },
    standardwebhooks => sub ($time, $body) {
        my $signature = 'v1,' . encode_base64(hmac_sha256("$ID.$time.$body", $MAC), '');
        return ('webhook-id' => $ID, 'webhook-timestamp' => $time, 'webhook-signature' => $signature);
    },
);

# The headers of a form, name and value in turn. What is signed with a time is good for five minutes.
sub signed_by ($provider, $url, $pairs, $body) {
    return $SIGNS{$provider}->(time, $body) if $SIGNS{$provider};
    my $row = EncGather::Provider->named($provider) or die "no provider $provider\n";
    return $row->{sign}->(secret_of($provider), { url => $url, method => 'POST', form => $pairs }, $body);
}

my $pair;
sub _pair () { return $pair ||= Crypt::PK::Ed25519->new->import_key_raw($SEED, 'private') }

sub _timed ($time, $body) { return "t=$time,v1=" . hmac_sha256_hex("$time.$body", $MAC) }

1;
