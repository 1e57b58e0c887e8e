/* SPDX-License-Identifier: Apache-2.0
 * One query, from the connection to the row: what a request or a helper does. */
#include "lookup/query.h"

#include <string.h>
#include <apr_dbd.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <mod_dbd.h>
#include "core/allowance.h"
#include "lookup/limit.h"
#include "watch/counters.h"

static APR_OPTIONAL_FN_TYPE(ap_dbd_acquire) * dbd_acquire;
static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * dbd_close;
static const module *dbd_itself;

const char *eg_query_find_database(void)
{
    dbd_acquire = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_acquire);
    dbd_open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    dbd_close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    dbd_itself = ap_find_linked_module("mod_dbd.c");
    if (!dbd_acquire || !dbd_open || !dbd_close || !dbd_itself)
        return "needs mod_dbd: put LoadModule dbd_module in front of it, with DBDriver and "
               "DBDParams";
    return NULL;
}

/* --- a connection, as short as it is needed ---------------------------------------------------- */

typedef struct {
    eg_query *query;
    ap_dbd_t *dbd;
    eg_connection *connection; /* what we know of it */
    apr_pool_t *pool;          /* of results: gone before the connection is somebody else's */
} session;

/* mod_dbd keeps it with the first request of all. */
bool eg_query_is_held(const request_rec *r)
{
    while (r->prev || r->main)
        r = r->prev ? r->prev : r->main;
    return ap_get_module_config(r->request_config, dbd_itself) != NULL;
}

/* ap_dbd_acquire() would keep it until the client has its answer, however slowly that goes. But where
 * this request holds one already (mod_authn_dbd), waiting for a second one could last for ever. */
static bool open_session(eg_query *query, session *s)
{
    *s = (session){.query = query};
    s->dbd = query->holder ? dbd_acquire(query->holder) : dbd_open(query->pool, query->server);
    s->connection = s->dbd ? eg_connection_of(s->dbd) : NULL;
    return s->dbd && apr_pool_create(&s->pool, query->pool) == APR_SUCCESS;
}

static void close_session(const session *s)
{
    if (s->pool)
        apr_pool_destroy(s->pool);
    if (s->dbd && !s->query->holder)
        dbd_close(s->query->server, s->dbd);
}

/* What the database said may quote what it was asked: it is not told. */
static eg_outcome fail_query(const session *s, const char *why)
{
    s->query->why = why;
    return EG_UNAVAILABLE;
}

static bool is_past_deadline(const session *s)
{
    return apr_time_now() >= s->query->deadline;
}

/* --- rows -------------------------------------------------------------------------------------- */

/* p is NULL for an SQL NULL, which apr_dbd_get_entry() would show as "" on PostgreSQL; false: the
 * driver could not read it, which must not pass for NULL. */
static bool read_column(const session *s, apr_dbd_row_t *row, int column, eg_span *value)
{
    const char *text = NULL;
    apr_status_t rv = apr_dbd_datum_get(s->dbd->driver, row, column, APR_DBD_TYPE_STRING, &text);

    *value = rv == APR_SUCCESS ? eg_span_of(text) : (eg_span){NULL, 0};
    return rv == APR_SUCCESS || rv == APR_ENOENT;
}

static eg_outcome read_columns(const session *s, apr_dbd_results_t *results, apr_dbd_row_t *row)
{
    int columns = apr_dbd_num_cols(s->dbd->driver, results);
    eg_json *json = eg_json_new(s->query->pool);

    for (int i = 0; i < columns; i++) {
        const char *name = apr_dbd_get_name(s->dbd->driver, results, i);
        eg_span value;

        if (!read_column(s, row, i, &value))
            return fail_query(s, "a column of the row found cannot be read");
        if (!name || eg_json_set(json, name, value) != EG_OK)
            return fail_query(s, "the row found has a column without name or not in UTF-8");
    }
    s->query->row = json;
    return EG_FOUND;
}

/* The results have to be read to their end, or the connection stays busy. The row is where the
 * PostgreSQL driver remembers how far it has come. */
