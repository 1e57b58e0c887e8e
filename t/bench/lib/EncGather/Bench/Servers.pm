# SPDX-License-Identifier: Apache-2.0
# The servers that a benchmark compares, each started when it is first asked for, all ended with the program.
package EncGather::Bench::Servers;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Copy qw(copy);
use File::Temp;
use IO::Socket::INET;

use EncGather::Bench::Apache qw(apache gather_location lookup_location shield_location null_location database write_secret);
use EncGather::Bench::Cases qw(guard_location provider_location reveal_location write_secrets);
use EncGather::Bench::Measure;
use EncGather::Bench::Providers qw(PROVIDERS GUARDS);
use EncGather::Bench::Sealed qw(make_keys sealing_locations);
use EncGather::Bench::Webhooks qw(ORIGIN TOKEN KEY request);
use EncGather::Daemon qw(program free_ports);
use EncGather::Files qw(spew);
use EncGather::Httpd qw(httpd module_file modules_dir runtime_user);
use EncGather::Redis;

use constant { NODE_PROCESSES => { 'node-1' => 1, 'node-2' => 2 }, STATIC_BYTES => 1000 };

# top: the checkout; mpm; earlier: another build of the module
sub new ($class, %option) {
    my $self = bless { mpm => 'event', made => {}, missing => {}, owner => $$, %option }, $class;
    $self->{dir} = File::Temp->newdir('encgather-bench-XXXXXX', TMPDIR => 1);
    chmod 0711, "$self->{dir}";
    $self->{out} = "$self->{top}/build/out/bench";
    write_secret("$self->{dir}/key",   KEY);
    write_secret("$self->{dir}/token", TOKEN);
    write_secrets("$self->{dir}");
    make_keys("$self->{top}/build/out/encgather", $self->dir);
    database("$self->{dir}/accounts.db", "$self->{top}/conf/demo/accounts.sql");
    chmod 0644, "$self->{dir}/accounts.db";
    $self->_make_static;
    return $self;
}

sub dir ($self) { return "$self->{dir}" }

sub stop ($self) {
    return unless $self->{owner} == $$;
    $_->{server}->stop for values %{ delete $self->{made} || {} };
    return;
}

# { port, ports, pid } of a server; undef when it cannot be had here, and then why says the reason.
sub get ($self, $name) {
    return $self->{made}{$name} if $self->{made}{$name};
    return if $self->{missing}{$name};
    my $made = eval { $self->_start($name) };
    $self->{missing}{$name} = ($@ || 'unknown') =~ s/\s+\z//r unless $made;
    return $made ? $self->{made}{$name} = $made : undef;
}

sub why ($self, $name) { return $self->{missing}{$name} }

sub _start ($self, $name) {
    my $how = $name =~ /^(shieldnode|jose|node|nginx|express|php|postgresql|twiliorun)/ ? "_start_$1" : '_start_httpd';
    return $self->$how($name);
}

# --- httpd --------------------------------------------------------------------------------------------------

# NAME or NAME-MPM; plain has nothing of ours in it.
sub _start_httpd ($self, $name) {
    my ($kind, $mpm) = $name =~ /^(.*?)(?:-(worker|prefork))?\z/;
    my $what = "_conf_$kind";
    die "no server $name\n" unless $self->can($what);
    my ($port, @ports) = free_ports(4);
    my %more = $self->$what(@ports);
    mkdir "$self->{dir}/$name";
    my $server = apache(
        dir    => "$self->{dir}/$name",
        mpm    => $mpm || $self->{mpm},
        own    => { bench => "$self->{out}/mod_bench.so" },
        module => "$self->{top}/build/out/mod_encgather.so",
        httpd  => $self->_pinned_httpd,
        $mpm && $mpm eq 'prefork' ? (children => 20, threads => 1) : (),
        %more,
    );
    $server->start or die $server->error;
    return { server => $server, pid => $server->pid, port => $server->port, ports => \@ports };
}

# The program behind taskset; its pid stays the same.
sub _pinned_httpd ($self) {
    my @prefix = EncGather::Bench::Measure->pinned('server') or return httpd();
    my $path   = "$self->{dir}/pinned-httpd";
    return $path if -e $path;
    spew($path, "#!/bin/sh\nexec @prefix " . httpd() . qq( "\$@"\n));
    chmod 0755, $path;
    return $path;
}

