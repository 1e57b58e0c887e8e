/* SPDX-License-Identifier: Apache-2.0
 * decrypt-gather: opens the fields, looks the caller up, answers JSON. */
#include "lookup/decrypt.h"

#include <string.h>
#include <apr_strings.h>
#include "webhook/answer.h"
#include "webhook/exchange.h"
#include "watch/counters.h"
#include "base/chain.h"
#include "config/config.h"
#include "lookup/expose.h"
#include "lookup/lookup.h"
#include "lookup/opening.h"
#include "webhook/receive.h"

APLOG_USE_MODULE(encgather);

static bool body_has(const eg_webhook *hook, eg_span name)
{
    return hook->json ? eg_json_has(hook->json, name) : eg_params_find(&hook->form, name) != NULL;
}

/* A name in both URL and body would let two readers see two values. (A member that is there twice was
 * refused with the JSON.) */
static bool is_in_query_too(const eg_webhook *hook)
{
    for (apr_size_t i = 0; i < hook->query.n; i++)
        if (body_has(hook, hook->query.at[i].name))
            return true;
    return false;
}

/* NULL, or what is wrong with it. */
static const char *find_field(const eg_webhook *hook, const char *name, eg_span *token)
{
    const eg_param *param = hook->json ? NULL : eg_params_find(&hook->form, eg_span_of(name));

    if (!body_has(hook, eg_span_of(name)))
        return "did not come: is that the name that EncGatherField has?";
    if (hook->json)
        return eg_json_string(hook->json, name, token) == EG_OK ? NULL : "is no string";
    *token = param->value;
    return eg_params_count(&hook->form, eg_span_of(name)) > 1 ? "is there twice" : NULL;
}

/* A stranger can cause this only where EncGatherExpose lets him in. */
static eg_outcome refuse_request(request_rec *r, const char *field, const char *wrong)
{
    ap_log_rerror(APLOG_MARK, eg_is_backend_call(r) ? APLOG_WARNING : APLOG_INFO, 0, r,
                  EG_TAG("0405") "call %s: EncGatherLookup asks for the field '%s', which %s",
                  eg_call_of(r), field, wrong);
    eg_note_failure(
        r, EG_CAUSE_TOKEN, 405,
        apr_psprintf(r->pool, "EncGatherLookup asks for the field '%s', which %s", field, wrong));
    return EG_MALFORMED;
}

/* All fields have to be there before the first is opened: which tokens are good is not told to
 * somebody who sends half of them. */
static eg_outcome find_fields(request_rec *r, const eg_webhook *hook, eg_span *tokens)
{
    const apr_array_header_t *fields = eg_config_of(r)->lookup->fields;

    if (is_in_query_too(hook))
        return EG_MALFORMED;
    for (int i = 0; i < fields->nelts; i++) {
        const char *name = APR_ARRAY_IDX(fields, i, const char *);
        const char *wrong = find_field(hook, name, &tokens[i]);

        if (wrong)
            return refuse_request(r, name, wrong);
    }
    return EG_GOING_ON;
}

static eg_outcome open_fields(request_rec *r, const eg_webhook *hook, const eg_span *tokens,
                              eg_span *plain)
{
    const apr_array_header_t *fields = eg_config_of(r)->lookup->fields;
    const eg_sealed_fields list = {(unsigned)fields->nelts,
                                   (const char *const *)(const void *)fields->elts, tokens, plain};
    eg_unsealing all;
    eg_outcome outcome = eg_unsealing_begin(r, eg_config_of(r), hook, &all);

    if (outcome == EG_GOING_ON)
        outcome = eg_unseal(&all, &list);
    return outcome == EG_GOING_ON ? eg_unsealing_spend(&all) : outcome;
}

/* As it is where we were called in process, else as text. */
static int give_row(request_rec *r, eg_json *row)
{
    if (eg_exchange_hand_back(r, row))
        return eg_answer_in_process(r, EG_FOUND);
    return eg_answer_json(r, eg_json_dump(row, r->pool), EG_FOUND);
}

static int look_up(request_rec *r, const eg_span *plain)
{
    eg_json *row = NULL;
    eg_outcome outcome = eg_lookup_run(r, plain, &row);

    eg_count_lookup(r, outcome);
    return outcome == EG_FOUND ? give_row(r, row) : eg_answer_error(r, outcome);
}

static int open_and_look_up(request_rec *r, const eg_webhook *hook)
{
    const eg_lookup *lookup = eg_config_of(r)->lookup;
    apr_size_t n = (apr_size_t)lookup->fields->nelts;
    eg_span *tokens = apr_palloc(r->pool, n * sizeof *tokens);
    eg_span *plain = apr_palloc(r->pool, n * sizeof *plain);
    eg_outcome outcome;

    outcome = find_fields(r, hook, tokens);
    if (outcome == EG_GOING_ON)
        outcome = open_fields(r, hook, tokens, plain);
    if (outcome != EG_GOING_ON)
        return eg_answer_error(r, outcome);
    return look_up(r, plain);
}

static int serve_decrypt(request_rec *r)
{
    static const eg_intake intake = {.json = true};
    eg_webhook *hook = eg_webhook_of(r);
    eg_json *handed = eg_exchange_handed(r);
    eg_outcome outcome =
        handed ? eg_receive_in_process(r, handed, hook) : eg_receive(r, &intake, hook);
    int answer = outcome == EG_GOING_ON ? open_and_look_up(r, hook) : eg_answer_error(r, outcome);

    eg_webhook_wipe(hook);
    return answer;
}

int eg_decrypt_handler(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, EG_DECRYPT_HANDLER) != 0)
        return DECLINED;
    if (r->main && !eg_is_backend_call(r))
        return HTTP_NOT_FOUND;
    if (!eg_config_of(r)->lookup)
        return eg_refuse_disabled(r, EG_DECRYPT_HANDLER, "EncGatherLookup");
    eg_count_begin(r, EG_AT_DECRYPT);
    return eg_expose_lets(r, eg_config_of(r)) ? serve_decrypt(r) : eg_expose_turn_away(r);
}
