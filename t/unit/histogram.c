/* SPDX-License-Identifier: Apache-2.0
 * Tests of the buckets: each bound belongs to its own bucket, the next microsecond does not. */
#include "tap.h"

#include "core/histogram.h"

int main(void)
{
    is_int(eg_bucket_of(0), 0, "no time at all");
    is_int(eg_bucket_of(1), 0, "a microsecond");
    for (unsigned i = 0; i < EG_BOUNDS; i++) {
        uint64_t bound = (uint64_t)eg_bounds_ms[i] * 1000;

        is_int(eg_bucket_of(bound), i, "%u ms", eg_bounds_ms[i]);
        is_int(eg_bucket_of(bound + 1), i + 1, "and a microsecond");
        ok(i == 0 || eg_bounds_ms[i] > eg_bounds_ms[i - 1], "the bounds rise");
    }
    is_int(eg_bucket_of(UINT64_MAX), EG_BOUNDS, "for ever");
    return done_testing();
}
