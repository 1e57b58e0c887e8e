/* SPDX-License-Identifier: Apache-2.0
 * Opens the tokens of a request: all of one call, each of its field. */
#include "lookup/opening.h"

#include <string.h>
#include <apr_strings.h>
#include "core/parameters.h"
#include "watch/counters.h"
#include "watch/record.h"

APLOG_USE_MODULE(encgather);

/* --- the call ---------------------------------------------------------------------------------- */

/* False: it is there and cannot be an id. */
static bool read_call_id(const eg_webhook *hook, const char *name, eg_span *call)
{
    const eg_param *param = eg_params_find(&hook->form, eg_span_of(name));

    *call = (eg_span){NULL, 0};
    if (hook->json)
        return !eg_json_has(hook->json, eg_span_of(name)) ||
               eg_json_string(hook->json, name, call) == EG_OK;
    if (param)
        *call = param->value;
    return eg_params_count(&hook->form, eg_span_of(name)) <= 1;
}

/* Two ids that differ are those of no token: none says a NUL, but one may say an empty string. */
void eg_unsealing_of_call(eg_unsealing *all, eg_span sid, eg_span uuid)
{
    all->call = sid.p ? sid : uuid;
    if (sid.p && uuid.p && !eg_span_eq(sid, uuid))
        all->call = (eg_span){"", 1};
    else if (all->call.p)
        eg_set_call(all->r, all->call);
}

static bool read_call(const eg_webhook *hook, eg_unsealing *all)
{
    eg_span sid, uuid;

    if (!read_call_id(hook, EG_CALL_SID, &sid) || !read_call_id(hook, EG_CALL_UUID, &uuid))
        return false;
    eg_unsealing_of_call(all, sid, uuid);
    return true;
}

eg_outcome eg_unsealing_refuse_call(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  EG_TAG("0408") "refused, CallSid or CallUUID is no string, or is there twice");
    eg_note_failure(r, EG_CAUSE_REQUEST, 408,
                    "CallSid or CallUUID is no string, or is there twice");
    return EG_MALFORMED;
}

/* --- what it takes ----------------------------------------------------------------------------- */

static const eg_envelope_keys *list_privates(request_rec *r, const eg_envelope_list *list)
{
    eg_envelope_keys *keys;
    const eg_envelope_key **at;

    if (!list || !list->n)
        return NULL;
    keys = apr_palloc(r->pool, sizeof *keys);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    keys->at = at = apr_palloc(r->pool, list->n * sizeof *at);
    keys->n = list->n;
    for (unsigned i = 0; i < list->n; i++)
        at[i] = list->at[i]->key;
    return keys;
}

void eg_unsealing_prepare(request_rec *r, const eg_config *config, eg_unsealing *all)
{
    *all =
        (eg_unsealing){.r = r, .config = config, .with.formats = eg_config_formats(config).reads};
    all->with.ring = config->keys ? config->keys->keys : NULL;
    all->with.privates = list_privates(r, config->privates);
    eg_uses_begin(r, config, &all->uses);
}

bool eg_unsealing_binds(const eg_unsealing *all)
{
    return all->with.formats != EG_READS(EG_HEX);
}

eg_outcome eg_unsealing_begin(request_rec *r, const eg_config *config, const eg_webhook *hook,
                              eg_unsealing *all)
{
    eg_unsealing_prepare(r, config, all);
    if (!eg_unsealing_binds(all) || read_call(hook, all))
        return EG_GOING_ON;
    return eg_unsealing_refuse_call(r);
}

/* --- one token --------------------------------------------------------------------------------- */

static const char *fault_of_rule(eg_token_rule rule)
{
    static const char *const faults[] = {
        [EG_RULE_FORM] = "is no token: it was not sealed, or cut on its way",
        [EG_RULE_FORMAT] =
            "is of a format that is not read here: EncGatherTokenFormat says which "
            "are; where it is not set, a private key means jwe, a key file alone hex",
        [EG_RULE_KEY] = "was sealed to a key that is not here, or not in the way of that key: its "
                        "kid (encgather inspect shows it) has to be that of an "
                        "EncGatherPrivateKeyFile, or an id in EncGatherKeyFile",
        [EG_RULE_TAG] = "is not authentic: changed on its way, or sealed under another key: "
                        "EncGatherKeyFile has to be that of encrypted-gather, or "
                        "EncGatherPrivateKeyFile the other half of its EncGatherRecipient",
        [EG_RULE_FIELD] = "was sealed for another field",
        [EG_RULE_CALL] = "was sealed in another call",
        [EG_RULE_AGE] = "is too old (EncGatherTokenTTL), or from the future: are the clocks right?",
        [EG_RULE_USED] = "was used before, or there may have been no room to remember whether it "
                         "was",
    };

    return faults[rule];
}

