# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# CI: no sanitizer
# encgather sign and verify for the providers that are not Twilio: the verdicts of their own packages, the headers that
# they would send, and what is said of one that does not fit.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use Digest::SHA qw(hmac_sha1_base64 hmac_sha256_base64 hmac_sha256_hex);
use File::Temp ();
use FindBin;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp spew);
use EncGather::Fixtures qw(write_secret);

use constant { GOOD => 0, DATA => 1, USAGE => 2 };

my $OUT  = abs_path($ENV{ENCGATHER_OUT} || "$FindBin::Bin/../build/out");
my $TOOL = $ENV{ENCGATHER_TOOL} || "$OUT/encgather";
plan skip_all => "no $TOOL: make all builds it" if !-x $TOOL && !$ENV{CI};

my $DIR = File::Temp->newdir;
my ($serial, %file_of) = (0);

sub secret ($text) { return $file_of{$text} //= write_secret("$DIR/secret" . ++$serial, "$text\n", 0600) }

# (exit status, standard output, standard error)
sub run ($arguments, $body = '') {
    spew("$DIR/body", $body);
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN,  '<', "$DIR/body";
        open STDOUT, '>', "$DIR/out";
        open STDERR, '>', "$DIR/err";
        exec {$TOOL} $TOOL, @$arguments or POSIX::_exit(98);
    }
    waitpid $pid, 0;
    return ($? & 127 ? -($? & 127) : $? >> 8, slurp("$DIR/out"), slurp("$DIR/err"));
}

sub is_run ($name, $arguments, $body, $rc, $out, $err = qr/\A\z/) {
    my ($is_rc, $is_out, $is_err) = run($arguments, $body);
    my $right = $is_rc == $rc && (ref $out ? $is_out =~ $out : $is_out eq $out) && $is_err =~ $err;
    ok $right, $name or diag "status $is_rc\n$is_out$is_err";
    return $is_out;
}

# --- The verdicts of the packages -------------------------------------------------------------------------------

my %WORD = (Twilio => 'twilio', SignalWire => 'signalwire', Telnyx => 'telnyx', Plivo => 'plivo', jambonz => 'jambonz',
    'Standard Webhooks' => 'standardwebhooks', FreeClimb => 'freeclimb');
my %OURS = ('sw-n8' => 1, 'pl-n9' => 1, 'fc-n5' => 1, 'pl-13' => 0, 'pl-14' => 0);    # where we decide otherwise
my $SEED = encode_base64("\x07" x 32, '');

sub told ($vector) { return grep { defined } map { ('--header' => "$_: $vector->{headers}{$_}") } sort keys %{ $vector->{headers} } }

# The kind of body, for the tool sees no Content-Type.
sub kind ($vector) {
    return '--get' if $vector->{method} ne 'POST';
    return ($vector->{headers}{'Content-Type'} || '') =~ /json/ ? '--json' : ();
}

sub request ($vector, $command, $secret, @more) {
    my @secrets = ($secret, defined $vector->{shared_key_secret} ? map { "webhooks_sharedkey_$_ $vector->{shared_key_secret}" } 1, '0' x 25 . 1 : ());
    return [ $command, '--token-file', secret(join "\n", @secrets), '--provider', $WORD{ $vector->{provider} }, kind($vector),
        defined $vector->{now} ? ('--at', $vector->{now}) : (), @more, $vector->{url} ];
}

my @vectors = grep { $WORD{ $_->{provider} } && $_->{method} =~ /^(?:GET|POST)\z/ && ($_->{secret} || $_->{public_key} || '') =~ /^\S{8,}\z/ }
    @{ JSON::PP->new->utf8->decode(slurp("$FindBin::Bin/vectors/providers.json"))->{vectors} };
cmp_ok scalar @vectors, '>=', 90, 'there are vectors';
my (%judged, @differ);
for my $vector (@vectors) {
    my $valid = $OURS{ $vector->{id} } // ($vector->{expect} eq 'valid');
    my $body  = $vector->{body} // '';
    utf8::encode($body) if utf8::is_utf8($body);
    my ($rc, $out, $err) = run(request($vector, 'verify', $vector->{secret} || $vector->{public_key}, told($vector)), $body);
    my $said = $valid ? $rc == GOOD && $out eq "valid\n" : $rc == DATA && ($out =~ /\Ainvalid: [^\n]+\n\z/ || $err =~ /a line of the token file/);
    push @differ, "$vector->{id} ($vector->{why}): status $rc, $out$err" unless $said;
    $judged{ $vector->{provider} }++;
}
is_deeply \@differ, [], 'verify says of each what the package says';
is_deeply [ sort keys %judged ], [ sort keys %WORD ], 'of every provider';

