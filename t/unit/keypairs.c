/* SPDX-License-Identifier: Apache-2.0
 * Tests of files of recipients and of private keys: what is read opens what was sealed, and what is
 * refused says what is wrong. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include "core/base64url.h"
#include "core/format.h"
#include "core/privatekey.h"
#include "core/recipient.h"

static apr_pool_t *pool;
static eg_crypto *crypto;

/* --- keys of OpenSSL's making ---------------------------------------------------------------------- */

static EVP_PKEY *p256, *x25519, *rsa, *small, *p384, *ed25519;

static const char *text_of_bio(BIO *bio)
{
    char *p;
    long n = BIO_get_mem_data(bio, &p);
    const char *text = apr_pstrmemdup(pool, p, (apr_size_t)n);

    BIO_free(bio);
    return text;
}

static const char *private_pem(const EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1)
        abort();
    return text_of_bio(bio);
}

static const char *encrypted_pem(const EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (PEM_write_bio_PKCS8PrivateKey(bio, pkey, EVP_aes_256_cbc(), "passphrase", 10, NULL, NULL) !=
        1)
        abort();
    return text_of_bio(bio);
}

static const char *older_pem(const EVP_PKEY *pkey, bool encrypted)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (PEM_write_bio_PrivateKey_traditional(bio, (EVP_PKEY *)(apr_uintptr_t)pkey,
                                             encrypted ? EVP_aes_256_cbc() : NULL,
                                             encrypted ? (const unsigned char *)"passphrase" : NULL,
                                             encrypted ? 10 : 0, NULL, NULL) != 1)
        abort();
    return text_of_bio(bio);
}

static const char *public_pem(const EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (PEM_write_bio_PUBKEY(bio, (EVP_PKEY *)(apr_uintptr_t)pkey) != 1)
        abort();
    return text_of_bio(bio);
}

/* Signed by another key: X25519 cannot sign. days: until it ends. */
static const char *certificate_pem(EVP_PKEY *pkey, int days)
{
    X509 *certificate = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());

    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400L * 10);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400L * days);
    if (X509_set_pubkey(certificate, pkey) != 1 || !X509_sign(certificate, p256, EVP_sha256()) ||
        PEM_write_bio_X509(bio, certificate) != 1)
        abort();
    X509_free(certificate);
    return text_of_bio(bio);
}

static const char *b64(const void *bytes, size_t n)
{
    char *text = apr_pcalloc(pool, EG_BASE64URL_LENGTH(n) + 1);

    (void)eg_base64url_encode(text, (eg_span){bytes, n});
    return text;
}

static const char *number_of(const EVP_PKEY *pkey, const char *name)
{
    unsigned char bytes[1024];
    BIGNUM *number = NULL;
    int n;

    if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1)
        abort();
    n = BN_bn2bin(number, bytes);
    BN_free(number);
    return b64(bytes, (size_t)n);
}

/* more: members that follow the key's own. */
static const char *jwk_of(const EVP_PKEY *pkey, const char *more)
{
    unsigned char point[EG_POINT_MAX];
    size_t n = 0;

    if (pkey == rsa || pkey == small)
        return apr_psprintf(pool, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}",
                            number_of(pkey, OSSL_PKEY_PARAM_RSA_N),
                            number_of(pkey, OSSL_PKEY_PARAM_RSA_E), more);
    if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) !=
        1)
        abort();
    if (pkey == x25519)
        return apr_psprintf(pool, "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"%s\"%s}",
                            b64(point, n), more);
    return apr_psprintf(pool, "\n {\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"%s}",
                        b64(point + 1, 32), b64(point + 33, 32), more);
}

static bool make_keys(void)
{
    p256 = EVP_EC_gen("P-256");
    p384 = EVP_EC_gen("P-384");
    x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    rsa = EVP_RSA_gen(2048);
    small = EVP_RSA_gen(1024);
    return p256 && p384 && x25519 && ed25519 && rsa && small;
}

/* --- what is read ---------------------------------------------------------------------------------- */

static eg_envelope_key read_recipient(const char *text, bool *expired)
{
    size_t n = strlen(text);
    char *copy = exact_copy(text, n);
    eg_envelope_key *key = apr_pcalloc(pool, sizeof *key);
    eg_problem why = {""};

    is_int(eg_recipient_parse(crypto, pool, (eg_span){copy, n}, EG_LIT("e1"), key, expired, &why),
           EG_OK, "is read: %s", why.text);
    free(copy);
    return *key;
}

static eg_key_facts facts_of(const eg_envelope_key *key)
{
    eg_key_facts facts = {.kind = key->kind};

    is_int(eg_envelope_public_id(crypto, key, facts.public_id), EG_OK, "it has an id");
    return facts;
}

