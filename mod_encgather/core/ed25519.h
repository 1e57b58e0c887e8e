/* SPDX-License-Identifier: Apache-2.0
 * Ed25519 signatures (RFC 8032). */
#ifndef EG_ED25519_H
#define EG_ED25519_H

#include "bytes.h"

#define EG_ED25519_KEY_SIZE 32
#define EG_ED25519_SIZE 64

/* Whether it is a point of small order, under which anybody can make signatures. */
bool eg_ed25519_is_weak(const unsigned char point[EG_ED25519_KEY_SIZE]);

/* message is one piece because the algorithm reads it twice. EG_EMALFORMED: the signature is not of
 * this key over these bytes; EG_ECRYPTO: OpenSSL failed, which says nothing about it. */
eg_status eg_ed25519_verify(const unsigned char key[EG_ED25519_KEY_SIZE], eg_span message,
                            const unsigned char signature[EG_ED25519_SIZE]) EG_MUST_CHECK;

/* By the seed of a private key: for tools and tests, the server only checks. EG_ECRYPTO where OpenSSL
 * failed. */
eg_status eg_ed25519_sign(const unsigned char seed[EG_ED25519_KEY_SIZE], eg_span message,
                          unsigned char signature[EG_ED25519_SIZE]) EG_MUST_CHECK;

#endif
