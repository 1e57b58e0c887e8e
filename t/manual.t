# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# CI: no sanitizer
# The manual as pages for browsers: every link leads somewhere, also those of the README; who reads it on a phone, in the dark,
# by keyboard or by ear can. ENCGATHER_SHOTS=DIRECTORY leaves pictures there.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Temp ();
use FindBin;
use Test::More;
use XML::LibXML;

use lib "$FindBin::Bin/lib";
use EncGather::Axe qw(axe_findings axe_is_missing);
use EncGather::Browser;
use EncGather::Files qw(slurp spew);

my $TOP = "$FindBin::Bin/..";
my $OUT = $ENV{ENCGATHER_OUT} || "$TOP/build/out";
my $DIR = "$OUT/manual";

my $missing = (grep { -x "$_/pandoc" } split /:/, $ENV{PATH}) ? '' : 'there is no pandoc: build/deps.sh package installs it';
plan skip_all => $missing if $missing && !$ENV{CI};

{
    local @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
    my $said = `make -s -C '$TOP' manual OUT='$OUT' 2>&1`;
    is "$?: $said", '0: ', 'make manual';
}

# --- Links ------------------------------------------------------------------------------------------------------

my @NAMES = map { m{([^/]+)\.md\z} } glob "$TOP/conf/manual/*.md";
my %PAGE  = map { ("$_.html" => XML::LibXML->load_html(location => "$DIR/$_.html", recover => 2)) } @NAMES;
my (%ID, @twice);
for my $name (sort keys %PAGE) {
    for my $id (map { $_->value } $PAGE{$name}->findnodes('//@id')) {
        push @twice, "$name#$id" if $ID{"$name#$id"}++;
    }
}
is_deeply \@twice, [], 'no page has a place twice';

