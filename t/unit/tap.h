/* SPDX-License-Identifier: Apache-2.0
 * The Test Anything Protocol, as little of it as the unit tests need. */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* One test each, named printf-style. What differs goes to standard error. All return cond. */
bool ok(bool cond, const char *name, ...) __attribute__((format(printf, 2, 3)));
bool is_int(long long got, long long want, const char *name, ...)
    __attribute__((format(printf, 3, 4)));
bool is_str(const char *got, const char *want, const char *name, ...)
    __attribute__((format(printf, 3, 4)));
bool is_bytes(const void *got, size_t got_n, const void *want, size_t want_n, const char *name, ...)
    __attribute__((format(printf, 5, 6)));

/* A test that this machine cannot run, and why. */
void skip(const char *why);

/* Writes the plan. Returns main's exit code: 0 only when tests ran and all passed. */
int done_testing(void);

/* The bytes in an allocation of just that size, so that a sanitizer sees the first one too far. */
char *exact_copy(const void *bytes, size_t n);

#define COUNT(array) (sizeof(array) / sizeof *(array))

#endif
