/* SPDX-License-Identifier: Apache-2.0
 * Require twilio-signature: any location only for requests that Twilio signed. */
#include "access.h"

#include <string.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <mod_auth.h>
#include "encgather.h"
#include "log.h"
#include "webhook.h"

APLOG_USE_MODULE(encgather);

static ap_filter_rec_t *feed_filter;

/* --- handing the body on ----------------------------------------------------------------------- */

/* What was read, as often as the chain of redirects leads to somebody who reads; then the rest, if
 * reading ended early; then the end. */
typedef struct {
    eg_webhook *hook;
    apr_size_t given;
} feed;

static apr_size_t take(feed *from, apr_bucket_brigade *out, ap_filter_t *f, apr_size_t wanted)
{
    apr_size_t left = from->hook->body.n - from->given;
    apr_size_t n = left < wanted ? left : wanted;

    if (n)
        APR_BRIGADE_INSERT_TAIL(out,
                                apr_bucket_immortal_create(from->hook->body.bytes + from->given, n,
                                                           f->c->bucket_alloc));
    return n;
}

static apr_status_t feed_body(ap_filter_t *f, apr_bucket_brigade *out, ap_input_mode_t mode,
                              apr_read_type_e block, apr_off_t wanted)
{
    feed *from = f->ctx;
    bool all = mode == AP_MODE_EXHAUSTIVE || wanted <= 0;
    apr_size_t n;

    if (mode == AP_MODE_INIT || mode == AP_MODE_EATCRLF || from->given > from->hook->body.n)
        return ap_get_brigade(f->next, out, mode, block, wanted);
    if (mode == AP_MODE_GETLINE)
        return APR_ENOTIMPL;
    n = take(from, out, f, all ? from->hook->body.n : (apr_size_t)wanted);
    if (n == 0 && from->hook->read_outcome == EG_MALFORMED)
        return APR_EGENERAL; /* it broke off there */
    if (n == 0 && !from->hook->body.complete)
        return ap_get_brigade(f->next, out, mode, block, wanted);
    if (mode != AP_MODE_SPECULATIVE)
        from->given += n;
    if (from->given == from->hook->body.n && from->hook->body.complete)
        APR_BRIGADE_INSERT_TAIL(out, apr_bucket_eos_create(f->c->bucket_alloc));
    return APR_SUCCESS;
}

/* An error page never sees the body of what was denied. */
static apr_status_t feed_nothing(ap_filter_t *f, apr_bucket_brigade *out)
{
    APR_BRIGADE_INSERT_TAIL(out, apr_bucket_eos_create(f->c->bucket_alloc));
    return APR_SUCCESS;
}

static apr_status_t feed_filter_fn(ap_filter_t *f, apr_bucket_brigade *out, ap_input_mode_t mode,
                                   apr_read_type_e block, apr_off_t wanted)
{
    return f->ctx ? feed_body(f, out, mode, block, wanted) : feed_nothing(f, out);
}

static bool is_error_page(const request_rec *r)
{
    const char *status = apr_table_get(r->subprocess_env, "REDIRECT_STATUS");

    return r->prev && status && strcmp(status, "200") != 0;
}

static feed *new_feed(request_rec *r)
{
    feed *body = apr_pcalloc(r->pool, sizeof *body);

    body->hook = eg_webhook_of(r);
    return body;
}

/* Every request of a chain of redirects starts without the filters of the one before. */
static void attach_feed(request_rec *r)
{
    eg_request *state = eg_request_of(r);
    bool nothing = is_error_page(r);

    if (state->has_feed)
        return;
    state->has_feed = true;
    if (nothing) {
        apr_table_unset(r->headers_in, "Content-Length");
        apr_table_unset(r->headers_in, "Transfer-Encoding");
    }
    ap_add_input_filter_handle(feed_filter, nothing ? NULL : new_feed(r), r, r->connection);
}

/* --- the provider ------------------------------------------------------------------------------ */

