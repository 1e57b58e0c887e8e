/* SPDX-License-Identifier: Apache-2.0
 * Requests that belong together: redirects and sub-requests of one that a client sent. */
#include "base/chain.h"

#include <string.h>
#include "base/slots.h"

typedef struct {
    bool calls_backend;
    apr_time_t deadline; /* of that call; 0: none yet */
} chain_state;

request_rec *eg_root_of(request_rec *r)
{
    for (;;) {
        if (r->prev)
            r = r->prev;
        else if (r->main && !eg_is_backend_call(r))
            r = r->main;
        else
            return r;
    }
}

/* What a CGI program leads on to by its Location is a GET, whatever the client's line says. */
bool eg_has_become_get(const request_rec *r)
{
    apr_size_t n = strlen(r->method);

    return r->prev && r->method_number == M_GET && r->the_request &&
           (strncmp(r->the_request, r->method, n) != 0 || r->the_request[n] != ' ');
}

request_rec *eg_logged_of(request_rec *r)
{
    while (r->main)
        r = r->main;
    return r;
}

bool eg_is_error_page(const request_rec *r)
{
    return r->prev && r->status != HTTP_OK;
}

bool eg_is_behind_error(const request_rec *r)
{
    for (; r->prev; r = r->prev)
        if (r->status != HTTP_OK || r->prev->status != HTTP_OK)
            return true;
    return false;
}

static void set_backend_call(request_rec *r, bool calls)
{
    chain_state *state = eg_slot_of(r, EG_SLOT_CHAIN, sizeof *state);

    *state = (chain_state){.calls_backend = calls};
}

void eg_backend_call_begins(request_rec *r)
{
    set_backend_call(r, true);
}

void eg_backend_call_ends(request_rec *r)
{
    set_backend_call(r, false);
}

void eg_backend_call_has_until(request_rec *r, apr_time_t deadline)
{
    chain_state *state = eg_slot_of(r, EG_SLOT_CHAIN, sizeof *state);

    state->deadline = deadline;
}

apr_time_t eg_backend_deadline(const request_rec *r)
{
    const chain_state *state = r->main ? eg_slot_if_any(r->main, EG_SLOT_CHAIN) : NULL;

    return state && state->calls_backend ? state->deadline : 0;
}

bool eg_is_backend_call(const request_rec *r)
{
    const chain_state *state = r->main ? eg_slot_if_any(r->main, EG_SLOT_CHAIN) : NULL;

    return state && state->calls_backend;
}
