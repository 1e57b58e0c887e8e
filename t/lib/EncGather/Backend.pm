# SPDX-License-Identifier: Apache-2.0
# A backend that answers by path, well or badly, and writes down every request it got.
package EncGather::Backend;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Fcntl qw(LOCK_EX);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();

use constant PATIENCE => 60;    # seconds after which a connection is given up, in case nobody ends it

my $ACCOUNT = '{"account":"AC12345678","balance":"12.55"}';

sub _json ($status, $body) {
    return _http($status, 'application/json', $body);
}

sub _http ($status, $type, $body, @headers) {
    return join "\r\n", "HTTP/1.1 $status", ($type ? "Content-Type: $type" : ()), 'Content-Length: ' . length $body,
        @headers, 'Connection: close', '', $body;
}

# path => the bytes of the answer, or code that gets the connection and answers (or not) by itself. All say that they
# close the connection: a proxy that kept it for the next request would lose that one to the race with the close.
my %ANSWER = (
    '/ok'         => _json('200 OK', $ACCOUNT),
    '/strange'    => _json('200 OK', '{"first":1,"account":"A&B <\"\u0001\u00e9","second":[{}],"balance":"1"}'),
    '/numbers'    => _json('200 OK', '{"account":1234567890123,"balance":12.5}'),
    '/twiml'      => _http('200 OK', 'text/xml', '<?xml version="1.0"?><Response><Say>As the backend says it</Say></Response>'),
    '/words'      => _json('200 OK', '{"account":true,"balance":false}'),
    '/no-member'  => _json('200 OK', '{"account":"AC12345678"}'),
    '/null'       => _json('200 OK', '{"account":"AC12345678","balance":null}'),
    '/nested'     => _json('200 OK', '{"account":"AC12345678","balance":{"is":"12.55"}}'),
    '/notjson'    => _json('200 OK', '{"account":"AC12345678",'),
    '/html'       => _http('200 OK', 'text/html', '<html>AC12345678</html>'),
    '/array'      => _json('200 OK', "[$ACCOUNT]"),
    '/empty'      => _json('200 OK', ''),
    '/404json'    => _json('404 Not Found', '{"error":"not found"}'),
    '/404html'    => _http('404 Not Found', 'text/html', '<html>no such page</html>'),
    '/401'        => _http('401 Unauthorized', 'text/plain', 'who?', 'WWW-Authenticate: Basic realm="x"'),
    '/500'        => _json('500 Internal Server Error', $ACCOUNT),
    '/503'        => _http('503 Service Unavailable', 'text/plain', 'later'),
    '/204'        => "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    '/301'        => _http('301 Moved Permanently', 'text/plain', 'there', 'Location: /ok'),
    '/record'     => _http('200 OK', 'text/plain', 'recorded'),
    '/error-page' => _http('403 Forbidden', 'text/plain', "an error page: proxied\n"),
    '/cacheable'  => _http('200 OK', 'text/plain', 'for an hour', 'Cache-Control: max-age=3600', 'Last-Modified: Sun, 01 Mar 2026 00:00:00 GMT'),
    '/drop'       => "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\nConnection: close\r\n\r\n"
                   . $ACCOUNT,
    '/half-head'  => "HTTP/1.1 200 OK\r\nContent-Ty",
    '/close'      => '',
    '/404later'   => sub ($connection, $life) { select undef, undef, undef, 0.5; return _send($connection, _json('404 Not Found', '{}')) },
    '/slow'       => sub ($connection, $life) { return _silence($connection, $life) },
    '/huge'       => sub ($connection, $life) { return _endless($connection) },
    '/fits'       => _json('200 OK', ' ' x (65_536 - length $ACCOUNT) . $ACCOUNT),
    '/large'      => _json('200 OK', ' ' x (65_537 - length $ACCOUNT) . $ACCOUNT),
    '/chunked'    => "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                   . join('', map { "1\r\n$_\r\n" } split //, $ACCOUNT) . "0\r\n\r\n",
);

