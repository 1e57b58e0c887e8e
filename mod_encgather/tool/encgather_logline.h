/* SPDX-License-Identifier: Apache-2.0
 * What a line of an access log, of any format that has the CallSid, or of an error log says of a
 * call. Spans point into the line. */
#ifndef EG_TOOL_LOGLINE_H
#define EG_TOOL_LOGLINE_H

#include <apr_time.h>
#include "core/bytes.h"

typedef enum {
    EG_LINE_OTHER,   /* names the call, and says nothing of the module's */
    EG_LINE_WEBHOOK, /* step, result and so on are there */
    EG_LINE_ERROR    /* of an error log: level and text are there */
} eg_line_kind;

/* What is not there has no bytes. */
typedef struct {
    eg_line_kind kind;
    eg_span step, result, signature;
    eg_span status;       /* digits */
    eg_span microseconds; /* digits */
    eg_span level, tag;   /* tag: "EG0501" */
    eg_span text;         /* what follows the tag and the call; of EG_LINE_OTHER the whole line */
} eg_log_line;

/* Where the line names the call, or NULL. An id that only has this one in it is another. */
const char *eg_log_find_call(eg_span line, eg_span sid);

/* at is where eg_log_find_call() found sid. */
void eg_log_read(eg_span line, eg_span sid, const char *at, eg_log_line *out);

/* The first time in the line: ISO 8601, the one of common access logs, or that of httpd's error log.
 * One without a zone is in the zone of this process. false: there is none, and when stays. */
bool eg_log_time(eg_span line, apr_time_t *when);

#endif
