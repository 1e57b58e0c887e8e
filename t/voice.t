# SPDX-License-Identifier: Apache-2.0
# A judge that is not ours: from the same data Twilio's own builder of TwiML writes the same XML as the module.
# needs: httpd
# CI: no sanitizer
use strict;
use warnings;
use utf8;
use feature 'signatures';
no warnings 'experimental::signatures';

use Encode qw(encode_utf8);
use File::Temp;
use FindBin;
use HTTP::Tiny;
use JSON::PP ();
use Test::More;
use XML::LibXML;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp spew);
use EncGather::Fixtures qw(%KEY %TOKEN write_secret);
use EncGather::Httpd qw(httpd modules_dir mpms);
use EncGather::Logs qw(alarms);
use EncGather::Server;
use EncGather::Signature qw(signature form_encode);
use EncGather::Twilio qw(what_is_missing give_up install run_node);

# Ctrl-C must still run destructors, which stop the server.
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

my $OUT  = $ENV{ENCGATHER_OUT} || "$FindBin::Bin/../build/out";
my $work = File::Temp->newdir;
my $json = JSON::PP->new->utf8->canonical;
my $server;

my $ANY_TOKEN = '000102030405060708090a0b7630e52fe72e23669cfbdf872cdc83a470b014bf';

# --- What is asked and said ------------------------------------------------------------------------------------

