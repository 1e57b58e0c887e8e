# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# The Debian package: the same bytes from every build, what is in it, and calls by the README's virtual host and the site among
# the examples, with nothing but what the package has. "make clean-room" does the first of these in a fresh Debian, by apt.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use File::Path qw(make_path);
use File::Temp ();
use FindBin;
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp_if_there spew);
use EncGather::Httpd qw(module_file);
use EncGather::Logs qw(alarms leaks);
use EncGather::Sanitizer qw(pointless);
use EncGather::Server;

my $TOP     = abs_path("$FindBin::Bin/..");
my $PACKAGE = 'libapache2-mod-encgather';
my @DIGITS  = ('1234', '4321');
my $HEARD   = qr/AC12345678|A C 1 2 3 4 5 6 7 8/;

plan skip_all => pointless('build') if pointless('build');

sub installed ($program) { return scalar grep { -x "$_/$program" } split(/:/, $ENV{PATH}), '/usr/sbin' }

my @MISSING = grep { !installed($_) } qw(dpkg-deb dpkg-buildpackage dh dh_apache2 pandoc);
plan skip_all => "no $MISSING[0]: on Debian, build/deps.sh package installs it" if @MISSING;

# Ctrl-C must still run destructors, which stop the server.
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

my $WORK = File::Temp->newdir('encgather-package-XXXXXX', TMPDIR => 1);
chmod 0711, $WORK;    # httpd's children read the database there

my %begun;    # whose processes, a group each, end with this one

# Starts a command: (pid, handle of what it says).
sub begin (@command) {
    my $pid = open my $output, '-|';
    die "fork: $!" unless defined $pid;
    return (($begun{$pid} = $pid), $output) if $pid;
    setpgrp;
    open STDIN,  '<', '/dev/null';
    open STDERR, '>&', \*STDOUT;
    { no warnings 'exec'; exec { $command[0] } @command }
    POSIX::_exit(127);
}

