/* SPDX-License-Identifier: Apache-2.0
 * Who may have tokens opened. */
#ifndef EG_EXPOSE_H
#define EG_EXPOSE_H

#include "config/config.h"

/* Whether r may: it is this module that asks, or the location has EncGatherExpose on. */
bool eg_expose_lets(const request_rec *r, const eg_config *config);

/* Logs that it may not, and answers it; returns what a handler returns. */
int eg_expose_turn_away(request_rec *r);

#endif
