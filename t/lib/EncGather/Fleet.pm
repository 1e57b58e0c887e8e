# SPDX-License-Identifier: Apache-2.0
# Several hosts with this module and different MPMs, one Redis, and a balancer in front that sends each request to the next.
package EncGather::Fleet;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Digest::SHA qw(sha256_hex);
use File::Path qw(make_path);
use HTTP::Tiny;

use EncGather::Daemon qw(free_ports);
use EncGather::Files qw(spew);
use EncGather::Fixtures qw(%TOKEN write_secret);
use EncGather::Jwe qw(seal_jwe);
use EncGather::Redis;
use EncGather::Server;
use EncGather::Site;
use EncGather::Wait qw(wait_until);

use constant {
    NAME     => 'fleet.test',
    URL      => 'http://fleet.test',
    FIELDS   => [ qw(encryptedCardDigits encryptedPinDigits) ],
    MODULES  => [ qw(authn_core authz_host alias dbd) ],
    BALANCER => [ qw(authn_core authz_host proxy proxy_http proxy_balancer lbmethod_byrequests slotmem_shm) ],
    PATIENCE => 30,    # seconds
    FAILURES => 100,   # of a value, at /count
    FEW      => 5,     # at /attack
};

my %MPM_CONF = (
    event   => "ServerLimit 8\nThreadsPerChild 64\nStartServers 1\nMinSpareThreads 16\nMaxSpareThreads 512\nMaxRequestWorkers 512\n",
    worker  => "ServerLimit 8\nThreadsPerChild 64\nStartServers 1\nMinSpareThreads 16\nMaxSpareThreads 512\nMaxRequestWorkers 512\n",
    prefork => "ServerLimit 256\nStartServers 8\nMinSpareServers 8\nMaxSpareServers 64\nMaxRequestWorkers 256\n",
);

