/* SPDX-License-Identifier: Apache-2.0
 * How many requests of a server may wait for the database at a time. Half of its workers, over all
 * children: the others are there for pages that need no database, whatever the database does. */
#include "lookup/places.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include <ap_mpm.h>
#include "watch/counters.h"

/* A database that lets somebody wait for so long is slow: microseconds. */
#define SLOW 1000000
#define NAP apr_time_from_msec(5)

static unsigned number;
static long long
    child; /* whose memory this is: asked of the system once, not twice for each request */

void eg_places_open(void)
{
    int children = 1, threads = 1;
    unsigned workers;

    (void)ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &children);
    (void)ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    workers = (unsigned)(children > 1 ? children : 1) * (unsigned)(threads > 1 ? threads : 1);
    number = workers > 1 ? workers / 2 : 1;
    if (number > EG_PLACES_MAX)
        number = EG_PLACES_MAX;
}

unsigned eg_places_number(void)
{
    return eg_counters_places() ? number : 0;
}

static bool take_this(eg_place *place)
{
    long long nobody = 0;

    if (!atomic_compare_exchange_strong(&place->owner, &nobody, child))
        return false;
    atomic_store(&place->since, eg_clock());
    return true;
}

static void leave_this(eg_place *place)
{
    atomic_store(&place->since, 0); /* or the next one would seem to have been there for long */
    atomic_store(&place->owner, 0);
}

static bool is_gone(long long owner)
{
    return owner && kill((pid_t)owner, 0) != 0 && errno == ESRCH;
}

/* Of a child that was killed. Another one may have done so by now, and the place be somebody's: it is
 * ours first, and then free. */
static void clear_up(eg_place *place, long long owner)
{
    if (atomic_compare_exchange_strong(&place->owner, &owner, child))
        leave_this(place);
}

/* True: most of those who have a place have been waiting for long. One alone (a lock on his row, a
 * connection to a host that is gone) says nothing about the others. */
static bool look_after(eg_place *places)
{
    unsigned slow = 0;

    for (unsigned i = 0; i < number; i++) {
        unsigned long long since = atomic_load(&places[i].since);
        long long owner = atomic_load(&places[i].owner);

        if (is_gone(owner))
            clear_up(&places[i], owner);
        else if (owner && since && eg_since(since) >= SLOW)
            slow++;
    }
    return slow > number / 2;
}

/* What a child has that has just begun is of another one, which was killed and had the same number. */
void eg_places_begin(void)
{
    eg_place *places = eg_counters_places();

    child = getpid();
    for (unsigned i = 0; places && i < EG_PLACES_MAX; i++)
        if (atomic_load(&places[i].owner) == child)
            leave_this(&places[i]);
}

static int find_free(eg_place *places)
{
    unsigned first = (unsigned)child % number;

    for (unsigned i = 0; i < number; i++)
        if (take_this(&places[(first + i) % number]))
            return (int)((first + i) % number);
    return EG_NO_PLACE;
}

int eg_place_take(apr_time_t deadline)
{
    eg_place *places = eg_counters_places();
    int found;

    if (!places || !number)
        return EG_NO_PLACE;
    while ((found = find_free(places)) == EG_NO_PLACE) {
        if (look_after(places) || apr_time_now() >= deadline)
            return find_free(places);
        apr_sleep(NAP);
    }
    return found;
}

void eg_place_leave(int place)
{
    eg_place *places = eg_counters_places();

    if (places && place >= 0)
        leave_this(&places[place]);
}
