/* SPDX-License-Identifier: Apache-2.0
 * Masks secret parameters in request lines, query strings and Referers that are written down. */
#include "mask.h"

#include <string.h>
#include <apr_strings.h>
#include "form.h"

bool eg_is_secret_name(eg_span name)
{
    return eg_span_eq(name, EG_LIT("Digits")) || eg_span_eq(name, EG_LIT("SpeechResult"));
}

/* A segment ends where the next one begins or where a request line goes on. A second "?" begins
 * one too: applications differ in how they read it, a log must not depend on that. */
static apr_size_t segment_length(const char *p)
{
    return strcspn(p, "&?;# \t\"");
}

static bool is_secret_segment(const char *p, apr_size_t n)
{
    eg_span segment = {p, n};

    return memchr(p, '=', n) && (eg_query_names(segment, EG_LIT("Digits")) ||
                                 eg_query_names(segment, EG_LIT("SpeechResult")));
}

static bool has_secret(const char *p)
{
    for (;;) {
        apr_size_t n = segment_length(p);

        if (is_secret_segment(p, n))
            return true;
        if (p[n] == '\0')
            return false;
        p += n + 1;
    }
}

/* Every value gives way to the mask: never longer than one mask for each "=" more. */
static apr_size_t masked_size(const char *p)
{
    apr_size_t size = strlen(p) + 1;

    for (; *p; p++)
        size += *p == '=' ? sizeof EG_MASK : 0;
    return size;
}

static char *copy_segment(char *to, const char *p, apr_size_t n)
{
    apr_size_t keep = n;

    if (is_secret_segment(p, n))
        keep = (apr_size_t)((const char *)memchr(p, '=', n) - p) + 1;
    memcpy(to, p, keep);
    to += keep;
    if (keep < n || is_secret_segment(p, n)) {
        memcpy(to, EG_MASK, sizeof EG_MASK - 1);
        to += sizeof EG_MASK - 1;
    }
    return to;
}

const char *eg_mask_query(apr_pool_t *pool, const char *query)
{
    char *masked, *to;

    if (!query || !has_secret(query))
        return query;
    to = masked = apr_palloc(pool, masked_size(query));
    for (const char *p = query;;) {
        apr_size_t n = segment_length(p);

        to = copy_segment(to, p, n);
        *to++ = p[n];
        if (p[n] == '\0')
            return masked;
        p += n + 1;
    }
}

const char *eg_mask_text(apr_pool_t *pool, const char *text)
{
    const char *query = text ? strchr(text, '?') : NULL;
    const char *masked;

    if (!query)
        return text;
    masked = eg_mask_query(pool, query + 1);
    if (masked == query + 1)
        return text;
    return apr_pstrcat(pool, apr_pstrmemdup(pool, text, (apr_size_t)(query + 1 - text)), masked,
                       NULL);
}
