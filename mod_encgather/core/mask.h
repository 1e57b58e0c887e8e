/* SPDX-License-Identifier: Apache-2.0
 * Masks secret parameters in request lines, query strings and Referers that are written down. */
#ifndef EG_MASK_H
#define EG_MASK_H

#include <apr_pools.h>
#include "bytes.h"

#define EG_MASK "*REDACTED*"

/* The two parameters that hold what a caller keyed in or said. */
bool eg_is_secret_name(eg_span name);

/* text: anything with a query in it ("GET /x?a=b HTTP/1.1", a URL), or a query alone. Returns
 * text itself when there is nothing to mask, else a copy in pool in which the values of Digits and
 * SpeechResult read EG_MASK. Percent-escapes in names are undone for the comparison. */
const char *eg_mask_text(apr_pool_t *pool, const char *text);
const char *eg_mask_query(apr_pool_t *pool, const char *query);

#endif
