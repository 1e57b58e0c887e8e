/* SPDX-License-Identifier: Apache-2.0
 * Outcomes: what a request can come to; one word in ENCGATHER_RESULT, one status, one fixed text. */
#ifndef EG_OUTCOME_H
#define EG_OUTCOME_H

#include "core/signature.h"

typedef enum {
    EG_GOING_ON = 0, /* nothing decided yet */
    EG_DISABLED,     /* the handler is set, its enabling directive is not */
    EG_METHOD,
    EG_MEDIA_TYPE,
    EG_TOO_LARGE,
    EG_TIMEOUT, /* the body did not come in time */
    EG_MALFORMED,
    EG_MISCONFIGURED,
    EG_FORBIDDEN,
    EG_BAD_TOKEN,
    EG_NOT_FOUND,
    EG_UNAVAILABLE,
    EG_INVALID,
    EG_ASKED,
    EG_ASKED_AGAIN,
    EG_FOUND,
    EG_LOCKED_OUT, /* failed too often */
    EG_SHIELDED,   /* goes on with tokens in the place of values */
    EG_REVEALED,   /* goes on with values in the place of tokens */
    EG_PASSED      /* goes on as it came */
} eg_outcome;

#define EG_OUTCOMES (EG_PASSED + 1)
#define EG_VERDICTS (EG_SIGNATURE_VALID + 1)

typedef struct {
    const char *word; /* NULL: no ENCGATHER_RESULT */
    int status;
    const char *text; /* for the caller; never more than the kind of failure */
} eg_outcome_info;

/* Never NULL. */
const eg_outcome_info *eg_outcome_of(eg_outcome outcome);
const char *eg_verdict_word(eg_verdict verdict);

#endif
