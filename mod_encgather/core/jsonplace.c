/* SPDX-License-Identifier: Apache-2.0
 * Where values stand in a JSON text, so that one of them is exchanged and every other byte stays. */
#include "jsonplace.h"

#include <apr_strings.h>
#include "secret.h"

/* --- paths ------------------------------------------------------------------------------------- */

/* "~1" is "/", "~0" is "~" (RFC 6901, 4). False: another "~". */
static bool decode_segment(eg_span text, char *out, eg_span *segment)
{
    apr_size_t n = 0;

    for (apr_size_t i = 0; i < text.n; i++) {
        out[n] = text.p[i];
        if (text.p[i] == '~') {
            if (++i == text.n || (text.p[i] != '0' && text.p[i] != '1'))
                return false;
            out[n] = text.p[i] == '1' ? '/' : '~';
        }
        n++;
    }
    *segment = (eg_span){out, n};
    return true;
}

static unsigned count_slashes(const char *text)
{
    unsigned n = 0;

    for (; *text; text++)
        n += *text == '/';
    return n;
}

static bool split_pointer(apr_pool_t *pool, const char *text, eg_span *segments)
{
    for (unsigned i = 0; *text == '/'; i++) {
        eg_span raw = {text + 1, strcspn(text + 1, "/")};

        if (!decode_segment(raw, apr_palloc(pool, raw.n + 1), &segments[i]))
            return false;
        text += 1 + raw.n;
    }
    return true;
}

const eg_json_path *eg_json_path_parse(apr_pool_t *pool, const char *text)
{
    eg_json_path *path = apr_palloc(pool, sizeof *path);
    bool is_pointer = *text == '/';
    eg_span *segments;

    path->n = is_pointer ? count_slashes(text) : 1;
    segments = apr_palloc(pool, path->n * sizeof *segments);
    path->segments = segments;
    if (is_pointer)
        return split_pointer(pool, text, segments) ? path : NULL;
    segments[0] = eg_span_of(apr_pstrdup(pool, text));
    return path;
}

/* --- what is read ------------------------------------------------------------------------------ */

/* A set of paths, a bit for each. */
typedef apr_uint64_t path_set;

typedef struct {
    const char *p, *end;
    const eg_json_path *const *paths;
    eg_json_place *places;
    unsigned depth;
} scanner;

/* From the i-th on; a shift by all bits means nothing in C. */
static bool has_more(path_set ways, unsigned i)
{
    return i < EG_JSON_PATHS_MAX && ways >> i;
}

static bool scan_value(scanner *s, path_set ways);

