/* SPDX-License-Identifier: Apache-2.0
 * Where a Redis is whose address is a name. The system's resolver waits for as long as it likes, so a thread asks it. */
#include "state/addresses.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "core/sharedlock.h"

#define GOOD_FOR 30000 /* milliseconds */

/* Of this child. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_asking;
    apr_int64_t found_at; /* 0: long ago, or never */
    eg_addresses found;   /* n is 0: nothing is known */
} names = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

/* --- the thread --------------------------------------------------------------------------------- */

typedef struct {
    unsigned port;
    char host[256];
} question;

static void *ask_resolver(void *data)
{
    question *q = data;
    eg_addresses found;
    bool is_known = eg_addresses_look_up(q->host, q->port, &found);

    (void)pthread_mutex_lock(&names.lock);
    if (is_known) {
        names.found = found;
        names.found_at = eg_steady_clock();
    }
    names.is_asking = false;
    (void)pthread_cond_broadcast(&names.done);
    (void)pthread_mutex_unlock(&names.lock);
    free(q);
    return NULL;
}

/* Signals are the business of httpd's own threads. */
static bool start_thread(question *q)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    bool started = false;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0)
        started = pthread_create(&thread, &attributes, ask_resolver, q) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return started;
}

/* Under the lock. */
static void begin_asking_names(const eg_state_spec *spec)
{
    question *q = names.is_asking ? NULL : calloc(1, sizeof *q);

    if (!q)
        return;
    q->port = spec->port;
    memcpy(q->host, spec->host, strnlen(spec->host, sizeof q->host - 1));
    names.is_asking = start_thread(q);
    if (!names.is_asking)
        free(q);
}

/* --- a request ---------------------------------------------------------------------------------- */

/* Under the lock. */
static void wait_for_names(apr_int64_t until)
{
    apr_int64_t left;
    int error = 0;

    while (names.is_asking && !error && (left = until - eg_steady_clock()) > 0) {
        struct timespec at = {0, 0};

        (void)clock_gettime(CLOCK_REALTIME, &at);
        at.tv_sec += left / 1000;
        at.tv_nsec += left % 1000 * 1000000;
        at.tv_sec += at.tv_nsec / 1000000000;
        at.tv_nsec %= 1000000000;
        error = pthread_cond_timedwait(&names.done, &names.lock, &at);
    }
}

bool eg_addresses_find(const eg_state_spec *spec, apr_int64_t until, eg_addresses *found)
{
    if (eg_addresses_literal(spec, found))
        return true;
    (void)pthread_mutex_lock(&names.lock);
    if (!names.found_at || eg_steady_clock() - names.found_at > GOOD_FOR) {
        begin_asking_names(spec);
        wait_for_names(until);
    }
    *found = names.found;
    (void)pthread_mutex_unlock(&names.lock);
    return found->n > 0;
}

void eg_addresses_doubt(void)
{
    (void)pthread_mutex_lock(&names.lock);
    names.found_at = 0;
    (void)pthread_mutex_unlock(&names.lock);
}

/* --- the parent --------------------------------------------------------------------------------- */

static void tell_addresses(const eg_state_spec *spec, int to)
{
    eg_addresses found;
    ssize_t n = 0;

    if (eg_addresses_look_up(spec->host, spec->port, &found))
        n = write(to, &found, sizeof found);
    _exit(n == sizeof found ? 0 : 1);
}

static bool hear_addresses(int from, apr_int64_t until, eg_addresses *found)
{
    struct pollfd one = {.fd = from, .events = POLLIN};
    apr_int64_t left = until - eg_steady_clock();

    return poll(&one, 1, left > 0 ? (int)left : 0) > 0 &&
           read(from, found, sizeof *found) == sizeof *found;
}

bool eg_addresses_find_once(const eg_state_spec *spec, apr_int64_t until, eg_addresses *found)
{
    bool heard = false;
    int ends[2];
    pid_t child;

    if (eg_addresses_literal(spec, found))
        return true;
    if (pipe(ends) != 0)
        return false;
    child = fork();
    if (child == 0)
        tell_addresses(spec, ends[1]);
    (void)close(ends[1]);
    if (child > 0) {
        heard = hear_addresses(ends[0], until, found);
        (void)kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    (void)close(ends[0]);
    return heard;
}
