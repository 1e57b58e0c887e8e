/* SPDX-License-Identifier: Apache-2.0
 * A table of used tokens in memory that processes share. What it cannot know any more it takes for used. */
#ifndef EG_MARKS_H
#define EG_MARKS_H

#include <stdbool.h>
#include "statetypes.h"

#define EG_SECOND_DELIVERY 60 /* seconds */

typedef struct eg_marks eg_marks;

/* One request; now in seconds since 1970, steady as of eg_steady_clock(). */
typedef struct {
    const eg_state_mark *marks;
    unsigned n;
    const unsigned char *idem; /* EG_STATE_ID bytes; NULL: none */
    apr_int64_t now, steady;
} eg_spending;

/* How many marks fit into so many bytes. */
apr_size_t eg_marks_room(apr_size_t bytes);

/* Makes an empty table of zeroed memory, aligned for any type, which is at one address in all processes. NULL: there is no
 * lock, or no room. */
eg_marks *eg_marks_make(void *memory, apr_size_t bytes, apr_int64_t now);

/* All are marked, or none. A token that was made before the table, or not after a mark that had to make room, counts as used. */
eg_state_answer eg_marks_spend(eg_marks *table, const eg_spending *wanted);

typedef struct {
    apr_uint64_t held, room, pushed_out;
} eg_marks_numbers;

/* Its room alone, where the lock is not to be had. */
eg_marks_numbers eg_marks_count(eg_marks *table);

#endif
