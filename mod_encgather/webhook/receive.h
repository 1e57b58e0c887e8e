/* SPDX-License-Identifier: Apache-2.0
 * What comes before names, steps and tokens, in the order of the manual, for the handlers. */
#ifndef EG_RECEIVE_H
#define EG_RECEIVE_H

#include "webhook/webhook.h"

/* What a handler takes. */
typedef struct {
    bool get;       /* GET and HEAD of the first step too */
    bool json;      /* a JSON object as well as a form */
    bool signature; /* signed by Twilio, as EncGatherSignature says */
} eg_intake;

/* Reads and checks the webhook of r; EG_GOING_ON when all is well. What fails is answered with
 * eg_answer_error(). */
eg_outcome eg_receive(request_rec *r, const eg_intake *intake, eg_webhook *hook);

/* For a call in process: the object that would have come as a body. */
eg_outcome eg_receive_in_process(request_rec *r, eg_json *json, eg_webhook *hook);

/* Says so in the log, and returns EG_MISCONFIGURED. */
eg_outcome eg_misconfigured(request_rec *r, const char *why);

/* What a location with a shield needs and does not have, in words for eg_misconfigured(); NULL: it has all. */
const char *eg_shield_lacks(apr_pool_t *pool, const eg_config *policy);

/* The same for a location that opens tokens. */
const char *eg_opening_lacks(apr_pool_t *pool, const eg_config *policy);

/* Where a handler of ours is set and the directive is not that enables it: 404, and at most one line a
 * second says so. Returns what a handler returns. */
int eg_refuse_disabled(request_rec *r, const char *handler, const char *directive);

#endif
