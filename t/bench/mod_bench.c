/* SPDX-License-Identifier: Apache-2.0
 * What a request costs an httpd that does nothing with it: reads and discards the body, answers a
 * fixed text.
 *
 *   <Location "/null">
 *       SetHandler bench-null
 *       BenchNull 437        # bytes of the answer
 *       BenchNullWalk off    # not even a look at the file system
 *   </Location> */
#include <string.h>
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_strings.h>

extern module AP_MODULE_DECLARE_DATA bench_module;

typedef struct {
    const char *text; /* NULL: not a location of ours */
    apr_size_t length;
    int walk;
} bench_config;

static void *create_config(apr_pool_t *p, char *where)
{
    bench_config *config = apr_pcalloc(p, sizeof *config);

    (void)where;
    config->walk = 1;
    return config;
}

static const char *set_null(cmd_parms *cmd, void *dir, const char *value)
{
    bench_config *config = dir;
    apr_int64_t length = apr_atoi64(value);
    char *text;

    if (length < 1 || length > 1000000)
        return "BenchNull wants a number of bytes";
    text = apr_palloc(cmd->pool, (apr_size_t)length);
    memset(text, 'x', (apr_size_t)length);
    memcpy(text, "<Response>", length < 10 ? (apr_size_t)length : 10);
    config->text = text;
    config->length = (apr_size_t)length;
    return NULL;
}

static const command_rec directives[] = {
    AP_INIT_TAKE1("BenchNull", set_null, NULL, ACCESS_CONF, "bytes of the answer"),
    AP_INIT_FLAG("BenchNullWalk", ap_set_flag_slot, (void *)APR_OFFSETOF(bench_config, walk),
                 ACCESS_CONF, "whether the file system is asked"),
    {NULL, {NULL}, NULL, 0, RAW_ARGS, NULL}};

static const bench_config *config_of(request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &bench_module);
}

/* Afterwards httpd forgets for a while which location it is, so it is noted here. */
static int translate_name(request_rec *r)
{
    const bench_config *config = config_of(r);

    if (!config->text || config->walk)
        return DECLINED;
    ap_set_module_config(r->request_config, &bench_module, r);
    return OK;
}

static int map_to_storage(request_rec *r)
{
    return ap_get_module_config(r->request_config, &bench_module) ? OK : DECLINED;
}

static int handler(request_rec *r)
{
    const bench_config *config = config_of(r);
    int status;

    if (!config->text || !r->handler || strcmp(r->handler, "bench-null") != 0)
        return DECLINED;
    if ((status = ap_discard_request_body(r)) != OK)
        return status;
    ap_set_content_type(r, "text/xml; charset=utf-8");
    ap_set_content_length(r, (apr_off_t)config->length);
    ap_rwrite(config->text, (int)config->length, r);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_translate_name(translate_name, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default")))
bench_module = {STANDARD20_MODULE_STUFF,
                create_config,
                NULL, /* nothing to merge: the innermost location holds */
                NULL,
                NULL,
                directives,
                register_hooks,
                AP_MODULE_FLAG_NONE};
