#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mod_sed of httpd 2.4.71: an InputSed whose script matches nothing still changes the body of a request: a body that does
# not end in a newline, as no form does, gets one. Whatever is computed over the body behind it (the signature of a webhook,
# a digest) no longer fits, and the application sees a value that ends in a newline.
#
# Seen with apache2-bin 2.4.71-1~deb12u1 of Debian 12, mod_reflector sending back what the filter made of the body:
# "Digits=1234&msg=Gather+End" comes back with a newline behind it; one that ends in a newline comes back as it was.
#
# Ends with 0 where that is still so, with 1 where it changed. Needs Debian 12, its mirror, curl and dpkg; installs nothing.
set -eu
version=2.4.71-1~deb12u1

. "$(dirname "$0")/debian.sh"
unpack "apache2-bin=$version" libapr1 libaprutil1
serve sed reflector <<END
<Location />
    SetHandler reflector
    ReflectorHeader Content-Type
</Location>
<Location /sed>
    SetInputFilter Sed
    InputSed "s/never/ever/"
</Location>
END

post() { printf %b "$2" | curl -sS -H 'Transfer-Encoding: chunked' -H 'Content-Type: application/x-www-form-urlencoded' --data-binary @- "$url$1" | od -An -c | tr -d ' \n'; }

expect 'without the filter' "$(post / 'Digits=1234&msg=Gather+End')"      'Digits=1234&msg=Gather+End'
expect 'with it'            "$(post /sed 'Digits=1234&msg=Gather+End')"   'Digits=1234&msg=Gather+End\n'
expect 'with a newline'     "$(post /sed 'Digits=1234&msg=Gather+End\n')" 'Digits=1234&msg=Gather+End\n'
echo "as before: mod_sed $version adds a newline to a body that its script leaves alone"
