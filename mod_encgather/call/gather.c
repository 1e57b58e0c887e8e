/* SPDX-License-Identifier: Apache-2.0
 * encrypted-gather: asks for each field, seals what the caller keys in, speaks the result. */
#include "call/gather.h"

#include <string.h>
#include <apr_strings.h>
#include "webhook/answer.h"
#include "call/backend.h"
#include "call/boundurl.h"
#include "call/idempotency.h"
#include "call/lockout.h"
#include "call/sentence.h"
#include "call/tokens.h"
#include "core/nameonce.h"
#include "core/parameters.h"
#include "core/secret.h"
#include "watch/counters.h"
#include "base/log.h"
#include "webhook/receive.h"

APLOG_USE_MODULE(encgather);

#define DIGITS EG_LIT(EG_DIGITS)

/* One webhook on its way through the flow. */
typedef struct {
    request_rec *r;
    eg_webhook *hook;
    const eg_fields *fields;
    unsigned step; /* fields->n: the last one */
    unsigned attempt;
    const eg_provider *provider;
    eg_span call;                  /* the call's id, p NULL where there is no good one */
    eg_span tokens[EG_FIELDS_MAX]; /* carried by the URL; the new one joins them */
} gather;

/* --- names, step, tokens ----------------------------------------------------------------------- */

static bool is_in_both(const eg_webhook *hook)
{
    for (apr_size_t i = 0; i < hook->query.n; i++)
        if (eg_params_find(&hook->form, hook->query.at[i].name))
            return true;
    return false;
}

static eg_span speech_of(const gather *g)
{
    return eg_span_of(g->provider->dialect->speech);
}

static bool any_doubled(const gather *g)
{
    eg_names_once names; /* most of it is never looked at */

    eg_names_begin(&names);
    eg_names_add(&names, EG_LIT("step"));
    eg_names_add(&names, EG_LIT("attempt"));
    eg_names_add(&names, DIGITS);
    eg_names_add(&names, speech_of(g));
    for (unsigned i = 0; i < g->fields->n; i++)
        eg_names_add(&names, eg_span_of(g->fields->at[i].name));
    return eg_names_any_twice(&names, &g->hook->query) ||
           eg_names_any_twice(&names, &g->hook->form);
}

/* What is said twice, or by URL and body both, could be read in two ways: it is not read. */
static bool names_are_clear(const gather *g)
{
    if (eg_params_find(&g->hook->query, DIGITS) || eg_params_find(&g->hook->query, speech_of(g)))
        return false;
    return !is_in_both(g->hook) && !any_doubled(g);
}

static eg_span query_value(const gather *g, const char *name)
{
    const eg_param *param = eg_params_find(&g->hook->query, eg_span_of(name));

    return param ? param->value : (eg_span){NULL, 0};
}

/* At step k the answer to field k-1 arrives, and the URL carries the tokens of those before. */
static eg_status read_tokens(gather *g)
{
    for (unsigned i = 0; i + 1 < g->step; i++) {
        g->tokens[i] = query_value(g, g->fields->at[i].name);
        if (!g->tokens[i].p || !eg_tokens_carry(g->r, g->call, &g->fields->at[i], g->tokens[i]))
            return EG_EMALFORMED;
    }
    return EG_OK;
}

static bool is_last_step(const gather *g)
{
    return g->step == g->fields->n;
}

static bool lacks_call(const gather *g)
{
    bool token = g->step > 0 && eg_tokens_bind(g->r);
    bool count = is_last_step(g) && eg_lock_counts(g->r, g->hook);

    if (g->call.p || !(token || count || eg_bound_is_needed(g->r)))
        return false;
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, g->r,
                  EG_TAG("0407") "refused, a token or a sig has to be made for this call, or a "
                                 "failure of it counted, and the request has no call id, one that "
                                 "is none, or two");
    eg_note_failure(g->r, EG_CAUSE_REQUEST, 407,
                    "the request has no call id, one that is none, or two");
    return true;
}

static eg_status read_url(gather *g)
{
    eg_status status = EG_EMALFORMED;

    if (names_are_clear(g))
        status = eg_flow_step(g->fields, query_value(g, "step"), &g->step);
    if (status == EG_OK)
        status = eg_flow_attempt(query_value(g, "attempt"), &g->attempt);
    if (status == EG_OK && lacks_call(g))
        status = EG_EMALFORMED;
    return status == EG_OK ? read_tokens(g) : status;
}

