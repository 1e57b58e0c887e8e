#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing for one purpose or several, words of the first column below (build, test, ...), or "all".
# Silent when nothing is missing, else says what comes and how large it is; starts no service. What apt has to say about it
# goes to build/out/deps.log.
set -u

# A line for each thing: who needs it, what it is, its package on Debian, its package on RHEL (-: of no use there).
# A thing is  cmd:NAME|NAME    one of these commands
#             header:FILE      #include <FILE> compiles
#             perl:MODULE      use MODULE works
#             apu:NAME         a driver of APR-util: NAME.so in its directory of modules
#             httpd:NAME       a module of httpd: mod_NAME.so
#             file:PATTERN     such a file is there
#             python:MODULE    the system's python3 imports it
# Every purpose but "clean-room", "demo", "demo-shield" and "peers" (what "make bench" compares the module with) implies "build".
# apache2-bin is the server alone. Other servers' packages bring services, which are kept from starting while they are installed; tests
# start what they need by themselves.
things() {
    cat <<'END_OF_TABLE'
build       cmd:gcc|clang               gcc                         gcc
build       cmd:make                    make                        make
build       header:stdlib.h             libc6-dev                   glibc-devel
build       cmd:apxs|apxs2              apache2-dev                 httpd-devel
build       header:jansson.h            libjansson-dev              jansson-devel
build       header:openssl/evp.h        libssl-dev                  openssl-devel
build       header:hiredis/hiredis.h    libhiredis-dev              hiredis-devel
build,demo  cmd:apache2|httpd           apache2-bin                 httpd
static      cmd:gcc                     gcc                         gcc
static      cmd:clang-tidy              clang-tidy                  clang-tools-extra
static      cmd:cppcheck                cppcheck                    cppcheck
clean-room  cmd:debootstrap             debootstrap                 -
clean-room  cmd:git                     git                         -
clean-room  cmd:nsenter                 util-linux                  -
clean-room  cmd:unshare                 util-linux                  -
clean-room  perl:FindBin                perl                        -
package,test cmd:dpkg-buildpackage      dpkg-dev                    -
package,test cmd:dh                     debhelper                   -
package,test cmd:pandoc                 pandoc                      pandoc
sanitize    cmd:gcc                     gcc                         gcc
sanitize    cmd:setarch                 util-linux                  util-linux
sanitize    cmd:valgrind                valgrind                    valgrind
sanitize    file:/usr/lib/gcc/*/*/libasan.so  gcc                   libasan
sanitize    file:/usr/lib/gcc/*/*/libtsan.so  gcc                   libtsan
sanitize    file:/usr/lib/gcc/*/*/libubsan.so gcc                   libubsan
test        httpd:perl                  libapache2-mod-perl2        mod_perl
test        httpd:wsgi                  libapache2-mod-wsgi-py3     -
test        httpd:auth_mellon           libapache2-mod-auth-mellon  mod_auth_mellon
test        httpd:auth_openidc          libapache2-mod-auth-openidc mod_auth_openidc
test        httpd:evasive20             libapache2-mod-evasive      mod_evasive
test        httpd:rpaf                  libapache2-mod-rpaf         -
test        httpd:security2             libapache2-mod-security2    mod_security
test        file:/usr/share/modsecurity-crs/rules  modsecurity-crs  mod_security_crs
test        perl:Apache::Test           libapache2-mod-perl2        mod_perl
test        perl:CryptX                 libcryptx-perl              perl-CryptX
test        perl:Digest::MD5            perl                        perl-Digest-MD5
test        perl:HTTP::Tiny             perl                        perl-HTTP-Tiny
test        perl:IO::Socket::SSL        libio-socket-ssl-perl       perl-IO-Socket-SSL
test        perl:Test::More             perl                        perl-Test-Simple
test        cmd:prove                   perl                        perl-Test-Harness
test        cmd:openssl                 openssl                     openssl
test        cmd:curl                    curl                        curl
test        cmd:faketime                faketime                    -
test        cmd:lintian                 lintian                     -
test        cmd:ps                      procps                      procps-ng
test        cmd:readelf                 binutils                    binutils
test,demo-shield cmd:setpriv            util-linux                  util-linux
test        file:/usr/sbin/php-fpm*     php-fpm                     php-fpm
test,demo-shield cmd:node               nodejs                      nodejs
test,demo-shield cmd:npm                npm                         nodejs-npm
test        cmd:chromium                chromium                    chromium
test        cmd:chromedriver            chromium-driver             chromedriver
test        python:cryptography         python3-cryptography        python3-cryptography
test        python:jwcrypto             python3-jwcrypto            python3-jwcrypto
test        perl:Crypt::JWT             libcrypt-jwt-perl           perl-Crypt-JWT
test        header:cjose/cjose.h        libcjose-dev                cjose-devel
test        cmd:jose                    jose                        jose
test        cmd:php                     php-cli                     php-cli
test        file:/usr/share/php/phpseclib3/autoload.php  php-phpseclib3  php-phpseclib3
test        cmd:redis-server            redis-server                redis
test        cmd:redis-cli               redis-tools                 redis
test        cmd:xxd                     xxd                         vim-common
test        cmd:initdb                  postgresql                  postgresql-server
test        cmd:promtool                prometheus                  -
test        cmd:psql                    postgresql                  postgresql
test        apu:apr_dbd_pgsql           libaprutil1-dbd-pgsql       apr-util-pgsql
test        cmd:mariadb-install-db      mariadb-server              mariadb-server
test        cmd:mariadb                 mariadb-server              mariadb
test        apu:apr_dbd_mysql           libaprutil1-dbd-mysql       apr-util-mysql
test,demo   perl:LWP::UserAgent         libwww-perl                 perl-libwww-perl
test,demo   perl:LWP::Protocol::https   liblwp-protocol-https-perl  perl-LWP-Protocol-https
test,demo   perl:XML::LibXML            libxml-libxml-perl          perl-XML-LibXML
test,demo   perl:Digest::SHA            perl                        perl-Digest-SHA
test,demo   perl:JSON::PP               perl                        perl-JSON-PP
test,demo   perl:FindBin                perl                        perl-FindBin
test,demo   cmd:sqlite3                 sqlite3                     sqlite
test,demo   apu:apr_dbd_sqlite3         libaprutil1-dbd-sqlite3     apr-util-sqlite
bench       perl:CryptX                 libcryptx-perl              perl-CryptX
bench       cmd:valgrind                valgrind                    valgrind
bench       header:valgrind/callgrind.h valgrind                    valgrind-devel
bench       header:openssl/ssl.h        libssl-dev                  openssl-devel
bench       cmd:sqlite3                 sqlite3                     sqlite
bench       apu:apr_dbd_sqlite3         libaprutil1-dbd-sqlite3     apr-util-sqlite
fuzz        cmd:clang                   clang                       clang
fuzz        file:/usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer-*.a  libclang-rt-14-dev  -
fuzz        file:/usr/lib*/clang/*/lib/*/libclang_rt.fuzzer*.a             -           compiler-rt
bench       cmd:taskset                 util-linux                  util-linux
bench       cmd:openssl                 openssl                     openssl
peers       cmd:h2load                  nghttp2-client              nghttp2
peers       cmd:initdb                  postgresql                  postgresql-server
peers       apu:apr_dbd_pgsql           libaprutil1-dbd-pgsql       apr-util-pgsql
peers       cmd:node                    nodejs                      nodejs
peers       cmd:npm                     npm                         nodejs-npm
peers       file:/usr/lib*/*/modules/libphp*.so  libapache2-mod-php  php
peers       cmd:nginx                   nginx                       nginx
peers       file:/usr/lib/nginx/modules/ngx_http_lua_module.so  libnginx-mod-http-lua  -
END_OF_TABLE
}

# Administrators' commands are not in everybody's PATH, and Debian keeps initdb out of all of them.
PATH=$PATH:/usr/sbin:/sbin
for directory in /usr/lib/postgresql/*/bin; do
    PATH=$PATH:$directory
done
INSTALL='apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300'
PLAN='apt-get install --assume-no --no-install-recommends -o APT::Get::Assume-Yes=false'

main() {
    wanted=''
    act=ensure
    for word; do
        if test "$word" = --list; then
            act=list
        else
            is_purpose "$word" || usage
            wanted="$wanted $word"
        fi
    done
    test -n "$wanted" || usage
    $act
}

# --- What is there --------------------------------------------------------------------------------

purposes() {
    echo all
    things | cut -d ' ' -f 1 | tr ',' '\n' | sort -u
}

is_purpose() {
    purposes | grep -qxe "$1"
}

usage() {
    echo "usage: build/deps.sh $(purposes | paste -s -d '|' -) ... [--list]" >&2
    exit 2
}

# $1: the purposes of a line
is_wanted() {
    for purpose in $wanted; do
        case "$purpose,$1," in
            all,* | *",$purpose,"*) return 0 ;;
            clean-room,* | demo,* | demo-shield,* | peers,*) ;;
            *,build,*) return 0 ;;
        esac
    done
    return 1
}

