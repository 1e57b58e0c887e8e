/* SPDX-License-Identifier: Apache-2.0
 * Key files: one AES-256 key, or a ring of up to eight with ids. */
#include "keyring.h"

#include <string.h>
#include "blindindex.h"
#include "lines.h"
#include "secret.h"

#define KEY_DIGITS (2 * EG_KEY_SIZE)
#define MAKE_ONE "make one with: openssl rand -hex 32"

/* Collects the digits of a file that is one key; false when it is anything else. */
static bool collect_single(eg_span content, char digits[KEY_DIGITS])
{
    apr_size_t n = 0;

    for (apr_size_t i = 0; i < content.n; i++) {
        if (eg_is_blank(content.p[i]))
            continue;
        if (n == KEY_DIGITS || eg_hex_value(content.p[i]) < 0)
            return false;
        digits[n++] = content.p[i];
    }
    return n == KEY_DIGITS;
}

/* How many digits there are when the file is nothing but hexadecimal digits; 0 otherwise. */
static unsigned count_bare_digits(eg_span content)
{
    unsigned n = 0;

    for (apr_size_t i = 0; i < content.n; i++) {
        if (eg_is_blank(content.p[i]))
            continue;
        if (eg_hex_value(content.p[i]) < 0)
            return 0;
        n++;
    }
    return n;
}

bool eg_is_key_id(eg_span id)
{
    if (id.n < 1 || id.n > EG_KEY_ID_MAX)
        return false;
    for (apr_size_t i = 0; i < id.n; i++)
        if (!eg_is_alnum(id.p[i]) && id.p[i] != '_' && id.p[i] != '-')
            return false;
    return true;
}

/* The column, from 1, of the first byte that is no hexadecimal digit; 0 when all are. */
static apr_size_t odd_column(eg_span hex)
{
    for (apr_size_t i = 0; i < hex.n; i++)
        if (eg_hex_value(hex.p[i]) < 0)
            return i + 1;
    return 0;
}

static bool same_step(const unsigned char *key, unsigned char step)
{
    for (unsigned i = 1; i < EG_KEY_SIZE; i++)
        if ((unsigned char)(key[i] - key[i - 1]) != step)
            return false;
    return true;
}

/* 00 00 00.., 00 01 02.., 1f 1e 1d..: keys out of an example, not out of a random source. */
static bool looks_weak(const unsigned char *key)
{
    return same_step(key, 0) || same_step(key, 1) || same_step(key, 0xff);
}

static eg_status check_key_text(eg_span hex, unsigned line, eg_problem *why)
{
    apr_size_t column = odd_column(hex);

    if (column) {
        eg_problem_set(why, "line %u: character %u of the key is not a hexadecimal digit", line,
                       (unsigned)column);
        return EG_EMALFORMED;
    }
    if (hex.n != KEY_DIGITS) {
        eg_problem_set(why, "line %u: the key has %u hexadecimal digits, it needs 64; " MAKE_ONE,
                       line, (unsigned)hex.n);
        return EG_EMALFORMED;
    }
    return EG_OK;
}

static eg_status check_new_key(const eg_keyring *ring, const eg_key *key, unsigned line,
                               eg_problem *why)
{
    for (apr_size_t i = 0; i < ring->n; i++) {
        if (strcmp(ring->keys[i].id, key->id) == 0) {
            eg_problem_set(why, "line %u: the id is there twice; every key needs its own", line);
            return EG_EMALFORMED;
        }
        if (eg_equal_secret((eg_span){(const char *)ring->keys[i].key, EG_KEY_SIZE},
                            (eg_span){(const char *)key->key, EG_KEY_SIZE})) {
            eg_problem_set(why, "line %u: the same key is there twice under two ids", line);
            return EG_EMALFORMED;
        }
    }
    return EG_OK;
}

