/* SPDX-License-Identifier: Apache-2.0
 * EncGatherLockout at a request: whose failures are counted, whether there were too many, and what is counted. */
#ifndef EG_LOCKOUT_H
#define EG_LOCKOUT_H

#include "base/outcome.h"
#include "state/state.h"
#include "webhook/webhook.h"

/* Of whom a request is, as far as it is known then. */
typedef struct {
    request_rec *r;
    const eg_webhook *hook; /* with its form */
    eg_span call;
    const eg_span *tokens; /* those that came with the URL: of all fields but the last */
    eg_span
        answer; /* what was keyed in for the last field; p NULL: it is another step, or nothing good */
    bool is_last; /* the last step */
} eg_lock_request;

typedef struct {
    request_rec *r;
    const eg_lockout *rule; /* NULL: nothing is asked or counted */
    const char *lacks;      /* why there is nothing to count by; NULL: there is */
    eg_state_count count;
    unsigned char step[EG_STATE_ID];
    bool is_noted;
    bool may_be_noted; /* that, or it was asked for, and not answered */
} eg_lock;

/* Whether anything is counted of a webhook of this kind: the location has a lockout, and the webhook is valid, or nobody
 * is asked to be. */
bool eg_lock_counts(const request_rec *r, const eg_webhook *hook);

/* Reads whose count it is, while the form is still there. */
eg_lock eg_lock_find(const eg_lock_request *of);

/* Each says EG_GOING_ON, or what the request comes to: EG_LOCKED_OUT, EG_UNAVAILABLE. Whether it may go on, counting
 * nothing; and, before the backend is asked, with a failure noted. key: the Idempotency-Key of the step. */
eg_outcome eg_lock_look(const eg_lock *lock);
eg_outcome eg_lock_note(eg_lock *lock, const char *key);

/* Behind eg_lock_note(), what the backend said: EG_FOUND, EG_NOT_FOUND, or anything else. */
void eg_lock_settle(const eg_lock *lock, eg_outcome said);

#endif
