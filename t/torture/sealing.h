/* SPDX-License-Identifier: Apache-2.0
 * Scenarios of jwe tokens and of pairs of keys. */
#ifndef SEALING_H
#define SEALING_H

#include "core/crypto.h"

int load_recipients(eg_crypto *crypto, apr_pool_t *pool);
int tell_pairs(eg_crypto *crypto, apr_pool_t *pool);
int load_private_keys(eg_crypto *crypto, apr_pool_t *pool);
int open_for_p256(eg_crypto *crypto, apr_pool_t *pool);
int open_for_x25519(eg_crypto *crypto, apr_pool_t *pool);
int open_for_rsa(eg_crypto *crypto, apr_pool_t *pool);
int open_direct(eg_crypto *crypto, apr_pool_t *pool);
int seal_for_p256(eg_crypto *crypto, apr_pool_t *pool);
int seal_for_x25519(eg_crypto *crypto, apr_pool_t *pool);
int seal_for_rsa(eg_crypto *crypto, apr_pool_t *pool);
int seal_direct(eg_crypto *crypto, apr_pool_t *pool);

#endif
