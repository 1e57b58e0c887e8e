# SPDX-License-Identifier: Apache-2.0
# How a provider places a call: a row each, of what it sends, how it signs and what it takes of an answer. Written from
# the providers' rules and sharing no code with the module, but for Telnyx's signatures, which the program encgather makes.
package EncGather::Provider;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Digest::SHA qw(hmac_sha1_base64 hmac_sha256_base64);
use IPC::Open2 qw(open2);

use EncGather::Signature qw(signature form_decode);

my $KEY      = qr/^[0-9*#]\z/;
my $INPUT    = qr/^(?:dtmf|speech|dtmf speech|speech dtmf)\z/;
my $METHOD   = qr/^(?:GET|POST)\z/;
my $NUMBER   = qr/^[1-9][0-9]*\z/;
my $ABSOLUTE = qr{^https?://[^/?#]}i;

sub _below ($most, $least = 1) { return sub ($value) { $value =~ $NUMBER && $value >= $least && $value <= $most } }

# title, call (parameter that names it), agent, timeout (seconds for an answer), most (bytes of it)
# sign         (token, exchange, body) to the headers of the signature
# parameters   (row, from, to) to those of the whole call
# gather, say  its elements; input, wait: attributes of gather; waits: seconds unless said; speech: the parameter
# on_empty     whether gather can call its action without an answer
# verbs        what else it has; attributes of the gather, where all are known, with the values that it takes
my %ROW = (
    twilio => {
        title => 'Twilio', call => 'CallSid', agent => 'TwilioProxy/1.1', timeout => 15, most => 64 * 1024, status => 1,
        sign => sub ($token, $exchange, $body) { return ('X-Twilio-Signature' => signature($token, _without_port($exchange->{url}), _signed_form($exchange))) },
        parameters => \&_parameters_of_twilio,
        gather => 'Gather', say => 'Say', input => 'input', wait => 'timeout', waits => 5, speech => 'SpeechResult', on_empty => 1,
        verbs => [qw(Play Pause Redirect Hangup Reject Dial)],
    },
    signalwire => {
        title => 'SignalWire', call => 'CallSid', agent => 'SignalWire', timeout => 5, most => 64 * 1024, status => 1,
        sign => sub ($token, $exchange, $body) { return ('X-SignalWire-Signature' => _signature_of_signalwire($token, $exchange)) },
        parameters => sub ($from, $to) {
            return (AccountSid => _uuid(), ApiVersion => '2010-04-01', CallSid => _uuid(), Direction => 'inbound', From => $from, To => $to);
        },
        gather => 'Gather', say => 'Say', input => 'input', wait => 'timeout', waits => 5, speech => 'SpeechResult', on_empty => 1,
        verbs => [qw(Play Pause Redirect Hangup Reject Dial)],
        attributes => { action => $ABSOLUTE, actionOnEmptyResult => qr/^(?:true|false)\z/, finishOnKey => qr/^[0-9*#]*\z/, input => $INPUT,
            method => $METHOD, numDigits => $NUMBER, timeout => $NUMBER, map { $_ => qr/./ } qw(enhanced hints language profanityFilter speechModel
            speechTimeout partialResultCallback partialResultCallbackMethod) },
    },
    telnyx => {
        title => 'Telnyx', call => 'CallSid', agent => 'telnyx-webhooks', timeout => 15, most => 64 * 1024, status => 0,
        sign => \&_signed_by_the_tool,
        parameters => sub ($from, $to) {
            my $call = 'v3:' . _random(42, 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');
            return (AccountSid => _uuid(), CallSid => $call, CallSidLegacy => $call, From => $from, To => $to);
        },
        gather => 'Gather', say => 'Say', input => 'input', wait => 'timeout', waits => 5, speech => 'SpeechResult', on_empty => 0,
        verbs => [qw(Play Pause Redirect Hangup Reject Dial)],
        attributes => { action => qr/./, finishOnKey => $KEY, input => $INPUT, numDigits => _below(128), minDigits => _below(128), maxDigits => _below(128),
            timeout => _below(120), map { $_ => qr/./ } qw(validDigits invalidDigitsAction language transcriptionEngine useEnhanced model
            keyterms smartFormat apiKeyRef region) },
    },
    plivo => {
        title => 'Plivo', call => 'CallUUID', agent => 'Plivo', timeout => 40, most => 100 * 1024, status => 1,
        sign => \&_signed_by_plivo,
        parameters => sub ($from, $to) {
            my $call = _uuid();
            return (BillRate => '0.0085', CallUUID => $call, Direction => 'inbound', From => $from =~ s/^\+//r, RequestUUID => $call, To => $to =~ s/^\+//r);
        },
        gather => 'GetInput', say => 'Speak', input => 'inputType', wait => 'executionTimeout', waits => 15, speech => 'Speech', on_empty => 0,
        verbs => [qw(Play Wait Redirect Hangup Dial)], told_kind => 1,
        attributes => { action => $ABSOLUTE, method => $METHOD, inputType => $INPUT, executionTimeout => _below(60, 5), digitEndTimeout => qr/^(?:auto|[2-9]|10)\z/,
            numDigits => _below(32), finishOnKey => qr/^(?:[0-9*#]|none|)\z/, log => qr/^(?:true|false)\z/, redirect => qr/^(?:true|false)\z/,
            map { $_ => qr/./ } qw(speechEndTimeout speechModel hints language interimSpeechResultsCallback interimSpeechResultsCallbackMethod profanityFilter) },
        needs_action => 1, voice => qr/^(?:MAN|WOMAN|Polly\.[^.]+)\z/,
    },
);

# A row of that name; undef: there is none.
sub named ($class, $name) { return $ROW{$name} }

sub names ($class) { return qw(twilio signalwire telnyx plivo) }

# --- What it would complain of -----------------------------------------------------------------------------------

# Half a sentence about a question, or undef.
sub complaint_of_gather ($row, $attributes) {
    return "$row->{title}: <$row->{gather}> has to have an action" if $row->{needs_action} && !defined $attributes->{action};
    my $known = $row->{attributes} or return;
    for my $name (sort keys %$attributes) {
        my $good = $known->{$name} or return "$row->{title} has no attribute $name in <$row->{gather}>";
        my $value = $attributes->{$name};
        return "$row->{title} does not take $name=\"$value\" in <$row->{gather}>" unless ref $good eq 'CODE' ? $good->($value) : $value =~ $good;
    }
    return;
}

sub complaint_of_say ($row, $attributes) {
    my $voice = $attributes->{voice};
    return unless $row->{voice} && defined $voice && $voice !~ $row->{voice};
    return "$row->{title} has no voice \"$voice\"";
}

# --- Parameters ---------------------------------------------------------------------------------------------------

sub _random ($length, @of) { return join '', map { $of[ rand @of ] } 1 .. $length }
sub _hex ($length) { return _random($length, 0 .. 9, 'a' .. 'f') }
sub _uuid () { return join '-', map { _hex($_) } 8, 4, 4, 4, 12 }

# The caller's city has a letter outside ASCII, and some values are empty, because that is what real ones look like.
sub _parameters_of_twilio ($from, $to) {
    return (
        AccountSid => 'AC' . '0' x 32,
        ApiVersion => '2010-04-01',
        CallSid    => 'CA' . _hex(32),
        Direction  => 'inbound',
        _party(Called => $to,   '', 'US', 'CA'),
        _party(To     => $to,   '', 'US', 'CA'),
        _party(Caller => $from, 'COLOGNE', 'DE', "K\xc3\xb6ln"),
        _party(From   => $from, 'COLOGNE', 'DE', "K\xc3\xb6ln"),
    );
}

sub _party ($who, $number, $city, $country, $state) {
    return (
        $who          => $number,
        "${who}City"  => $city,  "${who}Country" => $country,
        "${who}State" => $state, "${who}Zip"     => '',
    );
}

# --- Signatures -----------------------------------------------------------------------------------------------------

sub _signed_form ($exchange) { return $exchange->{method} eq 'POST' ? $exchange->{form} : [] }

sub _without_user ($url) { return $url =~ s{^(https?://)[^/?#]*@}{$1}ir }

# Twilio drops user and password from what it signs, and over HTTPS the port as well.
sub _without_port ($url) { return _without_user($url) =~ s{^(https://(?:\[[^\]]*\]|[^/?#:]*)):\d+}{$1}ir }

# Names and values, joined, in the order of the names; same ($a, $b) decides between those of one name.
sub _sorted ($pairs, $same = sub ($x, $y) { 0 }) {
    my @names = grep { $_ % 2 == 0 } 0 .. $#$pairs;
    return map { [ @{$pairs}[ $_, $_ + 1 ] ] } sort { $pairs->[$a] cmp $pairs->[$b] || $same->($pairs->[ $a + 1 ], $pairs->[ $b + 1 ]) || $a <=> $b } @names;
}

# Every value of a name, in the order in which they come.
sub _signature_of_signalwire ($token, $exchange) {
    return hmac_sha1_base64(join('', _without_port($exchange->{url}), map { @$_ } _sorted(_signed_form($exchange))), $token) . '=';
}

# The query decoded and sorted, every value, sorted too; a "?" that nobody sent where there is a form alone.
sub _string_of_plivo ($exchange, $nonce) {
    my ($path, $query) = _without_user($exchange->{url}) =~ /^([^?]*)\??(.*)\z/s;
    my $by_value = sub ($x, $y) { $x cmp $y };
    my $asked    = join '&', map { "$_->[0]=$_->[1]" } _sorted([ form_decode($query) ], $by_value);
    my $form     = join '', map { @$_ } _sorted(_signed_form($exchange), $by_value);
    return join '', $path, (length "$asked$form" ? '?' : ''), $asked, (length $asked && length $form ? '.' : ''), $form, '.', $nonce;
}

sub _signed_by_plivo ($token, $exchange, $body) {
    my $nonce = _random(20, 0 .. 9);
    return ('X-Plivo-Signature-V3' => hmac_sha256_base64(_string_of_plivo($exchange, $nonce), $token) . '=', 'X-Plivo-Signature-V3-Nonce' => $nonce);
}

# $token: { tool, file }, the program encgather and a file with the seed of a private key. The body, digits and all, goes
# through a pipe.
sub _signed_by_the_tool ($token, $exchange, $body) {
    my @command = ($token->{tool}, qw(sign --provider telnyx --token-file), $token->{file}, ($exchange->{method} eq 'POST' ? () : '--get'), 'https://localhost/');
    my ($from, $to);
    my $pid = eval { open2($from, $to, @command) } or croak "$token->{tool}: $!";
    local $SIG{PIPE} = 'IGNORE';
    print {$to} $exchange->{method} eq 'POST' ? $body : '';
    close $to;
    my @made = map { /^([^:]+): (\S+)$/ ? ($1, $2) : () } <$from>;
    close $from;
    waitpid $pid, 0;
    croak 'encgather sign could not sign as Telnyx does' unless $? == 0 && @made == 4;
    return @made;
}

1;
