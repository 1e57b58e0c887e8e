/* SPDX-License-Identifier: Apache-2.0
 * jwe tokens: what was sealed opens, what was changed does not, and a header is read strictly or not
 * at all. The first line of the input is a token from outside, or, where it begins with a brace, a
 * header that is made authentic; the second chooses changes; the third is a call and a field; the
 * rest is a plaintext. */
#include "fuzz.h"

#include <string.h>
#include <apr_strings.h>
#include "core/base64url.h"
#include "core/format.h"
#include "rfc8259.h"

static const char *const atoms[] = {"{",
                                    "}",
                                    "\"alg\":\"dir\"",
                                    "\"alg\":\"ECDH-ES\"",
                                    "\"alg\":\"RSA-OAEP-256\"",
                                    "\"enc\":\"A256GCM\"",
                                    "\"kid\":\"new\"",
                                    "\"iat\":1780000000",
                                    "\"iat\":-1",
                                    "\"iat\":1e9",
                                    "\"sid\":\"CA1\"",
                                    "\"fld\":\"pin\"",
                                    "\"crit\":[]",
                                    "\"zip\":\"DEF\"",
                                    "\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"",
                                    "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"",
                                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                    "\\u0061",
                                    ",",
                                    "..",
                                    ".",
                                    "=",
                                    "\n",
                                    NULL};
const fuzz_grammar fuzz_target = {"jwe", "\n.,", atoms};

static const eg_keyring ring = {
    .n = 2,
    .keys = {{.id = "new", .key = {0x5f, 0x3c, 0x9b, 1, 2, 3, 4, 9}},
             {.id = "old", .key = {0xb9, 0x1e, 0x64, 8, 7, 6, 5, 4}}},
};
static const eg_opening opening = {EG_READS_ALL, &ring, NULL, false};
static const eg_demands anything = {.ttl = 0};

/* --- properties ---------------------------------------------------------------------------------- */

static void hold_claims(const eg_claims *claims)
{
    HOLDS(claims->iat >= 0, "a time is not negative");
    HOLDS(claims->sid.p && claims->fld.p && claims->alg.p, "call, field and algorithm are said");
    HOLDS(fuzz_is_utf8(claims->sid) && fuzz_is_utf8(claims->fld), "in UTF-8");
}

/* What people are shown is what was in it, in characters that do nothing to a terminal. */
static void hold_described(apr_pool_t *pool, eg_span token)
{
    eg_token_description text;
    size_t members;

    HOLDS(eg_jwe_format.describe(token, pool, &text), "what has the form is described");
    HOLDS(rfc8259_is_object(eg_span_of(text.json), &members), "by JSON");
    for (const char *p = text.json; *p; p++)
        HOLDS(*p >= ' ' && *p < 0x7f, "in printable ASCII");
}

/* Whatever it is. */
static void hold_foreign(apr_pool_t *pool, eg_span token)
{
    eg_opened_token opened;
    eg_claims claims;
    bool has_form = eg_jwe_format.has_form(token, pool, &claims);
    eg_status status =
        eg_token_open_bound(fuzz_crypto(), &opening, token, &anything, pool, &opened);

    HOLDS(status == EG_OK || status == EG_ETOKEN, "why it does not open is not told");
    HOLDS((status == EG_OK) == (opened.rule == EG_RULE_NONE), "but for the log");
    HOLDS(status == EG_OK || (opened.plain.n == 0 && opened.plain.p), "and it is empty then");
    HOLDS(!has_form || !eg_hex_format.has_form(token, pool, &claims), "no token has two forms");
    HOLDS(!has_form || token.n <= 8192, "no token is longer than is read");
    HOLDS(has_form || status != EG_OK || eg_format_of(token, pool, &claims) == EG_HEX,
          "what opens has a form");
    if (has_form && eg_jwe_format.has_form(token, pool, &claims)) {
        hold_claims(&claims);
        hold_described(pool, token);
    }
}

/* The header under our own key: its form alone decides. */
static eg_span make_authentic(apr_pool_t *pool, eg_span header)
{
    char *token = apr_palloc(pool, EG_BASE64URL_LENGTH(header.n) + 100), *at;
    unsigned char sealed[4 + EG_SEAL_OVERHEAD];
    eg_span aad;

    at = eg_base64url_encode(token, header);
    aad = (eg_span){token, (apr_size_t)(at - token)};
    HOLDS(eg_gcm_seal(fuzz_crypto(), ring.keys[0].key, aad, EG_LIT("1234"), sealed) == EG_OK,
          "anything can be sealed");
    *at++ = '.';
    *at++ = '.';
    at = eg_base64url_encode(at, (eg_span){(char *)sealed, EG_NONCE_SIZE});
    *at++ = '.';
    at = eg_base64url_encode(at, (eg_span){(char *)sealed + EG_NONCE_SIZE, 4});
    *at++ = '.';
    at = eg_base64url_encode(at, (eg_span){(char *)sealed + EG_NONCE_SIZE + 4, EG_TAG_SIZE});
    return (eg_span){token, (apr_size_t)(at - token)};
}

