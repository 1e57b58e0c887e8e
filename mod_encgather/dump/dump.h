/* SPDX-License-Identifier: Apache-2.0
 * "httpd -t -D DUMP_ENCGATHER": what is configured, as lines of JSON on standard output. */
#ifndef EG_DUMP_H
#define EG_DUMP_H

#include "config/config.h"

/* Only together with -t: a server that serves is never in this mode. */
bool eg_dump_is_wanted(void);

/* In this mode a directive with a mistake is told and does not stop httpd, so that those behind it are
 * looked at, too. Returns what httpd is to be told: wrong itself outside of this mode, NULL in it. */
const char *eg_dump_take_error(const cmd_parms *cmd, const char *wrong);

/* Where httpd stops at a mistake that it found itself: look() is called with what there is. Before the
 * directives are read. */
void eg_dump_prepare(apr_pool_t *pconf, void (*look)(apr_pool_t *pool, server_rec *s));

/* What follows on standard error was found by this ("hopeless", "doubtful"). */
void eg_dump_announce(apr_pool_t *pool, const char *by);

/* Writes all of it. false: some directive had a mistake. */
bool eg_dump_write(apr_pool_t *pool, server_rec *s);

#endif
