/* SPDX-License-Identifier: Apache-2.0
 * Which parameters of a form become tokens: name[=MIN-MAX][:fld], and what is found by it. */
#ifndef EG_SHIELDSPEC_H
#define EG_SHIELDSPEC_H

#include <apr_pools.h>
#include "bytes.h"

#define EG_SHIELDED_MAX 64         /* of one section */
#define EG_SHIELDED_VALUE_MAX 4096 /* bytes of a value, decoded: more fit into no token */

typedef struct {
    eg_span name;           /* as it is decoded */
    apr_size_t least, most; /* bytes of the decoded value, 1 to EG_SHIELDED_VALUE_MAX */
    bool has_range;         /* it was written; else longer values are meant, too */
    eg_span fld;            /* what the token says it is of */
} eg_shielded;

typedef struct {
    bool observes; /* nothing is replaced */
    unsigned n;
    eg_shielded at[EG_SHIELDED_MAX];
} eg_shield_list;

/* Reads one word into one, which points into word afterwards. NULL, or what is wrong with it. */
const char *eg_shielded_parse(apr_pool_t *pool, const char *word, eg_shielded *one);

/* Appends it to the list. NULL, or what is wrong with it: one that is there already may have the same name for
 * values of other lengths alone, and there are EG_SHIELDED_MAX of them at most. */
const char *eg_shield_list_add(apr_pool_t *pool, eg_shield_list *list, const eg_shielded *one);

/* What is said of a value of that length under that name, or NULL: it stays as it is. */
const eg_shielded *eg_shielded_find(const eg_shield_list *list, eg_span name, apr_size_t length);

/* Whether the list has that name. */
bool eg_shield_list_names(const eg_shield_list *list, eg_span name);

#endif
