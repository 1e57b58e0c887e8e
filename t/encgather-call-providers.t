# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# CI: no sanitizer
# encgather-call in the place of SignalWire, Telnyx and Plivo: calls through questions as the core writes them, one of
# which meets silence; what is signed, what it is called, and what a provider would not take.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use File::Temp ();
use FindBin;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp spew);
use EncGather::Fixtures qw(%TOKEN write_secret);
use EncGather::Scripted;
use EncGather::Signature qw(form_decode);

my $TOP   = abs_path("$FindBin::Bin/..");
my $OUT   = abs_path($ENV{ENCGATHER_OUT} || "$TOP/build/out");
my $TOOL  = "$OUT/encgather";
my $JUDGE = "$OUT/judge/answer";
plan skip_all => "no $TOOL or $JUDGE: make all unit builds them" if (!-x $TOOL || !-x $JUDGE) && !$ENV{CI};
local $ENV{PATH} = "$OUT:$ENV{PATH}";
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

my $DIR = File::Temp->newdir;
my $CALLED = 'https://ivr.example.com/voice';
my $SEED   = write_secret("$DIR/seed",   encode_base64("\x07" x 32, '') . "\n", 0600);
my $PUBLIC = write_secret("$DIR/public", "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=\n", 0600);
my $TOKENS = write_secret("$DIR/token",  "$TOKEN{demo}\n", 0600);
my %SIGNS  = (twilio => $TOKENS, signalwire => $TOKENS, telnyx => $SEED, plivo => $TOKENS);
my %KNOWS  = (%SIGNS, telnyx => $PUBLIC);

# (exit status, standard output, standard error)
sub run (@command) {
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN,  '<', "$DIR/in";
        open STDOUT, '>', "$DIR/out";
        open STDERR, '>', "$DIR/err";
        exec {$command[0]} @command or POSIX::_exit(98);
    }
    waitpid $pid, 0;
    return ($? & 127 ? -($? & 127) : $? >> 8, slurp("$DIR/out"), slurp("$DIR/err"));
}

sub call (@arguments) {
    spew("$DIR/in", '');
    return run($^X, "$TOP/mod_encgather/tool/encgather-call", @arguments);
}

# --- A call, as the core leads it ----------------------------------------------------------------------------------

my @FIELDS = map { { name => $_, step => "ask-$_", least => 4, most => 4, timeout => 10, say => "Your $_?" } } qw(card pin);

sub question ($provider, $field, $attempt) {
    return { provider => $provider, origin => 'https://ivr.example.com', path => '/voice', fields => \@FIELDS, field => $field,
        tokens => [ ('0a' x 32) x $field ], attempt => $attempt, $provider eq 'telnyx' ? (sig => 'Q' x 43) : () };
}

# The card, silence, the card, the PIN, and the end; silence is told to the action or leads to the redirect.
sub answers ($provider) {
    my @asked = (question($provider, 0, 1), question($provider, 0, 2), question($provider, 1, 1), { provider => $provider, text => 'Goodbye.' });
    spew("$DIR/in", join '', map { JSON::PP->new->utf8->encode($_) . "\n" } @asked);
    my ($rc, $out) = run($JUDGE);
    is $rc, 0, "$provider: the core writes";
    return split /\n/, $out;
}

sub is_signed ($provider, $request, $name) {
    my @headers;
    $request->headers->scan(sub ($key, $value) { push @headers, '--header' => "$key: $value" if $key =~ /signature|telnyx|plivo/i });
    spew("$DIR/in", $request->content);
    my ($rc, $out, $err) = run($TOOL, 'verify', '--provider', $provider, '--token-file', $KNOWS{$provider}, @headers,
        ($request->method eq 'GET' ? '--get' : ()), 'https://ivr.example.com' . $request->uri);
    return is "$rc $out$err", "0 valid\n", "$provider: $name is signed";
}

