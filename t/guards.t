# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# What has to agree over several files: directives, defaults, log tags, and what the core may know.
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

my %SOURCE = map { $_ => content($_) } glob 'mod_encgather/*.[ch] mod_encgather/{base,config,state,watch,webhook,lookup,shield,call,dump,core}/*.[ch]';
my $README = content('README.md');
my $CONF   = content('conf/encgather.conf');
my $MANUAL = join '', map { content($_) } glob 'conf/manual/*.md';

# --- Directives: in the code, in the annotated configuration and in the manual ---------------------------------------

my $DIRECTIVES = $SOURCE{'mod_encgather/commands.c'};
my @directives = $DIRECTIVES =~ /\bEG_\w+\(\s*"(EncGather\w+)"/g;
cmp_ok scalar @directives, '>=', 8, 'the code has directives';
for my $name (@directives) {
    like $CONF,   qr/^# \Q$name\E /m,  "conf/encgather.conf says what $name is";
    like $CONF,   qr/^#\s*\Q$name\E /m, "and has an example";
    like $MANUAL, qr/^## \Q$name\E$/m, "the manual has a section on $name";
}
my %known = map { $_ => 1 } @directives;
for my $place ([ 'conf/encgather.conf', $CONF ], [ 'README.md', $README ], [ 'the manual', $MANUAL ]) {
    my @unknown = grep { !$known{$_} } $place->[1] =~ /\b(EncGather[A-Z]\w+)/g;
    is_deeply \@unknown, [], "$place->[0] names no directive that there is not";
}
unlike $DIRECTIVES, qr/\bOR_[A-Z]+|AP_INIT_\w+\("/, 'no directive is allowed in .htaccess, and none goes past who looks after that';

# --- Log tags: each used in one place, each explained --------------------------------------------------------------------

my %uses;
for my $path (sort keys %SOURCE) {
    $uses{$_}++ for $SOURCE{$path} =~ /EG_TAG\("(\d{4})"\)/g;
}
cmp_ok scalar keys %uses, '>=', 10, 'the code has log tags';
is_deeply [ grep { $uses{$_} > 1 } sort keys %uses ], [], 'each log tag is used in one place';
is_deeply [ grep { $MANUAL !~ /^\| EG$_ \|/m } sort keys %uses ], [], 'each log tag is in the manual';
is_deeply [ grep { !$uses{$_} } $MANUAL =~ /^\| EG(\d{4}) \|/mg ], [], 'the manual has no log tag that there is not';

my @formats = map { /^\s*(LogFormat .*)$/mg } $CONF;
is scalar @formats, 2, 'conf/encgather.conf defines two formats for logs';
is_deeply [ grep { index($MANUAL, $_) < 0 } @formats ], [], 'and the manual has the same';

# --- The core knows no httpd; nobody formats what is secret -----------------------------------------------------------------

for my $path (grep { m{/core/} } sort keys %SOURCE) {
    my @includes = $SOURCE{$path} =~ /#include [<"]([^>"]+)/g;
    is_deeply [ grep { /^(?:httpd|http_|ap_|mod_|util_)|^\.\./ } @includes ], [], "$path includes nothing of httpd";
    unlike $SOURCE{$path}, qr/\bap_[a-z]|\brequest_rec\b/, "and calls nothing of it";
}
is_deeply [ grep { $SOURCE{$_} =~ /<jansson\.h>/ } sort keys %SOURCE ], ['mod_encgather/core/json.c'], 'one file knows jansson';
is_deeply [ grep { $SOURCE{$_} =~ /<hiredis\/|\bredis[A-Z]/ } sort keys %SOURCE ], ['mod_encgather/core/redis.c'], 'one file knows hiredis';
for my $path (sort keys %SOURCE) {
    (my $code = $SOURCE{$path}) =~ s{/\*.*?\*/}{}gs;
    unlike $code, qr/\b(?:strcpy|strcat|sprintf|gets|strncpy|alloca)\s*\(/, "$path: no function that cannot be told how much";
    unlike $code, qr/\bmemcmp\s*\([^;]*(?:token|key|mac|signature|expected)\b/, "C9 $path: secrets are not compared by memcmp"
        unless $path =~ m{/core/(?:mask|keyring)\.c};
}

done_testing;
