/* SPDX-License-Identifier: Apache-2.0
 * Whether all is well, in a sentence; and what is not, with what to look at. */
#include "watch/verdict.h"

#include <string.h>
#include <apr_strings.h>
#include "state/state.h"
#include "watch/metrics.h"

#define A_MOMENT apr_time_from_sec(300) /* without a failure, before something may be over */
#define SLOW_US 2500000                 /* callers hear silence */
#define FEW_CALLERS 10                  /* in an hour: as many errors of callers say nothing */
#define FEW_STRANGERS 10                /* in a quarter of an hour */
#define SURELY_NOT_STRAY 3              /* refused requests since the last good one */
#define FLOOD_AT_LEAST 20               /* forged requests in a minute ... */
#define FLOOD_TO_USUAL 4 /* ... and so many times as good ones in the busiest minute of the day */
#define SEALS_MANY 0x80000000ULL

typedef struct {
    const eg_snapshot *of;
    apr_array_header_t *findings;
} judge;

const char *eg_level_word(eg_level level)
{
    static const char *const words[EG_LEVELS] = {"ok", "over", "note", "look", "failing"};

    return words[level];
}

/* --- when --------------------------------------------------------------------------------------- */

static apr_time_t of_minute(apr_uint32_t minute)
{
    return (apr_time_t)minute * 60 * APR_USEC_PER_SEC;
}

/* A clock that was ahead has left times that are still to come: they say nothing. */
static apr_time_t cured_by(const judge *j, eg_cure cure)
{
    apr_time_t when = eg_counters_cured(cure);

    return when <= j->of->now ? when : 0;
}

static apr_time_t cured_at(const judge *j, eg_cause cause)
{
    return cured_by(j, eg_cause_of(cause)->cure);
}

/* As exactly as it is known. */
static apr_time_t failed_at(const judge *j, eg_cause cause)
{
    const eg_failure *sample = eg_snapshot_sample(j->of, cause);
    apr_uint32_t minute = eg_snapshot_last(j->of, &j->of->day->causes[cause]);

    if (!sample || eg_minute_of(sample->when) < minute || sample->when > j->of->now)
        return of_minute(minute);
    return sample->when;
}

/* How many of those that are kept came behind the last good request. */
static int since_cured(const judge *j, eg_cause cause)
{
    const apr_array_header_t *list = j->of->lanes[eg_cause_of(cause)->lane];
    int n = 0;

    for (int i = 0; i < list->nelts; i++) {
        const eg_failure *failure = APR_ARRAY_IDX(list, i, const eg_failure *);

        n += failure->cause == cause && failure->when > cured_at(j, cause);
    }
    return n;
}

static apr_uint64_t busiest(const judge *j, unsigned minutes, const atomic_ullong *counter)
{
    unsigned cell = (unsigned)(counter - &j->of->day->webhooks[0][0]);
    apr_uint64_t most = 0;

    for (apr_uint32_t ago = 0; ago < minutes; ago++) {
        apr_uint64_t n = eg_minutes_at(eg_counters_minutes(), j->of->minute - ago, cell);

        most = n > most ? n : most;
    }
    return most;
}

/* --- how bad a cause is ------------------------------------------------------------------------ */

static bool is_over_again(const judge *j, eg_cause cause)
{
    apr_time_t failed = failed_at(j, cause);

    return failed < cured_at(j, cause) && j->of->now - failed >= A_MOMENT;
}

/* Nobody was served since, or one of five fails. */
static bool keeps_failing(const judge *j, eg_cause cause)
{
    apr_uint64_t failed = eg_read(&j->of->quarter->causes[cause]);

    return cured_at(j, cause) <= failed_at(j, cause) ||
           failed * 5 >= eg_results_in(j->of->quarter, EG_FOUND);
}

static bool is_flood(const judge *j, eg_cause cause)
{
    const eg_host *day = j->of->day;
    apr_uint64_t peak = busiest(j, EG_QUARTER, &day->causes[cause]);

    return peak >= FLOOD_AT_LEAST &&
           peak > FLOOD_TO_USUAL * busiest(j, EG_DAY, &day->signatures[EG_SIGNATURE_VALID]);
}

/* Nobody's signature has fitted since it began. */
static bool nobody_fits(const judge *j, eg_cause cause)
{
    int behind = since_cured(j, cause);

    return cured_at(j, cause) ? behind >= SURELY_NOT_STRAY : behind > 0;
}

static eg_level level_of_strangers(const judge *j, eg_cause cause)
{
    if (cause == EG_CAUSE_SIGNATURE && nobody_fits(j, cause) && !is_flood(j, cause))
        return EG_LEVEL_FAILING;
    return eg_read(&j->of->quarter->causes[cause]) >= FEW_STRANGERS ? EG_LEVEL_LOOK : EG_LEVEL_NOTE;
}