/* Neither one of its own kind nor one of another. */
static void fits_nobody_else(const eg_envelope_key *mine, const char *name)
{
    EVP_PKEY *others[] = {EVP_EC_gen("P-256"), EVP_PKEY_Q_keygen(NULL, NULL, "X25519"),
                          EVP_RSA_gen(2048)};
    const eg_key_facts facts = facts_of(mine);
    unsigned fit = 0;

    for (int kind = 0; kind < EG_KEY_KINDS; kind++) {
        const eg_envelope_key other = {.kind = (eg_key_kind)kind, .pkey = others[kind]};
        const eg_key_facts of_other = facts_of(&other);

        fit += eg_key_facts_fit(&facts, &of_other);
        EVP_PKEY_free(others[kind]);
    }
    is_int(fit, 0, "%s: no half of another pair fits", name);
}

static void is_pair(const char *public, const char *private, eg_key_kind kind, const char *name)
{
    bool expired = true;
    const eg_envelope_key recipient = read_recipient(public, &expired);
    size_t n = strlen(private);
    char *copy = exact_copy(private, n);
    eg_envelope_key *mine = apr_pcalloc(pool, sizeof *mine);
    const eg_envelope_key *const one[] = {mine};
    const eg_envelope_keys keys = {1, one};
    const eg_opening opening = {EG_READS_ALL, NULL, &keys, false};
    const eg_sealing sealing = {.recipient = &recipient, .sid = EG_LIT("CA1"), .fld = EG_LIT("f")};
    const eg_demands demands = {.ttl = 0};
    eg_key_facts facts[2];
    eg_opened_token opened;
    eg_problem why = {""};
    eg_span token;

    is_int(eg_private_key_parse(crypto, pool, (eg_span){copy, n}, mine, &why), EG_OK,
           "%s: its private half is read: %s", name, why.text);
    free(copy);
    is_int(recipient.kind, kind, "%s: its kind", name);
    is_str(recipient.kid, "e1", "%s: its id", name);
    ok(!expired, "%s: its time", name);
    is_int(eg_jwe_format.seal(crypto, &sealing, EG_LIT("1234"), pool, &token), EG_OK, "%s: sealed",
           name);
    apr_cpystrn(mine->kid, "e1", sizeof mine->kid);
    is_int(eg_token_open_bound(crypto, &opening, token, &demands, pool, &opened), EG_OK,
           "%s: opened", name);
    is_bytes(opened.plain.p, opened.plain.n, "1234", 4, "%s: to what it was", name);
    facts[0] = facts_of(&recipient);
    facts[1] = facts_of(mine);
    ok(eg_key_facts_fit(&facts[0], &facts[1]), "%s: two halves of one pair", name);
}

static void good_pairs(void)
{
    const char *both = apr_pstrcat(pool, "Bag Attributes\n", certificate_pem(p256, 10),
                                   certificate_pem(rsa, 10), NULL);

    is_pair(public_pem(p256), private_pem(p256), EG_P256, "P-256");
    is_pair(public_pem(x25519), private_pem(x25519), EG_X25519, "X25519");
    is_pair(public_pem(rsa), private_pem(rsa), EG_RSA, "RSA");
    is_pair(jwk_of(p256, ""), private_pem(p256), EG_P256, "P-256 as JWK");
    is_pair(jwk_of(x25519, ",\"use\":\"enc\",\"alg\":\"ECDH-ES\",\"kid\":\"e1\",\"a\":1"),
            private_pem(x25519), EG_X25519, "X25519 as JWK");
    is_pair(jwk_of(rsa, ",\"alg\":\"RSA-OAEP-256\""), private_pem(rsa), EG_RSA, "RSA as JWK");
    is_pair(certificate_pem(p256, 1), private_pem(p256), EG_P256, "P-256 in a certificate");
    is_pair(certificate_pem(x25519, 1), private_pem(x25519), EG_X25519, "X25519 in a certificate");
    is_pair(certificate_pem(rsa, 1), private_pem(rsa), EG_RSA, "RSA in a certificate");
    is_pair(both, apr_pstrcat(pool, both, private_pem(p256), NULL), EG_P256,
            "the first certificate of two, and a private key beside them");
}

static void ids_of_pairs(void)
{
    EVP_PKEY *const pairs[EG_KEY_KINDS] = {p256, x25519, rsa};

    for (int kind = 0; kind < EG_KEY_KINDS; kind++)
        fits_nobody_else(&(eg_envelope_key){.kind = (eg_key_kind)kind, .pkey = pairs[kind]},
                         eg_key_kind_name((eg_key_kind)kind));
}

