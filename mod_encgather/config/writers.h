/* SPDX-License-Identifier: Apache-2.0
 * What is written down of requests when they have ended. */
#ifndef EG_WRITERS_H
#define EG_WRITERS_H

#include <stdbool.h>
#include <apr_pools.h>

/* Once all modules have their hooks and the configuration is read. */
void eg_writers_look(apr_pool_t *ptemp);

/* Whether somebody may write down more of a request that has ended than what its line and its Referer say: the name of
 * its file, variables, notes, headers. */
extern bool eg_writers_shown;

static inline bool eg_writers_show_values(void)
{
    return eg_writers_shown;
}

#endif
