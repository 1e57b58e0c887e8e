/* SPDX-License-Identifier: Apache-2.0
 * The rounds of SHA-1 and SHA-256 on memory of the caller's. */
#define OPENSSL_SUPPRESS_DEPRECATED /* in this file alone */
#include "sha.h"

#include <string.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/sha.h>
#include "secret.h"

const char *eg_sha_provider(const EVP_MD *md)
{
    const OSSL_PROVIDER *provider = EVP_MD_get0_provider(md);

    return provider ? OSSL_PROVIDER_get0_name(provider) : "";
}

#if defined(OPENSSL_NO_DEPRECATED_3_0) || defined(EG_SHA_EVP)

bool eg_sha_is_plain(const EVP_MD *md)
{
    (void)md;
    return false;
}

bool eg_sha_begin(eg_sha sha, eg_sha_state *state)
{
    (void)sha;
    (void)state;
    return false;
}

bool eg_sha_blocks(eg_sha sha, eg_sha_state *state, const unsigned char *blocks, apr_size_t n)
{
    (void)sha;
    (void)state;
    (void)blocks;
    (void)n;
    return false;
}

#else

bool eg_sha_is_plain(const EVP_MD *md)
{
    return strcmp(eg_sha_provider(md), "default") == 0 &&
           !EVP_default_properties_is_fips_enabled(NULL);
}

static void take_sha1(const SHA_CTX *c, eg_sha_state *state)
{
    *state = (eg_sha_state){{c->h0, c->h1, c->h2, c->h3, c->h4}};
}

static bool begin_sha1(eg_sha_state *state)
{
    SHA_CTX c;
    bool ok = SHA1_Init(&c) == 1;

    if (ok)
        take_sha1(&c, state);
    return ok;
}

static bool begin_sha256(eg_sha_state *state)
{
    SHA256_CTX c;
    bool ok = SHA256_Init(&c) == 1;

    if (ok)
        memcpy(state->h, c.h, sizeof state->h);
    return ok;
}

bool eg_sha_begin(eg_sha sha, eg_sha_state *state)
{
    return sha == EG_SHA1 ? begin_sha1(state) : begin_sha256(state);
}

/* Of whole blocks these contexts keep nothing but the state. */
static bool sha1_blocks(eg_sha_state *state, const unsigned char *blocks, apr_size_t n)
{
    const apr_uint32_t *h = state->h;
    SHA_CTX c = {.h0 = h[0], .h1 = h[1], .h2 = h[2], .h3 = h[3], .h4 = h[4]};
    bool ok = SHA1_Update(&c, blocks, n) == 1;

    take_sha1(&c, state);
    eg_wipe(&c, sizeof c);
    return ok;
}

static bool sha256_blocks(eg_sha_state *state, const unsigned char *blocks, apr_size_t n)
{
    SHA256_CTX c = {.md_len = EG_SHA256_SIZE};
    bool ok;

    memcpy(c.h, state->h, sizeof c.h);
    ok = SHA256_Update(&c, blocks, n) == 1;
    memcpy(state->h, c.h, sizeof c.h);
    eg_wipe(&c, sizeof c);
    return ok;
}

bool eg_sha_blocks(eg_sha sha, eg_sha_state *state, const unsigned char *blocks, apr_size_t n)
{
    return sha == EG_SHA1 ? sha1_blocks(state, blocks, n) : sha256_blocks(state, blocks, n);
}

#endif

void eg_sha_spell(eg_sha sha, const eg_sha_state *state, unsigned char *out)
{
    for (apr_size_t i = 0; i < eg_sha_size(sha) / 4; i++) {
        apr_uint32_t word = state->h[i];

        *out++ = (unsigned char)(word >> 24);
        *out++ = (unsigned char)(word >> 16);
        *out++ = (unsigned char)(word >> 8);
        *out++ = (unsigned char)word;
    }
}
