# SPDX-License-Identifier: Apache-2.0
# Helpers of the server tests: requests signed or broken, TwiML, tokens, and the error log as part of every verdict.
package EncGather::Test;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Apache::TestConfig ();
use Carp qw(croak);
use Crypt::AuthEnc::GCM qw(gcm_encrypt_authenticate gcm_decrypt_verify);
use Exporter 'import';
use HTTP::Response;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Socket qw(IPPROTO_TCP TCP_NODELAY SHUT_WR);
use Test::More;
use Time::HiRes qw(sleep);
use XML::LibXML;

use EncGather::Fixtures qw(%KEY %TOKEN $ACCOUNT_SID @ACCOUNT @SECOND_ACCOUNT write_secret);
use EncGather::Logs qw(alarms unexpected missing);
use EncGather::Server;
use EncGather::Signature qw(signature form_encode form_decode);
use EncGather::Wait qw(wait_until);

our @EXPORT = qw(
    %KEY %TOKEN $ACCOUNT_SID @ACCOUNT @SECOND_ACCOUNT
    hostport url_of in_tree remember
    post get decrypt request raw send_pieces
    answers text_error json_error twiml_answer httpd_error variables
    twiml said gather action token_in
    seal open_token
    expect_log allow_log finish
    private_server log_is_clean write_secret
);

use constant {
    ANSWER_WAIT => 60,     # seconds for an answer that a loaded machine gives late; nothing measures them
    LOG_WAIT    => $ENV{ENCGATHER_SANITIZER} ? 60 : 10,
    FORM_TYPE   => 'application/x-www-form-urlencoded',
};

# Ctrl-C must still run destructors, which stop private servers and backends.
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

my $config = Apache::TestConfig->thaw;
my $serial = 0;

# --- Where things are -----------------------------------------------------------------------------------

# Of a virtual host by its name in extra.conf.in; a private server's own host:port is taken as it is.
sub hostport ($vhost) {
    return $vhost if $vhost =~ /:\d+\z/;
    my $known = $config->{vhosts}{$vhost} or croak "no virtual host '$vhost'";
    return $known->{hostport};
}

sub url_of ($vhost, $target = '/') { return 'http://' . hostport($vhost) . $target }
sub in_tree ($path)                { return "$config->{vars}{t_dir}/$path" }

# What a caller keys in is looked for in every log at the end of the suite.
sub remember (@digits) {
    open my $file, '>>', in_tree('digits-sent') or croak "digits-sent: $!";
    print {$file} map { "$_\n" } grep { defined && length } @digits;
    close $file or croak "digits-sent: $!";
    return @digits;
}

# --- Requests -------------------------------------------------------------------------------------------

# A webhook with a form of name, value, ... and the signature that belongs to it. Options:
#   token      the auth token that signs; undef: no signature         signature   this one instead
#   signed_url the URL that is signed, where it is not the one that is requested
#   body, type the body as bytes and its Content-Type (undef: none) instead of those of the form
#   and all of request()
sub post ($vhost, $target, $pairs, %options) {
    _remember_digits(@$pairs);
    my $body = exists $options{body} ? delete $options{body} : form_encode(@$pairs);
    my $type = exists $options{type} ? delete $options{type} : FORM_TYPE;
    my @type = defined $type ? ('Content-Type' => $type) : ();
    return request(POST => $vhost, $target, _signed($vhost, $target, $pairs, [@type], %options), body => $body);
}

sub get ($vhost, $target, %options) {
    _remember_digits(form_decode($target =~ /\?(.*)/ ? $1 : ''));
    return request(delete $options{method} || 'GET', $vhost, $target, _signed($vhost, $target, [], [], %options));
}

# The backend's side; fields as JSON text, or as data that is written as JSON.
sub decrypt ($vhost, $target, $fields, %options) {
    my $json = ref $fields ? JSON::PP->new->canonical->allow_nonref->encode($fields) : $fields;
    my $type = exists $options{type} ? delete $options{type} : 'application/json';
    my @more = @{ delete $options{headers} || [] };
    return request(POST => $vhost, $target, %options, body => $json,
        headers => [ defined $type ? ('Content-Type' => $type) : (), @more ]);
}

sub _remember_digits (@pairs) {
    while (my ($name, $value) = splice @pairs, 0, 2) {
        remember($value) if $name =~ /^(?:Digits|SpeechResult)\z/;
    }
    return;
}

