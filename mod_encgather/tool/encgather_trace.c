/* SPDX-License-Identifier: Apache-2.0
 * encgather trace: the life of one call, out of access and error logs. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include "encgather_io.h"
#include "encgather_logline.h"

#define SID_MAX 64

/* A line that names the call. */
typedef struct {
    apr_time_t when;
    int number; /* in the order of reading, for lines of one time */
    eg_log_line line;
} call_event;

/* One run. */
typedef struct {
    const eg_tool *tool;
    eg_span sid;
    apr_array_header_t *events;
} call_trace;

/* --- reading ----------------------------------------------------------------------------------- */

/* A line without a time has that of the line before it. */
static void note_line(call_trace *trace, eg_span line, const char *at, apr_time_t *last)
{
    eg_span kept = {apr_pstrmemdup(trace->tool->pool, line.p, line.n), line.n};
    call_event *event = apr_array_push(trace->events);

    (void)eg_log_time(kept, last);
    event->when = *last;
    event->number = trace->events->nelts;
    eg_log_read(kept, trace->sid, kept.p + (at - line.p), &event->line);
}

static bool looks_gzipped(eg_span line)
{
    return line.n >= 2 && memcmp(line.p, "\x1f\x8b", 2) == 0;
}

static eg_exit read_log(call_trace *trace, eg_reader *reader)
{
    eg_span line;
    apr_time_t last = 0;

    while (eg_reader_next(reader, &line)) {
        const char *at = eg_log_find_call(line, trace->sid);

        if (reader->number == 1 && looks_gzipped(line)) {
            eg_tool_complain(trace->tool,
                             "%s is compressed; run: zcat %s | encgather trace CALLSID -",
                             reader->name, reader->name);
            return EG_EXIT_DATA;
        }
        if (at)
            note_line(trace, line, at, &last);
    }
    return reader->failure;
}

static eg_exit trace_descriptor(call_trace *trace, int fd, const char *name)
{
    eg_reader reader;
    eg_exit result;

    if (!eg_reader_open(&reader, trace->tool, fd, name))
        return EG_EXIT_SYSTEM;
    result = read_log(trace, &reader);
    eg_reader_close(&reader);
    return result;
}

static eg_exit trace_file(call_trace *trace, const char *path)
{
    eg_exit result;
    int fd;

    if (strcmp(path, "-") == 0)
        return trace_descriptor(trace, STDIN_FILENO, "standard input");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        eg_tool_complain(trace->tool, "%s: %s", path, strerror(errno));
        return EG_EXIT_SYSTEM;
    }
    result = trace_descriptor(trace, fd, path);
    (void)close(fd);
    return result;
}

/* --- printing ---------------------------------------------------------------------------------- */

static const char *as_text(const call_trace *trace, eg_span span)
{
    return apr_pstrmemdup(trace->tool->pool, span.p, span.n);
}

static const char *local_time(const call_trace *trace, apr_time_t when)
{
    apr_time_exp_t at;

    if (!when)
        return "                       "; /* as wide as a time */
    (void)apr_time_exp_lt(&at, when);
    return apr_psprintf(trace->tool->pool, "%04d-%02d-%02d %02d:%02d:%02d.%03d", at.tm_year + 1900,
                        at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec,
                        at.tm_usec / 1000);
}

static apr_time_t duration_of(const call_event *event)
{
    eg_span digits = event->line.microseconds;
    apr_time_t sum = 0;

    if (digits.n > 15)
        return 0;
    for (apr_size_t i = 0; i < digits.n; i++)
        sum = 10 * sum + (digits.p[i] - '0');
    return sum;
}

static const char *duration_text(const call_trace *trace, const call_event *event)
{
    apr_time_t took = duration_of(event);

    if (!event->line.microseconds.n)
        return "";
    if (took < APR_USEC_PER_SEC)
        return apr_psprintf(trace->tool->pool, "%.1f ms, ", (double)took / 1000);
    return apr_psprintf(trace->tool->pool, "%.3f s, ", (double)took / APR_USEC_PER_SEC);
}

static eg_exit print_webhook(const call_trace *trace, const call_event *event)
{
    const eg_log_line *line = &event->line;

    return eg_tool_print(
        trace->tool, "%s  %s: %s (%s%s%ssignature %s)", local_time(trace, event->when),
        as_text(trace, line->step), as_text(trace, line->result), as_text(trace, line->status),
        line->status.n ? ", " : "", duration_text(trace, event), as_text(trace, line->signature));
}

