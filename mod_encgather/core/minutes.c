/* SPDX-License-Identifier: Apache-2.0
 * A ring of minutes in shared memory: what was counted in each of the last day's. */
#include "minutes.h"

#define NUMBER 0xffffffffULL

apr_uint32_t eg_minute_of(apr_time_t when)
{
    return (apr_uint32_t)(when / (60 * APR_USEC_PER_SEC));
}

void eg_minutes_add(eg_minutes *minutes, unsigned cell, apr_time_t when)
{
    unsigned long long minute = eg_minute_of(when);
    atomic_ullong *used = &minutes->used[minute % EG_DAY];
    atomic_ullong *at = &minutes->cells[minute % EG_DAY][cell];
    unsigned long long old = atomic_load_explicit(at, memory_order_relaxed), fresh;

    if (atomic_load_explicit(used, memory_order_relaxed) != minute)
        atomic_store_explicit(used, minute, memory_order_relaxed);
    do
        fresh = old >> 32 == minute ? old + 1 : minute << 32 | 1;
    while (!atomic_compare_exchange_weak_explicit(at, &old, fresh, memory_order_relaxed,
                                                  memory_order_relaxed));
}

apr_uint64_t eg_minutes_at(const eg_minutes *minutes, apr_uint32_t minute, unsigned cell)
{
    unsigned long long value =
        atomic_load_explicit(&minutes->cells[minute % EG_DAY][cell], memory_order_relaxed);

    return value >> 32 == minute ? value & NUMBER : 0;
}

void eg_minutes_sum(const eg_minutes *minutes, apr_uint32_t first, apr_uint32_t last,
                    apr_uint64_t *sums, unsigned n)
{
    if (first > last) /* it began before 1970 */
        first = 0;
    for (apr_uint64_t minute = first; minute <= last; minute++) {
        if (atomic_load_explicit(&minutes->used[minute % EG_DAY], memory_order_relaxed) != minute)
            continue;
        for (unsigned cell = 0; cell < n; cell++)
            sums[cell] += eg_minutes_at(minutes, (apr_uint32_t)minute, cell);
    }
}
