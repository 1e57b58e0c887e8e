/* SPDX-License-Identifier: Apache-2.0
 * What providers have in common: a HMAC that every secret is tried for, a list of signatures of which
 * one may fit, a time that is not long ago. */
#include "offer.h"

#include <openssl/evp.h>
#include "secret.h"

#define TIME_DIGITS 15

const eg_ruling eg_ruling_invalid = {.verdict = EG_SIGNATURE_INVALID};
const eg_ruling eg_ruling_missing = {.verdict = EG_SIGNATURE_MISSING};

static apr_size_t mac_size(eg_mac mac)
{
    return eg_sha_size(eg_mac_sha(mac));
}

apr_size_t eg_offer_length(const eg_hmac_rule *rule)
{
    return rule->spelling == EG_SPELLED_HEX ? 2 * mac_size(rule->mac)
                                            : eg_signature_length(rule->mac);
}

static void spell(const eg_hmac_rule *rule, const unsigned char *mac, char *out)
{
    apr_size_t n = mac_size(rule->mac);

    if (rule->spelling == EG_SPELLED_HEX)
        eg_hex_encode(out, mac, n);
    else
        (void)EVP_EncodeBlock((unsigned char *)out, mac, (int)n);
}

static eg_status make_mac(eg_crypto *crypto, const eg_hmac_rule *rule, const eg_hmac_key *key,
                          char *out)
{
    unsigned char mac[EG_SHA256_SIZE];
    eg_status status = eg_hmac(crypto, key, rule->pieces, rule->n, mac);

    if (status == EG_OK)
        spell(rule, mac, out);
    eg_wipe(mac, sizeof mac);
    return status;
}

eg_status eg_offer_make(eg_crypto *crypto, const eg_hmac_rule *rule, const eg_auth_token *secret,
                        char *out)
{
    eg_sha sha = eg_mac_sha(rule->mac);
    unsigned char decoded[EG_AUTH_TOKEN_MAX];
    eg_hmac_key key = eg_auth_token_key(secret, sha);
    eg_status status;

    if (rule->key_of)
        key = (eg_hmac_key){sha, {(const char *)decoded, rule->key_of(secret, decoded)}, NULL};
    status = key.secret.n ? make_mac(crypto, rule, &key, out) : EG_EMALFORMED;
    eg_wipe(decoded, sizeof decoded);
    return status;
}

/* 0 or 1, without a branch on what fits. */
static apr_size_t is_offered(const eg_offered *offered, eg_span expected)
{
    apr_size_t fits = 0;

    for (apr_size_t i = 0; i < offered->n; i++)
        fits |= (apr_size_t)eg_equal_secret(expected, offered->at[i]);
    return fits;
}

static apr_size_t may_be(const eg_auth_token *secret, eg_span account)
{
    return secret->account.n == 0 || account.n == 0 || eg_span_eq(secret->account, account);
}

eg_ruling eg_offer_judge(eg_crypto *crypto, const eg_hmac_rule *rule, const eg_offered *offered,
                         const eg_auth_tokens *tokens)
{
    eg_ruling ruling = eg_ruling_invalid;
    apr_size_t fits = 0, place = 0;
    char expected[EG_OFFER_MOST];

    for (apr_size_t i = 0; i < tokens->n; i++) {
        apr_size_t ours = may_be(&tokens->at[i], rule->account);
        eg_status status = eg_offer_make(crypto, rule, &tokens->at[i], expected);

        if (status == EG_EMALFORMED)
            continue; /* no secret: everybody knows an empty key */
        if (status != EG_OK) {
            eg_wipe(expected, sizeof expected);
            return (eg_ruling){.verdict = EG_SIGNATURE_UNCHECKED};
        }
        ours &= is_offered(offered, (eg_span){expected, eg_offer_length(rule)});
        fits |= ours;
        place = (place & (ours - 1)) | (i & (0 - ours));
    }
    eg_wipe(expected, sizeof expected);
    if (fits)
        ruling = (eg_ruling){.verdict = EG_SIGNATURE_VALID, .fitted = &tokens->at[place]};
    return ruling;
}

bool eg_offer_put(char value[EG_PROVIDER_VALUE_MAX + 1], eg_span text)
{
    if (text.n > EG_PROVIDER_VALUE_MAX)
        return false;
    if (text.n)
        memcpy(value, text.p, text.n);
    value[text.n] = '\0';
    return true;
}

bool eg_offer_split(eg_span list, char separator, eg_offered *offered)
{
    apr_size_t at = 0;

    offered->n = 0;
    while (at <= list.n) {
        const char *from = list.p + at;
        const char *next = at < list.n ? memchr(from, separator, list.n - at) : NULL;
        apr_size_t n = next ? (apr_size_t)(next - from) : list.n - at;

        if (n == 0 || *from == ' ' || offered->n == EG_OFFERED_MAX)
            return false;
        offered->at[offered->n++] = (eg_span){from, n};
        at += n + 1;
    }
    return true;
}

bool eg_offer_is_single(eg_span value)
{
    for (apr_size_t i = 0; i + 1 < value.n; i++)
        if (value.p[i] == ',' && value.p[i + 1] == ' ')
            return false;
    return true;
}

bool eg_offer_time(eg_span text, apr_int64_t *seconds)
{
    *seconds = 0;
    if (text.n < 1 || text.n > TIME_DIGITS)
        return false;
    for (apr_size_t i = 0; i < text.n; i++) {
        if (!eg_is_digit(text.p[i]))
            return false;
        *seconds = *seconds * 10 + (text.p[i] - '0');
    }
    return true;
}

eg_ruling eg_offer_in_time(eg_ruling ruling, apr_int64_t signed_at, apr_int64_t now,
                           bool also_ahead)
{
    apr_int64_t off = signed_at - now;

    if (ruling.verdict != EG_SIGNATURE_VALID || (off >= -EG_PATIENCE && off <= EG_PATIENCE) ||
        (off > 0 && !also_ahead))
        return ruling;
    return (eg_ruling){.verdict = EG_SIGNATURE_INVALID, .clock_off = off};
}

const char *eg_offer_no_shared_key(const eg_auth_token *secret)
{
    return secret->key.n ? "is a SharedKey, which only Twilio has" : NULL;
}
