/* SPDX-License-Identifier: Apache-2.0
 * Why a signature does not fit, in half a sentence for the error log. */
#include "webhook/advice.h"

#include <string.h>
#include <apr_strings.h>
#include "base/seldom.h"
#include "core/doctor.h"

/* --- Twilio: what operators get wrong ---------------------------------------------------------- */

static eg_span header_of(const eg_webhook *hook, const char *name)
{
    const char *value = apr_table_get(hook->root->headers_in, name);

    return value ? eg_span_of(value) : (eg_span){"", 0};
}

static eg_hints find_hints(const eg_webhook *hook)
{
    const request_rec *r = hook->root;
    eg_hints hints = {.request = hook->origin,
                      .forwarded.scheme = header_of(hook, "X-Forwarded-Proto"),
                      .forwarded.prefix = header_of(hook, "X-Forwarded-Prefix")};
    eg_span port = header_of(hook, "X-Forwarded-Port");
    eg_span scheme = hints.forwarded.scheme;

    hints.server.scheme = hints.request.scheme;
    hints.server.host = eg_span_of(r->server->server_hostname);
    (void)eg_origin_split(header_of(hook, "X-Forwarded-Host"), &hints.forwarded);
    if (!eg_span_eq(scheme, EG_LIT("http")) && !eg_span_eq(scheme, EG_LIT("https")))
        hints.forwarded.scheme = (eg_span){"", 0};
    if (port.n && port.n <= 5 && !hints.forwarded.port.n)
        hints.forwarded.port = port;
    hints.listener_port =
        eg_span_of(apr_psprintf(r->pool, "%u", (unsigned)r->connection->local_addr->port));
    return hints;
}

/* At most one search a second in each child: a flood of bad signatures cannot use it. */
static const char *ask_doctor(const eg_webhook *hook, const eg_config *policy,
                              const eg_signed *what, eg_span header)
{
    static eg_seldom searches;
    const eg_auth_tokens *tokens = policy->tokens->tokens;
    apr_pool_t *pool = hook->root->pool;
    const char *advice = NULL;
    bool searched = eg_once_a_second(&searches);

    if (searched) {
        eg_hints hints = find_hints(hook);

        advice = eg_doctor_advise(eg_the_crypto(), what, tokens, header, &hints, pool);
    }
    return advice ? advice : eg_doctor_count(what, tokens, searched, pool);
}

static const char *body_fault(const eg_evidence *evidence)
{
    return evidence->claims_hash ? "the body is not the one that bodySHA256 in the query is of"
                                 : "the body is no form, and no bodySHA256 in the query is of it";
}

static const char *advise_on_twilio(const eg_webhook *hook, const eg_config *policy,
                                    const eg_evidence *evidence)
{
    eg_signed what = evidence->url;
    eg_span header = evidence->headers[0];
    const char *fault;

    if (!eg_provider_body_is_signed(evidence))
        return body_fault(evidence);
    if (evidence->headers[1].p)
        what.signer = eg_signer_of(evidence->headers[1]);
    if (evidence->claims_hash || evidence->is_get)
        what.params = NULL;
    fault = eg_signature_fault(&what, policy->tokens->tokens);
    if (!fault && header.n != eg_signature_length(what.signer.mac))
        fault =
            apr_psprintf(hook->root->pool, "it does not have the %d characters of one of Twilio's",
                         (int)eg_signature_length(what.signer.mac));
    return fault ? fault : ask_doctor(hook, policy, &what, header);
}

/* --- all providers ----------------------------------------------------------------------------- */

static const char *tell_clock(apr_pool_t *pool, const eg_provider *provider, apr_int64_t off)
{
    return apr_psprintf(pool,
                        "it is right but for its time, which lies %" APR_INT64_T_FMT
                        " seconds %s this server's clock, and %s may be off by 300: is the clock "
                        "right, or was the request sent again?",
                        off < 0 ? -off : off, off < 0 ? "behind" : "ahead of", provider->title);
}

static bool has_header(const eg_webhook *hook, const char *name)
{
    return apr_table_get(hook->root->headers_in, name) != NULL;
}

/* Whether a header that came says so. SignalWire takes Twilio's in the absence of its own. */
static bool is_telling(const eg_webhook *hook, const eg_provider *wanted, const char *name)
{
    for (unsigned i = 0; i < EG_PROVIDER_HEADERS && wanted->headers[i]; i++)
        if (strcmp(wanted->headers[i], name) == 0)
            return i > 0 && !has_header(hook, wanted->headers[0]) && has_header(hook, name);
    return has_header(hook, name);
}

static const char *telling_header(const eg_webhook *hook, const eg_provider *wanted,
                                  const eg_provider *other)
{
    for (unsigned i = 0; i < EG_PROVIDER_HEADERS && other->headers[i]; i++)
        if (is_telling(hook, wanted, other->headers[i]))
            return other->headers[i];
    return NULL;
}

static const char *tell_provider(const eg_webhook *hook, const eg_provider *wanted,
                                 const eg_provider *other)
{
    const char *name = other && other != wanted ? telling_header(hook, wanted, other) : NULL;

    return name ? apr_psprintf(hook->root->pool,
                               "it is signed as %s does (%s), and EncGatherProvider says %s here",
                               other->title, name, wanted->name)
                : NULL;
}

/* Somebody else's signature came: then the provider may be set wrongly. */
static const char *find_other_provider(const eg_webhook *hook, const eg_provider *wanted)
{
    const eg_provider *other;
    const char *told = NULL;

    for (unsigned i = 0; !told && (other = eg_provider_at(i)) != NULL; i++)
        told = tell_provider(hook, wanted, other);
    return told;
}

/* Only Twilio's is searched for: what is most often wrong at the others. */
static const char *advise_on_other(const eg_webhook *hook, const eg_config *policy)
{
    const eg_provider *provider = eg_config_provider(policy);
    int n = (int)policy->tokens->tokens->n;
    const char *thing = provider->has_public_secret ? "key" : "secret";

    return apr_psprintf(
        hook->root->pool, "%d %s%s of EncGatherAuthTokenFile tried: is %s's among them%s?", n,
        thing, n == 1 ? "" : "s", provider->title,
        provider->signs_url ? ", and is EncGatherPublicURL where the provider calls"
                            : ", or is it that something in front changes the body");
}

const char *eg_advise(const eg_webhook *hook, const eg_config *policy, const eg_evidence *evidence,
                      const eg_ruling *ruling)
{
    const eg_provider *provider = eg_config_provider(policy);
    const char *other;

    if (ruling->verdict != EG_SIGNATURE_MISSING && ruling->verdict != EG_SIGNATURE_INVALID)
        return NULL;
    if (ruling->clock_off)
        return tell_clock(hook->root->pool, provider, ruling->clock_off);
    if (ruling->verdict == EG_SIGNATURE_MISSING)
        return find_other_provider(hook, provider);
    other = tell_provider(hook, provider, provider->alike);
    if (other)
        return other;
    return provider == &eg_provider_twilio ? advise_on_twilio(hook, policy, evidence)
                                           : advise_on_other(hook, policy);
}
