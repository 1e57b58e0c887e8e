/* SPDX-License-Identifier: Apache-2.0
 * How keys and tokens get from the parent to children that serve, and to nobody else.
 *
 * Secrets of the parent are mapped in no process that it forks (eg_secret_map_alone). They wait in a
 * sealed file in memory, whose descriptor every new process closes before it does anything else. Of
 * each fork there is a socket between the two; when the MPM announces that the new process is a
 * child of its, the parent sends the descriptor over it. Helpers of other modules are forked in the
 * same way, but nobody announces them: there is no list of them to be kept, and none to be forgotten. */
#ifndef EG_HANDOVER_H
#define EG_HANDOVER_H

#include <stdbool.h>
#include <httpd.h>
#include <ap_mpm.h>

/* --- by the parent ----------------------------------------------------------------------------- */

/* From now on every process that this one forks begins with forget(), where only async-signal-safe
 * functions may be called. */
void eg_handover_watch(void (*forget)(void));

/* Makes the file anew, and puts bytes into it; then nobody can change it any more, and children
 * that are forked from now on get it. False: there is no such file. */
bool eg_handover_open(void);
bool eg_handover_write(const void *bytes, apr_size_t n, apr_size_t offset);
bool eg_handover_seal(void);

/* The parent's end of it: what children have mapped they keep. */
void eg_handover_close(void);

/* A child_status hook: sends the file to a child that has been started. */
void eg_handover_announced(server_rec *s, pid_t pid, ap_generation_t generation, int slot,
                           mpm_child_status status);

/* --- by a child that serves -------------------------------------------------------------------- */

/* Whether the parent had something to hand over when it forked this process. */
bool eg_handover_is_due(void);

/* Waits for the file and maps it, for reading alone; NULL when none comes, or it is not meant for
 * this process. is_locked: it is kept out of swap. */
const char *eg_handover_take(bool *is_locked);

#endif
