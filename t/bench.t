# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# What the benchmarks build on: signed requests, counts read from callgrind's files, medians, the kind of growth, plots.
# Nothing is timed here.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Temp;
use List::Util qw(shuffle);
use Test::More;

use lib 't/lib', 't/bench/lib';
use EncGather::Signature qw(signature form_decode);

plan skip_all => 'no CryptX: on Debian, build/deps.sh bench installs it' unless eval { require Crypt::AuthEnc::GCM };
require_ok("EncGather::Bench::$_") for qw(Base Behind Cases Pages Providers Webhooks Callgrind Measure Record Report Tasks);
EncGather::Bench::Webhooks->import(qw(parameters request write_requests seal unseal));
my $DIRECTORY = File::Temp->newdir;

sub content ($path) {
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    return <$file>;
}

sub spew ($name, $text) {
    open my $file, '>', "$DIRECTORY/$name" or die "$name: $!";
    print {$file} $text;
    close $file or die "$name: $!";
    return "$DIRECTORY/$name";
}

# --- Webhooks -----------------------------------------------------------------------------------------------

my $ORIGIN = EncGather::Bench::Webhooks::ORIGIN();
my $TOKEN  = EncGather::Bench::Webhooks::TOKEN();

for my $count (1, 15, 40, 250) {
    my @pairs = parameters(3, parameters => $count);
    my %named = @pairs;
    is scalar @pairs, 2 * $count, "$count parameters";
    is scalar keys %named, $count, 'of different names';
}
isnt { parameters(1) }->{Digits}, { parameters(2) }->{Digits}, 'digits differ from webhook to webhook';
is { parameters(1, digits => '4321') }->{Digits}, '4321', 'unless they are given';

my ($head, $body) = split /\r\n\r\n/, request(path => '/x', query => 'step=getPin', n => 5), 2;
like $head, qr{^POST /x\?step=getPin HTTP/1\.1\r\n}, 'a request';
is +(($head =~ /^Content-Length: (\d+)/m)[0]), length $body, 'its length';
my $signed = signature($TOKEN, "$ORIGIN/x?step=getPin", [ form_decode($body) ]);
like $head, qr/^X-Twilio-Signature: \Q$signed\E\r?$/m, 'its signature';
unlike request(path => '/x', query => 'step=getPin', n => 5, wrong => 1), qr/\Q$signed\E/, 'a wrong one';

my @requests = content(write_requests("$DIRECTORY/requests", path => '/x')) =~ /\G(\d+)\n/g ? 1 : 0;
my ($bytes, $count) = (content("$DIRECTORY/requests"), 0);
$count++ while $bytes =~ s/\A(\d+)\n// && length(substr $bytes, 0, $1, '') == $1;
is_deeply [ $count, length $bytes ], [ 64, 0 ], 'a file of requests: each as long as it says';

is unseal(seal('1234')), '1234', 'a token opens';
is unseal(seal('1234') =~ s/(.)\z/$1 eq '0' ? '1' : '0'/er), undef, 'one that was changed does not';
is unseal('000102030405060708090a0b7630e52fe72e23669cfbdf872cdc83a470b014bf'), '1234', 'nor does it take our own to make one';

SKIP: {
    my $tool = 'build/out/encgather';
    skip 'the program encgather is not built', 6 unless -x $tool;
    for my $provider (@{ EncGather::Bench::Providers::PROVIDERS() }, @{ EncGather::Bench::Providers::GUARDS() }) {
        my ($lines, $sent) = split /\r\n\r\n/, request(path => '/x', query => 'step=getPin', n => 5, provider => $provider), 2;
        my $secret = spew("secret-$provider", EncGather::Bench::Providers::secret_of($provider) . "\n");
        chmod 0600, $secret;
        my @headers = map { ('--header', $_) } grep { /signature|timestamp|webhook-id/i } split /\r\n/, $lines;
        my @command = ($tool, qw(verify --provider), $provider, '--token-file', $secret, '--body', spew('sent', $sent), @headers, "$ORIGIN/x?step=getPin");
        is system('sh', '-c', 'exec "$@" >/dev/null 2>&1', 'sh', @command), 0, "signed as $provider signs";
    }
}

# --- Callgrind ----------------------------------------------------------------------------------------------

my $COUNTS = <<'END_OF_COUNTS';
# callgrind format
version: 1
positions: line
events: Ir

ob=(1) /usr/sbin/httpd
fl=(1) a.c
fn=(1) handler
10 100
+2 50
cfn=(2) helper
calls=3 20
+1 300
cob=(2) /usr/lib/libcrypto.so.3
cfn=(3) 0x0000000000001234
calls=2 0
* 40
fn=(2)
20 300

