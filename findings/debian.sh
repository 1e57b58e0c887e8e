# SPDX-License-Identifier: Apache-2.0
# For the scripts beside it: Debian packages, unpacked into a directory that goes with the script, and the httpd in them.
#
#   unpack NAME[=VERSION] ...   into $tree
#   serve MODULE ... <CONF      httpd at $url, with all it writes below $dir; stopped when the script ends
#   expect WHAT IS WANTED       ends the script with 1 where they differ
dir=$(mktemp -d)
tree=$dir/tree
pid=''
trap 'test -z "$pid" || { kill "$pid" || :; wait "$pid" || :; }; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$dir"
mkdir -p "$tree" "$dir/debs" "$dir/run" "$dir/logs" "$dir/htdocs"

unpack() {
    (cd "$dir/debs" && apt-get download -q "$@" >"$dir/logs/apt" 2>&1) || { tail -n 5 "$dir/logs/apt" >&2; echo "cannot download $*" >&2; exit 2; }
    for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$tree"; done
}

serve() {
    port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')
    url=http://127.0.0.1:$port
    {
        printf '%s\n' "ServerRoot $dir" 'ServerName 127.0.0.1' "Listen 127.0.0.1:$port" 'PidFile run/pid' 'DefaultRuntimeDir run' \
            'DocumentRoot htdocs' 'ErrorLog logs/error_log'
        for module in mpm_prefork authz_core "$@"; do
            echo "LoadModule ${module}_module $tree/usr/lib/apache2/modules/mod_$module.so"
        done
        test "$(id -u)" -ne 0 || printf 'User www-data\nGroup www-data\n'
        cat
    } >"$dir/httpd.conf"
    test "$(id -u)" -ne 0 || chown www-data "$dir/run"
    libraries=$(echo "$tree"/usr/lib/*-linux-gnu "$tree"/lib/*-linux-gnu | tr ' ' :)
    # of its own session: at its end httpd sends SIGTERM to its process group
    LD_LIBRARY_PATH=$libraries setsid "$tree/usr/sbin/apache2" -f "$dir/httpd.conf" -DFOREGROUND >"$dir/logs/start" 2>&1 &
    pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        curl -sS -o /dev/null "$url/" 2>/dev/null && return
        sleep 0.5
    done
    cat "$dir/logs/start" "$dir/logs/error_log" >&2
    echo 'httpd does not start' >&2
    exit 2
}

expect() {
    test "$2" = "$3" && return
    echo "CHANGED: $1: is $2, was $3" >&2
    exit 1
}