/* --- answers ----------------------------------------------------------------------------------- */

static const char *action_origin(const gather *g)
{
    const eg_public_url *url = eg_config_of(g->r)->public_url;
    const eg_origin *origin = &g->hook->origin;

    if (url)
        return url->text;
    return apr_psprintf(g->r->pool, "%.*s://%.*s%s%.*s", (int)origin->scheme.n, origin->scheme.p,
                        (int)origin->host.n, origin->host.p, origin->port.n ? ":" : "",
                        (int)origin->port.n, origin->port.p);
}

static eg_span action_path(const gather *g)
{
    const eg_span target = g->hook->target;
    const char *query = memchr(target.p, '?', target.n);

    return (eg_span){target.p, query ? (apr_size_t)(query - target.p) : target.n};
}

static int answer_no_crypto(const gather *g)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, g->r,
                  EG_TAG("0401") "call %s: answered 500, the answer could not be encrypted: no "
                                 "random bytes, or OpenSSL failed",
                  eg_call_of(g->r));
    eg_note_failure(g->r, EG_CAUSE_CRYPTO, 401,
                    "the answer could not be encrypted: no random bytes, or OpenSSL failed");
    return eg_answer_error(g->r, EG_MISCONFIGURED);
}

static int ask_field(const gather *g, unsigned field, unsigned attempt)
{
    eg_question question = {.dialect = g->provider->dialect,
                            .origin = eg_span_of(action_origin(g)),
                            .path = action_path(g),
                            .fields = g->fields,
                            .field = field,
                            .tokens = g->tokens,
                            .attempt = attempt,
                            .voice = eg_config_voice(eg_config_of(g->r))};
    eg_twiml out;

    if (attempt > 1 && eg_config_say(eg_config_of(g->r), EG_SAY_AGAIN))
        question.complaint = eg_sentence(g->r, EG_SAY_AGAIN, NULL);
    if (!g->provider->signs_url && eg_bound_sign(g->r, g->call, &question) != EG_OK)
        return answer_no_crypto(g);
    eg_twiml_begin(&out, g->r->pool);
    eg_flow_ask(&out, &question);
    return eg_answer_twiml(g->r, &out, attempt > 1 ? EG_ASKED_AGAIN : EG_ASKED);
}

/* --- the lock ---------------------------------------------------------------------------------- */

/* answer: of the last field; p NULL where it is not known. */
static eg_lock find_lock(const gather *g, eg_span answer)
{
    const eg_lock_request of = {.r = g->r,
                                .hook = g->hook,
                                .call = g->call,
                                .tokens = g->tokens,
                                .answer = answer,
                                .is_last = is_last_step(g)};

    return eg_lock_find(&of);
}

static eg_outcome look_at_lock(const gather *g)
{
    eg_lock lock = find_lock(g, (eg_span){NULL, 0});

    return eg_lock_look(&lock);
}

static int answer_lock(const gather *g, eg_outcome outcome)
{
    return eg_answer_event(g->r, outcome == EG_LOCKED_OUT ? EG_SAY_LOCKED : EG_SAY_UNAVAILABLE,
                           NULL, outcome);
}

/* Wherever the first question would be asked. */
static int ask_first(const gather *g, unsigned attempt)
{
    eg_outcome outcome = look_at_lock(g);

    return outcome ? answer_lock(g, outcome) : ask_field(g, 0, attempt);
}

static int ask_again(const gather *g)
{
    eg_outcome outcome = is_last_step(g) ? look_at_lock(g) : EG_GOING_ON;

    if (outcome)
        return answer_lock(g, outcome);
    if (g->attempt >= eg_config_attempts(eg_config_of(g->r)))
        return eg_answer_event(g->r, EG_SAY_INVALID, NULL, EG_INVALID);
    if (g->step == 1 && !is_last_step(g))
        return ask_first(g, g->attempt + 1);
    return ask_field(g, g->step - 1, g->attempt + 1);
}

/* --- the last step ----------------------------------------------------------------------------- */

static void add_parameter(const gather *g, eg_json *json, const char *name)
{
    eg_span value = eg_webhook_get(g->hook, eg_span_of(name));

    if (value.p && eg_json_set(json, name, value) != EG_OK)
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, g->r,
                      EG_TAG("0503") "call %s: %s is not forwarded, it is not UTF-8",
                      eg_call_of(g->r), name);
}

