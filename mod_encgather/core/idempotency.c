/* SPDX-License-Identifier: Apache-2.0
 * Idempotency-Key: the same for a step that is delivered twice, and saying nothing about its digits. */
#include "idempotency.h"

#include "authtoken.h"
#include "secret.h"

eg_status eg_idempotency_key(eg_crypto *crypto, const eg_hmac_key *derived,
                             const eg_delivery *delivery, char out[EG_IDEMPOTENCY_LENGTH + 1])
{
    eg_span nul = EG_LIT("\0");
    const eg_span pieces[] = {delivery->call, nul, delivery->target, nul, delivery->input};
    unsigned char mac[EG_SHA256_SIZE];
    eg_status status = eg_hmac(crypto, derived, pieces, sizeof pieces / sizeof pieces[0], mac);

    out[0] = '\0';
    if (status == EG_OK)
        eg_hex_encode(out, mac, sizeof mac);
    return status;
}

eg_status eg_idempotency_derive(eg_crypto *crypto, eg_span token,
                                unsigned char derived[EG_SHA256_SIZE])
{
    static const char label[] = "encgather-idempotency"; /* with its NUL: no token begins with it */
    char text[sizeof label + EG_AUTH_TOKEN_MAX];
    eg_status status = EG_EMALFORMED;

    if (token.n <= EG_AUTH_TOKEN_MAX) {
        memcpy(text, label, sizeof label);
        memcpy(text + sizeof label, token.p, token.n);
        status = eg_sha256(crypto, (eg_span){text, sizeof label + token.n}, derived);
    }
    eg_wipe(text, sizeof text);
    return status;
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
