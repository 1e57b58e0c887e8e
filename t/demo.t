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
use EncGather::Files qw(spew);
use EncGather::Sanitizer qw(pointless);
use EncGather::Twilio qw(what_is_missing);
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

my $ORIGIN;

sub serve ($name) {
    $running  = begin($name, @DEMO, '--serve');
    wait_until($WITHIN, sub { told("$name.said") =~ /_log\n/ || waitpid($running, POSIX::WNOHANG()) != 0 });
    ($ORIGIN) = told("$name.said") =~ m{^The server is up: (http://127\.0\.0\.1:\d+)/}m;
    return ok(defined $ORIGIN, "$name: the server is up") || diag map { told("$name.$_") } qw(said complained);
}

sub ends_well ($name) {
    my $status = stop($running);
    undef $running;
    is $status, 0, "$name: Ctrl-C ends it well";
    is told("$name.complained"), '', "$name: it complains of nothing";
    return is_deeply [ left_behind() ], [], "$name: nothing is left behind";
}

serve('serve');

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
my $why = what_is_missing();
answers('/demo.json', $why ? qr/"whyNoIvr":"\Q$why\E"/ : qr{"ivr":\{"plain":"/ivr","shielded":"/shielded/ivr"\}});
is(HTTP::Tiny->new->post_form("$ORIGIN/shielded/ivr", {})->{status}, $why ? 404 : 403, 'an IVR is behind a shield, if there is one');
ends_well('serve');

# A Node.js that is too old, in front of whatever there is.
mkdir "$WORK/bin";
spew("$WORK/bin/node", "#!/bin/sh\necho v12.22.0\n", 0755);
{
    local $ENV{PATH} = "$WORK/bin:$ENV{PATH}";
    serve('serve without an IVR');
}
answers('/demo.json', qr/"whyNoIvr":"Node\.js is 12, and the library wants 20"/);
answers('/', qr/<html/i);
ends_well('serve without an IVR');

done_testing();
