/* SPDX-License-Identifier: Apache-2.0
 * The formats of tokens: a struct of functions for each. A new one is a file and a row in format.c. */
#ifndef EG_FORMAT_H
#define EG_FORMAT_H

#include "envelope.h"
#include "keyring.h"

/* Which rule a token broke: for the log, never for whoever sent it. */
typedef enum {
    EG_RULE_NONE,
    EG_RULE_FORM,   /* the form of no format */
    EG_RULE_FORMAT, /* a good form, of a format that is not read here */
    EG_RULE_KEY,    /* no key of ours, or not the algorithm of that key */
    EG_RULE_TAG,    /* not authentic */
    EG_RULE_FIELD,  /* sealed for another field */
    EG_RULE_CALL,   /* sealed in another call */
    EG_RULE_AGE,    /* too old, or from the future */
    EG_RULE_USED    /* of a token that is good once; nothing in this file says it */
} eg_token_rule;

/* The word for the log: "form", "format", ... */
const char *eg_token_rule_name(eg_token_rule rule);

/* What a token says of itself; not to be believed before it is opened. Spans live as long as the
 * pool they were made in; p is NULL for what it does not say. A hex token says nothing. */
typedef struct {
    eg_span alg;
    eg_span kid;
    eg_span sid;     /* the call */
    eg_span fld;     /* the field */
    apr_int64_t iat; /* seconds since 1970, or -1 */
} eg_claims;

/* Under what to seal, and what the token is bound to. */
typedef struct {
    const eg_keyring *ring;           /* its first key; not asked where there is a recipient */
    const eg_envelope_key *recipient; /* or NULL */
    eg_span sid, fld; /* UTF-8 without a NUL; a format that binds nothing does not ask */
    apr_int64_t iat;
} eg_sealing;

/* What to open with. */
typedef struct {
    unsigned formats;                 /* those that are read: EG_READS() of each, or'ed */
    const eg_keyring *ring;           /* or NULL */
    const eg_envelope_keys *privates; /* or NULL */
    bool holds; /* a key from one token to the next; who sets it calls eg_gcm_let_go() in the end */
} eg_opening;

/* What a bound token has to be. What is not there is not looked at. */
typedef struct {
    eg_span sid, fld; /* p NULL: any */
    apr_int64_t now;  /* seconds since 1970 */
    apr_int64_t ttl;  /* seconds; 0: of any age */
} eg_demands;

#define EG_NOT_OF_RING ((apr_size_t)-1)

typedef struct {
    eg_span plain;      /* NUL-terminated beyond its length; wiped when the pool goes */
    eg_token_rule rule; /* what EG_ETOKEN was for */
    eg_claims claims;
    eg_span sealed;   /* nonce || ciphertext || tag: what tells two messages apart; hex has none */
    apr_size_t which; /* the place in the ring of the key that opened it, or EG_NOT_OF_RING */
} eg_opened_token;

/* Where a format has nothing to say of itself, json is NULL. */
typedef struct {
    const char *json; /* one line, printable ASCII, NUL-terminated */
    eg_claims claims;
} eg_token_description;

typedef struct {
    const char *name; /* as directives and options write it */
    bool binds;       /* a token says its field, its call and its time */
    apr_size_t most;  /* characters of a token that is made or read; 0: any number */

    /* The number of characters of a token for a plaintext of n bytes; iat counts with its digits. */
    apr_size_t (*length)(const eg_sealing *with, apr_size_t n);

    /* The token is made in pool, with a NUL behind it that does not count. EG_ETOOMANY: longer than
     * would be read. EG_EMALFORMED: sid or fld is not UTF-8, or has a NUL. EG_ECRYPTO, and nothing is
     * there: OpenSSL or the random source failed. */
    eg_status (*seal)(eg_crypto *crypto, const eg_sealing *with, eg_span plain, apr_pool_t *pool,
                      eg_span *token);

    /* Whether these characters could be a token of this format, whatever key and clock: and then what
     * they say. false as well when there is no memory. */
    bool (*has_form)(eg_span token, apr_pool_t *pool, eg_claims *claims);

    /* EG_ETOKEN with the rule (form, key, tag); EG_ECRYPTO when OpenSSL failed, which says nothing
     * about the token. A key of the ring may be held (eg_gcm_open_held) when it returns. */
    eg_status (*open)(eg_crypto *crypto, const eg_opening *with, eg_span token, apr_pool_t *pool,
                      eg_opened_token *opened);

    /* For people. false: it has not the form. */
    bool (*describe)(eg_span token, apr_pool_t *pool, eg_token_description *out);
} eg_format;

/* The table; a format's place in it never changes. */
enum { EG_HEX, EG_JWE, EG_FORMATS };
extern const eg_format *const eg_formats[EG_FORMATS];
#define EG_READS(place) (1u << (place))
#define EG_READS_ALL (EG_READS(EG_FORMATS) - 1)

extern const eg_format eg_hex_format, eg_jwe_format;

/* The place of the format of that name; EG_FORMATS: there is none. */
unsigned eg_format_named(eg_span name);

/* The place of the one format whose form it has; EG_FORMATS: none. */
unsigned eg_format_of(eg_span token, apr_pool_t *pool, eg_claims *claims);

/* On the way, without a key: it has a form that is read, and says the field and the call. Of a hex
 * token neither is known. EG_RULE_NONE: all is well. */
eg_token_rule eg_token_check(unsigned formats, eg_span token, const eg_demands *demands,
                             apr_pool_t *pool);

/* At the end: form, key and tag, then field, call and age. EG_ETOKEN for everything that is wrong
 * with the token, and opened->rule for the log; EG_ECRYPTO when OpenSSL failed. The plaintext is
 * there after EG_OK alone. */
eg_status eg_token_open_bound(eg_crypto *crypto, const eg_opening *with, eg_span token,
                              const eg_demands *demands, apr_pool_t *pool,
                              eg_opened_token *opened) EG_MUST_CHECK;

#endif
