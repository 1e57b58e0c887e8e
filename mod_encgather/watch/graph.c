/* SPDX-License-Identifier: Apache-2.0
 * Graphs of the last hour and the last day, as SVG that needs no script and no style of its own. */
#include "watch/graph.h"

#include <apr_strings.h>

#define WIDTH 960 /* of the picture; every number of slices that is used divides it */
#define HEIGHT 100

void eg_series_take(const eg_snapshot *snapshot, const char *title, unsigned n, unsigned minutes,
                    eg_series *series)
{
    eg_host *slice = apr_pcalloc(snapshot->pool, sizeof *slice);

    *series = (eg_series){.title = title, .n = n, .minutes = minutes};
    series->first = snapshot->minute - n * minutes + 1;
    for (unsigned i = 0; i < n; i++) {
        apr_uint32_t first = series->first + i * minutes;

        eg_snapshot_window(first, first + minutes - 1, slice);
        series->requests[i] = eg_requests_in(slice);
        series->failed[i] = eg_failures_in(slice, EG_LANE_OURS);
        series->refused[i] = eg_failures_in(slice, EG_LANE_STRANGERS);
        series->p95[i] = eg_time_in(eg_times_in(slice), 950);
    }
}

/* One of the graphs of a series. */
typedef struct {
    const char *title;
    const char *kind; /* a class of the style */
    const apr_uint64_t *values;
    bool is_time;
} graph;

static unsigned highest(const graph *g, unsigned n)
{
    unsigned at = 0;

    for (unsigned i = 1; i < n; i++)
        if (g->values[i] >= g->values[at])
            at = i;
    return at;
}

static const char *value_words(const eg_html *h, const graph *g, apr_uint64_t value)
{
    return g->is_time ? eg_duration_words(h->pool, value) : apr_psprintf(h->pool, "%" U64, value);
}

static const char *minute_words(const eg_html *h, apr_uint32_t minute)
{
    return eg_hour_words(h->pool, (apr_time_t)minute * 60 * APR_USEC_PER_SEC);
}

/* What is not nothing can be seen. */
static void put_bars(const eg_html *h, const eg_series *series, const graph *g,
                     apr_uint64_t highest_value)
{
    unsigned width = WIDTH / series->n, gap = width > 4 ? 2 : 1;

    eg_putf(h, "<path class=\"%s\" d=\"", g->kind);
    for (unsigned i = 0; i < series->n; i++) {
        unsigned height = (unsigned)(g->values[i] * (HEIGHT - 4) / highest_value) + 4;

        if (g->values[i])
            eg_putf(h, "M%u %uv-%uh%uv%uz", i * width, HEIGHT, height, width - gap, height);
    }
    eg_put(h, "\"/>");
}

static void put_graph(const eg_html *h, const eg_series *series, const graph *g)
{
    unsigned top = highest(g, series->n);
    const char *most = value_words(h, g, g->values[top]);
    const char *when = minute_words(h, series->first + top * series->minutes);
    const char *words = apr_psprintf(h->pool, "%s: %s %s %s", g->is_time ? "longest" : "most", most,
                                     series->minutes == 1 ? "at" : "after", when);

    eg_put(h, "<figure><figcaption>");
    eg_put_in(h, "<span>", g->title, "</span> ");
    eg_put_in(h, "<span class=\"most\">", g->values[top] ? words : "none", "</span></figcaption>");
    if (!g->values[top]) {
        eg_put(h, "</figure>\n");
        return;
    }
    eg_putf(h, "<svg viewBox=\"0 0 %u %u\" preserveAspectRatio=\"none\" role=\"img\"", WIDTH,
            HEIGHT);
    eg_put_in(h, " aria-label=\"", g->title, ", ");
    eg_put_in(h, "", series->title, ": ");
    eg_put_in(h, "", words, "\">");
    put_bars(h, series, g, g->values[top]);
    eg_putf(h, "<path class=\"ground\" d=\"M0 %uh%u\"/></svg>", HEIGHT, WIDTH);
    eg_put_in(h, "<p class=\"axis\" aria-hidden=\"true\"><span>", minute_words(h, series->first),
              "</span><span>now</span></p></figure>\n");
}

void eg_put_graphs(const eg_html *h, const eg_series *series)
{
    const char *each =
        series->minutes == 1 ? "a minute" : apr_psprintf(h->pool, "in %u minutes", series->minutes);
    const graph graphs[] = {
        {apr_pstrcat(h->pool, "Requests ", each, NULL), "all", series->requests, false},
        {apr_pstrcat(h->pool, "Failed ", each, NULL), "failed", series->failed, false},
        {apr_pstrcat(h->pool, "Turned away ", each, NULL), "refused", series->refused, false},
        {"95 of 100 answered within", "time", series->p95, true}};

    eg_put_in(h, "<div class=\"series\"><h3>The ", series->title, "</h3>\n");
    for (unsigned i = 0; i < sizeof graphs / sizeof graphs[0]; i++)
        put_graph(h, series, &graphs[i]);
    eg_put(h, "</div>\n");
}