my %NAME_OF = (
    twilio     => { CallSid  => qr/^CA[0-9a-f]{32}\z/, AccountSid => qr/^AC/, From => qr/^\+/ },
    signalwire => { CallSid  => qr/^[0-9a-f]{8}-[0-9a-f-]{27}\z/, AccountSid => qr/^[0-9a-f-]{36}\z/, From => qr/^\+/ },
    telnyx     => { CallSid  => qr/^v3:/, CallSidLegacy => qr/^v3:/, AccountSid => qr/^[0-9a-f-]{36}\z/, From => qr/^\+/ },
    plivo      => { CallUUID => qr/^[0-9a-f-]{36}\z/, From => qr/^\d+\z/ },
);

for my $provider (sort keys %SIGNS) {
    my $server = EncGather::Scripted->new(answers($provider));
    my ($rc, $out, $err) = call('--provider', $provider, '--token-file', $SIGNS{$provider}, '--public-url', 'https://ivr.example.com',
        $server->url('/voice?x=%20y&b=1'), '-', '1234', '4321#');
    is "$rc $err", '0 ', "$provider: the call comes to its end" or diag $out;
    my $heard = join '', qq(< says   "Your card?"\n> keys   nothing\n), qq(< says   "Your card?"\n> keys   4 digits\n),
        qq(< says   "Your pin?"\n> keys   4 digits\n), qq(< says   "Goodbye."\nthe call is over\n);
    is $out, $heard, "$provider: what was heard";
    my @requests = $server->requests;
    is @requests, 4, "$provider: requests";
    is_signed($provider, $requests[$_], "request $_") for 0 .. $#requests;
    my @forms = map { { form_decode($_->content) } } @requests;
    for my $name (sort keys %{ $NAME_OF{$provider} }) {
        like $forms[0]{$name}, $NAME_OF{$provider}{$name}, "$provider: $name";
        is $forms[3]{$name}, $forms[0]{$name}, "$provider: the same all the time";
    }
    my $told = $provider =~ /^(?:twilio|signalwire)\z/ ? '' : undef;
    is_deeply [ map { $_->{Digits} } @forms ], [ undef, $told, 1234, 4321 ], "$provider: the digits, and silence";
    is exists $forms[2]{InputType}, $provider eq 'plivo', "$provider: InputType";
    is exists $forms[2]{FinishedOnKey}, $provider eq 'twilio', "$provider: FinishedOnKey";
    is exists $forms[2]{CallSid}, $provider ne 'plivo', "$provider: CallSid";
}

