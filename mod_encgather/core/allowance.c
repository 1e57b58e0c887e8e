/* SPDX-License-Identifier: Apache-2.0
 * How often something may be done: some times at once, and then once a second. */
#include "allowance.h"

#define SECOND 1000000

bool eg_allowance_take(eg_allowance *allowance, uint64_t most, uint64_t now)
{
    uint64_t seconds = now > allowance->last ? (now - allowance->last) / SECOND : 0;
    uint64_t room = allowance->left < most ? most - allowance->left : 0;

    allowance->last += seconds * SECOND;
    allowance->left += seconds < room ? seconds : room;
    if (allowance->left == 0)
        return false;
    allowance->left--;
    return true;
}
