# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# The configurations in conf/manual/recipes.md, as they stand there, with other paths and ports: each is accepted by
# "httpd -t" without a word, and each serves the call that it is for.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Digest::SHA qw(sha1_base64);
use File::Copy qw(copy);
use File::Path qw(make_path);
use IO::Socket::INET;
use IO::Socket::SSL::Utils qw(CERT_create PEM_cert2string);
use IO::Socket::UNIX;
use LWP::UserAgent;
use MIME::Base64 qw(encode_base64);
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Caller;
use EncGather::Daemon qw(program free_ports);
use EncGather::Files qw(slurp spew);
use EncGather::Httpd qw(module_file runtime_user runtime_group);
use EncGather::Signature qw(signature form_decode form_encode);
use EncGather::Test;

my @MODULES = qw(proxy proxy_http proxy_fcgi mime dir);
my @MISSING = grep { !defined module_file($_) } @MODULES, 'ssl';
plan skip_all => "this httpd has no mod_$MISSING[0]" if @MISSING && !$ENV{CI};

my $TREE    = in_tree('private/recipes');
my $SCRIPTS = in_tree('../conf/backends');
my ($CARD, $PIN, $NUMBER, $BALANCE) = @SECOND_ACCOUNT;
my ($DEMO_CARD, $DEMO_PIN, $DEMO_NUMBER) = @ACCOUNT;    # the one that the programs in conf/backends know
my ($MEMBER, $CITY, $CLUB) = ('07193', 'Porto', 'the Rowing Club');
my ($FIRST, $SECOND) = map { 'AC' . $_ x 32 } 1, 2;
my ($PORT, $STUB_PORT, $NODE_PORT) = free_ports(3);
my $HERE = "http://127.0.0.1:$PORT";
remember($CARD, $PIN, $MEMBER, "$CITY.", '0 7 1 9 3.');

make_path(map { "$TREE/$_" } qw(etc lib run public));
chmod 0755, $TREE, map { "$TREE/$_" } qw(lib run public);

# --- What the configurations speak of ----------------------------------------------------------------------------

my %FILE = (
    'ivr.key'            => $KEY{demo},
    'bank.key'           => $KEY{demo},
    'club.key'           => $KEY{other},
    'ivr.ring'           => "k1 $KEY{demo}",
    'ivr.token'          => $TOKEN{demo},
    'bank.token'         => $TOKEN{demo},
    'club.token'         => $TOKEN{other},
    'all-accounts.token' => "$FIRST $TOKEN{demo}\n$SECOND $TOKEN{other}",
    'sales.token'        => "$SECOND $TOKEN{other}",
);
write_secret("$TREE/etc/$_", "$FILE{$_}\n") for sort keys %FILE;
system("$ENV{ENCGATHER_OUT}/encgather", 'keygen', '--recipient', 'p256', "$TREE/etc/bank-2026.key") == 0 or die "encgather: status $?\n";

system('sqlite3', '-batch', "$TREE/members.db", <<"END_OF_SQL") == 0 or die "sqlite3: status $?\n";
CREATE TABLE members (number TEXT, city TEXT, club TEXT);
INSERT INTO members VALUES ('$MEMBER', '$CITY', '$CLUB');
END_OF_SQL
chmod 0644, "$TREE/members.db";
my ($authority) = CERT_create(CA => 1, subject => { CN => 'an authority' });
spew("$TREE/authorities.pem", PEM_cert2string($authority));

my %HERE = (
    '/srv/ivr/public'                    => "$TREE/public",
    'http://127.0.0.1:3000/ivr'          => "http://127.0.0.1:$STUB_PORT/record",
    '/var/lib/ivr/accounts.db'           => in_tree('conf/accounts.db'),
    '/var/lib/ivr/blind.db'              => "$TREE/blind.db",
    '/var/lib/ivr/members.db'            => "$TREE/members.db",
    '/etc/ssl/certs/ca-certificates.crt' => "$TREE/authorities.pem",
    '/run/php/ivr.sock'                  => "$TREE/php/socket",
    '/usr/local/lib/ivr'                 => "$TREE/lib",
    '/run/ivr/backend.sock'              => "$TREE/program/socket",
    'https://webhooks.twilio.com'        => "http://127.0.0.1:$STUB_PORT",
    'https://backend.example.com'        => "http://127.0.0.1:$NODE_PORT",
    'https://api.payments.example.com/v1/charges' => "http://127.0.0.1:$STUB_PORT/ok",
    '10.0.0.7'                           => '127.0.0.1',
    'http://127.0.0.1:3000/voice'        => "http://127.0.0.1:$STUB_PORT/record",
);

