# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# The demo's phone in a real browser: calls by mouse and by keyboard, what they say and what is logged of them, and whether
# everybody can use the page. ENCGATHER_SHOTS=1 also leaves pictures of it in the private tree (build/run-tests --keep).
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';
use utf8;

use File::Path qw(make_path);
use Test::More;

use lib 't/lib';
use EncGather::Axe qw(axe_findings axe_is_missing);
use EncGather::Browser;
use EncGather::Files qw(slurp_if_there);
use EncGather::Httpd qw(module_file);
use EncGather::Logs qw(leaks);
use EncGather::Ivr;
use EncGather::Phone qw(phone_options install_phone ivr_paths);
use EncGather::Test;

binmode $_, ':encoding(UTF-8)' for map { Test::More->builder->$_ } qw(output failure_output todo_output);

# A test that CI skips is a test that nobody runs.
if (my $reason = EncGather::Browser::what_is_missing() || axe_is_missing($ENV{ENCGATHER_OUT}) || join ', ', map { "no mod_$_" } missing_modules()) {
    plan skip_all => $reason unless $ENV{CI};
    give_up('what this test takes is there', $reason);
}

sub give_up ($name, $reason) {
    fail($name);
    diag($reason);
    done_testing();
    exit 1;
}

sub missing_modules () {
    my %options = phone_options('conf');
    return grep { !defined module_file($_) } @{ $options{modules} };
}

use constant {
    LISTENS => q{return document.getElementById('state').textContent.startsWith('Listening')},
    IS_OVER => q{return !document.getElementById('call').hidden && document.getElementById('verdict').textContent},
    ENTER   => "\x{E007}",
    TAB     => "\x{E004}",
    ESCAPE  => "\x{E00C}",
};

# --- The server and the browser -----------------------------------------------------------------------------

my $TREE = in_tree('private/phone');
make_path($TREE);
write_secret("$TREE/key",   "demo $KEY{demo}\n");
write_secret("$TREE/token", "$TOKEN{demo}\n");
my $WHY_NO_IVR = EncGather::Ivr::what_is_missing("$ENV{ENCGATHER_OUT}/twilio");
my $ivr = EncGather::Ivr->new(script => in_tree('../conf/demo/ivr.js'), token => $TOKEN{demo}, log => "$TREE/logs/app_log", paths => [ivr_paths()]);
my $server = private_server('phone',
    phone_options(in_tree('../conf'), $ivr->port),
    values   => { KEY_FILE => "$TREE/key", TOKEN_FILE => "$TREE/token", DATABASE => in_tree('conf/accounts.db') },
);
install_phone(in_tree('../conf'), $TREE, $TOKEN{demo}, $WHY_NO_IVR);
$server->start ? pass('the demo starts with its phone') : give_up('the demo starts with its phone', $server->error);
my $ORIGIN = 'http://127.0.0.1:' . $server->port;

my $browser = EncGather::Browser->new(dir => in_tree('private/browser'));
my $problem = $browser->start;
$problem eq '' ? pass('a browser starts') : give_up('a browser starts', $problem);
END { local $?; $browser->stop if $browser }

# A page that is ready for calls.
sub open_phone () {
    $browser->open_page("$ORIGIN/");
    return ok $browser->wait_for(q{return document.getElementById('state').textContent === 'Ready to call.'}), 'the page is ready';
}

sub lines ($id) {
    return @{ $browser->script(q{return Array.from(document.querySelectorAll(`#${arguments[0]} li`), (one) => one.textContent)}, $id) };
}

sub text_of ($id) {
    return $browser->script('return document.getElementById(arguments[0]).textContent', $id);
}

sub class_of ($id) {
    return $browser->script('return document.getElementById(arguments[0]).className', $id);
}

sub focused () {
    return $browser->script(q{return document.activeElement.id || document.activeElement.dataset.key || document.activeElement.nodeName});
}

