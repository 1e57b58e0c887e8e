# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# CI: no sanitizer
# The rooms of the code: includes go down only, headers stand alone, files and functions can be read in one go, and a
# static function's name says in a backtrace whose it is.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA qw(sha1_hex);
use File::Find qw(find);
use File::Temp ();
use Test::More;

use constant { LINES_OF_FILE => 500, LINES_OF_FUNCTION => 60 };

# From the ground up: a room includes what is below it, and itself. The tools stand beside the module, on the core.
my @FLOORS = qw(core base config state watch webhook lookup shield call dump);
my %FLOOR  = ((map { $FLOORS[$_] => $_ } 0 .. $#FLOORS), tool => 1, '' => scalar @FLOORS);

my %SOURCE;
find(sub { $SOURCE{ $File::Find::name =~ s{^mod_encgather/}{}r } = content($_) if /\.[ch]\z/ }, 'mod_encgather');
cmp_ok scalar keys %SOURCE, '>', 60, 'there are sources to look at';

sub content ($path) {
    open my $file, '<', $path or die "$path: $!";
    local $/;
    return <$file>;
}

sub room_of ($path) { return $path =~ m{^(\w+)/} ? $1 : '' }

# --- Includes ----------------------------------------------------------------------------------------------------------

sub is_allowed ($from, $to) {
    return 1 if $from eq $to || $to eq 'version.h';
    return $to eq 'core' if $from eq 'tool';
    return $to ne 'tool' && $FLOOR{$to} < $FLOOR{$from};
}

my @unknown = grep { !defined $FLOOR{ room_of($_) } } sort keys %SOURCE;
is_deeply \@unknown, [], 'every file is in a room that has its floor';
for my $path (sort keys %SOURCE) {
    my @own    = $SOURCE{$path} =~ /^#include "([^"]+)"/mg;
    my $room   = room_of($path);
    my @wrong  = grep { my $to = $SOURCE{"$room/$_"} && !m{/} ? $room : $_ eq 'version.h' ? $_ : room_of($_); !is_allowed($room, $to) } @own;
    is_deeply \@wrong, [], "$path includes nothing that is above or beside it";
}

# --- Headers ------------------------------------------------------------------------------------------------------------

my ($apxs) = grep { defined } map { my $name = $_; map { -x "$_/$name" ? "$_/$name" : () } split(/:/, $ENV{PATH}), '/usr/sbin' } qw(apxs apxs2);
SKIP: {
    skip 'there is no apxs', 1 unless $apxs;
    chomp(my %query = map { $_ => scalar `$apxs -q $_` } qw(CC INCLUDEDIR APR_INCLUDEDIR APU_INCLUDEDIR));
    my $dir   = File::Temp->newdir('encgather-house-XXXXXX', TMPDIR => 1);
    my @flags = ('-std=c11', '-D_GNU_SOURCE', '-pthread', '-fsyntax-only', '-Imod_encgather', map { ('-isystem', $query{$_}) } qw(INCLUDEDIR APR_INCLUDEDIR APU_INCLUDEDIR));
    for my $header (grep { /\.h\z/ } sort keys %SOURCE) {
        open my $file, '>', "$dir/x.c" or die "$dir/x.c: $!";
        print {$file} qq(#include "$header"\n);
        close $file or die "$dir/x.c: $!";
        is scalar `$query{CC} @flags $dir/x.c 2>&1`, '', "$header stands alone";
    }
}

# --- Sizes ----------------------------------------------------------------------------------------------------------------

# Name => number of lines, of the functions of a file: what begins at the left edge and ends with a brace there.
sub functions ($source) {
    my %lines;
    while ($source =~ /^(?!typedef|struct|enum|union|static const\b[^;{]*=|#)[a-z][^;{}=\/]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}/msg) {
        $lines{$1} = 3 + ($2 =~ tr/\n//);
    }
    return %lines;
}

my %is_static;
for my $path (sort keys %SOURCE) {
    my $lines = $SOURCE{$path} =~ tr/\n//;
    cmp_ok $lines, '<=', LINES_OF_FILE, "$path has $lines lines";
    my %functions = functions($SOURCE{$path});
    my @long = grep { $functions{$_} > LINES_OF_FUNCTION } sort keys %functions;
    is_deeply \@long, [], "$path has no function of more than @{[LINES_OF_FUNCTION]} lines";
    $is_static{$_}{$path} = 1 for $SOURCE{$path} =~ /^static [^;{=()]*?\b(\w+)\(/mg;
}
cmp_ok scalar keys %is_static, '>', 400, 'static functions were found';

# --- Names ----------------------------------------------------------------------------------------------------------------

my %VAGUE = map { $_ => 1 } qw(run refuse fail check take grow cut load fits add ask);
for my $name (sort keys %is_static) {
    my @where = sort keys %{ $is_static{$name} };
    is_deeply [ @where[ 1 .. $#where ] ], [], "$name is in $where[0] alone" if @where > 1;
    ok !$VAGUE{$name}, "$where[0]: $name says whose it is";
}

# --- What outlives a restart --------------------------------------------------------------------------------------------------

# A graceful restart may load another build of the module, which finds what this one left in the parent. Whoever changes one of these
# structures gives it another number, and writes down its digest: of their definitions, of those in them, and of constants.
my %LAYOUT = (
    'config/vault.c'   => { number => 3, roots => [qw(vault eg_held)], digest => 'e887408bcdb6' },
    'state/segment.c'  => { number => 2, roots => [qw(retained_state eg_state_shared eg_marks eg_counts)], with => [qw(core/marks.c core/counts.c)], digest => '14e676ae8bdf' },
    'watch/counters.c' => { number => 3, roots => [qw(retained shared_counters)], digest => '5c46998846ac' },
);

# The text of a file and of all of ours that it includes, without comments.
sub closure ($path, $seen = {}) {
    return '' if $seen->{$path}++ || !$SOURCE{$path};
    my $room  = room_of($path);
    my @parts = map { my $to = $SOURCE{"$room/$_"} && !m{/} ? "$room/$_" : $_; closure($to, $seen) } $SOURCE{$path} =~ /^#include "([^"]+)"/mg;
    return join '', @parts, $SOURCE{$path} =~ s{/\*.*?\*/}{}gsr;
}

# Name => definition, of types and of constants; that of a member of an enumeration is the whole of it.
sub definitions ($text) {
    my %all = map { /(\w+);\z/ ? ($1 => $_) : () } $text =~ /^(typedef (?:struct|union|enum)\b[^{};]*\{.*?^\} \w+;)/msg;
    $all{$2} = $1 while $text =~ /^(struct (\w+) \{.*?^\};)/msg;
    for my $enum (grep { /^typedef enum/ } values %all) {
        $all{$_} //= $enum for $enum =~ /\b([A-Z]\w+)\b/g;
    }
    $all{$1} //= $2 while $text =~ /^#define (\w+)[ \t]+(\S.*)/mg;
    return \%all;
}

sub digest_of_layout ($roots, @paths) {
    my $all = definitions(join "\n", map { closure($_) } @paths);
    my (%in, @wanted);
    @wanted = @$roots;
    while (defined(my $name = shift @wanted)) {
        next if !defined $all->{$name} || $in{$name};
        $in{$name} = $all->{$name} =~ s/\s+/ /gr;
        push @wanted, $in{$name} =~ /\b([A-Za-z_]\w+)\b/g;
    }
    return (substr(sha1_hex(join "\n", map { "$_ $in{$_}" } sort keys %in), 0, 12), grep { !$in{$_} } @$roots);
}

is_deeply [ grep { $SOURCE{$_} =~ /ap_retained_data_create\(/ } sort keys %SOURCE ], [ sort keys %LAYOUT ], 'what outlives a restart is known here';
for my $path (sort keys %LAYOUT) {
    my ($number) = $SOURCE{$path} =~ /^#define (?:RETAINED "mod_encgather:[^":]+:|LAYOUT )(\d+)/m;
    is $number, $LAYOUT{$path}{number}, "$path: its layout has a number";
    is_deeply [ digest_of_layout($LAYOUT{$path}{roots}, $path, @{ $LAYOUT{$path}{with} || [] }) ], [ $LAYOUT{$path}{digest} ], "$path: another layout has another number";
}

done_testing;
