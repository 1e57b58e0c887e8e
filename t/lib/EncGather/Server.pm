# SPDX-License-Identifier: Apache-2.0
# A private httpd on 127.0.0.1: writes its configuration, starts it, watches it, and stops it
# without leaving a trace.
package EncGather::Server;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Cwd qw(abs_path);
use File::Find ();
use File::Path qw(make_path);
use IO::Select;
use IO::Socket::INET;
use POSIX qw(SIG_BLOCK SIG_SETMASK SIGINT SIGTERM SIGHUP WNOHANG);
use Time::HiRes qw(sleep);

use EncGather::Files qw(slurp_if_there spew);
use EncGather::Vitals qw(accepted identity takes_connections);
use EncGather::Wait qw(wait_until);

use constant PATIENCE => $ENV{ENCGATHER_SANITIZER} ? 6 : 1;    # valgrind makes everything that much slower, and more

use constant {
    PORT_TRIES   => 5,
    START_WAIT   => 30 * PATIENCE,    # seconds
    ANSWER_WAIT  => 5 * PATIENCE,
    STOP_WAIT    => 10 * PATIENCE,
    RELOAD_WAIT  => 20 * PATIENCE,
    REST_WAIT    => PATIENCE,
    TAIL_LINES   => 20,
    STATIC_MPM   => qr/^(event|worker|prefork)\.c\z/,
    MODULES_DIRS => [ qw(/usr/lib/apache2/modules /usr/lib64/httpd/modules
        /usr/libexec/apache2 /usr/local/apache2/modules) ],
};

# The configuration unless "template" names another. The server's own place holders, in any
# template: @ROOT@ @PORT@ @LOAD_MODULES@ @IDENTITY@ @CONF@; further ones come from "values".
my $TEMPLATE = <<'END_OF_TEMPLATE';
ServerRoot "@ROOT@"
ServerName 127.0.0.1
Listen 127.0.0.1:@PORT@
PidFile "run/httpd.pid"
DefaultRuntimeDir "run"
@LOAD_MODULES@
@IDENTITY@
DocumentRoot "htdocs"
ErrorLog "logs/error_log"
LogLevel info
LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" combined
CustomLog "logs/access_log" combined "expr=%{HTTP_USER_AGENT} !~ /^EncGather-Server/"
StartServers 1
Timeout 20
KeepAliveTimeout 5
TraceEnable off
@CONF@
END_OF_TEMPLATE

# dir          the server's own directory (made if need be); everything it writes goes below it
# httpd        the program; else apache2 or httpd, where they are usually found
# modules_dir  where httpd's modules are; else where they usually are
# mpm          event, worker or prefork; else the first of these that is there
# module       path of mod_encgather.so
# modules      names of other modules: ['dbd', 'proxy', 'proxy_http']
# conf         text that follows the LoadModule lines
# template     another configuration file, with place holders
# values       what to fill in for further place holders
# port         a fixed one; else a free one is picked
# user, group  whom children run as, when this process is root
# environment  variables for httpd
# hurry        a reload is over when the new children are there; those of before may still be, too
sub new ($class, %options) {
    my %default = (conf => '', modules => [], values => {}, environment => {});
    my $self    = bless { %default, %options }, $class;
    croak 'EncGather::Server needs a dir' unless defined $self->{dir};
    $self->{owner}   = $$;
    $self->{error}   = '';
    $self->{fixed}   = defined $self->{port};
    $self->{httpd} ||= _find_httpd() || croak 'no httpd found: neither apache2 nor httpd';
    $self->{modules_dir} ||= _find_modules_dir() || croak 'no directory of httpd modules found';
    $self->{static} = { map { $_ => 1 } $self->_static_modules };
    $self->{mpm}    = $self->_choose_mpm;
    $self->_make_directories;
    return $self;
}

