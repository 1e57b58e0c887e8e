/* SPDX-License-Identifier: Apache-2.0
 * base64 with padding (RFC 4648, 4): one spelling for each value. */
#ifndef EG_BASE64_H
#define EG_BASE64_H

#include "bytes.h"

/* Exactly n bytes and nothing else: out has n bytes, 1 to EG_BASE64_MAX of them. EG_EMALFORMED for any
 * other length, alphabet or spelling; out is wiped then. */
#define EG_BASE64_MAX 96
eg_status eg_base64_decode(unsigned char *out, apr_size_t n, eg_span text) EG_MUST_CHECK;

/* out has EG_BASE64_LENGTH(n) + 1 bytes, with a NUL. */
#define EG_BASE64_LENGTH(n) (((n) + 2) / 3 * 4)
void eg_base64_encode(char *out, const unsigned char *bytes, apr_size_t n);

#endif
