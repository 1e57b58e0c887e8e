# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# The command line program: its keys, tokens, indexes and signatures against other makers' code, an interrupted rewrap
# that loses nothing, and everything that is refused without a word of what it was given.
use strict;
use warnings;
use feature 'signatures';
no warnings qw(experimental::signatures portable);

use Cwd qw(abs_path);
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use Fcntl qw(:flock);
use File::Temp ();
use FindBin;
use IO::Handle;
use POSIX ();
use Socket qw(AF_UNIX SOCK_SEQPACKET PF_UNSPEC);
use Test::More;
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp);
use EncGather::Fixtures qw(%KEY %TOKEN $ACCOUNT_SID write_secret);
use EncGather::Sanitizer qw(pointless);
use EncGather::Signature qw(signature signature_sha256 form_encode body_sha256);

my $TOP  = abs_path("$FindBin::Bin/..");
my $TOOL = $ENV{ENCGATHER_TOOL} || "$TOP/build/out/encgather";
plan skip_all => "no $TOOL: make all builds it" if !-x $TOOL;
plan skip_all => 'no CryptX: on Debian, build/deps.sh test installs it'
    if !eval { require Crypt::AuthEnc::GCM; Crypt::AuthEnc::GCM->import(qw(gcm_encrypt_authenticate gcm_decrypt_verify)); 1 } && !$ENV{CI};

my $DIR      = File::Temp->newdir;
my @COMMANDS = qw(keygen check encrypt decrypt rewrap index sign verify inspect trace doctor unlock);
my $HEX      = $KEY{demo};
my $OTHER    = $KEY{other};
my ($GOOD, $DATA, $USAGE, $SYSTEM) = (0, 1, 2, 3);

my $serial = 0;
sub fresh            { return "$DIR/file" . ++$serial }
sub secret ($bytes, $mode = 0600) { return write_secret(fresh(), $bytes, $mode) }

sub plain_file ($bytes) {
    my $path = fresh();
    open my $file, '>:raw', $path or die "$path: $!";
    print {$file} $bytes;
    close $file or die "$path: $!";
    return $path;
}

# Starts the program; %with has in, out, err (a file's name, a handle; undef: closed), append, umask, uid, env.
sub start ($arguments, %with) {
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    my $write = POSIX::O_WRONLY | POSIX::O_CREAT | ($with{append} ? POSIX::O_APPEND : POSIX::O_TRUNC);
    my @is = map { exists $with{$_} ? $with{$_} : '/dev/null' } qw(in out err);
    my @fd = map { ref $is[$_] ? fileno $is[$_] : defined $is[$_] ? POSIX::open($is[$_], $_ ? $write : POSIX::O_RDONLY, 0666) : -1 } 0 .. 2;
    $fd[$_] < 0 ? POSIX::close($_) : POSIX::dup2($fd[$_], $_) for 0 .. 2;
    POSIX::close($_) for grep { $_ > 2 } @fd;
    umask $with{umask} if defined $with{umask};
    POSIX::setgid($with{uid}), POSIX::setuid($with{uid}) if $with{uid};
    %ENV = (%ENV, %{ $with{env} || {} });
    exec {$TOOL} $TOOL, @$arguments or POSIX::_exit(98);
}

# Waits for the end of a process; one that does not come to it is killed.
sub finish ($pid, $seconds = 120) {
    local $SIG{ALRM} = sub { kill 'KILL', $pid };
    alarm $seconds;
    waitpid $pid, 0;
    alarm 0;
    return;
}

# Exit code, standard output, standard error. A number below 0 is a signal.
sub run ($arguments, $input = '', %with) {
    my ($in, $out, $err) = (plain_file($input), fresh(), fresh());
    finish(start($arguments, in => $in, out => $out, err => $err, %with), $with{seconds} // 120);
    my $rc = $? & 127 ? -($? & 127) : $? >> 8;
    return ($rc, map { -f ? slurp($_) : '' } $out, $err);
}

# What must not be in any message.
sub says_nothing_of ($name, $text, @secrets) {
    return is_deeply [ grep { length >= 4 && index($text, $_) >= 0 } @secrets ], [], "$name: and repeats nothing";
}

sub is_run ($name, $arguments, $input, $rc, $out, $err = qr/\A\z/) {
    my ($is_rc, $is_out, $is_err) = run($arguments, $input);
    my $good = is $is_rc, $rc, "$name: exit status";
    $good &= ref $out ? like $is_out, $out, "$name: output" : is $is_out, $out, "$name: output";
    $good &= ref $err ? like $is_err, $err, "$name: messages" : is $is_err, $err, "$name: messages";
    diag "messages: $is_err" if !$good;
    return $is_out;
}

sub gives_lines ($text) { return split /\n/, $text }

# --- The other maker --------------------------------------------------------------------------------------

sub seal ($plain, $key = $HEX, $nonce = undef) {
    $nonce //= join '', map { chr int rand 256 } 1 .. 12;
    my ($text, $tag) = gcm_encrypt_authenticate('AES', pack('H*', $key), $nonce, '', $plain);
    return unpack 'H*', $nonce . $text . $tag;
}

sub open_token ($token, $key = $HEX) {
    my ($nonce, $text, $tag) = pack('H*', $token) =~ /\A(.{12})(.*)(.{16})\z/s or return;
    return gcm_decrypt_verify('AES', pack('H*', $key), $nonce, '', $text, $tag);
}

sub blind_index ($key, @values) {
    my $derived = hmac_sha256("encgather-index\x01", hmac_sha256(pack('H*', $key), "\0" x 32));
    return hmac_sha256_hex(join('', map { pack('N', length) . $_ } @values), $derived);
}

# --- Usage ------------------------------------------------------------------------------------------------

my ($version) = slurp("$TOP/mod_encgather/version.h") =~ /EG_VERSION "([^"]+)"/;
is_run('--version', ['--version'], '', $GOOD, "encgather $version\n");
my $help = is_run('--help', ['--help'], '', $GOOD, qr/\Ausage: encgather COMMAND/);
my $pod  = slurp("$TOP/mod_encgather/tool/encgather.pod");
for my $command (@COMMANDS) {
    like $help, qr/^  $command +\S/m, "--help lists $command";
    my $usage = is_run("$command --help", [ $command, '--help' ], '', $GOOD, qr/\Ausage: encgather $command /);
    is_run("$command --help behind others", [ $command, '--nonsense', '--help' ], '', $GOOD, $usage);
    like $pod, qr/^=head2 $command$/m, "the manual has $command";
    is_deeply [ grep { index($pod, "B<$_>") < 0 } $usage =~ /(--[a-z-]+)/g ], [], "and each of its options";
}
is_run("help in other words: @$_", $_, '', $GOOD, $help) for ['-h'], ['help'];
is_run("help of a command: @$_", $_, '', $GOOD, qr/\Ausage: encgather keygen /) for [ 'help', 'keygen' ], [ 'keygen', '-h' ];
is_run('help of no command', [ 'help', '271828' ], '', $USAGE, '', qr/\Aencgather: argument 2 is no command; see: encgather --help\n\z/);
is_run('no command', [], '', $USAGE, '', qr/command is missing/);

