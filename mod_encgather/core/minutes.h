/* SPDX-License-Identifier: Apache-2.0
 * A ring of minutes in shared memory: what was counted in each of the last day's. */
#ifndef EG_MINUTES_H
#define EG_MINUTES_H

#include <stdatomic.h>
#include <apr_time.h>

#define EG_DAY 1440 /* minutes */

/* How many numbers a minute has: those of a host. */
#define EG_CELLS 288

/* A cell says itself which minute it counts: the upper half is the minute, the lower one the number.
 * So nobody has to empty a minute before others may count in it, and none is lost or counted twice when
 * many begin one at once, or when a child is killed. */
typedef struct {
    atomic_ullong used[EG_DAY]; /* the minute that may be there: others need not be read */
    atomic_ullong cells[EG_DAY][EG_CELLS];
} eg_minutes;

/* Minutes since 1970. */
apr_uint32_t eg_minute_of(apr_time_t when);

void eg_minutes_add(eg_minutes *minutes, unsigned cell, apr_time_t when);

/* Adds to sums[0] to sums[n - 1], which are of the caller, what the first n cells have counted in the minutes from
 * first to last, as far as they are not forgotten. A first one behind the last is one before 1970. */
void eg_minutes_sum(const eg_minutes *minutes, apr_uint32_t first, apr_uint32_t last,
                    apr_uint64_t *sums, unsigned n);

/* What was counted in one cell in one minute. */
apr_uint64_t eg_minutes_at(const eg_minutes *minutes, apr_uint32_t minute, unsigned cell);

#endif