# port   to listen at, on 127.0.0.1         record   file for what it gets
sub new ($class, %options) {
    my $self = bless { owner => $$, %options }, $class;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{port}, Listen => 64, ReuseAddr => 1)
        or croak "backend: port $self->{port}: $!";
    pipe my $life, $self->{life} or croak "pipe: $!";
    $self->forget;
    $self->{pid} = fork;
    croak "fork: $!" unless defined $self->{pid};
    return $self if $self->{pid};
    close $self->{life};    # its other end tells by its end of file that the test is over, however it ended
    $self->_serve($listen, $life);
    POSIX::_exit(0);
}

sub stop ($self) {
    return unless $self->{pid} && $self->{owner} == $$;
    close delete $self->{life};
    waitpid delete $self->{pid}, 0;
    return;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    $self->stop if $self->{owner};
    return;
}

# What came so far: { method, target, path, headers => { lower-case name => [values] }, body }
sub requests ($self) {
    open my $file, '<', $self->{record} or croak "$self->{record}: $!";
    return map { JSON::PP->new->latin1->decode($_) } <$file>;
}

sub forget ($self) {
    open my $file, '>', $self->{record} or croak "$self->{record}: $!";
    return;
}

# --- The server's own process -------------------------------------------------------------------------------

sub _serve ($self, $listen, $life) {
    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';
    $SIG{$_} = sub { POSIX::_exit(0) } for qw(INT TERM HUP);
    my $select = IO::Select->new($listen, $life);
    while (my @ready = $select->can_read) {
        return if grep { $_ == $life } @ready;
        my $connection = $listen->accept or next;
        my $pid = fork;
        if (defined $pid && $pid == 0) {
            close $listen;
            eval { $self->_answer($connection, $life) };
            POSIX::_exit(0);
        }
        close $connection;
    }
    return;
}

sub _answer ($self, $connection, $life) {
    alarm PATIENCE;
    my $request = _read_request($connection) or return;
    $self->_record($request);
    my $answer = $ANSWER{ $request->{path} };
    $answer = _http('404 Not Found', 'text/plain', 'no such case') unless defined $answer;
    return $answer->($connection, $life) if ref $answer;
    _send($connection, $answer);
    return;
}

sub _record ($self, $request) {
    open my $file, '>>', $self->{record} or return;
    flock $file, LOCK_EX;
    syswrite $file, JSON::PP->new->latin1->canonical->encode($request) . "\n";
    close $file;
    return;
}

sub _read_request ($connection) {
    my $head = '';
    until ($head =~ /\r\n\r\n/) {
        sysread $connection, $head, 1, length $head or return;
    }
    my ($first, @lines) = split /\r\n/, $head;
    my ($method, $target) = split / /, $first;
    my %headers;
    for my $line (@lines) {
        my ($name, $value) = split /:\s*/, $line, 2;
        push @{ $headers{ lc $name } }, $value;
    }
    my ($path) = $target =~ m{^([^?]*)};
    return { method => $method, target => $target, path => $path, headers => \%headers,
        body => _read_body($connection, \%headers) };
}

sub _read_body ($connection, $headers) {
    my ($length)  = @{ $headers->{'content-length'} || [0] };
    return _read_chunks($connection) if $headers->{'transfer-encoding'};
    return _read_exactly($connection, $length);
}

sub _read_chunks ($connection) {
    my $body = '';
    while (1) {
        my $line = '';
        until ($line =~ /\r\n\z/) {
            sysread $connection, $line, 1, length $line or return $body;
        }
        my $size = hex $line;
        $body .= _read_exactly($connection, $size) if $size;
        _read_exactly($connection, 2);
        return $body unless $size;
    }
}

sub _read_exactly ($connection, $length) {
    my $bytes = '';
    while (length $bytes < $length) {
        sysread $connection, $bytes, $length - length $bytes, length $bytes or last;
    }
    return $bytes;
}

sub _send ($connection, $bytes) {
    while (length $bytes) {
        my $written = syswrite $connection, $bytes or return 0;
        substr $bytes, 0, $written, '';
    }
    return 1;
}

# Says nothing until the other side gives up.
sub _silence ($connection, $life) {
    IO::Select->new($connection, $life)->can_read(PATIENCE);
    return;
}

sub _endless ($connection) {
    _send($connection, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{") or return;
    1 while _send($connection, ' ' x 65_536);
    return;
}

1;
