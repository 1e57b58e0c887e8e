# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# Tokens that are bound to their call and sealed to public keys, through whole calls: what is made, what is refused and by
# which rule, and changes of formats and keys while calls are under way.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use JSON::PP ();
use Test::More;

use lib 't/lib';
use EncGather::Daemon qw(free_ports);
use EncGather::Files qw(slurp spew);
use EncGather::Jwe qw(make_pair seal_jwe header_text opened_by_tool);
use EncGather::Scripted;
use EncGather::Signature qw(signature);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

my ($PORT) = free_ports(1);
my $server = private_server('sealed', port => $PORT, modules => [qw(proxy proxy_http)]);
my $FILES  = in_tree('private/sealed/files');
mkdir $FILES, 0755 or die "$FILES: $!";
my ($HOST, $DATABASE)      = ("127.0.0.1:$PORT", in_tree('conf/accounts.db'));
my ($CARD, $PIN, $ACCOUNT) = @SECOND_ACCOUNT;
my ($CARD_FIELD, $PIN_FIELD) = qw(encryptedCardDigits encryptedPinDigits);

make_pair($_, "$FILES/$_") for qw(p256 x25519 rsa);
make_pair(p256 => "$FILES/$_") for qw(issuer next);
my $RING = write_secret("$FILES/ring", "k1 $KEY{demo}\nk0 $KEY{ring1}\n");
write_secret("$FILES/other-ring", "k1 $KEY{other}\n");
write_secret("$FILES/bare", "$KEY{demo}\n");

# --- Configuration --------------------------------------------------------------------------------------------

