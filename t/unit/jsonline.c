/* SPDX-License-Identifier: Apache-2.0
 * Lines of JSON: what is escaped, and that another reader takes each of them. */
#include "tap.h"

#include <apr_general.h>
#include "core/json.h"
#include "core/jsonline.h"

static apr_pool_t *pool;

static void quotes(const char *text, const char *wanted)
{
    is_str(eg_json_quote(pool, text), wanted, "%s", wanted);
}

static void check_quotes(void)
{
    quotes("", "\"\"");
    quotes("plain /path", "\"plain /path\"");
    quotes("a\"b\\c", "\"a\\\"b\\\\c\"");
    quotes("\n\t\x01\x7f", "\"\\u000a\\u0009\\u0001\\u007f\"");
    quotes("gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"");
    quotes("\xff.\xc3", "\"\xef\xbf\xbd.\xef\xbf\xbd\"");
}

static void check_line(void)
{
    eg_jsonline line = eg_jsonline_begin(pool, "test");
    const char *written;
    eg_json *read;

    eg_jsonline_text(&line, "text", "\xff\n\"\\\xc3\xbc");
    eg_jsonline_text(&line, "none", NULL);
    eg_jsonline_number(&line, "number", -7);
    eg_jsonline_flag(&line, "flag", true);
    written = eg_jsonline_end(&line);
    is_str(strchr(written, '\n'), "\n", "one line");
    read = eg_json_parse(pool, eg_span_of(written));
    if (!ok(read != NULL, "another reader takes it"))
        return;
    is_str(eg_json_text(read, "kind", pool), "test", "the kind");
    is_str(eg_json_text(read, "text", pool), "\xef\xbf\xbd\n\"\\\xc3\xbc", "what was written");
    ok(!eg_json_has(read, EG_LIT("none")), "a text that is NULL is left out");
    is_str(eg_json_text(read, "number", pool), "-7", "a number");
    is_str(eg_json_text(read, "flag", pool), "true", "a flag");
}

int main(void)
{
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 1;
    check_quotes();
    check_line();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
