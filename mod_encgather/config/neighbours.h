/* SPDX-License-Identifier: Apache-2.0
 * At start: a line for every loaded module that would write down what this one keeps secret. */
#ifndef EG_NEIGHBOURS_H
#define EG_NEIGHBOURS_H

#include <stdbool.h>
#include <httpd.h>

/* Logs a warning, with what to do, for each neighbour that is set up to write bodies or raw request
 * lines, or that can read this process' memory. */
void eg_neighbours_check(server_rec *s);

/* Whether some SetHandler names the status page, or an expression that may come to it; known from
 * eg_neighbours_look() on, which is called once the configuration has been read. */
void eg_neighbours_look(void);
bool eg_may_show_status(void);

#endif
