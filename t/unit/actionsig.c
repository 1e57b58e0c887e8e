/* SPDX-License-Identifier: Apache-2.0
 * Tests of the "sig" of an action: what it binds, and what it does not let through. */
#include "tap.h"

#include <stdlib.h>
#include <apr_general.h>
#include "core/actionsig.h"

#define KEYS                                                                                       \
    "new 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"                       \
    "old 101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f\n"

static apr_pool_t *pool;
static eg_crypto *crypto;

static eg_keyring ring_of(const char *text)
{
    eg_keyring ring;
    eg_problem why;

    ok(eg_keyring_parse(eg_span_of(text), &ring, &why) == EG_OK &&
           eg_keyring_derive(crypto, &ring) == EG_OK,
       "a ring");
    return ring;
}

static const eg_action action = {EG_LIT("telnyx"), EG_LIT("v3:toycall"), EG_LIT("/gather"),
                                 EG_LIT("step=getPin&a=token")};

static void what_is_bound(void)
{
    const eg_action others[] = {
        {EG_LIT("plivo"), action.call, action.path, action.query},
        {action.provider, EG_LIT("v3:toycalL"), action.path, action.query},
        {action.provider, action.call, EG_LIT("/gather/"), action.query},
        {action.provider, action.call, action.path, EG_LIT("step=getPin&a=tokem")},
        {action.provider, EG_LIT("v3:toycall/"), EG_LIT("gather"), action.query},
        {action.provider, EG_LIT(""), EG_LIT("v3:toycall/gather"), action.query},
        {action.provider, action.call, EG_LIT("/gatherstep="), EG_LIT("getPin&a=token")},
    };
    eg_keyring ring = ring_of(KEYS);
    char sig[EG_ACTION_SIG_LENGTH + 1];

    is_int(eg_action_sign(crypto, &ring, &action, sig), EG_OK, "it is signed");
    is_int((long long)strlen(sig), EG_ACTION_SIG_LENGTH, "with 43 characters");
    is_int(
        (long long)strspn(sig, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        EG_ACTION_SIG_LENGTH, "of a URL's alphabet");
    is_int(eg_action_check(crypto, &ring, &action, eg_span_of(sig)), EG_OK, "and fits");
    for (size_t i = 0; i < COUNT(others); i++)
        is_int(eg_action_check(crypto, &ring, &others[i], eg_span_of(sig)), EG_ETOKEN,
               "not for another action (%zu)", i);
    is_int(eg_action_check(crypto, &ring, &action, (eg_span){sig, EG_ACTION_SIG_LENGTH - 1}),
           EG_ETOKEN, "nor shortened");
}

static void rotation(void)
{
    eg_keyring ring = ring_of(KEYS), old = ring_of(strstr(KEYS, "old"));
    eg_keyring other = ring_of("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f");
    char sig[EG_ACTION_SIG_LENGTH + 1];

    is_int(eg_action_sign(crypto, &old, &action, sig), EG_OK, "signed before a rotation");
    is_int(eg_action_check(crypto, &ring, &action, eg_span_of(sig)), EG_OK, "fits after it");
    is_int(eg_action_check(crypto, &other, &action, eg_span_of(sig)), EG_ETOKEN, "elsewhere not");
}

static void at_the_end(void)
{
#define SIG "0123456789012345678901234567890123456789012"
    static const struct {
        const char *query, *rest;
    } cases[] = {
        {"step=a&sig=" SIG, "step=a"},
        {"&sig=" SIG, ""},
        {"sig=" SIG, NULL},
        {"step=a&sig=" SIG "&b", NULL},
        {"step=a&sig=x", NULL},
        {"step=a&Sig=" SIG, NULL},
        {"", NULL},
        {"step=a&xsig=" SIG, NULL},
        {"step=a&sig=" SIG "0", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].query);
        char *query = exact_copy(cases[i].query, n);
        eg_span rest, sig;
        bool there = eg_action_split((eg_span){query, n}, &rest, &sig);
        const char *wanted = cases[i].rest ? cases[i].rest : cases[i].query;

        ok(there == (cases[i].rest != NULL), "'%s': sig is %s", cases[i].query,
           there ? "there" : "not there");
        is_bytes(rest.p, rest.n, wanted, strlen(wanted), "what stands in front of it");
        ok(!there || eg_span_eq(sig, EG_LIT(SIG)), "and itself");
        free(query);
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    crypto = eg_crypto_create(pool);
    what_is_bound();
    rotation();
    at_the_end();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
