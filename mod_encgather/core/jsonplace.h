/* SPDX-License-Identifier: Apache-2.0
 * Where values stand in a JSON text, so that one of them is exchanged and every other byte stays. A
 * library gives values, and writes what it read in its own way. */
#ifndef EG_JSONPLACE_H
#define EG_JSONPLACE_H

#include <apr_pools.h>
#include "bytes.h"

#define EG_JSON_PATHS_MAX 64
#define EG_JSON_DEPTH_MAX 256 /* objects and arrays within each other */

/* The way to a value: names of members, or numbers of items in decimal, decoded. */
typedef struct {
    const eg_span *segments; /* from the root's members on */
    unsigned n;              /* at least 1 */
} eg_json_path;

/* A JSON pointer (RFC 6901) where it begins with "/", else the name of a member of the root; in pool.
 * NULL: not a pointer. */
const eg_json_path *eg_json_path_parse(apr_pool_t *pool, const char *text);

typedef enum {
    EG_JSON_ABSENT,
    EG_JSON_NULL,
    EG_JSON_STRING,
    EG_JSON_OTHER /* a number, true, false, an object or an array */
} eg_json_kind;

typedef struct {
    eg_json_kind kind;
    eg_span literal; /* in the text; of a string with its quotes */
} eg_json_place;

/* places[i] is where paths[i] leads, of n (at most EG_JSON_PATHS_MAX). EG_EMALFORMED: the text is not one
 * JSON object (RFC 8259) in UTF-8, is nested too deeply, or has a member twice on the way of a path. */
eg_status eg_json_locate(eg_span text, const eg_json_path *const *paths, unsigned n,
                         eg_json_place *places) EG_MUST_CHECK;

/* What the literal of a string says: out has literal.n bytes. EG_EMALFORMED: half of a surrogate pair. */
eg_status eg_json_unquote(eg_span literal, char *out, apr_size_t *n) EG_MUST_CHECK;

/* The literal that says text: out has EG_JSON_LITERAL_SIZE(text.n) bytes; returns how many were written. text is
 * UTF-8. */
#define EG_JSON_LITERAL_SIZE(n) (6 * (n) + 2)
apr_size_t eg_json_literal(eg_span text, char *out);

/* text with a literal that says values[i] where places[i] is, for each of the n whose values[i].p is not NULL; all
 * else byte for byte. Of eg_wiped_alloc(). */
eg_span eg_json_substitute(apr_pool_t *pool, eg_span text, const eg_json_place *places,
                           const eg_span *values, unsigned n);

#endif
