/* SPDX-License-Identifier: Apache-2.0
 * What the commands of encgather share: exit codes, messages, options, key and token files. */
#ifndef EG_TOOL_H
#define EG_TOOL_H

#include <apr_pools.h>
#include "core/authtoken.h"
#include "core/keyring.h"
#include "core/secretfile.h"

typedef enum {
    EG_EXIT_GOOD = 0,
    EG_EXIT_DATA = 1,   /* the input is bad, or does not verify */
    EG_EXIT_USAGE = 2,  /* wrong arguments */
    EG_EXIT_SYSTEM = 3, /* a file, the random source or OpenSSL */
    EG_EXIT_ODD = 4     /* of the doctor: nothing is broken, but something should not stay */
} eg_exit;

/* One run of the program. */
typedef struct {
    apr_pool_t *pool;
    eg_crypto *crypto;
    const char *command; /* NULL before it is known */
    int argc;            /* arguments behind the command */
    const char *const *argv;
} eg_tool;

typedef struct {
    const char *name;
    const char *summary;
    const char *usage;
    eg_exit (*run)(eg_tool *tool);
} eg_command;

extern const eg_command eg_command_keygen, eg_command_check, eg_command_encrypt, eg_command_decrypt,
    eg_command_index, eg_command_rewrap, eg_command_sign, eg_command_trace, eg_command_verify,
    eg_command_doctor, eg_command_inspect, eg_command_unlock;

/* --- messages ---------------------------------------------------------------------------------- */

/* One line on standard error, printf-style, behind the name of the command. Control characters (a
 * file name may hold them) are masked. Never pass an argument other than a file name, nor a byte
 * of a key, a token or a value. */
void eg_tool_complain(const eg_tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* One line on standard output; EG_EXIT_SYSTEM, with a complaint, when it cannot be written. */
eg_exit eg_tool_print(const eg_tool *tool, const char *format, ...) EG_MUST_CHECK
    __attribute__((format(printf, 2, 3)));

/* --- arguments --------------------------------------------------------------------------------- */

typedef enum { EG_OPTION_ONCE = false, EG_OPTION_NEEDED = true, EG_OPTION_OFTEN } eg_option_times;
#define EG_OPTION_MOST 16 /* times that one may be there with EG_OPTION_OFTEN */

/* Exactly one of value and flag is set; they begin as NULL and false. EG_OPTION_OFTEN: value is the first
 * of EG_OPTION_MOST + 1, all NULL, and the last of them stays so. */
typedef struct {
    const char *name; /* with its two hyphens */
    const char **value;
    bool *flag;
    eg_option_times required;
} eg_option;

/* What is no option. */
typedef struct {
    int min, max;
    const char **at; /* in the tool's pool */
    int n;
} eg_operands;

/* Takes "--name VALUE", "--name=VALUE", "--flag" and operands in any order; "--" ends the options.
 * options ends with a NULL name. false, with a complaint that repeats no argument: wrong usage. */
bool eg_tool_options(const eg_tool *tool, const eg_option *options,
                     eg_operands *operands) EG_MUST_CHECK;

/* --- key and token files ----------------------------------------------------------------------- */

/* Both files by the rules of httpd's directives, DocumentRoots aside. What was read lives, out of
 * core dumps, until the tool's pool goes, which wipes it. */
eg_file_verdict eg_tool_read_keys(const eg_tool *tool, const char *path, const eg_keyring **ring,
                                  eg_problem *why) EG_MUST_CHECK;
eg_file_verdict eg_tool_read_tokens(const eg_tool *tool, const char *path, eg_auth_tokens *tokens,
                                    eg_problem *why) EG_MUST_CHECK;

/* The same for those who cannot go on without: NULL or false after a complaint. */
const eg_keyring *eg_tool_keys(const eg_tool *tool, const char *path) EG_MUST_CHECK;
bool eg_tool_tokens(const eg_tool *tool, const char *path, eg_auth_tokens *tokens) EG_MUST_CHECK;

#endif
