/* SPDX-License-Identifier: Apache-2.0
 * The last failures, in rings of a fixed size in shared memory. */
#include "watch/failures.h"

#include <string.h>
#include <apr_strings.h>

/* False: whoever has it is one round behind, or ahead; a child that was killed while it wrote is
 * taken over after a round. */
static bool claim_slot(eg_failure_slot *slot, unsigned long long number)
{
    unsigned long long old = atomic_load(&slot->stamp);

    return old < 2 * number && atomic_compare_exchange_strong(&slot->stamp, &old, 2 * number + 1);
}

void eg_failures_add(eg_failures *failures, const eg_failure *failure)
{
    eg_failure_ring *ring = &failures->lanes[eg_cause_of((eg_cause)failure->cause)->lane];
    unsigned long long number = atomic_fetch_add(&ring->next, 1) + 1, words[EG_FAILURE_WORDS];
    unsigned long long mine = 2 * number + 1;
    eg_failure_slot *slot = &ring->slots[number % EG_FAILURES_KEPT];

    if (!claim_slot(slot, number))
        return;
    memcpy(words, failure, sizeof words);
    for (unsigned i = 0; i < EG_FAILURE_WORDS; i++)
        atomic_store_explicit(&slot->words[i], words[i], memory_order_relaxed);
    (void)atomic_compare_exchange_strong(&slot->stamp, &mine, 2 * number);
}

/* NULL: it is being written, or others have come into its place meanwhile. */
static const eg_failure *read_slot(const eg_failure_slot *slot, unsigned long long number,
                                   apr_pool_t *pool)
{
    unsigned long long words[EG_FAILURE_WORDS];
    eg_failure *failure;

    if (atomic_load(&slot->stamp) != 2 * number)
        return NULL;
    for (unsigned i = 0; i < EG_FAILURE_WORDS; i++)
        words[i] = atomic_load_explicit(&slot->words[i], memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load(&slot->stamp) != 2 * number)
        return NULL;
    failure = apr_pmemdup(pool, words, sizeof words);
    failure->call[sizeof failure->call - 1] = '\0';
    failure->step[sizeof failure->step - 1] = '\0';
    failure->reason[sizeof failure->reason - 1] = '\0';
    return failure;
}

apr_array_header_t *eg_failures_list(const eg_failures *failures, eg_lane lane, apr_pool_t *pool)
{
    const eg_failure_ring *ring = &failures->lanes[lane];
    apr_array_header_t *list = apr_array_make(pool, EG_FAILURES_KEPT, sizeof(const eg_failure *));
    unsigned long long last = atomic_load(&ring->next);

    for (unsigned long long n = last; n > 0 && last - n < EG_FAILURES_KEPT; n--) {
        const eg_failure *failure = read_slot(&ring->slots[n % EG_FAILURES_KEPT], n, pool);

        if (failure)
            APR_ARRAY_PUSH(list, const eg_failure *) = failure;
    }
    return list;
}
