/* SPDX-License-Identifier: Apache-2.0
 * A JSON object that is put together here: its members are strings and nulls, in one pool. */
#include "jsonmade.h"

#define AT_FIRST 4 /* members, before there is more room */

static eg_json_member *member_at(const eg_json_made *made, int i)
{
    return &APR_ARRAY_IDX(made->members, i, eg_json_member);
}

void eg_json_made_begin(apr_pool_t *pool, eg_json_made *made)
{
    made->members = apr_array_make(pool, AT_FIRST, sizeof(eg_json_member));
}

const eg_json_member *eg_json_made_find(const eg_json_made *made, eg_span name)
{
    for (int i = 0; i < made->members->nelts; i++)
        if (eg_span_eq(member_at(made, i)->name, name))
            return member_at(made, i);
    return NULL;
}

/* to has room for one byte more. */
static eg_span copy_to(char *to, eg_span text)
{
    memcpy(to, text.p, text.n);
    to[text.n] = '\0';
    return (eg_span){to, text.n};
}

static eg_span copy_value(apr_pool_t *pool, eg_span value)
{
    return value.p ? copy_to(apr_palloc(pool, value.n + 1), value) : (eg_span){NULL, 0};
}

eg_status eg_json_made_set(eg_json_made *made, eg_span name, eg_span value)
{
    apr_pool_t *pool = made->members->pool;
    eg_json_member *member;

    if (!eg_is_utf8(name) || !eg_is_utf8(value))
        return EG_EMALFORMED;
    member = (eg_json_member *)(apr_uintptr_t)eg_json_made_find(made, name);
    if (!member) {
        member = apr_array_push(made->members);
        member->name = copy_value(pool, name);
    }
    member->value = copy_value(pool, value);
    return EG_OK;
}

/* --- as text ----------------------------------------------------------------------------------- */

/* Where to is NULL it only counts. */
typedef struct {
    char *to;
    apr_size_t n;
} writer;

static void put(writer *w, const char *bytes, apr_size_t n)
{
    if (w->to)
        memcpy(w->to + w->n, bytes, n);
    w->n += n;
}

static bool goes_as_it_is(char c)
{
    return (unsigned char)c >= ' ' && c != '"' && c != '\\';
}

/* The two that must be, the five that have a short form, and other control characters. */
static void put_escaped(writer *w, char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    static const char digits[] = "0123456789ABCDEF";
    const char *found = c ? strchr(plain, c) : NULL;
    char text[] = {'\\', 'u', '0', '0', digits[(c >> 4) & 15], digits[c & 15]};

    if (found)
        text[1] = letters[found - plain];
    put(w, text, found ? 2 : sizeof text);
}

static void write_string(writer *w, eg_span text)
{
    put(w, "\"", 1);
    for (apr_size_t i = 0, from; i < text.n;) {
        for (from = i; i < text.n && goes_as_it_is(text.p[i]);)
            i++;
        put(w, text.p + from, i - from);
        if (i < text.n)
            put_escaped(w, text.p[i++]);
    }
    put(w, "\"", 1);
}

static void write_member(writer *w, const eg_json_member *member)
{
    write_string(w, member->name);
    put(w, ":", 1);
    if (member->value.p)
        write_string(w, member->value);
    else
        put(w, "null", 4);
}

static void write_object(writer *w, const eg_json_made *made)
{
    put(w, "{", 1);
    for (int i = 0; i < made->members->nelts; i++) {
        if (i)
            put(w, ",", 1);
        write_member(w, member_at(made, i));
    }
    put(w, "}", 1);
}

const char *eg_json_made_write(const eg_json_made *made, apr_pool_t *pool)
{
    writer w = {NULL, 0};

    write_object(&w, made);
    w = (writer){apr_palloc(pool, w.n + 1), 0};
    write_object(&w, made);
    w.to[w.n] = '\0';
    return w.to;
}
