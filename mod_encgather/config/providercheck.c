/* SPDX-License-Identifier: Apache-2.0
 * Whether a section is fit for the provider whose webhooks come there, as far as it is known before a
 * request. */
#include "config/providercheck.h"

#include <apr_strings.h>
#include <http_core.h>
#include "config/sections.h"

APLOG_USE_MODULE(encgather);

typedef struct {
    apr_pool_t *pool;
    server_rec *main_server;
    const eg_place *place;
    const eg_provider *provider;
} candidate;

static bool is_gathering(const eg_place *place)
{
    return place->handler && ap_cstr_casecmp(place->handler, EG_GATHER_HANDLER) == 0 &&
           place->config->backend;
}

/* --- what is wrong ----------------------------------------------------------------------------- */

static const char *find_bad_secret(const candidate *of)
{
    const eg_store_entry *file = of->place->config->tokens;
    const eg_auth_tokens *tokens = file ? file->tokens : NULL;

    for (apr_size_t i = 0; tokens && i < tokens->n; i++) {
        const char *fault = of->provider->fault(&tokens->at[i]);

        if (fault)
            return apr_psprintf(of->pool,
                                "EncGatherProvider %s: of EncGatherAuthTokenFile '%s', line %d of "
                                "those that are no comment %s",
                                of->provider->name, file->path, (int)i + 1, fault);
    }
    return NULL;
}

static const char *find_bad_field(const candidate *of)
{
    const eg_dialect *dialect = of->provider->dialect;
    const eg_fields *fields = eg_config_fields(of->place->config);

    for (unsigned i = 0; i < fields->n; i++) {
        const eg_field *field = &fields->at[i];

        if (field->timeout < dialect->wait_least || field->timeout > dialect->wait_most)
            return apr_psprintf(of->pool,
                                "EncGatherProvider %s: EncGatherField %s has timeout=%u, and %s "
                                "takes %u to %u seconds (%s)",
                                of->provider->name, field->name, field->timeout,
                                of->provider->title, dialect->wait_least, dialect->wait_most,
                                dialect->wait);
    }
    return NULL;
}

static const char *find_bad_gather(const candidate *of)
{
    if (!of->provider->dialect)
        return apr_psprintf(of->pool,
                            "EncGatherProvider %s is for \"Require webhook-signature\" alone: "
                            "encrypted-gather does not speak its language",
                            of->provider->name);
    if (!of->provider->signs_url && !of->place->config->keys)
        return apr_psprintf(of->pool,
                            "EncGatherProvider %s: %s does not sign URLs, and without an "
                            "EncGatherKeyFile this module cannot do it in its place",
                            of->provider->name, of->provider->title);
    return find_bad_field(of);
}

static const char *find_wrong_require(const candidate *of)
{
    if (of->place->config->has_require <= 0 ||
        !(of->place->config->has_require & EG_REQUIRES_TWILIO) ||
        of->provider == &eg_provider_twilio)
        return NULL;
    return apr_psprintf(of->pool,
                        "\"Require twilio-signature\" means Twilio's, and EncGatherProvider says "
                        "%s: write \"Require webhook-signature\"",
                        of->provider->name);
}

/* --- saying it --------------------------------------------------------------------------------- */

static bool refuse_place(const candidate *of, const char *wrong)
{
    bool is_running = ap_state_query(AP_SQ_CONFIG_GEN) > 1;

    if (!wrong)
        return true;
    ap_log_error(APLOG_MARK, is_running ? APLOG_ALERT : APLOG_ERR, 0, of->main_server,
                 EG_TAG("0147") "%s (line %d of %s): %s", of->place->title,
                 of->place->node->line_num, of->place->node->filename, wrong);
    return is_running;
}

static bool check_candidate(const candidate *of)
{
    bool gathers = is_gathering(of->place), good = true;

    if (of->place->is_conditional)
        return true;
    if (gathers)
        good = refuse_place(of, find_bad_gather(of));
    if (gathers || of->place->config->has_require > 0 || eg_config_shield(of->place->config))
        good = refuse_place(of, find_bad_secret(of)) && good;
    return refuse_place(of, find_wrong_require(of)) && good;
}

bool eg_providercheck(apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *places = eg_sections_find(ptemp, s);
    bool good = true;

    for (int i = 0; i < places->nelts; i++) {
        const eg_place *place = &APR_ARRAY_IDX(places, i, eg_place);
        candidate of = {ptemp, s, place, eg_config_provider(place->config)};

        good = check_candidate(&of) && good;
    }
    return good;
}
