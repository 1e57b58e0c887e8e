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

my $PREFIX = 'https://ivr.example.com:8443/in/front';

# Secrets of the wrong kind, where only a request shows them: name, provider, file.
my @MISFITS = ([ telnyx => 'telnyx', 'plivo' ], [ small => 'telnyx', 'small' ], [ standard => 'standardwebhooks', 'nothing' ],
    [ account => 'plivo', 'account' ], [ shared => 'signalwire', 'shared' ]);

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
    (map { calls("$_-words", $_, map({ "EncGatherField $_ input=dtmf+speech digits=4 say=x" } qw(encryptedCardDigits encryptedPinDigits))) } @SPEAK),
    calls('telnyx-observe', 'telnyx', 'EncGatherSignature observe'),
    calls('telnyx-off',     'telnyx', 'EncGatherSignature off'),
    map({ "<Location /misfit-$_->[0]>\n<If true>\nEncGatherAuthTokenFile \"$TREE/$_->[2]\"\nEncGatherProvider $_->[1]\n</If>\n"
        . "Require webhook-signature\n</Location>\n" } @MISFITS),
    calls('misfit-seconds', 'plivo', '<If true>', 'EncGatherField quick digits=4 timeout=4 say=x', '</If>'),
    calls('misfit-voice',   'plivo', '<If true>', 'EncGatherVoice alice', '</If>'),
    calls('plivo-jwe',  'plivo',  'EncGatherTokenFormat jwe', 'EncGatherForward CallUUID', 'EncGatherBackend /lookup-jwe'),
    calls('telnyx-jwe', 'telnyx', 'EncGatherTokenFormat jwe', 'EncGatherForward CallSid', 'EncGatherBackend /lookup-jwe'),
    "RewriteEngine on\nRewriteRule ^/alias\$ /telnyx [PT]\n",
    "<Location /lookup-jwe>\nSetHandler decrypt-gather\nEncGatherTokenFormat jwe\n",
    qq(EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits\n</Location>\n),
    "</VirtualHost>\n<VirtualHost *:*>\nServerName prefix.test\nEncGatherPublicURL $PREFIX\n",
    (map { calls($_, $_) } @SPEAK),
    "</VirtualHost>\n",
    map { vhost($_) } sort { $a->{name} cmp $b->{name} } values %site);

mkdir $TREE, 0755;
write_secret("$TREE/$_->{name}", join '', map { "$_\n" } $_->{secret}, $_->{provider} eq 'twilio'
    ? map { "webhooks_sharedkey_$_ toySharedKeySecret0123456789" } 1, '00000000000000000000000001' : ()) for values %site;
