# SPDX-License-Identifier: Apache-2.0
# Finds the httpd of this machine: its program, its modules, the MPMs it can run; asks apxs first, then looks around.
package EncGather::Httpd;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';

our @EXPORT_OK = qw(httpd modules_dir module_file mpms runtime_user runtime_group);

my @NAMES       = qw(apache2 httpd httpd2);
my @PROGRAMS    = qw(/usr/sbin /usr/local/sbin /usr/local/apache2/bin /usr/bin);
my @MODULE_DIRS = qw(/usr/lib/apache2/modules /usr/lib64/httpd/modules /usr/libexec/apache2 /usr/local/apache2/modules);

my %known;

# Path of the program, or undef. ENCGATHER_HTTPD may name another one, such as a wrapper around a debugger.
sub httpd () {
    return $known{httpd} ||= _first_program($ENV{ENCGATHER_HTTPD}, _apxs_httpd(), _found_on_path());
}

sub modules_dir () {
    return $known{modules_dir} ||= (grep { length && -d } _apxs('LIBEXECDIR'), @MODULE_DIRS)[0];
}

# What LoadModule takes for mod_$name: undef when it is not there, '' when it is compiled in and must not be loaded.
sub module_file ($name) {
    return '' if _static()->{"mod_$name.c"} || _static()->{"$name.c"};
    my $path = modules_dir() . "/mod_$name.so";
    return -e $path ? $path : undef;
}

# Those that can be run here: the one that is compiled in, or all that can be loaded.
sub mpms () {
    my @all      = qw(event worker prefork);
    my @compiled = grep { _static()->{"$_.c"} } @all;
    return @compiled ? @compiled : grep { -e modules_dir() . "/mod_mpm_$_.so" } @all;
}

# Whom the children of a server that root starts run as.
sub runtime_user ()  { return (grep { defined getpwnam $_ } qw(www-data apache nobody))[0] }
sub runtime_group () { return (grep { defined getgrnam $_ } qw(www-data apache nogroup nobody))[0] }

sub _first_program (@paths) {
    return (grep { defined && length && -f && -x } @paths)[0];
}

sub _apxs_httpd () {
    my ($directory, $name) = (_apxs('SBINDIR'), _apxs('PROGNAME') || _apxs('TARGET'));
    return length $directory && length $name ? "$directory/$name" : undef;
}

sub _found_on_path () {
    my @directories = (split(/:/, $ENV{PATH} || ''), @PROGRAMS);
    return map { my $name = $_; map { "$_/$name" } @directories } @NAMES;
}

# One value of apxs -q, or '' when there is no apxs or it does not know.
sub _apxs ($what) {
    my $text = _output($ENV{APXS} || 'apxs', '-q', $what);
    $text =~ s/\s+\z//;
    return $text;
}

sub _static () {
    return $known{static} ||= { map { $_ => 1 } _output(httpd(), '-l') =~ /^\s+(\S+\.c)$/mg };
}

sub _output (@command) {
    my $pid = open my $from, '-|';
    die "fork: $!\n" unless defined $pid;
    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        { no warnings 'exec'; exec { $command[0] } @command }
        require POSIX;
        POSIX::_exit(127);
    }
    my $text = do { local $/; <$from> };
    close $from;
    return defined $text ? $text : '';
}

1;
