/* SPDX-License-Identifier: Apache-2.0
 * The JSON that asks for a decryption: only what RFC 8259 calls an object is one, and what is
 * written again reads the same. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "core/json.h"
#include "rfc8259.h"

static const char *const atoms[] = {"\"encryptedCardDigits\":",
                                    "\"encryptedPinDigits\":\"\"",
                                    "\\u0000",
                                    "\\ud83d\\ude00",
                                    "\\ud800",
                                    "{",
                                    "}",
                                    "[",
                                    "]",
                                    ",",
                                    "\"a\":\"b\",",
                                    "1e999",
                                    "-0",
                                    "9223372036854775808",
                                    "null",
                                    "true",
                                    "\\\"",
                                    "\xef\xbb\xbf",
                                    NULL};
const fuzz_grammar fuzz_target = {"request", "{}[],:\"\\ ", atoms};

/* The members that are strings, by the library itself; the object has to show the same. */
static void hold_strings(const json_t *root, const eg_json *object, eg_json *copy)
{
    const char *name;
    json_t *member;

    json_object_foreach((json_t *)(uintptr_t)root, name, member)
    {
        eg_span value = {NULL, 0};
        eg_status status = eg_json_string(object, name, &value);

        HOLDS((status == EG_OK) == json_is_string(member), "a string is had, anything else is not");
        if (status != EG_OK)
            continue;
        HOLDS(fuzz_is_utf8(value), "a string is UTF-8");
        HOLDS(!memchr(value.p, '\0', value.n), "a string has no NUL");
        HOLDS(eg_json_set(copy, name, value) == EG_OK, "it can be set");
    }
}

static void hold_written_again(apr_pool_t *pool, const eg_json *copy)
{
    const char *text = eg_json_dump(copy, pool);
    json_t *read = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    char *again = json_dumps(read, JSON_COMPACT);
    size_t members;

    HOLDS(rfc8259_is_object(eg_span_of(text), &members), "what is written is JSON");
    HOLDS(again && strcmp(again, text) == 0, "the library reads it, and writes the same");
    free(again);
    json_decref(read);
}

static void hold_object(apr_pool_t *pool, eg_span input, const eg_json *object)
{
    json_t *root = json_loadb(input.p, input.n, 0, NULL);
    eg_json *copy = eg_json_new(pool);
    size_t members;
    eg_span none;

    HOLDS(rfc8259_is_object(input, &members), "only RFC 8259's object is one");
    /* the library alone has none with an integer that 64 bits do not hold */
    HOLDS(!root || json_object_size(root) == members, "no name is there twice");
    hold_strings(root, object, copy);
    hold_written_again(pool, copy);
    HOLDS(json_object_get(root, "no such") || eg_json_string(object, "no such", &none) != EG_OK,
          "what is missing is not made up");
    json_decref(root);
}

/* The same bytes as a value, as a form or a database would bring them. */
static void hold_value(apr_pool_t *pool, eg_span value)
{
    eg_json *object = eg_json_new(pool), *again;
    eg_status status = eg_json_set(object, "value", value);
    eg_span read;

    HOLDS((status == EG_OK) == fuzz_is_utf8(value), "what is UTF-8 can be a string");
    if (status != EG_OK || memchr(value.p, '\0', value.n))
        return;
    again = eg_json_parse(pool, eg_span_of(eg_json_dump(object, pool)));
    HOLDS(again && eg_json_string(again, "value", &read) == EG_OK && eg_span_eq(read, value),
          "a string comes back");
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    eg_json *object = eg_json_parse(pool, input);

    if (object)
        hold_object(pool, input, object);
    if (input.n)
        hold_value(pool, input);
}
