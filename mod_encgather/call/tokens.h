/* SPDX-License-Identifier: Apache-2.0
 * Tokens on their way through a call: those that come with the URL, and the one that is made. */
#ifndef EG_TOKENS_H
#define EG_TOKENS_H

#include "webhook/webhook.h"

/* Whether the token of a field, as it came with the URL, may be carried on; says in the log which rule it
 * breaks. call: of eg_webhook_call(). */
bool eg_tokens_carry(request_rec *r, eg_span call, const eg_field *field, eg_span token);

/* Whether one is made that has to be bound to a call. */
bool eg_tokens_bind(const request_rec *r);
/* Whether tokens that are made or read here may be. */
bool eg_tokens_may_bind(const request_rec *r);

/* What was keyed in for a field, of the token that came with the URL, in the pool of r; it may be of any age. The location
 * has a key file. false: the token does not open, or is of another call. */
bool eg_tokens_open(request_rec *r, eg_span call, const eg_field *field, eg_span token,
                    eg_span *plain);

/* Seals what the caller answered, in the pool of r; counts it. EG_ECRYPTO: OpenSSL failed, or the key
 * is not there. */
eg_status eg_tokens_seal(request_rec *r, eg_span call, const eg_field *field, eg_span answer,
                         eg_span *token) EG_MUST_CHECK;

#endif
