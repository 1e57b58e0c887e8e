# SPDX-License-Identifier: Apache-2.0
# What a demo shows on a terminal: headings, paragraphs, who said what, lines of logs; with colours where they are wanted.
package EncGather::Screen;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use Text::Wrap ();

our @EXPORT_OK = qw(paint heading paragraph record line command plain_log_line shorten);

use constant WIDTH => 80;

my %COLOUR = (
    heading => 1, wire => 2, bad => 31, good => 32, caller => 33, carried => 35, server => 36,
);

sub paint ($what, $text) {
    my $plain = !-t *STDOUT || length($ENV{NO_COLOR} || '') || ($ENV{TERM} || 'dumb') eq 'dumb';
    return $plain || !$COLOUR{$what} ? $text : "\e[$COLOUR{$what}m$text\e[0m";
}

sub heading ($text) {
    print "\n", paint(heading => $text), "\n", '-' x WIDTH, "\n";
    return;
}

sub paragraph ($text) {
    print _wrapped('', '', $text), "\n";
    return;
}

sub record ($text) {
    print _wrapped('    ', '      ', $text), "\n";
    return;
}

# Who or what, and then the text in a column of its own.
sub line ($who, $text) {
    my $body = _wrapped(' ' x 10, ' ' x 10, $text);
    substr $body, 0, 10, '';
    print paint($who, sprintf '  %-8s', $who), paint($who eq 'wire' ? $who : '', $body), "\n";
    return;
}

# Text::Wrap would break these where a shell must not.
sub command ($first, @more) {
    print '    ', paint(wire => join " \\\n      ", $first, @more), "\n";
    return;
}

sub _wrapped ($first, $more, $text) {
    local ($Text::Wrap::columns, $Text::Wrap::unexpand) = (WIDTH + 1, 0);
    local $Text::Wrap::break = qr/\s|(?=&)/;    # queries are long words
    return Text::Wrap::wrap($first, $more, $text);
}

# Without what is the same in each line: date, pids, "-" for what a request did not have.
sub plain_log_line ($line) {
    $line =~ s/^(\S+) - - \[[^\]]*\] /$1 /;
    $line =~ s/^\[[^\]]*\] //;
    $line =~ s/\[pid [^\]]*\] //;
    $line =~ s/ "-" "TwilioProxy[^"]*"//;
    return shorten($line);
}

# Long hexadecimal strings, to their two ends.
sub shorten ($text) {
    $text =~ s/\b((?:AC|CA)?[0-9a-f]{8})[0-9a-f]{16,}([0-9a-f]{4})\b/$1..$2/g;
    return $text;
}

1;
