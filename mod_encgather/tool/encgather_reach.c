/* SPDX-License-Identifier: Apache-2.0
 * How programs come to the Redis of EncGatherStateCache. */
#include "encgather_reach.h"

#include <grp.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/sharedlock.h"

#define PASSWORD_FILE_MAX 1024

static bool is_one_line(eg_span text)
{
    return text.n && !memchr(text.p, '\n', text.n) && !memchr(text.p, '\0', text.n);
}

bool eg_reach_password(apr_pool_t *pool, const char *path, eg_secretfile *file, eg_span *password,
                       eg_problem *why)
{
    static const eg_secretfile_rules rules = {.max = PASSWORD_FILE_MAX};

    if (eg_secretfile_read(pool, path, &rules, file, why) != EG_FILE_OK)
        return false;
    *password = (eg_span){file->bytes, file->n};
    password->n -= password->n && file->bytes[password->n - 1] == '\n';
    password->n -= password->n && file->bytes[password->n - 1] == '\r';
    if (is_one_line(*password))
        return true;
    eg_secretfile_free(file);
    eg_problem_set(why, "holds more than one line, or none");
    return false;
}

eg_redis *eg_reach_redis(const eg_state_spec *spec, eg_span password, apr_int64_t patience,
                         eg_redis_answer *why)
{
    const eg_redis_login login = {.user = spec->user, .password = password, .db = spec->db};
    eg_addresses at;

    *why = (eg_redis_answer){.kind = EG_REDIS_NAMELESS};
    if (!eg_addresses_literal(spec, &at) && !eg_addresses_look_up(spec->host, spec->port, &at))
        return NULL;
    return eg_redis_connect(&at, &login, eg_steady_clock() + patience, why);
}

static bool become(const eg_reach_user *as)
{
    return (*as->name == '#' || initgroups(as->name, as->group) == 0) && setgid(as->group) == 0 &&
           setuid(as->user) == 0;
}

static bool is_barred(const eg_state_spec *spec, apr_int64_t patience)
{
    eg_redis_answer why = {.kind = EG_REDIS_NUMBER};
    eg_redis *redis = eg_reach_redis(spec, (eg_span){NULL, 0}, patience, &why);

    if (redis)
        eg_redis_close(redis);
    return !redis && why.kind == EG_REDIS_BARRED;
}

bool eg_reach_bars(const eg_state_spec *spec, const eg_reach_user *as, apr_int64_t patience)
{
    int status = 0;
    pid_t child;

    if (geteuid() != 0 || as->user == 0)
        return false;
    child = fork();
    if (child == 0)
        _exit(become(as) && is_barred(spec, patience));
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 1;
}
