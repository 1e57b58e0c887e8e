/* SPDX-License-Identifier: Apache-2.0
 * The module record and its hooks, nothing else. */
#include "base/module.h"

#include <sys/prctl.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include "base/chain.h"
#include "base/purposes.h"
#include "base/scratch.h"
#include "base/slots.h"
#include "call/backend.h"
#include "call/gather.h"
#include "call/lockcheck.h"
#include "call/sentence.h"
#include "commands.h"
#include "config/handover.h"
#include "config/hopeless.h"
#include "config/neighbours.h"
#include "config/providercheck.h"
#include "config/store.h"
#include "config/tokencheck.h"
#include "config/writers.h"
#include "dump/dump.h"
#include "lookup/decrypt.h"
#include "lookup/directives_lookup.h"
#include "lookup/database.h"
#include "lookup/helper.h"
#include "lookup/places.h"
#include "lookup/singleuse.h"
#include "shield/reveal.h"
#include "shield/revealcheck.h"
#include "shield/shield.h"
#include "shield/shieldcheck.h"
#include "state/state.h"
#include "watch/counters.h"
#include "watch/keys.h"
#include "watch/status_page.h"
#include "webhook/access.h"
#include "webhook/body.h"
#include "webhook/handler.h"
#include "webhook/masking.h"

AP_DECLARE_MODULE(encgather);

/* Of the configuration as it was written. */
static void warn_of_text(apr_pool_t *ptemp, server_rec *s)
{
    eg_hopeless_warn(ptemp, s);
    eg_doubtful_warn(ptemp, s);
    eg_tokencheck_warn(ptemp, s);
    eg_providercheck_warn(ptemp, s);
    eg_shieldcheck_warn(ptemp, s);
}

/* What a start says of a configuration that has no error, and by whom it is said. */
static void say_in_dump(apr_pool_t *ptemp, server_rec *s)
{
    eg_dump_announce(ptemp, "hopeless");
    eg_hopeless_warn(ptemp, s);
    eg_dump_announce(ptemp, "doubtful");
    eg_doubtful_warn(ptemp, s);
    eg_tokencheck_warn(ptemp, s);
    eg_providercheck_warn(ptemp, s);
    eg_shieldcheck_warn(ptemp, s);
    eg_neighbours_check(ptemp, s);
    eg_store_each(s, eg_store_doubt);
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    eg_config_reset(pconf);
    eg_lookups_reset(pconf);
    eg_state_reset_config();
    eg_sentences_prepare(pconf);
    eg_dump_prepare(pconf, say_in_dump);
    return OK;
}

static bool is_good(apr_pool_t *ptemp, server_rec *s)
{
    bool good = eg_config_check_urls(s);

    good = eg_store_check(ptemp, s) == OK && good;
    good = eg_tokencheck(ptemp, s) && good;
    good = eg_lockcheck(ptemp, s) && good;
    good = eg_shieldcheck(ptemp, s) && good;
    good = eg_revealcheck(ptemp, s) && good;
    good = eg_singleuse_check(ptemp, s) && good;
    return eg_providercheck(ptemp, s) && good;
}

/* All mistakes at once, and then what a start would say. */
static int dump_config(apr_pool_t *ptemp, server_rec *s)
{
    bool good = is_good(ptemp, s);

    good = eg_dump_write(ptemp, s) && good;
    say_in_dump(ptemp, s);
    return good ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static int check_and_warn(apr_pool_t *scratch, server_rec *s)
{
    if (eg_dump_is_wanted())
        return dump_config(scratch, s);
    if (!is_good(scratch, s))
        return HTTP_INTERNAL_SERVER_ERROR;
    if (ap_state_query(AP_SQ_RUN_MODE) ==
        AP_SQ_RM_CONFIG_TEST) { /* a start says it in post_config */
        warn_of_text(scratch, s);
        eg_store_each(s, eg_store_doubt);
        eg_state_say_room(s);
    }
    return OK;
}

/* Here and not in post_config: "configtest" and "-k graceful" run it before anything is signalled,
 * and a failure in post_config after a bare signal would take the whole server down. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    apr_pool_t *scratch;
    int answer;

    (void)pconf;
    (void)plog;
    if (ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_DUMP)
        return OK;
    scratch = eg_scratch_create(ptemp);
    answer = check_and_warn(scratch, s);
    apr_pool_destroy(scratch);
    return answer;
}

/* Core writes a request line down at trace5 before a hook has it. */
static bool core_traces(const server_rec *s)
{
    for (; s; s = s->next)
        if (ap_get_server_module_loglevel(s, core_module.module_index) > APLOG_TRACE4)
            return true;
    return false;
}

static void settle_hooks(const server_rec *s)
{
    if (eg_may_show_status())
        eg_purpose_is_there(EG_FOR_OURS);
    if (ap_find_linked_module("mod_proxy.c"))
        eg_purpose_is_there(EG_FOR_PROXIES);
    if (core_traces(s))
        eg_purpose_is_there(EG_FOR_TRACES);
    eg_purposes_settle();
}

static void look_about(apr_pool_t *scratch, server_rec *s)
{
    eg_neighbours_look(scratch);
    eg_writers_look(scratch);
    settle_hooks(s);
    eg_store_announce(scratch, s, eg_counters_key);
    eg_counters_tell(s);
    eg_state_open_store(scratch, s);
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    apr_pool_t *scratch;

    (void)plog;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK; /* the configuration is read twice at start: say it once */
    eg_counters_open(pconf, s);
    eg_places_open();
    eg_database_look(pconf);
    scratch = eg_scratch_create(ptemp);
    look_about(scratch, s);
    eg_keys_look(pconf, s);
    warn_of_text(scratch, s);
    eg_neighbours_check(scratch, s);
    apr_pool_destroy(scratch);
    return OK;
}

/* The last of all: what is forked after this are children that serve requests, and helpers that are
 * started anew. */
static int post_config_last(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG)
        eg_store_hand_over(s);
    return OK;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    eg_child_begin(pchild, s);
    eg_store_take(pchild, s);
    eg_places_begin();
    eg_helpers_begin(pchild);
    eg_state_child_begin(pchild, s);
}

