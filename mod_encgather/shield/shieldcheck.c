/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with a section that has a shield, as far as it is known before a request. */
#include "shield/shieldcheck.h"

#include <stdbool.h>
#include <apr_hash.h>
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
    const char *wrong;

    if (!eg_config_shield(place->config) && place->config->resign <= 0)
        return NULL;
    wrong = find_bad_provider(pool, place->config);
    if (wrong || !eg_config_shield(place->config))
        return wrong;
    if (place->handler && eg_is_own_handler(place->handler))
        return apr_psprintf(pool,
                            "EncGatherShield is for applications, and SetHandler %s answers here: "
                            "take one of the two out, or set EncGatherShield off",
                            place->handler);
    return eg_config_shield(place->config)->observes ? NULL : eg_config_format_fault(place->config);
}

bool eg_shieldcheck(apr_pool_t *ptemp, server_rec *s)
{
    return eg_sections_may_go_on(ptemp, s, EG_TAG("0150"), find_bad_shield);
}

/* --- words that are names, and hardly meant as such -------------------------------------------- */

static bool looks_like_length(eg_span word)
{
    for (apr_size_t i = 0; i < word.n; i++)
        if (!eg_is_digit(word.p[i]) && word.p[i] != '-')
            return false;
    return true;
}

static const char *find_slip(const eg_shielded *one)
{
    if (one->name.p[one->name.n - 1] == ',')
        return "ends in a comma: names have blanks between them";
    if (looks_like_length(one->name) || looks_like_length(one->fld))
        return "is or has a name that looks like a length: those are behind an =, as in "
               "Digits=12-19";
    return NULL;
}

static void warn_of_slips(server_rec *s, const eg_place *place)
{
    const eg_shield_list *list = eg_config_shield(place->config);

    for (unsigned i = 0; i < list->n; i++) {
        const eg_shielded *one = &list->at[i];
        const char *slip = find_slip(one);

        if (slip)
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                         EG_TAG("0165") "%s (line %d of %s): EncGatherShield shields a parameter "
                                        "'%.*s', which %s",
                         place->title, place->node->line_num, place->node->filename,
                         (int)one->name.n, one->name.p, slip);
    }
}

/* Sections inherit lists from others: each is looked at once. */
static void warn_of_all_slips(apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *places = eg_sections_find(ptemp, s);
    apr_hash_t *seen = apr_hash_make(ptemp);

    for (int i = 0; i < places->nelts; i++) {
        const eg_place *place = &APR_ARRAY_IDX(places, i, eg_place);
        const void *list = eg_config_shield(place->config);

        if (!list || apr_hash_get(seen, &list, sizeof list))
            continue;
        apr_hash_set(seen, apr_pmemdup(ptemp, &list, sizeof list), sizeof list, list);
        warn_of_slips(s, place);
    }
}

void eg_shieldcheck_warn(apr_pool_t *ptemp, server_rec *s)
{
    warn_of_all_slips(ptemp, s);
    for (; s; s = s->next)
        if (eg_masks_shields_alone(s))
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                         EG_TAG("0151") "EncGatherRedact is off in %s, and does not hold for what "
                                        "EncGatherShield names there: that is masked in every log "
                                        "all the same",
                         s->server_hostname ? s->server_hostname : "the server");
}
