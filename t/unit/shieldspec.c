/* SPDX-License-Identifier: Apache-2.0
 * Tests of what EncGatherShield names, and of a form in which chosen values are other ones. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include <apr_strings.h>
#include "core/form.h"
#include "core/shieldspec.h"

static apr_pool_t *pool;

static const char *spelled(const eg_shielded *one)
{
    return apr_psprintf(pool, "%.*s %lu-%lu%s %.*s", (int)one->name.n, one->name.p,
                        (unsigned long)one->least, (unsigned long)one->most,
                        one->has_range ? "" : "+", (int)one->fld.n, one->fld.p);
}

static void words(void)
{
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"Digits", "Digits 1-4096+ Digits"},
        {"Digits=4", "Digits 4-4 Digits"},
        {"Digits=13-19", "Digits 13-19 Digits"},
        {"Digits=1-4096:card", "Digits 1-4096 card"},
        {"Digits:card", "Digits 1-4096+ card"},
        {"Digits:a=b:c", "Digits 1-4096+ a=b:c"},
        {"a[b][]", "a[b][] 1-4096+ a[b][]"},
        {"K\xc3\xb6ln", "K\xc3\xb6ln 1-4096+ K\xc3\xb6ln"},
        {"Sig", "Sig 1-4096+ Sig"},
    };
    static const char *const wrong[] = {
        "",          "=4",        ":card",      "Digits=",     "Digits=0",     "Digits=4097",
        "Digits=4-", "Digits=-4", "Digits=9-4", "Digits=0-4",  "Digits=4-0",   "Digits=4-4097",
        "Digits= 4", "Digits=+4", "Digits=4x",  "Digits=4-5x", "Digits=4-5-6", "Digits=4=5",
        "Digits:",   "a b",       "a\tb",       "a&b",         "a\x7f",        "\xff",
        "a:\xff",    "a:b c",     "bodySHA256", "sig",         "sig=4:x",      "bodySHA256:x",
    };
    eg_shielded one;

    for (size_t i = 0; i < COUNT(cases); i++) {
        ok(!eg_shielded_parse(pool, cases[i].word, &one), "'%s' is one", cases[i].word);
        is_str(spelled(&one), cases[i].want, "and what it says");
    }
    for (size_t i = 0; i < COUNT(wrong); i++)
        ok(eg_shielded_parse(pool, wrong[i], &one) != NULL, "'%s' is none", wrong[i]);
}

static const char *add_word(eg_shield_list *list, const char *word)
{
    eg_shielded one;
    const char *fault = eg_shielded_parse(pool, word, &one);

    return fault ? fault : eg_shield_list_add(pool, list, &one);
}

static void lists(void)
{
    static eg_shield_list list;
    const eg_shielded *found;

    ok(!add_word(&list, "Digits=13-19:card"), "one");
    ok(!add_word(&list, "Digits=3-4:code"), "the same name, for values of another length");
    ok(!add_word(&list, "Speech"), "another");
    ok(add_word(&list, "Digits=19-20") != NULL, "one length twice");
    ok(add_word(&list, "Digits") != NULL, "any length, where some are there");
    ok(add_word(&list, "Speech=5000") != NULL, "no length at all");
    found = eg_shielded_find(&list, EG_LIT("Digits"), 16);
    is_bytes(found ? found->fld.p : "", found ? found->fld.n : 0, "card", 4, "a long value");
    found = eg_shielded_find(&list, EG_LIT("Digits"), 4);
    is_bytes(found ? found->fld.p : "", found ? found->fld.n : 0, "code", 4, "a short one");
    for (size_t n = 0; n < 40; n++)
        ok(!!eg_shielded_find(&list, EG_LIT("Digits"), n) ==
               ((n >= 3 && n <= 4) || (n >= 13 && n <= 19)),
           "a value of %d bytes", (int)n);
    ok(!eg_shielded_find(&list, EG_LIT("digits"), 4), "with case");
    ok(!eg_shielded_find(&list, EG_LIT("Digit"), 4), "a shorter name");
    ok(!eg_shielded_find(&list, EG_LIT("Speech"), 0), "an empty value");
    ok(eg_shielded_find(&list, EG_LIT("Speech"), 1 << 20) != NULL, "no range: of any length");
    ok(eg_shield_list_names(&list, EG_LIT("Speech")) && !eg_shield_list_names(&list, EG_LIT("x")),
       "which names there are");
    while (list.n < EG_SHIELDED_MAX)
        ok(!add_word(&list, apr_psprintf(pool, "n%u", list.n)), "and more");
    ok(add_word(&list, "last") != NULL, "too many");
}

/* --- the form -------------------------------------------------------------------------------------- */

/* "Digits" becomes its value in brackets, "Bad" fails. */
static eg_status bracket(void *about, const eg_param *param, eg_span *instead)
{
    unsigned *asked = about;

    ++*asked;
    if (eg_span_eq(param->name, EG_LIT("Bad")))
        return EG_ECRYPTO;
    if (!eg_span_eq(param->name, EG_LIT("Digits")) || !param->value.n)
        return EG_OK;
    instead->p = apr_psprintf(pool, "<%.*s>", (int)param->value.n, param->value.p);
    instead->n = param->value.n + 2;
    return EG_OK;
}