sub with_paths_of_here ($block) {
    my $any = join '|', map { quotemeta } sort keys %HERE;
    $block =~ s/($any)/$HERE{$1}/g;
    $block =~ s{/etc/apache2/}{$TREE/etc/}g;
    $block =~ s/\*:(?:80|443)\b/127.0.0.1:$PORT/g;
    return $block;
}

# --- Calls -------------------------------------------------------------------------------------------------------

# An agent that says another Host than it connects to, as name-based virtual hosts need it.
sub agent_for ($host) {
    my $agent = LWP::UserAgent->new(requests_redirectable => []);
    $agent->add_handler(request_prepare => sub ($request, @) { $request->header(Host => $host) });
    return $agent;
}

sub call ($path, $keys, %options) {
    return EncGather::Caller->new(url => "$HERE$path", token => $TOKEN{demo}, keys => $keys, %options)->place;
}

sub hears ($name, $what, $path, $keys, %options) {
    my $call = call($path, $keys, %options);
    my $last = @{ $call->{said} } ? $call->{said}[-1] : '';
    my $ok = like $last, $what, "$name: the caller hears it";
    diag $call->{error} if !$ok && $call->{error};
    return $ok;
}

sub is_refused ($name, $path, %options) {
    my $call = call($path, [], %options);
    return is $call->{exchanges}[0]{status}, 403, "$name: 403";
}

my $FOUND = qr/\Q$NUMBER\E|\Q$BALANCE\E/;

# --- Programs ----------------------------------------------------------------------------------------------------

# Where it counts they are installed.
sub with_program ($name, $program, $tests) {
    return $tests->($program) if $program;
    return fail("$name is not installed") if $ENV{CI};
    SKIP: { skip "$name is not installed", 1 }
    return;
}

sub listens ($at) {
    return sub () {
        return $at =~ m{^/} ? IO::Socket::UNIX->new(Peer => $at) : IO::Socket::INET->new(PeerAddr => "127.0.0.1:$at");
    };
}

sub serves ($name, $path, $directory, $at, @command) {
    my $daemon = EncGather::Daemon->new(dir => "$TREE/$directory", command => \@command, ready => listens($at),
        environment => { ENCGATHER_KEY_FILE => "$TREE/$directory/key" });
    write_secret("$TREE/$directory/key", "new $KEY{other}\nold $KEY{demo}\n");    # as while a key is being changed
    $> != 0 or chown scalar getpwnam(runtime_user()), scalar getgrnam(runtime_group()), "$TREE/$directory/key";
    ok $daemon->start, "$name: it runs" or diag $daemon->last_words;
    hears($name, qr/$DEMO_NUMBER|12\.55/, $path, [ $DEMO_CARD, $DEMO_PIN ]);
    hears("$name, a wrong PIN", qr/could not find/i, $path, [ $DEMO_CARD, '0000' ]);
    $daemon->power_cut;
    hears("$name, killed", qr/call again later/i, $path, [ $DEMO_CARD, $DEMO_PIN ]);
    ok $daemon->start, "$name: it comes back, whatever the dead one left" or diag $daemon->last_words;
    hears("$name, back at once", qr/$DEMO_NUMBER|12\.55/, $path, [ $DEMO_CARD, $DEMO_PIN ]);
    ok $daemon->stop, "$name: it stops";
    return;
}

# The pool as it is shipped, by a user who is not root and so can be nobody else.
sub php ($fpm) {
    make_path("$TREE/php");
    copy("$SCRIPTS/backend.php", "$TREE/lib/backend.php") or die "backend.php: $!";
    my ($user, $group) = (runtime_user(), runtime_group());
    my $pool = with_paths_of_here(slurp("$SCRIPTS/php-fpm-ivr.conf")) =~ s{/etc/ivr(?=[/\n])}{$TREE/php}gr =~ s{/backend\.key$}{/key}mgr;
    $pool =~ s/^(user|listen\.owner) = .*/$1 = $user/mg == 2 && $pool =~ s/^(group|listen\.group) = .*/$1 = $group/mg == 2 or fail('PHP: users');
    $pool =~ s/^(?:user|group|listen\.owner|listen\.group) *=.*\n//mg if $> != 0;    # root alone can give them away
    spew("$TREE/php/fpm.conf", "[global]\ndaemonize = no\nerror_log = $TREE/php/logs/fpm\n$pool");
    serves('PHP', '/encrypted-gather', 'php', "$TREE/php/socket", $fpm, '-n', '-F', '-y', "$TREE/php/fpm.conf");
    return;
}

