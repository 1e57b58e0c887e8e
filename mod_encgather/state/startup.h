/* SPDX-License-Identifier: Apache-2.0
 * What a Redis is asked once, while the server starts. */
#ifndef EG_STARTUP_H
#define EG_STARTUP_H

#include <httpd.h>

/* Warns where it forgets what it must not, or does not answer. A second at most. */
void eg_startup_ask(apr_pool_t *ptemp, server_rec *s);

#endif
