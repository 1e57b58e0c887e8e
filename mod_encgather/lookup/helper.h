/* SPDX-License-Identifier: Apache-2.0
 * Threads that wait for the database in the place of a request, which can then stop waiting. */
#ifndef EG_HELPER_H
#define EG_HELPER_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_time.h>

/* Something that a helper does. It must not touch what belongs to a request. */
typedef struct eg_task eg_task;
struct eg_task {
    void (*run)(eg_task *task);
    void (*drop)(eg_task *task); /* frees it; called by the helper where nobody waits any more */
    bool is_done, is_left;       /* ours, under a lock */
};

typedef enum {
    EG_HELPED,   /* it has run, and is the caller's again */
    EG_LEFT,     /* time is up: it still runs, and is the helper's */
    EG_NO_HELPER /* no thread can be had: it has not run, and is the caller's */
} eg_help;

/* While a child starts, which then ends its helpers before anything that they may use. */
void eg_helpers_begin(apr_pool_t *pchild);

/* Has a helper run the task, and waits for it until that time. */
eg_help eg_helper_run(eg_task *task, apr_time_t until);

#endif
