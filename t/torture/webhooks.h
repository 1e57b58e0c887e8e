/* SPDX-License-Identifier: Apache-2.0
 * Scenarios of providers whose signatures are made another way than Twilio's. */
#ifndef WEBHOOKS_H
#define WEBHOOKS_H

#include <apr_pools.h>
#include "core/crypto.h"

int sign_by_telnyx(eg_crypto *crypto, apr_pool_t *pool);
int verify_of_telnyx(eg_crypto *crypto, apr_pool_t *pool);
int verify_forged_of_telnyx(eg_crypto *crypto, apr_pool_t *pool);
int verify_of_plivo(eg_crypto *crypto, apr_pool_t *pool);
int bind_action(eg_crypto *crypto, apr_pool_t *pool);

#endif
