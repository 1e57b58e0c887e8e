/* SPDX-License-Identifier: Apache-2.0
 * A fault in a program such as the unit tests are: its name is the only argument. */
#include <stdio.h>
#include <apr_general.h>
#include "faults.h"

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    bool known;

    if (argc != 2 || apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 2;
    known = fault_commit(argv[1], pool);
    apr_pool_destroy(pool);
    apr_terminate();
    if (!known)
        fprintf(stderr, "no such fault: %s\n", argv[1]);
    return known ? 0 : 2;
}
