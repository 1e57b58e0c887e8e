# SPDX-License-Identifier: Apache-2.0
# Client processes that never outlive the program that started them.
package EncGather::Clients;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use POSIX ();

my $owner = $$;
my %running;    # pid => 1

# Runs code in a process of its own, which ends with it; the process id. What is tested comes first on the processors.
sub start ($code) {
    my $pid = fork;
    defined $pid or croak "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        POSIX::nice(10);
        my $ok = eval { $code->(); 1 };
        print STDERR "a client: $@" unless $ok;
        POSIX::_exit($ok ? 0 : 1);
    }
    $running{$pid} = 1;
    return $pid;
}

# True for a client that came to its end as it should.
sub finish ($pid) {
    waitpid $pid, 0;
    delete $running{$pid};
    return $? == 0;
}

# To be asked by a client: whoever started it may have been killed.
sub is_alone () { return getppid != $owner }

# Before destructors stop servers: a server's watcher waits for the last that holds its leash, and clients inherit it.
END {
    if ($$ == $owner) {
        my $status = $?;
        kill TERM => keys %running;
        waitpid $_, 0 for keys %running;
        $? = $status;
    }
}

1;
