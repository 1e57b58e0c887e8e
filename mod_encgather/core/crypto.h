/* SPDX-License-Identifier: Apache-2.0
 * OpenSSL, fetched once, with contexts per thread that hold a key only while it is used. */
#ifndef EG_CRYPTO_H
#define EG_CRYPTO_H

#include <apr_pools.h>
#include "digest.h"

#define EG_KEY_SIZE 32   /* AES-256 */
#define EG_NONCE_SIZE 12 /* NIST SP 800-38D, 8.2.2: random nonces */
#define EG_TAG_SIZE 16
#define EG_SEAL_OVERHEAD (EG_NONCE_SIZE + EG_TAG_SIZE)

typedef struct eg_crypto eg_crypto;

/* Fetches the algorithms; lives as long as pool. Call it in the process that uses it, after the
 * fork. NULL when OpenSSL does not have them. All calls below may come from any thread. */
eg_crypto *eg_crypto_create(apr_pool_t *pool);

/* Where nonces come from: getrandom(2) for n bytes; tests put a failing one in its place. */
typedef bool (*eg_random_fn)(unsigned char *out, apr_size_t n);
void eg_crypto_use_random(eg_crypto *crypto, eg_random_fn random);

/* Has digests made by way of OpenSSL's providers, as where the default one is another: for tests. */
void eg_crypto_use_provider(eg_crypto *crypto);
bool eg_crypto_uses_provider(const eg_crypto *crypto);

/* The name of the provider that digests come from ("default", "fips"); it lives as long as crypto. */
const char *eg_crypto_provider(const eg_crypto *crypto);

/* n random bytes, or EG_ECRYPTO. */
eg_status eg_random(eg_crypto *crypto, unsigned char *out, apr_size_t n) EG_MUST_CHECK;

/* out = nonce || ciphertext || tag, plain.n + EG_SEAL_OVERHEAD bytes, under a fresh random nonce.
 * After EG_ECRYPTO out holds zeros. */
eg_status eg_gcm_seal(eg_crypto *crypto, const unsigned char key[EG_KEY_SIZE], eg_span aad,
                      eg_span plain, unsigned char *out) EG_MUST_CHECK;

/* in = nonce || ciphertext || tag of n bytes; plain has n - EG_SEAL_OVERHEAD bytes and is wiped
 * unless the tag fits: EG_ETOKEN when it does not, EG_ECRYPTO when OpenSSL failed. */
eg_status eg_gcm_open(eg_crypto *crypto, const unsigned char key[EG_KEY_SIZE], eg_span aad,
                      const unsigned char *in, apr_size_t n, unsigned char *plain) EG_MUST_CHECK;

/* The same, for several messages that are opened one right after the other: the cipher of this thread keeps the key, and
 * the next call with the same key costs half as much. What the same is says the pointer: the key stays where it is, as it is,
 * until eg_gcm_let_go(), which comes on every path, before anybody else is asked or told anything. */
eg_status eg_gcm_open_held(eg_crypto *crypto, const unsigned char key[EG_KEY_SIZE], eg_span aad,
                           const unsigned char *in, apr_size_t n,
                           unsigned char *plain) EG_MUST_CHECK;

/* The cipher of this thread forgets the key that it was left with, if any. false: OpenSSL failed; the key is gone all the
 * same, and what was opened is to be given to nobody. */
bool eg_gcm_let_go(eg_crypto *crypto) EG_MUST_CHECK;

/* HMAC (RFC 2104) over count pieces as if they were one string. */
eg_status eg_hmac_sha1(eg_crypto *crypto, eg_span key, const eg_span *pieces, apr_size_t count,
                       unsigned char out[EG_SHA1_SIZE]) EG_MUST_CHECK;
eg_status eg_hmac_sha256(eg_crypto *crypto, eg_span key, const eg_span *pieces, apr_size_t count,
                         unsigned char out[EG_SHA256_SIZE]) EG_MUST_CHECK;

/* The same by a key that says which, and may have been prepared; out has eg_sha_size(key->sha) bytes. */
eg_status eg_hmac(eg_crypto *crypto, const eg_hmac_key *key, const eg_span *pieces,
                  apr_size_t count, unsigned char *out) EG_MUST_CHECK;

/* Computes what every HMAC under the secret begins and ends with. False: it is made each time, since OpenSSL
 * failed, or makes digests by way of a provider; ready is wiped then. */
bool eg_hmac_prepare(eg_crypto *crypto, eg_sha sha, eg_span secret, eg_hmac_state *ready);

eg_status eg_sha256(eg_crypto *crypto, eg_span data,
                    unsigned char out[EG_SHA256_SIZE]) EG_MUST_CHECK;

/* HKDF-SHA256 (RFC 5869) without salt, one block of output. */
eg_status eg_hkdf(eg_crypto *crypto, const unsigned char key[EG_KEY_SIZE], eg_span info,
                  unsigned char out[EG_SHA256_SIZE]) EG_MUST_CHECK;

/* The Concat KDF of RFC 7518, 4.6, for A256GCM from a shared secret alone (no apu, no apv). */
eg_status eg_concat_kdf(eg_crypto *crypto, const unsigned char z[EG_SHA256_SIZE],
                        unsigned char out[EG_KEY_SIZE]) EG_MUST_CHECK;

typedef enum { EG_CURVE_P256, EG_CURVE_X25519, EG_CURVES } eg_curve;

/* A fresh key pair for one use; EVP_PKEY_free() wipes it. NULL: OpenSSL failed. */
struct evp_pkey_st *eg_ephemeral_key(eg_crypto *crypto, eg_curve curve) EG_MUST_CHECK;

/* Equal length and equal bytes, in time that depends on the length alone. */
bool eg_equal_secret(eg_span a, eg_span b);

#endif