# --- The headers that they would send ------------------------------------------------------------------------------

my $BODY = 'Digits=1234&CallSid=c1&Digits=12&From=%2B1';
my $URL  = 'https://ivr.example.com/g?step=b&a=x%20y';
my $KEY  = 'toySecretOfNobody0123';
my @ASK  = ('--at', 1795900000);

sub sign ($provider, $secret, @more) { return [ 'sign', '--provider', $provider, '--token-file', secret($secret), @ASK, @more, $URL ] }

my @pairs = ('CallSidc1', 'Digits1234', 'Digits12', 'From+1');
is_run('sign signalwire', sign(signalwire => $KEY), $BODY, GOOD, 'X-SignalWire-Signature: ' . hmac_sha1_base64($URL . join('', @pairs), $KEY) . "=\n");
my $plivo = 'https://ivr.example.com/g?a=x y&step=b.' . join('', sort @pairs) . '.77';
is_run('sign plivo', sign(plivo => $KEY, '--nonce', '77'), $BODY, GOOD,
    'X-Plivo-Signature-V3: ' . hmac_sha256_base64($plivo, $KEY) . "=\nX-Plivo-Signature-V3-Nonce: 77\n");
for my $provider (qw(jambonz freeclimb)) {
    my $name = { jambonz => 'Jambonz', freeclimb => 'FreeClimb' }->{$provider};
    is_run("sign $provider", sign($provider => $KEY), $BODY, GOOD, "$name-Signature: t=1795900000,v1=" . hmac_sha256_hex("1795900000.$BODY", $KEY) . "\n");
}
is_run('sign standardwebhooks', sign(standardwebhooks => 'whsec_' . encode_base64("\x09" x 24, ''), '--id', 'msg_1'), $BODY, GOOD,
    "webhook-id: msg_1\nwebhook-timestamp: 1795900000\nwebhook-signature: v1," . hmac_sha256_base64("msg_1.1795900000.$BODY", "\x09" x 24) . "=\n");
my ($telnyx) = grep { $_->{id} eq 'tx-01' } @vectors;
is_run('sign telnyx', request($telnyx, 'sign', $SEED), $telnyx->{body}, GOOD,
    "telnyx-signature-ed25519: $telnyx->{headers}{'telnyx-signature-ed25519'}\ntelnyx-timestamp: $telnyx->{now}\n");
is_run('sign twilio', [ 'sign', '--provider', 'Twilio', '--token-file', secret('12345'), 'https://a/' ], '', GOOD,
    hmac_sha1_base64('https://a/', '12345') . "=\n");

# What it makes by itself: a nonce and an id that are new each time.
for my $case ([ plivo => $KEY, 'X-Plivo-Signature-V3-Nonce' ], [ standardwebhooks => encode_base64($KEY . $KEY, ''), 'webhook-id' ]) {
    my ($provider, $secret, $name) = @$case;
    my @made = map { is_run("sign $provider: without one", sign($provider => $secret), $BODY, GOOD, qr/^\Q$name\E: \w{20,}\n/m) } 1, 2;
    isnt $made[0], $made[1], "sign $provider: another one each time";
    my @headers = map { ('--header' => $_) } split /\n/, $made[0];
    is_run("verify $provider: it", [ 'verify', '--provider', $provider, '--token-file', secret($secret), @ASK, @headers, $URL ], $BODY, GOOD, "valid\n");
}

# --- What does not fit ------------------------------------------------------------------------------------------------

sub verify ($provider, $secret, @more) { return [ 'verify', '--provider', $provider, '--token-file', secret($secret), @more ] }
sub headers ($made) { return map { ('--header' => $_) } split /\n/, $made }

my @signed = told($telnyx);
my @asked  = (telnyx => $telnyx->{secret} || $telnyx->{public_key}, @signed);
my $none   = 'https://other.example/';
is_run('telnyx: too old', verify(@asked, '--at', $telnyx->{now} + 301, $none), $telnyx->{body}, DATA,
    "invalid: the signature is right, but its time is 301 seconds ago, and at most 300 are taken\n");
