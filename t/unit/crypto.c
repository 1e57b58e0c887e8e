/* SPDX-License-Identifier: Apache-2.0
 * Tests of the ciphers: known answers, failures that leave nothing behind, threads, no key left. */
#include "tap.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <apr_general.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>
#include "core/crypto.h"
#include "core/secret.h"

#define THREADS 4
#define SEALS 2000

static const unsigned char key[EG_KEY_SIZE] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                               11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                               22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
static apr_pool_t *pool;
static eg_crypto *crypto;

static bool all_zero(const void *bytes, size_t n)
{
    const char *p = bytes;

    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static void round_trips(void)
{
    char text[100];
    int wrong = 0;

    memset(text, 'x', sizeof text);
    for (size_t n = 0; n <= sizeof text; n++) {
        char *plain = exact_copy(text, n), *back = exact_copy("", 0);
        unsigned char *sealed = malloc(n + EG_SEAL_OVERHEAD);

        free(back);
        back = malloc(n ? n : 1);
        wrong += eg_gcm_seal(crypto, key, EG_LIT("aad"), (eg_span){plain, n}, sealed) != EG_OK;
        wrong += eg_gcm_open(crypto, key, EG_LIT("aad"), sealed, n + EG_SEAL_OVERHEAD,
                             (unsigned char *)back) != EG_OK;
        wrong += n && memcmp(back, text, n) != 0;
        free(plain);
        free(sealed);
        free(back);
    }
    is_int(wrong, 0, "0 to 100 bytes are sealed and opened");
}

static void nothing_sealed(void)
{
    unsigned char sealed[EG_SEAL_OVERHEAD], none;

    is_int(eg_gcm_seal(crypto, key, (eg_span){NULL, 0}, (eg_span){NULL, 0}, sealed), EG_OK,
           "NULL is an empty plaintext and no additional data");
    is_int(eg_gcm_open(crypto, key, EG_LIT(""), sealed, sizeof sealed, &none), EG_OK,
           "and is opened");
}

/* The article's 1234, sealed for one call. */
static void additional_data(void)
{
    eg_span call = EG_LIT("CA11111111111111111111111111111111");
    unsigned char sealed[32], plain[4];
    eg_status status = eg_hex_decode(
        sealed, EG_LIT("000102030405060708090a0b7630e52fbd9594ab9c0787c7fdae8d113369c1b8"));

    is_int(status, EG_OK, "a token with additional data");
    is_int(eg_gcm_open(crypto, key, call, sealed, sizeof sealed, plain), EG_OK, "it is opened");
    is_bytes(plain, 4, "1234", 4, "to its plaintext");
    is_int(eg_gcm_open(crypto, key, EG_LIT(""), sealed, sizeof sealed, plain), EG_ETOKEN,
           "not without the data");
    call.n--;
    is_int(eg_gcm_open(crypto, key, call, sealed, sizeof sealed, plain), EG_ETOKEN,
           "not with other data");
}

static void refused(void)
{
    unsigned char sealed[EG_SEAL_OVERHEAD + 8], other[EG_KEY_SIZE];
    char *plain = exact_copy("xxxxxxxx", 8), *cut;
    int opened = 0;

    is_int(eg_gcm_seal(crypto, key, EG_LIT(""), EG_LIT("12345678"), sealed), EG_OK, "8 digits");
    memcpy(other, key, sizeof other);
    other[31] ^= 1;
    is_int(eg_gcm_open(crypto, other, EG_LIT(""), sealed, sizeof sealed, (unsigned char *)plain),
           EG_ETOKEN, "another key does not open them");
    ok(all_zero(plain, 8), "and leaves zeros");
    memset(plain, 'x', 8);
    sealed[sizeof sealed - 1] ^= 1;
    is_int(eg_gcm_open(crypto, key, EG_LIT(""), sealed, sizeof sealed, (unsigned char *)plain),
           EG_ETOKEN, "another tag does not fit");
    ok(all_zero(plain, 8), "and leaves zeros");
    for (size_t n = 0; n < EG_SEAL_OVERHEAD; n++) {
        cut = exact_copy(sealed, n);
        opened += eg_gcm_open(crypto, key, EG_LIT(""), (unsigned char *)cut, n,
                              (unsigned char *)plain) != EG_ETOKEN;
        free(cut);
    }
    is_int(opened, 0, "less than a nonce and a tag opens to nothing");
    free(plain);
}

/* What a cipher that keeps its key makes of messages under two keys. */
typedef struct {
    unsigned char other[EG_KEY_SIZE];
    unsigned char sealed[2][EG_SEAL_OVERHEAD + 4]; /* the first under key, the second under other */
} two_keys;

static bool held_opens(const unsigned char *by, const unsigned char *sealed, const char *want)
{
    unsigned char plain[4] = "xxxx";
    eg_status status =
        eg_gcm_open_held(crypto, by, EG_LIT("aad"), sealed, EG_SEAL_OVERHEAD + 4, plain);

    if (want)
        return status == EG_OK && memcmp(plain, want, 4) == 0;
    return status == EG_ETOKEN && all_zero(plain, 4);
}

static void held_keys(void)
{
    two_keys two;
    unsigned char plain[4];

    memcpy(two.other, key, sizeof two.other);
    two.other[0] ^= 1;
    ok(eg_gcm_seal(crypto, key, EG_LIT("aad"), EG_LIT("1234"), two.sealed[0]) == EG_OK &&
           eg_gcm_seal(crypto, two.other, EG_LIT("aad"), EG_LIT("4321"), two.sealed[1]) == EG_OK,
       "two messages under two keys");
    ok(held_opens(key, two.sealed[0], "1234"), "a key that is held opens the first");
    ok(held_opens(key, two.sealed[0], "1234"), "and again by the nonce alone");
    ok(held_opens(key, two.sealed[1], NULL), "but not the other one");
    ok(held_opens(key, two.sealed[0], "1234"), "nor does that one harm it");
    ok(held_opens(two.other, two.sealed[1], "4321"), "another key is put in its place");
    ok(held_opens(two.other, two.sealed[0], NULL), "and the one before is gone");
    ok(held_opens(key, two.sealed[0], "1234"), "until it is asked for again");
    is_int(
        eg_gcm_open(crypto, two.other, EG_LIT("aad"), two.sealed[1], sizeof two.sealed[1], plain),
        EG_OK, "one that is not held comes in between");
    ok(held_opens(key, two.sealed[0], "1234"), "the held one is keyed anew");
    ok(eg_gcm_seal(crypto, two.other, EG_LIT("aad"), EG_LIT("4321"), two.sealed[1]) == EG_OK &&
           held_opens(two.other, two.sealed[1], "4321"),
       "what is sealed in between has its own key");
    ok(held_opens(key, two.sealed[0], "1234"), "and leaves none behind");
    ok(eg_gcm_let_go(crypto), "it is let go");
    ok(eg_gcm_let_go(crypto), "and once more");
    ok(held_opens(key, two.sealed[0], "1234") && held_opens(key, two.sealed[1], NULL),
       "then it begins anew");
    ok(eg_gcm_let_go(crypto), "and is let go");
}

static bool no_random(unsigned char *out, apr_size_t n)
{
    memset(out, 0x5a, n / 2);
    return false;
}

static bool pseudo_random(unsigned char *out, apr_size_t n)
{
    for (apr_size_t i = 0; i < n; i++)
        out[i] = (unsigned char)rand();
    return true;
}

static void failing_random(void)
{
    eg_crypto *mine = eg_crypto_create(pool);
    unsigned char out[EG_SEAL_OVERHEAD + 4];
    int sealed = 0;

    eg_crypto_use_random(mine, no_random);
    memset(out, 'x', sizeof out);
    is_int(eg_gcm_seal(mine, key, EG_LIT(""), EG_LIT("1234"), out), EG_ECRYPTO,
           "without random bytes nothing is sealed");
    ok(all_zero(out, sizeof out), "the output is zeros");

    eg_crypto_use_random(mine, pseudo_random);
    is_int(eg_gcm_seal(mine, key, EG_LIT(""), EG_LIT("1234"), out), EG_OK,
           "the source works again");
    eg_crypto_use_random(mine, no_random);
    while (sealed < 10000 && eg_gcm_seal(mine, key, EG_LIT(""), EG_LIT("1234"), out) == EG_OK)
        sealed++;
    ok(sealed < 10000, "it fails again when the stock is used up");
    ok(all_zero(out, sizeof out), "the output is zeros");
    is_int(eg_gcm_seal(mine, key, EG_LIT(""), EG_LIT("1234"), out), EG_ECRYPTO,
           "and goes on to fail");
}

static void hashes(void)
{
    static const struct {
        const char *data, *sha256;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"{}", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
    };
    unsigned char hash[EG_SHA256_SIZE];
    char hex[2 * EG_SHA256_SIZE + 1];

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_int(eg_sha256(crypto, eg_span_of(cases[i].data), hash), EG_OK, "SHA-256");
        eg_hex_encode(hex, hash, sizeof hash);
        is_str(hex, cases[i].sha256, "SHA-256 of '%s'", cases[i].data);
    }
    is_int(eg_sha256(crypto, (eg_span){NULL, 0}, hash), EG_OK,
           "SHA-256 of NULL is that of nothing");
    eg_hex_encode(hex, hash, sizeof hash);
    is_str(hex, cases[0].sha256, "and has its value");
}

