/* SPDX-License-Identifier: Apache-2.0
 * Tests of the parameters that mean something, of media types and of plain numbers. */
#include "tap.h"

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include "core/mediatype.h"
#include "core/parameters.h"

static apr_pool_t *pool;

static eg_params parsed(const char *form)
{
    eg_params params = {0};
    char *copy = apr_pstrdup(pool, form);

    ok(eg_form_parse(pool, copy, strlen(copy), EG_PARAMS_MAX, &params) == EG_OK, "%s is a form",
       form);
    return params;
}

static void is_account(const char *form, const char *query, const char *want)
{
    eg_params in_form = parsed(form), in_query = parsed(query);
    eg_span account = eg_account_of(&in_form, &in_query);

    is_bytes(account.p, account.n, want, strlen(want), "the account of %s and %s", form, query);
}

static void accounts(void)
{
    eg_params nothing = {0};

    is_account("AccountSid=AC1", "a=b", "AC1");
    is_account("a=b", "AccountSid=AC2", "AC2");
    is_account("AccountSid=AC1", "AccountSid=AC1", "?");
    is_account("AccountSid=AC1&AccountSid=AC1", "a=b", "?");
    is_account("accountsid=AC1", "a=b", "");
    ok(!eg_account_of(&nothing, &nothing).p, "nothing says no account");
}

static void hashes(void)
{
    static const char digits[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    unsigned char hash[EG_SHA256_SIZE];
    eg_params query = parsed(apr_pstrcat(pool, "bodySHA256=", digits, NULL)), none = parsed("a=b");
    eg_params twice =
        parsed(apr_pstrcat(pool, "bodySHA256=", digits, "&bodySHA256=", digits, NULL));
    eg_params upper = parsed(apr_pstrcat(pool, "bodySHA256=", "00010203", NULL));

    for (unsigned i = 0; i < sizeof hash; i++)
        hash[i] = (unsigned char)i;
    ok(eg_claims_body_hash(&query) && !eg_claims_body_hash(&none), "a hash is claimed or not");
    ok(eg_body_hash_fits(&query, hash), "the right hash");
    ok(!eg_body_hash_fits(&twice, hash), "twice the right hash is none");
    ok(!eg_body_hash_fits(&upper, hash), "the front of it is none");
    hash[31]++;
    ok(!eg_body_hash_fits(&query, hash), "another hash");
}

static void names(void)
{
    ok(eg_is_answer_name(EG_LIT("Digits")) && eg_is_answer_name(EG_LIT("SpeechResult")) &&
           eg_is_answer_name(EG_LIT("Speech")),
       "what the caller keys in or says");
    ok(!eg_is_answer_name(EG_LIT("digits")) && !eg_is_answer_name(EG_LIT("Digit")), "and no other");
    ok(eg_query_has_answer(EG_LIT("a=1&%44igits=1")), "an escaped name in a query");
    ok(!eg_query_has_answer(EG_LIT("a=Digits")), "a value is no name");
}

static void media_types(void)
{
    static const char *const yes[] = {"text/xml", "Text/XML", "text/xml;charset=utf-8",
                                      "text/xml \t; a=b", "text/xml "};
    static const char *const no[] = {"text/xmlx", "text/x", "", " text/xml", "text/xml,text/html"};

    for (size_t i = 0; i < COUNT(yes); i++)
        ok(eg_media_type_is(yes[i], "text/xml"), "'%s' is text/xml", yes[i]);
    for (size_t i = 0; i < COUNT(no); i++)
        ok(!eg_media_type_is(no[i], "text/xml"), "'%s' is not", no[i]);
    ok(!eg_media_type_is(NULL, "text/xml"), "neither is none");
}

static void numbers(void)
{
    const char *text = "007x", *many = "99999999999999999999", *zero = "0", *sign = "-1";
    unsigned number = 0;

    ok(eg_read_number(&text, 7, &number) && number == 7 && *text == 'x', "a number, and the rest");
    ok(!eg_read_number(&many, 16777216, &number), "more digits than any number has");
    ok(!eg_read_number(&zero, 9, &number) && !eg_read_number(&sign, 9, &number), "from 1 on");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    accounts();
    hashes();
    names();
    media_types();
    numbers();
    apr_pool_destroy(pool);
    return done_testing();
}
