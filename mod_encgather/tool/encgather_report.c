/* SPDX-License-Identifier: Apache-2.0
 * What encgather doctor found: what it is about, how it is, and what to do. */
#include "encgather_report.h"

#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include "core/jsonline.h"
#include "encgather_io.h"
#include "version.h"

#define STATES (EG_STATE_BROKEN + 1)

static const char *const state_words[STATES] = {"ok", "odd", "broken"};

eg_report eg_report_begin(const eg_tool *tool)
{
    return (eg_report){.tool = tool,
                       .subjects = apr_array_make(tool->pool, 16, sizeof(eg_subject *))};
}

eg_subject *eg_report_subject(const eg_report *report, const char *title)
{
    eg_subject *subject = apr_pcalloc(report->tool->pool, sizeof *subject);

    subject->title = title;
    subject->findings = apr_array_make(report->tool->pool, 4, sizeof(eg_finding));
    APR_ARRAY_PUSH(report->subjects, eg_subject *) = subject;
    return subject;
}

void eg_report_add(const eg_subject *subject, eg_state state, const char *text, const char *advice)
{
    APR_ARRAY_PUSH(subject->findings, eg_finding) =
        (eg_finding){.state = state, .text = text, .advice = advice};
}

static const eg_subject *subject_at(const eg_report *report, int i)
{
    return APR_ARRAY_IDX(report->subjects, i, const eg_subject *);
}

static const eg_finding *found_at(const eg_subject *subject, int i)
{
    return &APR_ARRAY_IDX(subject->findings, i, eg_finding);
}

static void count_states(const eg_report *report, int count[STATES])
{
    for (int i = 0; i < report->subjects->nelts; i++)
        for (int j = 0; j < subject_at(report, i)->findings->nelts; j++)
            count[found_at(subject_at(report, i), j)->state]++;
}

static bool is_shown(const eg_report *report, eg_state state)
{
    return state != EG_STATE_OK || !report->is_quiet;
}

static bool has_shown(const eg_report *report, const eg_subject *subject)
{
    for (int i = 0; i < subject->findings->nelts; i++)
        if (is_shown(report, found_at(subject, i)->state))
            return true;
    return false;
}

/* --- for people -------------------------------------------------------------------------------- */

static eg_exit print_finding(const eg_report *report, const eg_finding *finding)
{
    eg_exit printed =
        eg_tool_print(report->tool, "  %-7s %s%s%s", state_words[finding->state],
                      finding->tag ? finding->tag : "", finding->tag ? ": " : "", finding->text);

    if (printed != EG_EXIT_GOOD || !finding->advice)
        return printed;
    return eg_tool_print(report->tool, "          do: %s", finding->advice);
}

static eg_exit print_findings(const eg_report *report, const eg_subject *subject, eg_state state)
{
    eg_exit printed = EG_EXIT_GOOD;

    for (int i = 0; i < subject->findings->nelts && printed == EG_EXIT_GOOD; i++)
        if (found_at(subject, i)->state == state)
            printed = print_finding(report, found_at(subject, i));
    return printed;
}

/* What is worst first. */
static eg_exit print_subject(const eg_report *report, const eg_subject *subject)
{
    eg_exit printed = EG_EXIT_GOOD;

    if (!has_shown(report, subject))
        return EG_EXIT_GOOD;
    if (subject->line)
        printed = eg_tool_print(report->tool, "%s (line %ld of %s)", subject->title, subject->line,
                                subject->file);
    else
        printed = eg_tool_print(report->tool, "%s", subject->title);
    for (int state = EG_STATE_BROKEN; state >= EG_STATE_OK && printed == EG_EXIT_GOOD; state--)
        if (is_shown(report, (eg_state)state))
            printed = print_findings(report, subject, (eg_state)state);
    return printed;
}

static eg_exit print_for_people(const eg_report *report, const int count[STATES])
{
    eg_exit printed = EG_EXIT_GOOD;

    for (int i = 0; i < report->subjects->nelts && printed == EG_EXIT_GOOD; i++)
        printed = print_subject(report, subject_at(report, i));
    if (printed != EG_EXIT_GOOD)
        return printed;
    if (!count[EG_STATE_BROKEN] && !count[EG_STATE_ODD])
        return eg_tool_print(report->tool, "all is well: %d ok", count[EG_STATE_OK]);
    return eg_tool_print(report->tool, "%d broken, %d odd, %d ok", count[EG_STATE_BROKEN],
                         count[EG_STATE_ODD], count[EG_STATE_OK]);
}

/* --- for programs ------------------------------------------------------------------------------ */

static const char *member(apr_pool_t *pool, const char *name, const char *text)
{
    return text ? apr_pstrcat(pool, ",\"", name, "\":", eg_json_quote(pool, text), NULL) : "";
}

static const char *finding_as_json(apr_pool_t *pool, const eg_subject *about,
                                   const eg_finding *finding)
{
    const char *line = about->line ? apr_psprintf(pool, ",\"line\":%ld", about->line) : "";

    return apr_pstrcat(pool, "{\"state\":\"", state_words[finding->state], "\"",
                       member(pool, "about", about->title), member(pool, "host", about->host),
                       member(pool, "section", about->section), member(pool, "file", about->file),
                       line, member(pool, "tag", finding->tag), member(pool, "text", finding->text),
                       member(pool, "do", finding->advice), "}", NULL);
}

static void push_as_json(const eg_report *report, const eg_subject *subject,
                         apr_array_header_t *all)
{
    for (int i = 0; i < subject->findings->nelts; i++)
        if (is_shown(report, found_at(subject, i)->state))
            APR_ARRAY_PUSH(all, const char *) =
                finding_as_json(report->tool->pool, subject, found_at(subject, i));
}

static const char *findings_as_json(const eg_report *report)
{
    apr_pool_t *pool = report->tool->pool;
    apr_array_header_t *all = apr_array_make(pool, 16, sizeof(const char *));

    for (int i = 0; i < report->subjects->nelts; i++)
        push_as_json(report, subject_at(report, i), all);
    return apr_array_pstrcat(pool, all, ',');
}

static eg_exit print_json(const eg_report *report, const int count[STATES], const char *result)
{
    apr_pool_t *pool = report->tool->pool;
    const char *text = apr_psprintf(
        pool, "{\"result\":\"%s\",\"broken\":%d,\"odd\":%d,\"ok\":%d,\"program\":\"%s\"%s%s",
        result, count[EG_STATE_BROKEN], count[EG_STATE_ODD], count[EG_STATE_OK], EG_VERSION,
        member(pool, "module", report->version),
        member(pool, "configuration", report->configuration));

    text = apr_pstrcat(pool, text, ",\"findings\":[", findings_as_json(report), "]}\n", NULL);
    if (eg_write(STDOUT_FILENO, text, strlen(text)))
        return EG_EXIT_GOOD;
    eg_tool_complain(report->tool, "cannot write to standard output");
    return EG_EXIT_SYSTEM;
}

eg_exit eg_report_print(const eg_report *report, bool json)
{
    int count[STATES] = {0};
    eg_state worst;
    eg_exit printed;

    count_states(report, count);
    worst = count[EG_STATE_BROKEN] ? EG_STATE_BROKEN
            : count[EG_STATE_ODD]  ? EG_STATE_ODD
                                   : EG_STATE_OK;
    printed =
        json ? print_json(report, count, state_words[worst]) : print_for_people(report, count);
    if (printed != EG_EXIT_GOOD || worst == EG_STATE_OK)
        return printed;
    return worst == EG_STATE_BROKEN ? EG_EXIT_DATA : EG_EXIT_ODD;
}