sub _listen ($port, @lines) {
    return join "\n", "Listen 127.0.0.1:$port", "<VirtualHost 127.0.0.1:$port>", @lines, "</VirtualHost>\n";
}

sub _sqlite ($self) { return qq(DBDriver sqlite3\nDBDParams "$self->{dir}/accounts.db"\n) }

sub _conf_plain ($self, @ports) {
    return (module => undef, conf => $self->_nulls . _listen($ports[0], qq(DocumentRoot "$self->{dir}/www")));
}

sub _nulls ($self) {
    my $size = length $self->twiml;
    return null_location('/null', $size) . null_location('/walkless', $size, 'BenchNullWalk off');
}

sub _conf_ours ($self, @ports) {
    my @guarded = (qq(DocumentRoot "$self->{dir}/www"), qq(EncGatherAuthTokenFile "$self->{dir}/token"),
        'EncGatherPublicURL ' . ORIGIN, '<Location "/">', 'Require twilio-signature', '</Location>');
    return (modules => ['dbd'], conf => $self->_sqlite . gather_location('/encrypted-gather', '/decrypt-gather', $self->dir)
        . sealing_locations('/decrypt-gather', $self->dir) . lookup_location('/decrypt-gather', $self->dir) . _listen($ports[0], @guarded));
}

# The same twice, by two builds.
sub _conf_now ($self, @ports) {
    return (modules => ['dbd'], conf => $self->_sqlite . gather_location('/encrypted-gather', '/decrypt-gather', $self->dir)
        . lookup_location('/decrypt-gather', $self->dir));
}

sub _conf_earlier ($self, @ports) { return ($self->_conf_now(@ports), module => $self->{earlier}) }

# Few threads, so that each of them is used soon.
sub _conf_small      ($self, @ports) { return ($self->_conf_ours(@ports), children => 1, threads => 64) }
sub _conf_smallplain ($self, @ports) { return ($self->_conf_plain(@ports), children => 1, threads => 64) }

# The event MPM takes three connections for each thread, no more.
sub _conf_wide      ($self, @ports) { return ($self->_conf_ours(@ports), children => 4, threads => 128) }
sub _conf_wideplain ($self, @ports) { return ($self->_conf_plain(@ports), children => 4, threads => 128) }

# decrypt-gather of jwe tokens: any number of times, and once, which a Redis, or memory, knows of.
sub _conf_redis ($self, @ports) {
    $self->{redis} = EncGather::Redis->new("$self->{dir}/redis-data", appendfsync => 'everysec');
    $self->{redis}->start;
    return $self->_state($self->{redis}->by_socket);
}

sub _conf_memory ($self, @ports) { return $self->_state('shm(67108864)') }

sub _state ($self, $store) {
    my @jwe = (qq(EncGatherKeyFile "$self->{dir}/ring"), 'EncGatherTokenFormat jwe');
    return (modules => ['dbd'], conf => "EncGatherStateCache $store\n" . $self->_sqlite . lookup_location('/often', $self->dir, @jwe)
        . lookup_location('/once', $self->dir, @jwe, 'EncGatherSingleUse on'));
}

sub _conf_backend ($self, @ports) {
    return (modules => ['dbd'], conf => $self->_sqlite . lookup_location('/decrypt-gather', $self->dir));
}

sub _conf_front ($self, @ports) {
    my $backend = 'http://127.0.0.1:' . $self->_needed('backend')->{port} . '/decrypt-gather';
    return (modules => [qw(proxy proxy_http)], conf => qq(ProxyPass "/remote" "$backend"\n)
        . gather_location('/by-proxypass', '/remote', $self->dir) . gather_location('/by-url', $backend, $self->dir));
}

sub _conf_proxy ($self, @ports) {
    my $backend = 'http://127.0.0.1:' . $self->_needed('backend')->{port} . '/decrypt-gather';
    return (module => undef, modules => [qw(proxy proxy_http)], conf => qq(ProxyPass "/remote" "$backend"\n));
}

sub _conf_proxied ($self, @ports) {
    return (module => undef, modules => [qw(proxy proxy_http)], conf => qq(ProxyPass "/proxied" "@{[ $self->_application ]}"\n));
}

