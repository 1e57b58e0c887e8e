/* SPDX-License-Identifier: Apache-2.0
 * A webhook read once: target, parameters, signature; shared by the handlers and Require. */
#ifndef EG_WEBHOOK_H
#define EG_WEBHOOK_H

#include "body.h"
#include "core/json.h"

/* What a handler takes. */
typedef struct {
    bool get;       /* GET and HEAD of the first step too */
    bool json;      /* a JSON object as well as a form */
    bool signature; /* signed by Twilio, as EncGatherSignature says */
} eg_intake;

/* Belongs to the request that the client sent (eg_root_of). */
struct eg_webhook {
    eg_span target;         /* raw */
    eg_params query;        /* decoded copy of the target's */
    eg_status query_status; /* what parsing it gave */
    eg_origin origin;       /* of EncGatherPublicURL or of the request */

    eg_body body; /* raw, or decoded in place once form points into it */
    bool was_read;
    eg_outcome read_outcome;
    eg_params form;
    eg_json *json; /* NULL when it was a form or there was none */

    eg_verdict verdict;           /* as of these two: */
    const eg_store_entry *tokens; /* NULL: not verified yet */
    const eg_public_url *public_url;
    const eg_auth_token *fitted; /* whose signature it was; NULL unless it is valid */
    const char *advice;          /* what would have made it fit, or NULL */
};

/* The one of this request, made on first use; nothing of the body is read yet. */
eg_webhook *eg_webhook_of(request_rec *r);

/* Reads and checks everything that comes before names, steps and tokens, in the order of the
 * manual; EG_GOING_ON when all is well. What fails is answered with eg_answer_error(). */
eg_outcome eg_webhook_receive(request_rec *r, const eg_intake *intake, eg_webhook *hook);

/* For a call in process: the object that would have come as a body. */
eg_outcome eg_webhook_take(request_rec *r, eg_json *json, eg_webhook *hook);

/* For "Require": reads the body and verifies the signature; the body stays as it was received.
 * EG_GOING_ON, EG_FORBIDDEN, EG_TOO_LARGE, EG_MALFORMED or, where OpenSSL failed (logged),
 * EG_MISCONFIGURED. The location has a usable token file. */
eg_outcome eg_webhook_examine(request_rec *r, eg_webhook *hook);

/* What is wrong with the signature, in words for the error log. */
const char *eg_webhook_complaint(const request_rec *r, const eg_webhook *hook);

/* The value of a parameter wherever it stands; an empty span with p NULL when it is nowhere. */
eg_span eg_webhook_get(const eg_webhook *hook, eg_span name);

/* Where the digits end. */
void eg_webhook_wipe(eg_webhook *hook);

#endif