my $LOOKUP = qq(EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" $CARD_FIELD $PIN_FIELD);

sub gather_at ($path, $backend, @lines) {
    return join "\n", "<Location $path>", 'SetHandler encrypted-gather', "EncGatherBackend $backend",
        'EncGatherSay found "%{account}"', @lines, '</Location>', '';
}

sub decrypt_at ($path, @lines) {
    return join "\n", "<Location $path>", 'SetHandler decrypt-gather', $LOOKUP, @lines, '</Location>', '';
}

sub recipient ($kid, $file = $kid) { return "EncGatherRecipient $kid $FILES/$file.pub" }
sub private_key ($kid, $file = $kid) { return "EncGatherPrivateKeyFile $kid $FILES/$file" }

# As many fields as a URL has room for.
my %MANY = (dir => 16, x25519 => 16, p256 => 16, rsa => 14);

# $CONF is what all have; $changing is exchanged under calls.
my $elsewhere = EncGather::Scripted->new(map { [ 200, 'application/json', qq({"account":"$ACCOUNT"}) ] } 1 .. 20);
my $OPEN      = ('EncGatherExpose on');
my $CONF = join "\n", <<"CONF",
DBDriver sqlite3
DBDParams "$DATABASE"
EncGatherAuthTokenFile "${\in_tree('conf/keys/auth-tokens')}"
CONF
    "<VirtualHost *>\nServerName 127.0.0.1\n",
    gather_at('/dir/gather', '/dir/decrypt', "EncGatherKeyFile $RING", 'EncGatherTokenFormat jwe', 'EncGatherForward CallSid'),
    decrypt_at('/dir/decrypt', "EncGatherKeyFile $RING", 'EncGatherTokenFormat jwe'),
    (map { (gather_at("/$_/gather", "http://$HOST/$_/decrypt", recipient($_), 'EncGatherForward CallSid'),
            gather_at("/$_/there", $elsewhere->url('/'), recipient($_)),
            decrypt_at("/$_/decrypt", private_key($_), $OPEN)) } qw(p256 x25519 rsa)),
    gather_at('/each/gather', $elsewhere->url('/'), recipient('p256'), recipient('issuer'), "EncGatherKeyFile $RING",
        "EncGatherField $CARD_FIELD digits=4", "EncGatherField $PIN_FIELD digits=4 recipient=issuer", 'EncGatherField code digits=3 recipient=off'),
    gather_at('/bare/gather', '/bare/decrypt', "EncGatherKeyFile $FILES/bare", 'EncGatherTokenFormat jwe'),
    decrypt_at('/bare/decrypt', "EncGatherKeyFile $FILES/bare", 'EncGatherTokenFormat jwe', $OPEN),
    decrypt_at('/open/decrypt', "EncGatherKeyFile $RING", (map { private_key($_) } qw(p256 x25519 rsa)), $OPEN, 'EncGatherTokenTTL 600'),
    decrypt_at('/both/decrypt', "EncGatherKeyFile $RING", 'EncGatherTokenFormat jwe hex', $OPEN),
    decrypt_at('/hex/decrypt', "EncGatherKeyFile $RING", $OPEN),
    gather_at('/hex/gather', '/hex/decrypt', "EncGatherKeyFile $RING"),
    gather_at('/both/gather', '/both/decrypt', "EncGatherKeyFile $RING", 'EncGatherTokenFormat jwe hex'),
    decrypt_at('/alone/decrypt', private_key('p256'), $OPEN),
    # what httpd's sections make of a request, and no section says by itself
    gather_at('/if/gather', '/if/decrypt', "EncGatherKeyFile $RING", 'EncGatherTokenFormat jwe', '<If "%{QUERY_STRING} =~ /more/">', recipient(k1 => 'p256'), '</If>'),
    decrypt_at('/if/decrypt', "EncGatherKeyFile $RING", $OPEN, '<If "%{QUERY_STRING} =~ /more/">', private_key(k0 => 'p256'), '</If>',
        '<If "%{QUERY_STRING} =~ /pair/">', recipient(e1 => 'p256'), private_key(e1 => 'next'), '</If>'),
    (map { gather_at("/many/$_", $elsewhere->url('/'), $_ eq 'dir' ? ("EncGatherKeyFile $RING", 'EncGatherTokenFormat jwe') : recipient($_),
        map { "EncGatherField f$_ digits=4 say=x" } 1 .. $MANY{$_}) } sort keys %MANY),
    "</VirtualHost>\n<VirtualHost *>\nServerName other.test\n",
    decrypt_at('/open/decrypt', "EncGatherKeyFile $FILES/other-ring", private_key(p256 => 'next'), $OPEN),
    "</VirtualHost>\n";

$server->configure(conf => $CONF);
$server->start or diag($server->error), BAIL_OUT('the private server does not start');

# --- Calls ----------------------------------------------------------------------------------------------------

my $serial = 0;
sub fresh_call () { return sprintf 'CA%030x%02x', time, ++$serial }

sub webhook ($target, $call, @more) { return post($HOST, $target, [ (defined $call ? (CallSid => $call) : ()), @more ]) }

sub target_of ($response) {
    return action($response)->{target} || BAIL_OUT('no action in: ' . $response->as_string);
}

# Answers questions until none is asked: every answer of the call, the last one at the end.
sub go_on ($call, $response, @digits) {
    my @all = $response;
    for my $digits (@digits) {
        push @all, webhook(target_of($all[-1]), $call, Digits => $digits);
    }
    return @all;
}

sub whole_call ($path, $call, @digits) { return go_on($call, webhook($path, $call), @digits) }

sub hears ($response, $text, $name) {
    return is join(' ', said($response)), $text, $name;
}

my $KEY_OF  = qr/"epk":\{"kty":"EC","crv":"P-256","x":"[\w-]{43}","y":"[\w-]{43}"\},/;
my %HEADER  = (
    dir    => qr/"alg":"dir","enc":"A256GCM","kid":"k1",/,
    p256   => qr/"alg":"ECDH-ES","enc":"A256GCM","kid":"p256",$KEY_OF/,
    issuer => qr/"alg":"ECDH-ES","enc":"A256GCM","kid":"issuer",$KEY_OF/,
    x25519 => qr/"alg":"ECDH-ES","enc":"A256GCM","kid":"x25519","epk":\{"kty":"OKP","crv":"X25519","x":"[\w-]{43}"\},/,
    rsa    => qr/"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"rsa",/,
    bare   => qr/"alg":"dir","enc":"A256GCM",/,
);

# The header is this to the letter, was sealed a moment ago, and the program opens the token for this call and field alone.
sub is_sealed ($name, $token, $kind, $call, $field, $digits, @key) {
    my ($iat) = header_text($token) =~ /\A\{$HEADER{$kind}"iat":(\d+),"sid":"\Q$call\E","fld":"\Q$field\E"\}\z/;
    ok defined $iat && $iat >= time - 30 && $iat <= time, "$name: the header, to the letter" or diag header_text($token);
    my @bound = ('--sid', $call, '--fld', $field, '--ttl', 60);
    is opened_by_tool($token, @key, @bound), $digits, "$name: the program opens it";
    is opened_by_tool($token, @key, '--sid', 'CA0', '--fld', $field), undef, "$name: for no other call";
    return is opened_by_tool($token, @key, '--sid', $call, '--fld', 'other'), undef, "$name: for no other field";
}

my %OPENS = (dir => [ '--key-file', $RING ], bare => [ '--key-file', "$FILES/bare" ],
    map { $_ => [ '--private-key', "$FILES/$_" ] } qw(p256 x25519 rsa issuer));

for my $kind (qw(dir p256 x25519 rsa bare)) {
    my $call = fresh_call();
    my @all  = whole_call("/$kind/gather", $call, $CARD, $PIN);
    is_sealed("$kind, the card on its way", token_in($all[1], $CARD_FIELD), $kind, $call, $CARD_FIELD, $CARD, @{ $OPENS{$kind} });
    hears($all[2], $ACCOUNT, "$kind: a whole call");
}

# What a backend gets: each token, and nothing in clear.
sub sent_to_backend () {
    my ($last) = reverse $elsewhere->requests;
    return JSON::PP->new->decode($last->content);
}

for my $kind (qw(p256 x25519 rsa)) {
    my $call = fresh_call();
    hears((whole_call("/$kind/there", $call, $CARD, $PIN))[-1], $ACCOUNT, "$kind: a call with a backend of somebody else");
    my $sent = sent_to_backend();
    is_deeply [ sort keys %$sent ], [ $CARD_FIELD, $PIN_FIELD ], "$kind: it gets two tokens";
    is_sealed("$kind: the PIN for the backend", $sent->{$PIN_FIELD}, $kind, $call, $PIN_FIELD, $PIN, @{ $OPENS{$kind} });
    is_deeply [ map { opened_by_tool($sent->{$_}, @{ $OPENS{dir} }) } sort keys %$sent ], [ undef, undef ], "$kind: which no key file opens";
}

{
    my $call = fresh_call();
    hears((whole_call('/each/gather', $call, $CARD, $PIN, '703'))[-1], $ACCOUNT, 'a call with a key for each field');
    my $sent = sent_to_backend();
    is_sealed('the card', $sent->{$CARD_FIELD}, 'p256', $call, $CARD_FIELD, $CARD, @{ $OPENS{p256} });
    is_sealed('the PIN', $sent->{$PIN_FIELD}, 'issuer', $call, $PIN_FIELD, $PIN, @{ $OPENS{issuer} });
    is_sealed('the code', $sent->{code}, 'dir', $call, 'code', '703', @{ $OPENS{dir} });
    is opened_by_tool($sent->{$PIN_FIELD}, @{ $OPENS{p256} }), undef, 'who may read the card may not read the PIN';
}

# The URL becomes no longer than was reckoned with, and not much shorter.
for my $kind (sort keys %MANY) {
    my ($reckoned) = $server->error_log =~ /EG0142: <Location \/many\/$kind> .*can become (\d+) characters long/;
    my $call = 'C' x 64;
    my @all  = whole_call("/many/$kind", $call, map { sprintf '%04d', $_ } 1 .. $MANY{$kind});
    hears($all[-1], $ACCOUNT, "$kind: a call with $MANY{$kind} fields");
    my $length = length gather($all[-2])->{action};
    is defined $reckoned ? 1 : 0, $kind eq 'dir' ? 0 : 1, "$kind: a warning that URLs are long";
    cmp_ok $length, '<=', $reckoned // 4000, "$kind: the last one is no longer than that";
    cmp_ok $length, '>=', $reckoned - 120, "$kind: and not much shorter" if defined $reckoned;
    my $sent = sent_to_backend();
    is opened_by_tool($sent->{"f$_"}, @{ $OPENS{$kind} }, '--sid', $call, '--fld', "f$_", '--ttl', 60), sprintf('%04d', $_), "$kind: field $_" for 1, $MANY{$kind};
}

# --- Refused at the end ---------------------------------------------------------------------------------------

my %answers;
my $CALL = fresh_call();
my %SEAL = (dir => { key => $KEY{demo}, kid => 'k1' }, map { $_ => { key => "$FILES/$_", kid => $_ } } qw(p256 x25519 rsa));

sub made ($kind, $field, $plain, %with) { return seal_jwe($kind, $plain, %{ $SEAL{$kind} }, sid => $CALL, fld => $field, %with) }
sub card ($kind, %with) { return made($kind, $CARD_FIELD, $CARD, %with) }
sub pin  ($kind, %with) { return made($kind, $PIN_FIELD, $PIN, %with) }

# The rules that were named in the log meanwhile.
sub rules_named ($tag, $code) {
    my $before = length $server->error_log;
    $code->();
    return [ substr($server->error_log, $before) =~ /\[encgather:(?:warn|info)\] .*$tag.*\(rule: (\w+)\)/g ];
}

sub without_date ($response) {
    my $copy = $response->clone;
    $copy->remove_header(qw(Date Expires));
    return $copy->as_string;
}

sub is_refused ($name, $rule, $fields, $path = '/open/decrypt', %options) {
    my $response;
    my $rules = rules_named('EG0402', sub () { $response = decrypt($HOST, $path, $fields, %options) });
    $answers{ without_date($response) }++;
    return is_deeply [ $response->code, $response->content =~ /"error":"([^"]*)"/, $rules ], [ 400, 'bad token', [$rule] ], "refused: $name"
        || diag $response->as_string;
}

