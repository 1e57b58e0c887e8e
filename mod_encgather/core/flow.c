/* SPDX-License-Identifier: Apache-2.0
 * The fields of a call and what comes next: a table of steps, no server needed. */
#include "flow.h"

static const eg_field article_fields[] = {
    {.name = "encryptedCardDigits",
     .step = "getLast4CC",
     .min = 4,
     .max = 4,
     .timeout = 10,
     .say = "Please key in the last four digits of your card."},
    {.name = "encryptedPinDigits",
     .step = "getPin",
     .min = 4,
     .max = 4,
     .timeout = 10,
     .say = "Now please key in your four digit PIN."},
};

const eg_fields eg_default_fields = {article_fields, 2};

const char *eg_flow_step_name(const eg_fields *fields, unsigned step)
{
    return step < fields->n ? fields->at[step].step : EG_LAST_STEP;
}

eg_status eg_flow_step(const eg_fields *fields, eg_span name, unsigned *step)
{
    *step = 0;
    if (!name.p)
        return EG_OK;
    for (unsigned i = 0; i <= fields->n; i++)
        if (eg_span_eq(name, eg_span_of(eg_flow_step_name(fields, i)))) {
            *step = i;
            return EG_OK;
        }
    return EG_EMALFORMED;
}

eg_status eg_flow_attempt(eg_span text, unsigned *attempt)
{
    *attempt = 1;
    if (!text.p)
        return EG_OK;
    if (text.n < 1 || text.n > 3 || text.p[0] == '0')
        return EG_EMALFORMED;
    *attempt = 0;
    for (apr_size_t i = 0; i < text.n; i++) {
        if (!eg_is_digit(text.p[i]))
            return EG_EMALFORMED;
        *attempt = *attempt * 10 + (unsigned)(text.p[i] - '0');
    }
    return EG_OK;
}

static bool luhn_fits(eg_span digits)
{
    unsigned sum = 0;

    for (apr_size_t i = 0; i < digits.n; i++) {
        unsigned value = (unsigned)(digits.p[digits.n - 1 - i] - '0') << (i % 2);

        sum += value > 9 ? value - 9 : value;
    }
    return sum % 10 == 0;
}

bool eg_field_accepts(const eg_field *field, eg_span digits)
{
    if (field->input == EG_INPUT_SPEECH || digits.n < field->min || digits.n > field->max)
        return false;
    for (apr_size_t i = 0; i < digits.n; i++)
        if (!eg_is_digit(digits.p[i]))
            return false;
    return !field->luhn || luhn_fits(digits);
}

bool eg_field_accepts_speech(const eg_field *field, eg_span words)
{
    return field->input != EG_INPUT_DTMF && words.n > 0 && words.n <= EG_SPEECH_MAX;
}

bool eg_field_is_secret(const eg_fields *fields, unsigned i)
{
    eg_secrecy secret = fields->at[i].secret;

    return secret == EG_SECRET_BY_PLACE ? i > 0 : secret == EG_SECRET_ON;
}

/* Steps, fields and tokens need no escaping of any kind: they are checked to be of a harmless alphabet
 * where they come from. */
static void write_query(eg_twiml *out, const eg_question *q, eg_span separator)
{
    eg_twiml_raw(out, EG_LIT("step="));
    eg_twiml_raw(out, eg_span_of(eg_flow_step_name(q->fields, q->field + 1)));
    for (unsigned i = 0; i < q->field; i++) {
        eg_twiml_raw(out, separator);
        eg_twiml_raw(out, eg_span_of(q->fields->at[i].name));
        eg_twiml_raw(out, EG_LIT("="));
        eg_twiml_raw(out, q->tokens[i]);
    }
    if (q->attempt > 1) {
        eg_twiml_raw(out, separator);
        eg_twiml_raw(out, EG_LIT("attempt="));
        eg_twiml_number(out, q->attempt);
    }
}

eg_span eg_flow_query(apr_pool_t *pool, const eg_question *question)
{
    eg_twiml out;

    eg_twiml_begin(&out, pool);
    out.n = 0; /* no document */
    write_query(&out, question, EG_LIT("&"));
    return (eg_span){out.bytes, out.n};
}

/* "https://host/path?step=next&a=TOKEN&attempt=2&sig=..." */
static void write_action(eg_twiml *out, const eg_question *q)
{
    eg_twiml_attribute_part(out, q->origin);
    eg_twiml_attribute_part(out, q->path);
    eg_twiml_raw(out, EG_LIT("?"));
    write_query(out, q, EG_LIT("&amp;"));
    if (q->sig.n) {
        eg_twiml_raw(out, EG_LIT("&amp;sig="));
        eg_twiml_raw(out, q->sig);
    }
}

