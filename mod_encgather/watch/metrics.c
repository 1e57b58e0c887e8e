/* SPDX-License-Identifier: Apache-2.0
 * What is counted, as tables that every page is made from, and as text for scrapers. */
#include "watch/metrics.h"

#include <stddef.h>
#include <string.h>
#include <apr_buckets.h>
#include <apr_strings.h>
#include "version.h"
#include "watch/state_metrics.h"

/* --- words ------------------------------------------------------------------------------------- */

#define BIT(outcome) (1u << (outcome))

/* What each place can come to. */
#define REFUSALS                                                                                   \
    (BIT(EG_METHOD) | BIT(EG_MEDIA_TYPE) | BIT(EG_TOO_LARGE) | BIT(EG_TIMEOUT) |                   \
     BIT(EG_MALFORMED) | BIT(EG_MISCONFIGURED))
#define LOOKUPS (BIT(EG_FOUND) | BIT(EG_NOT_FOUND) | BIT(EG_UNAVAILABLE))

static const char *one_of(unsigned mask, unsigned outcome)
{
    return mask & BIT(outcome) ? eg_outcome_of((eg_outcome)outcome)->word : NULL;
}

static const char *webhook_word(unsigned i)
{
    return one_of(~(BIT(EG_BAD_TOKEN) | BIT(EG_SHIELDED) | BIT(EG_REVEALED) | BIT(EG_PASSED)), i);
}

static const char *shield_word(unsigned i)
{
    return one_of(REFUSALS | BIT(EG_FORBIDDEN) | BIT(EG_SHIELDED) | BIT(EG_PASSED), i);
}

static const char *reveal_word(unsigned i)
{
    return one_of(REFUSALS | BIT(EG_FORBIDDEN) | BIT(EG_BAD_TOKEN) | BIT(EG_UNAVAILABLE) |
                      BIT(EG_REVEALED) | BIT(EG_PASSED),
                  i);
}

static const char *decrypt_word(unsigned i)
{
    return one_of(REFUSALS | LOOKUPS | BIT(EG_FORBIDDEN) | BIT(EG_BAD_TOKEN), i);
}

static const char *denial_word(unsigned i)
{
    return one_of(BIT(EG_FORBIDDEN) | BIT(EG_TOO_LARGE) | BIT(EG_TIMEOUT) | BIT(EG_MALFORMED) |
                      BIT(EG_MISCONFIGURED),
                  i);
}

static const char *lookup_word(unsigned i)
{
    return one_of(LOOKUPS, i);
}

static const char *cause_word(unsigned i)
{
    return eg_cause_of((eg_cause)i)->word;
}

static const char *step_word(unsigned i)
{
    static const char *const words[EG_STEPS] = {"unknown", "first", "middle", "last"};

    return words[i];
}

static const char *verdict_word(unsigned i)
{
    return eg_verdict_word((eg_verdict)i);
}

static const char *backend_word(unsigned i)
{
    static const char *const words[EG_BACKEND_ANSWERS] = {
        [EG_BACKEND_FOUND] = "found",          [EG_BACKEND_NOT_FOUND] = "not-found",
        [EG_BACKEND_REFUSED] = "refused",      [EG_BACKEND_BROKEN] = "broken",
        [EG_BACKEND_TIMEOUT] = "timeout",      [EG_BACKEND_TOO_LARGE] = "too-large",
        [EG_BACKEND_UNANSWERED] = "unanswered"};

    return words[i];
}

static const char *lockout_word(unsigned i)
{
    static const char *const words[EG_LOCKOUT_EVENTS] = {[EG_LOCKOUT_LOCKED] = "locked",
                                                         [EG_LOCKOUT_FAILED] = "failed",
                                                         [EG_LOCKOUT_UNCOUNTED] = "uncounted",
                                                         [EG_LOCKOUT_AWAY] = "away"};

    return words[i];
}

/* --- tables ------------------------------------------------------------------------------------ */

#define HOST(member) offsetof(eg_host, member)

