# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# Every call of the module that can fail fails once inside of a real server, the n-th in one request for n = 1, 2, ...
# until the request is served without reaching it: the answer is the right one or an error answer of the contract with
# a line in the log, the child lives on, and its next answer is good. t/torture/server/mod_torture.c does it.
#
# ENCGATHER_TORTURE_ALL=1 also lets calls fail in other ways, and while the server starts.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use HTTP::Response;
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Daemon qw(free_ports);
use EncGather::Files qw(slurp_if_there);
use EncGather::Httpd qw(module_file);
use EncGather::Logs qw(leaks);
use EncGather::Signature qw(body_sha256);
use EncGather::Test;

my $OUT    = $ENV{ENCGATHER_OUT} || 'build/out';
my $MODULE = "$OUT/torture/mod_torture.so";
my $ALL    = $ENV{ENCGATHER_TORTURE_ALL};
my ($MISSING) = grep { !defined module_file($_) } qw(proxy proxy_http mpm_prefork);
plan skip_all => "this httpd has no mod_$MISSING" if $MISSING && !$ENV{CI};
plan skip_all => "$MODULE is not built: make unit" if !-e $MODULE && !$ENV{CI};

use constant { MOST_CALLS => 200, SHOWN => 5 };

# --- What can fail, and how: the rows of the table that the module was made of -------------------------------

my %WAY = (
    BEFORE      => 'fails',
    AFTER       => 'fails when it is done',
    MINUS       => 'says -1',
    INTERRUPTED => 'is interrupted',
    SHORT       => 'does a part',
    AT_END      => 'finds nothing',
    EVER        => 'fails from then on',
);

sub read_table () {
    open my $file, '<', 't/torture/calls.def' or die "t/torture/calls.def: $!\n";
    my ($of_server, @rows) = 0;
    while (my $line = <$file>) {
        $of_server = 1 if $line =~ /^#ifdef TORTURE_SERVER/;
        my ($kind, $row) = $line =~ /^(SAYS|SETS|MAKES|OWN)\((.*)\)$/ or next;
        my ($name)  = $row =~ ($kind eq 'SAYS' || $kind eq 'MAKES' ? qr/^[^,]*, (\w+)/ : qr/^(\w+)/);
        my ($cause) = $row =~ /\bBY_(\w+)/;
        my @ways    = $kind eq 'MAKES' ? 'BEFORE' : grep { $WAY{$_} } $row =~ /, ([A-Z_| ]+)$/ ? split(/ \| /, $1) : ();
        push @ways, 'EVER' if grep { $_ eq 'BEFORE' } @ways;
        push @rows, { name => $name, cause => $cause, ways => \@ways, of_server => $of_server };
    }
    return @rows;
}

my @TABLE = read_table();

# --- A server with one child -----------------------------------------------------------------------------------

my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
remember($CARD, $PIN);
my ($BACKEND_PORT) = free_ports(1);
my $server = private_server('torture', mpm => 'prefork', modules => [qw(proxy proxy_http status)]);
my $TREE   = in_tree('private/torture');
write_secret("$TREE/key",    "now $KEY{demo}\nbefore $KEY{other}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");
mkdir "$TREE/htdocs";

$server->configure(conf => <<"END_OF_CONF");
LoadModule torture_module "$MODULE"
StartServers 1
MinSpareServers 1
MaxSpareServers 1
ServerLimit 1
MaxRequestWorkers 1
LogLevel warn encgather:info torture:notice
LogFormat "%{X-Test-Id}i %>s %{ENCGATHER_RESULT}e" torture
CustomLog "$TREE/logs/results" torture
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
ProxyPass /to http://127.0.0.1:$BACKEND_PORT retry=0
<Location /encrypted-gather>
    SetHandler encrypted-gather
    EncGatherBackend /decrypt-gather
    EncGatherForward CallSid
</Location>
<Location /by-proxy>
    SetHandler encrypted-gather
    EncGatherBackend /to/numbers
</Location>
<Location /by-url>
    SetHandler encrypted-gather
    EncGatherBackend http://127.0.0.1:$BACKEND_PORT/twiml
</Location>
<Location /decrypt-gather>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s AND length(%s) = 64" \\
        encryptedCardDigits encryptedPinDigits hmac:encryptedCardDigits
</Location>
<Location /app>
    ProxyPass http://127.0.0.1:$BACKEND_PORT/ok
    Require twilio-signature
