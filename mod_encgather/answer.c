/* SPDX-License-Identifier: Apache-2.0
 * Answers: TwiML, JSON and errors, written by the module itself so that no ErrorDocument runs. */
#include "answer.h"

#include <string.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include "webhook.h"

#define TWIML_TYPE "text/xml; charset=utf-8"

static ap_filter_rec_t *error_type_filter;

/* One brigade, its length known before: old TwiML clients do not like chunks, and one writev is
 * all it takes. */
static int send_bytes(request_rec *r, const char *type, const char *bytes, apr_size_t n)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *out = apr_brigade_create(r->pool, alloc);

    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)n);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    APR_BRIGADE_INSERT_TAIL(out, apr_bucket_pool_create(bytes, n, r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(out, apr_bucket_eos_create(alloc));
    (void)ap_pass_brigade(r->output_filters, out); /* a caller who hung up is no error of ours */
    return OK;
}

int eg_answer_twiml(request_rec *r, eg_twiml *twiml, eg_outcome outcome)
{
    eg_set_result(r, outcome);
    eg_twiml_end(twiml);
    return send_bytes(r, TWIML_TYPE, twiml->bytes, twiml->n);
}

int eg_answer_json(request_rec *r, const char *json, eg_outcome outcome)
{
    eg_set_result(r, outcome);
    return send_bytes(r, EG_JSON_TYPE, json, strlen(json));
}

static const char *error_text(const request_rec *r, const char *type, const char *text)
{
    if (strcmp(type, EG_JSON_TYPE) == 0)
        return apr_pstrcat(r->pool, "{\"error\":\"", text, "\"}", NULL);
    return apr_pstrcat(r->pool, text, "\n", NULL);
}

int eg_answer_error(request_rec *r, eg_outcome outcome)
{
    const eg_outcome_info *info = eg_outcome_of(outcome);
    const char *type = eg_request_of(r)->error_type;
    const char *text = error_text(r, type, info->text);
    int passed_on = eg_body_drain(r);

    eg_set_result(r, outcome);
    if (passed_on != OK)
        return passed_on;
    r->status = info->status;
    return send_bytes(r, type, text, strlen(text));
}

void eg_answer_prepare(request_rec *r, const char *type)
{
    static const int statuses[] = {HTTP_BAD_REQUEST,           HTTP_REQUEST_TIME_OUT,
                                   HTTP_LENGTH_REQUIRED,       HTTP_REQUEST_ENTITY_TOO_LARGE,
                                   HTTP_INTERNAL_SERVER_ERROR, HTTP_NOT_IMPLEMENTED};

    eg_request_of(r)->error_type = type;
    for (apr_size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        ap_custom_response(r, statuses[i], error_text(r, type, "malformed request"));
}

/* httpd labels its own error texts as HTML. */
static apr_status_t set_error_type(ap_filter_t *f, apr_bucket_brigade *in)
{
    const eg_request *state = eg_request_if_any(f->r);

    if (state && state->error_type) {
        ap_set_content_type(f->r, state->error_type);
        apr_table_setn(f->r->headers_out, "Cache-Control", "no-store");
    }
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, in);
}

static void insert_error_filter(request_rec *r)
{
    const eg_request *state = eg_request_if_any(r);

    if (state && state->error_type)
        ap_add_output_filter_handle(error_type_filter, NULL, r, r->connection);
}

void eg_answer_register_hooks(apr_pool_t *pool)
{
    (void)pool;
    error_type_filter = ap_register_output_filter("ENCGATHER_ERROR_TYPE", set_error_type, NULL,
                                                  AP_FTYPE_CONTENT_SET);
    ap_hook_insert_error_filter(insert_error_filter, NULL, NULL, APR_HOOK_MIDDLE);
}
