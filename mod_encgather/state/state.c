/* SPDX-License-Identifier: Apache-2.0
 * What all children, or all hosts, know together: who is asked, how often, and what the log says when nobody answers. */
#include "state/state.h"

#include <apr_strings.h>

#include "core/sharedlock.h"
#include "state/fleet.h"
#include "state/lines.h"
#include "state/segment.h"
#include "state/startup.h"

APLOG_USE_MODULE(encgather);

#define REST 1000    /* milliseconds for which nobody asks a Redis that did not answer */
#define MINUTE 60000 /* between two lines in the log */

/* One question, and why it has no answer. */
typedef struct {
    request_rec *r;
    eg_state_shared *at; /* NULL: there is no store */
    const char *fault;
    apr_int64_t began; /* microseconds */
} question_of;

/* --- a moment of rest --------------------------------------------------------------------------- */

/* When it is over one asks, and the others rest on until he has an answer. */
static bool may_ask(eg_state_shared *at)
{
    long long until = atomic_load(&at->rest_until), now = eg_steady_clock();

    if (!until)
        return true;
    if (until > now && until - now <= REST)
        return false;
    return atomic_compare_exchange_strong(&at->rest_until, &until, now + REST);
}

/* --- what is written down ----------------------------------------------------------------------- */

static void add_longest(eg_state_shared *at, unsigned long long took)
{
    unsigned long long longest = atomic_load(&at->longest);

    while (took > longest && !atomic_compare_exchange_weak(&at->longest, &longest, took))
        continue;
}

static bool is_time_for_a_line(eg_state_shared *at)
{
    long long last = atomic_load(&at->said), now = eg_steady_clock();

    return (!last || now - last >= MINUTE) && atomic_compare_exchange_strong(&at->said, &last, now);
}

static void say_away(const question_of *q)
{
    unsigned long long unsaid = q->at ? atomic_fetch_add(&q->at->unsaid, 1) + 1 : 1;

    if (q->at && !is_time_for_a_line(q->at))
        return;
    if (q->at) {
        atomic_store(&q->at->unsaid, 0);
        atomic_store(&q->at->owes_line, 1);
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, q->r,
                  EG_TAG("0701") "EncGatherStateCache cannot be asked: %s (%lu question%s since "
                                 "the last such line; at most one a minute)",
                  q->fault, (unsigned long)unsaid, unsaid == 1 ? "" : "s");
}

/* Where some questions have an answer and others have none, one line for each of those that say it is away. */
static void say_back(const question_of *q)
{
    if (!atomic_exchange(&q->at->owes_line, 0))
        return;
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, q->r,
                  EG_TAG("0702") "EncGatherStateCache answers again");
}

static void note_failure(const question_of *q)
{
    if (!q->at)
        return;
    atomic_fetch_add(&q->at->failures, 1);
    atomic_store(&q->at->last_failure, apr_time_now());
    atomic_store(&q->at->is_away, 1);
}

/* --- one question ------------------------------------------------------------------------------- */

static bool begin_question(question_of *q, request_rec *r)
{
    *q = (question_of){.r = r, .at = eg_segment(), .began = apr_time_now()};
    if (!q->at) {
        q->fault = "there is no store, for there was no shared memory at start";
        return false;
    }
    atomic_fetch_add(&q->at->asked, 1);
    if (atomic_load(&q->at->is_closed)) {
        q->fault = "another store has come into its place with a restart, and this request began "
                   "before";
        return false;
    }
    if (q->at->is_redis && !may_ask(q->at)) {
        q->fault = "the Redis did not answer a moment ago";
        return false;
    }
    return true;
}

static eg_state_answer end_away(const question_of *q)
{
    note_failure(q);
    say_away(q);
    return EG_STATE_AWAY;
}

