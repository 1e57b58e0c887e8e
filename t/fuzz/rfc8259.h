/* SPDX-License-Identifier: Apache-2.0
 * The grammar of RFC 8259 and nothing else, to hold a JSON parser against. */
#ifndef RFC8259_H
#define RFC8259_H

#include "fuzz.h"

/* Whether the text is a JSON object in UTF-8, as far as the grammar goes: names may repeat. */
bool rfc8259_is_object(eg_span text);

/* Whether all of the text is one number. */
bool rfc8259_is_number(eg_span text);

#endif
