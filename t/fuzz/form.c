/* SPDX-License-Identifier: Apache-2.0
 * Form bodies: decoded in place like a decoder that copies would, and written again they read the
 * same. */
#include "fuzz.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include "core/form.h"

static const char *const atoms[] = {
    "Digits=", "SpeechResult=", "CallSid=CA", "step=", "&&",  "=",    "+",  "%", "%00",
    "%2",      "%26",           "%3D",        "%zz",   "%25", "a=b&", "&a", NULL};
const fuzz_grammar fuzz_target = {"form", "&=%+", atoms};

/* --- the rules once more, in another way ---------------------------------------------------------- */

static bool decode(apr_pool_t *pool, eg_span in, eg_span *out)
{
    char *to = apr_palloc(pool, in.n + 1), hex[3] = "";

    *out = (eg_span){to, 0};
    for (apr_size_t i = 0; i < in.n; i++) {
        char c = in.p[i] == '+' ? ' ' : in.p[i];

        if (c == '%') {
            if (in.n - i < 3 || !isxdigit((unsigned char)in.p[i + 1]) ||
                !isxdigit((unsigned char)in.p[i + 2]))
                return false;
            memcpy(hex, in.p + i + 1, 2);
            c = (char)strtol(hex, NULL, 16);
            i += 2;
        }
        if (c == '\0')
            return false;
        to[out->n++] = c;
    }
    return true;
}

static eg_span until(eg_span text, char c)
{
    const char *end = text.n ? memchr(text.p, c, text.n) : NULL;

    return (eg_span){text.p, end ? (apr_size_t)(end - text.p) : text.n};
}

static eg_span behind(eg_span text, eg_span front)
{
    apr_size_t n = front.n < text.n ? front.n + 1 : front.n;

    return (eg_span){n ? text.p + n : text.p, text.n - n};
}

static bool decode_segment(apr_pool_t *pool, eg_span segment, eg_param *param)
{
    eg_span name = until(segment, '=');

    return decode(pool, name, &param->name) && decode(pool, behind(segment, name), &param->value);
}

static eg_status expected(apr_pool_t *pool, eg_span input, apr_size_t max, eg_params *params)
{
    bool good = true;

    params->at = apr_palloc(pool, (input.n + 1) * sizeof *params->at);
    params->n = 0;
    while (input.n) {
        eg_span segment = until(input, '&');

        if (segment.n) {
            good = decode_segment(pool, segment, &params->at[params->n]) && good;
            params->n++;
        }
        input = behind(input, segment);
    }
    if (params->n > max)
        return EG_ETOOMANY;
    return good ? EG_OK : EG_EMALFORMED;
}

/* --- properties ---------------------------------------------------------------------------------- */

static void hold_same(const eg_params *a, const eg_params *b)
{
    HOLDS(a->n == b->n, "as many parameters");
    for (apr_size_t i = 0; i < a->n; i++)
        HOLDS(eg_span_eq(a->at[i].name, b->at[i].name) &&
                  eg_span_eq(a->at[i].value, b->at[i].value),
              "the same parameters");
}

typedef enum { ESCAPE_ALL, ESCAPE_LITTLE } style;

static char *encode(char *to, eg_span text, style how)
{
    for (apr_size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (how == ESCAPE_LITTLE && c == ' ') {
            *to++ = '+';
        } else if (how == ESCAPE_LITTLE && !strchr("%&=+", c)) {
            *to++ = c;
        } else {
            *to++ = '%';
            *to++ = "0123456789ABCDEF"[(unsigned char)c >> 4];
            *to++ = "0123456789abcdef"[(unsigned char)c & 15];
        }
    }
    return to;
}

static void hold_written_again(apr_pool_t *pool, const eg_params *params, style how)
{
    apr_size_t room = 1;
    eg_params again;
    char *text, *to;

    for (apr_size_t i = 0; i < params->n; i++)
        room += 3 * (params->at[i].name.n + params->at[i].value.n) + 2;
    to = text = apr_palloc(pool, room);
    for (apr_size_t i = 0; i < params->n; i++) {
        to = encode(to, params->at[i].name, how);
        *to++ = '=';
        to = encode(to, params->at[i].value, how);
        *to++ = '&';
    }
    HOLDS(eg_form_parse(pool, text, (apr_size_t)(to - text), params->n, &again) == EG_OK,
          "pairs that are written again can be read");
    hold_same(params, &again);
}

