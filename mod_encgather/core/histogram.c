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

static uint64_t bound_of(unsigned bucket)
{
    return (uint64_t)eg_bounds_ms[bucket < EG_BOUNDS ? bucket : EG_BOUNDS - 1] * 1000;
}

uint64_t eg_quantile(const uint64_t buckets[EG_BUCKETS], unsigned permille)
{
    uint64_t all = 0, below = 0, wanted;
    unsigned bucket = 0;

    for (unsigned i = 0; i < EG_BUCKETS; i++)
        all += buckets[i];
    if (all == 0)
        return 0;
    wanted = (all * permille + 999) / 1000;
    while (bucket < EG_BUCKETS - 1 && below + buckets[bucket] < wanted)
        below += buckets[bucket++];
    if (bucket >= EG_BOUNDS || buckets[bucket] == 0)
        return bound_of(bucket);
    return (bucket ? bound_of(bucket - 1) : 0) +
           (bound_of(bucket) - (bucket ? bound_of(bucket - 1) : 0)) * (wanted - below) /
               buckets[bucket];
}
