/* SPDX-License-Identifier: Apache-2.0
 * What a fuzz target has, and what it gets. Linked with libFuzzer it looks for inputs that break a
 * property; linked with replay.c it runs those that are kept in corpus/. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <apr_pools.h>
#include "core/crypto.h"

/* --- what every target defines ------------------------------------------------------------------- */

/* Runs one input. The pool is fresh; each of its allocations is a block of malloc(3) of just that
 * size, so that a sanitizer sees the first byte too far. */
void fuzz_one(apr_pool_t *pool, eg_span input);

/* For the mutator: where an input may be cut, and what may be put in. */
typedef struct {
    const char *name; /* of the corpus */
    const char *separators;
    const char *const *atoms; /* up to a NULL */
} fuzz_grammar;

extern const fuzz_grammar fuzz_target;

/* --- what a target is checked by ----------------------------------------------------------------- */

/* The input breaks a property unless cond. */
#define HOLDS(cond, property)                                                                      \
    do {                                                                                           \
        if (!(cond))                                                                               \
            fuzz_broken(property, __FILE__, __LINE__);                                             \
    } while (0)

_Noreturn void fuzz_broken(const char *property, const char *file, int line);

/* Once the pool is gone, none of its blocks may hold these bytes. */
void fuzz_must_vanish(eg_span secret);

/* Whether a block of the pool holds these bytes now. */
bool fuzz_pool_holds(eg_span bytes);

/* --- what targets have in common ----------------------------------------------------------------- */

eg_crypto *fuzz_crypto(void);
eg_crypto *fuzz_crypto_without_random(void);

/* Takes a line off the input: without its line end, which is gone too. */
eg_span fuzz_line(eg_span *rest);

/* A copy up to the first NUL. */
const char *fuzz_string(apr_pool_t *pool, eg_span bytes);

bool fuzz_contains(eg_span in, eg_span what);

/* A number that depends on all bytes, to choose by. */
unsigned fuzz_choice(eg_span bytes);

/* The length of the UTF-8 sequence at the front, by table 3-7 of the Unicode standard, and its code
 * point; 0 where it is none. */
size_t fuzz_utf8(eg_span text, unsigned *code);
bool fuzz_is_utf8(eg_span text);

/* Exchanges letters, digits and signs among themselves: what a parser says of the result may not
 * differ when its words depend on the form alone. "#", "-", "_" and everything else stay. */
char *fuzz_disguise(apr_pool_t *pool, eg_span text);

/* --- libFuzzer's interface ----------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

#endif
