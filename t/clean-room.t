# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# What "make clean-room" takes out of the README: that it finds what it is to do there, that it says what it misses, and why
# it cannot do it. The room itself is made by CI.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp ();
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp spew);

my $TOP  = abs_path("$FindBin::Bin/..");
my $WORK = File::Temp->newdir('encgather-clean-room-XXXXXX', TMPDIR => 1);

# Another checkout, with that README.
sub checkout ($readme) {
    my $top = "$WORK/checkout";
    make_path("$top/build", "$top/t/lib/EncGather");
    copy("$TOP/build/clean-room", "$top/build/clean-room");
    copy("$TOP/t/lib/EncGather/$_.pm", "$top/t/lib/EncGather/$_.pm") for qw(Files Logs);
    spew("$top/README.md", $readme);
    return $top;
}

sub list ($top) {
    my $said = `$^X '$top/build/clean-room' --list 2>&1`;
    return ($? >> 8, $said);
}

my ($rc, $said) = list($TOP);
is $rc, 0, 'the README has all that a newcomer needs' or diag $said;
my $README = slurp("$TOP/README.md");
my $at = 0;
for my $word ('apt-get install git make', 'git clone', 'make demo', 'make check', 'make deb', 'apt-get install ./build/out/deb/', 'a2enmod encgather',
    'chgrp www-data', '/etc/apache2/sites-available/ivr.conf:', 'a2ensite', 'apachectl', 'encgather-call', 'apt-get purge') {
    my $found = index $said, $word, $at;
    cmp_ok $found, '>=', 0, "in this order: $word";
    $at = $found if $found >= 0;
}
my ($host) = $said =~ m{^(    <VirtualHost .*?^    </VirtualHost>\n)}ms;
ok defined $host && index($README, $host) >= 0, 'the virtual host is that of the README, word for word';

for my $case ([ 'make check' => qr/^    make check.*\n/m ], [ 'make deb' => qr/^    make deb\n/m ], [ 'encgather-call' => qr/^    encgather-call .*\n/m ],
    [ 'apt-get purge' => qr/ && apt-get purge.*/ ], [ 'a file with a <VirtualHost>' => qr/^<!-- clean room, \/.* -->\n/m ]) {
    my ($name, $pattern) = @$case;
    ($rc, $said) = list(checkout($README =~ s/$pattern//r));
    is $rc, 1, "a README without $name";
    like $said, qr/^README\.md has no: \Q$name\E$/m, 'is told of';
}

# --- Where it cannot be made --------------------------------------------------------------------------------------

my $top = checkout($README);
chmod 0755, "$WORK";
my @as_nobody = $> == 0 ? qw(setpriv --reuid 65534 --regid 65534 --clear-groups env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin) : ();
$said = `@as_nobody $^X '$top/build/clean-room' bookworm`;
is $? >> 8, 77, 'an ordinary user cannot make one';
is $said, "clean room: cannot be made here: only root can make one\n", 'and is told so';

done_testing();
