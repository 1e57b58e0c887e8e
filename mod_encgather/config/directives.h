/* SPDX-License-Identifier: Apache-2.0
 * What the files of directives share. */
#ifndef EG_DIRECTIVES_H
#define EG_DIRECTIVES_H

#include "encgather.h"

/* A message of the form that httpd puts behind "Syntax error on line ...". */
const char *eg_complain(cmd_parms *cmd, const char *what);

/* Whether there is neither a blank nor a control character in it. */
bool eg_is_clean_word(const char *text);

/* The call: fields, sentences, what goes to the backend. All return NULL or a message. */
const char *eg_add_field(cmd_parms *cmd, void *config, const char *args);
const char *eg_set_say(cmd_parms *cmd, void *config, const char *word, const char *text);
const char *eg_set_then(cmd_parms *cmd, void *config, const char *word, const char *action);
const char *eg_set_voice(cmd_parms *cmd, void *config, const char *voice, const char *language);
const char *eg_set_forward(cmd_parms *cmd, void *config, int argc, char *const argv[]);

/* The query of decrypt-gather. */
const char *eg_set_lookup(cmd_parms *cmd, void *config, int argc, char *const argv[]);
void eg_lookups_reset(apr_pool_t *pconf);

/* A handler is enabled somewhere. */
void eg_config_note_handler(cmd_parms *cmd);

#endif
