/* SPDX-License-Identifier: Apache-2.0
 * The memory that all children share, of this generation and of those before and behind it. */
#ifndef EG_SEGMENT_H
#define EG_SEGMENT_H

#include <stdatomic.h>
#include "core/counts.h"
#include "core/marks.h"
#include "state/wanted.h"

typedef struct {
    atomic_uint
        is_closed; /* another store has come into its place: children of before are not to use it any more */
    bool is_redis;
    apr_size_t bytes;               /* of the two tables */
    unsigned char key[EG_KEY_SIZE]; /* of shm, random */
    eg_marks *marks;                /* of shm */
    eg_counts *counts;
    atomic_llong latest; /* seconds since 1970: no child has seen a later time */

    /* of a Redis that does not answer; steady, milliseconds: */
    atomic_llong rest_until; /* 0: it is asked */
    atomic_llong said;       /* when the log had a line; 0: never */
    atomic_ullong unsaid;    /* failures since then */
    atomic_uint is_away;
    atomic_uint owes_line; /* the log says that it is away */

    atomic_ullong asked, failures, microseconds, longest;
    atomic_llong last_failure; /* apr_time_t */
} eg_state_shared;

/* By the parent, before children are made: the one of before, where it is what is wanted; a new one; or none, where nothing
 * needs it. */
void eg_segment_open(apr_pool_t *ptemp, server_rec *s);

/* NULL: there is none. */
eg_state_shared *eg_segment(void);

/* How many tokens fit into shm of so many bytes. */
apr_size_t eg_segment_tokens(apr_size_t bytes);

#endif
