# SPDX-License-Identifier: Apache-2.0
# Callers by the dozen: processes that place calls of every kind at an EncGather::Site, check each answer, and keep books
# on what the server should have counted.
package EncGather::Crowd;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Crypt::AuthEnc::GCM qw(gcm_encrypt_authenticate);
use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(sha256_hex);
use JSON::PP ();

use EncGather::Clients;
use EncGather::Connection;
use EncGather::Fixtures qw(%TOKEN);
use EncGather::Signature qw(signature form_encode);
use EncGather::Site;

use constant {
    SHOWN        => 20,                # wrong answers that one client describes
    WRONG_DIGITS => '730591826407',    # not what is asked for, and long enough not to be met by chance
};

my ($CARD_FIELD, $PIN_FIELD) = @{ +EncGather::Site::FIELDS };

# Of a hundred calls. Which one is of which kind depends on its number alone.
my %EVERY_KIND = (
    good => 59, wrong_card => 5, wrong_pin => 5, silent => 5, given_up => 3, nobody => 5, bad_signature => 4, unsigned => 2,
    broken_token => 3, foreign_token => 3, old_key => 3, guarded => 2, guarded_denied => 1,
);
my %KIND = (
    good => \&good, wrong_card => \&wrong_card, wrong_pin => \&wrong_pin, silent => \&silent, given_up => \&given_up,
    nobody => \&nobody, bad_signature => \&bad_signature, unsigned => \&unsigned, broken_token => \&broken_token,
    foreign_token => \&foreign_token, old_key => \&old_key, guarded => \&guarded, guarded_denied => \&guarded_denied,
    forged => \&forged,
);

# site     the EncGather::Site          clients   how many processes
# calls    of all clients together, or while => sub that says whether to go on
# kinds    { name => share of a hundred, ... }
# progress a handle that gets a byte for each call
sub start ($class, %options) {
    my $self = bless { kinds => \%EVERY_KIND, %options, pids => [] }, $class;
    $self->{schedule} = _schedule(%{ $self->{kinds} });
    $self->{results} = "$self->{site}{dir}/results-" . (defined $self->{name} ? $self->{name} : 'crowd');
    mkdir $self->{results};
    for my $number (0 .. $self->{clients} - 1) {
        push @{ $self->{pids} }, EncGather::Clients::start(sub { $self->_client($number) });
    }
    return $self;
}

# Waits for all; the sum of their books.
sub finish ($self) {
    my @failed = grep { !EncGather::Clients::finish($_) } @{ $self->{pids} };
    my %sum    = (expected => {}, wrong => [], lost => [], reopened => [], sent => 0, calls => 0, right => 0, refused => 0,
        abandoned => 0, died => scalar @failed);
    for my $number (0 .. $self->{clients} - 1) {
        open my $file, '<', "$self->{results}/$number" or next;
        my $books = JSON::PP->new->decode(do { local $/; <$file> });
        unlink "$self->{results}/$number";
        $sum{expected}{$_} += $books->{expected}{$_} for keys %{ $books->{expected} };
        push @{ $sum{$_} }, @{ $books->{$_} } for qw(wrong lost reopened);
        $sum{$_} += $books->{$_} for qw(sent calls right refused abandoned);
    }
    rmdir $self->{results};
    return \%sum;
}

# Spread evenly, so that the kinds come in the right proportion in every stretch.
sub _schedule (%kinds) {
    my @all = map { my $n = $kinds{$_}; my $kind = $_; map { [ ($_ + 0.5) / $n, $kind ] } 0 .. $n - 1 } sort keys %kinds;
    return [ map { $_->[1] } sort { $a->[0] <=> $b->[0] || $a->[1] cmp $b->[1] } @all ];
}

# --- One client, in a process of its own --------------------------------------------------------------------------------

