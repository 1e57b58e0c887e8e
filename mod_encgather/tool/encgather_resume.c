/* SPDX-License-Identifier: Apache-2.0
 * encgather rewrap, the second time: what is in the output file is checked, and then gone on with. */
#include "encgather_rewrap.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "core/token.h"

static eg_exit refuse_resuming(const eg_rewrap *job, const char *why)
{
    eg_tool_complain(job->tool, "%s: %s", job->out_name, why);
    return EG_EXIT_DATA;
}

static eg_exit blame_system(const eg_rewrap *job)
{
    eg_tool_complain(job->tool, "%s: %s", job->out_name, strerror(errno));
    return EG_EXIT_SYSTEM;
}

static eg_exit refuse_line(const eg_rewrap *job, apr_uint64_t number)
{
    eg_tool_complain(job->tool,
                     "%s: line %lu is not what becomes of line %lu of the input; left as it is",
                     job->out_name, (unsigned long)number, (unsigned long)number);
    return EG_EXIT_DATA;
}

/* Neither more nor less than what was in it, as far as that can be seen here: what was made for a
 * recipient does not open, and has the length that it should have. */
static bool holds_the_same(eg_rewrap *job, const eg_opened *before, const eg_opened *after,
                           eg_span out)
{
    eg_sealing sealing = after->anew;

    if (!job->setup->sealing.recipient || after->format != EG_JWE)
        return eg_equal_secret(before->plain, after->plain);
    return eg_jwe_format.length(&sealing, before->plain.n) == out.n - after->line_end.n;
}

/* The time of what was a hex token is that of its sealing. */
static bool says_the_same(const eg_opened *before, const eg_opened *after)
{
    if (!eg_formats[after->format]->binds)
        return true;
    return eg_span_eq(before->anew.sid, after->anew.sid) &&
           eg_span_eq(before->anew.fld, after->anew.fld) &&
           (!eg_formats[before->format]->binds || before->anew.iat == after->anew.iat);
}

/* Whether rewrap would have made out of in. */
static bool pair_fits(eg_rewrap *job, eg_span in, eg_span out)
{
    eg_opened before = eg_rewrap_open_line(job, in), after;

    if (job->failed)
        return false;
    eg_rewrap_note_bad(job, &before);
    if (eg_rewrap_is_kept(&before))
        return eg_span_eq(in, out);
    after = eg_rewrap_open_line(job, out);
    return after.is_token && after.status == EG_OK && after.is_current &&
           after.format == before.becomes && says_the_same(&before, &after) &&
           holds_the_same(job, &before, &after, out) && eg_span_eq(before.line_end, after.line_end);
}

static bool is_of_token(unsigned format, char c)
{
    if (format == EG_HEX)
        return eg_hex_value(c) >= 0;
    return eg_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

/* Whether a line that was cut off by an interruption could have become the output of in. */
static bool could_become(eg_rewrap *job, eg_span torn, eg_span in)
{
    eg_opened before = eg_rewrap_open_line(job, in);
    apr_size_t length;

    if (job->failed)
        return false;
    if (eg_rewrap_is_kept(&before))
        return torn.n <= in.n && memcmp(torn.p, in.p, torn.n) == 0;
    length = eg_formats[before.becomes]->length(&before.anew, before.plain.n);
    if (torn.n > length + before.line_end.n)
        return false;
    for (apr_size_t i = 0; i < torn.n && i < length; i++)
        if (!is_of_token(before.becomes, torn.p[i]))
            return false;
    return true;
}

static eg_exit cut_torn_line(eg_rewrap *job, eg_span torn)
{
    eg_span line;

    if (!eg_reader_next(&job->in, &line) || !could_become(job, torn, line))
        return job->failed ? eg_rewrap_give_up(job)
                           : refuse_resuming(
                                 job, "its last line is cut off, and not by rewrap; left as it is");
    eg_reader_back(&job->in); /* still to be done */
    return ftruncate(job->out, job->written) == 0 ? EG_EXIT_GOOD : blame_system(job);
}

static eg_exit check_line(eg_rewrap *job, eg_reader *done, eg_span out)
{
    eg_span in;
    bool good;

    if (!done->ended)
        return cut_torn_line(job, out);
    if (!eg_reader_next(&job->in, &in))
        return job->in.failure != EG_EXIT_GOOD
                   ? job->in.failure
                   : refuse_resuming(job, "has more lines than the input");
    good = pair_fits(job, in, out);
    job->written = done->offset;
    apr_pool_clear(job->pool);
    if (job->failed)
        return eg_rewrap_give_up(job);
    return good ? EG_EXIT_GOOD : refuse_line(job, done->number);
}

static eg_exit check_lines(eg_rewrap *job)
{
    eg_reader done;
    eg_span out;
    eg_exit result = EG_EXIT_GOOD;

    if (!eg_reader_open(&done, job->tool, job->out, job->out_name))
        return EG_EXIT_SYSTEM;
    while (result == EG_EXIT_GOOD && eg_reader_next(&done, &out))
        result = check_line(job, &done, out);
    if (result == EG_EXIT_GOOD)
        result = done.failure;
    eg_reader_close(&done);
    return result;
}

/* A key file without a line end looks like a token that was cut off. */
static eg_exit check_output(const eg_rewrap *job)
{
    struct stat out, key;
    bool good;

    if (fstat(job->out, &out) != 0)
        return blame_system(job);
    good = S_ISREG(out.st_mode);
    for (const char *const *path = job->key_files; *path; path++) {
        if (stat(*path, &key) != 0)
            return blame_system(job);
        good = good && (key.st_dev != out.st_dev || key.st_ino != out.st_ino);
    }
    if (good)
        return EG_EXIT_GOOD;
    eg_tool_complain(job->tool, "%s: cannot be an output", job->out_name);
    return EG_EXIT_USAGE;
}

static eg_exit lock_output(const eg_rewrap *job)
{
    if (flock(job->out, LOCK_EX | LOCK_NB) == 0)
        return EG_EXIT_GOOD;
    if (errno != EWOULDBLOCK)
        return blame_system(job);
    eg_tool_complain(job->tool, "%s: another rewrap is writing to it", job->out_name);
    return EG_EXIT_SYSTEM;
}

eg_exit eg_rewrap_resume(eg_rewrap *job)
{
    eg_exit result = check_output(job);

    if (result == EG_EXIT_GOOD)
        result = lock_output(job);
    return result == EG_EXIT_GOOD ? check_lines(job) : result;
}
