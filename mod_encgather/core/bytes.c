/* SPDX-License-Identifier: Apache-2.0
 * Spans of bytes that may hold NULs, and their hexadecimal form. */
#include "bytes.h"

#include <limits.h>
#include <string.h>

int eg_span_cmp(eg_span a, eg_span b)
{
    apr_size_t common = a.n < b.n ? a.n : b.n;
    int order = common ? memcmp(a.p, b.p, common) : 0;

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

bool eg_is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

const unsigned char eg_hex_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

void eg_hex_encode(char *out, const unsigned char *in, apr_size_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (apr_size_t i = 0; i < n; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    *out = '\0';
}

eg_status eg_hex_decode(unsigned char *out, eg_span hex)
{
    unsigned all = hex.n % 2 ? UINT_MAX : 0; /* of the values: more than 15 where one is none */

    for (apr_size_t i = 0; i + 1 < hex.n; i += 2) {
        unsigned high = eg_hex_values[(unsigned char)hex.p[i]] - 1U;
        unsigned low = eg_hex_values[(unsigned char)hex.p[i + 1]] - 1U;

        all |= high | low;
        *out++ = (unsigned char)(high << 4 | (low & 15U));
    }
    return all > 15 ? EG_EMALFORMED : EG_OK;
}

static bool are_continuations(const unsigned char *p, apr_size_t n)
{
    for (apr_size_t i = 0; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return false;
    return true;
}

/* What is longer than need be, a surrogate, or beyond U+10FFFF shows in the first two bytes. */
static bool is_in_range(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second < 0xa0;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second < 0x90;
    default:
        return first >= 0xc2 && first < 0xf4;
    }
}

apr_size_t eg_utf8_length(eg_span text)
{
    const unsigned char *p = (const unsigned char *)text.p;
    apr_size_t length = text.n == 0 ? 0 : *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;

    if (length < 2)
        return length;
    if (length > text.n || !are_continuations(p + 1, length - 1) || !is_in_range(p[0], p[1]))
        return 0;
    return length;
}

/* The same byte eight times. */
#define EIGHT(byte) (APR_UINT64_C(0x0101010101010101) * (byte))

/* Not 0 where one of eight bytes is 0; which one it does not tell. */
static apr_uint64_t any_zero(apr_uint64_t eight)
{
    return (eight - EIGHT(1)) & ~eight & EIGHT(0x80);
}

static bool are_plain(const char *p)
{
    apr_uint64_t eight;

    memcpy(&eight, p, sizeof eight);
    return !((eight | (eight - EIGHT(' '))) & EIGHT(0x80)) && !any_zero(eight ^ EIGHT('"')) &&
           !any_zero(eight ^ EIGHT('\\'));
}

static bool stands_for_itself(unsigned char c)
{
    return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

apr_size_t eg_plain_length(eg_span text)
{
    apr_size_t n = 0;

    while (text.n - n >= 8 && are_plain(text.p + n))
        n += 8;
    while (n < text.n && stands_for_itself((unsigned char)text.p[n]))
        n++;
    return n;
}

/* How many of the bytes in front are ASCII, by eights as long as there are: most texts are nothing else. */
static apr_size_t ascii_length(eg_span text)
{
    apr_uint64_t eight;
    apr_size_t n = 0;

    while (text.n - n >= sizeof eight) {
        memcpy(&eight, text.p + n, sizeof eight);
        if (eight & EIGHT(0x80))
            break;
        n += sizeof eight;
    }
    while (n < text.n && (unsigned char)text.p[n] < 0x80)
        n++;
    return n;
}

bool eg_is_utf8(eg_span text)
{
    apr_size_t length = 1;

    for (apr_size_t at = ascii_length(text); at < text.n && length; at += length)
        length = eg_utf8_length((eg_span){text.p + at, text.n - at});
    return length != 0;
}

bool eg_read_number(const char **text, unsigned most, unsigned *number)
{
    *number = 0;
    if (!eg_is_digit(**text))
        return false;
    while (eg_is_digit(**text)) {
        *number = *number * 10 + (unsigned)(**text - '0');
        if (*number > most)
            return false;
        (*text)++;
    }
    return *number >= 1;
}