# dir, module   as for EncGather::Server
# mpms          of the hosts, one each
# httpd         the program
sub new ($class, %options) {
    my $self = bless {%options}, $class;
    make_path("$self->{dir}/secrets", "$self->{dir}/data");
    chmod 0711, $self->{dir};
    chmod 0700, "$self->{dir}/secrets";
    write_secret("$self->{dir}/secrets/tokens", "$TOKEN{demo}\n");
    write_secret("$self->{dir}/secrets/state", sha256_hex('encgather fleet key: state') . "\n");
    $self->{ring} = [ map { [ $_ => sha256_hex("encgather fleet key: $_") ] } qw(k1 k0) ];
    $self->write_ring;
    EncGather::Site::make_database("$self->{dir}/data/accounts.db");
    $self->{redis} = EncGather::Redis->new("$self->{dir}/redis");
    $self->{ports} = [ free_ports(1 + @{ $self->{mpms} }) ];
    $self->lead_to($self->{redis});
    $self->{hosts} = [ map { $self->new_host("host-$_", mpm => $self->{mpms}[$_], port => $self->{ports}[$_]) } 0 .. $#{ $self->{mpms} } ];
    return $self;
}

sub hosts ($self) { return @{ $self->{hosts} } }
sub redis ($self) { return $self->{redis} }

# A port for callers: that of the balancer.
sub port ($self) { return $self->{ports}[-1] }

# What all hosts ask from now on: a name, which leads elsewhere once a fail-over is done.
sub lead_to ($self, $redis) {
    unlink "$self->{dir}/state-socket";
    symlink $redis->socket, "$self->{dir}/state-socket" or croak "state-socket: $!";
    return;
}

sub state ($self) { return "redis:$self->{dir}/state-socket key-file=$self->{dir}/secrets/state" }

# Further hosts by themselves may have another store, or an environment.
sub new_host ($self, $name, %options) {
    my $store  = delete $options{store} || $self->state;
    my $server = EncGather::Server->new(dir => "$self->{dir}/$name", httpd => $self->{httpd}, module => $self->{module}, modules => MODULES,
        hurry => 1, %options, conf => '');
    $server->configure(conf => $self->conf($server->mpm, $store));
    return $server;
}

sub start ($self) {
    $self->{redis}->start;
    $self->start_host($_) for $self->hosts;
    $self->{balancer} = EncGather::Server->new(dir => "$self->{dir}/balancer", httpd => $self->{httpd}, modules => BALANCER, port => $self->port,
        conf => $self->_balancer_conf);
    $self->start_host($self->{balancer});
    return;
}

sub start_host ($self, $host) {
    $host->start or croak $host->error;
    spew("$host->{dir}/htdocs/page", 'a page ' x 100 . "\n", 0644);
    return;
}

# Host and children, without a word of warning; its port stays its own.
sub kill_host ($self, $host) {
    kill KILL => -$host->pid;
    wait_until(PATIENCE, sub { !$host->running }) or croak 'a host does not die';
    return;
}

# For a client, which may outlive a host.
sub let_go ($self) {
    $_->let_go for $self->{balancer}, $self->hosts;
    return;
}

sub stop ($self) {
    my $good = 1;
    $good &&= $_->stop for $self->{balancer} || (), $self->hosts;
    $self->{redis}->stop;
    return $good;
}

# --- Keys -------------------------------------------------------------------------------------------------------------

sub ring ($self) { return $self->{ring} }

sub write_ring ($self) {
    my $path = "$self->{dir}/secrets/ring";
    write_secret("$path.new", join '', map { "$_->[0] $_->[1]\n" } @{ $self->{ring} });
    rename "$path.new", $path or croak "$path: $!";
    return;
}

# What a backend gets of one call: a token for each field of a caller. at: iat.
sub pair ($self, $caller, $call, %with) {
    my @plain = EncGather::Site::caller_number($caller);
    my ($kid, $key) = @{ $self->{ring}[0] };
    return { map { FIELDS->[$_] => seal_jwe('dir', $plain[$_], key => $key, kid => $kid, sid => $call, fld => FIELDS->[$_], %with) } 0, 1 };
}

# --- Configuration ----------------------------------------------------------------------------------------------------

sub _balancer_conf ($self) {
    my @ports = @{ $self->{ports} }[ 0 .. $#{ $self->{mpms} } ];
    return join '', $MPM_CONF{event}, "ProxyPreserveHost On\nProxyTimeout 10\n<Proxy balancer://fleet>\n",
        (map { "BalancerMember http://127.0.0.1:$_ retry=0 connectiontimeout=2 disablereuse=on\n" } @ports),
        "ProxySet lbmethod=byrequests maxattempts=1\n</Proxy>\nProxyPass / balancer://fleet/\n";
}

sub _gather ($path, @more) {
    return join "\n", "<Location /$path>", 'SetHandler encrypted-gather', @more, "</Location>\n";
}

sub _lookup ($path, $query, @more) {
    return join "\n", "<Location /$path>", 'SetHandler decrypt-gather', "EncGatherLookup $query", @more, "</Location>\n";
}

sub conf ($self, $mpm, $store) {
    my $query   = qq("SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" @{ +FIELDS });
    my @one     = ('EncGatherBackend /one', 'EncGatherField only digits=4', 'EncGatherTokenFormat hex');
    my ($many, $few) = (FAILURES, FEW);
    return join '', $MPM_CONF{$mpm}, <<"END_OF_CONF",
KeepAlive on
MaxKeepAliveRequests 0
EncGatherStateCache $store
DBDriver sqlite3
DBDParams "$self->{dir}/data/accounts.db"
EncGatherKeyFile "$self->{dir}/secrets/ring"
EncGatherAuthTokenFile "$self->{dir}/secrets/tokens"
EncGatherPublicURL @{[ URL ]}
EncGatherTokenFormat jwe
EncGatherSay found "FOUND %{account} %{balance}"
EncGatherSay notfound "NOBODY"
EncGatherSay unavailable "UNAVAILABLE"
EncGatherSay locked "LOCKED"
<Location /encgather-status>
    SetHandler encgather-status
</Location>
END_OF_CONF
        _gather('open',   'EncGatherBackend /lookup',  "EncGatherLockout $many 600 fail=open"),
        _gather('closed', 'EncGatherBackend /lookup',  "EncGatherLockout $many 600 fail=closed scope=closed"),
        _gather('once',   'EncGatherBackend /decrypt'),
        _gather('count',  @one, "EncGatherLockout $many 600 scope=count"),
        _gather('attack', @one, "EncGatherLockout $few 600 scope=attack"),
        _lookup('decrypt', $query, 'EncGatherExpose on', 'EncGatherSingleUse on'),
        _lookup('lookup',  $query),
        _lookup('one', '"SELECT account FROM accounts WHERE card = %s AND pin IS NULL" only', 'EncGatherTokenFormat hex');
}

# --- Numbers ----------------------------------------------------------------------------------------------------------

# 'name{labels}' => value, without the "encgather_" of each; of a host.
sub samples ($self, $host) {
    my $answer = HTTP::Tiny->new(timeout => PATIENCE)->get($host->url('/encgather-status?format=openmetrics'));
    croak "status: $answer->{status} $answer->{content}" unless $answer->{success};
    return { map { /^encgather_(\S+) (\S+)$/ ? ($1 => $2) : () } split /\n/, $answer->{content} };
}

# The sum of those that fit, over hosts.
sub sum ($self, $pattern, @hosts) {
    my $sum = 0;
    for my $samples (map { $self->samples($_) } @hosts ? @hosts : $self->hosts) {
        $sum += $samples->{$_} for grep { /$pattern/ } keys %$samples;
    }
    return $sum;
}

1;
