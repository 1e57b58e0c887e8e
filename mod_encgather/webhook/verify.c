/* SPDX-License-Identifier: Apache-2.0
 * Who signed a webhook: judged by the tokens and the public URL of the location that asks. */
#include "webhook/verify.h"

#include <string.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include "base/seldom.h"
#include "core/doctor.h"
#include "core/parameters.h"
#include "watch/record.h"

APLOG_USE_MODULE(encgather);

bool eg_verify_has_tokens(const eg_config *policy)
{
    return policy->tokens && policy->tokens->tokens;
}

const eg_origin *eg_verify_origin(const eg_webhook *hook, const eg_config *policy)
{
    if (policy->public_url)
        return &policy->public_url->origin;
    return hook->has_origin ? &hook->origin : NULL;
}

/* --- what is signed ---------------------------------------------------------------------------- */

eg_body_hash eg_verify_hash_body(const eg_webhook *hook)
{
    eg_span body = {hook->body->n ? hook->body->bytes : "", hook->body->n};
    eg_body_hash hash = {eg_claims_body_hash(&hook->query), false, {0}};

    if (hash.claimed && eg_the_crypto())
        hash.known = eg_sha256(eg_the_crypto(), body, hash.hash) == EG_OK;
    return hash;
}

static bool is_get(const eg_webhook *hook)
{
    return hook->root->method_number == M_GET;
}

/* A form is part of what is signed, another body is by its hash; whatever else there is in a body
 * would be taken on faith. */
static bool body_is_signed(const eg_webhook *hook, const eg_body_hash *hash)
{
    if (hash->claimed)
        return eg_body_hash_fits(&hook->query, hash->hash);
    return !hook->body->n || (!is_get(hook) && eg_webhook_is_form(hook));
}

static const char *body_fault(const eg_body_hash *hash)
{
    return hash->claimed ? "the body is not the one that bodySHA256 in the query is of"
                         : "the body is no form, and no bodySHA256 in the query is of it";
}

/* --- the doctor -------------------------------------------------------------------------------- */

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

/* Why a signature is wrong, whatever could be tried; NULL where something could. */
static const char *find_fault(const eg_webhook *hook, const eg_config *policy,
                              const eg_signed *what, eg_span header)
{
    const char *fault = eg_signature_fault(what, policy->tokens->tokens);
    apr_size_t length = eg_signature_length(what->signer.mac);

    if (fault || header.n == length)
        return fault;
    return apr_psprintf(hook->root->pool, "it does not have the %d characters of one of Twilio's",
                        (int)length);
}

/* --- who signed -------------------------------------------------------------------------------- */

/* An empty header is one, too. Two come joined by a comma, as if they had been one (RFC 9110, 5.3): what
 * both say is said twice then. */
static eg_signer find_signer(const request_rec *r)
{
    const char *settings = apr_table_get(r->headers_in, "X-Twilio-Webhooks-Signature-Settings");

    return settings ? eg_signer_of(eg_span_of(settings)) : (eg_signer){.is_shared = false};
}

/* --- the verdict ------------------------------------------------------------------------------- */

static eg_judgement judge_signature(const eg_webhook *hook, const eg_config *policy,
                                    const eg_origin *origin, const eg_body_hash *hash)
{
    eg_judgement judgement = {.verdict = EG_SIGNATURE_INVALID,
                              .tokens = policy->tokens,
                              .public_url = policy->public_url};
    eg_span header = header_of(hook, "X-Twilio-Signature");
    bool appended = !hash->claimed && !is_get(hook);
    eg_signed what = {.origin = *origin,
                      .target = hook->target,
                      .params = appended ? &hook->form : NULL,
                      .account = eg_account_of(&hook->form, &hook->query),
                      .signer = find_signer(hook->root),
                      .is_handshake = hook->is_handshake};

    if (!header.n)
        judgement.verdict = EG_SIGNATURE_MISSING;
    else if (hash->claimed && !hash->known)
        judgement.verdict = EG_SIGNATURE_UNCHECKED;
    else if (body_is_signed(hook, hash))
        judgement.verdict = eg_signature_find(eg_the_crypto(), &what, policy->tokens->tokens,
                                              header, &judgement.fitted);
    else
        judgement.advice = body_fault(hash);
    if (judgement.verdict == EG_SIGNATURE_INVALID && !judgement.advice)
        judgement.advice = find_fault(hook, policy, &what, header);
    if (judgement.verdict == EG_SIGNATURE_INVALID && !judgement.advice)
        judgement.advice = ask_doctor(hook, policy, &what, header);
    return judgement;
}

const char *eg_verify_complaint(const eg_webhook *hook, apr_pool_t *pool)
{
    static const char *const reasons[] = {
        "was not checked",
        "is missing: Twilio did not send this, or something in front took the header away",
        "does not fit", "is valid"};
    const eg_judgement *judgement = &hook->judgement;

    return apr_pstrcat(pool, "the X-Twilio-Signature ", reasons[judgement->verdict],
                       judgement->advice ? "; " : NULL, judgement->advice, NULL);
}

static void log_verdict(request_rec *r, const eg_webhook *hook, const eg_config *policy)
{
    if (hook->judgement.verdict == EG_SIGNATURE_UNCHECKED)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      EG_TAG("0304") "call %s: the signature could not be checked, OpenSSL failed",
                      eg_call_of(r));
    else if (hook->judgement.verdict != EG_SIGNATURE_VALID &&
             eg_config_signature(policy) == EG_CHECK_OBSERVE)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      EG_TAG("0303") "call %s: observed, goes on: %s", eg_call_of(r),
                      eg_verify_complaint(hook, r->pool));
}

/* A location with other tokens or another public URL comes to a verdict of its own. */
static bool was_judged_so(const eg_webhook *hook, const eg_config *policy)
{
    return hook->judgement.tokens == policy->tokens &&
           hook->judgement.public_url == policy->public_url;
}

eg_outcome eg_verify(request_rec *r, eg_webhook *hook, const eg_config *policy,
                     const eg_body_hash *hash)
{
    const eg_origin *origin = eg_verify_origin(hook, policy);
    bool again = was_judged_so(hook, policy);

    if (!origin)
        return EG_MALFORMED;
    if (!again)
        hook->judgement = judge_signature(hook, policy, origin, hash);
    eg_set_signature(r, hook->judgement.verdict);
    if (!again)
        log_verdict(r, hook, policy);
    if (hook->judgement.verdict == EG_SIGNATURE_VALID)
        return EG_GOING_ON;
    return hook->judgement.verdict == EG_SIGNATURE_UNCHECKED ? EG_MISCONFIGURED : EG_FORBIDDEN;
}
