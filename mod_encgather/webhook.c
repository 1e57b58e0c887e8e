/* SPDX-License-Identifier: Apache-2.0
 * A webhook read once: target, parameters, signature; shared by the handlers and Require. */
#include "webhook.h"

#include <string.h>
#include <apr_atomic.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include "core/doctor.h"
#include "core/secret.h"
#include "log.h"

APLOG_USE_MODULE(encgather);

#define BODY_SHA256 EG_LIT("bodySHA256")

/* --- the target -------------------------------------------------------------------------------- */

static eg_span raw_query(eg_span target)
{
    const char *mark = target.n ? memchr(target.p, '?', target.n) : NULL;

    if (!mark)
        return (eg_span){"", 0};
    return (eg_span){mark + 1, target.n - (apr_size_t)(mark + 1 - target.p)};
}

/* The raw query stays as it is: it is signed. */
static void parse_query(apr_pool_t *pool, eg_webhook *hook)
{
    eg_span raw = raw_query(hook->target);
    char *copy = eg_wiped_alloc(pool, raw.n + 1);

    memcpy(copy, raw.p, raw.n);
    hook->query_status = eg_form_parse(pool, copy, raw.n, EG_PARAMS_MAX, &hook->query);
}

eg_webhook *eg_webhook_of(request_rec *r)
{
    request_rec *root = eg_root_of(r);
    eg_request *state = eg_request_of(root);

    if (!state->webhook) {
        state->webhook = apr_pcalloc(root->pool, sizeof *state->webhook);
        state->webhook->target = eg_raw_target(root);
        parse_query(root->pool, state->webhook);
    }
    return state->webhook;
}

eg_span eg_webhook_get(const eg_webhook *hook, eg_span name)
{
    const eg_param *param = eg_params_find(&hook->form, name);

    if (!param)
        param = eg_params_find(&hook->query, name);
    return param ? param->value : (eg_span){NULL, 0};
}

/* --- method and media type --------------------------------------------------------------------- */

static bool query_has_secret(const eg_webhook *hook)
{
    eg_span raw = raw_query(hook->target);

    return eg_query_names(raw, EG_LIT("Digits")) || eg_query_names(raw, EG_LIT("SpeechResult"));
}

/* A GET may only start a call: it carries no answer. */
static bool starts_call(request_rec *r, const eg_webhook *hook)
{
    const eg_fields *fields = eg_config_fields(eg_config_of(r));
    unsigned step;

    for (apr_size_t i = 0; i < hook->query.n; i++)
        if (eg_span_eq(hook->query.at[i].name, EG_LIT("step")) &&
            (eg_flow_step(fields, hook->query.at[i].value, &step) != EG_OK || step != 0))
            return false;
    return !query_has_secret(hook);
}

static eg_outcome check_method(request_rec *r, const eg_intake *intake, const eg_webhook *hook)
{
    bool is_get = r->method_number == M_GET;

    if (r->method_number == M_POST)
        return EG_GOING_ON;
    if (is_get && intake->get && starts_call(r, hook))
        return EG_GOING_ON;
    apr_table_setn(r->headers_out, "Allow", intake->get && !is_get ? "GET, HEAD, POST" : "POST");
    return EG_METHOD;
}

/* Compares the type in front of any parameters, not just its beginning. */
static bool type_is(const request_rec *r, const char *type)
{
    const char *value = apr_table_get(r->headers_in, "Content-Type");
    apr_size_t n = strlen(type);

    if (!value || (strncmp(value, type, n) != 0 && ap_cstr_casecmpn(value, type, n) != 0))
        return false;
    value += n + strspn(value + n, " \t");
    return *value == '\0' || *value == ';';
}

static bool is_form(const request_rec *r)
{
    return type_is(r, "application/x-www-form-urlencoded");
}

static bool is_json(const request_rec *r)
{
    return type_is(r, "application/json");
}

