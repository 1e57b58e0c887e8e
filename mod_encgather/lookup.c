/* SPDX-License-Identifier: Apache-2.0
 * The database side of decrypt-gather, through mod_dbd. */
#include "lookup.h"

#include <apr_dbd.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <mod_dbd.h>
#include "log.h"

APLOG_USE_MODULE(encgather);

static APR_OPTIONAL_FN_TYPE(ap_dbd_acquire) * dbd_acquire;
static APR_OPTIONAL_FN_TYPE(ap_dbd_prepare) * dbd_prepare;

/* mod_dbd complains about a label that it has already, even for the same query. */
static void prepare_once(apr_hash_t *seen, const eg_lookup *lookup, server_rec *s)
{
    apr_pool_t *pool = apr_hash_pool_get(seen);
    const char *key = apr_psprintf(pool, "%pp %s", (void *)s, lookup->label);

    if (apr_hash_get(seen, key, APR_HASH_KEY_STRING))
        return;
    apr_hash_set(seen, key, APR_HASH_KEY_STRING, lookup);
    dbd_prepare(s, lookup->query, lookup->label);
}

/* As if the directive had called it: a query of the main server is inherited by virtual hosts, one
 * of a virtual host stays there (another host's database may lack its tables). */
static void prepare_everywhere(apr_hash_t *seen, const eg_lookup *lookup, server_rec *main_server)
{
    if (lookup->server != main_server) {
        prepare_once(seen, lookup, lookup->server);
        return;
    }
    for (server_rec *s = main_server; s; s = s->next)
        prepare_once(seen, lookup, s);
}

int eg_lookup_prepare(apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *lookups = eg_config_lookups();
    apr_hash_t *seen = apr_hash_make(ptemp);

    dbd_acquire = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_acquire);
    dbd_prepare = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_prepare);
    if (lookups->nelts && (!dbd_acquire || !dbd_prepare)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     EG_TAG("0109") "EncGatherLookup needs mod_dbd: add LoadModule dbd_module, "
                                    "DBDriver and DBDParams");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    for (int i = 0; i < lookups->nelts; i++)
        prepare_everywhere(seen, APR_ARRAY_IDX(lookups, i, const eg_lookup *), s);
    return OK;
}

/* What the database said may quote what it was asked: it is not logged. */
static eg_outcome unavailable(request_rec *r, const char *what)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, EG_TAG("0601") "call %s: %s", eg_call_of(r), what);
    return EG_UNAVAILABLE;
}

static eg_outcome read_columns(request_rec *r, const ap_dbd_t *dbd, apr_dbd_results_t *results,
                               apr_dbd_row_t *row, eg_json **json)
{
    int columns = apr_dbd_num_cols(dbd->driver, results);

    *json = eg_json_new(r->pool);
    for (int i = 0; *json && i < columns; i++) {
        const char *name = apr_dbd_get_name(dbd->driver, results, i);
        eg_span value = eg_span_of(apr_dbd_get_entry(dbd->driver, row, i));

        if (!name || eg_json_set(*json, name, value) != EG_OK)
            return unavailable(r, "the row found has a column without name or not in UTF-8");
    }
    return *json ? EG_FOUND : unavailable(r, "no memory for the row found");
}

/* The results have to be read to their end, or the connection stays busy. */
static eg_outcome read_rows(request_rec *r, const ap_dbd_t *dbd, apr_dbd_results_t *results,
                            eg_json **json)
{
    eg_outcome outcome = EG_NOT_FOUND;
    apr_dbd_row_t *row = NULL;
    int rows = 0;

    while (apr_dbd_get_row(dbd->driver, r->pool, results, &row, -1) == 0) {
        if (rows++ == 0)
            outcome = read_columns(r, dbd, results, row, json);
        row = NULL;
    }
    return rows > 1 ? EG_NOT_FOUND : outcome;
}

eg_outcome eg_lookup_run(request_rec *r, const char **args, eg_json **row)
{
    const eg_lookup *lookup = eg_config_of(r)->lookup;
    ap_dbd_t *dbd = dbd_acquire(r);
    apr_dbd_prepared_t *statement;
    apr_dbd_results_t *results = NULL;

    if (!dbd)
        return unavailable(r, "the database does not answer");
    statement = apr_hash_get(dbd->prepared, lookup->label, APR_HASH_KEY_STRING);
    if (!statement)
        return unavailable(r, "the query is not prepared for the database of this virtual host");
    if (apr_dbd_pselect(dbd->driver, r->pool, dbd->handle, &results, statement, 0,
                        lookup->args->nelts, args) != 0)
        return unavailable(r, "the database refused the query");
    return read_rows(r, dbd, results, row);
}