# A caller with a mouse; each of the keys strings answers one question, undef is "Say nothing".
sub call_by_mouse (@keys) {
    remember(@keys);
    return call_and_key_in(@keys);
}

sub call_and_key_in (@keys) {
    $browser->click('#call');
    for my $keys (@keys) {
        listens() or last;
        $browser->click($_) for defined $keys ? map({ qq([data-key="$_"]) } split //, $keys) : '#silence';
    }
    return is_over();
}

# The page leaves this state with the last key of an answer, so this waits for the next question.
sub listens () {
    return $browser->wait_for(LISTENS) || diag('it does not listen: ', text_of('state'), ' ', join ' | ', lines('transcript'));
}

sub is_over () {
    return ok($browser->wait_for(IS_OVER), 'the call ends') || diag(join "\n", lines('transcript'));
}

# The voice's sentences between them come from the module, whose wording is free.
sub transcript_is ($name, @patterns) {
    my @lines = lines('transcript');
    my @wrong = grep { !defined $lines[$_] || $lines[$_] !~ $patterns[$_] } 0 .. $#patterns;
    return ok(@lines == @patterns && !@wrong, $name) || diag(join "\n", "lines @wrong of:", @lines);
}

# What Apache logged of the call, in the page and in the log itself; no digits there, all of them in "before".
sub logs_are ($name, $results, @digits) {
    my @access = lines('access_log');
    my ($sid)  = text_of('before') =~ /Call(?:Sid|UUID): '([^']{34,36})'/;
    is_deeply [ map { /result=(\S+) signature=valid\z/ } @access ], $results, "$name: one line for each request";
    my %logs = %{ $server->logs };
    is_deeply \@access, [ grep { /\Q$sid\E/ } split /\n/, $logs{access_log} ], "$name: they are Apache's own";
    is_deeply [ lines('error_log') ], ['No line about this call.'], "$name: nothing to complain about";
    is_deeply [ map { leaks($_, @digits) } map({ text_of($_) } qw(access_log error_log)), values %logs ], [], "$name: no digits in any log";
    is_deeply [ grep { text_of('before') !~ /Digits: '\Q$_\E'/ } @digits ], [], "$name: but in what others would have logged";
    like text_of('verdict'), @digits ? qr/^\d+ lines? .* none holds $digits[0]\b/ : qr/^\d+ lines about this call\.\z/, "$name: the page says so";
    return;
}

my ($BEGINS, $ASKS, $ENDS) = (qr/^The call begins\.\z/, qr/^Voice: .{10}/, qr/^The server/);

sub keyed ($keys) {
    my $spaced = join ' ', split //, $keys;
    return qr/^You: keyed in \Q$spaced\E\z/;
}

# --- Callers ------------------------------------------------------------------------------------------------

open_phone();
like text_of('voice-hint'), qr/no voice/, 'this browser has no voice, and the page says so';

call_by_mouse('1234', '4321');
transcript_is('a known caller hears account and balance',
    $BEGINS, $ASKS, keyed('1234'), $ASKS, keyed('4321'), qr/^Voice: .*AC12345678.*12\.55/, $ENDS);
logs_are('known', [qw(asked asked found)], '1234', '4321');
is focused(), 'call', 'the focus is back at "Call"';
like text_of('said'), qr/^“.*12\.55.*”\z/, 'the last sentence stays on the display';
shoot('call');

call_by_mouse('1234', '9999');
transcript_is('an unknown caller does not', $BEGINS, $ASKS, keyed('1234'), $ASKS, keyed('9999'), qr/^Voice: (?!.*AC12345678)/, $ENDS);
logs_are('unknown', [qw(asked asked not-found)], '1234', '9999');

call_by_mouse('12#', '1#', '417#');
transcript_is('wrong digits are asked for again, three times in all',
    $BEGINS, ($ASKS, keyed('12#')), ($ASKS, keyed('1#')), ($ASKS, keyed('417#')), $ASKS, $ENDS);
