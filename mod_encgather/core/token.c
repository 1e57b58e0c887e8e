/* SPDX-License-Identifier: Apache-2.0
 * The hex token: nonce || ciphertext || tag of AES-256-GCM in hexadecimal digits. */
#include "token.h"

#include "format.h"
#include "secret.h"

static const eg_span no_aad = {"", 0};

static bool has_length(eg_span token)
{
    return token.n >= EG_TOKEN_LENGTH(0) && token.n % 2 == 0;
}

bool eg_token_has_form(eg_span token)
{
    if (!has_length(token))
        return false;
    for (apr_size_t i = 0; i < token.n; i++)
        if (eg_hex_value(token.p[i]) < 0)
            return false;
    return true;
}

/* The digits are made in place, from the end: byte i is read before the pair 2i, 2i+1 is written
 * over bytes that are already done. */
static void spread_hex(char *buf, apr_size_t n)
{
    static const char digits[] = "0123456789abcdef";

    buf[2 * n] = '\0';
    for (apr_size_t i = n; i-- > 0;) {
        unsigned char byte = (unsigned char)buf[i];

        buf[2 * i + 1] = digits[byte & 15];
        buf[2 * i] = digits[byte >> 4];
    }
}

eg_status eg_token_seal(eg_crypto *crypto, const eg_keyring *ring, eg_span plain, char *out)
{
    eg_status status = eg_gcm_seal(crypto, ring->keys[0].key, no_aad, plain, (unsigned char *)out);

    if (status != EG_OK) {
        *out = '\0';
        return status;
    }
    spread_hex(out, plain.n + EG_SEAL_OVERHEAD);
    return EG_OK;
}

bool eg_key_use_alarms(apr_uint64_t n)
{
    return n >= (APR_UINT64_C(1) << 31) && n % (APR_UINT64_C(1) << 28) == 0;
}

static eg_status open_with_any(eg_crypto *crypto, const eg_keyring *ring, eg_span sealed,
                               unsigned char *plain, apr_size_t *which)
{
    eg_status status = EG_ETOKEN;

    for (apr_size_t i = 0; i < ring->n && status == EG_ETOKEN; i++) {
        status = eg_gcm_open_held(crypto, ring->keys[i].key, no_aad,
                                  (const unsigned char *)sealed.p, sealed.n, plain);
        *which = i;
    }
    return status;
}

/* p NULL: it does not have the form. Whether all are digits is asked once, as they are decoded. */
static eg_span bytes_of_token(eg_span token, apr_pool_t *pool)
{
    unsigned char *sealed = has_length(token) ? apr_palloc(pool, token.n / 2) : NULL;

    if (!sealed || eg_hex_decode(sealed, token) != EG_OK)
        return (eg_span){NULL, 0};
    return (eg_span){(const char *)sealed, token.n / 2};
}

static eg_status open_bytes(eg_crypto *crypto, const eg_keyring *ring, eg_span sealed,
                            apr_pool_t *pool, eg_span *plain, apr_size_t *which)
{
    apr_size_t n = sealed.n - EG_SEAL_OVERHEAD;
    unsigned char *text = eg_wiped_alloc(pool, n + 1);
    eg_status status;

    text[n] = '\0';
    status = open_with_any(crypto, ring, sealed, text, which);
    if (status == EG_OK)
        *plain = (eg_span){(const char *)text, n};
    return status;
}

eg_status eg_token_open(eg_crypto *crypto, const eg_keyring *ring, eg_span token, apr_pool_t *pool,
                        eg_span *plain, apr_size_t *which)
{
    eg_span sealed = bytes_of_token(token, pool);
    eg_status status = EG_ETOKEN;

    *plain = (eg_span){"", 0};
    *which = 0;
    if (sealed.p)
        status = open_bytes(crypto, ring, sealed, pool, plain, which);
    if (eg_gcm_let_go(crypto))
        return status;
    eg_wipe((char *)(apr_uintptr_t)plain->p, plain->n);
    *plain = (eg_span){"", 0};
    return EG_ECRYPTO;
}

/* --- as one of the formats ------------------------------------------------------------------------- */

static apr_size_t hex_length(const eg_sealing *with, apr_size_t n)
{
    (void)with;
    return EG_TOKEN_LENGTH(n);
}

static eg_status hex_seal(eg_crypto *crypto, const eg_sealing *with, eg_span plain,
                          apr_pool_t *pool, eg_span *token)
{
    char *text = apr_palloc(pool, EG_TOKEN_LENGTH(plain.n) + 1);
    eg_status status = eg_token_seal(crypto, with->ring, plain, text);

    *token = (eg_span){text, status == EG_OK ? EG_TOKEN_LENGTH(plain.n) : 0};
    return status;
}

static bool hex_has_form(eg_span token, apr_pool_t *pool, eg_claims *claims)
{
    (void)pool;
    *claims = (eg_claims){.iat = -1};
    return eg_token_has_form(token);
}

static eg_status hex_open(eg_crypto *crypto, const eg_opening *with, eg_span token,
                          apr_pool_t *pool, eg_opened_token *opened)
{
    static const eg_keyring none = {.n = 0};
    eg_span sealed = bytes_of_token(token, pool);
    eg_status status;

    opened->rule = EG_RULE_FORM;
    opened->claims = (eg_claims){.iat = -1};
    if (!sealed.p)
        return EG_ETOKEN;
    opened->plain = (eg_span){"", 0};
    opened->which = 0;
    status = open_bytes(crypto, with->ring ? with->ring : &none, sealed, pool, &opened->plain,
                        &opened->which);
    opened->rule = status != EG_ETOKEN ? EG_RULE_NONE : with->ring ? EG_RULE_TAG : EG_RULE_KEY;
    return status;
}

static bool hex_describe(eg_span token, apr_pool_t *pool, eg_token_description *out)
{
    out->json = NULL;
    return hex_has_form(token, pool, &out->claims);
}

const eg_format eg_hex_format = {
    .name = "hex",
    .binds = false,
    .most = 0,
    .length = hex_length,
    .seal = hex_seal,
    .has_form = hex_has_form,
    .open = hex_open,
    .describe = hex_describe,
};
