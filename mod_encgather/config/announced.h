/* SPDX-License-Identifier: Apache-2.0
 * What the log says at start of files of keys and tokens: a line each, or, of many, one for all. */
#ifndef EG_ANNOUNCED_H
#define EG_ANNOUNCED_H

#include "config/config.h"

/* By kind: how many files, and how many keys or tokens are in them. */
typedef struct {
    unsigned files[EG_STORE_KINDS];
    apr_size_t contents[EG_STORE_KINDS];
} eg_announced;

/* Counts a file of which there will be something to say. */
void eg_announced_count(eg_announced *all, const eg_store_entry *entry);

/* Its line: at notice, where its kind has many files at info. All were counted before. */
void eg_announced_tell(const eg_announced *all, server_rec *s, const eg_store_entry *entry,
                       eg_crypto *crypto);

/* The line of each kind that has many. */
void eg_announced_sum_up(const eg_announced *all, server_rec *s);

#endif
