# SPDX-License-Identifier: Apache-2.0
# A real Redis of one test: at a socket and a port, with what it keeps below a directory of its own, and ways to bring it into
# trouble.
package EncGather::Redis;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use IO::Socket::INET;
use IO::Socket::UNIX;

use EncGather::Daemon qw(free_ports program);

use constant ANSWER_WAIT => 20;    # seconds that a loaded machine may need

# Whether there is one to be had.
sub is_there ($class) { return defined program('redis-server') }

# dir      everything it writes goes below it
# options  lines of its configuration, as name => value, further to those that make it keep all it is told (what it has answered it
#          has written, though a disk may not have it yet: waiting for that would be too long for those who ask)
sub new ($class, $dir, %options) {
    my ($port) = free_ports(1);
    my $self = bless { port => $port, socket => "$dir/socket" }, $class;
    my %all = (maxmemory => '64mb', 'maxmemory-policy' => 'noeviction', appendonly => 'yes', save => '', %options);
    $self->{daemon} = EncGather::Daemon->new(dir => $dir,
        command => [ program('redis-server') || croak('no redis-server'), '--port', $port, '--bind', '127.0.0.1', '--unixsocket', $self->{socket},
            '--unixsocketperm', '777', '--dir', $dir, map { ("--$_", $all{$_}) } sort keys %all ],
        ready => sub { -S $self->{socket} && (eval { $self->ask('PING') } || '') eq 'PONG' });
    return $self;
}

sub start ($self)     { return $self->{daemon}->start || croak "Redis does not start:\n" . $self->{daemon}->last_words }
sub stop ($self)      { return $self->{daemon}->stop }
sub power_cut ($self) { return $self->{daemon}->power_cut }
sub freeze ($self)    { return $self->{daemon}->freeze }
sub thaw ($self)      { return $self->{daemon}->thaw }
sub pid ($self)       { return $self->{daemon}->pid }

# As EncGatherStateCache names it.
sub socket ($self)    { return $self->{socket} }
sub by_socket ($self) { return "redis:$self->{socket}" }
sub by_port ($self)   { return "redis:127.0.0.1:$self->{port}" }
sub port ($self)      { return $self->{port} }

# One command by a connection of its own, and its answer: a string, a number, undef, a list by reference; an error begins with "-".
sub ask ($self, @words) {
    my $redis = IO::Socket::UNIX->new(Peer => $self->{socket}, Timeout => ANSWER_WAIT) or croak "Redis: $!";
    return _ask($redis, @words);
}

sub _ask ($redis, @words) {
    print {$redis} join '', '*' . @words . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @words;
    $redis->flush;
    return _answer($redis);
}

sub _answer ($redis) {
    my $line = <$redis>;
    croak 'Redis has closed the connection' unless defined $line;
    $line =~ s/\r\n\z//;
    my ($kind, $rest) = $line =~ /\A(.)(.*)\z/s;
    return $line if $kind eq '-';
    return $rest if $kind eq '+' || $kind eq ':';
    return [ map { _answer($redis) } 1 .. $rest ] if $kind eq '*';
    return if $rest < 0;
    read $redis, my $text, $rest + 2;
    return substr $text, 0, $rest;
}

# The same by one connection for all: code that asks.
sub line ($self) {
    my $redis = IO::Socket::UNIX->new(Peer => $self->{socket}, Timeout => ANSWER_WAIT) or croak "Redis: $!";
    return sub (@words) { _ask($redis, @words) };
}

# Every key, and how many seconds it has; -1: for ever.
sub lives ($self) {
    my $redis = IO::Socket::UNIX->new(Peer => $self->{socket}) or croak "Redis: $!";
    return map { $_ => _ask($redis, TTL => $_) } @{ _ask($redis, KEYS => '*') };
}

# All that it holds, keys and values, as one text.
sub contents ($self) {
    my $redis = IO::Socket::UNIX->new(Peer => $self->{socket}) or croak "Redis: $!";
    return join '', map { "$_ " . (_ask($redis, GET => $_) // '') . "\n" } sort @{ _ask($redis, KEYS => '*') };
}

1;
