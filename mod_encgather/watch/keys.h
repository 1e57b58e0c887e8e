/* SPDX-License-Identifier: Apache-2.0
 * The keys that the configuration names, for the status page: which file, since when, how often used. */
#ifndef EG_KEYS_H
#define EG_KEYS_H

#include "watch/counters.h"

typedef struct {
    const char *directive;
    const char *kid; /* "" where the file has one key without an id */
    const char *fingerprint;
    apr_time_t changed;    /* when its file was; 0: not known */
    bool seals;            /* the one that encrypts */
    bool is_expired;       /* of a certificate */
    const eg_key_use *use; /* NULL: it is not counted */
} eg_key_note;

/* In the parent, once files were read and counters given out. */
void eg_keys_look(apr_pool_t *pconf, server_rec *s);

/* From 0 on until NULL: those of the present configuration. */
const eg_key_note *eg_keys_at(unsigned i);

/* Whether a counter's key is still in one of the files. */
bool eg_keys_has(const eg_key_use *use);

#endif
