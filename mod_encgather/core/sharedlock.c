/* SPDX-License-Identifier: Apache-2.0
 * A lock in shared memory that outlives whoever dies while he holds it. */
#include "sharedlock.h"

#include <errno.h>
#include <time.h>

#define WAIT 500000000L /* nanoseconds */
#define SECOND 1000000000L

bool eg_shared_lock_make(eg_shared_lock *lock)
{
    pthread_mutexattr_t kind;
    bool made;

    if (pthread_mutexattr_init(&kind) != 0)
        return false;
    made = pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED) == 0 &&
           pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) == 0 &&
           pthread_mutex_init(&lock->mutex, &kind) == 0;
    (void)pthread_mutexattr_destroy(&kind);
    return made;
}

static int wait_a_while(eg_shared_lock *lock)
{
    struct timespec until;

    if (clock_gettime(CLOCK_REALTIME, &until) != 0)
        return errno;
    until.tv_nsec += WAIT;
    until.tv_sec += until.tv_nsec / SECOND;
    until.tv_nsec %= SECOND;
    return pthread_mutex_timedlock(&lock->mutex, &until);
}

eg_lock_verdict eg_shared_lock_take(eg_shared_lock *lock)
{
    int error = pthread_mutex_trylock(&lock->mutex);

    if (error == EBUSY)
        error = wait_a_while(lock);
    if (error == 0)
        return EG_LOCKED;
    if (error != EOWNERDEAD)
        return EG_NOT_LOCKED;
    return pthread_mutex_consistent(&lock->mutex) == 0 ? EG_LOCKED_TORN : EG_NOT_LOCKED;
}

void eg_shared_lock_leave(eg_shared_lock *lock)
{
    (void)pthread_mutex_unlock(&lock->mutex);
}

apr_int64_t eg_steady_clock(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (apr_int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
