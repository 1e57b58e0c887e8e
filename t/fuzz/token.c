/* SPDX-License-Identifier: Apache-2.0
 * Tokens: what was sealed opens again under any key of the ring; what was changed, or was never
 * sealed, does not. The first line of the input is a token, the second chooses changes, the rest
 * is a plaintext. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <openssl/evp.h>
#include "core/token.h"

static const char *const atoms[] = {"00",
                                    "ff",
                                    "FF",
                                    "g",
                                    "1234",
                                    "4111111111111111",
                                    "00000000000000000000000000000000000000000000000000000000",
                                    "\n",
                                    "\n\n",
                                    NULL};
const fuzz_grammar fuzz_target = {"token", "\n", atoms};

static const eg_keyring ring = {
    .n = 3,
    .keys = {{.id = "new", .key = {0x5f, 0x3c, 0x9b, 1, 2, 3, 4, 9}},
             {.id = "old", .key = {0xb9, 0x1e, 0x64, 8, 7, 6, 5, 4}},
             {.id = "older", .key = {0x01, 0x77, 0x42, 3, 3, 3, 3, 3}}},
};

/* --- an AES-GCM of its own --------------------------------------------------------------------- */

static bool decrypt(const unsigned char *key, const unsigned char *in, size_t n, unsigned char *out)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    size_t text = n - EG_SEAL_OVERHEAD;
    int got = 0, rest = 0;
    bool good = EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, in) == 1 &&
                EVP_DecryptUpdate(context, out, &got, in + EG_NONCE_SIZE, (int)text) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, EG_TAG_SIZE,
                                    (void *)(uintptr_t)(in + EG_NONCE_SIZE + text)) == 1 &&
                EVP_DecryptFinal_ex(context, out + got, &rest) == 1;

    EVP_CIPHER_CTX_free(context);
    return good;
}

/* Whether a key opens it, by that. */
static bool is_authentic(eg_span token)
{
    unsigned char *bytes, *plain;
    bool good = false;

    if (token.n % 2 || token.n < EG_TOKEN_LENGTH(0))
        return false;
    bytes = malloc(token.n / 2);
    plain = malloc(token.n / 2);
    if (eg_hex_decode(bytes, token) == EG_OK)
        for (size_t i = 0; i < ring.n; i++)
            good = good || decrypt(ring.keys[i].key, bytes, token.n / 2, plain);
    free(bytes);
    free(plain);
    return good;
}

/* --- properties ---------------------------------------------------------------------------------- */

static void hold_closed(apr_pool_t *pool, eg_span token, const char *property)
{
    eg_span plain = {NULL, 99};
    apr_size_t which;

    HOLDS(eg_token_open(fuzz_crypto(), &ring, token, pool, &plain, &which) == EG_ETOKEN, property);
    HOLDS(plain.n == 0 && plain.p, "what does not open is empty");
}

static void hold_open(apr_pool_t *pool, eg_span token, eg_span want, apr_size_t key)
{
    eg_span plain;
    apr_size_t which = 99;

    HOLDS(eg_token_open(fuzz_crypto(), &ring, token, pool, &plain, &which) == EG_OK,
          "what was sealed opens");
    HOLDS(eg_span_eq(plain, want), "what was sealed comes back");
    HOLDS(plain.p[plain.n] == '\0', "a NUL follows it");
    HOLDS(which == key, "the key that opened it is told");
}

static void hold_hex(eg_span token)
{
    unsigned char *bytes = malloc(token.n / 2 + 1);
    char *again = malloc(token.n + 1);

    if (eg_hex_decode(bytes, token) == EG_OK) {
        eg_hex_encode(again, bytes, token.n / 2);
        HOLDS(strncasecmp(again, token.p, token.n) == 0, "hexadecimal digits come back");
        HOLDS(eg_token_has_form(token) == (token.n >= EG_TOKEN_LENGTH(0)),
              "a token's form is digits and a least length");
    } else {
        HOLDS(!eg_token_has_form(token), "what is not hexadecimal is no token");
    }
    free(bytes);
    free(again);
}

