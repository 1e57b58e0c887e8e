# SPDX-License-Identifier: Apache-2.0
# Keys for tokens of every kind, the locations that seal by them, and a way to open what comes back.
package EncGather::Bench::Sealed;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';

use EncGather::Bench::Apache qw(gather_location write_secret);
use EncGather::Bench::Webhooks qw(KEY request unseal);
use EncGather::Files qw(slurp spew);
use EncGather::Jwe qw(seal_jwe);

our @EXPORT_OK = qw(RECIPIENTS make_keys sealing_locations write_fresh opened);

use constant RECIPIENTS => qw(p256 x25519 rsa);

# By the tool: a ring with an id, and a pair for each kind of recipient, in files of that name.
sub make_keys ($tool, $directory) {
    write_secret("$directory/ring", 'k1 ' . KEY);
    for my $kind (RECIPIENTS) {
        system($tool, 'keygen', '--recipient', $kind, "$directory/$kind") == 0 or die "$tool cannot make a pair\n";
    }
    return;
}

# /jwe-dir, /jwe-p256, ...: nobody there has a private key.
sub sealing_locations ($backend, $directory) {
    return join '', gather_location('/jwe-dir', $backend, $directory, qq(EncGatherKeyFile "$directory/ring"), 'EncGatherTokenFormat jwe'),
        map { gather_location("/jwe-$_", $backend, $directory, qq(EncGatherRecipient $_ "$directory/$_.pub")) } RECIPIENTS;
}

# Requests of a backend, each with two tokens that nobody has sent before.
sub write_fresh ($path, $n, $target) {
    open my $file, '>:raw', $path or die "$path: $!\n";
    for my $i (1 .. $n) {
        my $token = sub ($field, $plain) { qq("$field":") . seal_jwe('dir', $plain, key => KEY, kid => 'k1', sid => "CA$i", fld => $field) . '"' };
        my $bytes = request(path => $target, json => '{' . $token->(encryptedCardDigits => '1234') . ',' . $token->(encryptedPinDigits => '4321') . '}');
        print {$file} length $bytes, "\n", $bytes;
    }
    close $file or die "$path: $!\n";
    return $path;
}

# What is in a token of any format, '' when no key of the directory opens it.
sub opened ($tool, $directory, $token) {
    return unseal($token) // '' if $token !~ /\./;
    for my $key ([ '--key-file', "$directory/ring" ], map { [ '--private-key', "$directory/$_" ] } RECIPIENTS) {
        spew("$directory/token-to-open", "$token\n");
        system('sh', '-c', 'in=$1 out=$2; shift 2; "$@" <"$in" >"$out" 2>/dev/null', 'sh', "$directory/token-to-open", "$directory/opened", $tool, 'decrypt', @$key) == 0 or next;
        return slurp("$directory/opened") =~ s/\n\z//r;
    }
    return '';
}

1;
