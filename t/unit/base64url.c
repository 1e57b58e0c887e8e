/* SPDX-License-Identifier: Apache-2.0
 * Tests of base64url: the vectors of RFC 4648, and that nothing has two spellings. */
#include "tap.h"

#include <stdlib.h>
#include "core/base64url.h"

static void rfc4648(void)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg"},
        {"fooba", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "-__-"},
        {"\x10\x51\x87\x20\x92\x8b", "EFGHIJKL"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i][0]), length = strlen(cases[i][1]);
        char *text = malloc(EG_BASE64URL_LENGTH(n) + 1);
        unsigned char *bytes = malloc(EG_BASE64URL_BYTES(length) + 1);

        is_int(eg_base64url_encode(text, (eg_span){cases[i][0], n}) - text, (long long)length,
               "%s: the length", cases[i][1]);
        is_int((long long)EG_BASE64URL_LENGTH(n), (long long)length, "%s: foretold", cases[i][1]);
        is_bytes(text, length, cases[i][1], length, "%s is written", cases[i][1]);
        is_int(eg_base64url_decode(bytes, (eg_span){cases[i][1], length}), EG_OK, "%s is read",
               cases[i][1]);
        is_bytes(bytes, EG_BASE64URL_BYTES(length), cases[i][0], n, "to what it was");
        free(text);
        free(bytes);
    }
}

/* Reads the n characters, and writes them again. */
static bool comes_back(const char *text, size_t n)
{
    unsigned char bytes[3];
    char again[4];

    if (eg_base64url_decode(bytes, (eg_span){text, n}) != EG_OK)
        return false;
    return eg_base64url_encode(again, (eg_span){(char *)bytes, EG_BASE64URL_BYTES(n)}) ==
               again + n &&
           memcmp(again, text, n) == 0;
}

/* Of all texts of two and three characters those are read that stand for one and two bytes. */
static void one_spelling(void)
{
    unsigned read = 0, wrong = 0;
    char text[3];

    for (unsigned i = 0; i < 1u << 24; i++) {
        unsigned char bytes[2];
        size_t n = i < 1u << 16 ? 2 : 3;

        for (size_t k = 0; k < n; k++)
            text[k] = (char)(i >> 8 * k);
        if (n == 3 && (text[2] & 0x80))
            continue;
        if (eg_base64url_decode(bytes, (eg_span){text, n}) == EG_OK) {
            read++;
            wrong += !comes_back(text, n);
        }
    }
    is_int(wrong, 0, "what is read is what would be written");
    is_int(read, 256 + 65536, "there is one text for each of one byte and of two");
}

static void refused(void)
{
    static const char *const cases[] = {"A",    "AAAAA", "Zg==", "Zm8=", "Zh",   "Zm9",     "Z g",
                                        "+_8A", "/w",    "Zg\n", "AA=",  "A===", "\xc3\xa9"};
    unsigned char bytes[8];

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i]);
        char *text = exact_copy(cases[i], n);

        is_int(eg_base64url_decode(bytes, (eg_span){text, n}), EG_EMALFORMED, "case %zu is refused",
               i);
        free(text);
    }
    is_int(eg_base64url_decode_exactly(bytes, 2, EG_LIT("Zm8")), EG_OK, "two bytes, as expected");
    is_int(eg_base64url_decode_exactly(bytes, 3, EG_LIT("Zm8")), EG_EMALFORMED, "not three");
    is_int(eg_base64url_decode_exactly(bytes, 1, EG_LIT("Zm8")), EG_EMALFORMED, "not one");
}

int main(void)
{
    rfc4648();
    one_spelling();
    refused();
    return done_testing();
}
