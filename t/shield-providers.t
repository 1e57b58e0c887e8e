# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# Shields before applications of other providers: what was changed is signed anew in each one's own way, and what was there
# is gone from the memory of the child that had it.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Crypt::PK::Ed25519 ();
use Digest::SHA qw(hmac_sha1_base64 hmac_sha1_hex hmac_sha256_base64);
use File::Path qw(make_path);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;

use lib 't/lib';
use EncGather::Files qw(spew);
use EncGather::Memory qw(count_in_memory find_in_memory);
use EncGather::Sanitizer qw(pointless);
use EncGather::Signature qw(form_encode form_decode);
use EncGather::Test;

my $TREE = in_tree('private/shield-providers');
my $CARD = '0417093217048895';
my %SECRET = (signalwire => 'PSK_toySigningKey000000000000', plivo => 'toyPlivoAuthToken00000000000000000000000', main => 'toyPlivoMainAccount');
my $TELNYX = Crypt::PK::Ed25519->new->import_key_raw("\x07" x 32, 'private');
remember($CARD);
make_path("$TREE/cgi");
chmod 0755, $TREE, "$TREE/cgi";
spew("$TREE/cgi/app", <<"END_OF_SCRIPT", 0755);
#!$^X
use JSON::PP ();
binmode STDIN; binmode STDOUT;
my \$body = do { local \$/; <STDIN> };
my %seen = (body => defined \$body ? \$body : '', map { \$_ => \$ENV{\$_} } keys %ENV);
print "Content-Type: application/json\\r\\n\\r\\n", JSON::PP->new->latin1->encode(\\%seen);
END_OF_SCRIPT
write_secret("$TREE/key",        "$KEY{demo}\n");
write_secret("$TREE/signalwire", "$SECRET{signalwire}\n");
write_secret("$TREE/plivo",      "$SECRET{plivo}\n$SECRET{main}\n");
write_secret("$TREE/telnyx",     encode_base64($TELNYX->export_key_raw('public'), '') . "\n");
write_secret("$TREE/tokens",     "$TOKEN{demo}\n");

my $cgi = ($ENV{ENCGATHER_MPM} || 'event') eq 'prefork' ? 'cgi' : 'cgid';
my $server = private_server('shield-providers', modules => [$cgi], conf => join "\n", <<"END_OF_CONF", map { <<"END_OF_PLACE" } qw(signalwire plivo telnyx));
LogLevel encgather:info
UseCanonicalName off
StartServers 1
@{[ $cgi eq 'cgid' ? "ScriptSock $TREE/cgisock" : '' ]}
<Directory "$TREE">
    Require all granted
</Directory>
EncGatherKeyFile "$TREE/key"
ScriptAlias /twilio "$TREE/cgi/app"
<Location /twilio>
    EncGatherAuthTokenFile "$TREE/tokens"
    EncGatherShield Digits
    EncGatherResign on
</Location>
END_OF_CONF
ScriptAlias /$_ "$TREE/cgi/app"
<Location /$_>
    EncGatherProvider $_
    EncGatherAuthTokenFile "$TREE/$_"
    EncGatherShield Digits:card
    EncGatherResign @{[ $_ eq 'telnyx' ? 'off' : 'on' ]}
</Location>
END_OF_PLACE
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;

sub app ($response) {
    return eval { JSON::PP->new->latin1->decode($response->content) } || { body => 'no answer of the application: ' . $response->as_string };
}

sub with_values ($text) {
    return $text =~ s/\b((?:[0-9a-f]{2}){28,})\b/my $plain = open_token($1); defined $plain ? "{$plain}" : $1/ger;
}

sub send_to ($target, $body, @headers) {
    return post($HOST, $target, [], body => $body, token => undef, headers => \@headers);
}

# --- SignalWire -------------------------------------------------------------------------------------------------------

