/* SPDX-License-Identifier: Apache-2.0
 * The blind index: the one of the definition, by OpenSSL's own HMAC; the same bytes cut in another
 * way are another index. The first line of the input chooses the key, each further line is a
 * value. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "core/blindindex.h"

#define VALUES_MAX (EG_INDEX_VALUES_MAX + 2)

static const char *const atoms[] = {"1234", "4321", "\n", "\n\n", "4111111111111111", NULL};
const fuzz_grammar fuzz_target = {"blindindex", "\n", atoms};

typedef struct {
    eg_span at[VALUES_MAX];
    apr_size_t n;
} values;

/* --- the definition ---------------------------------------------------------------------------- */

static void mac(eg_span key, eg_span text, unsigned char out[EG_SHA256_SIZE])
{
    HOLDS(HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, out, NULL),
          "OpenSSL makes an HMAC");
}

static void derive(const unsigned char *key, unsigned char out[EG_SHA256_SIZE])
{
    static const char zeros[EG_SHA256_SIZE];
    unsigned char extracted[EG_SHA256_SIZE];

    mac((eg_span){zeros, sizeof zeros}, (eg_span){(const char *)key, EG_KEY_SIZE}, extracted);
    mac((eg_span){(const char *)extracted, sizeof extracted}, EG_LIT("encgather-index\x01"), out);
}

static eg_span framed(apr_pool_t *pool, const values *v)
{
    apr_size_t room = 1;
    char *text, *to;

    for (apr_size_t i = 0; i < v->n; i++)
        room += 4 + v->at[i].n;
    to = text = apr_palloc(pool, room);
    for (apr_size_t i = 0; i < v->n; i++) {
        for (int shift = 24; shift >= 0; shift -= 8)
            *to++ = (char)(v->at[i].n >> shift & 255);
        if (v->at[i].n)
            memcpy(to, v->at[i].p, v->at[i].n);
        to += v->at[i].n;
    }
    return (eg_span){text, (apr_size_t)(to - text)};
}

static void define(apr_pool_t *pool, const unsigned char *key, const values *v, char *out)
{
    unsigned char derived[EG_SHA256_SIZE], sum[EG_SHA256_SIZE];

    derive(key, derived);
    mac((eg_span){(const char *)derived, sizeof derived}, framed(pool, v), sum);
    for (unsigned i = 0; i < EG_SHA256_SIZE; i++)
        (void)apr_snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/* --- properties ---------------------------------------------------------------------------------- */

static bool make(const unsigned char *key, const values *v, char *out)
{
    memset(out, 'x', EG_INDEX_LENGTH + 1);
    return eg_blind_index(fuzz_crypto(), key, v->at, v->n, out) == EG_OK;
}

/* One byte goes from the end of a value to the front of the next one. */
static void hold_cut(const unsigned char *key, const values *v, const char *index)
{
    char other[EG_INDEX_LENGTH + 1];

    for (apr_size_t i = 0; i + 1 < v->n; i++) {
        values moved = *v;

        if (v->at[i].n == 0)
            continue;
        moved.at[i].n--;
        moved.at[i + 1].n = 0;
        HOLDS(make(key, &moved, other) && strcmp(other, index) != 0,
              "values that are cut elsewhere have another index");
    }
}

/* In two steps, as a server does that keeps what it derived. */
static void hold_two_steps(const unsigned char *key, const values *v, const char *index)
{
    unsigned char derived[EG_SHA256_SIZE], want[EG_SHA256_SIZE];
    char other[EG_INDEX_LENGTH + 1];

    derive(key, want);
    HOLDS(eg_blind_index_key(fuzz_crypto(), key, derived) == EG_OK &&
              memcmp(derived, want, sizeof want) == 0,
          "the key of indices is the one of the definition");
    HOLDS(eg_blind_index_under(fuzz_crypto(), derived, v->at, v->n, other) == EG_OK &&
              strcmp(other, index) == 0,
          "the index under it is the same");
}

static void hold_limits(const unsigned char *key, const values *v, const char *out)
{
    char other[EG_INDEX_LENGTH + 1];

    HOLDS(v->n == 0 || v->n > EG_INDEX_VALUES_MAX, "only none and too many are refused");
    HOLDS(eg_blind_index(fuzz_crypto(), key, v->at, v->n, other) ==
              (v->n ? EG_ETOOMANY : EG_EMISSING),
          "which of them it was is told");
    HOLDS(out[0] == '\0', "what is refused has no index");
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    char index[EG_INDEX_LENGTH + 1], want[EG_INDEX_LENGTH + 1], other[EG_INDEX_LENGTH + 1];
    unsigned char key[EG_KEY_SIZE] = {0};
    eg_span choice = fuzz_line(&input);
    values v = {.n = 0};

    if (choice.n)
        memcpy(key, choice.p, choice.n < sizeof key ? choice.n : sizeof key);
    while (input.n && v.n < VALUES_MAX)
        v.at[v.n++] = fuzz_line(&input);
    if (!make(key, &v, index)) {
        hold_limits(key, &v, index);
        return;
    }
    define(pool, key, &v, want);
    HOLDS(strcmp(index, want) == 0, "the index is the one of the definition");
    hold_two_steps(key, &v, index);
    hold_cut(key, &v, index);
    key[0] ^= 1;
    HOLDS(make(key, &v, other) && strcmp(other, index) != 0, "another key is another index");
}
