# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# What the caller hears and what follows: sentences with the backend's members in them, voices, redirections, TwiML of the
# backend's own; and what goes to the backend beside the fields.
use strict;
use warnings;
use utf8;
use feature 'signatures';
no warnings 'experimental::signatures';

use Encode qw(encode_utf8);
use IO::Socket::INET;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);

use lib 't/lib';
use EncGather::Backend;
use EncGather::Caller;
use EncGather::Signature qw(form_decode);
use EncGather::Test;

use constant MOST => 65_536;    # bytes of TwiML that Twilio takes

sub free_port () { return IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport }

my $PORT         = free_port();
my $HOST         = "127.0.0.1:$PORT";
my $BACKEND_PORT = free_port();
my $KEYS         = in_tree('conf/keys');
my $VARS_LOG     = in_tree('logs/vars_log');
my $CALL         = 'CA' . '6' x 32;

my ($CARD, $PIN) = @SECOND_ACCOUNT;
my $CARD_TOKEN   = seal($CARD);
my $LAST_STEP    = "?step=processData&encryptedCardDigits=$CARD_TOKEN";

# --- A backend that answers as it was told last ------------------------------------------------------------------

{
    package Scripted;
    our @ISA = ('EncGather::Backend');

    # Pieces of bytes, with so many seconds after each.
    sub will_send ($self, $pause, @pieces) {
        open my $file, '>', "$self->{record}.answer" or die "$self->{record}.answer: $!";
        print {$file} JSON::PP->new->latin1->encode([ $pause, @pieces ]);
        close $file or die "$self->{record}.answer: $!";
        return;
    }

    sub will_answer ($self, $status, $type, $body) {
        my $types = defined $type ? "Content-Type: $type\r\n" : '';
        return $self->will_send(0, "HTTP/1.1 $status\r\n${types}Content-Length: @{[ length $body ]}\r\nConnection: close\r\n\r\n$body");
    }

    sub _answer ($self, $connection, $life) {
        my $request = EncGather::Backend::_read_request($connection) or return;
        $self->_record($request);
        open my $file, '<', "$self->{record}.answer" or return;
        my ($pause, @pieces) = @{ JSON::PP->new->latin1->decode(do { local $/; <$file> }) };
        for my $piece (@pieces) {
            EncGather::Backend::_send($connection, $piece) or return;
            select undef, undef, undef, $pause if $pause;
        }
        return;
    }
}

# --- Configuration -----------------------------------------------------------------------------------------------

sub at ($path, @lines) { return join "\n", qq(<Location "$path">), @lines, '</Location>', '' }