sub is_opened ($name, $fields, $path = '/open/decrypt', %options) {
    my $response = decrypt($HOST, $path, $fields, %options);
    return is $response->code, 200, "opened: $name" || diag $response->as_string;
}

sub both ($card, $pin = pin('p256'), %more) { return { $CARD_FIELD => $card, $PIN_FIELD => $pin, %more } }

for my $kind (qw(dir p256 x25519 rsa)) {
    my ($card, $pin) = (card($kind), pin($kind));
    is_opened("$kind, of another maker", both($card, $pin));
    is_opened("$kind, with CallSid", both($card, $pin, CallSid => $CALL));
    is_opened("$kind, with CallUUID", both($card, $pin, CallUUID => $CALL));
    is_refused("$kind: swapped fields", 'field', both($pin, $card));
    is_refused("$kind: one of another call", 'call', both($card, pin($kind, sid => 'CA1')));
    is_refused("$kind: both of another call", 'call', both($card, $pin, CallSid => 'CA1'));
    is_refused("$kind: yesterday's", 'age', both(card($kind, iat => time - 86_400)));
    is_refused("$kind: tomorrow's", 'age', both(card($kind, iat => time + 86_400)));
    is_opened("$kind: within the time", both(card($kind, iat => time - 590), pin($kind, iat => time + 55)));
    is_refused("$kind: older than EncGatherTokenTTL", 'age', both(card($kind, iat => time - 605)));
    is_refused("$kind: further ahead than clocks may differ", 'age', both(card($kind, iat => time + 65)));
    is_refused("$kind: of another virtual host", $kind eq 'p256' || $kind eq 'dir' ? 'tag' : 'key', both($card, $pin), '/open/decrypt', host => 'other.test');
    is_refused("$kind: an unknown kid", 'key', both(card($kind, kid => 'nobody')));
    is_refused("$kind: no kid", 'key', both(card($kind, kid => undef)));
    is_refused("$kind: a changed tag", 'tag', both($card =~ s/([\w-])([\w-]{4})\z/($1 eq 'A' ? 'B' : 'A') . $2/er));
    is_refused("$kind: a changed header", 'tag', both($card =~ s/\A[^.]+/(split m{[.]}, card($kind, iat => time - 100))[0]/er))
        if $kind eq 'dir';

    # Every member of the header dropped, doubled, retyped: the tag is right each time.
    for my $name (map { $_->[0] } EncGather::Jwe::header_members($kind, %{ $SEAL{$kind} }, sid => $CALL, fld => $CARD_FIELD)) {
        my %mangled = (
            dropped => sub (@all) { return grep { $_->[0] ne $name } @all },
            doubled => sub (@all) { return map { $_->[0] eq $name ? ($_, $_) : $_ } @all },
            retyped => sub (@all) { return map { $_->[0] eq $name ? [ $name, $_->[1] =~ /\A[\d{]/ ? qq("7") : 7 ] : $_ } @all },
        );
        is_refused("$kind: $name $_", $name eq 'kid' && $_ eq 'dropped' ? 'key' : 'form', both(card($kind, mangle => $mangled{$_}))) for sort keys %mangled;
    }
    is_opened("$kind: a member that nobody knows", both(card($kind, mangle => sub (@all) { return ([ jku => '"https://x.test/"' ], @all) })));
    for my $member ([ zip => '"DEF"' ], [ crit => '["b64"]' ], [ apu => '"AA"' ], [ apv => '"AA"' ]) {
        is_refused("$kind: $member->[0]", 'form', both(card($kind, mangle => sub (@all) { return (@all, $member) })));
    }
}

is_refused('the alg of another key: dir for a pair', 'key', both(card('dir', kid => 'p256')));
is_refused('the alg of another key: ECDH-ES for a key file', 'key', both(card('p256', kid => 'k1')));
is_refused('the alg of another key: RSA for P-256', 'key', both(card('rsa', kid => 'p256')));
is_refused('X25519 for P-256', 'key', both(card('x25519', kid => 'p256')));
is_refused('hex where jwe alone is read', 'format', both(seal($CARD)));
is_refused('jwe where hex alone is read', 'format', both(card('dir'), pin('dir')), '/hex/decrypt');
is_refused('digits', 'form', both($CARD));

# What an administrator is told of it, and of which call.
sub log_names ($name, $fields, $pattern) {
    my $before = length $server->error_log;
    decrypt($HOST, '/open/decrypt', $fields);
    return like substr($server->error_log, $before), $pattern, "the log: $name";
}
my %CALLED = (CallSid => $CALL);
log_names('another key', both(card('p256', kid => 'nobody'), pin('p256'), %CALLED), qr/EG0402: call \Q$CALL\E: .*its kid .*EncGatherPrivateKeyFile.*EncGatherKeyFile/);
log_names('another half', both(card('p256') =~ s/([\w-])([\w-]{4})\z/($1 eq 'A' ? 'B' : 'A') . $2/er, pin('p256'), %CALLED),
    qr/EG0402: call \Q$CALL\E: .*not authentic: .*the other half of its EncGatherRecipient/);
log_names('another format', both(seal($CARD), pin('p256'), %CALLED), qr/EG0402: call \Q$CALL\E: .*EncGatherTokenFormat.* a private key means jwe/);
is_refused('nothing', 'form', both(''));
is_refused('longer than a token may be', 'form', both('x' x 8193));
is_refused('a key file that the host does not have', 'key', both(card('dir'), pin('p256')), '/alone/decrypt');
is_refused('two calls that differ', 'call', both(card('p256'), pin('p256'), CallSid => $CALL, CallUUID => 'CA2'));
is_refused('two calls that differ, and tokens of none', 'call',
    both(card('p256', sid => ''), pin('p256', sid => ''), CallSid => $CALL, CallUUID => 'CA2'));
is_refused('an empty call id', 'call', both(card('p256'), pin('p256'), CallSid => ''));
is_opened('the second key of the ring', both(card('dir', key => $KEY{ring1}, kid => 'k0'), pin('dir')));
is_opened('as a form', join('&', map { my %both = %{ both(card('p256'), pin('p256'), CallSid => $CALL) }; map { "$_=$both{$_}" } sort keys %both } 1),
    '/open/decrypt', type => 'application/x-www-form-urlencoded');
{
    my $response = decrypt($HOST, '/open/decrypt', both(made('p256', $CARD_FIELD, "04\0" . '17')));
    $answers{ without_date($response) }++;
    is $response->code, 400, 'refused: a NUL in it';
}
is scalar keys %answers, 1, 'one answer for every cause' or diag explain \%answers;

# Not a question of tokens: 400 malformed.
for my $case ([ 'CallSid is a number', both(card('p256'), pin('p256'), CallSid => 7) ], [ 'CallSid is null', both(card('p256'), pin('p256'), CallSid => undef) ],
    [ 'CallUUID is an array', both(card('p256'), pin('p256'), CallUUID => ['CA1']) ],
    [ 'CallSid twice', JSON::PP->new->encode(both(card('p256'))) =~ s/\}\z/,"CallSid":"$CALL","CallSid":"$CALL"}/r ]) {
    my $response = decrypt($HOST, '/open/decrypt', $case->[1]);
    is_deeply [ $response->code, $response->content =~ /"error":"([^"]*)"/ ], [ 400, 'malformed request' ], "malformed: $case->[0]";
}
{
    my $both = both(card('p256'), pin('p256'));
    my $form = join '&', (map { "$_=$both->{$_}" } sort keys %$both), "CallSid=$CALL", "CallSid=$CALL";
    is decrypt($HOST, '/open/decrypt', $form, type => 'application/x-www-form-urlencoded')->content, qq({"error":"malformed request"}), 'malformed: CallSid twice in a form';
    is_opened('a CallSid that is a number where only hex is read', { $CARD_FIELD => seal($CARD), $PIN_FIELD => seal($PIN), CallSid => 7 }, '/hex/decrypt');
}

