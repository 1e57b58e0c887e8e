/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with an EncGatherLockout, as far as it is known before a request. */
#include "call/lockcheck.h"

#include <stdbool.h>
#include <apr_strings.h>
#include <http_core.h>
#include "config/sections.h"
#include "config/written.h"
#include "state/state.h"

APLOG_USE_MODULE(encgather);

static bool is_counting(const eg_place *place)
{
    return !place->is_conditional && place->handler && place->config->backend &&
           ap_cstr_casecmp(place->handler, EG_GATHER_HANDLER) == 0;
}

/* At a restart of a running server the line is an alert, and it goes on. */
static bool is_running(void)
{
    return ap_state_query(AP_SQ_CONFIG_GEN) > 1;
}

static bool check_counting_place(apr_pool_t *pool, server_rec *s, const eg_place *place)
{
    const char *wrong = is_counting(place) ? eg_config_lockout_fault(pool, place->config) : NULL;

    if (!wrong)
        return true;
    ap_log_error(APLOG_MARK, is_running() ? APLOG_ALERT : APLOG_ERR, 0, s,
                 EG_TAG("0160") "%s (line %d of %s): %s", place->title, place->node->line_num,
                 place->node->filename, wrong);
    return is_running();
}

static const ap_directive_t *first_lockout(apr_pool_t *pool)
{
    const apr_array_header_t *all = eg_written_find(pool, "EncGatherLockout");

    for (int i = 0; i < all->nelts; i++)
        if (ap_cstr_casecmp(eg_written_item(all, i)->word, "off") != 0)
            return eg_written_item(all, i)->node;
    return NULL;
}

/* Hosts that made keys of their own would count apart, and a number without a key could be guessed. */
static bool check_key(apr_pool_t *pool, server_rec *s)
{
    const ap_directive_t *lockout = eg_state_lacks_key() ? first_lockout(pool) : NULL;

    if (!lockout)
        return true;
    ap_log_error(
        APLOG_MARK, is_running() ? APLOG_ALERT : APLOG_ERR, 0, s,
        EG_TAG("0161") "EncGatherLockout (line %d of %s): EncGatherStateCache needs "
                       "key-file=, one key that is the same on all hosts: what callers are "
                       "counted by goes to the Redis under a keyed hash alone",
        lockout->line_num, lockout->filename);
    return is_running();
}

bool eg_lockcheck(apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *places = eg_sections_find(ptemp, s);
    bool good = check_key(ptemp, s);

    for (int i = 0; i < places->nelts; i++)
        good = check_counting_place(ptemp, s, &APR_ARRAY_IDX(places, i, eg_place)) && good;
    return good;
}
