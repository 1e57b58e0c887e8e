/* SPDX-License-Identifier: Apache-2.0
 * Names of parameters that no field can have: the module's own, and those that webhooks come with. */
#ifndef EG_RESERVED_H
#define EG_RESERVED_H

#include "bytes.h"

/* Whether the name belongs to the module or to a provider's webhooks, whichever provider it is: a
 * field of that name would be read as something else. Names are compared with case. */
bool eg_is_reserved(eg_span name);

#endif
