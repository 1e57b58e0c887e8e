/* SPDX-License-Identifier: Apache-2.0
 * Which requests a shield lets on, before anything of them is replaced. */
#include "shield/admit.h"

#include <string.h>
#include "core/parameters.h"
#include "core/secret.h"
#include "watch/record.h"
#include "webhook/receive.h"
#include "webhook/verify.h"

/* --- method, media type, size ------------------------------------------------------------------ */

static eg_outcome check_guarded_method(const eg_guarded *g)
{
    if (g->r->method_number == M_GET || g->r->method_number == M_POST)
        return EG_GOING_ON;
    apr_table_setn(g->r->headers_out, "Allow", "GET, HEAD, POST");
    return EG_METHOD;
}

/* A hash of the body in the URL would be that of another one. */
static eg_outcome check_guarded_media(const eg_webhook *hook)
{
    if (eg_claims_body_hash(&hook->query))
        return EG_MEDIA_TYPE;
    return !hook->body->expected || eg_webhook_is_form(hook) ? EG_GOING_ON : EG_MEDIA_TYPE;
}

static eg_outcome read_guarded_body(const eg_guarded *g)
{
    eg_outcome outcome = eg_body_read(g->r, eg_config_max_body(g->policy));

    if (outcome)
        return outcome;
    if (eg_body_was_taken(g->r))
        return eg_misconfigured(g->logged, "another module has read the body before the shield");
    return g->r->method_number == M_GET && g->hook->body->n ? EG_MALFORMED : EG_GOING_ON;
}

/* --- form -------------------------------------------------------------------------------------- */

static eg_outcome parse_guarded_copy(eg_guarded *g)
{
    apr_size_t n = g->hook->body->n;

    g->copy = eg_wiped_alloc(g->hook->root->pool, n);
    if (n)
        memcpy(g->copy, g->hook->body->bytes, n);
    return eg_webhook_parse_form(g->hook, g->hook->root->pool, g->copy, n);
}

static eg_outcome read_form(eg_guarded *g)
{
    eg_outcome outcome = check_guarded_method(g);

    if (!outcome)
        outcome = check_guarded_media(g->hook);
    if (!outcome)
        outcome = read_guarded_body(g);
    if (!outcome)
        outcome = parse_guarded_copy(g);
    eg_webhook_note_call(g->logged, g->hook, g->policy);
    return outcome;
}

/* --- configuration and caller ------------------------------------------------------------------ */

/* What the check at start says of sections, of what a request has put together. */
static const char *find_guarded_fault(const eg_guarded *g)
{
    const eg_provider *provider = eg_config_provider(g->policy);
    const eg_shield_list *list = eg_config_shield(g->policy);
    const char *lacks = eg_shield_lacks(g->r->pool, g->policy);

    if (!list)
        return "no EncGatherShield is in force";
    if (lacks)
        return lacks;
    if (!provider->dialect)
        return "EncGatherProvider is one for \"Require webhook-signature\" alone";
    if (g->policy->resign > 0 && !provider->resign)
        return "EncGatherResign is on, and this provider's signatures can be made by nobody else";
    if (eg_shield_list_names(list, eg_span_of(provider->call)))
        return "EncGatherShield names the parameter that is the call's id";
    return list->observes ? NULL : eg_config_format_fault(g->policy);
}

eg_outcome eg_admit(eg_guarded *g)
{
    eg_outcome outcome = read_form(g);
    const char *wrong = outcome ? NULL : find_guarded_fault(g);
    eg_body_hash hash;

    if (outcome)
        return outcome;
    if (wrong)
        return eg_misconfigured(g->logged, wrong);
    hash = eg_verify_hash_body(g->hook);
    return eg_verify_caller(g->logged, g->hook, g->policy, &hash);
}

void eg_guarded_forget(eg_guarded *g)
{
    eg_wipe_early(g->copy);
    g->copy = NULL;
    g->hook->form.n = 0;
}
