/* SPDX-License-Identifier: Apache-2.0
 * Tests of what is allowed so many times at once and then once a second, whatever the clock does. */
#include "tap.h"

#include "core/allowance.h"

#define MOST 4
#define SECOND UINT64_C(1000000)

/* How many there are at that time. */
static int taken(eg_allowance *allowance, uint64_t now)
{
    int n = 0;

    while (n < 1000 && eg_allowance_take(allowance, MOST, now))
        n++;
    return n;
}

int main(void)
{
    const uint64_t start = 5000 * SECOND;
    eg_allowance allowance = {0, 0};

    is_int(taken(&allowance, start), MOST, "some at once");
    is_int(taken(&allowance, start), 0, "and then none");
    is_int(taken(&allowance, start + SECOND - 1), 0, "for a second");
    is_int(taken(&allowance, start + SECOND), 1, "then one");
    is_int(taken(&allowance, start + SECOND + SECOND / 2), 0, "and none in the next half");
    is_int(taken(&allowance, start + 2 * SECOND), 1, "but one after both");
    is_int(taken(&allowance, start + 4 * SECOND), 2, "two after two");
    is_int(taken(&allowance, start + 1000 * SECOND), MOST, "never more than at once");
    is_int(taken(&allowance, start), 0, "none where the clock went back");
    is_int(taken(&allowance, 0), 0, "or cannot be read");
    is_int(taken(&allowance, start + 1001 * SECOND), 1, "one a second again where it is right");
    allowance = (eg_allowance){0, 0};
    is_int(taken(&allowance, 0), 0, "a clock that never could be read allows nothing");
    return done_testing();
}
