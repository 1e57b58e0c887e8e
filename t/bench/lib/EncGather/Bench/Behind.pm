# SPDX-License-Identifier: Apache-2.0
# What a proxy hands on, as its backend sees it: whether it is shielded and signed anew, before anybody measures it.
package EncGather::Bench::Behind;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;

use EncGather::Bench::Webhooks qw(ORIGIN TOKEN parameters request unseal);
use EncGather::Signature qw(signature form_decode);

our @EXPORT_OK = qw(complaint);

use constant WAIT => 20;    # seconds

# Sends a webhook to a proxy at $port, whose backend for this path is at $backend; a sentence when what comes there is not
# what it should be, or ''. clear: what it has to have in it, where tokens are opened on the way and not made.
sub complaint ($port, $backend, %asked) {
    my $listening = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $backend, Listen => 1, ReuseAddr => 1) or return "no backend: $!";
    my $caller    = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => WAIT) or return "connect: $!";
    print {$caller} request(%asked) =~ s/\r\n/\r\nConnection: close\r\n/r;
    my ($head, $body) = _taken($listening);
    defined $body or return 'nothing comes to the backend';
    local $/;
    my $answer = <$caller>;
    return $asked{clear} ? _opened($body, @{ $asked{clear} }) : _judged($head, $body, %asked);
}

# Of the one connection; answered, so that the caller is.
sub _taken ($listening) {
    IO::Select->new($listening)->can_read(WAIT) or return;
    my $connection = $listening->accept or return;
    my $bytes = '';
    until ($bytes =~ /\r\n\r\n/ && length $' >= ($bytes =~ /^Content-Length: *(\d+)/mi ? $1 : 0)) {
        IO::Select->new($connection)->can_read(WAIT) && sysread $connection, $bytes, 65536, length $bytes or return;
    }
    print {$connection} "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    return split /\r\n\r\n/, $bytes, 2;
}

sub _opened ($body, @clear) {
    return (grep { index($body, $_) < 0 } @clear) ? 'what comes to the backend is not opened' : '';
}

sub _judged ($head, $body, %asked) {
    my %sent = parameters(0, %asked);
    my @got  = form_decode($body);
    my %got  = @got;
    return 'the token does not open' if (unseal($got{Digits} // '') // '') ne $sent{Digits};
    return 'something else was changed' if grep { $_ ne 'Digits' && ($got{$_} // '?') ne $sent{$_} } keys %sent;
    my $target = $asked{path} . (defined $asked{query} ? "?$asked{query}" : '');
    my $signed = signature(TOKEN, ORIGIN . $target, \@got);
    return $head =~ /^X-Twilio-Signature: \Q$signed\E\r?$/mi ? '' : 'it is not signed anew';
}

1;
