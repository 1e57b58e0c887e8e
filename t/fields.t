# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# The fields of a call as an operator writes them: every option, quotes, inheritance, attempts, whole calls of one, five
# and sixteen fields, and what "httpd -t" says of lines that cannot be meant.
use strict;
use warnings;
use utf8;
use feature 'signatures';
no warnings 'experimental::signatures';

use Encode qw(encode_utf8);
use IO::Socket::INET;
use JSON::PP ();
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Caller;
use EncGather::Test;

sub free_port () { return IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport }

sub at ($path, @lines) { return join "\n", qq(<Location "$path">), @lines, '</Location>', '' }

my $PORT         = free_port();
my $HOST         = "127.0.0.1:$PORT";
my $BACKEND_PORT = free_port();
my $KEYS         = in_tree('conf/keys');
my $VARS_LOG     = in_tree('logs/vars_log');
my $CALL         = 'CA' . '4' x 32;

# --- Good lines -----------------------------------------------------------------------------------------------
# The line; the attributes of <Gather> that are not those of a bare field; the question, element for element (undef: any
# words); answers that are taken; answers that are not. "speech:" is what was said, all else what was keyed in.

my $LONG_NAME = 'a-Z_09' . 'x' x 58;
my @DIGIT_32  = ('0987654321' x 3 . '01');