ob=(2)
fn=(3)
0 40

totals: 490
END_OF_COUNTS

my $counts = EncGather::Bench::Callgrind::read_counts(spew('counts', $COUNTS));
is $counts->{total}, 490, 'the total';
is_deeply $counts->{self}, { handler => 150, helper => 300, '(libcrypto.so.3, no names)' => 40 }, 'what functions do themselves';
is $counts->{with}{handler}, 490, 'with what they call';
is $counts->{calls}{helper}{handler}, 3, 'who calls whom how often';
ok !eval { EncGather::Bench::Callgrind::read_counts(spew('empty', "version: 1\n")) }, 'a file without a total is refused';

# --- Cases --------------------------------------------------------------------------------------------------

my @cases = do { local $SIG{__WARN__} = sub ($words) { fail "cases: $words" }; EncGather::Bench::Cases::cases() };
is_deeply [ grep { !/^[\w-]+\z/ } map { $_->{name} } @cases ], [], 'each case has a name that a column can have';
is scalar keys %{ { map { $_->{name} => 1 } @cases } }, scalar @cases, 'of its own';
is_deeply [ grep { !eval { @{ EncGather::Bench::Cases::server($_->{server}, '/nowhere', 'http://nowhere.invalid')->{pieces} } } } @cases ], [], 'and a server';

# --- The record of counts -----------------------------------------------------------------------------------

EncGather::Bench::Record->import(qw(lines append way elsewhere judge say_judged code_of_files code_of_tree fingerprint));

{
    my $head = "# words\ndate\tcommit\tgetPin\tnull\treason\n";
    my $row  = "2026-01-02\tabc1234\t1000\t500\twhy not\n";
    my $said = sub ($text) { eval { lines(spew('broken', $text)); 1 } ? '' : $@ };
    is $said->($head . $row . "2026-01-03\t-\t1000.5\t-\t-\n"), '', 'a record in order';
    like $said->($head . $row . "2026-01-03\tabc1234\t1000\n"), qr/broken, line 4: 3 columns, not 5\b/, 'a line that ends early';
    like $said->($head . $row . "77\t$row"), qr/broken, line 4: 6 columns, not 5\b/, 'one that is too long';
    like $said->($head . $row . ">>>>>>> other\n"), qr/broken, line 4: 1 columns/, 'what git leaves of a merge';
    like $said->($head . $row =~ s/2026/Monday/r), qr/line 3: date is Monday-01-02/, 'no date';
    like $said->($head . $row =~ s/1000/many/r), qr/line 3: getPin is many, no figure/, 'no figure';
    like $said->($head =~ s/reason/null/r . $row), qr/line 2: two columns are called null/, 'two columns of one name';
    like $said->($row), qr/broken, line 1: .*no names of columns/, 'no names of columns';
}

sub verdicts ($now, $before) { return { map { ($_->{name} => $_->{verdict}) } judge($now, $before) } }
my %RECORDED = (getPin => 50_000, last => 100_000, wrong => 60_000, gone => 1, null => 36_000, 'getPin-malloc' => '2.00', 'last-malloc' => '0.00');
my @NOW = ([ getPin => 50_950 ], [ last => 102_100 ], [ wrong => 58_000 ], [ null => 36_000 ], [ plivo => 70_000 ], [ 'getPin-malloc' => 2.4 ], [ 'last-malloc' => 1 ]);
is_deeply verdicts(\@NOW, \%RECORDED),
    { getPin => 'alike', last => 'slower', wrong => 'faster', null => 'alike', plivo => 'new', gone => 'gone', 'getPin-malloc' => 'alike', 'last-malloc' => 'slower' },
    '1.9 % more passes, 2.1 % does not; an improvement, a new case, one that is gone; allocations';
my ($slower, @said) = say_judged('the record (b11ad36)', judge([ [ last => 102_100 ], [ wrong => 58_000 ], [ plivo => 1 ] ], { last => 100_000, wrong => 60_000, first => 2 }));
is $slower, 1, 'one is too slow';
is_deeply \@said, [
    'wrong: 58,000 instructions, 3.3 % less than the 60,000 of the record (b11ad36); record it (RECORD=...), or as much can be lost again and nobody sees it',
    'plivo: new, nothing to compare with',
    'first: recorded, and not counted any more',
    'FAILED  last: 102,100 instructions, 2.1 % more than the 100,000 of the record (b11ad36)',
    'A case may cost 2 % more without a word. Look where it goes:',
    '    make bench-profile CASE=last',
    'Make it cheaper, or, where it is meant, record it with the reason, in the same commit:',
    q(    make bench-instr RECORD='why it costs more'),
], 'what a developer reads of it';
is +(say_judged('x', judge([ [ getPin => 48_000 ], [ new => 1 ] ], { getPin => 50_000 })))[0], 0, 'what became cheaper, and what is new, passes';

