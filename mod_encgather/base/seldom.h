/* SPDX-License-Identifier: Apache-2.0
 * What a stranger could cause at will, and a child does once a second at most. */
#ifndef EG_SELDOM_H
#define EG_SELDOM_H

#include <stdbool.h>
#include <apr.h>

/* The second in which it was done last; all zeros at first. One for each thing that is done seldom, of all
 * threads. */
typedef struct {
    volatile apr_uint32_t last;
} eg_seldom;

/* Whether it may be done now: true for one caller in each second. */
bool eg_once_a_second(eg_seldom *seldom);

#endif
