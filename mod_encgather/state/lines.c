/* SPDX-License-Identifier: Apache-2.0
 * Connections of a child to its Redis. */
#include "state/lines.h"

#include <pthread.h>
#include <ap_mpm.h>
#include "core/sharedlock.h"
#include "state/addresses.h"

static struct {
    pthread_mutex_t lock;
    eg_redis **idle; /* the last one to become idle is taken first */
    unsigned n, room;
} lines = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- idle ones ---------------------------------------------------------------------------------- */

static eg_redis *take_idle(void)
{
    eg_redis *redis = NULL;

    (void)pthread_mutex_lock(&lines.lock);
    if (lines.n)
        redis = lines.idle[--lines.n];
    (void)pthread_mutex_unlock(&lines.lock);
    return redis;
}

static void give_back_line(eg_redis *redis)
{
    bool is_kept = false;

    (void)pthread_mutex_lock(&lines.lock);
    if (eg_redis_is_usable(redis) && lines.n < lines.room) {
        lines.idle[lines.n++] = redis;
        is_kept = true;
    }
    (void)pthread_mutex_unlock(&lines.lock);
    if (!is_kept)
        eg_redis_close(redis);
}

static void close_idle(void)
{
    eg_redis *redis;

    while ((redis = take_idle()) != NULL)
        eg_redis_close(redis);
}

static apr_status_t end_lines(void *unused)
{
    (void)unused;
    close_idle();
    lines.room = 0;
    return APR_SUCCESS;
}

void eg_lines_begin(apr_pool_t *pchild, server_rec *s)
{
    int threads = 1;

    (void)s;
    (void)ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    lines.n = 0;
    lines.room = threads > 1 ? (unsigned)threads : 1;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    lines.idle = apr_palloc(pchild, lines.room * sizeof *lines.idle);
    apr_pool_cleanup_register(pchild, NULL, end_lines, apr_pool_cleanup_null);
}

/* --- asking ------------------------------------------------------------------------------------- */

eg_redis_login eg_lines_login(void)
{
    const eg_state_wanted *wanted = eg_state_wanted_now();

    return (eg_redis_login){.user = wanted->spec.user,
                            .password =
                                wanted->password ? wanted->password->text : (eg_span){NULL, 0},
                            .db = wanted->spec.db};
}

static eg_redis *connect_line(eg_redis_answer *why)
{
    apr_int64_t until = eg_steady_clock() + EG_REDIS_WAIT;
    const eg_redis_login login = eg_lines_login();
    eg_addresses at;
    eg_redis *redis;

    why->kind = EG_REDIS_NAMELESS;
    if (!eg_addresses_find(&eg_state_wanted_now()->spec, until, &at))
        return NULL;
    redis = eg_redis_connect(&at, &login, until, why);
    if (!redis)
        eg_addresses_doubt();
    return redis;
}

static eg_redis_answer ask_new_line(const eg_span *words, unsigned n)
{
    eg_redis_answer answer;
    eg_redis *redis = connect_line(&answer);

    if (!redis)
        return answer;
    answer = eg_redis_ask(redis, words, n, eg_steady_clock() + EG_REDIS_WAIT, NULL);
    give_back_line(redis);
    return answer;
}

/* Where one line is silent, so are perhaps all that were made before: whatever is between here and the Redis has forgotten them,
 * and each would cost a request. */
eg_redis_answer eg_lines_ask(const eg_span *words, unsigned n)
{
    eg_redis *redis = take_idle();
    eg_redis_answer answer;

    if (!redis)
        return ask_new_line(words, n);
    answer = eg_redis_ask(redis, words, n, eg_steady_clock() + EG_REDIS_WAIT, NULL);
    give_back_line(redis);
    if (answer.kind == EG_REDIS_SILENT)
        close_idle();
    return answer.kind == EG_REDIS_CLOSED ? ask_new_line(words, n) : answer;
}
