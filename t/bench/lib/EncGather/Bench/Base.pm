# SPDX-License-Identifier: Apache-2.0
# The code that a line of the record is of, found in the history of this checkout and built once more.
package EncGather::Bench::Base;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use File::Copy qw(copy);
use File::Temp;

use EncGather::Bench::Record qw(code_of_files);

our @EXPORT_OK = qw(find_base build_base code_of_commit);

use constant { HISTORY => 't/bench/history.tsv', LOOKED_AT => 200 };    # commits

# (commit, a remark or ''), or (undef, why there is none). A line is written before there is a commit of it; that one brings code and
# line together. Where lines went another way (rebased, picked) whatever commit has that code will do, and else the one that
# brought the line: it is what was agreed on.
sub find_base ($top, $line) {
    _git($top, qw(rev-parse --verify -q HEAD)) or return (undef, 'there is no history of commits here');
    return _named($top, $line->{commit} || '') unless $line->{code};
    my ($bringing) = _git($top, qw(log -1 --format=%H), '-S' . join("\t", @{$line}{qw(date commit code)}), '--', HISTORY);
    for my $commit ($bringing || (), _git($top, qw(log --format=%H -n), LOOKED_AT, qw(-- mod_encgather Makefile))) {
        return ($commit, '') if code_of_commit($top, $commit) eq $line->{code};
    }
    return (undef, 'the history is cut off before it') if (_git($top, qw(rev-parse --is-shallow-repository)))[0] eq 'true';
    return (undef, 'no commit has that line yet') unless $bringing;
    return ($bringing, 'what was recorded is in no commit, this is the one that brought the line');
}

# Lines of old name a commit, "+" when there was more.
sub _named ($top, $name) {
    my ($commit) = $name =~ /^([0-9a-f]+)\+?\z/ ? _git($top, qw(rev-parse --verify -q), "$1^{commit}") : ();
    return $commit ? ($commit, '') : (undef, "the commit $name is not in this history");
}

sub code_of_commit ($top, $commit) {
    return code_of_files(map { /^\S+ blob (\S+)\t(.*)/ ? ($2 => $1) : () } _git($top, qw(ls-tree -r), $commit, qw(-- mod_encgather Makefile)));
}

# The path of its module, which is kept in $out for the next time; dies where it cannot be built.
sub build_base ($top, $commit, $out) {
    my $kept = "$out/base-" . code_of_commit($top, $commit) . '.so';
    return $kept if -e $kept;
    my $tree  = File::Temp->newdir('encgather-base-XXXXXX', TMPDIR => 1);
    my $build = 'git -C "$1" archive "$2" -- mod_encgather Makefile build | tar -x -C "$3" && make -s -j2 -C "$3" OUT=build/out build/out/mod_encgather.so';
    system('sh', '-c', "($build) >'$out/base.log' 2>&1", 'sh', $top, $commit, "$tree") == 0 or die "it cannot be built, see $out/base.log\n";
    copy("$tree/build/out/mod_encgather.so", $kept) or die "$kept: $!\n";
    return $kept;
}

# The lines that it prints; none where it fails.
sub _git ($top, @command) {
    open my $from, '-|', 'sh', '-c', 'exec git "$@" 2>/dev/null', 'sh', '-C', $top, @command or return;
    chomp(my @lines = <$from>);
    return close $from ? @lines : ();
}

1;
