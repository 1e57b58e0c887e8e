/* SPDX-License-Identifier: Apache-2.0
 * Values become tokens: in the body, in the query, wherever a request shows either. */
#include "shield/replace.h"

#include <string.h>
#include <apr_strings.h>
#include "base/chain.h"
#include "core/copies.h"
#include "core/secret.h"
#include "shield/headers.h"
#include "watch/record.h"
#include "webhook/masking.h"
#include "webhook/receive.h"
#include "webhook/seal.h"
#include "webhook/verify.h"

APLOG_USE_MODULE(encgather);

/* --- one value --------------------------------------------------------------------------------- */

/* What is known while parameters are looked at. */
typedef struct {
    eg_guarded *g;
    const eg_shield_list *list;
    eg_seal_order order;
    const char *observed;       /* names, each once; NULL: none */
    bool in_query;              /* of the client's: others may have copied it */
    apr_array_header_t *copied; /* of eg_copied: what was replaced there */
} replacement;

static bool is_among(const char *names, eg_span name)
{
    for (; names && *names; names += strspn(names, " ")) {
        apr_size_t n = strcspn(names, " ");

        if (eg_span_eq((eg_span){names, n}, name))
            return true;
        names += n;
    }
    return false;
}

static eg_status observe_value(replacement *to, const eg_shielded *found)
{
    apr_pool_t *pool = to->g->r->pool;
    const char *name = apr_pstrmemdup(pool, found->name.p, found->name.n);

    if (!is_among(to->observed, found->name))
        to->observed = to->observed ? apr_pstrcat(pool, to->observed, " ", name, NULL) : name;
    return EG_OK;
}

/* Asked for each parameter of the form and of the query. */
static eg_status replace_value(void *about, const eg_param *param, eg_span *instead)
{
    replacement *to = about;
    const eg_shielded *found = eg_shielded_find(to->list, param->name, param->value.n);
    eg_status status;

    if (!found)
        return EG_OK;
    if (to->list->observes)
        return observe_value(to, found);
    if (param->value.n > EG_SHIELDED_VALUE_MAX)
        return EG_ETOOMANY;
    if (eg_seal_binds(to->g->policy) && !to->order.call.p)
        return EG_EMALFORMED;
    to->order.fld = found->fld;
    status = eg_seal_value(eg_root_of(to->g->r), &to->order, param->value, instead);
    if (status == EG_OK && to->in_query)
        APR_ARRAY_PUSH(to->copied, eg_copied) = (eg_copied){param->name, param->value, *instead};
    return status;
}

static replacement begin_replacement(eg_guarded *g)
{
    const eg_envelope_list *recipients = g->policy->recipients;

    return (replacement){.g = g,
                         .list = eg_config_shield(g->policy),
                         .copied = apr_array_make(g->r->pool, 4, sizeof(eg_copied)),
                         .order = {.config = g->policy,
                                   .to = recipients && recipients->n ? recipients->at[0] : NULL,
                                   .call = eg_webhook_call(g->hook, g->policy)}};
}

/* --- body and query ---------------------------------------------------------------------------- */

/* What a request is to be. Where something stays, both are the same pointer. */
typedef struct {
    eg_span body, body_instead;
    eg_span query, query_instead;
    bool is_changed; /* in these, or in the query of a request that rules have made of it */
} change;

static eg_status change_client_request(replacement *to, change *all)
{
    const eg_guarded *g = to->g;
    apr_pool_t *pool = g->hook->root->pool;
    const eg_body *body = g->hook->body;
    eg_status status;

    all->body = (eg_span){body->n ? body->bytes : "", body->n};
    all->query = eg_webhook_raw_query(g->hook);
    status =
        eg_form_substitute(pool, all->body, &g->hook->form, replace_value, to, &all->body_instead);
    to->in_query = true;
    if (status == EG_OK)
        status = eg_form_substitute(pool, all->query, &g->hook->query, replace_value, to,
                                    &all->query_instead);
    to->in_query = false;
    all->is_changed = all->body_instead.p != all->body.p || all->query_instead.p != all->query.p;
    return status;
}

static const char *exchange_copies(const replacement *to, const char *text)
{
    return eg_copies_exchange(to->g->r->pool, text,
                              (const eg_copied *)(const void *)to->copied->elts,
                              (apr_size_t)to->copied->nelts);
}

/* What a RewriteRule has put together is another query than the client's. */
static eg_status change_other_args(replacement *to, eg_span args, eg_span *instead)
{
    apr_pool_t *pool = to->g->hook->root->pool;
    char *copy = eg_wiped_alloc(pool, args.n);
    const char *text;
    eg_params params;
    eg_status status;

    memcpy(copy, args.p, args.n);
    status = eg_form_parse(pool, copy, args.n, EG_PARAMS_MAX, &params);
    if (status == EG_OK)
        status = eg_form_substitute(pool, args, &params, replace_value, to, instead);
    eg_wipe_early(copy);
    text = status == EG_OK ? exchange_copies(to, instead->p) : instead->p;
    if (text != instead->p) /* the whole query in a value */
        *instead = eg_span_of(text);
    return status;
}

/* All requests in which the application may look: what led to this one, and what it is a part of. */
static request_rec *one_before(const request_rec *r)
{
    return r->prev ? r->prev : r->main;
}