static eg_state_answer end_question(const question_of *q, eg_state_answer answer)
{
    apr_int64_t took = apr_time_now() - q->began;

    if (took > 0) {
        atomic_fetch_add(&q->at->microseconds, (unsigned long long)took);
        add_longest(q->at, (unsigned long long)took);
    }
    if (answer == EG_STATE_AWAY) {
        if (q->at->is_redis)
            atomic_store(&q->at->rest_until, eg_steady_clock() + REST);
        return end_away(q);
    }
    if (atomic_load(&q->at->rest_until))
        atomic_store(&q->at->rest_until, 0);
    if (atomic_load(&q->at->is_away) && atomic_exchange(&q->at->is_away, 0))
        say_back(q);
    return answer;
}

static const char *explain_redis(request_rec *r, const eg_redis_answer *said)
{
    return apr_pstrcat(r->pool, "the Redis ", eg_redis_explain(said), NULL);
}

/* --- single use --------------------------------------------------------------------------------- */

/* Where a clock is set back, tokens that were over become young again, and the marks of some are gone. */
static bool is_over_for_good(eg_state_shared *at, const eg_state_mark *marks, unsigned n)
{
    long long now = apr_time_sec(apr_time_now()), latest = atomic_load(&at->latest);

    while (now > latest && !atomic_compare_exchange_weak(&at->latest, &latest, now))
        continue;
    for (unsigned i = 0; i < n; i++)
        if (marks[i].until < latest)
            return true;
    return false;
}

static eg_state_answer spend_in_redis(question_of *q, const eg_state_mark *marks, unsigned n,
                                      const unsigned char *idem)
{
    unsigned char mine[EG_STATE_ID];
    eg_redis_answer said;
    eg_state_answer answer;

    if (eg_random(eg_the_crypto(), mine, sizeof mine) != EG_OK) {
        q->fault = "there are no random numbers";
        return EG_STATE_AWAY;
    }
    answer = eg_fleet_spend(q->r, marks, n, idem, mine, &said);
    if (answer == EG_STATE_AWAY)
        q->fault = explain_redis(q->r, &said);
    return answer;
}

static eg_state_answer spend_here(question_of *q, const eg_state_mark *marks, unsigned n,
                                  const unsigned char *idem)
{
    const eg_spending wanted = {.marks = marks,
                                .n = n,
                                .idem = idem,
                                .now = apr_time_sec(apr_time_now()),
                                .steady = eg_steady_clock()};

    q->fault = "the table is held by a process that does not go on, or is smaller than one request";
    return eg_marks_spend(q->at->marks, &wanted);
}

eg_state_answer eg_state_spend(request_rec *r, const eg_state_mark *marks, unsigned n,
                               const unsigned char idem[EG_STATE_ID])
{
    question_of q;

    if (!begin_question(&q, r))
        return end_away(&q);
    if (is_over_for_good(q.at, marks, n))
        return EG_STATE_NO;
    return end_question(&q, q.at->is_redis ? spend_in_redis(&q, marks, n, idem)
                                           : spend_here(&q, marks, n, idem));
}

/* --- counts of failures ------------------------------------------------------------------------- */

static eg_state_answer count_here(question_of *q, eg_count_act act, const eg_state_count *count,
                                  const unsigned char *step)
{
    apr_int64_t now = eg_steady_clock();
    eg_counts *table = q->at->counts;

    q->fault = "shm has no room for the counts of so many callers, or is held by a process that "
               "does not go on; give it more bytes";
    switch (act) {
    case EG_COUNT_OPEN:
        return eg_counts_open(table, count, now);
    case EG_COUNT_NOTE:
        return eg_counts_note(table, count, step, now);
    case EG_COUNT_FAILED:
        return eg_counts_failed(table, count, step, now);
    case EG_COUNT_TAKE_BACK:
        return eg_counts_take_back(table, count, step, now);
    case EG_COUNT_RESET:
        break;
    }
    return eg_counts_reset(table, count, step, now);
}