# (exit code, all that it said)
sub end ($pid, $output) {
    my $text = do { local $/; <$output> };
    close $output;
    delete $begun{$pid};
    return ($? >> 8 || $? & 127, $text // '');
}

END {
    my $status = $?;
    kill TERM => map { -$_ } keys %begun;
    waitpid $_, 0 for keys %begun;
    $? = $status;
}

sub run (@command) { return end(begin(@command)) }

sub succeeds ($name, @command) {
    my ($rc, $output) = run(@command);
    is($rc, 0, $name) or diag $output;
    return $output;
}

# --- Versions: one, in three places ------------------------------------------------------------------------------

my ($VERSION) = slurp_if_there("$TOP/mod_encgather/version.h") =~ /EG_VERSION "(.*)"/;
like slurp_if_there("$TOP/build/debian/changelog"), qr/^$PACKAGE \(\Q$VERSION\E\) /, 'the changelog of the package has the version';
my $SPEC = slurp_if_there("$TOP/build/rpm/mod_encgather.spec");
like $SPEC, qr/^Version: +\Q$VERSION\E$/m, 'so has the RPM';
like $SPEC, qr/^%changelog\n\*.* - \Q$VERSION\E-/m, 'and its changelog';
like slurp_if_there("$TOP/conf/manual/index.md"), qr/\(\Q$_\E\)/, "the manual's index lists $_"
    for grep { $_ ne 'index.md' } map { m{([^/]+)\z} } glob "$TOP/conf/manual/*.md";

# --- Two builds, one package -------------------------------------------------------------------------------------

# Another directory, umask, locale and, if that can be had, another year.
sub begin_other_build ($directory) {
    my @later = installed('faketime') ? ('faketime', '-f', '+400d') : ();
    local @ENV{qw(TZ LC_ALL)} = ('Asia/Kathmandu', 'C');
    my $umask = umask 0077;
    my @build = begin(@later, "$TOP/build/deb", $directory);
    umask $umask;
    return @build;
}

# The packages in a directory: name => content
sub packages ($directory) {
    return { map { m{([^/]+)\z} => slurp_if_there($_) } glob "$directory/*.deb" };
}

my ($ONE, $OTHER) = ("$WORK/one", "$WORK/a/directory-of-another-name");
my @one   = begin("$TOP/build/deb", $ONE);
my @other = begin_other_build($OTHER);
my %build = (one => [ end(@one) ], other => [ end(@other) ]);
is($build{$_}[0], 0, "build: $_") or diag $build{$_}[1] for sort keys %build;

my ($first, $second) = (packages($ONE), packages($OTHER));
is scalar keys %$first, 2, 'a build makes the package and its debug symbols';
is_deeply [ sort keys %$second ], [ sort keys %$first ], 'another build makes them too';
ok $first->{$_} eq ($second->{$_} // ''), "byte for byte: $_" for sort keys %$first;
is_deeply [ grep { -e "$ONE/$_" } 'source' ], [], 'and leaves no copy of the sources';

my ($DEB) = grep { !/-dbgsym_/ } glob "$ONE/*.deb";
BAIL_OUT('no package') if !defined $DEB;

SKIP: {
    skip 'lintian is not installed', 1 if !installed('lintian');
    my ($changes) = glob "$ONE/*.changes";
    local $ENV{TMPDIR} = "$WORK";    # it leaves files there
    my @findings = grep { /^[EW]:/ } split /\n/, (run('lintian', '--fail-on', 'none', $changes))[1];
    is_deeply \@findings, [], 'lintian finds no error and no warning';
}

# --- What is in it -----------------------------------------------------------------------------------------------

my $DOC = "usr/share/doc/$PACKAGE";

sub manual_pages () {
    return map { m{([^/]+)\.md\z} ? ("$DOC/manual/$1.md", "$DOC/manual/$1.html") : () } glob "$TOP/conf/manual/*.md";
}

sub style_of_manual () {
    return map { "$DOC/manual/$_.css" } qw(manual palette);
}

my @EXPECTED = sort(
    'etc/apache2/mods-available/encgather.load', 'etc/apache2/mods-available/encgather.conf',
    'usr/lib/apache2/modules/mod_encgather.so', 'usr/bin/encgather', 'usr/bin/encgather-call',
    'usr/share/encgather/perl/EncGather/Caller.pm', 'usr/share/encgather/perl/EncGather/Provider.pm', 'usr/share/encgather/perl/EncGather/Signature.pm',
    'usr/share/man/man1/encgather.1.gz', 'usr/share/man/man1/encgather-call.1.gz',
    'usr/share/bash-completion/completions/encgather', 'usr/share/bash-completion/completions/encgather-call',
    "usr/share/doc-base/$PACKAGE.$PACKAGE", map({ "$DOC/$_" } qw(README.md changelog.gz copyright)), manual_pages(), style_of_manual(),
    "$DOC/examples/ivr.conf", "$DOC/examples/accounts.sql",
    map { m{([^/]+/[^/]+)\z} ? "$DOC/examples/$1" : () } glob("$TOP/conf/{backends,monitoring}/*"),
);
my @entries = map { [ m{^(\S+) (\S+) +\d+ \S+ \S+ \./(.*)$} ] } split /\n/, succeeds('it can be listed', 'dpkg-deb', '-c', $DEB);
my @files   = grep { $_->[0] !~ /^d/ } @entries;
is_deeply [ sort map { $_->[2] } @files ], \@EXPECTED, 'the files that it should have, and no others';
is_deeply [ grep { $_->[1] ne 'root/root' } @entries ], [], 'all belong to root';
is_deeply [ map { $_->[2] } grep { $_->[0] ne ($_->[2] =~ m{^usr/bin/} ? '-rwxr-xr-x' : '-rw-r--r--') } @files ], [],
    'programs can be run, everything else be read';
is_deeply [ map { $_->[2] } grep { /^d/ && $_ ne 'drwxr-xr-x' } map { $_->[0] } @entries ], [], 'directories are open';

sub field ($name) {
    my $value = succeeds("it has $name", 'dpkg-deb', '-f', $DEB, $name);
    chomp $value;
    return $value;
}

like field('Depends'), qr/(?:^|, )$_\b/, "it depends on $_"
    for 'apache2-api-20120211', 'apache2-bin', 'libjansson4', 'libhiredis\d[.\d]*', 'libssl3', 'libc6', 'libaprutil1', 'perl';
like field('Recommends'), qr/(?:^|, )\Q$_\E(?:,|$)/, "it recommends $_"
    for qw(libwww-perl libxml-libxml-perl liblwp-protocol-https-perl);
is field('Version'), $VERSION, 'its version is that of the module';

my $ROOT = "$WORK/root";
succeeds('it can be extracted', 'dpkg-deb', '-R', $DEB, $ROOT);
is slurp_if_there("$ROOT/DEBIAN/conffiles"), join('', map { "/$_\n" } grep { m{^etc/} } sort { $b cmp $a } @EXPECTED) =~ s/^(.*\n)(.*\n)$/$2$1/r,
    'what is in /etc is the administrator\'s';
for my $script (grep { -e "$ROOT/DEBIAN/$_" } qw(preinst postinst prerm postrm)) {
    my $text = slurp_if_there("$ROOT/DEBIAN/$script");
    succeeds("$script is a shell script", 'sh', '-n', "$ROOT/DEBIAN/$script");
    unlike $text, qr/systemctl|invoke-rc\.d|service /, "$script: asks nothing of a service manager";
    like $text, qr{-e /usr/share/apache2/apache2-maintscript-helper \]}, "$script: uses apache2's helper only where it is";
}
is_deeply [ grep { slurp_if_there("$ROOT/$_") =~ /\Q$WORK\E|\Q$TOP\E/ } @EXPECTED ], [], 'no file knows where it was made';
my @links = map { my $page = $_; map { "$page: $_" } slurp_if_there("$ROOT/$page") =~ /href="([a-z.\/-]*)"/g } grep { /\.html$/ } manual_pages();
cmp_ok scalar @links, '>', 5, 'the pages of the manual have links';
is_deeply [ grep { m{^(.*/).*: (.*)\z} && !-e "$ROOT/$1$2" } @links ], [], 'and each leads to a page';

# --- A call, by the README and the package alone -----------------------------------------------------------------

# The indented block of that section that is one.
sub readme_virtual_host () {
    my ($section) = slurp_if_there("$TOP/README.md") =~ /^## A virtual host\n(.*?)^## /ms;
    my ($block)   = ($section // '') =~ m{^(    <VirtualHost .*?^    </VirtualHost>\n)}ms;
    return ($block // '') =~ s/^    //mgr;
}

# Where it listens, our certificate, and this tree in front of paths.
sub for_here ($name, $block, $listen, $certificate) {
    $block =~ s/\*:443/$listen/ or fail("$name: an address");
    $block =~ s/^(\s*SSLCertificate(?:Key)?File) .*/$1 "$certificate"/mg == 2 or fail("$name: a certificate and its key");
    return in_root($block);
}

sub in_root ($text) { return $text =~ s{(?<=[ "=])/(etc/apache2|var/lib|usr/lib)/}{$ROOT/$1/}gr }

# The lines that an administrator puts in force by taking the "#" away.
sub uncommented ($text, $lines = qr/[A-Z<]|    [A-Z]/) { return $text =~ s/^#(?=$lines)//mgr }

sub certificate ($path) {
    succeeds('a certificate', qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1),
        '-addext', 'subjectAltName=IP:127.0.0.1,DNS:ivr.example.com', '-keyout', "$path.key", '-out', "$path.crt");
    return spew($path, slurp_if_there("$path.key") . slurp_if_there("$path.crt"));
}

sub free_port () { return IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)->sockport }

sub call ($port, $root = $ROOT) {
    return run("$root/usr/bin/encgather-call", '--token-file', "$root/etc/apache2/ivr.token", '--ca', "$root/etc/apache2/ivr.pem.crt",
        "https://127.0.0.1:$port/encrypted-gather", @DIGITS);
}

sub call_is_good ($name, $server, $port) {
    my ($rc, $output) = call($port);
    is $rc, 0, "$name: encgather-call: the call comes to its end";
    like $output, $HEARD, "$name: and the caller is found" or diag $output, $server->error_log;
    return;
}

# A request by hand: what encgather-call would never send.
sub raw ($port, $text) {
    my $socket = IO::Socket::SSL->new(PeerAddr => "127.0.0.1:$port", SSL_verify_mode => 0) or return '';
    print {$socket} $text =~ s/\n/\r\n/gr;
    local $/;
    return scalar <$socket> // '';
}

sub odd_requests ($port) {
    my $end   = "Host: 127.0.0.1:$port\nConnection: close\n";
    my $form  = $end . "Content-Type: application/x-www-form-urlencoded\nContent-Length: ";
    my $names = 'CallSid=%22%5C%0A&step=%22';
    raw($port, "$_->[0] HTTP/1.1\n$_->[1]\n") for
        [ 'POST /encrypted-gather?step=%22,%22x%22:%22\\%80"' => $form . "0\n" ],
        [ 'POST /encrypted-gather?step=getPin"\\' => $form . length($names) . "\n\n$names" ],
        [ 'GET /encrypted-gather?CallSid=CA"\\&Digits=12"' => $end ],
        [ 'BREW /decrypt-gather?"' => $end . "Transfer-Encoding: chunked\n\n0\n" ],
        [ 'POST /decrypt-gather' => $form . "2\n\n{\"" ], [ 'GET /nobody"' => $end ];
    return;
}

# Every line of a log by these formats, as the formats say it.
sub ivr_logs ($server, $requests) {
    my %log   = %{ $server->logs };
    my @plain = map { /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4} 127\.0\.0\.1 (\d+) \d+ call=(\S+) step=(\S+) result=(\S+) signature=(\S+)$/ ? "@{[$1, $2, $3, $4, $5]}" : $_ }
        split /\n/, $log{'ivr.log'} // '';
    my @json  = map { my $line = $_; eval { JSON::PP->new->decode($line) } || $line } split /\n/, $log{'ivr.json'} // '';
    is_deeply [ map { ref ? join ' ', @$_{qw(status call step result signature)} : $_ } @json ], \@plain, 'both logs say the same';
    is scalar @plain, $requests, 'a line for each request of ours';
    is_deeply [ grep { !ref || join(' ', sort keys %$_) ne 'call microseconds result signature status step time' } @json ], [], 'JSON, all of it';
    like "@plain", qr/200 CA\w{32} getLast4CC asked valid 200 CA\w{32} getPin asked valid 200 CA\w{32} processData found valid/, 'the call';
    return;
}

sub extracted_package () {
    my $etc = "$ROOT/etc/apache2";
    make_path("$ROOT/var/lib/ivr");
    my $umask = umask 0077;
    succeeds('encgather makes a key', "$ROOT/usr/bin/encgather", 'keygen', "$etc/ivr.key");
    succeeds('and one of what hosts share', "$ROOT/usr/bin/encgather", 'keygen', "$etc/state.key");
    spew("$etc/ivr.token", 'a' x 32 . "\n");
    spew("$etc/redis.password", "secret\n");
    my $certificate = certificate("$etc/ivr.pem");
    umask $umask;
    succeeds('the accounts', 'sqlite3', '-batch', "$ROOT/var/lib/ivr/accounts.db", ".read $ROOT/$DOC/examples/accounts.sql");

    my ($port, $site_port) = (free_port(), free_port());
    my $load  = in_root(slurp_if_there("$etc/mods-available/encgather.load"));
    my $conf  = slurp_if_there("$etc/mods-available/encgather.conf");
    unlike $conf, qr{^#?CustomLog logs/}m, 'encgather.conf: logs are where Debian has them';
    my $block = for_here('README', readme_virtual_host(), "127.0.0.1:$port", $certificate);
    my $site  = for_here('the site', slurp_if_there("$ROOT/$DOC/examples/ivr.conf"), "127.0.0.1:$site_port", $certificate);
    my $server = EncGather::Server->new(dir => "$WORK/httpd", modules => [qw(authn_core authz_host dbd ssl reqtimeout proxy proxy_http)],
        environment => { APACHE_LOG_DIR => "$WORK/httpd/logs" });
    my @ports = map { "Listen 127.0.0.1:$_" } $port, $site_port;
    # A host has one half of a pair, and says so where it has both.
    succeeds('encgather makes a pair', "$ROOT/usr/bin/encgather", 'keygen', '--recipient', 'p256', "$etc/bank-2026.key");
    my $every = in_root(uncommented($conf)) =~ s/^(?=EncGatherPrivateKeyFile )/#/mr;
    for my $case ([ "encgather.conf with every line in force" => $every ], [ "the README's virtual host" => $conf, $ports[0], $block ],
        [ 'the site' => $conf, $ports[1], $site ], [ 'all of it, with logs' => uncommented($conf, qr/CustomLog /), @ports, $block, $site ]) {
        my ($name, @texts) = @$case;
        $server->configure(conf => join "\n", $load, @texts);
        is +($server->configtest)[1], "Syntax OK\n", "$name: httpd -t has nothing to say";
    }
    ok $server->start, 'the server starts' or return diag $server->error;
    call_is_good('README', $server, $port);
    call_is_good('the site', $server, $site_port);
    odd_requests($site_port);
    like raw($site_port, "GET /encgather-status HTTP/1.1\nHost: x\nConnection: close\n\n"), qr/^HTTP\/1\.1 200 .*encgather/s, 'the site: its status page';
    ok $server->stop, 'the server stops';
    ivr_logs($server, 11);
    is_deeply [ grep { !/AH01873: Init: Session Cache|AH01906: .* is a CA certificate|EG0301: .* the X-Twilio-Signature is missing/ } map { alarms($_) } @{ $server->logs }{qw(error_log ivr-error.log)} ], [], 'nothing at warn or worse in its log';
    is_deeply [ map { leaks($_, @DIGITS) } values %{ $server->logs } ], [], 'no digits in any log';
    return;
}

SKIP: {
    my @why = ((map { "no $_" } grep { !installed($_) } qw(sqlite3 openssl)), (map { "no mod_$_" } grep { !defined module_file($_) } qw(dbd ssl reqtimeout proxy proxy_http)),
        (map { "no $_" } grep { !eval "require $_; 1" } qw(LWP::Protocol::https IO::Socket::SSL JSON::PP XML::LibXML)));
    skip $why[0], 1 if @why;
    extracted_package();
}

done_testing();
