/* SPDX-License-Identifier: Apache-2.0
 * "sig" in the URLs that a provider does not sign: binds a step and its tokens to the call. */
#ifndef EG_ACTIONSIG_H
#define EG_ACTIONSIG_H

#include "keyring.h"

#define EG_ACTION_SIG "sig"
#define EG_ACTION_SIG_LENGTH 43 /* base64url of 32 bytes, without padding */

/* What it is over. */
typedef struct {
    eg_span provider; /* its name */
    eg_span call;
    eg_span path;  /* as the request line has it */
    eg_span query; /* what stands in front of "&sig=" */
} eg_action;

/* Under the first key. out has EG_ACTION_SIG_LENGTH + 1 bytes. */
eg_status eg_action_sign(eg_crypto *crypto, const eg_keyring *ring, const eg_action *action,
                         char out[EG_ACTION_SIG_LENGTH + 1]) EG_MUST_CHECK;

/* Tries all keys, in constant time. EG_ETOKEN: none made it; EG_ECRYPTO says nothing about it. */
eg_status eg_action_check(eg_crypto *crypto, const eg_keyring *ring, const eg_action *action,
                          eg_span sig) EG_MUST_CHECK;

/* Takes "&sig=..." off the end of a raw query. False: it is not there, or not the last parameter; rest is
 * the whole query then. */
bool eg_action_split(eg_span query, eg_span *rest, eg_span *sig);

#endif