sub _conf_shielding ($self, @ports) {
    my $checked = 'http://127.0.0.1:' . $self->checked . '/null';
    return (modules => [qw(proxy proxy_http)], conf => shield_location('/shielded', $self->_application, 'Digits', $self->dir)
        . shield_location('/passed', $self->_application, 'Digits=12-19', $self->dir) . shield_location('/checked', $checked, 'Digits', $self->dir));
}

sub _conf_revealing ($self, @ports) {
    my $checked = 'http://127.0.0.1:' . $self->checked . '/null';
    return (modules => [qw(proxy proxy_http)], conf => reveal_location('/revealed', $self->_application, $self->dir) . reveal_location('/checked', $checked, $self->dir));
}

# Every other provider, what guards an application, a lockout, the status page.
sub _conf_roads ($self, @ports) {
    my $size = length $self->twiml;
    return (modules => ['dbd'], conf => join '', $self->_sqlite, lookup_location('/decrypt-gather', $self->dir),
        gather_location('/lockout', '/decrypt-gather', $self->dir, 'EncGatherLockout 5 900 by=From'),
        (map { provider_location("/$_", '/decrypt-gather', $_, $self->dir) } @{ +PROVIDERS }),
        (map { guard_location("/guarded-$_", $_, $size, $self->dir) } 'twilio', @{ +GUARDS }),
        qq(<Location "/encgather-status">\nSetHandler encgather-status\n</Location>\n));
}

sub _application ($self) { return 'http://127.0.0.1:' . $self->_needed('plain')->{port} . '/null' }

# A port at which nobody listens but whoever wants to see what is handed on.
sub checked ($self) { return $self->{checked} ||= (free_ports(1))[0] }

sub _conf_pgsql ($self, @ports) {
    my $database = $self->_needed('postgresql');
    return (modules => ['dbd'], conf => qq(DBDriver pgsql\nDBDParams "host=$database->{socket} user=ivr dbname=ivr"\n)
        . gather_location('/encrypted-gather', '/decrypt-gather', $self->dir) . lookup_location('/decrypt-gather', $self->dir));
}

sub _tls ($self, $port, @lines) {
    my $certificate = "$self->{dir}/certificate";
    _succeeds(qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost -keyout),
        "$certificate.key", '-out', "$certificate.pem") unless -e "$certificate.pem";
    return (modules => [qw(ssl http2 socache_shmcb dbd)], conf => join("\n", 'Protocols h2 http/1.1', $self->_sqlite)
        . _listen($port, 'SSLEngine on', qq(SSLCertificateFile "$certificate.pem"), qq(SSLCertificateKeyFile "$certificate.key"), @lines));
}

sub _conf_tls      ($self, @ports) { return $self->_tls($ports[0], gather_location('/encrypted-gather', '/decrypt-gather', $self->dir)) }
sub _conf_plaintls ($self, @ports) { return ($self->_tls($ports[0], $self->_nulls), module => undef) }

# What the module answers to the step, with the token in it: everybody answers as much.
sub twiml ($self) {
    return $self->{twiml} ||= ask($self->_needed('ours')->{port}, request(path => '/encrypted-gather', query => 'step=getPin')) =~ s/^.*?\r\n\r\n//sr;
}

sub _needed ($self, $name) {
    return $self->get($name) || die $self->why($name), "\n";
}

sub _make_static ($self) {
    mkdir "$self->{dir}/www";
    spew("$self->{dir}/www/static.xml", '<Response>' . 'x' x (STATIC_BYTES - 21) . '</Response>');
    chmod 0755, "$self->{dir}/www";
    chmod 0644, "$self->{dir}/www/static.xml";
    return;
}

# --- Other ways to do the same ---------------------------------------------------------------------------------

sub _environment ($self, %more) {
    my ($before, $after) = $self->twiml =~ /^(.*encryptedCardDigits=)[0-9a-f]+(.*)\z/s or die "no TwiML to go by\n";
    my ($say) = $self->twiml =~ m{<Say[^>]*>([^<]*)};
    return { ORIGIN => ORIGIN, TOKEN => TOKEN, KEY => KEY, BEFORE => $before, AFTER => $after, SAY => $say, NODE_ENV => 'production', %more };
}

