/* SPDX-License-Identifier: Apache-2.0
 * Raw query strings, well-formed or not: which names they have, and what their step and attempt
 * mean. The first line of the input is a name, the rest is the query. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include "core/flow.h"

static const char *const atoms[] = {"step=",
                                    "step=getPin",
                                    "step=getLast4CC",
                                    "processData",
                                    "attempt=",
                                    "attempt=999",
                                    "attempt=1000",
                                    "attempt=01",
                                    "&",
                                    "Digits",
                                    "%44igits",
                                    "%",
                                    "%2",
                                    "SpeechResult=",
                                    "%00",
                                    "+",
                                    "&attempt=2",
                                    "Digits\nDigits=1",
                                    NULL};
const fuzz_grammar fuzz_target = {"query", "\n&=%?", atoms};

static int hex(char c)
{
    const char *all = "0123456789abcdef0123456789ABCDEF", *at = c ? strchr(all, c) : NULL;

    return at ? (int)(at - all) % 16 : -1;
}

/* The name with the escapes undone that are whole. */
static eg_span lenient(apr_pool_t *pool, eg_span name)
{
    char *to = apr_palloc(pool, name.n + 1);
    apr_size_t n = 0;

    while (name.n) {
        bool escape = name.n >= 3 && name.p[0] == '%' && hex(name.p[1]) >= 0 && hex(name.p[2]) >= 0;

        to[n++] = escape ? (char)(16 * hex(name.p[1]) + hex(name.p[2])) : name.p[0];
        name = (eg_span){name.p + (escape ? 3 : 1), name.n - (escape ? 3 : 1)};
    }
    return (eg_span){to, n};
}

static bool expected(apr_pool_t *pool, eg_span query, eg_span name)
{
    apr_size_t from = 0;

    for (apr_size_t i = 0; i <= query.n; i++) {
        eg_span segment = {query.p + from, i - from};
        const char *equals;

        if (i < query.n && query.p[i] != '&')
            continue;
        equals = segment.n ? memchr(segment.p, '=', segment.n) : NULL;
        if (equals)
            segment.n = (apr_size_t)(equals - segment.p);
        if (segment.n && eg_span_eq(lenient(pool, segment), name))
            return true;
        from = i + 1;
    }
    return false;
}

static void hold_step(const eg_fields *fields, eg_span text)
{
    unsigned step = 99;
    eg_status status = eg_flow_step(fields, text, &step);

    HOLDS(status == EG_OK || status == EG_EMALFORMED, "a step is one or is none");
    HOLDS(step <= fields->n, "never a step behind the last one");
    if (status == EG_OK && text.p)
        HOLDS(eg_span_eq(eg_span_of(eg_flow_step_name(fields, step)), text),
              "a step's name leads to the step");
}

static void hold_attempt(apr_pool_t *pool, eg_span text)
{
    unsigned attempt = 0;

    if (eg_flow_attempt(text, &attempt) != EG_OK || !text.p)
        return;
    HOLDS(attempt >= 1 && attempt <= 999, "an attempt is 1 to 999");
    HOLDS(eg_span_eq(text, eg_span_of(apr_psprintf(pool, "%u", attempt))),
          "an attempt has one spelling");
}

static void hold_meaning(apr_pool_t *pool, eg_span query)
{
    char *copy = apr_pmemdup(pool, query.p, query.n);
    eg_params params;

    if (eg_form_parse(pool, copy, query.n, EG_PARAMS_MAX, &params) != EG_OK)
        return;
    for (apr_size_t i = 0; i < params.n; i++) {
        hold_step(&eg_default_fields, params.at[i].value);
        hold_attempt(pool, params.at[i].value);
    }
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    static const eg_span secret[] = {{"Digits", 6}, {"SpeechResult", 12}};
    eg_span name = fuzz_line(&input);

    if (name.n)
        HOLDS(eg_query_names(input, name) == expected(pool, input, name),
              "a name is found where it stands, in whatever escapes");
    for (unsigned i = 0; i < 2; i++)
        HOLDS(eg_query_names(input, secret[i]) == expected(pool, input, secret[i]),
              "the names of secrets are found where they stand");
    hold_meaning(pool, input);
}
