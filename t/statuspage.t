# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# The status page as somebody reads it who knows nothing of the code: what it says of each incident, that a search finds a
# call, and, in a real browser, that everybody can use it and that it is loaded anew under a reader's eyes.
# ENCGATHER_SHOTS=dir starts the server anew for each incident and leaves pictures there.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';
use utf8;

use File::Path qw(make_path);
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);
use XML::LibXML;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Browser;
use EncGather::Daemon qw(free_ports);
use EncGather::Faults ();
use EncGather::Files qw(slurp spew);
use EncGather::Httpd qw(module_file);
use EncGather::Jwe qw(seal_jwe);
use EncGather::Logs qw(leaks);
use EncGather::Sanitizer qw(pointless);
use EncGather::Test;
use EncGather::Twilio qw(scripts_in install);
use EncGather::Wait qw(wait_until);

binmode $_, ':encoding(UTF-8)' for map { Test::More->builder->$_ } qw(output failure_output todo_output);

my @MISSING = grep { !defined module_file($_) } qw(proxy proxy_http);
plan skip_all => "this httpd has no mod_$MISSING[0]" if @MISSING && !$ENV{CI};

use constant { WAIT => 20, FLOOD => 260 };

my ($CARD, $PIN, $ACCOUNT)   = @SECOND_ACCOUNT;
my ($CARD_FIELD, $PIN_FIELD) = qw(encryptedCardDigits encryptedPinDigits);
my $SHOTS = $ENV{ENCGATHER_SHOTS};

# --- The server -----------------------------------------------------------------------------------------------------

my ($PORT, $NOBODY, $APP) = free_ports(3);
my $TREE = in_tree('private/statuspage');
make_path($TREE);
my $server = private_server('statuspage', port => $PORT, modules => [qw(proxy proxy_http)],
    environment => { LD_PRELOAD => EncGather::Faults::host_library('clock'), ENCGATHER_CLOCK => "$TREE/clock" });
my $HOST   = "127.0.0.1:$PORT";
my $TOKENS = in_tree('conf/keys/auth-tokens');
my $DATABASE = "$TREE/accounts.db";
spew($DATABASE, slurp(in_tree('conf/accounts.db')));
chmod 0644, $DATABASE;
my $RING  = write_secret("$TREE/ring", "k1 $KEY{demo}\nk0 $KEY{ring1}\n");
my $NEWER = write_secret("$TREE/newer", "k2 $KEY{ring2}\nk1 $KEY{demo}\n");
my $backend = EncGather::Backend->new(port => $APP, record => "$TREE/backend-requests");

sub gather_at ($path, $to, @lines) {
    return join "\n", "<Location $path>", 'SetHandler encrypted-gather', "EncGatherBackend $to", @lines, '</Location>', '';
}

sub decrypt_at ($path, @lines) {
    return join "\n", "<Location $path>", 'SetHandler decrypt-gather', 'EncGatherExpose on',
        qq(EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" $CARD_FIELD $PIN_FIELD), @lines, '</Location>', '';
}

my $CONF = join "\n", <<"CONF",
DBDriver sqlite3
DBDParams "$DATABASE"
EncGatherAuthTokenFile "$TOKENS"
EncGatherKeyFile $RING
EncGatherTokenFormat jwe
EncGatherStateCache redis:127.0.0.1:$NOBODY
EncGatherForward CallSid
<Location /encgather-status>
    SetHandler encgather-status
</Location>
CONF
    gather_at('/gather',     '/decrypt'),
    gather_at('/newer',      '/decrypt', "EncGatherKeyFile $NEWER"),
    gather_at('/to-nobody',  "http://127.0.0.1:$NOBODY/lookup"),
    gather_at('/to-slow',    "http://127.0.0.1:$APP/slow", 'EncGatherTimeout 1'),
    gather_at('/elsewhere',  '/decrypt', 'EncGatherPublicURL https://ivr.example.com'),
    gather_at('/hurried',    '/decrypt', 'EncGatherTimeout 1'),
    gather_at('/once',       '/decrypt-once'),
    decrypt_at('/decrypt-once', 'EncGatherSingleUse on'),
    gather_at('/markup',     '"/<script>alert(1)</script>&\'/x"'),
    decrypt_at('/decrypt');
$server->configure(conf => $CONF);
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);

