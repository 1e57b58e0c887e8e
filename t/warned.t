# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# Neighbours that would write down what callers key in, read keys, or stand in the way: a line at start for each server and
# cause, none for what is harmless as configured; and with all advice followed no digit is in any file.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Find ();
use File::Path qw(make_path);
use MIME::Base64 qw(encode_base64);
use Test::More;

use lib 't/lib';
use EncGather::Daemon qw(free_ports);
use EncGather::Files qw(slurp spew);
use EncGather::Httpd qw(module_file);
use EncGather::Signature qw(signature form_encode);
use EncGather::Test;

# With these modules in one server, httpd looks at names of -D in a pool that it has cleared (ap_read_config): the sanitizer
# ends it there.
plan skip_all => 'under asan: httpd itself reads freed names' if ($ENV{ENCGATHER_SANITIZER} // '') eq 'asan';

my $TREE = in_tree('private/warned');
make_path("$TREE/htdocs", "$TREE/theirs");
chmod 0755, $TREE, "$TREE/htdocs";
chmod 0777, "$TREE/theirs";
write_secret("$TREE/key",    "$KEY{demo}\n");
write_secret("$TREE/tokens", "$TOKEN{demo}\n");
spew("$TREE/htdocs/voice", "an application\n", 0644);

my $SECRET = qq(EncGatherKeyFile "$TREE/key"\nEncGatherAuthTokenFile "$TREE/tokens"\n);
my $GATHER = "<Location /gather>\nSetHandler encrypted-gather\nEncGatherBackend /nowhere\n</Location>\n";
my $VOICE  = "<Location /voice>\nRequire twilio-signature\n</Location>\n";
my $SHIELD = "<Location /shielded>\nEncGatherShield Digits\n</Location>\n";
my $REVEAL = "<Location /pay>\nEncGatherReveal card\n</Location>\n";
my %there  = map { $_ => defined module_file($_) } qw(dumpio http2 log_forensic security2 rpaf auth_mellon auth_openidc evasive20 wsgi lua perl proxy_ajp);
my @UNIQUE = $there{security2} ? ('unique_id') : ();

sub at ($path, @lines) { return join '', "<Location $path>\n", map({ "$_\n" } @lines), "</Location>\n" }

# --- A line for each ----------------------------------------------------------------------------------------------

# In front of all other rules of mod_security, for one path.
my $id = 900;
sub taken_out ($path) {
    $id++;
    return qq(SecRule REQUEST_FILENAME "\@streq $path" "id:$id,phase:1,nolog,pass,ctl:ruleEngine=Off,ctl:auditEngine=Off"\n);
}

my $FORWARD = "ProxyPass /voice http://127.0.0.1:1/voice\n";
my $LOGIN   = at('/', 'AuthType openid-connect', 'Require valid-user');
my $SAML    = at('/', 'MellonEnable auth', 'MellonPostReplay On');

# A virtual host with that configuration beside a webhook and a guarded application ("bare": with nothing of ours; "shield", "reveal": with that alone), and the
# tag of the line that it must give, if any.
my @CASES = (
    [ dumpio => 'input',                  EG0120 => "DumpIOInput On\nLogLevel dumpio:trace7\n" ],
    [ dumpio => 'output alone',           EG0120 => "DumpIOOutput on\nLogLevel info dumpio_module:trace8\n" ],
    [ dumpio => 'both',                   EG0120 => "DumpIOInput On\nDumpIOOutput On\nLogLevel mod_dumpio.c:trace7\n" ],
    [ dumpio => 'quiet',                  undef, "DumpIOInput On\nDumpIOOutput On\nLogLevel dumpio:trace8 dumpio:trace6\n" ],
    [ dumpio => 'off',                    undef, "DumpIOInput Off\nLogLevel dumpio:trace8\n" ],
    [ dumpio => 'bare',                   undef, "DumpIOInput On\nLogLevel dumpio:trace7\n" ],
    [ http2 => 'trace1',                  EG0121 => "LogLevel http2:trace1\n" ],
    [ http2 => 'all at trace1',           EG0121 => "LogLevel trace1\n" ],
    [ http2 => 'undone',                  undef, "LogLevel http2:trace1\nLogLevel info\n" ],
    [ http2 => 'debug',                   undef, "LogLevel trace2 http2:debug\n" ],
    [ http2 => 'in a section',            undef, at('/gather', 'LogLevel http2:trace8') ],
    [ http2 => 'bare',                    undef, "LogLevel http2:trace8\n" ],
    [ log_forensic => 'a log',            EG0122 => qq(ForensicLog "$TREE/theirs/forensic"\n) ],
    [ dumpio => 'shield',                 EG0120 => "DumpIOInput On\nLogLevel dumpio:trace7\n" ],
    [ http2 => 'shield',                  EG0121 => "LogLevel http2:trace1\n" ],
    [ log_forensic => 'shield',           EG0122 => qq(ForensicLog "$TREE/theirs/forensic-shield"\n) ],
    [ proxy_ajp => 'trace7',              EG0153 => "LogLevel proxy_ajp:trace7\nProxyPass /voice ajp://127.0.0.1:1/voice\n" ],
    [ proxy_ajp => 'reveal',              EG0153 => "LogLevel trace8 http2:info\nProxyPass /pay ajp://127.0.0.1:1/pay\n" ],
    [ proxy_ajp => 'there',               EG0153 => "ProxyPass /voice ajp://127.0.0.1:1/voice\n" . at('/voice', 'LogLevel proxy_ajp:trace8') ],
    [ proxy_ajp => 'trace6',              undef, "LogLevel trace8 proxy_ajp:trace6 http2:info rewrite:info\nProxyPass /voice ajp://127.0.0.1:1/voice\n" ],
    [ proxy_ajp => 'bare',                undef, "LogLevel proxy_ajp:trace8\nProxyPass /voice ajp://127.0.0.1:1/voice\n" ],
    [ security2 => 'shield',              EG0123 => "SecRuleEngine On\n" ],
    [ security2 => 'shield',              undef, "SecRuleEngine On\nSecAuditEngine On\n" . taken_out('/shielded') ],
    [ rewrite => 'shield',                undef, "RewriteEngine on\nLogLevel rewrite:trace8\nRewriteRule ^/x /shielded [PT]\n" ],
    [ log_forensic => 'bare',             undef, qq(ForensicLog "$TREE/theirs/forensic-bare"\n) ],
    [ security2 => 'rules',               EG0123 => "SecRuleEngine On\n" ],
    [ security2 => 'rules, watching',     EG0123 => "SecRuleEngine DetectionOnly\n" ],
    [ security2 => 'the audit log',       EG0123 => "SecAuditEngine RelevantOnly\n" ],
    [ security2 => 'the debug log',       EG0123 => "SecDebugLogLevel 5\n" ],
    [ security2 => 'a quiet debug log',   undef, "SecDebugLogLevel 4\nSecRuleEngine Off\nSecAuditEngine Off\n" ],
    [ security2 => 'starred arguments',   EG0123 => qq(SecRuleEngine On\nSecAuditEngine On\nSecAction "id:900,phase:5,nolog,pass,sanitiseArg:Digits"\n) ],
    [ security2 => 'taken out',           undef, "SecRuleEngine On\nSecAuditEngine On\n" . taken_out('/gather') . taken_out('/voice') ],
    [ security2 => 'one of two',          EG0123 => "SecRuleEngine On\nSecAuditEngine On\n" . taken_out('/gather') ],
    [ security2 => 'taken out, but loud', EG0123 => "SecDebugLogLevel 9\n" . taken_out('/gather') . taken_out('/voice') ],
    [ security2 => 'off there',           undef, "SecRuleEngine On\n" . join '', map { at($_, 'SecRuleEngine Off') } '/gather', '/voice' ],
    [ security2 => 'off there, the audit log not', EG0123 => "SecAuditEngine On\n" . at('/', 'SecRuleEngine Off') ],
    [ security2 => 'off there, what is denied is known before', EG0123 => "SecAuditEngine On\n" . at('/', 'SecAuditEngine Off') ],
    [ security2 => 'on elsewhere',        undef, at('/shop', 'SecRuleEngine On') ],
    [ security2 => 'maybe off there',     EG0123 => "SecRuleEngine On\n<If true>\nSecRuleEngine Off\n</If>\n" ],
    [ security2 => 'bare',                undef, "SecRuleEngine On\nSecAuditEngine On\n" ],
    [ rpaf => 'without a public URL',     EG0125 => "RPAFenable On\n" ],
    [ rpaf => 'for one of two',           EG0125 => "RPAFenable On\n" . at('/gather', 'EncGatherPublicURL https://ivr.example.com') ],
    [ rpaf => 'with a public URL',        undef, "RPAFenable On\nEncGatherPublicURL https://ivr.example.com\n" ],
    [ rpaf => 'off',                      undef, "RPAFenable Off\n" ],
    [ proxy => '%f',                      EG0126 => qq(LogFormat "%h %f" file\nCustomLog logs/a file\n$FORWARD) ],
    [ proxy => '%>f without a name',      EG0126 => qq(CustomLog logs/a "%!200,304>f"\n$FORWARD) ],
    [ proxy => '%f by a rule',            EG0126 => qq(CustomLog logs/a "%f"\nRewriteEngine On\nRewriteRule ^/v http://127.0.0.1:1/ [QSA,P]\n) ],
    [ proxy => '%f that nobody uses',     undef, qq(LogFormat "%h %f" nobody\n$FORWARD) ],
    [ proxy => '%f of another URL',       undef, qq(CustomLog logs/a "%f"\nProxyPass /shop http://127.0.0.1:1/\n) ],
    [ proxy => 'no %f',                   undef, qq(CustomLog logs/a "%%f %U %{f}i"\n$FORWARD) ],
    [ auth_mellon => 'replay',            EG0127 => $SAML ],
    [ auth_mellon => 'off there',         undef, $SAML . at('/gather', 'MellonEnable off') . at('/voice', 'MellonEnable off') ],
    [ auth_mellon => 'no replay',         undef, $SAML . at('/', 'MellonPostReplay Off') ],
    [ auth_openidc => 'debug',            EG0127 => "LogLevel auth_openidc:debug\n" . $LOGIN ],
    [ auth_openidc => 'info',             undef, $LOGIN ],
    [ auth_openidc => 'elsewhere',        undef, "LogLevel auth_openidc:trace8\n" . at('/shop', 'AuthType openid-connect', 'Require valid-user') ],
    [ auth_openidc => 'nobody logs in',   undef, "LogLevel auth_openidc:trace8\n$LOGIN" . at('/gather', 'Require all granted') ],
    [ rewrite => 'trace3',                EG0129 => "LogLevel rewrite:trace3\nRewriteEngine On\nRewriteRule ^/old /gather [PT]\n" ],
    [ rewrite => 'trace3 there',          EG0129 => "RewriteEngine On\nRewriteRule ^/old /gather [PT]\n" . at('/gather', 'LogLevel rewrite:trace3') ],
    [ rewrite => 'trace3 elsewhere',      undef, "RewriteEngine On\nRewriteRule ^/old /gather [PT]\n" . at('/shop', 'LogLevel rewrite:trace3') ],
    [ rewrite => 'trace2',                undef, "LogLevel rewrite:trace2\nRewriteEngine On\nRewriteRule ^/old /gather [PT]\n" ],
    [ rewrite => 'no rule',               undef, "LogLevel rewrite:trace3\nRewriteEngine On\n" ],
    [ http2 => 'in quotes',               EG0121 => qq(LogLevel "http2:trace1"\n) ],
    [ http2 => 'in single quotes, other letters', EG0121 => "lOGlEVEL info 'mod_http2.c:TRACE8'\n" ],
    [ http2 => 'on two lines',            EG0121 => "LogLevel info \\\n    http2_module:trace2\n" ],
    [ http2 => 'by a name',               EG0121 => "Define LOUD http2:trace1\nLogLevel \${LOUD}\n" ],
    [ http2 => 'in an <IfModule>',        EG0121 => "<IfModule mod_http2.c>\n<IfVersion >= 2.4>\nLogLevel http2_module:trace1\n</IfVersion>\n</IfModule>\n" ],
    [ http2 => 'in another <IfModule>',   undef, "<IfModule !mod_http2.c>\nLogLevel http2:trace1\n</IfModule>\n<IfDefine NOBODY>\nLogLevel http2:trace1\n</IfDefine>\n" ],
    [ http2 => 'of another',              undef, "LogLevel proxy_http:trace8 http:trace8 rewrite:debug\n" ],
    [ http2 => 'quiet in quotes',         undef, qq(LogLevel http2:trace1\nLogLevel "info" "http2:debug"\n) ],
    [ dumpio => 'in quotes',              EG0120 => qq(dumpioinput "ON"\nLogLevel "dumpio:trace7"\n) ],
    [ dumpio => 'by a name',              EG0120 => "Define DUMP On\nDumpIOInput \${DUMP}\nLogLevel dumpio:trace7\n" ],
    [ security2 => 'another path',        EG0123 => "SecRuleEngine On\n" . taken_out('/gather2') . taken_out('/a/voice') ],
    [ security2 => 'taken out, loud there', undef, "SecRuleEngine On\n" . taken_out('/gather') . taken_out('/voice') . at('/voice', 'SecDebugLogLevel 9') ],
    [ security2 => 'the audit log there', EG0123 => at('/voice', 'SecRuleEngine Off', 'SecAuditEngine On') ],
    [ security2 => 'by a pattern',        undef, qq(SecRuleEngine On\nSecRule REQUEST_FILENAME "\@rx ^/(?:gather|voice)\$" \\\n    "id:800,phase:1,nolog,pass,ctl:ruleEngine=Off,\\\n    ctl:auditEngine=Off"\n) ],
    [ security2 => 'in quotes',           EG0123 => qq(SecRuleEngine "DetectionOnly"\n) ],
    [ proxy => '%f of another host',      undef, qq(LogFormat "%f" theirs\nCustomLog logs/a common\n$FORWARD) ],
    [ proxy => '%{}f',                    EG0126 => qq(CustomLog logs/a "%{x}f"\n$FORWARD) ],
    [ proxy => '%f in a pipe',            EG0126 => qq(LogFormat '%a "%f"' quoted\nCustomLog "|/bin/cat" "quoted" env=!no\n$FORWARD) ],
    [ proxy => '%f of TransferLog',       EG0126 => qq(LogFormat "%f"\nTransferLog logs/a\n$FORWARD) ],
    [ auth_openidc => 'nobody logs in, by other means', undef, "LogLevel auth_openidc:trace8\n" . at('/', 'AuthType openid-connect', '<RequireAll>', 'Require method POST', 'Require env x', 'Require not ip 192.0.2.1', q(Require expr "true"), '</RequireAll>') ],
    [ auth_openidc => 'in quotes',        EG0127 => qq(LogLevel "auth_openidc:debug"\n) . at('/', 'AuthType "OpenID-Connect"', 'Require claim a:b') ],
    [ rewrite => 'in quotes',             EG0129 => qq(LogLevel "rewrite:trace5"\nRewriteEngine "on"\nRewriteRule ^/old /gather [PT]\n) ],
    [ rewrite => 'off',                   undef, "LogLevel rewrite:trace3\nRewriteRule ^/old /gather [PT]\n" ],
);
my @HERE = grep { !exists $there{ $_->[0] } || $there{ $_->[0] } } @CASES;

# An address of their own each; but two of one, of which httpd takes the first for what it does with connections.
sub host ($address, $name, @conf) { return join '', "<VirtualHost $address>\nServerName $name.test\n", @conf, "</VirtualHost>\n" }
my $port = 1;
my @conf = map {
    my ($module, $name, $tag, $text) = @$_;
    host('127.0.0.1:' . $port++, "n$port", $text, $name eq 'bare' ? () : $name eq 'shield' ? $SHIELD : $name eq 'reveal' ? $REVEAL : ($GATHER, $VOICE));
} @HERE;
my ($LOUD_FIRST, $LOUD_SECOND, $INCLUDED) = map { '127.0.0.2:' . $_ } 1 .. 3;
push @conf, host($LOUD_FIRST, 'loud', "LogLevel http2:trace1\n"), host($LOUD_FIRST, 'quiet', $GATHER),
    host("$LOUD_SECOND", 'quiet', $GATHER), host("$LOUD_SECOND", 'loud', "LogLevel http2:trace1\n", $GATHER) if $there{http2};
spew("$TREE/included.conf", "LogLevel rewrite:trace3\n", 0644);
push @conf, host($INCLUDED, 'included', "Include $TREE/included.conf\nRewriteEngine On\nRewriteRule ^/a /b\n", $GATHER);

my @UNIVERSAL = grep { $there{$_} } qw(dumpio http2 log_forensic security2 rpaf auth_mellon auth_openidc evasive20 proxy_ajp);
my $OIDC = $there{auth_openidc} ? "OIDCProviderMetadataURL https://127.0.0.1:1/\nOIDCClientID x\nOIDCCryptoPassphrase x\nOIDCRedirectURI /redirect\n" : '';
my $server = private_server('warned', modules => [ qw(rewrite proxy proxy_http authz_user), @UNIQUE, @UNIVERSAL, grep { $there{$_} } qw(wsgi lua) ], conf => join '', $SECRET, $OIDC, @conf);
$server->start or BAIL_OUT('the private server does not start: ' . $server->error =~ tr{\n}{ }r);

# Line of the file => the tag that is told of it; of files, name and line.
my $FILE = $server->config_file;
my @said = map { s/.*\] (?=EG\d)//r } grep { /\[encgather:warn\]/ } split /\n/, $server->error_log;
my (%tags, %everywhere);
for my $line (@said) {
    my ($tag) = $line =~ /^(EG\d+)/;
    if ($line =~ /\(line (\d+) of ([^)]+)\)/) { push @{ $tags{$2}{$1} }, $tag }
    else                                      { push @{ $everywhere{$tag} }, $line }
}
my @lines = split /^/, slurp($FILE);
my %begins;
for my $i (0 .. $#lines) { $begins{$1} //= $i + 1 if $lines[$i] =~ /^<VirtualHost ([\d.:]+)>/ }

# What is said of lines from the host of that address to its end (of the first, where there are several).
sub said_of ($address) {
    my $line = $begins{$address};
    my @tags;
    do { push @tags, @{ $tags{$FILE}{ $line + 1 } || [] } } until $lines[ $line++ ] =~ m{^</VirtualHost>};
    return \@tags;
}
for my $i (0 .. $#HERE) {
    my ($module, $name, $tag) = @{ $HERE[$i] };
    is_deeply said_of('127.0.0.1:' . ($i + 1)), [ defined $tag ? $tag : () ], "mod_$module, $name: " . ($tag ? 'one line' : 'nothing to say');
}
if ($there{http2}) {
    is_deeply said_of($LOUD_FIRST), ['EG0121'], 'two hosts of an address: the first is blamed for what it does to the other';
    is_deeply said_of($LOUD_SECOND), [], 'and the second does nothing to anybody';
}
is_deeply $tags{"$TREE/included.conf"}, { 1 => ['EG0129'] }, 'a line of a file that is included has its name';
is scalar @{ $everywhere{EG0128} || [] }, $there{evasive20} ? 1 : 0, 'mod_evasive20 without a list: one line';
is scalar(grep { /mod_wsgi\.c/ } @{ $everywhere{EG0124} || [] }), $there{wsgi} ? 1 : 0, 'mod_wsgi in our processes: one line';
is scalar(grep { /mod_lua\.c/ } @{ $everywhere{EG0124} || [] }), $there{lua} ? 1 : 0, 'mod_lua in our processes: one line';
is scalar @said, (grep { defined $_->[2] } @HERE) + 1 + ($there{http2} ? 1 : 0) + grep({ $there{$_} } qw(evasive20 wsgi lua)), 'and no other line';
is scalar(grep { !/; see "Neighbours" in the manual$/ } @said), 0, 'each says where more is';
ok $server->stop, 'the server stops';

# --- All advice followed ---------------------------------------------------------------------------------------------

my $CRS = '/usr/share/modsecurity-crs/rules';
my ($PORT, $APP_PORT) = free_ports(2);
my $HOST = "127.0.0.1:$PORT";
my %ADVICE = (
    dumpio       => "DumpIOInput Off\n",
    http2        => "Protocols h2c http/1.1\n",
    security2    => join('', qq(SecRule ARGS:Digits "\@streq attack" "id:898,phase:1,deny,status:410"\n), "SecRuleEngine On\nSecRequestBodyAccess On\nSecAuditEngine On\nSecAuditLogParts ABCDEFHIJKZ\nSecAuditLog $TREE/theirs/audit\n",
        "SecDebugLog $TREE/theirs/debug\nSecDebugLogLevel 4\nSecTmpDir $TREE/theirs\n", taken_out('/gather'), taken_out('/voice'), taken_out('/old'),
        -d $CRS ? "Include /etc/modsecurity/crs/crs-setup.conf\nSecAction \"id:899,phase:1,nolog,pass,t:none,setvar:tx.paranoia_level=4\"\nInclude $CRS/*.conf\n" : ''),
    rpaf         => "RPAFenable On\nRPAFsethostname On\nRPAFproxy_ips 127.0.0.1\nEncGatherPublicURL http://$HOST\n",
    auth_openidc => $OIDC . at('/', 'AuthType openid-connect', 'Require valid-user') . at('/gather', 'Require all granted'),
    evasive20    => "DOSWhitelist 127.0.0.*\n",
    wsgi         => "WSGIDaemonProcess apart threads=1 home=$TREE\nWSGIProcessGroup apart\nWSGIScriptAlias /wsgi $TREE/wsgi.py\n",
);
my %OF_THE_SERVER = (security2 => "SecDataDir $TREE/theirs\n", wsgi => "WSGIRestrictEmbedded On\nWSGISocketPrefix $TREE/theirs/wsgi\n");
# (At debug mod_proxy writes down what it hands on for other applications.)
my %LEVEL = (dumpio => 'dumpio:trace6', http2 => 'http2:debug', auth_openidc => 'auth_openidc:trace8');
my @ADVISED = grep { $there{$_} } sort keys %ADVICE;
my $advised = private_server('advised', port => $PORT, modules => [ qw(rewrite proxy proxy_http authz_user), @UNIQUE, grep { $_ ne 'security2' } @ADVISED ], conf => <<"END_OF_CONF");
@{[ $there{security2} ? 'LoadModule security2_module ' . module_file('security2') : '' ]}
LogLevel info core:trace8 encgather:trace8@{[ join '', map { " $LEVEL{$_}" } grep { $there{$_} } sort keys %LEVEL ]} rewrite:trace2
LogFormat "%r %q %U %{Location}o" ours
CustomLog logs/ours ours
@{[ join '', map { $OF_THE_SERVER{$_} || '' } @ADVISED ]}
Listen 127.0.0.1:$APP_PORT
<VirtualHost 127.0.0.1:$APP_PORT>
    DocumentRoot "$TREE/htdocs"
    LogLevel warn
@{[ $there{security2} ? '    SecRuleEngine Off' : '' ]}
    <Location />
        Require all granted
    </Location>
    CustomLog /dev/null ours
</VirtualHost>
<VirtualHost 127.0.0.1:$PORT>
RewriteEngine On
RewriteRule ^/old\$ /gather [PT,QSA]
ProxyPass /voice http://127.0.0.1:$APP_PORT/voice
$SECRET@{[ join '', @ADVICE{@ADVISED} ]}$GATHER$VOICE</VirtualHost>
END_OF_CONF
$advised->start or BAIL_OUT('the advised server does not start: ' . substr $advised->error =~ tr{\n}{ }r, -400);
is_deeply [ grep { /encgather:warn/ } split /\n/, $advised->error_log ], [], 'with all advice followed: nothing to say';

# Each number is sent once, so that a file that has it names the request.
my (%sent, @answers);
sub digits ($what) { my $number = sprintf '7%015d', 123456789 * (1 + keys %sent); $sent{$number} = $what; return $number }
my @CALL = (CallSid => 'CA' . '1' x 32, From => '+15551234567', AccountSid => $ACCOUNT_SID);

# %options: what differs from a good webhook; "%s" stands for the digits.
sub sends ($what, $method, $target, $status, %options) {
    my $digits = digits($what);
    my @pairs  = $method eq 'POST' ? @{ $options{pairs} || [ @CALL, Digits => $digits ] } : ();
    my $body   = $method eq 'POST' ? sprintf $options{body} || '%s', $options{body} ? $digits : form_encode(@pairs) : undef;
    $target = sprintf $target, $digits if $target =~ /%s/;
    my @signature = $options{unsigned} ? () : ('X-Twilio-Signature' => $options{signature} || signature($TOKEN{demo}, "http://$HOST$target", \@pairs));
    my $got = request($method => $HOST, $target, $options{chunked} ? (chunks => [ unpack '(a30)*', $body ]) : (body => $body),
        headers => [ @signature, defined $body ? ('Content-Type' => $options{type} || 'application/x-www-form-urlencoded') : () ]);
    push @answers, $what if $got->code != $status;
    return;
}
for my $path ('/gather?step=getPin', '/voice') {
    my $is_ours = $path =~ /gather/;
    sends("$path, good", POST => $path, 200);
    sends("$path, a name", POST => $path, 200, pairs => [ @CALL, CallerName => "M\xc3\xbcller", Digits => (keys %sent)[0] ]);
    sends("$path, in chunks", POST => $path, 200, chunked => 1);
    sends("$path, a wrong signature", POST => $path, 403, signature => 'A' x 27 . '=');
    sends("$path, no signature", POST => $path, 403, unsigned => 1);
    sends("$path, text", POST => $path, $is_ours ? 415 : 403, type => 'text/plain', body => 'Digits=%s');
    sends("$path, too large", POST => $path, $is_ours ? 413 : 403, body => 'Digits=%s&a=' . 'x' x 70000);
    sends("$path, broken", POST => $path, $is_ours ? 400 : 403, body => 'Digits=%s&a=%%zz');
}
sends('a GET', GET => '/gather?Digits=%s', 405);
sends('a GET by a rule', GET => '/old?Digits=%s', 405);
sends('a query', POST => '/gather?Digits=%s', 400);
sends('a GET of another', GET => '/voice?Digits=%s', 200);
sends('a GET with a wrong signature', GET => '/voice?Digits=%s', 403, signature => 'A' x 27 . '=');
if ($there{http2}) {
    require EncGather::Http2;
    my $got = EncGather::Http2::exchange($HOST, [ ':method' => 'POST', ':scheme' => 'http', ':authority' => $HOST, ':path' => '/gather?Digits=' . digits('over HTTP/2'),
        'content-type' => 'application/x-www-form-urlencoded' ], 'Digits=' . digits('the body of that'));
    is $got->code, 403, 'over HTTP/2';
}
is request(GET => $HOST, '/shop?Digits=attack')->code, 410, 'mod_security sees what others get, though it was loaded behind us' if $there{security2};
is_deeply \@answers, [], 'each is answered as it is without neighbours';
ok $advised->stop, 'the server stops';

my @found;
for my $directory (in_tree('private/advised'), "$TREE/theirs") {
    File::Find::find({ no_chdir => 1, wanted => sub {
        my $file = $File::Find::name;
        my $text = -f $file ? slurp($file) : return;
        push @found, map { "$sent{$_} in $file" } grep { index($text, $_) >= 0 || index($text, unpack 'H*', $_) >= 0 || index($text, substr encode_base64($_, ''), 0, 20) >= 0 } keys %sent;
    } }, $directory);
}
is_deeply \@found, [], 'and no digit is in any file';

finish();
