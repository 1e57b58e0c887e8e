# SPDX-License-Identifier: Apache-2.0
# needs: httpd
# "Require twilio-signature" on what a request leads to: a directory index, a fallback, a rewritten URL, parts of a page,
# what a listing shows. The location that asks decides with its own tokens, public URL and limit, whatever the URL that
# the client sent has for itself; and whoever answers in the end reads the body that was sent.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Path qw(make_path);
use Test::More;

use lib 't/lib';
use EncGather::Backend;
use EncGather::Daemon qw(free_ports);
use EncGather::Files qw(spew);
use EncGather::Http2;
use EncGather::Httpd qw(module_file);
use EncGather::Signature qw(signature form_encode);
use EncGather::Test;

my $MPM  = $ENV{ENCGATHER_MPM} || 'event';
my $CGI  = $MPM eq 'prefork' ? 'cgi' : 'cgid';
my $HTTP2 = $MPM ne 'prefork' && defined module_file('http2');
my $TREE = in_tree('private/inner');
my %URL  = map { $_ => "https://$_.example" } qw(server outer inner);

make_path("$TREE/htdocs", "$TREE/cgi", "$TREE/seen");
chmod 0755, $TREE, "$TREE/htdocs", "$TREE/cgi";
my %FILE_OF = (outer => "$TREE/outer-tokens", inner => "$TREE/inner-tokens", both => "$TREE/both-tokens");
write_secret($FILE_OF{outer}, "$TOKEN{rotated}\n");
write_secret($FILE_OF{inner}, "$TOKEN{demo}\n");
write_secret($FILE_OF{both},  "$TOKEN{demo}\n$TOKEN{rotated}\n");
my %SECRET = (outer => $TOKEN{rotated}, inner => $TOKEN{demo});

# Says what it was told of a body's length, and what it read.
my $ECHO = <<"END_OF_SCRIPT";
#!$^X
binmode STDIN; binmode STDOUT;
my \$body = do { local \$/; <STDIN> };
print "Content-Type: text/plain\\r\\n\\r\\ncgi:", defined \$ENV{CONTENT_LENGTH} ? \$ENV{CONTENT_LENGTH} : '', ':', defined \$body ? \$body : '';
END_OF_SCRIPT
spew("$TREE/cgi/echo", $ECHO, 0755);
spew("$TREE/file.html", "the file\n", 0644);

# --- Where requests go, and what they lead to -----------------------------------------------------------------------

# outer, inner   what is set where: tokens (a file), url, max (EncGatherMaxBody), ask (Require), mode (EncGatherSignature)
# token, url     that sign what is let in                     answer   to all requests, where it does not depend on them
# size           of a body that is let in                     too_large   of one that is not
my %VARIANT = (
    free    => { outer => {}, inner => {}, answer => 200, size => 1000 },
    plain   => { outer => {}, inner => { tokens => 'inner', ask => 1 }, token => 'inner', url => 'server', size => 1000, too_large => 70_000 },
    other   => { outer => { tokens => 'outer', url => 'outer', max => 50 }, inner => { tokens => 'inner', url => 'inner', max => 4000, ask => 1 },
        token => 'inner', url => 'inner', size => 3000, too_large => 5000 },
    swapped => { outer => { tokens => 'inner', url => 'inner', max => 4000 }, inner => { tokens => 'outer', url => 'outer', max => 200, ask => 1 },
        token => 'outer', url => 'outer', size => 180, too_large => 1000 },
    both    => { outer => { tokens => 'outer', max => 4000, ask => 1 }, inner => { tokens => 'both', max => 300, ask => 1 },
        token => 'outer', url => 'server', size => 280, too_large => 1000 },
    wider   => { outer => { tokens => 'both', max => 300, ask => 1 }, inner => { tokens => 'inner', max => 4000, ask => 1 },
        token => 'inner', url => 'server', size => 280, too_large => 1000 },
    lenient => { outer => { tokens => 'outer', mode => 'off' }, inner => { tokens => 'inner', mode => 'on', ask => 1 },
        token => 'inner', url => 'server', size => 1000, too_large => 70_000 },
    bare    => { outer => { tokens => 'outer', url => 'outer' }, inner => { ask => 1 }, answer => 500, size => 1000 },
);
my %APP = map { $_ => 1 } qw(cgi proxied static);
my %WAY = (
    index    => { says => 'DirectoryIndex', path => '',        line => sub ($to) { return "DirectoryIndex $to" } },
    fallback => { says => 'FallbackResource', path => 'no-such', line => sub ($to) { return "FallbackResource $to" } },
    rewrite  => { says => 'RewriteRule', path => 'any',        line => sub ($to) { return 'RewriteEngine on', "RewriteRule ^ $to [L]" } },
    action   => { says => 'Action', path => 'any',             only => 'cgi',
        line => sub ($to) { return "Action to-inner $to virtual", 'SetHandler to-inner' } },
    files    => { says => 'DirectoryIndex to <Files>', path => '', only => 'cgi static' },
    views    => { says => 'MultiViews', path => 'app',         only => 'static', refused => 404 },    # as if it were not there
    direct   => { says => '<Files>', path => 'app',            only => 'cgi static' },
);

