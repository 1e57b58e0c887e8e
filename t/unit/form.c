/* SPDX-License-Identifier: Apache-2.0
 * Tests of form decoding: what is accepted, what is refused, and that nothing is overrun. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include "core/form.h"

static apr_pool_t *pool;

/* "{name:value}" for each parameter. */
static size_t list(const eg_params *params, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < params->n; i++) {
        const eg_param *p = &params->at[i];

        n += (size_t)snprintf(out + n, size - n, "{%.*s:%.*s}", (int)p->name.n, p->name.p,
                              (int)p->value.n, p->value.p);
    }
    out[n] = '\0';
    return n;
}

static void accepted(void)
{
    static const struct {
        const char *form, *want;
    } cases[] = {
        {"", ""},
        {"a=1", "{a:1}"},
        {"b=2&a=1", "{b:2}{a:1}"},
        {"a", "{a:}"},
        {"a=", "{a:}"},
        {"=v", "{:v}"},
        {"=", "{:}"},
        {"&", ""},
        {"&&&", ""},
        {"&a=1&&b=2&", "{a:1}{b:2}"},
        {"a&b", "{a:}{b:}"},
        {"a=b=c", "{a:b=c}"},
        {"a==", "{a:=}"},
        {"a=1&a=2&a=1", "{a:1}{a:2}{a:1}"},
        {"a+b=c+d", "{a b:c d}"},
        {"+=++", "{ :  }"},
        {"a=%2B%20%26%3d%25", "{a:+ &=%}"},
        {"a=%2541", "{a:%41}"},
        {"%41=%42", "{A:B}"},
        {"Dig%3Dits=1", "{Dig=its:1}"},
        {"Dig%26its=1", "{Dig&its:1}"},
        {"D%69gits=1", "{Digits:1}"},
        {"a=K%C3%B6ln", "{a:K\xc3\xb6ln}"},
        {"a=K\xc3\xb6ln", "{a:K\xc3\xb6ln}"},
        {"a=%ff%01", "{a:\xff\x01}"},
        {"a;b=1;2", "{a;b:1;2}"},
        {"a=\r\n\t", "{a:\r\n\t}"},
        {"a?b=c#d", "{a?b:c#d}"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].form);
        char *buf = exact_copy(cases[i].form, n), got[256];
        eg_params params;

        is_int(eg_form_parse(pool, buf, n, EG_PARAMS_MAX, &params), EG_OK, "'%s' is a form",
               cases[i].form);
        list(&params, got, sizeof got);
        is_str(got, cases[i].want, "'%s' is decoded", cases[i].form);
        free(buf);
    }
}

static void refused(void)
{
    static const eg_span cases[] = {
        EG_LIT("a=%"),      EG_LIT("a=%4"),      EG_LIT("a=%zz"),   EG_LIT("a=%4g"),
        EG_LIT("a=%g4"),    EG_LIT("%=1"),       EG_LIT("%4=1"),    EG_LIT("%zz=1"),
        EG_LIT("%"),        EG_LIT("%4"),        EG_LIT("a%"),      EG_LIT("a=1&b=%"),
        EG_LIT("a=%&b=1"),  EG_LIT("a=%4&1=b"),  EG_LIT("%4&1"),    EG_LIT("a%4=1"),
        EG_LIT("a=% 41"),   EG_LIT("a=%+41"),    EG_LIT("a=%-1"),   EG_LIT("a=%0x41"),
        EG_LIT("a=%u0041"), EG_LIT("a=%%41"),    EG_LIT("a=%4%31"), EG_LIT("a=100%"),
        EG_LIT("a=%00"),    EG_LIT("%00=a"),     EG_LIT("a%00b=1"), EG_LIT("a=1%002"),
        EG_LIT("%00"),      EG_LIT("a=\0"),      EG_LIT("\0=a"),    EG_LIT("\0"),
        EG_LIT("a=1&b\0"),  EG_LIT("a=1\0&b=2"), EG_LIT("a\0b=1"),  EG_LIT("a=1&%00=2"),
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char *buf = exact_copy(cases[i].p, cases[i].n);
        eg_params params;

        is_int(eg_form_parse(pool, buf, cases[i].n, EG_PARAMS_MAX, &params), EG_EMALFORMED,
               "'%.*s' is refused, case %zu", (int)cases[i].n, cases[i].p, i);
        free(buf);
    }
}