sub port        ($self)            { return $self->{port} }
sub pid         ($self)            { return $self->{pid} }
sub mpm         ($self)            { return $self->{mpm} }
sub error       ($self)            { return $self->{error} }
sub url         ($self, $path = '/') { return "http://127.0.0.1:$self->{port}$path" }
sub config_file ($self)            { return "$self->{dir}/conf/httpd.conf" }

# --- Life -----------------------------------------------------------------------------------------

# True once the server answers; false, with the reason in error, if it does not come up.
sub start ($self) {
    croak 'the server is running already' if $self->running;
    $self->{logged_before} = length $self->error_log;
    for my $try (1 .. PORT_TRIES) {
        $self->_pick_port unless $self->{fixed};
        $self->_write_config;
        $self->_spawn;
        return 1 if $self->_comes_up;
        $self->_give_up;
        last if $self->{fixed} || $self->{error} !~ /Address already in use/;
    }
    return 0;
}

# True when the server and all its children are gone; the last means are used if asking does not
# help.
sub stop ($self) {
    return 1 unless $self->{pid};
    $self->_come_to_rest;
    kill TERM => $self->{pid};
    $self->_gone_within(STOP_WAIT);
    return $self->_finish;
}

sub running ($self) {
    return 0 unless $self->{pid};
    my $ended = waitpid $self->{pid}, WNOHANG;
    return 1 if $ended == 0;
    $self->{status} = $ended > 0 ? $? : 0;
    $self->_finish;
    return 0;
}

# As an administrator does it (httpd checks the configuration first), and waits until the new one
# is in force.
sub graceful ($self) { return $self->_reload('graceful') }
sub restart  ($self) { return $self->_reload('restart') }

sub _reload ($self, $how) {
    $self->_come_to_rest if $how eq 'restart';
    $self->{leaving} = [ $self->children ];
    my $generation = $self->generation;
    my ($rc, $output) = $self->_run_httpd('-k', $how);
    $self->{error} = $rc ? $output : '';
    return $rc == 0 && $self->wait_for_generation($generation + 1);
}

# At a stop or a restart that is not graceful, the main thread of a child of the event MPM closes the connections that
# its workers have, while they close them: now and then it crashes, or complains (AH03092), with this module and without
# it. A child of prefork that is still at the end of a request aborts, when mod_dbd misses a connection to its database.
# So let requests come to their end first, unless that takes long: a test may want them to be cut off.
sub _come_to_rest ($self) {
    wait_until(REST_WAIT, sub { !%{ accepted($self->{port}) } });
    sleep 0.02;    # a connection is gone a little earlier than the worker has forgotten it
    return;
}

# A bare signal, which httpd obeys without a look at the configuration; use wait_for_generation
# after it.
sub signal ($self, $name) {
    $self->_come_to_rest if $name eq 'HUP';
    $self->{leaving} = [ $self->children ];
    return $self->{pid} ? kill($name => $self->{pid}) : 0;
}

# How often the server has read its configuration and begun to serve. Asked again and again of a log that may be long:
# what was read once is not read anew.
sub generation ($self) {
    my $path  = "$self->{dir}/logs/error_log";
    my $known = $self->{generations} ||= { count => 0, offset => 0 };
    @$known{qw(count offset)} = (0, 0) if (-s $path || 0) < $known->{offset};
    open my $file, '<:raw', $path or return 0;
    seek $file, $known->{offset}, 0;
    while (my $line = <$file>) {
        last unless $line =~ /\n\z/;
        $known->{offset} += length $line;
        $known->{count}++ if $line =~ /resuming normal operations/;
    }
    return $known->{count};
}

# Children of before may take a connection more, and under the event MPM let it fall: they have a moment to leave.
sub wait_for_generation ($self, $wanted, $seconds = RELOAD_WAIT) {
    if (wait_until($seconds, sub { $self->_has_reached($wanted) || !$self->running }) && $self->{pid}) {
        my $leaving = delete $self->{leaving} || [];
        my @leaving = $self->{hurry} ? () : @$leaving;
        wait_until(REST_WAIT, sub { !grep { identity($_) } @leaving });
        wait_until(ANSWER_WAIT, sub { !grep { takes_connections($_, $self->{port}) } @leaving });
        return 1;
    }
    $self->{error} ||= "the server has not read its configuration anew\n" . $self->_tails;
    return 0;
}

