/* SPDX-License-Identifier: Apache-2.0
 * Telephony providers: the table, and Twilio's row. */
#include "provider.h"

#include <apr_cstr.h>
#include "offer.h"

static const eg_provider *const all_providers[] = {
    &eg_provider_twilio,  &eg_provider_signalwire, &eg_provider_telnyx,          &eg_provider_plivo,
    &eg_provider_jambonz, &eg_provider_freeclimb,  &eg_provider_standardwebhooks};
#define PROVIDERS (sizeof all_providers / sizeof all_providers[0])

const eg_provider *eg_provider_at(unsigned n)
{
    return n < PROVIDERS ? all_providers[n] : NULL;
}

const eg_provider *eg_provider_named(const char *word)
{
    for (unsigned i = 0; i < PROVIDERS; i++)
        if (apr_cstr_casecmp(word, all_providers[i]->name) == 0)
            return all_providers[i];
    return NULL;
}

static bool sends_header(const eg_provider *provider, eg_span header)
{
    for (unsigned i = 0; i < EG_PROVIDER_HEADERS && provider->headers[i]; i++)
        if (header.n == strlen(provider->headers[i]) &&
            apr_cstr_casecmpn(provider->headers[i], header.p, header.n) == 0)
            return true;
    return false;
}

const eg_provider *eg_provider_of_header(eg_span header)
{
    for (unsigned i = 0; i < PROVIDERS; i++)
        if (sends_header(all_providers[i], header))
            return all_providers[i];
    return NULL;
}

/* --- Twilio (https://www.twilio.com/docs/usage/security) --------------------------------------- */

/* A form is part of what is signed, another body is by its hash; whatever else there is in a body would
 * be taken on faith. */
bool eg_provider_body_is_signed(const eg_evidence *evidence)
{
    if (evidence->claims_hash)
        return evidence->hash_fits;
    return !evidence->body.n || (!evidence->is_get && evidence->url.params);
}

/* Of the parameters of a GET the URL has all. An empty settings header is one, too. */
static eg_signed what_twilio_signs(const eg_evidence *evidence)
{
    eg_signed what = evidence->url;

    if (evidence->headers[1].p)
        what.signer = eg_signer_of(evidence->headers[1]);
    if (evidence->claims_hash || evidence->is_get)
        what.params = NULL;
    return what;
}

static eg_ruling judge_twilio(eg_crypto *crypto, const eg_evidence *evidence,
                              const eg_auth_tokens *tokens)
{
    eg_ruling ruling = {.verdict = EG_SIGNATURE_INVALID};
    eg_signed what = what_twilio_signs(evidence);

    if (!evidence->headers[0].n)
        return (eg_ruling){.verdict = EG_SIGNATURE_MISSING};
    if (!eg_provider_body_is_signed(evidence))
        return ruling;
    ruling.verdict = eg_signature_find(crypto, &what, tokens, evidence->headers[0], &ruling.fit);
    ruling.fitted = ruling.fit.token;
    return ruling;
}

static eg_status resign_twilio(eg_crypto *crypto, const eg_evidence *evidence,
                               const eg_ruling *ruling, eg_provider_headers *out)
{
    eg_signed what = what_twilio_signs(evidence);

    *out = (eg_provider_headers){{{0}}};
    what = eg_signature_as_fitted(&what, &ruling->fit);
    return eg_signature_make_exact(crypto, &what, ruling->fitted, out->value[0]);
}

static eg_status sign_twilio(eg_crypto *crypto, const eg_evidence *evidence,
                             const eg_auth_token *secret, eg_provider_headers *out)
{
    eg_signed what = what_twilio_signs(evidence);

    *out = (eg_provider_headers){{{0}}};
    if (evidence->headers[1].p && !eg_offer_put(out->value[1], evidence->headers[1]))
        return EG_EMALFORMED;
    return eg_signature_make_exact(crypto, &what, secret, out->value[0]);
}

static const char *any_secret(const eg_auth_token *secret)
{
    (void)secret;
    return NULL;
}

const eg_provider eg_provider_twilio = {
    .name = "twilio",
    .title = "Twilio",
    .headers = {"X-Twilio-Signature", "X-Twilio-Webhooks-Signature-Settings"},
    .alike = &eg_provider_signalwire,
    .signs_url = true,
    .dialect = &eg_dialect_twiml,
    .call = "CallSid",
    .timeout = 8,
    .fault = any_secret,
    .judge = judge_twilio,
    .sign = sign_twilio,
    .resign = resign_twilio,
    .keeps = {false, true},
};
