/* SPDX-License-Identifier: Apache-2.0
 * What scenarios work on: secrets that are there while one is at work, and what has to come of them. */
#include "inputs.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_pools.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "core/secret.h"
#include "memory.h"
#include "pairs.h"

#define NONCES_MAX 20000

/* --- secrets ----------------------------------------------------------------------------------- */

secrets *secret;
expectations *known;

/* Fixed bytes without a pattern (splitmix64), never in memory but where they are asked for. */
static uint64_t mixed(uint64_t n)
{
    uint64_t z = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void fill_bytes(unsigned char *to, size_t n, uint64_t from)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (unsigned char)mixed(from + i);
}

static void fill_text(char *to, size_t n, uint64_t from, unsigned letters)
{
    static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";

    for (size_t i = 0; i < n; i++)
        to[i] = alphabet[mixed(from + i) % letters];
}

void inputs_fill(void)
{
    secret->ring.n = 2;
    memcpy(secret->ring.keys[0].id, "new", 4);
    memcpy(secret->ring.keys[1].id, "old", 4);
    fill_bytes(secret->ring.keys[0].key, EG_KEY_SIZE, 1000);
    fill_bytes(secret->ring.keys[1].key, EG_KEY_SIZE, 2000);
    fill_text(secret->digits, DIGITS, 3000, 10);
    fill_text(secret->auth, TOKEN_TEXT, 4000, 36);
    fill_text(secret->long_auth, LONG_TOKEN_TEXT, 5000, 36);
    fill_text(secret->long_form, LONG_FORM, 6000, 36);
}

void inputs_wipe(void)
{
    eg_wipe(secret, sizeof *secret);
}

static void look_for_pads(const char *name, const unsigned char *key, size_t n)
{
    unsigned char pad[64];

    for (unsigned mask = 0x36; mask; mask = mask == 0x36 ? 0x5c : 0) {
        for (size_t i = 0; i < n && i < sizeof pad; i++)
            pad[i] = (unsigned char)(key[i] ^ mask);
        memory_look_for(name, pad, n < sizeof pad ? n : sizeof pad);
    }
    eg_wipe(pad, sizeof pad);
}

static void look_for_key(const char *name, const unsigned char *key)
{
    char hex[2 * EG_KEY_SIZE + 1];

    memory_look_for(name, key, EG_KEY_SIZE);
    look_for_pads(name, key, EG_KEY_SIZE);
    eg_hex_encode(hex, key, EG_KEY_SIZE);
    memory_look_for(name, hex, 2 * EG_KEY_SIZE);
    eg_wipe(hex, sizeof hex);
}

/* Behind the pads: who has that signs as the key does. */
static void look_for_states(const char *name, eg_span key)
{
    eg_sha_state state;
    unsigned char pad[EG_SHA_BLOCK];

    for (unsigned mask = 0x36; mask; mask = mask == 0x36 ? 0x5c : 0) {
        memset(pad, (int)mask, sizeof pad);
        for (size_t i = 0; i < key.n; i++)
            pad[i] = (unsigned char)(key.p[i] ^ (char)mask);
        if (eg_sha_begin(EG_SHA1, &state) && eg_sha_blocks(EG_SHA1, &state, pad, sizeof pad))
            memory_look_for(name, state.h, EG_SHA1_SIZE);
    }
    eg_wipe(pad, sizeof pad);
    eg_wipe(&state, sizeof state);
}

static void look_for_secrets(void)
{
    look_for_key("the first key", secret->ring.keys[0].key);
    look_for_key("the second key", secret->ring.keys[1].key);
    look_for_key("a derived key", secret->derived.keys[0].index);
    look_for_key("a derived key", secret->derived.keys[1].idempotency);
    memory_look_for("the digits", secret->digits, DIGITS);
    memory_look_for("the auth token", secret->auth, TOKEN_TEXT);
    look_for_pads("the auth token", (const unsigned char *)secret->auth, TOKEN_TEXT);
    look_for_states("a state of the auth token", (eg_span){secret->auth, TOKEN_TEXT});
    memory_look_for("the long auth token", secret->long_auth, LONG_TOKEN_TEXT);
}

