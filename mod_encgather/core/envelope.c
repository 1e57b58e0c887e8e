/* SPDX-License-Identifier: Apache-2.0
 * Content keys for a public key: ECDH-ES on P-256 and X25519, RSA-OAEP-256 (RFC 7518, RFC 8037). */
#include "envelope.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include "secret.h"

bool eg_is_kid(eg_span kid)
{
    for (apr_size_t i = 0; i < kid.n; i++)
        if (!eg_is_alnum(kid.p[i]) && kid.p[i] != '_' && kid.p[i] != '-')
            return false;
    return kid.n >= 1 && kid.n <= EG_KID_MAX;
}

const char *eg_envelope_alg(eg_key_kind kind)
{
    return kind == EG_RSA ? "RSA-OAEP-256" : "ECDH-ES";
}

const char *eg_key_kind_name(eg_key_kind kind)
{
    static const char *const names[EG_KEY_KINDS] = {"P-256", "X25519", "RSA"};

    return names[kind];
}

static apr_status_t free_pkey(void *pkey)
{
    EVP_PKEY_free(pkey);
    return APR_SUCCESS;
}

void eg_envelope_key_own(apr_pool_t *pool, const eg_envelope_key *key)
{
    apr_pool_cleanup_register(pool, key->pkey, free_pkey, apr_pool_cleanup_null);
}

/* --- key agreement ------------------------------------------------------------------------------- */

/* The shared secret. A peer that is a stranger's is checked, which costs as much as the agreement;
 * one out of our configuration was checked when it was read. */
static bool agree(EVP_PKEY *own, EVP_PKEY *peer, bool is_strange, unsigned char z[EG_COORDINATE])
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    apr_size_t n = EG_COORDINATE;
    bool ok = context && EVP_PKEY_derive_init(context) == 1 &&
              EVP_PKEY_derive_set_peer_ex(context, peer, is_strange) == 1 &&
              EVP_PKEY_derive(context, z, &n) == 1 && n == EG_COORDINATE;

    EVP_PKEY_CTX_free(context);
    return ok;
}

static apr_size_t point_length(eg_key_kind kind)
{
    return kind == EG_P256 ? EG_POINT_MAX : EG_COORDINATE;
}

static eg_status make_by_agreement(eg_crypto *crypto, const eg_envelope_key *recipient,
                                   eg_envelope *envelope, unsigned char content[EG_KEY_SIZE])
{
    EVP_PKEY *pair =
        eg_ephemeral_key(crypto, recipient->kind == EG_P256 ? EG_CURVE_P256 : EG_CURVE_X25519);
    unsigned char z[EG_COORDINATE];
    bool ok = pair &&
              EVP_PKEY_get_octet_string_param(pair, OSSL_PKEY_PARAM_PUB_KEY, envelope->point,
                                              EG_POINT_MAX, &envelope->point_n) == 1 &&
              envelope->point_n == point_length(recipient->kind) &&
              agree(pair, recipient->pkey, false, z) && eg_concat_kdf(crypto, z, content) == EG_OK;

    eg_wipe(z, sizeof z);
    EVP_PKEY_free(pair);
    return ok ? EG_OK : EG_ECRYPTO;
}

/* NULL for what is no point of that curve, or when OpenSSL failed. */
static EVP_PKEY *read_point(const eg_envelope_key *key, eg_span point)
{
    const unsigned char *bytes = (const unsigned char *)point.p;
    EVP_PKEY *peer;

    if (point.n != point_length(key->kind))
        return NULL;
    if (key->kind == EG_X25519)
        return EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, bytes, point.n);
    peer = EVP_PKEY_new();
    if (peer && EVP_PKEY_copy_parameters(peer, key->pkey) == 1 &&
        EVP_PKEY_set1_encoded_public_key(peer, bytes, point.n) == 1)
        return peer;
    EVP_PKEY_free(peer);
    return NULL;
}

/* OpenSSL does not say whether it failed, or the point is not of the curve, or leads to zeros. */
static eg_status open_by_agreement(eg_crypto *crypto, const eg_envelope_key *key, eg_span point,
                                   unsigned char content[EG_KEY_SIZE])
{
    EVP_PKEY *peer = read_point(key, point);
    unsigned char z[EG_COORDINATE];
    bool agreed = peer && agree(key->pkey, peer, true, z);
    eg_status status = agreed ? eg_concat_kdf(crypto, z, content) : EG_ETOKEN;

    eg_wipe(z, sizeof z);
    EVP_PKEY_free(peer);
    return status;
}

