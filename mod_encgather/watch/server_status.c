/* SPDX-License-Identifier: Apache-2.0
 * The counters' part of mod_status's server-status. */
#include "watch/status_page.h"

#include <string.h>
#include <apr_optional_hooks.h>
#include <http_protocol.h>
#include <mod_status.h>
#include "watch/metrics.h"
#include "watch/snapshot.h"

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

static void put_lines(request_rec *r, unsigned i, const eg_shown_host *shown)
{
    const eg_family *family = family_named("webhooks");
    const eg_host *host = shown->numbers;

    ap_rprintf(r, "EGHost[%u]Name: %s\nEGHost[%u]Calls: %" U64 "\n", i, shown->name, i,
               calls_of(host));
    for (unsigned result = 0; !shown->is_idle && result < EG_OUTCOMES; result++) {
        const char *word = eg_family_word(family, 1, result);

        if (word)
            ap_rprintf(r, "EGHost[%u]Webhooks[%s]: %" U64 "\n", i, word,
                       webhooks_with(host, result));
    }
}

static void put_status_row(request_rec *r, const eg_shown_host *shown)
{
    const eg_family *family = family_named("webhooks");
    const eg_host *host = shown->numbers;

    ap_rprintf(r, "<tr><th scope=\"row\">%s</th><td>%" U64 "</td>",
               ap_escape_html(r->pool, shown->name), calls_of(host));
    for (unsigned result = 0; result < EG_OUTCOMES; result++)
        if (eg_family_word(family, 1, result))
            ap_rprintf(r, "<td>%" U64 "</td>", webhooks_with(host, result));
    ap_rputs("</tr>\n", r);
}

static void put_status_table(request_rec *r)
{
    const eg_family *family = family_named("webhooks");
    eg_shown_host host;
    unsigned idle = 0;

    ap_rputs("<hr />\n<h2>mod_encgather</h2>\n<table border=\"0\"><caption>Calls, and webhooks by "
             "result</caption>\n<tr><th scope=\"col\">host</th><th scope=\"col\">calls</th>",
             r);
    for (unsigned result = 0; result < EG_OUTCOMES; result++) {
        const char *word = eg_family_word(family, 1, result);

        if (word)
            ap_rprintf(r, "<th scope=\"col\">%s</th>", word);
    }
    ap_rputs("</tr>\n", r);
    for (unsigned i = 0; eg_counters_host(i, &host); i++) {
        if (!host.is_idle)
            put_status_row(r, &host);
        idle += host.is_idle;
    }
    ap_rputs("</table>\n", r);
    if (idle)
        ap_rprintf(r, "<p>%s of which nothing was counted yet.</p>\n",
                   eg_count_words(r->pool, idle, "host", "hosts"));
}

static int server_status(request_rec *r, int flags)
{
    eg_shown_host host;

    if (!(flags & AP_STATUS_SHORT))
        put_status_table(r);
    else
        for (unsigned i = 0; eg_counters_host(i, &host); i++)
            put_lines(r, i, &host);
    return OK;
}

void eg_status_register_hooks(void)
{
    APR_OPTIONAL_HOOK(ap, status_hook, server_status, NULL, NULL, APR_HOOK_MIDDLE);
}
