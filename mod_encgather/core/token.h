/* SPDX-License-Identifier: Apache-2.0
 * The hex token: nonce || ciphertext || tag of AES-256-GCM in hexadecimal digits. */
#ifndef EG_TOKEN_H
#define EG_TOKEN_H

#include "keyring.h"

/* The number of characters of the token for a plaintext of n bytes, without a NUL. */
#define EG_TOKEN_LENGTH(n) (2 * ((n) + EG_SEAL_OVERHEAD))

/* Whether these characters could be a token, whatever the key. */
bool eg_token_has_form(eg_span token);

/* Seals under the first key. out has EG_TOKEN_LENGTH(plain.n) + 1 bytes, lower-case digits. */
eg_status eg_token_seal(eg_crypto *crypto, const eg_keyring *ring, eg_span plain,
                        char *out) EG_MUST_CHECK;

/* Whether the n-th encryption under one key is one to warn at: 2^31 and then every 2^28, NIST
 * SP 800-38D (8.3) allows 2^32 with random nonces. */
bool eg_key_use_alarms(apr_uint64_t n);

/* Tries every key, the first one first; *which is the key that opened it. The plaintext is made in
 * pool, NUL-terminated for the database's sake (its length counts: it may hold NULs), and wiped
 * when the pool goes. EG_ETOKEN for everything that no key opens, whatever the cause; EG_ECRYPTO
 * when OpenSSL failed, which says nothing about the token. */
eg_status eg_token_open(eg_crypto *crypto, const eg_keyring *ring, eg_span token, apr_pool_t *pool,
                        eg_span *plain, apr_size_t *which) EG_MUST_CHECK;

#endif
