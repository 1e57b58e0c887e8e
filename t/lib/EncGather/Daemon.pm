# SPDX-License-Identifier: Apache-2.0
# A server that is not ours (a database, an interpreter), run for one test: in the foreground, by an unprivileged user,
# with everything it writes below a directory of its own; it ends with the test, however that ends.
package EncGather::Daemon;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Exporter 'import';
use File::Path qw(make_path);
use POSIX qw(WNOHANG);

use EncGather::Httpd qw(runtime_user runtime_group);
use EncGather::Wait qw(wait_until);

our @EXPORT_OK = qw(program free_ports);

use constant {
    START_WAIT => 60,    # seconds that a loaded machine may need; nothing measures them
    STOP_WAIT  => 20,
    PLACES     => [ qw(/usr/local/bin /usr/bin /usr/sbin), glob('/usr/lib/postgresql/*/bin') ],
};

# dir          everything it writes goes below it: made, and given to the user; what it says is in logs/output
# command      the program and its arguments; it must stay in the foreground
# ready        code that is true once it serves
# stop         the signal for an orderly end; else TERM
# environment  variables for it
sub new ($class, %options) {
    my $self = bless { stop => 'TERM', environment => {}, owner => $$, %options }, $class;
    make_path("$self->{dir}/logs");
    chmod 0755, $self->{dir}, "$self->{dir}/logs";
    _give_away($self->{dir}, "$self->{dir}/logs");
    return $self;
}

sub dir ($self) { return $self->{dir} }
sub pid ($self) { return $self->{pid} }

# True once it serves; what it said otherwise is in output.
sub start ($self) {
    croak 'it is running already' if $self->running;
    $self->{pid} = $self->_fork(@{ $self->{command} });
    return 1 if wait_until(START_WAIT, sub { !$self->running || $self->{ready}->() }) && $self->running;
    $self->stop;
    return 0;
}

sub running ($self) {
    return 0 unless $self->{pid};
    return 1 if waitpid($self->{pid}, WNOHANG) == 0;
    delete $self->{pid};
    return 0;
}

# As its administrator would do it; true when that was enough.
sub stop ($self) {
    return 1 unless $self->running;
    kill $self->{stop} => $self->{pid};
    return 1 if wait_until(STOP_WAIT, sub { !$self->running });
    $self->power_cut;
    return 0;
}

# Without a word of warning, and all processes that it started.
sub power_cut ($self) {
    my $pid = delete $self->{pid} or return;
    my @all = ($pid, _descendants($pid));
    kill KILL => @all;
    waitpid $pid, 0;
    wait_until(STOP_WAIT, sub { !grep { _state($_) =~ /^[^Z]/ } @all });
    return;
}

# All of its processes stand still, and go on.
sub freeze ($self) { return $self->_signal_all('STOP') }
sub thaw ($self)   { return $self->_signal_all('CONT') }

sub _signal_all ($self, $signal) {
    return kill $signal => $self->{pid}, _descendants($self->{pid});
}

sub DESTROY ($self) {
    return unless $self->{owner} == $$;
    local ($?, $!, $@);
    $self->thaw if $self->{pid};
    $self->stop;
    return;
}

# A command that ends by itself, run by the same user in the same place: true when it succeeded.
sub run ($self, @command) {
    my $pid = $self->_fork(@command);
    waitpid $pid, 0;
    return $? == 0;
}

sub output ($self) {
    open my $file, '<:raw', "$self->{dir}/logs/output" or return '';
    local $/;
    my $text = <$file>;
    return defined $text ? $text : '';
}

# Its last words, for a test that gives up.
sub last_words ($self) {
    my @lines = split /^/, $self->output;
    splice @lines, 0, -20 if @lines > 20;
    return join '', @lines;
}

# --- Processes ----------------------------------------------------------------------------------------------

# The kernel sends it the signal of an orderly end when the test is gone, even by SIGKILL.
sub _fork ($self, @command) {
    my @leash = ('setpriv', "--pdeathsig=$self->{stop}");
    push @leash, '--reuid=' . runtime_user(), '--regid=' . runtime_group(), '--clear-groups' if $> == 0;
    my $pid = fork;
    croak "fork: $!" unless defined $pid;
    return $pid if $pid;
    eval { $self->_become(@leash, @command) };
    POSIX::_exit(127);
}

sub _become ($self, @command) {
    setpgrp 0, 0;
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
    open STDIN,  '<',  '/dev/null';
    open STDOUT, '>>', "$self->{dir}/logs/output";
    open STDERR, '>&', \*STDOUT;
    chdir $self->{dir};
    umask 0022;
    %ENV = (PATH => join(':', @{ +PLACES }, '/bin', '/sbin'), HOME => $self->{dir}, LC_ALL => 'C', %{ $self->{environment} });
    exec { $command[0] } @command or die;
}

sub _give_away (@paths) {
    return 1 if $> != 0;
    return chown scalar getpwnam(runtime_user()), scalar getgrnam(runtime_group()), @paths;
}

sub _descendants (@pids) {
    my %children;
    for my $pid (map { m{(\d+)\z} } glob '/proc/[0-9]*') {
        push @{ $children{$1} }, $pid if _state($pid) =~ /^\S (\d+)/;
    }
    my @found;
    while (@pids) {
        @pids = map { @{ $children{$_} || [] } } @pids;
        push @found, @pids;
    }
    return @found;
}

# Its letter and its parent, as /proc has them; '' when it is gone.
sub _state ($pid) {
    open my $file, '<', "/proc/$pid/stat" or return '';
    return (<$file> || '') =~ /^.*\) (\S \d+)/s ? $1 : '';
}

# --- What is installed --------------------------------------------------------------------------------------

# The path of a program, by a name or a pattern of it (php-fpm8.2), where packages put it; undef: not installed.
sub program (@names) {
    my @found = grep { -f && -x } map { my $name = $_; map { glob "$_/$name" } @{ +PLACES } } @names;
    return $found[0];
}

# Ports of 127.0.0.1 that nobody listens at.
sub free_ports ($n) {
    require IO::Socket::INET;
    my @sockets = map { IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) || croak "no free port: $!" } 1 .. $n;
    return map { $_->sockport } @sockets;
}

1;