sub settings ($of) {
    return ((defined $of->{tokens} ? qq(EncGatherAuthTokenFile "$FILE_OF{ $of->{tokens} }") : ()),
        (defined $of->{url} ? "EncGatherPublicURL $URL{ $of->{url} }" : ()), (defined $of->{max} ? "EncGatherMaxBody $of->{max}" : ()),
        (defined $of->{mode} ? "EncGatherSignature $of->{mode}" : ()), ($of->{ask} ? 'Require twilio-signature' : ()));
}

sub section ($kind, $where, @lines) {
    return @lines ? join "\n", qq(<$kind "$where">), @lines, "</$kind>", '' : '';
}

# A directory whose URL leads to /in/NAME/APP, or to a file of its own.
sub outer_directory ($name, $way, $app) {
    my $directory = "$TREE/htdocs/out/$name/$way/$app";
    make_path($directory);
    return section(Directory => $directory, $WAY{$way}{line}->("/in/$name/$app")) if $WAY{$way}{line};
    my $file = $way eq 'views' ? 'app.html' : 'app';
    spew("$directory/$file", $app eq 'cgi' ? $ECHO : "the file\n", $app eq 'cgi' ? 0755 : 0644);
    return section(Directory => $directory, 'Options +ExecCGI +MultiViews', 'DirectoryIndex app',
        section(Files => $file, $app eq 'cgi' ? 'SetHandler cgi-script' : (), settings($VARIANT{$name}{inner})));
}

sub has_way ($way, $app) { return !$WAY{$way}{only} || $WAY{$way}{only} =~ /\b$app\b/ }

sub variant_conf ($name) {
    my $variant = $VARIANT{$name};
    my $outside = join '|', "out/$name/(?:index|fallback|rewrite|action)/", "out/$name/views/static/app\$", "out/$name/files/[a-z]+/\$",
        "list/$name/\$", "ssi/$name\\.shtml";
    return section(LocationMatch => "^/(?:$outside)", settings($variant->{outer}))
        . section(Location => "/in/$name", settings($variant->{inner}))
        . section(Directory => "$TREE/htdocs/list/$name", 'Options +Indexes', 'DirectoryIndex disabled', "HeaderName /in/$name/static",
            'ReadmeName guarded-end.html', section(Files => 'guarded*', settings($variant->{inner})))
        . join '', map { my $way = $_; map { has_way($way, $_) ? outer_directory($name, $way, $_) : () } sort keys %APP } sort keys %WAY;
}

# Other ways to have a page put together than AddOutputFilter.
my @FILTERED_BY = qw(set type bit chain);

