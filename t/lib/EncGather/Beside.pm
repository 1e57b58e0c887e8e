# SPDX-License-Identifier: Apache-2.0
# One row of the table of neighbours, run: a private server with the neighbour in it gets the webhooks, and what was
# answered, written down and warned of is compared with what the row says.
package EncGather::Beside;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Cwd qw(abs_path);
use File::Find ();
use File::Path qw(make_path);
use MIME::Base64 qw(encode_base64);

use EncGather::Backend;
use EncGather::Daemon qw(free_ports program);
use EncGather::Files qw(slurp_if_there spew);
use EncGather::Fixtures qw(%KEY %TOKEN write_secret);
use EncGather::Httpd qw(httpd module_file modules_dir mpms);
use EncGather::Memory qw(count_in_memory);
use EncGather::Sanitizer qw(pointless);
use EncGather::Server;
use EncGather::Webhooks;

use constant BASE => [qw(authn_core authz_host alias proxy proxy_http)];

my $HANDLED = <<'END_OF_CONF';
EncGatherField encryptedCardDigits step=getCard digits=16
EncGatherField encryptedPinDigits step=getPin digits=16
ProxyPass /inner/ http://@BACKEND@/
ProxyPass /voice http://@BACKEND@/record
<Location /encrypted-gather>
    SetHandler encrypted-gather
    EncGatherBackend /inner/ok
</Location>
<Location /late>
    SetHandler encrypted-gather
    EncGatherBackend /inner/503
</Location>
<Location /voice>
    Require twilio-signature
</Location>
END_OF_CONF

my $SHIELDED = <<'END_OF_CONF';
ProxyPass /ivr/late http://@BACKEND@/503
ProxyPass /ivr http://@BACKEND@/record
ProxyPass /pay http://@BACKEND@/ok
<Location /ivr>
    EncGatherShield Digits:card
    EncGatherResign on
</Location>
<Location /pay>
    EncGatherReveal card
    EncGatherExpose on
</Location>
END_OF_CONF

# row       of the table
# dir       everything goes below it
# module    mod_encgather.so
# tree      where packages were unpacked; none: what is installed must do
sub new ($class, %options) {
    my $self = bless { tree => '', %options }, $class;
    $self->{module} = abs_path($self->{module});
    make_path($self->{dir});
    chmod 0755, $self->{dir};
    $self->{root} = "$self->{dir}/server";
    @$self{qw(port second_port backend_port)} = free_ports(3);
    return $self;
}

# Why it cannot be run here, or ''.
sub lacks ($self) {
    my $mpm = _mpm($self->{row});
    return "httpd has no MPM $mpm" unless grep { $_ eq $mpm } mpms();
    return 'only root can mount' if $self->{row}{mount} && $> != 0;
    my @missing = grep { !defined $self->_module_path($_) } $self->_loads;
    return @missing ? "there is no module @missing" : '';
}

# mpm-itk is a module on top of prefork.
sub _mpm ($row) { return $row->{mpm} eq 'itk' ? 'prefork' : $row->{mpm} }

# What differs from the row, a line each; none: all is as it says.
sub run ($self) {
    my $server   = $self->_server;
    my $row      = $self->{row};
    my $fails    = $row->{fails};
    my $database = $row->{mariadb} ? $self->_database : undef;
    my $starts = $server->start;
    return $self->_failed_start($server, $fails) if !$starts || $fails;
    my ($answers, $numbers) = $self->_answers;
    my @helpers = $row->{helpers} ? $self->_helpers($server) : ();
    my $stopped = $server->stop;
    $database->stop if $database;
    return ($self->_compare_answers($answers), $self->_compare_files($numbers), $self->_compare_warnings($server), @helpers,
        $self->_shown, $stopped ? () : 'the server does not stop', $self->_crashes($server));
}

sub _failed_start ($self, $server, $fails) {
    my $why = $server->error;
    $server->stop;
    return 'it starts' if $fails && !length $why;
    return () if defined $fails && $why =~ /$fails/;
    return "it does not start: $why";
}

# --- The server ------------------------------------------------------------------------------------------------

