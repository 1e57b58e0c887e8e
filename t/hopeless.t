# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# CI: no sanitizer
# Warnings about configurations without an error that can only fail, or should not stay: which section, and what to do.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
use EncGather::Httpd ();
use EncGather::Test;

my $KEYS   = in_tree('conf/keys');
my $FILES  = in_tree('private/hopeless-files');
my $server = private_server('hopeless');
mkdir $FILES, 0755 or die "$FILES: $!";
my $FILE   = $server->config_file;
my $SECRET = "EncGatherKeyFile $KEYS/demo.key\nEncGatherAuthTokenFile $KEYS/auth-tokens\n";
my $GATHER = "SetHandler encrypted-gather\n";
my $BACK   = "EncGatherBackend /b\n";

sub at ($path, @lines) { return join '', "<Location $path>\n", @lines, "</Location>\n" }
sub host ($name, @lines) { return join '', "<VirtualHost *>\nServerName $name\n", @lines, "</VirtualHost>\n" }

# The warnings of configtest, which must pass.
sub warnings_of ($name, $conf) {
    $server->configure(conf => $conf);
    my ($rc, $output) = $server->configtest;
    is $rc, 0, "$name: no error" or diag $output;
    return grep { !/^Syntax OK$/ } split /\n/, $output;
}

sub silent ($name, @conf) {
    return is_deeply [ warnings_of($name, join '', @conf) ], [], "$name: silent";
}

sub warns ($name, $conf, @patterns) {
    my @lines = warnings_of($name, $conf);
    my $ok    = is scalar @lines, scalar @patterns, "$name: a line for each";
    for my $pattern (@patterns) {
        $ok = ok(scalar(grep { /\[encgather:warn\]/ && $_ =~ $pattern } @lines), "$name: $pattern") && $ok;
    }
    return $ok || diag join "\n", @lines;
}

# --- A gather that lacks something ------------------------------------------------------------------------------

sub lacks ($section, $what) {
    return qr/EG0130: SetHandler encrypted-gather in \Q$section\E \(line \d+ of \Q$FILE\E\) can only fail: there is $what for it; set it there or around it/;
}

warns('nothing at all', at('/g', $GATHER), lacks('<Location /g>', 'no EncGatherBackend, no EncGatherKeyFile, no EncGatherAuthTokenFile'));
warns('no backend', $SECRET . at('/g', $GATHER), lacks('<Location /g>', 'no EncGatherBackend'));
warns('no key', "EncGatherAuthTokenFile $KEYS/auth-tokens\n" . at('/g', $GATHER, $BACK), lacks('<Location /g>', 'no EncGatherKeyFile'));
warns('no tokens', "EncGatherKeyFile $KEYS/demo.key\n" . at('/g', $GATHER, $BACK), lacks('<Location /g>', 'no EncGatherAuthTokenFile'));
warns('a backend next door', $SECRET . at('/g', $GATHER) . at('/gather', $BACK), lacks('<Location /g>', 'no EncGatherBackend'));
warns('two of three', $SECRET . at('/g', $GATHER) . at('/h', $GATHER, $BACK) . at('"/i/"', "SetHandler \"Encrypted-Gather\"\n"),
    lacks('<Location /g>', 'no EncGatherBackend'), lacks('<Location "/i/">', 'no EncGatherBackend'));
warns('the key of another host', host('a.test', $SECRET) . host('b.test', at('/g', $GATHER, $BACK)),
    lacks('<Location /g>', 'no EncGatherKeyFile, no EncGatherAuthTokenFile'));
warns('in a Directory', "<Directory /srv>\n$GATHER</Directory>\n$SECRET", lacks('<Directory /srv>', 'no EncGatherBackend'));
warns('in a virtual host', host('a.test', $GATHER) . $SECRET, lacks('<VirtualHost *>', 'no EncGatherBackend'));