static void hold_found(const eg_params *params)
{
    for (apr_size_t i = 0; i < params->n; i++) {
        eg_span name = params->at[i].name;
        const eg_param *first = eg_params_find(params, name);

        HOLDS(first && first <= &params->at[i] && eg_span_eq(first->name, name),
              "the first of a name is found");
        HOLDS(eg_params_count(params, name) >= 1 &&
                  (first == &params->at[i] || eg_params_count(params, name) >= 2),
              "all of a name are counted");
    }
}

/* The guard against secrets in query strings must see at least what the parser sees. */
static void hold_guarded(eg_span input, const eg_params *params)
{
    for (apr_size_t i = 0; i < params->n; i++) {
        eg_span name = params->at[i].name;

        if (name.n && !memchr(name.p, ' ', name.n))
            HOLDS(eg_query_names(input, name), "a name that is parsed is a name that is found raw");
    }
}

static bool all_same_byte(eg_span text)
{
    return text.n == 0 || memcmp(text.p, text.p + 1, text.n - 1) == 0;
}

static void hold_only_in_buffer(const eg_params *params)
{
    for (apr_size_t i = 0; i < params->n; i++)
        if (params->at[i].value.n >= 8 && !all_same_byte(params->at[i].value))
            HOLDS(!fuzz_pool_holds(params->at[i].value),
                  "values are only in the buffer, which the caller wipes");
}

/* Every other parameter that has a value, so that both kinds stand beside each other. */
static eg_status replace_some(void *about, const eg_param *param, eg_span *instead)
{
    unsigned *asked = about;

    if (++*asked % 2 && param->value.n)
        *instead = EG_LIT("instead");
    return EG_OK;
}

static void hold_substituted(apr_pool_t *pool, eg_span input, const eg_params *params)
{
    unsigned asked = 0;
    eg_span out;
    eg_params again, other = *params;

    other.at = apr_pmemdup(pool, params->at, params->n * sizeof *params->at);
    HOLDS(eg_form_substitute(pool, input, &other, replace_some, &asked, &out) == EG_OK,
          "values of what is parsed can be other ones");
    HOLDS(asked == params->n, "each is asked about once");
    if (out.p == input.p)
        return;
    HOLDS(eg_form_parse(pool, apr_pmemdup(pool, out.p, out.n), out.n, EG_PARAMS_MAX, &again) ==
                  EG_OK &&
              again.n == params->n,
          "what comes of it has as many");
    for (apr_size_t i = 0; i < again.n; i++) {
        bool chosen = i % 2 == 0 && params->at[i].value.n;

        HOLDS(eg_span_eq(other.at[i].value, again.at[i].value), "as if it had been parsed anew");
        HOLDS(eg_span_eq(again.at[i].name, params->at[i].name), "the same names");
        HOLDS(eg_span_eq(again.at[i].value, chosen ? EG_LIT("instead") : params->at[i].value),
              "and no other values but the chosen ones");
    }
}

static void hold_limit(apr_pool_t *pool, eg_span input, apr_size_t n)
{
    char *copy = apr_pmemdup(pool, input.p, input.n);
    eg_params params;

    HOLDS(n == 0 || eg_form_parse(pool, copy, input.n, n - 1, &params) == EG_ETOOMANY,
          "one parameter more than allowed is too many");
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    char *buffer = malloc(input.n ? input.n : 1);
    eg_params got, want;
    eg_status status;

    if (input.n)
        memcpy(buffer, input.p, input.n);
    status = eg_form_parse(pool, buffer, input.n, EG_PARAMS_MAX, &got);
    if (status == EG_OK)
        hold_only_in_buffer(&got);
    HOLDS(status == expected(pool, input, EG_PARAMS_MAX, &want),
          "accepted or refused by the rules");
    if (status == EG_OK) {
        hold_same(&got, &want);
        hold_found(&got);
        hold_guarded(input, &got);
        hold_written_again(pool, &got, ESCAPE_ALL);
        hold_written_again(pool, &got, ESCAPE_LITTLE);
        hold_limit(pool, input, got.n);
        hold_substituted(pool, input, &got);
    }
    free(buffer);
}
