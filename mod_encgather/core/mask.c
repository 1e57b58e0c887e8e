/* SPDX-License-Identifier: Apache-2.0
 * Masks secret parameters in request lines, query strings and Referers that are written down. */
#include "mask.h"

#include <string.h>
#include <strings.h>
#include <apr_strings.h>
#include <apr_tables.h>

/* --- names ------------------------------------------------------------------------------------- */

/* What callers keyed in or said, by the names of all providers and of Twilio's <Pay>. */
static const eg_span known[] = {
    {"Digits", 6},
    {"SpeechResult", 12},
    {"StableSpeechResult", 18},
    {"UnstableSpeechResult", 20},
    {"PaymentCardNumber", 17},
    {"SecurityCode", 12},
    {"Speech", 6},
    {"UnstableSpeech", 14},
};
#define KNOWN (sizeof known / sizeof known[0])

/* A place for the last two bytes of a name. Two pairs may share it: it only tells who is none. */
#define PAIR(a, b) ((((a) | 0x20) * 8 ^ ((b) | 0x20)) & 0xff)

const eg_secret_names eg_known_secrets = {
    .at = known,
    .n = KNOWN,
    .pairs = {[PAIR('t', 's')] = true,
              [PAIR('l', 't')] = true,
              [PAIR('e', 'r')] = true,
              [PAIR('d', 'e')] = true,
              [PAIR('c', 'h')] = true},
};

static void append(eg_span *at, eg_secret_names *names, eg_span name)
{
    const char *end = name.p + name.n;

    at[names->n++] = name;
    if (name.n < 2) {
        names->has_short = true;
        memset(names->pairs, true, sizeof names->pairs);
    } else
        names->pairs[PAIR((unsigned char)end[-2], (unsigned char)end[-1])] = true;
}

static const eg_secret_names *append_all(apr_pool_t *pool, const eg_secret_names *names,
                                         const eg_span *more, apr_size_t n)
{
    eg_secret_names *all = apr_palloc(pool, sizeof *all);
    eg_span *at = apr_palloc(pool, (names->n + n) * sizeof *at);

    *all = *names;
    if (names->n)
        memcpy(at, names->at, names->n * sizeof *at);
    all->at = at;
    for (apr_size_t i = 0; i < n; i++)
        append(at, all, more[i]);
    return all;
}

const eg_secret_names *eg_secret_names_add(apr_pool_t *pool, const eg_secret_names *names,
                                           eg_span name)
{
    return append_all(pool, names, &name, 1);
}

const eg_secret_names *eg_secret_names_join(apr_pool_t *pool, const eg_secret_names *names,
                                            const eg_secret_names *more)
{
    return append_all(pool, names, more->at + KNOWN, more->n - KNOWN);
}

const eg_secret_names *eg_secret_names_without_known(apr_pool_t *pool, const eg_secret_names *names)
{
    static const eg_secret_names none = {.at = NULL};

    return append_all(pool, &none, names->at + KNOWN, names->n - KNOWN);
}

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool ends_in_bracket(const char *p, const char *end)
{
    if (end[-1] == ']')
        return true;
    end -= 3;
    return end > p && *end == '%' && eg_next_byte(&end, end + 3) == ']';
}

/* Nothing, or [...][...]: applications read lists and maps out of such names. */
static bool is_index(const char *p, const char *end)
{
    const char *begin = p;

    return p == end || (eg_next_byte(&p, end) == '[' && ends_in_bracket(begin, end));
}

static bool is_spelled(const char *p, const char *end, eg_span name)
{
    for (apr_size_t i = 0; i < name.n; i++)
        if (p == end || lower(eg_next_byte(&p, end)) != lower((unsigned char)name.p[i]))
            return false;
    return is_index(p, end);
}

static bool is_any(const eg_secret_names *names, const char *p, const char *end)
{
    for (apr_size_t i = 0; i < names->n; i++)
        if (is_spelled(p, end, names->at[i]))
            return true;
    return false;
}

