/* SPDX-License-Identifier: Apache-2.0
 * The database side of decrypt-gather, through mod_dbd. */
#include "lookup/lookup.h"

#include <string.h>
#include <apr_dbd.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <mod_dbd.h>
#include "core/allowance.h"
#include "core/blindindex.h"
#include "watch/counters.h"
#include "watch/record.h"
#include "webhook/exchange.h"

APLOG_USE_MODULE(encgather);

static APR_OPTIONAL_FN_TYPE(ap_dbd_acquire) * dbd_acquire;
static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * dbd_close;
static const module *dbd_itself;

const char *eg_lookup_find_database(void)
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
    request_rec *r;
    ap_dbd_t *dbd;
    apr_pool_t *pool; /* of results: gone before the connection is somebody else's */
    bool is_shared;   /* with others of this request, until its end */
} session;

/* mod_dbd keeps it with the first request of all. */
static bool is_held_already(const request_rec *r)
{
    while (r->prev || r->main)
        r = r->prev ? r->prev : r->main;
    return ap_get_module_config(r->request_config, dbd_itself) != NULL;
}

/* ap_dbd_acquire() would keep it until the client has its answer, however slowly that goes. But where
 * this request holds one already (mod_authn_dbd), waiting for a second one could last for ever. */
static bool open_session(request_rec *r, session *s)
{
    *s = (session){.r = r, .is_shared = is_held_already(r)};
    s->dbd = s->is_shared ? dbd_acquire(r) : dbd_open(r->pool, r->server);
    return s->dbd && apr_pool_create(&s->pool, r->pool) == APR_SUCCESS;
}

static void close_session(const session *s)
{
    if (s->pool)
        apr_pool_destroy(s->pool);
    if (s->dbd && !s->is_shared)
        dbd_close(s->r->server, s->dbd);
}

/* What the database said may quote what it was asked: it is not logged. */
eg_outcome eg_lookup_unavailable(request_rec *r, const char *what)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, EG_TAG("0601") "call %s: %s", eg_call_of(r), what);
    return EG_UNAVAILABLE;
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

#define NO_ROOM "no memory for the row found"
#define STRANGE_COLUMN "the row found has a column without name or not in UTF-8"

static eg_outcome read_columns(const session *s, apr_dbd_results_t *results, apr_dbd_row_t *row,
                               eg_json **json)
{
    request_rec *r = s->r;
    int columns = apr_dbd_num_cols(s->dbd->driver, results);

    *json = eg_json_new(eg_exchange_pool(r));
    for (int i = 0; *json && i < columns; i++) {
        const char *name = apr_dbd_get_name(s->dbd->driver, results, i);
        eg_status status = EG_EMALFORMED;
        eg_span value;

        if (!read_column(s, row, i, &value))
            return eg_lookup_unavailable(r, "a column of the row found cannot be read");
        if (name)
            status = eg_json_set(*json, name, value);
        if (status != EG_OK)
            return eg_lookup_unavailable(r, status == EG_ENOMEM ? NO_ROOM : STRANGE_COLUMN);
    }
    return *json ? EG_FOUND : eg_lookup_unavailable(r, NO_ROOM);
}

/* The results have to be read to their end, or the connection stays busy. The row is where the
 * PostgreSQL driver remembers how far it has come. */
static eg_outcome read_rows(const session *s, apr_dbd_results_t *results, eg_json **json, int *rows)
{
    eg_outcome outcome = EG_NOT_FOUND;
    apr_dbd_row_t *row = NULL;
    int end;

    while ((end = apr_dbd_get_row(s->dbd->driver, s->pool, results, &row, -1)) == 0) {
        if ((*rows)++ == 0)
            outcome = read_columns(s, results, row, json);
    }
    if (end != -1)
        return eg_lookup_unavailable(s->r, "the database broke off its answer");
    return *rows > 1 ? EG_NOT_FOUND : outcome;
}

/* --- statements -------------------------------------------------------------------------------- */

/* Statements live as long as their connection, so how many are made has to be limited: some at
 * once, as when a schema is changed in steps, and then one a second. */
#define STATEMENTS_AT_ONCE 16

/* Of one query on one connection, among the statements that mod_dbd keeps for it. */
typedef struct {
    apr_dbd_prepared_t *statement; /* NULL: not yet, or the database will not have it */
    eg_allowance allowance;
} prepared;

static prepared *prepared_of(const ap_dbd_t *dbd, const eg_lookup *lookup)
{
    prepared *p = apr_hash_get(dbd->prepared, lookup->label, APR_HASH_KEY_STRING);

    if (!p) {
        p = apr_pcalloc(dbd->pool, sizeof *p);
        apr_hash_set(dbd->prepared, lookup->label, APR_HASH_KEY_STRING, p);
    }
    return p;
}

/* False: the statement is what it was. Without a label PostgreSQL prepares nothing but takes the
 * types of arguments from the query, with each request; a label it knows already it refuses. */
static bool prepare(const session *s, const eg_lookup *lookup, const char *label, prepared *p)
{
    apr_dbd_prepared_t *fresh = NULL;

    if (apr_dbd_prepare(s->dbd->driver, s->dbd->pool, s->dbd->handle, lookup->query, label,
                        &fresh) != 0)
        return false;
    p->statement = fresh;
    return true;
}

/* Of a connection that has just failed. */
static bool is_dead(const session *s)
{
    apr_status_t rv = apr_dbd_check_conn(s->dbd->driver, s->pool, s->dbd->handle);

    return rv != APR_SUCCESS && rv != APR_ENOTIMPL;
}

