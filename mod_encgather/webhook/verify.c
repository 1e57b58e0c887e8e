/* SPDX-License-Identifier: Apache-2.0
 * Who signed a webhook: judged by the tokens and the public URL of the location that asks. */
#include "webhook/verify.h"

#include <string.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include "core/doctor.h"
#include "core/parameters.h"
#include "core/secret.h"
#include "watch/record.h"
#include "webhook/advice.h"

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
    eg_body_hash hash = {.claimed = eg_claims_body_hash(&hook->query), .raw = body};

    if (hash.claimed && eg_the_crypto())
        hash.known = eg_sha256(eg_the_crypto(), body, hash.hash) == EG_OK;
    return hash;
}

void eg_verify_keep_raw(apr_pool_t *pool, const eg_webhook *hook, eg_body_hash *hash)
{
    apr_size_t n = hook->body->n;
    char *copy = eg_wiped_alloc(pool, n);

    if (n)
        memcpy(copy, hook->body->bytes, n);
    hash->raw = (eg_span){copy, n};
    hash->is_copy = true;
}

void eg_verify_forget_raw(eg_body_hash *hash)
{
    if (hash->is_copy)
        eg_wipe_early((char *)(apr_uintptr_t)hash->raw.p);
    hash->raw = (eg_span){"", 0};
    hash->is_copy = false;
}

static eg_evidence evidence_of(const eg_webhook *hook, const eg_provider *provider,
                               const eg_origin *origin, const eg_body_hash *hash)
{
    const request_rec *r = hook->root;
    bool is_form = !hook->body->n || eg_webhook_is_form(hook);
    eg_evidence evidence = {.url = {.origin = *origin,
                                    .target = hook->target,
                                    .params = is_form ? &hook->form : NULL,
                                    .account = eg_account_of(&hook->form, &hook->query),
                                    .is_handshake = hook->is_handshake},
                            .is_get = r->method_number == M_GET,
                            .is_post = r->method_number == M_POST,
                            .query = &hook->query,
                            .body = hash->raw,
                            .claims_hash = hash->claimed,
                            .hash_fits = hash->known && eg_body_hash_fits(&hook->query, hash->hash),
                            .now = apr_time_sec(apr_time_now())};

    for (unsigned i = 0; i < EG_PROVIDER_HEADERS && provider->headers[i]; i++) {
        const char *value = apr_table_get(r->headers_in, provider->headers[i]);

        evidence.headers[i] = value ? eg_span_of(value) : (eg_span){NULL, 0};
    }
    return evidence;
}

/* --- the verdict ------------------------------------------------------------------------------- */

static eg_judgement judge_signature(const eg_webhook *hook, const eg_config *policy,
                                    const eg_origin *origin, const eg_body_hash *hash)
{
    const eg_provider *provider = eg_config_provider(policy);
    eg_judgement judgement = {
        .tokens = policy->tokens, .public_url = policy->public_url, .provider = provider};
    eg_evidence evidence = evidence_of(hook, provider, origin, hash);
    eg_ruling ruling = {.verdict = EG_SIGNATURE_UNCHECKED};

    if (!hash->claimed || hash->known)
        ruling = provider->judge(eg_the_crypto(), &evidence, policy->tokens->tokens);
    judgement.verdict = ruling.verdict;
    judgement.fitted = ruling.fitted;
    judgement.ruling = ruling;
    if (ruling.verdict != EG_SIGNATURE_VALID)
        judgement.advice = eg_advise(hook, policy, &evidence, &ruling);
    return judgement;
}

/* The header that is not there, or empty: the signature's own, or one beside it. */
static const char *missing_header(const eg_webhook *hook)
{
    const char *const *names = hook->judgement.provider->headers;
    const char *missing = names[0];
    bool any = false;

    for (unsigned i = 0; i < EG_PROVIDER_HEADERS && names[i]; i++) {
        const char *value = apr_table_get(hook->root->headers_in, names[i]);

        if (value && *value)
            any = true;
        else
            missing = names[i];
    }
    return any ? missing : names[0];
}

