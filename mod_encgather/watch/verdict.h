/* SPDX-License-Identifier: Apache-2.0
 * Whether all is well, in a sentence; and what is not, with what to look at. */
#ifndef EG_VERDICT_H
#define EG_VERDICT_H

#include "watch/snapshot.h"

typedef enum {
    EG_LEVEL_OK,
    EG_LEVEL_OVER,    /* was not well within the last hour, and is again */
    EG_LEVEL_NOTE,    /* nothing is to be done */
    EG_LEVEL_LOOK,    /* callers are served, and somebody should look */
    EG_LEVEL_FAILING, /* callers are not served */
    EG_LEVELS
} eg_level;

typedef struct {
    eg_level level;
    eg_cause cause;           /* EG_CAUSE_NONE: it is none of those */
    const char *title;        /* a sentence without its end */
    const char *counts;       /* how often, and when last */
    const char *advice;       /* what to look at */
    const eg_failure *sample; /* the last of its kind; NULL: none is kept */
} eg_finding;

typedef struct {
    eg_level level;       /* the worst */
    const char *sentence; /* on top of everything */
    const char *summary;  /* what went well in the last hour; "" where the sentence says it */
    apr_array_header_t *findings; /* of eg_finding, the worst first */
} eg_verdict_words;

eg_verdict_words eg_verdict_of(const eg_snapshot *of);

/* For programs: "ok", "over", "note", "look", "failing". */
const char *eg_level_word(eg_level level);

#endif
