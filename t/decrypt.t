# SPDX-License-Identifier: Apache-2.0
# decrypt-gather: what it takes, what it finds, and a database that does not answer.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use IPC::Open2 qw(open2);
use JSON::PP ();
use Test::More;

use lib 't/lib';
use EncGather::Signature qw(form_encode);
use EncGather::Test;

my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
my $FOUND = qq({"account":"$NUMBER","balance":"$BALANCE"});
my ($card, $pin) = (seal($CARD), seal($PIN));
my %fields = (encryptedCardDigits => $card, encryptedPinDigits => $pin);
my $GOOD   = qq({"encryptedCardDigits":"$card","encryptedPinDigits":"$pin"});
remember($CARD, $PIN);

sub found ($body = $FOUND) {
    return (status => 200, type => 'application/json', cache => 'no-store', body => $body, result => 'found',
        signature => 'unchecked');
}

# --- What it takes --------------------------------------------------------------------------------------

sub good ($name, $body, $type, %options) {
    return answers($name, decrypt('call', '/decrypt-gather', $body, type => $type, %options), found());
}

my $FORM = form_encode(%fields);
good('JSON',                         $GOOD, 'application/json');
good('JSON with a charset',          $GOOD, 'application/json; charset=utf-8');
good('JSON, its name in capitals',   $GOOD, 'Application/JSON');
good('JSON with blanks and lines',   $GOOD =~ s/([:,{])/ $1\r\n\t/gr, 'application/json');
good('JSON with further members',    $GOOD =~ s/\}\z/,"a":[{"b":null}],"step":7,"":"x","c":"\\u00e9"}/r, 'application/json');
good('JSON with escapes',            $GOOD =~ s/encrypted/\\u0065ncrypted/gr, 'application/json');
good('JSON in chunks',               undef, 'application/json', chunks => [ unpack '(a7)*', $GOOD ]);
good('JSON in segments',             $GOOD, 'application/json', segments => 30);
good('a form',                       $FORM, 'application/x-www-form-urlencoded');
good('a form with further names',    "a=1&$FORM&a=2&CallSid=CA1", 'application/x-www-form-urlencoded');
good('a form with a charset',        $FORM, 'application/x-www-form-urlencoded;charset=UTF-8');

# --- What it finds ----------------------------------------------------------------------------------------

sub lookup ($path, $card_digits = $CARD, $pin_digits = $PIN) {
    return decrypt('call', $path, { encryptedCardDigits => seal($card_digits), encryptedPinDigits => seal($pin_digits) });
}

answers('one row', lookup('/decrypt-gather'), found());
answers('the account of the demo', lookup('/decrypt-gather', @ACCOUNT[ 0, 1 ]), found('{"account":"AC12345678","balance":"12.55"}'));
answers('arguments in another order', lookup('/decrypt-reversed'), found());
answers('a query with a percent sign', lookup('/decrypt-like'), found(qq({"account":"$NUMBER"})));
answers('no row', lookup('/decrypt-gather', '0000'), json_error(404, 'not-found', body => '{"error":"not found"}'));
answers('two rows', lookup('/decrypt-twins'), json_error(404, 'not-found', body => '{"error":"not found"}'));
answers('NULL', lookup('/decrypt-twins', '0418'), found('{"account":"AC3","balance":null}'));

{
    my $response = lookup('/decrypt-gather', '0418');
    my $answer   = JSON::PP->new->utf8->decode($response->content);
    is_deeply $answer, { account => "A&B <S\xf6hne> \"x\"", balance => '0' }, 'letters that JSON escapes';
    my $typed = JSON::PP->new->utf8->decode(lookup('/decrypt-typed')->content);
    is_deeply $typed, { whole => '42', part => '0.5', 'two words' => 'x', quoted => qq(say "hi" \\ & <b>\n\xe9) },
        'columns under their names, all as strings';
}

answers('a lookup that takes one field demands only that',
    decrypt('call', '/decrypt-like', { encryptedCardDigits => $card }), found(qq({"account":"$NUMBER"})));
answers('and does not look at others',
    decrypt('call', '/decrypt-like', { encryptedCardDigits => $card, encryptedPinDigits => 'no token' }),
    found(qq({"account":"$NUMBER"})));

# --- Wrong methods, media types, bodies -------------------------------------------------------------------

