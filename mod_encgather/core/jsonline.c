/* SPDX-License-Identifier: Apache-2.0
 * A writer of flat JSON objects, one a line, for programs that read what we know. */
#include "jsonline.h"

#include <apr_strings.h>

#define LONGEST_ESCAPE 6 /* \u00xx; the three bytes of U+FFFD are fewer */

static const char replacement[] = "\xef\xbf\xbd";

/* Writes what stands for the first character of text; returns how many bytes of it that was. */
static apr_size_t quote_character(char **to, eg_span text)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char c = (unsigned char)*text.p;
    apr_size_t n = eg_utf8_length(text);

    if (c == '"' || c == '\\') {
        *(*to)++ = '\\';
        *(*to)++ = (char)c;
    } else if (c < ' ' || c == 0x7f) {
        memcpy(*to, "\\u00", 4);
        (*to)[4] = digits[c >> 4];
        (*to)[5] = digits[c & 15];
        *to += LONGEST_ESCAPE;
    } else {
        memcpy(*to, n ? text.p : replacement, n ? n : sizeof replacement - 1);
        *to += n ? n : sizeof replacement - 1;
    }
    return n ? n : 1;
}

const char *eg_json_quote(apr_pool_t *pool, const char *text)
{
    eg_span rest = eg_span_of(text);
    char *quoted = apr_palloc(pool, rest.n * LONGEST_ESCAPE + 3), *to = quoted;

    *to++ = '"';
    while (rest.n) {
        apr_size_t n = quote_character(&to, rest);

        rest.p += n;
        rest.n -= n;
    }
    *to++ = '"';
    *to = '\0';
    return quoted;
}

static void push(const eg_jsonline *line, const char *piece)
{
    *(const char **)apr_array_push(line->pieces) = piece;
}

eg_jsonline eg_jsonline_begin(apr_pool_t *pool, const char *kind)
{
    eg_jsonline line = {pool, apr_array_make(pool, 16, sizeof(const char *))};

    push(&line, apr_pstrcat(pool, "{\"kind\":\"", kind, "\"", NULL));
    return line;
}

static void push_member(const eg_jsonline *line, const char *name, const char *value)
{
    push(line, apr_pstrcat(line->pool, ",\"", name, "\":", value, NULL));
}

void eg_jsonline_text(const eg_jsonline *line, const char *name, const char *text)
{
    if (text)
        push_member(line, name, eg_json_quote(line->pool, text));
}

void eg_jsonline_number(const eg_jsonline *line, const char *name, long number)
{
    push_member(line, name, apr_psprintf(line->pool, "%ld", number));
}

void eg_jsonline_flag(const eg_jsonline *line, const char *name, bool flag)
{
    push_member(line, name, flag ? "true" : "false");
}

const char *eg_jsonline_end(const eg_jsonline *line)
{
    push(line, "}\n");
    return apr_array_pstrcat(line->pool, line->pieces, '\0');
}
