/* SPDX-License-Identifier: Apache-2.0
 * "httpd -t -D DUMP_ENCGATHER_DATABASES": whether each lookup's database answers and knows the query. */
#ifndef EG_DUMP_DATABASE_H
#define EG_DUMP_DATABASE_H

#include "config/sections.h"

/* Asks as the server's children would: as their user, in a process that ends behind it, and that is
 * ended when it takes too long. No query is run. columns: of const char *, what sentences want of the
 * row. Writes lines of JSON on standard output; never DBDParams, nor what a database says that quotes
 * them. */
void eg_dump_database(apr_pool_t *pool, const eg_place *place, const apr_array_header_t *columns);

#endif
