/* SPDX-License-Identifier: Apache-2.0
 * The grammar of RFC 8259 and nothing else, to hold a JSON parser against. */
#ifndef RFC8259_H
#define RFC8259_H

#include "fuzz.h"

/* Whether the text is a JSON object in UTF-8, as far as the grammar goes: names may repeat. How many
 * members it has is told, members of members not counted. */
bool rfc8259_is_object(eg_span text, size_t *members);

/* Whether all of the text is one number. */
bool rfc8259_is_number(eg_span text);

#endif
