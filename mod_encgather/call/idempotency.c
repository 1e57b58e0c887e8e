/* SPDX-License-Identifier: Apache-2.0
 * The Idempotency-Key of a backend call. */
#include "call/idempotency.h"

#include "core/idempotency.h"
#include "core/parameters.h"
#include "core/secret.h"

static eg_hmac_key by_derived(const unsigned char derived[EG_SHA256_SIZE],
                              const eg_hmac_state *ready)
{
    return (eg_hmac_key){EG_SHA256, {(const char *)derived, EG_SHA256_SIZE}, ready};
}

static eg_status key_by_token(const eg_auth_token *token, const eg_delivery *delivery, char *key)
{
    unsigned char derived[EG_SHA256_SIZE];
    eg_hmac_key by = by_derived(derived, NULL);
    eg_status status = EG_OK;

    if (token->ready)
        by = by_derived(token->ready->idempotency, &token->ready->of_idempotency);
    else
        status = eg_idempotency_derive(eg_the_crypto(), token->token, derived);
    if (status == EG_OK)
        status = eg_idempotency_key(eg_the_crypto(), &by, delivery, key);
    if (!token->ready)
        eg_wipe(derived, sizeof derived);
    return status;
}

/* Twilio may deliver the last step twice: both times it is the same call, URL and digits. The token
 * that signed it is what both deliveries share, over a change of the key file too; where nobody
 * signed, the last key of the file is the one that stays longest while a new one comes in. */
static eg_status make_idempotency_key(const request_rec *r, const eg_webhook *hook, eg_span input,
                                      char *key)
{
    const eg_store_entry *keys = eg_config_of(r)->keys;
    const eg_keyring *ring = keys ? keys->keys : NULL;
    const eg_provider *provider = eg_config_provider(eg_config_of(r));
    const eg_delivery delivery = {eg_webhook_get(hook, eg_span_of(provider->call)), hook->target,
                                  input};

    if (hook->judgement.verdict == EG_SIGNATURE_VALID && hook->judgement.fitted &&
        !provider->has_public_secret)
        return key_by_token(hook->judgement.fitted, &delivery, key);
    if (ring) {
        const eg_hmac_key by = by_derived(ring->keys[ring->n - 1].idempotency, NULL);

        return eg_idempotency_key(eg_the_crypto(), &by, &delivery, key);
    }
    return eg_idempotency_random(eg_the_crypto(), key);
}

const char *eg_idempotency_of(request_rec *r, const eg_webhook *hook, eg_span input)
{
    char *key = apr_palloc(r->pool, EG_IDEMPOTENCY_LENGTH + 1);

    return make_idempotency_key(r, hook, input, key) == EG_OK ? key : NULL;
}
