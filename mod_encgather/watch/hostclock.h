/* SPDX-License-Identifier: Apache-2.0
 * Whether this host's clock is right, as far as its kernel knows. */
#ifndef EG_HOSTCLOCK_H
#define EG_HOSTCLOCK_H

#include <stdbool.h>

typedef struct {
    bool is_known;  /* false: the kernel does not tell */
    bool is_kept;   /* something keeps it right */
    long within_ms; /* how far it may be off, where it is kept */
} eg_hostclock;

eg_hostclock eg_hostclock_ask(void);

#endif
