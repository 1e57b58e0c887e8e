/* SPDX-License-Identifier: Apache-2.0
 * What the status page says, as one JSON object. */
#include "watch/forms.h"

#include <string.h>
#include <apr_strings.h>
#include "core/jsonline.h"
#include "state/state.h"
#include "version.h"
#include "watch/digestwords.h"
#include "watch/hostclock.h"
#include "watch/keys.h"
#include "watch/metrics.h"
#include "watch/verdict.h"

typedef struct {
    apr_bucket_brigade *out;
    apr_pool_t *pool;
    const eg_snapshot *of;
} json_writer;

static void put_json(const json_writer *w, const char *json)
{
    apr_brigade_puts(w->out, NULL, NULL, json);
}

/* ,"name": where it is not the first */
static void put_name(const json_writer *w, bool *first, const char *name)
{
    apr_brigade_printf(w->out, NULL, NULL, "%s\n\"%s\":", *first ? "" : ",", name);
    *first = false;
}

static void put_member(const json_writer *w, bool *first, const char *name, const char *text)
{
    put_name(w, first, name);
    put_json(w, eg_json_quote(w->pool, text));
}

static void put_count(const json_writer *w, bool *first, const char *name, apr_uint64_t number)
{
    put_name(w, first, name);
    apr_brigade_printf(w->out, NULL, NULL, "%" U64, number);
}

/* --- failures and findings --------------------------------------------------------------------- */

static void put_failure_object(const json_writer *w, const eg_failure *failure)
{
    bool first = true;

    put_json(w, "{");
    put_member(w, &first, "time", eg_utc_words(w->pool, failure->when));
    put_member(w, &first, "cause", eg_cause_of((eg_cause)failure->cause)->word);
    put_member(w, &first, "result", eg_outcome_of((eg_outcome)failure->outcome)->word);
    put_member(w, &first, "tag", failure->tag ? apr_psprintf(w->pool, "EG%04u", failure->tag) : "");
    put_member(w, &first, "host", eg_counters_host_name(failure->host));
    put_member(w, &first, "call", failure->call);
    put_member(w, &first, "step", failure->step);
    put_member(w, &first, "reason", failure->reason);
    put_json(w, "}");
}

static void put_failure_lanes(const json_writer *w)
{
    static const char *const words[EG_LANES] = {"failed", "turned_away", "callers"};
    bool first_lane = true;

    put_json(w, "{");
    for (unsigned lane = 0; lane < EG_LANES; lane++) {
        const apr_array_header_t *list = w->of->lanes[lane];
        const char *between = "";

        put_name(w, &first_lane, words[lane]);
        put_json(w, "[");
        for (int i = 0; i < list->nelts; i++) {
            const eg_failure *failure = APR_ARRAY_IDX(list, i, const eg_failure *);

            if (w->of->call && strcmp(w->of->call, failure->call) != 0)
                continue;
            put_json(w, between);
            put_failure_object(w, failure);
            between = ",\n";
        }
        put_json(w, "]");
    }
    put_json(w, "}");
}

static void put_finding_object(const json_writer *w, const eg_finding *finding)
{
    const char *word = eg_cause_of(finding->cause)->word;
    bool first = true;

    put_json(w, "{");
    put_member(w, &first, "level", eg_level_word(finding->level));
    put_member(w, &first, "cause", word ? word : "");
    put_member(w, &first, "title", finding->title);
    put_member(w, &first, "counts", finding->counts);
    put_member(w, &first, "advice", finding->advice);
    put_json(w, "}");
}

static void put_verdict_members(const json_writer *w, bool *first)
{
    eg_verdict_words verdict = eg_verdict_of(w->of);

    put_member(w, first, "level", eg_level_word(verdict.level));
    put_member(w, first, "sentence", verdict.sentence);
    put_name(w, first, "findings");
    put_json(w, "[");
    for (int i = 0; i < verdict.findings->nelts; i++) {
        put_json(w, i ? ",\n" : "");
        put_finding_object(w, &APR_ARRAY_IDX(verdict.findings, i, eg_finding));
    }
    put_json(w, "]");
}

/* --- windows ----------------------------------------------------------------------------------- */

/* {"first":{"asked":1}}, what is 0 left out; without a first label one level less. */
static void put_family_object(const json_writer *w, const eg_family *family, const eg_host *window)
{
    const char *opened = "";

    put_json(w, "{");
    for (unsigned row = 0; row < family->counts[0]; row++) {
        bool first = true;

        for (unsigned column = 0; column < family->counts[1]; column++) {
            const char *word = eg_family_word(family, 1, column);
            apr_uint64_t value = word ? eg_family_value(family, window, row, column) : 0;

            if (!value)
                continue;
            if (first && family->labels[0])
                apr_brigade_printf(w->out, NULL, NULL, "%s\"%s\":{", opened,
                                   eg_family_word(family, 0, row));
            put_count(w, &first, *word ? word : "all", value);
            opened = ",";
        }
        if (!first && family->labels[0])
            put_json(w, "}");
    }
    put_json(w, "}");
}

