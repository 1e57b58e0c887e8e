/* SPDX-License-Identifier: Apache-2.0
 * The rounds of SHA-1 and SHA-256 on memory of the caller's. OpenSSL 3 has a digest by way of its providers, which
 * take memory for each one; the functions that it has had before take none, and it discourages them: only
 * sha.c uses them, where that is the same. */
#ifndef EG_SHA_H
#define EG_SHA_H

#include <apr.h>
#include <stdbool.h>
#include <openssl/types.h>

typedef enum { EG_SHA1, EG_SHA256, EG_SHAS } eg_sha;

#define EG_SHA1_SIZE 20
#define EG_SHA256_SIZE 32
#define EG_SHA_BLOCK 64 /* bytes, of both */

/* Where a digest is behind whole blocks: as secret as they are. */
typedef struct {
    apr_uint32_t h[EG_SHA256_SIZE / 4]; /* SHA-1 has five */
} eg_sha_state;

/* The name of the provider that md comes from; it lives as long as md. */
const char *eg_sha_provider(const EVP_MD *md);

/* Whether digests of md are made by that code anyway: they come from OpenSSL's own provider, and nobody has
 * asked for a validated one. False too where OpenSSL is built without those functions, or this program (make SHA=evp). */
bool eg_sha_is_plain(const EVP_MD *md);

/* The state before the first block. False: OpenSSL failed, or does not have it. */
bool eg_sha_begin(eg_sha sha, eg_sha_state *state);

/* Goes on by n bytes, a multiple of EG_SHA_BLOCK. False: OpenSSL failed, the state is of no use. */
bool eg_sha_blocks(eg_sha sha, eg_sha_state *state, const unsigned char *blocks, apr_size_t n);

/* The digest that a state is behind the last block. */
void eg_sha_spell(eg_sha sha, const eg_sha_state *state, unsigned char *out);

/* Bytes of a digest. */
static inline apr_size_t eg_sha_size(eg_sha sha)
{
    return sha == EG_SHA1 ? EG_SHA1_SIZE : EG_SHA256_SIZE;
}

#endif
