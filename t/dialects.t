# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# CI: no sanitizer
# Judges that are not ours: from the same data the builders of SignalWire's and Plivo's own packages write the same XML as
# the core. Telnyx has no builder: there a table of what its documentation lists.
use strict;
use warnings;
use utf8;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Spec;
use File::Temp;
use FindBin;
use JSON::PP ();
use Test::More;
use XML::LibXML;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp spew);
use EncGather::Twilio qw(what_is_missing give_up install run_node run scripts_in);

my $OUT  = File::Spec->rel2abs($ENV{ENCGATHER_OUT} || "$FindBin::Bin/../build/out");
my $work = File::Temp->newdir;
my $json = JSON::PP->new->utf8->canonical;

scripts_in('providers');
my $missing = what_is_missing() || install("$OUT/providers");
give_up($missing) if $missing;

# --- What is asked and said ------------------------------------------------------------------------------------------

my $TOKEN = '000102030405060708090a0b7630e52fe72e23669cfbdf872cdc83a470b014bf';

sub field ($name, %options) { return { name => $name, step => "ask-$name", least => 4, most => 4, timeout => 10, say => "$name?", %options } }

my @CALLS = (
    { fields => [ field('a') ] },
    { voice => 'WOMAN', fields => [ field('card', step => 'getLast4CC'), field('pin', step => 'getPin', timeout => 60, voice => 'MAN') ] },
    { voice => 'Polly.Lupe', language => 'es-US', again => 'No le he entendido.', fields => [
        field('tarjeta', least => 13, most => 19, finish => '#', say => 'El número & <su> "tarjeta", ¿sí?'),
        field('caducidad', language => 'es-MX'), field('cvv', most => 3, finish => '*', play => 'https://ivr.example.com/cvv.wav?a=1&b=<2>'),
        field('nombre', input => 'speech', say => 'Nombre 😀 例え'), field('otro', input => 'dtmf+speech', say => q(It's "PIN")) ] },
    { again => 'Once more: <a> & "b".', voice => q(Polly.o'dd & <more>), fields => [ field('last', most => 32, say => ']]> &amp; %{a} %41') ] },
);
my @SENTENCES = (
    { text => 'Nothing more.' }, { text => '¿A & <B>?', voice => 'WOMAN', language => 'en-US' },
    { text => 'On', redirect => 'https://webhooks.example.com/flow?a=1&outcome=found&account=A%20%26+B' }, { text => 'Dial', dial => '+15551234567' },
);

# Each question, the first time and again; each sentence.
sub cases_of ($provider, %more) {
    my @cases;
    for my $call (@CALLS) {
        my %ask = (%$call, %more, provider => $provider, origin => 'https://ivr.example.com:8443', path => '/encrypted-gather');
        my $again = delete $ask{again};
        for my $n (0 .. $#{ $call->{fields} }) {
            my %here = (%ask, field => $n, tokens => [ ($TOKEN) x $n ]);
            push @cases, { %here, attempt => 1 }, { %here, attempt => 3, defined $again ? (again => $again) : () };
        }
    }
    return @cases, map { { %$_, provider => $provider } } @SENTENCES;
}

sub written (@cases) {
    spew("$work/cases", join '', map { $json->encode($_) . "\n" } @cases);
    is run(command => ["$OUT/judge/answer"], input => "$work/cases", output => "$work/ours"), 0, 'the core writes';
    return split /\n/, slurp("$work/ours");
}

sub canonical ($xml) {
    my $document = eval { XML::LibXML->new(no_network => 1, load_ext_dtd => 0)->load_xml(string => $xml) };
    return $document ? $document->toStringC14N : "not well-formed: $xml";
}

# --- By their builders -------------------------------------------------------------------------------------------------

for my $provider (qw(signalwire plivo)) {
    my @cases = cases_of($provider);
    my @ours  = written(@cases);
    run_node('answer.js', [], input => "$work/cases", output => "$work/theirs");
    my @theirs = split /\n/, slurp("$work/theirs");
    is_deeply [ scalar @ours, scalar @theirs ], [ (scalar @cases) x 2 ], "$provider: an answer for each case";
    my %different;
    for my $n (0 .. $#cases) {
        my $want = canonical($theirs[$n]);
        is canonical($ours[$n]), $want, "$provider: case $n";
        $different{$want} = 1;
    }
    is scalar keys %different, @cases, "$provider: which are different from each other";
}

# --- Telnyx, by its documentation ----------------------------------------------------------------------------------------

# https://developers.telnyx.com/docs/voice/programmable-voice/texml-verbs: what each verb has, and values it takes.
my %TEXML = (
    Response => {},
    Gather   => { action => qr{^https://}, input => qr/^(?:dtmf|speech|dtmf speech)\z/, timeout => qr/^(?:[1-9]|[1-9]\d|1[01]\d|120)\z/,
        finishOnKey => qr/^[0-9*#]\z/, numDigits => qr/^(?:[1-9]|[1-9]\d|1[01]\d|12[0-8])\z/ },
    Say      => { voice => qr/./, language => qr/^[a-z]{2}-[A-Z]{2}\z/ },
    Play     => {},
    Redirect => { method => qr/^(?:GET|POST)\z/ },
    Dial     => {},
);
my %MAY_HOLD = (Response => qr/^(?:Gather|Say|Redirect|Dial)\z/, Gather => qr/^(?:Say|Play)\z/);

sub strange ($element) {
    my $name  = $element->nodeName;
    my $known = $TEXML{$name} or return "<$name>";
    my @wrong = map { "<$name " . $_->nodeName . '="' . $_->value . '">' }
        grep { my $good = $known->{ $_->nodeName }; !$good || $_->value !~ $good } $element->attributes;
    for my $child (grep { $_->nodeType == XML_ELEMENT_NODE } $element->childNodes) {
        push @wrong, "<$name> with <" . $child->nodeName . '>' unless $MAY_HOLD{$name} && $child->nodeName =~ $MAY_HOLD{$name};
        push @wrong, strange($child);
    }
    return @wrong;
}

my $SIG   = 'Q' x 43;
my @cases = cases_of(telnyx => sig => $SIG);
my @ours  = written(@cases);
is scalar @ours, scalar @cases, 'telnyx: an answer for each case';
for my $n (0 .. $#cases) {
    my $root = XML::LibXML->load_xml(string => $ours[$n])->documentElement;
    is_deeply [ strange($root) ], [], "telnyx: case $n has what is documented, and nothing else";
    my ($gather, $redirect, @more) = $root->childNodes;
    next unless $cases[$n]{fields};
    my $action = $gather->getAttribute('action');
    like $action, qr/&sig=$SIG\z/, "telnyx: case $n: the sig is at the end of action";
    is $redirect->textContent, $action, "telnyx: case $n: silence arrives there as well";
    is_deeply \@more, [], "telnyx: case $n: and nothing follows";
}
is_deeply [ written(map { { provider => $_, text => 'x' } } qw(jambonz freeclimb standardwebhooks)) ], [ ('null') x 3 ], 'others have no dialect';

done_testing();
