/* SPDX-License-Identifier: Apache-2.0
 * What is remembered of a request: for the access log as variables, for the counters as numbers. */
#ifndef EG_RECORD_H
#define EG_RECORD_H

#include <stdbool.h>
#include <httpd.h>
#include "base/outcome.h"
#include "core/bytes.h"
#include "watch/causes.h"

typedef enum {
    EG_AT_NONE = 0,
    EG_AT_GATHER,
    EG_AT_DECRYPT,
    EG_AT_SHIELD,
    EG_AT_REVEAL
} eg_handler_kind;

/* Where in a call a webhook is. */
typedef enum {
    EG_STEP_UNKNOWN = 0,
    EG_STEP_FIRST,  /* the first question is asked for */
    EG_STEP_MIDDLE, /* an answer arrives, and another question follows */
    EG_STEP_LAST    /* the last answer arrives */
} eg_step;

#define EG_STEPS (EG_STEP_LAST + 1)

typedef struct {
    eg_handler_kind handler;
    apr_uint64_t started; /* eg_clock() */
    eg_step step;
    eg_outcome result;
    eg_verdict verdict;
    bool has_verdict;
    bool is_told; /* its variable is set */
    bool is_counted;
    eg_cause cause; /* of its failure, the first that was noted; and what the log says of it */
    unsigned tag;
    const char *reason;
} eg_record;

/* Made on first use; NULL where there is nothing to remember. */
eg_record *eg_record_of(request_rec *r);
const eg_record *eg_record_if_any(const request_rec *r);

/* Each also sets its variable. A call_sid that is none leaves it unset. */
void eg_set_call(request_rec *r, eg_span call_sid);
void eg_set_step(request_rec *r, const char *name, eg_step step);
void eg_set_signature(request_rec *r, eg_verdict verdict);
/* A handler has begun: it is unchecked until more is known. Its variable is set with the result at the latest. */
void eg_begin_signature(request_rec *r);
void eg_set_result(request_rec *r, eg_outcome outcome);

/* Why the request fails, beside the line in the log that says so: tag is the number of that line, reason what it says,
 * which is copied. The first of a request counts, and goes to whoever made it as his backend call. */
void eg_note_failure(request_rec *r, eg_cause cause, unsigned tag, const char *reason);

const char *eg_call_of(const request_rec *r); /* for log lines; "-" when unknown */

/* Before logging: to both ends of a chain of internal redirects, whose names httpd prefixes with
 * REDIRECT_. A log_transaction hook. */
void eg_record_carry_over(request_rec *r);

#endif