is_run('telnyx: of the future', verify(@asked, '--at', $telnyx->{now} - 4000, $none), $telnyx->{body}, DATA, qr/ 4000 seconds ahead,/);
is_run('telnyx: in time', verify(@asked, '--at', $telnyx->{now} + 300, $none), $telnyx->{body}, GOOD, "valid\n");
is_run('telnyx: a line end', verify(@asked, '--at', $telnyx->{now}, $none), "$telnyx->{body}\n", DATA, qr/\Ainvalid: .*would without the line end/);
is_run('telnyx: a body of one byte more', verify(@asked, '--at', $telnyx->{now}, $none), "$telnyx->{body}1", DATA, "invalid: the signature does not fit\n");

my $made = is_run('signed', sign(plivo => $KEY), $BODY, GOOD, qr/Plivo/);
is_run('plivo: the other scheme', verify(plivo => $KEY, headers($made), $URL =~ s/https/http/r), $BODY, DATA, qr/would for the other scheme/);
is_run('plivo: a port', verify(plivo => $KEY, headers($made), $URL =~ s/\.com/.com:8443/r), $BODY, DATA, qr/would without the port/);
is_run('plivo: a line end', verify(plivo => $KEY, headers($made), $URL), "$BODY\n", DATA, qr/would without the line end/);
is_run('plivo: no nonce', verify(plivo => $KEY, (headers($made))[ 0, 1 ], $URL), $BODY, DATA, qr/\Ainvalid: a header is missing; those of Plivo are X-Plivo-Signature-V3, [^;]*Nonce\n\z/);
is_run('plivo: two of them', verify(plivo => $KEY, headers($made), (headers($made))[ 2, 3 ], $URL), $BODY, DATA, qr/\Ainvalid/);

# --- Another provider's ------------------------------------------------------------------------------------------------

is_run('by Telnyx, at Plivo', verify(plivo => $KEY, @signed, $URL), $BODY, DATA, qr/; this is signed by Telnyx\n\z/);
is_run('by Telnyx, at Twilio', verify(twilio => $KEY, @signed, $URL), $BODY, DATA, "invalid: the signature does not fit; this is signed by Telnyx\n");
is_run('by Twilio, at Telnyx', verify(telnyx => $asked[1], '--header' => 'x-twilio-signature: x', $URL), $BODY, DATA, qr/; this is signed by Twilio\n\z/);
is_run('by SignalWire, which sends both', verify(twilio => $KEY, '--header' => 'X-Twilio-Signature: x', '--header' => 'X-SignalWire-Signature: x', $URL), $BODY, DATA,
    qr/; this is signed by SignalWire\n\z/);
is_run('by SignalWire, in its absence', verify(signalwire => $KEY, '--header' => 'X-Twilio-Signature: x', $URL), $BODY, DATA, "invalid: the signature does not fit\n");
is_run('twilio by headers', verify(twilio => '12345', '--header' => 'x-twilio-signature:  ' . hmac_sha1_base64('https://a/', '12345') . '=', 'https://a/'), '', GOOD, "valid\n");

# --- Wrong usage, and wrong secrets --------------------------------------------------------------------------------------

is_run("usage: @$_", $_, '', USAGE, '', qr/\Aencgather (?:sign|verify): [^\n]+\n\z/)
    for sign(sinch => $KEY), sign(telnyx => $SEED, '--nonce', '1'), sign(plivo => $KEY, '--id', '1'), sign(plivo => $KEY, '--settings', 'x'),
    sign(plivo => $KEY, '--header', 'a: b'), verify(plivo => $KEY, '--signature', 'x', $URL), verify(plivo => $KEY, '--header', 'no colon', $URL),
    verify(plivo => $KEY, '--at', 'noon', $URL), verify(twilio => $KEY, $URL), verify(twilio => $KEY, '--signature', 'x', '--header', 'a: b', $URL),
    verify(plivo => $KEY, '--websocket', $URL), verify(plivo => $KEY, (map { ('--header', 'a: b') } 1 .. 17), $URL);
is_run('no key of Telnyx', verify(telnyx => $KEY, @signed, $URL), $BODY, DATA, '', qr/token file is not the public key of Telnyx/);
is_run('no seed', sign(telnyx => $KEY), $BODY, DATA, '', qr/token file is no seed/);
is_run('an account at Plivo', sign(plivo => "MA1 $KEY"), $BODY, DATA, '', qr/token file has an account in front/);
is_run('Plivo signs no JSON', sign(plivo => $KEY, '--json'), '{}', DATA, '', qr/Plivo signs no such webhook/);

done_testing();
