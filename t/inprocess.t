#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# decrypt-gather of the same server as the backend gets and gives objects, not text: the caller hears the same.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Daemon qw(free_ports);
use EncGather::Test;

my ($CARD, $PIN, $WRONG) = qw(1234 4321 9999);
my ($PORT) = free_ports(1);
my $KEYS = in_tree('conf/keys');
remember($CARD, $PIN, $WRONG);

sub pair ($name, @more) {
    return join "\n", "<Location /gather/$name>", 'SetHandler encrypted-gather', "EncGatherBackend /decrypt/$name", '</Location>',
        "<Location /decrypt/$name>", 'SetHandler decrypt-gather', 'EncGatherExpose on', @more,
        'EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits',
        '</Location>', '';
}

# Values of all kinds as a database may have them, by the card that finds them; as bytes in hexadecimal where they are text.
sub text ($bytes) { return "CAST(x'" . unpack('H*', $bytes) . "' AS TEXT)" }

my %ODD = (
    1001 => text(q{<Say>&amp;"'</Say>]]>}), 1002 => text("K\xc3\xb6ln \xf0\x9f\x98\x80 \xe2\x80\xa8"), 1003 => text("a\tb\r\nc"),
    1004 => text("\x01\x1f\x7f\x08\x0c"), 1005 => text('\\u0041 \\" / %7B %{account}'), 1006 => text(''), 1007 => text(' '),
    1008 => text("\xff"), 1009 => text("\xed\xa0\x80"), 1010 => text("\xef\xbb\xbfmark"), 1011 => text('x' x 5000),
    1012 => text("\xc3\xb6" x 3000), 1013 => text('y' x 60_000), 1014 => text('z' x 70_000), 1015 => text("before\0behind"),
    1020 => 'NULL', 1021 => '0', 1022 => '-0.0', 1023 => '9223372036854775807', 1024 => '-9223372036854775808', 1025 => '9e18 * 2',
    1026 => '12.50', 1027 => '1e300', 1028 => '0.1 + 0.2', 1029 => '1e999', 1030 => 'zeroblob(3)', 1031 => "x'414243'", 1032 => "x'ff00'",
    1033 => "json('{\\\"account\\\":[1,{}]}')", 1034 => "'null'", 1035 => "'true'",
);
my $ODD  = join ',', map { "('$_', $ODD{$_})" } sort keys %ODD;
my $ASKED = "%s > '' AND %s > ''";
my %NAME  = (
    twice => "SELECT 1 AS account, 2 AS balance, 3 AS account WHERE $ASKED", cased => "SELECT 1 AS Account, 2 AS balance WHERE $ASKED",
    lacks => "SELECT 1 AS account WHERE $ASKED", many => 'SELECT ' . join(',', map { "$_ AS n$_" } 1 .. 300) . ", 1 AS account, 2 AS balance WHERE $ASKED",
    none => "SELECT 1 AS account, 2 AS balance WHERE 0 AND $ASKED", several => "SELECT 1 AS account, 2 AS balance UNION SELECT 3, 4 WHERE $ASKED",
    map { $_->[0] => qq(SELECT 1 AS \\"$_->[1]\\", 2 AS account, 3 AS balance WHERE $ASKED) }
        [ nameless => '' ], [ quoted => "a'b<c>" ], [ foreign => "K\xc3\xb6ln" ], [ broken => "K\xff" ],
);

# The same location, asked within the process and over HTTP.
sub both_ways ($name, $query, $said = '') {
    return join "\n", (map { ("<Location /$_->[0]/$name>", 'SetHandler encrypted-gather', "EncGatherBackend $_->[1]/decrypt/$name", $said, '</Location>') }
            [ near => '' ], [ far => "http://127.0.0.1:$PORT" ]),
        "<Location /decrypt/$name>", 'SetHandler decrypt-gather', 'EncGatherExpose on',
        qq(EncGatherLookup "$query" encryptedCardDigits encryptedPinDigits), '</Location>', '';
}

my $server = private_server('inprocess', port => $PORT, modules => [qw(proxy proxy_http)], conf => join "\n",
    'DBDriver sqlite3', 'DBDParams "' . in_tree('conf/accounts.db') . '"',
    "EncGatherKeyFile $KEYS/demo.key", "EncGatherAuthTokenFile $KEYS/auth-tokens",
    pair('plain'),
    pair('small', 'EncGatherMaxBody 10'),
    pair('otherkey', "EncGatherKeyFile $KEYS/other.key"),
    both_ways('odd', "WITH odd(card, value) AS (VALUES $ODD) SELECT value AS account, typeof(value) AS balance FROM odd WHERE card = %s AND %s > ''",
        'EncGatherSay found "%{balance}: %{account}, %{spell:account}"'),
    map { both_ways($_, $NAME{$_}) } sort keys %NAME);
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = "127.0.0.1:$PORT";

sub last_step ($name, $pin = $PIN, %more) {
    my $way = $more{way} // 'gather';
    return post($HOST, "/$way/$name?step=processData&encryptedCardDigits=" . seal($more{card} // $CARD), [ CallSid => "CA$name", Digits => $pin ]);
}

sub words ($response) { return join ' ', said($response) }

like words(last_step('plain')), qr/AC12345678.*12\.55/, 'objects are handed over';
like words(last_step('small')), qr/AC12345678.*12\.55/, 'where there is no body, none is too large';
like words(last_step('plain', $WRONG)), qr/could not find/, 'a caller who is not known';
like words(last_step('plain')), qr/AC12345678/, 'the next one, who is';
like words(last_step('otherkey')), qr/cannot look up/, 'a token that its key does not open';

# --- What is handed over says what is written and read -----------------------------------------------------------------

sub is_alike ($what, $name, $card = $CARD) {
    my ($near, $far) = map { last_step($name, $PIN, way => $_, card => $card) } qw(near far);
    is $near->code . ' ' . $near->content, $far->code . ' ' . $far->content, "$what, both ways";
    return words($near);
}

my %said = map { $_ => is_alike("the value $ODD{$_}" =~ s/^(.{60}).*/$1.../sr, 'odd', $_) } sort keys %ODD;
my %named = map { $_ => is_alike("columns: $_", $_) } sort keys %NAME;

like $said{1002}, qr/^text: K\x{f6}ln/, 'a text is said as it is';
like $said{1023}, qr/^integer: 9223372036854775807,/, 'so is an integer';
like $said{$_}, qr/cannot look up/, "what cannot be said is not: $ODD{$_}" for 1008, 1009, 1020;
like $named{twice}, qr/number is 3 and/, 'the last of two columns of one name';
like $named{$_}, qr/number is 1 and .* 2/, 'many columns' for 'many';
like $named{$_}, qr/cannot look up/, "columns that lack what is said: $_" for qw(cased lacks broken);
like $named{$_}, qr/could not find/, "no answer is one row: $_" for qw(none several);

ok $server->stop, 'the server stops';
log_is_clean($server,
    qr/EG0402: call CAotherkey: /, qr/EG0501: call CAotherkey: .* status 400/,
    qr/EG0601: call (?:CA(?:odd|broken)|-): the row found has a column without name or not in UTF-8/, qr/EG0501: call CA(?:odd|broken): .* status 500/,
    qr/EG0501: call CAodd: .* larger than (?:the )?64 KiB/, qr/EG0501: call CAodd: .* member 'account', which EncGatherSay found needs, but it is null/,
    qr/EG0501: call CAcased: .* no member 'account'/, qr/EG0501: call CAlacks: .* no member 'balance'/);

finish();