const char *eg_verify_complaint(const eg_webhook *hook, apr_pool_t *pool)
{
    static const char *const reasons[] = {" was not checked", "", " does not fit", " is valid"};
    const eg_judgement *judgement = &hook->judgement;
    const char *what = reasons[judgement->verdict], *name = judgement->provider->headers[0];

    if (judgement->verdict == EG_SIGNATURE_MISSING) {
        name = missing_header(hook);
        what = apr_pstrcat(pool, " is missing: ", judgement->provider->title,
                           " did not send this, or something in front took the header away", NULL);
    }
    return apr_pstrcat(pool, "the ", name, what, judgement->advice ? "; " : NULL, judgement->advice,
                       NULL);
}

static eg_cause cause_of_judgement(const eg_judgement *judgement)
{
    if (judgement->verdict == EG_SIGNATURE_MISSING)
        return EG_CAUSE_UNSIGNED;
    if (judgement->ruling.clock_off)
        return EG_CAUSE_CLOCK;
    return eg_doctor_names_url(judgement->advice) ? EG_CAUSE_URL : EG_CAUSE_SIGNATURE;
}

void eg_verify_note(request_rec *r, const eg_webhook *hook, unsigned tag, const char *complaint)
{
    eg_note_failure(r, cause_of_judgement(&hook->judgement), tag, complaint);
}

static void log_verdict(request_rec *r, const eg_webhook *hook, const eg_config *policy)
{
    if (hook->judgement.verdict == EG_SIGNATURE_UNCHECKED) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      EG_TAG("0304") "call %s: the signature could not be checked, OpenSSL failed",
                      eg_call_of(r));
        if (eg_config_signature(policy) != EG_CHECK_OBSERVE)
            eg_note_failure(r, EG_CAUSE_CRYPTO, 304,
                            "the signature could not be checked, OpenSSL failed");
    } else if (hook->judgement.verdict != EG_SIGNATURE_VALID &&
               eg_config_signature(policy) == EG_CHECK_OBSERVE)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      EG_TAG("0303") "call %s: observed, goes on: %s", eg_call_of(r),
                      eg_verify_complaint(hook, r->pool));
}

/* A location with other tokens, another public URL or another provider comes to a verdict of its own. */
static bool was_judged_so(const eg_webhook *hook, const eg_config *policy)
{
    return hook->judgement.tokens == policy->tokens &&
           hook->judgement.public_url == policy->public_url &&
           hook->judgement.provider == eg_config_provider(policy);
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

eg_outcome eg_verify_caller(request_rec *r, eg_webhook *hook, const eg_config *policy,
                            const eg_body_hash *hash)
{
    eg_check mode = eg_config_signature(policy);
    eg_outcome outcome;

    if (!eg_verify_origin(hook, policy))
        return EG_MALFORMED;
    if (mode == EG_CHECK_OFF || !eg_verify_has_tokens(policy))
        return EG_GOING_ON;
    outcome = eg_verify(r, hook, policy, hash);
    if (mode == EG_CHECK_OBSERVE)
        return EG_GOING_ON;
    if (outcome == EG_FORBIDDEN) {
        const char *complaint = eg_verify_complaint(hook, r->pool);

        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, EG_TAG("0301") "call %s: refused, %s",
                      eg_call_of(r), complaint);
        eg_verify_note(r, hook, 301, complaint);
    }
    return outcome;
}

bool eg_verify_may_resign(const eg_webhook *hook, const eg_config *policy)
{
    return policy->resign > 0 && eg_config_signature(policy) != EG_CHECK_OFF &&
           was_judged_so(hook, policy) && hook->judgement.verdict == EG_SIGNATURE_VALID;
}

eg_status eg_verify_resign(const eg_webhook *hook, const eg_config *policy,
                           eg_provider_headers *out)
{
    const eg_provider *provider = eg_config_provider(policy);
    const eg_origin *origin = eg_verify_origin(hook, policy);
    eg_body_hash hash = {.raw = {hook->body->n ? hook->body->bytes : "", hook->body->n}};
    eg_evidence evidence;

    if (!origin)
        return EG_EMALFORMED;
    evidence = evidence_of(hook, provider, origin, &hash);
    return provider->resign(eg_the_crypto(), &evidence, &hook->judgement.ruling, out);
}
