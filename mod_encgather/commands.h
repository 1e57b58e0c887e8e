/* SPDX-License-Identifier: Apache-2.0
 * The directives, and which room sets each. */
#ifndef EG_COMMANDS_H
#define EG_COMMANDS_H

#include <httpd.h>
#include <http_config.h>

extern const command_rec eg_commands[];

#endif
