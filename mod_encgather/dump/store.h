/* SPDX-License-Identifier: Apache-2.0
 * The store that requests share, in the dump. */
#ifndef EG_DUMP_STORE_H
#define EG_DUMP_STORE_H

#include <apr_pools.h>

/* Nothing where nothing needs EncGatherStateCache. */
void eg_dump_store(apr_pool_t *pool);

#endif
