/* SPDX-License-Identifier: Apache-2.0
 * One value of a webhook becomes a token, as a location says; counted. */
#ifndef EG_SEAL_H
#define EG_SEAL_H

#include "config/config.h"

/* To whom, and what it is bound to. */
typedef struct {
    const eg_config *config;
    const eg_store_entry *to; /* a recipient; NULL: under the key file */
    eg_span call, fld;        /* asked for where the format binds */
} eg_seal_order;

/* Whether tokens are made there that have to be bound to a call. */
bool eg_seal_binds(const eg_config *config);

/* The token is in the pool of r, in whose name it is logged that a key was used too often. EG_ETOOMANY: the
 * value is too long for a token; EG_ECRYPTO: OpenSSL failed, or the key is not there. */
eg_status eg_seal_value(request_rec *r, const eg_seal_order *order, eg_span value,
                        eg_span *token) EG_MUST_CHECK;

#endif
