/* SPDX-License-Identifier: Apache-2.0
 * Tests of Idempotency-Key: what makes another one, and what does not. */
#include "tap.h"

#include <apr_general.h>
#include "core/authtoken.h"
#include "core/idempotency.h"

static eg_crypto *crypto;

typedef struct {
    const char *what;
    unsigned char key;
    eg_delivery delivery;
} sample;

#define CALL EG_LIT("CA1")
#define TARGET EG_LIT("/gather?step=processData&a=00ff")

static void deliveries(void)
{
    static const sample samples[] = {
        {"a delivery", 1, {CALL, TARGET, EG_LIT("0417")}},
        {"another key", 2, {CALL, TARGET, EG_LIT("0417")}},
        {"another call", 1, {EG_LIT("CA2"), TARGET, EG_LIT("0417")}},
        {"no call", 1, {{NULL, 0}, TARGET, EG_LIT("0417")}},
        {"another target", 1, {CALL, EG_LIT("/gather?step=processData&a=00fe"), EG_LIT("0417")}},
        {"other digits", 1, {CALL, TARGET, EG_LIT("0418")}},
        {"a call that is longer",
         1,
         {EG_LIT("CA1/gather"), EG_LIT("?step=processData&a=00ff"), EG_LIT("0417")}},
        {"a target that is longer",
         1,
         {CALL, EG_LIT("/gather?step=processData&a=00ff0"), EG_LIT("417")}},
        {"a line end in the call",
         1,
         {EG_LIT("CA1\n/gather?step=processData&a=00ff"), EG_LIT(""), EG_LIT("0417")}},
        {"digits of two lines", 1, {CALL, TARGET, EG_LIT("0417\n")}},
    };
    char keys[COUNT(samples)][EG_IDEMPOTENCY_LENGTH + 1], again[EG_IDEMPOTENCY_LENGTH + 1];

    for (size_t i = 0; i < COUNT(samples); i++) {
        unsigned char derived[EG_SHA256_SIZE];
        const eg_hmac_key by = {EG_SHA256, {(const char *)derived, sizeof derived}, NULL};
        size_t same = 0;

        memset(derived, samples[i].key, sizeof derived);
        is_int(eg_idempotency_key(crypto, &by, &samples[i].delivery, keys[i]), EG_OK, "%s",
               samples[i].what);
        is_int(eg_idempotency_key(crypto, &by, &samples[i].delivery, again), EG_OK, "twice");
        is_str(again, keys[i], "is the same");
        is_int((long long)strspn(keys[i], "0123456789abcdef"), EG_IDEMPOTENCY_LENGTH, "64 digits");
        while (same < i && strcmp(keys[same], keys[i]) != 0)
            same++;
        is_int((long long)same, (long long)i, "and no other one");
    }
}

static void derived_keys(void)
{
    unsigned char one[EG_SHA256_SIZE], other[EG_SHA256_SIZE];

    is_int(eg_idempotency_derive(crypto, EG_LIT("12345"), one), EG_OK, "a key of a token");
    is_int(eg_idempotency_derive(crypto, EG_LIT("12345"), other), EG_OK, "again");
    is_bytes(one, sizeof one, other, sizeof other, "is the same");
    is_int(eg_idempotency_derive(crypto, EG_LIT("12346"), other), EG_OK, "of another token");
    ok(memcmp(one, other, sizeof one) != 0, "is another");
    ok(memcmp(one, "12345", 5) != 0, "and not the token");
}

/* A token that was prepared has the key that one makes which was not. */
static void prepared(void)
{
    eg_auth_token token = {.token = EG_LIT("12345")};
    eg_auth_tokens tokens = {1, &token};
    const eg_delivery delivery = {CALL, TARGET, EG_LIT("0417")};
    eg_token_ready ready;
    unsigned char derived[EG_SHA256_SIZE];
    const eg_hmac_key by = {EG_SHA256, {(const char *)derived, sizeof derived}, NULL};
    const eg_hmac_key soon = {EG_SHA256,
                              {(const char *)ready.idempotency, sizeof ready.idempotency},
                              &ready.of_idempotency};
    char one[EG_IDEMPOTENCY_LENGTH + 1], other[EG_IDEMPOTENCY_LENGTH + 1];

    eg_auth_tokens_prepare(crypto, &tokens, &ready);
    if (!token.ready) /* digests are made by way of a provider */
        return;
    is_int(eg_idempotency_derive(crypto, token.token, derived), EG_OK, "its key");
    is_bytes(ready.idempotency, sizeof ready.idempotency, derived, sizeof derived, "is there");
    is_int(eg_idempotency_key(crypto, &by, &delivery, one), EG_OK, "a key made of it");
    is_int(eg_idempotency_key(crypto, &soon, &delivery, other), EG_OK, "and one that is prepared");
    is_str(other, one, "are the same");
    eg_crypto_use_provider(crypto);
    is_int(eg_idempotency_key(crypto, &soon, &delivery, other), EG_OK, "by way of a provider, too");
    is_str(other, one, "as ever");
    eg_auth_tokens_prepare(crypto, &tokens, &ready);
    ok(!token.ready && !ready.idempotency[0] && !ready.idempotency[31],
       "where nothing can be prepared nothing is left");
}

static bool no_random(unsigned char *out, apr_size_t n)
{
    (void)out;
    (void)n;
    return false;
}

static void random_keys(void)
{
    char one[EG_IDEMPOTENCY_LENGTH + 1], other[EG_IDEMPOTENCY_LENGTH + 1];

    is_int(eg_idempotency_random(crypto, one), EG_OK, "a random one");
    is_int(eg_idempotency_random(crypto, other), EG_OK, "and a second");
    is_int((long long)strspn(one, "0123456789abcdef"), EG_IDEMPOTENCY_LENGTH, "64 digits");
    ok(strcmp(one, other) != 0, "they differ");
    eg_crypto_use_random(crypto, no_random);
    is_int(eg_idempotency_random(crypto, one), EG_ECRYPTO, "none without random bytes");
    is_str(one, "", "and nothing that looks like one");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    crypto = eg_crypto_create(pool);
    deliveries();
    derived_keys();
    prepared();
    random_keys();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
