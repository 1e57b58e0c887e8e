/* SPDX-License-Identifier: Apache-2.0
 * Looks for secrets in the memory of this process. They are kept so that they do not find themselves. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Makes room for what is looked for, which a child process may fill in: what the making of a secret
 * leaves behind is gone with it. */
bool memory_begin(void);

/* From now on every 8 bytes of it (from its start, in steps of 8) are looked for. */
void memory_look_for(const char *name, const void *secret, size_t n);

/* The name of a secret of which some 8 bytes are found in writable memory, and where; or NULL. */
const char *memory_find(char *where, size_t size);

/* Whether this build lets memory be searched: a sanitizer's own is too large. */
bool memory_is_searchable(void);

#endif
