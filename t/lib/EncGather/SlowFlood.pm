# SPDX-License-Identifier: Apache-2.0
# Slow clients: many connections that send a webhook a byte a second and never come to its end.
package EncGather::SlowFlood;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(time);

use EncGather::Clients;

use constant BODY => 'CallSid=CA' . '5' x 32 . '&Digits=730591826407' . '&x=' . 'y' x 4000;

# port, connections, file for the sums, while => sub that says whether to go on
sub start ($class, %options) {
    my $self = bless { sums => { opened => 0, hung_up => 0, cut => 0, answered => {} }, at => {}, %options }, $class;
    $self->{pid} = EncGather::Clients::start(sub { $self->_flood });
    return $self;
}

# { opened, answered => { status => number }, cut (by the server, without an answer), hung_up (by us, at the end) }
sub finish ($self) {
    EncGather::Clients::finish($self->{pid}) or return;
    open my $file, '<', $self->{file} or croak "$self->{file}: $!";
    local $/;
    return JSON::PP->new->decode(scalar <$file>);
}

sub _flood ($self) {
    $SIG{PIPE} = 'IGNORE';
    $self->{select} = IO::Select->new;
    while ($self->{while}->() && !EncGather::Clients::is_alone()) {
        $self->_open while keys %{ $self->{at} } < $self->{connections};
        my $until = time + 1;
        while ((my $left = $until - time) > 0) {
            $self->_read($_) for $self->{select}->can_read($left);
        }
        syswrite $_->{socket}, substr BODY, $_->{sent}++, 1 for values %{ $self->{at} };
    }
    $self->{sums}{hung_up} = keys %{ $self->{at} };
    open my $file, '>', $self->{file} or croak "$self->{file}: $!";
    print {$file} JSON::PP->new->encode($self->{sums});
    close $file or croak "$self->{file}: $!";
    return;
}

sub _open ($self) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}) or croak "connect: $!";
    syswrite $socket, "POST /gather?step=getPin HTTP/1.1\r\nHost: one.test\r\nX-Twilio-Signature: " . 'A' x 27 . "=\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " . length(BODY) . "\r\n\r\n";
    $self->{select}->add($socket);
    $self->{at}{$socket} = { socket => $socket, sent => 0 };
    $self->{sums}{opened}++;
    return;
}

# The server's last word, which it has before it should.
sub _read ($self, $socket) {
    my $n = sysread $socket, my $bytes, 65_536;
    if ($n && $bytes =~ m{^HTTP/1\.1 (\d+)}) {
        $self->{sums}{answered}{$1}++;
    }
    else {
        $self->{sums}{cut}++;
    }
    $self->{select}->remove($socket);
    delete $self->{at}{$socket};
    close $socket;
    return;
}

1;
