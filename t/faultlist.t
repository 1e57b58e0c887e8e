# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# The list of faults and the tests agree: each number of t/FAULTS.md is in the name of a check in the file it names, and
# no check has a number that the list does not have.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

sub content ($path) {
    open my $file, '<', $path or die "$path: $!";
    local $/;
    return <$file>;
}

# Number => { files => [...], why => reason of one that is not provoked }
sub listed ($text) {
    my (@numbers, %row);
    for my $line (split /\n/, $text) {
        my ($number, @cells) = map { s/^\s+|\s+\z//gr } split /(?<!\\)\|/, $line =~ s/^\|//r;
        next unless defined $number && $number =~ /^[A-I]\d+\z/;
        push @numbers, $number;
        my ($why) = $cells[-1] =~ /^not provoked here: (\S.*)/;
        $row{$number} = { cells => scalar @cells, files => [ $cells[-1] =~ /`([\w.-]+\.t)`/g ], why => $why };
    }
    return (\@numbers, \%row);
}

# Number => { file => how many names begin with it }, as a string of a program begins.
sub named (@files) {
    my %names;
    for my $file (@files) {
        my $code = join "\n", grep { !/^\s*#/ } split /\n/, content($file);
        $names{$1}{ $file =~ s{^t/}{}r }++ while $code =~ /['"]([A-I]\d{1,3}) (?=\S)/g;
    }
    return \%names;
}

my ($numbers, $row) = listed(content('t/FAULTS.md'));
my $names = named(grep { $_ ne 't/faultlist.t' } glob 't/*.t');

cmp_ok scalar @$numbers, '>=', 30, 'the list has faults';
is_deeply [ grep { $row->{$_}{cells} != 3 } @$numbers ], [], 'each has a fault, an answer, and a place';
{
    my (%last, @gaps);
    for my $number (@$numbers) {
        my ($letter, $n) = $number =~ /^(.)(\d+)/;
        push @gaps, $number if $n != ++$last{$letter};
    }
    is_deeply \@gaps, [], 'the numbers of each letter are complete and in order';
}
for my $number (@$numbers) {
    my $is = $row->{$number};
    if (defined $is->{why}) {
        is_deeply [ sort keys %{ $names->{$number} || {} } ], [], "$number is not provoked, and no check says that it is";
        next;
    }
    is_deeply [ sort keys %{ $names->{$number} || {} } ], [ sort @{ $is->{files} } ], "$number: checks in the files that the list names";
}
is_deeply [ grep { !$row->{$_} } sort keys %$names ], [], 'no check has a number that is not in the list';

# --- G13 is there for each directive ------------------------------------------------------------------------------

my $merge = join '', map { content("t/$_") } @{ $row->{G13}{files} };
my @directives = content('mod_encgather/commands.c') =~ /\bEG_\w+\(\s*"(EncGather\w+)"/g;

cmp_ok scalar @directives, '>=', 8, 'the code has directives';
is_deeply [ grep { $merge !~ /G13 \Q$_\E|^\s*\Q$_\E\s+=> \[/m } @directives ], [], 'G13: each of them is merged in a test';

my $provoked = grep { !defined $row->{$_}{why} } @$numbers;
my $checks   = 0;
$checks += $_ for map { values %$_ } values %$names;
diag(scalar @$numbers, " faults are listed, $provoked of them provoked, under $checks names in the tests");
done_testing;
