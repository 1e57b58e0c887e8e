/* SPDX-License-Identifier: Apache-2.0
 * A writer of flat JSON objects, one a line, for programs that read what we know. */
#ifndef EG_JSONLINE_H
#define EG_JSONLINE_H

#include <apr_pools.h>
#include <apr_tables.h>
#include "bytes.h"

/* Grows in its pool. Only what anybody may know comes here: it is not wiped. */
typedef struct {
    apr_pool_t *pool;
    apr_array_header_t *pieces; /* of const char * */
} eg_jsonline;

/* text in quotation marks, in pool: all but printable ASCII and well-formed UTF-8 escaped; a byte that
 * is neither becomes U+FFFD. */
const char *eg_json_quote(apr_pool_t *pool, const char *text);

/* kind is the first member. */
eg_jsonline eg_jsonline_begin(apr_pool_t *pool, const char *kind);

/* A member; names are ours and need no escaping. A text that is NULL is left out. */
void eg_jsonline_text(const eg_jsonline *line, const char *name, const char *text);
void eg_jsonline_number(const eg_jsonline *line, const char *name, long number);
void eg_jsonline_flag(const eg_jsonline *line, const char *name, bool flag);

/* The whole line, with its line end. */
const char *eg_jsonline_end(const eg_jsonline *line);

#endif