sub _client ($self, $number) {
    srand 1 + $number;
    my $books = bless {
        site => $self->{site}, line => EncGather::Connection->new(port => $self->{site}->port, requests => 2 + $number % 9),
        expected => {}, wrong => [], calls => 0, right => 0, refused => 0, abandoned => 0, client => $number,
    }, __PACKAGE__;
    $books->{old_keys} = { map { $_ => $self->{site}->ring($_)->[-1][1] } qw(one two) };
    for (my $i = $number; $self->_goes_on($i); $i += $self->{clients}) {
        $books->_place_call($i, $self->{schedule}[ $i % @{ $self->{schedule} } ]);
        syswrite $self->{progress}, '.' if $self->{progress};
    }
    $books->{line}->close;
    $books->_write("$self->{results}/$number");
    return;
}

sub _goes_on ($self, $i) {
    return 0 if EncGather::Clients::is_alone();
    return $self->{while} ? $self->{while}->() : $i < $self->{calls};
}

sub _place_call ($self, $i, $kind) {
    $self->{name}  = ('one', 'two')[ int($i / 100 + $i) % 2 ];
    $self->{host}  = "$self->{name}.test";
    $self->{token} = $TOKEN{demo};
    $self->{kind}  = $kind;
    $self->{sid}   = 'CA' . md5_hex($i);
    $self->{calls}++;
    my @caller = EncGather::Site::caller_number($i);
    eval { $KIND{$kind}->($self, @caller); 1 } and return;
    die $@ unless $@ eq "lost\n";
    $self->{abandoned}++;
    return;
}

sub _write ($self, $path) {
    my %books = (map({ $_ => $self->{$_} } qw(expected wrong calls right refused abandoned)),
        map { $_ => $self->{line}->$_ } qw(lost reopened sent));
    open my $file, '>', "$path.new" or croak "$path: $!";
    print {$file} JSON::PP->new->encode(\%books);
    CORE::close($file) or croak "$path: $!";
    rename "$path.new", $path or croak "$path: $!";
    return;
}

# --- Requests ---------------------------------------------------------------------------------------------------------

# The answer; the call ends here when there is none.
sub _send ($self, $method, $target, $pairs, $token) {
    my $body    = $method eq 'POST' ? form_encode(@$pairs) : '';
    my @headers = ("Host: $self->{host}", 'User-Agent: EncGather-Server (load)');
    push @headers, 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: ' . length $body if $method eq 'POST';
    push @headers, 'X-Twilio-Signature: ' . signature($token, "http://$self->{host}$target", $pairs) if defined $token;
    my $request = join("\r\n", "$method $target HTTP/1.1", @headers) . "\r\n\r\n$body";
    return $self->{line}->exchange($request) || die "lost\n";
}

# A webhook, of which is known what it must come to: at (first, middle, last), result, status, pattern of the body, and
# further numbers that it adds one to.
sub _webhook ($self, $query, $pairs, %want) {
    my $target = '/gather' . (length $query ? "?$query" : '');
    my $token  = exists $want{token} ? $want{token} : $self->{token};
    my $answer = $self->_send(POST => $target, [ CallSid => $self->{sid}, @$pairs ], $token);
    my $host   = qq(host="$self->{host}");
    $self->_expect(qq(webhooks_total{$host,step="$want{at}",result="$want{result}"}),
        qq(signatures_total{$host,verdict="@{[$want{verdict} || 'valid']}"}),
        qq(handler_duration_seconds_count{$host,handler="encrypted-gather"}),
        ($want{at} eq 'first' && $want{result} eq 'asked' ? qq(calls_total{$host}) : ()),
        (map { qq(failures_total{$host,cause="$_"}) } _cause(%want)), @{ $want{counts} || [] });
    return $self->_judge($answer, $target, $want{status} || 200, $want{says});
}

# Why it failed, where it did.
my %CAUSE = (invalid => 'attempts', 'not-found' => 'no-account', malformed => 'request', unavailable => 'tag');

sub _cause (%want) {
    return ($want{verdict} || '') eq 'missing' ? 'unsigned' : 'signature' if $want{result} eq 'forbidden';
    return $CAUSE{ $want{result} } // ();
}

sub _expect ($self, @samples) {
    $self->{expected}{$_}++ for @samples;
    return;
}

