# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# Judges that are not ours: thousands of random webhooks signed by Twilio's library, by auth tokens and by
# SharedKeys, must pass "Require twilio-signature", each with one change must not, and the library must accept what our
# code signs.
#
# Takes Node.js and, once, the npm registry. ENCGATHER_SEED and ENCGATHER_REQUESTS say which requests and how many;
# ENCGATHER_OUT is where the products are, and where the library is kept for the next run.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA qw(sha256_hex);
use File::Spec;
use File::Temp;
use FindBin;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(time);

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp);
use EncGather::Fixtures qw(write_secret);
use EncGather::Httpd qw(httpd modules_dir mpms);
use EncGather::Logs qw(alarms unexpected);
use EncGather::Server;
use EncGather::Signature qw(form_encode);
use EncGather::Twilio qw(what_is_missing give_up install run_node run);

use constant {
    REFUSES_ALL => '127.0.0.5',    # virtual hosts of t/twilio/httpd.conf.in
    ACCEPTS_ALL => '127.0.0.6',
    FEW         => 200,
    SHOWN       => 10,
};

# Ctrl-C must still run destructors, which stop the server.
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

my $OUT   = File::Spec->rel2abs($ENV{ENCGATHER_OUT} || "$FindBin::Bin/../build/out");
my $COUNT = $ENV{ENCGATHER_REQUESTS} ||= 5000;
my $SEED  = $ENV{ENCGATHER_SEED} //= int rand 1_000_000_000;
my $work  = File::Temp->newdir;
my $server;

# --- What it takes --------------------------------------------------------------------------------------

sub start_server () {
    my ($mpm) = $ENV{ENCGATHER_MPM} || mpms();    # event, where it can be had
    $server = EncGather::Server->new(
        dir         => "$work",
        httpd       => httpd(),
        modules_dir => modules_dir(),
        mpm         => $mpm,
        module      => "$OUT/mod_encgather.so",
        modules     => [qw(authn_core headers rewrite dbd)],
        template    => "$FindBin::Bin/twilio/httpd.conf.in",
    );
    run_node('generate.js', ['tokens'], output => "$work/tokens");
    write_secret("$work/conf/tokens", slurp("$work/tokens") . "12345\nqwerty\n");
    write_secret("$work/conf/other-tokens", "nobody-has-this-one\n");
    return $server->start;
}

sub write_lines ($path, @lines) {
    open my $file, '>:raw', $path or die "$path: $!\n";
    print {$file} map { "$_\n" } @lines;
    close $file or die "$path: $!\n";
    return;
}

# --- Verdicts -------------------------------------------------------------------------------------------

sub sent ($file, @address) {
    run_node('send.js', [ $file, $server->port, @address ], output => "$work/report");
    return JSON::PP->new->utf8->decode(slurp("$work/report"));
}

sub none ($name, $found) {
    ok($found->{count} == 0, $name) or explain_wrong($found);
    return;
}

sub explain_wrong ($found) {
    diag("$found->{count} requests; ENCGATHER_SEED=$SEED ENCGATHER_REQUESTS=$COUNT makes them again. The first:");
    diag(join "\n", describe($_), '') for @{ $found->{first} };
    return;
}

sub describe ($wrong) {
    my $port = $server->port;
    return (
        "number $wrong->{n}: $wrong->{kind}; signed for $wrong->{url}",
        "expected: $wrong->{expect}; answered: $wrong->{answer}{status}, verdict $wrong->{answer}{verdict}",
        "$wrong->{command} | nc $wrong->{address} $port",
    );
}

sub all_right ($what, $report, $count) {
    none("$what: what Twilio signed is accepted", $report->{refused});
    none("$what: what was changed is not", $report->{accepted});
    none("$what: but denied for its signature, not for something else", $report->{other});
    is($report->{right}, $count, "$what: $count requests");
    return;
}

# --- Published vectors that only a request with a body of JSON, or with Digits twice, can carry -------------

my $PAYLOAD = '{"property": "value", "boolean": true}';
my $MESSAGE = '{"message": "a post body"}';
my $JSON    = 'application/json';
my $FORM    = 'application/x-www-form-urlencoded';
my $TARGET  = '/myapp.php?foo=1&bar=2';
my @V13     = (Sid => 'CA123', SidAccount => 'AC123', map { (Digits => $_) } 5678, 1234, 1234);

sub hashed ($target, $body) { return "${target}bodySHA256=" . sha256_hex($body) }