static eg_status parse_many(const char *segment, size_t count, apr_size_t max, eg_params *params)
{
    size_t n = strlen(segment), all = n * count;
    char *buf = malloc(all ? all : 1);
    eg_status status;

    for (size_t i = 0; i < count; i++)
        memcpy(buf + i * n, segment, n);
    status = eg_form_parse(pool, buf, all, max, params);
    free(buf);
    return status;
}

static void limits(void)
{
    static const struct {
        const char *segment;
        size_t count;
        apr_size_t max;
        eg_status want;
        size_t found;
    } cases[] = {
        {"a=1&", 256, EG_PARAMS_MAX, EG_OK, 256},
        {"a=1&", 257, EG_PARAMS_MAX, EG_ETOOMANY, 0},
        {"&&a&&", 256, EG_PARAMS_MAX, EG_OK, 256},
        {"&&a&&", 257, EG_PARAMS_MAX, EG_ETOOMANY, 0},
        {"=&", 257, EG_PARAMS_MAX, EG_ETOOMANY, 0},
        {"&", 70000, EG_PARAMS_MAX, EG_OK, 0},
        {"a&", 100000, EG_PARAMS_MAX, EG_ETOOMANY, 0},
        {"a&", 3, 3, EG_OK, 3},
        {"a&", 4, 3, EG_ETOOMANY, 0},
        {"a&", 1, 0, EG_ETOOMANY, 0},
        {"", 1, 0, EG_OK, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_params params;

        is_int(parse_many(cases[i].segment, cases[i].count, cases[i].max, &params), cases[i].want,
               "%zu times '%s', at most %lu parameters", cases[i].count, cases[i].segment,
               (unsigned long)cases[i].max);
        is_int((long long)params.n, (long long)cases[i].found, "as many are listed");
    }
}

static void in_place(void)
{
    static const char form[] = "%41%42=%43";
    char *buf = exact_copy(form, sizeof form - 1);
    eg_params params;
    const eg_param *found;

    is_int(eg_form_parse(pool, buf, sizeof form - 1, 1, &params), EG_OK, "a form of escapes");
    found = eg_params_find(&params, EG_LIT("AB"));
    ok(found && found->name.p == buf && found->value.p > buf && found->value.p < buf + 10,
       "names and values stand in the buffer that was given");
    free(buf);
}

static void lookup(void)
{
    char buf[] = "a=1&b=2&a=3&A=4&=5&ab=6";
    eg_params params;
    const eg_param *found;

    is_int(eg_form_parse(pool, buf, sizeof buf - 1, EG_PARAMS_MAX, &params), EG_OK, "a form");
    found = eg_params_find(&params, EG_LIT("a"));
    ok(found && eg_span_eq(found->value, EG_LIT("1")), "the first one of that name is found");
    found = eg_params_find(&params, EG_LIT(""));
    ok(found && eg_span_eq(found->value, EG_LIT("5")), "an empty name is a name");
    ok(!eg_params_find(&params, EG_LIT("c")), "there is none of that name");
    is_int((long long)eg_params_count(&params, EG_LIT("a")), 2, "two of one name");
    is_int((long long)eg_params_count(&params, EG_LIT("A")), 1, "case counts");
    is_int((long long)eg_params_count(&params, EG_LIT("c")), 0, "none of that name");
}

static void query_names(void)
{
    static const struct {
        const char *query, *name;
        bool want;
    } cases[] = {
        {"Digits=1", "Digits", true},
        {"Digits", "Digits", true},
        {"Digits=", "Digits", true},
        {"a=1&Digits=2", "Digits", true},
        {"&&Digits=2", "Digits", true},
        {"a&Digits", "Digits", true},
        {"D%69gits=1", "Digits", true},
        {"%44%69%67%69%74%73=1", "Digits", true},
        {"Digit%73", "Digits", true},
        {"", "Digits", false},
        {"&", "Digits", false},
        {"=Digits", "Digits", false},
        {"digits=1", "Digits", false},
        {"xDigits=1", "Digits", false},
        {"Digitsx=1", "Digits", false},
        {"Digit=s", "Digits", false},
        {"Digit", "Digits", false},
        {"a=Digits", "Digits", false},
        {"a=1=Digits=2", "Digits", false},
        {"Digits%3D1", "Digits", false},
        {"Digits%00=1", "Digits", false},
        {"%2544igits=1", "Digits", false},
        {"%zz=1&Digits=2", "Digits", true},
        {"a=%&Digits=2", "Digits", true},
        {"Digits=%zz", "Digits", true},
        {"Digits=%0", "Digits", true},
        {"Digits%=1", "Digits", false},
        {"Digit%7=1", "Digits", false},
        {"Digit%7", "Digits", false},
        {"Digit%", "Digits", false},
        {"a%zz=1", "a%zz", true},
        {"a%4=1", "a%4", true},
        {"a%=1", "a%", true},
        {"a%%34=1", "a%4", true},
        {"a=1", "", false},
        {"a=1&=2", "", true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].query);
        char *query = exact_copy(cases[i].query, n);
        char *name = exact_copy(cases[i].name, strlen(cases[i].name));

        ok(eg_query_names((eg_span){query, n}, (eg_span){name, strlen(cases[i].name)}) ==
               cases[i].want,
           "'%s' %s '%s'", cases[i].query, cases[i].want ? "names" : "does not name",
           cases[i].name);
        free(query);
        free(name);
    }
}

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

