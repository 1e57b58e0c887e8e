# SPDX-License-Identifier: Apache-2.0
# An httpd to be measured: few modules, no access log, as many threads as the connections need; with or without ours.
package EncGather::Bench::Apache;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use File::Path qw(make_path);

use EncGather::Bench::Webhooks qw(ORIGIN TOKEN KEY);
use EncGather::Files qw(spew);
use EncGather::Httpd qw(runtime_user runtime_group);
use EncGather::Server;

our @EXPORT_OK = qw(apache gather_location lookup_location shield_location null_location database write_secret);

use constant {
    ACCOUNT => "INSERT INTO accounts VALUES ('1234', '4321', 'AC12345678', '12.55')",
    QUERY   => 'SELECT account, balance FROM accounts WHERE card = %s AND pin = %s',
};

# Every machine has this directory, at the depth of /var/www/html: what httpd asks the file system depends on it.
my $TEMPLATE = <<'END_OF_TEMPLATE';
ServerRoot "@ROOT@"
ServerName 127.0.0.1
Listen 127.0.0.1:@PORT@
PidFile "run/httpd.pid"
DefaultRuntimeDir "run"
@LOAD_MODULES@
@IDENTITY@
DocumentRoot "/usr/share/doc"
<Directory />
    AllowOverride None
    Require all granted
</Directory>
ErrorLog "logs/error_log"
LogLevel warn
TypesConfig /dev/null
Timeout 60
KeepAliveTimeout 30
MaxKeepAliveRequests 0
@MPM@
@CONF@
END_OF_TEMPLATE

# options: dir; module (path of ours, else none), own (paths of further ones by name), modules, conf, mpm, children, threads,
# httpd (a wrapper), environment
sub apache (%option) {
    my $mpm = $option{mpm} || 'event';
    make_path($option{dir});
    spew("$option{dir}/template", $TEMPLATE);
    my $own = join '', map { qq(LoadModule ${_}_module "$option{own}{$_}"\n) } sort keys %{ $option{own} || {} };
    return EncGather::Server->new(
        dir      => $option{dir},
        mpm      => $mpm,
        modules  => [ 'mime', @{ $option{modules} || [] } ],
        template => "$option{dir}/template",
        values   => { MPM => _processes($mpm, %option) },
        conf     => $own . ($option{conf} || ''),
        map { defined $option{$_} ? ($_ => $option{$_}) : () } qw(module httpd environment),
    );
}

# As many as are asked for, all there from the start and none that comes later: figures must not depend on the moment.
sub _processes ($mpm, %option) {
    my $children = $option{children} || 2;
    my $threads  = $option{threads}  || 64;
    my $all      = $children * $threads;
    return join "\n", "StartServers $all", "ServerLimit $all", "MinSpareServers $all", "MaxSpareServers $all", "MaxRequestWorkers $all",
        'MaxConnectionsPerChild 0' if $mpm eq 'prefork';
    return join "\n", "ServerLimit $children", "StartServers $children", "ThreadLimit $threads", "ThreadsPerChild $threads",
        'MinSpareThreads 1', "MaxSpareThreads $all", "MaxRequestWorkers $all", 'MaxConnectionsPerChild 0';
}

# Where key, token and database are: in a directory that httpd's children may pass through.
sub gather_location ($path, $backend, $secrets, @more) {
    return join "\n", qq(<Location "$path">), 'SetHandler encrypted-gather', qq(EncGatherKeyFile "$secrets/key"),
        qq(EncGatherAuthTokenFile "$secrets/token"), 'EncGatherPublicURL ' . ORIGIN, "EncGatherBackend $backend", @more, "</Location>\n";
}

sub lookup_location ($path, $secrets, @more) {
    return join "\n", qq(<Location "$path">), 'SetHandler decrypt-gather', 'EncGatherExpose on', qq(EncGatherKeyFile "$secrets/key"),
        'EncGatherLookup "' . QUERY . '" encryptedCardDigits encryptedPinDigits', @more, "</Location>\n";
}

# Before an application elsewhere.
sub shield_location ($path, $application, $names, $secrets) {
    return join "\n", qq(<Location "$path">), qq(ProxyPass "$application"), "EncGatherShield $names", 'EncGatherResign on', qq(EncGatherKeyFile "$secrets/key"),
        qq(EncGatherAuthTokenFile "$secrets/token"), 'EncGatherPublicURL ' . ORIGIN, "</Location>\n";
}

sub null_location ($path, $bytes, @more) {
    return join "\n", qq(<Location "$path">), 'SetHandler bench-null', "BenchNull $bytes", @more, "</Location>\n";
}

# An SQLite database with one account, made from the demo's table.
sub database ($path, $sql_file) {
    open my $sqlite, '|-', 'sqlite3', '-batch', '-bail', $path or die "sqlite3: $!\n";
    open my $sql, '<', $sql_file or die "$sql_file: $!\n";
    print {$sqlite} <$sql>;
    close $sqlite or die "sqlite3 could not make $path\n";
    return $path;
}

sub write_secret ($path, $content) {
    my $before = umask 0077;
    spew($path, "$content\n");
    umask $before;
    return $path;
}

1;
