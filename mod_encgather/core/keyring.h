/* SPDX-License-Identifier: Apache-2.0
 * Key files: one AES-256 key, or a ring of up to eight with ids. */
#ifndef EG_KEYRING_H
#define EG_KEYRING_H

#include "crypto.h"
#include "problem.h"

#define EG_KEYS_MAX 8
#define EG_KEY_ID_MAX 32

typedef struct {
    char id[EG_KEY_ID_MAX + 1]; /* empty for the one key of a file without ids */
    unsigned char key[EG_KEY_SIZE];
    /* made of it by eg_keyring_derive(): */
    unsigned char index[EG_SHA256_SIZE];       /* for blindindex.h */
    unsigned char idempotency[EG_SHA256_SIZE]; /* for Idempotency-Key */
    unsigned char action[EG_SHA256_SIZE];      /* for actionsig.h */
    eg_hmac_state action_ready;                /* of that, by SHA-256 */
    bool is_action_ready;                      /* false: it is made without */
} eg_key;

/* The first key encrypts, all decrypt. Belongs into memory of eg_secret_map() or _alone(). */
typedef struct {
    apr_size_t n;
    bool weak; /* a key looks constant or counting: worth a warning */
    eg_key keys[EG_KEYS_MAX];
} eg_keyring;

/* Whether this can name a key: 1 to EG_KEY_ID_MAX letters, digits, - or _. */
bool eg_is_key_id(eg_span id);

/* Reads the content of a key file: 64 hexadecimal digits with white space anywhere, or lines of
 * an id, blanks and 64 digits, "#" starting a comment line. On EG_EMALFORMED ring is wiped and why
 * says what is wrong, at which line, without a byte of the content. */
eg_status eg_keyring_parse(eg_span content, eg_keyring *ring, eg_problem *why) EG_MUST_CHECK;

/* Derives what every key of the ring needs beside itself, once and not with each request. After
 * EG_ECRYPTO the ring must not be used. */
eg_status eg_keyring_derive(eg_crypto *crypto, eg_keyring *ring) EG_MUST_CHECK;

/* Eight hexadecimal digits and a NUL that tell two keys apart and say nothing about either. */
eg_status eg_key_fingerprint(eg_crypto *crypto, const eg_key *key, char out[9]) EG_MUST_CHECK;

#endif
