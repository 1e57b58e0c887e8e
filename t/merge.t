# SPDX-License-Identifier: Apache-2.0
# CI: no sanitizer
# Every directive is inherited from the server to a virtual host to a location, and replaced where an inner one says so.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Files qw(spew);
use EncGather::Jwe qw(make_pair seal_jwe header_text);
use EncGather::Signature qw(signature);
use EncGather::Test;

my ($CARD, $PIN) = @SECOND_ACCOUNT;
my $KEYS     = in_tree('conf/keys');
my $DATABASE = in_tree('conf/accounts.db');

# Two lookups, and so two backends, that tell who answered.
my ($FIRST, $SECOND) = map { qq(EncGatherLookup "SELECT '$_' AS account, balance FROM accounts WHERE card = %s AND pin = %s" )
    . 'encryptedCardDigits encryptedPinDigits' } qw(FIRST SECOND);

my $PAIRS = in_tree('private/merge-pairs');
mkdir in_tree('private'), 0755;
mkdir $PAIRS, 0755 or die "$PAIRS: $!";
make_pair($_->[0], "$PAIRS/$_->[1]") for [ p256 => 'one' ], [ x25519 => 'two' ];

my $SHIELD = in_tree('private/merge-shield');
mkdir $SHIELD, 0755 or die "$SHIELD: $!";
my $REVEAL = in_tree('private/merge-reveal');
mkdir $REVEAL, 0755 or die "$REVEAL: $!";
spew("$REVEAL/app", "#!$^X\nbinmode STDIN; print qq(Content-Type: text/plain\\r\\n\\r\\n), <STDIN>;\n", 0755);
spew("$SHIELD/index.shtml", '<!--#echo encoding="none" var="QUERY_STRING" --> <!--#echo encoding="none" var="HTTP_X_TWILIO_SIGNATURE" -->', 0644);

# Three levels of every directive that has three; the outermost values differ from all defaults.
#   inherits.test   says nothing itself; its /over replaces what comes from the server
#   replaces.test   replaces everything; its /over goes back to the values of the server
my $CONF = <<"CONF";
DBDriver sqlite3
DBDParams "$DATABASE"
EncGatherKeyFile $KEYS/demo.key
EncGatherAuthTokenFile $KEYS/auth-tokens
EncGatherSignature on
EncGatherPublicURL https://server.test
EncGatherMaxBody 600
EncGatherTokenFormat hex jwe
EncGatherTokenTTL 300
EncGatherStateCache shm(65536)
EncGatherSingleUse off
EncGatherPrivateKeyFile one $PAIRS/one
<Location /gather>
    SetHandler encrypted-gather
    EncGatherBackend /first
</Location>
<Location /first>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherMaxBody 2000
    $FIRST
</Location>
<Location /second>
    SetHandler decrypt-gather
    EncGatherExpose on
    $SECOND
</Location>
<VirtualHost *>
    ServerName lockout.test
    EncGatherLockout 1 600
    EncGatherSay locked LOCKED
    <Location /gather/over>
        EncGatherLockout 2 600
    </Location>
    <Location /gather/over/off>
        EncGatherLockout off
    </Location>
    <Location /gather/over/again>
        EncGatherLockout 1 600
    </Location>
