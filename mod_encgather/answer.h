/* SPDX-License-Identifier: Apache-2.0
 * Answers: TwiML, JSON and errors, written by the module itself so that no ErrorDocument runs. */
#ifndef EG_ANSWER_H
#define EG_ANSWER_H

#include "encgather.h"
#include "core/twiml.h"

#define EG_TEXT_TYPE "text/plain; charset=utf-8"
#define EG_JSON_TYPE "application/json"

/* All return what a handler returns. The error type of eg_request says text or JSON. */
int eg_answer_twiml(request_rec *r, eg_twiml *twiml, eg_outcome outcome);
int eg_answer_json(request_rec *r, const char *json, eg_outcome outcome);
int eg_answer_error(request_rec *r, eg_outcome outcome);

/* Gives what httpd itself finds wrong while we read a body a fixed text instead of an
 * ErrorDocument; type is the Content-Type of this and of eg_answer_error(). */
void eg_answer_prepare(request_rec *r, const char *type);

void eg_answer_register_hooks(apr_pool_t *pool);

#endif