# The options of a request with the signature among its headers.
sub _signed ($vhost, $target, $pairs, $headers, %options) {
    my $token = exists $options{token}      ? delete $options{token}      : $TOKEN{demo};
    my $url   = exists $options{signed_url} ? delete $options{signed_url} : url_of($vhost, $target);
    my $given = exists $options{signature};
    my $value = $given ? delete $options{signature} : defined $token ? signature($token, $url, $pairs) : undef;
    my @more  = @{ delete $options{headers} || [] };
    return (%options,
        headers => [ @$headers, defined $value ? ('X-Twilio-Signature' => $value) : (), @more ]);
}

# Any request: headers as name, value, ... without further checks. Options:
#   host      of the Host header        body       with its Content-Length
#   chunks    a body in chunks          segments   the whole request in TCP segments of so many bytes
#   length    another Content-Length than that of the body
#   unsent    returns the bytes instead of sending them
sub request ($method, $vhost, $target, %options) {
    my $id    = "t${$}n" . ++$serial;
    my $bytes = _request_bytes($id, $method, $vhost, $target, %options);
    return $bytes if $options{unsent};
    my $size     = $options{segments} || length $bytes;
    my $response = _parse(send_pieces($vhost, unpack "(a$size)*", $bytes), $method);
    $response->{test_id} = $id;
    return $response;
}

sub _request_bytes ($id, $method, $vhost, $target, %options) {
    my $body = defined $options{body} ? $options{body} : '';
    my @lines = (
        "$method $target HTTP/1.1",
        'Host: ' . (defined $options{host} ? $options{host} : hostport($vhost)),
        "X-Test-Id: $id",
        'Connection: close',
        _pairs_as_lines(@{ $options{headers} || [] }),
        _body_header($body, %options),
    );
    $body = join '', map({ sprintf "%x\r\n%s\r\n", length, $_ } @{ $options{chunks} }), "0\r\n\r\n" if $options{chunks};
    return join("\r\n", @lines) . "\r\n\r\n" . $body;
}

sub _pairs_as_lines (@pairs) {
    my @lines;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        push @lines, "$name: $value";
    }
    return @lines;
}

sub _body_header ($body, %options) {
    return 'Transfer-Encoding: chunked' if $options{chunks};
    return "Content-Length: $options{length}" if defined $options{length};
    return defined $options{body} ? 'Content-Length: ' . length $body : ();
}

# Whatever bytes, as an answer; for requests that no HTTP library would send.
sub raw ($vhost, @pieces) {
    return _parse(send_pieces($vhost, @pieces), 'POST');
}

# Each piece goes out in a segment of its own; returns all that came until the server closed the connection.
sub send_pieces ($vhost, @pieces) {
    my $socket = IO::Socket::INET->new(PeerAddr => hostport($vhost)) or croak "connect to $vhost: $@";
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    local $SIG{PIPE} = 'IGNORE';    # a server that has seen enough closes early
    while (defined(my $piece = shift @pieces)) {
        last unless _write_all($socket, $piece);
        sleep 0.005 if @pieces;     # lets the server read this piece alone
    }
    return _read_all($socket);
}

sub _write_all ($socket, $bytes) {
    while (length $bytes) {
        my $written = syswrite $socket, $bytes;
        return 0 unless $written;
        substr $bytes, 0, $written, '';
    }
    return 1;
}

sub _read_all ($socket) {
    my $bytes  = '';
    my $select = IO::Select->new($socket);
    while ($select->can_read(ANSWER_WAIT)) {
        my $read = sysread $socket, $bytes, 65536, length $bytes;
        return $bytes unless $read;    # the end, or a reset after the answer
    }
    croak 'no end of the answer within ' . ANSWER_WAIT . ' seconds';
}

sub _parse ($bytes, $method) {
    $bytes =~ s/\AHTTP\/1\.1 100 [^\r]*\r\n\r\n//;
    my $response = HTTP::Response->parse($bytes);
    my $chunked  = ($response->header('Transfer-Encoding') || '') eq 'chunked';
    $response->content(_without_chunks($response->content)) if $chunked;
    $response->{test_method} = $method;
    return $response;
}

sub _without_chunks ($bytes) {
    my $content = '';
    while ($bytes =~ /\G([0-9A-Fa-f]+)[^\r]*\r\n/gc) {
        my $size = hex $1 or last;
        $content .= substr $bytes, pos $bytes, $size;
        pos($bytes) += $size + 2;
    }
    return $content;
}

