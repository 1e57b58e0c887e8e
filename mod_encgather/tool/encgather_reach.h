/* SPDX-License-Identifier: Apache-2.0
 * How programs come to the Redis of EncGatherStateCache. */
#ifndef EG_TOOL_REACH_H
#define EG_TOOL_REACH_H

#include "core/redis.h"
#include "core/secretfile.h"

/* What password-file= names: its one line, without the end of it. false: why says what is wrong, as the rest of a sentence. After
 * true, eg_secretfile_free(file) wipes it. */
bool eg_reach_password(apr_pool_t *pool, const char *path, eg_secretfile *file, eg_span *password,
                       eg_problem *why);

/* NULL: why says so. Waits for patience milliseconds, and for the system to find the name. */
eg_redis *eg_reach_redis(const eg_state_spec *spec, eg_span password, apr_int64_t patience,
                         eg_redis_answer *why);

#endif