# --- Refused on the way ---------------------------------------------------------------------------------------

sub is_malformed ($name, $rule, $token, $path = '/dir/gather', @call) {
    my $response;
    @call = ($CALL) if !@call;
    my $rules = rules_named('EG0406', sub () { $response = webhook("$path?step=processData&$CARD_FIELD=$token", $call[0], Digits => $PIN) });
    return is_deeply [ $response->code, $rules ], [ 400, [ $rule || () ] ], "on the way: $name" || diag $response->as_string;
}

hears(webhook("/dir/gather?step=processData&$CARD_FIELD=" . card('dir'), $CALL, Digits => $PIN), $ACCOUNT, 'a token of another maker on its way');
is_malformed('the token of another field', 'field', pin('dir'));
is_malformed('the token of another call', 'call', card('dir', sid => 'CA1'));
is_malformed('hex where jwe alone is read', 'format', seal($CARD));
is_malformed('jwe where hex alone is read', 'format', card('dir'), '/hex/gather');
is_malformed('what is no token', '', 'CARD');
is_malformed('a broken one', '', card('dir') =~ s/\.\w/./r . '=');
is_malformed('a member too few', '', card('dir', mangle => sub (@all) { return grep { $_->[0] ne 'iat' } @all }));
is_malformed('zip', '', card('dir', mangle => sub (@all) { return (@all, [ zip => '"DEF"' ]) }));
hears(webhook("/both/gather?step=processData&$CARD_FIELD=" . card('dir', iat => time - 800), $CALL, Digits => $PIN), $ACCOUNT, 'age is not looked at on the way');