const eg_family eg_families[] = {
    {"calls",
     "Calls",
     "Calls that began: first questions asked.",
     {NULL, NULL},
     {1, 1},
     {NULL, NULL},
     HOST(webhooks[EG_STEP_FIRST][EG_ASKED]),
     true},
    {"webhooks",
     "Webhooks of encrypted-gather",
     "Webhooks answered by encrypted-gather.",
     {"step", "result"},
     {EG_STEPS, EG_OUTCOMES},
     {step_word, webhook_word},
     HOST(webhooks),
     false},
    {"signatures",
     "Signatures",
     "Requests by the verdict on their X-Twilio-Signature.",
     {NULL, "verdict"},
     {1, EG_VERDICTS},
     {NULL, verdict_word},
     HOST(signatures),
     false},
    {"shields",
     "Webhooks at EncGatherShield",
     "Webhooks at locations with EncGatherShield.",
     {NULL, "result"},
     {1, EG_OUTCOMES},
     {NULL, shield_word},
     HOST(shields),
     false},
    {"reveals",
     "Requests at EncGatherReveal",
     "Requests at locations with EncGatherReveal.",
     {NULL, "result"},
     {1, EG_OUTCOMES},
     {NULL, reveal_word},
     HOST(reveals),
     false},
    {"denials",
     "Denied by Require twilio-signature",
     "Requests denied by Require twilio-signature.",
     {NULL, "result"},
     {1, EG_OUTCOMES},
     {NULL, denial_word},
     HOST(denials),
     false},
    {"backend_answers",
     "Answers of the backend",
     "Answers of the backend.",
     {NULL, "answer"},
     {1, EG_BACKEND_ANSWERS},
     {NULL, backend_word},
     HOST(backend),
     false},
    {"lockouts",
     "EncGatherLockout",
     "What EncGatherLockout did: calls turned away, failures counted, calls that could not be.",
     {NULL, "event"},
     {1, EG_LOCKOUT_EVENTS},
     {NULL, lockout_word},
     HOST(lockouts),
     false},
    {"decryptions",
     "Requests of decrypt-gather",
     "Requests answered by decrypt-gather, those of the own encrypted-gather included.",
     {NULL, "result"},
     {1, EG_OUTCOMES},
     {NULL, decrypt_word},
     HOST(decrypts),
     false},
    {"lookups",
     "Lookups in the database",
     "Lookups of decrypt-gather in its database.",
     {NULL, "outcome"},
     {1, EG_OUTCOMES},
     {NULL, lookup_word},
     HOST(lookups),
     false},
    {"failures",
     "Failures by cause",
     "Requests that failed, by cause.",
     {NULL, "cause"},
     {1, EG_CAUSES},
     {NULL, cause_word},
     HOST(causes),
     false},
    {.name = NULL}};

#define HANDLER_HELP "From a request's headers to its answer, body and backend included."

const eg_duration eg_durations[] = {{"handler_duration_seconds", "Time of encrypted-gather",
                                     HANDLER_HELP, EG_GATHER_HANDLER, HOST(gather_time)},
                                    {"handler_duration_seconds", "Time of decrypt-gather",
                                     HANDLER_HELP, EG_DECRYPT_HANDLER, HOST(decrypt_time)},
                                    {"backend_duration_seconds", "Time of the backend",
                                     "The backend's whole answer.", NULL, HOST(backend_time)},
                                    {.name = NULL}};

const eg_key_family eg_key_families[] = {
    {"key_encryptions", "encryptions", "Values encrypted under a key.", offsetof(eg_key_use, seals),
     true},
    {"key_decryptions", "decryptions", "Values decrypted under a key.", offsetof(eg_key_use, opens),
     false},
    {.name = NULL}};

const char *eg_family_word(const eg_family *family, unsigned label, unsigned i)
{
    return family->labels[label] ? family->words[label](i) : "";
}

static apr_uint64_t read_counter(const void *counter)
{
    return atomic_load_explicit((const atomic_ullong *)counter, memory_order_relaxed);
}