sub _daemon ($self, $name, $port, $environment, @command) {
    my $server = EncGather::Daemon->new(
        dir         => "$self->{dir}/$name",
        command     => [ EncGather::Bench::Measure->pinned('server'), @command ],
        environment => $environment,
        ready       => sub () { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) },
    );
    $server->start or die "$name does not start: " . $server->last_words;
    return { server => $server, pid => $server->pid, port => $port };
}

# Where a server that runs as somebody else can read it.
sub _placed ($self, $name, @files) {
    mkdir "$self->{dir}/$name";
    chmod 0755, "$self->{dir}/$name";
    for my $file (@files) {
        my ($base) = $file =~ m{([^/]+)\z};
        copy("$self->{top}/t/bench/peers/$file", "$self->{dir}/$name/$base") or die "$file: $!\n";
        chmod 0644, "$self->{dir}/$name/$base";
    }
    return "$self->{dir}/$name";
}

sub _start_node ($self, $name) {
    my $node = program('node') or die "there is no Node.js\n";
    my $dir  = $self->_placed($name, 'bare.js');
    my ($port) = free_ports(1);
    return $self->_daemon($name, $port, $self->_environment(PORT => $port, PROCESSES => NODE_PROCESSES->{$name}), $node, "$dir/bare.js");
}

sub _start_shieldnode ($self, $name) {
    my $node = program('node') or die "there is no Node.js\n";
    my $dir  = $self->_placed($name, 'shield.js');
    my ($port) = free_ports(1);
    my %how = (PORT => $port, BACKEND => $self->_needed('plain')->{port}, CHECKED => $self->checked);
    return $self->_daemon($name, $port, $self->_environment(%how), $node, "$dir/shield.js");
}

# bare.js with npm jose, at jose-dir or jose-p256.
sub _start_jose ($self, $name) {
    my $node = program('node') or die "there is no Node.js\n";
    my ($seal) = $name =~ /-(.*)/;
    my $dir = $self->_placed($name, 'bare.js', 'seal.mjs');
    $self->_install('jose', "$self->{top}/t/jwe");
    _succeeds('cp', '-r', "$self->{out}/jose/node_modules/jose", $dir);
    my ($port) = free_ports(1);
    my %how = (SEAL => $seal, SEALS => "$dir/seal.mjs", RECIPIENT => "$self->{dir}/$seal.pub", JOSE => "$dir/jose");
    return $self->_daemon($name, $port, $self->_environment(PORT => $port, %how), $node, "$dir/bare.js");
}

sub _start_express ($self, $name) {
    my $node = program('node') or die "there is no Node.js\n";
    my $dir  = $self->_placed($name, 'express.js', 'package.json', 'package-lock.json');
    $self->_install('express', "$self->{top}/t/bench/peers");
    _succeeds('cp', '-r', "$self->{out}/express/node_modules", $dir);
    my ($port) = free_ports(1);
    return $self->_daemon($name, $port, $self->_environment(PORT => $port), $node, "$dir/express.js");
}

# Its runtime wants a project: a directory with functions and an environment. It finds nothing but that below its home.
sub _start_twiliorun ($self, $name) {
    my $node = program('node') or die "there is no Node.js\n";
    my $from = "$self->{top}/t/bench/peers/twilio-run";
    my $dir  = $self->_placed($name, map { "twilio-run/$_" } qw(package.json package-lock.json loopback.js));
    $self->_install('twilio-run', $from);
    _succeeds('cp', '-r', "$self->{out}/twilio-run/node_modules", "$from/functions", $dir);
    my ($port) = free_ports(1);
    my $environment = $self->_environment(PORT => $port, HOME => $dir);
    spew("$dir/.env", join '', map { "$_=$environment->{$_}\n" } qw(ORIGIN TOKEN KEY SAY PORT));
    my @start = ("$dir/node_modules/twilio-run/bin/twilio-run.js", 'start', $dir, '--port', $port, qw(--no-live --no-logs --no-fork-process --log-level error));
    return $self->_daemon($name, $port, $environment, $node, '--require', "$dir/loopback.js", @start);
}

