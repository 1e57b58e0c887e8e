/* SPDX-License-Identifier: Apache-2.0
 * "sig" in the URLs that a provider does not sign: binds a step and its tokens to the call. */
#include "actionsig.h"

#include "base64url.h"
#include "secret.h"

#define PARTS 4
#define LENGTH_SIZE 4
#define PREFIX "&" EG_ACTION_SIG "="

static void put_part_length(unsigned char out[LENGTH_SIZE], apr_size_t n)
{
    for (unsigned i = 0; i < LENGTH_SIZE; i++)
        out[i] = (unsigned char)(n >> (8 * (LENGTH_SIZE - 1 - i)));
}

/* Lengths in front: no two actions are the same string. */
static eg_status make_sig(eg_crypto *crypto, const eg_key *key, const eg_action *action, char *out)
{
    const eg_hmac_key by = {EG_SHA256,
                            {(const char *)key->action, sizeof key->action},
                            key->is_action_ready ? &key->action_ready : NULL};
    const eg_span parts[PARTS] = {action->provider, action->call, action->path, action->query};
    unsigned char lengths[PARTS][LENGTH_SIZE], mac[EG_SHA256_SIZE];
    eg_span pieces[2 * PARTS];
    eg_status status;

    for (unsigned i = 0; i < PARTS; i++) {
        put_part_length(lengths[i], parts[i].n);
        pieces[2 * i] = (eg_span){(const char *)lengths[i], LENGTH_SIZE};
        pieces[2 * i + 1] = parts[i];
    }
    status = eg_hmac(crypto, &by, pieces, 2 * PARTS, mac);
    if (status != EG_OK)
        return status;
    *eg_base64url_encode(out, (eg_span){(const char *)mac, sizeof mac}) = '\0';
    return EG_OK;
}

eg_status eg_action_sign(eg_crypto *crypto, const eg_keyring *ring, const eg_action *action,
                         char out[EG_ACTION_SIG_LENGTH + 1])
{
    out[0] = '\0';
    return make_sig(crypto, &ring->keys[0], action, out);
}

eg_status eg_action_check(eg_crypto *crypto, const eg_keyring *ring, const eg_action *action,
                          eg_span sig)
{
    char expected[EG_ACTION_SIG_LENGTH + 1];
    bool fits = false;

    for (apr_size_t i = 0; i < ring->n; i++) {
        eg_status status = make_sig(crypto, &ring->keys[i], action, expected);

        if (status != EG_OK) {
            eg_wipe(expected, sizeof expected);
            return status;
        }
        fits |= eg_equal_secret((eg_span){expected, EG_ACTION_SIG_LENGTH}, sig);
    }
    eg_wipe(expected, sizeof expected);
    return fits ? EG_OK : EG_ETOKEN;
}

bool eg_action_split(eg_span query, eg_span *rest, eg_span *sig)
{
    const apr_size_t prefix = sizeof PREFIX - 1;
    apr_size_t n = prefix + EG_ACTION_SIG_LENGTH;
    const char *at;

    *rest = query;
    *sig = (eg_span){NULL, 0};
    if (query.n < n)
        return false;
    at = query.p + query.n - n;
    if (memcmp(at, PREFIX, prefix) != 0)
        return false;
    rest->n = query.n - n;
    *sig = (eg_span){at + prefix, EG_ACTION_SIG_LENGTH};
    return true;
}
