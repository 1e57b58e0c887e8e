/* SPDX-License-Identifier: Apache-2.0
 * Counters in shared memory: exact over all children, kept over restarts. */
#include "watch/counters.h"

#include <string.h>
#include <time.h>
#include <apr_hash.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include "base/chain.h"
#include "base/scratch.h"
#include "base/log.h"
#include "core/token.h"

APLOG_USE_MODULE(encgather);

/* Another layout of anything that lies in it has another number: a graceful restart may load another build of the module, and a
 * layout can change where its size does not. */
#define RETAINED "mod_encgather:counters:3"
#define KEYS_MAX 4096 /* those that were replaced since the start, too */
#define HOSTS_MAX 1024
#define HOST_NAME 260 /* bytes: a name of the DNS, and a port */
#define MINUTE 60000000ULL
#define OTHER (HOSTS_MAX - 1) /* shared by those who came too late, or are not known to use us */

/* Apart from its counters, so that a host of which nothing is counted takes no page of memory for them. */
typedef struct {
    char name[HOST_NAME]; /* empty: free */
    atomic_uint is_busy;  /* something was counted */
} host_head;

typedef struct {
    apr_time_t since;
    eg_key_use keys[KEYS_MAX];
    host_head heads[HOSTS_MAX];
    eg_host hosts[HOSTS_MAX];
    eg_place places[EG_PLACES_MAX];
    atomic_ullong said;            /* eg_clock() of the last line that is written once a minute */
    atomic_ullong cured[EG_CURES]; /* when the last good request of its kind came */
    eg_failures failures;
    eg_minutes minutes; /* of all hosts together: a day of each would be gigabytes */
} shared_counters;

typedef struct {
    shared_counters *at;
    apr_size_t size;
} retained;

/* Keys of this reading that have no counter. */
static unsigned uncounted_keys;

/* The segment is inherited by every child, at one address; it lives as long as the parent. */
static shared_counters *counters;

/* --- made by the parent ------------------------------------------------------------------------ */

static shared_counters *make_segment(server_rec *s)
{
    apr_shm_t *segment;
    apr_status_t rv = apr_shm_create(&segment, sizeof *counters, NULL, s->process->pool);
    shared_counters *at;

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s,
                     EG_TAG("0113") "no shared memory for counters: nothing is counted");
        return NULL;
    }
    at = apr_shm_baseaddr_get(segment); /* zeros, and pages that nobody touches cost nothing */
    at->since = apr_time_now();
    apr_cpystrn(at->heads[OTHER].name, "other", sizeof at->heads[OTHER].name);
    return at;
}

static void open_segment(server_rec *s)
{
    retained *r = ap_retained_data_get(RETAINED);

    if (!r)
        r = ap_retained_data_create(RETAINED, sizeof *r);
    if (!r->at || r->size != sizeof *counters)
        *r = (retained){make_segment(s), sizeof *counters};
    counters = r->at;
}

/* What a server is found again by over restarts. */
static const char *name_of(apr_pool_t *pool, const server_rec *s)
{
    const char *name = s->server_hostname ? s->server_hostname : "-";
    apr_port_t port = s->port;

    if (!port && s->addrs)
        port = s->addrs->host_port;
    return port ? apr_psprintf(pool, "%s:%u", name, (unsigned)port) : name;
}

/* Places that are taken, by their names. */
typedef struct {
    apr_pool_t *pool;
    apr_hash_t *places; /* of host_head * */
    unsigned n;         /* they are those in front */
} taken;

static taken list_taken(apr_pool_t *pool)
{
    taken all = {pool, apr_hash_make(pool), 0};

    for (; all.n < OTHER && counters->heads[all.n].name[0]; all.n++) {
        host_head *head = &counters->heads[all.n];

        apr_hash_set(all.places, head->name, APR_HASH_KEY_STRING, head);
    }
    return all;
}

