/* SPDX-License-Identifier: Apache-2.0
 * Which store the configuration wants, and whether anything needs it. */
#ifndef EG_WANTED_H
#define EG_WANTED_H

#include "config/config.h"
#include "core/statespec.h"

typedef struct {
    eg_state_spec spec;
    const char *word;               /* the provider, as written */
    const eg_store_entry *key;      /* NULL: no key-file= */
    const eg_store_entry *password; /* NULL: no password-file= */
    unsigned needed;                /* EG_STATE_FOR_... */
} eg_state_wanted;

/* Starts anew with the defaults, for one reading of the configuration. */
void eg_state_reset_wanted(void);

/* What it is by now; never NULL. */
const eg_state_wanted *eg_state_wanted_now(void);

#endif
