# SPDX-License-Identifier: Apache-2.0
# Puts load on servers, in turn and round after round, and asks the operating system what it cost them.
package EncGather::Bench::Measure;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(measure replay check_cpus cpu_of memory_of median processes ratio say_machine);

# Servers share one processor and the load has another, so that figures do not depend on who ran where.
my ($SERVER_CPU, $LOAD_CPU) = check_cpus();

# (for servers, for the load); nothing where there is only one.
sub check_cpus () {
    my ($list) = _content('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m or return;
    my @cpus = map { /^(\d+)-(\d+)$/ ? $1 .. $2 : $_ } split /,/, $list;
    return @cpus > 1 ? @cpus[ 0, -1 ] : ();
}

sub pinned ($class, $who) {
    my $cpu = $who eq 'load' ? $LOAD_CPU : $SERVER_CPU;
    return defined $cpu ? ('taskset', '-c', $cpu) : ();
}

# --- What processes used ------------------------------------------------------------------------------------

# A process and all below it.
sub processes (@roots) {
    my %children;
    for my $directory (glob '/proc/[0-9]*') {
        my ($pid) = $directory =~ /(\d+)\z/;
        push @{ $children{$1} }, $pid if _content("$directory/stat") =~ /^.*\) \S (\d+)/s;
    }
    my @all = @roots;
    for (my $i = 0; $i < @all; $i++) { push @all, @{ $children{ $all[$i] } || [] } }
    return @all;
}

# Seconds of user and system time, children that ended and were waited for included.
sub cpu_of (@pids) {
    my $ticks = 0;
    for my $pid (@pids) {
        my @fields = split / /, _content("/proc/$pid/stat") =~ s/^.*\) //sr;
        $ticks += $_ for grep { defined } @fields[ 11 .. 14 ];
    }
    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Kilobytes: peak (of each process, added up), share (pages in common divided by their users), private.