static eg_level level_of_callers(const judge *j, eg_cause cause)
{
    apr_uint64_t n = eg_read(&j->of->hour->causes[cause]);

    return n >= FEW_CALLERS && n * 10 > eg_calls_in(j->of->hour) * 3 ? EG_LEVEL_LOOK
                                                                     : EG_LEVEL_NOTE;
}

static eg_level level_of_cause(const judge *j, eg_cause cause)
{
    if (eg_cause_of(cause)->lane == EG_LANE_CALLERS)
        return level_of_callers(j, cause);
    if (is_over_again(j, cause))
        return EG_LEVEL_OVER;
    if (eg_cause_of(cause)->lane == EG_LANE_STRANGERS)
        return level_of_strangers(j, cause);
    return keeps_failing(j, cause) ? EG_LEVEL_FAILING : EG_LEVEL_LOOK;
}

/* --- its words --------------------------------------------------------------------------------- */

static const char *others_are_served(const judge *j, eg_cause cause)
{
    apr_pool_t *pool = j->of->pool;
    apr_uint64_t found = eg_results_in(j->of->quarter, EG_FOUND);

    if (eg_cause_of(cause)->lane == EG_LANE_CALLERS)
        return "";
    if (eg_cause_of(cause)->cure == EG_CURED_BY_SIGNATURE) {
        apr_uint64_t good = eg_read(&j->of->quarter->signatures[EG_SIGNATURE_VALID]);

        return apr_psprintf(pool, " %s with a good signature came in the last %d minutes.",
                            eg_count_words(pool, good, "request", "requests"), EG_QUARTER);
    }
    if (found)
        return apr_psprintf(pool, " %s found in the last %d minutes.",
                            eg_count_words(pool, found, "other call was", "other calls were"),
                            EG_QUARTER);
    return cured_at(j, cause) > failed_at(j, cause) ? "" : " Nobody was served since.";
}

static const char *count_words(const judge *j, eg_cause cause)
{
    const eg_snapshot *of = j->of;
    apr_uint64_t quarter = eg_read(&of->quarter->causes[cause]);
    apr_uint64_t hour = eg_read(&of->hour->causes[cause]);
    const char *when = eg_time_words(of, failed_at(j, cause));

    if (!hour)
        return apr_psprintf(
            of->pool, "%s today, the last at %s.%s",
            eg_count_words(of->pool, eg_read(&of->day->causes[cause]), "time", "times"), when,
            others_are_served(j, cause));
    if (quarter == hour)
        return apr_psprintf(of->pool, "%s in the last %d minutes, the last at %s.%s",
                            eg_count_words(of->pool, quarter, "time", "times"), EG_QUARTER, when,
                            others_are_served(j, cause));
    return apr_psprintf(of->pool,
                        "%s in the last hour, %" U64 " of them in the last %d minutes, the last at "
                        "%s.%s",
                        eg_count_words(of->pool, hour, "time", "times"), quarter, EG_QUARTER, when,
                        others_are_served(j, cause));
}

static void tell_signature(const judge *j, eg_finding *finding)
{
    if (is_flood(j, finding->cause)) {
        finding->title = "A flood of forged requests: they are refused";
        finding->advice = "They cost little, and nobody is let in. If your own calls fail as well, "
                          "compare the auth token; else let a firewall stop the addresses that the "
                          "access log names.";
    } else if (finding->level == EG_LEVEL_FAILING) {
        finding->title = "No signature fits: the auth token is wrong here, or was changed";
        finding->advice =
            "Compare the auth token of the Twilio Console with "
            "EncGatherAuthTokenFile; the reason below says for which account. "
            "Where it is said beside this that signatures are right for another "
            "URL, mend that first. (If nobody has called, somebody forges, and is refused.)";
    }
}

static bool store_is_redis(void)
{
    eg_state_numbers store;

    return eg_state_numbers_now(&store) && strcmp(store.provider, "redis") == 0;
}

/* Of a single one nobody should read that they are many. */
static const char *cause_title(const judge *j, eg_cause cause)
{
    bool is_single = eg_read(&j->of->hour->causes[cause]) == 1;

    if (is_single && cause == EG_CAUSE_ATTEMPTS)
        return "One caller gave up, who keyed in wrong too often";
    if (is_single && cause == EG_CAUSE_NO_ACCOUNT)
        return "One caller keyed in what no account has";
    if (cause == EG_CAUSE_STATE && !store_is_redis())
        return "The memory that requests share (EncGatherStateCache) cannot be asked";
    return eg_cause_of(cause)->title;
}

