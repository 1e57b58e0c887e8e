/* SPDX-License-Identifier: Apache-2.0
 * A JSON object that is put together here: its members are strings and nulls, in one pool. */
#ifndef EG_JSONMADE_H
#define EG_JSONMADE_H

#include <apr_pools.h>
#include <apr_tables.h>
#include "bytes.h"

typedef struct {
    eg_span name, value; /* each with a NUL behind it; value.p NULL: null */
} eg_json_member;

/* In the order they were set; each name once, all of it UTF-8. */
typedef struct {
    apr_array_header_t *members; /* of eg_json_member */
} eg_json_made;

void eg_json_made_begin(apr_pool_t *pool, eg_json_made *made);

/* Copies both. One that is there already keeps its place. EG_EMALFORMED: not UTF-8. */
eg_status eg_json_made_set(eg_json_made *made, eg_span name, eg_span value) EG_MUST_CHECK;

/* NULL: there is none of that name. */
const eg_json_member *eg_json_made_find(const eg_json_made *made, eg_span name);

/* Compact text in pool. What RFC 8259 does not want escaped is not. */
const char *eg_json_made_write(const eg_json_made *made, apr_pool_t *pool);

#endif
