/* SPDX-License-Identifier: Apache-2.0
 * Tests of jwe tokens: every vector; each bit, each member and each rule of reading. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <jansson.h>
#include <openssl/evp.h>
#include "core/base64url.h"
#include "core/format.h"
#include "core/jweheader.h"
#include "core/keymaterial.h"

#define VECTORS "t/vectors/jwe.json"

static apr_pool_t *pool;
static eg_crypto *crypto;
static json_t *vectors;
static eg_keyring ring;                     /* k1 */
static eg_envelope_key pairs[EG_KEY_KINDS]; /* e1, x1, r1 */
static const eg_envelope_key *const pair_list[EG_KEY_KINDS] = {&pairs[0], &pairs[1], &pairs[2]};
static const eg_envelope_keys privates = {EG_KEY_KINDS, pair_list};
static eg_opening all_keys = {EG_READS_ALL, &ring, &privates, false};
static eg_demands demands; /* those of the vectors */

#define CALL "CA7edb360f06acaef2cc80dba16cf563f1"
#define FIELD "encryptedPinDigits"

/* --- the vectors' keys ----------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static eg_span decoded(const json_t *jwk, const char *name)
{
    eg_span text = eg_span_of(text_of(jwk, name));
    unsigned char *bytes = apr_palloc(pool, text.n + 1);

    if (eg_base64url_decode(bytes, text) != EG_OK)
        return (eg_span){"", 0};
    return (eg_span){(char *)bytes, EG_BASE64URL_BYTES(text.n)};
}

static void load_pair(const json_t *jwk, eg_key_kind kind)
{
    static const char *const names[EG_RSA_NUMBERS] = {"n", "e", "d", "p", "q", "dp", "dq", "qi"};
    eg_envelope_key *key = &pairs[kind];
    eg_span x = decoded(jwk, "x"), y = decoded(jwk, "y"), d = decoded(jwk, "d");
    eg_span numbers[EG_RSA_NUMBERS];

    key->kind = kind;
    apr_cpystrn(key->kid, text_of(jwk, "kid"), sizeof key->kid);
    if (kind == EG_P256) {
        char *point = apr_palloc(pool, EG_POINT_MAX);

        point[0] = 4;
        memcpy(point + 1, x.p, EG_COORDINATE);
        memcpy(point + 1 + EG_COORDINATE, y.p, EG_COORDINATE);
        key->pkey = eg_pkey_of_p256(pool, (eg_span){point, EG_POINT_MAX}, d);
    } else if (kind == EG_X25519) {
        key->pkey =
            EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, (const unsigned char *)d.p, d.n);
    } else {
        for (unsigned i = 0; i < EG_RSA_NUMBERS; i++)
            numbers[i] = decoded(jwk, names[i]);
        key->wrapped = numbers[0].n;
        key->pkey = eg_pkey_of_rsa(pool, numbers, EG_RSA_NUMBERS);
    }
    ok(key->pkey != NULL, "the key '%s'", key->kid);
    if (key->pkey)
        eg_envelope_key_own(pool, key);
}

static bool load_vectors(void)
{
    const json_t *keys;
    eg_span k;

    vectors = json_load_file(VECTORS, 0, NULL);
    keys = json_object_get(vectors, "keys");
    if (!ok(keys != NULL, VECTORS " is there"))
        return false;
    load_pair(json_object_get(keys, "p256"), EG_P256);
    load_pair(json_object_get(keys, "x25519"), EG_X25519);
    load_pair(json_object_get(keys, "rsa"), EG_RSA);
    k = decoded(json_object_get(keys, "dir"), "k");
    ring.n = 1;
    apr_cpystrn(ring.keys[0].id, "k1", sizeof ring.keys[0].id);
    memcpy(ring.keys[0].key, k.p, k.n < EG_KEY_SIZE ? k.n : EG_KEY_SIZE);
    demands = (eg_demands){.sid = EG_LIT(CALL),
                           .fld = EG_LIT(FIELD),
                           .now = json_integer_value(json_object_get(vectors, "verify_at")),
                           .ttl = json_integer_value(json_object_get(vectors, "ttl_seconds"))};
    return is_int(demands.now, 1780000000, "their clock");
}

/* --- opening --------------------------------------------------------------------------------------- */

/* In an allocation of its own; the rule that was broken, EG_RULE_NONE where it opens, or 99. */
static int rule_for(const eg_demands *what, const char *token, size_t n)
{
    char *copy = exact_copy(token, n);
    eg_opened_token opened;
    apr_pool_t *call;
    eg_status status;
    int rule;

    apr_pool_create(&call, pool);
    status = eg_token_open_bound(crypto, &all_keys, (eg_span){copy, n}, what, call, &opened);
    rule = status == EG_OK && opened.plain.n                       ? EG_RULE_NONE
           : status == EG_ETOKEN && !opened.plain.n && opened.rule ? (int)opened.rule
                                                                   : 99;
    apr_pool_destroy(call);
    free(copy);
    return rule;
}

