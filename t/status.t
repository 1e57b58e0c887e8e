# SPDX-License-Identifier: Apache-2.0
# CI: no sanitizer
# The counters: exact with many clients at once and over restarts, each result once, for each virtual host and key; and
# the pages that show them, to people, to scrapers and in server-status.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use IO::Socket::INET;
use JSON::PP ();
use List::Util qw(sum0);
use POSIX ();
use Test::More;
use XML::LibXML;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Faults;
use EncGather::Files qw(slurp slurp_if_there spew);
use EncGather::Httpd qw(module_file);
use EncGather::Logs qw(leaks);
use EncGather::Sanitizer qw(pointless);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

my @MODULES = qw(status rewrite include mime proxy proxy_http);
my @MISSING = grep { !defined module_file($_) } @MODULES;
plan skip_all => "this httpd has no mod_$MISSING[0]" if @MISSING && !$ENV{CI};

use constant {
    CLIENTS  => 16,
    CALLS    => 9,     # of each client
    LOG_WAIT => 10,    # seconds
};

my ($CARD, $PIN) = @SECOND_ACCOUNT;
my $WRONG    = '730591826407';    # not what is asked for, and long enough not to be met by chance
my $KEYS     = in_tree('conf/keys');
my $DATABASE = in_tree('conf/accounts.db');
my $TREE     = in_tree('private/status');
my @FIELDS   = qw(encryptedCardDigits encryptedPinDigits);
remember($WRONG);

my $MANUAL = slurp(in_tree('../conf/manual/monitoring.md'));
my ($LOG_FORMATS)   = $MANUAL =~ /((?:^    LogFormat .*\n){2})/m;
my ($CUSTOM_LOG)    = $MANUAL =~ /^    (CustomLog .* encgather .*)$/m;
my ($LIFE_OF_CALL)  = $MANUAL =~ /^    (grep .*)$/m;

my $scout     = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
my $APP_PORT  = $scout->sockport;
undef $scout;

# --- The server -----------------------------------------------------------------------------------------------------

my $LOOKUP = 'EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" ' . "@FIELDS";

sub location ($path, $backend, $more = '') {
    return "<Location $path>\nSetHandler encrypted-gather\nEncGatherBackend $backend\n$more\n</Location>\n";
}

my %HOST_CONF = (
    'one.test' => join('',
        location('/gather', '/decrypt'),
        (map { location("/to/$_", "/app/$_") } qw(ok 404json 500 notjson slow large no-member)),
        "<Location /decrypt>\nSetHandler decrypt-gather\nEncGatherExpose on\n$LOOKUP\n</Location>\n",
        "<Location /app>\nProxyPass http://127.0.0.1:$APP_PORT\n</Location>\n",
        "<Location /redirected>\nRewriteEngine on\nRewriteRule ^ /gather [END]\n</Location>\n",
        "<Location /signed>\nRequire twilio-signature\n</Location>\n",
        "ErrorDocument 403 /sorry.html\n",
    ),
    'two.test' => join('',
        location('/gather',    '/decrypt'),
        location('/unchecked', '/decrypt', 'EncGatherSignature off'),
        location('/observed',  '/decrypt', 'EncGatherSignature observe'),
        location('/single',    '/decrypt', 'EncGatherField only step=only'),
        "<Location /decrypt>\nSetHandler decrypt-gather\nEncGatherExpose on\n$LOOKUP\n</Location>\n",
    ),
    'lost.test' => join('',
        "DBDParams $TREE/none/accounts.db\n",
        location('/gather', '/decrypt'),
        "<Location /decrypt>\nSetHandler decrypt-gather\nEncGatherExpose on\n$LOOKUP\n</Location>\n",
    ),
    'idle.test' => "<Location />\nEncGatherMaxBody 400\n</Location>\n",
);

sub conf (@hosts) {
    return <<"END_OF_CONF" . join '', map { "<VirtualHost *>\nServerName $_\n$HOST_CONF{$_}</VirtualHost>\n" } @hosts;
$LOG_FORMATS
@{[ $CUSTOM_LOG =~ s/\$\{APACHE_LOG_DIR\}/logs/r ]}
CustomLog logs/counted "\\"%r\\" result=%{ENCGATHER_RESULT}e"
<IfModule prefork.c>
    StartServers 4
    MaxRequestWorkers 20
</IfModule>
DBDriver sqlite3
DBDParams "$DATABASE"
ProxyTimeout 1
EncGatherKeyFile "$KEYS/demo.key"
EncGatherAuthTokenFile "$KEYS/auth-tokens"
TypesConfig /dev/null
AddOutputFilter INCLUDES .shtml
<Directory "$TREE/htdocs">
    Options +Includes
</Directory>
<Location /encgather-status>
    SetHandler encgather-status
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
END_OF_CONF
}