/* Percent-encodes at random what need not be, and always what must. */
static size_t encode(char *out, const char *p, size_t n, unsigned *state)
{
    static const char special[] = "%&=+";
    size_t to = 0;

    for (size_t i = 0; i < n; i++) {
        if (p[i] == ' ' && next_random(state) % 2)
            out[to++] = '+';
        else if (strchr(special, p[i]) || next_random(state) % 4 == 0)
            to += (size_t)sprintf(out + to, next_random(state) % 2 ? "%%%02x" : "%%%02X",
                                  (unsigned char)p[i]);
        else
            out[to++] = p[i];
    }
    return to;
}

/* Random names and values come back; each form stands in a buffer of just its size. */
static void round_trips(void)
{
    unsigned state = 1, wrong = 0;

    for (unsigned round = 0; round < 2000; round++) {
        char name[20], value[20], form[200];
        size_t name_n = 1 + next_random(&state) % 19, value_n = next_random(&state) % 20, n;
        eg_params params;
        char *buf;

        for (size_t i = 0; i < name_n; i++)
            name[i] = (char)(1 + next_random(&state) % 255);
        for (size_t i = 0; i < value_n; i++)
            value[i] = (char)(1 + next_random(&state) % 255);
        n = encode(form, name, name_n, &state);
        form[n++] = '=';
        n += encode(form + n, value, value_n, &state);
        buf = exact_copy(form, n);
        wrong += eg_form_parse(pool, buf, n, 1, &params) != EG_OK || params.n != 1 ||
                 !eg_span_eq(params.at[0].name, (eg_span){name, name_n}) ||
                 !eg_span_eq(params.at[0].value, (eg_span){value, value_n});
        free(buf);
        apr_pool_clear(pool);
    }
    is_int(wrong, 0, "2000 random parameters come back");
}

/* A sanitizer watches; without one only the verdict is looked at. */
static void noise(void)
{
    static const char alphabet[] = "%%%&&==+04aFgZ\xff";
    unsigned state = 2, wrong = 0;

    for (unsigned round = 0; round < 20000; round++) {
        size_t n = next_random(&state) % 24;
        char *buf = malloc(n ? n : 1);
        eg_params params;
        eg_status status;

        for (size_t i = 0; i < n; i++)
            buf[i] = alphabet[next_random(&state) % sizeof alphabet];
        wrong += eg_query_names((eg_span){buf, n}, EG_LIT("Digits"));
        status = eg_form_parse(pool, buf, n, EG_PARAMS_MAX, &params);
        wrong += status != EG_OK && status != EG_EMALFORMED;
        for (size_t i = 0; status == EG_OK && i < params.n; i++)
            wrong += memchr(params.at[i].value.p, '\0', params.at[i].value.n) != NULL;
        free(buf);
        apr_pool_clear(pool);
    }
    is_int(wrong, 0, "20000 random strings are forms or are not");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    accepted();
    refused();
    limits();
    in_place();
    lookup();
    query_names();
    round_trips();
    noise();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