sub _server ($self) {
    my ($row, $root) = @$self{qw(row root)};
    make_path("$root/htdocs", "$self->{dir}/private");
    write_secret("$self->{dir}/private/key",    "$KEY{demo}\n");
    write_secret("$self->{dir}/private/tokens", "$TOKEN{demo}\n");
    $self->_write_certificate if $row->{conf} =~ /\@CERT\@/;
    for my $dir (@{ $row->{dir} || [] }) {
        make_path("$root/$dir");
        chmod 0777, "$root/$dir";
    }
    $self->_write_file($_) for @{ $row->{file} || [] };
    return EncGather::Server->new(dir => $root, httpd => $self->_httpd, mpm => _mpm($row), modules => BASE, port => $self->{port},
        environment => $self->_environment, conf => $self->_conf);
}

# A directory of a package over the one of the system, for httpd alone: some modules look nowhere else.
sub _httpd ($self) {
    my $directory = $self->{row}{mount} or return httpd();
    my $program   = "$self->{dir}/httpd";
    spew($program, <<"END_OF_PROGRAM", 0755);
#!/bin/sh
exec unshare -m sh -c 'mount --bind "$self->{tree}$directory" $directory && exec "\$0" "\$@"' @{[ httpd() ]} "\$@"
END_OF_PROGRAM
    return $program;
}

sub _write_certificate ($self) {
    require IO::Socket::SSL::Utils;
    my ($cert, $key) = IO::Socket::SSL::Utils::CERT_create(CA => 1, subject => { CN => 'ivr.example.com' },
        subjectAltNames => [ [ DNS => 'ivr.example.com' ] ]);
    write_secret("$self->{dir}/private/tls.pem", IO::Socket::SSL::Utils::PEM_cert2string($cert) . IO::Socket::SSL::Utils::PEM_key2string($key));
    return;
}

# A MariaDB with a user and a database "log", all its files below the server's root, so that they are searched, too.
sub _database ($self) {
    my ($dir, $socket) = ("$self->{root}/mariadb", "$self->{root}/mariadb/socket");
    my @as     = ('--no-defaults', "--socket=$socket");
    my $daemon = EncGather::Daemon->new(dir => $dir,
        command => [ program('mariadbd') // die("no mariadbd\n"), '--no-defaults', "--datadir=$dir/data", "--socket=$socket", "--pid-file=$dir/pid",
            '--skip-networking', '--innodb-buffer-pool-size=16M', '--general-log', "--general-log-file=$dir/logs/queries" ],
        ready => sub () { return system("mariadb-admin @as --user=root --silent ping >/dev/null 2>&1") == 0 });
    $daemon->run(program('mariadb-install-db'), '--no-defaults', "--datadir=$dir/data", '--skip-test-db', '--auth-root-authentication-method=normal',
        '--skip-name-resolve') && $daemon->start or die 'MariaDB: ' . $daemon->last_words;
    $daemon->run(program('mariadb'), @as, '--user=root', '-e',
        "CREATE DATABASE log; CREATE USER log\@localhost IDENTIFIED BY 'x'; GRANT ALL ON log.* TO log\@localhost") or die 'MariaDB: ' . $daemon->last_words;
    return $daemon;
}

