/* SPDX-License-Identifier: Apache-2.0
 * Opens the tokens of a request: all of one call, each of its field. */
#ifndef EG_OPENING_H
#define EG_OPENING_H

#include "lookup/singleuse.h"
#include "webhook/webhook.h"

/* What is asked of the tokens of one request. */
typedef struct {
    request_rec *r;
    const eg_config *config;
    eg_opening with;
    eg_span call; /* what the first bound token said, or the request; p NULL: nothing yet */
    eg_uses uses;
} eg_unsealing;

/* With the keys and formats of that location. */
void eg_unsealing_prepare(request_rec *r, const eg_config *config, eg_unsealing *all);

/* Whether tokens may come that are bound to a call. */
bool eg_unsealing_binds(const eg_unsealing *all);

/* What the request says the call is: under CallSid, and under CallUUID; p NULL: nothing. */
void eg_unsealing_of_call(eg_unsealing *all, eg_span sid, eg_span uuid);

/* Where it says it twice, or not as a string. Logs, and returns EG_MALFORMED. */
eg_outcome eg_unsealing_refuse_call(request_rec *r);

/* Prepares, and reads the call's id where the request says it. Where tokens can be bound, an id that is no
 * string, or is there twice, is EG_MALFORMED. */
eg_outcome eg_unsealing_begin(request_rec *r, const eg_config *config, const eg_webhook *hook,
                              eg_unsealing *all);

/* Fields, their tokens, and what those say once they are open. */
typedef struct {
    unsigned n;
    const char *const *fields;
    const eg_span *tokens; /* p NULL: there is none, and its plain stays as it is */
    eg_span *plain;
} eg_sealed_fields;

/* Opens the tokens in the pool of the request, wiped with it. EG_BAD_TOKEN, with the rule that the first bad one breaks in the
 * log, or EG_MISCONFIGURED where OpenSSL failed. */
eg_outcome eg_unseal(eg_unsealing *all, const eg_sealed_fields *list);

/* When all tokens of the request are open and fit: whether they were used before, and they are now. EG_BAD_TOKEN with its line in
 * the log, or EG_UNAVAILABLE. */
eg_outcome eg_unsealing_spend(const eg_unsealing *all);

/* Where an authentic one is none for another reason. Logs the fault, and returns EG_BAD_TOKEN. */
eg_outcome eg_unseal_refuse(const eg_unsealing *all, const char *field, const char *fault);

#endif
