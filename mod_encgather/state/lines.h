/* SPDX-License-Identifier: Apache-2.0
 * Connections of a child to its Redis: as many as it has threads that ask at once. */
#ifndef EG_LINES_H
#define EG_LINES_H

#include "core/redis.h"
#include "state/wanted.h"

/* While a child starts. */
void eg_lines_begin(apr_pool_t *pchild, server_rec *s);

/* Asks, by a connection that is there or by a new one; once more where it turns out to be closed. Less than a second. */
eg_redis_answer eg_lines_ask(const eg_span *words, unsigned n);

/* The login of the present configuration. */
eg_redis_login eg_lines_login(void);

#endif