# Until it has, any child is one of before: also one that the server began while it was told to read anew.
sub _has_reached ($self, $wanted) {
    my %leaving = map { $_ => 1 } @{ $self->{leaving} || [] }, $self->children;
    return 1 if $self->generation >= $wanted;
    $self->{leaving} = [ keys %leaving ];
    return 0;
}

# (exit code, output) of httpd -t
sub configtest ($self) {
    $self->_pick_port unless defined $self->{port};
    $self->_write_config unless -e $self->config_file;
    return $self->_run_httpd('-t');
}

# Another "conf", "template" or "values" for the next start, graceful or configtest.
sub configure ($self, %options) {
    $self->{$_} = $options{$_} for keys %options;
    $self->_pick_port unless defined $self->{port};
    $self->_write_config;
    return;
}

sub DESTROY ($self) {
    return unless defined $self->{owner} && $self->{owner} == $$;
    local ($?, $!, $@);
    $self->stop;
    return;
}

# --- What it writes -------------------------------------------------------------------------------

# Name below logs/ => content; startup_log is what httpd printed before it opened its error log.
sub logs ($self) {
    my $prefix = length "$self->{dir}/logs/";
    return { map { substr($_, $prefix) => slurp_if_there($_) } $self->_log_files };
}

sub error_log ($self) {
    return slurp_if_there("$self->{dir}/logs/error_log");
}

sub _log_files ($self) {
    my @files;
    my $collect = sub { push @files, $_ if -f };
    File::Find::find({ no_chdir => 1, wanted => $collect }, "$self->{dir}/logs");
    return sort @files;
}

# The end of what this start said.
sub _tails ($self) {
    return _tail(startup_log => slurp_if_there("$self->{dir}/logs/startup_log"))
        . _tail(error_log => substr $self->error_log, $self->{logged_before});
}

sub _tail ($name, $text) {
    my @lines = split /^/, $text;
    splice @lines, 0, -TAIL_LINES if @lines > TAIL_LINES;
    return @lines ? join '', "$name:\n", @lines : '';
}

# --- Processes ------------------------------------------------------------------------------------

# Process ids of the server's children, in order.
sub children ($self) {
    return unless $self->{pid};
    return sort { $a <=> $b } grep { _parent_of($_) == $self->{pid} } _all_processes();
}

sub _all_processes () {
    return map { m{^/proc/(\d+)\z} ? $1 : () } glob '/proc/[0-9]*';
}

# The command's name, between parentheses, may itself hold blanks and parentheses.
sub _parent_of ($pid) {
    return slurp_if_there("/proc/$pid/stat") =~ /^.*\) \S (\d+)/s ? $1 : 0;
}

# A child of ours in the foreground, so that its end can be waited for, and in a process group of
# its own, so that Ctrl-C at a terminal reaches only us and a last kill reaches all of it. Signals
# wait until the pid is noted.
sub _spawn ($self) {
    my ($ours, $before) = (POSIX::SigSet->new(SIGINT, SIGTERM, SIGHUP), POSIX::SigSet->new);
    POSIX::sigprocmask(SIG_BLOCK, $ours, $before);
    $self->{pid} = fork;
    croak "fork: $!" unless defined $self->{pid};
    $self->_become_httpd($before) if $self->{pid} == 0;
    POSIX::sigprocmask(SIG_SETMASK, $before);
    $self->{leash} = _start_watcher($self->{pid});
    return;
}

# Whatever ends this process, SIGKILL included, closes its end of the pipe, and the watcher at the
# other end then stops the server.
sub _start_watcher ($pid) {
    my ($library) = abs_path(__FILE__) =~ m{^(.*)/EncGather/Server\.pm\z};
    my @watcher = ("-I$library", '-MEncGather::Server', '-e', 'EncGather::Server::watch(@ARGV)');
    open my $leash, '|-', $^X, @watcher, $pid or croak "fork: $!";
    return $leash;
}

