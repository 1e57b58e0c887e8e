/* SPDX-License-Identifier: Apache-2.0
 * The blocks of a PEM file (RFC 7468), and one of them decoded without a copy that nobody wipes. */
#ifndef EG_PEM_H
#define EG_PEM_H

#include <apr_pools.h>
#include "bytes.h"

typedef struct {
    eg_span label; /* "PUBLIC KEY" */
    eg_span body;  /* between the two lines */
} eg_pem_block;

/* Takes the next block off the text; false: there is none that is whole. */
bool eg_pem_next(eg_span *text, eg_pem_block *block);

/* What its base64 stands for, in wiped memory of pool. EG_EMALFORMED: it is no base64 (headers of
 * the older forms are none). */
eg_status eg_pem_decode(const eg_pem_block *block, apr_pool_t *pool, eg_span *der) EG_MUST_CHECK;

#endif
