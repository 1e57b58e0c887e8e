/* SPDX-License-Identifier: Apache-2.0
 * What the doctor asks of the machine: backends, the clock, the server that runs. */
#ifndef EG_TOOL_ASK_H
#define EG_TOOL_ASK_H

#include "encgather_dump.h"

/* Where the backend of a place is, and whether somebody takes connections there. Nothing is sent. */
void eg_ask_backend(const eg_dump *dump, const eg_record *place);

/* Whether the store of EncGatherStateCache answers, and is set up for what it is for. Of a Redis offline says nothing. */
void eg_ask_store(const eg_dump *dump, bool offline);

/* Whether the kernel knows that its clock is right; of nobody outside of this machine. */
void eg_ask_clock(const eg_dump *dump);

/* Whether a server runs, and whether files changed after it read them. */
void eg_ask_process(const eg_dump *dump, bool is_expected);

#endif
