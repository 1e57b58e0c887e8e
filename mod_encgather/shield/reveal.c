/* SPDX-License-Identifier: Apache-2.0
 * EncGatherReveal: which requests are opened, once, and how one is refused. */
#include "shield/reveal.h"

#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include "base/chain.h"
#include "base/slots.h"
#include "lookup/expose.h"
#include "shield/disclose.h"
#include "shield/headers.h"
#include "shield/shield.h"
#include "watch/counters.h"
#include "webhook/answer.h"
#include "webhook/receive.h"

APLOG_USE_MODULE(encgather);

/* Of the request that the client sent, or of a call of our own. */
typedef struct {
    const eg_config *policy; /* of the first location of its way that has a reveal */
    bool is_done;
} reveal_state;

static reveal_state *reveal_of(request_rec *r)
{
    return eg_slot_of(eg_root_of(r), EG_SLOT_REVEAL, sizeof(reveal_state));
}

/* The part of a page, or an error page and what that leads on to: neither has a body. */
static bool has_no_own_body(const request_rec *r)
{
    return (r->main && !eg_is_backend_call(r)) || eg_is_behind_error(r);
}

static bool brings_body(const eg_guarded *g)
{
    return g->hook->body->expected && !eg_has_become_get(g->r);
}

/* --- what goes on ------------------------------------------------------------------------------ */

static eg_outcome check_revealed_media(const eg_webhook *hook)
{
    bool takes = hook->media == EG_MEDIA_FORM || hook->media == EG_MEDIA_JSON;

    return takes && !hook->is_compressed ? EG_GOING_ON : EG_MEDIA_TYPE;
}

static const char *find_reveal_fault(const eg_guarded *g)
{
    if (g->r->handler && eg_is_own_handler(g->r->handler))
        return "EncGatherReveal is for applications, and a handler of this module answers in this "
               "location";
    if (eg_config_shield(g->policy))
        return "EncGatherShield and EncGatherReveal are both in force in this location";
    if (eg_shield_was_met(g->r))
        return "EncGatherShield has made tokens of values on the way of this request, and its "
               "application is not to see them";
    return eg_opening_lacks(g->r->pool, g->policy);
}

static eg_outcome read_revealed_body(const eg_guarded *g)
{
    eg_outcome outcome = check_revealed_media(g->hook);

    if (!outcome)
        outcome = eg_body_read(g->r, eg_config_max_body(g->policy));
    if (!outcome && eg_body_may_lack_some(g->r))
        outcome = eg_misconfigured(
            g->r, "another module has read the body before EncGatherReveal, or changed its length");
    return outcome;
}

static eg_outcome disclose_body(eg_guarded *g)
{
    const char *fault = find_reveal_fault(g);

    if (brings_body(g) && g->hook->body->n)
        return eg_disclose(g, fault);
    return fault ? eg_misconfigured(g->r, fault) : EG_PASSED;
}

static void change_request_headers(const eg_guarded *g, eg_outcome outcome)
{
    for (request_rec *r = g->r; r; r = r->prev) {
        if (outcome == EG_REVEALED)
            eg_headers_change(r, eg_config_provider(g->policy), NULL);
        eg_headers_frame(r, g->hook->body);
    }
}

static eg_outcome reveal_body(eg_guarded *g)
{
    eg_outcome outcome = brings_body(g) ? read_revealed_body(g) : EG_GOING_ON;

    if (!outcome)
        outcome = disclose_body(g);
    if (!brings_body(g) || (outcome != EG_REVEALED && outcome != EG_PASSED))
        return outcome;
    change_request_headers(g, outcome);
    eg_body_keep_anew(g->r);
    eg_body_replay_alone(g->r);
    return outcome;
}

/* --- once -------------------------------------------------------------------------------------- */

static void begin_reveal(request_rec *r)
{
    const eg_record *record = eg_record_if_any(r);

    if (!record || !record->has_verdict)
        eg_set_signature(r, EG_SIGNATURE_UNCHECKED);
    eg_count_begin(r, EG_AT_REVEAL);
}

/* One that is open may have led to one that is not. */
static bool is_closed(request_rec *r)
{
    const eg_config *own = eg_config_of(r);

    return eg_config_reveal(own) && !eg_expose_lets(r, own);
}

/* Returns what a handler returns. */
static int reveal_once(request_rec *r, const eg_config *policy)
{
    eg_guarded g = {.r = r, .logged = r, .policy = policy, .hook = eg_webhook_of(r)};
    eg_outcome outcome;

    begin_reveal(r);
    if (!eg_expose_lets(r, policy) || is_closed(r))
        return eg_expose_turn_away(r);
    outcome = reveal_body(&g);
    if (outcome != EG_REVEALED && outcome != EG_PASSED)
        return eg_answer_error(r, outcome);
    eg_set_result(r, outcome);
    eg_count_answer(r, outcome);
    return DECLINED;
}

/* --- hooks ------------------------------------------------------------------------------------- */

/* An index, or what a rule makes of the request, may be answered by the configuration of another place. mod_cache
 * would hand the answer to whoever asks. */
static int note_reveal(request_rec *r)
{
    reveal_state *state;

    if (!eg_config_reveal(eg_config_of(r)) || has_no_own_body(r))
        return DECLINED;
    for (request_rec *each = r; each; each = each->main)
        each->no_cache = 1;
    state = reveal_of(r);
    if (!state->policy)
        state->policy = eg_config_of(r);
    return DECLINED;
}

/* An application that was trusted with the values has answered with the place of another one, and httpd makes a GET
 * of it, without the headers of a body: there is none, either. */
static void withhold_body(request_rec *r)
{
    if (!apr_table_get(r->headers_in, "Content-Length"))
        eg_body_wipe(eg_body_of(r));
}

/* Behind the first answer to a request that was opened. No filter of another place sees it, either. */
static int go_on_elsewhere(request_rec *r)
{
    withhold_body(r);
    if (eg_body_of(r)->n)
        eg_body_replay_alone(r);
    return is_closed(r) ? HTTP_FORBIDDEN : DECLINED;
}

/* Where it is answered, and not before: whoever looked into the body until now has seen tokens. */
static int reveal_before_handler(request_rec *r)
{
    const eg_config *own = eg_config_of(r);
    reveal_state *state = eg_slot_if_any(eg_root_of(r), EG_SLOT_REVEAL);

    if (has_no_own_body(r))
        return is_closed(r) ? HTTP_FORBIDDEN : DECLINED;
    if (!state && eg_config_reveal(own)) { /* an index has come into the place of its directory */
        state = reveal_of(r);
        state->policy = own;
    }
    if (!state)
        return DECLINED;
    if (state->is_done)
        return go_on_elsewhere(r);
    state->is_done = true;
    return reveal_once(r, state->policy);
}

void eg_reveal_register_hooks(void)
{
    static const char *const before[] = {"mod_rewrite.c", "mod_dir.c", NULL};

    ap_hook_fixups(note_reveal, NULL, before, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(reveal_before_handler, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
