/* SPDX-License-Identifier: Apache-2.0
 * The store that requests share, as text for scrapers. */
#include "watch/state_metrics.h"

#include <apr_buckets.h>
#include "state/state.h"

/* Gauges have no "_total" at the end of their names; times are told in microseconds, and shown in seconds. */
typedef enum { COUNTER, GAUGE } sort;
typedef enum { NUMBER, MICROSECONDS } unit;

typedef struct {
    const char *name; /* without encgather_state_ and _total */
    const char *help;
    sort sort;
    unit unit;
    bool of_shm; /* of memory alone */
    apr_uint64_t value;
} sample;

static void write_sample(apr_bucket_brigade *out, eg_exposition format, const char *provider,
                         const sample *one)
{
    const char *total = one->sort == COUNTER ? "_total" : "";
    const char *announced = format == EG_PROMETHEUS ? total : "";

    apr_brigade_printf(out, NULL, NULL,
                       "# TYPE encgather_state_%s%s %s\n# HELP encgather_state_%s%s %s\n",
                       one->name, announced, one->sort == COUNTER ? "counter" : "gauge", one->name,
                       announced, one->help);
    apr_brigade_printf(out, NULL, NULL, "encgather_state_%s%s{provider=\"%s\"} ", one->name, total,
                       provider);
    if (one->unit == MICROSECONDS)
        apr_brigade_printf(out, NULL, NULL, "%" U64 ".%06" U64 "\n", one->value / 1000000,
                           one->value % 1000000);
    else
        apr_brigade_printf(out, NULL, NULL, "%" U64 "\n", one->value);
}

void eg_state_metrics_write(apr_bucket_brigade *out, eg_exposition format)
{
    eg_state_numbers n;

    if (!eg_state_numbers_now(&n))
        return;
    const sample all[] = {
        {"asked", "Questions to the store of EncGatherStateCache.", COUNTER, NUMBER, false,
         n.asked},
        {"failures", "Questions to the store that had no answer.", COUNTER, NUMBER, false,
         n.failures},
        {"duration_seconds", "Time that the store took, of all questions together.", COUNTER,
         MICROSECONDS, false, n.microseconds},
        {"longest_seconds", "The longest time that it took to answer a question.", GAUGE,
         MICROSECONDS, false, n.longest},
        {"away", "1 where the last question had no answer.", GAUGE, NUMBER, false, n.is_away},
        {"last_failure_time_seconds", "When a question had no answer; 0: never.", GAUGE,
         MICROSECONDS, false, (apr_uint64_t)n.last_failure},
        {"marks", "Used tokens that are held in memory.", GAUGE, NUMBER, true, n.marks_held},
        {"marks_room", "Used tokens for which there is room.", GAUGE, NUMBER, true, n.marks_room},
        {"marks_pushed_out", "Used tokens that had to make room while they were still good.",
         COUNTER, NUMBER, true, n.marks_pushed_out},
        {"counts", "Values whose failures are held in memory.", GAUGE, NUMBER, true, n.counts_held},
        {"counts_room", "Values for whose failures there is room.", GAUGE, NUMBER, true,
         n.counts_room},
    };
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!all[i].of_shm || n.marks_room)
            write_sample(out, format, n.provider, &all[i]);
}
