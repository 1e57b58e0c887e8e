/* SPDX-License-Identifier: Apache-2.0
 * encgather keygen: a new key, alone or as a line of a key ring. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include "core/secret.h"
#include "encgather_io.h"

#define LINE_SIZE (EG_KEY_ID_MAX + 1 + 2 * EG_KEY_SIZE + 2) /* id, blank, digits, line end, NUL */

/* Never interrupted: getrandom(2) gives up to 256 bytes at once when it has begun. */
static bool draw_key(unsigned char key[EG_KEY_SIZE])
{
    ssize_t got;

    do
        got = getrandom(key, EG_KEY_SIZE, 0);
    while (got < 0 && errno == EINTR);
    return got == EG_KEY_SIZE;
}

static apr_size_t make_line(const char *id, const unsigned char key[EG_KEY_SIZE], char *line)
{
    apr_size_t n = id ? strlen(id) : 0;

    if (id) {
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a line with a length, no string */
        memcpy(line, id, n);
        line[n++] = ' ';
    }
    eg_hex_encode(line + n, key, EG_KEY_SIZE);
    n += 2 * EG_KEY_SIZE;
    line[n++] = '\n';
    return n;
}

/* The umask may have taken bits from 0600. */
static bool fill_file(int fd, const char *line, apr_size_t n)
{
    return fchmod(fd, S_IRUSR | S_IWUSR) == 0 && eg_write(fd, line, n) && fsync(fd) == 0;
}

static eg_exit refuse_key_file(const eg_tool *tool, const char *path, const char *reason)
{
    eg_tool_complain(tool, "%s: %s", path, reason);
    return EG_EXIT_SYSTEM;
}

static eg_exit write_file(const eg_tool *tool, const char *path, const char *line, apr_size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    int reason = 0;

    if (fd < 0)
        return refuse_key_file(tool, path,
                               errno == EEXIST ? "is there already, and is left as it is"
                                               : strerror(errno));
    if (!fill_file(fd, line, n))
        reason = errno;
    if (close(fd) != 0 && !reason)
        reason = errno;
    if (reason) {
        (void)unlink(path);
        return refuse_key_file(tool, path, strerror(reason));
    }
    eg_sync_directory(tool, path);
    return EG_EXIT_GOOD;
}

/* A signal waits until the file is whole or gone: an empty one would be in the way of the next try,
 * and a server that is pointed at it would not start. */
static eg_exit write_file_whole(const eg_tool *tool, const char *path, const char *line,
                                apr_size_t n)
{
    sigset_t all, before;
    eg_exit result;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    result = write_file(tool, path, line, n);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}

static eg_exit write_key(const eg_tool *tool, const char *path, const char *line, apr_size_t n)
{
    if (path && strcmp(path, "-") != 0)
        return write_file_whole(tool, path, line, n);
    if (eg_write(STDOUT_FILENO, line, n))
        return EG_EXIT_GOOD;
    return refuse_key_file(tool, "standard output", strerror(errno));
}

static eg_exit make_key(const eg_tool *tool, const char *id, const char *path)
{
    unsigned char key[EG_KEY_SIZE];
    char line[LINE_SIZE];
    eg_exit result = EG_EXIT_SYSTEM;

    if (draw_key(key))
        result = write_key(tool, path, line, make_line(id, key, line));
    else
        eg_tool_complain(tool, "no random bytes: %s", strerror(errno));
    eg_wipe(key, sizeof key);
    eg_wipe(line, sizeof line);
    return result;
}

static eg_exit run_keygen(eg_tool *tool)
{
    const char *id = NULL;
    const eg_option options[] = {{"--id", &id, NULL, false}, {NULL, NULL, NULL, false}};
    eg_operands files = {.min = 0, .max = 1};

    if (!eg_tool_options(tool, options, &files))
        return EG_EXIT_USAGE;
    if (id && !eg_is_key_id(eg_span_of(id))) {
        eg_tool_complain(tool, "an id is 1 to %d of A-Z a-z 0-9 _ -", EG_KEY_ID_MAX);
        return EG_EXIT_USAGE;
    }
    return make_key(tool, id, files.n ? files.at[0] : NULL);
}

const eg_command eg_command_keygen = {
    "keygen",
    "make a key",
    "usage: encgather keygen [--id ID] [FILE]\n"
    "\n"
    "Makes a random AES-256 key of 64 hexadecimal digits and writes it to the new\n"
    "FILE with mode 0600, or to standard output. A file that is there is never\n"
    "overwritten.\n"
    "\n"
    "  --id ID   write a line of a key ring, ID and key; ID is 1 to 32 of A-Za-z0-9_-\n",
    run_keygen,
};
