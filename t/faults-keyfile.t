# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# The faults H of t/FAULTS.md: key and token files with which nothing may go on, each at the start, at "httpd -t", at
# graceful and restart, and after a bare SIGUSR1 and SIGHUP. A server that runs goes on with what it had.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use IO::Socket::UNIX;
use POSIX qw(mkfifo);
use Test::More;

use lib 't/lib';
use EncGather::Faults;
use EncGather::Sanitizer qw(pointless);
use EncGather::Test;
use EncGather::Wait qw(wait_until);

my ($CARD) = @SECOND_ACCOUNT;
my @CALL   = (CallSid => 'CA' . '6' x 32, Digits => $CARD);
remember($CARD);

# The tokens lie elsewhere: what is wrong with the directory of the keys is said of the keys.
my ($FILES, $TOKENS) = map { in_tree("private/keyfile-$_") } qw(keys tokens);
make_path($FILES, $TOKENS);
chmod 0755, in_tree('private'), $FILES, $TOKENS;
my $KEY_PATH   = "$FILES/changing.key";
my $TOKEN_PATH = "$TOKENS/tokens";
my ($TROUBLE, $SHIM) = EncGather::Faults::troubled_host('keyfile');

# --- The files: good, and every other kind ----------------------------------------------------------------------

# Whatever is there goes; a directory may hold the file.
sub clear ($path) {
    my @parts = -l $path || !-d $path ? ($path) : (glob("$path/*"), $path);
    for my $part (@parts) { -l $part || !-d $part ? unlink $part : rmdir $part }
    return;
}

sub put ($path, $content, $mode = 0600) {
    clear($path);
    return write_secret($path, $content, $mode);
}

sub good_files () {
    chmod 0755, $FILES;
    put($KEY_PATH,   "$KEY{demo}\n");
    put($TOKEN_PATH, "$TOKEN{demo}\n");
    return;
}

sub flag ($name) {
    open my $file, '>', "$TROUBLE/$name" or die "$TROUBLE/$name: $!";
    return;
}

sub with_content ($content) { return sub ($path) { put($path, $content) } }

sub with_mode ($mode) {
    return sub ($path) { put($path, $path eq $KEY_PATH ? "$KEY{other}\n" : "$TOKEN{other}\n", $mode) };
}

sub as_link_to ($target) {
    return sub ($path) { clear($path); symlink $target, $path or die "symlink: $!" };
}

# A socket needs a short path to be bound.
sub as_socket ($path) {
    clear($path);
    my $socket = IO::Socket::UNIX->new(Local => "$FILES/s", Listen => 1) or die "socket: $!";
    rename "$FILES/s", $path or die "rename: $!";
    return;
}