static bool is_compressed(const request_rec *r)
{
    const char *coding = apr_table_get(r->headers_in, "Content-Encoding");

    return coding && ap_cstr_casecmp(coding, "identity") != 0;
}

static eg_outcome check_media_type(const request_rec *r, const eg_intake *intake)
{
    if (!eg_body_expected(r))
        return EG_GOING_ON;
    if (!is_compressed(r) && (is_form(r) || (intake->json && is_json(r))))
        return EG_GOING_ON;
    return EG_MEDIA_TYPE;
}

static eg_outcome check_head(request_rec *r, const eg_intake *intake, const eg_webhook *hook)
{
    eg_outcome outcome = check_method(r, intake, hook);

    if (!outcome)
        outcome = check_media_type(r, intake);
    if (!outcome && eg_body_announces_too_much(r))
        outcome = EG_TOO_LARGE;
    return outcome;
}

/* --- the body ---------------------------------------------------------------------------------- */

static void note_call(request_rec *r, const eg_webhook *hook)
{
    eg_set_call(r, eg_webhook_get(hook, EG_LIT("CallSid")));
}

/* Whoever comes first reads; what it gave is remembered for the others. */
static eg_outcome read_once(request_rec *r, eg_webhook *hook)
{
    eg_request *state = eg_request_of(r);

    if (!hook->was_read) {
        hook->was_read = true;
        hook->read_outcome = eg_body_read(r, eg_root_of(r)->pool, &hook->body, &state->read_status);
        if (hook->read_outcome)
            ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                          EG_TAG("0201") "call %s: the body could not be read to its end: %s",
                          eg_call_of(r),
                          hook->read_outcome == EG_TOO_LARGE ? "it is larger than "
                                                               "EncGatherMaxBody"
                                                             : "broken off or broken");
    }
    return hook->read_outcome;
}

static eg_outcome outcome_of(eg_status status)
{
    if (status == EG_OK)
        return EG_GOING_ON;
    return status == EG_ETOOMANY ? EG_TOO_LARGE : EG_MALFORMED;
}

/* Decodes n bytes in place. */
static eg_outcome parse_form(apr_pool_t *pool, eg_webhook *hook, char *bytes)
{
    eg_outcome outcome = outcome_of(hook->query_status);

    if (outcome)
        return outcome;
    return outcome_of(
        eg_form_parse(pool, bytes, hook->body.n, EG_PARAMS_MAX - hook->query.n, &hook->form));
}

static eg_outcome parse_body(request_rec *r, eg_webhook *hook)
{
    eg_outcome outcome;

    if (r->method_number == M_GET && hook->body.n)
        return EG_MALFORMED;
    if (!hook->body.n || !is_json(r))
        return parse_form(r->pool, hook, hook->body.bytes);
    outcome = outcome_of(hook->query_status);
    if (!outcome)
        hook->json = eg_json_parse(r->pool, (eg_span){hook->body.bytes, hook->body.n});
    return outcome || hook->json ? outcome : EG_MALFORMED;
}

void eg_webhook_wipe(eg_webhook *hook)
{
    eg_wipe_early(hook->body.bytes);
    hook->body = (eg_body){.complete = hook->body.complete};
    hook->form.n = 0;
}

/* --- signature --------------------------------------------------------------------------------- */

/* Of the raw body, which has to be hashed before a form is decoded in its place. */
typedef struct {
    bool claimed; /* the query has a bodySHA256 */
    bool known;   /* false although claimed: OpenSSL failed */
    unsigned char hash[EG_SHA256_SIZE];
} body_hash;

static body_hash hash_body(const eg_webhook *hook)
{
    eg_span body = {hook->body.n ? hook->body.bytes : "", hook->body.n};
    body_hash hash = {eg_params_find(&hook->query, BODY_SHA256) != NULL, false, {0}};

    if (hash.claimed && eg_the_crypto())
        hash.known = eg_sha256(eg_the_crypto(), body, hash.hash) == EG_OK;
    return hash;
}