my ($TROUBLE, $SHIM) = EncGather::Faults::troubled_host('status');
my $server = private_server('status', modules => \@MODULES, environment => $SHIM, conf => conf(qw(one.test two.test idle.test lost.test)));
spew("$TREE/htdocs/sorry.html",  "sorry\n");
spew("$TREE/htdocs/page.shtml",  "<!--#include virtual=\"/encgather-status\" -->\n");
mkdir "$TREE/htdocs/signed";
spew("$TREE/htdocs/signed/file", "signed\n");
chmod 0755, "$TREE/htdocs/signed";
my $backend = EncGather::Backend->new(port => $APP_PORT, record => "$TREE/backend-requests");
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOSTPORT = '127.0.0.1:' . $server->port;

sub webhook ($host, $target, $pairs = [], %options) {
    return post($HOSTPORT, $target, $pairs, host => $host, signed_url => "http://$host$target", %options);
}

my @pages;    # all that was shown

sub page ($target, @headers) {
    my $response = request(GET => $HOSTPORT, $target, host => 'one.test', headers => [@headers]);
    BAIL_OUT("$target: no answer") if $response->code !~ /^[24]/;
    push @pages, $response->content;
    return $response;
}

# The samples of the OpenMetrics text: 'name{labels}' => value, without the "encgather_" of each.
sub samples ($text = page('/encgather-status?format=openmetrics')->content) {
    return { map { /^encgather_(\S+) (\S+)$/ ? ($1 => $2) : () } split /\n/, $text };
}

