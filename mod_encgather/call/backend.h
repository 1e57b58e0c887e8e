/* SPDX-License-Identifier: Apache-2.0
 * The backend call: a sub-request of this server, its body fed in and its answer captured. */
#ifndef EG_BACKEND_H
#define EG_BACKEND_H

#include "watch/counters.h"
#include "core/json.h"

/* What came back, and what is made of it. */
typedef struct {
    int status;         /* of HTTP */
    eg_outcome outcome; /* EG_FOUND, EG_NOT_FOUND or EG_UNAVAILABLE */
    eg_backend_answer kind;
    eg_cause cause;     /* with EG_UNAVAILABLE */
    eg_json *json;      /* the answer, where it is a JSON object */
    eg_span twiml;      /* the answer with EG_FOUND, where it is TwiML; else p is NULL */
    const char *reason; /* for the error log, with EG_UNAVAILABLE; never data */
} eg_reply;

/* Posts a JSON object to the location's backend, as text or, where decrypt-gather of this server is
 * the backend, as it is. key: for Idempotency-Key. */
eg_reply eg_backend_call(request_rec *r, eg_json *json, const char *key);

void eg_backend_register_hooks(apr_pool_t *pool);

#endif
