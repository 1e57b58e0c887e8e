/* SPDX-License-Identifier: Apache-2.0
 * What went wrong with a call of the backend, in words for the error log: who said no, and what an
 * administrator would look at. Nothing that a backend wrote is repeated but numbers and a media type. */
#ifndef EG_FAULT_H
#define EG_FAULT_H

#include <stdbool.h>
#include <httpd.h>
#include "core/json.h"

/* A call that is over, or was not made. */
typedef struct {
    request_rec *r;          /* the webhook's; words come from its pool */
    const request_rec *last; /* the sub-request, or where redirects within it led */
    bool has_run;            /* false: this server itself said no before anybody was called */
    int returned;            /* what the sub-request's handler returned */
    int status;              /* of HTTP */
} eg_ended;

/* Where the path leads to a handler that is no backend: which one. NULL: to none of these. */
const char *eg_fault_stranger(const request_rec *sub);

/* Whether its status was made by mod_proxy, which reached nobody. */
bool eg_fault_is_of_proxy(const eg_ended *call);

/* A status that is neither 200 nor 404. in_time: nobody gave up waiting. */
const char *eg_fault_status(const eg_ended *call, bool in_time);

const char *eg_fault_slow(const eg_ended *call);
const char *eg_fault_large(const eg_ended *call, apr_size_t most);

/* n: how many bytes the answer has. */
const char *eg_fault_json(const eg_ended *call, const eg_json_fault *fault, apr_size_t n);

#endif