/* Anything from outside. */
static void hold_foreign(apr_pool_t *pool, eg_span token)
{
    eg_span plain;
    apr_size_t which;
    eg_status status;

    if (token.n)
        hold_hex(token);
    status = eg_token_open(fuzz_crypto(), &ring, token, pool, &plain, &which);
    HOLDS((status == EG_OK) == is_authentic(token), "a token opens when it is authentic");
    HOLDS(status == EG_OK || status == EG_ETOKEN, "why it does not open is not told");
}

/* The digit at a place becomes another one: of another value, not of the other case. */
static void change_digit(char *digit, unsigned by)
{
    int value = (eg_hex_value(*digit) + 1 + (int)(by % 15)) % 16;

    *digit = "0123456789abcdef"[value];
}

static void hold_changed(apr_pool_t *pool, eg_span token, eg_span choices)
{
    char *copy = apr_pstrmemdup(pool, token.p, token.n);
    unsigned choice = fuzz_choice(choices);

    hold_closed(pool, (eg_span){copy, token.n - 2}, "a shorter token stays closed");
    hold_closed(pool, (eg_span){copy + 2, token.n - 2}, "a token without its front stays closed");
    hold_closed(pool, (eg_span){apr_pstrcat(pool, copy, "00", NULL), token.n + 2},
                "a longer token stays closed");
    change_digit(copy + choice % token.n, choice / 7919);
    hold_closed(pool, (eg_span){copy, token.n}, "a changed token stays closed");
    for (apr_size_t i = 0; i < choices.n && i < 8; i++) {
        memcpy(copy, token.p, token.n);
        change_digit(copy + (unsigned char)choices.p[i] % token.n, choice + (unsigned)i);
        hold_closed(pool, (eg_span){copy, token.n}, "a token with one other digit stays closed");
    }
}

static char *in_capitals(apr_pool_t *pool, eg_span token)
{
    char *copy = apr_pstrmemdup(pool, token.p, token.n);

    for (char *p = copy; *p; p++)
        *p = *p >= 'a' ? (char)(*p - 'a' + 'A') : *p;
    return copy;
}

/* Bytes that stand nowhere by chance, as a length and what was wiped behind it might. */
static bool is_telling(eg_span plain)
{
    apr_size_t changes = 0;

    for (apr_size_t i = 1; i < plain.n; i++)
        changes += plain.p[i] != plain.p[i - 1];
    return plain.n >= 16 && changes >= 8;
}

static void hold_sealed(apr_pool_t *pool, eg_span plain, eg_span choices)
{
    apr_size_t key = fuzz_choice(choices) % ring.n;
    eg_keyring other = {.n = 1, .keys = {ring.keys[key]}};
    eg_span token = {NULL, EG_TOKEN_LENGTH(plain.n)};
    char *text = malloc(token.n + 1);

    token.p = text;
    HOLDS(eg_token_seal(fuzz_crypto(), &other, plain, text) == EG_OK, "anything can be sealed");
    HOLDS(strlen(text) == token.n && strspn(text, "0123456789abcdef") == token.n,
          "a token is lower-case digits of the length that is promised");
    HOLDS(!is_telling(plain) || !fuzz_contains(token, plain),
          "a token does not show what it holds");
    hold_changed(pool, token, choices);
    if (is_telling(plain))
        HOLDS(!fuzz_pool_holds(plain), "plaintext of what stays closed is wiped at once");
    hold_open(pool, token, plain, key);
    hold_open(pool, eg_span_of(in_capitals(pool, token)), plain, key);
    free(text);
}

/* Without random bytes there is no nonce, and nothing may be sent. */
static void hold_unsealed(eg_span plain)
{
    apr_size_t room = EG_TOKEN_LENGTH(plain.n) + 1;
    char *text = malloc(room);

    memset(text, 'x', room);
    HOLDS(eg_token_seal(fuzz_crypto_without_random(), &ring, plain, text) == EG_ECRYPTO,
          "nothing is sealed without a nonce");
    HOLDS(text[0] == '\0' && !(is_telling(plain) && fuzz_contains((eg_span){text, room}, plain)),
          "what is not sealed is not there");
    free(text);
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    eg_span token = fuzz_line(&input), choices = fuzz_line(&input);

    hold_foreign(pool, token);
    hold_sealed(pool, input, choices);
    hold_unsealed(input);
    if (is_telling(input) && !eg_token_has_form(token)) /* whose bytes may say the same */
        fuzz_must_vanish(input);
}
