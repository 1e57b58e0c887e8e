/* SPDX-License-Identifier: Apache-2.0
 * What requests carry: each feature has a struct of its own, which only its own file knows. */
#ifndef EG_SLOTS_H
#define EG_SLOTS_H

#include <stdbool.h>
#include "base/module.h"

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

/* What few requests need, kept out of the function that all of them go through, so that this one saves no registers for it. */
#define EG_RARE __attribute__((noinline))

/* NULL where nobody has made it. Every request of the server asks this, so it is short. */
static inline void *eg_slot_if_any(const request_rec *r, eg_slot slot)
{
    void *const *slots = ap_get_module_config(r->request_config, &encgather_module);

    return slots ? slots[slot] : NULL;
}

void *eg_slot_make(request_rec *r, eg_slot slot, apr_size_t size);

/* Masking has looked at r, and there is nothing to keep of it: takes no memory. Its slot reads as zeros from then on,
 * so many bytes at most, until it is made. */
#define EG_SLOT_ZEROS 64
extern apr_uint64_t eg_slot_zeros[EG_SLOT_ZEROS / sizeof(apr_uint64_t)];

extern void *eg_clean_slots[EG_SLOTS];

/* Nobody has made a slot of r. */
static inline bool eg_slots_are_bare(const request_rec *r)
{
    void *const *slots = ap_get_module_config(r->request_config, &encgather_module);

    return !slots || slots == eg_clean_slots;
}

static inline bool eg_slots_are_clean(const request_rec *r)
{
    return eg_slot_if_any(r, EG_SLOT_MASKING) == eg_slot_zeros;
}

/* size bytes of the request's pool, made and zeroed on first use. */
static inline void *eg_slot_of(request_rec *r, eg_slot slot, apr_size_t size)
{
    void *at = eg_slot_if_any(r, slot);

    return at && at != eg_slot_zeros ? at : eg_slot_make(r, slot, size);
}

static inline void eg_slots_note_clean(request_rec *r)
{
    void **slots = ap_get_module_config(r->request_config, &encgather_module);

    if (!slots)
        ap_set_module_config(r->request_config, &encgather_module, eg_clean_slots);
    else if (!slots[EG_SLOT_MASKING])
        slots[EG_SLOT_MASKING] = eg_slot_zeros;
}

#endif