my @GOOD = (
    [ 'bare',                                 {}, undef, ['0417'], [ '041', '04170', '' ] ],
    [ "$LONG_NAME",                           {}, undef, ['0417'], ['04x7'] ],
    [ '0',                                    {}, undef, ['0417'], [] ],
    [ 'digits digits=6',                      { numDigits => 6 }, undef, ['041700'], [ '04170', '0417000' ] ],
    [ 'x digits=1',                           { numDigits => 1 }, undef, [ 0 .. 9 ], [ '', '10', '*', '#' ] ],
    [ 'x digits=32',                          { numDigits => 32 }, undef, [@DIGIT_32], [ substr($DIGIT_32[0], 1), "$DIGIT_32[0]0" ] ],
    [ 'x digits=1-32',                        { numDigits => 32 }, undef, [ '0', '04', @DIGIT_32 ], [ '', "$DIGIT_32[0]0" ] ],
    [ 'x digits=3-5',                         { numDigits => 5 }, undef, [ '041', '0417', '04170' ], [ '04', '041700' ] ],
    [ 'x digits=5-5',                         { numDigits => 5 }, undef, ['04170'], [ '0417', '041700' ] ],
    [ 'x timeout=1',                          { timeout => 1 }, undef, ['0417'], [] ],
    [ 'x timeout=600',                        { timeout => 600 }, undef, ['0417'], [] ],
    (map { [ "x finish=$_", { finishOnKey => $_ }, undef, ['0417'], [ "041$_", '041' ] ] } '#', '*'),
    (map { [ "x finish=$_", { finishOnKey => $_ }, undef, [], ['041'] ] } 0 .. 9),
    [ 'x "finish=#"',                         { finishOnKey => '#' }, undef, [], [] ],
    [ 'x say=Card?',                          {}, [ [ 'Say', {}, 'Card?' ] ], ['0417'], [] ],
    [ 'x say="two words"',                    {}, [ [ 'Say', {}, 'two words' ] ], ['0417'], [] ],
    [ 'x "say=two words"',                    {}, [ [ 'Say', {}, 'two words' ] ], ['0417'], [] ],
    [ q(x say='two words'),                   {}, [ [ 'Say', {}, 'two words' ] ], [], [] ],
    [ q(x 'say=two words'),                   {}, [ [ 'Say', {}, 'two words' ] ], [], [] ],
    [ q(x say=two" "words' now'),             {}, [ [ 'Say', {}, 'two words now' ] ], [], [] ],
    [ q("x" "digits"=6 say="it's"),           { numDigits => 6 }, [ [ 'Say', {}, q(it's) ] ], ['041700'], ['0417'] ],
    [ q(x say='a "word"'),                    {}, [ [ 'Say', {}, 'a "word"' ] ], [], [] ],
    [ q(x say="a \"word\" \\\\ and \a 'b'"),  {}, [ [ 'Say', {}, q(a "word" \ and \a 'b') ] ], [], [] ],
    [ q(x say='it\'s \"so\"'),                {}, [ [ 'Say', {}, q(it's \"so\") ] ], [], [] ],
    [ q(x say=C:\dir),                        {}, [ [ 'Say', {}, 'C:\dir' ] ], [], [] ],
    [ q(x say="a=b" digits=6),                { numDigits => 6 }, [ [ 'Say', {}, 'a=b' ] ], [], [] ],
    [ q(x say="  blanks  # and no comment "), {}, [ [ 'Say', {}, '  blanks  # and no comment ' ] ], [], [] ],
    [ qq(x\t say="tab\there" \t timeout=7 ),  { timeout => 7 }, [ [ 'Say', {}, "tab\there" ] ], [], [] ],
    [ qq(x \\\n  digits=6 \\\n\tsay="from \\\nhere" \\\n  timeout=7), { numDigits => 6, timeout => 7 },
        [ [ 'Say', {}, 'from here' ] ], ['041700'], [] ],
    [ 'x say="¿Número & <PIN>, 例え 😀?"',    {}, [ [ 'Say', {}, '¿Número & <PIN>, 例え 😀?' ] ], [], [] ],
    [ q(x say="%{account} is no placeholder here"), {}, [ [ 'Say', {}, '%{account} is no placeholder here' ] ], [], [] ],
    [ 'x play=https://media.example.com/card.wav?a=1&b=<2>', {}, [ [ 'Play', {}, 'https://media.example.com/card.wav?a=1&b=<2>' ] ],
        ['0417'], ['041'] ],
    [ 'x play=/card.wav voice=alice language=en-GB', {}, [ [ 'Play', {}, '/card.wav' ] ], [], [] ],
    [ 'x voice=Polly.Amy-Neural say=Hello',   {}, [ [ 'Say', { voice => 'Polly.Amy-Neural' }, 'Hello' ] ], [], [] ],
    [ 'x language=pt-BR say=Hello',           {}, [ [ 'Say', { language => 'pt-BR' }, 'Hello' ] ], [], [] ],
    [ 'x language=de-DE voice="a \"b\" & <c>" say=Hello', {},
        [ [ 'Say', { voice => 'a "b" & <c>', language => 'de-DE' }, 'Hello' ] ], [], [] ],
    [ 'x digits=13-19 check=luhn',            { numDigits => 19 }, undef,
        [ '4111111111111111', '4222222222222', '0000000000000' ],
        [ '4111111111111112', '1411111111111111', '411111111111111', '4111111111111111#' ] ],
    [ 'x digits=2 check=luhn',                { numDigits => 2 }, undef, [ '18', '26', '34', '42', '59' ], [ '19', '27', '95', '81' ] ],
    [ 'x input=dtmf',                         {}, undef, ['0417'], [ 'speech:zero four one seven', '041' ] ],
    [ 'x input=speech say=Name?',             { input => 'speech', numDigits => undef }, [ [ 'Say', {}, 'Name?' ] ],
        [ 'speech:María José Fernández-Núñez', 'speech:0417', 'speech: "Smith" & <Sons>, 100 % + 1', 'speech:' . 'words without end' x 117 . 'the 2000th.' ],
        [ '0417', 'speech:', 'speech:' . 'words without end' x 117 . 'the 2001st..' ] ],
    [ 'x input=dtmf+speech digits=4 finish=* say=Either?', { input => 'dtmf speech', finishOnKey => '*' }, [ [ 'Say', {}, 'Either?' ] ],
        [ '0417', 'speech:nought four one seven', 'speech:日本語の名前です' ], [ '041', 'speech:', '04x7' ] ],
    [ 'x step=getCard',                       {}, undef, ['0417'], ['041'] ],
    [ 'x step=step',                          {}, undef, ['0417'], [] ],
    [ 'x check=luhn input=dtmf voice=v language=l say=s finish=# timeout=2 digits=1-4 step=y',
        { numDigits => 4, timeout => 2, finishOnKey => '#' }, [ [ 'Say', { voice => 'v', language => 'l' }, 's' ] ],
        [ '0', '18', '0018' ], [ '1', '01818', 'speech:one eight' ] ],
);
is scalar(grep { ref } @GOOD), scalar @GOOD, 'a table of ' . @GOOD . ' good lines';

# --- The server -------------------------------------------------------------------------------------------------

my $FIELDS_16 = join '', map { "EncGatherField field$_ step=ask$_ digits=$_ say=$_\n" } 1 .. 16;

# A whole configuration of one call, as an operator would write it.
my $SPANISH = <<'CONF';
EncGatherVoice Polly.Lupe es-US
EncGatherField tarjeta step=pedirTarjeta digits=13-19 finish=# check=luhn timeout=15 \
    say="Introduzca el número de su tarjeta y pulse la tecla almohadilla."
EncGatherField caducidad digits=4 say="Introduzca la fecha de caducidad: dos cifras del mes y dos del año."
EncGatherField cvv digits=3-4 finish=# 'say=Introduzca el código de seguridad y pulse "almohadilla".'
EncGatherField pin digits=4 timeout=5 play=https://ivr.example.com/es/pin.wav
EncGatherField nombre input=speech voice=Polly.Mia language=es-MX say="Diga su nombre & apellidos, ¿sí?"
EncGatherSay again "No le he entendido."
EncGatherSay found "Gracias. Su cuenta es %{spell:account} y su saldo es %{balance} €."
EncGatherSay invalid "Lo siento. Adiós."
EncGatherAttempts 2
CONF

sub configuration () {
    my $good = join '', map { at("/good/$_", "EncGatherField $GOOD[$_][0]") } 0 .. $#GOOD;
    my $attempts = join '', map { at("/attempts/$_", "EncGatherAttempts $_") } 1 .. 10;
    return encode_utf8(<<"CONF");
EncGatherKeyFile $KEYS/demo.key
EncGatherAuthTokenFile $KEYS/auth-tokens
CustomLog "$VARS_LOG" "%{X-Test-Id}i call=%{ENCGATHER_CALL}e step=%{ENCGATHER_STEP}e result=%{ENCGATHER_RESULT}e signature=%{ENCGATHER_SIGNATURE}e \\"%r\\" %>s %b"
EncGatherField server1
EncGatherField server2
<Location "/">
    SetHandler encrypted-gather
    EncGatherBackend http://127.0.0.1:$BACKEND_PORT/ok
</Location>
<Directory "${\ in_tree('private/fields/htdocs') }">
    AllowOverride All
    Require all granted
</Directory>
<Location "/htaccess">
    SetHandler none
</Location>
$good
$attempts
@{[ at('/one',     'EncGatherField only') ]}
@{[ at('/spoken',  'EncGatherField name input=speech') ]}
@{[ at('/sixteen', $FIELDS_16) ]}
@{[ at('/spanish', $SPANISH) ]}
@{[ at('/own',        'EncGatherField own1', 'EncGatherField own2', 'EncGatherField own3') ]}
@{[ at('/own/deeper', 'EncGatherField deeper1') ]}
@{[ at('/own/deeper/deepest', 'EncGatherAttempts 5') ]}
@{[ at('/emptied',        'EncGatherField off') ]}
@{[ at('/emptied/deeper', 'EncGatherAttempts 5') ]}
@{[ at('/own/emptied',    'EncGatherField OFF') ]}
@{[ at('/own/emptied/again', 'EncGatherField again1', 'EncGatherField again2') ]}
@{[ at('/thought-better', 'EncGatherField first1', 'EncGatherField off', 'EncGatherField second1', 'EncGatherField first1') ]}
@{[ at('/off-with-options', 'EncGatherField off digits=4') ]}
@{[ at('/twice', 'EncGatherField first1', 'EncGatherField first2') ]}
@{[ at('/twice', 'EncGatherField second1') ]}
<LocationMatch "^/ma[t]ch">
    EncGatherField match1
</LocationMatch>
<VirtualHost *>
    ServerName default.test
</VirtualHost>
<VirtualHost *>
    ServerName inherits.test
    <Location "/here">
        EncGatherField here1
    </Location>
</VirtualHost>
<VirtualHost *>
    ServerName replaces.test
    EncGatherField vhost1
    EncGatherField vhost2
    EncGatherField server1
    EncGatherAttempts 1
    <Location "/here">
        EncGatherField here1
        EncGatherAttempts 4
    </Location>
    <Location "/here/deeper">
        EncGatherField vhost2
        EncGatherField vhost1
    </Location>
    <Location "/options">
        EncGatherField server2 digits=7
    </Location>
</VirtualHost>
CONF
}

my $server = private_server('fields', port => $PORT, modules => [qw(proxy proxy_http)], conf => configuration());
{
    my ($rc, $output) = $server->configtest;
    is $output, "Syntax OK\n", 'all good lines together are good, and silent';
    $server->configure(conf => "LogLevel trace8\n" . configuration());
}
my $backend = EncGather::Backend->new(port => $BACKEND_PORT, record => in_tree('private/fields/requests'));
ok $server->start, 'the server starts' or BAIL_OUT($server->error);

sub webhook ($target, @pairs) {
    return post($HOST, $target, [ CallSid => $CALL, @pairs ]);
}

# What the caller did, as parameters.
sub answer_to ($text) {
    return $text =~ /\Aspeech:(.*)/s ? (SpeechResult => encode_utf8($1), Confidence => '0.9') : (Digits => $text);
}

# The fields that the backend was sent since it was last asked, in their order: name, plain text, ...
sub sealed_fields () {
    my @requests = $backend->requests;
    $backend->forget;
    return "the backend was called " . @requests . " times" if @requests != 1;
    my @pairs = $requests[0]{body} =~ /"([^"]*)":"([^"]*)"/g;
    return map { $_ % 2 ? open_token($pairs[$_]) : $pairs[$_] } 0 .. $#pairs;
}

# --- Each good line: its question, what it takes and what it does not ----------------------------------------------

sub is_question ($name, $response, $action, $gather, $prompt) {
    my %attributes = (action => "http://$HOST$action", method => 'POST', input => 'dtmf', timeout => 10, numDigits => 4,
        actionOnEmptyResult => 'true', %$gather);
    delete @attributes{ grep { !defined $attributes{$_} } keys %attributes };
    my $verbs = twiml($response);
    my @said  = said($response);
    if (!$prompt && @said == 1 && length $said[0]) {    # in words of the module's choice
        $prompt = [ [ 'Say', {}, $said[0] ] ];
    }
    return is_deeply($verbs, [ [ 'Gather', \%attributes, @{ $prompt || [] } ] ], $name);
}

for my $n (0 .. $#GOOD) {
    my ($line, $gather, $prompt, $yes, $no) = @{ $GOOD[$n] };
    my $name = encode_utf8($line) =~ s/[^ -~]/./gr;
    my ($field) = $line =~ /^"?([^\s"]+)/;
    my ($step)  = $line =~ /\bstep=(\w+)/;
    $step = $field unless defined $step;

    my $first = webhook("/good/$n");
    answers("$name: asks", $first, twiml_answer(asked => step => $step, call => $CALL, signature => 'valid'));
    is_question("$name: the question", $first, "/good/$n?step=processData", $gather, $prompt);
    is webhook("/good/$n?step=$step")->content, $first->content, "$name: its step by name";
    is webhook("/good/$n?step=$field")->code, 400, "$name: but not by the field's name" if $step ne $field;

    for my $text (@$yes) {
        my %given = answer_to($text);
        my $shown = length $text > 40 ? length($text) . ' characters' : encode_utf8($text) =~ s/[^ -~]/./gr;
        answers("$name: takes '$shown'", webhook("/good/$n?step=processData", %given), twiml_answer(found => step => 'processData'));
        is_deeply [ sealed_fields() ], [ $field, $given{SpeechResult} // $given{Digits} ], "$name: '$shown' arrives sealed, and nothing else";
    }
    for my $text (@$no) {
        my $shown = length $text > 40 ? length($text) . ' characters' : $text;
        my $again = webhook("/good/$n?step=processData", answer_to($text));
        answers("$name: does not take '$shown'", $again, twiml_answer('asked-again'));
        is_question("$name: '$shown': asks again", $again, "/good/$n?step=processData&attempt=2", $gather, $prompt);
    }
    is_deeply [ $backend->requests ], [], "$name: and the backend hears nothing of that";
}

# Twilio sends both parameters where both are listened for; what was keyed in comes first.
{
    my %line = map { $GOOD[$_][0] =~ /input=(\S+) (?!dtmf voice)/ ? ($1 => $_) : () } 0 .. $#GOOD;
    my $speech = "/good/$line{speech}?step=processData";
    my $both   = "/good/$line{'dtmf+speech'}?step=processData";
    answers('speech: Digits that are empty', webhook($speech, Digits => '', SpeechResult => 'Nobody special'), twiml_answer('found'));
    is_deeply [ sealed_fields() ], [ x => 'Nobody special' ], 'speech: what was said';
    answers('speech: keys besides', webhook($speech, Digits => '0417', SpeechResult => 'Nobody special'), twiml_answer('asked-again'));
    answers('both: keys come first', webhook($both, Digits => '0417', SpeechResult => 'Nobody special'), twiml_answer('found'));
    is_deeply [ sealed_fields() ], [ x => '0417' ], 'both: the keys';
    answers('both: keys that are wrong', webhook($both, Digits => '041', SpeechResult => 'Nobody special'), twiml_answer('asked-again'));
    answers('both: nothing at all', webhook($both), twiml_answer('asked-again'));
    answers('speech: twice', webhook($speech, SpeechResult => 'Nobody special', SpeechResult => 'Nobody special'), status => 400);
    answers('speech: a NUL', webhook($speech, SpeechResult => "Nobody\0special"), status => 400);
    is scalar(grep { /partialResult/i } map { webhook($_)->content } "/good/$line{speech}", "/good/$line{'dtmf+speech'}"), 0,
        'what was understood halfway is never sent anywhere';
}

unlike join(' ', said(webhook('/spoken'))), qr/key in/, 'speech: the question without say= is not one for keys';

# --- No input, in the three ways in which it comes ------------------------------------------------------------------

for my $case ([ 'no Digits' => () ], [ 'empty Digits' => (Digits => '') ], [ 'TIMEOUT' => (Digits => 'TIMEOUT') ]) {
    my ($name, @pairs) = @$case;
    for my $attempt (1, 2) {
        my $response = webhook('/one?step=processData' . ($attempt > 1 ? "&attempt=$attempt" : ''), @pairs, msg => 'Gather End');
        answers("$name, attempt $attempt", $response, twiml_answer('asked-again', step => 'processData'));
        is action($response)->{target}, '/one?step=processData&attempt=' . ($attempt + 1), "$name: counted";
    }
    answers("$name, attempt 3", webhook('/one?step=processData&attempt=3', @pairs), twiml_answer('invalid'));
}

# --- Inheritance: the fields of a section by a call through it -------------------------------------------------------

sub follow ($host, $target, $digits = '0417') {
    my @asked;
    $backend->forget;
    while (defined $target && @asked <= 17) {
        my $response = post($HOST, $target, [ CallSid => $CALL, Digits => $digits ], host => $host, signed_url => "http://$host$target");
        $target = action($response)->{target};
        push @asked, gather($response)->{numDigits} || ();
    }
    my @sealed = sealed_fields();
    return join ' ', map { $sealed[ 2 * $_ ] } 0 .. $#sealed / 2;
}

for my $case (
    [ 'default.test',  '/',                     'server1 server2',          'main server to virtual host' ],
    [ 'default.test',  '/attempts/3',           'server1 server2',          'to a location that says something else' ],
    [ 'default.test',  '/one',                  'only',                     'one field replaces two' ],
    [ 'default.test',  '/own',                  'own1 own2 own3',           'three replace two' ],
    [ 'default.test',  '/own/below',            'own1 own2 own3',           'below a location' ],
    [ 'default.test',  '/own/deeper',           'deeper1',                  'a nested location replaces all of them' ],
    [ 'default.test',  '/own/deeper/deepest',   'deeper1',                  'and hands its own on' ],
    [ 'default.test',  '/twice',                'second1',                  'a later section for the same place is another section' ],
    [ 'default.test',  '/emptied',              'encryptedCardDigits encryptedPinDigits', 'off empties the list: then there are the two of the manual' ],
    [ 'default.test',  '/emptied/deeper',       'encryptedCardDigits encryptedPinDigits', 'and is inherited' ],
    [ 'default.test',  '/own/emptied',          'encryptedCardDigits encryptedPinDigits', 'in any case of letters' ],
    [ 'default.test',  '/own/emptied/again',    'again1 again2',            'a list further in' ],
    [ 'default.test',  '/thought-better',       'second1 first1',           'off between two lines: what follows counts' ],
    [ 'default.test',  '/off-with-options',     'off',                      'off with an option is a field of that name' ],
    [ 'replaces.test', '/emptied',              'encryptedCardDigits encryptedPinDigits', 'off empties what a virtual host has too' ],
    [ 'default.test',  '/match',                'match1',                   'LocationMatch' ],
    [ 'inherits.test', '/',                     'server1 server2',          'a virtual host without fields' ],
    [ 'inherits.test', '/here',                 'here1',                    'its location' ],
    [ 'inherits.test', '/own',                  'own1 own2 own3',           'a location of the main server' ],
    [ 'replaces.test', '/',                     'vhost1 vhost2 server1',    'a virtual host with fields of its own; a name of the server may come again' ],
    [ 'replaces.test', '/here',                 'here1',                    'replaced in its location' ],
    [ 'replaces.test', '/here/deeper',          'vhost2 vhost1',            'and in one below, in another order' ],
    [ 'replaces.test', '/here/deeper/still',    'vhost2 vhost1',            'which hands it on' ],
    [ 'replaces.test', '/own',                  'own1 own2 own3',           "a location of the main server is more than a virtual host's" ],
) {
    my ($host, $path, $fields, $name) = @$case;
    is follow($host, $path), $fields, "$host$path: $name";
}
is follow('replaces.test', '/options', '0417041'), 'server2', 'options go with the field that has them';

# --- Attempts -----------------------------------------------------------------------------------------------------

for my $most (1 .. 10) {
    my $at_second = $most % 2;    # at the second field there is a token to be kept
    my (@asked, @tokens);
    my $call = EncGather::Caller->new(
        url  => "http://$HOST/attempts/$most", token => $TOKEN{demo},
        on   => sub ($event, $data) {
            return unless $event eq 'keys';
            my ($query) = $data->{gather}{attributes}{action} =~ /\?(.*)/;
            push @asked, $query =~ /\battempt=(\d+)\z/ ? $1 : 1;
            push @tokens, $query =~ /\bserver1=(\w+)/;
        },
        keys => [ ('0417') x $at_second, ('04') x 20 ],
    )->place;
    shift @asked if $at_second;
    is_deeply \@asked, [ 1 .. $most ], "EncGatherAttempts $most: asked so often, and counted";
    is $call->{error}, undef, "EncGatherAttempts $most: and then the call ends in order";
    is scalar @{ $call->{said} }, 1 + $most + $at_second, "EncGatherAttempts $most: with a last sentence";
    my %different = map { $_ => 1 } @tokens;
    is_deeply [ map { open_token($_) } keys %different ], [ ('0417') x $at_second ],
        "EncGatherAttempts $most: the token of the first field is the same to the end";
}
remember('0417');
{
    my $asked = sub ($path, $query) {
        my $target = "$path?step=processData$query";
        return variables(post($HOST, $target, [ Digits => '04' ], host => 'replaces.test', signed_url => "http://replaces.test$target"))->{result};
    };
    my $tokens = join '', map { "&$_=" . seal('0417') } qw(vhost1 vhost2);
    is $asked->('/',        $tokens),            'invalid',     'EncGatherAttempts 1 of a virtual host';
    is $asked->('/here',    ''),                 'asked-again', 'EncGatherAttempts 4 of its location';
    is $asked->('/here',    '&attempt=3'),       'asked-again', 'the third is not the last';
    is $asked->('/here',    '&attempt=4'),       'invalid',     'the fourth is';
    is $asked->('/options', ''),                 'invalid',     'EncGatherAttempts does not come with the fields';
}

# --- Sixteen fields -------------------------------------------------------------------------------------------------

# What is keyed in at field n has n digits; no number of httpd's begins with a zero.
my @KEYED = map { substr '0' . '918273645' x 2, 0, $_ } 1 .. 16;
{
    my @actions;
    my $call = EncGather::Caller->new(url => "http://$HOST/sixteen", token => $TOKEN{demo}, keys => [@KEYED],
        on => sub ($event, $data) { push @actions, $data->{gather}{attributes}{action} if $event eq 'keys' })->place;
    remember(@KEYED);
    is $call->{error}, undef, 'sixteen fields: a call without complaint';
    is scalar @{ $call->{exchanges} }, 17, 'sixteen fields: seventeen webhooks';
    is_deeply [ @{ $call->{said} }[ 0 .. 15 ] ], [ 1 .. 16 ], 'sixteen fields: asked in their order';
    my @bad;
    for my $n (1 .. 16) {
        my ($query) = $actions[ $n - 1 ] =~ /\?(.*)/;
        my $next = $n < 16 ? 'ask' . ($n + 1) : 'processData';
        my @names = map { /^(\w+)=/ } split /&/, $query;
        push @bad, $query unless $query =~ /^step=$next(?:&|\z)/ && "@names" eq join ' ', 'step', map { "field$_" } 1 .. $n - 1;
    }
    is_deeply \@bad, [], 'sixteen fields: each action has the next step and the tokens so far, in their order';
    is_deeply [ sealed_fields() ], [ map { ("field$_" => $KEYED[ $_ - 1 ]) } 1 .. 16 ], 'sixteen fields: all arrive sealed, in their order';
    like $call->{said}[-1], qr/AC12345678/, 'sixteen fields: and the answer is said';

    my $tokens = join '', map { "&field$_=" . seal($KEYED[ $_ - 1 ]) } 1 .. 15;
    my $shuffled = join '', reverse $tokens =~ /&[^&]+/g;
    my $again = webhook("/sixteen?attempt=2$shuffled&step=processData", Digits => '0');
    is action($again)->{target}, "/sixteen?step=processData$tokens&attempt=3", 'sixteen fields: however the tokens come, they go in order';
    for my $n (1, 8, 15) {
        my $without = $tokens =~ s/&field$n=\w+//r;
        answers("sixteen fields: without the token of field $n", webhook("/sixteen?step=processData$without", Digits => $KEYED[15]),
            text_error(400, 'malformed', step => 'processData'));
    }
    my $upto = join '', map { "&field$_=" . seal($KEYED[ $_ - 1 ]) } 1 .. 7;
    my $ninth = webhook("/sixteen?step=ask9$upto", Digits => $KEYED[7]);
    is action($ninth)->{target}, "/sixteen?step=ask10$upto&field8=" . token_in($ninth, 'field8'), 'sixteen fields: in the middle';
    is open_token(token_in($ninth, 'field8')), $KEYED[7], 'sixteen fields: the new token is that of the field that was asked';
}

# --- One field --------------------------------------------------------------------------------------------------------

{
    my $call = EncGather::Caller->new(url => "http://$HOST/one", token => $TOKEN{demo}, keys => [ '041', undef, '0417' ])->place;
    is $call->{error}, undef, 'one field: a call without complaint';
    is scalar @{ $call->{exchanges} }, 4, 'one field: four webhooks, of a caller who errs twice';
    is_deeply [ sealed_fields() ], [ only => '0417' ], 'one field: it arrives sealed';
    is action(webhook('/one'))->{target}, '/one?step=processData', 'one field: the first question leads to the last step';
    answers('one field: its own step', webhook('/one?step=only'), twiml_answer(asked => step => 'only'));
    answers('one field: a step of other fields', webhook('/one?step=server1'), text_error(400, 'malformed'));
}

# --- The Spanish call -----------------------------------------------------------------------------------------------------

sub with_check_digit ($digits) {
    for my $check (0 .. 9) {
        my ($sum, $n) = (0, 0);
        for my $digit (reverse split //, "$digits$check") {
            my $value = $n++ % 2 ? 2 * $digit : $digit;
            $sum += $value > 9 ? $value - 9 : $value;
        }
        return "$digits$check" if $sum % 10 == 0;
    }
    return;
}

{
    my ($voice, $mia) = ({ voice => 'Polly.Lupe', language => 'es-US' }, { voice => 'Polly.Mia', language => 'es-MX' });
    my %gather = (method => 'POST', input => 'dtmf', timeout => 10, actionOnEmptyResult => 'true');
    my $again  = [ Say => $voice, 'No le he entendido.' ];
    my $card   = [ Say => $voice, 'Introduzca el número de su tarjeta y pulse la tecla almohadilla.' ];
    my @WANT = (
        [ { %gather, timeout => 15, numDigits => 19, finishOnKey => '#' }, $card ],
        [ { %gather, timeout => 15, numDigits => 19, finishOnKey => '#' }, $again, $card ],
        [ { %gather, numDigits => 4 }, [ Say => $voice, 'Introduzca la fecha de caducidad: dos cifras del mes y dos del año.' ] ],
        [ { %gather, numDigits => 4, finishOnKey => '#' }, [ Say => $voice, 'Introduzca el código de seguridad y pulse "almohadilla".' ] ],
        [ { %gather, numDigits => 4, timeout => 5 }, [ Play => {}, 'https://ivr.example.com/es/pin.wav' ] ],
        [ { %gather, numDigits => 4, timeout => 5 }, $again, [ Play => {}, 'https://ivr.example.com/es/pin.wav' ] ],
        [ { %gather, input => 'speech' }, [ Say => $mia, 'Diga su nombre & apellidos, ¿sí?' ] ],
        [ { %gather, input => 'speech' }, [ Say => $mia, 'No le he entendido.' ], [ Say => $mia, 'Diga su nombre & apellidos, ¿sí?' ] ],
    );
    my $number = with_check_digit('400000012345678');
    my $wrong  = $number =~ s/(\d)\z/($1 + 1) % 10/er;
    my $name   = 'Iñigo Núñez de Balboa';
    remember($number, $wrong, '0630', '0129', '0932', encode_utf8($name));
    my (@gathers, @steps);
    my $call = EncGather::Caller->new(
        url  => "http://$HOST/spanish", token => $TOKEN{demo}, params => [ CallSid => $CALL ],
        keys => [ "$wrong#", "$number#", '0630', '0129', undef, '0932', undef, 'speech:' . encode_utf8($name) ],
        on   => sub ($event, $data) {
            push @gathers, $data if $event eq 'verb' && $data->{name} eq 'Gather';
        },
    )->place;
    is $call->{error}, undef, 'Spanish: a call without complaint';
    my @got = map {
        my ($gather, %attributes) = ($_, %{ $_->{attributes} });
        push @steps, (delete $attributes{action}) =~ m{^http://\Q$HOST\E/spanish\?step=(\w+)} ? $1 : '-';
        [ \%attributes, map { [ @$_{qw(name attributes text)} ] } @{ $gather->{nested} } ];
    } @gathers;
    is_deeply \@got, \@WANT, 'Spanish: every question, element for element';
    is_deeply \@steps, [ qw(caducidad caducidad cvv pin nombre nombre processData processData) ], 'Spanish: step by step';
    my $last = $call->{verbs}[-1];
    is_deeply [ @$last{qw(name attributes text)} ], [ Say => $voice, 'Gracias. Su cuenta es A C 1 2 3 4 5 6 7 8 y su saldo es 12.55 €.' ],
        'Spanish: the last sentence';
    is_deeply [ sealed_fields() ], [ tarjeta => $number, caducidad => '0630', cvv => '0129', pin => '0932', nombre => encode_utf8($name) ],
        'Spanish: what the backend gets';
    is_deeply [ grep { $_->{headers}->content_length > 65_536 } @{ $call->{exchanges} } ], [], 'Spanish: no answer is too long';

    my $given_up = EncGather::Caller->new(url => "http://$HOST/spanish", token => $TOKEN{demo}, keys => [ "$wrong#", "$wrong#" ])->place;
    is $given_up->{said}[-1], 'Lo siento. Adiós.', 'Spanish: the second wrong number is the last';
    is $given_up->{verbs}[-1]{attributes}{language}, 'es-US', 'Spanish: in Spanish too';

    my $target = '/spanish?step=caducidad';
    for my $length (12 .. 20) {
        my $digits   = with_check_digit(substr '0' . '7654321098' x 2, 0, $length - 1);
        my $response = webhook($target, Digits => $digits);
        my $good     = $length >= 13 && $length <= 19;
        answers("Spanish: a card number of $length digits", $response, twiml_answer($good ? 'asked' : 'asked-again'));
        is open_token(token_in($response, 'tarjeta')), $good ? $digits : undef, 'sealed if it is one';
        next unless $good;
        my @others = map { my $at = $_; map { my $d = $digits; substr($d, $at, 1) = $_; $d } grep { $_ ne substr $digits, $at, 1 } 0 .. 9 } 0, 5, $length - 1;
        my @taken  = grep { variables(webhook($target, Digits => $_))->{result} ne 'asked-again' } @others;
        is_deeply \@taken, [], "Spanish: $length digits, one of them wrong";
    }
}

# --- Not in a .htaccess -----------------------------------------------------------------------------------------------------

for my $line ('EncGatherField x', 'EncGatherAttempts 1') {
    my $directory = in_tree('private/fields/htdocs/htaccess');
    mkdir $directory, 0755;
    open my $file, '>', "$directory/.htaccess" or die "$directory/.htaccess: $!";
    print {$file} "$line\n";
    close $file or die "$directory/.htaccess: $!";
    is request(GET => $HOST, '/htaccess/x')->code, 500, "a .htaccess with $line";
}

$backend->stop;
ok $server->stop, 'the server stops';
log_is_clean($server, qr/\[core:alert\].*\.htaccess: EncGatherField not allowed here/, qr/\[core:alert\].*\.htaccess: EncGatherAttempts not allowed here/);

# --- Bad lines ----------------------------------------------------------------------------------------------------------------
# Each message says what would be possible.

my $judge = private_server('fields-bad', conf => '');

# Exactly one line, besides httpd's own, and the pattern in it.
sub is_refused ($name, $conf, $pattern) {
    $judge->configure(conf => encode_utf8($conf));
    my ($rc, $output) = $judge->configtest;
    my @lines = grep { !/^AH\d+: Syntax error on line \d+ of / } split /\n/, $output;
    return ok($rc != 0 && @lines == 1 && $lines[0] =~ $pattern, "refused: $name") || diag("exit code $rc, wanted $pattern, got:\n$output");
}

my $NAME   = qr/EncGatherField: .*name of the field: 1 to 64 letters, digits, - or _/;
my $DIGITS = qr/EncGatherField: digits= is a number or a range like 13-19, from 1 to 32/;
my $TIME   = qr/EncGatherField: timeout= is a number of seconds from 1 to 600/;
my $FINISH = qr/EncGatherField: finish= is one key: 0 to 9, # or \*/;
my $INPUT  = qr/EncGatherField: input= is dtmf, speech or dtmf\+speech/;
my $STEP   = qr/EncGatherField: step= is 1 to 64 letters, digits, - or _/;
my $OPEN   = qr/EncGatherField: has a quote that is not closed/;
my $KNOWN  = qr/is no option; there are step= digits= timeout= finish= say= play= voice= language= check= input= secret= recipient=/;

my @BAD = (
    (map { [ $_, $NAME ] } '', '""', "''", 'digits=4', 'na.me', 'a/b', 'a&b', 'número', '"two words"', '"" digits=4', 'x' x 65, '%41', 'a,b'),
    (map { my ($name) = /(\w+)/; [ $_, qr/EncGatherField: cannot be named $name: the module or a provider/ ] }
        qw(step attempt Digits SpeechResult bodySHA256 CallSid From CalledCountry sig CallUUID RouteType), '"step"', 'step step=x', 'msg digits=6'),
    [ 'processData', qr/EncGatherField: cannot have the step processData: it is reserved/ ],
    [ 'x step=processData', qr/EncGatherField: step=processData is reserved/ ],
    (map { [ "x step=$_", $STEP ] } 'a.b', '"a b"', 'a?b', 'ñ', 'y' x 65),
    (map { [ "x digits=$_", $DIGITS ] } qw(0 33 -4 4- 5-4 1-33 0-4 4-5-6 4..6 four 4.0 +4 0x4 99999999999999999999 4294967300), '4,5', '"4 "', '" 4"', '"4 - 6"'),
    (map { [ "x timeout=$_", $TIME ] } qw(0 601 -1 1.5 10s auto 4294967297), '" 5"'),
    (map { [ "x finish=$_", $FINISH ] } 'A', '##', '12', '#*', '+', 'none', '" "', 'ñ'),
    (map { [ "x input=$_", $INPUT ] } 'DTMF', 'both', 'speech+dtmf', 'voice', 'dtmf,speech', 'dtmf+', '"dtmf speech"'),
    (map { [ "x check=$_", qr/EncGatherField: check= knows luhn/ ] } qw(LUHN mod10 luhn2)),
    [ 'x "play=https://h/a b.wav"', qr/EncGatherField: play= is a URL, without blanks/ ],
    [ qq(x "play=https://h/a\tb.wav"), qr/EncGatherField: play= is a URL, without blanks/ ],
    (map { [ "x $_=", qr/EncGatherField: $_= has no value/ ], [ qq(x $_=""), qr/EncGatherField: $_= has no value/ ] }
        qw(step digits timeout finish say play voice language check input secret)),
    (map { [ "x secret=$_", qr/EncGatherField: secret= is on or off/ ] } qw(yes no ON 1 true onn), '" on"'),
    [ 'x say', qr/EncGatherField: say= has no value/ ],
    (map { my ($first, $second) = @$_; my ($option) = $first =~ /^(\w+)/; [ "x $first $second", qr/EncGatherField: $option= is there twice/ ] }
        [ 'step=a',     'step=a' ],     [ 'digits=4',    'digits=5' ],    [ 'timeout=4',  'timeout=4' ],  [ 'finish=#',    'finish=#' ],
        [ 'say=a',      '"say=b"' ],    [ 'play=/a',     'play=/b' ],     [ 'voice=a',    'voice=b' ],    [ 'language=en', 'language=de' ],
        [ 'check=luhn', 'check=luhn' ], [ 'input=dtmf',  'input=speech' ], [ 'secret=on', 'secret=off' ]),
    (map { [ "x $_", qr/EncGatherField: '\Q$_\E' $KNOWN/ ] }
        qw(hint=x Say=x numDigits=4 y partialResultCallback=https://h/ digit=4 digits4 =4 -digits=4)),
    [ 'x digits = 4', qr/EncGatherField: digits= has no value/ ],
    [ 'x say=two words', qr/EncGatherField: 'words' $KNOWN; a value with blanks needs quotes/ ],
    [ 'x say=two\ words', qr/EncGatherField: 'words' $KNOWN/ ],
    [ 'x say=a play=/b', qr/EncGatherField: takes say= or play=, not both/ ],
    [ 'x play=/b say=a', qr/EncGatherField: takes say= or play=, not both/ ],
    [ 'x input=speech check=luhn', qr/EncGatherField: check=luhn needs keys: input=dtmf/ ],
    [ 'x say="not closed', $OPEN ], [ q(x say='not closed"), $OPEN ], [ q(x say="escaped\"), $OPEN ], [ q(x "say=a" "), $OPEN ], [ q("x), $OPEN ],
);

my @BAD_TOGETHER = (
    [ [ 'a', 'b', 'a' ],                        qr/EncGatherField: has the name 'a' twice in one section/ ],
    [ [ 'a step=s', 'a step=t' ],               qr/EncGatherField: has the name 'a' twice in one section/ ],
    [ [ 'a step=s', 'b step=s' ],               qr/EncGatherField: has the step 's' twice in one section/ ],
    [ [ 'a', 'b step=a' ],                      qr/EncGatherField: has the step 'a' twice in one section/ ],
    [ [ 'a step=b', 'b' ],                      qr/EncGatherField: has the step 'b' twice in one section/ ],
    [ [ map { "field$_" } 1 .. 17 ],            qr/EncGatherField: is there more than 16 times in one section/ ],
);

cmp_ok scalar @BAD + @BAD_TOGETHER, '>=', 50, 'a table of ' . (@BAD + @BAD_TOGETHER) . ' bad lines';
is_refused("EncGatherField " . encode_utf8($$_[0]) =~ s/[^ -~]/./gr, "EncGatherField $$_[0]\n", $$_[1]) for @BAD;
for my $case (@BAD_TOGETHER) {
    my ($lines, $pattern) = @$case;
    my @all = map { "EncGatherField $_" } @$lines;
    is_refused(@all > 5 ? @all . ' fields' : join('; ', @all), join("\n", @all, ''), $pattern);
    is_refused('the same in a location', at('/a', @all), $pattern);
}
is_refused("EncGatherAttempts $_", "EncGatherAttempts $_\n", qr/EncGatherAttempts: is a number from 1 to 10/)
    for qw(0 11 -1 1.5 x 0x3 3x 4294967297), '" 3"', '"3 "';
is_refused(qq(EncGatherAttempts ""), qq(EncGatherAttempts ""\n), qr/EncGatherAttempts takes one argument/);
is_refused('EncGatherAttempts without a number', "EncGatherAttempts\n", qr/EncGatherAttempts takes one argument/);
is_refused('EncGatherAttempts with two', "EncGatherAttempts 1 2\n", qr/EncGatherAttempts takes one argument/);

# What looks like a clash and is none: names and steps are compared within one section, and as they are written.
for my $conf (
    "EncGatherField a\n" . at('/x', 'EncGatherField a'),
    "EncGatherField a step=b\nEncGatherField b step=a\n",
    "EncGatherField a\nEncGatherField A\n",
    "EncGatherField digits\nEncGatherField Step\nEncGatherField ATTEMPT\n",
    "EncGatherField processData step=x\n",
    "EncGatherField off\n",
    "EncGatherField off\nEncGatherField off\n",
    "EncGatherField a\nEncGatherField off\nEncGatherField a\n",
    join('', map { "EncGatherField field$_\n" } 1 .. 16) . "EncGatherField off\nEncGatherField field1\n",
    join('', map { "EncGatherField field$_\n" } 1 .. 16),
    at('/x', map { "EncGatherField field$_" } 1 .. 16) . at('/x', map { "EncGatherField field$_" } 1 .. 16),
) {
    $judge->configure(conf => $conf);
    my ($rc, $output) = $judge->configtest;
    is $output, "Syntax OK\n", 'good: ' . ($conf =~ tr/\n/ /r =~ s/(.{70}).*/$1.../r);
}

finish();
