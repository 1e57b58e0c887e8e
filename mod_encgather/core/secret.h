/* SPDX-License-Identifier: Apache-2.0
 * Memory for keys and plaintext: wiped when it goes, kept out of swap and core dumps where told. */
#ifndef EG_SECRET_H
#define EG_SECRET_H

#include <stdbool.h>
#include <apr_pools.h>
#include "status.h"

/* Overwrites n bytes; the compiler does not take it away. NULL is fine. */
void eg_wipe(void *p, apr_size_t n);

/* Wipes the stack below the caller: what functions that it called, of other libraries too, have left. */
void eg_wipe_stack(void);

/* Pool memory that is wiped when the pool goes. */
void *eg_wiped_alloc(apr_pool_t *pool, apr_size_t n);

/* Wipes all of what eg_wiped_alloc() returned now, and not once more with the pool: nothing may be
 * written there any more. NULL is fine. */
void eg_wipe_early(void *p);

/* A private mapping of its own for key material: zeroed, left out of core dumps, locked if the
 * limits allow. size is rounded up to pages. NULL when there is no memory.
 * Locks are not inherited over fork(2): call eg_secret_lock() again in a child. */
void *eg_secret_map(apr_size_t size);
bool eg_secret_lock(void *p, apr_size_t size);

/* The same for what no other process is to have: it is not there in any that is forked, whoever
 * forks it, and whenever. NULL too where the kernel does not do that. */
void *eg_secret_map_alone(apr_size_t size);

/* Wipes and gives back what one of these two returned for size. NULL is fine. */
void eg_secret_unmap(void *p, apr_size_t size);

#endif
