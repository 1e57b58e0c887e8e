/* SPDX-License-Identifier: Apache-2.0
 * What all forms of the status page show: the counters of some windows of time, and the last failures. */
#include "watch/snapshot.h"

#include <string.h>
#include <apr_strings.h>
#include "watch/metrics.h"

/* --- windows ----------------------------------------------------------------------------------- */

static void store_sums(eg_host *into, const apr_uint64_t *sums)
{
    atomic_ullong *cells = &into->webhooks[0][0];

    for (unsigned i = 0; i < EG_HOST_CELLS; i++)
        atomic_init(&cells[i], sums[i]);
}

void eg_snapshot_window(apr_uint32_t first, apr_uint32_t last, eg_host *into)
{
    apr_uint64_t sums[EG_HOST_CELLS] = {0};
    const eg_minutes *minutes = eg_counters_minutes();

    if (minutes)
        eg_minutes_sum(minutes, first, last, sums, EG_HOST_CELLS);
    store_sums(into, sums);
}

static const eg_host *make_window(const eg_snapshot *snapshot, unsigned minutes)
{
    eg_host *window = apr_pcalloc(snapshot->pool, sizeof *window);

    eg_snapshot_window(snapshot->minute - minutes + 1, snapshot->minute, window);
    return window;
}

static void sum_hosts(eg_snapshot *snapshot)
{
    apr_uint64_t sums[EG_HOST_CELLS] = {0};
    eg_host *total = apr_pcalloc(snapshot->pool, sizeof *total);
    eg_shown_host host;

    for (unsigned i = 0; eg_counters_host(i, &host); i++) {
        const atomic_ullong *cells = &host.numbers->webhooks[0][0];

        if (host.is_idle)
            continue;
        snapshot->hosts++;
        for (unsigned cell = 0; cell < EG_HOST_CELLS; cell++)
            sums[cell] += eg_read(&cells[cell]);
    }
    store_sums(total, sums);
    snapshot->total = total;
}

bool eg_snapshot_take(eg_snapshot *snapshot, apr_pool_t *pool)
{
    const eg_failures *failures = eg_counters_failures();

    *snapshot = (eg_snapshot){.pool = pool, .now = apr_time_now()};
    if (!failures)
        return false;
    snapshot->minute = eg_minute_of(snapshot->now);
    snapshot->quarter = make_window(snapshot, EG_QUARTER);
    snapshot->hour = make_window(snapshot, EG_HOUR);
    snapshot->day = make_window(snapshot, EG_DAY);
    sum_hosts(snapshot);
    for (unsigned lane = 0; lane < EG_LANES; lane++)
        snapshot->lanes[lane] = eg_failures_list(failures, (eg_lane)lane, pool);
    return true;
}

apr_uint32_t eg_snapshot_last(const eg_snapshot *snapshot, const atomic_ullong *counter)
{
    unsigned cell = (unsigned)(counter - &snapshot->day->webhooks[0][0]);

    if (eg_read(counter) == 0)
        return 0;
    for (apr_uint32_t ago = 0; ago < EG_DAY; ago++)
        if (eg_minutes_at(eg_counters_minutes(), snapshot->minute - ago, cell))
            return snapshot->minute - ago;
    return 0;
}

const eg_failure *eg_snapshot_sample(const eg_snapshot *snapshot, eg_cause cause)
{
    const apr_array_header_t *list = snapshot->lanes[eg_cause_of(cause)->lane];

    for (int i = 0; i < list->nelts; i++) {
        const eg_failure *failure = APR_ARRAY_IDX(list, i, const eg_failure *);

        if (failure->cause == cause)
            return failure;
    }
    return NULL;
}

/* --- what a window says ------------------------------------------------------------------------ */

