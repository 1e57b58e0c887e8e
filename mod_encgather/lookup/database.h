/* SPDX-License-Identifier: Apache-2.0
 * What the configuration says of the database: only mod_dbd knows, and it does not tell. */
#ifndef EG_DATABASE_H
#define EG_DATABASE_H

#include <stdbool.h>
#include <apr_pools.h>

/* Once the configuration is read. */
void eg_database_look(apr_pool_t *pconf);

/* For people: driver, host and name of the database as far as they are plain to see, never a user, a
 * password or a path. Never NULL. */
const char *eg_database_name(void);

/* Whether it is SQLite, for all hosts. */
bool eg_database_is_file(void);

#endif
