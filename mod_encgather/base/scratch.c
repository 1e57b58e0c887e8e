/* SPDX-License-Identifier: Apache-2.0
 * Memory for a piece of work that goes back to the system when it is done. */
#include "base/scratch.h"

apr_pool_t *eg_scratch_create(apr_pool_t *parent)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    if (apr_allocator_create(&allocator) != APR_SUCCESS)
        allocator = NULL; /* that of the parent, then */
    (void)apr_pool_create_ex(&pool, parent, NULL, allocator);
    if (allocator)
        apr_allocator_owner_set(allocator, pool);
    return pool;
}