apr_uint64_t eg_read(const atomic_ullong *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static apr_uint64_t sum_of(const atomic_ullong *counters, unsigned n)
{
    apr_uint64_t sum = 0;

    for (unsigned i = 0; i < n; i++)
        sum += eg_read(&counters[i]);
    return sum;
}

static apr_uint64_t webhooks_in(const eg_host *window)
{
    return sum_of(&window->webhooks[0][0], EG_STEPS * EG_OUTCOMES);
}

apr_uint64_t eg_calls_in(const eg_host *window)
{
    return eg_read(&window->webhooks[EG_STEP_FIRST][EG_ASKED]);
}

apr_uint64_t eg_results_in(const eg_host *window, eg_outcome result)
{
    apr_uint64_t sum = 0;

    if (webhooks_in(window) == 0)
        return eg_read(&window->decrypts[result]);
    for (unsigned step = 0; step < EG_STEPS; step++)
        sum += eg_read(&window->webhooks[step][result]);
    return sum;
}

apr_uint64_t eg_requests_in(const eg_host *window)
{
    apr_uint64_t from_outside = webhooks_in(window) + sum_of(window->shields, EG_OUTCOMES) +
                                sum_of(window->denials, EG_OUTCOMES);
    apr_uint64_t from_gathers =
        sum_of(window->decrypts, EG_OUTCOMES) + sum_of(window->reveals, EG_OUTCOMES);

    return from_outside > from_gathers ? from_outside : from_gathers;
}

apr_uint64_t eg_failures_in(const eg_host *window, eg_lane lane)
{
    apr_uint64_t sum = 0;

    for (unsigned i = 0; i < EG_CAUSES; i++)
        if (eg_cause_of((eg_cause)i)->lane == lane)
            sum += eg_read(&window->causes[i]);
    return sum;
}

apr_uint64_t eg_time_in(const eg_histogram *histogram, unsigned permille)
{
    uint64_t buckets[EG_BUCKETS];

    for (unsigned i = 0; i < EG_BUCKETS; i++)
        buckets[i] = eg_read(&histogram->buckets[i]);
    return eg_quantile(buckets, permille);
}

const eg_histogram *eg_times_in(const eg_host *window)
{
    return webhooks_in(window) ? &window->gather_time : &window->decrypt_time;
}

/* --- words ------------------------------------------------------------------------------------- */

static const char *local_words(apr_pool_t *pool, apr_time_t when, const char *format)
{
    char text[64] = "";
    apr_size_t n = 0;
    apr_time_exp_t exploded;

    if (apr_time_exp_lt(&exploded, when) == APR_SUCCESS)
        (void)apr_strftime(text, &n, sizeof text, format, &exploded);
    return apr_pstrmemdup(pool, text, n);
}

const char *eg_time_words(const eg_snapshot *snapshot, apr_time_t when)
{
    const char *day = local_words(snapshot->pool, when, "%Y-%m-%d ");
    bool is_today = strcmp(day, local_words(snapshot->pool, snapshot->now, "%Y-%m-%d ")) == 0;

    return apr_pstrcat(snapshot->pool, is_today ? "" : day,
                       local_words(snapshot->pool, when, "%H:%M:%S"), NULL);
}

const char *eg_hour_words(apr_pool_t *pool, apr_time_t when)
{
    return local_words(pool, when, "%H:%M");
}

const char *eg_zone_words(apr_pool_t *pool, apr_time_t when)
{
    apr_time_exp_t exploded = {.tm_gmtoff = 0};
    int off;

    (void)apr_time_exp_lt(&exploded, when);
    off = exploded.tm_gmtoff / 60;
    return apr_psprintf(pool, "%c%02d:%02d", off < 0 ? '-' : '+', (off < 0 ? -off : off) / 60,
                        (off < 0 ? -off : off) % 60);
}

const char *eg_utc_words(apr_pool_t *pool, apr_time_t when)
{
    char text[64] = "";
    apr_size_t n = 0;
    apr_time_exp_t exploded;

    if (apr_time_exp_gmt(&exploded, when) == APR_SUCCESS)
        (void)apr_strftime(text, &n, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &exploded);
    return apr_pstrmemdup(pool, text, n);
}

const char *eg_duration_words(apr_pool_t *pool, apr_uint64_t us)
{
    if (us >= (apr_uint64_t)eg_bounds_ms[EG_BOUNDS - 1] * 1000)
        return apr_psprintf(pool, "over %u s", eg_bounds_ms[EG_BOUNDS - 1] / 1000);
    if (us >= 1000000)
        return apr_psprintf(pool, "%" U64 ".%" U64 " s", us / 1000000, us / 100000 % 10);
    if (us >= 10000)
        return apr_psprintf(pool, "%" U64 " ms", us / 1000);
    return apr_psprintf(pool, "%" U64 ".%" U64 " ms", us / 1000, us / 100 % 10);
}

const char *eg_count_words(apr_pool_t *pool, apr_uint64_t n, const char *one, const char *many)
{
    return apr_psprintf(pool, "%" U64 " %s", n, n == 1 ? one : many);
}

const char *eg_plain_words(apr_pool_t *pool, const char *text)
{
    char *plain = apr_pstrdup(pool, text);
    const char *end = plain + strlen(plain);
    apr_size_t n;

    for (char *at = plain; at < end; at += n ? n : 1) {
        n = eg_utf8_length((eg_span){at, (apr_size_t)(end - at)});
        if (n == 0 || (unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    }
    return plain;
}
