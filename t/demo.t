# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# The README's first command, by the programs that "make demo" and "make serve" start when everything is built: two calls
# that go as they must, a phone and a status page that answer, and nothing left behind.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use File::Temp ();
use FindBin;
use HTTP::Tiny;
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Sanitizer qw(pointless);
use EncGather::Wait qw(wait_until);

my $TOP    = abs_path("$FindBin::Bin/..");
my $OUT    = abs_path($ENV{ENCGATHER_OUT} || "$TOP/build/out");
my @DEMO   = ("$TOP/build/demo", '--module', "$OUT/mod_encgather.so");
my $WITHIN = 60;    # seconds, for a start or an end

plan skip_all => pointless('demo') if pointless('demo');

# A test that CI skips is a test that nobody runs.
my @MISSING = grep { /^MISSING/ } split /\n/, `'$TOP/build/deps.sh' demo --list`;
plan skip_all => "build/deps.sh demo installs what is missing: $MISSING[0]" if @MISSING && !$ENV{CI};

# Ctrl-C must still run destructors, which end what is running.
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

my $WORK = File::Temp->newdir('encgather-demo-test-XXXXXX', TMPDIR => 1);
chmod 0711, $WORK;    # httpd's children read the database there

my $running;
END { local $?; stop($running) if $running }

# With a place of its own for what is temporary; what it says goes to a file.
sub begin ($name, @command) {
    my $pid = fork;
    die "fork: $!" unless defined $pid;
    return $pid if $pid;
    @ENV{qw(TMPDIR NO_COLOR)} = ("$WORK", 1);
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    open STDIN,  '<', '/dev/null';
    open STDOUT, '>', "$WORK/$name.said";
    open STDERR, '>', "$WORK/$name.complained";
    { no warnings 'exec'; exec { $command[0] } @command }
    POSIX::_exit(127);
}

sub told ($name) {
    open my $file, '<:raw', "$WORK/$name" or return '';
    local $/;
    return scalar <$file> // '';
}

# The wait status; undef when it would not end.
sub stop ($pid) {
    kill INT => $pid;
    my $ended = wait_until($WITHIN, sub { waitpid($pid, POSIX::WNOHANG()) != 0 });
    return $ended ? $? : do { kill KILL => $pid; undef };
}

sub left_behind () { return glob "$WORK/encgather-demo-*" }

# --- make demo ---------------------------------------------------------------------------------------------------

waitpid begin('demo', @DEMO), 0;
is $?, 0, 'the demo ends well' or diag map { told("demo.$_") } qw(said complained);
is told('demo.complained'), '', 'and complains of nothing';
like told('demo.said'), qr/^Both calls went as they must, and nothing leaked\.\n\z/m, 'both calls went as they must';
is_deeply [ left_behind() ], [], 'nothing is left behind';

# --- make serve --------------------------------------------------------------------------------------------------

$running = begin('serve', @DEMO, '--serve');
wait_until($WITHIN, sub { told('serve.said') =~ /_log\n/ || waitpid($running, POSIX::WNOHANG()) != 0 });
my ($ORIGIN) = told('serve.said') =~ m{^The server is up: (http://127\.0\.0\.1:\d+)/}m;
ok defined $ORIGIN, 'the server is up' or diag map { told("serve.$_") } qw(said complained);

sub answers ($path, $text) {
    my $answer = HTTP::Tiny->new(timeout => $WITHIN)->get(($ORIGIN // 'http://127.0.0.1:9') . $path);
    is $answer->{status}, 200, "$path is there";
    return like $answer->{content}, $text, 'and says what it should';
}

answers('/', qr/<html/i);
answers('/encgather-status?format=openmetrics', qr/^# EOF\n\z/m);
my ($call) = told('serve.said') =~ m{^    (\S+/encgather-call [^\n]* \\\n[^\n]* 1234 4321)$}m;
like `$call 2>&1`, qr/1 2 3 4 5 6 7 8|AC12345678/, 'the command that it shows places a call' if defined $call;
ok defined $call, 'it shows one';
my $status = stop($running);
undef $running;
is $status, 0, 'Ctrl-C ends it well';
is told('serve.complained'), '', 'it complains of nothing';
is_deeply [ left_behind() ], [], 'nothing is left behind';

done_testing();
