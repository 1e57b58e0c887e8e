/* SPDX-License-Identifier: Apache-2.0
 * base64url without padding (RFC 7515, 2): one spelling for any bytes, and only that one is read. */
#ifndef EG_BASE64URL_H
#define EG_BASE64URL_H

#include "bytes.h"

/* The number of characters of n bytes; of bytes, at most, of n characters. */
#define EG_BASE64URL_LENGTH(n) (((n)*4 + 2) / 3)
#define EG_BASE64URL_BYTES(n) ((n) / 4 * 3 + ((n) % 4 ? (n) % 4 - 1 : 0))

/* Writes EG_BASE64URL_LENGTH(in.n) characters and no NUL; returns the place behind them. */
char *eg_base64url_encode(char *out, eg_span in);

/* out has EG_BASE64URL_BYTES(text.n) bytes, and that many are written. EG_EMALFORMED, with out
 * undefined, for anything but the one spelling of those bytes: padding, white space, "+" and "/", a
 * length that cannot be, bits behind the last byte that are not zero. */
eg_status eg_base64url_decode(unsigned char *out, eg_span text) EG_MUST_CHECK;

/* The same for text that has to be exactly n bytes. */
eg_status eg_base64url_decode_exactly(unsigned char *out, apr_size_t n, eg_span text) EG_MUST_CHECK;

#endif
