# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# decrypt-gather on SQLite, PostgreSQL and MariaDB: the same lookups, a database that goes down and comes back, and what
# the database itself writes down. The servers are this test's own, on Unix sockets.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use File::Path qw(make_path);
use JSON::PP ();
use POSIX ();
use Test::More;

use lib 't/lib';
use EncGather::Daemon qw(program);
use EncGather::Files qw(slurp_if_there);
use EncGather::Httpd qw(runtime_user runtime_group);
use EncGather::Logs qw(leaks);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

use constant {
    CALL_WAIT   => 15,    # seconds, Twilio's own
    WORKERS     => 4,
    PROCESSES   => ($ENV{ENCGATHER_MPM} || 'event') eq 'prefork' ? 4 : 1,
    CONNECTIONS => 3,     # to the database, kept open by each process of httpd
};

my $PASSWORD = 'Hokuspokus';    # the second half of one, behind what looks like the beginning of another word
my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
my $TREE = in_tree('private/databases');
make_path($TREE);
chmod 0755, $TREE;
write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/ring",   "now $KEY{ring1}\nbefore $KEY{ring2}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");

# --- The tables, the same for all ---------------------------------------------------------------------------

# The blind index of the manual, by another implementation.
sub blind_index ($key, @values) {
    my $sub_key = hmac_sha256("encgather-index\x01", hmac_sha256(pack('H*', $key), "\0" x 32));
    return hmac_sha256_hex(join('', map { pack('N', length) . $_ } @values), $sub_key);
}

# Digits that only the lookups by blind index use: no log of a database may hold them.
my @HIDDEN = ('73310417', '73310932', '73310418');
my $LONG   = 'L' . "\xc3\xb6" x 400 . 'ng';
my $STRANGE = "A&B <S\xc3\xb6hne> \"x\" \\ \xe2\x82\xac \xf0\x9f\x93\x9e";    # two, three and four bytes of UTF-8

