/* SPDX-License-Identifier: Apache-2.0
 * Files of recipients: a PEM PUBLIC KEY, a certificate or a JWK; P-256, X25519 or RSA. */
#ifndef EG_RECIPIENT_H
#define EG_RECIPIENT_H

#include "envelope.h"
#include "problem.h"

#define EG_RECIPIENT_FILE_MAX 16384 /* bytes */

/* Reads the content of such a file for the key that is to be called kid. On EG_OK the key lives as
 * long as pool; *expired says that it came in a certificate whose time is over: worth a warning. On
 * EG_EMALFORMED why says what is wrong and how to put it right. */
eg_status eg_recipient_parse(eg_crypto *crypto, apr_pool_t *pool, eg_span content, eg_span kid,
                             eg_envelope_key *key, bool *expired, eg_problem *why) EG_MUST_CHECK;

#endif
