/* SPDX-License-Identifier: Apache-2.0
 * Names of which a request may have one at most. */
#include "nameonce.h"

static apr_uint64_t bit_of_length(apr_size_t n)
{
    return (apr_uint64_t)1 << (n < 63 ? n : 63);
}

void eg_names_begin(eg_names_once *names)
{
    names->n = 0;
    names->lengths = 0;
}

void eg_names_add(eg_names_once *names, eg_span name)
{
    names->seen[names->n] = false;
    names->at[names->n++] = name;
    names->lengths |= bit_of_length(name.n);
}

bool eg_names_any_twice(eg_names_once *names, const eg_params *params)
{
    for (apr_size_t i = 0; i < params->n; i++) {
        const eg_span name = params->at[i].name;

        for (unsigned k = 0; k < names->n && (names->lengths & bit_of_length(name.n)); k++) {
            if (!eg_span_eq(name, names->at[k]))
                continue;
            if (names->seen[k])
                return true;
            names->seen[k] = true;
        }
    }
    return false;
}
