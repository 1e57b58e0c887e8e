/* SPDX-License-Identifier: Apache-2.0
 * Warnings about what is written without an error and still cannot work, or should not stay. */
#ifndef EG_HOPELESS_H
#define EG_HOPELESS_H

#include <httpd.h>

/* At start and in configtest: a line for each location that can only fail, and one for each section that
 * works, but should not stay. */
void eg_hopeless_warn(apr_pool_t *ptemp, server_rec *s);
void eg_doubtful_warn(apr_pool_t *ptemp, server_rec *s);

#endif