silent('all there', $SECRET, at('/g', $GATHER, $BACK));
silent('in other letters', $SECRET, at('/g', "sethandler ENCRYPTED-Gather\n", $BACK));
silent('behind it', at('/g', $BACK, $GATHER), $SECRET);
silent('in another section for the same place', $SECRET, at('/g', $GATHER), at('/g/', $BACK));
silent('a backend below', $SECRET, at('/', $GATHER), at('/g', $BACK));
silent('a backend above', $SECRET, at('/', $BACK), at('/g', $GATHER));
silent('a backend in a pattern', $SECRET, at('/g', $GATHER), "<LocationMatch ^/g>\n$BACK</LocationMatch>\n");
silent('a backend in a pattern of another kind', $SECRET, at('/g', $GATHER), at('~ "^/g"', $BACK), at('/h', $GATHER), at('/?', $BACK));
silent('a backend in an If', $SECRET, at('/g', $GATHER, "<If true>\n", $BACK, "</If>\n"));
silent('a backend in an If outside', $SECRET, "<If true>\n", $BACK, "</If>\n", at('/g', $GATHER));
silent('the server has it all', $SECRET, host('a.test', at('/g', $GATHER, $BACK)));
silent('the section of the server, the keys of a host', at('/g', $GATHER, $BACK), host('a.test', $SECRET));
silent('no tokens, signatures are not looked at', "EncGatherKeyFile $KEYS/demo.key\nEncGatherSignature Observe\n", at('/g', $GATHER, $BACK));
warns('no tokens, signatures are not asked for', "EncGatherKeyFile $KEYS/demo.key\nEncGatherSignature off\n" . at('/g', $GATHER, $BACK),
    qr/EG0110: EncGatherSignature is off in the server \(line \d+ of \Q$FILE\E\)/);
silent('no handler', $SECRET, at('/g', $BACK));

# --- decrypt-gather that lacks something --------------------------------------------------------------------------

my $DECRYPT = "SetHandler decrypt-gather\n";
sub lookup (@arguments) { return 'EncGatherLookup "SELECT a FROM b WHERE ' . join(' AND ', map { "c$_ = %s" } 1 .. @arguments) . "\" @arguments\n" }
my $LOOKUP = lookup('encryptedCardDigits');

sub decrypt_lacks ($what) { return qr/EG0130: SetHandler decrypt-gather in <Location \/d> \(line \d+ of \Q$FILE\E\) can only fail: there is $what for it;/ }
warns('no query, no key', at('/d', "SetHandler Decrypt-Gather\n"), decrypt_lacks('no EncGatherLookup, no EncGatherKeyFile'));
warns('no query', $SECRET . at('/d', $DECRYPT), decrypt_lacks('no EncGatherLookup'));
warns('no key for a query', at('/d', $DECRYPT, $LOOKUP), decrypt_lacks('no EncGatherKeyFile'));
silent('a query, and no token file', "EncGatherKeyFile $KEYS/demo.key\n", at('/d', $DECRYPT, $LOOKUP));
silent('a query around it', "EncGatherKeyFile $KEYS/demo.key\n", at('/d', $LOOKUP), at('/d/e', $DECRYPT));

# --- A query for other fields than are sent -----------------------------------------------------------------------

sub asks ($field, $sent, $section = '<Location /g>') {
    return qr/EG0135: EncGatherBackend \/d in \Q$section\E \(line \d+ of \Q$FILE\E\) can only fail: the EncGatherLookup that it leads to \(line \d+ of \Q$FILE\E\) asks for the field '$field', and this call sends: $sent; write the same name in both/;
}
my $TO   = "EncGatherBackend /d\n";
my $CARD = "EncGatherField card digits=4\n";
my $PIN  = "EncGatherField pin\n";

