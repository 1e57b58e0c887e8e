/* SPDX-License-Identifier: Apache-2.0
 * Counters in shared memory: exact over all children, kept over restarts. */
#ifndef EG_COUNTERS_H
#define EG_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include "core/histogram.h"
#include "config/config.h"
#include "watch/causes.h"
#include "watch/failures.h"
#include "core/minutes.h"
#include "watch/record.h"

/* All children add to them at once: a lock would be one for each process. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && sizeof(atomic_ullong) == 8,
               "the counters need 64-bit atomics without locks");

/* How often a key was used, by all children since the server was started. */
typedef struct eg_key_use {
    char fingerprint[9]; /* empty: free */
    atomic_ullong seals;
    atomic_ullong opens;
} eg_key_use;

typedef struct {
    atomic_ullong buckets[EG_BUCKETS];
    atomic_ullong microseconds;
} eg_histogram;

/* How a backend answered. */
typedef enum {
    EG_BACKEND_FOUND,
    EG_BACKEND_NOT_FOUND,  /* 404 */
    EG_BACKEND_REFUSED,    /* any other status, that of a proxy included */
    EG_BACKEND_BROKEN,     /* cut off, or neither a JSON object nor TwiML */
    EG_BACKEND_TIMEOUT,    /* EncGatherTimeout, or a proxy's */
    EG_BACKEND_TOO_LARGE,  /* more than 64 KiB */
    EG_BACKEND_UNANSWERED, /* nobody in this server takes the path */
    EG_BACKEND_ANSWERS
} eg_backend_answer;

/* What EncGatherLockout did. */
typedef enum {
    EG_LOCKOUT_LOCKED,    /* turned away */
    EG_LOCKOUT_FAILED,    /* not found, and counted */
    EG_LOCKOUT_UNCOUNTED, /* no value that it could be counted by */
    EG_LOCKOUT_AWAY,      /* the state could not be asked */
    EG_LOCKOUT_EVENTS
} eg_lockout_event;

/* What one virtual host has seen: nothing but counters, and each has a cell in the ring of minutes, in the same order. */
typedef struct eg_host {
    atomic_ullong webhooks[EG_STEPS][EG_OUTCOMES];
    atomic_ullong decrypts[EG_OUTCOMES];
    atomic_ullong shields[EG_OUTCOMES];
    atomic_ullong reveals[EG_OUTCOMES];
    atomic_ullong denials[EG_OUTCOMES]; /* by "Require twilio-signature" */
    atomic_ullong signatures[EG_VERDICTS];
    atomic_ullong lookups[EG_OUTCOMES];
    atomic_ullong backend[EG_BACKEND_ANSWERS];
    atomic_ullong lockouts[EG_LOCKOUT_EVENTS];
    atomic_ullong causes[EG_CAUSES]; /* of failures */
    eg_histogram gather_time, decrypt_time, backend_time;
} eg_host;

#define EG_HOST_CELLS (sizeof(eg_host) / sizeof(atomic_ullong))
_Static_assert(EG_HOST_CELLS <= EG_CELLS, "a minute has room for all that a host counts");

/* Of a request that waits for the database. */
typedef struct {
    atomic_llong owner;  /* the child's process id; 0: free */
    atomic_ullong since; /* eg_clock(); 0: just taken */
} eg_place;

#define EG_PLACES_MAX 1024

/* --- by the parent ----------------------------------------------------------------------------- */

/* Before children are made, again at every restart: each server gets its eg_server.host. */
void eg_counters_open(apr_pool_t *pconf, server_rec *s);

/* The counter of a key, taken if it has none yet; NULL when there is no room or no memory. */
eg_key_use *eg_counters_key(const char *fingerprint);

/* When all have asked: a line in the log where there was no room. */
void eg_counters_tell(server_rec *s);

/* --- by the children --------------------------------------------------------------------------- */

/* Counts one encryption; true when the number calls for a new key (half of the 2^32 that NIST
 * SP 800-38D, 8.3 allows for random nonces), once for each such number. use may be NULL. */
bool eg_count_seal(eg_key_use *use);
void eg_count_open(eg_key_use *use);

/* Around the work of a handler, a shield or a reveal: where it takes over, and once what it answers, or that the request
 * goes on, is decided, before that is sent: who has the answer finds it counted. */
void eg_count_begin(request_rec *r, eg_handler_kind handler);
void eg_count_answer(request_rec *r, eg_outcome outcome);

/* What no handler of ours answered, when it is logged: denials of "Require twilio-signature", and
 * the signatures of what it let through. A log_transaction hook. */
void eg_count_logged(request_rec *r);

void eg_count_lookup(const request_rec *r, eg_outcome outcome);
void eg_count_lockout(const request_rec *r, eg_lockout_event event);
void eg_count_backend(const request_rec *r, eg_backend_answer answer, apr_uint64_t microseconds);

/* Microseconds of a clock that nobody sets, 0 where it cannot be read; and how many of them have gone
 * by since then, 0 where one of the two is not known. */
apr_uint64_t eg_clock(void);
apr_uint64_t eg_since(apr_uint64_t started);

/* EG_PLACES_MAX of them, shared by all children; NULL where there is no shared memory. */
eg_place *eg_counters_places(void);

/* True once a minute, for all children together. */
bool eg_count_minute(void);

/* --- by whoever shows them --------------------------------------------------------------------- */

/* A host as it is shown. */
typedef struct {
    const char *name;
    const eg_host *numbers;
    bool is_idle; /* nothing was counted of it: all of its numbers are 0 */
} eg_shown_host;

/* From 0 on until false; hosts that are configured no more are still there. The counters of an idle one are not looked at: a look
 * alone would take memory, kilobytes for each of them. */
bool eg_counters_host(unsigned i, eg_shown_host *host);
const eg_key_use *eg_counters_key_at(unsigned i);
/* The minutes of all hosts together, and the last failures; NULL where nothing is counted. */
const eg_minutes *eg_counters_minutes(void);
const eg_failures *eg_counters_failures(void);
/* When the last request came that cured something of that kind; 0: none. */
apr_time_t eg_counters_cured(eg_cure cure);
/* The name of a host by the place that a failure has kept. */
const char *eg_counters_host_name(unsigned place);
/* When counting began; 0 where nothing is counted. */
apr_time_t eg_counters_since(void);

#endif