/* White space behind it makes it one that was not written here, and changes nothing. */
static void hold_both_readings(apr_pool_t *pool, eg_span header)
{
    char *text = apr_pstrcat(pool, apr_pstrmemdup(pool, header.p, header.n), " ", NULL);
    eg_claims a, b;
    bool one = eg_jwe_format.has_form(make_authentic(pool, header), pool, &a);
    bool other;

    if (memchr(header.p, '\0', header.n))
        return;
    other = eg_jwe_format.has_form(make_authentic(pool, (eg_span){text, header.n + 1}), pool, &b);
    HOLDS(one == other, "a header that was written here is read as any other");
    if (one)
        HOLDS(a.iat == b.iat && eg_span_eq(a.alg, b.alg) && eg_span_eq(a.kid, b.kid) &&
                  eg_span_eq(a.sid, b.sid) && eg_span_eq(a.fld, b.fld),
              "and says the same");
}

static void hold_header(apr_pool_t *pool, eg_span header)
{
    eg_span token = make_authentic(pool, header);
    eg_opened_token opened;
    size_t members = 0;
    bool is_object = rfc8259_is_object(header, &members);
    eg_status status =
        eg_token_open_bound(fuzz_crypto(), &opening, token, &anything, pool, &opened);

    hold_foreign(pool, token);
    hold_both_readings(pool, header);
    HOLDS(status == EG_OK || opened.rule != EG_RULE_TAG, "an authentic token has a good tag");
    if (status != EG_OK)
        return;
    HOLDS(is_object && members >= 6, "only an object with all its members is a header");
    HOLDS(eg_span_eq(opened.claims.alg, EG_LIT("dir")) &&
              eg_span_eq(opened.claims.kid, EG_LIT("new")),
          "of that key and its algorithm");
    hold_claims(&opened.claims);
}

static void hold_closed(apr_pool_t *pool, const char *token, apr_size_t n, const char *property)
{
    eg_opened_token opened;

    HOLDS(eg_token_open_bound(fuzz_crypto(), &opening, (eg_span){token, n}, &anything, pool,
                              &opened) == EG_ETOKEN,
          property);
    HOLDS(opened.plain.n == 0, "what does not open is empty");
}

static void hold_changed(apr_pool_t *pool, eg_span token, eg_span choices)
{
    char *copy = apr_pstrmemdup(pool, token.p, token.n);

    for (apr_size_t i = 0; i + 1 < choices.n && i < 16; i += 2) {
        apr_size_t at = fuzz_choice((eg_span){choices.p + i, 2}) % token.n;
        char by = (char)(choices.p[i] ^ token.p[at]);

        copy[at] = by == token.p[at] ? '.' : by;
        if (copy[at] != token.p[at])
            hold_closed(pool, copy, token.n, "a token with another byte stays closed");
        copy[at] = token.p[at];
        hold_closed(pool, copy, at, "a token that is cut off stays closed");
    }
}

static void hold_sealed(apr_pool_t *pool, eg_span names, eg_span plain, eg_span choices)
{
    apr_size_t middle = names.n / 2;
    const eg_sealing with = {.ring = &ring,
                             .sid = {names.p, middle},
                             .fld = {names.p + middle, names.n - middle},
                             .iat = fuzz_choice(choices)};
    const eg_demands demands = {with.sid, with.fld, with.iat, 1};
    bool is_text = fuzz_is_utf8(with.sid) && fuzz_is_utf8(with.fld) &&
                   !(names.n && memchr(names.p, '\0', names.n));
    eg_opened_token opened;
    eg_span token;
    eg_status status = eg_jwe_format.seal(fuzz_crypto(), &with, plain, pool, &token);

    if (status != EG_OK) {
        HOLDS(token.n == 0, "what is not sealed is not there");
        HOLDS(status == EG_ETOOMANY || !is_text, "any names and a short value can be sealed");
        return;
    }
    HOLDS(is_text, "what would not be read is not sealed");
    HOLDS(token.n == eg_jwe_format.length(&with, plain.n), "the length is the one foretold");
    HOLDS(token.n <= 8192, "nothing is sealed that would not be read");
    HOLDS(eg_token_open_bound(fuzz_crypto(), &opening, token, &demands, pool, &opened) == EG_OK,
          "what was sealed opens");
    HOLDS(eg_span_eq(opened.plain, plain), "what was sealed comes back");
    HOLDS(opened.which == 0 && opened.claims.iat == with.iat, "with its key and its time");
    hold_changed(pool, token, choices);
}

/* Text is read if it is the one spelling of its bytes. */
static void hold_spelling(apr_pool_t *pool, eg_span text)
{
    unsigned char *bytes = apr_palloc(pool, EG_BASE64URL_BYTES(text.n) + 1);
    char *again = apr_palloc(pool, text.n + 4);

    if (eg_base64url_decode(bytes, text) != EG_OK)
        return;
    HOLDS(eg_base64url_encode(again, (eg_span){(char *)bytes, EG_BASE64URL_BYTES(text.n)}) ==
                  again + text.n &&
              memcmp(again, text.p, text.n) == 0,
          "nothing has two spellings");
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    eg_span foreign = fuzz_line(&input), choices = fuzz_line(&input), names = fuzz_line(&input);

    hold_foreign(pool, foreign);
    hold_spelling(pool, foreign);
    if (foreign.n && foreign.p[0] == '{' && foreign.n < 4000)
        hold_header(pool, foreign);
    hold_sealed(pool, names, input, choices);
}
