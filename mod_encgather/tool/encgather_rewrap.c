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

/* Made for the recipient that is asked for: nobody here could open it. */
static bool is_for(const eg_envelope_key *recipient, const eg_claims *claims)
{
    return eg_span_eq(claims->kid, eg_span_of(recipient->kid)) &&
           eg_span_eq(claims->alg, eg_span_of(eg_envelope_alg(recipient->kind)));
}

/* What a token says of itself stays; what it does not say is what the options say. */
static void bind_anew(const eg_rewrap *job, eg_opened *opened, const eg_claims *claims)
{
    opened->anew = job->setup->sealing;
    opened->anew.iat = eg_tool_now(job->setup);
    if (!eg_formats[opened->format]->binds)
        return;
    opened->anew.sid = claims->sid;
    opened->anew.fld = claims->fld;
    opened->anew.iat = claims->iat;
}

static bool is_bound_to_nothing(const eg_opened *opened)
{
    return eg_formats[opened->becomes]->binds && (!opened->anew.sid.p || !opened->anew.fld.p);
}

static bool becomes_too_long(const eg_opened *opened)
{
    const eg_format *format = eg_formats[opened->becomes];

    return format->most && format->length(&opened->anew, opened->plain.n) > format->most;
}

/* What cannot be made of an opened token is told, and the token left as it is. */
static eg_status look_whether_it_can_be(const eg_opened *opened)
{
    if (is_bound_to_nothing(opened))
        return EG_EMISSING;
    return becomes_too_long(opened) ? EG_ETOOMANY : EG_OK;
}

static void open_it(eg_rewrap *job, eg_span token, eg_opened *opened)
{
    static const eg_demands none = {.ttl = 0};
    const eg_envelope_key *recipient = job->setup->sealing.recipient;
    eg_opened_token is;

    opened->status =
        eg_token_open_bound(job->tool->crypto, &job->setup->opening, token, &none, job->pool, &is);
    opened->plain = is.plain;
    opened->is_current = opened->status == EG_OK && opened->format == opened->becomes &&
                         is.which == 0 && !(recipient && opened->becomes == EG_JWE);
    if (opened->status == EG_OK && !opened->is_current)
        opened->status = look_whether_it_can_be(opened);
}

static void look_at_token(eg_rewrap *job, eg_span token, eg_opened *opened)
{
    const eg_envelope_key *recipient = job->setup->sealing.recipient;
    eg_claims claims;

    opened->format = eg_format_of(token, job->pool, &claims);
    if (opened->format == EG_FORMATS) {
        opened->status = EG_ETOKEN;
        return;
    }
    opened->becomes = job->setup->format == EG_FORMATS ? opened->format : job->setup->format;
    bind_anew(job, opened, &claims);
    if (recipient && opened->becomes == EG_JWE && opened->format == EG_JWE &&
        is_for(recipient, &claims))
        opened->is_current = true;
    else
        open_it(job, token, opened);
}

eg_opened eg_rewrap_open_line(eg_rewrap *job, eg_span line)
{
    bool cr = line.n && line.p[line.n - 1] == '\r';
    eg_opened opened = {.status = EG_OK, .is_token = !holds_no_token(line), .line_end = {"\r", cr}};

    if (opened.is_token)
        look_at_token(job, (eg_span){line.p, line.n - cr}, &opened);
    job->failed = job->failed || opened.status == EG_ECRYPTO;
    return opened;
}

bool eg_rewrap_is_kept(const eg_opened *opened)
{
    return !opened->is_token || opened->status != EG_OK || opened->is_current;
}

static const char *reason_for_keeping(eg_status status)
{
    if (status == EG_EMISSING)
        return "says neither its call nor its field, and --sid or --fld is missing";
    return status == EG_ETOOMANY ? "too long for a token of that format"
                                 : "not a token of these keys";
}

void eg_rewrap_note_bad(eg_rewrap *job, const eg_opened *opened)
{
    if (opened->status == EG_OK)
        return;
    eg_tool_complain(job->tool, "line %lu: %s; copied as it is", (unsigned long)job->in.number,
                     reason_for_keeping(opened->status));
    job->bad_lines = true;
}

