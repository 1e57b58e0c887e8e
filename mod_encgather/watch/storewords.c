/* SPDX-License-Identifier: Apache-2.0
 * What is to be said of the store that requests share. */
#include "watch/storewords.h"

#include <string.h>
#include <apr_strings.h>

static const char *answers_words(const eg_snapshot *of, const eg_state_numbers *store)
{
    if (!store->asked)
        return "not asked yet";
    if (store->failures >= store->asked)
        return "has not answered yet";
    return apr_pstrcat(of->pool, "asked ", eg_count_words(of->pool, store->asked, "time", "times"),
                       ", ", eg_duration_words(of->pool, store->microseconds / store->asked),
                       " on the average, ", eg_duration_words(of->pool, store->longest), " at most",
                       NULL);
}

static const char *failures_words(const eg_snapshot *of, const eg_state_numbers *store)
{
    if (!store->failures)
        return "";
    return apr_pstrcat(of->pool, "; ",
                       eg_count_words(of->pool, store->failures, "question", "questions"),
                       " without an answer, the last at ", eg_time_words(of, store->last_failure),
                       store->is_away ? ", and it is still away" : "", NULL);
}

static const char *room_words(const eg_snapshot *of, const eg_state_numbers *store)
{
    if (!store->marks_room)
        return "";
    return apr_psprintf(of->pool,
                        ". Used tokens: %" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT
                        " that fit, %" APR_UINT64_T_FMT " pushed out. Counts: %" APR_UINT64_T_FMT
                        " of %" APR_UINT64_T_FMT,
                        store->marks_held, store->marks_room, store->marks_pushed_out,
                        store->counts_held, store->counts_room);
}

const char *eg_store_words(const eg_snapshot *of, const eg_state_numbers *store)
{
    bool is_redis = strcmp(store->provider, "redis") == 0;

    return apr_pstrcat(
        of->pool, is_redis ? "Redis: " : "shm, memory of this host: ", answers_words(of, store),
        failures_words(of, store), room_words(of, store), NULL);
}
