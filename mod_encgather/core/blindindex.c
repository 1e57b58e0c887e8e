/* SPDX-License-Identifier: Apache-2.0
 * The blind index: a keyed hash that finds a row by secret values without storing them. */
#include "blindindex.h"

#include <stdint.h>
#include "secret.h"

#define LENGTH_SIZE 4

static void put_length(unsigned char out[LENGTH_SIZE], apr_size_t n)
{
    for (unsigned i = 0; i < LENGTH_SIZE; i++)
        out[i] = (unsigned char)(n >> (8 * (LENGTH_SIZE - 1 - i)));
}

eg_status eg_blind_index_key(eg_crypto *crypto, const unsigned char key[EG_KEY_SIZE],
                             unsigned char derived[EG_SHA256_SIZE])
{
    return eg_hkdf(crypto, key, EG_LIT("encgather-index"), derived);
}

static eg_status index_pieces(eg_crypto *crypto, const unsigned char derived[EG_SHA256_SIZE],
                              const eg_span *pieces, apr_size_t count, char *out)
{
    unsigned char mac[EG_SHA256_SIZE];
    eg_status status = eg_hmac_sha256(crypto, (eg_span){(const char *)derived, EG_SHA256_SIZE},
                                      pieces, count, mac);

    if (status == EG_OK)
        eg_hex_encode(out, mac, sizeof mac);
    eg_wipe(mac, sizeof mac);
    return status;
}

eg_status eg_blind_index_under(eg_crypto *crypto, const unsigned char derived[EG_SHA256_SIZE],
                               const eg_span *values, apr_size_t count,
                               char out[EG_INDEX_LENGTH + 1])
{
    unsigned char lengths[EG_INDEX_VALUES_MAX][LENGTH_SIZE];
    eg_span pieces[2 * EG_INDEX_VALUES_MAX];

    out[0] = '\0';
    if (count == 0)
        return EG_EMISSING;
    if (count > EG_INDEX_VALUES_MAX)
        return EG_ETOOMANY;
    for (apr_size_t i = 0; i < count; i++) {
        if (values[i].n > UINT32_MAX)
            return EG_ETOOMANY;
        put_length(lengths[i], values[i].n);
        pieces[2 * i] = (eg_span){(const char *)lengths[i], LENGTH_SIZE};
        pieces[2 * i + 1] = values[i];
    }
    return index_pieces(crypto, derived, pieces, 2 * count, out);
}

eg_status eg_blind_index(eg_crypto *crypto, const unsigned char key[EG_KEY_SIZE],
                         const eg_span *values, apr_size_t count, char out[EG_INDEX_LENGTH + 1])
{
    unsigned char derived[EG_SHA256_SIZE];
    eg_status status = eg_blind_index_key(crypto, key, derived);

    out[0] = '\0';
    if (status == EG_OK)
        status = eg_blind_index_under(crypto, derived, values, count, out);
    eg_wipe(derived, sizeof derived);
    return status;
}
