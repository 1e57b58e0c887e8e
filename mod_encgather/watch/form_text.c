/* SPDX-License-Identifier: Apache-2.0
 * What the status page says, for a terminal. */
#include "watch/forms.h"

#include <string.h>
#include <apr_strings.h>
#include "version.h"
#include "watch/digestwords.h"
#include "watch/metrics.h"
#include "watch/storewords.h"
#include "watch/verdict.h"

/* With the blank behind it; none where no line of the error log stands for it. */
static const char *tag_words(apr_pool_t *pool, const eg_failure *failure)
{
    return failure->tag ? apr_psprintf(pool, "EG%04u ", failure->tag) : "";
}

static void put_finding_lines(apr_bucket_brigade *out, const eg_snapshot *of,
                              const eg_finding *finding)
{
    const eg_failure *sample = finding->sample;

    apr_brigade_printf(out, NULL, NULL, "\n[%s] %s.\n    %s\n    What to look at: %s\n",
                       eg_level_word(finding->level), finding->title, finding->counts,
                       finding->advice);
    if (sample)
        apr_brigade_printf(out, NULL, NULL, "    The last one: %s%s (call %s)\n",
                           tag_words(of->pool, sample), eg_plain_words(of->pool, sample->reason),
                           sample->call[0] ? sample->call : "-");
}

static void put_window_line(apr_bucket_brigade *out, const char *title, const eg_host *window)
{
    apr_brigade_printf(
        out, NULL, NULL, "%-12s %8" U64 " %8" U64 " %8" U64 " %8" U64 " %8" U64 " %8" U64 "\n",
        title, eg_calls_in(window), eg_requests_in(window), eg_results_in(window, EG_FOUND),
        eg_failures_in(window, EG_LANE_OURS), eg_failures_in(window, EG_LANE_CALLERS),
        eg_failures_in(window, EG_LANE_STRANGERS));
}

static void put_time_line(apr_bucket_brigade *out, const eg_snapshot *of, const char *title,
                          const eg_histogram *times)
{
    apr_brigade_printf(out, NULL, NULL, "%-24s p50 %s, p95 %s, p99 %s\n", title,
                       eg_duration_words(of->pool, eg_time_in(times, 500)),
                       eg_duration_words(of->pool, eg_time_in(times, 950)),
                       eg_duration_words(of->pool, eg_time_in(times, 990)));
}

static void put_failure_line(apr_bucket_brigade *out, const eg_snapshot *of,
                             const eg_failure *failure)
{
    apr_brigade_printf(out, NULL, NULL, "%s %s %s %s%s %s\n", eg_time_words(of, failure->when),
                       failure->call[0] ? failure->call : "-",
                       failure->step[0] ? failure->step : "-", tag_words(of->pool, failure),
                       eg_outcome_of((eg_outcome)failure->outcome)->word,
                       eg_plain_words(of->pool, failure->reason));
}

static void put_lane_lines(apr_bucket_brigade *out, const eg_snapshot *of, unsigned lane)
{
    static const char *const titles[EG_LANES] = {"Failures", "Turned away", "Callers who erred"};
    const apr_array_header_t *list = of->lanes[lane];

    if (!list->nelts)
        return;
    apr_brigade_printf(out, NULL, NULL, "\n%s, the latest first:\n", titles[lane]);
    for (int i = 0; i < list->nelts; i++) {
        const eg_failure *failure = APR_ARRAY_IDX(list, i, const eg_failure *);

        if (!of->call || strcmp(of->call, failure->call) == 0)
            put_failure_line(out, of, failure);
    }
}

void eg_status_write_text(apr_bucket_brigade *out, const eg_snapshot *of)
{
    eg_verdict_words verdict = eg_verdict_of(of);
    eg_state_numbers store;

    apr_brigade_printf(out, NULL, NULL, "%s\n", verdict.sentence);
    if (*verdict.summary)
        apr_brigade_printf(out, NULL, NULL, "%s.\n", verdict.summary);
    for (int i = 0; i < verdict.findings->nelts; i++)
        put_finding_lines(out, of, &APR_ARRAY_IDX(verdict.findings, i, eg_finding));
    apr_brigade_printf(out, NULL, NULL, "\n%-12s %8s %8s %8s %8s %8s %8s\n", "", "calls",
                       "requests", "found", "failed", "erred", "refused");
    put_window_line(out, "15 minutes", of->quarter);
    put_window_line(out, "hour", of->hour);
    put_window_line(out, "day", of->day);
    put_window_line(out, "in all", of->total);
    put_time_line(out, of, "Answered (last hour):", eg_times_in(of->hour));
    put_time_line(out, of, "The backend (last hour):", &of->hour->backend_time);
    for (unsigned lane = 0; lane < EG_LANES; lane++)
        put_lane_lines(out, of, lane);
    if (eg_state_numbers_now(&store))
        apr_brigade_printf(out, NULL, NULL, "\nState that requests share: %s\n",
                           eg_store_words(of, &store));
    apr_brigade_printf(out, NULL, NULL, "\nDigests are made by %s\n", eg_digest_words(of->pool));
    apr_brigade_printf(out, NULL, NULL, "\nAs of %s (UTC%s), mod_encgather " EG_VERSION "\n",
                       eg_time_words(of, of->now), eg_zone_words(of->pool, of->now));
}
