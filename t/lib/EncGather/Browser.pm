# SPDX-License-Identifier: Apache-2.0
# Chromium without a window, driven through chromedriver's WebDriver. Both, and all that they write, end with the test.
package EncGather::Browser;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Cwd qw(abs_path);
use HTTP::Request;
use IO::Socket::INET;
use JSON::PP ();
use LWP::UserAgent;
use MIME::Base64 qw(decode_base64);
use Time::HiRes qw(sleep time);

use EncGather::Daemon qw(program free_ports);

use constant {
    ANSWER_WAIT => 120,    # seconds that a loaded machine may need; nothing measures them
    ELEMENT     => 'element-6066-11e4-a52e-4f735466cecf',    # WebDriver's name for a reference to an element
    SWITCHES    => [ qw(headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking
        disable-component-update disable-sync disable-dev-shm-usage disable-breakpad mute-audio hide-scrollbars lang=en-US
        user-agent=EncGather-Browser) ],
};

# What is not installed, or ''.
sub what_is_missing () {
    my @missing = grep { !program($_) } qw(chromium chromedriver);
    return @missing ? 'there is no ' . join ' and no ', @missing : '';
}

# dir: everything goes below it, also the browser's profile
sub new ($class, %options) {
    my ($port) = free_ports(1);
    my $self = bless { %options, url => "http://127.0.0.1:$port", owner => $$ }, $class;
    $self->{agent}  = LWP::UserAgent->new(timeout => ANSWER_WAIT, keep_alive => 2);
    $self->{driver} = EncGather::Daemon->new(
        dir         => $self->{dir},
        command     => [ program('chromedriver'), "--port=$port" ],
        ready       => sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) },
        environment => { TMPDIR => $self->{dir} },
    );
    return $self;
}

# Returns what went wrong, or ''.
sub start ($self) {
    $self->{leash} = _start_watcher($self->{dir});
    return 'chromedriver does not start: ' . $self->{driver}->last_words unless $self->{driver}->start;
    my $done = eval { $self->_open_session; 1 };
    return $done ? '' : "chromium does not start: $@" . $self->{driver}->last_words;
}

sub _open_session ($self) {
    my @switches = map { "--$_" } @{ +SWITCHES }, "user-data-dir=$self->{dir}/profile";
    my %wanted   = (
        browserName           => 'chrome',
        'goog:loggingPrefs'   => { browser => 'ALL', performance => 'ALL' },
        'goog:chromeOptions'  => { binary => program('chromium'), args => \@switches },
    );
    my $session = $self->_call(POST => '/session', { capabilities => { alwaysMatch => \%wanted } });
    $self->{session} = "/session/$session->{sessionId}";
    $self->_post('/timeouts', { script => 1000 * ANSWER_WAIT });
    return;
}

# True when no process is left.
sub stop ($self) {
    my $session = delete $self->{session};
    eval { $self->_call(DELETE => $session) } if $session;
    $self->{driver}->stop if $self->{driver};
    my $done = _end_browser($self->{dir});
    my $leash = delete $self->{leash};
    syswrite $leash, "nothing is left\n" if $leash && $done;
    return $done;
}

# A browser outlives a driver that was killed.
sub _end_browser ($dir) {
    for (1 .. 100) {
        my @left = processes_of($dir) or return 1;
        kill KILL => @left;
        sleep 0.05;
    }
    return 0;
}

# Its processes can be told by their profile. What a killed one leaves until its parent looks after it has no command line.
sub processes_of ($dir) {
    return grep { _content("/proc/$_/cmdline") =~ m{=\Q$dir/profile\E} } map { m{(\d+)\z} } glob '/proc/[0-9]*';
}

# Whatever ends this process, SIGKILL included, closes its end of the pipe, and the watcher at the other end then ends
# the browser. By then it may be half started, so it is looked for more than once.
sub _start_watcher ($dir) {
    my ($library) = abs_path(__FILE__) =~ m{^(.*)/EncGather/Browser\.pm\z};
    my @watcher = ("-I$library", '-MEncGather::Browser', '-e', 'EncGather::Browser::watch(@ARGV)');
    open my $leash, '|-', $^X, @watcher, $dir or croak "fork: $!";
    return $leash;
}

sub watch ($dir) {
    setpgrp 0, 0;
    open STDOUT, '>', '/dev/null';
    open STDERR, '>&', \*STDOUT;
    return if sysread STDIN, my $nothing_left, 1;
    for (1 .. 5) {
        _end_browser($dir);
        sleep 0.2;
    }
    return;
}

sub _content ($path) {
    open my $file, '<:raw', $path or return '';
    local $/;
    my $text = <$file>;
    return defined $text ? $text : '';
}

sub DESTROY ($self) {
    return unless $self->{owner} == $$;
    local ($?, $!, $@);
    $self->stop;
    return;
}

# --- WebDriver ----------------------------------------------------------------------------------------------

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;

sub _call ($self, $method, $path, $data = {}) {
    my $request = HTTP::Request->new($method => $self->{url} . $path);
    $request->content_type('application/json');
    $request->content($JSON->encode($data)) if $method eq 'POST';
    my $response = $self->{agent}->request($request);
    my $answer   = eval { $JSON->decode($response->content) } or croak 'chromedriver: ' . $response->as_string;
    my $value    = $answer->{value};
    croak "chromedriver: $value->{error}: $value->{message}" if !$response->is_success;
    return $value;
}

sub _post ($self, $path, $data = {}) { return $self->_call(POST => $self->{session} . $path, $data) }

sub open_page ($self, $url) { return $self->_post('/url', { url => $url }) }

# The body of a JavaScript function, and what it returns.
sub script ($self, $body, @arguments) {
    return $self->_post('/execute/sync', { script => $body, args => \@arguments });
}

# Returns what the function body returns as soon as that is true; undef when it does not become so.
sub wait_for ($self, $body, $seconds = 30) {
    my $end = time + $seconds;
    until (time > $end) {
        my $value = $self->script($body);
        return $value if $value;
        sleep 0.05;
    }
    return;
}

sub click ($self, $selector) {
    my $element = $self->_post('/element', { using => 'css selector', value => $selector });
    return $self->_post("/element/$element->{+ELEMENT}/click");
}

# To whatever has the focus, one after the other; special keys are characters of WebDriver's own.
sub type_keys ($self, @keys) {
    my @actions = map { ({ type => 'keyDown', value => $_ }, { type => 'keyUp', value => $_ }) } @keys;
    return $self->_post('/actions', { actions => [ { type => 'key', id => 'keyboard', actions => \@actions } ] });
}

# A command of the DevTools protocol.
sub devtools ($self, $command, %parameters) {
    return $self->_post('/goog/cdp/execute', { cmd => $command, params => \%parameters });
}

# What came since it was asked for last: of "browser" (the console) or "performance" (DevTools events, decoded).
sub log_entries ($self, $type) {
    my $entries = $self->_post('/se/log', { type => $type });
    return @$entries if $type ne 'performance';
    return map { $JSON->decode(do { utf8::encode(my $text = $_->{message}); $text })->{message} } @$entries;
}

# A PNG of the whole page.
sub screenshot ($self) {
    return decode_base64($self->devtools('Page.captureScreenshot', captureBeyondViewport => JSON::PP::true)->{data});
}

1;
