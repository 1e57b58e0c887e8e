/* SPDX-License-Identifier: Apache-2.0
 * The Test Anything Protocol, as little of it as the unit tests need. */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int tests, failures;

__attribute__((format(printf, 2, 0))) static bool report(bool cond, const char *name, va_list args)
{
    char text[256];

    (void)vsnprintf(text, sizeof text, name, args);
    printf("%sok %d - ", cond ? "" : "not ", ++tests);
    for (const char *p = text; *p; p++)
        putchar(*p >= ' ' && *p <= '~' ? *p : '.');
    putchar('\n');
    fflush(stdout); /* what a fork would print again, and what a crash would lose */
    failures += !cond;
    return cond;
}

#define REPORT(cond)                                                                               \
    do {                                                                                           \
        va_list args;                                                                              \
        va_start(args, name);                                                                      \
        (void)report((cond), name, args);                                                          \
        va_end(args);                                                                              \
    } while (0)

bool ok(bool cond, const char *name, ...)
{
    REPORT(cond);
    return cond;
}

bool is_int(long long got, long long want, const char *name, ...)
{
    REPORT(got == want);
    if (got != want)
        fprintf(stderr, "#   got: %lld\n#  want: %lld\n", got, want);
    return got == want;
}

bool is_str(const char *got, const char *want, const char *name, ...)
{
    bool same = got && want ? strcmp(got, want) == 0 : got == want;

    REPORT(same);
    if (!same)
        fprintf(stderr, "#   got: %s\n#  want: %s\n", got ? got : "NULL", want ? want : "NULL");
    return same;
}

bool is_bytes(const void *got, size_t got_n, const void *want, size_t want_n, const char *name, ...)
{
    bool same = got_n == want_n && (want_n == 0 || memcmp(got, want, want_n) == 0);

    REPORT(same);
    if (!same)
        fprintf(stderr, "#   got: %zu bytes: %.*s\n#  want: %zu bytes: %.*s\n", got_n, (int)got_n,
                (const char *)got, want_n, (int)want_n, (const char *)want);
    return same;
}

void skip(const char *why)
{
    printf("ok %d # skip %s\n", ++tests, why);
}

int done_testing(void)
{
    printf("1..%d\n", tests);
    return tests == 0 || failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

char *exact_copy(const void *bytes, size_t n)
{
    char *copy = malloc(n ? n : 1);

    if (!copy)
        abort();
    if (n)
        memcpy(copy, bytes, n);
    return copy;
}
