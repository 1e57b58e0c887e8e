# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# What lies at the edges of other tests: a configuration that is only shown, or tested by somebody else; keys that no
# directive names any more; "Require twilio-signature" where nothing is checked; settings inside of sections.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use Test::More;

use lib 't/lib';
use EncGather::Memory qw(count_in_memory);
use EncGather::Sanitizer qw(pointless);
use EncGather::Signature qw(form_encode);
use EncGather::Test;

my $TREE  = in_tree('private/edges');
my $FIRST = "$TREE/first.key";
my $OTHER = "$TREE/other.key";
my $LOST  = "$TREE/not-there.key";
make_path($TREE);
chmod 0755, $TREE;
write_secret($FIRST, "$KEY{demo}\n");
write_secret($OTHER, "$KEY{other}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");

my $LOOKUP = 'EncGatherLookup "SELECT account, balance FROM accounts WHERE card = %s AND pin = %s" encryptedCardDigits encryptedPinDigits';

sub conf ($key, @more) {
    return join "\n", 'DBDriver sqlite3', 'DBDParams "' . in_tree('conf/accounts.db') . '"',
        qq(EncGatherKeyFile "$FIRST"), qq(EncGatherAuthTokenFile "$TREE/tokens"),
        '<Location /gather>', 'SetHandler encrypted-gather', 'EncGatherBackend /guarded', '</Location>',
        '<Location /guarded>', 'SetHandler decrypt-gather', 'EncGatherExpose on', 'Require twilio-signature', $LOOKUP, '</Location>',
        '<Location /decrypt>', 'SetHandler decrypt-gather', 'EncGatherExpose on', $LOOKUP, '</Location>',
        '<Location /unguarded>', 'EncGatherSignature off', 'Require twilio-signature', '</Location>',
        '<Location /second>', 'SetHandler encrypted-gather', 'EncGatherBackend /decrypt', $key ? qq(EncGatherKeyFile "$key") : (), '</Location>',
        '<Files page.shtml>', 'Options +Includes', 'SetOutputFilter INCLUDES', '</Files>',
        '<Location /part.html>', 'Require twilio-signature', '</Location>',
        @more, '';
}

my $server = private_server('edges', conf => conf($OTHER), modules => [qw(dumpio include)]);
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;

# --- Where nothing is checked ------------------------------------------------------------------------------------

is get($HOST, '/unguarded', token => undef)->code, 404, 'EncGatherSignature off lets anybody past "Require twilio-signature"';
is decrypt($HOST, '/guarded', '{}')->code, 403, 'a guarded backend is for Twilio';
my $last = post($HOST, '/gather?step=processData&encryptedCardDigits=' . seal('1234'), [ CallSid => 'CA1', Digits => '4321' ]);
like join(' ', said($last)), qr/AC12345678/, 'and for the module itself';

