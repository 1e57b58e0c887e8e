/* SPDX-License-Identifier: Apache-2.0
 * Tests of key files: both forms, everything that is refused, and messages that tell no key. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "core/keyring.h"

/* Random ones that share nothing with the words of a message: the longest that "hexadecimal" has
 * in common with a key is "adec". */
#define HEAD_A "5f3c9b1e7a604d28f1b7c35e90a2684d" /* 32 digits */
#define TAIL_A "e8170bf69c53a1d42f7e86b0395cd147"
#define A HEAD_A TAIL_A
#define B "b91e64f07d28c3a5159f8e0b62d74ca3f06b5d9821ce47a3608fb4d17e3c952a"
#define UPPER_A "5F3C9B1E7A604D28F1B7C35E90A2684DE8170BF69C53A1D42F7E86B0395CD147"
#define ID32 "abcdefghijklmnopqrstuvwxyz_-0189"
#define EIGHT                                                                                      \
    "k1 " A "\nk2 " B "\nk3 1" TAIL_A "123" TAIL_B "\nk4 2" TAIL_A "123" TAIL_B "\nk5 3" TAIL_A    \
    "123" TAIL_B "\nk6 4" TAIL_A "123" TAIL_B "\nk7 5" TAIL_A "123" TAIL_B "\nk8 6" TAIL_A         \
    "123" TAIL_B "\n"
#define TAIL_B "d28c3a5159f8e0b62d74ca3f06b5" /* 28 digits */

static eg_status parse(eg_span content, eg_keyring *ring, eg_problem *why)
{
    char *copy = exact_copy(content.p, content.n);
    eg_status status;

    memset(ring, 'x', sizeof *ring);
    memset(why, 0, sizeof *why);
    status = eg_keyring_parse((eg_span){copy, content.n}, ring, why);
    free(copy);
    return status;
}

static void is_key(const eg_key *key, const char *hex, const char *name)
{
    char text[2 * EG_KEY_SIZE + 1];

    eg_hex_encode(text, key->key, EG_KEY_SIZE);
    is_str(text, hex, "its key: %s", name);
}

static void good(void)
{
    static const struct {
        const char *name;
        eg_span content;
        unsigned n;
        const char *id, *key; /* of the last one */
    } cases[] = {
        {"64 digits", EG_LIT(A), 1, "", A},
        {"with a line end", EG_LIT(A "\n"), 1, "", A},
        {"two lines, as xxd -p writes them",
         EG_LIT("5f3c9b1e7a604d28f1b7c35e90a2684de8170bf69c53a1d42f7e86b0395c\nd147\n"), 1, "", A},
        {"with CRLF", EG_LIT(HEAD_A "\r\n" TAIL_A "\r\n"), 1, "", A},
        {"upper case", EG_LIT(UPPER_A "\n"), 1, "", A},
        {"white space of all kinds", EG_LIT(" \t\v\f\r\n" HEAD_A " \t " TAIL_A "\n\n"), 1, "", A},
        {"blanks inside", EG_LIT("5 f3c9b1e 7a604d28f1b7c35e90a2684d\n\n\n" TAIL_A), 1, "", A},
        {"one with an id", EG_LIT("k1 " A "\n"), 1, "k1", A},
        {"an id, no line end", EG_LIT("k1 " A), 1, "k1", A},
        {"an id, upper case", EG_LIT("k1 " UPPER_A "\n"), 1, "k1", A},
        {"a tab behind the id", EG_LIT("k1\t \t" A "\t\n"), 1, "k1", A},
        {"an id, CRLF", EG_LIT("k1 " A "\r\nk2 " B "\r\n"), 2, "k2", B},
        {"comments and empty lines", EG_LIT("# ours: k1\n\n  # k2\nk1 " A "\n#\n\n"), 1, "k1", A},
        {"a comment that looks like a key", EG_LIT("#k1 " A "\nk2 " B), 1, "k2", B},
        {"indented", EG_LIT("  k1 " A), 1, "k1", A},
        {"a long id", EG_LIT(ID32 " " A), 1, ID32, A},
        {"an id of one character", EG_LIT("- " A), 1, "-", A},
        {"an id of capitals", EG_LIT("ID_2026-11 " A), 1, "ID_2026-11", A},
        {"an id of hexadecimal digits", EG_LIT("cafe " A), 1, "cafe", A},
        {"an id of one of them", EG_LIT("a " A "\n"), 1, "a", A},
        {"ids of nothing else", EG_LIT("1 " A "\n2 " B "\n"), 2, "2", B},
        {"ids that differ in case", EG_LIT("k " A "\nK " B "\n"), 2, "K", B},
        {"eight keys", EG_LIT(EIGHT), 8, "k8", "6" TAIL_A "123" TAIL_B},
        /* The contract: 64 digits, white space anywhere, are one key, whatever they look like. */
        {"63 digits that seem to have an id", EG_LIT("5 f3c9b1e7a604d28f1b7c35e90a2684d" TAIL_A), 1,
         "", A},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_keyring ring;
        eg_problem why;

        if (is_int(parse(cases[i].content, &ring, &why), EG_OK, "good: %s", cases[i].name) &&
            is_int((long long)ring.n, cases[i].n, "so many keys: %s", cases[i].name)) {
            is_str(ring.keys[ring.n - 1].id, cases[i].id, "its id: %s", cases[i].name);
            is_key(&ring.keys[ring.n - 1], cases[i].key, cases[i].name);
            ok(!ring.weak, "not weak: %s", cases[i].name);
        }
    }
}

