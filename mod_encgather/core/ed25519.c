/* SPDX-License-Identifier: Apache-2.0
 * Ed25519 signatures (RFC 8032). */
#include "ed25519.h"

#include <openssl/err.h>
#include <openssl/evp.h>

eg_status eg_ed25519_verify(const unsigned char key[EG_ED25519_KEY_SIZE], eg_span message,
                            const unsigned char signature[EG_ED25519_SIZE])
{
    EVP_PKEY *public =
        EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, key, EG_ED25519_KEY_SIZE);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    eg_status status = EG_ECRYPTO;

    if (public && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1)
        status = EVP_DigestVerify(context, signature, EG_ED25519_SIZE,
                                  (const unsigned char *)message.p, message.n) == 1
                     ? EG_OK
                     : EG_EMALFORMED;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public);
    ERR_clear_error();
    return status;
}

eg_status eg_ed25519_sign(const unsigned char seed[EG_ED25519_KEY_SIZE], eg_span message,
                          unsigned char signature[EG_ED25519_SIZE])
{
    EVP_PKEY *private =
        EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed, EG_ED25519_KEY_SIZE);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t n = EG_ED25519_SIZE;
    bool done =
        private && context && EVP_DigestSignInit(context, NULL, NULL, NULL, private) == 1 &&
        EVP_DigestSign(context, signature, &n, (const unsigned char *)message.p, message.n) == 1;

    EVP_MD_CTX_free(context);
    EVP_PKEY_free(private);
    ERR_clear_error();
    return done ? EG_OK : EG_ECRYPTO;
}
