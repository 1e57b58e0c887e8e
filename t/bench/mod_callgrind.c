/* SPDX-License-Identifier: Apache-2.0
 * Has callgrind begin to count when a child begins, which spares most of a slow start, and write down what
 * it has counted, and begin anew: the handler "callgrind-dump". The query of the request names the counts.
 * Outside of valgrind it does nothing. */
#include <string.h>
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <valgrind/callgrind.h>

extern module AP_MODULE_DECLARE_DATA callgrind_module;

static int handler(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "callgrind-dump") != 0)
        return DECLINED;
    CALLGRIND_DUMP_STATS_AT(r->args ? r->args : "");
    ap_set_content_type(r, "text/plain");
    ap_set_content_length(r, 7);
    ap_rputs("dumped\n", r);
    return OK;
}

static void child_init(apr_pool_t *p, server_rec *s)
{
    (void)p;
    (void)s;
    CALLGRIND_START_INSTRUMENTATION;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default"))) callgrind_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE};
