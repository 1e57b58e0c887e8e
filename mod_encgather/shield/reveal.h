/* SPDX-License-Identifier: Apache-2.0
 * EncGatherReveal: a trusted application gets values in the place of tokens. */
#ifndef EG_REVEAL_H
#define EG_REVEAL_H

#include <apr_pools.h>

void eg_reveal_register_hooks(void);

#endif
