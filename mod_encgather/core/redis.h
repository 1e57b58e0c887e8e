/* SPDX-License-Identifier: Apache-2.0
 * A connection to a Redis that never waits for longer than it is told. The one file that knows hiredis; a build without it has
 * the same functions, which say that nothing is there. */
#ifndef EG_REDIS_H
#define EG_REDIS_H

#include <sys/socket.h>
#include "statespec.h"

#define EG_REDIS_WAIT 250 /* milliseconds, for a connection and for an answer */
#define EG_REDIS_WORD 24

/* Whether this build has hiredis. */
bool eg_redis_is_built(void);

/* --- where -------------------------------------------------------------------------------------- */

#define EG_ADDRESSES_MAX 4

/* Of one host. */
typedef struct {
    unsigned n;
    struct {
        struct sockaddr_storage at;
        socklen_t length;
    } one[EG_ADDRESSES_MAX];
} eg_addresses;

/* Without asking anybody; false: it is a name, which eg_addresses_look_up() asks the system for, as long as that takes. */
bool eg_addresses_literal(const eg_state_spec *spec, eg_addresses *found);
bool eg_addresses_look_up(const char *host, unsigned port, eg_addresses *found);

/* --- what it says ------------------------------------------------------------------------------- */

typedef enum {
    EG_REDIS_NUMBER,
    EG_REDIS_TEXT,     /* the last element, where it is a list */
    EG_REDIS_NOTHING,  /* nil, or an empty list */
    EG_REDIS_ERROR,    /* word: what it begins with, LOADING say */
    EG_REDIS_NAMELESS, /* the system does not know its name, or not in time */
    EG_REDIS_REFUSED,  /* nobody takes the connection */
    EG_REDIS_BARRED,   /* this user may not connect */
    EG_REDIS_CLOSED,   /* the connection is gone */
    EG_REDIS_SILENT,   /* time is up */
    EG_REDIS_ODD       /* not the protocol, or no memory */
} eg_redis_kind;

typedef struct {
    eg_redis_kind kind;
    long long number;
    char word[EG_REDIS_WORD];
    eg_span text; /* in the pool that was given; else not kept */
} eg_redis_answer;

/* What to tell an operator of an answer that is none: "answers LOADING: ...". Never what it said itself, but for that word. */
const char *eg_redis_explain(const eg_redis_answer *answer);

/* --- a connection ------------------------------------------------------------------------------- */

typedef struct eg_redis eg_redis;

typedef struct {
    const char *user;
    eg_span password; /* p NULL: none */
    unsigned db;
} eg_redis_login;

/* The login goes out with what is asked first. NULL: why says so. Times are of eg_steady_clock(). */
eg_redis *eg_redis_connect(const eg_addresses *at, const eg_redis_login *login, apr_int64_t until,
                           eg_redis_answer *why);
void eg_redis_close(eg_redis *redis);

/* A command in n words, and its answer. Text is kept in pool, where there is one. After any of the last six kinds, and an error
 * of the login, the connection is of no use any more. */
eg_redis_answer eg_redis_ask(eg_redis *redis, const eg_span *words, unsigned n, apr_int64_t until,
                             apr_pool_t *pool);
bool eg_redis_is_usable(const eg_redis *redis);

#endif
