/* SPDX-License-Identifier: Apache-2.0
 * Ed25519 signatures (RFC 8032). */
#include "ed25519.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define HALF_ORDER_8                                                                               \
    0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,      \
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,  \
        0xfc
#define OTHER_ORDER_8                                                                              \
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,      \
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,  \
        0x03
#define ALL_ONES                                                                                   \
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,      \
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff

/* The y of all points whose order divides 8, in every spelling of 255 bits: 0, 1, those of order 8,
 * and p - 1, p, p + 1. The last bit, the sign of x, makes no difference. */
static const unsigned char small_points[][EG_ED25519_KEY_SIZE] = {
    {0},
    {1},
    {HALF_ORDER_8, 0x05},
    {OTHER_ORDER_8, 0x7a},
    {0xec, ALL_ONES, 0x7f},
    {0xed, ALL_ONES, 0x7f},
    {0xee, ALL_ONES, 0x7f},
};

bool eg_ed25519_is_weak(const unsigned char point[EG_ED25519_KEY_SIZE])
{
    const unsigned last = EG_ED25519_KEY_SIZE - 1;
    bool weak = false;

    for (unsigned i = 0; i < sizeof small_points / sizeof small_points[0]; i++)
        weak |= memcmp(small_points[i], point, last) == 0 &&
                small_points[i][last] == (point[last] & 0x7f);
    return weak;
}

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
