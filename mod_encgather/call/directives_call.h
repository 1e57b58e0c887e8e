/* SPDX-License-Identifier: Apache-2.0
 * Directives about the call: fields, sentences, what goes to the backend. */
#ifndef EG_DIRECTIVES_CALL_H
#define EG_DIRECTIVES_CALL_H

#include "config/config.h"

/* All return NULL or a message. */
const char *eg_add_field(cmd_parms *cmd, void *config, const char *args);
const char *eg_set_say(cmd_parms *cmd, void *config, const char *word, const char *text);
const char *eg_set_then(cmd_parms *cmd, void *config, const char *word, const char *action);
const char *eg_set_voice(cmd_parms *cmd, void *config, const char *voice, const char *language);
const char *eg_add_forward(cmd_parms *cmd, void *config, int argc, char *const argv[]);
const char *eg_set_lockout(cmd_parms *cmd, void *config, int argc, char *const argv[]);

#endif
