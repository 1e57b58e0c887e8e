/* SPDX-License-Identifier: Apache-2.0
 * OpenSSL, fetched once, with contexts per thread that hold a key only while it is used. */
#include "crypto.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "secret.h"

#define NONCE_POOL_SIZE 1536

/* Random bytes in stock. The whole page reads as zeros after a fork (MADV_WIPEONFORK), so that
 * "left" says empty in the child: no two processes ever draw the same nonce. */
typedef struct {
    apr_size_t left;
    unsigned char bytes[NONCE_POOL_SIZE];
} nonce_pool;

typedef struct {
    EVP_CIPHER_CTX *gcm;
    const unsigned char *held; /* what gcm is keyed with from one open to the next; NULL: no_key */
    EVP_MD_CTX *digest;
    EVP_PKEY_CTX *makers[EG_CURVES]; /* of key pairs; they keep the curve and no key */
    nonce_pool *nonces;
} thread_state;

struct eg_crypto {
    EVP_CIPHER *gcm;
    eg_digests digests;
    eg_random_fn random;
    apr_threadkey_t *threads;
};

/* What the cipher is keyed with between two uses. */
static const unsigned char no_key[EG_KEY_SIZE];

static bool system_random(unsigned char *out, apr_size_t n)
{
    while (n) {
        ssize_t got = getrandom(out, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        out += got;
        n -= (apr_size_t)got;
    }
    return true;
}

static void free_thread_state(void *data)
{
    thread_state *state = data;

    if (!state)
        return;
    EVP_CIPHER_CTX_free(state->gcm);
    EVP_MD_CTX_free(state->digest);
    for (unsigned i = 0; i < EG_CURVES; i++)
        EVP_PKEY_CTX_free(state->makers[i]);
    eg_secret_unmap(state->nonces, sizeof *state->nonces);
    OPENSSL_free(state);
}

static EVP_CIPHER_CTX *new_gcm(EVP_CIPHER *cipher)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

    if (context && EVP_EncryptInit_ex2(context, cipher, no_key, NULL, NULL) != 1) {
        EVP_CIPHER_CTX_free(context);
        return NULL;
    }
    return context;
}

static nonce_pool *new_nonce_pool(void)
{
    nonce_pool *pool = eg_secret_map(sizeof *pool);

#ifdef MADV_WIPEONFORK
    /* Without it a fork between two draws would share the stock: then keep none (see below). */
    if (pool && madvise(pool, sizeof *pool, MADV_WIPEONFORK) != 0) {
        eg_secret_unmap(pool, sizeof *pool);
        return NULL;
    }
    return pool;
#else
    eg_secret_unmap(pool, sizeof *pool);
    return NULL;
#endif
}

static thread_state *new_thread_state(const eg_crypto *crypto)
{
    thread_state *state = OPENSSL_zalloc(sizeof *state);

    if (!state)
        return NULL;
    state->gcm = new_gcm(crypto->gcm);
    state->digest = EVP_MD_CTX_new();
    state->nonces = new_nonce_pool();
    if (!state->gcm || !state->digest) {
        free_thread_state(state);
        return NULL;
    }
    return state;
}

static thread_state *this_thread(eg_crypto *crypto)
{
    void *state = NULL;

    if (apr_threadkey_private_get(&state, crypto->threads) == APR_SUCCESS && state)
        return state;
    state = new_thread_state(crypto);
    if (state && apr_threadkey_private_set(state, crypto->threads) != APR_SUCCESS) {
        free_thread_state(state);
        return NULL;
    }
    return state;
}

static apr_status_t free_crypto(void *data)
{
    eg_crypto *crypto = data;
    void *mine = NULL;

    if (crypto->threads) {
        (void)apr_threadkey_private_get(&mine, crypto->threads);
        free_thread_state(mine);
        (void)apr_threadkey_private_delete(crypto->threads);
    }
    EVP_CIPHER_free(crypto->gcm);
    eg_digests_free(&crypto->digests);
    return APR_SUCCESS;
}