static eg_outcome refuse_token(request_rec *r, const char *field, const char *fault, eg_cause cause)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  EG_TAG("0402") "call %s: the token of the field '%s' %s", eg_call_of(r), field,
                  fault);
    eg_note_failure(r, cause, 402,
                    apr_psprintf(r->pool, "the token of the field '%s' %s", field, fault));
    return EG_BAD_TOKEN;
}

static eg_outcome refuse_by_rule(request_rec *r, const char *field, eg_token_rule rule)
{
    return refuse_token(
        r, field,
        apr_psprintf(r->pool, "%s (rule: %s)", fault_of_rule(rule), eg_token_rule_name(rule)),
        eg_cause_of_rule(rule));
}

eg_outcome eg_unseal_refuse(const eg_unsealing *all, const char *field, const char *fault)
{
    return refuse_token(all->r, field, fault, EG_CAUSE_TOKEN);
}

/* A database would take the front part of it. */
static eg_outcome refuse_nul(request_rec *r, const char *field)
{
    return refuse_token(r, field,
                        "is authentic and has a NUL in it, which no caller keys in: somebody else "
                        "who has the key sealed it",
                        EG_CAUSE_TOKEN);
}

static eg_outcome answer_failure(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  EG_TAG("0404") "call %s: answered 500, a token could not be opened: OpenSSL "
                                 "failed, or there is no memory",
                  eg_call_of(r));
    eg_note_failure(r, EG_CAUSE_CRYPTO, 404,
                    "a token could not be opened: OpenSSL failed, or there is no memory");
    return EG_MISCONFIGURED;
}

static eg_status open_one_token(eg_unsealing *all, const char *field, eg_span token,
                                eg_opened_token *opened)
{
    eg_demands demands = {.sid = all->call,
                          .fld = eg_span_of(field),
                          .now = apr_time_sec(apr_time_now()),
                          .ttl = eg_config_token_ttl(all->config)};
    eg_status status =
        eg_token_open_bound(eg_the_crypto(), &all->with, token, &demands, all->r->pool, opened);

    if (status == EG_OK && opened->claims.sid.p)
        all->call = opened->claims.sid;
    return status;
}

/* Until one does not open; n is its place. Nobody is told or asked anything meanwhile: a key is held. */
static eg_status open_each(eg_unsealing *all, const eg_sealed_fields *list, eg_opened_token *opened,
                           unsigned *n)
{
    eg_status status = EG_OK;

    all->with.holds = true;
    for (*n = 0; *n < list->n; ++*n) {
        if (!list->tokens[*n].p)
            continue;
        status = open_one_token(all, list->fields[*n], list->tokens[*n], &opened[*n]);
        if (status != EG_OK)
            break;
        list->plain[*n] = opened[*n].plain;
    }
    return eg_gcm_let_go(eg_the_crypto()) ? status : EG_ECRYPTO;
}

static eg_outcome take_token(eg_unsealing *all, const char *field, const eg_opened_token *opened)
{
    if (opened->which != EG_NOT_OF_RING)
        eg_count_open(all->config->keys->uses[opened->which]);
    if (memchr(opened->plain.p, '\0', opened->plain.n))
        return refuse_nul(all->r, field);
    return eg_uses_add(all->r, all->config, field, opened, &all->uses);
}

eg_outcome eg_unseal(eg_unsealing *all, const eg_sealed_fields *list)
{
    eg_opened_token *opened = apr_palloc(all->r->pool, list->n * sizeof *opened);
    eg_outcome outcome = EG_GOING_ON;
    unsigned n;
    eg_status status = open_each(all, list, opened, &n);

    for (unsigned i = 0; i < n && outcome == EG_GOING_ON; i++)
        if (list->tokens[i].p)
            outcome = take_token(all, list->fields[i], &opened[i]);
    if (outcome != EG_GOING_ON || status == EG_OK)
        return outcome;
    return status == EG_ETOKEN ? refuse_by_rule(all->r, list->fields[n], opened[n].rule)
                               : answer_failure(all->r);
}

eg_outcome eg_unsealing_spend(const eg_unsealing *all)
{
    const char *fields;
    eg_outcome outcome = eg_uses_spend(all->r, &all->uses, &fields);

    return outcome == EG_BAD_TOKEN ? refuse_by_rule(all->r, fields, EG_RULE_USED) : outcome;
}