</VirtualHost>
<VirtualHost *>
    ServerName inherits.test
    <Location /gather/over/key>
        EncGatherKeyFile $KEYS/other.key
    </Location>
    <Location /gather/over/tokens>
        EncGatherAuthTokenFile $KEYS/other-tokens
    </Location>
    <Location /gather/over/signature>
        EncGatherSignature off
    </Location>
    <Location /gather/over/url>
        EncGatherPublicURL https://location.test:8443
    </Location>
    <Location /gather/over/body>
        EncGatherMaxBody 900
    </Location>
    <Location /gather/over/backend>
        EncGatherBackend /second
    </Location>
    <Location /first/deeper>
        SetHandler decrypt-gather
    </Location>
    ScriptAlias /reveal $REVEAL/app
    <Location /reveal>
        Require all granted
        EncGatherExpose on
        EncGatherReveal one
        EncGatherTokenFormat hex
    </Location>
    <Location /reveal/over>
        EncGatherReveal two
        EncGatherReveal three
    </Location>
    <Location /reveal/over/off>
        EncGatherReveal off
    </Location>
    <Location /reveal/over/on>
        EncGatherReveal one
    </Location>
    AliasMatch ^/shield $SHIELD/index.shtml
    <Location /shield>
        SetOutputFilter INCLUDES
        Options +Includes
        Require all granted
        EncGatherShield One
        EncGatherResign on
    </Location>
    <Location /shield/over>
        EncGatherShield Two
        EncGatherShield Three
    </Location>
    <Location /shield/over/off>
        EncGatherShield off
    </Location>
    <Location /shield/over/on>
        EncGatherShield One
        EncGatherResign off
    </Location>
    <Location /first/closed>
        EncGatherExpose off
    </Location>
    <Location /first/closed/open>
        EncGatherExpose on
    </Location>
    <Location /first/over>
        $SECOND
    </Location>
</VirtualHost>
<VirtualHost *>
    ServerName replaces.test
    EncGatherKeyFile $KEYS/other.key
    EncGatherAuthTokenFile $KEYS/other-tokens
    EncGatherPublicURL https://vhost.test
    EncGatherMaxBody 900
    <Location /gather/over/key>
        EncGatherKeyFile $KEYS/demo.key
    </Location>
    <Location /gather/over/tokens>
        EncGatherAuthTokenFile $KEYS/auth-tokens
    </Location>
    <Location /gather/over/url>
        EncGatherPublicURL https://server.test
    </Location>
    <Location /gather/over/body>
        EncGatherMaxBody 600
    </Location>
</VirtualHost>
<VirtualHost *>
    ServerName sealed.test
    EncGatherTokenFormat jwe
    EncGatherTokenTTL 600
    EncGatherRecipient one $PAIRS/one.pub
    EncGatherRecipient two $PAIRS/two.pub
    EncGatherPrivateKeyFile two $PAIRS/two
    <Location /gather/over/recipient>
        EncGatherRecipient two $PAIRS/two.pub
        EncGatherRecipient one $PAIRS/one.pub
    </Location>
    <Location /gather/over/off>
        EncGatherRecipient off
    </Location>
    <Location /gather/over/off/hex>
        EncGatherTokenFormat hex jwe
    </Location>
    <Location /first/over/keys>
        EncGatherPrivateKeyFile one $PAIRS/one
    </Location>
    <Location /first/over/keys/both>
        EncGatherPrivateKeyFile two $PAIRS/two
        EncGatherPrivateKeyFile one $PAIRS/one
    </Location>
    <Location /first/over/keys/off>
        EncGatherPrivateKeyFile off
    </Location>
    <Location /first/ttl>
        EncGatherTokenTTL 900
    </Location>
</VirtualHost>
<VirtualHost *>
    ServerName once.test
    EncGatherTokenFormat jwe
    EncGatherSingleUse on
    <Location /first/again>
        EncGatherSingleUse off
    </Location>
    <Location /first/again/once>
        EncGatherSingleUse on
    </Location>
</VirtualHost>
<VirtualHost *>
    ServerName provider.test
    EncGatherProvider signalwire
    EncGatherAuthTokenFile $KEYS/other-tokens
    <Location /gather/over/provider>
        EncGatherProvider plivo
    </Location>
    <Location /gather/over/provider/back>
        EncGatherProvider twilio
    </Location>
</VirtualHost>
<VirtualHost *>
    ServerName off.test
    EncGatherSignature off
    <Location /gather/over/signature>
        EncGatherSignature on
    </Location>
</VirtualHost>
CONF

my $cgi    = ($ENV{ENCGATHER_MPM} || 'event') eq 'prefork' ? 'cgi' : 'cgid';
my $server = private_server('merge', modules => [ qw(include filter), $cgi ], conf => ($cgi eq 'cgid' ? "ScriptSock $REVEAL/socket\n" : '') . $CONF);
ok $server->start, 'a server of its own' or BAIL_OUT $server->error;
my $hostport = '127.0.0.1:' . $server->port;

