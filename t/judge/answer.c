/* SPDX-License-Identifier: Apache-2.0
 * Answers as the core writes them in a provider's dialect: reads lines of JSON, each a question
 *   {"provider", "origin", "path", "fields": [{"name", "step", "least", "most", "timeout", "finish", "input", "say", "play",
 *    "voice", "language"}], "field", "tokens", "again", "attempt", "voice", "language", "sig"}
 * or what a caller is told
 *   {"provider", "text", "voice", "language", "redirect", "dial"}
 * and writes the XML of each, a line, or "null" where the provider has no dialect. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <apr_general.h>
#include <jansson.h>
#include "core/flow.h"
#include "core/provider.h"

#define FIELDS_MOST 16

/* NULL where there is none. */
static const char *text_in(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static unsigned number_in(const json_t *object, const char *name)
{
    return (unsigned)json_integer_value(json_object_get(object, name));
}

static eg_span span_in(const json_t *object, const char *name)
{
    const char *text = text_in(object, name);

    return text ? eg_span_of(text) : (eg_span){NULL, 0};
}

static eg_input input_of(const char *words)
{
    if (!words || strcmp(words, "dtmf") == 0)
        return EG_INPUT_DTMF;
    return strcmp(words, "speech") == 0 ? EG_INPUT_SPEECH : EG_INPUT_BOTH;
}

static eg_field field_of(const json_t *object)
{
    const char *finish = text_in(object, "finish");

    return (eg_field){.name = text_in(object, "name"),
                      .step = text_in(object, "step"),
                      .min = number_in(object, "least"),
                      .max = number_in(object, "most"),
                      .timeout = number_in(object, "timeout"),
                      .finish = finish ? *finish : '\0',
                      .input = input_of(text_in(object, "input")),
                      .say = text_in(object, "say"),
                      .play = text_in(object, "play"),
                      .voice = text_in(object, "voice"),
                      .language = text_in(object, "language")};
}

static void write_question(eg_twiml *out, const eg_dialect *dialect, const json_t *asked)
{
    const json_t *list = json_object_get(asked, "fields"),
                 *tokens = json_object_get(asked, "tokens");
    eg_field fields[FIELDS_MOST];
    eg_span spans[FIELDS_MOST];
    eg_fields all = {fields, (unsigned)json_array_size(list)};
    eg_question question = {.dialect = dialect,
                            .origin = span_in(asked, "origin"),
                            .path = span_in(asked, "path"),
                            .fields = &all,
                            .field = number_in(asked, "field"),
                            .tokens = spans,
                            .complaint = text_in(asked, "again"),
                            .attempt = number_in(asked, "attempt"),
                            .voice = {text_in(asked, "voice"), text_in(asked, "language")},
                            .sig = span_in(asked, "sig")};

    for (unsigned i = 0; i < all.n; i++)
        fields[i] = field_of(json_array_get(list, i));
    for (unsigned i = 0; i < question.field; i++)
        spans[i] = eg_span_of(json_string_value(json_array_get(tokens, i)));
    eg_flow_ask(out, &question);
}

static void write_sentence(eg_twiml *out, const eg_dialect *dialect, const json_t *asked)
{
    eg_voice voice = {text_in(asked, "voice"), text_in(asked, "language")};

    eg_flow_say(out, dialect, &voice, span_in(asked, "text"));
    if (text_in(asked, "redirect"))
        eg_flow_redirect(out, span_in(asked, "redirect"));
    if (text_in(asked, "dial"))
        eg_flow_dial(out, dialect, span_in(asked, "dial"));
}

static bool answer(apr_pool_t *pool, const json_t *asked)
{
    const char *name = text_in(asked, "provider");
    const eg_provider *provider = name ? eg_provider_named(name) : NULL;
    eg_twiml out;

    if (!provider)
        return false;
    if (!provider->dialect)
        return puts("null") >= 0;
    eg_twiml_begin(&out, pool);
    if (json_object_get(asked, "fields"))
        write_question(&out, provider->dialect, asked);
    else
        write_sentence(&out, provider->dialect, asked);
    eg_twiml_end(&out);
    return printf("%.*s\n", (int)out.n, out.bytes) > 0;
}

int main(void)
{
    apr_pool_t *root, *pool;
    bool good = true;
    char *line = NULL;
    size_t room = 0;

    apr_initialize();
    apr_pool_create(&root, NULL);
    while (good && getline(&line, &room, stdin) > 0) {
        json_t *asked = json_loads(line, 0, NULL);

        apr_pool_create(&pool, root);
        good = asked && answer(pool, asked);
        apr_pool_destroy(pool);
        json_decref(asked);
    }
    free(line);
    apr_terminate();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