my @VECTORS = (
    [ V10 => 'mycompany.com', hashed("$TARGET&", $PAYLOAD),    $JSON, $PAYLOAD, 'a9nBmqA0ju/hNViExpshrM61xv4=' ],
    [ V11 => 'mycompany.com', hashed("$TARGET&", '{}'),        $JSON, '{}',     'Ldidvp12m26NI7eqEvxnEpkd9Hc=' ],
    [ V12 => 'mycompany.com', hashed('/myapp.php?', $PAYLOAD), $JSON, $PAYLOAD, 'y77kIzt2vzLz71DgmJGsen2scGs=' ],
    [ V13 => 'mycompany.com', $TARGET, $FORM, form_encode(@V13),                'IK+Dwps556ElfBT0I3Rgjkr1wJU=' ],
    [ V36 => 'example.com', hashed('/test?', $MESSAGE),        $JSON, $MESSAGE, 'zR5Oq4f6cijN5oz5bisiVuxYnTU=' ],
);

sub vector_lines ($name, $host, $target, $type, $body, $signature) {
    my %request = (
        n => $name, address => '127.0.0.2', method => 'POST', target => $target, pieces => 1,
        url     => "https://$host$target",
        headers => [ Host => $host, 'Content-Type' => $type, 'X-Twilio-Signature' => $signature ],
    );
    my %as_signed = (%request, kind => 'as published', expect => 'valid', body => encode_base64($body, ''));
    my %changed   = (%request, kind => 'a blank more', expect => 'invalid', body => encode_base64("$body ", ''));
    return map { JSON::PP->new->encode($_) } \%as_signed, \%changed;
}

# --- The other direction ----------------------------------------------------------------------------------

# Twilio's verdict over what the C code signs. What was signed for one seed must not fit the requests of another.
sub validated ($signed_for, $asked_about, $count) {
    local $ENV{ENCGATHER_REQUESTS} = $count;
    { local $ENV{ENCGATHER_SEED} = $signed_for; run_node('generate.js', ['parts'], output => "$work/parts") }
    my $judge = "$OUT/judge/sign";
    die "$judge is not there: make it first\n" unless -x $judge;
    my $status = run(command => [$judge], input => "$work/parts", output => "$work/signatures");
    die "$judge ended with status $status\n" if $status;
    local $ENV{ENCGATHER_SEED} = $asked_about;
    run_node('validate.js', [], input => "$work/signatures", output => "$work/report");
    return JSON::PP->new->utf8->decode(slurp("$work/report"));
}

# --- All of it ---------------------------------------------------------------------------------------------

sub main () {
    my $missing = what_is_missing() || install("$OUT/twilio");
    give_up($missing) if $missing;
    note("ENCGATHER_SEED=$SEED ENCGATHER_REQUESTS=$COUNT");
    my $start = time;
    ok(start_server(), 'the server starts') ? differences() : diag($server->error);
    our_signatures();
    note(sprintf '%.1f seconds', time - $start);
    done_testing();
    return;
}

sub differences () {
    write_lines("$work/vectors", map { vector_lines(@$_) } @VECTORS);
    all_right('published', sent("$work/vectors"), 2 * @VECTORS);
    run_node('generate.js', ['requests'], output => "$work/requests");
    all_right('random', sent("$work/requests"), 2 * $COUNT);
    judges_can_fail();
    ok($server->stop, 'the server stops');
    log_is_clean();
    return;
}

# It is to tell of each refusal, and that one virtual host does not look; of nothing else.
sub log_is_clean () {
    my @allowed = (qr/EG03\d\d:/, qr/EG0110:/, qr/AH01630:/);
    my @alarms  = unexpected([ alarms($server->error_log) ], \@allowed);
    ok(!@alarms, 'nothing else in its error log') or diag(map { "$_\n" } splice @alarms, 0, SHOWN);
    return;
}

sub judges_can_fail () {
    write_lines("$work/few", (split /\n/, slurp("$work/requests"))[ 0 .. 2 * least(FEW, $COUNT) - 1 ]);
    my ($refusing, $accepting) = map { sent("$work/few", $_) } REFUSES_ALL, ACCEPTS_ALL;
    is($refusing->{refused}{count}, least(FEW, $COUNT), 'a server with another token is found out');
    is($accepting->{accepted}{count}, least(FEW, $COUNT), 'a server that does not look is found out');
    return;
}

sub least ($a, $b) { return $a < $b ? $a : $b }

sub pretty ($data) { return JSON::PP->new->utf8->pretty->canonical->encode($data) }

sub our_signatures () {
    my $ours = validated($SEED, $SEED, $COUNT);
    ok($ours->{wrong} == 0, "Twilio's library accepts our signatures")
        or diag("ENCGATHER_SEED=$SEED: $ours->{wrong} are wrong. The first:\n", pretty($ours->{first}));
    is($ours->{checked}, $COUNT, "all $COUNT of them");
    my $others = validated("not $SEED", $SEED, least(FEW, $COUNT));
    is($others->{wrong}, $others->{checked}, 'and none of other requests');
    return;
}

main();
