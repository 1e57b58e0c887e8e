/* SPDX-License-Identifier: Apache-2.0
 * What "httpd -t -D DUMP_ENCGATHER" says, taken apart. */
#ifndef EG_TOOL_DUMP_H
#define EG_TOOL_DUMP_H

#include "core/json.h"
#include "encgather_httpd.h"
#include "encgather_report.h"

#define EG_LOAD_MODULE "a2enmod encgather, or LoadModule encgather_module"

/* A line of the dump about a place, a file, ... */
typedef struct {
    const char *kind;
    const eg_json *json;
    eg_subject *subject; /* of places, hosts and files; else NULL */
} eg_record;

typedef struct {
    eg_report *report;
    eg_subject *server;
    apr_array_header_t *records; /* of eg_record */
    bool is_whole;               /* httpd read the configuration to its end */
} eg_dump;

/* Takes all lines, and puts what the module and httpd said of mistakes into the report. */
void eg_dump_take(eg_dump *dump, eg_report *report, const eg_httpd_said *said);

/* A member that is a text, a number or true; NULL: not there. */
const char *eg_record_get(const eg_dump *dump, const eg_record *record, const char *name);
bool eg_record_is(const eg_dump *dump, const eg_record *record, const char *name);

/* The first of that kind, from from on; NULL: none. Its place is records[*from] then. */
const eg_record *eg_dump_next(const eg_dump *dump, const char *kind, int *from);

/* Whether both are of one virtual host, or one of none. */
bool eg_record_meets(const eg_dump *dump, const eg_record *one, const eg_record *other);

/* Whether path lies at or below the section of that path. */
bool eg_path_is_below(const char *path, const char *section);

#endif
