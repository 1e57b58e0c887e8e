/* SPDX-License-Identifier: Apache-2.0
 * What requests carry: a slot for each feature. */
#include "base/slots.h"

/* As much as any feature may read of what is not there; nobody writes to it. */
apr_uint64_t eg_slot_zeros[EG_SLOT_ZEROS / sizeof(apr_uint64_t)];

#define CLEAN ((void *)eg_slot_zeros)

/* Of all requests of which nothing more is known; nobody writes to it. */
void *eg_clean_slots[EG_SLOTS] = {[EG_SLOT_MASKING] = CLEAN};

static void **own_slots(request_rec *r)
{
    void **slots = ap_get_module_config(r->request_config, &encgather_module);
    bool is_shared = slots == eg_clean_slots;

    if (slots && !is_shared)
        return slots;
    slots = apr_pcalloc(r->pool, EG_SLOTS * sizeof *slots);
    if (is_shared)
        slots[EG_SLOT_MASKING] = CLEAN;
    ap_set_module_config(r->request_config, &encgather_module, slots);
    return slots;
}

void *eg_slot_make(request_rec *r, eg_slot slot, apr_size_t size)
{
    void **slots = own_slots(r);

    return slots[slot] = apr_pcalloc(r->pool, size);
}
