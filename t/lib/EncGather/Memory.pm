# SPDX-License-Identifier: Apache-2.0
# Looks for bytes in the memory of another process, as root can.
package EncGather::Memory;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';

our @EXPORT_OK = qw(find_in_memory find_all_in_memory count_in_memory locked_kb);

# Every place as { address, mapping => its line in /proc/PID/maps }; undef when the process may not be read.
sub find_in_memory ($pid, $needle) {
    my $found = find_all_in_memory($pid, it => $needle);
    return $found && $found->{it};
}

# The same by name, for several needles at a time.
sub find_all_in_memory ($pid, %needles) {
    open my $maps, '<', "/proc/$pid/maps" or return;
    open my $memory, '<:raw', "/proc/$pid/mem" or return;
    my %places = map { $_ => [] } keys %needles;
    while (my $line = <$maps>) {
        my ($from, $to, $mode) = $line =~ /^([0-9a-f]+)-([0-9a-f]+) (\S+)/ or next;
        next if $mode !~ /^r/ || $line =~ /\[(?:vvar|vsyscall|vdso)/;
        no warnings 'portable';
        sysseek $memory, hex $from, 0 or next;
        next unless sysread $memory, my $bytes, hex($to) - hex $from;
        for my $name (keys %needles) {
            push @{ $places{$name} }, map { { address => hex($from) + $_, mapping => $line } } offsets($bytes, $needles{$name});
        }
    }
    return \%places;
}

sub offsets ($bytes, $needle) {
    my ($at, @offsets) = (-1);
    push @offsets, $at while ($at = index $bytes, $needle, $at + 1) >= 0;
    return @offsets;
}

sub count_in_memory ($pid, $needle) {
    my $places = find_in_memory($pid, $needle);
    return $places ? scalar @$places : undef;
}

# The properties of the mapping that an address lies in, from smaps.
sub locked_kb ($pid, $address) {
    open my $smaps, '<', "/proc/$pid/smaps" or return;
    my ($inside, %facts);
    while (my $line = <$smaps>) {
        no warnings 'portable';
        $inside = $address >= hex $1 && $address < hex $2 if $line =~ /^([0-9a-f]+)-([0-9a-f]+) /;
        $facts{$1} = $2 if $inside && $line =~ /^(\w+):\s+(.*\S)/;
    }
    return \%facts;
}

1;
