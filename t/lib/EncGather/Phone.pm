# SPDX-License-Identifier: Apache-2.0
# The page that plays Twilio, for a server with the demo's configuration: what the server needs for it, and its files.
package EncGather::Phone;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Exporter 'import';
use File::Copy qw(copy);
use JSON::PP ();

use EncGather::Files qw(spew);

our @EXPORT_OK = qw(phone_options install_phone);

use constant {
    MODULES => [ qw(alias authn_core authz_host dir headers mime) ],
    FILES   => [ qw(index.html phone.css phone.js phone.svg) ],
};

# For EncGather::Server->new.
sub phone_options () {
    return (conf => 'Define PHONE', modules => [ 'dbd', @{ +MODULES } ]);
}

# Copies of the files, because the server's children may have no way into the checkout. The page is told the auth token,
# which a browser must otherwise never know: it is this server's own, made a moment ago, signs for nobody else, and is
# only handed out on 127.0.0.1.
sub install_phone ($conf, $server_dir, $token) {
    my $htdocs = "$server_dir/htdocs";
    for my $name (@{ +FILES }) {
        copy("$conf/demo/phone/$name", "$htdocs/$name") or croak "$htdocs/$name: $!";
    }
    spew("$htdocs/demo.json", JSON::PP->new->canonical->encode({ webhook => '/encrypted-gather', token => $token }));
    chmod 0644, map { "$htdocs/$_" } @{ +FILES }, 'demo.json';
    return;
}

1;
