# SPDX-License-Identifier: Apache-2.0
# The record of counts, t/bench/history.tsv: one line for each time that somebody said what a change is worth. A line says which
# code it is of and on which machine it holds; what was counted since is judged by the last one.
package EncGather::Bench::Record;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA qw(sha1_hex);
use Exporter 'import';
use File::Find ();

use EncGather::Files qw(slurp slurp_if_there spew);

our @EXPORT_OK = qw(LIMIT lines append way elsewhere judge say_judged code_of_files code_of_tree fingerprint is_code);

use constant {
    LIMIT  => 0.02,     # so much more a case may cost without a new line
    NULL   => 0.005,    # what has nothing of the module in it costs the same on a machine that is the same
    MALLOC => 0.5,      # and so many allocations more
    HEAD   => "# Instructions per request under the event MPM; X-malloc: allocations of a case. code: of the module's sources, \"-\" before there was one;\n"
        . "# fingerprint: where the figures hold. Lines are made by: make bench-instr RECORD='the reason'\n",
};

my @FIRST = qw(date commit code fingerprint);

# --- Lines --------------------------------------------------------------------------------------------------

# The lines as { column => value }, oldest first; what a line has not is not in it. Dies where the file is broken: what cannot be read
# would compare with nothing, and nobody would see it.
sub lines ($path) {
    my ($names, @rows, $number);
    for my $text (split /\n/, slurp_if_there($path)) {
        $number++;
        next if $text =~ /^#/ || $text !~ /\S/;
        my @values = split /\t/, $text, -1;
        my $wrong  = $names ? _wrong_row($names, \@values) : _wrong_names(@values);
        die "$path, line $number: $wrong\n" if $wrong;
        push @rows, $names ? _row($names, \@values) : ();
        $names ||= \@values;
    }
    return @rows;
}

# What is wrong, or ''.
sub _wrong_names (@names) {
    my %seen;
    my ($twice) = grep { $seen{$_}++ } @names;
    return "two columns are called $twice" if defined $twice;
    return $names[0] eq 'date' && $seen{commit} ? '' : 'these are no names of columns';
}

sub _wrong_row ($names, $values) {
    return sprintf '%d columns, not %d: was it merged by hand, or cut off?', scalar @$values, scalar @$names if @$values != @$names;
    my %of = map { $names->[$_] => $values->[$_] } 0 .. $#$names;
    return "date is $of{date}" if $of{date} !~ /^\d{4}-\d\d-\d\d\z/;
    my ($odd) = grep { !/^(?:date|commit|code|fingerprint|reason)\z/ && $of{$_} !~ /^(?:-|\d+(?:\.\d+)?)\z/ } @$names;
    return defined $odd ? "$odd is $of{$odd}, no figure" : '';
}

