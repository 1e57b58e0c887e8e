/* SPDX-License-Identifier: Apache-2.0
 * What the core is for, a scenario for each capability: does it once and says how it ended. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <apr_pools.h>
#include "core/crypto.h"
#include "faults.h"

/* How a scenario ended; a set of these is what is allowed. */
enum {
    GOOD = 1,        /* done, and the result is right */
    NO_CRYPTO = 2,   /* refused: the cryptography or the random source failed */
    NO_MEMORY = 4,   /* refused: no memory */
    NOT_TRUSTED = 8, /* refused: the file cannot be looked at, or cannot be read */
    NOT_OURS = 16,   /* refused: the token or the signature is not authentic */
    WRONG = 32       /* anything else: never allowed */
};

typedef struct {
    const char *name;
    int (*run)(eg_crypto *crypto, apr_pool_t *pool);
    bool has_crypto;     /* it needs one, which is made while the fault is armed */
    unsigned most;       /* calls of one function are enough; 0: all */
    int allowed[CAUSES]; /* beside what every scenario may do, see core.c */
} scenario;

extern const scenario scenarios[];
extern const unsigned scenarios_count;

#endif