sub quoted (@values) {
    return join ', ', map { defined ? "'" . s/'/''/gr . "'" : 'NULL' } @values;
}

my @ROWS = (
    accounts => [ $CARD,  $PIN,   $NUMBER,      $BALANCE ],
    accounts => [ '0418', $PIN,   'twin one',   '1' ],
    accounts => [ '0418', $PIN,   'twin two',   '2' ],
    accounts => [ '0419', $PIN,   'AC3',        undef ],
    accounts => [ '0420', $PIN,   $STRANGE,     '' ],
    accounts => [ '0421', $PIN,   $LONG,        '100%' ],
    accounts => [ '0422', $PIN,   "it's",       'a' ],
    indexed  => [ blind_index($KEY{demo},  @HIDDEN[ 0, 1 ]), 'AC00112233', '7.50' ],
    indexed  => [ blind_index($KEY{demo},  $HIDDEN[2]),      'one field',  '8.50' ],
    indexed  => [ blind_index($KEY{ring1}, @HIDDEN[ 0, 1 ]), 'new key',    '9.50' ],
    indexed  => [ blind_index($KEY{ring2}, $HIDDEN[2]),      'old key',    '9.60' ],
);

sub schema () {
    my @sql = (
        'CREATE TABLE accounts (card VARCHAR(16), pin VARCHAR(16), account VARCHAR(1000), balance VARCHAR(20))',
        'CREATE TABLE indexed (who VARCHAR(64), account VARCHAR(40), balance VARCHAR(20))',
        'CREATE TABLE typed (card VARCHAR(16), whole INTEGER, large BIGINT, words TEXT)',
        "INSERT INTO typed VALUES ('0417', 42, -1234567890123, 'a text')",
        'CREATE TABLE numbered (card BIGINT, pin INTEGER, account VARCHAR(20))',
        "INSERT INTO numbered VALUES (417, 932, 'AC4')",
        'CREATE TABLE changing (card VARCHAR(16), account VARCHAR(20), balance VARCHAR(20))',
        'INSERT INTO changing VALUES (' . quoted($CARD, 'AC9', '9') . ')',
    );
    my @rows = @ROWS;
    while (my ($table, $values) = splice @rows, 0, 2) {
        push @sql, "INSERT INTO $table VALUES (" . quoted(@$values) . ')';
    }
    return join '', map { "$_;\n" } @sql;
}

my $LOCATIONS = <<"END_OF_CONF";
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
<Location /gather>
    SetHandler encrypted-gather
    EncGatherBackend /plain
    EncGatherField encryptedCardDigits step=getLast4CC digits=4-16
    EncGatherField encryptedPinDigits  step=getPin digits=4-16
</Location>
<Location /gather/indexed>
    EncGatherBackend /indexed
</Location>
<Location /plain>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits
</Location>
<Location /reversed>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT balance AS account, account AS balance FROM accounts WHERE pin = %s AND card = %s" encryptedPinDigits encryptedCardDigits
</Location>
<Location /percent>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account FROM accounts WHERE card = %s AND (account LIKE 'AC00%%' OR balance LIKE '%%!%%' ESCAPE '!')" encryptedCardDigits
</Location>
<Location /typed>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT whole, large, words FROM typed WHERE card = %s" encryptedCardDigits
</Location>
<Location /numbered>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account FROM numbered WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits
</Location>
<Location /misspelled>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account FROM acounts WHERE card = %s" encryptedCardDigits
</Location>
<Location /cast>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account FROM numbered WHERE CAST(card AS CHAR(16)) = %s" encryptedCardDigits
</Location>
<Location /indexed>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account, balance FROM indexed WHERE who = %s" hmac:encryptedCardDigits,encryptedPinDigits
</Location>
<Location /one>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account, balance FROM indexed WHERE who = %s" hmac:encryptedCardDigits
</Location>
<LocationMatch ^/ring/>
    EncGatherKeyFile "$TREE/ring"
    SetHandler decrypt-gather
    EncGatherExpose on
</LocationMatch>
<Location /ring/indexed>
    EncGatherLookup "SELECT account, balance FROM indexed WHERE who = %s" hmac:encryptedCardDigits,encryptedPinDigits
</Location>
<Location /ring/one>
    EncGatherLookup "SELECT account, balance FROM indexed WHERE who = %s" hmac:encryptedCardDigits
</Location>
<Location /changing>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account, balance FROM changing WHERE card = %s" encryptedCardDigits
</Location>
<Location /hurried>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherTimeout 1
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits
</Location>
<Location /gather/hurried>
    EncGatherBackend /patient
    EncGatherTimeout 1
</Location>
<Location /patient>
    SetHandler decrypt-gather
    EncGatherTimeout 14
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits
</Location>
END_OF_CONF

sub thinking ($sql) {
    return <<"END_OF_CONF";
<Location /thinking>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherTimeout 1
    EncGatherLookup "$sql" encryptedCardDigits
</Location>
END_OF_CONF
}

my $WORKERS = join "\n", PROCESSES > 1
    ? ('StartServers 4', 'MinSpareServers 1', 'MaxSpareServers 4', 'ServerLimit 4', 'MaxRequestWorkers 4')
    : ('ServerLimit 1', 'ThreadsPerChild 4', 'MinSpareThreads 1', 'MaxSpareThreads 4', 'MaxRequestWorkers 4'),
    map({ "DBD$_ " . CONNECTIONS } qw(Min Keep Max)), '';

# --- The databases ------------------------------------------------------------------------------------------

# Each: what is missing here, or undef; how it starts (and what DBDParams it then has), takes SQL, stops, starts again.

sub sqlite () {
    my $file = "$TREE/sqlite/accounts.db";
    return {
        name    => 'SQLite',
        missing => sub () { return program('sqlite3') ? undef : 'sqlite3' },
        create  => sub ($self) {
            make_path("$TREE/sqlite");
            $self->{params} = $file;
            return $self->{sql}->(schema()) && give_away("$TREE/sqlite", $file);
        },
        sql     => sub ($sql) { return feed($sql, 'sqlite3', '-batch', '-bail', -cmd => '.timeout 10000', $file) },
        driver  => 'sqlite3',
        lock    => [ "BEGIN EXCLUSIVE;\n", 'sqlite3', '-batch', '-bail', -cmd => '.timeout 10000', $file ],
        thinks  => 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS account FROM n WHERE %s <> i',
    };
}

sub postgresql () {
    my $dir    = "$TREE/postgresql";
    my $daemon = EncGather::Daemon->new(
        dir     => $dir,
        stop    => 'INT',
        command => [ program('postgres') || 'postgres', '-D', "$dir/data", '-k', $dir, '-c', 'listen_addresses=', '-F',
            '-c', 'log_statement=all', '-c', 'log_parameter_max_length=-1', '-c', 'max_connections=20' ],
        ready   => sub () { return system(program('pg_isready') . " -q -h '$dir' -U ivr -d ivr") == 0 },
    );
    return {
        name    => 'PostgreSQL',
        driver  => 'pgsql',
        daemon  => $daemon,
        missing => sub () {
            return program('initdb') && program('psql') ? driver_missing('pgsql') : 'postgresql';
        },
        create  => sub ($self) {
            $self->{params} = "host=$dir user=ivr password=none,dbname=$PASSWORD dbname=ivr";
            return $daemon->run(program('initdb'), '-D', "$dir/data", '-U', 'ivr', '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N')
                && $daemon->start && $self->{sql}->('CREATE DATABASE ivr', 'postgres') && $self->{sql}->(schema());
        },
        sql     => sub ($sql, $database = 'ivr') {
            return feed($sql, program('psql'), '-qX', '-v', 'ON_ERROR_STOP=1', '-h', $dir, '-U', 'ivr', '-d', $database);
        },
        lock      => [ "BEGIN; LOCK TABLE accounts;\n", program('psql'), '-qX', '-h', $dir, '-U', 'ivr', '-d', 'ivr' ],
        thinks    => "SELECT account, pg_sleep(600)::text AS balance FROM accounts WHERE card = %s",
        end_all   => "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ivr' AND pid <> pg_backend_pid();\n",
        query_log => sub () { return $daemon->output },
    };
}

sub mariadb () {
    my $dir    = "$TREE/mariadb";
    my $socket = "$dir/socket";
    my $daemon = EncGather::Daemon->new(
        dir     => $dir,
        command => [ program('mariadbd', 'mysqld') || 'mariadbd', '--no-defaults', "--datadir=$dir/data", "--socket=$socket",
            '--skip-networking', "--pid-file=$dir/pid", '--innodb-flush-log-at-trx-commit=0', '--innodb-buffer-pool-size=16M',
            '--character-set-server=utf8mb4', '--general-log', "--general-log-file=$dir/logs/queries" ],
        ready   => sub () { return system("mariadb-admin --no-defaults --socket='$socket' --user=ivr --silent ping >/dev/null 2>&1") == 0 },
    );
    return {
        name    => 'MariaDB',
        driver  => 'mysql',
        daemon  => $daemon,
        missing => sub () {
            return program('mariadb-install-db') && program('mariadb') ? driver_missing('mysql') : 'mariadb-server';
        },
        create  => sub ($self) {
            $self->{params} = "sock=$socket,user=ivr,dbname=ivr";
            return $daemon->run(program('mariadb-install-db'), '--no-defaults', "--datadir=$dir/data", '--skip-test-db',
                    '--auth-root-authentication-method=normal', '--skip-name-resolve')
                && $daemon->start
                && $self->{sql}->("CREATE DATABASE ivr; CREATE USER ivr\@localhost; GRANT ALL ON ivr.* TO ivr\@localhost", 'root', 'mysql')
                && $self->{sql}->("SET sql_mode = 'NO_BACKSLASH_ESCAPES';\n" . schema());
        },
        sql     => sub ($sql, $user = 'ivr', $database = 'ivr') {
            return feed($sql, program('mariadb'), '--no-defaults', '--batch', "--socket=$socket", "--user=$user",
                '--default-character-set=utf8mb4', $database);
        },
        lock      => [ "LOCK TABLES accounts WRITE;\n", program('mariadb'), '--no-defaults', '--batch', "--socket=$socket", '--user=ivr', 'ivr' ],
        thinks    => 'SELECT account, SLEEP(600) AS balance FROM accounts WHERE card = %s',
        end_all   => "KILL USER ivr;\n",
        query_log => sub () { return slurp_if_there("$dir/logs/queries") },
    };
}

sub driver_missing ($name) {
    my @there = map { glob "$_/apr_dbd_$name.so" } glob '/usr/lib*/apr-util-1 /usr/lib/*/apr-util-1';
    return @there ? undef : "APR-util's driver for $name";
}

sub feed ($sql, @command) {
    my $pid = open my $to, '|-';
    die "fork: $!" unless defined $pid;
    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    print {$to} $sql;
    return close $to;
}

sub give_away (@paths) {
    return $> != 0 || chown scalar getpwnam(runtime_user()), scalar getgrnam(runtime_group()), @paths;
}

# --- Lookups ------------------------------------------------------------------------------------------------

my $server;    # the one at work

sub within ($seconds, $do) {
    local $SIG{ALRM} = sub { die "no answer within $seconds seconds\n" };
    alarm $seconds;
    my $answer = eval { $do->() };
    my $problem = $@;
    alarm 0;
    return $answer if $answer;
    diag $problem;
    return;
}

sub ask ($path, $card = $CARD, $pin = $PIN, $key = $KEY{demo}) {
    my %fields = (encryptedCardDigits => seal($card, $key), encryptedPinDigits => seal($pin, $key));
    return within(CALL_WAIT, sub () { return decrypt('127.0.0.1:' . $server->port, $path, \%fields) });
}

# The status, and what the answer says as data.
sub result ($response = undef) {
    return 'silence' unless $response;
    my $json = eval { JSON::PP->new->decode($response->content) };
    return $response->code . ' ' . ($json ? JSON::PP->new->canonical->encode($json) : $response->content);
}

sub row (%columns) { return '200 ' . JSON::PP->new->canonical->encode(\%columns) }

my $NONE = '404 {"error":"not found"}';
my $DOWN = '500 {"error":"unavailable"}';

# name, path, card, PIN, key => result
my @LOOKUPS = (
    [ 'found',                          '/plain',    $CARD,  $PIN, 'demo', row(account => $NUMBER, balance => $BALANCE) ],
    [ 'not found',                      '/plain',    '0000', $PIN, 'demo', $NONE ],
    [ 'the wrong PIN',                  '/plain',    $CARD, '0933', 'demo', $NONE ],
    [ 'several rows',                   '/plain',    '0418', $PIN, 'demo', $NONE ],
    [ 'NULL',                           '/plain',    '0419', $PIN, 'demo', row(account => 'AC3', balance => undef) ],
    [ 'UTF-8, and an empty string',     '/plain',    '0420', $PIN, 'demo', row(account => $STRANGE, balance => '') ],
    [ 'a long value',                   '/plain',    '0421', $PIN, 'demo', row(account => $LONG, balance => '100%') ],
    [ 'an apostrophe',                  '/plain',    '0422', $PIN, 'demo', row(account => "it's", balance => 'a') ],
    [ 'no SQL from a field',            '/plain',    "$CARD' OR '1'='1", $PIN, 'demo', $NONE ],
    [ 'nor by a backslash',             '/plain',    "$CARD\\", " OR 1=1 -- ", 'demo', $NONE ],
    [ 'arguments in another order',     '/reversed', $CARD,  $PIN, 'demo', row(account => $BALANCE, balance => $NUMBER) ],
    [ 'a percent sign in the query',    '/percent',  $CARD,  $PIN, 'demo', row(account => $NUMBER) ],
    [ 'and in the data',                '/percent',  '0421', $PIN, 'demo', row(account => $LONG) ],
    [ 'and neither',                    '/percent',  '0419', $PIN, 'demo', $NONE ],
    [ 'numbers, as strings',            '/typed',    $CARD,  $PIN, 'demo', row(whole => '42', large => '-1234567890123', words => 'a text') ],
    [ 'columns that are integers',      '/numbered', '417', '932', 'demo', row(account => 'AC4') ],
    [ 'leading zeros: the same number', '/numbered', '0417', '0932', 'demo', row(account => 'AC4') ],
    [ 'no such number',                 '/numbered', '418', '932', 'demo', $NONE ],
    [ 'an integer as text',             '/cast',     '417', $PIN, 'demo', row(account => 'AC4') ],
    [ 'has no leading zeros',           '/cast',     '0417', $PIN, 'demo', $NONE ],
    [ 'blind index of two fields',      '/indexed',  @HIDDEN[ 0, 1 ], 'demo', row(account => 'AC00112233', balance => '7.50') ],
    [ 'the other way round: no such',   '/indexed',  @HIDDEN[ 1, 0 ], 'demo', $NONE ],
    [ 'blind index of one field',       '/one',      @HIDDEN[ 2, 1 ], 'demo', row(account => 'one field', balance => '8.50') ],
    [ 'a ring: under the first key',    '/ring/indexed', @HIDDEN[ 0, 1 ], 'ring2', row(account => 'new key', balance => '9.50') ],
    [ 'a ring: under the second key',   '/ring/one', @HIDDEN[ 2, 1 ], 'ring1', row(account => 'old key', balance => '9.60') ],
    [ 'a ring: under none',             '/ring/one', @HIDDEN[ 0, 1 ], 'ring1', $NONE ],
);

sub all_lookups ($database, $when) {
    for my $lookup (@LOOKUPS) {
        my ($name, $path, $card, $pin, $key, $expected) = @$lookup;
        is result(ask($path, $card, $pin, $KEY{$key})), $expected, "$database->{name}$when: $name";
    }
    return;
}

# --- A whole call -------------------------------------------------------------------------------------------

sub call ($path = '/gather', $card = $CARD, $pin = $PIN) {
    my $target = "$path?step=processData&encryptedCardDigits=" . seal($card);
    my $response = within(CALL_WAIT, sub () {
        return post('127.0.0.1:' . $server->port, $target, [ CallSid => 'CA' . '5' x 32, Digits => $pin ]);
    });
    return 'silence' unless $response;
    return join ' ', $response->code, said($response);
}

# --- Down and back ------------------------------------------------------------------------------------------

# A caller whose answer is asked for later.
sub in_background ($path) {
    my $pid = open my $from, '-|';
    die "fork: $!" unless defined $pid;
    if ($pid == 0) {
        srand;
        eval { syswrite STDOUT, result(ask($path)) };
        POSIX::_exit(0);
    }
    return sub () { local $/; my $result = <$from>; close $from; return $result };
}

# What some callers at once get, one result for each of their requests.
sub at_once ($callers, $requests, $path = '/plain') {
    pipe my $from, my $to or die "pipe: $!";
    my @pids;
    for (1 .. $callers) {
        my $pid = fork;
        die "fork: $!" unless defined $pid;
        push @pids, $pid;
        next if $pid;
        srand;
        eval { syswrite $to, result(ask($path)) . "\n" for 1 .. $requests };
        POSIX::_exit(0);
    }
    close $to;
    my @results = <$from>;
    waitpid $_, 0 for @pids;
    chomp @results;
    return @results;
}

# Nobody notices that connections which were open do not exist any more.
sub is_back ($name) {
    my $well    = row(account => $NUMBER, balance => $BALANCE);
    my @results = at_once(WORKERS, 10);
    is scalar @results, 10 * WORKERS, "$name: nobody is left without an answer";
    is_deeply [ grep { $_ ne $well } @results ], [], "$name: and every answer is well";
    return;
}

sub down_and_back ($database) {
    my ($name, $daemon) = @$database{qw(name daemon)};

    ok $daemon->stop, "$name stops";
    for my $path ('/plain', '/indexed', ('/plain') x 6) {
        is result(ask($path)), $DOWN, "$name is down: $path";
    }
    like call(), qr/^200 We cannot look up your account/, "$name is down: the call hears of it";
    ok $daemon->start, "$name comes back" or diag $daemon->last_words;
    is_back("$name is back, and others have asked in the meantime");
    all_lookups($database, ' (back again)');

    $daemon->stop;
    ok $daemon->start, "$name was away and nobody asked";
    is_back("$name is back, and nobody has asked");
    all_lookups($database, ' (back again, unnoticed)');
    like call('/gather', '0420'), qr/^200 .*S\x{f6}hne/, "$name: letters are still right";

    $daemon->power_cut;
    is result(ask('/plain')), $DOWN, "$name is killed";
    ok $server->stop && $server->start, "$name is away when the server starts" or diag $server->error;
    is result(ask('/plain')), $DOWN, "$name is still away";
    ok $daemon->start, "$name comes up again";
    is_back("$name is back, and was away when the server started");
    return;
}

# A table that is taken away and made anew, with other columns.
sub changed_schema ($database) {
    my $name = $database->{name};
    my $sql  = $database->{sql};
    my $well = row(account => 'AC9', balance => '9');
    is result(ask('/changing')), $well, "$name: a table that will change";
    ok $sql->('DROP TABLE changing'), 'it is taken away';
    is result(ask('/changing')), $DOWN, "$name: without it nobody is 'not found'";
    is result(ask('/plain')), row(account => $NUMBER, balance => $BALANCE), "$name: other tables are still asked";
    ok $sql->('CREATE TABLE changing (rest INTEGER, balance VARCHAR(30), account VARCHAR(30), card VARCHAR(16))'), 'it is made anew';
    ok $sql->("INSERT INTO changing VALUES (1, '9', 'AC9', " . quoted($CARD) . ')'), 'and filled';
    is result(ask('/changing')), $well, "$name: then it is asked again";
    return;
}

# --- Slow ---------------------------------------------------------------------------------------------------

# Whoever has the lock, until it is ended.
sub hold_lock ($lock) {
    my ($sql, @command) = @$lock;
    my $pid = open my $to, '|-';
    die "fork: $!" unless defined $pid;
    if ($pid == 0) {
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    syswrite $to, $sql;
    return ($pid, $to);
}

# While one waits for a table that is locked, many ask for another at once: more than there are places left.
sub one_slow_lookup ($database) {
    my $name = $database->{name};
    my $well = row(whole => '42', large => '-1234567890123', words => 'a text');
    my $slow = in_background('/plain');
    ok wait_until(CALL_WAIT, sub () { result(ask('/hurried')) eq $DOWN }), "$name: one has been waiting for a second";
    my @results = at_once(2 * WORKERS, 10, '/typed');
    is scalar(grep { $_ eq $well } @results), 20 * WORKERS, "$name: one slow lookup turns nobody else away";
    is $slow->(), $DOWN, "$name: and is given up in the end";
    return;
}

# The lock is there as long as we say: an answer that comes before did not wait for it.
sub locked_table ($database) {
    my $name = $database->{name};
    my $well = row(account => $NUMBER, balance => $BALANCE);
    is result(ask('/hurried')), $well, "$name: a table that will be locked";
    my ($pid, $to) = hold_lock($database->{lock});
    ok wait_until(CALL_WAIT, sub () { result(ask('/hurried')) eq $DOWN }), "E7 $name: locked, and the lookup is given up";
    one_slow_lookup($database) if $database->{daemon};
    like call('/gather/hurried'), qr/^200 We cannot look up your account/, "$name: the gather's time counts where that is less";
    is result(ask('/indexed', @HIDDEN[ 0, 1 ])), row(account => 'AC00112233', balance => '7.50'), "$name: other tables are asked"
        if $database->{daemon};
    kill KILL => $pid;
    close $to;
    ok wait_until(CALL_WAIT, sub () { result(ask('/hurried')) eq $well }), "$name: and this one once it is free";
    is result(ask('/thinking')), $DOWN, "E7 $name: a query that never ends is given up, too";
    is result(ask('/hurried')), $well, "$name: and leaves the connection to others";
    return;
}

sub ended_connections ($database) {
    my $name = $database->{name};
    is_back("$name: connections are open");
    ok $database->{sql}->($database->{end_all}), "E8 $name: the database ends them all";
    is_back("$name: they are opened anew");
    return;
}

# It takes connections, for the kernel does that, and says nothing.
sub stopped_database ($database) {
    my ($name, $daemon) = @$database{qw(name daemon)};
    my $well = row(account => $NUMBER, balance => $BALANCE);
    $daemon->freeze;
    my @callers = map { in_background('/hurried') } 1 .. WORKERS;
    my $page = within(CALL_WAIT, sub () { return get('127.0.0.1:' . $server->port, '/') });
    ok $page && $page->code, "E9 $name has stopped: other pages are served";
    is_deeply [ map { $_->() } @callers ], [ ($DOWN) x WORKERS ], "E9 $name has stopped: those who asked know it in time";
    is result(ask('/hurried')), $DOWN, "$name has stopped: and so do later ones";
    $daemon->thaw;
    ok wait_until(CALL_WAIT, sub () { result(ask('/hurried')) eq $well }), "$name goes on";
    is_back("$name has gone on");
    return;
}

# --- What the database writes down ----------------------------------------------------------------------------

sub query_log ($database) {
    my $name = $database->{name};
    my $log  = $database->{query_log}->();
    like $log, qr/SELECT account, balance FROM indexed/, "$name: the log of queries is on";
    is_deeply [ grep { index($log, $_) >= 0 } @HIDDEN ], [], "$name: it holds no digits when they are asked for by blind index";
    my $index = blind_index($KEY{demo}, @HIDDEN[ 0, 1 ]);
    like $log, qr/\Q$index\E/, "$name: but the index";
    like $log, qr/'\Q$CARD\E'/, "$name: with plain arguments it does, as the manual says";
    return;
}

# --- What the doctor says of it -----------------------------------------------------------------------------------

sub doctor_says ($database) {
    my $name    = $database->{name};
    my @command = ("$ENV{ENCGATHER_OUT}/encgather", 'doctor', '--json', '--no-clock', '--httpd', $server->{httpd}, '-d', $server->{dir},
        '-f', $server->config_file);
    open my $from, '-|', @command or die "$command[0]: $!";
    my $report = JSON::PP->new->utf8->decode(do { local $/; <$from> });
    close $from;
    my %said;
    push @{ $said{ $_->{section} } }, "$_->{state}: $_->{text}" for grep { $_->{section} && $_->{text} =~ /\bthe database\b/ } @{ $report->{findings} };
    my $known = 'ok: the database answers and knows the query';
    is_deeply $said{"<Location $_>"}, [$known], "$name, the doctor: $_" for '/plain', '/percent', '/typed', '/one', '/ring/one', '/changing';
    like "@{ $said{'<Location /misspelled>'} || [] }", qr/^broken: the database does not know the query: .*acounts/, "$name, the doctor: a table that is misspelled";
    like "@{ $said{'<Location /numbered>'} || [] }", $database->{driver} eq 'pgsql' ? qr/^odd: .* does not take text for each %s/ : qr/^\Q$known\E$/,
        "$name, the doctor: columns of integers";
    return;
}

# --- All of it, for each --------------------------------------------------------------------------------------

sub configuration ($database) {
    return join '', $WORKERS, "DBDriver $database->{driver}\n", qq(DBDParams "$database->{params}"\n),
        $LOCATIONS, thinking($database->{thinks});
}

sub examine ($database) {
    my $name = $database->{name};
    my $missing = $database->{missing}->();
    if (defined $missing) {
        return fail("$name: $missing is not installed") if $ENV{CI};
        SKIP: { skip "$name: $missing is not installed", 1 }
        return;
    }
    ok $database->{create}->($database), "$name: a database" or return diag $database->{daemon}->last_words;
    $server = private_server("databases-$database->{driver}", conf => configuration($database));
    ok $server->start, "$name: a server" or return diag $server->error;
    all_lookups($database, '');
    like call(), qr/^200 .*\b\Q$NUMBER\E\b/, "$name: a call";
    like call('/gather/indexed', @HIDDEN[ 0, 1 ]), qr/^200 .*\bAC00112233\b/, "$name: a call by blind index";
    is result(ask('/misspelled')), $DOWN, "$name: a query that is wrong";
    is result(ask('/plain')), row(account => $NUMBER, balance => $BALANCE), "$name: does others no harm";
    doctor_says($database);
    changed_schema($database);
    locked_table($database);
    ended_connections($database) if $database->{daemon};
    stopped_database($database)  if $database->{daemon};
    down_and_back($database)     if $database->{daemon};
    query_log($database)     if $database->{query_log};
    ok $server->stop, "$name: the server stops";
    unlike slurp_if_there("$server->{dir}/logs/error_log"), qr/$PASSWORD/, "$name: no part of a password is in the log";
    log_is_clean($server, qr/\[encgather:error\].*EG0601:/, qr/\[encgather:error\].*EG0501:/,
        qr/\[encgather:warn\].*EG0602: .*(?:acounts|it does not say why)/,
        $name eq 'PostgreSQL' ? qr/\[encgather:warn\].*EG0602: .*operator does not exist/ : (),
        $database->{daemon} ? (qr/\[encgather:error\].*EG0603:/, qr/\[dbd:(?:error|crit)\]/) : ());
    return;
}

allow_log(qr/server (?:reached|is within) .*MaxRequestWorkers/);    # where its parent looked at the right moment
allow_log(qr/EG0602: .*relation "changing" does not exist/);    # of a process that had not asked before
examine($_) for sqlite(), postgresql(), mariadb();
finish();