my $HEX   = $KEY{other};
my @RING  = map { "k$_ " . unpack('H*', pack 'A32', "ring key number $_ is not random") . "\n" } 1 .. 9;
my @FAULTS = (
    # name, what makes it, what the line says
    [ 'H1 no file',                     sub ($path) { clear($path) },                                qr/cannot be opened: No such file/ ],
    [ 'H1 no token file',               sub ($path) { clear($path) },                                qr/cannot be opened: No such file/, $TOKEN_PATH ],
    [ 'H2 a directory',                 sub ($path) { clear($path); mkdir $path, 0700 },             qr/is not a regular file/ ],
    [ 'H2 a FIFO that nobody writes to', sub ($path) { clear($path); mkfifo($path, 0600) },          qr/is not a regular file/ ],
    [ 'H2 a device',                    as_link_to('/dev/null'),                                     qr/is not a regular file/ ],
    [ 'H2 a socket',                    \&as_socket,                                                 qr/cannot be opened: |is not a regular file/ ],
    (map { [ sprintf('H3 mode %04o', $_), with_mode($_), qr/has mode \d+, .*chmod 0600/ ] } 0640, 0604, 0644, 0666, 0610),
    [ 'H3 a token file with mode 0644', with_mode(0644),                                             qr/has mode 0644, .*chmod 0600/, $TOKEN_PATH ],
    ($> == 0 ? [ 'H4 another owner', sub ($path) { with_mode(0600)->($path); chown 65_534, -1, $path }, qr/is owned by uid 65534.*chown root/ ] : ()),
    [ 'H5 a directory that all may write to', sub ($path) { put($path, "$HEX\n"); chmod 0777, $FILES }, qr/the directory '\Q$FILES\E' above it .*chmod o-w/ ],
    [ 'H6 a link to nothing',           as_link_to("$FILES/nowhere"),                                qr/cannot be opened: No such file/ ],
    [ 'H6 a link to itself',            as_link_to($KEY_PATH),                                       qr/cannot be opened: Too many levels/ ],
    [ 'H6 a link to a file of mode 0644', sub ($path) { put("$FILES/readable", "$HEX\n", 0644); as_link_to("$FILES/readable")->($path) }, qr/has mode 0644/ ],
    [ 'H7 an empty file',               with_content(''),                                            qr/is empty/ ],
    [ 'H7 an empty token file',         with_content(''),                                            qr/is empty/, $TOKEN_PATH ],
    [ 'H7 comments only',               with_content("# none yet\n"),                                qr/\S/, $TOKEN_PATH ],
    (map { my ($name, $content) = @$_; [ "H7 $name", with_content($content), qr/\S/ ] }
        [ '62 digits' => substr $HEX, 2 ], [ '63 digits' => substr $HEX, 1 ], [ '65 digits' => "${HEX}a" ], [ '66 digits' => "${HEX}ab" ],
        [ '32 raw bytes' => pack 'H*', $HEX ], [ 'a byte order mark' => "\xef\xbb\xbf$HEX\n" ], [ 'NUL' => "$HEX\0" ], [ 'no digits' => 'x' x 64 ]),
    [ 'H7 5,000 bytes',                 with_content("$HEX\n" . '#' x 5000),                         qr/has \d+ bytes, more than 4096/ ],
    [ 'H9 an id twice',                 with_content("a $HEX\na $KEY{ring1}\n"),                     qr/\S/ ],
    [ 'H9 a key twice',                 with_content("a $HEX\nb $HEX\n"),                            qr/\S/ ],
    [ 'H10 nine keys',                  with_content(join '', @RING),                                qr/\S/ ],
    (pointless('shim') ? () : [ 'H11 its end is gone while it is read', sub ($path) { put($path, "$HEX\n"); flag('truncate') }, qr/cannot be read to its end/ ]),
);

# --- Two servers: one that runs, one that is to start -----------------------------------------------------------

my $CONF = <<"CONF";
EncGatherKeyFile "$KEY_PATH"
EncGatherAuthTokenFile "$TOKEN_PATH"
<Location /gather>
    SetHandler encrypted-gather
    EncGatherBackend /nowhere
</Location>
CONF
good_files();
my $server = private_server('keyfile', environment => $SHIM);
my $fresh  = private_server('keyfile-start', conf => $CONF, environment => $SHIM);
$server->configure(conf => $CONF);
$server->start or BAIL_OUT('the private server does not start: ' . $server->error =~ tr/\n/ /r);
my $HOST = '127.0.0.1:' . $server->port;

