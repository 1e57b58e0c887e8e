/* SPDX-License-Identifier: Apache-2.0
 * What "httpd -t -D DUMP_ENCGATHER" says, taken apart. */
#include "encgather_dump.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

#define TAG_LENGTH 6          /* EG0130 */
#define RECORD "{\"kind\":\"" /* as no ErrorLogFormat begins */

static apr_pool_t *pool_of(const eg_dump *dump)
{
    return dump->report->tool->pool;
}

const char *eg_record_get(const eg_dump *dump, const eg_record *record, const char *name)
{
    return eg_json_text(record->json, name, pool_of(dump));
}

bool eg_record_is(const eg_dump *dump, const eg_record *record, const char *name)
{
    const char *text = eg_record_get(dump, record, name);

    return text && strcmp(text, "true") == 0;
}

const eg_record *eg_dump_next(const eg_dump *dump, const char *kind, int *from)
{
    for (; *from < dump->records->nelts; ++*from) {
        const eg_record *record = &APR_ARRAY_IDX(dump->records, *from, eg_record);

        if (strcmp(record->kind, kind) == 0)
            return record;
    }
    return NULL;
}

bool eg_record_meets(const eg_dump *dump, const eg_record *one, const eg_record *other)
{
    const char *a = eg_record_get(dump, one, "host"), *b = eg_record_get(dump, other, "host");

    return !a || !b || strcmp(a, b) == 0;
}

bool eg_path_is_below(const char *path, const char *section)
{
    apr_size_t n = strlen(section);

    n -= n > 0 && section[n - 1] == '/';
    return strncmp(path, section, n) == 0 && (path[n] == '/' || path[n] == '?' || path[n] == '\0');
}

/* --- records ----------------------------------------------------------------------------------- */

static long number_of(const eg_dump *dump, const eg_record *record, const char *name)
{
    const char *text = eg_record_get(dump, record, name);

    return text ? strtol(text, NULL, 10) : 0;
}

static const char *title_of_record(const eg_dump *dump, const eg_record *record)
{
    const char *host = eg_record_get(dump, record, "host");
    const char *section = eg_record_get(dump, record, "section");

    if (strcmp(record->kind, "file") == 0)
        return eg_record_get(dump, record, "path");
    if (!section)
        return apr_pstrcat(pool_of(dump), "host ", host ? host : "without a name", NULL);
    return host ? apr_pstrcat(pool_of(dump), host, ": ", section, NULL) : section;
}

static void give_subject(const eg_dump *dump, eg_record *record)
{
    eg_subject *subject = eg_report_subject(dump->report, title_of_record(dump, record));

    subject->host = eg_record_get(dump, record, "host");
    subject->section = eg_record_get(dump, record, "section");
    subject->file =
        eg_record_get(dump, record, strcmp(record->kind, "file") == 0 ? "path" : "file");
    subject->line = number_of(dump, record, "line");
    subject->last_line = number_of(dump, record, "last_line");
    record->subject = subject;
}

static bool is_record(const char *line)
{
    return strncmp(line, RECORD, strlen(RECORD)) == 0;
}

static void take_record(eg_dump *dump, const char *line)
{
    eg_record record = {.json = eg_json_parse(pool_of(dump), eg_span_of(line))};

    record.kind = eg_json_text(record.json, "kind", pool_of(dump));
    if (!record.kind)
        return;
    if (strcmp(record.kind, "place") == 0 || strcmp(record.kind, "host") == 0 ||
        strcmp(record.kind, "file") == 0)
        give_subject(dump, &record);
    if (strcmp(record.kind, "server") == 0) {
        dump->is_whole = eg_record_is(dump, &record, "whole");
        dump->report->version = eg_record_get(dump, &record, "version");
        dump->report->configuration = eg_record_get(dump, &record, "file");
    }
    APR_ARRAY_PUSH(dump->records, eg_record) = record;
}

/* --- whom a line is about ---------------------------------------------------------------------- */

static bool has_line(const eg_subject *subject, long line, eg_span file)
{
    return subject->line && line >= subject->line && line <= subject->last_line &&
           eg_span_eq(eg_span_of(subject->file), file);
}

/* The innermost: sections are within hosts. */
static const eg_subject *subject_at_line(const eg_dump *dump, long line, eg_span file)
{
    const eg_subject *found = NULL;

    for (int i = 0; i < dump->records->nelts; i++) {
        const eg_subject *each = APR_ARRAY_IDX(dump->records, i, eg_record).subject;

        if (each && has_line(each, line, file) && (!found || each->line > found->line))
            found = each;
    }
    return found;
}

/* Up to the parenthesis that ends it: the name of a macro's text has some of its own. */
static apr_size_t length_within(const char *text)
{
    apr_size_t n = 0;
    int depth = 0;

    for (; text[n] && (text[n] != ')' || depth > 0); n++)
        depth += text[n] == '(' ? 1 : text[n] == ')' ? -1 : 0;
    return n;
}

/* Where the text has "(line 12 of /etc/...)". */
static const eg_subject *subject_by_line(const eg_dump *dump, const char *text)
{
    const char *at = strstr(text, "(line ");
    char *end = NULL;
    long line = at ? strtol(at + strlen("(line "), &end, 10) : 0;
    const char *file = at && strncmp(end, " of ", 4) == 0 ? end + 4 : NULL;

    if (!file)
        return NULL;
    return subject_at_line(dump, line, (eg_span){file, length_within(file)});
}

