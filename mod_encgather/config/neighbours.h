/* SPDX-License-Identifier: Apache-2.0
 * At start: a line for every loaded module that would write down what this one keeps secret. */
#ifndef EG_NEIGHBOURS_H
#define EG_NEIGHBOURS_H

#include <httpd.h>

/* Logs a warning, with what to do, for each neighbour that is set up to write bodies or raw request
 * lines, or that can read this process' memory. */
void eg_neighbours_check(server_rec *s);

#endif
