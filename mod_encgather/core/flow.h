/* SPDX-License-Identifier: Apache-2.0
 * The fields of a call and what comes next: a table of steps, no server needed. */
#ifndef EG_FLOW_H
#define EG_FLOW_H

#include <apr_pools.h>
#include <apr_tables.h>
#include "dialect.h"
#include "form.h"
#include "twiml.h"

#define EG_FIELDS_MAX 16
#define EG_DIGITS_MAX 32
#define EG_LAST_STEP "processData"

/* The most bytes of a SpeechResult that are taken; Twilio listens for 60 seconds at most. */
#define EG_SPEECH_MAX 2000

/* Whether a field's token is kept out of the error log. */
typedef enum { EG_SECRET_BY_PLACE, EG_SECRET_ON, EG_SECRET_OFF } eg_secrecy;

typedef enum { EG_INPUT_DTMF, EG_INPUT_SPEECH, EG_INPUT_BOTH } eg_input;

/* One thing the caller is asked for. Strings live as long as the configuration. */
typedef struct {
    const char *name;  /* the JSON member, and the query parameter that carries the token */
    const char *step;  /* the step of the URL that asks for it */
    unsigned min, max; /* digits */
    unsigned timeout;  /* seconds */
    char finish;       /* finishOnKey; 0: not set, Twilio's own ("#") holds */
    eg_input input;
    eg_secrecy secret;
    bool luhn;         /* the check digit of card numbers (ISO/IEC 7812-1, annex B) */
    const char *say;   /* the question, or NULL */
    const char *play;  /* the URL of a recording instead, or NULL */
    const char *voice; /* of this question alone; NULL: that of the call */
    const char *language;
    const char *recipient; /* the kid of the key to seal it to, or "off"; NULL: the first one */
} eg_field;

#define EG_NO_RECIPIENT "off"

typedef struct {
    const char *voice;
    const char *language;
} eg_voice;

/* The fields in call order. */
typedef struct {
    const eg_field *at;
    unsigned n;
} eg_fields;

/* The two fields of the article's call. */
extern const eg_fields eg_default_fields;

/* The URL's step asks for fields[step]; step == fields.n is the last one: the backend's turn.
 * EG_EMALFORMED for a name that no field has. An absent step (p NULL) is the first. */
eg_status eg_flow_step(const eg_fields *fields, eg_span name, unsigned *step) EG_MUST_CHECK;
const char *eg_flow_step_name(const eg_fields *fields, unsigned step);

/* A plain number from 1 to 999; absent (p NULL): 1. */
eg_status eg_flow_attempt(eg_span text, unsigned *attempt) EG_MUST_CHECK;

/* Whether the caller's answer is what the field asks for: keys, or words that were recognized. */
bool eg_field_accepts(const eg_field *field, eg_span digits);
bool eg_field_accepts_speech(const eg_field *field, eg_span words);

/* Whether the token of that field stays out of logs: as the field says, else of all but the first,
 * which is the one that tells calls apart. */
bool eg_field_is_secret(const eg_fields *fields, unsigned i);

/* What a <Gather> needs besides the field. */
typedef struct {
    const eg_dialect *dialect;
    eg_span origin; /* https://host[:port] */
    eg_span path;   /* as the request line had it */
    const eg_fields *fields;
    unsigned field;        /* the one to ask for */
    const eg_span *tokens; /* those of the fields before it */
    const char *complaint; /* said before the question when it is asked again, or NULL */
    unsigned attempt;      /* goes into the action from 2 on */
    eg_voice voice;
    eg_span sig; /* of the action, where the provider does not sign URLs; else empty */
} eg_question;

/* The query of the question's action without sig, as it goes over the wire, in pool. */
eg_span eg_flow_query(apr_pool_t *pool, const eg_question *question);

/* Writes the element that asks, whose action is the step after the field. */
void eg_flow_ask(eg_twiml *out, const eg_question *question);

/* Writes the element that speaks; voice members may be NULL. */
void eg_flow_say(eg_twiml *out, const eg_dialect *dialect, const eg_voice *voice, eg_span text);

/* Writes what leads the call to another URL, and what connects it to another number. */
void eg_flow_redirect(eg_twiml *out, eg_span url);
void eg_flow_dial(eg_twiml *out, const eg_dialect *dialect, eg_span number);

#endif