# Where it leads to, if that is nowhere; of others' pages nothing is known.
sub broken ($from, $target) {
    return if $target =~ m{^https?://};
    my ($file, $place) = $target =~ /^([^#]*)(?:#(.*))?\z/;
    $file = $from if !length $file;
    return "$from: $target" if defined $place ? !$ID{"$file#$place"} : !$PAGE{$file} && !-e "$DIR/$file";
    return;
}

my @links = map { my $name = $_; map { [ $name, $_->value ] } $PAGE{$name}->findnodes('//@href') } sort keys %PAGE;
cmp_ok scalar @links, '>', 500, 'the pages have links';
is_deeply [ map { broken(@$_) } @links ], [], 'and each leads somewhere';
my @readme = slurp("$TOP/README.md") =~ /\]\(([^)\s]+)\)/g;
is_deeply [ map { broken('README', $_) } map { s{^conf/manual/([\w-]+)\.md}{$1.html}r } grep { m{^conf/manual/} } @readme ], [], 'so do those of the README to the manual';
is_deeply [ grep { !m{^(?:https?:|conf/manual/)} && !-e "$TOP/" . s/#.*//r } @readme ], [], 'and to other files';
my @LOST = ('keys.html#lost', 'lost.html', '#lost');
is_deeply [ map { broken('index.html', $_) } @LOST ], [ map { "index.html: $_" } @LOST ], 'which this test would see';

# --- Every page -------------------------------------------------------------------------------------------------

my @order = map { $_->value } $PAGE{'index.html'}->findnodes('//nav[@id="pages"]//a/@href');
is_deeply [ sort @order ], [ sort keys %PAGE ], 'the pages lead to all pages';
for my $n (0 .. $#order) {
    my ($name, $page) = ($order[$n], $PAGE{ $order[$n] });
    my $title = $page->findvalue('//main/h1');
    my %wanted = (lang => 'en', current => $name, before => $n ? $order[ $n - 1 ] : '', after => $order[ $n + 1 ] // '', scripts => 0, styles => 'palette.css manual.css', titles => 1);
    my %found = (
        lang    => $page->findvalue('/html/@lang'),
        current => join(' ', map { $_->value } $page->findnodes('//a[@aria-current="page"]/@href')),
        before  => $page->findvalue('//a[@rel="prev"]/@href'),
        after   => $page->findvalue('//a[@rel="next"]/@href'),
        scripts => $page->findvalue('count(//script | //@style | //@onclick | //img)'),
        styles  => join(' ', map { $_->value } $page->findnodes('//link[@rel="stylesheet"]/@href')),
        titles  => $page->findvalue('count(//h1)'),
    );
    is_deeply \%found, \%wanted, "$name: knows its neighbours and needs nothing but its style";
    is_deeply [ map { $_->nodePath } $page->findnodes('//main//*[self::pre or self::table][not(ancestor::div[contains(@class, "box")])] | //th[not(normalize-space())]') ], [],
        "$name: what may be wide is in a box, and each heading has words";
    my @sections = map { $_->value } $page->findnodes('//main/h2/@id');
    is_deeply [ grep { my $id = $_; !$page->findnodes(qq(//nav[\@id="contents"]//a[\@href="#$id"])) } @sections ], [], "$name: its contents have all its sections";
}

# --- One look ---------------------------------------------------------------------------------------------------

# The status page has its style with it, in C.
my $STYLE = join '', map { slurp($_) } grep { -e } "$TOP/mod_encgather/watch/page_style.c";
my @theirs = $STYLE =~ /(--[\w-]+):(#\w+)/g;
my @ours   = slurp("$TOP/conf/palette.css") =~ /(--[\w-]+): (#\w+)/g;

# Each colour's name, with its values by day and by night.
sub by_name (@pairs) {
    my %values;
    while (my ($name, $value) = splice @pairs, 0, 2) { push @{ $values{$name} }, $value }
    return \%values;
}

{
    my ($page, $palette) = (by_name(@theirs), by_name(@ours));
    is_deeply [ grep { @{ $palette->{$_} } != 2 } sort keys %$palette ], [], 'each colour is there by day and by night';
    is_deeply { map { $palette->{$_} ? ($_ => $palette->{$_}) : () } keys %$page }, { map { $palette->{$_} ? ($_ => $page->{$_}) : () } keys %$page },
        'the colours of the status page are those of the manual';
    my %used  = map { $_ => 1 } map { slurp($_) =~ /var\((--[\w-]+)\)/g } "$TOP/conf/manual/html/manual.css", glob "$TOP/conf/demo/phone/*.css";
    is_deeply [ grep { !$palette->{$_} && $_ ne '--mono' } sort keys %used ], [], 'no page uses a colour that there is not';
}

# --- In a browser -----------------------------------------------------------------------------------------------

my $why = EncGather::Browser::what_is_missing() || axe_is_missing($OUT);
if ($why) {
    $ENV{CI} ? fail("a browser: $why") : diag($why);
    done_testing();
    exit;
}
my $WORK = File::Temp->newdir('encgather-manual-XXXXXX', TMPDIR => 1);
my $browser = EncGather::Browser->new(dir => "$WORK");
my $problem = $browser->start;
is $problem, '', 'a browser starts' or BAIL_OUT($problem);
END { local $?; $browser->stop if $browser }

sub view ($scheme, $width) {
    $browser->devtools('Emulation.setEmulatedMedia', features => [ { name => 'prefers-color-scheme', value => $scheme } ]);
    $browser->devtools('Emulation.setDeviceMetricsOverride', width => $width, height => 844, deviceScaleFactor => 1, mobile => JSON::PP::false);
    return;
}

sub shoot ($name) {
    return spew("$ENV{ENCGATHER_SHOTS}/$name.png", $browser->screenshot) if $ENV{ENCGATHER_SHOTS};
    return;
}

my %paper;
for my $name (qw(index keys monitoring)) {
    $browser->open_page("file://$DIR/$name.html");
    for my $scheme (qw(light dark)) {
        for my $width (390, 1280) {
            view($scheme, $width);
            my $view = "$name, $scheme, $width pixels";
            cmp_ok $browser->script('return document.documentElement.scrollWidth'), '<=', $width, "$view: nothing sticks out";
            is_deeply [ axe_findings($browser) ], [], "$view: axe finds nothing";
            shoot("$name-$scheme-$width");
        }
        $paper{$scheme} = $browser->script('return getComputedStyle(document.body).backgroundColor');
    }
}
isnt $paper{light}, $paper{dark}, 'light and dark differ';
$browser->script(q{document.querySelector('main').append(new Image())});
like join("\n", axe_findings($browser)), qr/^image-alt: /m, 'and axe would find something';
ok $browser->stop, 'the browser ends';
done_testing;
