# SPDX-License-Identifier: Apache-2.0
# One fault after the other at a private server that has one worker: what it answers, what it logs, and that the very
# next call is served, by the same worker and, where the connection is kept, over the same connection.
package EncGather::Faults;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use HTTP::Response;
use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep);

use EncGather::Logs qw(alarms unexpected);
use EncGather::Sanitizer qw(pointless);
use EncGather::Signature qw(signature form_encode);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

use constant {
    ANSWER_WAIT => 60,    # seconds for an answer that a loaded machine gives late; nothing measures them
    LOG_WAIT    => 10,
};

my $OUR_LINE = qr/\bEG0\d\d\d: /;
my ($CARD)   = @SECOND_ACCOUNT;

# --- A host in trouble --------------------------------------------------------------------------------------

# A directory for this test's troubles, and the environment in which a server knows it: a call of the system fails while
# there is a file of its name (t/host/shim.c). The library is copied, as children need not reach the checkout; where it
# means nothing, the environment is empty.
sub troubled_host ($name) {
    my $directory = in_tree("private/$name-trouble");
    make_path($directory);
    chmod 0777, $directory or die "$directory: $!";
    return ($directory, {}) if pointless('shim');
    return ($directory, { LD_PRELOAD => host_library('shim'), ENCGATHER_TROUBLE => $directory });
}

sub host_library ($name) {
    my ($from, $to) = ("$ENV{ENCGATHER_OUT}/host/$name.so", in_tree("private/$name.so"));
    -e $from or die "$from is not there: run make unit first\n";
    system('cp', $from, $to) == 0 && chmod 0755, $to or die "$to is not made";
    return $to;
}

# --- A server with one worker -------------------------------------------------------------------------------

# The directives that leave an MPM one worker.
sub one_worker ($mpm) {
    return $mpm eq 'prefork'
        ? "StartServers 1\nMinSpareServers 1\nMaxSpareServers 1\nServerLimit 1\nMaxRequestWorkers 1\n"
        : "StartServers 1\nServerLimit 1\nThreadsPerChild 1\nMinSpareThreads 1\nMaxSpareThreads 1\nMaxRequestWorkers 1\n";
}

# What every one of these servers has: a webhook, the backend's side beside it, and the log that answers() reads.
sub conf () {
    my ($keys, $database, $log) = map { in_tree($_) } qw(conf/keys conf/accounts.db logs/vars_log);
    return <<"END_OF_CONF";
LogFormat "%{X-Test-Id}i call=%{ENCGATHER_CALL}e step=%{ENCGATHER_STEP}e result=%{ENCGATHER_RESULT}e signature=%{ENCGATHER_SIGNATURE}e worker=%P:%{tid}P \\"%r\\" %>s %b" variables
CustomLog "$log" variables
EncGatherKeyFile "$keys/demo.key"
EncGatherAuthTokenFile "$keys/auth-tokens"
DBDriver sqlite3
DBDParams "$database"
<Directory "/">
    AllowOverride None
</Directory>
<Location /gather>
    SetHandler encrypted-gather
    EncGatherBackend /decrypt
</Location>
<Location /decrypt>
    SetHandler decrypt-gather
    EncGatherExpose on
    EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits
</Location>
END_OF_CONF
}

# A server by this name, with one worker and conf after what conf() has; options as for private_server.
sub new ($class, $name, %options) {
    my $more   = delete $options{conf} || '';
    my $server = private_server($name, %options);
    my $self   = bless { server => $server, log_read => 0 }, $class;
    $server->configure(conf => join "\n", one_worker($server->mpm), 'LogLevel trace8', conf(), $more);
    $server->start or BAIL_OUT('the private server does not start: ' . $server->error =~ tr/\n/ /r);
    $self->next_call_is_good('before any fault');
    $self->{files} = $self->_open_files;
    return $self;
}

sub server ($self) { return $self->{server} }
sub host   ($self) { return '127.0.0.1:' . $self->{server}->port }

# A signed webhook as bytes, of a client that keeps the connection; options as for post().
sub webhook ($self, $target, $pairs, %options) {
    my $method = delete $options{method};
    my $bytes  = $method && $method ne 'POST'
        ? get($self->host, $target, method => $method, %options, unsent => 1)
        : post($self->host, $target, $pairs, %options, unsent => 1);
    return $bytes =~ s/^Connection: close\r\n//mr;
}

# One fault. what is the bytes to send, or a list of pieces each in a segment of its own, or code that provokes it and
# returns the response. Options:
#   answer   facts as answers() takes them; left out: there is no answer to look at
#   log      the module's lines that it must leave, a pattern each: no more and no less; 'any': whatever it says
#   others   what other modules may say at warn or worse
#   closes   true: httpd closes the connection without a word of it in the answer
sub fault ($self, $name, $what, %want) {
    my $mark = $self->_log_end;
    my ($response, $socket) = ref $what eq 'CODE' ? $what->() : $self->exchange(ref $what ? @$what : $what);
    answers("$name: the answer", $response, %{ $want{answer} }) if $want{answer};
    $self->next_call_is_good($name, $want{closes} ? undef : $socket);
    $self->log_says($name, $mark, $want{log} || [], $want{others} || []);
    return $response;
}

