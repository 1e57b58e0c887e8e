/* SPDX-License-Identifier: Apache-2.0
 * Whether formats, keys and fields of a section go together, as far as it is known before a request. */
#ifndef EG_TOKENCHECK_H
#define EG_TOKENCHECK_H

#include <stdbool.h>
#include <httpd.h>

/* An error line for each section whose tokens cannot work. False: the start is to be refused. Once files
 * have been read; at a restart of a running server the lines are alerts, and it goes on. */
bool eg_tokencheck(apr_pool_t *ptemp, server_rec *s);

/* A warning for each section whose tokens work, and may not for long, or protect less than they seem to. */
void eg_tokencheck_warn(apr_pool_t *ptemp, server_rec *s);

#endif