static eg_outcome read_rows(const session *s, apr_dbd_results_t *results, int *rows)
{
    eg_outcome outcome = EG_NOT_FOUND;
    apr_dbd_row_t *row = NULL;
    int end;

    while ((end = apr_dbd_get_row(s->dbd->driver, s->pool, results, &row, -1)) == 0) {
        if ((*rows)++ == 0)
            outcome = read_columns(s, results, row);
    }
    if (end != -1)
        return fail_query(s, "the database broke off its answer");
    return *rows > 1 ? EG_NOT_FOUND : outcome;
}

/* --- statements -------------------------------------------------------------------------------- */

/* Statements live as long as their connection, so how many are made has to be limited: some at
 * once, as when a schema is changed in steps, and then one a second. */
#define STATEMENTS_AT_ONCE 16

/* A failure that takes longer than this will take as long again. */
#define QUICKLY apr_time_from_sec(1)
#define TRIES 3
#define NAP apr_time_from_msec(100)

/* Of one query on one connection, among the statements that mod_dbd keeps for it. */
typedef struct {
    apr_dbd_prepared_t *statement; /* NULL: not yet, or the database will not have it */
    long identity;                 /* of the connection to the server that knows it */
    eg_allowance allowance;
} prepared;

static long identity_of(const session *s)
{
    return eg_connection_identity(s->connection, s->dbd);
}

/* Once the driver has opened the connection anew, no statement of the old one is known. */
static prepared *prepared_of(const session *s)
{
    const ap_dbd_t *dbd = s->dbd;
    long identity = identity_of(s);
    prepared *p = apr_hash_get(dbd->prepared, s->query->label, APR_HASH_KEY_STRING);

    if (!p) {
        p = apr_pcalloc(dbd->pool, sizeof *p);
        apr_hash_set(dbd->prepared, s->query->label, APR_HASH_KEY_STRING, p);
    }
    if (p->identity != identity)
        p->statement = NULL;
    p->identity = identity;
    return p;
}

/* SQLite has one lock for all tables, and every writer takes it. */
static bool is_locked(const session *s)
{
    const char *what;

    if (strcmp(apr_dbd_name(s->dbd->driver), "sqlite3") != 0)
        return false;
    what = apr_dbd_error(s->dbd->driver, s->dbd->handle, 1);
    return what && strstr(what, "locked");
}

/* False: the statement is what it was. Without a label PostgreSQL prepares nothing but takes the
 * types of arguments from the query, with each request; a label it knows already it refuses. */
static bool prepare(const session *s, const char *label, prepared *p)
{
    apr_dbd_prepared_t *fresh;
    int rv;

    do {
        fresh = NULL;
        rv = apr_dbd_prepare(s->dbd->driver, s->dbd->pool, s->dbd->handle, s->query->query, label,
                             &fresh);
        if (rv == 0 || is_past_deadline(s) || !is_locked(s))
            break;
        apr_sleep(NAP);
    } while (true);
    if (rv == 0)
        p->statement = fresh;
    return rv == 0;
}

/* Of a connection that has just failed. The PostgreSQL and MySQL drivers open it anew here. */
static bool is_dead(const session *s)
{
    apr_status_t rv = apr_dbd_check_conn(s->dbd->driver, s->pool, s->dbd->handle);

    return rv != APR_SUCCESS && rv != APR_ENOTIMPL;
}

static bool is_as_it_was(const session *s)
{
    long before = identity_of(s);

    return !is_dead(s) && identity_of(s) == before;
}

/* No argument is bound yet: what the database says is about the query as the administrator wrote it. */
static void complain_of_query(const session *s)
{
    const char *why = apr_dbd_error(s->dbd->driver, s->dbd->handle, 1);

    s->query->complaint = apr_pstrdup(s->query->pool, why && *why ? why : "it does not say why");
}

/* mod_dbd would prepare with each new connection, and give up the connection, and all other queries
 * with it, where that fails: because the PostgreSQL driver says that arguments are text, and a
 * column is an integer. */
static apr_dbd_prepared_t *statement_of(const session *s)
{
    prepared *p = prepared_of(s);

    if (p->statement || !eg_allowance_take(&p->allowance, STATEMENTS_AT_ONCE, eg_clock()) ||
        prepare(s, s->query->label, p) || is_past_deadline(s) || !is_as_it_was(s))
        return p->statement;
    complain_of_query(s);
    (void)prepare(s, NULL, p);
    return p->statement;
}

