/* SPDX-License-Identifier: Apache-2.0
 * What the doctor asks of the Redis that hosts share: what configtest asks nobody. Nothing is changed in it. */
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_time.h>
#include "core/redisfacts.h"
#include "core/sharedlock.h"
#include "encgather_ask.h"
#include "encgather_reach.h"

#define PATIENCE 2000     /* milliseconds for an answer */
#define CLOCKS 30         /* seconds by which two clocks may differ */
#define NEARLY_FULL 80    /* percent */
#define IN_ALL 10000      /* milliseconds */
#define MIB (1024 * 1024) /* bytes */

typedef struct {
    apr_pool_t *pool;
    const eg_subject *subject;
    const eg_dump *dump;
    const eg_record *server;
    eg_redis *redis;
} store_questions;

static void tell_store(const store_questions *q, eg_state state, const char *text,
                       const char *advice)
{
    eg_report_add(q->subject, state, text, advice);
}

/* --- what it says ------------------------------------------------------------------------------ */

static void tell_eviction(const store_questions *q, const eg_redis_facts *facts)
{
    if (!facts->policy)
        tell_store(q, EG_STATE_OK,
                   "whether it evicts is not known: the user may not ask; look with redis-cli "
                   "CONFIG GET maxmemory-policy",
                   NULL);
    else if (facts->evicts)
        tell_store(q, EG_STATE_BROKEN,
                   apr_pstrcat(q->pool, "when it is full it throws away what it was to keep (",
                               facts->policy, "): used tokens are good again, locked callers free",
                               NULL),
                   "maxmemory-policy noeviction, in its configuration");
    else
        tell_store(q, EG_STATE_OK, "it evicts nothing", NULL);
}

static void tell_keeping(const store_questions *q, const eg_redis_facts *facts)
{
    switch (facts->keeps) {
    case EG_KEEPS_UNTOLD:
        tell_store(q, EG_STATE_OK,
                   "whether it keeps anything over a restart is not known: the user may not ask; "
                   "look with redis-cli CONFIG GET appendonly",
                   NULL);
        break;
    case EG_KEEPS_NOTHING:
        tell_store(q, EG_STATE_ODD,
                   "it keeps nothing over a restart of its own: used tokens are good again then, "
                   "locked callers free",
                   "appendonly yes, in its configuration");
        break;
    case EG_KEEPS_SNAPSHOTS:
        tell_store(q, EG_STATE_ODD,
                   "it keeps snapshots alone: what was used since the last one is good again after "
                   "a crash",
                   "appendonly yes, in its configuration");
        break;
    case EG_KEEPS_LOG:
        tell_store(q, EG_STATE_OK, "it keeps what it is told over a restart of its own", NULL);
        break;
    }
}

static apr_int64_t info_number(const store_questions *q, const char *part, const char *name)
{
    const char *text =
        eg_redis_is_usable(q->redis)
            ? eg_redis_info(q->redis, part, name, eg_steady_clock() + PATIENCE, q->pool)
            : NULL;

    return text ? apr_atoi64(text) : -1;
}

static void tell_memory(const store_questions *q)
{
    apr_int64_t used = info_number(q, "memory", "used_memory");
    apr_int64_t most = info_number(q, "memory", "maxmemory");

    if (used < 0 || most < 0)
        return;
    if (most == 0)
        tell_store(q, EG_STATE_OK,
                   apr_psprintf(q->pool,
                                "it holds %" APR_INT64_T_FMT " MiB, and has no limit of its own",
                                used / MIB),
                   NULL);
    else if (used / (most / 100 + 1) >= NEARLY_FULL)
        tell_store(q, EG_STATE_ODD,
                   apr_psprintf(q->pool,
                                "it is nearly full: %" APR_INT64_T_FMT " of %" APR_INT64_T_FMT
                                " MiB; then it takes nothing new",
                                used / MIB, most / MIB),
                   "more maxmemory; a used token takes 150 bytes, and another 150 for a minute");
    else
        tell_store(q, EG_STATE_OK,
                   apr_psprintf(q->pool,
                                "it holds %" APR_INT64_T_FMT " of %" APR_INT64_T_FMT " MiB",
                                used / MIB, most / MIB),
                   NULL);
}

/* It needs no clock that is right; hosts do, and this is one that somebody else keeps. */
static void tell_clock_of_store(const store_questions *q)
{
    apr_int64_t there =
        eg_redis_is_usable(q->redis) ? eg_redis_clock(q->redis, eg_steady_clock() + PATIENCE) : 0;
    apr_int64_t apart = there - (apr_int64_t)apr_time_sec(apr_time_now());

    if (there && (apart > CLOCKS || apart < -CLOCKS))
        tell_store(q, EG_STATE_ODD,
                   apr_psprintf(q->pool,
                                "its clock and that of this host are %" APR_INT64_T_FMT
                                " seconds apart: one of the two is wrong",
                                apart < 0 ? -apart : apart),
                   "date -u on both; hosts whose clocks differ by a minute refuse each other's "
                   "tokens");
}