static bool stays_closed(const char *token, size_t n)
{
    int rule = rule_for(&demands, token, n);

    return rule != EG_RULE_NONE && rule != 99;
}

static bool is_rule(const char *token, eg_token_rule rule, const char *name)
{
    int is = rule_for(&demands, token, strlen(token));

    return is_str(is == 99 ? "neither" : eg_token_rule_name((eg_token_rule)is),
                  eg_token_rule_name(rule), "%s", name);
}

static void open_vectors(void)
{
    size_t i;
    const json_t *one;

    json_array_foreach(json_object_get(vectors, "open"), i, one)
    {
        const char *name = text_of(one, "name"), *token = text_of(one, "token");
        eg_demands what = demands;
        eg_opened_token opened;
        eg_claims claims;

        if (strstr(name, "-card"))
            what.fld = EG_LIT("encryptedCardDigits");
        is_int(eg_token_open_bound(crypto, &all_keys, eg_span_of(token), &what, pool, &opened),
               EG_OK, "%s opens", name);
        is_bytes(opened.plain.p, opened.plain.n, text_of(one, "plaintext"),
                 strlen(text_of(one, "plaintext")), "%s: the digits", name);
        is_int(opened.plain.p[opened.plain.n], 0, "%s: with a NUL behind them", name);
        is_int(opened.claims.iat, 1780000000, "%s: the time", name);
        is_int((long long)opened.which, strcmp(text_of(one, "key"), "dir") == 0 ? 0 : -1,
               "%s: the place in the ring", name);
        is_int(eg_format_of(eg_span_of(token), pool, &claims), EG_JWE, "%s: its form", name);
        is_int(eg_token_check(EG_READS_ALL, eg_span_of(token), &what, pool), EG_RULE_NONE,
               "%s: good on the way", name);
    }
    is_int((long long)i, 15, "all of them");
}

/* What is not named here breaks the form. */
static eg_token_rule rule_of(const char *name)
{
    static const struct {
        const char *names;
        eg_token_rule rule;
    } rules[] = {
        {" tag-altered ciphertext-altered nonce-altered header-altered header-reencoded "
         "rsa-key-altered rsa-key-255-bytes rsa-16-byte-content-key ",
         EG_RULE_TAG},
        {" alg-of-another-key kid-missing kid-unknown epk-off-the-curve epk-zero-point "
         "epk-crv-X25519 x25519-zero-point ",
         EG_RULE_KEY},
        {" fld-of-another-field ", EG_RULE_FIELD},
        {" sid-of-another-call ", EG_RULE_CALL},
        {" iat-huge iat-901-s-old ", EG_RULE_AGE},
    };

    for (size_t i = 0; i < COUNT(rules); i++)
        if (strstr(rules[i].names, apr_pstrcat(pool, " ", name, " ", NULL)))
            return rules[i].rule;
    return EG_RULE_FORM;
}

static void refuse_vectors(void)
{
    size_t i;
    const json_t *one;

    json_array_foreach(json_object_get(vectors, "refuse"), i, one)
    {
        const char *name = text_of(one, "name"), *token = text_of(one, "token");
        eg_token_rule rule = rule_of(name);

        /* whoever takes digits out of it refuses that, as of a hex token */
        if (strcmp(name, "plaintext-nul") == 0)
            rule = EG_RULE_NONE;
        is_rule(token, rule, name);
    }
    is_int((long long)i, 46, "all of them");
}

static void concat_kdf(void)
{
    size_t i;
    const json_t *one;

    json_array_foreach(json_object_get(vectors, "open"), i, one)
    {
        unsigned char z[EG_SHA256_SIZE], want[EG_KEY_SIZE], is[EG_KEY_SIZE];

        if (eg_hex_decode(z, eg_span_of(text_of(one, "Z"))) != EG_OK || !*text_of(one, "Z"))
            continue;
        ok(eg_hex_decode(want, eg_span_of(text_of(one, "content_key"))) == EG_OK &&
               eg_concat_kdf(crypto, z, is) == EG_OK,
           "%s: a content key", text_of(one, "name"));
        is_bytes(is, sizeof is, want, sizeof want, "is the right one");
    }
}

/* --- sealing --------------------------------------------------------------------------------------- */

