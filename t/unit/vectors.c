/* SPDX-License-Identifier: Apache-2.0
 * Published vectors of Wycheproof and NIST for AES-256-GCM and HMAC-SHA1, all that fit. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include "core/crypto.h"

#define FIELDS_MAX 8 /* result number key nonce aad plaintext ciphertext tag */
#define GCM_FIELDS 8
#define HMAC_FIELDS 5 /* result number key message tag */

typedef struct {
    unsigned char *bytes; /* decoded, in an allocation of just their size */
    size_t n;
} field;

typedef struct {
    bool valid;
    const char *number;
    field at[FIELDS_MAX]; /* the first two are unused */
} vector;

static apr_pool_t *pool;

static bool decode_field(const char *text, field *out)
{
    size_t n = strcmp(text, "-") == 0 ? 0 : strlen(text);

    out->n = n / 2;
    out->bytes = malloc(out->n ? out->n : 1);
    return out->bytes && eg_hex_decode(out->bytes, (eg_span){text, n}) == EG_OK;
}

static bool parse(char *line, size_t fields, vector *out)
{
    char *rest, *word = strtok_r(line, " \n", &rest);
    bool good = word && (strcmp(word, "valid") == 0 || strcmp(word, "invalid") == 0);

    memset(out, 0, sizeof *out);
    out->valid = good && *word == 'v';
    out->number = strtok_r(NULL, " \n", &rest);
    for (size_t i = 2; good && i < fields; i++) {
        word = strtok_r(NULL, " \n", &rest);
        good = word && decode_field(word, &out->at[i]);
    }
    return good && out->number && !strtok_r(NULL, " \n", &rest);
}

static void free_vector(vector *v)
{
    for (size_t i = 0; i < FIELDS_MAX; i++)
        free(v->at[i].bytes);
}

static eg_span span_of(const field *from)
{
    return (eg_span){(const char *)from->bytes, from->n};
}

static const unsigned char *next_nonce;

static bool given_nonce(unsigned char *out, apr_size_t n)
{
    for (apr_size_t i = 0; i < n; i++)
        out[i] = next_nonce[i % EG_NONCE_SIZE];
    return true;
}

/* A fresh one for each vector: it has no nonces in stock yet. */
static bool seals_to(const vector *v, const unsigned char *sealed, size_t n)
{
    eg_crypto *crypto = eg_crypto_create(pool);
    unsigned char *out = malloc(n);
    bool same;

    next_nonce = v->at[3].bytes;
    eg_crypto_use_random(crypto, given_nonce);
    same =
        eg_gcm_seal(crypto, v->at[2].bytes, span_of(&v->at[4]), span_of(&v->at[5]), out) == EG_OK &&
        memcmp(out, sealed, n) == 0;
    free(out);
    return same;
}

static bool opens(const vector *v, const unsigned char *sealed, size_t n)
{
    eg_crypto *crypto = eg_crypto_create(pool);
    size_t text = v->at[6].n;
    unsigned char *out = malloc(text ? text : 1), left = 0;
    eg_status status;
    bool same;

    memset(out, 0xa5, text ? text : 1);
    status = eg_gcm_open(crypto, v->at[2].bytes, span_of(&v->at[4]), sealed, n, out);
    same = text == v->at[5].n && memcmp(out, v->at[5].bytes, text) == 0;
    for (size_t i = 0; i < text; i++)
        left |= out[i];
    free(out);
    return v->valid ? status == EG_OK && same : status == EG_ETOKEN && left == 0;
}

static bool gcm(const vector *v)
{
    size_t n = EG_SEAL_OVERHEAD + v->at[6].n;
    unsigned char *sealed = malloc(n);
    bool good;

    if (v->at[2].n != EG_KEY_SIZE || v->at[3].n != EG_NONCE_SIZE || v->at[7].n != EG_TAG_SIZE) {
        free(sealed);
        return false;
    }
    memcpy(sealed, v->at[3].bytes, EG_NONCE_SIZE);
    memcpy(sealed + EG_NONCE_SIZE, v->at[6].bytes, v->at[6].n);
    memcpy(sealed + n - EG_TAG_SIZE, v->at[7].bytes, EG_TAG_SIZE);
    good = opens(v, sealed, n) && (!v->valid || seals_to(v, sealed, n));
    free(sealed);
    return good;
}

static bool hmac(const vector *v)
{
    eg_span message = span_of(&v->at[3]);
    unsigned char mac[EG_SHA1_SIZE];

    if (v->at[4].n != EG_SHA1_SIZE ||
        eg_hmac_sha1(eg_crypto_create(pool), span_of(&v->at[2]), &message, 1, mac) != EG_OK)
        return false;
    return (memcmp(mac, v->at[4].bytes, sizeof mac) == 0) == v->valid;
}

static void file(const char *name, size_t fields, bool (*fits)(const vector *), int want_valid,
                 int want_invalid)
{
    const char *directory = getenv("ENCGATHER_VECTORS");
    char path[1024], line[8192];
    int valid = 0, invalid = 0;
    FILE *in;

    snprintf(path, sizeof path, "%s/%s", directory ? directory : "t/vectors", name);
    in = fopen(path, "r");
    ok(in != NULL, "%s is there", path);
    if (!in)
        return;
    while (fgets(line, sizeof line, in)) {
        vector v;

        if (*line == '#')
            continue;
        if (parse(line, fields, &v))
            ok(fits(&v), "%s: %s, %s", name, v.number, v.valid ? "valid" : "invalid");
        else
            ok(false, "%s: a line is a vector", name);
        *(v.valid ? &valid : &invalid) += 1;
        free_vector(&v);
        apr_pool_clear(pool);
    }
    fclose(in);
    is_int(valid, want_valid, "%s: so many valid ones", name);
    is_int(invalid, want_invalid, "%s: so many invalid ones", name);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    file("wycheproof-aes256gcm.txt", GCM_FIELDS, gcm, 39, 27);
    file("cavp-aes256gcm-decrypt.txt", GCM_FIELDS, gcm, 184, 191);
    file("cavp-aes256gcm-encrypt.txt", GCM_FIELDS, gcm, 375, 0);
    file("wycheproof-hmacsha1.txt", HMAC_FIELDS, hmac, 33, 54);
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