static eg_status parse_key_line(eg_span text, unsigned line, eg_keyring *ring, eg_problem *why)
{
    eg_span id = eg_word_next(&text), hex = eg_word_next(&text);
    eg_key *key = &ring->keys[ring->n];

    if (ring->n == EG_KEYS_MAX) {
        eg_problem_set(why, "line %u: more than 8 keys; take out the oldest", line);
        return EG_EMALFORMED;
    }
    if (hex.n == 0 || text.n != 0) {
        eg_problem_set(
            why,
            "line %u: neither one key of 64 hexadecimal digits nor a line of a key "
            "ring (an id and 64 hexadecimal digits); if it is PEM or a JWK, keep it, it belongs to "
            "EncGatherPrivateKeyFile or EncGatherRecipient; else put back the key that was there, "
            "or, if there never was one, write one: openssl rand -hex 32",
            line);
        return EG_EMALFORMED;
    }
    if (!eg_is_key_id(id)) {
        eg_problem_set(why, "line %u: an id is 1 to 32 of A-Z a-z 0-9 _ -", line);
        return EG_EMALFORMED;
    }
    if (check_key_text(hex, line, why) != EG_OK || eg_hex_decode(key->key, hex) != EG_OK)
        return EG_EMALFORMED;
    memcpy(key->id, id.p, id.n);
    key->id[id.n] = '\0';
    if (check_new_key(ring, key, line, why) != EG_OK)
        return EG_EMALFORMED;
    ring->weak |= looks_weak(key->key);
    ring->n++;
    return EG_OK;
}

static eg_status parse_ring(eg_span content, eg_keyring *ring, eg_problem *why)
{
    eg_lines lines = {content, 0};
    eg_span line;

    while (eg_lines_next(&lines, &line)) {
        eg_status status = parse_key_line(line, lines.number, ring, why);

        if (status != EG_OK)
            return status;
    }
    if (ring->n > 0)
        return EG_OK;
    eg_problem_set(why, "holds no key; " MAKE_ONE);
    return EG_EMALFORMED;
}

static eg_status parse_single(const char digits[KEY_DIGITS], eg_keyring *ring)
{
    eg_status status = eg_hex_decode(ring->keys[0].key, (eg_span){digits, KEY_DIGITS});

    ring->n = 1;
    ring->weak = looks_weak(ring->keys[0].key);
    return status;
}

eg_status eg_keyring_parse(eg_span content, eg_keyring *ring, eg_problem *why)
{
    char digits[KEY_DIGITS];
    unsigned bare = count_bare_digits(content);
    eg_status status = EG_EMALFORMED;

    memset(ring, 0, sizeof *ring);
    if (!eg_is_text(content))
        eg_problem_set(why, "holds bytes that are not text; " MAKE_ONE);
    else if (collect_single(content, digits))
        status = parse_single(digits, ring);
    else if (bare && bare < KEY_DIGITS)
        eg_problem_set(why, "holds %u hexadecimal digits, a key needs 64; " MAKE_ONE, bare);
    else
        status = parse_ring(content, ring, why);
    eg_wipe(digits, sizeof digits);
    if (status != EG_OK)
        eg_wipe(ring, sizeof *ring);
    return status;
}

/* It need not be there where it cannot: where OpenSSL's providers make digests. */
static eg_status prepare(eg_crypto *crypto, eg_key *key)
{
    eg_span action = {(const char *)key->action, sizeof key->action};

    key->is_action_ready = eg_hmac_prepare(crypto, EG_SHA256, action, &key->action_ready);
    return key->is_action_ready || eg_crypto_uses_provider(crypto) ? EG_OK : EG_ECRYPTO;
}

static eg_status derive(eg_crypto *crypto, eg_key *key)
{
    eg_status status = eg_blind_index_key(crypto, key->key, key->index);

    if (status == EG_OK)
        status = eg_hkdf(crypto, key->key, EG_LIT("encgather-idempotency"), key->idempotency);
    if (status == EG_OK)
        status = eg_hkdf(crypto, key->key, EG_LIT("encgather-action"), key->action);
    if (status == EG_OK)
        status = prepare(crypto, key);
    return status;
}

eg_status eg_keyring_derive(eg_crypto *crypto, eg_keyring *ring)
{
    eg_status status = EG_OK;

    for (apr_size_t i = 0; i < ring->n && status == EG_OK; i++)
        status = derive(crypto, &ring->keys[i]);
    return status;
}

eg_status eg_key_fingerprint(eg_crypto *crypto, const eg_key *key, char out[9])
{
    eg_span label = EG_LIT("encgather-fingerprint");
    unsigned char mac[EG_SHA256_SIZE];
    eg_status status =
        eg_hmac_sha256(crypto, (eg_span){(const char *)key->key, EG_KEY_SIZE}, &label, 1, mac);

    if (status == EG_OK)
        eg_hex_encode(out, mac, 4);
    eg_wipe(mac, sizeof mac);
    return status;
}
