# SPDX-License-Identifier: Apache-2.0
# Tables and plots of what was measured.
package EncGather::Bench::Report;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use List::Util qw(max min);

use EncGather::Bench::Measure qw(median ratio);

our @EXPORT_OK = qw(table summary bars curves growth STRAIGHT);

# The medians and the spread of a subject; ratios are to its base in the same rounds.
sub summary ($subject, $base = undef) {
    my @rounds = @{ $subject->{rounds} };
    my %all    = (name => $subject->{name}, says => $subject->{says}, rounds => scalar @rounds, wrong => 0);
    for my $what (qw(rps cpu front load other p50 p99)) {
        my @values = grep { defined } map { $_->{$what} } @rounds;
        $all{$what} = median(@values);
        @all{ "${what}_low", "${what}_high" } = (min(@values), max(@values));
    }
    $all{wrong} += $_->{wrong} for @rounds;
    if ($base) { @all{qw(base cpu_ratio rps_ratio)} = ($base->{name}, ratio(cpu => $subject, $base), ratio(rps => $subject, $base)) }
    $all{$_} = $subject->{memory}{$_} for keys %{ $subject->{memory} || {} };
    return \%all;
}

# A load program that needs more than this part of its processor measures itself.
use constant BUSY => 0.9;
# More work of others than this, in processors, shows in the figures.
use constant QUIET => 0.15;

my @COLUMNS = (
    [ 'CPU us/req' => 12, sub ($s) { _number($s->{cpu}, 1) } ],
    [ 'low-high'   => 14, sub ($s) { _number($s->{cpu_low}, 1) . '-' . _number($s->{cpu_high}, 1) } ],
    [ '/ base'     => 8,  sub ($s) { _number($s->{cpu_ratio}, 2) } ],
    [ 'req/s'      => 8,  sub ($s) { _number($s->{rps}, 0) } ],
    [ '/ base'     => 8,  sub ($s) { _number($s->{rps_ratio}, 2) } ],
    [ 'p50 us'     => 8,  sub ($s) { _number($s->{p50}, 0) } ],
    [ 'p99 us'     => 8,  sub ($s) { _number($s->{p99}, 0) } ],
    [ 'wrong'      => 6,  sub ($s) { $s->{wrong} } ],
);
my @MEMORY = (
    [ 'peak MB'    => 9,  sub ($s) { _number(_mb($s->{peak}), 1) } ],
    [ 'share MB'   => 9,  sub ($s) { _number(_mb($s->{share}), 1) } ],
);

sub table ($title, @summaries) {
    my @columns = (@COLUMNS, (grep { defined $_->{peak} } @summaries) ? @MEMORY : ());
    my $wide = max(map { length $_->{says} } @summaries);
    my $text = "\n$title\n" . sprintf("%-${wide}s", '') . join('', map { sprintf "%$_->[1]s", $_->[0] } @columns) . "\n";
    for my $summary (@summaries) {
        $text .= sprintf("%-${wide}s", $summary->{says}) . join('', map { sprintf "%$_->[1]s", $_->[2]->($summary) } @columns) . "\n";
    }
    my @busy = map { $_->{says} } grep { ($_->{load} || 0) > BUSY } @summaries;
    my $other = median(map { $_->{other} } @summaries) || 0;
    $text .= sprintf "(other work kept %.1f processors busy meanwhile: not a quiet machine)\n", $other if $other > QUIET;
    return @busy ? "$text(the load program itself was busy at: " . join('; ', @busy) . ")\n" : $text;
}

sub _mb ($kilobytes) { return defined $kilobytes ? $kilobytes / 1024 : undef }

sub _number ($value, $digits) { return defined $value ? sprintf "%.${digits}f", $value : '-' }

# --- Plots --------------------------------------------------------------------------------------------------

# A straight line is good enough when no point is farther from it, in parts of the largest value.
use constant STRAIGHT => 0.02;

use constant { WIDTH => 900, BAR => 22, GAP => 10, LEFT => 330, TOP => 60, FONT => 'font-family="sans-serif"' };

