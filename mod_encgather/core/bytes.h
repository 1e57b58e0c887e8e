/* SPDX-License-Identifier: Apache-2.0
 * Spans of bytes that may hold NULs, and their hexadecimal form. */
#ifndef EG_BYTES_H
#define EG_BYTES_H

/* getrandom(2), locked mappings left out of core dumps, prctl(2), /proc/self */
#ifndef __linux__
#error "mod_encgather needs Linux"
#endif

#include <stdbool.h>
#include <string.h>
#include <apr.h>
#include "status.h"

/* Bytes of somebody else's memory; never NUL-terminated by promise. */
typedef struct {
    const char *p;
    apr_size_t n;
} eg_span;

#define EG_LIT(s) ((eg_span){(s), sizeof(s) - 1})

/* What is asked for every byte or every parameter is short enough to be inline. */

static inline eg_span eg_span_of(const char *s)
{
    return (eg_span){s, s ? strlen(s) : 0};
}

/* Plain comparison, for names and other things that are no secret. */
static inline bool eg_span_eq(eg_span a, eg_span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Bytewise order, a prefix first: "Unix-style case-sensitive sorting" of Twilio's rule. */
int eg_span_cmp(eg_span a, eg_span b);

/* ASCII only, whatever the locale. */
static inline bool eg_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool eg_is_alnum(char c)
{
    return eg_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool eg_is_blank(char c);

/* Reads a whole number in decimal digits, from 1 to most, and moves *text behind it. */
bool eg_read_number(const char **text, unsigned most, unsigned *number);

/* The length of the well-formed UTF-8 sequence (RFC 3629) that begins the text, or 0. */
apr_size_t eg_utf8_length(eg_span text);
bool eg_is_utf8(eg_span text);

/* How many of the bytes in front stand for themselves in a string of JSON and are ASCII: up to the first control character,
 * quote, backslash or longer sequence. */
apr_size_t eg_plain_length(eg_span text);

/* One more than the value of a hexadecimal digit of either case; 0 for any other byte. */
extern const unsigned char eg_hex_values[256];

/* The value of one hexadecimal digit of either case, or -1. */
static inline int eg_hex_value(char c)
{
    return eg_hex_values[(unsigned char)c] - 1;
}

/* The byte at the front of what is not empty, its %-escape undone; *p goes behind it. A broken escape
 * stands for itself. */
static inline unsigned char eg_next_byte(const char **p, const char *end)
{
    const char *at = *p;

    if (*at == '%' && end - at > 2 && eg_hex_value(at[1]) >= 0 && eg_hex_value(at[2]) >= 0) {
        *p += 3;
        return (unsigned char)(eg_hex_value(at[1]) * 16 + eg_hex_value(at[2]));
    }
    *p += 1;
    return (unsigned char)*at;
}

/* Writes 2 * n lower-case digits and a NUL: out has 2 * n + 1 bytes. */
void eg_hex_encode(char *out, const unsigned char *in, apr_size_t n);

/* An even number of hexadecimal digits and nothing else, either case; out has hex.n / 2 bytes.
 * What stands in out after EG_EMALFORMED is undefined. */
eg_status eg_hex_decode(unsigned char *out, eg_span hex) EG_MUST_CHECK;

#endif