# A webhook for a virtual host, signed by this token for this origin.
sub webhook ($host, $target, $token, $origin, @pairs) {
    return post($hostport, $target, \@pairs, host => $host,
        defined $token ? (signature => signature($token, "$origin$target", \@pairs)) : (token => undef));
}

sub which (%cases) { return join ' ', grep { $cases{$_}->() } sort keys %cases }

# --- EncGatherKeyFile: which key seals ---------------------------------------------------------------------

sub key_of ($host, $path, $token, $origin) {
    my $sealed = token_in(webhook($host, "$path?step=getPin", $token, $origin, Digits => $CARD), 'encryptedCardDigits');
    return which(map { my $key = $_; ($key => sub () { (open_token($sealed, $KEY{$key}) || '') eq $CARD }) } qw(demo other));
}

my @SERVER = ($TOKEN{demo},  'https://server.test');
my @VHOST  = ($TOKEN{other}, 'https://vhost.test');

is key_of('inherits.test', '/gather',          @SERVER), 'demo',  'G13 EncGatherKeyFile: from the server to the virtual host';
is key_of('inherits.test', '/gather/deep',     @SERVER), 'demo',  'G13 EncGatherKeyFile: and to what is below a location';
is key_of('inherits.test', '/gather/over/key', @SERVER), 'other', 'G13 EncGatherKeyFile: replaced in a location';
is key_of('replaces.test', '/gather',          @VHOST),  'other', 'G13 EncGatherKeyFile: replaced in a virtual host';
is key_of('replaces.test', '/gather/over/key', @VHOST),  'demo',  'G13 EncGatherKeyFile: and again in its location';

# --- EncGatherAuthTokenFile: which tokens are taken ------------------------------------------------------------

sub tokens_of ($host, $path, $origin) {
    return which(map { my $token = $_; ($token => sub () { webhook($host, $path, $TOKEN{$token}, $origin)->code == 200 }) }
        qw(demo rotated other));
}

is tokens_of('inherits.test', '/gather',             'https://server.test'), 'demo rotated', 'G13 EncGatherAuthTokenFile: from the server';
is tokens_of('inherits.test', '/gather/over/tokens', 'https://server.test'), 'other',        'G13 EncGatherAuthTokenFile: replaced in a location';
is tokens_of('replaces.test', '/gather',             'https://vhost.test'),  'other',        'G13 EncGatherAuthTokenFile: replaced in a virtual host';
is tokens_of('replaces.test', '/gather/over/tokens', 'https://vhost.test'),  'demo rotated', 'G13 EncGatherAuthTokenFile: and in its location';

# --- EncGatherSignature ------------------------------------------------------------------------------------------

sub unsigned ($host, $path) { return webhook($host, $path, undef, undef)->code }

is unsigned('inherits.test', '/gather'),                403, 'G13 EncGatherSignature: on from the server';
is unsigned('inherits.test', '/gather/over/signature'), 200, 'G13 EncGatherSignature: off in a location';
is unsigned('off.test',      '/gather'),                200, 'G13 EncGatherSignature: off in a virtual host';
is unsigned('off.test',      '/gather/over/signature'), 403, 'G13 EncGatherSignature: on in its location';

# --- EncGatherProvider: whose headers are looked at ------------------------------------------------------------------

sub provider_of ($path) {
    my $mark = length $server->error_log;
    post($hostport, $path, [], host => 'provider.test', token => undef);
    return which(map { my $title = $_; ($title => sub () { substr($server->error_log, $mark) =~ /EG0301: .*: $title did not send/ }) } qw(Twilio SignalWire Plivo));
}

is provider_of('/gather/deep'),               'SignalWire', 'G13 EncGatherProvider: from a virtual host to what is below a location';
is provider_of('/gather/over/provider'),      'Plivo',      'G13 EncGatherProvider: replaced in a location';
is provider_of('/gather/over/provider/back'), 'Twilio',     'G13 EncGatherProvider: and again below that';

