/* SPDX-License-Identifier: Apache-2.0
 * A <Gather> of any configuration: whole TwiML, whose action leads to the next step with the
 * tokens so far. Each line of the input is an EncGatherField; the first is origin, path and
 * complaint, with blanks between them. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_xml.h>
#include "core/fieldspec.h"
#include "core/lines.h"

static const char *const atoms[] = {"https://ivr.example.com /encrypted-gather Sorry.\n",
                                    "encryptedCardDigits step=getLast4CC\n",
                                    "encryptedPinDigits step=getPin digits=4-6 finish=#\n",
                                    "b input=dtmf+speech say=\"<a> & 'b'\"\n",
                                    "c play=https://example.com/a?b&c\n",
                                    " voice=alice language=en",
                                    " timeout=600",
                                    "\n",
                                    "&",
                                    "\"",
                                    NULL};
const fuzz_grammar fuzz_target = {"flow", "\n \"'=", atoms};

#define TOKEN "00112233445566778899aabbccddeeff00112233445566778899aabb"

typedef struct {
    eg_field at[EG_FIELDS_MAX];
    eg_span tokens[EG_FIELDS_MAX];
    unsigned n;
} call;

static void read_fields(apr_pool_t *pool, eg_span text, call *c)
{
    while (text.n && c->n < EG_FIELDS_MAX) {
        eg_field *field = &c->at[c->n];
        const char *line = fuzz_string(pool, fuzz_line(&text));

        if (eg_field_parse(pool, line, field) || eg_field_clash(pool, c->at, c->n, field))
            continue;
        c->tokens[c->n] = EG_LIT(TOKEN);
        c->n++;
    }
}

static const char *attribute(const apr_xml_elem *element, const char *name)
{
    for (const apr_xml_attr *attr = element->attr; attr; attr = attr->next)
        if (strcmp(attr->name, name) == 0)
            return attr->value;
    return NULL;
}

/* What the action must be once XML is taken off; paths are of characters that URLs have. */
static const char *expected_action(apr_pool_t *pool, const eg_question *q)
{
    const char *action = apr_pstrcat(
        pool, apr_pstrmemdup(pool, q->origin.p, q->origin.n),
        apr_pstrmemdup(pool, q->path.p, q->path.n),
        "?step=", q->field + 1 < q->fields->n ? q->fields->at[q->field + 1].step : EG_LAST_STEP,
        NULL);

    for (unsigned i = 0; i < q->field; i++)
        action = apr_pstrcat(pool, action, "&", q->fields->at[i].name, "=", TOKEN, NULL);
    return q->attempt > 1 ? apr_psprintf(pool, "%s&attempt=%u", action, q->attempt) : action;
}

/* The query of the action, as it comes back with the next webhook. */
static void hold_next_step(apr_pool_t *pool, const eg_question *q, const char *action)
{
    char *query = apr_pstrdup(pool, strchr(action + q->origin.n + q->path.n, '?') + 1);
    const eg_param *step, *attempt;
    eg_params params;
    unsigned number = 0;

    HOLDS(eg_form_parse(pool, query, strlen(query), EG_PARAMS_MAX, &params) == EG_OK,
          "the action's query can be parsed");
    step = eg_params_find(&params, EG_LIT("step"));
    HOLDS(step && eg_flow_step(q->fields, step->value, &number) == EG_OK && number == q->field + 1,
          "it leads to the next step");
    for (unsigned i = 0; i < q->field; i++) {
        const eg_param *token = eg_params_find(&params, eg_span_of(q->fields->at[i].name));

        HOLDS(token && eg_span_eq(token->value, q->tokens[i]), "it carries every token so far");
    }
    attempt = eg_params_find(&params, EG_LIT("attempt"));
    HOLDS(eg_flow_attempt(attempt ? attempt->value : (eg_span){NULL, 0}, &number) == EG_OK &&
              number == q->attempt,
          "it counts attempts");
}

static void hold_gather(apr_pool_t *pool, const eg_question *q, const apr_xml_elem *gather)
{
    const eg_field *field = &q->fields->at[q->field];
    const char *action = attribute(gather, "action"), *digits = attribute(gather, "numDigits");

    HOLDS(strcmp(gather->name, "Gather") == 0 && !gather->next, "one <Gather> is asked");
    HOLDS(action && strcmp(action, expected_action(pool, q)) == 0, "the action reads back");
    hold_next_step(pool, q, action);
    HOLDS((digits == NULL) == (field->input == EG_INPUT_SPEECH), "keys are counted, words are not");
    HOLDS(!digits || strtoul(digits, NULL, 10) == field->max, "as many digits as the field has");
    HOLDS(gather->first_child, "something is said or played");
}

static bool is_plain(eg_span text)
{
    for (apr_size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] > '~' || text.p[i] == '?' || text.p[i] == '#')
            return false;
    return text.n > 0;
}

static void hold_question(apr_pool_t *pool, const eg_question *q)
{
    apr_xml_parser *parser = apr_xml_parser_create(pool);
    apr_xml_doc *document = NULL;
    eg_twiml out;

    eg_twiml_begin(&out, pool);
    eg_flow_ask(&out, q);
    eg_twiml_end(&out);
    HOLDS(eg_twiml_is_whole(pool, (eg_span){out.bytes, out.n}), "a question is whole TwiML");
    HOLDS(apr_xml_parser_feed(parser, out.bytes, out.n) == APR_SUCCESS &&
              apr_xml_parser_done(parser, &document) == APR_SUCCESS,
          "it can be read");
    hold_gather(pool, q, document->root->first_child);
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    eg_span first = fuzz_line(&input);
    eg_span origin = eg_word_next(&first), path = eg_word_next(&first);
    eg_question q = {.dialect = &eg_dialect_twiml, .origin = origin, .path = path, .attempt = 1};
    call c = {.n = 0};
    eg_fields fields = {c.at, 0};

    read_fields(pool, input, &c);
    if (!is_plain(origin) || !is_plain(path) || c.n == 0)
        return;
    fields.n = c.n;
    q.fields = &fields;
    q.tokens = c.tokens;
    q.complaint = first.n ? fuzz_string(pool, first) : NULL;
    q.attempt = 1 + fuzz_choice(input) % 3;
    for (q.field = 0; q.field < c.n; q.field++)
        hold_question(pool, &q);
}
