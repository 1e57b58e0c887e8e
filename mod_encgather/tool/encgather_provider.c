/* SPDX-License-Identifier: Apache-2.0
 * encgather sign and verify for every provider but Twilio, by the rows of core/provider.h. */
#include "encgather_provider.h"

#include <string.h>
#include <apr_cstr.h>
#include <apr_strings.h>
#include <apr_time.h>
#include "core/offer.h"
#include "core/secret.h"

#define RANDOM_BYTES 10

/* --- headers ----------------------------------------------------------------------------------- */

static eg_span name_in(const char *header)
{
    return (eg_span){header, strcspn(header, ":")};
}

static const char *value_in(apr_pool_t *pool, const char *header)
{
    const char *from = header + strcspn(header, ":") + 1;
    apr_size_t n;

    from += strspn(from, " \t");
    for (n = strlen(from); n && strchr(" \t\r\n", from[n - 1]); n--)
        ;
    return apr_pstrmemdup(pool, from, n);
}

bool eg_tool_headers_are_good(const eg_tool *tool, const eg_webhook_options *options)
{
    for (unsigned i = 0; options->headers[i]; i++) {
        eg_span name = name_in(options->headers[i]);

        if (name.n && name.p[name.n] == ':')
            continue;
        eg_tool_complain(tool, "--header takes 'Name: value', as it was sent");
        return false;
    }
    return true;
}

const char *eg_tool_header(const eg_tool *tool, const eg_webhook_options *options, const char *name)
{
    const char *all = NULL;

    for (unsigned i = 0; options->headers[i]; i++) {
        eg_span found = name_in(options->headers[i]);
        const char *value;

        if (found.n != strlen(name) || apr_cstr_casecmpn(found.p, name, found.n) != 0)
            continue;
        value = value_in(tool->pool, options->headers[i]);
        all = all ? apr_pstrcat(tool->pool, all, ", ", value, NULL) : value;
    }
    return all;
}

static bool is_header_of(const eg_provider *provider, eg_span name)
{
    for (unsigned i = 0; i < EG_PROVIDER_HEADERS && provider->headers[i]; i++)
        if (name.n == strlen(provider->headers[i]) &&
            apr_cstr_casecmpn(name.p, provider->headers[i], name.n) == 0)
            return true;
    return false;
}

/* Others send Twilio's header beside their own. */
const eg_provider *eg_tool_other_signer(const eg_webhook_options *options, const eg_provider *than)
{
    const eg_provider *other = NULL;

    for (unsigned i = 0; options->headers[i]; i++) {
        eg_span name = name_in(options->headers[i]);
        const eg_provider *whose = eg_provider_of_header(name);

        if (whose && !is_header_of(than, name) && (!other || other == &eg_provider_twilio))
            other = whose;
    }
    return other;
}

/* --- what there is to judge -------------------------------------------------------------------- */

/* What stands in front of an "@" is never sent. */
static bool take_origin(const eg_tool_webhook *hook, eg_signed *what)
{
    eg_span authority = hook->url.authority;
    apr_size_t user = authority.n;

    while (user && authority.p[user - 1] != '@')
        user--;
    what->origin.scheme = hook->url.scheme;
    return eg_origin_split((eg_span){authority.p + user, authority.n - user}, &what->origin);
}

static bool take_time_of_clock(const eg_webhook_options *options, apr_int64_t *now)
{
    *now = apr_time_sec(apr_time_now());
    return !options->at || eg_offer_time(eg_span_of(options->at), now);
}

static void take_provider_headers(const eg_tool *tool, const eg_webhook_options *options,
                                  const eg_provider *provider, eg_evidence *evidence)
{
    for (unsigned i = 0; i < EG_PROVIDER_HEADERS && provider->headers[i]; i++) {
        const char *value = eg_tool_header(tool, options, provider->headers[i]);

        if (value)
            evidence->headers[i] = eg_span_of(value);
    }
}

static bool gather_evidence(const eg_tool *tool, const eg_webhook_options *options,
                            const eg_tool_webhook *hook, eg_evidence *evidence)
{
    *evidence = (eg_evidence){.is_get = hook->is_get,
                              .is_post = !hook->is_get,
                              .query = &hook->query,
                              .body = {hook->body.n ? hook->body.bytes : "", hook->body.n},
                              .claims_hash = hook->claims_hash,
                              .hash_fits = hook->claims_hash && !hook->fault};
    evidence->url = (eg_signed){.target = hook->url.target.n ? hook->url.target : EG_LIT("/"),
                                .params = hook->form_signed ? &hook->form : NULL,
                                .account = hook->account};
    take_provider_headers(tool, options, hook->provider, evidence);
    if (!take_origin(hook, &evidence->url)) {
        eg_tool_complain(tool, "the URL has no host");
        return false;
    }
    if (!take_time_of_clock(options, &evidence->now)) {
        eg_tool_complain(tool, "--at takes seconds since 1970");
        return false;
    }
    return true;
}

