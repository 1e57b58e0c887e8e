#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mod_security 2.9.7 with the Core Rule Set 3.3.4: sanitiseArg stars an argument in part C of the audit log, and nowhere
# else. A rule that matches the body as a whole writes it into its message, and the message goes into part H of the same
# audit log and into the error log, with the argument in clear. The Core Rule Set has such a rule at paranoia level 4
# (920273), and the form of any voice webhook fits it, for the "+" of a telephone number.
#
# Seen with libapache2-mod-security2 2.9.7-1+deb12u2 and modsecurity-crs 3.3.4-1+deb12u3 of Debian 12: the form
# "From=%2B15550100&Digits=..." is answered 403; its digits are in the error log, and in the audit log in part H, but not
# in part C, where they read as stars.
#
# Ends with 0 where that is still so, with 1 where it changed. Needs Debian 12, its mirror, curl and dpkg; installs nothing.
set -eu
version=2.9.7-1+deb12u2
rules=3.3.4-1+deb12u3
digits=4417123456789113

. "$(dirname "$0")/debian.sh"
unpack apache2-bin=2.4.71-1~deb12u1 libapr1 libaprutil1 "libapache2-mod-security2=$version" libxml2 liblua5.1-0 libyajl2 \
    libpcre2-8-0 libcurl3-gnutls "modsecurity-crs=$rules"
serve unique_id reflector security2 <<END
SecRuleEngine On
SecRequestBodyAccess On
SecTmpDir "$dir/run"
SecDataDir "$dir/run"
SecAuditEngine RelevantOnly
SecAuditLogRelevantStatus "^4"
SecAuditLogParts ABCHZ
SecAuditLog "$dir/logs/audit"
SecAction "id:1,phase:5,nolog,pass,sanitiseArg:Digits"
Include "$tree/etc/modsecurity/crs/crs-setup.conf"
SecAction "id:2,phase:1,nolog,pass,setvar:tx.paranoia_level=4"
Include "$tree/usr/share/modsecurity-crs/rules/*.conf"
<Location />
    SetHandler reflector
</Location>
END

part() { sed -n "/^--[0-9a-f]*-$1--/,/^--[0-9a-f]*-[A-Z]--/p" "$dir/logs/audit" | sed 1d; }
has() { if grep -q "$digits"; then echo yes; else echo no; fi; }

expect 'the answer' "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Host: ivr.example.com' -d "From=%2B15550100&Digits=$digits" "$url/")" 403
expect 'digits in the error log'           "$(has <"$dir/logs/error_log")" yes
expect 'digits in part H of the audit log' "$(part H | has)" yes
expect 'digits in part C of the audit log' "$(part C | has)" no
expect 'stars in part C of the audit log' "$(part C | grep -c "Digits=[*][*]")" 1
echo "as before: mod_security $version writes an argument that it was told to sanitise into the messages of CRS $rules"