static bool is_field(const gather *g, const char *name)
{
    for (unsigned i = 0; i < g->fields->n; i++)
        if (strcmp(g->fields->at[i].name, name) == 0)
            return true;
    return false;
}

/* A parameter named like a field does not replace its token. */
static void add_forwarded(const gather *g, eg_json *json)
{
    const apr_array_header_t *names = eg_config_of(g->r)->forward;

    for (int i = 0; names && i < names->nelts; i++)
        if (!is_field(g, APR_ARRAY_IDX(names, i, const char *)))
            add_parameter(g, json, APR_ARRAY_IDX(names, i, const char *));
}

static eg_status add_tokens(const gather *g, eg_json *json, bool secret_too)
{
    eg_status status = EG_OK;

    for (unsigned i = 0; i < g->fields->n && status == EG_OK; i++)
        if (secret_too || !eg_field_is_secret(g->fields, i))
            status = eg_json_set(json, g->fields->at[i].name, g->tokens[i]);
    return status;
}

static eg_json *backend_body(const gather *g)
{
    eg_json *json = eg_json_new(g->r->pool);

    if (add_tokens(g, json, true) != EG_OK)
        return NULL;
    add_forwarded(g, json);
    return json;
}

static bool has_secret_field(const gather *g)
{
    for (unsigned i = 0; i < g->fields->n; i++)
        if (eg_field_is_secret(g->fields, i))
            return true;
    return false;
}

/* Ciphertext with which the operator finds what failed. But whoever has a log and, some day, the key
 * has what is in it: the tokens of secret fields are left out, and it is said that they are. */
static const char *sent_tokens(const gather *g, const eg_json *body)
{
    eg_json *json = body ? eg_json_new(g->r->pool) : NULL;
    bool written = json && add_tokens(g, json, false) == EG_OK;
    const char *text = written ? eg_json_dump(json, g->r->pool) : NULL;

    if (!text)
        return "nothing";
    return has_secret_field(g) ? apr_pstrcat(g->r->pool, text, " and fields that are secret", NULL)
                               : text;
}

/* As EncGatherBackend has it, without a query: there may be a password in it. */
static const char *backend_name(const gather *g)
{
    const eg_backend *backend = eg_config_of(g->r)->backend;
    const char *name = backend->url ? backend->url : backend->path;

    return apr_pstrmemdup(g->r->pool, name, strcspn(name, "?"));
}

static int answer_unavailable(const gather *g, eg_cause cause, const char *reason,
                              const eg_json *body)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, g->r,
                  EG_TAG("0501") "call %s: the backend %s is unavailable: %s; it was sent %s",
                  eg_call_of(g->r), backend_name(g), reason, sent_tokens(g, body));
    eg_note_failure(g->r, cause, 501,
                    apr_pstrcat(g->r->pool, "the backend ", backend_name(g), ": ", reason, NULL));
    return eg_answer_event(g->r, EG_SAY_UNAVAILABLE, NULL, EG_UNAVAILABLE);
}

static void warn_of_path(const gather *g)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, g->r,
                  EG_TAG("0502") "call %s: the backend %s answered 404 and no JSON object: is the "
                                 "path of EncGatherBackend right? The caller hears that there is "
                                 "no such account",
                  eg_call_of(g->r), backend_name(g));
}

static int answer_reply(const gather *g, const eg_reply *reply, const eg_json *body)
{
    bool found = reply->outcome == EG_FOUND;
    const eg_json *json = reply->json ? reply->json : eg_json_new(g->r->pool);
    int answer;

    if (found && reply->twiml.p)
        return eg_answer_whole_twiml(g->r, reply->twiml, EG_FOUND);
    if (!found && !reply->json)
        warn_of_path(g);
    answer = eg_answer_event(g->r, found ? EG_SAY_FOUND : EG_SAY_NOT_FOUND, json, reply->outcome);
    if (answer != EG_HAS_A_HOLE)
        return answer;
    return answer_unavailable(g, EG_CAUSE_BACKEND_ANSWER,
                              eg_hole_of(g->r, found ? EG_SAY_FOUND : EG_SAY_NOT_FOUND, json),
                              body);
}

