/* SPDX-License-Identifier: Apache-2.0
 * What scenarios work on: secrets that are there while one is at work, and what has to come of them. */
#ifndef INPUTS_H
#define INPUTS_H

#include "core/blindindex.h"
#include "core/keyring.h"
#include "core/signature.h"
#include "core/token.h"

#define DIGITS 16
#define TOKEN_TEXT 32
#define LONG_TOKEN_TEXT 128 /* longer than a block of the hash: it is hashed first */
#define LONG_FORM 3000      /* longer than what is put together before it is hashed */
#define SEALED (DIGITS + EG_SEAL_OVERHEAD)

typedef struct {
    eg_keyring ring; /* two keys */
    char digits[DIGITS + 1];
    char auth[TOKEN_TEXT + 1];
    char long_auth[LONG_TOKEN_TEXT + 1];
    char long_form[LONG_FORM];
    eg_keyring derived; /* the same keys with what is made of them; while inputs are made */
} secrets;

extern secrets *secret; /* zeros but while a scenario is at work */

/* What is no secret: what the scenarios read and what they have to come to. */
typedef struct {
    char key_file[256];
    char token_file[256];
    char docroot[256];
    char token[EG_TOKEN_LENGTH(DIGITS) + 1];        /* under the first key */
    char second_token[EG_TOKEN_LENGTH(DIGITS) + 1]; /* under the second */
    unsigned char with_data[SEALED];
    char index[EG_INDEX_LENGTH + 1];
    char fingerprint[9];
    char signature[EG_SIGNATURE_LENGTH + 1];
    char long_signature[EG_SIGNATURE_LENGTH + 1];
    char private_file[3][256]; /* P-256, X25519, RSA */
    char public_file[3][256];  /* a PEM key, a JWK, a certificate */
    char jwe[4][1000];         /* for each of these, and under the first key */
    unsigned char form_hash[EG_SHA256_SIZE];
    unsigned char derived_hash[EG_SHA256_SIZE];
} expectations;

extern expectations *known;

/* Makes secrets, files in that directory and expectations; wipes and removes them. */
bool inputs_begin(const char *directory);
void inputs_end(void);

/* Secrets are in memory between these two only. */
void inputs_fill(void);
void inputs_wipe(void);

/* Tells what eg_keyring_derive() made from anything else, and nothing about it. */
bool hash_derived(eg_crypto *crypto, const eg_keyring *ring, unsigned char hash[EG_SHA256_SIZE]);

/* How many nonces were noted so far, and whether one came twice or is no random one. */
void note_nonce(const unsigned char nonce[EG_NONCE_SIZE]);
unsigned count_nonces(bool *is_bad);

#endif
