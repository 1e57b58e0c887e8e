/* SPDX-License-Identifier: Apache-2.0
 * One query, from the connection to the row: what a request or a helper does. */
#ifndef EG_QUERY_H
#define EG_QUERY_H

#include "config/config.h"
#include "core/json.h"
#include "base/outcome.h"
#include "lookup/helper.h"

/* All of it is in a pool of its own, and nothing of a request: it may be left to a helper. */
typedef struct {
    eg_task task;
    apr_pool_t *pool;
    server_rec *server;
    request_rec *holder; /* who has a connection already that is to be used; else NULL */
    const char *query, *label;
    const char **args; /* n for each try, wiped with the pool */
    int n;
    apr_size_t tries; /* until a row is found */
    apr_time_t deadline;
    int place;
    /* what comes of it */
    eg_outcome outcome;
    eg_json *row;          /* with EG_FOUND */
    const char *why;       /* with EG_UNAVAILABLE: for the log, never data */
    const char *complaint; /* what the database says of the query as it is written, or NULL */
} eg_query;

#define EG_TOO_SLOW "the database did not answer within EncGatherTimeout"

/* While the configuration is read. Returns NULL, or what is wrong. */
const char *eg_query_find_database(void);

/* Whether mod_dbd keeps a connection for this request. */
bool eg_query_is_held(const request_rec *r);

/* Blocks as long as the driver does. */
void eg_query_run(eg_query *query);

#endif
