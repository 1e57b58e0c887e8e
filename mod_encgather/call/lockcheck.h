/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with an EncGatherLockout, as far as it is known before a request. */
#ifndef EG_LOCKCHECK_H
#define EG_LOCKCHECK_H

#include "base/module.h"

/* One error line for each section that could count nothing; false where the server must not start. Once files are read. */
bool eg_lockcheck(apr_pool_t *ptemp, server_rec *s);

#endif
