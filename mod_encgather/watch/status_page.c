/* SPDX-License-Identifier: Apache-2.0
 * encgather-status: what is asked for, and in which format it is answered. */
#include "watch/status_page.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include "core/form.h"
#include "core/parameters.h"
#include "watch/forms.h"
#include "watch/metrics.h"
#include "watch/page.h"

/* --- which format ------------------------------------------------------------------------------ */

typedef enum {
    FORMAT_CSS,
    FORMAT_JS,
    FORMAT_FRAGMENT,
    FORMAT_JSON,
    FORMAT_TEXT,
    FORMAT_HTML,
    FORMAT_PROMETHEUS,
    FORMAT_OPENMETRICS,
    FORMATS,
    FORMAT_UNKNOWN
} format;

static const struct {
    const char *name;      /* of ?format= */
    const char *accept;    /* NULL: by its name alone */
    const char *parameter; /* of that type, without which it may be meant for people; or NULL */
    const char *type;
} formats[FORMATS] = {
    [FORMAT_CSS] = {"css", "text/css", NULL, "text/css; charset=utf-8"},
    [FORMAT_JS] = {"js", NULL, NULL, "text/javascript; charset=utf-8"},
    [FORMAT_FRAGMENT] = {"fragment", NULL, NULL, "text/html; charset=utf-8"},
    [FORMAT_JSON] = {"json", "application/json", NULL, "application/json"},
    [FORMAT_TEXT] = {"text", NULL, NULL, "text/plain; charset=utf-8"},
    [FORMAT_HTML] = {"html", "text/html", NULL, "text/html; charset=utf-8"},
    [FORMAT_PROMETHEUS] = {"prometheus", "text/plain", "version=0.0.4",
                           "text/plain; version=0.0.4; charset=utf-8"},
    [FORMAT_OPENMETRICS] = {"openmetrics", "application/openmetrics-text", NULL,
                            "application/openmetrics-text; version=1.0.0; charset=utf-8"},
};

static format format_named(eg_span name)
{
    for (unsigned i = 0; i < FORMATS; i++)
        if (eg_span_eq(name, eg_span_of(formats[i].name)))
            return (format)i;
    return FORMAT_UNKNOWN;
}

/* Qualities have three decimals. */
#define A_LITTLE_LESS 0.0005

/* One element of Accept, without blanks: its quality for the format, or -1. Plain text that does not
 * name its version gives way to HTML of the same quality. */
static double quality(char *element, format wanted)
{
    char *last, *type = apr_strtok(element, ";", &last), *parameter;
    bool fits = !formats[wanted].parameter;
    double q = 1;

    if (!type || ap_cstr_casecmp(type, formats[wanted].accept) != 0)
        return -1;
    while ((parameter = apr_strtok(NULL, ";", &last)) != NULL) {
        if (ap_cstr_casecmpn(parameter, "q=", 2) == 0)
            q = strtod(parameter + 2, NULL);
        else if (!fits)
            fits = ap_cstr_casecmp(parameter, formats[wanted].parameter) == 0;
    }
    return fits ? q : q - A_LITTLE_LESS;
}

/* What the client likes best; HTML where it names none of them. */
static format format_of_accept(request_rec *r, const char *accept)
{
    format best = FORMAT_HTML;
    double best_q = 0;

    for (unsigned i = 0; accept && i < FORMATS; i++) {
        if (!formats[i].accept)
            continue;
        char *copy = apr_pstrdup(r->pool, accept), *last, *element;

        apr_collapse_spaces(copy, copy);
        for (element = apr_strtok(copy, ",", &last); element;
             element = apr_strtok(NULL, ",", &last)) {
            double q = quality(element, (format)i);

            if (q > 0 && q >= best_q) {
                best = (format)i;
                best_q = q;
            }
        }
    }
    return best;
}

/* --- what is asked for ------------------------------------------------------------------------- */

typedef struct {
    format wanted;
    const char *call;  /* NULL: failures of all calls */
    const char *wrong; /* NULL: all is well */
} order;

/* What people paste has blanks around it. */
static eg_span trim_blanks(eg_span text)
{
    for (; text.n && eg_is_blank(*text.p); text.n--)
        text.p++;
    while (text.n && eg_is_blank(text.p[text.n - 1]))
        text.n--;
    return text;
}