is post($HOST, '/gather', [ CallSid => 'CA2' ], signed_url => 'https://ivr.example.com:8443/gather',
    headers => [ 'X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => 'ivr.example.com', 'X-Forwarded-Port' => '8443' ])->code, 403,
    'what a proxy says of the port does not count';
like $server->error_log, qr{EncGatherPublicURL https://ivr\.example\.com:8443\b}, 'but is advice';

# --- Parts of a page that mod_include puts together ---------------------------------------------------------------------

sub page_of ($part, @how) {
    open my $file, '>', "$TREE/htdocs/page.shtml" or die "page.shtml: $!";
    print {$file} qq(<!--#config errmsg="no part" -->[<!--#include virtual="$part" -->]\n);
    close $file or die "page.shtml: $!";
    return get($HOST, '/page.shtml', @how)->content;
}

open my $part, '>', "$TREE/htdocs/part.html" or die "part.html: $!";
print {$part} 'the part';
close $part or die "part.html: $!";
is page_of('/gather'), "[no part]\n", 'a gather is no part of a page';
is page_of('/decrypt'), "[no part]\n", 'nor is what decrypts';
is page_of('/part.html'), "[the part]\n", 'a part that is for Twilio, where the page was signed';
is page_of('/part.html', token => undef), "[no part]\n", 'and where it was not';

# --- A field that two readers could see differently --------------------------------------------------------------------

my @fields = (encryptedCardDigits => seal('1234'), encryptedPinDigits => seal('4321'));
my %form   = (type => 'application/x-www-form-urlencoded');
is decrypt($HOST, '/decrypt', form_encode(@fields), %form)->code, 200, 'fields in a form';
is decrypt($HOST, '/decrypt?encryptedCardDigits=1', form_encode(@fields), %form)->code, 400, 'one of them in the query as well';
is decrypt($HOST, '/decrypt', form_encode(@fields, @fields[ 0, 1 ]), %form)->code, 400, 'one of them twice';

# --- A key that no directive names any more is gone from the server -----------------------------------------------------

sub in_parent () { return count_in_memory($server->pid, pack 'H*', $KEY{other}) }

SKIP: {
    skip 'only root may look into memory', 2 if $> != 0;
    skip pointless('memory'), 3 if pointless('memory');
    cmp_ok in_parent(), '>=', 1, 'the server holds a key that a directive names';
    $server->configure(conf => conf(undef));
    ok $server->graceful, 'the directive is taken out' or diag $server->error;
    is in_parent(), 0, 'and the key is wiped';
}

# --- A configuration that is shown or tested -----------------------------------------------------------------------------

sub httpd (@arguments) {
    my @as = ref $arguments[0] ? @{ shift @arguments } : ();
    my $command = join ' ', map { "'$_'" } @as, $server->{httpd}, '-d', $server->{dir}, '-f', $server->config_file, @arguments;
    my $output = `$command 2>&1`;
    return ($? >> 8, $output);
}

sub configtest_of (@more) {
    $server->configure(conf => conf(undef, @more));
    return httpd('-t');
}

{
    my ($rc, $output) = configtest_of('<VirtualHost 127.0.0.1:1>', '<Location />', 'Require twilio-signature', '</Location>', '</VirtualHost>');
    is $rc, 0, '"Require twilio-signature" may be the first of our words in a virtual host' or diag $output;
    ($rc, $output) = configtest_of('<Location /odd>', 'SetHandler decrypt-gather', 'EncGatherLookup "SELECT a FROM b WHERE c = %s AND d LIKE %" e', '</Location>');
    is $rc, 0, 'a % may be the last of a query' or diag $output;
}
$server->configure(conf => conf($LOST));
{
    my ($rc, $output) = httpd('-t');
    is $rc, 1, 'configtest: a key file that is not there';
    like $output, qr/\Q$LOST\E/, 'is named';
    ($rc, $output) = httpd('-t', '-D', 'DUMP_RUN_CFG');
    is $rc, 0, 'a configuration that is only shown needs no key files' or diag $output;
    unlike $output, qr/EG01/, 'and reads none';
}
SKIP: {
    skip 'only root can be somebody else', 2 if $> != 0;
    $server->configure(conf => conf(undef));
    my ($rc, $output) = httpd([qw(setpriv --reuid=65534 --regid=65534 --clear-groups)], '-t');
    is $rc, 0, 'configtest by a user who may not read the keys says nothing about them' or diag $output;
    like $output, qr/EG0103: .*was not checked, this user may not read it/, 'but that it did not look';
    write_secret("$TREE/short.key", "1234\n");
    chown 65534, 65534, "$TREE/short.key";
    $server->configure(conf => conf("$TREE/short.key"));
    ($rc, $output) = httpd([qw(setpriv --reuid=65534 --regid=65534 --clear-groups)], '-t');
    is $rc, 1, 'a file of their own is read';
    like $output, qr/EG0101: .*short\.key/, 'and what is wrong with it told';
}

# --- What the module's neighbours write down, wherever it is set --------------------------------------------------------

$server->configure(conf => conf(undef, 'LogLevel dumpio:trace7', '<VirtualHost 127.0.0.1:1>', '<IfModule dumpio_module>',
    'DumpIOInput On', '</IfModule>', '</VirtualHost>'));
ok $server->graceful, 'with mod_dumpio in a virtual host' or diag $server->error;
like $server->error_log, qr/EG0120: mod_dumpio writes every request body/, 'there is a warning';

ok $server->stop, 'the server stops';
log_is_clean($server, qr{EG0120: }, qr{EG0110: }, qr{AH01630: .*/(?:guarded|part\.html)}, qr{EG0302: call -: denied},
    qr{EG0301: call CA2: }, qr{include:error.*unable to include});

finish();