# shellcheck disable=SC2086  # a pattern is meant to be expanded
is_there() {
    what=${1#*:}
    case "$1" in
        cmd:*)    has_command "$what" ;;
        header:*) has_header "$what" ;;
        perl:*)   perl -M"$what" -e 1 >/dev/null 2>&1 ;;
        apu:*)    has_file /usr/lib*/apr-util-1/"$what".so /usr/lib/*/apr-util-1/"$what".so ;;
        httpd:*)  has_file /usr/lib*/*/modules/mod_"$what".so ;;
        file:*)   has_file $what ;;    # a pattern, to be expanded
        python:*) /usr/bin/python3 -c "import $what" >/dev/null 2>&1 ;;
    esac
}

has_command() (
    IFS='|'
    for name in $1; do
        command -v "$name" >/dev/null 2>&1 && exit 0
    done
    exit 1
)

has_header() {
    for compiler in ${CC:-} cc gcc clang; do
        echo "#include <$1>" | "$compiler" -E -x c - >/dev/null 2>&1 && return 0
    done
    return 1
}

# A pattern that matches nothing stays as it is, and is no file.
has_file() {
    for path; do
        test -e "$path" && return 0
    done
    return 1
}

# The names of packages that are missing, each once: of column 3 (Debian) or 4 (RHEL).
missing() {
    things | while read -r uses thing debian rpm; do
        is_wanted "$uses" || continue
        is_there "$thing" && continue
        case $1 in debian) echo "$debian" ;; *) echo "$rpm" ;; esac
    done | grep -vx -e - | sort -u | paste -s -d ' ' -
}

