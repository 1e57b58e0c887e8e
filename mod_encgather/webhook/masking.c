/* SPDX-License-Identifier: Apache-2.0
 * Keeps what callers keyed in or said, in a query string or a Referer, out of everything that httpd
 * writes down. */
#include "webhook/masking.h"

#include "base/chain.h"
#include "base/purposes.h"
#include "base/slots.h"
#include "config/config.h"
#include "config/writers.h"

#include <string.h>
#include <sys/random.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <scoreboard.h>
#include "core/mask.h"
#include <http_request.h>

/* One request's way: masked in post_read_request, before the scoreboard and core's early error
 * lines get their copy; shown again in pre_translate_name to every location that is not ours,
 * because other applications get what was sent; masked for good when it is written down. A Referer is
 * masked once and stays so: no application needs what a caller keyed in on the page before. */

typedef struct {
    const char *raw_target; /* as received, where the request_rec shows a masked one; else NULL */
    const char *raw_line;   /* the same for the_request and args, while they are masked */
    const char *raw_args;
    const struct ap_logconf *loud_log; /* r->log as it was, while core is hushed */
    bool is_hushed;
    const struct ap_logconf
        *quiet_log; /* of all modules, until a shield has been passed; else NULL */
} masking;

_Static_assert(sizeof(masking) <= EG_SLOT_ZEROS, "what is not there is read as zeros");

static unsigned char cache_secret[32]; /* of this start of the server */
static bool has_cache_secret;

static masking *masking_of(request_rec *r)
{
    return eg_slot_of(r, EG_SLOT_MASKING, sizeof(masking));
}

/* "http://host/path" of a proxy-style request line: the part from the path on. */
static const char *skip_authority(const char *target)
{
    const char *authority = strstr(target, "://");
    const char *path;

    if (*target == '/' || !authority)
        return target;
    path = strpbrk(authority + 3, "/?");
    return path ? path : "/";
}

eg_span eg_raw_target(request_rec *r)
{
    const masking *state;
    const char *target;

    r = eg_root_of(r);
    state = eg_slot_if_any(r, EG_SLOT_MASKING);
    target = state && state->raw_target ? state->raw_target : r->unparsed_uri;
    return eg_span_of(target ? skip_authority(target) : "/");
}

static const char *masked_text(const request_rec *r, const char *text)
{
    return eg_mask_text(r->pool, eg_secrets_of(r->server), text);
}

static const char *masked_query(const request_rec *r, const char *query)
{
    return eg_mask_query(r->pool, eg_secrets_of(r->server), query);
}

/* Whether there was something to mask. */
static bool mask_header(const request_rec *r, apr_table_t *headers, const char *name)
{
    const char *value = apr_table_get(headers, name);
    const char *masked = masked_text(r, value);

    if (masked != value)
        apr_table_setn(headers, name, masked);
    return masked != value;
}

/* mod_cache may look for its answer before anything else happens, by this query alone: what differs
 * in a masked value has to differ there, without being readable or guessed. */
static void set_cache_key(request_rec *r)
{
    const char *query = masked_query(r, r->parsed_uri.query);
    eg_span raw = eg_span_of(r->parsed_uri.query);
    unsigned char mac[EG_SHA256_SIZE];
    char hex[2 * EG_SHA256_SIZE + 1];

    if (!query || query == r->parsed_uri.query)
        return;
    if (has_cache_secret && eg_the_crypto() &&
        eg_hmac_sha256(eg_the_crypto(), (eg_span){(const char *)cache_secret, sizeof cache_secret},
                       &raw, 1, mac) == EG_OK) {
        eg_hex_encode(hex, mac, sizeof mac);
        query = apr_pstrcat(r->pool, query, "&", hex, NULL);
    } else
        r->no_cache = 1;
    r->parsed_uri.query = (char *)(apr_uintptr_t)query;
}

/* The raw target stays with the request: it is what Twilio signed. Whether there was
 * something to mask. */
static bool mask_line(request_rec *r)
{
    const char *line = masked_text(r, r->the_request);
    masking *state;

    if (line == r->the_request)
        return false;
    state = masking_of(r);
    state->raw_line = r->the_request;
    state->raw_args = r->args;
    if (!state->raw_target)
        state->raw_target = r->unparsed_uri;
    r->the_request = (char *)(apr_uintptr_t)line;
    r->unparsed_uri = (char *)(apr_uintptr_t)masked_text(r, r->unparsed_uri);
    r->args = (char *)(apr_uintptr_t)masked_query(r, r->args);
    set_cache_key(r);
    return true;
}

