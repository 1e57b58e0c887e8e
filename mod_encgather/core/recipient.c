/* SPDX-License-Identifier: Apache-2.0
 * Files of recipients: a PEM PUBLIC KEY, a certificate or a JWK; P-256, X25519 or RSA. */
#include "recipient.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include "base64url.h"
#include "json.h"
#include "keymaterial.h"
#include "pem.h"

#define NO_PUBLIC_KEY                                                                              \
    "it needs a PEM \"PUBLIC KEY\", a certificate or a JWK; get one with: openssl pkey -in "       \
    "PRIVATE -pubout -out FILE"
#define BAD_PAIR                                                                                   \
    "put the public half in its place (openssl pkey -in PRIVATE -pubout -out FILE), and keep the " \
    "private one where tokens are opened"

/* What a file is read into. */
typedef struct {
    apr_pool_t *pool;
    eg_span kid;
    eg_envelope_key *key;
    bool *expired;
    eg_problem *why;
} reading;

static bool refuse_recipient(const reading *in, const char *what)
{
    eg_problem_set(in->why, "%s", what);
    return false;
}

/* --- the key --------------------------------------------------------------------------------------- */

static bool take_rsa(const reading *in)
{
    int bits = EVP_PKEY_get_bits(in->key->pkey);

    if (bits < EG_RSA_BITS_MIN || bits > EG_RSA_BITS_MAX) {
        eg_problem_set(in->why, "is RSA of %d bits, 2048 to 8192 are needed; make another pair",
                       bits);
        return false;
    }
    in->key->kind = EG_RSA;
    in->key->wrapped = ((apr_size_t)bits + 7) / 8;
    return true;
}

static bool take_ec(const reading *in)
{
    char group[32] = "";

    if (EVP_PKEY_get_group_name(in->key->pkey, group, sizeof group, NULL) != 1 ||
        strcmp(group, "prime256v1") != 0)
        return refuse_recipient(in, "is on another curve than P-256; make a pair with: encgather "
                                    "keygen --recipient p256 FILE");
    in->key->kind = EG_P256;
    return true;
}

static bool take_kind(const reading *in)
{
    const EVP_PKEY *pkey = in->key->pkey;

    if (EVP_PKEY_is_a(pkey, "EC"))
        return take_ec(in);
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return take_rsa(in);
    in->key->kind = EG_X25519;
    return EVP_PKEY_is_a(pkey, "X25519") ||
           refuse_recipient(in, "is a key of another kind than P-256, X25519 and RSA; make a pair "
                                "with: encgather keygen --recipient p256 FILE");
}

/* Whether it is a point of the curve, a number that can be a modulus. */
static bool is_sound(const EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, (EVP_PKEY *)(apr_uintptr_t)pkey, NULL);
    bool ok = context && EVP_PKEY_public_check(context) == 1;

    EVP_PKEY_CTX_free(context);
    return ok;
}

/* The key belongs to the pool from here on. */
static bool take_key(const reading *in, EVP_PKEY *pkey)
{
    in->key->pkey = pkey;
    if (!pkey)
        return refuse_recipient(in,
                                "holds a key that is none: it cannot be decoded, or its numbers "
                                "do not fit its curve; " NO_PUBLIC_KEY);
    eg_envelope_key_own(in->pool, in->key);
    if (!take_kind(in))
        return false;
    return is_sound(pkey) || refuse_recipient(in, "holds a key whose numbers cannot be those of a "
                                                  "key; ask for it once more");
}

/* --- PEM ------------------------------------------------------------------------------------------- */

static bool take_public_block(const reading *in, eg_span der)
{
    const unsigned char *at = (const unsigned char *)der.p;

    return take_key(in, d2i_PUBKEY_ex(NULL, &at, (long)der.n, NULL, NULL));
}

static bool take_certificate(const reading *in, eg_span der)
{
    const unsigned char *at = (const unsigned char *)der.p;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.n);
    bool ok;

    if (!certificate)
        return refuse_recipient(in, "holds a certificate that cannot be decoded");
    *in->expired = X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0;
    ok = take_key(in, X509_get_pubkey(certificate));
    X509_free(certificate);
    return ok;
}

