/* SPDX-License-Identifier: Apache-2.0
 * Whether a Redis will do what it is for, and how it is set up. Asks; changes nothing. */
#ifndef EG_REDISFACTS_H
#define EG_REDISFACTS_H

#include "redis.h"

/* Does as requests do, and changes nothing; what they would be refused it is refused. EG_REDIS_NUMBER: it would work. */
eg_redis_answer eg_redis_try(eg_redis *redis, apr_int64_t until);

typedef enum { EG_KEEPS_UNTOLD, EG_KEEPS_NOTHING, EG_KEEPS_SNAPSHOTS, EG_KEEPS_LOG } eg_redis_keeps;

typedef struct {
    const char *policy; /* of eviction; NULL: not told */
    bool evicts;        /* it is another than noeviction */
    eg_redis_keeps keeps;
} eg_redis_facts;

/* Waits no longer than wait, in milliseconds, for each answer, and not beyond until. Text is in pool. */
eg_redis_facts eg_redis_learn(eg_redis *redis, apr_int64_t wait, apr_int64_t until,
                              apr_pool_t *pool);

/* Of what INFO says in one of its parts: what stands behind "name:"; NULL: it is not told. */
const char *eg_redis_info(eg_redis *redis, const char *part, const char *name, apr_int64_t until,
                          apr_pool_t *pool);

/* Seconds since 1970 by its clock; 0: not told. */
apr_int64_t eg_redis_clock(eg_redis *redis, apr_int64_t until);

#endif
