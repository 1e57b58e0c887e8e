# SPDX-License-Identifier: Apache-2.0
# The table of neighbours, t/neighbours/rows: read, checked for slips, and written as the table of the manual's page.
package EncGather::Neighbours;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Exporter 'import';

use EncGather::Files qw(slurp);

our @EXPORT_OK = qw(read_rows table packages WEBHOOKS SHIELDED);

# The set that every row gets, in order, and how each is answered without a neighbour.
use constant WEBHOOKS => [
    question => 200, step => 200, last => 200, wrong => 403, unsigned => 403, get => 405, query => 400, plain => 415,
    over => 413, late => 200, chunked => 200, voice => 200, 'voice-wrong' => 403, 'voice-get' => 200, 'voice-get-wrong' => 403,
];

# That of the rows with "shield yes": an application behind a shield, and one behind a reveal.
use constant SHIELDED => [
    ivr => 200, 'ivr-chunked' => 200, 'ivr-get' => 200, 'ivr-wrong' => 403, 'ivr-get-wrong' => 403, 'ivr-over' => 413, 'ivr-late' => 503,
    pay => 200, 'pay-bad' => 400,
];

my %ONCE = map { $_ => 1 } qw(module mpm test setting seen do answers warns conf load last over fails helpers mariadb mount shield);
my %MANY = map { $_ => 1 } qw(package written ask shows file dir);

# Each row: { id, module, package => [ 'name version' ], ... } as the head of the file says it.
sub read_rows ($path) {
    my (@rows, $value);
    for my $line (split /\n/, slurp($path)) {
        next if $line =~ /^#/ || $line !~ /\S/ && !($value && $$value =~ /\n/);
        if ($line =~ /^\[([a-z0-9-]+)\]\z/) {
            push @rows, { id => $1 };
        } elsif ($line =~ /^([a-z]+)(?:\s+(.*))?\z/) {
            $value = _begin($rows[-1], $1, $2 // '');
        } elsif ($line =~ /^(?: {4}(.*)|\s*)\z/ && $value) {
            $$value .= "\n" . ($1 // '');
        } else {
            croak "$path: $line";
        }
    }
    my ($here) = $path =~ m{^(.*)/};
    $_->{conf} = ($_->{conf} // '') =~ s{^\+(\w+)$}{slurp("$here/$1.conf")}mger for @rows;
    my %seen;
    $seen{ $_->{id} }++ and croak "$path: $_->{id} is there twice" for @rows;
    return map { _whole($_) } @rows;
}

# Where the lines that follow are added.
sub _begin ($row, $key, $text) {
    if ($MANY{$key}) {
        push @{ $row->{$key} }, $text;
        return \$row->{$key}[-1];
    }
    croak "$row->{id}: $key" if !$ONCE{$key} || exists $row->{$key};
    $row->{$key} = $text;
    return \$row->{$key};
}

# Sentences may go over several lines; configuration and files keep theirs.
sub _whole ($row) {
    defined $row->{$_} or croak "$row->{id} has no $_" for qw(module setting seen do);
    s/\s*\n\s*/ /g for grep { defined } @$row{qw(setting seen do answers)};
    $row->{conf} =~ s/\A\n|\n*\z/\n/g;
    my ($answers, @unknown) = ({ @{ $row->{shield} ? SHIELDED : WEBHOOKS } });
    for my $difference (grep { $_ ne 'usual' } split /[\s,]+/, $row->{answers} // '') {
        my ($name, $status) = $difference =~ /^([\w-]+)=(\S+)\z/ or croak "$row->{id}: $difference";
        $answers->{$name} = $status;
    }
    return { mpm => 'event', load => '', %$row, answers => $answers };
}

# Name => version of all Debian packages of these rows.
sub packages (@rows) {
    my %version;
    for my $package (map { @{ $_->{package} || [] } } @rows) {
        my ($name, $version) = split ' ', $package;
        croak "two versions of $name" if ($version{$name} // $version) ne $version;
        $version{$name} = $version;
    }
    return %version;
}

sub table (@rows) {
    return join '', "| row | module, version | setting | what happens | what to do |\n|---|---|---|---|---|\n", map { _line($_) } @rows;
}

sub _line ($row) {
    my @versions = map { (split ' ')[1] } @{ $row->{package} || [] };
    return '| ' . join(' | ', $row->{id}, join(', ', $row->{module}, @versions), @$row{qw(setting seen do)}) . " |\n";
}

1;