# --- Calls and pages --------------------------------------------------------------------------------------------------

my $calls = 0;
sub fresh_call () { return sprintf 'CA%032x', 0xbeef0000 + ++$calls }

sub webhook ($target, $call, @pairs) { return post($HOST, $target, [ CallSid => $call, AccountSid => 'AC' . '1' x 32, @pairs ]) }

sub whole_call ($path, @digits) {
    my $call   = fresh_call();
    my $answer = webhook($path, $call);
    $answer = webhook(action($answer)->{target}, $call, Digits => $_) for @digits;
    return ($call, $answer);
}

my @pages;    # all that was shown

sub page ($query = '', @headers) {
    my $response = request(GET => $HOST, "/encgather-status$query", headers => [@headers]);
    push @pages, $response->content;
    return $response;
}

sub status ($query = '') { return JSON::PP->new->utf8->decode(page("?format=json$query")->content) }

sub document ($query = '') {
    my $html = page($query)->content;
    my $document = eval { XML::LibXML->load_xml(string => $html, no_network => 1) };
    ok $document, "the page '$query' is well-formed" or diag $@;
    return $document;
}

# --- The browser ------------------------------------------------------------------------------------------------------

sub give_up ($name, $reason) {
    ok 0, $name if $ENV{CI};
    diag($reason);
    done_testing();
    exit($ENV{CI} ? 1 : 0);
}

scripts_in('axe');
my $browser = EncGather::Browser->new(dir => in_tree('private/browser'));
my $problem = EncGather::Browser::what_is_missing() || EncGather::Twilio::what_is_missing() || install("$ENV{ENCGATHER_OUT}/axe") || $browser->start;
give_up('what a look with a browser takes is there', $problem) if $problem;
END { local $?; $browser->stop if $browser }
my $AXE = slurp("$ENV{ENCGATHER_OUT}/axe/node_modules/axe-core/axe.min.js");

sub scheme ($name) {
    $browser->devtools('Emulation.setEmulatedMedia', features => [ { name => 'prefers-color-scheme', value => $name } ]);
    return;
}

sub width ($pixels, $height = 800) {
    $browser->devtools('Emulation.setDeviceMetricsOverride', width => $pixels, height => $height, deviceScaleFactor => 1, mobile => JSON::PP::false);
    return;
}

sub open_status ($query = '') {
    $browser->open_page("http://$HOST/encgather-status$query");
    return $browser->wait_for(q{return document.getElementById('pause') !== null});
}

sub shoot ($name) {
    spew("$SHOTS/$name.png", $browser->screenshot);
    return;
}

sub shoot_incident ($incident) {
    my $name = $incident->[0] =~ s/\W+/-/gr;
    for my $scheme (qw(light dark)) {
        scheme($scheme);
        for my $width (390, 1280) {
            width($width);
            open_status();
            shoot("$name-$scheme-$width");
        }
    }
    return;
}

# --- Before anything happened -----------------------------------------------------------------------------------------

{
    my $said = status();
    is $said->{level}, 'ok', 'a server that nobody called is well';
    like $said->{sentence}, qr/^All is well\. Nobody called in the last day; nothing failed in the last hour\.$/, 'and says so';
    is_deeply $said->{findings}, [], 'there is nothing to find';
    my $document = document();
    like $document->findvalue('//*[@id="verdict"]'), qr/All is well/, 'the page begins with it';
    like $document->findvalue('//*[@id="failures"]'), qr/Nothing has failed\./, 'nothing has failed';
    is $document->findvalue('count(//svg)'), 0, 'what is nothing has no graph';
}

# --- Incidents --------------------------------------------------------------------------------------------------------

sub hold_database ($code) {
    my $pid = open(my $to, '|-', 'sqlite3', '-batch', $DATABASE) || die "sqlite3: $!";
    syswrite $to, "BEGIN EXCLUSIVE;\n.system touch '$TREE/held'\n";
    wait_until(WAIT, sub { -e "$TREE/held" });
    $code->();
    kill KILL => $pid;
    close $to;
    unlink "$TREE/held";
    return;
}