# Once for each lock file, from the npm registry.
sub _install ($self, $name, $from) {
    my $there = "$self->{out}/$name";
    return if -e "$there/complete" && system('cmp', '-s', "$from/package-lock.json", "$there/package-lock.json") == 0;
    program('npm') or die "there is no npm\n";
    mkdir $there;
    copy("$from/$_", "$there/$_") or die "$there/$_: $!\n" for qw(package.json package-lock.json);
    _succeeds('npm', 'ci', '--prefix', $there, qw(--ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error));
    spew("$there/complete", '');
    return;
}

sub _start_php ($self, $name) {
    my ($php) = glob modules_dir() . '/libphp*.so' or die "there is no mod_php (Debian: libapache2-mod-php)\n";
    my $dir   = $self->_placed('php-script', 'gather.php');
    my $environment = $self->_environment;
    my ($port) = free_ports(1);
    mkdir "$self->{dir}/$name";
    my $server = apache(
        dir => "$self->{dir}/$name", mpm => 'prefork', children => 20, threads => 1, httpd => $self->_pinned_httpd,
        environment => $environment, modules => [ 'alias', 'env' ], own => { php => $php },
        conf => join("\n", "PassEnv @{[ sort keys %$environment ]}", qq(Alias "/encrypted-gather" "$dir/gather.php"), 'php_admin_flag opcache.enable on',
            'php_admin_flag opcache.validate_timestamps off', 'php_admin_flag expose_php off', '<Files "*.php">', 'SetHandler application/x-httpd-php', "</Files>\n"),
    );
    $server->start or die $server->error;
    return { server => $server, pid => $server->pid, port => $server->port };
}

sub _start_nginx ($self, $name) {
    my $nginx = program('nginx') or die "there is no nginx\n";
    -e '/usr/lib/nginx/modules/ngx_http_lua_module.so' or die "nginx has no Lua here (Debian: libnginx-mod-http-lua)\n";
    my $dir    = $self->_placed($name, 'gather.lua', 'nginx.conf.in');
    my ($port) = free_ports(1);
    open my $template, '<', "$dir/nginx.conf.in" or die "nginx.conf.in: $!\n";
    my $text = do { local $/; <$template> };
    spew("$dir/nginx.conf", $text =~ s/\@DIR\@/$dir/gr =~ s/\@PORT\@/$port/gr);
    chmod 0644, "$dir/nginx.conf";
    return $self->_daemon($name, $port, $self->_environment, $nginx, '-p', $dir, '-e', 'stderr', '-c', "$dir/nginx.conf");
}

sub _start_postgresql ($self, $name) {
    my ($initdb, $psql) = (program('initdb'), program('psql'));
    die "there is no PostgreSQL\n" unless $initdb && $psql;
    my $dir    = "$self->{dir}/$name";
    my $server = EncGather::Daemon->new(
        dir     => $dir,
        stop    => 'INT',
        command => [ EncGather::Bench::Measure->pinned('server'), program('postgres'), '-D', "$dir/data", '-k', $dir, '-c', 'listen_addresses=', '-F', '-c', 'max_connections=300' ],
        ready   => sub () { system(program('pg_isready') . " -q -h '$dir' -U ivr") == 0 },
    );
    $server->run($initdb, '-D', "$dir/data", '-U', 'ivr', '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N') && $server->start
        or die 'PostgreSQL does not start: ' . $server->last_words;
    _succeeds($psql, '-qX', '-h', $dir, '-U', 'ivr', '-d', 'postgres', '-c', 'CREATE DATABASE ivr');
    _succeeds($psql, '-qX', '-v', 'ON_ERROR_STOP=1', '-h', $dir, '-U', 'ivr', '-d', 'ivr', '-f', "$self->{top}/conf/demo/accounts.sql");
    return { server => $server, pid => $server->pid, socket => $dir };
}

# --- Small things -------------------------------------------------------------------------------------------

# The answer to one request on a connection of its own, head and body.
sub ask ($port, $bytes) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 10) or die "connect: $!\n";
    $bytes =~ s/\r\n/\r\nConnection: close\r\n/;
    print {$socket} $bytes;
    local $/;
    my $answer = <$socket>;
    return defined $answer ? $answer : '';
}

sub _succeeds (@command) {
    open my $from, '-|', @command or die "$command[0]: $!\n";
    my $text = do { local $/; <$from> };
    close $from;
    die "$command[0] failed: " . ($text || '') . "\n" if $?;
    return;
}

1;
