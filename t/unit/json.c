/* SPDX-License-Identifier: Apache-2.0
 * Tests of JSON: what is an object, how its members are said, and what is written. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <jansson.h>
#include "core/json.h"

static apr_pool_t *pool;

static eg_json *parse(const char *text, size_t n)
{
    char *copy = exact_copy(text, n);
    eg_json *object = eg_json_parse(pool, (eg_span){copy, n});

    free(copy);
    return object;
}

static void objects(void)
{
    static const eg_span good[] = {
        EG_LIT("{}"),
        EG_LIT(" \t\r\n{ } \n"),
        EG_LIT("{\"a\":\"1\",\"b\":\"2\"}"),
        EG_LIT("{\"\":\"\"}"),
        EG_LIT("{\"a\":{\"a\":1},\"b\":[1,2]}"),
        EG_LIT("{\"a\":\"K\xc3\xb6ln \\u00f6 \\ud83d\\ude00\"}"),
        EG_LIT("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}"),
        EG_LIT("{\"a\":\"\xef\xbf\xbf\x7f\"}"),
    };
    static const eg_span bad[] = {
        EG_LIT(""),
        EG_LIT(" "),
        EG_LIT("null"),
        EG_LIT("\"a\""),
        EG_LIT("1"),
        EG_LIT("[]"),
        EG_LIT("[{\"a\":\"1\"}]"),
        EG_LIT("{"),
        EG_LIT("{\"a\":\"1\""),
        EG_LIT("{\"a\":\"1}"),
        EG_LIT("{\"a\":}"),
        EG_LIT("{\"a\"}"),
        EG_LIT("{\"a\":1,}"),
        EG_LIT("{\"a\":1\0}"),
        EG_LIT("{\"a\":[1\0,2]}"),
        EG_LIT("{a:1}"),
        EG_LIT("{'a':1}"),
        EG_LIT("{\"a\":1}x"),
        EG_LIT("{}{}"),
        EG_LIT("{} []"),
        EG_LIT("{/**/}"),
        EG_LIT("{\"a\":NaN}"),
        EG_LIT("{\"a\":Infinity}"),
        EG_LIT("{\"a\":01}"),
        EG_LIT("{\"a\":.5}"),
        EG_LIT("{\"a\":1.}"),
        EG_LIT("{\"a\":+1}"),
        EG_LIT("{\"a\":0x10}"),
        EG_LIT("{\"a\":True}"),
        EG_LIT("{\"a\":1,\"a\":2}"),
        EG_LIT("{\"a\":\"1\",\"\\u0061\":\"1\"}"),
        EG_LIT("{\"a\":{\"b\":1,\"b\":1}}"),
        EG_LIT("{}\0"),
        EG_LIT("\0{}"),
        EG_LIT("{\"a\":\"1\0\"}"),
        EG_LIT("{\"a\":\"1\\u0000\"}"),
        EG_LIT("{\"a\\u0000\":\"1\"}"),
        EG_LIT("{\"a\":\"\n\"}"),
        EG_LIT("{\"a\":\"\x01\"}"),
        EG_LIT("{\"a\":\"\\x41\"}"),
        EG_LIT("{\"a\":\"\\u00g0\"}"),
        EG_LIT("{\"a\":\"\\ud83d\"}"),
        EG_LIT("{\"a\":\"\\ude00\"}"),
        EG_LIT("{\"a\":\"\xff\"}"),
        EG_LIT("{\"a\":\"\xc3\"}"),
        EG_LIT("{\"a\":\"\xc0\xaf\"}"),
        EG_LIT("{\"a\":\"\xed\xa0\x80\"}"),
        EG_LIT("{\"a\":\"\xf4\x90\x80\x80\"}"),
        EG_LIT("{\"\xff\":\"1\"}"),
        EG_LIT("\xef\xbb\xbf{}"),
        EG_LIT("{\"a\":1e400}"),
        EG_LIT("9223372036854775808"),
        EG_LIT("{9223372036854775808:1}"),
        EG_LIT("{\"a\":09223372036854775808}"),
        EG_LIT("{\"a\":--9223372036854775808}"),
        EG_LIT("{\"a\":9223372036854775808x}"),
        EG_LIT("{\"a\":x9223372036854775808}"),
        EG_LIT("{\"a\":9223372036854775808 9223372036854775808}"),
        EG_LIT("{\"a\":9223372036854775808-9223372036854775808}"),
        EG_LIT("{\"a\":9223372036854775808.}"),
        EG_LIT("{\"a\":[9223372036854775808,1e400]}"),
        EG_LIT("{\"a\":9223372036854775808,\"a\":1}"),
        EG_LIT("{\"a\":9223372036854775808,\"b\":\"\\"),
        EG_LIT("{\"a\":9223372036854775808"),
    };

    for (size_t i = 0; i < COUNT(good); i++)
        ok(parse(good[i].p, good[i].n) != NULL, "an object: '%.*s'", (int)good[i].n, good[i].p);
    for (size_t i = 0; i < COUNT(bad); i++)
        ok(!parse(bad[i].p, bad[i].n), "no object, case %zu: '%.*s'", i, (int)bad[i].n, bad[i].p);
    ok(!eg_json_parse(pool, (eg_span){NULL, 0}), "NULL is no object");
}

