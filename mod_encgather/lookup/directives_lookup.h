/* SPDX-License-Identifier: Apache-2.0
 * The directives of decrypt-gather. */
#ifndef EG_DIRECTIVES_LOOKUP_H
#define EG_DIRECTIVES_LOOKUP_H

#include "config/config.h"

/* Returns NULL or a message. */
const char *eg_set_lookup(cmd_parms *cmd, void *config, int argc, char *const argv[]);

/* Starts to collect the queries of one reading of the configuration. */
void eg_lookups_reset(apr_pool_t *pconf);

#endif
