/* SPDX-License-Identifier: Apache-2.0
 * How often something may be done: some times at once, and then once a second. */
#ifndef EG_ALLOWANCE_H
#define EG_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

/* All zeros: not used yet. */
typedef struct {
    uint64_t last; /* until when seconds have been counted */
    uint64_t left;
} eg_allowance;

/* Takes one of at most `most` that there are at once; false: there is none left. now: microseconds
 * of a clock that nobody sets; where it stands still or goes back, nothing is added. */
bool eg_allowance_take(eg_allowance *allowance, uint64_t most, uint64_t now);

#endif
