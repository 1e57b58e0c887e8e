/* SPDX-License-Identifier: Apache-2.0
 * Tests of spans, ASCII classes and hexadecimal digits. */
#include "tap.h"

#include <stdlib.h>
#include "core/bytes.h"

static void spans(void)
{
    static const struct {
        eg_span a, b;
        int order; /* the sign */
        const char *name;
    } cases[] = {
        {{"abc", 3}, {"abc", 3}, 0, "the same bytes"},
        {{"abcd", 3}, {"abcx", 3}, 0, "what follows does not count"},
        {{NULL, 0}, {"", 0}, 0, "two empty spans, one of them NULL"},
        {{"", 0}, {"a", 1}, -1, "empty comes first"},
        {{"ab", 2}, {"abc", 3}, -1, "a prefix comes first"},
        {{"abd", 3}, {"abcz", 4}, 1, "the first difference decides"},
        {{"Z", 1}, {"a", 1}, -1, "upper case before lower case"},
        {{"z", 1}, {"\xc3\xa9", 2}, -1, "bytes are unsigned"},
        {{"a\0b", 3}, {"a\0c", 3}, -1, "a NUL does not end a span"},
        {{"a", 1}, {"a\0", 2}, -1, "a NUL is a byte"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int there = eg_span_cmp(cases[i].a, cases[i].b), back = eg_span_cmp(cases[i].b, cases[i].a);

        is_int((there > 0) - (there < 0), cases[i].order, "order: %s", cases[i].name);
        is_int((back > 0) - (back < 0), -cases[i].order, "reversed: %s", cases[i].name);
        ok(eg_span_eq(cases[i].a, cases[i].b) == (cases[i].order == 0), "equality: %s",
           cases[i].name);
    }
    ok(eg_span_of(NULL).n == 0, "the span of NULL is empty");
    is_int((long long)eg_span_of("abc").n, 3, "the span of a string has its length");
    is_int((long long)EG_LIT("a\0b").n, 3, "a literal may hold a NUL");
}

static void classes(void)
{
    static const char digits[] = "0123456789", blanks[] = " \t\n\v\f\r";
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    int wrong = 0;

    for (int i = 0; i < 256; i++) {
        char c = (char)i;
        bool digit = memchr(digits, c, 10), letter = memchr(letters, c, 52);
        const char *low = memchr(lower, c, 16), *up = memchr(upper, c, 16);
        long value = low ? low - lower : up ? up - upper : -1;

        wrong += eg_is_digit(c) != digit;
        wrong += eg_is_alnum(c) != (digit || letter);
        wrong += eg_is_blank(c) != (memchr(blanks, c, 6) != NULL);
        wrong += eg_hex_value(c) != value;
    }
    is_int(wrong, 0, "digits, letters, blanks and hexadecimal digits among all 256 bytes");
}

static void encoding(void)
{
    unsigned char bytes[256], back[256];
    char *hex = exact_copy("", 1);

    eg_hex_encode(hex, bytes, 0);
    is_str(hex, "", "no bytes make an empty string");
    free(hex);

    hex = malloc(2 * 5 + 1);
    eg_hex_encode(hex, (const unsigned char *)"\x00\x0f\xf0\xff\xa5", 5);
    is_str(hex, "000ff0ffa5", "digits are lower-case, the high half first");
    free(hex);

    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    hex = malloc(2 * sizeof bytes + 1);
    eg_hex_encode(hex, bytes, sizeof bytes);
    is_int(eg_hex_decode(back, (eg_span){hex, 2 * sizeof bytes}), EG_OK, "all bytes are read back");
    is_bytes(back, sizeof back, bytes, sizeof bytes, "all bytes as they were");
    free(hex);
}

static void decoding(void)
{
    static const struct {
        eg_span hex;
        const char *want; /* NULL: malformed */
    } cases[] = {
        {EG_LIT(""), ""},           {EG_LIT("41"), "A"},          {EG_LIT("6d4E"), "mN"},
        {EG_LIT("4a4B4C"), "JKL"},  {EG_LIT("4"), NULL},          {EG_LIT("414"), NULL},
        {EG_LIT("4g"), NULL},       {EG_LIT("g4"), NULL},         {EG_LIT("zz"), NULL},
        {EG_LIT(" 41"), NULL},      {EG_LIT(" 4"), NULL},         {EG_LIT("4 "), NULL},
        {EG_LIT("41 41"), NULL},    {EG_LIT("0x41"), NULL},       {EG_LIT("+4"), NULL},
        {EG_LIT("-1"), NULL},       {EG_LIT("4\0"), NULL},        {EG_LIT("\0\0"), NULL},
        {EG_LIT("\xc3\xa9"), NULL}, {EG_LIT("41\xff\xff"), NULL}, {EG_LIT("zz41"), NULL},
        {EG_LIT("/:"), NULL},       {EG_LIT("@G"), NULL},         {EG_LIT("`g"), NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_span hex = cases[i].hex;
        char *in = exact_copy(hex.p, hex.n), *out = malloc(hex.n / 2 + (hex.n < 2));
        eg_status status = eg_hex_decode((unsigned char *)out, (eg_span){in, hex.n});

        is_int(status, cases[i].want ? EG_OK : EG_EMALFORMED, "decoding, case %zu", i);
        if (cases[i].want)
            is_bytes(out, hex.n / 2, cases[i].want, strlen(cases[i].want), "bytes, case %zu", i);
        free(in);
        free(out);
    }
}

static void utf8(void)
{
    static const struct {
        eg_span text;
        apr_size_t length;
    } cases[] = {
        {EG_LIT(""), 0},
        {EG_LIT("a"), 1},
        {EG_LIT("\0"), 1},
        {EG_LIT("\x7f\x80"), 1},
        {EG_LIT("\xc3\xa9x"), 2},
        {EG_LIT("\xc2\x80"), 2},
        {EG_LIT("\xdf\xbf"), 2},
        {EG_LIT("\xe0\xa0\x80"), 3},
        {EG_LIT("\xed\x9f\xbf"), 3},
        {EG_LIT("\xee\x80\x80"), 3},
        {EG_LIT("\xef\xbf\xbf"), 3},
        {EG_LIT("\xf0\x90\x80\x80"), 4},
        {EG_LIT("\xf4\x8f\xbf\xbf"), 4},
        {EG_LIT("\x80"), 0},
        {EG_LIT("\xbf\xbf"), 0},
        {EG_LIT("\xc1\xbf"), 0},         /* longer than need be */
        {EG_LIT("\xe0\x9f\xbf"), 0},     /* the same */
        {EG_LIT("\xf0\x8f\xbf\xbf"), 0}, /* the same */
        {EG_LIT("\xed\xa0\x80"), 0},     /* a surrogate */
        {EG_LIT("\xed\xbf\xbf"), 0},     /* the same */
        {EG_LIT("\xf4\x90\x80\x80"), 0}, /* beyond U+10FFFF */
        {EG_LIT("\xf5\x80\x80\x80"), 0},
        {EG_LIT("\xff\xbf\xbf\xbf"), 0},
        {EG_LIT("\xc3"), 0},
        {EG_LIT("\xe2\x82"), 0},
        {EG_LIT("\xf0\x9f\x98"), 0},
        {EG_LIT("\xc3x"), 0},
        {EG_LIT("\xe2\x82x"), 0},
        {EG_LIT("\xe2x\x82"), 0},
        {EG_LIT("\xf0\x9f\x98\xc0"), 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_span text = cases[i].text;
        char *copy = exact_copy(text.p, text.n);

        is_int((long long)eg_utf8_length((eg_span){copy, text.n}), (long long)cases[i].length,
               "the length of a UTF-8 sequence, case %zu", i);
        free(copy);
    }
    ok(eg_is_utf8(EG_LIT("a\xc3\xa9\0\xf0\x9f\x98\x80")), "a text of such sequences is UTF-8");
    ok(eg_is_utf8((eg_span){NULL, 0}), "and so is none");
    ok(!eg_is_utf8(EG_LIT("a\xc3\xa9\x80")), "a byte too much is not");
}

/* Each byte at each place: within eight that are looked at together, and behind them. */
static void plain(void)
{
    int wrong = 0;

    for (unsigned c = 0; c < 256; c++) {
        bool stays = c >= ' ' && c < 0x80 && c != '"' && c != '\\';

        for (size_t at = 0; at < 21; at++) {
            char *text = exact_copy("xxxx\x7fyyyy! zzzz~[]{}/", 21);

            text[at] = (char)c;
            wrong += eg_plain_length((eg_span){text, 21}) != (stays ? 21 : at);
            free(text);
        }
    }
    is_int(wrong, 0, "what stands for itself in JSON");
    is_int((long long)eg_plain_length((eg_span){NULL, 0}), 0, "of nothing nothing");
}

int main(void)
{
    spans();
    classes();
    encoding();
    decoding();
    utf8();
    plain();
    return done_testing();
}