static inline bool may_need_mask(const request_rec *r)
{
    const eg_secret_names *names = eg_secrets_of(r->server);
    const char *referer;

    if (!names)
        return false;
    if (r->the_request && eg_may_have_secret(names, r->the_request))
        return true;
    referer = apr_table_get(r->headers_in, "Referer");
    return referer && eg_may_have_secret(names, referer);
}

/* Most requests have nothing to mask. Once that is known nobody looks again. */
static void mask_request(request_rec *r)
{
    bool any = false;

    if (eg_slots_are_clean(r))
        return;
    if (may_need_mask(r)) {
        any = mask_line(r);
        any = mask_header(r, r->headers_in, "Referer") || any;
    }
    if (!any)
        eg_slots_note_clean(r);
}

static void unmask_request(request_rec *r, masking *state)
{
    if (!state->raw_line)
        return;
    r->the_request = (char *)(apr_uintptr_t)state->raw_line;
    r->unparsed_uri = (char *)(apr_uintptr_t)state->raw_target;
    r->args = (char *)(apr_uintptr_t)state->raw_args;
    r->parsed_uri.query = r->args;
    state->raw_line = NULL;
}

/* --- another query ----------------------------------------------------------------------------- */

/* text with what stands behind its first question mark, where that is the old query, exchanged. */
static const char *exchanged(apr_pool_t *pool, const char *text, eg_span old, eg_span instead,
                             apr_array_header_t *gone)
{
    const char *mark = text ? strchr(text, '?') : NULL;

    if (!mark || !old.n || old.p == instead.p || strncmp(mark + 1, old.p, old.n) != 0)
        return text;
    APR_ARRAY_PUSH(gone, eg_span) = (eg_span){mark + 1, old.n};
    return apr_pstrcat(pool, apr_pstrmemdup(pool, text, (apr_size_t)(mark + 1 - text)), instead.p,
                       mark + 1 + old.n, NULL);
}

static const char *exchanged_args(const char *args, const eg_requery *query)
{
    if (!args || query->args.p == query->args_instead.p)
        return args;
    APR_ARRAY_PUSH(query->gone, eg_span) = eg_span_of(args);
    return query->args_instead.p;
}

static const char *exchanged_target(const request_rec *r, const char *text, const eg_requery *query)
{
    return exchanged(r->pool, text, query->sent, query->sent_instead, query->gone);
}

static void requery_masked(const request_rec *r, masking *state, const eg_requery *query)
{
    state->raw_line = exchanged_target(r, state->raw_line, query);
    state->raw_args = exchanged_args(state->raw_args, query);
}

/* httpd takes a request line apart in a copy of its own, in which method, target and protocol stand one behind the
 * other; where they do not, they are no parts of one line. */
static void forget_parts_of_line(const request_rec *r, const eg_requery *query)
{
    apr_size_t method = r->method ? strlen(r->method) + 1 : 0;
    apr_size_t target = r->unparsed_uri ? strlen(r->unparsed_uri) + 1 : 0;

    if (method && target && query->sent.p != query->sent_instead.p &&
        (apr_uintptr_t)r->protocol == (apr_uintptr_t)r->method + method + target)
        (void)exchanged(r->pool, r->method + method, query->sent, query->sent_instead, query->gone);
}

static void requery_shown(request_rec *r, const eg_requery *query)
{
    forget_parts_of_line(r, query);
    r->the_request = (char *)(apr_uintptr_t)exchanged_target(r, r->the_request, query);
    r->unparsed_uri = (char *)(apr_uintptr_t)exchanged_target(r, r->unparsed_uri, query);
    if (r->parsed_uri.query)
        r->parsed_uri.query = (char *)(apr_uintptr_t)exchanged_args(r->args, query);
    r->args = (char *)(apr_uintptr_t)exchanged_args(r->args, query);
    r->filename = (char *)(apr_uintptr_t)exchanged(r->pool, r->filename, query->args,
                                                   query->args_instead, query->gone);
}

