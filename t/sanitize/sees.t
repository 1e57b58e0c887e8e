# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# Does the sanitizer at work see faults at all? Each fault on purpose, in httpd and in a program, must be reported, and
# what is no fault must not.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Temp;
use HTTP::Tiny;
use Test::More;

use lib 't/lib';
use EncGather::Sanitizer qw(environment reports);
use EncGather::Server;
use EncGather::Wait qw(wait_until);

use constant WAIT => 60;    # seconds

# What each has to say; the others see no fault in it, or are not asked.
my %SEES = (
    asan => {
        'pool-overflow'      => qr/heap-buffer-overflow.*pool_overflow/s,
        'pool-after-destroy' => qr/heap-use-after-free.*pool_after_destroy/s,
        'heap-overflow'      => qr/heap-buffer-overflow.*heap_overflow/s,
        'stack-overflow'     => qr/stack-buffer-overflow.*stack_overflow/s,
        'signed-overflow'    => qr/runtime error: signed integer overflow/,
    },
    tsan     => { 'data-race' => qr/data race.*count/s },
    valgrind => {
        'pool-overflow'      => qr/Invalid write.*pool_overflow/s,
        'pool-after-destroy' => qr/Invalid read.*pool_after_destroy/s,
        'heap-overflow'      => qr/Invalid write.*heap_overflow/s,
        'uninitialised-read' => qr/uninitialised value.*uninitialised_read/s,
        'lost-memory'        => qr/definitely lost.*lost_memory/s,
    },
);

my $kind = $ENV{ENCGATHER_SANITIZER} or plan skip_all => 'no sanitizer is at work: see make asan-test';
my $out  = $ENV{ENCGATHER_OUT};
my %sees = %{ $SEES{$kind} };

# Everybody may write there: children of the server run as somebody else.
sub directory () {
    my $directory = File::Temp->newdir;
    chmod 01777, "$directory";
    return $directory;
}

sub environment_for ($reports) {
    return environment($kind, "$reports", $out, $ENV{ENCGATHER_REAL_HTTPD});
}

sub all_reports ($directory) {
    return join '', values %{ reports("$directory") };
}

# In a server of its own, whose child ends by itself behind the fault, and reports what it lost: httpd kills those that take longer
# than some seconds to stop, as they do on a busy machine.
sub in_httpd ($fault) {
    my ($reports, $tree) = (directory(), File::Temp->newdir);
    local %ENV = (%ENV, environment_for($reports));
    my $server = EncGather::Server->new(dir => "$tree", httpd => $ENV{ENCGATHER_HTTPD}, mpm => $ENV{ENCGATHER_MPM},
        conf => <<"END_OF_CONF");
LoadModule plant_module "$out/sanitize/mod_plant.so"
MaxConnectionsPerChild 1
<Location /plant>
    SetHandler plant
</Location>
END_OF_CONF
    $server->start or BAIL_OUT("httpd does not start under $kind: " . $server->error . all_reports($reports));
    my $answer = HTTP::Tiny->new->get($server->url("/plant?$fault"));
    wait_until(WAIT, sub { length all_reports($reports) }) unless $fault eq 'none';
    ok $server->stop, "$fault: the server stops";
    return ($answer->{content}, all_reports($reports));
}

sub in_program ($fault) {
    my $reports = directory();
    local %ENV = (%ENV, environment_for($reports));
    my @under = split ' ', $ENV{ENCGATHER_UNDER};
    my $answer = system(@under, "$out/sanitize/program", $fault) & 127 ? '' : 'done';
    return ($answer, all_reports($reports));
}

for my $case ([ 'in httpd', \&in_httpd ], [ 'in a program', \&in_program ]) {
    my ($where, $commit) = @$case;
    my ($answer, $report) = $commit->('none');
    like $answer, qr/done/, "$where: what is no fault runs to its end";
    is $report, '', "$where: and is not reported";
    for my $fault (sort keys %sees) {
        (undef, $report) = $commit->($fault);
        like $report, $sees{$fault}, "$where: $fault";
    }
}
done_testing;
