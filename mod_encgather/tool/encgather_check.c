/* SPDX-License-Identifier: Apache-2.0
 * encgather check: what "apachectl configtest" would say of key and auth token files. */
#include <apr_strings.h>
#include "encgather_io.h"

static const char *plural(apr_size_t n)
{
    return n == 1 ? "" : "s";
}

static eg_exit describe_keys(const eg_tool *tool, const char *path, const eg_keyring *ring)
{
    const eg_key *first = &ring->keys[0];
    char fingerprint[9];

    if (ring->weak)
        eg_tool_complain(tool,
                         "%s: holds a key that does not look random; make one with: "
                         "openssl rand -hex 32",
                         path);
    if (eg_key_fingerprint(tool->crypto, first, fingerprint) != EG_OK) {
        eg_tool_complain(tool, "%s: OpenSSL failed", path);
        return EG_EXIT_SYSTEM;
    }
    return eg_tool_print(
        tool, "%s: %d key%s, encrypting with %s (fingerprint %s)", path, (int)ring->n,
        plural(ring->n),
        first->id[0] ? apr_psprintf(tool->pool, "'%s'", first->id) : "the one it has", fingerprint);
}

#define UNCHECKED "was not checked, this user may not read it; run the check as root"

/* What cannot be read is neither good nor bad. */
static eg_exit describe_problem(const eg_tool *tool, const char *path, eg_file_verdict verdict,
                                const eg_problem *why)
{
    bool unchecked = verdict == EG_FILE_UNREADABLE;
    eg_exit printed = eg_tool_print(tool, "%s: %s", path, unchecked ? UNCHECKED : why->text);

    if (printed != EG_EXIT_GOOD)
        return printed;
    return unchecked ? EG_EXIT_SYSTEM : EG_EXIT_DATA;
}

static eg_exit check_keys(const eg_tool *tool, const char *path)
{
    const eg_keyring *ring;
    eg_problem why;
    eg_file_verdict verdict = eg_tool_read_keys(tool, path, &ring, &why);

    return verdict == EG_FILE_OK ? describe_keys(tool, path, ring)
                                 : describe_problem(tool, path, verdict, &why);
}

static eg_exit check_tokens(const eg_tool *tool, const char *path)
{
    eg_auth_tokens tokens;
    eg_problem why;
    const char *odd;
    eg_file_verdict verdict = eg_tool_read_tokens(tool, path, &tokens, &why);

    if (verdict != EG_FILE_OK)
        return describe_problem(tool, path, verdict, &why);
    odd = eg_auth_tokens_odd(&tokens);
    if (odd)
        eg_tool_complain(tool,
                         "%s: has %s where an auth token should be: take the auth token from the "
                         "Twilio Console",
                         path, odd);
    return eg_tool_print(tool, "%s: %d token%s", path, (int)tokens.n, plural(tokens.n));
}

/* A bad file outweighs one that could not be checked. */
static eg_exit worse(eg_exit a, eg_exit b)
{
    return a == EG_EXIT_DATA || b == EG_EXIT_GOOD ? a : b;
}

static eg_exit run_check(eg_tool *tool)
{
    bool tokens = false;
    const eg_option options[] = {{"--tokens", NULL, &tokens, false}, {NULL, NULL, NULL, false}};
    eg_operands files = {.min = 1, .max = tool->argc};
    eg_exit result = EG_EXIT_GOOD;

    if (!eg_tool_options(tool, options, &files))
        return EG_EXIT_USAGE;
    for (int i = 0; i < files.n; i++) {
        const char *path = files.at[i];

        result = worse(result, tokens ? check_tokens(tool, path) : check_keys(tool, path));
    }
    return result;
}

const eg_command eg_command_check = {
    "check",
    "check key files or auth token files",
    "usage: encgather check [--tokens] FILE ...\n"
    "\n"
    "Checks key files as \"apachectl configtest\" does (DocumentRoots aside), and\n"
    "prints a line for each: what it holds, or what is wrong and how to put it right.\n"
    "A key that does not look random, and a key or a placeholder in the place of an\n"
    "auth token, is a warning on standard error.\n"
    "\n"
    "  --tokens   the files are auth token files\n",
    run_check,
};