write_secret("$TREE/$_", "$SECRET{$_}\n") for @SPEAK;
write_secret("$TREE/seed", "$SEED\n");
write_secret("$TREE/keys", "$KEY{demo}\n");
write_secret("$TREE/nothing", "whsec_not/base64!\n");
write_secret("$TREE/account", "MA1 $SECRET{plivo}\n");
write_secret("$TREE/shared", "webhooks_sharedkey_1 $SECRET{signalwire}\n");
write_secret("$TREE/small", encode_base64("\x01" . "\0" x 31, ''));
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
    my $now    = time;
    utf8::encode($signed);
    my $move = sub ($then) {
        my $off = $then - $vector->{now};
        $off += (abs $off > 300 ? 6 : abs $off > 290 ? -6 : 0) * ($off <=> 0);
        return $now + $off;
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

sub standard ($id, $body) {
    my $time = time;
    return ('webhook-id' => $id =~ s/,.*//r, 'webhook-timestamp' => $time,
        'webhook-signature' => 'v1,' . hmac_sha256_base64("$id.$time.$body", decode_base64('CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ')) . '=');
}

sub timed ($header, $body, $time = time) {
    return ($header => "t=$time,v1=" . hmac_sha256_hex("$time.$body", $header =~ /^J/ ? 'toyJambonzWebhookSecret' : 'sigsec_toy0000000000000000000'));
}

# The last sign has bits that no byte uses.
sub respelled (@headers) {
    $headers[1] =~ s/(.)(?===\z)/chr 1 + ord $1/e;
    return @headers;
}

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
    [ 'the nonce twice, and signed as they arrive' => plivo => [ plivo("$ORIGIN/x.77, 77"), 'X-Plivo-Signature-V3-Nonce' => 77 ], { body => '' }, 'invalid' ],
    [ 'an empty header, and one more' => plivo => [ 'X-Plivo-Signature-V3' => '', plivo("$ORIGIN/x.77") ], { body => '' }, 'invalid' ],
    [ 'a blank behind the comma' => plivo => [ 'X-Plivo-Signature-V3' => join(', ', 'A' x 43 . '=', (plivo("$ORIGIN/x.77"))[1]), 'X-Plivo-Signature-V3-Nonce' => 77 ], { body => '' }, 'invalid' ],
    [ 'a folded header' => plivo => [ 'X-Plivo-Signature-V3' => join(",\r\n ", 'A' x 43 . '=', (plivo("$ORIGIN/x.77"))[1]), 'X-Plivo-Signature-V3-Nonce' => 77 ], { body => '' }, 'invalid' ],
    [ 'a form of two parts' => plivo => [ plivo("$ORIGIN/x.77"), 'Content-Type' => 'multipart/form-data; boundary=b' ], { body => "--b--\r\n" }, 'invalid' ],
    [ 'a compressed form' => plivo => [ plivo("$ORIGIN/x?a1.77"), 'Content-Type' => $FORM, 'Content-Encoding' => 'gzip' ], { body => 'a=1' }, 'invalid' ],
    [ 'another spelling of the same bytes' => telnyx => [ respelled(telnyx('x=1')) ], { body => 'x=1' }, 'invalid' ],
    [ 'a time with a sign' => telnyx => [ telnyx('x=1', '+' . time) ], { body => 'x=1' }, 'invalid' ],
    [ 'a time of 16 digits' => telnyx => [ telnyx('x=1', '000000' . time) ], { body => 'x=1' }, 'invalid' ],
    [ 'a header of 8,000 bytes' => telnyx => [ 'telnyx-signature-ed25519' => 'A' x 8_000, 'telnyx-timestamp' => time ], { body => 'x=1' }, 'invalid' ],
    [ 'the id twice, and signed as they arrive' => standardwebhooks => [ standard('a, a', 'x=1'), 'webhook-id' => 'a' ], { body => 'x=1' }, 'invalid' ],
    [ 'one id' => standardwebhooks => [ standard('a', 'x=1') ], { body => 'x=1' }, 'valid' ],
    [ 'two headers' => standardwebhooks => [ standard('a', 'x=1'), 'webhook-signature' => 'v1,' . 'A' x 43 . '=' ], { body => 'x=1' }, 'invalid' ],
    [ 'two headers' => freeclimb => [ timed('FreeClimb-Signature', 'x=1'), 'FreeClimb-Signature' => 'v1=' . 'a' x 64 ], { body => 'x=1' }, 'invalid' ],
    [ 'a time that is ahead' => freeclimb => [ timed('FreeClimb-Signature', 'x=1', time + 5_000) ], { body => 'x=1' }, 'valid' ],
    [ 'a time that is ahead' => jambonz => [ timed('Jambonz-Signature', 'x=1', time + 5_000) ], { body => 'x=1' }, 'invalid' ],
    [ 'a target with a host' => plivo => [ plivo("$ORIGIN/x?a=b&c=.77") ], { method => 'GET', target => 'http://' . site_of('plivo') . '.test/x?c&a=%62' }, 'valid' ],
    [ 'a path that is rewritten' => plivo => [ plivo("$ORIGIN/%41/../x.77") ], { method => 'GET', target => '/%41/../x' }, 'valid' ],
    [ 'no nonce' => plivo => [ (plivo("$ORIGIN/x.77"))[ 0, 1 ] ], { body => '' }, 'missing' ],
    [ 'the main account alone' => plivo => [ map { s/V3\z/Ma-V3/r } plivo("$ORIGIN/x.77") ], { body => '' }, 'valid' ],
    [ 'nine signatures' => plivo => [ 'X-Plivo-Signature-V3' => join(',', ((plivo("$ORIGIN/x.77"))[1]) x 9), 'X-Plivo-Signature-V3-Nonce' => 77 ], { body => '' }, 'invalid' ],
    [ 'eight signatures' => plivo => [ 'X-Plivo-Signature-V3' => join(',', ('A' x 43 . '=') x 7, (plivo("$ORIGIN/x.77"))[1]), 'X-Plivo-Signature-V3-Nonce' => 77 ], { body => '' }, 'valid' ],
    [ 'a HEAD' => signalwire => [ 'X-SignalWire-Signature' => hmac_sha1_base64("$ORIGIN/x?a", $SECRET{signalwire}) . '=' ], { method => 'HEAD', target => '/x?a' }, 'valid' ],
    [ 'both names, the new one counts' => signalwire => [ 'X-SignalWire-Signature' => 'A' x 27 . '=', 'X-Twilio-Signature' => hmac_sha1_base64("$ORIGIN/x", $SECRET{signalwire}) . '=' ], { body => '' }, 'invalid' ],
    [ 'the signature twice' => signalwire => [ ('X-SignalWire-Signature' => hmac_sha1_base64("$ORIGIN/x", $SECRET{signalwire}) . '=') x 2 ], { body => '' }, 'invalid' ],
    [ 'a GET, whose JSON nobody can see' => jambonz => [ timed('Jambonz-Signature', '') ], { method => 'GET' }, 'invalid' ],
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
    like story(call_as($provider, "$provider-words", "speech:$CARD", undef, $PIN)), qr/\Q$NUMBER\E/, "$provider: words, and keys where words are taken";
    like story(call_as($provider, "$provider-words?a=%2F%c3%bc+b&c", "speech:$CARD", "speech:$PIN")), qr/\Q$NUMBER\E/, "$provider: a query of the operator's own at the beginning";
}

