# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# The faults I of t/FAULTS.md: what goes wrong in front of, within and behind a shield and a reveal. What is refused reaches
# nobody, and what was to be a token never goes on as digits.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use IO::Socket::INET;
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Daemon qw(free_ports);
use EncGather::Faults;
use EncGather::Files qw(slurp);
use EncGather::Sanitizer qw(pointless);
use EncGather::Signature qw(form_decode form_encode signature);
use EncGather::Test;

my $CARD = '5200828282828210';
my $PIN  = '48206';
my @CALL = (CallSid => 'CA' . '8' x 32, Digits => $CARD);
remember($CARD, $PIN);

my ($TROUBLE, $SHIM) = EncGather::Faults::troubled_host('faults-shield');
my ($APP, $NOBODY, $SHORT) = free_ports(3);
my $KEY = in_tree('private/faults-shield.key');
write_secret($KEY, "$KEY{demo}\n");
my $app   = EncGather::Backend->new(port => $APP, record => in_tree('private/faults-shield-app'));
my $short = private_server('faults-shield-short', port => $SHORT, conf => "LimitRequestLine 120\n");
$short->start or BAIL_OUT('the other server does not start: ' . $short->error);

my $one = EncGather::Faults->new('faults-shield', environment => $SHIM, modules => [qw(proxy proxy_http proxy_balancer lbmethod_byrequests slotmem_shm)], conf => <<"END_OF_CONF");
LogLevel proxy_balancer:warn
<Location /ivr>
    EncGatherShield Digits:card SpeechResult
    EncGatherResign on
    EncGatherKeyFile "$KEY"
</Location>
<Location /pay>
    EncGatherReveal card pin
    EncGatherExpose on
    EncGatherTokenFormat hex jwe
    EncGatherKeyFile "$KEY"
</Location>
<Location /ivr/jwe>
    EncGatherTokenFormat jwe
</Location>
ProxyPass "/ivr/gone"  "http://127.0.0.1:$NOBODY/" retry=0
ProxyPass "/pay/gone"  "http://127.0.0.1:$NOBODY/" retry=0
ProxyPass "/ivr/short" "http://127.0.0.1:$SHORT"
ProxyPass "/ivr/pair"  "balancer://pair"
ProxyPass "/ivr" "http://127.0.0.1:$APP" timeout=1 retry=0
ProxyPass "/pay" "http://127.0.0.1:$APP" timeout=1 retry=0
<Proxy "balancer://pair">
    BalancerMember "http://127.0.0.1:$NOBODY" lbset=0
    BalancerMember "http://127.0.0.1:$APP"    lbset=1
</Proxy>
END_OF_CONF
my $HOST = $one->host;

sub shielded ($path, $pairs = \@CALL, %options) { return $one->webhook("/ivr$path", $pairs, %options) }

sub revealed ($path, $body, %options) { return $one->webhook("/pay$path", [], body => $body, type => 'application/json', token => undef, %options) }

sub both ($card = seal($CARD), $pin = seal($PIN)) { return qq({"card":"$card","pin":"$pin"}) }

sub text ($status, $result, %more) { return { text_error($status, $result, %more) } }
sub json ($status, $result)        { return { json_error($status, $result) } }

# What the application got: the body, with tokens opened, in braces.
sub got_by_app () {
    return join '; ', map { $_->{body} =~ s/\b((?:[0-9a-f]{2}){28,})\b/my $plain = open_token($1); defined $plain ? "{$plain}" : $1/ger } $app->requests;
}

# A fault, and what the application then has of it: undef is that nothing reached it.
sub fault_at_app ($name, $what, $got, %want) {
    $app->forget;
    my $response = $one->fault($name, $what, %want);
    is got_by_app(), $got // '', "$name: what the application got";
    return $response;
}

my $CUT     = qr/\[encgather:info\].*EG0201: call \S+: the body could not be read to its end: broken/;
my $REFUSED = qr/\[encgather:warn\].*EG0301: call \S+: refused, the X-Twilio-Signature does not fit/;
my $TOKENS  = form_encode(@CALL) =~ s/$CARD/{$CARD}/r;
my $OPENED  = qq({"card":"$CARD","pin":"$PIN"});

# --- Before the shield ----------------------------------------------------------------------------------------------------

# The client says how much it has to say, and stops before that.
sub cut_short ($bytes) {
    return sub () {
        my $socket = IO::Socket::INET->new(PeerAddr => $HOST) or die "connect: $@";
        syswrite $socket, substr $bytes, 0, -7;
        shutdown $socket, 1;
        return $one->answer_from($socket, $bytes);
    };
}
fault_at_app('I1 a body that the client cuts, to a shield', cut_short(shielded('/ok')), undef, answer => text(400, 'malformed'), log => [$CUT]);
fault_at_app('I1 in chunks', cut_short(shielded('/ok', \@CALL, chunks => [ form_encode(@CALL) ])), undef, answer => text(400, 'malformed'), log => [$CUT]);
fault_at_app('I1 a body that the client cuts, to a reveal', cut_short(revealed('/ok', both())), undef, answer => json(400, 'malformed'), log => [$CUT]);
fault_at_app('I2 a value is changed on its way', shielded('/ok', \@CALL, body => form_encode(@CALL, Digits => '1')), undef, answer => text(403, 'forbidden'), log => [$REFUSED]);
fault_at_app('I3 no call id, and a jwe token to be made', shielded('/jwe/ok', [ Digits => $CARD ]), undef, answer => text(400, 'malformed'));

# --- Within ---------------------------------------------------------------------------------------------------------------