/* place: a kind of key, or EG_KEY_KINDS for dir. */
static eg_sealing sealing_with(unsigned place)
{
    return (eg_sealing){.ring = &ring,
                        .recipient = place < EG_KEY_KINDS ? &pairs[place] : NULL,
                        .sid = demands.sid,
                        .fld = demands.fld,
                        .iat = demands.now};
}

static eg_span sealed_with(unsigned place, const char *digits)
{
    eg_sealing with = sealing_with(place);
    eg_span token;

    is_int(eg_jwe_format.seal(crypto, &with, eg_span_of(digits), pool, &token), EG_OK, "is sealed");
    is_int((long long)token.n, (long long)eg_jwe_format.length(&with, strlen(digits)),
           "of the length that was foretold");
    is_int(token.p[token.n], 0, "with a NUL behind it");
    return token;
}

static const char *header_of(eg_span token)
{
    const char *dot = memchr(token.p, '.', token.n);
    unsigned char *bytes = apr_pcalloc(pool, token.n);

    return dot && eg_base64url_decode(bytes, (eg_span){token.p, (size_t)(dot - token.p)}) == EG_OK
               ? (char *)bytes
               : "";
}

#define REST "\"iat\":1780000000,\"sid\":\"" CALL "\",\"fld\":\"" FIELD "\"}"

static void our_own(void)
{
    static const size_t lengths[] = {400, 336, 572, 218};
    static const char *const begins[] = {
        "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":\"e1\",\"epk\":{\"kty\":\"EC\",\"crv\":"
        "\"P-256\",\"x\":\"",
        "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":\"x1\",\"epk\":{\"kty\":\"OKP\",\"crv\":"
        "\"X25519\",\"x\":\"",
        "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\",\"kid\":\"r1\"," REST,
        "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"k1\"," REST};

    for (unsigned place = 0; place <= EG_KEY_KINDS; place++) {
        eg_span token = sealed_with(place, "1234");
        const char *header = header_of(token), *rest = strstr(header, "\"iat\"");

        is_int((long long)token.n, (long long)lengths[place], "four digits");
        ok(strncmp(header, begins[place], strlen(begins[place])) == 0, "begins: %s", header);
        is_str(rest ? rest : "", REST, "and ends as it should");
        is_rule(token.p, EG_RULE_NONE, "it opens");
        is_rule(sealed_with(place, "12345678901234567890123456789012").p, EG_RULE_NONE, "so do 32");
        ok(strcmp(sealed_with(place, "1234").p, token.p) != 0, "no two are the same");
    }
}

/* Everything that can stand in a name comes back. */
static void odd_names(void)
{
    static const char *const names[] = {"card[number]",
                                        "quote\"back\\slash",
                                        "tab\tnewline\n\x1f",
                                        "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
                                        "\x7f",
                                        ""};

    for (size_t i = 0; i < COUNT(names); i++) {
        eg_sealing with = sealing_with(EG_KEY_KINDS);
        eg_demands what = demands;
        eg_span token;

        with.sid = with.fld = what.sid = what.fld = eg_span_of(names[i]);
        is_int(eg_jwe_format.seal(crypto, &with, EG_LIT("1234"), pool, &token), EG_OK,
               "the name %zu is sealed", i);
        is_int(rule_for(&what, token.p, token.n), EG_RULE_NONE, "and comes back");
    }
}

static void not_sealed(void)
{
    eg_sealing with = sealing_with(EG_KEY_KINDS);
    char *much = apr_palloc(pool, 9000);
    eg_span token;

    memset(much, '7', 9000);
    is_int(eg_jwe_format.seal(crypto, &with, (eg_span){much, 9000}, pool, &token), EG_ETOOMANY,
           "what nobody would read is not sealed");
    is_int(eg_jwe_format.seal(crypto, &with, (eg_span){much, 6000}, pool, &token), EG_ETOOMANY,
           "nor is what becomes too long by its spelling");
    is_int(eg_jwe_format.seal(crypto, &with, (eg_span){much, 5900}, pool, &token), EG_OK,
           "almost as much is");
    ok(token.n <= 8192 && token.n > 8000, "to %zu characters", token.n);
    is_rule(token.p, EG_RULE_NONE, "and opens");
    with.fld = EG_LIT("\xff");
    is_int(eg_jwe_format.seal(crypto, &with, EG_LIT("1234"), pool, &token), EG_EMALFORMED,
           "a name that is no UTF-8 is not sealed");
    with.fld = EG_LIT("a\0b");
    is_int(eg_jwe_format.seal(crypto, &with, EG_LIT("1234"), pool, &token), EG_EMALFORMED,
           "nor is one with a NUL");
}

static bool no_random(unsigned char *out, apr_size_t n)
{
    (void)out;
    (void)n;
    return false;
}