static void write_voice(eg_twiml *out, const char *voice, const char *language)
{
    if (voice)
        eg_twiml_attribute(out, "voice", eg_span_of(voice));
    if (language)
        eg_twiml_attribute(out, "language", eg_span_of(language));
}

static void open_tag(eg_twiml *out, const char *element)
{
    eg_twiml_raw(out, EG_LIT("<"));
    eg_twiml_raw(out, eg_span_of(element));
}

static void close_tag(eg_twiml *out, const char *element)
{
    eg_twiml_raw(out, EG_LIT("</"));
    eg_twiml_raw(out, eg_span_of(element));
    eg_twiml_raw(out, EG_LIT(">"));
}

void eg_flow_say(eg_twiml *out, const eg_dialect *dialect, const eg_voice *voice, eg_span text)
{
    open_tag(out, dialect->say);
    write_voice(out, voice->voice, voice->language);
    eg_twiml_raw(out, EG_LIT(">"));
    eg_twiml_text(out, text);
    close_tag(out, dialect->say);
}

void eg_flow_redirect(eg_twiml *out, eg_span url)
{
    eg_twiml_raw(out, EG_LIT("<Redirect method=\"POST\">"));
    eg_twiml_text(out, url);
    eg_twiml_raw(out, EG_LIT("</Redirect>"));
}

void eg_flow_dial(eg_twiml *out, const eg_dialect *dialect, eg_span number)
{
    eg_twiml_raw(out, dialect->dials_nouns ? EG_LIT("<Dial><Number>") : EG_LIT("<Dial>"));
    eg_twiml_text(out, number);
    eg_twiml_raw(out, dialect->dials_nouns ? EG_LIT("</Number></Dial>") : EG_LIT("</Dial>"));
}

static void write_prompt(eg_twiml *out, const eg_question *q)
{
    const eg_field *field = &q->fields->at[q->field];
    eg_voice voice = {field->voice ? field->voice : q->voice.voice,
                      field->language ? field->language : q->voice.language};

    if (q->complaint)
        eg_flow_say(out, q->dialect, &voice, eg_span_of(q->complaint));
    if (field->play) {
        eg_twiml_raw(out, EG_LIT("<Play>"));
        eg_twiml_text(out, eg_span_of(field->play));
        eg_twiml_raw(out, EG_LIT("</Play>"));
        return;
    }
    eg_flow_say(out, q->dialect, &voice, eg_span_of(field->say));
}

static void write_attributes(eg_twiml *out, const eg_dialect *dialect, const eg_field *field)
{
    static const char *const inputs[] = {"dtmf", "speech", "dtmf speech"};

    if (dialect->has_method)
        eg_twiml_raw(out, EG_LIT(" method=\"POST\""));
    eg_twiml_attribute(out, dialect->input, eg_span_of(inputs[field->input]));
    eg_twiml_attribute_number(out, dialect->wait, field->timeout);
    if (field->finish)
        eg_twiml_attribute(out, "finishOnKey", (eg_span){&field->finish, 1});
    if (field->input != EG_INPUT_SPEECH)
        eg_twiml_attribute_number(out, "numDigits", field->max);
    if (dialect->has_empty_result)
        eg_twiml_raw(out, EG_LIT(" actionOnEmptyResult=\"true\""));
    if (dialect->keeps_a_log)
        eg_twiml_raw(out, EG_LIT(" log=\"false\""));
}

/* Silence arrives at the action without digits, one way or the other. */
static void write_way_out_of_silence(eg_twiml *out, const eg_question *q)
{
    eg_twiml_raw(out, EG_LIT("<Redirect method=\"POST\">"));
    write_action(out, q);
    eg_twiml_raw(out, EG_LIT("</Redirect>"));
}

void eg_flow_ask(eg_twiml *out, const eg_question *q)
{
    open_tag(out, q->dialect->gather);
    eg_twiml_raw(out, EG_LIT(" action=\""));
    write_action(out, q);
    eg_twiml_raw(out, EG_LIT("\""));
    write_attributes(out, q->dialect, &q->fields->at[q->field]);
    eg_twiml_raw(out, EG_LIT(">"));
    write_prompt(out, q);
    close_tag(out, q->dialect->gather);
    if (!q->dialect->has_empty_result)
        write_way_out_of_silence(out, q);
}
