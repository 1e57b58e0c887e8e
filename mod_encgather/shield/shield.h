/* SPDX-License-Identifier: Apache-2.0
 * EncGatherShield: an application that exists already gets tokens in the place of digits. */
#ifndef EG_SHIELD_H
#define EG_SHIELD_H

#include <stdbool.h>
#include <httpd.h>

/* Whether the request that r belongs to went through a location with a shield. */
bool eg_shield_was_met(request_rec *r);

void eg_shield_register_hooks(void);

#endif
