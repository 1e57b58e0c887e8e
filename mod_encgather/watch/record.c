/* SPDX-License-Identifier: Apache-2.0
 * What is remembered of a request: for the access log as variables, for the counters as numbers. */
#include "watch/record.h"

#include <apr_strings.h>
#include "base/chain.h"
#include "base/slots.h"
#include "core/parameters.h"

eg_record *eg_record_of(request_rec *r)
{
    return eg_slot_of(r, EG_SLOT_RECORD, sizeof(eg_record));
}

const eg_record *eg_record_if_any(const request_rec *r)
{
    return eg_slot_if_any(r, EG_SLOT_RECORD);
}

void eg_set_call(request_rec *r, eg_span call_sid)
{
    if (eg_is_call_id(call_sid))
        apr_table_setn(r->subprocess_env, "ENCGATHER_CALL",
                       apr_pstrmemdup(r->pool, call_sid.p, call_sid.n));
}

/* What says it may end before r does: a sub-request that was asked for who answers. */
static void note_first(request_rec *r, eg_cause cause, unsigned tag, const char *reason)
{
    eg_record *state = eg_record_of(r);

    if (state->cause)
        return;
    state->cause = cause;
    state->tag = tag;
    state->reason = apr_pstrdup(r->pool, reason);
}

void eg_note_failure(request_rec *r, eg_cause cause, unsigned tag, const char *reason)
{
    note_first(r, cause, tag, reason);
    if (eg_is_backend_call(r))
        note_first(r->main, cause, tag, reason);
}

const char *eg_call_of(const request_rec *r)
{
    const char *call = apr_table_get(r->subprocess_env, "ENCGATHER_CALL");

    return call ? call : "-";
}

void eg_set_step(request_rec *r, const char *name, eg_step step)
{
    eg_record_of(r)->step = step;
    apr_table_setn(r->subprocess_env, "ENCGATHER_STEP", name);
}

void eg_set_signature(request_rec *r, eg_verdict verdict)
{
    eg_record *record = eg_record_of(r);

    record->verdict = verdict;
    record->has_verdict = true;
    record->is_told = true;
    apr_table_setn(r->subprocess_env, "ENCGATHER_SIGNATURE", eg_verdict_word(verdict));
}

void eg_begin_signature(request_rec *r)
{
    eg_record *record = eg_record_of(r);

    record->verdict = EG_SIGNATURE_UNCHECKED;
    record->has_verdict = true;
    record->is_told = false;
}

void eg_set_result(request_rec *r, eg_outcome outcome)
{
    eg_record *record = eg_record_of(r);

    record->result = outcome;
    if (record->has_verdict && !record->is_told)
        eg_set_signature(r, record->verdict);
    if (eg_outcome_of(outcome)->word)
        apr_table_setn(r->subprocess_env, "ENCGATHER_RESULT", eg_outcome_of(outcome)->word);
}

/* Formats look at the last request of a chain, "env=" of a CustomLog at the first. */
static void tell_both_ends(request_rec *first, request_rec *last, const char *name)
{
    const char *value = apr_table_get(last->subprocess_env, name);

    for (const request_rec *r = first; !value && r != last; r = r->next)
        value = apr_table_get(r->subprocess_env, name);
    if (!value)
        return;
    if (!apr_table_get(first->subprocess_env, name))
        apr_table_setn(first->subprocess_env, name, value);
    apr_table_setn(last->subprocess_env, name, value);
}

void eg_record_carry_over(request_rec *r)
{
    static const char *const names[] = {"ENCGATHER_CALL", "ENCGATHER_STEP", "ENCGATHER_RESULT",
                                        "ENCGATHER_SIGNATURE"};
    request_rec *last = r;

    if (!r->next)
        return;
    while (last->next)
        last = last->next;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        tell_both_ends(r, last, names[i]);
}