my %line = (fingerprint => 'httpd-1', code => 'abc', null => 36_000);
is way(undef, fingerprint => 'httpd-1', code => 'abc'), 'none', 'no record: nothing is compared';
is way(\%line, fingerprint => 'httpd-1', code => 'def', null => 36_100), 'line', 'the same machine: with the line';
is way(\%line, fingerprint => 'httpd-2', code => 'def', null => 36_100), 'beside', 'another machine: beside a build of the recorded code';
is way(\%line, fingerprint => 'httpd-1', code => 'def', null => 36_500), 'beside', 'one that only the null handler tells from it, too';
is way(\%line, fingerprint => 'httpd-2', code => 'abc', null => 36_100), 'same', 'but nothing beside itself: the line came with this code';
is way({ null => 36_000 }, fingerprint => 'httpd-1', code => 'abc', null => 36_000), 'beside', 'a line of old says of no machine that it holds there';

is elsewhere({ fingerprint => 'cpu-1,gcc-2,httpd-3' }, 'cpu-2,gcc-2,httpd-4'), 'holds on another machine (cpu-1, httpd-3)', 'what is another one there is said';
is elsewhere({ fingerprint => 'cpu-1' }, 'cpu-1'), 'holds on another machine (its null handler differs)', 'or that nothing else is known';
is elsewhere({}, 'cpu-1'), 'does not say on which machine it holds', 'a line of old';

isnt fingerprint(httpd => '2.4.71', cpu => 'a b'), fingerprint(httpd => '2.4.71', cpu => 'a c'), 'a fingerprint has what the processor can do in it';
like fingerprint(httpd => '2.4.71', gcc => '12 (x, y)'), qr/^gcc-12_\(x_y\),httpd-2\.4\.71\z/, 'and versions, in a word';

my $history = spew('history.tsv', "# of old\ndate\tcommit\tfirst\tgetPin\tgetPin-malloc\n2026-11-27\te6d0cd2\t60776\t-\t2.00\n");
append($history, { date => '2026-11-30', commit => 'f00', code => 'c0de', fingerprint => 'cpu-1', reason => "a check\tmore", getPin => 5, plivo => 7 }, qw(getPin plivo));
is_deeply [ lines($history) ], [
    { date => '2026-11-27', commit => 'e6d0cd2', first => 60_776, 'getPin-malloc' => '2.00' },
    { date => '2026-11-30', commit => 'f00', code => 'c0de', fingerprint => 'cpu-1', reason => 'a check more', getPin => 5, plivo => 7 },
], 'a line with other columns: those before it keep their figures';
like content($history), qr/^date\tcommit\tcode\tfingerprint\tgetPin\tplivo\tfirst\tgetPin-malloc\treason\n/m, 'one line of names';
ok +(grep { defined $_->{getPin} } lines('t/bench/history.tsv')), 'the one of this tree can be read';

my %files = ('mod_encgather/core/a.c' => 'a1', 'Makefile' => 'b1');
is code_of_files(%files, 'mod_encgather/tool/t.c' => 'c1', 'README.md' => 'd1'), code_of_files(%files), 'code is what the module is made of';
isnt code_of_files(%files, 'mod_encgather/core/a.c' => 'a2'), code_of_files(%files), 'all of it';

