/* SPDX-License-Identifier: Apache-2.0
 * Another module, with a fault: a request for its handler ends the process by SIGSEGV. */
#include <httpd.h>
#include <http_config.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int crash(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "crash") != 0)
        return DECLINED;
    (void)kill(getpid(), SIGSEGV);
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_handler(crash, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(crash);

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default"))) crash_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0 /* flags */
};
