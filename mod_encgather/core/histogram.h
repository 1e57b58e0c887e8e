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

/* What is longer than permille of all durations, in microseconds, as far as buckets tell: in the one where it lies they
 * are taken for evenly spread. 0: there are none. The last bound, where it lies beyond. */
uint64_t eg_quantile(const uint64_t buckets[EG_BUCKETS], unsigned permille);

#endif
