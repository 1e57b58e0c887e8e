/* SPDX-License-Identifier: Apache-2.0
 * The directives of what hosts share. */
#ifndef EG_DIRECTIVES_STATE_H
#define EG_DIRECTIVES_STATE_H

#include "config/config.h"

/* Both return NULL or a message. */
const char *eg_set_state_cache(cmd_parms *cmd, void *config, int argc, char *const argv[]);
const char *eg_set_single_use(cmd_parms *cmd, void *config, int on);

#endif
