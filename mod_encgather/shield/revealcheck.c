/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with a section that has a reveal, as far as it is known before a request. */
#include "shield/revealcheck.h"

#include <apr_strings.h>
#include <http_core.h>
#include "config/sections.h"
#include "config/written.h"

APLOG_USE_MODULE(encgather);

/* "off" only empties a list. */
static bool has_key_for(apr_pool_t *pool, const char *directive, const eg_finding *at)
{
    const apr_array_header_t *all = eg_written_find(pool, directive);

    for (int i = 0; i < all->nelts; i++) {
        const eg_finding *each = eg_written_item(all, i);

        if (ap_cstr_casecmp(each->word, "off") != 0 && eg_written_may_meet(each, at))
            return true;
    }
    return false;
}

/* Which sections merge is known for a request alone: what is written nowhere is missing for certain. */
static bool has_any_key(apr_pool_t *pool, const eg_place *place)
{
    const apr_array_header_t *all = eg_written_find(pool, "EncGatherReveal");

    for (int i = 0; i < all->nelts; i++) {
        const eg_finding *at = eg_written_item(all, i);

        if (at->place == place->node && !has_key_for(pool, "EncGatherKeyFile", at) &&
            !has_key_for(pool, "EncGatherPrivateKeyFile", at))
            return false;
    }
    return true;
}

static const char *find_bad_reveal(apr_pool_t *pool, const eg_place *place)
{
    if (place->handler && eg_is_own_handler(place->handler))
        return apr_psprintf(pool,
                            "EncGatherReveal is for applications, and SetHandler %s answers here: "
                            "take one of the two out, or set EncGatherReveal off",
                            place->handler);
    if (eg_config_shield(place->config))
        return "EncGatherShield and EncGatherReveal are both in force here, and one takes away "
               "what "
               "the other gives: set one of them off";
    if (!has_any_key(pool, place))
        return "EncGatherReveal has nothing to open tokens with: set EncGatherKeyFile or "
               "EncGatherPrivateKeyFile";
    return NULL;
}

static bool check_reveal_of(apr_pool_t *pool, server_rec *s, const eg_place *place)
{
    bool is_running = ap_state_query(AP_SQ_CONFIG_GEN) > 1;
    const char *wrong;

    if (place->is_conditional || !eg_config_reveal(place->config))
        return true;
    wrong = find_bad_reveal(pool, place);
    if (!wrong)
        return true;
    ap_log_error(APLOG_MARK, is_running ? APLOG_ALERT : APLOG_ERR, 0, s,
                 EG_TAG("0155") "%s (line %d of %s): %s", place->title, place->node->line_num,
                 place->node->filename, wrong);
    return is_running;
}

bool eg_revealcheck(apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *places = eg_sections_find(ptemp, s);
    bool good = true;

    for (int i = 0; i < places->nelts; i++)
        good = check_reveal_of(ptemp, s, &APR_ARRAY_IDX(places, i, eg_place)) && good;
    return good;
}
