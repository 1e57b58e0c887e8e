/* SPDX-License-Identifier: Apache-2.0
 * Which requests a shield lets on, before anything of them is replaced. */
#ifndef EG_ADMIT_H
#define EG_ADMIT_H

#include "webhook/webhook.h"

/* A request that comes to a shield. The body stays as it was received; what is decoded of it is in copy. */
typedef struct {
    request_rec *r;      /* whose location has the shield */
    request_rec *logged; /* in whose name it is logged and counted */
    const eg_config *policy;
    eg_webhook *hook;
    char *copy; /* of eg_wiped_alloc(); NULL: none */
} eg_guarded;

/* In the order of the manual: method, media type, size, form, configuration, signature. EG_GOING_ON, and the
 * form of the body is in hook->form until eg_guarded_forget(). */
eg_outcome eg_admit(eg_guarded *g);

/* Wipes the copy. */
void eg_guarded_forget(eg_guarded *g);

#endif
