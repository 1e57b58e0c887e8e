/* SPDX-License-Identifier: Apache-2.0
 * Descriptors: lines in, lines out, whole bodies, in memory that is wiped. */
#include "encgather_io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include "core/secret.h"

/* Half of it is always free when the other half holds the longest line. */
#define BUFFER_SIZE (2 * EG_LINE_MAX)
#define CONTENT_START 65536

/* Whether it is worth trying again: a signal, or a descriptor that another program has made
 * non-blocking. */
static bool try_again(int fd, short events)
{
    struct pollfd wait = {fd, events, 0};

    if (errno == EINTR)
        return true;
    return errno == EAGAIN && (poll(&wait, 1, -1) >= 0 || errno == EINTR);
}

bool eg_write(int fd, const char *bytes, apr_size_t n)
{
    while (n) {
        ssize_t done = write(fd, bytes, n);

        if (done < 0 && try_again(fd, POLLOUT))
            continue;
        if (done < 0)
            return false;
        bytes += done;
        n -= (apr_size_t)done;
    }
    return true;
}

static ssize_t read_more(int fd, char *to, apr_size_t n)
{
    ssize_t got;

    do
        got = read(fd, to, n);
    while (got < 0 && try_again(fd, POLLIN));
    return got;
}

void eg_sync_directory(const eg_tool *tool, const char *path)
{
    const char *slash = strrchr(path, '/');
    apr_size_t n = slash ? (apr_size_t)(slash - path) + 1 : 0;
    int fd =
        open(slash ? apr_pstrmemdup(tool->pool, path, n) : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

/* The umask may have taken bits from the mode. */
static bool fill_file(int fd, const eg_new_file *file)
{
    return fchmod(fd, file->mode) == 0 && eg_write(fd, file->text.p, file->text.n) &&
           fsync(fd) == 0;
}

static eg_exit refuse_new_file(const eg_tool *tool, const char *path, const char *reason)
{
    eg_tool_complain(tool, "%s: %s", path, reason);
    return EG_EXIT_SYSTEM;
}

static eg_exit write_file(const eg_tool *tool, const eg_new_file *file)
{
    int fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    int reason = 0;

    if (fd < 0)
        return refuse_new_file(tool, file->path,
                               errno == EEXIST ? "is there already, and is left as it is"
                                               : strerror(errno));
    if (!fill_file(fd, file))
        reason = errno;
    if (close(fd) != 0 && !reason)
        reason = errno;
    if (reason) {
        (void)unlink(file->path);
        return refuse_new_file(tool, file->path, strerror(reason));
    }
    eg_sync_directory(tool, file->path);
    return EG_EXIT_GOOD;
}

static eg_exit write_all_or_none(const eg_tool *tool, const eg_new_file *files, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        eg_exit result = write_file(tool, &files[i]);

        if (result == EG_EXIT_GOOD)
            continue;
        while (i--)
            (void)unlink(files[i].path);
        return result;
    }
    return EG_EXIT_GOOD;
}

/* A signal waits until the file is whole or gone: an empty one would be in the way of the next try,
 * and a server that is pointed at it would not start. */
eg_exit eg_write_new(const eg_tool *tool, const eg_new_file *files, unsigned n)
{
    sigset_t all, before;
    eg_exit result;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    result = write_all_or_none(tool, files, n);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}

/* --- lines ------------------------------------------------------------------------------------- */

/* A person to whom nothing happens waits for us, and we for him. */
static void mention_terminal(const eg_tool *tool, int fd)
{
    if (fd == STDIN_FILENO && isatty(fd))
        eg_tool_complain(tool,
                         "reads what is typed here; Ctrl-D at the beginning of a line ends it");
}

bool eg_reader_open(eg_reader *reader, const eg_tool *tool, int fd, const char *name)
{
    *reader = (eg_reader){.tool = tool, .name = name, .fd = fd, .failure = EG_EXIT_GOOD};
    mention_terminal(tool, fd);
    reader->bytes = eg_secret_map(BUFFER_SIZE);
    if (!reader->bytes)
        eg_tool_complain(tool, "no memory");
    return reader->bytes != NULL;
}

void eg_reader_close(eg_reader *reader)
{
    eg_secret_unmap(reader->bytes, BUFFER_SIZE);
    reader->bytes = NULL;
}

static void drop_last(eg_reader *reader)
{
    eg_wipe(reader->bytes + reader->from, reader->taken);
    reader->from += reader->taken;
    reader->scanned = reader->from;
    reader->taken = 0;
}

static bool fail_reading(eg_reader *reader, eg_exit failure)
{
    reader->failure = failure;
    return false;
}

static bool take_input_line(eg_reader *reader, apr_size_t n, bool ended, eg_span *line)
{
    *line = (eg_span){reader->bytes + reader->from, n};
    reader->ended = ended;
    reader->taken = n + ended;
    reader->offset += (apr_off_t)reader->taken;
    reader->number++;
    return true;
}

/* The length of the next line if all of it is there. */
static bool find_end(eg_reader *reader, apr_size_t *n)
{
    const char *from = reader->bytes + reader->scanned;
    const char *end = memchr(from, '\n', reader->to - reader->scanned);

    reader->scanned = reader->to;
    *n = end ? (apr_size_t)(end - reader->bytes) - reader->from : reader->to - reader->from;
    return end != NULL;
}

static void make_room(eg_reader *reader)
{
    apr_size_t kept = reader->to - reader->from;

    if (reader->to < BUFFER_SIZE)
        return;
    memmove(reader->bytes, reader->bytes + reader->from, kept);
    eg_wipe(reader->bytes + kept, reader->to - kept);
    reader->scanned -= reader->from;
    reader->to = kept;
    reader->from = 0;
}

static bool fill(eg_reader *reader)
{
    ssize_t got;

    make_room(reader);
    got = read_more(reader->fd, reader->bytes + reader->to, BUFFER_SIZE - reader->to);
    if (got < 0) {
        eg_tool_complain(reader->tool, "%s: %s", reader->name, strerror(errno));
        return fail_reading(reader, EG_EXIT_SYSTEM);
    }
    reader->at_end = got == 0;
    reader->to += (apr_size_t)got;
    return true;
}

bool eg_reader_next(eg_reader *reader, eg_span *line)
{
    apr_size_t n;

    drop_last(reader);
    for (;;) {
        bool ended = find_end(reader, &n);

        if (n > EG_LINE_MAX) {
            eg_tool_complain(reader->tool, "%s: line %lu is longer than %d bytes; stopped there",
                             reader->name, (unsigned long)reader->number + 1, EG_LINE_MAX);
            return fail_reading(reader, EG_EXIT_DATA);
        }
        if (ended || (reader->at_end && n))
            return take_input_line(reader, n, ended, line);
        if (reader->at_end || !fill(reader))
            return false;
    }
}

void eg_reader_back(eg_reader *reader)
{
    reader->offset -= (apr_off_t)reader->taken;
    reader->number--;
    reader->taken = 0;
}

/* --- whole contents ---------------------------------------------------------------------------- */

static bool grow_content(eg_content *content)
{
    eg_content larger = {NULL, content->n, content->size ? 2 * content->size : CONTENT_START};

    larger.bytes = eg_secret_map(larger.size);
    if (!larger.bytes)
        return false;
    if (content->n)
        memcpy(larger.bytes, content->bytes, content->n);
    eg_content_free(content);
    *content = larger;
    return true;
}

eg_exit eg_content_read(const eg_tool *tool, int fd, const char *name, apr_size_t max,
                        eg_content *content)
{
    ssize_t got;

    *content = (eg_content){NULL, 0, 0};
    mention_terminal(tool, fd);
    do {
        if (content->n == content->size && !grow_content(content)) {
            eg_tool_complain(tool, "no memory");
            return EG_EXIT_SYSTEM;
        }
        got = read_more(fd, content->bytes + content->n, content->size - content->n);
        if (got < 0) {
            eg_tool_complain(tool, "%s: %s", name, strerror(errno));
            return EG_EXIT_SYSTEM;
        }
        content->n += (apr_size_t)got;
    } while (got > 0 && content->n <= max);
    if (content->n <= max)
        return EG_EXIT_GOOD;
    eg_tool_complain(tool, "%s: more than %lu bytes", name, (unsigned long)max);
    return EG_EXIT_DATA;
}

void eg_content_free(eg_content *content)
{
    eg_secret_unmap(content->bytes, content->size);
    *content = (eg_content){NULL, 0, 0};
}