/* Last, after any other module: where CoreDumpDirectory is set, httpd makes children dumpable, and
 * every CGI of the same user could read keys and digits out of /proc. */
static void child_init_last(apr_pool_t *pchild, server_rec *s)
{
    (void)pchild;
    (void)s;
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* All requests of the server come here, and names of ours begin so. */
static int handler(request_rec *r)
{
    int answer;

    if (!r->handler || (*r->handler != 'e' && *r->handler != 'd'))
        return DECLINED;
    answer = eg_gather_handler(r);
    if (answer == DECLINED)
        answer = eg_decrypt_handler(r);
    return answer == DECLINED ? eg_status_handler(r) : answer;
}

/* What several rooms do at the same moment is one hook: each costs every request of the server. */
static int post_read_request(request_rec *r)
{
    eg_masking_begin(r);
    if (r->prev)
        eg_body_hide_from_error_page(r);
    return DECLINED;
}

/* Whoever leads to a location of ours, by whatever kind of sub-request. */
EG_RARE static int note_ours(request_rec *r)
{
    if (eg_config_is_ours(r))
        eg_body_leads_to_ours(r);
    eg_masking_again(r);
    return DECLINED;
}

static int post_perdir_config(request_rec *r)
{
    if (eg_slots_are_clean(r) && !eg_config_is_ours(r))
        return DECLINED;
    return note_ours(r);
}

static void insert_filter(request_rec *r)
{
    if (eg_body_is_of_others(r))
        return;
    eg_body_feed_whoever_answers(r);
    eg_access_forget_refusal(r);
}

EG_RARE static int log_ours(request_rec *r)
{
    eg_masking_end(r);
    if (!r->next && eg_slots_are_bare(r))
        return DECLINED;
    eg_access_log_refusal(r);
    eg_record_carry_over(r);
    eg_count_logged(r);
    return DECLINED;
}

static int log_transaction(request_rec *r)
{
    if (!r->next && eg_slots_are_clean(r) && eg_slots_are_bare(r) && !eg_writers_show_more(r))
        return DECLINED;
    return log_ours(r);
}

static void register_request_hooks(void)
{
    /* it judges requests for other applications, which get what was sent, as early as that */
    static const char *const security[] = {"mod_security2.c", NULL};

    ap_hook_post_read_request(post_read_request, security, NULL, APR_HOOK_REALLY_FIRST);
    EG_HOOK(EG_FOR_OURS, post_perdir_config, post_perdir_config, NULL, NULL, APR_HOOK_REALLY_FIRST);
    EG_HOOK(EG_FOR_OURS, insert_filter, insert_filter, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(log_transaction, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

static void register_hooks(apr_pool_t *pool)
{
    eg_purposes_forget();
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config_last, NULL, NULL, APR_HOOK_REALLY_LAST + 1);
    ap_hook_child_status(eg_handover_announced, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init_last, NULL, NULL, APR_HOOK_REALLY_LAST);
    register_request_hooks();
    eg_body_register_hooks(pool);
    eg_backend_register_hooks(pool);
    eg_masking_register_hooks();
    eg_access_register_hooks(pool);
    eg_handler_register_hooks();
    eg_shield_register_hooks();
    eg_reveal_register_hooks();
    eg_status_register_hooks();
}

/* The only name the module exports. */
module AP_MODULE_DECLARE_DATA __attribute__((visibility("default"))) encgather_module = {
    STANDARD20_MODULE_STUFF, eg_config_create, eg_config_merge, eg_server_create,
    eg_server_merge,         eg_commands,      register_hooks,  0 /* flags */
};