# A token has to be made for a call: without an id there is none.
for my $case ([ 'no call id', [] ], [ 'an empty one', [ CallSid => '' ] ], [ 'a bad one', [ CallSid => 'CA 1' ] ], [ 'one of 65', [ CallSid => 'C' x 65 ] ],
    [ 'two', [ CallSid => $CALL, CallSid => $CALL ] ]) {
    my ($name, $pairs) = @$case;
    my $before = length $server->error_log;
    is post($HOST, '/dir/gather?step=getPin', [ @$pairs, Digits => $CARD ])->code, 400, "$name: no token is made";
    like substr($server->error_log, $before), qr/\[encgather:warn\] .*EG0407/, "$name: and the log says so";
    is post($HOST, '/dir/gather', $pairs)->code, 200, "$name: the first question needs none";
    is post($HOST, '/hex/gather?step=getPin', [ @$pairs, Digits => $CARD ])->code, 200, "$name: nor does hex";
}
is get($HOST, '/dir/gather')->code, 200, 'a GET starts a call';

# --- One kid, two keys, by the merge of a request ---------------------------------------------------------------

is webhook('/if/gather', $CALL)->code, 200, 'one key for each kid';
is webhook('/if/gather?more=1', $CALL)->code, 500, 'a recipient by the kid of a key of the ring';
is decrypt($HOST, "/if/decrypt?$_=1", both(card('p256')))->content, qq({"error":"misconfigured"}), "a private key by a kid that is another's: $_" for qw(more pair);