# "PATH [MODE]", then its lines.
sub _write_file ($self, $text) {
    my ($head, $content) = split /\n/, $text, 2;
    my ($path, $mode)    = split ' ', $head;
    make_path("$self->{root}/$path" =~ s{/[^/]*\z}{}r);
    spew("$self->{root}/$path", $self->_filled(($content // '') . "\n"), oct($mode // '644'));
    return;
}

sub _environment ($self) {
    my @places = glob "$self->{tree}/usr/lib/*-linux-gnu $self->{tree}/usr/lib $self->{tree}/lib/*-linux-gnu";
    return length $self->{tree} ? { LD_LIBRARY_PATH => join ':', @places } : {};
}

sub _filled ($self, $text) {
    $text =~ s{\@TREE\@(/[^"\s]*)}{$self->_packaged($1)}ge;
    my %value = (ROOT => $self->{root}, PORT => $self->{port}, PORT2 => $self->{second_port},
        BACKEND => "127.0.0.1:$self->{backend_port}", CERT => "$self->{dir}/private/tls.pem");
    return $text =~ s/\@([A-Z0-9]+)\@/$value{$1} \/\/ "\@$1\@"/ger;
}

# A file of a package: unpacked, or installed.
sub _packaged ($self, $path) {
    my ($first) = glob "$self->{tree}$path";
    return length $self->{tree} && defined $first && -e $first ? "$self->{tree}$path" : $path;
}

# "name", or "name_module=file.so".
sub _loads ($self) { return split ' ', $self->{row}{load} }

sub _module_path ($self, $load) {
    my ($name, $file) = split /=/, $load;
    my $path = $file ? modules_dir() . "/$file" : module_file($name);
    my $ours = "$self->{tree}/usr/lib/apache2/modules/" . ($file // "mod_$name.so");
    return length $self->{tree} && -e $ours ? $ours : defined $path && (!length $path || -e $path) ? $path : undef;
}

sub _load_line ($self, $load) {
    my ($name) = split /=/, $load;
    my $path = $self->_module_path($load);
    return length $path ? "LoadModule ${\ ($load =~ /=/ ? $name : qq(${name}_module))} \"$path\"\n" : '';
}

# In the order of their names, as a2enmod has it, unless the row wants another: hooks of the same rank go in this order.
sub _load_lines ($self) {
    my $last  = $self->{row}{last} // '';
    my %after = map { $_ => $last eq 'yes' || $last ne 'no' && $_ gt 'encgather' } $self->_loads;
    return join '', map({ $self->_load_line($_) } grep { !$after{$_} } $self->_loads),
        qq(LoadModule encgather_module "$self->{module}"\n), map { $self->_load_line($_) } grep { $after{$_} } $self->_loads;
}

# The daemon of mod_wsgi does not start where its user, who is ours where that is not root, has no home.
sub _at_home ($self, $conf) {
    return $> == 0 || -d ((getpwuid $>)[7] // '') ? $conf : $conf =~ s/^\s*WSGIDaemonProcess .*\K/ home=$self->{root}/mgr;
}

sub _conf ($self) {
    return $self->_load_lines . $self->_at_home($self->_filled($self->{row}{conf})) . <<"END_OF_CONF" . $self->_filled($self->{row}{shield} ? $SHIELDED : $HANDLED);
EncGatherKeyFile "$self->{dir}/private/key"
EncGatherAuthTokenFile "$self->{dir}/private/tokens"
EncGatherMaxBody @{[ EncGather::Webhooks::LIMIT ]}
END_OF_CONF
}

# --- What happens -------------------------------------------------------------------------------------------------

sub _answers ($self) {
    my $row      = $self->{row};
    my ($over, $origin) = split ' ', $row->{over} // 'tcp';
    my $backend  = EncGather::Backend->new(port => $self->{backend_port}, record => "$self->{dir}/private/backend");
    my $webhooks = EncGather::Webhooks->new(port => $over =~ /^(?:tls|proxy)\z/ ? $self->{second_port} : $self->{port}, over => $over,
        backend => $backend, $origin ? (origin => $origin) : ());
    my %answers  = (%{ $webhooks->send_all($row->{shield}) }, map { $webhooks->ask($_) } @{ $row->{ask} || [] });
    $backend->stop;
    return (\%answers, $webhooks->numbers);
}

sub _compare_answers ($self, $answers) {
    my $wanted = $self->{row}{answers};
    my %all    = (%$answers, %$wanted);
    return map { "$_: answered $answers->{$_}, was $wanted->{$_}" }
        grep { ($answers->{$_} // '-') ne ($wanted->{$_} // '-') } map { $answers->{$_} //= '-'; $wanted->{$_} //= '-'; $_ } sort keys %all;
}

# --- Other processes ----------------------------------------------------------------------------------------------

# Those below httpd that do not listen at its port are helpers: there must be some, and none may hold the key. Only root
# can look, and in a server whose memory is its own.
sub _helpers ($self, $server) {
    return () if $> != 0 || pointless('memory');
    my @helpers = grep { !$self->_listens($_) } _below($server->pid);
    my $key     = pack 'H*', $KEY{demo};
    return ((map { "process $_ has the key: " . slurp_if_there("/proc/$_/cmdline") =~ tr/\0/ /r } grep { count_in_memory($_, $key) } @helpers),
        @helpers ? () : 'there is no helper process');
}

sub _listens ($self, $pid) {
    my $port   = sprintf '%04X', $self->{port};
    my @inodes = slurp_if_there('/proc/net/tcp') =~ /^\s*\d+: [0-9A-F]+:$port [0-9A-F]+:0000 0A(?: +\S+){5} +(\d+)/mg;
    my %open   = map { (readlink $_) // '' => 1 } glob "/proc/$pid/fd/*";
    return grep { $open{"socket:[$_]"} } @inodes;
}

sub _below (@pids) {
    my (%children, @found);
    for my $pid (map { m{(\d+)\z} } glob '/proc/[0-9]*') {
        push @{ $children{$1} }, $pid if slurp_if_there("/proc/$pid/stat") =~ /^.*\) [^Z] (\d+)/s;
    }
    push @found, @pids = map { @{ $children{$_} || [] } } @pids while @pids;
    return @found;
}

# --- Files ----------------------------------------------------------------------------------------------------------

sub _files ($self) {
    my @files;
    File::Find::find({ no_chdir => 1, wanted => sub { push @files, $_ if -f && !m{/server/conf/httpd\.conf\z} } }, $self->{root});
    return sort @files;
}

# All the ways in which a number may be written down => its request.
sub _spellings ($numbers) {
    my %name;
    for my $number (keys %$numbers) {
        my $hex = unpack 'H*', $number;
        my @all = ($number, $hex, join(' ', $hex =~ /../g), join('', map { "%$_" } $hex =~ /../g), map { _base64($number, $_) } 0 .. 2);
        @name{@all} = ($numbers->{$number}) x @all;
    }
    return \%name;
}

# What is left of it in base64 wherever it begins.
sub _base64 ($number, $before) {
    my $text = encode_base64('x' x $before . $number, '');
    return substr $text, $before ? $before + 1 : 0, 20;
}

# Path below the server's root => the requests whose numbers are in it.
sub _hits ($self, $numbers) {
    my $names = _spellings($numbers);
    my $any   = join '|', map { quotemeta } sort keys %$names;
    my %hits;
    for my $path ($self->_files) {
        my $where = substr $path, 1 + length $self->{root};
        my $text  = "$where\n" . slurp_if_there($path);
        $hits{$where}{ $names->{$1} } = 1 while $text =~ /($any)/g;
    }
    return \%hits;
}

# "FILE: request request": * in a name is anything.
sub _compare_files ($self, $numbers) {
    my $hits = $self->_hits($numbers);
    my (%found, %wanted);
    for my $line (@{ $self->{row}{written} || [] }) {
        my ($glob, $names) = $line =~ /^(\S+): (.*)\z/ or die "written $line\n";
        $wanted{$glob} = join ' ', sort split ' ', $names;
        my $pattern = join '.*', map { quotemeta } split /\*/, $glob, -1;
        $found{$glob}{$_} = 1 for map { keys %{ delete $hits->{$_} } } grep { /^$pattern\z/ } keys %$hits;
    }
    return (
        (map { my $is = join ' ', sort keys %{ $found{$_} || {} }; $is eq $wanted{$_} ? () : "$_: digits of ($is), were of ($wanted{$_})" } sort keys %wanted),
        (map { "$_: digits of (" . join(' ', sort keys %{ $hits->{$_} }) . '), was without' } sort keys %$hits),
    );
}

# --- Logs -----------------------------------------------------------------------------------------------------------

sub _compare_warnings ($self, $server) {
    my %seen = map { $_ => 1 } $server->error_log =~ /\[encgather:warn\].*?\b(EG012\d)/g;
    my ($is, $was) = (join(' ', sort keys %seen) || 'none', join(' ', sort split ' ', $self->{row}{warns} // '') || 'none');
    return $is eq $was ? () : "warned of: $is, was $was";
}

# "FILE REGEX": what shows that the neighbour was at work.
sub _shown ($self) {
    my @problems;
    for my $line (@{ $self->{row}{shows} || [] }) {
        my ($glob, $regex) = split ' ', $line, 2;
        my $pattern = join '.*', map { quotemeta } split /\*/, $glob, -1;
        my @files   = grep { substr($_, 1 + length $self->{root}) =~ /^$pattern\z/ } $self->_files;
        push @problems, "$glob does not show $regex" unless grep { slurp_if_there($_) =~ /$regex/ } @files;
    }
    return @problems;
}

sub _crashes ($self, $server) {
    return grep { /exit signal/ } split /\n/, $server->error_log;
}

1;
