/* SPDX-License-Identifier: Apache-2.0
 * Requests for locations of ours stay with the handler that the location names. */
#include "webhook/handler.h"

#include <string.h>
#include <apr_lib.h>
#include <http_core.h>
#include <http_request.h>
#include "base/chain.h"
#include "base/purposes.h"
#include "base/slots.h"
#include "config/config.h"
#include "config/neighbours.h"
#include "webhook/body.h"

APLOG_USE_MODULE(encgather);

/* What a request has before the rules of its directory are asked. */
typedef struct {
    const char *handler;
    char *filename, *path_info, *args;
} claim;

typedef struct {
    const char *located; /* the handler of ours that the location names, before rewriting */
    claim *claimed;      /* not NULL: it answers, wherever a directory leads */
} handler_state;

static handler_state *state_of(request_rec *r)
{
    return eg_slot_of(r, EG_SLOT_HANDLER, sizeof(handler_state));
}

/* --- which handler the location names ---------------------------------------------------------- */

static bool is_enabled(const eg_config *config, unsigned which)
{
    const bool enabled[] = {config->backend != NULL, config->lookup != NULL, true};

    return enabled[which];
}

/* Most are written as we write them, and most others begin with another letter. */
static bool is_same_name(const char *handler, const char *name)
{
    return strcmp(handler, name) == 0 ||
           (apr_tolower(*handler) == *name && ap_cstr_casecmp(handler, name) == 0);
}

/* One of ours, enabled: always the same pointer for the same name; else NULL. httpd does not look
 * at the case of letters. */
static const char *own_name(const eg_config *config, const char *handler)
{
    static const char *const names[] = {EG_GATHER_HANDLER, EG_DECRYPT_HANDLER, EG_STATUS_HANDLER};

    for (unsigned i = 0; handler && i < sizeof names / sizeof names[0]; i++)
        if (is_same_name(handler, names[i]) && is_enabled(config, i))
            return names[i];
    return NULL;
}

/* What SetHandler says in the configuration that the request has at this moment; httpd takes every
 * argument for an expression. */
static const char *handler_set_now(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *error = NULL, *handler = core->handler;

    if (core->expr_handler)
        handler = ap_expr_str_exec(r, core->expr_handler, &error);
    return error ? NULL : own_name(eg_config_of(r), handler);
}

/* Others' sub-requests do not reach a handler of ours: what becomes of them is not our concern. */
static bool may_be_ours(const request_rec *r)
{
    return !r->main || eg_is_backend_call(r);
}

/* The configuration is still that of <Location> alone, and of the <If>s in and beside it. */
EG_RARE static int note_handler(request_rec *r)
{
    const char *handler = may_be_ours(r) ? handler_set_now(r) : NULL;

    if (!handler)
        return DECLINED;
    state_of(r)->located = handler;
    eg_body_leads_to_ours(r);
    return DECLINED;
}

static int note_location(request_rec *r)
{
    const eg_config *config = eg_config_of(r);

    if (config->backend || config->lookup || eg_may_show_status())
        return note_handler(r);
    return DECLINED;
}

/* The same question, asked later: directories and files do not have a say. */
static const char *ask_locations(request_rec *r)
{
    ap_conf_vector_t *merged = r->per_dir_config;
    const char *handler = NULL;

    r->per_dir_config = r->server->lookup_defaults;
    if (ap_location_walk(r) == OK && ap_if_walk(r) == OK)
        handler = handler_set_now(r);
    r->per_dir_config = merged;
    return handler;
}

static bool is_where_it_was(const request_rec *r)
{
    return r->uri == r->parsed_uri.path;
}

/* A <Location> overrides directories, so what both say, or neither, is so. They differ where a
 * directory names our handler, where an <If> of a directory overrides the location's, and where an
 * expression has changed its mind. A rule of the server ([PT]) may also have led to another
 * location: httpd points r->uri at the parsed URL, and only such a rule points it elsewhere. Most
 * requests of a server are not ours: where no location was, nothing more is asked. */
