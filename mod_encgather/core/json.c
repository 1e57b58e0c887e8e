/* SPDX-License-Identifier: Apache-2.0
 * The only file that knows jansson: JSON in and out. */
#include "json.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <jansson.h>

struct eg_json {
    json_t *root;
};

static apr_status_t release(void *data)
{
    json_decref(((eg_json *)data)->root);
    return APR_SUCCESS;
}

static eg_json *own(apr_pool_t *pool, json_t *root)
{
    eg_json *object;

    if (!root)
        return NULL;
    object = apr_palloc(pool, sizeof *object);
    object->root = root;
    apr_pool_cleanup_register(pool, object, release, apr_pool_cleanup_null);
    return object;
}

/* jansson overlooks a NUL behind a number; RFC 8259 has none anywhere. */
static bool has_nul(eg_span text)
{
    return text.n && memchr(text.p, '\0', text.n);
}

eg_json *eg_json_parse(apr_pool_t *pool, eg_span text)
{
    json_t *root = NULL;

    if (!has_nul(text))
        root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    if (root && !json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    return own(pool, root);
}

eg_json *eg_json_new(apr_pool_t *pool)
{
    return own(pool, json_object());
}

/* An object there was no memory for has no members. */
static const json_t *member_of(const eg_json *object, const char *name)
{
    return object ? json_object_get(object->root, name) : NULL;
}

eg_status eg_json_string(const eg_json *object, const char *name, eg_span *value)
{
    const json_t *member = member_of(object, name);

    if (!json_is_string(member))
        return EG_EMISSING;
    *value = (eg_span){json_string_value(member), json_string_length(member)};
    return EG_OK;
}

/* Writes a number with that many significant digits (jansson puts any locale's decimal point
 * right); NULL unless it reads back as the same double. */
static const char *real_with_digits(const json_t *number, size_t digits, apr_pool_t *pool)
{
    char text[40];
    size_t n = json_dumpb(number, text, sizeof text, JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
    json_t *again = n < sizeof text ? json_loadb(text, n, JSON_DECODE_ANY, NULL) : NULL;
    bool same = again && json_equal(again, number);

    json_decref(again);
    if (!same)
        return NULL;
    n -= n > 2 && memcmp(text + n - 2, ".0", 2) == 0 ? 2 : 0;
    return apr_pstrmemdup(pool, text, n);
}

/* From 2^53 on every double is an integer, and up to here seventeen digits are all of it. jansson 2.15
 * and later write such a number with an exponent whatever the precision. */
static bool is_long_integer(double value)
{
    double size = value < 0 ? -value : value;

    return size >= 1e16 && size < 1e17;
}

/* The fewest digits that read back; without an exponent where that is possible (100, not 1e2). */
static const char *shortest_real(const json_t *number, apr_pool_t *pool)
{
    const char *shortest = NULL;
    double value = json_real_value(number);

    if (is_long_integer(value))
        return apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)value);
    for (size_t digits = 1; digits <= 17; digits++) {
        const char *text = real_with_digits(number, digits, pool);

        if (text && !strchr(text, 'e'))
            return text;
        if (!shortest)
            shortest = text;
    }
    return shortest;
}

const char *eg_json_text(const void *object, const char *name, apr_pool_t *pool)
{
    const json_t *member = member_of(object, name);

    if (json_is_string(member))
        return apr_pstrdup(pool, json_string_value(member));
    if (json_is_integer(member))
        return apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(member));
    if (json_is_real(member))
        return shortest_real(member, pool);
    if (json_is_boolean(member))
        return json_is_true(member) ? "true" : "false";
    return NULL;
}

eg_status eg_json_set(eg_json *object, const char *name, eg_span value)
{
    json_t *member = value.p ? json_stringn(value.p, value.n) : json_null();

    if (json_object_set_new(object->root, name, member) == 0)
        return EG_OK;
    return eg_is_utf8(value) && eg_is_utf8(eg_span_of(name)) ? EG_ENOMEM : EG_EMALFORMED;
}

const char *eg_json_dump(const eg_json *object, apr_pool_t *pool)
{
    char *text = json_dumps(object->root, JSON_COMPACT);
    char *copy = text ? apr_pstrdup(pool, text) : NULL;

    free(text);
    return copy;
}
