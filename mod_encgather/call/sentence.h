/* SPDX-License-Identifier: Apache-2.0
 * What the caller hears at an event, and what follows it. */
#ifndef EG_SENTENCE_H
#define EG_SENTENCE_H

#include "base/outcome.h"
#include "config/config.h"
#include "core/json.h"

/* The sentence of the location of r, or the default one, filled in from json, which may be NULL where
 * the event has no answer of a backend. NULL: a placeholder has no value, or there is no sentence. */
const char *eg_sentence(request_rec *r, eg_event event, const eg_json *json);

/* What is said at an event, not filled in; NULL where that is nothing. */
const eg_say *eg_sentence_template(const eg_config *config, eg_event event);

/* Takes the default ones apart, before a configuration is read. */
void eg_sentences_prepare(apr_pool_t *pconf);

#define EG_HAS_A_HOLE (-1)

/* Says it, with what follows; what a handler returns. EG_HAS_A_HOLE, and nothing sent, when the
 * sentence or what follows it lacks a member, or when it became too large by what was filled in. */
int eg_answer_event(request_rec *r, eg_event event, const eg_json *json, eg_outcome outcome);

/* Why that has a hole, in words for the error log: the member that is missing, and who needs it. */
const char *eg_hole_of(request_rec *r, eg_event event, const eg_json *json);

#endif
