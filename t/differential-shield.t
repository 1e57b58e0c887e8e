# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# Judges that are not ours: thousands of random webhooks, signed by Twilio's library, go through a shield to an application
# that checks them by Twilio's library. It must accept each, with nothing changed but the chosen values, whose tokens open
# to what was sent; each with one change must not reach it.
#
# Takes Node.js and, once, the npm registry. ENCGATHER_SEED and ENCGATHER_REQUESTS say which requests and how many;
# ENCGATHER_OUT is where the products are, and where the library is kept for the next run.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Crypt::AuthEnc::GCM qw(gcm_decrypt_verify);
use File::Spec;
use File::Temp;
use FindBin;
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Daemon qw(free_ports);
use EncGather::Files qw(slurp slurp_if_there spew);
use EncGather::Fixtures qw(%KEY write_secret);
use EncGather::Httpd qw(httpd modules_dir mpms);
use EncGather::Server;
use EncGather::Signature qw(form_decode);
use EncGather::Twilio qw(what_is_missing give_up install run_node start_node);
use EncGather::Wait qw(wait_until);

use constant { SHOWN => 5, APP_WAIT => 30 };

# Ctrl-C must still run destructors, which stop the server.
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

my $OUT    = File::Spec->rel2abs($ENV{ENCGATHER_OUT} || "$FindBin::Bin/../build/out");
my $COUNT  = $ENV{ENCGATHER_REQUESTS} ||= $ENV{ENCGATHER_SANITIZER} ? 300 : $ENV{CI} ? 1000 : 5000;
my $SEED   = $ENV{ENCGATHER_SEED} //= int rand 1_000_000_000;
my $work   = File::Temp->newdir;
my $json   = JSON::PP->new->utf8;
my %CHOSEN = map { $_ => 1 } qw(Digits SpeechResult To a[] CALLSID FromCity), "\xc3\xa9";

my $missing = what_is_missing() || install("$OUT/twilio");
give_up($missing) if $missing;
note("ENCGATHER_SEED=$SEED ENCGATHER_REQUESTS=$COUNT");

# --- The application and the shield before it ----------------------------------------------------------------------------

my ($PORT, $APP) = free_ports(2);
start_node('app.js', [ $APP, "$work/seen" ]);

# As in twilio/httpd.conf.in: hosts are told apart by their addresses, and each takes any Host header.
my %PUBLIC = (2 => '', 3 => 'EncGatherPublicURL https://Voice.Example.com', 4 => 'EncGatherPublicURL http://[2001:db8::1]:8080');
my ($mpm)  = $ENV{ENCGATHER_MPM} || mpms();
my $server = EncGather::Server->new(
    dir => "$work/server", httpd => httpd(), modules_dir => modules_dir(), mpm => $mpm, module => "$OUT/mod_encgather.so",
    modules => [qw(authn_core headers proxy proxy_http dbd)],
    port    => $PORT,
    conf    => join "\n", <<"END_OF_CONF", map { my $name = $_ == 2 ? 'https://voice.example.com' : 'voice.example.com'; <<"END_OF_HOST" } 2 .. 4);
LogLevel warn
KeepAliveTimeout 60
MaxKeepAliveRequests 0
HttpProtocolOptions Unsafe
AllowEncodedSlashes NoDecode
EncGatherKeyFile conf/key
EncGatherAuthTokenFile conf/tokens
Header always set X-Verdict "%{ENCGATHER_SIGNATURE}e"
ProxyPass "/" "http://127.0.0.1:$APP/" nocanon
<Location "/">
    EncGatherShield @{[ map { qq("$_") } sort keys %CHOSEN ]}
    EncGatherResign on
</Location>
<VirtualHost 127.0.0.1:$PORT>
    ServerName voice.example.com
    AllowEncodedSlashes NoDecode
    ProxyPass "/" "http://127.0.0.1:$APP/" nocanon
</VirtualHost>
END_OF_CONF
Listen 127.0.0.$_:$PORT
<VirtualHost 127.0.0.$_:$PORT>
    ServerName $name
    AllowEncodedSlashes NoDecode
    ProxyPass "/" "http://127.0.0.1:$APP/" nocanon
    $PUBLIC{$_}
</VirtualHost>
END_OF_HOST
run_node('generate.js', ['tokens'], output => "$work/tokens");
write_secret("$work/server/conf/tokens", slurp("$work/tokens"));
write_secret("$work/server/conf/key",    "$KEY{demo}\n");
ok wait_until(APP_WAIT, sub { -e "$work/seen" }), 'the application starts';
$server->start or BAIL_OUT('the server does not start: ' . $server->error . $server->error_log);

