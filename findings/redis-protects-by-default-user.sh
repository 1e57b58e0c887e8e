#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Redis 7.0 with a user of its own in its ACL, as a fleet would have it, and nothing said of the user "default": a client from another
# address than 127.0.0.1 is turned away (DENIED, protected mode) before it can say who it is, with the right name and password too.
# Protected mode looks at whether "default" needs a password, not at who logs in. With "user default off" the same client gets in.
# 127.0.0.2 is another address to it, so this needs no network.
#
# Seen with redis-server 5:7.0.15-1~deb12u10 of Debian 12, with "user app on >secret ~app:* +set".
#
# Ends with 0 where that is still so, with 1 where it changed. Needs Debian 12, its mirror, Perl and dpkg; installs nothing.
set -eu
version=5:7.0.15-1~deb12u10

. "$(dirname "$0")/debian.sh"
unpack "redis-server=$version" "redis-tools=$version" libatomic1 libjemalloc2 liblzf1 libsystemd0 liblua5.1-0

libraries=$(echo "$tree"/usr/lib/*-linux-gnu "$tree"/lib/*-linux-gnu | tr ' ' :)
port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')

# What the Redis, with one more line in its configuration, says to a client at that address: its first word.
ask() {
    printf '%s\n' 'bind 127.0.0.1' "port $port" 'save ""' "dir $dir" 'user app on >secret ~app:* +set' "$2" >"$dir/redis.conf"
    LD_LIBRARY_PATH=$libraries "$tree/usr/bin/redis-server" "$dir/redis.conf" >>"$dir/logs/redis" 2>&1 &
    pid=$!
    perl -MIO::Socket::INET -e '
        my ($from, $port) = @ARGV;
        my $s;
        for (1 .. 100) { last if $s = IO::Socket::INET->new(LocalAddr => $from, PeerAddr => "127.0.0.1", PeerPort => $port); select undef, undef, undef, 0.05 }
        $s or exit 2;
        print $s "AUTH app secret\r\n";
        my ($word) = (<$s> // "") =~ /^[-+](\w+)/;
        print $word // "nothing";' "$1" "$port"
    kill "$pid" && wait "$pid" || :
    pid=''
}

expect 'from 127.0.0.1'                   "$(ask 127.0.0.1 '')"                 OK
expect 'from another address'             "$(ask 127.0.0.2 '')"                 DENIED
expect 'from there, with "default" off'   "$(ask 127.0.0.2 'user default off')" OK
echo "as before: Redis 7.0.15 denies the right user of its ACL from elsewhere as long as \"default\" needs no password"
