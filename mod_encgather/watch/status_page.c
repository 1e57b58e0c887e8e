/* SPDX-License-Identifier: Apache-2.0
 * encgather-status: the counters, for people and for scrapers; and their part of server-status. */
#include "watch/status_page.h"

#include <stdlib.h>
#include <string.h>
#include <apr_optional_hooks.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <mod_status.h>
#include "watch/metrics.h"
#include "version.h"

#define REFRESH "10" /* seconds */

/* --- which format ------------------------------------------------------------------------------ */

typedef enum {
    FORMAT_CSS,
    FORMAT_HTML,
    FORMAT_PROMETHEUS,
    FORMAT_OPENMETRICS,
    FORMATS,
    FORMAT_UNKNOWN
} format;

static const struct {
    const char *name; /* of ?format= */
    const char *accept;
    const char *parameter; /* of that type, without which it may be meant for people; or NULL */
    const char *type;
} formats[FORMATS] = {
    [FORMAT_CSS] = {"css", "text/css", NULL, "text/css; charset=utf-8"},
    [FORMAT_HTML] = {"html", "text/html", NULL, "text/html; charset=utf-8"},
    [FORMAT_PROMETHEUS] = {"prometheus", "text/plain", "version=0.0.4",
                           "text/plain; version=0.0.4; charset=utf-8"},
    [FORMAT_OPENMETRICS] = {"openmetrics", "application/openmetrics-text", NULL,
                            "application/openmetrics-text; version=1.0.0; charset=utf-8"},
};

static format format_of_query(const char *args)
{
    for (unsigned i = 0; i < FORMATS; i++)
        if (strcmp(args, formats[i].name) == 0)
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

static format choose_format(request_rec *r)
{
    if (r->args && strncmp(r->args, "format=", 7) == 0)
        return format_of_query(r->args + 7);
    return format_of_accept(r, apr_table_get(r->headers_in, "Accept"));
}

/* --- the page ---------------------------------------------------------------------------------- */

#define HEAD                                                                                       \
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"                           \
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"                    \
    "<meta http-equiv=\"refresh\" content=\"" REFRESH "\"/>"                                       \
    "<title>mod_encgather: counters</title><link rel=\"stylesheet\" href=\"?format=css\"/>"        \
    "</head>\n<body><div role=\"main\"><h1>mod_encgather</h1>\n"

/* By itself: a site's Content-Security-Policy seldom allows what is written into the page. */
static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1b1b;--paper:#fff;--line:#767676}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--paper:#161616;--line:#8a8a8a}}"
    "body{font:1rem/1.4 system-ui,sans-serif;margin:1rem;color:var(--ink);"
    "background:var(--paper)}"
    "h2{overflow-wrap:anywhere}.tables{display:flex;flex-wrap:wrap;gap:1.5rem;"
    "align-items:flex-start}.table{overflow-x:auto;max-width:100%}"
    "table{border-collapse:collapse}caption{text-align:left;font-weight:bold}"
    "th,td{border-bottom:1px solid var(--line);padding:.15rem .4rem}"
    "th[scope=row]{text-align:left;font-weight:normal}"
    "td,th[scope=col]{text-align:right;font-variant-numeric:tabular-nums}"
    "th[scope=col]:first-child{text-align:left}";

typedef struct {
    apr_bucket_brigade *out;
    apr_pool_t *pool;
} page;

static void put(const page *p, const char *html)
{
    apr_brigade_puts(p->out, NULL, NULL, html);
}

static void begin_table(const page *p, const char *caption, const char *corner)
{
    apr_brigade_printf(p->out, NULL, NULL,
                       "<div class=\"table\" role=\"region\" aria-label=\"%s\" tabindex=\"0\">"
                       "<table><caption>%s</caption><thead><tr><th scope=\"col\">%s</th>",
                       caption, caption, corner);
}

static void put_column(const page *p, const char *word)
{
    apr_brigade_printf(p->out, NULL, NULL, "<th scope=\"col\">%s</th>", word);
}

static void begin_rows(const page *p)
{
    put(p, "</tr></thead><tbody>\n");
}

static void begin_row(const page *p, const char *word)
{
    apr_brigade_printf(p->out, NULL, NULL, "<tr><th scope=\"row\">%s</th>", word);
}

static void put_number(const page *p, apr_uint64_t number)
{
    apr_brigade_printf(p->out, NULL, NULL, "<td>%" U64 "</td>", number);
}

static void end_row(const page *p)
{
    put(p, "</tr>\n");
}

static void end_table(const page *p)
{
    put(p, "</tbody></table></div>\n");
}

/* The family's second label goes down the page, which has the room for it. */
static void put_family(const page *p, const eg_family *family, const eg_host *host)
{
    const char *down = family->labels[1] ? family->labels[1] : "", *word;

    begin_table(p, family->title, down);
    for (unsigned row = 0; row < family->counts[0]; row++)
        put_column(p, family->labels[0] ? eg_family_word(family, 0, row) : "number");
    begin_rows(p);
    for (unsigned column = 0; column < family->counts[1]; column++) {
        if (!(word = eg_family_word(family, 1, column)))
            continue;
        begin_row(p, *word ? word : "all");
        for (unsigned row = 0; row < family->counts[0]; row++)
            put_number(p, eg_family_value(family, host, row, column));
        end_row(p);
    }
    end_table(p);
}

static void put_time(const page *p, const char *what, apr_uint64_t microseconds)
{
    begin_row(p, what);
    apr_brigade_printf(p->out, NULL, NULL, "<td>%" U64 ".%03" U64 " ms</td>", microseconds / 1000,
                       microseconds % 1000);
    end_row(p);
}

static void put_duration(const page *p, const eg_duration *duration, const eg_host *host)
{
    const eg_histogram *histogram = eg_duration_of(duration, host);
    apr_uint64_t count = eg_histogram_count(histogram);

    begin_table(p, duration->title, "up to");
    put_column(p, "number");
    begin_rows(p);
    for (unsigned i = 0; i < EG_BUCKETS; i++) {
        begin_row(p, i < EG_BOUNDS ? apr_psprintf(p->pool, "%u ms", eg_bounds_ms[i]) : "more");
        put_number(p, atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed));
        end_row(p);
    }
    if (count)
        put_time(p, "mean", atomic_load(&histogram->microseconds) / count);
    end_table(p);
}

