/* SPDX-License-Identifier: Apache-2.0
 * The only file that knows jansson: JSON in and out. */
#include "json.h"

#include <errno.h>
#include <string.h>
#include <apr_strings.h>
#include <jansson.h>
#include "jsonmade.h"

/* One that was read is the library's; one that is put together here needs no library, which would
 * allocate three times for each member. */
struct eg_json {
    json_t *root; /* NULL: it is made here */
    eg_json_made made;
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
    object = apr_pcalloc(pool, sizeof *object);
    object->root = root;
    apr_pool_cleanup_register(pool, object, release, apr_pool_cleanup_null);
    return object;
}

/* jansson overlooks a NUL behind a number; RFC 8259 has none anywhere. */
static const char *find_nul(eg_span text)
{
    return text.n ? memchr(text.p, '\0', text.n) : NULL;
}

/* How many bytes from there on could be those of a number. */
static apr_size_t number_length(const char *p, apr_size_t n)
{
    apr_size_t length = 0;

    while (length < n && p[length] && strchr("+-.0123456789Ee", p[length]))
        length++;
    return n && (eg_is_digit(*p) || *p == '-') ? length : 0;
}

/* Of n bytes that another one follows which is not part of a number. */
static bool is_large_integer(const char *p, apr_size_t n)
{
    apr_size_t sign = *p == '-';

    for (apr_size_t i = sign; i < n; i++)
        if (!eg_is_digit(p[i]))
            return false;
    errno = 0;
    return n > sign && p[sign] != '0' && (strtoll(p, NULL, 10), errno == ERANGE);
}

/* In place of n bytes, at least four. */
static void put_null(char *at, apr_size_t n)
{
    static const char null[] = {'n', 'u', 'l', 'l'};

    memset(at, ' ', n);
    memcpy(at, null, sizeof null);
}

/* RFC 8259 has integers of any length, the library none that 64 bits do not hold. In their place a
 * copy has null, which cannot be said either: the other members are what they were. */
static eg_span without_large_integers(apr_pool_t *pool, eg_span text)
{
    char *copy = apr_pstrmemdup(pool, text.p, text.n);
    bool in_string = false;

    for (apr_size_t i = 0, n; i < text.n; i += n) {
        n = in_string ? 0 : number_length(copy + i, text.n - i);
        if (n && is_large_integer(copy + i, n))
            put_null(copy + i, n);
        if (n)
            continue;
        if (copy[i] == '"')
            in_string = !in_string;
        n = in_string && copy[i] == '\\' ? 2 : 1;
    }
    return (eg_span){copy, text.n};
}

/* The library's own text quotes what it read. */
static const char *error_words(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_out_of_memory:
        return "there is no memory to read it";
    case json_error_stack_overflow:
        return "it is nested too deeply";
    case json_error_invalid_utf8:
        return "it is not UTF-8";
    case json_error_premature_end_of_input:
        return "it breaks off";
    case json_error_end_of_input_expected:
        return "something follows the JSON";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a string has a NUL in it";
    case json_error_duplicate_key:
        return "a member is there twice";
    case json_error_numeric_overflow:
        return "a number is too large";
    default:
        return "wrong syntax";
    }
}

static json_t *load_text(apr_pool_t *pool, eg_span text, eg_json_fault *fault)
{
    json_error_t error = {.text = ""};
    json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &error);

    if (!root && json_error_code(&error) == json_error_numeric_overflow) {
        text = without_large_integers(pool, text);
        root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &error);
    }
    if (!root)
        *fault = (eg_json_fault){error_words(&error),
                                 error.position > 0 ? (apr_size_t)error.position : 0};
    return root;
}

static eg_json *parse_object(apr_pool_t *pool, eg_span text, eg_json_fault *fault)
{
    const char *nul = find_nul(text);
    json_t *root;

    *fault = (eg_json_fault){"it is empty", 0};
    if (nul)
        *fault = (eg_json_fault){"it has a NUL", (apr_size_t)(nul - text.p) + 1};
    root = nul || !text.n ? NULL : load_text(pool, text, fault);
    if (root && !json_is_object(root)) {
        *fault = (eg_json_fault){"it is another kind of JSON", 1};
        json_decref(root);
        return NULL;
    }
    return own(pool, root);
}

eg_json *eg_json_parse(apr_pool_t *pool, eg_span text)
{
    eg_json_fault fault;

    return parse_object(pool, text, &fault);
}

