/* SPDX-License-Identifier: Apache-2.0
 * Where webhooks arrive, and what is set there. */
#ifndef EG_NEIGHBOURHOOD_H
#define EG_NEIGHBOURHOOD_H

#include <apr_hash.h>
#include "config/written.h"

#define EG_SEE "; see \"Neighbours\" in the manual"

typedef struct {
    apr_pool_t *pool;
    server_rec *s;
    const apr_array_header_t
        *ours; /* of eg_finding: where webhooks arrive for a handler or a Require */
    const apr_array_header_t *webhooks; /* the same, and where for a shield */
    const apr_array_header_t *all;      /* the same, and where tokens are opened */
    apr_hash_t *lists;                  /* of eg_finding, by the name of the directive */
} eg_neighbourhood;

eg_neighbourhood eg_look_about(apr_pool_t *pool, server_rec *s);

/* All directives of that name, as eg_written_find() has them; looked for once. */
const apr_array_header_t *eg_all_of(const eg_neighbourhood *all, const char *directive);

/* Where it is configured what is done with the bytes of a connection to our place: httpd asks the
 * first host of the address. */
eg_finding eg_before_request_of(const eg_neighbourhood *all, const eg_finding *ours);

/* The directive that makes it bad at our place, or NULL. */
const eg_finding *eg_bad_setting(const eg_neighbourhood *all, const char *directive,
                                 const eg_finding *ours, eg_written_judge judge, const void *about);
/* The same of LogLevel, where a module logs at that level or more. */
const eg_finding *eg_loud_level(const eg_neighbourhood *all, const eg_finding *ours,
                                const char *module, int loud);

/* An eg_written_judge: the first argument is that word, which is bad. */
eg_saying eg_judge_word(const eg_finding *at, const void *about);

#endif