static void expired(void)
{
    bool is_expired = false;

    (void)read_recipient(certificate_pem(p256, -1), &is_expired);
    ok(is_expired, "a certificate of the past is told");
}

/* --- what is refused ------------------------------------------------------------------------------- */

static const char *without_line(const char *text, unsigned line)
{
    const char *from = text;

    while (line--)
        from = strchr(from, '\n') + 1;
    return apr_pstrcat(pool, apr_pstrmemdup(pool, text, (apr_size_t)(from - text)),
                       strchr(from, '\n') + 1, NULL);
}

static bool is_told(const eg_problem *why, const char *says)
{
    return strstr(why->text, says) && !strchr(why->text, '\n') && strlen(why->text) < 400;
}

static void bad_recipients(void)
{
    const struct {
        const char *text, *says, *name;
    } cases[] = {
        {"", "holds no public key", "nothing"},
        {"1234\n", "holds no public key", "something else"},
        {private_pem(p256), "private key", "a private key"},
        {older_pem(rsa, false), "private key", "one in the older form"},
        {encrypted_pem(p256), "private key", "an encrypted one"},
        {apr_pstrcat(pool, public_pem(p256), private_pem(p256), NULL), "private key", "both"},
        {apr_pstrcat(pool, certificate_pem(p256, 1), private_pem(p256), NULL), "private key",
         "a private key beside a certificate"},
        {apr_pstrcat(pool, public_pem(p256), public_pem(rsa), NULL), "several keys", "two keys"},
        {apr_pstrcat(pool, public_pem(p256), certificate_pem(p256, 1), NULL), "several keys",
         "a key and a certificate"},
        {public_pem(p384), "another curve than P-256", "P-384"},
        {public_pem(ed25519), "another kind", "Ed25519"},
        {public_pem(small), "RSA of 1024 bits", "small RSA"},
        {certificate_pem(small, 1), "RSA of 1024 bits", "small RSA in a certificate"},
        {without_line(public_pem(p256), 1), "cannot be decoded", "a key without a line"},
        {without_line(certificate_pem(p256, 1), 2), "cannot be decoded", "a certificate without"},
        {"-----BEGIN PUBLIC KEY-----\n%%%\n-----END PUBLIC KEY-----\n", "no base64", "no base64"},
        {"{", "no JSON object", "half a JWK"},
        {"{\"kty\":\"EC\",\"kty\":\"EC\"}", "member twice", "a member twice"},
        {"{\"keys\":[]}", "set of keys", "a set"},
        {"{\"kty\":\"oct\",\"k\":\"AAAA\"}", "private key", "a secret key"},
        {"{\"kty\":\"oct\"}", "kty", "another kty"},
        {"{}", "kty", "an empty object"},
        {jwk_of(p256, ",\"d\":\"AAAA\""), "private key", "a private JWK"},
        {jwk_of(rsa, ",\"p\":\"AAAA\""), "private key", "a private RSA JWK"},
        {jwk_of(p256, ",\"use\":\"sig\""), "use", "a key for signatures"},
        {jwk_of(p256, ",\"use\":1"), "use", "a use that is none"},
        {jwk_of(p256, ",\"alg\":\"ECDH-ES+A256KW\""), "ECDH-ES", "another alg"},
        {jwk_of(rsa, ",\"alg\":\"RSA-OAEP\""), "RSA-OAEP-256", "another alg of RSA"},
        {jwk_of(p256, ",\"kid\":\"e2\""), "kid", "another kid"},
        {jwk_of(small, ""), "RSA of 1024 bits", "small RSA as JWK"},
        {"{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}", "base64url", "no modulus"},
        {"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"\",\"y\":\"\"}", "another curve", "P-384, JWK"},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\"}", "another curve", "Ed25519, JWK"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", "32 bytes", "short"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
         "do not fit its curve", "not on the curve"},
        {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":"
         "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
         "nothing can be sealed", "a point that leads to zeros"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_envelope_key *key = apr_pcalloc(pool, sizeof *key);
        eg_problem why = {""};
        bool expired;

        is_int(eg_recipient_parse(crypto, pool, eg_span_of(cases[i].text), EG_LIT("e1"), key,
                                  &expired, &why),
               EG_EMALFORMED, "recipient, %s: refused", cases[i].name);
        if (!ok(is_told(&why, cases[i].says), "and told"))
            fprintf(stderr, "# %s\n", why.text);
    }
}

