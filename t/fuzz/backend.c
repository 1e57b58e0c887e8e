/* SPDX-License-Identifier: Apache-2.0
 * The backend's JSON as a caller hears it: every member as it is written, and whatever it holds,
 * the TwiML around it stays whole. */
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <jansson.h>
#include "core/flow.h"
#include "core/json.h"
#include "core/say.h"
#include "rfc8259.h"

static const char *const atoms[] = {"\"account\":",
                                    "\"balance\":",
                                    "1e-5",
                                    "1e17",
                                    "0.1",
                                    "-0.0",
                                    "5e-324",
                                    "1.7976931348623157e308",
                                    "123456789.5",
                                    "100.0",
                                    "-9223372036854775808",
                                    "9223372036854775808",
                                    "\xef\xbb\xbf",
                                    "true",
                                    "false",
                                    "null",
                                    "\"</Say>\"",
                                    "\"&amp;\"",
                                    "\\u0001",
                                    "\\uffff",
                                    "\\ud83d\\ude00",
                                    ",",
                                    "{}",
                                    NULL};
const fuzz_grammar fuzz_target = {"backend", "{}[],:\"\\. ", atoms};

static void hold_number(const json_t *member, const char *said)
{
    HOLDS(rfc8259_is_number(eg_span_of(said)), "a number is said as a number");
    if (json_is_integer(member)) {
        HOLDS(strtoll(said, NULL, 10) == json_integer_value(member), "the same integer");
        HOLDS(strspn(said, "-0123456789") == strlen(said), "an integer is digits");
        return;
    }
    double value = json_real_value(member);

    HOLDS(strtod(said, NULL) == value, "the same number");
    if (fabs(value) >= 1e-4 && fabs(value) < 1e17)
        HOLDS(!strchr(said, 'e'), "no exponent where it can do without");
}

static void hold_member(const json_t *member, const char *said)
{
    if (json_is_string(member))
        HOLDS(said && strcmp(said, json_string_value(member)) == 0, "a string as it is");
    else if (json_is_number(member))
        hold_number(member, said ? said : "");
    else if (json_is_boolean(member))
        HOLDS(said && strcmp(said, json_is_true(member) ? "true" : "false") == 0, "a word");
    else
        HOLDS(!said, "null, lists and objects are not said");
}

/* Through a template with the member in it, as it goes to the caller. */
static void hold_sentence(apr_pool_t *pool, const eg_json *object, const char *name,
                          const char *said)
{
    static const eg_voice voice = {NULL, NULL};
    const char *template = apr_pstrcat(pool, "It is %{", name, "}, %{spell:", name, "}.", NULL);
    const char *sentence;
    eg_twiml out;
    eg_say say;

    if (eg_say_parse(pool, template, &say) != EG_OK)
        return;
    sentence = eg_say_expand(pool, &say, eg_json_text, object);
    if (strpbrk(name, "{}") || strncmp(name, "spell:", 6) == 0)
        return; /* another member is meant */
    HOLDS((sentence != NULL) == (said != NULL), "no sentence with a hole");
    if (!said)
        return;
    HOLDS(strcmp(sentence,
                 apr_pstrcat(pool, "It is ", said, ", ", eg_spell(pool, said), ".", NULL)) == 0,
          "the sentence has the member in it");
    eg_twiml_begin(&out, pool);
    eg_flow_say(&out, &eg_dialect_twiml, &voice, eg_span_of(sentence));
    eg_twiml_end(&out);
    HOLDS(eg_twiml_is_whole(pool, (eg_span){out.bytes, out.n}), "the TwiML stays whole");
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    eg_json_fault fault = {NULL, 0};
    eg_json *object = eg_json_parse_answer(pool, input, &fault);
    json_t *root = object ? json_loadb(input.p, input.n, 0, NULL) : NULL, *member;
    const char *name;

    HOLDS(object || (fault.what && fault.at <= input.n), "what is wrong is said, and where");
    json_object_foreach(root, name, member)
    {
        const char *said = eg_json_text(object, name, pool);

        hold_member(member, said);
        hold_sentence(pool, object, name, said);
    }
    if (object)
        HOLDS(json_object_get(root, "no such") || !eg_json_text(object, "no such", pool),
              "what is missing is not said");
    json_decref(root);
}