/* Prepares the query anew where a change of the schema has made the statement useless. */
static bool repair(const session *s)
{
    prepared *p = prepared_of(s);

    return eg_allowance_take(&p->allowance, STATEMENTS_AT_ONCE, eg_clock()) && prepare(s, NULL, p);
}

/* "Random access", which nobody needs, is what makes the PostgreSQL driver wait for the answer: the
 * other way a failure would look like no rows, and the caller would hear "not found". The MySQL
 * driver finds its rows only without. */
static int random_access(const ap_dbd_t *dbd)
{
    return strcmp(apr_dbd_name(dbd->driver), "pgsql") == 0;
}

static bool select_rows(const session *s, const char **args, apr_dbd_results_t **results)
{
    const ap_dbd_t *dbd = s->dbd;
    apr_dbd_prepared_t *statement;
    bool is_well;

    *results = NULL;
    eg_limit_set(s->connection, dbd, &s->query->deadline);
    statement = statement_of(s);
    is_well = statement && apr_dbd_pselect(dbd->driver, s->pool, dbd->handle, results, statement,
                                           random_access(dbd), s->query->n, args) == 0;
    eg_limit_lift(s->connection, dbd);
    return is_well;
}

/* --- again -------------------------------------------------------------------------------------- */

static bool give_up_query(const session *s, const char *why)
{
    s->query->why = why;
    return false;
}

typedef struct {
    apr_time_t began;
    long identity; /* of the connection, by then */
    int number;
} try_made;

/* What may help, after a failure that came quickly. A statement that failed once may report that
 * failure again, and only then be ready for use (sqlite3_reset). */
static bool mend(const session *s, const try_made *last)
{
    bool is_same;

    if (is_dead(s))
        return give_up_query(s, "the connection to the database was lost, and it takes no new one");
    is_same = identity_of(s) == last->identity;
    if (last->number >= TRIES)
        return give_up_query(s, is_same
                                    ? "the database refused the query"
                                    : "the connection to the database was lost, again and again");
    if (is_same && (!prepared_of(s)->statement || (last->number > 1 && !repair(s))))
        return give_up_query(s, "the database refused the query");
    return true;
}

static bool may_try_again(const session *s, const try_made *last)
{
    apr_time_t now = apr_time_now();
    apr_interval_time_t lasted = now - last->began;

    if (is_locked(
            s)) /* by somebody else, who will be done; the next try may last a little longer */
        return now + lasted + lasted / 4 < s->query->deadline ||
               give_up_query(s, "the database is locked by somebody else, for longer than "
                                "EncGatherTimeout");
    if (now >= s->query->deadline)
        return give_up_query(s, EG_TOO_SLOW);
    if (lasted >= QUICKLY)
        return give_up_query(s, "the database gave up the query by itself");
    return mend(s, last);
}

static bool select_in_the_end(const session *s, const char **args, apr_dbd_results_t **results)
{
    try_made last = {.number = 0};

    do {
        last = (try_made){apr_time_now(), identity_of(s), last.number + 1};
        if (last.began >= s->query->deadline)
            return give_up_query(s, EG_TOO_SLOW);
        if (select_rows(s, args, results))
            return true;
    } while (may_try_again(s, &last));
    return false;
}

/* --- all of it ---------------------------------------------------------------------------------- */

static eg_outcome look_with_each(const session *s)
{
    eg_query *query = s->query;
    eg_outcome outcome = EG_NOT_FOUND;
    int rows = 0;

    /* several rows are an answer, too: none of them is the one */
    for (apr_size_t i = 0; i < query->tries && outcome == EG_NOT_FOUND && rows == 0; i++) {
        apr_dbd_results_t *results;

        if (!select_in_the_end(s, query->args + i * (apr_size_t)query->n, &results))
            return EG_UNAVAILABLE;
        outcome = read_rows(s, results, &rows);
    }
    return outcome;
}

void eg_query_run(eg_query *query)
{
    session s;

    if (open_session(query, &s))
        query->outcome = look_with_each(&s);
    else
        query->outcome = fail_query(&s, "the database takes no connection");
    close_session(&s);
}
