/* SPDX-License-Identifier: Apache-2.0
 * base64url without padding (RFC 7515, 2): one spelling for any bytes, and only that one is read. */
#include "base64url.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *eg_base64url_encode(char *out, eg_span in)
{
    const unsigned char *p = (const unsigned char *)in.p;
    apr_size_t n = in.n;

    for (; n >= 3; p += 3, n -= 3) {
        *out++ = letters[p[0] >> 2];
        *out++ = letters[(p[0] & 3) << 4 | p[1] >> 4];
        *out++ = letters[(p[1] & 15) << 2 | p[2] >> 6];
        *out++ = letters[p[2] & 63];
    }
    if (n == 0)
        return out;
    *out++ = letters[p[0] >> 2];
    *out++ = letters[(p[0] & 3) << 4 | (n == 2 ? p[1] >> 4 : 0)];
    if (n == 2)
        *out++ = letters[(p[1] & 15) << 2];
    return out;
}

/* One more than the value of a letter; 0 for any other byte. */
static const unsigned char letter_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

eg_status eg_base64url_decode(unsigned char *out, eg_span text)
{
    unsigned bits = 0, count = 0;

    if (text.n % 4 == 1)
        return EG_EMALFORMED;
    for (apr_size_t i = 0; i < text.n; i++) {
        unsigned value = letter_values[(unsigned char)text.p[i]];

        if (value == 0)
            return EG_EMALFORMED;
        bits = (bits << 6 | (value - 1)) & 0xfff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *out++ = (unsigned char)(bits >> count);
        }
    }
    return bits & ((1u << count) - 1) ? EG_EMALFORMED : EG_OK;
}

eg_status eg_base64url_decode_exactly(unsigned char *out, apr_size_t n, eg_span text)
{
    if (text.n != EG_BASE64URL_LENGTH(n))
        return EG_EMALFORMED;
    return eg_base64url_decode(out, text);
}
