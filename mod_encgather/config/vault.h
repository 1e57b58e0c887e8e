/* SPDX-License-Identifier: Apache-2.0
 * What key and token files held when they were last good: the parent's memory of it over restarts. */
#ifndef EG_VAULT_H
#define EG_VAULT_H

#include "config/config.h"

/* Of one file. Lives outside of pools, and holds no pointer into the module's code: it survives a
 * restart that unloads and loads the module. */
typedef struct eg_held {
    struct eg_held *next, *same; /* same: the next of its chain */
    char *path;
    eg_store_kind kind;
    bool is_wanted; /* named by the present configuration */
    bool is_packed; /* the secret lies among others, not in pages of its own */
    char *secret;   /* the eg_keyring, or the text that tokens point into; NULL: nothing */
    apr_size_t n;
    apr_size_t states; /* where in the secret there is room for those of the tokens; 0: nowhere */
    apr_size_t offset; /* where it is in what children are handed */
    eg_auth_tokens tokens;
    eg_key_facts facts; /* of an envelope key, which is made of the text in each child */
    struct eg_key_use *uses[EG_KEYS_MAX]; /* counters, which are not ours to know */
} eg_held;

/* Before files are read: what was read by another process is not mapped in this one, and is taken
 * for never read; so is all, and is wiped, where the module was not in the configuration before this one.
 * Nothing is wanted any more. */
void eg_vault_open(void);

eg_held *eg_vault_find(eg_store_kind kind, const char *path);

/* Puts what was read in the place of what the path held before, which is wiped. NULL where there is
 * no memory: fresh is wiped then, and all is as before. */
eg_held *eg_vault_adopt(eg_held *fresh, eg_store_kind kind, const char *path);

/* Wipes what the file held. */
void eg_held_empty(eg_held *held);

/* Wipes and forgets what no directive names any more; all of it where nothing is wanted. */
void eg_vault_drop_unwanted(void);
void eg_vault_unwant_all(void);

/* In the parent, when all is together: computes what the tokens' HMACs begin and end with, where there is room. */
void eg_held_prepare(eg_held *held, eg_crypto *crypto);

/* Brings all secrets together in as few pages as there can be; where there is no memory for that
 * they stay where they are. */
void eg_vault_pack(void);

/* False: not all is kept out of swap. */
bool eg_vault_lock(void);

/* Has every secret written at its offset. False when one could not be, or there is none. */
bool eg_vault_write(bool (*write)(const void *bytes, apr_size_t n, apr_size_t offset));

/* In a child: what the file held, where the child has it; place is where offset 0 is. */
const eg_keyring *eg_held_keys_at(const eg_held *held, const char *place);
const eg_auth_tokens *eg_held_tokens_at(const eg_held *held, const char *place, apr_pool_t *pool);
eg_span eg_held_text_at(const eg_held *held, const char *place); /* p NULL: nothing */

#endif
