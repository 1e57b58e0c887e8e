/* SPDX-License-Identifier: Apache-2.0
 * Tokens become values again, in a JSON object or in a form. */
#include "shield/disclose.h"

#include <string.h>
#include <apr_strings.h>
#include "base/chain.h"
#include "core/parameters.h"
#include "core/secret.h"
#include "lookup/opening.h"
#include "watch/record.h"
#include "webhook/receive.h"

APLOG_USE_MODULE(encgather);

/* What is known of one request. By the numbers of the list. */
typedef struct {
    eg_guarded *g;
    const eg_reveal_list *list;
    const char *fault; /* of the location */
    eg_unsealing all;
    bool has_token;
    eg_span tokens[EG_REVEALED_MAX]; /* p NULL: nothing to open, it goes on as it is */
    eg_span values[EG_REVEALED_MAX]; /* of those */
} disclosure;

/* A stranger can cause this only where EncGatherExpose lets him in. */
static eg_outcome refuse_member(const disclosure *d, const char *name, const char *wrong)
{
    request_rec *r = d->g->r;

    ap_log_rerror(APLOG_MARK, eg_is_backend_call(r) ? APLOG_WARNING : APLOG_INFO, 0, r,
                  EG_TAG("0216") "call %s: refused, EncGatherReveal has '%s', which %s",
                  eg_call_of(r), name, wrong);
    eg_note_failure(r, EG_CAUSE_TOKEN, 216,
                    apr_psprintf(r->pool, "EncGatherReveal has '%s', which %s", name, wrong));
    return EG_MALFORMED;
}

static eg_outcome refuse_body(const disclosure *d, const char *wrong)
{
    request_rec *r = d->g->r;

    ap_log_rerror(APLOG_MARK, eg_is_backend_call(r) ? APLOG_WARNING : APLOG_INFO, 0, r,
                  EG_TAG("0217") "refused, the body %s", wrong);
    eg_note_failure(r, EG_CAUSE_TOKEN, 217, apr_pstrcat(r->pool, "the body ", wrong, NULL));
    return EG_MALFORMED;
}

static eg_outcome check_fault(const disclosure *d)
{
    return d->fault ? eg_misconfigured(d->g->r, d->fault) : EG_GOING_ON;
}

/* --- opening ----------------------------------------------------------------------------------- */

static void note_token(disclosure *d, unsigned i, eg_span token)
{
    d->tokens[i] = token;
    d->has_token = true;
}

static eg_outcome open_tokens(disclosure *d)
{
    const char *fields[EG_REVEALED_MAX];
    const eg_sealed_fields list = {d->list->n, fields, d->tokens, d->values};

    for (unsigned i = 0; i < list.n; i++)
        fields[i] = d->list->at[i].fld;
    return eg_unseal(&d->all, &list);
}

static void wipe_values(const disclosure *d)
{
    for (unsigned i = 0; i < d->list->n; i++)
        if (d->values[i].p)
            eg_wipe((void *)(apr_uintptr_t)d->values[i].p, d->values[i].n);
}

/* --- JSON -------------------------------------------------------------------------------------- */

#define CALL_NAMES 2

static const eg_json_path *const *paths_of_call(void)
{
    static const eg_span names[CALL_NAMES] = {{EG_CALL_SID, sizeof EG_CALL_SID - 1},
                                              {EG_CALL_UUID, sizeof EG_CALL_UUID - 1}};
    static const eg_json_path paths[CALL_NAMES] = {{&names[0], 1}, {&names[1], 1}};
    static const eg_json_path *const all[CALL_NAMES] = {&paths[0], &paths[1]};

    return all;
}

static eg_span body_of(const disclosure *d)
{
    const eg_body *body = d->g->hook->body;

    return (eg_span){body->bytes, body->n};
}

/* Where tokens can be bound, places has two more: of what names the call. */
static eg_outcome locate_members(const disclosure *d, eg_json_place *places)
{
    const eg_json_path *paths[EG_REVEALED_MAX + CALL_NAMES];
    unsigned n = d->list->n;

    for (unsigned i = 0; i < n; i++)
        paths[i] = d->list->at[i].path;
    for (unsigned i = 0; i < CALL_NAMES && eg_unsealing_binds(&d->all); i++)
        paths[n++] = paths_of_call()[i];
    if (eg_json_locate(body_of(d), paths, n, places) == EG_OK)
        return EG_GOING_ON;
    return refuse_body(d, "is not one JSON object in UTF-8, or has a member twice that "
                          "EncGatherReveal names, or that names the call");
}

/* What the literal says; as it stands, quotes and all, where it says nothing. */
static eg_span unquoted(const disclosure *d, eg_span literal)
{
    char *out = apr_palloc(d->g->r->pool, literal.n);
    apr_size_t n;

    if (eg_json_unquote(literal, out, &n) != EG_OK)
        return literal;
    return (eg_span){out, n};
}

static eg_outcome take_members(disclosure *d, const eg_json_place *places)
{
    for (unsigned i = 0; i < d->list->n; i++) {
        if (places[i].kind == EG_JSON_OTHER)
            return refuse_member(d, d->list->at[i].name, "is no string");
        if (places[i].kind == EG_JSON_STRING && places[i].literal.n > strlen("\"\""))
            note_token(d, i, unquoted(d, places[i].literal));
    }
    return EG_GOING_ON;
}