# A person who sees nothing happen is told what is waited for.
sub terminal () {
    open my $master, '+<', '/dev/ptmx' or return;
    my ($unlock, $number) = (pack('i', 0), pack('i', 0));
    ioctl $master, 0x40045431, $unlock or return;    # TIOCSPTLCK
    ioctl $master, 0x80045430, $number or return;    # TIOCGPTN
    open my $slave, '+<', '/dev/pts/' . unpack('i', $number) or return;
    return ($master, $slave);
}
SKIP: {
    my ($master, $slave) = terminal() or skip 'no terminal can be made here', 6;
    for my $case ([ encrypt => '--key-file', secret("$HEX\n") ], [ sign => '--token-file', secret("$TOKEN{demo}\n"), 'https://a/' ]) {
        syswrite $master, "a=1\n\x04";
        my ($rc, $out, $err) = run($case, '', in => $slave);
        is $rc, $GOOD, "$case->[0] at a terminal";
        like $out, qr/\S/, "$case->[0] at a terminal: output";
        is $err, "encgather $case->[0]: reads what is typed here; Ctrl-D at the beginning of a line ends it\n", "$case->[0] at a terminal: it says so";
    }
}

my $key = secret("$HEX\n");
my @REFUSED = (
    [ 'an unknown command'         => ['271828'] ],
    [ 'a value as an argument'     => [ 'encrypt', '--key-file', $key, '271828' ] ],
    [ 'a value before the option'  => [ 'encrypt', '271828', '--key-file', $key ] ],
    [ 'a value behind --'          => [ 'encrypt', '--key-file', $key, '--', '271828' ] ],
    [ 'a value as an option'       => [ 'encrypt', '--key-file', $key, '--271828' ] ],
    [ 'a value as a short option'  => [ 'encrypt', '--key-file', $key, '-271828' ] ],
    [ 'a token as an argument'     => [ 'decrypt', '--key-file', $key, seal('271828') ] ],
    [ 'a value for the index'      => [ 'index', '--key-file', $key, "271828\t314159" ] ],
    [ 'a token for rewrap'         => [ 'rewrap', '--key-file', $key, seal('271828') ] ],
    [ 'an auth token as an option' => [ 'sign', "--token=$TOKEN{demo}", 'https://a/' ] ],
    [ 'no key file'                => ['encrypt'] ],
    [ 'an option without value'    => [ 'encrypt', '--key-file' ] ],
    [ 'an option twice'            => [ 'encrypt', '--key-file', $key, "--key-file=$key" ] ],
    [ 'a flag with a value'        => [ 'check', '--tokens=271828', $key ] ],
    [ 'a flag twice'               => [ 'check', '--tokens', '--tokens', $key ] ],
    [ 'an option cut short'        => [ 'encrypt', '--key', $key ] ],
    [ 'an option of another'       => [ 'encrypt', '--key-file', $key, '--id', '271828' ] ],
    [ 'two files for a key'        => [ 'keygen', fresh(), '271828' ] ],
    [ 'nothing to check'           => ['check'] ],
    [ 'an empty argument'          => [ 'encrypt', '--key-file', $key, '' ] ],
);
for my $case (@REFUSED) {
    my ($name, $arguments) = @$case;
    my ($rc, $out, $err) = run($arguments, "1234\n");
    is $rc, $USAGE, "refused: $name";
    is $out, '', "refused: $name: no output";
    like $err, qr/\Aencgather[^\n]*--help\n\z/, "refused: $name: one line";
    says_nothing_of("refused: $name", $err, '271828', '314159', $TOKEN{demo}, grep { /\A[0-9a-f]{20,}\z/ } @$arguments);
}

# --- keygen -----------------------------------------------------------------------------------------------

for my $umask (0, 022, 077, 0777) {
    my ($path, $name) = (fresh(), sprintf 'keygen under umask %04o', $umask);
    my ($rc, $out, $err) = run([ 'keygen', $path ], '', umask => $umask);
    is_deeply [ $rc, $out, $err ], [ $GOOD, '', '' ], "$name: silent";
    is sprintf('%04o', (stat $path)[2] & 07777), '0600', "$name: mode";
    like slurp($path), qr/\A[0-9a-f]{64}\n\z/, "$name: a key";
}
{
    my %seen;
    $seen{ (run(['keygen']))[1] }++ for 1 .. 20;
    is scalar(grep { /\A[0-9a-f]{64}\n\z/ } keys %seen), 20, 'keygen: another key every time';

    my $path = secret("precious\n", 0640);
    for my $target ($path, do { symlink $path, "$DIR/link"; "$DIR/link" }) {
        is_run('keygen over a file', [ 'keygen', $target ], '', $SYSTEM, '', qr/\Aencgather keygen: \Q$target\E: .*already.*\n\z/);
    }
    is slurp($path), "precious\n", 'keygen never overwrites';
    symlink "$DIR/nowhere", "$DIR/dead";
    is_run('keygen over a link to nothing', [ 'keygen', "$DIR/dead" ], '', $SYSTEM, '', qr/already/);
    ok !-e "$DIR/nowhere", 'keygen does not follow it';
    is_run('keygen over a directory', [ 'keygen', $DIR ], '', $SYSTEM, '', qr/already/);
    is_run('keygen where there is no directory', [ 'keygen', "$DIR/none/key" ], '', $SYSTEM, '', qr/No such file/);
}
{
    my $path = fresh();
    is_run('keygen --id', [ 'keygen', '--id', 'k-2_Z', $path ], '', $GOOD, '');
    like slurp($path), qr/\Ak-2_Z [0-9a-f]{64}\n\z/, 'keygen --id: a line of a ring';
    is_run('keygen --id=', [ 'keygen', '--id=' . 'a' x 32, '-' ], '', $GOOD, qr/\Aa{32} [0-9a-f]{64}\n\z/);
    ok !-e '-', 'keygen - makes no file';
    for my $id ('', 'a' x 33, 'a b', 'a:b', "a\n", '#', "\xc3\xa9", '../x') {
        my ($rc, $out, $err) = run([ 'keygen', '--id', $id, $path = fresh() ]);
        is_deeply [ $rc, $out, -e $path ], [ $USAGE, '', undef ], "keygen: no id: '" . ($id =~ s/[^ -~]/?/gr) . "'";
    }
}
SKIP: {
    skip 'no /dev/full', 4 if !-c '/dev/full';
    for my $case ([ ['keygen'], '' ], [ [ 'encrypt', '--key-file', $key ], "1234\n" ], [ ['--version'], '' ],
        [ [ 'check', secret("12\n") ], '' ]) {
        my ($rc, undef, $err) = run(@$case, out => '/dev/full');
        is $rc, $SYSTEM, "$case->[0][0] to a full disk fails";
    }
}
{
    my ($rc) = run(['keygen'], '', out => undef);
    is $rc, $SYSTEM, 'keygen to a closed descriptor fails';
    ($rc) = run([ 'encrypt', '--key-file', $key ], '', in => undef);
    is $rc, $SYSTEM, 'encrypt from one too';
    my $path = fresh();
    ($rc) = run([ 'keygen', $path ], '', in => undef, out => undef, err => undef);
    is $rc, $GOOD, 'keygen to a file, with none open';
    like slurp($path), qr/\A[0-9a-f]{64}\n\z/, 'holds the key and nothing else';
    ($rc) = run([ 'keygen', $path ], '', in => undef, out => undef, err => undef);
    is $rc, $SYSTEM, 'and is left alone';
}

# --- check ------------------------------------------------------------------------------------------------

sub fingerprint ($hex) { return substr hmac_sha256_hex('encgather-fingerprint', pack 'H*', $hex), 0, 8 }

my @RING = map { "key$_ " . unpack('H*', pack 'A32', "ring key number $_ is not random") . "\n" } 1 .. 9;
my %HOLDS = (
    "$HEX\n"                                    => "1 key, encrypting with the one it has (fingerprint @{[fingerprint($HEX)]})",
    uc substr($HEX, 0, 60) . "\n" . uc substr($HEX, 60) => "1 key, encrypting with the one it has (fingerprint @{[fingerprint($HEX)]})",
    "# two\nk2 $OTHER\n k1\t$HEX\r\n"           => "2 keys, encrypting with 'k2' (fingerprint @{[fingerprint($OTHER)]})",
    join('', @RING[ 0 .. 7 ])                   => qr/8 keys, encrypting with 'key1' \(fingerprint [0-9a-f]{8}\)/,
);
for my $content (sort keys %HOLDS) {
    my $path = secret($content);
    is_run('check: a good file', [ 'check', $path ], '', $GOOD, qr/\A\Q$path\E: @{[ ref $HOLDS{$content} ? $HOLDS{$content} : quotemeta $HOLDS{$content} ]}\n\z/);
}

