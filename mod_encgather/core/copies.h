/* SPDX-License-Identifier: Apache-2.0
 * A parameter in any text that somebody has copied it to. */
#ifndef EG_COPIES_H
#define EG_COPIES_H

#include <apr_pools.h>
#include "bytes.h"

/* One parameter, name and value decoded, and the encoded text that is to be its value. */
typedef struct {
    eg_span name;
    eg_span value;
    eg_span instead;
} eg_copied;

/* text with each name=value of the n at all, however its bytes are escaped, as name=instead; text itself where there
 * is none. A name or a value that goes on in the text is another one. NULL is NULL. */
const char *eg_copies_exchange(apr_pool_t *pool, const char *text, const eg_copied *all,
                               apr_size_t n);

#endif
