/* SPDX-License-Identifier: Apache-2.0
 * Values in JSON: found where another grammar sees JSON, exchanged without another byte being touched.
 * First line: a name or a JSON pointer. Second line: what is to stand there. The rest: the text. */
#include "fuzz.h"

#include "core/jsonplace.h"
#include "rfc8259.h"

static const char *const atoms[] = {
    "{\"a\":", "\"a\"", "[",    "]",    "{}", "null", "true", "1e5",    "\\u0061", "\\ud83d\\ude00",
    ",",       ":",     "\"\"", "/a/0", "~1", "~0",   "\n",   "{\"\":", NULL};
const fuzz_grammar fuzz_target = {"jsonplace", "\n{}[],:\"/", atoms};

static bool may_be_too_deep(eg_span text)
{
    unsigned opened = 0;

    for (apr_size_t i = 0; i < text.n; i++)
        opened += text.p[i] == '{' || text.p[i] == '[';
    return opened > EG_JSON_DEPTH_MAX;
}

static void hold_grammar(eg_span text)
{
    bool is_object = rfc8259_is_object(text, &(size_t){0});
    bool is_taken = eg_json_locate(text, NULL, 0, NULL) == EG_OK;

    HOLDS(!is_taken || is_object, "what is taken is JSON");
    HOLDS(is_taken || !is_object || may_be_too_deep(text), "JSON is taken");
}

static void hold_place(eg_span text, const eg_json_place *place)
{
    eg_span literal = place->literal;

    if (place->kind == EG_JSON_ABSENT)
        return;
    HOLDS(literal.n && literal.p >= text.p && literal.p + literal.n <= text.p + text.n,
          "it lies in the text");
    HOLDS((literal.p[0] == '"') == (place->kind == EG_JSON_STRING), "strings have quotes");
    HOLDS(place->kind != EG_JSON_STRING || (literal.n > 1 && literal.p[literal.n - 1] == '"'),
          "at both ends");
    HOLDS((place->kind == EG_JSON_NULL) == eg_span_eq(literal, EG_LIT("null")), "null is null");
}

static void hold_exchanged(apr_pool_t *pool, eg_span text, const eg_json_path *path,
                           const eg_json_place *place, eg_span value)
{
    eg_span out = eg_json_substitute(pool, text, place, &value, 1);
    apr_size_t before = (apr_size_t)(place->literal.p - text.p);
    apr_size_t behind = text.n - before - place->literal.n, n;
    eg_json_place again;
    char *said;

    HOLDS(eg_span_eq((eg_span){out.p, before}, (eg_span){text.p, before}), "all before it stays");
    HOLDS(eg_span_eq((eg_span){out.p + out.n - behind, behind},
                     (eg_span){text.p + text.n - behind, behind}),
          "all behind it stays");
    HOLDS(eg_json_locate(out, &path, 1, &again) == EG_OK && again.kind == EG_JSON_STRING,
          "it is a string now");
    said = apr_palloc(pool, again.literal.n);
    HOLDS(eg_json_unquote(again.literal, said, &n) == EG_OK &&
              eg_span_eq((eg_span){said, n}, value),
          "that says what it should");
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    const char *name = fuzz_string(pool, fuzz_line(&input));
    eg_span value = fuzz_line(&input), nothing = {NULL, 0};
    const eg_json_path *path = eg_json_path_parse(pool, name);
    eg_json_place place;

    hold_grammar(input);
    if (!path || eg_json_locate(input, &path, 1, &place) != EG_OK)
        return;
    HOLDS(rfc8259_is_object(input, &(size_t){0}), "it is JSON");
    hold_place(input, &place);
    HOLDS(eg_span_eq(eg_json_substitute(pool, input, &place, &nothing, 1), input),
          "where nothing is exchanged all stays");
    if (place.kind != EG_JSON_ABSENT && fuzz_is_utf8(value))
        hold_exchanged(pool, input, path, &place, value);
}
