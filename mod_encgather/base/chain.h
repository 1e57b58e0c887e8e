/* SPDX-License-Identifier: Apache-2.0
 * Requests that belong together: redirects and sub-requests of one that a client sent. */
#ifndef EG_CHAIN_H
#define EG_CHAIN_H

#include <stdbool.h>
#include <httpd.h>

/* The request that the client sent, behind redirects and sub-requests; a backend call of our own is
 * a request of its own. */
request_rec *eg_root_of(request_rec *r);

/* The request that is logged: what a sub-request was made for. */
request_rec *eg_logged_of(request_rec *r);

/* ErrorDocument redirects with the status that it is for; what a script or mod_rewrite redirects goes on
 * with 200. */
bool eg_is_error_page(const request_rec *r);

/* An error page, or what one has led on to, with whatever status: of a request that was refused, or went wrong. */
bool eg_is_behind_error(const request_rec *r);

/* Whether httpd has made a GET of what was sent: whoever redirected has read the body, and nobody else gets one. */
bool eg_has_become_get(const request_rec *r);

/* Between the two calls every sub-request of r is our call of the backend. */
void eg_backend_call_begins(request_rec *r);
void eg_backend_call_ends(request_rec *r);

/* When the answer of r's call must be there; and, to whoever answers it, 0 where that is not known. */
void eg_backend_call_has_until(request_rec *r, apr_time_t deadline);
apr_time_t eg_backend_deadline(const request_rec *r);

/* Whether this request is the module's own call of its backend. */
bool eg_is_backend_call(const request_rec *r);

#endif
