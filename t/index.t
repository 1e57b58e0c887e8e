# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# The blind index: rows that were imported with a keyed hash, computed here from its definition, are found by their secret
# values; key rings, rotation, and what can go wrong.
use strict;
use warnings;
use utf8;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use Encode qw(encode_utf8);
use Test::More;

use lib 't/lib';
use EncGather::Caller;
use EncGather::Httpd qw(runtime_user runtime_group);
use EncGather::Test;

my $KEYS     = in_tree('conf/keys');
my $VARS_LOG = in_tree('logs/vars_log');

# --- The definition -------------------------------------------------------------------------------------------------

# RFC 5869 without salt, for up to 32 bytes.
sub hkdf ($secret, $info) { return hmac_sha256("$info\x01", hmac_sha256($secret, "\0" x 32)) }

# Lower-case hexadecimal of HMAC-SHA256 over the length (four bytes, big-endian) and the bytes of each value.
sub index_of ($key, @values) {
    return hmac_sha256_hex(join('', map { pack 'N/a*', $_ } @values), hkdf(pack('H*', $KEY{$key} || $key), 'encgather-index'));
}

is unpack('H*', hkdf("\x0b" x 22, '')), '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d', 'HKDF: RFC 5869, A.3';

# --- People, and tables that hold none of their numbers --------------------------------------------------------------

my ($ANA, $BEN, $EVE) = ('AC0000000001', 'AC0000000002', 'AC0000000003');
my @ANA  = ('04170932', '0932');    # card, PIN
my @BEN  = ('04170933', '0932');
my $NAME = encode_utf8('Zoë Núñez-日本');
my @RING8 = map { unpack 'H*', pack 'A32', "index ring, key number $_, of 8" } 1 .. 8;
remember(@ANA, @BEN, $NAME);

