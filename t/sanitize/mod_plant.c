/* SPDX-License-Identifier: Apache-2.0
 * A module of faults: GET ?pool-overflow makes that one, in a thread and a pool of the server as it is. */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include "faults.h"

static int handler(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "plant") != 0)
        return DECLINED;
    if (!r->args || !fault_commit(r->args, r->pool))
        return HTTP_NOT_FOUND;
    ap_set_content_type(r, "text/plain");
    ap_rputs("done\n", r);
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default"))) plant_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0 /* flags */
};