static const char *at_host(const judge *j, const eg_failure *sample)
{
    const char *name = sample ? eg_counters_host_name(sample->host) : "";

    return j->of->hosts > 1 && *name ? apr_pstrcat(j->of->pool, " (", name, ")", NULL) : "";
}

static void judge_cause(judge *j, eg_cause cause)
{
    const eg_cause_info *info = eg_cause_of(cause);
    apr_uint32_t last = eg_snapshot_last(j->of, &j->of->day->causes[cause]);
    const eg_failure *sample = eg_snapshot_sample(j->of, cause);
    eg_finding finding = {.cause = cause, .sample = sample, .advice = info->advice};
    bool is_recent = j->of->minute - last < EG_HOUR;

    if (!last)
        return;
    finding.level = level_of_cause(j, cause);
    if (finding.level < EG_LEVEL_LOOK && !is_recent)
        return;
    finding.title = apr_pstrcat(j->of->pool, cause_title(j, cause), at_host(j, sample), NULL);
    finding.counts = count_words(j, cause);
    if (cause == EG_CAUSE_SIGNATURE || cause == EG_CAUSE_UNSIGNED)
        tell_signature(j, &finding);
    APR_ARRAY_PUSH(j->findings, eg_finding) = finding;
}

/* --- what is no failure yet -------------------------------------------------------------------- */

static void judge_slowness(judge *j)
{
    const eg_host *quarter = j->of->quarter;
    apr_uint64_t p95 = eg_time_in(&quarter->backend_time, 950);

    if (p95 < SLOW_US || eg_read(&quarter->causes[EG_CAUSE_BACKEND_SLOW]) ||
        eg_read(&quarter->causes[EG_CAUSE_DATABASE]))
        return; /* that says why */
    APR_ARRAY_PUSH(j->findings, eg_finding) =
        (eg_finding){.level = EG_LEVEL_LOOK,
                     .title = "The backend is slow",
                     .counts = apr_psprintf(
                         j->of->pool,
                         "Half of its answers take up to %s, 95 of 100 up to %s (last %d "
                         "minutes): callers hear silence, and it may soon be too late.",
                         eg_duration_words(j->of->pool, eg_time_in(&quarter->backend_time, 500)),
                         eg_duration_words(j->of->pool, p95), EG_QUARTER),
                     .advice = "Look at the backend, and at what it waits for."};
}

/* What a signature should have kept out, and was let on. */
static void judge_observed(judge *j)
{
    const eg_host *hour = j->of->hour;
    apr_uint64_t wrong = eg_read(&hour->signatures[EG_SIGNATURE_INVALID]) +
                         eg_read(&hour->signatures[EG_SIGNATURE_MISSING]);
    apr_uint64_t refused =
        eg_read(&hour->causes[EG_CAUSE_SIGNATURE]) + eg_read(&hour->causes[EG_CAUSE_UNSIGNED]) +
        eg_read(&hour->causes[EG_CAUSE_URL]) + eg_read(&hour->causes[EG_CAUSE_CLOCK]);

    if (wrong <= refused)
        return;
    APR_ARRAY_PUSH(j->findings, eg_finding) = (eg_finding){
        .level = EG_LEVEL_NOTE,
        .title = "Requests went on although their signature does not fit",
        .counts = apr_psprintf(j->of->pool, "%s in the last hour.",
                               eg_count_words(j->of->pool, wrong - refused, "request", "requests")),
        .advice = "EncGatherSignature observe does that, or another Require that lets them in. "
                  "With \"on\" they would be refused: EG0303 in the error log says why."};
}

/* Of one that lets calls on while it is away no request fails. */
static void judge_store(judge *j)
{
    eg_state_numbers store;

    if (!eg_state_numbers_now(&store) || !store.is_away ||
        eg_read(&j->of->hour->causes[EG_CAUSE_STATE]) ||
        store.last_failure < j->of->now - apr_time_from_sec(EG_HOUR * 60))
        return;
    APR_ARRAY_PUSH(j->findings, eg_finding) =
        (eg_finding){.level = EG_LEVEL_LOOK,
                     .title = cause_title(j, EG_CAUSE_STATE),
                     .counts = apr_psprintf(j->of->pool, "The last time at %s; calls went on.",
                                            eg_time_words(j->of, store.last_failure)),
                     .advice = eg_cause_of(EG_CAUSE_STATE)->advice};
}

static void judge_locked(judge *j)
{
    apr_uint64_t locked = eg_read(&j->of->hour->lockouts[EG_LOCKOUT_LOCKED]);

    if (locked)
        APR_ARRAY_PUSH(j->findings, eg_finding) = (eg_finding){
            .level = EG_LEVEL_NOTE,
            .title = "Callers who failed too often are locked",
            .counts = apr_psprintf(j->of->pool, "%s turned away in the last hour.",
                                   eg_count_words(j->of->pool, locked, "step was", "steps were")),
            .advice = "EncGatherLockout does that. Who should not be locked: encgather unlock."};
}

