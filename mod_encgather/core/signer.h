/* SPDX-License-Identifier: Apache-2.0
 * Who signed a webhook, and how: X-Twilio-Webhooks-Signature-Settings, by which SharedKeys are told. */
#ifndef EG_SIGNER_H
#define EG_SIGNER_H

#include "bytes.h"

typedef enum {
    EG_MAC_SHA1 = 0,
    EG_MAC_SHA256,
    EG_MAC_UNKNOWN /* fits nothing */
} eg_mac;

/* All zeros: an auth token signed, with HMAC-SHA1. */
typedef struct {
    bool is_shared; /* a SharedKey signed */
    bool is_broken; /* it is not said by whom, or twice: fits nothing */
    eg_mac mac;
    eg_span key; /* the name of the SharedKey; empty: none is named */
} eg_signer;

/* What the one settings header says: "key=NAME,algorithm=HMAC_SHA256", in any order, with blanks around
 * all of it. Points into header. */
eg_signer eg_signer_of(eg_span header);

#endif