static eg_status plan_args(replacement *to, change *all, const request_rec *r, eg_requery *plan)
{
    eg_status status = EG_OK;

    plan->sent = all->query;
    plan->sent_instead = all->query_instead;
    plan->args = plan->args_instead = eg_span_of(r->args);
    if (!r->args)
        return EG_OK;
    if (eg_span_eq(plan->args, all->query))
        plan->args_instead = all->query_instead.p == all->query.p ? plan->args : all->query_instead;
    else
        status = change_other_args(to, plan->args, &plan->args_instead);
    all->is_changed = all->is_changed || plan->args_instead.p != plan->args.p;
    return status;
}

/* Nothing is touched before all of it can be done. */
static eg_status plan_chain(replacement *to, change *all, apr_array_header_t *plans)
{
    eg_status status = EG_OK;

    for (request_rec *r = to->g->r; r && status == EG_OK; r = one_before(r))
        status = plan_args(to, all, r, &APR_ARRAY_PUSH(plans, eg_requery));
    return status;
}

/* --- copies ------------------------------------------------------------------------------------ */

/* In place: a name that is there twice stays so. */
static void exchange_in_table(const replacement *to, const apr_table_t *table)
{
    const apr_array_header_t *all = apr_table_elts(table);

    for (int i = 0; i < all->nelts; i++) {
        apr_table_entry_t *at = &APR_ARRAY_IDX(all, i, apr_table_entry_t);

        at->val = (char *)(apr_uintptr_t)exchange_copies(to, at->val);
    }
}

/* Servers in front put the URL into headers, rules and redirects into variables. */
static void change_copies(const replacement *to)
{
    if (!to->copied->nelts)
        return;
    for (request_rec *r = to->g->r; r; r = one_before(r)) {
        exchange_in_table(to, r->headers_in);
        exchange_in_table(to, r->subprocess_env);
        exchange_in_table(to, r->notes);
    }
}

/* --- doing it ---------------------------------------------------------------------------------- */

static void wipe_gone(const apr_array_header_t *gone)
{
    for (int i = 0; i < gone->nelts; i++) {
        eg_span text = APR_ARRAY_IDX(gone, i, eg_span);

        eg_wipe((void *)(apr_uintptr_t)text.p, text.n);
    }
}

static void change_queries(const eg_guarded *g, const apr_array_header_t *plans)
{
    apr_array_header_t *gone = apr_array_make(g->r->pool, 8, sizeof(eg_span));
    int i = 0;

    for (request_rec *r = g->r; r; r = one_before(r)) {
        eg_requery *plan = &APR_ARRAY_IDX(plans, i++, eg_requery);

        plan->gone = gone;
        eg_masking_requery(r, plan);
    }
    eg_webhook_retarget(g->hook, eg_raw_target(g->r).p);
    wipe_gone(gone);
}

static eg_outcome change_request(const replacement *to, const change *all,
                                 const apr_array_header_t *plans)
{
    eg_guarded *g = to->g;
    eg_provider_headers headers;
    bool is_signed = eg_verify_may_resign(g->hook, g->policy);

    change_copies(to);
    change_queries(g, plans);
    if (all->body_instead.p != all->body.p)
        eg_body_become(g->hook->body, (char *)(apr_uintptr_t)all->body_instead.p,
                       all->body_instead.n);
    if (is_signed && eg_verify_resign(g->hook, g->policy, &headers) != EG_OK)
        return eg_misconfigured(g->logged, "the changed request could not be signed anew");
    for (request_rec *r = g->r; r; r = one_before(r))
        eg_headers_change(r, eg_config_provider(g->policy), is_signed ? &headers : NULL);
    return EG_SHIELDED;
}

static eg_outcome outcome_of_failure(const eg_guarded *g, eg_status status)
{
    if (status == EG_ETOOMANY)
        return EG_TOO_LARGE;
    if (status == EG_EMALFORMED)
        return EG_MALFORMED;
    return eg_misconfigured(g->logged, "OpenSSL failed while a token was made");
}

/* Without their values and lengths. */
static void log_observed(const eg_guarded *g, const char *names)
{
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, g->logged,
                  EG_TAG("0213") "call %s: EncGatherShield observes, and would have replaced: %s",
                  eg_call_of(g->logged), names);
}

static void frame_all(const eg_guarded *g)
{
    for (request_rec *r = g->r; r; r = one_before(r))
        eg_headers_frame(r, g->hook->body);
}

eg_outcome eg_replace(eg_guarded *g)
{
    replacement to = begin_replacement(g);
    change all = {.is_changed = false};
    apr_array_header_t *plans = apr_array_make(g->r->pool, 4, sizeof(eg_requery));
    eg_status status = change_client_request(&to, &all);
    eg_outcome outcome = EG_PASSED;

    if (status == EG_OK)
        status = plan_chain(&to, &all, plans);
    if (status != EG_OK)
        return outcome_of_failure(g, status);
    if (to.observed)
        log_observed(g, to.observed);
    if (all.is_changed)
        outcome = change_request(&to, &all, plans);
    if (!to.list->observes)
        frame_all(g);
    return outcome;
}
