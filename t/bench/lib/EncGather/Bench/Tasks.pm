# SPDX-License-Identifier: Apache-2.0
# Several pieces of work at a time, a process each.
package EncGather::Bench::Tasks;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use POSIX ();
use Storable qw(retrieve store);

our @EXPORT_OK = qw(run_tasks);

# name => code that returns a reference, $jobs of them at a time; name => that. directory: for what they leave here. Dies with the
# words of the first that died, when the others have ended.
sub run_tasks ($directory, $jobs, %task) {
    my (%running, %done, @failed);
    local $SIG{$_} = sub { kill TERM => keys %running; 1 while wait > 0; exit 130 } for qw(INT TERM HUP);
    for my $name (sort keys %task) {
        _take(\%running, \%done, \@failed, $directory) while keys %running >= $jobs;
        last if @failed;
        my $pid = fork // die "fork: $!\n";
        _work("$directory/$name.done", $task{$name}) if $pid == 0;
        $running{$pid} = $name;
    }
    _take(\%running, \%done, \@failed, $directory) while %running;
    print STDERR "\n" if -t STDERR;
    die $failed[0] if @failed;
    return %done;
}

# What it has started it ends itself, also when it is told to stop; nobody else's.
sub _work ($path, $code) {
    $SIG{$_} = sub { die "interrupted\n" } for qw(INT TERM HUP);
    my $result = eval { $code->() };
    my $error  = $@;
    eval { store({ result => $result, error => $result ? undef : $error || 'nothing came of it' }, $path) };
    POSIX::_exit(0);
}

sub _take ($running, $done, $failed, $directory) {
    my $pid  = wait;
    my $name = delete $running->{$pid} or return;
    my $left = eval { retrieve("$directory/$name.done") } || { error => 'it left nothing' };
    unlink "$directory/$name.done";
    push @$failed, "$name: $left->{error}" if defined $left->{error};
    $done->{$name} = $left->{result} unless defined $left->{error};
    return;
}

1;
