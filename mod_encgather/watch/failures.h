/* SPDX-License-Identifier: Apache-2.0
 * The last failures, in rings of a fixed size in shared memory. */
#ifndef EG_FAILURES_H
#define EG_FAILURES_H

#include <stdatomic.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>
#include "watch/causes.h"

#define EG_FAILURES_KEPT 50 /* of each lane */

/* What the error log may say, and no more. */
typedef struct {
    apr_time_t when;
    apr_uint16_t cause;   /* eg_cause */
    apr_uint16_t outcome; /* eg_outcome */
    apr_uint16_t tag;     /* 0: there is no line in the log */
    apr_uint16_t host;    /* its place among the hosts */
    char call[65];        /* empty: not known */
    char step[39];        /* empty: none */
    char reason[392];
} eg_failure;

#define EG_FAILURE_WORDS (sizeof(eg_failure) / sizeof(unsigned long long))
_Static_assert(sizeof(eg_failure) % sizeof(unsigned long long) == 0, "a failure is whole words");

/* stamp: twice the number of the failure, one more while it is being written. Words, so that who reads
 * while somebody writes sees old or new ones, and the stamp says that it was so. */
typedef struct {
    atomic_ullong stamp;
    atomic_ullong words[EG_FAILURE_WORDS];
} eg_failure_slot;

typedef struct {
    atomic_ullong next; /* how many there were */
    eg_failure_slot slots[EG_FAILURES_KEPT];
} eg_failure_ring;

typedef struct {
    eg_failure_ring lanes[EG_LANES];
} eg_failures;

void eg_failures_add(eg_failures *failures, const eg_failure *failure);

/* A list of const eg_failure * in pool, the latest first; of one lane. */
apr_array_header_t *eg_failures_list(const eg_failures *failures, eg_lane lane, apr_pool_t *pool);

#endif
