/* SPDX-License-Identifier: Apache-2.0
 * What a Redis is asked once, while the server starts: whether it keeps what it is given. */
#include "state/startup.h"

#include <apr_strings.h>
#include "core/redisfacts.h"
#include "core/sharedlock.h"
#include "state/addresses.h"
#include "state/lines.h"
#include "state/segment.h"
#include "state/state.h"

APLOG_USE_MODULE(encgather);

#define IN_ALL 950 /* milliseconds */

typedef struct {
    apr_pool_t *pool;
    server_rec *s;
    eg_redis *redis;
    apr_int64_t until;
} starting;

void eg_state_say_room(server_rec *s)
{
    const eg_state_wanted *wanted = eg_state_wanted_now();

    if ((wanted->needed & EG_STATE_FOR_SINGLE_USE) && !wanted->spec.is_redis)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     EG_TAG("0157") "EncGatherStateCache %s: room for %lu used tokens at a time; "
                                    "it should be several times as many as are used within "
                                    "EncGatherTokenTTL",
                     wanted->word, (unsigned long)eg_segment_tokens(wanted->spec.bytes));
}

static void say_of_start(const starting *of, int level, const char *what)
{
    ap_log_error(APLOG_MARK, level, 0, of->s, EG_TAG("0156") "EncGatherStateCache redis: %s", what);
}

static void warn_away(const starting *of, const eg_redis_answer *said)
{
    say_of_start(of, APLOG_WARNING,
                 apr_pstrcat(of->pool, "the Redis ", eg_redis_explain(said),
                             "; the server starts, and asks it again with the first request",
                             NULL));
}

/* --- what it is for ----------------------------------------------------------------------------- */

static void warn_of_facts(const starting *of, const eg_redis_facts *facts)
{
    if (facts->evicts)
        say_of_start(of, APLOG_WARNING,
                     "when the Redis is full it throws away what it was to keep, and used tokens "
                     "are good again, locked callers free: set maxmemory-policy noeviction there");
    if (facts->keeps == EG_KEEPS_NOTHING)
        say_of_start(of, APLOG_WARNING,
                     "the Redis keeps nothing over a restart of its own, and used tokens are good "
                     "again after it, locked callers free: set appendonly yes there");
    if (!facts->policy || facts->keeps == EG_KEEPS_UNTOLD)
        say_of_start(of, APLOG_INFO,
                     "whether the Redis evicts, or forgets at a restart, is not known: it does not "
                     "let us ask");
}

static void look_at_redis(const starting *of)
{
    apr_int64_t until = eg_steady_clock() + EG_REDIS_WAIT;
    eg_redis_answer said = eg_redis_try(of->redis, until < of->until ? until : of->until);
    eg_redis_facts facts;

    if (said.kind != EG_REDIS_NUMBER) {
        warn_away(of, &said);
        return;
    }
    facts = eg_redis_learn(of->redis, EG_REDIS_WAIT, of->until, of->pool);
    warn_of_facts(of, &facts);
}

void eg_startup_ask(apr_pool_t *ptemp, server_rec *s)
{
    starting of = {.pool = ptemp, .s = s, .until = eg_steady_clock() + IN_ALL};
    const eg_state_shared *at = eg_segment();
    eg_redis_answer why = {.kind = EG_REDIS_NAMELESS};
    eg_addresses where;

    if (!at || !at->is_redis)
        return;
    if (eg_addresses_find_once(&eg_state_wanted_now()->spec, of.until - 2 * EG_REDIS_WAIT,
                               &where)) {
        const eg_redis_login login = eg_lines_login();

        of.redis = eg_redis_connect(&where, &login, eg_steady_clock() + EG_REDIS_WAIT, &why);
    }
    if (!of.redis) {
        warn_away(&of, &why);
        return;
    }
    look_at_redis(&of);
    eg_redis_close(of.redis);
}
