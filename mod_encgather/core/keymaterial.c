/* SPDX-License-Identifier: Apache-2.0
 * OpenSSL's keys out of their numbers. Its own readers of files leave copies of a private key in freed
 * memory; what is here leaves none. */
#include "keymaterial.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include "secret.h"

static EVP_PKEY *make_pkey(const char *type, int selection, OSSL_PARAM *parts)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    if (context && (EVP_PKEY_fromdata_init(context) != 1 ||
                    EVP_PKEY_fromdata(context, &pkey, selection, parts) != 1)) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return pkey;
}

/* A copy in the order of this machine, as OSSL_PARAM wants it; in wiped memory. */
static OSSL_PARAM number_part(apr_pool_t *pool, const char *name, eg_span number)
{
    unsigned char *copy = eg_wiped_alloc(pool, number.n + 1);

    for (apr_size_t i = 0; i < number.n; i++)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        copy[i] = (unsigned char)number.p[number.n - 1 - i];
#else
        copy[i] = (unsigned char)number.p[i];
#endif
    return (OSSL_PARAM){name, OSSL_PARAM_UNSIGNED_INTEGER, copy, number.n, 0};
}

static void wipe_numbers(const OSSL_PARAM *parts)
{
    for (; parts->key; parts++)
        if (parts->data_type == OSSL_PARAM_UNSIGNED_INTEGER)
            eg_wipe_early(parts->data);
}

EVP_PKEY *eg_pkey_of_p256(apr_pool_t *pool, eg_span point, eg_span scalar)
{
    static char group[] = "P-256";
    OSSL_PARAM parts[4] = {
        {OSSL_PKEY_PARAM_GROUP_NAME, OSSL_PARAM_UTF8_STRING, group, sizeof group - 1, 0}};
    unsigned n = 1;
    EVP_PKEY *pkey;

    if (point.n)
        parts[n++] = (OSSL_PARAM){OSSL_PKEY_PARAM_PUB_KEY, OSSL_PARAM_OCTET_STRING,
                                  (char *)(apr_uintptr_t)point.p, point.n, 0};
    if (scalar.n)
        parts[n++] = number_part(pool, OSSL_PKEY_PARAM_PRIV_KEY, scalar);
    pkey = make_pkey("EC", scalar.n ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, parts);
    wipe_numbers(parts);
    return pkey;
}

EVP_PKEY *eg_pkey_of_rsa(apr_pool_t *pool, const eg_span numbers[EG_RSA_NUMBERS], unsigned count)
{
    static const char *const names[EG_RSA_NUMBERS] = {
        OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
    OSSL_PARAM parts[EG_RSA_NUMBERS + 1] = {{NULL, 0, NULL, 0, 0}};
    EVP_PKEY *pkey;

    for (unsigned i = 0; i < count; i++)
        parts[i] = number_part(pool, names[i], numbers[i]);
    pkey = make_pkey("RSA", count > 2 ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, parts);
    wipe_numbers(parts);
    return pkey;
}
