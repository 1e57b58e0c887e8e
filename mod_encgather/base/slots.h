/* SPDX-License-Identifier: Apache-2.0
 * What requests carry: each feature has a struct of its own, which only its own file knows. */
#ifndef EG_SLOTS_H
#define EG_SLOTS_H

#include <httpd.h>

typedef enum {
    EG_SLOT_CHAIN,    /* base/chain.c */
    EG_SLOT_RECORD,   /* watch/record.c */
    EG_SLOT_MASKING,  /* webhook/masking.c */
    EG_SLOT_HANDLER,  /* webhook/handler.c */
    EG_SLOT_BODY,     /* webhook/body.c */
    EG_SLOT_WEBHOOK,  /* webhook/webhook.c */
    EG_SLOT_REFUSAL,  /* webhook/access.c */
    EG_SLOT_EXCHANGE, /* webhook/exchange.c */
    EG_SLOT_BACKEND,  /* call/backend.c */
    EG_SLOT_SHIELD,   /* shield/shield.c */
    EG_SLOT_REVEAL,   /* shield/reveal.c */
    EG_SLOTS
} eg_slot;

/* NULL where nobody has made it. */
void *eg_slot_if_any(const request_rec *r, eg_slot slot);

/* size bytes of the request's pool, made and zeroed on first use. */
void *eg_slot_of(request_rec *r, eg_slot slot, apr_size_t size);

#endif
