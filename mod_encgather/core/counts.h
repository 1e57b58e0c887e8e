/* SPDX-License-Identifier: Apache-2.0
 * A table of failures in memory that processes share. Nothing makes room in it for something else: where it is full, what is
 * not in it cannot be counted, and that is said. */
#ifndef EG_COUNTS_H
#define EG_COUNTS_H

#include <stdbool.h>
#include "statetypes.h"

#define EG_STEP_KNOWN 60 /* seconds for which a step is known to have failed */
#define EG_NOTE_LEAST                                                                              \
    60 /* seconds for which a note stays at least that nobody takes back: he died perhaps */

typedef struct eg_counts eg_counts;

/* How many values fit into so many bytes, with two steps for each. */
apr_size_t eg_counts_room(apr_size_t bytes);

/* As eg_marks_make(). */
eg_counts *eg_counts_make(void *memory, apr_size_t bytes);

/* As the functions of state/state.h that have these names; now as of eg_steady_clock(). EG_STATE_AWAY: there is no room, or no
 * lock. */
eg_state_answer eg_counts_open(eg_counts *table, const eg_state_count *count, apr_int64_t now);
eg_state_answer eg_counts_note(eg_counts *table, const eg_state_count *count,
                               const unsigned char step[EG_STATE_ID], apr_int64_t now);
eg_state_answer eg_counts_failed(eg_counts *table, const eg_state_count *count,
                                 const unsigned char step[EG_STATE_ID], apr_int64_t now);
eg_state_answer eg_counts_take_back(eg_counts *table, const eg_state_count *count,
                                    const unsigned char step[EG_STATE_ID], apr_int64_t now);
eg_state_answer eg_counts_reset(eg_counts *table, const eg_state_count *count,
                                const unsigned char step[EG_STATE_ID], apr_int64_t now);

typedef struct {
    apr_uint64_t held, room;
} eg_counts_numbers;

/* Its room alone, where the lock is not to be had. */
eg_counts_numbers eg_counts_count(eg_counts *table);

/* How often the value has failed, notes included; 0 where the lock is not to be had. For tests. */
unsigned eg_counts_of(eg_counts *table, const eg_state_count *count, apr_int64_t now);

#endif
