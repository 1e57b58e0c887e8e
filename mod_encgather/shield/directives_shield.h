/* SPDX-License-Identifier: Apache-2.0
 * Directives for applications that exist already. */
#ifndef EG_DIRECTIVES_SHIELD_H
#define EG_DIRECTIVES_SHIELD_H

#include "config/config.h"

/* All return NULL or a message. */
const char *eg_add_shield(cmd_parms *cmd, void *config, int argc, char *const argv[]);
const char *eg_set_resign(cmd_parms *cmd, void *config, int on);

#endif
