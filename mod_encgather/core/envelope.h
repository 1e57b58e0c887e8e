/* SPDX-License-Identifier: Apache-2.0
 * Content keys for a public key: ECDH-ES on P-256 and X25519, RSA-OAEP-256 (RFC 7518, RFC 8037). */
#ifndef EG_ENVELOPE_H
#define EG_ENVELOPE_H

#include "crypto.h"

#define EG_KID_MAX 64
#define EG_COORDINATE 32                     /* bytes, of P-256 and X25519 alike */
#define EG_POINT_MAX (1 + 2 * EG_COORDINATE) /* 04 || x || y */
#define EG_RSA_BITS_MIN 2048
#define EG_RSA_BITS_MAX 8192
#define EG_KEY_PRINT 8 /* characters */

typedef enum { EG_P256, EG_X25519, EG_RSA, EG_KEY_KINDS } eg_key_kind;

/* One half of a key pair: the public one of a recipient, or the private one that opens. Shared by
 * all threads. */
typedef struct {
    char kid[EG_KID_MAX + 1]; /* empty: it answers to every kid (tools alone) */
    eg_key_kind kind;
    struct evp_pkey_st *pkey;
    apr_size_t wrapped; /* bytes of a wrapped content key: those of the modulus; 0 but for RSA */
} eg_envelope_key;

typedef struct {
    apr_size_t n;
    const eg_envelope_key *const *at;
} eg_envelope_keys;

/* What may be known of a key where the key itself must not be. */
typedef struct {
    eg_key_kind kind;
    apr_size_t wrapped;
    bool is_expired;                         /* it came in a certificate whose time is over */
    unsigned char public_id[EG_SHA256_SIZE]; /* of its public numbers: both halves have the same */
    char fingerprint[EG_KEY_PRINT + 1];
} eg_key_facts;

/* Whether this can name a key: 1 to EG_KID_MAX of A-Z a-z 0-9 _ -. */
bool eg_is_kid(eg_span kid);

/* "ECDH-ES" or "RSA-OAEP-256"; and what people call the kind: "P-256", ... */
const char *eg_envelope_alg(eg_key_kind kind);
const char *eg_key_kind_name(eg_key_kind kind);

/* What travels beside the ciphertext, so that the private half finds the content key again. */
typedef struct {
    unsigned char point[EG_POINT_MAX]; /* P-256: 04 || x || y; X25519: u, EG_COORDINATE bytes */
    apr_size_t point_n;                /* 0: none */
    unsigned char *wrapped;            /* RSA: key->wrapped bytes of the caller's */
} eg_envelope;

/* Makes a content key for the recipient. content is wiped by the caller; nothing else that is secret
 * is left, whether it succeeds or not. */
eg_status eg_envelope_make(eg_crypto *crypto, const eg_envelope_key *recipient,
                           eg_envelope *envelope, unsigned char content[EG_KEY_SIZE]) EG_MUST_CHECK;

/* Finds it again. point is a stranger's and is checked: EG_ETOKEN for one that is not of the key's
 * curve, or gives nothing but zeros. A wrapped key that does not open gives a random content key, so
 * that the tag is what fails. EG_ECRYPTO: OpenSSL failed. content is wiped by the caller. */
eg_status eg_envelope_open(eg_crypto *crypto, const eg_envelope_key *key, eg_span point,
                           eg_span wrapped, unsigned char content[EG_KEY_SIZE]) EG_MUST_CHECK;

/* Makes a content key for it, and finds it again where it is a private one: whether the numbers of a
 * file are a key at all. EG_ETOKEN: the two halves do not fit; EG_ECRYPTO: it cannot be used. */
eg_status eg_envelope_try(eg_crypto *crypto, const eg_envelope_key *key,
                          bool is_private) EG_MUST_CHECK;

/* Frees what is OpenSSL's of it with the pool. */
void eg_envelope_key_own(apr_pool_t *pool, const eg_envelope_key *key);

/* Whose pair it is a half of, however its file was written; for comparing in this process alone. */
eg_status eg_envelope_public_id(eg_crypto *crypto, const eg_envelope_key *key,
                                unsigned char id[EG_SHA256_SIZE]) EG_MUST_CHECK;

/* Whether these are two halves of one pair, or one of them twice. */
bool eg_key_facts_fit(const eg_key_facts *one, const eg_key_facts *other);

/* The first characters of the SHA-256, in hexadecimal, of the public key in DER: the same for both halves,
 * and what "openssl pkey -pubout -outform DER | sha256sum" begins with. EG_ECRYPTO: text is empty. */
eg_status eg_envelope_fingerprint(eg_crypto *crypto, const eg_envelope_key *key,
                                  char text[EG_KEY_PRINT + 1]);

#endif