# what the gather has, what its query asks for, what is around both
sub called ($fields, $lookup, @around) { return $SECRET . join('', @around) . at('/g', $GATHER, $TO, $fields) . at('/d', $DECRYPT, $lookup) }
warns('the default names', called($CARD . $PIN, $LOOKUP), asks('encryptedCardDigits', 'card pin'));
warns('one of two', called($CARD, lookup(qw(card pin)), at('/h', $PIN)), asks('pin', 'card'));
warns('in an index', called($CARD, lookup('hmac:card,pin'), at('/h', $PIN)), asks('pin', 'card'));
warns('no field', called('', lookup('card'), at('/h', $CARD)), asks('card', 'encryptedCardDigits encryptedPinDigits'));
warns('what an inner section has replaced', called($CARD, lookup('pin'), $PIN), asks('pin', 'card'));
warns('what a later section has replaced', called($PIN, lookup('pin')) . at('/g', $CARD), asks('pin', 'card'));
warns('a query with a backend that has one', called('', lookup('card'), at('/h', $CARD)) =~ s{/d$}{/d?a=b}mr =~ s{Backend /d\n}{Backend /d?a=b\n}r,
    qr/EG0135: EncGatherBackend \/d in <Location \/g>.* asks for the field 'card'/);
warns('that somebody else may ask, too', called($CARD, "EncGatherExpose on\n" . lookup('number')), asks('number', 'card'));
warns('beside a handler of directories', called($CARD, $LOOKUP) . "<FilesMatch \\.php\$>\nSetHandler php\n</FilesMatch>\n<Directory />\nSetHandler none\n</Directory>\n",
    asks('encryptedCardDigits', 'card'));
warns('what another gather forwards', called($CARD, lookup(qw(card To))) . at('/h', "EncGatherForward To\n"), asks('To', 'card'));
warns('in a virtual host', host('a.test', called($CARD, $LOOKUP)), asks('encryptedCardDigits', 'card'));
warns('in a module', "<IfModule encgather_module>\n" . called($CARD, $LOOKUP) . "</IfModule>\n", asks('encryptedCardDigits', 'card'));
for my $case (
    [ 'the default names'     => called('', lookup(qw(encryptedPinDigits encryptedCardDigits))) ],
    [ 'those of the gather'   => called($CARD . $PIN, lookup("pin", "hmac:card,pin")) ],
    [ 'those of the server'   => called('', lookup('card'), $CARD) ],
    [ 'those of a section around' => $SECRET . at('/g', $CARD) . at('/g/h', $GATHER, $TO) . at('/d', $DECRYPT, lookup('card')) ],
    [ 'those of a section below'  => called($PIN, lookup('card')) . at('/g/h', $CARD) ],
    [ 'those of an If'        => called("$PIN<If true>\n$CARD</If>\n", lookup('card')) ],
    [ 'those of an If around' => called($PIN, lookup('card'), "<If true>\n$CARD</If>\n") ],
    [ 'those of a pattern'    => called($PIN, lookup('card')) . "<LocationMatch ^/g>\n$CARD</LocationMatch>\n" ],
    [ 'none, and so the default ones' => called("EncGatherField off\n", $LOOKUP, $CARD) ],
    [ 'a parameter that is forwarded' => called("$CARD\nEncGatherForward From To\n", lookup(qw(card To))) ],
    [ 'another query in an If'        => called($CARD, "$LOOKUP<If true>\n" . lookup('card') . "</If>\n") ],
    [ 'another query in a pattern'    => called($CARD, $LOOKUP) . "<LocationMatch ^/d>\n" . lookup('card') . "</LocationMatch>\n" ],
    [ 'a later query'                 => called($CARD, $LOOKUP) . at('/d', lookup('card')) ],
    [ 'another query below'           => called($CARD, lookup('card')) . at('/d/e', $LOOKUP) ],
    [ 'another handler in an If of a directory' => called($CARD, $LOOKUP) . "<Directory />\n<If true>\nSetHandler none\n</If>\n</Directory>\n" ],
    [ 'another handler in an If'      => called($CARD, "$LOOKUP<If true>\nSetHandler none\n</If>\n") ],
    [ 'a query of another host'       => $SECRET . host('a.test', at('/g', $GATHER, $TO, $CARD)) . host('b.test', at('/d', $DECRYPT, $LOOKUP)) ],
    [ 'a query of another path'       => $SECRET . at('/g', $GATHER, "EncGatherBackend /e\n", $CARD) . at('/d', $DECRYPT, $LOOKUP) ],
) {
    silent("$case->[0] may be sent", $case->[1]);
}

