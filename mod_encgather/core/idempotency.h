/* SPDX-License-Identifier: Apache-2.0
 * Idempotency-Key: the same for a step that is delivered twice, and saying nothing about its digits. */
#ifndef EG_IDEMPOTENCY_H
#define EG_IDEMPOTENCY_H

#include "crypto.h"

#define EG_IDEMPOTENCY_LENGTH (2 * EG_SHA256_SIZE) /* hexadecimal digits */

/* What a delivery is told by: no NUL in any of it. */
typedef struct {
    eg_span call;
    eg_span target; /* of the request, raw */
    eg_span input;  /* what was keyed in or said */
} eg_delivery;

/* HMAC over all three under a derived key (that of a keyring, or of the function below), by SHA-256. out
 * is a string. */
eg_status eg_idempotency_key(eg_crypto *crypto, const eg_hmac_key *derived,
                             const eg_delivery *delivery,
                             char out[EG_IDEMPOTENCY_LENGTH + 1]) EG_MUST_CHECK;

/* The key that belongs to an auth token, so that the token itself is used for nothing but signatures.
 * The caller wipes it. */
eg_status eg_idempotency_derive(eg_crypto *crypto, eg_span token,
                                unsigned char derived[EG_SHA256_SIZE]) EG_MUST_CHECK;

/* One that nobody else has, where there is no key. */
eg_status eg_idempotency_random(eg_crypto *crypto,
                                char out[EG_IDEMPOTENCY_LENGTH + 1]) EG_MUST_CHECK;

#endif
