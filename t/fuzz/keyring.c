/* SPDX-License-Identifier: Apache-2.0
 * Key files: rings keep what the format promises, what is refused leaves no key behind, and a
 * message never depends on the digits of a key. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include "core/keyring.h"

#define KEY "5f3c9b1e7a604d28f1b7c35e90a2684de8170bf69c53a1d42f7e86b0395cd147"
#define OTHER "b91e64f07d28c3a5159f8e0b62d74ca3f06b5d9821ce47a3608fb4d17e3c952a"

static const char *const atoms[] = {
    KEY,  OTHER, "k1 " KEY "\n", "k2 " OTHER "\n", "# comment\n", "#", "\r\n", " ", "id",
    "\t", NULL};
const fuzz_grammar fuzz_target = {"keyring", "\n \t\r#", atoms};

static bool is_wiped(const eg_keyring *ring)
{
    const char *bytes = (const char *)ring;

    for (size_t i = 0; i < sizeof *ring; i++)
        if (bytes[i])
            return false;
    return true;
}

static bool has_good_id(const eg_key *key)
{
    size_t n = strnlen(key->id, sizeof key->id);

    return n >= 1 && n <= EG_KEY_ID_MAX &&
           strspn(key->id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static void hold_ring(const eg_keyring *ring)
{
    HOLDS(ring->n >= 1 && ring->n <= EG_KEYS_MAX, "a ring has one to eight keys");
    for (apr_size_t i = 0; i < ring->n; i++) {
        bool single = ring->n == 1 && ring->keys[i].id[0] == '\0';

        HOLDS(single || has_good_id(&ring->keys[i]), "every key of a ring has an id");
        for (apr_size_t k = 0; k < i; k++) {
            HOLDS(strcmp(ring->keys[i].id, ring->keys[k].id) != 0, "no id is there twice");
            HOLDS(memcmp(ring->keys[i].key, ring->keys[k].key, EG_KEY_SIZE) != 0,
                  "no key is there twice");
        }
    }
}

static const char *written(apr_pool_t *pool, const eg_keyring *ring)
{
    const char *text = "";

    for (apr_size_t i = 0; i < ring->n; i++) {
        char hex[2 * EG_KEY_SIZE + 1];

        eg_hex_encode(hex, ring->keys[i].key, EG_KEY_SIZE);
        text = apr_pstrcat(pool, text, ring->keys[i].id, " ", hex, "\n", NULL);
    }
    return text;
}

static void hold_written_again(apr_pool_t *pool, const eg_keyring *ring)
{
    eg_keyring again;
    eg_problem why;

    HOLDS(eg_keyring_parse(eg_span_of(written(pool, ring)), &again, &why) == EG_OK,
          "a ring that is written again can be read");
    HOLDS(again.n == ring->n && again.weak == ring->weak, "it is the same ring");
    for (apr_size_t i = 0; i < ring->n; i++)
        HOLDS(strcmp(again.keys[i].id, ring->keys[i].id) == 0 &&
                  memcmp(again.keys[i].key, ring->keys[i].key, EG_KEY_SIZE) == 0,
              "it has the same keys");
}

static void hold_line_of_text(const eg_problem *why)
{
    size_t n = strnlen(why->text, sizeof why->text);

    HOLDS(n > 0 && n < sizeof why->text, "a refusal says why");
    for (size_t i = 0; i < n; i++)
        HOLDS(why->text[i] >= ' ' && why->text[i] <= '~', "a message is one printable line");
}

/* The same form with other characters must be told in the same words. */
static void hold_discreet(apr_pool_t *pool, eg_span input, eg_status status, const eg_problem *why)
{
    eg_keyring ring;
    eg_problem other;
    eg_span disguised = {fuzz_disguise(pool, input), input.n};

    memset(&other, 0, sizeof other);
    HOLDS(eg_keyring_parse(disguised, &ring, &other) == status, "only the form of digits counts");
    HOLDS(strcmp(other.text, why->text) == 0, "a message does not depend on the content");
}

static void hold_fingerprints(const eg_keyring *ring)
{
    for (apr_size_t i = 0; i < ring->n; i++) {
        char print[9], hex[2 * EG_KEY_SIZE + 1];

        HOLDS(eg_key_fingerprint(fuzz_crypto(), &ring->keys[i], print) == EG_OK &&
                  strspn(print, "0123456789abcdef") == 8 && strlen(print) == 8,
              "a fingerprint is eight digits");
        eg_hex_encode(hex, ring->keys[i].key, EG_KEY_SIZE);
        HOLDS(!strstr(hex, print), "a fingerprint is not a piece of its key");
    }
}

/* What is derived is told apart from the key, from each other, and from key to key. */
static void hold_derived(eg_keyring *ring)
{
    HOLDS(eg_keyring_derive(fuzz_crypto(), ring) == EG_OK, "keys can be derived");
    for (apr_size_t i = 0; i < ring->n; i++) {
        const eg_key *key = &ring->keys[i], *before = &ring->keys[i ? i - 1 : 0];

        HOLDS(memcmp(key->index, key->key, EG_KEY_SIZE) != 0 &&
                  memcmp(key->idempotency, key->key, EG_KEY_SIZE) != 0 &&
                  memcmp(key->index, key->idempotency, EG_KEY_SIZE) != 0,
              "a derived key is another key");
        HOLDS(i == 0 || memcmp(key->index, before->index, EG_KEY_SIZE) != 0,
              "each key has its own");
    }
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    eg_keyring *ring = malloc(sizeof *ring);
    eg_problem why;
    eg_status status;

    memset(ring, 'x', sizeof *ring);
    memset(&why, 0, sizeof why);
    status = eg_keyring_parse(input, ring, &why);
    HOLDS(status == EG_OK || status == EG_EMALFORMED, "a key file is good or it is not");
    if (status == EG_OK) {
        hold_ring(ring);
        hold_written_again(pool, ring);
        hold_fingerprints(ring);
        hold_derived(ring);
    } else {
        HOLDS(is_wiped(ring), "what is refused leaves no key behind");
        hold_line_of_text(&why);
    }
    hold_discreet(pool, input, status, &why);
    free(ring);
}
