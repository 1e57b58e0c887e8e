/* SPDX-License-Identifier: Apache-2.0
 * application/x-www-form-urlencoded, decoded in place (WHATWG URL 5.1, but strict). */
#ifndef EG_FORM_H
#define EG_FORM_H

#include <apr_pools.h>
#include "bytes.h"

/* Query and body of one webhook together may have this many parameters. */
#define EG_PARAMS_MAX 256

typedef struct {
    eg_span name;
    eg_span value;
} eg_param;

typedef struct {
    eg_param *at; /* points into the buffer that was decoded */
    apr_size_t n;
} eg_params;

/* Decodes n bytes of buf in place and lists the parameters in the order sent; empty segments
 * ("&&") are none. A name without "=" has an empty value. More than max parameters is EG_ETOOMANY;
 * a "%" that two hexadecimal digits do not follow, or a NUL in any form, is EG_EMALFORMED.
 * The list is made in pool; the bytes stay the caller's to wipe, on every path. */
eg_status eg_form_parse(apr_pool_t *pool, char *buf, apr_size_t n, apr_size_t max,
                        eg_params *params) EG_MUST_CHECK;

/* What a parameter is to be instead of its value, for eg_form_substitute(): p NULL, the value stays. The text
 * goes into the form as it is, so it needs no escape; it lives as long as the pool. */
typedef eg_status (*eg_form_ask)(void *about, const eg_param *param, eg_span *instead);

/* raw with other values, and all else byte for byte. params is what eg_form_parse() made of a copy of raw. *out
 * is raw itself where every value stays, else memory of pool that is wiped when that goes, with a NUL behind it;
 * params has the values of *out then, as if that had been parsed. Whatever ask says but EG_OK ends it, and is
 * returned. */
eg_status eg_form_substitute(apr_pool_t *pool, eg_span raw, eg_params *params, eg_form_ask ask,
                             void *about, eg_span *out) EG_MUST_CHECK;

/* Percent-encodes all but letters, digits and - . _ ~ (RFC 3986, 2.3): out has 3 * text.n bytes; returns how many
 * were written. */
apr_size_t eg_form_escape(eg_span text, char *out);

/* The first parameter of that name, or NULL. */
const eg_param *eg_params_find(const eg_params *params, eg_span name);

/* How many parameters have that name; and the first of them in *first, NULL where there is none. */
apr_size_t eg_params_count(const eg_params *params, eg_span name);
apr_size_t eg_params_look_up(const eg_params *params, eg_span name, const eg_param **first);

/* Whether a raw query string names the parameter, percent-escapes in the name undone; a broken
 * escape stands for itself, so this also answers for what eg_form_parse() would refuse. */
bool eg_query_names(eg_span query, eg_span name);

#endif