/* Exactly one bodySHA256, in the lower-case digits that Twilio sends. */
static bool body_hash_fits(const eg_webhook *hook, const body_hash *hash)
{
    const eg_param *claimed = eg_params_find(&hook->query, BODY_SHA256);
    char expected[2 * EG_SHA256_SIZE + 1];

    eg_hex_encode(expected, hash->hash, EG_SHA256_SIZE);
    return eg_params_count(&hook->query, BODY_SHA256) == 1 &&
           eg_equal_secret(claimed->value, (eg_span){expected, 2 * EG_SHA256_SIZE});
}

static bool split_host(request_rec *r, eg_origin *origin)
{
    const char *host = apr_table_get(r->headers_in, "Host");

    if (host && *host)
        return eg_origin_split(eg_span_of(host), origin);
    origin->host = eg_span_of(ap_get_server_name(r)); /* HTTP/1.0 */
    origin->port = (eg_span){"", 0};
    if (!ap_is_default_port(ap_get_server_port(r), r))
        origin->port = eg_span_of(apr_psprintf(r->pool, "%u", (unsigned)ap_get_server_port(r)));
    return true;
}

static bool find_origin(request_rec *r, eg_origin *origin)
{
    const eg_config *config = eg_config_of(r);

    if (config->public_url) {
        *origin = config->public_url->origin;
        return true;
    }
    origin->scheme = eg_span_of(ap_http_scheme(r));
    return split_host(r, origin);
}

/* AccountSid only picks tokens; where it is said twice it picks none that has an account. */
static eg_span account_of(const eg_webhook *hook)
{
    eg_span name = EG_LIT("AccountSid");

    if (eg_params_count(&hook->form, name) + eg_params_count(&hook->query, name) > 1)
        return EG_LIT("?");
    return eg_webhook_get(hook, name);
}

/* A form is part of what is signed, another body is by its hash; whatever else there is in a body
 * would be taken on faith. */
static bool body_is_signed(request_rec *r, const eg_webhook *hook, const body_hash *hash)
{
    if (hash->claimed)
        return body_hash_fits(hook, hash);
    return !hook->body.n || (r->method_number != M_GET && is_form(r) && !is_compressed(r));
}

/* At most one search a second in each child: a flood of bad signatures cannot use it. */
static bool may_search(void)
{
    static volatile apr_uint32_t last;
    apr_uint32_t now = (apr_uint32_t)apr_time_sec(apr_time_now());
    apr_uint32_t before = apr_atomic_read32(&last);

    return now != before && apr_atomic_cas32(&last, now, before) == before;
}

static eg_span header_span(const request_rec *r, const char *name)
{
    const char *value = apr_table_get(r->headers_in, name);

    return value ? eg_span_of(value) : (eg_span){"", 0};
}

static eg_hints find_hints(request_rec *r)
{
    eg_hints hints = {.request = {eg_span_of(ap_http_scheme(r)), {"", 0}, {"", 0}},
                      .forwarded = {header_span(r, "X-Forwarded-Proto"), {"", 0}, {"", 0}}};
    eg_span port = header_span(r, "X-Forwarded-Port");
    eg_span scheme = hints.forwarded.scheme;

    hints.server =
        (eg_origin){hints.request.scheme, eg_span_of(r->server->server_hostname), {"", 0}};
    (void)split_host(r, &hints.request);
    (void)eg_origin_split(header_span(r, "X-Forwarded-Host"), &hints.forwarded);
    if (!eg_span_eq(scheme, EG_LIT("http")) && !eg_span_eq(scheme, EG_LIT("https")))
        hints.forwarded.scheme = (eg_span){"", 0};
    if (port.n && port.n <= 5 && !hints.forwarded.port.n)
        hints.forwarded.port = port;
    hints.listener_port =
        eg_span_of(apr_psprintf(r->pool, "%u", (unsigned)r->connection->local_addr->port));
    return hints;
}

