/* SPDX-License-Identifier: Apache-2.0
 * The configuration as it was written: which directives stand where.
 *
 * Only the text has files and lines to name, and modules do not tell each other what they are set
 * to. Which sections merge is known for a request alone; what may, and what certainly does, is
 * known from the text. */
#ifndef EG_WRITTEN_H
#define EG_WRITTEN_H

#include <stdbool.h>
#include <httpd.h>
#include <http_config.h>

/* A directive and where it stands; NULL: in the server itself. */
typedef struct {
    const ap_directive_t *node, *host, *place;
    const char *word; /* its first argument, or "" */
    const char *path; /* of the place, if that is a plain <Location> */
    bool is_early;    /* before a request is known, so no section counts */
} eg_written;

/* For a message: "section (line N of FILE)", of eg_written_section(), line and file of the node. */
#define EG_AT "%s (line %d of %s)"
#define EG_WHERE(pool, at) eg_written_section(pool, at), (at)->node->line_num, (at)->node->filename

/* All directives of that name (a section's is "<Location") in the order in which they were read, in
 * pool; of eg_written. */
apr_array_header_t *eg_written_find(apr_pool_t *pool, const char *name);
const eg_written *eg_written_item(const apr_array_header_t *list, int i);

/* "<Location /x>", "the server" */
const char *eg_written_section(apr_pool_t *pool, const eg_written *at);

/* Whether path is above or a path below it. */
bool eg_written_is_below(const char *path, const char *above);

/* Whether there may be a request for which both count. */
bool eg_written_may_meet(const eg_written *one, const eg_written *other);

/* Whether what stands at outer counts for every request for which what stands at inner does. */
bool eg_written_covers(const eg_written *outer, const eg_written *inner);

typedef enum { EG_SAYS_NOTHING, EG_IS_GOOD, EG_IS_BAD } eg_saying;

/* What a directive says about a thing. */
typedef eg_saying (*eg_written_judge)(const eg_written *at, const void *about);

/* The directive of the list that makes it bad for some request at that place, or NULL: inner
 * sections override outer ones, and what may be good is not yet good. */
const eg_written *eg_written_decides(const apr_array_header_t *list, const eg_written *place,
                                     eg_written_judge judge, const void *about);

#endif
