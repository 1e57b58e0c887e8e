/* SPDX-License-Identifier: Apache-2.0
 * Directives of tokens: their format, to whom they are sealed, how long they are good. */
#ifndef EG_DIRECTIVES_TOKENS_H
#define EG_DIRECTIVES_TOKENS_H

#include "config/config.h"

/* All return NULL or a message. */
const char *eg_set_token_format(cmd_parms *cmd, void *config, int argc, char *const argv[]);
const char *eg_add_recipient(cmd_parms *cmd, void *config, int argc, char *const argv[]);
const char *eg_add_private_key(cmd_parms *cmd, void *config, int argc, char *const argv[]);
const char *eg_set_token_ttl(cmd_parms *cmd, void *config, const char *text);

#endif