sub memory_of (@pids) {
    my %all = (peak => 0, share => 0, private => 0, processes => scalar @pids);
    for my $pid (@pids) {
        $all{peak}    += $1 if _content("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m;
        my $rollup = _content("/proc/$pid/smaps_rollup");
        $all{share}   += $1 if $rollup =~ /^Pss:\s+(\d+)/m;
        $all{private} += $1 while $rollup =~ /^Private_(?:Clean|Dirty):\s+(\d+)/mg;
    }
    return \%all;
}

sub _content ($path) {
    open my $file, '<', $path or return '';
    local $/;
    my $text = <$file>;
    return defined $text ? $text : '';
}

# --- Load ---------------------------------------------------------------------------------------------------

# One run of the load program. what: port, requests, connections, expect, tls, seconds or count, rate, skip
sub replay ($program, $what) {
    return _h2load($what) if $what->{http2};
    my @command = ($program, '--port', $what->{port}, '--requests', $what->{requests});
    for my $option (qw(connections expect seconds count rate skip)) {
        push @command, "--$option", $what->{$option} if defined $what->{$option};
    }
    my ($status, $text) = _output(__PACKAGE__->pinned('load'), @command, $what->{tls} ? '--tls' : ());
    my $report = $text =~ /^(\{.*\})$/m ? JSON::PP::decode_json($1) : undef;
    die "$what->{name}: the load program ended with status $status\n" if !$report;
    return $report;
}

# HTTP/2 is left to a program that knows it; it replays one request.
sub _h2load ($what) {
    my ($headers, $body) = split /\r\n\r\n/, $what->{http2}, 2;
    my ($line, @headers) = split /\r\n/, $headers;
    my ($target) = $line =~ m{ (\S+) };
    my $file = "$what->{requests}.body";
    open my $out, '>:raw', $file or die "$file: $!\n";
    print {$out} $body;
    close $out or die "$file: $!\n";
    my @command = ('h2load', '-c', $what->{connections}, '-m', 1, '-t', 1, '-D', int($what->{seconds} + 0.99), '-d', $file,
        (map { ('-H', $_) } grep { !/^(?:Host|Content-Length):/i } @headers), "https://127.0.0.1:$what->{port}$target");
    my (undef, $text) = _output(__PACKAGE__->pinned('load'), @command);
    my ($seconds)       = $text =~ /finished in ([\d.]+)s/    or die "h2load: $text\n";
    my ($done)          = $text =~ /(\d+) succeeded/;
    my ($good)          = $text =~ /status codes: (\d+) 2xx/;
    return { requests => $done, seconds => $seconds, wrong => $done - $good, p50 => undef, p99 => undef, load_cpu => 0 };
}

sub _output (@command) {
    my $pid = open my $from, '-|', @command or die "$command[0]: $!\n";
    my $text = do { local $/; <$from> };
    close $from;
    return ($? >> 8, defined $text ? $text : '');
}

# --- Rounds -------------------------------------------------------------------------------------------------

# Each subject once per round, each time in another order. A subject: name, what replay wants, roots (pids of the servers
# whose time counts; the first is the one that is asked). Adds to each: rounds, a list of { rps, cpu (microseconds a
# request), front (of the first root alone), p50, p99, wrong, load and other (processors that the load program
# and everything else on the machine kept busy) }.
sub measure ($program, $rounds, $seconds, @subjects) {
    for my $round (1 .. $rounds) {
        my @order = @subjects;
        push @order, splice @order, 0, (($round * 3) % @order);
        for my $subject (@order) { push @{ $subject->{rounds} }, _once($program, $seconds, $subject) }
        print STDERR '.';
    }
    print STDERR "\n";
    return;
}

# fresh, where there is it: code that writes requests which nobody has sent before.
sub _once ($program, $seconds, $subject) {
    $subject->{fresh}->() if $subject->{fresh};
    my @trees  = map { [ processes($_) ] } @{ $subject->{roots} };
    my @before = map { cpu_of(@$_) } @trees;
    my $busy   = _busy();
    my $report = replay($program, { seconds => $seconds, connections => 16, %$subject });
    my $others = _busy() - $busy;
    my @used   = map { cpu_of(@{ $trees[$_] }) - $before[$_] } 0 .. $#trees;
    my $n      = $report->{requests} || 1;
    my $all    = 0;
    $all += $_ for @used;
    return {
        rps   => $n / $report->{seconds},
        cpu   => 1e6 * $all / $n,
        front => 1e6 * $used[0] / $n,
        load  => $report->{load_cpu} / $report->{seconds},
        other => ($others - $all - $report->{load_cpu}) / $report->{seconds},
        map { $_ => $report->{$_} } qw(p50 p99 wrong),
    };
}

# Seconds that all processors were not idle, for whomever (a hypervisor's other guests included).
sub _busy () {
    my (undef, $user, $nice, $system, undef, undef, $irq, $soft, $steal) = split ' ', _content('/proc/stat');
    return ($user + $nice + $system + $irq + $soft + $steal) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

sub median (@values) {
    my @sorted = sort { $a <=> $b } grep { defined } @values;
    return unless @sorted;
    return @sorted % 2 ? $sorted[ $#sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2;
}

# The median of the ratios round by round: what disturbed a round disturbed both.
sub ratio ($what, $subject, $base) {
    my @pairs = map { [ $subject->{rounds}[$_]{$what}, $base->{rounds}[$_]{$what} ] } 0 .. $#{ $subject->{rounds} };
    return median(map { $_->[1] ? $_->[0] / $_->[1] : () } @pairs);
}

# What the figures were measured on, in words.
sub say_machine () {
    my ($model) = _content('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)$/m;
    my $cpus    = () = _content('/proc/cpuinfo') =~ /^processor\s*:/mg;
    my ($memory) = _content('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/m;
    my ($release) = (POSIX::uname())[2] =~ /^(\d+\.\d+)/;
    return sprintf '%d x %s, %.0f GB, Linux %s%s', $cpus, $model || 'unknown processor', $memory / 1048576, $release,
        defined $SERVER_CPU ? '; servers on one processor, load on another' : '; servers and load share the only processor';
}

1;
