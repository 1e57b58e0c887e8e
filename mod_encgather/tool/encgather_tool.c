/* SPDX-License-Identifier: Apache-2.0
 * What the commands of encgather share: messages, key and token files. */
#include "encgather_tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "core/secret.h"
#include "encgather_io.h"

/* As EncGatherKeyFile and EncGatherAuthTokenFile have them. */
#define KEY_FILE_MAX 4096
#define TOKEN_FILE_MAX 65536

#define MESSAGE_MAX 16384 /* a path or two, and a sentence */

/* --- messages ---------------------------------------------------------------------------------- */

/* snprintf(3) tells the length that the text would have had; the last byte is for the line end. */
static apr_size_t text_length(int printed, apr_size_t room)
{
    if (printed < 0)
        return 0;
    return (apr_size_t)printed < room ? (apr_size_t)printed : room - 1;
}

static bool write_line(int fd, char *text, apr_size_t n)
{
    for (apr_size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = '?';
    text[n] = '\n';
    return eg_write(fd, text, n + 1);
}

void eg_tool_complain(const eg_tool *tool, const char *format, ...)
{
    char text[MESSAGE_MAX];
    apr_size_t n =
        text_length(snprintf(text, sizeof text, "encgather%s%s: ", tool->command ? " " : "",
                             tool->command ? tool->command : ""),
                    sizeof text);
    va_list args;

    va_start(args, format);
    n += text_length(vsnprintf(text + n, sizeof text - n, format, args), sizeof text - n);
    va_end(args);
    (void)write_line(STDERR_FILENO, text, n);
}

eg_exit eg_tool_print(const eg_tool *tool, const char *format, ...)
{
    char text[MESSAGE_MAX];
    apr_size_t n;
    va_list args;

    va_start(args, format);
    n = text_length(vsnprintf(text, sizeof text, format, args), sizeof text);
    va_end(args);
    if (write_line(STDOUT_FILENO, text, n))
        return EG_EXIT_GOOD;
    eg_tool_complain(tool, "standard output: %s", strerror(errno));
    return EG_EXIT_SYSTEM;
}

/* --- key and token files ----------------------------------------------------------------------- */

static apr_status_t free_ring(void *ring)
{
    eg_secret_unmap(ring, sizeof(eg_keyring));
    return APR_SUCCESS;
}

static eg_keyring *new_ring(apr_pool_t *pool)
{
    eg_keyring *ring = eg_secret_map(sizeof *ring);

    if (ring)
        apr_pool_cleanup_register(pool, ring, free_ring, apr_pool_cleanup_null);
    return ring;
}

eg_file_verdict eg_tool_read_keys(const eg_tool *tool, const char *path, const eg_keyring **ring,
                                  eg_problem *why)
{
    static const eg_secretfile_rules rules = {.max = KEY_FILE_MAX};
    eg_keyring *fresh = new_ring(tool->pool);
    eg_secretfile file;
    eg_file_verdict verdict = eg_secretfile_read(tool->pool, path, &rules, &file, why);

    *ring = fresh;
    if (verdict != EG_FILE_OK)
        return verdict;
    if (!fresh)
        eg_problem_set(why, "cannot be kept: no memory");
    if (!fresh || eg_keyring_parse((eg_span){file.bytes, file.n}, fresh, why) != EG_OK)
        verdict = EG_FILE_BAD;
    eg_secretfile_free(&file);
    return verdict;
}

static apr_status_t free_content(void *file)
{
    eg_secretfile_free(file);
    return APR_SUCCESS;
}

eg_file_verdict eg_tool_read_tokens(const eg_tool *tool, const char *path, eg_auth_tokens *tokens,
                                    eg_problem *why)
{
    static const eg_secretfile_rules rules = {.max = TOKEN_FILE_MAX};
    eg_secretfile *file = apr_pcalloc(tool->pool, sizeof *file);
    eg_file_verdict verdict = eg_secretfile_read(tool->pool, path, &rules, file, why);

    if (verdict != EG_FILE_OK)
        return verdict;
    apr_pool_cleanup_register(tool->pool, file, free_content, apr_pool_cleanup_null);
    tokens->at = apr_palloc(tool->pool, eg_auth_tokens_bound(file->n) * sizeof *tokens->at);
    if (eg_auth_tokens_parse((eg_span){file->bytes, file->n}, tokens, why) != EG_OK)
        return EG_FILE_BAD;
    return EG_FILE_OK;
}

const eg_keyring *eg_tool_keys(const eg_tool *tool, const char *path)
{
    const eg_keyring *ring;
    eg_problem why;

    if (eg_tool_read_keys(tool, path, &ring, &why) == EG_FILE_OK)
        return ring;
    eg_tool_complain(tool, "key file '%s' %s", path, why.text);
    return NULL;
}

bool eg_tool_tokens(const eg_tool *tool, const char *path, eg_auth_tokens *tokens)
{
    eg_problem why;

    if (eg_tool_read_tokens(tool, path, tokens, &why) == EG_FILE_OK)
        return true;
    eg_tool_complain(tool, "auth token file '%s' %s", path, why.text);
    return false;
}