sub aged_call () {
    my @token = map { [ $_->[0] => seal_jwe(dir => $_->[1], key => $KEY{demo}, kid => 'k1', sid => 'CAold', fld => $_->[0], iat => time - 4000) ] }
        [ $CARD_FIELD => $CARD ], [ $PIN_FIELD => $PIN ];
    decrypt($HOST, '/decrypt', { CallSid => 'CAold', map { @$_ } @token });
    return;
}

sub forge ($i) {
    my $call = sprintf 'CAf%031x', $i;
    return post($HOST, '/gather', [ CallSid => $call, AccountSid => 'AC' . '2' x 32 ], signature => 'A' x 27 . '=');
}

# name, level, cause; what the page must say of it: which sentence, what happened last, what to compare; how it comes about
my @INCIDENTS = (
    [ 'the backend is dead', 'failing', 'backend-away', qr/The backend is dead: nobody answers/, qr/nobody answered/, qr/started.*listen/,
        sub { whole_call('/to-nobody', $CARD, $PIN) for 1 .. 3 } ],
    [ 'the backend is slow', 'failing', 'backend-slow', qr/The backend is too slow/, qr/longer than EncGatherTimeout/, qr/reached.*Look at the backend/,
        sub { whole_call('/to-slow', $CARD, $PIN) } ],
    [ 'the auth token is wrong', 'failing', 'signature', qr/No signature fits: the auth token is wrong/, qr/1 auth token|auth tokens tried for/, qr/Compare the auth token/,
        sub { post($HOST, '/gather', [ CallSid => fresh_call(), AccountSid => 'AC' . '1' x 32 ], token => $TOKEN{other}) for 1 .. 4 } ],
    [ 'the public URL is wrong', 'failing', 'public-url', qr/the public URL is wrong/, qr/it would fit for the address of the request itself/, qr/Compare the URL.*EncGatherPublicURL/,
        sub { sleep 1.1; webhook('/elsewhere', fresh_call()) } ],
    [ 'the database is locked', 'failing', 'database', qr/The database of decrypt-gather does not answer/, qr/the database is locked by somebody else/, qr/which other program holds it/,
        sub { hold_database(sub { whole_call('/hurried', $CARD, $PIN) }) } ],
    [ 'a key was not rotated everywhere', 'failing', 'key', qr/sealed under a key that the location which opens them does not have/, qr/rule: key/, qr/not rotated everywhere/,
        sub { whole_call('/newer', $CARD, $PIN) for 1 .. 2 } ],
    [ 'a clock is wrong', 'failing', 'clock', qr/A clock is wrong/, qr/rule: age/, qr/Compare the clocks/, \&aged_call ],
    [ 'the Redis is away', 'failing', 'state', qr/The Redis that hosts share \(EncGatherStateCache\) does not answer/, qr/whether its tokens were used is not known/, qr/Is the Redis started/,
        sub { whole_call('/once', $CARD, $PIN) for 1 .. 2 } ],
    [ 'forged requests', 'look', 'signature', qr/A flood of forged requests/, qr/does not fit/, qr/nobody is let in/,
        sub { forge($_) for 1 .. FLOOD } ],
    [ 'one caller errs', 'note', 'attempts', qr/One caller gave up/, qr/attempts were used up/, qr/One now and then is a person/,
        sub { whole_call('/gather', '1', '12', '70411') } ],
);

sub well () { whole_call('/gather', $CARD, $PIN) for 1 .. 3 }

sub begin_anew () {
    $server->stop;
    $server->start or BAIL_OUT('the private server does not start: ' . $server->error);
    well();
    return;
}

# What is told of an incident stands behind its name in the list, and where it is the worst, on top.
sub is_told ($incident) {
    my ($name, $level, $cause, $title, $last, $advice) = @$incident;
    my $said = status();
    my ($finding) = grep { $_->{cause} eq $cause } @{ $said->{findings} };
    is $finding->{level}, $level, "$name: $level" or return diag JSON::PP->new->pretty->canonical->encode($said->{findings});
    like $finding->{title},  $title,  "$name: what it is";
    like $finding->{advice}, $advice, "$name: what to look at";
    my $kept = $said->{failures_kept};
    my ($sample) = grep { $_->{cause} eq $cause } map { @$_ } @$kept{qw(failed turned_away callers)};
    like $sample->{reason}, $last, "$name: what happened last";
    my $text = document()->findvalue('//*[@id="verdict"]');
    like $text, $title, "$name: it stands on the page";
    return;
}

