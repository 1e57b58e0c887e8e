/* SPDX-License-Identifier: Apache-2.0
 * The arguments of EncGatherField: a name and option=value words, with quotes anywhere. */
#ifndef EG_FIELDSPEC_H
#define EG_FIELDSPEC_H

#include "flow.h"

/* Letters, digits, "_" and "-", 1 to 64 of them: fit for JSON and for a URL without escaping. */
bool eg_is_plain_name(eg_span name);

/* Parses the rest of a directive's line into field, strings in pool. Returns NULL, or what is
 * wrong and what would be right, in pool. Unset options have the defaults of the manual. */
const char *eg_field_parse(apr_pool_t *pool, const char *args, eg_field *field);

/* NULL, or what is wrong when field joins the n fields before it. */
const char *eg_field_clash(apr_pool_t *pool, const eg_field *fields, unsigned n,
                           const eg_field *field);

#endif
