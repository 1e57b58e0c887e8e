/* SPDX-License-Identifier: Apache-2.0
 * What is written down of requests when they have ended. */
#ifndef EG_WRITERS_H
#define EG_WRITERS_H

#include <stdbool.h>
#include <httpd.h>

/* Once all modules have their hooks and the configuration is read. */
void eg_writers_look(apr_pool_t *ptemp);

/* More of a request that has ended than what its line and the Referer that was sent say. */
enum {
    EG_SHOWS_VALUES = 1,  /* the name of its file, variables, notes, headers */
    EG_SHOWS_AGENT = 2,   /* User-Agent */
    EG_SHOWS_REFERER = 4, /* a Referer that may have been made since the request was read */
};

/* What somebody may write down. */
extern unsigned eg_writers_shown;

bool eg_writers_ask(const request_rec *r);

/* Whether somebody may write down more of r, which has ended, than what was found to have nothing to mask. */
static inline bool eg_writers_show_more(const request_rec *r)
{
    return eg_writers_shown && eg_writers_ask(r);
}

#endif