/* NULL: there is no room. */
static eg_host *find_host(taken *all, const server_rec *s)
{
    char name[HOST_NAME];
    host_head *head;

    apr_cpystrn(name, name_of(all->pool, s), sizeof name);
    head = apr_hash_get(all->places, name, APR_HASH_KEY_STRING);
    if (!head && all->n < OTHER) {
        head = &counters->heads[all->n++];
        apr_cpystrn(head->name, name, sizeof head->name);
        apr_hash_set(all->places, head->name, APR_HASH_KEY_STRING, head);
    }
    return head ? &counters->hosts[head - counters->heads] : NULL;
}

/* A virtual host that says nothing of its own shares the record of the main server: each gets one
 * of its own first. */
static bool assign_host(apr_pool_t *pconf, server_rec *s, taken *all)
{
    eg_server *server = apr_pmemdup(
        pconf, ap_get_module_config(s->module_config, &encgather_module), sizeof *server);
    eg_host *host = server->is_used > 0 ? find_host(all, s) : NULL;

    server->host = host ? host : &counters->hosts[OTHER];
    ap_set_module_config(s->module_config, &encgather_module, server);
    return host || server->is_used <= 0;
}

void eg_counters_open(apr_pool_t *pconf, server_rec *s)
{
    apr_pool_t *scratch;
    bool has_room = true;
    taken all;

    open_segment(s);
    uncounted_keys = 0;
    if (!counters)
        return;
    scratch = eg_scratch_create(pconf);
    all = list_taken(scratch);
    for (server_rec *each = s; each; each = each->next)
        has_room = assign_host(pconf, each, &all) && has_room;
    apr_pool_destroy(scratch);
    if (!has_room)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     EG_TAG("0114") "more than %d virtual hosts: the rest is counted as \"other\"",
                     OTHER);
}

eg_key_use *eg_counters_key(const char *fingerprint)
{
    for (unsigned i = 0; counters && i < KEYS_MAX; i++) {
        eg_key_use *use = &counters->keys[i];

        if (!use->fingerprint[0])
            apr_cpystrn(use->fingerprint, fingerprint, sizeof use->fingerprint);
        if (strcmp(use->fingerprint, fingerprint) == 0)
            return use;
    }
    uncounted_keys += counters != NULL;
    return NULL;
}

void eg_counters_tell(server_rec *s)
{
    if (uncounted_keys)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0154") "what %u keys of key files encrypt is not counted: there is "
                                    "room for %d since the server was started, with those that "
                                    "were replaced. Stop it and start it after many rotations, "
                                    "or let virtual hosts share key files",
                     uncounted_keys, KEYS_MAX);
}

/* --- counted by the children ------------------------------------------------------------------- */

/* Each number is right by itself; nothing is concluded from the order of two. */
static void add_to(atomic_ullong *counter, apr_uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* Before its first number is there: who sees a number must not take the host for idle. */
static void mark_busy(const eg_host *host)
{
    atomic_store_explicit(&counters->heads[host - counters->hosts].is_busy, 1,
                          memory_order_relaxed);
}

/* One more of what a host counts, also in the minute in which the request began. */
static void count_one(eg_host *host, atomic_ullong *counter, const request_rec *r)
{
    if (atomic_load_explicit(counter, memory_order_relaxed) == 0)
        mark_busy(host);
    add_to(counter, 1);
    eg_minutes_add(&counters->minutes, (unsigned)(counter - &host->webhooks[0][0]),
                   r->request_time);
}

static void count_time(eg_host *host, eg_histogram *histogram, apr_uint64_t microseconds,
                       const request_rec *r)
{
    count_one(host, &histogram->buckets[eg_bucket_of(microseconds)], r);
    add_to(&histogram->microseconds, microseconds);
}

/* NULL: nothing is counted. */
static eg_host *host_of(const request_rec *r)
{
    const eg_server *server = ap_get_module_config(r->server->module_config, &encgather_module);

    return server->host;
}

apr_uint64_t eg_clock(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_uint64_t)now.tv_sec * 1000000 + (apr_uint64_t)now.tv_nsec / 1000;
}

apr_uint64_t eg_since(apr_uint64_t started)
{
    apr_uint64_t now = eg_clock();

    return started && now > started ? now - started : 0;
}