list() {
    things | while read -r uses thing debian rpm; do
        is_wanted "$uses" || continue
        is_there "$thing" && state=there || state=MISSING
        printf '%-8s %-27s %-27s %s\n' "$state" "$thing" "$debian" "$rpm"
    done
}

# --- Installing -----------------------------------------------------------------------------------

ensure() {
    if has_command apt-get; then
        packages=$(missing debian)
        test -z "$packages" || install_debian
    else
        packages=$(missing rpm)
        test -z "$packages" || ask_administrator "dnf install $packages"
    fi
}

install_debian() {
    as_root=$(root_prefix) || ask_administrator "apt-get update && $INSTALL $packages"
    open_log
    echo "build/deps.sh: missing: $packages" >&2
    update_lists
    announce
    install_without_services >>"$log" 2>&1 || apt_failed "apt-get could not install $packages"
    packages=$(missing debian)
    test -z "$packages" ||
        fail "still missing: $packages (build/deps.sh$wanted --list tells more)"
}

# Of whoever may write there: in a checkout of somebody else it is a file of its own.
open_log() {
    log=$(dirname "$0")/out/deps.log
    { mkdir -p "$(dirname "$log")" && : >>"$log"; } 2>/dev/null || log=$(mktemp) || fail "no place for apt's words"
}

# By what apt would do, without doing it. What it cannot tell is not worth a failure.
announce() {
    # shellcheck disable=SC2086  # words are meant to be split
    plan=$($as_root env LC_ALL=C $PLAN $packages 2>/dev/null </dev/null | tr '\n' ' ')
    number='\([0-9][0-9.,]* [kMG]*B\)'
    count=$(echo "$plan" | sed -n 's/.* \([0-9]*\) newly installed.*/\1/p')
    download=$(echo "$plan" | sed -n "s,.*Need to get \([0-9.]* [kMG]*B/\)*$number of archives.*,\2,p")
    disk=$(echo "$plan" | sed -n "s/.*After this operation, $number of additional disk space.*/\1/p")
    test -z "$count" ||
        echo "build/deps.sh: installing $count packages: ${download:-?} to download, ${disk:-?} on disk" >&2
}

apt_failed() {
    grep -E '^(E|W|Err:[0-9]+):? ' "$log" | tail -n 10 >&2
    fail "$1; all that apt said is in $log"
}

# Packages ask policy-rc.d before they start a service. What stood in its place comes back, also
# that which somebody left behind who was killed in the middle; one at a time.
install_without_services() {
    # shellcheck disable=SC2016,SC2086  # expanded by that shell; words are meant to be split
    $as_root env DEBIAN_FRONTEND=noninteractive flock /run/lock/encgather-deps sh -c '
        policy=/usr/sbin/policy-rc.d
        restore() { rm -f "$policy"; test ! -e "$policy.aside" || mv "$policy.aside" "$policy"; }
        trap restore EXIT
        trap "exit 1" HUP INT TERM
        test ! -e "$policy" || grep -q build/deps.sh "$policy" || mv "$policy" "$policy.aside"
        printf "#!/bin/sh\n# build/deps.sh is at work\nexit 101\n" >"$policy" || exit 1
        chmod 755 "$policy" || exit 1
        "$@"' sh $INSTALL $packages </dev/null
}

# The lists may be locked by somebody else for a while; without new lists the old ones may still do.
update_lists() {
    for try in 1 2 3 4 5; do
        # shellcheck disable=SC2086
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >>"$log" 2>&1 && return 0
        echo "build/deps.sh: apt-get update failed ($try)" >&2
        sleep 5
    done
}

# What to put before a command that needs root; fails when there is no way.
root_prefix() {
    if test "$(id -u)" -eq 0; then
        echo ""
    elif has_command sudo && sudo -n true 2>/dev/null; then
        echo "sudo -n"
    else
        return 1
    fi
}

ask_administrator() {
    echo "build/deps.sh: some packages are missing. As root, run:" >&2
    echo "    $1" >&2
    exit 1
}

fail() {
    echo "build/deps.sh: $1" >&2
    exit 1
}

main "$@"
