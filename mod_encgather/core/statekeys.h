/* SPDX-License-Identifier: Apache-2.0
 * What the keys of a shared Redis are called. */
#ifndef EG_STATEKEYS_H
#define EG_STATEKEYS_H

#include "bytes.h"
#include "statetypes.h"

#define EG_STATE_KEY_SIZE (6 + 2 * EG_STATE_ID + 2) /* with its NUL, and a letter more */

/* "eg:t:" or "eg:l:" and an id in hexadecimal, and what stands behind it: "", or ":" and a letter. out has
 * EG_STATE_KEY_SIZE bytes. */
eg_span eg_state_key(char *out, const char *front, const unsigned char id[EG_STATE_ID],
                     const char *behind);

#define EG_STATE_OF_TOKEN "eg:t:"
#define EG_STATE_OF_COUNT "eg:l:"
#define EG_STATE_NOTES ":n" /* behind the key of a count: what is noted of it and not decided */

#endif