bool eg_count_seal(eg_key_use *use)
{
    return use && eg_key_use_alarms(atomic_fetch_add(&use->seals, 1) + 1);
}

void eg_count_open(eg_key_use *use)
{
    if (use)
        add_to(&use->opens, 1);
}

void eg_count_begin(request_rec *r, eg_handler_kind handler)
{
    eg_record *state = eg_record_of(r);

    state->handler = handler;
    state->started = eg_clock();
}

static atomic_ullong *counter_of(eg_host *host, const eg_record *state, eg_outcome outcome)
{
    switch (state->handler) {
    case EG_AT_GATHER:
        return &host->webhooks[state->step][outcome];
    case EG_AT_SHIELD:
        return &host->shields[outcome];
    case EG_AT_REVEAL:
        return &host->reveals[outcome];
    default:
        return &host->decrypts[outcome];
    }
}

static bool looks_at_signatures(const eg_record *state)
{
    if (state->handler == EG_AT_REVEAL) /* a Require beside it may have */
        return state->verdict != EG_SIGNATURE_UNCHECKED;
    return state->handler == EG_AT_GATHER || state->handler == EG_AT_SHIELD;
}

/* What a shield or a reveal lets on is answered by somebody else, in his own time. */
static eg_histogram *histogram_of(eg_host *host, const eg_record *state)
{
    if (state->handler == EG_AT_GATHER)
        return &host->gather_time;
    return state->handler == EG_AT_DECRYPT ? &host->decrypt_time : NULL;
}

static void note_cure(eg_cure cure, const request_rec *r)
{
    atomic_store_explicit(&counters->cured[cure], (unsigned long long)r->request_time,
                          memory_order_relaxed);
}

static bool was_served(eg_outcome outcome)
{
    return outcome == EG_FOUND || outcome == EG_NOT_FOUND || outcome == EG_SHIELDED ||
           outcome == EG_REVEALED;
}

/* As much of text as there is room for. */
static void keep_words(char *to, apr_size_t size, const char *text)
{
    apr_size_t n = text ? strlen(text) : 0;

    memcpy(to, text ? text : "", n < size ? n : size - 1);
}

static const char *reason_of(const eg_record *state, eg_outcome outcome)
{
    if (state->reason)
        return state->reason;
    return outcome == EG_INVALID ? "keyed in wrong until the attempts were used up"
                                 : eg_outcome_of(outcome)->text;
}

static void keep_failure(eg_host *host, const request_rec *r, const eg_record *state,
                         eg_outcome outcome, eg_cause cause)
{
    eg_failure failure = {.when = r->request_time,
                          .cause = (apr_uint16_t)cause,
                          .outcome = (apr_uint16_t)outcome,
                          .tag = (apr_uint16_t)state->tag,
                          .host = (apr_uint16_t)(host - counters->hosts)};

    keep_words(failure.call, sizeof failure.call,
               apr_table_get(r->subprocess_env, "ENCGATHER_CALL"));
    keep_words(failure.step, sizeof failure.step,
               apr_table_get(r->subprocess_env, "ENCGATHER_STEP"));
    keep_words(failure.reason, sizeof failure.reason, reason_of(state, outcome));
    eg_failures_add(&counters->failures, &failure);
}

/* Why it failed, where it did. What our own call of a backend came to, whoever makes it tells. */
static void count_cause(eg_host *host, const request_rec *r, const eg_record *state,
                        eg_outcome outcome)
{
    eg_cause cause = eg_cause_of_outcome(outcome, state->verdict);

    if (!cause || eg_is_backend_call(r))
        return;
    if (state->cause)
        cause = state->cause;
    count_one(host, &host->causes[cause], r);
    keep_failure(host, r, state, outcome, cause);
}