static authz_status grant_unchecked(request_rec *r)
{
    eg_set_signature(r, EG_SIGNATURE_UNCHECKED);
    return AUTHZ_GRANTED;
}

static authz_status refuse(request_rec *r, eg_outcome outcome)
{
    eg_request_of(eg_root_of(r))->refusal = outcome;
    return AUTHZ_DENIED;
}

static authz_status misconfigured(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  EG_TAG("0112") "answered 500, \"Require twilio-signature\" needs an "
                                 "EncGatherAuthTokenFile for this location");
    eg_set_signature(r, EG_SIGNATURE_UNCHECKED);
    eg_set_result(r, EG_MISCONFIGURED);
    return AUTHZ_GENERAL_ERROR;
}

/* The body belongs to the request that the client sent; what it led to (DirectoryIndex, SSI) is
 * judged by it. */
static eg_outcome examine(request_rec *r)
{
    request_rec *client = r;
    eg_outcome outcome;

    while (client->main)
        client = client->main;
    outcome = eg_webhook_examine(client, eg_webhook_of(client));
    if (eg_webhook_of(client)->was_read)
        attach_feed(client);
    return outcome;
}

static authz_status check(request_rec *r, const char *line, const void *parsed)
{
    const eg_config *config = eg_config_of(r);
    eg_check mode = eg_config_signature(config);
    eg_outcome outcome;

    (void)line;
    (void)parsed;
    if (eg_is_backend_call(r))
        return AUTHZ_GRANTED;
    if (mode == EG_CHECK_OFF)
        return grant_unchecked(r);
    if (!config->tokens || !config->tokens->tokens || !eg_the_crypto())
        return mode == EG_CHECK_OBSERVE ? grant_unchecked(r) : misconfigured(r);
    outcome = examine(r);
    if (outcome == EG_GOING_ON || mode == EG_CHECK_OBSERVE)
        return AUTHZ_GRANTED;
    if (outcome == EG_MISCONFIGURED) {
        eg_set_result(r, outcome);
        return AUTHZ_GENERAL_ERROR;
    }
    return refuse(r, outcome);
}

static const char *parse(cmd_parms *cmd, const char *line, const void **parsed)
{
    (void)parsed;
    if (!ap_check_cmd_context(cmd, NOT_IN_HTACCESS)) /* while nobody else is looking */
        eg_server_note_use(cmd);
    return *line ? "\"Require twilio-signature\" takes no arguments" : NULL;
}

static const authz_provider provider = {check, parse};

/* --- hooks ------------------------------------------------------------------------------------- */

static void insert_filter(request_rec *r)
{
    const eg_request *state = r->prev ? eg_request_if_any(eg_root_of(r)) : NULL;

    if (state && !r->main && state->webhook && (state->webhook->was_read || state->refusal))
        attach_feed(r);
}

/* Others (Require ip, RequireAny) may have let in what we would not have: only now is it known. */
static int log_refusal(request_rec *r)
{
    eg_request *state = eg_request_if_any(r);

    if (!state || !state->refusal || r->status != HTTP_FORBIDDEN)
        return DECLINED;
    eg_set_result(r, state->refusal);
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  EG_TAG("0302") "call %s: denied by \"Require twilio-signature\": %s",
                  eg_call_of(r),
                  state->refusal == EG_FORBIDDEN ? eg_webhook_complaint(r, state->webhook)
                                                 : eg_outcome_of(state->refusal)->text);
    return DECLINED;
}

void eg_access_register_hooks(apr_pool_t *pool)
{
    /* nearest to HTTP_IN: whoever decodes or inspects bodies comes after it */
    feed_filter = ap_register_input_filter("ENCGATHER_BODY", feed_filter_fn, NULL,
                                           (ap_filter_type)(AP_FTYPE_PROTOCOL - 1));
    ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, "twilio-signature",
                              AUTHZ_PROVIDER_VERSION, &provider, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_insert_filter(insert_filter, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_log_transaction(log_refusal, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