# For a process that was forked: the server may end before it does.
sub let_go ($self) {
    POSIX::close(fileno $self->{leash}) if $self->{leash};
    return;
}

sub watch ($pid) {
    setpgrp 0, 0;
    open STDOUT, '>', '/dev/null';
    open STDERR, '>&', \*STDOUT;
    sysread STDIN, my $nothing, 1;
    return unless _group_alive($pid);
    kill TERM => $pid;
    wait_until(STOP_WAIT, sub { !_group_alive($pid) }) || kill KILL => -$pid;
    return;
}

sub _become_httpd ($self, $signals) {
    setpgrp 0, 0;
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
    POSIX::sigprocmask(SIG_SETMASK, $signals);
    open STDIN,  '<',  '/dev/null';
    open STDOUT, '>', "$self->{dir}/logs/startup_log";
    open STDERR, '>&', \*STDOUT;
    _exec($self->_command('-DFOREGROUND'));
}

sub _exec (@command) {
    { no warnings 'exec'; exec { $command[0] } @command }
    syswrite STDOUT, "cannot run $command[0]: $!\n";
    POSIX::_exit(127);
}

sub _command ($self, @arguments) {
    $ENV{$_} = $self->{environment}{$_} for keys %{ $self->{environment} };
    return ($self->{httpd}, '-d', $self->{dir}, '-f', $self->config_file, @arguments);
}

sub _run_httpd ($self, @arguments) {
    local %ENV = %ENV;
    return _capture($self->_command(@arguments));
}

# (exit code, standard output and error) of a command, run without a shell.
sub _capture (@command) {
    my $pid = open my $output, '-|';
    croak "fork: $!" unless defined $pid;
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        _exec(@command);
    }
    my $text = do { local $/; <$output> };
    close $output;
    return ($? >> 8 || $? & 127, defined $text ? $text : '');
}

# --- Coming up, going down ------------------------------------------------------------------------

sub _comes_up ($self) {
    return wait_until(START_WAIT, sub { !$self->running || $self->_answers }) && $self->running;
}

# OPTIONS * reaches no location and is answered by every httpd (by a TLS port with an error, which
# is an answer too). The pid file shows that it is our server and not another one that took the
# port.
sub _answers ($self) {
    return 0 unless slurp_if_there("$self->{dir}/run/httpd.pid") =~ /^$self->{pid}$/;
    my %peer   = (PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => ANSWER_WAIT);
    my $socket = IO::Socket::INET->new(%peer) or return 0;
    local $SIG{PIPE} = 'IGNORE';
    syswrite $socket, "OPTIONS * HTTP/1.0\r\nUser-Agent: EncGather-Server (start)\r\n\r\n";
    return IO::Select->new($socket)->can_read(ANSWER_WAIT) && sysread $socket, my $answer, 1;
}

sub _give_up ($self) {
    my $why = $self->{pid} ? 'it does not answer' : "it ended with wait status $self->{status}";
    $self->stop;
    $self->{error} = "httpd did not start: $why\n" . $self->_tails;
    return;
}

sub _gone_within ($self, $seconds) {
    return wait_until($seconds, sub { !$self->running });
}

# Children outlive a parent that was killed; they share its process group.
sub _finish ($self) {
    my $pid = delete $self->{pid} or return 1;
    kill KILL => -$pid;
    waitpid $pid, 0;
    delete $self->{leash};
    unlink "$self->{dir}/run/httpd.pid";
    return wait_until(STOP_WAIT, sub { !_group_alive($pid) });
}

# Zombies that nobody collects (a container's first process may not) count as gone.
sub _group_alive ($group) {
    return 0 unless kill 0 => -$group;
    return scalar grep { slurp_if_there("/proc/$_/stat") =~ /^.*\) ([^Z]) \d+ $group /s } _all_processes();
}

