/* SPDX-License-Identifier: Apache-2.0
 * application/x-www-form-urlencoded, decoded in place (WHATWG URL 5.1, but strict). */
#include "form.h"

#include <string.h>
#include "secret.h"

/* What does not stand for itself in a form. */
static const bool is_special[256] = {['\0'] = true, ['%'] = true, ['+'] = true};

static apr_size_t unescaped_length(const char *p, apr_size_t n)
{
    apr_size_t i = 0;

    while (i < n && !is_special[(unsigned char)p[i]])
        i++;
    return i;
}

/* The special byte at the front of n; 0 where it is none that may be: NUL, however it is written. */
static char decode_special(const char *p, apr_size_t n, apr_size_t *length)
{
    int high, low;

    *length = 1;
    if (*p != '%')
        return *p == '+' ? ' ' : '\0';
    *length = 3;
    high = n > 2 ? eg_hex_value(p[1]) : -1;
    low = n > 2 ? eg_hex_value(p[2]) : -1;
    if (high < 0 || low < 0)
        return '\0';
    return (char)(high * 16 + low);
}

/* The decoded form is never longer than the encoded one, so writing stays behind reading; nothing
 * is written before the first special byte. */
static eg_status decode_in_place(char *buf, apr_size_t n, eg_span *out)
{
    apr_size_t i = unescaped_length(buf, n), to = i;

    while (i < n) {
        apr_size_t length;
        char c = decode_special(buf + i, n - i, &length);

        if (c == '\0')
            return EG_EMALFORMED;
        buf[to++] = c;
        i += length;
        length = unescaped_length(buf + i, n - i);
        memmove(buf + to, buf + i, length);
        to += length;
        i += length;
    }
    *out = (eg_span){buf, to};
    return EG_OK;
}

static eg_status decode_pair(char *segment, apr_size_t n, eg_param *param)
{
    char *equals = memchr(segment, '=', n);
    apr_size_t name = equals ? (apr_size_t)(equals - segment) : n;
    eg_status status = decode_in_place(segment, name, &param->name);

    param->value = (eg_span){segment + name, 0};
    if (status != EG_OK || !equals)
        return status;
    return decode_in_place(equals + 1, n - name - 1, &param->value);
}

/* The length of the segment at the front: up to "&" or the end. */
static apr_size_t segment_length(const char *p, apr_size_t n)
{
    const char *end = memchr(p, '&', n);

    return end ? (apr_size_t)(end - p) : n;
}

static apr_size_t count_segments(const char *buf, apr_size_t n)
{
    apr_size_t count = 0;

    for (apr_size_t i = 0; i < n;) {
        apr_size_t length = segment_length(buf + i, n - i);

        count += length > 0;
        i += length + 1;
    }
    return count;
}

eg_status eg_form_parse(apr_pool_t *pool, char *buf, apr_size_t n, apr_size_t max,
                        eg_params *params)
{
    apr_size_t count = count_segments(buf, n);

    *params = (eg_params){NULL, 0};
    if (count > max)
        return EG_ETOOMANY;
    params->at = apr_palloc(pool, (count ? count : 1) * sizeof *params->at);
    for (apr_size_t i = 0; i < n;) {
        apr_size_t length = segment_length(buf + i, n - i);

        if (length) {
            eg_status status = decode_pair(buf + i, length, &params->at[params->n]);

            if (status != EG_OK)
                return status;
            params->n++;
        }
        i += length + 1;
    }
    return EG_OK;
}

/* --- other values ------------------------------------------------------------------------------ */

/* Copies a segment up to its value, and the text in the place of that; returns how much that is. */
static apr_size_t write_segment(char *to, eg_span segment, eg_span instead)
{
    const char *equals = instead.p ? memchr(segment.p, '=', segment.n) : NULL;
    apr_size_t kept = equals ? (apr_size_t)(equals + 1 - segment.p) : segment.n;

    memcpy(to, segment.p, kept);
    if (!equals)
        return kept;
    memcpy(to + kept, instead.p, instead.n);
    return kept + instead.n;
}

static eg_span write_all(char *to, eg_span raw, const eg_span *instead)
{
    apr_size_t n = 0, k = 0;

    for (apr_size_t i = 0; i < raw.n;) {
        eg_span segment = {raw.p + i, segment_length(raw.p + i, raw.n - i)};

        if (segment.n)
            n += write_segment(to + n, segment, instead[k++]);
        i += segment.n + 1;
        if (i <= raw.n)
            to[n++] = '&';
    }
    to[n] = '\0';
    return (eg_span){to, n};
}

static void take_over(eg_params *params, const eg_span *instead)
{
    for (apr_size_t i = 0; i < params->n; i++)
        if (instead[i].p)
            params->at[i].value = instead[i];
}

eg_status eg_form_substitute(apr_pool_t *pool, eg_span raw, eg_params *params, eg_form_ask ask,
                             void *about, eg_span *out)
{
    eg_span instead[EG_PARAMS_MAX];
    apr_size_t more = 0;
    bool stays = true;

    *out = raw;
    if (params->n > EG_PARAMS_MAX)
        return EG_ETOOMANY;
    for (apr_size_t i = 0; i < params->n; i++) {
        eg_status status;

        instead[i] = (eg_span){NULL, 0};
        status = ask(about, &params->at[i], &instead[i]);
        if (status != EG_OK)
            return status;
        more += instead[i].n;
        stays = stays && !instead[i].p;
    }
    if (stays)
        return EG_OK;
    *out = write_all(eg_wiped_alloc(pool, raw.n + more + 1), raw, instead);
    take_over(params, instead);
    return EG_OK;
}

apr_size_t eg_form_escape(eg_span text, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    char *to = out;

    for (apr_size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c && (eg_is_alnum((char)c) || strchr("-._~", c))) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    return (apr_size_t)(to - out);
}

/* --- what is there ----------------------------------------------------------------------------- */

const eg_param *eg_params_find(const eg_params *params, eg_span name)
{
    for (apr_size_t i = 0; i < params->n; i++)
        if (eg_span_eq(params->at[i].name, name))
            return &params->at[i];
    return NULL;
}

apr_size_t eg_params_count(const eg_params *params, eg_span name)
{
    apr_size_t count = 0;

    for (apr_size_t i = 0; i < params->n; i++)
        count += eg_span_eq(params->at[i].name, name);
    return count;
}

/* Compares the encoded name at the front of a segment with a plain one. */
static bool encoded_name_is(eg_span segment, eg_span name)
{
    const char *p = segment.p, *end = segment.p + segment.n;
    apr_size_t k = 0;

    while (p < end && *p != '=') {
        unsigned char c = eg_next_byte(&p, end);

        if (k == name.n || c != (unsigned char)name.p[k])
            return false;
        k++;
    }
    return k == name.n;
}

bool eg_query_names(eg_span query, eg_span name)
{
    for (apr_size_t i = 0; i < query.n;) {
        apr_size_t length = segment_length(query.p + i, query.n - i);

        if (encoded_name_is((eg_span){query.p + i, length}, name))
            return true;
        i += length + 1;
    }
    return false;
}
