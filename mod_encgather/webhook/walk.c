/* SPDX-License-Identifier: Apache-2.0
 * Requests for locations of ours have no file: nothing is looked up for them in the file system. */
#include "webhook/walk.h"

#include <string.h>
#include <http_core.h>
#include <http_request.h>
#include "base/slots.h"
#include "config/config.h"

typedef struct {
    const char *located; /* r->uri for which its location enables a handler of ours */
    bool has_no_file;    /* and nothing was looked up in the file system for it */
} walk;

static walk *walk_of(request_rec *r)
{
    return eg_slot_of(r, EG_SLOT_WALK, sizeof(walk));
}

static bool is_enabled(const eg_config *config, const char *handler)
{
    return handler && ((config->backend && strcmp(handler, EG_GATHER_HANDLER) == 0) ||
                       (config->lookup && strcmp(handler, EG_DECRYPT_HANDLER) == 0));
}

/* What SetHandler says now; it may be an expression. */
static const char *set_handler(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *error = NULL, *handler;

    if (!core->expr_handler)
        return core->handler;
    handler = ap_expr_str_exec(r, core->expr_handler, &error);
    return error ? NULL : handler;
}

/* Where the handler and the directive that enables it come from a <Location>, both are known before
 * the URL becomes a path. */
static int translate_name(request_rec *r)
{
    const eg_config *config = eg_config_of(r);

    if ((config->backend || config->lookup) && is_enabled(config, set_handler(r)))
        walk_of(r)->located = r->uri;
    return DECLINED;
}

/* What was rewritten to another URL, a proxy or a CGI after we saw it goes the usual way. */
static int map_to_storage(request_rec *r)
{
    walk *state = eg_slot_if_any(r, EG_SLOT_WALK);

    if (!state || !state->located || state->located != r->uri || r->proxyreq || r->handler)
        return DECLINED;
    state->has_no_file = true;
    return OK;
}

/* An expression can have changed its mind, but nobody else serves what <Directory> did not see. */
static int fixups(request_rec *r)
{
    const walk *state = eg_slot_if_any(r, EG_SLOT_WALK);

    if (!state || !state->has_no_file || is_enabled(eg_config_of(r), r->handler))
        return DECLINED;
    return HTTP_NOT_FOUND;
}

void eg_walk_register_hooks(void)
{
    static const char *const after_set_handler[] = {"core.c", NULL};

    ap_hook_translate_name(translate_name, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(fixups, after_set_handler, NULL, APR_HOOK_REALLY_FIRST);
}
