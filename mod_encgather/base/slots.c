/* SPDX-License-Identifier: Apache-2.0
 * What requests carry: a slot for each feature. */
#include "base/slots.h"

#include <http_config.h>
#include "base/module.h"

void *eg_slot_if_any(const request_rec *r, eg_slot slot)
{
    void *const *slots = ap_get_module_config(r->request_config, &encgather_module);

    return slots ? slots[slot] : NULL;
}

void *eg_slot_of(request_rec *r, eg_slot slot, apr_size_t size)
{
    void **slots = ap_get_module_config(r->request_config, &encgather_module);

    if (!slots) {
        slots = apr_pcalloc(r->pool, EG_SLOTS * sizeof *slots);
        ap_set_module_config(r->request_config, &encgather_module, slots);
    }
    if (!slots[slot])
        slots[slot] = apr_pcalloc(r->pool, size);
    return slots[slot];
}