/* RFC 2202, RFC 4231, and an empty key. In this order: a key of before must not be taken again. */
static void macs(void)
{
    static const char a3[] =
        "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
        "\xaa\xaa";
    static const struct {
        const char *key;
        size_t times;
        const char *data, *sha1, *sha256;
    } cases[] = {
        {"Jefe", 1, "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"", 1, "", "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d",
         "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
        {"\x0b\x0b\x0b\x0b\x0b", 4, "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"", 1, "", "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d",
         "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
        {a3, 4, "Test Using Larger Than Block-Size Key - Hash Key First",
         "aa4ae5e15272d00e95705637ce8a3b55ed402112",
         "6953025ed96f0c09f80a96f78e6538dbe2e7b820e3dd970e7ddd39091b32352f"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].key);
        eg_span data = eg_span_of(cases[i].data), long_key;
        unsigned char mac[EG_SHA256_SIZE];
        char bytes[100], hex[2 * EG_SHA256_SIZE + 1];

        for (size_t k = 0; k < cases[i].times; k++)
            memcpy(bytes + k * n, cases[i].key, n);
        long_key = (eg_span){bytes, n * cases[i].times};
        is_int(eg_hmac_sha1(crypto, long_key, &data, 1, mac), EG_OK, "HMAC-SHA1, case %zu", i);
        eg_hex_encode(hex, mac, EG_SHA1_SIZE);
        is_str(hex, cases[i].sha1, "HMAC-SHA1 has its value, case %zu", i);
        is_int(eg_hmac_sha256(crypto, long_key, &data, 1, mac), EG_OK, "HMAC-SHA256, case %zu", i);
        eg_hex_encode(hex, mac, EG_SHA256_SIZE);
        is_str(hex, cases[i].sha256, "HMAC-SHA256 has its value, case %zu", i);
    }
}

/* Lengths around the end of a block and of what is put together first, in one piece and in many, beside
 * OpenSSL's own. */
static void digests_of_lengths(const char *road)
{
    static const size_t around[] = {0, 64, 128, 1984, 2048, 2112, 4096, 70000};
    static char text[70100];
    int wrong = 0;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 7 + (i >> 8));
    for (size_t i = 0; i < COUNT(around); i++)
        for (size_t n = around[i] < 66 ? 0 : around[i] - 66; n <= around[i] + 66; n++) {
            const eg_span pieces[3] = {
                {text, n / 3}, {text + n / 3, n / 2 - n / 3}, {text + n / 2, n - n / 2}};
            const eg_span whole = {text, n};
            unsigned char got[EG_SHA256_SIZE], want[EG_SHA256_SIZE];

            wrong += eg_sha256(crypto, whole, got) != EG_OK ||
                     EVP_Digest(text, n, want, NULL, EVP_sha256(), NULL) != 1 ||
                     memcmp(got, want, sizeof want) != 0;
            wrong += eg_hmac_sha1(crypto, EG_LIT("key"), pieces, 3, got) != EG_OK ||
                     !HMAC(EVP_sha1(), "key", 3, (const unsigned char *)text, n, want, NULL) ||
                     memcmp(got, want, EG_SHA1_SIZE) != 0;
        }
    is_int(wrong, 0, "digests and HMACs of every length are OpenSSL's, %s", road);
}