# --- Downgrade ------------------------------------------------------------------------------------------------
# While hex is read, an old hex token says neither field, call nor time; jwe tokens beside it lose nothing.

is_opened('jwe hex: old hex tokens of any call', both(seal($CARD), seal($PIN), CallSid => 'CA-another'), '/both/decrypt');
is_opened('jwe hex: an old card with a PIN of now', both(seal($CARD), pin('dir')), '/both/decrypt');
is decrypt($HOST, '/both/decrypt', both(seal($PIN), seal($CARD)))->code, 404, 'jwe hex: hex tokens may be swapped: nobody says whose they are';
is_refused('jwe hex: a jwe token of another field beside it', 'field', both(pin('dir'), seal($PIN)), '/both/decrypt');
is_refused('jwe hex: a jwe token of another call', 'call', both(card('dir'), seal($PIN), CallSid => 'CA1'), '/both/decrypt');
is_refused('jwe hex: a jwe token of yesterday', 'age', both(card('dir', iat => time - 86_400), seal($PIN)), '/both/decrypt');
is_refused('jwe hex: hex under another key', 'tag', both(seal($CARD, $KEY{other}), seal($PIN)), '/both/decrypt');
hears(webhook("/both/gather?step=processData&$CARD_FIELD=" . seal($CARD), 'CA9', Digits => $PIN), $ACCOUNT, 'jwe hex: a hex token goes into any call');
is_malformed('jwe hex: a jwe token of another call does not', 'call', card('dir', sid => 'CA1'), '/both/gather');