# --- EncGatherPublicURL: what is signed, and where the action leads ---------------------------------------------------

sub origin_of ($host, $path, $token, $origin) {
    return action(webhook($host, $path, $token, $origin))->{origin};
}

is origin_of('inherits.test', '/gather', @SERVER), 'https://server.test', 'G13 EncGatherPublicURL: from the server';
is origin_of('inherits.test', '/gather/over/url', $TOKEN{demo}, 'https://location.test:8443'), 'https://location.test:8443',
    'G13 EncGatherPublicURL: replaced in a location';
is origin_of('inherits.test', '/gather/over/url', @SERVER), undef, 'G13 EncGatherPublicURL: and the old one is no longer taken';
is origin_of('replaces.test', '/gather', @VHOST), 'https://vhost.test', 'G13 EncGatherPublicURL: replaced in a virtual host';
is origin_of('replaces.test', '/gather/over/url', $TOKEN{other}, 'https://server.test'), 'https://server.test',
    'G13 EncGatherPublicURL: and in its location';

# --- EncGatherMaxBody: what is the largest body -----------------------------------------------------------------------

sub largest ($host, $path, $token, $origin) {
    return which(map { my $n = $_; ($n => sub () { webhook($host, $path, $token, $origin, a => 'x' x ($n - 2))->code == 200 }) }
        600, 601, 900, 901);
}

is largest('inherits.test', '/gather',           @SERVER), '600',         'G13 EncGatherMaxBody: from the server';
is largest('inherits.test', '/gather/over/body', @SERVER), '600 601 900', 'G13 EncGatherMaxBody: replaced in a location';
is largest('replaces.test', '/gather',           @VHOST),  '600 601 900', 'G13 EncGatherMaxBody: replaced in a virtual host';
is largest('replaces.test', '/gather/over/body', @VHOST),  '600',         'G13 EncGatherMaxBody: and in its location';

# --- EncGatherBackend, EncGatherLookup: from location to location -----------------------------------------------------

sub teller ($text) { return which(map { my $name = $_; ($name => sub () { $text =~ /$name/ }) } qw(FIRST SECOND forbidden)) }

