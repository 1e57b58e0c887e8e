/* SPDX-License-Identifier: Apache-2.0
 * Require twilio-signature: any location only for requests that Twilio signed. */
#ifndef EG_ACCESS_H
#define EG_ACCESS_H

#include <apr_pools.h>

void eg_access_register_hooks(apr_pool_t *pool);

#endif
