/* SPDX-License-Identifier: Apache-2.0
 * Sentences with the members of the backend's JSON in them. */
#ifndef EG_SAY_H
#define EG_SAY_H

#include <apr_pools.h>
#include <apr_tables.h>
#include "bytes.h"

typedef enum { EG_SAY_TEXT, EG_SAY_MEMBER, EG_SAY_SPELL } eg_say_kind;

typedef struct {
    eg_say_kind kind;
    const char *text; /* the literal text, or the member's name */
} eg_say_part;

/* A template like "Your account is %{spell:account}", taken apart. */
typedef struct {
    apr_array_header_t *parts; /* of eg_say_part */
} eg_say;

/* Takes a template apart into pool. EG_EMALFORMED: "%{" without "}", or an empty name. */
eg_status eg_say_parse(apr_pool_t *pool, const char *text, eg_say *say) EG_MUST_CHECK;

/* Looks a member up: its text in pool, or NULL when it is missing or cannot be said. */
typedef const char *(*eg_member_fn)(const void *from, const char *name, apr_pool_t *pool);

/* The sentence, or NULL when a member is missing: no sentence with a hole. */
const char *eg_say_expand(apr_pool_t *pool, const eg_say *say, eg_member_fn member,
                          const void *from);

/* The name of the first member for which there is nothing to say; NULL where there is none. */
const char *eg_say_hole(apr_pool_t *pool, const eg_say *say, eg_member_fn member, const void *from);

/* The characters (UTF-8) of a text with a blank between them. */
const char *eg_spell(apr_pool_t *pool, const char *text);

#endif
