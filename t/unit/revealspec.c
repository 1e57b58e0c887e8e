/* SPDX-License-Identifier: Apache-2.0
 * Tests of what EncGatherReveal names, and of JSON and forms in which values are other ones. */
#include "tap.h"

#include <stdlib.h>
#include <apr_general.h>
#include <apr_strings.h>
#include "core/form.h"
#include "core/revealspec.h"

static apr_pool_t *pool;

static const char *read_back(const eg_revealed *one)
{
    const char *text = one->is_pointer ? "pointer" : "name";

    for (unsigned i = 0; i < one->path->n; i++)
        text = apr_psprintf(pool, "%s [%.*s]", text, (int)one->path->segments[i].n,
                            one->path->segments[i].p);
    return apr_pstrcat(pool, text, " ", one->fld, NULL);
}

static void names(void)
{
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"card", "name [card] card"},
        {"card=number", "name [card] number"},
        {"card=a=b", "name [card] a=b"},
        {"a/b~1", "name [a/b~1] a/b~1"},
        {"two words", "name [two words] two words"},
        {"card[number]=card", "name [card[number]] card"},
        {"/card", "pointer [card] card"},
        {"/a~1b/~0c/0", "pointer [a/b] [~c] [0] 0"},
        {"/a/=x", "pointer [a] [] x"},
        {"/=x", "pointer [] x"},
        {"K\xc3\xb6ln", "name [K\xc3\xb6ln] K\xc3\xb6ln"},
    };
    static const char *const wrong[] = {"",     "=a",   "a=",    "/",     "/a/",    "/~",  "/a~2",
                                        "/~=x", "a\tb", "a\x7f", "a\xff", "a=\xff", "a=\n"};
    eg_revealed one;

    for (size_t i = 0; i < COUNT(cases); i++) {
        ok(!eg_revealed_parse(pool, cases[i].word, &one), "'%s' is one", cases[i].word);
        is_str(read_back(&one), cases[i].want, "and what it says");
    }
    for (size_t i = 0; i < COUNT(wrong); i++)
        ok(eg_revealed_parse(pool, wrong[i], &one) != NULL, "'%s' is none", wrong[i]);
}

static const char *add_name(eg_reveal_list *list, const char *word)
{
    eg_revealed one;
    const char *fault = eg_revealed_parse(pool, word, &one);

    return fault ? fault : eg_reveal_list_add(pool, list, &one);
}

static void name_lists(void)
{
    static eg_reveal_list list;

    ok(!add_name(&list, "card") && !add_name(&list, "/a/b") && !add_name(&list, "/a"), "three");
    ok(!add_name(&list, "/a/b/c") && !add_name(&list, "a/b"), "longer ones, and a name like one");
    ok(add_name(&list, "card=x") != NULL, "one again");
    ok(add_name(&list, "/card") != NULL, "one again, by its pointer");
    ok(add_name(&list, "/a/b=x") != NULL, "a pointer again");
    while (list.n < EG_REVEALED_MAX)
        ok(!add_name(&list, apr_psprintf(pool, "n%u", list.n)), "and more");
    ok(add_name(&list, "last") != NULL, "too many");
}

/* --- another text ------------------------------------------------------------------------------ */

static void exchanged_json(void)
{
    static const char *const words[] = {"/z", "b", "/a/c", "none"};
    static const char text[] = "\t{\"a\" :{\"c\":\"1\"},\"b\": \"2\" ,\"z\":\"\",\"x\":1e5}\n";
    const eg_json_path *paths[COUNT(words)];
    eg_json_place places[COUNT(words)];
    eg_span values[COUNT(words)] = {{"", 0}, {NULL, 0}, {"\"\xc3\xbc", 3}, {NULL, 0}}, out;
    char *at = malloc(sizeof text - 1);

    memcpy(at, text, sizeof text - 1);
    for (unsigned i = 0; i < COUNT(words); i++)
        paths[i] = eg_json_path_parse(pool, words[i]);
    ok(eg_json_locate((eg_span){at, sizeof text - 1}, paths, COUNT(words), places) == EG_OK,
       "JSON");
    out = eg_json_substitute(pool, (eg_span){at, sizeof text - 1}, places, values, COUNT(words));
    is_str(apr_pstrmemdup(pool, out.p, out.n),
           "\t{\"a\" :{\"c\":\"\\\"\xc3\xbc\"},\"b\": \"2\" ,\"z\":\"\",\"x\":1e5}\n",
           "two are other ones, in any order");
    values[0] = (eg_span){"26", 2};
    values[1] = (eg_span){"\x01", 1};
    values[2].p = NULL;
    out = eg_json_substitute(pool, (eg_span){at, sizeof text - 1}, places, values, COUNT(words));
    is_str(apr_pstrmemdup(pool, out.p, out.n),
           "\t{\"a\" :{\"c\":\"1\"},\"b\": \"\\u0001\" ,\"z\":\"26\",\"x\":1e5}\n", "two others");
    free(at);
}

static void escapes(void)
{
    char out[3 * 256], all[256];
    apr_size_t n = eg_form_escape(EG_LIT("aZ09-._~ &=+%/\xff*"), out);
    eg_params params;
    char *form;

    is_bytes(out, n, "aZ09-._~%20%26%3D%2B%25%2F%FF%2A", 32, "percent-encoded");
    for (unsigned i = 1; i < sizeof all; i++)
        all[i - 1] = (char)i;
    n = eg_form_escape((eg_span){all, 255}, out);
    form = apr_pstrcat(pool, "a=", apr_pstrmemdup(pool, out, n), NULL);
    ok(eg_form_parse(pool, form, n + 2, 1, &params) == EG_OK && params.n == 1, "all bytes");
    is_bytes(params.at[0].value.p, params.at[0].value.n, all, 255, "and back");
    is_int((long)eg_form_escape(EG_LIT("\0"), out), 3, "a NUL, too");
}

int main(void)
{
    (void)apr_initialize();
    (void)apr_pool_create(&pool, NULL);
    names();
    name_lists();
    exchanged_json();
    escapes();
    apr_terminate();
    return done_testing();
}
