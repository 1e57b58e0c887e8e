# SPDX-License-Identifier: Apache-2.0
# Reads a file of counts that callgrind wrote while the program ran on.
package EncGather::Bench::Callgrind;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';

our @EXPORT_OK = qw(read_counts);

# { total, calls => { function => { caller => how often } }, self => { function => instructions }, with => { the same with what it calls } }
# A name is written out once and is its number from then on. The line after "calls=" is what the call cost, any other line
# of numbers is what the function itself did there. Static functions of libraries have no name; theirs are taken together.
sub read_counts ($path) {
    my $counts = { total => 0, calls => {}, self => {}, with => {} };
    my %seen = (fn => {}, ob => {});
    my ($function, $object, $called, $called_in) = ('', '', '', '');
    my $is_call;    # what comes next is what a call cost
    open my $file, '<', $path or die "$path: $!\n";
    while (my $line = <$file>) {
        if    ($line =~ /^fn=(\S+)(?: (.*))?/)  { $function = _full($seen{fn}, $1, $2) }
        elsif ($line =~ /^ob=(\S+)(?: (.*))?/)  { $object = $called_in = _full($seen{ob}, $1, $2) }
        elsif ($line =~ /^cfn=(\S+)(?: (.*))?/) { $called = _full($seen{fn}, $1, $2) }
        elsif ($line =~ /^cob=(\S+)(?: (.*))?/) { $called_in = _full($seen{ob}, $1, $2) }
        elsif ($line =~ /^calls=(\d+)/)         { $is_call = $counts->{calls}{ _name($called, $called_in) }{ _name($function, $object) } += $1 }
        elsif ($line =~ /^totals: (\d+)/)       { $counts->{total} += $1 }
        elsif ($line =~ /^[-+*\d]\S* (\d+)/) {
            $counts->{self}{ _name($function, $object) } += $1 unless defined $is_call;
            $counts->{with}{ _name($function, $object) } += $1;
            ($is_call, $called_in) = (undef, $object);
        }
    }
    die "$path has no totals\n" unless $counts->{total};
    return $counts;
}

sub _full ($seen, $number, $text) {
    return defined $text ? $seen->{$number} = $text : $seen->{$number};
}

sub _name ($function, $object) {
    return $function unless $function =~ /^0x/;
    my ($library) = $object =~ m{([^/]*)\z};
    return "($library, no names)";
}

1;