static void put_host(const page *p, const eg_host *host)
{
    apr_brigade_printf(p->out, NULL, NULL, "<h2>%s</h2>\n", ap_escape_html(p->pool, host->name));
    if (eg_host_is_idle(host)) {
        put(p, "<p>Nothing yet.</p>\n");
        return;
    }
    put(p, "<div class=\"tables\">\n");
    for (const eg_family *each = eg_families; each->name; each++)
        put_family(p, each, host);
    for (const eg_duration *each = eg_durations; each->name; each++)
        put_duration(p, each, host);
    put(p, "</div>\n");
}

static void put_keys(const page *p)
{
    const eg_key_use *use;

    put(p, "<h2>Keys</h2>\n");
    begin_table(p, "Use of each key", "fingerprint");
    for (const eg_key_family *each = eg_key_families; each->name; each++)
        put_column(p, each->title);
    begin_rows(p);
    for (unsigned i = 0; (use = eg_counters_key_at(i)) != NULL; i++) {
        begin_row(p, use->fingerprint);
        for (const eg_key_family *each = eg_key_families; each->name; each++)
            put_number(p, eg_key_value(each, use));
        end_row(p);
    }
    end_table(p);
}

static void put_date(const page *p, apr_time_t when)
{
    char date[APR_RFC822_DATE_LEN];

    apr_rfc822_date(date, when);
    put(p, date);
}