# --- Answers --------------------------------------------------------------------------------------------

# One test for all that is demanded of an answer: each value is compared, or matched if it is a pattern.
#   status type cache allow connection body    of the answer itself
#   call step result signature                 the variables in the access log; '-' where there is none
# Content-Length must always be there and right.
sub answers ($name, $response, %want) {
    my %got = map { $_ => _fact($response, $_) } keys %want;
    $_->{length} = 'right' for \%want;
    $got{length} = _length_verdict($response);
    for my $key (grep { ref $want{$_} eq 'Regexp' } keys %want) {
        $want{$key} = $got{$key} if defined $got{$key} && $got{$key} =~ $want{$key};
    }
    my $ok = is_deeply(\%got, \%want, $name);
    diag('the answer was: ', $response->as_string) unless $ok;
    return $ok;
}

my %FACT = (
    status     => sub ($response) { return $response->code },
    type       => sub ($response) { return _header($response, 'Content-Type') },
    cache      => sub ($response) { return _header($response, 'Cache-Control') },
    connection => sub ($response) { return lc _header($response, 'Connection') },
    allow      => sub ($response) { return join ', ', sort split /\s*,\s*/, _header($response, 'Allow') },
    body       => sub ($response) { return $response->content },
);

sub _fact ($response, $name) {
    return $FACT{$name} ? $FACT{$name}->($response) : variables($response)->{$name};
}

sub _header ($response, $name) {
    return join ' AND ', $response->header($name);
}

sub _length_verdict ($response) {
    my $announced = _header($response, 'Content-Length');
    return 'right' if $response->{test_method} eq 'HEAD' && $announced =~ /^[1-9]\d*\z/;
    my $is = length $response->content;
    return $announced eq $is ? 'right' : "announced '$announced', but is $is";
}

# What section 5 of the contract says of every answer of a kind; more facts may follow.
sub text_error ($status, $result, %more) {
    return (status => $status, type => qr{^text/plain\b}, cache => 'no-store', body => qr/\A[ -~]{1,60}\n?\z/,
        result => $result, %more);
}

sub json_error ($status, $result, %more) {
    return (status => $status, type => 'application/json', cache => 'no-store', signature => 'unchecked',
        body => qr/\A\{"error":"[a-z ]{1,60}"\}\n?\z/, result => $result, %more);
}

sub twiml_answer ($result, %more) {
    return (status => 200, type => 'text/xml; charset=utf-8', cache => 'no-store', result => $result, %more);
}

# httpd finds fault with it before the module is asked, or while the module reads the body.
sub httpd_error ($status, %more) {
    return (status => $status, %more);
}

my ($vars_log, %variables);

# The ENCGATHER_* variables of a request as the access log has them; it is written after the answer is sent.
sub variables ($response) {
    my $id = $response->{test_id} or croak 'a request without an id';
    wait_until(LOG_WAIT, sub { _read_vars_log(); $variables{$id} });
    return $variables{$id} || {};
}

sub _read_vars_log () {
    $vars_log or open $vars_log, '<', in_tree('logs/vars_log') or croak "vars_log: $!";
    seek $vars_log, 0, 1;    # forgets that the end was reached
    my $from = tell $vars_log;
    while (my $line = <$vars_log>) {
        return seek $vars_log, $from, 0 unless $line =~ /\n\z/;
        $from = tell $vars_log;
        my ($id, $rest) = $line =~ /^(\S+) (.*?) "/ or next;
        $variables{$id} = { map { /^(\w+)=(.*)/ ? ($1 => $2) : () } split / /, $rest };
    }
    return;
}

# --- TwiML ----------------------------------------------------------------------------------------------

# The verbs of an answer as [ name, { attributes }, content ... ], content being text or further elements; none for
# an answer that is no TwiML, which other tests then complain about.
sub twiml ($response) {
    my $parser = XML::LibXML->new(no_network => 1, load_ext_dtd => 0, recover => 0);
    my $root   = eval { $parser->load_xml(string => $response->content)->documentElement };
    return [] unless $root && $root->nodeName eq 'Response';
    return [ map { _element($_) } $root->childNodes ];
}