/* Some write it although RFC 8259, 8.1 says not to; whoever reads may ignore it. */
eg_json *eg_json_parse_answer(apr_pool_t *pool, eg_span text, eg_json_fault *fault)
{
    eg_span mark = EG_LIT("\xef\xbb\xbf");
    bool marked = text.n >= mark.n && memcmp(text.p, mark.p, mark.n) == 0;
    eg_json *object;

    if (marked)
        text = (eg_span){text.p + mark.n, text.n - mark.n};
    object = parse_object(pool, text, fault);
    fault->at += marked ? mark.n : 0;
    return object;
}

eg_json *eg_json_new(apr_pool_t *pool)
{
    eg_json *object = apr_palloc(pool, sizeof *object);

    object->root = NULL;
    eg_json_made_begin(pool, &object->made);
    return object;
}

/* --- members ----------------------------------------------------------------------------------- */

/* What both kinds of object have, in one form: the rules below know no other. */
typedef struct {
    json_type type;
    eg_span text;         /* of a string */
    const json_t *member; /* of neither a string nor null */
} found;

/* False: there is none. */
static bool find_read(const json_t *root, const char *name, found *it)
{
    const json_t *member = json_object_get(root, name);

    *it = (found){.type = member ? json_typeof(member) : JSON_NULL, .member = member};
    if (json_is_string(member))
        it->text = (eg_span){json_string_value(member), json_string_length(member)};
    return member != NULL;
}

static bool find_made(const eg_json_made *made, const char *name, found *it)
{
    const eg_json_member *member = eg_json_made_find(made, eg_span_of(name));

    *it = (found){.type = JSON_NULL};
    if (member && member->value.p)
        *it = (found){.type = JSON_STRING, .text = member->value};
    return member != NULL;
}

static bool find_member(const eg_json *object, const char *name, found *it)
{
    if (!object)
        return false;
    return object->root ? find_read(object->root, name, it) : find_made(&object->made, name, it);
}

eg_status eg_json_string(const eg_json *object, const char *name, eg_span *value)
{
    found it;

    if (!find_member(object, name, &it) || it.type != JSON_STRING)
        return EG_EMISSING;
    *value = it.text;
    return EG_OK;
}

eg_status eg_json_integer(const eg_json *object, const char *name, apr_int64_t *value)
{
    found it;

    if (!find_member(object, name, &it) || it.type != JSON_INTEGER)
        return EG_EMISSING;
    *value = json_integer_value(it.member);
    return EG_OK;
}

const eg_json *eg_json_inner(const eg_json *object, const char *name, apr_pool_t *pool)
{
    eg_json *inner;
    found it;

    if (!find_member(object, name, &it) || it.type != JSON_OBJECT)
        return NULL;
    inner = apr_pcalloc(pool, sizeof *inner);
    inner->root = (json_t *)(apr_uintptr_t)it.member;
    return inner;
}

apr_size_t eg_json_size(const eg_json *object)
{
    if (!object)
        return 0;
    return object->root ? json_object_size(object->root) : (apr_size_t)object->made.members->nelts;
}

/* Member by member: a name out of a URL has no NUL behind it. */
static bool has_read(json_t *root, eg_span name)
{
    for (void *at = json_object_iter(root); at; at = json_object_iter_next(root, at))
        if (eg_span_eq(eg_span_of(json_object_iter_key(at)), name))
            return true;
    return false;
}

bool eg_json_has(const eg_json *object, eg_span name)
{
    if (!object)
        return false;
    return object->root ? has_read(object->root, name)
                        : eg_json_made_find(&object->made, name) != NULL;
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
    found it;

    if (!find_member(object, name, &it))
        return NULL;
    switch (it.type) {
    case JSON_STRING:
        return apr_pstrdup(pool, it.text.p);
    case JSON_INTEGER:
        return apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(it.member));
    case JSON_REAL:
        return shortest_real(it.member, pool);
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return NULL;
    }
}

const char *eg_json_unsayable(const eg_json *object, const char *name)
{
    found it;

    if (!find_member(object, name, &it))
        return NULL;
    switch (it.type) {
    case JSON_NULL:
        return "null, or an integer of more than 64 bits";
    case JSON_ARRAY:
        return "an array";
    case JSON_OBJECT:
        return "an object";
    default:
        return NULL;
    }
}

/* --- writing ----------------------------------------------------------------------------------- */

eg_status eg_json_set(eg_json *object, const char *name, eg_span value)
{
    return object->root ? EG_EMALFORMED : eg_json_made_set(&object->made, eg_span_of(name), value);
}

const char *eg_json_dump(const eg_json *object, apr_pool_t *pool)
{
    return object->root ? NULL : eg_json_made_write(&object->made, pool);
}
