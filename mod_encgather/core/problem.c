/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with a file, in the words an administrator can act on. */
#include "problem.h"

#include <stdarg.h>
#include <stdio.h>

void eg_problem_set(eg_problem *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
}
