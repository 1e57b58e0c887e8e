# SPDX-License-Identifier: Apache-2.0
# A client of HTTP/2 (RFC 9113) for one request, just good enough to break off where no library would: header fields are
# sent as literals (RFC 7541, 6.2.2), and of the answer only the status and the body are read.
package EncGather::Http2;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use HTTP::Response;
use IO::Select;
use IO::Socket::INET;

use constant {
    PREFACE => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6, GOAWAY => 7,
    END_STREAM => 1, END_HEADERS => 4, ACK => 1, PADDED => 8,
    CANCEL      => 8,
    STREAM      => 1,
    ANSWER_WAIT => 60,    # seconds
    PAUSE       => 0.3,   # between what shall not come in one piece
};

# Statuses of HPACK's static table, by their index; others come as literals, with or without Huffman's code.
my %STATUS = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404, 14 => 500);
my %DIGIT_CODE = ('00000' => 0, '00001' => 1, '00010' => 2, '011001' => 3, '011010' => 4, '011011' => 5, '011100' => 6,
    '011101' => 7, '011110' => 8, '011111' => 9);

# Sends fields (name, value, ...) and the body. end: undef ends the stream as it should; 'reset' and 'close' break off
# after the body, once begun is true (somebody has the request in hand), and return nothing.
sub exchange ($host, $fields, $body, $end = undef, $begun = sub () { 1 }) {
    my $socket = IO::Socket::INET->new(PeerAddr => $host) or die "connect: $@";
    my $flags  = defined $end ? 0 : END_STREAM;
    syswrite $socket, PREFACE . _frame(SETTINGS, 0, 0, '') . _frame(HEADERS, END_HEADERS, STREAM, _literals(@$fields))
        . _frame(DATA, $flags, STREAM, $body);
    return _answer($socket) unless defined $end;
    $begun->();
    syswrite $socket, _frame(RST_STREAM, 0, STREAM, pack 'N', CANCEL) if $end eq 'reset';
    select undef, undef, undef, PAUSE if $end eq 'reset';
    close $socket;
    return;
}

sub _frame ($type, $flags, $stream, $payload) {
    return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $stream) . $payload;
}

# Pseudo fields go first.
sub _literals (@fields) {
    my (@pseudo, @other);
    while (my ($name, $value) = splice @fields, 0, 2) {
        push @{ $name =~ /^:/ ? \@pseudo : \@other }, "\0" . _string($name) . _string($value);
    }
    return join '', @pseudo, @other;
}

sub _string ($text) {
    my $n = length $text;
    return chr($n) . $text if $n < 127;
    my $rest = '';
    for ($n -= 127; $n >= 128; $n >>= 7) { $rest .= chr($n & 127 | 128) }
    return chr(127) . $rest . chr($n) . $text;
}

sub _answer ($socket) {
    my ($status, $body) = (0, '');
    while (my ($type, $flags, $stream, $payload) = _read_frame($socket)) {
        syswrite $socket, _frame(SETTINGS, ACK, 0, '') if $type == SETTINGS && !($flags & ACK);
        return if $type == GOAWAY && !$status;
        next unless $stream == STREAM;
        return if $type == RST_STREAM && !$status;
        $status = _status($payload) if $type == HEADERS && !$status;
        $body .= $payload if $type == DATA;
        last if $flags & END_STREAM && ($type == HEADERS || $type == DATA) || $type == RST_STREAM;
    }
    my $response = HTTP::Response->new($status, '', [ 'Content-Length' => length $body ], $body);
    $response->{test_method} = 'POST';
    return $response;
}

# Of a header block: its first field is the status.
sub _status ($block) {
    my ($first, @rest) = unpack 'C*', $block;
    ($first, @rest) = @rest while ($first & 0xe0) == 0x20;    # a change of the table's size
    return $STATUS{ $first & 0x7f } || 0 if $first & 0x80;
    my $length = shift @rest;
    my $value  = pack 'C*', @rest[ 0 .. ($length & 0x7f) - 1 ];
    return $length & 0x80 ? _huffman_digits($value) : $value;
}

sub _huffman_digits ($bytes) {
    my ($bits, $digits, $code) = (unpack('B*', $bytes), '', '');
    for my $bit (split //, $bits) {
        $code .= $bit;
        next unless exists $DIGIT_CODE{$code};
        $digits .= $DIGIT_CODE{$code};
        $code = '';
    }
    return $digits;
}

sub _read_frame ($socket) {
    my $head = _read($socket, 9) // return;
    my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN', $head;
    my $payload = _read($socket, $high << 16 | $low) // return;
    return ($type, $flags, $stream & 0x7fffffff, $payload);
}

sub _read ($socket, $n) {
    my $bytes  = '';
    my $select = IO::Select->new($socket);
    while (length $bytes < $n) {
        $select->can_read(ANSWER_WAIT) or return;
        sysread $socket, $bytes, $n - length $bytes, length $bytes or return;
    }
    return $bytes;
}

1;