static eg_exit print_event(const call_trace *trace, const call_event *event)
{
    const eg_log_line *line = &event->line;

    if (line->kind == EG_LINE_WEBHOOK)
        return print_webhook(trace, event);
    return eg_tool_print(trace->tool, "%s  %s%s%s%s%s", local_time(trace, event->when),
                         as_text(trace, line->level), line->level.n ? " " : "",
                         as_text(trace, line->tag), line->tag.n ? ": " : "",
                         as_text(trace, line->text));
}

/* What the webhooks come to. */
typedef struct {
    int count;
    apr_time_t begin, end;
    const call_event *last;
} webhook_sum;

static webhook_sum sum_up(const call_trace *trace)
{
    webhook_sum sum = {0, 0, 0, NULL};

    for (int i = 0; i < trace->events->nelts; i++) {
        const call_event *event = &APR_ARRAY_IDX(trace->events, i, call_event);

        if (event->line.kind != EG_LINE_WEBHOOK)
            continue;
        if (!sum.count++)
            sum.begin = event->when;
        sum.end = event->when + duration_of(event);
        sum.last = event;
    }
    return sum;
}

static bool awaits_answer(eg_span result)
{
    return eg_span_eq(result, EG_LIT("asked")) || eg_span_eq(result, EG_LIT("asked-again"));
}

static eg_exit print_sum(const call_trace *trace)
{
    webhook_sum sum = sum_up(trace);
    eg_exit printed;

    if (!sum.count)
        return eg_tool_print(trace->tool, "no webhook of this call is in these logs");
    printed =
        eg_tool_print(trace->tool, "%d webhook%s in %.3f s; the last one: %s", sum.count,
                      sum.count == 1 ? "" : "s", (double)(sum.end - sum.begin) / APR_USEC_PER_SEC,
                      as_text(trace, sum.last->line.result));
    if (printed != EG_EXIT_GOOD || !awaits_answer(sum.last->line.result))
        return printed;
    return eg_tool_print(trace->tool, "no answer to its question: the caller hung up, or the next "
                                      "webhook did not reach this server");
}

static int by_time(const void *a, const void *b)
{
    const call_event *one = a, *other = b;

    if (one->when != other->when)
        return one->when < other->when ? -1 : 1;
    return one->number - other->number;
}

static eg_exit print_trace(const call_trace *trace)
{
    eg_exit printed = EG_EXIT_GOOD;

    if (!trace->events->nelts) {
        eg_tool_complain(trace->tool, "no line of these files names that call");
        return EG_EXIT_DATA;
    }
    qsort(trace->events->elts, (apr_size_t)trace->events->nelts, sizeof(call_event), by_time);
    for (int i = 0; i < trace->events->nelts && printed == EG_EXIT_GOOD; i++)
        printed = print_event(trace, &APR_ARRAY_IDX(trace->events, i, call_event));
    return printed == EG_EXIT_GOOD ? print_sum(trace) : printed;
}

/* --- the command ------------------------------------------------------------------------------- */

static bool is_call_id(eg_span sid)
{
    for (apr_size_t i = 0; i < sid.n; i++)
        if (!eg_is_alnum(sid.p[i]) && !strchr("_:-", sid.p[i]))
            return false;
    return sid.n >= 1 && sid.n <= SID_MAX;
}

static eg_exit run_trace(eg_tool *tool)
{
    const eg_option options[] = {{NULL, NULL, NULL, false}};
    eg_operands operands = {.min = 2, .max = tool->argc};
    call_trace trace = {tool, {"", 0}, apr_array_make(tool->pool, 16, sizeof(call_event))};
    eg_exit result = EG_EXIT_GOOD, printed;

    if (!eg_tool_options(tool, options, &operands))
        return EG_EXIT_USAGE;
    trace.sid = eg_span_of(operands.at[0]);
    if (!is_call_id(trace.sid)) {
        eg_tool_complain(tool, "argument 2 is no CallSid; see: encgather trace --help");
        return EG_EXIT_USAGE;
    }
    for (int i = 1; i < operands.n; i++) {
        eg_exit one = trace_file(&trace, operands.at[i]);

        result = one > result ? one : result;
    }
    printed = print_trace(&trace);
    return printed > result ? printed : result;
}

const eg_command eg_command_trace = {
    "trace",
    "the life of one call, out of access and error logs",
    "usage: encgather trace CALLSID FILE ...\n"
    "\n"
    "Prints, in order of time, each webhook of the call that an access log has and each\n"
    "line of an error log that names it, and what came of it. Any LogFormat will do that\n"
    "has the CallSid (%{ENCGATHER_CALL}e); \"encgather\" and \"encgather_json\" tell most.\n"
    "A FILE - is standard input: zcat access.log.2.gz | encgather trace CALLSID -\n"
    "\n"
    "Exit status: 0 found, 1 no line names the call.\n",
    run_trace,
};