sub backend_of ($path) {
    my $response = webhook('inherits.test', "$path?step=processData&encryptedCardDigits=" . seal($CARD), @SERVER, Digits => $PIN);
    return teller(join(' ', said($response)) =~ tr/ ,//dr);
}

sub lookup_of ($path) {
    my %fields = (encryptedCardDigits => seal($CARD), encryptedPinDigits => seal($PIN));
    return teller(decrypt($hostport, $path, \%fields, host => 'inherits.test')->content);
}

is backend_of('/gather'),              'FIRST',  'G13 EncGatherBackend: in its location';
is backend_of('/gather/deep'),         'FIRST',  'G13 EncGatherBackend: inherited by what is below';
is backend_of('/gather/over/key'),     '',       'G13 EncGatherBackend: also where another directive is replaced: wrong key';
is backend_of('/gather/over/backend'), 'SECOND', 'G13 EncGatherBackend: replaced in a location below';
is lookup_of('/first'),                'FIRST',  'G13 EncGatherLookup: in its location';
is lookup_of('/first/deeper'),         'FIRST',  'G13 EncGatherLookup: inherited by a location below';
is lookup_of('/first/over'),           'SECOND', 'G13 EncGatherLookup: replaced in a location below';
is lookup_of('/second'),               'SECOND', 'G13 EncGatherLookup: no other location is changed by that';
is lookup_of('/first/deeper/still'),   'FIRST',  'G13 EncGatherExpose: inherited by a location below';
is lookup_of('/first/closed'),         'forbidden',    'G13 EncGatherExpose: replaced in a location below';
is lookup_of('/first/closed/open'),    'FIRST',  'G13 EncGatherExpose: and again below that';

# --- Tokens and their keys --------------------------------------------------------------------------------------------

sub made_at ($host, $path) {
    my $token = token_in(webhook($host, "$path?step=getPin", @SERVER, CallSid => 'CA1', Digits => $CARD), 'encryptedCardDigits') // '';
    return $token =~ /\./ ? header_text($token) =~ /"kid":"(\w+)"/ ? $1 : 'key file' : $token ? 'hex' : '';
}

is made_at('inherits.test', '/gather'),                'hex',      'G13 EncGatherTokenFormat: from the server to the virtual host';
is made_at('sealed.test', '/gather'),                  'one',      'G13 EncGatherTokenFormat, EncGatherRecipient: replaced in a virtual host';
is made_at('sealed.test', '/gather/deep'),             'one',      'G13 EncGatherRecipient: and to what is below a location';
is made_at('sealed.test', '/gather/over/recipient'),   'two',      'G13 EncGatherRecipient: another list in a location';
is made_at('sealed.test', '/gather/over/off'),         'key file', 'G13 EncGatherRecipient: off in a location';
is made_at('sealed.test', '/gather/over/off/hex'),     'hex',      'G13 EncGatherTokenFormat: replaced in a location';

# Which tokens are opened: of whom, and hex.
sub opened_at ($host, $path, $age = 0) {
    my %seal = (one => [ p256 => "$PAIRS/one" ], two => [ x25519 => "$PAIRS/two" ]);
    my $token = sub ($kid, $field, $plain) {
        return seal_jwe($seal{$kid}[0], $plain, key => $seal{$kid}[1], kid => $kid, sid => 'CA1', fld => $field, iat => time - $age);
    };
    my %fields = (hex => sub () { return { encryptedCardDigits => seal($CARD), encryptedPinDigits => seal($PIN) } },
        map { my $kid = $_; ($kid => sub () {
            return { encryptedCardDigits => $token->($kid, encryptedCardDigits => $CARD), encryptedPinDigits => $token->($kid, encryptedPinDigits => $PIN) } }) } qw(one two));
    return which(map { my $made = $fields{$_}; ($_ => sub () { decrypt($hostport, $path, $made->(), host => $host)->code == 200 }) } sort keys %fields);
}

is opened_at('inherits.test', '/first'),              'hex one', 'G13 EncGatherPrivateKeyFile, EncGatherTokenFormat: from the server';
is opened_at('inherits.test', '/first/deeper'),       'hex one', 'G13 EncGatherPrivateKeyFile: and to what is below a location';
is opened_at('sealed.test', '/first'),                'two',     'G13 EncGatherPrivateKeyFile: another list in a virtual host';
is opened_at('sealed.test', '/first/over/keys'),      'one',     'G13 EncGatherPrivateKeyFile: and again in its location';
is opened_at('sealed.test', '/first/over/keys/both'), 'one two', 'G13 EncGatherPrivateKeyFile: further ones add';
is opened_at('sealed.test', '/first/over/keys/off'),  '',        'G13 EncGatherPrivateKeyFile: off in a location';

is opened_at('inherits.test', '/first', 290),    'hex one', 'G13 EncGatherTokenTTL: from the server';
is opened_at('inherits.test', '/first', 310),    'hex',     'G13 EncGatherTokenTTL: that one, and not the default';
is opened_at('sealed.test', '/first', 590),      'two',     'G13 EncGatherTokenTTL: replaced in a virtual host';
is opened_at('sealed.test', '/first', 610),      '',        'G13 EncGatherTokenTTL: by that one';
is opened_at('sealed.test', '/first/ttl', 890),  'two',     'G13 EncGatherTokenTTL: and again in its location';
is opened_at('sealed.test', '/first/ttl', 910),  '',        'G13 EncGatherTokenTTL: by that one';

# How often a pair of tokens is taken at each place, one after the other.
sub taken_at ($host, @paths) {
    my %pair = map { $_->[0] => seal_jwe('p256', $_->[1], key => "$PAIRS/one", kid => 'one', sid => 'CA1', fld => $_->[0], iat => time + 5) }
        [ encryptedCardDigits => $CARD ], [ encryptedPinDigits => $PIN ];
    return join ' ', map { decrypt($hostport, $_, \%pair, host => $host)->code } @paths;
}

is taken_at('inherits.test', ('/first') x 2),             '200 200', 'G13 EncGatherSingleUse: from the server';
is taken_at('once.test', ('/first') x 2),                 '200 400', 'G13 EncGatherSingleUse: replaced in a virtual host';
is taken_at('once.test', ('/first/again') x 2),           '200 200', 'G13 EncGatherSingleUse: and again in a location';
is taken_at('once.test', ('/first/again/once') x 2),      '200 400', 'G13 EncGatherSingleUse: and below that';
is taken_at('once.test', '/first', '/first/again/once'),  '200 400', 'G13 EncGatherStateCache: one store for all places';

# --- Applications behind a shield ----------------------------------------------------------------------------------------

# Which parameters became tokens, and whether there is a signature.
sub shielded_at ($path) {
    my $target = "$path?One=1&Two=2&Three=3";
    my $got    = get($hostport, $target, host => 'inherits.test', signature => signature($TOKEN{demo}, "https://server.test$target"))->content;
    return join ' ', ($got =~ /(\w+)=[0-9a-f]{58}/g), $got =~ /=\s*\z/ ? 'signed' : 'not';
}

is shielded_at('/shield'),          'One signed',       'G13 EncGatherShield, EncGatherResign: in its location';
is shielded_at('/shield/deep'),     'One signed',       'G13 EncGatherShield, EncGatherResign: inherited by what is below';
is shielded_at('/shield/over'),     'Two Three signed', 'G13 EncGatherShield: another list in a location below, whose lines add';
is shielded_at('/shield/over/off'), 'signed',           'G13 EncGatherShield: off below that: the signature that came';
is shielded_at('/shield/over/on'),  'One not',          'G13 EncGatherResign: off below that';

# Which parameters are opened.
sub revealed_at ($path) {
    my %sealed = map { $_ => seal($_) } qw(one two three);
    my $got = request(POST => $hostport, $path, host => 'inherits.test', body => join('&', map { "$_=$sealed{$_}" } sort keys %sealed),
        headers => [ 'Content-Type' => 'application/x-www-form-urlencoded' ])->content;
    return join ' ', map { $got =~ /\b$_=$_\b/ ? $_ : () } sort keys %sealed;
}

is revealed_at('/reveal'),          'one',       'G13 EncGatherReveal: in its location';
is revealed_at('/reveal/deep'),     'one',       'G13 EncGatherReveal: inherited by what is below';
is revealed_at('/reveal/over'),     'three two', 'G13 EncGatherReveal: another list in a location below, whose lines add';
is revealed_at('/reveal/over/off'), '',          'G13 EncGatherReveal: off below that';
is revealed_at('/reveal/over/on'),  'one',       'G13 EncGatherReveal: and again in another one';

# --- EncGatherLockout: which failures a location counts -----------------------------------------------------------------

# Fails once from that caller, and says whether he is locked then.
sub locks_at ($path, $from) {
    my @server = ($TOKEN{demo}, 'https://server.test');
    webhook('lockout.test', "$path?step=processData&encryptedCardDigits=" . seal($CARD), @server, CallSid => 'CAa', From => $from, Digits => '0933');
    return webhook('lockout.test', $path, @server, CallSid => 'CAb', From => $from)->content =~ /LOCKED/ ? 'locked' : 'asked';
}

is locks_at('/gather',             'one'),   'locked', 'G13 EncGatherLockout: from a virtual host';
is locks_at('/gather/deep',        'two'),   'locked', 'G13 EncGatherLockout: and to what is below a location';
is locks_at('/gather/over',        'three'), 'asked',  'G13 EncGatherLockout: replaced in a location';
is locks_at('/gather/over/off',    'four'),  'asked',  'G13 EncGatherLockout: off below that';
is locks_at('/gather/over/again',  'five'),  'locked', 'G13 EncGatherLockout: and again';

ok $server->stop, 'the server stops';
log_is_clean($server, qr/\[encgather:warn\].*EG01\d\d:/, qr/EG03\d\d:/, qr/EG04\d\d:/, qr/EG05\d\d:/);

finish();
