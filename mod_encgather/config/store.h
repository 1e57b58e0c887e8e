/* SPDX-License-Identifier: Apache-2.0
 * Key and token files across restarts: checked, kept in memory of their own, never in a pool. */
#ifndef EG_STORE_H
#define EG_STORE_H

#include "config/config.h"

/* Forgets the entries of the last reading of the configuration, not what was read from files. */
void eg_store_reset(apr_pool_t *pconf);

/* The entry for a directive's file; path is absolute. */
const eg_store_entry *eg_store_add(apr_pool_t *pconf, eg_store_kind kind, const char *path);

/* Reads all files. A bad one is an error, logged in one line, unless the server is running and
 * was only sent a signal: then what its path held before goes on, and the line is an alert. */
int eg_store_check(apr_pool_t *ptemp, server_rec *s);

/* Says at start what was read: how many keys, which encrypts. */
void eg_store_announce(apr_pool_t *ptemp, server_rec *s);

/* While the configuration is read, other modules fork helpers (mod_cgid's daemon) that have no use
 * for keys; from here on children are forked that serve requests, and get them. An entry that the
 * kernel does not let them have is emptied, and logged. */
void eg_store_hand_over(server_rec *s);

/* In a process that turns out to be such a helper: wipes everything. */
void eg_store_forget(void);

/* In a child: locks are not inherited. */
void eg_store_lock(server_rec *s);

#endif
