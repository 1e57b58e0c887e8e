/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with a section that has a shield, as far as it is known before a request. */
#ifndef EG_SHIELDCHECK_H
#define EG_SHIELDCHECK_H

#include "base/module.h"

/* One error line for each section that cannot work; false where the server must not start. Once files are read. */
bool eg_shieldcheck(apr_pool_t *ptemp, server_rec *s);

/* What holds against the administrator's word. */
void eg_shieldcheck_warn(apr_pool_t *ptemp, server_rec *s);

#endif
