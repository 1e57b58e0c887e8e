/* SPDX-License-Identifier: Apache-2.0
 * What comes before names, steps and tokens, in the order of the manual, for the handlers. */
#include "webhook/receive.h"

#include <apr_strings.h>
#include "config/providercheck.h"
#include "core/parameters.h"
#include "base/seldom.h"
#include "watch/record.h"
#include "webhook/answer.h"
#include "webhook/verify.h"

APLOG_USE_MODULE(encgather);

/* --- method, media type, size ------------------------------------------------------------------ */

/* Under the name that the provider has for it. */
static bool has_speech(eg_span query, const eg_config *policy)
{
    const eg_dialect *dialect = eg_config_provider(policy)->dialect;

    return dialect && eg_query_names(query, eg_span_of(dialect->speech));
}

/* A GET may only start a call: it carries no answer. */
static bool starts_call(const eg_webhook *hook, const eg_config *policy)
{
    const eg_fields *fields = eg_config_fields(policy);
    unsigned step;

    for (apr_size_t i = 0; i < hook->query.n; i++)
        if (eg_span_eq(hook->query.at[i].name, EG_LIT("step")) &&
            (eg_flow_step(fields, hook->query.at[i].value, &step) != EG_OK || step != 0))
            return false;
    return !eg_query_has_answer(eg_webhook_raw_query(hook)) &&
           !has_speech(eg_webhook_raw_query(hook), policy);
}

static eg_outcome check_method(request_rec *r, const eg_intake *intake, const eg_webhook *hook)
{
    bool is_get = r->method_number == M_GET;

    if (r->method_number == M_POST)
        return EG_GOING_ON;
    if (is_get && intake->get && starts_call(hook, eg_config_of(r)))
        return EG_GOING_ON;
    apr_table_setn(r->headers_out, "Allow", intake->get && !is_get ? "GET, HEAD, POST" : "POST");
    return EG_METHOD;
}

static eg_outcome check_media_type(const eg_intake *intake, const eg_webhook *hook)
{
    bool takes = hook->media == EG_MEDIA_FORM || (intake->json && hook->media == EG_MEDIA_JSON);

    if (!hook->body->expected || (takes && !hook->is_compressed))
        return EG_GOING_ON;
    return EG_MEDIA_TYPE;
}

static eg_outcome check_head(request_rec *r, const eg_intake *intake, const eg_webhook *hook)
{
    eg_outcome outcome = check_method(r, intake, hook);

    return outcome ? outcome : check_media_type(intake, hook);
}

/* --- the body ---------------------------------------------------------------------------------- */

static eg_outcome parse_body(request_rec *r, eg_webhook *hook)
{
    const eg_body *body = hook->body;
    eg_outcome outcome;

    if (r->method_number == M_GET && body->n)
        return EG_MALFORMED;
    if (!body->n || hook->media != EG_MEDIA_JSON)
        return eg_webhook_parse_form(hook, r->pool, body->bytes, body->n);
    outcome = eg_webhook_query_outcome(hook);
    if (!outcome)
        hook->json = eg_json_parse(r->pool, (eg_span){body->bytes, body->n});
    return outcome || hook->json ? outcome : EG_MALFORMED;
}

static eg_outcome take_webhook_body(request_rec *r, eg_webhook *hook, eg_body_hash *hash)
{
    eg_outcome outcome = eg_body_read(r, eg_config_max_body(eg_config_of(r)));

    if (outcome)
        return outcome;
    *hash = eg_verify_hash_body(hook);
    if (eg_config_provider(eg_config_of(r))->needs_raw)
        eg_verify_keep_raw(r->pool, hook, hash);
    outcome = parse_body(r, hook);
    eg_webhook_note_call(r, hook, eg_config_of(r));
    return outcome;
}

/* --- configuration and caller ------------------------------------------------------------------ */

/* A file that is needed and not there; directive NULL: none. */
typedef struct {
    const char *directive;
    bool is_named; /* but could not be read */
} missing_file;

static missing_file need_file(const char *directive, const eg_store_entry *entry, bool is_there)
{
    return (missing_file){entry && is_there ? NULL : directive, entry != NULL};
}

static missing_file need_envelopes(const char *directive, const eg_envelope_list *list)
{
    missing_file missing = {NULL, false};

    for (unsigned i = 0; list && i < list->n && !missing.directive; i++)
        missing = need_file(directive, list->at[i], list->at[i]->key != NULL);
    return missing;
}

static bool needs_key_file(const eg_config *policy, bool is_gather)
{
    if (policy->keys)
        return true;
    if (is_gather)
        return eg_config_seals_by_file(policy) || !eg_config_provider(policy)->signs_url;
    return !policy->privates || !policy->privates->n ||
           (policy->lookup && policy->lookup->has_index);
}

/* Keys and tokens that this location needs. */
static missing_file find_missing(const eg_config *policy, bool is_gather, bool tokens_needed)
{
    missing_file missing = {NULL, false};

    if (needs_key_file(policy, is_gather))
        missing = need_file("EncGatherKeyFile", policy->keys, policy->keys && policy->keys->keys);
    if (!missing.directive && is_gather)
        missing = need_envelopes("EncGatherRecipient", policy->recipients);
    if (!missing.directive && !is_gather)
        missing = need_envelopes("EncGatherPrivateKeyFile", policy->privates);
    if (!missing.directive && tokens_needed)
        missing = need_file("EncGatherAuthTokenFile", policy->tokens,
                            policy->tokens && policy->tokens->tokens);
    return missing;
}

