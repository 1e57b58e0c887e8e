/* SPDX-License-Identifier: Apache-2.0
 * Whether a Redis will do what it is for, and how it is set up. */
#include "redisfacts.h"

#include <string.h>
#include <apr_strings.h>
#include "sharedlock.h"

typedef struct {
    eg_redis *redis;
    apr_int64_t wait, until;
    apr_pool_t *pool;
} learning;

/* Of a key that is not there nothing is set, but a replica, a Redis that is full, or a user who may not write is found out. */
eg_redis_answer eg_redis_try(eg_redis *redis, apr_int64_t until)
{
    const eg_span words[] = {
        EG_LIT("EVAL"),
        EG_LIT("redis.call('GET',KEYS[1]) redis.call('SET',KEYS[1],'1','EX','1','XX') return 1"),
        EG_LIT("1"), EG_LIT("eg:t:")};

    return eg_redis_ask(redis, words, 4, until, NULL);
}

apr_int64_t eg_redis_clock(eg_redis *redis, apr_int64_t until)
{
    const eg_span words[] = {EG_LIT("EVAL"), EG_LIT("return tonumber(redis.call('TIME')[1])"),
                             EG_LIT("0")};
    eg_redis_answer said = eg_redis_ask(redis, words, 3, until, NULL);

    return said.kind == EG_REDIS_NUMBER ? said.number : 0;
}

/* Names begin a line. */
const char *eg_redis_info(eg_redis *redis, const char *part, const char *name, apr_int64_t until,
                          apr_pool_t *pool)
{
    const eg_span words[] = {EG_LIT("INFO"), eg_span_of(part)};
    eg_redis_answer said = eg_redis_ask(redis, words, 2, until, pool);
    const char *begin = apr_pstrcat(pool, "\n", name, ":", NULL), *at;

    if (said.kind != EG_REDIS_TEXT || !said.text.p)
        return NULL;
    at = strstr(said.text.p, begin);
    return at ? apr_pstrmemdup(pool, at + strlen(begin), strcspn(at + strlen(begin), "\r\n"))
              : NULL;
}

static apr_int64_t until_now(const learning *of)
{
    apr_int64_t until = eg_steady_clock() + of->wait;

    return until < of->until ? until : of->until;
}

static const char *ask_setting(const learning *of, const char *name)
{
    const eg_span words[] = {EG_LIT("CONFIG"), EG_LIT("GET"), eg_span_of(name)};
    eg_redis_answer said = eg_redis_ask(of->redis, words, 3, until_now(of), of->pool);

    return said.kind == EG_REDIS_TEXT ? said.text.p : NULL;
}

/* By CONFIG, or, where that is not allowed, by INFO; NULL: it is not told. */
static const char *setting_of(const learning *of, const char *name, const char *part,
                              const char *info)
{
    const char *value = eg_redis_is_usable(of->redis) ? ask_setting(of, name) : NULL;

    if (!value && eg_redis_is_usable(of->redis))
        value = eg_redis_info(of->redis, part, info, until_now(of), of->pool);
    return value;
}

static eg_redis_keeps learn_keeping(const learning *of)
{
    const char *log = setting_of(of, "appendonly", "persistence", "aof_enabled"), *save;

    if (!log)
        return EG_KEEPS_UNTOLD;
    if (strcmp(log, "yes") == 0 || strcmp(log, "1") == 0)
        return EG_KEEPS_LOG;
    save = eg_redis_is_usable(of->redis) ? ask_setting(of, "save") : NULL;
    if (!save)
        return EG_KEEPS_UNTOLD;
    return *save ? EG_KEEPS_SNAPSHOTS : EG_KEEPS_NOTHING;
}

eg_redis_facts eg_redis_learn(eg_redis *redis, apr_int64_t wait, apr_int64_t until,
                              apr_pool_t *pool)
{
    const learning of = {redis, wait, until, pool};
    eg_redis_facts facts = {.policy =
                                setting_of(&of, "maxmemory-policy", "memory", "maxmemory_policy")};

    facts.evicts = facts.policy && strcmp(facts.policy, "noeviction") != 0;
    facts.keeps = learn_keeping(&of);
    return facts;
}
