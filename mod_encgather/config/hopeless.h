/* SPDX-License-Identifier: Apache-2.0
 * Warnings about what is written without an error and still cannot work, or should not stay. */
#ifndef EG_HOPELESS_H
#define EG_HOPELESS_H

#include <httpd.h>

/* A line for each location that can only fail, and for each section that works, but should not stay: at
 * start and in configtest. */
void eg_hopeless_warn(apr_pool_t *ptemp, server_rec *s);

#endif
