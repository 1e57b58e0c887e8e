/* SPDX-License-Identifier: Apache-2.0
 * Parameters in the order in which a provider signs them. */
#include "pairs.h"

#include <string.h>

#define INSERTION_LIMIT 16

/* A parameter to be sorted, with the beginning of its name as a number: most comparisons end
 * there. */
typedef struct {
    apr_uint64_t front;
    const eg_param *param;
} entry;

/* The first eight bytes, zeros behind a shorter name: numbers in the order of the names. */
static apr_uint64_t front_of(eg_span name)
{
    apr_uint64_t front = 0;

    if (name.n)
        memcpy(&front, name.p, name.n < sizeof front ? name.n : sizeof front);
#if APR_IS_BIGENDIAN
    return front;
#else
    return __builtin_bswap64(front);
#endif
}

/* By name, then by value, bytewise: equal pairs come to stand side by side. Where the order received
 * matters, names alone: both sorts below are stable. */
static int order(const entry *a, const entry *b, eg_pairs pairs)
{
    int by_name;

    if (a->front != b->front)
        return a->front < b->front ? -1 : 1;
    by_name = eg_span_cmp(a->param->name, b->param->name);
    if (by_name || pairs == EG_PAIRS_AS_RECEIVED)
        return by_name;
    return eg_span_cmp(a->param->value, b->param->value);
}

static void insertion_sort(entry *at, apr_size_t n, eg_pairs pairs)
{
    for (apr_size_t i = 1; i < n; i++) {
        const entry moving = at[i];
        apr_size_t k = i;

        for (; k > 0 && order(&at[k - 1], &moving, pairs) > 0; k--)
            at[k] = at[k - 1];
        at[k] = moving;
    }
}

static void merge(entry *at, apr_size_t half, apr_size_t n, entry *spare, eg_pairs pairs)
{
    apr_size_t left = 0, right = half, to = 0;

    memcpy(spare, at, half * sizeof *at);
    while (left < half)
        at[to++] =
            right < n && order(&at[right], &spare[left], pairs) < 0 ? at[right++] : spare[left++];
}

/* n log n even for hostile input, no allocation: qsort(3) promises neither.
 * NOLINTNEXTLINE(misc-no-recursion): as deep as the logarithm of a bounded number */
static void merge_sort(entry *at, apr_size_t n, entry *spare, eg_pairs pairs)
{
    apr_size_t half = n / 2;

    if (n <= INSERTION_LIMIT) {
        insertion_sort(at, n, pairs);
        return;
    }
    merge_sort(at, half, spare, pairs);
    merge_sort(at + half, n - half, spare, pairs);
    merge(at, half, n, spare, pairs);
}

apr_size_t eg_pairs_list(const eg_params *params, eg_pairs pairs, const eg_param **list)
{
    entry sorted[EG_PARAMS_MAX], spare[EG_PARAMS_MAX / 2];
    apr_size_t n = 0;

    for (apr_size_t i = 0; i < params->n; i++)
        sorted[i] = (entry){front_of(params->at[i].name), &params->at[i]};
    merge_sort(sorted, params->n, spare, pairs);
    for (apr_size_t i = 0; i < params->n; i++)
        if (pairs != EG_PAIRS_DISTINCT || i == 0 || order(&sorted[i - 1], &sorted[i], pairs) != 0)
            list[n++] = sorted[i].param;
    return n;
}