/* Whether the message has four characters or more in a row of a run of digits in the content. */
static bool tells(const char *message, eg_span content)
{
    char part[5] = "";

    for (size_t i = 0; i + 4 <= content.n; i++) {
        size_t k = 0;

        while (k < 4 && eg_hex_value(content.p[i + k]) >= 0)
            k++;
        memcpy(part, content.p + i, 4);
        if (k == 4 && strcasestr(message, part))
            return true;
    }
    return false;
}

static void bad(void)
{
    static const struct {
        const char *name;
        eg_span content;
        const char *says;
    } cases[] = {
        {"nothing", EG_LIT(""), "no key"},
        {"white space", EG_LIT(" \n\t\r\n"), "no key"},
        {"comments", EG_LIT("# one\n# two\n"), "no key"},
        {"63 digits", EG_LIT("f3c9b1e7a604d28f1b7c35e90a2684d" TAIL_A "\n"), "63"},
        {"one digit", EG_LIT("a"), "holds 1 "},
        {"32 digits", EG_LIT(HEAD_A "\n"), "32"},
        {"65 digits", EG_LIT(A "a\n"), "line 1"},
        {"65 digits in two lines", EG_LIT(A "\na"), "line 1"},
        {"66 digits", EG_LIT(A "ab\n"), "line 1"},
        {"66 digits in two lines", EG_LIT(HEAD_A "ab\n" TAIL_A "\n"), "line 1"},
        {"two keys without ids", EG_LIT(A "\n" B "\n"), "line 1"},
        {"a comment before a key without id", EG_LIT("# ours\n" A "\n"), "line 2"},
        {"a comment behind a key without id", EG_LIT(A " # ours\n"), "line 1"},
        {"0x", EG_LIT("0x" A "\n"), "line 1"},
        {"quotes", EG_LIT("\"" A "\"\n"), "line 1"},
        {"key=", EG_LIT("key=" A "\n"), "line 1"},
        {"key:", EG_LIT("key: " A "\n"), "line 1"},
        {"a letter that is no digit", EG_LIT("5g" TAIL_B TAIL_B "112233\n"), "line 1"},
        {"base64", EG_LIT("k1 Xzybw3pgTSjxt8NekKJoTegXC/acU6HUL36GsDlc0Uc=\n"), "character 1 "},
        {"the third character", EG_LIT("k1 5f-" TAIL_B TAIL_B "12345\n"), "character 3 "},
        {"63 digits with an id", EG_LIT("k1 f3c9b1e7a604d28f1b7c35e90a2684d" TAIL_A), "63"},
        {"65 digits with an id", EG_LIT("k1 " A "a"), "65"},
        {"66 digits with an id", EG_LIT("k1 ab" A), "66"},
        {"an id alone", EG_LIT("k1\n"), "line 1"},
        {"an id alone, then a key", EG_LIT("k1\n" A "\n"), "line 1"},
        {"a key in two words", EG_LIT("k1 " HEAD_A " " TAIL_A "\n"), "line 1"},
        {"a comment behind a key", EG_LIT("k1 " A " # ours\n"), "line 1"},
        {"the second line", EG_LIT("k1 " A "\n\n# k2\nk2 " HEAD_A "\n"), "line 4"},
        {"a dot in an id", EG_LIT("k.1 " A "\n"), "line 1"},
        {"a slash in an id", EG_LIT("k/1 " A "\n"), "line 1"},
        {"an id of 33 characters", EG_LIT(ID32 "x " A "\n"), "line 1"},
        {"nine keys", EG_LIT(EIGHT "k9 7" TAIL_A "123" TAIL_B "\n"), "line 9"},
        {"an id twice", EG_LIT("k1 " A "\nk1 " B "\n"), "line 2"},
        {"a key twice", EG_LIT("k1 " A "\nk2 " B "\nk3 " A "\n"), "line 3"},
        {"a key twice, once in capitals", EG_LIT("k1 " A "\nk2 " UPPER_A "\n"), "line 2"},
        {"a line twice", EG_LIT("k1 " A "\nk1 " A "\n"), "line 2"},
        {"a byte order mark", EG_LIT("\xef\xbb\xbf" A "\n"), "not text"},
        {"UTF-16", EG_LIT("k\0001\0 \0" HEAD_A), "not text"},
        {"a NUL at the end", EG_LIT(A "\0"), "not text"},
        {"a NUL inside", EG_LIT(HEAD_A "\0" TAIL_A), "not text"},
        {"a NUL in a comment", EG_LIT("# \0\nk1 " A "\n"), "not text"},
        {"the key's bytes themselves", EG_LIT("\x5f\x3c\x9b\x1e\x7a\x60\x4d\x28"), "not text"},
        {"an escape", EG_LIT("\x1b[0m" A "\n"), "not text"},
        {"DEL", EG_LIT("k1\x7f " A "\n"), "not text"},
        {"a private key", EG_LIT("-----BEGIN PRIVATE KEY-----\nMIGH\n"), "EncGatherPrivateKeyFile"},
        {"a public key behind words", EG_LIT("ours\n-----BEGIN PUBLIC KEY-----\nMIGH\n"),
         "EncGatherRecipient"},
        {"a JWK", EG_LIT("\n{\"kty\":\"EC\"}\n"), "EncGatherRecipient"},
    };
    static const eg_keyring zeros;

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_keyring ring;
        eg_problem why;

        is_int(parse(cases[i].content, &ring, &why), EG_EMALFORMED, "refused: %s", cases[i].name);
        ok(memcmp(&ring, &zeros, sizeof ring) == 0, "the ring is wiped: %s", cases[i].name);
        if (!ok(strstr(why.text, cases[i].says) != NULL, "'%s' says '%s'", why.text, cases[i].says))
            continue;
        ok(!strchr(why.text, '\n') && !tells(why.text, cases[i].content), "and no key: %s",
           cases[i].name);
    }
}

