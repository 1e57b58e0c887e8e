/* SPDX-License-Identifier: Apache-2.0
 * Tests of the buckets: each bound belongs to its own bucket, the next microsecond does not. */
#include "tap.h"

#include "core/histogram.h"

static void test_quantiles(void)
{
    const uint64_t none[EG_BUCKETS] = {0}, one[EG_BUCKETS] = {[0] = 1},
                   ever[EG_BUCKETS] = {[EG_BOUNDS] = 7};
    const uint64_t even[EG_BUCKETS] = {[3] = 50, [4] = 50}, /* 5 to 10, 10 to 25 ms */
        rare[EG_BUCKETS] = {
            [0] = 98, [8] = 1, [11] = 1}; /* one of 250 to 500 ms, one of 2.5 to 5 s */

    is_int((int)eg_quantile(none, 500), 0, "of nothing");
    is_int((int)eg_quantile(one, 500), 1000, "of one: up to the end of its bucket");
    is_int((int)eg_quantile(ever, 500), 10000000, "beyond the last bound");
    is_int((int)eg_quantile(even, 500), 10000, "half of them");
    is_int((int)eg_quantile(even, 250), 7500, "a quarter: in the middle of the first bucket");
    is_int((int)eg_quantile(even, 1000), 25000, "all of them");
    is_int((int)eg_quantile(rare, 950), 969, "95 of 100 are short");
    is_int((int)eg_quantile(rare, 990), 500000, "the 99th is not");
    is_int((int)eg_quantile(rare, 999), 5000000, "the last one");
}

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
    test_quantiles();
    return done_testing();
}