/* NULL: all are of this provider. */
static const char *fault_of_secrets(const eg_tool_webhook *hook)
{
    for (apr_size_t i = 0; i < hook->tokens.n; i++) {
        const char *fault = hook->provider->fault(&hook->tokens.at[i]);

        if (fault)
            return fault;
    }
    return NULL;
}

/* --- sign -------------------------------------------------------------------------------------- */

/* What is new in every webhook: which header has it, and what stands in front of what is random. */
typedef struct {
    const eg_provider *provider;
    unsigned header;
    const char *prefix;
} single_use;

static const single_use single_uses[] = {{&eg_provider_plivo, 2, ""},
                                         {&eg_provider_standardwebhooks, 0, "msg_"}};

static const char *fresh_value(const eg_tool *tool, const char *prefix)
{
    unsigned char random[RANDOM_BYTES];
    char hex[2 * RANDOM_BYTES + 1] = "";

    if (eg_random(tool->crypto, random, sizeof random) != EG_OK)
        return NULL;
    eg_hex_encode(hex, random, sizeof random);
    hex[2 * RANDOM_BYTES] = '\0';
    return apr_pstrcat(tool->pool, prefix, hex, NULL);
}

static bool take_single_use(const eg_tool *tool, const eg_webhook_options *options,
                            const eg_provider *provider, eg_evidence *evidence)
{
    const char *given = provider == &eg_provider_plivo ? options->nonce : options->id;

    for (unsigned i = 0; i < sizeof single_uses / sizeof single_uses[0]; i++) {
        const single_use *use = &single_uses[i];
        const char *value;

        if (use->provider != provider)
            continue;
        value = given ? given : fresh_value(tool, use->prefix);
        if (!value)
            return false;
        evidence->headers[use->header] = eg_span_of(value);
    }
    return true;
}

static eg_exit print_headers(const eg_tool *tool, const eg_provider *provider,
                             const eg_provider_headers *made)
{
    eg_exit result = EG_EXIT_GOOD;

    for (unsigned i = 0; i < EG_PROVIDER_HEADERS && result == EG_EXIT_GOOD; i++)
        if (made->value[i][0])
            result = eg_tool_print(tool, "%s: %s", provider->headers[i], made->value[i]);
    return result;
}

static eg_exit refuse_to_sign(const eg_tool *tool, const eg_provider *provider, eg_status status)
{
    if (status != EG_EMALFORMED) {
        eg_tool_complain(tool, "OpenSSL failed");
        return EG_EXIT_SYSTEM;
    }
    eg_tool_complain(tool,
                     "%s signs no such webhook: its body is no form, or a header would be empty or "
                     "longer than %d bytes",
                     provider->title, EG_PROVIDER_VALUE_MAX);
    return EG_EXIT_DATA;
}

static bool options_fit(const eg_tool *tool, const eg_webhook_options *options,
                        const eg_provider *provider)
{
    bool fits = (!options->nonce || provider == &eg_provider_plivo) &&
                (!options->id || provider == &eg_provider_standardwebhooks);

    if (!fits)
        eg_tool_complain(tool, "--nonce is Plivo's, --id is of Standard Webhooks");
    return fits;
}

eg_exit eg_tool_provider_sign(const eg_tool *tool, const eg_webhook_options *options,
                              const eg_tool_webhook *hook, const eg_auth_token *secret)
{
    const eg_provider *provider = hook->provider;
    const char *fault = fault_of_secrets(hook);
    eg_provider_headers made;
    eg_evidence evidence;
    eg_status status;

    if (!options_fit(tool, options, provider) || !gather_evidence(tool, options, hook, &evidence))
        return EG_EXIT_USAGE;
    if (fault) {
        if (provider == &eg_provider_telnyx)
            fault = "is no seed of an Ed25519 key: 44 characters of base64, with = at the end";
        eg_tool_complain(tool, "a line of the token file %s", fault);
        return EG_EXIT_DATA;
    }
    if (!take_single_use(tool, options, provider, &evidence)) {
        eg_tool_complain(tool, "the random source failed");
        return EG_EXIT_SYSTEM;
    }
    status = provider->sign(tool->crypto, &evidence, secret, &made);
    return status == EG_OK ? print_headers(tool, provider, &made)
                           : refuse_to_sign(tool, provider, status);
}

/* --- verify ------------------------------------------------------------------------------------ */

eg_exit eg_tool_say_invalid(const eg_tool *tool, const eg_provider *other, const char *why)
{
    eg_exit printed =
        other ? eg_tool_print(tool, "invalid: %s; this is signed by %s", why, other->title)
              : eg_tool_print(tool, "invalid: %s", why);

    return printed == EG_EXIT_GOOD ? EG_EXIT_DATA : printed;
}

