/* SPDX-License-Identifier: Apache-2.0
 * EncGatherShield: an application that exists already gets tokens in the place of digits. */
#ifndef EG_SHIELD_H
#define EG_SHIELD_H

#include <apr_pools.h>

void eg_shield_register_hooks(void);

#endif
