/* SPDX-License-Identifier: Apache-2.0
 * Tokens become values again, in a JSON object or in a form. */
#ifndef EG_DISCLOSE_H
#define EG_DISCLOSE_H

#include "shield/admit.h"

/* Of a request whose body was read whole. fault: what is wrong with the location, or NULL; it counts once the body is
 * seen to be well-formed. EG_REVEALED: it has another body; EG_PASSED: there was no token. Else
 * nothing was changed and it must not go on: EG_MALFORMED, EG_TOO_LARGE, EG_BAD_TOKEN, EG_UNAVAILABLE or EG_MISCONFIGURED,
 * each with its line in the log. */
eg_outcome eg_disclose(eg_guarded *g, const char *fault);

#endif
