/* SPDX-License-Identifier: Apache-2.0
 * EncGatherSingleUse: a token that was opened once is no token any more. */
#ifndef EG_SINGLEUSE_H
#define EG_SINGLEUSE_H

#include "config/config.h"
#include "base/outcome.h"
#include "core/format.h"

/* The tokens of one request, as they are opened. */
typedef struct {
    apr_array_header_t *marks;  /* of eg_state_mark; NULL: they may be used again */
    apr_array_header_t *fields; /* of const char * */
} eg_uses;

/* Before the first one. */
void eg_uses_begin(request_rec *r, const eg_config *config, eg_uses *uses);

/* One more, which is authentic and fits. EG_MISCONFIGURED, with its line in the log, where that cannot be. */
eg_outcome eg_uses_add(request_rec *r, const eg_config *config, const char *field,
                       const eg_opened_token *opened, eg_uses *uses);

/* When all are. EG_GOING_ON: they are used now. EG_BAD_TOKEN: at least one was used before, and *fields names them all.
 * EG_UNAVAILABLE: nobody knows. */
eg_outcome eg_uses_spend(request_rec *r, const eg_uses *uses, const char **fields);

/* An error line for each section where tokens cannot be good once. False: the start is to be refused; at a restart of a running
 * server the lines are alerts, and it goes on. */
bool eg_singleuse_check(apr_pool_t *ptemp, server_rec *s);

#endif