my @PROVOKED = (qr/EG0402: .*\(rule: form\)/, qr/EG0402: .*\(rule: format\)/, qr/EG0402: .*\(rule: key\)/, qr/EG0402: .*\(rule: tag\)/,
    qr/EG0402: .*\(rule: field\)/, qr/EG0402: .*\(rule: call\)/, qr/EG0402: .*\(rule: age\)/, qr/EG0402: .*has a NUL in it/, qr/EG0406: /, qr/EG0407: /);
allow_log(map { qr/EG$_: / } qw(0142 0144 0146));

# --- Changes under calls --------------------------------------------------------------------------------------
# Each stage is a graceful restart; calls begin in one stage and end in the next.

sub stage ($name, @sections) {
    $server->configure(conf => join "\n", $CONF, "<VirtualHost *>\nServerName change.test", @sections, "</VirtualHost>\n");
    return ok $server->graceful, "stage $name" || diag $server->error;
}

# The signature is for the name of the host.
sub change_hook ($path, $call, @more) {
    my @pairs = (CallSid => $call, @more);
    return post($HOST, $path, \@pairs, host => 'change.test', signature => signature($TOKEN{demo}, "http://change.test$path", \@pairs));
}

sub begin_calls (@paths) {
    my %under_way;
    for my $path (@paths) {
        my $call  = fresh_call();
        my $first = change_hook("$path/gather", $call);
        $under_way{$path} = [ $call, target_of(change_hook(target_of($first), $call, Digits => $CARD)) ];
    }
    return \%under_way;
}

sub end_calls ($stage, $under_way, %want) {
    for my $path (sort keys %$under_way) {
        my $response = change_hook($under_way->{$path}[1], $under_way->{$path}[0], Digits => $PIN);
        is_deeply [ $response->code, said($response) ], $want{$path} || [ 200, $ACCOUNT ], "$stage: the call under way at $path";
    }
    return;
}

sub call_at ($path, @lines) {
    my @of_gather  = grep { !/PrivateKey/ } @lines;
    my @of_decrypt = grep { !/Recipient/ } @lines;
    return (gather_at("$path/gather", "$path/decrypt", @of_gather), decrypt_at("$path/decrypt", @of_decrypt));
}

# One host changes its formats, one its recipient, one the key in its ring, one to the other format first read.
# The decrypting side is always a stage ahead of what is sealed.
my $KEYS       = "EncGatherKeyFile $FILES/changing";
my $old_ring   = "k1 $KEY{demo}\n";
my $in_between = "k1 $KEY{demo}\nk2 $KEY{ring2}\n";
my $new_ring   = "k2 $KEY{ring2}\nk1 $KEY{demo}\n";
my $last_ring  = "k2 $KEY{ring2}\n";
sub format_is ($words) { return "EncGatherTokenFormat $words" }

write_secret("$FILES/changing", $old_ring);
stage('of hex, the old pair, the old ring',
    call_at('/format', "EncGatherKeyFile $RING"),
    call_at('/sealing', "EncGatherKeyFile $RING"),
    call_at('/back', "EncGatherKeyFile $RING", format_is('jwe')),
    call_at('/pair', recipient('p256'), private_key('p256')),
    call_at('/ring', $KEYS, format_is('jwe')));
my $first = begin_calls(qw(/format /sealing /back /pair /ring));
my $early = begin_calls('/format');

write_secret("$FILES/changing", $in_between);
stage('of both formats, both pairs at the end, both keys',
    call_at('/format', "EncGatherKeyFile $RING", format_is('jwe hex')),
    call_at('/sealing', "EncGatherKeyFile $RING", recipient('p256'), private_key('p256'), format_is('jwe hex')),
    call_at('/back', "EncGatherKeyFile $RING", format_is('hex jwe')),
    call_at('/pair', recipient('p256'), private_key('p256'), private_key('next')),
    call_at('/ring', $KEYS, format_is('jwe')));
end_calls('then', $first);
my $second = begin_calls(qw(/format /sealing /back /pair /ring));
my %kind_of = map { $_ => $second->{$_}[1] =~ /$CARD_FIELD=(\w+\.)/ ? header_text($1) =~ /"kid":"(\w+)"/ : 'hex' } keys %$second;
is_deeply \%kind_of, { '/format' => 'k1', '/sealing' => 'p256', '/back' => 'hex', '/pair' => 'p256', '/ring' => 'k1' }, 'what is made then';

write_secret("$FILES/changing", $new_ring);
stage('of jwe alone, the new pair, the new key first',
    call_at('/format', "EncGatherKeyFile $RING", format_is('jwe')),
    call_at('/sealing', recipient('p256'), private_key('p256')),
    call_at('/back', "EncGatherKeyFile $RING", format_is('hex')),
    call_at('/pair', recipient('next'), recipient('p256'), private_key('p256'), private_key('next')),
    call_at('/ring', $KEYS, format_is('jwe')));
