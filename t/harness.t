# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# The judges themselves: the search for leaked digits and the verdict over the error log must be able to fail.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Logs qw(alarms unexpected missing leaks);

my $TIME   = '[Tue Nov 24 15:18:01.123456 2026]';
my $PREFIX = "$TIME [core:trace5] [pid 1234:tid 1234] protocol.c(1234): (1234)No such file: [client 127.0.0.1:1234] ";

# --- Leaks ------------------------------------------------------------------------------------------

my @DIGITS = ('1234', '0417', '12#4', '4111111111111111', '7', '00000000');

for my $case (
    [ 'a short string in the message'  => $PREFIX . 'Request received: POST /x?Digits=1234 HTTP/1.1' ],
    [ 'at its very end'                => $PREFIX . 'Digits=0417' ],
    [ 'alone in the message'           => $PREFIX . '0417' ],
    [ 'in the Referer behind it'       => $PREFIX . 'AH00001: text, referer: http://h/?Digits=1234&x=1' ],
    [ 'behind a port'                  => $PREFIX . 'Host: 127.0.0.1:8080 http://h:80/1234' ],
    [ 'in a line without a prefix'     => 'Digits=1234&CallSid=CA1' ],
    [ 'with a key that is no digit'    => $PREFIX . 'Digits=12#4' ],
    [ 'a long one in a word'           => $PREFIX . 'token=ab4111111111111111cd' ],
    [ 'a long one where the pid is'    => '[pid 4111111111111111] x' ],
    [ 'in the request of an access log' => '127.0.0.1 - - [24/Nov/2026:15:18:01 +0000] "GET /?Digits=1234 HTTP/1.1" 405 0' ],
    [ 'as the user of an access log'   => '127.0.0.1 - 0417 [24/Nov/2026:15:18:01 +0000] "GET / HTTP/1.1" 200 178' ],
    [ 'in its Referer, behind the size'  => '127.0.0.1 - - [24/Nov/2026:15:18:01 +0000] "GET / HTTP/1.1" 200 178 "0417" "x"' ],
    [ 'in a variable of an access log' => 't1n1 call call=- step=0417 "POST /x HTTP/1.1" 200 178' ],
) {
    my ($name, $line) = @$case;
    is_deeply [ leaks("before\n$line\nafter\n", @DIGITS) ], [$line], "found: $name";
}

for my $case (
    [ 'pid, tid, line, error number, port'  => $PREFIX . 'text' ],
    [ 'no pid of a child'                   => "$TIME [core:notice] [pid 7] AH00052: child pid 1234 exit signal 11" ],
    [ 'part of a tag'                       => $PREFIX . 'AH01234: text' ],
    [ 'part of a token'                     => $PREFIX . 'encryptedCardDigits=ab1234cd' ],
    [ 'status and size of an access log'    => '127.0.0.1 - - [24/Nov/1234:12:34:01 +0000] "POST / HTTP/1.1" 200 1234' ],
    [ 'the same before more columns'        => '127.0.0.1 - - [24/Nov/1234:12:34:01 +0000] "POST / HTTP/1.1" 200 1234 "-" "x"' ],
    [ 'a port of this machine'              => $PREFIX . 'connecting to 127.0.0.1:1234' ],
    [ 'a port that a client asks for'       => $PREFIX . '  Host: example.com:1234' ],
    [ 'a port in a URL'                     => $PREFIX . 'signed https://example.com:1234/x' ],
    [ 'the mode of a key file'              => $PREFIX . "EG0102: EncGatherKeyFile '/k' has mode 1234, group or others have access" ],
    [ 'the microseconds before our columns' => '127.0.0.1 "POST / HTTP/1.1" 200 40182 1234 call=- step=-' ],
    [ 'a process id with an equals sign'    => $PREFIX . 'removed PID file /x/httpd.pid (pid=1234)' ],
    [ 'process and thread of a worker'      => 'result=- signature=- worker=1234:1234' ],
    [ 'a length'                            => $PREFIX . '  Content-Length: 1234' ],
    [ 'what event waits for'                => $PREFIX . 'conns=0 timeout=1234 queues_timeout=-1234 timers_timeout=1' ],
    [ 'a process id in square brackets'     => '2026-11-27 10:00:00.000 UTC [1234] LOG:  started' ],
    [ 'what a Redis says of itself'         => '21453:C 29 Nov 2026 11:57:11.1234 # Redis version=7.0.15, bits=64, commit=00000000, pid=1234, just started' ],
    [ 'a single digit'                      => $PREFIX . 'attempt 7' ],
) {
    my ($name, $line) = @$case;
    is_deeply [ leaks("$line\n", @DIGITS) ], [], "no alarm: $name";
}
is_deeply [ leaks("Digits=1234\n") ], [], 'nothing sent, nothing found';
is_deeply [ leaks("ab1234cd\nDigits=1234\n", '1234') ], ['Digits=1234'], 'short strings alone';
is_deeply [ leaks("ab12345678cd\n", '12345678') ], ['ab12345678cd'], 'long strings alone';

# --- The verdict over the error log -----------------------------------------------------------------

sub line ($level, $text) { return "$TIME [encgather:$level] [pid 7:tid 8] [client 127.0.0.1:9] $text" }

my @lines = map { line($_, "EG0301: $_") } qw(emerg alert crit error warn notice info debug trace8);
is_deeply [ alarms(join "\n", @lines) ], [ @lines[ 0 .. 4 ] ], 'alarms are the lines at warn and worse';
is_deeply [ alarms("$TIME [:error] [pid 7] text") ], ["$TIME [:error] [pid 7] text"], 'also of a nameless module';

my $crash = "$TIME [core:notice] [pid 7] AH00052: child pid 9 exit signal Segmentation fault (11)";
is_deeply [ alarms($crash) ], [$crash], 'a crashed child is an alarm, though httpd notes it at notice';

my $apart = "$TIME [ssl:warn] [pid 7:tid 7] AH01882: Init: this version of mod_ssl was compiled against a newer library";
is_deeply [ alarms("$apart\n$lines[0]") ], [ $lines[0] ], 'what the packages of the system disagree on is none';

my $busy = "$TIME [mpm_event:error] [pid 7:tid 7] AH00484: server reached MaxRequestWorkers setting, consider raising it";
is_deeply [ alarms("$busy\n$lines[0]") ], [ $lines[0] ], 'that all workers are busy is none either';

my $stopping = "$TIME [mpm_event:error] [pid 7:tid 9] (9)Bad file descriptor: AH03092: process_lingering_close: apr_pollset_add failure";
is_deeply [ alarms("$stopping\n$lines[0]") ], [ $lines[0] ], 'nor is what the event MPM says of a connection at a stop';

my @alarms = (line(warn => 'EG0301: refused'), line(error => 'EG0101: no key'));
is_deeply [ unexpected(\@alarms, [ qr/EG03\d\d:/ ]) ], [ $alarms[1] ], 'an alarm that nobody announced';
is_deeply [ unexpected(\@alarms, [ qr/EG03\d\d:/, qr/EG01\d\d:/ ]) ], [], 'all announced';
is_deeply [ missing(\@alarms, [ qr/EG03\d\d:/, qr/EG05\d\d:/ ]) ], [ qr/EG05\d\d:/ ], 'an alarm that never came';

done_testing;