/* What rules have put into variables and notes: the query in it is another one. */
static void requery_values(const request_rec *r, const apr_table_t *table, eg_span old,
                           eg_span instead)
{
    const apr_array_header_t *all = apr_table_elts(table);

    for (int i = 0; old.n && old.p != instead.p && i < all->nelts; i++) {
        apr_table_entry_t *entry = &APR_ARRAY_IDX(all, i, apr_table_entry_t);
        const char *at = strstr(entry->val, old.p);

        if (at)
            entry->val = apr_pstrcat(
                r->pool, apr_pstrmemdup(r->pool, entry->val, (apr_size_t)(at - entry->val)),
                instead.p, at + old.n, NULL);
    }
}

void eg_masking_requery(request_rec *r, const eg_requery *query)
{
    masking *state = eg_slot_if_any(r, EG_SLOT_MASKING);

    requery_values(r, r->subprocess_env, query->sent, query->sent_instead);
    requery_values(r, r->subprocess_env, query->args, query->args_instead);
    requery_values(r, r->notes, query->sent, query->sent_instead);
    requery_values(r, r->notes, query->args, query->args_instead);

    if (state && state->raw_target)
        state->raw_target = exchanged_target(r, state->raw_target, query);
    if (state && state->raw_line)
        requery_masked(r, state, query);
    else
        requery_shown(r, query);
}

/* --- in and out of sight ----------------------------------------------------------------------- */

/* A location is ours when one of the handlers is enabled there. */
static bool has_handler_of_ours(const request_rec *r)
{
    const eg_config *config = eg_config_of(r);

    return config->backend || config->lookup;
}

/* Core logs the request line at trace5 before any hook has the request: until then core may log up
 * to trace4 only. */
static int hush_core(request_rec *r)
{
    const struct ap_logconf *log = r->connection->log ? r->connection->log : &r->server->log;
    struct ap_logconf *quiet;

    if (r->main || !eg_secrets_of(r->server) ||
        ap_get_module_loglevel(log, core_module.module_index) <= APLOG_TRACE4)
        return OK;
    quiet = ap_new_log_config(r->pool, log);
    ap_set_module_loglevel(r->pool, quiet, core_module.module_index, APLOG_TRACE4);
    masking_of(r)->loud_log = r->log;
    masking_of(r)->is_hushed = true;
    r->log = quiet;
    return OK;
}

/* What others log at trace while they find out where a request leads is what was sent; mod_proxy's URL, for one. A
 * shield keeps that out of every log, so nobody says more than at debug before it. */
static void hush_everybody(request_rec *r, masking *state)
{
    const struct ap_logconf *log = r->log ? r->log : &r->server->log;
    struct ap_logconf *quiet = ap_new_log_config(r->pool, log);

    for (const module *each = ap_top_module; each; each = each->next)
        if (ap_get_module_loglevel(log, each->module_index) > APLOG_DEBUG)
            ap_set_module_loglevel(r->pool, quiet, each->module_index, APLOG_DEBUG);
    state->loud_log = r->log;
    state->quiet_log = quiet;
    r->log = quiet;
}

/* httpd sets what a section says whenever it has walked through sections. */
static int keep_hushed(request_rec *r)
{
    masking *state = eg_slot_if_any(r, EG_SLOT_MASKING);

    if (!state || !state->quiet_log || r->log == state->quiet_log)
        return DECLINED;
    state->loud_log = r->log;
    r->log = state->quiet_log;
    return DECLINED;
}

void eg_masking_unhush(request_rec *r)
{
    masking *state = eg_slot_if_any(r, EG_SLOT_MASKING);

    if (!state || !state->quiet_log)
        return;
    if (r->log == state->quiet_log)
        r->log = state->loud_log;
    state->quiet_log = NULL;
}

static void raise_voice(request_rec *r)
{
    masking *state = eg_slot_if_any(r, EG_SLOT_MASKING);

    if (state && state->is_hushed) {
        r->log = state->loud_log;
        state->is_hushed = false;
    }
}

EG_RARE static void begin_masking(request_rec *r)
{
    masking *state;

    raise_voice(r);
    mask_request(r);
    state = eg_slot_if_any(r, EG_SLOT_MASKING);
    /* a rule may lead to a shield from anywhere, and httpd's next act is to write all headers down */
    if (state && state->raw_line && !r->main && eg_has_shields(r->server))
        hush_everybody(r, state);
}

void eg_masking_begin(request_rec *r)
{
    if (eg_slots_are_bare(r) && !may_need_mask(r))
        eg_slots_note_clean(r);
    else
        begin_masking(r);
}