static void failing_random(void)
{
    eg_crypto *mine = eg_crypto_create(pool);

    eg_crypto_use_random(mine, no_random);
    for (unsigned place = 0; place <= EG_KEY_KINDS; place++) {
        eg_sealing with = sealing_with(place);
        eg_span token;

        is_int(eg_jwe_format.seal(mine, &with, EG_LIT("1234"), pool, &token), EG_ECRYPTO,
               "without random bytes there is no token");
        is_int((long long)token.n, 0, "at all");
    }
}

/* --- changes --------------------------------------------------------------------------------------- */

static void every_bit(void)
{
    for (unsigned place = 0; place <= EG_KEY_KINDS; place++) {
        eg_span token = sealed_with(place, "1234");
        char *changed = apr_pstrdup(pool, token.p);
        unsigned opened = 0;

        for (size_t bit = 0; bit < 8 * token.n; bit++) {
            changed[bit / 8] = (char)(token.p[bit / 8] ^ 1 << bit % 8);
            opened += !stays_closed(changed, token.n);
            changed[bit / 8] = token.p[bit / 8];
        }
        is_int(opened, 0, "none of %zu bits can be changed", 8 * token.n);
        for (size_t n = 0; n < token.n; n += place == EG_RSA ? 7 : 1)
            opened += !stays_closed(token.p, n);
        is_int(opened, 0, "it cannot be cut short");
        is_rule(apr_pstrcat(pool, token.p, "A", NULL), EG_RULE_FORM, "nothing can be put behind");
        is_rule(apr_pstrcat(pool, token.p, ".", NULL), EG_RULE_FORM, "nor a part");
        is_rule(apr_pstrcat(pool, "A", token.p, NULL), EG_RULE_FORM, "nor in front");
    }
}

/* Authentic under the ring's key, whatever the header is. */
static const char *sealed_under(const unsigned char *key, const char *header, const char *wrapped)
{
    unsigned char sealed[4 + EG_SEAL_OVERHEAD];
    char *token = apr_palloc(pool, EG_BASE64URL_LENGTH(strlen(header)) + strlen(wrapped) + 100);
    char *at = eg_base64url_encode(token, eg_span_of(header));
    eg_span aad = {token, (size_t)(at - token)};

    if (eg_gcm_seal(crypto, key, aad, EG_LIT("1234"), sealed) != EG_OK)
        return "";
    *at++ = '.';
    at = apr_cpystrn(at, wrapped, strlen(wrapped) + 1);
    *at++ = '.';
    at = eg_base64url_encode(at, (eg_span){(char *)sealed, EG_NONCE_SIZE});
    *at++ = '.';
    at = eg_base64url_encode(at, (eg_span){(char *)sealed + EG_NONCE_SIZE, 4});
    *at++ = '.';
    at = eg_base64url_encode(at, (eg_span){(char *)sealed + EG_NONCE_SIZE + 4, EG_TAG_SIZE});
    *at = '\0';
    return token;
}

static void is_header(const char *header, eg_token_rule rule)
{
    is_rule(sealed_under(ring.keys[0].key, header, ""), rule, header);
}

static const char *const members[] = {"\"alg\":\"dir\"",      "\"enc\":\"A256GCM\"",
                                      "\"kid\":\"k1\"",       "\"iat\":1780000000",
                                      "\"sid\":\"" CALL "\"", "\"fld\":\"" FIELD "\""};

/* The header with another text in the place of one member; NULL: without it. */
static const char *header_with(size_t place, const char *member)
{
    const char *text = "";

    for (size_t i = 0; i < COUNT(members); i++) {
        const char *one = i == place ? member : members[i];

        if (one)
            text = apr_pstrcat(pool, text, *text ? "," : "", one, NULL);
    }
    return apr_pstrcat(pool, "{", text, "}", NULL);
}

static void every_member(void)
{
    static const char *const values[] = {"null",
                                         "true",
                                         "1",
                                         "1.0",
                                         "-1",
                                         "1e3",
                                         "\"\"",
                                         "[]",
                                         "{}",
                                         "\"x\"",
                                         "\"1780000000\"",
                                         "99999999999999999999",
                                         "1780000000.0",
                                         "178e7"};

    is_header(header_with(99, NULL), EG_RULE_NONE);
    for (size_t i = 0; i < COUNT(members); i++) {
        const char *name = apr_pstrndup(pool, members[i], 6);
        unsigned opened = 0;

        is_header(header_with(i, NULL), i == 2 ? EG_RULE_KEY : EG_RULE_FORM);
        is_header(header_with(i, apr_pstrcat(pool, members[i], ",", members[i], NULL)),
                  EG_RULE_FORM);
        for (size_t v = 0; v < COUNT(values); v++) {
            const char *token = sealed_under(
                ring.keys[0].key, header_with(i, apr_pstrcat(pool, name, values[v], NULL)), "");

            opened += !stays_closed(token, strlen(token));
        }
        is_int(opened, 0, "%s is nothing else", name);
    }
}

