/* SPDX-License-Identifier: Apache-2.0
 * At start: a line for every neighbour that is set to write down what this module keeps secret, to
 * read its memory, or to stand in the way of its callers. */
#ifndef EG_NEIGHBOURS_H
#define EG_NEIGHBOURS_H

#include <stdbool.h>
#include <httpd.h>

/* Logs a warning, with what to do, for each neighbour that is set up to write bodies or raw request
 * lines, that can read this process' memory, or that stands in the way of Twilio. */
void eg_neighbours_check(apr_pool_t *ptemp, server_rec *s);

/* Whether some SetHandler names the status page, or an expression that may come to it; known from
 * eg_neighbours_look() on, which is called once the configuration has been read. */
void eg_neighbours_look(apr_pool_t *ptemp);
extern bool eg_status_is_named;

static inline bool eg_may_show_status(void)
{
    return eg_status_is_named;
}

#endif
