/* SPDX-License-Identifier: Apache-2.0
 * Telephony providers: how each signs its webhooks. A provider is a row; which one a location has is a
 * directive, and nobody guesses it from a request. */
#ifndef EG_PROVIDER_H
#define EG_PROVIDER_H

#include "dialect.h"
#include "signature.h"

#define EG_PROVIDER_HEADERS 3

/* Of one request. */
typedef struct {
    eg_signed url; /* origin, target, params of the form (NULL: the body is none), account */
    bool is_get;   /* HEAD counts as one */
    bool is_post;  /* neither: another method */
    const eg_params *query; /* decoded */
    eg_span body;           /* raw, as received; p may be anything where n is 0 */
    bool claims_hash;       /* bodySHA256 is in the query */
    bool hash_fits;         /* and is that of the body */
    /* Values of the provider's headers, in its order; p NULL where there was none. Several of one
     * name come joined by ", ", which no good value has in it. */
    eg_span headers[EG_PROVIDER_HEADERS];
    apr_int64_t now; /* seconds since 1970 */
} eg_evidence;

typedef struct {
    eg_verdict verdict;
    const eg_auth_token *fitted; /* into the tokens; NULL unless the verdict is valid */
    apr_int64_t clock_off;       /* seconds: a right signature of another time, its minus ours */
    /* For eg_provider.resign, of what is valid: */
    eg_fit fit;        /* how the URL was spelled, where more than one spelling may fit */
    bool has_low_host; /* with the host in small letters */
    const eg_auth_token *by[EG_PROVIDER_HEADERS]; /* which secret each header fitted; NULL: none */
} eg_ruling;

/* What a provider would send; an empty value: not that header. */
#define EG_PROVIDER_VALUE_MAX 160
typedef struct {
    char value[EG_PROVIDER_HEADERS][EG_PROVIDER_VALUE_MAX + 1];
} eg_provider_headers;

typedef struct eg_provider {
    const char *name;                         /* as EncGatherProvider has it */
    const char *title;                        /* as people write it */
    const char *headers[EG_PROVIDER_HEADERS]; /* NULL at the end; the first names the signature */
    bool signs_url;                           /* false: URLs have to be signed by us */
    bool needs_raw;                           /* the body is signed as it was received */
    bool has_public_secret;                   /* what the server knows is a public key */
    const eg_dialect *dialect;                /* NULL: it guards other applications alone */
    const char *call;                         /* the parameter that names the call */
    unsigned timeout; /* seconds that a backend may take at most, unless it is said */

    /* Whether a secret is one of this provider; NULL, or what is wrong with it. */
    const char *(*fault)(const eg_auth_token *secret);

    /* All tokens that come into question are always tried, in constant time where they are secret. */
    eg_ruling (*judge)(eg_crypto *crypto, const eg_evidence *evidence,
                       const eg_auth_tokens *tokens);

    /* The headers that the provider would send, at the time of the evidence; a nonce, an id or the
     * settings of a SharedKey are taken from the evidence's headers. Telnyx: the secret is the seed of
     * the private key, written like the public one. EG_EMALFORMED: it cannot be signed like this. */
    eg_status (*sign)(eg_crypto *crypto, const eg_evidence *evidence, const eg_auth_token *secret,
                      eg_provider_headers *out);

    /* What was valid, as the ruling says, signed anew after it was changed: a value for each header that
     * fitted, by the same secret in the same way. The evidence is what goes on, with the headers that
     * came. NULL: it cannot be done. */
    eg_status (*resign)(eg_crypto *crypto, const eg_evidence *evidence, const eg_ruling *ruling,
                        eg_provider_headers *out);
    bool keeps[EG_PROVIDER_HEADERS]; /* which go on as they came beside a new signature */
} eg_provider;

extern const eg_provider eg_provider_twilio, eg_provider_signalwire, eg_provider_telnyx,
    eg_provider_plivo, eg_provider_jambonz, eg_provider_freeclimb, eg_provider_standardwebhooks;

/* Twilio's rule, and who follows it: the form is signed, or the body by its hash. */
bool eg_provider_body_is_signed(const eg_evidence *evidence);

/* By the word of the directive, without case; NULL: there is none. */
const eg_provider *eg_provider_named(const char *word);
/* The n-th, or NULL. */
const eg_provider *eg_provider_at(unsigned n);
/* Whose header that is, without case: the first one who has it; NULL: nobody's. */
const eg_provider *eg_provider_of_header(eg_span header);
/* The names, for messages: "twilio, signalwire, ...". */
#define EG_PROVIDER_NAMES "twilio, signalwire, telnyx, plivo, jambonz, freeclimb, standardwebhooks"

#endif
