# SPDX-License-Identifier: Apache-2.0
# The same set of webhooks for whatever server: good ones and all that goes wrong, each with a number of its own, so that
# digits in a file name the request that they came with. Answers are judged by what is in them, too.
package EncGather::Webhooks;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Crypt::AuthEnc::GCM qw(gcm_decrypt_verify gcm_encrypt_authenticate);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(sleep);

use EncGather::Fixtures qw(%KEY %TOKEN);
use EncGather::Http2 ();
use EncGather::Neighbours qw(WEBHOOKS SHIELDED);
use EncGather::Signature qw(signature form_encode form_decode);

use constant {
    LIMIT       => 4096,    # EncGatherMaxBody of these servers
    ANSWER_WAIT => 60,      # seconds
    FORM        => 'application/x-www-form-urlencoded; charset=UTF-8',
};

# port      of 127.0.0.1                 host      name in the Host header
# origin    what Twilio calls, else http://host
# over      tcp, tls, h2 (without TLS), or proxy (PROXY protocol)
# backend   the EncGather::Backend behind it
sub new ($class, %options) {
    my $self = bless { over => 'tcp', host => 'ivr.example.com', numbers => {}, %options }, $class;
    $self->{origin} ||= ($self->{over} eq 'tls' ? 'https' : 'http') . "://$self->{host}";
    return $self;
}

# Number => name of the request that it was used in.
sub numbers ($self) { return { map { $self->{numbers}{$_} => $_ } keys %{ $self->{numbers} } } }

# Name => status, with a word where the answer is not what it should be. The set is that of handlers, or that of shields.
sub send_all ($self, $shield = 0) {
    my @names = grep { /[a-z]/ } @{ $shield ? SHIELDED : WEBHOOKS };
    return { map { $_ => $self->_send_one($_) } @names };
}

# "NAME [Nx] METHOD TARGET signed|wrong|unsigned [pause=SECONDS] [with=NAME:VALUE] [Header:value ...]": the different statuses of N requests
# of a row's own, in order; DIGITS in the target is its number.
sub ask ($self, $line) {
    my ($name, $times, $method, $target, $how, @more) = $line =~ /^(\S+) (?:(\d+)x )?([A-Z]+) (\S+) (signed|wrong|unsigned)(.*)\z/
        or die "ask $line\n";
    my ($pause) = $more[0] =~ s/ pause=([\d.]+)// ? $1 : 0;
    my @field;
    push @field, $1, $2 while $more[0] =~ s/ with=(\w+):(\S+)//;
    my @headers = map { split /:/, $_, 2 } split ' ', $more[0];
    my $number  = $self->_number($name);
    my (@seen, $n);
    while ($n++ < ($times || 1)) {
        my $request = $self->_request($method, $target =~ s/DIGITS/$number/r, $method eq 'POST' ? [ _webhook($number), @field ] : [], sign => $how);
        push @{ $request->{headers} }, @headers;
        my $status = $self->_exchange($request, $pause)->{status};
        push @seen, $status if !@seen || $seen[-1] ne $status;
    }
    return ($name, join '/', @seen);
}

# --- The set ------------------------------------------------------------------------------------------------

my %SET = (
    question => [ POST => '/encrypted-gather', number => 0 ],
    step     => [ POST => '/encrypted-gather?step=getPin', verdict => \&_token ],
    last     => [ POST => '/encrypted-gather?step=processData&encryptedCardDigits=SEALED', verdict => \&_backend ],
    wrong    => [ POST => '/encrypted-gather?step=getPin', sign => 'wrong' ],
    unsigned => [ POST => '/encrypted-gather?step=getPin', sign => 'unsigned' ],
    get      => [ GET  => '/encrypted-gather?step=getPin&Digits=DIGITS' ],
    query    => [ POST => '/encrypted-gather?step=getPin&Digits=DIGITS' ],
    plain    => [ POST => '/encrypted-gather?step=getPin', type => 'text/plain' ],
    over     => [ POST => '/encrypted-gather?step=getPin', fill => LIMIT ],
    late     => [ POST => '/late?step=processData&encryptedCardDigits=SEALED', verdict => \&_twiml ],
    chunked  => [ POST => '/encrypted-gather?step=getPin', chunked => 1, verdict => \&_token ],
    voice    => [ POST => '/voice?a=b', verdict => \&_same ],
    'voice-wrong'     => [ POST => '/voice?a=b', sign => 'wrong' ],
    'voice-get'       => [ GET  => '/voice?Digits=DIGITS', verdict => \&_same ],
    'voice-get-wrong' => [ GET  => '/voice?Digits=DIGITS', sign => 'wrong' ],
    ivr      => [ POST => '/ivr?a=b', verdict => \&_shielded ],
    pay      => [ POST => '/pay', json => 'SEALED', verdict => \&_opened ],
    'ivr-chunked'   => [ POST => '/ivr', chunked => 1, verdict => \&_shielded ],
    'ivr-get'       => [ GET  => '/ivr?Digits=DIGITS&b=c', verdict => \&_shielded ],
    'ivr-wrong'     => [ POST => '/ivr', sign => 'wrong' ],
    'ivr-get-wrong' => [ GET  => '/ivr?Digits=DIGITS', sign => 'wrong' ],
    'ivr-over'      => [ POST => '/ivr', fill => LIMIT ],
    'ivr-late'      => [ POST => '/ivr/late' ],
    'pay-bad'       => [ POST => '/pay', json => 'DIGITS' ],
);

