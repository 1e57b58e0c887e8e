/* SPDX-License-Identifier: Apache-2.0
 * Media types of HTTP (RFC 9110, 8.3.1). */
#include "mediatype.h"

#include <string.h>
#include <apr_cstr.h>

bool eg_media_type_is(const char *value, const char *type)
{
    apr_size_t n = strlen(type);

    if (!value || (strncmp(value, type, n) != 0 && apr_cstr_casecmpn(value, type, n) != 0))
        return false;
    value += n + strspn(value + n, " \t");
    return *value == '\0' || *value == ';';
}