static void put_times_object(const json_writer *w, const eg_histogram *histogram)
{
    bool first = true;

    put_json(w, "{");
    put_count(w, &first, "p50", eg_time_in(histogram, 500));
    put_count(w, &first, "p95", eg_time_in(histogram, 950));
    put_count(w, &first, "p99", eg_time_in(histogram, 990));
    put_json(w, "}");
}

static void put_window(const json_writer *w, bool *first, const char *name, const eg_host *window)
{
    bool inner = true;

    put_name(w, first, name);
    put_json(w, "{");
    put_count(w, &inner, "calls_begun", eg_calls_in(window));
    put_count(w, &inner, "requests", eg_requests_in(window));
    put_count(w, &inner, "found", eg_results_in(window, EG_FOUND));
    put_count(w, &inner, "failed", eg_failures_in(window, EG_LANE_OURS));
    put_count(w, &inner, "turned_away", eg_failures_in(window, EG_LANE_STRANGERS));
    put_count(w, &inner, "callers_erred", eg_failures_in(window, EG_LANE_CALLERS));
    put_name(w, &inner, "answer_microseconds");
    put_times_object(w, eg_times_in(window));
    put_name(w, &inner, "backend_microseconds");
    put_times_object(w, &window->backend_time);
    for (const eg_family *each = eg_families; each->name; each++) {
        put_name(w, &inner, each->name);
        put_family_object(w, each, window);
    }
    put_json(w, "}");
}

/* --- keys, clock ------------------------------------------------------------------------------- */

static void put_key_object(const json_writer *w, const eg_key_note *note)
{
    bool first = true;

    put_json(w, "{");
    put_member(w, &first, "fingerprint", note->fingerprint);
    put_member(w, &first, "kid", note->kid);
    put_member(w, &first, "directive", note->directive);
    put_name(w, &first, "encrypts");
    put_json(w, note->seals ? "true" : "false");
    if (note->changed)
        put_member(w, &first, "file_changed", eg_utc_words(w->pool, note->changed));
    for (const eg_key_family *each = eg_key_families; note->use && each->name; each++)
        put_count(w, &first, each->title, eg_key_value(each, note->use));
    put_json(w, "}");
}

static void put_key_list(const json_writer *w)
{
    const eg_key_note *note;

    put_json(w, "[");
    for (unsigned i = 0; (note = eg_keys_at(i)) != NULL; i++) {
        put_json(w, i ? ",\n" : "");
        put_key_object(w, note);
    }
    put_json(w, "]");
}

static void put_clock_object(const json_writer *w)
{
    eg_hostclock clock = eg_hostclock_ask();
    bool first = true;

    put_json(w, "{");
    put_name(w, &first, "is_kept");
    put_json(w, !clock.is_known ? "null" : clock.is_kept ? "true" : "false");
    if (clock.is_kept)
        put_count(w, &first, "within_ms", (apr_uint64_t)clock.within_ms);
    put_json(w, "}");
}

static void put_store_object(const json_writer *w, const eg_state_numbers *store)
{
    bool first = true;

    put_json(w, "{");
    put_member(w, &first, "provider", store->provider);
    put_name(w, &first, "is_away");
    put_json(w, store->is_away ? "true" : "false");
    put_count(w, &first, "asked", store->asked);
    put_count(w, &first, "failures", store->failures);
    if (store->last_failure)
        put_member(w, &first, "last_failure", eg_utc_words(w->pool, store->last_failure));
    put_count(w, &first, "microseconds", store->microseconds);
    put_count(w, &first, "longest_microseconds", store->longest);
    if (store->marks_room) {
        put_count(w, &first, "marks", store->marks_held);
        put_count(w, &first, "marks_room", store->marks_room);
        put_count(w, &first, "marks_pushed_out", store->marks_pushed_out);
        put_count(w, &first, "counts", store->counts_held);
        put_count(w, &first, "counts_room", store->counts_room);
    }
    put_json(w, "}");
}

void eg_status_write_json(apr_bucket_brigade *out, const eg_snapshot *snapshot)
{
    const json_writer w = {out, snapshot->pool, snapshot};
    eg_state_numbers store;
    bool first = true;

    put_json(&w, "{");
    put_member(&w, &first, "version", EG_VERSION);
    put_member(&w, &first, "time", eg_utc_words(w.pool, snapshot->now));
    put_member(&w, &first, "counted_since", eg_utc_words(w.pool, eg_counters_since()));
    put_verdict_members(&w, &first);
    put_window(&w, &first, "quarter", snapshot->quarter);
    put_window(&w, &first, "hour", snapshot->hour);
    put_window(&w, &first, "day", snapshot->day);
    put_window(&w, &first, "in_all", snapshot->total);
    put_name(&w, &first, "failures_kept");
    put_failure_lanes(&w);
    put_name(&w, &first, "keys");
    put_key_list(&w);
    put_name(&w, &first, "clock");
    put_clock_object(&w);
    put_name(&w, &first, "digests");
    put_json(&w, eg_digest_json(w.pool));
    if (eg_state_numbers_now(&store)) {
        put_name(&w, &first, "state");
        put_store_object(&w, &store);
    }
    put_json(&w, "}\n");
}
