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
    if (!eg_config_reveal(place->config))
        return NULL;
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

bool eg_revealcheck(apr_pool_t *ptemp, server_rec *s)
{
    return eg_sections_may_go_on(ptemp, s, EG_TAG("0155"), find_bad_reveal);
}