void eg_count_answer(request_rec *r, eg_outcome outcome)
{
    eg_record *state = eg_record_of(r);
    eg_host *host = host_of(r);

    if (!host || !state->handler || state->is_counted)
        return;
    state->is_counted = true;
    count_one(host, counter_of(host, state, outcome), r);
    if (looks_at_signatures(state))
        count_one(host, &host->signatures[state->verdict], r);
    if (looks_at_signatures(state) && state->verdict == EG_SIGNATURE_VALID)
        note_cure(EG_CURED_BY_SIGNATURE, r);
    if (was_served(outcome))
        note_cure(EG_CURED_BY_CALL, r);
    if (histogram_of(host, state))
        count_time(host, histogram_of(host, state), eg_since(state->started), r);
    count_cause(host, r, state, outcome);
}

/* Of a chain of internal redirects the same request counts that the access log shows: the last one
 * where it has something to say, else the first that has. */
void eg_count_logged(request_rec *r)
{
    eg_host *host = NULL;
    const eg_record *signed_by = NULL, *denied_by = NULL;
    const request_rec *last = r;

    for (; r; last = r, r = r->next) {
        const eg_record *state = eg_record_if_any(r);

        if (!state)
            continue;
        if (state->is_counted)
            return;
        host = host_of(r);
        if (state->has_verdict && (!signed_by || !r->next))
            signed_by = state;
        if (state->result && (!denied_by || !r->next))
            denied_by = state;
    }
    if (host && signed_by)
        count_one(host, &host->signatures[signed_by->verdict], last);
    if (host && signed_by && signed_by->verdict == EG_SIGNATURE_VALID)
        note_cure(EG_CURED_BY_SIGNATURE, last);
    if (host && denied_by) {
        count_one(host, &host->denials[denied_by->result], last);
        count_cause(host, last, denied_by, denied_by->result);
    }
}

void eg_count_lookup(const request_rec *r, eg_outcome outcome)
{
    eg_host *host = host_of(r);

    if (host)
        count_one(host, &host->lookups[outcome], r);
}

void eg_count_lockout(const request_rec *r, eg_lockout_event event)
{
    eg_host *host = host_of(r);

    if (host)
        count_one(host, &host->lockouts[event], r);
}

void eg_count_backend(const request_rec *r, eg_backend_answer answer, apr_uint64_t microseconds)
{
    eg_host *host = host_of(r);

    if (!host)
        return;
    count_one(host, &host->backend[answer], r);
    count_time(host, &host->backend_time, microseconds, r);
}

/* --- places for those who wait ------------------------------------------------------------------ */

eg_place *eg_counters_places(void)
{
    return counters ? counters->places : NULL;
}

bool eg_count_minute(void)
{
    unsigned long long now = eg_clock(), last;

    if (!counters)
        return true;
    last = atomic_load(&counters->said);
    return (!last || now - last >= MINUTE) &&
           atomic_compare_exchange_strong(&counters->said, &last, now);
}

/* --- shown ------------------------------------------------------------------------------------- */

bool eg_counters_host(unsigned i, eg_shown_host *host)
{
    static const eg_host nothing;
    unsigned place;

    if (!counters || i > OTHER || (i > 0 && !counters->heads[i - 1].name[0]))
        return false;
    place = counters->heads[i].name[0] ? i : OTHER;
    host->name = counters->heads[place].name;
    host->is_idle =
        atomic_load_explicit(&counters->heads[place].is_busy, memory_order_relaxed) == 0;
    host->numbers = host->is_idle ? &nothing : &counters->hosts[place];
    return true;
}

const eg_key_use *eg_counters_key_at(unsigned i)
{
    if (!counters || i >= KEYS_MAX || !counters->keys[i].fingerprint[0])
        return NULL;
    return &counters->keys[i];
}

const eg_minutes *eg_counters_minutes(void)
{
    return counters ? &counters->minutes : NULL;
}

const eg_failures *eg_counters_failures(void)
{
    return counters ? &counters->failures : NULL;
}

apr_time_t eg_counters_cured(eg_cure cure)
{
    return counters ? (apr_time_t)atomic_load_explicit(&counters->cured[cure], memory_order_relaxed)
                    : 0;
}

const char *eg_counters_host_name(unsigned place)
{
    return counters && place < HOSTS_MAX ? counters->heads[place].name : "";
}

apr_time_t eg_counters_since(void)
{
    return counters ? counters->since : 0;
}
