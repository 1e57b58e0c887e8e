/* SPDX-License-Identifier: Apache-2.0
 * encgather rewrap: tokens of any key of the ring become tokens of the first one. */
#include "encgather_rewrap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include "core/secret.h"
#include "core/token.h"

/* --- a line ------------------------------------------------------------------------------------ */

static bool holds_no_token(eg_span line)
{
    while (line.n && eg_is_blank(line.p[0])) {
        line.p++;
        line.n--;
    }
    return line.n == 0 || line.p[0] == '#';
}

eg_exit eg_rewrap_give_up(const eg_rewrap *job)
{
    eg_tool_complain(job->tool, "line %lu: OpenSSL or the random source failed; stopped there",
                     (unsigned long)job->in.number);
    return EG_EXIT_SYSTEM;
}

eg_opened eg_rewrap_open_line(eg_rewrap *job, eg_span line)
{
    bool cr = line.n && line.p[line.n - 1] == '\r';
    eg_opened opened = {EG_OK, !holds_no_token(line), 0, {"", 0}, {"\r", cr}};
    eg_span token = {line.p, line.n - cr};

    if (opened.is_token)
        opened.status = eg_token_open(job->tool->crypto, job->ring, token, job->pool, &opened.plain,
                                      &opened.which);
    job->failed = job->failed || opened.status == EG_ECRYPTO;
    return opened;
}

bool eg_rewrap_is_kept(const eg_opened *opened)
{
    return !opened->is_token || opened->status != EG_OK || opened->which == 0;
}

void eg_rewrap_note_bad(eg_rewrap *job, const eg_opened *opened)
{
    if (opened->status == EG_OK)
        return;
    eg_tool_complain(job->tool, "line %lu: not a token of these keys; copied as it is",
                     (unsigned long)job->in.number);
    job->bad_lines = true;
}

/* line, tail and a line end, in the job's pool. */
static eg_span compose(const eg_rewrap *job, eg_span line, eg_span tail)
{
    char *text = apr_palloc(job->pool, line.n + tail.n + 1);

    memcpy(text, line.p, line.n);
    memcpy(text + line.n, tail.p, tail.n);
    text[line.n + tail.n] = '\n';
    return (eg_span){text, line.n + tail.n + 1};
}

static eg_status renew(const eg_rewrap *job, eg_span line, const eg_opened *opened, eg_span *out)
{
    eg_span token = {NULL, EG_TOKEN_LENGTH(opened->plain.n)};
    char *text;
    eg_status status;

    if (eg_rewrap_is_kept(opened)) {
        *out = compose(job, line, (eg_span){"", 0});
        return EG_OK;
    }
    text = apr_palloc(job->pool, token.n + 1);
    status = eg_token_seal(job->tool->crypto, job->ring, opened->plain, text);
    token.p = text;
    if (status == EG_OK)
        *out = compose(job, token, opened->line_end);
    return status;
}

/* What could not be written whole is taken back. */
static eg_exit write_rewrapped(eg_rewrap *job, eg_span out)
{
    if (eg_write(job->out, out.p, out.n)) {
        job->written += (apr_off_t)out.n;
        return EG_EXIT_GOOD;
    }
    eg_tool_complain(job->tool, "%s: %s", job->out_name, strerror(errno));
    if (job->to_file && ftruncate(job->out, job->written) != 0)
        eg_tool_complain(job->tool, "%s: its last line is torn", job->out_name);
    return EG_EXIT_SYSTEM;
}

static eg_exit rewrap_line(eg_rewrap *job, eg_span line)
{
    eg_opened opened = eg_rewrap_open_line(job, line);
    eg_span out = {"", 0};

    if (job->failed || renew(job, line, &opened, &out) != EG_OK)
        return eg_rewrap_give_up(job);
    eg_rewrap_note_bad(job, &opened);
    return write_rewrapped(job, out);
}

/* --- all of them ------------------------------------------------------------------------------- */

static eg_exit rewrap_rest(eg_rewrap *job)
{
    eg_span line;

    while (eg_reader_next(&job->in, &line)) {
        eg_exit one = rewrap_line(job, line);

        apr_pool_clear(job->pool);
        if (one != EG_EXIT_GOOD)
            return one;
    }
    return job->in.failure;
}

