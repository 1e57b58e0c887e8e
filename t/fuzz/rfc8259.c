/* SPDX-License-Identifier: Apache-2.0
 * The grammar of RFC 8259 and nothing else, to hold a JSON parser against. */
#include "rfc8259.h"

#include <string.h>

#define DEPTH_MAX 5000

/* Each rule takes what it matches off the front. */

static bool take_one(eg_span *in, const char *of)
{
    if (in->n == 0 || in->p[0] == '\0' || !strchr(of, in->p[0]))
        return false;
    *in = (eg_span){in->p + 1, in->n - 1};
    return true;
}

static void take_space(eg_span *in)
{
    while (take_one(in, " \t\r\n"))
        continue;
}

static bool take_sign(eg_span *in, const char *sign)
{
    take_space(in);
    if (!take_one(in, sign))
        return false;
    take_space(in);
    return true;
}

static bool take_digits(eg_span *in)
{
    if (!take_one(in, "0123456789"))
        return false;
    while (take_one(in, "0123456789"))
        continue;
    return true;
}

static bool take_number(eg_span *in)
{
    (void)take_one(in, "-");
    if (!take_one(in, "0") && !take_digits(in))
        return false;
    if (take_one(in, ".") && !take_digits(in))
        return false;
    if (take_one(in, "eE")) {
        (void)take_one(in, "+-");
        return take_digits(in);
    }
    return true;
}

static bool take_escape(eg_span *in)
{
    if (take_one(in, "\"\\/bfnrt"))
        return true;
    if (!take_one(in, "u"))
        return false;
    for (unsigned i = 0; i < 4; i++)
        if (!take_one(in, "0123456789abcdefABCDEF"))
            return false;
    return true;
}

static bool take_string(eg_span *in)
{
    if (!take_one(in, "\""))
        return false;
    while (in->n && in->p[0] != '"') {
        if ((unsigned char)in->p[0] < 0x20)
            return false;
        if (take_one(in, "\\")) {
            if (!take_escape(in))
                return false;
        } else {
            *in = (eg_span){in->p + 1, in->n - 1};
        }
    }
    return take_one(in, "\"");
}

static bool take_word(eg_span *in, eg_span word)
{
    if (in->n < word.n || memcmp(in->p, word.p, word.n) != 0)
        return false;
    *in = (eg_span){in->p + word.n, in->n - word.n};
    return true;
}

static size_t outermost; /* members of the object that is the text */

static bool take_value(eg_span *in, unsigned depth);

static bool take_member(eg_span *in, unsigned depth)
{
    outermost += depth == 1;
    take_space(in);
    return take_string(in) && take_sign(in, ":") && take_value(in, depth);
}

static bool take_list(eg_span *in, unsigned depth, const char *end,
                      bool (*take)(eg_span *, unsigned))
{
    if (take_sign(in, end))
        return true;
    do {
        if (!take(in, depth))
            return false;
    } while (take_sign(in, ","));
    return take_sign(in, end);
}

static bool take_value(eg_span *in, unsigned depth)
{
    take_space(in);
    if (depth == DEPTH_MAX)
        return false;
    if (take_one(in, "{"))
        return take_list(in, depth + 1, "}", take_member);
    if (take_one(in, "["))
        return take_list(in, depth + 1, "]", take_value);
    return take_string(in) || take_word(in, EG_LIT("true")) || take_word(in, EG_LIT("false")) ||
           take_word(in, EG_LIT("null")) || take_number(in);
}

bool rfc8259_is_object(eg_span text, size_t *members)
{
    bool whole = fuzz_is_utf8(text);

    outermost = 0;
    take_space(&text);
    whole = whole && text.n && text.p[0] == '{' && take_value(&text, 0);
    take_space(&text);
    *members = outermost;
    return whole && text.n == 0;
}

bool rfc8259_is_number(eg_span text)
{
    return take_number(&text) && text.n == 0;
}
