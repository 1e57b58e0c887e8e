/* SPDX-License-Identifier: Apache-2.0
 * Request bodies: read to their end within a limit, wiped where they came from. */
#ifndef EG_BODY_H
#define EG_BODY_H

#include "encgather.h"

/* Bytes in a buffer that grows by copying and wiping, and is wiped with the request's pool. */
typedef struct {
    char *bytes;
    apr_size_t n;
    apr_size_t size;
    bool complete; /* the end of the stream was reached */
} eg_body;

/* Whether the headers speak of a body. */
bool eg_body_expected(const request_rec *r);

/* Whether the headers announce more than EncGatherMaxBody. */
bool eg_body_announces_too_much(const request_rec *r);

/* Reads the body, if there is one, into memory of pool. EG_GOING_ON, EG_TOO_LARGE (what was read
 * so far is in body) or EG_MALFORMED; what httpd finds wrong with it is not answered by httpd but
 * left in *status (0: nothing), and the connection closes after the answer. */
eg_outcome eg_body_read(request_rec *r, apr_pool_t *pool, eg_body *body, int *status);

/* Reads what is left of a body within the limit, and wipes it. */
void eg_body_drain(request_rec *r);

void eg_body_register_hooks(apr_pool_t *pool);

#endif
