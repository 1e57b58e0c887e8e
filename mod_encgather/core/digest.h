/* SPDX-License-Identifier: Apache-2.0
 * Digests and HMACs of several pieces; crypto.h is what others call. */
#ifndef EG_DIGEST_H
#define EG_DIGEST_H

#include "bytes.h"
#include "sha.h"

/* Of a process. */
typedef struct {
    EVP_MD *md[EG_SHAS];
    bool
        is_plain; /* digests are made on the stack (sha.h), and not by way of OpenSSL's providers */
    eg_sha_state begin[EG_SHAS];
} eg_digests;

/* False: OpenSSL does not have them. */
bool eg_digests_fetch(eg_digests *digests);
void eg_digests_free(eg_digests *digests);

/* Who makes one: the context is of this thread, and may be NULL where digests are plain. */
typedef struct {
    const eg_digests *digests;
    EVP_MD_CTX *context;
} eg_digester;

/* Where an HMAC (RFC 2104) begins and ends under one secret, behind its two pads, and so does not have to be
 * computed again. It signs as the secret does: it lives where that lives, and nowhere else. */
typedef struct {
    eg_sha_state inner, outer;
} eg_hmac_state;

typedef struct {
    eg_sha sha;
    eg_span secret;
    const eg_hmac_state *ready; /* of the secret, by that digest; NULL: it is not there */
} eg_hmac_key;

/* A digest of count pieces as if they were one string. OpenSSL wipes what the context holds of the input when
 * it is done; where it failed it is emptied. */
bool eg_digest(const eg_digester *by, eg_sha sha, const eg_span *pieces, apr_size_t count,
               unsigned char *out);

/* An HMAC of them. */
bool eg_digest_hmac(const eg_digester *by, const eg_hmac_key *key, const eg_span *pieces,
                    apr_size_t count, unsigned char *out);

/* False: digests are not plain, or OpenSSL failed; ready is wiped then. */
bool eg_digest_prepare(const eg_digester *by, eg_sha sha, eg_span secret, eg_hmac_state *ready);

#endif
