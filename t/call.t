# SPDX-License-Identifier: Apache-2.0
# Whole calls, and each question and answer of a call, element for element.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Caller;
use EncGather::Test;

my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
my $GATHER = '/encrypted-gather';
my $CALL   = 'CA' . '5' x 32;

sub place ($target, @keys) {
    remember(@keys);
    return EncGather::Caller->new(url => url_of('call', $target), token => $TOKEN{demo}, keys => \@keys)->place;
}

# The default wording is free, what it tells is not: here without the blanks and commas of spelling.
sub told ($sentence) { return $sentence =~ tr/ ,//dr }

sub webhook ($target, @pairs) {
    return post('call', $target, [ CallSid => $CALL, @pairs ]);
}

# --- From the first ring to the hang-up ---------------------------------------------------------------

for my $case ([ 'the account of the demo' => @ACCOUNT ], [ 'another account' => @SECOND_ACCOUNT ]) {
    my ($name, $card, $pin, $number, $balance) = @$case;
    my $call = place($GATHER, $card, $pin);
    is $call->{error}, undef, "$name: no complaint of the caller's side";
    is scalar @{ $call->{exchanges} }, 3, "$name: three webhooks";
    my $sentence = told($call->{said}[-1]);
    like $sentence, qr/\Q$number\E/,  "$name: the account is said";
    like $sentence, qr/\Q$balance\E/, "$name: the balance is said";
    like $call->{ended}, qr/^(?:hangup|end)\z/, "$name: the call ends";
}

{
    my $call     = place($GATHER, $CARD, '0933');
    my $sentence = $call->{said}[-1];
    is scalar @{ $call->{exchanges} }, 3, 'unknown caller: three webhooks';
    is $call->{error}, undef, 'unknown caller: no complaint';
    ok length $sentence, 'unknown caller: hears a sentence';
    unlike told($sentence), qr/\Q$NUMBER\E|\Q$BALANCE\E/, 'unknown caller: which tells nothing of the account';
    my $found = place($GATHER, $CARD, $PIN);
    isnt $sentence, $found->{said}[-1], 'unknown caller: and is another than that of a known one';
}

{
    my $call = place('/internal', $CARD, $PIN);
    like told($call->{said}[-1]), qr/\Q$NUMBER\E/, 'a backend that is closed to the network answers the module';
    answers('and nobody else', decrypt('call', '/internal-decrypt', '{}'), json_error(403, 'forbidden', body => '{"error":"forbidden"}'));
}

# --- The two questions ----------------------------------------------------------------------------------

my $ORIGIN = 'http://' . hostport('call');

# The only <Gather> of an answer, whole; the question is put in words of the module's choice.
sub question ($action) {
    my %attributes = (
        action => $action, method => 'POST', input => 'dtmf', timeout => '10', numDigits => '4',
        actionOnEmptyResult => 'true',
    );
    return [ [ 'Gather', \%attributes, [ 'Say', {}, 'QUESTION' ] ] ];
}

sub asks ($name, $response, $action) {
    my $verbs = twiml($response);
    my @said  = said($response);
    $verbs->[0][2][2] = 'QUESTION' if @said == 1 && length $said[0];
    return is_deeply($verbs, question($action), $name);
}

{
    my $first = webhook($GATHER);
    answers('first webhook', $first, twiml_answer(asked => call => $CALL, step => 'getLast4CC', signature => 'valid'));
    asks('asks for the card', $first, "$ORIGIN$GATHER?step=getPin");
    like $first->content, qr/\A<\?xml version="1\.0" encoding="UTF-8"\?><Response><Gather /, 'its first bytes';
    like $first->content, qr{</Say></Gather></Response>\z}, 'its last bytes';

    my $named = webhook("$GATHER?step=getLast4CC");
    answers('the first step by its name', $named, twiml_answer(asked => step => 'getLast4CC'));
    is $named->content, $first->content, 'asks the same';

    my $second = webhook("$GATHER?step=getPin", Digits => $CARD);
    my $token  = token_in($second, 'encryptedCardDigits');
    answers('second webhook', $second, twiml_answer(asked => call => $CALL, step => 'getPin', signature => 'valid'));
    like $token, qr/\A[0-9a-f]{64}\z/, 'the card is a token of 64 characters';
    asks('asks for the PIN', $second, "$ORIGIN$GATHER?step=processData&encryptedCardDigits=$token");
    like $second->content, qr/\?step=processData&amp;encryptedCardDigits=[0-9a-f]{64}" /, 'as XML writes it';
    isnt +(said($second))[0], (said($first))[0], 'with another question';

    my $third = webhook("$GATHER?step=processData&encryptedCardDigits=$token", Digits => $PIN);
    answers('third webhook', $third, twiml_answer(found => call => $CALL, step => 'processData', signature => 'valid'));
    is scalar(my @said = said($third)), 1, 'says one sentence';
    is gather($third)->{action}, undef, 'asks nothing more';

    my $unknown = webhook("$GATHER?step=processData&encryptedCardDigits=$token", Digits => '0934');
    answers('nobody of that PIN', $unknown, twiml_answer('not-found', step => 'processData', signature => 'valid'));
    is gather($unknown)->{action}, undef, 'is not asked again';
}

# --- GET and HEAD of the first step -----------------------------------------------------------------------

for my $target ($GATHER, "$GATHER?step=getLast4CC", "$GATHER?CallSid=$CALL&From=%2B15551234567") {
    answers("GET $target", get('call', $target), twiml_answer(asked => step => 'getLast4CC', signature => 'valid'));
    answers("HEAD $target", get('call', $target, method => 'HEAD'), twiml_answer(asked => body => ''));
}
is variables(get('call', "$GATHER?CallSid=$CALL"))->{call}, $CALL, 'the call of a GET';

# --- Asked again --------------------------------------------------------------------------------------------

my $card_token = token_in(webhook("$GATHER?step=getPin", Digits => $CARD), 'encryptedCardDigits');
my $STEP2      = "$GATHER?step=getPin";
my $STEP3      = "$GATHER?step=processData&encryptedCardDigits=$card_token";

my @NOT_FOUR_DIGITS = (
    [ 'nothing'              => '' ],
    [ 'three digits'         => '041' ],
    [ 'five digits'          => '04170' ],
    [ 'a star'               => '041*' ],
    [ 'a hash'               => '0417#' ],
    [ 'letters'              => 'O4I7' ],
    [ 'blanks around'        => ' 041' ],
    [ 'a plus sign'          => '+041' ],
    [ 'Arabic digits'        => "\xd9\xa0\xd9\xa1" ],
    [ 'full width digits'    => "\xef\xbc\x90\xef\xbc\x94\xef\xbc\x91\xef\xbc\x97" ],
    [ 'a line end'           => "0417\n" ],
    [ 'thousands of digits'  => '0417' x 1000 ],
    [ "Twilio's own TIMEOUT" => 'TIMEOUT' ],
);
for my $case (@NOT_FOUR_DIGITS) {
    my ($name, $digits) = @$case;
    my $card = webhook($STEP2, Digits => $digits);
    answers("card: $name", $card, twiml_answer('asked-again', step => 'getPin', signature => 'valid'));
    asks("card: $name: asks the same again", $card, "$ORIGIN$STEP2&attempt=2");
    my $pin = webhook($STEP3, Digits => $digits);
    answers("PIN: $name", $pin, twiml_answer('asked-again', step => 'processData'));
    asks("PIN: $name: the same step, the same token", $pin, "$ORIGIN$STEP3&attempt=2");
}
answers('no Digits at all', webhook($STEP2), twiml_answer('asked-again'));
answers('speech instead', webhook($STEP2, SpeechResult => '0417'), twiml_answer('asked-again'));

{
    my $second = webhook("$STEP2&attempt=2", Digits => '041');
    asks('the second attempt fails too', $second, "$ORIGIN$STEP2&attempt=3");
    my $third = webhook("$STEP2&attempt=3", Digits => '041');
    answers('the third and last', $third, twiml_answer(invalid => step => 'getPin', signature => 'valid'));
    is scalar(my @said = said($third)), 1, 'says one sentence';
    is gather($third)->{action}, undef, 'and asks nothing more';
    for my $attempt (4, 10, 999) {
        answers("attempt $attempt", webhook("$STEP2&attempt=$attempt", Digits => ''), twiml_answer('invalid'));
    }
    my $late = webhook("$STEP2&attempt=3", Digits => $CARD);
    answers('right at the third attempt', $late, twiml_answer('asked'));
    my $token = token_in($late, 'encryptedCardDigits');
    asks('the next field begins anew', $late, "$ORIGIN$GATHER?step=processData&encryptedCardDigits=$token");
    answers('and comes to its end', webhook("$STEP3&attempt=3", Digits => $PIN), twiml_answer('found'));
    answers('or not', webhook("$STEP3&attempt=3", Digits => '0'), twiml_answer('invalid'));
}

{
    my $call = place($GATHER, '041', undef, $CARD, '*', $PIN);
    is scalar @{ $call->{exchanges} }, 6, 'a caller who errs three times is asked five times';
    like told($call->{said}[-1]), qr/\Q$NUMBER\E/, 'and is found';
    my $lost = place($GATHER, '041', '042', '043');
    is scalar @{ $lost->{exchanges} }, 4, 'a caller who errs three times in one field is given up';
    is $lost->{error}, undef, 'with an answer that ends the call';
    my $silent = EncGather::Caller->new(url => url_of('call', $GATHER), token => $TOKEN{demo}, keys => [],
        without_digits => 1)->place;
    is scalar @{ $silent->{exchanges} }, 4, 'as is one who says nothing';
}

# --- The query of the action --------------------------------------------------------------------------------

{
    my $response = webhook("$GATHER?tenant=a&step=getPin&lang=de&attempt=2", Digits => $CARD);
    my $token    = token_in($response, 'encryptedCardDigits');
    is action($response)->{target}, "$GATHER?step=processData&encryptedCardDigits=$token",
        'other parameters of the URL are not carried';
    my $order = webhook("$GATHER?attempt=2&encryptedCardDigits=$card_token&step=processData", Digits => '');
    is action($order)->{target}, "$STEP3&attempt=3", 'step, tokens, attempt: in this order';
    my $foreign = webhook("$GATHER?step=getPin&encryptedPinDigits=$card_token", Digits => $CARD);
    answers('a token of a later field', $foreign, twiml_answer('asked'));
    is_deeply [ map { /^encrypted/ ? $_ : () } @{ action($foreign)->{query} } ], ['encryptedCardDigits'],
        'is not carried either';
    my $upper = webhook("$GATHER?step=processData&encryptedCardDigits=" . uc $card_token, Digits => $PIN);
    answers('a token in capitals', $upper, twiml_answer('found'));
}

# --- Wherever the handler is --------------------------------------------------------------------------------

for my $path ('/ivr/deep/gather', '/ivr/deep/gather/x/y', '/ivr/if', '/voice/demo/gather', '/voice/o\'hara/gather',
    '/encrypted-gather/below', '/encrypted-gather/', '/encrypted-gather/%C3%BC%20%26', '/%65ncrypted-gather',
    '/lines/one.html', '//encrypted-gather', '/x/../encrypted-gather')
{
    my $response = webhook("$path?step=getPin", Digits => $CARD);
    answers("POST $path", $response, twiml_answer('asked'));
    is action($response)->{path}, $path, "$path: the action has the path of the request line";
    is action($response)->{origin}, $ORIGIN, "$path: and its origin";
}

SKIP: {
    my $old = webhook('/old-gather?step=getPin', Digits => $CARD);
    skip 'this httpd has no mod_rewrite', 4 if $old->code == 404;
    answers('a path that is rewritten', $old, twiml_answer('asked', signature => 'valid'));
    is action($old)->{path}, '/old-gather', 'the action has it as it was before';
    my $step = webhook('/swapped/getPin', Digits => $CARD);
    is action($step)->{path}, '/swapped/getPin', 'also where the query is rewritten';
    answers('and the signature is that of the original URL', $step, status => 200, signature => 'valid');
}

{
    my $proxy_style = webhook("$ORIGIN$GATHER?step=getPin", Digits => $CARD);
    is $proxy_style->code, 403, 'an absolute request target is not what was signed for it here';
    expect_log(qr/EG03\d\d:/);
    my $signed = post('call', "$ORIGIN$GATHER?step=getPin", [ Digits => $CARD ], signed_url => "$ORIGIN$GATHER?step=getPin");
    answers('signed as what it stands for', $signed, twiml_answer('asked'));
    is action($signed)->{path}, $GATHER, 'the action is its path';
}

# --- Headers that change other answers --------------------------------------------------------------------------
# A POST has no parts to choose from, and its answer is never "not modified".

for my $header ([ Range => 'bytes=0-9' ], [ 'If-Match' => '"x"' ], [ 'If-None-Match' => '*' ],
    [ 'If-Modified-Since' => 'Fri, 31 Dec 2100 23:59:59 GMT' ], [ 'Accept-Encoding' => 'gzip' ], [ Accept => 'image/png' ])
{
    my $response = post('call', "$GATHER?step=getPin", [ Digits => $CARD ], headers => $header);
    answers("with $header->[0]: $header->[1]", $response, twiml_answer('asked'));
    like token_in($response, 'encryptedCardDigits'), qr/\A[0-9a-f]{64}\z/, 'the whole answer';
}

# --- The call's name in the log ---------------------------------------------------------------------------------

for my $case (
    [ 'CA' . 'a' x 32,      1 ],
    [ 'a',                  1 ],
    [ 'A-Z_0:9' . 'x' x 57, 1 ],
    [ 'x' x 65,             0 ],
    [ '',                   0 ],
    [ 'CA 1',               0 ],
    [ "CA1\"\nCA2",         0 ],
    [ "CA\xc3\xa9",         0 ],
    [ '<CA1>',              0 ],
) {
    my ($sid, $good) = @$case;
    my $response = post('call', $GATHER, [ CallSid => $sid ]);
    is variables($response)->{call}, $good ? $sid : '-', "CallSid '" . ($sid =~ s/[^!-~]/./gr) . "'";
}
is variables(post('call', $GATHER, []))->{call}, '-', 'no CallSid';

finish();
