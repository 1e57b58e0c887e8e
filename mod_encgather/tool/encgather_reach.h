/* SPDX-License-Identifier: Apache-2.0
 * How programs come to the Redis of EncGatherStateCache. */
#ifndef EG_TOOL_REACH_H
#define EG_TOOL_REACH_H

#include <sys/types.h>
#include "core/redis.h"
#include "core/secretfile.h"

/* What password-file= names: its one line, without the end of it. false: why says what is wrong, as the rest of a sentence. After
 * true, eg_secretfile_free(file) wipes it. */
bool eg_reach_password(apr_pool_t *pool, const char *path, eg_secretfile *file, eg_span *password,
                       eg_problem *why);

/* NULL: why says so. Waits for patience milliseconds, and for the system to find the name. */
eg_redis *eg_reach_redis(const eg_state_spec *spec, eg_span password, apr_int64_t patience,
                         eg_redis_answer *why);

/* Whom the children of a server run as; name is "#" and a number where it has none. */
typedef struct {
    const char *name;
    uid_t user;
    gid_t group;
} eg_reach_user;

/* Whether that user may not connect, though we may. Root alone can find that out; for others it is false. */
bool eg_reach_bars(const eg_state_spec *spec, const eg_reach_user *as, apr_int64_t patience);

#endif