static const char *header_and(const char *more)
{
    return header_with(5, apr_pstrcat(pool, members[5], ",", more, NULL));
}

static void other_members(void)
{
    static const char *const ignored[] = {"\"x\":1",
                                          "\"typ\":\"JWT\"",
                                          "\"cty\":\"a\"",
                                          "\"jku\":\"https://a/\"",
                                          "\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}",
                                          "\"x5c\":[]",
                                          "\"x5u\":\"https://a/\"",
                                          "\"ALG\":\"none\"",
                                          "\"x\":99999999999999999999",
                                          "\"x\":{\"y\":[1,2]}",
                                          "\"exp\":1",
                                          "\"\":null"};
    static const char *const forbidden[] = {
        "\"crit\":[]",     "\"crit\":[\"exp\"]",    "\"zip\":\"DEF\"",
        "\"zip\":null",    "\"apu\":\"\"",          "\"apv\":\"\"",
        "\"epk\":{}",      "\"epk\":null",          "\"x\":{\"y\":1,\"y\":2}",
        "\"x\":1,\"x\":1", "\"a\\u006cg\":\"dir\"", "\"z\\u0069p\":\"DEF\""};

    for (size_t i = 0; i < COUNT(ignored); i++)
        is_header(header_and(ignored[i]), EG_RULE_NONE);
    for (size_t i = 0; i < COUNT(forbidden); i++)
        is_header(header_and(forbidden[i]), EG_RULE_FORM);
}

static void other_headers(void)
{
    static const char *const bad[] = {"", "{}", "[]", "null", "{", "\"alg\"", "{}{}"};

    for (size_t i = 0; i < COUNT(bad); i++)
        is_header(bad[i], EG_RULE_FORM);
    is_header(apr_pstrcat(pool, header_with(99, NULL), " ", NULL), EG_RULE_NONE);
    is_header(apr_pstrcat(pool, "\xef\xbb\xbf", header_with(99, NULL), NULL), EG_RULE_FORM);
    is_header(apr_pstrcat(pool, header_with(99, NULL), "x", NULL), EG_RULE_FORM);
    is_rule(sealed_under(ring.keys[0].key, header_with(99, NULL), "AA"), EG_RULE_FORM,
            "dir has nothing wrapped");
    is_header(header_with(0, "\"alg\":\"RSA-OAEP\""), EG_RULE_FORM);
    is_header(header_with(0, "\"alg\":\"A256KW\""), EG_RULE_FORM);
    is_header(header_with(2, "\"kid\":\"e1\""), EG_RULE_KEY);
    is_header(header_with(2, "\"kid\":\"K1\""), EG_RULE_KEY);
    is_header("{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":\"r1\",\"epk\":{\"kty\":\"OKP\","
              "\"crv\":\"X25519\",\"x\":\"-wIaNUEZKnLmHJgkF_3_hjlETfOe7cTmerh_y4wHlyc\"}," REST,
              EG_RULE_KEY);
}

/* --- the ephemeral key ----------------------------------------------------------------------------- */

static const json_t *vector_named(const char *name)
{
    size_t i;
    const json_t *one;

    json_array_foreach(json_object_get(vectors, "open"), i,
                       one) if (strcmp(text_of(one, "name"), name) == 0) return one;
    return NULL;
}

/* Authentic under the content key of a vector, with another epk. */
static const char *with_epk(const char *vector, const char *epk)
{
    const json_t *one = vector_named(vector);
    unsigned char content[EG_KEY_SIZE];

    if (eg_hex_decode(content, eg_span_of(text_of(one, "content_key"))) != EG_OK)
        return "";
    return sealed_under(content,
                        apr_psprintf(pool,
                                     "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":\"%s\",%s"
                                     "\"iat\":1780000000,\"sid\":\"" CALL "\",\"fld\":\"" FIELD
                                     "\"}",
                                     *vector == 'p' ? "e1" : "x1", epk),
                        "");
}

#define PX "\"x\":\"ALtXMfrDfEKpsVt8MfBBcYaqBU44anXh7dt4zQPYSrU\""
#define PY "\"y\":\"Tg0gUVTTgjA25P2oTXtTYqd4Q-iHTosmZwFk2wKIZR8\""
#define XX "\"x\":\"-wIaNUEZKnLmHJgkF_3_hjlETfOe7cTmerh_y4wHlyc\""