/* --- key wrapping -------------------------------------------------------------------------------- */

/* SHA-256 in both places: where the mask's hash is not named it is the other one. */
static const OSSL_PARAM oaep_256[] = {
    {OSSL_ASYM_CIPHER_PARAM_PAD_MODE, OSSL_PARAM_UTF8_STRING, (char *)(apr_uintptr_t) "oaep", 4, 0},
    {OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, OSSL_PARAM_UTF8_STRING, (char *)(apr_uintptr_t) "SHA256",
     6, 0},
    {NULL, 0, NULL, 0, 0},
};

static eg_status make_by_wrapping(eg_crypto *crypto, const eg_envelope_key *recipient,
                                  eg_envelope *envelope, unsigned char content[EG_KEY_SIZE])
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, recipient->pkey, NULL);
    apr_size_t n = recipient->wrapped;
    bool ok = context && eg_random(crypto, content, EG_KEY_SIZE) == EG_OK &&
              EVP_PKEY_encrypt_init_ex(context, oaep_256) == 1 &&
              EVP_PKEY_encrypt(context, envelope->wrapped, &n, content, EG_KEY_SIZE) == 1 &&
              n == recipient->wrapped;

    EVP_PKEY_CTX_free(context);
    return ok ? EG_OK : EG_ECRYPTO;
}

/* Shorter than the modulus it would be a second spelling of the same number. */
static bool unwrap(EVP_PKEY_CTX *context, const eg_envelope_key *key, eg_span wrapped,
                   unsigned char room[EG_RSA_BITS_MAX / 8])
{
    apr_size_t n = EG_RSA_BITS_MAX / 8;

    return wrapped.n == key->wrapped &&
           EVP_PKEY_decrypt(context, room, &n, (const unsigned char *)wrapped.p, wrapped.n) == 1 &&
           n == EG_KEY_SIZE;
}

/* All ones or all zeros takes the same time to apply. */
static void choose(unsigned char *out, const unsigned char *in, bool take)
{
    unsigned char mask = (unsigned char)(0u - (unsigned)take);

    for (unsigned i = 0; i < EG_KEY_SIZE; i++)
        out[i] = (unsigned char)((in[i] & mask) | (out[i] & (unsigned char)~mask));
}

static eg_status open_by_wrapping(eg_crypto *crypto, const eg_envelope_key *key, eg_span wrapped,
                                  unsigned char content[EG_KEY_SIZE])
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    unsigned char room[EG_RSA_BITS_MAX / 8];
    bool ready = context && eg_random(crypto, content, EG_KEY_SIZE) == EG_OK &&
                 EVP_PKEY_decrypt_init_ex(context, oaep_256) == 1;

    memset(room, 0, EG_KEY_SIZE);
    if (ready)
        choose(content, room, unwrap(context, key, wrapped, room));
    eg_wipe(room, sizeof room);
    EVP_PKEY_CTX_free(context);
    return ready ? EG_OK : EG_ECRYPTO;
}

/* --- both ---------------------------------------------------------------------------------------- */

/* What OpenSSL notes of a failure is not left to others in this thread, who would take it for their
 * own; what they noted stays. On the stack it leaves more than it should: of X25519 the shared secret. */
eg_status eg_envelope_make(eg_crypto *crypto, const eg_envelope_key *recipient,
                           eg_envelope *envelope, unsigned char content[EG_KEY_SIZE])
{
    eg_status status;

    (void)ERR_set_mark();
    envelope->point_n = 0;
    status = recipient->kind == EG_RSA ? make_by_wrapping(crypto, recipient, envelope, content)
                                       : make_by_agreement(crypto, recipient, envelope, content);
    eg_wipe_stack();
    (void)ERR_pop_to_mark();
    return status;
}

