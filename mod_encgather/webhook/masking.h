/* SPDX-License-Identifier: Apache-2.0
 * Keeps what callers keyed in or said, in a query string or a Referer, out of everything that httpd
 * writes down. */
#ifndef EG_MASKING_H
#define EG_MASKING_H

#include <apr_tables.h>
#include <httpd.h>
#include "core/bytes.h"

/* Path and query exactly as the first request line of this chain of redirects had them, masked or
 * not. Lives as long as the request. */
eg_span eg_raw_target(request_rec *r);

/* Another query for one request of a chain. */
typedef struct {
    eg_span sent, sent_instead; /* of the client's target */
    eg_span args, args_instead; /* of r->args, which rules may have put together */
    apr_array_header_t *gone;   /* of eg_span: the texts that were in their place, to be wiped */
} eg_requery;

/* Wherever r shows its query: the request line, its target, what a proxy was told of it. What stays is the same
 * pointer. Strings with a NUL behind them; gone is appended to. */
void eg_masking_requery(request_rec *r, const eg_requery *query);

/* Where a location with a shield may lead, modules log at debug at most; from here on as they are told. */
void eg_masking_unhush(request_rec *r);

/* r has been read; it may have come to a location of ours; it is about to be logged. */
void eg_masking_begin(request_rec *r);
void eg_masking_again(request_rec *r);
void eg_masking_end(request_rec *r);

void eg_masking_register_hooks(void);

#endif