# An argument of a directive, whatever is in it.
sub quoted ($text) { return '"' . ($text =~ s/([\\"])/\\$1/gr) . '"' }

my $UNAVAILABLE = 'Please try again later.';
my $base        = <<"CONF";
EncGatherKeyFile $KEYS/demo.key
EncGatherAuthTokenFile $KEYS/auth-tokens
CustomLog "$VARS_LOG" "%{X-Test-Id}i call=%{ENCGATHER_CALL}e step=%{ENCGATHER_STEP}e result=%{ENCGATHER_RESULT}e signature=%{ENCGATHER_SIGNATURE}e \\"%r\\" %>s %b"
ProxyTimeout 10
<Location "/">
    SetHandler encrypted-gather
    EncGatherBackend http://127.0.0.1:$BACKEND_PORT/lookup
</Location>
CONF

# template, members as JSON, what is said
my @SAID = (
    [ 'No placeholder at all.',               '{}',                                   'No placeholder at all.' ],
    [ '%{name}',                              '{"name":"Zoë"}',                       'Zoë' ],
    [ 'Hello %{name}, and %{name}!',          '{"name":"Zoë"}',                       'Hello Zoë, and Zoë!' ],
    [ '%{a}%{b}%{spell:a}',                   '{"a":"12","b":"x"}',                   '12x1 2' ],
    [ 'empty: "%{a}%{spell:a}"',              '{"a":""}',                             'empty: ""' ],
    [ 'balance %{b}',                         '{"b":"12.50"}',                        'balance 12.50' ],
    [ '%{b}',                                 '{"b":"  two  blanks  "}',              '  two  blanks  ' ],
    # what is near a placeholder and is none
    [ '5 % of %a {a} $ %%{a}} %',             '{"a":"x"}',                            '5 % of %a {a} $ %x} %' ],
    [ '%{the.very-long_name 1}',              '{"the.very-long_name 1":"x"}',         'x' ],
    [ '%{Kontostand in €}',                   '{"Kontostand in €":"x"}',              'x' ],
    [ '%{SPELL:a} %{spelling}',               '{"SPELL:a":"12","spelling":"34"}',     '12 34' ],
    [ '%{spell:spell:a}',                     '{"spell:a":"12"}',                     '1 2' ],
    [ '%{a}',                                 '{"a":"%{b}","b":"x"}',                 '%{b}' ],
    [ '%{a} %{b}',                            '{"a":"1","b":"2","c":null,"d":[{}]}',  '1 2' ],
    # numbers
    (map { [ '%{n}', qq({"n":$$_[0]}), $$_[1] ] }
        [ '0',                    '0' ],                    [ '42',                   '42' ],
        [ '-7',                   '-7' ],                   [ '9007199254740993',     '9007199254740993' ],
        [ '9223372036854775807',  '9223372036854775807' ],  [ '-9223372036854775808', '-9223372036854775808' ],
        [ '12.50',                '12.5' ],                 [ '100.0',                '100' ],
        [ '12.55',                '12.55' ],                [ '0.1',                  '0.1' ],
        [ '1e2',                  '100' ],                  [ '1E+2',                 '100' ],
        [ '-0.5',                 '-0.5' ],                 [ '1049.90',              '1049.9' ],
        [ '3.141592653589793',    '3.141592653589793' ],    [ '0.30000000000000004',  '0.30000000000000004' ],
        [ '123456789012345.0',    '123456789012345' ],      [ '0.07',                 '0.07' ],
        [ '1.5e300',              '1.5e300' ]),
    [ '%{yes} or %{no}',                      '{"yes":true,"no":false}',              'true or false' ],
    # spelled
    (map { [ '%{spell:s}', qq({"s":$$_[0]}), $$_[1] ] }
        [ '"AC12345678"', 'A C 1 2 3 4 5 6 7 8' ],   [ '"Zoë"',        'Z o ë' ],          [ '"日本語"',     '日 本 語' ],
        [ '"a😀b"',       'a 😀 b' ],                [ '"A B"',        'A   B' ],          [ '"x"',          'x' ],
        [ '417',          '4 1 7' ],                 [ '-1',           '- 1' ],            [ '12.50',        '1 2 . 5' ],
        [ '100.0',        '1 0 0' ],                 [ 'true',         't r u e' ],        [ '"\u00e9<&"',   'é < &' ]),
    # markup, from both sides
    [ q(A & B < C > D " E ' F &amp; <b>]]></b>), '{}',                                q(A & B < C > D " E ' F &amp; <b>]]></b>) ],
    [ '<%{a}>',                               '{"a":"A&B <\"x\"> \'y\' &lt; ]]> <!-- -->"}', q(<A&B <"x"> 'y' &lt; ]]> <!-- -->>) ],
    [ '%{a}',                                 '{"a":"</Say><Dial>+1</Dial><Say>"}',   '</Say><Dial>+1</Dial><Say>' ],
    # what XML has no way to say is left out
    [ "a\x01b\x0bc\x1fd\x7fe",                '{}',                                   "abcd\x7fe" ],
    [ '[%{a}]',                               '{"a":"a\u0001b\u0008c\u000bd\u001fe\u007ff\ufffeg\uffffh\u0085i"}', "[abcde\x7ffgh\x{85}i]" ],
    [ '[%{a}]',                               '{"a":"tab\tline\nend\r"}',             "[tab\tline\nend\r]" ],
    [ '%{a}',                                 '{"a":"\ud83d\ude00 \u20ac \ud7ff \ue000"}', "😀 € \x{d7ff} \x{e000}" ],
);

# members that leave a hole: template, JSON
my @HOLES = (
    [ '%{a}',              '{}' ],              [ '%{a}',           '{"A":"x","a ":"y"}' ],  [ '%{a}',       '{"a":null}' ],
    [ '%{a}',              '{"a":[]}' ],        [ '%{a}',           '{"a":["x"]}' ],         [ '%{a}',       '{"a":{}}' ],
    [ '%{a}',              '{"a":{"a":"x"}}' ], [ '%{spell:a}',     '{}' ],                  [ '%{spell:a}', '{"a":null}' ],
    [ 'x %{a} %{b} y',     '{"a":"x"}' ],       [ 'x %{a} %{b} y',  '{"b":"x"}' ],           [ '%{outcome}', '{"a":"x"}' ],
    [ '%{spell: a}',       '{"a":"x"}' ],       [ '%{a.b}',         '{"a":{"b":"x"}}' ],
);

my %EVENT = (found => 'You are in.', notfound => 'You are not in.', unavailable => $UNAVAILABLE, invalid => 'Not what we asked for.',
    locked => 'Locked.', again => 'Once more.');
my @ALL_SENTENCES = map { "EncGatherSay $_ " . quoted($EVENT{$_}) } sort keys %EVENT;

my @URL_PARTS = ('https://webhooks.example.com/flows/FW1?FlowEvent=return&outcome=', '&account=', '&name=');

my @LATER = (
    at('/events',    @ALL_SENTENCES),
    at('/capitals',  map { "EncGatherSay $$_[0] \"$$_[1]\"" } [ FOUND => 'In.' ], [ NotFound => 'Out.' ], [ Locked => 'Locked.' ]),
    at('/voiced',    @ALL_SENTENCES, 'EncGatherVoice Polly.Lupe es-US'),
    at('/voice',     @ALL_SENTENCES, 'EncGatherVoice alice'),
    at('/odd-voice', @ALL_SENTENCES, 'EncGatherVoice ' . quoted(q(a "b" & <c> 'd')) . ' ' . quoted('x&y')),
    at('/mixed',     @ALL_SENTENCES, 'EncGatherVoice Polly.Lupe es-US', 'EncGatherField encryptedCardDigits step=getLast4CC say=Card?',
        'EncGatherField encryptedPinDigits step=getPin voice=Polly.Mia say=PIN?'),
    at('/mixed/language', 'EncGatherField encryptedCardDigits step=getLast4CC say=Card?', 'EncGatherField encryptedPinDigits language=es-MX say=PIN?'),
    at('/no-one',    'EncGatherSay notfound "No %{what}, %{spell:code}."', 'EncGatherSay unavailable ' . quoted($UNAVAILABLE)),
    (map { at("/said/$_", 'EncGatherSay found ' . quoted($SAID[$_][0])) } 0 .. $#SAID),
    (map { at("/hole/$_", 'EncGatherSay found ' . quoted($HOLES[$_][0]), 'EncGatherSay unavailable ' . quoted($UNAVAILABLE)) } 0 .. $#HOLES),
    at('/then/redirect', @ALL_SENTENCES, map { "EncGatherThen $_ \"redirect=$URL_PARTS[0]%{outcome}\"" } qw(found notfound unavailable invalid locked)),
    at('/then/dial',     @ALL_SENTENCES, map { "EncGatherThen $_ dial=+15551234567" } qw(found notfound unavailable invalid locked)),
    at('/then/hangup',   @ALL_SENTENCES, map { "EncGatherThen $_ hangup" } qw(FOUND NotFound unavailable invalid locked)),
    at('/then/members',  @ALL_SENTENCES, "EncGatherThen found \"redirect=$URL_PARTS[0]%{outcome}$URL_PARTS[1]%{account}$URL_PARTS[2]%{name}\"",
        'EncGatherThen unavailable dial=110'),
    at('/then/one',      @ALL_SENTENCES, 'EncGatherThen notfound hangup'),
    at('/then/go-on',    @ALL_SENTENCES, 'EncGatherThen found redirect=/then/hangup?from=%{outcome}'),
    at('/twiml',         @ALL_SENTENCES, 'EncGatherThen found hangup', 'EncGatherVoice alice'),
    at('/forward',       @ALL_SENTENCES, 'EncGatherForward CallSid From To Missing tenant encryptedCardDigits encryptedPinDigits FromCity Empty'),
    at('/slow/1',        @ALL_SENTENCES, 'EncGatherTimeout 1'),
    at('/slow/30',       @ALL_SENTENCES, 'EncGatherTimeout 30'),
    at('/other-key',     "EncGatherKeyFile $KEYS/other.key", @ALL_SENTENCES),
    at('/spoken',        'EncGatherField word input=speech say=Word?', @ALL_SENTENCES),
    at('/large',         @ALL_SENTENCES, 'EncGatherSay found "%{a}"'),
    at('/large/spelled', 'EncGatherSay found "%{spell:a}"'),
    at('/large/url',     'EncGatherThen found redirect=https://h/?a=%{a}', 'EncGatherSay found "Bye."'),
    at('/large/again',   'EncGatherSay found "%{a}%{a}"'),
    at('/htaccess',      'SetHandler none'),
);

my $HTDOCS = in_tree('private/say/htdocs');
my $server = private_server('say', port => $PORT, modules => [qw(proxy proxy_http)], conf => encode_utf8(join '', $base, @LATER,
    "<Directory \"$HTDOCS\">\nAllowOverride All\nRequire all granted\n</Directory>\n"));
{
    my ($rc, $output) = $server->configtest;
    like $output, qr/\A[^\n]*EG0134: EncGatherTimeout 30 in [^\n]*\nSyntax OK\n\z/, 'a configuration with every event, and silent but for a timeout';
}
my $backend = Scripted->new(port => $BACKEND_PORT, record => in_tree('private/say/requests'));
ok $server->start, 'the server starts' or BAIL_OUT($server->error);

sub webhook ($target, @pairs) {
    return post($HOST, $target, [ CallSid => $CALL, @pairs ]);
}

# The last step of a call, and what the backend answers to it.
sub reply ($path, $status, $type, $body, @pairs) {
    $backend->will_answer($status, $type, encode_utf8($body));
    return webhook("$path$LAST_STEP", Digits => $PIN, @pairs);
}

sub reply_json ($path, $body)  { return reply($path, '200 OK', 'application/json', $body) }
sub not_found ($path, $body)   { return reply($path, '404 Not Found', 'application/json', $body) }
sub failing ($path)            { return reply($path, '500 Internal Server Error', 'text/plain', 'later') }
sub wrong_digits ($path, $attempt) { return webhook("$path$LAST_STEP&attempt=$attempt", Digits => '09') }

my $logged = 0;

sub new_log_lines ($pattern) {
    my $new = substr $server->error_log, $logged;
    $logged += length $new;
    return grep { $_ =~ $pattern } split /\n/, $new;
}

my $A_HOLE = qr/its answer has (?:no member '[^']+', which .* needs|a member '[^']+', which .* needs, but it is (?:null, or an integer of more than 64 bits|an array|an object))|larger than the 64 KiB that Twilio takes/;

# The sentence, one line in the error log, and in it the call, the reason and the card's token, but not the PIN's: that
# field is not the first, and so it is secret.
sub is_unavailable ($name, $response, $reason, @more_verbs) {
    my @lines = new_log_lines(qr/EG0501/);
    my $ok = answers($name, $response, twiml_answer('unavailable', call => $CALL, step => 'processData', signature => 'valid'));
    $ok &= is_deeply(twiml($response), [ [ 'Say', {}, $UNAVAILABLE ], @more_verbs ], "$name: the sentence for it");
    $ok &= is(scalar @lines, 1, "$name: one line in the error log");
    $ok &= like($lines[0] || '', qr/\[encgather:error\].* EG0501: call $CALL: .*$reason.*it was sent \{"encryptedCardDigits":"$CARD_TOKEN"\} and fields that are secret\z/,
        "$name: with the call, the reason, and the token that is not secret");
    return $ok;
}

# --- Each event has its sentence ------------------------------------------------------------------------------------

sub has_verbs ($name, $response, $result, @verbs) {
    answers($name, $response, twiml_answer($result, call => $CALL, signature => 'valid'));
    return is_deeply(twiml($response), \@verbs, "$name: verb for verb");
}

my %SAYS = map { $_ => [ 'Say', {}, $EVENT{$_} ] } keys %EVENT;

has_verbs('found',       reply_json('/events', '{}'),  'found',       $SAYS{found});
has_verbs('notfound',    not_found('/events', '{}'),   'not-found',   $SAYS{notfound});
has_verbs('unavailable', failing('/events'),           'unavailable', $SAYS{unavailable});
has_verbs('invalid',     wrong_digits('/events', 3),   'invalid',     $SAYS{invalid});
is_deeply [ said(reply_json('/capitals', '{}')) ], ['In.'],  'the name of an event in capitals';
is_deeply [ said(not_found('/capitals', '{}')) ],  ['Out.'], 'or in some';

for my $attempt (1, 2) {
    my $again = wrong_digits('/events', $attempt);
    my ($gather) = @{ twiml($again) };
    answers("again, attempt $attempt", $again, twiml_answer('asked-again', step => 'processData'));
    is_deeply $gather->[2], $SAYS{again}, "again, attempt $attempt: before the question";
    is scalar(@$gather), 4, "again, attempt $attempt: which is asked after it";
}
is scalar(my @said = said(webhook('/events'))), 1, 'again: not when a question is asked for the first time';
is scalar(@said = said(webhook('/events?step=getPin', Digits => $CARD))), 1, 'again: nor the next one';
is scalar(@said = said(webhook('/events?step=getPin&attempt=2', Digits => $CARD))), 1, 'again: nor the next one after an error';
is scalar(@said = said(wrong_digits('/no-one', 1))), 1, 'again: nothing is said before the question where it is not set';
new_log_lines(qr/./);

# --- Members in sentences -----------------------------------------------------------------------------------------------

sub shown ($text) { return encode_utf8($text) =~ s/[^ -~]/./gr }

for my $n (0 .. $#SAID) {
    my ($template, $json, $said) = @{ $SAID[$n] };
    my $name = shown("'$template' and $json");
    has_verbs($name, reply_json("/said/$n", $json), 'found', [ 'Say', {}, length $said ? $said : () ]);
}
for my $n (0 .. $#HOLES) {
    my ($template, $json) = @{ $HOLES[$n] };
    is_unavailable("'$template' and $json", reply_json("/hole/$n", $json), $A_HOLE);
}
is_unavailable("a name twice: which is meant?", reply_json('/events', '{"a":1,"a":2}'), qr/its answer is not a JSON object/);

has_verbs('404 with members', not_found('/no-one', '{"what":"luck","code":404}'), 'not-found', [ 'Say', {}, 'No luck, 4 0 4.' ]);
is_unavailable('404 without one of them', not_found('/no-one', '{"what":"luck"}'), $A_HOLE);
is_unavailable('404 and no JSON', reply('/no-one', '404 Not Found', 'text/html', '<html>'), $A_HOLE);
has_verbs('404 and no JSON, without members', reply('/events', '404 Not Found', 'text/html', '<html>'), 'not-found', $SAYS{notfound});
is scalar(new_log_lines(qr/\[encgather:warn\].*EG0502: call $CALL: .*EncGatherBackend/)), 1, 'which may be a wrong path, and says so';

# The bytes themselves: what a parser would have to undo.
is reply_json('/large', q({"a":"<&>\"'\r\n\t"}))->content,
    qq(<?xml version="1.0" encoding="UTF-8"?><Response><Say>&lt;&amp;&gt;"'&#xD;\n\t</Say></Response>), 'escaped as XML asks, and no more';

# Nothing is said rather than a number that a parser has rounded; other members are said.
is_unavailable('an integer beyond 64 bits', reply_json('/large', '{"a":18446744073709551616}'), $A_HOLE);
is +(said(reply_json('/large', '{"a":"x","b":18446744073709551616,"c":[-9223372036854775809]}')))[0], 'x', 'one that the sentence does not name';
is +(said(reply_json('/large', qq(\x{feff}{"a":"x"}))))[0], 'x', 'a byte order mark in front';
new_log_lines(qr/./);

# --- Voices ---------------------------------------------------------------------------------------------------------------

for my $case (
    [ '/voiced',    { voice => 'Polly.Lupe', language => 'es-US' } ],
    [ '/voice',     { voice => 'alice' } ],
    [ '/odd-voice', { voice => q(a "b" & <c> 'd'), language => 'x&y' } ],
) {
    my ($path, $voice) = @$case;
    is_deeply twiml(reply_json($path, '{}')),        [ [ 'Say', $voice, $EVENT{found} ] ],       "$path: found";
    is_deeply twiml(not_found($path, '{}')),         [ [ 'Say', $voice, $EVENT{notfound} ] ],    "$path: notfound";
    is_deeply twiml(failing($path)),                 [ [ 'Say', $voice, $EVENT{unavailable} ] ], "$path: unavailable";
    is_deeply twiml(wrong_digits($path, 3)),         [ [ 'Say', $voice, $EVENT{invalid} ] ],     "$path: invalid";
    my ($gather) = @{ twiml(wrong_digits($path, 1)) };
    is_deeply [ map { $_->[1] } @$gather[ 2, 3 ] ],  [ $voice, $voice ],                         "$path: again, and the question";
}
sub prompts ($response) { return [ map { [ @$_[ 1, 2 ] ] } grep { ref && ref ne 'HASH' } @{ twiml($response)->[0] } ] }
my $lupe = { voice => 'Polly.Lupe', language => 'es-US' };
is_deeply prompts(webhook('/mixed')), [ [ $lupe, 'Card?' ] ], 'a field without a voice has that of the call';
is_deeply prompts(wrong_digits('/mixed', 1)), [ map { [ { voice => 'Polly.Mia', language => 'es-US' }, $_ ] } 'Once more.', 'PIN?' ],
    'a field with a voice has the language of the call';
is_deeply prompts(wrong_digits('/mixed/language', 1)), [ map { [ { voice => 'Polly.Lupe', language => 'es-MX' }, $_ ] } 'Once more.', 'PIN?' ],
    'a field with a language has the voice of the call';
is_deeply twiml(reply_json('/mixed', '{}')), [ [ 'Say', $lupe, $EVENT{found} ] ], 'and the last sentence that of the call';

# --- What follows the sentence ----------------------------------------------------------------------------------------------

for my $case (
    [ '/then/redirect', sub ($event) { return [ 'Redirect', { method => 'POST' }, "$URL_PARTS[0]$event" ] } ],
    [ '/then/dial',     sub ($event) { return [ 'Dial', {}, '+15551234567' ] } ],
    [ '/then/hangup',   sub ($event) { return [ 'Hangup', {} ] } ],
) {
    my ($path, $then) = @$case;
    has_verbs("$path: found",       reply_json($path, '{}'),  'found',       $SAYS{found},       $then->('found'));
    has_verbs("$path: notfound",    not_found($path, '{}'),   'not-found',   $SAYS{notfound},    $then->('notfound'));
    has_verbs("$path: unavailable", failing($path),           'unavailable', $SAYS{unavailable}, $then->('unavailable'));
    has_verbs("$path: invalid",     wrong_digits($path, 3),   'invalid',     $SAYS{invalid},     $then->('invalid'));
    is_deeply [ map { $_->[0] } @{ twiml(wrong_digits($path, 1)) } ], ['Gather'], "$path: nothing follows a question";
}
has_verbs('hangup for one event', not_found('/then/one', '{}'), 'not-found', $SAYS{notfound}, [ 'Hangup', {} ]);
has_verbs('is not for another',   reply_json('/then/one', '{}'), 'found', $SAYS{found});
new_log_lines(qr/./);

for my $case (
    [ 'AC12345678',           'Zoë' ],
    [ 'a b+c&d=e%f#g?h/i;j',  '日本 "<>\' 😀' ],
    [ 'https://evil.test/?x', '&outcome=found' ],
    [ "line\nend\r\tx\x7f",   '' ],
    [ '~*()!$,:@.-_',         '%41' ],
) {
    my ($account, $who) = @$case;
    my $name     = shown("URL with '$account' and '$who'");
    my $response = reply_json('/then/members', JSON::PP->new->ascii->encode({ account => $account, name => $who, outcome => 'not this' }));
    my ($say, $redirect) = @{ twiml($response) };
    my $url   = $redirect->[2];
    my ($rest) = $url =~ /\A\Q$URL_PARTS[0]\Efound\Q$URL_PARTS[1]\E(.*)\z/;
    my ($one, $two, @more) = split /\Q$URL_PARTS[2]\E/, $rest, -1;
    is_deeply \@more, [], "$name: the URL is the operator's";
    is scalar(grep { /[^A-Za-z0-9._*%+-]/ } $one, $two), 0, "$name: what was put in cannot be taken for a part of it";
    is_deeply { form_decode("$URL_PARTS[0]found$URL_PARTS[1]$one$URL_PARTS[2]$two" =~ /\?(.*)/s) },
        { FlowEvent => 'return', outcome => 'found', account => encode_utf8($account), name => encode_utf8($who) }, "$name: and is read as it was";
}
for my $json ('{"account":12.50,"name":true}', '{"account":100.0,"name":false}') {
    my $url = twiml(reply_json('/then/members', $json))->[1][2];
    like $url, $json =~ /true/ ? qr/account=12\.5&name=true\z/ : qr/account=100&name=false\z/, "URL with $json";
}
for my $json ('{"account":"x"}', '{"name":"x"}', '{"account":"x","name":null}', '{"account":["x"],"name":"x"}') {
    is_unavailable("URL with $json", reply_json('/then/members', $json), $A_HOLE, [ 'Dial', {}, '110' ]);
}

# A whole call that goes on elsewhere.
{
    $backend->will_answer('200 OK', 'application/json', '{}');
    my $call = EncGather::Caller->new(url => "http://$HOST/then/go-on", token => $TOKEN{demo}, keys => [ $CARD, $PIN, ('09') x 3 ])->place;
    remember($CARD, $PIN);
    is $call->{error}, undef, 'redirect: a call without complaint';
    is $call->{ended}, 'hangup', 'redirect: it ends where it was sent to';
    is $call->{exchanges}[3]{url}, "http://$HOST/then/hangup?from=found", 'redirect: by this URL';
    is $call->{exchanges}[3]{method}, 'POST', 'redirect: with a POST';
}

# --- TwiML of the backend's own ---------------------------------------------------------------------------------------------

my $OWN = '<Response><Say voice="alice">Your balance is 12.50 &amp; more</Say><Hangup/></Response>';

sub large_twiml ($bytes) {
    my ($head, $tail) = ('<Response><Say>', '</Say></Response>');
    return $head . 'x' x ($bytes - length "$head$tail") . $tail;
}

for my $case (
    [ 'as it is',                 $OWN ],
    [ 'a declaration',            qq(<?xml version="1.0"?>$OWN) ],
    [ 'UTF-8 by name',            qq(<?xml version="1.0" encoding="UTF-8"?>\n$OWN\n) ],
    [ 'utf-8 in small letters',   qq(<?xml version='1.0' encoding='utf-8' standalone='yes'?>$OWN) ],
    [ 'a byte order mark',        "\x{feff}$OWN" ],
    [ 'letters',                  '<Response><Say>Año, 日本, 😀, &#233;</Say></Response>' ],
    [ 'an empty one',             '<Response/>' ],
    [ 'with blanks and lines',    "\n<Response >\n\t<Hangup />\n</Response  >\n\n" ],
    [ 'comments and CDATA',       "<!-- a -->\n<Response><!-- b --><Say><![CDATA[a < b & c]]></Say></Response><!-- c -->" ],
    [ 'verbs we do not know',     '<Response><Enqueue workflowSid="WW1"><Task>{"a":1}</Task></Enqueue></Response>' ],
    [ 'another <Gather>',         '<Response><Gather action="/x?a=1&amp;b=2" numDigits="1"><Say>1?</Say></Gather></Response>' ],
    [ 'just 64 KiB',              large_twiml(MOST) ],
) {
    my ($name, $document) = @$case;
    for my $type ('text/xml', 'application/xml', $name eq 'as it is' ? ('text/xml; charset=utf-8', 'Application/XML;charset="UTF-8"', 'TEXT/XML') : ()) {
        answers("TwiML, $name, $type", reply('/twiml', '200 OK', $type, $document),
            twiml_answer('found', step => 'processData', signature => 'valid', body => encode_utf8($document)));
    }
}

sub is_no_twiml ($name, $response, $reason = qr/its answer says XML but is not TwiML in UTF-8/) {
    return is_unavailable_in_voice($name, $response, $reason);
}

# The sentence for it has the voice of this location.
sub is_unavailable_in_voice ($name, $response, $reason) {
    my @lines = new_log_lines(qr/EG0501/);
    answers($name, $response, twiml_answer('unavailable', step => 'processData'));
    is_deeply twiml($response), [ [ 'Say', { voice => 'alice' }, $UNAVAILABLE ] ], "$name: the sentence for it";
    return like("@lines", qr/\A\S.* EG0501: call $CALL: .*$reason.*"encryptedCardDigits":"$CARD_TOKEN"/, "$name: and the reason");
}

new_log_lines(qr/./);
for my $case (
    [ 'nothing',                       '' ],
    [ 'blanks',                        "  \n" ],
    [ 'plain text',                    'Your balance is 12.50' ],
    [ 'JSON',                          '{"account":"x"}' ],
    [ 'cut off',                       substr $OWN, 0, -3 ],
    [ 'not closed',                    '<Response><Say>x</Response>' ],
    [ 'two roots',                     "$OWN$OWN" ],
    [ 'something behind it',           "$OWN x" ],
    [ 'something before it',           "x $OWN" ],
    [ 'a declaration that comes late', qq( <?xml version="1.0"?>$OWN) ],
    [ 'a root in small letters',       '<response><Say>x</Say></response>' ],
    [ 'another root',                  '<Answer><Say>x</Say></Answer>' ],
    [ 'a root with a prefix',          '<x:Response xmlns:x="urn:x"><x:Hangup/></x:Response>' ],
    [ 'a longer root',                 '<Responses><Say>x</Say></Responses>' ],
    [ 'a Response inside',             "<Answer>$OWN</Answer>" ],
    [ 'HTML',                          '<html><body>x</body></html>' ],
    [ 'an attribute twice',            '<Response><Say voice="a" voice="b">x</Say></Response>' ],
    [ 'an attribute without quotes',   '<Response><Say voice=a>x</Say></Response>' ],
    [ 'an entity that is not known',   '<Response><Say>&nbsp;</Say></Response>' ],
    [ 'a bare ampersand',              '<Response><Say>A & B</Say></Response>' ],
    [ 'a document type',               "<!DOCTYPE Response>$OWN" ],
    [ 'a document type behind a declaration', qq(<?xml version="1.0"?>\n<!DOCTYPE Response SYSTEM "file:///etc/passwd">\n$OWN) ],
    [ 'entities of its own',           '<!DOCTYPE Response [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><Response><Say>&b;</Say></Response>' ],
    [ 'another encoding by name',      qq(<?xml version="1.0" encoding="ISO-8859-1"?>$OWN) ],
    [ 'US-ASCII by name',              qq(<?xml version="1.0" encoding='us-ascii'?>$OWN) ],
    [ 'UTF-16 by name',                qq(<?xml version="1.0" encoding="UTF-16"?>$OWN) ],
    [ 'an encoding with blanks',       qq(<?xml version="1.0" encoding = "latin1"?>$OWN) ],
    [ 'a NUL',                         "<Response><Say>\0</Say></Response>" ],
    [ 'a control character',           "<Response><Say>\x01</Say></Response>" ],
    [ 'one as a reference',            '<Response><Say>&#1;</Say></Response>' ],
    [ 'U+FFFF',                        "<Response><Say>\x{ffff}</Say></Response>" ],
) {
    my ($name, $document) = @$case;
    { no warnings 'utf8'; is_no_twiml("no TwiML: $name", reply('/twiml', '200 OK', 'text/xml', $document)) }
}
for my $case (
    [ 'letters of ISO-8859-1',  "<Response><Say>A\xf1o</Say></Response>" ],
    [ 'the same, by its name',  qq(<?xml version="1.0" encoding="ISO-8859-1"?><Response><Say>A\xf1o</Say></Response>) ],
    [ 'UTF-16',                 Encode::encode('UTF-16', $OWN) ],
    [ 'UTF-16 without a mark',  Encode::encode('UTF-16BE', $OWN) ],
    [ 'a long form of "<"',     "\xc0\xbcResponse/>" ],
    [ 'half a character',       "<Response><Say>\xe2\x82</Say></Response>" ],
    [ 'a surrogate',            "<Response><Say>\xed\xa0\x80</Say></Response>" ],
) {
    my ($name, $document) = @$case;
    $backend->will_answer('200 OK', 'application/xml', $document);
    is_no_twiml("no TwiML: $name", webhook("/twiml$LAST_STEP", Digits => $PIN));
}
is_no_twiml('no TwiML: a byte more than 64 KiB', reply('/twiml', '200 OK', 'text/xml', large_twiml(MOST + 1)), qr/the answer is larger than 64 KiB/);
for my $type ('text/html', 'text/plain', 'application/json', 'application/xhtml+xml', 'image/svg+xml', undef) {
    is_no_twiml('TwiML as ' . ($type || 'nothing'), reply('/twiml', '200 OK', $type, $OWN), qr/its answer is not a JSON object/);
}
for my $status ('500 Internal Server Error', '403 Forbidden', '201 Created', '302 Found') {
    is_no_twiml("TwiML with status $status", reply('/twiml', $status, 'text/xml', $OWN), qr/it answered with status ${\ substr $status, 0, 3 }/);
}
for my $case ([ '400 Bad Request' => 'EG0402' ], [ '401 Unauthorized' => 'wants a password' ], [ '405 Method Not Allowed' => 'takes no POST' ], [ '415 Unsupported Media Type' => 'takes no application/json' ],
    [ '308 Permanent Redirect' => 'a redirect, which is never followed' ], [ '502 Bad Gateway' => 'its own log says why' ], [ '410 Gone' => '200 or 404 is expected' ]) {
    is_no_twiml("a hint for $$case[0]", reply('/twiml', $$case[0], 'text/xml', $OWN), qr/it answered with status \d+[:,] .*$$case[1]/);
}
for my $case ([ 'text/html; charset=x' => 'text/html, a page for people' ], [ undef, 'there is no Content-Type' ], [ "te\x{7f}xt/x;" => 'its Content-Type is odd' ],
    [ 'x/' . 'y' x 70 => 'its Content-Type is odd' ], [ 'Text/plain' => 'its Content-Type is Text/plain;' ]) {
    is_no_twiml("the type of what is no JSON, $$case[1]", reply('/twiml', '200 OK', $$case[0], '<p>'), qr/not a JSON object: wrong syntax at byte 1 of 3; .*$$case[1]/);
}
is_deeply twiml(reply('/twiml', '404 Not Found', 'text/xml', $OWN)), [ [ 'Say', { voice => 'alice' }, $EVENT{notfound} ] ], 'TwiML with status 404 is a no';

my $marked = reply('/twiml', '200 OK', 'text/xml', qq(\x{feff}<?xml version="1.0" encoding="ISO-8859-1"?>$OWN));
is_deeply [ said($marked) ], [$UNAVAILABLE], 'no TwiML: a byte order mark and another encoding by name';
for my $type ('text/xml-external-parsed-entity', 'application/xml-dtd') {
    is_deeply [ said(reply('/twiml', '200 OK', $type, $OWN)) ], [$UNAVAILABLE], "no TwiML: as $type";
}
new_log_lines(qr/./);

# --- How long answers may get -------------------------------------------------------------------------------------------------

for my $case (
    [ 'as it is',              '/large',         'x' x 65_000,          'found' ],
    [ 'twice its length',      '/large/again',   'x' x 32_000,          'found' ],
    [ 'spelled',               '/large/spelled', 'x' x 32_000,          'found' ],
    [ 'in a URL',              '/large/url',     'x' x 65_000,          'found' ],
) {
    my ($name, $path, $text, $result) = @$case;
    my $response = reply_json($path, qq({"a":"$text"}));
    answers("long, $name", $response, twiml_answer($result));
    cmp_ok length $response->content, '<=', MOST, "long, $name: Twilio takes it";
    like $response->content, qr{</Response>\z}, "long, $name: it is whole";
}
for my $case (
    [ 'twice its length',      '/large/again',   'x' x 40_000 ],
    [ 'spelled',               '/large/spelled', 'x' x 40_000 ],
    [ 'escaped',               '/large',         '&' x 40_000 ],
    [ 'in a URL',              '/large/url',     '/' x 40_000 ],
) {
    my ($name, $path, $text) = @$case;
    my $response = reply_json($path, qq({"a":"$text"}));
    cmp_ok length $response->content, '<=', MOST, "too long, $name: Twilio takes it";
    ok join('', said($response)) eq $UNAVAILABLE, "too long, $name: the caller hears something all the same";
}
new_log_lines(qr/./);

# --- What goes to the backend beside the fields -------------------------------------------------------------------------------

# The members of what was sent last, in their order, and the request.
sub sent () {
    my @requests = $backend->requests;
    $backend->forget;
    my ($request) = @requests == 1 ? @requests : {};
    my @names = map { /"((?:[^"\\]|\\.)*)":/g } ($request->{body} || '') =~ s/:"(?:[^"\\]|\\.)*"/:/gr;
    my $members = eval { JSON::PP->new->utf8->decode($request->{body}) } || {};
    return (\@names, $members, $request);
}

sub forwarded ($name, $query, $pairs, $names, $values) {
    $backend->forget;
    $backend->will_answer('200 OK', 'application/json', '{}');
    my $response = post($HOST, "/forward$LAST_STEP$query", [ Digits => $PIN, @$pairs ]);
    answers("forward: $name", $response, twiml_answer('found'));
    my ($got, $members, $request) = sent();
    my @tokens = delete @$members{qw(encryptedCardDigits encryptedPinDigits)};
    is_deeply $got, [ 'encryptedCardDigits', 'encryptedPinDigits', @$names ], "forward: $name: these names, in this order";
    is_deeply $members, $values, "forward: $name: their values";
    is $tokens[0], $CARD_TOKEN, "forward: $name: the token of the URL";
    is open_token($tokens[1]), $PIN, "forward: $name: the token of the last field";
    return unlike($request->{body}, qr{\b(?:$PIN|$CARD)\b}, "forward: $name: and no digits");
}

forwarded('none of them there', '', [], [], {});
forwarded('in the body', '', [ CallSid => $CALL, From => '+15551234567', To => '+15558675310' ], [qw(CallSid From To)],
    { CallSid => $CALL, From => '+15551234567', To => '+15558675310' });
forwarded('in the query', "&tenant=a%20b+c&CallSid=$CALL", [], [qw(CallSid tenant)], { CallSid => $CALL, tenant => 'a b c' });
forwarded('in both', '&tenant=a', [ To => 't', From => 'f' ], [qw(From To tenant)], { From => 'f', To => 't', tenant => 'a' });
forwarded('empty', '&tenant=', [ Empty => '' ], [qw(tenant Empty)], { tenant => '', Empty => '' });
forwarded('others stay', '&other=1', [ AccountSid => 'AC1', msg => 'Gather End', from => 'x', FromZip => '1' ], [], {});
forwarded('letters', '', [ FromCity => encode_utf8('K"ö"ln \\ 日本 😀'), From => "a\tb\nc\x01\x7f<&>" ], [qw(From FromCity)],
    { FromCity => 'K"ö"ln \\ 日本 😀', From => "a\tb\nc\x01\x7f<&>" });
forwarded('not UTF-8', '', [ From => "K\xf6ln", To => 't' ], ['To'], { To => 't' });
forwarded('not UTF-8 in the query', '&tenant=%ff', [ To => 't' ], ['To'], { To => 't' });
forwarded('half a character', '', [ From => "\xe2\x82", FromCity => "\xed\xa0\x80", To => 't' ], ['To'], { To => 't' });
is scalar(new_log_lines(qr/\[encgather:info\].*EG0503: .* is not forwarded, it is not UTF-8/)), 4, 'forward: what is left out is told at info';
forwarded('named like a field', '', [ encryptedPinDigits => 'mine', To => 't' ], ['To'], { To => 't' });

# --- Idempotency-Key -----------------------------------------------------------------------------------------------------------

sub key_of ($target, @pairs) {
    $backend->forget;
    post($HOST, $target, \@pairs);
    my (undef, $members, $request) = sent();
    return wantarray ? ($request->{headers}{'idempotency-key'}[0], $members) : $request->{headers}{'idempotency-key'}[0];
}

{
    $backend->will_answer('200 OK', 'application/json', '{}');
    my @call = (CallSid => $CALL, Digits => $PIN);
    my ($key, $first)    = key_of("/events$LAST_STEP", @call);
    my ($again, $second) = key_of("/events$LAST_STEP", @call, CallStatus => 'in-progress');
    like $key, qr/\A[0-9a-f]{64}\z/, 'Idempotency-Key: 64 digits';
    is $again, $key, 'F13 Idempotency-Key: the same when the last step is delivered twice';
    isnt $first->{encryptedPinDigits}, $second->{encryptedPinDigits}, 'Idempotency-Key: though the tokens are not the same';
    my $target = $LAST_STEP;
    my %other = (
        'other digits'         => scalar key_of("/events$LAST_STEP", CallSid => $CALL, Digits => '0933'),
        'another call'         => scalar key_of("/events$LAST_STEP", CallSid => 'CA' . '7' x 32, Digits => $PIN),
        'no call'              => scalar key_of("/events$LAST_STEP", Digits => $PIN),
        'another token'        => scalar key_of('/events?step=processData&encryptedCardDigits=' . seal($CARD), @call),
        'another attempt'      => scalar key_of("/events$LAST_STEP&attempt=2", @call),
        'another webhook'      => scalar key_of("/voice$LAST_STEP", @call),
        'another key'          => scalar key_of("/other-key$LAST_STEP", @call),
    );
    for my $name (sort keys %other) {
        like $other{$name}, qr/\A[0-9a-f]{64}\z/, "Idempotency-Key: $name: there is one";
        isnt $other{$name}, $key, "Idempotency-Key: $name: is another";
    }
    my %seen = map { $_ => 1 } $key, values %other;
    is scalar(keys %seen), 1 + keys %other, 'Idempotency-Key: no two of them are the same';
    my @spoken = map { scalar key_of('/spoken?step=processData', CallSid => $CALL, SpeechResult => $_) } 'Rumpelstilzchen', 'Rumpelstilzchen', 'Dornröschen' =~ s/ö/oe/r;
    is $spoken[0], $spoken[1], 'Idempotency-Key: the same words';
    isnt $spoken[0], $spoken[2], 'Idempotency-Key: other words';
}

# --- EncGatherTimeout -------------------------------------------------------------------------------------------------------------

{
    my $json   = '{"account":"x"}';
    my @pieces = ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " . length($json) . "\r\nConnection: close\r\n\r\n", split //, $json);
    my $slowly = sub ($path) {
        $backend->will_send(0.1, @pieces);    # 1.6 seconds for all of it
        my $start = time;
        my $response = webhook("$path$LAST_STEP", Digits => $PIN);
        return (time - $start, $response);
    };
    new_log_lines(qr/./);
    my ($seconds, $response) = $slowly->('/slow/1');
    is_unavailable('EncGatherTimeout 1, and bytes for longer than that', $response, qr/the answer took longer than EncGatherTimeout/);
    cmp_ok $seconds, '>', 0.9, 'not cut off before its time';
    ($seconds, $response) = $slowly->('/slow/30');
    has_verbs('EncGatherTimeout 30', $response, 'found', $SAYS{found});
    cmp_ok $seconds, '>', 1.1, 'it waits for the rest';
}

# --- Not in a .htaccess ------------------------------------------------------------------------------------------------------------

my %LINE = (EncGatherSay => 'found x', EncGatherVoice => 'alice', EncGatherThen => 'found hangup', EncGatherForward => 'From', EncGatherTimeout => '5');
mkdir "$HTDOCS/htaccess", 0755;
for my $directive (sort keys %LINE) {
    open my $file, '>', "$HTDOCS/htaccess/.htaccess" or die "$HTDOCS/htaccess/.htaccess: $!";
    print {$file} "$directive $LINE{$directive}\n";
    close $file or die "$HTDOCS/htaccess/.htaccess: $!";
    is request(GET => $HOST, '/htaccess/x')->code, 500, "a .htaccess with $directive";
}

# When an answer is cut off, mod_proxy may have a line of its own.
sub proxys_own ($of) {
    return grep { $of->error_log =~ $_ } qr/\[proxy_http:error\].*AH01110: error reading response/;
}

ok $server->stop, 'the server stops';
log_is_clean($server, proxys_own($server), qr/EG0134: EncGatherTimeout 30 in <Location /, qr/\[encgather:error\].*EG0501: /, qr/\[encgather:warn\].*EG0502: /,
    map { qr/\[core:alert\].*\.htaccess: $_ not allowed here/ } sort keys %LINE);

# --- Inheritance ----------------------------------------------------------------------------------------------------------------------

my @LEVELS = (
    (map { at("/gather/$$_[0]", $$_[1]) }
        [ say => 'EncGatherSay found "location"' ], [ other => 'EncGatherSay notfound "location"' ], [ voice => 'EncGatherVoice location' ],
        [ then => 'EncGatherThen found hangup' ],   [ forward => 'EncGatherForward CallSid To' ],    [ timeout => 'EncGatherTimeout 2' ]),
    at('/gather/forward/more',  'EncGatherForward To', 'EncGatherForward CallSid From'),
    at('/gather/forward/none',  'EncGatherForward off'),
    at('/gather/forward/none/again', 'EncGatherForward To'),
    at('/gather/forward/anew',  'EncGatherForward From', 'EncGatherForward Off', 'EncGatherForward To'),
    at('/gather/say/back', 'EncGatherSay found "back"', 'EncGatherSay again "location"'),
);
my $merge_port = free_port();
my $merging    = private_server('say-merge', port => $merge_port, modules => [qw(proxy proxy_http)], conf => join '', $base, <<'CONF', @LEVELS, <<'MORE');
EncGatherSay found "server"
EncGatherSay notfound "server"
EncGatherSay again "server"
EncGatherVoice server en-US
EncGatherThen found redirect=/server
EncGatherForward From
EncGatherTimeout 1
CONF
<VirtualHost *>
    ServerName inherits.test
</VirtualHost>
<VirtualHost *>
    ServerName replaces.test
    EncGatherSay found "vhost"
    EncGatherVoice vhost
    EncGatherThen found dial=1
    EncGatherForward To
    EncGatherTimeout 14
</VirtualHost>
MORE
ok $merging->start, 'another server starts' or BAIL_OUT($merging->error);

# Sentence, voice, what follows, what was forwarded; or the result of a backend that is slow.
sub merged ($host, $path) {
    $backend->forget;
    my $target   = "$path$LAST_STEP";
    my $response = post("127.0.0.1:$merge_port", $target, [ Digits => $PIN, CallSid => 'CA1', From => 'f', To => 't' ],
        host => $host, signed_url => "http://$host$target");
    my ($say, $then) = @{ twiml($response) };
    my ($names) = sent();
    my @voice   = map { $say->[1]{$_} || () } qw(voice language);
    return join '; ', $say->[2], "@voice", join(' ', grep { defined && !ref } @$then[ 0, 2 ]), join ' ', @$names[ 2 .. $#$names ];
}

$backend->will_answer('200 OK', 'application/json', '{}');
for my $case (
    [ 'inherits.test', '/gather',          'server; server en-US; Redirect /server; From' ],
    [ 'inherits.test', '/gather/say',      'location; server en-US; Redirect /server; From' ],
    [ 'inherits.test', '/gather/say/back', 'back; server en-US; Redirect /server; From' ],
    [ 'inherits.test', '/gather/other',    'server; server en-US; Redirect /server; From' ],
    [ 'inherits.test', '/gather/voice',    'server; location; Redirect /server; From' ],
    [ 'inherits.test', '/gather/then',     'server; server en-US; Hangup; From' ],
    [ 'inherits.test', '/gather/forward',  'server; server en-US; Redirect /server; CallSid To' ],
    [ 'inherits.test', '/gather/forward/more',       'server; server en-US; Redirect /server; To CallSid From' ],
    [ 'inherits.test', '/gather/forward/none',       'server; server en-US; Redirect /server; ' ],
    [ 'inherits.test', '/gather/forward/none/again', 'server; server en-US; Redirect /server; To' ],
    [ 'inherits.test', '/gather/forward/anew',       'server; server en-US; Redirect /server; To' ],
    [ 'replaces.test', '/gather/forward/none',       'vhost; vhost; Dial 1; ' ],
    [ 'replaces.test', '/gather',          'vhost; vhost; Dial 1; To' ],
    [ 'replaces.test', '/gather/say',      'location; vhost; Dial 1; To' ],
    [ 'replaces.test', '/gather/voice',    'vhost; location; Dial 1; To' ],
    [ 'replaces.test', '/gather/then',     'vhost; vhost; Hangup; To' ],
    [ 'replaces.test', '/gather/forward',  'vhost; vhost; Dial 1; CallSid To' ],
) {
    my ($host, $path, $want) = @$case;
    is merged($host, $path), $want, "$host$path";
}
$backend->will_answer('404 Not Found', 'application/json', '{}');
is merged('replaces.test', '/gather'),       'server; vhost; ; To',   'one event replaced, the others inherited';
is merged('replaces.test', '/gather/other'), 'location; vhost; ; To', 'and replaced further in';
$backend->will_send(0.1, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n", ' ' x 100, (' ') x 14, '{}');
isnt merged('inherits.test', '/gather'), 'server; server en-US; Redirect /server; From', 'EncGatherTimeout of the server: 1.5 seconds are too long';
is merged('inherits.test', '/gather/timeout'), 'server; server en-US; Redirect /server; From', 'EncGatherTimeout replaced in a location';
is merged('replaces.test', '/gather'), 'vhost; vhost; Dial 1; To', 'EncGatherTimeout replaced in a virtual host';
ok $merging->stop, 'it stops';
log_is_clean($merging, proxys_own($merging), qr/\[encgather:error\].*EG0501: .*the answer took longer than EncGatherTimeout/);
$backend->stop;

# --- What cannot be meant ------------------------------------------------------------------------------------------------------------------

my $judge = private_server('say-bad', conf => '');

sub configtest ($conf) {
    $judge->configure(conf => encode_utf8($conf));
    return $judge->configtest;
}

# Exactly one line, besides httpd's own, and the pattern in it.
sub is_refused ($line, $pattern) {
    my ($rc, $output) = configtest("$line\n");
    my @lines = grep { !/^AH\d+: Syntax error on line \d+ of / } split /\n/, $output;
    return ok($rc != 0 && @lines == 1 && $lines[0] =~ $pattern, shown("refused: $line")) || diag("exit code $rc, wanted $pattern, got:\n$output");
}

my $EVENTS = qr/is for one of found, notfound, unavailable, invalid, locked/;
my $HOLE   = qr/EncGatherSay: has a placeholder that is not %\{name\} or %\{spell:name\}/;
my $NOWAY  = qr/EncGatherSay: has a placeholder, but only found and notfound have an answer of the backend/;
my $FOLLOW = qr/EncGatherThen: knows redirect=URL, dial=NUMBER and hangup/;
my $TARGET = qr/EncGatherThen: needs a URL or a number, without blanks, behind the =/;
my $NUMBER = qr/EncGatherThen: dials a number like \+15551234567/;
my $SECRET = qr/EncGatherForward: never hands Digits, SpeechResult or Speech on/;
my $CLEAN  = qr/EncGatherForward: has an empty name or one with a control character/;

my @BAD = (
    [ EncGatherSay => qr/EncGatherSay takes two arguments, an event and what the caller hears then/,
        '', 'found', 'found two words', 'found ""', '"" "x"' ],
    [ EncGatherSay => qr/EncGatherSay: $EVENTS, again/,         'lost "x"', '"found " x', 'not-found x', 'ask x' ],
    [ EncGatherSay => $HOLE,  map { "found \"$_\"" } '%{', '%{account', 'a %{b} and %{', '%{spell:account', '%{}', 'a %{} b', '%{spell:}', '%{a}%{', '%%{' ],
    [ EncGatherSay => $HOLE,  'unavailable "%{"', 'again "%{account"' ],
    [ EncGatherSay => $NOWAY, map { ("$_ \"%{account}\"", "$_ \"%{spell:account}\"") } qw(unavailable invalid locked again) ],
    [ EncGatherVoice => qr/EncGatherVoice takes 1-2 arguments, voice and language for every <Say>/, '', 'a b c', '""', '"" de-DE' ],
    [ EncGatherThen => qr/EncGatherThen takes two arguments, .*redirect=URL, dial=NUMBER or hangup/,
        '', 'found', 'found hangup now', 'found redirect=https://h/ dial=1', 'found ""', '"" hangup' ],
    [ EncGatherThen => qr/EncGatherThen: $EVENTS$/,             'again hangup', 'lost hangup', 'not-found hangup' ],
    [ EncGatherThen => $FOLLOW, map { "found $_" } 'Hangup', 'hangup=1', 'redirect', 'dial', 'call=1', 'https://h/', 'REDIRECT=https://h/' ],
    [ EncGatherThen => $TARGET, map { "found $_" } 'redirect=', 'dial=', '"redirect=https://h/a b"', qq("redirect=https://h/\ta"), '"dial=+1 555"' ],
    [ EncGatherThen => $NUMBER, map { "found $_" } 'dial=nobody', 'dial=555-1234', 'dial=%{number}', 'dial=sip:a@example.com', 'dial=1#' ],
    [ EncGatherThen => qr/EncGatherThen: has a placeholder that is not %\{name\}/,
        map { "found redirect=https://h/$_" } '%{', '%{account', '%{}', '?a=%{a}&b=%{b', '?o=%{outcome' ],
    [ EncGatherThen => qr/EncGatherThen: has a placeholder other than %\{outcome\} in front of the \?/,
        map { ("found redirect=$_", "notfound redirect=$_") } '%{url}', 'https://%{host}/', 'https://h/%{path}', 'https://h/%{a}?b=%{b}', '/%{path}',
            'https://h/%{outcome}/%{a}?b=c', 'https://h/%{outcome?}/x' ],
    [ EncGatherForward => qr/EncGatherForward: needs the names of webhook parameters/, '', '""' ],
    [ EncGatherForward => $CLEAN,  '" "', '"two words"', qq("a\tb"), qq("a\x01b") ],
    [ EncGatherForward => $SECRET, 'Digits', 'SpeechResult', 'From Digits', 'CallSid From SpeechResult To' ],
    [ EncGatherForward => qr/EncGatherForward: has off beside names/, 'off From', 'From off', 'OFF From To', 'off off' ],
    [ EncGatherTimeout => qr/EncGatherTimeout takes one argument/, '', '""', '1 2' ],
    [ EncGatherTimeout => qr/EncGatherTimeout: is a number from 1 to 600/, qw(0 601 -1 1.5 8s x 4294967297), '" 8"' ],
);
my $lines = 0;
for my $case (@BAD) {
    my ($directive, $pattern, @arguments) = @$case;
    is_refused("$directive $_", $pattern) for @arguments;
    $lines += @arguments;
}
note("$lines bad lines");

is_refused($_, qr/EncGather(?:Say|Then): /) for
    'EncGatherSay found "Your %{account and your %{balance}"',
    'EncGatherThen unavailable redirect=https://h/?a=%{account}',
    'EncGatherThen invalid redirect=https://h/?a=%{account}',
    'EncGatherThen locked redirect=https://h/?a=%{account}',
    'EncGatherThen found redirect=https://h/?a=%{spell:account}',
    'EncGatherThen found dial=+',
    'EncGatherThen found dial=1+2';

for my $line (
    'EncGatherSay found x', q(EncGatherSay found 'single "quotes"'), 'EncGatherSay LOCKED "Locked."', 'EncGatherSay notfound "%{a} %{spell:b}"',
    'EncGatherSay again "100 % sure?"', 'EncGatherSay found "¿Sí? %{spell:número}"', "EncGatherSay found \"from \\\n here\"",
    'EncGatherVoice alice', 'EncGatherVoice "Polly.Lupe-Neural" es-US', 'EncGatherVoice Google.es-ES-Wavenet-B es-ES',
    'EncGatherThen found hangup', 'EncGatherThen Locked dial=110', 'EncGatherThen unavailable dial=+15551234567',
    'EncGatherThen found redirect=/next', 'EncGatherThen found "redirect=https://h/%{outcome}?%{a}=%{b}&o=%{outcome}"',
    'EncGatherThen locked redirect=https://%{outcome}.example.com/', 'EncGatherThen notfound redirect=?a=%{a}',
    'EncGatherThen unavailable redirect=https://h/?o=%{outcome}',
    'EncGatherForward From', 'EncGatherForward off', "EncGatherForward From\nEncGatherForward To\nEncGatherForward off", 'EncGatherForward digits speechResult', 'EncGatherForward CallSid AccountSid From To StirVerstat tenant',
    'EncGatherTimeout 1', 'EncGatherTimeout 600',
) {
    my ($rc, $output) = configtest("$line\n");
    like $output, $line =~ /600/ ? qr/EG0134: .*\nSyntax OK\n\z/ : qr/\ASyntax OK\n\z/, 'good: ' . (shown($line) =~ tr/\n/ /r);
}

finish();
