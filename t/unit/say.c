/* SPDX-License-Identifier: Apache-2.0
 * Tests of sentences with members in them: placeholders, holes, and spelling. */
#include "tap.h"

#include <stdlib.h>
#include <apr_general.h>
#include "core/say.h"

static apr_pool_t *pool;

/* A backend's answer: account and balance, an empty member, and one that cannot be said. */
static const char *member(const void *from, const char *name, apr_pool_t *p)
{
    static const char *const members[][2] = {
        {"account", "AC12"}, {"balance", "12.55"}, {"empty", ""}, {"a b:c", "odd"}};

    (void)p;
    *(int *)(apr_uintptr_t)from += 1;
    for (size_t i = 0; i < COUNT(members); i++)
        if (strcmp(name, members[i][0]) == 0)
            return members[i][1];
    return NULL;
}

static void sentences(void)
{
    static const struct {
        const char *text, *want; /* want NULL: no sentence */
        int asked;               /* members that were looked up */
    } cases[] = {
        {"", "", 0},
        {"Hello.", "Hello.", 0},
        {"%{account}", "AC12", 1},
        {"Account %{account}.", "Account AC12.", 1},
        {"%{account} has %{balance} now", "AC12 has 12.55 now", 2},
        {"%{account}%{balance}", "AC1212.55", 2},
        {"%{spell:account}", "A C 1 2", 1},
        {"%{spell:balance}, %{balance}", "1 2 . 5 5, 12.55", 2},
        {"[%{empty}] [%{spell:empty}]", "[] []", 2},
        {"%{a b:c}", "odd", 1},
        {"100% {sure} %", "100% {sure} %", 0},
        {"%%{account}}", "%AC12}", 1},
        {"%{missing}", NULL, 1},
        {"%{account} %{missing} %{balance}", NULL, 2},
        {"%{spell:missing}", NULL, 1},
        {"%{Account}", NULL, 1},
        {"%{account }", NULL, 1},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = exact_copy(cases[i].text, strlen(cases[i].text) + 1);
        int asked = 0;
        eg_say say;

        is_int(eg_say_parse(pool, text, &say), EG_OK, "'%s' is understood", cases[i].text);
        free(text); /* nothing of it is needed any more */
        is_str(eg_say_expand(pool, &say, member, &asked), cases[i].want, "'%s' is said",
               cases[i].text);
        is_int(asked, cases[i].asked, "so many members are looked up");
    }
}

static void refused(void)
{
    static const char *const cases[] = {
        "%{",        "%{account",       "Account %{account", "%{account} %{",       "%{}",
        "%{spell:}", "%{spell:account", "a %{} b",           "%{account}%{balance",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_say say;

        is_int(eg_say_parse(pool, cases[i], &say), EG_EMALFORMED, "'%s' is refused", cases[i]);
    }
}

static void spelling(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"A", "A"},
        {"AC12", "A C 1 2"},
        {"12.55", "1 2 . 5 5"},
        {"A B", "A   B"},
        {"K\xc3\xb6ln", "K \xc3\xb6 l n"},
        {"\xe2\x82\xac"
         "5",
         "\xe2\x82\xac 5"},
        {"\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80 !"},
        {"\xc3\xa9\xc3\xa9", "\xc3\xa9 \xc3\xa9"},
        {"\x80\x80"
         "a",
         "\x80\x80 a"},
        {"a\xff"
         "b",
         "a \xff b"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        is_str(eg_spell(pool, cases[i].text), cases[i].want, "spelling, case %zu", i);
}

static void holes(void)
{
    static const char *const cases[][2] = {{"Hello.", NULL},
                                           {"%{account} has %{balance}", NULL},
                                           {"%{empty}", NULL},
                                           {"%{account} and %{balanse}, %{acount}", "balanse"},
                                           {"%{spell:acount}", "acount"}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        int asked = 0;
        eg_say say;

        is_int(eg_say_parse(pool, cases[i][0], &say), EG_OK, "'%s' is understood", cases[i][0]);
        is_str(eg_say_hole(pool, &say, member, &asked), cases[i][1], "what is missing in '%s'",
               cases[i][0]);
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    sentences();
    refused();
    spelling();
    holes();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
