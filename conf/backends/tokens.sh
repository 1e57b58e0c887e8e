# SPDX-License-Identifier: Apache-2.0
# Opens jwe tokens by the command line program of latchset (Debian: jose): requests as the module sends them, a JSON object a
# line, to what callers keyed in. For scripts and for a look; a backend would use a library.
#
#     sh tokens.sh bank-2026=/etc/ivr/bank-2026.key k1=/etc/ivr/k1.key <requests
#
# A key is kid=FILE: a private key (PKCS#8; P-256), or the 64 hexadecimal digits of a key in EncGatherKeyFile. The program
# knows no X25519 and no RSA-OAEP-256. It looks at tag and form; kid, alg, fld, sid and iat are ours to look at.
# Needs openssl and xxd besides.
set -u
FIELDS='encryptedCardDigits encryptedPinDigits'
TTL=900 AHEAD=60  # seconds
umask 077
keys=$(mktemp -d) || exit 2
trap 'rm -rf "$keys"' EXIT
trap 'exit 1' HUP INT TERM

coordinate() { printf %s "$1" | xxd -r -p | openssl base64 -A | tr '+/' '-_' | tr -d =; }

# openssl prints a number as "priv:" and then lines of bytes with colons.
number() {
    openssl pkey -in "$1" -noout -text | awk -v name="$2:" '/^[^ ]/ { on = $0 == name; next } on' | tr -d ' :\n'
}

# No "alg" in it: with "dir" the program would refuse.
jwk_of() {
    if grep -q PRIVATE "$1"; then
        d=$(number "$1" priv | sed 's/^00\(.\{64\}\)$/\1/') p=$(number "$1" pub)
        test ${#d} -eq 64 && test ${#p} -eq 130 || { echo "$1: no P-256 key" >&2; exit 2; }
        printf '{"kty":"EC","crv":"P-256","d":"%s","x":"%s","y":"%s"}' "$(coordinate "$d")" \
            "$(coordinate "$(printf %s "$p" | cut -c 3-66)")" "$(coordinate "$(printf %s "$p" | cut -c 67-130)")"
    else
        printf '{"kty":"oct","k":"%s"}' "$(coordinate "$(tr -d ' \n' <"$1")")"
    fi
}

for word; do
    case ${word%%=*} in *[!A-Za-z0-9_-]* | '') echo "not kid=FILE: $word" >&2; exit 2 ;; esac
    jwk_of "${word#*=}" >"$keys/${word%%=*}.jwk" || exit 2
done

# A member of an object that is a string, or a number.
text() { printf %s "$1" | jose fmt -j- -O -g "$2" -S -u- 2>/dev/null; }
whole() { printf %s "$1" | jose fmt -j- -O -g "$2" -I -o- 2>/dev/null; }
has() { printf %s "$1" | jose fmt -j- -O -g "$2" >/dev/null 2>&1; }

# open_field TOKEN NAME: sets value and sid.
open_field() {
    header=$(printf %s "${1%%.*}" | jose b64 dec -i- 2>/dev/null) || return 1
    kid=$(text "$header" kid) && alg=$(text "$header" alg) && iat=$(whole "$header" iat) || return 1
    case $kid in *[!A-Za-z0-9_-]* | '') return 1 ;; esac
    test -f "$keys/$kid.jwk" || return 1
    grep -q '"oct"' "$keys/$kid.jwk" && want=dir || want=ECDH-ES
    test "$alg" = "$want" && test "$(text "$header" enc)" = A256GCM || return 1
    has "$header" zip || has "$header" crit && return 1
    value=$(printf %s "$1" | jose jwe dec -i- -k "$keys/$kid.jwk" 2>/dev/null) || return 1
    sid=$(text "$header" sid) && test "$(text "$header" fld)" = "$2" || return 1
    age=$(($(date +%s) - iat))
    test "$age" -le "$TTL" && test "$age" -ge "-$AHEAD"
}

# All tokens have to be of one call: that of CallSid, where EncGatherForward sends it.
open_call() {
    call='' opened=''
    if has "$1" CallSid; then call=$(text "$1" CallSid) || return 1; fi
    for name in $FIELDS; do
        token=$(text "$1" "$name") && open_field "$token" "$name" || return 1
        test "$sid" = "${call:=$sid}" || return 1
        case $value in *[!0-9*\#]*) return 1 ;; esac  # what keys can say
        opened="$opened,\"$name\":\"$value\""
    done
    printf '{%s}\n' "${opened#,}"
}

while IFS= read -r line; do
    open_call "$line" || echo '{"error":"bad token"}'
done
