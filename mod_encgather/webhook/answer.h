/* SPDX-License-Identifier: Apache-2.0
 * Answers: TwiML, JSON and errors, written by the module itself so that no ErrorDocument runs. */
#ifndef EG_ANSWER_H
#define EG_ANSWER_H

#include <httpd.h>
#include "base/outcome.h"
#include "core/twiml.h"

/* All return what a handler returns. */
int eg_answer_twiml(request_rec *r, eg_twiml *twiml, eg_outcome outcome);
/* A document that somebody else made, as it is. */
int eg_answer_whole_twiml(request_rec *r, eg_span document, eg_outcome outcome);
int eg_answer_json(request_rec *r, const char *json, eg_outcome outcome);

/* Where the answer itself went another way. */
int eg_answer_in_process(request_rec *r, eg_outcome outcome);

/* Text, or {"error":"..."} where the handler is decrypt-gather. The body has been read to its end
 * then, or the connection closes. */
int eg_answer_error(request_rec *r, eg_outcome outcome);

#endif