/* Where it has the path of a file in quotes. */
static const eg_subject *subject_by_path(const eg_dump *dump, const char *text)
{
    const eg_record *record;

    for (int i = 0; (record = eg_dump_next(dump, "file", &i)) != NULL; i++)
        if (strstr(text, apr_pstrcat(pool_of(dump), "'", record->subject->title, "'", NULL)))
            return record->subject;
    return NULL;
}

static const eg_subject *subject_of_text(const eg_dump *dump, const char *text)
{
    const eg_subject *found = subject_by_line(dump, text);

    if (!found)
        found = subject_by_path(dump, text);
    return found ? found : dump->server;
}

/* --- lines of the error log -------------------------------------------------------------------- */

static bool is_tag(const char *text)
{
    return strncmp(text, "EG", 2) == 0 && strspn(text + 2, "0123456789") == TAG_LENGTH - 2 &&
           text[TAG_LENGTH] == ':';
}

static const char *find_tag(const char *line)
{
    for (const char *p = strstr(line, "EG"); p; p = strstr(p + 2, "EG"))
        if (is_tag(p))
            return p;
    return NULL;
}

static bool is_error(const char *line)
{
    static const char *const levels[] = {":error]", ":crit]", ":alert]", ":emerg]"};

    for (unsigned i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strstr(line, levels[i]))
            return true;
    return false;
}

static eg_state state_of_line(const char *line, const char *by)
{
    if (is_error(line))
        return EG_STATE_BROKEN;
    return by && strcmp(by, "hopeless") == 0 ? EG_STATE_BROKEN : EG_STATE_ODD;
}

static void take_log_line(const eg_dump *dump, const char *line, const char *tag, const char *by)
{
    const eg_subject *about = subject_of_text(dump, tag);
    const char *text = tag + TAG_LENGTH + 1 + strspn(tag + TAG_LENGTH + 1, " ");

    eg_report_add(about, state_of_line(line, by), text, NULL);
    APR_ARRAY_IDX(about->findings, about->findings->nelts - 1, eg_finding).tag =
        apr_pstrmemdup(pool_of(dump), tag, TAG_LENGTH);
}

/* --- httpd's own words, where it refuses ------------------------------------------------------- */

static bool is_noise(const char *line)
{
    static const char *const words[] = {"AH00558", "AH00557", "AH00014", "Syntax OK",
                                        "The Apache error log may have more information"};

    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(line, words[i]))
            return true;
    return *line == '\0';
}

#define STOPPED                                                                                    \
    "put that line right and run this again: httpd stops there, and what stands behind it was "    \
    "not "                                                                                         \
    "looked at"

/* httpd takes its directives for misspelt, and its name in LogLevel for unknown. */
static bool is_without_module(const char *told)
{
    return strstr(told, "Invalid command 'EncGather") != NULL ||
           strstr(told, "Cannot find module encgather") != NULL;
}

/* "Syntax error on line 5 of /etc/...:" has its reason on the next line. */
static void take_refusal(const eg_dump *dump, const char *line, const char *next)
{
    apr_size_t n = strlen(line);
    bool goes_on = n && line[n - 1] == ':' && next;
    const char *told = goes_on ? apr_pstrcat(pool_of(dump), line, " ", next, NULL) : line;

    eg_report_add(dump->server, EG_STATE_BROKEN, told,
                  is_without_module(told)       ? EG_LOAD_MODULE
                  : strstr(line, "yntax error") ? STOPPED
                                                : NULL);
}

/* --- all of it --------------------------------------------------------------------------------- */

static apr_array_header_t *split_lines(apr_pool_t *pool, const char *text)
{
    apr_array_header_t *lines = apr_array_make(pool, 64, sizeof(const char *));

    while (*text) {
        apr_size_t n = strcspn(text, "\n");

        APR_ARRAY_PUSH(lines, const char *) = apr_pstrmemdup(pool, text, n);
        text += n + (text[n] == '\n');
    }
    return lines;
}

static const char *line_at(const apr_array_header_t *lines, int i)
{
    return i < lines->nelts ? APR_ARRAY_IDX(lines, i, const char *) : NULL;
}

/* Who found what stands behind that line, if it says so. */
static const char *announced(const eg_dump *dump, const char *line, const char *before)
{
    const eg_json *json = eg_json_parse(pool_of(dump), eg_span_of(line));
    const char *by = eg_json_text(json, "by", pool_of(dump));

    return by ? by : before;
}

static void take_log(const eg_dump *dump, const apr_array_header_t *lines, bool refused)
{
    const char *by = NULL;

    for (int i = 0; i < lines->nelts; i++) {
        const char *line = line_at(lines, i), *tag = find_tag(line);

        if (is_record(line)) {
            by = announced(dump, line, by);
        } else if (tag) {
            take_log_line(dump, line, tag, by);
        } else if (refused && !is_noise(line) && (!dump->is_whole || is_error(line))) {
            take_refusal(dump, line, line_at(lines, i + 1));
            i += line[strlen(line) - 1] == ':';
        }
    }
}

void eg_dump_take(eg_dump *dump, eg_report *report, const eg_httpd_said *said)
{
    apr_array_header_t *lines = split_lines(report->tool->pool, said->text);

    *dump = (eg_dump){.report = report,
                      .server = eg_report_subject(report, "the server"),
                      .records = apr_array_make(report->tool->pool, 32, sizeof(eg_record))};
    for (int i = 0; i < lines->nelts; i++)
        if (is_record(line_at(lines, i)))
            take_record(dump, line_at(lines, i));
    take_log(dump, lines, said->status != 0);
}