static void no_id_is_told(void)
{
    static const eg_span cases[] = {
        EG_LIT("secretid " HEAD_A "\n"),
        EG_LIT("secretid " A "\nsecretid " B "\n"),
        EG_LIT("secretid secretid secretid\n"),
        EG_LIT("secret.id " A "\n"),
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_keyring ring;
        eg_problem why;

        is_int(parse(cases[i], &ring, &why), EG_EMALFORMED, "refused, case %zu", i);
        ok(!strstr(why.text, "secret"), "the message has no byte of the content, case %zu", i);
    }
}

static void weak(void)
{
    static const struct {
        const char *name;
        unsigned first, step;
        bool want;
    } cases[] = {
        {"zeros", 0, 0, true},
        {"ff", 0xff, 0, true},
        {"5a", 0x5a, 0, true},
        {"counting from 0", 0, 1, true},
        {"counting from 1", 1, 1, true},
        {"counting past ff", 0xf0, 1, true},
        {"counting down", 0x1f, 0xff, true},
        {"counting down past 0", 3, 0xff, true},
        {"odd numbers", 1, 2, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned char key[EG_KEY_SIZE];
        char text[3 + 2 * EG_KEY_SIZE + 1 + sizeof "\nk2 " A] = "k1 ";
        eg_keyring ring;
        eg_problem why;

        for (unsigned k = 0; k < EG_KEY_SIZE; k++)
            key[k] = (unsigned char)(cases[i].first + k * cases[i].step);
        eg_hex_encode(text + 3, key, sizeof key);
        is_int(parse(eg_span_of(text + 3), &ring, &why), EG_OK, "accepted: %s", cases[i].name);
        ok(ring.weak == cases[i].want, "%sweak: %s", cases[i].want ? "" : "not ", cases[i].name);
        strcat(text, "\nk2 " A);
        is_int(parse(eg_span_of(text), &ring, &why), EG_OK, "in a ring: %s", cases[i].name);
        ok(ring.weak == cases[i].want, "the ring with it: %s", cases[i].name);
    }
}

static void fingerprints(eg_crypto *crypto)
{
    static const char label[] = "encgather-fingerprint";
    unsigned char mac[EVP_MAX_MD_SIZE];
    char *out = malloc(9), want[9];
    eg_keyring ring;
    eg_problem why;

    is_int(parse(EG_LIT("k1 " A "\nk2 " B), &ring, &why), EG_OK, "two keys");
    is_int(eg_key_fingerprint(crypto, &ring.keys[0], out), EG_OK, "a fingerprint");
    HMAC(EVP_sha256(), ring.keys[0].key, EG_KEY_SIZE, (const unsigned char *)label,
         sizeof label - 1, mac, NULL);
    eg_hex_encode(want, mac, 4);
    is_str(out, want, "is the beginning of an HMAC under the key");
    is_int(eg_key_fingerprint(crypto, &ring.keys[1], out), EG_OK, "another");
    ok(strcmp(out, want) != 0, "tells the other key from the first");
    free(out);
}

/* A second time changes nothing: a ring that stays in use over restarts is derived again. */
/* What is kept of a ring ends behind its last key. */
static void sizes(void)
{
    eg_keyring ring = {.n = 0};
    apr_size_t none = eg_keyring_size(&ring);

    ok(none < sizeof ring.keys[0], "a ring without keys is its head");
    ring.n = 1;
    ok(eg_keyring_size(&ring) == none + sizeof ring.keys[0], "one key more");
    ring.n = EG_KEYS_MAX;
    ok(eg_keyring_size(&ring) <= sizeof ring, "a full one is no more than there is");
}

static void derived(eg_crypto *crypto)
{
    unsigned char want[EG_SHA256_SIZE];
    eg_keyring ring;
    eg_problem why;

    is_int(parse(EG_LIT("k1 " A "\nk2 " B), &ring, &why), EG_OK, "two keys");
    for (int round = 1; round <= 2; round++) {
        is_int(eg_keyring_derive(crypto, &ring), EG_OK, "derived, round %d", round);
        for (size_t i = 0; i < 2; i++) {
            is_int(eg_hkdf(crypto, ring.keys[i].key, EG_LIT("encgather-index"), want), EG_OK,
                   "by hand");
            ok(memcmp(ring.keys[i].index, want, sizeof want) == 0, "key %zu: for the index", i);
            is_int(eg_hkdf(crypto, ring.keys[i].key, EG_LIT("encgather-idempotency"), want), EG_OK,
                   "by hand");
            ok(memcmp(ring.keys[i].idempotency, want, sizeof want) == 0,
               "key %zu: for the Idempotency-Key", i);
        }
    }
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    good();
    bad();
    no_id_is_told();
    weak();
    sizes();
    fingerprints(eg_crypto_create(pool));
    derived(eg_crypto_create(pool));
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
