/* SPDX-License-Identifier: Apache-2.0
 * What all children, or all hosts, know together: which tokens were used, who failed how often.
 *
 * All that is asked of a request may come from any thread of a child that serves, and takes less than a second. Where the
 * answer is EG_STATE_AWAY the log has a line about it, one a minute over all children: nobody else writes one. */
#ifndef EG_STATE_H
#define EG_STATE_H

#include <stdbool.h>
#include <httpd.h>
#include "core/bytes.h"
#include "core/statetypes.h"

/* --- while the configuration is read ------------------------------------------------------------- */

/* What a store is needed for; without any there is none. */
#define EG_STATE_FOR_SINGLE_USE 1u
#define EG_STATE_FOR_LOCKOUT 2u

/* By the directive that needs it, wherever it stands. */
void eg_state_need(unsigned what);

/* Before a configuration is read; in post_config, where children are made of it; and in each of them. */
void eg_state_reset_config(void);
void eg_state_open_store(apr_pool_t *ptemp, server_rec *s);
void eg_state_child_begin(apr_pool_t *pchild, server_rec *s);

/* Says how many tokens fit, where that is limited. */
void eg_state_say_room(server_rec *s);

/* --- single use ---------------------------------------------------------------------------------- */

/* Marks all n tokens as used, or none. EG_STATE_YES: none of them was (one that is there twice counts once), or those that were
 * had been marked less than 60 seconds ago under the same idem. idem: a hash of what names the request; NULL: nothing does. */
eg_state_answer eg_state_spend(request_rec *r, const eg_state_mark *marks, unsigned n,
                               const unsigned char idem[EG_STATE_ID]);

/* --- counts of failures -------------------------------------------------------------------------- */

/* step: the same when a step is delivered twice. What is noted counts at once, until it is taken back or fails. */

/* EG_STATE_YES: it may go on. EG_STATE_NO: locked. Counts nothing. */
eg_state_answer eg_state_open(request_rec *r, const eg_state_count *count);

/* Before it is known whether it fails. EG_STATE_YES: noted, now or before, or it failed less than 60 seconds ago. EG_STATE_NO:
 * locked, and not noted. */
eg_state_answer eg_state_note(request_rec *r, const eg_state_count *count,
                              const unsigned char step[EG_STATE_ID]);

/* Behind it, one of these three; EG_STATE_YES or EG_STATE_AWAY. It failed: counted, once for a step, and the count lasts from now. */
eg_state_answer eg_state_failed(request_rec *r, const eg_state_count *count,
                                const unsigned char step[EG_STATE_ID]);
/* Neither: as if it had not been noted. */
eg_state_answer eg_state_take_back(request_rec *r, const eg_state_count *count,
                                   const unsigned char step[EG_STATE_ID]);
/* It did not fail: nor did anything before. What others have noted and do not know yet stays noted. */
eg_state_answer eg_state_reset(request_rec *r, const eg_state_count *count,
                               const unsigned char step[EG_STATE_ID]);

/* A value's name in the store: HMAC-SHA256 over the pieces as if they were one string, cut, under the key of key-file=, or, in
 * memory, a random one. false: there is no key, or OpenSSL failed; then the state is away. */
bool eg_state_who(const eg_span *pieces, apr_size_t n, unsigned char who[EG_STATE_ID]);

/* Whether EncGatherStateCache is redis: without key-file=, which a lockout cannot have; once the configuration is read. */
bool eg_state_lacks_key(void);

/* --- shown --------------------------------------------------------------------------------------- */

typedef struct {
    const char *provider; /* "shm" or "redis" */
    apr_uint64_t asked;   /* since the start, over all children */
    apr_uint64_t failures;
    apr_time_t last_failure;   /* 0: none */
    apr_uint64_t microseconds; /* of all that was asked */
    apr_uint64_t longest;      /* microseconds */
    bool is_away;              /* what was asked last had no answer */
    /* of shm; else 0: */
    apr_uint64_t marks_held, marks_room, marks_pushed_out;
    apr_uint64_t counts_held, counts_room;
} eg_state_numbers;

/* false: there is no store. */
bool eg_state_numbers_now(eg_state_numbers *numbers);

#endif
