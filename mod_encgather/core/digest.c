/* SPDX-License-Identifier: Apache-2.0
 * Digests and HMACs of several pieces. */
#include "digest.h"

#include <string.h>
#include <openssl/evp.h>
#include "secret.h"

#define LENGTH_SIZE 8 /* bytes that say how long it was (FIPS 180-4, 5.1.1) */
#define PADDING (1 + EG_SHA_BLOCK + LENGTH_SIZE) /* at most */
#define INNER 0x36                               /* pads of RFC 2104, 2 */
#define OUTER 0x5c

static bool can_be_plain(const eg_digests *digests)
{
    for (unsigned i = 0; i < EG_SHAS; i++)
        if (!eg_sha_is_plain(digests->md[i]))
            return false;
    return true;
}

bool eg_digests_fetch(eg_digests *digests)
{
    static const char *const names[EG_SHAS] = {"SHA1", "SHA256"};
    bool all = true;

    for (unsigned i = 0; i < EG_SHAS; i++) {
        digests->md[i] = EVP_MD_fetch(NULL, names[i], NULL);
        all &= digests->md[i] != NULL;
    }
    digests->is_plain = all && can_be_plain(digests);
    for (unsigned i = 0; i < EG_SHAS && digests->is_plain; i++)
        all &= eg_sha_begin((eg_sha)i, &digests->begin[i]);
    return all;
}

void eg_digests_free(eg_digests *digests)
{
    for (unsigned i = 0; i < EG_SHAS; i++)
        EVP_MD_free(digests->md[i]);
}

/* --- one digest -------------------------------------------------------------------------------- */

/* Many small updates cost more than the hash: what is short is put together first. The pieces may
 * hold digits: their copy lives on the stack until it is hashed. */
typedef struct {
    eg_sha sha;
    EVP_MD_CTX *context; /* NULL: it is made here, in state */
    eg_sha_state state;
    bool ok;
    apr_uint64_t done; /* bytes that are hashed */
    apr_size_t n;      /* and those that are not */
    unsigned char bytes[32 * EG_SHA_BLOCK];
} digesting;

static void begin_at(digesting *d, eg_sha sha, const eg_sha_state *state, apr_uint64_t done)
{
    d->sha = sha;
    d->context = NULL;
    d->state = *state;
    d->ok = true;
    d->done = done;
    d->n = 0;
}

static void begin(digesting *d, const eg_digester *by, eg_sha sha)
{
    begin_at(d, sha, &by->digests->begin[sha], 0);
    if (by->digests->is_plain)
        return;
    d->context = by->context;
    d->ok = d->context && EVP_DigestInit_ex2(d->context, by->digests->md[sha], NULL) == 1;
}

static bool hash_front(digesting *d, apr_size_t n)
{
    if (d->context)
        return EVP_DigestUpdate(d->context, d->bytes, n) == 1;
    return eg_sha_blocks(d->sha, &d->state, d->bytes, n);
}

/* What is no whole block stays, at the front; OpenSSL's contexts take it. */
static void flush(digesting *d)
{
    apr_size_t rest = d->context ? 0 : d->n % EG_SHA_BLOCK, whole = d->n - rest;

    d->ok = d->ok && (whole == 0 || hash_front(d, whole));
    if (rest)
        memmove(d->bytes, d->bytes + whole, rest);
    eg_wipe(d->bytes + rest, whole);
    d->done += whole;
    d->n = rest;
}

static void feed_large(digesting *d, eg_span piece)
{
    while (piece.n) {
        apr_size_t room = sizeof d->bytes - d->n, n = piece.n < room ? piece.n : room;

        memcpy(d->bytes + d->n, piece.p, n);
        d->n += n;
        piece = (eg_span){piece.p + n, piece.n - n};
        if (d->n == sizeof d->bytes)
            flush(d);
    }
}

static inline void feed(digesting *d, eg_span piece)
{
    if (piece.n > sizeof d->bytes - d->n) {
        feed_large(d, piece);
        return;
    }
    if (piece.n)
        memcpy(d->bytes + d->n, piece.p, piece.n);
    d->n += piece.n;
}

static void feed_all(digesting *d, const eg_span *pieces, apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++)
        feed(d, pieces[i]);
}

/* A bit, zeros, and the number of bits that there were (FIPS 180-4, 5.1.1): all of it is whole blocks then. */
static void pad_out(digesting *d)
{
    apr_uint64_t bits = 8 * (d->done + d->n);
    apr_size_t zeros;

    if (d->n > sizeof d->bytes - PADDING)
        flush(d);
    d->bytes[d->n++] = 0x80;
    zeros = (2 * EG_SHA_BLOCK - LENGTH_SIZE - d->n % EG_SHA_BLOCK) % EG_SHA_BLOCK;
    memset(d->bytes + d->n, 0, zeros);
    d->n += zeros;
    for (unsigned i = 0; i < LENGTH_SIZE; i++)
        d->bytes[d->n++] = (unsigned char)(bits >> (8 * (LENGTH_SIZE - 1 - i)));
}

