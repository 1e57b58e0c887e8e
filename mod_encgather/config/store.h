/* SPDX-License-Identifier: Apache-2.0
 * Files of keys and tokens across restarts: checked, kept in memory of their own, never in a pool.
 *
 * The life of a key file:
 *   check_config   the parent reads it. What it held stays in the vault (vault.h), in memory that no
 *                  other process ever has, until no directive names the file any more; a bad file at
 *                  a restart changes nothing there.
 *   post_config    what requests need beside each key is derived from it. The last thing of all is a
 *                  copy of the vault, sealed, that waits for children (handover.h).
 *   a fork         the new process has neither, and empty entries.
 *   child_init     a child that the MPM has announced is sent the copy, maps it and connects the
 *                  entries to it: from now on it can serve. It keeps it until it ends, which may be
 *                  later than the configuration that it belongs to.
 *   restart        the copy is closed; the vault stays, and all begins anew.
 *   the end        the vault is wiped. */
#ifndef EG_STORE_H
#define EG_STORE_H

#include "config/config.h"

/* Forgets the entries of the last reading of the configuration, not what was read from files. */
void eg_store_reset(apr_pool_t *pconf);

/* The entry for a directive's file; path is absolute, kid "" where the kind has none. */
const eg_store_entry *eg_store_add(apr_pool_t *pconf, eg_store_kind kind, const char *path,
                                   const char *kid);

/* Reads all files. A bad one is an error, logged in one line, unless the server is running and
 * was only sent a signal: then what its path held before goes on, and the line is an alert. */
int eg_store_check(apr_pool_t *ptemp, server_rec *s);

/* Looks at every file that was read, before it is handed over. */
void eg_store_each(server_rec *s, void (*look)(server_rec *s, const eg_store_entry *entry));

/* Warns of what such a file holds and should not; a look for eg_store_each(). */
void eg_store_doubt(server_rec *s, const eg_store_entry *entry);

/* The counter of a key, by its fingerprint, or NULL. */
typedef struct eg_key_use *(*eg_key_counter)(const char *fingerprint);

/* Says at start what was read: how many keys, which encrypts; each gets its counter. */
void eg_store_announce(apr_pool_t *ptemp, server_rec *s, eg_key_counter counter);

/* From here on children that serve get what was read (handover.h). Where that cannot be, the entries
 * are emptied, and it is logged. */
void eg_store_hand_over(server_rec *s);

/* In a child that serves: takes what the parent hands over, and keeps it out of swap. Until then,
 * and in any other process, all entries are empty. */
void eg_store_take(apr_pool_t *pchild, server_rec *s);

#endif