for my $method (qw(GET HEAD PUT DELETE OPTIONS PATCH post FOO)) {
    my $response = request($method => 'call', '/decrypt-gather', body => $GOOD, headers => [ 'Content-Type' => 'application/json' ]);
    my @body = $method eq 'HEAD' ? (body => '') : ();
    answers("$method", $response, json_error(405, 'method', allow => 'POST', @body));
}

sub media ($name, $type, %options) {
    return answers($name, decrypt('call', '/decrypt-gather', $GOOD, type => $type, %options), json_error(415, 'media-type'));
}

media('no Content-Type',        undef);
media('text/plain',             'text/plain');
media('text/json',              'text/json');
media('multipart',              'multipart/form-data; boundary=x');
media('a longer name',          'application/jsonx');
media('another longer name',    'application/x-www-form-urlencodedX');
media('compressed',             'application/json', headers => [ 'Content-Encoding' => 'gzip' ]);

sub malformed ($name, $body, %options) {
    return answers($name, decrypt('call', '/decrypt-gather', $body, %options), json_error(400, 'malformed'));
}

malformed('an empty body',              '');
malformed('no body, no type',           undef, type => undef);
malformed('blanks',                     " \n");
malformed("JSON: $_",                   $_) for '{}', '[]', 'null', 'true', '12', '"x"', '{', '}', '{"a"}', "[$GOOD]";
malformed('a trailing comma',           $GOOD =~ s/\}\z/,}/r);
malformed('a comment',                  "/* $GOOD */ $GOOD");
malformed('something behind it',        "$GOOD x");
malformed('two objects',                "$GOOD$GOOD");
malformed('a byte order mark',          "\xef\xbb\xbf$GOOD");
malformed('UTF-16',                     join '', map { "$_\0" } split //, $GOOD);
malformed('bytes that are not UTF-8',   $GOOD =~ s/\}\z/,"a":"\xff"}/r);
malformed('single quotes',              $GOOD =~ tr/"/'/r);
malformed('ten thousand levels',        '[' x 10_000 . ']' x 10_000);
malformed('and in a member',            $GOOD =~ s/\}\z/',"a":' . '{"a":' x 10_000 . '1' . '}' x 10_001/er);
malformed('a member twice',             $GOOD =~ s/\}\z/,"encryptedCardDigits":"$card"}/r);
malformed('NUL in a token',             $GOOD =~ s/$card/$card\\u0000/r);
malformed('NUL in a name',              $GOOD =~ s/"encryptedCardDigits"/"encryptedCardDigits\\u0000"/r);
malformed('NUL as a byte',              "$GOOD\0");
malformed('a name in other letters',    $GOOD =~ s/encryptedCardDigits/encryptedcarddigits/r);
malformed('the card is missing',        { encryptedPinDigits => $pin });
malformed('the PIN is missing',         { encryptedCardDigits => $card });
malformed("the card is $$_[0]",         { %fields, encryptedCardDigits => $$_[1] })
    for [ 'null', undef ], [ 'a number', 417 ], [ 'an array', [$card] ], [ 'an object', { a => $card } ],
        [ 'true', JSON::PP::true ];

sub with_query ($query, $body, @more) { return decrypt('call', "/decrypt-gather?$query", $body, @more) }

answers("JSON, and in the query $_", with_query($_, $GOOD), json_error(400, 'malformed'))
    for 'encryptedCardDigits=' . $card, 'encryptedPinDigits', 'a=b&encryptedCardDigits=x', '%65ncryptedCardDigits=';
answers('JSON, and a further member in the query', with_query('step=7', $GOOD =~ s/\}\z/,"step":7}/r), json_error(400, 'malformed'));
answers("JSON, and in the query other names: $_", with_query($_, $GOOD), found()) for 'a=b', 'encryptedcarddigits=x', 'encryptedCardDigit=x', '';

