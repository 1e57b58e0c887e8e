/* SPDX-License-Identifier: Apache-2.0
 * Who makes the digests of this server. */
#include "watch/digestwords.h"

#include <apr_strings.h>
#include "base/module.h"
#include "core/crypto.h"
#include "core/jsonline.h"

const char *eg_digest_words(apr_pool_t *pool)
{
    const eg_crypto *crypto = eg_the_crypto();

    if (!crypto)
        return "nobody: OpenSSL lacks what is needed (EG0111)";
    if (!eg_crypto_uses_provider(crypto))
        return "OpenSSL's own functions";
    return apr_pstrcat(pool, "OpenSSL's provider ", eg_crypto_provider(crypto), NULL);
}

const char *eg_digest_json(apr_pool_t *pool)
{
    const eg_crypto *crypto = eg_the_crypto();

    if (!crypto)
        return "null";
    return apr_pstrcat(
        pool, "{\"by\":\"", eg_crypto_uses_provider(crypto) ? "provider" : "functions",
        "\",\"provider\":", eg_json_quote(pool, eg_crypto_provider(crypto)), "}", NULL);
}
