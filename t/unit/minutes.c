/* SPDX-License-Identifier: Apache-2.0
 * Tests of the ring of minutes: nothing is lost when many count at once, and a minute forgets the one a day ago. */
#include "tap.h"

#include <pthread.h>
#include <unistd.h>
#include "core/minutes.h"

#define THREADS 4
#define EACH 2000000
#define NOON ((apr_time_t)29 * 1000 * 1000 * 60 * APR_USEC_PER_SEC) /* the beginning of a minute */

static eg_minutes ring;
static pthread_barrier_t start;

static apr_time_t at_minute(int n)
{
    return NOON + n * 60 * APR_USEC_PER_SEC;
}

static apr_uint64_t counted(int first, int last, unsigned cell)
{
    apr_uint64_t sums[8] = {0};

    eg_minutes_sum(&ring, eg_minute_of(at_minute(first)), eg_minute_of(at_minute(last)), sums, 8);
    return sums[cell];
}

/* Each begins the minutes anew beside the others. */
static void *count_on(void *nothing)
{
    (void)nothing;
    (void)pthread_barrier_wait(&start);
    for (int i = 0; i < EACH; i++)
        eg_minutes_add(&ring, 3, at_minute(i / (EACH / 10)));
    return NULL;
}

static void at_once(void)
{
    pthread_t threads[THREADS];

    is_int(pthread_barrier_init(&start, NULL, THREADS), 0, "all begin together");
    for (int i = 0; i < THREADS; i++)
        ok(pthread_create(&threads[i], NULL, count_on, NULL) == 0, "a thread that counts");
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    is_int((int)counted(0, 9, 3), THREADS * EACH, "none is lost, over ten minutes");
    is_int((int)counted(0, 9, 4), 0, "other cells have nothing");
}

static void forgotten(void)
{
    eg_minutes_add(&ring, 5, at_minute(20));
    eg_minutes_add(&ring, 5, at_minute(21) - 1);
    eg_minutes_add(&ring, 5, at_minute(21));
    is_int((int)counted(20, 20, 5), 2, "a minute has what began in it, to the last microsecond");
    is_int((int)counted(20, 21, 5), 3, "two minutes");
    is_int((int)eg_minutes_at(&ring, eg_minute_of(at_minute(21)), 5), 1, "one cell of one minute");
    is_int((int)counted(22, 40, 5), 0, "later ones have nothing");
    eg_minutes_add(&ring, 5, at_minute(20 + EG_DAY));
    is_int((int)counted(20 + EG_DAY, 20 + EG_DAY, 5), 1, "a day later it begins anew");
    is_int((int)counted(20, 20, 5), 0, "and has forgotten what it was");
    is_int((int)counted(21, 21, 5), 1, "its neighbour has not");
    is_int((int)counted(21 + EG_DAY, 21 + EG_DAY, 5), 0, "but that is no number of today");
}

/* A host without a battery begins in 1970, and what it asks for begins before that. */
static void first_minutes(void)
{
    apr_uint64_t sums[8] = {0};

    (void)alarm(20); /* it has to come to an end */
    eg_minutes_add(&ring, 6, apr_time_from_sec(60 * 5));
    eg_minutes_sum(&ring, 5U - EG_DAY + 1, 5, sums, 8);
    is_int((int)sums[6], 1, "a day that began before 1970 has what was counted since");
    sums[6] = 0;
    eg_minutes_sum(&ring, 0U - 1, 0U - 1, sums, 8);
    eg_minutes_sum(&ring, 0U - 30, 0U - 1, sums, 8);
    is_int((int)sums[6], 0, "the last minutes before 1970 have nothing");
    (void)alarm(0);
}

int main(void)
{
    at_once();
    forgotten();
    first_minutes();
    return done_testing();
}
