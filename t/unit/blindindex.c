/* SPDX-License-Identifier: Apache-2.0
 * Tests of the blind index: known answers, values that must not run together, what is refused. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include "core/blindindex.h"

#define EIGHT_OF(s) s s s s s s s s
#define NINES300                                                                                   \
    EIGHT_OF("999999999999") EIGHT_OF("999999999999") EIGHT_OF("999999999999") "999999999999"

static eg_crypto *crypto;
static unsigned char key[EG_KEY_SIZE]; /* the contract's: 00 01 02 ... 1f */

/* Made with Python's hmac and struct. */
static void known_answers(void)
{
    static const struct {
        const char *name;
        apr_size_t n;
        eg_span values[3];
        const char *index;
    } cases[] = {
        {"a card and a PIN",
         2,
         {EG_LIT("1234"), EG_LIT("4321")},
         "7edba3577f30be53e48698181e89e8d6ba2c9647d99d5fddddadd773d1ad4d99"},
        {"one value",
         1,
         {EG_LIT("1234")},
         "d558bcfa8a420fa37265400275a10422704bbbb10ca8a7efbfcdf98f6d911c4d"},
        {"an empty one",
         1,
         {EG_LIT("")},
         "407a9797db232cd7eb752f32a6f636f6d2f448d9033fd4d0f2895f5f7dc60495"},
        {"the same digits, cut elsewhere",
         2,
         {EG_LIT("12"), EG_LIT("344321")},
         "5263cb74e5af77bdfd48715c470bebae56d006599b1e55dbee8e9fd9089dba72"},
        {"an empty one behind it",
         2,
         {EG_LIT("1234"), EG_LIT("")},
         "267dd81382a24bef8befda8b40aac55753a467227ce26d09c88f740cc4926f5f"},
        {"an empty one before it",
         2,
         {EG_LIT(""), EG_LIT("1234")},
         "9b49e7b02b8ae862c36c902fee133d70eba08e8ef4b834d72a9037ce9014f861"},
        {"a NUL within",
         1,
         {EG_LIT("a\0b")},
         "869b822824fc255f0dcf67fd8b2b0786af2489cc2a4ee9485e9d9f917ad3a36b"},
        {"a length of two bytes",
         1,
         {EG_LIT(NINES300)},
         "1c0833613e9b8e26b5f625cb40b4b91b016092d9803ce331dd2822157547aff1"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char *out = malloc(EG_INDEX_LENGTH + 1);

        is_int(eg_blind_index(crypto, key, cases[i].values, cases[i].n, out), EG_OK, "made: %s",
               cases[i].name);
        is_str(out, cases[i].index, "known answer: %s", cases[i].name);
        free(out);
    }
}

static void number_of_values(void)
{
    char digits[EG_INDEX_VALUES_MAX + 1][4], out[EG_INDEX_LENGTH + 1];
    eg_span values[EG_INDEX_VALUES_MAX + 1];

    for (unsigned i = 0; i < COUNT(values); i++) {
        (void)snprintf(digits[i], sizeof digits[i], "%u", i);
        values[i] = eg_span_of(digits[i]);
    }
    is_int(eg_blind_index(crypto, key, values, EG_INDEX_VALUES_MAX, out), EG_OK, "16 values");
    is_str(out, "390f090c77c921711896862029253d5045a9ef05c058b6944528191d3064014f",
           "and their index");
    is_int(eg_blind_index(crypto, key, values, EG_INDEX_VALUES_MAX + 1, out), EG_ETOOMANY,
           "17 values are too many");
    is_str(out, "", "and leave nothing");
    is_int(eg_blind_index(crypto, key, values, 0, out), EG_EMISSING, "no value");
    is_str(out, "", "leaves nothing");
}

/* Nothing is read of a value whose length does not fit four bytes. */
static void monstrous(void)
{
    eg_span value = {"x", (apr_size_t)1 << 32};
    char out[EG_INDEX_LENGTH + 1];

    is_int(eg_blind_index(crypto, key, &value, 1, out), EG_ETOOMANY, "a value of 4 GiB is refused");
}

static void other_key(void)
{
    unsigned char other[EG_KEY_SIZE];
    eg_span value = EG_LIT("1234");
    char out[EG_INDEX_LENGTH + 1], again[EG_INDEX_LENGTH + 1];

    memcpy(other, key, sizeof other);
    other[EG_KEY_SIZE - 1] ^= 1;
    is_int(eg_blind_index(crypto, key, &value, 1, out), EG_OK, "under one key");
    is_int(eg_blind_index(crypto, other, &value, 1, again), EG_OK, "and under another");
    ok(strcmp(out, again) != 0, "the indexes differ");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    crypto = eg_crypto_create(pool);
    for (unsigned i = 0; i < EG_KEY_SIZE; i++)
        key[i] = (unsigned char)i;
    known_answers();
    number_of_values();
    monstrous();
    other_key();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