static void put_page(apr_bucket_brigade *out, apr_pool_t *pool)
{
    const page p = {out, pool};
    const eg_host *host;

    put(&p, HEAD "<p>Version " EG_VERSION ". ");
    if (eg_counters_since()) {
        put(&p, "Counted from ");
        put_date(&p, eg_counters_since());
        put(&p, " to ");
        put_date(&p, apr_time_now());
    } else
        put(&p, "There is no shared memory: nothing is counted");
    put(&p, ". This page loads itself anew every " REFRESH " seconds; "
            "<a href=\"?format=openmetrics\">the same for scrapers</a>.</p>\n");
    for (unsigned i = 0; (host = eg_counters_host(i)) != NULL; i++)
        put_host(&p, host);
    put_keys(&p);
    put(&p, "</div></body></html>\n");
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

static int answer(request_rec *r, apr_bucket_brigade *out)
{
    format wanted = choose_format(r);

    switch (wanted) {
    case FORMAT_CSS:
        apr_brigade_puts(out, NULL, NULL, style);
        break;
    case FORMAT_HTML:
        put_page(out, r->pool);
        break;
    case FORMAT_PROMETHEUS:
        eg_metrics_write(out, r->pool, EG_PROMETHEUS);
        break;
    case FORMAT_OPENMETRICS:
        eg_metrics_write(out, r->pool, EG_OPENMETRICS);
        break;
    case FORMATS:
    case FORMAT_UNKNOWN:
        return refuse_page(r, HTTP_BAD_REQUEST, "format is one of html, prometheus, openmetrics\n",
                           out);
    }
    return send_page(r, formats[wanted].type, out);
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

/* --- server-status ----------------------------------------------------------------------------- */

static const eg_family *family_named(const char *name)
{
    const eg_family *family = eg_families;

    while (strcmp(family->name, name) != 0)
        family++;
    return family;
}

/* The webhooks of all steps that came to one result. */
static apr_uint64_t webhooks_with(const eg_host *host, unsigned result)
{
    const eg_family *family = family_named("webhooks");
    apr_uint64_t sum = 0;

    for (unsigned step = 0; step < EG_STEPS; step++)
        sum += eg_family_value(family, host, step, result);
    return sum;
}

static apr_uint64_t calls_of(const eg_host *host)
{
    return eg_family_value(family_named("calls"), host, 0, 0);
}

static void put_lines(request_rec *r, unsigned i, const eg_host *host)
{
    const eg_family *family = family_named("webhooks");

    ap_rprintf(r, "EGHost[%u]Name: %s\nEGHost[%u]Calls: %" U64 "\n", i, host->name, i,
               calls_of(host));
    for (unsigned result = 0; result < EG_OUTCOMES; result++) {
        const char *word = eg_family_word(family, 1, result);

        if (word)
            ap_rprintf(r, "EGHost[%u]Webhooks[%s]: %" U64 "\n", i, word,
                       webhooks_with(host, result));
    }
}

static void put_status_row(request_rec *r, const eg_host *host)
{
    const eg_family *family = family_named("webhooks");

    ap_rprintf(r, "<tr><th scope=\"row\">%s</th><td>%" U64 "</td>",
               ap_escape_html(r->pool, host->name), calls_of(host));
    for (unsigned result = 0; result < EG_OUTCOMES; result++)
        if (eg_family_word(family, 1, result))
            ap_rprintf(r, "<td>%" U64 "</td>", webhooks_with(host, result));
    ap_rputs("</tr>\n", r);
}

static void put_status_table(request_rec *r)
{
    const eg_family *family = family_named("webhooks");
    const eg_host *host;

    ap_rputs("<hr />\n<h2>mod_encgather</h2>\n<table border=\"0\"><caption>Calls, and webhooks by "
             "result</caption>\n<tr><th scope=\"col\">host</th><th scope=\"col\">calls</th>",
             r);
    for (unsigned result = 0; result < EG_OUTCOMES; result++) {
        const char *word = eg_family_word(family, 1, result);

        if (word)
            ap_rprintf(r, "<th scope=\"col\">%s</th>", word);
    }
    ap_rputs("</tr>\n", r);
    for (unsigned i = 0; (host = eg_counters_host(i)) != NULL; i++)
        put_status_row(r, host);
    ap_rputs("</table>\n", r);
}

static int server_status(request_rec *r, int flags)
{
    const eg_host *host;

    if (!(flags & AP_STATUS_SHORT))
        put_status_table(r);
    else
        for (unsigned i = 0; (host = eg_counters_host(i)) != NULL; i++)
            put_lines(r, i, host);
    return OK;
}

void eg_status_register_hooks(void)
{
    APR_OPTIONAL_HOOK(ap, status_hook, server_status, NULL, NULL, APR_HOOK_MIDDLE);
}