typedef struct {
    unsigned keys, certificates, privates;
    eg_pem_block key, certificate; /* the first of each */
} pem_blocks;

static void count_block(pem_blocks *found, const eg_pem_block *block)
{
    if (memmem(block->label.p, block->label.n, "PRIVATE", 7))
        found->privates++;
    else if (eg_span_eq(block->label, EG_LIT("PUBLIC KEY")) && found->keys++ == 0)
        found->key = *block;
    else if (eg_span_eq(block->label, EG_LIT("CERTIFICATE")) && found->certificates++ == 0)
        found->certificate = *block;
}

static bool mentions_private_key(eg_span text)
{
    return text.n && memmem(text.p, text.n, "PRIVATE KEY-----", 16) != NULL;
}

static bool check_blocks(const reading *in, const pem_blocks *found)
{
    if (found->privates)
        return refuse_recipient(in, "holds a private key, with which this host could decrypt what "
                                    "it seals; " BAD_PAIR);
    if (found->keys > 1 || (found->keys && found->certificates))
        return refuse_recipient(in, "holds several keys; every one needs a file and an id of its "
                                    "own");
    return found->keys || found->certificates ||
           refuse_recipient(in, "holds no public key; " NO_PUBLIC_KEY);
}

static bool read_pem(const reading *in, eg_span text)
{
    pem_blocks found = {0};
    eg_pem_block block;
    eg_span der;

    found.privates = mentions_private_key(text); /* one that is cut off is there all the same */
    while (eg_pem_next(&text, &block))
        count_block(&found, &block);
    if (!check_blocks(in, &found))
        return false;
    if (eg_pem_decode(found.keys ? &found.key : &found.certificate, in->pool, &der) != EG_OK)
        return refuse_recipient(in, "holds what is no base64 between its BEGIN and END lines");
    return found.keys ? take_public_block(in, der) : take_certificate(in, der);
}

/* --- JWK (RFC 7517) -------------------------------------------------------------------------------- */

/* Whether a member is not there, or is that string. */
static bool is_or_lacks(const eg_json *jwk, const char *name, eg_span value)
{
    eg_span is;

    if (!eg_json_has(jwk, eg_span_of(name)))
        return true;
    return eg_json_string(jwk, name, &is) == EG_OK && eg_span_eq(is, value);
}

static bool member_is(const eg_json *jwk, const char *name, const char *value)
{
    eg_span is;

    return eg_json_string(jwk, name, &is) == EG_OK && eg_span_eq(is, eg_span_of(value));
}

static bool is_private_jwk(const eg_json *jwk)
{
    static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (eg_json_has(jwk, eg_span_of(names[i])))
            return true;
    return false;
}

static bool check_jwk(const reading *in, const eg_json *jwk)
{
    const char *alg =
        member_is(jwk, "kty", "RSA") ? eg_envelope_alg(EG_RSA) : eg_envelope_alg(EG_P256);

    if (eg_json_has(jwk, EG_LIT("keys")))
        return refuse_recipient(in,
                                "is a set of keys; every one needs a file and an id of its own");
    if (is_private_jwk(jwk))
        return refuse_recipient(in, "holds a private key (or a secret one), with which this host "
                                    "could decrypt what it seals; take those members out of the "
                                    "JWK, and keep them where tokens are opened");
    if (!is_or_lacks(jwk, "use", EG_LIT("enc")))
        return refuse_recipient(in, "is a JWK whose \"use\" is not \"enc\": it is for something "
                                    "else; ask for a key to encrypt to");
    if (!is_or_lacks(jwk, "alg", eg_span_of(alg))) {
        eg_problem_set(in->why, "is a JWK for another \"alg\" than %s; ask for one without it",
                       alg);
        return false;
    }
    return is_or_lacks(jwk, "kid", in->kid) ||
           refuse_recipient(in, "is a JWK with another \"kid\" than the directive has; give it the "
                                "same id there");
}

static bool read_coordinate(const eg_json *jwk, const char *name, unsigned char *out)
{
    eg_span text;

    return eg_json_string(jwk, name, &text) == EG_OK &&
           eg_base64url_decode_exactly(out, EG_COORDINATE, text) == EG_OK;
}

