/* SPDX-License-Identifier: Apache-2.0
 * EncGatherShield: when a request is shielded, once, and how one is refused. */
#include "shield/shield.h"

#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include "base/chain.h"
#include "base/purposes.h"
#include "base/slots.h"
#include "shield/replace.h"
#include "watch/counters.h"
#include "webhook/answer.h"
#include "webhook/masking.h"
#include "webhook/receive.h"

APLOG_USE_MODULE(encgather);

/* Of the request that the client sent. */
typedef struct {
    bool is_done;
    eg_outcome refused;    /* EG_GOING_ON: it goes on, whoever answers */
    const char *validator; /* what one of the application's own may miss, or NULL */
} shield_state;

static shield_state *shield_of(request_rec *r)
{
    return eg_slot_of(eg_root_of(r), EG_SLOT_SHIELD, sizeof(shield_state));
}

bool eg_shield_was_met(request_rec *r)
{
    const shield_state *state = eg_slot_if_any(eg_root_of(r), EG_SLOT_SHIELD);

    return state && state->is_done;
}

/* --- once -------------------------------------------------------------------------------------- */

static eg_outcome shield_webhook(eg_guarded *g)
{
    eg_outcome outcome;

    if (g->r->handler && eg_is_own_handler(g->r->handler))
        return eg_misconfigured(g->logged, "EncGatherShield is for applications, and a handler of "
                                           "this module answers in this location");
    outcome = eg_admit(g);
    if (!outcome)
        outcome = eg_replace(g);
    eg_guarded_forget(g);
    return outcome;
}

/* mod_cache would hand the answer to requests that nobody signed. */
static void begin_shield(request_rec *r, request_rec *logged)
{
    const eg_record *record = eg_record_if_any(logged);

    for (; r; r = r->main)
        r->no_cache = 1;
    if (!record || !record->has_verdict)
        eg_set_signature(logged, EG_SIGNATURE_UNCHECKED);
    eg_count_begin(logged, EG_AT_SHIELD);
}

/* Of a request that was genuine, and has become another one. */
static const char *about_validator(const eg_guarded *g, eg_outcome outcome)
{
    const eg_record *record = eg_record_if_any(g->logged);

    if (outcome != EG_SHIELDED || !record || record->verdict != EG_SIGNATURE_VALID)
        return NULL;
    if (g->policy->resign > 0)
        return "signed anew: if the application checks signatures itself, it puts another URL "
               "together than the provider calls, or knows another auth token";
    return eg_config_provider(g->policy)->resign
               ? "without a signature: set EncGatherResign on if the application checks "
                 "signatures itself"
               : "without a signature: if the application checks it itself, take that out";
}

/* Filters that look into contents are there from the handlers on: then it was read through them. */
static void shield_once(request_rec *r, shield_state *state, void (*replay)(request_rec *))
{
    eg_guarded g = {
        .r = r, .logged = eg_logged_of(r), .policy = eg_config_of(r), .hook = eg_webhook_of(r)};
    const eg_shield_list *list = eg_config_shield(g.policy);
    eg_outcome outcome;

    state->is_done = true;
    begin_shield(r, g.logged);
    outcome = shield_webhook(&g);
    if (outcome != EG_SHIELDED && outcome != EG_PASSED) {
        state->refused = outcome;
        return;
    }
    state->validator = about_validator(&g, outcome);
    eg_set_result(g.logged, outcome);
    eg_count_answer(g.logged, outcome);
    if (list && !list->observes)
        eg_masking_unhush(r);
    if (g.hook->body->expected)
        replay(r);
}

static bool is_to_be_shielded(request_rec *r, const shield_state *state)
{
    return eg_config_shield(eg_config_of(r)) && !state->is_done &&
           !eg_is_backend_call(eg_root_of(r)) && !eg_is_error_page(r);
}

/* --- hooks ------------------------------------------------------------------------------------- */

/* Behind the access rules, and before anybody who makes a query of the query, or another request of this one. What
 * a sub-request is looked up for is not known here: a list of a directory, an index. */
static int shield_before_fixups(request_rec *r)
{
    if (r->main)
        return DECLINED;
    if (!eg_config_shield(eg_config_of(r)))
        eg_masking_unhush(r);
    else if (is_to_be_shielded(r, shield_of(r)))
        shield_once(r, shield_of(r), eg_body_replay);
    return DECLINED;
}

/* An index has come into the place of the directory that led to it, or a page asks for a part: now it is
 * answered. */
static int shield_before_handler(request_rec *r)
{
    bool has_shield = eg_config_shield(eg_config_of(r)) != NULL;
    shield_state *state;

    if (!has_shield && !eg_slot_if_any(eg_root_of(r), EG_SLOT_SHIELD))
        return DECLINED;
    state = shield_of(r);
    if (is_to_be_shielded(r, state))
        shield_once(r, state, eg_body_replay_alone);
    if (!state->refused || eg_is_error_page(r) || (r->main && !has_shield))
        return DECLINED;
    if (r->main)
        return eg_outcome_of(state->refused)->status;
    return eg_answer_error(r, state->refused);
}

/* Before the shield it was not refused, and who set it up looks for the reason. */
static int log_refused_behind(request_rec *r)
{
    const shield_state *state = eg_slot_if_any(eg_root_of(r), EG_SLOT_SHIELD);
    const request_rec *last = r;

    if (!state || !state->validator)
        return DECLINED;
    while (last->next)
        last = last->next;
    if (last->status == HTTP_FORBIDDEN || last->status == HTTP_UNAUTHORIZED)
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                      EG_TAG("0164") "call %s: %d was answered to a webhook that was genuine, and "
                                     "went on %s",
                      eg_call_of(r), last->status, state->validator);
    return DECLINED;
}

void eg_shield_register_hooks(void)
{
    /* who rewrites or proxies sees tokens, and so does who looks into bodies */
    static const char *const before[] = {"mod_rewrite.c", "mod_proxy.c", "mod_security2.c", NULL};

    EG_HOOK(EG_FOR_SHIELDS, fixups, shield_before_fixups, NULL, before, APR_HOOK_REALLY_FIRST);
    EG_HOOK(EG_FOR_SHIELDS, handler, shield_before_handler, NULL, NULL, APR_HOOK_REALLY_FIRST);
    EG_HOOK(EG_FOR_SHIELDS, log_transaction, log_refused_behind, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