static const char *all_headers_of(const eg_tool *tool, const eg_provider *provider)
{
    const char *all = provider->headers[0];

    for (unsigned i = 1; i < EG_PROVIDER_HEADERS && provider->headers[i]; i++)
        all = apr_pstrcat(tool->pool, all, ", ", provider->headers[i], NULL);
    return all;
}

static const char *time_that_is_off(const eg_tool *tool, apr_int64_t off)
{
    return apr_psprintf(tool->pool,
                        "the signature is right, but its time is %" APR_INT64_T_FMT
                        " seconds %s, and at most %d are taken",
                        off < 0 ? -off : off, off < 0 ? "ago" : "ahead", EG_PATIENCE);
}

static bool would_fit(const eg_tool *tool, const eg_tool_webhook *hook, const eg_evidence *evidence)
{
    eg_ruling ruling = hook->provider->judge(tool->crypto, evidence, &hook->tokens);

    return ruling.verdict == EG_SIGNATURE_VALID || ruling.clock_off;
}

/* Editors and shells put one at the end of what they write. */
static bool fits_without_line_end(const eg_tool *tool, const eg_tool_webhook *hook,
                                  eg_evidence evidence)
{
    eg_params form = {NULL, 0};
    char *copy;

    if (!evidence.body.n || evidence.body.p[evidence.body.n - 1] != '\n')
        return false;
    evidence.body.n--;
    copy = eg_wiped_alloc(tool->pool, evidence.body.n + 1);
    memcpy(copy, evidence.body.p, evidence.body.n);
    if (evidence.url.params &&
        eg_form_parse(tool->pool, copy, evidence.body.n, EG_PARAMS_MAX, &form) == EG_OK)
        evidence.url.params = &form;
    return would_fit(tool, hook, &evidence);
}

static bool fits_other_scheme(const eg_tool *tool, const eg_tool_webhook *hook,
                              eg_evidence evidence)
{
    bool is_https = eg_span_eq(evidence.url.origin.scheme, EG_LIT("https"));

    evidence.url.origin.scheme = is_https ? EG_LIT("http") : EG_LIT("https");
    return would_fit(tool, hook, &evidence);
}

/* Plivo signs the port as it stands in the URL that it has. */
static bool fits_other_port(const eg_tool *tool, const eg_tool_webhook *hook, eg_evidence evidence)
{
    bool is_https = eg_span_eq(evidence.url.origin.scheme, EG_LIT("https"));

    evidence.url.origin.port = evidence.url.origin.port.n ? EG_LIT("")
                               : is_https                 ? EG_LIT("443")
                                                          : EG_LIT("80");
    return would_fit(tool, hook, &evidence);
}

static const char *what_does_not_fit(const eg_tool *tool, const eg_tool_webhook *hook,
                                     const eg_evidence *evidence)
{
    if (fits_without_line_end(tool, hook, *evidence))
        return "the signature does not fit; it would without the line end of the body";
    if (hook->provider->signs_url && fits_other_scheme(tool, hook, *evidence))
        return "the signature does not fit; it would for the other scheme (http, https)";
    if (hook->provider->signs_url && fits_other_port(tool, hook, *evidence))
        return evidence->url.origin.port.n
                   ? "the signature does not fit; it would without the port"
                   : "the signature does not fit; it would with the scheme's own port";
    return "the signature does not fit";
}

static const char *why_invalid(const eg_tool *tool, const eg_tool_webhook *hook,
                               const eg_evidence *evidence, const eg_ruling *ruling)
{
    if (ruling->verdict == EG_SIGNATURE_MISSING)
        return apr_psprintf(tool->pool, "a header is missing; those of %s are %s",
                            hook->provider->title, all_headers_of(tool, hook->provider));
    if (ruling->clock_off)
        return time_that_is_off(tool, ruling->clock_off);
    return what_does_not_fit(tool, hook, evidence);
}

eg_exit eg_tool_provider_verify(const eg_tool *tool, const eg_webhook_options *options,
                                const eg_tool_webhook *hook)
{
    const eg_provider *other = eg_tool_other_signer(options, hook->provider);
    const char *fault = fault_of_secrets(hook);
    eg_evidence evidence;
    eg_ruling ruling;

    if (!gather_evidence(tool, options, hook, &evidence))
        return EG_EXIT_USAGE;
    if (fault) {
        eg_tool_complain(tool, "a line of the token file %s", fault);
        return EG_EXIT_DATA;
    }
    if (hook->fault)
        return eg_tool_say_invalid(tool, other, hook->fault);
    ruling = hook->provider->judge(tool->crypto, &evidence, &hook->tokens);
    if (ruling.verdict == EG_SIGNATURE_VALID)
        return eg_tool_print(tool, "valid");
    if (ruling.verdict != EG_SIGNATURE_UNCHECKED)
        return eg_tool_say_invalid(tool, other, why_invalid(tool, hook, &evidence, &ruling));
    eg_tool_complain(tool, "OpenSSL failed");
    return EG_EXIT_SYSTEM;
}
