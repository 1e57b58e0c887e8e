/* SPDX-License-Identifier: Apache-2.0
 * Spans of bytes that may hold NULs, and their hexadecimal form. */
#include "bytes.h"

#include <string.h>

eg_span eg_span_of(const char *s)
{
    return (eg_span){s, s ? strlen(s) : 0};
}

bool eg_span_eq(eg_span a, eg_span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int eg_span_cmp(eg_span a, eg_span b)
{
    apr_size_t common = a.n < b.n ? a.n : b.n;
    int order = common ? memcmp(a.p, b.p, common) : 0;

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

bool eg_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool eg_is_alnum(char c)
{
    return eg_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool eg_is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int eg_hex_value(char c)
{
    if (eg_is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

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
    int bad = hex.n % 2 != 0;

    for (apr_size_t i = 0; i + 1 < hex.n; i += 2) {
        int high = eg_hex_value(hex.p[i]), low = eg_hex_value(hex.p[i + 1]);

        bad |= high < 0 || low < 0;
        *out++ = (unsigned char)((((unsigned)high & 15u) << 4) | ((unsigned)low & 15u));
    }
    return bad ? EG_EMALFORMED : EG_OK;
}
