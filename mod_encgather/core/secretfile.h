/* SPDX-License-Identifier: Apache-2.0
 * Reads a file that holds secrets, after checking that nobody else can read or replace it. */
#ifndef EG_SECRETFILE_H
#define EG_SECRETFILE_H

#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "bytes.h"
#include "problem.h"

typedef enum {
    EG_FILE_OK,
    EG_FILE_BAD,       /* why says what to put right */
    EG_FILE_UNREADABLE /* this user may not read it, which says nothing about the file */
} eg_file_verdict;

/* The content of a file in memory of its own (eg_secret_map_alone): wiped by eg_secretfile_free(). */
typedef struct {
    char *bytes;
    apr_size_t n;
} eg_secretfile;

/* Directories from which files are served; each is resolved once, however many files there are. */
typedef struct {
    apr_hash_t *written;      /* a directory, without a slash at its end: how it was written */
    const char *incomparable; /* one of which it is not known where it is, and errno's reason */
    int error;
} eg_docroots;

/* written: of const char *. */
eg_docroots *eg_docroots_create(apr_pool_t *pool, const apr_array_header_t *written);

/* What a file of one kind has to be. */
typedef struct {
    apr_size_t max;              /* bytes */
    const eg_docroots *docroots; /* it must not lie below; NULL: none */
    bool is_public;              /* anybody may read it, and still nobody else may write it */
    apr_hash_t *
        good; /* directories that were found to be in order, so that those of a thousand files are looked at
                                    once; in the pool that is given for reading. NULL: none is remembered */
} eg_secretfile_rules;

/* Opens path (links are followed, a FIFO does not block), then checks the opened file: regular,
 * owned by root or the effective user, no permission for group and others, 1 to max bytes, no
 * directory above it, as written or as resolved, that others can write without the sticky bit.
 * Where that user is not root, one of his groups may read root's file: mode 0440 or less. What is
 * public may be read by all.
 * pool is for names and groups only; with directories that are remembered it has to live as long as they. */
eg_file_verdict eg_secretfile_read(apr_pool_t *pool, const char *path,
                                   const eg_secretfile_rules *rules, eg_secretfile *file,
                                   eg_problem *why);

void eg_secretfile_free(eg_secretfile *file);

#endif
