/* SPDX-License-Identifier: Apache-2.0
 * The protected header of a jwe token, written in one order and read strictly (RFC 7516, 4). */
#ifndef EG_JWEHEADER_H
#define EG_JWEHEADER_H

#include "format.h"

typedef struct {
    eg_claims claims;
    bool is_direct;   /* dir: there is no envelope */
    eg_key_kind kind; /* of the key that it is for, where it is not direct */
    unsigned char point[EG_POINT_MAX];
    apr_size_t point_n; /* of ECDH-ES: as eg_envelope has it; 0: none */
} eg_jwe_header;

/* The key's id, as the header has it; empty: none. */
eg_span eg_jwe_kid(const eg_sealing *with);

/* Writes the header for what is to be sealed and returns its number of bytes; where out is NULL it
 * only counts, and envelope may be NULL. sid and fld are UTF-8. */
apr_size_t eg_jwe_header_write(const eg_sealing *with, const eg_envelope *envelope, char *out);

/* false: it is none that we read. Spans in it are pieces of text, or live as long as pool. */
bool eg_jwe_header_read(apr_pool_t *pool, eg_span text, eg_jwe_header *header) EG_MUST_CHECK;

#endif