# Calls as an operator configures them: the fields with their options, and what holds for all of them.
my @CALLS = (
    { fields => [ { name => 'a', say => 'Number?' } ] },
    { fields => [ { name => 'card', step => 'getLast4CC', digits => '4', say => 'Card?' }, { name => 'pin', step => 'getPin', say => 'PIN?' } ] },
    { voice => 'alice', fields => [ { name => 'a', say => 'A?' }, { name => 'b', say => 'B?', voice => 'man' } ] },
    { voice => 'Polly.Lupe', language => 'es-US', again => 'No le he entendido.', fields => [
        { name => 'tarjeta', digits => '13-19', finish => '#', check => 'luhn', timeout => '15', say => 'El número & <su> "tarjeta", ¿sí?' },
        { name => 'caducidad', digits => '4', language => 'es-MX', say => 'Caducidad' },
        { name => 'cvv', digits => '3-4', finish => '*', play => 'https://ivr.example.com/cvv.wav?a=1&b=<2>' },
        { name => 'pin', step => 'pedir-PIN_2', timeout => '600', say => q(It's "PIN") },
        { name => 'nombre', input => 'speech', voice => 'Polly.Mia', language => 'es-MX', say => 'Nombre 😀 例え' } ] },
    { again => 'Once more: <a> & "b".', fields => [ { name => 'either', input => 'dtmf+speech', digits => '1-32', finish => '0', say => 'Either?' },
        { name => 'spoken', input => 'speech', timeout => '1', say => " blanks \t and tab " }, { name => 'last', digits => '1', play => '/last.wav' } ] },
    { voice => q(o'dd "voice" & <more>), language => 'x&y', fields => [ { name => 'a', say => ']]> &amp; %{a} %41' } ] },
    { fields => [ map { { name => "field$_", step => "ask$_", digits => "$_", say => "Number $_?" } } 1 .. 16 ] },
);

my @MEMBERS = (
    { account => 'AC12345678', balance => '12.50' },
    { account => 'A & B <"x"> \'y\'', balance => ']]> &lt;' },
    { account => 'Zoë 日本 😀', balance => "tab\tline\nend" },
    { account => "carriage\rreturn", balance => '' },
    { account => 'a b+c&d=e%f#g?h/i', balance => '%{account}' },
    { account => "\x7f\x{85}\x{a0}\x{2028}\x{fffd}", balance => '  ' },
);

my @SENTENCES = (
    { text => 'Nothing of the backend.' },
    { text => 'Account %{spell:account}, balance %{balance}.' },
    { text => '%{account}%{balance}', voice => 'alice' },
    { text => '¿%{account} & <%{balance}>?', voice => 'Polly.Lupe', language => 'es-US' },
    { text => 'On: %{account}', redirect => 'https://webhooks.example.com/flow?a=1&outcome=%{outcome}&account=%{account}&balance=%{balance}' },
    { text => 'Dial', dial => '+15551234567' },
    { text => 'Bye %{balance}', hangup => 1, voice => 'Google.en-GB-Standard-A', language => 'en-GB' },
);

# An argument of a directive, whatever is in it.
sub quoted ($text) { return '"' . ($text =~ s/([\\"])/\\$1/gr) . '"' }

sub at ($path, @lines) { return join "\n", qq(<Location "$path">), @lines, '</Location>', '' }

sub field_line ($field) {
    my %options = %$field;
    my $name    = delete $options{name};
    return join ' ', "EncGatherField $name", map { "$_=" . quoted($options{$_}) } sort keys %options;
}

sub voice_line ($from) {
    return () unless grep { defined } @$from{qw(voice language)};
    return join ' ', 'EncGatherVoice', map { quoted($_) } grep { defined } @$from{qw(voice language)};
}

# A location for each call, and one for each sentence; a backend that finds the members by their number.
sub configuration () {
    my @then = qw(redirect dial hangup);
    my $calls = join '', map {
        my $call = $CALLS[$_];
        at("/call/$_", voice_line($call), (map { field_line($_) } @{ $call->{fields} }),
            defined $call->{again} ? 'EncGatherSay again ' . quoted($call->{again}) : ());
    } 0 .. $#CALLS;
    my $sentences = join '', map {
        my $say = $SENTENCES[$_];
        my ($then) = grep { $say->{$_} } @then;
        at("/say/$_", 'EncGatherField number digits=1 say=Number?', voice_line($say), 'EncGatherSay found ' . quoted($say->{text}),
            defined $then ? 'EncGatherThen found ' . quoted($then eq 'hangup' ? $then : "$then=$say->{$then}") : ());
    } 0 .. $#SENTENCES;
    return encode_utf8(<<"CONF");
DBDriver sqlite3
DBDParams "$work/members.db"
EncGatherKeyFile conf/key
EncGatherAuthTokenFile conf/token
<Location "/">
    SetHandler encrypted-gather
    EncGatherBackend /find
</Location>
<Location "/find">
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account, balance FROM members WHERE number = %s" number
</Location>
$calls
$sentences
CONF
}

sub sql_text ($text) {
    return "CAST(x'" . unpack('H*', encode_utf8($text)) . "' AS TEXT)";
}

sub start_server () {
    my ($mpm) = mpms();    # event, where it can be had
    spew("$work/members.sql", join '', "CREATE TABLE members (number TEXT, account TEXT, balance TEXT);\n",
        map { "INSERT INTO members VALUES ('$_', " . join(', ', map { sql_text($_) } @{ $MEMBERS[$_] }{qw(account balance)}) . ");\n" } 0 .. $#MEMBERS);
    system('sqlite3', '-batch', "$work/members.db", ".read $work/members.sql") == 0 or die "sqlite3: status $?\n";
    chmod 0644, "$work/members.db" or die "$work/members.db: $!\n";
    $server = EncGather::Server->new(
        dir         => "$work",
        httpd       => httpd(),
        modules_dir => modules_dir(),
        mpm         => $mpm,
        module      => "$OUT/mod_encgather.so",
        modules     => [qw(authn_core authz_host dbd)],
        conf        => configuration(),
    );
    write_secret("$work/conf/key",   "$KEY{demo}\n");
    write_secret("$work/conf/token", "$TOKEN{demo}\n");
    return $server->start;
}

# --- What the module writes, and what the builder is to write -----------------------------------------------------------

sub webhook ($target, @pairs) {
    my $url      = $server->url($target);
    my $response = HTTP::Tiny->new->post($url, {
        content => form_encode(@pairs),
        headers => { 'Content-Type' => 'application/x-www-form-urlencoded', 'X-Twilio-Signature' => signature($TOKEN{demo}, $url, \@pairs) },
    });
    return $response->{content};
}

# A pair of a name and the TwiML of the module for each case, and the cases for the builder.
my (@names, @written, @cases);

sub add_case ($name, $written, $case) {
    push @names,   $name;
    push @written, $written;
    push @cases,   $case;
    return;
}

sub step_of ($fields, $n) {
    return 'processData' if $n == @$fields;
    return defined $fields->[$n]{step} ? $fields->[$n]{step} : $fields->[$n]{name};
}

# Each question of a call: as it is asked first, where the module makes the last of the tokens, and as it is asked again.
sub ask_all ($number, $call) {
    my @fields = @{ $call->{fields} };
    my @names  = map { $_->{name} } @fields;
    my $target = sub ($step, $carried) {
        return "/call/$number?step=" . step_of(\@fields, $step) . join '', map { "&$names[$_]=$ANY_TOKEN" } 0 .. $carried - 1;
    };
    my %ask    = (%$call, origin => $server->url('') =~ s{/\z}{}r, path => "/call/$number", attempt => 1);
    for my $n (0 .. $#fields) {
        my $before  = $n ? $names[ $n - 1 ] : '';
        my @answer  = $n ? answer_to($fields[ $n - 1 ]) : ();
        my $first   = $n ? webhook($target->($n, $n - 1), @answer) : webhook("/call/$number");
        my ($token) = $first =~ /\b\Q$before\E=([0-9a-f]{56,})/;
        my @tokens  = $n ? (($ANY_TOKEN) x ($n - 1), $token) : ();
        add_case("call $number, field $n", $first, { ask => { %ask, field => $n, tokens => \@tokens } });
        for my $attempt (2, 3) {
            my $again = webhook($target->($n + 1, $n) . '&attempt=' . ($attempt - 1), Digits => '*');
            add_case("call $number, field $n, attempt $attempt", $again,
                { ask => { %ask, field => $n, tokens => [ ($ANY_TOKEN) x $n ], attempt => $attempt } });
        }
    }
    return;
}

sub answer_to ($field) {
    return (SpeechResult => 'what was said') if ($field->{input} || '') eq 'speech';
    my ($least) = ($field->{digits} || '4') =~ /^(\d+)/;
    return (Digits => '0' x $least);    # its check digit is right, too
}

sub tell_all ($number, $sentence) {
    for my $n (0 .. $#MEMBERS) {
        my $written = webhook("/say/$number?step=processData", Digits => $n);
        add_case("sentence $number, members $n", $written, { tell => { %$sentence, members => $MEMBERS[$n], outcome => 'found' } });
    }
    return;
}

sub canonical ($xml) {
    my $document = eval { XML::LibXML->new(no_network => 1, load_ext_dtd => 0)->load_xml(string => $xml) };
    return $document ? $document->toStringC14N : "not well-formed: $xml";
}

sub compare () {
    spew("$work/cases", $json->encode(\@cases));
    run_node('voice.js', [], input => "$work/cases", output => "$work/built");
    my @built = @{ $json->decode(slurp("$work/built")) };
    is(scalar @built, scalar @cases, scalar @cases . ' cases');
    my %different;
    for my $n (0 .. $#cases) {
        my $want = canonical($built[$n]);
        is(canonical($written[$n]), $want, $names[$n]);
        $different{$want} = 1;
    }
    my @without_members = grep { $_->{text} !~ /%\{/ } @SENTENCES;
    is(scalar keys %different, @cases - @without_members * $#MEMBERS, 'which are different from each other');
    return;
}

sub main () {
    my $missing = what_is_missing() || install("$OUT/twilio");
    give_up($missing) if $missing;
    if (ok(start_server(), 'the server starts')) {
        ask_all($_, $CALLS[$_]) for 0 .. $#CALLS;
        tell_all($_, $SENTENCES[$_]) for 0 .. $#SENTENCES;
        compare();
        ok($server->stop, 'the server stops');
        is_deeply([ alarms($server->error_log) ], [], 'nothing in its error log');
    }
    else {
        diag($server->error);
    }
    done_testing();
    return;
}

main();