# Which key seals; the status where none does.
sub sealed_by ($path = '/gather', $token = 'demo') {
    my $response = post($HOST, "$path?step=getPin", \@CALL, token => $TOKEN{$token});
    my $sealed   = token_in($response, 'encryptedCardDigits') // return $response->code;
    return (grep { (open_token($sealed, $KEY{$_}) // '') eq $CARD } sort keys %KEY)[0] // 'none';
}

# A child of the old configuration may take one more connection while it ends.
sub becomes ($wanted, $name, @asked) {
    my $got;
    wait_until(30, sub { ($got = sealed_by(@asked)) eq $wanted });
    return is $got, $wanted, $name;
}

sub says_once ($name, $text, $tag, $path, $pattern) {
    my $directive = $path eq $TOKEN_PATH ? 'EncGatherAuthTokenFile' : 'EncGatherKeyFile';
    my @lines     = grep { /\bEG0\d\d\d: / && !/EG010[56]: / } split /\n/, $text;
    ok @lines == 1 && $lines[0] =~ /$tag: $directive '\Q$path\E' $pattern/, "$name: one line that says what is wrong" or diag $text;
    is_deeply [ grep { index($text, $_) >= 0 } map { ($_, substr $_, 8, 40) } values %KEY, $TOKEN{demo}, $TOKEN{other} ], [], "$name: and nothing of the content";
    return;
}

sub goes_on ($name) {
    is sealed_by(), 'demo', "$name: the server goes on with what it had";
    return;
}

# moment => what happens then
my @MOMENTS = (
    'at the start' => sub ($name, @said) {
        ok !$fresh->start, "$name: no server";
        says_once($name, $fresh->error, 'EG0101', @said);
    },
    'at httpd -t' => sub ($name, @said) {
        my ($rc, $output) = $server->configtest;
        isnt $rc, 0, "$name: an error";
        says_once($name, $output, 'EG0101', @said);
        goes_on($name);
    },
    (map {
        my $how = $_;
        "at $how" => sub ($name, @said) {
            ok !$server->$how, "$name: refused";
            says_once($name, $server->error, 'EG0101', @said);
            goes_on($name);
        };
    } 'graceful', 'restart'),
    (map {
        my $signal = $_;
        "after SIG$signal" => sub ($name, @said) {
            my ($generation, $mark) = ($server->generation, length $server->error_log);
            $server->signal($signal);
            ok $server->wait_for_generation($generation + 1), "$name: no end" or diag $server->error;
            says_once($name, substr($server->error_log, $mark), 'EG0102', $said[0], qr/$said[1].*; what it held before stays in use/);
            goes_on($name);
        };
    } 'USR1', 'HUP'),
);

is sealed_by(), 'demo', 'a server with good files';
for my $fault (@FAULTS) {
    my ($name, $make, $pattern, $path) = @$fault;
    $path //= $KEY_PATH;
    my @left = @MOMENTS;
    while (my ($moment, $do) = splice @left, 0, 2) {
        good_files();
        $make->($path);
        $do->("$name, $moment", $path, $pattern);
    }
}
good_files();
ok $server->graceful, 'good files again' or diag $server->error;
becomes('demo', 'and all is well');

# --- What is allowed ----------------------------------------------------------------------------------------------

for my $case (
    [ 'H5 a directory with the sticky bit', sub () { put($KEY_PATH, "$HEX\n"); chmod 01777, $FILES } ],
    [ 'H6 a link to a good file',           sub () { put("$FILES/good", "$HEX\n"); as_link_to("$FILES/good")->($KEY_PATH) } ],
    [ 'H7 two lines, as xxd prints them',   sub () { put($KEY_PATH, substr($HEX, 0, 60) . "\n" . substr($HEX, 60) . "\n") } ],
    [ 'H7 CR LF',                           sub () { put($KEY_PATH, "$HEX\r\n") } ],
    [ 'H7 no line end',                     sub () { put($KEY_PATH, $HEX) } ],
) {
    my ($name, $make) = @$case;
    good_files();
    ok $server->graceful, "$name: the server before" or diag $server->error;
    becomes('demo', "$name: with its key");
    $make->();
    ok $server->graceful, "$name: is taken" or diag $server->error;
    becomes('other', "$name: and its key seals");
}
good_files();

# Root's file, which a server of somebody else's reads by its group: how a container gets its secrets.
SKIP: {
    skip "H13 only root can be somebody else", 1 if $> != 0;
    my $group = 61_234;
    my $test  = sub (@who) {
        my ($httpd, $conf) = ($fresh->{httpd}, $fresh->config_file);
        return `setpriv --reuid=65534 @who "$httpd" -f "$conf" -t 2>&1`;
    };
    $fresh->configtest;    # writes it
    my $lend = sub ($mode) { for my $path ($KEY_PATH, $TOKEN_PATH) { chown 0, $group, $path; chmod $mode, $path } };
    my @by_group = map { [ "by $$_[0]", @$_[ 1, 2 ] ] } [ 'its own group' => "--regid=$group", '--clear-groups' ], [ 'a group it has besides' => '--regid=65534', "--groups=$group" ];
    for my $who (@by_group) {
        my ($name, @options) = @$who;
        $lend->(0440);
        is $test->(@options), "Syntax OK\n", "H13 root's files of mode 0440, read $name";
        $lend->(0640);
        my $said = $test->(@options);
        is scalar(() = $said =~ /EG0101: .*has mode 0640, .*run: chmod 0440/g), 2, "H13 mode 0640, read $name: refused" or diag $said;
    }
    $lend->(0440);
    my $said = $test->('--regid=65534', '--clear-groups');
    is scalar(() = $said =~ /EG0103: .*was not checked/g), 2, 'H13 a group that it has not: nothing was looked at' or diag $said;
    like +($fresh->configtest)[1], qr/EG0101: .*has mode 0440, .*chmod 0600/, 'H13 a server of root needs no group';
    good_files();
}

# A key of zeros is one, but not without a word.
put($KEY_PATH, '0' x 64 . "\n");
is +($server->configtest)[0], 0, 'H8 a key of zeros: no error';
{
    my $mark = length $server->error_log;
    ok $server->graceful, 'H8 a key of zeros: graceful' or diag $server->error;
    like substr($server->error_log, $mark), qr/\[encgather:warn\].*EG0104: EncGatherKeyFile '\Q$KEY_PATH\E' holds a key that does not look random/,
        'H8 a key of zeros: a warning';
    becomes('none', 'H8 a key of zeros: it seals');
}

# --- Another file in its place, between the look and the reading --------------------------------------------------

good_files();
ok $server->graceful, 'H6 swapped while it is read: the server before' or diag $server->error;
becomes('demo', 'H6 swapped while it is read: with its key');
SKIP: {
    skip 'H6 swapped while it is read: ' . pointless('shim'), 1 if pointless('shim');
    put($KEY_PATH, "$HEX\n");
    put("$TROUBLE/swap", "$KEY{ring1}\n", 0644);
    my $generation = $server->generation;
    $server->signal('USR1');
    ok $server->wait_for_generation($generation + 1), 'H6 swapped while it is read' or diag $server->error;
    ok !-e "$TROUBLE/swap", 'H6 swapped while it is read: so it was';
    becomes('other', 'H6 swapped while it is read: what was looked at is what was read');
    $server->signal('USR1');
    ok $server->wait_for_generation($generation + 2), 'H6 swapped while it is read: the next time' or diag $server->error;
    becomes('other', 'H6 swapped while it is read: the other file is not taken');
}

# --- A path that was never read before ----------------------------------------------------------------------------

good_files();
ok $server->graceful, 'H12 a path that was never read: the server before' or diag $server->error;
$server->configure(conf => $CONF . <<"CONF");
<Location /gather/key>
    EncGatherKeyFile "$FILES/never"
</Location>
<Location /gather/tokens>
    EncGatherAuthTokenFile "$FILES/nor"
</Location>
CONF
for my $signal ('USR1', 'HUP') {
    my ($generation, $mark) = ($server->generation, length $server->error_log);
    $server->signal($signal);
    ok $server->wait_for_generation($generation + 1), "H12 a path that was never read, SIG$signal: no end" or diag $server->error;
    my @lines = grep { /EG0102: / } split /\n/, substr $server->error_log, $mark;
    is scalar @lines, 2, "H12 a path that was never read, SIG$signal: a line each";
    is scalar(grep { /its locations answer 500/ } @lines), 2, "H12 a path that was never read, SIG$signal: which says what follows";
    becomes(500, "H12 a path that was never read, SIG$signal: no key", '/gather/key');
    becomes(500, "H12 a path that was never read, SIG$signal: no token", '/gather/tokens');
    goes_on("H12 a path that was never read, SIG$signal");
}
like $server->error_log, qr/\[encgather:error\].*EG0108: call \S+: answered 500, there is no usable EncGather$_/, "H12 a path that was never read: $_" for qw(KeyFile AuthTokenFile);

ok $server->stop, 'the server stops';
log_is_clean($server, qr/\[encgather:alert\].*EG0102: /, qr/\[encgather:error\].*EG0108: /, qr/\[encgather:warn\].*EG0104: /);
finish();