# One bar for each [ label, value, low, high ], with a line at 1.
sub bars ($title, @rows) {
    my $height = TOP + @rows * (BAR + GAP) + 30;
    my $scale  = (WIDTH - LEFT - 90) / max(1, map { $_->[3] // $_->[1] } @rows);
    my $svg    = _head($title, WIDTH, $height);
    my $y      = TOP;
    for my $row (@rows) {
        my ($label, $value, $low, $high) = @$row;
        my $middle = $y + BAR / 2;
        $svg .= _text(LEFT - 8, $middle + 5, $label, 'end')
            . sprintf('<rect x="%d" y="%.1f" width="%.1f" height="%d" fill="%s"/>', LEFT, $y, $value * $scale, BAR, $label =~ /encgather/ ? '#1b6ca8' : '#9fb8c9')
            . _text(LEFT + max($value, $high // 0) * $scale + 6, $middle + 5, sprintf('%.2f', $value));
        $svg .= sprintf '<path d="M%.1f %.1fH%.1f" stroke="#222" stroke-width="2"/>', LEFT + $low * $scale, $middle, LEFT + $high * $scale if defined $low;
        $svg .= "\n";
        $y += BAR + GAP;
    }
    $svg .= sprintf '<path d="M%.1f %dV%d" stroke="#c00" stroke-dasharray="4 3"/>', LEFT + $scale, TOP - 8, $y;
    return "$svg</svg>\n";
}

# Points [ x, y ] and the curve that was fitted to them, each with a label at its axis.
sub curves ($title, $x_label, $y_label, $fit, @points) {
    my ($width, $height, $left, $bottom) = (720, 420, 90, 360);
    my ($x_max, $y_max) = (max(map { $_->[0] } @points), 1.1 * max(map { $_->[1] } @points));
    my $at = sub ($x, $y) { return sprintf '%.1f %.1f', $left + 590 * $x / $x_max, $bottom - 290 * $y / $y_max };
    my $svg = _head($title, $width, $height) . qq(<path d="M$left 60V${bottom}H690" stroke="#222" fill="none"/>\n);
    for my $part (0 .. 4) {
        $svg .= _text($left - 8, $bottom - 290 * $part / 4.4 + 5, _short($y_max * $part / 4.4), 'end')
            . _text($left + 590 * $part / 4, $bottom + 20, _short($x_max * $part / 4), 'middle');
    }
    my @line = map { my $x = $x_max * $_ / 100; $at->($x, max(0, $fit->($x))) } 0 .. 100;
    $svg .= '<path d="M' . join('L', @line) . qq(" stroke="#1b6ca8" fill="none"/>\n);
    for my $point (@points) {
        my ($x, $y) = split / /, $at->(@$point);
        $svg .= qq(<circle cx="$x" cy="$y" r="4" fill="#c00"/>\n);
    }
    return $svg . _text(385, 405, $x_label, 'middle') . _text($left, 50, $y_label, 'middle') . "</svg>\n";
}

sub _short ($value) {
    return $value >= 10_000 ? sprintf '%.0fk', $value / 1000 : $value >= 10 ? sprintf '%.0f', $value : sprintf '%.3g', $value;
}

sub _head ($title, $width, $height) {
    return qq(<svg xmlns="http://www.w3.org/2000/svg" width="$width" height="$height" viewBox="0 0 $width $height">\n)
        . qq(<rect width="$width" height="$height" fill="#fff"/>\n) . _text(20, 28, $title, 'start', 16) . "\n";
}

sub _text ($x, $y, $text, $anchor = 'start', $size = 13) {
    my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;');
    $text =~ s/([&<>])/$entity{$1}/g;
    return sprintf '<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" %s>%s</text>', $x, $y, $anchor, $size, FONT, $text;
}

# --- Growth -------------------------------------------------------------------------------------------------

my %KINDS = (
    'x'       => sub ($x) { $x },
    'x log x' => sub ($x) { $x > 1 ? $x * log($x) / log 2 : 0 },
    'x x'     => sub ($x) { $x * $x },
);

# How points [ x, y ] grow: y = start + slope * f(x) by least squares, f being the straight line when that is good enough,
# else what fits best. off: how far the farthest point is from the curve, in parts of the largest value.
sub growth (@points) {
    my $linear = _fit('x', $KINDS{x}, @points);
    return $linear if $linear->{off} <= STRAIGHT;
    return (sort { $a->{off} <=> $b->{off} } map { _fit($_, $KINDS{$_}, @points) } sort keys %KINDS)[0];
}

sub _fit ($kind, $of, @points) {
    my ($n, $sx, $sy, $sxx, $sxy) = (scalar @points, (0) x 4);
    for my $point (@points) {
        my ($x, $y) = ($of->($point->[0]), $point->[1]);
        $sx += $x; $sy += $y; $sxx += $x * $x; $sxy += $x * $y;
    }
    my $slope = ($n * $sxy - $sx * $sy) / ($n * $sxx - $sx * $sx);
    my $start = ($sy - $slope * $sx) / $n;
    my $at    = sub ($x) { $start + $slope * $of->($x) };
    return { kind => $kind, start => $start, slope => $slope, at => $at, off => max(map { abs $_->[1] - $at->($_->[0]) } @points) / max(map { abs $_->[1] } @points) };
}

1;
