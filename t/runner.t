# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# What build/run-tests says at its end, and which tests get a second time.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Temp ();
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp_if_there spew);

my $top = "$FindBin::Bin/..";
my $dir = File::Temp->newdir;

# A test file of its own: the n-th time it runs it does what the n-th word says, from then on what the last one says.
sub test_file ($name, @does) {
    my %how = (
        passes => 'print "ok 1 - sure\n"',
        fails  => 'print "not ok 1 - late\n"; print STDERR "# it came after 12 seconds\n"',
        exits  => 'print "ok 1 - sure\n"; $code = 3',
    );
    my $tries = "$dir/$name.tries";
    my $ways  = join ', ', map { "sub { $how{$_} }" } @does;
    return spew("$dir/$name.t", "# needs: nothing\nmy \$code = 0; my \@ways = ($ways); my \$n = -s '$tries' || 0;\n"
            . "open my \$to, '>>', '$tries'; print \$to 'x'; close \$to; print \"1..1\\n\";\n"
            . "(\$ways[\$n] || \$ways[-1])->(); exit \$code;\n");
}

sub tries ($name) { return length slurp_if_there("$dir/$name.tries") }

# (exit code, all that it printed)
sub run_tests ($ci, @files) {
    local $ENV{CI} = $ci;
    delete $ENV{CI} unless $ci;
    delete local $ENV{ENCGATHER_CORE_LIMIT_SET};
    my $printed = `'$^X' '$top/build/run-tests' --no-server @files 2>&1`;
    return ($? >> 8, $printed);
}

my $file = test_file('late', 'fails', 'passes');
my ($code, $said) = run_tests('true', $file);
is $code, 0, 'CI: what passes the second time is no failure';
like $said, qr/^unsteady: \Q$file\E: 1 - late\n    \| # it came after 12 seconds\n1 passed, 0 failed\n\z/m, 'but it is told, with what it said';
is tries('late'), 2, 'and ran twice';

$file = test_file('later', 'fails', 'passes');
($code, $said) = run_tests('', $file);
is $code, 1, 'elsewhere nothing runs twice';
like $said, qr/^failed: \Q$file\E: 1 - late\n0 passed, 1 failed\n\z/m, 'and the end says what failed';
is tries('later'), 1, 'once';

$file = test_file('broken', 'fails');
($code, $said) = run_tests('true', $file);
is $code, 1, 'CI: what fails twice has failed';
like $said, qr/^failed: \Q$file\E: 1 - late\n    \| # it came after 12 seconds\n0 passed, 1 failed\n\z/m, 'told once';

$file = test_file('exiting', 'exits');
($code, $said) = run_tests('true', $file);
is $code, 1, 'an exit code is a failure, though each test passed';
like $said, qr/^failed: \Q$file\E: the file as a whole: [^\n]+\n1 passed, 1 failed\n\z/m, 'and told as one';

my @files = map { test_file("many$_", 'fails', 'passes') } 1 .. 4;
($code, $said) = run_tests('true', @files);
is $code, 1, 'CI: where many fail it is not the machine';
like $said, qr/^0 passed, 4 failed\n\z/m, 'they have failed';
is tries('many1'), 1, 'and none ran twice';

done_testing;
