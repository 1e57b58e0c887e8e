/* SPDX-License-Identifier: Apache-2.0
 * What all forms of the status page show: the counters of some windows of time, and the last failures. */
#ifndef EG_SNAPSHOT_H
#define EG_SNAPSHOT_H

#include "watch/counters.h"

#define EG_QUARTER 15 /* minutes */
#define EG_HOUR 60

typedef struct {
    apr_pool_t *pool;
    apr_time_t now;
    apr_uint32_t minute;                 /* the present one, of which not all has been */
    const eg_host *quarter, *hour, *day; /* what all hosts counted, the present minute included */
    const eg_host *total;                /* since counting began */
    unsigned hosts;                      /* of which something was counted */
    apr_array_header_t *lanes[EG_LANES]; /* of const eg_failure *, the latest first */
    const char *server;                  /* the name of this one; NULL: none */
    const char *call;                    /* failures of this call alone are asked for; NULL: all */
} eg_snapshot;

/* False: nothing is counted here. */
bool eg_snapshot_take(eg_snapshot *snapshot, apr_pool_t *pool);

/* What was counted in the minutes from first to last: into is overwritten. */
void eg_snapshot_window(apr_uint32_t first, apr_uint32_t last, eg_host *into);

/* The last minute of the day in which the counter of a window, say &snapshot->day->causes[0], counted; 0: in none. */
apr_uint32_t eg_snapshot_last(const eg_snapshot *snapshot, const atomic_ullong *counter);

/* The latest failure of a cause; NULL: none is kept. */
const eg_failure *eg_snapshot_sample(const eg_snapshot *snapshot, eg_cause cause);

/* --- what a window says ------------------------------------------------------------------------ */

apr_uint64_t eg_read(const atomic_ullong *counter);

apr_uint64_t eg_calls_in(const eg_host *window);
/* Requests that came to result, of encrypted-gather or, where there are none, of decrypt-gather. */
apr_uint64_t eg_results_in(const eg_host *window, eg_outcome result);
/* Requests from outside; where encrypted-gather is elsewhere, those of decrypt-gather and of reveals. */
apr_uint64_t eg_requests_in(const eg_host *window);
apr_uint64_t eg_failures_in(const eg_host *window, eg_lane lane);

/* Microseconds; 0: there is none. */
apr_uint64_t eg_time_in(const eg_histogram *histogram, unsigned permille);
/* The times that callers notice: of encrypted-gather, or of decrypt-gather where that is elsewhere. */
const eg_histogram *eg_times_in(const eg_host *window);

/* --- words ------------------------------------------------------------------------------------- */

/* "03:12:04" by the server's clock and zone, with the date where it is not today; today is that of snapshot. */
const char *eg_time_words(const eg_snapshot *snapshot, apr_time_t when);
const char *eg_hour_words(apr_pool_t *pool, apr_time_t when); /* "03:12" */
const char *eg_zone_words(apr_pool_t *pool, apr_time_t when); /* "+02:00" */
const char *eg_utc_words(apr_pool_t *pool, apr_time_t when);  /* RFC 3339 */
const char *eg_duration_words(apr_pool_t *pool, apr_uint64_t us);
/* "1 call", "2 calls" */
const char *eg_count_words(apr_pool_t *pool, apr_uint64_t n, const char *one, const char *many);

/* What a failure says, without what no page can show: control characters, broken UTF-8. */
const char *eg_plain_words(apr_pool_t *pool, const char *text);

#endif
