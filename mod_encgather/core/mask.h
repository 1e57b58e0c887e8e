/* SPDX-License-Identifier: Apache-2.0
 * Masks secret parameters in request lines, query strings and Referers that are written down. */
#ifndef EG_MASK_H
#define EG_MASK_H

#include <apr_pools.h>
#include "bytes.h"

#define EG_MASK "*REDACTED*"

/* Names whose values are masked: those that are always known, and further ones behind them. These
 * are more than what eg_is_answer_name() knows, which is what this module itself reads. */
typedef struct {
    const eg_span *at;
    apr_size_t n;
    bool pairs[256]; /* in which two bytes such a name may end, where they are not escaped */
    bool has_short;  /* one of them has a single byte: then in any two */
} eg_secret_names;

extern const eg_secret_names eg_known_secrets;

/* A list with one more name, which is not empty; one that has what both have. Strings are not
 * copied. */
const eg_secret_names *eg_secret_names_add(apr_pool_t *pool, const eg_secret_names *names,
                                           eg_span name);
const eg_secret_names *eg_secret_names_join(apr_pool_t *pool, const eg_secret_names *names,
                                            const eg_secret_names *more);

/* The names of a list without those that are always known. */
const eg_secret_names *eg_secret_names_without_known(apr_pool_t *pool,
                                                     const eg_secret_names *names);

/* Whether a name, its percent-escapes undone, is one of them: in any case of letters, and with any
 * number of [...] behind it. */
bool eg_is_secret_name(const eg_secret_names *names, eg_span name);

/* Whether there may be such a name in text: false, and soon found, for most texts that have none. */
bool eg_may_have_secret(const eg_secret_names *names, const char *text);

/* text: anything with a query in it ("GET /x?a=b HTTP/1.1", a URL), or a query alone. Returns
 * text itself when there is nothing to mask, else a copy in pool in which the values of secret
 * names read EG_MASK. */
const char *eg_mask_text(apr_pool_t *pool, const eg_secret_names *names, const char *text);
const char *eg_mask_query(apr_pool_t *pool, const eg_secret_names *names, const char *query);

#endif
