/* SPDX-License-Identifier: Apache-2.0
 * Which bucket of a histogram a duration belongs to. */
#include "histogram.h"

/* From a webhook answered out of memory to the 10 seconds in which Twilio has nearly given up. */
const unsigned eg_bounds_ms[EG_BOUNDS] = {1,   2,   5,    10,   25,   50,   100,
                                          250, 500, 1000, 2500, 5000, 10000};

unsigned eg_bucket_of(uint64_t microseconds)
{
    unsigned bucket = 0;

    while (bucket < EG_BOUNDS && microseconds > (uint64_t)eg_bounds_ms[bucket] * 1000)
        bucket++;
    return bucket;
}
