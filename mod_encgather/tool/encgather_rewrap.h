/* SPDX-License-Identifier: Apache-2.0
 * The two halves of encgather rewrap: what becomes of a line, and going on with an output file. */
#ifndef EG_TOOL_REWRAP_H
#define EG_TOOL_REWRAP_H

#include "encgather_io.h"
#include "encgather_tokens.h"

typedef struct {
    const eg_tool *tool;
    const eg_token_setup *setup;
    const char *const *key_files; /* those that an output must not be; up to a NULL */
    apr_pool_t *pool;             /* cleared, and so wiped, behind each line */
    eg_reader in;
    int out;
    const char *out_name;
    apr_off_t written; /* bytes of whole lines in an output file */
    bool to_file;      /* --output */
    bool bad_lines;    /* some were copied because no key opens them */
    bool failed;       /* OpenSSL did: what the line holds is not known */
    bool told_loss;    /* that hex keeps neither call nor field nor time */
} eg_rewrap;

/* A token taken apart; a line that holds none (blank, or a comment) is copied as it is. */
typedef struct {
    eg_status status; /* of opening it; EG_EMISSING: what it would have to be bound to is not known;
                 * EG_ETOOMANY: it would become longer than would be read */
    bool is_token;
    bool is_current;  /* it is what it is to become: not opened where that needs a key of others */
    unsigned format;  /* that it has */
    unsigned becomes; /* that it gets */
    eg_sealing anew;  /* how, with its own time, call and field where it has them */
    eg_span plain;    /* in the job's pool */
    eg_span line_end; /* a CR, or nothing */
} eg_opened;

eg_opened eg_rewrap_open_line(eg_rewrap *job, eg_span line);

/* The complaint about a line that OpenSSL failed on. */
eg_exit eg_rewrap_give_up(const eg_rewrap *job) EG_MUST_CHECK;

/* Whether the line goes into the output as it is. */
bool eg_rewrap_is_kept(const eg_opened *opened);

/* The complaint about a line that is left though it has a token. */
void eg_rewrap_note_bad(eg_rewrap *job, const eg_opened *opened);

/* Opens the output file, alone, and reads as many lines of input as it has: each has to be what
 * rewrap makes of the other. A torn last line is cut off. Nothing is changed in a file that does
 * not fit. */
eg_exit eg_rewrap_resume(eg_rewrap *job) EG_MUST_CHECK;

#endif
