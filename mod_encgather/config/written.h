/* SPDX-License-Identifier: Apache-2.0
 * The configuration as it was written (ap_conftree): which directives stand where, and which of them
 * may count for the same request.
 *
 * Merged sections would not do: only the text has files and lines to name, and which sections merge is
 * known for a request alone. So a directive may count for a location wherever that cannot be ruled
 * out, and counts for certain where nothing stands between. */
#ifndef EG_WRITTEN_H
#define EG_WRITTEN_H

#include <stdbool.h>
#include <apr_hash.h>
#include <httpd.h>
#include <http_config.h>

/* What is looked for. */
typedef enum {
    EG_WRITTEN_HANDLER,
    EG_WRITTEN_BACKEND,
    EG_WRITTEN_LOOKUP,
    EG_WRITTEN_KEYS,
    EG_WRITTEN_RECIPIENT,
    EG_WRITTEN_PRIVATE_KEY,
    EG_WRITTEN_TOKENS,
    EG_WRITTEN_SIGNATURE,
    EG_WRITTEN_TIMEOUT,
    EG_WRITTEN_PROVIDER,
    EG_WRITTEN_FIELD,
    EG_WRITTEN_FORWARD,
    EG_WRITTEN_EXPOSE,
    EG_WRITTEN_SHIELD,
    EG_WRITTEN_PROXY_PASS,
    EG_WRITTEN_TLS_ENGINE,
    EG_WRITTEN_KINDS
} eg_written_kind;

/* A directive and where it stands; NULL: in the server itself. */
typedef struct {
    const ap_directive_t *node, *host, *place;
    const char *word; /* its first argument */
    const char *path; /* of the place, if that is a plain <Location> */
    bool
        is_conditional; /* an <If>, or another section that not every request is in, is around it */
    bool is_early;      /* before a request is known, so no section counts */
    int next;           /* the place of the next one of its host in its list; 0: it is the last */
} eg_finding;

typedef struct {
    apr_pool_t *pool;
    apr_array_header_t *found[EG_WRITTEN_KINDS]; /* of eg_finding, in the order of the text */
    apr_hash_t *hosts; /* what a host has: those of others need not be gone through for it */
    struct eg_written_chains *common; /* what is in no host */
} eg_survey;

/* On its way through a list. */
typedef struct {
    const apr_array_header_t *list;
    int own, common; /* the next place of either; -1: no further one */
    bool is_whole;
} eg_scan;

/* "%s (line %d of %s)", for a finding: a section, and where the directive stands */
#define EG_AT "%s (line %d of %s)"
#define EG_PLACE(pool, at)                                                                         \
    eg_written_section((pool), (at)), (at)->node->line_num, (at)->node->filename

/* Good as long as pool, and until another pool is asked for. */
const eg_survey *eg_written_look(apr_pool_t *pool);
const eg_finding *eg_written_at(const eg_survey *all, eg_written_kind what, int i);
/* What may count for requests of that host, in the order of the text: what stands in it and what stands in no host;
 * NULL: all. Then one after the other, and NULL at the end. */
eg_scan eg_written_scan(const eg_survey *all, eg_written_kind what, const ap_directive_t *host);
const eg_finding *eg_written_next(eg_scan *scan);
const char *eg_written_name(eg_written_kind what);                      /* of the directive */
const char *eg_written_section(apr_pool_t *pool, const eg_finding *at); /* "<Location /x>" */

/* Whether there may be a request for which both count. */
bool eg_written_may_meet(const eg_finding *one, const eg_finding *other);

/* Whether there is one of that kind that may count where `at` does. */
bool eg_written_is_there(const eg_survey *all, eg_written_kind what, const eg_finding *at);

/* The section whose directives of that kind count last for every request for a path in a host, if
 * nothing uncertain is in between: any finding of it, or NULL. host: NULL for the server itself. */
const eg_finding *eg_written_last(const eg_survey *all, eg_written_kind what,
                                  const ap_directive_t *host, const char *path);

/* Whether it may count for some requests for that path, and not for others. with_below: or for a path
 * below that one. */
bool eg_written_may_be(const eg_finding *found, const ap_directive_t *host, const char *path,
                       bool with_below);

/* Whether a <Location> counts behind it wherever both do: it is in a <Directory> or <Files>. */
bool eg_written_is_of_files(const eg_finding *found);

/* Whether a <Location> of that path is around another: "/a" and "/a/" are around "/a" and "/a/b". */
bool eg_written_is_below(const char *path, const char *above);

/* --- by any name --- */

/* All directives of that name (a section's is "<Location") in the order in which they were read, in
 * pool; of eg_finding. */
apr_array_header_t *eg_written_find(apr_pool_t *pool, const char *name);
const eg_finding *eg_written_item(const apr_array_header_t *list, int i);

/* Whether what stands at outer counts for every request for which what stands at inner does. */
bool eg_written_covers(const eg_finding *outer, const eg_finding *inner);

typedef enum { EG_SAYS_NOTHING, EG_IS_GOOD, EG_IS_BAD } eg_saying;

/* What a directive says about a thing. */
typedef eg_saying (*eg_written_judge)(const eg_finding *at, const void *about);

/* The directive of the list that makes it bad for some request at that place, or NULL: inner
 * sections override outer ones, and what may be good is not yet good. */
const eg_finding *eg_written_decides(const apr_array_header_t *list, const eg_finding *place,
                                     eg_written_judge judge, const void *about);

#endif