# Sums up samples: sum($samples, 'webhooks', host => 'one.test', result => 'found')
sub sum ($samples, $name, %labels) {
    my $sum = 0;
    for my $sample (grep { /^\Q$name\E_total\{/ } keys %$samples) {
        $sum += $samples->{$sample} unless grep { $sample !~ /[{,]$_="\Q$labels{$_}\E"/ } keys %labels;
    }
    return $sum;
}

# Which samples differ, by how much; times only by their number.
sub difference ($before, $after) {
    my @counters = grep { !/_(?:bucket|sum)\{/ } keys %$after;
    return { map { my $by = $after->{$_} - ($before->{$_} || 0); $by ? ($_ => $by) : () } @counters };
}

# By whom the child that answers has digests made, on each of its pages. A host that asks for validated cryptography has it so anyway.
sub digests_are ($words, $object) {
    return if slurp_if_there('/proc/sys/crypto/fips_enabled') =~ /^1/;
    my $status = JSON::PP->new->decode(page('/encgather-status?format=json')->content);
    is_deeply $status->{digests}, $object, "digests are made by $words: for programs";
    like page('/encgather-status?format=text')->content, qr/^Digests are made by \Q$words\E$/m, '... for a terminal';
    (my $html = $words) =~ s/'/&#39;/;
    return like page('/encgather-status')->content, qr{<dt>Digests</dt><dd>made by (?:\Q$words\E|\Q$html\E)</dd>}, '... in a browser';
}

# --- Each result, once ----------------------------------------------------------------------------------------------------

my ($FINGERPRINT) = slurp("$TREE/logs/error_log") =~ /EG0105.*\(fingerprint (\w+)\)/;
my $LAST = "step=processData&$FIELDS[0]=" . seal($CARD);
my @PIN  = (Digits => $PIN);

# The samples that a request adds one to.
sub at ($host, $step, $result, $verdict = 'valid') {
    return (qq(webhooks_total{host="$host",step="$step",result="$result"}), qq(signatures_total{host="$host",verdict="$verdict"}),
        qq(handler_duration_seconds_count{host="$host",handler="encrypted-gather"}));
}

sub call ($host)    { return qq(calls_total{host="$host"}) }
sub sealed (@more)  { return (qq(key_encryptions_total{fingerprint="$FINGERPRINT"}), @more) }
sub opened ()       { return qq(key_decryptions_total{fingerprint="$FINGERPRINT"}) }

sub answered ($host, $answer) {
    return (qq(backend_answers_total{host="$host",answer="$answer"}), qq(backend_duration_seconds_count{host="$host"}));
}

sub decrypted ($host, $result) {
    return (qq(decryptions_total{host="$host",result="$result"}),
        qq(handler_duration_seconds_count{host="$host",handler="decrypt-gather"}));
}

sub failed ($host, $cause)  { return qq(failures_total{host="$host",cause="$cause"}) }
sub looked_up ($host, $outcome) { return qq(lookups_total{host="$host",outcome="$outcome"}) }

my @OUTSIDE = (CallSid => 'CA' . '6' x 32);
my $BAD     = '0' x 64;

my @CASES = (
    [ 'a call begins',        sub { webhook('one.test', '/gather') }, at('one.test', 'first', 'asked'), call('one.test') ],
    [ 'elsewhere',            sub { webhook('two.test', '/gather') }, at('two.test', 'first', 'asked'), call('two.test') ],
    [ 'by HEAD',              sub { get($HOSTPORT, '/gather', method => 'HEAD', host => 'one.test', signed_url => 'http://one.test/gather') },
        at('one.test', 'first', 'asked'), call('one.test') ],
    [ 'redirected inside',    sub { webhook('one.test', '/redirected') }, at('one.test', 'first', 'asked'), call('one.test') ],
    [ 'an answer',            sub { webhook('one.test', '/gather?step=getPin', [ Digits => $CARD ]) },
        at('one.test', 'middle', 'asked'), sealed() ],
    [ 'not an answer',        sub { webhook('one.test', '/gather?step=getPin', [ Digits => $WRONG ]) }, at('one.test', 'middle', 'asked-again') ],
    [ 'not the last answer',  sub { webhook('one.test', "/gather?$LAST", [ Digits => $WRONG ]) }, at('one.test', 'last', 'asked-again') ],
    [ 'attempts used up',     sub { webhook('one.test', "/gather?step=getPin&attempt=3", []) }, at('one.test', 'middle', 'invalid'), failed('one.test', 'attempts') ],
    [ 'the whole way',        sub { webhook('one.test', "/gather?$LAST", [@PIN]) },
        at('one.test', 'last', 'found'), sealed(opened()), answered('one.test', 'found'), decrypted('one.test', 'found'), looked_up('one.test', 'found') ],
    [ 'no such account',      sub { webhook('one.test', "/gather?$LAST", [ Digits => '0933' ]) },
        at('one.test', 'last', 'not-found'), sealed(opened()), answered('one.test', 'not-found'), decrypted('one.test', 'not-found'),
        looked_up('one.test', 'not-found'), failed('one.test', 'no-account') ],
    [ 'one field is first and last', sub { webhook('two.test', '/single') }, at('two.test', 'first', 'asked'), call('two.test') ],
    [ 'its answer',           sub { webhook('two.test', '/single?step=processData', [@PIN]) },
        at('two.test', 'last', 'unavailable'), sealed(), answered('two.test', 'refused'), decrypted('two.test', 'malformed'), failed('two.test', 'token') ],
    [ 'no such step',         sub { webhook('one.test', '/gather?step=no') }, at('one.test', 'unknown', 'malformed'), failed('one.test', 'request') ],
    [ 'a broken form',        sub { webhook('one.test', '/gather', [], body => '%zz') }, at('one.test', 'first', 'malformed', 'unchecked'), failed('one.test', 'stranger') ],
    [ 'another method',       sub { request(PUT => $HOSTPORT, '/gather', host => 'one.test') }, at('one.test', 'first', 'method', 'unchecked'), failed('one.test', 'stranger') ],
    [ 'another type',         sub { webhook('one.test', '/gather', [], body => 'x', type => 'text/plain') },
        at('one.test', 'first', 'media-type', 'unchecked'), failed('one.test', 'stranger') ],
    [ 'too much',             sub { webhook('one.test', '/gather', [ a => 'x' x 70_000 ]) }, at('one.test', 'first', 'too-large', 'unchecked'), failed('one.test', 'stranger') ],
    [ 'a wrong signature',    sub { webhook('one.test', '/gather', [], token => $TOKEN{other}) }, at('one.test', 'first', 'forbidden', 'invalid'), failed('one.test', 'signature') ],
    [ 'no signature',         sub { webhook('two.test', '/gather', [], token => undef) }, at('two.test', 'first', 'forbidden', 'missing'), failed('two.test', 'unsigned') ],
    [ 'not looked at',        sub { webhook('two.test', '/unchecked', [], token => undef) }, at('two.test', 'first', 'asked', 'unchecked'), call('two.test') ],
    [ 'observed',             sub { webhook('two.test', '/observed', [], token => $TOKEN{other}) }, at('two.test', 'first', 'asked', 'invalid'), call('two.test') ],
    [ 'from outside',         sub { decrypt($HOSTPORT, '/decrypt', { $FIELDS[0] => seal($CARD), $FIELDS[1] => seal($PIN) }, host => 'one.test') },
        decrypted('one.test', 'found'), looked_up('one.test', 'found') ],
    [ 'a bad token',          sub { decrypt($HOSTPORT, '/decrypt', { map { $_ => $BAD } @FIELDS }, host => 'two.test') }, decrypted('two.test', 'bad-token'), failed('two.test', 'tag') ],
    [ 'a field is missing',   sub { decrypt($HOSTPORT, '/decrypt', {}, host => 'two.test') }, decrypted('two.test', 'malformed'), failed('two.test', 'token') ],
    [ 'no database',          sub { webhook('lost.test', "/gather?$LAST", [@PIN]) },
        at('lost.test', 'last', 'unavailable'), sealed(opened()), answered('lost.test', 'refused'), decrypted('lost.test', 'unavailable'),
        looked_up('lost.test', 'unavailable'), failed('lost.test', 'database') ],
    (map { my ($path, $answer, $result, @cause) = @$_;
        [ "a backend: $path", sub { webhook('one.test', "/to/$path?$LAST", [@PIN]) }, at('one.test', 'last', $result), sealed(), answered('one.test', $answer),
            map { failed('one.test', $_) } @cause ] }
        [ 'ok', 'found', 'found' ], [ '404json', 'not-found', 'not-found', 'no-account' ], [ '500', 'refused', 'unavailable', 'backend-refuses' ],
        [ 'notjson', 'broken', 'unavailable', 'backend-answer' ], [ 'slow', 'timeout', 'unavailable', 'backend-slow' ],
        [ 'large', 'too-large', 'unavailable', 'backend-answer' ], [ 'no-member', 'found', 'unavailable', 'backend-answer' ]),
    [ 'denied, with an error page', sub { webhook('one.test', '/signed/file', [], token => undef) },
        qq(denials_total{host="one.test",result="forbidden"}), qq(signatures_total{host="one.test",verdict="missing"}),
        failed('one.test', 'unsigned') ],
    [ 'let through',          sub { get($HOSTPORT, '/signed/file', host => 'one.test', signed_url => 'http://one.test/signed/file') },
        qq(signatures_total{host="one.test",verdict="valid"}) ],
    [ 'other requests',       sub { request(GET => $HOSTPORT, '/sorry.html', host => 'idle.test') } ],
    [ 'no such handler here', sub { webhook('idle.test', '/gather') } ],
);
my %OPENS_TWO = map { $_ => 1 } 'the whole way', 'no such account', 'from outside', 'no database';

sub changes_to ($before, $wanted) {
    my $changes;
    wait_until(LOG_WAIT, sub { $changes = difference($before, samples()); return %$changes || !%$wanted });
    return $changes;
}

# One page more is only loaded by what is itself not counted.
for my $case (@CASES) {
    my ($name, $send, @wanted) = @$case;
    my %wanted = map { $_ => 1 } @wanted;
    $wanted{ opened() } = 2 if $OPENS_TWO{$name};
    my $before = samples();
    $send->();
    is_deeply changes_to($before, \%wanted), \%wanted, "$name: counted once, and nothing else";
}

sub logged_results () {
    my %count;
    $count{$_}++ for slurp("$TREE/logs/counted") =~ /"\w+ (?!\/decrypt)\S+ HTTP.* result=(\w[\w-]*)/g;
    return \%count;
}

sub counted_results () {
    my $samples = samples();
    my %words   = map { /result="([\w-]+)"/ ? ($1 => 1) : () } grep { /^(?:webhooks|denials)_total/ } keys %$samples;
    my %count   = map { $_ => sum($samples, 'webhooks', result => $_) + sum($samples, 'denials', result => $_) } keys %words;
    delete @count{ grep { !$count{$_} } keys %count };
    return \%count;
}

sub log_agrees ($name) {
    my ($logged, $counted) = ({}, counted_results());
    my $total = sum0(values %$counted);
    wait_until(LOG_WAIT, sub { $logged = logged_results(); return sum0(values %$logged) >= $total });
    return is_deeply $logged, $counted, "$name: the access log and the counters tell the same";
}
log_agrees('each result');

# What the minutes of the last day have in them and what was counted since the start, which is not a day ago: where they differ.
sub ring_differs () {
    my $status = JSON::PP->new->decode(page('/encgather-status?format=json')->content);
    my ($day, $all) = map { flat('', $_) } @$status{qw(day in_all)};
    return [ map { "$_: " . ($day->{$_} // 0) . ' of ' . ($all->{$_} // 0) } grep { ($day->{$_} // 0) != ($all->{$_} // 0) } sort keys %{ { %$day, %$all } } ];
}

sub flat ($name, $value) {
    return { $name => $value } unless ref $value;
    return { map { %{ flat("$name/$_", $value->{$_}) } } keys %$value };
}

# --- Many at once, and restarts in between ----------------------------------------------------------------------------------

# A client's calls; its exit code is how many of its requests went wrong.
sub place_calls ($host) {
    my $wrong = 0;
    for (1 .. CALLS) {
        my $ask = webhook($host, '/gather');
        my $pin = webhook($host, '/gather?step=getPin', [ Digits => $CARD ]);
        my $end = webhook($host, "/gather?step=processData&$FIELDS[0]=" . (token_in($pin, $FIELDS[0]) || ''), [@PIN]);
        $wrong += grep { $_->code != 200 } $ask, $pin, $end;
        $wrong++ unless $end->content =~ /1049/;
    }
    return $wrong > 100 ? 100 : $wrong;
}

sub start_client ($host) {
    my $pid = fork;
    die "fork: $!" unless defined $pid;
    return $pid if $pid;
    my $wrong = eval { place_calls($host) };
    POSIX::_exit(defined $wrong ? $wrong : 101);
}

{
    my $before  = samples();
    my %counted = %{ counted_results() };
    my @clients = map { start_client($_ % 2 ? 'one.test' : 'two.test') } 1 .. CLIENTS;
    $server->configure(conf => conf(qw(two.test lost.test idle.test one.test)));
    my $reloaded = $server->graceful;
    my $wrong = 0;
    for my $pid (@clients) {
        waitpid $pid, 0;
        $wrong += $? >> 8 || $?;
    }
    ok $reloaded, 'a graceful restart, the hosts in another order' or diag $server->error;
    is $wrong, 0, 'and no request of ' . CLIENTS * CALLS * 3 . ' is lost or wrong';

    my $n = CALLS * CLIENTS / 2;
    my %wanted = (sealed() => 4 * $n, opened() => 4 * $n);
    for my $host ('one.test', 'two.test') {
        $wanted{$_} = $n for call($host), answered($host, 'found'), decrypted($host, 'found'), looked_up($host, 'found');
        $wanted{$_} += $n for map { at($host, @$_) } [ 'first', 'asked' ], [ 'middle', 'asked' ], [ 'last', 'found' ];
    }
    is_deeply difference($before, samples()), \%wanted, 'every number is exact';
    log_agrees('many at once');

    my $same = samples();
    digests_are("OpenSSL's own functions", { by => 'functions', provider => 'default' });
    spew("$TROUBLE/fips-wanted", '');
    ok $server->graceful, 'a second graceful restart';
    is_deeply samples(), $same, 'changes nothing';
    digests_are("OpenSSL's provider default", { by => 'provider', provider => 'default' }) if !pointless('shim');
    unlink "$TROUBLE/fips-wanted";
    ok $server->restart, 'neither';
    is_deeply samples(), $same, 'does a full one';

    is_deeply ring_differs(), [], 'and the minutes of the last day have counted the same';

    my %buckets;
    for my $sample (keys %$same) {
        $buckets{"$1_count{$2}"} = $same->{$sample} if $sample =~ /^(\w+)_bucket\{(.*),le="\+Inf"\}/;
    }
    is scalar keys %buckets, 3 * 3, 'a histogram for each handler and backend of each host of which something was counted';
    is_deeply [ grep { $buckets{$_} != $same->{$_} } sort keys %buckets ], [], 'and its last bucket holds them all';
    my $slow = $same->{'backend_duration_seconds_sum{host="one.test"}'};
    ok $slow >= 0.9 && $slow < 60, 'the slow backend took its second' or diag $slow;
}

# --- Text for scrapers ----------------------------------------------------------------------------------------------------

my $LABEL  = qr/[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"/;
my $SAMPLE = qr/(encgather_[a-z_]+)(?:\{($LABEL(?:,$LABEL)*)\})? (\d+(?:\.\d+)?)/;

# What is wrong with a text, by a strict reading of what the two formats have in common; %suffixes: of each type.
sub faults ($text, %suffixes) {
    my ($family, $type, @faults, %seen, %done, %le) = ('', '');
    for my $line (split /\n/, $text, -1) {
        next if $line =~ /^# HELP (\S+) [A-Z].*\.$/ && $1 eq $family;
        if ($line =~ /^# TYPE (encgather_[a-z_]+) (counter|gauge|histogram)$/) {
            push @faults, "$line: a second time" if $done{$1}++;
            ($family, $type) = ($1, $2);
        }
        elsif ($line =~ /^$SAMPLE$/) {
            my ($name, $labels, $value) = ($1, $2 // '', $3);
            push @faults, "$line: a second time" if $seen{"$name\{$labels}"}++;
            push @faults, "$line: not of $family" unless grep { $name eq "$family$_" } @{ $suffixes{$type} };
            next unless $name =~ /_bucket$/;
            my ($others, $le) = $labels =~ /^(.*),le="(\d+\.\d+|\+Inf)"$/ or push @faults, "$line: no le";
            push @faults, "$line: less than before" if $value < ($le{$others} // 0);
            $le{$others} = $le eq '+Inf' ? 0 : $value;
        }
        else {
            push @faults, "what is this: $line";
        }
    }
    return \@faults;
}

my @OF_HISTOGRAM = (histogram => [qw(_bucket _sum _count)], gauge => ['']);
my $BOTH = 'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
my %FORMAT = (
    openmetrics => 'application/openmetrics-text; version=1.0.0; charset=utf-8',
    prometheus  => 'text/plain; version=0.0.4; charset=utf-8',
    html        => 'text/html; charset=utf-8',
);

for my $case (
    [ openmetrics => '?format=openmetrics' ], [ prometheus => '?format=prometheus' ], [ html => '?format=html' ], [ html => '' ],
    [ openmetrics => '', Accept => 'application/openmetrics-text' ], [ openmetrics => '', Accept => $BOTH ],
    [ prometheus => '', Accept => 'text/plain; version=0.0.4' ], [ prometheus => '', Accept => 'text/plain;version=0.0.4;q=1,*/*;q=0.1' ],
    [ prometheus => '', Accept => 'application/openmetrics-text;q=0.2, text/plain;version=0.0.4;q=0.9' ],
    [ html => '', Accept => '*/*' ], [ prometheus => '', Accept => 'text/plain' ], [ prometheus => '', Accept => 'text/plain;charset=utf-8, */*;q=0.5' ],
    [ prometheus => '', Accept => 'text/html;q=0.8,text/plain' ], [ html => '', Accept => 'text/plain,text/html' ], [ html => '', Accept => 'text/html,text/plain;q=0' ],
    [ html => '', Accept => 'text/xml,application/xml,text/html;q=0.9,text/plain;q=0.8,image/png,*/*;q=0.5' ], [ openmetrics => '', Accept => 'text/plain,application/openmetrics-text' ],
    [ prometheus => '', Accept => 'text/html,text/plain,text/plain;version=0.0.4' ], [ html => '', Accept => 'application/openmetrics-text;q=0' ],
    [ html => '', Accept => 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' ], [ html => '', Accept => ';;,;q=,' ],
    [ html => '?format=html', Accept => $BOTH ], [ html => '?x=1' ],
) {
    my ($format, $query, @headers) = @$case;
    my $response = page("/encgather-status$query", @headers);
    is $response->code, 200, "$format: '$query' @headers";
    is $response->header('Content-Type'), $FORMAT{$format}, 'its type';
    is $response->header('Cache-Control'), 'no-store', 'is kept by nobody';
    is $response->header('Content-Length'), length $response->content, 'is as long as announced';
}
is page("/encgather-status?format=xml")->code, 400, 'no such format';
is page('/encgather-status?format=css')->header('Content-Type'), 'text/css; charset=utf-8', 'the style of the page, by itself';
like page('/encgather-status?format=html')->content, qr{<link rel="stylesheet" href="\?format=css"/>}, 'which refers to it: any Content-Security-Policy';
like page('/encgather-status?format=html')->content, qr{<script src="\?format=js" defer="defer"></script>}, 'so is its script';
unlike page('/encgather-status?format=html')->content, qr/<style|\bstyle=|<script(?! src=)|\son\w+=/, 'and has nothing of the kind in it';
is page('/encgather-status?format=js')->header('Content-Type'), 'text/javascript; charset=utf-8', 'which is there';
like page('/encgather-status')->header('Content-Security-Policy'), qr/^default-src 'none';(?!.*unsafe)/, 'and nothing else runs';
is page('/encgather-status')->header('X-Content-Type-Options'), 'nosniff', 'nothing is taken for what it is not';
is page("/encgather-status?$_")->code, 400, "no CallSid: $_" for 'call=%3Cscript%3E', 'call=' . 'x' x 65, 'format=text&call=a%20b', 'call=%zz';
is page("/encgather-status?$_")->code, 200, "a search: $_" for 'call=', 'call=CA1&format=json', 'call=+CA%3A1_-%20';

my $open = page('/encgather-status?format=openmetrics')->content;
my $text = page('/encgather-status?format=prometheus')->content;
ok $open =~ s/^# EOF\n\z//m, 'OpenMetrics ends with "# EOF"';
is_deeply faults($open =~ s/\n\z//r, @OF_HISTOGRAM, counter => ['_total']), [], 'and is in order';
is_deeply faults($text =~ s/\n\z//r, @OF_HISTOGRAM, counter => ['']), [], 'so is the text of Prometheus';
is_deeply samples($text), samples($open), 'both say the same';

sub promtool_agrees ($metrics) {
  SKIP: {
        my ($promtool) = grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH};
        skip 'no promtool here: the text is checked by a grammar of our own alone', 1 unless $promtool;
        spew("$TREE/metrics", $metrics);
        my $said = `'$promtool' check metrics <'$TREE/metrics' 2>&1`;
        is "$?: $said", '0: ', 'promtool check metrics has nothing to say';
    }
    return;
}
promtool_agrees($text);

# --- The page for people ----------------------------------------------------------------------------------------------------

{
    my $samples = samples();
    my $html    = page('/encgather-status')->content;
    my $document = eval { XML::LibXML->load_xml(string => $html, no_network => 1) };
    ok $document, 'the page is well-formed' or BAIL_OUT($@);
    is $document->findvalue('/html/@lang'), 'en', 'it says its language';
    like $document->findvalue('//meta[@name="viewport"]/@content'), qr/width=device-width/, 'it fits a phone';
    like page('/encgather-status?format=css')->content, qr/prefers-color-scheme:dark/, 'it is dark at night';
    is $document->findvalue('count(//meta[@http-equiv])'), 0, 'without a script it stays as it is, until the link is followed';
    is $document->findvalue('//header//a/@href'), '', 'which leads here';
    is $document->findvalue('count(//*[@tabindex and not(@aria-label)])'), 0, 'what scrolls has a name';
    is $document->findvalue('count(//table[not(caption)])'), 0, 'each table has a caption';
    is $document->findvalue('count(//th[not(@scope)])'), 0, 'each heading a scope';
    is join(' ', sort map { $_->textContent } $document->findnodes('//*[@id="hosts"]//summary/b | //*[@id="idle"]//span')),
        'idle.test lost.test one.test other two.test' =~ s/idle.test //r, 'the hosts that use the module';
    is $document->findvalue('//*[@id="family-webhooks"]//tr[th="last: found"]/td[3]'), sum($samples, 'webhooks', step => 'last', result => 'found'), 'its numbers are the same';
    like $document->findvalue('//*[@id="zeros"]'), qr/numbers are 0.*unknown: found/s, 'what is 0 is folded away';
    is $document->findvalue("//tr[th='$FINGERPRINT']/td[5]"), sum($samples, 'key_encryptions'), 'those of the keys too';
}

# --- Who does not get it ------------------------------------------------------------------------------------------------------

for my $method (qw(POST PUT DELETE OPTIONS PATCH BREW)) {
    my $response = request($method => $HOSTPORT, '/encgather-status', host => 'one.test', body => "Digits=$WRONG");
    is $response->code, 405, "$method is not allowed";
    is $response->header('Allow'), 'GET, HEAD', 'and told what is';
    is $response->header('Cache-Control'), 'no-store', 'is kept by nobody';
    push @pages, $response->content;
}
{
    my $head = request(HEAD => $HOSTPORT, '/encgather-status', host => 'one.test');
    is $head->code . $head->content, '200', 'HEAD is answered without a body';
    cmp_ok $head->header('Content-Length'), '>', 1000, 'but with its length';
    unlike request(GET => $HOSTPORT, '/page.shtml', host => 'one.test')->content, qr/encgather|<table/, 'SSI does not get it';
}

# --- server-status ----------------------------------------------------------------------------------------------------------

{
    my $samples = samples();
    my $auto    = page('/server-status?auto')->content;
    my %line    = $auto =~ /^(EGHost\S+): (\S+)$/mg;
    my ($one, $two) = map { my $host = $_; grep { ($line{"EGHost[$_]Name"} // '') eq $host } 0 .. 9 } 'one.test', 'two.test';
    ok defined $one && defined $two, 'server-status?auto names the hosts' or BAIL_OUT($auto);
    is $line{"EGHost[$one]Calls"}, sum($samples, 'calls', host => 'one.test'), 'their calls';
    is $line{"EGHost[$two]Webhooks[$_]"}, sum($samples, 'webhooks', host => 'two.test', result => $_), "what was $_"
        for qw(found asked forbidden);
    my $html = page('/server-status')->content;
    my ($row) = $html =~ m{<th scope="row">one\.test</th>(.*?)</tr>};
    like $row // '', qr{^<td>$line{"EGHost[$one]Calls"}</td>}, 'server-status has a row for it';
}

# --- The life of one call -----------------------------------------------------------------------------------------------------

{
    my $sid = 'CA' . '0123456789abcdef' x 2;
    webhook('one.test', '/gather', [ CallSid => $sid ]);
    webhook('one.test', '/gather?step=getPin', [ CallSid => $sid, Digits => $CARD ]);
    webhook('one.test', "/to/500?$LAST", [ CallSid => $sid, @PIN ]);
    my $command = $LIFE_OF_CALL =~ s/CA[0-9a-f]+/$sid/r =~ s{/var/log/apache2/ivr\.log}{$TREE/logs/ivr.log}r =~ s{/var/log/apache2/error\.log}{$TREE/logs/error_log}r;
    my @lines;
    wait_until(LOG_WAIT, sub { (@lines = `$command`) >= 4 });
    my @life = map { /step=(\S+) result=(\S+)/ ? "$1 $2" : /(EG\d+)/ ? $1 : $_ } @lines;
    is_deeply \@life, [ 'getLast4CC asked', 'getPin asked', 'processData unavailable', 'EG0501' ], 'the command of the manual shows it'
        or diag @lines;
}

is_deeply [ map { leaks($_, $WRONG, $CARD, $PIN) } @pages ], [], 'no page ever showed a digit of a caller';
ok $server->stop, 'the server stops';
my $lines = () = slurp("$TREE/logs/ivr.log") =~ /\n/g;
my $ours  = () = slurp("$TREE/logs/counted") =~ /result=\w/g;
is $lines, $ours, 'a line in the log of calls for each request of ours, redirected ones too, and for no other';
log_is_clean($server, qr/AH01630: client denied/, qr{\[include:error\].*"/encgather-status"}, qr/\[dbd:(?:error|crit)\]/, qr/\[proxy(?:_http)?:error\]/,
    map { qr/$_:/ } qw(EG0110 EG0135 EG0301 EG0302 EG0303 EG0402 EG0405 EG0501 EG0601));

# --- Hosts of which nothing was counted ---------------------------------------------------------------------------------------

# A thousand of them, with zeros alone: their names and that no call began, which an alert may ask for; and nothing else.
sub idle_hosts ($port) {
    my $open = request(GET => $port, '/encgather-status?format=openmetrics')->content;
    my $text = request(GET => $port, '/encgather-status?format=prometheus')->content;
    my $html = request(GET => $port, '/encgather-status?format=html')->content;
    my @of_hosts = grep { /host="/ } keys %{ samples($open) };
    is_deeply [ grep { !/^calls_total\{host="[^"]+"\}$/ } @of_hosts ], [], 'a thousand idle hosts: nothing but their calls';
    is scalar @of_hosts, 1024, 'of each';
    cmp_ok length $_, '<', 200_000, 'a page of ' . length($_) . ' bytes' for $open, $text, $html;
    like $html, qr{<summary>1024 hosts of which nothing was counted yet</summary>.*<span>h700\.test:8443</span>}s, 'the page for people has their names';
    is_deeply faults($open =~ s/\n# EOF\n\z//r, @OF_HISTOGRAM, counter => ['_total']), [], 'OpenMetrics is in order';
    is_deeply faults($text =~ s/\n\z//r, @OF_HISTOGRAM, counter => ['']), [], 'so is the text of Prometheus';
    post($port, '/gather', [], host => 'h900.test', token => undef);
    my $one = request(GET => $port, '/encgather-status?format=prometheus')->content;
    my %names = map { /^encgather_(\w+)\{host="h900\.test:8443"/ ? ($1 => 1) : () } split /\n/, $one;
    is_deeply [ sort keys %names ], [ sort 'calls_total', 'webhooks_total', 'signatures_total', 'denials_total', 'backend_answers_total',
        'decryptions_total', 'lookups_total', 'lockouts_total', 'failures_total', 'shields_total', 'reveals_total', map { ("handler_duration_seconds$_", "backend_duration_seconds$_") } qw(_bucket _sum _count) ],
        'one that was called has all of its numbers, zeros too';
    promtool_agrees($_) for $text, $one;
    return;
}

# --- More hosts than there are counters for -----------------------------------------------------------------------------------

{
    my $many = private_server('status-many', conf => <<"END_OF_CONF" . join '', map { "<VirtualHost *>\nServerName h$_.test:8443\n</VirtualHost>\n" } 1 .. 1030);
EncGatherKeyFile "$KEYS/demo.key"
EncGatherSignature off
<Location /gather>
    SetHandler encrypted-gather
    EncGatherBackend /nowhere
</Location>
<Location /encgather-status>
    SetHandler encgather-status
</Location>
END_OF_CONF
    $many->start or BAIL_OUT('the private server does not start: ' . $many->error);
    my $port = '127.0.0.1:' . $many->port;
    idle_hosts($port);
    post($port, '/gather', [], host => "h$_.test", token => undef) for 1 .. 1030;
    my $samples = samples(request(GET => $port, '/encgather-status?format=openmetrics')->content);
    is sum($samples, 'calls'), 1031, 'a thousand hosts: all are counted';
    is scalar(grep { /^calls_total\{host="h\d+\.test:8443"/ && $samples->{$_} == (/"h900\./ ? 2 : 1) } keys %$samples), 1022,
        'most by themselves, besides the main server';
    is sum($samples, 'calls', host => 'other'), 8, 'the rest together';
    is scalar(grep { /^calls_total/ } keys %$samples), 1024, 'in the room there is';
    like $many->error_log, qr/\[encgather:notice\].*EG0114:/, 'which the log says';
    $many->stop;
    log_is_clean($many, qr/EG0110:/);
}

finish();
