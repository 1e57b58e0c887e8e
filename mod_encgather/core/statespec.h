/* SPDX-License-Identifier: Apache-2.0
 * What EncGatherStateCache and --state say: which store, where, and with what. */
#ifndef EG_STATESPEC_H
#define EG_STATESPEC_H

#include <apr_pools.h>
#include "bytes.h"
#include "problem.h"

#define EG_STATE_BYTES_LEAST (64U * 1024)
#define EG_STATE_BYTES_MOST (1024U * 1024 * 1024)
#define EG_STATE_BYTES_DEFAULT (512U * 1024)
#define EG_REDIS_PORT 6379

typedef struct {
    bool is_redis;    /* else shm */
    apr_size_t bytes; /* of shm */
    const char *host; /* of a Redis: a name, or an address without brackets; NULL: a socket */
    unsigned port;
    const char *socket;
    const char *user;          /* NULL: none */
    const char *password_file; /* as written; NULL: none */
    const char *key_file;      /* likewise */
    unsigned db;
} eg_state_spec;

/* The first word is the provider, the others are options. Text lives in pool. EG_EMALFORMED: why says what is wrong, as the
 * rest of a sentence. */
eg_status eg_state_spec_parse(apr_pool_t *pool, const char *const *words, unsigned n,
                              eg_state_spec *spec, eg_problem *why) EG_MUST_CHECK;

#endif
