/* SPDX-License-Identifier: Apache-2.0
 * A parameter in any text that somebody has copied it to. */
#include "copies.h"

#include <string.h>
#include <apr_strings.h>

/* Behind the span, where the text begins with it; else NULL. */
static const char *skip_span(const char *text, const char *end, eg_span span)
{
    for (apr_size_t i = 0; i < span.n; i++) {
        bool is_plus = text < end && *text == '+' && span.p[i] == ' ';

        if (text == end || (eg_next_byte(&text, end) != (unsigned char)span.p[i] && !is_plus))
            return NULL;
    }
    return text;
}

static bool goes_on(const char *text, const char *end)
{
    unsigned char next = text < end ? eg_next_byte(&text, end) : '\0';

    return eg_is_alnum((char)next) || (next && strchr("_-.~", next));
}

/* Where the value begins and ends. */
static bool is_copy_of(const char *text, const char *end, const eg_copied *one, eg_span *value)
{
    const char *at = skip_span(text, end, one->name);

    if (!at || at == end || eg_next_byte(&at, end) != '=')
        return false;
    value->p = at;
    at = skip_span(at, end, one->value);
    if (!at || goes_on(at, end))
        return false;
    value->n = (apr_size_t)(at - value->p);
    return true;
}

static const eg_copied *copied_at(eg_span text, const eg_copied *all, apr_size_t n, eg_span *value)
{
    for (apr_size_t i = 0; i < n; i++)
        if (is_copy_of(text.p, text.p + text.n, &all[i], value))
            return &all[i];
    return NULL;
}

const char *eg_copies_exchange(apr_pool_t *pool, const char *text, const eg_copied *all,
                               apr_size_t n)
{
    const char *kept = text, *at = text, *out = NULL;
    const char *end = text ? text + strlen(text) : NULL;
    unsigned char before = '\0';

    while (n && at < end) {
        eg_span value;
        const eg_copied *found =
            eg_is_alnum((char)before) || before == '_'
                ? NULL
                : copied_at((eg_span){at, (apr_size_t)(end - at)}, all, n, &value);

        if (!found) {
            before = eg_next_byte(&at, end);
            continue;
        }
        out = apr_pstrcat(pool, out ? out : "",
                          apr_pstrmemdup(pool, kept, (apr_size_t)(value.p - kept)),
                          apr_pstrmemdup(pool, found->instead.p, found->instead.n), NULL);
        kept = at = value.p + value.n;
        before = '0';
    }
    return out ? apr_pstrcat(pool, out, kept, NULL) : text;
}