# --- Somebody else's webhooks: 403, and the log says whose they are ----------------------------------------------

# A title for each, and what its first request has to do with: its own location.
my %TITLE = (twilio => 'Twilio', signalwire => 'SignalWire', telnyx => 'Telnyx', plivo => 'Plivo');
for my $sender (@SPEAK) {
    for my $location (grep { $_ ne $sender } @SPEAK) {
        my $call;
        my $lines = lines_of(sub () { $call = call_as($sender, $location, $CARD, $PIN) });
        is $call->{exchanges}[0]{status}, 403, "a request of $sender at a location of $location";
        is scalar(grep { /EG0301: .*signed as $TITLE{$sender} does .*EncGatherProvider says $location here/ } @$lines), 1, '... and the log says so' or diag @$lines;
    }
}
{
    my $got = request(POST => $HOST, '/x', host => site_of('plivo') . '.test', body => '', headers => [ telnyx('') ]);
    is facts($got) =~ s/ \S+\z//r, '403 missing', 'a request of Telnyx in front of an application for Plivo';
    my $lines = lines_of(sub () { request(POST => $HOST, '/x', host => site_of('telnyx') . '.test', body => '', headers => [ map { s/V3\z/Ma-V3/r } plivo("$ORIGIN/x.77") ]) });
    like "@$lines", qr/EG0302: call -: denied by "Require webhook-signature": .*signed as Plivo does \(X-Plivo-Signature-Ma-V3\)/, 'the log names Require as it is written, and any header';
    $lines = lines_of(sub () { request(POST => $HOST, '/x', host => site_of('plivo') . '.test', body => '', headers => [ (plivo("$ORIGIN/x.77"))[ 0, 1 ] ]) });
    like "@$lines", qr/X-Plivo-Signature-V3-Nonce is missing/, 'which of two headers is missing';
}

# --- The clock --------------------------------------------------------------------------------------------------

for my $off (-400, 400) {
    my $lines = lines_of(sub () { at_telnyx('/telnyx', [ CallSid => 'v3:a' ], time => time + $off) });
    my ($seconds, $where) = "@$lines" =~ /EG0301: call v3:a: refused, .*lies (\d+) seconds (behind|ahead of) this server's clock/;
    ok defined $seconds && abs($seconds - 400) <= 3 && ($where eq 'behind') == ($off < 0), "a clock that is $off seconds off: the log says by how much" or diag @$lines;
}

