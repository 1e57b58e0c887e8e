/* SPDX-License-Identifier: Apache-2.0
 * What is asked of a store that requests share, and what it says. */
#ifndef EG_STATETYPES_H
#define EG_STATETYPES_H

#include <apr.h>

#define EG_STATE_ID 16 /* bytes that stand for a token, a caller, a step or an Idempotency-Key */

typedef enum {
    EG_STATE_YES,
    EG_STATE_NO,
    EG_STATE_AWAY /* anything but an answer that was expected; never "it is not there" */
} eg_state_answer;

/* A token that is to be used, once. */
typedef struct {
    unsigned char id[EG_STATE_ID]; /* of SHA-256 over its nonce, ciphertext and tag */
    apr_int64_t made;              /* seconds since 1970, as the token says */
    apr_int64_t until;             /* the last second in which it could be good somewhere */
} eg_state_mark;

/* A count of failures of one value. */
typedef struct {
    unsigned char who[EG_STATE_ID]; /* of the value, by eg_state_who() */
    int failures;                   /* at so many it is locked */
    apr_int64_t seconds;            /* for so long after the last one the count is kept */
} eg_state_count;

#endif
