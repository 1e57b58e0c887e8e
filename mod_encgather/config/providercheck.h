/* SPDX-License-Identifier: Apache-2.0
 * Whether a section is fit for the provider whose webhooks come there, as far as it is known before a
 * request. */
#ifndef EG_PROVIDERCHECK_H
#define EG_PROVIDERCHECK_H

#include <stdbool.h>
#include <httpd.h>

/* An error line for each thing that cannot work. False: the start is to be refused. Once files have been
 * read; at a restart of a running server the lines are alerts, and it goes on. */
bool eg_providercheck(apr_pool_t *ptemp, server_rec *s);

#endif
