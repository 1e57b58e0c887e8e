/* SPDX-License-Identifier: Apache-2.0
 * What is to be said of the store that requests share. */
#ifndef EG_STOREWORDS_H
#define EG_STOREWORDS_H

#include "state/state.h"
#include "watch/snapshot.h"

/* In sentences, in the pool of the snapshot. */
const char *eg_store_words(const eg_snapshot *of, const eg_state_numbers *store);

#endif
