# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# mod_cache in front of everything: what a signature has opened is never stored, for whoever comes next has none; nor do
# the digits of its URL come to lie on a disk. What is not ours is stored as ever, so that these tests can fail.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Find ();
use File::Path qw(make_path);
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Daemon qw(free_ports);
use EncGather::Files qw(slurp spew);
use EncGather::Httpd qw(module_file);
use EncGather::Test;

my @WANTED  = qw(cache cache_disk proxy proxy_http headers dir rewrite include filter mime);
my @MISSING = grep { !defined module_file($_) } @WANTED;
plan skip_all => "this httpd has no mod_$MISSING[0]" if @MISSING && !$ENV{CI};

my $TREE = in_tree('private/cached');
make_path("$TREE/htdocs/index", "$TREE/seen");
chmod 0755, $TREE, "$TREE/htdocs", "$TREE/htdocs/index";
write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");
spew("$TREE/htdocs/page.html",  "for an hour\n", 0644);
spew("$TREE/htdocs/parts.shtml", qq(<!--#include virtual="/guarded/page.html" -->\n), 0644);

my ($BACKEND_PORT, $QUICK_PORT, $SLOW_PORT, $LOUD_PORT) = free_ports(4);
my $backend = EncGather::Backend->new(port => $BACKEND_PORT, record => "$TREE/seen/backend");

# Where mod_cache answers before httpd has looked at anything, and where it is one of the handlers.
my %HOST  = (quick => "127.0.0.1:$QUICK_PORT", ordinary => "127.0.0.1:$SLOW_PORT");
my %QUICK = (quick => 'on', ordinary => 'off');
my $LOOKUP = 'EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits';

# All that makes mod_cache store more than it does by itself.
sub virtual_host ($name) {
    my $root = "$TREE/cache-$name";
    make_path($root);
    chmod 0777, $root;
    return <<"END_OF_CONF";
Listen $HOST{$name}
<VirtualHost $HOST{$name}>
    CacheQuickHandler $QUICK{$name}
    CacheRoot "$root"
    CacheEnable disk /
    CacheIgnoreNoLastMod on
    CacheStoreNoStore on
    CacheStorePrivate on
    CacheStoreExpired on
    CacheDefaultExpire 3600
    CacheMinExpire 3600
</VirtualHost>
END_OF_CONF
}

my $server = private_server('cached', modules => \@WANTED, conf => <<"END_OF_CONF");
DocumentRoot "$TREE/htdocs"
TypesConfig /dev/null
AddType text/html .html .shtml
AddOutputFilter INCLUDES .shtml
EncGatherKeyFile "$TREE/key"
EncGatherAuthTokenFile "$TREE/tokens"
DBDriver sqlite3
DBDParams "@{[ in_tree('conf/accounts.db') ]}"
<Directory "$TREE/htdocs">
    Options +Includes +FollowSymLinks
</Directory>
<Directory "$TREE/htdocs/index">
    DirectoryIndex /guarded/page.html
</Directory>
Header set Cache-Control max-age=3600 "expr=%{REQUEST_URI} =~ m#html\$#"

ProxyPass "/free" "http://127.0.0.1:$BACKEND_PORT/cacheable"
ProxyPass "/voice" "http://127.0.0.1:$BACKEND_PORT/cacheable"
ProxyPass "/observed" "http://127.0.0.1:$BACKEND_PORT/cacheable"
Alias "/guarded/" "$TREE/htdocs/"
Alias "/open/" "$TREE/htdocs/"
<LocationMatch "^/(voice|guarded/)">
    Require twilio-signature
</LocationMatch>
<Location "/observed">
    EncGatherSignature observe
    Require twilio-signature
</Location>
<Location "/gather">
    SetHandler encrypted-gather
    EncGatherBackend /decrypt
    Header always set Cache-Control max-age=3600
</Location>
<Location "/decrypt">
    SetHandler decrypt-gather
    $LOOKUP
</Location>
<Location "/status">
    SetHandler encgather-status
    Header always set Cache-Control max-age=3600
</Location>
RewriteEngine on
<LocationMatch "^/moved\$">
    RewriteEngine on
    RewriteRule "^" "/guarded/page.html"
</LocationMatch>
@{[ map { virtual_host($_) } sort keys %HOST ]}
# A cache that tells all it does.
Listen 127.0.0.1:$LOUD_PORT
<VirtualHost 127.0.0.1:$LOUD_PORT>
    LogLevel cache:trace8 cache_disk:trace8
    CacheRoot "$TREE/cache-quick"
    CacheEnable disk /
</VirtualHost>
END_OF_CONF
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);

# --- What lies in the cache -----------------------------------------------------------------------------------------

sub cache_files ($name) {
    my @files;
    File::Find::find({ no_chdir => 1, wanted => sub { push @files, $_ if -f } }, "$TREE/cache-$name");
    return @files;
}

# Of the files of a cache, how many hold these bytes.
sub stored ($name, $bytes) {
    return scalar grep { index(slurp($_), $bytes) >= 0 } cache_files($name);
}

my $serial = 0;
sub new_digits () { return (remember(sprintf '74%05d%09d', $$ % 100_000, ++$serial * 7_919))[0] }

sub unsigned ($host, $target) { return get($host, $target, token => undef)->code }
sub forged   ($host, $target) { return get($host, $target, signature => 'A' x 27 . '=')->code }

# In the order in which a leak would show: let in, and then those who must not be.
sub statuses ($host, $target) {
    return join ' ', get($host, $target)->code, unsigned($host, $target), forged($host, $target), get($host, $target)->code;
}

for my $name (sort keys %HOST) {
    my $host = $HOST{$name};

    # --- It does store ---

    $backend->forget;
    is statuses($host, '/free?number=seven'), '200 200 200 200', "$name: what is not ours: served";
    is scalar(() = $backend->requests), 1, "$name: from the cache, but for the first time";
    cmp_ok stored($name, '/free?number=seven'), '>', 0, "$name: and it lies there, with its URL";
    get($host, '/open/page.html');
    cmp_ok stored($name, '/open/page.html'), '>', 0, "$name: a file that is not ours is stored, too";

    # What we mask in logs makes a difference to an application that is not ours, and so to a cache in front of it.
    my @targets = map { '/free?Digits=' . new_digits() } 1 .. 2;
    $backend->forget;
    unsigned($host, $_) for @targets, @targets;
    is_deeply [ map { $_->{target} =~ s{/cacheable}{/free}r } $backend->requests ], \@targets, "$name: what differs in digits alone is not the same";
    my $before = () = cache_files($name);

    # --- What Require lets in ---

    for my $case ([ 'a proxied application' => '/voice', 'recorded' ], [ 'a proxied application, with a query' => '/voice?Digits=', 'recorded' ],
        [ 'a file' => '/guarded/page.html' ], [ 'a file, with a query' => '/guarded/page.html?Digits=' ],
        [ 'an index' => '/index/' ], [ 'an index, with a query' => '/index/?Digits=' ],
        [ 'a rewritten URL' => '/moved' ], [ 'a rewritten URL, with a query' => '/moved?Digits=' ])
    {
        my ($says, $target, $recorded) = @$case;
        my $digits = new_digits();
        $target .= $digits if $target =~ /=\z/;
        $backend->forget;
        is statuses($host, $target), '200 403 403 200', "$name: $says: only who signed is let in";
        is scalar(() = $backend->requests), 2, "$name: $says: each time by the application itself" if $recorded;
        is get($host, $target, method => 'HEAD', token => undef)->code, 403, "$name: $says: HEAD, not signed";
        is stored($name, $digits), 0, "$name: $says: no digits in the cache";
    }
    {
        my $digits = new_digits();
        my $target = "/observed?Digits=$digits";
        $backend->forget;
        is statuses($host, $target), '200 200 200 200', "$name: observed: everybody is let in";
        is scalar(() = $backend->requests), 4, "$name: observed: and everybody is observed";
        is stored($name, $digits), 0, "$name: observed: no digits in the cache";
    }
    {
        my $target = '/parts.shtml?a=b';
        my @with   = map { scalar(() = $_->content =~ /for an hour/) } get($host, $target), get($host, $target, token => undef), get($host, $target);
        is "@with", '1 0 1', "$name: a page with a guarded part: the part is for who signed";
    }

    # --- What the handlers answer ---

    is statuses($host, '/gather'), '200 403 403 200', "$name: the first question of a call: only for who signed";
    is statuses($host, '/gather?a=b'), '200 403 403 200', "$name: with a query, too";
    my $post = post($host, '/gather?step=getPin', [ CallSid => 'CA' . '3' x 32, Digits => '0417' ]);
    is $post->code, 200, "$name: a webhook";
    isnt get($host, '/gather?step=getPin', token => undef)->code, 200, "$name: whose answer nobody gets by GET";
    get($host, '/status') for 1 .. 2;
    is stored($name, $_), 0, "$name: nothing of $_ is in the cache" for qw(/gather /decrypt /status /voice /guarded /observed /index /moved /parts);
    my $after = () = cache_files($name);
    is $after, $before, "$name: nothing at all was added to the cache" or diag(map { "$_\n" } cache_files($name));
}

# Before httpd knows of any location, a cache may write down what it looks for.
{
    my ($host, $digits) = ("127.0.0.1:$LOUD_PORT", new_digits());
    is get($host, "/gather?Digits=$digits", method => $_, token => undef)->code, 405, "a cache that tells all: $_ with Digits" for qw(GET HEAD);
    post($host, "/gather?step=getPin&Digits=$digits", [ CallSid => 'CA' . '3' x 32 ], token => undef);
    my @told = grep { /\[cache:debug\].*\bgather\b/ } split /\n/, $server->error_log;
    cmp_ok scalar @told, '>', 0, 'it tells of a location of ours';
    is scalar(grep { /$digits/ } @told), 0, 'but no digits';
}

ok $server->stop, 'the server stops';
$backend->stop;
log_is_clean($server, qr/EG0301: /, qr/EG0302: /, qr/EG0303: /, qr/AH01630: client denied/, qr/include:error.*unable to include/);
finish();
