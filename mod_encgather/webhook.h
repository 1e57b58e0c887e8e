/* SPDX-License-Identifier: Apache-2.0
 * Reads a webhook once: body into one buffer that is wiped, parameters, signature. */
#ifndef EG_WEBHOOK_H
#define EG_WEBHOOK_H

#include "encgather.h"
#include "core/json.h"

/* What a handler or the authorization provider takes. */
typedef struct {
    bool get;       /* GET and HEAD of the first step too */
    bool json;      /* a JSON object as well as a form */
    bool signature; /* signed by Twilio, as EncGatherSignature says */
} eg_intake;

struct eg_webhook {
    eg_span target;   /* raw */
    eg_origin origin; /* of EncGatherPublicURL or of the request */
    eg_params query;
    eg_params form; /* of the body */
    eg_json *json;  /* of the body, NULL when it was a form or there was none */
    eg_verdict verdict;
    char *body; /* decoded in place; wiped by eg_webhook_wipe() and with the request's pool */
    apr_size_t body_size;
    apr_size_t body_length;
};

/* Reads and checks everything that comes before names, steps and tokens, in the order of the
 * manual; EG_GOING_ON when all is well. A failure is ready to be answered with eg_answer_error().
 * *passed_on is set when httpd has already answered what it found wrong in the body: the handler
 * returns it. */
eg_outcome eg_webhook_receive(request_rec *r, const eg_intake *intake, eg_webhook **hook,
                              int *passed_on);

/* The value of a parameter wherever it stands; an empty span with p NULL when it is nowhere. */
eg_span eg_webhook_get(const eg_webhook *hook, eg_span name);

/* Where the digits end. */
void eg_webhook_wipe(eg_webhook *hook);

/* Reads what is left of a body and wipes it, if no more than the limit was announced; otherwise
 * the connection closes after the answer. Returns OK, or what the handler has to return because
 * httpd has answered. */
int eg_body_drain(request_rec *r);

#endif
