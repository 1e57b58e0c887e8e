# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# What bash offers for both programs: their commands, options and words, as they tell them themselves.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp);

my $TOP = abs_path("$FindBin::Bin/..");
plan skip_all => 'no build/out/encgather: make all builds it' if !-x "$TOP/build/out/encgather";
plan skip_all => 'no bash' if !grep { -x "$_/bash" } split /:/, $ENV{PATH};
my %PATH_OF = (encgather => "$TOP/build/out/encgather", 'encgather-call' => "$TOP/mod_encgather/tool/encgather-call");

# What is offered behind these words, of which the last is the one that is completed; in a bash that splits at "=".
sub offers ($program, @words) {
    my $script = <<'BASH';
set -u
. "$1/mod_encgather/tool/completion/$2"
program=$3
shift 3
COMP_WORDS=("$program" "$@") COMP_CWORD=$#
name=$(complete -p "${program##*/}" | sed -n 's/^complete -o default -F \([_a-z]*\) .*/\1/p')
"$name"
[[ ${#COMPREPLY[@]} -eq 0 ]] || printf '%s\n' "${COMPREPLY[@]}"
BASH
    open my $bash, '-|', 'bash', '-c', $script, 'bash', $TOP, $program, $PATH_OF{$program}, @words or die "bash: $!";
    chomp(my @offered = <$bash>);
    ok close $bash, "$program @words: bash has nothing to complain of";
    return sort @offered;
}

sub help_of (@command) {
    open my $said, '-|', @command, '--help' or die "$command[0]: $!";
    local $/;
    return scalar <$said>;
}

sub options_in ($text) { my %seen; return sort grep { !$seen{$_}++ } $text =~ /(?<![\w-])(--[a-z-]+)/g }

my @commands = help_of($PATH_OF{encgather}) =~ /^  ([a-z]+) /mg;
cmp_ok scalar @commands, '>=', 9, 'there are commands';
is_deeply [ offers('encgather', '') ], [ sort @commands, '--help', '--version' ], 'all commands';
is_deeply [ offers('encgather', 'ke') ], ['keygen'], 'one that is begun';
for my $command (@commands) {
    my %options = map { $_ => 1 } '--help', options_in(help_of($PATH_OF{encgather}, $command));
    is_deeply [ offers('encgather', $command, '-') ], [ sort keys %options ], "$command: its options";
}
is_deeply [ offers('encgather', 'sign', '--to') ], ['--token-file'], 'an option that is begun';
is_deeply [ offers('encgather', 'sign', @$_) ], [], "a file: @$_" for [ '--token-file', '' ], [ '--token-file', '=', 'x' ], ['x'];
is_deeply [ offers('encgather', 'nonsense', '-') ], ['--help'], 'a command that is none';

my @ends = slurp($PATH_OF{'encgather-call'}) =~ /^my %EXIT_CODE = \((.*)\);/m ? $1 =~ /(\w+) =>/g : ();
is_deeply [ offers('encgather-call', '-') ], [ sort '-q', '-v', options_in(help_of($PATH_OF{'encgather-call'})) ], 'encgather-call: its options';
is_deeply [ offers('encgather-call', '--expect', '') ], [ sort @ends ], 'encgather-call --expect: the ends';
is_deeply [ offers('encgather-call', '--expect', '=', 'un') ], ['unavailable'], 'one that is begun';
is_deeply [ offers('encgather-call', '--means', 'not') ], ['notfound='], 'encgather-call --means';
{
    local $ENV{TWILIO_AUTH_TOKEN} = 'x';
    is_deeply [ offers('encgather-call', '--token-env', 'TWILIO_AUTH') ], ['TWILIO_AUTH_TOKEN'], 'encgather-call --token-env';
}
is_deeply [ offers('encgather-call', '--provider', 't') ], [qw(telnyx twilio)], 'encgather-call --provider';
is_deeply [ offers('encgather-call', '--ca', '') ], [], 'encgather-call --ca: a file';

done_testing();