static void judge_keys(judge *j)
{
    const eg_key_use *use;

    for (unsigned i = 0; (use = eg_counters_key_at(i)) != NULL; i++)
        if (eg_read(&use->seals) > SEALS_MANY)
            APR_ARRAY_PUSH(j->findings, eg_finding) =
                (eg_finding){.level = EG_LEVEL_LOOK,
                             .title = apr_pstrcat(j->of->pool, "The key ", use->fingerprint,
                                                  " has encrypted more than 2^31 values", NULL),
                             .counts = "",
                             .advice = "Rotate it before it has encrypted 2^32."};
}

/* --- the sentence ------------------------------------------------------------------------------ */

static const char *last_call_words(const judge *j)
{
    apr_time_t last =
        of_minute(eg_snapshot_last(j->of, &j->of->day->webhooks[EG_STEP_FIRST][EG_ASKED]));

    if (last < cured_by(j, EG_CURED_BY_CALL))
        last = cured_by(j, EG_CURED_BY_CALL);
    if (!last)
        return "Nobody called in the last day";
    return apr_pstrcat(j->of->pool, "No call in the last hour, the last one at ",
                       eg_time_words(j->of, last), NULL);
}

/* What went well in the last hour. */
static const char *summary_words(const judge *j)
{
    const eg_snapshot *of = j->of;
    const eg_host *hour = of->hour;
    apr_uint64_t found = eg_results_in(hour, EG_FOUND), calls = eg_calls_in(hour);
    apr_uint64_t shielded = eg_read(&hour->shields[EG_SHIELDED]);

    if (calls)
        return apr_psprintf(of->pool, "%s in the last hour, %" U64 " found",
                            eg_count_words(of->pool, calls, "call", "calls"), found);
    if (shielded)
        return apr_psprintf(
            of->pool, "%s in the last hour",
            eg_count_words(of->pool, shielded, "webhook shielded", "webhooks shielded"));
    if (eg_requests_in(hour))
        return apr_psprintf(of->pool, "%s in the last hour, %" U64 " found",
                            eg_count_words(of->pool, eg_requests_in(hour), "request", "requests"),
                            found);
    return last_call_words(j);
}

static const char *sentence_of(const judge *j, const eg_verdict_words *verdict)
{
    const eg_finding *worst = (const eg_finding *)verdict->findings->elts;
    apr_uint64_t failed = eg_failures_in(j->of->hour, EG_LANE_OURS);

    if (verdict->level >= EG_LEVEL_LOOK)
        return apr_pstrcat(j->of->pool, worst->title, ".", NULL);
    if (verdict->level == EG_LEVEL_OVER && failed)
        return apr_psprintf(j->of->pool, "All is well again. %s; %s in the last hour, none since.",
                            summary_words(j),
                            eg_count_words(j->of->pool, failed, "failure", "failures"));
    return apr_psprintf(j->of->pool, "All is well. %s; nothing failed in the last hour.",
                        summary_words(j));
}

/* A stable sort of very few: in the order of causes where they are as bad. */
static void sort_findings(apr_array_header_t *list)
{
    eg_finding *at = (eg_finding *)list->elts;

    for (int i = 1; i < list->nelts; i++)
        for (int k = i; k > 0 && at[k].level > at[k - 1].level; k--) {
            eg_finding other = at[k];

            at[k] = at[k - 1];
            at[k - 1] = other;
        }
}

eg_verdict_words eg_verdict_of(const eg_snapshot *of)
{
    judge j = {.of = of, .findings = apr_array_make(of->pool, 8, sizeof(eg_finding))};
    eg_verdict_words verdict = {.level = EG_LEVEL_OK, .findings = j.findings};

    for (unsigned cause = EG_CAUSE_NONE + 1; cause < EG_CAUSES; cause++)
        judge_cause(&j, (eg_cause)cause);
    judge_slowness(&j);
    judge_observed(&j);
    judge_store(&j);
    judge_locked(&j);
    judge_keys(&j);
    sort_findings(j.findings);
    if (j.findings->nelts)
        verdict.level = APR_ARRAY_IDX(j.findings, 0, eg_finding).level;
    for (int i = 0; verdict.level == EG_LEVEL_NOTE && i < j.findings->nelts; i++)
        if (APR_ARRAY_IDX(j.findings, i, eg_finding).level == EG_LEVEL_OVER)
            verdict.level = EG_LEVEL_OVER;
    verdict.sentence = sentence_of(&j, &verdict);
    verdict.summary = verdict.level >= EG_LEVEL_LOOK ? summary_words(&j) : "";
    return verdict;
}
