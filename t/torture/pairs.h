/* SPDX-License-Identifier: Apache-2.0
 * Pairs of keys for the scenarios: files, tokens that are sealed for them, and what of them has to be gone. */
#ifndef PAIRS_H
#define PAIRS_H

#include "core/format.h"

#define PAIR_CALL EG_LIT("CA7edb360f06acaef2cc80dba16cf563f1")
#define PAIR_FIELD EG_LIT("encryptedPinDigits")

/* In the process that makes secrets. */
bool pairs_begin(const char *directory, eg_crypto *crypto, apr_pool_t *pool);
void pairs_end(void);

/* The halves out of their files, by the core; nothing of it fails on purpose. NULL: it did not work. */
const eg_envelope_key *pair_public(apr_pool_t *pool, eg_key_kind kind);
const eg_envelope_keys *pair_private(apr_pool_t *pool, eg_key_kind kind);

/* The same while calls fail. */
bool read_public_half(eg_crypto *crypto, apr_pool_t *pool, eg_key_kind kind, eg_envelope_key *key);
bool read_private_half(eg_crypto *crypto, apr_pool_t *pool, eg_key_kind kind, eg_envelope_key *key);

#endif