sub _row ($names, $values) {
    return { map { ($names->[$_] => $values->[$_]) } grep { defined $values->[$_] && $values->[$_] ne '-' } 0 .. $#$names };
}

# One more line, { column => value }, at the end; figures: the names of its figures in their order.
sub append ($path, $line, @figures) {
    my @rows = (lines($path), $line);
    my %here = map { $_ => 1 } @figures;
    my ($names) = map { [ split /\t/ ] } grep { !/^#/ } split /\n/, slurp_if_there($path);
    my %first = map { $_ => 1 } @FIRST, 'reason';
    my @columns = (@FIRST, @figures, (grep { !$here{$_} && !$first{$_} } @{ $names || [] }), 'reason');
    spew($path, join '', HEAD, map { join("\t", @$_) . "\n" } \@columns, map { my $row = $_; [ map { defined $row->{$_} ? $row->{$_} =~ s/\s+/ /gr : '-' } @columns ] } @rows);
    return;
}

# --- Judging ------------------------------------------------------------------------------------------------

# How what was counted here can be compared: "line", with the figures of the line; "same", there is nothing to compare, for the
# line is of this very code, counted elsewhere; "beside", with a build of what the line is of; "none", there is no line.
# here: fingerprint, code, null (the figure of the null handler, if it was counted)
sub way ($line, %here) {
    return 'none' unless $line;
    return 'line' if ($line->{fingerprint} || '') eq $here{fingerprint} && _is_near($line->{null}, $here{null});
    return ($line->{code} || '') eq $here{code} ? 'same' : 'beside';
}

# Where a line holds, in words that follow it, and what is another one there.
sub elsewhere ($line, $fingerprint) {
    my %here = map { $_ => 1 } split /,/, $fingerprint;
    my @there = grep { !$here{$_} } split /,/, $line->{fingerprint} // return 'does not say on which machine it holds';
    return 'holds on another machine (' . (@there ? join(', ', @there) : 'its null handler differs') . ')';
}

sub _is_near ($recorded, $counted) { return !$recorded || !$counted || abs($counted / $recorded - 1) <= NULL }

# [ name, figure ] each, beside { name => figure } of before. A list of { name, now, before, change, verdict }: "slower", "faster",
# "alike", "new" or "gone".
sub judge ($now, $before) {
    my %now = map { @$_ } @$now;
    return (
        (map { _judged($_->[0], $_->[1], $before->{ $_->[0] }) } @$now),
        map { { name => $_, before => $before->{$_}, verdict => 'gone' } } grep { !exists $now{$_} } sort keys %$before
    );
}

sub _judged ($name, $now, $before) {
    my %all = (name => $name, now => $now, before => $before);
    return { %all, verdict => 'new' } unless defined $before;
    my $is_malloc = $name =~ /-malloc\z/;
    my $more      = $now - $before;
    my $counts    = $is_malloc ? abs $more > MALLOC : 1;
    my $change    = $before != 0 ? $more / $before : $counts && $more ? 1 : 0;
    return { %all, change => $change, verdict => !$counts || abs $change <= LIMIT ? 'alike' : $more > 0 ? 'slower' : 'faster' };
}

# (how many are too slow, lines for people). than: whose figures those of before are, in words
sub say_judged ($than, @judged) {
    my %by;
    push @{ $by{ $_->{verdict} } }, $_ for @judged;
    my @slower = @{ $by{slower} || [] };
    my @lines  = map { _more($_, 'less', $than) . '; record it (RECORD=...), or as much can be lost again and nobody sees it' } @{ $by{faster} || [] };
    push @lines, _names($by{new}, 'new, nothing to compare with') if $by{new};
    push @lines, _names($by{gone}, 'recorded, and not counted any more') if $by{gone};
    push @lines, map { "FAILED  $_" } map { _more($_, 'more', $than) } @slower;
    push @lines, _advice($slower[0]) if @slower;
    return (scalar @slower, @lines);
}

sub _advice ($worst) {
    return (
        sprintf('A case may cost %.0f %% more without a word. Look where it goes:', 100 * LIMIT),
        '    make bench-profile CASE=' . $worst->{name} =~ s/-malloc\z//r,
        'Make it cheaper, or, where it is meant, record it with the reason, in the same commit:',
        q(    make bench-instr RECORD='why it costs more'),
    );
}

sub _more ($judged, $word, $than) {
    my $what = $judged->{name} =~ /-malloc\z/ ? 'allocations' : 'instructions';
    my @numbers = map { $what eq 'allocations' ? sprintf '%.2f', $_ : _thousands($_) } @{$judged}{qw(now before)};
    return sprintf '%s: %s %s, %.1f %% %s than the %s of %s', $judged->{name} =~ s/-malloc\z//r, $numbers[0], $what, 100 * abs $judged->{change}, $word, $numbers[1], $than;
}

sub _names ($list, $what) { return join(', ', map { $_->{name} } @$list) . ": $what" }

sub _thousands ($number) { return scalar reverse join ',', unpack '(A3)*', reverse sprintf '%.0f', $number }

# --- Which code, which machine ------------------------------------------------------------------------------

# The module is made of these, whatever else changes.
sub is_code ($path) { return $path eq 'Makefile' || $path =~ m{^mod_encgather/(?!tool/).*\.[ch]\z} }

# path => blob, as git names what is in a file; twelve digits that stand for all of it.
sub code_of_files (%blob) {
    return substr sha1_hex(join '', map { "$_ $blob{$_}\n" } grep { is_code($_) } sort keys %blob), 0, 12;
}

# Of the files below a directory, committed or not; it takes no git.
sub code_of_tree ($top) {
    my %blob;
    my $take = sub {
        my $path = substr $File::Find::name, 1 + length $top;
        return unless -f && is_code($path);
        my $bytes = slurp($_);
        $blob{$path} = sha1_hex('blob ' . length($bytes) . "\0$bytes");
    };
    File::Find::find({ no_chdir => 1, wanted => $take }, "$top/mod_encgather", "$top/Makefile");
    return code_of_files(%blob);
}

# name => version of everything that counts depend on, in a word; what a processor can do is eight digits.
sub fingerprint (%version) {
    $version{cpu} = substr sha1_hex($version{cpu}), 0, 8 if defined $version{cpu};
    return join ',', map { "$_-$version{$_}" =~ s/[\s,]+/_/gr } sort keys %version;
}

1;