well();
like status()->{sentence}, qr/^All is well\. 3 calls in the last hour, 3 found; nothing failed in the last hour\.$/, 'calls that went well';
for my $incident (@INCIDENTS) {
    begin_anew() if $SHOTS;
    $incident->[-1]->();
    is_told($incident);
    shoot_incident($incident) if $SHOTS;
}


# --- Search, and other forms ------------------------------------------------------------------------------------------

{
    my ($call) = whole_call('/markup', $CARD, $PIN);
    my $document = document("?call=$call");
    is $document->findvalue('count(//*[@id="failures"]//tbody/tr)'), 1, 'a search finds the failure of a call';
    like $document->findvalue('//*[@id="failures"]//tbody/tr/td[@class="reason"]'), qr/the backend \/<script>alert\(1\)<\/script>&'\/x: /, 'markup is text';
    is $document->findvalue('count(//script[not(@src)])'), 0, 'and nothing else';
    is $document->findvalue('//input[@id="call"]/@value'), $call, 'the search says what for';
    like document('?call=CAnone')->findvalue('//*[@id="failures"]'), qr/Nothing is kept of the call CAnone/, 'what is not found is said to be so';
    my $kept = status("&call=$call")->{failures_kept};
    is_deeply [ map { $_->{call} } map { @$_ } values %$kept ], [$call], 'so for programs';
    my ($failure) = @{ $kept->{failed} };
    is_deeply [ @$failure{qw(result tag step cause)} ], [ 'unavailable', 'EG0501', 'processData', 'backend-away' ], 'with all that is known of it';
    my $text = page("?format=text&call=$call")->content;
    like $text, qr/\A[A-Z].*\.\n.*^\d\d:\d\d:\d\d \Q$call\E processData EG0501 unavailable /ms, 'and for a terminal';
    my @lines = $text =~ /(\Q$call\E)/g;
    cmp_ok scalar @lines, '<=', 3, 'that call alone';
    unlike page('?format=text')->content, qr/EG0000/, 'where there is no line of the error log there is no tag';
}

# --- Later ------------------------------------------------------------------------------------------------------------

sub later ($seconds) { spew("$TREE/clock", "$seconds\n"); return status() }

SKIP: {
    skip 'later: ' . pointless('shim'), 1 if pointless('shim');
    later(400);
    well();
    my $said = status();
    is_deeply [ sort map { $_->{level} } grep { $_->{cause} =~ /^(?:backend|database|key|clock|public-url|signature|state)/ } @{ $said->{findings} } ],
        [ ('over') x ($SHOTS ? 1 : 8) ], 'some minutes later, and calls went well: all of that is over';
    like $said->{sentence}, qr/^All is well again\. \d+ calls in the last hour, \d+ found; \d+ failures? in the last hour, none since\.$/, 'which the sentence says';
    $said = later(400 + 3700);
    is_deeply $said->{findings}, [], 'an hour later nothing is told of it any more';
    like $said->{sentence}, qr/^All is well\. No call in the last hour, the last one at (?:\S+ )?\d\d:\d\d:\d\d; nothing failed in the last hour\.$/, 'but when somebody called last';
    my $before = $said->{in_all};
    $said = later(2 * 86_400);
    is_deeply $said->{day}{calls}, {}, 'two days later the minutes have forgotten it';
    is_deeply $said->{in_all}, $before, 'and the counters have not';
    whole_call('/gather', $CARD, $PIN);    # the same minutes of the ring
    $said = status();
    is_deeply [ $said->{day}{calls_begun}, $said->{hour}{requests}, $said->{day}{webhooks}{last} ], [ 1, 3, { found => 1 } ], 'what comes then is counted anew';
    is $said->{in_all}{calls_begun}, $before->{calls_begun} + 1, 'as one more';
    spew("$TREE/clock", 600 - time . "\n");
    webhook('/gather', fresh_call());
    is status()->{hour}{calls_begun}, 1, 'a host whose clock begins in 1970 counts';
    like page()->content, qr/<svg/, 'and its page has graphs';
    unlink "$TREE/clock";
}

