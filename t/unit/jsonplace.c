/* SPDX-License-Identifier: Apache-2.0
 * Tests of places in JSON: paths, what is no JSON, and that the literal found is the one. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include "core/jsonplace.h"

static apr_pool_t *pool;

/* "absent", "null", "other LITERAL", "string LITERAL", or "malformed". */
static const char *found(const char *text, size_t n, const char *way)
{
    static char said[4096];
    static const char *const kinds[] = {"absent", "null", "string", "other"};
    const eg_json_path *path = eg_json_path_parse(pool, way);
    char *copy = exact_copy(text, n);
    eg_json_place place;

    if (!path)
        (void)snprintf(said, sizeof said, "no path");
    else if (eg_json_locate((eg_span){copy, n}, &path, 1, &place) != EG_OK)
        (void)snprintf(said, sizeof said, "malformed");
    else if (place.kind == EG_JSON_ABSENT || place.kind == EG_JSON_NULL)
        (void)snprintf(said, sizeof said, "%s", kinds[place.kind]);
    else
        (void)snprintf(said, sizeof said, "%s %.*s", kinds[place.kind], (int)place.literal.n,
                       place.literal.p);
    free(copy);
    return said;
}

static void ways(void)
{
    static const char text[] = "{\"a\":\"1\",\"b\":{\"c\":[\"x\",{\"d\":\"e "
                               "f\"}],\"a/b\":2,\"~\":null},\"\":\"empty\",\"/a\":true,"
                               "\"k\\u0061rte\":\"5\",\"\\ud83d\\ude00\":\"face\"}";
    static const char *const cases[][2] = {
        {"a", "string \"1\""},
        {"/a", "string \"1\""},
        {"/b/c/0", "string \"x\""},
        {"/b/c/1/d", "string \"e f\""},
        {"/b/c/01/d", "absent"},
        {"/b/c/-", "absent"},
        {"/b/c/2", "absent"},
        {"/b/c", "other [\"x\",{\"d\":\"e f\"}]"},
        {"/b/a~1b", "other 2"},
        {"/b/~0", "null"},
        {"/b/~2", "no path"},
        {"/b/~", "no path"},
        {"/", "string \"empty\""},
        {"/~1a", "other true"},
        {"karte", "string \"5\""},
        {"kart", "absent"},
        {"kartee", "absent"},
        {"\xf0\x9f\x98\x80", "string \"face\""},
        {"A", "absent"},
        {"/a/0", "absent"},
        {"c", "absent"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        is_str(found(text, sizeof text - 1, cases[i][0]), cases[i][1], "the way %s", cases[i][0]);
}

static void twice(void)
{
    static const char *const cases[][3] = {
        {"{\"a\":1,\"a\":2}", "a", "malformed"},
        {"{\"a\":1,\"\\u0061\":2}", "a", "malformed"},
        {"{\"a\":1,\"b\":2,\"b\":3}", "a", "other 1"},
        {"{\"a\":{\"b\":1},\"a\":{}}", "/a/b", "malformed"},
        {"{\"a\":{\"b\":1,\"b\":2}}", "/a/b", "malformed"},
        {"{\"a\":{\"b\":1,\"c\":2,\"c\":3}}", "/a/b", "other 1"},
        {"{\"a\":{\"c\":1},\"x\":{\"b\":1,\"b\":2}}", "/a/b", "absent"},
        {"{\"a\":[{\"b\":1,\"b\":1}]}", "/a/0/b", "malformed"},
        {"{\"a\":[{\"b\":1,\"b\":1}]}", "/a/1/b", "absent"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        is_str(found(cases[i][0], strlen(cases[i][0]), cases[i][1]), cases[i][2], "%s: %s",
               cases[i][0], cases[i][1]);
}

static void no_json(void)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "[]",
                                      "\"a\"",
                                      "1",
                                      "null",
                                      "{",
                                      "}",
                                      "{}}",
                                      "{} x",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{\"a\":1 \"b\":2}",
                                      "{'a':1}",
                                      "{a:1}",
                                      "{\"a\":[1,]}",
                                      "{\"a\":[,]}",
                                      "{\"a\":[1}",
                                      "{\"a\":01}",
                                      "{\"a\":+1}",
                                      "{\"a\":.5}",
                                      "{\"a\":1.}",
                                      "{\"a\":1e}",
                                      "{\"a\":-}",
                                      "{\"a\":nul}",
                                      "{\"a\":True}",
                                      "{\"a\":NaN}",
                                      "{\"a\":\"}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\\u12\"}",
                                      "{\"a\":\"\\u12g4\"}",
                                      "{\"a\":\"\n\"}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":\"\xc0\xaf\"}",
                                      "{\"a\":\"\xed\xa0\x80\"}",
                                      "{\"a\":\"\\",
                                      "{\"a\":\"\\u",
                                      "{\"\xff\":1}",
                                      "\xef\xbb\xbf{}",
                                      "{\"a\":1}\f",
                                      "{/**/}",
                                      "{\"a\":\"\\\0\"}"};
    static const char *const good[] = {"{}",
                                       " \t\r\n{ } ",
                                       "{\"a\":-0.5E+3}",
                                       "{\"a\":1234567890123456789012345678901234567890}",
                                       "{\"a\":[]}",
                                       "{\"a\":{}}",
                                       "{\"a\":[1 , 2]}",
                                       "{\"a\":\"\\u0000\"}",
                                       "{\"a\":\"\x7f\xc3\xa9\"}",
                                       "{\"a\":\"\\ud83d\"}"};

    for (size_t i = 0; i < COUNT(bad); i++)
        is_str(found(bad[i], strlen(bad[i]), "zz"), "malformed", "no JSON object: %s", bad[i]);
    for (size_t i = 0; i < COUNT(good); i++)
        is_str(found(good[i], strlen(good[i]), "zz"), "absent", "JSON: %s", good[i]);
    is_str(found("{\"a\":\"\0\"}", 9, "zz"), "malformed", "a NUL in a string");
    is_str(found("{}\0", 3, "zz"), "malformed", "a NUL behind it");
    is_str(found("{\"a\":1\0}", 8, "zz"), "malformed", "a NUL behind a number");
}

static const char *nested(unsigned depth)
{
    char *text = malloc(2 * (size_t)depth + 7);
    const char *said;

    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '[', depth);
    memset(text + 5 + depth, ']', depth);
    text[5 + 2 * depth] = '}';
    said = found(text, 6 + 2 * (size_t)depth, "zz");
    free(text);
    return said;
}

static void depth(void)
{
    is_str(nested(EG_JSON_DEPTH_MAX), "absent", "as deep as may be");
    is_str(nested(EG_JSON_DEPTH_MAX + 1), "malformed", "deeper");
    is_str(nested(1000000), "malformed", "much deeper");
}

/* Every way of 64, and each is told from the others. */
static void many(void)
{
    const eg_json_path *paths[EG_JSON_PATHS_MAX];
    eg_json_place places[EG_JSON_PATHS_MAX];
    char text[2048] = "{", *to = text + 1;
    unsigned right = 0;

    for (unsigned i = 0; i < EG_JSON_PATHS_MAX; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "/m%u", i);
        paths[i] = eg_json_path_parse(pool, name);
        to += snprintf(to, 32, "%s\"m%u\":\"%u\"", i ? "," : "", i, i);
    }
    *to++ = '}';
    ok(eg_json_locate((eg_span){text, (apr_size_t)(to - text)}, paths, EG_JSON_PATHS_MAX, places) ==
           EG_OK,
       "64 ways");
    for (unsigned i = 0; i < EG_JSON_PATHS_MAX; i++) {
        char literal[16];

        (void)snprintf(literal, sizeof literal, "\"%u\"", i);
        right += eg_span_eq(places[i].literal, eg_span_of(literal));
    }
    is_int(right, EG_JSON_PATHS_MAX, "each leads to its own");
}

static void strings(void)
{
    static const char *const cases[][2] = {
        {"\"\"", ""},
        {"\"1234\"", "1234"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\"\\ud83d\"", NULL},
        {"\"\\ude00\"", NULL},
        {"\"\\ud83dx\"", NULL},
        {"\"\\ud83d\\u0041\"", NULL},
    };
    static const char all[] = "a\"b\\c\x01\x1f\n\x7f\xc3\xa9/";
    char quoted[EG_JSON_LITERAL_SIZE(sizeof all)], again[sizeof quoted];
    apr_size_t n, length;

    for (size_t i = 0; i < COUNT(cases); i++) {
        char *out = malloc(strlen(cases[i][0]));
        eg_status status = eg_json_unquote(eg_span_of(cases[i][0]), out, &n);

        if (cases[i][1])
            is_bytes(out, n, cases[i][1], strlen(cases[i][1]), "%s is said", cases[i][0]);
        else
            is_int(status, EG_EMALFORMED, "%s says nothing", cases[i][0]);
        free(out);
    }
    length = eg_json_literal(eg_span_of(all), quoted);
    is_bytes(quoted, length, "\"a\\\"b\\\\c\\u0001\\u001f\\u000a\x7f\xc3\xa9/\"", 31, "quoted");
    ok(eg_json_unquote((eg_span){quoted, length}, again, &n) == EG_OK, "and back");
    is_bytes(again, n, all, sizeof all - 1, "to what it was");
}

int main(void)
{
    (void)apr_initialize();
    (void)apr_pool_create(&pool, NULL);
    ways();
    twice();
    no_json();
    depth();
    many();
    strings();
    apr_terminate();
    return done_testing();
}