apr_uint64_t eg_family_value(const eg_family *family, const eg_host *host, unsigned row,
                             unsigned column)
{
    apr_size_t place = (apr_size_t)row * family->counts[1] + column;

    return read_counter((const char *)host + family->offset + place * sizeof(atomic_ullong));
}

const eg_histogram *eg_duration_of(const eg_duration *duration, const eg_host *host)
{
    const void *at = (const char *)host + duration->offset;

    return at;
}

apr_uint64_t eg_histogram_count(const eg_histogram *histogram)
{
    apr_uint64_t count = 0;

    for (unsigned i = 0; i < EG_BUCKETS; i++)
        count += read_counter(&histogram->buckets[i]);
    return count;
}

apr_uint64_t eg_key_value(const eg_key_family *family, const eg_key_use *use)
{
    return read_counter((const char *)use + family->offset);
}

/* --- text (OpenMetrics 1.0.0; Prometheus text format 0.0.4) ------------------------------------ */

typedef struct {
    apr_bucket_brigade *out;
    apr_pool_t *pool;
    eg_exposition format;
    const apr_array_header_t *hosts; /* of eg_shown_host */
    const apr_array_header_t
        *busy; /* those that are not idle: of a thousand, zeros alone would be ten megabytes */
} writer;

static void list_hosts(writer *w)
{
    apr_array_header_t *hosts = apr_array_make(w->pool, 16, sizeof(eg_shown_host));
    apr_array_header_t *busy = apr_array_make(w->pool, 16, sizeof(eg_shown_host));
    eg_shown_host host;

    for (unsigned i = 0; eg_counters_host(i, &host); i++) {
        APR_ARRAY_PUSH(hosts, eg_shown_host) = host;
        if (!host.is_idle)
            APR_ARRAY_PUSH(busy, eg_shown_host) = host;
    }
    w->hosts = hosts;
    w->busy = busy;
}

static void announce(const writer *w, const char *name, const char *type, const char *help)
{
    bool is_counter = strcmp(type, "counter") == 0;
    const char *suffix = is_counter && w->format == EG_PROMETHEUS ? "_total" : "";

    apr_brigade_printf(w->out, NULL, NULL, "# TYPE encgather_%s%s %s\n# HELP encgather_%s%s %s\n",
                       name, suffix, type, name, suffix, help);
}

/* A label's value between its quotes. */
static const char *quoted(apr_pool_t *pool, const char *text)
{
    char *out = apr_palloc(pool, 2 * strlen(text) + 1), *p = out;

    for (; *text; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n')
            *p++ = '\\';
        *p++ = (char)(*text == '\n' ? 'n' : *text);
    }
    *p = '\0';
    return out;
}

static const char *label(const writer *w, const char *name, const char *word)
{
    return name ? apr_psprintf(w->pool, ",%s=\"%s\"", name, word) : "";
}

static void write_family_of(const writer *w, const eg_family *family, const eg_shown_host *host)
{
    const char *name = quoted(w->pool, host->name);

    for (unsigned row = 0; row < family->counts[0]; row++)
        for (unsigned column = 0; column < family->counts[1]; column++) {
            const char *first = eg_family_word(family, 0, row);
            const char *second = eg_family_word(family, 1, column);

            if (first && second)
                apr_brigade_printf(w->out, NULL, NULL,
                                   "encgather_%s_total{host=\"%s\"%s%s} %" U64 "\n", family->name,
                                   name, label(w, family->labels[0], first),
                                   label(w, family->labels[1], second),
                                   eg_family_value(family, host->numbers, row, column));
        }
}

static void write_family(const writer *w, const eg_family *family)
{
    const apr_array_header_t *hosts = family->of_idle ? w->hosts : w->busy;

    announce(w, family->name, "counter", family->help);
    for (int i = 0; i < hosts->nelts; i++)
        write_family_of(w, family, &APR_ARRAY_IDX(hosts, i, eg_shown_host));
}

