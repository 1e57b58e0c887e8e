# SPDX-License-Identifier: Apache-2.0
# Where keys and digits are while the server runs: one place for a key, none for digits, and nobody else gets at them.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA ();
use File::Path qw(make_path);
use Test::More;

use lib 't/lib';
use EncGather::Files qw(slurp_if_there spew);
use EncGather::Memory qw(find_all_in_memory count_in_memory locked_kb);
use EncGather::Sanitizer qw(pointless);
use EncGather::Signature qw(signature form_encode);
use EncGather::Test;

plan skip_all => 'CI has it under event, whose children are as these' if $ENV{CI} && ($ENV{ENCGATHER_MPM} // '') eq 'worker';

my $MPM  = $ENV{ENCGATHER_MPM} || 'event';
my $TREE = in_tree('private/secrets');
make_path("$TREE/cgi", "$TREE/cores", "$TREE/htdocs");
chmod 0755, $TREE, "$TREE/cgi", "$TREE/htdocs";
chmod 0777, "$TREE/cores";

sub hex_bytes ($hex) { return pack 'H*', $hex }

# Tries what a CGI of the same user could: the memory and the environment of the server's children.
spew("$TREE/cgi/spy", <<"END_OF_SCRIPT", 0755);
#!$^X
my \$me = \$<;
1 while <STDIN>;
print "Content-Type: text/plain\\r\\n\\r\\n";
for my \$dir (glob '/proc/[0-9]*') {
    my (\$pid) = \$dir =~ /(\\d+)/;
    open my \$status, '<', "\$dir/status" or next;
    my \$text = join '', <\$status>;
    next if !grep { \$_ == \$pid } split /,/, \$ENV{QUERY_STRING};
    next unless \$text =~ /^Name:\\s+(?:apache2|httpd)/m && \$text =~ /^Uid:\\s+\$me\\b/m;
    print "child \$pid memory ", (open(my \$m, '<', "\$dir/mem") ? 'OPEN' : 'closed'),
        " environment ", (open(my \$e, '<', "\$dir/environ") ? 'OPEN' : 'closed'), "\\n";
}
END_OF_SCRIPT

my @CERTIFICATE = (qw(openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 3 -batch -addext basicConstraints=CA:FALSE),
    '-keyout', "$TREE/tls.key", '-out', "$TREE/tls.pem");
system("@CERTIFICATE 2>$TREE/openssl.txt") == 0 or die "openssl: see $TREE/openssl.txt" if !-e "$TREE/tls.pem";

my $cgi    = $MPM eq 'prefork' ? 'cgi' : 'cgid';
my @socket = map { IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') } 1 .. 2;
my ($PORT, $TLS_PORT) = map { $_->sockport } @socket;
@socket = ();
my @http2 = $MPM eq 'prefork' ? () : ('http2');

write_secret("$TREE/key",    "first $KEY{demo}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");

my $server = private_server('secrets', port => $PORT, modules => [ $cgi, 'ssl', 'socache_shmcb', @http2 ], conf => <<"END_OF_CONF");
@{[ $MPM eq 'prefork' ? "StartServers 3\nMinSpareServers 1" : "StartServers 3\nMinSpareThreads 1" ]}
@{[ $cgi eq 'cgid' ? "ScriptSock $TREE/cgisock" : '' ]}
CoreDumpDirectory "$TREE/cores"
DocumentRoot "$TREE/htdocs"
ScriptAlias /cgi/ "$TREE/cgi/"
Listen 127.0.0.1:$TLS_PORT
@{[ @http2 ? 'Protocols h2 http/1.1' : '' ]}
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
EncGatherField value digits=16
<Location /gather>
    SetHandler encrypted-gather
    EncGatherBackend /nowhere
</Location>
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
<Location /decrypt>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account FROM accounts WHERE card = %s AND pin = %s" one two
</Location>
ScriptAlias /pay "$TREE/cgi/spy"
<Location /pay>
    EncGatherExpose on
    EncGatherReveal one two three=one
</Location>
<VirtualHost 127.0.0.1:$TLS_PORT>
    SSLEngine on
    SSLCertificateFile "$TREE/tls.pem"
    SSLCertificateKeyFile "$TREE/tls.key"
</VirtualHost>
END_OF_CONF
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = "127.0.0.1:$PORT";

my $DIGITS = '7305918264073951';
remember($DIGITS);

my @provoked = (qr/EG0501:/, qr/EG0402:/, qr/ssl:warn/);

my ($CARD, $PIN) = qw(1234 4321);

sub form () { return (CallSid => 'CA1', Digits => $DIGITS, To => '+15551234567') }

# A helper without keys (mod_cgid's daemon) may be open: there is nothing in it.
sub spied () {
    my @holders = $> == 0 ? grep { count_in_memory($_, hex_bytes($KEY{demo})) } $server->children : $server->children;
    return request(GET => $HOST, '/cgi/spy?' . join ',', @holders)->content;
}

# --- A CGI of the same user, although CoreDumpDirectory is set ------------------------------------------------------

SKIP: {
    skip pointless('memory'), 2 if pointless('memory');
    post($HOST, '/gather?step=processData', [ form() ]);
    my $spied = spied();
    like $spied, qr/^child \d+/m, 'the spy finds children';
  SKIP: {
        skip 'as an ordinary user the server itself runs as that user, parent and all', 1 if $> != 0;
        unlike $spied, qr/OPEN/, 'and can read neither their memory nor their environment' or diag $spied;
    }
}

# --- Memory ---------------------------------------------------------------------------------------------------------

sub asks_for_fips () { return slurp_if_there('/proc/sys/crypto/fips_enabled') =~ /^1/ }

sub processes () { return ($server->pid, $server->children) }

# How often it is in the parent, at most in one of its children, and in how many children it is at all: helpers
# like mod_cgid's daemon are children too, but have no use for a key.
sub copies_of_key ($name) { return copies(map { count_in_memory($_, hex_bytes($KEY{$name})) || 0 } processes()) }

sub copies ($parent, @children) {
    my ($most) = sort { $b <=> $a } @children;
    return { parent => $parent, most => $most, holders => scalar(grep { $_ } @children) ? 'some' : 'none' };
}

# Where an HMAC-SHA1 under a token begins and ends, behind its two pads (RFC 2104): who has both signs as the token does.
sub states_of ($token) {
    return map { pack 'L5', map { hex } (Digest::SHA->new(1)->add($token ^ chr($_) x 64)->getstate =~ /^H:([0-9a-f:]+)/m)[0] =~ /[0-9a-f]{8}/g } 0x36, 0x5c;
}

my %ONCE  = (parent => 1, most => 1, holders => 'some');
my %NEVER = (parent => 0, most => 0, holders => 'none');

sub calls ($n) {
    for (1 .. $n) {
        my $answer = post($HOST, '/gather?step=processData', [ form() ]);
        return $answer->code if $answer->code != 200;
    }
    return 200;
}

# Several tokens in one request: all of them good, or one that is not, at each place; under the keys of these names in turn.
sub opened (@names) {
    my %came;
    my $token = sub ($plain, $n) { return seal($plain, $KEY{ $names[ $n % @names ] }) };
    for my $n (1 .. 8) {
        my @good = ($token->($CARD, $n), $token->($PIN, $n + 1));
        my @odd  = (seal('9', $KEY{removed}), substr($good[0], 0, -2), '');
        $came{good}{ decrypt($HOST, $_, { one => $good[0], two => $good[1] })->code }++ for '/decrypt', '/pay';
        for my $bad (@odd) {
            $came{bad}{ decrypt($HOST, '/decrypt', { one => $_->[0], two => $_->[1] })->code }++ for [ $good[0], $bad ], [ $bad, $good[1] ];
        }
    }
    return \%came;
}

my %OPENED = (good => { 200 => 16 }, bad => { 400 => 48 });

SKIP: {
    skip 'only root can read the memory of children that are not dumpable', 1 unless $> == 0;
    is calls(300), 200, 'calls over HTTP/1.1';
    is_deeply opened('demo'), \%OPENED, 'tokens are opened, and some refused';
    skip pointless('memory'), 1 if pointless('memory');
    is_deeply [ grep { count_in_memory($_, $DIGITS) } $server->children ], [], 'the digits of the calls are in no child';

    my %secret = (key => hex_bytes($KEY{demo}), 'auth token' => $TOKEN{demo});
    # where a provider makes digests, they are computed each time
    @secret{ "inner state of the auth token's HMAC", "outer state of the auth token's HMAC" } = states_of($TOKEN{demo}) if !asks_for_fips();
    my @processes = processes();
    my @found     = map { find_all_in_memory($_, %secret) || {} } @processes;
    for my $name (sort keys %secret) {
        is_deeply copies(map { scalar @{ $_->{$name} || [] } } @found), \%ONCE, "the $name is in one place of each process";
        for my $n (0 .. $#processes) {
            my ($pid, $place) = ($processes[$n], $found[$n]{$name}[0] || next);
            my $facts = locked_kb($pid, $place->{address});
            like $facts->{VmFlags}, qr/\bdd\b/, "$name, process $pid: its mapping is left out of core dumps";
            like $facts->{VmFlags}, qr/\blo\b/, "$name, process $pid: and locked";
            unlike $place->{mapping}, qr/\[(?:heap|stack)/, "$name, process $pid: and no part of the heap or the stack";
        }
    }
    is_deeply [ grep { count_in_memory($_, $KEY{demo}) } processes() ], [], 'its text is nowhere';

    # mod_cgid starts its daemon anew when it dies, from a parent that has the keys.
    if ($cgi eq 'cgid') {
        my ($daemon) = grep { !count_in_memory($_, hex_bytes($KEY{demo})) } $server->children;
        ok $daemon, "mod_cgid's daemon does not have the key";
        my %before = map { $_ => 1 } $server->children;
        kill KILL => $daemon;
        push @provoked, qr/AH01239: cgid daemon process died/;
        my @new;
        for (1 .. 100) {
            select undef, undef, undef, 0.1;
            @new = grep { !$before{$_} } $server->children;
            last if @new;
        }
        ok @new, 'it is started anew';
        select undef, undef, undef, 0.3;
        is count_in_memory($new[0], hex_bytes($KEY{demo})), 0, 'and again does not have the key';
        unlike spied(), qr/OPEN/, 'so the spy finds nothing to read';
    }

    # TLS and HTTP/2: what other modules leave is counted and said, not promised.
    my $form      = form_encode(form());
    my $url       = "https://127.0.0.1:$TLS_PORT/gather?step=processData";
    my $signature = signature($TOKEN{demo}, $url, [ form() ]);
    for my $version ('--http1.1', @http2 ? '--http2' : ()) {
        my @got = map { `curl -sk $version -o /dev/null -w '%{http_version}:%{http_code}' -H 'X-Twilio-Signature: $signature' -d '$form' '$url'` } 1 .. 50;
        is_deeply [ grep { !/^(?:1\.1|2):200\z/ } @got ], [], "calls over TLS, $version";
        my $copies = 0;
        $copies += count_in_memory($_, $DIGITS) for $server->children;
        diag("copies of the digits in buffers of other modules after 50 calls over TLS with $version: $copies in "
            . scalar(my @all = $server->children) . ' children');
    }

    # Rotation: the new key in front, then the old one taken out.
    write_secret("$TREE/key", "second $KEY{other}\nfirst $KEY{demo}\n");
    ok $server->restart, 'a new key in front of the old one' or diag $server->error;
    is calls(20), 200, 'calls go on';
    is_deeply opened(qw(other demo)), \%OPENED, 'tokens under either key are opened';
    is_deeply copies_of_key('demo'),  \%ONCE, 'both keys are there, the old one';
    is_deeply copies_of_key('other'), \%ONCE, 'and the new one';
    write_secret("$TREE/key", "second $KEY{other}\n");
    ok $server->restart, 'the old key is taken out' or diag $server->error;
    is calls(20), 200, 'calls go on';
    is_deeply copies_of_key('demo'),  \%NEVER, 'the old key is nowhere, in no process';
    is_deeply copies_of_key('other'), \%ONCE, 'the new one in one place';
}

is_deeply [ glob "$TREE/cores/*" ], [], 'no core files';
ok $server->stop, 'the server stops';
log_is_clean($server, @provoked);

# --- Neighbours that would write bodies down, or read memory -----------------------------------------------------------

my @NEIGHBOURS = (
    [ 'mod_dumpio',       ['dumpio'],       "DumpIOInput On\nLogLevel dumpio:trace7\n",   qr/EG0120:/ ],
    [ 'mod_dumpio, idle', ['dumpio'],       "DumpIOInput On\nLogLevel warn\n",            undef ],
    [ 'mod_http2',        ['http2'],        "LogLevel http2:trace1\n",                    qr/EG0121:/ ],
    [ 'mod_http2, quiet', ['http2'],        "LogLevel http2:debug\n",                     undef ],
    [ 'mod_log_forensic', ['log_forensic'], "ForensicLog logs/forensic\n",                qr/EG0122:/ ],
    [ 'mod_log_forensic, without a log', ['log_forensic'], '',                            undef ],
    [ 'mod_lua',          ['lua'],          '',                                           qr/EG0124: mod_lua/ ],
    [ 'mod_perl',         ['perl'],         '',                                           qr/EG0124: mod_perl/ ],
);
for my $case (@NEIGHBOURS) {
    my ($name, $modules, $conf, $pattern) = @$case;
  SKIP: {
        my $file = "neighbour-$$-" . ($name =~ tr/a-z0-9//cdr);
        my $other = private_server($file, modules => [ 'unixd', @$modules ], conf => $conf . <<"END_OF_CONF");
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
<Location /gather>
    SetHandler encrypted-gather
    EncGatherBackend /nowhere
</Location>
END_OF_CONF
        skip "$name does not start here: " . ($other->error // ''), 1 unless $other->start;
        my @warned = grep { /encgather:warn/ } split /\n/, $other->error_log;
        if ($pattern) {
            ok @warned == 1 && $warned[0] =~ $pattern, "G14 $name: one line" or diag @warned;
        }
        else {
            is_deeply \@warned, [], "G14 $name: nothing to say";
        }
        is post('127.0.0.1:' . $other->port, '/gather', [ CallSid => 'CA1' ])->code, 200, "G14 $name: a call is served";
        $other->stop;
    }
}

finish();