# --- In a browser -----------------------------------------------------------------------------------------------------

# What axe-core has to say against the page as it is now.
sub axe ($name) {
    my $found = $browser->script($AXE . q{; return axe.run(document, { resultTypes: ['violations'] }).then((all) =>
        all.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 90)).join(' ; ')}`));});
    is_deeply $found, [], "$name: axe has nothing to say";
    return;
}

for my $scheme (qw(light dark)) {
    scheme($scheme);
    for my $width (390, 1280) {
        width($width);
        open_status();
        $browser->script(q{document.querySelectorAll('details').forEach((one) => { one.open = true; })});
        axe("$scheme, $width pixels, all folds open");
        cmp_ok $browser->script('return document.documentElement.scrollWidth'), '<=', $width, "$scheme, $width pixels: nothing sticks out";
        shoot("all-$scheme-$width") if $SHOTS;
    }
}

# Who reads further down, or has opened something, is not disturbed; and what happens meanwhile comes in.
{
    width(1280);
    open_status();
    $browser->script(q{document.getElementById('all-numbers').open = true; document.querySelector('#failures a').focus(); scrollTo(0, document.body.scrollHeight / 2)});
    my $before = $browser->script('return [scrollY, document.activeElement.getAttribute("href"), document.getElementById("asof").textContent]');
    cmp_ok $before->[0], '>', 100, 'somebody reads further down';
    whole_call('/to-nobody', $CARD, $PIN);
    sleep 1.1;
    $browser->script(q{document.dispatchEvent(new Event('visibilitychange'))});
    ok $browser->wait_for(qq{return document.getElementById('asof').textContent !== "$before->[2]"}), 'the page is loaded anew';
    my $section = $browser->script(q{return document.getElementById('all-numbers').open});
    ok $section, 'what was opened stays open';
    is $browser->script('return document.activeElement.getAttribute("href")'), $before->[1], 'what has the focus keeps it';
    cmp_ok $browser->script('return scrollY'), '>', 100, 'and nobody is thrown to the top';
    like $browser->script(q{return document.title}), qr/^Failing - 127\.0\.0\.1 - mod_encgather: status$/, 'its title says how it is';
}

# By the keyboard alone, and without a script.
{
    width(1280);
    open_status();
    my @way;
    until (@way > 40 || @way && $way[-1] eq 'call') {
        $browser->type_keys("\x{E004}");
        push @way, $browser->script('const one = document.activeElement; return one.id || one.textContent');
    }
    is_deeply [ grep { my $id = $_; grep { $_ eq $id } @way } 'pause', 'Reload now', 'figures-table', 'call' ], [ 'pause', 'Reload now', 'figures-table', 'call' ],
        'Tab comes to all that can be used' or diag "@way";
    is $browser->script('return getComputedStyle(document.activeElement).outlineStyle'), 'solid', 'and it can be seen where it is';
    $browser->devtools('Emulation.setScriptExecutionDisabled', value => JSON::PP::true);
    $browser->open_page("http://$HOST/encgather-status");
    $browser->devtools('Emulation.setScriptExecutionDisabled', value => JSON::PP::false);
    is $browser->script(q{return document.getElementById('pause')}), undef, 'without a script nothing is promised that does not come';
    like $browser->script(q{return document.getElementById('verdict').innerText}), qr/As of/, 'and all can be read';
}

is_deeply [ $browser->log_entries('browser') ], [], 'nothing in the console';

is_deeply [ map { leaks($_, $CARD, $PIN) } @pages ], [], 'no page ever showed a digit of a caller';
ok $server->stop, 'the server stops';
log_is_clean($server, qr/\[proxy(?:_http)?:error\]/, map { qr/$_:/ } qw(EG0156 EG0301 EG0402 EG0501 EG0601 EG0701));
finish();
