# SPDX-License-Identifier: Apache-2.0
# The IVR of the demos (conf/demo/ivr.js), which existed before anybody thought of encryption: what it takes, and its process.
package EncGather::Ivr;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use IO::Socket::INET;
use POSIX ();

use EncGather::Twilio ();
use EncGather::Wait qw(wait_until);

use constant START_WAIT => 30;    # seconds

# Why this machine cannot run it, or '': its libraries are installed into $directory, once.
sub what_is_missing ($directory) {
    return EncGather::Twilio::what_is_missing() || EncGather::Twilio::install($directory);
}

# script   ivr.js                              log     what it says goes there
# token    that its validator knows            paths   where its pages are; else below /ivr
sub new ($class, %options) {
    return bless { paths => [], port => _free_port(), owner => $$, %options }, $class;
}

sub _free_port () {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "no free port: $!\n";
    return $socket->sockport;
}

sub port ($self) { return $self->{port} }

# True once it takes calls. It ends with this program, even if that is killed.
sub start ($self) {
    $self->{pid} = fork // die "fork: $!\n";
    $self->_become if $self->{pid} == 0;
    wait_until(START_WAIT, sub { $self->_takes_calls || !$self->_runs });
    return 1 if $self->_runs && $self->_takes_calls;
    $self->stop;
    return 0;
}

sub _become ($self) {
    open STDIN,  '<',  '/dev/null';
    open STDOUT, '>>', $self->{log} or POSIX::_exit(126);
    open STDERR, '>&', \*STDOUT;
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
    $ENV{TWILIO_AUTH_TOKEN} = $self->{token};
    my @command = ('setpriv', '--pdeathsig=TERM', 'node', $self->{script}, $self->{port}, @{ $self->{paths} });
    { no warnings 'exec'; exec { $command[0] } @command }
    POSIX::_exit(127);
}

sub _takes_calls ($self) {
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
}

sub _runs ($self) {
    return 0 unless $self->{pid};
    return 1 if waitpid($self->{pid}, POSIX::WNOHANG()) == 0;
    delete $self->{pid};
    return 0;
}

sub stop ($self) {
    my $pid = delete $self->{pid} or return;
    kill TERM => $pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY ($self) {
    local $?;
    $self->stop if $self->{owner} == $$;
    return;
}

1;
