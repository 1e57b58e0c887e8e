/* SPDX-License-Identifier: Apache-2.0
 * What providers have in common: a HMAC that every secret is tried for, a list of signatures of which
 * one may fit, a time that is not long ago. */
#ifndef EG_OFFER_H
#define EG_OFFER_H

#include "provider.h"

#define EG_OFFERED_MAX 8   /* in one header */
#define EG_OFFERED_ROOM 16 /* in two of them */
#define EG_PATIENCE 300    /* seconds that a signature's time may be off */

/* Signatures that came, in the spelling in which they came. */
typedef struct {
    eg_span at[EG_OFFERED_ROOM];
    apr_size_t n;
} eg_offered;

typedef enum { EG_SPELLED_BASE64, EG_SPELLED_HEX } eg_spelling;

typedef struct {
    eg_mac mac;
    eg_spelling spelling;
    const eg_span *pieces; /* of what was signed */
    apr_size_t n;
    eg_span account; /* as sent */
    /* What the HMAC's key is, where that is not the text of the secret: at most
     * EG_AUTH_TOKEN_MAX bytes into out, their number, 0: no key. */
    apr_size_t (*key_of)(const eg_auth_token *secret, unsigned char *out);
} eg_hmac_rule;

/* The length of a signature by that rule. */
apr_size_t eg_offer_length(const eg_hmac_rule *rule);

/* Every secret costs the same, whether it fits or not. An offered signature of another length fits
 * nothing. */
eg_ruling eg_offer_judge(eg_crypto *crypto, const eg_hmac_rule *rule, const eg_offered *offered,
                         const eg_auth_tokens *tokens);

/* EG_EMALFORMED: the secret makes no key. What that rule makes of it: out has eg_offer_length() + 1 bytes, at most EG_OFFER_MOST. */
#define EG_OFFER_MOST (2 * EG_SHA256_SIZE + 1)
eg_status eg_offer_make(eg_crypto *crypto, const eg_hmac_rule *rule, const eg_auth_token *secret,
                        char *out) EG_MUST_CHECK;

/* A header's value as it is sent; false: too long for one. */
bool eg_offer_put(char value[EG_PROVIDER_VALUE_MAX + 1], eg_span text);

/* Splits at the separator; false where there are too many, or one is empty. */
bool eg_offer_split(eg_span list, char separator, eg_offered *offered);

/* Whether that is the value of one header: several come joined. */
bool eg_offer_is_single(eg_span value);

/* Plain digits that make a time, at most 15. */
bool eg_offer_time(eg_span text, apr_int64_t *seconds);

/* Makes what is valid invalid where the time is too far off, and says by how much. */
eg_ruling eg_offer_in_time(eg_ruling ruling, apr_int64_t signed_at, apr_int64_t now,
                           bool also_ahead);

/* A SharedKey is Twilio's alone. */
const char *eg_offer_no_shared_key(const eg_auth_token *secret);

extern const eg_ruling eg_ruling_invalid, eg_ruling_missing;

#endif
