/* SPDX-License-Identifier: Apache-2.0
 * Arguments. Messages name them by position, for one may be a secret that got there by mistake. */
#include "encgather_tool.h"

#include <string.h>

typedef struct {
    const eg_tool *tool;
    const eg_option *options;
    int next; /* argument to look at */
} cursor;

static bool refuse_argument(const cursor *at, int argument, const char *what)
{
    /* counted as the shell does: the command is argument 1 */
    eg_tool_complain(at->tool, "argument %d %s; see: encgather %s --help", argument + 2, what,
                     at->tool->command);
    return false;
}

static const eg_option *find(const cursor *at, const char *argument)
{
    apr_size_t n = strcspn(argument, "=");

    for (const eg_option *option = at->options; option->name; option++)
        if (strncmp(option->name, argument, n) == 0 && option->name[n] == '\0')
            return option;
    return NULL;
}

static bool take_flag(const cursor *at, const eg_option *option, const char *inline_value)
{
    if (inline_value)
        return refuse_argument(at, at->next - 1, "is an option that takes no value");
    if (*option->flag)
        return refuse_argument(at, at->next - 1, "is an option that is there twice");
    *option->flag = true;
    return true;
}

static bool take_value(cursor *at, const eg_option *option, const char *inline_value)
{
    int argument = at->next - 1, most = option->required == EG_OPTION_OFTEN ? EG_OPTION_MOST : 1;
    int there = 0;

    while (there < most && option->value[there])
        there++;
    if (there == most)
        return refuse_argument(at, argument,
                               most == 1 ? "is an option that is there twice"
                                         : "is an option that is there too often");
    if (!inline_value && at->next == at->tool->argc)
        return refuse_argument(at, argument, "is an option that needs a value");
    option->value[there] = inline_value ? inline_value + 1 : at->tool->argv[at->next++];
    return true;
}

static bool take_option(cursor *at)
{
    const char *argument = at->tool->argv[at->next++];
    const eg_option *option = find(at, argument);
    const char *inline_value = strchr(argument, '=');

    if (!option)
        return refuse_argument(at, at->next - 1, "is no option of this command");
    return option->flag ? take_flag(at, option, inline_value)
                        : take_value(at, option, inline_value);
}

static bool take_operand(cursor *at, eg_operands *operands)
{
    if (operands->n == operands->max)
        return refuse_argument(at, at->next, "is one too many");
    operands->at[operands->n++] = at->tool->argv[at->next++];
    return true;
}

static bool take_all(cursor *at, eg_operands *operands)
{
    bool options_end = false;

    while (at->next < at->tool->argc) {
        const char *argument = at->tool->argv[at->next];
        /* "-" is a file */
        bool is_option = !options_end && argument[0] == '-' && argument[1];

        if (is_option && strcmp(argument, "--") == 0) {
            options_end = true;
            at->next++;
        } else if (!(is_option ? take_option(at) : take_operand(at, operands))) {
            return false;
        }
    }
    return true;
}

static bool complete(const cursor *at, const eg_operands *operands)
{
    for (const eg_option *option = at->options; option->name; option++)
        if (option->required == EG_OPTION_NEEDED && !*option->value) {
            eg_tool_complain(at->tool, "%s is missing; see: encgather %s --help", option->name,
                             at->tool->command);
            return false;
        }
    if (operands->n >= operands->min)
        return true;
    eg_tool_complain(at->tool, "an argument is missing; see: encgather %s --help",
                     at->tool->command);
    return false;
}

bool eg_tool_options(const eg_tool *tool, const eg_option *options, eg_operands *operands)
{
    cursor at = {tool, options, 0};

    operands->n = 0;
    operands->at = apr_palloc(tool->pool, ((apr_size_t)tool->argc + 1) * sizeof *operands->at);
    return take_all(&at, operands) && complete(&at, operands);
}
