/* SPDX-License-Identifier: Apache-2.0
 * Which bucket of a histogram a duration belongs to. */
#ifndef EG_HISTOGRAM_H
#define EG_HISTOGRAM_H

#include <stdint.h>

#define EG_BOUNDS 13
#define EG_BUCKETS (EG_BOUNDS + 1) /* the last one has no bound */

/* Milliseconds, rising; each bucket holds what is not longer than its bound. */
extern const unsigned eg_bounds_ms[EG_BOUNDS];

unsigned eg_bucket_of(uint64_t microseconds);

#endif