sub _judge ($self, $answer, $target, $status, $says) {
    if ($answer->{status} != $status || $answer->{body} !~ $says) {
        push @{ $self->{wrong} }, "$self->{kind} $target: $answer->{status} $answer->{body}" if @{ $self->{wrong} } < SHOWN;
        push @{ $self->{wrong} }, 'and more' if @{ $self->{wrong} } == SHOWN;
        die "lost\n";
    }
    $self->{ $status == 200 ? 'right' : 'refused' }++;
    return $answer->{body};
}

# --- What is counted beside the webhook ---------------------------------------------------------------------------------

sub _seals ($self) { return qq(key_encryptions_total{ring="$self->{name}"}) }

sub _opened ($self, $which = 'ring') { return qq(key_decryptions_total{$which="$self->{name}"}) }

sub _backend ($self, $answer) {
    my $host = qq(host="$self->{host}");
    return (qq(backend_answers_total{$host,answer="$answer"}), qq(backend_duration_seconds_count{$host}));
}

sub _decrypts ($self, $result) {
    my $host = qq(host="$self->{host}");
    return (qq(decryptions_total{$host,result="$result"}), qq(handler_duration_seconds_count{$host,handler="decrypt-gather"}));
}

sub _looks_up ($self, $outcome) { return qq(lookups_total{host="$self->{host}",outcome="$outcome"}) }

# --- Steps of a call ----------------------------------------------------------------------------------------------------

my $TOKEN = qr/[0-9a-f]{64}/;