eg_crypto *eg_crypto_create(apr_pool_t *pool)
{
    eg_crypto *crypto = apr_pcalloc(pool, sizeof *crypto);
    bool has_digests = eg_digests_fetch(&crypto->digests);

    crypto->random = system_random;
    crypto->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (apr_threadkey_private_create(&crypto->threads, free_thread_state, pool) != APR_SUCCESS)
        crypto->threads = NULL;
    apr_pool_cleanup_register(pool, crypto, free_crypto, apr_pool_cleanup_null);
    return crypto->gcm && has_digests && crypto->threads ? crypto : NULL;
}

void eg_crypto_use_random(eg_crypto *crypto, eg_random_fn random)
{
    crypto->random = random;
}

void eg_crypto_use_provider(eg_crypto *crypto)
{
    crypto->digests.is_plain = false;
}

bool eg_crypto_uses_provider(const eg_crypto *crypto)
{
    return !crypto->digests.is_plain;
}

const char *eg_crypto_provider(const eg_crypto *crypto)
{
    return eg_sha_provider(crypto->digests.md[EG_SHA256]);
}

eg_status eg_random(eg_crypto *crypto, unsigned char *out, apr_size_t n)
{
    return crypto->random(out, n) ? EG_OK : EG_ECRYPTO;
}

/* Takes EG_NONCE_SIZE bytes out of the stock and wipes them there. */
static bool draw_nonce(const eg_crypto *crypto, nonce_pool *pool, unsigned char *nonce)
{
    unsigned char *from;

    if (!pool)
        return crypto->random(nonce, EG_NONCE_SIZE);
    if (pool->left < EG_NONCE_SIZE) {
        if (!crypto->random(pool->bytes, sizeof pool->bytes))
            return false;
        pool->left = sizeof pool->bytes;
    }
    pool->left -= EG_NONCE_SIZE;
    from = pool->bytes + pool->left;
    memcpy(nonce, from, EG_NONCE_SIZE);
    eg_wipe(from, EG_NONCE_SIZE);
    return true;
}

/* OpenSSL counts in int. */
static bool fits_int(eg_span a, eg_span b)
{
    return a.n < INT_MAX && b.n < INT_MAX;
}

static bool feed_aad(EVP_CIPHER_CTX *gcm, eg_span aad)
{
    int n;

    return aad.n == 0 ||
           EVP_CipherUpdate(gcm, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1;
}

static bool gcm_encrypt(EVP_CIPHER_CTX *gcm, const unsigned char *key, eg_span aad, eg_span plain,
                        unsigned char *out)
{
    unsigned char *text = out + EG_NONCE_SIZE;
    int n = 0, rest = 0;

    return EVP_EncryptInit_ex2(gcm, NULL, key, out, NULL) == 1 && feed_aad(gcm, aad) &&
           EVP_EncryptUpdate(gcm, text, &n, (const unsigned char *)plain.p, (int)plain.n) == 1 &&
           EVP_EncryptFinal_ex(gcm, text + n, &rest) == 1 &&
           EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, EG_TAG_SIZE, text + plain.n) == 1;
}

/* key NULL: the one that it is keyed with. Only the last step judges the token; what fails before it is no
 * fault of the token. */
static eg_status gcm_decrypt(EVP_CIPHER_CTX *gcm, const unsigned char *key, eg_span aad,
                             eg_span sealed, unsigned char *plain)
{
    const unsigned char *in = (const unsigned char *)sealed.p;
    apr_size_t text = sealed.n - EG_SEAL_OVERHEAD;
    unsigned char tag[EG_TAG_SIZE];
    int n = 0, rest = 0;

    memcpy(tag, in + EG_NONCE_SIZE + text, sizeof tag);
    if (EVP_DecryptInit_ex2(gcm, NULL, key, in, NULL) != 1 || !feed_aad(gcm, aad) ||
        EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, EG_TAG_SIZE, tag) != 1 ||
        EVP_DecryptUpdate(gcm, plain, &n, in + EG_NONCE_SIZE, (int)text) != 1)
        return EG_ECRYPTO;
    return EVP_DecryptFinal_ex(gcm, plain + n, &rest) == 1 ? EG_OK : EG_ETOKEN;
}

