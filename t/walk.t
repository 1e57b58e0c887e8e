# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# A <Location> that enables a handler has no file: which access rules hold for it, and what is not served by the way.
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
my $TREE = in_tree('private/walk-files');
make_path("$TREE/open/gather", "$TREE/open/there", "$TREE/closed");
chmod 0755, $TREE, map { "$TREE/$_" } qw(open open/gather open/there closed);

spew("$TREE/open/.htaccess",       "Require all denied\n", 0644);
spew("$TREE/open/there/.htaccess", "SetHandler encrypted-gather\nRequire all granted\n", 0644);
spew("$TREE/closed/secret.txt",    "not for everybody\n", 0644);

my $ENABLED = "SetHandler encrypted-gather\n    EncGatherBackend /nowhere";
my $server  = private_server('walk', modules => [qw(rewrite setenvif)], conf => <<"END_OF_CONF");
DocumentRoot "$TREE"
EncGatherKeyFile "$KEYS/demo.key"
EncGatherAuthTokenFile "$KEYS/auth-tokens"
<Directory "$TREE/open">
    AllowOverride All
</Directory>
<Directory "$TREE/closed">
    Require all denied
</Directory>
<Location /open>
    EncGatherBackend /nowhere
</Location>
<Location /open/gather>
    $ENABLED
</Location>
<Directory "$TREE/closed/gather">
    $ENABLED
</Directory>
<Location /denied>
    $ENABLED
    Require all denied
</Location>
<Location /all>
    Require all denied
</Location>
<Location /all/gather>
    $ENABLED
</Location>
<Location /closed/disabled>
    SetHandler encrypted-gather
</Location>
SetEnvIf Request_URI . FIRST=encrypted-gather
<Location /closed/secret.txt>
    EncGatherBackend /nowhere
    SetHandler default-handler
</Location>
<Location /closed/mind>
    EncGatherBackend /nowhere
    SetHandler "%{reqenv:FIRST}"
</Location>
RewriteEngine on
RewriteRule ^/closed/mind - [E=FIRST:encgather-status]
RewriteRule ^/gather/moved\$ /closed/secret.txt [PT]
RewriteRule ^/gather/kept\$ $TREE/closed/secret.txt
<Location /gather>
    $ENABLED
</Location>
END_OF_CONF
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;

sub status ($path) { return post($HOST, $path, [])->code }

is status('/gather'),         200, 'a path that is nowhere in the file system';
is status('/open/gather'),    200, 'a <Location>: what an .htaccess denies on the way is not asked';
is status('/denied'),         403, 'Require of the location itself';
is status('/all/gather'),     403, 'Require of an outer location';
is status('/closed/gather'),  403, 'enabled in a <Directory>: Require of a <Directory> holds';
is status('/closed/disabled'), 403, 'a handler that is not enabled: the same';
is status('/open/there'),    200, 'the handler set in an .htaccess: what else it says holds';
is status('/open/there/x'),  200, 'and below it';
is status('/open/there.no'), 403, 'but not beside it';
is status('/closed/secret.txt'), 403, 'enabled, but another handler';
for my $path ('/gather/moved', '/closed/mind') {
    my $response = request(GET => $HOST, $path);
    is $response->code, $path =~ /moved/ ? 403 : 404, "$path: rewritten to what is closed";
    unlike $response->content, qr/not for everybody|encgather/, "$path: which is not served";
}
unlike request(GET => $HOST, '/gather/kept')->content, qr/not for everybody/, 'rewritten to a file, but served by our handler';

ok $server->stop, 'the server stops';
log_is_clean($server, qr/AH01630: client denied/, qr/EG0301:/);

finish();
