/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with a file, in the words an administrator can act on. */
#ifndef EG_PROBLEM_H
#define EG_PROBLEM_H

/* One line, without the name of the directive and the file: those the caller puts in front. */
typedef struct {
    char text[512];
} eg_problem;

/* printf-style. Never pass a byte of a key, a token or anything a caller sent. */
void eg_problem_set(eg_problem *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