static bool same_prepared(eg_sha sha, eg_span secret, eg_span data)
{
    eg_hmac_state ready;
    eg_hmac_key by = {sha, secret, NULL};
    unsigned char with[EG_SHA256_SIZE], without[EG_SHA256_SIZE];
    bool prepared = eg_hmac_prepare(crypto, sha, secret, &ready);

    if (!prepared)
        return eg_crypto_uses_provider(crypto) && all_zero(&ready, sizeof ready);
    if (eg_hmac(crypto, &by, &data, 1, without) != EG_OK)
        return false;
    by = (eg_hmac_key){sha, EG_LIT("another secret: this one is prepared"), &ready};
    return eg_hmac(crypto, &by, &data, 1, with) == EG_OK &&
           memcmp(with, without, eg_sha_size(sha)) == 0;
}

static void prepared_macs(const char *road)
{
    static const char text[2100];

    for (size_t n = 0; n < 200; n += 33) {
        eg_span secret = {text, n}, small = {text, n / 2}, large = {text, sizeof text};

        ok(same_prepared(EG_SHA1, secret, small) && same_prepared(EG_SHA256, secret, small) &&
               same_prepared(EG_SHA1, secret, large) && same_prepared(EG_SHA256, secret, large),
           "a prepared secret of %zu bytes signs as it does, %s", n, road);
    }
}