logs_are('wrong', [qw(asked asked-again asked-again invalid)], '417');

call_by_mouse('12#', '1234', '4321');
transcript_is('and who gets them right then goes on', $BEGINS, $ASKS, keyed('12#'), $ASKS, keyed('1234'), $ASKS, keyed('4321'),
    qr/12\.55/, $ENDS);

my $SILENCE = qr/^You: said nothing\z/;
call_by_mouse(undef, undef, undef);
transcript_is('no input is asked for again, three times in all', $BEGINS, ($ASKS, $SILENCE) x 3, $ASKS, $ENDS);
logs_are('no input', [qw(asked asked-again asked-again invalid)]);

# --- Other providers ------------------------------------------------------------------------------------------

for my $provider (qw(signalwire plivo)) {
    $browser->script(q{document.getElementById('provider').value = arguments[0]}, $provider);
    call_by_mouse(undef, '1234', '4321');
    transcript_is("$provider: a caller who is silent first", $BEGINS, $ASKS, $SILENCE, $ASKS, keyed('1234'), $ASKS, keyed('4321'),
        qr/^Voice: .*AC12345678.*12\.55/, $ENDS);
    logs_are($provider, [qw(asked asked-again asked found)], '1234', '4321');
    my ($path) = text_of('access_log') =~ m{"POST (/\w+)};
    is $path, "/$provider", "$provider: at its own location";
}

# --- By keyboard alone --------------------------------------------------------------------------------------

open_phone();
my @way;
for (1 .. 20) {
    $browser->type_keys(TAB);
    push @way, focused();
    last if $way[-1] eq 'call';
}
is_deeply \@way, ['call'], 'the first stop of the Tab key is "Call"';
isnt $browser->script(q{return getComputedStyle(document.activeElement).outlineStyle}), 'none', 'and the focus shows';
$browser->type_keys(ENTER);
listens();
is focused(), 'keypad', 'the focus goes on to the keypad';
$browser->type_keys(split //, '1234');
listens();
$browser->type_keys((TAB) x 4, ENTER);    # 1, 2, 3, 4
is focused(), '4', 'each key can be reached';
$browser->type_keys(split //, '321');
is_over();
transcript_is('a call by keyboard', $BEGINS, $ASKS, keyed('1234'), $ASKS, keyed('4321'), qr/12\.55/, $ENDS);
is focused(), 'call', 'the focus is back at "Call"';

$browser->type_keys(ENTER);
listens();
$browser->type_keys('1', ESCAPE);
is_over();
transcript_is('Escape hangs up', $BEGINS, $ASKS, qr/^You hung up\.\z/);

@way = ();
for (1 .. 12) {
    $browser->type_keys(TAB);
    push @way, focused();
}
is_deeply \@way, [qw(provider answers try-signature try-bit try-backend try-replay transcript status before access_log error_log BODY)], 'between calls only what can be used is on the way';

# --- TwiML that this server does not write --------------------------------------------------------------------
# The answers come from the page itself, which asks by fetch(). One names a sound that is not there and one is no XML,
# which the console tells of, so that is read before and thrown away behind.

sub console () {
    return map { "$_->{level} $_->{message}" } $browser->log_entries('browser');
}

my @console = console();

sub scripted_call ($keys, @documents) {
    $browser->script(<<'JS', [ map { qq(<?xml version="1.0"?><Response>$_</Response>) } @documents ]);
window.sent = [];
const [answers, real] = [arguments[0], window.realFetch ??= window.fetch];
window.fetch = (url, options) => {
    if (new URL(url, location).pathname.startsWith('/logs/')) return real(url, options);
    window.sent.push(`${options.method} ${url.replace(location.origin, '').replace(/\?.*/, '')}`);
    return Promise.resolve(new Response(answers.shift(), { headers: { 'Content-Type': 'text/xml' } }));
};
JS
    $browser->click('#call');
    $browser->wait_for(q{return document.getElementById('state').textContent === 'A pause.'}) if length $keys;
    $browser->type_keys(split //, $keys) if length $keys;
    $browser->wait_for(q{return !document.getElementById('call').hidden}) || diag(join "\n", lines('transcript'));
    return $browser->script('return window.sent');
}

is_deeply scripted_call('', '<Pause/><Redirect method="GET">/more/a</Redirect>', '<Redirect>b</Redirect>', '<Hangup/>'),
    [ 'POST /encrypted-gather', 'GET /more/a', 'POST /more/b' ], 'Redirect, relative and by GET';
scripted_call('', '<Say>a</Say><Say loop="2">b  &amp; c</Say><Play>/x.wav</Play>');
transcript_is('Say, Play, and instructions that run out', $BEGINS, qr/^Voice: a\z/, (qr/^Voice: b & c\z/) x 2,
    qr{^Voice: \(plays http://127\.0\.0\.1:\d+/x\.wav\)}, qr/instructions end/);
scripted_call('', '<Gather timeout="1"><Say>a</Say></Gather><Say>b</Say>');
transcript_is('silence until the timeout falls through to what follows', $BEGINS, qr/a\z/, $SILENCE, qr/b\z/, qr/instructions end/);
is_deeply scripted_call('', '<Gather timeout="1" action="/empty" actionOnEmptyResult="true"/>', '<Reject/>'),
    [ 'POST /encrypted-gather', 'POST /empty' ], 'unless the empty result is asked for';
is_deeply scripted_call('7*', '<Gather timeout="5" numDigits="9" finishOnKey="*" action="/x"><Pause length="60"/></Gather>', ''),
    [ 'POST /encrypted-gather', 'POST /x' ], 'a key stops the prompt, another one ends the input';
for my $case ([ '<Dial>1</Dial>' => qr/<Dial> is no verb/ ], [ '<Say>' => qr/not TwiML/ ],
    [ '<Redirect>https://example.com/</Redirect>' => qr{https://example\.com/ is not at this server} ]) {
    scripted_call('', $case->[0]);
    like text_of('state'), $case->[1], "the end of a call: $case->[0]";
    is class_of('state'), 'failed', 'shown as a failure';
}
console();

# --- With a voice -------------------------------------------------------------------------------------------
# One that belongs to this machine and speaks until it is stopped, and one of somebody else's network.

my $fake = $browser->devtools('Page.addScriptToEvaluateOnNewDocument', source => <<'JS');
const far = { localService: false, lang: 'en-US', name: 'far' };
const near = { localService: true, lang: 'en-GB', name: 'near' };
window.spoken = [];
window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
const engine = {
    getVoices: () => [far, near],
    addEventListener() {},
    speak(one) { window.spoken.push(`${one.voice.name}: ${one.text}`); this.one = one; },
    cancel() { this.one?.onend(); },
};
Object.defineProperty(window, 'speechSynthesis', { value: engine });
JS
open_phone();
$browser->click('#call');
ok $browser->wait_for('return window.spoken.length'), 'the page speaks';
like $browser->script('return window.spoken[0]'), qr/^near: \w/, 'with a voice of this machine';
like text_of('state'), qr/speaks/, 'and does not listen yet';
$browser->type_keys('1');
ok $browser->wait_for(LISTENS), 'the first key stops the voice';
$browser->type_keys(ESCAPE);
is_over();
$browser->click('#voice');
$browser->script('window.spoken.length = 0');
call_by_mouse('1234', '4321');
is $browser->script('return window.spoken.length'), 0, 'it is silent where it is switched off';
$browser->devtools('Page.removeScriptToEvaluateOnNewDocument', identifier => $fake->{identifier});

# --- For everybody ------------------------------------------------------------------------------------------

my %CONTROL = map { $_ => 1 } qw(button checkbox link textbox searchbox combobox listbox slider spinbutton radio switch tab
    menuitem group region log dialog img heading);

# Role and name of what assistive technology is told of.
sub accessible_things () {
    my $tree = $browser->devtools('Accessibility.getFullAXTree');
    return map { [ $_->{role}{value}, $_->{name}{value} // '' ] } grep { !$_->{ignored} && $CONTROL{ $_->{role}{value} } } @{ $tree->{nodes} };
}

open_phone();
for my $when ('between calls', 'in a call') {
    my @things = accessible_things();
    my %count;
    $count{ $_->[0] }++ for @things;
    cmp_ok $count{button}, '>=', 13, "$when: assistive technology sees the buttons";
    is $count{log}, 1, "$when: and the transcript as a log";
    is_deeply [ grep { $_->[1] !~ /\S/ } @things ], [], "$when: nothing is without a name";
    next if $when eq 'in a call';
    $browser->click('#call');
    listens();
    shoot('listens');
}
is $browser->script(q{return document.getElementById('transcript').ariaLive}), 'polite', 'the transcript is announced';
$browser->click('#hang-up');
is_over();

# Of all texts against what is behind them, as WCAG 2.2 computes it; disabled buttons are exempt.
my $CONTRAST = <<'JS';
const rgb = (colour) => colour.match(/[\d.]+/g).map(Number);
const light = (colour) => rgb(colour).slice(0, 3).map((c) => c / 255).map((c) => (c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4))
    .reduce((sum, c, n) => sum + c * [.2126, .7152, .0722][n], 0);
const opaque = (one) => { const c = rgb(getComputedStyle(one).backgroundColor); return c.length < 4 || c[3] > 0; };
const behind = (one) => (opaque(one) || !one.parentElement ? getComputedStyle(one).backgroundColor : behind(one.parentElement));
const ratio = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
return Array.from(document.body.querySelectorAll('*')).filter((one) => one.checkVisibility() && !one.closest(':disabled')
        && Array.from(one.childNodes).some((node) => node.nodeType === 3 && node.data.trim()))
    .map((one) => [ratio(light(getComputedStyle(one).color), light(behind(one))), one.outerHTML.slice(0, 80)])
    .filter(([value]) => value < 4.5).map(([value, what]) => `${value.toFixed(2)} ${what}`);
JS

sub scheme ($name, $motion = 'no-preference') {
    $browser->devtools('Emulation.setEmulatedMedia', features => [
        { name => 'prefers-color-scheme', value => $name }, { name => 'prefers-reduced-motion', value => $motion } ]);
    return;
}

sub width ($pixels, $height = 800) {
    $browser->devtools('Emulation.setDeviceMetricsOverride', width => $pixels, height => $height, deviceScaleFactor => 1, mobile => JSON::PP::false);
    return;
}

my %page;
for my $scheme (qw(light dark)) {
    scheme($scheme);
    call_by_mouse('1234', '4321');
    $page{$scheme} = $browser->script('return getComputedStyle(document.body).backgroundColor');
    is_deeply $browser->script($CONTRAST), [], "$scheme: all texts can be told from what is behind them";
    for my $width (320, 768, 1280) {
        width($width);
        cmp_ok $browser->script('return document.documentElement.scrollWidth'), '<=', $width, "$scheme, $width pixels: nothing sticks out";
        is_deeply [ axe_findings($browser) ], [], "$scheme, $width pixels: nor does axe find anything" if $width != 768;
        shoot("$scheme-$width");
    }
}
isnt $page{light}, $page{dark}, 'light and dark differ';
scheme('light', 'reduce');
is $browser->script(q{return getComputedStyle(document.querySelector('.timer')).display}), 'none', 'who wants no motion sees none';

# --- What the module is for ------------------------------------------------------------------------------------

scheme('light');
width(390, 844);
open_phone();
$browser->click('#call');
listens();
is_deeply $browser->script(<<'JS'), [], 'on a phone the question is in sight while one keys in';
return ['#said', '[data-key="1"]', '[data-key="#"]', '#hang-up'].filter((one) => {
    const { top, bottom } = document.querySelector(one).getBoundingClientRect();
    return top < 0 || bottom > innerHeight || !document.querySelector(one).textContent;
});
JS
shoot('listens-390');
$browser->type_keys(ESCAPE);
is_over();
console();

for my $case (
    [ signature => qr/answered 403: .*signature/,                 'forbidden' ],
    [ bit       => qr/“.*” A token opens whole or not at all/,    'asked asked unavailable' ],
    [ backend   => qr/“.*” and not silence/,                      'asked asked unavailable' ],
    [ replay    => qr/as before.*refused with 400/,               'asked asked found found asked malformed' ],
) {
    my ($name, $why, $results) = @$case;
    $browser->click("#try-$name");
    ok $browser->wait_for(q{return /good|failed/.test(document.getElementById('state').className)}), "$name: the page says how it went";
    like text_of('state'), $why, "$name: what the module answered, and why";
    is class_of('state'), 'good', "$name: the logs agree" or diag join "\n", map { lines($_) } qw(transcript access_log error_log);
    is join(' ', map { /result=(\S+)/ } lines('access_log')), $results, "$name: what Apache did";
    cmp_ok $browser->script(q{return document.querySelectorAll('#error_log .failed').length}), '>=', 1, "$name: what failed can be told in the log";
    like text_of('verdict'), qr/none holds|lines? about this call\.\z/, "$name: and there are no digits in it";
    is_deeply [ grep { !/ 40[03] / } console() ], [], "$name: nothing else in the console";
    my $link = $browser->script(q{return document.getElementById('status').href});
    my ($call) = $link =~ m{^\Q$ORIGIN\E/encgather-status\?call=(\w+)\z};
    like get($ORIGIN =~ s{^http://}{}r, "/encgather-status?format=text&call=$call", token => undef)->content, qr/$call/, "$name: the status page knows it" if ok $call, "$name: a link to the status page";
    shoot("try-$name");
}
is_deeply $browser->script($CONTRAST), [], 'all texts can be told from what is behind them, failures too';
is_deeply [ axe_findings($browser) ], [], 'axe finds nothing';
width(1280);

# --- An application that exists already ---------------------------------------------------------------------

sub choose ($what, $value) {
    $browser->script('const one = document.getElementById(arguments[0]); one.value = arguments[1]; one.dispatchEvent(new Event("change"))', $what, $value);
    return;
}

sub can_be_chosen () {
    return $browser->script(q{return Array.from(document.querySelectorAll('#answers option:enabled'), (one) => one.value)});
}

# To an IVR that takes a card number and a PIN, and says so.
sub pay_by_phone ($answers, $card, $pin) {
    choose(answers => $answers);
    call_and_key_in('2', "$card#", $pin);
    transcript_is("$answers: a caller pays a bill",
        $BEGINS, $ASKS, keyed('2'), $ASKS, keyed("$card#"), $ASKS, keyed($pin), qr/^Voice: Thank you/, $ENDS);
    is scalar(lines('access_log')), 4, "$answers: a line of Apache for each request";
    is scalar(lines('app_log')),    5, "$answers: one of the IVR, too, and one of the payment";
    return join "\n", lines('app_log');
}

sub calls_to_an_ivr () {
    open_phone();
    is_deeply can_be_chosen(), [qw(own plain shielded)], 'an IVR may answer, too';
    choose(provider => 'plivo');
    my ($card, $pin) = ('7011000990139421', '6*72');    # the logs hold them: nobody may look for them at the end of the suite
    like pay_by_phone('plain', $card, $pin), qr/Digits: '$card'.*Digits: '\Q$pin\E'/s, 'plain: the IVR has written both down';
    like text_of('verdict'), qr/^Digits in clear in [4-9] of 9 lines/, 'plain: the page says so';
    is text_of('provider') && $browser->script(q{return document.getElementById('provider').value}), 'twilio', 'plain: it is one for Twilio';

    ($card, $pin) = remember('4111111111111111', '4321');
    my $log = pay_by_phone('shielded', $card, $pin);
    like $log, qr/Digits: '2'/, 'shielded: the IVR has the key of its menu';
    is_deeply [ map { scalar open_token($_) } $log =~ /^payment \S+ (\S+) (\S+)$/m ], [ $card, $pin ], 'shielded: and tokens of card and PIN';
    is_deeply [ leaks($log, $card, $pin) ], [], 'shielded: but neither itself';
    is_deeply [ map { /result=(\S+) signature=valid\z/ } lines('access_log') ], [qw(passed passed shielded shielded)], 'shielded: what Apache did';
    like text_of('verdict'), qr/^9 lines .* none holds $card or $pin\.\z/, 'shielded: the page says so';
    is_deeply $browser->script($CONTRAST), [], 'shielded: all texts can be told from what is behind them';
    width(320);
    cmp_ok $browser->script('return document.documentElement.scrollWidth'), '<=', 320, 'shielded: nothing sticks out';
    shoot('shielded');
    width(1280);
    choose(answers => 'own');
    call_by_mouse('1234', '4321');
    logs_are('and this module again', [qw(asked asked found)], '1234', '4321');
    return;
}

# Where it should run it must.
if (!$WHY_NO_IVR && $ivr->start) { calls_to_an_ivr() }
elsif ($ENV{CI})                 { fail('an IVR answers'); diag($WHY_NO_IVR, slurp_if_there("$TREE/logs/app_log")) }
else                             { note("no IVR: $WHY_NO_IVR") }

install_phone(in_tree('../conf'), $TREE, $TOKEN{demo}, 'there is no Node.js');
open_phone();
is_deeply can_be_chosen(), ['own'], 'without Node.js only this module answers';
like text_of('answers-hint'), qr/It is not here: there is no Node\.js\z/, 'and the page says why';
install_phone(in_tree('../conf'), $TREE, $TOKEN{demo}, $WHY_NO_IVR);

# Pictures for whoever wants to look at them.
sub shoot ($name) {
    return unless $ENV{ENCGATHER_SHOTS};
    open my $file, '>:raw', in_tree("private/phone/$name.png") or die "$name.png: $!";
    print {$file} $browser->screenshot;
    close $file or die "$name.png: $!";
    return;
}

# --- What the browser has to say ----------------------------------------------------------------------------

is_deeply [ @console, console() ], [], 'nothing in the console';
my @asked = map { $_->{params}{request}{url} } grep { $_->{method} eq 'Network.requestWillBeSent' } $browser->log_entries('performance');
cmp_ok scalar @asked, '>', 50, 'the browser tells of its requests';
is_deeply [ grep { !m{^(?:\Q$ORIGIN\E/|chrome:|data:|about:)} } @asked ], [], 'and of none to another host';

# --- Who may ask --------------------------------------------------------------------------------------------

my $csp = get($ORIGIN =~ s{^http://}{}r, '/', token => undef);
like $csp->header('Content-Security-Policy'), qr/^default-src 'self';/, 'the page has a policy for its contents';
is get($ORIGIN =~ s{^http://}{}r, $_, token => undef, host => 'attacker.example')->code, 403, "$_: not under another name"
    for qw(/ /demo.json /logs/access_log /logs/error_log);
is get($ORIGIN =~ s{^http://}{}r, $_, token => undef)->code, 404, "$_: not there"
    for qw(/logs/ /logs/startup_log /conf/httpd.conf /key);

ok $browser->stop, 'the browser ends';
is_deeply [ EncGather::Browser::processes_of(in_tree('private/browser')) ], [], 'and leaves no process';
ok $server->stop, 'the server ends';
log_is_clean($server, qr/AH01630:/, map { qr/$_:/ } qw(EG0301 EG0402 EG0406 EG0501));
finish();