sub _send_one ($self, $name) {
    my ($method, $target, %how) = @{ $SET{$name} };
    my $number = $self->_number($name);
    $target =~ s/DIGITS/$number/;
    $target =~ s/SEALED/_seal('0000')/e;
    my @pairs = $method eq 'GET' ? () : _webhook(($how{number} // 1) ? $number : undef);
    push @pairs, Filling => 'x' x $how{fill} if $how{fill};
    @how{qw(body type sign)} = (_payment($how{json} eq 'SEALED' ? _seal($number) : $number), 'application/json', 'unsigned') if $how{json};
    my $request = $self->_request($method, $target, \@pairs, %how);
    $self->{backend}->forget;
    my $answer = $self->_exchange($request);
    my $word   = $how{verdict} && $answer->{status} == 200 ? $how{verdict}->($self, $answer, $number, $request) : '';
    return $answer->{status} . (length $word ? ":$word" : '');
}

sub _payment ($card) { return qq({"amount":5,"card":"$card"}) }

sub _number ($self, $name) {
    return $self->{numbers}{$name} ||= join '', 1 + int rand 9, map { int rand 10 } 2 .. 16;
}

# What Twilio sends.
sub _webhook ($digits) {
    return (AccountSid => 'AC' . 'a1' x 16, ApiVersion => '2010-04-01', CallSid => 'CA' . 'b2' x 16, CallStatus => 'in-progress',
        Called => '+15551230000', Caller => '+15550100', Direction => 'inbound', From => '+15550100', To => '+15551230000',
        defined $digits ? (Digits => $digits, FinishedOnKey => '#', msg => 'Gather End') : ());
}

sub _request ($self, $method, $target, $pairs, %how) {
    my $sign = $how{sign} // 'signed';
    my $text = ($how{type} // '') eq 'text/plain';
    my $url  = $self->{origin} . $target;
    my @signature = $sign eq 'unsigned' ? ()
        : ('X-Twilio-Signature' => signature($TOKEN{ $sign eq 'wrong' ? 'other' : 'demo' }, $url, $text ? [] : $pairs));
    return { method => $method, target => $target, chunked => $how{chunked}, body => $method eq 'POST' ? $how{body} // form_encode(@$pairs) : undef,
        headers => [ Host => $self->{host}, 'User-Agent' => 'TwilioProxy/1.1', Accept => '*/*',
            $method eq 'POST' ? ('Content-Type' => $how{type} // FORM) : (), @signature ] };
}

# --- Verdicts: a word for what is wrong ------------------------------------------------------------------------

sub _twiml ($self, $answer, @) { return $answer->{body} =~ /<Response>/ ? '' : 'other' }

sub _token ($self, $answer, $number, $request) {
    my ($action) = $answer->{body} =~ /action="([^"]*)"/ or return 'other';
    my ($sealed) = $action =~ /encryptedCardDigits=([0-9a-f]+)/ or return 'other';
    return 'token' if (_open($sealed) // '') ne $number;
    return $action =~ m{^\Q$self->{origin}\E/encrypted-gather\?} ? '' : 'action';
}

sub _backend ($self, $answer, $number, $request) {
    my ($call) = grep { $_->{path} eq '/ok' } $self->{backend}->requests or return 'backend';
    my $fields = eval { JSON::PP::decode_json($call->{body}) } or return 'backend';
    return (_open($fields->{encryptedPinDigits}) // '') eq $number ? '' : 'backend';
}

sub _same ($self, $answer, $number, $request) {
    my ($call) = grep { $_->{path} eq '/record' } $self->{backend}->requests or return 'absent';
    return 'target' if $call->{target} ne $request->{target} =~ s{^/voice}{/record}r;
    return $call->{body} eq ($request->{body} // '') ? '' : 'body';
}

# A token in the place of the number, all else as it was, and a signature that fits.
sub _shielded ($self, $answer, $number, $request) {
    my ($call) = grep { $_->{path} eq '/record' } $self->{backend}->requests or return 'absent';
    my ($sent, $got) = ("$request->{target} " . ($request->{body} // ''), "$call->{target} $call->{body}");
    my ($token) = $got =~ /Digits=([0-9a-f]{56,})/ or return 'token';
    return 'token' if (_open($token) // '') ne $number;
    $sent =~ s/$number/$token/;
    return 'target' if $call->{target} ne (split / /, $sent)[0] =~ s{^/ivr}{/record}r;
    return 'body' if $call->{body} ne ($sent =~ / (.*)/s)[0];
    my $want = signature($TOKEN{demo}, $self->{origin} . $call->{target} =~ s{^/record}{/ivr}r, [ form_decode($call->{body}) ]);
    return ($call->{headers}{'x-twilio-signature'} // [''])->[0] eq $want ? '' : 'signature';
}

sub _opened ($self, $answer, $number, $request) {
    my ($call) = grep { $_->{path} eq '/ok' } $self->{backend}->requests or return 'absent';
    return $call->{body} eq _payment($number) ? '' : 'body';
}

sub _seal ($plain) {
    my $nonce = join '', map { chr int rand 256 } 1 .. 12;
    my ($ciphertext, $tag) = gcm_encrypt_authenticate('AES', pack('H*', $KEY{demo}), $nonce, '', $plain);
    return unpack 'H*', $nonce . $ciphertext . $tag;
}

sub _open ($token) {
    return unless defined $token && $token =~ /^(?:[0-9a-f]{2}){28,}\z/;
    my ($nonce, $ciphertext, $tag) = pack('H*', $token) =~ /\A(.{12})(.*)(.{16})\z/s;
    return gcm_decrypt_verify('AES', pack('H*', $KEY{demo}), $nonce, '', $ciphertext, $tag);
}

# --- Over the wire ------------------------------------------------------------------------------------------------

sub _exchange ($self, $request, $pause = 0) {
    return $self->_by_http2($request) if $self->{over} eq 'h2';
    my $socket = $self->_connect or return { status => 0, body => '' };
    local $SIG{PIPE} = 'IGNORE';
    my $bytes = ($self->{over} eq 'proxy' ? "PROXY TCP4 203.0.113.7 127.0.0.1 40000 80\r\n" : '') . _head($request);
    print {$socket} $bytes;
    for my $piece ($pause ? unpack '(a20)*', $request->{body} : _body($request)) {
        print {$socket} $piece or last;
        sleep $pause if $pause;
        last if $pause && IO::Select->new($socket)->can_read(0);
    }
    return _parse(_read_all($socket));
}

sub _connect ($self) {
    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$self->{port}", Timeout => ANSWER_WAIT) or return;
    $socket->autoflush(1);
    return $socket unless $self->{over} eq 'tls';
    require IO::Socket::SSL;
    return IO::Socket::SSL->start_SSL($socket, SSL_verify_mode => 0, SSL_hostname => $self->{host});
}

sub _head ($request) {
    my @headers = @{ $request->{headers} };
    my @lines   = ("$request->{method} $request->{target} HTTP/1.1", 'Connection: close');
    while (my ($name, $value) = splice @headers, 0, 2) {
        push @lines, "$name: $value";
    }
    push @lines, $request->{chunked} ? 'Transfer-Encoding: chunked' : 'Content-Length: ' . length $request->{body} if defined $request->{body};
    return join("\r\n", @lines) . "\r\n\r\n";
}

sub _body ($request) {
    my $body = $request->{body} // '';
    return $body unless $request->{chunked};
    return ((map { sprintf "%x\r\n%s\r\n", length, $_ } unpack '(a100)*', $body), "0\r\n\r\n");
}

sub _read_all ($socket) {
    my $bytes = '';
    my $end   = time + ANSWER_WAIT;
    while (time < $end) {
        my $ready = $socket->can('pending') && $socket->pending || IO::Select->new($socket)->can_read(1);
        last if $ready && !sysread $socket, $bytes, 65536, length $bytes;
    }
    return $bytes;
}

sub _parse ($bytes) {
    my ($status, $body) = $bytes =~ m{\AHTTP/1\.[01] (\d{3}).*?\r\n\r\n(.*)\z}s or return { status => 0, body => '' };
    return { status => $status, body => $body };
}

sub _by_http2 ($self, $request) {
    my @headers = @{ $request->{headers} };
    my @fields = (':method' => $request->{method}, ':scheme' => 'http', ':authority' => $self->{host}, ':path' => $request->{target});
    while (my ($name, $value) = splice @headers, 0, 2) {
        push @fields, lc $name, $value if $name ne 'Host';
    }
    my $response = EncGather::Http2::exchange("127.0.0.1:$self->{port}", \@fields, $request->{body} // '') or return { status => 0, body => '' };
    return { status => $response->code, body => $response->content };
}

1;
