/* SPDX-License-Identifier: Apache-2.0
 * Telnyx: Ed25519 over a time and the raw body
 * (https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks). */
#include <apr_strings.h>
#include <openssl/crypto.h>
#include "base64.h"
#include "ed25519.h"
#include "offer.h"
#include "secret.h"

static const char *fault_of_key(const eg_auth_token *secret)
{
    unsigned char key[EG_ED25519_KEY_SIZE];

    if (secret->key.n)
        return eg_offer_no_shared_key(secret);
    if (eg_base64_decode(key, sizeof key, secret->token) != EG_OK)
        return "is not the public key of Telnyx: 44 characters of base64, with = at the end";
    return eg_ed25519_is_weak(key) ? "is a key of small order, for which anybody can sign" : NULL;
}

/* The body holds digits: the copy is wiped. NULL: no memory. */
static char *join(eg_span time, eg_span body, apr_size_t *n)
{
    char *message;

    *n = time.n + 1 + body.n;
    message = OPENSSL_zalloc(*n);
    if (!message)
        return NULL;
    memcpy(message, time.p, time.n);
    message[time.n] = '|';
    if (body.n)
        memcpy(message + time.n + 1, body.p, body.n);
    return message;
}

static bool may_be_of(const eg_auth_token *key, eg_span account)
{
    return key->account.n == 0 || account.n == 0 || eg_span_eq(key->account, account);
}

/* Keys are public, so it may be seen which one fits. */
static eg_ruling try_keys(const eg_evidence *evidence, eg_span message,
                          const unsigned char *signature, const eg_auth_tokens *tokens)
{
    eg_ruling ruling = eg_ruling_invalid;

    for (apr_size_t i = 0; i < tokens->n && ruling.verdict == EG_SIGNATURE_INVALID; i++) {
        unsigned char key[EG_ED25519_KEY_SIZE];
        eg_status status;

        if (!may_be_of(&tokens->at[i], evidence->url.account) ||
            eg_base64_decode(key, sizeof key, tokens->at[i].token) != EG_OK ||
            eg_ed25519_is_weak(key))
            continue;
        status = eg_ed25519_verify(key, message, signature);
        if (status == EG_OK)
            ruling = (eg_ruling){.verdict = EG_SIGNATURE_VALID, .fitted = &tokens->at[i]};
        else if (status == EG_ECRYPTO)
            ruling.verdict = EG_SIGNATURE_UNCHECKED;
    }
    return ruling;
}

static eg_ruling judge_telnyx(eg_crypto *crypto, const eg_evidence *evidence,
                              const eg_auth_tokens *tokens)
{
    eg_span time = evidence->headers[1];
    unsigned char signature[EG_ED25519_SIZE];
    apr_int64_t signed_at;
    eg_ruling ruling;
    apr_size_t n;
    char *message;

    (void)crypto;
    if (!evidence->headers[0].n || !time.n)
        return eg_ruling_missing;
    if (!eg_offer_time(time, &signed_at) ||
        eg_base64_decode(signature, sizeof signature, evidence->headers[0]) != EG_OK)
        return eg_ruling_invalid;
    message = join(time, evidence->body, &n);
    if (!message)
        return (eg_ruling){.verdict = EG_SIGNATURE_UNCHECKED};
    ruling = try_keys(evidence, (eg_span){message, n}, signature, tokens);
    eg_wipe(message, n);
    OPENSSL_free(message);
    return eg_offer_in_time(ruling, signed_at, evidence->now, true);
}

/* The secret is the seed here, which only Telnyx has of its own key. */
static eg_status sign_telnyx(eg_crypto *crypto, const eg_evidence *evidence,
                             const eg_auth_token *secret, eg_provider_headers *out)
{
    unsigned char seed[EG_ED25519_KEY_SIZE], signature[EG_ED25519_SIZE];
    char *time = out->value[1], *message = NULL;
    eg_status status = eg_base64_decode(seed, sizeof seed, secret->token);
    apr_size_t n = 0;

    (void)crypto;
    *out = (eg_provider_headers){{{0}}};
    (void)apr_snprintf(time, EG_PROVIDER_VALUE_MAX, "%" APR_INT64_T_FMT, evidence->now);
    if (status == EG_OK)
        message = join(eg_span_of(time), evidence->body, &n);
    if (status == EG_OK && !message)
        status = EG_ENOMEM;
    if (status == EG_OK)
        status = eg_ed25519_sign(seed, (eg_span){message, n}, signature);
    if (status == EG_OK)
        eg_base64_encode(out->value[0], signature, sizeof signature);
    eg_wipe(seed, sizeof seed);
    eg_wipe(message, n);
    OPENSSL_free(message);
    return status;
}

const eg_provider eg_provider_telnyx = {
    .name = "telnyx",
    .title = "Telnyx",
    .headers = {"telnyx-signature-ed25519", "telnyx-timestamp"},
    .signs_url = false,
    .needs_raw = true,
    .has_public_secret = true,
    .dialect = &eg_dialect_texml,
    .call = "CallSid",
    .timeout = 8,
    .fault = fault_of_key,
    .judge = judge_telnyx,
    .sign = sign_telnyx,
};