/* What was prepared does not serve where digests are to come from a provider. */
static void prepared_for_another(void)
{
    eg_crypto *other = eg_crypto_create(pool);
    eg_hmac_state ready;
    eg_hmac_key by = {EG_SHA1, EG_LIT("secret"), NULL};
    eg_span data = EG_LIT("data");
    unsigned char want[EG_SHA1_SIZE], got[EG_SHA1_SIZE];
    bool prepared = eg_hmac_prepare(crypto, EG_SHA1, EG_LIT("of another secret"), &ready);

    eg_crypto_use_provider(other);
    is_int(eg_hmac(other, &by, &data, 1, want), EG_OK, "an HMAC by a provider");
    if (prepared)
        by.ready = &ready;
    is_int(eg_hmac(other, &by, &data, 1, got), EG_OK, "and with a state that it cannot take");
    is_bytes(got, sizeof got, want, sizeof want, "it is that of the secret");
}

static void mac_of_pieces(void)
{
    static const char text[] = "name and value appended without a delimiter";
    size_t n = sizeof text - 1;
    eg_span whole = {text, n};
    unsigned char want[EG_SHA1_SIZE], got[EG_SHA1_SIZE];
    int wrong = eg_hmac_sha1(crypto, EG_LIT("key"), &whole, 1, want) != EG_OK;

    for (size_t i = 0; i <= n; i++) {
        eg_span pieces[3] = {{text, i}, {NULL, 0}, {text + i, n - i}};

        wrong += eg_hmac_sha1(crypto, EG_LIT("key"), pieces, 3, got) != EG_OK;
        wrong += memcmp(got, want, sizeof want) != 0;
    }
    is_int(wrong, 0, "pieces make the HMAC of the whole");
}

/* OpenSSL's own HKDF. */
static bool reference_hkdf(eg_span info, unsigned char out[EG_SHA256_SIZE])
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    size_t n = EG_SHA256_SIZE;
    bool done =
        context && EVP_PKEY_derive_init(context) == 1 &&
        EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1 &&
        EVP_PKEY_CTX_set1_hkdf_key(context, key, EG_KEY_SIZE) == 1 &&
        EVP_PKEY_CTX_add1_hkdf_info(context, (const unsigned char *)info.p, (int)info.n) == 1 &&
        EVP_PKEY_derive(context, out, &n) == 1;

    EVP_PKEY_CTX_free(context);
    return done;
}

static void derivation(void)
{
    static const char *const infos[] = {"encgather-index", "x",
                                        "a longer one, of more than 32 bytes"};

    for (size_t i = 0; i < COUNT(infos); i++) {
        unsigned char got[EG_SHA256_SIZE], want[EG_SHA256_SIZE];

        ok(reference_hkdf(eg_span_of(infos[i]), want), "OpenSSL derives a key");
        is_int(eg_hkdf(crypto, key, eg_span_of(infos[i]), got), EG_OK, "so do we");
        is_bytes(got, sizeof got, want, sizeof want, "the same, for '%s'", infos[i]);
    }
}

