/* SPDX-License-Identifier: Apache-2.0
 * What hosts share, in one Redis: how it is written there, and changed in one go. */
#ifndef EG_FLEET_H
#define EG_FLEET_H

#include <httpd.h>
#include "core/redis.h"
#include "core/statetypes.h"

/* As the functions of state.h that have these names, of tokens whose time is not over; *said is what the Redis says, or does
 * not. mine: random. */
eg_state_answer eg_fleet_spend(request_rec *r, const eg_state_mark *marks, unsigned n,
                               const unsigned char *idem, const unsigned char mine[EG_STATE_ID],
                               eg_redis_answer *said);

typedef enum {
    EG_COUNT_OPEN,
    EG_COUNT_NOTE,
    EG_COUNT_FAILED,
    EG_COUNT_TAKE_BACK,
    EG_COUNT_RESET
} eg_count_act;

eg_state_answer eg_fleet_count(request_rec *r, eg_count_act act, const eg_state_count *count,
                               const unsigned char *step, eg_redis_answer *said);

#endif