static eg_exit finish_file(const eg_rewrap *job)
{
    if (!job->to_file)
        return EG_EXIT_GOOD;
    eg_sync_directory(job->tool, job->out_name);
    if (fsync(job->out) == 0)
        return EG_EXIT_GOOD;
    eg_tool_complain(job->tool, "%s: %s", job->out_name, strerror(errno));
    return EG_EXIT_SYSTEM;
}

/* "< FILE >> FILE" would never end. */
static eg_exit check_files(const eg_rewrap *job)
{
    struct stat in, out;

    if (fstat(job->in.fd, &in) != 0 || fstat(job->out, &out) != 0) {
        eg_tool_complain(job->tool, "input and output cannot be looked at: %s", strerror(errno));
        return EG_EXIT_SYSTEM;
    }
    if (!S_ISREG(in.st_mode) || in.st_dev != out.st_dev || in.st_ino != out.st_ino)
        return EG_EXIT_GOOD;
    eg_tool_complain(job->tool, "input and output are the same file");
    return EG_EXIT_USAGE;
}

static eg_exit rewrap(eg_rewrap *job)
{
    eg_exit result = check_files(job);

    if (result == EG_EXIT_GOOD && job->to_file)
        result = eg_rewrap_resume(job);
    if (result == EG_EXIT_GOOD)
        result = rewrap_rest(job);
    if (result == EG_EXIT_GOOD)
        result = finish_file(job);
    return result == EG_EXIT_GOOD && job->bad_lines ? EG_EXIT_DATA : result;
}

static int open_file(const eg_rewrap *job, const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);

    if (fd < 0)
        eg_tool_complain(job->tool, "%s: %s", path, strerror(errno));
    return fd;
}

static eg_exit run_files(eg_rewrap *job, const char *input, const char *output)
{
    int in = input ? open_file(job, input, O_RDONLY) : STDIN_FILENO;
    eg_exit result = EG_EXIT_SYSTEM;

    job->to_file = output != NULL;
    job->out_name = output ? output : "standard output";
    job->out = STDOUT_FILENO;
    if (in >= 0 && output)
        job->out = open_file(job, output, O_RDWR | O_CREAT | O_APPEND);
    if (in >= 0 && job->out >= 0 &&
        eg_reader_open(&job->in, job->tool, in, input ? input : "standard input")) {
        result = rewrap(job);
        eg_reader_close(&job->in);
    }
    return result;
}

static eg_exit run_rewrap(eg_tool *tool)
{
    const char *key_file = NULL, *input = NULL, *output = NULL;
    const eg_option options[] = {{"--key-file", &key_file, NULL, true},
                                 {"--input", &input, NULL, false},
                                 {"--output", &output, NULL, false},
                                 {NULL, NULL, NULL, false}};
    eg_operands none = {.min = 0, .max = 0};
    eg_rewrap job = {.tool = tool};

    if (!eg_tool_options(tool, options, &none))
        return EG_EXIT_USAGE;
    job.key_file = key_file;
    job.ring = eg_tool_keys(tool, key_file);
    if (!job.ring)
        return EG_EXIT_SYSTEM;
    apr_pool_create(&job.pool, tool->pool);
    return run_files(&job, input, output);
}

const eg_command eg_command_rewrap = {
    "rewrap",
    "tokens of old keys to tokens of the first",
    "usage: encgather rewrap --key-file FILE [--input FILE] [--output FILE]\n"
    "\n"
    "Copies tokens, a line each; those of another key of the ring become tokens of its\n"
    "first key. Blank lines, lines that begin with # and tokens of the first key are\n"
    "copied as they are. So is a line that no key opens: standard error tells its\n"
    "number, and the exit status is 1 at the end.\n"
    "\n"
    "  --input FILE    read tokens from FILE, not from standard input\n"
    "  --output FILE   write to FILE; when it holds the beginning of an output already,\n"
    "                  because rewrap was interrupted, go on behind its last whole line\n",
    run_rewrap,
};
