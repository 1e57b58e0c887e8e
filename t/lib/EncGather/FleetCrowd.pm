# SPDX-License-Identifier: Apache-2.0
# Callers at an EncGather::Fleet: processes whose steps go to one host after the other, and that write down every answer.
package EncGather::FleetCrowd;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Digest::MD5 qw(md5 md5_hex);
use JSON::PP ();
use List::Util qw(max);
use POSIX ();
use Time::HiRes qw(sleep time);

use EncGather::Clients;
use EncGather::Connection;
use EncGather::Files qw(slurp_if_there);
use EncGather::Fixtures qw(%TOKEN);
use EncGather::Fleet;
use EncGather::Signature qw(signature form_encode);
use EncGather::Site;

use constant {
    AGAIN => 20,     # times that a step is sent anew which no host has answered
    PAUSE => 0.2,    # seconds between two of them
};

# What a call of each kind is for.
my @KINDS = qw(open once closed twice once nobody open once closed);

# fleet; clients: how many processes; while: code that says whether to go on; name; program, programs: so many of them are encgather-call
sub start ($class, %options) {
    my $self = bless { name => 'callers', %options, pids => [] }, $class;
    $self->{results} = "$self->{fleet}{dir}/results-$self->{name}";
    mkdir $self->{results};
    push @{ $self->{pids} }, map { my $n = $_; EncGather::Clients::start(sub { $self->_client($n) }) } 0 .. $self->{clients} - 1;
    return $self;
}

# { steps => [ [ began, ended, kind, step, word, times sent ], ... ] in order of time, used => [ [ call, target ], ... ], died }
# A call by encgather-call is one step, "call", with two more: how long the slowest answer took, and how many answers there were.
sub finish ($self) {
    my %book = (steps => [], used => [], died => scalar grep { !EncGather::Clients::finish($_) } @{ $self->{pids} });
    for my $n (0 .. $self->{clients} - 1) {
        open my $file, '<', "$self->{results}/$n" or next;
        my $one = JSON::PP->new->decode(do { local $/; <$file> });
        push @{ $book{$_} }, @{ $one->{$_} } for qw(steps used);
    }
    $book{steps} = [ sort { $a->[0] <=> $b->[0] } @{ $book{steps} } ];
    return \%book;
}

sub _client ($self, $n) {
    $self->{fleet}->let_go;
    my $book = bless { name => "$self->{name}-$n", results => "$self->{results}/$n", fleet => $self->{fleet}, program => $self->{program}, line => EncGather::Connection->new(port => $self->{fleet}->port, requests => 20), steps => [], used => [] }, __PACKAGE__;
    for (my $i = $n; !EncGather::Clients::is_alone() && $self->{while}->(); $i += $self->{clients}) {
        my $kind = $KINDS[ int($i / $self->{clients}) % @KINDS ];
        $n < ($self->{programs} // 0) ? $book->_run_program($i, $kind) : $book->_place_call($i, $kind);
    }
    $book->{line}->close;
    open my $file, '>', "$self->{results}/$n" or croak "results: $!";
    print {$file} JSON::PP->new->encode({ map { $_ => $book->{$_} } qw(steps used) });
    close $file or croak "results: $!";
    return;
}

# --- Requests ---------------------------------------------------------------------------------------------------------

# Status and body; 0 where there was none.
sub send_step ($line, $target, $pairs) {
    my $body    = form_encode(@$pairs);
    my @headers = ('Host: ' . EncGather::Fleet::NAME, 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: ' . length $body,
        'X-Twilio-Signature: ' . signature($TOKEN{demo}, EncGather::Fleet::URL . $target, $pairs));
    my $answer = $line->exchange(join("\r\n", "POST $target HTTP/1.1", @headers) . "\r\n\r\n$body");
    return $answer ? @$answer{qw(status body)} : (0, '');
}

# What a caller hears, in a word.
sub word_of ($status, $body) {
    return $status if $status != 200;
    my ($said) = $body =~ /\b(FOUND|NOBODY|UNAVAILABLE|LOCKED)\b/;
    return lc $said if $said;
    return $body =~ /<Gather / ? 'asked' : 'odd';
}

# Sent again where a host died with it, as Twilio does where there is another URL to ask.
sub _step ($self, $at, $target, @pairs) {
    my ($began, $sent) = (time, 0);
    my ($status, $body);
    for (1 .. AGAIN) {
        $sent++;
        ($status, $body) = send_step($self->{line}, $target, [ CallSid => $self->{sid}, From => $self->{from}, @pairs ]);
        last if $status && $status != 502 && $status != 503;
        sleep PAUSE;
    }
    my $word = word_of($status, $body);
    $word = 'wrong' if $word eq 'found' && $body !~ /FOUND \Q$self->{account}\E \Q$self->{balance}\E</;
    push @{ $self->{steps} }, [ $began, time, $self->{kind}, $at, $word, $sent ];
    return ($word, $body);
}

# The target of the next step; undef where the call does not go on.
sub _next ($self, $at, $target, @pairs) {
    my ($word, $body) = $self->_step($at, $target, @pairs);
    return $word eq 'asked' && $body =~ /action="([^"]*)"/ ? $1 =~ s/&amp;/&/gr =~ s{^https?://[^/]*}{}r : undef;
}

