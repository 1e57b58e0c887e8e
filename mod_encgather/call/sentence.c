/* SPDX-License-Identifier: Apache-2.0
 * What the caller hears at an event, and what follows it. */
#include "call/sentence.h"

#include <string.h>
#include <apr_strings.h>
#include "webhook/answer.h"

static const char *const default_sentences[EG_SAY_EVENTS] = {
    [EG_SAY_FOUND] = ("Thank you. Your account number is %{account} and your balance is "
                      "%{balance}. Goodbye."),
    [EG_SAY_NOT_FOUND] = "We could not find an account for what you keyed in. Goodbye.",
    [EG_SAY_UNAVAILABLE] = "We cannot look up your account right now. Please call again later.",
    [EG_SAY_INVALID] = "Sorry, that was not what we asked for. Goodbye.",
    [EG_SAY_LOCKED] = "We cannot help you on the phone right now. Please call again later.",
};

/* The same, taken apart; parts NULL: there is none. */
static eg_say default_templates[EG_SAY_EVENTS];

void eg_sentences_prepare(apr_pool_t *pconf)
{
    for (unsigned i = 0; i < EG_SAY_EVENTS; i++)
        if (!default_sentences[i] ||
            eg_say_parse(pconf, default_sentences[i], &default_templates[i]) != EG_OK)
            default_templates[i].parts = NULL;
}

const eg_say *eg_sentence_template(const eg_config *config, eg_event event)
{
    const eg_say *configured = eg_config_say(config, event);

    if (!configured && default_templates[event].parts)
        return &default_templates[event];
    return configured;
}

const char *eg_sentence(request_rec *r, eg_event event, const eg_json *json)
{
    const eg_say *say = eg_sentence_template(eg_config_of(r), event);

    return say ? eg_say_expand(r->pool, say, eg_json_text, json) : NULL;
}

static const eg_dialect *dialect_of(const request_rec *r)
{
    return eg_config_provider(eg_config_of(r))->dialect;
}

/* What the placeholders of "redirect=" are filled from. */
typedef struct {
    const char *event;
    const eg_json *json;
} then_source;

static const char *then_member(const void *from, const char *name, apr_pool_t *pool)
{
    const then_source *source = from;
    const char *text = strcmp(name, "outcome") == 0 ? source->event : NULL;

    if (!text && source->json)
        text = eg_json_text(source->json, name, pool);
    return text ? ap_escape_urlencoded(pool, text) : NULL;
}

/* What follows the sentence; false when a placeholder has no value. */
static bool write_then(request_rec *r, eg_twiml *out, eg_event event, const eg_json *json)
{
    const eg_then *then = eg_config_then(eg_config_of(r), event);
    then_source source = {eg_event_words[event], json};
    const char *target;

    if (!then || then->kind == EG_THEN_HANGUP) {
        eg_twiml_raw(out, then ? EG_LIT("<Hangup/>") : (eg_span){"", 0});
        return true;
    }
    target = eg_say_expand(r->pool, &then->target, then_member, &source);
    if (!target)
        return false;
    if (then->kind == EG_THEN_DIAL)
        eg_flow_dial(out, dialect_of(r), eg_span_of(target));
    else
        eg_flow_redirect(out, eg_span_of(target));
    return true;
}

#define TWIML_MAX (65536 - sizeof "</Response>") /* Twilio takes 64 kB (error 11750) */

int eg_answer_event(request_rec *r, eg_event event, const eg_json *json, eg_outcome outcome)
{
    eg_voice voice = eg_config_voice(eg_config_of(r));
    const char *text = eg_sentence(r, event, json);
    eg_twiml out;

    if (!text)
        return EG_HAS_A_HOLE;
    eg_twiml_begin(&out, r->pool);
    eg_flow_say(&out, dialect_of(r), &voice, eg_span_of(text));
    if (!write_then(r, &out, event, json) || out.n > TWIML_MAX)
        return EG_HAS_A_HOLE;
    return eg_answer_twiml(r, &out, outcome);
}

/* --- what is missing --------------------------------------------------------------------------- */

static const char *describe_hole(request_rec *r, const eg_json *json, const char *name,
                                 const char *who)
{
    const char *what = eg_json_unsayable(json, name);

    if (!what)
        return apr_psprintf(r->pool, "its answer has no member '%s', which %s needs", name, who);
    return apr_psprintf(r->pool, "its answer has a member '%s', which %s needs, but it is %s", name,
                        who, what);
}

const char *eg_hole_of(request_rec *r, eg_event event, const eg_json *json)
{
    const eg_then *then = eg_config_then(eg_config_of(r), event);
    then_source source = {eg_event_words[event], json};
    bool is_own = eg_config_say(eg_config_of(r), event) != NULL;
    const eg_say *say = eg_sentence_template(eg_config_of(r), event);
    const char *name = say ? eg_say_hole(r->pool, say, eg_json_text, json) : NULL;

    if (name)
        return describe_hole(r, json, name,
                             apr_pstrcat(r->pool,
                                         is_own ? "EncGatherSay " : "the default sentence of ",
                                         source.event, NULL));
    if (then && then->target.parts)
        name = eg_say_hole(r->pool, &then->target, then_member, &source);
    if (name)
        return describe_hole(r, json, name,
                             apr_pstrcat(r->pool, "EncGatherThen ", source.event, NULL));
    return "what the sentence makes of its answer is larger than the 64 KiB that Twilio takes";
}