</Location>
<Location /shielded>
    ProxyPass http://127.0.0.1:$BACKEND_PORT/ok
    EncGatherTokenFormat jwe
    EncGatherShield Digits
    EncGatherResign on
</Location>
<Location /revealed>
    ProxyPass http://127.0.0.1:$BACKEND_PORT/ok
    EncGatherExpose on
    EncGatherTokenFormat hex
    EncGatherReveal number code
</Location>
<Location /encgather-status>
    SetHandler encgather-status
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
END_OF_CONF

my $backend = EncGather::Backend->new(port => $BACKEND_PORT, record => "$TREE/requests");

# --- Requests, and what their good answer is -------------------------------------------------------------------

my $CARD_TOKEN = seal($CARD);
my $OPENED     = '48151623';    # by a reveal, on its way to an application
my $OPENED_TOKEN = seal($OPENED);
remember($OPENED);
my $FIELDS     = qq({"encryptedCardDigits":"$CARD_TOKEN","encryptedPinDigits":"@{[ seal($PIN) ]}"});
my $ROW        = qq({"account":"$NUMBER","balance":"$BALANCE"});
my @CALL       = (CallSid => 'CA' . '9' x 32, From => '+15550100');
my $HOST;
my %nonces;

sub asks ($response, $step) { return (action($response)->{target} || '') =~ /\?step=$step\b/ }

sub carries_card ($response) {
    my $token = token_in($response, 'encryptedCardDigits');
    return defined $token && (open_token($token) || '') eq $CARD && !$nonces{ substr $token, 0, 24 }++;
}

sub says_account ($response, $account, $balance) {
    return join(' ', said($response)) =~ /\b\Q$account\E and your balance is \Q$balance\E\. /;
}

sub is_page ($response, $end) { return $response->code == 200 && $response->content =~ /$end\s*\z/ }