eg_status eg_envelope_open(eg_crypto *crypto, const eg_envelope_key *key, eg_span point,
                           eg_span wrapped, unsigned char content[EG_KEY_SIZE])
{
    eg_status status;

    (void)ERR_set_mark();
    status = key->kind == EG_RSA ? open_by_wrapping(crypto, key, wrapped, content)
                                 : open_by_agreement(crypto, key, point, content);
    eg_wipe_stack();
    (void)ERR_pop_to_mark();
    return status;
}

eg_status eg_envelope_try(eg_crypto *crypto, const eg_envelope_key *key, bool is_private)
{
    unsigned char made[EG_KEY_SIZE], found[EG_KEY_SIZE], wrapped[EG_RSA_BITS_MAX / 8];
    eg_envelope envelope = {.wrapped = wrapped};
    eg_status status = eg_envelope_make(crypto, key, &envelope, made);

    if (status == EG_OK && is_private) {
        status = eg_envelope_open(crypto, key, (eg_span){(char *)envelope.point, envelope.point_n},
                                  (eg_span){(char *)wrapped, key->wrapped}, found);
        if (status == EG_OK && CRYPTO_memcmp(made, found, sizeof made) != 0)
            status = EG_ETOKEN;
    }
    eg_wipe(made, sizeof made);
    eg_wipe(found, sizeof found);
    return status;
}

/* --- which pair it is ---------------------------------------------------------------------------- */

#define NUMBER_MAX (EG_RSA_BITS_MAX / 8)
#define DER_MAX (2 * NUMBER_MAX + 64) /* both numbers of RSA, and their frame */

/* Numbers fill their room with zeros, in the order of this machine. */
static OSSL_PARAM public_part(const char *name, unsigned type, unsigned char *room, apr_size_t n)
{
    return (OSSL_PARAM){name, type, room, n, 0};
}

eg_status eg_envelope_public_id(eg_crypto *crypto, const eg_envelope_key *key,
                                unsigned char id[EG_SHA256_SIZE])
{
    unsigned char rooms[2][NUMBER_MAX] = {{0}, {0}};
    const OSSL_PARAM none = {NULL, 0, NULL, 0, 0};
    OSSL_PARAM parts[3] = {none, none, none};
    const eg_span all = {(const char *)rooms, sizeof rooms};
    bool ok;

    if (key->kind == EG_X25519) {
        parts[0] =
            public_part(OSSL_PKEY_PARAM_PUB_KEY, OSSL_PARAM_OCTET_STRING, rooms[0], EG_COORDINATE);
    } else {
        bool is_rsa = key->kind == EG_RSA;
        apr_size_t n = is_rsa ? NUMBER_MAX : EG_COORDINATE;

        parts[0] = public_part(is_rsa ? OSSL_PKEY_PARAM_RSA_N : OSSL_PKEY_PARAM_EC_PUB_X,
                               OSSL_PARAM_UNSIGNED_INTEGER, rooms[0], n);
        parts[1] = public_part(is_rsa ? OSSL_PKEY_PARAM_RSA_E : OSSL_PKEY_PARAM_EC_PUB_Y,
                               OSSL_PARAM_UNSIGNED_INTEGER, rooms[1], n);
    }
    (void)ERR_set_mark();
    ok = EVP_PKEY_get_params(key->pkey, parts) == 1;
    (void)ERR_pop_to_mark();
    return ok ? eg_sha256(crypto, all, id) : EG_ECRYPTO;
}

bool eg_key_facts_fit(const eg_key_facts *one, const eg_key_facts *other)
{
    return one->kind == other->kind &&
           memcmp(one->public_id, other->public_id, sizeof one->public_id) == 0;
}

eg_status eg_envelope_fingerprint(eg_crypto *crypto, const eg_envelope_key *key,
                                  char text[EG_KEY_PRINT + 1])
{
    unsigned char der[DER_MAX], hash[EG_SHA256_SIZE], *to = der;
    int n = i2d_PUBKEY(key->pkey, NULL);
    eg_status status = EG_ECRYPTO;

    text[0] = '\0';
    if (n > 0 && n <= DER_MAX && i2d_PUBKEY(key->pkey, &to) == n)
        status = eg_sha256(crypto, (eg_span){(const char *)der, (apr_size_t)n}, hash);
    if (status == EG_OK)
        eg_hex_encode(text, hash, EG_KEY_PRINT / 2);
    ERR_clear_error();
    return status;
}