/* The key schedule begins with the key itself: it must not outlive its use in the context. One that
 * does not let go of it is freed, which wipes it; the next use makes another. */
static bool forget_gcm_key(eg_crypto *crypto, thread_state *state)
{
    state->held = NULL;
    if (EVP_EncryptInit_ex2(state->gcm, NULL, no_key, NULL, NULL) == 1)
        return true;
    if (apr_threadkey_private_set(NULL, crypto->threads) == APR_SUCCESS)
        free_thread_state(state);
    return false;
}

eg_status eg_gcm_seal(eg_crypto *crypto, const unsigned char key[EG_KEY_SIZE], eg_span aad,
                      eg_span plain, unsigned char *out)
{
    thread_state *state = this_thread(crypto);
    bool ok = state && fits_int(aad, plain) && draw_nonce(crypto, state->nonces, out) &&
              gcm_encrypt(state->gcm, key, aad, plain, out);

    if (state)
        ok = forget_gcm_key(crypto, state) && ok;
    if (!ok)
        eg_wipe(out, plain.n + EG_SEAL_OVERHEAD);
    return ok ? EG_OK : EG_ECRYPTO;
}

/* A cipher that failed half-way is of no use to the next one. */
static eg_status decrypt_held(eg_crypto *crypto, thread_state *state, const unsigned char *key,
                              eg_span aad, eg_span sealed, unsigned char *plain)
{
    bool is_keyed = state->held == key;
    eg_status status;

    state->held = key;
    status = gcm_decrypt(state->gcm, is_keyed ? NULL : key, aad, sealed, plain);
    if (status == EG_ECRYPTO)
        (void)forget_gcm_key(crypto, state);
    return status;
}

eg_status eg_gcm_open_held(eg_crypto *crypto, const unsigned char key[EG_KEY_SIZE], eg_span aad,
                           const unsigned char *in, apr_size_t n, unsigned char *plain)
{
    thread_state *state;
    eg_span sealed = {(const char *)in, n};
    eg_status status;

    if (n < EG_SEAL_OVERHEAD || !fits_int(aad, sealed))
        return EG_ETOKEN;
    state = this_thread(crypto);
    status = state ? decrypt_held(crypto, state, key, aad, sealed, plain) : EG_ECRYPTO;
    if (status != EG_OK)
        eg_wipe(plain, n - EG_SEAL_OVERHEAD);
    return status;
}

bool eg_gcm_let_go(eg_crypto *crypto)
{
    thread_state *state = this_thread(crypto);

    return !state || !state->held || forget_gcm_key(crypto, state);
}

eg_status eg_gcm_open(eg_crypto *crypto, const unsigned char key[EG_KEY_SIZE], eg_span aad,
                      const unsigned char *in, apr_size_t n, unsigned char *plain)
{
    eg_status status = eg_gcm_open_held(crypto, key, aad, in, n, plain);

    if (eg_gcm_let_go(crypto))
        return status;
    if (status == EG_OK)
        eg_wipe(plain, n - EG_SEAL_OVERHEAD);
    return EG_ECRYPTO;
}

/* --- digests ----------------------------------------------------------------------------------- */

/* False: there is no context to make one in. */
static bool get_digester(eg_crypto *crypto, eg_digester *by)
{
    thread_state *state = crypto->digests.is_plain ? NULL : this_thread(crypto);

    *by = (eg_digester){&crypto->digests, state ? state->digest : NULL};
    return crypto->digests.is_plain || state;
}

eg_status eg_hmac(eg_crypto *crypto, const eg_hmac_key *key, const eg_span *pieces,
                  apr_size_t count, unsigned char *out)
{
    eg_digester by;

    return get_digester(crypto, &by) && eg_digest_hmac(&by, key, pieces, count, out) ? EG_OK
                                                                                     : EG_ECRYPTO;
}