/* --- nonces ------------------------------------------------------------------------------------ */

static unsigned char nonces[NONCES_MAX][EG_NONCE_SIZE];
static unsigned nonces_count;

void note_nonce(const unsigned char nonce[EG_NONCE_SIZE])
{
    if (nonces_count == NONCES_MAX)
        abort();
    memcpy(nonces[nonces_count++], nonce, EG_NONCE_SIZE);
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, EG_NONCE_SIZE);
}

/* Half of a nonce that is zero, or one byte all over, is no random one either. */
static bool is_weak(const unsigned char *nonce)
{
    unsigned same = 0;

    for (unsigned i = 1; i < EG_NONCE_SIZE; i++)
        same += nonce[i] == nonce[i - 1];
    return same >= EG_NONCE_SIZE / 2;
}

unsigned count_nonces(bool *is_bad)
{
    *is_bad = false;
    qsort(nonces, nonces_count, EG_NONCE_SIZE, by_bytes);
    for (unsigned i = 0; i < nonces_count; i++)
        if (is_weak(nonces[i]) || (i && by_bytes(nonces[i - 1], nonces[i]) == 0))
            *is_bad = true;
    return nonces_count;
}

/* --- preparation ------------------------------------------------------------------------------- */

static bool write_file(const char *path, const char *const *texts, const size_t *lengths,
                       unsigned n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0;

    for (unsigned i = 0; ok && i < n; i++)
        ok = write(fd, texts[i], lengths[i]) == (ssize_t)lengths[i];
    return fd >= 0 && close(fd) == 0 && ok;
}

static bool write_key_file(void)
{
    char first[2 * EG_KEY_SIZE + 1], second[2 * EG_KEY_SIZE + 1];
    const char *const texts[] = {"new ", first, "\nold ", second, "\n"};
    const size_t lengths[] = {4, 2 * EG_KEY_SIZE, 5, 2 * EG_KEY_SIZE, 1};
    bool ok;

    eg_hex_encode(first, secret->ring.keys[0].key, EG_KEY_SIZE);
    eg_hex_encode(second, secret->ring.keys[1].key, EG_KEY_SIZE);
    ok = write_file(known->key_file, texts, lengths, 5);
    eg_wipe(first, sizeof first);
    eg_wipe(second, sizeof second);
    return ok;
}

static bool write_files(const char *directory)
{
    const char *const texts[] = {secret->auth};
    const size_t lengths[] = {TOKEN_TEXT};

    (void)snprintf(known->key_file, sizeof known->key_file, "%s/keys", directory);
    (void)snprintf(known->token_file, sizeof known->token_file, "%s/tokens", directory);
    (void)snprintf(known->docroot, sizeof known->docroot, "%s/htdocs", directory);
    return mkdir(known->docroot, 0700) == 0 && write_key_file() &&
           write_file(known->token_file, texts, lengths, 1);
}

/* Twilio's rule by OpenSSL's own HMAC. */
static void sign_by_openssl(eg_span token, eg_span name, eg_span value, const char *tail, char *out)
{
    const char *url = "https://ivr.example.com/encrypted-gather?step=getPin";
    unsigned char text[LONG_FORM + 200], mac[EVP_MAX_MD_SIZE];
    size_t n = strlen(url);
    unsigned mac_n = 0;

    memcpy(text, url, n);
    memcpy(text + n, tail, strlen(tail));
    n += strlen(tail);
    memcpy(text + n, name.p, name.n);
    n += name.n;
    memcpy(text + n, value.p, value.n);
    n += value.n;
    (void)HMAC(EVP_sha1(), token.p, (int)token.n, text, n, mac, &mac_n);
    (void)EVP_EncodeBlock((unsigned char *)out, mac, (int)mac_n);
    eg_wipe(text, sizeof text);
}

