# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# Warnings about configurations without an error that can only fail, or should not stay: which section, and what to do.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Test::More;

use lib 't/lib';
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
silent('no tokens, signatures are not asked for', "EncGatherKeyFile $KEYS/demo.key\nEncGatherSignature $_\n", at('/g', $GATHER, $BACK)) for qw(off Observe);
silent('no handler', $SECRET, at('/g', $BACK));

# --- A handler that is almost ours --------------------------------------------------------------------------------

for my $case (
    [ 'encrypted_gather' => 'encrypted-gather' ], [ 'encryptedgather' => 'encrypted-gather' ], [ 'Encrypt-Gather' => 'encrypted-gather' ],
    [ 'decrypt_gather' => 'decrypt-gather' ],     [ 'encgather_status' => 'encgather-status' ], [ 'enc-gather-status' => 'encgather-status' ],
) {
    my ($word, $meant) = @$case;
    warns("the handler $word", at('/g', "SetHandler $word\n"),
        qr/EG0131: SetHandler \Q$word\E in <Location \/g> \(line \d+ of \Q$FILE\E\) is no handler of this module; if \Q$meant\E is meant, write that/);
}
silent("the handler $_", at('/g', "SetHandler $_\n")) for qw(server-status none None default-handler cgi-script encgather-status DECRYPT-gather),
    '"proxy:unix:/run/php.sock|fcgi://localhost"', '"expr=%{req:X}"', 'x' x 200;

# --- A %s in quotes -----------------------------------------------------------------------------------------------

my @DBD = ('dbd');
for my $case ([ q(card = '%s') => 1 ], [ q(a = 'it''s' AND b = '%s') => 1 ], [ q(card LIKE '%s%%') => 1 ], [ q(card = `%s`) => 1 ],
    [ 'card = %s' => 0 ], [ q(a = 'x' AND card = %s AND b = 'y') => 0 ], [ q(a = 'it''s' AND card = %s) => 0 ], [ q(card = %s AND a LIKE '%%s') => 0 ]) {
    my ($where, $is_wrong) = @$case;
    my $conf = $SECRET . at('/d', qq(SetHandler decrypt-gather\nEncGatherLookup "SELECT a FROM b WHERE $where" card\n));
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
