/* SPDX-License-Identifier: Apache-2.0
 * Require twilio-signature and webhook-signature: any location only for requests that the provider signed. */
#include "webhook/access.h"

#include <string.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <mod_auth.h>
#include "core/secret.h"
#include "base/chain.h"
#include "base/purposes.h"
#include "base/slots.h"
#include "config/config.h"
#include "config/providercheck.h"
#include "base/log.h"
#include "webhook/verify.h"
#include "watch/record.h"
#include <http_request.h>

APLOG_USE_MODULE(encgather);

#define TWILIO_SIGNATURE "twilio-signature"
#define WEBHOOK_SIGNATURE "webhook-signature"

/* What "Require twilio-signature" or "webhook-signature" has against a request; it counts if the
 * request is denied. */
typedef struct {
    eg_outcome why;
    const char *name; /* which of them */
} refusal_state;

/* --- judging ----------------------------------------------------------------------------------- */

/* The form is decoded in a copy, which is wiped as soon as the signature is known: the body stays
 * as it was received, for whoever answers. */
static eg_outcome verify_copy(request_rec *r, eg_webhook *hook, const eg_config *policy)
{
    apr_size_t n = hook->body->n;
    char *copy = eg_wiped_alloc(r->pool, n);
    eg_body_hash hash = eg_verify_hash_body(hook);
    eg_outcome outcome = EG_GOING_ON;

    if (n)
        memcpy(copy, hook->body->bytes, n);
    if (eg_webhook_is_form(hook))
        outcome = eg_webhook_parse_form(hook, r->pool, copy, n);
    eg_webhook_note_call(r, hook, policy);
    if (!outcome)
        outcome = eg_verify(r, hook, policy, &hash);
    eg_wipe_early(copy);
    hook->form.n = 0;
    return outcome;
}

/* asking is the request of the location whose Require it is; it judges by that location. Variables
 * and counters are those of the request that is logged. */
static eg_outcome judge_webhook(request_rec *asking, const eg_config *policy)
{
    eg_webhook *hook = eg_webhook_of(asking);
    request_rec *logged = eg_logged_of(asking);
    eg_outcome outcome = eg_webhook_query_outcome(hook);

    eg_set_signature(logged, EG_SIGNATURE_UNCHECKED);
    eg_webhook_note_call(logged, hook, policy);
    if (!outcome)
        outcome = eg_body_read(asking, eg_config_max_body(policy));
    if (hook->body->expected && hook->body->state != EG_BODY_UNREAD)
        eg_body_replay(asking);
    return outcome ? outcome : verify_copy(logged, hook, policy);
}

/* --- the provider ------------------------------------------------------------------------------ */

/* mod_cache would hand what we let in to requests that nobody signed. */
static void forbid_caching(request_rec *r)
{
    for (; r; r = r->main)
        r->no_cache = 1;
}

static authz_status grant_unchecked(request_rec *r)
{
    eg_set_signature(eg_logged_of(r), EG_SIGNATURE_UNCHECKED);
    return AUTHZ_GRANTED;
}

static authz_status answer_misconfigured(request_rec *r, const char *why)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, EG_TAG("0112") "answered 500, %s", why);
    eg_note_failure(eg_logged_of(r), EG_CAUSE_CONFIG, 112, why);
    eg_set_signature(eg_logged_of(r), EG_SIGNATURE_UNCHECKED);
    eg_set_result(eg_logged_of(r), EG_MISCONFIGURED);
    return AUTHZ_GENERAL_ERROR;
}

static authz_status deny(request_rec *r, eg_outcome outcome, const char *name)
{
    refusal_state *state = eg_slot_of(eg_root_of(r), EG_SLOT_REFUSAL, sizeof *state);

    state->why = outcome;
    state->name = name;
    return AUTHZ_DENIED;
}