# --- What is installed ----------------------------------------------------------------------------

sub _find_httpd () {
    my $path        = defined $ENV{PATH} ? $ENV{PATH} : '';
    my @directories = (split(/:/, $path), '/usr/sbin', '/usr/local/apache2/bin');
    for my $name (qw(apache2 httpd)) {
        my ($found) = grep { -x && -f } map { "$_/$name" } @directories;
        return $found if $found;
    }
    return;
}

sub _find_modules_dir () {
    my ($found) = grep { -d } @{ +MODULES_DIRS };
    return $found;
}

sub _static_modules ($self) {
    my ($rc, $text) = _capture($self->{httpd}, '-l');
    croak "$self->{httpd} -l: $text" if $rc;
    return $text =~ /^\s+(\S+\.c)$/mg;
}

sub _choose_mpm ($self) {
    my ($built_in) = map { $_ =~ STATIC_MPM } keys %{ $self->{static} };
    my @there = $built_in || grep { -e $self->_shared_object("mpm_$_") } qw(event worker prefork);
    my ($chosen) = grep { !defined $self->{mpm} || $_ eq $self->{mpm} } @there;
    croak 'httpd has no such MPM: ' . ($self->{mpm} || 'none found') unless $chosen;
    return $chosen;
}

sub _shared_object ($self, $name) {
    return "$self->{modules_dir}/mod_$name.so";
}

# --- Configuration --------------------------------------------------------------------------------

# Root's children run as somebody else and must get through to htdocs; the content of dir itself is
# not theirs to list.
sub _make_directories ($self) {
    make_path(map { "$self->{dir}/$_" } qw(conf htdocs logs run));
    $self->{dir} = abs_path($self->{dir});
    chmod 0755, map { "$self->{dir}/$_" } qw(conf htdocs logs run);
    chmod 0711 | (stat $self->{dir})[2] & 07777, $self->{dir} if $> == 0;
    return;
}

sub _pick_port ($self) {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or croak "no free port: $!";
    $self->{port} = $socket->sockport;
    return;
}

sub _write_config ($self) {
    my $text   = $self->_template;
    my %values = (
        ROOT         => $self->{dir},
        PORT         => $self->{port},
        LOAD_MODULES => join("\n", $self->_load_modules),
        IDENTITY     => $self->_identity,
        CONF         => $self->{conf},
        %{ $self->{values} },
    );
    $text =~ s/\@([A-Z_]+)\@/defined $values{$1} ? $values{$1} : croak "no value for \@$1\@"/ge;
    spew($self->config_file, $text);
    return;
}

sub _template ($self) {
    return $TEMPLATE unless defined $self->{template};
    return slurp_if_there($self->{template}) || croak "$self->{template}: $!";
}

sub _load_modules ($self) {
    my %seen;
    my @names = grep { !$seen{$_}++ } qw(unixd authz_core log_config), @{ $self->{modules} };
    my @lines = map { $self->_load_module($_) } @names;
    unshift @lines, $self->_load_module("mpm_$self->{mpm}")
        unless $self->{static}{"$self->{mpm}.c"};
    push @lines, 'LoadModule encgather_module "' . abs_path($self->{module}) . '"'
        if defined $self->{module};
    return @lines;
}

sub _load_module ($self, $name) {
    return () if $self->{static}{"mod_$name.c"};
    my $path = $self->_shared_object($name);
    croak "httpd has no module $name: $path is not there" unless -e $path;
    return qq(LoadModule ${name}_module "$path");
}

sub _identity ($self) {
    return '' unless $> == 0;
    my @users   = ($self->{user} || (), qw(www-data apache nobody));
    my @groups  = ($self->{group} || (), qw(www-data apache nogroup nobody));
    my ($user)  = grep { defined getpwnam $_ } @users;
    my ($group) = grep { defined getgrnam $_ } @groups;
    return "User $user\nGroup $group";
}

1;
