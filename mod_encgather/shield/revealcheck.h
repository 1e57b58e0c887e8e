/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with a section that has a reveal, as far as it is known before a request. */
#ifndef EG_REVEALCHECK_H
#define EG_REVEALCHECK_H

#include <stdbool.h>
#include "base/module.h"

/* One error line for each section that cannot work; false where the server must not start. */
bool eg_revealcheck(apr_pool_t *ptemp, server_rec *s);

#endif