sub cxml ($url, $body) {
    my @pairs = form_decode($body);
    my @list  = map { [ @pairs[ 2 * $_, 2 * $_ + 1 ] ] } 0 .. @pairs / 2 - 1;
    return hmac_sha1_base64($url . join('', map { @$_ } sort { $a->[0] cmp $b->[0] } @list), $SECRET{signalwire}) . '=';
}

sub exact ($url, $body) { return hmac_sha1_hex($url . $body, $SECRET{signalwire}) }

{
    my $body = "CallSid=c1&b=2&Digits=$CARD&Digits=0417&b=1";
    my $want = "CallSid=c1&b=2&Digits={$CARD}&Digits={0417}&b=1";
    for my $header ('X-SignalWire-Signature', 'X-Twilio-Signature') {
        (my $name = "HTTP_$header") =~ tr/a-z-/A-Z_/;
        for my $kind ([ 'parameters', \&cxml ], [ 'the raw body', \&exact ]) {
            my ($what, $sign) = @$kind;
            my $seen = app(send_to('/signalwire?Digits=0932', $body, $header => $sign->("http://$HOST/signalwire?Digits=0932", $body)));
            is with_values("$seen->{QUERY_STRING} $seen->{body}"), "Digits={0932} $want", "SignalWire, $header over $what: tokens";
            is $seen->{$name}, $sign->("http://$HOST/signalwire?$seen->{QUERY_STRING}", $seen->{body}), "SignalWire, $header over $what: signed anew";
        }
    }
    my $seen = app(post($HOST, '/signalwire', [], body => $body, token => undef, host => 'IVR.Example.com',
        headers => [ 'X-SignalWire-Signature' => cxml('http://ivr.example.com/signalwire', $body), 'X-Twilio-Signature' => 'old' ]));
    is $seen->{HTTP_X_SIGNALWIRE_SIGNATURE}, cxml('http://ivr.example.com/signalwire', $seen->{body}), 'SignalWire: for the host in small letters, where that fitted';
    is $seen->{HTTP_X_TWILIO_SIGNATURE}, undef, 'SignalWire: the header that did not count is gone';
    is send_to('/signalwire', $body, 'X-SignalWire-Signature' => cxml("http://$HOST/signalwire", "$body&x=1"))->code, 403, 'SignalWire: a wrong one';
}

# --- Plivo ------------------------------------------------------------------------------------------------------------

sub sorted ($form) {
    my @pairs = form_decode($form);
    return sort { $a->[0] cmp $b->[0] || $a->[1] cmp $b->[1] } map { [ @pairs[ 2 * $_, 2 * $_ + 1 ] ] } 0 .. @pairs / 2 - 1;
}