# --- A field that nobody has ----------------------------------------------------------------------------------------

sub unknown ($field) { return qr/EG0136: EncGatherLookup in <Location \/d> \(line \d+ of \Q$FILE\E\) asks for the field '$field', and no EncGatherField has that name/ }
warns('a typing error', called('', lookup('encryptedCardDigit')), unknown('encryptedCardDigit'));
warns('a typing error in an index', called($CARD . $PIN, lookup('hmac:card,pinn')), unknown('pinn'));
warns('the one after that', called($CARD, lookup(qw(card nip))), unknown('nip'));
silent('a field of any gather', $SECRET, at('/h', $CARD), at('/d', $DECRYPT, lookup('card')));
silent('somebody else may send it', $SECRET, at('/d', $DECRYPT, "EncGatherExpose on\n", lookup('card')));
silent('somebody else now and then', $SECRET, at('/d', $DECRYPT, "<If true>\nEncGatherExpose on\n</If>\n", lookup('card')));
silent('a query without a handler', $SECRET, at('/d', lookup('card')));

# --- Where mod_proxy cannot go --------------------------------------------------------------------------------------

sub module_there ($name) { return EncGather::Httpd::module_file($name) // 0 }
my @PLAIN = qw(authn_core authz_host alias dbd);
my @PROXY = (@PLAIN, qw(proxy proxy_http rewrite));
my $ENGINE = qr/there is no SSLProxyEngine On, without which mod_proxy speaks no TLS; load mod_ssl, and set it in that virtual host/;
my $URL    = "EncGatherBackend https://back.test/x?key=1\n";
$server->configure(modules => \@PROXY, conf => '');
warns('https', $SECRET . at('/g', $GATHER, $URL), qr/EG0137: EncGatherBackend https:\/\/back\.test\/x in <Location \/g> \(line \d+ of \Q$FILE\E\) can only fail: $ENGINE/);
warns('https by a ProxyPass', $SECRET . "ProxyPass /b https://back.test/\n" . at('/g', $GATHER, $BACK),
    qr/EG0137: EncGatherBackend \/b in <Location \/g> .* can only fail: ProxyPass \(line \d+ of \Q$FILE\E\) leads to https:\/\/, and $ENGINE/);
silent('https, and no handler', $SECRET, at('/g', $URL));
silent('http', $SECRET, at('/g', $GATHER, "EncGatherBackend http://back.test/\n"));
silent('a ProxyPass elsewhere', $SECRET, "ProxyPass /bb https://back.test/\n", at('/g', $GATHER, $BACK));
silent('one that is taken out', $SECRET, "ProxyPass /b !\nProxyPass / https://back.test/\n", at('/g', $GATHER, $BACK));
silent('a rule in front', $SECRET, "RewriteRule ^/(b) http://back.test/\$1 [NC,P]\nProxyPass /b https://back.test/\n", at('/g', $GATHER, $BACK));
warns('a rule that leads nowhere else', $SECRET . "RewriteRule ^/(b) - [E=P:1]\nProxyPass /b https://back.test/\n" . at('/g', $GATHER, $BACK), qr/EG0137: /);
silent('a pattern in front', $SECRET, "ProxyPassMatch ^/(b) http://back.test/\$1\nProxyPass /b https://back.test/\n", at('/g', $GATHER, $BACK));
silent('of another host', $SECRET, host('a.test', "ProxyPass /b https://back.test/\n"), host('b.test', at('/g', $GATHER, $BACK)));
SKIP: {
    skip 'this httpd has no mod_ssl', 6 unless module_there('ssl');
    $server->configure(modules => [ @PROXY, 'ssl' ], conf => '');
    warns('for another host', $SECRET . host('a.test', at('/g', $GATHER, $URL)) . host('b.test', "SSLProxyEngine on\n"), qr/EG0137: /);
    warns('switched off', $SECRET . host('a.test', "SSLProxyEngine off\n", at('/g', $GATHER, $URL)), qr/EG0137: /);
    silent('an engine', $SECRET, "SSLProxyEngine On\n", at('/g', $GATHER, $URL), host('a.test', at('/g', $GATHER, $URL)));
    silent('an engine of the host', $SECRET, host('a.test', at('/g', $GATHER, $URL), "SSLProxyEngine ON\n"));
    silent('an engine of a host, and sections of the server', $SECRET, at('/g', $GATHER, $URL), host('a.test', "SSLProxyEngine on\n"));
    silent('an engine for a ProxyPass', $SECRET, "SSLProxyEngine on\n", at('/b', "ProxyPass https://back.test/\n"), at('/g', $GATHER, $BACK));
}
$server->configure(modules => [ @PLAIN, 'proxy' ], conf => '');
for my $case ([ 'http://back.test/' => 'http' ], [ 'fcgi://127.0.0.1:9000/' => 'fcgi' ], [ 'unix:/run/php.sock|fcgi://localhost/' => 'fcgi' ], [ 'ajp://back.test/' => 'ajp' ]) {
    my ($url, $module) = @$case;
    my $warned = qr/EG0138: EncGatherBackend \/b in <Location \/g> .* can only fail: ProxyPass \(line \d+ of \Q$FILE\E\) leads to $module:\/\/, and mod_proxy_$module is not loaded: LoadModule proxy_${module}_module/;
    warns("$url without its module", $SECRET . "ProxyPass / $url\n" . at('/g', $GATHER, $BACK), $warned);
    warns("$url in a location", $SECRET . at('/b', "ProxyPass $url\n") . at('/g', $GATHER, $BACK), $warned);
}
silent('a module of others', $SECRET, "ProxyPass /b else://back.test/\n", at('/g', $GATHER, $BACK));
$server->configure(modules => \@PLAIN, conf => '');

# --- A handler that is almost ours --------------------------------------------------------------------------------

for my $case (
    [ 'encrypted_gather' => 'encrypted-gather' ], [ 'encryptedgather' => 'encrypted-gather' ], [ 'Encrypt-Gather' => 'encrypted-gather' ],
    [ 'decrypt_gather' => 'decrypt-gather' ],     [ 'encgather_status' => 'encgather-status' ], [ 'enc-gather-status' => 'encgather-status' ],
) {
    my ($word, $meant) = @$case;
    warns("the handler $word", at('/g', "SetHandler $word\n"),
        qr/EG0131: SetHandler \Q$word\E in <Location \/g> \(line \d+ of \Q$FILE\E\) is no handler of this module; if \Q$meant\E is meant, write that/);
}
silent("the handler $_", at('/g', "SetHandler $_\n")) for qw(server-status none None default-handler cgi-script encgather-status),
    '"proxy:unix:/run/php.sock|fcgi://localhost"', '"expr=%{req:X}"', 'x' x 200;

# --- A %s in quotes -----------------------------------------------------------------------------------------------

for my $case ([ q(card = '%s') => 1 ], [ q(a = 'it''s' AND b = '%s') => 1 ], [ q(card LIKE '%s%%') => 1 ], [ q(card = `%s`) => 1 ],
    [ 'card = %s' => 0 ], [ q(a = 'x' AND card = %s AND b = 'y') => 0 ], [ q(a = 'it''s' AND card = %s) => 0 ], [ q(card = %s AND a LIKE '%%s') => 0 ]) {
    my ($where, $is_wrong) = @$case;
    my $conf = $SECRET . at('/d', qq(SetHandler decrypt-gather\nEncGatherLookup "SELECT a FROM b WHERE $where" encryptedCardDigits\n));
    if ($is_wrong) { warns($where, $conf, qr/EG0132: EncGatherLookup in <Location \/d> \(line \d+ of \Q$FILE\E\) has a %s in quotes/) }
    else           { silent($where, $conf) }
}

# --- A token file that holds something else -------------------------------------------------------------------------

sub token_file ($name, $content) {
    my $path = write_secret("$FILES/tokens", "$content\n");
    return ($name, "EncGatherKeyFile $KEYS/demo.key\nEncGatherAuthTokenFile $path\n" . at('/g', $GATHER, $BACK));
}
my $AC = 'AC' . '0' x 32;
warns(token_file(@$_), qr/EG0133: EncGatherAuthTokenFile '\Q$FILES\E\/tokens' has a line that looks like a key/) for [ 'a key' => $KEY{demo} ],
    [ 'a key ring' => "k1 $KEY{demo}" ], [ 'a key among tokens' => "$TOKEN{demo}\n$AC $KEY{other}" ];
warns(token_file("the placeholder $_", $_), qr/EG0133: EncGatherAuthTokenFile '\Q$FILES\E\/tokens' has a placeholder/)
    for 'your_auth_token', 'AUTH_TOKEN', '[AuthToken]', '<your-auth-token>', '${TWILIO_AUTH_TOKEN}', 'x' x 32, "$AC your_auth_token", 'changeme';
silent(token_file(@$_)) for [ 'tokens' => "$TOKEN{demo}\n$AC $TOKEN{other}" ], [ '32 digits' => 'ab' x 16 ], [ 'two of them' => "@{[ 'ab' x 16 ]}\n@{[ 'cd' x 16 ]}" ],
    [ '63 digits' => substr $KEY{demo}, 1 ], [ '64 letters' => 'z' x 64 ], [ 'one letter' => 'x' ], [ 'many' => 'x' x 128 ];
{
    my ($rc, $output) = $server->configtest;
    is scalar(grep { index($output, $_) >= 0 } values %KEY, values %TOKEN), 0, 'nothing of a file is shown';
}

# --- Longer than Twilio waits -------------------------------------------------------------------------------------

my $ONE_TOKEN = write_secret("$FILES/one-token", "$TOKEN{demo}\n");
silent('Plivo waits longer than Twilio', "EncGatherKeyFile $KEYS/demo.key\nEncGatherAuthTokenFile $ONE_TOKEN\n",
    at('/g', $GATHER, $BACK, "EncGatherProvider plivo\nEncGatherTimeout 30\n"));

# --- At start -----------------------------------------------------------------------------------------------------

$server->configure(conf => $SECRET . "EncGatherTimeout 14\n" . at('/g', $GATHER) . at('/off', $GATHER, $BACK, "EncGatherSignature off\n")
    . at('/slow', "EncGatherTimeout 15\n") . host('a.test', "EncGatherSignature OFF\nEncGatherTimeout 600\n"));
ok $server->start, 'a server starts with all that' or diag $server->error;
my $log = $server->error_log;
for my $wanted (
    lacks('<Location /g>', 'no EncGatherBackend'),
    qr/EG0110: EncGatherSignature is off in <Location \/off> \(line \d+ of \Q$FILE\E\): anybody can pose as Twilio there/,
    qr/EG0110: EncGatherSignature is off in <VirtualHost \*> \(line \d+ of \Q$FILE\E\)/,
    qr/EG0134: EncGatherTimeout 15 in <Location \/slow> \(line \d+ of \Q$FILE\E\) is longer than Twilio waits/,
    qr/EG0134: EncGatherTimeout 600 in <VirtualHost \*> \(line \d+ of \Q$FILE\E\)/,
) {
    is scalar(() = $log =~ /$wanted/g), 1, "at start, once: $wanted";
}
is scalar(() = $log =~ /\[encgather:warn\]/g), 5, 'and nothing else';
my ($line) = $log =~ /EncGatherTimeout 15 in <Location \/slow> \(line (\d+) of/;
open my $conf, '<', $FILE or die "$FILE: $!";
my @lines = <$conf>;
like $lines[ ($line // 1) - 1 ], qr/^EncGatherTimeout 15$/, 'the line is the one that has it';
ok $server->stop, 'it stops';
log_is_clean($server, qr/EG0110: /, qr/EG0130: /, qr/EG0134: /);

finish();
