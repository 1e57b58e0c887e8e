/* SPDX-License-Identifier: Apache-2.0
 * Masking: what is written down does not depend on a secret value, and nothing else is lost.
 * The first line of the input is a value; the rest is a text with a query, or a query alone. */
#include "fuzz.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <apr_strings.h>
#include "core/form.h"
#include "core/mask.h"

static const char *const atoms[] = {"GET /x?",
                                    "Digits=",
                                    "SpeechResult=",
                                    "D%69gits=",
                                    "%53peechResult=",
                                    " HTTP/1.1",
                                    "https://example.com/?",
                                    "&",
                                    ";",
                                    "#",
                                    "?",
                                    "\"",
                                    "%44%69%67%69%74%73=",
                                    "Digits%3D",
                                    "digits[]=",
                                    "[",
                                    "]",
                                    "%5B",
                                    "%5d",
                                    "SECURITYCODE",
                                    "Speech",
                                    "otp",
                                    "=",
                                    "1234",
                                    "*REDACTED*",
                                    "%",
                                    NULL};
const fuzz_grammar fuzz_target = {"mask", "\n&=?%;# \"", atoms};

typedef const char *(*masker)(apr_pool_t *, const eg_secret_names *, const char *);

static const char *const secrets[] = {"Digits",
                                      "SpeechResult",
                                      "StableSpeechResult",
                                      "UnstableSpeechResult",
                                      "PaymentCardNumber",
                                      "SecurityCode",
                                      "Speech",
                                      "UnstableSpeech",
                                      "otp"};
static const eg_secret_names *names; /* what is known, and "otp" */

/* --- the rules once more ----------------------------------------------------------------------- */

static int hex(char c)
{
    const char *all = "0123456789abcdef0123456789ABCDEF", *at = c ? strchr(all, c) : NULL;

    return at ? (int)(at - all) % 16 : -1;
}

/* What lies between text and end with its escapes undone. */
static eg_span unescaped(apr_pool_t *pool, const char *text, const char *end)
{
    char *out = apr_palloc(pool, (size_t)(end - text) + 1), *to = out;

    while (text < end) {
        bool escaped = *text == '%' && end - text > 2 && hex(text[1]) >= 0 && hex(text[2]) >= 0;

        *to++ = escaped ? (char)(16 * hex(text[1]) + hex(text[2])) : *text;
        text += escaped ? 3 : 1;
    }
    return (eg_span){out, (size_t)(to - out)};
}

static bool is_secret(eg_span name)
{
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        size_t length = strlen(secrets[i]);

        if (name.n >= length && strncasecmp(name.p, secrets[i], length) == 0 &&
            (name.n == length || (name.p[length] == '[' && name.p[name.n - 1] == ']')))
            return true;
    }
    return false;
}

/* How many bytes of text spell a secret name and "="; 0 when they do not. */
static size_t secret_at(apr_pool_t *pool, const char *text)
{
    size_t n = strcspn(text, "=&");

    return text[n] == '=' && n && is_secret(unescaped(pool, text, text + n)) ? n + 1 : 0;
}

/* A walk byte by byte that copies what it may. */
static const char *expected(apr_pool_t *pool, const char *text, size_t n, bool beginning)
{
    char *out = apr_palloc(pool, strlen(text) * (sizeof EG_MASK + 1) + 1), *to = out;
    char *kept = apr_pstrmemdup(pool, text, n);

    for (const char *p = kept; *p;) {
        size_t name = beginning ? secret_at(pool, p) : 0;

        if (name) {
            memcpy(to, p, name);
            memcpy(to + name, EG_MASK, sizeof EG_MASK - 1);
            to += name + sizeof EG_MASK - 1;
            p += name;
            p += strcspn(p, "&");
            beginning = false;
            continue;
        }
        beginning = strchr("?&;# \t\"", *p) != NULL;
        *to++ = *p++;
    }
    strcpy(to, text + n);
    return out;
}

/* A request line ends in its protocol. */
static size_t maskable(const char *text)
{
    size_t n = strlen(text), protocol = sizeof " HTTP/1.1" - 1;

    return n >= protocol && fnmatch(" HTTP/[0-9].[0-9]", text + n - protocol, 0) == 0 ? n - protocol
                                                                                      : n;
}

/* --- properties ---------------------------------------------------------------------------------- */

static void hold_masked(apr_pool_t *pool, masker mask, const char *text, const char *want)
{
    const char *got = mask(pool, names, text);

    HOLDS(strcmp(got, want) == 0, "values of secrets are masked, all else is kept");
    HOLDS(strcmp(mask(pool, names, got), got) == 0, "masking twice is masking once");
}

/* A parser of forms finds the mask where it would have found the secret. */
static void hold_parsed(apr_pool_t *pool, const char *query)
{
    char *copy = apr_pstrdup(pool, eg_mask_query(pool, names, query));
    eg_params params;

    if (eg_form_parse(pool, copy, strlen(copy), EG_PARAMS_MAX, &params) != EG_OK)
        return;
    for (apr_size_t i = 0; i < params.n; i++)
        if (eg_is_secret_name(names, params.at[i].name) && params.at[i].value.n)
            HOLDS(eg_span_eq(params.at[i].value, EG_LIT(EG_MASK)), "no form parser sees a secret");
}

static bool is_word(const char *value)
{
    return *value && !strpbrk(value, "& \n");
}

/* Two texts that differ in a secret alone look alike. */
static void hold_independent(apr_pool_t *pool, masker mask, const char *text, const char *value)
{
    static const char *const spelled[] = {
        "Digits=",      "SpeechResult=",       "%44igit%73=", "Speech%52esult=",
        "speech[a][]=", "SECURITYCODE%5B%5D=", "Otp="};

    for (size_t i = 0; i < sizeof spelled / sizeof *spelled; i++) {
        const char *with = apr_pstrcat(pool, text, "?", spelled[i], value, "&a=b HTTP/1.1", NULL);
        const char *without = apr_pstrcat(pool, text, "?", spelled[i], "0&a=b HTTP/1.1", NULL);

        HOLDS(strcmp(mask(pool, names, with), mask(pool, names, without)) == 0,
              "what is written does not depend on the value");
    }
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    const char *value = fuzz_string(pool, fuzz_line(&input));
    const char *text = fuzz_string(pool, input);
    bool has_query = strchr(text, '?') != NULL;

    names = eg_secret_names_add(pool, &eg_known_secrets, EG_LIT("otp"));
    hold_masked(pool, eg_mask_query, text, expected(pool, text, strlen(text), true));
    hold_masked(pool, eg_mask_text, text,
                has_query ? expected(pool, text, maskable(text), false) : text);
    hold_parsed(pool, text);
    if (is_word(value)) {
        hold_independent(pool, eg_mask_query, text, value);
        hold_independent(pool, eg_mask_text, text, value);
    }
}