bool eg_hmac_prepare(eg_crypto *crypto, eg_sha sha, eg_span secret, eg_hmac_state *ready)
{
    const eg_digester by = {&crypto->digests, NULL};

    return eg_digest_prepare(&by, sha, secret, ready);
}

eg_status eg_hmac_sha1(eg_crypto *crypto, eg_span key, const eg_span *pieces, apr_size_t count,
                       unsigned char out[EG_SHA1_SIZE])
{
    const eg_hmac_key by = {EG_SHA1, key, NULL};

    return eg_hmac(crypto, &by, pieces, count, out);
}

eg_status eg_hmac_sha256(eg_crypto *crypto, eg_span key, const eg_span *pieces, apr_size_t count,
                         unsigned char out[EG_SHA256_SIZE])
{
    const eg_hmac_key by = {EG_SHA256, key, NULL};

    return eg_hmac(crypto, &by, pieces, count, out);
}

eg_status eg_sha256(eg_crypto *crypto, eg_span data, unsigned char out[EG_SHA256_SIZE])
{
    eg_digester by;

    return get_digester(crypto, &by) && eg_digest(&by, EG_SHA256, &data, 1, out) ? EG_OK
                                                                                 : EG_ECRYPTO;
}

/* What the hash leaves in the context is the key that was made. */
eg_status eg_concat_kdf(eg_crypto *crypto, const unsigned char z[EG_SHA256_SIZE],
                        unsigned char out[EG_KEY_SIZE])
{
    const eg_span pieces[3] = {EG_LIT("\0\0\0\1"),
                               {(const char *)z, EG_SHA256_SIZE},
                               EG_LIT("\0\0\0\x07"
                                      "A256GCM"
                                      "\0\0\0\0"
                                      "\0\0\0\0"
                                      "\0\0\x01\0")};
    eg_digester by;
    bool ok = get_digester(crypto, &by) && eg_digest(&by, EG_SHA256, pieces, 3, out);

    if (by.context)
        (void)EVP_MD_CTX_reset(by.context);
    return ok ? EG_OK : EG_ECRYPTO;
}

eg_status eg_hkdf(eg_crypto *crypto, const unsigned char key[EG_KEY_SIZE], eg_span info,
                  unsigned char out[EG_SHA256_SIZE])
{
    unsigned char extracted[EG_SHA256_SIZE];
    eg_span material = {(const char *)key, EG_KEY_SIZE};
    eg_span expand[2] = {info, EG_LIT("\x01")};
    eg_status status = eg_hmac_sha256(crypto, (eg_span){(const char *)no_key, sizeof no_key},
                                      &material, 1, extracted);

    if (status == EG_OK)
        status = eg_hmac_sha256(crypto, (eg_span){(const char *)extracted, sizeof extracted},
                                expand, 2, out);
    eg_wipe(extracted, sizeof extracted);
    return status;
}

/* --- key pairs --------------------------------------------------------------------------------- */

static EVP_PKEY_CTX *new_maker(eg_curve curve)
{
    EVP_PKEY_CTX *maker =
        EVP_PKEY_CTX_new_from_name(NULL, curve == EG_CURVE_P256 ? "EC" : "X25519", NULL);

    if (maker && EVP_PKEY_keygen_init(maker) == 1 &&
        (curve != EG_CURVE_P256 || EVP_PKEY_CTX_set_group_name(maker, "P-256") == 1))
        return maker;
    EVP_PKEY_CTX_free(maker);
    return NULL;
}

EVP_PKEY *eg_ephemeral_key(eg_crypto *crypto, eg_curve curve)
{
    thread_state *state = this_thread(crypto);
    EVP_PKEY *pair = NULL;

    if (state && !state->makers[curve])
        state->makers[curve] = new_maker(curve);
    if (!state || !state->makers[curve])
        return NULL;
    if (EVP_PKEY_generate(state->makers[curve], &pair) == 1)
        return pair;
    EVP_PKEY_free(pair);
    return NULL;
}

bool eg_equal_secret(eg_span a, eg_span b)
{
    return a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}
