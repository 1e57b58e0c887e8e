/* SPDX-License-Identifier: Apache-2.0
 * Warnings about backends that cannot answer, as far as the configuration alone shows it. */
#ifndef EG_DESTINATIONS_H
#define EG_DESTINATIONS_H

#include "config/written.h"

/* A line for each EncGatherBackend that leads to a query for other fields or to where mod_proxy cannot
 * go, and for each EncGatherLookup that asks for a field that nobody has. */
void eg_destinations_check(const eg_survey *all, server_rec *s);

#endif