static eg_state_answer count_in_redis(question_of *q, eg_count_act act, const eg_state_count *count,
                                      const unsigned char *step)
{
    eg_redis_answer said;
    eg_state_answer answer = eg_fleet_count(q->r, act, count, step, &said);

    if (answer == EG_STATE_AWAY)
        q->fault = explain_redis(q->r, &said);
    return answer;
}

static eg_state_answer do_count(request_rec *r, eg_count_act act, const eg_state_count *count,
                                const unsigned char *step)
{
    question_of q;

    if (!begin_question(&q, r))
        return end_away(&q);
    return end_question(&q, q.at->is_redis ? count_in_redis(&q, act, count, step)
                                           : count_here(&q, act, count, step));
}

eg_state_answer eg_state_open(request_rec *r, const eg_state_count *count)
{
    return do_count(r, EG_COUNT_OPEN, count, NULL);
}

eg_state_answer eg_state_note(request_rec *r, const eg_state_count *count,
                              const unsigned char step[EG_STATE_ID])
{
    return do_count(r, EG_COUNT_NOTE, count, step);
}

eg_state_answer eg_state_failed(request_rec *r, const eg_state_count *count,
                                const unsigned char step[EG_STATE_ID])
{
    return do_count(r, EG_COUNT_FAILED, count, step);
}

eg_state_answer eg_state_take_back(request_rec *r, const eg_state_count *count,
                                   const unsigned char step[EG_STATE_ID])
{
    return do_count(r, EG_COUNT_TAKE_BACK, count, step);
}

eg_state_answer eg_state_reset(request_rec *r, const eg_state_count *count,
                               const unsigned char step[EG_STATE_ID])
{
    return do_count(r, EG_COUNT_RESET, count, step);
}

bool eg_state_who(const eg_span *pieces, apr_size_t n, unsigned char who[EG_STATE_ID])
{
    const eg_state_wanted *wanted = eg_state_wanted_now();
    const eg_state_shared *at = eg_segment();
    unsigned char mac[EG_SHA256_SIZE];
    eg_span key = {NULL, 0};

    if (wanted->key)
        key = wanted->key->text;
    else if (at && !at->is_redis)
        key = (eg_span){(const char *)at->key, sizeof at->key};
    if (!key.p || !eg_the_crypto() || eg_hmac_sha256(eg_the_crypto(), key, pieces, n, mac) != EG_OK)
        return false;
    memcpy(who, mac, EG_STATE_ID);
    return true;
}

/* --- start and numbers -------------------------------------------------------------------------- */

void eg_state_reset_config(void)
{
    eg_state_reset_wanted();
}

void eg_state_open_store(apr_pool_t *ptemp, server_rec *s)
{
    eg_segment_open(ptemp, s);
    eg_state_say_room(s);
    eg_startup_ask(ptemp, s);
}

void eg_state_child_begin(apr_pool_t *pchild, server_rec *s)
{
    if (eg_segment() && eg_segment()->is_redis)
        eg_lines_begin(pchild, s);
}

static void add_table_numbers(const eg_state_shared *at, eg_state_numbers *numbers)
{
    eg_marks_numbers marks = eg_marks_count(at->marks);
    eg_counts_numbers counts = eg_counts_count(at->counts);

    numbers->marks_held = marks.held;
    numbers->marks_room = marks.room;
    numbers->marks_pushed_out = marks.pushed_out;
    numbers->counts_held = counts.held;
    numbers->counts_room = counts.room;
}

bool eg_state_numbers_now(eg_state_numbers *numbers)
{
    eg_state_shared *at = eg_segment();

    if (!at)
        return false;
    *numbers = (eg_state_numbers){.provider = at->is_redis ? "redis" : "shm",
                                  .asked = atomic_load(&at->asked),
                                  .failures = atomic_load(&at->failures),
                                  .last_failure = atomic_load(&at->last_failure),
                                  .microseconds = atomic_load(&at->microseconds),
                                  .longest = atomic_load(&at->longest),
                                  .is_away = atomic_load(&at->is_away) != 0};
    if (!at->is_redis)
        add_table_numbers(at, numbers);
    return true;
}
