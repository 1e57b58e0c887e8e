/* SPDX-License-Identifier: Apache-2.0
 * Who makes the digests of this server. */
#ifndef EG_DIGESTWORDS_H
#define EG_DIGESTWORDS_H

#include <apr_pools.h>

/* "OpenSSL's own functions", or which provider; of this child. */
const char *eg_digest_words(apr_pool_t *pool);

/* The same as a JSON object; null where OpenSSL lacks what is needed. */
const char *eg_digest_json(apr_pool_t *pool);

#endif
