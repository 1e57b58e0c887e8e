/* SPDX-License-Identifier: Apache-2.0
 * What encgather doctor found: what it is about, how it is, and what to do. */
#ifndef EG_TOOL_REPORT_H
#define EG_TOOL_REPORT_H

#include <apr_tables.h>
#include "encgather_tool.h"

typedef enum { EG_STATE_OK, EG_STATE_ODD, EG_STATE_BROKEN } eg_state;

typedef struct {
    eg_state state;
    const char *tag;    /* EG0130, or NULL */
    const char *text;   /* one line */
    const char *advice; /* what to do, or NULL */
} eg_finding;

/* What findings are about: a section, a virtual host, a file, or the server. All but title may be NULL. */
typedef struct {
    const char *title;
    const char *host;
    const char *section;
    const char *file;
    long line, last_line;         /* 0: no lines */
    apr_array_header_t *findings; /* of eg_finding */
} eg_subject;

typedef struct {
    const eg_tool *tool;
    const char *configuration;    /* the file that httpd begins with, or NULL */
    const char *version;          /* of the module, or NULL */
    apr_array_header_t *subjects; /* of eg_subject * */
    bool is_quiet;                /* what is ok is counted, and not shown */
} eg_report;

eg_report eg_report_begin(const eg_tool *tool);

/* Subjects are shown in the order they were made. */
eg_subject *eg_report_subject(const eg_report *report, const char *title);

void eg_report_add(const eg_subject *subject, eg_state state, const char *text, const char *advice);

/* Printed for people, or as one JSON object. The exit status says what the worst finding is. */
eg_exit eg_report_print(const eg_report *report, bool json) EG_MUST_CHECK;

#endif