static void ask_doctor(request_rec *r, eg_webhook *hook, const eg_signed *what, eg_span header)
{
    eg_hints hints;

    if (header.n != EG_SIGNATURE_LENGTH || !may_search())
        return;
    hints = find_hints(r);
    hook->advice = eg_doctor_advise(eg_the_crypto(), what, eg_config_of(r)->tokens->tokens, header,
                                    &hints, r->pool);
}

static eg_verdict check_signature(request_rec *r, eg_webhook *hook, const body_hash *hash)
{
    eg_span header = header_span(r, "X-Twilio-Signature");
    bool appended = !hash->claimed && r->method_number != M_GET;
    eg_signed what = {hook->origin, hook->target, appended ? &hook->form : NULL, account_of(hook)};
    eg_verdict verdict;

    hook->advice = NULL;
    hook->fitted = NULL;
    if (!header.n)
        return EG_SIGNATURE_MISSING;
    if (hash->claimed && !hash->known)
        return EG_SIGNATURE_UNCHECKED;
    if (!body_is_signed(r, hook, hash))
        return EG_SIGNATURE_INVALID;
    verdict = eg_signature_find(eg_the_crypto(), &what, eg_config_of(r)->tokens->tokens, header,
                                &hook->fitted);
    if (verdict == EG_SIGNATURE_INVALID)
        ask_doctor(r, hook, &what, header);
    return verdict;
}

const char *eg_webhook_complaint(const request_rec *r, const eg_webhook *hook)
{
    static const char *const reasons[] = {"was not checked", "is missing", "does not fit",
                                          "is valid"};

    return apr_pstrcat(r->pool, "the X-Twilio-Signature ", reasons[hook->verdict],
                       hook->advice ? "; " : NULL, hook->advice, NULL);
}

static void log_verdict(request_rec *r, const eg_webhook *hook)
{
    if (hook->verdict == EG_SIGNATURE_UNCHECKED)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      EG_TAG("0304") "call %s: the signature could not be checked, OpenSSL failed",
                      eg_call_of(r));
    else if (hook->verdict != EG_SIGNATURE_VALID &&
             eg_config_signature(eg_config_of(r)) == EG_CHECK_OBSERVE)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      EG_TAG("0303") "call %s: observed, goes on: %s", eg_call_of(r),
                      eg_webhook_complaint(r, hook));
}

/* A location with other tokens or another public URL comes to a verdict of its own. */
static eg_outcome verify(request_rec *r, eg_webhook *hook, const body_hash *hash)
{
    const eg_config *config = eg_config_of(r);
    bool again = hook->tokens == config->tokens && hook->public_url == config->public_url;

    if (!again)
        hook->verdict = check_signature(r, hook, hash);
    hook->tokens = config->tokens;
    hook->public_url = config->public_url;
    eg_set_signature(r, hook->verdict);
    if (!again)
        log_verdict(r, hook);
    if (hook->verdict == EG_SIGNATURE_VALID)
        return EG_GOING_ON;
    return hook->verdict == EG_SIGNATURE_UNCHECKED ? EG_MISCONFIGURED : EG_FORBIDDEN;
}

static bool has_tokens(const request_rec *r)
{
    const eg_config *config = eg_config_of(r);

    return config->tokens && config->tokens->tokens;
}

/* Keys and tokens that this location needs; one error line says which is missing. */
static eg_outcome check_configuration(request_rec *r, bool tokens_needed)
{
    const eg_config *config = eg_config_of(r);
    const char *missing = NULL;

    if (!config->keys || !config->keys->keys)
        missing = "EncGatherKeyFile";
    else if (tokens_needed && !has_tokens(r))
        missing = "EncGatherAuthTokenFile";
    if (!missing && eg_the_crypto())
        return EG_GOING_ON;
    ap_log_rerror(
        APLOG_MARK, APLOG_ERR, 0, r, EG_TAG("0108") "call %s: answered 500, %s", eg_call_of(r),
        missing ? apr_pstrcat(r->pool, "there is no usable ", missing, " for this location", NULL)
                : "OpenSSL does not offer AES-256-GCM, HMAC or SHA-256");
    return EG_MISCONFIGURED;
}