# --- Requests that a shield takes: forms, and no body ---------------------------------------------------------------------

sub header ($request, $wanted) {
    my @headers = @{ $request->{headers} };
    while (my ($name, $value) = splice @headers, 0, 2) { return $value if lc $name eq $wanted }
    return '';
}

# What no token holds, and what is signed by its hash, is refused; other tests look at that.
sub is_taken ($request) {
    my $body = decode_base64($request->{body});
    return 0 if $request->{target} =~ /[?&]bodySHA256=/ || grep { length > 4096 } map { split /[&=]/ } $body, $request->{target};
    return $body eq '' || header($request, 'content-type') =~ m{^application/x-www-form-urlencoded\s*(?:;|\z)}i;
}

$ENV{ENCGATHER_TARGETS} = 'plain';
run_node('generate.js', ['requests'], output => "$work/requests");
my (%sent, @lines);
my @all = map { $json->decode($_) } split /\n/, slurp("$work/requests");
while (my ($signed, $changed) = splice @all, 0, 2) {
    next unless is_taken($signed);
    my $base = substr $signed->{url}, 0, length($signed->{url}) - length $signed->{target};
    push @{ $signed->{headers} },  'X-N' => $signed->{n},     'X-Base' => $base;
    push @{ $changed->{headers} }, 'X-N' => "not $signed->{n}", 'X-Base' => $base;
    $sent{ $signed->{n} } = $signed;
    push @lines, map { $json->encode($_) } $signed, $changed;
}
spew("$work/taken", join('', map { "$_\n" } @lines), 0644);
my $count = keys %sent;
cmp_ok $count, '>', $COUNT / 2, "$count of $COUNT requests are such as a shield takes";

run_node('send.js', [ "$work/taken", $PORT ], output => "$work/report");
my $report = $json->decode(slurp("$work/report"));
is $report->{refused}{count}, 0, "what Twilio signed is accepted, by the shield and behind it" or diag(map { "$_->{command}\n$json->{n} $_->{answer}{status}\n" } @{ $report->{refused}{first} });
is $report->{accepted}{count}, 0, 'what was changed is not';

# --- What arrived -----------------------------------------------------------------------------------------------------------

sub plain ($token) {
    my ($nonce, $ciphertext, $tag) = ($token =~ /^(?:[0-9a-f]{2}){29,}\z/ ? pack 'H*', $token : '') =~ /\A(.{12})(.*)(.{16})\z/s or return;
    return gcm_decrypt_verify('AES', pack('H*', $KEY{demo}), $nonce, '', $ciphertext, $tag);
}

my $tokens = 0;

# A chosen value has become a token of it; all else is the same bytes.
sub is_right_part ($before, $after) {
    my ($name, $value) = form_decode($before);
    return $before eq $after unless defined $name && $CHOSEN{$name} && length $value;
    my ($raw) = $before =~ /\A([^=]*=)/;
    my $plain = substr($after, 0, length $raw) eq $raw ? plain(substr $after, length $raw) : undef;
    $tokens++;
    return defined $plain && $plain eq $value;
}

sub is_right ($before, $after) {
    my ($was, $is) = map { [ split /&/, $_, -1 ] } $before, $after;
    return @$was == @$is && !grep { !is_right_part($was->[$_], $is->[$_]) } 0 .. $#$was;
}

sub cut ($target) { return $target =~ /\A([^?]*)\??(.*)\z/s }

my (%seen, @wrong);
for my $seen (map { $json->decode($_) } split /\n/, slurp("$work/seen")) {
    my $request = $sent{ $seen->{n} };
    my ($path, $query)     = cut($request ? $request->{target} =~ s/#.*//sr : '');
    my ($path_is, $query_is) = cut(decode_base64($seen->{target}));
    $seen{ $seen->{n} }++;
    push @wrong, $seen->{n} unless $request && $seen->{fits} && is_right($query, $query_is)
        && $path eq $path_is && is_right(decode_base64($request->{body}), decode_base64($seen->{body}));
}
is_deeply [ grep { !$sent{$_} } sort keys %seen ], [], 'nothing that was changed reached the application';
is_deeply [ grep { ($seen{$_} // 0) != 1 } sort keys %sent ], [], 'each of the others did, once';
ok !@wrong, 'with nothing but the chosen values changed, and tokens that open to them' or diag("ENCGATHER_SEED=$SEED ENCGATHER_REQUESTS=$COUNT: @wrong[0 .. ($#wrong < SHOWN ? $#wrong : SHOWN)]");
cmp_ok $tokens, '>', $count / 5, "$tokens tokens";

ok $server->stop, 'the server stops';
done_testing;
