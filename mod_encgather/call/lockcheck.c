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

static const char *find_bad_count(apr_pool_t *pool, const eg_place *place)
{
    bool counts = place->handler && place->config->backend &&
                  ap_cstr_casecmp(place->handler, EG_GATHER_HANDLER) == 0;

    return counts ? eg_config_lockout_fault(pool, place->config) : NULL;
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
        APLOG_MARK, eg_server_is_running() ? APLOG_ALERT : APLOG_ERR, 0, s,
        EG_TAG("0161") "EncGatherLockout (line %d of %s): EncGatherStateCache needs "
                       "key-file=, one key that is the same on all hosts: what callers are "
                       "counted by goes to the Redis under a keyed hash alone",
        lockout->line_num, lockout->filename);
    return eg_server_is_running();
}

bool eg_lockcheck(apr_pool_t *ptemp, server_rec *s)
{
    bool good = check_key(ptemp, s);

    return eg_sections_may_go_on(ptemp, s, EG_TAG("0160"), find_bad_count) && good;
}
