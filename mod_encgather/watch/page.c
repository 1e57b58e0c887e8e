/* SPDX-License-Identifier: Apache-2.0
 * The status page for people: its sections in order. */
#include "watch/page.h"

#include "version.h"

/* A part of the page. Whoever counts something new that is worth a section of its own puts a row here. */
typedef struct {
    const char *id; /* of the element that is loaded anew */
    const char *title;
    void (*before)(const eg_page *p); /* what stays when that is loaded anew; NULL: nothing */
    void (*put)(const eg_page *p);
} section;

static const section sections[] = {
    {"verdict", NULL, NULL, eg_page_verdict},
    {"figures", "At a glance", NULL, eg_page_figures},
    {"graphs", "The last hour and day", NULL, eg_page_graphs},
    {"failures", "Failures", eg_page_search, eg_page_failures},
    {"keys", "Keys", NULL, eg_page_keys},
    {"numbers", "All that is counted", NULL, eg_page_numbers},
    {"hosts", "Hosts", NULL, eg_page_hosts},
    {"server", "This server", NULL, eg_page_server},
};

static void put_title(const eg_page *p)
{
    static const char *const marks[EG_LEVELS] = {"OK", "OK", "OK", "Look", "Failing"};

    eg_put(&p->h, p->verdict ? marks[p->verdict->level] : "Nothing is counted");
    if (p->snapshot && p->snapshot->server)
        eg_put_in(&p->h, " - ", p->snapshot->server, "");
    eg_put(&p->h, " - mod_encgather: status");
}

static void put_head(const eg_page *p)
{
    eg_put(&p->h, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"
                  "<meta name=\"color-scheme\" content=\"light dark\"/>"
                  "<link rel=\"icon\" href=\"data:,\"/>"
                  "<link rel=\"stylesheet\" href=\"?format=css\"/>"
                  "<script src=\"?format=js\" defer=\"defer\"></script><title>");
    put_title(p);
    eg_put(&p->h, "</title></head>\n<body>");
}

static void put_top(const eg_page *p)
{
    put_head(p);
    eg_put(&p->h, "<header><h1>mod_encgather");
    if (p->snapshot && p->snapshot->server)
        eg_put_in(&p->h, " at ", p->snapshot->server, "");
    eg_put(&p->h, "</h1><p class=\"reload\"><span id=\"refresh\">"
                  "</span> <a href=\"\">Reload now</a></p>"
                  "<p id=\"said\" class=\"unseen\" role=\"status\"></p></header>\n");
}

static void put_main(const eg_page *p)
{
    eg_put(&p->h, "<main data-title=\"");
    put_title(p);
    eg_put(&p->h, "\">\n");
}

/* What is between the two tags is what a fragment has, too. */
static void put_section(const eg_page *p, const section *each, bool is_fragment)
{
    const eg_html *h = &p->h;

    eg_putf(h, "<section id=\"%s-section\"%s>", each->id,
            each->title ? "" : " aria-label=\"Is all well?\"");
    if (each->title && !is_fragment)
        eg_put_in(h, "<h2>", each->title, "</h2>\n");
    if (each->before && !is_fragment)
        each->before(p);
    eg_putf(h, "<div id=\"%s\" class=\"live\">", each->id);
    each->put(p);
    eg_put(h, "</div></section>\n");
}

void eg_page_write(apr_bucket_brigade *out, const eg_snapshot *snapshot, bool is_fragment)
{
    eg_verdict_words verdict = eg_verdict_of(snapshot);
    const eg_page p = {{out, snapshot->pool}, snapshot, &verdict};

    if (!is_fragment)
        put_top(&p);
    put_main(&p);
    for (unsigned i = 0; i < sizeof sections / sizeof sections[0]; i++)
        put_section(&p, &sections[i], is_fragment);
    eg_put(&p.h, is_fragment ? "</main>\n" : "</main></body></html>\n");
}

void eg_page_write_none(apr_bucket_brigade *out)
{
    const eg_page p = {{out, out->p}, NULL, NULL};

    put_top(&p);
    put_main(&p);
    eg_put(&p.h, "<p>There is no shared memory, so nothing is counted (EG0113). This is "
                 "mod_encgather " EG_VERSION ".</p></main></body></html>\n");
}
