/* SPDX-License-Identifier: Apache-2.0
 * The few numbers and the graphs that are looked at first. */
#include "watch/page.h"

#include <apr_strings.h>
#include "watch/graph.h"

#define WINDOWS 4

static const eg_host *const *windows_of(const eg_page *p, const eg_host *windows[WINDOWS])
{
    windows[0] = p->snapshot->quarter;
    windows[1] = p->snapshot->hour;
    windows[2] = p->snapshot->day;
    windows[3] = p->snapshot->total;
    return windows;
}

static apr_uint64_t found_in(const eg_host *window)
{
    return eg_results_in(window, EG_FOUND);
}

static apr_uint64_t shielded_in(const eg_host *window)
{
    return eg_read(&window->shields[EG_SHIELDED]) + eg_read(&window->reveals[EG_REVEALED]);
}

static apr_uint64_t failed_in(const eg_host *window)
{
    return eg_failures_in(window, EG_LANE_OURS);
}

static apr_uint64_t refused_in(const eg_host *window)
{
    return eg_failures_in(window, EG_LANE_STRANGERS);
}

static apr_uint64_t erred_in(const eg_host *window)
{
    return eg_failures_in(window, EG_LANE_CALLERS);
}

/* always: shown although it is 0. */
static const struct {
    const char *title;
    apr_uint64_t (*in)(const eg_host *window);
    bool always;
} figures[] = {{"Calls", eg_calls_in, true},      {"Requests in all", eg_requests_in, true},
               {"Found", found_in, true},         {"Shielded or revealed", shielded_in, false},
               {"Failed", failed_in, true},       {"Callers who erred", erred_in, false},
               {"Turned away", refused_in, false}};

static void put_figures(const eg_page *p, const eg_host *const *windows)
{
    for (unsigned i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        if (!figures[i].always && !figures[i].in(windows[WINDOWS - 1]))
            continue;
        eg_begin_row(&p->h, figures[i].title);
        for (unsigned w = 0; w < WINDOWS; w++)
            eg_put_number(&p->h, figures[i].in(windows[w]));
        eg_end_row(&p->h);
    }
}

static const eg_histogram *backend_times_in(const eg_host *window)
{
    return &window->backend_time;
}

/* A row for each window. */
static void put_times(const eg_page *p, const eg_host *const *windows, const char *title,
                      const eg_histogram *(*times)(const eg_host *window))
{
    static const char *const words[WINDOWS] = {"15 minutes", "hour", "day", "in all"};
    static const unsigned permilles[] = {500, 950, 990};

    if (!eg_histogram_count(times(windows[WINDOWS - 1])))
        return;
    for (unsigned w = 0; w < WINDOWS; w++) {
        eg_begin_row(&p->h, apr_pstrcat(p->h.pool, title, words[w], NULL));
        for (unsigned i = 0; i < sizeof permilles / sizeof permilles[0]; i++) {
            apr_uint64_t us = eg_time_in(times(windows[w]), permilles[i]);

            eg_put_cell(&p->h, us ? apr_pstrcat(p->h.pool, "\xe2\x89\xa4 ",
                                                eg_duration_words(p->h.pool, us), NULL)
                                  : "-");
        }
        eg_end_row(&p->h);
    }
}

void eg_page_figures(const eg_page *p)
{
    static const char *const columns[] = {"what", "15 minutes", "hour", "day", "in all", NULL};
    static const char *const times[] = {"what", "p50", "p95", "p99", NULL};
    const eg_host *windows[WINDOWS];

    (void)windows_of(p, windows);
    eg_put(&p->h, "<div class=\"tables\">\n");
    eg_begin_table(&p->h, "figures-table", "In the last", columns);
    put_figures(p, windows);
    eg_end_table(&p->h);
    eg_begin_table(&p->h, "times-table", "How long it took", times);
    put_times(p, windows, "Answers, ", eg_times_in);
    put_times(p, windows, "Backend, ", backend_times_in);
    eg_end_table(&p->h);
    eg_put(&p->h, "</div>\n");
}

void eg_page_graphs(const eg_page *p)
{
    eg_series series;

    eg_put(&p->h, "<div class=\"graphs\">\n");
    eg_series_take(p->snapshot, "last hour", 60, 1, &series);
    eg_put_graphs(&p->h, &series);
    eg_series_take(p->snapshot, "last day", 96, 15, &series);
    eg_put_graphs(&p->h, &series);
    eg_put(&p->h, "</div>\n");
}