/* No argument is bound yet: what the database says is about the query as the administrator wrote it. */
static void warn_of_query(const session *s)
{
    const char *why = apr_dbd_error(s->dbd->driver, s->dbd->handle, 1);

    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, s->r,
                  EG_TAG("0602") "call %s: the database does not prepare the query of "
                                 "EncGatherLookup with text for each %%s: %s",
                  eg_call_of(s->r), why && *why ? why : "it does not say why");
}

/* mod_dbd would prepare with each new connection, and give up the connection, and all other queries
 * with it, where that fails: because the PostgreSQL driver says that arguments are text, and a
 * column is an integer. */
static apr_dbd_prepared_t *statement_of(const session *s, const eg_lookup *lookup)
{
    prepared *p = prepared_of(s->dbd, lookup);

    if (p->statement || !eg_allowance_take(&p->allowance, STATEMENTS_AT_ONCE, eg_clock()) ||
        prepare(s, lookup, lookup->label, p) || is_dead(s))
        return p->statement;
    warn_of_query(s);
    (void)prepare(s, lookup, NULL, p);
    return p->statement;
}

/* Prepares the query anew where a change of the schema or a lost connection has made the statement
 * useless. */
static bool repair(const session *s, const eg_lookup *lookup)
{
    prepared *p = prepared_of(s->dbd, lookup);

    return eg_allowance_take(&p->allowance, STATEMENTS_AT_ONCE, eg_clock()) &&
           prepare(s, lookup, NULL, p);
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
    const eg_lookup *lookup = eg_config_of(s->r)->lookup;
    const ap_dbd_t *dbd = s->dbd;
    apr_dbd_prepared_t *statement = statement_of(s, lookup);

    *results = NULL;
    return statement && apr_dbd_pselect(dbd->driver, s->pool, dbd->handle, results, statement,
                                        random_access(dbd), lookup->args->nelts, args) == 0;
}

/* A statement that failed once may report that failure again, and only then be ready for use
 * (sqlite3_reset). */
static bool select_in_the_end(const session *s, const char **args, apr_dbd_results_t **results)
{
    if (!statement_of(s, eg_config_of(s->r)->lookup))
        return false;
    /* NOLINTNEXTLINE(misc-redundant-expression): the second try is meant */
    return select_rows(s, args, results) || select_rows(s, args, results) ||
           (repair(s, eg_config_of(s->r)->lookup) && select_rows(s, args, results));
}

/* --- arguments --------------------------------------------------------------------------------- */

static const char *index_of(request_rec *r, const eg_lookup_arg *arg, const eg_key *key,
                            const eg_span *plain)
{
    apr_size_t n = (apr_size_t)arg->fields->nelts;
    eg_span *values = apr_palloc(r->pool, n * sizeof *values);
    char *hex = apr_palloc(r->pool, EG_INDEX_LENGTH + 1);

    for (apr_size_t i = 0; i < n; i++)
        values[i] = plain[APR_ARRAY_IDX(arg->fields, i, unsigned)];
    return eg_blind_index_under(eg_the_crypto(), key->index, values, n, hex) == EG_OK ? hex : NULL;
}

static bool make_arguments(request_rec *r, const eg_key *key, const eg_span *plain,
                           const char **args)
{
    const eg_lookup *lookup = eg_config_of(r)->lookup;

    for (int i = 0; i < lookup->args->nelts; i++) {
        const eg_lookup_arg *arg = &APR_ARRAY_IDX(lookup->args, i, eg_lookup_arg);

        args[i] = arg->is_index ? index_of(r, arg, key, plain)
                                : plain[APR_ARRAY_IDX(arg->fields, 0, unsigned)].p;
        if (!args[i])
            return false;
    }
    return true;
}

static eg_outcome look_with_key(const session *s, const eg_key *key, const eg_span *plain,
                                eg_json **row, int *rows)
{
    request_rec *r = s->r;
    int n = eg_config_of(r)->lookup->args->nelts;
    const char **args = apr_pcalloc(r->pool, (apr_size_t)n * sizeof *args);
    apr_dbd_results_t *results;

    if (!make_arguments(r, key, plain, args))
        return eg_lookup_unavailable(r, "the blind index could not be computed");
    if (!select_in_the_end(s, args, &results))
        return eg_lookup_unavailable(r, "the database refused the query");
    return read_rows(s, results, row, rows);
}

static eg_outcome look_with_keys(const session *s, const eg_span *plain, eg_json **row)
{
    const eg_config *config = eg_config_of(s->r);
    const eg_keyring *ring = config->keys->keys;
    apr_size_t keys = config->lookup->has_index ? ring->n : 1;
    eg_outcome outcome = EG_NOT_FOUND;
    int rows = 0;

    /* several rows under one key are an answer, too: none of them is the one */
    for (apr_size_t i = 0; i < keys && outcome == EG_NOT_FOUND && rows == 0; i++)
        outcome = look_with_key(s, &ring->keys[i], plain, row, &rows);
    return outcome;
}

eg_outcome eg_lookup_run(request_rec *r, const eg_span *plain, eg_json **row)
{
    session s;
    eg_outcome outcome = open_session(r, &s)
                             ? look_with_keys(&s, plain, row)
                             : eg_lookup_unavailable(r, "the database does not answer");

    close_session(&s);
    return outcome;
}
