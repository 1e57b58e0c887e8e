# SPDX-License-Identifier: Apache-2.0
# Places one call as Twilio or another provider does: signs and sends the webhooks, follows the XML, keys in digits,
# notes what is heard.
package EncGather::Caller;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use HTTP::Cookies;
use HTTP::Request;
use LWP::UserAgent;
use Time::HiRes qw(time);
use URI;
use XML::LibXML;

use EncGather::Provider;
use EncGather::Signature qw(form_encode);

my %DEFAULT = (
    provider     => 'twilio',
    method       => 'POST',
    keys         => [],
    params       => [],
    max_requests => 50,
    follow       => 1,
    ssl_opts     => {},
);

# url             the webhook, as it can be reached from here
# provider        who calls: twilio, signalwire, telnyx or plivo
# token           the secret that signs (of Telnyx: { tool, file }); undef sends unsigned requests
# public_url      the origin under which Twilio is said to know the server, and the path that a proxy
#                 takes off: this is signed, but fetched without it from the origin of url
# connect_to      ADDRESS or ADDRESS:PORT that takes the connections for the host of url (and for its port: of the same
#                 host there may be others); no proxy stands between; nothing else changes
# params          webhook parameters (bytes), laid over realistic ones; undef as a value leaves the
#                 parameter out
# keys            what the caller does at each <Gather>: '1234', 'speech:...', undef for silence; or
#                 a code ref that is called with the facts of the <Gather> and returns one of these
# follow          whether the call goes on at another host than that of url and public_url (default: yes)
# without_digits  an empty <Gather> is reported without the parameter Digits (Twilio does both)
# on              called with (event, data) for each request, answer, verb, keys and end
# method, max_requests, timeout, ssl_opts (as for LWP), agent (an LWP::UserAgent to use as it is)
sub new ($class, %options) {
    my $self = bless { %DEFAULT, %options }, $class;
    croak 'EncGather::Caller needs a url' unless defined $self->{url};
    $self->{row} = EncGather::Provider->named($self->{provider}) or croak "no provider '$self->{provider}'";
    $self->{timeout} //= $self->{row}{timeout};
    $self->{origin} = _origin($self->{url});
    $self->{public} = _origin(defined $self->{public_url} ? $self->{public_url} : $self->{url});
    $self->{prefix} = defined $self->{public_url} ? substr($self->{public_url}, length $self->{public}) =~ s{/\z}{}r : '';
    ref $_ or _check_keys($_) for ref $self->{keys} eq 'ARRAY' ? @{ $self->{keys} } : ();
    return $self;
}

# Places the call; returns what happened:
#   ended      hangup, end (the TwiML ran out), rejected, loop (max_requests), elsewhere (not followed; then also
#              elsewhere, the URL, and asked, whether keys would have gone there), error (then also error and code,
#              the number under which Twilio's console would file it, if it would)
#   said       the texts spoken, in order
#   verbs      every verb that was carried out: { name attributes text nested }
#   exchanges  [{ method url sent foreign form signature status headers body verbs seconds }, ...]; url is what was
#              signed for, sent is where it went, foreign whether that is another host, form a flat list, signature the
#              headers that sign, as name, value, ..., headers an HTTP::Headers
sub place ($self) {
    my $call = { said => [], verbs => [], exchanges => [] };
    local $self->{state} = $self->_state;
    my $done = eval { $self->_talk($call); 1 };
    $self->_note_failure($call, $@) unless $done;
    $self->_tell(end => $call);
    return $call;
}

sub _state ($self) {
    my %seen;
    return {
        seen   => \%seen,
        agent  => $self->_agent(\%seen),
        keys   => ref $self->{keys} eq 'ARRAY' ? [ @{ $self->{keys} } ] : [],
        params => $self->_parameters,
        status => 'ringing',
        url    => $self->{public} . $self->{prefix} . substr($self->{url}, length $self->{origin}),
    };
}

