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

/* Why a secret is none of the provider's, and on which line; NULL: all of them are. */
static const char *find_wrong_secret(apr_pool_t *pool, const eg_config *config, const char *path)
{
    const eg_provider *provider = eg_config_provider(config);
    const eg_auth_tokens *tokens = config->tokens ? config->tokens->tokens : NULL;

    for (apr_size_t i = 0; tokens && i < tokens->n; i++) {
        const char *fault = provider->fault(&tokens->at[i]);

        if (fault)
            return apr_psprintf(pool,
                                "EncGatherProvider %s: of EncGatherAuthTokenFile%s, line %d of "
                                "those that are no comment %s",
                                provider->name, path, (int)i + 1, fault);
    }
    return NULL;
}

const char *eg_provider_secret_fault(apr_pool_t *pool, const eg_config *config)
{
    return find_wrong_secret(pool, config, "");
}

static const char *find_bad_secret(const candidate *of)
{
    const eg_config *config = of->place->config;
    const char *path = config->tokens ? config->tokens->path : "";

    return find_wrong_secret(of->pool, config, apr_pstrcat(of->pool, " '", path, "'", NULL));
}

static const char *complain_of_voice(apr_pool_t *pool, const eg_provider *provider,
                                     const char *where, const char *voice)
{
    return apr_psprintf(pool, "EncGatherProvider %s: %s has voice '%s', and %s takes %s",
                        provider->name, where, voice, provider->title, provider->dialect->voices);
}

static const char *fault_of_field(apr_pool_t *pool, const eg_provider *provider,
                                  const eg_field *field)
{
    const eg_dialect *dialect = provider->dialect;

    if (field->timeout < dialect->wait_least || field->timeout > dialect->wait_most)
        return apr_psprintf(pool,
                            "EncGatherProvider %s: EncGatherField %s has timeout=%u, and %s takes "
                            "%u to %u seconds (%s)",
                            provider->name, field->name, field->timeout, provider->title,
                            dialect->wait_least, dialect->wait_most, dialect->wait);
    if (field->voice && dialect->takes_voice && !dialect->takes_voice(field->voice))
        return complain_of_voice(
            pool, provider, apr_pstrcat(pool, "EncGatherField ", field->name, NULL), field->voice);
    return NULL;
}

const char *eg_provider_value_fault(apr_pool_t *pool, const eg_config *config)
{
    const eg_provider *provider = eg_config_provider(config);
    const eg_dialect *dialect = provider->dialect;
    const eg_fields *fields = eg_config_fields(config);
    const char *fault = NULL;

    if (dialect->takes_all)
        return NULL;
    for (unsigned i = 0; i < fields->n && !fault; i++)
        fault = fault_of_field(pool, provider, &fields->at[i]);
    if (!fault && config->voice && dialect->takes_voice &&
        !dialect->takes_voice(config->voice->voice))
        fault = complain_of_voice(pool, provider, "EncGatherVoice", config->voice->voice);
    return fault;
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
    return eg_provider_value_fault(of->pool, of->place->config);
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
    return eg_section_may_go_on(of->main_server, of->place, EG_TAG("0147"), wrong);
}

static bool check_candidate(const candidate *of)
{
    bool gathers = is_gathering(of->place), good = true;

    if (of->place->is_conditional)
        return true;
    if (gathers)
        good = refuse_place(of, find_bad_gather(of));
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

/* --- warnings ---------------------------------------------------------------------------------- */

static void warn_of_timeout(const candidate *of)
{
    int timeout = of->place->config->timeout;

    if (of->provider->gives_up && timeout >= (int)of->provider->gives_up)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, of->main_server,
                     EG_TAG("0148") "%s (line %d of %s): EncGatherTimeout %d is longer than %s "
                                    "waits, which gives a call up after %u seconds: set %u or less",
                     of->place->title, of->place->node->line_num, of->place->node->filename,
                     timeout, of->provider->title, of->provider->gives_up,
                     of->provider->gives_up - 1);
}

/* What everybody may know is no secret: whoever has it could sign. */
static void warn_of_public_key(const candidate *of)
{
    const eg_store_entry *file = of->place->config->tokens;
    const eg_auth_tokens *tokens = file ? file->tokens : NULL;

    for (apr_size_t i = 0; tokens && i < tokens->n; i++)
        if (!eg_provider_telnyx.fault(&tokens->at[i])) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, of->main_server,
                         EG_TAG("0149") "%s (line %d of %s): EncGatherAuthTokenFile '%s' has what "
                                        "looks like the public key of Telnyx, and is used as a "
                                        "secret of %s: whoever knows it can sign; is "
                                        "EncGatherProvider missing?",
                         of->place->title, of->place->node->line_num, of->place->node->filename,
                         file->path, of->provider->title);
            return;
        }
}

void eg_providercheck_warn(apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *places = eg_sections_find(ptemp, s);

    for (int i = 0; i < places->nelts; i++) {
        const eg_place *place = &APR_ARRAY_IDX(places, i, eg_place);
        candidate of = {ptemp, s, place, eg_config_provider(place->config)};
        bool gathers = is_gathering(place);

        if (gathers && !place->is_conditional)
            warn_of_timeout(&of);
        if ((gathers || place->config->has_require > 0) && !place->is_conditional &&
            of.provider->dialect && !of.provider->has_public_secret)
            warn_of_public_key(&of);
    }
}
