/* SPDX-License-Identifier: Apache-2.0
 * Scenarios of webhooks of every provider. */
#ifndef WEBHOOKS_H
#define WEBHOOKS_H

#include "core/crypto.h"

int sign_webhooks(eg_crypto *crypto, apr_pool_t *pool);
int judge_webhooks(eg_crypto *crypto, apr_pool_t *pool);
int judge_forged_webhooks(eg_crypto *crypto, apr_pool_t *pool);
int bind_a_url(eg_crypto *crypto, apr_pool_t *pool);

#endif
