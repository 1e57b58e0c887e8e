/* SPDX-License-Identifier: Apache-2.0
 * Names of which a request may have one at most. */
#ifndef EG_NAMEONCE_H
#define EG_NAMEONCE_H

#include <apr.h>
#include "flow.h"
#include "parameters.h"

#define EG_NAMES_ONCE_MAX (EG_FIELDS_MAX + 4)

/* Large, and most of it is never looked at: begun, not zeroed. */
typedef struct {
    eg_span at[EG_NAMES_ONCE_MAX];
    bool seen[EG_NAMES_ONCE_MAX];
    unsigned n;
    apr_uint64_t lengths; /* a bit for each that a name has; the last one for longer ones */
} eg_names_once;

void eg_names_begin(eg_names_once *names);

/* EG_NAMES_ONCE_MAX of them at most; name is not copied. */
void eg_names_add(eg_names_once *names, eg_span name);

/* Whether one of them is there twice, counting from eg_names_begin() on, over all params that are shown. */
bool eg_names_any_twice(eg_names_once *names, const eg_params *params);

#endif
