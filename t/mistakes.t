# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# The mistakes that administrators make, and what the error log says then: the table of conf/manual/troubleshooting.md, row
# for row. Each mistake is made, and a line of the log has the words that the manual quotes ("..." stands for anything).
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time sleep);

use lib 't/lib';
use EncGather::Backend;
use EncGather::Files qw(spew);
use EncGather::Test;

my $KEYS = in_tree('conf/keys');
my $TREE = in_tree('private/mistakes-files');
make_path("$TREE/htdocs/plain");
chmod 0755, $TREE, "$TREE/htdocs", "$TREE/htdocs/plain";
spew("$TREE/htdocs/plain/.htaccess", "SetHandler encrypted-gather\n");

sub free_port () { return IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport }

my ($PORT, $BACKEND_PORT, $CLOSED_PORT) = map { free_port() } 1 .. 3;
my $HOST     = "127.0.0.1:$PORT";
my $BACKEND  = "http://127.0.0.1:$BACKEND_PORT";
my $KEY_FILE = "EncGatherKeyFile $KEYS/demo.key\n";
my $TOKENS   = "EncGatherAuthTokenFile $KEYS/auth-tokens\n";
my $SECRETS  = $KEY_FILE . $TOKENS;
my $GATHER   = "SetHandler encrypted-gather\n";
my $DECRYPT  = "SetHandler decrypt-gather\n";
my $FIELDS   = 'encryptedCardDigits encryptedPinDigits';
my $LOOKUP   = qq(EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" $FIELDS\n);
my $DATABASE = 'DBDriver sqlite3' . "\nDBDParams \"@{[ in_tree('conf/accounts.db') ]}\"\n";

sub at ($path, @lines) { return join '', "<Location $path>\n", @lines, "</Location>\n" }
sub to ($backend)      { return "EncGatherBackend $backend\n" }

# --- What the manual says -----------------------------------------------------------------------------------------

my $MANUAL = do { local (@ARGV, $/) = 'conf/manual/troubleshooting.md'; <> };
my ($table) = $MANUAL =~ /^## The mistake, and what the error log says\n(.*?)^## /ms;
my %manual  = map { /^\| ([^|]+?) \| `([^`|]+)` \| [^|]+ \|$/ ? ($1 => $2) : () } split /\n/, $table // '';
my %made;

sub is_said ($mistake, @lines) {
    $made{$mistake} = 1;
    my $words   = $manual{$mistake} // return fail("the manual has no row: $mistake") && diag(@lines);
    my $pattern = join '.*', map { quotemeta } split /\.\.\./, $words;
    my ($line)  = grep { /$pattern/ } @lines;
    ok defined $line, "$mistake: $words" or diag 'what was said: ', join "\n", @lines;
    note "$mistake | $line" if defined $line;
    return;
}

# --- Seen before a request comes ------------------------------------------------------------------------------------

sub secret ($name, $content, $mode = 0600) {
    my $path = write_secret("$TREE/$name", "$content\n");
    chmod $mode, $path;
    return $path;
}

# mistake => configuration
my $checked = private_server('mistakes-checked', modules => ['proxy']);
for my $row (
    [ 'a gather without a backend' => $SECRETS . at('/voice', $GATHER) ],
    [ 'no key'                     => $TOKENS . at('/voice', $GATHER, to('/b')) ],
    [ 'no auth token'              => $KEY_FILE . at('/voice', $GATHER, to('/b')) ],
    [ '`decrypt-gather` without a query' => $SECRETS . at('/decrypt', $DECRYPT) ],
    [ 'a handler with a typing error' => $SECRETS . at('/voice', "SetHandler encrypted_gather\n", to('/b')) ],
    [ 'quotes around `%s`' => $SECRETS . at('/decrypt', $DECRYPT, qq(EncGatherLookup "SELECT a FROM b WHERE c = '%s'" encryptedCardDigits\n)) ],
    [ 'a key in the place of the auth token' => $KEY_FILE . "EncGatherAuthTokenFile @{[ secret('key-as-token', 'ab' x 32) ]}\n" . at('/voice', $GATHER, to('/b')) ],
    [ 'a placeholder in the place of the auth token' => $KEY_FILE . "EncGatherAuthTokenFile @{[ secret('no-token', 'your_auth_token') ]}\n" ],
    [ 'a placeholder in the place of the key' => "EncGatherKeyFile @{[ secret('no-key', 'your-key-here') ]}\n" ],
    [ 'a key file that others can read' => "EncGatherKeyFile @{[ secret('open-key', 'ab' x 32, 0644) ]}\n" ],
    [ 'a key file that is not there' => "EncGatherKeyFile $TREE/none\n" ],
    [ 'the query wants another field than is asked for' => $SECRETS . at('/decrypt', $DECRYPT, $LOOKUP)
            . at('/other', $GATHER, to('/b')) . at('/voice', $GATHER, "EncGatherField card digits=4\n", to('/decrypt')) ],
    [ 'a field with a typing error' => $SECRETS . at('/voice', $GATHER, to('/decrypt'))
            . at('/decrypt', $DECRYPT, qq(EncGatherLookup "SELECT a FROM b WHERE c = %s" encryptedCardDigit\n)) ],
    [ 'https without `SSLProxyEngine`' => $SECRETS . at('/voice', $GATHER, to('https://accounts.example/find')), ['proxy_http'] ],
    [ 'a path that needs a module of mod_proxy which is not loaded' => $SECRETS . at('/voice', $GATHER, to('/b')) . "ProxyPass /b http://accounts.example/\n" ],
    [ 'a URL without mod_proxy_http' => $SECRETS . at('/voice', $GATHER, to('http://accounts.example/find')) ],
    [ 'a timeout longer than Twilio waits' => "EncGatherTimeout 30\n" ],
    [ 'signatures are not checked'   => "EncGatherSignature off\n" ],
    [ 'a gather that calls itself'   => $SECRETS . at('/voice', $GATHER, to('/voice')) ],
) {
    my ($mistake, $conf, $modules) = @$row;
    $checked->configure(conf => $conf, modules => [ qw(authz_core authz_host alias dbd proxy), @{ $modules || [] } ]);
    my (undef, $output) = $checked->configtest;
    is_said($mistake, split /\n/, $output);
}

# --- Seen when a call comes -------------------------------------------------------------------------------------------

my $AC   = 'AC' . '1' x 32;
my $LAST = '?step=processData&encryptedCardDigits=' . seal($SECOND_ACCOUNT[0]);

# mistake => what the location has, and how it is called. "https": signed for that; "wait": one search a second for what
# would have made a signature fit.
my @CALLS = (
    [ 'a wrong auth token' => [ to('/decrypt') ], token => '0' x 32, wait => 1 ],
    [ 'the auth token of another account' => [ to('/decrypt'), 'EncGatherAuthTokenFile ' . secret('two-accounts', "$AC $TOKEN{other}\n$ACCOUNT_SID $TOKEN{demo}") . "\n" ],
        wait => 1 ],
    [ 'no auth token for this account' => [ to('/decrypt'), 'EncGatherAuthTokenFile ' . secret('one-account', "$ACCOUNT_SID $TOKEN{other}") . "\n" ], wait => 1 ],
    [ 'TLS ends in a proxy in front'   => [ to('/decrypt') ], signed_for => 'https', wait => 1 ],
    [ 'a request that Twilio did not send' => [ to('/decrypt') ], token => undef ],
    [ 'a member with a typing error' => [ to('/decrypt'), qq(EncGatherSay found "Your balance is %{balanse}."\n) ] ],
    [ 'a member that is `null`'  => [ to("$BACKEND/null") ] ],
    [ 'a backend that is not started' => [ to("http://127.0.0.1:$CLOSED_PORT/find") ] ],
    [ 'a backend whose name is not known' => [ to('http://nowhere.invalid/find') ] ],
    [ 'a backend that is too slow' => [ to("$BACKEND/slow"), "EncGatherTimeout 1\n" ] ],
    [ 'a backend that fails'       => [ to("$BACKEND/500") ] ],
    [ 'a backend that wants a password' => [ to("$BACKEND/401") ] ],
    [ 'a backend that sends a page'     => [ to("$BACKEND/html") ] ],
    [ 'a backend that sends broken JSON' => [ to("$BACKEND/notjson") ] ],
    [ 'a backend that sends too much'   => [ to("$BACKEND/large") ] ],
    [ 'a backend that has no such page' => [ to("$BACKEND/404html") ] ],
    [ 'a path that nobody has'   => [ to('/nothing/here') ] ],
    [ 'a path that is a gather'  => [ to('/voice') ] ],
    [ 'another key at the backend' => [ to('/decrypt/other-key') ] ],
    [ 'another field at the backend' => [ to('/decrypt/region') ] ],
    [ '`decrypt-gather` called by a URL' => [ to("http://$HOST/decrypt") ] ],
    [ 'a backend that lets nobody in' => [ to('/decrypt/closed') ] ],
    [ 'a database that is not there'  => [ to('/decrypt') ], host => 'nodatabase.test' ],
    [ 'a table that is not there'     => [ to('/decrypt/table') ] ],
    [ 'a column that is not there'    => [ to('/decrypt/column') ] ],
    [ 'a handler without its directive' => [], path => '/plain/' ],
);

sub query ($sql) { return qq(EncGatherLookup "$sql" encryptedCardDigits\n) }
my @LOCATIONS = map { at("/to/$_", $GATHER, @{ $CALLS[$_][1] }) } grep { @{ $CALLS[$_][1] } } 0 .. $#CALLS;
my $called    = private_server('mistakes-called', port => $PORT, modules => [qw(proxy proxy_http)], conf => <<"END_OF_CONF");
DocumentRoot "$TREE/htdocs"
<Directory "$TREE/htdocs">
    AllowOverride FileInfo
    Require all granted
</Directory>
$SECRETS$DATABASE
@{[ join '', @LOCATIONS ]}
@{[ at('/voice', $GATHER, to('/decrypt')) ]}
@{[ at('/override', $GATHER, to("$BACKEND/503"), "ProxyErrorOverride On\n") ]}
@{[ at('/region', $GATHER, to('/b'), "EncGatherField region\n") ]}
@{[ at('/decrypt', $DECRYPT, $LOOKUP) ]}
@{[ at('/decrypt/other-key', "EncGatherKeyFile $KEYS/other.key\n") ]}
@{[ at('/decrypt/region', qq(EncGatherLookup "SELECT balance FROM accounts WHERE card = %s" region\n)) ]}
@{[ at('/decrypt/closed', "Require all denied\n") ]}
@{[ at('/decrypt/table', query('SELECT account, balance FROM acounts WHERE card = %s')) ]}
@{[ at('/decrypt/column', query('SELECT account, saldo FROM accounts WHERE card = %s')) ]}
<VirtualHost *:$PORT>
    ServerName 127.0.0.1
</VirtualHost>
<VirtualHost *:$PORT>
    ServerName nodatabase.test
    DBDParams "$TREE/none/accounts.db"
</VirtualHost>
END_OF_CONF

sub next_second () {
    my $now = int time;
    sleep 0.02 while int time == $now;
    return;
}

my $backend = EncGather::Backend->new(port => $BACKEND_PORT, record => "$TREE/requests");
$called->start or BAIL_OUT('the private server does not start: ' . $called->error);
for my $n (0 .. $#CALLS) {
    my ($mistake, undef, %how) = @{ $CALLS[$n] };
    my $target = $how{path} // "/to/$n$LAST";
    my @host   = $how{host} ? (host => $how{host}) : ();
    next_second() if $how{wait};
    my $before = length $called->error_log;
    post($HOST, $target, [ CallSid => sprintf('CA%032d', $n), AccountSid => $AC, Digits => $SECOND_ACCOUNT[1] ], @host,
        exists $how{token} ? (token => $how{token}) : (),
        signed_url => ($how{signed_for} // 'http') . '://' . ($how{host} // $HOST) . $target);
    is_said($mistake, split /\n/, substr $called->error_log, $before);
}
{
    my $before = length $called->error_log;
    post($HOST, "/override$LAST", [ CallSid => 'CA' . '9' x 32, Digits => $SECOND_ACCOUNT[1] ]);
    like substr($called->error_log, $before), qr/EG0501: call CA9{32}: .* it answered with status 503: its own log says why/,
        'a status that the backend sent is not taken for one that mod_proxy made, with ProxyErrorOverride either';
}
$backend->stop;
ok $called->stop, 'the server stops';

is_deeply [ grep { !$made{$_} } sort keys %manual ], [], 'each row of the manual was tried';
cmp_ok scalar keys %made, '>=', 40, 'they are many';
log_is_clean($called, qr/\[encgather:/, qr/\[proxy/, qr/\[dbd/, qr/authz_core:error/);
finish();
