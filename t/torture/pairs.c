/* SPDX-License-Identifier: Apache-2.0
 * Pairs of keys for the scenarios: files, tokens that are sealed for them, and what of them has to be gone. */
#include "pairs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include "core/base64url.h"
#include "core/privatekey.h"
#include "core/recipient.h"
#include "core/secretfile.h"
#include "faults.h"
#include "inputs.h"
#include "memory.h"

static const char *const kids[EG_KEY_KINDS] = {"e1", "x1", "r1"};

/* --- what has to be gone --------------------------------------------------------------------------- */

/* OpenSSL has numbers in the order of the machine. */
static void look_for_number(const char *name, const unsigned char *bytes, size_t n)
{
    unsigned char turned[512];

    for (size_t i = 0; i < n; i++)
        turned[i] = bytes[n - 1 - i];
    memory_look_for(name, bytes, n);
    memory_look_for(name, turned, n);
}

static void look_for_part(const EVP_PKEY *pair, const char *part, const char *name)
{
    unsigned char bytes[512];
    BIGNUM *number = NULL;

    if (EVP_PKEY_get_bn_param(pair, part, &number) == 1)
        look_for_number(name, bytes, (size_t)BN_bn2bin(number, bytes));
    BN_clear_free(number);
}

static void look_for_private_half(const EVP_PKEY *pair, eg_key_kind kind)
{
    unsigned char scalar[EG_COORDINATE];
    size_t n = sizeof scalar;

    if (kind == EG_X25519 && EVP_PKEY_get_raw_private_key(pair, scalar, &n) == 1)
        look_for_number("the scalar of X25519", scalar, n);
    if (kind == EG_P256)
        look_for_part(pair, OSSL_PKEY_PARAM_PRIV_KEY, "the scalar of P-256");
    if (kind != EG_RSA)
        return;
    look_for_part(pair, OSSL_PKEY_PARAM_RSA_D, "the exponent of RSA");
    look_for_part(pair, OSSL_PKEY_PARAM_RSA_FACTOR1, "a factor of RSA");
    look_for_part(pair, OSSL_PKEY_PARAM_RSA_FACTOR2, "a factor of RSA");
}

/* --- files ----------------------------------------------------------------------------------------- */

static bool write_private(const char *path, const EVP_PKEY *pair)
{
    FILE *file = fopen(path, "we");
    bool ok = file && chmod(path, 0600) == 0 &&
              PEM_write_PKCS8PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL) == 1;

    return file && fclose(file) == 0 && ok;
}

static bool write_certificate(FILE *file, EVP_PKEY *pair)
{
    X509 *certificate = X509_new();
    bool ok = certificate && X509_gmtime_adj(X509_getm_notBefore(certificate), 0) &&
              X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) &&
              X509_set_pubkey(certificate, pair) == 1 &&
              X509_sign(certificate, pair, EVP_sha256()) > 0 &&
              PEM_write_X509(file, certificate) == 1;

    X509_free(certificate);
    return ok;
}

static bool write_jwk(FILE *file, const EVP_PKEY *pair)
{
    unsigned char point[EG_COORDINATE];
    char text[EG_BASE64URL_LENGTH(EG_COORDINATE) + 1] = "";
    size_t n = sizeof point;

    if (EVP_PKEY_get_raw_public_key(pair, point, &n) != 1)
        return false;
    (void)eg_base64url_encode(text, (eg_span){(char *)point, n});
    return fprintf(file, "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"%s\"}\n", text) > 0;
}

static bool write_public(const char *path, EVP_PKEY *pair, eg_key_kind kind)
{
    FILE *file = fopen(path, "we");
    bool ok = false;

    if (!file)
        return false;
    if (kind == EG_P256)
        ok = PEM_write_PUBKEY(file, pair) == 1;
    else
        ok = kind == EG_RSA ? write_certificate(file, pair) : write_jwk(file, pair);
    return fclose(file) == 0 && chmod(path, 0644) == 0 && ok;
}

static EVP_PKEY *make_pair(eg_key_kind kind)
{
    if (kind == EG_RSA)
        return EVP_RSA_gen(2048);
    return kind == EG_P256 ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
}