# --- Calls ------------------------------------------------------------------------------------------------------------

# Who calls now: card, PIN.
sub _become_caller ($self, $i, $kind) {
    my ($card, $pin);
    ($card, $pin, @$self{qw(account balance)}) = EncGather::Site::caller_number($i);
    $self->{kind} = $kind;
    $self->{sid}  = 'CA' . md5_hex("$self->{name} $i");
    $self->{from} = sprintf '+1555%09d', unpack('L', md5("$self->{name} $i")) % 1_000_000_000;
    return ($card, $pin);
}

sub _place_call ($self, $i, $kind) {
    my ($card, $pin) = $self->_become_caller($i, $kind);
    my $at     = $kind eq 'nobody' ? 'open' : $kind eq 'twice' ? 'once' : $kind;
    my $second = $self->_next(first => "/$at") // return;
    my $last   = $self->_next(middle => $second, Digits => $card) // return;
    my $other  = sprintf '0%03d', ($pin + 1) % 1000;
    my ($word) = $self->_step(last => $last, Digits => $kind eq 'nobody' ? $other : $pin);
    return if $at ne 'once' || $word ne 'found';
    $self->_step(twice => $last, Digits => $pin) if $kind eq 'twice';
    push @{ $self->{used} }, [ $self->{sid}, $last ];
    $self->_step(again => $last, Digits => $other);    # not the same step, with a token that was used
    return;
}

my %WORD_OF = (0 => 'found', 4 => 'unavailable');    # by exit code

# The same call by the program that operators have, which says what it heard, and sends nothing again.
sub _run_program ($self, $i, $kind) {
    $kind = 'open' if $kind eq 'nobody';
    $kind = 'once' if $kind eq 'twice';
    my ($began, @digits) = (time, $self->_become_caller($i, $kind));
    my ($code, $said) = _output("$self->{results}.said", $self->{program}, '--verbose', '--token-file' => "$self->{fleet}{dir}/secrets/tokens", '--public-url' => EncGather::Fleet::URL,
        '--means' => 'found=FOUND', '--means' => 'unavailable=UNAVAILABLE', '--from' => $self->{from}, '--call-sid' => $self->{sid},
        'http://127.0.0.1:' . $self->{fleet}->port . "/$kind", @digits);
    my @took = $said =~ /^200 in ([\d.]+) s, /mg;
    my $word = $WORD_OF{$code} // 'failed';
    $word = 'wrong' if $word eq 'found' && $said !~ /FOUND \Q$self->{account}\E \Q$self->{balance}\E"/;
    push @{ $self->{steps} }, [ $began, time, $kind, 'call', $word, 1, max(0, @took), scalar @took ];
    return;
}

# (exit code, all that it said). By a file: after let_go() Perl takes the next pipe for one that others still hold, and its close waits for nobody.
sub _output ($path, @command) {
    my $pid = fork;
    croak "fork: $!" unless defined $pid;
    if (!$pid) {
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', $path;
        open STDERR, '>&', \*STDOUT;
        { no warnings 'exec'; exec $^X, @command }
        POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return ($? >> 8 || $? & 127, slurp_if_there($path));
}

1;
