/* SPDX-License-Identifier: Apache-2.0
 * Keeps what callers keyed in or said, in a query string or a Referer, out of everything that httpd
 * writes down. */
#ifndef EG_MASKING_H
#define EG_MASKING_H

#include <httpd.h>
#include "core/bytes.h"

/* Path and query exactly as the first request line of this chain of redirects had them, masked or
 * not. Lives as long as the request. */
eg_span eg_raw_target(request_rec *r);

void eg_masking_register_hooks(apr_pool_t *pool);

#endif
