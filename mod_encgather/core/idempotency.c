/* SPDX-License-Identifier: Apache-2.0
 * Idempotency-Key: the same for a step that is delivered twice, and saying nothing about its digits. */
#include "idempotency.h"

#include "secret.h"

eg_status eg_idempotency_key(eg_crypto *crypto, const unsigned char derived[EG_SHA256_SIZE],
                             const eg_delivery *delivery, char out[EG_IDEMPOTENCY_LENGTH + 1])
{
    eg_span secret = {(const char *)derived, EG_SHA256_SIZE}, nul = EG_LIT("\0");
    const eg_span pieces[] = {delivery->call, nul, delivery->target, nul, delivery->input};
    unsigned char mac[EG_SHA256_SIZE];
    eg_status status =
        eg_hmac_sha256(crypto, secret, pieces, sizeof pieces / sizeof pieces[0], mac);

    out[0] = '\0';
    if (status == EG_OK)
        eg_hex_encode(out, mac, sizeof mac);
    return status;
}

eg_status eg_idempotency_derive(eg_crypto *crypto, eg_span token,
                                unsigned char derived[EG_SHA256_SIZE])
{
    const eg_span label = EG_LIT("encgather-idempotency");

    return eg_hmac_sha256(crypto, token, &label, 1, derived);
}

eg_status eg_idempotency_random(eg_crypto *crypto, char out[EG_IDEMPOTENCY_LENGTH + 1])
{
    unsigned char bytes[EG_SHA256_SIZE];
    eg_status status = eg_random(crypto, bytes, sizeof bytes);

    out[0] = '\0';
    if (status == EG_OK)
        eg_hex_encode(out, bytes, sizeof bytes);
    return status;
}