SKIP: {
    skip 'a sanitizer has its own place in front of the system', 1 if pointless('shim');
    my $in_trouble = sub () {
        open my $flag, '>', "$TROUBLE/no-encryption" or die "$TROUBLE: $!";
        my @answer = $one->exchange(shielded('/ok'));
        unlink "$TROUBLE/no-encryption";
        return @answer;
    };
    fault_at_app('I4 OpenSSL does not encrypt', $in_trouble, undef, answer => text(500, 'misconfigured'), log => [qr/\[encgather:error\].*EG0108: call \S+: answered 500, OpenSSL failed while a token was made/]);
}

# --- Behind: the application ------------------------------------------------------------------------------------------------

my $NO_ANSWER = qr/\[proxy:error\].*AH00898: Error reading from remote server/;
my @DEAD      = (qr/\[proxy:error\].*AH00957/, qr/\[proxy_http:error\].*AH01114/);
my @SILENT    = (qr/\[proxy_http:(?:error|warn)\].*(?:AH01102: error reading status line|AH10404|AH01106)/, $NO_ANSWER);
my $by_httpd  = sub ($status, $result) { return { httpd_error($status, type => qr{^text/html\b}, result => $result) } };

fault_at_app('I5 nobody listens behind a shield', shielded('/gone/ok'), undef, answer => $by_httpd->(503, 'shielded'), others => \@DEAD);
fault_at_app('I5 nobody listens behind a reveal', revealed('/gone/ok', both()), undef, answer => $by_httpd->(503, 'revealed'), others => \@DEAD);
fault_at_app('I6 the application behind a shield is silent', shielded('/slow'), $TOKENS, answer => $by_httpd->(502, 'shielded'), others => \@SILENT);
fault_at_app('I6 the application behind a reveal is silent', revealed('/slow', both()), $OPENED, answer => $by_httpd->(502, 'revealed'), others => \@SILENT);
fault_at_app("I7 the application $$_[0]", shielded($$_[1]), $TOKENS, answer => $by_httpd->(502, 'shielded'), others => \@SILENT) for
    [ 'closes without an answer' => '/close' ],
    [ 'stops in its head'        => '/half-head' ];
for my $case ([ shield => shielded('/drop'), $TOKENS ], [ reveal => revealed('/drop', both()), $OPENED ]) {
    my ($name, $bytes, $got) = @$case;
    my $response = fault_at_app("I8 the application behind a $name cuts its answer", $bytes, $got, others => [qr/AH01110|AH0\d+.*Network error reading response/], closes => 1);
    is $response->code . ' ' . (length $response->content < 400), '200 1', "I8 behind a $name: what came is handed on, and the connection ends where it was cut";
}
fault_at_app('I9 the application fails: its own answer', shielded('/503'), $TOKENS, answer => { status => 503, body => 'later', result => 'shielded' });
fault_at_app('I9 it refuses', revealed('/401', both()), $OPENED, answer => { status => 401, body => 'who?', result => 'revealed' });

{
    my $response = fault_at_app('I10 the first of two applications is gone', shielded('/pair/ok'), $TOKENS, answer => { status => 200, result => 'shielded' }, others => [ @DEAD, qr/AH00959/ ]);
    my ($seen) = $app->requests;
    is $seen->{headers}{'x-twilio-signature'}[0], signature($TOKEN{demo}, "http://$HOST/ivr/pair/ok", [ form_decode($seen->{body}) ]), 'I10 the other one has it once, and the signature fits';
}

$one->fault('I11 the query outgrows the request line of the application', $one->webhook('/ivr/short/x?' . form_encode(@CALL), undef, method => 'GET'),
    answer => { status => 414, result => 'shielded' });
$one->fault('I11 as it came it would have had room', $one->webhook("/ivr/short/x?Digits=&Note=" . 'x' x 60, undef, method => 'GET'),
    answer => { status => 404, result => 'passed' });

# --- Tokens that are to be opened -----------------------------------------------------------------------------------------

fault_at_app("I12 $$_[0]", revealed('/ok', $$_[1]), undef, answer => json(400, $$_[2]), log => [$$_[3]]) for
    [ 'a token with another last digit' => both(seal($CARD) =~ s/(.)\z/$1 eq '0' ? 1 : 0/er), 'bad-token', qr/EG0402/ ],
    [ 'a token of another key'          => both(seal($CARD, $KEY{other})), 'bad-token', qr/EG0402/ ],
    [ 'one good token, one that is cut' => both(seal($CARD), substr seal($PIN), 0, 40), 'bad-token', qr/EG0402/ ],
    [ 'digits in the place of a token'  => both(seal($CARD), '48206'), 'bad-token', qr/EG0402/ ],
    [ 'JSON that ends too early'        => substr(both(), 0, -1), 'malformed', qr/EG0217/ ],
    [ 'a number'                        => '{"card":4}', 'malformed', qr/EG0216/ ];

# --- A key file that has become bad -----------------------------------------------------------------------------------------

my $server = $one->server;
chmod 0644, $KEY;
ok !$server->graceful, 'I13 a key file that others may read: graceful is refused';
like $server->error, qr/EG0101: .*has mode 0644/, 'I13 and says why';
my $generation = $server->generation;
$server->signal('USR1');
ok $server->wait_for_generation($generation + 1), 'I13 after a bare signal it goes on';
$one->forget_worker;
fault_at_app('I13 with the key that it had, to a shield', shielded('/ok'), $TOKENS, answer => { status => 200, result => 'shielded' });
fault_at_app('I13 and to a reveal', revealed('/ok', both()), $OPENED, answer => { status => 200, result => 'revealed' });
chmod 0600, $KEY;

$one->finish_faults;
ok $short->stop, 'the other server stops';
$app->stop;
my @digits = grep { /$CARD|\b$PIN\b/ } map { split /^/, slurp($_) } glob in_tree('private/faults-shield{,-short}/logs/*');
is_deeply \@digits, [], 'no log has a digit';
done_testing;
