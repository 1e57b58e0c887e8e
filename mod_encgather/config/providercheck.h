/* SPDX-License-Identifier: Apache-2.0
 * Whether a section is fit for the provider whose webhooks come there, as far as it is known before a
 * request. */
#ifndef EG_PROVIDERCHECK_H
#define EG_PROVIDERCHECK_H

#include "config/config.h"

/* An error line for each thing that cannot work. False: the start is to be refused. Once files have been
 * read; at a restart of a running server the lines are alerts, and it goes on. */
bool eg_providercheck(apr_pool_t *ptemp, server_rec *s);

/* Lines at warn for what works, but should not stay. */
void eg_providercheck_warn(apr_pool_t *ptemp, server_rec *s);

/* What only the merge of a request shows: a secret that is none of the provider's, and a value that its
 * dialect (which it has) does not take. NULL, or a sentence without paths. */
const char *eg_provider_secret_fault(apr_pool_t *pool, const eg_config *config);
const char *eg_provider_value_fault(apr_pool_t *pool, const eg_config *config);

#endif