static void read_query(request_rec *r, order *o)
{
    char *copy = apr_pstrdup(r->pool, r->args ? r->args : "");
    const eg_param *wanted, *call;
    eg_params params;

    if (eg_form_parse(r->pool, copy, strlen(copy), EG_PARAMS_MAX, &params) != EG_OK) {
        o->wrong = "malformed query\n";
        return;
    }
    wanted = eg_params_find(&params, EG_LIT("format"));
    call = eg_params_find(&params, EG_LIT("call"));
    if (wanted)
        o->wanted = format_named(wanted->value);
    if (call && trim_blanks(call->value).n) {
        eg_span sid = trim_blanks(call->value);

        o->call = apr_pstrmemdup(r->pool, sid.p, sid.n);
        if (!eg_is_call_id(sid))
            o->wrong = "call is 1 to 64 of A-Z a-z 0-9 _ : -\n";
    }
    if (o->wanted == FORMAT_UNKNOWN)
        o->wrong = "format is one of html, text, json, prometheus, openmetrics\n";
}

static order read_order(request_rec *r)
{
    order o = {.wanted = format_of_accept(r, apr_table_get(r->headers_in, "Accept"))};

    read_query(r, &o);
    return o;
}

/* --- the handler ------------------------------------------------------------------------------- */

static int send_page(request_rec *r, const char *type, apr_bucket_brigade *out)
{
    apr_off_t length = 0;

    apr_brigade_length(out, 1, &length);
    ap_set_content_type(r, type);
    ap_set_content_length(r, length);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_mergen(r->headers_out, "Vary", "Accept");
    APR_BRIGADE_INSERT_TAIL(out, apr_bucket_eos_create(out->bucket_alloc));
    (void)ap_pass_brigade(r->output_filters, out); /* a client who hung up is no error of ours */
    return OK;
}

static int refuse_page(request_rec *r, int status, const char *text, apr_bucket_brigade *out)
{
    (void)ap_discard_request_body(r);
    r->status = status;
    apr_brigade_puts(out, NULL, NULL, text);
    return send_page(r, "text/plain; charset=utf-8", out);
}

/* Nothing of another place is loaded, and nothing that is written into the page runs. */
static void protect_page(request_rec *r)
{
    apr_table_setn(r->headers_out, "Content-Security-Policy",
                   "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
                   "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'self'");
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->headers_out, "Referrer-Policy", "no-referrer");
}

static void write_snapshot(request_rec *r, apr_bucket_brigade *out, const order *o)
{
    eg_snapshot *snapshot = apr_palloc(r->pool, sizeof *snapshot);
    bool counts = eg_snapshot_take(snapshot, r->pool);

    snapshot->call = o->call;
    snapshot->server = r->server->server_hostname;
    if (!counts && o->wanted == FORMAT_JSON)
        apr_brigade_puts(out, NULL, NULL, "{\"level\":\"unknown\"}\n");
    else if (!counts && o->wanted == FORMAT_TEXT)
        apr_brigade_puts(out, NULL, NULL, "There is no shared memory: nothing is counted\n");
    else if (!counts)
        eg_page_write_none(out);
    else if (o->wanted == FORMAT_JSON)
        eg_status_write_json(out, snapshot);
    else if (o->wanted == FORMAT_TEXT)
        eg_status_write_text(out, snapshot);
    else
        eg_page_write(out, snapshot, o->wanted == FORMAT_FRAGMENT);
}

static int answer(request_rec *r, apr_bucket_brigade *out)
{
    order o = read_order(r);

    protect_page(r);
    if (o.wrong)
        return refuse_page(r, HTTP_BAD_REQUEST, o.wrong, out);
    if (o.wanted == FORMAT_CSS)
        apr_brigade_puts(out, NULL, NULL, eg_page_style);
    else if (o.wanted == FORMAT_JS)
        apr_brigade_puts(out, NULL, NULL, eg_page_script);
    else if (o.wanted == FORMAT_PROMETHEUS)
        eg_metrics_write(out, r->pool, EG_PROMETHEUS);
    else if (o.wanted == FORMAT_OPENMETRICS)
        eg_metrics_write(out, r->pool, EG_OPENMETRICS);
    else
        write_snapshot(r, out, &o);
    return send_page(r, formats[o.wanted].type, out);
}

int eg_status_handler(request_rec *r)
{
    apr_bucket_brigade *out;

    if (!r->handler || strcmp(r->handler, EG_STATUS_HANDLER) != 0)
        return DECLINED;
    if (r->main)
        return HTTP_NOT_FOUND; /* no SSI page shows it to somebody else */
    r->no_cache = 1;           /* "no-store" is not the last word everywhere */
    out = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    if (r->method_number == M_GET)
        return answer(r, out);
    apr_table_setn(r->headers_out, "Allow", "GET, HEAD");
    return refuse_page(r, HTTP_METHOD_NOT_ALLOWED, "method not allowed\n", out);
}