static bool seal_known(eg_crypto *crypto)
{
    const eg_span plain = {secret->digits, DIGITS};
    eg_keyring *turned = eg_secret_map(sizeof *turned);
    bool ok = turned && eg_token_seal(crypto, &secret->ring, plain, known->token) == EG_OK;

    if (ok) {
        *turned = secret->ring;
        turned->keys[0] = secret->ring.keys[1];
        ok = eg_token_seal(crypto, turned, plain, known->second_token) == EG_OK;
    }
    eg_secret_unmap(turned, sizeof *turned);
    return ok && eg_gcm_seal(crypto, secret->ring.keys[0].key, EG_LIT("call"), plain,
                             known->with_data) == EG_OK;
}

bool hash_derived(eg_crypto *crypto, const eg_keyring *ring, unsigned char hash[EG_SHA256_SIZE])
{
    unsigned char hashes[4][EG_SHA256_SIZE];
    bool ok = true;

    for (unsigned i = 0; i < 2; i++) {
        const eg_span index = {(const char *)ring->keys[i].index, EG_SHA256_SIZE};
        const eg_span idempotency = {(const char *)ring->keys[i].idempotency, EG_SHA256_SIZE};

        ok = ok && eg_sha256(crypto, index, hashes[2 * i]) == EG_OK &&
             eg_sha256(crypto, idempotency, hashes[2 * i + 1]) == EG_OK;
    }
    return ok && eg_sha256(crypto, (eg_span){(const char *)hashes, sizeof hashes}, hash) == EG_OK;
}

static bool derive_known(eg_crypto *crypto)
{
    secret->derived = secret->ring;
    return eg_keyring_derive(crypto, &secret->derived) == EG_OK &&
           hash_derived(crypto, &secret->derived, known->derived_hash);
}

/* The same numbers as without any failure; that they are right is what the unit tests say. */
static bool compute_known(eg_crypto *crypto)
{
    const eg_span values[2] = {{secret->digits, DIGITS}, {secret->digits, 4}};

    sign_by_openssl((eg_span){secret->auth, TOKEN_TEXT}, EG_LIT("Digits"),
                    (eg_span){secret->digits, DIGITS}, "CallSidCA1", known->signature);
    sign_by_openssl((eg_span){secret->long_auth, LONG_TOKEN_TEXT}, EG_LIT("SpeechResult"),
                    (eg_span){secret->long_form, LONG_FORM}, "", known->long_signature);
    return seal_known(crypto) &&
           eg_blind_index(crypto, secret->ring.keys[0].key, values, 2, known->index) == EG_OK &&
           derive_known(crypto) &&
           eg_key_fingerprint(crypto, &secret->ring.keys[0], known->fingerprint) == EG_OK &&
           eg_sha256(crypto, (eg_span){secret->digits, DIGITS}, known->form_hash) == EG_OK;
}

static bool prepare(const char *directory)
{
    apr_pool_t *pool;
    eg_crypto *crypto;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return false;
    crypto = eg_crypto_create(pool);
    inputs_fill();
    if (!crypto || !compute_known(crypto) || !write_files(directory) ||
        !pairs_begin(directory, crypto, pool))
        return false;
    look_for_secrets();
    return true;
}

/* In a process of its own, which takes with it what its registers and its stack still hold. */
bool inputs_begin(const char *directory)
{
    void *room =
        mmap(NULL, sizeof *known, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    pid_t child;

    known = room == MAP_FAILED ? NULL : room;
    secret = eg_secret_map(sizeof *secret);
    if (!known || !secret || !memory_begin())
        return false;
    child = fork();
    if (child == 0)
        _exit(prepare(directory) ? 0 : 1);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

void inputs_end(void)
{
    eg_secret_unmap(secret, sizeof *secret);
    (void)unlink(known->key_file);
    (void)unlink(known->token_file);
    pairs_end();
    (void)rmdir(known->docroot);
}
