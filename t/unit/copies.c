/* SPDX-License-Identifier: Apache-2.0
 * Tests of copies of a parameter in other texts: what is one, and what is another. */
#include "tap.h"

#include <string.h>
#include <apr_general.h>
#include "core/copies.h"

static apr_pool_t *pool;

static const eg_copied all[] = {
    {{"Digits", 6}, {"41 7", 4}, {"T", 1}},
    {{"Pin[]", 5}, {"0", 1}, {"U", 1}},
};

static void exchanged(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"Digits", "Digits"},
        {"Digits=", "Digits="},
        {"Digits=41", "Digits=41"},
        {"Digits=41 7", "Digits=T"},
        {"Digits=41+7", "Digits=T"},
        {"D%69gits%3d%341%207", "D%69gits%3dT"},
        {"/x?a=b&Digits=41%207&c=d", "/x?a=b&Digits=T&c=d"},
        {"u=%2Fx%3fDigits%3D41+7%26c", "u=%2Fx%3fDigits%3DT%26c"},
        {"Digits=41+7Digits=41+7", "Digits=41+7Digits=41+7"},
        {"Digits=41+7&Digits=41+7", "Digits=T&Digits=T"},
        {"Digits=41+71", "Digits=41+71"},
        {"Digits=41+7%31", "Digits=41+7%31"},
        {"xDigits=41+7", "xDigits=41+7"},
        {"%41Digits=41+7", "%41Digits=41+7"},
        {"digits=41+7", "digits=41+7"},
        {"Pin%5b%5D=0;", "Pin%5b%5D=U;"},
        {"Digits=41+%", "Digits=41+%"},
        {"Digits%3", "Digits%3"},
        {"%", "%"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = eg_copies_exchange(pool, cases[i].text, all, 2);

        (void)is_str(got, cases[i].want, "%s", cases[i].text);
        if (strcmp(cases[i].text, cases[i].want) == 0)
            (void)ok(got == cases[i].text, "the same pointer");
    }
    (void)ok(eg_copies_exchange(pool, NULL, all, 2) == NULL, "NULL");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    exchanged();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
