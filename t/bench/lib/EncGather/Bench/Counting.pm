# SPDX-License-Identifier: Apache-2.0
# An httpd under callgrind, and what one request costs it: the difference between many and few requests, so that what a
# start or a connection costs is not in it.
package EncGather::Bench::Counting;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use IO::Socket::INET;
use JSON::PP ();
use List::Util qw(sum0);

use EncGather::Bench::Apache qw(apache);
use EncGather::Bench::Callgrind qw(read_counts);
use EncGather::Bench::Cases qw(emptied);
use EncGather::Bench::Sealed qw(opened write_fresh);
use EncGather::Bench::Webhooks qw(request write_requests unseal);
use EncGather::Files qw(slurp);
use EncGather::Httpd qw(httpd runtime_user);

use constant {
    ALLOCATORS => qr/^(?:malloc|calloc|realloc|memalign|posix_memalign|aligned_alloc)(?:'\d+)?\z/,
    WARM       => 50,
    HEAVY_WARM => 12,
};
# few and many
use constant HEAVY => (8, 40);      # of what takes a million instructions: what differs between two requests is nothing then
use constant LIGHT => (64, 640);    # of what is subtracted from one another

# dir; secrets, tool: to open tokens; out: where mod_bench.so, mod_callgrind.so and load are; few, many: requests; the rest as
# EncGather::Bench::Apache wants it. Dies when it does not start. What differs from one request of a file to the next is not
# in the difference where few and many are multiples of how many it has.
sub new ($class, %option) {
    my $self = bless { few => 200, many => 1000, %option }, $class;
    mkdir $self->{dir};
    mkdir "$self->{dir}/counts";
    chown scalar getpwnam(runtime_user()), -1, "$self->{dir}/counts" if $> == 0;
    my $dump = qq(<Location "/dump">\nSetHandler callgrind-dump\n</Location>\n);
    $option{own}  = { map { $_ => "$self->{out}/mod_$_.so" } qw(bench callgrind) };
    $option{conf} = join '', $option{conf} // (), _pieces(%option);
    $self->{server} = apache(children => 1, threads => 4, %option, httpd => $self->_wrapper, conf => $option{conf} . $dump);
    $self->{server}->start
        or die $self->{server}->error, "(valgrind must understand the module's debugging symbols: those of gcc it does)\n";
    return $self;
}

# All of them; lenient: what this httpd takes, and of a <Location> that it does not take that it is there.
sub _pieces (%option) {
    my @pieces = @{ $option{pieces} || [] };
    return @pieces if !$option{lenient} || _is_taken(join('', @pieces), %option);
    return map { _is_taken($_, %option) ? $_ : emptied($_) } @pieces;
}

sub _is_taken ($conf, %option) {
    my $server = apache(%option, conf => $conf);
    $server->configure;
    my ($status) = $server->configtest;
    return $status == 0;
}

sub stop ($self) { return $self->{server}->stop }

# httpd as one process, which callgrind watches; what it is only asked about itself it answers without.
sub _wrapper ($self) {
    my $path = "$self->{dir}/httpd";
    open my $file, '>', $path or die "$path: $!\n";
    print {$file} "#!/bin/sh\n", 'case "$*" in *-DFOREGROUND*) ;; *) exec ', httpd(), ' "$@" ;; esac', "\n",
        'for word; do shift; test "$word" = -DFOREGROUND && word=-X; set -- "$@" "$word"; done', "\n",
        "exec valgrind -q --tool=callgrind --instr-atstart=no --callgrind-out-file=$self->{dir}/counts/count.%p ", httpd(), ' "$@"', "\n";
    close $file or die "$path: $!\n";
    chmod 0755, $path;
    return $path;
}

# Adds instructions and allocations (per request) and counts (of all of the many) to a case, as EncGather::Bench::Cases
# describes it.
sub count ($self, $case) {
    my ($few, $many) = $case->{heavy} ? HEAVY : $case->{light} ? LIGHT : @{$self}{qw(few many)};
    my %asked = map { exists $case->{$_} ? ($_ => $case->{$_}) : () } qw(path query digits json wrong parameters extra method provider call);
    $asked{query} = $self->_followed($case, %asked) if $case->{follows};
    $self->_answers_rightly($case, %asked);
    my $requests = $case->{fresh} ? "$self->{dir}/requests" : write_requests("$self->{dir}/requests", %asked);
    $self->_replay($case, $requests, $case->{heavy} ? HEAVY_WARM : WARM);
    $self->_dump('before');
    my %counts;
    for my $n ($few, $many) {
        $self->_replay($case, $requests, $n);
        $counts{$n} = read_counts($self->_dump($n));
        $counts{$n}{total} -= $counts{$n}{with}{ $case->{seldom} } || 0 if $case->{seldom};
    }
    $case->{counts} = $counts{$many};
    $case->{many}   = $many;
    $case->{instructions} = ($counts{$many}{total} - $counts{$few}{total}) / ($many - $few);
    $case->{allocations}  = abs((allocations($counts{$many}) - allocations($counts{$few})) / ($many - $few));
    return;
}

# Where a provider signs no URL, only the server knows the query that the call comes with next.
sub _followed ($self, $case, %asked) {
    my $first = $self->_ask(request(%asked, query => undef));
    my ($query) = $first =~ /\?($case->{query}&amp;[^"<\s]*)/ or die "$case->{name}: no action in $first\n";
    return $query =~ s/&amp;/&/gr;
}

sub allocations ($counts) {
    return sum0 map { values %{ $counts->{calls}{$_} } } grep { $_ =~ ALLOCATORS } keys %{ $counts->{calls} };
}

# Never measure a server that does something else.
sub _answers_rightly ($self, $case, %asked) {
    my ($head, $body) = split /\r\n\r\n/, $self->_ask($self->_one($case, %asked)), 2;
    my ($status) = ($head || '') =~ m{^HTTP/1\.1 (\d+)} or die "$case->{name}: no answer\n";
    my $wanted = $case->{wrong} ? 403 : 200;
    die "$case->{name}: status $status\n$body\n" if $status != $wanted;
    die "$case->{name}: not what it should say: $body\n" if index($body, $case->{expect} // '') < 0;
    my ($token) = ($case->{expect} // '') =~ /^encryptedCardDigits=/ ? $body =~ /encryptedCardDigits=([\w.-]+)/ : ();
    die "$case->{name}: the token does not open\n" if defined $token && $self->_opened($token) !~ /^\d{4}\z/;
    my $refused = $case->{bad} ? $self->_ask(request(%asked, %{ $case->{bad} })) : '';
    die "$case->{name}: what must be refused is not: $refused\n" if $case->{bad} && $refused !~ m{^HTTP/1\.1 400 };
    return;
}

sub _one ($self, $case, %asked) {
    return request(%asked) unless $case->{fresh};
    write_fresh("$self->{dir}/requests", 1, $case->{path});
    return slurp("$self->{dir}/requests") =~ s/\A\d+\n//r;
}

# Keys for formats other than hex are in the directory "secrets", if there is one.
sub _opened ($self, $token) {
    return $self->{secrets} ? opened(@{$self}{qw(tool secrets)}, $token) : unseal($token) // '';
}

sub _ask ($self, $bytes) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{server}->port, Timeout => 60) or die "connect: $!\n";
    $bytes =~ s/\r\n/\r\nConnection: close\r\n/;
    print {$socket} $bytes;
    local $/;
    my $answer = <$socket>;
    return defined $answer ? $answer : '';
}

sub _replay ($self, $case, $requests, $n) {
    my @expect = length($case->{expect} // '') ? ('--expect', $case->{expect}) : ();
    push @expect, '--status', 403 if $case->{wrong};
    write_fresh($requests, $n, $case->{path}) if $case->{fresh};
    my @load = ("$self->{out}/load", '--port', $self->{server}->port, '--requests', $requests, '--connections', 1, '--count', $n);
    open my $from, '-|', @load, @expect or die "$load[0]: $!\n";
    my $report = JSON::PP::decode_json(do { local $/; <$from> } || '{}');
    close $from;
    die "$case->{name}: wrong answers\n" if !defined $report->{wrong} || $report->{wrong} || $report->{reconnected};
    return;
}

# The file that callgrind has just written, its counts since the one before.
sub _dump ($self, $name) {
    unlink glob "$self->{dir}/counts/*";
    $self->_ask(request(method => 'GET', path => '/dump', query => $name)) =~ /dumped/ or die "the counts were not written\n";
    my @new = glob "$self->{dir}/counts/*";
    die 'callgrind wrote ' . @new . " files at $name\n" unless @new == 1;
    return $new[0];
}

1;