sub _element ($node) {
    return $node->data if $node->nodeType != XML_ELEMENT_NODE;
    my %attributes = map { $_->nodeName => $_->value } $node->attributes;
    return [ $node->nodeName, \%attributes, map { _element($_) } $node->childNodes ];
}

# The sentences of an answer, those inside of <Gather> included.
sub said ($response) {
    return map { _said_by($_) } @{ twiml($response) };
}

sub _said_by ($element) {
    my ($name, undef, @content) = @$element;
    return join '', @content if $name eq 'Say';
    return map { ref ? _said_by($_) : () } @content;
}

# Attributes of the <Gather> of an answer.
sub gather ($response) {
    my ($gather) = grep { ref && $_->[0] eq 'Gather' } @{ twiml($response) };
    return $gather ? $gather->[1] : {};
}

# The URL that answers the <Gather>, as { origin, target, path, query => [ name, value, ... ] }.
sub action ($response) {
    my $url = gather($response)->{action};
    return {} unless defined $url && $url =~ m{^(https?://[^/]+)((/[^?]*)(?:\?(.*))?)\z}s;
    return { origin => $1, target => $2, path => $3, query => [ form_decode(defined $4 ? $4 : '') ] };
}

# The token that an answer's action carries for a field.
sub token_in ($response, $field) {
    my %query = @{ action($response)->{query} || [] };
    return $query{$field};
}

# --- Tokens, by another implementation --------------------------------------------------------------------

sub seal ($plain, $key = $KEY{demo}, $nonce = join('', map { chr int rand 256 } 1 .. 12)) {
    my ($ciphertext, $tag) = gcm_encrypt_authenticate('AES', pack('H*', $key), $nonce, '', $plain);
    return unpack 'H*', $nonce . $ciphertext . $tag;
}

# undef for what is no token of this key.
sub open_token ($token, $key = $KEY{demo}) {
    return unless defined $token && $token =~ /^(?:[0-9a-f]{2}){28,}\z/;
    my ($nonce, $ciphertext, $tag) = pack('H*', $token) =~ /\A(.{12})(.*)(.{16})\z/s;
    return gcm_decrypt_verify('AES', pack('H*', $key), $nonce, '', $ciphertext, $tag);
}

# --- The error log ----------------------------------------------------------------------------------------

my (@must, @may);
my $log_start = -s in_tree('logs/error_log') || 0;

# Announces what a test file provokes: these lines must come; or they may.
sub expect_log (@patterns) { push @must, @patterns; return }
sub allow_log  (@patterns) { push @may,  @patterns; return }

# Ends a test file with its verdict over the error log.
sub finish () {
    my @alarms;
    wait_until(LOG_WAIT, sub { @alarms = alarms(_log_since($log_start)); !missing(\@alarms, \@must) });
    _log_verdict('error log', \@alarms, \@must, \@may);
    done_testing;
    return;
}

sub _log_verdict ($name, $alarms, $must, $may) {
    my @missing    = map { "announced, but never came: $_" } missing($alarms, $must);
    my @unexpected = map { "nobody announced: $_" } unexpected($alarms, [ @$must, @$may ]);
    my $ok = ok(!@missing && !@unexpected, "$name: what was announced, and nothing else at warn or worse");
    diag($_) for @missing, @unexpected;
    return $ok;
}

sub _log_since ($offset) {
    open my $file, '<:raw', in_tree('logs/error_log') or croak "error_log: $!";
    seek $file, $offset, 0;
    local $/;
    my $text = <$file>;
    return defined $text ? $text : '';
}

# --- Servers of their own ---------------------------------------------------------------------------------

# A server for one test, with the MPM of this run; options as for EncGather::Server. Its logs stay until the search
# for digits is over.
sub private_server ($name, %options) {
    my @modules = (qw(authn_core authz_host alias dbd), @{ delete $options{modules} || [] });
    mkdir in_tree('private'), 0755;
    return EncGather::Server->new(
        dir     => in_tree("private/$name"),
        httpd   => $config->{vars}{httpd},
        mpm     => $ENV{ENCGATHER_MPM},
        module  => "$config->{vars}{top_dir}/build/out/mod_encgather.so",
        modules => \@modules,
        %options,
    );
}

# Without a word of the search path of key files: these patterns must be in a private server's log, those of allow_log may, and no others.
sub log_is_clean ($server, @patterns) {
    return _log_verdict('log of the private server', [ alarms($server->error_log) ], \@patterns, \@may);
}

1;
