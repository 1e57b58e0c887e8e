/* SPDX-License-Identifier: Apache-2.0
 * Who signed a webhook: judged by the tokens and the public URL of the location that asks. */
#ifndef EG_VERIFY_H
#define EG_VERIFY_H

#include "webhook/webhook.h"

/* Of the raw body, which has to be looked at before a form is decoded in its place. */
typedef struct {
    eg_span raw; /* the body itself, or a copy that outlives the decoding */
    bool is_copy;
    bool claimed; /* the query has a bodySHA256 */
    bool known;   /* false although claimed: OpenSSL failed */
    unsigned char hash[EG_SHA256_SIZE];
} eg_body_hash;

eg_body_hash eg_verify_hash_body(const eg_webhook *hook);

/* Copies the body for a provider that signs it as it was received; the copy is wiped with the pool at the
 * latest. */
void eg_verify_keep_raw(apr_pool_t *pool, const eg_webhook *hook, eg_body_hash *hash);
void eg_verify_forget_raw(eg_body_hash *hash);

/* Whether the location has tokens that can be used. */
bool eg_verify_has_tokens(const eg_config *policy);

/* The origin that Twilio called, as this location sees it; NULL: Host is none. */
const eg_origin *eg_verify_origin(const eg_webhook *hook, const eg_config *policy);

/* Verifies the signature of hook, whose form is parsed and whose body is hash's; r is the request
 * in whose name it is logged. EG_GOING_ON, EG_FORBIDDEN, EG_MALFORMED (Host is none) or, where
 * OpenSSL failed (logged), EG_MISCONFIGURED. The policy has usable tokens. */
eg_outcome eg_verify(request_rec *r, eg_webhook *hook, const eg_config *policy,
                     const eg_body_hash *hash);

/* The same as EncGatherSignature says: EG_GOING_ON also where it is observed or off; what is refused is logged. */
eg_outcome eg_verify_caller(request_rec *r, eg_webhook *hook, const eg_config *policy,
                            const eg_body_hash *hash);

/* Whether what is changed of a webhook is to be signed anew: EncGatherResign on, and it was valid by this
 * policy. */
bool eg_verify_may_resign(const eg_webhook *hook, const eg_config *policy);

/* Signs hook as it is now (target, query, form, body), with headers that are still those that came, in the way
 * in which they fitted. */
eg_status eg_verify_resign(const eg_webhook *hook, const eg_config *policy,
                           eg_provider_headers *out) EG_MUST_CHECK;

/* What is wrong with the signature, in words for the error log. */
/* Notes why, for eg_note_failure(), beside the line with that tag. */
void eg_verify_note(request_rec *r, const eg_webhook *hook, unsigned tag, const char *complaint);

const char *eg_verify_complaint(const eg_webhook *hook, apr_pool_t *pool);

#endif