/* --- for the handlers -------------------------------------------------------------------------- */

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

static eg_outcome check_caller(request_rec *r, eg_webhook *hook, const body_hash *hash)
{
    eg_check mode = eg_config_signature(eg_config_of(r));
    eg_outcome outcome;

    if (!find_origin(r, &hook->origin))
        return EG_MALFORMED;
    if (mode == EG_CHECK_OFF || !has_tokens(r))
        return EG_GOING_ON;
    outcome = verify(r, hook, hash);
    if (mode == EG_CHECK_OBSERVE)
        return EG_GOING_ON;
    if (outcome == EG_FORBIDDEN)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, EG_TAG("0301") "call %s: refused, %s",
                      eg_call_of(r), eg_webhook_complaint(r, hook));
    return outcome;
}

static eg_outcome take_body(request_rec *r, eg_webhook *hook, body_hash *hash)
{
    eg_outcome outcome = read_once(r, hook);

    if (outcome)
        return outcome;
    *hash = hash_body(hook);
    outcome = parse_body(r, hook);
    note_call(r, hook);
    return outcome;
}

eg_outcome eg_webhook_receive(request_rec *r, const eg_intake *intake, eg_webhook *hook)
{
    bool checking = intake->signature && eg_config_signature(eg_config_of(r)) == EG_CHECK_ON;
    eg_outcome outcome;
    body_hash hash;

    eg_set_signature(r, EG_SIGNATURE_UNCHECKED);
    note_call(r, hook);
    if (intake->signature)
        note_step(r, hook);
    outcome = check_head(r, intake, hook);
    if (!outcome)
        outcome = take_body(r, hook, &hash);
    if (!outcome)
        outcome = check_configuration(r, checking);
    if (!outcome && intake->signature)
        outcome = check_caller(r, hook, &hash);
    return outcome;
}

eg_outcome eg_webhook_take(request_rec *r, eg_json *json, eg_webhook *hook)
{
    eg_set_signature(r, EG_SIGNATURE_UNCHECKED);
    note_call(r, hook);
    hook->was_read = true;
    hook->json = json;
    return check_configuration(r, false);
}

/* --- for Require ------------------------------------------------------------------------------- */

/* The form is decoded in a copy, which is wiped as soon as the signature is known. */
static eg_outcome verify_copy(request_rec *r, eg_webhook *hook)
{
    char *copy = eg_wiped_alloc(r->pool, hook->body.n);
    body_hash hash = hash_body(hook);
    eg_outcome outcome = EG_GOING_ON;

    if (hook->body.n)
        memcpy(copy, hook->body.bytes, hook->body.n);
    if (is_form(r) && !is_compressed(r))
        outcome = parse_form(r->pool, hook, copy);
    note_call(r, hook);
    if (!outcome && !find_origin(r, &hook->origin))
        outcome = EG_MALFORMED;
    if (!outcome)
        outcome = verify(r, hook, &hash);
    eg_wipe_early(copy);
    hook->form.n = 0;
    return outcome;
}

eg_outcome eg_webhook_examine(request_rec *r, eg_webhook *hook)
{
    eg_outcome outcome = outcome_of(hook->query_status);

    eg_set_signature(r, EG_SIGNATURE_UNCHECKED);
    note_call(r, hook);
    if (!outcome && eg_body_announces_too_much(r))
        outcome = EG_TOO_LARGE;
    if (!outcome)
        outcome = read_once(r, hook);
    return outcome ? outcome : verify_copy(r, hook);
}