sub _talk ($self, $call) {
    my $next = { method => $self->{method}, url => $self->{state}{url}, form => [] };
    while ($next) {
        _stop(loop => 'no end after ' . @{ $call->{exchanges} } . ' requests')
            if @{ $call->{exchanges} } >= $self->{max_requests};
        my $verbs = $self->_exchange($call, $next);
        $self->{state}{status} = 'in-progress';
        $next = $self->_run($call, @$verbs);
    }
    $call->{ended} ||= 'end';
    return;
}

# --- Failures -------------------------------------------------------------------------------------

sub _fail ($code, $text) {
    die { ended => 'error', code => $code, error => $text };
}

sub _stop ($ended, $text) {
    die { ended => $ended, error => $text };
}

# Anything else that died is a fault of this program or of its user and goes on upwards.
sub _note_failure ($self, $call, $failure) {
    die $failure unless ref $failure eq 'HASH';
    %$call = (%$call, %$failure);
    return;
}

sub _tell ($self, $event, $data) {
    $self->{on}->($event, $data) if $self->{on};
    return;
}

# --- The request ----------------------------------------------------------------------------------

sub _agent ($self, $seen) {
    return $self->{agent} if $self->{agent};
    my $agent = LWP::UserAgent->new(
        agent                 => $self->{row}{agent},
        keep_alive            => 4,
        cookie_jar            => HTTP::Cookies->new,
        timeout               => $self->{timeout},
        requests_redirectable => [],
        ssl_opts              => { SSL_verify_callback => _verdict_into($seen), %{ $self->{ssl_opts} } },
    );
    $agent->send_te(0) if $agent->can('send_te');    # Twilio sends no TE header
    return $agent;
}

# OpenSSL's verdict on a certificate is noted as it comes: the error that IO::Socket::SSL makes of it does not tell an
# expired one from a stranger's.
sub _verdict_into ($seen) {
    return sub ($good, $store, @) {
        $seen->{certificate} = Net::SSLeay::X509_STORE_CTX_get_error($store) unless $good;
        return $good;
    };
}

my @HEX = (0 .. 9, 'a' .. 'f');

sub _random_hex ($length) {
    return join '', map { $HEX[ rand @HEX ] } 1 .. $length;
}

# The parameters that every webhook of the call carries.
sub _parameters ($self) {
    my %given = @{ $self->{params} };
    my $from  = defined $given{From} ? $given{From} : '+15551234567';
    my $to    = defined $given{To}   ? $given{To}   : '+15558675310';
    return $self->_overlay($self->{row}{parameters}->($from, $to));
}

sub _overlay ($self, @defaults) {
    my @given = @{ $self->{params} };
    my %given = @given;
    return [ _pairs_where(sub ($name, $value) { !exists $given{$name} }, @defaults),
             _pairs_where(sub ($name, $value) { defined $value }, @given) ];
}

sub _pairs_where ($wanted, @pairs) {
    my @kept;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        push @kept, $name, $value if $wanted->($name, $value);
    }
    return @kept;
}

# Everything that this request carries, in the order in which Twilio writes it: by name.
sub _form ($self, @of_this_step) {
    my %given = @{ $self->{params} };
    my @pairs = @{ $self->{state}{params} };
    push @pairs, CallStatus => $self->{state}{status} if $self->{row}{status} && !exists $given{CallStatus};
    push @pairs, @of_this_step;
    my @names = sort { $pairs[$a] cmp $pairs[$b] || $a <=> $b } grep { $_ % 2 == 0 } 0 .. $#pairs;
    return map { @pairs[ $_, $_ + 1 ] } @names;
}

# One webhook and its answer, noted in the call; returns the verbs of the answer.
sub _exchange ($self, $call, $next) {
    my %exchange = (method => $next->{method}, form => [ $self->_form(@{ $next->{form} }) ]);
    $exchange{url}  = _target($next, $exchange{form});
    $exchange{sent} = $self->_reachable($exchange{url});
    $exchange{foreign} = !$self->_is_ours($exchange{url});
    $self->{state}{url} = $next->{url};
    push @{ $call->{exchanges} }, \%exchange;
    my $request = $self->_signed_request(\%exchange);
    $self->_tell(request => \%exchange);

    my $response = $self->_send($request, \%exchange);
    $exchange{status}  = $response->code;
    $exchange{headers} = $response->headers;
    $self->_tell(answer => \%exchange);
    $exchange{verbs} = $self->_read_answer($response, $exchange{body});
    return $exchange{verbs};
}

