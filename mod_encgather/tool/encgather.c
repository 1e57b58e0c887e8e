/* SPDX-License-Identifier: Apache-2.0
 * encgather: keys, tokens, signatures and blind indexes on the command line, over the module's core. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <apr_general.h>
#include <apr_strings.h>
#include "encgather_io.h"
#include "version.h"

static const eg_command *const commands[] = {
    &eg_command_keygen,  &eg_command_check, &eg_command_encrypt, &eg_command_decrypt,
    &eg_command_rewrap,  &eg_command_index, &eg_command_sign,    &eg_command_verify,
    &eg_command_inspect, &eg_command_trace, &eg_command_doctor,  &eg_command_unlock,
};

#define COMMANDS (sizeof commands / sizeof commands[0])

/* A closed descriptor would be given to the next file that is opened, a key file for one, and
 * messages would go into it. These can be opened, but not used: that is reported. */
static void hold_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            _exit(EG_EXIT_SYSTEM);
}

static int no_memory(int status)
{
    (void)status;
    (void)fputs("encgather: no memory\n", stderr);
    _exit(EG_EXIT_SYSTEM);
}

static eg_exit print_text(const eg_tool *tool, const char *text)
{
    if (eg_write(STDOUT_FILENO, text, strlen(text)))
        return EG_EXIT_GOOD;
    eg_tool_complain(tool, "cannot write to standard output");
    return EG_EXIT_SYSTEM;
}

static eg_exit print_help(const eg_tool *tool)
{
    const char *text = "usage: encgather COMMAND [OPTION ...] [ARGUMENT ...]\n\n";

    for (unsigned i = 0; i < COMMANDS; i++)
        text = apr_psprintf(tool->pool, "%s  %-8s %s\n", text, commands[i]->name,
                            commands[i]->summary);
    text = apr_pstrcat(tool->pool, text,
                       "\n\"encgather COMMAND --help\" tells more, encgather(1) everything.\n"
                       "Exit status: 0 good, 1 bad data, 2 wrong usage, 3 a system error.\n",
                       NULL);
    return print_text(tool, text);
}

static eg_exit refuse_command(const eg_tool *tool, const char *what)
{
    eg_tool_complain(tool, "%s; see: encgather --help", what);
    return EG_EXIT_USAGE;
}

static const eg_command *find_command(const char *name)
{
    for (unsigned i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static bool is_help(const char *argument)
{
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

static bool wants_help(const eg_tool *tool)
{
    for (int i = 0; i < tool->argc && strcmp(tool->argv[i], "--") != 0; i++)
        if (is_help(tool->argv[i]))
            return true;
    return false;
}

/* "encgather help" and "encgather help COMMAND". */
static eg_exit help_with(const eg_tool *tool)
{
    const eg_command *command = tool->argc ? find_command(tool->argv[0]) : NULL;

    if (command)
        return print_text(tool, command->usage);
    return tool->argc ? refuse_command(tool, "argument 2 is no command") : print_help(tool);
}

static eg_exit run_command(eg_tool *tool, const eg_command *command)
{
    tool->command = command->name;
    if (wants_help(tool))
        return print_text(tool, command->usage);
    tool->crypto = eg_crypto_create(tool->pool);
    if (tool->crypto)
        return command->run(tool);
    eg_tool_complain(tool, "OpenSSL does not offer AES-256-GCM, HMAC or SHA-256");
    return EG_EXIT_SYSTEM;
}

static eg_exit dispatch(eg_tool *tool, const char *first)
{
    const eg_command *command;

    if (!first)
        return refuse_command(tool, "a command is missing");
    command = find_command(first);
    if (command)
        return run_command(tool, command);
    if (is_help(first))
        return print_help(tool);
    if (strcmp(first, "help") == 0)
        return help_with(tool);
    if (strcmp(first, "--version") == 0)
        return print_text(tool, "encgather " EG_VERSION "\n");
    return refuse_command(tool, "argument 1 is no command");
}

int main(int argc, char **argv)
{
    eg_tool tool = {.argc = argc > 2 ? argc - 2 : 0, .argv = (const char *const *)argv + 2};
    eg_exit result;

    hold_standard_descriptors();
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core file, no other process of this user */
    if (apr_initialize() != APR_SUCCESS ||
        apr_pool_create_ex(&tool.pool, NULL, no_memory, NULL) != APR_SUCCESS)
        no_memory(0);
    result = dispatch(&tool, argc > 1 ? argv[1] : NULL);
    apr_pool_destroy(tool.pool);
    apr_terminate();
    return (int)result;
}
