# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# encgather trace: the life of one call, in order of time, out of access logs of any format that has the CallSid, and
# error logs.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use File::Temp ();
use FindBin;
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp spew);

my $TOP  = abs_path("$FindBin::Bin/..");
my $TOOL = $ENV{ENCGATHER_TOOL} || "$TOP/build/out/encgather";
plan skip_all => "no $TOOL: make all builds it" if !-x $TOOL;

my $DIR = File::Temp->newdir('encgather-trace-XXXXXX', TMPDIR => 1);
my $SID = 'CA0123456789abcdef0123456789abcdef';
my $NO_SUCH = "encgather trace: no line of these files names that call\n";
$ENV{TZ} = 'UTC';

my $serial = 0;
sub log_of (@lines) { return spew("$DIR/log" . ++$serial, join '', map { "$_\n" } @lines) }

# (exit code, standard output, standard error); $input goes to standard input.
sub trace ($arguments, $input = '') {
    my $stdin = log_of($input);
    my $pid   = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN,  '<', $stdin;
        open STDOUT, '>', "$DIR/out";
        open STDERR, '>', "$DIR/err";
        exec $TOOL, 'trace', @$arguments or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return ($? & 127 ? -($? & 127) : $? >> 8, slurp("$DIR/out"), slurp("$DIR/err"));
}

sub shows ($name, $files, $lines) {
    my ($rc, $out, $err) = trace([ $SID, @$files ]);
    is_deeply [ $rc, $out, $err ], [ 0, join('', map { "$_\n" } @$lines), '' ], $name or diag $out, $err;
    return;
}

# --- A call in the formats that the package has ------------------------------------------------------------------

my $ACCESS = log_of(
    "2026-11-29T05:03:57.123+0000 192.0.2.1 200 1310 call=$SID step=getLast4CC result=asked signature=valid",
    '2026-11-29T05:03:58.000+0000 192.0.2.1 200 900 call=CAother step=getLast4CC result=asked signature=valid',
    "2026-11-29T07:04:09.789+0200 192.0.2.1 200 8002100 call=$SID step=processData result=unavailable signature=valid",
    "2026-11-29T05:04:03.456+0000 192.0.2.1 200 942 call=$SID step=getPin result=asked signature=valid",
);
my $JSON = log_of(map {
    my ($time, $status, $rest) = @$_;
    qq({"time":"$time","status":$status,"microseconds":100,"call":"$SID",$rest})
} [ '2026-11-29T05:03:57.123+0000', 200, '"step":"getLast4CC","result":"asked","signature":"valid"' ],
  [ '2026-11-29T05:04:03.456+0000', 403, '"step":"-","result":"forbidden","signature":"invalid"' ]);
my $ERROR = log_of(
    "[Sun Nov 29 05:04:17.790123 2026] [encgather:error] [pid 12:tid 34] [client 192.0.2.1:5678] EG0501: call $SID: the backend is unavailable: it did not answer in time",
    '[Sun Nov 29 05:04:17.790123 2026] [encgather:error] [pid 12:tid 34] [client 192.0.2.1:5678] EG0501: call CAother: something else',
    "[Sun Nov 29 05:04:03.456100 2026] [encgather:warn] [pid 12:tid 34] (22)Invalid argument: [client 192.0.2.1:5678] EG0402: call $SID: bad",
);

my @WEBHOOKS = (
    '2026-11-29 05:03:57.123  getLast4CC: asked (200, 1.3 ms, signature valid)',
    '2026-11-29 05:04:03.456  getPin: asked (200, 0.9 ms, signature valid)',
    '2026-11-29 05:04:09.789  processData: unavailable (200, 8.002 s, signature valid)',
);
my $TOLD   = '2026-11-29 05:04:17.790  error EG0501: the backend is unavailable: it did not answer in time';
my $WARNED = '2026-11-29 05:04:03.456  warn EG0402: bad';
shows('webhooks and reasons, by time', [ $ERROR, $ACCESS ],
    [ @WEBHOOKS[ 0, 1 ], $WARNED, $WEBHOOKS[2], $TOLD, '3 webhooks in 20.668 s; the last one: unavailable' ]);
shows('JSON', [$JSON],
    [ '2026-11-29 05:03:57.123  getLast4CC: asked (200, 0.1 ms, signature valid)',
      '2026-11-29 05:04:03.456  -: forbidden (403, 0.1 ms, signature invalid)', '2 webhooks in 6.333 s; the last one: forbidden' ]);
shows('an error log alone', [$ERROR], [ $WARNED, $TOLD, 'no webhook of this call is in these logs' ]);

# --- Other formats ---------------------------------------------------------------------------------------------------