/* An error page is no application that a shield stands before: it must not find in the request of before what it
 * does not get in its own. */
static bool is_error_page_of_shield(const request_rec *r)
{
    if (r->status == HTTP_OK)
        return false;
    for (r = r->prev; r; r = r->prev)
        if (eg_config_shield(eg_config_of(r)))
            return true;
    return false;
}

EG_RARE static int show_to_others(request_rec *r)
{
    masking *state = eg_slot_if_any(r, EG_SLOT_MASKING);

    (void)keep_hushed(r);
    if (is_error_page_of_shield(r)) {
        for (r = r->prev; r; r = r->prev)
            mask_request(r);
        return DECLINED;
    }
    if (!state || r->main || has_handler_of_ours(r))
        return DECLINED;
    unmask_request(r, state);
    return DECLINED;
}

static int pre_translate_name(request_rec *r)
{
    return eg_slots_are_clean(r) && r->status == HTTP_OK ? DECLINED : show_to_others(r);
}

/* A forward proxy has taken the masked target for its own in post_read_request: it gets what was
 * sent, behind the access rules, which may write the name of the file down. */
static int show_to_forward_proxy(request_rec *r)
{
    const masking *state = eg_slot_if_any(r, EG_SLOT_MASKING);
    const char *raw = state ? state->raw_target : NULL;

    if (raw && r->proxyreq == PROXYREQ_PROXY && r->filename &&
        strcmp(r->filename, apr_pstrcat(r->pool, "proxy:", masked_text(r, raw), NULL)) == 0)
        r->filename = apr_pstrcat(r->pool, "proxy:", raw, NULL);
    return DECLINED;
}

/* A rewritten request may have come to one of our locations only now. */
void eg_masking_again(request_rec *r)
{
    if (eg_slots_are_clean(r))
        return;
    (void)keep_hushed(r);
    if (!r->main && has_handler_of_ours(r))
        mask_request(r);
}

/* In place, so that a name that is there twice stays so. */
static void mask_values(const request_rec *r, const apr_table_t *table)
{
    const apr_array_header_t *all = apr_table_elts(table);

    for (int i = 0; i < all->nelts; i++) {
        apr_table_entry_t *at = &APR_ARRAY_IDX(all, i, apr_table_entry_t);

        at->val = (char *)(apr_uintptr_t)masked_query(r, at->val);
    }
}

/* Also where it was led, by a proxy or a redirect, and what others have made of its query: variables
 * of scripts, notes, headers. All this has happened now; the application and the client have what
 * was sent. */
static void mask_ended(request_rec *r)
{
    mask_request(r);
    if (!eg_secrets_of(r->server) || (eg_slots_are_clean(r) && !eg_writers_show_more(r)))
        return;
    if (eg_slots_are_clean(r)) /* a module may have made another line of it */
        (void)mask_line(r);
    r->filename = (char *)(apr_uintptr_t)masked_text(r, r->filename);
    mask_values(r, r->headers_in);
    mask_values(r, r->headers_out);
    mask_values(r, r->err_headers_out);
    mask_values(r, r->subprocess_env);
    mask_values(r, r->notes);
}

/* The end of the request has copied its line into the scoreboard just before. */
void eg_masking_end(request_rec *r)
{
    const masking *state;

    mask_ended(r);
    for (request_rec *each = r->next; each; each = each->next)
        mask_ended(each);
    state = eg_slot_if_any(r, EG_SLOT_MASKING);
    if (state && state->raw_line)
        ap_update_child_status(r->connection->sbh, SERVER_BUSY_LOG, r);
}

/* Requests refused before any of the hooks above: a bad header, a bad version. */
static void insert_error_filter(request_rec *r)
{
    mask_request(r);
}

void eg_masking_register_hooks(void)
{
    has_cache_secret =
        getrandom(cache_secret, sizeof cache_secret, 0) == (ssize_t)sizeof cache_secret;
    EG_HOOK(EG_FOR_TRACES, create_request, hush_core, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_pre_translate_name(pre_translate_name, NULL, NULL, APR_HOOK_REALLY_FIRST);
    EG_HOOK(EG_FOR_SHIELDS, translate_name, keep_hushed, NULL, NULL, APR_HOOK_REALLY_FIRST);
    EG_HOOK(EG_FOR_PROXIES, fixups, show_to_forward_proxy, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_error_filter(insert_error_filter, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
