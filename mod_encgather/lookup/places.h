/* SPDX-License-Identifier: Apache-2.0
 * How many requests of a server may wait for the database at a time. */
#ifndef EG_PLACES_H
#define EG_PLACES_H

#include <apr_time.h>

#define EG_NO_PLACE (-1)

/* By the parent, once it knows how many workers there may be. */
void eg_places_open(void);

/* By a child that begins. */
void eg_places_begin(void);

/* How many there are; 0: no limit, for there is no shared memory. */
unsigned eg_places_number(void);

/* Takes one, which has to be given back, by whatever thread. Where the database is quick, and there are
 * only many who ask, one becomes free in a moment; EG_NO_PLACE: most of those who have one have been waiting for a second,
 * or time is up. */
int eg_place_take(apr_time_t deadline);
void eg_place_leave(int place);

#endif