static void comparison(void)
{
    static const struct {
        eg_span a, b;
        bool want;
    } cases[] = {
        {{"", 0}, {NULL, 0}, true},        {{"abc", 3}, {"abc", 3}, true},
        {{"abc", 3}, {"abd", 3}, false},   {{"abc", 3}, {"Abc", 3}, false},
        {{"abc", 3}, {"abcd", 4}, false},  {{"abc", 3}, {"ab", 2}, false},
        {{"a\0b", 3}, {"a\0c", 3}, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        ok(eg_equal_secret(cases[i].a, cases[i].b) == cases[i].want, "comparison, case %zu", i);
}

typedef struct {
    unsigned char sealed[SEALS][EG_SEAL_OVERHEAD + 4];
    int wrong;
} worker;

static void *work(void *data)
{
    worker *mine = data;

    for (unsigned i = 0; i < SEALS; i++) {
        unsigned char plain[4];

        mine->wrong +=
            eg_gcm_seal(crypto, key, EG_LIT(""), EG_LIT("1234"), mine->sealed[i]) != EG_OK ||
            eg_gcm_open(crypto, key, EG_LIT(""), mine->sealed[i], sizeof mine->sealed[i], plain) !=
                EG_OK ||
            memcmp(plain, "1234", 4) != 0;
    }
    return NULL;
}

static int by_nonce(const void *a, const void *b)
{
    return memcmp(a, b, EG_NONCE_SIZE);
}

static void threads(void)
{
    worker *all = calloc(THREADS, sizeof *all);
    unsigned char(*nonces)[EG_NONCE_SIZE] = malloc((size_t)THREADS * SEALS * EG_NONCE_SIZE);
    pthread_t ids[THREADS];
    int wrong = 0, twice = 0;
    size_t n = 0;

    for (unsigned i = 0; i < THREADS; i++)
        wrong += pthread_create(&ids[i], NULL, work, &all[i]) != 0;
    for (unsigned i = 0; i < THREADS; i++) {
        wrong += pthread_join(ids[i], NULL) != 0 || all[i].wrong;
        for (unsigned k = 0; k < SEALS; k++)
            memcpy(nonces[n++], all[i].sealed[k], EG_NONCE_SIZE);
    }
    is_int(wrong, 0, "threads seal and open at the same time");
    qsort(nonces, n, EG_NONCE_SIZE, by_nonce);
    for (size_t i = 1; i < n; i++)
        twice += memcmp(nonces[i - 1], nonces[i], EG_NONCE_SIZE) == 0;
    is_int(twice, 0, "no two threads draw the same nonce");
    free(nonces);
    free(all);
}

/* Counts where a secret stands in this process's writable memory; inverted, so that the pattern
 * itself is not found. */
static int count_in_range(int memory, uintptr_t from, uintptr_t to,
                          const unsigned char inverted[16])
{
    static unsigned char window[1 << 16];
    int found = 0;

    for (uintptr_t at = from; at < to; at += sizeof window - 16) {
        size_t size = to - at < sizeof window ? to - at : sizeof window;
        ssize_t n = pread(memory, window, size, (off_t)at);

        for (ssize_t i = 0; i + 16 <= n; i++) {
            unsigned k = 0;

            while (k < 16 && (window[i + k] ^ 0xff) == inverted[k])
                k++;
            found += k == 16;
        }
    }
    eg_wipe(window, sizeof window);
    return found;
}

static int count_in_memory(const unsigned char inverted[16])
{
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY), found = maps && memory >= 0 ? 0 : -1;
    char line[512];

    while (found >= 0 && fgets(line, sizeof line, maps)) {
        uintptr_t from, to;
        char write;

        if (sscanf(line, "%lx-%lx r%c", &from, &to, &write) == 3 && write == 'w' &&
            to - from < 64u << 20)
            found += count_in_range(memory, from, to, inverted);
    }
    if (memory >= 0)
        close(memory);
    if (maps)
        fclose(maps);
    return found;
}

static bool seal_with(const unsigned char *secret)
{
    unsigned char out[EG_SEAL_OVERHEAD + 4];

    return eg_gcm_seal(crypto, secret, EG_LIT(""), EG_LIT("1234"), out) == EG_OK;
}

static bool open_with(const unsigned char *secret)
{
    static const unsigned char forged[EG_SEAL_OVERHEAD + 4];
    unsigned char plain[4];

    return eg_gcm_open(crypto, secret, EG_LIT(""), forged, sizeof forged, plain) == EG_ETOKEN;
}

static bool hold(const unsigned char *secret)
{
    static const unsigned char forged[EG_SEAL_OVERHEAD + 4];
    unsigned char plain[4];
    bool refused = true;

    for (unsigned i = 0; i < 3; i++)
        refused = eg_gcm_open_held(crypto, secret, EG_LIT(""), forged, sizeof forged, plain) ==
                      EG_ETOKEN &&
                  refused;
    return refused && eg_gcm_let_go(crypto);
}

static bool sign_with(const unsigned char *secret)
{
    unsigned char out[EG_SHA1_SIZE];
    eg_span message = EG_LIT("https://example.com/");

    return eg_hmac_sha1(crypto, (eg_span){(const char *)secret, EG_KEY_SIZE}, &message, 1, out) ==
           EG_OK;
}

/* Uses a random key and looks for what is left of it, its first 16 bytes, in all memory. */
static void nothing_left(bool (*use)(const unsigned char *), const char *name)
{
    unsigned char *secret = malloc(EG_KEY_SIZE), inverted[16];
    int before, after;
    bool used;

    pseudo_random(secret, EG_KEY_SIZE);
    for (unsigned i = 0; i < sizeof inverted; i++)
        inverted[i] = secret[i] ^ 0xff;
    before = count_in_memory(inverted);
    used = use(secret);
    eg_wipe(secret, EG_KEY_SIZE);
    after = count_in_memory(inverted);
    free(secret);
    if (before < 0) {
        skip("the process cannot read its own memory");
        return;
    }
    ok(used && before > 0, "%s is found in memory while it is there", name);
    is_int(after, 0, "%s is nowhere after its use", name);
}

#ifdef EG_SHA_EVP
#define HAS_NO_PLAIN_DIGESTS true
#elif defined OPENSSL_NO_DEPRECATED_3_0
#define HAS_NO_PLAIN_DIGESTS true
#else
#define HAS_NO_PLAIN_DIGESTS false
#endif

/* Where another provider makes a digest, or a validated one is asked for, nobody goes past it. */
static void which_road(void)
{
    OSSL_PROVIDER *legacy = OSSL_PROVIDER_load(NULL, "legacy");
    EVP_MD *sha1 = EVP_MD_fetch(NULL, "SHA1", "provider=default");
    EVP_MD *md4 = EVP_MD_fetch(NULL, "MD4", "provider=legacy");

    ok(sha1 && eg_sha_is_plain(sha1) == !HAS_NO_PLAIN_DIGESTS, "OpenSSL's default provider");
    if (md4)
        ok(!eg_sha_is_plain(md4), "a digest of another provider");
    else
        skip("OpenSSL has no other provider here");
    ok(EVP_default_properties_enable_fips(NULL, 1) == 1 && !eg_sha_is_plain(sha1),
       "the default provider where a validated one is asked for");
    ok(EVP_default_properties_enable_fips(NULL, 0) == 1, "and no more");
    EVP_MD_free(md4);
    EVP_MD_free(sha1);
    if (legacy)
        OSSL_PROVIDER_unload(legacy);
}

static void digests(const char *road)
{
    hashes();
    macs();
    mac_of_pieces();
    digests_of_lengths(road);
    prepared_macs(road);
    derivation();
    nothing_left(sign_with, "an auth token");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    crypto = eg_crypto_create(pool);
    if (!ok(crypto != NULL, "OpenSSL has what is needed"))
        return done_testing();
    round_trips();
    nothing_sealed();
    additional_data();
    refused();
    held_keys();
    failing_random();
    comparison();
    threads();
    nothing_left(seal_with, "a key that sealed");
    nothing_left(open_with, "a key that did not open");
    nothing_left(hold, "a key that was held");
    which_road();
    ok(eg_crypto_uses_provider(crypto) == HAS_NO_PLAIN_DIGESTS,
       "how digests are made, as this is built");
    digests("as they are made here");
    crypto = eg_crypto_create(pool);
    eg_crypto_use_provider(crypto);
    ok(eg_crypto_uses_provider(crypto), "now the other way");
    digests("by way of a provider");
    prepared_for_another();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