static bool seal_for(eg_crypto *crypto, apr_pool_t *pool, const eg_envelope_key *recipient,
                     char *out)
{
    const eg_sealing with = {.ring = &secret->ring,
                             .recipient = recipient,
                             .sid = PAIR_CALL,
                             .fld = PAIR_FIELD,
                             .iat = 1780000000};
    eg_span token;

    if (eg_jwe_format.seal(crypto, &with, (eg_span){secret->digits, DIGITS}, pool, &token) !=
            EG_OK ||
        token.n >= sizeof known->jwe[0])
        return false;
    apr_cpystrn(out, token.p, token.n + 1);
    return true;
}

bool pairs_begin(const char *directory, eg_crypto *crypto, apr_pool_t *pool)
{
    bool ok = true;

    for (int kind = 0; ok && kind < EG_KEY_KINDS; kind++) {
        EVP_PKEY *pair = make_pair((eg_key_kind)kind);
        const eg_envelope_key recipient = {.kind = (eg_key_kind)kind,
                                           .pkey = pair,
                                           .kid = {kids[kind][0], kids[kind][1]},
                                           .wrapped = kind == EG_RSA ? 256 : 0};

        (void)snprintf(known->private_file[kind], sizeof known->private_file[kind], "%s/private%d",
                       directory, kind);
        (void)snprintf(known->public_file[kind], sizeof known->public_file[kind], "%s/public%d",
                       directory, kind);
        ok = pair && write_private(known->private_file[kind], pair) &&
             write_public(known->public_file[kind], pair, (eg_key_kind)kind) &&
             seal_for(crypto, pool, &recipient, known->jwe[kind]);
        look_for_private_half(pair, (eg_key_kind)kind);
        EVP_PKEY_free(pair);
    }
    return ok && seal_for(crypto, pool, NULL, known->jwe[EG_KEY_KINDS]);
}

void pairs_end(void)
{
    for (int kind = 0; kind < EG_KEY_KINDS; kind++) {
        (void)unlink(known->private_file[kind]);
        (void)unlink(known->public_file[kind]);
    }
}

/* --- reading them ---------------------------------------------------------------------------------- */

bool read_public_half(eg_crypto *crypto, apr_pool_t *pool, eg_key_kind kind, eg_envelope_key *key)
{
    const eg_secretfile_rules rules = {.max = EG_RECIPIENT_FILE_MAX, .is_public = true};
    eg_secretfile file;
    eg_problem why;
    bool expired, ok = eg_secretfile_read(pool, known->public_file[kind], &rules, &file, &why) ==
                           EG_FILE_OK &&
                       eg_recipient_parse(crypto, pool, (eg_span){file.bytes, file.n},
                                          eg_span_of(kids[kind]), key, &expired, &why) == EG_OK;

    eg_secretfile_free(&file);
    return ok;
}

bool read_private_half(eg_crypto *crypto, apr_pool_t *pool, eg_key_kind kind, eg_envelope_key *key)
{
    const eg_secretfile_rules rules = {.max = EG_PRIVATE_KEY_FILE_MAX};
    eg_secretfile file;
    eg_problem why;
    bool ok =
        eg_secretfile_read(pool, known->private_file[kind], &rules, &file, &why) == EG_FILE_OK &&
        eg_private_key_parse(crypto, pool, (eg_span){file.bytes, file.n}, key, &why) == EG_OK;

    eg_secretfile_free(&file);
    apr_cpystrn(key->kid, kids[kind], sizeof key->kid);
    return ok;
}

typedef bool (*half_reader)(eg_crypto *crypto, apr_pool_t *pool, eg_key_kind kind,
                            eg_envelope_key *key);

/* Nothing fails meanwhile. NULL: it did not work. */
static const eg_envelope_key *read_in_peace(apr_pool_t *pool, eg_key_kind kind, half_reader reads)
{
    eg_envelope_key *key = apr_palloc(pool, sizeof *key);
    int way = fault_pause();
    eg_crypto *own = eg_crypto_create(pool);
    bool ok = own && reads(own, pool, kind, key);

    fault_go_on(way);
    return ok ? key : NULL;
}

const eg_envelope_key *pair_public(apr_pool_t *pool, eg_key_kind kind)
{
    return read_in_peace(pool, kind, read_public_half);
}

const eg_envelope_keys *pair_private(apr_pool_t *pool, eg_key_kind kind)
{
    const eg_envelope_key **list = apr_palloc(pool, sizeof *list);
    eg_envelope_keys *keys = apr_palloc(pool, sizeof *keys);

    *list = read_in_peace(pool, kind, read_private_half);
    *keys = (eg_envelope_keys){1, list};
    return *list ? keys : NULL;
}
