/* SPDX-License-Identifier: Apache-2.0
 * The only file that knows jansson: JSON in and out. */
#ifndef EG_JSON_H
#define EG_JSON_H

#include <apr_pools.h>
#include "bytes.h"

/* A JSON object; freed with the pool it was made in. */
typedef struct eg_json eg_json;

/* Parses one JSON object (RFC 8259), UTF-8, no name twice, no NUL in a string. NULL: it is not. An
 * integer that 64 bits do not hold is a member that cannot be said. */
eg_json *eg_json_parse(apr_pool_t *pool, eg_span text);

/* Why a text is no JSON object: words of our own, which repeat nothing of it, and up to which byte
 * it was read. */
typedef struct {
    const char *what;
    apr_size_t at;
} eg_json_fault;

/* The same for what a backend answers: a byte order mark in front of it is skipped. fault is set
 * where NULL is returned. */
eg_json *eg_json_parse_answer(apr_pool_t *pool, eg_span text, eg_json_fault *fault);

/* One without members, for eg_json_set(). */
eg_json *eg_json_new(apr_pool_t *pool);

/* A member that is a string, or EG_EMISSING. It points into the object. */
eg_status eg_json_string(const eg_json *object, const char *name, eg_span *value) EG_MUST_CHECK;

/* A member that is an integer (written without fraction and exponent), or EG_EMISSING. */
eg_status eg_json_integer(const eg_json *object, const char *name,
                          apr_int64_t *value) EG_MUST_CHECK;

/* A member that is an object, until the pool of the outer one goes; NULL: there is none. */
const eg_json *eg_json_inner(const eg_json *object, const char *name, apr_pool_t *pool);

/* How many members it has; 0 where it is NULL. */
apr_size_t eg_json_size(const eg_json *object);

/* Whether there is a member of that name, whatever it is. */
bool eg_json_has(const eg_json *object, eg_span name);

/* How a member is said: a string as it is, an integer in decimal, another number as short as it
 * reads back, true and false as words; NULL for anything else, and where object is NULL. Fits
 * eg_member_fn of say.h. */
const char *eg_json_text(const void *object, const char *name, apr_pool_t *pool);

/* Why eg_json_text() has nothing for a member that is there, in words of our own: "null", "an
 * array"; NULL where it has, and where there is no such member. */
const char *eg_json_unsayable(const eg_json *object, const char *name);

/* Sets a member of one that eg_json_new() made to a string, or to null where value.p is NULL; both are
 * copied. EG_EMALFORMED: not UTF-8, or the object is one that was read. */
eg_status eg_json_set(eg_json *object, const char *name, eg_span value) EG_MUST_CHECK;

/* Compact text in pool of one that eg_json_new() made, members in the order they were set. */
const char *eg_json_dump(const eg_json *object, apr_pool_t *pool);

#endif
