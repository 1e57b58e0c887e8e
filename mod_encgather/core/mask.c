/* SPDX-License-Identifier: Apache-2.0
 * Masks secret parameters in request lines, query strings and Referers that are written down. */
#include "mask.h"

#include <string.h>
#include <stdbool.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include "parameters.h"

bool eg_is_secret_name(eg_span name)
{
    return eg_is_answer_name(name);
}

/* Applications differ in what they take for the beginning of a parameter; a log must not depend on
 * that. The end of a value is only "&". */
static const bool begins_after[256] = {
    ['?'] = true, ['&'] = true,  [';'] = true, ['#'] = true,
    [' '] = true, ['\t'] = true, ['"'] = true,
};

/* The length of "Digits=" at the front, in whatever escapes; 0 where it is no secret's name. */
static apr_size_t secret_name(const char *p, const char *end)
{
    /* no longer than SpeechResult with every byte escaped */
    apr_size_t left = (apr_size_t)(end - p), most = 3 * sizeof EG_SPEECH;
    const char *equals = memchr(p, '=', left < most ? left : most);
    eg_span name = {p, equals ? (apr_size_t)(equals - p) + 1 : 0};

    if (!equals || memchr(p, '&', name.n) || /* that "=" is another parameter's */
        !eg_query_has_answer(name))
        return 0;
    return name.n;
}

static const char *value_end(const char *value, const char *end)
{
    const char *next = memchr(value, '&', (apr_size_t)(end - value));

    return next ? next : end;
}

/* The first secret name from p on, or NULL; p itself is a beginning when first is set. */
static const char *find_secret(const char *p, const char *end, bool first)
{
    for (; p < end; p++) {
        if (first && secret_name(p, end))
            return p;
        first = begins_after[(unsigned char)*p];
    }
    return NULL;
}

/* Masks what lies between text and end; the rest of the string is kept. */
static const char *mask_until(apr_pool_t *pool, const char *text, const char *end, bool first)
{
    const char *secret = find_secret(text, end, first);
    apr_array_header_t *parts;

    if (!secret)
        return text;
    parts = apr_array_make(pool, 8, sizeof(const char *));
    while (secret) {
        const char *value = secret + secret_name(secret, end);

        APR_ARRAY_PUSH(parts, const char *) =
            apr_pstrmemdup(pool, text, (apr_size_t)(value - text));
        APR_ARRAY_PUSH(parts, const char *) = EG_MASK;
        text = value_end(value, end);
        secret = find_secret(text, end, false);
    }
    APR_ARRAY_PUSH(parts, const char *) = text;
    return apr_array_pstrcat(pool, parts, '\0');
}

/* Most texts hold neither name, nor an escape that could hide one: no closer look is due. */
static bool may_have_secret(const char *text)
{
    return strchr(text, '%') || strstr(text, "Digits=") || strstr(text, "SpeechResult=");
}

const char *eg_mask_query(apr_pool_t *pool, const char *query)
{
    if (!query || !may_have_secret(query))
        return query;
    return mask_until(pool, query, query + strlen(query), true);
}

/* " HTTP/1.1" and nothing longer: a value may be made to look like one. */
static bool is_protocol(const char *text)
{
    return strncmp(text, " HTTP/", 6) == 0 && strlen(text) == 9 && eg_is_digit(text[6]) &&
           text[7] == '.' && eg_is_digit(text[8]);
}

/* Where the protocol of a request line begins, or the end of the text. */
static const char *target_end(const char *text)
{
    const char *blank = strrchr(text, ' ');

    return blank && is_protocol(blank) ? blank : text + strlen(text);
}

const char *eg_mask_text(apr_pool_t *pool, const char *text)
{
    if (!text || !strchr(text, '?') || !may_have_secret(text))
        return text;
    return mask_until(pool, text, target_end(text), false);
}
