/* SPDX-License-Identifier: Apache-2.0
 * A webhook: what the client sent, one object for each client request, owned by its root. What a
 * location wants of it is that location's configuration: whoever judges takes both. */
#ifndef EG_WEBHOOK_H
#define EG_WEBHOOK_H

#include "config/config.h"
#include "webhook/body.h"
#include "core/json.h"

typedef enum { EG_MEDIA_FORM, EG_MEDIA_JSON, EG_MEDIA_OTHER } eg_media;

/* What somebody found out about the signature, for which tokens and which public URL. */
typedef struct {
    eg_verdict verdict;
    const eg_store_entry *tokens; /* NULL: not verified yet */
    const eg_public_url *public_url;
    const eg_provider *provider;
    const eg_auth_token *fitted; /* whose signature it was; NULL unless it is valid */
    const char *advice;          /* what would have made it fit, or NULL */
    eg_ruling ruling;            /* as the provider gave it: how it was signed */
} eg_judgement;

typedef struct {
    request_rec *root;
    eg_span target;         /* raw */
    char *query_copy;       /* of the target's, decoded */
    eg_params query;        /* in that copy */
    eg_status query_status; /* what parsing it gave */
    bool has_origin;        /* false: Host is none */
    eg_origin origin;       /* of the request itself */
    bool is_handshake;      /* of a WebSocket */

    eg_media media; /* what Content-Type says, whether or not there is a body */
    bool is_compressed;
    eg_body *body;  /* raw, or decoded in place once form points into it */
    eg_params form; /* of the body, while somebody looks at it */
    eg_json *json;  /* NULL when it was a form or there was none */

    eg_judgement judgement;
} eg_webhook;

/* The one of this request, made on first use; nothing of the body is read yet. */
eg_webhook *eg_webhook_of(request_rec *r);

/* Everything behind the first question mark of the target; empty where there is none. */
eg_span eg_webhook_raw_query(const eg_webhook *hook);

/* The value of a parameter wherever it stands; an empty span with p NULL when it is nowhere. */
eg_span eg_webhook_get(const eg_webhook *hook, eg_span name);

/* Whether the body is a form that can be read as one. */
bool eg_webhook_is_form(const eg_webhook *hook);

/* Decodes n bytes in place into hook->form: EG_GOING_ON, EG_TOO_LARGE (too many parameters) or
 * EG_MALFORMED, also where the query is what it should not be. */
eg_outcome eg_webhook_parse_form(eg_webhook *hook, apr_pool_t *pool, char *bytes, apr_size_t n);

/* What parsing the query alone gave, as an outcome. */
eg_outcome eg_webhook_query_outcome(const eg_webhook *hook);

/* Sets ENCGATHER_CALL of r, where there is a good call id, as the policy's provider names it. */
void eg_webhook_note_call(request_rec *r, const eg_webhook *hook, const eg_config *policy);

/* The call's id; p NULL where there is no good one, or two. */
eg_span eg_webhook_call(const eg_webhook *hook, const eg_config *policy);

/* Another target from here on, whose raw query can be parsed; the string is not copied. */
void eg_webhook_retarget(eg_webhook *hook, const char *target);

/* Where the digits end. */
void eg_webhook_wipe(eg_webhook *hook);

#endif
