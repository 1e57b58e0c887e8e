/* SPDX-License-Identifier: Apache-2.0
 * What a Redis is asked once, while the server starts: whether it keeps what it is given. */
#include "state/startup.h"

#include <apr_strings.h>
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
    bool is_refused; /* a question was not allowed */
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

/* --- questions ---------------------------------------------------------------------------------- */

static eg_redis_answer ask_at_start(starting *of, const eg_span *words, unsigned n)
{
    apr_int64_t until = eg_steady_clock() + EG_REDIS_WAIT;

    return eg_redis_ask(of->redis, words, n, until < of->until ? until : of->until, of->pool);
}

static eg_redis_answer ask_setting(starting *of, const char *name)
{
    const eg_span words[] = {EG_LIT("CONFIG"), EG_LIT("GET"), eg_span_of(name)};

    return ask_at_start(of, words, 3);
}

/* Of "name:value" lines; NULL: it is not among them. */
static const char *find_info(starting *of, const char *part, const char *name)
{
    const eg_span words[] = {EG_LIT("INFO"), eg_span_of(part)};
    eg_redis_answer said = ask_at_start(of, words, 2);
    const char *at;

    if (said.kind != EG_REDIS_TEXT || !said.text.p)
        return NULL;
    at = strstr(said.text.p, name);
    return at ? apr_pstrmemdup(of->pool, at + strlen(name), strcspn(at + strlen(name), "\r\n"))
              : NULL;
}

/* What a setting is, by CONFIG, or, where that is not allowed, by INFO; NULL: it is not told. */
static const char *setting_of(starting *of, const char *name, const char *part, const char *info)
{
    eg_redis_answer said = ask_setting(of, name);
    const char *value = NULL;

    if (said.kind == EG_REDIS_TEXT)
        value = said.text.p;
    else if (part && eg_redis_is_usable(of->redis))
        value = find_info(of, part, info);
    if (!value)
        of->is_refused = true;
    return value;
}

/* --- what they are for -------------------------------------------------------------------------- */

static void look_at_eviction(starting *of)
{
    const char *policy = setting_of(of, "maxmemory-policy", "memory", "maxmemory_policy:");

    if (policy && strcmp(policy, "noeviction") != 0)
        say_of_start(of, APLOG_WARNING,
                     "when the Redis is full it throws away what it was to keep, and used tokens "
                     "are good again, locked callers free: set maxmemory-policy noeviction there");
}

static void look_at_persistence(starting *of)
{
    const char *log = setting_of(of, "appendonly", "persistence", "aof_enabled:");
    const char *save;

    if (!log || strcmp(log, "yes") == 0 || strcmp(log, "1") == 0)
        return;
    save = setting_of(of, "save", NULL, NULL);
    if (save && !*save)
        say_of_start(of, APLOG_WARNING,
                     "the Redis keeps nothing over a restart of its own, and used tokens are good "
                     "again after it, locked callers free: set appendonly yes there");
}

/* As requests do, with what every user of it may. */
static bool answers_at_all(starting *of)
{
    const eg_span words[] = {EG_LIT("EVAL"), EG_LIT("return redis.call('GET',KEYS[1]) and 1 or 1"),
                             EG_LIT("1"), EG_LIT("eg:t:")};
    eg_redis_answer said = ask_at_start(of, words, 4);

    if (said.kind == EG_REDIS_NUMBER)
        return true;
    warn_away(of, &said);
    return false;
}

static void look_at_redis(starting *of)
{
    if (!answers_at_all(of))
        return;
    look_at_eviction(of);
    if (eg_redis_is_usable(of->redis))
        look_at_persistence(of);
    if (of->is_refused)
        say_of_start(of, APLOG_INFO,
                     "whether the Redis evicts, or forgets at a restart, is not known: it does not "
                     "let us ask");
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
