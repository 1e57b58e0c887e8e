/* SPDX-License-Identifier: Apache-2.0
 * A webhook: what the client sent. Knows nothing of what any location wants. */
#include "webhook/webhook.h"

#include <string.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include "base/chain.h"
#include "base/slots.h"
#include "core/mediatype.h"
#include "core/parameters.h"
#include "core/secret.h"
#include "watch/record.h"
#include "webhook/exchange.h"
#include "webhook/masking.h"

/* --- the target -------------------------------------------------------------------------------- */

eg_span eg_webhook_raw_query(const eg_webhook *hook)
{
    eg_span target = hook->target;
    const char *mark = target.n ? memchr(target.p, '?', target.n) : NULL;

    if (!mark)
        return (eg_span){"", 0};
    return (eg_span){mark + 1, target.n - (apr_size_t)(mark + 1 - target.p)};
}

/* The raw query stays as it is: it is signed. */
static void parse_query(eg_webhook *hook)
{
    eg_span raw = eg_webhook_raw_query(hook);

    hook->query_copy = NULL;
    hook->query = (eg_params){NULL, 0};
    hook->query_status = EG_OK;
    if (!raw.n)
        return;
    hook->query_copy = eg_wiped_alloc(hook->root->pool, raw.n + 1);
    memcpy(hook->query_copy, raw.p, raw.n);
    hook->query_status =
        eg_form_parse(hook->root->pool, hook->query_copy, raw.n, EG_PARAMS_MAX, &hook->query);
}

/* --- the head ---------------------------------------------------------------------------------- */

static eg_media media_of(const request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    if (eg_media_type_is(type, "application/x-www-form-urlencoded"))
        return EG_MEDIA_FORM;
    return eg_media_type_is(type, "application/json") ? EG_MEDIA_JSON : EG_MEDIA_OTHER;
}

static bool is_compressed(const request_rec *r)
{
    const char *coding = apr_table_get(r->headers_in, "Content-Encoding");

    return coding && ap_cstr_casecmp(coding, "identity") != 0;
}

static bool find_origin(request_rec *r, eg_origin *origin)
{
    const char *host = apr_table_get(r->headers_in, "Host");

    origin->scheme = eg_span_of(ap_http_scheme(r));
    if (host && *host)
        return eg_origin_split(eg_span_of(host), origin);
    origin->host = eg_span_of(ap_get_server_name(r)); /* HTTP/1.0 */
    origin->port = (eg_span){"", 0};
    if (!ap_is_default_port(ap_get_server_port(r), r))
        origin->port = eg_span_of(apr_psprintf(r->pool, "%u", (unsigned)ap_get_server_port(r)));
    return true;
}

static bool is_handshake(request_rec *r)
{
    const char *upgrade = r->method_number == M_GET && !r->header_only
                              ? apr_table_get(r->headers_in, "Upgrade")
                              : NULL;

    return upgrade && ap_find_token(r->pool, upgrade, "websocket");
}

/* What is handed over in process has none but ours, with nothing in it that anybody has to judge. */
static void read_head(request_rec *root, eg_webhook *hook)
{
    hook->has_origin = find_origin(root, &hook->origin);
    hook->is_handshake = is_handshake(root);
    hook->media = media_of(root);
    hook->is_compressed = is_compressed(root);
}

static eg_webhook *make_webhook(request_rec *root)
{
    eg_webhook *hook = eg_slot_of(root, EG_SLOT_WEBHOOK, sizeof *hook);

    hook->root = root;
    hook->target = eg_raw_target(root);
    parse_query(hook);
    hook->body = eg_body_of(root);
    if (eg_exchange_handed(root))
        hook->media = EG_MEDIA_JSON;
    else
        read_head(root, hook);
    return hook;
}

eg_webhook *eg_webhook_of(request_rec *r)
{
    request_rec *root = eg_root_of(r);
    eg_webhook *hook = eg_slot_if_any(root, EG_SLOT_WEBHOOK);

    return hook ? hook : make_webhook(root);
}

/* --- parameters -------------------------------------------------------------------------------- */

eg_span eg_webhook_get(const eg_webhook *hook, eg_span name)
{
    const eg_param *param = eg_params_find(&hook->form, name);

    if (!param)
        param = eg_params_find(&hook->query, name);
    return param ? param->value : (eg_span){NULL, 0};
}

bool eg_webhook_is_form(const eg_webhook *hook)
{
    return hook->media == EG_MEDIA_FORM && !hook->is_compressed;
}

static eg_outcome outcome_of_parsing(eg_status status)
{
    if (status == EG_OK)
        return EG_GOING_ON;
    return status == EG_ETOOMANY ? EG_TOO_LARGE : EG_MALFORMED;
}

eg_outcome eg_webhook_query_outcome(const eg_webhook *hook)
{
    return outcome_of_parsing(hook->query_status);
}

eg_outcome eg_webhook_parse_form(eg_webhook *hook, apr_pool_t *pool, char *bytes, apr_size_t n)
{
    eg_outcome outcome = eg_webhook_query_outcome(hook);

    if (outcome)
        return outcome;
    return outcome_of_parsing(
        eg_form_parse(pool, bytes, n, EG_PARAMS_MAX - hook->query.n, &hook->form));
}

void eg_webhook_note_call(request_rec *r, const eg_webhook *hook, const eg_config *policy)
{
    eg_set_call(r, eg_webhook_get(hook, eg_span_of(eg_config_provider(policy)->call)));
}

eg_span eg_webhook_call(const eg_webhook *hook, const eg_config *policy)
{
    const eg_span name = eg_span_of(eg_config_provider(policy)->call), none = {NULL, 0};
    const eg_param *signed_one = eg_params_find(&hook->form, name);
    eg_span call = eg_webhook_get(hook, name);

    /* of a POST whose URL nobody signed the body alone says whose it is; a GET can only begin a call */
    if (!signed_one && !eg_config_provider(policy)->signs_url && hook->root->method_number != M_GET)
        return none;
    if (eg_params_count(&hook->form, name) + eg_params_count(&hook->query, name) != 1)
        return none;
    return eg_is_call_id(call) ? call : none;
}

void eg_webhook_retarget(eg_webhook *hook, const char *target)
{
    hook->target = eg_span_of(target);
    eg_wipe_early(hook->query_copy);
    parse_query(hook);
}

void eg_webhook_wipe(eg_webhook *hook)
{
    eg_body_wipe(hook->body);
    hook->form.n = 0;
}