/* The private half of one key with the public half of another. */
static const char *mixed_pair(void)
{
    unsigned char *der = NULL, *other = NULL;
    int n = i2d_PrivateKey(p256, &der), m;
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    char *text;
    const char *lines;

    m = i2d_PrivateKey(pair, &other);
    if (n != m || n < 66)
        abort();
    memcpy(der + n - 64, other + m - 64, 64);
    /* PKCS#8 by hand: the algorithm, and this in a string of octets */
    text = apr_palloc(pool, (apr_size_t)n + 40);
    memcpy(text,
           "\x30\x81\x00\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a"
           "\x86\x48\xce\x3d\x03\x01\x07\x04",
           28);
    text[2] = (char)(24 + 2 + n);
    text[28] = (char)n;
    memcpy(text + 29, der, (size_t)n);
    lines = b64(text, (size_t)n + 29);
    OPENSSL_free(der);
    OPENSSL_free(other);
    EVP_PKEY_free(pair);
    for (char *p = (char *)(apr_uintptr_t)lines; *p; p++)
        *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
    return apr_pstrcat(pool, "-----BEGIN PRIVATE KEY-----\n", lines,
                       "\n-----END PRIVATE KEY-----\n", NULL);
}

static void bad_privates(void)
{
    const struct {
        const char *text, *says, *name;
    } cases[] = {
        {"", "holds no private key", "nothing"},
        {public_pem(p256), "holds no private key", "a public key"},
        {certificate_pem(p256, 1), "holds no private key", "a certificate"},
        {encrypted_pem(p256), "is encrypted", "a passphrase"},
        {older_pem(rsa, true), "is encrypted", "a passphrase in the older form"},
        {older_pem(rsa, false), "older form", "the older form"},
        {older_pem(p256, false), "older form", "the older form of EC"},
        {apr_pstrcat(pool, private_pem(p256), private_pem(rsa), NULL), "2 private keys", "two"},
        {private_pem(p384), "another curve", "P-384"},
        {private_pem(ed25519), "another kind", "Ed25519"},
        {private_pem(small), "RSA of 1024 bits", "small RSA"},
        {without_line(private_pem(rsa), 3), "no whole PKCS#8", "RSA without a line"},
        {without_line(private_pem(p256), 2), "no whole PKCS#8", "P-256 without a line"},
        {"-----BEGIN PRIVATE KEY-----\n%%\n-----END PRIVATE KEY-----\n", "no whole", "no base64"},
        {mixed_pair(), "does not open", "halves of two pairs"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_envelope_key *key = apr_pcalloc(pool, sizeof *key);
        size_t n = strlen(cases[i].text);
        char *copy = exact_copy(cases[i].text, n);
        eg_problem why = {""};

        is_int(eg_private_key_parse(crypto, pool, (eg_span){copy, n}, key, &why), EG_EMALFORMED,
               "private, %s: refused", cases[i].name);
        if (!ok(is_told(&why, cases[i].says), "and told"))
            fprintf(stderr, "# %s\n", why.text);
        free(copy);
    }
}

/* Cut anywhere, and with any byte changed, it is read or refused, and nothing else. */
static void torn(void)
{
    EVP_PKEY *const keys[] = {p256, x25519, rsa};

    for (size_t k = 0; k < COUNT(keys); k++) {
        char *text = apr_pstrdup(pool, private_pem(keys[k]));
        size_t n = strlen(text);
        unsigned wrong = 0;

        for (size_t i = 0; i < n; i += k == 2 ? 13 : 1) {
            char *copy = exact_copy(text, i);
            apr_pool_t *call;
            eg_envelope_key key;
            eg_problem why;

            apr_pool_create(&call, pool);
            wrong += eg_private_key_parse(crypto, call, (eg_span){copy, i}, &key, &why) == EG_OK &&
                     i < n - 30;
            copy[i / 2] ^= 1;
            wrong += eg_private_key_parse(crypto, call, (eg_span){copy, i}, &key, &why) == EG_OK &&
                     i < n - 30;
            apr_pool_destroy(call);
            free(copy);
        }
        is_int(wrong, 0, "key %zu is not opened when it is torn", k);
    }
}

static void ids(void)
{
    ok(eg_is_kid(EG_LIT("a")) && eg_is_kid(EG_LIT("A-z_09")), "ids");
    ok(!eg_is_kid(EG_LIT("")) && !eg_is_kid(EG_LIT("a b")) && !eg_is_kid(EG_LIT("a.b")), "none");
    ok(eg_is_kid((eg_span){"0123456789012345678901234567890123456789012345678901234567890123", 64}),
       "64 characters are one");
    ok(!eg_is_kid(EG_LIT("01234567890123456789012345678901234567890123456789012345678901234")),
       "65 are none");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    crypto = eg_crypto_create(pool);
    if (!ok(crypto && make_keys(), "OpenSSL has what is needed"))
        return done_testing();
    good_pairs();
    ids_of_pairs();
    expired();
    bad_recipients();
    bad_privates();
    torn();
    ids();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
