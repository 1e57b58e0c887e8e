/* SPDX-License-Identifier: Apache-2.0
 * Media types of HTTP (RFC 9110, 8.3.1). */
#ifndef EG_MEDIATYPE_H
#define EG_MEDIATYPE_H

#include <stdbool.h>

/* Whether the value of a Content-Type is this type (lower case), whatever parameters stand behind
 * it; a longer type that begins like it is another. value may be NULL. */
bool eg_media_type_is(const char *value, const char *type);

#endif
