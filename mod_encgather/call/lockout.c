/* SPDX-License-Identifier: Apache-2.0
 * EncGatherLockout at a request: whose failures are counted, whether there were too many, and what is counted. */
#include "call/lockout.h"

#include <apr_strings.h>
#include "call/tokens.h"
#include "core/secret.h"
#include "watch/counters.h"
#include "watch/record.h"

APLOG_USE_MODULE(encgather);

bool eg_lock_counts(const request_rec *r, const eg_webhook *hook)
{
    const eg_config *config = eg_config_of(r);

    if (!eg_config_lockout(config))
        return false;
    return hook->judgement.verdict == EG_SIGNATURE_VALID ||
           eg_config_signature(config) == EG_CHECK_OFF;
}

/* --- whose count it is ------------------------------------------------------------------------- */

static void name_value(eg_lock *lock, eg_span value)
{
    eg_lockout_name name;

    eg_lockout_name_value(lock->rule->scope, lock->rule->by, value, &name);
    if (!eg_state_who(name.at, EG_LOCKOUT_PIECES, lock->count.who))
        lock->lacks = "there is no key to hash it with";
}

static void find_parameter(eg_lock *lock, const eg_webhook *hook)
{
    const eg_span name = eg_span_of(lock->rule->by), value = eg_webhook_get(hook, name);

    if (value.n && eg_params_count(&hook->query, name) + eg_params_count(&hook->form, name) == 1)
        name_value(lock, value);
    else
        lock->lacks = "the webhook has no such parameter, an empty one, or two";
}

static void find_carried(eg_lock *lock, const eg_lock_request *of, unsigned place)
{
    const eg_field *field = &eg_config_fields(eg_config_of(of->r))->at[place];
    eg_span plain;

    if (!eg_tokens_open(of->r, of->call, field, of->tokens[place], &plain)) {
        lock->lacks = "the token of that field does not open under EncGatherKeyFile, or is of "
                      "another call";
        return;
    }
    name_value(lock, plain);
    eg_wipe((char *)(apr_uintptr_t)plain.p, plain.n);
}

/* What is keyed in for a field is known at the last step: at another one nothing is asked. */
static void find_keyed(eg_lock *lock, const eg_lock_request *of)
{
    const eg_config *config = eg_config_of(of->r);
    unsigned place = eg_config_field_place(config, lock->rule->field);
    bool is_last_field = place + 1 == eg_config_fields(config)->n;

    if (!of->is_last || (is_last_field && !of->answer.p))
        lock->rule = NULL;
    else if (is_last_field)
        name_value(lock, of->answer);
    else
        find_carried(lock, of, place);
}

eg_lock eg_lock_find(const eg_lock_request *of)
{
    eg_lock lock = {.r = of->r};

    if (!eg_lock_counts(of->r, of->hook))
        return lock;
    lock.rule = eg_config_lockout(eg_config_of(of->r));
    lock.count.failures = lock.rule->failures;
    lock.count.seconds = lock.rule->seconds;
    if (lock.rule->field)
        find_keyed(&lock, of);
    else
        find_parameter(&lock, of->hook);
    return lock;
}

/* --- what it comes to -------------------------------------------------------------------------- */

static eg_outcome turn_away(const eg_lock *lock)
{
    eg_count_lockout(lock->r, EG_LOCKOUT_LOCKED);
    ap_log_rerror(
        APLOG_MARK, APLOG_INFO, 0, lock->r,
        EG_TAG("0710") "call %s: locked, by %s: EncGatherLockout has counted %d failures; "
                       "the backend is not asked",
        eg_call_of(lock->r), lock->rule->by, lock->rule->failures);
    return EG_LOCKED_OUT;
}

static eg_outcome go_on_or_fail(const eg_lock *lock, eg_cause cause, unsigned tag, const char *why)
{
    if (!lock->rule->fails_closed)
        return EG_GOING_ON;
    eg_note_failure(lock->r, cause, tag, why);
    return EG_UNAVAILABLE;
}

static eg_outcome without_count(const eg_lock *lock)
{
    bool closed = lock->rule->fails_closed;

    eg_count_lockout(lock->r, EG_LOCKOUT_UNCOUNTED);
    ap_log_rerror(APLOG_MARK, closed ? APLOG_ERR : APLOG_INFO, 0, lock->r,
                  EG_TAG("0711") "call %s: EncGatherLockout cannot count it by %s, %s: %s",
                  eg_call_of(lock->r), lock->rule->by, lock->lacks,
                  closed ? "the caller hears unavailable (fail=closed)"
                         : "it goes on, and is not counted (fail=open)");
    return go_on_or_fail(lock, EG_CAUSE_REQUEST, 711, "it cannot be counted (fail=closed)");
}

/* What is the matter with the state has a line of its own, once a minute. */
static eg_outcome without_state(const eg_lock *lock)
{
    eg_count_lockout(lock->r, EG_LOCKOUT_AWAY);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, lock->r,
                  EG_TAG("0712") "call %s: the state of EncGatherLockout cannot be asked: %s",
                  eg_call_of(lock->r),
                  lock->rule->fails_closed ? "the caller hears unavailable (fail=closed)"
                                           : "it goes on, and is not counted (fail=open)");
    return go_on_or_fail(lock, EG_CAUSE_STATE, 712, "the state cannot be asked (fail=closed)");
}

static eg_outcome outcome_of_state(const eg_lock *lock, eg_state_answer answer)
{
    if (answer == EG_STATE_NO)
        return turn_away(lock);
    return answer == EG_STATE_YES ? EG_GOING_ON : without_state(lock);
}

eg_outcome eg_lock_look(const eg_lock *lock)
{
    if (!lock->rule)
        return EG_GOING_ON;
    if (lock->lacks)
        return without_count(lock);
    return outcome_of_state(lock, eg_state_open(lock->r, &lock->count));
}

eg_outcome eg_lock_note(eg_lock *lock, const char *key)
{
    eg_state_answer answer;

    if (!lock->rule)
        return EG_GOING_ON;
    if (lock->lacks)
        return without_count(lock);
    if (eg_hex_decode(lock->step, (eg_span){key, 2 * sizeof lock->step}) != EG_OK)
        return EG_UNAVAILABLE;
    answer = eg_state_note(lock->r, &lock->count, lock->step);
    lock->is_noted = answer == EG_STATE_YES;
    lock->may_be_noted = answer != EG_STATE_NO;
    return outcome_of_state(lock, answer);
}

/* Where it was not answered whether it is noted: what would take a failure away is asked for, what would add one is not. */
void eg_lock_settle(const eg_lock *lock, eg_outcome said)
{
    if (!lock->may_be_noted)
        return;
    if (said == EG_FOUND)
        (void)eg_state_reset(lock->r, &lock->count, lock->step);
    else if (said != EG_NOT_FOUND)
        (void)eg_state_take_back(lock->r, &lock->count, lock->step);
    else if (lock->is_noted) {
        eg_count_lockout(lock->r, EG_LOCKOUT_FAILED);
        (void)eg_state_failed(lock->r, &lock->count, lock->step);
    }
}
