/* SPDX-License-Identifier: Apache-2.0
 * Directives of keys, signatures and limits, and what all files of directives share. */
#ifndef EG_DIRECTIVES_H
#define EG_DIRECTIVES_H

#include "config/config.h"

/* A message of the form that httpd puts behind "Syntax error on line ...". */
const char *eg_complain(cmd_parms *cmd, const char *what);

/* Whether there is neither a blank nor a control character in it. */
bool eg_is_clean_word(const char *text);

/* A handler is enabled somewhere. */
void eg_config_note_handler(cmd_parms *cmd);

/* The entry of a directive's file; kid: "" where it has none. NULL or a message. */
const char *eg_add_file(cmd_parms *cmd, eg_store_kind kind, const char *path, const char *kid,
                        const eg_store_entry **entry);

/* A whole number from 1 to most. NULL or a message. */
const char *eg_set_number(cmd_parms *cmd, const char *text, unsigned most, int *member);

/* All return NULL or a message. */
const char *eg_set_key_file(cmd_parms *cmd, void *config, const char *path);
const char *eg_set_token_file(cmd_parms *cmd, void *config, const char *path);
const char *eg_set_provider(cmd_parms *cmd, void *config, const char *word);
const char *eg_set_signature_check(cmd_parms *cmd, void *config, const char *word);
const char *eg_set_public_url(cmd_parms *cmd, void *config, const char *text);
const char *eg_set_backend(cmd_parms *cmd, void *config, const char *text);
const char *eg_set_max_body(cmd_parms *cmd, void *config, const char *text);
const char *eg_set_attempts(cmd_parms *cmd, void *config, const char *text);
const char *eg_set_timeout(cmd_parms *cmd, void *config, const char *text);
const char *eg_set_expose(cmd_parms *cmd, void *config, int on);
const char *eg_set_redact(cmd_parms *cmd, void *config, int argc, char *const argv[]);

#endif
