/* SPDX-License-Identifier: Apache-2.0
 * The last failures on the status page, and the search for a call among them. */
#include "watch/page.h"

#include <string.h>
#include <apr_strings.h>

#define AT_FIRST 10 /* the others are folded away */

/* --- what is shown ----------------------------------------------------------------------------- */

static bool is_asked_for(const eg_page *p, const eg_failure *failure)
{
    return !p->snapshot->call || strcmp(p->snapshot->call, failure->call) == 0;
}

static apr_array_header_t *list_asked(const eg_page *p, eg_lane lane)
{
    const apr_array_header_t *all = p->snapshot->lanes[lane];
    apr_array_header_t *list = apr_array_make(p->h.pool, all->nelts, sizeof(const eg_failure *));

    for (int i = 0; i < all->nelts; i++) {
        const eg_failure *failure = APR_ARRAY_IDX(all, i, const eg_failure *);

        if (is_asked_for(p, failure))
            APR_ARRAY_PUSH(list, const eg_failure *) = failure;
    }
    return list;
}

/* --- a failure --------------------------------------------------------------------------------- */

static void put_when(const eg_page *p, const eg_failure *failure)
{
    eg_put_in(&p->h, "<th scope=\"row\"><time datetime=\"", eg_utc_words(p->h.pool, failure->when),
              "\">");
    eg_put_in(&p->h, "", eg_time_words(p->snapshot, failure->when), "</time></th>");
}

static void put_call(const eg_page *p, const eg_failure *failure)
{
    if (!failure->call[0]) {
        eg_put(&p->h, "<td class=\"call\">no CallSid</td>");
        return;
    }
    eg_put_in(&p->h, "<td class=\"call\"><a href=\"?call=", failure->call, "#failures-section\">");
    eg_put_in(&p->h, "", failure->call, "</a></td>");
}

static void put_reason(const eg_page *p, const eg_failure *failure)
{
    const char *host = eg_counters_host_name(failure->host);

    eg_put(&p->h, "<td class=\"reason\">");
    if (failure->tag)
        eg_putf(&p->h, "<code>EG%04u</code> ", failure->tag);
    eg_put_in(&p->h, "<b>", eg_outcome_of((eg_outcome)failure->outcome)->word, "</b> ");
    if (failure->reason[0])
        eg_put_text(&p->h, failure->reason);
    else
        eg_put_text(&p->h, eg_cause_of((eg_cause)failure->cause)->title);
    if (p->snapshot->hosts > 1 && *host)
        eg_put_in(&p->h, " <span class=\"host\">at ", host, "</span>");
    eg_put(&p->h, "</td>");
}

static void put_failure(const eg_page *p, const eg_failure *failure)
{
    eg_put(&p->h, "<tr>");
    put_when(p, failure);
    put_call(p, failure);
    eg_put_in(&p->h, "<td class=\"step\">", failure->step[0] ? failure->step : "-", "</td>");
    put_reason(p, failure);
    eg_end_row(&p->h);
}

/* --- lists of them ----------------------------------------------------------------------------- */

static void put_failure_table(const eg_page *p, const char *id, const char *caption,
                              const apr_array_header_t *list, int first, int last)
{
    static const char *const columns[] = {"when", "call", "step", "what", NULL};

    eg_begin_table(&p->h, id, caption, columns);
    for (int i = first; i < last; i++)
        put_failure(p, APR_ARRAY_IDX(list, i, const eg_failure *));
    eg_end_table(&p->h);
}

static void begin_fold(const eg_page *p, const char *id, const char *summary)
{
    eg_put_in(&p->h, "<details id=\"", id, "\">");
    eg_put_in(&p->h, "<summary>", summary, "</summary>\n");
}

static void put_lane(const eg_page *p, eg_lane lane, const char *id, const char *caption)
{
    const apr_array_header_t *list = list_asked(p, lane);
    int n = list->nelts, shown = n > AT_FIRST && !p->snapshot->call ? AT_FIRST : n;

    if (n == 0)
        return;
    put_failure_table(p, id, caption, list, 0, shown);
    if (shown == n)
        return;
    begin_fold(p, apr_pstrcat(p->h.pool, id, "-fold", NULL),
               apr_psprintf(p->h.pool, "%d older ones", n - shown));
    put_failure_table(p, apr_pstrcat(p->h.pool, id, "-older", NULL),
                      apr_pstrcat(p->h.pool, caption, ", older ones", NULL), list, shown, n);
    eg_put(&p->h, "</details>\n");
}

static void put_folded_lane(const eg_page *p, eg_lane lane, const char *id, const char *caption)
{
    int n = list_asked(p, lane)->nelts;

    if (n == 0)
        return;
    begin_fold(p, apr_pstrcat(p->h.pool, id, "-lane", NULL),
               apr_psprintf(p->h.pool, "%s: the last %d", caption, n));
    put_lane(p, lane, id, caption);
    eg_put(&p->h, "</details>\n");
}

static void put_all_lanes(const eg_page *p)
{
    if (p->snapshot->lanes[EG_LANE_OURS]->nelts == 0)
        eg_put(&p->h, p->snapshot->lanes[EG_LANE_STRANGERS]->nelts
                          ? "<p>Nothing has failed but what was turned away.</p>\n"
                          : "<p>Nothing has failed.</p>\n");
    put_lane(p, EG_LANE_OURS, "failed", "The last failures");
    put_folded_lane(p, EG_LANE_CALLERS, "erred", "Callers who erred");
    put_folded_lane(p, EG_LANE_STRANGERS, "refused", "Turned away");
}

static void put_found_call(const eg_page *p)
{
    bool any = false;

    for (unsigned lane = 0; lane < EG_LANES; lane++)
        any = list_asked(p, (eg_lane)lane)->nelts > 0 || any;
    eg_put_in(&p->h,
              any ? "<p>What is kept of the call <code>" : "<p>Nothing is kept of the call <code>",
              p->snapshot->call, "</code>. ");
    eg_put(&p->h, "The whole of a call, good steps too, is in the logs: "
                  "<code>encgather trace</code>. <a href=\"?#failures-section\">All "
                  "failures</a></p>\n");
    put_lane(p, EG_LANE_OURS, "failed", "Failures of this call");
    put_lane(p, EG_LANE_CALLERS, "erred", "Errors of this caller");
    put_lane(p, EG_LANE_STRANGERS, "refused", "Turned away");
}

void eg_page_search(const eg_page *p)
{
    const char *call = p->snapshot->call;

    eg_put(&p->h, "<form method=\"get\" action=\"#failures-section\" role=\"search\">"
                  "<label for=\"call\">A CallSid</label> <input id=\"call\" name=\"call\" "
                  "type=\"search\" maxlength=\"64\" pattern=\"[A-Za-z0-9_:\\-]{1,64}\" "
                  "autocomplete=\"off\" spellcheck=\"false\" "
                  "title=\"1 to 64 letters, digits, _ : -\" value=\"");
    eg_put_in(&p->h, "", call ? call : "", "\"/> <button type=\"submit\">Search</button></form>\n");
}

void eg_page_failures(const eg_page *p)
{
    if (p->snapshot->call)
        put_found_call(p);
    else
        put_all_lanes(p);
}
