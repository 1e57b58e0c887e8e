/* SPDX-License-Identifier: Apache-2.0
 * application/x-www-form-urlencoded, decoded in place (WHATWG URL 5.1, but strict). */
#include "form.h"

#include <string.h>
#include <apr_strings.h>
#include "secret.h"

/* What does not stand for itself in a form; what ends a value or has to be decoded in it, and what does in a name. */
static const bool is_special[256] = {['\0'] = true, ['%'] = true, ['+'] = true};
static const bool stops_value[256] = {['\0'] = true, ['%'] = true, ['+'] = true, ['&'] = true};
static const bool stops_name[256] = {
    ['\0'] = true, ['%'] = true, ['+'] = true, ['&'] = true, ['='] = true};

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

/* What is still to be read. */
typedef struct {
    char *p, *end;
} reader;

/* Every byte of a form comes by here: four in a row are asked for the end of it once. */
static inline char *skip_plain(char *p, const char *end, const bool stops[256])
{
    for (; end - p >= 4; p += 4) {
        if (stops[(unsigned char)p[0]])
            return p;
        if (stops[(unsigned char)p[1]])
            return p + 1;
        if (stops[(unsigned char)p[2]])
            return p + 2;
        if (stops[(unsigned char)p[3]])
            return p + 3;
    }
    while (p < end && !stops[(unsigned char)*p])
        p++;
    return p;
}

/* Behind the first special byte: from p on, written to `to`, which stays behind reading, since the decoded form is
 * never longer than the encoded one. Returns the end of what is written; NULL: an escape is broken. */
static char *decode_on(reader *in, char *to, const bool stops[256])
{
    char *p = in->p, *end = in->end;

    while (p < end && is_special[(unsigned char)*p]) {
        apr_size_t length;
        char c = decode_special(p, (apr_size_t)(end - p), &length);

        if (c == '\0')
            return NULL;
        *to++ = c;
        p += length;
        while (p < end && !stops[(unsigned char)*p])
            *to++ = *p++;
        in->p = p;
    }
    return to;
}

/* Up to what ends the part. Nothing is written before the first special byte. */
static inline eg_status read_part(reader *in, const bool stops[256], eg_span *out)
{
    char *begin = in->p, *to = in->p = skip_plain(begin, in->end, stops);

    if (to < in->end && is_special[(unsigned char)*to])
        to = decode_on(in, to, stops);
    if (!to)
        return EG_EMALFORMED;
    *out = (eg_span){begin, (apr_size_t)(to - begin)};
    return EG_OK;
}

static inline eg_status read_pair(reader *in, eg_param *param)
{
    eg_status status = read_part(in, stops_name, &param->name);

    param->value = (eg_span){in->p, 0};
    if (status != EG_OK || in->p == in->end || *in->p != '=')
        return status;
    in->p++;
    return read_part(in, stops_value, &param->value);
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

static void skip_separators(reader *in)
{
    while (in->p < in->end && *in->p == '&')
        in->p++;
}

/* What is wrong with a form whose n-th parameter is broken at that place: too many of them count before that. */
static eg_status judge_rest(const reader *in, apr_size_t n, apr_size_t max)
{
    apr_size_t rest = count_segments(in->p, (apr_size_t)(in->end - in->p));

    return n + rest > max ? EG_ETOOMANY : EG_EMALFORMED;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is decoded where it is */
eg_status eg_form_parse(apr_pool_t *pool, char *buf, apr_size_t n, apr_size_t max,
                        eg_params *params)
{
    eg_param found[EG_PARAMS_MAX];
    reader in = {buf, buf + n};
    apr_size_t most = max < EG_PARAMS_MAX ? max : EG_PARAMS_MAX, count = 0;
    eg_status status = EG_OK;

    for (skip_separators(&in); in.p < in.end && status == EG_OK; skip_separators(&in)) {
        status = count == most ? EG_ETOOMANY : read_pair(&in, &found[count]);
        if (status == EG_EMALFORMED)
            status = judge_rest(&in, count, most);
        count += status == EG_OK;
    }
    *params = (eg_params){NULL, 0};
    if (status == EG_ETOOMANY)
        return status;
    params->at = apr_pmemdup(pool, found, (count ? count : 1) * sizeof *found);
    params->n = count;
    return status;
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

apr_size_t eg_params_look_up(const eg_params *params, eg_span name, const eg_param **first)
{
    apr_size_t count = 1;

    *first = eg_params_find(params, name);
    if (!*first)
        return 0;
    for (const eg_param *at = *first + 1, *end = params->at + params->n; at < end; at++)
        count += eg_span_eq(at->name, name);
    return count;
}

apr_size_t eg_params_count(const eg_params *params, eg_span name)
{
    const eg_param *first;

    return eg_params_look_up(params, name, &first);
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
