/* SPDX-License-Identifier: Apache-2.0
 * What each child has of its own. */
#include "base/module.h"

APLOG_USE_MODULE(encgather);

static eg_crypto *crypto;

eg_crypto *eg_the_crypto(void)
{
    return crypto;
}

void eg_child_begin(apr_pool_t *pchild, server_rec *s)
{
    crypto = eg_crypto_create(pchild);
    if (!crypto)
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                     EG_TAG("0111") "OpenSSL does not offer AES-256-GCM, HMAC or SHA-256: every "
                                    "request is answered 500");
}
