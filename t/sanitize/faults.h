/* SPDX-License-Identifier: Apache-2.0
 * Faults on purpose: what a sanitizer must report before its silence about the module means anything. */
#ifndef EG_TEST_FAULTS_H
#define EG_TEST_FAULTS_H

#include <stdbool.h>
#include <apr_pools.h>

/* False when there is no fault of that name; the pool must be one that lives on for a moment. */
bool fault_commit(const char *name, apr_pool_t *pool);

#endif
