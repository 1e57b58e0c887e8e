/* SPDX-License-Identifier: Apache-2.0
 * OpenSSL's keys out of their numbers. Its own readers of files leave copies of a private key in freed
 * memory; what is here leaves none. */
#ifndef EG_KEYMATERIAL_H
#define EG_KEYMATERIAL_H

#include <apr_pools.h>
#include "bytes.h"

#define EG_RSA_NUMBERS 8 /* n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p */

/* All numbers are unsigned, the most significant byte first. NULL: OpenSSL takes them for no key, or
 * failed. The caller frees the key, which wipes it; pool is used on the way, and wiped. */

/* point: 04 || x || y, or nothing; scalar: the private half, or nothing. */
struct evp_pkey_st *eg_pkey_of_p256(apr_pool_t *pool, eg_span point, eg_span scalar) EG_MUST_CHECK;

/* The first count numbers: two of them are a public key. */
struct evp_pkey_st *eg_pkey_of_rsa(apr_pool_t *pool, const eg_span numbers[EG_RSA_NUMBERS],
                                   unsigned count) EG_MUST_CHECK;

#endif
