# SPDX-License-Identifier: Apache-2.0
# The site that load is put on: a private server with two hosts, two key rings and a thousand accounts, and its numbers.
package EncGather::Site;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Digest::SHA qw(hmac_sha256_hex sha256_hex);
use File::Path qw(make_path);
use HTTP::Tiny;

use EncGather::Fixtures qw(%TOKEN write_secret);
use EncGather::Server;
use EncGather::Wait qw(wait_until);

use constant {
    ACCOUNTS => 1000,
    HOSTS    => [ 'one.test', 'two.test' ],
    MODULES  => [ qw(authn_core authz_host alias dbd status reqtimeout) ],
    PATIENCE => 60,    # seconds
    FIELDS   => [ qw(encryptedCardDigits encryptedPinDigits) ],
};

# Room for as many old generations as slow clients can hold up.
my %MPM_CONF = (
    event   => "ServerLimit 64\nThreadsPerChild 16\nStartServers 3\nMaxRequestWorkers 256\nAsyncRequestWorkerFactor 4\n",
    worker  => "ServerLimit 64\nThreadsPerChild 16\nStartServers 3\nMaxRequestWorkers 256\n",
    prefork => "ServerLimit 256\nStartServers 16\nMinSpareServers 8\nMaxSpareServers 64\nMaxRequestWorkers 256\n",
);

# dir, mpm, module: as for EncGather::Server
sub new ($class, %options) {
    my $self = bless {%options}, $class;
    make_path($self->{dir});
    chmod 0711, $self->{dir};
    $self->{server} = EncGather::Server->new(%options, modules => MODULES, conf => '', hurry => 1);
    $self->{dir} = $self->{server}{dir};
    mkdir "$self->{dir}/$_", $_ eq 'keys' ? 0700 : 0755 for qw(keys data);
    make_database("$self->{dir}/data/accounts.db");
    write_secret("$self->{dir}/keys/tokens", "$TOKEN{demo}\n");
    $self->{ring} = { map { $_ => [ map { [ $_ => sha256_hex("encgather load key: $_") ] } "$_-now", "$_-old" ] } qw(one two) };
    $self->write_ring($_) for qw(one two);
    $self->{server}->configure(conf => $self->_conf);
    return $self;
}

sub server ($self) { return $self->{server} }
sub dir    ($self) { return $self->{dir} }
sub port   ($self) { return $self->{server}->port }
sub mpm    ($self) { return $self->{server}->mpm }

sub start ($self) {
    $self->{server}->start or croak $self->{server}->error;
    mkdir "$self->{dir}/htdocs/guarded";
    open my $file, '>', "$self->{dir}/htdocs/guarded/file" or croak "guarded/file: $!";
    print {$file} "guarded\n";
    CORE::close($file);
    chmod 0755, "$self->{dir}/htdocs/guarded";
    chmod 0644, "$self->{dir}/htdocs/guarded/file";
    return;
}

# Only once no child is still starting: prefork's children end in the middle of whatever they do, and one that is just
# opening its connection to the database then ends by an assertion of APR's.
sub stop ($self) {
    wait_until(PATIENCE, sub { $self->page('/server-status?auto') =~ /^Scoreboard: [_W.]+$/m });
    return $self->{server}->stop;
}

# --- Keys and accounts ------------------------------------------------------------------------------------------------

# The ring of host one.test or two.test: [ id, key ], ..., of which the first seals.
sub ring ($self, $name) { return $self->{ring}{$name} }

# In one step: a server that reads it meanwhile finds the old ring or the new one.
sub write_ring ($self, $name) {
    my $path = "$self->{dir}/keys/$name";
    write_secret("$path.new", join '', map { "$_->[0] $_->[1]\n" } @{ $self->{ring}{$name} });
    rename "$path.new", $path or croak "$path: $!";
    return;
}

sub fingerprint ($key) {
    return substr hmac_sha256_hex('encgather-fingerprint', pack 'H*', $key), 0, 8;
}