static void deep(void)
{
    static const char *const cases[][2] = {{"[", "]"}, {"{\"a\":", "}"}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i][0]), depth = 10000, size = 5 + depth * n + 1 + depth + 1;
        char *text = malloc(size), *to = text;

        to = (char *)memcpy(to, "{\"a\":", 5) + 5;
        for (size_t k = 0; k < depth; k++)
            to = (char *)memcpy(to, cases[i][0], n) + n;
        *to++ = '1';
        memset(to, *cases[i][1], depth);
        to[depth] = '}';
        ok(!parse(text, size), "10000 levels of %s are refused", cases[i][0]);
        free(text);
    }
}

static void strings(void)
{
    static const char text[] = "{\"s\":\"K\\u00f6ln\",\"e\":\"\",\"n\":1,\"z\":null,\"t\":true,"
                               "\"a\":[\"s\"],\"o\":{\"s\":\"x\"}}";
    static const char *const others[] = {"n", "z", "t", "a", "o", "missing", "S", ""};
    eg_json *object = parse(text, sizeof text - 1);
    eg_span value = EG_LIT("untouched");

    is_int(eg_json_string(object, "s", &value), EG_OK, "a string is one");
    is_bytes(value.p, value.n, "K\xc3\xb6ln", 5, "its bytes");
    is_int(eg_json_string(object, "e", &value), EG_OK, "an empty string is one");
    is_int((long long)value.n, 0, "and has no bytes");
    for (size_t i = 0; i < COUNT(others); i++)
        is_int(eg_json_string(object, others[i], &value), EG_EMISSING, "'%s' is none", others[i]);
}

static void had(void)
{
    static const char text[] = "{\"s\":\"x\",\"n\":null,\"o\":{\"in\":1},\"\":0}";
    eg_json *object = parse(text, sizeof text - 1);

    ok(eg_json_has(object, EG_LIT("s")) && eg_json_has(object, EG_LIT("n")), "members");
    ok(eg_json_has(object, EG_LIT("")) && eg_json_has(object, (eg_span){"open", 1}), "any member");
    ok(!eg_json_has(object, EG_LIT("in")) && !eg_json_has(object, EG_LIT("S")), "no others");
    ok(!eg_json_has(object, EG_LIT("s\0")) && !eg_json_has(NULL, EG_LIT("s")), "none at all");
}