my $UNANSWERED = "1 webhook in 0.001 s; the last one: asked\nno answer to its question: the caller hung up, or the next webhook did not reach this server";
my $REQUEST    = '"POST /encrypted-gather?step=evil&result=found HTTP/1.1"';
my $VARIABLES  = "call=$SID step=getPin result=asked signature=valid";
for my $case (
    [ 'the one that sorts', "[Sun Nov 29 05:03:57.123456 2026] 192.0.2.1 $REQUEST 200 345 1000 $VARIABLES", '200, 1.0 ms, signature valid' ],
    [ 'combined, and variables', qq(192.0.2.1 - - [29/Nov/2026:06:03:57 +0100] $REQUEST 200 345 "-" "x result=found" $VARIABLES), '200, signature valid', 0 ],
    [ 'variables without names', qq(192.0.2.1 [29/Nov/2026:05:03:57 +0000] $REQUEST 200 345 $SID getPin asked valid), '200, signature valid', 0 ],
    [ 'names and a colon', qq(2026-11-29 05:03:57.123Z status: 200 call: $SID step: getPin result: asked signature: valid), '200, signature valid' ],
) {
    my ($name, $line, $facts, $fraction) = @$case;
    my ($rc, $out, $err) = trace([ $SID, log_of($line) ]);
    is $rc, 0, "$name: exit code";
    my $ms = defined $fraction ? '000' : '123';
    like $out, qr/\A2026-11-29 05:03:57\.$ms  getPin: asked \(\Q$facts\E\)\n1 webhook[^\n]*; the last one: asked\nno answer[^\n]*\n\z/, $name;
}
shows('a question that nobody answered', [ log_of("2026-11-29T05:03:57.123+0000 h 200 1000 $VARIABLES") ],
    [ '2026-11-29 05:03:57.123  getPin: asked (200, 1.0 ms, signature valid)', split /\n/, $UNANSWERED ]);
shows('lines that say nothing of ours', [ log_of(qq(h - - [29/Nov/2026:05:03:57 +0000] "GET /x?CallSid=$SID HTTP/1.1" 404 12), "now $SID: \e[1mhere") ],
    [ qq(2026-11-29 05:03:57.000  h - - [29/Nov/2026:05:03:57 +0000] "GET /x?CallSid=$SID HTTP/1.1" 404 12),
      "2026-11-29 05:03:57.000  now $SID: ?[1mhere", 'no webhook of this call is in these logs' ]);

shows('odd lines', [ log_of("[here $SID Nov Nov x Nov 29 x 7", "[Sun Nov  1 05:03:57.12345678 2026] [core:warn] [pid 1] AH00001: see $SID",
        "2026-11-01T05:03:58+0000 h 200 99999999999999999999 call=$SID step=a result=found signature=valid",
        "2026-11-01T05:03:59Z call=$SID stepped step=a result=found signature=valid", "2026-11-01T05:04:00-01 $SID a b c") ],
    [ ' ' x 23 . "  [here $SID Nov Nov x Nov 29 x 7", "2026-11-01 05:03:57.123  warn AH00001: see $SID", '2026-11-01 05:03:58.000  a: found (200, 0.0 ms, signature valid)',
      '2026-11-01 05:03:59.000  a: found (signature valid)', "2026-11-01 05:04:00.000  2026-11-01T05:04:00-01 $SID a b c", '2 webhooks in 1.000 s; the last one: found' ]);

# --- Which call, which files --------------------------------------------------------------------------------------------

my $LIKE_IT = log_of(map { "2026-11-29T05:03:57.123+0000 h 200 1000 call=$_ step=a result=found signature=valid" } "${SID}0", "x$SID", "$SID-1", "${SID}_", uc $SID);
is_deeply [ trace([ $SID, $LIKE_IT, log_of() ]) ], [ 1, '', $NO_SUCH ], 'a call of another name is another call';
is_deeply [ (trace([ $SID, '-' ], slurp($ACCESS)))[ 0, 1 ] ], [ (trace([ $SID, $ACCESS ]))[ 0, 1 ] ], 'standard input';
{
    my ($rc, $out, $err) = trace([ $SID, "$DIR/none", $ACCESS ]);
    is $rc, 3, 'a file that is not there: exit code';
    like $out, qr/the last one: unavailable\n\z/, 'the others are read';
    is $err, "encgather trace: $DIR/none: No such file or directory\n", 'and it is told';
    my $zipped = spew("$DIR/log.gz", "\x1f\x8b\x08\0$SID\n");
    is_deeply [ trace([ $SID, $zipped ]) ], [ 1, '', "encgather trace: $zipped is compressed; run: zcat $zipped | encgather trace CALLSID -\n$NO_SUCH" ],
        'a compressed file';
}
for my $arguments ([$SID], [ 'CA 1', $ACCESS ], [ '', $ACCESS ], [ 'a' x 65, $ACCESS ], [ '--x', $SID, $ACCESS ]) {
    my ($rc, $out, $err) = trace($arguments);
    is_deeply [ $rc, $out ], [ 2, '' ], "wrong usage: @$arguments";
    unlike $err, qr/CA 1|aaaa/, 'what was written is not repeated';
}

done_testing();
