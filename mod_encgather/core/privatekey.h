/* SPDX-License-Identifier: Apache-2.0
 * Files of private keys: PKCS#8 PEM, P-256, X25519 or RSA. */
#ifndef EG_PRIVATEKEY_H
#define EG_PRIVATEKEY_H

#include "envelope.h"
#include "problem.h"

#define EG_PRIVATE_KEY_FILE_MAX 16384 /* bytes */

/* Reads the content of such a file, once the rules of a key file were kept (secretfile.h). On EG_OK
 * the key lives as long as pool, and kid is empty: the caller names it. On EG_EMALFORMED why says
 * what is wrong and how to put it right, without a byte of the content. No copy of a number stays but in the key. */
eg_status eg_private_key_parse(eg_crypto *crypto, apr_pool_t *pool, eg_span content,
                               eg_envelope_key *key, eg_problem *why) EG_MUST_CHECK;

#endif