my @AS_FORM = (type => 'application/x-www-form-urlencoded');
malformed('form: a bad escape',         "$FORM&a=%zz",   @AS_FORM);
malformed('form: half an escape',       "$FORM&a=%4",    @AS_FORM);
malformed('form: NUL in a value',       "$FORM&a=%00",   @AS_FORM);
malformed('form: NUL in a name',        "$FORM&a%00=1",  @AS_FORM);
malformed('form: a field twice',        "$FORM&encryptedCardDigits=$card", @AS_FORM);
answers('form, and a field in the query', with_query('encryptedPinDigits=', $FORM, @AS_FORM), json_error(400, 'malformed'));
answers('form, and a further name in the query', with_query('a=1', "$FORM&a=1", @AS_FORM), json_error(400, 'malformed'));
malformed('form: the card is missing',  form_encode(encryptedPinDigits => $pin), @AS_FORM);
malformed('form: JSON in its place',    $GOOD, @AS_FORM);
malformed('JSON: a form in its place',  $FORM);

sub too_large ($name, $response, %more) {
    return answers($name, $response, json_error(413, 'too-large', %more));
}

too_large('a body over the limit', decrypt('small', '/decrypt-gather', $GOOD . ' ' x 500));
too_large('one that is only announced', decrypt('small', '/decrypt-gather', $GOOD, length => 50_000), connection => 'close');
too_large('one in chunks', decrypt('small', '/decrypt-gather', undef, chunks => [ $GOOD, ' ' x 500 ]));
too_large('one over the default limit', decrypt('call', '/decrypt-gather', $GOOD . ' ' x 65_536));
too_large('257 names', decrypt('call', '/decrypt-gather', join('&', $FORM, map { "a$_=" } 1 .. 255), @AS_FORM));
answers('256 names', decrypt('call', '/decrypt-gather', join('&', $FORM, map { "a$_=" } 1 .. 254), @AS_FORM), found());
answers('a body of just the limit', decrypt('call', '/decrypt-gather', $GOOD . ' ' x (65_536 - length $GOOD)), found());

# --- Not enabled, not configured ----------------------------------------------------------------------------

for my $path ('/no-lookup', '/backend-only') {
    my $response = decrypt('call', $path, $GOOD);
    answers("$path: no EncGatherLookup", $response, text_error(404, '-'));
}
answers('no key', decrypt('nokey', '/decrypt-gather', $GOOD), json_error(500, 'misconfigured'));
expect_log(qr/\[encgather:error\].*EG01\d\d:/);
answers('what is wrong with the body comes first', decrypt('nokey', '/decrypt-gather', "{$GOOD"), json_error(400, 'malformed'));

# --- A database that does not answer -------------------------------------------------------------------------

my $DATABASE = in_tree('conf/fragile.db');

sub locked ($do) {
    my $pid = open2(my $from, my $to, 'sqlite3', '-batch', $DATABASE);
    $to->autoflush(1);
    print {$to} "BEGIN EXCLUSIVE;\nSELECT 'locked';\n";
    is scalar <$from>, "locked\n", 'the database is locked by somebody else';
    $do->();
    print {$to} "ROLLBACK;\n";
    close $to;
    waitpid $pid, 0;
    return;
}

sub unavailable ($name) {
    return answers($name, decrypt('fragile', '/decrypt-gather', $GOOD),
        json_error(500, 'unavailable', body => '{"error":"unavailable"}'));
}

# More requests than there are workers, with a database connection each.
sub all_find ($name) {
    my @statuses = map { decrypt('fragile', '/decrypt-gather', $GOOD)->code } 1 .. 32;
    return is_deeply([ grep { $_ != 200 } @statuses ], [], $name);
}

sub change_schema ($sql) {
    return system('sqlite3', '-batch', -cmd => '.timeout 10000', $DATABASE, $sql) == 0;
}

all_find('before anything happens');
locked(sub () {
    unavailable('a database that is locked');
    my $call = post('fragile', "/encrypted-gather?step=processData&encryptedCardDigits=$card", [ Digits => $PIN ]);
    answers('the call hears of it', $call, twiml_answer('unavailable'));
});
all_find('and is well again');
expect_log(qr/\[encgather:error\].*EG06\d\d:/, qr/\[encgather:error\].*EG05\d\d:/);
allow_log(qr/\[dbd:error\]/);

ok change_schema('ALTER TABLE accounts RENAME TO gone'), 'the table is taken away';
unavailable('without its table');
ok change_schema('ALTER TABLE gone RENAME TO accounts'), 'and put back';
all_find('all workers find it again');
ok change_schema('CREATE INDEX more_speed ON accounts (pin)'), 'an index is added';
all_find('without a request lost');

finish();
