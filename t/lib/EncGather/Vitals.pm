# SPDX-License-Identifier: Apache-2.0
# What a server has of the machine: descriptors, memory, shared memory, semaphores; and whose connections a child holds.
package EncGather::Vitals;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use List::Util qw(max);

our @EXPORT_OK = qw(vitals accepted held_connections identity in_own_ipc_namespace takes_connections);

use EncGather::Files qw(slurp_if_there);

my ($ESTABLISHED, $LISTENS) = qw(01 0A);    # states in /proc/net/tcp

use constant OWN_IPC => 'ENCGATHER_OWN_IPC';

# Starts the program anew in an IPC namespace of its own, where the system allows it: what System V objects there are
# then is this server's.
sub in_own_ipc_namespace (@command) {
    return 1 if $ENV{ +OWN_IPC };
    return 0 if $> != 0 || system('unshare --ipc true 2>/dev/null') != 0;
    $ENV{ +OWN_IPC } = 1;
    exec 'unshare', '--ipc', @command or die "unshare: $!\n";
}

# Numbers of the parent and of the child that has most; undef where they cannot be had: the files of /proc of a child
# that is not dumpable are root's.
sub vitals ($parent, @children) {
    return {
        'descriptors of the parent'     => scalar _entries("/proc/$parent/fd"),
        'descriptors of a child'        => _most(map { _entries("/proc/$_/fd") } @children),
        'shared mappings of the parent' => scalar(grep { /^\S+ rw-s / } _lines("/proc/$parent/maps")),
        'kB of the parent'              => scalar _resident($parent),
        'kB of a child'                 => _most(map { _resident($_) } @children),
        'shared memory segments'        => _own_objects('shm'),
        'semaphores'                    => _own_objects('sem'),
    };
}

sub _most (@numbers) {
    return (grep { !defined } @numbers) ? undef : max(@numbers);
}

# Nothing of a process that is gone, undef where it is not ours to see.
sub _entries ($directory) {
    opendir my $handle, $directory or return -d $directory ? undef : ();
    return scalar grep { /^\d+\z/ } readdir $handle;
}

# What is its own and touched; what it shares with the parent is counted for both.
sub _resident ($pid) {
    my ($line) = grep { /^VmRSS:/ } _lines("/proc/$pid/status");
    return defined $line && $line =~ /(\d+) kB/ ? $1 : ();
}

sub _own_objects ($kind) {
    return undef unless $ENV{ +OWN_IPC };
    my @lines = _lines("/proc/sysvipc/$kind");
    return @lines - 1;
}

sub _lines ($path) {
    open my $file, '<', $path or return ();
    return <$file>;
}

# What tells a process from another that gets its number later: number and start. Nothing once it is gone.
sub identity ($pid) {
    my ($stat) = _lines("/proc/$pid/stat");
    my ($state, $start) = ($stat // '') =~ /^.*\) (\S)(?: \S+){18} (\d+)/s or return;
    return $state eq 'Z' ? () : "$pid:$start";
}

# Client ports of the connections that processes have accepted at $port, by process; undef for those whose descriptors
# are not ours to see.
sub held_connections ($port, @pids) {
    my $accepted = accepted($port);
    my %client   = map { $_ => $accepted->{$_}{port} } grep { $accepted->{$_}{state} eq $ESTABLISHED } keys %$accepted;
    return { map { my $sockets = _sockets($_); $_ => $sockets && [ grep { defined } map { $client{$_} } @$sockets ] } @pids };
}

# Of the connections accepted at $port that still have an owner: inode => { port of the other side, state }. Tens of
# thousands may be waiting there for their end: one look at all.
sub accepted ($port) {
    my $here  = sprintf ':%04X', $port;
    my $table = slurp_if_there('/proc/net/tcp');
    my %found;
    while ($table =~ /: \w{8}$here \w{8}:(\w{4}) (?!$LISTENS)(\w\w) \S+ \S+ \S+ +\d+ +\d+ ([1-9]\d*)/g) {
        $found{$3} = { port => hex $1, state => $2 };
    }
    return \%found;
}

# Whether a process still takes connections at $port: 1 or 0; undef where nobody lets us see (a child of the same user
# that must not be looked into), 0 when it is gone.
sub takes_connections ($pid, $port) {
    my $here    = sprintf ':%04X', $port;
    my $sockets = _sockets($pid) or return -e "/proc/$pid" ? undef : 0;
    my %own     = map { $_ => 1 } @$sockets;
    my $table   = slurp_if_there('/proc/net/tcp');
    while ($table =~ /: \w{8}$here \w{8}:\w{4} $LISTENS \S+ \S+ \S+ +\d+ +\d+ ([1-9]\d*)/g) {
        return 1 if $own{$1};
    }
    return 0;
}

sub _sockets ($pid) {
    opendir my $handle, "/proc/$pid/fd" or return;
    return [ map { (readlink("/proc/$pid/fd/$_") || '') =~ /^socket:\[(\d+)\]\z/ ? $1 : () } readdir $handle ];
}

1;
