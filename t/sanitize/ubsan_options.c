/* SPDX-License-Identifier: Apache-2.0
 * UBSan starts with its first report, and reads its options from /proc/self/environ. A child of a server that root
 * started may not read that. */
#include <stdlib.h>

const char *__ubsan_default_options(void);

const char *__ubsan_default_options(void)
{
    const char *options = getenv("UBSAN_OPTIONS");

    return options ? options : "";
}
