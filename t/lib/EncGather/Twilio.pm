# SPDX-License-Identifier: Apache-2.0
# Providers' own libraries for Node.js as judges: installs them, once for each version, and runs the scripts beside their
# lock file: of t/twilio, or of another directory of t.
package EncGather::Twilio;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Cwd qw(abs_path);
use Exporter 'import';
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use POSIX ();
use Test::More;

use EncGather::Files qw(slurp_if_there);

our @EXPORT_OK = qw(what_is_missing give_up install run_node start_node run scripts_in);

use constant {
    NODE_VERSION => 20,
    REASON_LINES => 5,
    FILES        => [ 'package.json', 'package-lock.json' ],
    NPM          => [ qw(npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
        --fetch-retries=1 --fetch-timeout=60000) ],
};

my ($scripts) = map { abs_path($_) } __FILE__ =~ m{^(.*)/lib/EncGather/Twilio\.pm\z} ? "$1/twilio" : 't/twilio';
my ($child, @beside);

# Where package.json and the scripts are from now on.
sub scripts_in ($name) {
    $scripts =~ s{[^/]+\z}{$name};
    return;
}

# The reason why this machine cannot run the library, or ''.
sub what_is_missing () {
    my ($version) = _output('node', '--version') =~ /^v(\d+)/;
    return 'there is no Node.js' unless defined $version;
    return "Node.js is $version, and the library wants " . NODE_VERSION if $version < NODE_VERSION;
    return _output('npm', '--version') =~ /^\d/ ? '' : 'there is no npm';
}

# Ends the test, for such a reason. A test that CI skips is a test that nobody runs.
sub give_up ($reason) {
    plan(skip_all => $reason) unless $ENV{CI};
    fail("the providers' libraries can be run");
    diag($reason);
    done_testing();
    exit 1;
}

# Into $directory, unless that holds what the lock file asks for. Returns what went wrong, or ''.
sub install ($directory) {
    $ENV{NODE_PATH} = "$directory/node_modules";
    return '' if _is_up_to_date($directory);
    my $new = "$directory.new.$$";
    make_path($new);
    copy("$scripts/$_", "$new/$_") || croak "$new/$_: $!" for @{ +FILES };
    my $status  = run(command => NPM, directory => $new, output => "$new/npm.out", errors => 'too');
    my $problem = $status ? "npm ci ended with status $status: " . _one_line(slurp_if_there("$new/npm.out")) : '';
    remove_tree($problem ? $new : $directory);
    return $problem if $problem;
    return rename($new, $directory) ? '' : "$directory: $!";
}

# What TAP can carry behind "SKIP": the cause, without the stack that follows.
sub _one_line ($text) {
    my @lines = grep { length && !/^\s+at / } map { s/\Anpm (?:error|ERR!) ?//r } split /\s*\n/, $text;
    return join '; ', splice @lines, 0, REASON_LINES;
}

# A directory that is there under its name was installed to its end.
sub _is_up_to_date ($directory) {
    return !grep { slurp_if_there("$directory/$_") ne slurp_if_there("$scripts/$_") } @{ +FILES };
}

# A script of that directory; options as for run. Fails the test file if the script fails.
sub run_node ($script, $arguments, %options) {
    my $status = run(command => [ 'node', "$scripts/$script", @$arguments ], %options);
    croak "node $script @$arguments ended with status $status" if $status;
    return;
}

# The process of a script of that directory that goes on while other things are done. It ends with this one, if not before.
sub start_node ($script, $arguments) {
    my $pid = fork;
    croak "fork: $!" unless defined $pid;
    _become(command => [ 'node', "$scripts/$script", @$arguments ]) if $pid == 0;
    push @beside, $pid;
    return $pid;
}

# Runs a command without a shell and returns its exit code (or the signal that ended it).
#   command   list                   directory   where to run it
#   input, output   files            errors      true: they go to the output as well
# It ends with this process, if not before.
sub run (%options) {
    $child = fork;
    croak "fork: $!" unless defined $child;
    _become(%options) if $child == 0;
    waitpid $child, 0;
    undef $child;
    return $? >> 8 || $? & 127;
}

sub _become (%options) {
    chdir $options{directory} or POSIX::_exit(126) if defined $options{directory};
    open STDIN, '<', $options{input} // '/dev/null' or POSIX::_exit(126);
    open STDOUT, '>', $options{output} or POSIX::_exit(126) if defined $options{output};
    open STDERR, '>&', \*STDOUT or POSIX::_exit(126) if $options{errors};
    { no warnings 'exec'; exec { $options{command}[0] } @{ $options{command} } }
    POSIX::_exit(127);
}

sub _output (@command) {
    my $pid = open my $from, '-|';
    croak "fork: $!" unless defined $pid;
    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        _become(command => \@command);
    }
    local $/;
    my $text = <$from>;
    close $from;
    return defined $text ? $text : '';
}

END {
    for my $pid ($child // (), @beside) {
        local $?;
        kill TERM => $pid;
        waitpid $pid, 0;
    }
}

1;