sub _asks ($self) {
    return $self->_webhook('', [], at => 'first', result => 'asked', says => qr/<Gather [^>]*step=getPin"/);
}

# The token of the card.
sub _keys_card ($self, $card) {
    my $body = $self->_webhook('step=getPin', [ Digits => $card ], at => 'middle', result => 'asked',
        says => qr/step=processData&amp;$CARD_FIELD=$TOKEN"/, counts => [ $self->_seals ]);
    return $body =~ /$CARD_FIELD=($TOKEN)/ ? $1 : '';
}

sub _keys_pin ($self, $token, $pin, %want) {
    return $self->_webhook("step=processData&$CARD_FIELD=$token", [ Digits => $pin ], at => 'last', %want);
}

sub _is_found ($self, $account, $balance, $card_key = 'ring') {
    return (result => 'found', says => qr/FOUND \Q$account\E \Q$balance\E</, counts => [ $self->_seals, $self->_opened($card_key),
        $self->_opened, $self->_backend('found'), $self->_decrypts('found'), $self->_looks_up('found') ]);
}

# --- Kinds of calls -----------------------------------------------------------------------------------------------------

sub good ($self, $card, $pin, $account, $balance) {
    $self->_asks;
    return $self->_keys_pin($self->_keys_card($card), $pin, $self->_is_found($account, $balance));
}

sub wrong_card ($self, $card, @more) {
    $self->_asks;
    $self->_webhook('step=getPin', [ Digits => WRONG_DIGITS ], at => 'middle', result => 'asked-again', says => qr/AGAIN.*attempt=2|attempt=2.*AGAIN/);
    return $self->_finish_after($card, @more);
}

sub silent ($self, $card, @more) {
    $self->_asks;
    $self->_webhook('step=getPin', [ Digits => '' ], at => 'middle', result => 'asked-again', says => qr/attempt=2/);
    return $self->_finish_after($card, @more);
}

sub _finish_after ($self, $card, $pin, $account, $balance) {
    return $self->_keys_pin($self->_keys_card($card), $pin, $self->_is_found($account, $balance));
}

sub wrong_pin ($self, $card, $pin, $account, $balance) {
    $self->_asks;
    my $token = $self->_keys_card($card);
    $self->_keys_pin($token, WRONG_DIGITS, result => 'asked-again', says => qr/$token&amp;attempt=2"/);
    return $self->_keys_pin($token, $pin, $self->_is_found($account, $balance));
}

sub given_up ($self, @) {
    $self->_asks;
    for my $attempt (1 .. 3) {
        $self->_webhook("step=getPin&attempt=$attempt", [ Digits => WRONG_DIGITS ], at => 'middle',
            $attempt < 3 ? (result => 'asked-again', says => qr/AGAIN/) : (result => 'invalid', says => qr/INVALID/));
    }
    return;
}

# A PIN that fits the form and no account.
sub nobody ($self, $card, $pin, @) {
    $self->_asks;
    my $other = sprintf '0%03d', ($pin + 1) % 1000;
    return $self->_keys_pin($self->_keys_card($card), $other, result => 'not-found', says => qr/NOBODY/, counts => [
        $self->_seals, $self->_opened, $self->_opened, $self->_backend('not-found'), $self->_decrypts('not-found'),
        $self->_looks_up('not-found') ]);
}

sub bad_signature ($self, $card, @more) {
    $self->_asks;
    $self->_webhook('step=getPin', [ Digits => $card ], at => 'middle', result => 'forbidden', verdict => 'invalid', status => 403,
        says => qr/./, token => $TOKEN{other});
    return $self->_finish_after($card, @more);
}

sub unsigned ($self, @) {
    return $self->_webhook('', [], at => 'first', result => 'forbidden', verdict => 'missing', status => 403, says => qr/./, token => undef);
}

sub forged ($self, @) {
    return $self->_webhook('', [], at => 'first', result => 'forbidden', verdict => 'invalid', status => 403, says => qr/./, token => $TOKEN{other});
}

sub broken_token ($self, $card, $pin, @) {
    $self->_asks;
    my $token = $self->_keys_card($card);
    return $self->_keys_pin(substr($token, 1), $pin, result => 'malformed', status => 400, says => qr/./);
}

# In the form of a token, but of a key that the server does not have.
sub foreign_token ($self, $card, $pin, @) {
    $self->_asks;
    return $self->_keys_pin(_seal($card, sha256_hex('encgather load key: of nobody')), $pin, result => 'unavailable', says => qr/UNAVAILABLE/,
        counts => [ $self->_seals, $self->_backend('refused'), $self->_decrypts('bad-token') ]);
}

# Under a key that does not seal any more.
sub old_key ($self, $card, $pin, $account, $balance) {
    $self->_asks;
    return $self->_keys_pin(_seal($card, $self->{old_keys}{ $self->{name} }), $pin, $self->_is_found($account, $balance, 'old'));
}

sub guarded ($self, @) {
    my $answer = $self->_send(GET => '/guarded/file', [], $self->{token});
    $self->_expect(qq(signatures_total{host="$self->{host}",verdict="valid"}));
    return $self->_judge($answer, '/guarded/file', 200, qr/^guarded$/);
}

sub guarded_denied ($self, @) {
    my $answer = $self->_send(GET => '/guarded/file', [], $TOKEN{other});
    $self->_expect(qq(signatures_total{host="$self->{host}",verdict="invalid"}), qq(denials_total{host="$self->{host}",result="forbidden"}),
        qq(failures_total{host="$self->{host}",cause="signature"}));
    return $self->_judge($answer, '/guarded/file', 403, qr/./);
}

# 1 or 0: whether the server finds a caller by a token that was sealed under this key.
sub opens_token_of ($class, $site, $name, $key) {
    my $self = bless { host => "$name.test", line => EncGather::Connection->new(port => $site->port) }, $class;
    my ($card, $pin, $account) = EncGather::Site::caller_number(7);
    my $target = "/gather?step=processData&$CARD_FIELD=" . _seal($card, $key);
    return $self->_send(POST => $target, [ Digits => $pin ], $TOKEN{demo})->{body} =~ /FOUND $account/ ? 1 : 0;
}

sub _seal ($plain, $key) {
    my $nonce = join '', map { chr int rand 256 } 1 .. 12;
    my ($ciphertext, $tag) = gcm_encrypt_authenticate('AES', pack('H*', $key), $nonce, '', $plain);
    return unpack 'H*', $nonce . $ciphertext . $tag;
}

1;
