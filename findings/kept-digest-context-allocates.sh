#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# OpenSSL 3.0: a context that is kept for the next message does not keep its memory. Whoever begins anew in it (EVP_DigestInit_ex2,
# EVP_MD_CTX_copy_ex of a context that has had the key, EVP_MAC_init without a key) takes and gives back a piece of the heap for each
# digest, so an HMAC is two allocations, whichever way it is made: as many as with a new context a message one would save.
#
# Seen with libssl3 3.0.22-1~deb12u2 of Debian 12 (3.0.19-1~deb12u2 does the same), SHA-1 and HMAC over 480 bytes, third time in the
# same context, counted by CRYPTO_set_mem_functions.
#
# Ends with 0 where that is still so, with 1 where it changed. Needs Debian 12, its mirror, a C compiler and dpkg; installs nothing.
set -eu
version=3.0.22-1~deb12u2

. "$(dirname "$0")/debian.sh"
unpack "libssl3=$version" "libssl-dev=$version"

cat >"$dir/count.c" <<'END_OF_C'
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long taken;

static void *take(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    taken++;
    return malloc(size);
}

static void *take_more(void *old, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    taken++;
    return realloc(old, size);
}

static void give_back(void *old, const char *file, int line)
{
    (void)file, (void)line;
    free(old);
}

static void must(int good)
{
    if (!good)
        exit(2);
}

int main(void)
{
    unsigned char key[32] = {1}, text[480] = {2}, out[64];
    OSSL_PARAM sha1[] = {OSSL_PARAM_utf8_string("digest", "SHA1", 4), OSSL_PARAM_END};
    size_t n;

    must(CRYPTO_set_mem_functions(take, take_more, give_back));
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA1", NULL);
    EVP_MD_CTX *keyed = EVP_MD_CTX_new(), *work = EVP_MD_CTX_new();
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(EVP_MAC_fetch(NULL, "HMAC", NULL));
    must(EVP_DigestInit_ex2(keyed, md, NULL) && EVP_DigestUpdate(keyed, key, sizeof key));
    must(EVP_MAC_init(mac, key, sizeof key, sha1));
    unsigned long anew = 0, copied = 0, again = 0;
    for (int i = 0; i < 3; i++) {
        taken = 0;
        must(EVP_DigestInit_ex2(work, md, NULL) && EVP_DigestUpdate(work, text, sizeof text) && EVP_DigestFinal_ex(work, out, NULL));
        anew = taken;
    }
    for (int i = 0; i < 3; i++) {
        taken = 0;
        must(EVP_MD_CTX_copy_ex(work, keyed) && EVP_DigestUpdate(work, text, sizeof text) && EVP_DigestFinal_ex(work, out, NULL));
        copied = taken;
    }
    for (int i = 0; i < 3; i++) {
        taken = 0;
        must(EVP_MAC_init(mac, NULL, 0, NULL) && EVP_MAC_update(mac, text, sizeof text) && EVP_MAC_final(mac, out, &n, sizeof out));
        again = taken;
    }
    printf("%s %lu %lu %lu\n", OpenSSL_version(OPENSSL_VERSION_STRING), anew, copied, again);
    return 0;
}
END_OF_C
libraries=$(dirname "$tree"/usr/lib/*-linux-gnu/libcrypto.so.3)
cc -o "$dir/count" "$dir/count.c" -I"$tree/usr/include" -I"$(echo "$tree"/usr/include/*-linux-gnu)" -L"$libraries" -lcrypto
said=$(LD_LIBRARY_PATH=$libraries "$dir/count")
expect 'version; allocations of a digest anew, of one from a copy, of an HMAC again' "$said" '3.0.22 1 1 2'
echo "as before: OpenSSL 3.0.22 allocates once for a digest in a kept context, and twice for an HMAC"
