# SPDX-License-Identifier: Apache-2.0
# Signs requests the way Twilio does; written from Twilio's rules and sharing no code with the
# module it checks.
package EncGather::Signature;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA qw(hmac_sha1_base64 hmac_sha256_base64 sha256_hex);
use Exporter 'import';

our @EXPORT_OK = qw(signature signature_sha256 form_encode form_decode body_sha256);
our @EXPORT    = @EXPORT_OK;

# The X-Twilio-Signature of a request for $url with the form parameters
# name, value, name, value ... as bytes. None for a GET and for a JSON body:
# there Twilio signs the URL alone.
sub signature ($token, $url, $pairs = []) {
    return _signature(\&hmac_sha1_base64, $token, $url, $pairs);
}

# The same by HMAC_SHA256, which only SharedKeys sign with.
sub signature_sha256 ($secret, $url, $pairs = []) {
    return _signature(\&hmac_sha256_base64, $secret, $url, $pairs);
}

# Digest::SHA leaves the padding out; 20 bytes and 32 bytes always end in one "=".
sub _signature ($mac, $token, $url, $pairs) {
    return $mac->($url . join('', _signed_parameters(@$pairs)), $token) . '=';
}

# A name that comes several times counts once for each distinct value.
sub _signed_parameters (@pairs) {
    my %values;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        $values{$name}{$value} = 1;
    }
    return map { _each_value($_, $values{$_}) } sort keys %values;
}

sub _each_value ($name, $values) {
    return map { $name . $_ } sort keys %$values;
}

# application/x-www-form-urlencoded as Twilio writes it.
sub form_encode (@pairs) {
    my @parts;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        push @parts, _escape($name) . '=' . _escape($value);
    }
    return join '&', @parts;
}

sub _escape ($bytes) {
    $bytes =~ s/([^A-Za-z0-9._* -])/sprintf '%%%02X', ord $1/ge;
    $bytes =~ tr/ /+/;
    return $bytes;
}

# The flat list name, value, ... of a form; a name without "=" has the value "".
sub form_decode ($bytes) {
    my @pairs;
    for my $part (grep { length } split /&/, $bytes) {
        my ($name, $value) = split /=/, $part, 2;
        push @pairs, _unescape($name), _unescape(defined $value ? $value : '');
    }
    return @pairs;
}

sub _unescape ($bytes) {
    $bytes =~ tr/+/ /;
    $bytes =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    return $bytes;
}

# The value of the bodySHA256 parameter that Twilio puts into the URL of a JSON request.
sub body_sha256 ($bytes) {
    return sha256_hex($bytes);
}

1;