sub write_pages () {
    make_path("$TREE/htdocs/ssi");
    for my $name (sort keys %VARIANT) {
        my $page = join('', map { qq([<!--#include virtual="/in/$name/$_" -->]) } qw(cgi static proxied)) . "\n";
        spew("$TREE/htdocs/ssi/$name.shtml", $page, 0644);
        spew("$TREE/htdocs/ssi/$name-$_.html", $page, $_ eq 'bit' ? 0755 : 0644) for @FILTERED_BY;
        make_path("$TREE/htdocs/list/$name");
        spew("$TREE/htdocs/list/$name/$_", "$_\n", 0644) for qw(open.html guarded.html guarded-end.html);
    }
    spew("$TREE/htdocs/ssi/two.shtml", '[<!--#include virtual="/in/other/static" -->][<!--#include virtual="/in/swapped/static" -->]', 0644);
    spew("$TREE/htdocs/ssi/nested.shtml", '{<!--#include virtual="/ssi/other.shtml" -->}', 0644);
    return;
}

my ($BACKEND_PORT) = free_ports(1);
my $backend = EncGather::Backend->new(port => $BACKEND_PORT, record => "$TREE/seen/backend");
write_pages();

my $server = private_server('inner',
    modules => [ $CGI, qw(mime dir autoindex negotiation actions include filter rewrite proxy proxy_http), $HTTP2 ? 'http2' : () ],
    conf    => <<"END_OF_CONF");
DocumentRoot "$TREE/htdocs"
TypesConfig /dev/null
AddType text/html .html .shtml
AddOutputFilter INCLUDES .shtml
<Files "*-set.html">
    SetOutputFilter INCLUDES
</Files>
<Files "*-type.html">
    AddOutputFilterByType INCLUDES text/html
</Files>
<Files "*-bit.html">
    XBitHack on
</Files>
<Files "*-chain.html">
    FilterDeclare parts
    FilterProvider parts INCLUDES true
    FilterChain parts
</Files>
SSIErrorMsg "no part"
KeepAlive on
@{[ $HTTP2 ? 'Protocols h2c http/1.1' : '' ]}
@{[ $CGI eq 'cgid' ? "ScriptSock $TREE/cgisock" : '' ]}
EncGatherPublicURL $URL{server}
<Directory "$TREE/htdocs">
    Options +Includes +FollowSymLinks
</Directory>
ScriptAliasMatch "^/in/[a-z]+/cgi(/.*)?\$" "$TREE/cgi/echo"
AliasMatch "^/in/[a-z]+/static\$" "$TREE/file.html"
ProxyPassMatch "^/in/[a-z]+/proxied()\$" "http://127.0.0.1:$BACKEND_PORT/record\$1"
@{[ map { variant_conf($_) } sort keys %VARIANT ]}
END_OF_CONF
$server->start or BAIL_OUT('the private server does not start: ' . $server->error);
my $HOST = '127.0.0.1:' . $server->port;

# --- Requests, and what became of them ------------------------------------------------------------------------------

sub form ($size) {
    my $digits = sprintf '7%015d', rand 1e15;
    my @pairs  = (CallSid => 'CA' . '5' x 32, Digits => $digits, Note => '');
    $pairs[-1] = 'x' x ($size - length form_encode(@pairs)) if $size > length form_encode(@pairs);
    return \@pairs;
}

sub in_chunks ($pairs) { return (chunks => [ unpack '(a97)*', form_encode(@$pairs) ]) }

sub signed_by ($token, $url, $target) { return (token => $SECRET{$token}, signed_url => $URL{$url} . $target) }

# "200, all of it", "403": the status, and what of the body arrived at whom the request led to.
sub outcome ($app, $response, $body) {
    my $status = $response->code;
    return 'no answer' unless $status;
    return $status if $status != 200;
    return "$status, " . arrived($app, $response->content, $body);
}

sub arrived ($app, $content, $body) {
    return $content eq "the file\n" ? 'all of it' : "but not the file: $content" if $app eq 'static';
    return proxied($body) if $app eq 'proxied';
    my ($length, $read) = $content =~ /\Acgi:(\d*):(.*)\z/s or return "but not by the script: $content";
    return "told of $length bytes" if length $length && $length != length $body;
    return $read eq $body ? 'all of it' : 'but ' . length($read) . ' bytes';
}

sub proxied ($body) {
    my @requests = $backend->requests;
    return @requests . ' requests' if @requests != 1;
    return $requests[0]{body} eq $body ? 'all of it' : 'but ' . length($requests[0]{body}) . ' bytes';
}

sub reached () { return map { 'and the application was asked' } $backend->requests }

# One request to a place: its outcome. A refused one must not have reached anybody.
sub sent ($app, $target, $pairs, %options) {
    $backend->forget;
    my $response = $pairs ? post($HOST, $target, $pairs, %options) : get($HOST, $target, %options);
    my $outcome  = outcome($app, $response, $pairs ? form_encode(@$pairs) : '');
    return $outcome =~ /^200/ ? $outcome : join ', ', $outcome, reached();
}

my $GARBAGE = 'A' x 27 . '=';
my @SIGNATURES = ([ 'none' => undef ], [ 'an empty one' => '' ], [ 'one letter' => 'x' ], [ 'one of the right length' => $GARBAGE ],
    [ 'a long one' => 'x' x 5000 ]);

# Whatever stands in the header, there is an answer.
sub any_signature ($name, $app, $target, $wanted) {
    for my $case (@SIGNATURES) {
        my ($says, $value) = @$case;
        is sent($app, $target, form(200), token => undef, defined $value ? (signature => $value) : ()), $wanted, "$name: signature: $says";
        is sent($app, $target, undef, token => undef, defined $value ? (signature => $value) : ()), $wanted, "$name: GET, signature: $says"
            if defined $value && $value eq $GARBAGE;
    }
    is sent($app, $target, form(200), token => undef, headers => [ ('X-Twilio-Signature' => $GARBAGE) x 2 ]), $wanted, "$name: two signatures";
    return;
}

sub lines_with ($tag, $from) {
    return scalar(() = substr($server->error_log, $from) =~ /$tag:/g);
}

# --- Where the answer is the same for everybody ---------------------------------------------------------------------

sub always ($name, $variant, $app, $target, $refused = undef) {
    my $wanted = $variant->{answer} == 200 ? '200, all of it' : $refused // $variant->{answer};
    my $pairs  = form($variant->{size});
    my $before = length $server->error_log;
    is sent($app, $target, $pairs, token => undef), $wanted, "$name: a length";
    is lines_with('EG0112', $before), $variant->{answer} == 500 ? 1 : 0, "$name: EG0112";
    is sent($app, $target, $pairs, token => undef, in_chunks($pairs)), $wanted, "$name: chunks";
    is sent($app, $target, undef, token => undef), $wanted, "$name: GET";
    return if $variant->{answer} != 500;
    is sent($app, $target, $pairs, signed_by($_, $_, $target)), $wanted, "$name: signed as for the $_ one" for qw(outer inner);
    any_signature($name, $app, $target, $wanted);
    return;
}

# --- Where it depends on the signature ------------------------------------------------------------------------------

sub judged ($name, $variant, $app, $target, $refused = 403) {
    my ($token, $url) = @$variant{qw(token url)};
    my $wrong = $token eq 'inner' ? 'outer' : 'inner';
    my $pairs = form($variant->{size});
    my @right = signed_by($token, $url, $target);
    is sent($app, $target, $pairs, @right), '200, all of it', "$name: the right token, a length";
    is sent($app, $target, $pairs, @right, in_chunks($pairs)), '200, all of it', "$name: the right token, chunks";
    is sent($app, $target, undef, @right), '200, all of it', "$name: the right token, GET";
    is sent($app, $target, $pairs, signed_by($wrong, $url, $target)), $refused, "$name: the other token";
    is sent($app, $target, undef, signed_by($wrong, $url, $target)), $refused, "$name: the other token, GET";
    for my $other (grep { $_ ne $url } sort keys %URL) {
        is sent($app, $target, $pairs, signed_by($token, $other, $target)), $refused, "$name: the right token, the URL $other";
        is sent($app, $target, $pairs, signed_by($wrong, $other, $target)), $refused, "$name: the other token, the URL $other";
    }
    my $large = form($variant->{too_large});
    is sent($app, $target, $large, @right), $refused, "$name: too large, a length";
    is sent($app, $target, $large, @right, in_chunks($large)), $refused, "$name: too large, chunks";
    any_signature($name, $app, $target, $refused);
    return;
}

for my $variant (sort keys %VARIANT) {
    for my $way (sort keys %WAY) {
        next if $way eq 'direct' && $variant !~ /^(?:free|plain|bare)\z/;    # there is nothing but the inner one
        for my $app (grep { has_way($way, $_) } sort keys %APP) {
            next if $way eq 'views' && $VARIANT{$variant}{outer}{ask};    # refused by either
            my @case = ("$variant: $WAY{$way}{says}: $app", $VARIANT{$variant}, $app, "/out/$variant/$way/$app/$WAY{$way}{path}",
                $WAY{$way}{refused} // ());
            $VARIANT{$variant}{answer} ? always(@case) : judged(@case);
        }
    }
}

# --- Listings -------------------------------------------------------------------------------------------------------

# What of the guarded is to be seen in a listing: its head, its entry, its end.
sub listed ($target, %options) {
    my $response = get($HOST, $target, %options);
    my $content  = $response->code && $response->code == 200 ? $response->content : return 'no listing';
    return join ' ', ($content =~ /open\.html/ ? 'listing' : ()), ($content =~ /the file/ ? 'head' : ()),
        ($content =~ /href="guarded\.html"/ ? 'entry' : ()), ($content =~ /^guarded-end\.html$/m ? 'end' : ());
}

for my $name (qw(free plain other swapped lenient bare)) {
    my ($variant, $target) = ($VARIANT{$name}, "/list/$name/");
    my $all = 'listing head entry end';
    is listed($target, token => undef), ($variant->{answer} || 0) == 200 ? $all : 'listing', "$name: a listing, not signed";
    for my $token (qw(outer inner)) {
        for my $url (sort keys %URL) {
            my $right = ($variant->{token} || '') eq $token && $variant->{url} eq $url || ($variant->{answer} || 0) == 200;
            is listed($target, signed_by($token, $url, $target)), $right ? $all : 'listing', "$name: a listing, token $token, URL $url";
        }
    }
    is listed($target, token => undef, defined $$_[1] ? (signature => $$_[1]) : ()), ($variant->{answer} || 0) == 200 ? $all : 'listing',
        "$name: a listing, signature: $$_[0]" for @SIGNATURES;
}

# --- Parts of a page ------------------------------------------------------------------------------------------------

my $ALL_PARTS = "cgi\nstatic\nproxied";

sub parts ($response) {
    my $status = $response->code or return 'no answer';
    return $status if $status != 200;
    my $content = $response->content;
    return join "\n", ($content =~ /\[cgi:/ ? 'cgi' : ()), ($content =~ /\[the file\n\]/ ? 'static' : ()),
        ($content =~ /\[recorded\]/ ? 'proxied' : ());
}

sub page_of ($name, $wanted, $pairs, %options) {
    my $target = delete $options{target};
    is parts(post($HOST, $target, $pairs, %options)), $wanted, "$name, a length";
    is parts(post($HOST, $target, $pairs, %options, in_chunks($pairs))), $wanted, "$name, chunks";
    is parts(get($HOST, $target, %options)), $wanted, "$name, GET" unless $name =~ /too large/;
    return;
}

for my $name (qw(free plain other swapped lenient bare)) {
    my ($variant, $target) = ($VARIANT{$name}, "/ssi/$name.shtml");
    my $free  = ($variant->{answer} || 0) == 200;
    my $pairs = form($variant->{size});
    page_of("$name: a page, not signed", $free ? $ALL_PARTS : '', $pairs, target => $target, token => undef);
    for my $token (qw(outer inner)) {
        for my $url (sort keys %URL) {
            my $right = ($variant->{token} || '') eq $token && $variant->{url} eq $url || $free;
            page_of("$name: a page, token $token, URL $url", $right ? $ALL_PARTS : '', $pairs, target => $target, signed_by($token, $url, $target));
        }
    }
    page_of("$name: a page, too large", '', form($variant->{too_large}), target => $target, signed_by($variant->{token}, $variant->{url}, $target))
        if $variant->{too_large};
    for my $case (@SIGNATURES) {
        page_of("$name: a page, signature: $$case[0]", $free ? $ALL_PARTS : '', form(150), target => $target, token => undef,
            defined $$case[1] ? (signature => $$case[1]) : ());
    }
}

# However the page came to be one of parts.
for my $by (@FILTERED_BY) {
    for my $name (qw(free plain)) {
        my $target = "/ssi/$name-$by.html";
        my $pairs  = form(1000);
        page_of("$name: a page by $by, the right token", $ALL_PARTS, $pairs, target => $target, signed_by('inner', 'server', $target));
        page_of("$name: a page by $by, the other token", $name eq 'free' ? $ALL_PARTS : '', $pairs, target => $target,
            signed_by('outer', 'server', $target));
    }
}

# Each part by its own configuration, in one page.
for my $case ([ inner => 'part', 'no part' ], [ outer => 'no part', 'part' ], [ server => 'no part', 'no part' ]) {
    my ($url, @wanted) = @$case;
    my $target  = '/ssi/two.shtml';
    my $pairs   = form(150);
    my $content = post($HOST, $target, $pairs, token => $SECRET{$url} || $TOKEN{demo}, signed_url => $URL{$url} . $target)->content;
    my @parts   = map { $_ eq "the file\n" ? 'part' : $_ } $content =~ /\[([^\]]*)\]/g;
    is_deeply \@parts, \@wanted, "two parts of a page, signed for $url";
}
page_of('a page in a page, signed for inner', $ALL_PARTS, form(1000), target => '/ssi/nested.shtml', signed_by('inner', 'inner', '/ssi/nested.shtml'));
page_of('a page in a page, signed for outer', '', form(1000), target => '/ssi/nested.shtml', signed_by('outer', 'outer', '/ssi/nested.shtml'));

# A page whose part asked for the body leaves nothing of it on the connection: that one closes, or what follows is the
# next request.
for my $framing ('a length', 'chunks') {
    my $target  = '/ssi/other.shtml';
    my $pairs   = form(1000);
    my $body    = form_encode(@$pairs);
    my $value   = signature($SECRET{inner}, $URL{inner} . $target, $pairs);
    my $head    = join '', map { "$_\r\n" } "POST $target HTTP/1.1", "Host: $HOST", 'Content-Type: application/x-www-form-urlencoded',
        "X-Twilio-Signature: $value";
    my $request = $framing eq 'chunks' ? sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", $head, length $body, $body)
        : sprintf("%sContent-Length: %d\r\n\r\n%s", $head, length $body, $body);
    my $answers = send_pieces($HOST, $request . "GET /in/free/static HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\n\r\n");
    my @status  = $answers =~ m{^HTTP/1\.1 (\d+)}mg;
    is shift @status, 200, "a page and another request on its connection, $framing: the page";
    is_deeply [ @status, @status ? $answers =~ m{\r\n\r\n([^\r]*)\z} : () ], [ @status ? (200, "the file\n") : () ],
        'and no answer but that of the other request';
}

# --- Over HTTP/2 ----------------------------------------------------------------------------------------------------

sub over_http2 ($target, $pairs, $token, $url, $with_length) {
    my $body = form_encode(@$pairs);
    return EncGather::Http2::exchange($HOST, [ ':method' => 'POST', ':scheme' => 'http', ':authority' => $HOST, ':path' => $target,
        'content-type' => 'application/x-www-form-urlencoded', 'x-twilio-signature' => signature($SECRET{$token}, $URL{$url} . $target, $pairs),
        $with_length ? ('content-length' => length $body) : () ], $body);
}

SKIP: {
    skip 'HTTP/2: ' . ($MPM eq 'prefork' ? 'not with prefork' : 'this httpd has no mod_http2'), 1 unless $HTTP2;
    for my $with_length (1, 0) {
        my $says  = 'HTTP/2' . ($with_length ? '' : ' without a length');
        my $pairs = form(1000);
        for my $case (map { my $way = $_; map { [ $way, $_ ] } qw(cgi proxied static) } qw(index fallback rewrite)) {
            my ($way, $app) = @$case;
            my $target = "/out/other/$way/$app/$WAY{$way}{path}";
            $backend->forget;
            my $name   = "$says: $WAY{$way}{says}: $app";
            my $right  = over_http2($target, $pairs, 'inner', 'inner', $with_length);
            is outcome($app, $right, form_encode(@$pairs)), '200, all of it', "$name: the right token";
            my $wrong  = over_http2($target, $pairs, 'outer', 'outer', $with_length);
            is outcome($app, $wrong, form_encode(@$pairs)), '403', "$name: the other token";
        }
        is parts(over_http2('/ssi/plain.shtml', $pairs, 'inner', 'server', $with_length)), $ALL_PARTS, "$says: a page, the right token";
        is parts(over_http2('/ssi/plain.shtml', $pairs, 'outer', 'server', $with_length)), '', "$says: a page, the other token";
    }
}

# --- The end --------------------------------------------------------------------------------------------------------

ok $server->stop, 'the server stops';
$backend->stop;
log_is_clean($server, qr/EG0110: /, qr/EG0112: /, qr/EG0302: /, qr/AH01630: client denied/, qr/AH00687: /, qr/include:error.*unable to include/);
finish();