# A URL without a query, and a GET, which carries everything in it.
for my $provider (sort keys %SIGNS) {
    my $server = EncGather::Scripted->new(xml('<Redirect method="GET">https://ivr.example.com/voice?b=1&amp;a=%20</Redirect>'), xml());
    my ($rc, $out, $err) = call('--provider', $provider, '--token-file', $SIGNS{$provider}, '--public-url', 'https://ivr.example.com', $server->url('/voice'));
    my @requests = $server->requests;
    is_deeply [ $rc, map { $_->method } @requests ], [ 0, 'POST', 'GET' ], "$provider: POST, then GET" or diag $err;
    is_signed($provider, $_, $_->method . ' ' . ($_->uri =~ s/\?.*//r)) for @requests;
}

# --- What a provider does not take ------------------------------------------------------------------------------------

sub xml (@verbs) { return join '', '<?xml version="1.0" encoding="UTF-8"?><Response>', @verbs, '</Response>' }

sub fails ($provider, $answer, $why, $rc = 1, @more) {
    my $server = EncGather::Scripted->new(ref $answer eq 'ARRAY' ? $answer : xml($answer));
    my ($is_rc, $out, $err) = call('--provider', $provider, '--no-sign', '-q', @more, $server->url('/voice'));
    my $right = is $is_rc, $rc, "$provider: exit code";
    $right &= like $err, $why, "$provider: $why";
    unlike $err, qr/Twilio/, "$provider: and nothing of Twilio";
    diag $err unless $right;
    return;
}

my $ACTION = 'action="https://localhost/x"';
fails(telnyx => qq(<Gather $ACTION method="POST"/>), qr/Telnyx has no attribute method in <Gather>/);
fails(telnyx => qq(<Gather $ACTION actionOnEmptyResult="true"/>), qr/Telnyx has no attribute actionOnEmptyResult in <Gather>/);
fails(telnyx => qq(<Gather $ACTION timeout="121"/>), qr/Telnyx does not take timeout="121" in <Gather>/);
fails(plivo => qq(<Gather $ACTION/>), qr/<Gather> is no verb that this caller knows of Plivo/);
fails(plivo => '<GetInput/>', qr/Plivo: <GetInput> has to have an action/);
fails(plivo => '<GetInput action="/x"/>', qr/Plivo does not take action="\/x"/);
fails(plivo => qq(<GetInput $ACTION executionTimeout="4"/>), qr/Plivo does not take executionTimeout="4"/);
fails(plivo => qq(<GetInput $ACTION numDigits="33"/>), qr/Plivo does not take numDigits="33"/);
fails(plivo => qq(<GetInput $ACTION><Say>x</Say></GetInput>), qr/<Say> cannot stand in <GetInput>/);
fails(plivo => '<Speak voice="alice">x</Speak>', qr/Plivo has no voice "alice"/);
fails(signalwire => '<Gather action="?x"/>', qr/SignalWire does not take action="\?x"/);
fails(signalwire => [ 200, 'text/plain', 'Hello' ], qr/Content-Type 'text\/plain' is not one that SignalWire reads as XML/);
fails(signalwire => [ 302, 'text/plain', '', 'Location: /x' ], qr/SignalWire would follow it, and the digits would be lost/);
fails(plivo => [ 500, 'text/plain', '' ], qr/HTTP status 500.*\n.*encgather trace [0-9a-f-]{36} /);
fails(signalwire => [ 403, 'text/plain', 'Forbidden' ], qr/--no-sign/, 7);

# --- Words that belong to speech ----------------------------------------------------------------------------------------

for my $case ([ plivo => qq(<GetInput $ACTION inputType="dtmf speech"/>), 'Speech' ], [ telnyx => qq(<Gather $ACTION input="speech"/>), 'SpeechResult' ]) {
    my ($provider, $ask, $name) = @$case;
    my $server = EncGather::Scripted->new(xml($ask), xml());
    my ($rc, $out, $err) = call('--provider', $provider, '--no-sign', '--public-url', 'https://localhost', $server->url('/voice'), 'speech:four');
    my %form = form_decode(($server->requests)[1]->content);
    is_deeply [ $rc, $form{$name}, $form{InputType} ], [ 0, 'four', $provider eq 'plivo' ? 'speech' : undef ], "$provider: $name" or diag $err;
}

# --- A 403, and wrong usage ----------------------------------------------------------------------------------------------

for my $case ([ signalwire => qr/EncGatherProvider is not signalwire/ ], [ telnyx => qr/EncGatherProvider is not telnyx/ ]) {
    my $server = EncGather::Scripted->new([ 403, 'text/plain', 'Forbidden' ]);
    my ($rc, $out, $err) = call('--provider', $case->[0], '--token-file', $SIGNS{ $case->[0] }, '-q', '--public-url', 'https://ivr.example.com', $server->url('/voice'));
    is $rc, 7, "$case->[0]: refused";
    like $err, $case->[1], "$case->[0]: and why it may be";
}

sub misused ($why, @arguments) {
    my ($rc, $out, $err) = call(@arguments, 'http://127.0.0.1:1/');
    is $rc, 2, "usage: @arguments";
    return like $err, $why, 'and why';
}

misused(qr/--provider is one of twilio, signalwire, telnyx, plivo/, '--provider', 'sinch', '--no-sign');
misused(qr/Telnyx signs with a key/, '--provider', 'telnyx', '--token-env', 'HOME');
misused(qr/the key in \S+ does not sign/, '--provider', 'telnyx', '--token-file', $TOKENS);
misused(qr/Plivo's webhooks name no account/, '--provider', 'plivo', '--token-file', spew("$DIR/account", "MA1 $TOKEN{demo}\n"));

done_testing();
