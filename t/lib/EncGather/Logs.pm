# SPDX-License-Identifier: Apache-2.0
# What the tests demand of log files: no line at warn or worse that nobody announced, and no digits of any caller.
package EncGather::Logs;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';

our @EXPORT_OK = qw(alarms unexpected missing leaks);

# [time] [module:level] [pid 1:tid 2] file.c(34): (2)No such file or directory: [client 127.0.0.1:5678] text
# httpd writes the third to the sixth only where it knows them, and "remote" for a proxy's backend.
my $TIME    = qr/\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:.]+ \d{4}\] /;
my $LEVEL   = qr/\[(?<module>[\w-]*):(?<level>\w+)\] /;
my $PROCESS = qr/\[pid \d+(?::tid \d+)?\] /;
my $SOURCE  = qr/[\w.\/-]+\(\d+\): /;
my $ERROR   = qr/\((?:\d+|EAI \d+)\)[^:\[]*: /;
my $PEER    = qr/\[(?:client|remote) [^\]]*\] /;
my $PREFIX  = qr/^$TIME$LEVEL(?:$PROCESS)?(?:$SOURCE)?(?:$ERROR)?(?:$PEER)?/;

# "request" 200 178 of every access log here, with a time stamp before it; the end of the line, "Referer", or the
# microseconds (%D) and our variables follow.
my $ACCESS_TIME   = qr{\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]};
my $ACCESS_RESULT = qr/(?<=") \d{3} (?:\d+|-)(?: \d+(?= call=))?(?=$| "| call=)/;

# The two formats of conf/encgather.conf begin like this.
my $OWN_FORMAT = qr/^(?:\d{4}-\d\d-\d\dT[\d:.]+[+-]\d{4} \S+ \d{3} \d+(?= call=)|\{"time":"[\dT:.+-]+","status":\d{3},"microseconds":\d+(?=,))/;

my %ALARM = map { $_ => 1 } qw(warn error crit alert emerg);

# Few workers are soon busy, and httpd says so.
my $ALL_BUSY = qr/AH\d+: server (?:reached|is within MinSpareThreads of) MaxRequestWorkers/;

# No fault of the server under test, and nothing a test could change: what mod_ssl says wherever the system's packages of
# httpd and OpenSSL are not of the same day; and that all are busy, which on a slow machine a handful of requests does. (A
# worker that never comes back is found by the requests that wait for it.) And what the event MPM says at a stop, with this
# module and without it, when its main thread has closed the connection that a worker is about to leave.
my $AT_A_STOP      = qr/AH03092: process_lingering_close: apr_pollset_add failure/;
my @OF_THE_MACHINE = (qr/AH01882: Init: this version of mod_ssl was compiled against/, $ALL_BUSY, $AT_A_STOP);

# The lines of an error log at warn or worse, and those that tell of the end of a child that crashed.
sub alarms ($text) {
    return grep { !_fits_any($_, \@OF_THE_MACHINE) && ((/$PREFIX/ && $ALARM{ $+{level} }) || /exit signal/) } split /\n/, $text;
}

# Alarms that fit none of the patterns; patterns that no alarm fits.
sub unexpected ($alarms, $patterns) {
    return grep { !_fits_any($_, $patterns) } @$alarms;
}

sub missing ($alarms, $patterns) {
    return grep { my $pattern = $_; !grep { $_ =~ $pattern } @$alarms } @$patterns;
}

sub _fits_any ($line, $patterns) {
    return scalar grep { $line =~ $_ } @$patterns;
}

# Lines of a log that hold one of the digit strings: those of eight and more digits anywhere, shorter ones (a process
# id would often contain them) as whole words of what is left without httpd's own numbers. Strings of one or two
# characters are too common to look for.
sub leaks ($text, @digits) {
    my @whole    = grep { length >= 8 && !/^(.)\1*\z/s } @digits;    # but 00000000 is in many a number of httpd's
    my $anywhere = _any_of(@whole);
    my $words    = _any_of(grep { /^.{3,7}\z/ || /^(.)\1{7,}\z/s } @digits);
    return grep { (defined $anywhere && /$anywhere/)
               || (defined $words && _without_own_numbers($_) =~ /(?<![A-Za-z0-9])$words(?![A-Za-z0-9])/) }
           split /\n/, $text;
}

sub _any_of (@strings) {
    my %seen;
    my @different = grep { !$seen{$_}++ } @strings;
    return unless @different;
    my $any = join '|', map { quotemeta } sort @different;
    return qr/(?:$any)/;
}

sub _without_own_numbers ($line) {
    $line =~ s/$PREFIX// || $line =~ s/^$TIME//;
    $line =~ s/$OWN_FORMAT//;
    $line =~ s/$ACCESS_TIME//;
    $line =~ s/$ACCESS_RESULT//;
    $line =~ s/^\d+:[A-Z] \d\d [A-Z][a-z]{2} \d{4} [\d:.]+ // && $line =~ s/\bcommit=[0-9a-f]{8}\b//;    # of a Redis
    $line =~ s/\b(?:pid|child|tid)[ =]\d+//g;
    $line =~ s/\| [0-9a-f]{4}(?=: | - <)//;          # where a line of mod_ssl's dumps begins
    $line =~ s/\bmode \d{4}\b//g if $line =~ /\bEG010[12]:/;    # of a key file that is refused
    $line =~ s/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b//g;    # a header of Twilio's holds a UUID
    $line =~ s/\bworker=\d+:\d+//g;                 # a column of the tests' own log: process and thread
    $line =~ s/\b(?:queues_)?timeout=-?\d+//g;      # event's trace of what it waits for
    $line =~ s/\bContent-Length: \d+|\bas process \d+|(?<= UTC )\[\d+\]|\bwritev_nonblocking: \d+\/\d+//g;
    $line =~ s{(?:\bHost: |https?://|\b127\.0\.0\.1)[\w.-]*:\d+}{}g;
    return $line;
}

1;