static void skip_space(scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool take_byte(scanner *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static bool take_word(scanner *s, eg_span word)
{
    if ((apr_size_t)(s->end - s->p) < word.n || memcmp(s->p, word.p, word.n) != 0)
        return false;
    s->p += word.n;
    return true;
}

static bool take_number_digits(scanner *s)
{
    const char *from = s->p;

    while (s->p < s->end && eg_is_digit(*s->p))
        s->p++;
    return s->p > from;
}

static bool take_number(scanner *s)
{
    (void)take_byte(s, '-');
    if (!take_byte(s, '0') && !take_number_digits(s))
        return false;
    if (take_byte(s, '.') && !take_number_digits(s))
        return false;
    if (!take_byte(s, 'e') && !take_byte(s, 'E'))
        return true;
    if (!take_byte(s, '+'))
        (void)take_byte(s, '-');
    return take_number_digits(s);
}

static bool take_escape(scanner *s)
{
    if (s->p == s->end)
        return false;
    if (*s->p != 'u')
        return strchr("\"\\/bfnrt", *s->p++) && s->p[-1];
    if (s->end - s->p < 5)
        return false;
    for (unsigned i = 1; i <= 4; i++)
        if (eg_hex_value(s->p[i]) < 0)
            return false;
    s->p += 5;
    return true;
}

/* Most of a string needs no second look. */
static void pass_plain(scanner *s)
{
    s->p += eg_plain_length((eg_span){s->p, (apr_size_t)(s->end - s->p)});
}

/* With its quotes. */
static bool take_string(scanner *s, eg_span *literal)
{
    const char *from = s->p;

    if (!take_byte(s, '"'))
        return false;
    for (pass_plain(s); s->p < s->end && *s->p != '"'; pass_plain(s)) {
        apr_size_t n = eg_utf8_length((eg_span){s->p, (apr_size_t)(s->end - s->p)});

        if (n == 0 || (unsigned char)*s->p < ' ')
            return false;
        s->p += n;
        if (s->p[-1] == '\\' && !take_escape(s))
            return false;
    }
    *literal = (eg_span){from, (apr_size_t)(s->p + 1 - from)};
    return take_byte(s, '"');
}

/* --- strings ----------------------------------------------------------------------------------- */

static unsigned hex_unit(const char *p)
{
    unsigned unit = 0;

    for (unsigned i = 0; i < 4; i++)
        unit = unit << 4 | (unsigned)eg_hex_value(p[i]);
    return unit;
}

static char *put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

/* p is behind "\u"; NULL: half of a pair. */
static const char *unquote_unit(const char *p, const char *end, char **out)
{
    unsigned unit = hex_unit(p), other;

    p += 4;
    if (unit >= 0xd800 && unit < 0xe000) {
        if (unit >= 0xdc00 || end - p < 6 || p[0] != '\\' || p[1] != 'u')
            return NULL;
        other = hex_unit(p + 2);
        if (other < 0xdc00 || other > 0xdfff)
            return NULL;
        unit = 0x10000 + ((unit - 0xd800) << 10) + (other - 0xdc00);
        p += 6;
    }
    *out = put_utf8(*out, unit);
    return p;
}

/* A byte or an escape, whose form was looked at; one to four bytes come out. */
static const char *unquote_one(const char *p, const char *end, char **out)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";

    if (*p == '\\' && p[1] == 'u')
        return unquote_unit(p + 2, end, out);
    if (*p != '\\') {
        *(*out)++ = *p;
        return p + 1;
    }
    *(*out)++ = meant[strchr(letters, p[1]) - letters];
    return p + 2;
}

/* The literal was read by eg_json_locate(): its escapes are whole. */
eg_status eg_json_unquote(eg_span literal, char *out, apr_size_t *n)
{
    const char *p = literal.p + 1, *end = literal.p + literal.n - 1;
    const char *escape = memchr(p, '\\', (apr_size_t)(end - p));
    apr_size_t plain = (apr_size_t)((escape ? escape : end) - p);
    char *to = out + plain;

    memcpy(out, p, plain);
    p += plain;
    while (p && p < end)
        p = unquote_one(p, end, &to);
    *n = (apr_size_t)(to - out);
    return p ? EG_OK : EG_EMALFORMED;
}

apr_size_t eg_json_literal(eg_span text, char *out)
{
    static const char digits[] = "0123456789abcdef";
    char *to = out;

    *to++ = '"';
    for (apr_size_t i = 0; i < text.n; i++) {
        const unsigned char c = (unsigned char)text.p[i];

        if (c < ' ') {
            /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the front of an escape */
            memcpy(to, "\\u00", 4);
            to += 4;
            *to++ = digits[c >> 4];
            *to++ = digits[c & 15];
            continue;
        }
        if (c == '"' || c == '\\')
            *to++ = '\\';
        *to++ = (char)c;
    }
    *to++ = '"';
    return (apr_size_t)(to - out);
}

/* --- ways -------------------------------------------------------------------------------------- */

static bool is_member_called(eg_span literal, eg_span name)
{
    const char *p = literal.p + 1, *end = literal.p + literal.n - 1;
    apr_size_t at = 0;

    while (p && p < end) {
        char one[4], *to = one;
        apr_size_t n;

        p = unquote_one(p, end, &to);
        n = (apr_size_t)(to - one);
        if (n > name.n - at || memcmp(one, name.p + at, n) != 0)
            return false;
        at += n;
    }
    return p && at == name.n;
}

/* Which of these ways go on by that member. */
static path_set ways_by_name(const scanner *s, path_set ways, eg_span literal)
{
    path_set on = 0;

    for (unsigned i = 0; has_more(ways, i); i++)
        if ((ways >> i & 1) && is_member_called(literal, s->paths[i]->segments[s->depth - 1]))
            on |= (path_set)1 << i;
    return on;
}

static path_set ways_by_number(const scanner *s, path_set ways, unsigned number)
{
    char digits[16];
    const eg_span name = {digits, (apr_size_t)apr_snprintf(digits, sizeof digits, "%u", number)};
    path_set on = 0;

    for (unsigned i = 0; has_more(ways, i); i++)
        if ((ways >> i & 1) && eg_span_eq(name, s->paths[i]->segments[s->depth - 1]))
            on |= (path_set)1 << i;
    return on;
}

static void note_ends(scanner *s, path_set ways, eg_json_kind kind, const char *from)
{
    for (unsigned i = 0; has_more(ways, i); i++)
        if ((ways >> i & 1) && s->paths[i]->n == s->depth)
            s->places[i] = (eg_json_place){kind, {from, (apr_size_t)(s->p - from)}};
}

static path_set longer_ways(const scanner *s, path_set ways)
{
    path_set on = 0;

    for (unsigned i = 0; has_more(ways, i); i++)
        if ((ways >> i & 1) && s->paths[i]->n > s->depth)
            on |= (path_set)1 << i;
    return on;
}

/* --- values ------------------------------------------------------------------------------------ */

/* NOLINTBEGIN(misc-no-recursion): as deep as EG_JSON_DEPTH_MAX */
static bool scan_member(scanner *s, path_set ways, path_set *seen)
{
    eg_span name;
    path_set on;

    skip_space(s);
    if (!take_string(s, &name))
        return false;
    on = ways_by_name(s, ways, name);
    if (on & *seen)
        return false;
    *seen |= on;
    skip_space(s);
    return take_byte(s, ':') && scan_value(s, on);
}

static bool scan_members(scanner *s, path_set ways)
{
    path_set seen = 0;

    do
        if (!scan_member(s, ways, &seen))
            return false;
    while (take_byte(s, ','));
    return take_byte(s, '}');
}

static bool scan_items(scanner *s, path_set ways)
{
    unsigned number = 0;

    do
        if (!scan_value(s, ways ? ways_by_number(s, ways, number++) : 0))
            return false;
    while (take_byte(s, ','));
    return take_byte(s, ']');
}

/* Behind its "{" or "[". */
static bool scan_inside(scanner *s, path_set ways, bool is_object)
{
    bool good;

    skip_space(s);
    if (take_byte(s, is_object ? '}' : ']'))
        return true;
    if (s->depth == EG_JSON_DEPTH_MAX)
        return false;
    s->depth++;
    good = is_object ? scan_members(s, ways) : scan_items(s, ways);
    s->depth--;
    return good;
}

static bool scan_scalar(scanner *s, eg_json_kind *kind)
{
    eg_span literal;

    if (s->p < s->end && *s->p == '"') {
        *kind = EG_JSON_STRING;
        return take_string(s, &literal);
    }
    *kind = EG_JSON_NULL;
    if (take_word(s, EG_LIT("null")))
        return true;
    *kind = EG_JSON_OTHER;
    return take_word(s, EG_LIT("true")) || take_word(s, EG_LIT("false")) || take_number(s);
}

/* And the white space around it. */
static bool scan_value(scanner *s, path_set ways)
{
    eg_json_kind kind = EG_JSON_OTHER;
    const char *from;
    bool good, is_object;

    skip_space(s);
    from = s->p;
    is_object = take_byte(s, '{');
    good = is_object || take_byte(s, '[') ? scan_inside(s, longer_ways(s, ways), is_object)
                                          : scan_scalar(s, &kind);
    if (good)
        note_ends(s, ways, kind, from);
    skip_space(s);
    return good;
}
/* NOLINTEND(misc-no-recursion) */

eg_status eg_json_locate(eg_span text, const eg_json_path *const *paths, unsigned n,
                         eg_json_place *places)
{
    scanner s = {.p = text.p, .end = text.p + text.n, .paths = paths, .places = places};
    bool good;

    for (unsigned i = 0; i < n; i++)
        places[i] = (eg_json_place){EG_JSON_ABSENT, {NULL, 0}};
    skip_space(&s);
    good = s.p < s.end && *s.p == '{' &&
           scan_value(&s, n < EG_JSON_PATHS_MAX ? ((path_set)1 << n) - 1 : ~(path_set)0);
    return good && s.p == s.end ? EG_OK : EG_EMALFORMED;
}

/* --- another text ------------------------------------------------------------------------------ */

/* The first of those behind at that are exchanged; n: there is none. */
static unsigned next_exchanged(const eg_json_place *places, const eg_span *values, unsigned n,
                               const char *at)
{
    unsigned next = n;

    for (unsigned i = 0; i < n; i++)
        if (values[i].p && places[i].literal.p >= at &&
            (next == n || places[i].literal.p < places[next].literal.p))
            next = i;
    return next;
}

static char *put_bytes(char *to, const char *from, const char *end)
{
    memcpy(to, from, (apr_size_t)(end - from));
    return to + (end - from);
}

eg_span eg_json_substitute(apr_pool_t *pool, eg_span text, const eg_json_place *places,
                           const eg_span *values, unsigned n)
{
    apr_size_t most = text.n + 1;
    const char *at = text.p;
    char *out, *to;

    for (unsigned i = 0; i < n; i++)
        most += values[i].p ? EG_JSON_LITERAL_SIZE(values[i].n) : 0;
    to = out = eg_wiped_alloc(pool, most);
    for (unsigned i; (i = next_exchanged(places, values, n, at)) < n;) {
        to = put_bytes(to, at, places[i].literal.p);
        to += eg_json_literal(values[i], to);
        at = places[i].literal.p + places[i].literal.n;
    }
    to = put_bytes(to, at, text.p + text.n);
    return (eg_span){out, (apr_size_t)(to - out)};
}