# Card, PIN, account, balance of a caller by number. Digits begin with a zero, as no number does that httpd writes down.
sub caller_number ($i) {
    $i %= ACCOUNTS;
    return (sprintf('0%03d', $i), sprintf('0%03d', ($i * 7 + 3) % 1000), sprintf('AC%08d', 70_000_000 + $i),
        sprintf('%d.%02d', 1000 + $i, $i % 100));
}

# Everything that callers of this site key in rightly.
sub digits () {
    my %seen;
    return grep { !$seen{$_}++ } map { (caller_number($_))[ 0, 1 ] } 0 .. ACCOUNTS - 1;
}

# All of them, in a new file.
sub make_database ($path) {
    unlink $path;
    open my $sql, '|-', 'sqlite3', '-batch', $path or croak "sqlite3: $!";
    print {$sql} "CREATE TABLE accounts (card TEXT, pin TEXT, account TEXT, balance TEXT, PRIMARY KEY (card, pin));\nBEGIN;\n",
        (map { sprintf "INSERT INTO accounts VALUES ('%s', '%s', '%s', '%s');\n", caller_number($_) } 0 .. ACCOUNTS - 1),
        "COMMIT;\n";
    CORE::close($sql) or croak "sqlite3 $path: status $?";
    chmod 0644, $path;
    return;
}

# --- Its configuration ------------------------------------------------------------------------------------------------

# What conf/encgather.conf recommends against slow clients.
sub request_read_timeout ($self) {
    my ($top)  = __FILE__ =~ m{^(.*?)/?t/lib/EncGather/Site\.pm\z};
    my ($line) = map { /^#?(RequestReadTimeout .*)$/ ? $1 : () } _lines((length $top ? $top : '.') . '/conf/encgather.conf');
    return $line || croak 'conf/encgather.conf has no RequestReadTimeout';
}

sub _lines ($path) {
    open my $file, '<', $path or croak "$path: $!";
    return <$file>;
}

sub _host ($self, $name) {
    my $fields = join ' ', @{ +FIELDS };
    return <<"END_OF_HOST";
<VirtualHost *>
    ServerName $name.test
    EncGatherKeyFile "$self->{dir}/keys/$name"
    <Location /gather>
        SetHandler encrypted-gather
        EncGatherBackend /decrypt
    </Location>
    <Location /decrypt>
        SetHandler decrypt-gather
        EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" $fields
    </Location>
    <Location /guarded>
        Require twilio-signature
    </Location>
</VirtualHost>
END_OF_HOST
}

sub _conf ($self) {
    return join '', $MPM_CONF{ $self->{server}->mpm }, $self->request_read_timeout, "\n", <<"END_OF_CONF",
LogFormat "%h %t call=%{ENCGATHER_CALL}e step=%{ENCGATHER_STEP}e result=%{ENCGATHER_RESULT}e \\"%r\\" %>s %b" load
CustomLog logs/load_log load
KeepAlive on
MaxKeepAliveRequests 0
DBDriver sqlite3
DBDParams "$self->{dir}/data/accounts.db"
EncGatherAuthTokenFile "$self->{dir}/keys/tokens"
EncGatherSay found "FOUND %{account} %{balance}"
EncGatherSay notfound "NOBODY"
EncGatherSay unavailable "UNAVAILABLE"
EncGatherSay invalid "INVALID"
EncGatherSay again "AGAIN"
<Location /encgather-status>
    SetHandler encgather-status
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
END_OF_CONF
        map { $self->_host($_) } qw(one two);
}

# --- Its numbers ------------------------------------------------------------------------------------------------------

sub page ($self, $target) {
    my $response = HTTP::Tiny->new(timeout => PATIENCE, agent => 'EncGather-Server (numbers)')->get($self->{server}->url($target));
    croak "$target: $response->{status} $response->{content}" unless $response->{success};
    return $response->{content};
}

# 'name{labels}' => value, without the "encgather_" of each.
sub samples ($self) {
    return { map { /^encgather_(\S+) (\S+)$/ ? ($1 => $2) : () } split /\n/, $self->page('/encgather-status?format=openmetrics') };
}

1;