# A GET carries its parameters in the query, appended by Twilio to whatever is there.
sub _target ($next, $form) {
    return $next->{url} if $next->{method} eq 'POST';
    return $next->{url} . ($next->{url} =~ /\?/ ? '&' : '?') . form_encode(@$form);
}

sub _origin ($url) {
    return $url =~ m{^(https?://[^/?#]+)}i ? $1 : croak "no http or https URL: $url";
}

sub _reachable ($self, $url) {
    my $origin = _origin($url);
    return $url unless URI->new($origin)->canonical eq URI->new($self->{public})->canonical;
    return $self->{origin} . substr($url, length $origin) =~ s{^\Q$self->{prefix}\E(?=[/?]|\z)}{}r;
}

sub _send ($self, $request, $exchange) {
    my ($start, $body) = (time, '');
    my @way = $exchange->{foreign} || !defined $self->{connect_to} ? () : $self->_way_to($request->uri);
    $self->{state}{agent}->no_proxy($request->uri->host) if @way;
    $self->{state}{seen}{address} = @way ? "$way[1]:$way[3]" : undef;
    local @LWP::Protocol::http::EXTRA_SOCK_OPTS = (@LWP::Protocol::http::EXTRA_SOCK_OPTS, @way);
    my $response = $self->{state}{agent}->request($request, sub ($chunk, @) {
        $body .= $chunk;
        die "too large\n" if length $body > $self->{row}{most};
        die "too slow\n"  if time - $start > $self->{timeout};
    });
    $exchange->{seconds} = time - $start;
    $exchange->{body}    = length $body ? $body : $response->content;
    return $response;
}

# Options of a socket that is to lead to another address than the URL says: the name in the handshake, and the one that the
# certificate has to have, stay those of the URL. LWP gives them to http and https alike.
sub _way_to ($self, $uri) {
    my ($address, $port) = $self->{connect_to} =~ /^(.*?)(?::([0-9]+))?\z/;
    $port = $uri->port if !defined $port || $uri->port != URI->new($self->{url})->port;
    my @to = (PeerAddr => $address, PeerPort => $port);    # with the brackets: what is behind the last colon would be a port
    return @to if $uri->scheme ne 'https';
    my $is_name = $uri->host !~ /^[0-9.]+\z|:/;
    return @to, SSL_verifycn_name => $uri->host, SSL_hostname => $is_name ? $uri->host : '';
}

sub _signed_request ($self, $exchange) {
    my $post    = $exchange->{method} eq 'POST';
    my $request = HTTP::Request->new($exchange->{method} => $exchange->{sent});
    my $body    = $post ? form_encode(@{ $exchange->{form} }) : '';
    $request->header(Accept => '*/*');
    $request->header('I-Twilio-Idempotency-Token' => _idempotency_token()) if $self->{provider} eq 'twilio';
    $request->content_type('application/x-www-form-urlencoded; charset=UTF-8') if $post;
    $request->content($body) if $post;
    $exchange->{signature} = [ defined $self->{token} ? $self->{row}{sign}->($self->{token}, $exchange, $body) : () ];
    $request->header(@{ $exchange->{signature} }) if @{ $exchange->{signature} };
    return $request;
}

sub _idempotency_token () {
    return join '-', map { _random_hex($_) } 8, 4, 4, 4, 12;
}

# --- The answer -----------------------------------------------------------------------------------

# text/plain is carried out if it is TwiML and else spoken; audio is played. Of others it is not known.
sub _read_answer ($self, $response, $body) {
    $self->_check_answer($response, length $body);
    my $type   = $response->content_type;
    my $lenient = $self->{provider} eq 'twilio';
    return _single_verb(Play => '') if $lenient && $type =~ m{^audio/};
    return _single_verb(Say => $body) if $lenient && $type eq 'text/plain' && $body !~ /<Response[\s>\/]/;
    _fail(12300, "Content-Type '$type' is not one that $self->{row}{title} reads as " . ($lenient ? 'TwiML' : 'XML'))
        unless $type =~ ($lenient ? qr{^(?:text/xml|application/xml|text/html|text/plain)\z} : qr{^(?:text|application)/xml\z});
    return $self->_verbs($body);
}

sub _single_verb ($name, $text) {
    return [ { name => $name, attributes => {}, text => $text, nested => [] } ];
}

sub _check_answer ($self, $response, $got) {
    my $died = $response->header('X-Died') || '';
    _fail(11750, 'the answer is larger than ' . $self->{row}{most} / 1024 . ' kB') if $died =~ /too large/;
    _fail(11205, "no whole answer within $self->{timeout} seconds") if $died;
    _fail($self->_connection_failure($response->content || $response->message))
        if ($response->header('Client-Warning') || '') eq 'Internal response';
    _check_redirection($response) if $response->code =~ /^3/;
    _fail(11217, 'HTTP status ' . $response->status_line) unless $response->is_success;
    my $announced = $response->header('Content-Length');
    _fail(11206, "the answer ends after $got of $announced bytes")
        if defined $announced && $got < $announced;
    return;
}

# Twilio follows these, so they are none of its errors. Here a call ends at them: what is signed behind one is another
# URL, and no webhook should begin with one.
my %FOLLOWED = map { $_ => 1 } 301, 302, 303, 307;

sub _check_redirection ($response) {
    my ($code, $to) = ($response->code, $response->header('Location'));
    _fail(11216, "HTTP status $code, which is no redirection that Twilio follows") unless $FOLLOWED{$code};
    _fail(defined $to ? undef : 11216, 'the answer is a redirection to ' . (defined $to ? $to : 'nowhere'));
}

use constant CERTIFICATE_EXPIRED => 10;    # X509_V_ERR_CERT_HAS_EXPIRED

my @CONNECTION_FAILURE = (
    [ 11235 => qr/hostname verification/i ],
    [ 11237 => qr/certificate verify failed/i ],
    [ 11220 => qr/SSL|TLS/ ],
    [ 11210 => qr/^Can't connect.*(?:name resolution|not known|nodename|No address associated)|^Bad hostname/i ],
    [ 11202 => qr/^Can't connect.*refused/i ],
    [ 11201 => qr/^Can't connect.*timed? ?out/i ],
    [ 11205 => qr/^Can't connect|timeout/i ],
);

# LWP's own words, without the lines of its source that it adds.
sub _connection_failure ($self, $text) {
    $text =~ s/ at \S+ line \d+\.?//g;
    $text =~ s/\s+\z//;
    $text =~ s/\s+/ /g;
    $text =~ s/\((.+)\) \1\z/($1)/;    # it gives the reason twice
    my ($code) = map { $_->[0] } grep { $text =~ $_->[1] } @CONNECTION_FAILURE;
    my $address = $self->{state}{seen}{address};
    $text =~ s/^(Can't connect to \S+)/$1 at $address/ if defined $address;
    return (11236, "$text: the certificate has expired")
        if ($code || 0) == 11237 && ($self->{state}{seen}{certificate} || 0) == CERTIFICATE_EXPIRED;
    return ($code || 11206, $text);
}

sub _verbs ($self, $body) {
    my $parser   = XML::LibXML->new(no_network => 1, load_ext_dtd => 0, expand_entities => 0);
    my $document = eval { $parser->load_xml(string => $body) };
    _fail(12100, 'not well-formed XML: ' . _first_line($@)) unless $document;
    my $root = $document->documentElement;
    my $name = $root->nodeName;
    _fail(12102, "the root element is <$name>, not <Response>") if $name ne 'Response';
    return [ map { $self->_verb($_) } _elements($root) ];
}

sub _first_line ($text) {
    my ($line) = split /\n/, "$text";
    return $line;
}

sub _elements ($node) {
    return grep { $_->nodeType == XML_ELEMENT_NODE } $node->childNodes;
}

sub _verb ($self, $element) {
    my @nested = $element->nodeName eq $self->{row}{gather} ? _elements($element) : ();
    return {
        name       => $element->nodeName,
        attributes => { map { $_->nodeName => $_->value } grep { defined } $element->attributes },
        text       => $element->textContent,
        nested     => [ map { $self->_verb($_) } @nested ],
    };
}

# --- The verbs ------------------------------------------------------------------------------------

my %VERB = (
    Play     => \&_nothing,
    Pause    => \&_nothing,
    Wait     => \&_nothing,
    Redirect => \&_redirect,
    Hangup   => sub ($self, $call, $verb) { return _end($call, 'hangup') },
    Reject   => sub ($self, $call, $verb) { return _end($call, 'rejected') },
    Dial     => sub ($self, $call, $verb) { return _end($call, 'end') },
);

# Carries verbs out until one of them leads to the next request, or ends the call.
sub _run ($self, $call, @verbs) {
    for my $verb (@verbs) {
        my $next = $self->_carry_out($call, $verb);
        return $next if $next;
        return if $call->{ended};
    }
    return;
}

sub _carry_out ($self, $call, $verb) {
    my $row = $self->{row};
    my %verb = ((map { $_ => $VERB{$_} } @{ $row->{verbs} }), $row->{say} => \&_say, $row->{gather} => \&_gather);
    my $how  = $verb{ $verb->{name} }
        or _fail(12200, "<$verb->{name}> is no verb that this caller knows" . ($self->{provider} eq 'twilio' ? '' : " of $row->{title}"));
    push @{ $call->{verbs} }, $verb;
    $self->_tell(verb => $verb);
    return $how->($self, $call, $verb);
}

sub _end ($call, $how) {
    $call->{ended} = $how;
    return;
}

sub _nothing ($self, $call, $verb) {
    return;
}

sub _say ($self, $call, $verb) {
    $self->_mind(EncGather::Provider::complaint_of_say($self->{row}, $verb->{attributes}));
    push @{ $call->{said} }, $verb->{text};
    return;
}

# What the provider does not take ends the call here, for nobody knows what it would make of it.
sub _mind ($self, @complaints) {
    _fail(12200, $complaints[0]) if @complaints;
    return;
}

sub _redirect ($self, $call, $verb) {
    return $self->_next_request($verb->{text}, $verb->{attributes}{method});
}

# A relative URL belongs to the document it stands in; an empty one is that document's own.
sub _next_request ($self, $url, $method, @form) {
    utf8::encode($url = defined $url ? $url : '');
    $url =~ s/^\s+|\s+\z//g;
    my $base   = $self->{state}{url};
    my $target = $url eq '' ? $base : URI->new_abs($url, $base)->as_string;
    $target =~ s/#.*//s;    # connection overrides: for Twilio's eyes only
    _fail(11100, "'$url' is no http or https URL") unless $target =~ m{^https?://[^/?#]}i;
    $method = uc(defined $method ? $method : 'POST');
    _fail(12200, "method '$method' is neither GET nor POST") unless $method =~ /^(?:GET|POST)\z/;
    die { ended => 'elsewhere', elsewhere => $target, asked => scalar @form } unless $self->{follow} || $self->_is_ours($target);
    return { method => $method, url => $target, form => \@form };
}

sub _is_ours ($self, $url) {
    my %ours = map { _host($_) => 1 } @{$self}{qw(origin public)};
    return $ours{ _host($url) };
}

# Without what stands before an "@", and as DNS compares it.
sub _host ($url) {
    return lc(URI->new($url)->host) =~ s/\.\z//r;
}

# --- Gather ---------------------------------------------------------------------------------------

sub _gather ($self, $call, $verb) {
    my %may_be = map { $_ => 1 } $self->{row}{say}, grep { /^(?:Play|Pause)\z/ } @{ $self->{row}{verbs} };
    $self->_mind(EncGather::Provider::complaint_of_gather($self->{row}, $verb->{attributes}));
    for my $prompt (@{ $verb->{nested} }) {
        _fail(12200, "<$prompt->{name}> cannot stand in <$verb->{name}>")
            unless $may_be{ $prompt->{name} };
        $self->_carry_out($call, $prompt);
    }
    my $gather = $self->_gather_facts($verb);
    my %form   = $self->_listen($gather);
    my $empty  = !grep { length $form{$_} } grep { exists $form{$_} } 'Digits', $self->{row}{speech};
    return if $empty && !$gather->{action_on_empty};
    delete $form{Digits} if $empty && $self->{without_digits};
    my ($action, $method) = @{ $verb->{attributes} }{qw(action method)};
    return $self->_next_request($action, $method, $self->_result_of(%form));
}

# Which key ended it Twilio alone tells, and what kind of answer it is Plivo.
sub _result_of ($self, %form) {
    return (%form, msg => 'Gather End') if $self->{provider} eq 'twilio';
    delete $form{FinishedOnKey};
    return (%form, $self->{row}{told_kind} ? (InputType => exists $form{Digits} ? 'dtmf' : 'speech') : ());
}

sub _gather_facts ($self, $verb) {
    my %attributes = %{ $verb->{attributes} };
    my $row        = $self->{row};
    my $finish     = $attributes{finishOnKey};
    my %facts = (
        attributes      => \%attributes,
        url             => $self->{state}{url},
        said            => [ map { $_->{text} } grep { $_->{name} eq $row->{say} } @{ $verb->{nested} } ],
        input           => $attributes{ $row->{input} } || 'dtmf',
        speech          => $row->{speech},
        num_digits      => $attributes{numDigits},
        finish_on_key   => !defined $finish ? '#' : $finish eq 'none' && $self->{provider} eq 'plivo' ? '' : $finish,
        timeout         => defined $attributes{ $row->{wait} } ? $attributes{ $row->{wait} } : $row->{waits},
        action_on_empty => $row->{on_empty} && ($attributes{actionOnEmptyResult} || '') eq 'true',
    );
    _fail(13314, "numDigits='$facts{num_digits}' is no positive number")
        if defined $facts{num_digits} && $facts{num_digits} !~ /^[1-9][0-9]*\z/;
    _fail(13311, "finishOnKey='$facts{finish_on_key}' is no key")
        if $facts{finish_on_key} !~ /^[0-9*#]?\z/;
    return \%facts;
}

# What the <Gather> yields, as the parameters of its webhook.
sub _listen ($self, $gather) {
    my $keyed = ref $self->{keys} eq 'CODE'
        ? $self->{keys}->($gather)
        : shift @{ $self->{state}{keys} };
    $keyed = '' unless defined $keyed;
    _check_keys($keyed);
    my %form = $keyed =~ /^speech:(.*)/s ? _hear($gather, $1) : _key_in($gather, $keyed);
    $self->_tell(keys => { gather => $gather, keyed => $keyed, form => {%form} });
    return %form;
}

sub _check_keys ($keyed) {
    croak "a telephone has no such keys: '$keyed'"
        if defined $keyed && $keyed !~ /^(?:speech:.*|[0-9*#]*)\z/s;
    return;
}

# Who speaks into a <Gather> that does not listen for speech has keyed in nothing.
sub _hear ($gather, $speech) {
    return _key_in($gather, '') unless $gather->{input} =~ /\bspeech\b/ && length $speech;
    return ($gather->{speech} => $speech, Confidence => '0.9');
}

# Keys count until numDigits is reached or the finishing key comes, which is not a digit itself;
# what is pressed after that is lost.
sub _key_in ($gather, $keyed) {
    my ($digits, $finished) = ('', '');
    for my $key ($gather->{input} =~ /\bdtmf\b/ ? split(//, $keyed) : ()) {
        $finished = $key if $key eq $gather->{finish_on_key};
        last if length $finished;
        $digits .= $key;
        last if defined $gather->{num_digits} && length $digits >= $gather->{num_digits};
    }
    return (Digits => $digits, FinishedOnKey => $finished);
}

1;