static void said(void)
{
    static const struct {
        const char *json, *want; /* want NULL: cannot be said */
    } cases[] = {
        {"\"AC12345678\"", "AC12345678"},
        {"\"12.50\"", "12.50"},
        {"\"\"", ""},
        {"\"K\\u00f6ln\"", "K\xc3\xb6ln"},
        {"\"null\"", "null"},
        {"0", "0"},
        {"-0", "0"},
        {"42", "42"},
        {"-42", "-42"},
        {"1234567890123", "1234567890123"},
        {"9007199254740993", "9007199254740993"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"12.5", "12.5"},
        {"12.50", "12.5"},
        {"12.55", "12.55"},
        {"-12.55", "-12.55"},
        {"100.0", "100"},
        {"1e2", "100"},
        {"1e16", "10000000000000000"},
        {"-12345678901234568.0", "-12345678901234568"},
        {"1.0", "1"},
        {"0.0", "0"},
        {"-0.0", "-0"},
        {"0.1", "0.1"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"1234567.89", "1234567.89"},
        {"3.141592653589793", "3.141592653589793"},
        {"123456789012345.0", "123456789012345"},
        {"1e20", "1e20"},
        {"1.5e300", "1.5e300"},
        {"1e-7", "1e-7"},
        {"5e-324", "5e-324"},
        {"1.7976931348623157e308", "1.7976931348623157e308"},
        {"true", "true"},
        {"false", "false"},
        {"null", NULL},
        {"[1]", NULL},
        {"[]", NULL},
        {"{\"a\":1}", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[100];
        eg_json *object;

        snprintf(text, sizeof text, "{\"m\":%s}", cases[i].json);
        object = parse(text, strlen(text));
        if (ok(object != NULL, "%s is JSON", cases[i].json))
            is_str(eg_json_text(object, "m", pool), cases[i].want, "%s is said", cases[i].json);
    }
    ok(!eg_json_text(parse("{}", 2), "m", pool), "a missing member is not said");
    ok(!eg_json_text(parse("{\"M\":1}", 7), "m", pool), "case counts");
}

/* An integer that 64 bits do not hold is not said, which is better than said rounded; all else is. */
static void big_integers(void)
{
    static const struct {
        const char *json, *m, *a; /* what m and a say */
    } cases[] = {
        {"{\"m\":9223372036854775808,\"a\":\"1\"}", NULL, "1"},
        {"{\"a\":\"1\",\"m\":-9223372036854775809}", NULL, "1"},
        {"{\"m\":123456789012345678901234567890,\"a\":9223372036854775807}", NULL,
         "9223372036854775807"},
        {"{\"x\":9223372036854775808,\"m\":-9223372036854775808,\"a\":1.5}", "-9223372036854775808",
         "1.5"},
        {"{\"x\":[9223372036854775808,{\"y\":[-9223372036854775809]}],\"m\":0,\"a\":1}", "0", "1"},
        {"{\"x\":9223372036854775808,\"m\":\"9223372036854775808\","
         "\"a\":\"\\\"9223372036854775808\\\\\"}",
         "9223372036854775808", "\"9223372036854775808\\"},
        {"{\"x\":9223372036854775808,\"m\":9223372036854775808.5,\"a\":9223372036854775808e0}",
         "9.223372036854776e18", "9.223372036854776e18"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_json *object = parse(cases[i].json, strlen(cases[i].json));

        if (!ok(object != NULL, "an object: %s", cases[i].json))
            continue;
        is_str(eg_json_text(object, "m", pool), cases[i].m, "its m");
        is_str(eg_json_text(object, "a", pool), cases[i].a, "its a");
    }
}

static void byte_order_marks(void)
{
    static const struct {
        eg_span text;
        bool good;
    } cases[] = {
        {EG_LIT("\xef\xbb\xbf{\"a\":\"1\"}"), true},
        {EG_LIT("{\"a\":\"1\"}"), true},
        {EG_LIT("\xef\xbb\xbf"), false},
        {EG_LIT("\xef\xbb"), false},
        {EG_LIT(""), false},
        {EG_LIT("\xef\xbb\xbf\xef\xbb\xbf{\"a\":\"1\"}"), false},
        {EG_LIT(" \xef\xbb\xbf{\"a\":\"1\"}"), false},
        {EG_LIT("\xfe\xff\0{\0}"), false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char *copy = exact_copy(cases[i].text.p, cases[i].text.n);
        eg_json_fault fault;
        eg_json *object = eg_json_parse_answer(pool, (eg_span){copy, cases[i].text.n}, &fault);

        free(copy);
        ok((object != NULL) == cases[i].good, "a byte order mark, case %zu", i);
        if (object)
            is_str(eg_json_text(object, "a", pool), "1", "what is behind it, case %zu", i);
    }
}

/* What is wrong, and up to which byte it was read; never what was read. */
static void faults(void)
{
    static const struct {
        eg_span text;
        const char *what;
        size_t at;
    } cases[] = {
        {{NULL, 0}, "it is empty", 0},
        {EG_LIT(""), "it is empty", 0},
        {EG_LIT("\xef\xbb\xbf"), "it is empty", 3},
        {EG_LIT("{\"pin\":\"1234\","), "it breaks off", 14},
        {EG_LIT("{\"pin\":\"1234"), "it breaks off", 12},
        {EG_LIT("\xef\xbb\xbf{"), "it breaks off", 4},
        {EG_LIT("<html>1234</html>"), "wrong syntax", 1},
        {EG_LIT("{'pin':1234}"), "wrong syntax", 2},
        {EG_LIT("{\"a\":1,}"), "wrong syntax", 8},
        {EG_LIT("{\"a\":1}{"), "something follows the JSON", 8},
        {EG_LIT("[1234]"), "it is another kind of JSON", 1},
        {EG_LIT("{\"a\":1,\"a\":1}"), "a member is there twice", 10},
        {EG_LIT("{\"a\":\"\xe4\"}"), "it is not UTF-8", 6},
        {EG_LIT("{\"a\":\"\\u0000\"}"), "a string has a NUL in it", 13},
        {EG_LIT("{\"a\0\":1}"), "it has a NUL", 4},
        {EG_LIT("{\"a\":1e999}"), "a number is too large", 10},
        {EG_LIT("{\"a\":9223372036854775808,}"), "wrong syntax", 26},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_json_fault fault = {NULL, 99};

        ok(!eg_json_parse_answer(pool, cases[i].text, &fault), "no object, case %zu", i);
        is_str(fault.what, cases[i].what, "what is wrong, case %zu", i);
        is_int((long)fault.at, (long)cases[i].at, "up to which byte it was read, case %zu", i);
    }
}

static void unsayable(void)
{
    eg_json *object =
        parse("{\"n\":null,\"a\":[],\"o\":{},\"s\":\"\",\"b\":true,\"l\":9223372036854775808}", 64);

    is_str(eg_json_unsayable(object, "n"), "null, or an integer of more than 64 bits", "null");
    is_str(eg_json_unsayable(object, "l"), "null, or an integer of more than 64 bits", "large");
    is_str(eg_json_unsayable(object, "a"), "an array", "an array");
    is_str(eg_json_unsayable(object, "o"), "an object", "an object");
    is_str(eg_json_unsayable(object, "s"), NULL, "a string can be said");
    is_str(eg_json_unsayable(object, "b"), NULL, "so can true");
    is_str(eg_json_unsayable(object, "none"), NULL, "what is missing");
    is_str(eg_json_unsayable(NULL, "n"), NULL, "no object");
}

static void written(void)
{
    eg_json *object = eg_json_new(pool);

    is_str(eg_json_dump(object, pool), "{}", "an empty object");
    is_int(eg_json_set(object, "z", EG_LIT("1")), EG_OK, "a string");
    is_int(eg_json_set(object, "a", (eg_span){NULL, 0}), EG_OK, "a null");
    is_int(eg_json_set(object, "m", EG_LIT("")), EG_OK, "an empty string");
    is_int(eg_json_set(object, "b", EG_LIT("\"\\/\n\x01K\xc3\xb6ln<>&")), EG_OK, "odd characters");
    is_str(eg_json_dump(object, pool),
           "{\"z\":\"1\",\"a\":null,\"m\":\"\",\"b\":\"\\\"\\\\/\\n\\u0001K\xc3\xb6ln<>&\"}",
           "members in the order they were set, no white space");
    is_int(eg_json_set(object, "z", EG_LIT("2")), EG_OK, "one is set again");
    is_int(eg_json_set(object, "b", (eg_span){"xyz", 2}), EG_OK, "to a span");
    is_str(eg_json_dump(object, pool), "{\"z\":\"2\",\"a\":null,\"m\":\"\",\"b\":\"xy\"}",
           "it keeps its place");
}

/* As the library writes what it has read of that. */
static const char *written_again(const char *text)
{
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    char *again = json_dumps(root, JSON_COMPACT);
    const char *copy = apr_pstrdup(pool, again);

    free(again);
    json_decref(root);
    return copy;
}

/* What is made here says the same as the same object that was read. */
static void made_like_read(void)
{
    static const char *const names[] = {"s", "e", "z", "", "K\xc3\xb6ln", "missing", "S"};
    eg_json *made = eg_json_new(pool), *read;
    eg_span value, same;
    apr_int64_t number;

    is_int(eg_json_set(made, "s", EG_LIT("AC12\x7f\"\\/")), EG_OK, "a string");
    is_int(eg_json_set(made, "e", EG_LIT("")), EG_OK, "an empty one");
    is_int(eg_json_set(made, "z", (eg_span){NULL, 0}), EG_OK, "a null");
    is_int(eg_json_set(made, "", EG_LIT("nameless")), EG_OK, "an empty name");
    is_int(eg_json_set(made, "K\xc3\xb6ln", EG_LIT("\xf0\x9f\x98\x80")), EG_OK, "not ASCII");
    read = eg_json_parse(pool, eg_span_of(eg_json_dump(made, pool)));
    is_str(written_again(eg_json_dump(made, pool)), eg_json_dump(made, pool),
           "the library writes the same");
    is_int((long)eg_json_size(made), (long)eg_json_size(read), "as many members");
    for (size_t i = 0; i < COUNT(names); i++) {
        eg_status status = eg_json_string(made, names[i], &value);

        is_int(eg_json_string(read, names[i], &same), status, "a string or none: '%s'", names[i]);
        ok(status != EG_OK || eg_span_eq(value, same), "the same: '%s'", names[i]);
        is_str(eg_json_text(made, names[i], pool), eg_json_text(read, names[i], pool),
               "it is said: '%s'", names[i]);
        is_str(eg_json_unsayable(made, names[i]), eg_json_unsayable(read, names[i]),
               "or why it is not: '%s'", names[i]);
        ok(eg_json_has(made, eg_span_of(names[i])) == eg_json_has(read, eg_span_of(names[i])),
           "there or not: '%s'", names[i]);
    }
    is_int(eg_json_integer(made, "s", &number), EG_EMISSING, "no member is an integer");
    ok(!eg_json_inner(made, "s", pool), "or an object");
    is_int(eg_json_set(read, "s", EG_LIT("1")), EG_EMALFORMED, "one that was read stays as it is");
    ok(!eg_json_dump(read, pool), "and is not written");
}

/* What can be set is what can be read: the bytes at which rules of UTF-8 begin or end, in all orders. */
static bool is_taken_alike(const char *bytes)
{
    apr_pool_t *once;
    bool set, read;

    apr_pool_create(&once, pool);
    set = eg_json_set(eg_json_new(once), "name", eg_span_of(bytes)) == EG_OK;
    read = eg_json_parse(once, eg_span_of(apr_pstrcat(once, "{\"name\":\"", bytes, "\"}", NULL)));
    apr_pool_destroy(once);
    return set == read;
}

static void any_bytes(void)
{
    static const char first[] = "\x7f\x80\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1"
                                "\xf3\xf4\xf5\xff";
    static const char next[] = "a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0";
    unsigned different = 0;

    for (size_t i = 0; i < (sizeof first - 1) * 9 * 9 * 2; i++) {
        const char bytes[] = {first[i / 162], next[i / 18 % 9], next[i / 2 % 9],
                              i % 2 ? '\x80' : 'z', '\0'};
        char behind[sizeof bytes + 6];

        snprintf(behind, sizeof behind, "123456%s", bytes);
        different += !is_taken_alike(bytes) || !is_taken_alike(behind);
    }
    is_int(different, 0, "what can be set is what can be read");
}

static void control_characters(void)
{
    eg_json *made = eg_json_new(pool), *read;
    char bytes[0x81];

    for (unsigned i = 0; i < sizeof bytes - 1; i++)
        bytes[i] = (char)(i + 1);
    bytes[0x7f] = '\0';
    is_int(eg_json_set(made, bytes, eg_span_of(bytes)), EG_OK, "all of ASCII but NUL");
    is_int(eg_json_set(made, "nul", EG_LIT("a\0b\x1f")), EG_OK, "a NUL within");
    read = eg_json_parse(pool, eg_span_of(eg_json_dump(made, pool)));
    ok(!read, "is written, and not read back");
    is_int(eg_json_set(made, "nul", (eg_span){NULL, 0}), EG_OK, "without it");
    read = eg_json_parse(pool, eg_span_of(eg_json_dump(made, pool)));
    is_str(written_again(eg_json_dump(made, pool)), eg_json_dump(made, pool),
           "as the library writes them");
    is_str(eg_json_text(read, bytes, pool), bytes, "and back");
}

static void many_members(void)
{
    eg_json *made = eg_json_new(pool);
    const char *text;

    for (int i = 0; i < 300; i++)
        is_int(eg_json_set(made, apr_psprintf(pool, "n%d", i % 150), EG_LIT("v")), EG_OK,
               "member %d", i);
    text = eg_json_dump(made, pool);
    is_int((long)eg_json_size(made), 150, "each name once");
    is_str(written_again(text), text, "all of them");
}

static void not_utf8(void)
{
    static const char *const cases[] = {"\xff", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "\x80"};
    eg_json *object = eg_json_new(pool);

    for (size_t i = 0; i < COUNT(cases); i++)
        is_int(eg_json_set(object, "a", eg_span_of(cases[i])), EG_EMALFORMED,
               "no UTF-8 is not set, case %zu", i);
    is_int(eg_json_set(object, "\xff", EG_LIT("a")), EG_EMALFORMED, "nor a name");
    is_str(eg_json_dump(object, pool), "{}", "nothing was set");
}

/* Where there was no memory for an object, a sentence has a hole and no process dies. */
static void no_object(void)
{
    eg_span value = {"kept", 4};

    ok(eg_json_text(NULL, "a", pool) == NULL, "an object that could not be made says nothing");
    is_int(eg_json_string(NULL, "a", &value), EG_EMISSING, "and has no member");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    objects();
    deep();
    strings();
    had();
    said();
    big_integers();
    byte_order_marks();
    faults();
    unsayable();
    written();
    made_like_read();
    any_bytes();
    control_characters();
    many_members();
    not_utf8();
    no_object();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