static eg_outcome take_call(disclosure *d, const eg_json_place *places)
{
    eg_span said[CALL_NAMES] = {{NULL, 0}, {NULL, 0}};

    if (!eg_unsealing_binds(&d->all))
        return EG_GOING_ON;
    for (unsigned i = 0; i < CALL_NAMES; i++) {
        const eg_json_place *place = &places[d->list->n + i];

        if (place->kind == EG_JSON_STRING)
            said[i] = unquoted(d, place->literal);
        else if (place->kind != EG_JSON_ABSENT)
            return eg_unsealing_refuse_call(d->g->r);
    }
    eg_unsealing_of_call(&d->all, said[0], said[1]);
    eg_set_call(d->g->r, d->all.call);
    return EG_GOING_ON;
}

static eg_outcome check_text(const disclosure *d)
{
    for (unsigned i = 0; i < d->list->n; i++)
        if (d->values[i].p && !eg_is_utf8(d->values[i]))
            return eg_unseal_refuse(&d->all, d->list->at[i].fld,
                                    "is authentic, and what it says is not UTF-8, which JSON has "
                                    "no place for");
    return EG_GOING_ON;
}

static eg_outcome open_json(disclosure *d, eg_span *instead)
{
    eg_json_place places[EG_REVEALED_MAX + CALL_NAMES];
    eg_outcome outcome;

    eg_unsealing_prepare(d->g->r, d->g->policy, &d->all);
    outcome = locate_members(d, places);
    if (!outcome)
        outcome = check_fault(d);
    if (!outcome)
        outcome = take_members(d, places);
    if (!outcome)
        outcome = take_call(d, places);
    if (!outcome)
        outcome = open_tokens(d);
    if (!outcome)
        outcome = check_text(d);
    if (!outcome)
        outcome = eg_unsealing_spend(&d->all);
    if (!outcome && d->has_token)
        *instead =
            eg_json_substitute(d->g->hook->root->pool, body_of(d), places, d->values, d->list->n);
    return outcome;
}

/* --- a form ------------------------------------------------------------------------------------ */

static eg_outcome parse_parameters(const disclosure *d)
{
    eg_guarded *g = d->g;
    const eg_body *body = g->hook->body;
    eg_status status;

    g->copy = eg_wiped_alloc(g->hook->root->pool, body->n);
    memcpy(g->copy, body->bytes, body->n);
    status = eg_form_parse(g->hook->root->pool, g->copy, body->n, EG_PARAMS_MAX, &g->hook->form);
    eg_webhook_note_call(g->r, g->hook, g->policy);
    if (status == EG_OK)
        return EG_GOING_ON;
    return status == EG_ETOOMANY ? EG_TOO_LARGE : refuse_body(d, "has a broken %-escape, or a NUL");
}

/* A pointer names nothing here. */
static eg_outcome take_parameters(disclosure *d)
{
    const eg_params *form = &d->g->hook->form;

    for (unsigned i = 0; i < d->list->n; i++) {
        const eg_revealed *one = &d->list->at[i];
        eg_span name = eg_span_of(one->name);
        const eg_param *param = one->is_pointer ? NULL : eg_params_find(form, name);

        if (param && eg_params_count(form, name) > 1)
            return refuse_member(d, one->name, "is there twice");
        if (param && param->value.n)
            note_token(d, i, param->value);
    }
    return EG_GOING_ON;
}

static void escape_values(disclosure *d)
{
    for (unsigned i = 0; i < d->list->n; i++) {
        eg_span value = d->values[i];
        char *out;

        if (!value.p)
            continue;
        out = eg_wiped_alloc(d->g->hook->root->pool, 3 * value.n + 1);
        d->values[i] = (eg_span){out, eg_form_escape(value, out)};
        eg_wipe((void *)(apr_uintptr_t)value.p, value.n);
    }
}

/* Asked for each parameter. */
static eg_status give_value(void *about, const eg_param *param, eg_span *instead)
{
    const disclosure *d = about;

    for (unsigned i = 0; i < d->list->n; i++)
        if (d->values[i].p && eg_span_eq(eg_span_of(d->list->at[i].name), param->name))
            *instead = d->values[i];
    return EG_OK;
}

static eg_outcome open_form(disclosure *d, eg_span *instead)
{
    eg_guarded *g = d->g;
    eg_outcome outcome = parse_parameters(d);

    if (!outcome)
        outcome = check_fault(d);
    if (!outcome)
        outcome = take_parameters(d);
    if (!outcome)
        outcome = eg_unsealing_begin(g->r, g->policy, g->hook, &d->all);
    if (!outcome)
        outcome = open_tokens(d);
    if (!outcome)
        outcome = eg_unsealing_spend(&d->all);
    if (outcome)
        return outcome;
    escape_values(d);
    if (eg_form_substitute(g->hook->root->pool, body_of(d), &g->hook->form, give_value, d,
                           instead) != EG_OK)
        return EG_TOO_LARGE;
    return EG_GOING_ON;
}

/* --- either ------------------------------------------------------------------------------------ */

eg_outcome eg_disclose(eg_guarded *g, const char *fault)
{
    /* there is one: that is why the request is here */
    disclosure d = {.g = g, .list = g->policy->reveal, .fault = fault};
    eg_span instead = {NULL, 0};
    eg_outcome outcome =
        g->hook->media == EG_MEDIA_JSON ? open_json(&d, &instead) : open_form(&d, &instead);

    wipe_values(&d);
    eg_guarded_forget(g);
    if (outcome)
        return outcome;
    if (!d.has_token)
        return EG_PASSED;
    eg_body_become(g->hook->body, (char *)(apr_uintptr_t)instead.p, instead.n);
    return EG_REVEALED;
}