SKIP: {
    skip 'no git', 7 if system('git --version >/dev/null 2>&1') != 0;
    my $top = "$DIRECTORY/checkout";
    my $sh  = sub (@lines) { system('sh', '-ec', join "\n", "cd '$top'", 'export GIT_CONFIG_NOSYSTEM=1 HOME=/nonexistent', @lines) == 0 or die "git: $?" };
    my $git = 'git -c user.name=t -c user.email=t@example.test -c commit.gpgsign=false';
    mkdir $top;
    $sh->('mkdir -p mod_encgather/core t/bench', 'echo 1 >mod_encgather/core/a.c', 'echo all: >Makefile', 'echo "# of old" >t/bench/history.tsv');
    is_deeply [ EncGather::Bench::Base::find_base($top, { code => 'c0de' }) ], [ undef, 'there is no history of commits here' ], 'a tarball has no history';
    $sh->('git init -q', 'git add .', "$git commit -q -m one");
    my $line = sub { return { date => '2026-11-30', commit => 'x', code => code_of_tree($top) } };
    my $find = sub ($line) { my ($commit, $words) = EncGather::Bench::Base::find_base($top, $line); return defined $commit ? (qx(git -C '$top' log -1 --format=%s $commit) =~ s/\n//r, $words) : (undef, $words) };
    is $line->()->{code}, EncGather::Bench::Base::code_of_commit($top, 'HEAD'), 'code of a tree and of its commit are the same';
    $sh->('echo 2 >mod_encgather/core/a.c');
    my $recorded = $line->();
    append("$top/t/bench/history.tsv", $recorded);
    is_deeply [ $find->({ %$recorded, code => 'none' }) ], [ undef, 'no commit has that line yet' ], 'a line that is not committed';
    $sh->("$git commit -q -a -m two", 'echo 3 >mod_encgather/core/a.c', "$git commit -q -a -m three", 'echo 4 >README.md', 'git add .', "$git commit -q -m four");
    is_deeply [ $find->($recorded) ], [ 'two', '' ], 'the commit that brought the line has its code';
    $sh->('echo 5 >mod_encgather/core/a.c');
    my $rebased = $line->();
    append("$top/t/bench/history.tsv", $rebased);
    $sh->('echo 6 >mod_encgather/core/a.c', "$git commit -q -a -m five");
    is_deeply [ $find->($rebased) ], [ 'five', 'what was recorded is in no commit, this is the one that brought the line' ], 'a line whose code became another on its way into the history';
    is_deeply [ $find->({ commit => 'abcdef0' }) ], [ undef, 'the commit abcdef0 is not in this history' ], 'a line of old names a commit';
    $sh->(q(git clone -q --depth 1 "file://$PWD" shallow));
    is_deeply [ EncGather::Bench::Base::find_base("$top/shallow", $recorded) ], [ undef, 'the history is cut off before it' ], 'a shallow clone';
}

# --- The manual's tables ------------------------------------------------------------------------------------

EncGather::Bench::Pages->import(qw(written merged tables));

sub measured ($name, $cpu, $of = 'null', %more) {
    return { name => $name, base => $of, cpu => $cpu, cpu_low => $cpu - 1, cpu_high => $cpu + 10, cpu_ratio => $cpu / 40 + 0.01, other => 0.5, rounds => 9, load_low => 1, %more };
}
my %run = (date => '2026-11-30', machine => '2 x some processor', rounds => 9, seconds => 1.2, groups => {
    call => [ measured(null => 40), measured(first => 50), measured(ours => 60.04), measured('last-local' => 90), measured('ours-tls-new' => 600, 'null-tls-new') ],
    peers => [ measured(ours => 44, 'null', rps => 20_000.4, p99 => 1500, peak => 2048) ], latency => { ratio => 1 },
});
my $results = merged({ groups => { call => { date => 'of old' }, state => { date => '2026-11-01', machine => 'm', rounds => 1, seconds => 1, subjects => [ measured(often => 40, 'often') ] } } }, \%run);
is_deeply [ map { "$_ $results->{groups}{$_}{date}" } sort keys %{ $results->{groups} } ], [ 'call 2026-11-30', 'peers 2026-11-30', 'state 2026-11-01' ], 'a group replaces its older one alone';
is_deeply [ grep { /load|rounds/ } keys %{ $results->{groups}{call}{subjects}[0] } ], [], 'what no table has is not kept';

my $tables = tables($results, { null => 36_000, getPin => 54_000, 'getPin-malloc' => '0.00', date => '2026-11-30', fingerprint => 'cpu-1,gcc-2' });
is $tables->{webhook}, join("\n", '|  | microseconds of processor time, median (all rounds) | a handler that does nothing = 1 |', '| --- | --- | --- |',
    '| a handler that reads the body and answers a fixed text, httpd without the module | 40 (39-50) | 1.01 |', '| first prompt | 50 (49-60) | 1.26 |',
    '| a step: signature, one value sealed, the next question | 60 (59-70) | 1.51 |', '| last step, `decrypt-gather` on the same server, SQLite | 90 (89-100) | 2.26 |',
    '| a step with a TLS connection of its own | 600 (599-610) | 15.00 |', '',
    '2026-11-30, 2 x some processor; 9 rounds of 1.2 s; other work kept up to 0.5 processors busy, so only ratios are worth much.', ''), 'a table, its spread, and on what it was measured';
like $tables->{peers}, qr/^\| \*\*httpd, mod_encgather\*\* \| 44 \(43-54\) \| - \| 20,000 \| 1\.5 \| 2 \|$/m, 'beside others, who were not measured here';
like $tables->{calls}, qr/^A call with two fields is 200 microseconds .*\n.* \*\*2,500 calls a second\*\*.* a call is 1820 microseconds: 270 calls a second\./, 'what follows for calls';
like $tables->{calls}, qr/^\| 10,000 \| 30,000 \| 36 \| 5 of 8 processors, and one more \| 2\.5 days \|$/m, 'and for hosts';
like $tables->{instructions}, qr/^\| a step \| 54,000 \| 1\.50 \|\n\nPieces of memory .*: a step 0\.\n\nCounted on 2026-11-30, cpu-1, gcc-2\.$/m, 'counts, from the record';
like tables({}, {})->{roads}, qr/\n\nNot measured yet\.\n\z/, 'a group that nobody has measured says so';

my $marks = sub ($of) { return "a\n<!-- by t/bench/capacity: x -->\n${of}<!-- end of x -->\nb\n" };
is written($marks->("old\n"), { x => "new\n" }), $marks->("\nnew\n\n"), 'a table stands between its marks, all else stays';
is written($marks->("\nnew\n\n"), { x => "new\n" }), $marks->("\nnew\n\n"), 'again';
ok !eval { written($marks->(''), {}) }, 'marks without a table are a mistake';
ok !eval { written($marks->(''), { x => '', y => '' }) }, 'so is a table without marks';
is system($^X, 't/bench/capacity', '--check'), 0, 'the page is what the results of this tree say (t/bench/capacity writes it)';

# --- Several at a time --------------------------------------------------------------------------------------

my %did = EncGather::Bench::Tasks::run_tasks("$DIRECTORY", 2, map { my $n = $_; ("task$n" => sub { return { n => $n, pid => $$ } }) } 1 .. 5);
is_deeply [ map { $did{"task$_"}{n} } 1 .. 5 ], [ 1 .. 5 ], 'tasks bring back what they did';
ok !eval { EncGather::Bench::Tasks::run_tasks("$DIRECTORY", 2, good => sub { 1 }, bad => sub { die "no server\n" }) }, 'one that dies is not passed over';
is $@, "bad: no server\n", 'and says why';

# --- Figures ------------------------------------------------------------------------------------------------

is EncGather::Bench::Measure::median(3, 1, 2), 2, 'a median';
is EncGather::Bench::Measure::median(4, 1, 2, 3), 2.5, 'of an even number';
is EncGather::Bench::Measure::median(), undef, 'of nothing';

sub rounds (@cpu) { return { rounds => [ map { { cpu => $_ } } @cpu ] } }

is EncGather::Bench::Measure::ratio(cpu => rounds(10, 40, 9), rounds(10, 20, 10)), 1, 'ratios are within a round';
is_deeply [ EncGather::Bench::Measure::processes($$) ]->[0], $$, 'a process and what is below it';
my $child = fork // die "fork: $!";
exec 'sleep', 60 if $child == 0;
ok +(grep { $_ == $child } EncGather::Bench::Measure::processes($$)), 'a child of it';
cmp_ok EncGather::Bench::Measure::memory_of($$)->{private}, '>', 0, 'memory';
kill TERM => $child;
waitpid $child, 0;
my $before = EncGather::Bench::Measure::cpu_of($$);
for (1 .. 3_000_000) { }
cmp_ok EncGather::Bench::Measure::cpu_of($$), '>=', $before, 'processor time';

my %grows = (
    'x'       => [ map { [ $_, 100 + 7 * $_ ] } 1, 10, 100, 200 ],
    'x x'     => [ map { [ $_, 100 + 7 * $_ * $_ ] } 1, 10, 100, 200 ],
    'x log x' => [ map { [ $_, 100 + 7 * $_ * log($_) / log 2 ] } 1, 10, 100, 1000 ],
);
for my $kind (sort keys %grows) {
    my $growth = EncGather::Bench::Report::growth(shuffle @{ $grows{$kind} });
    is $growth->{kind}, $kind, "what grows as $kind is found to";
    is sprintf('%.2f %.2f', @{$growth}{qw(start slope)}), '100.00 7.00', 'with its numbers';
}
# --- Plots --------------------------------------------------------------------------------------------------

my %plot = (
    bars   => EncGather::Bench::Report::bars('a < b', [ 'one & two', 1, 0.9, 1.1 ], [ 'three', 2.5 ]),
    curves => EncGather::Bench::Report::curves('a', 'x', 'y', sub ($x) { 2 * $x }, [ 1, 2 ], [ 10, 20 ]),
);
SKIP: {
    skip 'no XML::LibXML', 2 unless eval { require XML::LibXML };
    ok eval { XML::LibXML->load_xml(string => $plot{$_}) }, "$_ are XML: $@" for sort keys %plot;
}

done_testing;
