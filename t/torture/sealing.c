/* SPDX-License-Identifier: Apache-2.0
 * Scenarios of jwe tokens and of pairs of keys. */
#include "sealing.h"

#include <string.h>
#include "core/envelope.h"
#include "inputs.h"
#include "pairs.h"
#include "scenario.h"

static int outcome_of_sealing(eg_status status)
{
    return status == EG_OK        ? GOOD
           : status == EG_ECRYPTO ? NO_CRYPTO
           : status == EG_ETOKEN  ? NOT_OURS
                                  : WRONG;
}

/* --- files of keys --------------------------------------------------------------------------------- */

int load_recipients(eg_crypto *crypto, apr_pool_t *pool)
{
    for (int kind = 0; kind < EG_KEY_KINDS; kind++) {
        eg_envelope_key key;

        if (!read_public_half(crypto, pool, (eg_key_kind)kind, &key))
            return NOT_TRUSTED;
        if ((int)key.kind != kind)
            return WRONG;
    }
    return GOOD;
}

int load_private_keys(eg_crypto *crypto, apr_pool_t *pool)
{
    for (int kind = 0; kind < EG_KEY_KINDS; kind++) {
        eg_envelope_key key;

        if (!read_private_half(crypto, pool, (eg_key_kind)kind, &key))
            return NOT_TRUSTED;
        if ((int)key.kind != kind)
            return WRONG;
    }
    return GOOD;
}

static bool take_facts(eg_crypto *crypto, const eg_envelope_key *key, eg_key_facts *facts)
{
    *facts = (eg_key_facts){.kind = key->kind};
    return eg_envelope_public_id(crypto, key, facts->public_id) == EG_OK &&
           eg_envelope_fingerprint(crypto, key, facts->fingerprint) == EG_OK;
}

int tell_pairs(eg_crypto *crypto, apr_pool_t *pool)
{
    for (int kind = 0; kind < EG_KEY_KINDS; kind++) {
        eg_envelope_key keys[3];
        eg_key_facts facts[3];

        if (!read_private_half(crypto, pool, (eg_key_kind)kind, &keys[0]) ||
            !read_public_half(crypto, pool, (eg_key_kind)kind, &keys[1]) ||
            !read_public_half(crypto, pool, (eg_key_kind)((kind + 1) % EG_KEY_KINDS), &keys[2]))
            return NOT_TRUSTED;
        for (int i = 0; i < 3; i++)
            if (!take_facts(crypto, &keys[i], &facts[i]))
                return NOT_TRUSTED;
        if (!eg_key_facts_fit(&facts[0], &facts[1]) || eg_key_facts_fit(&facts[0], &facts[2]))
            return WRONG;
    }
    return GOOD;
}

/* --- opening --------------------------------------------------------------------------------------- */

static int judge_opened_jwe(eg_status status, const eg_opened_token *opened)
{
    if (status != EG_OK)
        return opened->plain.n ? WRONG : outcome_of_sealing(status);
    return eg_span_eq(opened->plain, (eg_span){secret->digits, DIGITS}) ? GOOD : WRONG;
}

static eg_status open_jwe(eg_crypto *crypto, apr_pool_t *pool, const eg_envelope_keys *keys,
                          eg_span token, eg_opened_token *opened)
{
    const eg_opening with = {EG_READS_ALL, &secret->ring, keys, false};
    const eg_demands demands = {PAIR_CALL, PAIR_FIELD, 1780000000, 900};

    return eg_token_open_bound(crypto, &with, token, &demands, pool, opened);
}

static int open_for(eg_crypto *crypto, apr_pool_t *pool, eg_key_kind kind)
{
    const eg_envelope_keys *keys = pair_private(pool, kind);
    eg_opened_token opened;
    eg_status status;

    if (!keys)
        return WRONG;
    status = open_jwe(crypto, pool, keys, eg_span_of(known->jwe[kind]), &opened);
    return judge_opened_jwe(status, &opened);
}

int open_for_p256(eg_crypto *crypto, apr_pool_t *pool)
{
    return open_for(crypto, pool, EG_P256);
}

int open_for_x25519(eg_crypto *crypto, apr_pool_t *pool)
{
    return open_for(crypto, pool, EG_X25519);
}

int open_for_rsa(eg_crypto *crypto, apr_pool_t *pool)
{
    return open_for(crypto, pool, EG_RSA);
}

int open_direct(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_opened_token opened;
    eg_status status = open_jwe(crypto, pool, NULL, eg_span_of(known->jwe[EG_KEY_KINDS]), &opened);

    return judge_opened_jwe(status, &opened);
}

/* --- sealing --------------------------------------------------------------------------------------- */

/* What comes out opens, once nothing fails any more. */
static int seal_for_kind(eg_crypto *crypto, apr_pool_t *pool, const eg_envelope_key *recipient,
                         const eg_envelope_keys *keys)
{
    const eg_sealing with = {.ring = &secret->ring,
                             .recipient = recipient,
                             .sid = PAIR_CALL,
                             .fld = PAIR_FIELD,
                             .iat = 1780000000};
    eg_opened_token opened;
    eg_span token;
    eg_status status =
        eg_jwe_format.seal(crypto, &with, (eg_span){secret->digits, DIGITS}, pool, &token);

    fault_disarm();
    if (status != EG_OK)
        return token.n ? WRONG : outcome_of_sealing(status);
    return judge_opened_jwe(open_jwe(eg_crypto_create(pool), pool, keys, token, &opened), &opened);
}

static int seal_for_pair(eg_crypto *crypto, apr_pool_t *pool, eg_key_kind kind)
{
    const eg_envelope_key *recipient = pair_public(pool, kind);
    const eg_envelope_keys *keys = pair_private(pool, kind);

    return recipient && keys ? seal_for_kind(crypto, pool, recipient, keys) : WRONG;
}

int seal_for_p256(eg_crypto *crypto, apr_pool_t *pool)
{
    return seal_for_pair(crypto, pool, EG_P256);
}

int seal_for_x25519(eg_crypto *crypto, apr_pool_t *pool)
{
    return seal_for_pair(crypto, pool, EG_X25519);
}

int seal_for_rsa(eg_crypto *crypto, apr_pool_t *pool)
{
    return seal_for_pair(crypto, pool, EG_RSA);
}

int seal_direct(eg_crypto *crypto, apr_pool_t *pool)
{
    return seal_for_kind(crypto, pool, NULL, NULL);
}
