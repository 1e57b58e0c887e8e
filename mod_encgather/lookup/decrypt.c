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
#include "lookup/lookup.h"
#include "webhook/receive.h"

APLOG_USE_MODULE(encgather);

static bool body_has(const eg_webhook *hook, eg_span name)
{
    return hook->json ? eg_json_has(hook->json, name) : eg_params_find(&hook->form, name) != NULL;
}

/* A field that occurs twice, or a name in both URL and body, would let two readers see two values.
 * (A member that is there twice was refused with the JSON.) */
static bool fields_are_clear(const eg_webhook *hook, const eg_lookup *lookup)
{
    for (int i = 0; i < lookup->fields->nelts; i++) {
        eg_span name = eg_span_of(APR_ARRAY_IDX(lookup->fields, i, const char *));

        if (eg_params_count(&hook->form, name) > 1)
            return false;
    }
    for (apr_size_t i = 0; i < hook->query.n; i++)
        if (body_has(hook, hook->query.at[i].name))
            return false;
    return true;
}

static eg_status find_field(const eg_webhook *hook, const char *name, eg_span *token)
{
    const eg_param *param;

    if (hook->json)
        return eg_json_string(hook->json, name, token);
    param = eg_params_find(&hook->form, eg_span_of(name));
    if (!param)
        return EG_EMISSING;
    *token = param->value;
    return EG_OK;
}

/* All fields have to be there before the first is opened: which tokens are good is not told to
 * somebody who sends half of them. */
static eg_status find_fields(const eg_webhook *hook, const eg_lookup *lookup, eg_span *tokens)
{
    for (int i = 0; i < lookup->fields->nelts; i++) {
        eg_status status =
            find_field(hook, APR_ARRAY_IDX(lookup->fields, i, const char *), &tokens[i]);

        if (status != EG_OK)
            return status;
    }
    return EG_OK;
}

static eg_status open_field(request_rec *r, eg_span token, eg_span *plain)
{
    const eg_store_entry *keys = eg_config_of(r)->keys;
    apr_size_t which;
    eg_status status = eg_token_open(eg_the_crypto(), keys->keys, token, r->pool, plain, &which);

    if (status != EG_OK)
        return status;
    eg_count_open(keys->uses[which]);
    /* a database would take the front part of it */
    return memchr(plain->p, '\0', plain->n) ? EG_EMALFORMED : EG_OK;
}

static eg_outcome refuse_field(request_rec *r, eg_status status)
{
    if (status == EG_ETOKEN || status == EG_EMALFORMED) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, EG_TAG("0402") "call %s: %s", eg_call_of(r),
                      status == EG_ETOKEN
                          ? "a token is not authentic: changed on its way, or sealed under a key "
                            "that is not in EncGatherKeyFile"
                          : "what an authentic token holds has a NUL in it, which no caller keys "
                            "in: somebody else who has the key sealed it");
        return EG_BAD_TOKEN;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  EG_TAG("0404") "call %s: answered 500, a token could not be opened: OpenSSL "
                                 "failed, or there is no memory",
                  eg_call_of(r));
    return EG_MISCONFIGURED;
}

static eg_outcome open_fields(request_rec *r, const eg_span *tokens, int n, eg_span *plain)
{
    for (int i = 0; i < n; i++) {
        eg_status status = open_field(r, tokens[i], &plain[i]);

        if (status != EG_OK)
            return refuse_field(r, status);
    }
    return EG_GOING_ON;
}

/* As it is where we were called in process, and *json stays NULL; else as text in *json. */
static eg_outcome give_row(request_rec *r, eg_json *row, const char **json)
{
    if (eg_exchange_hand_back(r, row))
        return EG_FOUND;
    *json = eg_json_dump(row, r->pool);
    return *json ? EG_FOUND : eg_lookup_unavailable(r, "no memory for the answer");
}

static int look_up(request_rec *r, const eg_span *plain)
{
    eg_json *row = NULL;
    const char *json = NULL;
    eg_outcome outcome = eg_lookup_run(r, plain, &row);

    if (outcome == EG_FOUND)
        outcome = give_row(r, row, &json);
    eg_count_lookup(r, outcome);
    if (outcome != EG_FOUND)
        return eg_answer_error(r, outcome);
    return json ? eg_answer_json(r, json, EG_FOUND) : eg_answer_in_process(r, EG_FOUND);
}

static int open_and_look_up(request_rec *r, const eg_webhook *hook)
{
    const eg_lookup *lookup = eg_config_of(r)->lookup;
    apr_size_t n = (apr_size_t)lookup->fields->nelts;
    eg_span *tokens = apr_palloc(r->pool, n * sizeof *tokens);
    eg_span *plain = apr_palloc(r->pool, n * sizeof *plain);
    eg_outcome outcome;

    if (!fields_are_clear(hook, lookup) || find_fields(hook, lookup, tokens) != EG_OK)
        return eg_answer_error(r, EG_MALFORMED);
    outcome = open_fields(r, tokens, (int)n, plain);
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

/* The answer is somebody's account: who asks must be this module, unless the administrator wants
 * others too and says who. */
static bool may_come(request_rec *r)
{
    return eg_is_backend_call(r) || eg_config_of(r)->expose == 1;
}

static int turn_away(request_rec *r)
{
    eg_set_signature(r, EG_SIGNATURE_UNCHECKED);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  EG_TAG("0210") "a request from outside is refused: this location answers the "
                                 "module's own backend call alone (EncGatherExpose is off)");
    return eg_answer_error(r, EG_FORBIDDEN);
}

int eg_decrypt_handler(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, EG_DECRYPT_HANDLER) != 0)
        return DECLINED;
    if (r->main && !eg_is_backend_call(r))
        return HTTP_NOT_FOUND;
    if (!eg_config_of(r)->lookup)
        return eg_answer_error(r, EG_DISABLED);
    eg_count_begin(r, EG_AT_DECRYPT);
    return may_come(r) ? serve_decrypt(r) : turn_away(r);
}
