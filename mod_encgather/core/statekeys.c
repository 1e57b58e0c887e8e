/* SPDX-License-Identifier: Apache-2.0
 * What the keys of a shared Redis are called. */
#include "statekeys.h"

#include <apr_strings.h>

eg_span eg_state_key(char *out, const char *front, const unsigned char id[EG_STATE_ID],
                     const char *behind)
{
    char hex[2 * EG_STATE_ID + 1];

    eg_hex_encode(hex, id, EG_STATE_ID);
    apr_snprintf(out, EG_STATE_KEY_SIZE, "%s%s%s", front, hex, behind);
    return eg_span_of(out);
}