static int call_backend(const gather *g, eg_json *body, const char *key, eg_lock *lock)
{
    eg_outcome outcome;
    eg_reply reply;

    if (!body)
        return answer_unavailable(g, EG_CAUSE_CRYPTO, "the request could not be written", NULL);
    outcome = eg_lock_note(lock, key);
    if (outcome)
        return answer_lock(g, outcome);
    reply = eg_backend_call(g->r, body, key);
    eg_lock_settle(lock, reply.outcome);
    if (reply.outcome == EG_UNAVAILABLE)
        return answer_unavailable(g, reply.cause, reply.reason, body);
    return answer_reply(g, &reply, body);
}

/* --- the handler ------------------------------------------------------------------------------- */

/* What the caller keyed in, or said, if it is what the field asks for; else p is NULL. */
static eg_span find_answer(const gather *g)
{
    const eg_field *field = &g->fields->at[g->step - 1];
    const eg_param *digits = eg_params_find(&g->hook->form, DIGITS);
    const eg_param *speech = eg_params_find(&g->hook->form, speech_of(g));

    if (digits && digits->value.n)
        return eg_field_accepts(field, digits->value) ? digits->value : (eg_span){NULL, 0};
    if (speech && eg_field_accepts_speech(field, speech->value))
        return speech->value;
    return (eg_span){NULL, 0};
}

/* The digits leave the body buffer here, as ciphertext or not at all. */
static int take_answer(gather *g)
{
    eg_span answer = find_answer(g);
    bool last = is_last_step(g);
    const char *key;
    eg_json *body;
    eg_status status;
    eg_lock lock;

    if (!answer.p)
        return ask_again(g);
    lock = last ? find_lock(g, answer) : (eg_lock){.r = g->r};
    key = last ? eg_idempotency_of(g->r, g->hook, answer) : NULL;
    status = last && !key ? EG_ECRYPTO
                          : eg_tokens_seal(g->r, g->call, &g->fields->at[g->step - 1], answer,
                                           &g->tokens[g->step - 1]);
    body = last && status == EG_OK ? backend_body(g) : NULL;
    eg_webhook_wipe(g->hook);
    if (status != EG_OK)
        return answer_no_crypto(g);
    return last ? call_backend(g, body, key, &lock) : ask_field(g, g->step, 1);
}

/* URLs are signed when the form, in which the id stands, is wiped already. */
static eg_span keep_call(apr_pool_t *pool, eg_span call)
{
    return (eg_span){call.p ? apr_pstrmemdup(pool, call.p, call.n) : NULL, call.n};
}

/* Where nothing here is bound to a call nobody asks for its id. */
static eg_span find_call(const request_rec *r, const eg_webhook *hook)
{
    const eg_config *config = eg_config_of(r);

    if (eg_config_provider(config)->signs_url && !eg_tokens_may_bind(r) &&
        !eg_config_lockout(config))
        return (eg_span){NULL, 0};
    return eg_webhook_call(hook, config);
}

static int run_step(request_rec *r, eg_webhook *hook)
{
    gather g = {.r = r,
                .hook = hook,
                .fields = eg_config_fields(eg_config_of(r)),
                .provider = eg_config_provider(eg_config_of(r)),
                .call = find_call(r, hook)};
    eg_outcome outcome = EG_GOING_ON;

    if (!g.provider->signs_url) {
        g.call = keep_call(r->pool, g.call);
        outcome = eg_bound_check(r, hook, g.call);
    }
    if (outcome != EG_GOING_ON)
        return eg_answer_error(r, outcome);
    if (read_url(&g) != EG_OK)
        return eg_answer_error(r, EG_MALFORMED);
    return g.step == 0 ? ask_first(&g, 1) : take_answer(&g);
}

static int serve_gather(request_rec *r)
{
    static const eg_intake intake = {.get = true, .signature = true};
    eg_webhook *hook = eg_webhook_of(r);
    eg_outcome outcome = eg_receive(r, &intake, hook);
    int answer = outcome == EG_GOING_ON ? run_step(r, hook) : eg_answer_error(r, outcome);

    eg_webhook_wipe(hook);
    return answer == EG_HAS_A_HOLE ? eg_answer_error(r, EG_UNAVAILABLE) : answer;
}

int eg_gather_handler(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, EG_GATHER_HANDLER) != 0)
        return DECLINED;
    if (r->main)
        return HTTP_NOT_FOUND; /* no SSI, no chain of gathers */
    if (!eg_config_of(r)->backend)
        return eg_refuse_disabled(r, EG_GATHER_HANDLER, "EncGatherBackend");
    eg_count_begin(r, EG_AT_GATHER);
    return serve_gather(r);
}
