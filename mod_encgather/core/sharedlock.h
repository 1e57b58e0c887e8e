/* SPDX-License-Identifier: Apache-2.0
 * A lock in shared memory that outlives whoever dies while he holds it. */
#ifndef EG_SHAREDLOCK_H
#define EG_SHAREDLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <apr.h>

typedef struct {
    pthread_mutex_t mutex;
} eg_shared_lock;

typedef enum {
    EG_LOCKED,
    EG_LOCKED_TORN, /* somebody died in the middle of a change: what the lock guards is to be put right first */
    EG_NOT_LOCKED /* for half a second somebody had it, who is stopped perhaps */
} eg_lock_verdict;

/* Once, before others see it. */
bool eg_shared_lock_make(eg_shared_lock *lock);

eg_lock_verdict eg_shared_lock_take(eg_shared_lock *lock);
void eg_shared_lock_leave(eg_shared_lock *lock);

/* Milliseconds of a clock that nobody sets and that goes on while the host sleeps. */
apr_int64_t eg_steady_clock(void);

#endif
