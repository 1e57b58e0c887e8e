# SPDX-License-Identifier: Apache-2.0
# The server of the demo, with and without the page that plays Twilio: what it loads, and the page's files.
package EncGather::Phone;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Exporter 'import';
use File::Basename qw(basename);
use File::Copy qw(copy);
use JSON::PP ();

use EncGather::Files qw(spew);

our @EXPORT_OK = qw(demo_options phone_options install_phone ivr_paths);

use constant {
    # what conf/demo/httpd.conf.in has directives of, and the page; one list, so that neither way goes without
    MODULES => [ qw(alias authn_core authz_host dbd dir headers mime) ],
    PROXY    => [ qw(proxy proxy_http) ],    # to the IVR beside it
    IVR      => { plain => '/ivr', shielded => '/shielded/ivr' },
    WEBHOOKS => { twilio => '/encrypted-gather', signalwire => '/signalwire', plivo => '/plivo' },
    # below conf
    FILES   => [ (map { "demo/phone/$_" } qw(index.html logs.js phone.css phone.js phone.svg providers.js screen.js trials.js waiting.js)), 'palette.css' ],
};

# For EncGather::Server->new; $conf is the directory of that name.
sub demo_options ($conf) {
    return (template => "$conf/demo/httpd.conf.in", modules => MODULES);
}

# With the port of an IVR (conf/demo/ivr.js) that has pages below ivr_paths(), if there is one.
sub phone_options ($conf, $ivr_port = undef) {
    my %options = (demo_options($conf), conf => 'Define PHONE');
    return %options unless $ivr_port;
    return (%options, conf => "$options{conf}\nDefine IVR $ivr_port", modules => [ @{ +MODULES }, @{ +PROXY } ]);
}

sub ivr_paths () { return sort values %{ +IVR } }

# Copies of the files, because the server's children may have no way into the checkout. The page is told the auth token,
# which a browser must otherwise never know: it is this server's own, made a moment ago, signs for nobody else, and is
# only handed out on 127.0.0.1. Without an IVR it is told why there is none.
sub install_phone ($conf, $server_dir, $token, $why_no_ivr) {
    my $htdocs = "$server_dir/htdocs";
    for my $path (@{ +FILES }) {
        my $copy = "$htdocs/" . basename($path);
        copy("$conf/$path", $copy) or croak "$copy: $!";
        chmod 0644, $copy;
    }
    my %demo = (webhooks => WEBHOOKS, token => $token, length $why_no_ivr ? (whyNoIvr => $why_no_ivr) : (ivr => IVR));
    spew("$htdocs/demo.json", JSON::PP->new->canonical->encode(\%demo));
    chmod 0644, "$htdocs/demo.json";
    return;
}

1;