end_calls('then', $second);
end_calls('hex is no longer read', $early, '/format' => [400]);
my $third = begin_calls(qw(/format /sealing /back /pair /ring));
%kind_of = map { $_ => $third->{$_}[1] =~ /$CARD_FIELD=(\w+\.)/ ? header_text($1) =~ /"kid":"(\w+)"/ : 'hex' } keys %$third;
is_deeply \%kind_of, { '/format' => 'k1', '/sealing' => 'p256', '/back' => 'hex', '/pair' => 'next', '/ring' => 'k2' }, 'what is made then';
my $retired = begin_calls(qw(/pair /ring));

write_secret("$FILES/changing", $last_ring);
stage('without the old pair and the old key',
    call_at('/pair', recipient('next'), private_key('next')),
    call_at('/ring', $KEYS, format_is('jwe')),
    # two hosts seal to keys of their own, and one end has both private keys
    gather_at('/one/gather', '/two-keys/decrypt', recipient('p256')),
    gather_at('/two/gather', '/two-keys/decrypt', recipient('next')),
    decrypt_at('/two-keys/decrypt', private_key('p256'), private_key('next')));
end_calls('then', $retired);
end_calls('then', begin_calls(qw(/one /two)));
{
    my $call = fresh_call();
    my $at_one = target_of(change_hook(target_of(change_hook('/one/gather', $call)), $call, Digits => $CARD));
    my $response = change_hook($at_one =~ s{/one/}{/two/}r, $call, Digits => $PIN);
    is_deeply [ $response->code, said($response) ], [ 200, $ACCOUNT ], 'a call that goes on at the other host: its kid need not be known there';
}

# --- A bad file at a bare signal ------------------------------------------------------------------------------

sub alerts () { return scalar(() = $server->error_log =~ /\[encgather:alert\]/g) }

make_pair($_->[0], "$FILES/$_->[1]") for [ p256 => 'live' ];
my @live = call_at('/live', recipient('live'), private_key('live'));
stage('of a pair that goes bad', @live);
my $before = begin_calls('/live');
my ($public, $private) = map { slurp("$FILES/live$_") } '.pub', '';
spew("$FILES/live.pub", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 0644);
write_secret("$FILES/live", 'nothing');
ok !$server->graceful, 'apachectl graceful refuses' and like $server->error, qr/EG0101: EncGatherRecipient '\Q$FILES\E\/live\.pub' .*\n(?:.*\n)*.*EG0101: EncGatherPrivateKeyFile '\Q$FILES\E\/live' /, 'and names both files';
my ($generation, $so_far) = ($server->generation, alerts());
$server->signal('USR1');
ok $server->wait_for_generation($generation + 1), 'SIGUSR1 does not take the server down' or diag $server->error;
is alerts() - $so_far, 2, 'an alert for each file';
end_calls('with what was there before', $before);
end_calls('with what was there before', begin_calls('/live'));

# Of files that were never read there is nothing to go on with.
$server->configure(conf => join "\n", $CONF, "<VirtualHost *>\nServerName change.test", @live,
    gather_at('/never/gather', '/live/decrypt', "EncGatherRecipient never $FILES/never.pub"),
    decrypt_at('/never/decrypt', "EncGatherPrivateKeyFile never $FILES/never", 'EncGatherExpose on'), '</VirtualHost>', '');
$generation = $server->generation;
$server->signal('USR1');
ok $server->wait_for_generation($generation + 1), 'files that never were: the server goes on' or diag $server->error;
is change_hook('/never/gather', $CALL)->code, 500, 'a recipient that was never read: 500';
is decrypt($HOST, '/never/decrypt', both(card('p256')), host => 'change.test')->content, qq({"error":"misconfigured"}), 'a private key that was never read: 500';
end_calls('elsewhere', begin_calls('/live'));
spew("$FILES/live.pub", $public, 0644);
write_secret("$FILES/live", $private);

ok $server->stop, 'the server stops';
log_is_clean($server, @PROVOKED, qr/\[encgather:alert\] .*EG0102: EncGather(?:Recipient|PrivateKeyFile) '/,
    qr/EG0108: .*the kid '(?:k1|k0|e1)' is that of/,
    qr/EG0108: .*no usable EncGatherRecipient/, qr/EG0108: .*no usable EncGatherPrivateKeyFile/);

finish();
