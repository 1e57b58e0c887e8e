/* SPDX-License-Identifier: Apache-2.0
 * Keeps Digits and SpeechResult of a query string out of everything that httpd writes down. */
#ifndef EG_REDACT_H
#define EG_REDACT_H

#include <apr_pools.h>

void eg_redact_register_hooks(apr_pool_t *pool);

#endif