sub closed_programs () {
    my $socket = "$TREE/program/socket";
    with_program('Node.js', program('node'), sub ($node) {
        serves('Node.js', '/encrypted-gather', 'program', $socket, $node, "$SCRIPTS/backend.js", $socket);
    });
    my $python = '/usr/bin/python3';
    my $can    = -x $python && system("$python -c 'import cryptography' 2>/dev/null") == 0;
    with_program('Python with cryptography', $can && $python, sub ($python) {
        serves('Python', '/encrypted-gather', 'program', $socket, $python, "$SCRIPTS/backend.py", $socket);
    });
    is request(POST => "127.0.0.1:$PORT", '/ivr-backend', body => '{}')->code, 403, 'programs: closed to the network';
    return;
}

my $MANUAL = slurp(in_tree('../conf/manual/recipes.md'));

# The manual's commands that make the table of the blind index, under the key that the file has now. True: all went well.
sub index_accounts ($keys) {
    write_secret("$TREE/etc/ivr.key", $keys);
    spew("$TREE/customers.tsv", join "\t", $CARD, $PIN, $NUMBER, "$BALANCE\n");
    my ($commands) = $MANUAL =~ /^## A database without the digits\n.*?^```sh\n(.*?)^```$/ms;
    $commands = with_paths_of_here($commands // 'false') =~ s/\bwww-data\b/runtime_group()/er;
    local $ENV{PATH} = "$ENV{ENCGATHER_OUT}:$ENV{PATH}";
    return system("set -e; cd $TREE; $commands") == 0;
}

ok index_accounts("old $KEY{demo}\n"), 'a blind index: the commands';
write_secret("$TREE/etc/ivr.key", "$KEY{demo}\n");
my $serving;    # the server that runs now

sub blind_index () {
    my ($old, $new) = ("old $KEY{demo}\n", "new $KEY{other}\n");
    my @tried = ([ 'one key' => $old ], [ 'a new one behind it', "$old$new" ], [ 'in front of it', "$new$old" ],
        [ 'the table anew', "$new$old", 1 ], [ 'and the old one gone', $new ]);
    for my $case (@tried) {
        my ($name, $keys, $fills) = @$case;
        $fills ? ok(index_accounts($keys), "a blind index: $name: the commands") : write_secret("$TREE/etc/ivr.key", $keys);
        ok $serving->graceful, "a blind index: $name: graceful";
        hears("a blind index: $name", $FOUND, '/encrypted-gather', [ $CARD, $PIN ]);
    }
    unlike slurp("$TREE/$_"), qr/\b(?:$CARD|$PIN)\b/, "a blind index: no digits in $_" for qw(blind.db rows.tsv);
    ok !-e "$TREE/customers.tsv", 'and not where they came from';
    write_secret("$TREE/etc/ivr.key", "$KEY{demo}\n");
    return;
}

my $stub = EncGather::Backend->new(port => $STUB_PORT, record => "$TREE/stub-requests");

# The two servers of the manual, one behind the other; what the first one carries only the second opens.
sub two_servers () {
    my %block  = map { @$_ } blocks($MANUAL);
    my $opener = private_server('recipe-opener', modules => \@MODULES, port => $NODE_PORT,
        conf => "TypesConfig /dev/null\n" . with_paths_of_here($block{'A server that opens what was sealed'}));
    ok $opener->start, 'two servers: the other one starts' or return diag $opener->error;
    hears('two servers', $FOUND, '/encrypted-gather', [ $CARD, $PIN ]);
    hears('two servers, a wrong PIN', qr/could not find/i, '/encrypted-gather', [ $CARD, '0000' ]);
    my @carried = grep { defined } map { /encryptedCardDigits=([\w.-]+)/ } map { $_->{target} // $_->{url} // '' }
        @{ call('/encrypted-gather', [ $CARD, $PIN ])->{exchanges} };
    is scalar(grep { /^ey[\w-]+\.\.(?:[\w-]+\.){2}[\w-]+\z/ } @carried), scalar @carried, 'two servers: what is carried is sealed';
    cmp_ok scalar @carried, '>=', 1, 'and something is';
    ok $opener->stop, 'two servers: the other one stops';
    log_is_clean($opener);
    return;
}

sub studio () {
    for my $case ([ $PIN, "outcome=found&account=$NUMBER" ], [ '0000', 'outcome=notfound' ]) {
        $stub->forget;
        call('/encrypted-gather', [ $CARD, $case->[0] ]);
        my ($request) = $stub->requests;
        is $request->{target}, "/v1/Accounts/AC0123/Flows/FW4567?FlowEvent=return&$case->[1]", "Studio: $case->[1]";
    }
    return;
}

sub application () {
    my @webhook = (CallSid => 'CA' . '6' x 32);
    my $signed  = post("127.0.0.1:$PORT", '/voice', \@webhook);
    is $signed->content, 'recorded', 'an application: what Twilio signed arrives';
    $stub->forget;
    is post("127.0.0.1:$PORT", '/voice', \@webhook, token => undef)->code, 403, 'an application: the rest gets 403';
    is_deeply [ $stub->requests ], [], 'and does not arrive';
    return;
}

my $LONG = '4111111111111111';
remember($LONG);

# What an application gets (target, signature, body), asked for by a code, of a menu's key, a card number and a PIN.
sub is_shielded ($name, $gets) {
    for my $case ([ '/ivr', '2' ], [ '/ivr', $LONG, 'a card number' ], [ '/ivr/pin', $PIN, 'a PIN' ]) {
        my ($path, $keyed, $secret) = @$case;
        my ($target, $signature, $body) = $gets->($path, [ CallSid => 'CA' . '6' x 32, Digits => $keyed ]);
        my @got = form_decode($body // '');
        my %got = @got;
        is $secret ? open_token($got{Digits} // '') : $got{Digits}, $keyed, "$name: " . ($secret ? "$secret is a token" : 'the key of a menu stays');
        is $signature, signature($TOKEN{demo}, "$HERE$path", \@got), 'and the signature is right';
    }
    return;
}

sub shielded_service () {
    is_shielded('Node.js behind a shield', sub ($path, $form) {
        $stub->forget;
        post("127.0.0.1:$PORT", $path, $form);
        my ($request) = $stub->requests;
        return ($request->{target}, $request->{headers}{'x-twilio-signature'}[0], $request->{body});
    });
    return;
}

my $CODE = '917';

# Through the shield into the application, and from there to the provider: what the application has, and what he gets.
sub shielded_payment () {
    my %token;
    for my $case ([ '/ivr', $LONG, 'card' ], [ '/ivr/cvc', $CODE, 'cvc' ]) {
        my ($path, $keyed, $field) = @$case;
        $stub->forget;
        post("127.0.0.1:$PORT", $path, [ CallSid => 'CA' . '6' x 32, Digits => $keyed ]);
        my ($request) = $stub->requests;
        my %got = form_decode($request->{body} // '');
        like $token{$field} = $got{Digits}, qr/^ey[\w-]+\.\./, "a payment in a form: the application has a token of the $field";
    }
    my @headers = ('Content-Type' => 'application/x-www-form-urlencoded', Authorization => 'Bearer x');
    my $pay = sub (%tokens) {
        $stub->forget;
        my $got = request(POST => "127.0.0.1:$PORT", '/v1/payment_methods', headers => \@headers,
            body => form_encode(type => 'card', 'card[number]' => $tokens{card}, 'card[exp_year]' => 2030, 'card[cvc]' => $tokens{cvc}));
        return $got->code . ' ' . join ' ', map { "$_->{headers}{authorization}[0] $_->{body}" } $stub->requests;
    };
    is $pay->(%token), '200 Bearer x ' . form_encode(type => 'card', 'card[number]' => $LONG, 'card[exp_year]' => 2030, 'card[cvc]' => $CODE),
        'a payment in a form: the provider has the number and the code';
    is $pay->(card => $token{cvc}, cvc => $token{card}), '400 ', 'a payment in a form: two that are swapped reach nobody';
    return;
}

sub payment_from_studio () {
    spew("$TREE/etc/studio.users", 'studio:{SHA}' . sha1_base64("x") . "=\n", 0644);
    my $pay = sub ($who) {
        $stub->forget;
        my $got = request(POST => "127.0.0.1:$PORT", '/pay-from-studio', body => sprintf('{"amount":1255,"source":{"number":"%s"}}', seal($LONG)),
            headers => [ 'Content-Type' => 'application/json', Authorization => 'Basic ' . encode_base64($who, '') ]);
        return $got->code . ' ' . join ' ', map { "$_->{headers}{authorization}[0] $_->{body}" } $stub->requests;
    };
    is $pay->('studio:x'), qq(200 Bearer KEY-OF-THE-API {"amount":1255,"source":{"number":"$LONG"}}), 'a payment from Studio: who gets the number';
    is $pay->('studio:y'), '401 ', 'a payment from Studio: not with another password';
    return;
}

# A front controller that says what it got.
sub shielded_php ($fpm) {
    make_path("$TREE/php");
    spew("$TREE/public/index.php", '<?php echo $_SERVER["REQUEST_URI"], "\n", $_SERVER["HTTP_X_TWILIO_SIGNATURE"], "\n", file_get_contents("php://input");', 0644);
    my ($user, $group) = (runtime_user(), runtime_group());
    my $whom = $> == 0 ? "user = $user\ngroup = $group\nlisten.owner = $user\nlisten.group = $group\n" : '';
    spew("$TREE/php/shield.conf", "[global]\ndaemonize = no\nerror_log = $TREE/php/logs/fpm\n[ivr]\n${whom}listen = $TREE/php/socket\npm = static\npm.max_children = 1\n");
    my $daemon = EncGather::Daemon->new(dir => "$TREE/php", command => [ $fpm, '-n', '-F', '-y', "$TREE/php/shield.conf" ], ready => listens("$TREE/php/socket"));
    ok $daemon->start, 'PHP behind a shield: it runs' or diag $daemon->last_words;
    is_shielded('PHP behind a shield', sub ($path, $form) { return split /\n/, post("127.0.0.1:$PORT", $path, $form)->content, 3 });
    ok $daemon->stop, 'PHP behind a shield: it stops';
    return;
}

# --- The recipes -------------------------------------------------------------------------------------------------

my @KILLED = (qr/EG0501/, qr/\[proxy:error\].*AH02454|\[proxy:error\].*AH00957/, qr/AH01114|AH01079/);

# Title => what is tried with it, and what is then in the error log, each at least once.
my %RECIPE = (
    'Behind a load balancer' => [ sub () {
        hears('a load balancer', $FOUND, '/encrypted-gather', [ $CARD, $PIN ], public_url => 'https://ivr.example.com');
        is_refused('signed for the inner address', '/encrypted-gather');
    }, qr/EG0301/ ],
    'Several Twilio accounts' => [ sub () {
        my @second = (params => [ AccountSid => $SECOND ], token => $TOKEN{other});
        my @first  = (params => [ AccountSid => $FIRST ]);
        hears('the first account', $FOUND, '/all', [ $CARD, $PIN ], @first);
        hears('the second one',    $FOUND, '/all', [ $CARD, $PIN ], @second);
        hears('in its own place',  $FOUND, '/sales', [ $CARD, $PIN ], @second);
        is_refused('the first one in the place of the second', '/sales', @first);
    }, qr/EG0301/ ],
    'Several virtual hosts' => [ sub () {
        hears('bank', $FOUND, '/encrypted-gather', [ $CARD, $PIN ],
            public_url => 'http://bank.example.com', agent => agent_for('bank.example.com'));
        my @club = (public_url => 'http://club.example.com', agent => agent_for('club.example.com'));
        hears('club', qr/^Welcome, member of \Q$CLUB\E\.$/, '/encrypted-gather', [$MEMBER], @club, token => $TOKEN{other});
        is_refused("the token of the other host", '/encrypted-gather', @club);
    }, qr/EG0301/ ],
    'Back to Twilio Studio' => [ \&studio ],
    'From Twilio Functions, without a change to the backend' => [ sub () {
        with_program('Node.js', program('node'), sub ($node) {
            serves('another server', '/encrypted-gather', 'moved', $NODE_PORT, $node, "$SCRIPTS/backend.js", $NODE_PORT);
        });
    }, qr/AH01873: Init: Session Cache is not configured/, @KILLED ],
    'A backend in PHP' => [ sub () {
        with_program('php-fpm', program('php-fpm', 'php-fpm[0-9]*'), \&php);
        is request(GET => "127.0.0.1:$PORT", '/ivr-backend')->code, 403, 'PHP: the script is closed to the network';
    }, qr/AH01630/, @KILLED ],
    'A backend in Node.js or Python' => [ \&closed_programs, qr/AH01630/, @KILLED ],
    'A server that cannot decrypt' => [ \&two_servers, qr/AH01873: Init: Session Cache is not configured/ ],
    'A server that opens what was sealed' => [ sub () {
        is request(POST => "127.0.0.1:$PORT", '/decrypt-gather', body => '{}', headers => [ 'Content-Type' => 'application/json' ])->code, 400, 'who may come gets an answer, without tokens 400';
    } ],
    'A payment API that wants the number' => [ sub () {
        $stub->forget;
        my $got = request(POST => "127.0.0.1:$PORT", '/pay', body => sprintf('{"amount":1255,"source":{"number":"%s"}}', seal($CARD)), headers => [ 'Content-Type' => 'application/json' ]);
        is $got->code, 200, 'a payment: the answer of the provider';
        my ($seen) = $stub->requests;
        is $seen && $seen->{body}, qq({"amount":1255,"source":{"number":"$CARD"}}), 'who gets the number';
    }, qr/AH01873: Init: Session Cache is not configured/ ],
    'An IVR that pays, with a payment API that takes forms' => [ \&shielded_payment, qr/AH01873: Init: Session Cache is not configured/, qr/EG0402/ ],
    'Twilio Studio: what can be shielded, and what not' => [ \&payment_from_studio, qr/AH01873: Init: Session Cache is not configured/, qr/AH01617/ ],
    'A database without the digits' => [ \&blind_index ],
    'Spoken answers' => [ sub () {
        hears('words', qr/\Q$CLUB\E/, '/encrypted-gather', [ "speech:$CITY.", 'speech:0 7 1 9 3.' ]);
        hears('words and keys', qr/\Q$CLUB\E/, '/encrypted-gather', [ "speech:$CITY", $MEMBER ]);
    } ],
    'An IVR in Node.js, Python or Ruby behind a shield' => [ \&shielded_service ],
    'An IVR in PHP behind a shield' => [ sub () { with_program('php-fpm', program('php-fpm', 'php-fpm[0-9]*'), \&shielded_php) } ],
    "Only Twilio's requests for an existing application" => [ \&application, qr/EG0302/, qr/AH01630/ ],
);

# Title and content of each block, in order.
sub blocks ($text) {
    my ($title, @blocks) = ('');
    while ($text =~ /^## ([^\n]*)$|^```apache\n(.*?)^```$/msg) {
        $title = $1 if defined $1;
        push @blocks, [ $title, $2 ] if defined $2;
    }
    return @blocks;
}

sub more_modules ($block) {
    my @basic = $block =~ /AuthType Basic/ ? qw(auth_basic authn_core authn_file authz_user) : ();
    return (@basic, $block =~ /RequestHeader/ ? 'headers' : (), $block =~ /^SSL/m ? 'ssl' : ());
}

my @blocks = blocks($MANUAL);
is_deeply [ sort map { $_->[0] } @blocks ], [ sort keys %RECIPE ], 'each configuration has its test, each test its configuration';

for my $n (0 .. $#blocks) {
    my ($title, $block)   = @{ $blocks[$n] };
    my ($try, @announced) = @{ $RECIPE{$title} || [ sub () { } ] };
    my $server = private_server("recipe-$n", modules => [ @MODULES, more_modules($block) ], port => $PORT,
        conf => "TypesConfig /dev/null\n" . with_paths_of_here($block));
    my ($rc, $output) = $server->configtest;
    is $output, "Syntax OK\n", "$title: httpd -t has nothing to say";
    is $rc, 0, "$title: and accepts it";
    $serving = $server;
    next if !ok $server->start, "$title: it starts" or diag $server->error;
    $try->();
    ok $server->stop, "$title: it stops";
    log_is_clean($server, @announced);
}

$stub->stop;
finish();