/* What sections show as errors at start is seen here where they only meet in a request. */
static const char *find_gather_fault(apr_pool_t *pool, const eg_config *policy, bool tokens_needed)
{
    const char *fault = NULL;

    if (!eg_config_provider(policy)->dialect)
        return "EncGatherProvider is one for \"Require webhook-signature\" alone";
    if (tokens_needed)
        fault = eg_provider_secret_fault(pool, policy);
    if (!fault)
        fault = eg_provider_value_fault(pool, policy);
    if (!fault)
        fault = eg_config_fault(pool, policy);
    return fault ? fault : eg_config_lockout_fault(pool, policy);
}

static const char *missing_or_crypto(apr_pool_t *pool, missing_file missing)
{
    if (missing.directive && !missing.is_named)
        return apr_psprintf(pool, "there is no %s for this location", missing.directive);
    if (missing.directive)
        return apr_psprintf(pool,
                            "there is no usable %s for this location: it could not be read when "
                            "the server read its configuration (EG0102)",
                            missing.directive);
    return eg_the_crypto() ? NULL : "OpenSSL does not offer AES-256-GCM, HMAC or SHA-256";
}

/* One error line says what is wrong. */
static const char *find_config_fault(request_rec *r, bool is_gather, bool tokens_needed)
{
    const eg_config *policy = eg_config_of(r);
    const char *fault = missing_or_crypto(r->pool, find_missing(policy, is_gather, tokens_needed));

    if (!fault)
        fault = eg_config_clash(r->pool, policy);
    if (!fault && !is_gather)
        fault = eg_config_single_use_fault(policy);
    return fault || !is_gather ? fault : find_gather_fault(r->pool, policy, tokens_needed);
}

eg_outcome eg_misconfigured(request_rec *r, const char *why)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, EG_TAG("0108") "call %s: answered 500, %s",
                  eg_call_of(r), why);
    eg_note_failure(r, EG_CAUSE_CONFIG, 108, why);
    return EG_MISCONFIGURED;
}

static eg_outcome check_configuration(request_rec *r, bool is_gather, bool tokens_needed)
{
    const char *missing = find_config_fault(r, is_gather, tokens_needed);

    return missing ? eg_misconfigured(r, missing) : EG_GOING_ON;
}

const char *eg_shield_lacks(apr_pool_t *pool, const eg_config *policy)
{
    bool has_recipient = policy->recipients && policy->recipients->n;
    const eg_shield_list *list = eg_config_shield(policy);
    missing_file missing = {NULL, false};

    if (!list || !list->observes)
        missing = has_recipient ? need_envelopes("EncGatherRecipient", policy->recipients)
                                : need_file("EncGatherKeyFile", policy->keys,
                                            policy->keys && policy->keys->keys);
    if (!missing.directive && eg_config_signature(policy) == EG_CHECK_ON)
        missing = need_file("EncGatherAuthTokenFile", policy->tokens, eg_verify_has_tokens(policy));
    return missing_or_crypto(pool, missing);
}

const char *eg_opening_lacks(apr_pool_t *pool, const eg_config *policy)
{
    const char *fault = eg_config_single_use_fault(policy);

    return fault ? fault : missing_or_crypto(pool, find_missing(policy, false, false));
}

static eg_step step_of(const eg_fields *fields, unsigned number)
{
    if (number == 0)
        return EG_STEP_FIRST;
    return number < fields->n ? EG_STEP_MIDDLE : EG_STEP_LAST;
}

static void note_step(request_rec *r, const eg_webhook *hook)
{
    const eg_fields *fields = eg_config_fields(eg_config_of(r));
    const eg_param *step = eg_params_find(&hook->query, EG_LIT("step"));
    unsigned number;

    if (eg_flow_step(fields, step ? step->value : (eg_span){NULL, 0}, &number) == EG_OK)
        eg_set_step(r, eg_flow_step_name(fields, number), step_of(fields, number));
}

/* --- for the handlers -------------------------------------------------------------------------- */

static void begin_webhook(request_rec *r, const eg_webhook *hook)
{
    r->no_cache = 1; /* mod_cache would hand the answer to requests that nobody signed */
    eg_begin_signature(r);
    eg_webhook_note_call(r, hook, eg_config_of(r));
}

eg_outcome eg_receive(request_rec *r, const eg_intake *intake, eg_webhook *hook)
{
    bool checking = intake->signature && eg_config_signature(eg_config_of(r)) == EG_CHECK_ON;
    eg_outcome outcome;
    eg_body_hash hash = {.is_copy = false};

    begin_webhook(r, hook);
    if (intake->signature)
        note_step(r, hook);
    outcome = check_head(r, intake, hook);
    if (!outcome)
        outcome = take_webhook_body(r, hook, &hash);
    if (!outcome)
        outcome = check_configuration(r, intake->signature, checking);
    if (!outcome && intake->signature)
        outcome = eg_verify_caller(r, hook, eg_config_of(r), &hash);
    eg_verify_forget_raw(&hash);
    return outcome;
}

eg_outcome eg_receive_in_process(request_rec *r, eg_json *json, eg_webhook *hook)
{
    begin_webhook(r, hook);
    hook->json = json;
    return check_configuration(r, false, false);
}

/* Whoever may write an .htaccess can set a handler, and a stranger can ask for it. */
int eg_refuse_disabled(request_rec *r, const char *handler, const char *directive)
{
    static eg_seldom lines;

    if (eg_once_a_second(&lines))
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                      EG_TAG("0212") "answered 404: SetHandler %s without %s for it; both belong "
                                     "into the same <Location>: apachectl configtest names it "
                                     "(EG0130); if it has nothing to say, an .htaccess sets the "
                                     "handler: take it out there",
                      handler, directive);
    return eg_answer_error(r, EG_DISABLED);
}
