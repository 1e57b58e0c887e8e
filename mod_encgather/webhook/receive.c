/* SPDX-License-Identifier: Apache-2.0
 * What comes before names, steps and tokens, in the order of the manual, for the handlers. */
#include "webhook/receive.h"

#include <apr_strings.h>
#include "core/parameters.h"
#include "base/seldom.h"
#include "watch/record.h"
#include "webhook/answer.h"
#include "webhook/verify.h"

APLOG_USE_MODULE(encgather);

/* --- method, media type, size ------------------------------------------------------------------ */

/* A GET may only start a call: it carries no answer. */
static bool starts_call(const eg_webhook *hook, const eg_config *policy)
{
    const eg_fields *fields = eg_config_fields(policy);
    unsigned step;

    for (apr_size_t i = 0; i < hook->query.n; i++)
        if (eg_span_eq(hook->query.at[i].name, EG_LIT("step")) &&
            (eg_flow_step(fields, hook->query.at[i].value, &step) != EG_OK || step != 0))
            return false;
    return !eg_query_has_answer(eg_webhook_raw_query(hook));
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
    outcome = parse_body(r, hook);
    eg_webhook_note_call(r, hook);
    return outcome;
}

/* --- configuration and caller ------------------------------------------------------------------ */

/* Keys and tokens that this location needs; one error line says which is missing. */
static const char *find_missing(const eg_config *policy, bool tokens_needed)
{
    if (!policy->keys)
        return "there is no EncGatherKeyFile for this location";
    if (!policy->keys->keys)
        return "there is no usable EncGatherKeyFile for this location: it could not be read when "
               "the server read its configuration (EG0102)";
    if (tokens_needed && !policy->tokens)
        return "there is no EncGatherAuthTokenFile for this location";
    if (tokens_needed && !policy->tokens->tokens)
        return "there is no usable EncGatherAuthTokenFile for this location: it could not be read "
               "when the server read its configuration (EG0102)";
    return eg_the_crypto() ? NULL : "OpenSSL does not offer AES-256-GCM, HMAC or SHA-256";
}

static eg_outcome check_configuration(request_rec *r, bool tokens_needed)
{
    const char *missing = find_missing(eg_config_of(r), tokens_needed);

    if (!missing)
        return EG_GOING_ON;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, EG_TAG("0108") "call %s: answered 500, %s",
                  eg_call_of(r), missing);
    return EG_MISCONFIGURED;
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

static eg_outcome check_caller(request_rec *r, eg_webhook *hook, const eg_body_hash *hash)
{
    const eg_config *policy = eg_config_of(r);
    eg_check mode = eg_config_signature(policy);
    eg_outcome outcome;

    if (!eg_verify_origin(hook, policy))
        return EG_MALFORMED;
    if (mode == EG_CHECK_OFF || !eg_verify_has_tokens(policy))
        return EG_GOING_ON;
    outcome = eg_verify(r, hook, policy, hash);
    if (mode == EG_CHECK_OBSERVE)
        return EG_GOING_ON;
    if (outcome == EG_FORBIDDEN)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, EG_TAG("0301") "call %s: refused, %s",
                      eg_call_of(r), eg_verify_complaint(hook, r->pool));
    return outcome;
}

/* --- for the handlers -------------------------------------------------------------------------- */

static void begin_webhook(request_rec *r, const eg_webhook *hook)
{
    r->no_cache = 1; /* mod_cache would hand the answer to requests that nobody signed */
    eg_set_signature(r, EG_SIGNATURE_UNCHECKED);
    eg_webhook_note_call(r, hook);
}

eg_outcome eg_receive(request_rec *r, const eg_intake *intake, eg_webhook *hook)
{
    bool checking = intake->signature && eg_config_signature(eg_config_of(r)) == EG_CHECK_ON;
    eg_outcome outcome;
    eg_body_hash hash;

    begin_webhook(r, hook);
    if (intake->signature)
        note_step(r, hook);
    outcome = check_head(r, intake, hook);
    if (!outcome)
        outcome = take_webhook_body(r, hook, &hash);
    if (!outcome)
        outcome = check_configuration(r, checking);
    if (!outcome && intake->signature)
        outcome = check_caller(r, hook, &hash);
    return outcome;
}

eg_outcome eg_receive_in_process(request_rec *r, eg_json *json, eg_webhook *hook)
{
    begin_webhook(r, hook);
    hook->json = json;
    return check_configuration(r, false);
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
