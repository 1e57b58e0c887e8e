/* SPDX-License-Identifier: Apache-2.0
 * Whether this host's clock is right, as far as its kernel knows. */
#include "watch/hostclock.h"

#include <sys/timex.h>

eg_hostclock eg_hostclock_ask(void)
{
    struct timex state = {.modes = 0}; /* asks, and sets nothing */
    int rc = adjtimex(&state);

    return (eg_hostclock){.is_known = rc >= 0,
                          .is_kept = rc >= 0 && rc != TIME_ERROR && !(state.status & STA_UNSYNC),
                          .within_ms = state.maxerror / 1000};
}