bool eg_is_secret_name(const eg_secret_names *names, eg_span name)
{
    for (apr_size_t i = 0; i < names->n; i++) {
        apr_size_t n = names->at[i].n;

        if (name.n >= n && strncasecmp(name.p, names->at[i].p, n) == 0 &&
            (name.n == n || (name.p[n] == '[' && name.p[name.n - 1] == ']')))
            return true;
    }
    return false;
}

/* --- values ------------------------------------------------------------------------------------ */

/* Applications differ in what they take for the beginning of a parameter; a log must not depend on
 * that. The end of a value is only "&". */
static const bool begins_after[256] = {
    ['?'] = true, ['&'] = true,  [';'] = true, ['#'] = true,
    [' '] = true, ['\t'] = true, ['"'] = true,
};

/* Most names are none of ours by their last two bytes. */
static inline bool may_be_secret(const eg_secret_names *names, const char *p, const char *end)
{
    if (end - p < 4)
        return end > p && (names->has_short || end - p >= 2);
    return names->pairs[PAIR((unsigned char)end[-2], (unsigned char)end[-1])] || end[-1] == ']' ||
           end[-3] == '%' || end[-4] == '%';
}

/* Whether a secret's name stands in front of the "=". p is where a name may begin if first is set,
 * and holds no "=". */
static bool is_secret(const eg_secret_names *names, const char *p, const char *equals, bool first)
{
    const char *at = equals;

    if (!may_be_secret(names, p, equals))
        return false;
    while (at > p && *--at != '&')
        if ((at == p ? first : begins_after[(unsigned char)at[-1]]) && is_any(names, at, equals))
            return true;
    return false;
}

/* The first secret value from p on, or NULL; p itself may begin a name when first is set. */
static const char *find_value(const eg_secret_names *names, const char *p, const char *end,
                              bool first)
{
    const char *equals;

    while ((equals = memchr(p, '=', (apr_size_t)(end - p))) != NULL) {
        if (is_secret(names, p, equals, first))
            return equals + 1;
        p = equals + 1;
        first = false;
    }
    return NULL;
}

static const char *value_end(const char *value, const char *end)
{
    const char *next = memchr(value, '&', (apr_size_t)(end - value));

    return next ? next : end;
}

/* Masks what lies between value, the first secret, and end; the rest of the text is kept. */
static const char *mask_from(apr_pool_t *pool, const eg_secret_names *names, const char *text,
                             const char *value, const char *end)
{
    apr_array_header_t *parts = apr_array_make(pool, 8, sizeof(const char *));

    while (value) {
        APR_ARRAY_PUSH(parts, const char *) =
            apr_pstrmemdup(pool, text, (apr_size_t)(value - text));
        APR_ARRAY_PUSH(parts, const char *) = EG_MASK;
        text = value_end(value, end);
        value = find_value(names, text, end, false);
    }
    APR_ARRAY_PUSH(parts, const char *) = text;
    return apr_array_pstrcat(pool, parts, '\0');
}

bool eg_may_have_secret(const eg_secret_names *names, const char *text)
{
    for (const char *at = strchr(text, '='); at; at = strchr(at + 1, '='))
        if (may_be_secret(names, text, at))
            return true;
    return false;
}

const char *eg_mask_query(apr_pool_t *pool, const eg_secret_names *names, const char *query)
{
    const char *end, *value;

    if (!query || !eg_may_have_secret(names, query))
        return query;
    end = query + strlen(query);
    value = find_value(names, query, end, true);
    return value ? mask_from(pool, names, query, value, end) : query;
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

const char *eg_mask_text(apr_pool_t *pool, const eg_secret_names *names, const char *text)
{
    const char *value;

    if (!text || !eg_may_have_secret(names, text) || !strchr(text, '?'))
        return text;
    value = find_value(names, text, text + strlen(text), false);
    return value ? mask_from(pool, names, text, value, target_end(text)) : text;
}
