# SPDX-License-Identifier: Apache-2.0
# A server that answers what it was told to, one answer after the other, and writes down what it was asked.
package EncGather::Scripted;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Temp ();
use HTTP::Request;
use IO::Socket::IP;

# An answer is TwiML, [status, type, body, header lines ...], or a code ref that writes to the socket by itself and returns
# whether the connection stays open. Serves over one listening socket, in a child process, until the object goes.
sub new ($class, @answers) { return $class->at('127.0.0.1', @answers) || die "listen: $@" }

# The same at another address of this machine; nothing where it has none such.
sub at ($class, $address, @answers) {
    my $listener = IO::Socket::IP->new(LocalHost => $address, LocalPort => 0, Listen => 5) or return;
    my $self     = bless { record => File::Temp->new, port => $listener->sockport }, $class;
    my $pid      = fork;
    die "fork: $!" unless defined $pid;
    _serve($listener, $self->{record}, @answers) if $pid == 0;
    $self->{pid} = $pid;
    return $self;
}

sub DESTROY ($self) {
    local ($?, $!) = ($?, $!);
    kill KILL => $self->{pid};
    waitpid $self->{pid}, 0;
    return;
}

sub port ($self) { return $self->{port} }

sub url ($self, $path = '/') { return "http://127.0.0.1:$self->{port}$path" }

# What came over the wire so far, as HTTP::Request, each with "connection", the how-manieth it was.
sub requests ($self) {
    open my $file, '<:raw', "$self->{record}" or die "$self->{record}: $!";
    my $bytes = do { local $/; <$file> };
    my @requests;
    while (defined $bytes && length $bytes) {
        (my $connection, my $request, $bytes) = unpack 'N N/a* a*', $bytes;
        my $parsed = HTTP::Request->parse($request);
        $parsed->{connection} = $connection;
        push @requests, $parsed;
    }
    return @requests;
}

# Only ever left by a signal: no destructor or END block of the parent may run here.
sub _serve ($listener, $record, @answers) {
    alarm 60;    # should the parent die
    my $connections = 0;
    while (my $socket = $listener->accept) {
        $connections++;
        while (defined(my $request = _read_request($socket))) {
            syswrite $record, pack 'N N/a*', $connections, $request;
            last unless _answer($socket, @answers ? shift @answers : [ 500, 'text/plain', 'nothing is left to say' ]);
        }
    }
    kill KILL => $$;
}

sub _read_request ($socket) {
    my $head = '';
    until ($head =~ /\r\n\r\n\z/) {
        return unless sysread $socket, $head, 1, length $head;
    }
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    my $body = '';
    while ($length && length $body < $length) {
        return unless sysread $socket, $body, $length, length $body;
    }
    return $head . $body;
}

sub _answer ($socket, $answer) {
    return $answer->($socket) if ref $answer eq 'CODE';
    my ($status, $type, $body, @headers) = ref $answer ? @$answer : (200, 'text/xml; charset=utf-8', $answer);
    return print {$socket} join "\r\n", "HTTP/1.1 $status X", (defined $type ? "Content-Type: $type" : ()),
        'Content-Length: ' . length $body, @headers, '', $body;
}

1;