# Sends, and reads one answer. The socket comes with it where the server keeps the connection.
sub exchange ($self, @pieces) {
    my $socket = IO::Socket::INET->new(PeerAddr => $self->host) or die "connect: $@";
    local $SIG{PIPE} = 'IGNORE';    # a server that has seen enough closes early
    for my $piece (@pieces) {
        syswrite $socket, $piece or last;
        sleep 0.01 if @pieces > 1;    # lets the server read this piece alone
    }
    return $self->answer_from($socket, $pieces[0]);
}

# The answer to what these bytes begin.
sub answer_from ($self, $socket, $bytes) {
    my ($method)  = $bytes =~ /\A(\w+)/;
    my ($id)      = $bytes =~ /^X-Test-Id: (\S+)\r$/m;
    my $response  = _read_answer($socket, $method);
    @$response{qw(test_id test_method)} = ($id, $method);
    my $kept = ($response->header('Connection') || '') !~ /close/i && $response->code;
    return ($response, $kept ? $socket : undef);
}

# An answer of no bytes at all is code 0.
sub _read_answer ($socket, $method) {
    my $bytes  = '';
    my $select = IO::Select->new($socket);
    until (_is_whole($bytes, $method)) {
        $select->can_read(ANSWER_WAIT) or die 'no end of the answer within ' . ANSWER_WAIT . " seconds\n";
        sysread $socket, $bytes, 65536, length $bytes or last;
    }
    $bytes =~ s/\AHTTP\/1\.1 100 [^\r]*\r\n\r\n//;
    return length $bytes ? HTTP::Response->parse($bytes) : HTTP::Response->new(0, 'no answer');
}

sub _is_whole ($bytes, $method) {
    my ($head, $body) = $bytes =~ /\A(?:HTTP\/1\.1 100 [^\r]*\r\n\r\n)?(HTTP\/1.*?\r\n\r\n)(.*)\z/s or return 0;
    return 1 if $method eq 'HEAD';
    return $head =~ /^Content-Length: (\d+)\r$/mi && length $body >= $1;
}

# --- The next call --------------------------------------------------------------------------------------

# A step of a call whose answer holds the digits, sealed: over the socket where there is one.
sub next_call_is_good ($self, $name, $socket = undef) {
    my $bytes = $self->webhook('/gather?step=getPin', [ CallSid => 'CA' . '1' x 32, Digits => $CARD ]);
    my ($response) = $socket ? $self->_over($socket, $bytes) : $self->exchange($bytes);
    my $facts = variables($response);
    my %got   = (status => $response->code, digits => scalar open_token(token_in($response, 'encryptedCardDigits')),
        result => $facts->{result}, worker => $facts->{worker});
    my %want  = (status => 200, digits => $CARD, result => 'asked', worker => $self->{worker} ||= $facts->{worker});
    my $ok = is_deeply(\%got, \%want, "$name: the next call" . ($socket ? ' on the same connection' : '') . ', same worker');
    diag('the answer was: ', $response->as_string) unless $ok;
    return $ok;
}

sub _over ($self, $socket, $bytes) {
    syswrite $socket, $bytes;
    return $self->answer_from($socket, $bytes);
}

# After an intended end of the worker: the next one is remembered.
sub forget_worker ($self) { delete $self->{worker}; return }

# --- The log --------------------------------------------------------------------------------------------

sub _log_path ($self) { return $self->{server}{dir} . '/logs/error_log' }
sub _log_end  ($self) { return -s $self->_log_path || 0 }

sub _log_since ($self, $mark) {
    open my $file, '<:raw', $self->_log_path or return '';
    seek $file, $mark, 0;
    local $/;
    return scalar(<$file>) // '';
}

# Which of the module's lines fit none of the patterns, which patterns found no line, and what others say without leave.
sub _log_problems ($self, $mark, $patterns, $others) {
    my $text  = $self->_log_since($mark);
    my @lines = grep { $_ =~ $OUR_LINE } split /\n/, $text;
    my @left  = @$patterns;
    my @extra;
    for my $line (@lines) {
        my ($at) = grep { $line =~ $left[$_] } 0 .. $#left;
        defined $at ? splice(@left, $at, 1) : push @extra, $line;
    }
    my @alarms = grep { $_ !~ $OUR_LINE } alarms($text);
    return ((map { "never came: $_" } @left), map { "nobody announced: $_" } @extra, unexpected(\@alarms, $others));
}

# Until a line holds the text: at trace8 httpd writes down the headers of a request that it begins with.
sub until_logged ($self, $text) {
    return wait_until(ANSWER_WAIT, sub { index($self->_log_since(0), $text) >= 0 }) || die "no line with '$text'\n";
}

sub log_says ($self, $name, $mark, $patterns, $others) {
    return 1 unless ref $patterns;
    my @problems;
    wait_until(LOG_WAIT, sub {
        @problems = $self->_log_problems($mark, $patterns, $others);
        return !grep { /^never came/ } @problems;
    });
    my $ok = ok(!@problems, "$name: " . (@$patterns ? 'its line in the log' : 'no line in the log'));
    diag($_) for @problems;
    return $ok;
}

# --- The end --------------------------------------------------------------------------------------------

# Only root may look.
sub _open_files ($self) {
    return scalar(my @files = map { glob "/proc/$_/fd/*" } $self->{server}->children);
}

# Nothing is left over: a few files aside, which others keep for the next request.
sub finish_faults ($self) {
    cmp_ok $self->_open_files, '<=', $self->{files} + 3, 'no more files open than in the beginning';
    ok $self->{server}->stop, 'the server stops';
    return;
}

1;
