# SPDX-License-Identifier: Apache-2.0
# A client's line to a server under load: keeps its connection for several requests, as Twilio does, and gives account
# of every connection that ended otherwise than it should.
package EncGather::Connection;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use IO::Select;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

use constant {
    PATIENCE => 60,    # seconds without a byte, after which an answer counts as lost; nothing is measured by it
    TRIES    => 3,
};

# port       of the server, on 127.0.0.1
# requests   how many of them go over one connection
sub new ($class, %options) {
    return bless { requests => 8, lost => [], reopened => [], sent => 0, %options }, $class;
}

# What happened to connections: lost within an answer, or closed by the server before it began one. Each as
# { port (ours), opened, ended (times), uses (requests that it answered before), why }
sub lost     ($self) { return $self->{lost} }
sub reopened ($self) { return $self->{reopened} }
sub sent     ($self) { return $self->{sent} }

# The answer { status, headers => { lower-case name => value }, body }, or undef: then it stands in lost.
#
# A server may close a connection that it keeps open just when the next request is on its way, which it then has not
# read: that request is sent once more (RFC 9112, 9.3.1 demands as much of clients). So does the event MPM, at a restart,
# now and then with a connection that it has just accepted. That it was not read, counters show which are exact. Nothing
# is sent again when a part of an answer has come.
sub exchange ($self, $request) {
    for (1 .. TRIES) {
        $self->_open or return $self->_note(lost => "connect: $!");
        my $answer = $self->_try($request);
        return $self->_received($answer) if ref $answer;
        return $self->_note(lost => $answer) if length $self->{bytes};
        $self->_note(reopened => $answer);
    }
    return $self->_note(lost => 'closed again and again');
}

sub close ($self) {
    CORE::close(delete $self->{socket}) if $self->{socket};
    return;
}

# --- One connection ---------------------------------------------------------------------------------------------------

sub _open ($self) {
    return 1 if $self->{socket};
    $self->{opened} = time;
    $self->{socket} = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}) or return 0;
    setsockopt $self->{socket}, IPPROTO_TCP, TCP_NODELAY, 1;
    $self->{client_port} = $self->{socket}->sockport;
    $self->{uses} = 0;
    return 1;
}

sub _note ($self, $list, $why) {
    push @{ $self->{$list} },
        { port => $self->{client_port}, opened => $self->{opened}, ended => time, why => $why, uses => $self->{uses} };
    $self->close;
    return;
}

sub _received ($self, $answer) {
    my $is_last = ++$self->{uses} >= $self->{requests} || lc($answer->{headers}{connection} || '') eq 'close';
    $self->close if $is_last;
    return $answer;
}

# An answer, or in words what came instead.
sub _try ($self, $request) {
    local $SIG{PIPE} = 'IGNORE';
    $self->{bytes} = '';
    $self->{sent}++;
    syswrite($self->{socket}, $request) == length $request or return "write: $!";
    until ($self->{bytes} =~ /\r\n\r\n/) {
        my $failed = $self->_read;
        return $failed if $failed;
    }
    return $self->_whole_answer;
}

sub _read ($self) {
    IO::Select->new($self->{socket})->can_read(PATIENCE) or return 'no answer';
    my $n = sysread $self->{socket}, $self->{bytes}, 65_536, length $self->{bytes};
    return defined $n ? $n ? '' : 'closed' : "read: $!";
}

# Everything that the module and httpd answer here comes with its length.
sub _whole_answer ($self) {
    my ($head, $body) = split /\r\n\r\n/, $self->{bytes}, 2;
    my ($first, @lines) = split /\r\n/, $head;
    my %headers = map { /^([^:]+):\s*(.*)/ ? (lc $1 => $2) : () } @lines;
    my $length  = $headers{'content-length'};
    return 'an answer without a length' unless defined $length;
    while (length $body < $length) {
        my $before = length $self->{bytes};
        my $failed = $self->_read;
        return "in the middle of an answer: $failed" if $failed;
        $body .= substr $self->{bytes}, $before;
    }
    return 'more than the answer' if length $body > $length;
    return { status => $first =~ m{^HTTP/1\.1 (\d+)} ? $1 : 0, headers => \%headers, body => $body };
}

1;