static const char *handler_of_location(request_rec *r)
{
    const handler_state *state = eg_slot_if_any(r, EG_SLOT_HANDLER);
    const char *early = state ? state->located : NULL;

    if (is_where_it_was(r) && handler_set_now(r) == early)
        return early;
    return ask_locations(r);
}

/* --- to stay with it --------------------------------------------------------------------------- */

static claim *make_claim(request_rec *r, const char *handler)
{
    claim *made = apr_palloc(r->pool, sizeof *made);

    *made = (claim){handler, r->filename, r->path_info, r->args};
    return made;
}

/* Behind the access rules, and before anything that would lead elsewhere. That this hook answers
 * keeps mod_negotiation (MultiViews), mod_mime (AddHandler; the suffix of the URL's path says
 * nothing about our answer) and mod_mime_magic from being asked. That nothing is on the disk which
 * is missing or a directory makes mod_dir (DirectorySlash, DirectoryIndex; FallbackResource also
 * looks for a handler) and mod_speling decline: the first wants a directory or nothing there, the
 * second nothing. What mod_proxy has from the server's own rules is the administrator's will. */
EG_RARE static int claim_located(request_rec *r)
{
    const char *handler = NULL;

    if (may_be_ours(r) && !r->proxyreq)
        handler = handler_of_location(r);
    if (!handler)
        return DECLINED;
    state_of(r)->claimed = make_claim(r, handler);
    r->handler = handler;
    r->finfo = (apr_finfo_t){.filetype = APR_UNKFILE};
    return OK;
}

static const claim *claim_on(const request_rec *r)
{
    const handler_state *state = eg_slot_if_any(r, EG_SLOT_HANDLER);

    return state ? state->claimed : NULL;
}

static int claim_request(request_rec *r)
{
    const handler_state *state = eg_slot_if_any(r, EG_SLOT_HANDLER);

    if (is_where_it_was(r) && !(state && state->located))
        return DECLINED;
    return claim_located(r);
}

/* Right behind mod_rewrite, whose rules of a directory lead elsewhere by these members alone: a
 * file name "redirect:" or "proxy:", a handler that reads it, and the query that was put together
 * for it. A rule that answers by itself has ended this phase, and we are not called. Also undoes
 * what core made of a SetHandler in the <If> of a directory. */
EG_RARE static void take_back(request_rec *r, const claim *own)
{
    if (r->handler && strcmp(r->handler, own->handler) != 0)
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                      EG_TAG("0211") "%s answers: a RewriteRule or SetHandler of a directory that "
                                     "leads elsewhere does not apply here",
                      own->handler);
    r->handler = own->handler;
    r->filename = own->filename;
    r->path_info = own->path_info;
    r->args = own->args;
    r->proxyreq = PROXYREQ_NONE;
}

static int undo_rewriting(request_rec *r)
{
    const claim *own = claim_on(r);

    if (own)
        take_back(r, own);
    return DECLINED;
}

/* The last of all: mod_dav and RewriteRule [H=] set a handler late in this phase. */
static int keep_handler(request_rec *r)
{
    const claim *own = claim_on(r);

    if (own)
        r->handler = own->handler;
    return DECLINED;
}

void eg_handler_register_hooks(void)
{
    static const char *const rewrite[] = {"mod_rewrite.c", NULL};
    static const char *const proxy[] = {"mod_proxy.c", NULL}; /* it would look at what is undone */

    EG_HOOK(EG_FOR_OURS, translate_name, note_location, NULL, NULL, APR_HOOK_REALLY_FIRST);
    EG_HOOK(EG_FOR_OURS, type_checker, claim_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
    EG_HOOK(EG_FOR_OURS, fixups, undo_rewriting, rewrite, proxy, APR_HOOK_FIRST);
    EG_HOOK(EG_FOR_OURS, fixups, keep_handler, NULL, NULL, APR_HOOK_REALLY_LAST + 1);
}
