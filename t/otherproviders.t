# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# Webhooks of SignalWire, Telnyx, Plivo and the rest at a real server: who signed them, calls in their XML, and URLs that
# are bound by us because their provider does not sign them.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Crypt::PK::Ed25519 ();
use Digest::SHA qw(hmac_sha1_base64 hmac_sha256 hmac_sha256_base64 hmac_sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

use lib 't/lib';
use EncGather::Caller;
use EncGather::Files qw(slurp);
use EncGather::Signature qw(form_encode signature);
use EncGather::Test;

my $TREE   = in_tree('private/otherproviders');
my $KEYS   = in_tree('conf/keys');
my $ORIGIN = 'https://ivr.example.com';
my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
remember($CARD, $PIN);

# --- Vectors: the sites -------------------------------------------------------------------------------------

my %WORD = (Twilio => 'twilio', SignalWire => 'signalwire', Telnyx => 'telnyx', Plivo => 'plivo', jambonz => 'jambonz',
    'Standard Webhooks' => 'standardwebhooks', FreeClimb => 'freeclimb');
my @VECTORS = grep { $WORD{ $_->{provider} } } @{ JSON::PP->new->utf8->decode(slurp('t/vectors/providers.json'))->{vectors} };
my $PUBLIC  = qr{^[A-Za-z0-9+/]{43}=\z};

# A key of Telnyx that is written wrongly is one of the configuration, not of a request.
is scalar @VECTORS, 143, 'vectors of these seven';
my @LIVE = grep { !exists $_->{public_key} || $_->{public_key} =~ $PUBLIC } @VECTORS;
is @LIVE, @VECTORS - 2, 'two of them are about the key file';

sub secret_of ($vector) { return $vector->{secret} // $vector->{public_key} }

# A virtual host for each origin, provider and secret: where a vector went to is what EncGatherPublicURL says.
my %site;
for my $vector (@LIVE) {
    my ($origin) = $vector->{url} =~ m{\A(https?://[^/]+)};
    my $site = $site{"$vector->{provider} $origin " . secret_of($vector)} //= {
        name => "site" . keys %site, provider => $WORD{ $vector->{provider} }, origin => $origin, secret => secret_of($vector) };
    $vector->{site} = $site->{name};
}

sub vhost ($site) {
    return <<"END_OF_CONF";
<VirtualHost *:*>
    ServerName $site->{name}.test
    EncGatherPublicURL $site->{origin}
    EncGatherProvider $site->{provider}
    EncGatherAuthTokenFile "$TREE/$site->{name}"
    <Location />
        Require webhook-signature
        RewriteEngine on
        RewriteRule ^ - [R=204,L]
    </Location>
</VirtualHost>
END_OF_CONF
}

# --- Calls: the locations -----------------------------------------------------------------------------------

my $SEED   = encode_base64("\x07" x 32, '');
my $VERIFY = '6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=';
my %SECRET = (twilio => $TOKEN{demo}, signalwire => 'PSK_toySigningKey000000000000', telnyx => $VERIFY, plivo => 'toyPlivoAuthToken00000000000000000000000');
my @SPEAK  = sort keys %SECRET;

sub calls ($path, $provider, @more) {
    return join "\n", "<Location /$path>", 'SetHandler encrypted-gather', 'EncGatherBackend /lookup', "EncGatherProvider $provider",
        "EncGatherAuthTokenFile \"$TREE/$provider\"", @more, '</Location>', '';
}

my $server = private_server('otherproviders', modules => [qw(rewrite headers)], conf => join '', <<"END_OF_CONF",
ServerName ivr.example.com
UseCanonicalName off
LogLevel encgather:info
LogFormat "%{X-Test-Id}i %{ENCGATHER_CALL}e %{ENCGATHER_STEP}e %{ENCGATHER_RESULT}e %{ENCGATHER_SIGNATURE}e" facts
CustomLog logs/facts facts
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
EncGatherKeyFile "$TREE/keys"
Header always set X-Verdict "%{ENCGATHER_SIGNATURE}e"
Header always set X-Result "%{ENCGATHER_RESULT}e"
<VirtualHost *:*>
ServerName ivr.example.com
EncGatherPublicURL $ORIGIN
<Location /lookup>
    SetHandler decrypt-gather
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits
</Location>
END_OF_CONF
    (map { calls($_, $_) } @SPEAK),
    calls('telnyx-too',     'telnyx'),
    calls('telnyx-observe', 'telnyx', 'EncGatherSignature observe'),
    calls('telnyx-off',     'telnyx', 'EncGatherSignature off'),
    "</VirtualHost>\n",
    map { vhost($_) } sort { $a->{name} cmp $b->{name} } values %site);

mkdir $TREE, 0755;
write_secret("$TREE/$_->{name}", join '', map { "$_\n" } $_->{secret}, $_->{provider} eq 'twilio'
    ? map { "webhooks_sharedkey_$_ toySharedKeySecret0123456789" } 1, '00000000000000000000000001' : ()) for values %site;
write_secret("$TREE/$_", "$SECRET{$_}\n") for @SPEAK;
write_secret("$TREE/seed", "$SEED\n");
write_secret("$TREE/keys", "$KEY{demo}\n");
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;

sub facts ($response) { return join ' ', map { $_ // '-' } $response->code, $response->header('X-Verdict'), $response->header('X-Result') }

# Lines of the error log that came meanwhile.
sub lines_of ($does) {
    my $before = length $server->error_log;
    $does->();
    return [ grep { /EG\d{4}/ } split /\n/, substr $server->error_log, $before ];
}

# --- Vectors ------------------------------------------------------------------------------------------------

my %TIMED = (Telnyx => 1, jambonz => 1, 'Standard Webhooks' => 1, FreeClimb => 1);
my $ED25519 = Crypt::PK::Ed25519->new->import_key_raw("\x07" x 32, 'private');

sub mac_of ($vector, $text) {
    my $provider = $vector->{provider};
    return encode_base64($ED25519->sign_message($text), '') if $provider eq 'Telnyx';
    return hmac_sha256_hex($text, $vector->{secret}) if $provider ne 'Standard Webhooks';
    return encode_base64(hmac_sha256($text, decode_base64($vector->{secret} =~ s/^whsec_//r)), '');
}

# What was signed at the vector's time is signed at the same distance from now; at the very limit, a little off it.
sub signed_anew ($vector) {
    return $vector->{headers} unless $TIMED{ $vector->{provider} };
    my $signed = $vector->{signed};
    utf8::encode($signed);
    my $move = sub ($then) {
        my $off = $then - $vector->{now};
        $off += (abs $off > 300 ? 6 : abs $off > 290 ? -6 : 0) * ($off <=> 0);
        return time + $off;
    };
    my $old = mac_of($vector, $signed);
    my $new = mac_of($vector, $signed =~ s/\b(1795[89]\d{5})/$move->($1)/er);
    my %headers = %{ $vector->{headers} };
    for (values %headers) {
        s/\b(1795[89]\d{5})/$move->($1)/ge;
        s/\Q$old\E/$new/g;
        s/\Q@{[ $old =~ s{=+\z}{}r ]}\E(?![A-Za-z0-9+\/=])/$new =~ s{=+\z}{}r/ge;
        s/\b\Q@{[ uc $old ]}\E\b/\U$new/g;
    }
    return \%headers;
}

# Where we decide otherwise than the package: hosts that it cannot read, a scheme that covers neither query nor form,
# headers of others, and a list of which it looks at the last one alone.
my %OWN = ('sw-n8' => 'valid', 'pl-n9' => 'valid', 'fc-n5' => 'valid', map { $_ => 'missing' } qw(pl-13 pl-14 pl-n7 st-n4));

for my $vector (@LIVE) {
    my ($target) = $vector->{url} =~ m{\Ahttps?://[^/]+([^#]*)}s;
    my $body = $vector->{body};
    utf8::encode($body);
    my $wanted = $OWN{ $vector->{id} } // $vector->{expect};
    my $got = request($vector->{method}, $HOST, $target, host => "$vector->{site}.test", headers => [ %{ signed_anew($vector) } ],
        $vector->{method} eq 'GET' ? () : (body => $body));
    is facts($got) =~ s/ \S+\z//r, ($wanted eq 'valid' ? '204 ' : '403 ') . $wanted, "$vector->{id}: $vector->{why}";
}

# --- One header of each name, and other kinds of requests -----------------------------------------------------

sub site_of ($provider) { return (grep { $_->{provider} eq $provider && $_->{origin} eq $ORIGIN && ($provider ne 'telnyx' || $_->{secret} eq $VERIFY) } values %site)[0]{name} }

sub telnyx ($body, $time = time) {
    return ('telnyx-signature-ed25519' => encode_base64($ED25519->sign_message("$time|$body"), ''), 'telnyx-timestamp' => $time);
}

sub plivo ($string) { return ('X-Plivo-Signature-V3' => hmac_sha256_base64($string, $SECRET{plivo}) . '=', 'X-Plivo-Signature-V3-Nonce' => '77') }

my $FORM = 'application/x-www-form-urlencoded';

# Each: name, provider, headers, the rest of the request, verdict.
for my $case (
    [ 'a JSON event' => telnyx => [ telnyx('{"a": 1}'), 'Content-Type' => 'application/json' ], { body => '{"a": 1}' }, 'valid' ],
    [ 'no media type' => telnyx => [ telnyx('x=1') ], { body => 'x=1' }, 'valid' ],
    [ 'chunks' => telnyx => [ telnyx('x=1&y=2'), 'Content-Type' => $FORM ], { chunks => [ 'x=1', '&y=2' ] }, 'valid' ],
    [ 'a GET' => telnyx => [ telnyx('') ], { method => 'GET' }, 'valid' ],
    [ 'a HEAD' => telnyx => [ telnyx('') ], { method => 'HEAD' }, 'valid' ],
    [ 'a PUT' => telnyx => [ telnyx('x') ], { method => 'PUT', body => 'x' }, 'valid' ],
    [ 'the signature twice' => telnyx => [ (telnyx('x=1'))[ 0, 1 ], telnyx('x=1') ], { body => 'x=1' }, 'invalid' ],
    [ 'the time twice' => telnyx => [ telnyx('x=1'), 'telnyx-timestamp' => time ], { body => 'x=1' }, 'invalid' ],
    [ 'no time' => telnyx => [ (telnyx('x=1'))[ 0, 1 ] ], { body => 'x=1' }, 'missing' ],
    [ 'an empty signature' => telnyx => [ 'telnyx-signature-ed25519' => '', 'telnyx-timestamp' => time ], { body => 'x=1' }, 'missing' ],
    [ 'a query that nobody signed' => telnyx => [ telnyx('x=1') ], { body => 'x=1', target => '/x?a=b' }, 'valid' ],
    [ 'a GET' => plivo => [ plivo("$ORIGIN/x?a=b.77") ], { method => 'GET', target => '/x?a=b' }, 'valid' ],
    [ 'a HEAD' => plivo => [ plivo("$ORIGIN/x?a=b.77") ], { method => 'HEAD', target => '/x?a=b' }, 'valid' ],
    [ 'JSON, which it does not sign' => plivo => [ plivo("$ORIGIN/x.77"), 'Content-Type' => 'application/json' ], { body => '{}' }, 'invalid' ],
    [ 'an empty POST' => plivo => [ plivo("$ORIGIN/x.77"), 'Content-Type' => $FORM ], { body => '' }, 'valid' ],
    [ 'a PUT' => plivo => [ plivo("$ORIGIN/x.77") ], { method => 'PUT', body => '' }, 'invalid' ],
    [ 'the signature twice' => plivo => [ plivo("$ORIGIN/x.77"), (plivo("$ORIGIN/x.77"))[ 0, 1 ] ], { body => '' }, 'invalid' ],
    [ 'the nonce twice' => plivo => [ plivo("$ORIGIN/x.77"), 'X-Plivo-Signature-V3-Nonce' => 77 ], { body => '' }, 'invalid' ],
    [ 'no nonce' => plivo => [ (plivo("$ORIGIN/x.77"))[ 0, 1 ] ], { body => '' }, 'missing' ],
    [ 'the main account alone' => plivo => [ map { s/V3\z/Ma-V3/r } plivo("$ORIGIN/x.77") ], { body => '' }, 'valid' ],
    [ 'nine signatures' => plivo => [ 'X-Plivo-Signature-V3' => join(',', ((plivo("$ORIGIN/x.77"))[1]) x 9), 'X-Plivo-Signature-V3-Nonce' => 77 ], { body => '' }, 'invalid' ],
    [ 'eight signatures' => plivo => [ 'X-Plivo-Signature-V3' => join(',', ('A' x 43 . '=') x 7, (plivo("$ORIGIN/x.77"))[1]), 'X-Plivo-Signature-V3-Nonce' => 77 ], { body => '' }, 'valid' ],
    [ 'a HEAD' => signalwire => [ 'X-SignalWire-Signature' => hmac_sha1_base64("$ORIGIN/x?a", $SECRET{signalwire}) . '=' ], { method => 'HEAD', target => '/x?a' }, 'valid' ],
    [ 'both names, the new one counts' => signalwire => [ 'X-SignalWire-Signature' => 'A' x 27 . '=', 'X-Twilio-Signature' => hmac_sha1_base64("$ORIGIN/x", $SECRET{signalwire}) . '=' ], { body => '' }, 'invalid' ],
    [ 'the signature twice' => signalwire => [ ('X-SignalWire-Signature' => hmac_sha1_base64("$ORIGIN/x", $SECRET{signalwire}) . '=') x 2 ], { body => '' }, 'invalid' ],
    [ 'a GET, whose JSON nobody can see' => jambonz => [ 'Jambonz-Signature' => 't=' . time . ',v1=' . hmac_sha256_hex(time . '.', 'toyJambonzWebhookSecret') ], { method => 'GET' }, 'invalid' ],
) {
    my ($name, $provider, $headers, $rest, $verdict) = @$case;
    my %rest = %$rest;
    my $got = request(delete $rest{method} // 'POST', $HOST, delete $rest{target} // '/x', host => site_of($provider) . '.test',
        headers => [ ($provider ne 'telnyx' && defined $rest{body} && !grep({ $_ eq 'Content-Type' } @$headers) ? ('Content-Type' => $FORM) : ()), @$headers ], %rest);
    is facts($got) =~ s/ \S+\z//r, ($verdict eq 'valid' ? '204 ' : '403 ') . $verdict, "$provider: $name";
}

# --- What the error log says of it ------------------------------------------------------------------------------

for my $case (
    [ plivo => [ plivo("$ORIGIN/else.77") ], qr/the X-Plivo-Signature-V3 does not fit; 1 secret of EncGatherAuthTokenFile tried: .*Plivo.*EncGatherPublicURL/ ],
    [ telnyx => [ telnyx('y') ], qr/the telnyx-signature-ed25519 does not fit; 1 key of EncGatherAuthTokenFile tried: .*Telnyx.*changes the body/ ],
) {
    my ($provider, $headers, $pattern) = @$case;
    my $lines = lines_of(sub () { request('POST', $HOST, "/$provider", host => 'ivr.example.com', headers => [ 'Content-Type' => $FORM, @$headers ], body => '') });
    is scalar(grep { /EG0301: .*$pattern/ } @$lines), 1, "$provider, the log: $pattern" or diag explain $lines;
}

# --- Calls --------------------------------------------------------------------------------------------------

my $TOOL = ($ENV{ENCGATHER_OUT} || 'build/out') . '/encgather';

sub call_as ($provider, $path, @keys) {
    return EncGather::Caller->new(provider => $provider, url => "http://$HOST/$path", public_url => $ORIGIN, keys => \@keys,
        token => $provider eq 'telnyx' ? { tool => $TOOL, file => "$TREE/seed" } : $SECRET{$provider})->place;
}

sub story ($call) { return join ' | ', $call->{ended}, ($call->{error} // ()), @{ $call->{said} } }

for my $provider (@SPEAK) {
    my $known = call_as($provider, $provider, $CARD, $PIN);
    like story($known), qr/^(?:end|hangup) .*\Q$NUMBER\E.*\Q$BALANCE\E/s, "$provider: a caller who is known";
    is_deeply [ map { $_->{status} } @{ $known->{exchanges} } ], [ 200, 200, 200 ], "$provider: three requests";
    like story(call_as($provider, $provider, $CARD, '7731')), qr/^(?:end|hangup) .*could not find/s, "$provider: and one who is not";
    my $silent = call_as($provider, $provider, undef, "$CARD#", undef, $PIN);
    like story($silent), qr/^(?:end|hangup) .*\Q$NUMBER\E/s, "$provider: silence at each question";
    is scalar @{ $silent->{exchanges} }, 5, "$provider: silence arrives";
    like story(call_as($provider, $provider, undef, undef, undef, $CARD)), qr/^(?:end|hangup) /, "$provider: silence alone ends";
    like story(call_as($provider, $provider, '12', '3', "$CARD", '1', $PIN)), qr/\Q$NUMBER\E/, "$provider: wrong keys count as attempts";
}

$server->stop;
log_is_clean($server, qr{EG0301: call -: refused, the (?:X-Plivo|telnyx|X-SignalWire)}, qr{EG0302:}, qr{EG0110: .*telnyx-off}, qr{authz_core:error});
finish();