# --- URLs that Telnyx does not sign --------------------------------------------------------------------------------

# A webhook that is signed as Telnyx does.
sub at_telnyx ($target, $pairs, %options) {
    my $body = form_encode(@$pairs);
    return request(POST => $HOST, $target, host => $options{host} // 'ivr.example.com', body => $body,
        headers => [ 'Content-Type' => $FORM, telnyx($body, $options{time} // time) ]);
}

sub target_of ($response) { return action($response)->{target} // die $response->code . ': ' . $response->content }

sub said_by ($response) { return join ' ', $response->code, $response->header('X-Verdict') // '-', $response->header('X-Result') // '-' }

my @CALL  = (CallSid => 'v3:call-1_x');
my $first = target_of(at_telnyx('/telnyx', \@CALL));
like $first, qr{^/telnyx\?step=getPin&sig=[A-Za-z0-9_-]{43}\z}, 'sig is the last parameter of action';
my $again  = target_of(at_telnyx($first, [ @CALL, Digits => '12*#' ]));
my $second = target_of(at_telnyx($first, [ @CALL, Digits => $CARD ]));
like $again,  qr{\?step=getPin&attempt=2&sig=[\w-]{43}\z}, 'and of the second attempt';
like $second, qr{\?step=processData&encryptedCardDigits=[0-9a-f]{64}&sig=[\w-]{43}\z}, 'and behind the tokens';

my ($sig) = $second =~ /sig=(.*)/;
my ($other_token) = target_of(at_telnyx(target_of(at_telnyx('/telnyx', \@CALL)), [ @CALL, Digits => $PIN ])) =~ /encryptedCardDigits=([0-9a-f]+)/;
my $without = $second =~ s/&sig=.*//r;

# Each: what was done to the URL, what it became, the call.
for my $case (
    [ 'none'                            => $without ],
    [ 'an empty one'                    => "$without&sig=" ],
    [ 'a short one'                     => substr($second, 0, -1) ],
    [ 'a longer one'                    => "${second}A" ],
    [ 'of another step'                 => $without . ($first =~ s/.*(?=&sig)//r) ],
    [ 'of another attempt'              => $again =~ s/attempt=2/attempt=3/r ],
    [ 'without its attempt'             => $again =~ s/&attempt=2//r ],
    [ 'of another token'                => $second =~ s/(?<=Digits=)[0-9a-f]+/$other_token/r ],
    [ 'of another location'             => $second =~ s{^/telnyx}{/telnyx-too}r ],
    [ 'of another spelling of the path' => $second =~ s{^/telnyx}{/t%65lnyx}r ],
    [ 'of another call'                 => $second, 'v3:call-2_x' ],
    [ 'of a call with another case'     => $second, 'v3:CALL-1_x' ],
    [ 'twice'                           => "$second&sig=$sig" ],
    [ 'twice, the first one wrong'      => $without . '&sig=' . 'A' x 43 . "&sig=$sig" ],
    [ 'not at the end'                  => "$second&a=b" ],
    [ 'in front'                        => $second =~ s/\?(.*)&sig=(.*)/?sig=$2&$1/r ],
    [ 'with an escape'                  => $second =~ s/(?<=sig=)(.)/sprintf '%%%02X', ord $1/er ],
    [ 'with its name escaped'           => $second =~ s/&sig=/&s%69g=/r ],
    [ 'padded'                          => "$second=" ],
    [ 'one more parameter'              => $second =~ s/&sig/&a=b&sig/r ],
    [ 'in another alphabet'             => $second =~ s/sig=\K.*/A+\/@{[ 'A' x 40 ]}/r ],
    [ 'an unknown step'                 => '/telnyx?step=nowhere' ],
    [ 'an attempt at the first question' => '/telnyx?attempt=2' ],
    [ 'a token at the first question'   => '/telnyx?encryptedCardDigits=' . 'a' x 64 ],
    [ 'a token beside the first step'   => '/telnyx?step=getLast4CC&%65ncryptedCardDigits=x' ],
) {
    my ($name, $target, $call) = @$case;
    my $got;
    my $lines = lines_of(sub () { $got = at_telnyx($target, [ CallSid => $call // $CALL[1], Digits => $PIN ]) });
    is said_by($got), '403 valid forbidden', "sig: $name";
    is scalar(grep { /EG0305/ } @$lines), 1, '... and the log says so' or diag @$lines;
}
is said_by(at_telnyx('/telnyx?step=getLast4CC', \@CALL)), '200 valid asked', 'the first step by its name needs none';
is said_by(at_telnyx('/telnyx?a=b', \@CALL)), '200 valid asked', 'nor do parameters that mean nothing';
is said_by(at_telnyx($second, [ @CALL, Digits => $PIN ])), '200 valid found', 'and the one that is right is taken';
for my $bad ([ 'no call' ], [ 'an empty one' => CallSid => '' ], [ 'odd bytes' => CallSid => "v3:a\xe9" ], [ 'a blank' => CallSid => 'v3: a' ],
    [ '65 characters' => CallSid => 'a' x 65 ], [ 'two' => @CALL, @CALL ]) {
    my ($name, @pairs) = @$bad;
    is said_by(at_telnyx('/telnyx', \@pairs)), '400 valid malformed', "no question without a call: $name";
    is said_by(at_telnyx($second, [ @pairs, Digits => $PIN ])), '400 valid malformed', "and no answer: $name";
}
is said_by(at_telnyx('/telnyx?' . form_encode(@CALL), [])), '400 valid malformed', 'a call that only the URL names is none';
is said_by(at_telnyx("/telnyx-observe?step=processData", [ @CALL, Digits => $PIN ])), '400 valid malformed', 'observe: a wrong sig goes on';
is said_by(at_telnyx('/telnyx-off', [])), '200 unchecked asked', 'off: nothing is looked at';
is said_by(at_telnyx('/telnyx-off?step=getPin', [ Digits => $CARD ])), '200 unchecked asked', 'off: no sig either';
is said_by(request(POST => $HOST, $second, host => 'ivr.example.com', body => form_encode(@CALL), headers => [ 'Content-Type' => $FORM ])), '403 missing forbidden',
    'a sig is no signature';

# --- What stands in front, and what is bound ----------------------------------------------------------------------------

for my $name (qw(plivo-jwe telnyx-jwe)) {
    like story(call_as($name =~ s/-.*//r, $name, $CARD, $PIN)), qr/\Q$NUMBER\E/, "$name: tokens are bound to the call by its name at the provider";
}
{
    my $alias = target_of(at_telnyx('/alias', \@CALL));
    like $alias, qr{^/alias\?}, 'action has the path as it came';
    is said_by(at_telnyx($alias, [ @CALL, Digits => $CARD ])), '200 valid asked', 'and sig is of that path';
    is said_by(at_telnyx($alias =~ s/alias/telnyx/r, [ @CALL, Digits => $CARD ])), '403 valid forbidden', 'and of no other that leads there';
    my $response = at_telnyx('/telnyx', \@CALL, host => 'prefix.test');
    my $action   = action($response);
    is $action->{origin} . $action->{path}, "$PREFIX/telnyx", 'a prefix stands in action';
    is said_by(at_telnyx($action->{target} =~ s{^/in/front}{}r, [ @CALL, Digits => $CARD ], host => 'prefix.test')), '200 valid asked', 'and is none of what sig is made of';
    my %plivo = ('X-Plivo-Signature-V3' => hmac_sha256_base64("$PREFIX/plivo?CallUUIDa.77", $SECRET{plivo}) . '=', 'X-Plivo-Signature-V3-Nonce' => 77);
    my $asked = request(POST => $HOST, '/plivo', host => 'prefix.test', body => 'CallUUID=a', headers => [ 'Content-Type' => $FORM, %plivo ]);
    like $asked->content, qr{<GetInput action="\Q$PREFIX\E/plivo\?step=getPin"}, 'plivo: a prefix is signed';
}

# --- Answers in a URL -------------------------------------------------------------------------------------------------

# Nobody takes them, and no log shows them, whatever the provider calls them.
for my $case ([ plivo => 'Speech' ], [ plivo => 'Digits' ], [ telnyx => 'SpeechResult' ], [ telnyx => 'Digits' ], [ signalwire => 'Digits' ]) {
    my ($provider, $name) = @$case;
    my $target = "/$provider?$name=$PIN";
    is request(GET => $HOST, $target, host => 'ivr.example.com')->code, 405, "$provider: a GET with $name";
    my %headers = telnyx('CallSid=a');
    %headers = ('X-Plivo-Signature-V3' => hmac_sha256_base64("$ORIGIN/plivo?$name=$PIN.CallSida.77", $SECRET{plivo}) . '=', 'X-Plivo-Signature-V3-Nonce' => 77) if $provider eq 'plivo';
    %headers = ('X-SignalWire-Signature' => hmac_sha1_base64("$ORIGIN${target}CallSida", $SECRET{signalwire}) . '=') if $provider eq 'signalwire';
    is said_by(request(POST => $HOST, $target, host => 'ivr.example.com', body => 'CallSid=a', headers => [ 'Content-Type' => $FORM, %headers ])), '400 valid malformed', "$provider: a POST with $name in its URL";
}

# --- What only a request shows ----------------------------------------------------------------------------------------

for my $misfit (@MISFITS) {
    my ($got, $lines);
    $lines = lines_of(sub () { $got = request(POST => $HOST, "/misfit-$misfit->[0]", host => 'ivr.example.com', body => '') });
    is said_by($got) =~ s/ \S+\z//r, '500 unchecked', "a secret that is none of $misfit->[1]";
    like "@$lines", qr/EG0112: .*EncGatherProvider $misfit->[1]: of EncGatherAuthTokenFile, line 1 of those that are no comment /, '... and the log says which, and no path' or diag @$lines;
}
for my $case ([ seconds => qr/timeout=4, and Plivo takes 5 to 60/ ], [ voice => qr/voice 'alice'/ ]) {
    my ($got, $lines);
    $lines = lines_of(sub () { $got = request(POST => $HOST, "/misfit-$case->[0]", host => 'ivr.example.com', body => '') });
    is said_by($got), '500 unchecked misconfigured', "what Plivo does not take: $case->[0]";
    like "@$lines", qr/EG0108: .*$case->[1]/, '... and the log says what';
}

# --- New keys, while calls are under way ---------------------------------------------------------------------------------

write_secret("$TREE/keys", "new $KEY{other}\nold $KEY{demo}\n");
$server->graceful or diag $server->error;
is said_by(at_telnyx($second, [ @CALL, Digits => $PIN ])), '200 valid found', 'a sig of the older key is good as long as it is in the ring';
write_secret("$TREE/keys", "new $KEY{other}\n");
$server->graceful or diag $server->error;
is said_by(at_telnyx($second, [ @CALL, Digits => $PIN ])), '403 valid forbidden', 'and no longer';

# --- New secrets ----------------------------------------------------------------------------------------------------------

{
    my ($old, $new) = ($SECRET{plivo}, 'anotherPlivoAuthToken0000000000000000000');
    my $speaks = sub (@secrets) { return join ' ', map { local $SECRET{plivo} = $_; call_as('plivo', 'plivo', $CARD, $PIN)->{exchanges}[0]{status} } @secrets };
    write_secret("$TREE/plivo", "$new\n$old\n");
    $server->graceful or diag $server->error;
    is $speaks->($old, $new), '200 200', 'two secrets of a file, both are good';
    write_secret("$TREE/plivo", "$new\n");
    $server->graceful or diag $server->error;
    is $speaks->($old, $new), '403 200', 'and the old one no longer';
    my $generation = $server->generation;
    write_secret("$TREE/plivo", "webhooks_sharedkey_1 $new\n");
    ok !$server->graceful, 'graceful refuses what is no secret of the provider';
    $server->signal('USR1');
    ok $server->wait_for_generation($generation + 1), 'a bare signal does not take the server down';
    is $speaks->($new), '500', 'nobody is let in by what is none';
}

$server->stop;
log_is_clean($server, qr/EG0144: .*-jwe>/, qr/EG0147: <Location \/plivo/, qr/EG030[1235]:/, qr/EG0112:/, qr/EG0108:/, qr/EG0407:/, qr/EG0110: .*telnyx-off/, qr/authz_core:error/);
finish();
