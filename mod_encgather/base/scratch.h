/* SPDX-License-Identifier: Apache-2.0
 * Memory for a piece of work that goes back to the system when it is done. */
#ifndef EG_SCRATCH_H
#define EG_SCRATCH_H

#include <apr_pools.h>

/* A pool to be destroyed by whoever asked for it, at the latest with parent. The pools that httpd reads its configuration with keep
 * for ever what they once had, and every child has it from the parent: a look at a thousand hosts would leave megabytes. */
apr_pool_t *eg_scratch_create(apr_pool_t *parent);

#endif