my $JSON_BODY = '{"event":"done"}';
my %REQUEST = (
    'the first question' => {
        send => sub (@with) { post($HOST, '/encrypted-gather', \@CALL, @with) },
        good => sub ($answer) { asks($answer, 'getPin') },
    },
    'an answer' => {
        send => sub (@with) { post($HOST, '/encrypted-gather?step=getPin', [ @CALL, Digits => $CARD ], @with) },
        good => sub ($answer) { asks($answer, 'processData') && carries_card($answer) },
    },
    'no answer' => {
        send => sub (@with) { post($HOST, '/encrypted-gather?step=getPin', \@CALL, @with) },
        good => sub ($answer) { asks($answer, 'getPin') },
    },
    'the last answer' => {
        send => sub (@with) {
            post($HOST, "/encrypted-gather?step=processData&encryptedCardDigits=$CARD_TOKEN", [ @CALL, Digits => $PIN ], @with);
        },
        good    => sub ($answer) { says_account($answer, $NUMBER, $BALANCE) },
        is_last => 1,
    },
    'the last answer, to another server' => {
        send => sub (@with) {
            post($HOST, "/by-proxy?step=processData&encryptedCardDigits=$CARD_TOKEN", [ @CALL, Digits => $PIN ], @with);
        },
        good    => sub ($answer) { says_account($answer, '1234567890123', '12.5') },
        is_last => 1,
    },
    'the last answer, to a server that answers TwiML' => {
        send => sub (@with) {
            post($HOST, "/by-url?step=processData&encryptedCardDigits=$CARD_TOKEN", [ @CALL, Digits => $PIN ], @with);
        },
        good    => sub ($answer) { join('', said($answer)) eq 'As the backend says it' },
        is_last => 1,
    },
    'a lookup' => {
        send => sub (@with) { decrypt($HOST, '/decrypt-gather', $FIELDS, @with) },
        good => sub ($answer) { $answer->code == 200 && $answer->content eq $ROW },
        is_lookup => 1,
    },
    'a signed form for an application' => {
        send => sub (@with) { post($HOST, '/app', \@CALL, @with) },
        good => sub ($answer) { $answer->code == 200 && $answer->content =~ /AC12345678/ },
        is_proxied => 1,
        is_foreign => 1,
    },
    'a signed body for an application' => {
        send => sub (@with) {
            post($HOST, '/app?bodySHA256=' . body_sha256($JSON_BODY), [], body => $JSON_BODY, type => 'application/json', @with);
        },
        good => sub ($answer) { $answer->code == 200 && $answer->content =~ /AC12345678/ },
        is_proxied => 1,
        is_foreign => 1,
    },
    'digits for an application behind a shield' => {
        send => sub (@with) { post($HOST, "/shielded?Digits=$PIN", [ @CALL, Digits => $CARD ], @with) },
        good => sub ($answer) { $answer->code == 200 && $answer->content =~ /AC12345678/ },
        is_proxied => 1,
        is_foreign => 1,
        has_masked_query => 1,    # for which a cache's key is made: without one nothing is cached
    },
    'tokens for an application behind a reveal, in JSON' => {
        send => sub (@with) { decrypt($HOST, '/revealed', qq({"number":"$OPENED_TOKEN","code":"$OPENED_TOKEN"}), @with) },
        good => sub ($answer) { $answer->code == 200 && $answer->content =~ /AC12345678/ },
        is_proxied => 1,
        is_foreign => 1,
    },
    'tokens for an application behind a reveal, in a form' => {
        send => sub (@with) { post($HOST, '/revealed', [ @CALL, number => $OPENED_TOKEN ], @with) },
        good => sub ($answer) { $answer->code == 200 && $answer->content =~ /AC12345678/ },
        is_proxied => 1,
        is_foreign => 1,
    },
    'a forged signature' => {
        send => sub (@with) { post($HOST, '/encrypted-gather', \@CALL, token => 'nobody', @with) },
        good => sub ($answer) { $answer->code == 403 },
        is_refused => 1,
    },
    'a token that was changed' => {
        send => sub (@with) { decrypt($HOST, '/decrypt-gather', $FIELDS =~ s/(.)("})\z/($1 eq '0' ? '1' : '0') . $2/er, @with) },
        good => sub ($answer) { $answer->code == 400 && $answer->content eq '{"error":"bad token"}' },
        is_lookup  => 1,
        is_refused => 1,
    },
    'counters as a page' => {
        send => sub (@with) { get($HOST, '/encgather-status?format=html', @with) },
        good => sub ($answer) { is_page($answer, '</html>') },
        is_foreign => 1,
    },
    'counters for a scraper' => {
        send => sub (@with) { get($HOST, '/encgather-status?format=openmetrics', @with) },
        good => sub ($answer) { is_page($answer, '# EOF') },
        is_foreign => 1,
    },
    'counters in a format that there is not' => {
        send => sub (@with) { get($HOST, '/encgather-status?format=none', @with) },
        good => sub ($answer) { $answer->code == 400 },
        is_foreign => 1,
    },
    'the status of the server' => {
        send => sub (@with) { get($HOST, '/server-status', @with) },
        good => sub ($answer) { is_page($answer, '</html>') },
        is_foreign => 1,
    },
);

# --- What a failure may lead to ----------------------------------------------------------------------------------

# good, none (no whole answer), unavailable (in TwiML), a status with an error text of ours, or what it is instead.
sub kind_of ($request, $answer) {
    return 'none' unless $answer->code && ($answer->header('Content-Length') || '') eq length $answer->content
                      || $answer->header('Transfer-Encoding');
    return 'good' if $request->{good}->($answer);
    return 'unavailable' if $answer->code == 200 && join(' ', said($answer)) =~ /cannot look up your account/;
    return 'error ' . $answer->code if $answer->code >= 400 && is_ours($request, $answer);
    return $answer->code . ' ' . substr $answer->content, 0, 200;
}

# An ErrorDocument of httpd's is only for what is no handler of ours.
sub is_ours ($request, $answer) {
    return $request->{is_lookup}  ? $answer->content =~ /\A\{"error":"[a-z ]{1,60}"\}\n?\z/
         : $request->{is_foreign} ? 1
         :                          $answer->content =~ /\A[ -~]{1,60}\n?\z/;
}

my %ALLOWED = (
    CRYPTO   => [ 'error 500', 'unavailable' ],
    TAG      => [ 'error 400', 'unavailable' ],
    MAP      => ['good'],
    MADVISE  => ['good'],
    HANDOVER => ['good'],
    ADVICE   => ['good'],
    JSON     => [ 'error 500', 'unavailable' ],
    PARSE    => [ 'error 400', 'unavailable' ],    # to jansson, text that there is no memory for is malformed
    XML      => ['unavailable'],
    DATABASE => [ 'error 500', 'unavailable' ],
    QUERY    => [ 'good', 'error 500', 'unavailable' ],
    BACKEND  => ['unavailable'],
    CLIENT   => [ 'error 400', 'error 403', 'none', 'unavailable' ],
    PROXY    => ['error 502'],
    ALL      => [ 'good', 'none', 'error 400', 'error 500', 'unavailable' ],
    ANSWER   => [ 'none', 'good', 'unavailable' ],
);

# A number is tried with more digits.
my %SPARE = map { $_ => 1 } qw(json_loadb json_dumpb);

sub allowed ($request, $row, $way) {
    return ('good') if $way eq 'INTERRUPTED' || $way eq 'SHORT';
    my $cause   = $row->{name} eq 'json_loadb' ? 'PARSE' : $row->{cause};
    my @allowed = @{ $ALLOWED{$cause} || [] };
    push @allowed, 'good' if $request->{is_refused} && ($cause eq 'TAG' || $cause eq 'CLIENT');
    push @allowed, 'good' if $request->{has_masked_query} && $row->{name} =~ /^(?:EVP_Digest|SHA256_)/;
    push @allowed, 'good' if $request->{is_last} && $SPARE{ $row->{name} };
    push @allowed, @{ $ALLOWED{PROXY} } if $request->{is_proxied} && $cause =~ /^(?:CLIENT|ALL)\z/;
    push @allowed, 'error 403' if $request->{is_proxied} && $cause eq 'ALL';    # a body that cannot be read is not signed
    return $request->{is_last} ? @allowed : grep { $_ ne 'unavailable' } @allowed;
}

# --- One failure -------------------------------------------------------------------------------------------------

my (@problems, %failed, $pid);
my $seen = 0;

sub new_log () {
    open my $file, '<:raw', "$TREE/logs/error_log" or return '';
    seek $file, $seen, 0;
    my $text = do { local $/; <$file> };
    $seen = tell $file;
    return defined $text ? $text : '';
}

my %RESULT = ('error 400' => qr/^(?:malformed|bad-token)\z/, 'error 403' => qr/^forbidden\z/,
    'error 500' => qr/^(?:misconfigured|unavailable)\z/, unavailable => qr/^unavailable\z/);

# By now the request after it has been answered, by the same child.
sub result_of ($answer) {
    open my $file, '<', "$TREE/logs/results" or return 'not logged';
    my ($result) = map { /^\Q$answer->{test_id}\E \d+ (\S+)/ ? $1 : () } <$file>;
    return defined $result ? $result : 'not logged';
}

sub complain ($what, $text) { push @problems, "$what: $text"; return }

sub look_at_answer ($what, $request, $row, $way, $answer, $log) {
    my $kind    = kind_of($request, $answer);
    my @allowed = allowed($request, $row, $way);
    complain($what, "answered with '$kind'; allowed: " . join ', ', @allowed) unless grep { $_ eq $kind } @allowed;
    complain($what, "'$kind', and nothing in the log")
        if $kind =~ /^(?:error 500|unavailable)/ && $log !~ /\[encgather:(?:warn|error|crit)\].*EG0/;
    my $result = result_of($answer);
    complain($what, "'$kind', and ENCGATHER_RESULT is '$result'")
        if !$request->{is_foreign} && $kind =~ /^(?:error|unavailable)/ && $result !~ $RESULT{$kind};
    complain($what, "the log says: $log") if $log =~ /exit signal|assertion|\(null\)/i;
    my @leaks = leaks($log . $answer->as_string, $CARD, $PIN, $OPENED, $KEY{demo}, $KEY{other}, $TOKEN{demo});
    complain($what, "what is secret in: $leaks[0]") if @leaks;
    return;
}

# Whether there was an n-th call.
sub fail_once ($name, $row, $way, $n) {
    my $request = $REQUEST{$name};
    my $what    = "$name: call $n of $row->{name} $WAY{$way}";
    my $answer  = $request->{send}->(headers => [ 'X-Torture' => "$row->{name}/$WAY{$way}/$n" ]);
    my $next    = $request->{send}->();
    my $log     = new_log();
    my $fired   = $next->header('X-Torture-Fired') || 0;
    my $now     = $next->header('X-Torture-Pid') || 'none';

    complain($what, 'this way is not known') if $answer->code == 501;
    complain($what, "child $pid is gone, now there is $now") if $now ne $pid;
    complain($what, 'the next answer is ' . kind_of($request, $next)) unless kind_of($request, $next) eq 'good';
    $pid = $now;
    return complain($what, 'answered with ' . kind_of($request, $answer)) unless $fired || kind_of($request, $answer) eq 'good';
    look_at_answer($what, $request, $row, $way, $answer, $log) if $fired;
    return $fired;
}

sub fail_each_call ($name, $row, $way) {
    my $n = 1;
    $n++ while $n < MOST_CALLS && fail_once($name, $row, $way, $n);
    complain("$name: $row->{name}", 'there is no end of them') if $n == MOST_CALLS;
    return $n - 1;
}

sub fail_in_each_way ($name, $row) {
    my @ways = grep { $ALL || !/^(?:EVER|MINUS|AFTER)\z/ } @{ $row->{ways} };
    my $failures = 0;
    @problems = ();
    $failures += fail_each_call($name, $row, $_) for @ways;
    return unless $failures || @problems;
    $failed{ $row->{name} } += $failures;
    ok(!@problems, "$name: $row->{name}: $failures failures") or diag map { "$_\n" } splice @problems, 0, SHOWN;
    return;
}

# A stock of nonces lasts for many answers: the failure waits for the one that has to fill it up again.
sub fail_at_refill () {
    my ($row) = grep { $_->{name} eq 'getrandom' } @TABLE;
    @problems = ();
    for my $way (grep { $ALL || $_ ne 'EVER' } @{ $row->{ways} }) {
        my $answers = 0;
        until ($answers > MOST_CALLS || fail_once('an answer', $row, $way, 1)) {
            $REQUEST{'an answer'}{send}->() if ++$answers % 70 == 0;    # else every second one might be the other
        }
        complain('an answer', "getrandom $WAY{$way}: never called") if $answers > MOST_CALLS;
        $failed{getrandom}++ if $answers <= MOST_CALLS;
    }
    ok(!@problems, 'an answer: getrandom, when the stock of nonces is used up') or diag map { "$_\n" } splice @problems, 0, SHOWN;
    return;
}

# --- All of them -------------------------------------------------------------------------------------------------

cmp_ok scalar @TABLE, '>=', 50, 'rows of the table of calls';
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
$HOST = '127.0.0.1:' . $server->port;
for my $name (sort keys %REQUEST) {
    my $answer = $REQUEST{$name}{send}->();
    is kind_of($REQUEST{$name}, $answer), 'good', "$name: good without a failure";
    $pid = $answer->header('X-Torture-Pid');
}
new_log();
my @FROM_THEN_ON = map { { name => $_, cause => 'ALL', ways => ['EVER'] } } 'everything', 'all of OpenSSL';
for my $name (sort keys %REQUEST) {
    fail_in_each_way($name, $_) for @TABLE, @FROM_THEN_ON;
}
fail_at_refill();
ok !leaks(slurp_if_there("$TREE/requests"), $CARD, $PIN), 'whatever failed, no digit reached an application behind a shield';
unlike slurp_if_there("$TREE/requests"), qr/$OPENED_TOKEN/, 'and no token one behind a reveal';
ok $failed{$_}, "$_ failed in some request" for qw(EVP_EncryptUpdate EVP_DecryptFinal_ex SHA1_Update SHA256_Update getrandom json_loadb
    apr_dbd_pselect apr_dbd_datum_get ap_get_brigade ap_pass_brigade ap_run_sub_req);


# --- While the server starts -------------------------------------------------------------------------------------

my %AT_CONFIGTEST = (
    (map { $_ => 'refused' } qw(FILE CONFIG)),
    (map { $_ => 'refused|fine' } qw(MAP MADVISE)),    # secrets need not lie together, nor be left out of dumps
    ADVICE => 'fine',
);

my $ORDER = "$TREE/order";

# What the module reads while the server starts; nothing without a row.
sub order ($phase = '', $row = {}, $way = '', $n = 0) {
    open my $file, '>', $ORDER or die "$ORDER: $!\n";
    print {$file} $phase ? "$phase/$row->{name}/$WAY{$way}/$n\n" : '';
    close $file or die "$ORDER: $!\n";
    return;
}

sub has_fired ($phase, $row, $log) { return $log =~ m{torture: $phase: \Q$row->{name}/\E.*: [1-9]\d* fired} }

# Whether there was an n-th call.
sub fail_at_configtest ($row, $way, $n) {
    my $what = "httpd -t: call $n of $row->{name} $WAY{$way}";
    order('configuration', $row, $way, $n);
    my ($rc, $output) = $server->configtest;
    my $kind    = $rc == 1 && $output =~ /EncGather\w+/ ? 'refused' : $rc == 0 ? 'fine' : "code $rc: $output";
    my ($fired) = $output =~ /torture: (\d+) fired/ ? $1 : $rc;
    my $wanted  = !$fired || $way eq 'INTERRUPTED' || $way eq 'SHORT' ? 'fine' : $AT_CONFIGTEST{ $row->{cause} } || 'fine';
    complain($what, "$kind; wanted: $wanted") if $kind !~ /^(?:$wanted)\z/;
    my @leaks = leaks($output, $KEY{demo}, $KEY{other}, $TOKEN{demo});
    complain($what, 'what is secret in the output') if @leaks;
    return $fired;
}

sub fail_in_configuration ($row) {
    my ($failures, $n) = (0, 0);
    @problems = ();
    for my $way (@{ $row->{ways} }) {
        $n = 1;
        $n++ while $n < MOST_CALLS && fail_at_configtest($row, $way, $n);
        $failures += $n - 1;
    }
    return unless $failures || @problems;
    $failed{ $row->{name} } += $failures;
    ok(!@problems, "httpd -t: $row->{name}: $failures failures") or diag map { "$_\n" } splice @problems, 0, SHOWN;
    return;
}

# The server is up and answers well or 500, or it did not come up and says why.
sub fail_at_start ($phase, $row, $way, $n) {
    my $what = "$phase: call $n of $row->{name} $WAY{$way}";
    order($phase, $row, $way, $n);
    my $is_up = $server->start;
    my $log   = new_log();
    my $fired = !$is_up || has_fired($phase, $row, $log);
    complain($what, "it does not start, and does not say why: " . $server->error)
        if !$is_up && ($log . $server->error) !~ /EG01\d\d/;
    if ($is_up) {
        $HOST = '127.0.0.1:' . $server->port;
        for my $name ('the first question', 'an answer', 'a lookup') {
            my $answer = $REQUEST{$name}{send}->();
            my $kind   = kind_of($REQUEST{$name}, $answer);
            complain($what, "$name: $kind") unless $kind eq 'good' || $fired && $kind eq 'error 500';
        }
        $server->stop;
    }
    $log .= new_log();
    complain($what, "the log says: $log") if $log =~ /exit signal|assertion/i;
    complain($what, "answered 500, and nothing in the log") if $log =~ /misconfigured/ && $log !~ /EG01\d\d/;
    return $fired;
}

# A bare signal; false when the server does not survive it. Old children may still be there for a moment.
sub restarted () {
    my $generation = $server->generation + 1;
    $server->signal('USR1');
    $server->wait_for_generation($generation) or return 0;
    for (1 .. 200) {
        my $now = $REQUEST{'the first question'}{send}->()->header('X-Torture-Pid') || '';
        next if $now eq $pid;
        $pid = $now;
        return 1;
    }
    return 0;
}

# The server goes on with what it read before, and says so; or the locations of what it cannot use answer 500.
sub fail_at_restart ($row, $way, $n) {
    my $what = "restart: call $n of $row->{name} $WAY{$way}";
    order('configuration', $row, $way, $n);
    my $is_up = restarted();
    order();
    return complain($what, 'the server is gone: ' . $server->error) unless $is_up;
    my $said  = new_log();
    my $fired = has_fired('configuration', $row, $said);
    complain($what, 'the file could not be read, and nothing in the log')
        if $fired && $row->{cause} eq 'FILE' && $way !~ /^(?:INTERRUPTED|SHORT)\z/ && $said !~ /\[encgather:alert\].*EG0102/;
    my $may   = $fired && $row->{cause} =~ /^(?:CRYPTO|HANDOVER)\z/;
    for my $name ('the first question', 'an answer', 'a lookup') {
        my $kind = kind_of($REQUEST{$name}, $REQUEST{$name}{send}->());
        complain($what, "$name: $kind") unless $kind eq 'good' || $may && $kind eq 'error 500';
    }
    return complain($what, 'the next restart is not well') unless restarted();
    complain($what, 'not well after the next restart')
        unless kind_of($REQUEST{'an answer'}, $REQUEST{'an answer'}{send}->()) eq 'good';
    my $log = new_log();
    complain($what, "the log says: $log") if $log =~ /exit signal|assertion/i;
    return $fired;
}

# What the first request in a child makes for all that follow.
sub fail_in_first_request ($row, $way, $n) {
    $server->start or return complain('restart', $server->error);
    $HOST = '127.0.0.1:' . $server->port;
    new_log();
    my $answer = $REQUEST{'an answer'}{send}->(headers => [ 'X-Torture' => "$row->{name}/$WAY{$way}/$n" ]);
    my $next   = $REQUEST{'an answer'}{send}->();
    my $what   = "a child's first request: call $n of $row->{name} $WAY{$way}";
    my $fired  = $next->header('X-Torture-Fired') || 0;
    complain($what, 'not another child') if ($answer->header('X-Torture-Pid') || 'none') ne ($next->header('X-Torture-Pid') || '');
    complain($what, 'the next answer is ' . kind_of($REQUEST{'an answer'}, $next)) unless kind_of($REQUEST{'an answer'}, $next) eq 'good';
    look_at_answer($what, $REQUEST{'an answer'}, $row, $way, $answer, new_log()) if $fired;
    $server->stop;
    return $fired;
}

sub fail_in_phase ($phase, $row, $fail) {
    my $failures = 0;
    @problems = ();
    for my $way (grep { $_ ne 'MINUS' } @{ $row->{ways} }) {
        my $n = 1;
        $n++ while $n < MOST_CALLS && $fail->($row, $way, $n);
        $failures += $n - 1;
        last if $n == 1;    # then no other way will do either
    }
    return unless $failures || @problems;
    $failed{ $row->{name} } += $failures;
    ok(!@problems, "$phase: $row->{name}: $failures failures") or diag map { "$_\n" } splice @problems, 0, SHOWN;
    return;
}

# A directive that is refused at a bare signal ends httpd, whosever it is.
my %IN_NO_RESTART = map { $_ => 1 } qw(apr_uri_parse ap_server_root_relative);

# Each look at the clock has failed by now, the first of a request and the last: that makes no duration of the host's age.
my $status = get($HOST, '/encgather-status?format=openmetrics')->content;
my ($short, $all) = map { [ $status =~ /^(\S+_duration_seconds)_$_ (\d+)$/gm ] } 'bucket\{\S+,le="10(?:\.0)?"\}', 'count\{\S+\}';
cmp_ok scalar @$all, '>=', 6, 'durations are there';
is_deeply $short, $all, 'none is longer than ten seconds';

if ($ALL) {
    $server->stop;
    order();
    $server->configure(environment => { ENCGATHER_TORTURE_ORDER => $ORDER });
    fail_in_configuration($_) for @TABLE;
    my @crypto = grep { $_->{cause} =~ /^(?:CRYPTO|MAP|MADVISE|ADVICE|HANDOVER)\z/ } @TABLE;
    for my $phase ('configuration', 'child') {
        fail_in_phase($phase, $_, sub (@call) { fail_at_start($phase, @call) }) for @crypto;
    }
    order();
    $server->start or BAIL_OUT('the private server does not start: ' . $server->error);
    $HOST = '127.0.0.1:' . $server->port;
    $pid  = $REQUEST{'the first question'}{send}->()->header('X-Torture-Pid');
    fail_in_phase('restart', $_, \&fail_at_restart) for grep { !$IN_NO_RESTART{ $_->{name} } } @TABLE;
    $server->stop;
    fail_in_phase("a child's first request", $_, \&fail_in_first_request) for @crypto;
}

# What the core calls fails in t/torture/core.c: envelopes, say, of which there are none here. A query is prepared anew only when it
# was refused twice; t/children.t has what is called at a fork.
is_deeply [ map { $_->{name} } grep { $_->{of_server} && !$failed{ $_->{name} } } @TABLE ], [qw(socketpair sendmsg apr_dbd_prepare)],
    'all failed that can' if $ALL;
note "failed: ", join ' ', map { "$_ ($failed{$_})" } sort keys %failed;
$backend->stop;
$server->stop;
is_deeply [ grep { /exit signal|AddressSanitizer|runtime error/ } split /\n/, $server->error_log ], [], 'no child crashed';
finish();
