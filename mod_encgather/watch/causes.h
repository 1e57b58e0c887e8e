/* SPDX-License-Identifier: Apache-2.0
 * Why requests fail: one table of causes, each with a word for scrapers and sentences for people. */
#ifndef EG_CAUSES_H
#define EG_CAUSES_H

#include "base/outcome.h"
#include "core/format.h"

/* The order in which they are told: what explains the others comes first. */
typedef enum {
    EG_CAUSE_NONE = 0,
    EG_CAUSE_CONFIG,          /* a file or a directive is missing, or wrong */
    EG_CAUSE_CRYPTO,          /* OpenSSL failed */
    EG_CAUSE_STATE,           /* what hosts share cannot be asked */
    EG_CAUSE_DATABASE,        /* of decrypt-gather */
    EG_CAUSE_KEY,             /* a token under a key that is not here */
    EG_CAUSE_TAG,             /* a token that is not authentic */
    EG_CAUSE_CLOCK,           /* a token or a signature of another time */
    EG_CAUSE_TOKEN,           /* a token in the wrong place, or none */
    EG_CAUSE_BACKEND_AWAY,    /* nobody answered */
    EG_CAUSE_BACKEND_SLOW,    /* not in time */
    EG_CAUSE_BACKEND_REFUSES, /* a status that is none of 200 and 404 */
    EG_CAUSE_BACKEND_ANSWER,  /* nothing that can be said */
    EG_CAUSE_URL,             /* signed by a known token, for another URL than is expected here */
    EG_CAUSE_SIGNATURE,       /* signed by nobody who is known here */
    EG_CAUSE_UNSIGNED,        /* no signature */
    EG_CAUSE_REQUEST,         /* signed, and not what it should be */
    EG_CAUSE_STRANGER,        /* turned away before it was known who sent it */
    EG_CAUSE_ATTEMPTS,        /* a caller used up his attempts */
    EG_CAUSE_NO_ACCOUNT,      /* a caller who was not found */
    EG_CAUSES
} eg_cause;

/* Failures are kept in three rings, so that none of the three pushes the others out: a stranger can
 * fill one of them at will. */
typedef enum { EG_LANE_OURS, EG_LANE_STRANGERS, EG_LANE_CALLERS, EG_LANES } eg_lane;

/* What has to happen for a cause to be over. */
typedef enum { EG_CURED_BY_CALL, EG_CURED_BY_SIGNATURE, EG_CURES } eg_cure;

typedef struct {
    const char *word; /* a label of metrics; NULL: not counted */
    eg_lane lane;
    eg_cure cure;
    const char *title;  /* a sentence without its end: "The backend does not answer" */
    const char *advice; /* what to look at, whole sentences */
} eg_cause_info;

/* Never NULL. */
const eg_cause_info *eg_cause_of(eg_cause cause);

/* Of what nobody has named a cause for: what an outcome alone says. EG_CAUSE_NONE: it is no failure. */
eg_cause eg_cause_of_outcome(eg_outcome outcome, eg_verdict verdict);

/* Of a token that was refused. */
eg_cause eg_cause_of_rule(eg_token_rule rule);

#endif
