/* SPDX-License-Identifier: Apache-2.0
 * Outcomes: the one table of words, status codes and texts. */
#include "base/outcome.h"

#include <httpd.h>

static const eg_outcome_info outcomes[] = {
    [EG_GOING_ON] = {NULL, HTTP_OK, ""},
    [EG_DISABLED] = {NULL, HTTP_NOT_FOUND, "not found"},
    [EG_METHOD] = {"method", HTTP_METHOD_NOT_ALLOWED, "method not allowed"},
    [EG_MEDIA_TYPE] = {"media-type", HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported media type"},
    [EG_TOO_LARGE] = {"too-large", HTTP_REQUEST_ENTITY_TOO_LARGE, "too large"},
    [EG_TIMEOUT] = {"timeout", HTTP_REQUEST_TIME_OUT, "timeout"},
    [EG_MALFORMED] = {"malformed", HTTP_BAD_REQUEST, "malformed request"},
    [EG_MISCONFIGURED] = {"misconfigured", HTTP_INTERNAL_SERVER_ERROR, "misconfigured"},
    [EG_FORBIDDEN] = {"forbidden", HTTP_FORBIDDEN, "forbidden"},
    [EG_BAD_TOKEN] = {"bad-token", HTTP_BAD_REQUEST, "bad token"},
    [EG_NOT_FOUND] = {"not-found", HTTP_NOT_FOUND, "not found"},
    [EG_UNAVAILABLE] = {"unavailable", HTTP_INTERNAL_SERVER_ERROR, "unavailable"},
    [EG_INVALID] = {"invalid", HTTP_OK, ""},
    [EG_ASKED] = {"asked", HTTP_OK, ""},
    [EG_ASKED_AGAIN] = {"asked-again", HTTP_OK, ""},
    [EG_FOUND] = {"found", HTTP_OK, ""},
    [EG_LOCKED_OUT] = {"locked", HTTP_OK, ""},
    [EG_SHIELDED] = {"shielded", HTTP_OK, ""},
    [EG_REVEALED] = {"revealed", HTTP_OK, ""},
    [EG_PASSED] = {"passed", HTTP_OK, ""},
};

_Static_assert(sizeof outcomes / sizeof outcomes[0] == EG_OUTCOMES, "a row for each outcome");

const eg_outcome_info *eg_outcome_of(eg_outcome outcome)
{
    return &outcomes[outcome];
}

const char *eg_verdict_word(eg_verdict verdict)
{
    static const char *const words[EG_VERDICTS] = {"unchecked", "missing", "invalid", "valid"};

    return words[verdict];
}
