/* SPDX-License-Identifier: Apache-2.0
 * Where a Redis is whose address is a name, without waiting for those who know for longer than one may. */
#ifndef EG_ADDRESSES_H
#define EG_ADDRESSES_H

#include "core/redis.h"

/* In a child, from any thread; until is of eg_steady_clock(). What was found is good for half a minute, and after that for as
 * long as nothing else is found. false: nothing is known by then. */
bool eg_addresses_find(const eg_state_spec *spec, apr_int64_t until, eg_addresses *found);

/* Nobody takes a connection there: it is asked for anew next time. */
void eg_addresses_doubt(void);

/* In the parent, which has no threads: by a process of its own, that ends with the time. */
bool eg_addresses_find_once(const eg_state_spec *spec, apr_int64_t until, eg_addresses *found);

#endif