/* The bounds are milliseconds: what stands behind the point has its zeros taken off, but one. */
static const char *seconds(apr_pool_t *pool, unsigned milliseconds)
{
    char *text = apr_psprintf(pool, "%u.%03u", milliseconds / 1000, milliseconds % 1000);
    apr_size_t n = strlen(text);

    while (text[n - 1] == '0' && text[n - 2] != '.')
        text[--n] = '\0';
    return text;
}

/* The count is that of the buckets, read once: they never contradict each other. */
static void write_histogram(const writer *w, const char *name, const char *labels,
                            const eg_histogram *histogram)
{
    apr_uint64_t count = 0, sum = read_counter(&histogram->microseconds);

    for (unsigned i = 0; i < EG_BUCKETS; i++) {
        const char *bound = i < EG_BOUNDS ? seconds(w->pool, eg_bounds_ms[i]) : "+Inf";

        count += read_counter(&histogram->buckets[i]);
        apr_brigade_printf(w->out, NULL, NULL, "encgather_%s_bucket{%s,le=\"%s\"} %" U64 "\n", name,
                           labels, bound, count);
    }
    apr_brigade_printf(w->out, NULL, NULL,
                       "encgather_%s_sum{%s} %" U64 ".%06" U64 "\nencgather_%s_count{%s} %" U64
                       "\n",
                       name, labels, sum / 1000000, sum % 1000000, name, labels, count);
}

static void write_duration(const writer *w, const eg_duration *duration)
{
    for (int i = 0; i < w->busy->nelts; i++) {
        const eg_shown_host *host = &APR_ARRAY_IDX(w->busy, i, eg_shown_host);

        write_histogram(
            w, duration->name,
            apr_psprintf(w->pool, "host=\"%s\"%s", quoted(w->pool, host->name),
                         duration->handler ? label(w, "handler", duration->handler) : ""),
            eg_duration_of(duration, host->numbers));
    }
}

static void write_durations(const writer *w)
{
    const char *announced = "";

    for (const eg_duration *each = eg_durations; each->name; each++) {
        if (strcmp(announced, each->name) != 0)
            announce(w, each->name, "histogram", each->help);
        announced = each->name;
        write_duration(w, each);
    }
}

static bool is_unused(const eg_key_use *use)
{
    return read_counter(&use->seals) == 0 && read_counter(&use->opens) == 0;
}

/* Whoever has several servers wants to know which keys each of them has: once is enough. */
static void write_key_family(const writer *w, const eg_key_family *family)
{
    const eg_key_use *use;

    announce(w, family->name, "counter", family->help);
    for (unsigned i = 0; (use = eg_counters_key_at(i)) != NULL; i++)
        if (family->of_idle || !is_unused(use))
            apr_brigade_printf(w->out, NULL, NULL,
                               "encgather_%s_total{fingerprint=\"%s\"} %" U64 "\n", family->name,
                               use->fingerprint, eg_key_value(family, use));
}

static void write_facts(const writer *w)
{
    announce(w, "build_info", "gauge", "The version of the module, as a label.");
    apr_brigade_printf(w->out, NULL, NULL, "encgather_build_info{version=\"%s\"} 1\n", EG_VERSION);
    announce(w, "counters_start_time_seconds", "gauge", "When counting began.");
    apr_brigade_printf(w->out, NULL, NULL,
                       "encgather_counters_start_time_seconds %" APR_TIME_T_FMT "\n",
                       apr_time_sec(eg_counters_since()));
}

void eg_metrics_write(apr_bucket_brigade *out, apr_pool_t *pool, eg_exposition format)
{
    writer w = {out, pool, format, NULL, NULL};

    list_hosts(&w);
    write_facts(&w);
    for (const eg_family *each = eg_families; each->name; each++)
        write_family(&w, each);
    write_durations(&w);
    for (const eg_key_family *each = eg_key_families; each->name; each++)
        write_key_family(&w, each);
    eg_state_metrics_write(out, format);
    if (format == EG_OPENMETRICS)
        apr_brigade_puts(out, NULL, NULL, "# EOF\n");
}
