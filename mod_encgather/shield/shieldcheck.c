/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with a section that has a shield, as far as it is known before a request. */
#include "shield/shieldcheck.h"

#include <stdbool.h>
#include <apr_strings.h>
#include <http_core.h>
#include "config/sections.h"

APLOG_USE_MODULE(encgather);

static const char *find_bad_provider(apr_pool_t *pool, const eg_config *config)
{
    const eg_provider *provider = eg_config_provider(config);

    if (!provider->dialect)
        return apr_psprintf(pool,
                            "EncGatherProvider %s is for \"Require webhook-signature\" alone: "
                            "there are no EncGatherShield and EncGatherResign for its webhooks",
                            provider->name);
    if (config->resign > 0 && !provider->resign)
        return apr_psprintf(pool,
                            "EncGatherResign: %s signs with a key that it alone has, so nobody "
                            "can sign a changed webhook in its place; set it off, and let the "
                            "application not ask for a signature: this module has done it",
                            provider->title);
    if (eg_config_shield(config) &&
        eg_shield_list_names(eg_config_shield(config), eg_span_of(provider->call)))
        return apr_psprintf(pool,
                            "EncGatherShield names %s, which is the id of the call: tokens are "
                            "bound to it, and applications find their calls by it",
                            provider->call);
    return NULL;
}

static const char *find_bad_shield(apr_pool_t *pool, const eg_place *place)
{
    const char *wrong = find_bad_provider(pool, place->config);

    if (wrong || !eg_config_shield(place->config))
        return wrong;
    if (place->handler && eg_is_own_handler(place->handler))
        return apr_psprintf(pool,
                            "EncGatherShield is for applications, and SetHandler %s answers here: "
                            "take one of the two out, or set EncGatherShield off",
                            place->handler);
    return eg_config_shield(place->config)->observes ? NULL : eg_config_format_fault(place->config);
}

static bool check_shield_of(apr_pool_t *pool, server_rec *s, const eg_place *place)
{
    bool is_running = ap_state_query(AP_SQ_CONFIG_GEN) > 1;
    const char *wrong;

    if (place->is_conditional || (!eg_config_shield(place->config) && place->config->resign <= 0))
        return true;
    wrong = find_bad_shield(pool, place);
    if (!wrong)
        return true;
    ap_log_error(APLOG_MARK, is_running ? APLOG_ALERT : APLOG_ERR, 0, s,
                 EG_TAG("0148") "%s (line %d of %s): %s", place->title, place->node->line_num,
                 place->node->filename, wrong);
    return is_running;
}

bool eg_shieldcheck(apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *places = eg_sections_find(ptemp, s);
    bool good = true;

    for (int i = 0; i < places->nelts; i++)
        good = check_shield_of(ptemp, s, &APR_ARRAY_IDX(places, i, eg_place)) && good;
    return good;
}

void eg_shieldcheck_warn(apr_pool_t *ptemp, server_rec *s)
{
    (void)ptemp;
    for (; s; s = s->next)
        if (eg_masks_shields_alone(s))
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                         EG_TAG("0149") "EncGatherRedact is off in %s, and does not hold for what "
                                        "EncGatherShield names there: that is masked in every log "
                                        "all the same",
                         s->server_hostname ? s->server_hostname : "the server");
}