/* What is said to be in the new form is what a parser finds there. */
static bool has_values_of(const eg_params *params, eg_span out)
{
    char *copy = exact_copy(out.p, out.n);
    eg_params parsed;
    bool same =
        eg_form_parse(pool, copy, out.n, EG_PARAMS_MAX, &parsed) == EG_OK && parsed.n == params->n;

    for (size_t i = 0; same && i < parsed.n; i++)
        same = eg_span_eq(parsed.at[i].name, params->at[i].name) &&
               eg_span_eq(parsed.at[i].value, params->at[i].value);
    free(copy);
    return same;
}

static eg_status substitute(const char *raw, size_t n, eg_span *out)
{
    char *at = exact_copy(raw, n), *copy = exact_copy(raw, n);
    unsigned asked = 0;
    eg_params params;
    eg_status status = eg_form_parse(pool, copy, n, EG_PARAMS_MAX, &params);

    if (status == EG_OK)
        status = eg_form_substitute(pool, (eg_span){at, n}, &params, bracket, &asked, out);
    if (status == EG_OK)
        ok(has_values_of(&params, *out), "and the parameters are those of the new form");
    if (status == EG_OK && out->p == at)
        out->p = apr_pstrmemdup(pool, at, n);
    else if (status == EG_OK)
        ok(out->p[out->n] == '\0', "a NUL behind it");
    free(at);
    free(copy);
    return status;
}

static void forms(void)
{
    static const struct {
        const char *form, *want;
    } cases[] = {
        {"", ""},
        {"a=1", "a=1"},
        {"Digits=1", "Digits=<1>"},
        {"Digits=", "Digits="},
        {"Digits", "Digits"},
        {"&&Digits=1&&", "&&Digits=<1>&&"},
        {"Digits=1&Digits=2&Digits=1", "Digits=<1>&Digits=<2>&Digits=<1>"},
        {"D%69gits=%31", "D%69gits=<1>"},
        {"a=%7e%7E+x&Digits=1+2;3&b=%2b", "a=%7e%7E+x&Digits=<1 2;3>&b=%2b"},
        {"Digits=1=2", "Digits=<1=2>"},
        {"digits=1;Digits=2", "digits=1;Digits=2"},
        {"=&=1&Digits=1&=", "=&=1&Digits=<1>&="},
        {"Digits%3D=1&Digits=1", "Digits%3D=1&Digits=<1>"},
    };
    static char large[1 << 20];
    eg_span out = {NULL, 0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_int(substitute(cases[i].form, strlen(cases[i].form), &out), EG_OK, "'%s'",
               cases[i].form);
        is_bytes(out.p, out.n, cases[i].want, strlen(cases[i].want), "becomes '%s'", cases[i].want);
    }
    is_int(substitute("Digits=1&Bad=1&Digits=1", 23, &out), EG_ECRYPTO, "what fails ends it");
    memset(large, 'x', sizeof large);
    memcpy(large, "Digits=", 7);
    is_int(substitute(large, sizeof large, &out), EG_OK, "a megabyte");
    ok(out.n == sizeof large + 2 && out.p[7] == '<' && out.p[out.n - 1] == '>', "in brackets");
}

static unsigned next(unsigned *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

/* What is put in decodes to what was put in, and nothing else has changed. */
static bool is_right(const char *raw, size_t n, eg_span out)
{
    char *before = exact_copy(raw, n), *after = exact_copy(out.p, out.n);
    eg_params was, is;
    bool right = eg_form_parse(pool, before, n, EG_PARAMS_MAX, &was) == EG_OK &&
                 eg_form_parse(pool, after, out.n, EG_PARAMS_MAX, &is) == EG_OK && was.n == is.n;

    for (size_t i = 0; right && i < was.n; i++) {
        const eg_param *a = &was.at[i], *b = &is.at[i];
        bool chosen = eg_span_eq(a->name, EG_LIT("Digits")) && a->value.n;

        right = eg_span_eq(a->name, b->name) &&
                (chosen ? b->value.n == a->value.n + 2 : eg_span_eq(a->value, b->value));
    }
    free(before);
    free(after);
    return right;
}

static void random_forms(void)
{
    static const char *const parts[] = {"Digits", "D%69gits", "=",        "&",  "%41",    "x",
                                        ";",      "a",        "Digits=1", "&&", "Digits="};
    unsigned state = 7, wrong = 0;

    for (unsigned round = 0; round < 5000; round++) {
        char raw[400] = "";
        eg_span out;

        for (unsigned i = next(&state) % 30; i > 0; i--)
            strcat(raw, parts[next(&state) % COUNT(parts)]);
        if (substitute(raw, strlen(raw), &out) != EG_OK || !is_right(raw, strlen(raw), out))
            wrong++;
    }
    is_int(wrong, 0, "5000 random forms");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    words();
    lists();
    forms();
    random_forms();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
