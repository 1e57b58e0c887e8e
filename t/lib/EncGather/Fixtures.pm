# SPDX-License-Identifier: Apache-2.0
# Keys, tokens and accounts of the test servers: the tests know them from here, and their files are written from here.
package EncGather::Fixtures;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use Fcntl qw(O_CREAT O_EXCL O_WRONLY);

our @EXPORT_OK = qw(%KEY %TOKEN $ACCOUNT_SID @ACCOUNT @SECOND_ACCOUNT write_secret write_fixtures);

# No key is written down anywhere: they are made from their names.
our %KEY = (
    (map { $_ => sha256_hex("encgather test key: $_") } qw(demo other ring1 ring2 removed)),
    vectors => join('', map { sprintf '%02x', $_ } 0 .. 31),    # of the vectors in the manual
);

our $ACCOUNT_SID = 'AC' . '7' x 32;
our %TOKEN = (
    demo    => substr(sha256_hex('encgather test token: demo'), 0, 32),
    rotated => substr(sha256_hex('encgather test token: rotated'), 0, 32),
    account => substr(sha256_hex('encgather test token: account'), 0, 32),    # of $ACCOUNT_SID alone
    other   => substr(sha256_hex('encgather test token: other'), 0, 32),      # in no file of the main server
    vectors => '12345',                                                       # of Twilio's published vectors
    flow    => '0123456789abcdef0123456789abcdef',
);

# Card, PIN, account, balance. The demo's own account, and one whose digits cannot be taken for a number that httpd
# writes into its logs: no process id, port or byte count begins with a zero.
our @ACCOUNT        = ('1234', '4321', 'AC12345678', '12.55');
our @SECOND_ACCOUNT = ('0417', '0932', 'AC00998877', '1049.90');

my %FILES = (
    'demo.key'      => "$KEY{demo}\n",
    'other.key'     => "$KEY{other}\n",
    'removed.key'   => "$KEY{removed}\n",
    'vectors.key'   => "$KEY{vectors}\n",
    'ring.key'      => "# the first encrypts\nnow $KEY{ring1}\n\nbefore $KEY{ring2}\n",
    'auth-tokens'   => "# the second is the one before rotation\n$TOKEN{demo}\n$TOKEN{rotated}\n"
                     . "$ACCOUNT_SID $TOKEN{account}\n",
    'other-tokens'  => "$TOKEN{other}\n",
    'vector-tokens' => "$TOKEN{vectors}\n$TOKEN{flow}\n",
);

sub write_fixtures ($directory) {
    mkdir $directory, 0700 or die "$directory: $!\n";
    write_secret("$directory/$_", $FILES{$_}) for sort keys %FILES;
    return;
}

# A file that nobody else could read at any moment of its life.
sub write_secret ($path, $content, $mode = 0600) {
    unlink $path;
    sysopen my $file, $path, O_CREAT | O_EXCL | O_WRONLY, 0600 or die "$path: $!\n";
    binmode $file;
    print {$file} $content;
    close $file or die "$path: $!\n";
    chmod $mode, $path or die "$path: $!\n";
    return $path;
}

1;
