/* SPDX-License-Identifier: Apache-2.0
 * EncGatherReveal. */
#ifndef EG_DIRECTIVES_REVEAL_H
#define EG_DIRECTIVES_REVEAL_H

#include "config/config.h"

/* Returns NULL or a message. */
const char *eg_add_reveal(cmd_parms *cmd, void *config, int argc, char *const argv[]);

#endif
