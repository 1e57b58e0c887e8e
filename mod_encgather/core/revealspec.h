/* SPDX-License-Identifier: Apache-2.0
 * Which members of a JSON object, or parameters of a form, become plaintext: name[=fld], or /a/pointer[=fld]. */
#ifndef EG_REVEALSPEC_H
#define EG_REVEALSPEC_H

#include "jsonplace.h"

#define EG_REVEALED_MAX                                                                            \
    (EG_JSON_PATHS_MAX - 2) /* of one section; the call may have two names in a request */

typedef struct {
    const char *name;         /* as it is written */
    const eg_json_path *path; /* in JSON */
    bool is_pointer;          /* it names nothing in a form */
    const char *fld;          /* what its token has to say it is of */
} eg_revealed;

typedef struct {
    unsigned n;
    eg_revealed at[EG_REVEALED_MAX];
} eg_reveal_list;

/* Reads one word into one, in pool. NULL, or what is wrong with it. */
const char *eg_revealed_parse(apr_pool_t *pool, const char *word, eg_revealed *one);

/* Appends it to the list. NULL, or what is wrong with it: the same place again, or more than EG_REVEALED_MAX. */
const char *eg_reveal_list_add(apr_pool_t *pool, eg_reveal_list *list, const eg_revealed *one);

#endif