static authz_status check_signature_of(request_rec *r, const char *name)
{
    const eg_config *policy = eg_config_of(r);
    eg_check mode = eg_config_signature(policy);
    const char *fault;
    eg_outcome outcome;

    if (eg_is_backend_call(r))
        return AUTHZ_GRANTED;
    forbid_caching(r);
    if (mode == EG_CHECK_OFF)
        return grant_unchecked(r);
    if (!eg_verify_has_tokens(policy) || !eg_the_crypto())
        return mode == EG_CHECK_OBSERVE
                   ? grant_unchecked(r)
                   : answer_misconfigured(r, apr_pstrcat(r->pool, "\"Require ", name,
                                                         "\" needs an EncGatherAuthTokenFile "
                                                         "for this location",
                                                         NULL));
    fault = mode == EG_CHECK_ON ? eg_provider_secret_fault(r->pool, policy) : NULL;
    if (fault)
        return answer_misconfigured(r, fault);
    outcome = judge_webhook(r, policy);
    if (outcome == EG_GOING_ON || mode == EG_CHECK_OBSERVE)
        return AUTHZ_GRANTED;
    if (outcome == EG_MISCONFIGURED) {
        eg_set_result(eg_logged_of(r), outcome);
        return AUTHZ_GENERAL_ERROR;
    }
    return deny(r, outcome, name);
}

static authz_status check_twilio_signature(request_rec *r, const char *line, const void *parsed)
{
    (void)line;
    (void)parsed;
    if (eg_config_provider(eg_config_of(r)) != &eg_provider_twilio && !eg_is_backend_call(r))
        return answer_misconfigured(r, "\"Require twilio-signature\" means Twilio's, and "
                                       "EncGatherProvider says another here: write \"Require "
                                       "webhook-signature\"");
    return check_signature_of(r, TWILIO_SIGNATURE);
}

static authz_status check_webhook_signature(request_rec *r, const char *line, const void *parsed)
{
    (void)line;
    (void)parsed;
    return check_signature_of(r, WEBHOOK_SIGNATURE);
}

static const char *parse_require(cmd_parms *cmd, int which, const char *name, const char *line)
{
    if (!ap_check_cmd_context(cmd, NOT_IN_HTACCESS)) { /* while nobody else is looking */
        eg_server_note_use(cmd);
        eg_purpose_is_there(EG_FOR_OURS);
    }
    eg_config_note_require(cmd, which);
    return *line ? apr_pstrcat(cmd->pool, "\"Require ", name, "\" takes no arguments", NULL) : NULL;
}

static const char *parse_require_twilio(cmd_parms *cmd, const char *line, const void **parsed)
{
    (void)parsed;
    return parse_require(cmd, EG_REQUIRES_TWILIO, TWILIO_SIGNATURE, line);
}

static const char *parse_require_webhook(cmd_parms *cmd, const char *line, const void **parsed)
{
    (void)parsed;
    return parse_require(cmd, EG_REQUIRES_WEBHOOK, WEBHOOK_SIGNATURE, line);
}

static const authz_provider twilio_signature = {check_twilio_signature, parse_require_twilio};
static const authz_provider webhook_signature = {check_webhook_signature, parse_require_webhook};

/* --- hooks ------------------------------------------------------------------------------------- */

/* Who gets as far as somebody who answers was let in by others (Require ip, RequireAny), whatever
 * we had against it; a 403 that follows is not ours. */
void eg_access_forget_refusal(request_rec *r)
{
    refusal_state *state;

    if (r->main || r->status != HTTP_OK)
        return;
    state = eg_slot_if_any(eg_root_of(r), EG_SLOT_REFUSAL);
    if (state)
        state->why = EG_GOING_ON;
}

void eg_access_log_refusal(request_rec *r)
{
    const refusal_state *state = eg_slot_if_any(r, EG_SLOT_REFUSAL);
    const char *complaint;

    if (!state || !state->why || r->status != HTTP_FORBIDDEN)
        return;
    complaint = state->why == EG_FORBIDDEN ? eg_verify_complaint(eg_webhook_of(r), r->pool)
                                           : eg_outcome_of(state->why)->text;
    eg_set_result(r, state->why);
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  EG_TAG("0302") "call %s: denied by \"Require %s\": %s", eg_call_of(r),
                  state->name, complaint);
    if (state->why == EG_FORBIDDEN)
        eg_verify_note(r, eg_webhook_of(r), 302, complaint);
}

void eg_access_register_hooks(apr_pool_t *pool)
{
    ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, TWILIO_SIGNATURE, AUTHZ_PROVIDER_VERSION,
                              &twilio_signature, AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, WEBHOOK_SIGNATURE, AUTHZ_PROVIDER_VERSION,
                              &webhook_signature, AP_AUTH_INTERNAL_PER_CONF);
}