static bool read_ec_jwk(const reading *in, const eg_json *jwk)
{
    unsigned char point[EG_POINT_MAX] = {4};

    if (!member_is(jwk, "crv", "P-256"))
        return refuse_recipient(in, "is on another curve than P-256; make a pair with: encgather "
                                    "keygen --recipient p256 FILE");
    if (!read_coordinate(jwk, "x", point + 1) ||
        !read_coordinate(jwk, "y", point + 1 + EG_COORDINATE))
        return refuse_recipient(in, "is a JWK whose \"x\" and \"y\" are not base64url of 32 bytes");
    return take_key(
        in, eg_pkey_of_p256(in->pool, (eg_span){(char *)point, sizeof point}, (eg_span){"", 0}));
}

static bool read_okp_jwk(const reading *in, const eg_json *jwk)
{
    unsigned char point[EG_COORDINATE];

    if (!member_is(jwk, "crv", "X25519"))
        return refuse_recipient(in, "is on another curve than X25519; make a pair with: encgather "
                                    "keygen --recipient x25519 FILE");
    if (!read_coordinate(jwk, "x", point))
        return refuse_recipient(in, "is a JWK whose \"x\" is not base64url of 32 bytes");
    return take_key(in, EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, point, sizeof point));
}

static bool read_rsa_jwk(const reading *in, const eg_json *jwk)
{
    static const char *const names[2] = {"n", "e"};
    eg_span numbers[EG_RSA_NUMBERS], text;

    for (unsigned i = 0; i < 2; i++) {
        bool there = eg_json_string(jwk, names[i], &text) == EG_OK && text.n;
        unsigned char *bytes = there ? apr_palloc(in->pool, text.n) : NULL;

        if (!there || eg_base64url_decode(bytes, text) != EG_OK)
            return refuse_recipient(in, "is a JWK whose \"n\" and \"e\" are not base64url");
        numbers[i] = (eg_span){(char *)bytes, EG_BASE64URL_BYTES(text.n)};
    }
    return take_key(in, eg_pkey_of_rsa(in->pool, numbers, 2));
}

static bool read_jwk(const reading *in, eg_span text)
{
    const eg_json *jwk = eg_json_parse(in->pool, text);

    if (!jwk)
        return refuse_recipient(in, "begins like a JWK and is no JSON object (RFC 8259), or has a "
                                    "member twice");
    if (!check_jwk(in, jwk))
        return false;
    if (member_is(jwk, "kty", "EC"))
        return read_ec_jwk(in, jwk);
    if (member_is(jwk, "kty", "OKP"))
        return read_okp_jwk(in, jwk);
    if (member_is(jwk, "kty", "RSA"))
        return read_rsa_jwk(in, jwk);
    return refuse_recipient(in, "is a JWK whose \"kty\" is none of EC, OKP and RSA");
}

/* --- the file -------------------------------------------------------------------------------------- */

static bool begins_with_brace(eg_span text)
{
    while (text.n && eg_is_blank(*text.p))
        text = (eg_span){text.p + 1, text.n - 1};
    return text.n && *text.p == '{';
}

eg_status eg_recipient_parse(eg_crypto *crypto, apr_pool_t *pool, eg_span content, eg_span kid,
                             eg_envelope_key *key, bool *expired, eg_problem *why)
{
    const reading in = {pool, kid, key, expired, why};
    bool ok;

    *key = (eg_envelope_key){.pkey = NULL};
    *expired = false;
    memcpy(key->kid, kid.p, kid.n < EG_KID_MAX ? kid.n : EG_KID_MAX);
    (void)ERR_set_mark();
    ok = begins_with_brace(content) ? read_jwk(&in, content) : read_pem(&in, content);
    (void)ERR_pop_to_mark();
    if (ok && eg_envelope_try(crypto, key, false) != EG_OK)
        ok = refuse_recipient(&in, "holds a key to which nothing can be sealed; make another pair");
    return ok ? EG_OK : EG_EMALFORMED;
}
