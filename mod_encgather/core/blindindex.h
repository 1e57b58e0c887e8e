/* SPDX-License-Identifier: Apache-2.0
 * The blind index: a keyed hash that finds a row by secret values without storing them. */
#ifndef EG_BLINDINDEX_H
#define EG_BLINDINDEX_H

#include "crypto.h"

#define EG_INDEX_LENGTH (2 * EG_SHA256_SIZE)
#define EG_INDEX_VALUES_MAX 16 /* as many as a call has fields */

/* Lower-case hexadecimal of HMAC-SHA256 under K over, for each value in turn, its length as four
 * bytes (big-endian) and the value, so that ("12", "3") and ("1", "23") differ. K = HKDF-SHA256 of
 * key without salt, info "encgather-index": the index tells nothing about the key that seals.
 * out has EG_INDEX_LENGTH + 1 bytes; it is empty after EG_EMISSING (no value), EG_ETOOMANY and
 * EG_ECRYPTO. */
eg_status eg_blind_index(eg_crypto *crypto, const unsigned char key[EG_KEY_SIZE],
                         const eg_span *values, apr_size_t count,
                         char out[EG_INDEX_LENGTH + 1]) EG_MUST_CHECK;

/* The same in two steps, for whoever needs K more than once. */
eg_status eg_blind_index_key(eg_crypto *crypto, const unsigned char key[EG_KEY_SIZE],
                             unsigned char derived[EG_SHA256_SIZE]) EG_MUST_CHECK;
eg_status eg_blind_index_under(eg_crypto *crypto, const unsigned char derived[EG_SHA256_SIZE],
                               const eg_span *values, apr_size_t count,
                               char out[EG_INDEX_LENGTH + 1]) EG_MUST_CHECK;

#endif