static bool end_plain(digesting *d, unsigned char *out)
{
    pad_out(d);
    flush(d);
    if (d->ok)
        eg_sha_spell(d->sha, &d->state, out);
    eg_wipe(&d->state, sizeof d->state);
    return d->ok;
}

static bool end(digesting *d, unsigned char *out)
{
    if (!d->context)
        return end_plain(d, out);
    flush(d);
    d->ok = d->ok && EVP_DigestFinal_ex(d->context, out, NULL) == 1;
    if (!d->ok)
        (void)EVP_MD_CTX_reset(d->context);
    return d->ok;
}

bool eg_digest(const eg_digester *by, eg_sha sha, const eg_span *pieces, apr_size_t count,
               unsigned char *out)
{
    digesting d;

    begin(&d, by, sha);
    feed_all(&d, pieces, count);
    return end(&d, out);
}

/* --- HMAC -------------------------------------------------------------------------------------- */

/* A secret that is longer than a block is replaced by its digest (RFC 2104, 2). */
static bool make_pad(const eg_digester *by, eg_sha sha, eg_span secret,
                     unsigned char pad[EG_SHA_BLOCK])
{
    memset(pad, 0, EG_SHA_BLOCK);
    if (secret.n > EG_SHA_BLOCK)
        return eg_digest(by, sha, &secret, 1, pad);
    if (secret.n)
        memcpy(pad, secret.p, secret.n);
    return true;
}

static void turn_pad(unsigned char pad[EG_SHA_BLOCK], unsigned char mask)
{
    for (apr_size_t i = 0; i < EG_SHA_BLOCK; i++)
        pad[i] ^= mask;
}

/* RFC 2104 over digests: OpenSSL's own HMAC copies the key to the heap for each use, and more with it.
 * Here the key is only in the pad. Where digests go by way of a provider, OpenSSL 3.0 allocates a state for
 * each, which it wipes. */
static bool hmac_behind_pads(const eg_digester *by, const eg_hmac_key *key, const eg_span *pieces,
                             apr_size_t count, unsigned char *out)
{
    unsigned char pad[EG_SHA_BLOCK];
    const eg_span padding = {(const char *)pad, sizeof pad};
    const eg_span inner = {(const char *)out, eg_sha_size(key->sha)};
    bool ok = make_pad(by, key->sha, key->secret, pad);
    digesting d;

    turn_pad(pad, INNER);
    begin(&d, by, key->sha);
    feed(&d, padding);
    feed_all(&d, pieces, count);
    ok = end(&d, out) && ok;
    turn_pad(pad, INNER ^ OUTER);
    begin(&d, by, key->sha);
    feed(&d, padding);
    feed(&d, inner);
    ok = end(&d, out) && ok;
    eg_wipe(pad, sizeof pad);
    return ok;
}

static bool hmac_behind_state(const eg_hmac_key *key, const eg_span *pieces, apr_size_t count,
                              unsigned char *out)
{
    const eg_span inner = {(const char *)out, eg_sha_size(key->sha)};
    digesting d;
    bool ok;

    begin_at(&d, key->sha, &key->ready->inner, EG_SHA_BLOCK);
    feed_all(&d, pieces, count);
    ok = end(&d, out);
    begin_at(&d, key->sha, &key->ready->outer, EG_SHA_BLOCK);
    feed(&d, inner);
    return end(&d, out) && ok;
}

bool eg_digest_hmac(const eg_digester *by, const eg_hmac_key *key, const eg_span *pieces,
                    apr_size_t count, unsigned char *out)
{
    bool ok = key->ready && by->digests->is_plain ? hmac_behind_state(key, pieces, count, out)
                                                  : hmac_behind_pads(by, key, pieces, count, out);

    if (!ok)
        eg_wipe(out, eg_sha_size(key->sha));
    return ok;
}

bool eg_digest_prepare(const eg_digester *by, eg_sha sha, eg_span secret, eg_hmac_state *ready)
{
    unsigned char pad[EG_SHA_BLOCK] = {0};
    bool ok = by->digests->is_plain && make_pad(by, sha, secret, pad);

    ready->inner = ready->outer = by->digests->begin[sha];
    turn_pad(pad, INNER);
    ok = ok && eg_sha_blocks(sha, &ready->inner, pad, sizeof pad);
    turn_pad(pad, INNER ^ OUTER);
    ok = ok && eg_sha_blocks(sha, &ready->outer, pad, sizeof pad);
    eg_wipe(pad, sizeof pad);
    if (!ok)
        eg_wipe(ready, sizeof *ready);
    return ok;
}
