/* SPDX-License-Identifier: Apache-2.0
 * Answers: TwiML, JSON and errors, written by the module itself so that no ErrorDocument runs. */
#include "webhook/answer.h"

#include <string.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include "config/config.h"
#include "webhook/body.h"
#include "watch/counters.h"

#define TEXT_TYPE "text/plain; charset=utf-8"
#define JSON_TYPE "application/json"
#define TWIML_TYPE "text/xml; charset=utf-8"

/* One brigade, its length known before: old TwiML clients do not like chunks, and one writev is
 * all it takes. */
static int send_bytes(request_rec *r, const char *type, const char *bytes, apr_size_t n)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *out = apr_brigade_create(r->pool, alloc);

    apr_table_unset(r->headers_in, "Range"); /* a part of an answer is none */
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)n);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    APR_BRIGADE_INSERT_TAIL(out, apr_bucket_pool_create(bytes, n, r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(out, apr_bucket_eos_create(alloc));
    (void)ap_pass_brigade(r->output_filters, out); /* a caller who hung up is no error of ours */
    return OK;
}

static void conclude(request_rec *r, eg_outcome outcome)
{
    eg_set_result(r, outcome);
    eg_count_answer(r, outcome);
}

int eg_answer_twiml(request_rec *r, eg_twiml *twiml, eg_outcome outcome)
{
    conclude(r, outcome);
    eg_twiml_end(twiml);
    return send_bytes(r, TWIML_TYPE, twiml->bytes, twiml->n);
}

int eg_answer_whole_twiml(request_rec *r, eg_span document, eg_outcome outcome)
{
    conclude(r, outcome);
    return send_bytes(r, TWIML_TYPE, document.p, document.n);
}

int eg_answer_json(request_rec *r, const char *json, eg_outcome outcome)
{
    conclude(r, outcome);
    return send_bytes(r, JSON_TYPE, json, strlen(json));
}

int eg_answer_in_process(request_rec *r, eg_outcome outcome)
{
    eg_count_answer(r, outcome); /* nobody logs r, so it needs no variables */
    return OK;
}

static bool answers_json(const request_rec *r)
{
    const eg_record *record = eg_record_if_any(r);

    return record && (record->handler == EG_AT_DECRYPT || record->handler == EG_AT_REVEAL);
}

static const char *error_text(request_rec *r, const char *text)
{
    if (answers_json(r))
        return apr_pstrcat(r->pool, "{\"error\":\"", text, "\"}", NULL);
    return apr_pstrcat(r->pool, text, "\n", NULL);
}

int eg_answer_error(request_rec *r, eg_outcome outcome)
{
    const eg_outcome_info *info = eg_outcome_of(outcome);
    const char *text = error_text(r, info->text);
    int by_httpd = outcome == EG_MALFORMED ? eg_body_of(r)->status : 0;

    eg_body_end(r, eg_config_max_body(eg_config_of(r)));
    conclude(r, outcome);
    r->status = by_httpd >= HTTP_BAD_REQUEST ? by_httpd : info->status;
    return send_bytes(r, answers_json(r) ? JSON_TYPE : TEXT_TYPE, text, strlen(text));
}
