/* SPDX-License-Identifier: Apache-2.0
 * Opens the tokens of a request: all of one call, each of its field. */
#ifndef EG_OPENING_H
#define EG_OPENING_H

#include "webhook/webhook.h"

/* What is asked of the tokens of one request. */
typedef struct {
    request_rec *r;
    eg_opening with;
    eg_span call; /* what the first bound token said, or the request; p NULL: nothing yet */
} eg_unsealing;

/* Reads the call's id where the request says it. Where tokens can be bound, an id that is no string, or
 * is there twice, is EG_MALFORMED. */
eg_outcome eg_unsealing_begin(request_rec *r, const eg_webhook *hook, eg_unsealing *all);

/* Opens the token of the field in the pool of the request, wiped with it. EG_BAD_TOKEN, with the rule in
 * the log, or EG_MISCONFIGURED where OpenSSL failed. */
eg_outcome eg_unseal(eg_unsealing *all, const char *field, eg_span token, eg_span *plain);

#endif