/* Once is enough. */
static void note_loss(eg_rewrap *job, const eg_opened *opened)
{
    if (job->told_loss || eg_rewrap_is_kept(opened) || !eg_formats[opened->format]->binds ||
        eg_formats[opened->becomes]->binds)
        return;
    job->told_loss = true;
    eg_tool_complain(job->tool, "warning: a hex token does not say its call, its field and its "
                                "time; they are lost");
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
    eg_span token;
    eg_status status;

    if (eg_rewrap_is_kept(opened)) {
        *out = compose(job, line, (eg_span){"", 0});
        return EG_OK;
    }
    status = eg_formats[opened->becomes]->seal(job->tool->crypto, &opened->anew, opened->plain,
                                               job->pool, &token);
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
    note_loss(job, &opened);
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

static eg_exit rewrap_with(eg_tool *tool, const eg_token_options *given, const char *input,
                           const char *output)
{
    const char *const key_files[] = {given->key_file ? given->key_file : given->private_file,
                                     given->key_file ? given->private_file : NULL, NULL};
    eg_token_setup setup;
    eg_rewrap job = {.tool = tool, .setup = &setup, .key_files = key_files};
    eg_exit result = eg_tool_set_up(tool, given, &setup);

    if (result != EG_EXIT_GOOD)
        return result;
    if (!eg_tool_can_seal(tool, &setup))
        return EG_EXIT_USAGE;
    apr_pool_create(&job.pool, tool->pool);
    return run_files(&job, input, output);
}

static eg_exit run_rewrap(eg_tool *tool)
{
    const char *input = NULL, *output = NULL;
    eg_token_options given = {.format = NULL};
    const eg_option options[] = {{"--key-file", &given.key_file, NULL, false},
                                 {"--private-key", &given.private_file, NULL, false},
                                 {"--recipient", &given.recipient_file, NULL, false},
                                 {"--kid", &given.kid, NULL, false},
                                 {"--format", &given.format, NULL, false},
                                 {"--sid", &given.sid, NULL, false},
                                 {"--fld", &given.fld, NULL, false},
                                 {"--input", &input, NULL, false},
                                 {"--output", &output, NULL, false},
                                 {NULL, NULL, NULL, false}};
    eg_operands none = {.min = 0, .max = 0};

    if (!eg_tool_options(tool, options, &none))
        return EG_EXIT_USAGE;
    if (given.key_file || given.private_file)
        return rewrap_with(tool, &given, input, output);
    eg_tool_complain(tool, "--key-file or --private-key is missing; see: encgather rewrap --help");
    return EG_EXIT_USAGE;
}

const eg_command eg_command_rewrap = {
    "rewrap",
    "tokens of old keys to tokens of the first",
    "usage: encgather rewrap --key-file FILE [OPTION ...]\n"
    "       encgather rewrap --private-key FILE --recipient FILE --kid ID [OPTION ...]\n"
    "\n"
    "Copies tokens, a line each; those of another key of the ring become tokens of its\n"
    "first key, or of a recipient. Blank lines, lines that begin with # and tokens of the first "
    "key are\n"
    "copied as they are. So is a line that no key opens: standard error tells its\n"
    "number, and the exit status is 1 at the end.\n"
    "\n"
    "  --format hex|jwe    make tokens of this format of all; a jwe token keeps its time,\n"
    "                      call and field, and a hex token has none\n"
    "  --sid S, --fld NAME call and field of what was a hex token; its time is now\n"
    "  --private-key FILE  open tokens with this key too\n"
    "  --recipient FILE    make jwe tokens for this public key, certificate or JWK\n"
    "  --kid ID            the id of that key\n"
    "  --input FILE    read tokens from FILE, not from standard input\n"
    "  --output FILE   write to FILE; when it holds the beginning of an output already,\n"
    "                  because rewrap was interrupted, go on behind its last whole line\n",
    run_rewrap,
};
