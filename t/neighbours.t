# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# Beside other modules: the rows of t/neighbours/rows that matter most and need nothing that is not here ("make neighbours"
# runs them all), and that the manual's page has the same rows.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Beside;
use EncGather::Files qw(slurp);
use EncGather::Neighbours qw(read_rows table);
use EncGather::Test;

my @ALL  = read_rows(in_tree('neighbours/rows'));
my $PAGE = slurp(in_tree('../conf/manual/neighbours.md'));

cmp_ok scalar @ALL, '>=', 80, 'there are rows';
like $PAGE, qr/\Q${\ table(@ALL) }\E\n(?!\|)/, 'the manual has them, each as it is run (t/neighbours/run --write)';
is_deeply [ map { $_->{id} } grep { $_->{seen} =~ /^\?/ || $_->{do} =~ /^\?/ } @ALL ], [], 'and says something of each';
is_deeply [ map { $_->{id} } grep { !$_->{package} } @ALL ], [], 'and names a version';

# What is there to be pasted has been run.
my @blocks = map { s/^ +//mgr } $PAGE =~ /^```apache\n(.*?)^```$/msg;
my @confs  = map { $_->{conf} =~ s/^ +//mgr } @ALL;
cmp_ok scalar @blocks, '>=', 7, 'the manual has configurations';
for my $block (@blocks) {
    ok scalar(grep { index($_, $block) >= 0 } @confs), 'a configuration of the manual is part of a row: ' . $block =~ s/\n.*//sr;
}

my @ROWS = grep { $_->{test} } @ALL;
is scalar @ROWS, 11, 'eleven are run here';
for my $row (@ROWS) {
    my $beside  = EncGather::Beside->new(row => $row, dir => in_tree("private/beside-$row->{id}"), module => in_tree('../build/out/mod_encgather.so'));
    my $missing = $beside->lacks;
    SKIP: {
        skip "$row->{id}: $missing", 1 if $missing && !$ENV{CI};
        is_deeply [ $missing || $beside->run ], [], "$row->{id}: as before";
    }
}
done_testing;