sub sql_text ($text) { return "'" . ($text =~ s/'/''/gr) . "'" }

my @sql = 'CREATE TABLE people (region TEXT, who TEXT, pin TEXT, account TEXT, balance TEXT);';

sub row ($region, $who, $pin, $account, $balance) {
    push @sql, 'INSERT INTO people VALUES (' . join(', ', map { defined ? sql_text($_) : 'NULL' } $region, $who, $pin, $account, $balance) . ');';
    return;
}

row('north', index_of('demo', @ANA),               index_of('demo', $ANA[1]), $ANA, '1049.90');
row('south', index_of('demo', @BEN),               index_of('demo', $BEN[1]), $BEN, '0.00');
row('card',  index_of('demo', $ANA[0]),            undef,                     $ANA, '1.00');
row('card',  index_of('demo', $BEN[0]),            undef,                     $BEN, undef);
row('north', index_of('demo', '07', '007'),        undef, 'split after two',        '2');
row('name',  index_of('demo', $NAME),              undef, 'by name',                '3');
row('empty', index_of('demo', ''),                 undef, 'of nothing',             '4');
row('empty', index_of('demo', '', ''),             undef, 'of nothing, twice',      '5');
row('twice', index_of('demo', $ANA[0], $ANA[0]),   undef, 'one field, twice',       '6');
row('long',  index_of('demo', '7' x 2000),         undef, 'a long one',             '7');
row('three', index_of('demo', @ANA, $NAME),        undef, 'three fields',           '8');
row('sixteen', index_of('demo', map { '0' x $_ } 1 .. 16), undef, 'sixteen fields', '9');
row('twins', index_of('demo', '0501', '0601'), undef, "twin $_", '10') for 1, 2;
row('north', index_of('ring1', @ANA),              undef, 'Ana, first key',         '11');
row('north', index_of('ring2', @ANA),              undef, 'Ana, second key',        '12');
row('north', index_of('ring2', @BEN),              undef, 'Ben, second key',        '13');
row('north', index_of('removed', '0502', '0602'),  undef, 'a key that is gone',     '14');
row('north', index_of('ring1', '0503', '0603'), undef, "twin $_, first key", '15') for 1, 2;
row('north', index_of('ring2', '0503', '0603'),    undef, 'only one, second key',   '16');
row('north', index_of('ring2', '0504', '0604'), undef, "twin $_, second key", '17') for 1, 2;
row('north', index_of($RING8[$_], "050$_", '0605'), undef, "key number $_", '18') for 0 .. 7;
push @sql, 'CREATE TABLE odd (who TEXT, account, balance);';
push @sql, "INSERT INTO odd VALUES ('" . index_of('demo', "051$$_[0]") . "', $$_[1]);"
    for [ 0, 'NULL, NULL' ], [ 1, q(CAST(x'41ff42' AS TEXT), '1') ], [ 2, q('1', CAST(x'eda080' AS TEXT)) ], [ 3, q(42, 0.5) ],
        [ 4, q('', '"\ ' || char(10)) ], [ 5, q(CAST(x'c3a9f09f9880' AS TEXT), NULL) ];

sub sqlite ($database, @statements) {
    open my $pipe, '|-', 'sqlite3', '-batch', '-bail', -cmd => '.timeout 10000', $database or die "sqlite3: $!";
    print {$pipe} map { encode_utf8($_), "\n" } @statements;
    close $pipe or die "sqlite3 $database ended with status $?";
    return;
}

sub ask_sqlite ($database, $query) {
    open my $pipe, '-|', 'sqlite3', '-batch', '-readonly', $database, $query or die "sqlite3: $!";
    my @lines = <$pipe>;
    close $pipe;
    chomp @lines;
    return @lines;
}

# --- The server ----------------------------------------------------------------------------------------------------------

sub at ($path, @lines) { return join "\n", qq(<Location "$path">), @lines, '</Location>', '' }

sub lookup ($path, $where, $arguments, @more) {
    return at($path, 'SetHandler decrypt-gather', 'EncGatherExpose on', @more, qq(EncGatherLookup "SELECT account, balance FROM people WHERE $where" $arguments));
}

my $dir    = in_tree('private/index-files');
my $server = private_server('index');
mkdir $dir, 0755 or die "$dir: $!";
my $DATABASE = "$dir/people.db";
sqlite($DATABASE, 'BEGIN;', @sql, 'COMMIT;');
chmod 0644, $DATABASE or die "$DATABASE: $!";
write_secret("$dir/ring8.key",  join '', map { "key$_ $RING8[$_]\n" } 0 .. 7);
write_secret("$dir/turned.key", "before $KEY{ring2}\nnow $KEY{ring1}\n");
write_secret("$dir/changing.key", "old $KEY{ring2}\n");

my $SIXTEEN = join ',', map { "f$_" } 1 .. 16;
$server->configure(conf => <<"CONF" . join '',
DBDriver sqlite3
DBDParams "$DATABASE"
EncGatherKeyFile $KEYS/demo.key
EncGatherAuthTokenFile $KEYS/auth-tokens
CustomLog "$VARS_LOG" "%{X-Test-Id}i call=%{ENCGATHER_CALL}e step=%{ENCGATHER_STEP}e result=%{ENCGATHER_RESULT}e signature=%{ENCGATHER_SIGNATURE}e \\"%r\\" %>s %b"
<Location "/odd">
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account, balance FROM odd WHERE who = %s" hmac:card
</Location>
<Location "/gather">
    SetHandler encrypted-gather
    EncGatherBackend /both
    EncGatherField card digits=8
    EncGatherField pin digits=4
</Location>
CONF
    lookup('/both',       'who = %s',                                   'hmac:card,pin'),
    lookup('/turned',     'who = %s',                                   'hmac:pin,card'),
    lookup('/card',       'who = %s',                                   'hmac:card'),
    lookup('/twice',      'who = %s',                                   'hmac:card,card'),
    lookup('/three',      'who = %s',                                   'hmac:card,pin,name'),
    lookup('/sixteen',    'who = %s',                                   "hmac:$SIXTEEN"),
    lookup('/two',        'who = %s AND pin = %s',                      'hmac:card,pin hmac:pin'),
    lookup('/two-turned', 'pin = %s AND who = %s',                      'hmac:pin hmac:card,pin'),
    lookup('/same',       'who = %s AND %s = who',                      'hmac:card,pin hmac:card,pin'),
    lookup('/mixed',      'region = %s AND who = %s',                   'region hmac:card,pin'),
    lookup('/mixed-2',    'who = %s AND region = %s',                   'hmac:card,pin region'),
    lookup('/plain-too',  "who = %s AND %s LIKE '0%%'",                 'hmac:card,pin card'),
    lookup('/no-index',   'region = %s',                                'region'),
    lookup('/ring',       'who = %s',                                   'hmac:card,pin',        "EncGatherKeyFile $KEYS/ring.key"),
    lookup('/ring-turned','who = %s',                                   'hmac:card,pin',        "EncGatherKeyFile $dir/turned.key"),
    lookup('/ring-mixed', 'region = %s AND who = %s',                   'region hmac:card,pin', "EncGatherKeyFile $KEYS/ring.key"),
    lookup('/ring8',      'who = %s',                                   'hmac:card,pin',        "EncGatherKeyFile $dir/ring8.key"),
    lookup('/changing',   'who = %s',                                   'hmac:card,pin',        "EncGatherKeyFile $dir/changing.key"),
    at('/voice', 'SetHandler encrypted-gather', 'EncGatherBackend /changing', "EncGatherKeyFile $dir/changing.key",
        'EncGatherField card digits=8', 'EncGatherField pin digits=4', 'EncGatherSay found "%{account}"'));
{
    my ($rc, $output) = $server->configtest;
    is $output, "Syntax OK\n", 'a configuration with indexes is good, and silent';
}
ok $server->start, 'the server starts' or BAIL_OUT($server->error);
my $HOST = '127.0.0.1:' . $server->port;

sub find ($path, $key, %values) {
    remember(grep { /\d/ } values %values);
    return decrypt($HOST, $path, { map { $_ => seal($values{$_}, $KEY{$key} || $key) } keys %values });
}

sub finds ($name, $response, $account, $balance) {
    my $body = JSON::PP->new->allow_nonref->latin1;
    return answers($name, $response, status => 200, type => 'application/json', cache => 'no-store', result => 'found',
        body => sprintf '{"account":%s,"balance":%s}', map { $body->encode($_) } $account, $balance);
}

sub finds_nobody ($name, $response) {
    return answers($name, $response, json_error(404, 'not-found', body => '{"error":"not found"}'));
}

# --- One key -----------------------------------------------------------------------------------------------------------------

my %ana = (card => $ANA[0], pin => $ANA[1]);
my %ben = (card => $BEN[0], pin => $BEN[1]);

finds('two fields',                 find('/both', demo => %ana), $ANA, '1049.90');
finds('two fields of somebody else', find('/both', demo => %ben), $BEN, '0.00');
finds('one field',                  find('/card', demo => card => $ANA[0]), $ANA, '1.00');
finds('one field, NULL',            find('/card', demo => card => $BEN[0]), $BEN, undef);
finds('one field, and others that are not asked for', find('/card', demo => %ana, name => 'x'), $ANA, '1.00');
finds('one field twice',            find('/twice', demo => card => $ANA[0]), 'one field, twice', '6');
finds('three fields',               find('/three', demo => %ana, name => $NAME), 'three fields', '8');
finds('sixteen fields',             find('/sixteen', demo => map { ("f$_" => '0' x $_) } 1 .. 16), 'sixteen fields', '9');
finds('what was said',              find('/card', demo => card => $NAME), 'by name', '3');
finds('an empty value',             find('/card', demo => card => ''), 'of nothing', '4');
finds('two empty values',           find('/both', demo => card => '', pin => ''), 'of nothing, twice', '5');
finds('two thousand bytes',         find('/card', demo => card => '7' x 2000), 'a long one', '7');

finds_nobody('an unknown card',          find('/both', demo => %ana, card => '04170934'));
finds_nobody('an unknown PIN',           find('/both', demo => %ana, pin => '0933'));
finds_nobody('the PIN of nobody',        find('/both', demo => card => $ANA[1], pin => $ANA[0]));
finds_nobody('fields in another order',  find('/turned', demo => %ana));
finds('another order that fits',         find('/turned', demo => card => $ANA[1], pin => $ANA[0]), $ANA, '1049.90');
finds_nobody('one of two fields',        find('/card', demo => card => "$ANA[0]$ANA[1]"));
finds('07, 007',                         find('/both', demo => card => '07', pin => '007'), 'split after two', '2');
finds_nobody('070, 07',                  find('/both', demo => card => '070', pin => '07'));
finds_nobody('07007 and nothing',        find('/both', demo => card => '07007', pin => ''));
finds_nobody('two rows',                 find('/both', demo => card => '0501', pin => '0601'));
finds_nobody('the index itself',         find('/card', demo => card => index_of('demo', $ANA[0])));
finds_nobody('rows of another key',      find('/both', demo => card => '0502', pin => '0602'));

# --- Several arguments --------------------------------------------------------------------------------------------------------

finds('two indexes',                     find('/two', demo => %ana), $ANA, '1049.90');
finds('two indexes in another order',    find('/two-turned', demo => %ana), $ANA, '1049.90');
finds('the same index twice',            find('/same', demo => %ana), $ANA, '1049.90');
finds('a plain value before it',         find('/mixed', demo => %ana, region => 'north'), $ANA, '1049.90');
finds('a plain value behind it',         find('/mixed-2', demo => %ana, region => 'north'), $ANA, '1049.90');
finds_nobody('another plain value',      find('/mixed', demo => %ana, region => 'south'));
finds_nobody('another plain value behind it', find('/mixed-2', demo => %ana, region => 'south'));
finds('a field both plain and hashed',   find('/plain-too', demo => %ana), $ANA, '1049.90');
finds('no index at all',                 find('/no-index', demo => region => 'name'), 'by name', '3');
for my $case ([ 'card' => %ana ], [ 'pin' => %ana ], [ 'region' => %ana ]) {
    my ($missing, %values) = @$case;
    my %fields = (%values, region => 'north');
    delete $fields{$missing};
    answers("each field is demanded: without $missing", find('/mixed', demo => %fields), json_error(400, 'malformed'));
}
answers('a token that is none', decrypt($HOST, '/both', { card => seal($ANA[0]), pin => 'x' x 64 }), json_error(400, 'bad-token'));
answers('a NUL in a value', find('/both', demo => card => "0417\x{0}0932", pin => '0932'), json_error(400, 'bad-token'));

# --- Columns -------------------------------------------------------------------------------------------------------------------

finds('NULL in all columns',     find('/odd', demo => card => '0510'), undef, undef);
finds('numbers are strings',     find('/odd', demo => card => '0513'), '42', '0.5');
finds('empty, and escaped',      find('/odd', demo => card => '0514'), '', qq("\\ \n));
{
    my $response = find('/odd', demo => card => '0515');
    is $response->content, qq({"account":"\xc3\xa9\xf0\x9f\x98\x80","balance":null}), 'letters in UTF-8, and NULL beside them';
}
for my $card ('0511', '0512') {
    my $before = length $server->error_log;
    answers("a column that is not UTF-8: $card", find('/odd', demo => card => $card), json_error(500, 'unavailable', body => '{"error":"unavailable"}'));
    my @lines = grep { /EG06/ } split /\n/, substr $server->error_log, $before;
    is scalar @lines, 1, 'one line in the error log';
    like $lines[0], qr/\[encgather:error\].*EG0601: .*not in UTF-8/, 'says why';
}

# --- Key rings: the first key encrypts, all are asked for, the first one first -----------------------------------------------------

for my $sealed (qw(ring1 ring2)) {
    finds("ring: both keys have a row, sealed with $sealed", find('/ring', $sealed => %ana), 'Ana, first key', '11');
    finds("ring: only the second has one, sealed with $sealed", find('/ring', $sealed => %ben), 'Ben, second key', '13');
    finds("ring turned round: the other row, sealed with $sealed", find('/ring-turned', $sealed => %ana), 'Ana, second key', '12');
    finds("ring turned round: the first has it, sealed with $sealed", find('/ring-turned', $sealed => %ben), 'Ben, second key', '13');
    finds_nobody("ring: no key has a row, sealed with $sealed", find('/ring', $sealed => %ben, pin => '0935'));
    finds_nobody("ring: a row of a key that is not in it, sealed with $sealed", find('/ring', $sealed => card => '0502', pin => '0602'));
    finds_nobody("ring: two rows of the second key, sealed with $sealed", find('/ring', $sealed => card => '0504', pin => '0604'));
    finds("ring: a plain value besides, sealed with $sealed", find('/ring-mixed', $sealed => %ben, region => 'north'), 'Ben, second key', '13');
    finds_nobody("ring: another plain value, sealed with $sealed", find('/ring-mixed', $sealed => %ben, region => 'south'));
    is find('/ring', $sealed => card => '0503', pin => '0603')->code, 404, "ring: two rows of the first key, sealed with $sealed";
}
answers('ring: sealed with a key that is not in it', find('/ring', removed => %ana), json_error(400, 'bad-token'));
finds("eight keys: row of key $_, sealed with key " . (7 - $_), find('/ring8', $RING8[ 7 - $_ ] => card => "050$_", pin => '0605'), "key number $_", '18')
    for 0 .. 7;

# --- Rotation ------------------------------------------------------------------------------------------------------------------------

sub keys_become ($text) {
    write_secret("$dir/changing.key", $text);
    return ok $server->graceful, 'graceful: ' . join ' and ', map { /^(\w+)/ } split /\n/, $text;
}

sub call () {
    my $call = EncGather::Caller->new(url => "http://$HOST/voice", token => $TOKEN{demo}, keys => [ @BEN ])->place;
    return $call->{error} || $call->{said}[-1];
}

my ($old_row, $new_row) = ('Ben, second key', 'Ben, new key');
finds('rotation: before it', find('/changing', ring2 => %ben), $old_row, '13');
is call(), $old_row, 'rotation: before it, a whole call';
keys_become("new $KEY{other}\nold $KEY{ring2}\n");
finds("rotation: two keys, old rows, sealed with $_", find('/changing', $_ => %ben), $old_row, '13') for qw(ring2 other);
is call(), $old_row, 'rotation: two keys, old rows, a whole call';
sqlite($DATABASE, 'INSERT INTO people VALUES (' . join(', ', map { sql_text($_) } 'north', index_of('other', @BEN), '', $new_row, '19') . ');');
finds("rotation: two keys, both rows, sealed with $_", find('/changing', $_ => %ben), $new_row, '19') for qw(ring2 other);
sqlite($DATABASE, 'DELETE FROM people WHERE who = ' . sql_text(index_of('ring2', @BEN)) . ';');
finds('rotation: two keys, new rows', find('/changing', ring2 => %ben), $new_row, '19');
keys_become("new $KEY{other}\n");
finds('rotation: after it', find('/changing', other => %ben), $new_row, '19');
is call(), $new_row, 'rotation: after it, a whole call';
answers('rotation: tokens of the old key', find('/changing', ring2 => %ben), json_error(400, 'bad-token'));
finds_nobody('rotation: old rows that were forgotten', find('/changing', other => %ana));

# --- A whole call, and what the database holds -----------------------------------------------------------------------------------------

{
    my $call = EncGather::Caller->new(url => "http://$HOST/gather", token => $TOKEN{demo}, keys => [@ANA])->place;
    is $call->{error}, undef, 'a call without complaint';
    like $call->{said}[-1] =~ tr/ ,//dr, qr/$ANA.*1049\.90/, 'its account and balance are said';
}
ok $server->stop, 'the server stops';
{
    open my $file, '<:raw', $DATABASE or die "$DATABASE: $!";
    my $bytes = do { local $/; <$file> };
    ok index($bytes, index_of('demo', @ANA)) > 0, 'the index is in the database file';
    is scalar(grep { index($bytes, $_) >= 0 } @ANA, @BEN, $NAME), 0, 'but none of the numbers, nor the name';
}
log_is_clean($server, qr/EG0402: /, qr/EG0601: /);

# --- What the database is asked: a table that writes down each question ------------------------------------------------------------------

SKIP: {
    my ($major, $minor) = `sqlite3 --version` =~ /^(\d+)\.(\d+)/;
    skip 'this SQLite knows no RETURNING', 1 if $major < 3 || $minor < 35;
    my $questions = "$dir/questions";
    mkdir $questions, 0700 or die "$questions: $!";
    sqlite("$questions/questions.db", 'CREATE TABLE questions (n INTEGER PRIMARY KEY, one TEXT, two TEXT);',
        'CREATE VIEW silent AS SELECT one, two FROM questions;', 'CREATE VIEW answering AS SELECT one, two FROM questions;',
        'CREATE TRIGGER note INSTEAD OF INSERT ON silent BEGIN INSERT INTO questions (one, two) VALUES (NEW.one, NEW.two); SELECT RAISE(IGNORE); END;',
        'CREATE TRIGGER take INSTEAD OF INSERT ON answering BEGIN INSERT INTO questions (one, two) VALUES (NEW.one, NEW.two); END;');
    if ($> == 0) {
        my ($uid, $gid) = (scalar getpwnam runtime_user(), scalar getgrnam runtime_group());
        chown $uid, $gid, $questions, "$questions/questions.db" or die "chown: $!";
    }
    my $asked = private_server('index-asked', conf => <<"CONF");
DBDriver sqlite3
DBDParams "$questions/questions.db"
EncGatherKeyFile $KEYS/ring.key
@{[ at('/silent',    'SetHandler decrypt-gather', 'EncGatherExpose on', 'EncGatherLookup "INSERT INTO silent VALUES (%s, %s) RETURNING one" hmac:card,pin region') ]}
@{[ at('/answering', 'SetHandler decrypt-gather', 'EncGatherExpose on', 'EncGatherLookup "INSERT INTO answering VALUES (%s, %s) RETURNING \'x\' AS account" hmac:card,pin hmac:pin') ]}
@{[ at('/plain',     'SetHandler decrypt-gather', 'EncGatherExpose on', 'EncGatherLookup "INSERT INTO silent VALUES (%s, %s) RETURNING one" pin region') ]}
CONF
    ok $asked->start, 'a server whose database writes down what it is asked' or BAIL_OUT($asked->error);
    my $ask = sub ($path, %values) {
        my %tokens = map { $_ => seal($values{$_}, $KEY{ring2}) } keys %values;
        my $code   = decrypt('127.0.0.1:' . $asked->port, $path, \%tokens)->code;
        my @lines  = ask_sqlite("$questions/questions.db", 'SELECT one, two FROM questions ORDER BY n');
        sqlite("$questions/questions.db", 'DELETE FROM questions;');
        return ($code, @lines);
    };
    is_deeply [ $ask->('/silent', %ana, region => 'north') ], [ 404, map { index_of($_, @ANA) . '|north' } qw(ring1 ring2) ],
        'nothing found: one question for each key, the first one first, and hashes in them';
    is_deeply [ $ask->('/answering', %ana) ], [ 200, index_of('ring1', @ANA) . '|' . index_of('ring1', $ANA[1]) ],
        'found: no further question, and no index of another key in it';
    is_deeply [ $ask->('/plain', pin => '0932', region => 'north') ], [ 404, '0932|north' ], 'without an index: one question for all keys';
    ok $asked->stop, 'it stops';
    log_is_clean($asked);
}

# --- What cannot be meant --------------------------------------------------------------------------------------------------------------------

my $judge = private_server('index-bad', conf => '');

sub configtest ($arguments) {
    $judge->configure(conf => encode_utf8(at('/a', "EncGatherLookup $arguments")));
    return $judge->configtest;
}

sub is_refused ($arguments, $pattern) {
    my ($rc, $output) = configtest($arguments);
    my @lines = grep { !/^AH\d+: Syntax error on line \d+ of / } split /\n/, $output;
    my $name  = encode_utf8($arguments) =~ s/[^ -~]/./gr;
    return ok($rc != 0 && @lines == 1 && $lines[0] =~ $pattern, "refused: EncGatherLookup $name") || diag("exit code $rc, wanted $pattern, got:\n$output");
}

my $ONE  = '"SELECT a FROM t WHERE b = %s"';
my $TWO  = '"SELECT a FROM t WHERE b = %s AND c = %s"';
my $NAME_OR_INDEX = qr/EncGatherLookup: '.*' is neither the name of a field nor hmac:field\[,field\]/;

is_refused("$ONE $_", $NAME_OR_INDEX) for 'hmac:', 'hmac:,', 'hmac:a,', 'hmac:,a', 'hmac:a,,b', '"hmac:a b"', '"hmac: a"', '"hmac:a, b"', 'hmac:a.b', 'hmac:a/b',
    'hmac:hmac:a', 'HMAC:a', 'sha256:a', 'hmac=a', ':a', 'hmac:ñ', 'hmac:%s', 'hmac:' . 'a' x 65, 'hmac:a,' . 'b' x 65, 'a,b', '%s', '"a b"';
is_refused("$TWO a $_", $NAME_OR_INDEX) for 'hmac:', 'hmac:a,', 'b:c';
is_refused($ONE, qr/EncGatherLookup: needs the name of a field for each %s of the query/);
for my $case ([ "$ONE hmac:a hmac:b", 1, 2 ], [ "$ONE hmac:a,b c", 1, 2 ], [ "$TWO hmac:a,b", 2, 1 ], [ "$TWO hmac:a b hmac:c", 2, 3 ],
    [ '"SELECT a FROM t" hmac:a', 0, 1 ], [ q("SELECT a FROM t WHERE b LIKE '%%s'" hmac:a), 0, 1 ]) {
    my ($arguments, $wanted, $given) = @$case;
    is_refused($arguments, qr/EncGatherLookup: has $wanted times %s in the query, but $given arguments? behind it/);
}
is_refused(qq("SELECT a FROM t WHERE b = $_" hmac:a), qr/EncGatherLookup: knows %s in the query .*, no other format/) for '%d', '%x', '%S', '%lld';
is_refused("$ONE hmac:" . join(',', map { "f$_" } 1 .. 17), qr/EncGatherLookup: /);
for my $arguments ("$ONE hmac:a", "$ONE hmac:a,b", "$ONE hmac:a,a", "$TWO hmac:a b", "$TWO a hmac:a", "$TWO hmac:a,b hmac:b,a", "$ONE hmac", "$ONE hmac:hmac",
    "$ONE hmac:" . 'a' x 64, "$ONE hmac:$SIXTEEN", "$ONE \"hmac:a-b,c_d\"", q("SELECT a FROM t WHERE b LIKE '%%' AND c = %s" hmac:a)) {
    my ($rc, $output) = configtest($arguments);
    is $output, "Syntax OK\n", "good: EncGatherLookup $arguments";
}

finish();
