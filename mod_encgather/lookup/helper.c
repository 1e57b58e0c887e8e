/* SPDX-License-Identifier: Apache-2.0
 * Threads that wait for the database in the place of a request, which can then stop waiting. Drivers
 * only know calls that come back when the database has answered: what opens a connection, asks
 * whether it is still there or reads from it has no time-out that all of them could be given. */
#include "lookup/helper.h"

#include <unistd.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

/* How long a child that ends waits for helpers that are at work. */
#define LAST_WAIT apr_time_from_sec(1)

typedef struct helper {
    apr_thread_t *thread;
    apr_thread_cond_t *work, *done;
    eg_task *task; /* NULL: nothing to do */
    struct helper *next;
} helper;

/* Of this child. */
static struct {
    apr_pool_t *pool; /* NULL: there are no helpers */
    apr_thread_mutex_t *lock;
    helper *all_idle; /* the last to become idle first: its stack is in the cache */
    unsigned busy;
    bool is_ending;
    apr_thread_cond_t *all_done;
} crew;

/* --- the helper's side -------------------------------------------------------------------------- */

static void finish_task(helper *self)
{
    eg_task *task = self->task;
    bool is_left;

    (void)apr_thread_mutex_unlock(crew.lock);
    task->run(task);
    (void)apr_thread_mutex_lock(crew.lock);
    task->is_done = true;
    is_left = task->is_left;
    if (is_left) {
        (void)apr_thread_mutex_unlock(crew.lock);
        task->drop(task);
        (void)apr_thread_mutex_lock(crew.lock);
    }
    self->task = NULL;
    (void)apr_thread_cond_signal(self->done);
}

static void become_idle(helper *self)
{
    self->next = crew.all_idle;
    crew.all_idle = self;
    crew.busy--;
    if (crew.busy == 0)
        (void)apr_thread_cond_signal(crew.all_done);
}

static void *APR_THREAD_FUNC serve_requests(apr_thread_t *thread, void *data)
{
    helper *self = data;

    (void)apr_setup_signal_thread(); /* signals are the business of httpd's own threads */
    (void)apr_thread_mutex_lock(crew.lock);
    for (;;) {
        while (!self->task && !crew.is_ending)
            (void)apr_thread_cond_wait(self->work, crew.lock);
        if (!self->task)
            break;
        finish_task(self);
        become_idle(self);
    }
    (void)apr_thread_mutex_unlock(crew.lock);
    (void)apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* --- the request's side ------------------------------------------------------------------------- */

/* Under the lock. NULL: none can be had. */
static helper *hire(void)
{
    helper *fresh = apr_pcalloc(crew.pool, sizeof *fresh);

    if (apr_thread_cond_create(&fresh->work, crew.pool) != APR_SUCCESS ||
        apr_thread_cond_create(&fresh->done, crew.pool) != APR_SUCCESS ||
        apr_thread_create(&fresh->thread, NULL, serve_requests, fresh, crew.pool) != APR_SUCCESS)
        return NULL;
    return fresh;
}

/* Under the lock. */
static helper *find_helper(void)
{
    helper *found = crew.all_idle;

    if (found)
        crew.all_idle = found->next;
    else
        found = hire();
    return found;
}

/* Under the lock. */
static eg_help wait_for(helper *who, eg_task *task, apr_time_t until)
{
    apr_interval_time_t left;

    while (!task->is_done && (left = until - apr_time_now()) > 0)
        (void)apr_thread_cond_timedwait(who->done, crew.lock, left);
    task->is_left = !task->is_done;
    return task->is_done ? EG_HELPED : EG_LEFT;
}

eg_help eg_helper_run(eg_task *task, apr_time_t until)
{
    eg_help help = EG_NO_HELPER;
    helper *who;

    if (!crew.pool)
        return EG_NO_HELPER;
    task->is_done = task->is_left = false;
    (void)apr_thread_mutex_lock(crew.lock);
    who = crew.is_ending ? NULL : find_helper();
    if (who) {
        who->task = task;
        crew.busy++;
        (void)apr_thread_cond_signal(who->work);
        help = wait_for(who, task, until);
    }
    (void)apr_thread_mutex_unlock(crew.lock);
    return help;
}

/* --- the child ---------------------------------------------------------------------------------- */

/* Before pools are destroyed that a helper may be in the middle of. One that cannot be waited for is
 * in a driver that waits for a silent database: the child has answered all requests by now, and
 * mod_dbd's own end would wait for ever for the lock that such a helper holds. */
static apr_status_t end_helpers(void *unused)
{
    apr_time_t until = apr_time_now() + LAST_WAIT;
    apr_interval_time_t left;
    apr_status_t rv;

    (void)unused;
    (void)apr_thread_mutex_lock(crew.lock);
    crew.is_ending = true;
    while (crew.busy > 0 && (left = until - apr_time_now()) > 0)
        (void)apr_thread_cond_timedwait(crew.all_done, crew.lock, left);
    if (crew.busy > 0)
        _exit(0);
    for (helper *each = crew.all_idle; each; each = each->next)
        (void)apr_thread_cond_signal(each->work);
    (void)apr_thread_mutex_unlock(crew.lock);
    for (helper *each = crew.all_idle; each; each = each->next)
        (void)apr_thread_join(&rv, each->thread);
    apr_pool_destroy(crew.pool);
    crew.pool = NULL;
    return APR_SUCCESS;
}

void eg_helpers_begin(apr_pool_t *pchild)
{
    apr_pool_t *pool;

    /* of nobody: helpers are made while others use pchild */
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return;
    if (apr_thread_mutex_create(&crew.lock, APR_THREAD_MUTEX_DEFAULT, pool) != APR_SUCCESS ||
        apr_thread_cond_create(&crew.all_done, pool) != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return;
    }
    crew.pool = pool;
    crew.all_idle = NULL; /* a server of one process begins again in it */
    crew.busy = 0;
    crew.is_ending = false;
    apr_pool_pre_cleanup_register(pchild, NULL, end_helpers);
}
