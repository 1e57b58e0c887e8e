/* SPDX-License-Identifier: Apache-2.0
 * The Idempotency-Key of a backend call. */
#ifndef EG_IDEMPOTENCY_CALL_H
#define EG_IDEMPOTENCY_CALL_H

#include "webhook/webhook.h"

/* In r's pool, from the last step's webhook and what was keyed in. NULL: OpenSSL failed, and without
 * a key the backend could do the same thing twice. */
const char *eg_idempotency_of(request_rec *r, const eg_webhook *hook, eg_span input);

#endif