my %BAD_KEYS = (
    ''                               => qr/is empty/,
    "\n \n"                          => qr/holds no key/,
    substr($HEX, 1) . "\n"           => qr/holds 63 hexadecimal digits, a key needs 64; make one with: \S/,
    "${HEX}a\n"                      => qr/line 1/,
    'g' . substr($HEX, 1)            => qr/line 1/,
    pack('H*', $HEX)                 => qr/not text/,
    "$HEX\0\n"                       => qr/not text/,
    "$HEX\n" . ' ' x (4097 - 65)     => qr/has 4097 bytes, more than 4096/,
    "k1 $HEX\nk1 $OTHER\n"           => qr/line 2: the id is there twice/,
    "k1 $HEX\nk2 $HEX\n"             => qr/line 2: the same key/,
    "k1 $HEX\nk2 xyz$OTHER\n"        => qr/line 2: character 1 of the key/,
    join('', @RING)                  => qr/line 9: more than 8 keys/,
);
for my $content (sort keys %BAD_KEYS) {
    my ($path, $why) = (secret($content), $BAD_KEYS{$content});
    my $out = is_run("check: $why", [ 'check', $path ], '', $DATA, qr/\A\Q$path\E: [^\n]*(?:$why)[^\n]*\n\z/);
    says_nothing_of('check', $out, grep { length > 5 } split ' ', $content);
    my ($rc, undef, $err) = run([ 'encrypt', '--key-file', $path ], "271828\n");
    is $rc, $SYSTEM, 'encrypt does not take it';
    like $err, qr/\Aencgather encrypt: key file '\Q$path\E' [^\n]*(?:$why)[^\n]*\n\z/, 'and says the same';
    says_nothing_of('encrypt', $err, '271828', grep { length > 5 } split ' ', $content);
}
{
    my $open = secret("$HEX\n", 0644);
    is_run('check: mode', [ 'check', $open ], '', $DATA, "$open: has mode 0644, group or others have access; run: chmod 0600 $open\n");
    is_run('check: missing', [ 'check', "$DIR/none" ], '', $DATA, "$DIR/none: cannot be opened: No such file or directory\n");
    is_run('check: a directory', [ 'check', $DIR ], '', $DATA, "$DIR: is not a regular file\n");
    mkdir "$DIR/open" and chmod 0777, "$DIR/open";
    my $below = write_secret("$DIR/open/key", "$HEX\n");
    is_run('check: below an open directory', [ 'check', $below ], '', $DATA, qr/\A\Q$below\E: the directory .* run: chmod o-w /);
    is_run('check: several', [ 'check', $key, $open, $key ], '', $DATA,
        qr/\A\Q$key\E: 1 key,.*\n\Q$open\E: has mode.*\n\Q$key\E: 1 key,.*\n\z/);
    is_run('check: a name that could cheat', [ 'check', "$DIR/a\n$key: 1 key" ], '', $DATA, qr/\A[^\n]+\?[^\n]+\n\z/);

    my ($lc) = map { (run([ 'check', "$DIR/none" ], '', env => { LC_ALL => $_, LANGUAGE => 'de' }))[1] } 'de_DE.UTF-8';
    is $lc, "$DIR/none: cannot be opened: No such file or directory\n", 'check: the same in every locale';
}
for my $weak ('ab' x 32, $KEY{vectors}, join '', map { sprintf '%02x', 40 - $_ } 0 .. 31) {
    my $path = secret("k1 $HEX\nk2 $weak\n");
    my ($rc, $out, $err) = run([ 'check', $path ]);
    is $rc, $GOOD, 'check: a weak key is no error';
    is $out, "$path: 2 keys, encrypting with 'k1' (fingerprint @{[fingerprint($HEX)]})\n", 'check: it is counted';
    is $err, "encgather check: $path: holds a key that does not look random; make one with: openssl rand -hex 32\n",
        'check: and warned of';
}
{
    my $tokens = secret("# two\n$TOKEN{demo}\n$ACCOUNT_SID $TOKEN{account}\n");
    my $one    = secret($TOKEN{demo});
    my $bad    = secret("$ACCOUNT_SID $TOKEN{demo} $TOKEN{other}\n");
    is_run('check --tokens', [ 'check', '--tokens', $tokens, $one ], '', $GOOD, "$tokens: 2 tokens\n$one: 1 token\n");
    for my $odd ([ $HEX => 'a line that looks like a key' ], [ 'your_auth_token' => 'a placeholder' ]) {
        my ($rc, undef, $err) = run([ 'check', '--tokens', secret("$odd->[0]\n") ]);
        is $rc, $GOOD, "check --tokens: $odd->[1]: no error";
        like $err, qr/\Aencgather check: [^\n]*: has [^\n]* where an auth token should be: [^\n]*\n\z/, 'and warned of';
        says_nothing_of('check --tokens', $err, $HEX);
    }
    my $out = is_run('check --tokens: bad', [ 'check', $bad, '--tokens' ], '', $DATA, qr/\A\Q$bad\E: line 1: [^\n]+\n\z/);
    says_nothing_of('check --tokens', $out, $ACCOUNT_SID, $TOKEN{demo}, $TOKEN{other});
    my $out2 = is_run('check: a token file is no key file', [ 'check', $tokens ], '', $DATA, qr/line 2/);
    says_nothing_of('check', $out2, $TOKEN{demo}, $TOKEN{account});
}
SKIP: {
    skip 'only root can become somebody else', 3 if $> != 0;
    chmod 0755, $DIR;
    my @as_nobody = run([ 'check', $key ], '', uid => 65_534);
    skip 'nobody cannot run it here', 3 if $as_nobody[0] == 98;
    is $as_nobody[0], $SYSTEM, 'check: what this user may not read is neither good nor bad';
    is $as_nobody[1], "$key: was not checked, this user may not read it; run the check as root\n", 'check: and says so';
    is +(run([ 'check', $key, "$DIR/none" ], '', uid => 65_534))[0], $DATA, 'check: a bad one outweighs it';
}
# The words of the server and of the program have to stay the same.
for my $words ('key%s, encrypting with %s', 'the one it has', '(fingerprint %s)', 'holds a key that does not look random; ',
    'make one with: openssl rand -hex 32', '%d token%s', 'was not checked, this user may not read it; run the ') {
    my %said    = (server => [qw(config/store.c config/announced.c)], program => ['tool/encgather_check.c']);
    my @without = grep { index(join('', map { slurp("$TOP/mod_encgather/$_") } @{ $said{$_} }) =~ s/"\s*\n\s*"//gr, $words) < 0 } sort keys %said;
    is_deeply \@without, [], "both say: $words";
}

# --- encrypt and decrypt ----------------------------------------------------------------------------------

my $vectors = secret("$KEY{vectors}\n");
my @CONTRACT = (
    '000102030405060708090a0b7630e52fe72e23669cfbdf872cdc83a470b014bf',
    '0c0d0e0f1011121314151617accd5be913918a24d4a6e56d28d319ead2f727be',
);
is_run('decrypt: the vectors of the contract', [ 'decrypt', '--key-file', $vectors ], "$CONTRACT[0]\n\U$CONTRACT[1]\E\n", $GOOD,
    "1234\n4321\n");

my @VALUES = ('0417', '', ' ', '0', '1' x 32, '*#', "caf\xc3\xa9", "\xff\xfe", "a\tb ", '4111111111111111', "a\rb", 'x' x 65_508);
{
    my $in     = join '', map { "$_\n" } @VALUES;
    my @tokens = gives_lines(is_run('encrypt', [ 'encrypt', "--key-file=$key" ], $in, $GOOD, qr/\A(?:[0-9a-f]{56,}\n)+\z/));
    is scalar @tokens, scalar @VALUES, 'encrypt: a token for each value';
    is_deeply [ map { open_token($_) } @tokens ], \@VALUES, 'encrypt: CryptX opens them';
    is length $tokens[0], 64, 'encrypt: four digits make 64 characters';
    is_run('decrypt', [ 'decrypt', '--key-file', $key ], join("\n", @tokens), $GOOD, $in);
    is_run('decrypt: what CryptX sealed', [ 'decrypt', '--key-file', $key ], join("\r\n", map { seal($_) } @VALUES), $GOOD, $in);
    is_run('encrypt: nothing', [ 'encrypt', '--key-file', $key ], '', $GOOD, '');

    my @many = gives_lines((run([ 'encrypt', '--key-file', $key ], "0417\n" x 5000))[1]);
    my %nonces = map { substr($_, 0, 24) => 1 } @many;
    is scalar keys %nonces, 5000, 'encrypt: a nonce for each value';
}
{
    my $ring = secret("new $HEX\nold $OTHER\n");
    my $in   = join '', map { "$_\n" } seal('0417', $OTHER), seal('0932', $HEX);
    is_run('decrypt: with any key of a ring', [ 'decrypt', '--key-file', $ring ], $in, $GOOD, "0417\n0932\n");
    my ($token) = gives_lines((run([ 'encrypt', '--key-file', $ring ], "0417\n"))[1]);
    is open_token($token), '0417', 'encrypt: with the first';
}

# A bad line gives an empty one, and goes by its number alone.
sub bad_lines ($name, $command, $lines, $out, @bad) {
    my ($rc, $is_out, $err) = run([ $command, '--key-file', $key ], join '', map { "$_\n" } @$lines);
    is $rc, $DATA, "$name: exit status";
    is $is_out, $out, "$name: an empty line for a bad one" if defined $out;
    is_deeply [ $err =~ /^encgather $command: line (\d+): [^\n]+$/mg ], \@bad, "$name: the numbers";
    is scalar gives_lines($err), scalar @bad, "$name: and nothing else";
    says_nothing_of($name, $err, map { split /[\0\r\t]/ } @$lines);
    return $is_out;
}

my $token = seal('0417');
bad_lines('decrypt', 'decrypt',
    [ $token, '', seal('0417', $OTHER), substr($token, 0, -1), substr($token, 2), $token . '00', "x$token", " $token", "$token ",
      substr($token, 0, -1) . (substr($token, -1) eq '0' ? '1' : '0'), '271828', "$token\0", $token, seal("04\n17"), 'f' x 56, '#', $token ],
    "0417\n" . "\n" x 11 . "0417\n" . "\n" x 3 . "0417\n", 2 .. 12, 14 .. 16);
{
    my @in  = ('0417', "271828\r", '0932', "2718\0", 'x' x 65_509, "\r", '271828');
    my @out = split /\n/, bad_lines('encrypt', 'encrypt', \@in, undef, 2, 4, 5, 6);
    is_deeply [ map { length ? open_token($_) : '' } @out ], [ '0417', '', '0932', '', '', '', '271828' ], 'encrypt: a line for each';
}
for my $command (qw(encrypt decrypt index rewrap)) {
    my ($rc, $out, $err) = run([ $command, '--key-file', $key ], "$token\n" . '5' x 131_073 . "\n$token\n");
    is $rc, $DATA, "$command: an endless line";
    like $err, qr/\Aencgather $command: standard input: line 2 is longer than 131072 bytes; stopped there\n\z/, "$command: stops it";
    is $out =~ tr/\n//, 1, "$command: behind the lines before it";
}

# --- index ------------------------------------------------------------------------------------------------

is_run('index: the key of the contract', [ 'index', '--key-file', $vectors ], "1234\t4321\n", $GOOD,
    blind_index($KEY{vectors}, '1234', '4321') . "\n");
{
    my @records = (['1234'], [ '1234', '4321' ], [ '12', '344321' ], [''], [ '', '' ], [ '1234', '' ], ["caf\xc3\xa9 "], [ 'x' x 300, 'y' ],
        [ 1 .. 16 ], [ map { int rand 10_000 } 1 .. 3 ]);
    my $in = join "\n", map { join "\t", @$_ } @records;
    my $ring = secret("new $HEX\nold $OTHER\n");
    is_run('index', [ 'index', '--key-file', $ring ], $in, $GOOD, join '', map { blind_index($HEX, @$_) . "\n" } @records);
}
bad_lines('index', 'index', [ '0417', "271828\r", join("\t", 1 .. 17), "2718\0", '0932' ],
    blind_index($HEX, '0417') . "\n\n\n\n" . blind_index($HEX, '0932') . "\n", 2 .. 4);

# --- Line by line -----------------------------------------------------------------------------------------

# Each write(2) is a record of its own on such a socket.
sub talk ($command, $lines) {
    socketpair my $mine, my $its, AF_UNIX, SOCK_SEQPACKET, PF_UNSPEC or die "socketpair: $!";
    pipe my $from, my $to or die "pipe: $!";
    $to->autoflush(1);
    my $pid = start([ $command, '--key-file', secret("new $HEX\nold $OTHER\n") ], in => $from, out => $its);
    close $from;
    close $its;
    my @answers;
    for my $line (@$lines) {
        local $SIG{ALRM} = sub { kill 'KILL', $pid };
        alarm 60;
        print {$to} "$line\n";
        defined sysread $mine, my $answer, 400_000 or die "sysread: $!";
        alarm 0;
        push @answers, $answer;
    }
    close $_ for $to, $mine;
    finish($pid);
    return @answers;
}

{
    my @values = ('0417', '', '0932', 'x' x 65_508);
    my @tokens = talk('encrypt', \@values);
    is scalar(grep { /\A[0-9a-f]+\n\z/ } @tokens), 4, 'encrypt: answers each line at once, in one piece';
    is_deeply [ talk('decrypt', [ map { s/\n//r } @tokens ]) ], [ map { "$_\n" } @values ], 'decrypt: too';
    is_deeply [ talk('index', ['0417']) ], [ blind_index($HEX, '0417') . "\n" ], 'index: too';
    my @renewed = talk('rewrap', [ map { seal($_, $OTHER) } @values ]);
    is scalar(grep { /\A[0-9a-f]+\n\z/ } @renewed), 4, 'rewrap: too';
}

# --- rewrap -----------------------------------------------------------------------------------------------

my $new_first = secret("new $HEX\nold $OTHER\n");
{
    my @lines = ("# tokens", '', " \t", '  # indented', seal('0417', $HEX), uc seal('0932', $HEX), seal('0417', $OTHER) . "\r", seal('', $OTHER),
        seal("a\nb", uc $OTHER), uc seal('0932', $OTHER));
    my @out = split /\n/, is_run('rewrap', [ 'rewrap', '--key-file', $new_first ], join("\n", @lines), $GOOD, qr/\n\z/), -1;
    pop @out;
    is_deeply [ @out[ 0 .. 5 ] ], [ @lines[ 0 .. 5 ] ], 'rewrap: copies what is no token and tokens of the first key';
    is_deeply [ map { open_token(s/\r//r) } @out[ 6 .. 9 ] ], [ '0417', '', "a\nb", '0932' ], 'rewrap: the others under the first key';
    is_deeply [ map { /\A[0-9a-f]+(\r?)\z/ ? $1 : 'bad' } @out[ 6 .. 9 ] ], [ "\r", '', '', '' ], 'rewrap: line ends kept';
}
{
    my @bad = (substr(seal('0417'), 1), seal('0417', $KEY{removed}), '271828', ' ' . seal('0417'), "x\ty");
    my ($rc, $out, $err) = run([ 'rewrap', '--key-file', $new_first ], join '', map { "$_\n" } seal('0'), @bad, seal('1', $OTHER));
    is $rc, $DATA, 'rewrap: lines that no key opens';
    is_deeply [ (split /\n/, $out)[ 1 .. 5 ] ], \@bad, 'rewrap: are copied as they are';
    is open_token((split /\n/, $out)[6]), '1', 'rewrap: goes on behind them';
    is $err, join('', map { "encgather rewrap: line $_: not a token of these keys; copied as it is\n" } 2 .. 6), 'rewrap: the numbers';
    says_nothing_of('rewrap', $err, @bad);
}

sub rewrap_files ($in, $out, @more) { return run([ 'rewrap', '--key-file', $new_first, '--input', $in, '--output', $out, @more ]) }

# Whether two texts hold the same, the second under the first key.
sub is_rewrapped ($name, $from, $to) {
    my @from = split /\n/, $from;
    my @to   = split /\n/, $to;
    my $wrong = grep { $_ > $#to || (open_token($from[$_], $OTHER) // open_token($from[$_])) ne (open_token($to[$_]) // '?') } 0 .. $#from;
    return ok(@from == @to && $to =~ /\n\z/ && !$wrong, $name) || diag scalar(@from) . ' lines, ' . scalar(@to) . " lines, $wrong wrong";
}

{
    my $text = join '', map { seal(sprintf('%04d', $_), $_ % 3 ? $OTHER : $HEX) . "\n" } 1 .. 40;
    my ($in, $out) = (plain_file($text), fresh());
    is_deeply [ rewrap_files($in, $out) ], [ $GOOD, '', '' ], 'rewrap to a file';
    is sprintf('%04o', (stat $out)[2] & 07777), '0600', 'rewrap: which is private';
    is_rewrapped('rewrap: all is there', $text, my $whole = slurp($out));
    is_deeply [ rewrap_files($in, $out) ], [ $GOOD, '', '' ], 'rewrap again';
    is slurp($out), $whole, 'rewrap: changes nothing';

    # Cut at every place around a line, and at the very beginning.
    for my $length (0, 1, 30, 63, 64, 65, 66, 129, 130, 150, length($whole) - 1) {
        my $part = plain_file(substr $whole, 0, $length);
        my ($rc, undef, $err) = rewrap_files($in, $part);
        is_deeply [ $rc, $err ], [ $GOOD, '' ], "rewrap: goes on behind $length bytes";
        is_rewrapped("rewrap: and nothing is lost or doubled", $text, slurp($part));
        my $kept = rindex(substr($whole, 0, $length), "\n") + 1;
        is substr(slurp($part), 0, $kept), substr($whole, 0, $kept), 'rewrap: what was there stays as it was';
    }

    my $other_order = join '', reverse $text =~ /(.+\n)/g;
    my @lines = $whole =~ /(.+\n)/g;
    my %FOREIGN = (
        'another input'                  => [ $whole, plain_file($other_order), qr/line 1 is not what becomes of line 1/ ],
        'a line doubled'                 => [ join('', @lines[ 0 .. 4, 4 ]), $in, qr/line 6 is not/ ],
        'a line lost'                    => [ join('', @lines[ 0 .. 4, 6 ]), $in, qr/line 6 is not/ ],
        'not rewrapped'                  => [ join('', ($text =~ /(.+\n)/g)[ 0, 1 ]), $in, qr/line 1 is not/ ],
        'a line too many'                => [ "$whole#\n", $in, qr/more lines than the input/ ],
        'a torn line too many'           => [ "${whole}ab", $in, qr/cut off, and not by rewrap/ ],
        'a text'                         => [ "precious\nthings\n", $in, qr/line 1 is not/ ],
        'a text without a line end'      => [ 'precious', $in, qr/cut off, and not by rewrap/ ],
        'a long line without an end'     => [ 'a' x 65, $in, qr/cut off, and not by rewrap/ ],
        'more than a line can have'      => [ 'a' x 200_000, $in, qr/longer than/ ],
    );
    for my $name (sort keys %FOREIGN) {
        my ($content, $from, $why) = @{ $FOREIGN{$name} };
        my $file = plain_file($content);
        my ($rc, undef, $err) = rewrap_files($from, $file);
        is $rc, $DATA, "rewrap does not go on: $name";
        like $err, $why, "rewrap: why: $name";
        ok slurp($file) eq $content, "rewrap: left as it was: $name";
    }

    is +(rewrap_files($in, $in))[0], $USAGE, 'rewrap: one file for both';
    is +(run([ 'rewrap', '--key-file', $new_first, '--output', $in ], '', in => $in))[0], $USAGE, 'rewrap: by redirection';
    is +(run([ 'rewrap', '--key-file', $new_first ], '', in => $in, out => $in, append => 1, seconds => 5))[0], $USAGE, 'rewrap: both ways';
    is slurp($in), $text, 'rewrap: which is left as it was';
    my $bare = secret($HEX);
    is +(run([ 'rewrap', '--key-file', $bare, '--input', $in, '--output', $bare ]))[0], $USAGE, 'rewrap: the key file as output';
    is slurp($bare), $HEX, 'rewrap: which is left as it was';
    is +(rewrap_files($in, $DIR))[0],         $SYSTEM, 'rewrap: a directory as output';
    is +(rewrap_files($in, '/dev/null'))[0],  $USAGE,  'rewrap: a device as output';
    is +(rewrap_files("$DIR/none", my $none = fresh()))[0], $SYSTEM, 'rewrap: no input';
    ok !-e $none, 'rewrap: then there is no output either';
    my $locked = plain_file('');
    open my $lock, '+<', $locked or die "$locked: $!";
    flock $lock, LOCK_EX or die "flock: $!";
    like +(rewrap_files($in, $locked))[2], qr/another rewrap/, 'rewrap: two at once';

    # What was bad the first time is told again: the last exit status is the one that counts.
    my $with_bad = plain_file("$text!\n$text");
    my $bad_out  = fresh();
    my @first    = rewrap_files($with_bad, $bad_out);
    is_deeply [ rewrap_files($with_bad, $bad_out) ], \@first, 'rewrap: a restart has the same verdict';
    is $first[0], $DATA, 'rewrap: bad';

    # Descriptors that are closed would be those of the files, and messages would go into the output.
    my $closed_out = fresh();
    my $closed_in  = plain_file("!\n" x 3);
    my ($rc) = run([ 'rewrap', '--key-file', $new_first, '--input', $closed_in, '--output', $closed_out ], '', in => undef, err => undef);
    is $rc, $DATA, 'rewrap: with descriptors closed';
    is slurp($closed_out), "!\n" x 3, 'rewrap: writes the same';
}
SKIP: {
    my $text = join '', map { seal(sprintf('%04d', $_), $OTHER) . "\n" } 1 .. 40;
    my ($in, $out) = (plain_file($text), fresh());
    my $limited = fork // die "fork: $!";
    if (!$limited) {
        $SIG{XFSZ} = 'IGNORE';
        open STDERR, '>', '/dev/null';
        exec '/bin/sh', '-c', 'ulimit -f 1 && exec "$@"', 'sh', $TOOL, 'rewrap', '--key-file', $new_first, '--input', $in, '--output', $out
            or POSIX::_exit(97);
    }
    waitpid $limited, 0;
    skip 'no ulimit -f', 3 if $? >> 8 == 97 || -s $out == length $text;
    is $? >> 8, $SYSTEM, 'rewrap: a full disk';
    like slurp($out), qr/\A(?:[0-9a-f]{64}\n)+\z/, 'rewrap: leaves whole lines';
    rewrap_files($in, $out);
    is_rewrapped('rewrap: and goes on when there is room', $text, slurp($out));
}

# Killed at any moment, and started again.
{
    my $count = 100_000;
    my $old   = secret("old $OTHER\n");
    my $in    = plain_file((run([ 'encrypt', '--key-file', $old ], join '', map { sprintf "%06d\n", $_ } 1 .. $count))[1]);
    my $out   = fresh();
    my $size  = -s $in;
    my ($killed, $grown) = (0, 0);
    for my $part (1 .. 8) {
        my $goal = $size * ($part - 1 + rand) / 14;    # far enough from the end for a slow machine
        my $pid  = start([ 'rewrap', '--key-file', $new_first, '--input', $in, '--output', $out ]);
        my $end  = time + 120;
        sleep 0.001 while (-s $out // 0) < $goal && time < $end && waitpid($pid, POSIX::WNOHANG()) == 0;
        kill 'KILL', $pid;
        waitpid $pid, 0;
        $killed++ if $? == 9;
        my $now = -s $out;
        truncate $out, $now - 20 if $part == 4;    # as a disk may leave it
        $grown++ if $now < $size;
    }
    cmp_ok $killed, '>=', 6, "rewrap of $count tokens: killed $killed times";
    cmp_ok $grown, '>=', 6, 'rewrap: before it was at the end';
    my ($rc, undef, $err) = rewrap_files($in, $out);
    is_deeply [ $rc, $err ], [ $GOOD, '' ], 'rewrap: comes to its end';
    my @tokens = split /\n/, slurp($out);
    is scalar @tokens, $count, 'rewrap: as many as there were';
    my $plain = (run([ 'decrypt', '--key-file', $key ], join "\n", @tokens))[1];
    ok $plain eq join('', map { sprintf "%06d\n", $_ } 1 .. $count), 'rewrap: none lost, none doubled, all in order and under the first key';
    is_deeply [ grep { $_ % 100 == 0 && (open_token($tokens[$_]) // '') ne sprintf '%06d', $_ + 1 } 0 .. $#tokens ], [],
        'rewrap: says CryptX, which looks at every hundredth';
    my %nonces = map { substr($_, 0, 24) => 1 } @tokens;
    is scalar keys %nonces, $count, 'rewrap: a nonce for each';
}

# --- sign and verify --------------------------------------------------------------------------------------

my $tokens = secret("12345\n0123456789abcdef0123456789abcdef\n");
my @P = (CallSid => 'CA1234567890ABCDE', Caller => '+14158675309', Digits => '1234', From => '+14158675309', To => '+18005551212');
my $U = 'https://mycompany.com/myapp.php?foo=1&bar=2';
my $JSON = '{"property": "value", "boolean": true}';

# Published with Twilio's documentation and helper libraries.
my @PUBLISHED = (
    [ V1  => $U, \@P, 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' ],
    [ V2  => 'https://mycompany.com:443/myapp.php?foo=1&bar=2', \@P, 'kvajT1Ptam85bY51eRf/AJRuM3w=' ],
    [ V4  => 'http://mycompany.com:1234/myapp.php?foo=1&bar=2', \@P, 'Zmvh+3yNM1Phv2jhDCwEM3q5ebU=' ],
    [ V6  => 'https://user:pass@mycompany.com/myapp.php?foo=1&bar=2', \@P, 'CukzLTc1tT5dXEDIHm/tKBanW10=' ],
    [ V7  => 'https://user@mycompany.com/myapp.php?foo=1&bar=2', \@P, '2YRLlVAflCqxaNicjMpJcSTgzSs=' ],
    [ V8  => 'https://user:pass@mycompany.com:443/myapp.php?foo=1&bar=2', \@P, 'ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=' ],
    [ V13 => $U, [ Sid => 'CA123', SidAccount => 'AC123', map { (Digits => $_) } 5678, 1234, 1234 ], 'IK+Dwps556ElfBT0I3Rgjkr1wJU=' ],
    [ V19 => $U, [], 'zYQTYrRWXE7LtzbG4PfP7/bkkGo=' ],
    [ V23 => $U, [ Message => 'Hello & goodbye! @#$%^*()', From => '+1 (415) 867-5309',
        Special => "unicode: \xc3\xb1\xc3\xa1\xc3\xa9\xc3\xad\xc3\xb3\xc3\xba" ], 'dCPiR4WtQ6QFN6pJh81CtlCcWLQ=' ],
    [ V27 => "https://mycompany.com/webhook/Espa\xc3\xb1a?a\xc3\xb1o=2023", \@P, 'G/Hx6mqqnjUNlPAoi2Sp9bGst0g=' ],
);
sub sign   ($url, @more) { return [ 'sign', '--token-file', $tokens, @more, $url ] }
sub verify ($url, $signature, @more) { return [ 'verify', '--token-file', $tokens, '--signature', $signature, @more, $url ] }

for my $vector (@PUBLISHED) {
    my ($name, $url, $pairs, $signature) = @$vector;
    my $body = form_encode(@$pairs);
    is_run("sign: vector $name", sign($url), $body, $GOOD, "$signature\n");
    is_run("verify: vector $name", verify($url, $signature), $body, $GOOD, "valid\n");
    is_run("verify: not $name", verify($url, $signature), $body . '&x=1', $DATA, "invalid: the signature does not fit\n");
}
for my $url ('https://a/', 'http://a', 'https://[2001:db8::1]/x?y', 'https://[::1]:8443/x', 'https://A.example.com:65535?x=%zz'
        =~ s/%zz/%20/r, 'http://a:123456789/', "https://a/b'\"<>", 'https://u:p@[::1]:1/') {
    for (1 .. 3) {
        my @pairs = map { (chr(65 + rand 4) => join '', map { chr 1 + int rand 255 } 1 .. rand 12) } 1 .. rand 8;
        my $body  = plain_file(form_encode(@pairs));
        my $want  = signature('12345', $url, \@pairs);
        is_run("sign agrees with another signer: $url", sign($url, '--body', $body), 'not read', $GOOD, "$want\n");
        is_run("verify too: $url", verify($url, $want, '--body', $body), '', $GOOD, "valid\n") if $url !~ /123456789/;
    }
}
{
    my $plain = signature('12345', $U, \@P);
    my $body  = form_encode(@P);
    is_run('verify: a broken query', verify('https://a/?a=%zz', $plain), $body, $DATA, qr/\Ainvalid: a form is broken/);
    is_run('verify: the second token', verify($U, signature($TOKEN{flow}, $U, \@P)), $body, $GOOD, "valid\n");
    is_run('verify: another token', verify($U, signature('12346', $U, \@P)), $body, $DATA, qr/\Ainvalid: [^\n]+\n\z/);
    is_run('verify: with the standard port', verify($U =~ s/\.com/.com:443/r, $plain), $body, $GOOD, "valid\n");
    is_run('verify: without the standard port', verify($U, signature('12345', $U =~ s/\.com/.com:443/r, \@P)), $body, $GOOD, "valid\n");
    is_run('verify: another port', verify($U =~ s/\.com/.com:80/r, signature('12345', $U =~ s/\.com/.com:81/r, \@P)), $body, $DATA, qr/\Ainvalid/);
    is_run('verify: http for https', verify($U =~ s/https/http/r, $plain), $body, $DATA, qr/\Ainvalid/);
    is_run('verify: no signature', verify($U, ''), $body, $DATA, qr/\Ainvalid/);
    is_run('verify: cut short', verify($U, substr $plain, 0, -1), $body, $DATA, qr/\Ainvalid/);
    is_run('verify: another case', verify($U, lc $plain), $body, $DATA, qr/\Ainvalid/);
    is_run('verify: a line end in the body', verify($U, $plain), "$body\n", $DATA, qr/\Ainvalid/);
    is_run('sign: a fragment is not signed', sign("$U#rc=2"), $body, $GOOD, "$plain\n");
    is_run('verify: nor looked at', verify("$U#rc=2", $plain), $body, $GOOD, "valid\n");
    is_run('sign --get', sign($U, '--get'), 'not read', $GOOD, signature('12345', $U) . "\n");
    is_run('verify --get', verify($U, signature('12345', $U), '--get'), 'not read', $GOOD, "valid\n");
    is_run('sign --body -', sign($U, '--body', '-'), $body, $GOOD, "$plain\n");

    for my $bad ('a=%zz', 'a=%0', 'a%00=1', "a=\0", join '&', map { "a=$_" } 1 .. 257) {
        my ($rc, $out, $err) = run(sign($U), "271828=1&$bad");
        is_deeply [ $rc, $out ], [ $DATA, '' ], 'sign: a broken form';
        says_nothing_of('sign', $err, '271828', $bad);
        is_run('verify: a broken form', verify($U, $plain), $bad, $DATA, qr/\Ainvalid: [^\n]+\n\z/);
    }
    for my $bad ('', 'mycompany.com/x', 'ftp://a/', 'HTTPS://a/', 'https://', 'https:///x', 'https:/a', '271828', 'https://:443/', 'https://[::1/') {
        my ($rc, $out, $err) = run(sign($bad), $body);
        is_deeply [ $rc, $out ], [ $USAGE, '' ], "sign: no URL: '$bad'";
        says_nothing_of('sign', $err, '271828');
        is +(run(verify($bad, $plain), $body))[0], $USAGE, "verify: no URL: '$bad'";
    }
    is +(run(sign($U, '--get', '--json'), ''))[0], $USAGE, 'sign: --get and --json';
    is +(run(sign($U, '--get', '--body', '-'), ''))[0], $USAGE, 'sign: --get and --body';
    is +(run([ 'verify', '--token-file', $tokens, $U ], ''))[0], $USAGE, 'verify without a signature';
    is +(run([ 'sign', '--token-file', $tokens, '--signature', 'x', $U ], ''))[0], $USAGE, 'sign with one';
    is +(run(sign($U, '--body', "$DIR/none"), ''))[0], $SYSTEM, 'sign: no such body';
    is +(run(sign($U), 'a=' . 'x' x (16 * 1024 * 1024 - 2)))[0], $GOOD, 'sign: a body of 16 MiB';
    is +(run(sign($U), 'a=' . 'x' x (16 * 1024 * 1024 - 1)))[0], $DATA, 'sign: no larger one';
}
{
    my $mixed = secret("0123456789abcdef0123456789abcdef\nwebhooks_sharedkey_1 another\nwebhooks_sharedkey_2 toySharedKeySecret\n");
    my $body  = form_encode(@P);
    my ($sha1, $sha256) = map { $_->('toySharedKeySecret', $U, \@P) } \&signature, \&signature_sha256;
    my $of = 'key=webhooks_sharedkey_2';
    my $sharing = sub ($file, $settings, @more) { return [ @more ? 'verify' : 'sign', '--token-file', $file, '--settings', $settings, @more, $U ] };
    is_run('check --tokens: SharedKeys', [ 'check', '--tokens', $mixed ], '', $GOOD, "$mixed: 3 tokens\n");
    is_run('sign --settings: SHA-256', $sharing->($mixed, "$of,algorithm=HMAC_SHA256"), $body, $GOOD, "$sha256\n");
    is_run('sign --settings: SHA-1', $sharing->($mixed, $of), $body, $GOOD, "$sha1\n");
    is_run('sign --settings: the first of any name', $sharing->($mixed, ''), $body, $GOOD, signature('another', $U, \@P) . "\n");
    is_run('verify --settings', $sharing->($mixed, "algorithm=hmac_sha256 , $of", '--signature', $sha256), $body, $GOOD, "valid\n");
    is_run('verify --settings: no name', $sharing->($mixed, 'algorithm=HMAC_SHA256', '--signature', $sha256), $body, $GOOD, "valid\n");
    is_run('verify --settings: another algorithm', $sharing->($mixed, $of, '--signature', $sha256), $body, $DATA, "invalid: the signature does not fit\n");
    is_run('verify: no auth token for SharedKeys', [ 'verify', '--token-file', $mixed, '--signature', $sha1, $U ], $body, $DATA, "invalid: the signature does not fit\n");
    is_run('verify --settings: no such kind', $sharing->($tokens, $of, '--signature', $sha1), $body, $DATA, "invalid: it is of a SharedKey, and the token file has none\n");
    is_run('verify --settings: no such name', $sharing->($mixed, 'key=271828', '--signature', $sha1), $body, $DATA,
        "invalid: it is of a SharedKey that the token file does not have\n");
    for my $bad ('key=271828', 'algorithm=HMAC_271828', "$of,$of", 'algorithm=,algorithm=') {
        my ($rc, $out, $err) = run($sharing->($mixed, $bad), $body);
        is_deeply [ $rc, $out ], [ $DATA, '' ], "sign --settings: '$bad'";
        says_nothing_of('sign --settings', $err, '271828');
    }
}
{
    my $wss = 'wss://ivr.example.com/ws';
    my $key = '0123456789abcdef0123456789abcdef';
    is_run('sign: wss', [ 'sign', '--token-file', secret("$key\n"), "$wss/?a=b" ], 'not read', $GOOD, signature($key, "$wss/?a=b") . "\n");
    for my $url ($wss, "$wss/", 'https://ivr.example.com/ws', 'https://ivr.example.com/ws/', 'wss://ivr.example.com:443/ws') {
        is_run("verify: a handshake, signed $url", verify($wss, signature($key, $url)), 'not read', $GOOD, "valid\n");
        is_run("verify --websocket: signed $url", verify('https://ivr.example.com/ws', signature($key, $url), '--websocket'), 'not read', $GOOD, "valid\n");
    }
    is_run('verify: no handshake', verify('https://ivr.example.com/ws', signature($key, $wss), '--get'), '', $DATA, qr/\Ainvalid/);
    is_run('verify: another kind', verify($wss, signature($key, 'ws://ivr.example.com/ws')), '', $DATA, qr/\Ainvalid/);
    is +(run(verify($wss, 'x', '--json'), ''))[0], $USAGE, 'verify: a handshake has no body';
    is +(run([ 'sign', '--token-file', $tokens, '--websocket', $U ], ''))[0], $USAGE, 'sign: the scheme of the URL says it';
}
{
    my $hash = body_sha256($JSON);
    my $url  = "$U&bodySHA256=$hash";
    is_run('sign --json: vector V10', sign($url, '--json'), $JSON, $GOOD, "a9nBmqA0ju/hNViExpshrM61xv4=\n");
    is_run('sign: the hash alone decides', sign($url), $JSON, $GOOD, "a9nBmqA0ju/hNViExpshrM61xv4=\n");
    is_run('verify --json', verify($url, 'a9nBmqA0ju/hNViExpshrM61xv4=', '--json'), $JSON, $GOOD, "valid\n");
    for my $bad ([ $url, "$JSON " ], [ "$U&bodySHA256=\U$hash", $JSON ], [ "$url&bodySHA256=$hash", $JSON ], [ "$U&bodySHA256=", $JSON ],
        [ "$U&bodySHA256", '' ]) {
        is_run('sign --json: the hash does not fit', sign($bad->[0], '--json'), $bad->[1], $DATA, '', qr/bodySHA256/);
        is_run('verify --json: nor here', verify($bad->[0], signature('12345', $bad->[0])), $bad->[1], $DATA, qr/\Ainvalid: .*bodySHA256/);
    }
    is_run('sign --json: no hash', sign($U, '--json'), $JSON, $DATA, '', qr/no bodySHA256/);
    is_run('verify --json: no hash', verify($U, signature('12345', $U), '--json'), $JSON, $DATA, qr/\Ainvalid: .*no bodySHA256/);
}
{
    my $file = secret("AC1 first\nall\nAC2 second\nAC2 third\n");
    my @ask  = ('sign', '--token-file', $file);
    my $by   = sub ($token, @pairs) { return signature($token, 'https://a/', \@pairs) . "\n" };
    is_run('sign: the token of the account', [ @ask, '--account', 'AC2', 'https://a/' ], 'a=1', $GOOD, $by->('second', a => 1));
    is_run('sign: of AccountSid', [ @ask, 'https://a/' ], 'AccountSid=AC2', $GOOD, $by->('second', AccountSid => 'AC2'));
    is_run('sign: of all accounts', [ @ask, '--account', 'AC3', 'https://a/' ], 'a=1', $GOOD, $by->('all', a => 1));
    is_run('sign: the first', [ @ask, 'https://a/' ], 'a=1', $GOOD, $by->('first', a => 1));
    my $own = secret("AC1 first\n");
    is_run('sign: none', [ 'sign', '--token-file', $own, '--account', 'AC3', 'https://a/' ], '', $DATA, '', qr/no token of this account/);
    my @check = ('verify', '--token-file', $own, '--signature');
    is_run('verify: of AccountSid', [ @check, $by->('first', AccountSid => 'AC1') =~ s/\n//r, 'https://a/' ], 'AccountSid=AC1', $GOOD, "valid\n");
    is_run('verify: not of another', [ @check, $by->('first', AccountSid => 'AC2') =~ s/\n//r, 'https://a/' ], 'AccountSid=AC2', $DATA, qr/\Ainvalid/);
    is_run('verify: nor of two', [ @check, signature('first', 'https://a/?AccountSid=AC1', [ AccountSid => 'AC1' ]), 'https://a/?AccountSid=AC1' ],
        'AccountSid=AC1', $DATA, qr/\Ainvalid/);
}
is +(run([ 'sign', '--token-file', secret("$TOKEN{demo}\n", 0644), $U ], ''))[0], $SYSTEM, 'sign: an open token file';

# --- unlock -----------------------------------------------------------------------------------------------

# What a Redis has to do with it is in t/lockout.t.
{
    my $one  = secret("$HEX\n");
    my $ring = secret("a $HEX\nb $OTHER\n");
    my $unlock = sub (%with) {
        my %all = (state => 'redis:127.0.0.1:1', 'key-file' => $one, by => 'From', %with);
        return [ 'unlock', map { defined $all{$_} ? ("--$_", $all{$_}) : () } sort keys %all ];
    };
    for my $case (
        [ 'no --state',             { state => undef },                       qr/--state is missing/ ],
        [ 'no --key-file',          { 'key-file' => undef },                  qr/--key-file is missing/ ],
        [ 'no --by',                { by => undef },                          qr/--by is missing/ ],
        [ 'shm',                    { state => 'shm' },                       qr/--state is for redis: alone/ ],
        [ 'no address',             { state => 'redis:' },                    qr/--state takes redis:HOST/ ],
        [ 'a list',                 { state => 'redis:a,b' },                 qr/--state takes one address/ ],
        [ 'a user alone',           { user => 'u' },                          qr/--state has a user= that needs a password-file=/ ],
        [ 'no number of a database', { db => 'x' },                           qr/--state has a db= that is no number/ ],
        [ '--by Digits',            { by => 'Digits' },                       qr/--by= cannot be what callers key in/ ],
        [ '--by of no field',       { by => 'field:' },                       qr/--by=field: needs the name/ ],
        [ 'no scope',               { scope => 'a.b' },                       qr/--scope= is 1 to 64/ ],
    ) {
        my ($name, $with, $says) = @$case;
        is_run("unlock: $name", $unlock->(%$with), "314159\n", $USAGE, '', qr/\Aencgather unlock: $says.*\n\z/);
    }
    is_run('unlock: a ring', $unlock->('key-file' => $ring), "314159\n", $SYSTEM, '', qr/is a ring of keys/);
    is_run('unlock: no key file', $unlock->('key-file' => "$DIR/none"), "314159\n", $SYSTEM, '', qr/key file '.*none'/);
    is_run('unlock: a password of two lines', $unlock->('password-file' => secret("a\nb\n")), "314159\n", $SYSTEM, '', qr/password file '.*' holds more than one line, or none/);
    is_run('unlock: a password file for all', $unlock->('password-file' => secret("a\n", 0644)), "314159\n", $SYSTEM, '', qr/password file '.*'/);
    my (undef, undef, $said) = run($unlock->(), "314159\n");
    is_run('unlock: nobody there', $unlock->(), "314159\n", $SYSTEM, '', qr/\Aencgather unlock: (?:the Redis of --state is not there|this program was built without hiredis).*\n\z/);
    says_nothing_of('unlock', $said, '314159', $HEX);
}

# --- The process ------------------------------------------------------------------------------------------

SKIP: {
    my $own = secret("$HEX\n");
    chmod 0755, $DIR;
    chown 65_534, -1, $own if $> == 0;
    pipe my $from,   my $to     or die "pipe: $!";
    pipe my $answer, my $answers or die "pipe: $!";
    my $pid = start([ 'encrypt', '--key-file', $own ], in => $from, out => $answers, uid => $> == 0 && 65_534);
    close $_ for $from, $answers;
    syswrite $to, "0417\n";
    my $line  = readline $answer;
    my $owner = (stat "/proc/$pid/mem")[4];
    close $to;
    finish($pid);
    skip 'it cannot be run here by somebody who is not root', 1 if !defined $line || !defined $owner;
    is $owner, 0, 'other processes of the same user cannot look into it';
}

# How often a text is in the memory of a process.
sub count_in_memory ($pid, $text) {
    open my $maps, '<', "/proc/$pid/maps" or die "maps: $!";
    open my $memory, '<:raw', "/proc/$pid/mem" or die "mem: $!";
    my $count = 0;
    for (grep { /^\S+ rw/ } <$maps>) {
        my ($from, $to) = map { hex } /^([0-9a-f]+)-([0-9a-f]+)/;
        sysseek $memory, $from, 0;
        sysread $memory, my $bytes, $to - $from or next;
        $count += () = $bytes =~ /\Q$text\E/g;
    }
    return $count;
}

SKIP: {
    skip 'only root can look into it', 4 if $> != 0;
    skip pointless('memory'), 4 if pointless('memory');
    my $digits = '8147202693';
    for my $case ([ 'encrypt', $digits ], [ 'decrypt', seal($digits) ], [ 'index', "0417\t$digits" ], [ 'rewrap', seal($digits, $OTHER) ]) {
        my ($command, $line) = @$case;
        pipe my $from,   my $to      or die "pipe: $!";
        pipe my $answer, my $answers or die "pipe: $!";
        my $pid = start([ $command, '--key-file', $new_first ], in => $from, out => $answers);
        close $_ for $from, $answers;
        syswrite $to, "$line\n";
        my $got = readline $answer;
        my $end = time + 30;
        my $found;
        sleep 0.01 while ($found = count_in_memory($pid, $digits)) && time < $end;
        close $to;
        finish($pid);
        is $found, 0, "$command: a value is gone when its line is done";
    }
}

done_testing();