sub plivo ($secret, $target, $body, $nonce) {
    my ($path, $query) = split /\?/, $target;
    $query = join '&', map { "$_->[0]=$_->[1]" } sorted($query // '');
    my $form = join '', map { @$_ } sorted($body);
    my $text = "http://$HOST$path" . (length "$query$form" ? '?' : '') . $query . (length $query && length $form ? '.' : '') . "$form.$nonce";
    return hmac_sha256_base64($text, $secret) . '=';
}

{
    my $body = "CallUUID=c1&Digits=$CARD&Digits=0417";
    my ($one, $main) = map { plivo($SECRET{$_}, '/plivo?a=b&Digits=0932', $body, 'n1') } qw(plivo main);
    my $send = sub (@headers) { app(send_to('/plivo?a=b&Digits=0932', $body, @headers, 'X-Plivo-Signature-V3-Nonce' => 'n1', 'X-Plivo-Signature-V2' => 'old')) };
    my $anew = sub ($seen, $secret) { plivo($SECRET{$secret}, "/plivo?$seen->{QUERY_STRING}", $seen->{body}, 'n1') };
    my $has  = sub ($seen) { [ map { $seen->{"HTTP_X_PLIVO_SIGNATURE_$_"} // '-' } qw(V3 MA_V3 V3_NONCE V2) ] };
    my $seen = $send->('X-Plivo-Signature-V3' => $one);
    is with_values("$seen->{QUERY_STRING} $seen->{body}"), "a=b&Digits={0932} CallUUID=c1&Digits={$CARD}&Digits={0417}", 'Plivo: tokens';
    is_deeply $has->($seen), [ $anew->($seen, 'plivo'), '-', 'n1', '-' ], 'Plivo: signed anew, with the nonce';
    $seen = $send->('X-Plivo-Signature-V3' => "wrong,$one", 'X-Plivo-Signature-Ma-V3' => $main);
    is_deeply $has->($seen), [ $anew->($seen, 'plivo'), $anew->($seen, 'main'), 'n1', '-' ], 'Plivo: each header by the token that it fitted';
    $seen = $send->('X-Plivo-Signature-V3' => 'wrong', 'X-Plivo-Signature-Ma-V3' => $main);
    is_deeply $has->($seen), [ '-', $anew->($seen, 'main'), 'n1', '-' ], 'Plivo: one that did not fit is left out';
    is send_to('/plivo', $body, 'X-Plivo-Signature-V3' => 'wrong', 'X-Plivo-Signature-V3-Nonce' => 'n1')->code, 403, 'Plivo: a wrong one';
}

# --- Telnyx -----------------------------------------------------------------------------------------------------------

{
    my $body = "CallSid=c1&Digits=$CARD";
    my $now  = time;
    my $seen = app(send_to('/telnyx', $body, 'telnyx-timestamp' => $now, 'telnyx-signature-ed25519' => encode_base64($TELNYX->sign_message("$now|$body"), '')));
    is with_values($seen->{body}), "CallSid=c1&Digits={$CARD}", 'Telnyx: tokens';
    is_deeply [ grep { /TELNYX/ } keys %$seen ], [], 'Telnyx: no signature, which nobody else can make';
    is send_to('/telnyx', $body, 'telnyx-timestamp' => $now, 'telnyx-signature-ed25519' => encode_base64("\0" x 64, ''))->code, 403, 'Telnyx: a wrong one';
}

# What begins with it in the memory of a process.
sub places_in ($pid, $needle) {
    open my $memory, '<:raw', "/proc/$pid/mem" or return;
    return map { sysseek $memory, $_->{address}, 0; sysread $memory, my $bytes, 40; $bytes // '' } @{ find_in_memory($pid, $needle) || [] };
}

# --- Memory -----------------------------------------------------------------------------------------------------------

SKIP: {
    skip pointless('memory'), 1 if pointless('memory');
    skip 'only root may look into the children of another user', 1 if $> != 0;
    my $front = '830515902274';
    my @long  = map { ("n$_" => 'x' x 50) } 1 .. 20;
    for my $n (1 .. 40) {
        my @pairs = (CallSid => "CA$n", Digits => $front . sprintf('%04d', $n), @long);
        post($HOST, '/twilio', \@pairs, $n % 2 ? () : (chunks => [ unpack '(a100)*', form_encode(@pairs) ]));
    }
    my @children = map { /^(\d+)$/ ? $1 : () } split /\n/, `pgrep -P @{[ $server->pid ]}`;
    my %found = map { my $n = count_in_memory($_, $front); $n ? ($_ => $n) : () } @children;
    is_deeply \%found, {}, 'no child has digits of a body in its memory';
    ok scalar(grep { count_in_memory($_, 'shield-providers') } @children), 'where other things are found';
    get($HOST, "/twilio?CallSid=CA1&Digits=$front" . sprintf '%04d', $_) for 1 .. 40;
    my @left = grep { !/\A\d{16} HTTP\/1\.1\r\n/ } map { places_in($_, $front) } @children;
    is_deeply \@left, [], 'digits of a query are in the buffers that httpd reads requests into, if anywhere';
}

ok $server->stop, 'the server stops';
log_is_clean($server, qr/EG0301/);
done_testing;
