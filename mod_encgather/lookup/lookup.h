/* SPDX-License-Identifier: Apache-2.0
 * The database side of decrypt-gather, through mod_dbd. */
#ifndef EG_LOOKUP_H
#define EG_LOOKUP_H

#include "config/config.h"
#include "core/json.h"
#include "base/outcome.h"

/* Runs the location's query for the plaintext of each demanded field (NUL-terminated); with a blind
 * index for one key of the ring after the other, until a row is found. EG_FOUND with the columns of
 * the one row in *row, EG_NOT_FOUND for no row or several, EG_UNAVAILABLE (logged) when the
 * database does not answer. */
eg_outcome eg_lookup_run(request_rec *r, const eg_span *plain, eg_json **row);

#endif
