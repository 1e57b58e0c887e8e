# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# Requests whose line has no digits, but a header or what was made of one: whatever a log's format shows of them is masked,
# also where all other formats show so little that nobody looks at headers when a request has ended.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use Test::More;

use lib 't/lib';
use EncGather::Files qw(spew);
use EncGather::Httpd qw(module_file);
use EncGather::Test;

my $TREE = in_tree('private/writers');
make_path("$TREE/www/open");
chmod 0755, $TREE, "$TREE/www", "$TREE/www/open";
spew("$TREE/www/open/index.html", "a page\n");
spew("$TREE/www/open/.htaccess", qq(RequestHeader set Referer "expr=%{HTTP:X-Original-URL}"\n));

my $OPEN   = qq(DocumentRoot "$TREE/www"\n<Directory "$TREE/www">\nAllowOverride FileInfo\nRequire all granted\n</Directory>\n);
my $MADE   = 'RequestHeader set %s "expr=%%{HTTP:X-Original-URL}"' . "\n";
my $LOGGED = qr/=\*REDACTED\*/;

my $cases = 0;
# modules, configuration, format, a header, the path
for my $case (
    [ 'User-Agent, as it was sent', [], '', '%{User-Agent}i', 'User-Agent' ],
    [ 'User-Agent, made of another header', [], sprintf($MADE, 'User-Agent'), '%{User-Agent}i' ],
    [ 'Referer, made of another header', [], sprintf($MADE, 'Referer'), '%{Referer}i' ],
    [ 'Referer, made by an .htaccess', [], $OPEN, '%{Referer}i', 'X-Original-URL', '/open/index.html' ],
    [ "a note or variable by mod_ssl's letter", ['ssl'], "SetEnvIf X-Original-URL (.*) made=\$1\n", '%{ENV:made}x' ],
    [ "a cookie by mod_ssl's letter", ['ssl'], '', '%{SSL_PROTOCOL}x|%{HTTP_COOKIE}x', 'Cookie' ],
) {
    my ($name, $modules, $conf, $format, $header, $path) = @$case;
    if (my ($missing) = grep { !defined module_file($_) } @$modules) {
        note "$name: this httpd has no mod_$missing";
        next;
    }
    my $server = private_server('writers-' . ++$cases, modules => [ qw(headers setenvif), @$modules ],
        conf => qq(LogFormat "%h %r|$format" shown\nCustomLog logs/shown shown\n$conf));
    $server->start or BAIL_OUT('the private server does not start: ' . $server->error);
    request(GET => '127.0.0.1:' . $server->port, $path // '/nothing', headers => [ $header // 'X-Original-URL' => '/x?Digits=55443322110' ]);
    ok $server->stop, "$name: the server stops";
    my %logs = %{ $server->logs };
    my ($file) = grep { /shown\z/ } keys %logs;
    like $logs{$file}, $LOGGED, "$name: is masked in the access log";
    is_deeply [ grep { /shown|access/ && $logs{$_} =~ /55443322110/ } keys %logs ], [], "$name: and nowhere as it was";
    log_is_clean($server, @$modules ? qr/AH01873/ : ());
}

finish();
