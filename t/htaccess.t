# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# No directive of ours works in an .htaccess, whatever AllowOverride and AllowOverrideList say: a plain refusal for each.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use Test::More;

use lib 't/lib';
use EncGather::Files qw(spew);
use EncGather::Test;

my $KEYS = in_tree('conf/keys');
my $TREE = in_tree('private/htaccess-files');

# --- All directives that the module knows, with arguments that would be good elsewhere ----------------------------------------

my %ARGUMENTS = (
    EncGatherKeyFile        => "$KEYS/demo.key",
    EncGatherAuthTokenFile  => "$KEYS/auth-tokens",
    EncGatherSignature      => 'off',
    EncGatherProvider       => 'plivo',
    EncGatherPublicURL      => 'https://ivr.example.com',
    EncGatherField          => 'card digits=4',
    EncGatherAttempts       => 2,
    EncGatherSay            => 'found "%{account}"',
    EncGatherThen           => 'found hangup',
    EncGatherVoice          => 'alice da-DK',
    EncGatherBackend        => '/decrypt',
    EncGatherTimeout        => 5,
    EncGatherForward        => 'From',
    EncGatherLockout        => '3 600 by=From',
    EncGatherLookup         => '"SELECT 1 FROM a WHERE b = %s" b',
    EncGatherMaxBody        => 1000,
    EncGatherShield         => 'Digits=4-19:card',
    EncGatherResign         => 'on',
    EncGatherReveal         => 'card /payment/number=card',
    EncGatherStateCache     => 'shm(65536)',
    EncGatherSingleUse      => 'on',
    EncGatherTokenFormat    => 'jwe hex',
    EncGatherTokenTTL       => 60,
    EncGatherRecipient      => "e1 $KEYS/pair.pub",
    EncGatherPrivateKeyFile => "e1 $KEYS/pair",
);

sub directives_of ($server) {
    $server->configure(conf => '');
    $server->configtest;    # writes it
    my ($httpd, $conf) = ($server->{httpd}, $server->config_file);
    return `$httpd -f "$conf" -L 2>/dev/null` =~ /^(EncGather\w+) \(mod_encgather\.c\)/mg;
}

my $server     = private_server('htaccess');
my @directives = directives_of($server);
cmp_ok scalar @directives, '>=', 15, 'httpd names our directives';

# --- Each alone in an .htaccess -----------------------------------------------------------------------------------------------

my %AROUND = (
    plain => sub ($line) { return "$line\n" },
    files => sub ($line) { return qq(<FilesMatch .>\n$line\n</FilesMatch>\n) },
    if    => sub ($line) { return qq(<If true>\n$line\n</If>\n) },
);
my %ALLOW = (
    all  => 'AllowOverride All',
    list => 'AllowOverrideList ' . join(' ', @directives),
    both => "AllowOverride All\nAllowOverrideList " . join(' ', @directives),
);

for my $allow (sort keys %ALLOW) {
    for my $name (@directives) {
        for my $around (sort keys %AROUND) {
            my $arguments = defined $ARGUMENTS{$name} ? $ARGUMENTS{$name} : 'on';
            make_path("$TREE/$allow/$name/$around");
            spew("$TREE/$allow/$name/$around/.htaccess", $AROUND{$around}->("$name $arguments"), 0644);
            spew("$TREE/$allow/$name/$around/file",      "a file\n",                             0644);
        }
    }
}
spew("$TREE/file", "a file\n", 0644);

$server->configure(conf => join "\n", qq(DocumentRoot "$TREE"), map { qq(<Directory "$TREE/$_">\n$ALLOW{$_}\n</Directory>) } sort keys %ALLOW);
$server->start or diag($server->error), BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;
is request(GET => $HOST, '/file')->code, 200, 'a directory without .htaccess';

sub refusal ($path) {
    my $before   = length $server->error_log;
    my $response = request(GET => $HOST, $path);
    my ($line)   = substr($server->error_log, $before) =~ /\[core:alert\] .*\.htaccess: (\w+) (?:not allowed |cannot occur within htaccess)/;
    return [ $response->code, $line ];
}

# AllowOverrideList is for directives alone: the sections need AllowOverride.
for my $allow (sort keys %ALLOW) {
    for my $name (@directives) {
        for my $around ($allow eq 'list' ? 'plain' : sort keys %AROUND) {
            is_deeply refusal("/$allow/$name/$around/file"), [ 500, $name ], "$name in .htaccess, $around, $allow: refused by name";
        }
    }
}

ok $server->stop, 'the server stops';
log_is_clean($server, qr/\[core:alert\] .*\.htaccess: EncGather\w+ /, qr/AH02304: Discarding directive `EncGather(?:Redact|StateCache)'/);

finish();