static void ask_redis(const store_questions *q)
{
    eg_redis_answer said = eg_redis_try(q->redis, eg_steady_clock() + PATIENCE);
    eg_redis_facts facts;

    if (said.kind != EG_REDIS_NUMBER) {
        tell_store(q, EG_STATE_BROKEN,
                   apr_pstrcat(q->pool, "the Redis ", eg_redis_explain(&said), NULL),
                   "see \"When it is away\" in state.md");
        return;
    }
    tell_store(q, EG_STATE_OK, "answers what requests ask; nothing was changed in it", NULL);
    facts = eg_redis_learn(q->redis, PATIENCE, eg_steady_clock() + IN_ALL, q->pool);
    tell_eviction(q, &facts);
    tell_keeping(q, &facts);
    tell_memory(q);
    tell_clock_of_store(q);
}

/* --- where it is ------------------------------------------------------------------------------- */

static bool spec_of_record(const eg_dump *dump, const eg_record *record, eg_state_spec *spec)
{
    const char *word = eg_record_get(dump, record, "store"),
               *db = eg_record_get(dump, record, "db");
    eg_problem why;

    if (!word || eg_state_spec_parse(dump->report->tool->pool, &word, 1, spec, &why) != EG_OK)
        return false;
    spec->user = eg_record_get(dump, record, "user");
    spec->db = db ? (unsigned)strtoul(db, NULL, 10) : 0;
    return true;
}

/* A socket that root may use, and the server's children may not. */
static bool bars_children(const store_questions *q, const eg_state_spec *spec)
{
    const char *user = q->server ? eg_record_get(q->dump, q->server, "user") : NULL;
    eg_reach_user as = {.name = user};

    if (spec->host || !user)
        return false;
    as.user = (uid_t)apr_atoi64(eg_record_get(q->dump, q->server, "user_id"));
    as.group = (gid_t)apr_atoi64(eg_record_get(q->dump, q->server, "group_id"));
    if (!eg_reach_bars(spec, &as, PATIENCE))
        return false;
    tell_store(q, EG_STATE_BROKEN,
               apr_pstrcat(q->pool, "the server's children run as ", user,
                           ", whom its socket does not let connect", NULL),
               "unixsocketperm 770 in its configuration, and that user into the group of the "
               "socket; then apachectl graceful");
    return true;
}

static void reach_and_ask(store_questions *q, const eg_state_spec *spec, eg_span password)
{
    eg_redis_answer why;

    if (bars_children(q, spec))
        return;

    q->redis = eg_reach_redis(spec, password, PATIENCE, &why);
    if (!q->redis) {
        tell_store(q, EG_STATE_BROKEN,
                   apr_pstrcat(q->pool, "the Redis ", eg_redis_explain(&why), NULL),
                   "start it, or correct its address; see \"When it is away\" in state.md");
        return;
    }
    ask_redis(q);
    eg_redis_close(q->redis);
}

static void ask_with_password(store_questions *q, const eg_state_spec *spec, const char *path)
{
    eg_span password = {NULL, 0};
    eg_secretfile file = {NULL, 0};
    eg_problem why;

    if (path && !eg_reach_password(q->pool, path, &file, &password, &why)) {
        tell_store(q, EG_STATE_ODD,
                   apr_psprintf(q->pool, "was not asked: password-file '%s' %s", path, why.text),
                   "run the doctor as root, or see what is said of that file");
        return;
    }
    reach_and_ask(q, spec, password);
    if (path)
        eg_secretfile_free(&file);
}

static void tell_shared_memory(const store_questions *q, const eg_dump *dump,
                               const eg_record *record)
{
    tell_store(q, EG_STATE_OK,
               eg_record_is(dump, record, "single_use")
                   ? apr_pstrcat(q->pool, "memory of this host alone: room for ",
                                 eg_record_get(dump, record, "tokens"), " used tokens at a time",
                                 NULL)
                   : "memory of this host alone",
               NULL);
}

void eg_ask_store(const eg_dump *dump, bool offline)
{
    apr_pool_t *pool = dump->report->tool->pool;
    int i = 0;
    const eg_record *record = eg_dump_next(dump, "state", &i);
    eg_state_spec spec;

    if (!record || !spec_of_record(dump, record, &spec))
        return;
    store_questions q = {.pool = pool, .dump = dump};

    i = 0;
    q.server = eg_dump_next(dump, "server", &i);

    q.subject =
        eg_report_subject(dump->report, apr_pstrcat(pool, "EncGatherStateCache ",
                                                    eg_record_get(dump, record, "store"), NULL));
    if (!spec.is_redis)
        tell_shared_memory(&q, dump, record);
    else if (offline || !eg_redis_is_built())
        tell_store(&q, EG_STATE_OK, "one Redis for all hosts; it was not asked", NULL);
    else
        ask_with_password(&q, &spec, eg_record_get(dump, record, "password_file"));
}
