/* SPDX-License-Identifier: Apache-2.0
 * The database side of decrypt-gather: what a request asks, and how long it waits. */
#include "lookup/lookup.h"

#include <string.h>
#include <apr_strings.h>
#include "base/chain.h"
#include "core/blindindex.h"
#include "core/secret.h"
#include "lookup/database.h"
#include "lookup/places.h"
#include "lookup/query.h"
#include "watch/counters.h"
#include "watch/record.h"
#include "webhook/exchange.h"

APLOG_USE_MODULE(encgather);

/* The database is told to give up at the deadline, and then has to say so. */
#define GRACE apr_time_from_msec(500)

static eg_outcome lookup_unavailable(request_rec *r, const char *what)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, EG_TAG("0601") "call %s: %s (%s)", eg_call_of(r),
                  what, eg_database_name());
    eg_note_failure(r, EG_CAUSE_DATABASE, 601,
                    apr_psprintf(r->pool, "%s (%s)", what, eg_database_name()));
    return EG_UNAVAILABLE;
}

/* --- what is asked ------------------------------------------------------------------------------ */

/* Of the query's pool: the one that it has now goes with the request. */
static const char *plain_copy(apr_pool_t *pool, eg_span plain)
{
    char *copy = eg_wiped_alloc(pool, plain.n + 1);

    memcpy(copy, plain.p, plain.n);
    copy[plain.n] = '\0';
    return copy;
}

static const char *index_of(apr_pool_t *pool, const eg_lookup_arg *arg, const eg_key *key,
                            const eg_span *plain)
{
    apr_size_t n = (apr_size_t)arg->fields->nelts;
    eg_span *values = apr_palloc(pool, n * sizeof *values);
    char *hex = apr_palloc(pool, EG_INDEX_LENGTH + 1);

    for (apr_size_t i = 0; i < n; i++)
        values[i] = plain[APR_ARRAY_IDX(arg->fields, i, unsigned)];
    return eg_blind_index_under(eg_the_crypto(), key->index, values, n, hex) == EG_OK ? hex : NULL;
}

static bool make_arguments(const eg_query *query, const eg_lookup *lookup, const eg_key *key,
                           const eg_span *plain, const char **args)
{
    for (int i = 0; i < lookup->args->nelts; i++) {
        const eg_lookup_arg *arg = &APR_ARRAY_IDX(lookup->args, i, eg_lookup_arg);

        args[i] = arg->is_index
                      ? index_of(query->pool, arg, key, plain)
                      : plain_copy(query->pool, plain[APR_ARRAY_IDX(arg->fields, 0, unsigned)]);
        if (!args[i])
            return false;
    }
    return true;
}

/* With a blind index the query is tried for one key of the ring after the other; without one there
 * may be no ring. */
static bool make_tries(eg_query *query, const eg_config *config, const eg_span *plain)
{
    const eg_keyring *ring = config->lookup->has_index ? config->keys->keys : NULL;
    apr_size_t n = (apr_size_t)config->lookup->args->nelts;

    query->tries = ring ? ring->n : 1;
    query->n = config->lookup->args->nelts;
    query->args = apr_pcalloc(query->pool, (query->tries * n + 1) * sizeof *query->args);
    for (apr_size_t i = 0; i < query->tries; i++)
        if (!make_arguments(query, config->lookup, ring ? &ring->keys[i] : NULL, plain,
                            query->args + i * n))
            return false;
    return true;
}

/* --- how long ----------------------------------------------------------------------------------- */

/* What is left of the gather's time counts where we are its backend. */
static apr_time_t deadline_of(const request_rec *r)
{
    apr_time_t own = apr_time_now() + eg_config_timeout(eg_config_of(r));
    apr_time_t whole = eg_backend_deadline(r);

    return whole && whole < own ? whole : own;
}

static void run_task(eg_task *task)
{
    eg_query_run((eg_query *)task);
}

static void end_query(eg_query *query)
{
    eg_place_leave(query->place);
    query->place = EG_NO_PLACE;
}

static apr_status_t free_query(void *query)
{
    apr_pool_destroy(((eg_query *)query)->pool);
    return APR_SUCCESS;
}

static void drop_task(eg_task *task)
{
    end_query((eg_query *)task);
    (void)free_query(task);
}

static eg_query *make_query(request_rec *r)
{
    const eg_lookup *lookup = eg_config_of(r)->lookup;
    apr_pool_t *pool;
    eg_query *query;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return NULL;
    apr_pool_abort_set(apr_pool_abort_get(r->pool), pool);
    query = apr_pcalloc(pool, sizeof *query);
    query->task = (eg_task){.run = run_task, .drop = drop_task};
    query->pool = pool;
    query->server = r->server;
    query->holder = eg_query_is_held(r) ? r : NULL;
    query->query = lookup->query;
    query->label = lookup->label;
    query->deadline = deadline_of(r);
    query->place = EG_NO_PLACE;
    return query;
}

/* --- waiting ------------------------------------------------------------------------------------ */

/* False: there are enough who wait. */
static bool take_place(request_rec *r, eg_query *query)
{
    if (eg_places_number() == 0)
        return true;
    query->place = eg_place_take(query->deadline);
    if (query->place == EG_NO_PLACE && eg_count_minute())
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      EG_TAG("0603") "call %s: %u requests are waiting for the database already "
                                     "(%s): further ones are answered 500 at once",
                      eg_call_of(r), eg_places_number(), eg_database_name());
    if (query->place == EG_NO_PLACE)
        eg_note_failure(r, EG_CAUSE_DATABASE, 603,
                        "enough requests are waiting for the database already");
    return query->place != EG_NO_PLACE;
}

static eg_outcome tell_outcome(request_rec *r, const eg_query *query)
{
    if (query->complaint)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      EG_TAG("0602") "call %s: the database (%s) does not prepare the query of "
                                     "EncGatherLookup with text for each %%s: %s",
                      eg_call_of(r), eg_database_name(), query->complaint);
    return query->outcome == EG_UNAVAILABLE ? lookup_unavailable(r, query->why) : query->outcome;
}

/* A database in a file is not waited for by a helper: its driver comes back in time. */
static bool needs_helper(const eg_query *query)
{
    return !query->holder && !eg_database_is_file();
}

/* False: the query is still with the helper, whose it is from now on. */
static bool run_in_time(eg_query *query)
{
    eg_help help =
        needs_helper(query) ? eg_helper_run(&query->task, query->deadline + GRACE) : EG_NO_HELPER;

    if (help == EG_NO_HELPER)
        eg_query_run(query);
    if (help != EG_LEFT)
        end_query(query);
    return help != EG_LEFT;
}

/* The row is where the answer needs it, and the query's pool as long. */
static eg_outcome ask_database(request_rec *r, eg_query *query, eg_json **row)
{
    eg_outcome outcome;

    if (!run_in_time(query))
        return lookup_unavailable(r, EG_TOO_SLOW);
    outcome = tell_outcome(r, query);
    *row = query->row;
    apr_pool_cleanup_register(eg_exchange_pool(r), query, free_query, apr_pool_cleanup_null);
    return outcome;
}

eg_outcome eg_lookup_run(request_rec *r, const eg_span *plain, eg_json **row)
{
    eg_query *query = make_query(r);
    eg_outcome outcome = EG_UNAVAILABLE;

    if (!query)
        return lookup_unavailable(r, "no memory for the query");
    if (!make_tries(query, eg_config_of(r), plain))
        outcome = lookup_unavailable(r, "the blind index could not be computed");
    else if (take_place(r, query))
        return ask_database(r, query, row);
    (void)free_query(query);
    return outcome;
}
