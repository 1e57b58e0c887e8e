/* SPDX-License-Identifier: Apache-2.0
 * Counters in shared memory: exact over all children, kept over graceful restarts. */
#ifndef EG_COUNTERS_H
#define EG_COUNTERS_H

#include <stdatomic.h>
#include "encgather.h"

/* How often a key was used, by all children since the server was started. */
typedef struct eg_key_use {
    char fingerprint[9]; /* empty: free */
    atomic_ullong seals;
    atomic_ullong opens;
} eg_key_use;

/* In the parent, before children are made; again at every restart. */
void eg_counters_open(server_rec *s);

/* The counter of a key, taken if it has none yet; NULL when there is no room or no memory. Only
 * the parent may call it. */
eg_key_use *eg_counters_key(const char *fingerprint);

/* Counts one encryption; true when the number calls for a new key (half of the 2^32 that NIST
 * SP 800-38D, 8.3 allows for random nonces), once for each such number. use may be NULL. */
bool eg_count_seal(eg_key_use *use);
void eg_count_open(eg_key_use *use);

#endif
