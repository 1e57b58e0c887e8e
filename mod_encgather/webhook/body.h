/* SPDX-License-Identifier: Apache-2.0
 * The one owner of request bodies: what the client sent is read once, kept, replayed to whoever
 * answers, hidden from error pages, read to its end or the connection closed, and wiped. */
#ifndef EG_BODY_H
#define EG_BODY_H

#include <stdbool.h>
#include <httpd.h>
#include "base/outcome.h"

typedef enum {
    EG_BODY_UNREAD, /* still on its way, as far as we know */
    EG_BODY_WHOLE,  /* read to its end; also where there is none */
    EG_BODY_PART,   /* reading stopped at a limit; the rest is still on its way */
    EG_BODY_BROKEN  /* it broke off, came too slowly, or is no body */
} eg_body_state;

/* Of one client request. The buffer grows by copying and wiping, and is wiped with the pool. */
typedef struct eg_body {
    bool expected;       /* the headers spoke of one */
    apr_off_t announced; /* its length in bytes; -1: none was said */
    bool is_read_ahead;  /* for a page that may have parts of ours */
    bool leads_to_ours;  /* a location on the way of its request has a handler or Require of ours */
    bool was_begun;      /* somebody else had read of it when we began to */
    eg_body_state state;
    int status;  /* what httpd found wrong with it; 0: nothing */
    char *bytes; /* NULL while there are none */
    apr_size_t n;
    apr_size_t size;
} eg_body;

/* Whether the headers of this request speak of a body that is not empty. */
bool eg_has_body(const request_rec *r);

/* The body of the client request that r belongs to (eg_root_of), made on first use, before anybody
 * changes the headers; nothing is read yet. */
eg_body *eg_body_of(request_rec *r);

/* Whoever refuses it, and for whatever: an error page gets nothing of it. */
void eg_body_leads_to_ours(request_rec *r);

/* Whether the headers announce more than limit bytes. */
bool eg_body_announces_more(const eg_body *body, apr_size_t limit);

/* Reads the body through the filters of r, unless that was done before: EG_GOING_ON, EG_TOO_LARGE
 * (more than limit bytes; an announced one is not read at all), EG_TIMEOUT or EG_MALFORMED. What
 * httpd finds wrong with it is not answered by httpd but left in body->status. */
eg_outcome eg_body_read(request_rec *r, apr_size_t limit);

/* For whoever refuses r: the body is read to its end within limit, or the connection closes after
 * the answer. No byte of it can become a request. */
void eg_body_end(request_rec *r, apr_size_t limit);

/* Whoever reads the body of r from here on gets what was kept, then the rest if there is any. */
void eg_body_replay(request_rec *r);

/* The same, past all filters that look into contents: they have had the body when it was read through them. */
void eg_body_replay_alone(request_rec *r);

/* The same for a call of our own: sub, which a client did not send, gets a body of n bytes. */
void eg_body_lend(request_rec *sub, const char *bytes, apr_size_t n);

/* The body is another one from here on: n bytes of eg_wiped_alloc(). The one before is wiped. */
void eg_body_become(eg_body *body, char *bytes, apr_size_t n);

/* Once it was read: whether another module had read it before, and may be the one who hands it on. */
bool eg_body_was_taken(request_rec *r);

/* Once it was read: whether another length came than was announced, or nothing of one without a length that another module
 * had read. One that reads and hands on all of it, as mod_security does, is not meant. */
bool eg_body_may_lack_some(request_rec *r);

/* Where mod_request, or eg_body_lend(), has kept the body of r for others, they get this one, too. */
void eg_body_keep_anew(request_rec *r);

/* What was kept is wiped now. */
void eg_body_wipe(eg_body *body);

void eg_body_register_hooks(apr_pool_t *pool);

#endif
