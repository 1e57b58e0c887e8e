/* SPDX-License-Identifier: Apache-2.0
 * A parameter in any text that somebody has copied it to. */
#include "copies.h"

#include <string.h>
#include <apr_strings.h>

/* The byte at the front of what is not empty, its escape undone; a broken one stands for itself. */
static unsigned char unescape_one(const char **p)
{
    const char *at = *p;
    int high = *at == '%' ? eg_hex_value(at[1]) : -1;
    int low = high >= 0 ? eg_hex_value(at[2]) : -1;

    *p += low >= 0 ? 3 : 1;
    return low >= 0 ? (unsigned char)(high * 16 + low) : (unsigned char)*at;
}

/* Behind the span, where the text begins with it; else NULL. */
static const char *skip_span(const char *text, eg_span span)
{
    for (apr_size_t i = 0; i < span.n; i++) {
        bool is_plus = *text == '+' && span.p[i] == ' ';

        if (!*text || (unescape_one(&text) != (unsigned char)span.p[i] && !is_plus))
            return NULL;
    }
    return text;
}

static bool goes_on(const char *text)
{
    unsigned char next = *text ? unescape_one(&text) : '\0';

    return eg_is_alnum((char)next) || (next && strchr("_-.~", next));
}

/* Where the value begins and ends. */
static bool is_copy_of(const char *text, const eg_copied *one, eg_span *value)
{
    const char *end = skip_span(text, one->name);

    if (!end || !*end || unescape_one(&end) != '=')
        return false;
    value->p = end;
    end = skip_span(end, one->value);
    if (!end || goes_on(end))
        return false;
    value->n = (apr_size_t)(end - value->p);
    return true;
}

static const eg_copied *copied_at(const char *text, const eg_copied *all, apr_size_t n,
                                  eg_span *value)
{
    for (apr_size_t i = 0; i < n; i++)
        if (is_copy_of(text, &all[i], value))
            return &all[i];
    return NULL;
}

const char *eg_copies_exchange(apr_pool_t *pool, const char *text, const eg_copied *all,
                               apr_size_t n)
{
    const char *kept = text, *at = text, *out = NULL;
    unsigned char before = '\0';

    while (n && at && *at) {
        eg_span value;
        const eg_copied *found =
            eg_is_alnum((char)before) || before == '_' ? NULL : copied_at(at, all, n, &value);

        if (!found) {
            before = unescape_one(&at);
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
