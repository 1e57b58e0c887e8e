/* SPDX-License-Identifier: Apache-2.0
 * Values become tokens: in the body, in the query, wherever a request shows either. */
#ifndef EG_REPLACE_H
#define EG_REPLACE_H

#include "shield/admit.h"

/* Of what was admitted. EG_SHIELDED: the request goes on with tokens, and with a signature of its own or none.
 * EG_PASSED: as it came. Else it must not go on: EG_MALFORMED, EG_TOO_LARGE, or EG_MISCONFIGURED, which is
 * logged. */
eg_outcome eg_replace(eg_guarded *g);

#endif