static void every_epk(void)
{
    static const struct {
        const char *vector, *epk;
        eg_token_rule rule;
    } cases[] = {
        {"p256", "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," PX "," PY "},", EG_RULE_NONE},
        {"p256", "\"epk\":{" PY "," PX ",\"crv\":\"P-256\",\"kty\":\"EC\"},", EG_RULE_NONE},
        {"x25519", "\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\"," XX "},", EG_RULE_NONE},
        {"p256", "", EG_RULE_FORM},
        {"p256", "\"epk\":null,", EG_RULE_FORM},
        {"p256", "\"epk\":[],", EG_RULE_FORM},
        {"p256", "\"epk\":{},", EG_RULE_FORM},
        {"p256", "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," PX "," PY ",\"a\":1},", EG_RULE_FORM},
        {"p256", "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," PX "," PX "," PY "},", EG_RULE_FORM},
        {"p256", "\"epk\":{\"crv\":\"P-256\"," PX "," PY "},", EG_RULE_FORM},
        {"p256", "\"epk\":{\"kty\":\"EC\"," PX "," PY "},", EG_RULE_FORM},
        {"p256", "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," PY "},", EG_RULE_FORM},
        {"p256", "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," PX "},", EG_RULE_FORM},
        {"p256", "\"epk\":{\"kty\":\"OKP\",\"crv\":\"P-256\"," PX "," PY "},", EG_RULE_FORM},
        {"p256", "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-521\"," PX "," PY "},", EG_RULE_FORM},
        {"p256", "\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\"," XX "},", EG_RULE_KEY},
        {"p256", "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," PX ",\"y\":1},", EG_RULE_FORM},
        {"x25519", "\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\"," XX "," PY "},", EG_RULE_FORM},
        {"x25519", "\"epk\":{\"kty\":\"EC\",\"crv\":\"X25519\"," XX "},", EG_RULE_FORM},
        {"x25519", "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," PX "," PY "},", EG_RULE_KEY},
        {"x25519",
         "\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\","
         "\"x\":\"-wIaNUEZKnLmHJgkF_3_hjlETfOe7cTmerh_y4wHlyd\"},",
         EG_RULE_FORM}, /* another spelling of the same bytes */
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        is_rule(with_epk(cases[i].vector, cases[i].epk), cases[i].rule, cases[i].epk);
}

/* --- what a token is bound to ---------------------------------------------------------------------- */

static void ages(void)
{
    const struct {
        apr_int64_t iat, ttl;
        eg_token_rule rule;
    } cases[] = {
        {demands.now, 900, EG_RULE_NONE},      {demands.now - 900, 900, EG_RULE_NONE},
        {demands.now - 901, 900, EG_RULE_AGE}, {demands.now + 60, 900, EG_RULE_NONE},
        {demands.now + 61, 900, EG_RULE_AGE},  {0, 900, EG_RULE_AGE},
        {APR_INT64_MAX, 900, EG_RULE_AGE},     {demands.now - 1, 1, EG_RULE_NONE},
        {demands.now - 2, 1, EG_RULE_AGE},     {0, 0, EG_RULE_NONE},
        {demands.now + 61, 0, EG_RULE_NONE},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_sealing with = sealing_with(EG_KEY_KINDS);
        eg_demands what = demands;
        eg_span token;

        with.iat = cases[i].iat;
        what.ttl = cases[i].ttl;
        is_int(eg_jwe_format.seal(crypto, &with, EG_LIT("1234"), pool, &token), EG_OK, "sealed");
        is_int(rule_for(&what, token.p, token.n), cases[i].rule, "%lld seconds old, good for %lld",
               (long long)(demands.now - cases[i].iat), (long long)cases[i].ttl);
    }
}

static void bindings(void)
{
    eg_span token = sealed_with(EG_KEY_KINDS, "1234"), none = {NULL, 0};
    const struct {
        eg_span sid, fld;
        eg_token_rule rule;
    } cases[] = {
        {none, none, EG_RULE_NONE},
        {demands.sid, none, EG_RULE_NONE},
        {none, demands.fld, EG_RULE_NONE},
        {EG_LIT("CA7edb360f06acaef2cc80dba16cf563f"), demands.fld, EG_RULE_CALL},
        {EG_LIT("ca7edb360f06acaef2cc80dba16cf563f1"), none, EG_RULE_CALL},
        {EG_LIT(""), demands.fld, EG_RULE_CALL},
        {demands.sid, EG_LIT("encryptedPinDigit"), EG_RULE_FIELD},
        {EG_LIT("CA1"), EG_LIT(""), EG_RULE_FIELD},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_demands what = {cases[i].sid, cases[i].fld, demands.now, demands.ttl};

        is_int(rule_for(&what, token.p, token.n), cases[i].rule, "binding %zu at the end", i);
        is_int(eg_token_check(EG_READS(EG_JWE), token, &what, pool), cases[i].rule,
               "binding %zu on the way", i);
    }
}

/* --- formats --------------------------------------------------------------------------------------- */

static void formats(void)
{
    static const eg_opening only_hex = {EG_READS(EG_HEX), &ring, &privates, false};
    static const eg_opening only_jwe = {EG_READS(EG_JWE), &ring, &privates, false};
    static const eg_opening no_ring = {EG_READS_ALL, NULL, NULL, false};
    eg_span jwe = sealed_with(EG_KEY_KINDS, "1234"), hex;
    eg_sealing with = sealing_with(EG_KEY_KINDS);
    eg_opened_token opened;
    eg_claims claims;

    is_int(eg_hex_format.seal(crypto, &with, EG_LIT("1234"), pool, &hex), EG_OK, "hex is sealed");
    is_int((long long)hex.n, (long long)eg_hex_format.length(&with, 4), "as long as foretold");
    is_int(eg_format_of(hex, pool, &claims), EG_HEX, "and known by its form");
    is_int(claims.iat, -1, "it says no time");
    is_int(eg_format_of(EG_LIT("1234"), pool, &claims), EG_FORMATS, "this is of none");
    is_rule(hex.p, EG_RULE_NONE, "nothing is demanded of a hex token");
    is_int(eg_format_named(EG_LIT("jwe")), EG_JWE, "jwe");
    is_int(eg_format_named(EG_LIT("hex")), EG_HEX, "hex");
    is_int(eg_format_named(EG_LIT("JWE")), EG_FORMATS, "no other name");

    is_int(eg_token_open_bound(crypto, &only_hex, jwe, &demands, pool, &opened), EG_ETOKEN,
           "jwe where hex alone is read");
    is_int(opened.rule, EG_RULE_FORMAT, "a format that is not read");
    is_int(eg_token_open_bound(crypto, &only_jwe, hex, &demands, pool, &opened), EG_ETOKEN,
           "hex where jwe alone is read");
    is_int(opened.rule, EG_RULE_FORMAT, "a format that is not read");
    is_int(eg_token_check(EG_READS(EG_HEX), jwe, &demands, pool), EG_RULE_FORMAT, "on the way");
    is_int(eg_token_check(EG_READS(EG_JWE), hex, &demands, pool), EG_RULE_FORMAT, "as well");
    is_int(eg_token_check(EG_READS_ALL, hex, &demands, pool), EG_RULE_NONE, "both are read");
    is_int(eg_token_check(EG_READS_ALL, EG_LIT("1234"), &demands, pool), EG_RULE_FORM, "not this");
    is_int(eg_token_open_bound(crypto, &no_ring, hex, &demands, pool, &opened), EG_ETOKEN,
           "hex without a key");
    is_int(opened.rule, EG_RULE_KEY, "no key");
    is_int(eg_token_open_bound(crypto, &no_ring, jwe, &demands, pool, &opened), EG_ETOKEN,
           "jwe without a key");
    is_int(opened.rule, EG_RULE_KEY, "no key");
}

static void keys_of_a_ring(void)
{
    eg_keyring mine = {.n = 1, .keys = {ring.keys[0]}};
    const eg_opening with = {EG_READS_ALL, &mine, NULL, false};
    eg_sealing sealing = sealing_with(EG_KEY_KINDS);
    eg_opened_token opened;
    eg_span named = sealed_with(EG_KEY_KINDS, "1234"), unnamed;

    mine.keys[0].id[0] = '\0';
    sealing.ring = &mine;
    is_int(eg_jwe_format.seal(crypto, &sealing, EG_LIT("1234"), pool, &unnamed), EG_OK, "sealed");
    ok(!strstr(header_of(unnamed), "kid"), "a key without an id has none in the header");
    is_int(eg_token_open_bound(crypto, &with, unnamed, &demands, pool, &opened), EG_OK, "it opens");
    is_int(eg_token_open_bound(crypto, &with, named, &demands, pool, &opened), EG_ETOKEN,
           "a token with a kid is for another key");
    is_int(opened.rule, EG_RULE_KEY, "by rule");
    is_rule(unnamed.p, EG_RULE_KEY, "where keys have ids, a token without is for none");
    mine = (eg_keyring){.n = 2, .keys = {{.id = "k2", .key = "other"}, ring.keys[0]}};
    is_int(eg_token_open_bound(crypto, &with, named, &demands, pool, &opened), EG_OK,
           "the second key opens");
    is_int((long long)opened.which, 1, "and is told");
    mine.keys[1].key[0] ^= 1;
    is_int(eg_token_open_bound(crypto, &with, named, &demands, pool, &opened), EG_ETOKEN,
           "another key of the same id does not");
    is_int(opened.rule, EG_RULE_TAG, "by its tag");
}

/* --- several in a row ------------------------------------------------------------------------------- */

#define IN_A_ROW 8

/* Both formats under both keys of a ring and in an envelope, and each of them once more with a broken tag. */
static void make_row(const eg_keyring *two, const char *tokens[2 * IN_A_ROW])
{
    for (unsigned i = 0; i < IN_A_ROW; i++) {
        eg_keyring mine = {.n = 1, .keys = {two->keys[i % 2]}};
        eg_sealing with = sealing_with(i < 6 ? EG_KEY_KINDS : i == 6 ? EG_P256 : EG_RSA);
        eg_span token = {"", 0};
        char *broken;

        with.ring = &mine;
        if ((i < 3 ? &eg_hex_format : &eg_jwe_format)
                ->seal(crypto, &with, EG_LIT("1234"), pool, &token) != EG_OK)
            abort();
        tokens[2 * i] = token.p;
        tokens[2 * i + 1] = broken = apr_pstrdup(pool, token.p);
        broken[token.n - 4] = broken[token.n - 4] == '0' ? '1' : '0';
    }
}

/* In any order, what is held between two tokens changes nothing of either. */
static void held_in_a_row(void)
{
    eg_keyring two = {.n = 2, .keys = {ring.keys[0], {.id = "k2", .key = "other"}}};
    eg_opening with = {EG_READS_ALL, &two, &privates, true};
    const char *tokens[2 * IN_A_ROW];
    eg_opened_token opened;
    unsigned wrong = 0;

    make_row(&two, tokens);
    for (unsigned i = 0; i < 4 * IN_A_ROW * IN_A_ROW; i++) {
        unsigned pair[2] = {i / (2 * IN_A_ROW), i % (2 * IN_A_ROW)};

        for (unsigned k = 0; k < 2; k++) {
            unsigned n = pair[k], of = n / 2 < 6 ? n / 2 % 2 : 9;
            eg_status status =
                eg_token_open_bound(crypto, &with, eg_span_of(tokens[n]), &demands, pool, &opened);

            if (n % 2)
                wrong += status != EG_ETOKEN || opened.rule != EG_RULE_TAG || opened.plain.n;
            else
                wrong += status != EG_OK || !eg_span_eq(opened.plain, EG_LIT("1234")) ||
                         (of == 9 ? opened.which != EG_NOT_OF_RING : opened.which != of);
        }
        wrong += !eg_gcm_let_go(crypto);
    }
    is_int(wrong, 0, "tokens of all kinds, good and bad, each behind each");
}

static void described(void)
{
    static const char odd[] =
        "{ \"alg\" :\"dir\",\n\"enc\":\"A256GCM\",\"kid\":\"\\u006b1\",\"a b\":"
        "\"\xc2\x9b\x7f \xf0\x9f\x98\x80\\\" \",\"iat\":1780000000,\"sid\":\"" CALL
        "\",\"fld\":\"" FIELD "\"}";
    eg_token_description text;

    ok(eg_jwe_format.describe(eg_span_of(text_of(vector_named("dir"), "token")), pool, &text),
       "a token is described");
    is_str(text.json, text_of(vector_named("dir"), "header"), "by its header");
    ok(eg_jwe_format.describe(eg_span_of(sealed_under(ring.keys[0].key, odd, "")), pool, &text),
       "an odd one too");
    is_str(text.json,
           "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"\\u006b1\",\"a b\":\"\\u009b\\u007f "
           "\\ud83d\\ude00\\\" \"," REST,
           "in one line of printable characters");
    ok(!eg_jwe_format.describe(EG_LIT("a.b.c.d.e"), pool, &text), "what is none is not");
    ok(eg_hex_format.describe(
           EG_LIT("000102030405060708090a0b7630e52fe72e23669cfbdf872cdc83a470b014bf"), pool, &text),
       "a hex token is one");
    ok(text.json == NULL, "and says nothing");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    crypto = eg_crypto_create(pool);
    if (!ok(crypto != NULL, "OpenSSL has what is needed") || !load_vectors())
        return done_testing();
    open_vectors();
    refuse_vectors();
    concat_kdf();
    our_own();
    odd_names();
    not_sealed();
    failing_random();
    every_bit();
    every_member();
    other_members();
    other_headers();
    every_epk();
    ages();
    bindings();
    formats();
    keys_of_a_ring();
    held_in_a_row();
    described();
    json_decref(vectors);
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
