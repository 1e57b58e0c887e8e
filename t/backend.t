# SPDX-License-Identifier: Apache-2.0
# The backend's side of a call: what it gets, what its answers make of the call, and all the ways in which it fails.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use IO::Socket::INET;
use JSON::PP ();
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Test;

use constant WORKERS => 16;    # of the test server

my $vars = Apache::TestConfig->thaw->{vars};
plan skip_all => 'this httpd has no mod_proxy_http, or no mod_macro' unless eval { hostport('backend'); 1 };

my $backend = EncGather::Backend->new(port => $vars->{app_port}, record => in_tree('backend-requests'));

my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
my $CARD_TOKEN = seal($CARD);
my @CALL       = (CallSid => 'CA' . '3' x 32, Digits => $PIN);
my $LAST_STEP  = "?step=processData&encryptedCardDigits=$CARD_TOKEN";

sub last_step ($path, %options) {
    return post('backend', "$path$LAST_STEP", \@CALL, %options);
}

sub told ($response) { return join(' ', said($response)) =~ tr/ ,//dr }

# --- What the backend gets --------------------------------------------------------------------------------

my @CALLERS_HEADERS = (
    Cookie => 'session=1', Authorization => 'Basic dTpw', 'Accept-Encoding' => 'gzip', 'Accept-Language' => 'de',
    Referer => 'https://example.com/', 'User-Agent' => 'TwilioProxy/1.1', 'X-Forwarded-For' => '192.0.2.1',
    'X-Forwarded-Host' => 'example.com', 'I-Twilio-Idempotency-Token' => 'abc', 'If-None-Match' => '"x"',
    'X-Home-Region' => 'us1', Forwarded => 'for=192.0.2.1',
);
my %OURS        = map { $_ => 1 } qw(content-type content-length accept idempotency-key);
my %MOD_PROXYS  = map { $_ => 1 } qw(host connection x-forwarded-for x-forwarded-host x-forwarded-server);

for my $way ('path', 'url') {
    $backend->forget;
    answers("$way: a call", last_step("/$way/ok", headers => \@CALLERS_HEADERS), twiml_answer('found', signature => 'valid'));
    my @requests = $backend->requests;
    is scalar @requests, 1, "$way: the backend is called once";
    my ($request) = @requests;
    is $request->{method}, 'POST', "$way: by POST";
    is $request->{target}, '/ok', "$way: at its own path, without the query of the webhook";

    my %headers = %{ $request->{headers} };
    is_deeply [ grep { !$OURS{$_} && !$MOD_PROXYS{$_} } sort keys %headers ], [], "$way: no header of the caller's goes on";
    is_deeply [ grep { @{ $headers{$_} } != 1 } sort keys %headers ], [], "$way: and none is there twice";
    is $headers{'content-type'}[0], 'application/json', "$way: Content-Type";
    is $headers{'content-length'}[0], length $request->{body}, "$way: Content-Length";
    like $headers{accept}[0], qr{\bapplication/json\b}, "$way: Accept";
    like $headers{'idempotency-key'}[0], qr/\A[!-~]{16,}\z/, "$way: Idempotency-Key";
    unlike $headers{'x-forwarded-for'}[0], qr/192\.0\.2\.1/, "$way: X-Forwarded-For is mod_proxy's own";
    unlike(JSON::PP->new->encode($request), qr/\b(?:$CARD|$PIN)\b/, "$way: no digits in any place");

    like $request->{body}, qr/\A\{"encryptedCardDigits":"$CARD_TOKEN","encryptedPinDigits":"[0-9a-f]{64}"\}\z/, "$way: the body";
    my $fields = JSON::PP->new->decode($request->{body});
    is open_token($fields->{encryptedPinDigits}), $PIN, "$way: the PIN is sealed with the key";

    $backend->forget;
    last_step("/$way/query");
    is(($backend->requests)[0]{target}, '/ok?tenant=a&x=%20y', "$way: a query of the backend's own URL goes with it");

    $backend->forget;
    post('backend', "/$way/ok", []);
    post('backend', "/$way/ok?step=getPin", [ Digits => $CARD ]);
    post('backend', "/$way/ok$LAST_STEP", [ Digits => '041' ]);
    last_step("/$way/ok", token => undef);
    is_deeply [ $backend->requests ], [], "$way: and is left alone before the call is complete";
}
expect_log(qr/EG03\d\d:/);

# --- Answers that are well ------------------------------------------------------------------------------------

for my $case (
    [ ok      => 'AC12345678',      '12.55', 'strings as they are' ],
    [ numbers => '1234567890123',   '12.5',  'numbers' ],
    [ words   => 'true',            'false', 'true and false as words' ],
    [ chunked => 'AC12345678',      '12.55', 'an answer in chunks of one byte' ],
    [ fits    => 'AC12345678',      '12.55', 'an answer of just 64 KiB' ],
    [ strange => "A&B<\"\x{e9}",    '1',     'markup, what XML does not know, further members' ],
) {
    my ($path, $account, $balance, $name) = @$case;
    for my $way ('path', 'url') {
        my $response = last_step("/$way/$path");
        answers("$way/$path: $name", $response, twiml_answer('found'));
        like told($response), qr/\Q$account\E/, "$way/$path: the account is said";
        like told($response), qr/\Q$balance\E/, "$way/$path: the balance is said";
        is gather($response)->{action}, undef,  "$way/$path: and nothing more is asked";
    }
}

# --- Answers that say no --------------------------------------------------------------------------------------

my $not_found   = told(last_step('/path/404json'));
my $unavailable = told(last_step('/path/500'));
isnt $not_found, $unavailable, 'who is not found hears something else than when the backend fails';

# One sentence, always the same; it tells nothing of the cause.
sub is_told ($name, $response, $result, $sentence) {
    answers($name, $response, twiml_answer($result, step => 'processData', signature => 'valid'));
    is told($response), $sentence, "$name: the sentence";
    return;
}

for my $way ('path', 'url') {
    is_told("$way: 404 with JSON", last_step("/$way/404json"), 'not-found', $not_found);
    is_told("$way: 404 without JSON", last_step("/$way/404html"), 'not-found', $not_found);
}
expect_log(qr/\[encgather:warn\].*EG05\d\d:/);

for my $case (
    [ 401         => 'it wants a password' ],
    [ 500         => 'it has an error, though with a good body' ],
    [ 503         => 'it is busy' ],
    [ 204         => 'it answers nothing' ],
    [ 301         => 'it sends us elsewhere' ],
    [ empty       => 'an empty body' ],
    [ notjson     => 'JSON that is cut off' ],
    [ html        => 'no JSON' ],
    [ array       => 'JSON, but no object' ],
    [ 'no-member' => 'a member of the sentence is missing' ],
    [ null        => 'a member is null' ],
    [ nested      => 'a member is an object' ],
    [ large       => 'a byte more than 64 KiB' ],
    [ huge        => 'it never ends' ],
    [ drop        => 'it closes within the body' ],
    [ 'half-head' => 'it closes within the headers' ],
    [ close       => 'it closes at once' ],
    [ slow        => 'it is silent' ],
    [ refused     => 'nobody listens there' ],
) {
    my ($path, $name) = @$case;
    for my $way ('path', 'url') {
        $backend->forget;
        is_told("$way/$path: $name", last_step("/$way/$path"), 'unavailable', $unavailable);
        my $times = () = $backend->requests;
        cmp_ok $times, '<=', 1, "$way/$path: and it is not called again";
    }
}
is_told("/path/$$_[0]: $$_[1]", last_step("/path/$$_[0]"), 'unavailable', $unavailable)
    for [ denied => 'a path of this server that is closed' ],
        [ static => 'a file of this server' ], [ nowhere => 'a path of this server that is not there' ],
        [ itself => 'another webhook, and itself' ];

# The reason and the tokens are in the error log, so that an operator can find the call; mod_proxy has its own lines.
expect_log(qr/\[encgather:error\].*EG05\d\d:.*\b$CARD_TOKEN\b/, qr/\[authz_core:error\].*AH01630: client denied/);
allow_log(qr/\[proxy(?:_http)?:(?:error|warn)\]/);

answers('a good call after all that', last_step('/path/ok'), twiml_answer('found'));
$backend->stop;
is_told('the backend is gone', last_step('/path/ok'), 'unavailable', $unavailable);
$backend = EncGather::Backend->new(port => $vars->{app_port}, record => in_tree('backend-requests'));
answers('and is back', last_step('/path/ok'), twiml_answer('found'));
answers('under its URL too', last_step('/url/ok'), twiml_answer('found'));

# --- As many calls at once as there are workers -------------------------------------------------------------------
# A backend that is a path of this server is called within the worker that has the webhook: nobody waits for a worker
# that is free. Every worker is given the greater part of a request before any gets the rest of it.

sub connection () {
    return IO::Socket::INET->new(PeerAddr => hostport('call')) || die "connect: $@";
}

{
    my @calls = map {
        my $bytes = post('call', "/encrypted-gather$LAST_STEP", \@CALL, unsent => 1);
        { socket => connection(), first => substr($bytes, 0, -5), last => substr($bytes, -5) };
    } 1 .. 2 * WORKERS;
    print { $_->{socket} } $_->{first} for @calls;
    $_->{socket}->flush for @calls;
    print { $_->{socket} } $_->{last} for @calls;
    $_->{socket}->flush for @calls;
    my @bad = grep { $_ !~ /\AHTTP\/1\.1 200 .*\Q$BALANCE\E/s } map { local $/; scalar readline $_->{socket} } @calls;
    is_deeply \@bad, [], 'F10 all workers busy, their backend in the same server: ' . @calls . ' calls, are answered';
    allow_log(qr/server (?:reached|is within) .*MaxRequestWorkers/);
    answers('F10 all workers busy, their backend in the same server: the next call', post('call', "/encrypted-gather$LAST_STEP", \@CALL), twiml_answer('found'));
}

$backend->stop;
finish();
