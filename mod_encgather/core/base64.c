/* SPDX-License-Identifier: Apache-2.0
 * base64 with padding (RFC 4648, 4): one spelling for each value. */
#include "base64.h"

#include <openssl/evp.h>
#include "secret.h"

/* The library skips blanks and takes unused bits for granted: what it decoded has to come out as it
 * was written. */
eg_status eg_base64_decode(unsigned char *out, apr_size_t n, eg_span text)
{
    unsigned char bytes[EG_BASE64_MAX + 3], again[EG_BASE64_LENGTH(EG_BASE64_MAX) + 1];
    bool fits = n <= EG_BASE64_MAX && text.n == EG_BASE64_LENGTH(n) &&
                EVP_DecodeBlock(bytes, (const unsigned char *)text.p, (int)text.n) >= (int)n &&
                EVP_EncodeBlock(again, bytes, (int)n) == (int)text.n &&
                memcmp(again, text.p, text.n) == 0;

    if (fits)
        memcpy(out, bytes, n);
    else
        eg_wipe(out, n);
    eg_wipe(bytes, sizeof bytes);
    eg_wipe(again, sizeof again);
    return fits ? EG_OK : EG_EMALFORMED;
}

void eg_base64_encode(char *out, const unsigned char *bytes, apr_size_t n)
{
    (void)EVP_EncodeBlock((unsigned char *)out, bytes, (int)n);
}
