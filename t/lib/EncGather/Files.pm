# SPDX-License-Identifier: Apache-2.0
# Small files, read and written as a whole, byte by byte.
package EncGather::Files;
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Exporter qw(import);

our @EXPORT_OK = qw(slurp slurp_if_there spew);

sub slurp ($path) {
    open my $file, '<:raw', $path or croak "$path: $!";
    local $/;
    return scalar <$file> // '';
}

# Nothing of a file that cannot be opened.
sub slurp_if_there ($path) {
    open my $file, '<:raw', $path or return '';
    local $/;
    return scalar <$file> // '';
}

# Returns the path. With a mode, the file has it whatever the umask.
sub spew ($path, $text, $mode = undef) {
    open my $file, '>:raw', $path or croak "$path: $!";
    print {$file} $text;
    close $file or croak "$path: $!";
    chmod $mode, $path or croak "$path: $!" if defined $mode;
    return $path;
}

1;
