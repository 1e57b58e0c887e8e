/* SPDX-License-Identifier: Apache-2.0
 * encgather inspect: what a token says of itself, without a key. */
#include <unistd.h>
#include "encgather_io.h"
#include "encgather_tokens.h"

static bool describe_token(eg_span token, apr_pool_t *pool, eg_token_description *text)
{
    for (unsigned i = 0; i < EG_FORMATS; i++)
        if (eg_formats[i]->describe(token, pool, text))
            return true;
    return false;
}

static eg_exit print_age(const eg_tool *tool, const eg_token_setup *setup, const eg_claims *claims)
{
    if (claims->iat < 0)
        return eg_tool_print(tool, "age unknown");
    return eg_tool_print(tool, "age %" APR_INT64_T_FMT, eg_tool_now(setup) - claims->iat);
}

static eg_exit inspect_line(const eg_tool *tool, const eg_token_setup *setup, eg_span line,
                            apr_pool_t *pool)
{
    eg_token_description text;
    eg_exit result;

    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    if (!describe_token(line, pool, &text))
        return EG_EXIT_DATA;
    result = eg_tool_print(tool, "%s", text.json ? text.json : "{}");
    if (result == EG_EXIT_GOOD)
        result = print_age(tool, setup, &text.claims);
    if (result == EG_EXIT_GOOD)
        result = eg_tool_print(tool, "characters %lu", (unsigned long)line.n);
    return result;
}

static eg_exit inspect_lines(const eg_tool *tool, const eg_token_setup *setup, eg_reader *reader)
{
    eg_exit result = EG_EXIT_GOOD;
    apr_pool_t *pool;
    eg_span line;

    apr_pool_create(&pool, tool->pool);
    while (eg_reader_next(reader, &line)) {
        eg_exit one = inspect_line(tool, setup, line, pool);

        apr_pool_clear(pool);
        if (one == EG_EXIT_SYSTEM)
            return one;
        if (one == EG_EXIT_DATA)
            eg_tool_complain(tool, "line %lu: not in the form of a token",
                             (unsigned long)reader->number);
        if (one != EG_EXIT_GOOD)
            result = one;
    }
    return reader->failure == EG_EXIT_GOOD ? result : reader->failure;
}

static eg_exit run_inspect(eg_tool *tool)
{
    eg_token_options given = {.format = NULL};
    const eg_option options[] = {{"--at", &given.at, NULL, false}, {NULL, NULL, NULL, false}};
    eg_operands none = {.min = 0, .max = 0};
    eg_token_setup setup;
    eg_reader reader;
    eg_exit result;

    if (!eg_tool_options(tool, options, &none))
        return EG_EXIT_USAGE;
    result = eg_tool_set_up(tool, &given, &setup);
    if (result != EG_EXIT_GOOD)
        return result;
    if (!eg_reader_open(&reader, tool, STDIN_FILENO, "standard input"))
        return EG_EXIT_SYSTEM;
    result = inspect_lines(tool, &setup, &reader);
    eg_reader_close(&reader);
    return result;
}

const eg_command eg_command_inspect = {
    "inspect",
    "what tokens say of themselves",
    "usage: encgather inspect [--at SECONDS] < TOKENS\n"
    "\n"
    "Prints for each line of standard input what a token says without being opened: the\n"
    "header of a jwe token as one line of JSON ({} for a hex token, which says nothing),\n"
    "its age in seconds, and its number of characters. No key is needed, and none of it\n"
    "is to be believed before the token was opened.\n"
    "\n"
    "  --at SECONDS   the clock, for tests\n",
    run_inspect,
};
